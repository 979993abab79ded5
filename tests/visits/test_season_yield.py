from __future__ import annotations

import itertools
import math
from dataclasses import replace
from datetime import date

import numpy as np
import polars as pl
import pytest
from scipy.stats import binom

from crosscheck.contract.inputs import INPUTS
from crosscheck.visits.draw import stratify
from crosscheck.visits.plan import ADDED
from crosscheck.visits.season_yield import (
    DECISIONS,
    OUTSIDE,
    REMOVED,
    SeasonPlan,
    SeasonYield,
    compare_arms,
    measure_yield,
    outcomes_of_visits,
    power_to_tell,
    visits_to_tell,
)

CODES = [f"R{place:03}" for place in range(60)]
ARMS = ["mandatory"] * 4 + ["risk"] * 8 + ["random"] * 12 + [None] * 36


def _listed(**more: object) -> pl.DataFrame:
    chance = [None] * 4 + [12 / 56] * 56
    listed = pl.DataFrame(
        {
            "org_code": CODES,
            "function": "whole",
            "org_type": "acute",
            "region": "North",
            "risk": 0.1,
            "selected_by": ARMS,
            "inclusion_probability": chance,
            "pool": "to_visit",
            "added": None,
        },
        schema_overrides={"added": pl.String},
    )
    return listed.with_columns(**more)  # type: ignore[arg-type]  # what each test puts beside it


def _visits(visited: list[str], not_upheld: list[str]) -> pl.DataFrame:
    finding = pl.when(pl.col("org_code").is_in(not_upheld)).then(pl.lit("qualified")).otherwise(pl.lit("upheld"))
    made = pl.DataFrame({"org_code": visited}, schema={"org_code": pl.String})
    return made.with_columns(function=pl.lit("whole"), visited_on=pl.lit(date(2009, 9, 1)), finding=finding)


def _season(listed: pl.DataFrame, visits: pl.DataFrame, decisions: pl.DataFrame | None = None) -> SeasonPlan:
    """Two arms: 12 of the 56 organisations that need not be visited are drawn."""
    in_draw = listed.drop_nulls("inclusion_probability").unique("org_code")
    return SeasonPlan(
        listed=listed,
        frame=stratify(in_draw.select("org_code", "org_type"), 12),
        visits=visits,
        looks=INPUTS["visit_items"].empty(),
        findings=pl.DataFrame(schema=dict.fromkeys(("org_code", "function", "check_id", "verdict"), pl.String)),
        organisations=pl.DataFrame({"org_code": CODES, "org_type": "acute", "staff_wte": 100.0}),
        decisions=DECISIONS.to_frame() if decisions is None else decisions,
    )


def _measure(visited: list[str], not_upheld: list[str], listed: pl.DataFrame | None = None) -> SeasonYield:
    return measure_yield(_season(_listed() if listed is None else listed, _visits(visited, not_upheld)))


def test_the_prevalence_is_of_the_declarations_in_the_draw_and_those_chosen_by_risk_do_not_move_it() -> None:
    random = CODES[12:24]
    alone = _measure(random, random[:3])
    beside = _measure(CODES[:24], [*CODES[:12], *random[:3]])
    assert alone.population.declarations == 56
    assert alone.prevalence.hajek == beside.prevalence.hajek
    assert alone.prevalence.hajek.value == pytest.approx(3 / 12)
    assert alone.prevalence.horvitz_thompson.value == pytest.approx(3 / 12)


def test_those_that_had_to_be_visited_are_added_once_all_of_them_were() -> None:
    random = CODES[12:24]
    whole = _measure([*CODES[:4], *random], [*CODES[:2], *random[:3]])
    assert whole.with_mandatory.value == pytest.approx((56 * 3 / 12 + 2) / 60)
    assert math.isnan(_measure([*CODES[:3], *random], CODES[:2]).with_mandatory.value)


def test_while_visits_go_on_those_made_speak_for_all() -> None:
    half = _measure(CODES[12:18], CODES[12:14])
    assert half.prevalence.horvitz_thompson.value == pytest.approx(2 / 6)
    assert half.weekly["organisations"].to_list() == [6]


def test_whom_a_person_added_is_counted_apart_for_ever() -> None:
    added = pl.when(pl.col("org_code").is_in(CODES[24:27])).then(pl.lit("A. Byrne"))
    measured = _measure([*CODES[12:24], *CODES[24:27]], CODES[24:26], _listed(added=added))
    arms = {row["arm"]: row for row in measured.arms.to_dicts()}
    assert (arms[ADDED]["declarations_visited"], arms[ADDED]["not_upheld"]) == (3, 2)
    assert OUTSIDE not in arms
    assert measured.prevalence.hajek.value == 0


def _decided(*decisions: tuple[str, str, date]) -> pl.DataFrame:
    rows = [(code, "whole", kind, day) for code, kind, day in decisions]
    return pl.DataFrame(rows, schema=DECISIONS, orient="row")


def test_a_decision_without_a_visit_removes_only_if_it_was_taken_before_the_visit() -> None:
    before, after = date(2009, 8, 1), date(2009, 9, 2)
    decisions = _decided((CODES[4], "no visit", before), (CODES[5], "no visit", after), (CODES[6], "visit", before),
                         (CODES[7], "no visit", before))  # fmt: skip
    measured = measure_yield(_season(_listed(), _visits(CODES[4:7], [CODES[4]]), decisions))
    arms = {row["arm"]: row for row in measured.arms.to_dicts()}
    assert (arms[REMOVED]["organisations_planned"], arms[REMOVED]["declarations_visited"]) == (2, 1)
    assert arms[REMOVED]["not_upheld"] == 1
    assert arms["risk"]["declarations_visited"] == 3
    assert 0 < arms[REMOVED]["low"] < arms[REMOVED]["high"]


def test_whom_the_plan_removed_and_the_draw_chose_has_a_rate_of_its_own_and_stays_in_the_sample() -> None:
    season = replace(_season(_listed(), _visits(CODES[12:24], CODES[12:14])), removed=(*CODES[12:15], CODES[59]))
    arms = {row["arm"]: row for row in measure_yield(season).arms.to_dicts()}
    assert (arms[REMOVED]["declarations_visited"], arms[REMOVED]["not_upheld"]) == (3, 2)
    assert arms["random"]["declarations_visited"] == 12


def test_a_decision_to_visit_adds_only_where_no_arm_chose() -> None:
    day = date(2009, 8, 1)
    decisions = _decided((CODES[12], "visit", day), (CODES[30], "visit", day))
    measured = measure_yield(_season(_listed(), _visits([CODES[12], CODES[30]], [CODES[30]]), decisions))
    arms = {row["arm"]: row for row in measured.arms.to_dicts()}
    assert (arms[ADDED]["declarations_visited"], arms[ADDED]["not_upheld"]) == (1, 1)
    assert arms["random"]["declarations_visited"] == 1


def test_of_two_visits_of_one_declaration_the_later_counts() -> None:
    visits = _visits(["R000", "R000"], ["R000"]).with_columns(
        visited_on=pl.Series([date(2009, 10, 1), date(2009, 9, 1)]), finding=pl.Series(["upheld", "qualified"])
    )
    assert outcomes_of_visits(visits)["not_upheld"].to_list() == [False]
    assert outcomes_of_visits(visits.reverse())["not_upheld"].to_list() == [False]


def test_two_declarations_of_a_trust_that_lapse_together_leave_the_interval_of_an_arm_wider() -> None:
    listed = pl.concat([_listed(function=pl.lit("commissioner")), _listed(function=pl.lit("provider"))])
    visits = [
        _visits(CODES[4:12], CODES[4:7]).with_columns(function=pl.lit(name)) for name in ("commissioner", "provider")
    ]
    season = _season(listed, pl.concat(visits))
    risk = measure_yield(season).arms.filter(pl.col("arm") == "risk").row(0, named=True)
    single = _measure(CODES[4:12], CODES[4:7]).arms.filter(pl.col("arm") == "risk").row(0, named=True)
    assert (risk["declarations_visited"], risk["not_upheld"]) == (16, 6)
    assert risk["effective"] == pytest.approx(8, abs=0.5)
    assert risk["high"] - risk["low"] == pytest.approx(single["high"] - single["low"], abs=0.03)


@pytest.mark.parametrize(("risk", "random"), [(0.26, 0.13), (0.5, 0.05), (0.1, 0.1)])
def test_the_interval_of_the_lift_covers_also_where_an_arm_found_nothing(risk: float, random: float) -> None:
    rng, covered = np.random.default_rng(2), 0
    for _ in range(600):
        found = [int(rng.binomial(30, risk)), int(rng.binomial(30, random))]
        lift = compare_arms(_arms(found, 30))
        covered += lift.low <= risk / random <= lift.high
    assert covered / 600 >= 0.95


@pytest.mark.parametrize("visits", [15, 30])
def test_the_interval_of_the_lift_covers_as_often_as_it_says_and_not_always(visits: int) -> None:
    every = itertools.product(range(visits + 1), repeat=2)
    lifts = {found: compare_arms(_arms(list(found), visits)) for found in every}
    rates = itertools.product((0.05, 0.13, 0.26, 0.5, 0.7), (0.03, 0.05, 0.13, 0.22, 0.4))
    covers = [
        sum(binom.pmf(found[0], visits, risk) * binom.pmf(found[1], visits, random)
            for found, lift in lifts.items() if lift.low <= risk / random <= lift.high)
        for risk, random in rates
    ]  # fmt: skip
    assert min(covers) >= 0.95
    assert np.mean(covers) <= 0.985


def test_arms_that_differ_beyond_chance_are_told_apart() -> None:
    # Fisher's exact test says .0015 and .73.
    assert compare_arms(_arms([15, 3], 30)).low > 1 > compare_arms(_arms([6, 4], 30)).low


def test_a_lift_over_nothing_has_no_value_and_no_upper_end_but_a_lower_one() -> None:
    lift = compare_arms(_arms([20, 0], 30))
    assert math.isnan(lift.value)
    assert lift.high == math.inf
    assert lift.low > 2
    assert math.isnan(compare_arms(_arms([0, 0], 0)).low)


def test_power_is_that_of_two_shares_drawn_and_compared() -> None:
    rng, told = np.random.default_rng(4), 0
    for _ in range(4000):
        one, other = rng.binomial(150, 0.26) / 150, rng.binomial(150, 0.13) / 150
        both = (one + other) / 2
        told += abs(one - other) > 1.959964 * math.sqrt(both * (1 - both) * 2 / 150)
    assert power_to_tell(150, 150) == pytest.approx(told / 4000, abs=0.03)
    assert power_to_tell(0, 150) == 0


def test_as_many_visits_as_are_needed_give_the_power_that_was_asked_for() -> None:
    needed = visits_to_tell(200.0)
    assert needed is not None
    assert power_to_tell(200.0, needed) == pytest.approx(0.8, abs=0.001)
    assert visits_to_tell(20.0) is None
    assert visits_to_tell(0.0) is None


def test_nothing_planned_and_nothing_visited_is_measured_without_an_error() -> None:
    nobody = _measure([], [], _listed().clear())
    assert nobody.population.organisations == 0
    assert nobody.weekly.is_empty()
    assert math.isnan(nobody.prevalence.hajek.value)
    assert nobody.arms["declarations_visited"].sum() == 0


def _arms(found: list[int], number: int) -> pl.DataFrame:
    rows = {
        "arm": ["risk", "random"],
        "declarations_visited": [number] * 2,
        "share": [one / max(number, 1) for one in found],
        "effective": [float(number)] * 2,
    }
    return pl.DataFrame(rows)
