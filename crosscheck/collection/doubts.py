"""Doubts: values that are possible in their column, and unlikely beside their neighbours.

What becomes of them: `resolved`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import polars as pl

from crosscheck.collection.answers import HAS_SIGN
from crosscheck.collection.cells import written

if TYPE_CHECKING:
    from collections.abc import Mapping

    from crosscheck.collection.files import Sheet
    from crosscheck.questionnaire import Questionnaire

SCHEMA: Final = pl.Schema(
    {
        "table": pl.String(),
        "file": pl.String(),
        "row": pl.Int64(),
        "column": pl.String(),
        "value": pl.String(),
        "likely": pl.String(),
        "why": pl.String(),
        "org_code": pl.String(),
        "about": pl.String(),
        "item": pl.String(),
        "tried_as": pl.Float64(),
    }
)

# One figure of one organisation, wherever it stands: `about` names it (a question, a source and its indicator, or a
# column of organisations), `item` the review or the period it is of, `former` tells those of former years.
FIGURES: Final = pl.Schema(
    {
        "table": pl.String(),
        "file": pl.String(),
        "row": pl.Int64(),
        "column": pl.String(),
        "org_code": pl.String(),
        "about": pl.String(),
        "item": pl.String(),
        "former": pl.Boolean(),
        "is_percentage": pl.Boolean(),
        HAS_SIGN: pl.Boolean(),
        "zero_is_best": pl.Boolean(),
        "value": pl.Float64(),
    }
)

_TYPE: Final = "org_type"
_COORDINATES: Final = ("easting", "northing")
_SIZES: Final = ("staff_wte", "population_0_4", "caseload_population")

IN_DOUBT: Final = "in doubt"  # the effect of a doubt among problems

# All thresholds are this project's own choice. In the embedded collection no figure lies farther from its peers than
# 77-fold (a rank of 152), and none but small shares lies below 1%.
_USUAL_PERCENTAGE: Final = 10.0  # the median percentage of others from which on a fraction is none of 1%
_PEERS: Final = 8
_FAR: Final = 2.3  # powers of ten from the peers' median: 200-fold
_ALSO_FAR: Final = 1.5  # 30-fold: enough for a figure of an organisation that has another one as far off
_JUMP: Final = 100.0 * (1 - 1e-9)  # what was multiplied by 100 may come out a hair below
_FEWEST_ZEROS: Final = 5  # figures of one organisation that are all 0
_ALL_ZERO: Final = 20  # organisations of which one figure is 0 throughout
_LEAST_EASTING: Final = 80_000.0  # metres
_MOST_HECTOMETRES: Final = 10_000.0
_MOST_KILOMETRES: Final = 1_300.0


def gather_figures(sheets: Mapping[str, Sheet], questionnaire: Questionnaire, year: str | None) -> pl.DataFrame:
    """Gather every figure that can be held against others (`FIGURES`), of rows that can be used."""
    found = [_answers(sheets["answers"], questionnaire, year)] if "answers" in sheets else []
    if "indicators" in sheets and "value" in sheets["indicators"].rows.columns:
        found.append(_indicators(sheets["indicators"]))
    found += [
        _shaped(sheets["organisations"], column, pl.lit(column), pl.lit(""), value=pl.col(column).cast(pl.Float64))
        for column in (*_COORDINATES, *_SIZES)
        if column in sheets["organisations"].rows.columns
    ]
    return pl.concat([FIGURES.to_frame(), *found])


def _answers(answers: Sheet, questionnaire: Questionnaire, year: str | None) -> pl.DataFrame:
    percentages = [question.question_id for question in questionnaire if question.answer_type == "percent"]
    lower_better = [question.question_id for question in questionnaire if question.direction == "lower_better"]
    former = pl.col("year").fill_null(pl.lit(year, pl.String)) != pl.lit(year, pl.String)
    return _shaped(
        answers,
        "answer",
        pl.col("question_id"),
        pl.when(pl.col("item") > 0).then(pl.col("item").cast(pl.String)).otherwise(pl.lit("")),
        value=pl.col("number"),
        former=former if "year" in answers.rows.columns else pl.lit(value=False),
        is_percentage=pl.col("question_id").is_in(percentages),
        has_sign=pl.col(HAS_SIGN),
        zero_is_best=pl.col("question_id").is_in(lower_better),
    )


def _indicators(indicators: Sheet) -> pl.DataFrame:
    """Values that no counts beside them confirm."""
    names = indicators.rows.columns
    counted = [pl.col(name).is_not_null() for name in ("numerator", "denominator") if name in names]
    kind = pl.col("kind") == "proportion" if "kind" in names else pl.lit(value=False)
    latest = pl.col("period") == pl.col("period").max().over("source", "indicator")
    return _shaped(
        indicators,
        "value",
        pl.format("{} {}", "source", "indicator"),
        pl.col("period"),
        value=pl.when(~pl.all_horizontal(*counted, pl.lit(len(counted) == 2))).then("value"),
        former=~latest,
        is_percentage=kind.fill_null(value=False) | pl.col("indicator").str.ends_with("_pct"),
    )


def _shaped(sheet: Sheet, column: str, about: pl.Expr, item: pl.Expr, **figures: pl.Expr) -> pl.DataFrame:
    stated = dict.fromkeys(("former", "is_percentage", HAS_SIGN, "zero_is_best"), pl.lit(value=False)) | figures
    shaped = sheet.used().select(
        pl.lit(sheet.table.name).alias("table"),
        pl.lit(sheet.file).alias("file"),
        pl.col("row").cast(pl.Int64),
        pl.lit(column).alias("column"),
        "org_code",
        about.alias("about"),
        item.fill_null("").alias("item"),
        **stated,
    )
    return shaped.select(FIGURES.names()).drop_nulls("value")


def find_doubts(figures: pl.DataFrame, organisations: pl.DataFrame) -> pl.DataFrame:
    """Find the figures that are unlikely beside their neighbours.

    Args:
        figures: as `gather_figures`.
        organisations: `org_code` and `org_type` of those in scope; peers are those of the same type.

    Returns:
        One row a value in doubt (`SCHEMA`), by table, file, row, column, and after these columns `figure`, the value as
        a number, and `is_percentage`. `likely` is what may be meant, with a question mark; of several reasons the first
        that can be given counts. `tried_as` is the number that the risk is also estimated with
        (`likely.with_likely_values`): the likely one, or the value itself where none is likelier; null for coordinates,
        which bear on no risk, and for a 0 of a form that nobody filled in where 0 would be the best answer.
    """
    of_year = figures.filter(~pl.col("former"))
    typed = of_year.join(organisations.select("org_code", _TYPE), on="org_code", how="left")
    found = [
        _fractions(of_year),
        _coordinates(of_year),
        _all_zero(of_year),
        _jumps(figures),
        _other_sources(of_year),
        _far_from_peers(typed.filter(~pl.col("is_percentage") & ~pl.col("about").is_in(_COORDINATES))),
    ]
    marked = pl.concat([_marked(one) for one in found])
    first = marked.unique(["table", "file", "row", "column"], keep="first", maintain_order=True)
    return first.sort("table", "file", "row", "column")


def list_as_problems(doubts: pl.DataFrame) -> pl.DataFrame:
    """Values in doubt in the columns of problems, with the effect `in doubt`.

    Args:
        doubts: `SCHEMA`, or what a run wrote of it.
    """
    return doubts.select(
        "table", "file", "row", "column", pl.col("value").cast(pl.String),
        problem=pl.format("{} It is left out until somebody confirms or corrects it.", "why"),
        remedy=pl.format("Did you mean {} Say so: crosscheck problems resolve", "likely"),
        effect=pl.lit(IN_DOUBT),
        org_code="org_code",
    )  # fmt: skip


def _marked(found: pl.DataFrame) -> pl.DataFrame:
    """Doubts in the promised shape; `meant` is the likely value, null where it is none at all."""
    never_tried = pl.col("about").is_in(_COORDINATES) | (pl.col("meant").is_null() & pl.col("zero_is_best"))
    tried_as = pl.when(~never_tried).then(pl.coalesce("meant", "value"))
    percent = pl.when("is_percentage").then(pl.lit("%")).otherwise(pl.lit(""))
    meant = _in_words(pl.col("meant")) + percent
    likely = pl.coalesce(meant, pl.lit("no answer")) + "?"
    stated = found.with_columns(value=_in_words(pl.col("value")), likely=likely, figure="value", tried_as=tried_as)
    return stated.select(*SCHEMA.names(), "figure", "is_percentage")


def _in_words(number: pl.Expr) -> pl.Expr:
    return number.map_elements(written, return_dtype=pl.String, skip_nulls=True)


def _fractions(figures: pl.DataFrame) -> pl.DataFrame:
    """Fractions of 1 among percentages, unless others of the same figure are as small; and a 1 beside such fractions.

    Whoever writes 0.85 for 85% writes 1 for 100%, which alone would be taken for 1%.
    """
    usual = pl.col("value").filter(pl.col("value") > 1).median().over("about")
    is_unlikely = pl.col("is_percentage") & ~pl.col(HAS_SIGN) & (usual.is_null() | (usual >= _USUAL_PERCENTAGE))
    is_fraction = is_unlikely & pl.col("value").is_between(0, 1, closed="none")
    beside = (is_fraction & (pl.col("table") == "answers")).any().over("table", "org_code")
    is_one = is_unlikely & (pl.col("value") == 1) & beside
    others = pl.format("The middle of those above 1% is {}%.", _in_words(usual))
    why = pl.format(
        "{}{}",
        pl.when(is_one)
        .then(pl.lit("1 beside fractions of the same organisation, where percentages are asked for. "))
        .otherwise(pl.lit("A fraction where percentages are asked for. ")),
        pl.when(usual.is_null()).then(pl.lit("No organisation gives more than 1%.")).otherwise(others),
    )
    return figures.with_columns(meant=(pl.col("value") * 100).round(6), why=why).filter(is_fraction | is_one)


def _coordinates(figures: pl.DataFrame) -> pl.DataFrame:
    """Coordinates in kilometres, or in hundreds of metres: no place lies so near to the grid's origin."""
    coordinates = figures.filter(pl.col("about").is_in(_COORDINATES))
    # A place near the western or the southern edge has one small coordinate; whoever counts otherwise has two.
    largest = coordinates.group_by("org_code").agg(largest=pl.col("value").max())
    given = coordinates.join(largest, on="org_code", how="left", maintain_order="left")
    factor = (
        pl.when(pl.col("value").is_between(0, _MOST_KILOMETRES, closed="none"))
        .then(1000.0)
        .when(pl.col("value").is_between(0, _MOST_HECTOMETRES), pl.col("largest") <= _MOST_HECTOMETRES)
        .then(100.0)
        .when((pl.col("about") == "easting") & (pl.col("value") == 0))
        .then(0.0)
    )
    why = "In metres from the grid's origin no place of the country lies there."
    metres = pl.col("value") * factor
    meant = pl.when(metres >= pl.when(pl.col("about") == "easting").then(_LEAST_EASTING).otherwise(1.0)).then(metres)
    return given.with_columns(meant=meant, factor=factor, why=pl.lit(why)).drop_nulls("factor")


def _all_zero(figures: pl.DataFrame) -> pl.DataFrame:
    """Figures that are all 0: those of one organisation, as a form that was never filled in, or one of all of them."""
    answers = figures.filter(pl.col("table") == "answers")
    is_zero, count = (pl.col("value") == 0).all(), pl.len()
    of_one = is_zero.over("org_code") & (count.over("org_code") >= _FEWEST_ZEROS)
    of_all = is_zero.over("about") & (count.over("about") >= _ALL_ZERO)
    why = (
        pl.when(of_one)
        .then(pl.format("All {} figures that the organisation answers are 0.", count.over("org_code")))
        .when(of_all)
        .then(pl.format("The figure is 0 for all {} organisations.", count.over("about")))
    )
    return answers.with_columns(meant=pl.lit(None, pl.Float64), why=why).drop_nulls("why")


def _jumps(figures: pl.DataFrame) -> pl.DataFrame:
    """Figures a hundred times as large or as small as in a former year."""
    review = pl.when(pl.col("table") == "answers").then("item").otherwise(pl.lit(""))
    keyed = figures.filter(~pl.col("is_percentage") & (pl.col("value") > 0)).with_columns(review=review)
    key = ["table", "org_code", "about", "review"]
    before = keyed.filter("former").sort("item").group_by(key, maintain_order=True).agg(before=pl.col("value").last())
    compared = keyed.filter(~pl.col("former")).join(before, on=key)
    return _apart(compared, pl.col("before"), "A former year has {}.")


def _other_sources(figures: pl.DataFrame) -> pl.DataFrame:
    """Figures a hundred times as large or small as another source has them; of two the one farther from its peers."""
    named = figures.filter((pl.col("table") == "indicators") & ~pl.col("is_percentage") & (pl.col("value") > 0))
    named = named.with_columns(
        indicator=pl.col("about").str.split(" ").list.last(),
        off=pl.when(pl.len().over("about") >= _PEERS)
        .then((pl.col("value") / pl.col("value").median().over("about")).log10().abs())
        .otherwise(math.inf),  # a figure without peers has nothing that speaks for it
    )
    other = named.select("org_code", "indicator", other_about="about", other="value", other_off="off")
    pairs = named.join(other, on=["org_code", "indicator"]).filter(
        (pl.col("about") != pl.col("other_about")) & (pl.col("off") >= pl.col("other_off"))
    )
    return _apart(pairs, pl.col("other"), "Another source has {}.")


def _apart(compared: pl.DataFrame, beside: pl.Expr, why: str) -> pl.DataFrame:
    ratio = pl.col("value") / beside
    power = pl.lit(10.0).pow(ratio.log10().round(0))
    return compared.filter((ratio >= _JUMP) | (ratio <= 1 / _JUMP)).with_columns(
        meant=(pl.col("value") / power).round(6), why=pl.format(why, _in_words(beside))
    )


def _far_from_peers(figures: pl.DataFrame) -> pl.DataFrame:
    """Figures that are off by thousands: in thousands where units are asked for, or the other way round.

    Whoever counts one figure in thousands is likely to count others so, of which less is asked to be in doubt.
    """
    peers = ["table", "about", "item", _TYPE]
    held = figures.filter(pl.col("value") > 0).with_columns(
        usual=pl.col("value").median().over(peers), number_of_peers=pl.len().over(peers)
    )
    held = held.filter(pl.col("number_of_peers") >= _PEERS).with_columns(
        off=(pl.col("value") / pl.col("usual")).log10()
    )
    is_far = pl.col("off").abs() >= _FAR
    far = held.filter(is_far).select("org_code", pl.col("off").sign().alias("way")).unique()
    also = held.with_columns(way=pl.col("off").sign()).join(far, on=["org_code", "way"], how="semi")
    found = also.filter(pl.col("off").abs() >= _ALSO_FAR)
    factor = pl.when(pl.col("off") < 0).then(1000.0).otherwise(0.001)
    why = pl.format("The middle of {} organisations of the type is {}.", "number_of_peers", _in_words(pl.col("usual")))
    return found.with_columns(meant=(pl.col("value") * factor).round(6), why=why)
