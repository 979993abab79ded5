"""The empty collection as a workbook: a sheet a table, choices as drop-downs, compulsory headings marked."""

from __future__ import annotations

from dataclasses import astuple
from typing import TYPE_CHECKING, Final

from crosscheck.collection.sources import EXPLAINS
from crosscheck.errors import RunError
from crosscheck.report.handbook.template import (
    QUESTION_HEADINGS,
    QUESTIONS,
    introduce,
    list_answers,
    list_question,
    refuse_filled,
)
from crosscheck.report.output.workbook import new_workbook, write_sheet

if TYPE_CHECKING:
    from pathlib import Path

    import xlsxwriter
    from xlsxwriter.worksheet import Worksheet

    from crosscheck.contract.table import Column, Table
    from crosscheck.report.handbook.template import Template

_LAST_ROW: Final = 1_048_575  # of a sheet, from 0
_MOST_LETTERS: Final = 255  # of a message beside a cell
_MARKED: Final = "#1D5B8F"
_EXPLAINED: Final = {
    "table": 16, "column": 22, "compulsory": 20, "holds": 50, "unit": 20, "meaning": 50, "empty": 36,
}  # fmt: skip
_QUESTIONS: Final = dict(zip(QUESTION_HEADINGS, (44, 70, 30, 20, 40), strict=True))
_FIRST_ANSWER: Final = len(QUESTION_HEADINGS) + 1  # the column of the first word of each question; before it, how many
_FORMATS: Final = {"date": "yyyy-mm-dd", "number": "General"}  # all else is text, so that 2008/09 becomes no date


def write_template_workbook(template: Template, file: Path) -> None:
    """Write the workbook. The same standard gives the same bytes.

    Raises:
        RunError: there is something already, or the file can't be written.
    """
    refuse_filled(file)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with new_workbook(file, f"A collection on standard {template.standard}, to fill in") as workbook:
            _explain(workbook, template)
            for table in template.tables:
                _add_table(workbook, template, table)
            _list_questions(workbook, template)
    except OSError as error:
        raise RunError(f"{file}: can't be written ({error.strerror}). Name another file with --out.") from error


def _explain(workbook: xlsxwriter.Workbook, template: Template) -> None:
    """What to do, then one row a column of every table."""
    steps = [("", "", "", "", "", line, "") for line in introduce(template)]
    columns = [astuple(template.explain(table, column)) for table in template.tables for column in table.columns]
    write_sheet(workbook, EXPLAINS, _EXPLAINED, [*steps, *columns], 2)


def _add_table(workbook: xlsxwriter.Workbook, template: Template, table: Table) -> None:
    sheet = workbook.add_worksheet(table.name)
    if table.required:
        sheet.set_tab_color(_MARKED)
    headings = {
        True: workbook.add_format({"bold": True, "bottom": 1, "font_color": "#FFFFFF", "bg_color": _MARKED}),
        False: workbook.add_format({"bottom": 1}),
    }
    for at, column in enumerate(table.columns):
        body = workbook.add_format({"num_format": _FORMATS.get(column.kind, "@")})
        sheet.set_column(at, at, max(14, len(column.name) + 3), body)
        sheet.write_string(0, at, column.name, headings[column.required])
        explained = template.explain(table, column)
        message = f"{explained.meaning}; {explained.compulsory}"[:_MOST_LETTERS]
        rule = _validation(template, table, column) | {"input_title": column.name, "input_message": message}
        sheet.data_validation(1, at, _LAST_ROW, at, rule)
    sheet.freeze_panes(1, 1)
    sheet.ignore_errors({"number_stored_as_text": f"A1:XFD{_LAST_ROW + 1}"})


def _validation(template: Template, table: Table, column: Column) -> dict[str, object]:
    """What the sheet lets into a column."""
    if column.name == "question_id":
        return {"validate": "list", "source": f"={QUESTIONS}!$A$2:$A${len(template.questionnaire) + 1}"}
    if column.name == "answer":
        return _answers(table)
    if choices := template.choices(column):
        return {"validate": "list", "source": list(choices)}
    if column.low is None:
        return {"validate": "any"}
    if column.high is None:
        return {"validate": "decimal", "criteria": ">=", "value": column.low}
    return {"validate": "decimal", "criteria": "between", "minimum": column.low, "maximum": column.high}


def _answers(table: Table) -> dict[str, object]:
    """The words that may answer the question of the same row.

    A question for a figure has words, too (`not known`), and takes any figure beside them: so nothing is refused here,
    and what is no answer is named by `crosscheck check`.
    """
    question = f"${chr(ord('A') + table.schema.names().index('question_id'))}2"
    row = f"MATCH({question},{QUESTIONS}!$A:$A,0)-1"
    top = f"{QUESTIONS}!$A$1"
    words = f"=OFFSET({top},{row},{_FIRST_ANSWER},1,OFFSET({top},{row},{_FIRST_ANSWER - 1}))"
    return {"validate": "list", "source": words, "show_error": False}


def _list_questions(workbook: xlsxwriter.Workbook, template: Template) -> None:
    """Every question, and right of them how many words may answer it and each of these, for the drop-downs."""
    rows = [list_question(question) for question in template.questionnaire]
    write_sheet(workbook, QUESTIONS, _QUESTIONS, rows, 1)
    sheet: Worksheet = workbook.get_worksheet_by_name(QUESTIONS)
    for at, question in enumerate(template.questionnaire, start=1):
        words = list_answers(question)
        sheet.write_number(at, _FIRST_ANSWER - 1, len(words))
        sheet.write_row(at, _FIRST_ANSWER, words)
