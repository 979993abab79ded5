"""The kinds of figures: how each is written, what it is counted from, and how it is compared with its peers.

`KINDS` has one entry a kind, and nothing else lists them: the contract, the model of figures, scores and pages read it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import scipy  # its functions are loaded when the first is called: whoever asks for a unit needs none

from crosscheck.figures.dispersion import (
    Deviations,
    Expected,
    Floats,
    expect_log_ratio,
    expect_ratio,
    expect_share,
    log_ratios,
    means,
    normal_scores,
    proportions,
    ratios,
    ratios_of_counts,
    robust_scores,
)

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class FigureGroup:
    """The figures of one peer group, one entry an organisation; NaN where the kind of figure has no such part."""

    numerator: Floats
    denominator: Floats
    value: Floats
    sd_within: Floats


@dataclass(frozen=True)
class WithError:
    """A kind whose figures have a sampling error of their own, since it is known from how many each comes.

    Attributes:
        deviations: of a group, from a target, or where that is None from what the group itself leads to expect.
        to_target: from what is expected of a group, on its scale, to such a target; None where there is no choice.
        funnel: with what is expected (as a ratio) and how many stand behind each, figures that are just as expected;
            None where the kind has no funnel.
    """

    deviations: Callable[[FigureGroup, float | None], Deviations]
    to_target: Callable[[float], float] | None = None
    funnel: Callable[[float, Floats], Expected] | None = None


@dataclass(frozen=True)
class WithoutError:
    """A kind whose figures come alone.

    Attributes:
        distances: of values, with the floor of percentages: what is expected of them, and how far each lies from it.
    """

    distances: Callable[[Floats, float], tuple[float, Floats]]


@dataclass(frozen=True)
class IndicatorKind:
    """One kind of figure.

    Attributes:
        name: as the model of figures, the collection and the scores write it.
        formula: how figures of this kind are compared.
        unit: how one unit of it is written; nothing for a plain number.
        most: the largest value that it can have.
        is_counted: whether it is one count over another, so that its value follows from both.
        per: by how much that ratio is multiplied: 100 for a percentage.
        is_input: whether a collection may state it of a figure that the model does not name.
    """

    name: str
    formula: WithError | WithoutError
    unit: str = ""
    most: float = math.inf
    is_counted: bool = False
    per: float = 1.0
    is_input: bool = False

    @property
    def has_denominator(self) -> bool:
        """Whether a number of people or cases stands behind it; from that its error is known."""
        return isinstance(self.formula, WithError)


def _ranks(value: Floats, _: float) -> tuple[float, Floats]:
    """Of grades the lower of two middle ones is expected: a grade between them does not exist."""
    return float(np.sort(value)[(value.size - 1) // 2]), normal_scores(value)


def _percentages(value: Floats, floor: float) -> tuple[float, Floats]:
    return float(np.median(value)), robust_scores(scipy.special.logit(np.clip(value, floor, 100 - floor) / 100))


def _numbers(value: Floats, _: float) -> tuple[float, Floats]:
    """How far each number lies from their median.

    Of numbers that are skewed to the right (days of training, staff: none is negative, the mean lies above the median)
    the logarithms are compared, one added for the sake of zeros. Always to take logarithms would put a zero among
    sixes, of nine at most, farther off than it is.
    """
    skewed = value.min() >= 0 and value.mean() > np.median(value)
    return float(np.median(value)), robust_scores(np.log1p(value) if skewed else value)


_PROPORTION: Final = WithError(
    lambda group, target: proportions(group.numerator, group.denominator, target),
    to_target=lambda expected: float(np.sin(expected) ** 2),
    funnel=expect_share,
)
_RATIO: Final = WithError(
    lambda group, _: ratios(group.numerator, group.denominator),
    funnel=lambda _, n: expect_ratio(n),
)
_LOG_RATIO: Final = WithError(
    lambda group, _: log_ratios(group.numerator, group.denominator),
    funnel=lambda _, n: expect_log_ratio(n),
)
_RATIO_OF_COUNTS: Final = WithError(
    lambda group, target: ratios_of_counts(group.numerator, group.denominator, target),
    to_target=lambda expected: float(scipy.special.expit(expected)),
)
_MEAN: Final = WithError(
    lambda group, target: means(group.value, group.denominator, group.sd_within[0], target),
    to_target=float,
)

KINDS: Final = {
    kind.name: kind
    for kind in (
        IndicatorKind("proportion", _PROPORTION, unit="%", most=100.0, is_counted=True, per=100.0, is_input=True),
        IndicatorKind("ratio", _RATIO, is_counted=True, is_input=True),
        IndicatorKind("log_ratio", _LOG_RATIO, is_counted=True),
        IndicatorKind("ratio_of_counts", _RATIO_OF_COUNTS, is_counted=True),
        IndicatorKind("mean", _MEAN),
        IndicatorKind("percent", WithoutError(_percentages), unit="%", most=100.0),
        IndicatorKind("number", WithoutError(_numbers), is_input=True),
        IndicatorKind("ordinal", WithoutError(_ranks)),
    )
}
INPUT_KINDS: Final = tuple(kind.name for kind in KINDS.values() if kind.is_input)
COUNTED: Final = tuple(kind.name for kind in KINDS.values() if kind.is_counted)
WITH_DENOMINATOR: Final = tuple(kind.name for kind in KINDS.values() if kind.has_denominator)
PERCENTAGES: Final = tuple(kind.name for kind in KINDS.values() if kind.unit == "%")


def funnel_of(kind: str) -> Callable[[float, Floats], Expected] | None:
    """What draws the funnel of a kind; None where it has none, and for a type of answer."""
    formula = KINDS[kind].formula if kind in KINDS else None
    return formula.funnel if isinstance(formula, WithError) else None
