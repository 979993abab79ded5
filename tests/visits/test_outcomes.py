from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from crosscheck.visits.outcomes import (
    area_under_curve,
    average_precision,
    lift,
    measure_worth,
    yield_by_arm,
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
    worth = measure_worth(_judged(range(20), [False] * 16 + [True, False, True, True]), share=0.2)
    assert (worth.judged, worth.first, worth.hit_rate, worth.otherwise) == (20, 4, 0.75, 0.15)
    assert worth.lift.value == pytest.approx(5.0)


def test_those_that_tie_for_the_last_places_share_them() -> None:
    worth = measure_worth(
        _judged([3, 2, 2, 2, 2, 1, 1, 1, 1, 1], [True, True, False, False, False] + [False] * 5), share=0.3
    )
    assert worth.hit_rate == pytest.approx((1 + 2 * 0.25) / 3)


def test_the_order_of_rows_changes_nothing() -> None:
    score, otherwise, weight = _made_up(9)
    judged = _judged(score, otherwise, weight)
    shuffled = judged.sample(fraction=1.0, shuffle=True, seed=1)
    assert measure_worth(judged).hit_rate == pytest.approx(measure_worth(shuffled).hit_rate)
    assert measure_worth(judged).lift.value == pytest.approx(measure_worth(shuffled).lift.value)


def test_the_error_of_a_lift_is_that_of_the_formula() -> None:
    worth = lift((13, 50), (26, 200))
    error = math.sqrt((1 - 0.26) / 13 + (1 - 0.13) / 26)
    assert worth.value == pytest.approx(2.0)
    assert math.log(worth.high / worth.value) == pytest.approx(1.6448536 * error)
    assert math.log(worth.value / worth.low) == pytest.approx(1.6448536 * error)


def test_weights_claim_no_more_than_was_visited() -> None:
    score, otherwise, _ = _made_up(2, 40)
    once, twentyfold = (measure_worth(_judged(score, otherwise, [weight] * 40)) for weight in (1.0, 20.0))
    assert once == twentyfold


def test_nothing_found_gives_no_lift_and_no_area_rather_than_nought() -> None:
    worth = measure_worth(_judged([1, 2, 3], [False] * 3))
    assert math.isnan(worth.lift.value)
    assert math.isnan(worth.auc.value)
    assert math.isnan(worth.average_precision)


def test_a_perfect_ranking_finds_the_lapses_days_sooner_and_a_reversed_one_later() -> None:
    otherwise = [True] * 2 + [False] * 8
    perfect = measure_worth(_judged(range(10, 0, -1), otherwise), visits_a_day=2.0)
    assert perfect.days_sooner == pytest.approx((5.5 - 1.5) / 2)
    assert measure_worth(_judged(range(10), otherwise), visits_a_day=2.0).days_sooner == pytest.approx(
        -perfect.days_sooner
    )


def test_yield_is_told_by_arm() -> None:
    visits = pl.DataFrame(
        {"selected_by": ["risk", "risk", "random", "risk"], "finding": ["qualified", "upheld", "upheld", "qualified"]}
    )
    arms = {row["selected_by"]: row for row in yield_by_arm(visits).to_dicts()}
    assert (arms["risk"]["visited"], arms["risk"]["otherwise"], arms["random"]["otherwise"]) == (3, 2, 0)
    assert arms["random"]["low"] == 0.0
    assert 0.5 < arms["random"]["high"] < 1.0
