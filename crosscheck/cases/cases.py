"""Cases: all that is known about one declaration, one row each.

The columns of a case are what rules speak of; `catalogue` lists their names and types before any data is read.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Final, Literal

import polars as pl

from crosscheck.cases.history import NO_PREDECESSORS, inherit_answers, recall_declarations
from crosscheck.cases.returns import MEASURES, describe_returns, is_put_to
from crosscheck.errors import CollectionError
from crosscheck.vocabulary import (
    ABSENCE,
    COMMENTATORS,
    COMMENTATORS_IN_WORDS,
    ORG_TYPE,
    ORG_TYPES,
    OTHER_FUNCTION,
    STATUS,
    STATUSES,
    TONES,
    WHY_ABSENT,
    words_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from crosscheck.questionnaire import Question, Questionnaire

NameType = Literal["number", "ordinal", "choice", "flag", "text", "date"]

# A comment's tone runs from -3 to +3; nearer to nothing than this, it is neutral (this project's own choice: half a
# point is the least step that a reliability of one half leaves of a full point).
TONE_LIMIT: Final = 0.5


@dataclass(frozen=True)
class Name:
    """Something that a rule may speak of.

    `levels` are the values that an ordinal (worst first) or a choice can have. `meaning` and `unit` are for people.
    `absences` says whether there is a `?` column beside it: so it is for answers; what comes from elsewhere is null
    where it is not known. `relation` says whose it is: empty for the case's own.
    """

    name: str
    type: NameType
    meaning: str
    levels: tuple[str, ...] = ()
    unit: str = ""
    absences: bool = False
    relation: str = ""

    @property
    def dtype(self) -> pl.DataType:
        """The polars type of what a case holds under the name."""
        if self.levels:
            return pl.Enum(self.levels)
        return {"number": pl.Float64(), "flag": pl.Boolean(), "date": pl.Date()}.get(self.type, pl.String())

    @property
    def is_percentage(self) -> bool:
        """Whether it is a number out of 100."""
        return self.type == "number" and (self.unit.startswith("percent") or self.name.endswith("_pct"))


_DECLARED: Final = (
    Name("declared.status", "choice", "what the declaration says", STATUSES),
    Name("declared.previous", "choice", "what was declared a year before", STATUSES),
    Name("declared.two_years_ago", "choice", "what was declared two years before", STATUSES),
    Name("declared.three_years_ago", "choice", "what was declared three years before", STATUSES),
    Name("declared.other_function", "choice", "what the other function of the same organisation declares", STATUSES),
    Name("declared.previous_by", "text", "who made the declaration a year before: itself or a predecessor"),
    Name("declared.statement", "text", "free text with the declaration"),
    Name("declared.other_statement", "text", "free text with the declaration of the other function"),
    Name("declared.lapse_from", "date", "first day of the period declared not met"),
    Name("declared.lapse_to", "date", "last day of the period declared not met"),
    Name("declared.census_day", "date", "day that the answers describe"),
)
_ORGANISATION: Final = (
    Name("organisation.name", "text", "name"),
    Name("organisation.org_type", "choice", "type of organisation", ORG_TYPES),
    Name("organisation.region", "text", "region"),
    Name("organisation.care_trust", "flag", "is a care trust"),
    Name("organisation.staff_wte", "number", "staff", unit="whole-time equivalent"),
    Name("organisation.population_0_4", "number", "resident children aged 0-4", unit="children"),
    Name("organisation.caseload_population", "number", "people served", unit="people"),
)
_RETURNED: Final = tuple(Name(name, "number", meaning) for name, meaning in MEASURES.items())
_ORGANISATION_COLUMNS: Final = tuple(name.name for name in _ORGANISATION)
_COMMENTS: Final = tuple(
    Name(f"comment.{author}", "ordinal", f"tone of the remarks of {words[0].lower()}{words[1:]}", TONES)
    for author, words in COMMENTATORS_IN_WORDS.items()
)


def catalogue(questionnaire: Questionnaire, figures: Iterable[str]) -> dict[str, Name]:
    """Every name that a rule may use, by name.

    Args:
        questionnaire: each question gives a name; one that is asked of two reviews gives `review1.` and `review2.`.
        figures: names `source.indicator` of the figures from other sources.
    """
    services = [Name(f"service.{name}", "flag", f"provides {name}") for name in questionnaire.services]
    others = [Name(figure, "number", "figure from another source") for figure in figures]
    answers = [name for question in questionnaire for name in _answer_names(question)]
    names = (*_DECLARED, *_ORGANISATION, *_COMMENTS, *_RETURNED, *services, *answers, *others)
    return {name.name: name for name in names}


def _answer_names(question: Question) -> list[Name]:
    kind: NameType = "text" if question.is_text else "number"
    if question.has_levels:
        kind = "ordinal" if question.answer_type == "ordinal" else "choice"
    return [
        Name(column, kind, question.asked_in(column), question.levels, question.unit, True)
        for column in question.columns
    ]


def build_cases(
    tables: Mapping[str, pl.DataFrame],
    questionnaire: Questionnaire,
    figures: Iterable[str],
    year: str,
    standard: str,
    predecessors: pl.DataFrame = NO_PREDECESSORS,
) -> pl.DataFrame:
    """Join everything that is known about each declaration of the year.

    Args:
        tables: the conformed tables of a collection (`inputs.INPUTS`; `answers` as the reader leaves them).
        questionnaire: what was asked of whom.
        figures: names `source.indicator` of the figures that rules may speak of.
        year: assessment year, as `2008/09`; other years serve as history.
        standard: the standard declared on.
        predecessors: one row a body that an organisation took over from, with `depth`, through how many successions.
            What an organisation did not declare or answer itself is what its nearest predecessors did (`history`).

    Returns:
        One row a declaration, by `org_code`, `function`, with one column for each name of `catalogue` and, beside each
        answer, why it is absent. What is not known is null; no absence becomes a zero, a no or a pass. Organisations
        answer once, so both declarations of a primary care trust carry the same answers.

    Raises:
        CollectionError: no declaration on the standard in that year; the message names the years that there are.
    """
    declarations = tables["declarations"].filter(pl.col("standard") == standard)
    in_scope = declarations.join(tables["organisations"], on="org_code", how="semi")  # a former body is nobody to visit
    years = in_scope["year"].unique().sort()
    if year not in years:
        there = ", ".join(years) or "none on this standard at all"
        raise CollectionError(f"declarations: none on {standard} for {year}. There are: {there}. Name one with --year.")
    answers = inherit_answers(tables["answers"], predecessors).drop("inherited")
    cases = (
        _declared(in_scope, year, standard)
        .join(recall_declarations(declarations, predecessors, year), on=["org_code", "function"], how="left")
        .join(_organisations(tables["organisations"], questionnaire), on="org_code", how="left")
        .join(_answers_wide(answers, questionnaire), on="org_code", how="left")
        .join(_figures_wide(tables["indicators"], figures), on="org_code", how="left")
        .join(_comments_wide(tables["comments"], year, standard), on="org_code", how="left")
        .with_columns(_why_absent(questionnaire))
    )
    return cases.join(describe_returns(cases, questionnaire), on="org_code").sort("org_code", "function")


def census_day(year: str, standard: str) -> date:
    """The day as at which answers of an assessment year are given, as the standard's own file states it.

    The declaration speaks of the whole year to 31 March; what ties organisations is held against the answers, so a tie
    counts that was in force on the day that both sides answered for.
    """
    calendar = words_of(standard).calendar
    return date(int(year[:4]), calendar.census_month, calendar.census_day)


def _declared(declarations: pl.DataFrame, year: str, standard: str) -> pl.DataFrame:
    """The year's declarations, each beside that of the other function of the same organisation."""
    now = declarations.filter(pl.col("year") == year).with_columns(pl.col("status").cast(STATUS))
    fields = ("status", "category", "statement", "lapse_from", "lapse_to")
    # Each function is given the other's declaration by swapping the key, so that one join serves both.
    swapped = pl.col("function").replace_strict(OTHER_FUNCTION, return_dtype=pl.String)
    other = now.filter(pl.col("function").is_in(list(OTHER_FUNCTION))).select(
        "org_code",
        swapped,
        pl.col("status").alias("declared.other_function"),
        pl.col("statement").alias("declared.other_statement"),
    )
    cases = now.select(
        "org_code",
        "function",
        *(pl.col(name).alias(f"declared.{name}") for name in fields),
        pl.lit(census_day(year, standard)).alias("declared.census_day"),
    )
    return cases.join(other, on=["org_code", "function"], how="left")


def _organisations(organisations: pl.DataFrame, questionnaire: Questionnaire) -> pl.DataFrame:
    """Organisations with one flag a service; a service is unknown, not absent, where no services are given."""
    services = [
        pl.col("services").list.contains(service).alias(f"service.{service}") for service in questionnaire.services
    ]
    own = [pl.col(name.removeprefix("organisation.")).alias(name) for name in _ORGANISATION_COLUMNS]
    typed = pl.col("organisation.org_type").cast(ORG_TYPE)
    return organisations.select("org_code", *own, *services).with_columns(typed)


def _answers_wide(answers: pl.DataFrame, questionnaire: Questionnaire) -> pl.DataFrame:
    """One row an organisation that returned anything, one typed column an answer and one for why it is absent."""
    column = pl.when(pl.col("item") == 0).then("question_id").otherwise(pl.format("review{}.{}", "item", "question_id"))
    wide = answers.with_columns(column.alias("column")).pivot(
        on="column", index="org_code", values=["level", "number", "absence"], sort_columns=False
    )
    present = set(wide.columns)
    typed: list[pl.Expr] = []
    for question in questionnaire:
        value, dtype = ("number" if question.is_figure else "level"), question.dtype
        for name in question.columns:
            typed.append(_or_null(f"{value}_{name}", present, dtype).alias(name))
            typed.append(_or_null(f"absence_{name}", present, ABSENCE).alias(name + WHY_ABSENT))
    return wide.select("org_code", *typed)


def _or_null(column: str, present: set[str], dtype: pl.DataType) -> pl.Expr:
    return (pl.col(column) if column in present else pl.lit(None)).cast(dtype)


def _why_absent(questionnaire: Questionnaire) -> list[pl.Expr]:
    """Say of every answer that is not there why: not put to such an organisation, or put and not answered."""
    return [
        pl.when(pl.col(name).is_not_null())
        .then(None)
        .when(pl.col(name + WHY_ABSENT).is_not_null())
        .then(name + WHY_ABSENT)
        .when(is_put_to(question).not_())
        .then(pl.lit("not_applicable", dtype=ABSENCE))
        .otherwise(pl.lit("no_answer", dtype=ABSENCE))
        .alias(name + WHY_ABSENT)
        for question in questionnaire
        for name in question.columns
    ]


def _figures_wide(indicators: pl.DataFrame, figures: Iterable[str]) -> pl.DataFrame:
    """One row an organisation, one column a figure: the newest as published, or the count where only counts are."""
    wide = (
        indicators.sort("period")
        .with_columns(
            name=pl.format("{}.{}", "source", "indicator"), figure=pl.coalesce("value", "numerator").cast(pl.Float64)
        )
        .pivot(on="name", index="org_code", values="figure", aggregate_function="last", sort_columns=False)
    )
    present = set(wide.columns)
    return wide.select("org_code", *(_or_null(name, present, pl.Float64()).alias(name) for name in figures))


def _comments_wide(comments: pl.DataFrame, year: str, standard: str) -> pl.DataFrame:
    """One row an organisation, one column an author: the tone of its remarks, each counting by its reliability."""
    tone = (pl.col("polarity") * pl.col("reliability")).sum() / pl.col("reliability").sum()
    level = (
        pl.when(pl.col("tone") <= -TONE_LIMIT)
        .then(pl.lit("critical"))
        .when(pl.col("tone") >= TONE_LIMIT)
        .then(pl.lit("praising"))
        .otherwise(pl.lit("neutral"))
    )
    wide = (
        # A remark of reliability 0 is left out before the mean, where it would divide by nothing.
        comments.filter((pl.col("year") == year) & (pl.col("standard") == standard) & (pl.col("reliability") > 0))
        .group_by("org_code", "author")
        .agg(tone=tone)
        .with_columns(level=level)
        .pivot(on="author", index="org_code", values="level", sort_columns=False)
    )
    present = set(wide.columns)
    return wide.select(
        "org_code",
        *(_or_null(author, present, pl.Enum(TONES)).alias(f"comment.{author}") for author in COMMENTATORS),
    )
