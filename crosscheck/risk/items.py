"""Items: every piece of evidence that may reveal an organisation's quality, in one long table. Positive is worse."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl
from scipy.special import ndtri

from crosscheck.history import years_before
from crosscheck.vocabulary import COMPLIANT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from crosscheck.questionnaire import Questionnaire
    from crosscheck.risk.model import Bearing, RiskModel

ITEMS: Final = pl.Schema(
    {
        "org_code": pl.String(),
        "item": pl.String(),
        "family": pl.String(),
        "prior": pl.String(),
        "group": pl.String(),
        "bears": pl.Float64(),
        "bears_sd": pl.Float64(),
        "shades": pl.Float64(),
        "shades_sd": pl.Float64(),
        "z": pl.Float64(),
        "reason": pl.String(),
        "source": pl.String(),
    }
)
# What visits found; of this year, the item that all others are to foretell.
VISIT: Final = "visit."
TARGET: Final = f"{VISIT}this_year"

# Before the name of a group of two items, an answer and another source, that speak of one fact.
FACT: Final = "fact "

_ANSWER: Final = "answer"
_PRIORS: Final = ("bears", "bears_sd", "shades", "shades_sd")
_HELD_AT: Final = 3.0  # standard deviations: one figure may not speak for all
_QUOTED: Final = 300
_AUTHORS: Final = {
    "sha": "Strategic health authority",
    "lscb": "Local safeguarding children board",
    "overview_and_scrutiny": "Overview and scrutiny committee",
    "link": "Local involvement network",
    "governors": "Board of governors",
}


def gather_items(
    scores: pl.DataFrame,
    tables: Mapping[str, pl.DataFrame],
    questionnaire: Questionnaire,
    model: RiskModel,
    year: str,
) -> pl.DataFrame:
    """Put answers, figures, remarks and history of all organisations into one table.

    Args:
        scores: one row a figure or answer of an organisation; one without z, or of no relevance, is no item.
        tables: conformed tables; `answers`, `comments`, `declarations`, `visits` and `organisations` are used.
        questionnaire: what each question rests on, and its section.
        model: how much each kind of item is expected to reveal, before any is seen.
        year: the assessment year; what lies before it is history.

    Returns:
        One row an organisation and item (`ITEMS`), by `item`, `org_code`: `bears` and `shades` are the loadings on
        quality and on shading that are expected of it before it is seen, by the `prior` of that name in the model. What
        is absent has no row: silence is no praise, and no answer no pass.
    """
    known = tables["organisations"].select("org_code")
    families = (
        _answers(scores, tables["answers"], questionnaire, model),
        _figures(scores, model),
        _comments(tables["comments"], model, year),
        _declarations(tables["declarations"], model, year),
        _former_visits(tables["visits"], model, year),
        _visits(tables["visits"], model, year),
    )
    items = pl.concat([family.select(ITEMS.names()).cast(ITEMS) for family in families])
    return items.join(known, on="org_code", how="semi").sort("item", "org_code")


def _bearing(bearing: Bearing) -> dict[str, pl.Expr]:
    return {name: pl.lit(value) for name, value in zip(_PRIORS, _stated(bearing), strict=True)}


def _stated(bearing: Bearing) -> tuple[float, float, float, float]:
    return bearing.quality, bearing.quality_sd, bearing.shading, bearing.shading_sd


def _side() -> pl.Expr:
    return pl.when(pl.col("z") > 0).then(pl.lit("worse")).otherwise(pl.lit("better"))


def _held() -> pl.Expr:
    return pl.col("z").clip(-_HELD_AT, _HELD_AT)


def _answers(
    scores: pl.DataFrame, answers: pl.DataFrame, questionnaire: Questionnaire, model: RiskModel
) -> pl.DataFrame:
    """Answers, each with what asks for it: a statutory duty is expected to reveal more than a matter of context."""
    bearings = pl.DataFrame(
        [
            (column, f"answers.{question.requirement}", *_stated(bearing), bearing.reason)
            for question in questionnaire
            for bearing in [_answer_bearing(model, question.requirement)]
            for column in question.columns
        ],
        schema=["item", "prior", *_PRIORS, "source"],
        orient="row",
    )
    review = pl.when(pl.col("item") > 0).then(pl.format("review{}.", "item")).otherwise(pl.lit(""))
    told = answers.select("org_code", item=review + pl.col("question_id"), level=pl.col("level").cast(pl.String))
    return (
        scores.filter((pl.col("relevance") == _ANSWER) & pl.col("z").is_not_null())
        .rename({"indicator": "item", "source": "group"})
        .join(bearings, on="item")
        .join(told, on=["org_code", "item"], how="left")
        .with_columns(
            group=pl.col("item").replace_strict(_facts(model), default=pl.col("group"), return_dtype=pl.String),
            z=_held(),
            family=pl.lit("answers"),
            reason=pl.format(
                "{} Answered {}: {} than its peers (z {})",
                "label",
                pl.coalesce(pl.col("level").str.replace_all("_", " "), _in_words("value")),
                _side(),
                pl.col("z").round(1),
            ),
        )
    )


def _answer_bearing(model: RiskModel, requirement: str) -> Bearing:
    """What is expected of an answer, by what asks for it; what nothing asks for is context."""
    return next((bearing for name, bearing in model.answers.items() if name == requirement), model.answers["context"])


def _figures(scores: pl.DataFrame, model: RiskModel) -> pl.DataFrame:
    """Figures from other sources, by relevance; one that no model names is no item."""
    bearings = pl.DataFrame(
        [(name, *_stated(bearing)) for name, bearing in sorted(model.figures.items())],
        schema=["relevance", *_PRIORS],
        orient="row",
    )
    own = pl.col("source")
    group = pl.col("indicator").replace_strict(_facts(model), default=own, return_dtype=pl.String)
    return (
        scores.filter(pl.col("z").is_not_null())
        .with_columns(pl.col("relevance").cast(pl.String))
        .join(bearings, on="relevance")
        .with_columns(
            item="indicator",
            prior=pl.format("figures.{}", "relevance"),
            z=_held(),
            family=pl.lit("figures"),
            group=group,
            reason=pl.format(
                "{}: {} where its peers lead to {}, {} (z {})",
                "label",
                _in_words("value"),
                _in_words("expected"),
                _side(),
                pl.col("z").round(1),
            ),
        )
    )


def _facts(model: RiskModel) -> dict[str, str]:
    """The group of each answer and figure of which another source, or the organisation itself, states the same fact."""
    return {item: f"{FACT}{figure}" for figure, question in sorted(model.facts.items()) for item in (figure, question)}


def _in_words(figure: str) -> pl.Expr:
    """A figure as people write it: one decimal at most, none where it is whole, with its percent sign."""
    number = pl.col(figure).round(1).cast(pl.String).str.strip_suffix(".0")
    return pl.when(pl.col("kind").is_in(["proportion", "percent"])).then(number + "%").otherwise(number)


def _comments(comments: pl.DataFrame, model: RiskModel, year: str) -> pl.DataFrame:
    """One item an author: its remarks of the year averaged by reliability, so that many from one source add little."""
    toll = -pl.col("polarity") * pl.col("reliability")
    said = pl.when(pl.len() == 1).then(pl.lit("one remark")).otherwise(pl.format("{} remarks", pl.len()))
    return (
        comments.filter((pl.col("year") == year) & (pl.col("standard") == model.standard))
        .sort("org_code", "author", "polarity", "reliability", "text")
        .group_by("org_code", "author", maintain_order=True)
        .agg(z=toll.mean(), said=said, text=pl.col("text").sort_by(toll.abs(), descending=True).first())
        .with_columns(
            item=pl.format("comment.{}", "author"),
            family=pl.lit("comments"),
            prior=pl.lit("comments"),
            group=pl.lit("comments"),
            reason=pl.format(
                "{} ({}): “{}”",
                pl.col("author").replace_strict(_AUTHORS),
                "said",
                pl.col("text").fill_null("").str.slice(0, _QUOTED),
            ),
            source=pl.lit(model.comments.reason),
            **_bearing(model.comments),
        )
    )


def _declarations(declarations: pl.DataFrame, model: RiskModel, year: str) -> pl.DataFrame:
    """Declarations of the organisation, one item a year: whether any of its functions declared a lapse."""
    years = [years_before(year, count) for count in (0, 1, 2, 3)]
    what = pl.when("lapsed").then(pl.lit("that it did not comply, or was not sure")).otherwise(pl.lit("compliance"))
    return (
        declarations.filter(pl.col("year").is_in(years) & (pl.col("standard") == model.standard))
        .group_by("org_code", "year")
        .agg(lapsed=(pl.col("status") != COMPLIANT).any())
        .with_columns(
            item=pl.format("declared.{}", pl.col("year").str.replace("/", "_")),
            family=pl.lit("history"),
            prior=pl.lit("history.declared"),
            group=pl.lit("declarations"),
            z=pl.col("lapsed").cast(pl.Float64),
            reason=pl.format("The organisation declared in {} {}", "year", what),
            source=pl.lit(model.history.declared.reason),
            **_bearing(model.history.declared),
        )
    )


def _former_visits(visits: pl.DataFrame, model: RiskModel, year: str) -> pl.DataFrame:
    """The last visit of a former year; it says less with every year that has passed."""
    ago = int(year[:4]) - pl.col("year").str.slice(0, 4).cast(pl.Int64)
    last = visits.filter(pl.col("year") < year).sort("org_code", "visited_on", "finding").group_by("org_code").last()
    return last.with_columns(
        item=pl.lit(f"{VISIT}former"),
        family=pl.lit("history"),
        prior=pl.lit("history.visited"),
        group=pl.lit(""),
        z=_not_upheld(model) * model.history.fading ** (ago - 1),
        reason=pl.format("A visit in {} found the declaration {}", "year", "finding"),
        source=pl.lit(model.history.visited.reason),
        **_bearing(model.history.visited),
    )


def _visits(visits: pl.DataFrame, model: RiskModel, year: str) -> pl.DataFrame:
    """What visits of the year found, in units of liability; of two to one organisation the mean."""
    found = visits.filter(pl.col("year") == year).group_by("org_code").agg(z=_not_upheld(model).mean())
    return found.with_columns(
        item=pl.lit(TARGET),
        family=pl.lit("history"),
        prior=pl.lit("link"),
        group=pl.lit(""),
        z=pl.col("z") / finding_unit(model),
        reason=pl.lit("What visits of this year found at the organisation"),
        source=pl.lit(model.link.reason),
        **_bearing(model.link),
    )


def finding_unit(model: RiskModel) -> float:
    """By how much a finding (1 for not upheld) rises with one unit of liability, where it is as common as by lot.

    Visitors who err find less of a difference than there is.
    """
    threshold = ndtri(model.prior.not_upheld_share)
    return float(model.visitors.power * np.exp(-(threshold**2) / 2) / np.sqrt(2 * np.pi))


def _not_upheld(model: RiskModel) -> pl.Expr:
    """A finding about its share by lot: those visited are no fair sample of all."""
    return (pl.col("finding") == "qualified").cast(pl.Float64) - model.visitors.found(model.prior.not_upheld_share)
