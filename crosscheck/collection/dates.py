"""Dates: every way of writing a day that reads one way only; what reads two ways is refused with both."""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING, Final

import polars as pl

from crosscheck.collection.problems import CELL, CONVERTED, ROW, Problem

if TYPE_CHECKING:
    from collections.abc import Iterable

    from crosscheck.collection.files import Sheet
    from crosscheck.contract.table import Column

_ISO: Final = "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
DAY_FIRST: Final = r"^([0-9]{1,2})[/.-]([0-9]{1,2})[/.-]([0-9]{4})$"
_MIDNIGHT: Final = "[ T]00:00(:00(\\.0+)?)?Z?$"
_DAYS: Final = (dt.date(1900, 1, 1), dt.date(2100, 12, 31))

# With the month in words a day reads one way, and so it does with the year first.
_ORDINAL: Final = "(?i)^([0-9]{1,2})(st|nd|rd|th)"
_WEEKDAY: Final = "(?i)^(mon|tues?|wed(nes)?|thurs?|fri|sat(ur)?|sun)(day)?,? +"
_FORMS: Final = ("%d %B %Y", "%d %b %Y", "%B %d %Y", "%b %d %Y", "%Y %m %d")
_BETWEEN: Final = r"[\s,/.-]+"
_SERIAL: Final = "^[0-9]{5}([.]0+)?$"
_DAY_0: Final = dt.date(1899, 12, 30)


def read_date(text: pl.Expr) -> pl.Expr:
    """The day that a text names, as 2008-04-01 or with the day first, as usual in Britain; null for any other text."""
    day = text.str.replace(_MIDNIGHT, "").str.replace(DAY_FIRST, "$3-$2-$1").str.to_date("%Y-%m-%d", strict=False)
    return pl.when(day.is_between(*_DAYS)).then(day)


def read_written_dates(sheet: Sheet, columns: Iterable[Column]) -> Sheet:
    """Read days that are written otherwise and read one way only, tell each, and refuse those that read two ways."""
    dates = [column for column in columns if column.kind == "date" and column.name in sheet.rows.columns]
    if not dates:
        return sheet
    texts = (pl.col(column.name).str.strip_chars() for column in dates)
    odd = sheet.rows.select((text.str.contains(_ISO).not_() & (text != "")).any() for text in texts).row(0)
    for column in (column for column, is_odd in zip(dates, odd, strict=True) if is_odd):
        sheet = _refuse_two_readings(_read_written(_read_serials(sheet, column), column), column)
    return sheet


def _read_written(sheet: Sheet, column: Column) -> Sheet:
    bare = pl.col(column.name).str.strip_chars().str.replace(_MIDNIGHT, "")
    words = bare.str.replace(_WEEKDAY, "").str.replace(_ORDINAL, "$1").str.replace_all(_BETWEEN, " ")
    day = pl.coalesce(words.str.to_date(form, strict=False) for form in _FORMS)
    written = pl.when(read_date(bare).is_null() & day.is_between(*_DAYS)).then(day.dt.to_string("iso"))
    return _reading(sheet, column, written, "Not written as asked for; read as {}.")


def _reading(sheet: Sheet, column: Column, day: pl.Expr, words: str) -> Sheet:
    """The sheet with the days that were understood, each told."""
    rows = sheet.rows.select("row", text=column.name, day=day).drop_nulls("day")
    found = [
        Problem(row, column.name, text, words.format(day), f"Write {day}.", CONVERTED)
        for row, text, day in rows.iter_rows()
    ]
    return sheet.noting(found, sheet.rows.with_columns(pl.coalesce(day, column.name).alias(column.name)))


def why_no_date(text: str) -> tuple[str, str]:
    """What is wrong with a text that names no day, and what to do."""
    remedy = "Write year, month and day, as 2008-04-01."
    if re.fullmatch(_SERIAL, text.strip()):
        return "A number, as spreadsheets store days: it does not say from which day it counts.", remedy
    return "Not a day of the calendar.", remedy


def _read_serials(sheet: Sheet, column: Column) -> Sheet:
    """Read days that a workbook shows as their serial number, since it says from which day it counts."""
    if sheet.days_off is None:
        return sheet
    text = pl.col(column.name).str.strip_chars()
    number = pl.when(text.str.contains(_SERIAL)).then(text.str.head(5)).cast(pl.Int64, strict=False)
    day = pl.lit(_DAY_0) + pl.duration(days=number + sheet.days_off)
    written = pl.when(day.is_between(*_DAYS)).then(day.dt.to_string("iso"))
    return _reading(sheet, column, written, "The serial number of a day; read as {}.")


def _refuse_two_readings(sheet: Sheet, column: Column) -> Sheet:
    """Set dates aside that read two ways in a column where others have the month first; both readings are named."""
    text = pl.col(column.name).str.strip_chars()
    first, second, year = (text.str.extract(DAY_FIRST, group).cast(pl.Int64) for group in (1, 2, 3))
    if not sheet.rows.select(((first <= 12) & second.is_between(13, 31)).any()).item():
        return sheet
    open_ = ((first <= 12) & (second <= 12) & (first != second)).fill_null(value=False)
    rows = sheet.rows.filter(open_).select("row", column.name, first=first, second=second, year=year).iter_rows()
    effect = ROW if column.required else CELL
    found = [
        Problem(row, column.name, text, _two_readings(*figures), "Write it as 2008-04-01.", effect)
        for row, text, *figures in rows
    ]
    return sheet.noting(found, sheet.rows.with_columns(pl.when(~open_).then(column.name).alias(column.name)))


def _two_readings(first: int, second: int, year: int) -> str:
    day_first, month_first = (f"{year}-{month:02}-{day:02}" for day, month in ((first, second), (second, first)))
    return f"It reads two ways, {day_first} and {month_first}: other cells of the column have the month first."
