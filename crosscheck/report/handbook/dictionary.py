"""The data dictionary, the method page and the model cards: what every column means, how every number comes about.

All of it is read from what the program itself uses: the promised shapes, the questionnaire, the docstrings, the models.
"""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from crosscheck import settings
from crosscheck.cases.cases import catalogue
from crosscheck.collection.read import OTHER_YEARS
from crosscheck.collection.set_aside import SET_ASIDE
from crosscheck.collection.sources import FIRST_WAVE
from crosscheck.contract.inputs import INPUTS
from crosscheck.contract.kept import KEPT
from crosscheck.contract.outputs import FURTHER, OUTPUTS
from crosscheck.contract.table import Column
from crosscheck.report.handbook.model_cards import read_cards
from crosscheck.report.handbook.statistics import STATISTICS
from crosscheck.report.output.folder import refuse_foreign, written_whole
from crosscheck.report.output.html import render
from crosscheck.report.output.prose import set_prose
from crosscheck.vocabulary import ABSENCES, WHY_ABSENT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from crosscheck.cases.cases import Name
    from crosscheck.contract.table import Kind, Table
    from crosscheck.questionnaire import Questionnaire
    from crosscheck.standard import Standard

MARK: Final = "dictionary.json"
_KIND: Final = "dictionary"
_HEADINGS: Final = ("table", "files", "column", "type", "unit", "meaning", "allowed", "direction", "empty")
TYPES: Final[dict[Kind, str]] = {
    "text": "text", "code": "code", "choice": "one of", "number": "number", "date": "date", "year": "assessment year",
    "flag": "yes or no", "list": "list",
}  # fmt: skip
_SUPPLIED, _WRITTEN, _UNDERSTOOD = "What you supply", "What a run writes", "What a run had read"
_READ_ANSWER: Final = (
    Column("item", "number", "which of two reviews; 0 where the question is asked once", unit="number"),
    Column(
        "level", "text", "the answer, of a question with levels", may_be_empty=True, empty="there is none, or a figure"
    ),
    Column(
        "number", "number", "the answer, of a question for a figure", may_be_empty=True, unit="see the question",
        direction="see the question", empty="there is none, or a level",
    ),
    Column("absence", "choice", "why there is none", may_be_empty=True, allowed=ABSENCES, empty="there is an answer"),
)  # fmt: skip
_WHAT_STOOD: Final = (
    Column("about", "text", "the question, or source and figure, as the reasons of a risk name it"),
    Column("stood", "text", "what stood in the cell for which the row was set aside"),
    Column("likely", "text", "the figure that the risk is also tried with, in words"),
)


@dataclass(frozen=True)
class Described:
    """A table with its files, all its columns, and the part of the dictionary that it belongs to."""

    part: str
    name: str
    row_is: str
    files: tuple[str, ...]
    columns: tuple[Column, ...]
    key: tuple[str, ...]

    @property
    def anchor(self) -> str:
        """Where it stands on the page."""
        return f"{self.part} {self.name}".casefold().replace("/", "-").replace(" ", "-")


def describe_tables(standard: Standard) -> tuple[Described, ...]:
    """Every table that goes in or out with a standard's questionnaire and figures, with every column."""
    supplied = [
        Described(_SUPPLIED, name, table.row_is, (f"{name}.csv",), table.columns, table.key)
        for name, table in INPUTS.items()
    ]
    return (*supplied, *_written(standard), *_understood())


def write_dictionary(standard: Standard, folder: Path) -> int:
    """Write the dictionary as pages and as CSV; a former one at that place is replaced whole.

    Args:
        standard: whose questionnaire, figures and models are described.
        folder: where to; missing, empty, or a dictionary.

    Returns:
        How many columns are described. The same standard gives the same bytes.

    Raises:
        RunError: the place holds something else or can't be written.
        ModelError: a model without a card.
    """
    tables = describe_tables(standard)
    cards = read_cards(settings.models_folder(standard.name))
    method = set_prose(settings.method_page().read_text(encoding="utf-8"))
    fields = {
        "standard": standard.name, "tables": tables, "cards": cards, "method": method, "statistics": STATISTICS,
        "set_prose": set_prose, "types": TYPES, "allowed": allowed,
    }  # fmt: skip
    with written_whole(folder, MARK, _KIND) as whole:
        for page in ("index", "data-dictionary", "method", "model-cards"):
            html = render("dictionary", f"{page}.html", fields | {"page": page})
            (whole / f"{page}.html").write_text(html, encoding="utf-8")
        (whole / "data-dictionary.csv").write_text(_as_csv(tables), encoding="utf-8")
        columns = sum(len(table.columns) for table in tables)
        (whole / MARK).write_text(json.dumps({"standard": standard.name, "columns": columns}) + "\n", encoding="utf-8")
    return columns


def refuse_foreign_folder(folder: Path) -> None:
    """Stop before any work if the place of the dictionary holds something else.

    Raises:
        RunError: it does.
    """
    refuse_foreign(folder, MARK, _KIND)


def allowed(column: Column) -> str:
    """What a cell may hold, in one line; nothing where anything of its type may."""
    if column.allowed:
        return " | ".join(column.allowed)
    if column.low is not None or column.high is not None:
        ends = ["" if end is None else f"{end:,.12g}" for end in (column.low, column.high)]
        return f"{ends[0]} to {ends[1]}" if all(ends) else f"from {ends[0]}" if ends[0] else f"to {ends[1]}"
    return ""


def _written(standard: Standard) -> Iterator[Described]:
    for name, table in OUTPUTS.items():
        files = {"visit_list": ("csv", "xlsx", "parquet"), "problems": ("csv",)}.get(name, ("csv", "parquet"))
        columns = (*table.columns, *FURTHER.get(name, ()))
        yield Described(_WRITTEN, name, table.row_is, tuple(f"{name}.{kind}" for kind in files), columns, table.key)
    columns = tuple(_case_columns(standard.questionnaire, standard.indicators.names))
    yield Described(
        _WRITTEN, "cases", "one declaration, and all that is known of it: the names that rules speak of",
        ("cases.parquet",), columns, ("org_code", "function"),
    )  # fmt: skip
    for name, table in KEPT.items():
        files = ("pooled.csv", "pooled.parquet") if name == "pooled" else (_file(table),)
        yield Described(_WRITTEN, name, table.row_is, files, table.columns, table.key)


def _file(table: Table) -> str:
    """The one file that a table is kept in."""
    if table.name in {"manifest", "national", "rulebook"}:
        return f"{table.name}.json"
    as_parquet = {
        "parts", "ties", "predecessors", "names", "loadings", "check_weights", "assessors", "places", "mentions",
    }  # fmt: skip
    return f"{table.name}.{'parquet' if table.name in as_parquet else 'csv'}"


def _understood() -> Iterator[Described]:
    """The collection as a run keeps it: as it was supplied, but answers are read and a first wave stands by itself."""
    for name, table in INPUTS.items():
        if name != "answers":
            yield _kept(name, table.row_is, table.columns, table.key)
    given = {column.name: column for column in INPUTS["answers"].columns}
    code, question, year = given["org_code"], given["question_id"], given["year"]
    answer, key = (code, question, *_READ_ANSWER), (code.name, question.name, "item")
    yield _kept("answers", f"{INPUTS['answers'].row_is} in the run's year", answer, key)
    year = replace(year, may_be_empty=False)
    other_years = "one answer of another assessment year, where the collection has any"
    yield _kept(OTHER_YEARS, other_years, (*answer, year), (*key, year.name))
    about, stood, likely = _WHAT_STOOD
    aside = "that was set aside, with the figure that is likely meant, where there is any"
    yield _kept(SET_ASIDE["answers"], f"one answer {aside}", (*answer, about, stood, likely), key)
    figures = INPUTS["indicators"]
    yield _kept(SET_ASIDE["indicators"], f"one figure {aside}", (*figures.columns, about, stood, likely), figures.key)
    for name, wave in FIRST_WAVE.items():
        row_is = f"{INPUTS[name].row_is}, in the year's first wave, where the collection has it"
        yield _kept(wave, row_is, INPUTS[name].columns, INPUTS[name].key)


def _kept(name: str, row_is: str, columns: tuple[Column, ...], key: tuple[str, ...]) -> Described:
    return Described(_UNDERSTOOD, f"collection/{name}", row_is, (f"collection/{name}.parquet",), columns, key)


def _case_columns(questionnaire: Questionnaire, figures: tuple[str, ...]) -> Iterator[Column]:
    """The columns of the cases; beside each answer the column that says why it is absent."""
    declarations = INPUTS["declarations"]
    yield from (column for column in declarations.columns if column.name in {"org_code", "function"})
    yield Column("declared.category", "choice", "category of Table 13", allowed=_allowed_categories())
    yield Column("organisation.name", "text", "the organisation's name")
    directions = {name: question.direction for question in questionnaire for name in question.columns}
    for name in catalogue(questionnaire, figures).values():
        yield _case_column(name, directions.get(name.name, "none"))
        if name.absences:
            why = f"why `{name.name}` is absent"
            yield Column(
                name.name + WHY_ABSENT, "choice", why, may_be_empty=True, allowed=ABSENCES, empty="there is an answer"
            )


def _case_column(name: Name, direction: str) -> Column:
    kinds: dict[str, Kind] = {"ordinal": "choice", "choice": "choice", "flag": "flag", "text": "text", "date": "date"}
    ends = {"higher_better": "lower is worse", "lower_better": "higher is worse"}
    direction_in_words = (
        "the first is the worst" if name.levels and direction == "higher_better" else ends.get(direction, "")
    )
    return Column(
        name.name,
        kinds.get(name.type, "number"),
        name.meaning,
        may_be_empty=True,
        allowed=name.levels,
        unit=name.unit
        or ("" if name.type != "number" else "share" if name.name.startswith("returned.") else "its own"),
        direction=direction_in_words,
        empty=f"see `{name.name}{WHY_ABSENT}`" if name.absences else "not known",
    )


def _allowed_categories() -> tuple[str, ...]:
    return next(column.allowed for column in INPUTS["declarations"].columns if column.name == "category")


def _as_csv(tables: tuple[Described, ...]) -> str:
    lines = io.StringIO()
    writer = csv.writer(lines, lineterminator="\n")
    writer.writerow(_HEADINGS)
    for table in tables:
        for column in table.columns:
            empty = column.empty if column.may_be_empty else "never empty"
            fields = (TYPES[column.kind], column.unit, column.meaning, allowed(column), column.direction, empty)
            writer.writerow((table.name, " ".join(table.files), column.name, *fields))
    return lines.getvalue()
