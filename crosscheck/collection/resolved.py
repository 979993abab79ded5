"""Values in doubt are left out until somebody confirms or corrects them: what they say stands in the table `resolved`.

So they count for nobody and against nobody meanwhile.
"""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import polars as pl

from crosscheck.collection.cells import written
from crosscheck.collection.doubts import SCHEMA, find_doubts, gather_figures
from crosscheck.collection.problems import ROW, Problem
from crosscheck.contract.inputs import INPUTS
from crosscheck.errors import CollectionError
from crosscheck.vocabulary import ABSENCE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from crosscheck.collection.files import Sheet
    from crosscheck.questionnaire import Questionnaire

_FILE: Final = "resolved.csv"

# By what a value that somebody resolved is known again.
_RESOLVED: Final = ["table", "org_code", "about", "item", "figure"]


def hold_out(
    sheets: Mapping[str, Sheet], questionnaire: Questionnaire, year: str | None
) -> tuple[dict[str, Sheet], pl.DataFrame]:
    """Leave values in doubt out, unless the table `resolved` confirms or corrects them.

    Args:
        sheets: all tables, read.
        questionnaire: what was asked.
        year: the run's.

    Returns:
        The sheets, and the doubts that nobody resolved (`SCHEMA`). A value in doubt counts as no answer: its row is
        still used, and has no figure. One that was resolved has the value that it means.
    """
    found = find_doubts(gather_figures(sheets, questionnaire, year), sheets["organisations"].used())
    resolved_sheets = dict(sheets)
    means = pl.lit(None, pl.Float64).alias("means")
    doubted = found.with_columns(means)
    if "resolved" in sheets:
        resolved_sheets["resolved"] = _refuse_pointless(sheets["resolved"], found)
        doubted = found.join(
            _answers_to_doubts(resolved_sheets["resolved"]), on=_RESOLVED, how="left", maintain_order="left"
        )
    for table in found["table"].unique():
        resolved_sheets[table] = _replaced(resolved_sheets[table], doubted.filter(pl.col("table") == table))
    return resolved_sheets, doubted.filter(pl.col("means").is_null()).select(SCHEMA.names())


def _answers_to_doubts(resolved: Sheet) -> pl.DataFrame:
    rows = resolved.used()
    item = pl.col("item").fill_null("") if "item" in rows.columns else pl.lit("")
    return rows.select("row", "table", "org_code", "means", about="column", item=item, figure="value").drop("row")


def _refuse_pointless(resolved: Sheet, found: pl.DataFrame) -> Sheet:
    """Set rows aside that resolve nothing: no such value is in doubt, or it can't be what they say."""
    item = pl.col("item").fill_null("") if "item" in resolved.rows.columns else pl.lit("")
    keyed = resolved.used().rename({"column": "about", "value": "figure"}).with_columns(item=item)
    doubts = found.select(*_RESOLVED, "is_percentage").unique(_RESOLVED)
    joined = keyed.join(doubts, on=_RESOLVED, how="left", maintain_order="left")
    impossible = pl.col("is_percentage") & ~pl.col("means").is_between(0, 100)
    unknown = joined.filter(pl.col("is_percentage").is_null())
    remedy = "See doubts.csv of a run; delete the row, if the value was corrected where it stands."
    problems = [
        Problem(row, "value", written(value), "No such value of the collection is in doubt.", remedy, ROW)
        for row, value in unknown.select("row", "figure").iter_rows()
    ]
    problems += [
        Problem(row, "means", written(means), "A percentage lies between 0 and 100.", "Correct it.", ROW)
        for row, means in joined.filter(impossible).select("row", "means").iter_rows()
    ]
    return resolved.noting(problems)


def _replaced(sheet: Sheet, doubted: pl.DataFrame) -> Sheet:
    """The sheet with what each value in doubt means in its place; without a value where nobody said so."""
    rows = sheet.rows
    for column in doubted["column"].unique():
        means = dict(doubted.filter(pl.col("column") == column).select("row", "means").iter_rows())
        hit = pl.col("row").is_in(list(means))
        meant = pl.col("row").replace_strict(means, default=None, return_dtype=pl.Float64)
        name = "number" if sheet.table.name == "answers" else column
        rows = rows.with_columns(pl.when(hit).then(meant).otherwise(name).alias(name))
        if sheet.table.name == "answers":
            lacking = pl.when(hit & pl.col("number").is_null())
            rows = rows.with_columns(absence=lacking.then(pl.lit("no_answer", ABSENCE)).otherwise("absence"))
    return sheet.noting((), rows)


@contextmanager
def as_if_resolved(collection: Path, row: Mapping[str, str]) -> Iterator[Path]:
    """Lay the collection out with one further row of `resolved`, in a place of its own.

    Args:
        collection: the collection's folder.
        row: the columns of `resolved`, as they are written.

    Raises:
        CollectionError: it is a workbook, or its table `resolved` is no CSV file: nobody but a person can add a row.
    """
    content = _with_row(collection, row)
    with tempfile.TemporaryDirectory(prefix="crosscheck-") as name:
        place = Path(name)
        for file in collection.iterdir():
            if file.name != _FILE:
                (place / file.name).symlink_to(file.absolute())
        (place / _FILE).write_text(content, encoding="utf-8")
        yield place


def write_resolved(collection: Path, row: Mapping[str, str]) -> Path:
    """Add one row to `resolved.csv` of a collection, whole or not at all; the conditions are those of `as_if_resolved`.

    Returns:
        The file.
    """
    file, content = collection / _FILE, _with_row(collection, row)
    beside = file.with_name(f".{_FILE}.{os.getpid()}")
    try:
        beside.write_text(content, encoding="utf-8")
        beside.replace(file)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise CollectionError(f"{file} can't be written: {error.strerror}. See that you may write there.") from None
    return file


def _with_row(collection: Path, row: Mapping[str, str]) -> str:
    """The text of `resolved.csv` with one further row."""
    names = [column.name for column in INPUTS["resolved"].columns]
    if not collection.is_dir():
        fields = ", ".join(f"{name}: {row.get(name, '')}" for name in names)
        raise CollectionError(f"{collection} is no folder. Add this row to a sheet resolved of the workbook: {fields}.")
    if others := [file.name for file in collection.glob("resolved*") if file.name != _FILE]:
        raise CollectionError(f"{collection / others[0]} is no CSV file. Save it as {_FILE} first.")
    added = pl.DataFrame([[row.get(name, "") for name in names]], names, orient="row")
    if not (collection / _FILE).is_file():
        return added.write_csv()
    there = pl.read_csv(collection / _FILE, infer_schema=False)
    if set(there.columns) - set(names):
        raise CollectionError(f"{collection / _FILE} has other columns than {', '.join(names)}. Mend it first.")
    return pl.concat([there, added], how="diagonal").select(names).write_csv()
