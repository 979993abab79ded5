"""The registry of the kinds of figures: every kind is written, compared and drawn by one entry."""

from __future__ import annotations

import pytest

from crosscheck.contract.inputs import INPUTS
from crosscheck.contract.outputs import FURTHER
from crosscheck.figures.kinds import COUNTED, INPUT_KINDS, KINDS, PERCENTAGES, WITH_DENOMINATOR, WithError, funnel_of
from crosscheck.standard import Standard


def test_a_kind_has_an_error_of_its_own_where_a_number_stands_behind_it() -> None:
    counted = {"proportion", "ratio", "log_ratio", "ratio_of_counts"}
    assert set(COUNTED) == counted
    assert set(WITH_DENOMINATOR) == {*counted, "mean"}
    assert {name for name, kind in KINDS.items() if isinstance(kind.formula, WithError)} == set(WITH_DENOMINATOR)


def test_only_counted_kinds_have_a_funnel() -> None:
    assert {name for name in KINDS if funnel_of(name)} == {"proportion", "ratio", "log_ratio"} < set(COUNTED)
    assert funnel_of("yes_no") is None, "types of answer have none"


def test_the_contract_allows_the_kinds_that_it_always_allowed() -> None:
    assert INPUT_KINDS == ("proportion", "ratio", "number")
    (stated,) = (column for column in INPUTS["indicators"].columns if column.name == "kind")
    assert stated.allowed == INPUT_KINDS
    (given,) = (column for column in FURTHER["scores"] if column.name == "kind")
    assert set(given.allowed) == {*KINDS, "count", "yes_no"}
    assert PERCENTAGES == ("proportion", "percent")


def test_every_figure_of_the_model_is_of_a_known_kind(standard: Standard) -> None:
    assert {figure.kind for figure in standard.indicators.indicators.values()} <= set(KINDS)


@pytest.mark.parametrize("name", PERCENTAGES)
def test_a_percentage_ends_at_a_hundred(name: str) -> None:
    assert (KINDS[name].unit, KINDS[name].most) == ("%", 100.0)
