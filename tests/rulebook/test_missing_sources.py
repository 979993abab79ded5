from __future__ import annotations

from collections.abc import Callable

import polars as pl
import pytest

from crosscheck.cases.cases import build_cases
from crosscheck.collection.read import Collection
from crosscheck.contract.inputs import INPUTS
from crosscheck.questionnaire import Questionnaire
from crosscheck.rulebook.condition import names_in
from crosscheck.rulebook.missing_sources import checks_lost
from crosscheck.rulebook.rule import Rulebook
from crosscheck.standard import Standard

EXPECTS = """'staffing.checks >= "all_since_2002"'"""
TIES = pl.DataFrame(schema={"org_code": pl.String})


@pytest.fixture
def silences(
    cases: Callable[..., pl.DataFrame], rulebook_with: Callable[..., Rulebook]
) -> Callable[..., list[tuple[str, str]]]:
    def count(expects: str, *known: dict[str, object], ties: pl.DataFrame | None = TIES) -> list[tuple[str, str]]:
        rules = rulebook_with((EXPECTS, f"'{expects}'"))
        return checks_lost(rules, cases(*known), ties).rows()

    return count


Count = Callable[..., list[tuple[str, str]]]


def test_a_source_that_says_nothing_of_anybody_is_named_with_the_checks_that_it_costs(silences: Count) -> None:
    assert silences("figures.turnover_pct > 1", {}, {}) == [("figures.turnover_pct", "STD-HR-01")]


def test_a_source_that_speaks_of_one_at_least_is_not_silent(silences: Count) -> None:
    assert silences("figures.turnover_pct > 1", {}, {"figures.turnover_pct": 3.0}) == []


def test_questions_that_nobody_answered_are_told_case_by_case_instead(silences: Count) -> None:
    assert silences("staffing.days > 1 or absent(review1.cases.changes)", {}, {}) == []


def test_without_ties_the_checks_on_others_are_named_and_with_them_they_are_not(silences: Count) -> None:
    on_others = 'any(provider.staffing.policy == "no") or sum(provider.figures.turnover_pct) > 1'
    assert silences(on_others, {}, ties=None) == [("relationships", "STD-HR-01")]
    assert silences(on_others, {}) == []


def test_a_premise_can_be_silenced_too_and_each_source_is_named_once(silences: Count) -> None:
    both = "figures.turnover_pct > 1'\nonly_if = 'figures.turnover_pct < 50 and any(same_lscb.service.maternity)"
    assert silences(both, {}, ties=None) == [("figures.turnover_pct", "STD-HR-01"), ("relationships", "STD-HR-01")]


def test_a_collection_without_figures_remarks_and_ties_names_every_check_that_speaks_of_them(
    collection: Collection, standard: Standard, questionnaire: Questionnaire
) -> None:
    figures = standard.indicators.names
    bare = {name: INPUTS[name].empty() for name in ("indicators", "comments", "relationships")}
    tables = dict(collection.tables) | bare
    cost = checks_lost(standard.rulebook, build_cases(tables, questionnaire, figures, "2008/09", "C2"), None)
    spoken_of = {(name, rule.id) for rule in standard.rulebook for part in rule.conditions for name in names_in(part)}
    of_others = {("relationships", rule_id) for name, rule_id in spoken_of if name.relation}
    of_sources = {
        (name.name, rule_id)
        for name, rule_id in spoken_of
        if name.name in figures or (name.name.startswith("comment.") and not name.relation)
    }
    assert set(cost.rows()) == of_others | of_sources
