"""What is repeated: the cumulative sum of an organisation's scores over periods, and how soon it signals."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtr

if TYPE_CHECKING:
    from crosscheck.figures.dispersion import Floats

_NODES = 80  # of the quadrature: more change no printed digit


def accumulate(z: Floats, allowance: float = 0.5) -> Floats:
    """The one-sided cumulative sum of scores: what lies above `allowance`, period after period, never below zero.

    Args:
        z: scores by period (rows) and organisation (columns); positive is worse. An absent score (NaN) leaves the sum
            where it was: it is neither a good period nor a bad one.
        allowance: half the shift that matters, in standard deviations (Page 1954, Biometrika 41:100-115).

    Returns:
        The sums, in the shape of `z`; positive is worse.
    """
    sums = np.zeros_like(z)
    last = np.zeros(z.shape[1:])
    for period, scores in enumerate(z):
        # An absent score must neither add nor subtract the allowance: a silent period is not a good one.
        last = np.where(np.isnan(scores), last, np.maximum(0.0, last + scores - allowance))
        sums[period] = last
    return sums


def run_length(limit: float, shift: float = 0.0, allowance: float = 0.5) -> float:
    """How many periods pass on average before the sum of normal scores first exceeds `limit`.

    Solves L(s) = 1 + L(0) P(s + x - k ≤ 0) + ∫ L(y) φ(y - s + k - shift) dy over 0 to `limit`, by Gauss-Legendre
    quadrature (Nyström's method; Brook and Evans 1972, Biometrika 59:539-549, for the Markov chain that it refines).

    Args:
        limit: h, in standard deviations.
        shift: mean of the scores; 0 is as expected, positive is worse.
        allowance: k, in standard deviations.
    """
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    at, weight = (nodes + 1) * limit / 2, weights * limit / 2
    start = np.concatenate([[0.0], at])
    # The sum has an atom at zero, where it restarts, beside its density: so zero is an unknown of its own.
    reset = ndtr(allowance - shift - start)
    density = np.exp(-((at[None, :] - start[:, None] + allowance - shift) ** 2) / 2) / np.sqrt(2 * np.pi)
    system = np.eye(start.size) - np.column_stack([reset, density * weight])
    return float(np.linalg.solve(system, np.ones(start.size))[0])
