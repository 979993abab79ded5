"""Mentions: every organisation that a collection speaks of, whether its row can be used or not.

By them a run can account for each: it is on the list, or somebody is told why it is not.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import polars as pl

from crosscheck.collection.problems import ROW, Problem, shorten_cell

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from crosscheck.collection.files import Sheet

SCHEMA: Final = pl.Schema(
    {"table": pl.String(), "file": pl.String(), "row": pl.Int64(), "org_code": pl.String(), "why": pl.String()}
)
_TABLES: Final = ("organisations", "declarations")
_YEAR: Final = re.compile(r"[0-9]{4}/[0-9]{2}")


def list_mentions(sheets: Mapping[str, Sheet], year: str | None) -> pl.DataFrame:
    """List every row of organisations, and every declaration of the year.

    Args:
        sheets: all tables, read; their problems say which rows were set aside.
        year: the run's; a declaration whose year can't be read may be one of it, and is listed.

    Returns:
        One row a row of either table, in their order: `table`, `file`, `row`, `org_code` (as it was understood; as it
        stands where it could not be; null where there is none) and `why` the row was set aside, null where it is used.
        A row that is lost, since nobody knows which cell of it is which, is among them with its likely code.
    """
    listed = [frame for name in _TABLES if name in sheets for frame in _mentions(sheets[name], year)]
    return pl.concat([pl.DataFrame(schema=SCHEMA), *listed])


def _mentions(sheet: Sheet, year: str | None) -> Iterator[pl.DataFrame]:
    rows = sheet.rows if year is None or "year" not in sheet.rows.columns else sheet.rows.filter(_may_be_of(year))
    # A code that was set aside is listed as it stood: it is all that leads its owner back to the row.
    why, stood = _reasons(sheet, rows), _codes_as_they_stood(sheet)
    yield rows.select(
        table=pl.lit(sheet.table.name),
        file=pl.lit(sheet.file),
        row=pl.col("row").cast(pl.Int64),
        org_code=pl.coalesce("org_code", pl.col("row").replace_strict(stood, default=None, return_dtype=pl.String)),
        why=pl.col("row").replace_strict(why, default=None, return_dtype=pl.String),
    )
    lost = [
        (sheet.table.name, sheet.file, row, shorten_cell(cells.get("org_code", "").upper()) or None, why_lost)
        for row, cells in sheet.lost_rows
        if _may_be_year(cells.get("year", ""), year)
        for why_lost in [_why_lost(sheet, row)]
    ]
    yield pl.DataFrame(lost, schema=SCHEMA, orient="row")


def _may_be_of(year: str) -> pl.Expr:
    return (pl.col("year") == year).fill_null(value=True)


def _may_be_year(text: str, year: str | None) -> bool:
    return year is None or text == year or not _YEAR.fullmatch(text)


def _reasons(sheet: Sheet, rows: pl.DataFrame) -> dict[int, str]:
    """Why each row that is set aside was, in words."""
    aside = set(rows["row"]) - set(sheet.used()["row"])
    reasons: dict[int, list[str]] = {}
    for problem in sheet.problems:
        if problem.effect == ROW and problem.row is not None and aside:
            for row in (row for row in range(problem.row, (problem.last or problem.row) + 1) if row in aside):
                reasons.setdefault(row, []).append(_in_words(problem))
    return {row: " ".join(words) for row, words in reasons.items()}


def _in_words(problem: Problem) -> str:
    return f"{problem.column}: {problem.problem}" if problem.column else problem.problem


def _codes_as_they_stood(sheet: Sheet) -> dict[int, str]:
    """Codes that can't be read as one, by row."""
    return {
        problem.row: shorten_cell(problem.value) or ""
        for problem in sheet.problems
        if problem.column == "org_code" and problem.row is not None and (problem.value or "").strip()
    }


def _why_lost(sheet: Sheet, row: int) -> str:
    return next((problem.problem for problem in sheet.problems if problem.row == row and problem.column is None), "")
