"""Intervals of a share, exact in the binomial's sense; the number behind it may be an effective one, not whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.special import betaincinv

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

LEVEL: Final = 0.95


def binomial_interval(
    share: ArrayLike, number: ArrayLike, level: float = LEVEL, inset: float = 0.0
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The ends of the interval of a share.

    Clopper and Pearson 1934, Biometrika 26:404-413, through quantiles of the beta distribution; with a number that is
    not whole as Korn and Graubard 1998, Survey Methodology 24:193-201.

    Args:
        share: that of those who have what is counted, 0 to 1.
        number: how many there are; where it is 0 the interval is 0 to 1, where it is infinite the share itself.
        level: how often the interval shall cover.
        inset: by how much of one found the ends are moved inwards: 0 is the exact interval, which covers at least as
            often as it says; 0.5 is that of Jeffreys, which covers so often on average.
    """
    share, number = np.atleast_1d(np.asarray(share, float)), np.atleast_1d(np.asarray(number, float))
    # Infinite numbers go through the formulas as 1 and are put back afterwards, so that no NaN warning hides a real
    # one.
    endless = np.isinf(number)
    n = np.where(endless, 1.0, number)
    x, tail = np.where(number > 0, share, 0.0) * n, (1 - level) / 2
    low = np.where(x > 0, betaincinv(x + inset, n - x + 1 - inset, tail), 0.0)
    high = np.where(x < n, betaincinv(x + 1 - inset, n - x + inset, 1 - tail), 1.0)
    low, high = np.where(number > 0, low, 0.0), np.where(number > 0, high, 1.0)
    return np.where(endless, share, low), np.where(endless, share, high)
