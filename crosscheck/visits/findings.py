"""What visits found, read from a file of its own: the columns of the table `visits`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from crosscheck.errors import CollectionError
from crosscheck.frames import INPUTS

if TYPE_CHECKING:
    from pathlib import Path

_VISITS = INPUTS["visits"]


def read_findings(file: Path) -> pl.DataFrame:
    """Read what visits found. Further columns are left alone.

    Returns:
        `frames.INPUTS["visits"]`: columns that may be missing are empty where they are.

    Raises:
        CollectionError: the file or a needed column is missing, or with every cell that can't be used, at once.
    """
    if not file.is_file():
        raise CollectionError(f"{file}: there is no such file. Give a CSV file in the columns of visits.")
    stripped = pl.all().str.strip_chars()
    read = pl.read_csv(file, infer_schema=False).with_columns(pl.when(stripped != "").then(stripped).name.keep())
    needed = [column.name for column in _VISITS.columns if column.required]
    missing = [name for name in needed if name not in read.columns]
    if missing:
        raise CollectionError(f"{file}: no column {', '.join(missing)}. A row needs {', '.join(needed)}.")
    optional = [name for name in _VISITS.schema if name not in (*needed, *read.columns)]
    read = read.with_columns(pl.lit(None, pl.String).alias(name) for name in optional)
    problems = [problem for name in needed for problem in _refuse(read, name, file)]
    if problems:
        raise CollectionError(problems)
    dated = read.select(_VISITS.schema.names()).with_columns(pl.col("visited_on").str.to_date())
    return dated.cast(_VISITS.schema).sort("org_code", "function", "visited_on")


def _refuse(read: pl.DataFrame, name: str, file: Path) -> list[str]:
    column = next(column for column in _VISITS.columns if column.name == name)
    allowed = column.allowed or ()
    bad = pl.col(name).is_null()
    if allowed:
        bad = bad | pl.col(name).is_in(list(allowed)).not_()
    if name == "visited_on":
        bad = bad | pl.col(name).str.to_date(strict=False).is_null()
    told = f"one of {', '.join(allowed)}" if allowed else "a day as 2009-07-27" if name == "visited_on" else "something"
    rows = read.with_row_index("row", offset=2).filter(bad).select("row", name).iter_rows()
    return [f"{file}, row {row}, {name}: {value or 'empty'}. Give {told}." for row, value in rows]
