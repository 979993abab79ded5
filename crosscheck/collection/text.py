"""Text files: bytes become rows of text cells, in whatever encoding and with whatever separator they come."""

from __future__ import annotations

import codecs
import csv
import io
import re
from typing import TYPE_CHECKING, Final

from crosscheck.collection.limits import MOST_BYTES, MOST_COLUMNS, MOST_LINES
from crosscheck.collection.problems import CONVERTED, ROW, Lost, Problem, canonical, counted
from crosscheck.errors import CollectionError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from crosscheck.contract.table import Table

_SEPARATORS: Final = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "upright strokes"}
_NAMED_SEPARATOR: Final = re.compile(r"^\ufeff?\"?sep=(.)\"?[ ,;\t]*\r?\n", re.IGNORECASE)
_HEADING_LINES: Final = 40  # below the first ones there are no headings
_ROWS_SHOWN: Final = 5

# What stands at the beginning of files that are no text, and what they are.
_NO_TEXT: Final = {
    b"PK\x03\x04": "a workbook or an archive",
    b"\xd0\xcf\x11\xe0": "a workbook of a format before 2007",
    b"\x1f\x8b": "compressed with gzip",
    b"PAR1": "Parquet",
    b"%PDF": "PDF",
    b"ARROW1": "an Arrow file",
}


def read_records(raw: bytes, file: str, table: Table) -> tuple[list[list[str]], list[Problem], list[Lost]]:
    """Read the rows of a text file, the headings among them.

    Args:
        raw: the file's bytes.
        file: what it is called in messages.
        table: what it should hold; the separator that finds most of its columns is taken.

    Returns:
        The rows; what is odd about the file as a whole, or about its quotation marks; and the rows that are lost in a
        cell of another because a quotation mark is not closed. A row that swallows others is set aside.

    Raises:
        CollectionError: it is no text, too large, or its quotation marks don't match.
    """
    if len(raw) > MOST_BYTES:
        raise CollectionError(f"{file} has {len(raw):,} bytes; {MOST_BYTES:,} are allowed. Give it as Parquet.")
    text, problems = _decode(raw, file)
    columns = [column.name for column in table.columns]
    if named := _NAMED_SEPARATOR.match(text):  # spreadsheet programs read this line and do not show it
        text, separator = text[named.end() :], named[1]
    else:
        separator = _separator(text, columns)
    records = _parse(text, separator, file)
    swallowed = list(_swallowed(records, text, separator, table))
    found = [*problems, *_separated(separator), *(problem for problem, _ in swallowed)]
    return records, found, [row for _, lost in swallowed for row in lost]


def _parse(text: str, separator: str, file: str) -> list[list[str]]:
    if text.count("\n") > MOST_LINES or text.count("\r") > 2 * MOST_LINES:
        raise CollectionError(f"{file} has more than the {MOST_LINES:,} lines that are allowed. Give it as Parquet.")
    csv.field_size_limit(max(csv.field_size_limit(), len(text)))  # a cell may be as long as its file
    records: list[list[str]] = []
    try:  # extending keeps the rows that came before the error, and so tells where it is
        records.extend(csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True))
    except csv.Error as error:
        raise CollectionError(
            f"{file}:{len(records) + 1}: the quotation marks don't match ({error}). "
            'Text with quotation marks in it stands between such marks, and those in it are doubled: "a ""good"" word".'
        ) from None
    if not records:
        raise CollectionError(f"{file} is empty. Its first row must hold the headings.")
    widest = max(map(len, records))
    if widest > MOST_COLUMNS:
        row = next(row for row, cells in enumerate(records, 1) if len(cells) == widest)
        raise CollectionError(
            f"{file}:{row}: {widest:,} cells; {MOST_COLUMNS:,} columns are allowed. Keep those of the table."
        )
    return records


def _decode(raw: bytes, file: str) -> tuple[str, list[Problem]]:
    """The text, by its byte-order mark, else as UTF-8, else as Windows-1252; single bytes of it in UTF-8 are told."""
    kind = next((kind for start, kind in _NO_TEXT.items() if raw.startswith(start)), None)
    if kind:
        raise CollectionError(f"{file} is {kind}, and no text as its name says. Give it the right ending.")
    if raw.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):  # the first begins as the mark of UTF-16 does
        try:
            return raw.decode("utf-32"), [_converted_from("UTF-32")]
        except UnicodeDecodeError:
            raise CollectionError(f"{file} looks like UTF-32 and is damaged. Save it as CSV UTF-8.") from None
    # It would decode as UTF-8 with a zero byte after every letter, and be refused later for reasons that help nobody.
    if b"\x00" in raw[:2] and not raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise CollectionError(f"{file} looks like UTF-16 without a byte-order mark. Save it as CSV UTF-8.")
    marked = raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        if marked:
            return raw.decode("utf-16"), [_converted_from("UTF-16")]
        return raw.decode("utf-8-sig"), []
    except UnicodeDecodeError:
        remedy = f"{file} is text neither in UTF-8 nor in Windows-1252. Save it as CSV UTF-8."
    try:
        return _decode_mixed(raw)
    except UnicodeDecodeError:
        raise CollectionError(remedy) from None


def _decode_mixed(raw: bytes) -> tuple[str, list[Problem]]:
    """Text that is not UTF-8 throughout: what is no UTF-8 in it is Windows-1252.

    A file with letters in UTF-8 was put together from two; one without any is Windows-1252 as a whole.
    """
    places: list[int] = []

    def as_windows(error: UnicodeError) -> tuple[str, int]:
        if not isinstance(error, UnicodeDecodeError):
            raise error
        places.append(error.start)
        return error.object[error.start : error.start + 1].decode("cp1252"), error.start + 1

    codecs.register_error("crosscheck.windows-1252", as_windows)
    text = raw.decode("utf-8-sig", errors="crosscheck.windows-1252")
    beyond = sum(byte >= 0x80 for byte in raw)
    # Every byte beyond ASCII failed, so nothing in it is UTF-8 and one problem says it of the whole file.
    if len(places) == beyond:
        return text, [_converted_from("Windows-1252")]
    row = raw.count(b"\n", 0, places[0]) + 1
    problem = (
        f"{counted(len(places), 'byte')} of the file, the first in line {row}, {'is' if len(places) == 1 else 'are'} "
    )
    problem += "not UTF-8 as the rest is; read as Windows-1252."
    character = raw[places[0] : places[0] + 1].decode("cp1252")
    return text, [Problem(None, None, character, problem, "Save it as CSV UTF-8, and look at that line.", CONVERTED)]


def _converted_from(encoding: str) -> Problem:
    problem = f"The file is not in UTF-8; it was read as {encoding}."
    return Problem(None, None, encoding, problem, "Save it as CSV UTF-8, and look at names with accents.", CONVERTED)


def _separator(text: str, columns: Collection[str]) -> str:
    """The separator that finds most of the columns in one of the first lines; the comma where none finds more."""
    lines = text[:100_000].splitlines()[:_HEADING_LINES] or [""]

    def found(separator: str, line: str) -> int:
        return len({canonical(cell.strip('"\r')) for cell in line.split(separator)}.intersection(columns))

    in_first = max(_SEPARATORS, key=lambda separator: found(separator, lines[0]))
    if found(in_first, lines[0]) > 1:
        return in_first
    return max(
        _SEPARATORS, key=lambda separator: (max(found(separator, line) for line in lines), lines[0].count(separator))
    )


def _separated(separator: str) -> list[Problem]:
    if separator == ",":
        return []
    problem = f"The cells are separated by {_SEPARATORS.get(separator, f'the sign {separator}')}; it was read so."
    return [Problem(None, None, separator, problem, "Save it with commas between the cells.", CONVERTED)]


def _swallowed(
    records: list[list[str]], text: str, separator: str, table: Table
) -> Iterator[tuple[Problem, list[Lost]]]:
    """Rows whose quoted cell holds further rows of the table, since its quotation mark was closed too late."""
    if text.count("\n") <= len(records):
        return
    names = [canonical(cell) for cell in max(records[:_HEADING_LINES], key=lambda cells: _known(cells, table))]
    closed = [names.index(column.name) for column in table.columns if _is_closed(column.kind, column.name, names)]
    for row, cells in enumerate(records, 1):
        lines = [line for cell in cells if "\n" in cell for line in cell.splitlines()[1:]]
        lost = [line for line in lines if _is_row(line.split(separator), len(names), closed)] if lines else []
        if lost:
            yield _describe_swallowed(row, cells, lost), [Lost(row, tuple(line.split(separator))) for line in lost]


def _known(cells: Sequence[str], table: Table) -> int:
    return len({canonical(cell) for cell in cells}.intersection(column.name for column in table.columns))


def _is_closed(kind: str, name: str, names: Sequence[str]) -> bool:
    """Whether the cells of a column are single words: prose can't be mistaken for them."""
    return name in names and (kind not in ("text", "list") or name == "question_id")


def _is_row(cells: list[str], width: int, closed: list[int]) -> bool:
    """Whether a line within a cell is a row of the table: as many cells, and no blank in those that hold one word."""
    words = [cells[position] for position in closed if position < len(cells)]
    return width > 1 and len(cells) >= width and any(words) and not any(" " in word for word in words)


def _describe_swallowed(row: int, cells: list[str], lost: list[str]) -> Problem:
    first_lines = "; ".join(lost[:_ROWS_SHOWN]) + (
        f"; and {len(lost) - _ROWS_SHOWN:,} more" if len(lost) > _ROWS_SHOWN else ""
    )
    problem = (
        f"A quotation mark is opened here and closed too late, so that {counted(len(lost), 'further row')} "
        f"{'stands' if len(lost) == 1 else 'stand'} in the cell; none of them was read: {first_lines}"
    )
    remedy = "Delete the quotation mark, or close it at the end of its cell."
    return Problem(row, None, ",".join(cells), problem, remedy, ROW)
