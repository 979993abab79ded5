"""History: what an organisation, or one that it took over from, declared in former years and answered."""

from __future__ import annotations

from datetime import date
from typing import Final

import polars as pl

from crosscheck.vocabulary import FUNCTIONS, STATUS, means_met

# One row a predecessor of an organisation, directly or through a chain (`network.succession.trace_succession`).
NO_PREDECESSORS: Final = pl.DataFrame(
    schema={"org_code": pl.String, "predecessor": pl.String, "depth": pl.UInt32, "since": pl.Date}
)
_YEARS: Final = {"previous": 1, "two_years_ago": 2, "three_years_ago": 3}
_QUESTION: Final = ("question_id", "item")
_ANSWER: Final = ("level", "number", "absence")


def years_before(year: str, count: int) -> str:
    """The assessment year that many years earlier: `2008/09` and 1 give `2007/08`."""
    start = int(year[:4]) - count
    return f"{start}/{(start + 1) % 100:02d}"


def last_day(year: str) -> date:
    """The last day of an assessment year, 31 March: the thresholds and waivers of that day count for it."""
    return date(int(year[:4]) + 1, 3, 31)


def recall_declarations(declarations: pl.DataFrame, predecessors: pl.DataFrame, year: str) -> pl.DataFrame:
    """What was declared one, two and three years before, by the organisation itself or else by a predecessor.

    A former year may have one declaration of the whole organisation where there are two now: it is the history of both.
    Of several predecessors the nearest speak; where these declared otherwise than one another, a lapse of any of them
    is the successor's to show as mended (this project's own choice).

    Args:
        declarations: declarations on the standard, of all years.
        predecessors: as `NO_PREDECESSORS` has its columns.
        year: the assessment year.

    Returns:
        One row a declaration of the year: `org_code`, `function`, `declared.previous`, `declared.two_years_ago`,
        `declared.three_years_ago` (null where nobody declared), and `declared.previous_by`, whose code the first bears.
    """
    recalled = declarations.filter(pl.col("year") == year).select("org_code", "function")
    for name, count in _YEARS.items():
        # Year by year, since a predecessor may speak for one former year and the organisation itself for another.
        then = declarations.filter(pl.col("year") == years_before(year, count))
        recalled = recalled.join(
            _of_the_year(then, predecessors).rename({"status": f"declared.{name}", "by": f"declared.{name}_by"}),
            on=["org_code", "function"],
            how="left",
        )
    return recalled.drop("declared.two_years_ago_by", "declared.three_years_ago_by")


def inherit_answers(answers: pl.DataFrame, predecessors: pl.DataFrame) -> pl.DataFrame:
    """Give an organisation the answers that its predecessor returned to questions on which it has no row itself.

    Of several predecessors the nearest speak, and only where all of them that answered say the same.

    Returns:
        The answers with those inherited after them, and `inherited`, which says so of each.
    """
    theirs = _of_the_nearest(answers, predecessors, _QUESTION).unique(["org_code", *_QUESTION, *_ANSWER])
    # Where predecessors disagree nobody's answer is inherited: choosing one would invent an answer.
    agreed = theirs.filter(pl.len().over("org_code", *_QUESTION) == 1)
    return pl.concat(
        [
            answers.with_columns(inherited=pl.lit(value=False)),
            agreed.select(answers.columns).with_columns(inherited=pl.lit(value=True)),
        ]
    )


def inherit_history(rows: pl.DataFrame, predecessors: pl.DataFrame, per: tuple[str, ...]) -> pl.DataFrame:
    """Give an organisation the rows of its nearest predecessors where it has none itself.

    Args:
        rows: what organisations and former bodies did or met with: declarations, visits.
        predecessors: as `NO_PREDECESSORS` has its columns.
        per: within what an organisation's own row stands instead of a predecessor's, as `("year",)`.

    Returns:
        The rows, and after them those handed down, under the code of the successor.
    """
    return pl.concat([rows, _of_the_nearest(rows, predecessors, per).select(rows.columns)])


def _of_the_nearest(rows: pl.DataFrame, predecessors: pl.DataFrame, per: tuple[str, ...]) -> pl.DataFrame:
    """Rows of the nearest predecessors that have any, under the code of a successor that has none."""
    theirs = rows.rename({"org_code": "predecessor"}).join(
        predecessors.select("org_code", "predecessor", "depth"), on="predecessor"
    )
    nearest = theirs.filter(pl.col("depth") == pl.col("depth").min().over("org_code", *per))
    return nearest.join(rows, on=["org_code", *per], how="anti").sort("org_code", *per, "predecessor")


def _of_the_year(then: pl.DataFrame, predecessors: pl.DataFrame) -> pl.DataFrame:
    """One row an organisation and function of now: the status of then, the organisation's own or a predecessor's."""
    own = then.select("org_code", "function", pl.col("status").cast(STATUS), by="org_code", depth=pl.lit(0, pl.UInt32))
    theirs = own.drop("org_code", "depth").join(predecessors.select("org_code", "depth", by="predecessor"), on="by")
    known = pl.concat([own, theirs.select(own.columns)])
    of_all = pl.DataFrame({"function_now": FUNCTIONS})
    spoken = known.join(of_all, how="cross").filter(
        (pl.col("function") == "whole") | (pl.col("function") == pl.col("function_now"))
    )
    return (
        spoken.sort("depth", pl.col("function") == "whole", means_met("status"), "status", "by")
        .unique(["org_code", "function_now"], keep="first", maintain_order=True)
        .select("org_code", "status", "by", function="function_now")
    )
