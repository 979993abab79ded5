"""Dry draws: whether a design draws everybody as often as it says, tried with a thousand made-up values.

Numbers of a seeded generator stand for the tickets: a SHA-256 of each of 1,000 values and 431 codes takes half a
second, and what is tried here is the chances and the choice, not the hash. The tests draw with true tickets.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.special import bdtrc, chdtrc

from crosscheck.visits.draw import WHOLE, Frame, join_matrix

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Drawn = NDArray[np.bool_]

DRY: Final = 1000
_SEED: Final = 1
_AT_ONCE: Final = 4_000_000  # tickets in memory
_NONE_LEFT: Final = 1e-9  # of a variance: what is always drawn, or never, does not vary


@dataclass(frozen=True)
class DrawFit:
    """How well draws fit their stated chances.

    Attributes:
        draws: how many were made.
        chi_square: over all organisations, with its degrees of `freedom` and the probability `p` of as much or more.
        largest_z: of any organisation: how many standard deviations its count is from the expected, at most.
        largest_pair_z: the same of any two organisations drawn together. Where few such draws are expected, a large
            number is no wonder; `pair_p` is the probability that chance alone gives any pair as many as the most.
        never_drawn: organisations that had a chance and were never drawn.
    """

    draws: int
    chi_square: float
    freedom: int
    p: float
    largest_z: float
    largest_pair_z: float
    pair_p: float
    never_drawn: int


def try_design(frame: Frame, draws: int = DRY) -> DrawFit | None:
    """Draw many times and hold the counts against the stated chances; None where there is nobody to draw."""
    if frame.organisations.is_empty() or not frame.number:
        return None
    return measure_fit(frame, draw_dry(frame, draws))


def draw_dry(frame: Frame, draws: int) -> Drawn:
    """Who is drawn by each of many made-up values: values in the rows, organisations by code in the columns."""
    generator = np.random.default_rng(_SEED)
    size = frame.organisations.height
    step = max(1, _AT_ONCE // size)
    blocks = [generator.random((min(step, draws - start), size)) for start in range(0, draws, step)]
    return np.concatenate([choose_smallest(frame, numbers) for numbers in blocks])


def choose_smallest(frame: Frame, numbers: Floats) -> Drawn:
    """Who is drawn, by the numbers that tickets stand for.

    Args:
        frame: who takes part.
        numbers: between 0 and 1: values in the rows, organisations by code in the columns.
    """
    order = numbers / (1 - numbers) / frame.organisations["weight"].to_numpy()
    drawn = np.zeros(numbers.shape, dtype=bool)
    strata = frame.organisations["stratum"].to_numpy()
    for stratum, count in frame.draws.items():
        members = np.flatnonzero((strata == stratum) | (stratum == WHOLE))
        if count:
            # Only who is among the smallest matters, and not their order: a partition is far quicker than sorting.
            smallest = np.argpartition(order[:, members], count - 1, axis=1)[:, :count]
            np.put_along_axis(drawn, members[smallest], values=True, axis=1)
    return drawn


def measure_fit(frame: Frame, drawn: Drawn) -> DrawFit:
    """Hold draws against the stated chances.

    The chi-square takes the covariance that a fixed number of draws makes: organisations of a stratum against its mean,
    and the totals of strata against theirs where these vary.

    Args:
        frame: who took part, with which chances.
        drawn: draws in the rows, organisations by code in the columns.
    """
    number = len(drawn)
    chance = frame.organisations["inclusion_probability"].to_numpy()
    counts = drawn.sum(axis=0)
    # Who is certain to be drawn, or never is, has no spread and would divide by zero.
    open_ones = (chance > 0) & (chance < 1)
    spread = np.sqrt(number * chance * (1 - chance))
    z = (counts - number * chance)[open_ones] / spread[open_ones]
    chi_square, freedom = _chi_square(frame, counts, number)
    pair_z, pair_p = _test_pairs(frame, drawn)
    return DrawFit(
        number, chi_square, freedom, float(chdtrc(freedom, chi_square)) if freedom else 1.0,
        float(np.abs(z).max(initial=0.0)), pair_z, pair_p, int(((counts == 0) & (chance > 0)).sum()),
    )  # fmt: skip


def _chi_square(frame: Frame, counts: NDArray[np.int64], number: int) -> tuple[float, int]:
    strata, of_stratum = np.unique(frame.organisations["stratum"].to_numpy(), return_inverse=True)
    sizes = np.bincount(of_stratum)
    chance = np.zeros(len(strata))
    chance[of_stratum] = frame.organisations["inclusion_probability"].to_numpy()
    joint = join_matrix(frame)
    within = np.where(sizes > 1, chance - np.nan_to_num(np.diag(joint)), 0.0)
    totals = np.bincount(of_stratum, counts)
    squares = np.bincount(of_stratum, (counts - (totals / sizes)[of_stratum]) ** 2)
    varies = within > _NONE_LEFT
    inside = float((squares[varies] / (number * within[varies])).sum())
    covariance = np.outer(sizes, sizes) * (np.nan_to_num(joint) - np.outer(chance, chance))
    covariance += np.diag(sizes * (chance - np.nan_to_num(np.diag(joint))))
    between, rank = _quadratic(totals - number * sizes * chance, number * covariance)
    return inside + between, int((sizes - 1)[varies].sum()) + rank


def _quadratic(distance: Floats, covariance: Floats) -> tuple[float, int]:
    """The squared distance in units of a covariance that may have directions without any, and its rank."""
    values, vectors = np.linalg.eigh(covariance)
    real = values > max(values.max(initial=0.0) * _NONE_LEFT, _NONE_LEFT)
    along = (vectors.T @ distance)[real]
    return float((along**2 / values[real]).sum()), int(real.sum())


def _test_pairs(frame: Frame, drawn: Drawn) -> tuple[float, float]:
    """The largest z of any pair, and the probability that any pair comes together so often by chance."""
    _, of_stratum = np.unique(frame.organisations["stratum"].to_numpy(), return_inverse=True)
    seen = drawn.astype(np.float32)
    upper = np.triu_indices(drawn.shape[1], 1)
    together = (seen.T @ seen)[upper]
    joint = join_matrix(frame)[of_stratum[upper[0]], of_stratum[upper[1]]]
    varies = (joint > 0) & (joint < 1)
    if not varies.any():
        return 0.0, 1.0
    number, joint, together = len(drawn), joint[varies], together[varies].astype(np.float64)
    z = np.abs(together - number * joint) / np.sqrt(number * joint * (1 - joint))
    rarest = bdtrc(np.maximum(together - 1, 0), number, joint)[together > 0].min(initial=1.0)
    return float(z.max()), float(min(1.0, rarest * len(joint)))
