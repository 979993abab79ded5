"""What visits found, read from files of their own: the columns of the tables `visits` and `visit_items`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from crosscheck.contract.inputs import INPUTS
from crosscheck.errors import CollectionError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from crosscheck.contract.table import Column, Table


def read_visits_file(file: Path) -> pl.DataFrame:
    """Read what visits found. Further columns are left alone.

    Returns:
        `inputs.INPUTS["visits"]`: columns that may be missing are empty where they are.

    Raises:
        CollectionError: the file or a needed column is missing, or with every cell that can't be used, at once.
    """
    dated = _read(file, INPUTS["visits"]).with_columns(pl.col("visited_on").str.to_date())
    return dated.cast(INPUTS["visits"].schema).sort("org_code", "function", "visited_on")


def read_criteria_file(file: Path) -> pl.DataFrame:
    """Read what visits saw of single criteria, under the conditions of `read_visits_file`.

    Returns:
        `inputs.INPUTS["visit_items"]`.
    """
    table = INPUTS["visit_items"]
    return _read(file, table).cast(table.schema).sort("org_code", "function", "question_id", "item")


def read_outcome_files(place: Path) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Read what visits found and what they saw of criteria.

    Args:
        place: a file in the columns of `visits`, or a folder with `visits.csv` and, if criteria were recorded,
            `visit_items.csv`; files of single waves (`visits_wave_1.csv`) beside them count as well.

    Returns:
        `inputs.INPUTS["visits"]` and `inputs.INPUTS["visit_items"]`, this one without a row where there is none.

    Raises:
        CollectionError: as `read_visits_file`.
    """
    if not place.is_dir():
        return read_visits_file(place), INPUTS["visit_items"].empty()
    waves = sorted(place.glob("visits_*.csv"))
    made = [read_visits_file(file) for file in (place / "visits.csv", *waves)]
    looks = [read_criteria_file(file) for file in sorted(place.glob("visit_items*.csv"))]
    return pl.concat(made), pl.concat([INPUTS["visit_items"].empty(), *looks])


def visits_from_records(rows: Sequence[Mapping[str, object]], year: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Take visits that were recorded elsewhere, of two of one declaration the later record, and no criterion.

    Args:
        rows: `org_code`, `function`, `visited_on`, `finding`, in the order in which they were recorded.
        year: their assessment year.
    """
    latest = {(row["org_code"], row["function"]): row for row in rows}
    schema = INPUTS["visits"].schema
    told = [{**{name: row.get(name) for name in schema}, "year": year} for row in latest.values()]
    return pl.DataFrame(told, schema=schema), INPUTS["visit_items"].empty()


def _read(file: Path, table: Table) -> pl.DataFrame:
    """The columns of a table as text, every needed cell tried."""
    if not file.is_file():
        raise CollectionError(f"{file}: there is no such file. Give a CSV file in the columns of {table.name}.")
    stripped = pl.all().str.strip_chars()
    read = pl.read_csv(file, infer_schema=False).with_columns(pl.when(stripped != "").then(stripped).name.keep())
    needed = [column.name for column in table.columns if column.required]
    missing = [name for name in needed if name not in read.columns]
    if missing:
        raise CollectionError(f"{file}: no column {', '.join(missing)}. A row needs {', '.join(needed)}.")
    optional = [name for name in table.schema if name not in (*needed, *read.columns)]
    read = read.with_columns(pl.lit(None, pl.String).alias(name) for name in optional)
    columns = {column.name: column for column in table.columns}
    problems = [problem for name in needed for problem in _refuse(read, columns[name], file)]
    if problems:
        raise CollectionError(problems)
    return read.select(table.schema.names())


def _refuse(read: pl.DataFrame, column: Column, file: Path) -> list[str]:
    name, allowed = column.name, column.allowed
    bad = pl.col(name).is_null()
    if allowed:
        bad = bad | pl.col(name).is_in(list(allowed)).not_()
    if name == "visited_on":
        bad = bad | pl.col(name).str.to_date(strict=False).is_null()
    told = f"one of {', '.join(allowed)}" if allowed else "a day as 2009-07-27" if name == "visited_on" else "something"
    rows = read.with_row_index("row", offset=2).filter(bad).select("row", name).iter_rows()
    return [f"{file}, row {row}, {name}: {value or 'empty'}. Give {told}." for row, value in rows]
