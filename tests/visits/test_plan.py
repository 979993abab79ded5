from __future__ import annotations

from dataclasses import asdict, replace

import polars as pl
import pytest

from crosscheck.contract.outputs import OUTPUTS
from crosscheck.errors import PlanError
from crosscheck.pipeline import Outcome, cross_check
from crosscheck.standard import Standard
from crosscheck.visits.design import Design, read_design
from crosscheck.visits.draw import draw_from, stratify
from crosscheck.visits.model import Gravity, MandatoryArm
from crosscheck.visits.plan import PRACTICE, Capacity, Plan, count_arms, describe_draw, plan_visits
from crosscheck.visits.seal import Seal

KEYS = ("org_code", "function")
YEAR = "2008/09"
ARM = MandatoryArm(share=0.5, least_gravity=3, gravity=Gravity(high=3, medium=2, low=1, reason=""), reason="")


def listed(count: int = 200, lapses: int = 10) -> pl.DataFrame:
    """Made-up declarations, the first to visit first; the last `lapses` are to follow up."""
    return pl.DataFrame(
        {
            "rank": range(1, count + 1),
            "risk": [1 - number / count for number in range(count)],
            "org_code": [f"R{number:03}" for number in range(count)],
            "function": ["whole"] * count,
            "org_type": [("acute", "pct", "mental_health")[number % 3] for number in range(count)],
            "pool": ["to_visit"] * (count - lapses) + ["follow_up"] * lapses,
        }
    )


def duties(*admitted: tuple[str, str, str]) -> pl.DataFrame:
    """Unmet duties: code, check and severity."""
    rows = [
        dict.fromkeys(OUTPUTS["duties"].schema, "")
        | {"org_code": code, "function": "whole", "check_id": check, "severity": severity}
        for code, check, severity in admitted
    ]
    return pl.DataFrame(rows, schema=OUTPUTS["duties"].schema)


def plan(declarations: pl.DataFrame, unmet: pl.DataFrame, capacity: Capacity, arm: MandatoryArm = ARM) -> Plan:
    return plan_visits(declarations, unmet, capacity, arm, YEAR)


def selected(made: Plan, arm: str) -> list[str]:
    return made.declarations.filter(pl.col("selected_by") == arm)["org_code"].unique(maintain_order=True).to_list()


def test_the_arms_fill_the_capacity_and_no_declaration_stands_in_two() -> None:
    declarations = listed()
    made = plan(declarations, duties(("R050", "A", "high"), ("R060", "B", "high")), Capacity(60, 0.5, 1))
    assert count_arms(made.declarations) == {"mandatory": 2, "risk": 28, "random": 30}
    assert made.declarations.select(KEYS).equals(declarations.select(KEYS))


def test_capacity_counts_organisations_and_a_visit_looks_at_each_declaration_that_it_can_test() -> None:
    both = pl.concat([listed(40, 0).with_columns(function=pl.lit(name)) for name in ("commissioner", "provider")])
    visited = (pl.col("function") == "provider") & (pl.col("org_code") == "R000")
    declarations = both.with_columns(
        rank=pl.int_range(1, 81), pool=pl.when(visited).then(pl.lit("visited")).otherwise("pool")
    )
    made = plan(declarations, duties(), Capacity(10, 0.5, 1))
    chosen = made.declarations.drop_nulls("selected_by")
    assert chosen["org_code"].n_unique() == 10
    assert chosen.group_by("org_code").agg(pl.col("selected_by").n_unique())["selected_by"].to_list() == [1] * 10
    assert chosen.filter(pl.col("org_code") != "R000").group_by("org_code").len()["len"].unique().to_list() == [2]
    assert chosen.filter(pl.col("org_code") == "R000")["function"].to_list() == ["commissioner"]
    of_visited = made.declarations.filter(visited)
    assert of_visited.select("selected_by", "inclusion_probability").row(0) == (None, None)


def test_the_risk_arm_takes_the_first_that_the_draw_left() -> None:
    made = plan(listed(), duties(), Capacity(20, 0.5, 3)).declarations.with_row_index()
    by_risk = made.filter(pl.col("selected_by") == "risk")["index"]
    passed_over = made.head(int(by_risk.max()) + 1).filter(pl.col("selected_by").is_null())  # type: ignore[arg-type]
    assert by_risk.len() == 10
    assert passed_over.is_empty()


def test_a_lapse_that_a_board_declared_itself_is_not_visited_to_test_it() -> None:
    made = plan(listed(20, lapses=15), duties(("R019", "A", "high")), Capacity(20, 0.5, 1)).declarations
    assert made.tail(15)["selected_by"].null_count() == 15
    assert made.tail(15)["inclusion_probability"].null_count() == 15
    assert made.head(5)["selected_by"].null_count() == 0


def test_the_mandatory_arm_goes_by_gravity_then_by_number_and_only_then_by_risk() -> None:
    unmet = duties(
        ("R001", "A", "high"),
        ("R100", "A", "high"), ("R100", "B", "medium"), ("R100", "C", "low"),
        ("R150", "A", "high"), ("R150", "B", "high"),
        ("R002", "B", "medium"), ("R002", "C", "medium"), ("R002", "D", "medium"), ("R002", "E", "medium"),
        ("R120", "A", "high"),
    )  # fmt: skip
    made = [plan(listed(), unmet, Capacity(2 * places, 0.0, 1)) for places in (1, 2, 3, 4, 5)]
    order = [selected(one, "mandatory") for one in made]
    assert order == [["R100"], ["R100", "R150"], ["R001", "R100", "R150"], ["R001", "R100", "R120", "R150"],
                     ["R001", "R100", "R120", "R150"]]  # fmt: skip


def test_a_lesser_duty_makes_a_visit_mandatory_where_the_model_says_so() -> None:
    unmet = duties(("R002", "B", "medium"))
    assert selected(plan(listed(), unmet, Capacity(10, 0.0, 1)), "mandatory") == []
    lower = ARM.model_copy(update={"least_gravity": 2})
    assert selected(plan(listed(), unmet, Capacity(10, 0.0, 1), lower), "mandatory") == ["R002"]


def test_one_duty_that_both_functions_admit_counts_once() -> None:
    twice = duties(("R001", "A", "high"), ("R001", "A", "high")).with_columns(
        function=pl.Series(["commissioner", "provider"])
    )
    both = pl.concat([listed(3, 0).with_columns(function=pl.lit(name)) for name in ("commissioner", "provider")])
    declarations = pl.concat([both, listed(3, 0).filter(pl.col("org_code") == "R000")]).unique(KEYS)
    unmet = pl.concat([twice, duties(("R000", "A", "high"), ("R000", "B", "low"))])
    assert selected(plan(declarations, unmet, Capacity(2, 0.0, 1)), "mandatory") == ["R000"]


@pytest.mark.parametrize(("share", "mandatory"), [(0.5, 10), (0.25, 5), (1.0, 20), (0.0, 0)])
def test_duties_take_no_more_than_the_stated_share_of_the_visits_that_are_not_at_random(
    share: float, mandatory: int
) -> None:
    unmet = duties(*((f"R{number:03}", "A", "high") for number in range(100)))
    made = plan(listed(), unmet, Capacity(40, 0.5, 1), ARM.model_copy(update={"share": share}))
    assert count_arms(made.declarations) == {"mandatory": mandatory, "risk": 20 - mandatory, "random": 20}


def test_who_is_visited_anyway_takes_no_part_in_the_draw() -> None:
    made = plan(listed(), duties(("R050", "A", "high")), Capacity(60, 0.5, 1))
    assert made.draw.filter(pl.col("org_code") == "R050").is_empty()
    assert made.declarations.filter(pl.col("org_code") == "R050")["inclusion_probability"].item() is None
    assert made.draw.height == 189
    left = listed().filter((pl.col("pool") == "to_visit") & (pl.col("org_code") != "R050"))
    assert made.draw.equals(draw_from(stratify(left.select("org_code", "org_type"), 30), "1", YEAR))


def test_a_declaration_has_the_chance_of_its_organisation() -> None:
    made = plan(listed(), duties(), Capacity(60, 0.5, 1))
    of_draw = dict(made.draw.select("org_code", "inclusion_probability").iter_rows())
    known = made.declarations.drop_nulls("inclusion_probability")
    assert known.height == 190
    assert all(chance == of_draw[code] for code, chance in known.select("org_code", "inclusion_probability").rows())
    assert sum(of_draw.values()) == pytest.approx(30)


@pytest.mark.parametrize("seed", range(5))
def test_the_order_of_rows_does_not_change_the_plan(seed: int) -> None:
    unmet = duties(("R050", "A", "high"), ("R060", "B", "high"))
    declarations = listed()
    shuffled = declarations.sample(fraction=1, shuffle=True, seed=seed)
    made, again = (plan(rows, unmet, Capacity(60, 0.5, 9)).declarations.sort(KEYS) for rows in (declarations, shuffled))
    assert made.equals(again)


def test_another_value_draws_others_and_another_year_too() -> None:
    values = [set(selected(plan(listed(), duties(), Capacity(60, 0.5, value)), "random")) for value in (1, 2)]
    other_year = plan_visits(listed(), duties(), Capacity(60, 0.5, 1), ARM, "2009/10")
    assert values[0] != values[1]
    assert values[0] != set(selected(other_year, "random"))


def test_more_visits_than_organisations_visit_everybody_once() -> None:
    made = plan(listed(30, lapses=0), duties(), Capacity(100, 0.5, 1)).declarations
    assert made["selected_by"].null_count() == 0


def test_without_capacity_nobody_is_chosen() -> None:
    made = plan(listed(), duties(("R001", "A", "high")), Capacity(0, 0.5, 1)).declarations
    assert made["selected_by"].null_count() == 200


def test_the_manifest_says_that_the_draw_is_for_practice_and_what_chances_it_gave() -> None:
    capacity = Capacity(60, 0.5, 7)
    told = describe_draw(plan(listed(), duties(), capacity), capacity, YEAR)
    assert (told.binding, told.note, told.value) == (False, PRACTICE, "7")
    assert PRACTICE == "practice draw, not binding"
    assert [stratum.stratum for stratum in told.strata] == ["acute", "mental_health", "pct"]
    for stratum in told.strata:
        assert stratum.inclusion_probability == stratum.drawn / stratum.organisations
    assert sum(stratum.drawn for stratum in told.strata) == 30


@pytest.fixture(scope="module")
def outcome(collection, standard: Standard) -> Outcome:  # type: ignore[no-untyped-def]
    return cross_check(collection, standard, YEAR, Capacity(60, 0.5, 2009))


def test_the_embedded_list_stands_in_three_pools_one_after_the_other(outcome: Outcome) -> None:
    pools = outcome.visit_list["pool"].to_list()
    order = ["to_visit", "visited", "follow_up"]
    assert pools == sorted(pools, key=order.index)
    assert [pools.count(pool) for pool in order] == [446, 60, 33]
    for pool in outcome.visit_list.partition_by("pool"):
        assert pool["decibans"].is_sorted(descending=True)
        assert (pool["rank_low"] >= pool["rank"].min()).all()
        assert (pool["rank_high"] <= pool["rank"].max()).all()


def test_each_mandatory_visit_of_the_embedded_list_is_for_a_grave_duty_that_duties_names(outcome: Outcome) -> None:
    mandatory = outcome.visit_list.filter(pl.col("selected_by") == "mandatory")
    grave = outcome.duties.filter(pl.col("severity") == "high")
    assert mandatory["org_code"].n_unique() == 15
    assert mandatory.join(grave, on="org_code", how="anti").is_empty()
    numbers = outcome.duties.group_by("org_code").agg(pl.col("check_id").n_unique().alias("number"))
    passed_over = outcome.visit_list.filter(
        (pl.col("pool") == "to_visit") & (pl.col("selected_by").ne_missing(pl.lit("mandatory")))
    ).join(grave.select("org_code").unique(), on="org_code").join(numbers, on="org_code")  # fmt: skip
    fewest = mandatory.select("org_code").unique().join(numbers, on="org_code")["number"].min()
    assert passed_over["number"].max() <= fewest  # type: ignore[operator]


def with_risk(declarations: pl.DataFrame) -> pl.DataFrame:
    """Risks that fall with the rank, and benefits that do not."""
    falling = 0.5 - pl.col("rank") / 1000
    return declarations.with_columns(risk=falling, benefit=falling * (1 + pl.col("rank") % 3))


def designed(visits: int, **design: object) -> Capacity:
    return Capacity(visits, 0.5, 1, Design.model_validate(design))


def test_the_floor_takes_visits_from_the_risk_arm_until_everybody_has_it() -> None:
    plain, floored = (plan(listed(), duties(), designed(60, floor=floor)) for floor in (0.0, 0.2))
    assert count_arms(plain.declarations)["random"] == 30
    arms = count_arms(floored.declarations)
    assert arms["random"] + arms["risk"] == 60
    assert floored.draw["inclusion_probability"].min() >= 0.2  # type: ignore[operator]
    assert arms["random"] <= 42


def test_a_floor_that_capacity_cannot_reach_is_said_with_the_least_chance() -> None:
    capacity = designed(20, floor=0.5)
    made = plan(listed(), duties(), capacity)
    told = describe_draw(made, capacity, YEAR).floor
    assert count_arms(made.declarations) == {"mandatory": 0, "risk": 0, "random": 20}
    assert told.asked == 0.5
    assert told.least_chance == made.draw["inclusion_probability"].min()
    assert told.least_chance < 0.5
    assert told.visits_needed is not None
    for visits, reached in ((told.visits_needed, True), (told.visits_needed - 1, False)):
        chances = plan(listed(), duties(), designed(visits, floor=0.5)).draw["inclusion_probability"]
        assert bool((chances >= 0.5).all()) == reached


def test_the_adaptive_design_draws_all_visits_that_unmet_duties_leave() -> None:
    made = plan(with_risk(listed()), duties(("R050", "A", "high")), designed(40, kind="adaptive"))
    assert count_arms(made.declarations) == {"mandatory": 1, "risk": 0, "random": 39}
    chances = made.declarations.drop_nulls("inclusion_probability")["inclusion_probability"]
    assert chances.sum() == pytest.approx(39)
    assert chances[0] > 2 * chances[-1]


def test_by_expected_benefit_the_risk_arm_takes_the_highest_and_the_manifest_says_what_that_brings() -> None:
    capacity = designed(20, benefit="expected_benefit")
    made = plan(with_risk(listed()), duties(), capacity)
    drawn = set(selected(made, "random"))
    by_benefit = with_risk(listed()).filter(pl.col("pool") == "to_visit").sort("benefit", descending=True)["org_code"]
    assert set(selected(made, "risk")) == set([code for code in by_benefit if code not in drawn][:10])
    gain = {one.chosen_by: one for one in describe_draw(made, capacity, YEAR).gain}
    assert gain["expected_benefit"].benefit > gain["risk"].benefit
    assert gain["expected_benefit"].finds < gain["risk"].finds
    assert plan(listed(), duties(), designed(20)).gain == ()


def test_whom_a_person_adds_is_visited_beside_the_arms_and_changes_nobodys_chance() -> None:
    added = [{"org_code": code, "who": "Ann", "why": "A letter came"} for code in ("R180", "R000", "R199", "XXX")]
    capacity = designed(20, added=added)
    without, made = plan(listed(), duties(), designed(20)), plan(listed(), duties(), capacity)
    columns = ["org_code", "selected_by", "inclusion_probability"]
    assert made.declarations.select(columns).equals(without.declarations.select(columns))
    marked = made.declarations.drop_nulls("added")
    assert marked.select("org_code", "added").rows() == [(code, "Ann: A letter came") for code in ("R000", "R180")]
    assert made.unknown == ("R199", "XXX")
    assert [asdict(visit) for visit in describe_draw(made, capacity, YEAR).added] == added


def test_one_correction_changes_the_random_arm_by_no_more_than_enter_or_leave_the_draw() -> None:
    unmet = [(f"R{number:03}", "A", "high") for number in range(0, 180, 9)]
    before = plan(listed(), duties(*unmet), Capacity(60, 0.5, 1))
    for corrected in unmet:
        after = plan(listed(), duties(*(one for one in unmet if one != corrected)), Capacity(60, 0.5, 1))
        moved = set(before.draw["org_code"]) ^ set(after.draw["org_code"])
        drawn, drawn_since = (set(selected(made, "random")) for made in (before, after))
        assert len(drawn - drawn_since) <= len(moved), corrected
        assert len(drawn_since - drawn) <= len(moved), corrected


def test_the_manifest_holds_how_dry_draws_fit_the_chances() -> None:
    capacity = Capacity(60, 0.5, 7)
    told = describe_draw(plan(listed(), duties(), capacity), capacity, YEAR).dry_draws
    assert (told.draws, told.never_drawn) == (1000, 0)
    assert told.p > 0.001
    assert describe_draw(plan(listed(), duties(), Capacity(0, 0.5, 1)), Capacity(0, 0.5, 1), YEAR).dry_draws is None


def test_a_seal_of_another_frame_does_not_make_a_draw_binding() -> None:
    seal = Seal("7bf1", "0" * 64, "the lottery of 1 May", "2009-05-01T20:00+00:00", "42", 0)
    capacity = Capacity(60, 0.5, 7, seal=seal)
    told = describe_draw(plan(listed(), duties(), capacity), capacity, YEAR)
    assert (told.binding, told.value) == (False, "42")
    assert told.note.endswith("the frame has changed since, so this one is not it")
    sealed = Capacity(60, 0.5, 7, seal=replace(seal, frame=told.frame))
    bound = describe_draw(plan(listed(), duties(), sealed), sealed, YEAR)
    assert bound.binding
    assert bound.note == (
        f"binding draw, sealed as {told.frame[:16]} before 20:00 UTC on 1 May 2009 (the lottery of 1 May)"
    )


def test_the_floor_costs_the_expected_hits_that_the_same_plan_without_it_has_more() -> None:
    plain, floored = (plan(listed(), duties(), designed(60, floor=floor)) for floor in (0.0, 0.2))
    risks = dict(listed().select("org_code", "risk").iter_rows())
    hits = [
        sum(risks[code] for code in made.declarations.drop_nulls("selected_by")["org_code"])
        for made in (floored, plain)
    ]
    assert floored.floor_price is not None
    assert (floored.floor_price.expected_hits, floored.floor_price.without) == pytest.approx(hits, abs=1e-6)
    assert hits[1] > hits[0]
    assert plain.floor_price is None


def test_whom_a_person_removes_is_not_chosen_by_risk_and_keeps_duty_and_chance() -> None:
    before = plan(listed(), duties(), designed(20))
    by_risk = before.declarations.filter(selected_by="risk")["org_code"].to_list()
    drawn = before.declarations.filter(selected_by="random")["org_code"].to_list()
    people = [{"org_code": code, "who": "Ann", "why": "It closed"} for code in (by_risk[0], drawn[0], "XXX")]
    made = plan(listed(), duties(), capacity := designed(20, removed=people))
    arms = dict(made.declarations.select("org_code", "selected_by").iter_rows())
    assert arms[by_risk[0]] is None
    assert arms[drawn[0]] == "random"
    now = made.declarations.filter(selected_by="risk")["org_code"].to_list()
    assert len(now) == len(by_risk), "the next one by risk has the place"
    assert set(by_risk) - set(now) == {by_risk[0]}
    assert made.draw.equals(before.draw), "nobody's chance changes"
    assert made.unknown == ("XXX",)
    said = {one.org_code: one.visited_as for one in describe_draw(made, capacity, YEAR).removed}
    assert said == {by_risk[0]: None, drawn[0]: "random", "XXX": None}


def test_nobody_is_added_and_removed_at_once() -> None:
    entry = {"org_code": "R1", "who": "Ann", "why": "x"}
    with pytest.raises(PlanError, match="R1 is both added and removed"):
        read_design({"added": [entry], "removed": [entry]}, "plan.toml")
