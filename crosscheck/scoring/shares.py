"""Answers beside those of peers, where peers may be few: a distribution that no single return moves far.

Of eleven ambulance trusts each one is a ninth part of what the ten others are compared with. So a type's answers are
filled up: to `least` answers with those of other types, and where these are few or none with answers spread evenly over
all that can be answered; and for every type, however large, with `even` such answers in all, so that a level that
nobody chose is rare and not impossible. In the words of Bayes, shares have a Dirichlet prior around the shares of all
types, which have one around even shares. A type of `least` answers or more is not drawn to others.

Here higher is *more*; `indicators` turns it so that positive is worse. Nothing is NaN: who did not answer is not among
the answers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.special import expit, logit, ndtri

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from crosscheck.figures.dispersion import Floats
    from crosscheck.scoring.model import Answers, Range, Scale

# Over how many numbers of a range even answers are spread.
_POINTS: Final = 5

# A weight below this is what rounding leaves of none.
_NO_WEIGHT: Final = 1e-9

# The quantiles that say how far apart peers are, and how many standard deviations of a normal distribution lie between.
# The outer ones count where most peers gave the same answer and the inner ones nearly meet.
_QUANTILES: Final = np.array([0.1, 0.25, 0.5, 0.75, 0.9])
_INNER, _OUTER = 2 * ndtri(0.75), 2 * ndtri(0.9)


@dataclass(frozen=True)
class Distribution:
    """Different answers from the lowest to the highest, and how many gave each; numbers need not be whole."""

    answers: Floats
    weights: Floats

    @property
    def middles(self) -> Floats:
        """The share of answers below each, and half of those equal to it."""
        return np.asarray((np.cumsum(self.weights) - self.weights / 2) / self.weights.sum())


def fill_up(own: Floats, everybody: Floats, possible: Floats, model: Answers) -> Distribution:
    """The distribution that the answers of one peer group are compared with.

    Args:
        own: the group's answers.
        everybody: the answers of all organisations, the group's among them.
        possible: what can be answered, each as likely as any other before anybody has answered.
        model: how many answers are enough, and how many are spread evenly.
    """
    answers = np.unique(np.concatenate([everybody, possible]))
    of_group, of_all, spread = (
        np.bincount(np.searchsorted(answers, given), minlength=answers.size) for given in (own, everybody, possible)
    )
    of_others, evenly = of_all - of_group, spread / possible.size
    prior = (of_others + model.least * evenly) / (of_others.sum() + model.least)
    # The prior fades as the group grows: from `least` answers on a group speaks for itself alone.
    lacking = max(0.0, model.least - own.size)
    weights = of_group + lacking * prior + model.even * evenly
    return Distribution(answers[weights > _NO_WEIGHT], weights[weights > _NO_WEIGHT])


def score_levels(own: Floats, peers: Distribution) -> Floats:
    """Normal scores of levels: Φ⁻¹ of the share of answers below and half of those equal.

    A higher level always scores higher, also where it is one's own that moves: one's own answer is half of it equal to
    itself wherever it is, and with every level some answers lie between it and the next.
    """
    return np.asarray(ndtri(peers.middles)[np.searchsorted(peers.answers, own)])


def score_numbers(own: Floats, peers: Distribution) -> Floats:
    """Distances from the median of one's peers, oneself left out, in standard deviations.

    Median and spread are read off interpolated mid-quantiles (Ma, Genton and Parzen 2011, Annals of the Institute of
    Statistical Mathematics 63:227-243), which do not leap from one whole number to the next as plain quantiles of whole
    numbers do. The spread is the wider of that of the middle half and that of the middle four fifths, each as of a
    normal distribution. Since oneself is left out, a higher answer always scores higher.
    """
    different, which = np.unique(own, return_inverse=True)
    quantiles = np.array([_quantiles(_without(peers, answer)) for answer in different])
    lowest, low, middle, high, highest = quantiles.T
    return np.asarray(((different - middle) / np.maximum((high - low) / _INNER, (highest - lowest) / _OUTER))[which])


def score_numbers_beside(numbers: Floats, peers: Distribution) -> Floats:
    """Distances as of `score_numbers`, of numbers whose giver does not count among the peers."""
    lowest, low, middle, high, highest = _quantiles(peers)
    return np.asarray((numbers - middle) / max((high - low) / _INNER, (highest - lowest) / _OUTER))


def median_level(peers: Distribution) -> float:
    """The lowest level that at least half do not exceed."""
    return float(peers.answers[np.searchsorted(np.cumsum(peers.weights), peers.weights.sum() / 2)])


def median_number(peers: Distribution) -> float:
    """The interpolated median."""
    return float(_quantiles(peers)[2])


def to_scale(numbers: Floats, scale: Scale, percent_floor: float) -> Floats:
    """Numbers on the scale on which they are compared; percentages are held so far from 0 and from 100."""
    if scale == "logit":
        return np.asarray(logit(np.clip(numbers, percent_floor, 100 - percent_floor) / 100))
    return np.log1p(np.maximum(numbers, 0)) if scale == "logarithm" else numbers


def from_scale(scaled: float, scale: Scale) -> float:
    """Back to the number that people read."""
    return float(_BACK[scale](scaled))


def possible_numbers(within: Range) -> Floats:
    """Numbers evenly from one end of a range to the other.

    They are few: in a gap between the numbers that are really answered, quantiles would leap along many slight ones.
    """
    return np.linspace(within.low, within.high, _POINTS)


_BACK: Final[Mapping[Scale, Callable[[float], float]]] = {
    "plain": float,
    "logarithm": np.expm1,
    "logit": lambda scaled: 100 * expit(scaled),
}


def _without(peers: Distribution, answer: float) -> Distribution:
    """The peers of one that answered so: one answer less."""
    weights = peers.weights - (peers.answers == answer)
    there = weights > _NO_WEIGHT
    return Distribution(peers.answers[there], weights[there])


def _quantiles(peers: Distribution) -> Floats:
    return np.asarray(np.interp(_QUANTILES, peers.middles, peers.answers))
