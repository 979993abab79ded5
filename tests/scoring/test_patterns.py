from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from crosscheck.collection.read import Collection
from crosscheck.contract.inputs import INPUTS
from crosscheck.errors import ModelError
from crosscheck.scoring.patterns import PatternModel, find_patterns, read_pattern_model
from crosscheck.settings import model_file
from crosscheck.vocabulary import ABSENCE

COLUMNS = ["org_code", "pattern", "observed", "expected", "p_value", "q_value", "says", "innocent"]
YES_NO = [
    "policies.referral_follow_up",
    "policies.domestic_abuse",
    "policies.missed_appointments",
    "policies.gp_registration",
    "policies.discharge_plan",
    "policies.fabricated_illness",
    "policies.difference_of_opinion",
    "policies.ae_plan_check",
    "policies.equality_impact_assessment",
]
GROUPS = ("paediatric", "surgical", "emergency", "psychologists", "obstetric", "therapy", "dental")
TRAINED = [f"training.level2_{group}_pct" for group in GROUPS]
ATTENDED = ["lscb.attendance_any_staff_pct", "lscb.attendance_named_doctor_pct", "lscb.attendance_named_nurse_pct"]
NO_FIGURES = INPUTS["indicators"].empty()


@pytest.fixture(scope="module")
def stated() -> PatternModel:
    return read_pattern_model(model_file("C2", "patterns"))


@pytest.fixture(scope="module")
def tables(collection: Collection) -> dict[str, pl.DataFrame]:
    return collection.tables


def organisations(count: int, org_type: str = "acute") -> pl.DataFrame:
    return pl.DataFrame({"org_code": [f"R{number:03}" for number in range(count)]}).with_columns(
        org_type=pl.lit(org_type)
    )


def returned(given: dict[str, np.ndarray]) -> pl.DataFrame:
    """One row an answer: a text is a level, a figure a number."""
    rows = [
        (f"R{number:03}", question_id, 0, *((answer, None) if isinstance(answer, str) else (None, answer)), None)
        for question_id, answers in given.items()
        for number, answer in enumerate(answers.tolist())
    ]
    schema = {
        "org_code": pl.String,
        "question_id": pl.String,
        "item": pl.UInt8,
        "level": pl.String,
        "number": pl.Float64,
        "absence": ABSENCE,
    }
    return pl.DataFrame(rows, schema=schema, orient="row")


def by_chance(count: int, seed: int = 5) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    answered = {name: rng.choice(["no", "yes"], count, p=[0.4, 0.6]) for name in YES_NO}
    return answered | {name: rng.integers(0, 101, count).astype(float) for name in TRAINED}


def of(patterns: pl.DataFrame, pattern: str, org_code: str) -> dict[str, object]:
    return patterns.filter((pl.col("pattern") == pattern) & (pl.col("org_code") == org_code)).row(0, named=True)


def test_every_organisation_with_answers_has_one_row_a_pattern(tables, questionnaire, stated) -> None:
    patterns = find_patterns(tables["answers"], questionnaire, tables["organisations"], tables["indicators"], stated)
    assert patterns.columns == COLUMNS
    assert set(patterns["pattern"]) == {"all_best", "heaped", "inconsistent", "twin"}
    assert not patterns.select("org_code", "pattern").is_duplicated().any()
    assert patterns["p_value"].is_between(1 / (1 + stated.simulation.draws), 1).all()
    assert (patterns["q_value"] >= patterns["p_value"] - 1e-12).all()
    assert not patterns.select("says", "innocent").to_series().str.contains(r"[{}]").any()


def test_the_order_of_rows_changes_nothing(tables, questionnaire, stated) -> None:
    first, second = (
        find_patterns(
            tables["answers"].sample(fraction=1.0, shuffle=True, seed=seed),
            questionnaire,
            tables["organisations"].sample(fraction=1.0, shuffle=True, seed=seed),
            tables["indicators"].sample(fraction=1.0, shuffle=True, seed=seed),
            stated,
        )
        for seed in (1, 2)
    )
    assert first.equals(second)


def test_a_return_of_nothing_but_best_answers_stands_out(questionnaire, stated) -> None:
    given = by_chance(60)
    for name in YES_NO:
        given[name][7] = "yes"
    patterns = find_patterns(returned(given), questionnaire, organisations(60), NO_FIGURES, stated)
    row = of(patterns, "all_best", "R007")
    assert row["observed"] == len(YES_NO)
    assert row["p_value"] < 0.03
    assert row["expected"] == pytest.approx(sum((given[name] == "yes").mean() for name in YES_NO), abs=0.05)


def test_absent_answers_count_neither_way(questionnaire, stated) -> None:
    given = by_chance(60)
    answers = returned(given).filter((pl.col("org_code") != "R003") | pl.col("question_id").is_in(YES_NO[:2]))
    patterns = find_patterns(answers, questionnaire, organisations(60), NO_FIGURES, stated)
    row = of(patterns, "all_best", "R003")
    assert row["observed"] <= 2
    assert row["expected"] == pytest.approx(sum((given[name] == "yes").mean() for name in YES_NO[:2]), abs=0.05)
    assert patterns.filter((pl.col("org_code") == "R003") & (pl.col("pattern") == "heaped")).is_empty()


def test_percentages_that_are_all_multiples_of_five_stand_out(questionnaire, stated) -> None:
    given = by_chance(60)
    for name in TRAINED:
        given[name][9] = 5.0 * (given[name][9] // 5)
    row = of(find_patterns(returned(given), questionnaire, organisations(60), NO_FIGURES, stated), "heaped", "R009")
    assert row["observed"] == len(TRAINED)
    assert row["p_value"] < 0.005


def test_multiples_of_five_are_nothing_remarkable_where_nothing_else_can_occur(questionnaire, stated) -> None:
    rng = np.random.default_rng(3)
    given = {name: np.rint(100 * rng.integers(0, 8, 60) / 7) for name in ATTENDED}
    for name in ATTENDED:
        given[name][4] = 75.0
    figures = pl.DataFrame(
        {
            "org_code": ["R004"],
            "source": "lscb_record",
            "indicator": "attendance_pct",
            "period": "2008",
            "denominator": 4.0,
        }
    )
    unknown = NO_FIGURES.select(figures.columns)
    heaped = [
        of(find_patterns(returned(given), questionnaire, organisations(60), of_meetings, stated), "heaped", "R004")
        for of_meetings in (unknown, figures)
    ]
    assert heaped[0]["p_value"] < 0.1
    assert heaped[1]["p_value"] == 1.0
    assert heaped[1]["expected"] == len(ATTENDED)


def test_a_copied_return_names_its_twin(questionnaire, stated) -> None:
    given = by_chance(60)
    for answers in given.values():
        answers[11] = answers[40]
    patterns = find_patterns(returned(given), questionnaire, organisations(60), NO_FIGURES, stated)
    one, other = of(patterns, "twin", "R011"), of(patterns, "twin", "R040")
    assert "R040" in one["says"]
    assert "R011" in other["says"]
    assert max(one["q_value"], other["q_value"]) < 0.05


def test_an_attendance_above_that_of_any_staff_is_inconsistent_and_named(questionnaire, stated) -> None:
    given = {"lscb.attendance_any_staff_pct": np.full(60, 80.0), "lscb.attendance_named_nurse_pct": np.full(60, 50.0)}
    given["lscb.attendance_named_nurse_pct"][21] = 90.0
    patterns = find_patterns(returned(given), questionnaire, organisations(60), NO_FIGURES, stated)
    row = of(patterns, "inconsistent", "R021")
    assert row["observed"] == 1
    assert row["p_value"] < 0.05
    assert "lscb.attendance_named_nurse_pct beside lscb.attendance_any_staff_pct" in row["says"]
    assert of(patterns, "inconsistent", "R020")["p_value"] == 1.0


def test_a_return_that_repeats_last_years_stands_out_and_without_last_year_nobody_does(questionnaire, stated) -> None:
    now, then = by_chance(60, seed=1), by_chance(60, seed=2)
    for name, answers in now.items():
        then[name][30] = answers[30]
    with_former = find_patterns(
        returned(now), questionnaire, organisations(60), NO_FIGURES, stated, former=returned(then)
    )
    row = of(with_former, "unchanged", "R030")
    assert row["observed"] == len(now)
    assert row["q_value"] < 0.05
    without = find_patterns(returned(now), questionnaire, organisations(60), NO_FIGURES, stated)
    assert "unchanged" not in without["pattern"].to_list()


@pytest.mark.parametrize("pattern", ["all_best", "heaped", "twin"])
def test_p_values_of_returns_by_chance_are_no_smaller_than_they_should_be(pattern, questionnaire, stated) -> None:
    p_values = np.concatenate(
        [
            find_patterns(returned(by_chance(60, seed)), questionnaire, organisations(60), NO_FIGURES, stated)
            .filter(pl.col("pattern") == pattern)["p_value"]
            .to_numpy()
            for seed in range(8)
        ]
    )
    for level in (0.05, 0.2, 0.5):
        assert np.mean(p_values <= level) <= level + 3 * np.sqrt(level * (1 - level) / p_values.size)


def test_of_too_few_organisations_nothing_is_said(questionnaire, stated) -> None:
    assert find_patterns(returned(by_chance(9)), questionnaire, organisations(9), NO_FIGURES, stated).is_empty()


def test_a_type_is_held_against_itself_alone(questionnaire, stated) -> None:
    given = by_chance(60)
    for name in YES_NO:
        given[name][:30] = "yes"
    types = organisations(60).with_columns(
        org_type=pl.when(pl.col("org_code") < "R030").then(pl.lit("acute")).otherwise(pl.lit("pct"))
    )
    patterns = find_patterns(returned(given), questionnaire, types, NO_FIGURES, stated)
    assert of(patterns, "all_best", "R005")["p_value"] == 1.0


def test_a_wrong_pattern_model_is_refused_with_its_place(tmp_path: Path) -> None:
    wrong = tmp_path / "v1.toml"
    text = model_file("C2", "patterns").read_text()
    wrong.write_text(text.replace("most = 20.0", "", 1).replace("draws = 9999", "draws = 9", 1))
    with pytest.raises(ModelError) as raised:
        read_pattern_model(wrong)
    assert len(raised.value.problems) == 2
    assert "`most` or `least`" in str(raised.value)


def test_every_figure_and_denominator_of_the_model_exists(questionnaire, stated, tables) -> None:
    named = {bound.figure for bound in stated.inconsistent} | {bound.of for bound in stated.inconsistent if bound.of}
    assert named | set(stated.denominators) <= set(questionnaire.questions)
    figures = tables["indicators"].select(pl.format("{}.{}", "source", "indicator")).to_series()
    assert set(stated.denominators.values()) <= set(figures)
