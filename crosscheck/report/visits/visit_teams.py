"""The plan of the visits as a workbook: one sheet a team, on which it notes the day agreed and who goes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import polars as pl

from crosscheck.contract.typed_rows import typed_rows
from crosscheck.report.output.workbook import new_workbook, write_sheet
from crosscheck.report.visits.visit_plan import PlannedVisit

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

_COLUMNS: Final = {
    "Week": 7, "Monday": 12, "Tour": 8, "Place in tour": 9, "Code": 9, "Name": 44, "Type": 16, "Region": 16,
    "Day agreed": 14, "Assessors": 20, "Notes": 36,
}  # fmt: skip
_OVERVIEW: Final = {"Team": 30, "Visits": 9, "First week": 11, "Last week": 11, "Without a week": 14}
_OVERVIEW_SHEET: Final = "All teams"
_NO_TEAM: Final = "No team yet"
_NAME_LETTERS: Final = 31  # of a sheet, which the file format allows
_FORBIDDEN: Final = r"[\[\]:*?/\\]"


def write_teams(plan: pl.DataFrame, file: Path) -> int:
    """Write a workbook: how many visits each team has, then each team's by week.

    Visits without a team stand on a last sheet of their own; none is left out.

    Args:
        plan: as `visit_plan.read_plan`.
        file: where to. The same plan gives the same bytes.

    Returns:
        How many teams there are.
    """
    teams = plan.drop_nulls("team").sort("team", maintain_order=True).partition_by("team", maintain_order=True)
    unplanned = plan.filter(pl.col("team").is_null())
    sheets = [(str(rows["team"][0]), rows) for rows in teams]
    names = _name_sheets(team for team, _ in sheets)
    with new_workbook(file, "Visits by team") as workbook:
        overview = [_sum_up(team, rows) for team, rows in (*sheets, *_if_any(unplanned))]
        write_sheet(workbook, _OVERVIEW_SHEET, _OVERVIEW, overview, 1)
        for name, (_, rows) in zip(names, sheets, strict=True):
            write_sheet(workbook, name, _COLUMNS, list(map(_row, typed_rows(rows, PlannedVisit))), 0)
        for name, rows in _if_any(unplanned):
            write_sheet(workbook, name, _COLUMNS, list(map(_row, typed_rows(rows, PlannedVisit))), 0)
    return len(sheets)


def _if_any(unplanned: pl.DataFrame) -> list[tuple[str, pl.DataFrame]]:
    return [] if unplanned.is_empty() else [(_NO_TEAM, unplanned)]


def _sum_up(team: str, rows: pl.DataFrame) -> list[object]:
    return [team, rows.height, rows["week"].min(), rows["week"].max(), rows["week"].null_count()]


def _row(visit: PlannedVisit) -> list[object]:
    monday = visit.monday and visit.monday.isoformat()
    names = ("org_code", "name", "org_type", "region")
    return [
        visit.week,
        monday,
        visit.tour,
        visit.place_in_tour,
        *(getattr(visit, name) for name in names),
        None,
        None,
        None,
    ]


def _name_sheets(teams: Iterable[str]) -> Iterator[str]:
    """A name for each team's sheet that the file format allows, no two alike whatever their capitals."""
    taken = {name.casefold() for name in (_OVERVIEW_SHEET, _NO_TEAM, "history")}
    for team in teams:
        plain = re.sub(_FORBIDDEN, " ", team).strip(" '")[:_NAME_LETTERS] or "Team"
        name, number = plain, 2
        while name.casefold() in taken:
            ending = f" ({number})"
            name, number = plain[: _NAME_LETTERS - len(ending)] + ending, number + 1
        taken.add(name.casefold())
        yield name
