from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import polars as pl
import pytest
from scipy.stats import binomtest

from crosscheck.collection.read import Collection
from crosscheck.visits.binomial import binomial_interval
from crosscheck.visits.draw import draw_from, stratify
from crosscheck.visits.prevalence_estimates import (
    Drawn,
    Population,
    effective_number,
    estimate_prevalence,
    further_visits,
    group_by_organisation,
)
from tests.visits.drawn import make_up_lapses, read_frame, try_intervals


@pytest.mark.parametrize(("found", "number"), [(0, 1), (0, 30), (1, 30), (13, 30), (30, 30), (1, 1)])
def test_the_exact_interval_is_that_of_clopper_and_pearson(found: int, number: int) -> None:
    (low,), (high,) = binomial_interval(found / number, number)
    exact = binomtest(found, number).proportion_ci(0.95, method="exact")
    assert (low, high) == pytest.approx((exact.low, exact.high))


def test_an_interval_of_nobody_says_nothing_and_one_of_all_there_are_is_the_share() -> None:
    low, high = binomial_interval([0.0, 0.3], [0.0, math.inf])
    assert list(low) == [0.0, 0.3]
    assert list(high) == [1.0, 0.3]


def test_horvitz_and_thompson_are_right_on_average_over_every_draw_there_is() -> None:
    found = np.array([1.0, 0, 2, 0, 0, 0, 1])
    tested, population = np.array([1.0, 1, 2, 2, 1, 1, 1]), Population(7, 9, 1.0)
    draws = [list(draw) for draw in combinations(range(7), 3)]
    every = [estimate_prevalence(_simple(tested[draw], found[draw], 3 / 7), population) for draw in draws]
    assert len(every) == 35
    assert np.mean([one.horvitz_thompson.value for one in every]) == pytest.approx(4 / 9)
    variance = np.mean([one.horvitz_thompson.error**2 for one in every])
    assert variance == pytest.approx(np.var([one.horvitz_thompson.value for one in every]))


def test_the_variance_of_a_stratified_draw_is_the_textbooks() -> None:
    stratum, chance = np.array([0, 0, 0, 1, 1]), np.array([0.25, 0.25, 0.25, 0.1, 0.1])
    found = np.array([1.0, 0, 2, 0, 1])
    share = estimate_prevalence(Drawn(stratum, chance, np.full(5, 2.0), found, found), Population(32, 64, 5.0))
    expected = (12**2 * 0.75 * np.var([1, 0, 2], ddof=1) / 3 + 20**2 * 0.9 * np.var([0, 1], ddof=1) / 2) / 64**2
    assert share.horvitz_thompson.error == pytest.approx(expected**0.5)
    assert share.horvitz_thompson.value == pytest.approx((3 * 4 + 1 * 10) / 64)


def test_hajek_divides_by_what_the_draw_itself_says_of_the_declarations() -> None:
    share = estimate_prevalence(_simple(np.array([2.0, 2, 1]), np.array([2.0, 0, 0]), 0.1), Population(30, 40, 3.0))
    assert share.hajek.value == pytest.approx(2 / 5)
    assert share.horvitz_thompson.value == pytest.approx(20 / 40)


def test_the_risk_moves_the_estimate_where_it_foretold_and_leaves_it_where_it_did_not() -> None:
    found = np.array([1.0, 1, 0, 0, 0, 0, 0, 0])
    foretold = Drawn(np.zeros(8, dtype=np.int64), np.full(8, 0.1), np.ones(8), found, found)
    population = Population(80, 80, 10.0)  # of all the risks say one in eight, of those drawn one in four
    aided = estimate_prevalence(foretold, population).aided
    assert aided.value == pytest.approx(1 / 8)
    assert aided.error < estimate_prevalence(foretold, population).hajek.error / 10
    blind = Drawn(foretold.stratum, foretold.chance, foretold.tested, found, np.array([0.1, 0.3] * 4))
    assert estimate_prevalence(blind, population).aided.value == pytest.approx(0.25)


def test_two_declarations_that_lapse_together_count_for_less_than_two() -> None:
    both = _simple(np.full(10, 2.0), np.array([2.0, 2] + [0.0] * 8), 0.01)
    apart = _simple(np.full(10, 2.0), np.array([1.0, 1, 1, 1] + [0.0] * 6), 0.01)
    single = _simple(np.full(20, 1.0), np.array([1.0] * 4 + [0.0] * 16), 0.01)
    numbers = [effective_number(one, 0.2, (1 / one.chance) @ one.tested) for one in (both, apart, single)]
    assert numbers[0] == pytest.approx(10, abs=0.6)
    assert numbers[1] == pytest.approx(20, abs=0.6)
    assert numbers[2] == pytest.approx(20, abs=0.6)


@pytest.mark.parametrize("found", [0.0, 1.0])
def test_where_all_or_nothing_was_found_the_interval_is_open_to_one_side_only(found: float) -> None:
    share = estimate_prevalence(_simple(np.ones(30), np.full(30, found), 0.1), Population(300, 300, 30.0))
    for one in (share.horvitz_thompson, share.hajek, share.aided):
        assert one.value == pytest.approx(found)
        assert (one.low, one.high)[int(found)] == found
        assert 0.05 < abs((one.high, one.low)[int(found)] - found) < 0.15


def test_without_a_visit_nothing_is_known_and_with_one_little() -> None:
    nothing = np.array([])
    none = estimate_prevalence(Drawn(nothing.astype(np.int64), nothing, nothing, nothing, nothing), Population(9, 9, 1))
    assert all(math.isnan(one.value) and (one.low, one.high) == (0, 1) for one in (none.horvitz_thompson, none.hajek))
    alone = estimate_prevalence(_simple(np.ones(1), np.zeros(1), 0.1), Population(10, 10, 1.0))
    assert (alone.hajek.value, alone.hajek.low) == (0, 0)
    assert alone.hajek.high > 0.8
    assert math.isnan(alone.hajek.error)
    assert math.isnan(alone.aided.value)


def test_a_frame_that_is_drawn_whole_leaves_no_doubt() -> None:
    share = estimate_prevalence(_simple(np.ones(4), np.array([1.0, 0, 1, 0]), 1.0), Population(4, 4, 1.0)).hajek
    assert (share.low, share.value, share.high, share.error) == (0.5, 0.5, 0.5, 0.0)


def test_a_stratum_without_a_visit_is_not_counted_as_free_of_lapses() -> None:
    share = estimate_prevalence(_simple(np.ones(10), np.array([1.0] + [0.0] * 9), 0.5), Population(40, 40, 4.0))
    assert math.isnan(share.horvitz_thompson.value)
    assert share.hajek.value == pytest.approx(0.1)


def test_visits_are_summed_up_by_organisation_whatever_their_order() -> None:
    visits = pl.DataFrame(
        {
            "org_code": ["5A1", "5A1", "RB2"],
            "stratum": ["pct", "pct", "acute"],
            "inclusion_probability": [0.2, 0.2, 0.1],
            "otherwise": [True, False, True],
            "risk": [0.25, 0.5, 0.125],
        }
    )
    drawn = group_by_organisation(visits)
    assert drawn.stratum.tolist() == [0, 1]
    assert (drawn.tested.tolist(), drawn.found.tolist(), drawn.expected.tolist()) == ([1, 2], [1, 1], [0.125, 0.75])
    turned = group_by_organisation(visits.reverse())
    assert all(np.array_equal(getattr(drawn, name), getattr(turned, name)) for name in vars(drawn))


def test_further_visits_are_the_fewest_with_which_the_interval_is_so_narrow() -> None:
    drawn, population = _simple(np.ones(30), np.array([1.0] * 4 + [0.0] * 26), 0.1), Population(300, 300, 30.0)
    share = estimate_prevalence(drawn, population).hajek
    more = further_visits(drawn, population, share, 0.05)
    assert 80 < more < 140
    assert further_visits(drawn, population, share, 0.05) <= further_visits(drawn, population, share, 0.03) < 270
    assert further_visits(drawn, population, share, 0.5) == 0


@pytest.mark.parametrize(("number", "share", "together"), [(30, 0.05, 1.0), (60, 0.13, 1.0), (120, 0.22, 0.5)])
def test_intervals_cover_on_the_embedded_frame_and_are_hardly_wider_than_wilsons(
    collection: Collection, number: int, share: float, together: float
) -> None:
    frame = read_frame(collection)
    found = make_up_lapses(frame, share, together, "more in care trusts", seed=2)
    for name, tried in try_intervals(frame, found, number, 1200, seed=2).items():
        assert tried.coverage > 0.94 - 0.014, name  # two standard errors of 1,200 draws
        assert tried.width < 1.12 * tried.wilson, name
        assert tried.width < 1.1 * tried.own, name
        assert abs(tried.bias) < 4 * tried.spread / 1200**0.5 + (0.002 if name == "aided" else 0.0005), name
        assert tried.error == pytest.approx(tried.spread, rel=0.12), name


def test_over_draws_by_ticket_the_estimate_is_right_and_its_interval_covers(collection: Collection) -> None:
    declared = collection.tables["declarations"].filter(
        (pl.col("year") == "2008/09") & (pl.col("status") == "compliant")
    )
    types = collection.tables["organisations"].select("org_code", "org_type")
    frame = declared.select("org_code").unique().join(types, on="org_code").sort("org_code")
    rng = np.random.default_rng(3)
    lapses = frame.select("org_code", otherwise=pl.Series(rng.random(frame.height) < 0.13))
    visits = declared.select("org_code").join(lapses, on="org_code").with_columns(risk=pl.lit(0.13))
    truth, estimates = float(visits["otherwise"].mean()), []  # type: ignore[arg-type]
    population = Population(frame.height, declared.height, 0.13 * declared.height)
    for value in range(700):
        drawn = draw_from(stratify(frame, 60), str(value), "2008/09").filter("drawn")
        of_visits = group_by_organisation(drawn.join(visits, on="org_code"))
        estimates.append(estimate_prevalence(of_visits, population).horvitz_thompson)
    values = np.array([one.value for one in estimates])
    assert abs(values.mean() - truth) < 3 * values.std() / 700**0.5
    assert np.mean([one.error**2 for one in estimates]) == pytest.approx(values.var(), rel=0.12)
    assert np.mean([one.low <= truth <= one.high for one in estimates]) > 0.93


def _simple(tested: np.ndarray, found: np.ndarray, chance: float) -> Drawn:
    return Drawn(np.zeros(len(found), dtype=np.int64), np.full(len(found), chance), tested, found, tested * 0.1)
