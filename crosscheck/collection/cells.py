"""Cells: text becomes a value of the promised kind, or is set aside; whatever had to be mended is said."""

from __future__ import annotations

import html
import math
import re
from typing import TYPE_CHECKING, Final, NamedTuple

import polars as pl

from crosscheck.collection.dates import DAY_FIRST, read_date, read_written_dates, why_no_date
from crosscheck.collection.markers import read_markers
from crosscheck.collection.problems import CELL, CONVERTED, INVISIBLE, ROW, Problem, alternatives, as_one

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from crosscheck.collection.files import Sheet
    from crosscheck.contract.table import Column, Kind

# Free text stands as it was written; every other text names something, so that spaces around it mean nothing.
_FREE_TEXT: Final = ("statement", "text", "evidence", "remark", "because")

# The longest text that is of use to a reader; beyond it lies a pasted document, or a slip.
LONGEST_TEXT: Final = 10_000

# Digits are written out: \d would take those of every script, which no column holds and which are slow to look for.
PLAIN_NUMBER: Final = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)$"
THOUSANDS: Final = r"^[+-]?[1-9][0-9]{0,2}(,[0-9]{3})+(\.[0-9]+)?$"
_SPACED: Final = r"^[+-]?[1-9][0-9]{0,2}([ \u00A0\u202F][0-9]{3})+(\.[0-9]+)?$"
_DECIMAL_COMMA: Final = r"^[+-]?([0-9]+,([0-9]{1,2}|[0-9]{4,})|0,[0-9]{3})$"
_SCIENTIFIC: Final = r"^[+-]?[0-9]+(\.[0-9]+)?[eE][+-]?[0-9]{1,3}$"
PER_CENT: Final = r"[ \u00A0]*%$"

_YEAR: Final = r"^([0-9]{4}) *[/\u2013_-] *([0-9]{4}|[0-9]{2})$"

YES: Final = ("yes", "y", "true", "1")
NO: Final = ("no", "n", "false", "0")

# Text that a spreadsheet runs begins so; a signed number is none.
_FORMULA: Final = r"^[=+\-@\t\r]"
_SIGNED_NUMBER: Final = r"^[+\-][0-9.,]+$"
_SPREADSHEET_ERRORS: Final = (
    "#REF", "#N/A", "#DIV/0", "#VALUE", "#NAME", "#NUM", "#NULL", "#SPILL", "#CALC", "#GETTING_DATA",
)  # fmt: skip

# A text that an export has written as a formula, so that a spreadsheet does not make a number of it.
_TEXT_AS_FORMULA: Final = r"""^=["']([^"']*)["']$"""

# Larger than anything that is counted or measured here; a larger number is a slip, or damage.
_LARGEST: Final = 1e12

# What comes of text in UTF-8 that was read as Windows-1252 and written as UTF-8 again: Ã© for é, â€“ for a dash.
_ENCODED_TWICE: Final = ["Ã", "Â", "â€"]

# Signs as the source of a page writes them, but < and >, with which a marker or markup may begin.
_ENTITY: Final = r"&(amp|quot|apos|nbsp|ndash|mdash|pound|#[0-9]{1,5});"
_MADE_A_DATE: Final = re.compile(r"[A-Za-z]{3}-\d\d|\d\d-[A-Za-z]{3}|\d{4}-\d\d-\d\d|\d{1,2}/\d{1,2}/\d{4}|\d{5}")

# What the expressions below read: each column in its turn, under one name.
_CELL: Final = pl.col("cell")


class Reading(NamedTuple):
    """How cells are read: their value (null where there is none), and whether they stood as asked for."""

    value: pl.Expr
    plain: pl.Expr


def tidy_texts(sheet: Sheet) -> Sheet:
    """Take invisible characters out of all cells, and cut texts at `LONGEST_TEXT` characters."""
    names = [name for name, dtype in sheet.rows.schema.items() if dtype == pl.String]
    texts = [pl.col(name) for name in names]
    # Undone in the opposite order to that in which it happens: a formula may hold entities, and both may have been
    # encoded twice.
    sheet = _without_formulas(_without_entities(_encoded_once(sheet, texts), texts), texts)
    unseen = sheet.rows.select(text.str.contains(INVISIBLE) for text in texts)
    sheet = sheet.noting(
        (_unseen(*cell) for cell in _cells(sheet.rows, unseen)),
        sheet.rows.with_columns(
            text.str.replace_all(INVISIBLE, "") for text in texts if unseen[text.meta.output_name()].any()
        ),
    )
    if not any(sheet.rows.select((text.str.len_bytes() > LONGEST_TEXT).any() for text in texts).row(0)):
        return sheet
    long = sheet.rows.select(text.str.len_chars() > LONGEST_TEXT for text in texts)
    return sheet.noting(
        (_too_long(*cell) for cell in _cells(sheet.rows, long)),
        sheet.rows.with_columns(text.str.head(LONGEST_TEXT) for text in texts if long[text.meta.output_name()].any()),
    )


def _without_formulas(sheet: Sheet, texts: list[pl.Expr]) -> Sheet:
    """Read `="5E1"` as 5E1, in every column alike."""
    begins = sheet.rows.select(text.str.starts_with("=") for text in texts)
    hit = [pl.col(name) for name in begins.columns if begins[name].any()]
    if not hit:
        return sheet
    written = sheet.rows.select(text.str.contains(_TEXT_AS_FORMULA) for text in hit)
    found: dict[str, list[Problem]] = {}
    for row, column, text in _cells(sheet.rows, written):
        problem = "A text written as a formula; read as the text alone."
        found.setdefault(column, []).append(Problem(row, column, text, problem, f"Write {text[2:-1]}.", CONVERTED))
    problems = [problem for problems in found.values() for problem in as_one(problems)]
    return sheet.noting(problems, sheet.rows.with_columns(text.str.replace(_TEXT_AS_FORMULA, "$1") for text in hit))


def _encoded_once(sheet: Sheet, texts: list[pl.Expr]) -> Sheet:
    """Read text as it was before it was encoded twice (UTF-8 taken for Windows-1252), and report each such cell."""
    # Only columns with a character beyond ASCII are searched, since most columns of a large table have none.
    beyond = sheet.rows.select((text.str.len_bytes() != text.str.len_chars()).any() for text in texts).row(0)
    texts = [text for text, is_beyond_ascii in zip(texts, beyond, strict=True) if is_beyond_ascii]
    suspect = sheet.rows.select(text.str.contains_any(_ENCODED_TWICE) for text in texts)
    meant = {text: once for _, _, text in _cells(sheet.rows, suspect) if (once := _decoded(text)) is not None}
    if not meant:
        return sheet
    found: dict[str, list[Problem]] = {}
    for row, column, text in _cells(sheet.rows, suspect):
        if text in meant:
            problem = f"The text was encoded twice; read as {meant[text][:100]}."
            remedy = "Save the file anew as CSV UTF-8 from where it came."
            found.setdefault(column, []).append(Problem(row, column, text, problem, remedy, CONVERTED))
    problems = [problem for problems in found.values() for problem in as_one(problems)]
    return sheet.noting(problems, sheet.rows.with_columns(text.replace(meant) for text in texts))


def _without_entities(sheet: Sheet, texts: list[pl.Expr]) -> Sheet:
    """Read `&amp;` as &, in a text that was copied from the source of a page."""
    begun = sheet.rows.select(text.str.contains("&", literal=True).any() for text in texts).row(0)
    texts = [text for text, is_begun in zip(texts, begun, strict=True) if is_begun]
    if not texts:
        return sheet
    written = sheet.rows.select(text.str.contains(_ENTITY) for text in texts)
    meant = {text: html.unescape(text).replace("\u00a0", " ") for _, _, text in _cells(sheet.rows, written)}
    found: dict[str, list[Problem]] = {}
    for row, column, text in _cells(sheet.rows, written):
        problem = f"A text as the source of a page has it; read as {meant[text][:100]}."
        remedy = f"Write {meant[text][:100]}."
        found.setdefault(column, []).append(Problem(row, column, text, problem, remedy, CONVERTED))
    problems = [problem for problems in found.values() for problem in as_one(problems)]
    return sheet.noting(problems, sheet.rows.with_columns(text.replace(meant) for text in texts) if meant else None)


def _decoded(text: str) -> str | None:
    """The text before it was encoded a second time; None where it was not."""
    try:
        return text.encode("cp1252").decode()
    except UnicodeError:
        return None


def _cells(rows: pl.DataFrame, marked: pl.DataFrame) -> Iterator[tuple[int, str, str]]:
    """Row, column and text of the marked cells."""
    for name in marked.columns:
        if marked[name].any():
            chosen = rows.filter(marked[name].fill_null(False))
            yield from zip(chosen["row"], [name] * chosen.height, chosen[name], strict=True)


def _unseen(row: int, column: str, text: str) -> Problem:
    problem = "There are invisible characters in the cell; they were taken out."
    return Problem(row, column, text, problem, "Enter the text again without them.", CONVERTED)


def _too_long(row: int, column: str, text: str) -> Problem:
    problem = f"The text is {len(text):,} characters long; the first {LONGEST_TEXT:,} were kept."
    return Problem(row, column, text, problem, f"Keep it under {LONGEST_TEXT:,} characters.", CONVERTED)


def read_cells(sheet: Sheet, columns: Iterable[Column]) -> Sheet:
    """Read the cells of some columns.

    Returns:
        The sheet with those columns typed (`Column.dtype`), null where the cell is empty or can't be read. A cell that
        can't be read in a required column sets its row aside, in another only itself. What was mended is noted.
    """
    # Markers and dates are read first: what they mend or empty is no unreadable cell any more.
    present = [column for column in columns if column.name in sheet.rows.columns]
    sheet = read_markers(read_written_dates(sheet, present), present)
    read = dict(zip(present, pl.collect_all(_read_column(sheet.rows, column) for column in present), strict=True))
    problems = [
        _problem(column, *cell)
        for column, cells in read.items()
        if cells["odd"].any()
        for cell in cells.filter("odd").select("row", "cell", "value").iter_rows()
    ]
    values = (cells["value"].alias(column.name) for column, cells in read.items())
    return sheet.noting([*problems, *_formulas(sheet, present)], sheet.rows.with_columns(values))


def _read_column(rows: pl.DataFrame, column: Column) -> pl.LazyFrame:
    """Row, text and `value` of every cell, and whether it is odd: empty where it may not be, unreadable, or mended.

    Each different text is read once, since most stand in many rows.
    """
    reading = _read_as(column)
    cells = rows.lazy().select("row", cell=column.name)
    read = cells.select(pl.col("cell").unique()).with_columns(value=reading.value, plain=reading.plain)
    empty = _CELL.fill_null("").str.strip_chars() == ""
    astray = pl.col("value").is_null() | ~pl.col("plain").fill_null(False)
    odd = pl.when(empty).then(pl.lit(not column.may_be_empty)).otherwise(astray)
    return cells.join(read.with_columns(odd=odd), on="cell", how="left", nulls_equal=True, maintain_order="left")


def _problem(column: Column, row: int, text: str | None, value: object) -> Problem:
    if value is not None:
        return Problem(row, column.name, text, *_mended(column, text or "", written(value)), CONVERTED)
    effect = ROW if column.required else CELL
    if not (text or "").strip():
        return Problem(row, column.name, text, f"The cell is empty: {column.meaning}.", "Fill it in.", effect)
    why = spreadsheet_error(text or "") or _WHY[column.kind](column, text or "")
    return Problem(row, column.name, text, *why, effect)


def _formulas(sheet: Sheet, columns: Iterable[Column]) -> list[Problem]:
    """Texts that a spreadsheet would run."""
    texts = [column.name for column in columns if column.kind == "text"]
    risky = sheet.rows.select(
        pl.col(name).str.contains(_FORMULA) & ~pl.col(name).str.contains(_SIGNED_NUMBER) for name in texts
    )
    problem = "A spreadsheet would take this text for a formula; it was kept as text."
    remedy = "Nothing needs to be done: exports put ' before it."
    return [Problem(row, name, text, problem, remedy, CONVERTED) for row, name, text in _cells(sheet.rows, risky)]


def _read_as(column: Column) -> Reading:
    """How the texts of a column, named `cell`, are read, by the column's kind."""
    text = _CELL.str.strip_chars()
    return _READERS[column.kind](column, pl.when(text != "").then(text))


def _read_text(column: Column, text: pl.Expr) -> Reading:
    if column.name in _FREE_TEXT:
        return Reading(pl.when(text.is_not_null() & ~_failed(text)).then(_CELL), pl.lit(True))
    return Reading(pl.when(~_failed(text)).then(text), text == _CELL)


def _failed(text: pl.Expr) -> pl.Expr:
    """Whether a text is what a spreadsheet shows of a formula that it can't work out."""
    sign = text.str.to_uppercase().str.strip_chars_end("!?")
    return (sign.is_in(_SPREADSHEET_ERRORS) | text.str.starts_with("Err:")).fill_null(value=False)


def _read_code(column: Column, text: pl.Expr) -> Reading:
    """Codes are in capitals; of a standard only the first letter, since its parts have small ones: C20a."""
    if column.name == "standard":
        code = text.str.head(1).str.to_uppercase() + text.str.slice(1)
    else:
        code = text.str.to_uppercase()
    return Reading(pl.when(~_failed(text)).then(code), code == _CELL)


def worded(text: pl.Expr) -> pl.Expr:
    """A word as the lists of allowed values spell it: small letters, underscores between."""
    return text.str.strip_chars().str.to_lowercase().str.replace_all(r"[\s_-]+", "_")


def _read_choice(column: Column, text: pl.Expr) -> Reading:
    word = worded(text)
    return Reading(pl.when(word.is_in(column.allowed)).then(word), word == _CELL)


def read_number(text: pl.Expr) -> pl.Expr:
    """The number that a text writes: plain, with commas between thousands, with a decimal comma, or as 1.2E+03.

    Null where it is anything else, and where it is larger than anything that is counted or measured.
    """
    digits = (
        pl.when(text.str.contains(f"{THOUSANDS}|{_SPACED}"))
        .then(text.str.replace_all(r"[, \u00A0\u202F]", ""))
        .when(text.str.contains(_DECIMAL_COMMA))
        .then(text.str.replace(",", ".", literal=True))
        .when(text.str.contains(f"{PLAIN_NUMBER}|{_SCIENTIFIC}"))
        .then(text)
    )
    number = digits.str.strip_prefix("+").cast(pl.Float64, strict=False)
    return pl.when(number.is_finite() & (number.abs() <= _LARGEST)).then(number)


def _read_number(column: Column, text: pl.Expr) -> Reading:
    """A per cent sign is understood where the unit allows it: in a share from 0 to 1, and in a published figure."""
    number, low, high = read_number(text), column.low, column.high
    if high == 1 or column.name in ("value", "means"):
        number = read_number(text.str.replace(PER_CENT, ""))
        number = pl.when(text.str.ends_with("%")).then(number / 100 if high == 1 else number).otherwise(number)
    inside = number.is_between(-math.inf if low is None else low, math.inf if high is None else high)
    return Reading(pl.when(inside).then(number), text.str.contains(PLAIN_NUMBER) & (text == _CELL))


def _read_date(_column: Column, text: pl.Expr) -> Reading:
    day = read_date(text)
    return Reading(day, day.dt.to_string("iso") == _CELL)


def _read_year(_column: Column, text: pl.Expr) -> Reading:
    start, end = text.str.extract(_YEAR, 1), text.str.extract(_YEAR, 2)
    following = (start.cast(pl.Int32) + 1).cast(pl.String)
    year = pl.when(following.str.ends_with(end)).then(pl.format("{}/{}", start, following.str.tail(2)))
    return Reading(year, year == _CELL)


def _read_flag(_column: Column, text: pl.Expr) -> Reading:
    """The forms of yes and no that the contract allows are no slip, and are not reported."""
    word = text.str.to_lowercase()
    flag = pl.when(word.is_in(YES)).then(True).when(word.is_in(NO)).then(False)
    return Reading(flag, text == _CELL)


def _read_list(_column: Column, text: pl.Expr) -> Reading:
    items = worded(text.str.replace_all(r"\s*\|\s*", "|"))
    well_formed = items.str.contains(r"^[a-z0-9_]+(\|[a-z0-9_]+)*$")
    return Reading(pl.when(well_formed).then(items.str.split("|")), items == _CELL)


_READERS: Final[dict[Kind, Callable[[Column, pl.Expr], Reading]]] = {
    "text": _read_text,
    "code": _read_code,
    "choice": _read_choice,
    "number": _read_number,
    "date": _read_date,
    "year": _read_year,
    "flag": _read_flag,
    "list": _read_list,
}


def written(value: object) -> str:
    """A value as a person would enter it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return f"{value:.15g}"
    return "|".join(value) if isinstance(value, list | pl.Series) else str(value)


def _mended(column: Column, text: str, value: str) -> tuple[str, str]:
    if column.kind == "date" and re.fullmatch(DAY_FIRST, text.strip()):
        remedy = f"Write {value}; if the month stands first there, correct it."
        return f"The date is not written as asked for; read with the day first, as {value}.", remedy
    return f"Not written as asked for; read as {value}.", f"Write {value}."


def spreadsheet_error(text: str) -> tuple[str, str] | None:
    """What is wrong with a cell that holds a spreadsheet's complaint, as `#REF!`, and what to do; None for others."""
    sign = text.strip()
    if sign.upper().rstrip("!?") in _SPREADSHEET_ERRORS or sign.startswith("Err:"):
        return "A formula that the spreadsheet could not work out.", "Mend the formula, or enter what was meant."
    return None


def _why_choice(column: Column, text: str) -> tuple[str, str]:
    remedy = f"{alternatives(text, column.allowed)} Allowed: {', '.join(column.allowed)}."
    return f"Not one of the allowed values of {column.name}.", remedy.strip()


def _why_number(column: Column, _text: str) -> tuple[str, str]:
    # A text needs another spelling, a number outside the limits another value. The remedy fits both, as its example is
    # itself within the limits.
    if column.low is None:
        wanted, example = "a number", "1250.5"
    elif column.high is None:
        wanted, example = f"a number of {written(column.low)} or more", "1250.5"
    else:
        wanted, example = f"a number from {written(column.low)} to {written(column.high)}", written(column.high)
    return f"Not {wanted}.", f"Write one in digits, for example {example}.{_or_nothing(column)}"


def _or_nothing(column: Column) -> str:
    return " Leave the cell empty where it is not known." if column.may_be_empty else ""


def _why_year(_column: Column, text: str) -> tuple[str, str]:
    if _MADE_A_DATE.fullmatch(text.strip()):
        remedy = "Spreadsheets take 2008-09 for a month. Format the column as text and enter the year as 2008/09."
        return "Not an assessment year, but a date that a spreadsheet may have made of one.", remedy
    return "Not an assessment year.", "Write both its parts, one after the other, as 2008/09."


def _why_flag(column: Column, _text: str) -> tuple[str, str]:
    return "Neither yes nor no.", f"Write yes or no.{_or_nothing(column)}"


def _why_list(_column: Column, _text: str) -> tuple[str, str]:
    return "Not a list of names between |.", "Write names of letters, digits and _, as maternity|children."


# Texts and codes are not among these: they can be read, unless a spreadsheet could not work them out.
_WHY: Final[dict[Kind, Callable[[Column, str], tuple[str, str]]]] = {
    "choice": _why_choice,
    "number": _why_number,
    "date": lambda _column, text: why_no_date(text),
    "year": _why_year,
    "flag": _why_flag,
    "list": _why_list,
}
