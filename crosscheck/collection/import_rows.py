"""An export made into a table of the contract by a map: every row is written, left out and counted, or set aside."""

from __future__ import annotations

import fnmatch
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import polars as pl

from crosscheck.collection.cells import tidy_texts
from crosscheck.collection.files import Layout, open_export
from crosscheck.collection.grid import Headings
from crosscheck.collection.problems import CELL, ROW, Place, Problem, counted, list_problems
from crosscheck.errors import ImportMapError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from crosscheck.collection.files import Sheet
    from crosscheck.collection.import_map import Filling, ImportMap, Join, Keep, Long
    from crosscheck.contract.table import Column

_LISTED: Final = 12  # names in a message
_LATEST_IN_1900S: Final = 80  # of years of two digits, those from here on are of the last century

# Columns of our own; no heading is like them, since headings are compared without spaces.
_LOST: Final = " lost"
_UNMATCHED: Final = " unmatched {}"
_VALUE: Final = " value {}"
_WRONG: Final = " wrong {}"


@dataclass(frozen=True)
class LeftOut:
    """Rows that are not in scope: what a row has to be, and how many are not."""

    kept_where: str
    rows: int


@dataclass(frozen=True)
class Imported:
    """What came of an export.

    `rows` are in the columns of the contract that the map fills, as text. `read` counts the export's rows that hold
    anything, `unread` those of them that can't be read, `long` the rows after several columns became rows of their own.
    `long` less `left_out`, `set_aside` and `repeated` (rows that say word for word what another says) is what `rows`
    holds. `problems` has one row a thing that is wrong, `unused` the headings that the map does not name.
    """

    table: str
    rows: pl.DataFrame
    problems: pl.DataFrame
    sha256: str
    read: int
    unread: int
    long: int
    left_out: tuple[LeftOut, ...]
    set_aside: int
    repeated: int
    unused: tuple[str, ...]


def import_export(export: Path, import_map: ImportMap, beside: Path) -> Imported:
    """Make a table of the contract of an export.

    Args:
        export: CSV, Parquet or a workbook, in whatever columns.
        import_map: what becomes of them.
        beside: the folder in which the map's code lists lie.

    Raises:
        CollectionError: the export or a code list can't be opened.
        ImportMapError: the export lacks what the map asks for, or a code list says two things of one code.
    """
    sheet, unused = _open(export, import_map)
    long = _make_long(sheet.used(), import_map.long) if import_map.long else sheet.used()
    joined = long
    for number, join in enumerate(import_map.join):
        joined = _join(joined, join, beside / join.file, _UNMATCHED.format(number))
    in_scope, left_out = joined, []
    for keep in import_map.keep:
        inside = in_scope.filter(_in_scope(keep, beside))
        left_out.append(LeftOut(str(keep), in_scope.height - inside.height))
        in_scope = inside
    made, wrong = _fill(in_scope, import_map)
    # Counted after each step, so that rows read are those written, repeated, set aside and left out: none is
    # unaccounted for.
    whole = made.filter(~pl.col(_LOST))
    written = whole.drop(_LOST).unique(maintain_order=True)
    place = Place(import_map.table, sheet.file)
    return Imported(
        table=import_map.table,
        rows=written.select(column.name for column in import_map.contract.columns if column.name in import_map.columns),
        problems=list_problems((place, problem) for problem in [*sheet.problems, *wrong]),
        sha256=sheet.sha256,
        read=sheet.rows_read,
        unread=sheet.set_aside(),
        long=long.height,
        left_out=tuple(left_out),
        set_aside=made.height - whole.height,
        repeated=whole.height - written.height,
        unused=tuple(unused),
    )


def _open(export: Path, import_map: ImportMap) -> tuple[Sheet, list[str]]:
    given = None
    if import_map.headings is not None:
        given = Headings(import_map.headings, (import_map.first_row or 1) - 1)
    names = import_map.asked_columns()
    if "row" in (*names, *(import_map.long.columns if import_map.long else ())):
        raise ImportMapError(
            "A column called row would be mistaken for the number of a row. Give other headings in the map."
        )
    read, unused = open_export(
        export, names, lambda headings: _choose_long(import_map, headings), Layout(import_map.sheet, given)
    )
    return tidy_texts(read), unused


def _choose_long(import_map: ImportMap, headings: list[str]) -> list[str]:
    """The columns that become rows.

    Raises:
        ImportMapError: a name or pattern fits none of the headings.
    """
    if import_map.long is None:
        return []
    if idle := [pattern for pattern in import_map.long.columns if not fnmatch.filter(headings, pattern)]:
        there = ", ".join(headings[:_LISTED])
        raise ImportMapError(
            f"long.columns: no heading of the export is like {pattern}. There are: {there}." for pattern in idle
        )
    return import_map.long.choose(headings)


def _make_long(rows: pl.DataFrame, long: Long) -> pl.DataFrame:
    """One row a cell of the chosen columns, in the order of the file."""
    chosen = long.choose(rows.columns)
    others = [name for name in rows.columns if name not in chosen]
    if clash := [name for name in (long.name, long.value) if name in others]:
        raise ImportMapError(f"long: the export has a column {clash[0]} already. Name the new one otherwise.")
    made = rows.unpivot(chosen, index=others, variable_name=long.name, value_name=long.value)
    return made.sort("row", maintain_order=True)


def _text(name: str) -> pl.Expr:
    """A cell without spaces around it; an absent one is an empty text."""
    return pl.col(name).fill_null("").str.strip_chars()


def _read_list(file: Path, names: Sequence[str]) -> pl.DataFrame:
    """Columns of a code list."""
    read, _ = open_export(file, names, lambda _: [], Layout())
    return tidy_texts(read).used().select(_text(name) for name in names)


def _join(rows: pl.DataFrame, join: Join, file: Path, unmatched: str) -> pl.DataFrame:
    """Add columns from a code list; `unmatched` says of each row that the list lacks it, and has to have it."""
    if clash := [name for name in join.take if name in rows.columns]:
        raise ImportMapError(f"join, {file.name}: there is a column {clash[0]} already. Rename it in the list.")
    # Repeats that say the same are harmless; a join on two different ones would double the rows of the export.
    listed = _read_list(file, [join.matches, *join.take]).filter(pl.col(join.matches) != "").unique(maintain_order=True)
    twice = listed.filter(pl.col(join.matches).is_duplicated())[join.matches].unique(maintain_order=True)
    if not twice.is_empty():
        raise ImportMapError(f"join, {file.name}: it says two things of {code}. Leave one." for code in twice[:_LISTED])
    found = rows.join(
        listed.with_columns(pl.lit(value=True).alias(unmatched)),
        left_on=_text(join.column),
        right_on=join.matches,
        how="left",
        maintain_order="left",
    )
    return found.with_columns(
        pl.col(unmatched).is_null() if not join.optional else pl.lit(value=False).alias(unmatched)
    )


def _in_scope(keep: Keep, beside: Path) -> pl.Expr:
    """Whether a row is all that is stated; what is no number is neither more nor less than one."""
    text = _text(keep.column)
    stated = [pl.lit(value=True)]
    if keep.filled:
        stated.append(text != "")
    if keep.among is not None:
        stated.append(text.is_in(list(keep.among)))
    if keep.other_than is not None:
        stated.append(~text.is_in(list(keep.other_than)))
    if keep.lowest is not None:
        stated.append(_compared(text, keep.lowest)[0])
    if keep.highest is not None:
        stated.append(_compared(text, keep.highest)[1])
    if keep.differs_from is not None:
        stated.append(text != _text(keep.differs_from))
    if keep.file is not None and keep.file_column is not None:
        listed = _read_list(beside / keep.file, [keep.file_column])[keep.file_column]
        stated.append(text.is_in(listed.implode()) & (text != ""))
    return pl.all_horizontal(stated)


def _compared(text: pl.Expr, limit: str) -> tuple[pl.Expr, pl.Expr]:
    """Whether a cell is at least, and at most, the limit: as numbers where the limit is one, else as texts."""
    try:
        number = text.cast(pl.Float64, strict=False)
        least, most = number >= float(limit), number <= float(limit)
    except ValueError:
        least, most = text >= limit, (text <= limit) & (text != "")
    return least.fill_null(value=False), most.fill_null(value=False)


def _fill(rows: pl.DataFrame, import_map: ImportMap) -> tuple[pl.DataFrame, list[Problem]]:
    """The columns of the table, and every cell that can't be read; rows that can't do without it are lost."""
    columns = {column.name: column for column in import_map.contract.columns if column.name in import_map.columns}
    fillings = {name: import_map.columns[name] for name in columns}
    read = rows.with_columns(_value(filling).alias(_VALUE.format(name)) for name, filling in fillings.items())
    read = read.with_columns(
        _wrong(filling, columns[name], pl.col(_VALUE.format(name))).alias(_WRONG.format(name))
        for name, filling in fillings.items()
    )
    unmatched = [_UNMATCHED.format(number) for number in range(len(import_map.join))]
    needed = [_WRONG.format(name) for name, column in columns.items() if column.required]
    lost = pl.any_horizontal([pl.lit(value=False), *unmatched, *needed])
    read = read.with_columns(lost.alias(_LOST))
    matched = read.filter(~pl.any_horizontal([pl.lit(value=False), *unmatched]))  # an unmatched row is named as such
    found = [problem for name in columns for problem in _describe_column(matched, columns[name], fillings[name])]
    for join, flag in zip(import_map.join, unmatched, strict=True):
        found += _describe_unmatched(read.filter(pl.col(flag)), join)
    return read.select(_LOST, *(pl.col(_VALUE.format(name)).alias(name) for name in columns)), found


def _value(filling: Filling) -> pl.Expr:
    """The cell of the table; null where the export says nothing, or nothing that the map can read."""
    if filling.column is None:
        return pl.lit(filling.constant)
    text = _text(filling.column)
    if filling.values is not None:
        value = text.replace_strict(filling.values, default=filling.otherwise, return_dtype=pl.String)
    elif filling.year is not None:
        value = _year(text, filling)
    elif filling.date is not None:
        value = text.str.to_date(filling.date, strict=False).dt.to_string("%Y-%m-%d")
    else:
        value = text
    return pl.when(value != "").then(value)


def _year(text: pl.Expr, filling: Filling) -> pl.Expr:
    """The assessment year as 2008/09, from 1 April to 31 March."""
    if filling.year == "day":
        day = text.str.to_date(str(filling.date), strict=False)
        return _assessment_year(pl.when(day.dt.month() >= 4).then(day.dt.year()).otherwise(day.dt.year() - 1))
    digits = text.str.replace_all(r"[^0-9]", "")
    size = digits.str.len_chars()
    if filling.year in ("first", "last"):
        number = pl.when(size == 4).then(digits).cast(pl.Int32, strict=False)
        return _assessment_year(number if filling.year == "first" else number - 1)
    short = pl.when(size == 4).then(digits.str.head(2)).cast(pl.Int32, strict=False)
    # Two digits name no century, so a year is taken only where the second part follows on the first.
    century = pl.when(short >= _LATEST_IN_1900S).then(1900).otherwise(2000)
    long = pl.when(size.is_in([6, 8])).then(digits.str.head(4)).cast(pl.Int32, strict=False)
    first = pl.coalesce(long, short + century)
    second = digits.str.tail(2).cast(pl.Int32, strict=False)
    return _assessment_year(pl.when((first + 1) % 100 == second).then(first))


def _assessment_year(first: pl.Expr) -> pl.Expr:
    following = ((first + 1) % 100).cast(pl.String).str.zfill(2)
    return pl.concat_str(first.cast(pl.String).str.zfill(4), pl.lit("/"), following)


def _wrong(filling: Filling, column: Column, value: pl.Expr) -> pl.Expr:
    """Whether a cell can't be read, or is empty where the table must have one."""
    if filling.column is None:
        return pl.lit(value=False)
    text = _text(filling.column)
    has_value = text.is_in(list(filling.values)) if filling.values is not None else text == ""
    unread = value.is_null() & ~has_value
    must_be_filled = column.required and not column.may_be_empty
    return (unread & (text != "")) | (value.is_null() if must_be_filled else pl.lit(value=False))


def _describe_column(rows: pl.DataFrame, column: Column, filling: Filling) -> Iterator[Problem]:
    """One problem for each word that can't be read, with how many rows have it."""
    if filling.column is None:
        return
    effect = ROW if column.required else CELL
    wrong = rows.filter(pl.col(_WRONG.format(column.name)))
    for row, text, times in _by_word(wrong, filling.column):
        problem, remedy = _why(text, filling, column)
        yield Problem(row, filling.column, text, problem + _further(times), remedy, effect)


def _why(text: str, filling: Filling, column: Column) -> tuple[str, str]:
    if not text:
        return f"The cell is empty, and {column.name} must not be.", "Fill it, or keep only rows where it is filled."
    if filling.values is not None:
        return f"The map does not say what this means for {column.name}.", "Add it to the values of that column."
    if filling.year == "day" or filling.date is not None:
        return f"This is no day written as {filling.date}, for {column.name}.", "Correct it, or the map's date."
    return f"This is no year of the kind that the map names ({filling.year}), for {column.name}.", "Correct either."


def _describe_unmatched(rows: pl.DataFrame, join: Join) -> Iterator[Problem]:
    for row, text, times in _by_word(rows, join.column):
        problem = f"{join.file} has no such {join.matches}." + _further(times)
        yield Problem(row, join.column, text, problem, "Add it to the list, or leave such rows out (keep).", ROW)


def _by_word(rows: pl.DataFrame, column: str) -> Iterator[tuple[int, str, int]]:
    """Each word of a column, the first row that has it, and how many have."""
    words = rows.select("row", word=_text(column)).group_by("word", maintain_order=True)
    yield from words.agg(pl.col("row").first(), times=pl.len()).select("row", "word", "times").iter_rows()


def _further(times: int) -> str:
    return f" It stands so in {counted(times - 1, 'further row')}." if times > 1 else ""
