"""ODS: the cells of each sheet as a person sees them, and what a person sees otherwise than the file has it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from crosscheck.collection.formats import write_number
from crosscheck.collection.limits import MOST_CELLS, MOST_ROWS
from crosscheck.collection.package import Cells, Mark, Package, attribute, local
from crosscheck.collection.xlsx import covered

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element  # for its name only

_CELLS: Final = ("table-cell", "covered-table-cell")
_NUMBERS: Final = ("float", "currency")


def read_ods(package: Package) -> list[Cells]:
    """Read every sheet.

    Raises:
        ValueError, KeyError: the workbook is damaged, or holds more than is allowed.
    """
    found = []
    sheet = _Sheet()
    for element in package.elements("content.xml"):
        name = local(element)
        if name == "table-row":
            sheet.read_row(element)
            element.clear()
        elif name == "table":
            sheet.cells.name = attribute(element, "name") or ""
            found.append(sheet.cells)
            sheet = _Sheet()
            element.clear()
    return found


def _times(element: Element, name: str) -> int:
    """How often a row or cell is repeated, or how far one reaches."""
    times = int(attribute(element, name) or 1)
    if not 1 <= times <= MOST_ROWS:
        raise ValueError(f"{name} is {times}")
    return times


class _Sheet:
    """One sheet while it is run through."""

    def __init__(self) -> None:
        self.cells = Cells("")
        self.row = 1
        self.spread = 0

    def read_row(self, element: Element) -> None:
        """Take a row, and those that repeat it."""
        times = _times(element, "number-rows-repeated")
        texts: dict[int, str] = {}
        column = 0
        for cell in element:
            if local(cell) in _CELLS:
                # A sheet ends in a blank cell repeated to its full width: only repeats that hold something are laid
                # out.
                text, repeated = self._read_cell(cell, column, times), _times(cell, "number-columns-repeated")
                if text and not text.isspace():
                    self._refuse_too_wide(repeated)
                    texts |= dict.fromkeys(range(column, column + repeated), text)
                column += repeated
        if texts and attribute(element, "visibility") in ("collapse", "filter"):
            self.cells.note("hidden_rows", self.row, None, "")
        self.cells.add(self.row, texts, times)
        self.row += times

    def _refuse_too_wide(self, repeated: int) -> None:
        """A cell that is repeated takes a dozen bytes of the file, and as much memory as all of them."""
        self.spread += repeated
        if self.spread > MOST_CELLS:
            raise ValueError(f"it holds more than the {MOST_CELLS:,} cells that are allowed")

    def _read_cell(self, cell: Element, column: int, times: int) -> str:
        displayed = "\n".join(_paragraph(child) for child in cell if local(child) == "p")
        kind, value = attribute(cell, "value-type"), attribute(cell, "value")
        self._read_merged(cell, column)
        formula = attribute(cell, "formula")
        if formula is not None and not displayed and value is None and kind != "string":
            self.cells.mark(Mark("no_result", self.row, self.row + times - 1, column, formula))
            return formula
        if any(key.endswith("value-type") and found == "error" for key, found in cell.attrib.items()):
            return displayed
        return self._write(cell, kind, value, displayed, column)

    def _write(self, cell: Element, kind: str | None, value: str | None, displayed: str, column: int) -> str:
        if kind == "percentage":
            if value is None:
                self.cells.note("percent_as_shown", self.row, column, displayed)
                return displayed
            return write_number(value, "percent")
        if kind in _NUMBERS and value is not None:
            return write_number(value, "plain")
        if kind == "date":
            return (attribute(cell, "date-value") or displayed).replace("T", " ").removesuffix(" 00:00:00")
        if kind == "boolean":
            return (attribute(cell, "boolean-value") or displayed).upper()
        return displayed or attribute(cell, "string-value") or ""

    def _read_merged(self, cell: Element, column: int) -> None:
        down, across = _times(cell, "number-rows-spanned"), _times(cell, "number-columns-spanned")
        if down > 1 or across > 1:
            reference = f"of {down:,} × {across:,} cells from row {self.row}"
            last = (min(self.row + down - 1, MOST_ROWS), min(column + across - 1, column + 1000))
            for mark in covered(reference, (self.row, column), last):
                self.cells.mark(mark)


def _paragraph(element: Element) -> str:
    """A paragraph's text, with its spaces, tabs and line breaks as they are seen."""
    name = local(element)
    if name in ("annotation", "ruby-text"):
        return ""
    inner = {"s": " " * min(int(attribute(element, "c") or 1), 10_000), "tab": "\t", "line-break": "\n"}.get(name)
    text = inner if inner is not None else element.text or ""
    return text + "".join(_paragraph(child) + (child.tail or "") for child in element)
