"""What visits found, and what a list was worth: yield, lift, ordering, time.

Everything speaks of *judged* declarations, one row each: `score` (the higher, the sooner the list sends a visit),
`otherwise` (true where a visit found otherwise than declared, so that positive is worse) and `weight` (how many
declarations the row stands for: 1, or one over the chance of being drawn). What was not judged is in no table here; it
is not a pass.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl
from scipy.special import ndtri

from crosscheck.visits.binomial import binomial_interval

if TYPE_CHECKING:
    from numpy.typing import NDArray

JUDGED: Final = pl.Schema({"score": pl.Float64(), "otherwise": pl.Boolean(), "weight": pl.Float64()})
YIELD: Final = pl.Schema(
    {
        "selected_by": pl.String(),
        "visited": pl.Int64(),
        "otherwise": pl.Int64(),
        "share": pl.Float64(),
        "low": pl.Float64(),
        "high": pl.Float64(),
    }
)

# Intervals of a backtest are 90%, as those of the visit list are.
INTERVAL: Final = 0.9
_Z: Final = float(ndtri((1 + INTERVAL) / 2))


@dataclass(frozen=True)
class Estimate:
    """A number with its 90% interval; the ends are NaN where the data do not give one."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Worth:
    """What one ranking was worth on the declarations that were judged.

    Attributes:
        judged: how many there are.
        otherwise: the share of all of them that was found otherwise than declared.
        first: how many the first `share` of the ranking are.
        hit_rate: the share of these that was found otherwise.
        lift: `hit_rate` over `otherwise`: how many times more a visit finds than at random.
        auc: chance that one found otherwise stands before one upheld; a half at random.
        average_precision: mean share found otherwise down to each that was; `otherwise` at random.
        days_sooner: by how many days the mean of them is found sooner than at random.
    """

    judged: int
    otherwise: float
    first: int
    hit_rate: float
    lift: Estimate
    auc: Estimate
    average_precision: float
    days_sooner: float


def measure_worth(judged: pl.DataFrame, share: float = 0.1, visits_a_day: float = 2.4) -> Worth:
    """What a ranking was worth.

    Args:
        judged: rows of `JUDGED`.
        share: the part of the list that is looked at as its first; rounded to whole declarations, at least one.
        visits_a_day: how many visits are made a day; sixty took 25 days in the first wave.

    Returns:
        All measures; NaN where nothing, or everything, was found otherwise. Declarations of equal score share the
        places that they hold together, so that their order in the table changes nothing.
    """
    score, otherwise, weight = _columns(judged)
    # At least one: a share of a small group would otherwise look at nobody.
    first = max(1, round(share * len(score)))
    rate = float(np.average(otherwise, weights=weight)) if len(score) else math.nan
    hits, held = _in_first(score, otherwise, weight, first)
    return Worth(
        judged=len(score),
        otherwise=rate,
        first=first,
        hit_rate=hits / held if held else math.nan,
        lift=lift((hits, held), (float(otherwise @ weight), float(weight.sum()))),
        auc=area_under_curve(score, otherwise, weight),
        average_precision=average_precision(score, otherwise, weight),
        days_sooner=_days_sooner(score, otherwise, weight) / visits_a_day,
    )


def lift(first: tuple[float, float], all_: tuple[float, float]) -> Estimate:
    """How many times as many are found otherwise: found and visited among the first, over found and visited among all.

    The standard error of its logarithm is √((1 - p₁)/x₁ + (1 - p₂)/x₂) (Katz et al. 1978, Biometrics 34:469-474). Where
    the first are part of all, as in one ranking, it is a little too wide.
    """
    (found, visited), (found_all, visited_all) = first, all_
    if not found_all or not visited:
        return Estimate(math.nan, math.nan, math.nan)
    rate, base = found / visited, found_all / visited_all
    if not found:
        return Estimate(0.0, 0.0, math.nan)
    error = math.sqrt((1 - rate) / found + (1 - base) / found_all)
    return Estimate(rate / base, rate / base * math.exp(-_Z * error), rate / base * math.exp(_Z * error))


def area_under_curve(score: NDArray[np.float64], otherwise: NDArray[np.bool_], weight: NDArray[np.float64]) -> Estimate:
    """The chance that one found otherwise scores above one upheld; a tie is half a chance.

    The interval is that of DeLong, DeLong and Clarke-Pearson 1988, Biometrics 44:837-845, from the placements of each
    among the others; with unequal weights the placements are weighted.
    """
    worse, better = score[otherwise], score[~otherwise]
    if not len(worse) or not len(better):
        return Estimate(math.nan, math.nan, math.nan)
    # All pairs at once: a few hundred squared, and ties count exactly half.
    above = (worse[:, None] > better[None, :]) + 0.5 * (worse[:, None] == better[None, :])
    of_worse, of_better = (weight[which] / weight[which].sum() for which in (otherwise, ~otherwise))
    placed, displaced = above @ of_better, of_worse @ above
    area = float(of_worse @ placed)
    variance = sum(
        shares**2 @ (places - area) ** 2 * len(shares) / max(len(shares) - 1, 1)
        for shares, places in ((of_worse, placed), (of_better, displaced))
    )
    margin = _Z * math.sqrt(variance)
    return Estimate(area, max(0.0, area - margin), min(1.0, area + margin))


def average_precision(score: NDArray[np.float64], otherwise: NDArray[np.bool_], weight: NDArray[np.float64]) -> float:
    """The share found otherwise down to each score, averaged over all that were found; ties are taken together."""
    if not otherwise.any():
        return math.nan
    order = np.argsort(-score, kind="stable")
    found, visited = np.cumsum((weight * otherwise)[order]), np.cumsum(weight[order])
    last = np.append(np.diff(score[order]) != 0, True)
    steps = np.diff(found[last], prepend=0.0)
    return float(steps @ (found[last] / visited[last]) / found[-1])


def yield_by_arm(visits: pl.DataFrame, level: float = INTERVAL) -> pl.DataFrame:
    """What visits found, by the arm that chose them.

    Args:
        visits: `inputs.INPUTS["visits"]`, any of its rows.
        level: how often the intervals shall cover.

    Returns:
        `YIELD`, by arm: the share found otherwise with its exact interval (Clopper and Pearson 1934).
    """
    arms = (
        visits.group_by("selected_by")
        .agg(visited=pl.len().cast(pl.Int64), otherwise=(pl.col("finding") == "qualified").sum().cast(pl.Int64))
        .with_columns(share=pl.col("otherwise") / pl.col("visited"))
        .sort("selected_by")
    )
    low, high = binomial_interval(arms["share"].to_numpy(), arms["visited"].to_numpy(), level)
    return arms.with_columns(low=pl.Series(low), high=pl.Series(high)).select(YIELD.names()).cast(YIELD)


def _columns(judged: pl.DataFrame) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.float64]]:
    """Scores, outcomes and weights; weights of mean 1, so that no more is claimed than was visited."""
    weight = judged["weight"].to_numpy()
    return judged["score"].to_numpy(), judged["otherwise"].to_numpy(), weight * len(weight) / max(weight.sum(), 1e-12)


def _in_first(
    score: NDArray[np.float64], otherwise: NDArray[np.bool_], weight: NDArray[np.float64], first: int
) -> tuple[float, float]:
    """Weight found otherwise and weight in all among the first; those that tie for the last places share them."""
    if not len(score):
        return 0.0, 0.0
    limit = np.partition(score, -first)[-first]
    above, tied = score > limit, score == limit
    part = above + tied * (first - above.sum()) / tied.sum()
    return float(part @ (weight * otherwise)), float(part @ weight)


def _days_sooner(score: NDArray[np.float64], otherwise: NDArray[np.bool_], weight: NDArray[np.float64]) -> float:
    """How many places before the middle of the list those stand that were found otherwise, on average."""
    if not otherwise.any():
        return math.nan
    order = np.sort(-score)
    ranks = (np.searchsorted(order, -score, side="left") + np.searchsorted(order, -score, side="right") + 1) / 2
    return float((len(score) + 1) / 2 - np.average(ranks[otherwise], weights=weight[otherwise]))
