from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from crosscheck.cases.returns import count_adverse
from crosscheck.questionnaire import Questionnaire
from crosscheck.simulation.answers import discriminate
from crosscheck.simulation.chance import Chance, pick_levels
from crosscheck.simulation.margins import Target
from crosscheck.simulation.model import SimulationModel, WorldPlan
from crosscheck.simulation.truth import seat_boards, statuses, weigh_sections
from crosscheck.simulation.world import World, build_world
from crosscheck.visits.outcomes import measure_worth


def _lift_of_counting(world: World, questionnaire: Questionnaire) -> float:
    """Of the tenth of all declarations of compliance with most adverse answers."""
    counted = count_adverse(world.tables["answers"], world.tables["organisations"], questionnaire)
    declared = world.truth.filter(pl.col("status") == "compliant").join(counted, on="org_code")
    judged = declared.select(score=pl.col("adverse").cast(pl.Float64), otherwise=~pl.col("upheld"), weight=1.0)
    return measure_worth(judged).lift.value


def test_stated_shares_come_back_from_standard_normals() -> None:
    normal = Chance(1).of("levels").standard_normal(200_000)
    levels = pick_levels(normal, np.array([0.1, 0.0, 0.6, 0.3]))
    assert np.bincount(levels, minlength=4) / len(levels) == pytest.approx([0.1, 0.0, 0.6, 0.3], abs=0.005)


def test_the_lowest_normals_are_the_worst_levels() -> None:
    assert pick_levels(np.array([-3.0, 0.0, 3.0]), np.array([0.2, 0.6, 0.2])).tolist() == [0, 1, 2]


def test_what_sections_have_in_common_is_what_was_stated(model: SimulationModel) -> None:
    boards = seat_boards(60_000, ["a", "b", "c"], WorldPlan(model), Chance(1))
    correlations = np.corrcoef(boards.shortfalls, rowvar=False)[np.triu_indices(3, 1)]
    assert correlations == pytest.approx(model.truth.common.value, abs=0.02)
    assert boards.shortfalls.var(axis=0) == pytest.approx(1, abs=0.03)


def test_weighted_sections_have_a_variance_of_one(model: SimulationModel) -> None:
    boards = seat_boards(60_000, ["a", "b", "c"], WorldPlan(model), Chance(1))
    assert weigh_sections(boards, {"a": 1.0, "b": 0.3}, model.truth.common.value).var() == pytest.approx(1, abs=0.03)


def test_who_has_the_strongest_urge_declares_and_the_surest_say_so_plainly() -> None:
    urge = np.array([0.0, 1.0, 2.0, 3.0, 4.0])
    believed = np.array([9.0, 0.0, 0.0, 1.0, 5.0])
    declared = statuses(urge, believed, compliant=0.6, plain=0.5)
    assert declared.tolist() == ["compliant", "compliant", "compliant", "insufficient_assurance", "not_met"]


def test_a_question_without_a_worse_end_says_nothing_and_some_say_much(
    model: SimulationModel, questionnaire: Questionnaire
) -> None:
    strengths = discriminate(questionnaire, WorldPlan(model))
    assert {strengths[question.question_id] for question in questionnaire if question.direction == "none"} == {0.0}
    directed = [strengths[question.question_id] for question in questionnaire if question.direction != "none"]
    assert np.quantile(directed, 0.25) < 0.2
    assert np.quantile(directed, 0.9) > 0.5


def test_answers_of_the_strongest_question_follow_what_is_so(
    model: SimulationModel, questionnaire: Questionnaire, targets: dict[str, list[Target]]
) -> None:
    plan = WorldPlan(model, "easy")
    strengths = discriminate(questionnaire, plan)
    duties = set(model.sections["whole"])
    name = max(
        (one.question_id for one in questionnaire if one.section in duties and not one.has_levels), key=strengths.get
    )
    made = build_world(plan, questionnaire, targets, 5)
    answers = made.tables["answers"].filter(pl.col("question_id") == name).drop_nulls("number")
    both = made.truth.join(answers, on="org_code")
    sign = 1 if questionnaire[name].direction == "lower_better" else -1
    assert sign * np.corrcoef(both["shortfall"], both["number"])[0, 1] > 0.2


def test_counting_adverse_answers_finds_twice_as_many_as_the_lot_in_middling_worlds(
    worlds: list[World], questionnaire: Questionnaire
) -> None:
    assert np.median([_lift_of_counting(made, questionnaire) for made in worlds]) == pytest.approx(2.0, abs=0.5)


def test_counting_adverse_answers_finds_more_in_easy_worlds_than_in_hard_ones(
    model: SimulationModel, questionnaire: Questionnaire, targets: dict[str, list[Target]]
) -> None:
    easy, hard = (
        [
            _lift_of_counting(build_world(WorldPlan(model, difficulty), questionnaire, targets, seed), questionnaire)
            for seed in (60, 61, 62)
        ]
        for difficulty in ("easy", "hard")
    )
    assert np.median(easy) > np.median(hard) + 0.5


def test_an_adverse_answer_is_the_worst_level_or_worse_than_the_median_and_never_an_absent_one(
    questionnaire: Questionnaire,
) -> None:
    organisations = pl.DataFrame({"org_code": ["A", "B", "C"], "org_type": ["acute"] * 3})
    answers = pl.DataFrame(
        [
            ("A", "training.level1_pct", 10.0, None),
            ("B", "training.level1_pct", 50.0, None),
            ("C", "training.level1_pct", 90.0, None),
            ("A", "human_resources.crb_checks", None, "not_all_since_2002"),
            ("B", "human_resources.crb_checks", None, "all_since_2002"),
            ("C", "human_resources.crb_checks", None, None),
            ("A", "staffing.named_nurse_steps_from_board", 1.0, None),
            ("B", "staffing.named_nurse_steps_from_board", 1.0, None),
            ("C", "staffing.named_nurse_steps_from_board", 4.0, None),
        ],
        schema={"org_code": pl.String, "question_id": pl.String, "number": pl.Float64, "level": pl.String},
        orient="row",
    ).with_columns(item=pl.lit(0, dtype=pl.UInt8))
    assert count_adverse(answers, organisations, questionnaire)["adverse"].to_list() == [2, 0, 1]
