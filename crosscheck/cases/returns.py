"""Returns: what the answers of an organisation look like as a whole, before anybody asks what they say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from crosscheck.vocabulary import ABSENCES, WHY_ABSENT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from crosscheck.questionnaire import Question, Questionnaire

Numbers = NDArray[np.float64]
Truths = NDArray[np.bool_]

# What is said of a return, by name. All are shares, from 0 to 1.
MEASURES: Final[Mapping[str, str]] = {
    "returned.answered_share": "share of the questions put to it that it answered",
    "returned.not_applicable_share": "share of the questions put to it that it called not applicable",
    "returned.best_share": "share of its answers with a best and a worst that are at the best",
    "returned.adverse_share": "share of its answers with a best and a worst that are at the worst",
    "returned.closest_agreement": "largest share of answers that are the same as another's of its type",
}

# Shares of fewer answers say nothing of a return as a whole (this project's own choices).
_FEWEST_ORDERED: Final = 20
_FEWEST_SHARED: Final = 50


def describe_returns(cases: pl.DataFrame, questionnaire: Questionnaire) -> pl.DataFrame:
    """Describe each organisation's return.

    Questions on case reviews are left out: how many of them there are to answer depends on how many reviews there were.

    Args:
        cases: one row a declaration, with the answers and, beside each, why it is absent.
        questionnaire: what was asked.

    Returns:
        One row an organisation: `org_code` and `MEASURES`. Null where too few answers would make the share.
    """
    asked_once = [question for question in questionnaire if not question.repeated]
    organisations = cases.unique("org_code", keep="first", maintain_order=True)
    put = _put(organisations, asked_once)
    known = _codes(organisations, [question.question_id for question in asked_once])
    why = _codes(organisations, [question.question_id + WHY_ABSENT for question in asked_once])
    declined = put & (why == ABSENCES.index("not_applicable"))
    ordered = np.array([question.has_levels and question.direction != "none" for question in asked_once])
    of_ordered = (~np.isnan(known) & ordered).sum(axis=1)
    enough = of_ordered >= _FEWEST_ORDERED
    columns = {
        "returned.answered_share": _share((~np.isnan(known)).sum(axis=1), put.sum(axis=1)),
        "returned.not_applicable_share": _share(declined.sum(axis=1), put.sum(axis=1)),
        "returned.best_share": _share(_number_at(known, asked_once, ordered, best=True), of_ordered, enough),
        "returned.adverse_share": _share(_number_at(known, asked_once, ordered, best=False), of_ordered, enough),
        "returned.closest_agreement": _closest_agreements(known, organisations["organisation.org_type"]),
    }
    return (
        organisations.select("org_code")
        .with_columns(pl.Series(name, of) for name, of in columns.items())
        .fill_nan(None)
    )


def is_put_to(question: Question) -> pl.Expr:
    """Whether a question is put to this kind of organisation; unknown where its services are."""
    of_type = pl.col("organisation.org_type").cast(pl.String).is_in(question.org_types)
    return pl.all_horizontal(of_type, *(pl.col(f"service.{service}") for service in question.services))


def _put(organisations: pl.DataFrame, questions: list[Question]) -> Truths:
    """Whether each question is put to each organisation; of most questions it is said alike, so worked out once."""
    circles = {(question.org_types, question.services): is_put_to(question) for question in questions}
    alike = organisations.select(put.alias(str(at)) for at, put in enumerate(circles.values())).fill_null(value=False)
    places = {circle: at for at, circle in enumerate(circles)}
    chosen = [places[question.org_types, question.services] for question in questions]
    return np.asarray(alike.to_numpy()[:, chosen], dtype=np.bool_)


def _codes(organisations: pl.DataFrame, columns: list[str]) -> Numbers:
    """Figures as they are, levels by their place, texts by their rank, NaN where there is none: one row each."""
    held = organisations.select(pl.col(columns).to_physical())
    return held.with_columns(pl.col(pl.String).rank("dense")).cast(pl.Float64).to_numpy()


def _number_at(known: Numbers, questions: list[Question], ordered: Truths, *, best: bool) -> NDArray[np.int64]:
    """How many answers are the best or the worst that there is; levels run from the worst to the best."""
    last = [
        question.direction == "higher_better" if best else question.direction != "higher_better"
        for question in questions
    ]
    ends = [len(question.levels) - 1 if at_last else 0 for question, at_last in zip(questions, last, strict=True)]
    return np.asarray(((known == np.array(ends)) & ordered).sum(axis=1), dtype=np.int64)


def _share(number: NDArray[np.int64], of: NDArray[np.int64], where: Truths | None = None) -> Numbers:
    """One of the other; NaN where there is nothing to have a share of."""
    wanted = of > 0 if where is None else where & (of > 0)
    return np.where(wanted, number / np.maximum(of, 1), np.nan)


def _closest_agreements(known: Numbers, types: pl.Series) -> Numbers:
    """Of each organisation the largest share of equal answers with another of its type, among those that both gave."""
    closest = np.full(len(known), np.nan)
    for of_type in types.unique():
        of_this = (types == of_type).to_numpy()
        closest[of_this] = _agreement_within(known[of_this])
    return closest


def _agreement_within(answers: Numbers) -> Numbers:
    """One number a row: its largest share of equal answers with another row; NaN where none shares enough questions."""
    narrow = answers.astype(np.float32)  # half the memory to compare; no two answers are that near to one another
    given = (~np.isnan(narrow)).astype(np.float32)
    shared = given @ given.T
    equal = np.stack([np.count_nonzero(narrow == row, axis=1) for row in narrow]) if len(answers) else shared
    enough = shared >= _FEWEST_SHARED
    np.fill_diagonal(enough, val=False)
    shares = np.where(enough, equal / np.maximum(shared, 1), -1.0)
    best = shares.max(axis=1, initial=-1.0)
    return np.where(best >= 0, best, np.nan)


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
    # Levels by their worst, numbers by the median of the type: numbers have no worst that all types share.
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
