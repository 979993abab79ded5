"""Answers: text as returned becomes a level, a number, or one of the three absences; never one for another."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import polars as pl

from crosscheck.collection.cells import (
    NO,
    PER_CENT,
    PLAIN_NUMBER,
    THOUSANDS,
    YES,
    read_number,
    spreadsheet_error,
    worded,
    written,
)
from crosscheck.collection.markers import WITHHELD, describe_marker, marked
from crosscheck.collection.problems import CONVERTED, ROW, Problem, alternatives, as_one
from crosscheck.vocabulary import ABSENCE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from crosscheck.collection.files import Sheet
    from crosscheck.questionnaire import Question, Questionnaire

_NOT_APPLICABLE: Final = ("n/a", "na", "not applicable")
_NOT_KNOWN: Final = "not known"

SCHEMA: Final = pl.Schema(
    {
        "org_code": pl.String(),
        "question_id": pl.String(),
        "item": pl.UInt8(),
        "level": pl.String(),
        "number": pl.Float64(),
        "absence": ABSENCE,
    }
)

# Whether an answer was written with a per cent sign: then it is no fraction of 1.
HAS_SIGN: Final = "has_sign"

# The cells that say what was answered, as text; `level` and the like are read from them.
_TEXTS: Final = {"question_id": "question_text", "item": "item_text", "answer": "answer_text"}


def read_answers(answers: Sheet, questionnaire: Questionnaire) -> Sheet:
    """Read each answer as its question asks.

    Args:
        answers: `org_code`, `question_id`, `item` (may be missing) and `answer`, the last three as text; `year`, where
            the file has it, as it is read.
        questionnaire: what was asked.

    Returns:
        The sheet in the columns of `SCHEMA`, `year` if it was there, and whether a per cent sign was (`HAS_SIGN`).
        `item` is 0 where the question is asked once; `level` is for questions with levels and for texts, which stand
        there as they were written, without spaces around them; `number` is for figures, `absence` for where there is
        neither. An empty answer is `no_answer` and no problem; a row is set aside where its question, item or answer
        can't be read.
    """
    item = pl.col("item") if "item" in answers.rows.columns else pl.lit(None, dtype=pl.String).alias("item")
    texts = answers.rows.with_columns(item).rename(_TEXTS)
    distinct = texts.select(_TEXTS.values()).unique()  # far fewer than rows
    read = texts.join(
        _read_distinct(distinct, questionnaire),
        on=list(_TEXTS.values()),
        how="left",
        nulls_equal=True,
        maintain_order="left",
    )
    problems = [*question_problems(read, questionnaire), *_item_problems(read), *_answer_problems(read, questionnaire)]
    year = [name for name in ("year",) if name in read.columns]
    has_sign = pl.col("answer_text").str.contains("%", literal=True).fill_null(value=False).alias(HAS_SIGN)
    return answers.noting(problems, read.select("row", *SCHEMA.names(), *year, has_sign))


def _read_distinct(texts: pl.DataFrame, questionnaire: Questionnaire) -> pl.DataFrame:
    """All that is known of answers, from their texts and their questions."""
    named = pl.DataFrame(
        [(question.question_id, question.answer_type, question.repeated) for question in questionnaire],
        schema=["question_id", "answer_type", "repeated"],
        orient="row",
    )
    text = pl.col("answer_text").str.strip_chars().fill_null("")
    return (
        texts.with_columns(question_id=worded(pl.col("question_text")), text=text, word=worded(text))
        .join(named.with_columns(known=True), on="question_id", how="left")
        .with_columns(question_id=pl.when("known").then("question_id"), item=_item(), absence=_absence())
        .with_columns(level=_level(questionnaire), number=_number())
        .with_columns(plain=_plain())
    )


def _item() -> pl.Expr:
    """1 or 2 for a question that is asked of two reviews, 0 for one that is asked once; null for any other item."""
    item = pl.col("item_text").str.strip_chars().str.strip_suffix(".0").fill_null("")
    reviewed = pl.when(item.is_in(["1", "2"])).then(item)
    once = pl.when(item == "").then(pl.lit("0"))
    return pl.when("repeated").then(reviewed).when(pl.col("repeated").not_()).then(once).cast(pl.UInt8)


def _absence() -> pl.Expr:
    """Why there is no answer, by the words of the contract or by a marker; what is withheld from us is no answer."""
    word = pl.col("word").str.replace_all("_", " ", literal=True)
    return (
        pl.when(word == "")
        .then(pl.lit("no_answer"))
        .when(word.is_in(_NOT_APPLICABLE))
        .then(pl.lit("not_applicable"))
        .when(word == _NOT_KNOWN)
        .then(pl.lit("not_known"))
        .otherwise(marked(pl.col("text")).replace(WITHHELD, "no_answer"))
        .cast(ABSENCE)
    )


def _level(questionnaire: Questionnaire) -> pl.Expr:
    """The level that a text names; to a yes or no also in the other forms that the contract allows."""
    levels = [f"{question.question_id}={level}" for question in questionnaire for level in question.levels]
    word = pl.col("word")
    named = pl.when(pl.format("{}={}", "question_id", word).is_in(levels)).then(word)
    yes_no = pl.when(word.is_in(YES)).then(pl.lit("yes")).when(word.is_in(NO)).then(pl.lit("no"))
    kind = pl.col("answer_type")
    level = pl.when(kind == "yes_no").then(yes_no).when(kind == "text").then("text").otherwise(named)
    return pl.when(pl.col("absence").is_null()).then(level)


def _number() -> pl.Expr:
    """The figure that a text writes, if it can be true: a share up to 100, a count whole, only a signed one below 0."""
    kind = pl.col("answer_type")
    number = read_number(pl.when(kind == "percent").then(pl.col("text").str.replace(PER_CENT, "")).otherwise("text"))
    possible = (
        ((number >= 0) | (kind == "signed_number"))
        & ((kind != "percent") | (number <= 100))
        & ((kind != "count") | (number == number.floor()))
    )
    figure = kind.is_in(["percent", "number", "count", "signed_number"]) & pl.col("absence").is_null() & possible
    return pl.when(figure).then(number)


def _plain() -> pl.Expr:
    """Whether an answer that can be read stands in one of the forms that the contract allows; null if it can't be."""
    text, kind = pl.col("answer_text").str.to_lowercase(), pl.col("answer_type")
    figure = pl.when(kind == "percent").then(text.str.strip_suffix("%")).otherwise(text)
    return (
        pl.when(pl.col("absence") == "no_answer")
        .then(pl.col("word") == "")
        .when(pl.col("absence").is_not_null())
        .then(text.is_in([*_NOT_APPLICABLE, _NOT_KNOWN]))
        .when(pl.col("number").is_not_null())
        .then(figure.str.contains(f"{PLAIN_NUMBER}|{THOUSANDS}"))
        .when(pl.col("level").is_not_null())
        .then(
            pl.when(kind == "yes_no")
            .then(text.is_in([*YES, *NO]))
            .otherwise((kind == "text") | (pl.col("answer_text") == pl.col("level")))
        )
    )


def question_problems(read: pl.DataFrame, questionnaire: Questionnaire) -> Iterator[Problem]:
    """What is wrong with names of questions.

    Args:
        read: `row`, `question_text` as it stood, and `question_id` as it was understood, null where it was not.
        questionnaire: what was asked.
    """
    mended = read.filter(pl.col("question_id") != pl.col("question_text"))
    for row, text, name in mended.select("row", "question_text", "question_id").iter_rows():
        problem = f"The question's name is not spelt as in the questionnaire; read as {name}."
        yield Problem(row, "question_id", text, problem, f"Write {name}.", CONVERTED)
    unknown = read.filter(pl.col("question_id").is_null())
    for row, text in unknown.select("row", "question_text").iter_rows():
        remedy = alternatives(text or "", questionnaire.questions) or "The questionnaire lists the names of questions."
        yield Problem(row, "question_id", text, "There is no such question in the questionnaire.", remedy, ROW)


def _item_problems(read: pl.DataFrame) -> Iterator[Problem]:
    mended = read.filter((pl.col("item") > 0) & (pl.col("item").cast(pl.String) != pl.col("item_text")))
    for row, text, item in mended.select("row", "item_text", "item").iter_rows():
        yield Problem(row, "item", text, f"Not written as asked for; read as {item}.", f"Write {item}.", CONVERTED)
    wrong = read.filter(pl.col("question_id").is_not_null() & pl.col("item").is_null())
    for row, text, repeated in wrong.select("row", "item_text", "repeated").iter_rows():
        if repeated:
            problem, remedy = "The question is asked of two reviews, and this is neither.", "Write 1 or 2 as the item."
        else:
            problem, remedy = "The question is asked once only.", "Leave the item empty."
        yield Problem(row, "item", text, problem, remedy, ROW)


def _answer_problems(read: pl.DataFrame, questionnaire: Questionnaire) -> Iterator[Problem]:
    with_question = read.filter(pl.col("question_id").is_not_null())
    for row, text, name in (
        with_question.filter(pl.col("plain").is_null()).select("row", "answer_text", "question_id").iter_rows()
    ):
        yield Problem(row, "answer", text, *_why_unreadable(questionnaire[name], text), ROW)
    is_marker = marked(pl.col("answer_text")).is_not_null() & pl.col("absence").is_not_null()
    yield from _marker_problems(with_question.filter(~pl.col("plain") & is_marker))
    mended = with_question.filter(~pl.col("plain") & ~is_marker)
    for row, text, *values in mended.select("row", "answer_text", "absence", "level", "number").iter_rows():
        meant = next(_spelt(value) for value in values if value is not None)
        yield Problem(row, "answer", text, f"Not written as asked for; read as {meant}.", f"Write {meant}.", CONVERTED)


def _marker_problems(rows: pl.DataFrame) -> Iterator[Problem]:
    """Each kind of marker once, with how many there are."""
    markers = rows.select("row", "answer_text", said=marked(pl.col("answer_text"))).sort("row")
    for (text, said), group in markers.group_by("answer_text", "said", maintain_order=True):
        yield from as_one([describe_marker(row, "answer", str(text), str(said)) for row in group["row"]], most=1)


def _spelt(value: object) -> str:
    """An answer as the contract writes it."""
    return {"not_applicable": "n/a", "not_known": _NOT_KNOWN}.get(str(value), written(value))


def _why_unreadable(question: Question, text: str) -> tuple[str, str]:
    if error := spreadsheet_error(text):
        return error
    if question.has_levels:
        remedy = f"{alternatives(text, question.levels)} Allowed: {', '.join(question.levels)}, n/a, not known."
        return f"Not an answer to {question.question_id}.", remedy.strip()
    wanted = {
        "percent": ("Not a percentage from 0 to 100.", "Write one in digits, for example 54 or 54%."),
        "count": ("Not a whole number of 0 or more.", "Write one in digits, for example 12."),
        "number": ("Not a number of 0 or more.", "Write one in digits, for example 12.5."),
        "signed_number": ("Not a number.", "Write one in digits, for example 12.5 or -12.5."),
    }
    problem, remedy = wanted[question.answer_type]
    if question.answer_type == "percent" and _is_number(text):
        remedy = (
            "If it counts people, write their share of all, as 54%; if it was multiplied by 100 twice, divide by 100."
        )
    return problem, f"{remedy} Write n/a or not known where there is none."


def _is_number(text: str) -> bool:
    """Whether a text is a number without a sign before it."""
    return (
        re.fullmatch(f"{PLAIN_NUMBER[1:-1]}|{THOUSANDS[1:-1]}", text.strip().rstrip("% ")) is not None
        and text[0] != "-"
    )
