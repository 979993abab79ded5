"""Risk and rank, each with its interval, from the parts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from crosscheck.risk.evidence import PROBIT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from crosscheck.risk.model import RiskModel
    from crosscheck.risk.quality import Quality

_KEYS: Final = ("org_code", "function")
_ITEMS: Final = ("answers", "figures", "comments", "history")  # families whose weight rests on the link to a visit
_APART: Final = 1e6  # decibans, so that in no draw a declaration leaves its pool
_FIRST: Final = 0.1  # the share of the list that counts as its first


def rank_declarations(
    parts: pl.DataFrame, pools: pl.DataFrame, quality: Quality, model: RiskModel, seed: int
) -> pl.DataFrame:
    """Order declarations by pool and within it by the sum of their parts, with 90% intervals of risk and rank.

    The risk is an average over what the quality of the organisation may be, given its items. The intervals show what
    that average hides: quality and shading are drawn as they may be, the weight of each part by its standard deviation,
    and how far a visit follows from quality by its own; all declarations share a draw of a weight, and both functions
    of an organisation share its quality.

    Args:
        parts: one row a part (`evidence.PARTS`).
        pools: the pool of each declaration, in the order of the list (`org_code`, `function`, `pool`).
        quality: how well the quality of each organisation is known.
        model: its `simulation` says how many draws, and how wide an interval.
        seed: the same seed gives the same intervals.

    Returns:
        One row a declaration, by pool, worst first within it: `rank` from 1, `decibans`, `risk`, `risk_low`,
        `risk_high`, `rank_low`, `rank_high`, `among_first` (the probability of belonging to the first tenth) and
        `ahead_of_next` (that of a higher risk than the next on the list; null for the last). Equal sums are ordered by
        `org_code`, `function`, so that two runs give the same list.
    """
    totals = (
        parts.group_by(*_KEYS)
        .agg(decibans=pl.col("decibans").sum().round(6))
        .join(pools, on=_KEYS)
        .sort("pool", "decibans", *_KEYS, descending=[False, True, False, False])
    )
    drawn = _draw(parts, totals, quality, model, seed)
    tail = (1 - model.simulation.interval) / 2
    places = drawn - _APART * totals["pool"].to_physical().to_numpy()[:, None]
    ranks = _ranks(places)
    risk_low, risk_high = probability(np.quantile(drawn, [tail, 1 - tail], axis=1))
    rank_low, rank_high = np.quantile(ranks, [tail, 1 - tail], axis=1)
    ahead = (places[:-1] > places[1:]).mean(axis=1).tolist()
    return (
        totals.drop("pool")
        .with_row_index("rank", offset=1)
        .with_columns(
            pl.col("rank").cast(pl.Int64),
            risk=pl.Series(probability(totals["decibans"].to_numpy())),
            risk_low=pl.Series(risk_low),
            risk_high=pl.Series(risk_high),
            rank_low=pl.Series(np.floor(rank_low)).cast(pl.Int64),
            rank_high=pl.Series(np.ceil(rank_high)).cast(pl.Int64),
            among_first=pl.Series((ranks <= max(round(totals.height * _FIRST), 1)).mean(axis=1)),
            ahead_of_next=pl.Series([*ahead, None][: totals.height], dtype=pl.Float64),
        )
        .with_columns(_enclosing())
    )


def probability(decibans: NDArray[np.float64]) -> NDArray[np.float64]:
    """The probability that log-odds in decibans stand for."""
    return 1 / (1 + np.power(10.0, -decibans / 10))


def _enclosing() -> Sequence[pl.Expr]:
    """The intervals with the value itself inside, should the draws' middle lie elsewhere."""
    return (
        pl.min_horizontal("risk_low", "risk"),
        pl.max_horizontal("risk_high", "risk"),
        pl.min_horizontal("rank_low", "rank"),
        pl.max_horizontal("rank_high", "rank"),
    )


def _draw(
    parts: pl.DataFrame, totals: pl.DataFrame, quality: Quality, model: RiskModel, seed: int
) -> NDArray[np.float64]:
    """Log-odds in decibans as they would be with quality known; one row a declaration and one column a draw.

    With known quality log-odds spread more than with what is known of it: the sum of parts m / √(1 - k) becomes
    (m + √(K - k) ε) / √(1 - K), where k is the share of the variance of liability that is known and K what can be.
    """
    generator = np.random.default_rng(seed)
    draws = model.simulation.draws
    unknown, stretch = _leave_open(totals, quality)
    by_weight = _matrix(parts.select(*_KEYS, column="part", entry="sd"), totals)
    by_items = parts.filter(pl.col("family").is_in(_ITEMS)).group_by(_KEYS).agg(entry=pl.col("decibans").sum())
    from_items = totals.join(by_items, on=_KEYS, how="left", maintain_order="left")["entry"].fill_null(0.0).to_numpy()
    own = by_weight @ generator.standard_normal((by_weight.shape[1], draws))
    link = from_items[:, None] * (quality.link.quality_sd / quality.link.quality) * generator.standard_normal(draws)
    codes = totals["org_code"].rank("dense").to_numpy() - 1
    qualities = generator.standard_normal((codes.max() + 1, draws))[codes]
    drawn: NDArray[np.float64] = (totals["decibans"].to_numpy()[:, None] + own + link) * stretch + (
        unknown * model.simulation.widening * qualities
    )
    return drawn


def _leave_open(totals: pl.DataFrame, quality: Quality) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """For each declaration, in a column: the sd in decibans of what is not known of quality, and the stretch."""
    known = totals.join(quality.organisations, on="org_code", how="left", maintain_order="left")["known"].fill_null(0.0)
    rest = 1 - quality.knowable
    shares = known.to_numpy()[:, None].clip(0, quality.knowable)
    return PROBIT * np.sqrt((quality.knowable - shares) / rest), np.sqrt((1 - shares) / rest)


def _matrix(entries: pl.DataFrame, totals: pl.DataFrame) -> NDArray[np.float64]:
    """Declarations in the rows, columns by name; where a declaration has no such part, zero moves nothing."""
    names = entries["column"].unique().sort()
    rows = totals.select(_KEYS).with_row_index("row")
    placed = entries.join(rows, on=_KEYS)
    matrix = np.zeros((totals.height, names.len()))
    matrix[placed["row"].to_numpy(), names.search_sorted(placed["column"]).to_numpy()] = placed["entry"].to_numpy()
    return matrix


def _ranks(drawn: NDArray[np.float64]) -> NDArray[np.int32]:
    """The rank of each declaration in each draw, 1 for the worst; declarations in the rows, draws in the columns."""
    order = np.argsort(-drawn.T, axis=1, kind="stable")
    ranks = np.empty(order.shape, dtype=np.int32)
    np.put_along_axis(ranks, order, np.arange(1, order.shape[1] + 1, dtype=np.int32)[None, :], axis=1)
    return np.ascontiguousarray(ranks.T)
