"""The visit list as a workbook that people work in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from crosscheck.report.workbook import new_workbook

if TYPE_CHECKING:
    from pathlib import Path

    import polars as pl

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
    with new_workbook(file, "Visit list") as workbook:
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
