"""The whole flow on one page: read, join, check, score, weigh, plan."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from crosscheck.cases import build_cases
from crosscheck.risk.evidence import price_checks, weigh
from crosscheck.risk.posterior import rank_declarations
from crosscheck.rulebook.evaluate import evaluate
from crosscheck.scoring.indicators import score_answers, score_figures
from crosscheck.visits.listing import list_declarations, list_visits
from crosscheck.visits.plan import Capacity, plan_visits

if TYPE_CHECKING:
    from collections.abc import Callable

    from crosscheck.collection.read import Collection
    from crosscheck.rulebook.rule import Rulebook
    from crosscheck.standard import Standard


@dataclass(frozen=True)
class Outcome:
    """Every table that a run makes, each named for what one row is."""

    cases: pl.DataFrame
    findings: pl.DataFrame
    scores: pl.DataFrame
    parts: pl.DataFrame
    visit_list: pl.DataFrame


def cross_check(
    collection: Collection,
    standard: Standard,
    year: str,
    capacity: Capacity,
    step: Callable[[str], AbstractContextManager[object]] = lambda _: nullcontext(),
) -> Outcome:
    """Hold every declaration of the year against all that is known, and order them by what a visit would likely find.

    Args:
        collection: what was read; nothing is read or written here.
        standard: the questionnaire, rules and models.
        year: assessment year, as `2008/09`; earlier years are history.
        capacity: how many visits, how many by lot, and the seed.
        step: is entered around each step with its name, to time it or to show progress.
    """
    tables, questionnaire = collection.tables, standard.questionnaire
    with step("join"):
        cases = build_cases(tables, questionnaire, standard.indicators.names, year, standard.name)
    with step("check"):
        findings = evaluate(cases, standard.rulebook)
    with step("score"):
        figures = score_figures(tables["indicators"], tables["organisations"], standard.indicators)
        answers = score_answers(tables["answers"], questionnaire, tables["organisations"], standard.indicators)
        scores = pl.concat([figures, answers])
    with step("weigh"):
        parts = weigh(cases, findings, scores, tables, standard.risk, year)
        findings = price_checks(findings, parts, standard.risk)
        ranked = rank_declarations(parts, standard.risk, capacity.seed)
    with step("plan"):
        declarations = list_declarations(cases, ranked)
        planned = plan_visits(declarations, _unmet_duties(findings, standard.rulebook), capacity)
        visit_list = list_visits(declarations, planned, findings, parts)
    return Outcome(cases, findings, scores, parts, visit_list)


def _unmet_duties(findings: pl.DataFrame, rulebook: Rulebook) -> pl.DataFrame:
    """Declarations of which the organisation's own answers say that a grave statutory duty is unmet."""
    duties = [rule.id for rule in rulebook if rule.strength == "statutory" and rule.severity == "high"]
    unmet = (pl.col("verdict") == "differs") & pl.col("check_id").is_in(duties)
    return findings.filter(unmet).select("org_code", "function").unique(maintain_order=True)
