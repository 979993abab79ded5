"""Evidence as parts: what each answer, figure, remark, check and piece of history adds to the risk, in decibans.

log-odds(risk) = prior + Σ parts. The prior is the share of declarations of compliance that are in truth wrong, less
what the evidence on an average declaration comes to; absent evidence adds nothing. With w'z and known share k of the
variance of the liability, items add 1.69 w'z / √(1 - k) to the log-odds (`weights`), and the more is known of a
declaration the farther it can lie from the average, for which all its items together take away
1.69 t (1 / √(1 - k) - 1).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from crosscheck.risk.items import FACT, VISIT
from crosscheck.risk.weights import BETTER
from crosscheck.vocabulary import MET, is_lapse

if TYPE_CHECKING:
    import numpy.typing as npt

    from crosscheck.risk.model import RiskModel
    from crosscheck.risk.prevalence import Prevalence
    from crosscheck.risk.weights import Weighed

    Floats = npt.NDArray[np.float64]

# One row a part. `worth` is what it would add alone, `decibans` what it adds beside the others, `sd` how unsure that
# is. `part` names the evidence: one draw of its weight moves it for all declarations alike.
PARTS: Final = pl.Schema(
    {
        "org_code": pl.String(),
        "function": pl.String(),
        "family": pl.String(),
        "group": pl.String(),
        "part": pl.String(),
        "worth": pl.Float64(),
        "decibans": pl.Float64(),
        "sd": pl.Float64(),
        "reason": pl.String(),
        "source": pl.String(),
    }
)
NATS_IN_DECIBANS: Final = 10 / math.log(10)
_KEYS: Final = ("org_code", "function")
_DECIMALS: Final = 6
_STEPS: Final = 60  # of Newton's method, which needs five or six


def list_item_parts(cases: pl.DataFrame, items: pl.DataFrame, contributions: pl.DataFrame, year: str) -> pl.DataFrame:
    """One part an item that adds something.

    Args:
        cases: one row a declaration, with `declared.status`.
        items: `items.ITEMS`; they say what each is.
        contributions: one row a declaration and item: `worth` alone, `decibans` beside the checks, `sd`.
        year: the assessment year. The lapse that a declaration itself declares says nothing new of it.
    """
    # The declared lapse has a part of its own (`declared`): as an item of the history it would count twice.
    own_lapse = (pl.col("item") == f"declared.{year.replace('/', '_')}") & (is_lapse("status"))
    better = pl.col("item").str.starts_with(BETTER)
    described = pl.concat([_describe(items), _describe_records(items)])
    return (
        contributions.with_columns(pl.col("function").cast(pl.String))
        .join(cases.select(*_strings(_KEYS), status=pl.col("declared.status").cast(pl.String)), on=_KEYS, how="left")
        .filter(~own_lapse)
        .join(described, on=["org_code", "item"])
        .filter(pl.col("decibans") != 0)
        .with_columns(part="item", family=pl.when(better).then(pl.lit("facts")).otherwise("family"))
        .select(PARTS.names())
        .cast(PARTS)
    )


def list_check_parts(differences: pl.DataFrame, findings: pl.DataFrame, checks: pl.DataFrame) -> pl.DataFrame:
    """One part a check that differs, or that an absent answer leaves open.

    Args:
        differences: as `checks.find_differences` gives them.
        findings: they say what differs, and on which ground.
        checks: one row a rule: `title`.
    """
    said = findings.select(*_strings(_KEYS), "check_id", "says", "basis")
    # A check left open has no finding with a basis of its own, so the law is taken from any that has one.
    grounds = findings.filter(pl.col("basis") != "").group_by("check_id").agg(ground=pl.col("basis").first())
    absent = pl.format(
        "Left open (no answer, not known or not applicable): {}. Counted as the average answer.", "title"
    )
    group = findings.group_by("check_id").agg(pl.col("group").first())
    return (
        differences.with_columns(pl.col("function").cast(pl.String))
        .join(said, on=[*_KEYS, "check_id"], how="left")
        .join(checks.select("check_id", "title"), on="check_id", how="left")
        .join(group, on="check_id", how="left")
        .join(grounds, on="check_id", how="left")
        .with_columns(
            family=pl.when("differs").then(pl.lit("checks")).otherwise(pl.lit("silence")),
            part="check_id",
            worth="decibans",
            reason=pl.when("differs").then(pl.col("says")).otherwise(absent),
            source=pl.col("ground").fill_null(""),
        )
        .select(PARTS.names())
        .cast(PARTS)
    )


def list_declared_parts(cases: pl.DataFrame, model: RiskModel) -> pl.DataFrame:
    """What a declared lapse says by itself."""
    by_status = pl.DataFrame(
        [(name, weight.decibans, weight.sd, weight.reason) for name, weight in sorted(model.declared.items())],
        schema=["name", "worth", "sd", "reason"],
        orient="row",
    )
    return (
        cases.select(*_strings(_KEYS), name=pl.col("declared.status").cast(pl.String))
        .join(by_status, on="name")
        .with_columns(
            family=pl.lit("declared"),
            group=pl.lit("declared"),
            part=pl.format("declared.{}", "name"),
            decibans="worth",
            source=pl.lit("the declaration itself"),
        )
        .select(PARTS.names())
        .cast(PARTS)
    )


def list_visited_parts(cases: pl.DataFrame, visits: pl.DataFrame, model: RiskModel) -> pl.DataFrame:
    """What a visit of the year found at the very declaration, by how often visitors err; of several the last."""
    # Kept off 1: a visitor who never errs would make the odds infinite, and one finding would settle every risk.
    sensitivity, specificity = model.visitors.sensitivity, min(model.visitors.specificity, 0.999)
    ratio = {"qualified": sensitivity / (1 - specificity), "upheld": (1 - min(sensitivity, 0.999)) / specificity}
    worth = pl.col("finding").replace_strict({name: 10 * math.log10(odds) for name, odds in ratio.items()})
    last = (
        visits.with_columns(pl.col("function").cast(pl.String))
        .sort(*_KEYS, "visited_on", "finding")
        .unique(_KEYS, keep="last", maintain_order=True)
    )
    return (
        cases.select(*_strings(_KEYS))
        .join(last, on=_KEYS)
        .with_columns(
            family=pl.lit("visited"),
            group=pl.lit("visited"),
            part=pl.format("visit.{}", "finding"),
            worth=worth,
            decibans=worth,
            sd=pl.lit(0.0),
            reason=pl.format("A visit of this year found the declaration {}.", "finding"),
            source=pl.lit(model.visitors.reason),
        )
        .select(PARTS.names())
        .cast(PARTS)
    )


def add_check_weights(findings: pl.DataFrame, parts: pl.DataFrame, weights: pl.DataFrame) -> pl.DataFrame:
    """Write beside each finding what it added, and what a difference would add.

    Args:
        findings: one row a check on a declaration, waived ones too.
        parts: `PARTS`.
        weights: what each check adds where it differs (`checks.CHECK_WEIGHTS`).

    Returns:
        `findings` with `weight` (decibans that it added to the risk; 0 where it agrees, does not apply or only asks)
        and `could_add` (decibans of a difference: what an open question is worth asking for).
    """
    added = parts.filter(pl.col("family").is_in(["checks", "silence"])).select(
        *_KEYS, check_id="part", weight="decibans"
    )
    keyed = findings.with_columns(pl.col(_KEYS).cast(pl.String))
    return (
        keyed.join(added, on=["check_id", *_KEYS], how="left", maintain_order="left")
        .join(weights.select("check_id", could_add="decibans"), on="check_id", how="left", maintain_order="left")
        .with_columns(pl.col("weight", "could_add").fill_null(0.0))
    )


def add_prior(
    cases: pl.DataFrame, parts: pl.DataFrame, weighed: Weighed, prevalence: Prevalence, model: RiskModel
) -> pl.DataFrame:
    """Complete the parts by those that every declaration has, and by what silence adds.

    Args:
        cases: one row a declaration: status, and `returned.answered_share`.
        parts: all parts that evidence makes.
        weighed: how much is known of each declaration.
        prevalence: the share in truth wrong.
        model: where silence begins.

    Returns:
        All parts (`PARTS`), sorted by declaration, family, group and part, rounded. Before any visit of the year the
        risks of all declarations of compliance have the mean that the prevalence states. A declaration whose
        organisation returned nothing has at least that mean.
    """
    rounded = parts.with_columns(pl.col("worth", "decibans", "sd").round(_DECIMALS))
    sums = rounded.filter(pl.col("family") != "visited").group_by(_KEYS).agg(pl.col("decibans").sum())
    known = (
        cases.select(*_strings(_KEYS), status=pl.col("declared.status").cast(pl.String), silent=silence(model))
        .join(weighed.declarations.with_columns(pl.col("function").cast(pl.String)), on=_KEYS, how="left")
        .join(sums, on=_KEYS, how="left")
        .with_columns(pl.col("decibans", "spread").fill_null(0.0))
        .sort(_KEYS)
    )
    before = (known["decibans"] + known["spread"]).to_numpy()
    silent, compliant = known["silent"].to_numpy(), known["status"].is_in(MET).to_numpy()
    start = math.log(prevalence.share / (1 - prevalence.share)) * NATS_IN_DECIBANS
    level = float(solve_level(before[:, None], silent, compliant, np.array([prevalence.share]))[0])
    # The level is solved with the lift in place, and the lift is then a part of its own: so the parts still add up.
    raised = lift_silence(before + level, silent, start) - (before + level)
    made = known.select(_KEYS).with_columns(
        level=pl.lit(round(level, _DECIMALS)),
        spread=known["spread"].round(_DECIMALS),
        raised=pl.Series(raised.round(_DECIMALS)),
    )
    return pl.concat([rounded, *_prior_parts(made, prevalence, start, model)]).sort(*_KEYS, "family", "group", "part")


def silence(model: RiskModel) -> pl.Expr:
    """From 0 (half of what it was asked is answered, or more) to 1 (nothing is), by `returned.answered_share`."""
    begins = model.silence.no_return
    open_share = 1 - pl.col("returned.answered_share").fill_null(0.0)
    return ((open_share - begins) / max(1 - begins, 1e-9)).clip(0.0, 1.0)


def lift_silence(decibans: Floats, silent: Floats, average: Floats | float) -> Floats:
    """Towards the average, from below only, as far as an organisation is silent."""
    return decibans + silent * np.maximum(average - decibans, 0.0)


def solve_level(before: Floats, silent: Floats, compliant: npt.NDArray[np.bool_], shares: Floats) -> Floats:
    """What to add to all, so that the risks of the declarations of compliance have the mean that is stated.

    Args:
        before: decibans without the prior, declarations in the rows, one column for each share.
        silent: how silent each is.
        compliant: which are declarations of compliance.
        shares: the means.
    """
    average = np.log(shares / (1 - shares)) * NATS_IN_DECIBANS
    of_these, quiet = before[compliant], silent[compliant][:, None]
    level: Floats = average - (of_these.mean(axis=0) if of_these.size else 0.0)
    for _ in range(_STEPS if of_these.size else 0):
        risks = probability(lift_silence(of_these + level, quiet, average))
        # Damped Newton: from a far start a full step overshoots where the risks are all near 0 or 1 and the slope is
        # flat.
        slope = np.maximum((risks * (1 - risks)).mean(axis=0), 1e-6) / NATS_IN_DECIBANS
        step = np.clip((risks.mean(axis=0) - shares) / slope, -10, 10)
        level = level - step
        if np.abs(step).max() < 1e-10:
            break
    return level


def probability(decibans: Floats) -> Floats:
    """The probability that log-odds in decibans stand for."""
    return 1 / (1 + np.power(10.0, -decibans / 10))


def _strings(keys: tuple[str, ...]) -> list[pl.Expr]:
    return [pl.col(key).cast(pl.String) for key in keys]


def _describe(items: pl.DataFrame) -> pl.DataFrame:
    return items.select("org_code", "item", "family", "group", "reason", "source")


def _describe_records(items: pl.DataFrame) -> pl.DataFrame:
    """For each answer of which a record is held: both accounts in one sentence each."""
    facts = items.filter(pl.col("group").str.starts_with(FACT))
    answers = facts.filter(pl.col("family") == "answers").sort("item")
    own = answers.unique(["org_code", "group"], keep="first", maintain_order=True).select(
        "org_code", "group", own="item", answer="account"
    )
    question = own.group_by("group").agg(pl.col("own").first())
    record = facts.filter(pl.col("family") == "figures").select("org_code", "group", record="account", source="source")
    both = record.join(question, on="group").join(own.drop("own"), on=["org_code", "group"], how="left")
    return both.select(
        "org_code",
        item=pl.lit(BETTER) + pl.col("own"),
        family=pl.lit("facts"),
        group="group",
        reason=pl.format("{}. {}.", pl.col("answer").fill_null("No answer of its own"), "record"),
        source="source",
    )


def _prior_parts(made: pl.DataFrame, prevalence: Prevalence, start: float, model: RiskModel) -> list[pl.DataFrame]:
    """The parts that every declaration has, and the one of those that returned nothing."""
    suggest = (
        f"Random visits suggest that in {prevalence.share:.1%} of compliant declarations the standard is in truth not "
        "met (starting point for every trust)."
    )
    # The derivative of the log-odds: an sd of the share, in decibans.
    sd = NATS_IN_DECIBANS * prevalence.sd / (prevalence.share * (1 - prevalence.share))
    rows = {
        ("prior", "prior", suggest, model.prior.source): ("level", sd),
        (
            "prior", "evidence held", "The more is known of a trust, the farther it can lie from the average.",
            "the variance that its items explain",
        ): ("spread", 0.0),
        (
            "silence", "no return",
            "Returned hardly any answers to the review's questions, or none: not rated below the average.",
            model.silence.reason,
        ): ("raised", 0.0),
    }  # fmt: skip
    frames = []
    for (family, part, reason, source), (column, sd) in rows.items():
        frame = made.select(
            *_KEYS,
            family=pl.lit(family), group=pl.lit(family), part=pl.lit(part),
            worth=pl.lit(round(start, _DECIMALS)) if column == "level" else pl.col(column),
            decibans=pl.col(column), sd=pl.lit(round(sd, _DECIMALS)), reason=pl.lit(reason), source=pl.lit(source),
        ).cast(PARTS)  # fmt: skip
        frames.append(frame if column == "level" else frame.filter(pl.col("decibans") != 0))
    return frames


def is_visit_item(name: str) -> pl.Expr:
    """Whether an item is what a visit found."""
    return pl.col(name).str.starts_with(VISIT)
