"""Replies: forms that organisations fill in, read back; every row is understood, left without a reply, or reported."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import polars as pl

from crosscheck.collection.answers import read_answers
from crosscheck.collection.cells import read_cells, tidy_texts
from crosscheck.collection.files import open_table
from crosscheck.collection.problems import CONVERTED, ROW, Place, Problem, list_problems, nearest
from crosscheck.collection.read import InputFile, describe_input
from crosscheck.contract.inputs import INPUTS
from crosscheck.contract.reply_form import REPLY, REPLY_FORM
from crosscheck.errors import CollectionError, ReplyError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from crosscheck.collection.files import Sheet
    from crosscheck.contract.table import Table
    from crosscheck.questionnaire import Questionnaire

# What the regulator wrote into the form is not read back, but looked up again: nobody can change it there.
_READ: Final = (
    "item", "question", "reply", "corrected_answer", "evidence", "remark", "signed_by", "date", "run",
    "accepted", "decided_by", "decided_on", "because",
)  # fmt: skip
_KEYS: Final = ("item", "question")
_TYPED: Final = ("question_id", "review", "level", "number", "absence")
_SCHEMA: Final = pl.Schema({**REPLY.schema, "form_row": pl.Int64()})
_NAMED: Final = 5  # how many other rows a problem names


@dataclass(frozen=True)
class Replies:
    """What was read of reply forms.

    `replies` has one row a reply, in the columns of `reply_form.REPLY` and after them those of a corrected answer as
    answers are read (`question_id`, `review`, `level`, `number`, `absence`), by item and question. `problems` are in
    the shape of those of a collection. Every row of `files` is among the replies, `unanswered` (its reply was left
    empty, or said so), or set aside in the problems.
    """

    replies: pl.DataFrame
    problems: pl.DataFrame
    files: tuple[InputFile, ...]
    unanswered: int


def read_replies(
    files: Sequence[Path], items: pl.DataFrame, run: str, questionnaire: Questionnaire, table: Table = REPLY_FORM
) -> Replies:
    """Read filled forms, in whatever state they come back.

    Args:
        files: CSV, Parquet or workbooks, in any order.
        items: what the forms asked, one row an item and question: `item`, `org_code`, `check_id`, `functions`,
            `question` (empty where no answer can correct it), `question_id`, `review`, `your_answer`.
        run: the fingerprint of the run that the forms belong to.
        questionnaire: corrected answers are read by it, as any answer is.
        table: `REPLY_FORM`, or `REPLY` to read back, with decisions, what was read of forms. A form has no decisions:
            nobody accepts a reply of his own.

    Raises:
        ReplyError: a form can't be opened, lacks a column or belongs to another run; all is named at once.
    """
    opened, strays = _open_all(files, table)
    _refuse_foreign_forms(opened, run)
    sheets = [_read_form(sheet, items, run, questionnaire) for sheet in opened]
    sheets = _refuse_contradictions(_refuse_repeated(sheets))
    all_replies = pl.concat([_promised_columns(sheet) for sheet in sheets])
    replied = all_replies.filter(_REPLY != "no_reply").sort(*_KEYS, "form", "form_row")
    problems = [*strays, *((sheet.place, problem) for sheet in sheets for problem in sheet.problems)]
    return Replies(
        replied, list_problems(problems), tuple(map(describe_input, sheets)), all_replies.height - replied.height
    )


def spelt_answer(level: pl.Expr, number: pl.Expr, absence: pl.Expr) -> pl.Expr:
    """An answer as people are to write it: its level, its figure, `n/a`, `not known`; null where there is none."""
    word = absence.cast(pl.String).replace({"not_applicable": "n/a", "not_known": "not known"})
    why = pl.when(word != "no_answer").then(word)
    return pl.coalesce(level, number.cast(pl.String).str.strip_suffix(".0"), why)


def _open_all(files: Sequence[Path], table: Table) -> tuple[list[Sheet], list[tuple[Place, Problem]]]:
    opened: list[Sheet] = []
    strays: list[tuple[Place, Problem]] = []
    wrong: list[str] = []
    for file in files:
        try:
            sheet, others = open_table(file, table)
        except CollectionError as error:
            wrong += error.problems
        else:
            opened.append(tidy_texts(sheet))
            strays += others
    if wrong:
        raise ReplyError(wrong)
    return opened, strays


def _refuse_foreign_forms(sheets: Iterable[Sheet], run: str) -> None:
    """A form of which no row belongs to this run is no slip of the pen: nothing in it is taken for something else."""
    wrong = []
    for sheet in sheets:
        named = sheet.rows["run"].str.strip_chars().drop_nulls().unique().sort()
        if run not in named:
            wrong.append(
                f"{sheet.file}: is not a form of this run ({run}), but of {', '.join(named) or 'none'}. Read it with "
                "--run and the folder of its own run, or send a form of this one: crosscheck reply form"
            )
    if wrong:
        raise ReplyError(wrong)


def _read_form(sheet: Sheet, items: pl.DataFrame, run: str, questionnaire: Questionnaire) -> Sheet:
    """One form with everything that it tells by itself; each row has what the regulator knows of its item."""
    columns = [column for column in sheet.table.columns if column.name in _READ]
    given = [_as_text(sheet, name).alias(f"{name}_as_given") for name in ("reply", "corrected_answer")]
    cells_read = read_cells(sheet.noting((), sheet.rows.with_columns(given)), columns)
    found = _find_items(_with_every_column(cells_read), items)
    strangers = found.rows.filter(pl.col("run") != run).select("row", "run").iter_rows()
    remedy = "Reply on the form of this run."
    found = found.noting(
        Problem(row, "run", text, "The row belongs to the form of another run.", remedy, ROW) for row, text in strangers
    )
    return _judge(_read_corrected(found, questionnaire))


def _as_text(sheet: Sheet, name: str) -> pl.Expr:
    return pl.col(name) if name in sheet.rows.columns else pl.lit(None, dtype=pl.String)


def _with_every_column(sheet: Sheet) -> Sheet:
    """The sheet with what it lacks of the columns that are read, empty."""
    missing = [name for name in _READ if name not in sheet.rows.columns]
    return sheet.noting((), sheet.rows.with_columns(pl.lit(None, dtype=_SCHEMA[name]).alias(name) for name in missing))


def _find_items(sheet: Sheet, items: pl.DataFrame) -> Sheet:
    """Lay what the regulator knows of the item beside each row; a row of no item is set aside."""
    keys = [_folded(name).alias(f"{name} key") for name in _KEYS]
    known_items = items.with_columns(keys).with_columns(known=pl.lit(value=True))
    rows = sheet.rows.with_columns(keys).rename({name: f"{name} as given" for name in _KEYS})
    found = rows.join(known_items, on=[f"{name} key" for name in _KEYS], how="left", maintain_order="left")
    astray = found.filter(pl.col("known").is_null() & pl.col("item as given").is_not_null())
    names, questions = tuple(items["item"].unique().sort()), items["question"].drop_nulls().unique().sort().to_list()
    problems = [
        _no_such_item(row, item, question, names, questions)
        for row, item, question in astray.select("row", "item as given", "question as given").iter_rows()
    ]
    return sheet.noting(problems, found)


def _folded(name: str) -> pl.Expr:
    """A name as it is compared; exports put ' before what a spreadsheet would run."""
    return pl.col(name).fill_null("").str.strip_chars().str.strip_prefix("'").str.to_lowercase()


def _no_such_item(row: int, item: str, question: str | None, names: tuple[str, ...], questions: list[str]) -> Problem:
    by_folded = {name.lower(): name for name in names}
    if item.strip().lower() in by_folded:
        near = nearest(question or "", tuple(questions))
        meant = f"Did you mean {near}? " if near else ""
        remedy = f"{meant}Leave the question as the form has it."
        return Problem(row, "question", question, "The item does not rest on this question.", remedy, ROW)
    near = nearest(item, tuple(by_folded))
    meant = f"Did you mean {by_folded[near]}? " if near else ""
    remedy = f"{meant}Leave the item as the form has it; a remark on something else belongs in a letter."
    return Problem(row, "item", item, "There is no such item in this run.", remedy, ROW)


def _read_corrected(sheet: Sheet, questionnaire: Questionnaire) -> Sheet:
    """Read corrected answers as any answer is read; what can't be read sets its row aside."""
    corrects = sheet.rows.filter(_CORRECTS & pl.col("question_id").is_not_null())
    item = pl.when(pl.col("review") > 0).then(pl.col("review").cast(pl.String))
    texts = corrects.select("row", "org_code", "question_id", item.alias("item"), answer="corrected_answer_as_given")
    read = read_answers(replace(sheet, table=INPUTS["answers"], rows=texts, problems=()), questionnaire)
    problems = (problem._replace(column="corrected_answer") for problem in read.problems)
    answers = read.rows.select("row", "level", "number", "absence")
    rows = sheet.rows.join(answers, on="row", how="left", maintain_order="left")
    return sheet.noting(
        problems, rows.with_columns(corrected_answer=spelt_answer(pl.col("level"), pl.col("number"), pl.col("absence")))
    )


def _filled(name: str) -> pl.Expr:
    return pl.col(name).fill_null("").str.strip_chars() != ""


_REPLY: Final = pl.col("reply")
_CORRECTS: Final = _filled("corrected_answer_as_given")
_SAYS: Final = _filled("remark") | _filled("evidence")


class _FormError(NamedTuple):
    """A reply that does not go together with what stands beside it: when, where, what, what to do, what is done."""

    when: pl.Expr
    column: str
    problem: str
    remedy: str
    reads_as: str | None = None


_FORM_ERRORS: Final = (
    _FormError(
        _REPLY.is_null() & _CORRECTS,
        "reply",
        "There is a corrected answer, but no reply; read as correct.",
        "Write correct.",
        "correct",
    ),
    _FormError(
        _REPLY.is_null() & _SAYS,
        "reply",
        "There is a remark or evidence, but no reply; read as explain.",
        "Write agree, correct or explain.",
        "explain",
    ),
    _FormError(
        _REPLY.is_in(["agree", "explain", "no_reply"]) & _CORRECTS,
        "reply",
        "The reply does not ask for a correction, and yet there is a corrected answer.",
        "Write correct, or empty the corrected answer.",
    ),
    _FormError(
        (_REPLY == "correct") & pl.col("question").is_null(),
        "reply",
        "This item rests on no answer of the organisation, so that no answer can correct it.",
        "Write explain, and say in the remark what is not right.",
    ),
    _FormError(
        (_REPLY == "correct") & pl.col("question").is_not_null() & _CORRECTS.not_(),
        "corrected_answer",
        "There is no corrected answer.",
        "Enter it; if it stands in another row on the same question, nothing needs to be done.",
    ),
    _FormError(
        (_REPLY == "correct") & (pl.col("corrected_answer") == pl.col("your_answer")),
        "corrected_answer",
        "This is the answer as it was returned; nothing would change.",
        "Write agree or explain, or enter another answer.",
    ),
    _FormError(
        (_REPLY == "explain") & _SAYS.not_(),
        "remark",
        "There is no explanation.",
        "Write it in the remark, or name the evidence.",
    ),
)


def _judge(sheet: Sheet) -> Sheet:
    """Hold each reply against what stands beside it, once the plainly meant is understood."""
    for form_error in _FORM_ERRORS:
        wrong = sheet.rows.filter(form_error.when & pl.col("known")).select("row", form_error.column).iter_rows()
        effect = CONVERTED if form_error.reads_as else ROW
        problems = [
            Problem(row, form_error.column, text, form_error.problem, form_error.remedy, effect) for row, text in wrong
        ]
        meant = pl.when(form_error.when).then(pl.lit(form_error.reads_as)).otherwise("reply").alias("reply")
        sheet = sheet.noting(problems, sheet.rows.with_columns(meant) if form_error.reads_as else None)
    judged = sheet.noting((), sheet.rows.with_columns(_REPLY.fill_null("no_reply")))
    return judged.noting(_unsigned(judged))


def _unsigned(sheet: Sheet) -> Iterator[Problem]:
    replied = sheet.used().filter(_REPLY != "no_reply")
    if replied.height and sheet.rows["signed_by"].is_null().all():
        remedy = "Ask who replied for the organisation before anything is accepted."
        yield Problem(None, "signed_by", None, "Nobody has signed the form.", remedy, CONVERTED)


def _promised_columns(sheet: Sheet) -> pl.DataFrame:
    """The replies of one form in the promised columns; who signed one row only has signed the form."""
    names = sheet.rows["signed_by"].drop_nulls().unique()
    signatory = pl.lit(names[0] if names.len() == 1 else None, dtype=pl.String)
    rows = sheet.used().with_columns(
        pl.coalesce("signed_by", signatory), form=pl.lit(sheet.file), form_row=pl.col("row")
    )
    return rows.select(*(pl.col(name).cast(dtype) for name, dtype in _SCHEMA.items()), *_TYPED)


def _refuse_repeated(sheets: list[Sheet]) -> list[Sheet]:
    """Of a reply given twice keep the first; of replies to one thing that contradict each other keep none."""
    groups = _groups(sheets, _REPLY != "no_reply", _KEYS, ("reply", "corrected_answer", "remark", "evidence"))
    return _noting_alike(sheets, groups, "The reply was given twice")


def _refuse_contradictions(sheets: list[Sheet]) -> list[Sheet]:
    """One question has one answer, whatever items rest on it: two corrections of it that differ are both set aside."""
    groups = _groups(sheets, _REPLY == "correct", ("org_code", "question"), ("corrected_answer",))
    return _noting_alike(sheets, [group for group in groups if group["kinds"] > 1], "")


def _groups(sheets: list[Sheet], which: pl.Expr, key: Sequence[str], values: Sequence[str]) -> list[dict[str, Any]]:
    """Rows of all forms that speak of one thing: where each stands (`at`, `row`, `file`), in how many `kinds`."""
    rows = [
        sheet.used().filter(which).select(*key, *values, "row", at=pl.lit(at), file=pl.lit(sheet.file))
        for at, sheet in enumerate(sheets)
    ]
    together = pl.concat(rows).group_by(key, maintain_order=True)
    counted = together.agg("at", "row", "file", kinds=pl.struct(values).n_unique(), times=pl.len())
    return counted.filter(pl.col("times") > 1).to_dicts()


def _noting_alike(sheets: list[Sheet], groups: Iterable[dict[str, Any]], twice: str) -> list[Sheet]:
    found: dict[int, list[Problem]] = {}
    for group in groups:
        places = list(zip(group["at"], group["row"], group["file"], strict=True))
        for number, (at, row, _) in enumerate(places):
            others = [
                f"{file}, row {other_row}" for place, (_, other_row, file) in enumerate(places) if place != number
            ]
            if group["kinds"] > 1:
                problem, remedy = f"It contradicts {_listed(others)}.", "Ask which of them holds, and empty the others."
                found.setdefault(at, []).append(Problem(row, "reply", None, problem, remedy, ROW))
            elif number:
                problem = f"{twice}: {others[0]} says the same."
                found.setdefault(at, []).append(Problem(row, "reply", None, problem, "Delete it.", ROW))
    return [sheet.noting(found.get(at, ())) for at, sheet in enumerate(sheets)]


def _listed(places: list[str]) -> str:
    return "; ".join(places[:_NAMED]) + (f"; and {len(places) - _NAMED} more" if len(places) > _NAMED else "")
