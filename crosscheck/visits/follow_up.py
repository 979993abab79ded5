"""Declared lapses to follow up: when they were, what the statement names, what the answers show, what to ask."""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Final

import polars as pl

from crosscheck.contract.outputs import OUTPUTS
from crosscheck.vocabulary import NOT_MET, WHY_ABSENT, is_lapse

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from crosscheck.questionnaire import Question, Questionnaire
    from crosscheck.visits.model import Subject

_KEYS: Final = ("org_code", "function")
BETWEEN: Final = " | "  # between subjects, and what belongs to each
_DECIMALS: Final = 3
_PLAN: Final = r"(?i)action plan:\s*(.*)$"


def list_follow_up(
    cases: pl.DataFrame, subjects: Sequence[Subject], questionnaire: Questionnaire, year_ends: date
) -> pl.DataFrame:
    """List every lapse that a board declared itself, as something to follow up.

    Args:
        cases: one row a declaration, with its answers (`cases.build_cases`).
        subjects: what a statement may name, by its words.
        questionnaire: what was asked.
        year_ends: last day of the assessment year. A lapse has `ended` (yes) if its last day is before that day, and
            has not (no) if it lasts until then or longer; where no last day is declared it is empty, for nobody knows.

    Returns:
        `outputs.OUTPUTS["follow_up"]`: one row a declaration that is not of compliance, by `org_code`, `function`.
        `subject` and `answers_show` are empty where the statement names no subject; several stand between ` | `.
    """
    lapses = cases.filter(is_lapse("declared.status")).sort(_KEYS)
    described = lapses.select(
        *_KEYS,
        pl.col("declared.status").cast(pl.String).alias("declared"),
        *(pl.col(f"declared.{name}").alias(name) for name in ("lapse_from", "lapse_to", "statement")),
        ended=pl.when(pl.col("declared.lapse_to") < year_ends).then(pl.lit("yes"))
        .when(pl.col("declared.lapse_to").is_not_null()).then(pl.lit("no")),
        subject=_joined([pl.when(_names(subject)).then(pl.lit(subject.name)) for subject in subjects]),
        answers_show=_joined([pl.when(_names(subject)).then(_show(subject, questionnaire)) for subject in subjects]),
    )  # fmt: skip
    return described.with_columns(ask=_ask()).select(OUTPUTS["follow_up"].schema.names())


def split_cell(text: str | None) -> list[str]:
    """What stands between the marks in one cell of the table, each by itself."""
    return text.split(BETWEEN) if text else []


def _names(subject: Subject) -> pl.Expr:
    statement = pl.col("declared.statement").str.to_lowercase()
    return reduce(or_, (statement.str.contains(word.lower(), literal=True) for word in subject.words))


def _joined(texts: Sequence[pl.Expr]) -> pl.Expr:
    """All texts that there are; null where there is none."""
    joined = pl.concat_str(texts, separator=BETWEEN, ignore_nulls=True) if texts else pl.lit("")
    return pl.when(joined != "").then(joined)


def _show(subject: Subject, questionnaire: Questionnaire) -> pl.Expr:
    """The answers on a subject in words; of a question that was not put to the organisation nothing is said."""
    questions = [one for one in questionnaire if one.question_id.startswith(subject.questions) and not one.repeated]
    answers = pl.concat_str([_answer(question) for question in questions], separator="; ", ignore_nulls=True)
    shown = pl.when(answers != "").then(answers).otherwise(pl.lit("nothing was asked of it on this"))
    return pl.format(f"{subject.name}: {{}}", shown)


def _answer(question: Question) -> pl.Expr:
    name = question.question_id
    value = pl.col(name).round(_DECIMALS) if question.is_figure else pl.col(name)
    written = value.cast(pl.String)
    words = written if question.is_text else written.str.replace_all("_", " ").str.strip_suffix(".0")
    unit = "%" if question.answer_type == "percent" else ""
    answer = pl.coalesce(pl.format(f"{{}}{unit}", words), _absence(name))
    return pl.format("{} {}", pl.lit(question.text), answer)


def _absence(name: str) -> pl.Expr:
    """Why there is no answer: `no answer`, `not known`; what does not apply is left out."""
    why = pl.col(name + WHY_ABSENT).cast(pl.String)
    return pl.when(why != "not_applicable").then(why.str.replace_all("_", " "))


def _ask() -> pl.Expr:
    """What to ask: proof of each action that the statement promises, and when the lapse ended where that is open."""
    plan = pl.col("statement").str.extract(_PLAN).str.strip_chars(" .")
    of_plan = pl.format("For each action, the proof that it is done and the day: {}", plan)
    no_plan = pl.lit("The action plan: what is done, by whom, until when")
    when = (
        pl.when(pl.col("ended") == "yes").then(pl.lit("Proof that the standard has been met since the lapse ended"))
        .when(pl.col("ended") == "no").then(pl.lit("Whether the lapse has ended since, when, and what shows it"))
        .when(pl.col("declared").cast(pl.String).is_in(NOT_MET)).then(pl.lit("When the lapse ended, if it has"))
        .otherwise(pl.lit("Which evidence was wanting, and whether the board holds it now"))
    )  # fmt: skip
    return pl.concat_str([pl.coalesce(of_plan, no_plan), when], separator=BETWEEN)
