"""The visit list as a workbook that people work in."""

from __future__ import annotations

import datetime as dt
from io import BytesIO
from typing import TYPE_CHECKING, Final

import xlsxwriter

if TYPE_CHECKING:
    from pathlib import Path

    import polars as pl

# The same list gives the same bytes: a workbook otherwise records when it was made.
_MADE: Final = dt.datetime(2009, 7, 1)  # noqa: DTZ001  # xlsxwriter takes a time without a zone
_WIDTHS: Final = {"name": 44, "region": 20, "org_type": 14, "function": 13, "declared": 21, "reason": 90}
_FORMATS: Final = {
    "risk": "0%",
    "risk_low": "0%",
    "risk_high": "0%",
    "inclusion_probability": "0.0%",
    "decibans": "0.0",
}


def write_workbook(visit_list: pl.DataFrame, file: Path) -> None:
    """Write the list as XLSX: heading frozen and filtered, risks as percentages; texts stay texts, never formulas."""
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    content = BytesIO()  # a disk that fills up meanwhile then fails one plain write
    with xlsxwriter.Workbook(content, options) as workbook:
        workbook.set_properties({"title": "Visit list", "created": _MADE})
        sheet = workbook.add_worksheet("visit_list")
        heading = workbook.add_format({"bold": True, "bottom": 1, "text_wrap": True, "valign": "top"})
        for index, name in enumerate(visit_list.columns):
            style = {"valign": "top", "text_wrap": name in {"reason", "name"}}
            body = workbook.add_format(style | ({"num_format": _FORMATS[name]} if name in _FORMATS else {}))
            sheet.set_column(index, index, _WIDTHS.get(name, 11), body)
            sheet.write_string(0, index, name.replace("_", " "), heading)
            sheet.write_column(1, index, visit_list[name].to_list())
        sheet.freeze_panes(1, 3)
        sheet.autofilter(0, 0, visit_list.height, visit_list.width - 1)
        sheet.set_landscape()
        sheet.fit_to_pages(1, 0)
        sheet.repeat_rows(0)
    file.write_bytes(content.getvalue())
