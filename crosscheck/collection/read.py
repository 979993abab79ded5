"""The collection: all that the regulator holds for one year, read and conformed, with nothing dropped in silence."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Final

import polars as pl

from crosscheck.collection import answers, rows, visit_items
from crosscheck.collection.cells import read_cells, tidy_texts
from crosscheck.collection.codes import read_standards, refuse_odd_codes
from crosscheck.collection.conventions import read_conventions
from crosscheck.collection.doubts import SCHEMA as DOUBTS
from crosscheck.collection.files import open_collection
from crosscheck.collection.mentions import SCHEMA as MENTIONS
from crosscheck.collection.mentions import list_mentions
from crosscheck.collection.problems import list_problems
from crosscheck.collection.resolved import hold_out
from crosscheck.collection.sources import FIRST_WAVE
from crosscheck.collection.spellings import hold_against_model, merge_spellings, refuse_slips
from crosscheck.contract.inputs import INPUTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from crosscheck.collection.conventions import Conventions
    from crosscheck.collection.files import Sheet
    from crosscheck.contract.table import Column, Table
    from crosscheck.questionnaire import Questionnaire

# Tables whose rows may speak of a former body: what it declared and answered, and what visits found there, is its
# successor's to show.
_HISTORY: Final = ("declarations", "answers", *FIRST_WAVE, *FIRST_WAVE.values())

# Answers of other assessment years than the run's: they are no answers of this year's, and are kept apart.
OTHER_YEARS: Final = "answers_of_other_years"

# What people said of values in doubt: a collection that has no such table lacks nothing.
RESOLVED: Final = "resolved"

# How the days of a row are held against each other.
_DAYS: Final[dict[str, Callable[[Sheet], Sheet]]] = {
    "declarations": partial(rows.refuse_reversed_periods, first="lapse_from", last="lapse_to"),
    "relationships": partial(rows.refuse_reversed_periods, first="since", last="until"),
    "visits": rows.refuse_visits_out_of_time,
    FIRST_WAVE["visits"]: rows.refuse_visits_out_of_time,
}

_ADD_ORGANISATION: Final = "Correct the code, or mend the organisation's row or add it to organisations."
_ADD_SUCCESSION: Final = f"{_ADD_ORGANISATION} A former body belongs in relationships, as to_code of succeeds."


@dataclass(frozen=True)
class InputFile:
    """One file, or sheet of a workbook, that was read.

    `rows` counts its rows without the heading and blank rows: `rows_used` and `rows_set_aside` together, each of the
    latter named in the problems (`rows_set_aside` is None in runs that were made before it was counted).
    `sha256` and `size` (bytes) are those of the file; the sheets of a workbook share them.
    """

    table: str
    file: str
    sha256: str
    size: int
    rows: int
    rows_used: int
    rows_set_aside: int | None = None


@dataclass(frozen=True)
class Collection:
    """A collection that can be used.

    `tables` hold the rows that can be used, by name, in the columns of `inputs.INPUTS` (null where a cell is empty or
    was set aside), sorted by their keys; `answers`, of the run's year alone, in those of `answers.SCHEMA`. A table that
    the collection lacks is there without a row, and its name in `absent`; tables of the first wave of visits are there
    only where the collection has them, and so is `OTHER_YEARS`, answers of other years with their `year`. `problems`
    has one row a thing that is wrong (`outputs.OUTPUTS`): every row and cell that is not in the tables is in it; its
    last column, `org_code`, says whose row it is.
    `corrections` are those that were accepted since it was read, each time that some were, as
    `crosscheck.collection.corrections.correct` was given them. `unread` are the absent tables of which there is a file
    that can't be read: the problems say why. `mentions` are all rows that speak of an organisation in scope
    (`mentions.list_mentions`), those that were set aside among them. `doubts` are values that were left out, since they
    are unlikely beside others and nobody resolved them (`resolved.hold_out`).
    """

    tables: dict[str, pl.DataFrame]
    problems: pl.DataFrame
    inputs: tuple[InputFile, ...]
    absent: tuple[str, ...]
    corrections: tuple[pl.DataFrame, ...] = ()
    unread: tuple[str, ...] = ()
    mentions: pl.DataFrame = field(default_factory=MENTIONS.to_frame)
    doubts: pl.DataFrame = field(default_factory=DOUBTS.to_frame)

    def with_visits(self, visits: pl.DataFrame) -> Collection:
        """The same with later visits, in the columns of `visits`; one that it holds already counts once."""
        together = pl.concat([self.tables["visits"], visits], how="diagonal")
        return replace(self, tables={**self.tables, "visits": together})


def read_collection(
    path: Path, questionnaire: Questionnaire, year: str | None = None, standard: str | None = None
) -> Collection:
    """Read a collection.

    Args:
        path: a folder of CSV or Parquet files, or one XLSX or ODS workbook.
        questionnaire: what was asked; answers are read by it.
        year: the run's assessment year, and that of answers that state none; the latest declared on if it is not given.
        standard: the run's standard, and that of visits that state none; they stay without one if it is not given.

    Returns:
        What can be used, and every problem: nothing is dropped in silence. The same rows give the same tables, in
        whatever order they come.

    Raises:
        CollectionError: a required table or column is missing, or something can't be opened; all is named at once.
    """
    opened, strays = open_collection(path)
    conventions = read_conventions(standard)
    sheets = {sheet.table.name: read_sheet(sheet, questionnaire, standard, conventions) for sheet in opened}
    year = year or _latest_year(sheets["declarations"])
    sheets = {name: _state(sheet, year, standard) for name, sheet in sheets.items()}
    # Organisations come first: codes in all other tables are judged by those that can be used.
    sheets["organisations"] = _refuse_repeated(sheets["organisations"])
    sheets |= {name: _refuse_repeated(sheet) for name, sheet in _check_codes(sheets, conventions).items()}
    sheets, doubts = hold_out(sheets, questionnaire, year)
    empty = {name: pl.DataFrame(schema=_schema(table)) for name, table in INPUTS.items()}
    found = [*strays, *((sheet.place, problem) for sheet in sheets.values() for problem in sheet.problems)]
    tables = empty | {name: conform_table(sheet.used(), sheet.table) for name, sheet in sheets.items()}
    return Collection(
        tables=tables | _part_answers(tables["answers"], year),
        problems=_say_whose(list_problems(found), sheets.values()),
        inputs=tuple(describe_input(sheet) for sheet in sheets.values()),
        absent=tuple(name for name in INPUTS if name not in sheets and name != RESOLVED),
        unread=tuple(name for name in INPUTS if name not in sheets and name in {place.table for place, _ in strays}),
        mentions=list_mentions(sheets, year),
        doubts=doubts,
    )


def _latest_year(declarations: Sheet) -> str | None:
    return max(declarations.used()["year"].drop_nulls(), default=None)


def _state(sheet: Sheet, year: str | None, standard: str | None) -> Sheet:
    """Write the run's year or standard into rows that state none beside others that do, to compare them."""
    name = sheet.table.name
    value, column = (year, "year") if name == "answers" else (standard, "standard")
    if name not in {"answers", *FIRST_WAVE, *FIRST_WAVE.values()} or column not in sheet.rows.columns:
        return sheet
    return sheet.noting((), sheet.rows.with_columns(pl.col(column).fill_null(pl.lit(value, dtype=pl.String))))


def _part_answers(given: pl.DataFrame, year: str | None) -> dict[str, pl.DataFrame]:
    """The answers of the year, and apart from them those of other years where there are any."""
    of_year = (pl.col("year") == pl.lit(year, dtype=pl.String)).fill_null(value=True)
    parted = {"answers": given.filter(of_year).drop("year"), OTHER_YEARS: given.filter(~of_year)}
    return {name: table for name, table in parted.items() if name == "answers" or not table.is_empty()}


def _say_whose(problems: pl.DataFrame, sheets: Iterable[Sheet]) -> pl.DataFrame:
    """Add the organisation whose row each problem is in: `org_code`, null where the row names none."""
    nobody = pl.DataFrame(schema={"table": pl.String, "file": pl.String, "row": pl.Int64, "org_code": pl.String})
    rows = [
        sheet.rows.select(
            pl.lit(sheet.table.name).alias("table"),
            pl.lit(sheet.file).alias("file"),
            pl.col("row").cast(pl.Int64),
            pl.col("org_code").cast(pl.String),
        ).filter(pl.col("row").is_in([problem.row for problem in sheet.problems if problem.row is not None]))
        for sheet in sheets
        if "org_code" in sheet.rows.columns and sheet.problems
    ]
    return problems.join(pl.concat([nobody, *rows]), on=["table", "file", "row"], how="left", maintain_order="left")


def read_sheet(sheet: Sheet, questionnaire: Questionnaire, standard: str | None, conventions: Conventions) -> Sheet:
    """Read the cells of one table, as far as it can be judged by itself: no other table is looked at.

    Args:
        sheet: as it was opened.
        questionnaire: what was asked.
        standard: the standard of rows of criteria that state none.
        conventions: what the standard states of codes, spellings and markers.
    """
    name = sheet.table.name
    read = read_cells(tidy_texts(sheet), _columns(sheet.table))
    read = read_standards(read, conventions.standards, standard)
    read = merge_spellings(read, conventions.open.get(name, ()), _known_words(name, conventions))
    if name == "answers":
        return answers.read_answers(read, questionnaire)
    if name in ("visit_items", FIRST_WAVE["visit_items"]):
        return visit_items.read_criteria(read, questionnaire, standard)
    if name == "organisations":
        return refuse_odd_codes(
            rows.refuse_misspelt_services(read, questionnaire.services), "org_code", conventions.codes
        )
    if name == "bodies":
        return refuse_odd_codes(read, "body_code", conventions.codes)
    if name == "indicators":
        held = hold_against_model(refuse_slips(read, conventions.figures), conventions.figures)
        return rows.note_lone_negatives(rows.refuse_impossible_figures(held))
    return _DAYS[name](read) if name in _DAYS else read


def _known_words(name: str, conventions: Conventions) -> dict[str, set[str]]:
    """The words of an open vocabulary that the model of indicators spells."""
    if name != "indicators":
        return {}
    return {
        "source": {source for source, _ in conventions.figures},
        "indicator": {indicator for _, indicator in conventions.figures},
    }


def _columns(table: Table) -> tuple[Column, ...]:
    """The columns that are read cell by cell: of an answer only code and year, since its question says how to read it.

    An answer whose year can't be read is nobody's year, and not the run's. An impossible figure is no slip in one cell:
    the row's figures are judged together.
    """
    if table.name == "answers":
        return tuple(replace(column, required=True) for column in table.columns if column.name in ("org_code", "year"))
    if table.name == "indicators":
        return tuple(replace(column, low=None) if column.name in rows.FIGURES else column for column in table.columns)
    return table.columns


def _check_codes(sheets: dict[str, Sheet], conventions: Conventions) -> dict[str, Sheet]:
    """All other tables, codes mended or rows set aside, so that every row speaks of a body that is known."""
    organisations = set(sheets["organisations"].used()["org_code"])
    bodies = set(sheets["bodies"].rows["body_code"].drop_nulls()) if "bodies" in sheets else set()
    former: set[str] = set()
    checked = {name: sheet for name, sheet in sheets.items() if name != "organisations"}
    if "relationships" in sheets:
        ties = rows.mend_mangled_codes(sheets["relationships"], ("from_code", "to_code"), organisations | bodies)
        for column in ("from_code", "to_code"):
            ties = refuse_odd_codes(ties, column, conventions.codes)
        former = rows.former_bodies(ties, organisations)
        checked["relationships"] = rows.refuse_ties_to_nobody(ties, organisations | bodies, former, "bodies" in sheets)
    about = {name: sheet for name, sheet in checked.items() if "org_code" in sheet.rows.columns}
    return checked | {name: _check_organisations(sheet, organisations, former) for name, sheet in about.items()}


def _check_organisations(sheet: Sheet, organisations: set[str], former: set[str]) -> Sheet:
    mended = rows.mend_mangled_codes(sheet, ("org_code",), organisations)
    if sheet.table.name in _HISTORY:
        return rows.refuse_unknown_organisations(mended, organisations | former, _ADD_SUCCESSION)
    return rows.refuse_unknown_organisations(mended, organisations, _ADD_ORGANISATION)


def _refuse_repeated(sheet: Sheet) -> Sheet:
    names = _schema(sheet.table).names()
    key = [name for name in sheet.table.key or names if name in sheet.rows.columns]
    needed = [column.name for column in sheet.table.columns if column.required and column.name in key]
    values = [name for name in names if name in sheet.rows.columns and name not in key]
    return rows.refuse_repeated_rows(sheet, key, needed, values)


def _schema(table: Table) -> pl.Schema:
    return pl.Schema({**answers.SCHEMA, "year": pl.String()}) if table.name == "answers" else table.schema


def conform_table(used: pl.DataFrame, table: Table) -> pl.DataFrame:
    """All columns of the table, null where the file had none, sorted so that the order of the file's rows is lost."""
    schema = _schema(table)
    missing = [pl.lit(None, dtype=dtype).alias(name) for name, dtype in schema.items() if name not in used.columns]
    return used.with_columns(missing).select(schema.names()).sort(table.key or schema.names())


def describe_input(sheet: Sheet) -> InputFile:
    """The file, or sheet of a workbook, that a table was read from."""
    return InputFile(
        sheet.table.name,
        sheet.file,
        sheet.sha256,
        sheet.size,
        sheet.rows_read,
        rows_used=sheet.used().height,
        rows_set_aside=sheet.set_aside(),
    )
