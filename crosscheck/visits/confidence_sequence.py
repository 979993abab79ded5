"""An interval of the prevalence that may be looked at every week: it holds the truth in all weeks at once.

A usual interval holds with 95% at one look; whoever looks each week and stops when it pleases is misled more often. A
confidence sequence (Darling and Robbins 1967, PNAS 58:66-68; without replacement Waudby-Smith and Ramdas 2020, NeurIPS
33) holds with 95% however often one looks. What is given here is exact for the random arm: organisations are drawn
without replacement in each stratum, and in which week each is visited is drawn, too, or at least does not hang on what
a visit would find.

For any numbers θ of lapses in the frame the visits so far have a known probability, that of draws from an urn. Bets
that were laid beforehand (a mixture of prevalences, and of how far lapses come together) give them another one. While θ
is true, the ratio of bets to urn is a martingale that begins at 1, so that it ever exceeds 20 with a chance of at most
1 in 20 (Ville 1939). The interval holds every prevalence for which some θ has never let the ratio exceed 20.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl
from scipy.special import gammaln, logsumexp

from crosscheck.visits.binomial import LEVEL

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

SEQUENCE: Final = pl.Schema(
    {
        "week": pl.Int64(),
        "organisations": pl.Int64(),
        "tested": pl.Int64(),
        "not_upheld": pl.Int64(),
        "low": pl.Float64(),
        "high": pl.Float64(),
    }
)

# The bets: prevalences, closer to one another where they are rare, and how far two lapses come together. They say
# where the interval is narrow, never whether it is right.
_PREVALENCES: Final = np.linspace(0.0, 1.0, 101)[1:-1] ** 1.5
_TOGETHER: Final = (0.0, 0.5, 1.0)
_MOST: Final = 2  # declarations of one organisation: one, or a commissioner's and a provider's


@dataclass(frozen=True)
class Cell:
    """Organisations of one stratum with so many declarations to test."""

    stratum: str
    declarations: int


def follow_weeks(frame: pl.DataFrame, visited: pl.DataFrame, level: float = LEVEL) -> pl.DataFrame:
    """The interval at the end of each week.

    Args:
        frame: one row an organisation in the draw: `stratum`, `declarations` (1 or 2).
        visited: one row an organisation of the random arm whose declarations have all been visited: `week` (from 1),
            `stratum`, `declarations`, `found` (how many of these were not upheld).
        level: how often the interval shall hold in all weeks at once.

    Returns:
        `SEQUENCE`, by week, for each in which somebody was visited: how many were so far, and between what shares of
        all declarations in the frame the prevalence lies. The interval never widens.
    """
    sizes = _sizes(frame)
    rows = []
    low, high = 0.0, 1.0
    for week in visited["week"].unique().sort():
        so_far = visited.filter(pl.col("week") <= week)
        within = prevalence_bounds(sizes, count_found(so_far), level)
        # Intersected with the weeks before: valid in all weeks at once, so the narrowest so far still holds.
        low, high = max(low, within[0]), min(high, within[1])
        totals = so_far.select(pl.len(), pl.col("declarations").sum(), pl.col("found").sum()).row(0)
        rows.append((week, *totals, low, high))
    return pl.DataFrame(rows, schema=SEQUENCE, orient="row")


def count_found(visited: pl.DataFrame) -> dict[Cell, tuple[int, ...]]:
    """Of each cell, how many organisations had none, one, two declarations not upheld."""
    counts: dict[Cell, list[int]] = {}
    by = ("stratum", "declarations", "found")
    for stratum, declarations, found, number in visited.group_by(by).len().sort(by).iter_rows():
        counts.setdefault(Cell(stratum, declarations), [0] * (declarations + 1))[found] += number
    return {cell: tuple(of_cell) for cell, of_cell in counts.items()}


def prevalence_bounds(
    sizes: Mapping[Cell, int], counts: Mapping[Cell, Sequence[int]], level: float = LEVEL
) -> tuple[float, float]:
    """The least and the greatest prevalence that the visits so far leave possible.

    Args:
        sizes: how many organisations each cell of the frame has.
        counts: how many of those visited had none, one, two declarations not upheld.
        level: as in `follow_weeks`.
    """
    likely = np.zeros(1)  # by the total of lapses in the cells so far, of the numbers with the highest probability
    for cell, size in sizes.items():
        likely = _join(likely, _urn(size, counts.get(cell, (0,) * (cell.declarations + 1))))
    (possible,) = np.nonzero(_bets(counts) - likely <= -np.log(1 - level))
    return float(possible[0]) / (len(likely) - 1), float(possible[-1]) / (len(likely) - 1)


def _sizes(frame: pl.DataFrame) -> dict[Cell, int]:
    rows = frame.group_by("stratum", "declarations").len().sort("stratum", "declarations").iter_rows()
    return {Cell(stratum, declarations): size for stratum, declarations, size in rows}


def _urn(size: int, counts: Sequence[int]) -> Floats:
    """By the total of lapses in a cell, the log probability of the draws in their order, where it is highest."""
    if len(counts) == _MOST:
        held = np.arange(size + 1)
        return _draws(held, counts[1]) + _draws(size - held, counts[0]) - _draws(np.array(size), sum(counts))
    totals, double = np.arange(2 * size + 1)[:, None], np.arange(size + 1)[None, :]
    single = totals - 2 * double
    none = size - single - double
    ways = _draws(none, counts[0]) + _draws(single, counts[1]) + _draws(double, counts[2])
    highest: Floats = ways.max(axis=1) - _draws(np.array(size), sum(counts))
    return highest


def _draws(held: NDArray[np.int64], taken: int) -> Floats:
    """Log of held · (held - 1) · … with `taken` factors; minus infinity where fewer are held than taken."""
    enough = held >= max(taken, 0)
    some = np.where(enough, held, taken)
    return np.where(enough, gammaln(some + 1) - gammaln(some - taken + 1), -np.inf)


def _join(one: Floats, other: Floats) -> Floats:
    """The highest sum for each total of two cells."""
    short, long = sorted((one, other), key=len)
    joined = np.full(len(one) + len(other) - 1, -np.inf)
    for total, log in enumerate(short):
        part = joined[total : total + len(long)]
        np.maximum(part, long + log, out=part)
    return joined


def _bets(counts: Mapping[Cell, Sequence[int]]) -> float:
    """Log probability of the draws in their order under the bets."""
    single = np.sum([of_cell for cell, of_cell in counts.items() if cell.declarations == 1] or [(0, 0)], axis=0)
    double = np.sum([of_cell for cell, of_cell in counts.items() if cell.declarations == _MOST] or [(0, 0, 0)], axis=0)
    p, rho = _PREVALENCES[:, None], np.array(_TOGETHER)[None, :]
    both = p * (p + rho * (1 - p))
    log = single[0] * np.log(1 - p) + single[1] * np.log(p)
    for number, chance in zip(double, (1 - 2 * p + both, 2 * (p - both), both), strict=True):
        if number:  # no bet is lost on what did not occur
            log = log + number * np.log(np.maximum(chance, 1e-300))
    return float(logsumexp(log + np.zeros_like(both)) - np.log(both.size))
