"""Workbooks: each sheet as a person sees it, and in words what a person sees otherwise than the file has it.

The child process reads the archive (`xlsx`, `ods`); what it gives is laid out here, what it marked is put into words.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from crosscheck.collection.bounded import read_in_child
from crosscheck.collection.grid import Grid, Marked, Rows, lay_out
from crosscheck.collection.problems import CONVERTED, Problem
from crosscheck.errors import CollectionError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from crosscheck.collection.grid import Headings
    from crosscheck.contract.table import Table

_OPEN_AND_SAVE: Final = (
    "Open the workbook in a spreadsheet program, save it, and give the saved file; or enter the value."
)

# What is wrong with a cell that was marked, and what to do.
_MARKED: Final = {
    "no_result": ("A formula whose result the file does not hold.", _OPEN_AND_SAVE),
    "placeholder": (
        "The workbook was never calculated: a program wrote it, and the 0 beside this formula is only a placeholder.",
        _OPEN_AND_SAVE,
    ),
    "merged": (
        "The cell is part of a merged one ({}): nobody can tell for which of its rows the value holds.",
        "Undo the merging, and enter the value in each row.",
    ),
}


class _Seen(NamedTuple):
    """What is said of something that is read, though a person sees it otherwise."""

    once: str
    often: str
    remedy: str


_NOTED: Final = {
    "percent_as_shown": _Seen(
        "The file holds the text of this percentage, and not its value; read as it is shown.",
        "The file holds the text of {:,} percentages, and not their values; read as they are shown. This is the first.",
        "Enter them again, if a digit is missing.",
    ),
    "hidden_rows": _Seen(
        "The row is hidden or filtered out; it was read.",
        "{:,} rows are hidden or filtered out; they were read. This is the first.",
        "Delete what does not belong to the collection.",
    ),
    "hidden_column": _Seen(
        "The column is hidden; it was read.", "", "Delete it, if it is not meant for the cross-check."
    ),
    "hidden_sheet": _Seen(
        "The sheet is hidden; it was read.", "", "Delete it, if it does not belong to the collection."
    ),
    "in_thousands": _Seen(
        "The cell shows its number in thousands, or with a unit behind it; it was read as it is stored.",
        "{:,} cells show their numbers in thousands or with a unit; they were read as stored. This is the first.",
        "See whether the stored number is what was meant.",
    ),
    "by_hand": _Seen(
        "The workbook is calculated by hand only; the result of this formula may be out of date.",
        "The workbook is calculated by hand only; the results of {:,} formulas may be out of date. This is the first.",
        "Calculate the workbook, and save it.",
    ),
    "struck": _Seen(
        "The cell is struck through; it was read.",
        "{:,} cells are struck through; they were read. This is the first.",
        "Delete what no longer holds.",
    ),
    "unseen": _Seen(
        "The format of the cell shows nothing of what it holds; it was read.",
        "The format of {:,} cells shows nothing of what they hold; they were read. This is the first.",
        "Delete what is not meant for the cross-check, or give it a format that shows it.",
    ),
}


def read_workbook(raw: bytes, file: str) -> list[dict[str, Any]]:
    """The sheets of a workbook, in its order (`package.Cells`).

    Raises:
        CollectionError: it is no workbook, a damaged one, or holds more than is allowed.
    """
    try:
        sheets: list[dict[str, Any]] = json.loads(read_in_child("workbook", raw))
    except ValueError as error:
        remedy = "If it has a password, save a copy without it."
        raise CollectionError(f"{file} can't be opened as a workbook: {error}. {remedy}") from None
    return sheets


def lay_out_sheet(sheet: dict[str, Any], file: str, table: Table, given: Headings | None = None) -> Grid:
    """The grid of a sheet, with the headings that are given beside it, if any.

    Raises:
        CollectionError: the sheet is empty.
    """
    if not sheet["rows"]:
        raise CollectionError(f"{file} is empty. Its first row must hold the headings.")
    numbers, times, cells = zip(*sheet["rows"], strict=True)
    whole = tuple(problem for position, problem in _notes(sheet) if position is None)
    grid = lay_out(Rows(numbers, list(cells), times, whole), file, table, fixed_width=False, given=given)
    noted = tuple((position, problem) for position, problem in _notes(sheet) if position is not None)
    return grid.with_marks(tuple(_marks(sheet, grid.heading_row)), noted)


def _marks(sheet: dict[str, Any], heading_row: int) -> Iterator[Marked]:
    for mark in sheet["marks"]:
        problem, remedy = _MARKED[mark["kind"]]
        first = max(mark["row"], heading_row + 1)
        if first <= mark["last"]:
            words = problem.format(mark["text"])
            yield Marked(mark["column"], first, mark["last"], mark["text"], words, remedy)


def _notes(sheet: dict[str, Any]) -> Iterator[tuple[int | None, Problem]]:
    for note in sheet["notes"]:
        seen = _NOTED[note["kind"]]
        words = seen.once if note["times"] == 1 else seen.often.format(note["times"])
        yield note["column"], Problem(note["row"], None, note["text"] or None, words, seen.remedy, CONVERTED)
