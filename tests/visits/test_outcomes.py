from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from crosscheck.collection.read import Collection
from crosscheck.visits.draw import draw_at_random
from crosscheck.visits.outcomes import (
    area_under_curve,
    average_precision,
    estimate_prevalence,
    lift,
    measure,
    tell_yield,
)


def _judged(score: object, otherwise: object, weight: object = None) -> pl.DataFrame:
    judged = pl.DataFrame({"score": score, "otherwise": otherwise}).with_columns(pl.col("score").cast(pl.Float64))
    return judged.with_columns(weight=pl.lit(1.0) if weight is None else pl.Series(weight))


def _made_up(seed: int, number: int = 200) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    drawn = np.random.default_rng(seed)
    score = np.round(drawn.normal(size=number), 1)  # many ties
    return score, drawn.random(number) < 1 / (1 + np.exp(1.5 - score)), drawn.uniform(0.5, 3.0, number)


@pytest.mark.parametrize("seed", range(5))
def test_area_and_average_precision_are_those_of_scikit_learn_with_ties_and_weights(seed: int) -> None:
    score, otherwise, weight = _made_up(seed)
    assert area_under_curve(score, otherwise, weight).value == pytest.approx(
        roc_auc_score(otherwise, score, sample_weight=weight)
    )
    assert average_precision(score, otherwise, weight) == pytest.approx(
        average_precision_score(otherwise, score, sample_weight=weight)
    )


def test_the_interval_of_the_area_covers_nine_times_in_ten() -> None:
    drawn, covered = np.random.default_rng(3), 0
    truth = 0.7602  # of normals one apart: Φ(1/√2)
    for _ in range(600):
        otherwise = np.arange(120) < 30
        score = drawn.normal(size=120) + otherwise
        area = area_under_curve(score, otherwise, np.ones(120))
        covered += area.low <= truth <= area.high
    assert covered / 600 == pytest.approx(0.9, abs=0.035)


def test_hit_rate_and_lift_are_counted_among_the_first() -> None:
    worth = measure(_judged(range(20), [False] * 16 + [True, False, True, True]), share=0.2)
    assert (worth.judged, worth.first, worth.hit_rate, worth.otherwise) == (20, 4, 0.75, 0.15)
    assert worth.lift.value == pytest.approx(5.0)


def test_those_that_tie_for_the_last_places_share_them() -> None:
    worth = measure(_judged([3, 2, 2, 2, 2, 1, 1, 1, 1, 1], [True, True, False, False, False] + [False] * 5), share=0.3)
    assert worth.hit_rate == pytest.approx((1 + 2 * 0.25) / 3)


def test_the_order_of_rows_changes_nothing() -> None:
    score, otherwise, weight = _made_up(9)
    judged = _judged(score, otherwise, weight)
    shuffled = judged.sample(fraction=1.0, shuffle=True, seed=1)
    assert measure(judged).hit_rate == pytest.approx(measure(shuffled).hit_rate)
    assert measure(judged).lift.value == pytest.approx(measure(shuffled).lift.value)


def test_the_error_of_a_lift_is_that_of_the_formula() -> None:
    worth = lift((13, 50), (26, 200))
    error = math.sqrt((1 - 0.26) / 13 + (1 - 0.13) / 26)
    assert worth.value == pytest.approx(2.0)
    assert math.log(worth.high / worth.value) == pytest.approx(1.6448536 * error)
    assert math.log(worth.value / worth.low) == pytest.approx(1.6448536 * error)


def test_weights_claim_no_more_than_was_visited() -> None:
    score, otherwise, _ = _made_up(2, 40)
    once, twentyfold = (measure(_judged(score, otherwise, [weight] * 40)) for weight in (1.0, 20.0))
    assert once == twentyfold


def test_nothing_found_gives_no_lift_and_no_area_rather_than_nought() -> None:
    worth = measure(_judged([1, 2, 3], [False] * 3))
    assert math.isnan(worth.lift.value)
    assert math.isnan(worth.auc.value)
    assert math.isnan(worth.average_precision)


def test_a_perfect_ranking_finds_the_lapses_days_sooner_and_a_reversed_one_later() -> None:
    otherwise = [True] * 2 + [False] * 8
    perfect = measure(_judged(range(10, 0, -1), otherwise), visits_a_day=2.0)
    assert perfect.days_sooner == pytest.approx((5.5 - 1.5) / 2)
    assert measure(_judged(range(10), otherwise), visits_a_day=2.0).days_sooner == pytest.approx(-perfect.days_sooner)


def test_horvitz_and_thompson_are_right_on_average_over_every_draw_there_is() -> None:
    otherwise = np.array([True, False, True, False, False, False, True])
    draws = list(combinations(range(7), 3))
    shares = [estimate_prevalence(_drawn(otherwise[list(draw)], 3 / 7), 7).value for draw in draws]
    assert len(shares) == 35
    assert np.mean(shares) == pytest.approx(3 / 7)


def test_the_stated_variance_is_right_on_average_over_every_draw_there_is() -> None:
    otherwise = np.array([True] * 4 + [False] * 4)
    estimates = [estimate_prevalence(_drawn(otherwise[list(draw)], 0.5), 8) for draw in combinations(range(8), 4)]
    margins = [max(one.high - one.value, one.value - one.low) for one in estimates]  # the other end may be cut off
    assert len(estimates) == 70
    assert np.mean(np.square(margins)) / 1.6448536**2 == pytest.approx(np.var([one.value for one in estimates]))


def test_over_many_draws_of_the_embedded_design_the_estimate_is_right_and_its_interval_covers(
    collection: Collection,
) -> None:
    types = collection.tables["organisations"].select("org_code", "org_type")
    declared = collection.tables["declarations"].filter(
        (pl.col("year") == "2008/09") & (pl.col("status") == "compliant")
    )
    frame = declared.select("org_code").unique().join(types, on="org_code").sort("org_code")
    lapses = declared.select("org_code", "function").sort("org_code", "function").with_columns(
        otherwise=pl.Series(np.random.default_rng(3).random(declared.height) < 0.13)
    )  # fmt: skip
    both = pl.col("otherwise").first().over("org_code")  # lapses come in clusters: both functions of a trust, or none
    lapses = lapses.with_columns(otherwise=both)
    truth = float(lapses["otherwise"].mean())  # type: ignore[arg-type]
    estimates = []
    for value in range(1500):
        drawn = draw_at_random(frame, 60, str(value), "2008/09").filter("drawn")
        estimates.append(estimate_prevalence(drawn.join(lapses, on="org_code"), declared.height))
    values = np.array([one.value for one in estimates])
    margins = np.array([one.high - one.value for one in estimates])
    assert abs(values.mean() - truth) < 0.002
    assert np.mean(np.square(margins)) / 1.6448536**2 == pytest.approx(values.var(), rel=0.1)
    assert np.mean([one.low <= truth <= one.high for one in estimates]) > 0.82


def test_a_stratum_that_is_drawn_whole_adds_no_doubt_and_one_draw_of_many_leaves_it_unknown() -> None:
    otherwise = np.array([True, False, True, False])
    whole = estimate_prevalence(_drawn(otherwise, 1.0), 4)
    assert (whole.low, whole.value, whole.high) == (0.5, 0.5, 0.5)
    alone = pl.concat([_drawn(otherwise, 0.5), _drawn(np.array([True]), 0.1, "one")])
    assert math.isnan(estimate_prevalence(alone, 20).high)
    assert estimate_prevalence(alone, 20).value == pytest.approx((2 / 0.5 + 1 / 0.1) / 20)


def test_the_declarations_of_one_organisation_are_one_draw() -> None:
    drawn = _drawn(np.array([True, True, False, False]), 0.25).with_columns(
        org_code=pl.Series(["5A1", "5A1", "5A2", "5A2"])
    )
    told = estimate_prevalence(drawn, 16)
    assert told.value == pytest.approx(2 / 0.25 / 16)
    variance = 8**2 * 0.75 * np.var([2, 0], ddof=1) / 2 / 16**2
    assert told.high == pytest.approx(min(1.0, told.value + 1.6448536 * variance**0.5))


def test_unequal_chances_are_allowed_for() -> None:
    chance = np.array([0.9, 0.5, 0.1, 0.5])
    otherwise = np.array([True, False, True, True])
    expected = sum(
        np.prod(np.where(taken, chance, 1 - chance)) * (otherwise[taken] / chance[taken]).sum() / 4
        for code in range(16)
        if (taken := np.array([code >> place & 1 for place in range(4)], dtype=bool)).any()
    )
    assert expected == pytest.approx(0.75)
    drawn = _drawn(otherwise, chance, np.array(["a", "b", "c", "d"]))
    assert estimate_prevalence(drawn, 4).value == pytest.approx((otherwise / chance).sum() / 4)


def test_one_visit_tells_no_prevalence() -> None:
    assert math.isnan(estimate_prevalence(_drawn(np.array([True]), 0.1), 10).value)


def test_yield_is_told_by_arm() -> None:
    visits = pl.DataFrame(
        {"selected_by": ["risk", "risk", "random", "risk"], "finding": ["qualified", "upheld", "upheld", "qualified"]}
    )
    arms = {row["selected_by"]: row for row in tell_yield(visits).to_dicts()}
    assert (arms["risk"]["visited"], arms["risk"]["otherwise"], arms["random"]["otherwise"]) == (3, 2, 0)
    assert arms["random"]["low"] == 0.0
    assert 0.5 < arms["random"]["high"] < 1.0


def _drawn(otherwise: np.ndarray, chance: object, stratum: object = "all") -> pl.DataFrame:
    codes = [f"R{place:03}" for place in range(len(otherwise))]
    table = pl.DataFrame({"org_code": codes, "otherwise": otherwise})
    return table.with_columns(inclusion_probability=pl.lit(chance), stratum=pl.lit(stratum))
