"""XLSX: the cells of each sheet as a person sees them, and what a person sees otherwise than the file has it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from crosscheck.collection.formats import days_off, format_of, hides, write_number
from crosscheck.collection.limits import MOST_ROWS
from crosscheck.collection.package import Cells, Mark, NoteKind, Package, attribute, local

if TYPE_CHECKING:
    from collections.abc import Iterator
    from xml.etree.ElementTree import Element  # for its name only

    from crosscheck.collection.formats import NumberFormat

_TRUE: Final = ("1", "true", "on")
_ESCAPED: Final = re.compile("_x([0-9A-Fa-f]{4})_")
_MOST_COLUMNS: Final = 16_384  # of the format; more is damage


@dataclass
class _Styles:
    """What each cell style makes of a number, by its place in the list of styles."""

    codes: dict[int, str] = field(default_factory=dict)
    formats: list[int] = field(default_factory=list)
    fonts: list[int] = field(default_factory=list)
    struck: list[bool] = field(default_factory=list)

    def by_place(self) -> dict[str | None, NumberFormat]:
        formats: dict[str | None, NumberFormat] = {None: "plain"}
        for place, number in enumerate(self.formats):
            formats[str(place)] = format_of(number, self.codes.get(number))
        return formats

    def seen_otherwise(self) -> dict[str | None, NoteKind]:
        """Of the styles in which a person sees a cell otherwise than it is read: how, by their place."""
        struck = {number for number, is_struck in enumerate(self.struck) if is_struck}
        unseen: dict[str | None, NoteKind] = {
            str(place): "unseen" for place, number in enumerate(self.formats) if hides(self.codes.get(number))
        }
        return unseen | {str(place): "struck" for place, font in enumerate(self.fonts) if font in struck}


@dataclass(frozen=True)
class _Book:
    """What all sheets of a workbook share.

    `recalculates` says that it asks to be calculated when it is opened: whoever wrote it did not calculate it, and a 0
    beside a formula is a placeholder.
    """

    strings: list[str]
    styles: dict[str | None, NumberFormat]
    otherwise: dict[str | None, NoteKind]
    days_off: int
    recalculates: bool
    by_hand: bool


def read_xlsx(package: Package) -> list[Cells]:
    """Read every worksheet.

    Raises:
        ValueError, KeyError: the workbook is damaged, or holds more than is allowed.
    """
    main = next(
        relation["Target"] for relation in package.relations("") if relation["Type"].endswith("/officeDocument")
    )
    relations = package.relations(main)
    settings = {local(element): element.attrib for element in package.elements(main)}
    styles = _styles(package, _target(relations, "styles"))
    book = _Book(
        strings=_strings(package, _target(relations, "sharedStrings")),
        styles=styles.by_place(),
        otherwise=styles.seen_otherwise(),
        days_off=days_off(date_1904=_counts_from_1904(package, main)),
        recalculates=settings.get("calcPr", {}).get("fullCalcOnLoad") in _TRUE,
        by_hand=settings.get("calcPr", {}).get("calcMode") == "manual",
    )
    parts = {relation["Id"]: relation["Target"] for relation in relations if relation["Type"].endswith("/worksheet")}
    sheets = [element.attrib for element in package.elements(main) if local(element) == "sheet"]
    # Sheets that hold a chart or a macro are listed as well, and have no worksheet to read.
    return [
        _Sheet(
            book, Cells(sheet["name"], days_off=book.days_off), hidden=sheet.get("state", "visible") != "visible"
        ).read(package, parts[part])
        for sheet in sheets
        for part in [_relation_of(sheet)]
        if part in parts
    ]


def _relation_of(sheet: dict[str, str]) -> str | None:
    return next((value for key, value in sheet.items() if key.endswith("}id")), None)


def _counts_from_1904(package: Package, main: str) -> bool:
    """Whether days are counted from 1904. Extensions have an element of the same name, which says nothing of it."""
    flags = [attribute(element, "date1904") for element in package.elements(main) if local(element) == "workbookPr"]
    return any(flag in _TRUE for flag in flags)


def _target(relations: list[dict[str, str]], kind: str) -> str | None:
    return next((relation["Target"] for relation in relations if relation["Type"].endswith(f"/{kind}")), None)


def _strings(package: Package, part: str | None) -> list[str]:
    if part is None or part not in package:
        return []
    found = []
    for element in package.elements(part):
        if local(element) == "si":
            found.append(_text(element))
            element.clear()
    return found


def _text(element: Element) -> str:
    """The text of a string, its parts put together; how it is pronounced (`rPh`) is left out."""
    parts: list[str] = []
    for child in element:
        name = local(child)
        if name == "t":
            parts.append(child.text or "")
        elif name == "r":
            parts += [run.text or "" for run in child if local(run) == "t"]
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), "".join(parts))


def _styles(package: Package, part: str | None) -> _Styles:
    styles = _Styles()
    if part is not None and part in package:
        for element in package.elements(part):
            name = local(element)
            if name == "numFmt":
                styles.codes[int(element.get("numFmtId", "0"))] = element.get("formatCode", "")
            elif name == "cellXfs":
                styles.formats = [int(form.get("numFmtId", "0")) for form in element]
                styles.fonts = [int(form.get("fontId", "0")) for form in element]
            elif name == "fonts":
                styles.struck = [any(map(_strikes, font)) for font in element]
    return styles


def _strikes(property_: Element) -> bool:
    """Whether a property of a font strikes its text through; one without a value holds."""
    return local(property_) == "strike" and property_.get("val", "1") in _TRUE


@lru_cache(maxsize=20_000)
def _column_of(letters: str) -> int:
    """The column that letters name, from 0: `C` gives 2."""
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - ord("A") + 1
    if not (letters.isascii() and letters.isalpha() and letters.isupper()) or number > _MOST_COLUMNS:
        raise ValueError(f"there is no column {letters[:20]}")
    return number - 1


def _place(reference: str) -> tuple[int, int]:
    """Row (from 1) and column (from 0) of a reference, as `$C$7`."""
    plain = reference.replace("$", "")
    letters = plain.rstrip("0123456789")
    return int(plain[len(letters) :]), _column_of(letters)


class _Sheet:
    """One worksheet while it is run through."""

    def __init__(self, book: _Book, cells: Cells, *, hidden: bool) -> None:
        self.book = book
        self.cells = cells
        self.row = 0
        self.space = self.value = ""
        if hidden:
            cells.note("hidden_sheet", None, None, cells.name)

    def read(self, package: Package, part: str) -> Cells:
        """Run through the sheet; the names of elements are compared whole, since there are millions of them."""
        row = merged = hidden = ""
        for element in package.elements(part):
            tag = element.tag
            if not row:
                self.space = tag[: tag.rfind("}") + 1]
                # The namespace is known only from the first element; it is added to the names once, not taken off
                # millions of tags.
                row, merged, hidden = (f"{self.space}{name}" for name in ("row", "mergeCell", "col"))
                self.value = f"{self.space}v"
            if tag == row:
                self._read_row(element)
                element.clear()
            elif tag == merged:
                self._read_merged(element.get("ref", ""))
            elif tag == hidden and element.get("hidden") in _TRUE:
                self._read_hidden(element)
        return self.cells

    def _read_hidden(self, element: Element) -> None:
        for column in range(int(element.get("min", "1")) - 1, min(int(element.get("max", "1")), _MOST_COLUMNS)):
            self.cells.note("hidden_column", None, column, "")

    def _read_row(self, element: Element) -> None:
        self.row = int(element.get("r", self.row + 1))
        texts: dict[int, str] = {}
        column = -1
        strings, value = self.book.strings, self.value
        for cell in element:
            reference = cell.get("r")
            column = column + 1 if reference is None else _column_of(reference.rstrip("0123456789"))
            # Most cells hold a shared text and nothing else.
            if len(cell) == 1 and cell[0].tag == value and cell.get("t") == "s":
                texts[column] = strings[int(cell[0].text or "")]
            elif len(cell) and (text := self._read_cell(cell, column)) is not None:
                texts[column] = text
        if element.get("hidden") in _TRUE and any(map(str.strip, texts.values())):
            self.cells.note("hidden_rows", self.row, None, "")
        if self.book.otherwise:
            self._note_styles(element, texts)
        self.cells.add(self.row, texts)

    def _note_styles(self, row: Element, texts: dict[int, str]) -> None:
        """Tell cells that hold something and are struck through or not shown; few workbooks have such styles."""
        column = -1
        for cell in row:
            reference = cell.get("r")
            column = column + 1 if reference is None else _column_of(reference.rstrip("0123456789"))
            how = self.book.otherwise.get(cell.get("s"))
            if how is not None and texts.get(column, "").strip():
                self.cells.note(how, self.row, column, texts[column])

    def _read_cell(self, cell: Element, column: int) -> str | None:
        kind, stored, formula = cell.get("t", "n"), None, None
        for child in cell:
            name = child.tag.removeprefix(self.space)
            if name == "v":
                stored = child.text
            elif name == "is":
                return _text(child)
            elif name == "f":
                formula = child.text or ""
        if formula is not None and self._is_uncalculated(kind, stored, formula, column):
            return f"={formula}"
        return None if stored is None else self._write(kind, stored, cell.get("s"), column)

    def _is_uncalculated(self, kind: str, stored: str | None, formula: str, column: int) -> bool:
        """Whether the result of a formula is not there; it is marked. An empty text can be a result."""
        if stored is None and kind != "str":
            self.cells.mark(Mark("no_result", self.row, self.row, column, f"={formula}"))
            return True
        if self.book.by_hand:
            self.cells.note("by_hand", self.row, column, f"={formula}")
        if stored == "0" and self.book.recalculates:
            self.cells.mark(Mark("placeholder", self.row, self.row, column, f"={formula}"))
            return True
        return False

    def _write(self, kind: str, stored: str, style: str | None, column: int) -> str:
        if kind == "s":
            return self.book.strings[int(stored)]
        if kind == "n":
            number_format = self.book.styles.get(style, "plain")
            if number_format == "thousands":
                self.cells.note("in_thousands", self.row, column, stored)
            return write_number(stored.strip(), number_format, self.book.days_off)
        if kind == "b":
            return "TRUE" if stored.strip() in _TRUE else "FALSE"
        if kind == "d":
            return stored.replace("T", " ").removesuffix(" 00:00:00")
        return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), stored)

    def _read_merged(self, reference: str) -> None:
        first, _, last = reference.partition(":")
        (top, left), (bottom, right) = _place(first), _place(last or first)
        for mark in covered(reference, (top, left), (min(bottom, MOST_ROWS), right)):
            self.cells.mark(mark)


def covered(reference: str, first: tuple[int, int], last: tuple[int, int]) -> Iterator[Mark]:
    """The cells that a merged one covers, by column; the first of them bears what is seen and is not among them."""
    for column in range(first[1], last[1] + 1):
        top = first[0] + (column == first[1])
        if top <= last[0]:
            yield Mark("merged", top, last[0], column, reference)
