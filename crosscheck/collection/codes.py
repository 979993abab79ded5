"""Codes: whether one can be a code at all, and what somebody or a program has made of it if not."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Final

import polars as pl

from crosscheck.collection.problems import CONVERTED, ROW, Problem, nearest, shorten_cell

if TYPE_CHECKING:
    from collections.abc import Iterator

    from crosscheck.collection.files import Sheet
    from crosscheck.standard_file import Shape

# What spreadsheets make of codes: 5E1 becomes 50 or 5.00E+01, SEP9 becomes 2009-09-01 or Sep-09.
_NUMBER: Final = re.compile(r"[0-9]+([.,][0-9]+)?(E[+-]?[0-9]+)?")
_DATE: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}.*|[A-Z]{3}[-/][0-9]{2,4}|[0-9]{1,2}[-/]([A-Z]{3}|[0-9]{1,2}([-/].*)?)"
)
_AS_TEXT: Final = "Format the column as text, and enter the code again."
_LONGEST: Final = 30  # a text longer than this was never meant as a code

_STANDARD: Final = re.compile(r"(?:CORE|DEVELOPMENTAL)?(?:STANDARD)?([A-Z])0*([1-9][0-9]*)([A-Z]?)")


def refuse_odd_codes(sheet: Sheet, column: str, shape: Shape) -> Sheet:
    """Set rows aside whose code can't be one, in the table that defines it, with what may have become of it."""
    odd = pl.col(column).is_not_null() & ~pl.col(column).str.contains(shape.shape)
    found = sheet.rows.filter(odd).select("row", column).iter_rows()
    return sheet.noting(Problem(row, column, code, *_why_no_code(code, shape), ROW) for row, code in found)


def _why_no_code(code: str, shape: Shape) -> tuple[str, str]:
    remedy = f"Correct it. A code has {shape.in_words}."
    if _NUMBER.fullmatch(code):
        return "A number that a spreadsheet has made of a code.", _AS_TEXT
    if _DATE.fullmatch(code):
        return "A date that a spreadsheet has made of a code.", _AS_TEXT
    if foreign := [letter for letter in code if not letter.isascii() and letter.isalnum()]:
        names = ", ".join(
            f"{letter} ({unicodedata.name(letter, 'a sign without a name').lower()})" for letter in foreign[:5]
        )
        return f"Not a code: {names} only looks like a letter or digit of one.", remedy
    return f"Not a code: {_what_it_has(code)}.", remedy


def _what_it_has(code: str) -> str:
    if len(code) > _LONGEST:
        return f"it has {len(code):,} characters"
    if re.search(r"[/\\]|\.\.", code):
        return "it has parts of a path"
    if re.search("[<>&]", code):
        return "it has signs of markup"
    if re.search(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]", code):
        return "it has a line end, tab or control character"
    return "it is not of the shape that codes have"


def read_standards(sheet: Sheet, shape: Shape, own: str | None) -> Sheet:
    """Read codes of standards however they are spelt: a near miss of one is not another standard.

    Args:
        sheet: any table, its cells read.
        shape: what codes of standards look like.
        own: the run's standard. A part of it, as C2a of C2, is a slip, since a standard with parts is never the run's.

    Returns:
        The sheet. `C02` is read as C2, and told; a row whose standard can be none is set aside.
    """
    if "standard" not in sheet.rows.columns:
        return sheet
    given = sheet.rows["standard"].drop_nulls().unique().to_list()
    meant = {code: spelt for code in given if (spelt := _spelt_standard(code, shape)) and spelt != code}
    wrong = [code for code in given if not re.search(shape.shape, meant.get(code) or code) or _is_part(code, own)]
    rows = sheet.rows.filter(pl.col("standard").is_in([*meant, *wrong])).select("row", "standard").rows()
    found = list(_standard_problems(rows, meant, wrong, shape, own))
    return sheet.noting(found, sheet.rows.with_columns(pl.col("standard").replace(meant)) if found else None)


def _spelt_standard(code: str, shape: Shape) -> str | None:
    """The code of a standard as it is spelt, whatever stands between its parts; None where that can't be told."""
    parts = _STANDARD.fullmatch(re.sub(r"[\s._()-]+", "", code.upper()))
    spelt = f"{parts[1]}{parts[2]}{parts[3].lower()}" if parts else ""
    return spelt if re.search(shape.shape, spelt) else None


def _is_part(code: str, own: str | None) -> bool:
    return own is not None and own[-1].isdigit() and code[:-1].upper() == own.upper() and code[-1].isalpha()


def _standard_problems(
    rows: list[tuple[int, str]], meant: dict[str, str], wrong: list[str], shape: Shape, own: str | None
) -> Iterator[Problem]:
    for row, code in rows:
        if code not in wrong:
            yield Problem(
                row,
                "standard",
                code,
                f"Not written as asked for; read as {meant[code]}.",
                f"Write {meant[code]}.",
                CONVERTED,
            )
        elif _is_part(code, own):
            yield Problem(row, "standard", code, f"{own} has no parts.", f"Did you mean {own}?", ROW)
        else:
            near = f"Did you mean {own}? " if own and nearest(code, (own.lower(),)) else ""
            remedy = f"{near}Write {shape.in_words}."
            yield Problem(row, "standard", shorten_cell(code), "There is no such standard.", remedy, ROW)
