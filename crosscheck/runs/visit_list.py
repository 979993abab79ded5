"""The visit list as a workbook that people work in: the list, what its columns mean, and what it rests on."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from crosscheck.contract.outputs import FURTHER, OUTPUTS
from crosscheck.report.output.rank_bands import describe_effect
from crosscheck.vocabulary import ARMS_IN_WORDS, ORG_TYPES_IN_WORDS, POOLS_IN_WORDS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from xlsxwriter.format import Format
    from xlsxwriter.workbook import Workbook
    from xlsxwriter.worksheet import Worksheet

    from crosscheck.runs.manifest import Manifest
    from crosscheck.vocabulary import Arm

_WIDTHS: Final = {
    "rank": 5, "org_code": 7, "name": 26, "org_type": 19, "region": 11, "function": 13, "declared": 12, "risk": 7,
    "risk_low": 7, "risk_high": 7, "rank_low": 7, "rank_high": 7, "selected_by": 13, "inclusion_probability": 11,
    "flags": 7, "unknowns": 10, "reason": 46, "pool": 17, "duties_unmet": 8, "decibans": 10,
    "among_capacity": 9, "visited": 10, "added": 24,
    "check_id": 12, "severity": 9, "finding": 50, "answer": 45, "basis": 30,
}  # fmt: skip
# Folded away, so that what people plan by fits the screen and the width of a page in letters of 8 points; the + above
# the columns unfolds them. The pool shows in what was declared and found.
_FOLDED: Final = (
    "org_type", "risk_low", "risk_high", "rank_low", "rank_high", "inclusion_probability", "flags", "unknowns", "pool",
    "duties_unmet", "decibans", "among_capacity",
)  # fmt: skip
_WORDS: Final[dict[str, Mapping[Any, str]]] = {
    "org_type": ORG_TYPES_IN_WORDS, "function": {"whole": "whole organisation"}, "declared": {}, "visited": {},
    "selected_by": ARMS_IN_WORDS, "pool": POOLS_IN_WORDS, "severity": {},
}  # fmt: skip
_FORMATS: Final = {
    "risk": "0%", "risk_low": "0%", "risk_high": "0%", "among_capacity": "0%",
    "inclusion_probability": "0.0%", "decibans": "+0.0;-0.0;0.0",
}  # fmt: skip
_WRAPPED: Final = ("name", "region", "function", "declared", "selected_by", "reason", "added", "remarks")
_LINE: Final = 15  # points that a line of text takes
# What those who plan the visits fill in: heading, width, the choices that the cell offers, and what it is for.
_OWN: Final = (
    ("visit on", 10, (), "yours: the day that is agreed"),
    ("assessor", 11, (), "yours: who goes"),
    ("outcome", 10, ("upheld", "qualified", "not visited"), "yours: what the visit found"),
    ("remarks", 14, (), "yours"),
)  # fmt: skip
_ARMS: Final[dict[Arm, str]] = {
    "mandatory": "chosen for an unmet statutory duty, by its own answers (duties.csv says which)",
    "risk": "chosen for the highest risk",
    "random": "chosen at random, not for its risk",
}
# Greys that a printer without colour tells apart; the arm stands in the cell in words as well.
_FILLS: Final[dict[Arm, str]] = {"mandatory": "#BFC7CF", "risk": "#DDE2E7", "random": "#F1F3F5"}
_BAR: Final = "#9AA5B1"
_REASONS: Final = 5
_SAMPLE: Final = "random sample"
_DUTY: Final = ("org_code", "function", "check_id", "severity", "finding", "answer", "basis")
_NOTE: Final = {"x_scale": 3.4, "y_scale": 2.4, "author": "crosscheck"}


def write_workbook(
    visit_list: pl.DataFrame,
    file: Path,
    reasons: Mapping[tuple[str, str], Sequence[str]] | None = None,
    rests_on: Sequence[tuple[str, str]] = (),
    duties: pl.DataFrame | None = None,
) -> None:
    """Write the list as XLSX, codes in words: texts stay texts, never formulas; the same list gives the same bytes.

    Args:
        visit_list: in the columns of `outputs.OUTPUTS["visit_list"]` and further ones, in the order that is shown.
        file: the workbook.
        reasons: of a declaration (`org_code`, `function`) the weightiest parts in words, for the note on its reason.
        rests_on: what the list rested on, as pairs of words, for the last sheet.
        duties: `outputs.OUTPUTS["duties"]`, for a sheet of its own.
    """
    from crosscheck.report.output.workbook import new_workbook

    with new_workbook(file, "Visit list") as workbook:
        sheet = workbook.add_worksheet("visit_list")
        _write_list(workbook, sheet, _spell_codes(visit_list))
        _write_own_columns(workbook, sheet, visit_list)
        _mark_arms(workbook, sheet, visit_list)
        _write_notes(sheet, visit_list, reasons or {})
        _set_for_print(sheet, visit_list.width + len(_OWN))
        if duties is not None:
            _write_rows(workbook, "duties", _DUTY, _spell_codes(duties.select(_DUTY)).rows())
        _write_meanings(workbook, visit_list.columns, dict(rests_on).get(_SAMPLE, ""))
        _write_pairs(workbook, "rests on", ("What", "Which"), rests_on)


def _write_list(workbook: Workbook, sheet: Worksheet, visit_list: pl.DataFrame) -> None:
    heading = _heading(workbook)
    for index, name in enumerate(visit_list.columns):
        style = _style(name) | ({"align": "left", "indent": 1} if visit_list[name].dtype == pl.String else {})
        is_empty = name == "added" and visit_list[name].is_null().all()
        body, folded = workbook.add_format(style), name in _FOLDED or is_empty
        sheet.set_column(index, index, _WIDTHS.get(name, 11), body, {"level": int(folded), "hidden": folded})
        sheet.write_string(0, index, name.replace("_", " "), heading)
        sheet.write_column(1, index, visit_list[name].to_list(), body)
    sheet.set_row(0, 2 * _LINE + 2)
    for row, lines in enumerate(_count_lines(visit_list), start=1):
        sheet.set_row(row, lines * _LINE)
    sheet.freeze_panes(1, 3)
    sheet.autofilter(0, 0, visit_list.height, visit_list.width + len(_OWN) - 1)


def _spell_codes(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows with every code in words, as the beginning of a sentence."""
    spelt = (
        pl.col(name).cast(pl.String).replace(dict(words)).str.replace_all("_", " ").alias(name)
        for name, words in _WORDS.items()
        if name in rows.columns
    )
    return rows.with_columns(text.str.head(1).str.to_uppercase() + text.str.slice(1) for text in spelt)


def _count_lines(visit_list: pl.DataFrame) -> list[int]:
    """How many lines the longest text of each row takes, about: a spreadsheet does not make a written row grow."""
    wrapped = [name for name in _WRAPPED if name in visit_list.columns]
    lines = ((pl.col(name).str.len_chars() / (0.9 * _WIDTHS[name])).ceil() for name in wrapped)
    return visit_list.select(pl.max_horizontal(*lines, 1).cast(pl.Int64)).to_series().to_list()


def _begin(words: str) -> str:
    return words[:1].upper() + words[1:]


def _heading(workbook: Workbook) -> Format:
    return workbook.add_format({"bold": True, "bottom": 2, "text_wrap": True, "valign": "top", "bg_color": "#E6EAEE"})


def _style(name: str) -> dict[str, object]:
    style: dict[str, object] = {"valign": "top", "text_wrap": name in _WRAPPED, "bottom": 4, "bottom_color": "#8A949E"}
    return style | ({"num_format": _FORMATS[name]} if name in _FORMATS else {})


def _write_own_columns(workbook: Workbook, sheet: Worksheet, visit_list: pl.DataFrame) -> None:
    """Empty columns after the list's own, for those who plan and make the visits."""
    heading = _heading(workbook)
    for index, (name, width, choices, _) in enumerate(_OWN, start=visit_list.width):
        style = _style(name) | ({"num_format": "d mmm yyyy"} if name == "visit on" else {})
        sheet.set_column(index, index, width, workbook.add_format(style))
        sheet.write_string(0, index, name, heading)
        if choices and visit_list.height:
            offered = {"validate": "list", "source": list(choices), "error_message": f"One of: {', '.join(choices)}"}
            sheet.data_validation(1, index, visit_list.height, index, offered)
        elif name == "visit on" and visit_list.height:
            is_day = {"validate": "date", "criteria": ">=", "value": dt.date(2000, 1, 1), "error_message": "A day"}
            sheet.data_validation(1, index, visit_list.height, index, is_day)


def _mark_arms(workbook: Workbook, sheet: Worksheet, visit_list: pl.DataFrame) -> None:
    """Rows of visits in greys, a bar behind each risk: both follow the cells when somebody sorts or edits them."""
    height, columns = visit_list.height, visit_list.columns
    if not height:
        return
    if "selected_by" in columns:
        arm = columns.index("selected_by")
        for name, fill in _FILLS.items():
            # By formula and not by cell format, so that the shade moves with its row when somebody sorts.
            criteria = f'=INDEX($A2:$Z2,{arm + 1})="{_begin(ARMS_IN_WORDS[name])}"'
            shade = {"type": "formula", "criteria": criteria, "format": workbook.add_format({"bg_color": fill})}
            sheet.conditional_format(1, 0, height, arm, shade)
    if "risk" in columns:
        risk = columns.index("risk")
        ends = {"min_type": "num", "min_value": 0, "max_type": "num", "max_value": 1}
        bar = {"type": "data_bar", "bar_color": _BAR, "bar_solid": True, "data_bar_2010": True, **ends}
        sheet.conditional_format(1, risk, height, risk, bar)


def _write_notes(sheet: Worksheet, visit_list: pl.DataFrame, reasons: Mapping[tuple[str, str], Sequence[str]]) -> None:
    if not reasons:
        return
    column = visit_list.columns.index("risk")
    for row, key in enumerate(visit_list.select("org_code", "function").iter_rows(), start=1):
        if note := reasons.get(key):
            sheet.write_comment(row, column, "\n".join(note), _NOTE)


def _set_for_print(sheet: Worksheet, width: int) -> None:
    sheet.set_landscape()
    sheet.set_paper(9)  # A4
    sheet.set_margins(left=0.3, right=0.3, top=0.6, bottom=0.6)
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(0)
    sheet.set_header("&L&BVisit list&B&RA place on the list asks for a visit; it judges nobody")
    sheet.set_footer("&L&F&RPage &P of &N")
    sheet.set_column(width, width, 2)


def _write_meanings(workbook: Workbook, columns: Sequence[str], sample: str) -> None:
    meanings = {column.name: column.meaning for column in (*OUTPUTS["visit_list"].columns, *FURTHER["visit_list"])}
    rows = [(name.replace("_", " "), meanings.get(name, "")) for name in columns]
    rows += [(name, meaning) for name, _, _, meaning in _OWN]
    arms = _ARMS | ({"random": f"{_ARMS['random']} ({sample})"} if sample else {})
    rows += [(f"selected by: {ARMS_IN_WORDS[arm]}", meaning) for arm, meaning in arms.items()]
    _write_pairs(workbook, "columns", ("Column", "What it says"), rows)


def _write_pairs(workbook: Workbook, name: str, headings: tuple[str, str], rows: Sequence[tuple[str, str]]) -> None:
    sheet = _write_rows(workbook, name, headings, rows)
    sheet.set_column(0, 0, 32)
    sheet.set_column(1, 1, 100)


def _write_rows(workbook: Workbook, name: str, headings: Sequence[str], rows: Sequence[Sequence[str]]) -> Worksheet:
    """A sheet of texts under their headings."""
    sheet = workbook.add_worksheet(name)
    body = workbook.add_format({"valign": "top", "text_wrap": True})
    for index, column in enumerate(headings):
        sheet.set_column(index, index, _WIDTHS.get(column, 40), body)
        sheet.write_string(0, index, column.replace("_", " "), _heading(workbook))
    for row, texts in enumerate(rows, start=1):
        for index, text in enumerate(texts):
            sheet.write_string(row, index, text, body)
    sheet.freeze_panes(1, 0)
    sheet.set_landscape()
    sheet.set_paper(9)
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(0)
    return sheet


def list_reasons(parts: pl.DataFrame) -> dict[tuple[str, str], list[str]]:
    """The weightiest pieces of evidence on each declaration in words, for or against, each with its effect.

    Args:
        parts: one row a part of a risk: `org_code`, `function`, `family`, `part`, `decibans`, `reason`.
    """
    evidence = parts.filter(parts["family"].is_in(["prior"]).not_())
    size = evidence["decibans"].abs().alias("size")
    # The name of the part breaks ties: the order of rows must not choose which reason is given.
    ordered = evidence.with_columns(size).sort(
        "org_code", "function", "size", "part", descending=[False, False, True, False]
    )
    first = ordered.group_by("org_code", "function", maintain_order=True).head(_REASONS)
    reasons: dict[tuple[str, str], list[str]] = {}
    for org_code, function, decibans, reason in first.select("org_code", "function", "decibans", "reason").iter_rows():
        sentences = reasons.setdefault((org_code, function), ["What weighs most, for or against:"])
        sentences.append(f"{describe_effect(decibans)}, {'raises' if decibans > 0 else 'lowers'} the risk: {reason}")
    return reasons


def describe_basis(manifest: Manifest, tables: Mapping[str, str]) -> list[tuple[str, str]]:
    """What a run rested on, as pairs of words: version, options, seed, rules, models, and the tables that it had read.

    Args:
        manifest: of the run.
        tables: the SHA-256 of each table as it was understood: that of a file would change with the order of its rows.
    """
    options = {name: value for name, value in sorted(manifest.options.as_json().items()) if name != "collection"}
    rules, draw = manifest.rules, manifest.require_draw()
    return [
        ("crosscheck", manifest.crosscheck),
        (_SAMPLE, f"{draw.note}; drawn with the value {draw.value}"),
        *((f"option {name.replace('_', ' ')}", "" if value is None else str(value)) for name, value in options.items()),
        ("rules", f"{rules.count}, SHA-256 {rules.sha256}"),
        *((f"model {name}", f"{model.version}, SHA-256 {model.sha256}") for name, model in manifest.models.items()),
        *((f"table {name}", f"as it was understood: SHA-256 {digest}") for name, digest in tables.items()),
    ]
