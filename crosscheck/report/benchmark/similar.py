"""What similar organisations answered, told so that nobody can find out who answered what.

A benchmark pack goes to the outside, and its reader knows at least one answer: its own. So no count leaves this module.
The rule is the same for every question, whatever was answered, so that leaving something out betrays nothing:

- The possible answers stand in one fixed order, absences last. What is published is, for each place in that order, the
  share of those asked that stand at it or before it, rounded to a step; the share of one answer is the difference of
  two such. So shares add up to 100%, and no sum narrows them further.
- The step grows as the group shrinks (`STEPS`), so that every rounded share could be at least five different counts, or
  three (0, 1 or 2) at either end. This is rounding to the nearest five, as the higher education statistics agency has
  it, with the complement protected in the same way.
- In a group under twenty only the answer of more than half is named, if there is one; under ten nothing is.
- Quartiles need twenty figures, a median ten; the lowest and the highest are never shown, for they are somebody's own.

A group counts the reader itself, so that it is the same in every pack: two laid side by side tell no more than one.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from crosscheck.cases.returns import is_put_to
from crosscheck.vocabulary import ABSENCES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from crosscheck.questionnaire import Question, Questionnaire

EVERYBODY: Final = "all"
FIGURE: Final = "figure"  # the answer to a question that asks for a number, where one was given

# From how many organisations on shares are shown, and in steps of how many hundredths. Fewer have no shares.
STEPS: Final = ((100, 5), (50, 10), (20, 25))
FEWEST_FOR_MAJORITY: Final = 10
FEWEST_FOR_QUARTILES: Final = 20
FEWEST_FOR_MEDIAN: Final = 10
_KEY: Final = ("org_code", "question_id", "item")


@dataclass(frozen=True)
class Group:
    """What a group of organisations answered to one question, as far as it may be told.

    Attributes:
        asked: to how many the question was put; of reviews, how many were described, to the nearest five.
        shares: hundredths by answer (a level, `FIGURE` or an absence), adding up to 100; None where they are too few.
        majority: what more than half answered, in a group too small for shares; None where nothing is.
        median: of the figures that were given; None where they are too few.
        quartiles: the lower and the upper; None where figures are too few.
    """

    asked: int
    shares: Mapping[str, int] | None = None
    majority: str | None = None
    median: float | None = None
    quartiles: tuple[float, float] | None = None


def gather_answers(tables: Mapping[str, pl.DataFrame], questionnaire: Questionnaire) -> pl.DataFrame:
    """Lay every question beside every organisation that it was put to.

    Args:
        tables: the conformed tables `organisations` and `answers`.
        questionnaire: what is asked of whom.

    Returns:
        One row an organisation, question and `item` (0; 1 or 2 for each review that was described), in the
        questionnaire's order: `org_type`, `answer` (a level, `FIGURE`, or an absence: never null) and `number`. Where
        nobody knows an organisation's services, it counts as asked. An answer to a question that was not put is there.
    """
    organisations = tables["organisations"].select("org_code", "org_type")
    given = tables["answers"].filter(pl.col("question_id").is_in(list(questionnaire.questions)))
    # An answer to a question that was not put is kept, and a review exists only where one was described.
    answered = given.filter(pl.col("absence").is_null() | (pl.col("item") > 0)).select(_KEY)
    put = pl.concat([_put(tables["organisations"], questionnaire), answered]).unique()
    order = pl.Enum([question.question_id for question in questionnaire])
    answer = pl.coalesce(
        "level", pl.when(pl.col("number").is_not_null()).then(pl.lit(FIGURE)), pl.col("absence").cast(pl.String)
    )
    return (
        put.join(organisations, on="org_code")
        .join(given, on=_KEY, how="left")
        .select(*_KEY, "org_type", "number", answer=answer.fill_null("no_answer"))
        .sort("org_code", pl.col("question_id").cast(order), "item")
    )


def group_answers(answers: pl.DataFrame, questionnaire: Questionnaire) -> dict[tuple[str, str], Group]:
    """What organisations of each type answered, and `EVERYBODY`, by type and question.

    Args:
        answers: as `gather_answers` gives them. The two reviews of a question that is asked of two count as two.
        questionnaire: which answers there are, in their order.
    """
    both = pl.concat([answers, answers.with_columns(org_type=pl.lit(EVERYBODY))])
    counts: dict[tuple[str, str], dict[str, int]] = {}
    for of_type, question_id, answer, count in both.group_by("org_type", "question_id", "answer").len().iter_rows():
        counts.setdefault((of_type, question_id), {})[answer] = count
    spreads = {(row["org_type"], row["question_id"]): row for row in _spreads(both).iter_rows(named=True)}
    return {key: _group(questionnaire[key[1]], of_key, spreads.get(key)) for key, of_key in sorted(counts.items())}


def round_shares(counts: Sequence[int]) -> list[int] | None:
    """The share of each count in hundredths, by rounding the running totals; None in a group too small for shares.

    They add up to 100. Each running total could be at least five counts, or three at the ends (`STEPS`).
    """
    total = sum(counts)
    step = next((step for fewest, step in STEPS if total >= fewest), None)
    if step is None:
        return None
    reached = [(200 * running + step * total) // (2 * step * total) * step for running in accumulate(counts)]
    return [after - before for before, after in pairwise([0, *reached])]


def possible_answers(question: Question) -> tuple[str, ...]:
    """Every answer that a question can have, absences last."""
    return (*(question.levels or (FIGURE,)), *ABSENCES)


def _put(organisations: pl.DataFrame, questionnaire: Questionnaire) -> pl.DataFrame:
    """To whom each question is put that is asked once."""
    services = [
        pl.col("services").list.contains(service).alias(f"service.{service}") for service in questionnaire.services
    ]
    put = [
        # Left out only where it is known not to apply: not to know a service is no reason to skip its questions.
        is_put_to(question).fill_null(value=True).alias(question.question_id)
        for question in questionnaire
        if not question.repeated
    ]
    return (
        organisations.select("org_code", pl.col("org_type").alias("organisation.org_type"), *services)
        .select("org_code", *put)
        .unpivot(index="org_code", variable_name="question_id", value_name="put")
        .filter("put")
        .select("org_code", "question_id", item=pl.lit(0, pl.UInt8))
    )


def _spreads(answers: pl.DataFrame) -> pl.DataFrame:
    """Quartiles and median of the figures of each group and question; null where they are too few."""
    number = pl.col("number")
    quantiles = {
        "lower": number.quantile(0.25, "linear"), "median": number.median(), "upper": number.quantile(0.75, "linear"),
    }  # fmt: skip
    fewest = {name: FEWEST_FOR_MEDIAN if name == "median" else FEWEST_FOR_QUARTILES for name in quantiles}
    return (
        answers.filter(pl.col("answer") == FIGURE)
        .group_by("org_type", "question_id")
        .agg(*(pl.when(number.len() >= fewest[name]).then(of).alias(name) for name, of in quantiles.items()))
    )


def _group(question: Question, counts: Mapping[str, int], spread: Mapping[str, Any] | None) -> Group:
    answers = possible_answers(question)
    total = sum(counts.values())
    shares = round_shares([counts.get(answer, 0) for answer in answers])
    big = [answer for answer, count in counts.items() if 2 * count > total >= FEWEST_FOR_MAJORITY]
    figures = {name: _blurred(value, question) for name, value in _known_figures(spread)}
    return Group(
        asked=5 * round(total / 5) if question.repeated else total,
        shares=None if shares is None else dict(zip(answers, shares, strict=True)),
        majority=big[0] if big and shares is None else None,
        median=figures.get("median"),
        quartiles=(figures["lower"], figures["upper"]) if "lower" in figures else None,
    )


def _known_figures(spread: Mapping[str, Any] | None) -> Iterator[tuple[str, float]]:
    for name in ("lower", "median", "upper") if spread else ():
        if (value := (spread or {})[name]) is not None:
            yield name, value


def _blurred(value: float, question: Question) -> float:
    """Whole percentages, and two figures of anything else: finer tells more of one organisation than of a group."""
    return float(round(value)) if question.answer_type == "percent" else float(f"{value:.2g}")
