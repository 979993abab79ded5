"""Outcome forms: what assessors found and saw on the day, read back; every filled row is understood or reported."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, NamedTuple

import polars as pl

from crosscheck.collection.cells import read_cells, tidy_texts
from crosscheck.collection.files import open_every_table
from crosscheck.collection.problems import CONVERTED, ROW, Place, Problem, as_one, describe_problems, list_problems
from crosscheck.collection.rows import mend_mangled_codes
from crosscheck.collection.visit_items import read_criteria
from crosscheck.contract.inputs import INPUTS, SEEN
from crosscheck.contract.table import Column, Kind, Table
from crosscheck.errors import CollectionError, OutcomeError
from crosscheck.vocabulary import FUNCTIONS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date
    from pathlib import Path

    from crosscheck.collection.files import Sheet
    from crosscheck.questionnaire import Questionnaire

FINDINGS: Final = ("upheld", "qualified")
# What an assessor fills in: the first three in the row of the declaration, `seen` in each row of a criterion.
OF_THE_VISIT: Final = ("visited_on", "assessor", "finding")
FILLED_IN: Final = (*OF_THE_VISIT, "seen", "remark", "corrects")


def _optional(name: str, kind: Kind, meaning: str, allowed: tuple[str, ...] = ()) -> Column:
    return Column(name, kind, meaning, required=False, may_be_empty=True, allowed=allowed)


OUTCOME_FORM: Final = Table(
    "visit_outcome",
    "one declaration that was visited, and after it one row a criterion that was looked at",
    (
        Column("org_code", "code", "the organisation's code"),
        _optional("name", "text", "the organisation's name"),
        Column("function", "choice", "the declaration that was visited", allowed=FUNCTIONS),
        _optional("question_id", "text", "the criterion; empty in the row of the declaration"),
        _optional("item", "text", "which of two reviews"),
        _optional("what_to_look_at", "text", "the question of the review that asks about the criterion"),
        _optional("visited_on", "date", "day of the visit"),
        _optional("assessor", "code", "who judged, as a code"),
        _optional("finding", "choice", "what the visit found", FINDINGS),
        _optional("seen", "choice", "whether evidence of the criterion was seen", SEEN),
        _optional("remark", "text", "whatever else should be kept"),
        _optional("corrects", "text", "why this corrects what was recorded before; empty if it corrects nothing"),
        Column("run", "text", "the run that the form belongs to"),
    ),
    key=("org_code", "function", "question_id", "item"),
)

BETWEEN_REMARKS: Final = "; "
_DECLARATION: Final = ("org_code", "function")
_CRITERION: Final = (*_DECLARATION, "question_id", "item")
_PLACE: Final = ("file", "row")
VISITS: Final = pl.Schema(
    {name: pl.Date() if name == "visited_on" else pl.String()
     for name in (*_DECLARATION, *OF_THE_VISIT, "remark", "corrects", "file")} | {"row": pl.Int64()}
)  # fmt: skip
CRITERIA: Final = pl.Schema(
    dict.fromkeys((*_CRITERION, "seen", "remark", "corrects", "file"), pl.String()) | {"row": pl.Int64()}
)


_NOTHING: Final = pl.DataFrame(
    schema={**OUTCOME_FORM.schema, "row": pl.Int64(), "file": pl.String(), "is_criterion": pl.Boolean()}
)


@dataclass(frozen=True)
class Outcomes:
    """What outcome forms say.

    Attributes:
        visits: `VISITS`, one row a declaration that was visited.
        criteria: `CRITERIA`, one row a criterion that was looked at; `item` is null where no one review was meant.
        mended: what was written otherwise than asked for and understood all the same, and columns and sheets that were
            not read, as the problems of a collection.
        forms: how many forms the files hold; a workbook may hold several, a sheet each.
        rows: how many rows they have.
        empty: how many of them nobody has filled in.
        repeated: how many say what another row says already.
    """

    visits: pl.DataFrame
    criteria: pl.DataFrame
    mended: pl.DataFrame
    forms: int
    rows: int
    empty: int
    repeated: int


@dataclass(frozen=True)
class Expected:
    """What the forms are held against: the run they belong to, its declarations, and the days of its season."""

    run: str
    standard: str
    declarations: pl.DataFrame
    first_day: date
    last_day: date


def read_outcomes(files: Sequence[Path], expected: Expected, questionnaire: Questionnaire) -> Outcomes:
    """Read filled forms of one or several people, in any order.

    Args:
        files: CSV, Parquet or workbooks.
        expected: the run that they belong to.
        questionnaire: a criterion bears the name of one of its questions.

    Returns:
        What they say, each visit and each criterion once. A row that says `corrects` stands before one that does not.

    Raises:
        OutcomeError: a file can't be opened, a row can't be used, or two rows contradict each other: everything that
            is wrong, at once. A form is recorded whole or not at all.
    """
    opened, strays, wrong = _open_all(files)
    sheets = [_read_form(sheet, expected, questionnaire) for sheet in opened]
    found = [*strays, *((sheet.place, problem) for sheet in sheets for problem in sheet.problems)]
    filled = pl.concat([_NOTHING, *map(_with_file, sheets)], how="diagonal_relaxed")
    visits, against, repeated = _keep_one(filled.filter(~_IS_CRITERION), _DECLARATION, OF_THE_VISIT)
    criteria, against_seen, repeated_seen = _keep_one(filled.filter(_IS_CRITERION), _CRITERION, ("seen",))
    problems = list_problems([*found, *against, *against_seen])
    # A workbook's headings are written for people, and a column that somebody added takes nothing from the others.
    of_heading, converted = pl.col("row").eq_missing(1), pl.col("effect") == CONVERTED
    wrong += describe_problems(problems.filter(~converted & ~of_heading))
    if wrong:
        raise OutcomeError(wrong)
    rows = sum(sheet.rows.height for sheet in sheets)
    return Outcomes(
        visits.select(VISITS.names()).cast(VISITS),
        criteria.select(CRITERIA.names()).cast(CRITERIA),
        problems.filter(converted != of_heading),
        len(sheets),
        rows,
        rows - filled.height,
        repeated + repeated_seen,
    )


def _open_all(files: Sequence[Path]) -> tuple[list[Sheet], list[tuple[Place, Problem]], list[str]]:
    """Every form that can be opened, sheets beside a form that are none, and what is wrong with the others."""
    opened: list[Sheet] = []
    strays: list[tuple[Place, Problem]] = []
    wrong: list[str] = []
    names = [file.name for file in files]
    for file in files:
        # Forms bear the code of their organisation, so that those of two people are called alike.
        called = str(file) if names.count(file.name) > 1 else file.name
        try:
            sheets, others = open_every_table(file, OUTCOME_FORM)
        except CollectionError as error:
            wrong += [_with_path(problem, file, called) for problem in error.problems]
        else:
            opened += [tidy_texts(replace(sheet, file=_with_path(sheet.file, file, called))) for sheet in sheets]
            strays += [
                (Place(place.table, _with_path(place.file, file, called)), problem._replace(effect=CONVERTED))
                for place, problem in others
            ]
    return opened, strays, wrong


def _with_path(text: str, file: Path, called: str) -> str:
    """A text that begins with a file's name, with what the file is called instead."""
    return called + text[len(file.name) :] if text.startswith(file.name) else text


def _read_form(sheet: Sheet, expected: Expected, questionnaire: Questionnaire) -> Sheet:
    """One form: cells read, then each filled row held against the run and against what stands beside it."""
    complete = _with_every_column(read_cells(sheet, sheet.table.columns))
    if expected.run not in complete.rows["run"].unique():
        named = ", ".join(complete.rows["run"].drop_nulls().unique().sort()) or "none"
        remedy = "Give the run that the form was written for with --run."
        problem = f"The form does not belong to this run ({expected.run}), but to {named}."
        nothing = complete.rows.clear().with_columns(is_criterion=pl.lit(value=False))
        return replace(complete, rows=nothing, problems=(Problem(None, "run", None, problem, remedy, ROW),))
    codes = expected.declarations["org_code"].unique()
    read = _read_criteria(mend_mangled_codes(complete, ("org_code",), codes.to_list()), expected, questionnaire)
    return read.noting([problem for form_error in _form_errors(expected) for problem in _find(read, form_error)])


def _with_every_column(sheet: Sheet) -> Sheet:
    missing = [column for column in sheet.table.columns if column.name not in sheet.rows.columns]
    return sheet.noting(
        (), sheet.rows.with_columns(pl.lit(None, dtype=column.dtype).alias(column.name) for column in missing)
    )


def _read_criteria(sheet: Sheet, expected: Expected, questionnaire: Questionnaire) -> Sheet:
    """The criteria by the reader that a collection has for them."""
    rows = sheet.rows.with_columns(is_criterion=pl.col("question_id").is_not_null())
    criteria = rows.filter("is_criterion").select("row", "question_id", "item")
    read = read_criteria(
        replace(sheet, table=INPUTS["visit_items"], rows=criteria, problems=()), questionnaire, expected.standard
    )
    names = read.rows.select("row", "question_id", "item")
    return sheet.noting(
        read.problems,
        rows.drop("question_id", "item").join(names, on="row", how="left", maintain_order="left"),
    )


class _FormError(NamedTuple):
    """A row that can't be used as it is: when, which cell, what is wrong, what to do."""

    when: pl.Expr
    column: str
    problem: str
    remedy: str


_FILLED: Final = pl.any_horizontal(pl.col(name).is_not_null() for name in FILLED_IN)
_IS_CRITERION: Final = pl.col("is_criterion")


_MISPLACED: Final = (
    *(
        _FormError(
            ~_IS_CRITERION & pl.col(name).is_null(),
            name,
            "The cell is empty.",
            "A finding needs day, assessor, finding.",
        )
        for name in OF_THE_VISIT
    ),
    *(
        _FormError(
            _IS_CRITERION & pl.col(name).is_not_null(),
            name,
            "The row is that of a criterion.",
            "Empty the cell; day, assessor and finding stand once, in the row of the declaration.",
        )
        for name in OF_THE_VISIT
    ),
    _FormError(
        ~_IS_CRITERION & pl.col("seen").is_not_null(),
        "seen",
        "The row is that of the declaration.",
        "Empty the cell; what was seen stands in the rows of the criteria.",
    ),
    _FormError(
        _IS_CRITERION & pl.col("seen").is_null(),
        "seen",
        "There is a remark or a correction, but not what was seen.",
        f"Choose one of {', '.join(SEEN)}, or empty the row.",
    ),
)


def _form_errors(expected: Expected) -> Iterator[_FormError]:
    """What can be wrong with a filled row, beside single cells that can't be read."""
    first, last = expected.first_day, expected.last_day
    listed = expected.declarations.select(pl.format("{} {}", *_DECLARATION)).to_series().to_list()
    yield _FormError(
        pl.col("run") != expected.run,
        "run",
        "The row belongs to the form of another run.",
        f"Fill in the form of this run ({expected.run}).",
    )
    has_code = pl.col("org_code").is_in(expected.declarations["org_code"].unique().to_list())
    where = "visit_list.csv in the run folder has all declarations, by org_code and function."
    yield _FormError(has_code.not_(), "org_code", "This run has no organisation with this code.", where)
    yield _FormError(
        has_code & pl.format("{} {}", *_DECLARATION).is_in(listed).not_(),
        "function",
        "The organisation has no such declaration in this run.",
        where,
    )
    yield from _MISPLACED
    yield _FormError(
        pl.col("visited_on").is_between(first, last).not_(),
        "visited_on",
        "The day is outside the season of this run's visits.",
        f"Give a day from {first} to {last}.",
    )


def _find(sheet: Sheet, form_error: _FormError) -> Iterator[Problem]:
    # A cell that could not be read is told as that, and not as an empty one as well.
    unreadable_rows = [
        problem.row for problem in sheet.problems if problem.column == form_error.column and problem.effect != CONVERTED
    ]
    wrong = sheet.rows.filter(_FILLED & form_error.when & pl.col("row").is_in(unreadable_rows).not_())
    yield from as_one(
        [
            Problem(row, form_error.column, value, form_error.problem, form_error.remedy, ROW)
            for row, value in wrong.select("row", pl.col(form_error.column).cast(pl.String)).iter_rows()
        ]
    )


def _with_file(sheet: Sheet) -> pl.DataFrame:
    """The rows that somebody filled in, each with its file."""
    return sheet.rows.filter(_FILLED).with_columns(file=pl.lit(sheet.file), row=pl.col("row").cast(pl.Int64))


def _keep_one(
    rows: pl.DataFrame, key: Sequence[str], values: Sequence[str]
) -> tuple[pl.DataFrame, list[tuple[Place, Problem]], int]:
    """Each thing once, whoever says it.

    A row that corrects stands before one that does not: people send what they corrected together with what they had
    sent before. Of rows that say the same the first is kept, with the remarks of all.

    Returns:
        What is kept; a problem for each row that contradicts another; how many rows say what another says already.
    """
    corrects = pl.col("corrects").is_not_null()
    first = rows.filter(corrects == corrects.any().over(key)).sort(*key, *_PLACE)
    kinds = pl.struct(values).n_unique().over(key)
    against = first.filter(kinds > 1)
    remarks = pl.col("remark").drop_nulls().unique(maintain_order=True).str.join(BETWEEN_REMARKS).over(key)
    with_all = first.with_columns(remark=pl.when(remarks != "").then(remarks))
    unique_rows = with_all.unique(key, keep="first", maintain_order=True)
    return unique_rows, list(_contradictions(against, key, values[-1])), rows.height - unique_rows.height


def _contradictions(rows: pl.DataFrame, key: Sequence[str], column: str) -> Iterator[tuple[Place, Problem]]:
    for group in rows.partition_by(key, maintain_order=True):
        places = list(group.select("file", "row", column).iter_rows())
        for file, row, value in places:
            others = "; ".join(f"{name}, row {at} ({said})" for name, at, said in places if (name, at) != (file, row))
            remedy = "Ask which of them holds; empty the others, or say in corrects why one corrects them."
            problem = f"It contradicts {others}."
            yield Place(OUTCOME_FORM.name, file), Problem(row, column, value, problem, remedy, ROW)
