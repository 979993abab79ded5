"""Bands: how far a score is from expected, in words, and whether it still is where many are looked at together."""

from __future__ import annotations

from statistics import NormalDist
from typing import Final

import polars as pl

from crosscheck.vocabulary import BAND_LIMITS, BANDS

# The share of scores beyond each limit by chance alone, on both sides: 5%, 1% and 0.2%.
_BAND_RATES: Final = tuple(2 * NormalDist().cdf(-limit) for limit in BAND_LIMITS)


def band_of_distance(z: pl.Expr) -> pl.Expr:
    """The band of a normal score by itself, whichever side it is on: beyond ±1.96, ±2.58, ±3.09."""
    return _band_label([z.abs() > limit for limit in BAND_LIMITS])


def band_of_rate(q_value: pl.Expr) -> pl.Expr:
    """The band of a score among all that it was looked at with: false discovery rate below 5%, 1%, 0.2%.

    The limits are the chances beyond those of `band_of_distance`, so that one word stands for one rate of error: of
    scores in or beyond a band by `z` that share of *all* is chance, by `q_value` that share of *those named*.
    """
    return _band_label([q_value < rate for rate in _BAND_RATES])


def _band_label(beyond: list[pl.Expr]) -> pl.Expr:
    words = pl.lit(BANDS[0])
    for further, word in zip(beyond, BANDS[1:], strict=True):
        words = pl.when(further).then(pl.lit(word)).otherwise(words)
    return words
