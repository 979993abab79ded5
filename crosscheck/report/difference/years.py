"""Several years side by side: what was declared each year, who declared lapses again, which figures stay bad."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import polars as pl

from crosscheck.cases.history import inherit_history
from crosscheck.runs.run_folder import read_table
from crosscheck.scoring.cusum import accumulate, run_length
from crosscheck.vocabulary import is_lapse, means_met

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

FEWEST_PERIODS: Final = 3
LIMIT: Final = 4.0  # of the cumulative sum, in standard deviations; `run_length` says how rarely chance passes it
_NORMAL_95: Final = 1.959964


def describe_years(folder: Path) -> dict[str, Any]:
    """Everything that the years of a run's collection tell.

    Returns:
        `by_year` (`count_by_year`), `repeated` (`count_repeated`), `figures` (`follow_figures`), `limit` and `periods`
        (how many pass on average before chance alone passes the limit).

    Raises:
        RunError: there is no such run.
    """
    declarations, predecessors = read_table(folder, "collection/declarations"), read_table(folder, "predecessors")
    organisations = read_table(folder, "collection/organisations")["org_code"]
    handed = inherit_history(declarations, predecessors, ("year",)).filter(
        pl.col("org_code").is_in(organisations.implode())
    )
    return {
        "by_year": count_by_year(declarations).to_dicts(),
        "repeated": count_repeated(handed),
        "figures": follow_figures(read_table(folder, "collection/indicators")).to_dicts(),
        "limit": LIMIT,
        "periods": round(run_length(LIMIT)),
    }


def count_by_year(declarations: pl.DataFrame) -> pl.DataFrame:
    """Declarations by year and category, all together first (Table 12 of the review, with its base).

    Returns:
        `year`, `category`, `declarations` (the base), `compliant`, `not_compliant`, `share` of these, and its 95%
        interval `low` to `high` (Wilson 1927, Journal of the American Statistical Association 22:209-212).
    """
    both = pl.concat([declarations.with_columns(category=pl.lit("all")), declarations])
    counted = both.group_by("year", "category").agg(declarations=pl.len(), compliant=(means_met("status")).sum())
    n, share, square = pl.col("declarations"), pl.col("share"), _NORMAL_95**2
    middle = (share + square / (2 * n)) / (1 + square / n)
    half = _NORMAL_95 * (share * (1 - share) / n + square / (4 * n**2)).sqrt() / (1 + square / n)
    return (
        counted.with_columns(not_compliant=n - pl.col("compliant"))
        .with_columns(share=pl.col("not_compliant") / n)
        .with_columns(low=(middle - half).clip(0), high=(middle + half).clip(None, 1))
        .with_columns(pl.col("share", "low", "high").round(4))
        .sort("year", pl.col("category") != "all", "category")
    )


def count_repeated(declarations: pl.DataFrame) -> dict[str, Any]:
    """How many organisations declared a lapse in two years or more, and how many would by chance.

    Args:
        declarations: of the organisations of today, those of predecessors handed down.

    Returns:
        `organisations`, `observed`, `expected` (were each year's lapses spread at random over all who declared in that
        year; Poisson-binomial) and `codes` of those observed. That lapses recur says that something lasts; not what.
    """
    lapsed = declarations.group_by("org_code", "year").agg(lapse=(is_lapse("status")).any())
    chances = lapsed.with_columns(chance=pl.col("lapse").mean().over("year"))
    by_code = chances.group_by("org_code").agg(pl.col("lapse").sum(), "chance").sort("org_code")
    again = by_code.filter(pl.col("lapse") >= 2)["org_code"].to_list()
    expected = sum(at_least_two(chance) for chance in by_code["chance"].to_list())
    return {
        "organisations": by_code.height,
        "observed": len(again),
        "expected": round(expected, 1),
        "codes": again,
    }


def at_least_two(chances: Sequence[float]) -> float:
    """The probability that two or more of independent events happen."""
    none, exactly_one = 1.0, 0.0
    for chance in chances:
        none, exactly_one = none * (1 - chance), exactly_one * (1 - chance) + none * chance
    return 1 - none - exactly_one


def follow_figures(indicators: pl.DataFrame) -> pl.DataFrame:
    """The cumulative sum of every figure that is given for three periods or more, by organisation.

    Each period's figures are standardised among all organisations (median, and 1.4826 times the median distance from
    it), so that a year that was worse for everybody is nobody's. With fewer periods nothing can be told, and there is
    no row.

    Returns:
        `indicator`, `org_code`, `periods`, `last` (standard deviations; positive is worse) and `sum`, the worst first.
    """
    worse = pl.when(pl.col("direction") == "higher_better").then(-1.0).otherwise(1.0)
    name, within = pl.format("{}.{}", "source", "indicator"), ["indicator", "period"]
    figures = indicators.filter(pl.col("direction") != "none").select(
        "org_code",
        "period",
        indicator=name,
        figure=worse * pl.coalesce("value", pl.col("numerator") / pl.col("denominator")),
    )
    with_periods = figures.drop_nulls("figure").filter(pl.col("period").n_unique().over("indicator") >= FEWEST_PERIODS)
    distance = pl.col("figure") - pl.col("figure").median().over(within)
    scored = with_periods.with_columns(distance=distance).with_columns(
        z=pl.col("distance") / (1.4826 * pl.col("distance").abs().median().over(within))
    )
    followed = [_follow(values, str(indicator)) for (indicator,), values in scored.sort("period").group_by("indicator")]
    schema = {"indicator": pl.String, "org_code": pl.String, "periods": pl.Int64, "last": pl.Float64, "sum": pl.Float64}
    table = pl.concat([pl.DataFrame(schema=schema), *followed])
    return table.sort("sum", "indicator", "org_code", descending=[True, False, False])


def _follow(scored: pl.DataFrame, indicator: str) -> pl.DataFrame:
    wide = scored.filter(pl.col("z").is_finite()).pivot("org_code", index="period", values="z").sort("period")
    z = wide.drop("period").to_numpy().astype(np.float64)
    last = [float(column[~np.isnan(column)][-1]) for column in z.T]
    return pl.DataFrame(
        {
            "indicator": [indicator] * z.shape[1],
            "org_code": wide.columns[1:],
            "periods": (~np.isnan(z)).sum(axis=0).tolist(),
            "last": np.round(last, 3).tolist(),
            "sum": np.round(accumulate(z)[-1], 3).tolist(),
        }
    )
