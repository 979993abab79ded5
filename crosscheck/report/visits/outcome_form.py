"""Outcome forms: on the day an assessor fills in what was found, and of each criterion whether evidence was seen."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

import polars as pl

from crosscheck.collection.outcome_form import FILLED_IN, FINDINGS, OF_THE_VISIT, OUTCOME_FORM
from crosscheck.contract.inputs import SEEN
from crosscheck.report.output.file_names import file_stem
from crosscheck.report.output.folder import written_whole
from crosscheck.report.output.tables import guard_formulas
from crosscheck.report.output.workbook import new_workbook
from crosscheck.report.visits.visit_criteria import list_blinded_criteria, list_criteria, list_visited
from crosscheck.report.visits.visit_evidence import weigh_evidence
from crosscheck.runs.make_run import standard_of_run
from crosscheck.runs.run_folder import read_manifest

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import xlsxwriter

MARK: Final = "outcome_forms.json"
_WIDTHS: Final = {
    "org_code": 10, "name": 30, "function": 14, "question_id": 30, "item": 6, "what_to_look_at": 60, "visited_on": 12,
    "assessor": 12, "finding": 12, "seen": 14, "remark": 40, "corrects": 30, "run": 18,
}  # fmt: skip
_HELP: Final = {
    "visited_on": "Day of the visit, for example 2009-07-27.",
    "assessor": "Your code as an assessor.",
    "finding": "upheld: the declaration of compliance stands. qualified: it does not.",
    "seen": "seen: evidence was seen. not_offered: none was offered, and you did not insist. absent: you asked for it "
    "and it was not there. Leave empty what you did not look at.",
    "remark": "Anything else that should be kept.",
    "corrects": "Only if this corrects what was recorded before: say why.",
}
_CHOICES: Final = {"finding": FINDINGS, "seen": SEEN}
_DECLARATION: Final = "Does the visit uphold this declaration of compliance?"


def write_forms(run: Path, folder: Path, only: Sequence[str] = (), *, blinded: bool = False) -> int:
    """Write one form (XLSX, and CSV that says the same) for each organisation to visit.

    Args:
        run: the run's folder.
        folder: where to; missing, empty, or forms, which are replaced whole.
        only: codes of the organisations to visit; those that the run chose if there are none.
        blinded: whether the criteria must not give away why it is visited (`visit_criteria.list_blinded_criteria`).

    Returns:
        For how many organisations. The same run gives the same bytes.

    Raises:
        RunError: there is no such run, the rules here are others, or the folder can't be written.
        UnknownNameError: an organisation of `only` declares compliance nowhere in the run.
    """
    standard = standard_of_run(run)
    visited = list_visited(run, only)
    choose = list_blinded_criteria if blinded else list_criteria
    criteria = choose(run, visited, weigh_evidence(run, standard), standard)
    forms = lay_out_form(visited, criteria, key_of_run(run)).partition_by("org_code", maintain_order=True)
    with written_whole(folder, MARK, "set of outcome forms") as whole:
        for form in forms:
            write_form(form, whole / file_stem(form["org_code"][0]))
        mark = {"run": key_of_run(run), "organisations": [form["org_code"][0] for form in forms]}
        (whole / MARK).write_text(json.dumps(mark, indent=1) + "\n", encoding="utf-8")
    return len(forms)


def key_of_run(run: Path) -> str:
    """What the forms of a run bear, and what it is called in a store: the first sixteen characters of its fingerprint.

    Raises:
        RunError: there is no such run.
    """
    return read_manifest(run).run_id


def lay_out_form(visited: pl.DataFrame, criteria: pl.DataFrame, run: str) -> pl.DataFrame:
    """The rows of all forms in the columns of `OUTCOME_FORM`, those that an assessor fills in empty.

    A row of the declaration comes first, then its criteria in their order.
    """
    names = visited.select("org_code", "function", "name")
    declarations = names.with_columns(what_to_look_at=pl.lit(_DECLARATION))
    questions = criteria.rename({"asked": "what_to_look_at"}).join(
        names, on=["org_code", "function"], maintain_order="left"
    )
    empty = [pl.lit(None, pl.String).alias(name) for name in FILLED_IN]
    rows = pl.concat([declarations, questions], how="diagonal").with_columns(*empty, run=pl.lit(run))
    return rows.sort("org_code", "function", maintain_order=True).select(OUTCOME_FORM.schema.names())


def write_form(form: pl.DataFrame, stem: Path) -> None:
    """Write one form as XLSX and CSV, which are read back alike (`OUTCOME_FORM`, all of it text)."""
    # With a byte-order mark, since Excel would otherwise take the file for Windows-1252.
    guard_formulas(form).write_csv(stem.with_name(f"{stem.name}.csv"), include_bom=True)
    with new_workbook(stem.with_name(f"{stem.name}.xlsx"), "Outcome form") as workbook:
        sheet = workbook.add_worksheet(OUTCOME_FORM.name)
        _write_rows(workbook, sheet, form)
        _offer_choices(sheet, form)
        sheet.freeze_panes(1, 0)
        sheet.protect("", {"format_columns": True, "format_rows": True})
        sheet.set_landscape()
        sheet.set_paper(9)  # A4
        sheet.fit_to_pages(1, 0)
        sheet.repeat_rows(0)


def _write_rows(workbook: xlsxwriter.Workbook, sheet: xlsxwriter.worksheet.Worksheet, form: pl.DataFrame) -> None:
    """The cells: what is to be filled in is open, all else is protected from slips (without a password)."""
    wrapped = {"text_wrap": True, "valign": "top"}
    heading = workbook.add_format({**wrapped, "bold": True, "bottom": 1})
    fixed = workbook.add_format(wrapped)
    # Plain text, since a spreadsheet would write a day in the way of its own country.
    to_fill = workbook.add_format({**wrapped, "locked": False, "bg_color": "#FFF8DC", "border": 4, "num_format": "@"})
    for index, name in enumerate(form.columns):
        sheet.set_column(index, index, _WIDTHS[name], fixed)
        sheet.write_string(0, index, name.replace("_", " "), heading)
        for row, (cell, question) in enumerate(zip(form[name], form["question_id"], strict=True), start=1):
            shape = to_fill if _is_open(name, question) else fixed
            if cell is None:
                sheet.write_blank(row, index, None, shape)
            else:
                sheet.write_string(row, index, cell, shape)


def _is_open(column: str, question: str | None) -> bool:
    """Whether a cell is to be filled in: the finding once for a declaration, what was seen in each criterion."""
    if column in OF_THE_VISIT:
        return question is None
    return question is not None if column == "seen" else column in FILLED_IN


def _offer_choices(sheet: xlsxwriter.worksheet.Worksheet, form: pl.DataFrame) -> None:
    """Say beside each cell that is to be filled in what belongs there, and offer the choices as a list."""
    for row, question in enumerate(form["question_id"], start=1):
        for column in (name for name in FILLED_IN if _is_open(name, question)):
            options: dict[str, object] = {"validate": "any", "input_title": column.replace("_", " ")}
            options["input_message"] = _HELP[column]
            if column in _CHOICES:
                allowed = list(_CHOICES[column])
                options |= {"validate": "list", "source": allowed, "error_message": "Choose one of the list."}
            place = form.columns.index(column)
            sheet.data_validation(row, place, row, place, options)
