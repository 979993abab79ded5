"""Figures of rows that were set aside, as they are likely meant: the risk is tried with them, so that none pays.

A figure that can't be is no answer, and no answer counts as the average one: a slip of the unit would hide a bad one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

from crosscheck.collection.answers import SCHEMA as ANSWERS
from crosscheck.collection.cells import PER_CENT, read_number, written
from crosscheck.collection.problems import ROW
from crosscheck.contract.inputs import INPUTS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from crosscheck.collection.conventions import Figure
    from crosscheck.collection.files import Sheet
    from crosscheck.questionnaire import Questionnaire

# The names under which a collection keeps them, by the table that they would be rows of.
SET_ASIDE: Final = {"answers": "answers_set_aside", "indicators": "indicators_set_aside"}

# How a row is told from another of its table, and what is said of it: what it is about, what stood there.
KEYS: Final = {"answers": ("org_code", "question_id", "item"), "indicators": INPUTS["indicators"].key}
WORDS: Final = {"about": pl.String(), "stood": pl.String(), "likely": pl.String()}

_FIGURES: Final = ("numerator", "denominator", "value")
_ALL: Final = 100.0
# A percentage up to this is more than all by a slip in counting, and not by its unit; this project's own choice.
_NEARLY_ALL: Final = 200.0
_UNITS: Final = (1000.0, 100.0, 10.0)


def likely_figures(
    sheets: Mapping[str, Sheet],
    questionnaire: Questionnaire,
    figures: Mapping[tuple[str, str], Figure],
    year: str | None,
) -> dict[str, pl.DataFrame]:
    """Read what figures of rows set aside likely mean.

    Args:
        sheets: all tables, read and checked.
        questionnaire: what was asked.
        figures: those that the model names, with the grades that they can have.
        year: the run's; answers of other years bear on no risk.

    Returns:
        By the names of `SET_ASIDE`, where there are any: rows as of `answers` and `indicators` with the likely figure
        in the place of the impossible one, and `WORDS`. A percentage is divided by the power of ten that brings all of
        its organisation that were set aside to 100 or less; a grade by the one that gives a grade. A text that is no
        number means nothing that can be guessed: it has no row here, and stays no answer.
    """
    found = {}
    if "answers" in sheets:
        found["answers"] = _answers(sheets["answers"], questionnaire, year)
    if "indicators" in sheets and set(_FIGURES) & set(sheets["indicators"].rows.columns):
        found["indicators"] = _indicators(sheets["indicators"], figures)
    in_scope = sheets["organisations"].used().select("org_code")
    meant = {SET_ASIDE[name]: rows.join(in_scope, on="org_code", how="semi") for name, rows in found.items()}
    return {name: rows for name, rows in meant.items() if not rows.is_empty()}


def _refused(sheet: Sheet, columns: tuple[str, ...]) -> pl.DataFrame:
    """The rows that one of these columns set aside, and what stood in it (`stood`)."""
    stood = {
        problem.row: problem.value for problem in sheet.problems if problem.effect == ROW and problem.column in columns
    }
    named = pl.DataFrame(list(stood.items()), {"row": pl.Int64, "stood": pl.String}, orient="row")
    return sheet.rows.with_columns(pl.col("row").cast(pl.Int64)).join(named, on="row").sort("row")


def _answers(answers: Sheet, questionnaire: Questionnaire, year: str | None) -> pl.DataFrame:
    kinds = {question.question_id: question.answer_type for question in questionnaire if not question.has_levels}
    kind = pl.col("question_id").replace_strict(kinds, default=None, return_dtype=pl.String)
    refused = _refused(answers, ("answer",)).with_columns(
        kind=kind, figure=read_number(pl.col("stood").str.strip_chars().str.replace(PER_CENT, "")).abs()
    )
    if "year" in refused.columns:
        refused = refused.filter((pl.col("year") == pl.lit(year, pl.String)).fill_null(value=True))
    thousandfold = (pl.col("figure") * 1000).round(6)
    # A count that is none and comes out whole in thousands was counted in these.
    counted = pl.when((thousandfold % 1) == 0).then(thousandfold).otherwise("figure")
    number = (
        pl.when(pl.col("kind") == "percent")
        .then(_as_percentage(pl.col("figure"), pl.col("kind") == "percent"))
        .when(pl.col("kind") == "count", (pl.col("figure") % 1) != 0)
        .then(counted)
        .otherwise("figure")
    )
    meant = refused.with_columns(number=number, absence=pl.lit(None, ANSWERS["absence"])).filter(
        pl.col("kind").is_not_null() & pl.col("number").is_not_null()
    )
    return _with_words(meant, pl.col("question_id"), pl.col("number"), ANSWERS, KEYS["answers"])


def _as_percentage(figure: pl.Expr, where: pl.Expr) -> pl.Expr:
    """Percentages by the unit in which their organisation seems to write all of them: one slip, not one for each."""
    largest = pl.when(where).then(figure).max().over("org_code")
    unit = pl.lit(10.0).pow((largest / _ALL).log10().ceil())
    return pl.when(largest <= _NEARLY_ALL).then(figure.clip(0, _ALL)).otherwise((figure / unit).clip(0, _ALL))


def _indicators(indicators: Sheet, figures: Mapping[tuple[str, str], Figure]) -> pl.DataFrame:
    table = INPUTS["indicators"]
    missing = [
        pl.lit(None, dtype).alias(name) for name, dtype in table.schema.items() if name not in indicators.rows.columns
    ]
    scales = pl.DataFrame(
        [(source, name, sorted(figure.scale)) for (source, name), figure in figures.items() if figure.scale],
        {"source": pl.String, "indicator": pl.String, "scale": pl.List(pl.Float64)},
        orient="row",
    )
    refused = _refused(indicators, _FIGURES).with_columns(missing).join(scales, on=["source", "indicator"], how="left")
    fits = pl.col("numerator").is_between(0, pl.col("denominator")) & (pl.col("denominator") > 0)
    is_counted = fits.fill_null(value=False) & pl.col("scale").is_null()
    graded = pl.col("scale").is_not_null()
    in_unit = _as_percentage(pl.col("value").abs(), ~graded & ~pl.col("is_counted"))
    value = pl.when(graded).then(_as_grade(pl.col("value").abs())).otherwise(in_unit)
    meant = (
        refused.with_columns(is_counted=is_counted)
        .with_columns(value=pl.when(~pl.col("is_counted")).then(value), unit=_unit_of_counts())
        .with_columns(
            numerator=_numerator(),
            denominator=pl.when(pl.col("denominator") > 0).then(pl.col("denominator") / pl.col("unit")),
        )
    )
    share = pl.coalesce("value", (_ALL * pl.col("numerator") / pl.col("denominator")).round(1))
    worded = _with_words(meant, pl.format("{} {}", "source", "indicator"), share, table.schema, table.key)
    return worded.filter(pl.col("value").is_not_null() | pl.col("numerator").is_not_null())


def _unit_of_counts() -> pl.Expr:
    """By how much counts are too large: as their percentage is, where they are whole in the same unit, else 1.

    Counts a thousand times too large would outweigh all others: whoever multiplies a row multiplies all of it.
    """
    share = _ALL * pl.col("numerator") / pl.col("denominator")
    unit = pl.lit(10.0).pow((pl.col("value") / share).log10().round(0))
    is_whole = (pl.col("numerator") % unit == 0) & (pl.col("denominator") % unit == 0)
    return pl.when("is_counted", unit.is_in(_UNITS) & is_whole).then(unit).otherwise(1.0)


def _numerator() -> pl.Expr:
    """The cases as they stand where they can be so, else those that the percentage gives, else no more than all."""
    too_large = pl.lit(10.0).pow((pl.col("numerator") / pl.col("denominator")).log10().ceil().clip(lower_bound=0))
    by_value = (pl.col("value") * pl.col("denominator") / _ALL).round(0)
    has_people = pl.col("denominator") > 0
    return (
        pl.when("is_counted")
        .then(pl.col("numerator") / pl.col("unit"))
        .when(has_people)
        .then(pl.coalesce(by_value, pl.when(pl.col("numerator") >= 0).then(pl.col("numerator") / too_large)))
    )


def _as_grade(figure: pl.Expr) -> pl.Expr:
    scale = pl.col("scale")
    grade = pl.coalesce(*(pl.when(scale.list.contains(figure / unit)).then(figure / unit) for unit in _UNITS))
    return pl.coalesce(grade, figure.clip(scale.list.min(), scale.list.max()))


def _with_words(
    meant: pl.DataFrame, about: pl.Expr, likely: pl.Expr, schema: Mapping[str, pl.DataType], key: tuple[str, ...]
) -> pl.DataFrame:
    words = likely.map_elements(written, return_dtype=pl.String, skip_nulls=True)
    worded = meant.with_columns(about=about, likely=words).select(*schema, *WORDS)
    return worded.unique(key, keep="first", maintain_order=True).sort(key)
