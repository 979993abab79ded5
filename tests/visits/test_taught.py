from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from crosscheck.visits.taught import TEACHERS, Lesson, _fit, _Sums, prepare_lesson, rank_by_others


def _lesson(seed: int, weights: list[float], number: int = 300) -> Lesson:
    """Declarations that are found otherwise the more often, the larger the weighted sum of their items is."""
    drawn = np.random.default_rng(seed)
    values = drawn.standard_normal((number, len(weights)))
    otherwise = (values @ weights + drawn.standard_normal(number) > 1.5).astype(float)
    keys = pl.DataFrame({"org_code": [f"INV{row:03d}" for row in range(number)], "function": ["whole"] * number})
    return Lesson(keys, tuple(f"item {place}" for place in range(len(weights))), values, otherwise)


def _correlation(lesson: Lesson, ranked: pl.DataFrame, item: int) -> float:
    return float(np.corrcoef(ranked["score"], lesson.values[:, item])[0, 1])


def test_others_teach_which_items_tell_and_how_much() -> None:
    lessons = [_lesson(seed, [1.0, 0.5, 0.0]) for seed in range(TEACHERS + 1)]
    for lesson, ranked in zip(lessons, rank_by_others(lessons), strict=True):
        strong, weak, nothing = (_correlation(lesson, ranked, item) for item in range(3))
        assert strong > weak + 0.2
        assert weak > 0.3
        assert abs(nothing) < 0.2


def test_an_item_that_runs_the_wrong_way_weighs_nothing() -> None:
    lessons = [_lesson(seed, [1.0, -1.0]) for seed in range(TEACHERS + 1)]
    ranked = rank_by_others(lessons)[0]
    assert np.corrcoef(ranked["score"], lessons[0].values[:, 0])[0, 1] == pytest.approx(1.0)


def test_what_is_true_of_a_collection_teaches_nothing_about_itself() -> None:
    lessons = [_lesson(seed, [1.0, 0.5]) for seed in range(TEACHERS + 1)]
    first = lessons[0]
    turned = Lesson(first.declarations, first.names, first.values, 1 - first.otherwise)
    before, after = rank_by_others(lessons)[0], rank_by_others([turned, *lessons[1:]])[0]
    assert before.equals(after)


def test_an_item_that_only_others_hold_does_no_harm() -> None:
    lessons = [_lesson(seed, [1.0, 0.5]) for seed in range(TEACHERS)]
    short = _lesson(99, [1.0, 0.5])
    short = Lesson(short.declarations, short.names[:1], short.values[:, :1], short.otherwise)
    ranked = rank_by_others([short, *lessons])[0]
    assert np.corrcoef(ranked["score"], short.values[:, 0])[0, 1] == pytest.approx(1.0)


def test_an_item_of_the_whole_organisation_is_that_of_each_of_its_declarations() -> None:
    outcomes = pl.DataFrame(
        {
            "org_code": ["A", "A", "B"],
            "function": ["commissioner", "provider", "whole"],
            "otherwise": [True, False, False],
        }
    )
    items = pl.DataFrame(
        [
            ("A", None, "figure", 1.5),
            ("A", "provider", "duty", 1.0),
            ("B", None, "figure", float("nan")),
            ("C", None, "figure", 9.0),
        ],
        schema=["org_code", "function", "item", "value"],
        orient="row",
    )
    lesson = prepare_lesson(outcomes, items)
    assert lesson.names == ("duty", "figure")
    assert lesson.values.tolist() == [[0.0, 1.5], [1.0, 1.5], [0.0, 0.0]]
    assert lesson.otherwise.tolist() == [1.0, 0.0, 0.0]


def test_an_item_far_out_counts_as_four_standard_deviations() -> None:
    outcomes = pl.DataFrame({"org_code": ["A"], "function": ["whole"], "otherwise": [True]})
    items = pl.DataFrame({"org_code": ["A"], "function": [None], "item": ["figure"], "value": [40.0]}).with_columns(
        pl.col("function").cast(pl.String)
    )
    assert prepare_lesson(outcomes, items).values.tolist() == [[4.0]]


def test_the_error_is_what_is_left_of_the_squares_less_those_of_foretelling_nothing() -> None:
    drawn = np.random.default_rng(4)
    values, otherwise, weights = drawn.normal(size=(30, 3)), drawn.normal(size=30), np.array([0.5, 0.0, 2.0])
    sums = _Sums(values.T @ values, values.T @ otherwise, 30)
    left = ((otherwise - values @ weights) ** 2).sum() - (otherwise**2).sum()
    assert sums.error(weights) == pytest.approx(left)


def test_weights_are_those_of_ridge_regression_in_units_of_each_items_spread() -> None:
    drawn = np.random.default_rng(6)
    values = drawn.normal(size=(200, 3)) * np.array([1.0, 5.0, 0.0])
    otherwise = values @ np.array([1.0, 0.1, 0.0]) + drawn.normal(size=200)
    values, otherwise = values - values.mean(axis=0), otherwise - otherwise.mean()
    spread = values[:, :2].std(axis=0)
    units = values[:, :2] / spread
    by_hand = np.linalg.solve(units.T @ units / 200 + 0.3 * np.eye(2), units.T @ otherwise / 200) / spread
    assert (by_hand > 0).all()
    found = _fit(_Sums(values.T @ values, values.T @ otherwise, 200), 0.3)
    assert found.tolist() == pytest.approx([*by_hand, 0.0])
