"""Criteria that visits looked at: each bears the name of the question of the review that asks about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

from crosscheck.collection.answers import question_problems
from crosscheck.collection.cells import worded
from crosscheck.collection.problems import CONVERTED, ROW, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from crosscheck.collection.files import Sheet
    from crosscheck.questionnaire import Questionnaire

_ITEMS: Final = ("1", "2")
_TEXTS: Final = {"question_id": "question_text", "item": "item_text"}  # what was understood, and what stood there


def read_criteria(sheet: Sheet, questionnaire: Questionnaire, standard: str | None) -> Sheet:
    """Read which question each criterion bears the name of, and which of its repeated items was looked at.

    Args:
        sheet: `visit_items`, its cells read.
        questionnaire: what was asked.
        standard: whose questionnaire it is; rows of another standard have another, and are left as they are. If it is
            not given, every row that states a standard is left so.

    Returns:
        The sheet with names as the questionnaire spells them and `item` as `1` or `2`, null where no one item was
        meant. A row is set aside where the question or the item is not one that was asked.
    """
    read = _understand(sheet.rows, questionnaire)
    named = pl.col("standard") if "standard" in read.columns else pl.lit(None, dtype=pl.String)
    own = read.filter(named.is_null() | (named == pl.lit(standard, dtype=pl.String)))
    problems = [*question_problems(own.drop_nulls("question_text"), questionnaire), *_item_problems(own)]
    others = pl.col("row").is_in(own["row"].implode()).not_()
    as_stood = (pl.when(others).then(text).otherwise(name).alias(name) for name, text in _TEXTS.items())
    return sheet.noting(problems, read.with_columns(as_stood).drop(*_TEXTS.values(), "repeated"))


def _understand(rows: pl.DataFrame, questionnaire: Questionnaire) -> pl.DataFrame:
    """The rows with `question_id` and `item` as understood, beside them what stood there and whether it is repeated."""
    repeated = {question.question_id: question.repeated for question in questionnaire}
    item = pl.col("item") if "item" in rows.columns else pl.lit(None, dtype=pl.String)
    word = worded(pl.col("question_id"))
    return rows.with_columns(
        question_text=pl.col("question_id"),
        question_id=pl.when(word.is_in(list(repeated))).then(word),
        item_text=item,
        item=item.str.strip_suffix(".0"),
        repeated=word.replace_strict(repeated, default=None, return_dtype=pl.Boolean),
    )


def _item_problems(read: pl.DataFrame) -> Iterator[Problem]:
    named = read.drop_nulls(["question_id", "item"])
    fine = pl.col("repeated") & pl.col("item").is_in(_ITEMS)
    for row, text, item in (
        named.filter(fine & (pl.col("item") != pl.col("item_text"))).select("row", "item_text", "item").iter_rows()
    ):
        yield Problem(row, "item", text, f"Not written as asked for; read as {item}.", f"Write {item}.", CONVERTED)
    for row, text, repeated in named.filter(~fine).select("row", "item_text", "repeated").iter_rows():
        if repeated:
            remedy = "Write 1 or 2 as the item, or leave it empty if no one review was meant."
            yield Problem(row, "item", text, "The question is asked of two reviews, and this is neither.", remedy, ROW)
        else:
            yield Problem(row, "item", text, "The question is asked once only.", "Leave the item empty.", ROW)
