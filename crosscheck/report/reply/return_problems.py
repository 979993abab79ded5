"""What each organisation should mend in its own return: one workbook each, ready to send back, and an index of all.

A workbook holds rows of that organisation's declarations and answers and nothing else: what others say of it, and rows
that nobody can tell the owner of, are in the regulator's own workbook.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import polars as pl

from crosscheck.report.output.file_names import file_stem
from crosscheck.report.output.folder import written_whole
from crosscheck.report.output.tables import write_csv
from crosscheck.report.output.workbook import new_workbook, write_sheet

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import xlsxwriter

    from crosscheck.collection.read import Collection

MARK: Final = "to_mend.json"
REGULATOR: Final = "regulator.xlsx"

# Tables that an organisation fills in itself.
_OWN: Final = ("declarations", "answers")

_CONVERTED: Final = "converted"
_DONE: Final = {
    "row set aside": "The row is not counted.",
    "cell set aside": "The cell counts as empty.",
    "in doubt": "The value is left out until you confirm or correct it.",
    "converted": "It was read as described.",
}
_SHOWN: Final = {"file": 24, "row": 8, "column": 16, "what it says": 34, "what is wrong": 50, "what to do": 50}
_TO_MEND: Final = {**_SHOWN, "what we did meanwhile": 26, "your correction": 34}
_AS_READ: Final = {**_SHOWN, "what we did": 26}
_ABOUT_WIDTH: Final = 100


@dataclass(frozen=True)
class ToMend:
    """What was written.

    `index` has one row a workbook: whose it is (`org_code`, null for the regulator's), its `name` and `file`, how many
    things are `to_mend`, and how many were read `all_the_same`. Together they are all the problems there are.
    """

    index: pl.DataFrame

    def describe(self, folder: Path) -> str:
        """How many workbooks there are, and what they hold, in a sentence each."""
        theirs = self.index.filter(pl.col("org_code").is_not_null() & (pl.col("to_mend") > 0))
        ours = self.index.filter(pl.col("org_code").is_null())
        many = f"{theirs.height} organisation{'' if theirs.height == 1 else 's'}"
        first_line = (
            f"WRITTEN  {folder}: what {many} should mend, {theirs['to_mend'].sum():,} things; index.csv lists them"
        )
        rest = int(ours.select(pl.col("to_mend") + pl.col("all_the_same")).sum().item())
        return (
            f"{first_line}\n         {REGULATOR}: {rest:,} things that no single organisation can mend"
            if rest
            else first_line
        )


def write_what_to_mend(collection: Collection, folder: Path) -> ToMend:
    """Write a workbook for each organisation with something to mend, the regulator's own, and `index.csv`.

    Args:
        collection: what was read; a code that is none of its organisations' is nobody's to send to.
        folder: where to; missing, empty, or such a folder, which is replaced whole.

    Returns:
        What was written. The same problems give the same bytes.

    Raises:
        RunError: the folder holds something else, or can't be written.
    """
    problems = pl.concat([collection.problems, _unlikely_values(collection)])
    names = collection.tables["organisations"].select("org_code", "name")
    owned = problems.join(names, on="org_code", how="left", maintain_order="left")
    # A value with a line end in it may have swallowed rows of others.
    alone = ~pl.col("value").fill_null("").str.contains("\n", literal=True)
    theirs = (pl.col("table").is_in(_OWN) & pl.col("name").is_not_null() & alone).fill_null(value=False)
    owned = owned.with_columns(pl.when(theirs).then("org_code").alias("owner")).sort(
        "owner", "table", "file", "row", "column", nulls_last=True, maintain_order=True
    )
    index = _index(owned)
    parts = owned.partition_by("owner", as_dict=True)
    with written_whole(folder, MARK, "set of what organisations should mend") as whole:
        for owner, name, file in index.filter(pl.col("to_mend") > 0).select("org_code", "name", "file").iter_rows():
            _write_workbook(parts[(owner,)], _about(owner, name), whole / file)
        write_csv(index, whole / "index.csv")
        totals = {"workbooks": index.height, "to_mend": int(index["to_mend"].sum()), "problems": problems.height}
        (whole / MARK).write_text(json.dumps(totals, indent=1) + "\n", encoding="utf-8")
    return ToMend(index)


def _unlikely_values(collection: Collection) -> pl.DataFrame:
    """Values in doubt as problems, in words for whoever returned them."""
    place = ("table", "file", "row", "column", "value")
    remedy = pl.format("Did you mean {}", "likely")
    return collection.doubts.select(
        *place, problem="why", remedy=remedy, effect=pl.lit("in doubt"), org_code="org_code"
    )


def _index(owned: pl.DataFrame) -> pl.DataFrame:
    converted = pl.col("effect") == _CONVERTED
    counted = owned.group_by("owner", maintain_order=True).agg(
        pl.col("name").first(), to_mend=(~converted).sum(), all_the_same=converted.sum()
    )
    file = pl.col("owner").map_elements(lambda code: f"{file_stem(code)}.xlsx", return_dtype=pl.String)
    return counted.select(
        pl.col("owner").alias("org_code"),
        pl.when(pl.col("owner").is_not_null()).then("name").alias("name"),
        pl.when(pl.col("to_mend") > 0).then(file.fill_null(REGULATOR)).alias("file"),
        "to_mend",
        "all_the_same",
    )


def _about(owner: str | None, name: str) -> list[str]:
    if owner is None:
        sentence = (
            "Rows whose code is not among the organisations, rows that cannot be read, and tables of other sources."
        )
        return ["What no single organisation can mend", sentence]
    return [
        f"{name} ({owner})",
        "We have read your return, and could not use everything in it. The sheet “To mend” has a row for each thing.",
        "Please write what is right into the last column, and send this file back. If what you returned is right, "
        "write “as returned” there.",
        "The sheet “Read all the same”, if there is one, lists what was written in another way than we asked for. "
        "If we read it as you meant it, there is nothing to do.",
    ]


def _write_workbook(problems: pl.DataFrame, about: Sequence[str], file: Path) -> None:
    converted = problems["effect"] == _CONVERTED
    to_mend, as_read = problems.filter(~converted), problems.filter(converted)
    with new_workbook(file, about[0]) as workbook:
        _write_about(workbook, about)
        write_sheet(workbook, "To mend", _TO_MEND, [[*row, None] for row in _rows(to_mend)], frozen=3)
        if not as_read.is_empty():
            write_sheet(workbook, "Read all the same", _AS_READ, _rows(as_read), frozen=3)


def _write_about(workbook: xlsxwriter.Workbook, about: Sequence[str]) -> None:
    sheet = workbook.add_worksheet("About")
    sheet.set_column(0, 0, _ABOUT_WIDTH)
    heading = workbook.add_format({"bold": True, "font_size": 14})
    body = workbook.add_format({"text_wrap": True, "valign": "top"})
    for at, line in enumerate(about):
        sheet.write_string(at, 0, line, body if at else heading)
    sheet.set_paper(9)  # A4
    sheet.fit_to_pages(1, 0)


def _rows(problems: pl.DataFrame) -> list[list[object]]:
    shown = problems.select(
        "file", "row", "column", "value", "problem", "remedy", pl.col("effect").replace_strict(_DONE)
    )
    return [list(row) for row in shown.iter_rows()]
