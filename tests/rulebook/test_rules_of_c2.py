"""The rules themselves: each carries its law and its cases, and none of them speaks where nothing is known."""

from __future__ import annotations

import csv
import re
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import get_args

import polars as pl
import pytest

from crosscheck import settings
from crosscheck.cases.cases import Name, catalogue
from crosscheck.questionnaire import Questionnaire
from crosscheck.rulebook.condition import Absent, Mention, names_in, nodes
from crosscheck.rulebook.coverage import read_coverage
from crosscheck.rulebook.evaluate import give_verdicts
from crosscheck.rulebook.examples import run_examples
from crosscheck.rulebook.load import load_rulebook
from crosscheck.rulebook.rule import Kind, Rule, Rulebook
from crosscheck.scoring.model import read_indicator_model
from crosscheck.vocabulary import ABSENCE, ABSENCES, FUNCTIONS, ORG_TYPES, RELATION, RELATIONS


@pytest.fixture(scope="module")
def names(questionnaire: Questionnaire) -> dict[str, Name]:
    return catalogue(questionnaire, read_indicator_model(settings.model_file("C2", "indicators")).names)


@pytest.fixture(scope="module")
def rulebook(names: dict[str, Name]) -> Rulebook:
    return load_rulebook(settings.rules_folder("C2"), names)


def test_every_example_of_every_rule_comes_out_as_stated(rulebook: Rulebook, names: dict[str, Name]) -> None:
    assert [str(failure) for failure in run_examples(rulebook, names)] == []


GRAVE = {
    "C2-CR-06": {"commissioner"},
    "C2-STA-01": {"commissioner"},
    "C2-STA-02": {"commissioner"},
    "C2-STA-03": {"whole", "provider"},
    "C2-STA-04": {"whole", "provider"},
    "C2-STA-06": {"whole"},
    "C2-GOV-01": {*FUNCTIONS},
    "C2-HR-01": {*FUNCTIONS},
    "C2-LSCB-01": {*FUNCTIONS},
    "C2-POL-01": {*FUNCTIONS},
    "C2-SHA-01": {*FUNCTIONS},
    "C2-SHA-02": {*FUNCTIONS},
}


def test_grave_statutory_duties_are_those_that_the_review_calls_so_each_of_its_own_function(rulebook: Rulebook) -> None:
    """Lines 209, 218, 224, 412, 439, 582, 588 and 632 of the review's text: must, required, legal requirement."""
    grave = {
        rule.id: set(rule.applies_to.function)
        for rule in rulebook.of_kind("declaration_vs_answer")
        if rule.strength == "statutory" and rule.severity == "high"
    }
    assert grave == GRAVE
    assert {rulebook[rule_id].applies_to.declared for rule_id in grave} == {("compliant",)}


def test_named_staff_and_who_serves_patients_are_not_held_against_a_commissioner(rulebook: Rulebook) -> None:
    of_a_provider = (
        "staffing.named_",
        "training.named_",
        "training.level2_",
        "training.level3_",
        "policies.available_w",
    )
    spoken_of = {
        rule.id: {name.name for part in rule.conditions for name in names_in(part) if not name.relation}
        for rule in rulebook.of_kind("declaration_vs_answer")
        if "commissioner" in rule.applies_to.function
    }
    of_general_practices = "C2-TRN-12"  # GPs are contractors: no declaration is made for what they provide
    held = {
        rule_id
        for rule_id, names in spoken_of.items()
        if any(name.startswith(of_a_provider) for name in names) and rule_id != of_general_practices
    }
    assert held == set()


@pytest.mark.parametrize("rule_id", ["C2-DEC-19", "C2-DEC-20"])
def test_each_subject_that_a_statement_can_name_is_held_against_its_own_answer(
    rule_id: str, rulebook: Rulebook, names: dict[str, Name]
) -> None:
    """The words of the premise are those of the condition, so that no named subject goes without its answer."""
    rule = rulebook[rule_id]
    assert rule.premise is not None
    premise, condition = (
        {word for node in nodes(part) if isinstance(node, Mention) for word in node.words}
        for part in (rule.premise, rule.condition)
    )
    assert premise == condition
    assert len(condition) >= 10


def needs_no_answer(rule: Rule) -> bool:
    """Whether a rule asks, on purpose, what was not answered, how much was returned, or only what was declared."""
    parts = [node for condition in rule.conditions for node in nodes(condition)]
    named = [name.name.removeprefix(f"{name.relation}.") for part in rule.conditions for name in names_in(part)]
    of_absence = any(isinstance(part, Absent) for part in parts) or any(name.startswith("returned.") for name in named)
    return of_absence or set(named) == {"declared.status"}


@pytest.mark.parametrize("absence", ABSENCES)
def test_with_all_answers_absent_no_rule_speaks_but_of_absence_or_of_declarations_alone(
    absence: str, rulebook: Rulebook, names: dict[str, Name]
) -> None:
    given = [(org_type, function) for org_type in ORG_TYPES for function in FUNCTIONS]
    codes = [f"R{row}" for row in range(len(given))]
    columns: dict[str, pl.Series] = {
        "org_code": pl.Series(codes),
        "function": pl.Series([function for _, function in given]),
    }
    for name in names.values():
        columns[name.name] = pl.Series([None] * len(given), dtype=name.dtype)
        if name.absences:
            columns[f"{name.name}?"] = pl.Series([absence] * len(given), dtype=ABSENCE)
    known = pl.DataFrame(columns).with_columns(
        pl.lit("compliant").cast(names["declared.status"].dtype).alias("declared.status"),
        pl.Series("organisation.org_type", [org_type for org_type, _ in given], dtype=pl.Enum(ORG_TYPES)),
        *(pl.lit(value=True).alias(name) for name in names if name.startswith("service.")),
    )
    tied = [(one, relation, other, 1) for relation in RELATIONS for one, other in pairwise(codes)]
    schema = {"org_code": pl.String, "relation": RELATION, "other_code": pl.String, "item": pl.UInt8}
    for ties in (pl.DataFrame(tied, schema=schema, orient="row"), None):
        verdicts = give_verdicts(known, rulebook, ties)
        speaking = {rule.id for rule in rulebook if set(verdicts[rule.id]) & {"agrees", "differs"}}
        assert speaking <= {rule.id for rule in rulebook if needs_no_answer(rule)}


def test_every_rule_has_a_citation_an_innocent_explanation_and_something_to_ask_for(rulebook: Rulebook) -> None:
    for rule in rulebook:
        assert rule.basis, rule.id
        assert "review, " in rule.source, rule.id
        assert len(rule.explanations) >= 2, rule.id
        assert len(rule.lines_of_enquiry) >= 2, rule.id


@pytest.mark.parametrize(
    ("basis", "source", "short"),
    [
        ("Held (intercollegiate guidance 2006); Working Together 2006", "review", "Intercollegiate guidance 2006"),
        ("A duty (Children Acts 1989 and 2004, and guidance)", "review, section 1", "Children Acts 1989 and 2004"),
        ("For 2008/09 two were asked for, as at 31 December 2008", "review, section 7, Table 13", "review, section 7"),
        ("The review asked for it", "review, Foreword; section 1, Leadership (line 3)", "review, Foreword"),
        ("The law asks for it", "statute book (page 3)", "statute book"),
    ],
)  # fmt: skip
def test_a_basis_in_short_is_the_law_named_first_or_else_the_place_in_the_source(
    rulebook: Rulebook, basis: str, source: str, short: str
) -> None:
    rule = next(iter(rulebook))
    assert replace(rule, basis=basis, source=source).basis_in_short == short


def test_every_rule_shows_all_the_verdicts_that_it_can_give(rulebook: Rulebook) -> None:
    for rule in rulebook:
        assert {example.verdict for example in rule.examples} == {
            "agrees", "differs", "cannot_tell", "not_applicable"
        }, rule.id  # fmt: skip


def in_contract(shared: Path, file: str, key: str) -> list[str]:
    with (shared / "contract" / file).open(encoding="utf-8", newline="") as lines:
        return [row[key] for row in csv.DictReader(lines)]


@pytest.mark.parametrize(
    ("what", "file", "key"),
    [("candidate", "contradictions.csv", "check_id"), ("expectation", "expectations.csv", "expectation_id")],
)
def test_it_is_told_once_what_became_of_every_candidate_and_of_every_expectation(
    what: str, file: str, key: str, rulebook: Rulebook, shared: Path
) -> None:
    coverage = read_coverage(settings.coverage_file("C2"), rulebook)
    assert Counter(coverage.filter(pl.col("what") == what)["item"]) == Counter(in_contract(shared, file, key))


def test_the_rules_are_of_all_nine_kinds(rulebook: Rulebook) -> None:
    assert {rule.kind for rule in rulebook} == set(get_args(Kind))


def test_a_rule_is_of_the_kind_of_the_candidates_that_it_covers(rulebook: Rulebook, shared: Path) -> None:
    items, kinds = (in_contract(shared, "contradictions.csv", key) for key in ("check_id", "kind"))
    of_item = dict(zip(items, kinds, strict=True))
    covering = [rule for rule in rulebook if rule.covers]
    assert [rule.id for rule in covering if rule.kind not in {of_item[item] for item in rule.covers}] == []


def test_no_sentence_accuses_anybody(rulebook: Rulebook) -> None:
    for rule in rulebook:
        told = " ".join((rule.title, rule.finding, *rule.explanations, *rule.lines_of_enquiry)).lower()
        assert not any(word in told for word in (" lied", " lie ", "fraud", "dishonest", "false")), rule.id


def test_a_cut_off_of_the_projects_own_says_so(rulebook: Rulebook) -> None:
    own = [rule for rule in rulebook if rule.threshold_rationale]
    assert [rule.id for rule in own if "project" not in rule.threshold_rationale] == []
    assert {"C2-TRN-01", "C2-TRN-02", "C2-LSCB-03", "C2-WRK-01"} <= {rule.id for rule in own}


def test_a_dated_cut_off_is_the_projects_own_or_stands_in_its_basis(rulebook: Rulebook) -> None:
    unexplained = [
        (rule.id, threshold.name)
        for rule in rulebook
        for threshold in rule.thresholds
        if not rule.threshold_rationale and not stands_in(threshold.value, rule.basis)
    ]
    assert unexplained == []


def stands_in(number: float, text: str) -> bool:
    figures = [float(figure.replace(",", "")) for figure in re.findall(r"\d+(?:,\d{3})*(?:\.\d+)?", text)]
    return number in figures or number * 100 in figures
