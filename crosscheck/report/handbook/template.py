"""An empty collection to fill in: the input tables with their headings, and what explains each column.

Tables, units and what is allowed come from the contract, questions and their answers from the questionnaire, so that a
template asks for what the reader reads.
"""

from __future__ import annotations

import csv
import io
import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from crosscheck.collection.read import RESOLVED
from crosscheck.collection.sources import EXPLAINS, FIRST_WAVE
from crosscheck.contract.inputs import INPUTS
from crosscheck.contract.table import STANDARD
from crosscheck.errors import RunError
from crosscheck.report.handbook.dictionary import TYPES, allowed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from crosscheck.contract.table import Column, Table
    from crosscheck.questionnaire import Question, Questionnaire

# What an answer may be beside the levels of its question.
NO_ANSWER: Final = ("not known", "n/a")

QUESTIONS: Final = f"{EXPLAINS}_questions"
QUESTION_HEADINGS: Final = ("question_id", "question", "asked of", "unit", "answers")
_WIDTH: Final = 100
_NOT_ALLOWED: Final = "not allowed"


@dataclass(frozen=True)
class Explained:
    """One column of one table, in words: how far it is compulsory, what a cell may hold, what an empty one means."""

    table: str
    column: str
    compulsory: str
    holds: str
    unit: str
    meaning: str
    empty: str


@dataclass(frozen=True)
class Template:
    """The tables of a collection of one standard, and the questions that its answers are given to."""

    standard: str
    questionnaire: Questionnaire

    @property
    def tables(self) -> tuple[Table, ...]:
        """The input tables in the contract's order, without the one in which doubted values are confirmed later."""
        return tuple(table for name, table in INPUTS.items() if name != RESOLVED)

    def choices(self, column: Column) -> tuple[str, ...]:
        """The words of which a cell of the column holds one; none where it may hold others."""
        if column.kind == "flag":
            return ("yes", "no")
        return (self.standard,) if column.name == STANDARD.name else column.allowed

    def explain(self, table: Table, column: Column) -> Explained:
        """Say what the column is for."""
        choices = self.choices(column)
        limits = ", ".join(choices) if choices else allowed(column)
        if column.kind == "list":
            limits = ", ".join(self.questionnaire.services)
        kind = "one of" if choices else TYPES[column.kind]
        return Explained(
            table.name,
            column.name,
            _compulsory(column),
            f"{kind}: {limits}" if limits else kind,
            column.unit,
            column.meaning,
            column.empty if column.may_be_empty else _NOT_ALLOWED,
        )


def list_answers(question: Question) -> tuple[str, ...]:
    """Every word that may answer a question; a question for a figure may have any figure beside them."""
    return (*question.levels, *NO_ANSWER)


def list_question(question: Question) -> tuple[str, ...]:
    """What the list of questions says of one, by `QUESTION_HEADINGS`."""
    addressees = " | ".join((*question.org_types, *question.services)) + (" (item 1 or 2)" if question.repeated else "")
    figure = () if question.has_levels else (question.answer_type,)
    return (
        question.question_id,
        question.text,
        addressees,
        question.unit,
        " | ".join((*figure, *list_answers(question))),
    )


def write_template_folder(template: Template, folder: Path) -> None:
    """Write one CSV a table with its headings, `README.txt` on each column, and the list of questions.

    Raises:
        RunError: there is something already, or the folder can't be written.
    """
    tables = {f"{table.name}.csv": _as_csv([table.schema.names()]) for table in template.tables}
    rows = [QUESTION_HEADINGS, *map(list_question, template.questionnaire)]
    explained = {"README.txt": "\n".join(explain_in_text(template)) + "\n", f"{QUESTIONS}.csv": _as_csv(rows)}
    refuse_filled(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in (tables | explained).items():
            (folder / name).write_text(content, encoding="utf-8")
    except OSError as error:
        raise RunError(f"{folder}: can't be written ({error.strerror}). Name another folder with --out.") from error


def refuse_filled(place: Path) -> None:
    """Stop where the place holds anything: it may be a template that somebody has begun to fill in.

    Raises:
        RunError: it does.
    """
    if place.is_file() or (place.is_dir() and any(place.iterdir())):
        raise RunError(
            f"{place}: holds something already, perhaps a template that somebody has begun to fill in, and is left "
            "alone. Name another place with --out."
        )


def explain_in_text(template: Template) -> list[str]:
    """The explanation of the whole collection, as lines of plain text."""
    lines = [f"A collection on standard {template.standard}, to fill in", ""]
    lines += [part for line in introduce(template) for part in textwrap.wrap(line, _WIDTH)]
    for table in template.tables:
        compulsory = "compulsory" if table.required else "if you hold it"
        lines += ["", "", f"{table.name.upper()} ({table.name}.csv, {compulsory})", f"One row is {table.row_is}.", ""]
        for column in table.columns:
            lines += _wrapped(template.explain(table, column))
    return lines


def introduce(template: Template) -> list[str]:
    """What whoever fills it in should know first, one sentence or two a line."""
    required = [table.name for table in template.tables if table.required]
    return [
        f"Fill in {', '.join(required[:-1])} and {required[-1]}, and the other tables that you hold. Delete the rest: "
        "a table without a row says that there is nothing, a table that is missing says that nothing is known.",
        "Leave a cell empty where nothing is known: empty is never taken for zero or for no.",
        "Codes, years and answers are text: let no program turn 5E1 into a number or 2008/09 into a date.",
        f"Visits of the same year that came first belong in {FIRST_WAVE['visits']}, in the columns of visits.",
        f"{QUESTIONS} lists every question, and the answers that each may have.",
        "Then see what is missing or wrong:  crosscheck check COLLECTION",
    ]


def _compulsory(column: Column) -> str:
    if not column.may_be_empty:
        return "compulsory"
    return "compulsory column, a cell may be empty" if column.required else "if known"


def _wrapped(explained: Explained) -> Iterator[str]:
    unit = f", in {explained.unit}" if explained.unit else ""
    empty = "" if explained.empty == _NOT_ALLOWED else f" Empty: {explained.empty}."
    words = f"{explained.meaning} ({explained.holds}{unit}; {explained.compulsory}).{empty}"
    first = f"  {'*' if explained.compulsory.startswith('compulsory') else ' '} {explained.column:<22}"
    yield from textwrap.wrap(
        words, _WIDTH, initial_indent=first, subsequent_indent=" " * len(first), break_on_hyphens=False
    )


def _as_csv(rows: list[tuple[str, ...]] | list[list[str]]) -> str:
    lines = io.StringIO()
    csv.writer(lines, lineterminator="\n").writerows(rows)
    return lines.getvalue()
