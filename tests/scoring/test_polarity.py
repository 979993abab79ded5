from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from crosscheck.cases.cases import build_cases
from crosscheck.collection.read import Collection, read_collection
from crosscheck.errors import ModelError, PolarityError
from crosscheck.pipeline import cross_check
from crosscheck.questionnaire import Question, Questionnaire
from crosscheck.rulebook.evaluate import evaluate
from crosscheck.scoring.indicators import score_answers, score_figures
from crosscheck.scoring.model import IndicatorModel
from crosscheck.scoring.polarity import (
    RUNGS,
    PolarityModel,
    _item_rest,
    build_polarity_probes,
    check_directions,
    check_polarity,
    read_polarity_model,
)
from crosscheck.settings import model_file, published_figures_file
from crosscheck.simulation.margins import read_targets
from crosscheck.simulation.model import WorldPlan, read_simulation_model
from crosscheck.simulation.world import build_world
from crosscheck.standard import Standard
from crosscheck.visits.plan import Capacity

YEAR = "2008/09"
Gate = Callable[[Questionnaire, IndicatorModel], pl.DataFrame]
OPPOSITE = {"higher_better": "lower_better", "lower_better": "higher_better", "none": "none"}


@pytest.fixture(scope="module")
def stated() -> PolarityModel:
    return read_polarity_model(model_file("C2", "polarity"))


@pytest.fixture(scope="module")
def tables(collection: Collection) -> dict[str, pl.DataFrame]:
    return collection.tables


@pytest.fixture(scope="module")
def ladder(
    tables: dict[str, pl.DataFrame], questionnaire: Questionnaire, stated: PolarityModel
) -> dict[str, pl.DataFrame]:
    return build_polarity_probes(tables["indicators"], questionnaire, stated, YEAR, "C2")


@pytest.fixture(scope="module")
def scores(tables: dict[str, pl.DataFrame], questionnaire: Questionnaire, model: IndicatorModel) -> pl.DataFrame:
    return score(tables, questionnaire, model)


@pytest.fixture(scope="module")
def findings(
    ladder: dict[str, pl.DataFrame], questionnaire: Questionnaire, model: IndicatorModel, standard: Standard
) -> pl.DataFrame:
    rulebook = standard.rulebook.of_kind("declaration_vs_answer")
    return evaluate(build_cases(ladder, questionnaire, model.names, YEAR, "C2"), rulebook)


def score(tables: dict[str, pl.DataFrame], questionnaire: Questionnaire, model: IndicatorModel) -> pl.DataFrame:
    return pl.concat(
        [
            score_figures(tables["indicators"], tables["organisations"], model),
            score_answers(tables["answers"], questionnaire, tables["organisations"], model),
        ]
    )


@pytest.fixture(scope="module")
def gate(scores, ladder, findings, stated) -> Gate:
    return lambda questionnaire, model: check_polarity(scores, score(ladder, questionnaire, model), findings, stated)


def closing(warnings: pl.DataFrame) -> set[str]:
    return set(warnings.filter("fails")["item"])


def turned(question: Question) -> Question:
    return replace(question, direction=OPPOSITE[question.direction])


def reversed_levels(question: Question) -> Question:
    return replace(question, levels=question.levels[::-1])


def directed(questionnaire: Questionnaire) -> list[Question]:
    return [question for question in questionnaire if question.direction != "none"]


def test_the_embedded_collection_passes_the_gate(gate, questionnaire, model) -> None:
    warnings = gate(questionnaire, model)
    assert closing(warnings) == set()
    assert warnings.columns == ["item", "why", "evidence", "fails"]


def test_the_collection_with_data_faults_passes_the_gate(shared, findings, questionnaire, model, stated) -> None:
    dirty = read_collection(shared / "data" / "england-2008-09-dirty", questionnaire).tables
    ladder = build_polarity_probes(dirty["indicators"], questionnaire, stated, YEAR, "C2")
    warnings = check_polarity(score(dirty, questionnaire, model), score(ladder, questionnaire, model), findings, stated)
    assert closing(warnings) == set()


def test_every_scored_item_has_its_direction_stated_a_second_time(scores, ladder, questionnaire, model, stated) -> None:
    on_ladder = score(ladder, questionnaire, model).filter(pl.col("z").is_not_null())
    assert set(scores.filter(pl.col("z").is_not_null())["indicator"]) <= set(on_ladder["indicator"])


def test_each_figure_whose_sign_is_turned_in_the_model_is_named(gate, questionnaire, model) -> None:
    indicators = {
        name: replace(indicator, direction=OPPOSITE[indicator.direction])
        for name, indicator in model.indicators.items()
    }
    wanted = {name for name, indicator in model.indicators.items() if indicator.direction != "none"}
    assert len(wanted) > 20
    assert closing(gate(questionnaire, replace(model, indicators=indicators))) == wanted


@pytest.mark.parametrize("turn", [turned, reversed_levels])
def test_each_question_whose_sign_is_turned_is_named(turn, gate, questionnaire, model) -> None:
    changed = replace(questionnaire, questions={each.question_id: turn(each) for each in questionnaire})
    wanted = {
        column
        for question in directed(questionnaire)
        if question.has_levels or turn is turned
        for column in question.columns
    }
    assert len(wanted) > 100
    assert closing(gate(changed, model)) == wanted


@pytest.mark.parametrize(
    "question_id", ["policies.domestic_abuse", "staffing.named_nurse_steps_from_board", "training.level1_pct"]
)
def test_a_single_turned_question_is_named_alone(question_id, gate, questionnaire, model) -> None:
    questions = {**questionnaire.questions, question_id: turned(questionnaire[question_id])}
    assert closing(gate(replace(questionnaire, questions=questions), model)) == {question_id}


def test_a_score_that_loses_its_sign_in_the_code_is_named(
    scores, ladder, findings, questionnaire, model, stated
) -> None:
    lost = score(ladder, questionnaire, model).with_columns(pl.col("z").abs())
    assert len(closing(check_polarity(scores, lost, findings, stated))) > 150


def test_levels_that_change_places_in_the_middle_are_named(gate, questionnaire, model) -> None:
    question = questionnaire["lscb.chair_meetings"]
    never, occasionally, annually, quarterly = question.levels
    changed = replace(question, levels=(never, annually, occasionally, quarterly))
    questions = {**questionnaire.questions, question.question_id: changed}
    assert closing(gate(replace(questionnaire, questions=questions), model)) == {question.question_id}


def test_an_item_stated_once_only_is_named_and_the_gate_stays_open(
    scores, tables, findings, questionnaire, model, stated
) -> None:
    fewer = stated.model_copy(update={"units": {}})
    ladder = build_polarity_probes(tables["indicators"], questionnaire, fewer, YEAR, "C2")
    warnings = check_polarity(scores, score(ladder, questionnaire, model), findings, fewer)
    named = warnings.filter(pl.col("why").str.contains("stated once"))
    assert "training.level1_pct" in named["item"].to_list()
    assert closing(warnings) == set()


def test_a_check_that_agrees_with_the_worst_or_differs_from_the_best_closes_the_gate(
    scores, ladder, findings, questionnaire, model, stated
) -> None:
    made_up = findings.filter(pl.col("check_id") == "C2-POL-04")
    swapped = made_up.with_columns(
        pl.col("verdict").cast(pl.String).replace({"agrees": "differs", "differs": "agrees"})
    )
    warnings = check_polarity(scores, score(ladder, questionnaire, model), swapped, stated)
    assert warnings.filter("fails").select("item", "why").rows() == [
        ("C2-POL-04", "it agrees with a made-up organisation whose every answer is at its worst"),
        ("C2-POL-04", "it differs from a made-up organisation whose every answer is at its best"),
    ]
    assert "policies.domestic_abuse" in warnings.filter("fails")["evidence"][0]


def section(correlations: list[float], organisations: int = 400, relevance: str = "answer") -> pl.DataFrame:
    rng = np.random.default_rng(7)
    common = rng.normal(size=organisations)
    return pl.concat(
        pl.DataFrame(
            {
                "indicator": f"made.item{place}",
                "org_code": [f"X{number:04}" for number in range(organisations)],
                "source": "made",
                "relevance": relevance,
                "z": share * common + np.sqrt(1 - share**2) * rng.normal(size=organisations),
            }
        )
        for place, share in enumerate(correlations)
    )


NO_SCORES = pl.DataFrame(schema={"indicator": pl.String, "org_code": pl.String, "z": pl.Float64})


def against(scores: pl.DataFrame, findings: pl.DataFrame, stated: PolarityModel) -> pl.DataFrame:
    return check_polarity(scores, NO_SCORES, findings.clear(), stated).filter(pl.col("why").str.contains("against"))


def test_an_item_that_runs_against_the_rest_of_its_section_closes_the_gate(findings, stated) -> None:
    warnings = against(section([0.6, 0.6, 0.6, -0.6]), findings, stated)
    assert warnings["item"].to_list() == ["made.item3"]
    assert warnings["fails"].to_list() == [True]
    assert "standard error 0.05, 400 organisations" in warnings["evidence"][0]


def test_the_order_of_rows_changes_nothing(findings, stated) -> None:
    scores = section([0.6, 0.6, 0.6, -0.6])
    shuffled = scores.sample(fraction=1.0, shuffle=True, seed=3)
    assert against(scores, findings, stated).equals(against(shuffled, findings, stated))


def test_few_organisations_and_slight_correlations_do_not_close_the_gate(findings, stated) -> None:
    assert against(section([0.6, 0.6, 0.6, -0.6], organisations=20), findings, stated).is_empty()
    assert not against(section([0.3, 0.3, 0.3, -0.08], organisations=20_000), findings, stated)["fails"].any()


def test_independent_items_close_the_gate_no_oftener_than_the_stated_chance(findings, stated) -> None:
    rng = np.random.default_rng(11)
    closed = 0
    for _ in range(100):
        scores = section([0.0] * 30, organisations=200).with_columns(z=pl.Series(rng.normal(size=6000)))
        closed += against(scores, findings, stated)["fails"].any()
    assert closed <= 11


def test_the_ladder_has_every_type_on_every_rung_and_only_answers_what_it_was_asked(ladder, questionnaire) -> None:
    organisations = ladder["organisations"]
    assert organisations["org_type"].value_counts()["count"].to_list() == [RUNGS] * 4
    asked = ladder["answers"].join(organisations.select("org_code", "org_type"), on="org_code")
    wrongly = [
        question_id
        for question_id, org_type in asked.select("question_id", "org_type").unique().rows()
        if org_type not in questionnaire[question_id].org_types
    ]
    assert wrongly == []


def test_a_question_may_state_its_own_order_where_its_levels_usually_run_otherwise(questionnaire, stated) -> None:
    own = {"order": ("yes", "no"), "questions": ("policies.domestic_abuse",)}
    levels = (*stated.levels, type(stated.levels[0])(**own))
    changed = stated.model_copy(update={"levels": levels})
    assert changed.order_of(questionnaire["policies.domestic_abuse"]) == ("yes", "no")
    assert changed.order_of(questionnaire["policies.missed_appointments"]) == ("no", "yes")


def test_a_wrong_polarity_model_is_refused_with_every_problem_at_once(tmp_path: Path) -> None:
    text = model_file("C2", "polarity").read_text()
    wrong = tmp_path / "v1.toml"
    wrong.write_text(text.replace("chance = 0.05", "chance = 5").replace("fewest = 30", "fewest = 1"))
    with pytest.raises(ModelError) as raised:
        read_polarity_model(wrong)
    assert len(raised.value.problems) == 2
    assert "limits.chance" in str(raised.value)


def test_two_statements_that_disagree_are_known_before_any_organisation_is_scored(
    ladder, findings, questionnaire, model
) -> None:
    question_id = "policies.domestic_abuse"
    questions = {**questionnaire.questions, question_id: turned(questionnaire[question_id])}
    turned_scores = score(ladder, replace(questionnaire, questions=questions), model)
    warnings = check_directions(turned_scores, findings)
    assert warnings.select("item", "why", "fails").rows() == [
        (question_id, "of made-up organisations, one that is worse throughout does not score worse", True)
    ]
    assert (
        warnings["evidence"]
        .str.contains(r"^acute: z -?\d\.\d with everything at its worst, -?\d\.\d at its best; ")
        .all()
    )
    assert check_directions(score(ladder, questionnaire, model), findings).is_empty()


@pytest.mark.parametrize("organisations", [400, 20_000])
def test_a_moderate_contrary_correlation_closes_the_gate_of_no_collection_however_large(
    organisations, findings, stated
) -> None:
    warnings = against(section([0.5, 0.5, 0.5, -0.42], organisations), findings, stated)
    assert warnings["item"].to_list() == ["made.item3"]
    assert -0.33 < float(warnings["evidence"][0].split()[1]) < -0.25
    assert not warnings["fails"].any()


def test_a_large_contrary_correlation_of_few_organisations_is_only_named(findings, stated) -> None:
    scores = section([0.6, 0.6, 0.6, -0.6])
    few = scores.filter(pl.col("org_code") < "X0080")
    warnings = against(few, findings, stated)
    assert warnings.select("item", "fails").rows() == [("made.item3", False)]


def copied(tables: dict[str, pl.DataFrame], times: int) -> dict[str, pl.DataFrame]:
    """Each organisation so many times, with what is known of it."""
    return {
        name: pl.concat(
            tables[name].with_columns(pl.format("{}-{}", "org_code", pl.lit(copy))) for copy in "abcd"[:times]
        )
        for name in ("organisations", "answers", "indicators")
    }


def test_a_fourfold_copy_of_the_collection_passes_the_gate(
    tables, ladder, findings, questionnaire, model, stated
) -> None:
    larger = copied(tables, 4)
    warnings = check_polarity(
        score(larger, questionnaire, model), score(ladder, questionnaire, model), findings, stated
    )
    assert closing(warnings) == set()
    assert warnings.height > 0


@pytest.mark.parametrize("difficulty", ["easy", "hard"])
def test_invented_collections_pass_the_gate(difficulty, ladder, findings, questionnaire, model, stated) -> None:
    plan = WorldPlan(read_simulation_model(model_file("C2", "simulation")), difficulty)
    targets = read_targets(published_figures_file("C2"))
    for seed in range(1, 4):
        world = build_world(plan, questionnaire, targets, seed)
        scores = score(world.tables, questionnaire, model)
        assert closing(check_polarity(scores, score(ladder, questionnaire, model), findings, stated)) == set()


def test_a_run_with_a_turned_sign_stops_before_anything_is_scored(collection, standard) -> None:
    figure = standard.indicators.indicators["staff_survey.child_protection_training_pct"]
    indicators = standard.indicators.indicators | {figure.name: replace(figure, direction="lower_better")}
    wrong = replace(standard, indicators=replace(standard.indicators, indicators=indicators))
    begun: list[str] = []

    def step(name: str) -> AbstractContextManager[None]:
        begun.append(name)
        return nullcontext()

    def refuse(warnings: pl.DataFrame) -> None:
        if warnings["fails"].any():
            raise PolarityError(warnings["item"].to_list())

    with pytest.raises(PolarityError) as raised:
        cross_check(collection, wrong, YEAR, Capacity(60, 0.5, 2009), step, refuse=refuse)
    assert raised.value.problems == (figure.name,)
    assert "test the signs" in begun
    assert "score" not in begun


def test_figures_from_all_sources_are_one_section(findings, stated) -> None:
    figures_ = section([0.6, 0.6, 0.6, -0.6], relevance="high").with_columns(source=pl.col("indicator"))
    (doubt,) = against(figures_, findings, stated).to_dicts()
    assert doubt["item"] == "made.item3"
    assert "with the rest of figures from other sources (at most " in doubt["evidence"]
    assert against(figures_.with_columns(relevance=pl.lit("answer")), findings, stated).is_empty()


def test_an_item_is_held_against_the_mean_of_the_others_that_the_same_organisation_has() -> None:
    scores = section([0.6, 0.4, 0.5, -0.2], organisations=60)
    gone = pl.Series(np.random.default_rng(2).random(scores.height) < 0.4)
    held = scores.filter(~gone).with_columns(z=pl.col("z") * 2)
    found = {row["indicator"]: row for row in _item_rest(held).iter_rows(named=True)}
    by_code: dict[str, dict[str, float]] = {}
    for code, name, z in held.select("org_code", "indicator", "z").iter_rows():
        by_code.setdefault(code, {})[name] = min(max(z, -3.0), 3.0)
    for name, row in found.items():
        pairs = [
            (given[name], sum(z for other, z in given.items() if other != name) / (len(given) - 1))
            for given in by_code.values()
            if name in given and len(given) > 1
        ]
        assert row["n"] == len(pairs)
        assert row["r"] == pytest.approx(np.corrcoef(np.array(pairs).T)[0, 1])
        assert row["error"] == pytest.approx(1 / np.sqrt(len(pairs) - 1))
