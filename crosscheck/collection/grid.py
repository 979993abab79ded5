"""Grids: the text cells of one file, by whatever format it is in, with the row numbers that a person sees."""

from __future__ import annotations

import codecs
import csv
import io
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import polars as pl

from crosscheck.collection.problems import CONVERTED, INVISIBLE, ROW, Problem
from crosscheck.errors import CollectionError

if TYPE_CHECKING:
    from collections.abc import Collection

_SEPARATORS: Final = {",": "commas", ";": "semicolons", "\t": "tabs"}


@dataclass(frozen=True)
class Grid:
    """Headings as they stand, and text cells in columns named by their position from "0", with `row` before them.

    `row` is the number that a spreadsheet shows, the heading's being 1. `rows_read` counts the rows that hold anything,
    those that the problems set aside among them.
    """

    headings: list[str]
    cells: pl.DataFrame
    rows_read: int
    problems: tuple[Problem, ...] = ()


def canonical(heading: str) -> str:
    """A heading or a table's name in the form in which they are compared: small letters, underscores between."""
    return re.sub(r"[\s_-]+", "_", re.sub(INVISIBLE, "", heading).strip().lower())


def read_parquet(raw: bytes, file: str) -> Grid:
    """Read a Parquet file: every value as the text that a person would have entered."""
    try:
        typed = pl.read_parquet(io.BytesIO(raw))
        cells = typed.select(
            _as_text(name, dtype).alias(str(i)) for i, (name, dtype) in enumerate(typed.schema.items())
        )
    except pl.exceptions.PolarsError as error:
        raise CollectionError(
            f"{file} can't be read as Parquet: {str(error).splitlines()[0]}. Write it again, or as CSV."
        ) from None
    return _without_blank_rows(Grid(typed.columns, cells.with_row_index("row", offset=2), cells.height))


def _as_text(name: str, dtype: pl.DataType) -> pl.Expr:
    if dtype == pl.Boolean:
        return pl.when(name).then(pl.lit("yes")).when(pl.col(name).not_()).then(pl.lit("no"))
    if isinstance(dtype, pl.List):
        return pl.col(name).cast(pl.List(pl.String)).list.join("|")
    if isinstance(dtype, pl.Datetime):
        return pl.col(name).dt.to_string("%Y-%m-%d %H:%M:%S").str.strip_suffix(" 00:00:00")
    return pl.col(name).cast(pl.String)


def take_headings(cells: pl.DataFrame, file: str) -> Grid:
    """Take the headings from the first row of a workbook's sheet."""
    if cells.is_empty():
        raise CollectionError(f"{file} is empty. Its first row must hold the headings.")
    headings = [heading or "" for heading in cells.row(0)]
    named = cells.rename({column: str(position) for position, column in enumerate(cells.columns)})
    return _without_blank_rows(Grid(headings, named.slice(1).with_row_index("row", offset=2), cells.height - 1))


def read_csv(raw: bytes, file: str, columns: Collection[str]) -> Grid:
    """Read a CSV file in whatever encoding and with whatever separator it has; both are noted where unexpected.

    Args:
        raw: the file's bytes.
        file: what it is called in messages.
        columns: names that the headings should hold; the separator that finds most of them is taken.
    """
    text, encoding = _decode(raw, file)
    separator = _separator(text, columns)
    csv.field_size_limit(max(csv.field_size_limit(), len(text)))  # a cell may be as long as its file
    records: list[list[str]] = []
    try:  # extending keeps the rows that came before the error, and so tells where it is
        records.extend(csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True))
    except csv.Error as error:
        raise CollectionError(
            f"{file}, row {len(records) + 1}: the quotation marks don't match ({error}). "
            'Text with quotation marks in it stands between such marks, and those in it are doubled: "a ""good"" word".'
        ) from None
    if not records:
        raise CollectionError(f"{file} is empty. Its first row must hold the headings.")
    return _without_blank_rows(_regular(records, (*encoding, *_separated(separator))))


def _decode(raw: bytes, file: str) -> tuple[str, tuple[Problem, ...]]:
    """The text, by its byte-order mark, else as UTF-8, else as Windows-1252."""
    if b"\x00" in raw[:2]:
        raise CollectionError(f"{file} looks like UTF-16 without a byte-order mark. Save it as CSV UTF-8.")
    marked = raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    for encoding, name in (("utf-16", "UTF-16"),) if marked else (("utf-8-sig", "UTF-8"), ("cp1252", "Windows-1252")):
        try:
            return raw.decode(encoding), _converted_from(name)
        except UnicodeDecodeError:
            continue
    raise CollectionError(f"{file} is text neither in UTF-8 nor in Windows-1252. Save it as CSV UTF-8.")


def _converted_from(encoding: str) -> tuple[Problem, ...]:
    if encoding == "UTF-8":
        return ()
    problem = f"The file is not in UTF-8; it was read as {encoding}."
    return (Problem(None, None, encoding, problem, "Save it as CSV UTF-8, and look at names with accents.", CONVERTED),)


def _separator(text: str, columns: Collection[str]) -> str:
    """The separator that finds most of the columns in the first line; the comma where none finds more."""
    first = text.split("\n", 1)[0]

    def found(separator: str) -> int:
        return len({canonical(heading.strip('"\r')) for heading in first.split(separator)}.intersection(columns))

    return max(_SEPARATORS, key=found)


def _separated(separator: str) -> tuple[Problem, ...]:
    if separator == ",":
        return ()
    problem = f"The cells are separated by {_SEPARATORS[separator]}; it was read so."
    return (Problem(None, None, separator, problem, "Save it with commas between the cells.", CONVERTED),)


def _regular(records: list[list[str]], problems: tuple[Problem, ...]) -> Grid:
    """Set rows aside that have more or fewer cells than there are headings: nobody knows which cell is which."""
    headings, *rows = records
    odd = [row for row, size in enumerate(map(len, rows), 2) if size != len(headings)]
    ragged = [row for row in odd if any(map(str.strip, rows[row - 2]))]
    for row in odd:
        rows[row - 2] = [""] * len(headings) if row not in ragged else rows[row - 2]
    numbers = sorted(set(range(2, len(records) + 1)).difference(ragged))
    kept = [rows[row - 2] for row in numbers] if ragged else rows
    texts = zip(*kept, strict=True) if kept else ((),) * len(headings)
    named = {str(position): pl.Series(cells, dtype=pl.String) for position, cells in enumerate(texts)}
    cells = pl.DataFrame({"row": pl.Series(numbers, dtype=pl.UInt32)} | named)
    found = [_ragged(row, rows[row - 2], len(headings)) for row in ragged]
    return Grid(headings, cells, len(rows), (*problems, *found))


def _ragged(row: int, cells: list[str], width: int) -> Problem:
    more = "more" if len(cells) > width else "fewer"
    problem = f"The row has {len(cells)} cells, {more} than the {width} headings."
    return Problem(row, None, ",".join(cells), problem, "See which cell is missing or too many.", ROW)


def _without_blank_rows(grid: Grid) -> Grid:
    """Leave rows out that hold nothing; those below all others are nobody's doing, and not noted."""
    texts = pl.exclude("row").fill_null("").str.strip_chars() == ""
    blank = grid.cells.select(pl.all_horizontal(texts).alias("blank"))["blank"]
    rows = grid.cells["row"].filter(blank).to_list()
    kept = grid.cells.filter(~blank)
    last = max([*kept["row"].tail(1), *(problem.row or 0 for problem in grid.problems)], default=0)
    found = (
        Problem(row, None, None, "The row is blank; it is not counted.", "Delete it.", CONVERTED)
        for row in rows
        if row < last
    )
    return replace(grid, cells=kept, rows_read=grid.rows_read - len(rows), problems=(*grid.problems, *found))
