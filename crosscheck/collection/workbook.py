"""Workbooks: the text of every cell, with what the reading library hides from us.

The library gives the text of dates, numbers and shared texts, fast. But it turns a cell whose formula failed (`#REF!`)
into an empty one, and a cell that shows `54%` into `0.54`: an error would become *no answer*, and a share a hundredth
of itself. So the sheets' own XML is searched for these two kinds of cell, and they are put right.
"""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING, Final
from xml.parsers import expat

import fastexcel

if TYPE_CHECKING:
    import polars as pl

Cells = dict[tuple[int, int], str]  # text by row and column, both from 0

_MIDNIGHT: Final = r"^(\d{4}-\d{2}-\d{2}) 00:00:00$"
_PERCENT_FORMATS: Final = frozenset({"9", "10"})  # the two built-in ones of the file format


def read_workbook(raw: bytes) -> dict[str, pl.DataFrame]:
    """Read every sheet of an XLSX or ODS workbook as text.

    Returns:
        The cells of each sheet by its name, from its first row on, blank rows and all; an empty cell is null.

    Raises:
        ValueError: it is no workbook, or a damaged one.
    """
    try:
        workbook = fastexcel.read_excel(raw)
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            return {name: _read_sheet(workbook, archive, name) for name in workbook.sheet_names}
    except (fastexcel.FastExcelError, zipfile.BadZipFile, expat.ExpatError, KeyError) as error:
        raise ValueError(str(error).splitlines()[0]) from error


def _read_sheet(workbook: fastexcel.ExcelReader, archive: zipfile.ZipFile, name: str) -> pl.DataFrame:
    sheet = workbook.load_sheet(name, header_row=None, skip_rows=0, dtypes="string")
    cells: pl.DataFrame = sheet.to_polars()
    if cells.is_empty():
        return cells
    first = sheet.available_columns()[0].absolute_index
    shown = _ods_cells(archive, name) if "content.xml" in archive.namelist() else _xlsx_cells(archive, name)
    by_column: dict[int, dict[int, str]] = {}
    for (row, column), text in shown.items():
        by_column.setdefault(column - first, {})[row] = text
    return cells.with_columns(
        _put_right(cells[:, position], by_column.get(position, {})) for position in range(cells.width)
    )


def _put_right(column: pl.Series, shown: dict[int, str]) -> pl.Series:
    texts = column.str.replace(_MIDNIGHT, "$1")
    return texts.scatter(list(shown), list(shown.values())) if shown else texts


class _Handlers:
    """Gathers something while XML is run through; names and attributes come as they stand there, prefixes and all."""

    def parse(self, xml: bytes) -> None:
        """Run through the whole document."""
        parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartElementHandler = lambda name, attributes: self.start(name.rsplit(":", 1)[-1], attributes)
        parser.CharacterDataHandler = self.text
        parser.EndElementHandler = lambda name: self.end(name.rsplit(":", 1)[-1])
        parser.Parse(xml, True)

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """An element begins; `name` comes without its namespace's prefix."""

    def text(self, characters: str) -> None:
        """Characters inside an element."""

    def end(self, name: str) -> None:
        """An element ends."""


class _Named(_Handlers):
    """The attributes of every element of one name."""

    def __init__(self, wanted: str) -> None:
        self.wanted = wanted
        self.found: list[dict[str, str]] = []

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name == self.wanted:
            self.found.append(attributes)


def _xlsx_cells(archive: zipfile.ZipFile, sheet: str) -> Cells:
    cells = _XlsxCells(_percent_styles(archive))
    cells.parse(archive.read(_xlsx_path(archive, sheet)))
    return cells.found


def _attributes(archive: zipfile.ZipFile, path: str, element: str) -> list[dict[str, str]]:
    named = _Named(element)
    named.parse(archive.read(path))
    return named.found


def _xlsx_path(archive: zipfile.ZipFile, sheet: str) -> str:
    sheets = _attributes(archive, "xl/workbook.xml", "sheet")
    wanted = next(
        value for found in sheets if found["name"] == sheet for key, value in found.items() if key[-3:] == ":id"
    )
    links = _attributes(archive, "xl/_rels/workbook.xml.rels", "Relationship")
    target = next(link["Target"] for link in links if link["Id"] == wanted)
    return target.lstrip("/") if target.startswith("/") else f"xl/{target}"


def _percent_styles(archive: zipfile.ZipFile) -> frozenset[str]:
    """The numbers of the cell styles that show a figure as a percentage."""
    if "xl/styles.xml" not in archive.namelist():
        return frozenset()
    styles = _XlsxStyles()
    styles.parse(archive.read("xl/styles.xml"))
    percent = styles.percent_formats
    return frozenset(str(number) for number, form in enumerate(styles.cell_formats) if form in percent)


class _XlsxStyles(_Handlers):
    def __init__(self) -> None:
        self.percent_formats = set(_PERCENT_FORMATS)
        self.cell_formats: list[str] = []
        self.inside = False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self.inside = self.inside or name == "cellXfs"
        if name == "numFmt" and "%" in attributes.get("formatCode", ""):
            self.percent_formats.add(attributes["numFmtId"])
        elif name == "xf" and self.inside:
            self.cell_formats.append(attributes.get("numFmtId", "0"))

    def end(self, name: str) -> None:
        self.inside = self.inside and name != "cellXfs"


class _XlsxCells(_Handlers):
    """The cells of an XLSX sheet that hold an error or a percentage, as they are shown."""

    def __init__(self, percent_styles: frozenset[str]) -> None:
        self.percent_styles = percent_styles
        self.found: Cells = {}
        self.row = self.column = -1
        self.kind = self.style = self.value = ""
        self.inside = False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "row":
            self.row, self.column = int(attributes.get("r", self.row + 2)) - 1, -1
        elif name == "c":
            self.column = _column_number(attributes["r"]) if "r" in attributes else self.column + 1
            self.kind, self.style, self.value = attributes.get("t", "n"), attributes.get("s", ""), ""
        self.inside = name == "v"

    def text(self, characters: str) -> None:
        if self.inside:
            self.value += characters

    def end(self, name: str) -> None:
        self.inside = False
        if name == "c" and self.value and self.kind == "e":
            self.found[self.row, self.column] = self.value
        elif name == "c" and self.value and self.kind == "n" and self.style in self.percent_styles:
            self.found[self.row, self.column] = _percent(self.value)


def _column_number(reference: str) -> int:
    """The column of a cell's reference, from 0: `C7` gives 2."""
    number = 0
    for letter in reference.rstrip("0123456789"):
        number = number * 26 + ord(letter) - ord("A") + 1
    return number - 1


def _ods_cells(archive: zipfile.ZipFile, sheet: str) -> Cells:
    cells = _OdsCells(sheet)
    cells.parse(archive.read("content.xml"))
    return cells.found


class _OdsCells(_Handlers):
    """The cells of one sheet of an ODS workbook that hold an error or a percentage, as they are shown."""

    def __init__(self, sheet: str) -> None:
        self.sheet = sheet
        self.found: Cells = {}
        self.here = self.failed = False
        self.row = self.column = 0
        self.rows = self.columns = 1
        self.value = ""

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "table":
            self.here, self.row = attributes.get("table:name") == self.sheet, 0
        elif name == "table-row":
            self.column, self.rows = 0, int(attributes.get("table:number-rows-repeated", 1))
        elif name in ("table-cell", "covered-table-cell"):
            self.columns = int(attributes.get("table:number-columns-repeated", 1))
            self.failed = attributes.get("calcext:value-type") == "error"
            percent = attributes.get("office:value-type") == "percentage"
            self.value = _percent(attributes["office:value"]) if percent else ""

    def text(self, characters: str) -> None:
        if self.failed:
            self.value += characters.strip()

    def end(self, name: str) -> None:
        if name == "table-row":
            self.row += self.rows
        elif name in ("table-cell", "covered-table-cell"):
            if self.here and self.value:
                places = ((row, column) for row in range(self.rows) for column in range(self.columns))
                self.found |= {(self.row + row, self.column + column): self.value for row, column in places}
            self.column, self.failed = self.column + self.columns, False


def _percent(number: str) -> str:
    return f"{float(number) * 100:.10g}%"
