"""What the solver takes for certain of every case is true of every case of the embedded collection."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
import z3

from crosscheck.cases.cases import WHY_ABSENT, build_cases, catalogue
from crosscheck.collection.read import Collection
from crosscheck.questionnaire import Questionnaire
from crosscheck.rulebook.z3_case import FUNCTION, PossibleCase, as_code, exactly
from crosscheck.scoring.model import read_indicator_model
from crosscheck.settings import model_file

FIGURES = read_indicator_model(model_file("C2", "indicators")).names


@pytest.fixture(scope="module")
def cases(questionnaire: Questionnaire, collection: Collection) -> pl.DataFrame:
    return build_cases(collection.tables, questionnaire, FIGURES, "2008/09", "C2")


@pytest.fixture(scope="module")
def anything(questionnaire: Questionnaire) -> PossibleCase:
    """A case of which everything is asked."""
    case = PossibleCase({column: question for question in questionnaire for column in question.columns})
    for name in (FUNCTION, *catalogue(questionnaire, FIGURES).values()):
        case.hold(name)
    return case


def constant(case: PossibleCase, name: str, value: Any) -> z3.ExprRef:
    if isinstance(value, bool):
        return z3.BoolVal(val=value)
    return exactly(value) if isinstance(value, float) else z3.IntVal(as_code(case.held[name].name, value))


def is_possible(case: PossibleCase, row: dict[str, Any]) -> bool:
    solver = z3.Solver()
    solver.add(case.certain)
    for name, held in case.held.items():
        value = row[name]
        solver.add(held.there == (value is not None))
        solver.add(held.not_applicable == (row.get(name + WHY_ABSENT) == "not_applicable"))
        if value is not None:
            solver.add(held.value == constant(case, name, value))
    return solver.check() == z3.sat


def test_every_case_of_the_embedded_collection_is_possible(cases: pl.DataFrame, anything: PossibleCase) -> None:
    assert cases.height > 500
    sample = cases.sample(60, seed=1)
    assert set(sample["organisation.org_type"]) == {"acute", "ambulance", "mental_health", "pct"}
    assert [row["org_code"] for row in sample.to_dicts() if not is_possible(anything, row)] == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("training.level1_pct", 101.0),
        ("training.level1_pct", -1.0),
        ("lscb.linked_boards", 1.5),
        ("hes.child_outpatient_missed_pct", 101.0),
        ("organisation.staff_wte", -1.0),
        ("returned.answered_share", 1.1),
        ("function", "commissioner"),
        ("staffing.designated_nurse_post_status", "vacant"),
        ("declared.other_function", "compliant"),
    ],
)
def test_what_the_reader_sets_aside_or_nobody_is_asked_is_not_possible(
    name: str, value: object, cases: pl.DataFrame, anything: PossibleCase
) -> None:
    acute = cases.filter(pl.col("organisation.org_type") == "acute").row(0, named=True)
    assert is_possible(anything, acute)
    assert not is_possible(anything, acute | {name: value, name + WHY_ABSENT: None})
