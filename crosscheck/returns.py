"""Returns: what the answers of an organisation look like as a whole, before anybody asks what they say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from crosscheck.vocabulary import WHY_ABSENT

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from crosscheck.questionnaire import Question, Questionnaire

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
    ordered = [question for question in asked_once if question.has_levels and question.direction != "none"]
    organisations = cases.unique("org_code", keep="first", maintain_order=True)
    put = _number_of(is_put_to(question) for question in asked_once)
    answered = _number_of(pl.col(question.question_id).is_not_null() for question in asked_once)
    declined = _number_of(is_put_to(question) & _is_declined(question) for question in asked_once)
    of_ordered = _number_of(pl.col(question.question_id).is_not_null() for question in ordered)
    at_best, at_worst = (_number_of(_is_at_end(question, best=best) for question in ordered) for best in (True, False))
    return organisations.select(
        "org_code",
        (answered / put).alias("returned.answered_share"),
        (declined / put).alias("returned.not_applicable_share"),
        pl.when(of_ordered >= _FEWEST_ORDERED).then(at_best / of_ordered).alias("returned.best_share"),
        pl.when(of_ordered >= _FEWEST_ORDERED).then(at_worst / of_ordered).alias("returned.adverse_share"),
        _closest_agreements(organisations, asked_once),
    )


def is_put_to(question: Question) -> pl.Expr:
    """Whether a question is put to this kind of organisation; unknown where its services are."""
    of_type = pl.col("organisation.org_type").cast(pl.String).is_in(question.org_types)
    return pl.all_horizontal(of_type, *(pl.col(f"service.{service}") for service in question.services))


def _is_declined(question: Question) -> pl.Expr:
    return pl.col(question.question_id + WHY_ABSENT).cast(pl.String).eq_missing(pl.lit("not_applicable"))


def _is_at_end(question: Question, *, best: bool) -> pl.Expr:
    """Whether the answer is the best or the worst that there is; levels run from the worst to the best."""
    levels = question.levels if question.direction == "higher_better" else question.levels[::-1]
    return pl.col(question.question_id) == levels[-1 if best else 0]


def _number_of(conditions: Iterable[pl.Expr]) -> pl.Expr:
    return pl.sum_horizontal(condition.cast(pl.UInt16) for condition in conditions)


def _closest_agreements(organisations: pl.DataFrame, questions: list[Question]) -> pl.Series:
    """Of each organisation the largest share of equal answers with another of its type, among those that both gave."""
    codes = (pl.col(question.question_id).to_physical().cast(pl.Float64) for question in questions)
    known, types = organisations.select(codes).to_numpy(), organisations["organisation.org_type"].to_physical()
    closest = np.full(organisations.height, np.nan)
    for of_type in types.unique():
        of_this = (types == of_type).to_numpy()
        closest[of_this] = _agreement_within(known[of_this])
    return pl.Series("returned.closest_agreement", closest).fill_nan(None)


def _agreement_within(answers: NDArray[np.float64]) -> NDArray[np.float64]:
    """One number a row: its largest share of equal answers with another row; NaN where none shares enough questions."""
    given = (~np.isnan(answers)).astype(np.float32)
    shared = given @ given.T
    equal = np.stack([(answers == row).sum(axis=1) for row in answers]) if len(answers) else shared
    enough = shared >= _FEWEST_SHARED
    np.fill_diagonal(enough, val=False)
    shares = np.where(enough, equal / np.maximum(shared, 1), -1.0)
    best = shares.max(axis=1, initial=-1.0)
    return np.where(best >= 0, best, np.nan)
