"""Other ways to order declarations, which a list has to beat: at random, by counting, by sums, by oddity, by habit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from crosscheck.cases.history import years_before
from crosscheck.cases.returns import count_adverse
from crosscheck.vocabulary import is_lapse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from crosscheck.questionnaire import Questionnaire

COUNTING: Final = "counting adverse answers"
BREACHES: Final = "counting admitted grave breaches"

_KEYS: Final = ("org_code", "function")

# Years of history that last year's list could look back on.
_MEMORY: Final = 3
_TREES: Final = 200


def rank_otherwise(
    declarations: pl.DataFrame,
    tables: Mapping[str, pl.DataFrame],
    scores: pl.DataFrame,
    unmet: pl.DataFrame,
    questionnaire: Questionnaire,
    occasion: tuple[str, int],
) -> dict[str, pl.DataFrame]:
    """Every other ranking of the same declarations, by name.

    Args:
        declarations: `org_code`, `function`.
        tables: the conformed tables of the collection, without what was found afterwards.
        scores: one row a figure or answer of an organisation: `org_code`, `indicator`, `z` (positive is worse).
        unmet: what declarations do not meet on their own word: `org_code`, `function`, `check_id`, and `grave` for the
            statutory duties of high severity.
        questionnaire: what was asked.
        occasion: the assessment year, and a seed for what is drawn.

    Returns:
        For each name the declarations with `score`: the higher, the sooner visited. Where a ranking knows nothing of a
        declaration it gives the score of one that is as all others are on average.
    """
    year, seed = occasion
    adverse = count_adverse(tables["answers"], tables["organisations"], questionnaire)
    by_name = {
        "at random": _at_random(declarations, seed),
        COUNTING: adverse.rename({"adverse": "score"}),
        BREACHES: _by_breaches(declarations, unmet),
        "sum of scores": scores.group_by("org_code").agg(score=pl.col("z").sum()),
        "isolation forest": _by_outliers(scores, seed),
        "last year's list": _by_history(tables, year),
    }
    return {name: _scored(declarations, ranking) for name, ranking in by_name.items()}


def list_ranking_items(
    tables: Mapping[str, pl.DataFrame], scores: pl.DataFrame, unmet: pl.DataFrame, year: str
) -> pl.DataFrame:
    """What a teacher may learn from: scores, what is admitted, remarks, and what was declared and found before.

    Args:
        tables: the conformed tables of the collection, without what was found in the year.
        scores: one row a figure or answer of an organisation: `org_code`, `indicator`, `z` (positive is worse).
        unmet: what declarations do not meet on their own word: `org_code`, `function`, `check_id`.
        year: the assessment year.

    Returns:
        `org_code`, `function` (null: of the organisation as a whole), `item`, `value` (positive is worse).
    """
    of_year = tables["comments"].filter(pl.col("year") == year)
    remarks = of_year.group_by("org_code", item=pl.concat_str("author", "standard", separator="/")).agg(
        value=-(pl.col("polarity") * pl.col("reliability")).mean()
    )
    declared = tables["declarations"].filter((pl.col("year") < year) & (is_lapse("status")))
    found = tables["visits"].filter((pl.col("year") < year) & (pl.col("finding") == "qualified"))
    upheld = tables["visits"].filter((pl.col("year") < year) & (pl.col("finding") == "upheld"))
    counted = [
        table.group_by("org_code").agg(value=sign * pl.len().cast(pl.Float64)).with_columns(item=pl.lit(name))
        for name, table, sign in (("declared before", declared, 1), ("found before", found, 1), ("upheld", upheld, -1))
    ]
    whole = [scores.select("org_code", item="indicator", value="z"), remarks, *counted]
    own = unmet.select("org_code", "function", item="check_id", value=pl.lit(1.0))
    columns = ["org_code", "item", "value"]
    return pl.concat([own, *(table.select(columns).cast({"value": pl.Float64}) for table in whole)], how="diagonal")


def _scored(declarations: pl.DataFrame, ranking: pl.DataFrame) -> pl.DataFrame:
    on = [name for name in _KEYS if name in ranking.columns]
    scored = declarations.select(_KEYS).join(ranking, on=on, how="left", maintain_order="left")
    return scored.with_columns(pl.col("score").cast(pl.Float64).fill_null(pl.col("score").mean()).fill_null(0.0))


def _by_breaches(declarations: pl.DataFrame, unmet: pl.DataFrame) -> pl.DataFrame:
    """How many grave statutory duties each declaration does not meet on its own word: 0 where it admits none."""
    counted = unmet.filter("grave").group_by(_KEYS).agg(score=pl.len())
    return declarations.select(_KEYS).join(counted, on=_KEYS, how="left").fill_null(0)


def _at_random(declarations: pl.DataFrame, seed: int) -> pl.DataFrame:
    named = declarations.select(_KEYS).sort(_KEYS)
    return named.with_columns(score=pl.Series(np.random.default_rng(seed).random(named.height)))


def _by_outliers(scores: pl.DataFrame, seed: int) -> pl.DataFrame:
    """The isolation forest of Liu, Ting and Zhou 2008 over all scores; it knows no direction; scores may be absent."""
    from sklearn.ensemble import IsolationForest

    wide = scores.drop_nulls("z").sort("indicator", "org_code").pivot(on="indicator", index="org_code", values="z")
    wide = wide.sort("org_code")
    matrix = wide.drop("org_code").to_numpy().astype(np.float64)
    forest = IsolationForest(n_estimators=_TREES, random_state=seed).fit(matrix)
    return wide.select("org_code", score=pl.Series(-forest.score_samples(matrix)))


def _by_history(tables: Mapping[str, pl.DataFrame], year: str) -> pl.DataFrame:
    """Points for a lapse declared or found in a former year, less for a visit that upheld; they fade with the years."""
    fading = {years_before(year, count): 1.0 / count for count in range(1, _MEMORY + 1)}
    declared = tables["declarations"].with_columns(points=(is_lapse("status")).cast(pl.Float64))
    found = tables["visits"].with_columns(points=pl.when(pl.col("finding") == "qualified").then(1.0).otherwise(-0.5))
    points = pl.concat([table.select("org_code", "year", "points") for table in (declared, found)])
    recent = points.filter(pl.col("year").is_in(list(fading)))
    weight = pl.col("year").replace_strict(fading, return_dtype=pl.Float64)
    summed = recent.group_by("org_code").agg(score=(pl.col("points") * weight).sum().round(9))
    return tables["organisations"].select("org_code").join(summed, on="org_code", how="left").fill_null(0.0)
