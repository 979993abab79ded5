"""The files of a collection, taken apart into tables of text cells with the row numbers that a person sees."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import polars as pl

from crosscheck.collection.grid import Grid, canonical, read_csv, read_parquet, take_headings
from crosscheck.collection.problems import CELL, CONVERTED, ROW, Place, Problem, alternatives, nearest
from crosscheck.collection.workbook import read_workbook
from crosscheck.contract.inputs import INPUTS
from crosscheck.errors import CollectionError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from crosscheck.contract.table import Table

# Beside the tables of the contract there may be those of the year's first wave of visits, in the same columns.
FIRST_WAVE: Final = {"visits": "visits_wave_1", "visit_items": "visit_items_wave_1"}
TABLES: Final[Mapping[str, Table]] = INPUTS | {
    wave: replace(INPUTS[name], name=wave) for name, wave in FIRST_WAVE.items()
}

_WORKBOOKS: Final = (".xlsx", ".ods")


@dataclass(frozen=True)
class Sheet:
    """One table as it stands in its file.

    `rows` has `row`, the number that a spreadsheet shows (the heading is 1), and one column of text a heading that the
    table knows; steps of the reader replace text by values. All rows stay: one is set aside by a problem that says so.
    """

    table: Table
    file: str
    sha256: str
    size: int
    rows: pl.DataFrame
    rows_read: int
    problems: tuple[Problem, ...] = ()

    @property
    def place(self) -> Place:
        """Where its problems stand."""
        return Place(self.table.name, self.file)

    def noting(self, problems: Iterable[Problem], rows: pl.DataFrame | None = None) -> Sheet:
        """The same sheet with further problems, and with other rows where they are given."""
        return replace(self, problems=(*self.problems, *problems), rows=self.rows if rows is None else rows)

    def used(self) -> pl.DataFrame:
        """The rows that no problem sets aside."""
        aside = {problem.row for problem in self.problems if problem.effect == ROW}
        return self.rows.filter(~pl.col("row").is_in(aside)) if aside else self.rows


@dataclass(frozen=True)
class _Source:
    """A file, or a sheet of a workbook, and the name of the table that it bears.

    `cells` are a sheet's, the headings in the first row; those of other files are read from `path`.
    """

    name: str
    file: str
    path: Path
    cells: pl.DataFrame | None = None


def open_collection(path: Path) -> tuple[list[Sheet], list[tuple[Place, Problem]]]:
    """Open every table of a collection.

    Args:
        path: a folder of CSV or Parquet files that bear the tables' names, or a workbook whose sheets do.

    Returns:
        The sheets, in the tables' order, and the problems of files that belong to no table.

    Raises:
        CollectionError: a required table or column is missing, or something can't be opened; all is named at once.
    """
    sources = _sources(path)
    wrong = _missing_tables(path, [source.name for source in sources])
    sheets = []
    for table in TABLES.values():
        try:
            sheets += [_sheet(source, table) for source in _only_one(sources, table.name)]
        except CollectionError as error:
            wrong += error.problems
    if wrong:
        raise CollectionError(wrong)
    return sheets, [_stray(source) for source in sources if source.name not in TABLES]


def open_table(path: Path, table: Table) -> tuple[Sheet, list[tuple[Place, Problem]]]:
    """Open a file that holds one table, whatever the file is called.

    Args:
        path: a CSV or Parquet file, or a workbook; its sheet that bears the table's name, else its first, is taken.
        table: what it should hold.

    Returns:
        The sheet, and the problems of a workbook's other sheets, which were not read.

    Raises:
        CollectionError: it can't be opened, or lacks a required column.
    """
    try:
        is_workbook = path.suffix.lower() in _WORKBOOKS and path.is_file()
        sources = _workbook_sources(path) if is_workbook else [_Source(table.name, path.name, path)]
    except OSError as error:
        raise CollectionError(f"{path} can't be opened: {error.strerror}. Check that you may read it.") from None
    if not sources:
        raise CollectionError(f"{path} is empty. Its first row must hold the headings.")
    chosen = next((source for source in sources if source.name == table.name), sources[0])
    others = [source for source in sources if source is not chosen and not _is_blank(source)]
    return _sheet(chosen, table), [_unread(source, table) for source in others]


def _sources(path: Path) -> list[_Source]:
    try:
        if path.is_dir():
            return _folder(path)
        if path.suffix.lower() in _WORKBOOKS and path.is_file():
            return _workbook(path)
    except OSError as error:
        raise CollectionError(f"{path} can't be opened: {error.strerror}. Check that you may read it.") from None
    what = "is neither a folder nor a workbook (.xlsx, .ods)" if path.exists() else "is not there"
    remedy = "Give the folder that holds organisations.csv, declarations.csv and answers.csv, or one workbook."
    raise CollectionError(f"{path} {what}. {remedy}")


def _folder(path: Path) -> list[_Source]:
    files = sorted(file for file in path.iterdir() if file.suffix.lower() in (".csv", ".parquet"))
    return [_Source(canonical(file.stem), file.name, file) for file in files]


def _workbook(path: Path) -> list[_Source]:
    return [source for source in _workbook_sources(path) if source.name in TABLES or not _is_blank(source)]


def _is_blank(source: _Source) -> bool:
    return source.cells is not None and source.cells.is_empty()


def _workbook_sources(path: Path) -> list[_Source]:
    """Every sheet of a workbook, empty ones too."""
    try:
        sheets = read_workbook(path.read_bytes())
    except ValueError as error:
        remedy = "If it has a password, save a copy without it."
        raise CollectionError(f"{path} can't be opened as a workbook: {error}. {remedy}") from None
    return [_Source(canonical(name), f"{path.name}, sheet {name}", path, cells) for name, cells in sheets.items()]


def _only_one(sources: Iterable[_Source], name: str) -> list[_Source]:
    mine = [source for source in sources if source.name == name]
    if len(mine) > 1:
        files = " and ".join(source.file for source in mine)
        raise CollectionError(f"{files} hold the same table, {name}. Leave one of them there.")
    return mine


def _missing_tables(path: Path, names: Sequence[str]) -> list[str]:
    others = [name for name in names if name not in TABLES]
    missing = [table for table in TABLES.values() if table.required and table.name not in names]
    told = [
        f"{path}: the table {table.name} is missing (one row is {table.row_is}). Add {table.name}.csv or "
        f"{table.name}.parquet, or to a workbook a sheet {table.name}. {_there_is(table.name, others)}".rstrip()
        for table in missing
    ]
    return told + (_workbooks_inside(path) if missing else [])


def _there_is(wanted: str, others: Sequence[str]) -> str:
    near = nearest(wanted, tuple(others))
    return f"There is {near}: if that is it, rename it. " if near else ""


def _workbooks_inside(path: Path) -> list[str]:
    inside = sorted(file for file in path.iterdir() if file.suffix.lower() in _WORKBOOKS) if path.is_dir() else []
    return [f"{file} lies in the folder. To read a workbook, give its own path." for file in inside]


def _stray(source: _Source) -> tuple[Place, Problem]:
    remedy = alternatives(source.name, TABLES) or f"The tables are: {', '.join(TABLES)}."
    problem = Problem(None, None, None, "No table of the collection bears this name; it was not read.", remedy, ROW)
    return Place(source.name, source.file), problem


def _unread(source: _Source, table: Table) -> tuple[Place, Problem]:
    remedy = f"Nothing needs to be done, if it holds no rows of {table.name}."
    problem = Problem(None, None, None, "The sheet is not the one that is asked for; it was not read.", remedy, ROW)
    return Place(table.name, source.file), problem


def _sheet(source: _Source, table: Table) -> Sheet:
    try:
        raw = source.path.read_bytes()
    except OSError as error:
        raise CollectionError(f"{source.file} can't be read: {error.strerror}. Check that you may open it.") from None
    grid = _open(source, raw, table)
    columns, problems = _columns(grid, source.file, table)
    rows = grid.cells.select("row", *(pl.col(str(position)).alias(name) for name, position in columns.items()))
    digest = hashlib.sha256(raw).hexdigest()
    return Sheet(table, source.file, digest, len(raw), rows, grid.rows_read, (*grid.problems, *problems))


def _open(source: _Source, raw: bytes, table: Table) -> Grid:
    if source.cells is not None:
        return take_headings(source.cells, source.file)
    if source.path.suffix.lower() == ".parquet":
        return read_parquet(raw, source.file)
    return read_csv(raw, source.file, [column.name for column in table.columns])


def _columns(grid: Grid, file: str, table: Table) -> tuple[dict[str, int], list[Problem]]:
    """Find the table's columns among the headings: the position of each, and what is odd about the headings."""
    names = [canonical(heading) for heading in grid.headings]
    expected = [column.name for column in table.columns]
    wrong = _headings_given_twice(names, file) + _missing_columns(names, file, table)
    if wrong:
        raise CollectionError(wrong)
    problems = []
    for position, (heading, name) in enumerate(zip(grid.headings, names, strict=True)):
        if name not in expected and (name or _holds_anything(grid, position)):
            problems.append(_unknown_column(heading, name, [other for other in expected if other not in names]))
        elif name != heading and name:
            problem = f"The heading is not written as asked for; read as {name}."
            problems.append(Problem(1, name, heading, problem, f"Write {name}.", CONVERTED))
    return {name: names.index(name) for name in expected if name in names}, problems


def _holds_anything(grid: Grid, position: int) -> bool:
    cells = grid.cells[str(position)].fill_null("").str.strip_chars()
    return bool((cells != "").any())


def _headings_given_twice(names: list[str], file: str) -> list[str]:
    return [
        f"{file}, row 1: the heading {name} stands there {names.count(name)} times. Delete or rename all but one."
        for name in dict.fromkeys(names)
        if name and names.count(name) > 1
    ]


def _missing_columns(names: list[str], file: str, table: Table) -> list[str]:
    others = [name for name in names if name not in {column.name for column in table.columns}]
    return [
        f"{file}, row 1: the column {column.name} is missing ({column.meaning}). "
        f"{_there_is(column.name, others)}The headings there are: {', '.join(filter(None, names)) or 'none'}."
        for column in table.columns
        if column.required and column.name not in names
    ]


def _unknown_column(heading: str, name: str, missing: list[str]) -> Problem:
    what = "The table has no such column" if name else "The column has no heading"
    remedy = alternatives(name, missing) or "Nothing needs to be done, if it is not meant for the cross-check."
    return Problem(1, heading, None, f"{what}; its cells were not read.", remedy, CELL)
