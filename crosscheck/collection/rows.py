"""Rows: what can only be told from a whole row, or from several: unknown codes, contradictions, rows given twice."""

from __future__ import annotations

import math
import re
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from crosscheck.collection.cells import written
from crosscheck.collection.problems import CELL, CONVERTED, ROW, Problem, nearest

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from crosscheck.collection.files import Sheet

# The figures of an indicator, which are judged together.
FIGURES: Final = ("numerator", "denominator", "value")

# How many other rows a problem names.
_NAMED: Final = 5
# Visits are made in the year itself or in the two after it; that is this project's own choice, far above any season.
_VISITED_WITHIN: Final = 3

# A spreadsheet takes 5E0 for five times ten to the power of nothing, and shows 5.00E+00.
_LIKE_NUMBER: Final = re.compile(r"\d+E\d+")
_MADE_A_NUMBER: Final = re.compile(r"\d+(\.\d+)?(E[+-]?\d+)?")
_ENTER_CODE: Final = "Format the column as text, and enter the code again."


def mend_mangled_codes(sheet: Sheet, columns: Sequence[str], codes: Collection[str]) -> Sheet:
    """Put codes back that a spreadsheet has turned into numbers, where exactly one known code gives the number."""
    numbers: dict[float, list[str]] = {}
    for code in sorted(codes):
        if _LIKE_NUMBER.fullmatch(code):
            numbers.setdefault(float(code), []).append(code)
    for column in columns:
        unknown = set(sheet.rows[column].drop_nulls().unique()) - set(codes)
        fits = {text: numbers.get(float(text), []) for text in unknown if _MADE_A_NUMBER.fullmatch(text)}
        mended = {text: codes[0] for text, codes in fits.items() if len(codes) == 1 and math.isfinite(float(text))}
        if mended:
            sheet = _with_codes(sheet, column, mended)
    return sheet


def _with_codes(sheet: Sheet, column: str, mended: Mapping[str, str]) -> Sheet:
    found = [
        Problem(
            row,
            column,
            text,
            f"A number that a spreadsheet has made of a code; read as {mended[text]}, the only one that gives it.",
            _ENTER_CODE,
            CONVERTED,
        )
        for row, text in _rows(sheet, pl.col(column).is_in(list(mended)), column)
    ]
    return sheet.noting(found, sheet.rows.with_columns(pl.col(column).replace(mended)))


def _rows(sheet: Sheet, where: pl.Expr, column: str) -> list[tuple[int, str]]:
    """Number and cell of the rows where something holds."""
    return sheet.rows.filter(where).select("row", column).rows()


def former_bodies(relationships: Sheet, organisations: Collection[str]) -> set[str]:
    """The bodies that organisations in scope have succeeded, and those that these had succeeded before."""
    ties = (
        relationships.rows.filter(pl.col("relation") == "succeeds").select("from_code", "to_code").drop_nulls().rows()
    )
    reached = set(organisations)
    while further := {former for successor, former in ties if successor in reached} - reached:
        reached |= further
    return reached - set(organisations)


def refuse_unknown_organisations(sheet: Sheet, codes: Iterable[str], remedy: str) -> Sheet:
    """Set rows aside that speak of an organisation nobody knows, or whose own row was set aside."""
    unknown = pl.col("org_code").is_not_null() & ~pl.col("org_code").is_in(list(codes))
    return sheet.noting(
        Problem(row, "org_code", code, f"{code} is not among the organisations that can be used.", remedy, ROW)
        for row, code in _rows(sheet, unknown, "org_code")
    )


def refuse_ties_to_nobody(relationships: Sheet, codes: Collection[str], former: Collection[str], boards: bool) -> Sheet:
    """Set ties aside that lead to a body nobody knows, or from a body to itself.

    Args:
        relationships: the ties.
        codes: codes of organisations and bodies.
        former: codes of former bodies, which only a succession may lead to or from.
        boards: whether there is a table of bodies; without it nobody can tell which boards there are.
    """
    remedy = "Correct the code, or add the organisation or body to its table."
    allowed = pl.col("relation") == "succeeds"
    ties = relationships
    for column in ("from_code", "to_code"):
        fine = pl.col(column).is_in(list(codes)) | (allowed & pl.col(column).is_in(list(former)))
        # Without a table of bodies no board is known, and every seat on one would be set aside.
        if not boards and column == "to_code":
            fine |= pl.col("relation") == "sits_on"
        ties = ties.noting(
            Problem(row, column, code, f"{code} is neither a usable organisation nor a body.", remedy, ROW)
            for row, code in _rows(ties, pl.col(column).is_not_null() & ~fine.fill_null(False), column)
        )
    return ties.noting(
        Problem(row, "to_code", code, "The tie leads from a body to itself.", "Correct one of the two codes.", ROW)
        for row, code in _rows(ties, pl.col("from_code") == pl.col("to_code"), "to_code")
    )


def refuse_misspelt_services(organisations: Sheet, services: Collection[str]) -> Sheet:
    """Set lists of services aside that hold a name so near to a known one that it must be a slip.

    Other names are let through: the list of services is open. A slip is not, since it would change who is asked what.
    """
    if "services" not in organisations.rows.columns:
        return organisations
    named = set(organisations.rows["services"].explode().drop_nulls().unique()) - set(services)
    slips = {name: meant for name in sorted(named) if (meant := nearest(name, tuple(services)))}
    hit = pl.col("services").list.eval(pl.element().is_in(list(slips))).list.any()
    rows = organisations.rows.filter(hit).select("row", "services").rows() if slips else []
    found = [
        Problem(
            row,
            "services",
            written(names),
            "There is no such service, but one of nearly the same name.",
            " ".join(f"Did you mean {slips[name]} for {name}?" for name in names if name in slips),
            CELL,
        )
        for row, names in rows
    ]
    # The whole list is emptied: with one service missing, questions would silently not be put to the organisation.
    emptied = pl.when(~hit.fill_null(False)).then("services")
    return organisations.noting(found, organisations.rows.with_columns(emptied) if found else None)


def refuse_reversed_periods(sheet: Sheet, first: str, last: str) -> Sheet:
    """Set both ends of a period aside where it ends before it begins: nobody knows which of them is wrong."""
    if not {first, last} <= set(sheet.rows.columns):
        return sheet
    reversed_ = (pl.col(first) > pl.col(last)).fill_null(False)
    found = [
        Problem(
            row,
            column,
            str(day),
            f"{first} is {begins}, {last} is {ends}: the period ends before it begins.",
            "Correct one of the two.",
            CELL,
        )
        for row, begins, ends in sheet.rows.filter(reversed_).select("row", first, last).iter_rows()
        for column, day in ((first, begins), (last, ends))
    ]
    emptied = (pl.when(~reversed_).then(name).alias(name) for name in (first, last))
    return sheet.noting(found, sheet.rows.with_columns(emptied) if found else None)


def refuse_visits_out_of_time(visits: Sheet) -> Sheet:
    """Set visits aside whose day lies before their year or long after it: nobody knows which of the two is wrong."""
    if not {"year", "visited_on"} <= set(visits.rows.columns):
        return visits
    begins = pl.col("year").str.head(4).cast(pl.Int32, strict=False)
    first, last = pl.date(begins, 4, 1), pl.date(begins + _VISITED_WITHIN, 3, 31)
    odd = visits.rows.with_columns(first=first, last=last).filter(~pl.col("visited_on").is_between("first", "last"))
    return visits.noting(
        Problem(
            row,
            "visited_on",
            str(day),
            f"A visit on a declaration of {year} is made from {earliest:%-d %B %Y} to {latest:%-d %B %Y}.",
            "Correct the day, or the year.",
            ROW,
        )
        for row, day, year, earliest, latest in odd.select("row", "visited_on", "year", "first", "last").iter_rows()
    )


def refuse_impossible_figures(indicators: Sheet) -> Sheet:
    """Set figures aside that contradict each other, or that can't be: the whole row, since nobody knows which is wrong.

    Only a proportion is held to lie between nothing and all; the value beside it is its percentage, rounded as printed.
    A negative value is possible only of a `number`, which a figure also is that has a value only and no `kind`.
    """
    rows = _with_all(indicators.rows, FIGURES, pl.Float64())
    rows = _with_all(rows, ("kind",), pl.String())
    # A row has one problem, the first of these; the others follow from it.
    first = pl.coalesce(pl.when(where).then(number) for number, (*_, where) in enumerate(_IMPOSSIBLE))
    wrong = rows.with_columns(which=first).drop_nulls("which").select("row", "which", *FIGURES)
    return indicators.noting(
        _impossible(row, *_IMPOSSIBLE[which][:2], dict(zip(FIGURES, figures, strict=True)))
        for row, which, *figures in wrong.iter_rows()
    )


def note_lone_negatives(indicators: Sheet) -> Sheet:
    """Note values below 0 of a figure that has hardly any; they are kept, since a number may be negative."""
    rows = _with_all(_with_all(indicators.rows, FIGURES, pl.Float64()), ("kind",), pl.String())
    negative = (pl.col("value") < 0) & pl.col("kind").is_null() & _ONLY_A_VALUE
    rare = (pl.col("value") < 0).mean().over("source", "indicator") <= _RARE
    return indicators.noting(
        Problem(row, "value", written(value), *_LONE_NEGATIVE, CONVERTED)
        for row, value in rows.filter(negative & rare).select("row", "value").iter_rows()
    )


def _impossible(row: int, column: str, words: str, figures: Mapping[str, float | None]) -> Problem:
    listed = ", ".join(f"{name} {written(figure)}" for name, figure in figures.items() if figure is not None)
    remedy = "Look the figures up where they came from, and correct them."
    return Problem(row, column, written(figures[column]), f"{words} The figures are: {listed}.", remedy, ROW)


def _with_all(rows: pl.DataFrame, names: Iterable[str], dtype: pl.DataType) -> pl.DataFrame:
    missing = [name for name in names if name not in rows.columns]
    return rows.with_columns(pl.lit(None, dtype=dtype).alias(name) for name in missing)


def _last_place(value: pl.Expr) -> pl.Expr:
    """One unit in the last printed place: 1 for 54, 0.1 for 54.3. It allows for rounding, and for cutting off."""
    decimals = value.cast(pl.String).str.extract(r"\.(\d*[1-9])0*$", 1).str.len_chars().fill_null(0)
    return pl.lit(10.0).pow(-decimals.cast(pl.Float64)) + 1e-9


# Share of a figure's values below 0 up to which they are noted, since a slip is likelier than a figure that can be so.
_RARE: Final = 0.01
_LONE_NEGATIVE: Final = (
    "Below 0, as hardly any other value of this figure is; it was kept as it stands.",
    "Look it up where it came from, and correct it; if it is right, write number in the column kind.",
)

# What a figure is whose row does not say: with both counts a proportion, otherwise a number (contract).
_ONLY_A_VALUE: Final = pl.col("numerator").is_null() & pl.col("denominator").is_null()
_COUNTED: Final = pl.col("numerator").is_not_null() & pl.col("denominator").is_not_null()
_KIND: Final = pl.coalesce("kind", pl.when(_COUNTED).then(pl.lit("proportion")).otherwise(pl.lit("number")))
_PROPORTION: Final = _KIND == "proportion"
_NO_NUMBER: Final = _KIND != "number"
_PERCENTAGE: Final = 100 * pl.col("numerator") / pl.col("denominator")
_MISPRINTED: Final = (pl.col("value") - _PERCENTAGE).abs() > _last_place(pl.col("value"))

# What figures can't be: the column that shows it, in words, and where it is so.
_IMPOSSIBLE: Final = (
    ("numerator", "The numerator is below 0.", pl.col("numerator") < 0),
    ("denominator", "The denominator is below 0.", pl.col("denominator") < 0),
    ("value", "The value is below 0.", (pl.col("value") < 0) & _NO_NUMBER),
    ("denominator", "The denominator is 0: nothing can be a share of nothing.", pl.col("denominator") == 0),
    ("numerator", "More than all: the numerator is above the denominator.", _PROPORTION & (_PERCENTAGE > 100)),
    ("value", "The value is not the percentage that numerator and denominator give.", _PROPORTION & _MISPRINTED),
    ("value", "A share above 100%.", (pl.col("kind") == "proportion") & (pl.col("value") > 100)),
)


def refuse_repeated_rows(sheet: Sheet, key: Sequence[str], needed: Sequence[str], values: Sequence[str]) -> Sheet:
    """Of rows given twice keep the first; of rows that contradict each other keep none.

    Args:
        sheet: any table, its cells read.
        key: the columns that tell one row from another.
        needed: those of them that must be there; a row in which one could not be read is like no other.
        values: the other columns.

    Returns:
        The sheet. Nobody is assumed to be right: each of the rows that share a key and differ elsewhere is set aside,
        even where one of them can't be used for another reason.
    """
    complete = sheet.rows.filter(pl.all_horizontal(pl.col(name).is_not_null() for name in needed))
    repeated = complete.filter(pl.struct(key).is_duplicated())
    if repeated.is_empty():
        return sheet
    groups = repeated.sort("row").group_by(key, maintain_order=True).agg("row", *values)
    return sheet.noting(problem for group in groups.iter_rows(named=True) for problem in _repeated(group, values))


def _repeated(group: dict[str, list[Any]], values: Sequence[str]) -> Iterator[Problem]:
    numbers = group["row"]
    differing = [name for name in values if any(value != group[name][0] for value in group[name])]
    for position, row in enumerate(numbers):
        text = _format_row(
            [group[name][position] if name in values else group[name] for name in group if name != "row"]
        )
        if differing:
            others = " and ".join(islice((str(number) for number in numbers if number != row), _NAMED))
            problem = f"It contradicts row {others}: the same but for {', '.join(differing)}."
            yield Problem(row, None, text, problem, "Find out which of them holds, and delete the others.", ROW)
        elif position:
            yield Problem(
                row, None, text, f"The row was given twice: row {numbers[0]} says the same.", "Delete it.", ROW
            )


def _format_row(cells: Iterable[object]) -> str:
    """A row's cells in words, as they were read."""
    return ", ".join(written(cell) for cell in cells if cell is not None)
