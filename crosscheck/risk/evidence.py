"""Evidence as parts: what each finding, figure, comment and piece of history adds to the risk, in decibans.

A part's own worth is ten times the decimal logarithm of a likelihood ratio: how much likelier the evidence is where a
visit would not uphold the declaration. Evidence of one family overlaps, so that each part counts less the more of its
family there are. Absent evidence makes no part at all.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import polars as pl

from crosscheck.vocabulary import COMPLIANT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from crosscheck.risk.model import RiskModel, Shift

# One row a part. `worth` is what it would add alone, `decibans` what it adds beside the others, `sd` how unsure `worth`
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
_KEYS: Final = ("org_code", "function")
_NATS_IN_DECIBANS: Final = 10 / math.log(10)

# How often a check differs is uncertain where few could be decided; so much imagined evidence stands beside the counted
# (two of twenty, about what an average check shows in the review).
_IMAGINED_DIFFERS: Final = 2.0
_IMAGINED_DECIDED: Final = 20.0


def weigh(
    cases: pl.DataFrame,
    findings: pl.DataFrame,
    scores: tuple[pl.DataFrame, pl.DataFrame],
    tables: Mapping[str, pl.DataFrame],
    model: RiskModel,
    year: str,
) -> pl.DataFrame:
    """Turn all evidence on each declaration into parts that add up to its risk.

    Args:
        cases: one row a declaration.
        findings: one row a check on a declaration, with `expected`, `says`, `group`, `kind` and `waived`; only one that
            is decided and not waived weighs.
        scores: one row a figure of an organisation, of which those with a z and a relevance weigh; and the same pooled,
            one row an organisation and section, of which the sections of the questionnaire weigh.
        tables: conformed tables; `comments` and `visits` are used.
        model: what each kind of evidence is worth.
        year: the assessment year; only its comments and earlier years' visits count.

    Returns:
        One row a part (`PARTS`), sorted by declaration, family, group and part. Positive is worse.
    """
    single, pooled = scores
    families = (
        _prior(cases, model),
        _declared(cases, model),
        _answers(cases, findings, single, pooled, model),
        _figures(cases, single, model),
        _comments(cases, tables["comments"], model, year),
        _history(cases, tables["visits"], model, year),
    )
    parts = pl.concat([family.select(PARTS.names()).cast(PARTS) for family in families])
    return parts.sort(*_KEYS, "family", "group", "part")


def price_checks(findings: pl.DataFrame, parts: pl.DataFrame, model: RiskModel) -> pl.DataFrame:
    """Write beside each finding what it added, and what a difference would be worth by itself.

    Returns:
        `findings` with `weight` (decibans that it added to the risk; 0 where the check can't tell, does not apply, is
        waived or is of a kind that only asks) and `could_add` (decibans of a difference alone: what an open question is
        worth asking for; 0 for a kind that only asks).
    """
    added = parts.filter(pl.col("family") == "checks").select(*_KEYS, check_id="part", weight="decibans")
    return (
        findings.join(added, on=["check_id", *_KEYS], how="left", maintain_order="left")
        .join(
            _worths(findings, model).select("check_id", could_add="adds"),
            on="check_id",
            how="left",
            maintain_order="left",
        )
        .with_columns(pl.col("weight", "could_add").fill_null(0.0))
    )


def price_difference(worth: float | pl.Expr, share: pl.Expr, base_rate: float) -> tuple[pl.Expr, pl.Expr]:
    """What a check adds where it differs and what it takes away where it agrees, given how often it differs.

    The stated worth is the step between the two: the odds that a declaration does not stand are r = 10^(worth/10) times
    as large where the check differs as where it agrees, as a weight of a logistic regression says. If it differs in a
    share p of all declarations and b of them do not stand, it differs in a share q of those that stand, where

        (1 - b)(r - 1) q² + (b r + 1 - b - p (r - 1)) q - p = 0,

    and in s = r q / (1 + (r - 1) q) of those that do not. A difference then adds log(s / q), agreement takes away
    log((1 - s) / (1 - q)), and the two together leave the base rate as it is. What hardly anybody lacks is worth its
    full step where it is lacking; what nearly everybody lacks is worth it where it is there.

    Returns:
        The two worths in decibans: the first at least zero, the second at most zero.
    """
    ratio = 10 ** (worth / 10)
    square = (1 - base_rate) * (ratio - 1)
    linear = base_rate * ratio + 1 - base_rate - share * (ratio - 1)
    standing = 2 * share / (linear + (linear**2 + 4 * square * share).sqrt())
    falling = ratio * standing / (1 + (ratio - 1) * standing)
    return _decibans(falling / standing), _decibans((1 - falling) / (1 - standing))


def overlap(size: pl.Expr, correlation: float, over: list[str]) -> pl.Expr:
    """What share of its own worth each part keeps beside the others of its family.

    With m equally correlated pieces of normal evidence the sum of their log-likelihood ratios is divided by
    1 + (m - 1) * correlation; m is the effective number (Σ size)² / Σ size², so that many slight ones hardly crowd out
    a weighty one.
    """
    effective = size.sum().over(over) ** 2 / (size**2).sum().over(over)
    return 1 / (1 + (effective - 1) * correlation)


def limited_normal(low: float, high: float) -> tuple[float, float]:
    """Mean and standard deviation of a standard normal score that is held between `low` and `high`."""
    density = {limit: math.exp(-(limit**2) / 2) / math.sqrt(2 * math.pi) for limit in (low, high)}
    below, above = _below(low), 1 - _below(high)
    mean = low * below + high * above + density[low] - density[high]
    inside = 1 - below - above + low * density[low] - high * density[high]
    return mean, math.sqrt(low**2 * below + high**2 * above + inside - mean**2)


def _below(limit: float) -> float:
    return (1 + math.erf(limit / math.sqrt(2))) / 2


def _decibans(ratio: pl.Expr) -> pl.Expr:
    return 10 * ratio.log10()


def _prior(cases: pl.DataFrame, model: RiskModel) -> pl.DataFrame:
    share = model.prior.not_upheld_share
    decibans = 10 * math.log10(share / (1 - share))
    return cases.select(
        *_KEYS,
        family=pl.lit("prior"),
        group=pl.lit("prior"),
        part=pl.lit("prior"),
        worth=pl.lit(decibans),
        decibans=pl.lit(decibans),
        sd=pl.lit(model.prior.sd),
        reason=pl.lit(f"Of declarations visited by lot, {share:.0%} were not upheld"),
        source=pl.lit(model.prior.source),
    )


def _declared(cases: pl.DataFrame, model: RiskModel) -> pl.DataFrame:
    worths = pl.DataFrame(
        [(status, worth.decibans, worth.sd, worth.reason) for status, worth in sorted(model.declared.items())],
        schema=["status", "worth", "sd", "reason"],
        orient="row",
    )
    status = pl.col("declared.status").cast(pl.String).alias("status")
    return (
        cases.select(*_KEYS, status)
        .join(worths, on="status")
        .with_columns(
            family=pl.lit("declared"),
            group=pl.lit("declared"),
            part=pl.format("declared.{}", "status"),
            decibans="worth",
            source=pl.lit("the declaration itself"),
        )
    )


def _answers(
    cases: pl.DataFrame, findings: pl.DataFrame, scores: pl.DataFrame, pooled: pl.DataFrame, model: RiskModel
) -> pl.DataFrame:
    """Checks (the criterion) and sections (the norm) rest on the same answers, so that they share one discount."""
    checks = _checks(findings, model)
    sections = _sections(cases, scores, pooled, model)
    correlation = model.correlation.between_groups
    together = pl.concat([checks, sections], how="diagonal")
    groups = together.group_by(*_KEYS, "family", "group").agg(strength=(pl.col("size") * pl.col("kept")).sum())
    kept = groups.with_columns(beside=overlap(pl.col("strength"), correlation, [*_KEYS]))
    return together.join(kept, on=[*_KEYS, "family", "group"]).with_columns(
        decibans=pl.col("worth") * pl.col("kept") * pl.col("beside")
    )


def _checks(findings: pl.DataFrame, model: RiskModel) -> pl.DataFrame:
    decided = findings.filter(pl.col("verdict").is_in(["differs", "agrees"]) & pl.col("waived").is_null())
    differs = pl.col("verdict") == "differs"
    return (
        decided.join(_worths(findings, model), on="check_id")
        .with_columns(worth=pl.when(differs).then("adds").otherwise("takes"), size=pl.col("adds"))
        .with_columns(
            family=pl.lit("checks"),
            part=pl.col("check_id"),
            sd=(pl.col("worth") * pl.col("relative")).abs(),
            kept=overlap(pl.col("size"), model.correlation.within_group, [*_KEYS, "group"]),
            reason=pl.when(differs).then("says").otherwise(pl.format("As expected: {}", "expected")),
            source=pl.col("basis"),
        )
        .select(*_KEYS, "family", "group", "part", "worth", "sd", "size", "kept", "reason", "source")
    )


def _worths(findings: pl.DataFrame, model: RiskModel) -> pl.DataFrame:
    """What each check adds where it differs and takes away where it agrees, by itself; `relative` is its sd over it."""
    differs, decided = pl.col("verdict") == "differs", pl.col("verdict").is_in(["differs", "agrees"])
    share = (differs.sum() + _IMAGINED_DIFFERS) / (decided.sum() + _IMAGINED_DECIDED)
    checks = findings.group_by("check_id", "severity", "kind").agg(share=share)
    severity = pl.col("severity").cast(pl.String)
    whole = {name: worth.decibans for name, worth in model.checks.items()}
    relative = {name: worth.sd / worth.decibans for name, worth in model.checks.items()}
    factors = {kind: weight.factor for kind, weight in model.kinds.items()}
    factor = pl.col("kind").replace_strict(factors, default=1.0, return_dtype=pl.Float64)
    worth = severity.replace_strict(whole, return_dtype=pl.Float64) * factor
    adds, takes = price_difference(worth, pl.col("share"), model.prior.not_upheld_share)
    return (
        checks.filter(factor > 0)
        .select("check_id", adds=adds, takes=takes, relative=severity.replace_strict(relative, return_dtype=pl.Float64))
        .sort("check_id")
    )


def _sections(cases: pl.DataFrame, scores: pl.DataFrame, pooled: pl.DataFrame, model: RiskModel) -> pl.DataFrame:
    """One part a section of the questionnaire: its answers pooled into one score against the peers'."""
    of_answers = scores.filter(pl.col("relevance") == "answer").select(section="source").unique()
    worth = _shifted(pl.col("z"), model.sections, model)
    side = pl.when(pl.col("z") > 0).then(pl.lit("worse")).otherwise(pl.lit("better"))
    return (
        cases.select(*_KEYS)
        .join(pooled.drop_nulls("z").join(of_answers, on="section", how="semi"), on="org_code")
        .with_columns(
            family=pl.lit("sections"),
            group=pl.format("section {}", "section"),
            part=pl.format("section.{}", "section"),
            worth=worth,
            sd=(worth * (model.sections.sd / model.sections.shift)).abs(),
            size=pl.lit(model.sections.shift * _NATS_IN_DECIBANS),
            kept=pl.lit(1.0),
            reason=pl.format(
                "Its {} answers on {}, taken together, are {} than those of its peers (z {})",
                "items",
                pl.col("section").str.replace_all("_", " "),
                side,
                pl.col("z").round(1),
            ),
            source=pl.lit(model.sections.reason),
        )
        .select(*_KEYS, "family", "group", "part", "worth", "sd", "size", "kept", "reason", "source")
    )


def _held(z: pl.Expr, model: RiskModel) -> pl.Expr:
    """A score held between the limits, in standard units again: good news may not cancel bad (*choice*)."""
    low, high = model.simulation.good_news_limit, model.simulation.bad_news_limit
    mean, sd = limited_normal(low, high)
    return (z.clip(low, high) - mean) / sd


def _shifted(z: pl.Expr, shift: Shift, model: RiskModel) -> pl.Expr:
    """Decibans of a score whose mean lies `shift` standard deviations worse where the standard is not met."""
    limit = model.simulation.bad_news_limit
    return (z.clip(-limit, limit) * shift.shift - shift.shift**2 / 2) * _NATS_IN_DECIBANS


def _figures(cases: pl.DataFrame, scores: pl.DataFrame, model: RiskModel) -> pl.DataFrame:
    """One part a figure from another source, by its relevance; a figure that no model names weighs nothing."""
    weighed = []
    for relevance, shift in sorted(model.figures.items()):
        of_this = scores.filter((pl.col("relevance") == relevance) & pl.col("z").is_not_null())
        worth = _shifted(_held(pl.col("z"), model), shift, model)
        weighed.append(
            of_this.with_columns(
                worth=worth,
                sd=(worth * (shift.sd / shift.shift)).abs(),
                size=pl.lit(shift.shift),
                group=pl.lit(relevance),
            )
        )
    side = pl.when(pl.col("z") > 0).then(pl.lit("worse")).otherwise(pl.lit("better"))
    return (
        cases.select(*_KEYS)
        .join(pl.concat(weighed), on="org_code")
        .with_columns(kept=overlap(pl.col("size"), model.correlation.figures, [*_KEYS]))
        .with_columns(
            family=pl.lit("figures"),
            group=pl.format("relevance {}", "group"),
            part=pl.col("indicator"),
            decibans=pl.col("worth") * pl.col("kept"),
            reason=pl.format(
                "{}: {} where its peers lead to {}, {} (z {})",
                "label",
                _in_words("value"),
                _in_words("expected"),
                side,
                pl.col("z").round(1),
            ),
        )
    )


def _in_words(figure: str) -> pl.Expr:
    """A figure as people write it: one decimal at most, none where it is whole, with its percent sign."""
    number = pl.col(figure).round(1).cast(pl.String).str.strip_suffix(".0")
    return pl.when(pl.col("kind").is_in(["proportion", "percent"])).then(number + "%").otherwise(number)


def _comments(cases: pl.DataFrame, comments: pl.DataFrame, model: RiskModel, year: str) -> pl.DataFrame:
    """One part an author: its remarks of the year averaged by reliability, so that many from one source add little."""
    stated = model.comments
    toll = -pl.col("polarity") * pl.col("reliability")
    price = pl.when(toll > 0).then(toll * stated.criticism).otherwise(toll * stated.praise)
    voices = (
        comments.filter((pl.col("year") == year) & (pl.col("standard") == model.standard))
        .sort("org_code", "author", "polarity", "reliability", "text")
        .group_by("org_code", "author", maintain_order=True)
        .agg(worth=price.mean(), remarks=pl.len(), text=pl.col("text").sort_by(price.abs(), descending=True).first())
        .filter(pl.col("worth") != 0)
    )
    return (
        cases.select(*_KEYS)
        .join(voices, on="org_code")
        .with_columns(kept=overlap(pl.col("worth").abs(), model.correlation.comments, [*_KEYS]))
        .with_columns(
            family=pl.lit("comments"),
            group=pl.lit("comments"),
            part=pl.format("comment.{}", "author"),
            decibans=pl.col("worth") * pl.col("kept"),
            sd=(pl.col("worth") * (stated.sd / stated.criticism)).abs(),
            reason=pl.format(
                "{} ({}): “{}”",
                pl.col("author").replace_strict(_AUTHORS),
                pl.when(pl.col("remarks") == 1)
                .then(pl.lit("one remark"))
                .otherwise(pl.format("{} remarks", "remarks")),
                pl.col("text").str.slice(0, _QUOTED),
            ),
            source=pl.lit(stated.reason),
        )
    )


_QUOTED: Final = 300
_AUTHORS: Final = {
    "sha": "Strategic health authority",
    "lscb": "Local safeguarding children board",
    "overview_and_scrutiny": "Overview and scrutiny committee",
    "link": "Local involvement network",
    "governors": "Board of governors",
}


def _history(cases: pl.DataFrame, visits: pl.DataFrame, model: RiskModel, year: str) -> pl.DataFrame:
    stated = model.history
    compliant = pl.col("declared.status") == COMPLIANT
    declared_otherwise = cases.filter(compliant & (pl.col("declared.previous") != COMPLIANT)).select(
        *_KEYS,
        part=pl.lit("history.declared_otherwise"),
        worth=pl.lit(stated.declared_otherwise.decibans),
        sd=pl.lit(stated.declared_otherwise.sd),
        reason=pl.format(
            "Declared {} a year ago, compliant now",
            pl.col("declared.previous").cast(pl.String).str.replace_all("_", " "),
        ),
        source=pl.lit(stated.declared_otherwise.reason),
    )
    other_function = cases.filter(compliant & (pl.col("declared.other_function") != COMPLIANT)).select(
        *_KEYS,
        part=pl.lit("history.other_function"),
        worth=pl.lit(stated.other_function.decibans),
        sd=pl.lit(stated.other_function.sd),
        reason=pl.format(
            "Its other function declares {}",
            pl.col("declared.other_function").cast(pl.String).str.replace_all("_", " "),
        ),
        source=pl.lit(stated.other_function.reason),
    )
    pieces = pl.concat([declared_otherwise, other_function, _former_visits(cases, visits, model, year)])
    return pieces.with_columns(family=pl.lit("history"), group=pl.lit("history"), decibans="worth")


def _former_visits(cases: pl.DataFrame, visits: pl.DataFrame, model: RiskModel, year: str) -> pl.DataFrame:
    """The last visit of a former year; it speaks of both functions of the organisation, and fades with every year."""
    worths = {"qualified": model.history.visit_qualified, "upheld": model.history.visit_upheld}
    ago = int(year[:4]) - pl.col("year").str.slice(0, 4).cast(pl.Int64)
    last = (
        visits.filter(pl.col("year") < year)
        .sort("org_code", "visited_on", "finding")
        .group_by("org_code", maintain_order=True)
        .last()
        .with_columns(left=model.history.fading.a_year ** (ago - 1))
    )
    return (
        cases.select(*_KEYS)
        .join(last.drop("function"), on="org_code")
        .select(
            *_KEYS,
            part=pl.format("history.visit_{}", "finding"),
            worth=pl.col("finding").replace_strict({key: worth.decibans for key, worth in worths.items()})
            * pl.col("left"),
            sd=pl.col("finding").replace_strict({key: worth.sd for key, worth in worths.items()}) * pl.col("left"),
            reason=pl.format("A visit in {} found the declaration {}", pl.col("year"), pl.col("finding")),
            source=pl.col("finding").replace_strict({key: worth.reason for key, worth in worths.items()}),
        )
    )
