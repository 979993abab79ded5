"""The polarity gate: in every run, whether each score and each check still knows which end is worse.

A direction is stated twice, and the two are held against each other: for figures by the model and by the collection's
own column, for answers by the questionnaire and by the model of polarity. A ladder of made-up organisations, from every
answer and figure at its worst to every one at its best, is built from the second statements and scored by the first:
whatever turns a sign between, in a file or in the code, turns the ladder. What nobody stated twice is only held
against the rest of its section.
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Final

import polars as pl
from pydantic import Field
from scipy.special import ndtri

from crosscheck.contract.inputs import INPUTS
from crosscheck.model_file import Heading, ModelPart, read_model_file
from crosscheck.standard_file import WHOLE
from crosscheck.vocabulary import ABSENCE, FUNCTION_TYPES, MET, ORG_TYPES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from crosscheck.questionnaire import Question, Questionnaire

# The ladder's rungs: enough for every type to be its own peer group, and more than any question has levels.
RUNGS: Final = 11
_BEST: Final = RUNGS - 1

_REGION: Final = "made up"
_DENOMINATOR: Final = 200  # of a made-up figure that is a count out of a number

# Scores of one rung may differ in the last digits, by the order in which a sum was taken.
_ROUNDING: Final = 1e-9

# A single score is held here before it is set beside the others: one far figure must not decide a correlation.
_HELD: Final = 3.0


class PolarityLimits(ModelPart):
    """When an item runs against its section: chances one-sided.

    `correlation` is the size that closes the gate: the upper confidence bound of a correlation must lie below it.
    """

    chance: float = Field(gt=0, lt=1)
    named_chance: float = Field(gt=0, lt=1)
    correlation: float = Field(le=0, ge=-1)
    fewest: int = Field(ge=4)


class LevelOrder(ModelPart):
    """Answers from worst to best, of all questions that have just these, or of the `questions` named."""

    order: tuple[str, ...] = Field(min_length=2)
    questions: tuple[str, ...] = ()


class Ends(ModelPart):
    """The worst and the best figure among plausible ones of a unit."""

    worst: float
    best: float


class PolarityModel(Heading):
    """Which end is worse, said a second time."""

    limits: PolarityLimits
    levels: tuple[LevelOrder, ...]
    units: dict[str, Ends]

    def order_of(self, question: Question) -> tuple[str, ...] | None:
        """The question's levels from worst to best; None where nobody has said it a second time."""
        named = [levels.order for levels in self.levels if question.question_id in levels.questions]
        alike = [
            levels.order for levels in self.levels if not levels.questions and set(levels.order) == set(question.levels)
        ]
        return next(iter((*named, *alike)), None)


def read_polarity_model(file: Path) -> PolarityModel:
    """Read the second statement of directions.

    Raises:
        ModelError: with every missing, unknown or impossible entry at once.
    """
    return read_model_file(file, PolarityModel)


def build_polarity_probes(
    indicators: pl.DataFrame, questionnaire: Questionnaire, stated: PolarityModel, year: str, standard: str
) -> dict[str, pl.DataFrame]:
    """Make up a collection of organisations on a ladder, from the worst that can be answered to the best.

    Args:
        indicators: the collection's conformed figures, for their own directions and their range.
        questionnaire: what is asked of whom; its directions and the order of its levels are not looked at.
        stated: the order of levels and the ends of units. What it does not state is not answered.
        year: assessment year of the made-up declarations.
        standard: the standard they declare on, as compliant.

    Returns:
        The tables of `inputs.INPUTS` (`answers` as the reader leaves them). Of each type there are `RUNGS`
        organisations with every service, the same on every rung for every type.
    """
    ladder = _ladder()
    made_up = {
        "organisations": ladder.with_columns(
            name="org_code", region=pl.lit(_REGION), services=pl.lit(list(questionnaire.services))
        ),
        "declarations": _declarations(ladder, year, standard),
        "indicators": _figures(ladder, indicators),
    }
    tables = {name: _conformed(made_up[name], name) if name in made_up else INPUTS[name].empty() for name in INPUTS}
    return tables | {"answers": _answers(ladder, questionnaire, stated)}


def check_directions(made_up_scores: pl.DataFrame, made_up_findings: pl.DataFrame) -> pl.DataFrame:
    """Name every item on which two statements of its direction disagree: known before any organisation is scored.

    Args:
        made_up_scores: scores of the tables of `build_polarity_probes`.
        made_up_findings: as for `check_polarity`.

    Returns:
        As of `check_polarity`; every row closes the gate.
    """
    return pl.concat([_reversed_items(made_up_scores), _contrary_checks(made_up_findings)]).sort("item", "why")


def check_polarity(
    scores: pl.DataFrame, made_up_scores: pl.DataFrame, made_up_findings: pl.DataFrame, stated: PolarityModel
) -> pl.DataFrame:
    """Name every item whose sign is in doubt.

    Args:
        scores: the run's own scores (`indicators.score_figures`, `score_answers`).
        made_up_scores: the same of the tables of `build_polarity_probes`.
        made_up_findings: what the checks that hold a declaration against its answers say of the made-up cases; checks
            of other kinds may rightly differ from an organisation at its best, such as one that declares a lapse.
        stated: limits.

    Returns:
        One row a doubt, those that close the gate first: `item` (a score's or a check's name), `why`, `evidence`,
        `fails` (whether the gate is closed; else the item is only named). Without doubts no row. The gate closes where
        made-up organisations score better the worse they are, where a check agrees at the worst or differs at the best,
        and where an item clearly runs against the rest of its section. Absent answers have no score and say nothing.
    """
    polarity_warnings = [
        check_directions(made_up_scores, made_up_findings),
        _stated_once(scores, made_up_scores),
        _against_section(scores, stated.limits),
    ]
    return pl.concat(polarity_warnings).sort(pl.col("fails").not_(), "item", "why")


def _ladder() -> pl.DataFrame:
    """The made-up organisations: `org_code`, `org_type`, `rung` (0 is the worst)."""
    rows = [(f"{org_type}-{rung:02}", org_type, rung) for org_type in ORG_TYPES for rung in range(RUNGS)]
    return pl.DataFrame(rows, schema={"org_code": pl.String, "org_type": pl.String, "rung": pl.Int64}, orient="row")


def _conformed(rows: pl.DataFrame, table: str) -> pl.DataFrame:
    schema = INPUTS[table].schema
    absent = [pl.lit(None).alias(column) for column in schema if column not in rows.columns]
    return rows.with_columns(absent).select(schema.names()).cast(schema)


def _declarations(ladder: pl.DataFrame, year: str, standard: str) -> pl.DataFrame:
    functions = [
        (org_type, function, category) for org_type in ORG_TYPES for function, category in _functions_of(org_type)
    ]
    declared = pl.DataFrame(functions, schema=["org_type", "function", "category"], orient="row")
    return ladder.join(declared, on="org_type").with_columns(
        year=pl.lit(year), standard=pl.lit(standard), status=pl.lit(MET[0])
    )


def _functions_of(org_type: str) -> list[tuple[str, str]]:
    """The functions that a type declares for, each with a category; the whole where no function is of it alone."""
    own = [(function, f"{org_type}_{function}") for function, types in FUNCTION_TYPES.items() if org_type in types]
    return own or [(WHOLE, org_type)]


def _answers(ladder: pl.DataFrame, questionnaire: Questionnaire, stated: PolarityModel) -> pl.DataFrame:
    rows = [row for question in questionnaire if question.direction != "none" for row in _rungs_of(question, stated)]
    schema = {
        "question_id": pl.String,
        "item": pl.UInt8,
        "org_type": pl.String,
        "rung": pl.Int64,
        "level": pl.String,
        "number": pl.Float64,
    }
    answered = pl.DataFrame(rows, schema=schema, orient="row").join(ladder, on=("org_type", "rung"))
    return answered.select(
        "org_code", "question_id", "item", "level", "number", absence=pl.lit(None, dtype=ABSENCE)
    ).sort("org_code", "question_id", "item")


def _rungs_of(
    question: Question, stated: PolarityModel
) -> Iterator[tuple[str, int, str, int, str | None, float | None]]:
    """One row an item, type and rung: the level or number that is answered there."""
    order, ends = stated.order_of(question), stated.units.get(question.unit)
    items = (1, 2) if question.repeated else (0,)
    for item, org_type, rung in product(items, question.org_types, range(RUNGS)):
        if question.has_levels and order:
            yield question.question_id, item, org_type, rung, order[rung * len(order) // RUNGS], None
        elif not question.has_levels and ends:
            number = ends.worst + (ends.best - ends.worst) * rung / _BEST
            yield question.question_id, item, org_type, rung, None, number


def _figures(ladder: pl.DataFrame, indicators: pl.DataFrame) -> pl.DataFrame:
    """Each figure from the worse end of its range to the better, by the direction that most of its own rows state."""
    # The collection's own column is the second statement: taken from the model, the ladder would check nothing.
    better = pl.col("direction").replace_strict({"higher_better": 1.0, "lower_better": -1.0}, default=0.0)
    value, counted = (
        pl.coalesce("value", "numerator"),
        pl.col("numerator").is_not_null() & pl.col("denominator").is_not_null(),
    )
    ranges = indicators.group_by("source", "indicator").agg(
        pl.col("period").max(),
        pl.col("kind").drop_nulls().mode().sort().first(),
        better=better.mean().sign(),
        low=value.min(),
        high=value.max(),
        counted=counted.any(),
        weighted=pl.col("denominator").is_not_null().any(),
    )
    share = pl.when(pl.col("better") > 0).then(pl.col("rung") / _BEST).otherwise(1 - pl.col("rung") / _BEST)
    span = pl.when(pl.col("high") > pl.col("low")).then(pl.col("high") - pl.col("low")).otherwise(1.0)
    return (
        ranges.filter(pl.col("better") != 0)
        .join(ladder, how="cross")
        .with_columns(
            direction=pl.when(pl.col("better") > 0).then(pl.lit("higher_better")).otherwise(pl.lit("lower_better")),
            numerator=pl.when("counted").then(share * _DENOMINATOR),
            denominator=pl.when("weighted").then(pl.lit(float(_DENOMINATOR))),
            value=pl.when(pl.col("counted").not_()).then(pl.col("low") + share * span),
        )
    )


def _reversed_items(made_up_scores: pl.DataFrame) -> pl.DataFrame:
    """Items on which a made-up organisation scores worse than one that is worse throughout."""
    rungs = made_up_scores.join(_ladder(), on="org_code").filter(pl.col("z").is_not_null()).sort("rung")
    z = pl.col("z")
    return (
        rungs.group_by("indicator", "org_type", maintain_order=True)
        # Ends are compared as well as steps: a ladder that is flat throughout has no rising step and knows no sign
        # either.
        .agg(worst=z.first(), best=z.last(), rises=(z.diff() > _ROUNDING).any() | (z.first() <= z.last()))
        .filter("rises")
        .sort("indicator", "org_type")
        .group_by("indicator", maintain_order=True)
        .first()
        .select(
            item="indicator",
            why=pl.lit("of made-up organisations, one that is worse throughout does not score worse"),
            evidence=pl.format(
                "{}: z {} with everything at its worst, {} at its best; two statements of its direction disagree",
                "org_type", pl.col("worst").round(1), pl.col("best").round(1),
            ),
            fails=pl.lit(value=True),
        )
    )  # fmt: skip


def _stated_once(scores: pl.DataFrame, made_up_scores: pl.DataFrame) -> pl.DataFrame:
    """Scored items on which there is no ladder, since nobody has said a second time which end is worse."""
    scored = pl.col("z").is_not_null()
    on_ladder = made_up_scores.filter(scored).select("indicator").unique()
    return (
        scores.filter(scored)
        .select("indicator")
        .unique()
        .join(on_ladder, on="indicator", how="anti")
        .select(
            item="indicator",
            why=pl.lit("its direction is stated once only"),
            evidence=pl.lit(
                "state its levels or its unit in the model of polarity, or its direction in the collection"
            ),
            fails=pl.lit(value=False),
        )
    )


def _contrary_checks(made_up_findings: pl.DataFrame) -> pl.DataFrame:
    """Checks that agree with an organisation at its worst, or differ from one at its best."""
    ends = made_up_findings.join(_ladder().filter(pl.col("rung").is_in((0, _BEST))), on="org_code")
    worst = pl.col("rung") == 0
    contrary = pl.col("verdict").cast(pl.String) == pl.when(worst).then(pl.lit("agrees")).otherwise(pl.lit("differs"))
    return (
        ends.filter(contrary)
        .sort("check_id", "rung", "org_code", "function")
        .unique(("check_id", "rung"), keep="first", maintain_order=True)
        .select(
            item="check_id",
            why=pl.when(worst)
            .then(pl.lit("it agrees with a made-up organisation whose every answer is at its worst"))
            .otherwise(pl.lit("it differs from a made-up organisation whose every answer is at its best")),
            evidence="evidence",
            fails=pl.lit(value=True),
        )
    )


def _against_section(scores: pl.DataFrame, limits: PolarityLimits) -> pl.DataFrame:
    """Items that correlate negatively with the mean of the rest of their section.

    The sections are those of the questionnaire; all figures that weigh are one, since most sources give but one or two.
    An item is named if r is negative beyond the limit of `limits.named_chance` by itself; without correlation r has
    the standard error 1/√(n - 1). Such a limit alone would close the gate on any slight correlation, if only enough
    organisations answer. So the gate closes on size and chance together: where the upper confidence bound of r (atanh r
    has the standard error 1/√(n - 3)) at `limits.chance` divided by the number of items (Bonferroni, as
    of many items some run against their section by chance) lies below `limits.correlation`.
    """
    item_rest = _item_rest(scores).filter(pl.col("n") >= limits.fewest)
    # Corrected for the number of items: of a thousand sound ones some run against their section by chance.
    margin = -ndtri(limits.chance / max(item_rest.height, 1))
    bound = (pl.col("r").arctanh() + margin / (pl.col("n") - 3).cast(pl.Float64).sqrt()).tanh()
    in_errors = pl.col("r") / pl.col("error")
    return item_rest.filter(in_errors < ndtri(limits.named_chance)).select(
        item="indicator",
        why=pl.lit("it runs against the rest of its section"),
        evidence=pl.format(
            "correlation {} with the rest of {} (at most {} with confidence; standard error {}, {} organisations)",
            pl.col("r").round(2), pl.col("section").str.replace_all("_", " "), bound.round(2), pl.col("error").round(2),
            "n",
        ),
        fails=bound < limits.correlation,
    )  # fmt: skip


def _item_rest(scores: pl.DataFrame) -> pl.DataFrame:
    """`r` of each item with the mean of the others of its section that the same organisation has, and its `error`."""
    by_section = ("org_code", "section")
    of_answers = pl.col("relevance") == "answer"
    held = (
        scores.filter(pl.col("z").is_not_null() & (pl.col("relevance") != "none"))
        .sort("indicator", "org_code")
        .with_columns(
            z=pl.col("z").clip(-_HELD, _HELD),
            section=pl.when(of_answers).then("source").otherwise(pl.lit("figures from other sources")),
        )
        .with_columns(total=pl.col("z").sum().over(by_section), others=pl.len().over(by_section) - 1)
        .filter(pl.col("others") > 0)
        .with_columns(rest=(pl.col("total") - pl.col("z")) / pl.col("others"))
    )
    correlated = held.group_by("section", "indicator", maintain_order=True).agg(n=pl.len(), r=pl.corr("z", "rest"))
    return correlated.filter(pl.col("r").is_finite()).with_columns(
        r=pl.col("r").clip(-1, 1),  # a rounded sum may pass 1 in the last digit
        error=1 / (pl.col("n") - 1).cast(pl.Float64).sqrt(),
    )
