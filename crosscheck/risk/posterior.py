"""Risk and rank, each with its interval, from the parts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from crosscheck.risk.model import RiskModel

_KEYS: Final = ("org_code", "function")
_WITHOUT_COMMON_FACTOR: Final = ("prior", "declared")  # single numbers: their own sd says it all


def rank_declarations(parts: pl.DataFrame, model: RiskModel, seed: int) -> pl.DataFrame:
    """Order declarations by the sum of their parts, with 90% intervals of risk and rank.

    The intervals show what the experts' doubt about their weights leaves open: each weight of the model is drawn anew
    `draws` times around its stated value, by its stated sd, together with one common factor a family; all declarations
    share a draw, since a weight is the same for all. They say nothing of answers that may be wrong.

    Args:
        parts: one row a part (`evidence.PARTS`).
        model: its `simulation` says how many draws, and how wide an interval.
        seed: the same seed gives the same intervals.

    Returns:
        One row a declaration, worst first: `rank` from 1, `decibans`, `risk`, `risk_low`, `risk_high`, `rank_low`,
        `rank_high`. Equal sums are ordered by `org_code`, `function`, so that two runs give the same list.
    """
    totals = parts.group_by(*_KEYS).agg(decibans=pl.col("decibans").sum().round(9)).sort(*_KEYS)
    drawn = _draw(parts, totals, model, seed)
    tail = (1 - model.simulation.interval) / 2
    risk_low, risk_high = probability(np.quantile(drawn, [tail, 1 - tail], axis=1))
    rank_low, rank_high = np.quantile(_ranks(drawn), [tail, 1 - tail], axis=1)
    ranked = totals.with_columns(
        risk=pl.Series(probability(totals["decibans"].to_numpy())),
        risk_low=pl.Series(risk_low),
        risk_high=pl.Series(risk_high),
        rank_low=pl.Series(np.floor(rank_low)).cast(pl.Int64),
        rank_high=pl.Series(np.ceil(rank_high)).cast(pl.Int64),
    )
    ordered = ranked.sort("decibans", *_KEYS, descending=[True, False, False])
    return (
        ordered.with_row_index("rank", offset=1).with_columns(pl.col("rank").cast(pl.Int64)).with_columns(_enclosing())
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


def _draw(parts: pl.DataFrame, totals: pl.DataFrame, model: RiskModel, seed: int) -> NDArray[np.float64]:
    """Sums of decibans, one row a declaration and one column a draw."""
    doubt = (pl.col("sd") * pl.col("decibans").sign() * _kept()).fill_nan(0)
    by_weight = _matrix(parts.select(*_KEYS, column="part", entry=doubt), totals)
    alike = parts.filter(pl.col("family").is_in(_WITHOUT_COMMON_FACTOR).not_())
    by_family = _matrix(alike.select(*_KEYS, column="family", entry="decibans"), totals)
    generator = np.random.default_rng(seed)
    draws = model.simulation.draws
    own = by_weight @ generator.standard_normal((by_weight.shape[1], draws))
    common = by_family @ generator.normal(0, model.simulation.common_sd, (by_family.shape[1], draws))
    drawn: NDArray[np.float64] = totals["decibans"].to_numpy()[:, None] + own + common
    return drawn


def _kept() -> pl.Expr:
    """The share of its own worth that a part kept beside the others."""
    return pl.when(pl.col("worth") == 0).then(0.0).otherwise(pl.col("decibans") / pl.col("worth"))


def _matrix(entries: pl.DataFrame, totals: pl.DataFrame) -> NDArray[np.float64]:
    """Declarations in the rows, columns by name; where a declaration has no such part, zero moves nothing."""
    wide = entries.sort("column").pivot(on="column", index=_KEYS, values="entry", aggregate_function="sum")
    placed = totals.select(_KEYS).join(wide, on=_KEYS, how="left", maintain_order="left")
    return placed.drop(_KEYS).fill_null(0.0).to_numpy()


def _ranks(drawn: NDArray[np.float64]) -> NDArray[np.int32]:
    """The rank of each declaration in each draw, 1 for the worst; declarations in the rows, draws in the columns."""
    order = np.argsort(-drawn.T, axis=1, kind="stable")
    ranks = np.empty(order.shape, dtype=np.int32)
    np.put_along_axis(ranks, order, np.arange(1, order.shape[1] + 1, dtype=np.int32)[None, :], axis=1)
    return np.ascontiguousarray(ranks.T)
