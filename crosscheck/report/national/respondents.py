"""Respondents: who was asked each question, and what became of it, so that every figure can say whom it counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

from crosscheck.cases.returns import is_put_to

if TYPE_CHECKING:
    from collections.abc import Mapping

    from crosscheck.questionnaire import Question, Questionnaire

# What became of a question put to one organisation (or to one review that it described). An organisation of the type
# to which it was not put, and which said nothing, is `not_put`; one that answered all the same counts by its answer.
STATES: Final = ("answered", "not_applicable", "not_known", "no_answer", "not_put")
STATE: Final = pl.Enum(STATES)

ORGANISATIONS: Final = "organisations"
_SCHEMA: Final = ("org_code", "kind", "question", "level", "part", "whole", "state")

# Measures made of two answers, or of an answer and the resident children (`derived_measure` of the published figures).
_EMPLOYED: Final = "workload.health_visitors_employed_wte"
_ESTABLISHMENT: Final = "workload.health_visitors_establishment_wte"
VACANCY_RATE: Final = "vacancy_rate"
CASELOAD: Final = "health_visitor_caseload"


def list_respondents(tables: Mapping[str, pl.DataFrame], questionnaire: Questionnaire, standard: str) -> pl.DataFrame:
    """List who was asked what, and what became of it.

    Args:
        tables: `organisations`, `answers` and `declarations` as the reader leaves them.
        questionnaire: what is put to whom. Where an organisation's services are not known, a question on them counts as
            put to it only if it answered.
        standard: the standard declared on.

    Returns:
        One row a respondent: `org_code`, `kind` (type of organisation; of a declaration its category), `question`
        (of the questionnaire; a derived measure; `declarations 2008/09` and the like; `organisations`), `level`,
        `part` and `whole` (a figure is their ratio: a plain answer has the whole 1) and `state`, one of `STATES`.
        Questions on reviews have one row a review described.
    """
    organisations = tables["organisations"].with_columns(
        pl.col("org_type").alias("organisation.org_type"),
        *(pl.col("services").list.contains(name).alias(f"service.{name}") for name in questionnaire.services),
    )
    answers = tables["answers"].rename({"question_id": "question"})
    once = _asked_once(organisations, answers, [question for question in questionnaire if not question.repeated])
    return pl.concat(
        [
            once.select(_SCHEMA),
            _asked_of_reviews(organisations, answers, [question for question in questionnaire if question.repeated]),
            *_derived(once, organisations),
            _declared(tables["declarations"], standard),
            _contacted(organisations, answers),
        ]
    )


def _asked_once(organisations: pl.DataFrame, answers: pl.DataFrame, questions: list[Question]) -> pl.DataFrame:
    """What each organisation answered to each question that is asked once, and whether it was put to it at all."""
    # Many questions are put to the same group of organisations (some types, with some services), and there are only a
    # few such groups: who is in one is worked out once for each group and not for every question.
    groups = {(question.org_types, question.services): is_put_to(question) for question in questions}
    names = {group: str(number) for number, group in enumerate(groups)}
    put = (
        organisations.select("org_code", *(is_put.alias(names[group]) for group, is_put in groups.items()))
        .unpivot(index="org_code", variable_name="group", value_name="put")
        .with_columns(pl.col("put").fill_null(value=False))
    )
    group_of_question = pl.DataFrame(
        [(question.question_id, names[question.org_types, question.services]) for question in questions],
        schema=["question", "group"],
        orient="row",
    )
    return (
        put.join(group_of_question, on="group")
        .join(answers.filter(pl.col("item") == 0), on=["org_code", "question"], how="left")
        .join(organisations.select("org_code", kind="org_type"), on="org_code")
        .with_columns(_state(pl.col("put")), part=pl.col("number"), whole=pl.lit(1.0))
    )


def _asked_of_reviews(organisations: pl.DataFrame, answers: pl.DataFrame, questions: list[Question]) -> pl.DataFrame:
    """A review is there where anything at all was said of it."""
    said = answers.filter(pl.col("item") > 0)
    reviews = said.filter(pl.col("absence").is_null()).select("org_code", "item").unique(maintain_order=True)
    types_of_question = pl.DataFrame(
        {
            "question": [question.question_id for question in questions],
            "kind": [list(question.org_types) for question in questions],
        }
    )
    return (
        reviews.join(organisations.select("org_code", kind="org_type"), on="org_code")
        .join(types_of_question.explode("kind"), on="kind")
        .join(said, on=["org_code", "question", "item"], how="left")
        .with_columns(_state(pl.lit(value=True)), part=pl.col("number"), whole=pl.lit(1.0))
        .select(_SCHEMA)
    )


def _state(put: pl.Expr) -> pl.Expr:
    answered = pl.any_horizontal(pl.col("level", "number").is_not_null())
    given = pl.when(pl.col("absence") != "no_answer").then(pl.col("absence").cast(pl.String))
    silent = pl.when(put).then(pl.lit("no_answer")).otherwise(pl.lit("not_put"))
    return pl.when(answered).then(pl.lit("answered")).otherwise(pl.coalesce(given, silent)).cast(STATE).alias("state")


def _derived(once: pl.DataFrame, organisations: pl.DataFrame) -> list[pl.DataFrame]:
    """Vacancy rate in percent, and children aged 0 to 4 for each health visitor; of those to whom both were put."""
    employed, establishment = (
        once.filter(pl.col("question") == name).select("org_code", "kind", "state", "number")
        for name in (_EMPLOYED, _ESTABLISHMENT)
    )
    both = employed.join(establishment, on="org_code", suffix="_establishment").join(
        organisations.select("org_code", "population_0_4"), on="org_code"
    )
    absent = pl.max_horizontal(pl.col("state", "state_establishment").to_physical())
    vacancy = both.with_columns(
        question=pl.lit(VACANCY_RATE),
        part=100 * (pl.col("number_establishment") - pl.col("number")),
        whole=pl.col("number_establishment"),
        absent=absent,
    )
    # The organisation answered; what is missing is the population, so the rate is not known and not unanswered.
    unknown = pl.when(pl.col("population_0_4").is_null() & (pl.col("state") == "answered")).then(pl.lit("not_known"))
    caseload = both.with_columns(
        question=pl.lit(CASELOAD),
        part=pl.col("population_0_4"),
        whole=pl.col("number"),
        absent=pl.coalesce(unknown.cast(STATE), "state").to_physical(),
    )
    return [_of_a_whole(measure) for measure in (vacancy, caseload)]


def _of_a_whole(measure: pl.DataFrame) -> pl.DataFrame:
    """Of nothing there is no rate: who has no post or no health visitor counts as one to whom it does not apply."""
    answered = pl.col("absent") == STATES.index("answered")
    state = pl.when(answered & (pl.col("whole") <= 0)).then(STATES.index("not_applicable")).otherwise("absent")
    return measure.with_columns(
        level=pl.lit(None, dtype=pl.String),
        state=state.replace_strict(dict(enumerate(STATES)), return_dtype=STATE),
    ).select(_SCHEMA)


def _declared(declarations: pl.DataFrame, standard: str) -> pl.DataFrame:
    return declarations.filter(pl.col("standard") == standard).select(
        "org_code",
        kind="category",
        question=declarations_of(pl.col("year")),
        level=pl.col("status").cast(pl.String),
        part=pl.lit(None, dtype=pl.Float64),
        whole=pl.lit(1.0),
        state=pl.lit("answered", dtype=STATE),
    )


def declarations_of(year: pl.Expr) -> pl.Expr:
    """What the declarations of a year are listed under."""
    return pl.format("declarations {}", year)


def _contacted(organisations: pl.DataFrame, answers: pl.DataFrame) -> pl.DataFrame:
    """Every organisation, and whether it said anything at all, be it that nothing applies or is known."""
    returned = answers.filter(pl.col("absence").is_null() | (pl.col("absence") != "no_answer"))["org_code"].unique()
    return organisations.select(
        "org_code",
        kind="org_type",
        question=pl.lit(ORGANISATIONS),
        level=pl.when(pl.col("org_code").is_in(returned.to_list())).then(pl.lit("responded")),
        part=pl.lit(None, dtype=pl.Float64),
        whole=pl.lit(1.0),
        state=pl.when(pl.col("org_code").is_in(returned.to_list()))
        .then(pl.lit("answered"))
        .otherwise(pl.lit("no_answer"))
        .cast(STATE),
    )
