from __future__ import annotations

import polars as pl
import pytest

from crosscheck.visits.plan import Capacity, draw_by_lot, plan_visits

KEYS = ("org_code", "function")


def ranked(count: int = 200, not_met: int = 10) -> pl.DataFrame:
    """Made-up ranked declarations; the last `not_met` declared a lapse themselves."""
    return pl.DataFrame(
        {
            "rank": range(1, count + 1),
            "org_code": [f"R{number:03}" for number in range(count)],
            "function": ["whole"] * count,
            "org_type": [("acute", "pct", "mental_health")[number % 3] for number in range(count)],
            "region": [f"region {number % 5}" for number in range(count)],
            "declared": ["compliant"] * (count - not_met) + ["not_met"] * not_met,
        }
    )


def duties(*codes: str) -> pl.DataFrame:
    return pl.DataFrame([(code, "whole") for code in codes], schema=KEYS, orient="row")


NO_DUTIES = pl.DataFrame(schema={"org_code": pl.String, "function": pl.String})


def test_the_arms_fill_the_capacity_and_no_declaration_stands_in_two() -> None:
    declarations = ranked()
    plan = plan_visits(declarations, duties("R050", "R060"), Capacity(60, 0.5, 1))
    arms = dict(plan.drop_nulls("selected_by").group_by("selected_by").len().iter_rows())
    assert arms == {"mandatory": 2, "risk": 28, "random": 30}
    assert plan.select(KEYS).equals(declarations.select(KEYS))


def test_the_risk_arm_takes_the_worst_that_the_lot_left() -> None:
    plan = plan_visits(ranked(), NO_DUTIES, Capacity(20, 0.5, 3)).with_row_index()
    by_risk = plan.filter(pl.col("selected_by") == "risk")["index"]
    passed_over = plan.head(int(by_risk.max()) + 1).filter(pl.col("selected_by").is_null())  # type: ignore[arg-type]
    assert by_risk.len() == 10
    assert passed_over.is_empty()


def test_a_lapse_that_a_board_declared_itself_is_not_visited_to_test_it() -> None:
    plan = plan_visits(ranked(20, not_met=15), duties("R019"), Capacity(20, 0.5, 1))
    assert plan.tail(15)["selected_by"].null_count() == 15
    assert plan.head(5)["selected_by"].null_count() == 0


def test_duties_take_at_most_half_of_the_visits_that_are_not_by_lot() -> None:
    plan = plan_visits(ranked(), duties(*(f"R{number:03}" for number in range(100))), Capacity(40, 0.5, 1))
    assert (plan["selected_by"] == "mandatory").sum() == 10


def test_everybody_in_the_draw_has_the_same_known_chance_and_gets_it() -> None:
    declarations = ranked(90, not_met=0)
    drawn = pl.concat([draw_by_lot(declarations, Capacity(30, 0.5, seed)) for seed in range(2000)])
    times = drawn.group_by("org_code").len()["len"]
    expected, spread = 2000 * 15 / 90, (2000 * (15 / 90) * (75 / 90)) ** 0.5
    assert times.len() == 90
    assert abs(times.min() - expected) < 4.5 * spread  # type: ignore[operator]
    assert abs(times.max() - expected) < 4.5 * spread  # type: ignore[operator]
    chances = plan_visits(declarations, NO_DUTIES, Capacity(30, 0.5, 0))["inclusion_probability"]
    assert chances.unique().to_list() == [15 / 90]


def test_each_stratum_gets_its_share_to_within_one_visit() -> None:
    drawn = draw_by_lot(ranked(90, not_met=0), Capacity(60, 0.5, 5))
    assert drawn.group_by("org_type").len()["len"].to_list() == [10, 10, 10]


@pytest.mark.parametrize("seed", range(5))
def test_the_order_of_rows_does_not_change_the_draw(seed: int) -> None:
    declarations = ranked()
    shuffled = declarations.sample(fraction=1, shuffle=True, seed=seed)
    drawn, again = (draw_by_lot(rows, Capacity(60, 0.5, 9)).sort(KEYS) for rows in (declarations, shuffled))
    assert drawn.equals(again)


def test_another_seed_draws_others() -> None:
    first, second = (set(draw_by_lot(ranked(), Capacity(60, 0.5, seed))["org_code"]) for seed in (1, 2))
    assert first != second


def test_more_visits_than_declarations_visit_everybody_once() -> None:
    plan = plan_visits(ranked(30, not_met=0), NO_DUTIES, Capacity(100, 0.5, 1))
    assert plan["selected_by"].null_count() == 0


def test_without_capacity_nobody_is_chosen() -> None:
    plan = plan_visits(ranked(), duties("R001"), Capacity(0, 0.5, 1))
    assert plan["selected_by"].null_count() == 200
