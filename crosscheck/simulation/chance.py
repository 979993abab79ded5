"""Chance that repeats: one stream of random numbers for each thing that is drawn, so that none disturbs another."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtri

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Chance:
    """A world's seed; what is drawn for one name does not depend on what else is drawn."""

    seed: int

    def of(self, name: str) -> np.random.Generator:
        """The stream of one thing, always from its beginning."""
        return np.random.default_rng([self.seed, zlib.crc32(name.encode())])


def pick_levels(normal: NDArray[np.float64], shares: NDArray[np.float64]) -> NDArray[np.intp]:
    """The level on which each standard normal falls, the lowest first, so that levels have these shares."""
    below = np.cumsum(shares / shares.sum())[:-1]
    return np.searchsorted(ndtri(np.clip(below, 0.0, 1.0)), normal)
