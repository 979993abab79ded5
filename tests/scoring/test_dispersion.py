from __future__ import annotations

import math
from fractions import Fraction
from statistics import NormalDist

import numpy as np
import pytest

from crosscheck.figures.dispersion import (
    Deviations,
    Floats,
    Spread,
    adjust,
    between_variance,
    estimate_spread,
    exact_binomial,
    exact_poisson,
    false_discovery,
    funnel_limits,
    log_ratios,
    means,
    normal_scores,
    proportions,
    ratios,
    ratios_of_counts,
    robust_scores,
    winsorised,
)

NORMAL = NormalDist()


def floats(*figures: float) -> Floats:
    return np.array(figures, dtype=np.float64)


def mid_p(below: float | Fraction, equal: float | Fraction) -> float:
    return NORMAL.inv_cdf(float(below + equal / 2))


def test_a_large_proportion_is_compared_on_the_arcsine_scale() -> None:
    deviations = proportions(floats(60, 90, 150), floats(100, 200, 300))
    assert deviations.target == pytest.approx(math.asin(math.sqrt(300 / 600)))
    assert deviations.error == pytest.approx([1 / 20, 1 / math.sqrt(800), 1 / math.sqrt(1200)])
    assert deviations.z[0] == pytest.approx((math.asin(math.sqrt(0.6)) - math.pi / 4) * 20)
    assert deviations.z[1] < 0
    assert deviations.z[2] == pytest.approx(0)


def test_a_stated_target_takes_the_place_of_the_pooled_proportion() -> None:
    deviations = proportions(floats(80), floats(100), target=0.8)
    assert deviations.z == pytest.approx([0])


def test_a_large_ratio_is_compared_with_one_on_the_square_root_scale() -> None:
    assert ratios(floats(144, 81), floats(100, 100)).z == pytest.approx([2 * 10 * 0.2, -2 * 10 * 0.1])


def test_a_large_ratio_of_counts_is_compared_on_the_logarithmic_scale() -> None:
    deviations = ratios_of_counts(floats(100, 200), floats(400, 200))
    error = math.sqrt(100 / 100.5**2 + 400 / 400.5**2)
    assert deviations.z[0] == pytest.approx((math.log(100.5 / 400.5) - math.log(300 / 600)) / error)
    assert deviations.drawn(deviations.target) == pytest.approx(0.5)


def test_a_mean_is_compared_with_the_mean_of_all_people() -> None:
    deviations = means(floats(10, 16), floats(300, 100), sd_within=5)
    assert deviations.target == pytest.approx(11.5)
    assert deviations.z == pytest.approx([-1.5 / (5 / math.sqrt(300)), 4.5 / 0.5])


def test_an_exact_proportion_is_the_mid_p_of_the_binomial() -> None:
    half = Fraction(1, 2)
    chances = [math.comb(4, found) * half**4 for found in range(5)]
    expected = [mid_p(sum(chances[:found], Fraction(0)), chances[found]) for found in range(5)]
    assert exact_binomial(floats(0, 1, 2, 3, 4), np.full(5, 4.0), 0.5) == pytest.approx(expected, abs=1e-12)


def test_an_exact_ratio_is_the_mid_p_of_the_poisson() -> None:
    chances = [math.exp(-2.5) * 2.5**found / math.factorial(found) for found in range(8)]
    expected = [mid_p(sum(chances[:found]), chances[found]) for found in range(8)]
    assert exact_poisson(np.arange(8.0), np.full(8, 2.5)) == pytest.approx(expected, rel=1e-9)


def test_an_exact_score_turns_round_with_what_is_counted() -> None:
    found, total = np.arange(13.0), np.full(13, 12.0)
    assert exact_binomial(found, total, 0.83) == pytest.approx(-exact_binomial(total - found, total, 0.17), abs=1e-9)


@pytest.mark.parametrize(("count", "share"), [(0.0, 0.0), (20.0, 1.0)])
def test_what_all_have_or_none_is_as_expected(count: float, share: float) -> None:
    assert exact_binomial(floats(count), floats(20), share) == pytest.approx([0], abs=1e-9)


def test_no_count_is_infinitely_far() -> None:
    assert np.isfinite(exact_binomial(floats(5000, 0), floats(5000, 5000), 0.001)).all()
    assert np.isfinite(exact_poisson(floats(10_000), floats(0.01))).all()


@pytest.mark.parametrize(
    ("numerator", "denominator", "target", "exact"),
    [
        (20, 29, 0.5, True),
        (20, 30, 0.5, False),
        (9, 100, 0.09, True),
        (36, 40, 0.9, True),
        (36, 400, 0.1, False),
    ],
)
def test_a_proportion_is_exact_where_its_people_or_either_expected_outcome_are_few(
    numerator: float, denominator: float, target: float, exact: bool
) -> None:
    deviations = proportions(floats(numerator), floats(denominator), target)
    assert np.isfinite(deviations.exact).tolist() == [exact]


def test_a_ratio_is_exact_where_fewer_than_ten_are_expected() -> None:
    assert np.isfinite(ratios(floats(12, 12), floats(9.9, 10)).exact).tolist() == [True, False]


SEED = 2009
DRAWS = 100_000


def share_beyond(deviations: Deviations) -> float:
    return float(np.mean(np.abs(deviations.z) > 1.96))


@pytest.mark.parametrize("share", [0.1, 0.5, 0.8, 0.95])
def test_five_in_a_hundred_proportions_of_pure_chance_lie_beyond_the_first_limit(share: float) -> None:
    draw = np.random.default_rng(SEED)
    total = draw.integers(300, 3000, DRAWS)
    found = draw.binomial(total, share)
    assert 0.04 < share_beyond(proportions(found.astype(float), total.astype(float))) < 0.06


@pytest.mark.parametrize("share", [0.35, 0.5, 0.65])
def test_five_in_a_hundred_small_proportions_of_pure_chance_lie_beyond_the_first_limit(share: float) -> None:
    draw = np.random.default_rng(SEED)
    total = draw.integers(8, 30, DRAWS)
    found = draw.binomial(total, share)
    assert 0.04 < share_beyond(proportions(found.astype(float), total.astype(float))) < 0.06


@pytest.mark.parametrize(("fewest", "most"), [(1, 10), (10, 30), (30, 500)])
def test_five_in_a_hundred_ratios_of_pure_chance_lie_beyond_the_first_limit(fewest: float, most: float) -> None:
    draw = np.random.default_rng(SEED)
    expected = draw.uniform(fewest, most, DRAWS)
    assert 0.04 < share_beyond(ratios(draw.poisson(expected).astype(float), expected)) < 0.06


@pytest.mark.parametrize("share", [0.9, 0.97])
def test_pure_chance_near_the_end_of_the_scale_is_not_flagged_more_often_than_elsewhere(share: float) -> None:
    draw = np.random.default_rng(SEED)
    total = np.full(DRAWS, 40)
    deviations = proportions(draw.binomial(total, share).astype(float), total.astype(float))
    assert share_beyond(deviations) < 0.05
    assert np.mean(np.abs(deviations.approximate) > 1.96) > 0.09


def test_figures_are_winsorised_at_interpolated_quantiles() -> None:
    assert winsorised(np.arange(12.0), 0.1) == pytest.approx([1.1, 1.1, *range(2, 10), 9.9, 9.9])


def test_dispersion_is_the_mean_square_of_winsorised_distances() -> None:
    deviations = Deviations(
        observed=np.arange(-5.0, 6.0), target=0.0, error=np.ones(11), exact=np.full(11, np.nan), drawn=np.asarray
    )
    spread = estimate_spread(deviations, 0.1)
    assert spread.phi == pytest.approx((2 * 16 + 2 * (16 + 9 + 4 + 1)) / 11)
    assert spread.tau2 == pytest.approx((11 * spread.phi - 10) / (11 - 1))


def test_less_spread_than_chance_gives_no_variance_between_organisations() -> None:
    assert between_variance(3.0, np.ones(10)) == 0
    assert between_variance(100.0, np.ones(1)) == 0
    assert between_variance(100.0, floats(1, math.inf)) == 0, "of one unit nothing is known"


def test_known_variance_between_organisations_is_recovered() -> None:
    draw = np.random.default_rng(SEED)
    total = draw.integers(200, 800, 4000)
    share = np.sin(draw.normal(math.asin(math.sqrt(0.5)), 0.1, total.size)) ** 2
    found = draw.binomial(total, share).astype(float)
    unwinsorised = estimate_spread(proportions(found, total.astype(float)), 0.0)
    assert unwinsorised.tau2 == pytest.approx(0.01, rel=0.05)


def test_small_units_are_taken_for_dispersed_rather_than_scored_too_far() -> None:
    draw = np.random.default_rng(SEED)
    total = np.full(4000, 6.0)
    deviations = proportions(draw.binomial(6, 0.83, total.size).astype(float), total)
    spread = estimate_spread(deviations, 0.1)
    assert 1.4 < spread.phi < 1.8
    assert np.mean(np.abs(adjust(deviations.z, deviations.error, spread, "additive")) > 1.96) < 0.05


def test_trimmed_ends_count_neither_in_dispersion_nor_in_the_variance_between_units() -> None:
    deviations = Deviations(
        observed=np.arange(-5.0, 6.0),
        target=0.0,
        error=np.ones(11),
        exact=np.full(11, np.nan),
        drawn=np.asarray,
        trimmed=True,
    )
    spread = estimate_spread(deviations, 0.1)
    assert spread.phi == pytest.approx(2 * (9 + 4 + 1) / 7)
    assert spread.tau2 == pytest.approx((2 * (9 + 4 + 1) - 6) / (7 - 1))


def test_no_case_at_all_counts_as_half_a_case_where_a_logarithm_is_taken() -> None:
    deviations = log_ratios(floats(0, 20), floats(20, 20))
    assert deviations.z == pytest.approx([math.sqrt(20) * math.log(0.5 / 20), 0])


def test_a_log_ratio_is_exact_where_fewer_than_ten_are_expected() -> None:
    assert log_ratios(floats(12, 12), floats(9.9, 10)).z == pytest.approx(
        [exact_poisson(floats(12), floats(9.9))[0], math.sqrt(10) * math.log(1.2)]
    )


def test_additive_adjustment_adds_the_variances() -> None:
    z = adjust(floats(4, -4), floats(0.3, 0.4), Spread(9, 0.16), "additive")
    assert z == pytest.approx([4 * 0.3 / 0.5, -4 * 0.4 / math.sqrt(0.32)])


def test_multiplicative_adjustment_divides_by_the_root_of_the_factor_and_never_spreads() -> None:
    assert adjust(floats(6), floats(0.3), Spread(9, 0.16), "multiplicative") == pytest.approx([2])
    assert adjust(floats(6), floats(0.3), Spread(0.5, 0), "multiplicative") == pytest.approx([6])


def test_limits_are_drawn_on_the_scale_that_people_read() -> None:
    none = Spread(1, 0)
    low, high = funnel_limits(ratios(floats(100), floats(100)), none, "additive", 0.95)
    assert (low[0], high[0]) == pytest.approx(((1 - 1.959964 / 20) ** 2, (1 + 1.959964 / 20) ** 2))
    low, high = funnel_limits(proportions(floats(50), floats(100)), none, "additive", 0.998)
    assert (low[0], high[0]) == pytest.approx([math.sin(math.pi / 4 + side * 3.090232 / 20) ** 2 for side in (-1, 1)])


def test_limits_of_pure_noise_hold_what_they_promise() -> None:
    draw = np.random.default_rng(SEED)
    expected = draw.uniform(20, 200, DRAWS)
    observed = draw.poisson(expected).astype(float)
    low, high = funnel_limits(ratios(observed, expected), Spread(1, 0), "additive", 0.95)
    outside = np.mean((observed / expected < low) | (observed / expected > high))
    assert 0.04 < outside < 0.06


def test_limits_never_leave_what_a_proportion_can_be() -> None:
    low, high = funnel_limits(proportions(floats(39, 38), floats(40, 40)), Spread(1, 0.5), "additive", 0.998)
    assert low == pytest.approx([0, 0])
    assert high == pytest.approx([1, 1])


def test_a_mid_rank_score_is_the_normal_quantile_of_the_share_below_and_half_the_equal() -> None:
    scores = normal_scores(floats(1, 2, 2, 3))
    quantiles = [NORMAL.inv_cdf(share) for share in (1 / 8, 4 / 8, 4 / 8, 7 / 8)]
    assert scores == pytest.approx(quantiles, abs=1e-12)


def test_a_level_that_all_share_is_as_expected() -> None:
    assert normal_scores(np.full(7, 3.0)) == pytest.approx(np.zeros(7), abs=1e-12)


def test_a_robust_score_counts_scaled_absolute_deviations_from_the_median() -> None:
    assert robust_scores(floats(1, 2, 3, 4, 100)) == pytest.approx(floats(-2, -1, 0, 1, 97) / 1.482602, rel=1e-6)


def test_figures_of_which_most_are_equal_are_scored_by_rank() -> None:
    figures = floats(0, 0, 0, 0, 7, 50)
    assert robust_scores(figures) == pytest.approx(normal_scores(figures))


def test_the_false_discovery_rate_steps_up_through_the_ordered_chances() -> None:
    chances = floats(0.01, 0.04, 0.03, 0.5)
    z = floats(*(NORMAL.inv_cdf(1 - chance / 2) for chance in chances))
    assert false_discovery(z) == pytest.approx([0.04, 0.04 * 4 / 3, 0.04 * 4 / 3, 0.5])


ABSENT = float("nan")


@pytest.mark.parametrize(
    ("with_absent", "without"),
    [
        (
            proportions(floats(60, ABSENT, 90, 9), floats(100, 50, 200, ABSENT)),
            proportions(floats(60, 90), floats(100, 200)),
        ),
        (ratios(floats(12, ABSENT, 20, 9), floats(10, 5, 30, ABSENT)), ratios(floats(12, 20), floats(10, 30))),
        (log_ratios(floats(12, ABSENT, 20, 9), floats(10, 5, 30, ABSENT)), log_ratios(floats(12, 20), floats(10, 30))),
        (
            ratios_of_counts(floats(60, ABSENT, 90, 9), floats(100, 50, 200, ABSENT)),
            ratios_of_counts(floats(60, 90), floats(100, 200)),
        ),
        (means(floats(6, ABSENT, 9, 9), floats(10, 5, 20, ABSENT), 2.0), means(floats(6, 9), floats(10, 20), 2.0)),
    ],
    ids=["proportions", "ratios", "log ratios", "ratios of counts", "means"],
)
def test_an_absent_count_stays_absent_and_changes_no_other(with_absent: Deviations, without: Deviations) -> None:
    assert np.isnan(with_absent.z).tolist() == [False, True, False, True]
    assert with_absent.z[[0, 2]] == pytest.approx(without.z)
    assert estimate_spread(with_absent, 0.1) == estimate_spread(without, 0.1)


@pytest.mark.parametrize("score", [normal_scores, robust_scores, false_discovery])
def test_an_absent_figure_stays_absent_and_changes_no_other_score(score: object) -> None:
    assert callable(score)
    scores = score(floats(3, ABSENT, 1, 2, 2.5))
    assert np.isnan(scores).tolist() == [False, True, False, False, False]
    assert scores[[0, 2, 3, 4]] == pytest.approx(score(floats(3, 1, 2, 2.5)))


def test_figures_that_are_all_absent_give_no_scores() -> None:
    absent = np.full(3, ABSENT)
    assert np.isnan(proportions(absent, absent).z).all()
    assert np.isnan(estimate_spread(proportions(absent, absent), 0.1).phi)
    assert np.isnan(robust_scores(absent)).all()


@pytest.mark.parametrize(("numerator", "denominator"), [(0, 0), (5, 4), (-1, 4)])
def test_what_can_not_be_a_proportion_counts_as_absent(numerator: float, denominator: float) -> None:
    deviations = proportions(floats(numerator, 50), floats(denominator, 100))
    assert np.isnan(deviations.z).tolist() == [True, False]
    assert deviations.drawn(deviations.target) == pytest.approx(0.5)


def test_on_the_logarithmic_scale_no_case_counts_as_half_a_case_and_one_as_one() -> None:
    deviations = log_ratios(np.array([0.0, 1.0, 40.0]), np.array([40.0, 40.0, 40.0]))
    assert deviations.observed.tolist() == pytest.approx([np.log(0.5 / 40), np.log(1 / 40), 0.0])
    assert deviations.target == 0.0
    assert deviations.error.tolist() == pytest.approx([1 / np.sqrt(40)] * 3)


def test_a_single_count_of_either_kind_is_compared_and_none_at_all_is_absent() -> None:
    observed = ratios_of_counts(floats(1, 0, 0, 30), floats(0, 1, 0, 30)).observed
    assert observed[:2].tolist() == pytest.approx([np.log(3), -np.log(3)])
    assert np.isnan(observed[2])


def test_none_and_all_of_a_single_one_are_proportions_too() -> None:
    assert proportions(floats(0, 1, 30), floats(1, 1, 60)).observed[:2].tolist() == pytest.approx([0, math.pi / 2])
