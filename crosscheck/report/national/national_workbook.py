"""The national picture as a workbook: a sheet a table as the review sets it, one with every figure and its parts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from crosscheck.report.national.figures import PARTS
from crosscheck.report.national.national_report import WITHHELD, decimals_of, how_to_read
from crosscheck.report.output.workbook import new_workbook

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import xlsxwriter
    from xlsxwriter.format import Format
    from xlsxwriter.worksheet import Worksheet

    from crosscheck.report.national.national_report import Cell, Figure, NationalReport, Setting


_FIGURES: Final = (
    "figure_id", "where", "question", "counted", "trust_type", "period", "statistic", "unit", "qualifier", "published",
    "recomputed", "difference", "agreement", *PARTS, "base_rule", "published_base", "reason", "remark",
    "question_id", "note",
)  # fmt: skip
_DIFFERING: Final = (
    "figure_id", "where", "question", "counted", "trust_type", "published", "recomputed", "difference", "numerator",
    "base", "reason", "remark",
)  # fmt: skip
_BY_TYPE: Final = ("figure_id", "question_id", "counted", "type", "recomputed", *PARTS)
_WIDTHS: Final = {
    "question": 50, "where": 30, "counted": 24, "base_rule": 40, "published_base": 40, "reason": 60,
    "remark": 60, "note": 40, "question_id": 36, "statistic": 24, "unit": 12, "trust_type": 16,
}  # fmt: skip
_RESULTS: Final = ("recomputed", "difference")


def write_workbook(report: NationalReport, file: Path) -> None:
    """Write the picture as XLSX: headings frozen and filtered, texts never formulas, what is withheld in words."""
    with new_workbook(file, f"National picture of {report.standard}, {report.year}") as workbook:
        styles = _Styles(workbook)
        _write_summary(workbook.add_worksheet("summary"), report, styles)
        for setting in report.tables:
            _write_setting(workbook.add_worksheet(f"table {setting.table.number}"), setting, styles)
        _write_list(workbook.add_worksheet("differing"), report.differing, _DIFFERING, styles)
        _write_list(workbook.add_worksheet("figures"), report.figures, _FIGURES, styles)
        if not report.publish:
            _write_list(workbook.add_worksheet("by type"), _by_type(report.figures), _BY_TYPE, styles)


class _Styles:
    """The looks of cells: figures with the decimals and the unit that they have, as far as a format can say it."""

    def __init__(self, workbook: xlsxwriter.Workbook) -> None:
        self._workbook = workbook
        self._numbers: dict[str, Format] = {}
        self.title = workbook.add_format({"bold": True, "font_size": 13})
        self.heading = workbook.add_format({"bold": True, "bottom": 1, "text_wrap": True, "valign": "top"})
        self.words = workbook.add_format({"text_wrap": True, "valign": "top"})
        self.right = workbook.add_format({"align": "right", "valign": "top"})

    def number(self, figure: Figure, name: str) -> Format:
        """How a figure is shown: as many decimals as were printed, and one more where it is recomputed."""
        decimals = decimals_of(figure) if name in _RESULTS else max(figure["decimals"], 0)
        digits = "#,##0." + "0" * decimals if decimals else "#,##0"
        unit = '"%"' if figure["unit"] == "percent" else ""
        return self._format(f"[$£-809]{digits}" if figure["unit"] == "GBP" else digits + unit)

    def count(self) -> Format:
        """How a count is shown."""
        return self._format("#,##0")

    def _format(self, form: str) -> Format:
        if form not in self._numbers:
            self._numbers[form] = self._workbook.add_format({"num_format": form, "valign": "top"})
        return self._numbers[form]


def _write_summary(sheet: Worksheet, report: NationalReport, styles: _Styles) -> None:
    sheet.set_column(0, 0, 24)
    sheet.set_column(1, 3, 16)
    sheet.write_string(0, 0, f"National picture of {report.standard}, {report.year}", styles.title)
    row = 2
    for name, number in report.summary().items():
        sheet.write_string(row, 0, name.replace("_", " "))
        sheet.write_number(row, 1, number)
        row += 1
    row += 1
    for column, head in enumerate(("organisations", "contacted", "made a return", "made none")):
        sheet.write_string(row, column, head, styles.heading)
    for organisations in report.organisations:
        row += 1
        sheet.write_string(row, 0, organisations["kind"].replace("_", " "))
        for column, name in enumerate(("contacted", "responded", "silent"), start=1):
            _write_count(sheet, (row, column), organisations[name], styles, withheld=organisations["withheld"])
    for on, words in how_to_read(report.publish).items():
        row += 2
        sheet.write_string(row, 0, on, styles.words)
        sheet.merge_range(row, 1, row, 9, words, styles.words)
        # Excel fits no row to merged cells, so its height is reckoned from the length of the text.
        sheet.set_row(row, 15 * (1 + len(words) // 95))
    _set_page(sheet)


def _write_setting(sheet: Worksheet, setting: Setting, styles: _Styles) -> None:
    """A table of the review: each of its columns as published, recomputed, counted and base."""
    table, heads = setting.table, len(setting.table.row_heads)
    sheet.set_column(0, heads - 1, 34)
    sheet.set_column(heads, heads + 4 * len(table.columns), 11)
    sheet.write_string(0, 0, f"Table {table.number}: {table.title}", styles.title)
    sheet.write_row(2, 0, table.row_heads, styles.heading)
    for place, column in enumerate(table.columns):
        first = heads + 4 * place
        sheet.merge_range(1, first, 1, first + 3, column.head, styles.heading)
        sheet.write_row(2, first, ("published", "recomputed", "number counted", "base"), styles.heading)
    sheet.set_row(1, 48)
    for row, (row_heads, cells) in enumerate(setting.rows, start=3):
        sheet.write_row(row, 0, row_heads, styles.words)
        for place, cell in enumerate(cells):
            _write_cell(sheet, (row, heads + 4 * place), cell, styles)
    if table.note:
        sheet.write_string(len(setting.rows) + 4, 0, table.note)
    sheet.freeze_panes(3, heads)
    _set_page(sheet, repeated=2)


def _write_cell(sheet: Worksheet, place: tuple[int, int], cell: Cell, styles: _Styles) -> None:
    row, column = place
    figure = cell.figure
    if figure is None:
        sheet.write_string(row, column, cell.unprinted, styles.right)
        return
    for part, name in enumerate(("published", "recomputed", "numerator", "base")):
        _write_value(sheet, (row, column + part), figure, name, styles)


def _write_list(sheet: Worksheet, figures: Sequence[Figure], names: Sequence[str], styles: _Styles) -> None:
    for column, name in enumerate(names):
        sheet.set_column(column, column, _WIDTHS.get(name, 12), styles.words)
        sheet.write_string(0, column, {"numerator": "number counted"}.get(name, name).replace("_", " "), styles.heading)
    for row, figure in enumerate(figures, start=1):
        for column, name in enumerate(names):
            _write_value(sheet, (row, column), figure, name, styles)
    sheet.freeze_panes(1, 1)
    sheet.autofilter(0, 0, max(len(figures), 1), len(names) - 1)
    _set_page(sheet, repeated=0)


def _write_value(sheet: Worksheet, place: tuple[int, int], figure: Figure, name: str, styles: _Styles) -> None:
    value = figure[name]
    if isinstance(value, str):
        sheet.write_string(*place, value, styles.words)
    elif name in PARTS:
        _write_count(sheet, place, value, styles, withheld=name in figure.get("withheld", ()))
    elif value is not None:
        sheet.write_number(*place, value, styles.number(figure, name))
    elif name in _RESULTS and "recomputed" in figure.get("withheld", ()):
        sheet.write_string(*place, WITHHELD, styles.right)


def _write_count(
    sheet: Worksheet, place: tuple[int, int], count: int | None, styles: _Styles, *, withheld: bool
) -> None:
    if withheld:
        sheet.write_string(*place, WITHHELD, styles.right)
    elif count is not None:
        sheet.write_number(*place, count, styles.count())


def _by_type(figures: Sequence[Figure]) -> list[dict[str, Any]]:
    """One row a figure and type of organisation that was asked."""
    return [figure | part | {"withheld": ()} for figure in figures for part in figure["by_type"]]


def _set_page(sheet: Worksheet, repeated: int | None = None) -> None:
    sheet.set_landscape()
    sheet.set_paper(9)
    sheet.fit_to_pages(1, 0)
    if repeated is not None:
        sheet.repeat_rows(0, repeated)
