"""Workbooks that people work in: the same rows give the same bytes, and no text is ever run as a formula."""

from __future__ import annotations

import datetime as dt
from contextlib import contextmanager
from io import BytesIO
from typing import TYPE_CHECKING, Final

import xlsxwriter

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

# A workbook otherwise records when it was made.
_MADE: Final = dt.datetime(2009, 7, 1)  # noqa: DTZ001  # xlsxwriter takes a time without a zone
_PLAIN: Final = {
    "in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False,
}  # fmt: skip


@contextmanager
def new_workbook(file: Path, title: str) -> Iterator[xlsxwriter.Workbook]:
    """Give a workbook to write into; its file is written at once at the end, so that a full disk fails one write."""
    content = BytesIO()
    with xlsxwriter.Workbook(content, _PLAIN) as workbook:
        workbook.set_properties({"title": title, "created": _MADE})
        yield workbook
    file.write_bytes(content.getvalue())


def write_sheet(
    workbook: xlsxwriter.Workbook, name: str, columns: Mapping[str, int], rows: Sequence[Sequence[object]], frozen: int
) -> None:
    """Add a sheet: heading frozen and filtered, texts wrapped, as wide as one page on paper.

    Args:
        workbook: what to add it to.
        name: of the sheet.
        columns: each heading with its width in letters.
        rows: texts, numbers, and None for a cell that stays empty.
        frozen: how many columns at the left stay in sight.
    """
    sheet = workbook.add_worksheet(name)
    heading = workbook.add_format({"bold": True, "bottom": 1, "text_wrap": True, "valign": "top"})
    body = workbook.add_format({"valign": "top", "text_wrap": True})
    for at, (column, width) in enumerate(columns.items()):
        sheet.set_column(at, at, width, body)
        sheet.write_string(0, at, column, heading)
    for at, row in enumerate(rows, start=1):
        for place, cell in enumerate(row):
            if isinstance(cell, str):
                sheet.write_string(at, place, cell)
            elif cell is not None:
                sheet.write_number(at, place, cell)
    sheet.freeze_panes(1, frozen)
    sheet.autofilter(0, 0, len(rows), len(columns) - 1)
    sheet.set_landscape()
    sheet.set_paper(9)  # A4
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(0)
