"""The calendar of a plan: one entry a visit, in the format that every calendar program reads (iCalendar, RFC 5545)."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from icalendar import Calendar, Event

from crosscheck.contract.typed_rows import typed_rows
from crosscheck.report.output.folder import replace_file
from crosscheck.report.output.html import name_type
from crosscheck.report.visits.visit_plan import refuse_undated

if TYPE_CHECKING:
    from pathlib import Path

    import polars as pl

_WORKING_WEEK: Final = dt.timedelta(days=5)


@dataclass(frozen=True)
class _DatedVisit:
    """A visit with its team and week; every visit of a calendar has them."""

    org_code: str
    name: str
    org_type: str | None
    region: str | None
    team: str
    week: float
    monday: dt.date
    tour: str | None
    place_in_tour: float | None


def write_calendar(plan: pl.DataFrame, source: Path, file: Path) -> None:
    """Write a calendar with one entry a visit: all day, from the Monday to the Friday of its week.

    The day within the week is agreed with the organisation; the team then moves the entry. An entry keeps its
    identifier when the plan changes, so that a calendar which is read in again moves it instead of showing it twice.

    Args:
        plan: as `visit_plan.read_plan`.
        source: the plan's file, for messages.
        file: where to. The same plan gives the same bytes: each entry is stamped with the Monday of the first week.

    Raises:
        PlanError: a visit has no team, week or Monday; the message says what is missing.
    """
    refuse_undated(plan, source)
    calendar = Calendar()
    calendar.add("prodid", "-//crosscheck//visits//EN")
    calendar.add("version", "2.0")
    first = min(plan["monday"])
    # A day of the plan: the time of writing would give other bytes each time.
    stamp = dt.datetime.combine(first, dt.time(), dt.UTC)
    for visit in typed_rows(plan, _DatedVisit):
        calendar.add_component(_entry(visit, stamp))
    content = calendar.to_ical()
    replace_file(file, lambda beside: beside.write_bytes(content))


def _entry(visit: _DatedVisit, stamp: dt.datetime) -> Event:
    event = Event()
    event.add("uid", f"{visit.org_code}-{visit.monday.year}@visits.crosscheck")
    event.add("dtstamp", stamp)
    event.add("dtstart", visit.monday)
    event.add("dtend", visit.monday + _WORKING_WEEK)  # the first day that is no longer part of it
    event.add("summary", f"Visit to {visit.name} ({visit.org_code})")
    event.add("description", _describe(visit))
    event.add("location", ", ".join(filter(None, (visit.name, visit.region))))
    event.add("categories", [visit.team])
    event.add("transp", "TRANSPARENT")  # a week is not blocked by a visit of a day
    return event


def _describe(visit: _DatedVisit) -> str:
    lines = [f"Team: {visit.team}", f"Week {visit.week:.0f}, day to be agreed"]
    if visit.tour:
        place = f", visit {visit.place_in_tour:.0f} of it" if visit.place_in_tour else ""
        lines.append(f"Tour {visit.tour}{place}")
    if visit.org_type:
        lines.append(f"Type: {name_type(visit.org_type)}")
    return "\n".join(lines)
