"""The promised shapes are those of the contract."""

from __future__ import annotations

import re
from pathlib import Path

import polars as pl
import pytest

from crosscheck.contract.inputs import INPUTS
from crosscheck.contract.outputs import OUTPUTS
from crosscheck.contract.table import Table


def contract(file: Path) -> dict[str, list[str]]:
    """Tables and their columns (with a ? where one may be missing), as the contract's page lists them."""
    found = {}
    for line in file.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if len(cells) == 3 and (name := re.match(r"`(\w+)(?:\.csv)?`", cells[0])):
            fixed = cells[2].partition("; after them")[0]  # those that may stand in any place follow
            outside = re.sub(r"\([^()]*(?:\([^()]*\)[^()]*)*\)", "", fixed)
            found[name[1]] = re.findall(r"`(\w+\??)`", outside)
    return found


@pytest.mark.parametrize("name", sorted(INPUTS))
def test_what_comes_in_has_the_columns_of_the_contract(name: str, shared: Path) -> None:
    columns = [column.name + "?" * (not column.required) for column in INPUTS[name].columns]
    stated = contract(shared / "contract" / "inputs.md")[name]
    assert columns == [column for column in stated if column.rstrip("?") in INPUTS[name].schema]
    assert {column.rstrip("?") for column in stated} >= set(INPUTS[name].schema)


@pytest.mark.parametrize("name", sorted(OUTPUTS))
def test_what_goes_out_has_the_columns_of_the_contract_in_their_order(name: str, shared: Path) -> None:
    assert OUTPUTS[name].schema.names() == contract(shared / "contract" / "outputs.md")[name]


@pytest.mark.parametrize("table", [*INPUTS.values(), *OUTPUTS.values()], ids=lambda table: table.name)
def test_every_column_has_a_meaning_and_every_key_is_a_column(table: Table) -> None:
    assert all(len(column.meaning) > 3 for column in table.columns)
    assert set(table.key) <= set(table.schema)


def test_an_empty_table_has_the_promised_types() -> None:
    assert INPUTS["organisations"].empty().schema["services"] == pl.List(pl.String)
    assert INPUTS["declarations"].empty().schema["lapse_from"] == pl.Date
