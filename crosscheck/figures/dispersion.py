"""Distances from expectation: transforms, exact small-number scores, over-dispersion, funnel limits; arrays only.

Here a positive distance is *more than expected*; `indicators` turns it so that positive is worse. An absent figure is
NaN: its distance is NaN, and it counts in no sum, quantile or rank. So does one that is infinite, or is a count or a
mean beyond 10¹⁰⁰: no sum or square of others gets out of range.

Sources: Spiegelhalter 2005, Quality and Safety in Health Care 14:347-351; Spiegelhalter, Sherlaw-Johnson, Bardsley,
Blunt, Wood and Grigg 2012, JRSS A 175:1-47; NHS Digital, Summary Hospital-level Mortality Indicator (SHMI), indicator
specification: additive over-dispersion of log ratios, 10% trimmed.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
import numpy.typing as npt
import scipy  # its functions are loaded when the first is called: a page that draws limits needs none

if TYPE_CHECKING:
    from collections.abc import Callable

Floats = npt.NDArray[np.float64]
Adjustment = Literal["additive", "multiplicative"]

# Below these, distances are exact, not normal approximations. An expected count is that of the rarer of the two
# outcomes: with 40 files of which 90% should be complete, 4 are expected not to be, and there the arcsine puts 10% of
# pure noise beyond 1.96.
FEWEST: Final = 30
FEWEST_EXPECTED: Final = 10

# Makes the median absolute deviation of normal figures their standard deviation: 1 / Φ⁻¹(3/4).
MAD_TO_SD: Final = 1.482602218505602

# A deviation this much smaller than the farthest figure is an error of rounding.
_ROUNDING: Final = 1e-12

# No count or mean is larger.
_LARGEST: Final = 1e100

# What is counted in place of none where a logarithm is taken (choice).
_IN_PLACE_OF_NONE: Final = 0.5

_LEAST: Final = np.finfo(float).tiny
_MOST: Final = 1 - np.finfo(float).epsneg


@dataclass(frozen=True, kw_only=True)
class Expected:
    """What is expected of figures, on the scale on which their error does not depend on their size.

    `target` and `error` (standard error under "as expected") are on that scale; `drawn` takes a value from it to the
    scale that people read.
    """

    target: float
    error: Floats
    drawn: Callable[[npt.ArrayLike], Floats]


@dataclass(frozen=True, kw_only=True)
class Deviations(Expected):
    """Figures beside what is expected of them, all on one scale.

    `exact` is the exact distance where the numbers are small, NaN elsewhere. `trimmed` says whether the ends are left
    out of the estimate of dispersion; else they are Winsorised.
    """

    observed: Floats
    exact: Floats
    trimmed: bool = False

    @property
    def approximate(self) -> Floats:
        """Distances by the normal approximation, whatever the numbers."""
        return (self.observed - self.target) / self.error

    @property
    def z(self) -> Floats:
        """Distances, exact where the numbers are small; positive is more than expected."""
        return np.where(np.isnan(self.exact), self.approximate, self.exact)


@dataclass(frozen=True)
class Spread:
    """How much more figures differ than chance allows: `phi` as a factor, `tau2` as a variance between units."""

    phi: float
    tau2: float


def proportions(numerators: Floats, denominators: Floats, target: float | None = None) -> Deviations:
    """Compare proportions with their pooled value, or with a stated `target` (0 to 1), on the arcsine scale.

    A proportion of nothing, or of more than there is, counts as absent.
    """
    possible = (denominators > 0) & (numerators >= 0) & (numerators <= denominators) & _in_range(denominators)
    count, total = _where(possible, numerators), _where(possible, denominators)
    share = float(np.nansum(count) / max(np.nansum(total), _LEAST)) if target is None else target
    return Deviations(
        observed=np.arcsin(np.sqrt(count / total)),
        exact=_exact_binomial_where_few(count, total, share),
        **vars(expect_share(share, total)),
    )


def expect_share(share: float, denominators: Floats) -> Expected:
    """What is expected of proportions of so many, where `share` (0 to 1) is, on the arcsine scale."""
    return Expected(
        target=float(np.arcsin(np.sqrt(share))),
        error=1 / (2 * np.sqrt(denominators)),
        drawn=lambda scaled: np.sin(np.clip(scaled, 0, np.pi / 2)) ** 2,
    )


def ratios(observed: Floats, expected: Floats) -> Deviations:
    """Compare standardised ratios (observed / expected cases) with 1, on the square-root scale.

    A ratio to nothing expected counts as absent.
    """
    count, mean = _possible_ratios(observed, expected)
    exact = _exact_poisson_where_few(count, mean)
    return Deviations(observed=np.sqrt(count) / np.sqrt(mean), exact=exact, **vars(expect_ratio(mean)))


def log_ratios(observed: Floats, expected: Floats) -> Deviations:
    """Compare standardised ratios (observed / expected cases) with 1, on the logarithmic scale, ends trimmed.

    This is the form of the SHMI: z = √E · log(O / E). No case at all counts as half a case (choice): it has no
    logarithm. A ratio to nothing expected counts as absent.
    """
    count, mean = _possible_ratios(observed, expected)
    counted = np.where(count == 0, _IN_PLACE_OF_NONE, count)
    return Deviations(
        observed=np.log(counted) - np.log(mean),
        exact=_exact_poisson_where_few(count, mean),
        trimmed=True,
        **vars(expect_log_ratio(mean)),
    )


def expect_log_ratio(expected: Floats) -> Expected:
    """What is expected of ratios to so many expected cases, on the logarithmic scale."""
    return Expected(target=0.0, error=1 / np.sqrt(expected), drawn=np.exp)


def expect_ratio(expected: Floats) -> Expected:
    """What is expected of ratios to so many expected cases, on the square-root scale."""
    return Expected(target=1.0, error=1 / (2 * np.sqrt(expected)), drawn=lambda scaled: np.maximum(scaled, 0) ** 2)


def ratios_of_counts(first: Floats, second: Floats, target: float | None = None) -> Deviations:
    """Compare ratios of two counts with the ratio of their sums, or with a stated `target`, on the logarithmic scale.

    `target` is the share (0 to 1) of the first among both. Small counts are compared exactly: given their sum, the
    first is binomial. Two zeros count as absent.
    """
    possible = (first >= 0) & (second >= 0) & (first + second > 0) & _in_range(first) & _in_range(second)
    first_counts, second_counts = _where(possible, first), _where(possible, second)
    share = (
        float(np.nansum(first_counts) / max(np.nansum(first_counts + second_counts), _LEAST))
        if target is None
        else target
    )
    return Deviations(
        # Half a case is added so that a zero on either side still has a logarithm and an error.
        observed=np.log((first_counts + 0.5) / (second_counts + 0.5)),
        target=float(scipy.special.logit(np.clip(share, _LEAST, _MOST))),
        error=np.sqrt(first_counts / (first_counts + 0.5) ** 2 + second_counts / (second_counts + 0.5) ** 2),
        exact=_exact_binomial_where_few(first_counts, first_counts + second_counts, share),
        drawn=np.exp,
    )


def means(mean: Floats, counts: Floats, sd_within: float, target: float | None = None) -> Deviations:
    """Compare means of `counts` people each with the mean of all people, or with a stated `target`.

    `sd_within` is the spread among people.
    """
    possible = (counts > 0) & _in_range(mean) & _in_range(counts)
    own, total = _where(possible, mean), _where(possible, counts)
    return Deviations(
        observed=own,
        target=float(np.nansum(own * total) / max(np.nansum(total), _LEAST)) if target is None else target,
        error=sd_within / np.sqrt(total),
        exact=np.full_like(own, np.nan),
        drawn=lambda scaled: np.asarray(scaled, dtype=np.float64),
    )


def exact_binomial(count: Floats, total: Floats, share: float) -> Floats:
    """Mid-p normal score of `count` of `total` where `share` is expected: Φ⁻¹(P(X < x) + ½ P(X = x)).

    Counts are whole numbers; others are rounded. Where all or none are expected, and found, the score is 0.
    """
    found, p = np.rint(count), np.clip(share, _LEAST, _MOST)
    others = np.rint(total) - found
    lower = (scipy.special.betaincc(found, others + 1, p) + scipy.special.betaincc(found + 1, others, p)) / 2
    upper = (scipy.special.betainc(found, others + 1, p) + scipy.special.betainc(found + 1, others, p)) / 2
    return _score_of_tails(lower, upper)


def exact_poisson(count: Floats, mean: Floats) -> Floats:
    """Mid-p normal score of `count` cases where `mean` are expected."""
    found = np.rint(count)
    lower = (scipy.special.gammaincc(found, mean) + scipy.special.gammaincc(found + 1, mean)) / 2
    upper = (scipy.special.gammainc(found, mean) + scipy.special.gammainc(found + 1, mean)) / 2
    return _score_of_tails(lower, upper)


def normal_scores(levels: Floats) -> Floats:
    """Mid-rank normal scores: Φ⁻¹ of the share of figures below plus half the share of equal ones (choice).

    A figure shared by all scores 0; a higher one scores higher.
    """
    present = np.isfinite(levels)
    scores = np.full(levels.shape, np.nan)
    _, level, counts = np.unique(levels[present], return_inverse=True, return_counts=True)
    scores[present] = scipy.special.ndtri((np.cumsum(counts) - counts / 2) / counts.sum())[level]
    return scores


def robust_scores(figures: Floats) -> Floats:
    """Distances from the median in scaled median absolute deviations (choice).

    Where more than half are equal that deviation is 0 and would make every other figure infinitely far: then they are
    mid-rank normal scores. A mean deviation instead would let the outliers set the yardstick.
    """
    halves = np.where(np.isfinite(figures), figures, np.nan) / 2  # no difference of halves is too large to be written
    present = halves[np.isfinite(halves)]
    distances = np.abs(present - np.median(present)) if present.size else present
    deviation = np.median(distances) if present.size else 0.0
    if deviation <= _ROUNDING * distances.max(initial=0.0):
        return normal_scores(figures)
    return np.asarray((halves - np.median(present)) / (MAD_TO_SD * deviation))


def winsorised(z: Floats, share: float) -> Floats:
    """Bring the lowest and highest `share` of distances to the quantiles there (interpolated linearly, R's type 7)."""
    low, high = _ends(z, share)
    return np.clip(z, low, high)


def estimate_spread(deviations: Deviations, share: float) -> Spread:
    """Estimate over-dispersion: φ = mean square of the distances, τ² by DerSimonian and Laird with Q = Iφ.

    As published, of small units and large ones alike φ rests on the distances by approximation, with the ends
    Winsorised. Where they are `trimmed`, what is not between the quantiles is left out, of τ² too. Of very small
    numbers the approximation takes some chance for dispersion (six meetings of which 83% are attended: φ 1.7), so their
    scores are rather too near than too far.

    Args:
        deviations: figures of one peer group.
        share: how much of each end is Winsorised or trimmed, for this estimate only.

    Returns:
        NaN for both where no figure is there.
    """
    z = deviations.approximate
    used = np.isfinite(z)
    if not used.any():
        return Spread(np.nan, np.nan)
    low, high = _ends(z[used], share)
    # Where trimming would leave nothing (all at the ends), everybody stays: an estimate is needed.
    if deviations.trimmed and (inside := used & (z > low) & (z < high)).any():
        used = inside
    phi = float(np.mean(np.clip(z[used], low, high) ** 2))
    return Spread(phi, between_variance(used.sum() * phi, deviations.error[used]))


def between_variance(q: float, error: Floats) -> float:
    """Variance between units by DerSimonian and Laird 1986: max(0, (Q - (I - 1)) / (Σw - Σw²/Σw)) with w = 1/s².

    Args:
        q: Σ of squared distances, each in its own standard errors.
        error: the standard errors of the I units.
    """
    if error.size < 2:
        return 0.0
    least = error.min()
    weight = (least / error) ** 2  # of the most exact unit 1, so that no weight is too large to be written
    apart = weight.sum() - (weight**2).sum() / weight.sum()
    return max(0.0, float((q - (error.size - 1)) / apart * least**2)) if apart > 0 else 0.0


def adjust(z: Floats, error: Floats, spread: Spread, adjustment: Adjustment) -> Floats:
    """Shrink distances by the spread that organisations have anyway.

    Additive: z·s/√(s² + τ²), which for an approximate distance is (y - t)/√(s² + τ²). An exact one is shrunk by the
    same factor (choice): small numbers are no reason to be exempt from over-dispersion. Multiplicative: z/√φ where
    φ > 1.
    """
    return np.asarray(z * (error / _spread_error(error, spread, adjustment)))


def funnel_limits(expected: Expected, spread: Spread, adjustment: Adjustment, central: float) -> tuple[Floats, Floats]:
    """Limits within which the `central` share of figures lies (0.95: ±1.96; 0.998: ±3.09), on the scale that is drawn.

    For no over-dispersion give `Spread(1, 0)`.
    """
    half = NormalDist().inv_cdf((1 + central) / 2) * _spread_error(expected.error, spread, adjustment)
    return expected.drawn(expected.target - half), expected.drawn(expected.target + half)


def false_discovery(z: Floats) -> Floats:
    """Benjamini and Hochberg's q-value of each two-sided normal distance among those given."""
    present = np.isfinite(z)
    chance = 2 * scipy.special.ndtr(-np.abs(z[present]))
    order = np.argsort(chance)
    stepped = chance[order] * chance.size / np.arange(1, chance.size + 1)
    q_values = np.full(z.shape, np.nan)
    q_values[np.flatnonzero(present)[order]] = np.minimum.accumulate(stepped[::-1])[::-1]
    return q_values


def _spread_error(error: Floats, spread: Spread, adjustment: Adjustment) -> Floats:
    if adjustment == "multiplicative":
        return np.asarray(error * np.sqrt(max(spread.phi, 1.0)))
    return np.hypot(error, np.sqrt(spread.tau2))


def _in_range(figures: Floats) -> npt.NDArray[np.bool_]:
    return np.asarray(np.abs(figures) <= _LARGEST)


def _where(possible: npt.NDArray[np.bool_], figures: Floats) -> Floats:
    return np.where(possible, figures, np.nan)


def _ends(z: Floats, share: float) -> tuple[float, float]:
    ordered = np.sort(z[np.isfinite(z)])
    if not ordered.size:
        return np.nan, np.nan
    places = np.array([share, 1 - share]) * (ordered.size - 1)
    low, high = np.interp(places, np.arange(ordered.size), ordered)  # four times as fast as np.quantile on few figures
    return float(low), float(high)


def _possible_ratios(observed: Floats, expected: Floats) -> tuple[Floats, Floats]:
    possible = (expected > 0) & (observed >= 0) & _in_range(expected) & _in_range(observed)
    return _where(possible, observed), _where(possible, expected)


def _exact_poisson_where_few(count: Floats, mean: Floats) -> Floats:
    few = mean < FEWEST_EXPECTED
    exact = np.full_like(mean, np.nan)
    exact[few] = exact_poisson(count[few], mean[few])
    return exact


def _exact_binomial_where_few(count: Floats, total: Floats, share: float) -> Floats:
    few = (total < FEWEST) | (total * min(share, 1 - share) < FEWEST_EXPECTED)
    exact = np.full_like(total, np.nan)
    exact[few] = exact_binomial(count[few], total[few], share)
    return exact


def _score_of_tails(lower: Floats, upper: Floats) -> Floats:
    """The score from the thinner tail, where nothing is lost to rounding; so no finite count is infinitely far."""
    thinner = scipy.special.ndtri(np.maximum(np.minimum(lower, upper), _LEAST))
    scores: Floats = np.where(lower < upper, thinner, -thinner)
    return scores
