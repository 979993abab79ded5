"""How each kind of figure is compared with its peers: one entry a kind of `contract.indicator_kinds`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.special import expit, logit

from crosscheck.scoring.dispersion import (
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
    from collections.abc import Callable, Mapping


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


def _ranks(value: Floats, _: float) -> tuple[float, Floats]:
    """Of grades the lower of two middle ones is expected: a grade between them does not exist."""
    return float(np.sort(value)[(value.size - 1) // 2]), normal_scores(value)


def _percentages(value: Floats, floor: float) -> tuple[float, Floats]:
    return float(np.median(value)), robust_scores(logit(np.clip(value, floor, 100 - floor) / 100))


def _numbers(value: Floats, _: float) -> tuple[float, Floats]:
    """How far each number lies from their median.

    Of numbers that are skewed to the right (days of training, staff: none is negative, the mean lies above the median)
    the logarithms are compared, one added for the sake of zeros. Always to take logarithms would put a zero among
    sixes, of nine at most, farther off than it is.
    """
    skewed = value.min() >= 0 and value.mean() > np.median(value)
    return float(np.median(value)), robust_scores(np.log1p(value) if skewed else value)


FORMULAS: Final[Mapping[str, WithError | WithoutError]] = {
    "proportion": WithError(
        lambda group, target: proportions(group.numerator, group.denominator, target),
        to_target=lambda expected: float(np.sin(expected) ** 2),
        funnel=expect_share,
    ),
    "ratio": WithError(
        lambda group, _: ratios(group.numerator, group.denominator),
        funnel=lambda _, n: expect_ratio(n),
    ),
    "log_ratio": WithError(
        lambda group, _: log_ratios(group.numerator, group.denominator),
        funnel=lambda _, n: expect_log_ratio(n),
    ),
    "ratio_of_counts": WithError(
        lambda group, target: ratios_of_counts(group.numerator, group.denominator, target),
        to_target=lambda expected: float(expit(expected)),
    ),
    "mean": WithError(
        lambda group, target: means(group.value, group.denominator, group.sd_within[0], target),
        to_target=float,
    ),
    "percent": WithoutError(_percentages),
    "number": WithoutError(_numbers),
    "ordinal": WithoutError(_ranks),
}


def funnel_of(kind: str) -> Callable[[float, Floats], Expected] | None:
    """What draws the funnel of a kind; None where it has none, and for a type of answer."""
    formula = FORMULAS.get(kind)
    return formula.funnel if isinstance(formula, WithError) else None
