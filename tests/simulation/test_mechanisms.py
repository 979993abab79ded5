from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from crosscheck.cases.returns import count_adverse
from crosscheck.cli.worth import MECHANISMS as OFFERED
from crosscheck.questionnaire import Questionnaire
from crosscheck.rulebook.rule import Rulebook
from crosscheck.simulation.duties import weigh_breaches
from crosscheck.simulation.margins import Target
from crosscheck.simulation.model import MECHANISMS, Mechanism, SimulationModel, WorldPlan
from crosscheck.simulation.world import World, build_world
from crosscheck.standard import Standard
from crosscheck.visits.outcomes import measure_worth

Worlds = Callable[[Mechanism], list[World]]

_KEYS = ["org_code", "function"]


@pytest.fixture(scope="session")
def rulebook(standard: Standard) -> Rulebook:
    return standard.rulebook


def _compliant(world: World) -> pl.DataFrame:
    return world.truth.filter(pl.col("status") == "compliant")


def _grave(world: World, model: SimulationModel) -> pl.DataFrame:
    """The declarations of compliance with how many grave duties they admit not to meet (`grave`)."""
    names = [name for name, duty in model.duties.items() if duty.grave]
    of_duties = world.breaches.filter(pl.col("question_id").is_in(names))
    counted = of_duties.group_by(_KEYS).agg(grave=pl.col("admitted").sum().cast(pl.Float64))
    return _compliant(world).join(counted, on=_KEYS, how="left").with_columns(pl.col("grave").fill_null(0))


def _lift(declared: pl.DataFrame, score: str) -> float:
    judged = declared.select(score=pl.col(score).cast(pl.Float64), otherwise=~pl.col("upheld"), weight=1.0)
    return measure_worth(judged).lift.value


def _looked_at(world: World) -> pl.DataFrame:
    """What visits of the year saw, beside what is true and what was found."""
    seen = world.tables["visit_items_wave_1"].join(world.tables["visits_wave_1"], on=[*_KEYS, "year"])
    return seen.join(world.breaches, on=[*_KEYS, "question_id"])


def test_the_command_offers_every_mechanism_of_the_model(model: SimulationModel) -> None:
    assert OFFERED == MECHANISMS
    assert set(model.mechanisms) == set(MECHANISMS)


def test_every_duty_is_asked_about_by_a_rule_that_its_answer_breaks(
    model: SimulationModel, rulebook: Rulebook, questionnaire: Questionnaire
) -> None:
    """The answers that admit a breach are the worst of the question, and a grave duty is that of a grave rule."""
    for name, duty in model.duties.items():
        rules = [rule for rule in rulebook.of_kind("declaration_vs_answer") if name in rule.expects]
        binding = [rule for rule in rules if rule.strength == "statutory" and rule.severity == "high"]
        assert rules, name
        assert duty.grave == bool(binding), name
        assert duty.unmet == list(questionnaire[name].levels[: len(duty.unmet)])
        if duty.grave:
            assert set(duty.of) <= {function for rule in binding for function in rule.applies_to.function}, name


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_the_same_seed_gives_the_same_world_by_every_mechanism(
    mechanism: Mechanism,
    of_mechanism: Worlds,
    model: SimulationModel,
    questionnaire: Questionnaire,
    targets: dict[str, list[Target]],
) -> None:
    first = of_mechanism(mechanism)[0]
    again = build_world(WorldPlan(model, mechanism=mechanism), questionnaire, targets, 71)
    assert_frame_equal(first.truth, again.truth)
    assert_frame_equal(first.breaches, again.breaches)
    for name, table in first.tables.items():
        assert_frame_equal(table, again.tables[name])


@pytest.mark.parametrize(
    ("mechanism", "share"),
    [("latent", 0.13), ("breaches", 0.13), ("rare", 0.05), ("common", 0.22), ("random_outcomes", 0.13)],
)
def test_as_many_declarations_of_compliance_are_wrong_as_the_mechanism_says(
    mechanism: Mechanism, share: float, of_mechanism: Worlds
) -> None:
    wrong = np.mean([1 - _compliant(world)["upheld"].mean() for world in of_mechanism(mechanism)])
    assert wrong == pytest.approx(share, abs=0.03)


def test_a_third_of_the_declarations_of_compliance_admit_a_grave_duty(
    of_mechanism: Worlds, model: SimulationModel
) -> None:
    admits = [(_grave(world, model)["grave"] > 0).mean() for world in of_mechanism("breaches")]
    assert np.mean(admits) == pytest.approx(1 / 3, abs=0.05)


def test_some_admissions_are_mistaken_and_some_breaches_withheld(of_mechanism: Worlds) -> None:
    breaches = pl.concat(world.breaches for world in of_mechanism("breaches"))
    admitted, breached = breaches.filter("admitted"), breaches.filter("breached")
    assert 0.1 < admitted["breached"].not_().mean() < 0.35
    assert 0.05 < breached["admitted"].not_().mean() < 0.35


def test_less_candid_boards_withhold_more_breaches_unless_answers_are_honest(of_mechanism: Worlds) -> None:
    def withheld(mechanism: Mechanism, *, candid: bool) -> float:
        breaches = pl.concat(
            world.breaches.join(world.truth.select(*_KEYS, "candour"), on=_KEYS) for world in of_mechanism(mechanism)
        ).filter("breached", (pl.col("candour") > 0) if candid else (pl.col("candour") <= 0))
        return float(breaches["admitted"].not_().mean())

    assert withheld("breaches", candid=False) > withheld("breaches", candid=True) + 0.05
    assert withheld("honest", candid=False) == pytest.approx(withheld("honest", candid=True), abs=0.04)


def test_weights_of_duties_are_drawn_anew_in_each_world_some_of_them_nearly_nothing(of_mechanism: Worlds) -> None:
    by_world = [
        world.breaches.group_by("question_id").agg(pl.col("effect").first()) for world in of_mechanism("breaches")
    ]
    both = by_world[0].join(by_world[1], on="question_id", suffix="_other")
    assert (both["effect"] != both["effect_other"]).all()
    for effects in by_world:
        assert effects["effect"].min() < 0.1
        assert effects["effect"].max() > 1.0


@pytest.mark.parametrize("mechanism", ["latent", "random_outcomes"])
def test_where_duties_have_no_part_a_breach_weighs_nothing(mechanism: Mechanism, of_mechanism: Worlds) -> None:
    for world in of_mechanism(mechanism):
        assert world.breaches["effect"].unique().to_list() == [0.0]


def test_a_breach_that_weighs_much_goes_with_standards_not_met_and_one_that_weighs_nothing_does_not(
    of_mechanism: Worlds,
) -> None:
    met = pl.concat(
        world.breaches.join(world.truth.select(*_KEYS, "standard_met"), on=_KEYS) for world in of_mechanism("breaches")
    )
    heavy, slight = met.filter(pl.col("effect") > 1.2), met.filter(pl.col("effect") < 0.1)

    def risk(of: pl.DataFrame, *, breached: bool) -> float:
        return float(of.filter(pl.col("breached") == breached)["standard_met"].not_().mean())

    assert risk(heavy, breached=True) > 2 * risk(heavy, breached=False)
    assert risk(slight, breached=True) < 2 * risk(slight, breached=False)


def test_a_duty_bears_on_the_functions_that_it_belongs_to(of_mechanism: Worlds, model: SimulationModel) -> None:
    for world in of_mechanism("breaches"):
        for function, names in world.breaches.group_by("function").agg(pl.col("question_id").unique()).iter_rows():
            assert all(function in model.duties[name].of for name in names)


def test_the_two_functions_of_a_trust_differ_in_their_breaches_and_in_whether_the_standard_is_met(
    of_mechanism: Worlds,
) -> None:
    truth = pl.concat(world.truth.with_columns(seed=number) for number, world in enumerate(of_mechanism("breaches")))
    both = truth.filter(pl.col("function") == "commissioner").join(
        truth.filter(pl.col("function") == "provider"), on=["seed", "org_code"], suffix="_provider"
    )
    assert (both["breached"] != both["breached_provider"]).mean() > 0.4
    one = both.filter(~pl.col("standard_met") | ~pl.col("standard_met_provider"))
    assert (one["standard_met"] != one["standard_met_provider"]).mean() > 0.4


def test_a_shared_duty_can_be_breached_by_one_function_alone(of_mechanism: Worlds) -> None:
    breaches = of_mechanism("breaches")[0].breaches.filter(pl.col("question_id") == "human_resources.job_descriptions")
    both = breaches.filter(pl.col("function") == "commissioner").join(
        breaches.filter(pl.col("function") == "provider"), on="org_code", suffix="_provider"
    )
    counted = dict(both.group_by(pl.col("breached") & pl.col("breached_provider")).len().iter_rows())
    alone = (both["breached"] != both["breached_provider"]).sum()
    assert counted[True] == pytest.approx(alone, rel=0.5)


def test_breaches_weigh_alike_on_average_in_every_group() -> None:
    breached = np.random.default_rng(1).random((600, 5)) < 0.2
    groups = np.array(["a", "b", "c"] * 200)
    weighed = weigh_breaches(breached, np.arange(5.0), groups)
    for group in ("a", "b", "c"):
        assert weighed[groups == group].mean() == pytest.approx(0, abs=1e-9)
        assert weighed[groups == group].std() == pytest.approx(1)


def test_some_trusts_answer_everything_with_the_best_answer(of_mechanism: Worlds, questionnaire: Questionnaire) -> None:
    best = pl.DataFrame(
        [(one.question_id, one.levels[-1]) for one in questionnaire if one.levels and one.direction == "higher_better"],
        schema=["question_id", "best"],
        orient="row",
    )
    for world in of_mechanism("all_best"):
        levels = world.tables["answers"].drop_nulls("level").join(best, on="question_id")
        all_best = levels.group_by("org_code").agg((pl.col("level") == pl.col("best")).mean())
        assert (all_best["level"] > 0.97).sum() == pytest.approx(0.08 * 392, abs=2)


def test_those_who_answer_everything_best_leave_the_published_shares_as_they_are(of_mechanism: Worlds) -> None:
    answers = pl.concat(world.tables["answers"] for world in of_mechanism("all_best"))
    checked = answers.filter(pl.col("question_id") == "human_resources.crb_checks").drop_nulls("level")
    assert (checked["level"] == "not_all_since_2002").mean() == pytest.approx(0.13, abs=0.03)


def test_on_its_own_word_only_there_are_declarations_answers_and_history(of_mechanism: Worlds) -> None:
    for world in of_mechanism("own_word_only"):
        held = {name for name, table in world.tables.items() if not table.is_empty()}
        assert held == {"organisations", "declarations", "answers", "visits", "visit_items"}


def test_what_visits_find_is_unrelated_to_anything_where_outcomes_are_random(
    of_mechanism: Worlds, questionnaire: Questionnaire
) -> None:
    for world in of_mechanism("random_outcomes"):
        visits = world.tables["visits"].with_columns(qualified=pl.col("finding") == "qualified")
        assert visits.height == pytest.approx(6800, abs=5)
        adverse = count_adverse(world.tables["answers"], world.tables["organisations"], questionnaire)
        beside = visits.join(adverse, on="org_code")
        assert abs(np.corrcoef(beside["qualified"], beside["adverse"])[0, 1]) < 0.05
        twice = visits.group_by("org_code", "year").agg(pl.len(), pl.col("qualified").sum()).filter(pl.col("len") > 1)
        share = visits["qualified"].mean()
        expected = (twice["len"] * share * (1 - share)).sum()
        assert ((twice["qualified"] - share * twice["len"]) ** 2).sum() == pytest.approx(expected, rel=0.2)


def test_records_agree_with_what_is_answered_but_for_those_who_answer_everything_best(of_mechanism: Worlds) -> None:
    """The survey of training against the answer on level 1 training; those who answer the best stand far above it."""

    def gap(world: World) -> pl.DataFrame:
        answered = world.tables["answers"].filter(pl.col("question_id") == "training.level1_pct").drop_nulls("number")
        survey = world.tables["indicators"].filter(pl.col("indicator") == "child_protection_training_pct")
        return answered.join(survey.select("org_code", "value"), on="org_code")

    for world in of_mechanism("breaches"):
        both = gap(world)
        assert np.corrcoef(both["number"], both["value"])[0, 1] > 0.7
    for world in of_mechanism("all_best"):
        both = gap(world)
        best = both.filter(pl.col("number") >= 98)
        assert best.height > 20
        assert (best["number"] - best["value"]).mean() > (both["number"] - both["value"]).mean() + 15


def test_each_assessor_works_in_one_region_every_year(of_mechanism: Worlds, model: SimulationModel) -> None:
    for mechanism in ("latent", "breaches"):
        world = of_mechanism(mechanism)[0]
        visits = pl.concat([world.tables["visits"], world.tables["visits_wave_1"]])
        placed = visits.join(world.tables["organisations"].select("org_code", "region"), on="org_code")
        by_assessor = placed.group_by("assessor").agg(pl.col("region").n_unique(), pl.col("year").n_unique())
        assert by_assessor["region"].max() == 1
        assert by_assessor["year"].median() >= 3
        assert by_assessor.height <= model.visits.assessors * len(model.regions)


@pytest.mark.parametrize("mechanism", ["breaches", "latent"])
def test_a_visit_that_qualifies_a_declaration_found_something_absent(
    mechanism: Mechanism, of_mechanism: Worlds
) -> None:
    for world in of_mechanism(mechanism):
        qualified = world.tables["visits"].filter(pl.col("finding") == "qualified")
        saw = qualified.join(world.tables["visit_items"], on=[*_KEYS, "year"])
        assert saw.group_by(*_KEYS, "year").agg((pl.col("seen") == "absent").any())["seen"].all()


def test_a_visit_that_upholds_a_declaration_sees_nothing_absent_that_weighs_much(of_mechanism: Worlds) -> None:
    looked = pl.concat(_looked_at(world) for world in of_mechanism("breaches"))
    upheld = looked.filter(pl.col("finding") == "upheld", pl.col("seen") == "absent")
    assert upheld["effect"].max() < 0.2
    passed = looked.filter(pl.col("finding") == "upheld", pl.col("breached"), pl.col("effect") >= 0.2)
    assert (passed["seen"] == "not_offered").mean() > 0.3


def test_what_was_admitted_is_more_often_seen_to_be_absent(of_mechanism: Worlds) -> None:
    looked = pl.concat(_looked_at(world) for world in of_mechanism("breaches"))
    absent = dict(looked.group_by("admitted").agg((pl.col("seen") == "absent").mean()).iter_rows())
    assert absent[True] > 5 * absent[False]


def test_breaches_repeat_from_one_year_to_the_next(of_mechanism: Worlds) -> None:
    saw = pl.concat(
        world.tables["visit_items"].with_columns(seed=number, start=pl.col("year").str.head(4).cast(pl.Int32))
        for number, world in enumerate(of_mechanism("breaches"))
    ).filter(pl.col("seen") != "not_offered")
    keys = ["seed", "org_code", "question_id"]
    again = saw.join(saw, on=keys, suffix="_later").filter(pl.col("start_later") == pl.col("start") + 1)
    absent = dict(again.group_by("seen").agg((pl.col("seen_later") == "absent").mean()).iter_rows())
    assert absent["absent"] > 4 * absent["seen"]


def test_counting_admitted_grave_breaches_beats_counting_adverse_answers_where_breaches_matter(
    model: SimulationModel, questionnaire: Questionnaire, targets: dict[str, list[Target]]
) -> None:
    grave, adverse = [], []
    for seed in range(200, 210):
        world = build_world(WorldPlan(model, mechanism="breaches"), questionnaire, targets, seed)
        counted = count_adverse(world.tables["answers"], world.tables["organisations"], questionnaire)
        declared = _grave(world, model).join(counted, on="org_code")
        grave.append(_lift(declared, "grave"))
        adverse.append(_lift(declared, "adverse"))
    assert np.median(grave) > np.median(adverse) + 0.3
    assert np.median(adverse) > 1.5


def test_counting_admitted_grave_breaches_is_worth_more_where_they_matter(
    of_mechanism: Worlds, model: SimulationModel
) -> None:
    lift = {
        mechanism: np.mean([_lift(_grave(world, model), "grave") for world in of_mechanism(mechanism)])
        for mechanism in ("latent", "breaches", "honest", "random_outcomes")
    }
    assert lift["honest"] > lift["latent"] + 0.5
    assert lift["breaches"] > lift["latent"] + 0.3
    assert lift["random_outcomes"] == pytest.approx(1.0, abs=0.5)
