"""Whether a worse answer can lower a risk: every chain of probes, weights held, through to the printed risk and rank.

By construction no weight is negative and no check adds less where an answer is worse. Rules and models are files that
anybody may change; so every run tries it, from each answer, figure and remark at its worst to the same at its best.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from crosscheck.cases.probes import EVERYTHING
from crosscheck.risk.checks import cover_scores, find_differences
from crosscheck.risk.evidence import NATS_IN_DECIBANS, lift_silence, probability, silence
from crosscheck.risk.intervals import TO_VISIT
from crosscheck.risk.weights import BETTER, with_records

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from crosscheck.cases.probes import Probes
    from crosscheck.risk.estimate import Risk
    from crosscheck.risk.model import RiskModel

    Floats = npt.NDArray[np.float64]

# One row a step at which a risk falls, or a rank improves, though the answer is worse. `through` names the checks that
# add less there.
BREACHES: Final = pl.Schema(
    {
        "item": pl.String(),
        "org_type": pl.String(),
        "function": pl.String(),
        "worse": pl.String(),
        "better": pl.String(),
        "risk_worse": pl.Float64(),
        "risk_better": pl.Float64(),
        "rank_worse": pl.Int64(),
        "rank_better": pl.Int64(),
        "through": pl.List(pl.String()),
    }
)
AVERAGE: Final = "the average answer"
_KEYS: Final = ("org_code", "function")
_CHAIN: Final = ("org_type", "function", "chain")
_DECIMALS: Final = 6
_ROUNDING: Final = 1e-5  # decibans: what rounding each part may come to


@dataclass(frozen=True)
class Monotone:
    """What was tried, and what went the wrong way.

    Attributes:
        probes: how many made-up declarations were weighed, in how many `chains` from worst to best.
        breaches: `BREACHES`; none when all is well.
    """

    probes: int
    chains: int
    breaches: pl.DataFrame


@dataclass(frozen=True)
class Verdicts:
    """What the checks say of probes.

    Attributes:
        differing: `org_code`, `function`, `check_id` of each check that differs.
        open: the same of each that applies and that an absent answer leaves open.
        checks: `rulebook.checks.CHECKS`.
    """

    differing: pl.DataFrame
    open: pl.DataFrame
    checks: pl.DataFrame


def check_monotone(
    probes: Probes, scores: pl.DataFrame, verdicts: Verdicts, risk: Risk, ranked: pl.DataFrame, model: RiskModel
) -> Monotone:
    """Weigh all probes with what the run has learnt, and name every step that goes the wrong way.

    Args:
        probes: made-up organisations in chains.
        scores: one row a type, column and place of their ladders: `of`, the score among the real peers.
        verdicts: what the checks say of them.
        risk: loadings, weights and level of the run.
        ranked: the real declarations with `pool` and `decibans`.
        model: the limits, and which figures state the same fact as an answer.

    Returns:
        An answer is also held against no answer to the same: for whatever reason it is absent, it counts no better than
        the average answer, which has a score of 0 and from each check what that adds on average. Where another source
        holds a record of the same fact, how far the own account is better than the record may add to the risk: that
        part is left out of the chain of the own account.
    """
    differences = _differences(verdicts, risk)
    weighed = _weigh(probes, scores, differences, verdicts.checks, risk, model)
    sums = ranked.filter(pl.col("pool").cast(pl.String) == TO_VISIT)["decibans"].sort().to_numpy()
    breaches = pl.concat([_falling(weighed, sums), _absent(weighed, differences, risk, sums)])
    named = _name_checks(breaches, differences)
    return Monotone(weighed.height, weighed.select(_CHAIN).n_unique(), named)


def _differences(verdicts: Verdicts, risk: Risk) -> pl.DataFrame:
    findings = verdicts.differing.with_columns(verdict=pl.lit("differs"))
    return find_differences(risk.from_visits.weights, findings, verdicts.open)


def _weigh(
    probes: Probes,
    scores: pl.DataFrame,
    differences: pl.DataFrame,
    checks: pl.DataFrame,
    risk: Risk,
    model: RiskModel,
) -> pl.DataFrame:
    """The probes with `decibans` (their sum, the exempt part left out) and `left` (what of it their own item adds)."""
    rows = probes.rows
    z, present, names = _scores_of_items(probes, scores, risk, model)
    sums = add_up_probes(rows, z * present * _weights_of_rows(rows, names, risk), names, differences, checks)
    spread = risk.weighed.of_types.select("org_type", "function", "spread")
    of_type = rows.join(spread, on=["org_type", "function"], how="left", maintain_order="left")["spread"]
    # The run's own level is used, not one solved for the probes: breaches are judged where real risks lie.
    level = risk.parts.filter(pl.col("part") == "prior")["decibans"].head(1).sum()
    total = sums["decibans"].to_numpy() + level + of_type.round(_DECIMALS).fill_null(0.0).to_numpy()
    lifted = _lift(rows, total, risk, model).round(_DECIMALS)
    return rows.with_columns(decibans=pl.Series(lifted), left=sums["left"])


def add_up_probes(
    rows: pl.DataFrame, contributions: Floats, names: Sequence[str], differences: pl.DataFrame, checks: pl.DataFrame
) -> pl.DataFrame:
    """Add up what items and checks say, each answer counted once.

    Args:
        rows: one row a declaration: `org_code`, `function`, and the `item` that is tried there.
        contributions: what each item adds by itself, declarations in the rows, in decibans.
        names: the items.
        differences: as `checks.find_differences` gives them.
        checks: `rulebook.checks.CHECKS`.

    Returns:
        One row a declaration: `decibans`, without how far the own account that is tried is better than a record (of
        `probes.EVERYTHING` all such), and `left`, what of it that account adds by itself.
    """
    rounded = contributions.round(_DECIMALS)
    covered = _cover(rows, rounded, names, differences, checks)
    at = {name: place for place, name in enumerate(names)}
    own = rows["item"].replace_strict(at, default=-1, return_dtype=pl.Int64).to_numpy()
    gaps = (BETTER + rows["item"]).replace_strict(at, default=-1, return_dtype=pl.Int64).to_numpy()
    index = np.arange(rows.height)
    every = np.array([name.startswith(BETTER) for name in names], dtype=np.bool_)
    of_all = np.where((rows["item"] == EVERYTHING).to_numpy(), rounded[:, every].sum(axis=1), 0.0)
    for_no_item = ((0, 0), (0, 1))  # a last column of zeros, where the place of what is no item leads
    exempt = np.pad(rounded, for_no_item)[index, gaps] + of_all
    added = differences.group_by(_KEYS).agg(by_checks=pl.col("decibans").round(_DECIMALS).sum())
    by_checks = rows.join(added, on=_KEYS, how="left", maintain_order="left")["by_checks"].fill_null(0.0)
    left = np.pad(rounded + covered, for_no_item)[index, own]
    total = rounded.sum(axis=1) + covered.sum(axis=1) - exempt + by_checks.to_numpy()
    return pl.DataFrame({"decibans": total.round(_DECIMALS), "left": left})


def _scores_of_items(
    probes: Probes, scores: pl.DataFrame, risk: Risk, model: RiskModel
) -> tuple[Floats, Floats, tuple[str, ...]]:
    """Scores in the units of the run, and what is there; how far own accounts are better than records among them."""
    evidence, limit = risk.evidence, model.limits.score
    table = probes.tabulate(scores)
    at = {column: place for place, column in enumerate(probes.columns)}
    columns = evidence.items["item"].replace_strict(at, default=-1, return_dtype=pl.Int64).to_numpy()
    of_items = np.where(columns[None, :, None] >= 0, table[:, columns], np.nan).clip(-limit, limit)
    z = np.where(columns >= 0, probes.spread(evidence.in_units(probes.types, of_items, limit), columns), np.nan)
    beside = evidence.beside(probes.rows["org_code"], tuple(probes.rows["org_type"].to_list()), z)
    held, present, names, _ = with_records(beside, model)
    return held, present, names


def _weights_of_rows(rows: pl.DataFrame, names: tuple[str, ...], risk: Risk) -> Floats:
    """For each probe and item the weight of one standard unit."""
    circles = risk.weighed.of_types.select("org_type", "function").with_row_index("circle")
    table = np.zeros((circles.height, len(names)))
    at = {name: place for place, name in enumerate(names)}
    per_unit = risk.weighed.per_unit.join(circles, on=["org_type", "function"])
    items = per_unit["item"].replace_strict(at, return_dtype=pl.Int64).cast(pl.Int64).to_numpy()  # null where empty
    table[per_unit["circle"].to_numpy(), items] = per_unit["weight"].to_numpy()
    of_rows = rows.join(circles, on=["org_type", "function"], how="left", maintain_order="left")["circle"]
    weights: Floats = table[of_rows.to_numpy()]
    return weights


def _cover(
    rows: pl.DataFrame, contributions: Floats, names: Sequence[str], differences: pl.DataFrame, checks: pl.DataFrame
) -> Floats:
    """By how much less each item adds, since checks that rest on it count for it."""
    at = pl.DataFrame({"item": names}, schema={"item": pl.String}).with_row_index("column")
    rested = checks.select("check_id", item="questions").explode("item", empty_as_null=True)
    touched = (
        differences.filter("differs")
        .select(*_KEYS, "check_id")
        .join(rested, on="check_id")
        .join(at, on="item")
        .join(rows.select(*_KEYS).with_row_index("row"), on=_KEYS)
        .select(*_KEYS, "item", "row", "column")
        .unique()
    )
    row, column = touched["row"].to_numpy(), touched["column"].to_numpy()
    # Only items that a differing check touches are handed on: all of them would be millions of rows of zeros.
    before = touched.with_columns(decibans=pl.Series(contributions[row, column]), sd=pl.lit(0.0)).filter(
        pl.col("decibans") != 0
    )
    after = cover_scores(differences, checks, before)
    less = np.zeros(contributions.shape)
    step = after["decibans"].round(_DECIMALS) - before["decibans"]
    less[before["row"].to_numpy(), before["column"].to_numpy()] = step.to_numpy()
    return less


def _lift(rows: pl.DataFrame, total: Floats, risk: Risk, model: RiskModel) -> Floats:
    """Who returned nothing is not rated below the average."""
    nothing = (pl.col("item") == EVERYTHING) & pl.col("step").is_null()
    share = pl.when(nothing).then(0.0).otherwise(1.0).alias("returned.answered_share")
    silent = rows.select(share).select(silence(model)).to_series().to_numpy()
    return lift_silence(total, silent, _average(risk))


def _average(risk: Risk) -> float:
    """The share in truth wrong, in decibans."""
    share = risk.prevalence.share
    return float(np.log(share / (1 - share)) * NATS_IN_DECIBANS)


def _falling(weighed: pl.DataFrame, sums: Floats) -> pl.DataFrame:
    """Neighbouring steps of which the worse has the lower risk, or the better rank."""
    steps = weighed.filter(pl.col("step").is_not_null()).sort(*_CHAIN, "step")
    next_of = {f"{name}_better": pl.col(name).shift(-1).over(_CHAIN) for name in ("org_code", "answer", "decibans")}
    pairs = steps.with_columns(**next_of).drop_nulls("org_code_better")
    return _contrary(pairs.rename({"answer": "worse", "answer_better": "better"}), sums)


def _absent(weighed: pl.DataFrame, differences: pl.DataFrame, risk: Risk, sums: Floats) -> pl.DataFrame:
    """No answer, for whatever reason, of which the risk is below that of the average answer.

    From the best step the average answer differs in this: its own score is 0, and each check that some step meets, and
    that adds nothing to the best, adds what it adds on average.
    """
    steps = weighed.filter(pl.col("step").is_not_null())
    best = steps.filter(pl.col("step") == pl.col("step").max().over(_CHAIN))
    met = differences.filter("differs").join(steps.select(*_KEYS, "chain", "org_type"), on=_KEYS)
    of_best = differences.join(best.select(*_KEYS, "chain", "org_type"), on=_KEYS)
    usual = (
        met.unique([*_CHAIN, "check_id"])
        .join(of_best, on=[*_CHAIN, "check_id"], how="anti")
        .join(risk.from_visits.weights.select("check_id", "share"), on="check_id")
        .group_by(_CHAIN)
        .agg(usual=(pl.col("decibans") * pl.col("share")).sum())
    )
    everything = pl.col("item") == EVERYTHING
    average = best.join(usual, on=_CHAIN, how="left").select(
        *_CHAIN,
        org_code_better="org_code",
        decibans_better=pl.when(everything)
        .then(_average(risk))
        .otherwise(pl.col("decibans") - pl.col("left") + pl.col("usual").fill_null(0.0))
        - _ROUNDING,
    )
    pairs = weighed.filter(pl.col("step").is_null()).join(average, on=_CHAIN).sort(*_CHAIN, "answer")
    return _contrary(pairs.with_columns(worse="answer", better=pl.lit(AVERAGE)), sums)


def _contrary(pairs: pl.DataFrame, sums: Floats) -> pl.DataFrame:
    """Of pairs of a worse and a better answer those in which the worse has the lower risk, or the better rank."""
    worse, better = pairs["decibans"].to_numpy(), pairs["decibans_better"].to_numpy()
    compared = pairs.with_columns(
        risk_worse=pl.Series(probability(worse).round(_DECIMALS)),
        risk_better=pl.Series(probability(better).round(_DECIMALS)),
        rank_worse=pl.Series(rank_among(worse, sums)),
        rank_better=pl.Series(rank_among(better, sums)),
    )
    contrary = (pl.col("risk_worse") < pl.col("risk_better")) | (pl.col("rank_worse") > pl.col("rank_better"))
    columns = [name for name in BREACHES if name != "through"]
    return compared.filter(contrary).select(*columns, "org_code", "org_code_better")


def rank_among(decibans: Floats, sums: Floats) -> npt.NDArray[np.int64]:
    """The rank of each among declarations to visit, whose sums are given in rising order."""
    return np.asarray(len(sums) - np.searchsorted(sums, decibans, side="right") + 1, dtype=np.int64)


def _name_checks(breaches: pl.DataFrame, differences: pl.DataFrame) -> pl.DataFrame:
    """Which checks add less at the worse answer than at the better."""
    pairs = breaches.with_row_index("breach")
    of_worse = pairs.join(differences, on=_KEYS).select("breach", "check_id", worse_adds="decibans")
    of_better = pairs.join(differences, left_on=["org_code_better", "function"], right_on=list(_KEYS)).select(
        "breach", "check_id", "decibans"
    )
    less = (
        of_better.join(of_worse, on=["breach", "check_id"], how="left")
        .filter(pl.col("worse_adds").fill_null(0.0) < pl.col("decibans"))
        .group_by("breach")
        .agg(through=pl.col("check_id").unique().sort())
    )
    return (
        pairs.join(less, on="breach", how="left", maintain_order="left")
        .with_columns(pl.col("through").fill_null([]))
        .select(BREACHES.names())
        .cast(BREACHES)
        .unique(["item", "org_type", "function", "worse", "better", "through"], keep="first", maintain_order=True)
        .sort("item", "org_type", "function", "worse", "better")
    )
