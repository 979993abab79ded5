"""How often visits did not uphold a declaration: by rule, criterion, type, region, size, assessor.

The one place for hit rates; whoever shows one takes it from here. A hit is a declaration that a visit did not uphold.
Declarations that nobody visited are in no rate; they are no declarations upheld. Intervals are exact ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl
from scipy.special import betaincinv

from crosscheck.cases.hit_counts import COUNTS, count_outcomes
from crosscheck.visits.binomial import LEVEL, binomial_interval

if TYPE_CHECKING:
    from collections.abc import Sequence

OUTCOME: Final = pl.Schema(
    {"org_code": pl.String(), "function": pl.String(), "visited_on": pl.Date(), "not_upheld": pl.Boolean()}
)
_RATE: Final = {"share": pl.Float64(), "low": pl.Float64(), "high": pl.Float64()}
# Of a rule: where it differs (`flagged`) and where it agrees (`other`); of a criterion: absent, and seen.
FLAG_RATES: Final = pl.Schema(
    {"name": pl.String(), **dict.fromkeys(COUNTS, pl.Int64()), **_RATE, "other_share": pl.Float64()}
)
GROUP_RATES: Final = pl.Schema(
    {
        "grouping": pl.String(),
        "group": pl.String(),
        "declarations": pl.Int64(),
        "chosen": pl.Int64(),
        "chosen_share": pl.Float64(),
        "visited": pl.Int64(),
        "not_upheld": pl.Int64(),
        **_RATE,
    }
)
ASSESSOR_RATES: Final = pl.Schema(
    {"assessor": pl.String(), "visited": pl.Int64(), "not_upheld": pl.Int64(), **_RATE, "of_all": pl.Float64()}
)

_KEYS: Final = ("org_code", "function")
NOT_KNOWN: Final = "not known"
SIZES: Final = ("smallest third", "middle third", "largest third")
# An assessor's rate is drawn towards that of all as if this many visits more had been made; at least, and at most.
_VISITS: Final = (4.0, 400.0)


def rate_checks(findings: pl.DataFrame, outcomes: pl.DataFrame, level: float = LEVEL) -> pl.DataFrame:
    """By rule: how often a declaration was not upheld where the rule differs, and where it agrees.

    Args:
        findings: `org_code`, `function`, `check_id`, `verdict`; a rule that was left open or does not apply counts
            neither way.
        outcomes: `OUTCOME`.
        level: how often the interval of the share where it differs shall cover.

    Returns:
        `FLAG_RATES`, the most often not upheld first, then by name; only rules that differ for somebody visited.
    """
    # Open checks count neither way: counted as agreeing, they would make a rule look better the less it decides.
    decided = findings.with_columns(pl.col("verdict").cast(pl.String)).filter(
        pl.col("verdict").is_in(["differs", "agrees"])
    )
    rows = decided.join(outcomes, on=_KEYS).with_columns(flagged=pl.col("verdict") == "differs")
    return _rate_flags(count_outcomes(rows, "check_id", pl.lit(1.0)).rename({"check_id": "name"}), level)


def rate_criteria(looks: pl.DataFrame, outcomes: pl.DataFrame, level: float = LEVEL) -> pl.DataFrame:
    """By criterion: how often a declaration was not upheld where its evidence was absent, and where it was seen.

    Args:
        looks: `org_code`, `function`, `question_id`, `seen`; evidence that was not offered counts neither way.
        outcomes: `OUTCOME`.
        level: as in `rate_checks`.

    Returns:
        `FLAG_RATES`; only criteria whose evidence was absent at least once.
    """
    looked = looks.with_columns(pl.col("seen").cast(pl.String)).filter(pl.col("seen").is_in(["seen", "absent"]))
    rows = looked.join(outcomes, on=_KEYS).with_columns(flagged=pl.col("seen") == "absent")
    return _rate_flags(count_outcomes(rows, "question_id", pl.lit(1.0)).rename({"question_id": "name"}), level)


def rate_groups(listed: pl.DataFrame, outcomes: pl.DataFrame, by: Sequence[str], level: float = LEVEL) -> pl.DataFrame:
    """By group of declarations: how many were chosen for a visit, and how often visits did not uphold one.

    Args:
        listed: one row a declaration that could be chosen: `org_code`, `function`, `selected_by` (null: not chosen),
            and the columns of `by`; one that is not known is a group of its own.
        outcomes: `OUTCOME`.
        by: the groupings.
        level: how often the intervals of the share not upheld shall cover.

    Returns:
        `GROUP_RATES`, by grouping in the order of `by`, and group.
    """
    seen = listed.join(outcomes.select(*_KEYS, "not_upheld"), on=_KEYS, how="left")
    every = [
        seen.group_by(group=pl.col(grouping).cast(pl.String).fill_null(NOT_KNOWN))
        .agg(
            declarations=pl.len().cast(pl.Int64),
            chosen=pl.col("selected_by").is_not_null().sum().cast(pl.Int64),
            visited=pl.col("not_upheld").is_not_null().sum().cast(pl.Int64),
            not_upheld=pl.col("not_upheld").sum().cast(pl.Int64),
        )
        .with_columns(grouping=pl.lit(grouping), chosen_share=pl.col("chosen") / pl.col("declarations"))
        .sort("group")
        for grouping in by
    ]
    return add_rate(pl.concat(every), "not_upheld", "visited", level).select(GROUP_RATES.names()).cast(GROUP_RATES)


def rate_assessors(visits: pl.DataFrame, level: float = LEVEL) -> pl.DataFrame:
    """By assessor: how often visits did not uphold a declaration, drawn towards the rate of all.

    A beta distribution of the assessors' own rates is fitted by its moments (Kleinman 1973, JASA 68:46-54); the rate
    is the mean of what it and the assessor's visits say together, with the central interval. Whoever made few visits
    is told little. Assessors do not choose whom they visit, and differ in it: the rate is no mark of their work.

    Args:
        visits: one row a visited declaration: `assessor` (null: left out), `not_upheld`.
        level: how much of the distribution the interval holds.

    Returns:
        `ASSESSOR_RATES`, by assessor, with the rate of all; without a row where no visit names one.
    """
    named = visits.filter(pl.col("assessor").is_not_null())
    counted = named.group_by("assessor").agg(
        visited=pl.len().cast(pl.Int64), not_upheld=pl.col("not_upheld").sum().cast(pl.Int64)
    )
    if counted.is_empty():
        return ASSESSOR_RATES.to_frame()
    counted = counted.sort("assessor")
    number, found = (counted[name].to_numpy().astype(float) for name in ("visited", "not_upheld"))
    # Drawn towards the rate of all: raw rates of assessors with few visits would be the extremes of the list.
    mean, worth = found.sum() / number.sum(), _worth(number, found)
    alpha, beta = found + worth * mean, number - found + worth * (1 - mean)
    ends = (_beta(alpha, beta, tail) for tail in ((1 - level) / 2, (1 + level) / 2))
    named_ends = dict(zip(("low", "high"), ends, strict=True))
    return (
        counted.with_columns(share=pl.Series(alpha / (alpha + beta)), of_all=pl.lit(mean))
        .with_columns(pl.Series(name, end) for name, end in named_ends.items())
        .select(ASSESSOR_RATES.names())
        .cast(ASSESSOR_RATES)
    )


def size_thirds(organisations: pl.DataFrame) -> pl.DataFrame:
    """In which third of its type each organisation is by staff: `org_code`, `size`; null where staff are not known."""
    place = pl.col("staff_wte").rank("average").over("org_type") / pl.col("staff_wte").count().over("org_type")
    third = pl.when(place <= 1 / 3).then(pl.lit(SIZES[0])).when(place <= 2 / 3).then(pl.lit(SIZES[1]))
    size = pl.when(place.is_not_null()).then(third.otherwise(pl.lit(SIZES[2])))
    return organisations.select("org_code", size=size)


def add_rate(counts: pl.DataFrame, found: str, number: str, level: float = LEVEL) -> pl.DataFrame:
    """Add `share`, `low`, `high` of the counted; the share is null and the interval 0 to 1 where nobody was visited."""
    visited = counts[number].to_numpy()
    share = counts[found].to_numpy() / np.maximum(visited, 1)
    low, high = binomial_interval(share, visited, level)
    rated = counts.with_columns(share=pl.Series(share), low=pl.Series(low), high=pl.Series(high))
    return rated.with_columns(share=pl.when(pl.col(number) > 0).then("share"))


def _rate_flags(counts: pl.DataFrame, level: float) -> pl.DataFrame:
    rated = add_rate(counts.filter(pl.col("flagged") > 0), "flagged_not_upheld", "flagged", level)
    other = pl.when(pl.col("other") > 0).then(pl.col("other_not_upheld") / pl.col("other"))
    ordered = rated.with_columns(other_share=other).sort("share", "flagged", "name", descending=[True, True, False])
    return ordered.select(FLAG_RATES.names()).cast(FLAG_RATES)


def _worth(number: np.ndarray, found: np.ndarray) -> float:
    """How many visits the rate of all counts for: many where assessors differ no more than chance makes them.

    It is no surer than the visits that it is taken from, so that it never counts for more of them than were made.
    """
    few, many = _VISITS
    many = max(few, min(many, float(number.sum())))
    mean = found.sum() / number.sum()
    chance, assessors = mean * (1 - mean), len(number)
    if not chance or assessors == 1:
        return many
    between = float(number @ (found / number - mean) ** 2) - chance * (assessors - 1)
    spread = between / (number.sum() - (number**2).sum() / number.sum())
    return float(np.clip(chance / spread - 1, few, many)) if spread > 0 else many


def _beta(alpha: np.ndarray, beta: np.ndarray, tail: float) -> np.ndarray:
    """The quantile; all or nothing found by all leaves a distribution at one end."""
    known = (alpha > 0) & (beta > 0)
    return np.where(known, betaincinv(np.where(known, alpha, 1), np.where(known, beta, 1), tail), (alpha > 0) * 1.0)
