"""The plan of the visits, read from its file: who visits whom in which week, on which tour."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import polars as pl

from crosscheck.collection.cells import read_cells, tidy_texts
from crosscheck.collection.files import open_table
from crosscheck.collection.problems import CONVERTED, ROW, Problem, describe_problems, list_problems
from crosscheck.contract.table import Column, Kind, Table
from crosscheck.errors import CollectionError, PlanError, UnknownNameError
from crosscheck.near_names import suggest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date
    from pathlib import Path

    from crosscheck.collection.files import Sheet


def _optional(name: str, kind: Kind, meaning: str, low: float | None = None, unit: str = "") -> Column:
    return Column(name, kind, meaning, required=False, may_be_empty=True, low=low, unit=unit)


# The columns that the papers of a plan are made from; the plan may have others. Why an organisation is visited (its
# arm) is not among them: no paper of the plan says it, so that they can be handed to assessors who must not know.
@dataclass(frozen=True)
class PlannedVisit:
    """A row of `VISIT_PLAN`: an organisation to visit, where it lies (metres on the grid), who goes and when."""

    org_code: str
    name: str | None
    org_type: str | None
    region: str | None
    easting: float | None
    northing: float | None
    team: str | None
    week: float | None
    monday: date | None
    tour: str | None
    place_in_tour: float | None


VISIT_PLAN: Final = Table(
    "visit_plan",
    "one organisation to visit",
    (
        Column("org_code", "code", "the organisation's code"),
        Column("name", "text", "the organisation's name"),
        _optional("region", "text", "the region that it is in"),
        _optional("org_type", "text", "the type of organisation"),
        Column("team", "text", "the team that visits it", may_be_empty=True, empty="not planned yet"),
        Column("week", "number", "in which week, counted from 1", may_be_empty=True, low=1, unit="week"),
        _optional("monday", "date", "the Monday of that week"),
        _optional("tour", "text", "the tour that it is part of"),
        _optional("place_in_tour", "number", "its place in the tour, counted from 1", 1, "place"),
        _optional("easting", "number", "east of the grid's origin", 0, "metres"),
        _optional("northing", "number", "north of the grid's origin", 0, "metres"),
    ),
    key=("org_code",),
)
_NAMED: Final = 5  # how many organisations a message names
_ORDER: Final = ("week", "team", "tour", "place_in_tour", "org_code")


def read_plan(file: Path) -> pl.DataFrame:
    """Read a plan of visits.

    Args:
        file: CSV, Parquet or a workbook, in the columns of `VISIT_PLAN`; others are left alone.

    Returns:
        `VISIT_PLAN`, by week, team, tour and place in it; rows without a team or a week come last. A column that the
        file lacks is empty.

    Raises:
        PlanError: the file or a needed column is missing, a cell can't be used, an organisation stands there
            twice, or a day is no Monday; everything that is wrong, at once.
    """
    try:
        sheet, _ = open_table(file, VISIT_PLAN)
    except CollectionError as error:
        raise PlanError(error.problems) from None
    read = read_cells(tidy_texts(sheet), VISIT_PLAN.columns)
    missing = [column for column in VISIT_PLAN.columns if column.name not in read.rows.columns]
    rows = read.rows.with_columns(pl.lit(None, dtype=column.dtype).alias(column.name) for column in missing)
    complete = read.noting((), rows)
    # A heading that is none of ours (row 1) is one that the plan has for others.
    problems = [
        problem
        for problem in (*read.problems, *_odd_rows(complete))
        if problem.effect != CONVERTED and problem.row != 1
    ]
    if problems:
        raise PlanError(describe_problems(list_problems((sheet.place, problem) for problem in problems)))
    return rows.select(VISIT_PLAN.schema.names()).sort(_ORDER, nulls_last=True)


def of_team(plan: pl.DataFrame, team: str) -> pl.DataFrame:
    """The visits of one team, whatever the capitals of its name.

    Raises:
        UnknownNameError: the plan has no such team; the message names those that it has.
    """
    chosen = plan.filter(pl.col("team").str.to_lowercase() == team.strip().lower())
    if chosen.is_empty():
        there = plan["team"].drop_nulls().unique().sort().to_list()
        near = suggest(team, there)
        raise UnknownNameError(f"{team}: the plan has no such team.{near} It has: {', '.join(there) or 'none'}.")
    return chosen


def refuse_undated(plan: pl.DataFrame, file: Path) -> None:
    """Stop where a calendar can't be made: a visit has no team, no week or no Monday, or there is none at all.

    Raises:
        PlanError: it is so; the message says what is missing for whom.
    """
    if plan.is_empty():
        raise PlanError(f"{file}: has no visit, so there is nothing to put into a calendar.")
    wrong = []
    for name in ("team", "week", "monday"):
        lacking = plan.filter(pl.col(name).is_null())["org_code"].to_list()
        if lacking:
            named = ", ".join(lacking[:_NAMED]) + (
                f" and {len(lacking) - _NAMED} more" if len(lacking) > _NAMED else ""
            )
            wrong.append(f"{file}: no {name} for {len(lacking)} of {plan.height} visits ({named}).")
    if wrong:
        raise PlanError([*wrong, "A calendar needs team, week and Monday of each visit. Make the plan with dates."])


def _odd_rows(sheet: Sheet) -> Iterator[Problem]:
    """What several cells say together: an organisation planned twice, a week that begins on another day."""
    rows = sheet.rows
    for row, code in rows.filter(pl.col("org_code").is_duplicated()).select("row", "org_code").iter_rows():
        yield Problem(row, "org_code", code, "The organisation is planned twice.", "Leave one of the rows.", ROW)
    is_monday = pl.col("monday").dt.weekday() == 1
    for row, day in rows.filter(~is_monday).select("row", "monday").iter_rows():
        yield Problem(row, "monday", str(day), f"This day is a {day:%A}.", "Give the Monday of the week.", ROW)
    mondays = pl.col("monday").n_unique().over("week")
    # A day that is no Monday is named above: the other rows of its week are not to be mended for it.
    two = rows.drop_nulls(["week", "monday"]).filter(is_monday).filter(mondays > 1)
    for row, week, day in two.select("row", "week", "monday").iter_rows():
        words = f"Week {week:.0f} begins on more than one day."
        yield Problem(row, "monday", str(day), words, "Give each week one Monday.", ROW)
