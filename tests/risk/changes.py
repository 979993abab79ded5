"""Returns with single answers changed, worse or better, as the questionnaire orders them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from crosscheck.collection.read import Collection
from crosscheck.questionnaire import Question, Questionnaire

_ANSWER = ("org_code", "question_id", "item")


@dataclass(frozen=True)
class Change:
    """One answer of one organisation, and what it is instead."""

    org_code: str
    question_id: str
    item: int
    level: str | None
    number: float | None
    is_worse: bool


def draw_changes(collection: Collection, questionnaire: Questionnaire, number: int, seed: int) -> list[Change]:
    """Changes of answers drawn at random, each to another level or percentage, of any organisation."""
    generator = np.random.default_rng(seed)
    ordered = [question.question_id for question in questionnaire if is_ordered(question)]
    given = collection.tables["answers"].filter(
        pl.col("question_id").is_in(ordered) & (pl.col("level").is_not_null() | pl.col("number").is_not_null())
    )
    drawn = given[generator.choice(given.height, 2 * number, replace=False)]
    changes = [change(row, questionnaire[row["question_id"]], generator) for row in drawn.iter_rows(named=True)]
    return [one for one in changes if one is not None][:number]


def is_ordered(question: Question) -> bool:
    return question.direction != "none" and (question.has_levels or question.answer_type == "percent")


def change(row: dict[str, object], question: Question, generator: np.random.Generator) -> Change | None:
    """Another answer than the one given; nothing where that one is none of the question's."""
    higher_better = question.direction == "higher_better"
    if question.has_levels:
        if row["level"] not in question.levels:
            return None
        now = question.levels.index(str(row["level"]))
        then = int(generator.choice([place for place in range(len(question.levels)) if place != now]))
        level, number, is_lower = question.levels[then], None, then < now
    else:
        number, level = float(generator.integers(0, 101)), None
        is_lower = number < float(str(row["number"]))
        if number == row["number"]:
            return None
    return Change(
        str(row["org_code"]), question.question_id, int(str(row["item"])), level, number, is_lower == higher_better
    )


def apply(collection: Collection, changes: Sequence[Change]) -> Collection:
    """The collection with these answers instead."""
    schema = {
        "org_code": pl.String,
        "question_id": pl.String,
        "item": pl.UInt8,
        "new_level": pl.String,
        "new": pl.Float64,
    }
    told = pl.DataFrame(
        [(one.org_code, one.question_id, one.item, one.level, one.number) for one in changes],
        schema=schema,
        orient="row",
    ).with_columns(changed=pl.lit(value=True))
    changed = pl.col("changed").fill_null(value=False)
    answers = (
        collection.tables["answers"]
        .join(told, on=_ANSWER, how="left", maintain_order="left")
        .with_columns(
            level=pl.when(changed).then(pl.col("new_level")).otherwise("level"),
            number=pl.when(changed).then("new").otherwise("number"),
        )
        .drop("new_level", "new", "changed")
    )
    return replace(collection, tables=collection.tables | {"answers": answers})


def put_at_worst(collection: Collection, questionnaire: Questionnaire, org_code: str) -> Collection:
    """The collection with every ordered answer of one organisation at its worst."""
    rows = collection.tables["answers"].filter(
        (pl.col("org_code") == org_code) & (pl.col("level").is_not_null() | pl.col("number").is_not_null())
    )
    changes = []
    for row in rows.iter_rows(named=True):
        question = questionnaire[row["question_id"]]
        if is_ordered(question):
            first = question.direction == "higher_better"
            level = (question.levels[0] if first else question.levels[-1]) if question.has_levels else None
            number = None if question.has_levels else (0.0 if first else 100.0)
            changes.append(Change(org_code, question.question_id, row["item"], level, number, is_worse=True))
    return apply(collection, changes)
