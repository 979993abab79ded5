"""Scores: how far each figure and each answer of an organisation lies from what its peers lead to expect."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from crosscheck.contract.outputs import OUTPUTS
from crosscheck.figures.dispersion import (
    Floats,
    adjust,
    estimate_spread,
    false_discovery,
)
from crosscheck.figures.kinds import COUNTED, KINDS, PERCENTAGES, WITH_DENOMINATOR, FigureGroup, WithError
from crosscheck.scoring.bands import band_of_distance, band_of_rate
from crosscheck.scoring.model import Range
from crosscheck.scoring.peers import FIGURE, gather_peers, similar_organisations
from crosscheck.scoring.shares import (
    fill_up,
    from_scale,
    median_level,
    median_number,
    possible_numbers,
    score_levels,
    score_numbers,
    to_scale,
)

if TYPE_CHECKING:
    from crosscheck.questionnaire import Questionnaire
    from crosscheck.scoring.model import IndicatorModel
    from crosscheck.scoring.shares import Distribution

_COLUMNS: Final = (*OUTPUTS["scores"].schema, "source", "label", "kind", "relevance", "direction", "q_value", "band_q")

# What comparison adds to each row, in the order in which `_compare_group` gives it.
_COMPARED: Final = ("z", "z_unadjusted", "expected", "phi", "tau2", "q_value")

# The relevance of an answer: what it weighs follows from its section, not from a judgement on each question.
_ANSWER: Final = "answer"

_DESCRIPTION: Final = {
    "indicator": pl.String,
    "label": pl.String,
    "named_kind": pl.String,
    "named_direction": pl.String,
    "relevance": pl.String,
    "sd_within": pl.Float64,
    "peers": pl.String,
}


@dataclass(frozen=True)
class AskedItem:
    """A question as far as its answers are compared: what was answered by `everybody`, in how many `levels` or units.

    `levels` is None where a number is asked for, `unit` where a level is. `kind` is the type of answer.
    """

    everybody: Floats
    kind: str
    levels: int | None
    unit: str | None


def score_figures(indicators: pl.DataFrame, organisations: pl.DataFrame, model: IndicatorModel) -> pl.DataFrame:
    """Score every figure from other sources against the organisation's peers (design: method, section 1).

    A figure that the model names has its kind, direction and relevance from there, whatever its own columns say; any
    other is scored by its own columns, among all of the same type, with relevance `none`. What is given for several
    periods is scored for the organisation's newest.

    Args:
        indicators: the conformed table `indicators`.
        organisations: the conformed table `organisations`; figures of others are not scored.
        model: kinds, directions, relevance, peers.

    Returns:
        One row an organisation and figure, by `indicator` (`source.indicator`), `org_code`: the columns of
        `outputs.OUTPUTS["scores"]`, then `source`, `label`, `kind`, `relevance`, `direction`, `q_value` (the false
        discovery rate among its peers) and `band_q`. Positive `z` is worse. `value` and `expected` are in the figure's
        unit: a proportion in percent, a ratio as a ratio. `peer_group` is the type, region or wider group compared
        with, or `similar to` the organisation's own code. `band` says how far `z` is by itself, `band_q` how far it
        still is where all peers were looked at for the far ones. `z` is null where neither end is worse (both bands
        `no_direction`) and where even the widest circle of peers is too small (`too_few_peers`); a band speaks of
        either side. A figure that is absent, or can't be of its kind (more cases than there are people), has no row.
    """
    return _score(gather_figures(indicators, organisations, model), organisations, model)


def gather_figures(indicators: pl.DataFrame, organisations: pl.DataFrame, model: IndicatorModel) -> pl.DataFrame:
    """The figures that `score_figures` compares, one row an organisation and figure, and how each is compared."""
    return (
        indicators.join(organisations.select("org_code", "org_type", "region"), on="org_code")
        .sort("period", "numerator", "denominator", "value")
        # Sorted by every value and not by period alone, so that two rows of one period give the same one each time.
        .unique(("org_code", "source", "indicator"), keep="last", maintain_order=True)
        .with_columns(name="indicator", indicator=pl.format("{}.{}", "source", "indicator"))
        .join(_named(model), on="indicator", how="left")
        .with_columns(kind=_kind())
        .with_columns(
            label=pl.coalesce("label", "name"),
            relevance=pl.col("relevance").fill_null("none"),
            direction=pl.coalesce("named_direction", "direction"),
            value=_value(),
            circle=pl.when(pl.col("peers") == "region").then(pl.format("region {}", "region")).otherwise("org_type"),
            by_similar=pl.col("peers").fill_null(model.peers.by) == "similar",
            of_question=pl.lit(value=False),
            levels=pl.lit(None, dtype=pl.Int64),
            unit=pl.lit(None, dtype=pl.String),
        )
        .filter(_possible())
    )


def score_answers(
    answers: pl.DataFrame, questionnaire: Questionnaire, organisations: pl.DataFrame, model: IndicatorModel
) -> pl.DataFrame:
    """Score every answer to a question that has a worse end against the answers of the organisation's peers.

    Args:
        answers: the conformed table `answers`.
        questionnaire: what was asked of whom, and which levels there are.
        organisations: the conformed table `organisations`; one whose services are not known counts as asked.
        model: which peers.

    Returns:
        Rows and columns as of `score_figures`. `indicator` is the question, with `review1.` or `review2.` before it
        where it is asked of two reviews, `source` its section and `relevance` is `answer`. Peers are those that were
        asked and answered, filled up as `shares` says: z of one hardly moves with what another answers, and a worse
        answer, all else held, has a higher z. `expected` is the median of the same. The `value` of a level is its place
        among the levels, from 0 (no is 0, yes is 1). An answer that is absent, for whatever reason, or was not asked
        for, has no row.
    """
    return _score(gather_answers(answers, questionnaire, organisations, model), organisations, model)


def gather_answers(
    answers: pl.DataFrame, questionnaire: Questionnaire, organisations: pl.DataFrame, model: IndicatorModel
) -> pl.DataFrame:
    """The answers that `score_answers` compares, one row an organisation and question, and how each is compared."""
    # An organisation whose services are not known counts as asked: left out, it would gain by not saying.
    put_to_it = pl.col("org_types").list.contains(pl.col("org_type")) & (
        pl.col("services").is_null() | (pl.col("needed").list.set_difference("services").list.len() == 0)
    )
    review = pl.when(pl.col("item") > 0).then(pl.format("review{}.", "item")).otherwise(pl.lit(""))
    not_counted = {part: pl.lit(None, dtype=pl.Float64) for part in ("numerator", "denominator", "sd_within")}
    return (
        answers.join(_questions(questionnaire), on="question_id")
        .join(organisations.select("org_code", "org_type", "services"), on="org_code")
        .filter(put_to_it)
        .join(_places(questionnaire), on=("question_id", "level"), how="left")
        .with_columns(indicator=review + pl.col("question_id"), value=pl.coalesce("place", "number"), **not_counted)
        .with_columns(by_similar=pl.lit(model.peers.by == "similar"), of_question=pl.lit(value=True), circle="org_type")
        .filter(_possible())
    )


def _named(model: IndicatorModel) -> pl.DataFrame:
    """What the model says of each figure that it names."""
    named = [
        (of.name, of.label, of.kind, of.direction, of.relevance, of.sd_within, of.peers)
        for of in model.indicators.values()
    ]
    return pl.DataFrame(named, schema=_DESCRIPTION, orient="row")


def _kind() -> pl.Expr:
    """The kind that the model names, else the figure's own; what lacks its counts is a percentage or a number."""
    counted = pl.col("numerator").is_not_null() & pl.col("denominator").is_not_null()
    by_columns = pl.when(counted).then(pl.lit("proportion")).otherwise(pl.lit("number"))
    kind = pl.coalesce("named_kind", "kind", by_columns)
    without_counts = pl.when(kind == "proportion").then(pl.lit("percent")).otherwise(pl.lit("number"))
    uncounted = kind.is_in(COUNTED) & counted.not_() | (kind == "mean") & pl.col("denominator").is_null()
    return pl.when(uncounted).then(without_counts).otherwise(kind)


def _value() -> pl.Expr:
    """The figure in its unit, from its counts where it has them: what is published beside them is rounded."""
    per = {name: KINDS[name].per for name in COUNTED}
    ratio = pl.col("numerator") / pl.col("denominator") * pl.col("kind").replace_strict(per, default=1.0)
    return pl.when(pl.col("kind").is_in(COUNTED)).then(ratio).otherwise(pl.coalesce("value", "numerator"))


def _possible() -> pl.Expr:
    """Whether a figure is there and can be of its kind."""
    has_denominator = pl.col("kind").is_in(WITH_DENOMINATOR)
    percentage = pl.col("kind").is_in(PERCENTAGES)
    return (
        pl.col("value").is_finite().fill_null(value=False)
        & (has_denominator.not_() | ((pl.col("denominator") > 0) & pl.col("denominator").is_finite()))
        & (percentage.not_() | pl.col("value").is_between(0, 100))
    )


def _questions(questionnaire: Questionnaire) -> pl.DataFrame:
    """The questions of which one end is worse."""
    return pl.DataFrame(
        [
            {
                "question_id": question.question_id,
                "source": question.section,
                "label": question.text,
                "kind": question.answer_type,
                "relevance": _ANSWER,
                "direction": question.direction,
                "org_types": question.org_types,
                "needed": question.services,
                "levels": len(question.levels) or None,
                "unit": question.unit if not question.has_levels else None,
            }
            for question in questionnaire
            if question.direction != "none"
        ],
        schema_overrides={
            "org_types": pl.List(pl.String),
            "needed": pl.List(pl.String),
            "levels": pl.Int64,
            "unit": pl.String,
        },
    )


def _places(questionnaire: Questionnaire) -> pl.DataFrame:
    """The place of each level among the levels of its question."""
    rows = [
        (question.question_id, level, float(place))
        for question in questionnaire
        for place, level in enumerate(question.levels)
    ]
    return pl.DataFrame(rows, schema={"question_id": pl.String, "level": pl.String, "place": pl.Float64}, orient="row")


def _score(figures: pl.DataFrame, organisations: pl.DataFrame, model: IndicatorModel) -> pl.DataFrame:
    """Compare figures with those of their peers, turn the distances so that positive is worse, put them in words."""
    worse = pl.col("direction").replace_strict({"lower_better": 1.0, "higher_better": -1.0}, default=None)
    similar = similar_organisations(organisations) if figures["by_similar"].any() else None
    gathered = gather_peers(figures.with_columns(worse=worse), model.peers, similar)
    # Sorted before any sum is taken: floating-point sums depend on their order, and bytes must not.
    gathered = gathered.sort(*FIGURE, "peer_group", "org_code")
    return (
        gathered.with_columns(_compare(gathered, model))
        .filter("compared")
        .with_columns(pl.col(_COMPARED).fill_nan(None))
        .with_columns(
            pl.when(pl.col("z").is_not_null()).then("q_value").alias("q_value"),
            n="denominator",
            band=_unless_unscored(band_of_distance(pl.col("z"))),
            band_q=_unless_unscored(band_of_rate(pl.col("q_value"))),
        )
        .select(_COLUMNS)
        .sort("indicator", "org_code")
    )


def _unless_unscored(band: pl.Expr) -> pl.Expr:
    """How far from expected, in words; on which side, `z` says."""
    undirected = pl.when(pl.col("direction") == "none").then(pl.lit("no_direction"))
    return undirected.when(pl.col("z").is_null()).then(pl.lit("too_few_peers")).otherwise(band)


def _compare(gathered: pl.DataFrame, model: IndicatorModel) -> list[pl.Series]:
    """Compare each peer group by itself; rows of one group stand together.

    NaN where a group is too small, and for the distances of figures of which neither end is worse.
    """
    parts = [gathered[part].to_numpy() for part in ("numerator", "denominator", "value", "sd_within")]
    question = pl.col("of_question", "levels", "unit").first()
    groups = gathered.group_by(*FIGURE, "peer_group", maintain_order=True).agg(question, size=pl.len())
    everybody = answers_of_everybody(gathered)
    compared = np.full((len(_COMPARED), gathered.height), np.nan)
    start = 0
    for indicator, kind, _, of_question, levels, unit, size in groups.iter_rows():
        if size >= model.peers.least:
            group = FigureGroup(*(part[start : start + size] for part in parts))
            found = (
                _compare_answers(group.value, AskedItem(everybody[indicator], kind, levels, unit), model)
                if of_question
                else _compare_group(kind, group, model)
            )
            for row, computed in zip(compared, found, strict=True):
                row[start : start + size] = computed
        start += size
    compared[:2] = compared[:2] * gathered["worse"].to_numpy() + 0.0  # which makes a negative zero a plain one
    return [pl.Series(name, row) for name, row in zip(_COMPARED, compared, strict=True)]


def answers_of_everybody(gathered: pl.DataFrame) -> dict[str, Floats]:
    """Each question's answers, each organisation's once."""
    answers = gathered.filter(pl.col("of_question") & pl.col("compared"))
    return {
        str(name[0]): rows["value"].to_numpy()
        for name, rows in answers.select("indicator", "value").partition_by("indicator", as_dict=True).items()
    }


def _compare_answers(value: Floats, asked_item: AskedItem, model: IndicatorModel) -> tuple[Floats | float, ...]:
    """`_COMPARED` of one group's answers; positive distances are more than expected."""
    peers = answers_of_peers(value, asked_item, model)
    if asked_item.levels:
        z, expected = score_levels(value, peers), median_level(peers)
    else:
        scale = range_of(asked_item, model).scale
        z = score_numbers(to_scale(value, scale, model.percent_floor), peers)
        expected = from_scale(median_number(peers), scale)
    return z, z, expected, np.nan, np.nan, false_discovery(z)


def answers_of_peers(value: Floats, asked_item: AskedItem, model: IndicatorModel) -> Distribution:
    """What one group's answers are compared with; numbers on the scale of their range."""
    if asked_item.levels:
        return fill_up(value, asked_item.everybody, np.arange(asked_item.levels, dtype=np.float64), model.answers)
    within = range_of(asked_item, model)
    own, everybody, possible = (
        to_scale(numbers, within.scale, model.percent_floor)
        for numbers in (value, asked_item.everybody, possible_numbers(within))
    )
    return fill_up(own, everybody, possible, model.answers)


def range_of(asked_item: AskedItem, model: IndicatorModel) -> Range:
    """What can well be answered where a number is asked for."""
    return model.answers.ranges.get(asked_item.unit or "") or _range_found(asked_item)


def _range_found(asked_item: AskedItem) -> Range:
    """In a unit that the model does not name: a percentage can be any, another number is one of those answered."""
    if asked_item.kind == "percent":
        return Range(0, 100, "logit")
    return Range(float(asked_item.everybody.min()), float(asked_item.everybody.max()) + 1, "plain")


def _compare_group(kind: str, group: FigureGroup, model: IndicatorModel) -> tuple[Floats | float, ...]:
    """`_COMPARED` of one group; positive distances are more than expected."""
    formula = KINDS[kind].formula
    if isinstance(formula, WithError):
        deviations = formula.deviations(group, None)
        spread = estimate_spread(deviations, model.winsorised)
        z = adjust(deviations.z, deviations.error, spread, model.adjustment)
        own = deviations.drawn(deviations.target) * KINDS[kind].per
        return z, deviations.z, own, spread.phi, spread.tau2, false_discovery(z)
    expected, z = formula.distances(group.value, model.percent_floor)
    return z, z, expected, np.nan, np.nan, false_discovery(z)
