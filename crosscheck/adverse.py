"""Counting adverse answers: the plainest way to choose whom to visit, and the one to beat."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from crosscheck.questionnaire import Questionnaire


def count_adverse(answers: pl.DataFrame, organisations: pl.DataFrame, questionnaire: Questionnaire) -> pl.DataFrame:
    """Count the answers of each organisation that are the worst there is, or worse than the median of its type.

    Args:
        answers: the conformed answers of a collection.
        organisations: they say of which type an organisation is.
        questionnaire: it says which end is worse; a question of which neither is counts for nothing.

    Returns:
        One row an organisation, by `org_code`: `adverse`, how many there are. What is not answered is not counted, so
        an organisation that returned nothing has none: that is what is wrong with counting.
    """
    directed = [question for question in questionnaire if question.direction != "none"]
    worst = pl.DataFrame(
        {
            "question_id": [question.question_id for question in directed],
            "worst": [_worst(question.levels, question.direction) for question in directed],
            "sign": [-1.0 if question.direction == "higher_better" else 1.0 for question in directed],
        },
        schema={"question_id": pl.String, "worst": pl.String, "sign": pl.Float64},
    )
    median = pl.col("number").median().over("question_id", "item", "org_type")
    adverse = (pl.col("level") == pl.col("worst")) | ((pl.col("number") - median) * pl.col("sign") > 0)
    counted = (
        answers.join(worst, on="question_id")
        .join(organisations.select("org_code", "org_type"), on="org_code")
        .select("org_code", adverse=adverse.fill_null(value=False))
        .group_by("org_code")
        .agg(pl.col("adverse").sum())
    )
    return organisations.select("org_code").join(counted, on="org_code", how="left").fill_null(0).sort("org_code")


def _worst(levels: tuple[str, ...], direction: str) -> str | None:
    if not levels:
        return None
    return levels[0] if direction == "higher_better" else levels[-1]
