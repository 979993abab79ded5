"""The risks under another share: the same evidence, another level, nothing else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from crosscheck.collection.read import read_collection
from crosscheck.pipeline import Outcome, cross_check
from crosscheck.risk import assumption
from crosscheck.risk.assumption import vary_prevalence
from crosscheck.standard import Standard
from crosscheck.visits.plan import Capacity
from crosscheck.vocabulary import POOL
from tests.risk.invented import MODEL, declarations, invent
from tests.risk.known import estimate, risks
from tests.risk.test_evidence import MANY, known


@pytest.fixture(scope="module")
def outcome(few: Path, standard: Standard) -> Outcome:
    collection = read_collection(few, standard.questionnaire)
    return cross_check(collection, standard, "2008/09", Capacity(visits=5, random_share=0.5, seed=2009))


def vary(outcome: Outcome, standard: Standard) -> pl.DataFrame:
    return vary_prevalence(outcome.visit_list, outcome.cases, outcome.risk, standard.risk)


def test_the_share_that_was_estimated_gives_the_risks_that_are_printed(
    outcome: Outcome, standard: Standard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(assumption, "SHARES", (outcome.risk.prevalence.share,))
    printed = outcome.visit_list.filter(pl.col("pool") == "to_visit").sort("rank")
    varied = vary(outcome, standard)
    assert varied["rank"].to_list() == printed["rank"].to_list()
    assert (varied["risk"] - printed["risk"]).abs().max() == pytest.approx(0.0, abs=1e-5)


def test_a_lower_share_lowers_every_risk_and_a_higher_one_raises_it(
    outcome: Outcome, standard: Standard, monkeypatch: pytest.MonkeyPatch
) -> None:
    share = outcome.risk.prevalence.share
    monkeypatch.setattr(assumption, "SHARES", (share * 0.6, share * 1.5))
    low, high = (part["risk"] for part in vary(outcome, standard).partition_by("share", maintain_order=True))
    printed = outcome.visit_list.filter(pl.col("pool") == "to_visit").sort("rank")["risk"]
    assert (low < printed).all()
    assert (printed < high).all()


def test_only_declarations_to_visit_are_tried(outcome: Outcome, standard: Standard) -> None:
    number = outcome.visit_list.filter(pl.col("pool") == "to_visit").height
    assert vary(outcome, standard).group_by("share").len()["len"].to_list() == [number, number]


def test_a_declaration_of_which_nothing_is_known_has_the_risk_of_the_share(monkeypatch: pytest.MonkeyPatch) -> None:
    invented = invent(MANY, number=40)
    cases = pl.concat([declarations(invented.codes), declarations(["R9999"])])
    risk = estimate(known(invented, cases), MODEL)
    without = replace(risk, parts=risk.parts.filter(pl.col("org_code") != "R9999"))
    listed = cases.select("org_code", "function", rank=pl.int_range(1, 42), pool=pl.lit("to_visit", POOL))
    monkeypatch.setattr(assumption, "SHARES", (risk.prevalence.share,))
    varied = vary_prevalence(listed, cases, without, MODEL)
    assert varied.height == 41
    unknown = risks(risk).filter(pl.col("org_code") == "R9999")["risk"].item()
    assert varied["risk"].last() == pytest.approx(unknown, abs=1e-5)
    assert varied["risk"].mean() == pytest.approx(risk.prevalence.share)
