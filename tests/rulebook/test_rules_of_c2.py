"""The rules themselves: each carries its law and its cases, and none of them speaks where nothing is known."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import polars as pl
import pytest

from crosscheck import settings
from crosscheck.cases import Name, catalogue
from crosscheck.questionnaire import Questionnaire
from crosscheck.rulebook.evaluate import dtype_of, judge
from crosscheck.rulebook.examples import run_examples
from crosscheck.rulebook.load import load_rulebook
from crosscheck.rulebook.rule import Rulebook
from crosscheck.scoring.model import read_indicator_model
from crosscheck.vocabulary import ABSENCE, ABSENCES, FUNCTIONS, ORG_TYPES


@pytest.fixture(scope="module")
def names(questionnaire: Questionnaire) -> dict[str, Name]:
    return catalogue(questionnaire, read_indicator_model(settings.model_file("C2", "indicators")).names)


@pytest.fixture(scope="module")
def rulebook(names: dict[str, Name]) -> Rulebook:
    return load_rulebook(settings.rules_folder("C2"), names)


def test_every_example_of_every_rule_comes_out_as_stated(rulebook: Rulebook, names: dict[str, Name]) -> None:
    assert [str(failure) for failure in run_examples(rulebook, names)] == []


@pytest.mark.parametrize("absence", ABSENCES)
def test_with_all_answers_absent_every_rule_cannot_tell_or_does_not_apply(
    absence: str, rulebook: Rulebook, names: dict[str, Name]
) -> None:
    given = [(org_type, function) for org_type in ORG_TYPES for function in FUNCTIONS]
    columns: dict[str, pl.Series] = {
        "org_code": pl.Series([f"R{row}" for row in range(len(given))]),
        "function": pl.Series([function for _, function in given]),
    }
    for name in names.values():
        columns[name.name] = pl.Series([None] * len(given), dtype=dtype_of(name))
        if name.absences:
            columns[f"{name.name}?"] = pl.Series([absence] * len(given), dtype=ABSENCE)
    known = pl.DataFrame(columns).with_columns(
        pl.lit("compliant").cast(dtype_of(names["declared.status"])).alias("declared.status"),
        pl.Series("organisation.org_type", [org_type for org_type, _ in given], dtype=pl.Enum(ORG_TYPES)),
        *(pl.lit(value=True).alias(name) for name in names if name.startswith("service.")),
    )
    verdicts = judge(known, rulebook).drop("org_code", "function").cast(pl.String).unpivot()["value"]
    assert set(verdicts) <= {"cannot_tell", "not_applicable"}


def test_every_rule_has_a_citation_an_innocent_explanation_and_something_to_ask_for(rulebook: Rulebook) -> None:
    for rule in rulebook:
        assert rule.basis, rule.id
        assert "review, " in rule.source, rule.id
        assert len(rule.innocent) >= 2, rule.id
        assert len(rule.ask) >= 2, rule.id


def test_every_rule_shows_all_the_verdicts_that_it_can_give(rulebook: Rulebook) -> None:
    for rule in rulebook:
        assert {example.verdict for example in rule.examples} == {
            "agrees", "differs", "cannot_tell", "not_applicable"
        }, rule.id  # fmt: skip


def test_every_candidate_check_of_a_declaration_against_an_answer_is_covered_once(
    rulebook: Rulebook, shared: Path
) -> None:
    with (shared / "contract" / "contradictions.csv").open(encoding="utf-8", newline="") as lines:
        wanted = [row["check_id"] for row in csv.DictReader(lines) if row["kind"] == "declaration_vs_answer"]
    assert len(wanted) == 119
    assert Counter(check for rule in rulebook for check in rule.covers) == Counter(wanted)


def test_no_sentence_accuses_anybody(rulebook: Rulebook) -> None:
    for rule in rulebook:
        told = " ".join((rule.title, rule.says, *rule.innocent, *rule.ask)).lower()
        assert not any(word in told for word in (" lied", " lie ", "fraud", "dishonest", "false")), rule.id


def test_a_cut_off_of_the_projects_own_says_so(rulebook: Rulebook) -> None:
    own = [rule for rule in rulebook if rule.threshold]
    assert all("project" in rule.threshold for rule in own)
    assert {"C2-TRN-01", "C2-TRN-02", "C2-LSCB-03", "C2-WRK-01"} <= {rule.id for rule in own}
