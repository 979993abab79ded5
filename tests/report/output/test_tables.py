from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from crosscheck.report.output.tables import guard_formulas, write_csv


@pytest.mark.parametrize("text", ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1"])
def test_a_text_that_a_spreadsheet_would_run_gets_an_apostrophe(text: str) -> None:
    assert guard_formulas(pl.DataFrame({"text": [text]}))["text"].item() == "'" + text


@pytest.mark.parametrize("text", ["-7", "+5", "-2.5", "-1,250", "-30%", "a=b", "", "5-6"])
def test_a_plain_text_or_signed_number_stays_as_it_is(text: str) -> None:
    assert guard_formulas(pl.DataFrame({"text": [text]}))["text"].item() == text


def test_an_absent_value_is_an_empty_cell_and_not_a_zero(tmp_path: Path) -> None:
    write_csv(pl.DataFrame({"a": [None, 0.0], "b": ["x", None]}), tmp_path / "t.csv")
    assert (tmp_path / "t.csv").read_text() == "a,b\n,x\n0.0,\n"
