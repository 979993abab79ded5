"""The files of a collection, taken apart into tables of text cells with the row numbers that a person sees."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING

import polars as pl

from crosscheck.collection.grid import Grid, Headings, inflate, read_parquet, read_text
from crosscheck.collection.limits import MOST_PROBLEMS
from crosscheck.collection.problems import (
    CELL,
    CONVERTED,
    ROW,
    Place,
    Problem,
    alternatives,
    canonical,
    shorten_cell,
)
from crosscheck.collection.sources import (
    TABLES,
    WORKBOOKS,
    Source,
    choose_export,
    choose_only,
    describe_stray,
    is_blank,
    list_sheets,
    list_sources,
    name_missing_tables,
    read_bytes,
    suggest_near,
)
from crosscheck.collection.workbook import lay_out_sheet
from crosscheck.contract.table import Column, Table
from crosscheck.errors import CollectionError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path


@dataclass(frozen=True)
class Sheet:
    """One table as it stands in its file.

    `rows` has `row`, the number that a spreadsheet shows (the heading is 1), and one column of text a heading that the
    table knows; steps of the reader replace text by values. All rows stay: one is set aside by a problem that says so.
    `rows_read` counts the rows of the file that hold anything, `lost` those of them that are not among `rows`, since
    nobody knows which cell of them is which; `lost_rows` are number and likely cells of each, by column. `days_off` is
    there for a workbook: what to add to the serial number of a day, so that it counts from 1900.
    """

    table: Table
    file: str
    sha256: str
    size: int
    rows: pl.DataFrame
    rows_read: int
    problems: tuple[Problem, ...] = ()
    lost: int = 0
    lost_rows: tuple[tuple[int, Mapping[str, str]], ...] = ()
    days_off: int | None = None

    @property
    def place(self) -> Place:
        """Where its problems stand."""
        return Place(self.table.name, self.file)

    def noting(self, problems: Iterable[Problem], rows: pl.DataFrame | None = None) -> Sheet:
        """The same sheet with further problems, and with other rows where they are given.

        Raises:
            CollectionError: there are more problems than can be named.
        """
        found = (*self.problems, *islice(problems, MOST_PROBLEMS + 1))
        if len(found) > MOST_PROBLEMS:
            first = found[0]
            raise CollectionError(
                f"{self.file} has more than {MOST_PROBLEMS:,} things wrong with it; the first, in row {first.row}, is: "
                f"{first.problem} {first.remedy} It may not be the table {self.table.name} at all."
            )
        return replace(self, problems=found, rows=self.rows if rows is None else rows)

    def used(self) -> pl.DataFrame:
        """The rows that no problem sets aside."""
        aside = [problem for problem in self.problems if problem.effect == ROW and problem.row is not None]
        if not aside:
            return self.rows
        hit = pl.col("row").is_in({problem.row for problem in aside})
        for problem in aside:
            if problem.last is not None:
                hit |= pl.col("row").is_between(problem.row, problem.last)
        return self.rows.filter(~hit)

    def set_aside(self) -> int:
        """How many rows are set aside: those of `rows`, and those that are lost."""
        return self.lost + self.rows.height - self.used().height


@dataclass(frozen=True)
class Layout:
    """How an export is laid out: which sheet of a workbook is read, and what its headings are, unless it says so."""

    sheet: str | None = None
    headings: Headings | None = None


def open_collection(path: Path) -> tuple[list[Sheet], list[tuple[Place, Problem]]]:
    """Open every table of a collection.

    Args:
        path: a folder of CSV or Parquet files that bear the tables' names, or a workbook whose sheets do.

    Returns:
        The sheets, in the tables' order, and the problems of files that belong to no table.

    Raises:
        CollectionError: a required table or column is missing, a required table has no row, or something can't be
            opened; all is named at once.
    """
    everything = list_sources(path)
    sources = [source for source in everything if source.why is None]
    wrong = name_missing_tables(path, sources)
    sheets = []
    for table in TABLES.values():
        try:
            sheets += [_sheet(source, table) for source in choose_only(sources, table.name)]
        except CollectionError as error:
            wrong += error.problems
    wrong += _without_rows(sheets)
    strays = [describe_stray(source) for source in everything if source.name not in TABLES or source.why is not None]
    if wrong:
        message = "\n".join(wrong)
        named = ("There is {0.table}:", "{0.file} lies in the folder")
        # A file that the messages above name already is not accounted for a second time.
        unnamed = [stray for stray in strays if not any(words.format(stray[0]) in message for words in named)]
        raise CollectionError([*wrong, *_account(path, sheets, unnamed)])
    return sheets, strays


def _without_rows(sheets: Iterable[Sheet]) -> list[str]:
    """What to fill in of the tables that a collection can't do without."""
    return [
        f"{sheet.file}: has headings and no row. The table {sheet.table.name} is compulsory; one row of it is "
        f"{sheet.table.row_is}."
        for sheet in sheets
        if sheet.table.required and sheet.rows_read == 0
    ]


def _account(path: Path, sheets: Iterable[Sheet], strays: Iterable[tuple[Place, Problem]]) -> list[str]:
    """What became of the other files of a collection that can't be used, where some were not read."""
    unread = [f"{place.file}: {problem.problem} {problem.remedy}" for place, problem in strays]
    read = ", ".join(sheet.file for sheet in sheets) or "nothing"
    return [*unread, f"{path}: read without hindrance: {read}."] if unread else []


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
    chosen, others = _choose_source(path, table)
    return _sheet(chosen, table), [_unread(source, table) for source in others]


def open_every_table(path: Path, table: Table) -> tuple[list[Sheet], list[tuple[Place, Problem]]]:
    """Open each sheet of a file that has the columns of one table: people collect several forms in one workbook.

    Args:
        path: as `open_table`.
        table: what each of them holds.

    Returns:
        The sheets, that which `open_table` takes first; and the problems of those that do not hold the table.

    Raises:
        CollectionError: as `open_table`.
    """
    chosen, others = _choose_source(path, table)
    opened, strays = [_sheet(chosen, table)], []
    for source in others:
        try:
            opened.append(_sheet(source, table))
        except CollectionError:
            strays.append(_unread(source, table))
    return opened, strays


def _choose_source(path: Path, table: Table) -> tuple[Source, list[Source]]:
    """The sheet that bears the table's name, else the first one; and all others that hold anything."""
    if path.suffix.lower() in WORKBOOKS and path.is_file():
        sources = list_sheets(path)
    else:
        sources = [Source(table.name, path.name, path)]
    if not sources:
        raise CollectionError(f"{path} is empty. Its first row must hold the headings.")
    chosen = next((source for source in sources if source.name == table.name), sources[0])
    return chosen, [source for source in sources if source is not chosen and not is_blank(source)]


def open_export(
    path: Path, columns: Sequence[str], further: Callable[[list[str]], list[str]], layout: Layout
) -> tuple[Sheet, list[str]]:
    """Open a file whose columns have names of their own, in any format that a collection may have.

    Args:
        path: the file.
        columns: names of columns that it must have; they tell headings from what stands above them.
        further: which of the file's headings are read, too.
        layout: which sheet, and what its headings are.

    Returns:
        The columns that were asked for, as text, and the headings of those that were not.

    Raises:
        CollectionError: it can't be opened, or there is no such sheet or column.
    """
    source = choose_export(path, layout.sheet)
    raw = source.raw or read_bytes(path, source.file)
    grid = _open(source, raw, _export_table(columns), layout.headings)
    names = [canonical(heading) for heading in grid.headings]
    table = _export_table(list(dict.fromkeys([*columns, *further([name for name in names if name])])))
    read = _as_sheet(source, raw, grid, table)
    about_headings = [
        problem for problem in read.problems if problem.row == grid.heading_row and problem.column is not None
    ]
    of_rows = tuple(problem for problem in read.problems if problem not in about_headings)
    return replace(read, problems=of_rows), [name for name in names if name and name not in read.rows.columns]


def _export_table(names: Iterable[str]) -> Table:
    return Table(
        "export", "one row of the export", tuple(Column(name, "text", "the map asks for it") for name in names), ()
    )


def _unread(source: Source, table: Table) -> tuple[Place, Problem]:
    remedy = f"Nothing needs to be done, if it holds no rows of {table.name}."
    problem = Problem(None, None, None, "The sheet is not the one that is asked for; it was not read.", remedy, ROW)
    return Place(table.name, source.file), problem


def _sheet(source: Source, table: Table) -> Sheet:
    raw = source.raw or read_bytes(source.path, source.file)
    return _as_sheet(source, raw, _open(source, raw, table), table)


def _as_sheet(source: Source, raw: bytes, grid: Grid, table: Table) -> Sheet:
    columns, problems = _columns(grid, source.file, table)
    rows = grid.cells.select("row", *(pl.col(str(position)).alias(name) for name, position in columns.items()))
    days_off = None if source.sheet is None else int(source.sheet["days_off"])
    digest = hashlib.sha256(raw).hexdigest()
    lost = tuple((row, _likely_cells(cells, columns)) for row, cells in grid.lost_rows)
    read = Sheet(table, source.file, digest, len(raw), rows, grid.rows_read, (), grid.lost, lost, days_off)
    read = read.noting((*grid.problems, *problems, *_noted(grid, columns)))
    return _without_marked(read, grid, {position: name for name, position in columns.items()})


def _likely_cells(cells: Sequence[str], columns: Mapping[str, int]) -> dict[str, str]:
    return {name: cells[position].strip() for name, position in columns.items() if position < len(cells)}


def _noted(grid: Grid, columns: Mapping[str, int]) -> Iterator[Problem]:
    """What a person sees otherwise in the columns that are read."""
    names = {position: name for name, position in columns.items()}
    for position, problem in grid.noted:
        if position in names and (problem.row is None or problem.row > grid.heading_row):
            yield problem._replace(column=names[position])


def _without_marked(sheet: Sheet, grid: Grid, names: Mapping[int, str]) -> Sheet:
    """Empty the cells that can't be read as a person sees them; where a row can't do without, it is set aside.

    The item of an answer is such a cell: without it the answer would be taken for that of a question asked once.
    """
    required = {column.name for column in sheet.table.columns if column.required or column.name == "item"}
    for mark in grid.marked:
        name = names.get(mark.position)
        hit = pl.col("row").is_between(mark.row, mark.last)
        if name is None or sheet.rows.filter(hit).is_empty():
            continue
        effect = ROW if name in required else CELL
        last = mark.last if mark.last > mark.row else None
        found = Problem(mark.row, name, mark.value, mark.problem, mark.remedy, effect, last)
        sheet = sheet.noting([found], sheet.rows.with_columns(pl.when(~hit).then(name).alias(name)))
    return sheet


def _open(source: Source, raw: bytes, table: Table, given: Headings | None = None) -> Grid:
    if source.sheet is not None:
        return lay_out_sheet(source.sheet, source.file, table, given)
    name = source.path.name.lower()
    if name.endswith(".parquet"):
        grid = read_parquet(raw, source.file)
        return replace(grid, headings=list(given.names)) if given else grid
    return read_text(inflate(raw, source.file) if name.endswith(".gz") else raw, source.file, table, given)


def _columns(grid: Grid, file: str, table: Table) -> tuple[dict[str, int], list[Problem]]:
    """Find the table's columns among the headings: the position of each, and what is odd about the headings."""
    names, row = [canonical(heading) for heading in grid.headings], grid.heading_row
    # Headings are compared in their canonical form, so that case, blanks and hyphens set no column aside.
    expected = [column.name for column in table.columns]
    place = f"{file}:{row}"
    wrong = _headings_given_twice(names, place) + _missing_columns(names, place, table)
    if wrong:
        raise CollectionError(wrong)
    problems = []
    for position, (heading, name) in enumerate(zip(grid.headings, names, strict=True)):
        if name not in expected and (name or _holds_anything(grid, position)):
            problems.append(_unknown_column(row, heading, name, [column for column in expected if column not in names]))
        elif name != heading and name:
            problem = f"The heading is not written as asked for; read as {name}."
            problems.append(Problem(row, name, heading, problem, f"Write {name}.", CONVERTED))
    return {name: names.index(name) for name in expected if name in names}, problems


def _holds_anything(grid: Grid, position: int) -> bool:
    cells = grid.cells[str(position)].fill_null("").str.strip_chars()
    return bool((cells != "").any())


def _headings_given_twice(names: list[str], place: str) -> list[str]:
    return [
        f"{place}: the heading {name} stands there {names.count(name)} times. Delete or rename all but one."
        for name in dict.fromkeys(names)
        if name and names.count(name) > 1
    ]


def _missing_columns(names: list[str], place: str, table: Table) -> list[str]:
    others = [name for name in names if name not in {column.name for column in table.columns}]
    return [
        f"{place}: the column {column.name} is missing ({column.meaning}). "
        f"{suggest_near(column.name, others)}The headings there are: {', '.join(_shown_headings(names)) or 'none'}."
        for column in table.columns
        if column.required and column.name not in names
    ]


def _shown_headings(names: list[str]) -> list[str]:
    """The headings as they can be shown: not too many, none too long."""
    filled = [(shorten_cell(name) or "")[:80] for name in names if name]
    return [*filled[:60], *(["…"] if len(filled) > 60 else [])]


def _unknown_column(row: int, heading: str, name: str, missing: list[str]) -> Problem:
    what = "The table has no such column" if name else "The column has no heading"
    remedy = alternatives(name, missing) or "Nothing needs to be done, if it is not meant for the cross-check."
    return Problem(row, heading, None, f"{what}; its cells were not read.", remedy, CELL)
