"""What a change of one return does to the list, everything learnt anew; and what no change may do."""

from __future__ import annotations

from dataclasses import replace

import polars as pl
import pytest

from crosscheck.collection.read import Collection
from crosscheck.pipeline import cross_check
from crosscheck.questionnaire import Questionnaire
from crosscheck.standard import Standard
from tests.risk.changes import apply, draw_changes, put_at_worst
from tests.risk.known import CAPACITY, YEAR, Listed

KEYS = ("org_code", "function")
POINT = 0.01


def move(collection: Collection, standard: Standard, before: Listed) -> pl.DataFrame:
    """How far each risk moves when the collection is as given: `org_code`, `function`, `moved`."""
    columns = ("org_code", pl.col("function").cast(pl.String), "risk")
    after = cross_check(collection, standard, YEAR, CAPACITY).visit_list.select(columns)
    both = before.outcome.visit_list.select(columns).join(after, on=KEYS, suffix="_after")
    assert both.height == before.outcome.visit_list.height
    return both.select(*KEYS, moved=pl.col("risk_after") - pl.col("risk"))


def test_a_single_answer_changed_moves_its_own_risk_in_its_own_direction(
    collection: Collection, standard: Standard, questionnaire: Questionnaire, national: Listed
) -> None:
    for one in draw_changes(collection, questionnaire, 4, seed=5):
        moved = move(apply(collection, [one]), standard, national)
        own = moved.filter(pl.col("org_code") == one.org_code)["moved"]
        others = moved.filter(pl.col("org_code") != one.org_code)["moved"]
        worst, best = own.min(), own.max()
        assert worst is not None
        assert best is not None
        wrong = -worst if one.is_worse else best
        assert wrong < 0.2 * POINT, one
        # Of twelve such changes the worst moved 12 of 538 others by more than half a point, one by 1.03.
        assert others.abs().quantile(0.95) < 0.5 * POINT, one  # type: ignore[operator]
        assert others.abs().quantile(0.99) < 0.7 * POINT, one  # type: ignore[operator]
        assert others.abs().max() < 1.2 * POINT, one  # type: ignore[operator]


@pytest.mark.parametrize("org_type", ["pct", "acute"])
def test_an_organisation_that_answers_everything_worst_is_not_safer_for_it(
    collection_of_few: Collection, standard: Standard, questionnaire: Questionnaire, listed: Listed, org_type: str
) -> None:
    organisations = collection_of_few.tables["organisations"]
    code = organisations.filter(pl.col("org_type").cast(pl.String) == org_type)["org_code"][0]
    moved = move(put_at_worst(collection_of_few, questionnaire, code), standard, listed)
    assert moved.filter(pl.col("org_code") == code)["moved"].min() > 10 * POINT  # type: ignore[operator]


def test_percentages_sent_as_fractions_make_nobody_safer(
    collection_of_few: Collection, standard: Standard, questionnaire: Questionnaire, listed: Listed
) -> None:
    percentages = [question.question_id for question in questionnaire if question.answer_type == "percent"]
    answers = collection_of_few.tables["answers"]
    code = answers.filter(pl.col("question_id").is_in(percentages) & (pl.col("number") > 1))["org_code"][0]
    sent = (pl.col("org_code") == code) & pl.col("question_id").is_in(percentages)
    changed = answers.with_columns(number=pl.when(sent).then(pl.col("number") / 100).otherwise("number"))
    tables = collection_of_few.tables | {"answers": changed}
    moved = move(replace(collection_of_few, tables=tables), standard, listed)
    assert moved.filter(pl.col("org_code") == code)["moved"].min() > 0  # type: ignore[operator]


def test_an_organisation_that_returns_nothing_is_not_safer_than_the_average(
    collection_of_few: Collection, standard: Standard, listed: Listed
) -> None:
    best = listed.outcome.visit_list.filter(pl.col("pool").cast(pl.String) == "to_visit")["org_code"][-1]
    answers = collection_of_few.tables["answers"].filter(pl.col("org_code") != best)
    silent = replace(collection_of_few, tables=collection_of_few.tables | {"answers": answers})
    outcome = cross_check(silent, standard, YEAR, CAPACITY)
    rows = outcome.visit_list.filter(pl.col("org_code") == best)
    assert rows["risk"].min() >= outcome.risk.prevalence.share - 1e-6  # type: ignore[operator]
    assert listed.outcome.visit_list.filter(pl.col("org_code") == best)["risk"].min() < outcome.risk.prevalence.share  # type: ignore[operator]
