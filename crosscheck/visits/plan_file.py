"""What `plan.toml` states of teams and dates; how organisations are chosen stands there too, and is read elsewhere."""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import TYPE_CHECKING, Annotated, Any, Final

from pydantic import Field, ValidationError

from crosscheck.errors import PlanError
from crosscheck.model_file import ModelPart
from crosscheck.toml_file import NotTomlError, parse_toml
from crosscheck.visits.design import OWN_TABLES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

EXAMPLE: Final = "docs/plan-example.toml"
_WORKING_DAYS: Final = 5
_LONGEST_SEASON: Final = 60  # weeks
_LISTED: Final = 12  # names in a message

_NAME: Final = re.compile(r"\w(?:[^\x00-\x1f\x7f-\x9f\u2028\u2029]*\S)?")

Metres = Annotated[float, Field(ge=0, le=1_300_000)]
Weekly = Annotated[int, Field(ge=0, le=10)]


class Season(ModelPart):
    """Between which days visits are made, and how many in all (None: as many as the teams can).

    `last_day` is the last day on which a visit still counts for the publication. With `weeks_at_random` the weeks of
    the random sample are drawn: who is visited before a given day and who is not then differ by chance alone.
    """

    first_day: dt.date
    last_day: dt.date
    total: Annotated[int, Field(ge=0)] | None = None
    weeks_at_random: bool = False


class Travel(ModelPart):
    """How teams travel.

    Attributes:
        together: visits of one week are one tour; otherwise the team goes home after each.
        longest_km: no team goes farther from its base, as the crow flies (None: no limit).
        across_borders: a team may visit in regions that are not its own.
    """

    together: bool = True
    longest_km: Annotated[float, Field(gt=0)] | None = None
    across_borders: bool = False


class Team(ModelPart):
    """Who visits: from where (metres of the national grid), in which regions, how often in a full week."""

    name: Annotated[str, Field(min_length=1)]
    regions: Annotated[tuple[str, ...], Field(min_length=1)]
    visits_a_week: Weekly
    easting: Metres | None = None
    northing: Metres | None = None


class Region(ModelPart):
    """The most visits that all teams together make in a region in one week."""

    name: Annotated[str, Field(min_length=1)]
    visits_a_week: Annotated[int, Field(ge=0)]


class Leave(ModelPart):
    """Days on which a team makes no visits; without a team it holds for all, for example on a bank holiday."""

    first: dt.date
    last: dt.date
    team: str | None = None


class Agreed(ModelPart):
    """A visit that is agreed already: it keeps its week (1 is the first) and team."""

    org_code: str
    week: Annotated[int, Field(ge=1)]
    team: str


class PlanTables(ModelPart):
    """The tables of the file that are about teams and dates."""

    capacity: Season
    travel: Travel = Travel()
    team: tuple[Team, ...]
    region: tuple[Region, ...] = ()
    leave: tuple[Leave, ...] = ()
    agreed: tuple[Agreed, ...] = ()


@dataclass(frozen=True)
class TeamPlan:
    """What the file states, and the SHA-256 of the file. Teams are in the order of their names.

    Where a plan is changed in the middle of its season: until the day `begun` nobody has room, since that is past, and
    `made` visits of its total are taken.
    """

    tables: PlanTables
    sha256: str
    begun: dt.date | None = None
    made: int = 0

    def changed(self, **tables: Any) -> TeamPlan:
        """The same with some tables changed."""
        return replace(self, tables=self.tables.model_copy(update=tables))

    @property
    def visits_left(self) -> int | None:
        """How many visits the total still allows; None where none is stated."""
        total = self.tables.capacity.total
        return None if total is None else max(total - self.made, 0)

    @property
    def teams(self) -> tuple[Team, ...]:
        """In the order of their names, so that the order of the file changes nothing."""
        return tuple(sorted(self.tables.team, key=lambda team: team.name))

    @property
    def mondays(self) -> tuple[dt.date, ...]:
        """The Monday of each week of the season; none where its last day is before its first."""
        season = self.tables.capacity
        first = season.first_day - dt.timedelta(days=season.first_day.weekday())
        weeks = (season.last_day - first).days // 7 + 1 if season.last_day >= season.first_day else 0
        return tuple(first + dt.timedelta(weeks=week) for week in range(weeks))

    def working_days(self, team: str) -> tuple[int, ...]:
        """Of each week: from Monday to Friday, within the season, those on which the team is not on leave."""
        season = self.tables.capacity
        first = season.first_day if self.begun is None else max(season.first_day, self.begun + dt.timedelta(days=1))
        away = [leave for leave in self.tables.leave if leave.team in (None, team)]
        days = ((monday + dt.timedelta(days=day) for day in range(_WORKING_DAYS)) for monday in self.mondays)
        return tuple(
            sum(
                first <= day <= season.last_day and not any(one.first <= day <= one.last for one in away)
                for day in week
            )
            for week in days
        )

    def room(self, team: Team) -> tuple[int, ...]:
        """Visits that the team can make in each week: its visits a week by its share of working days, rounded."""
        # Visits times days in fifths never end on a half, so that there is no doubt about rounding.
        return tuple(round(team.visits_a_week * days / _WORKING_DAYS) for days in self.working_days(team.name))


def read_team_plan(file: Path, regions: Iterable[str]) -> TeamPlan:
    """Read teams and dates from a plan.

    Args:
        file: the plan; tables about how organisations are chosen are left to others.
        regions: those that there are.

    Raises:
        PlanError: the file is missing or no TOML, or with every unknown, missing or impossible entry at once.
    """
    try:
        content = file.read_bytes()
        given = parse_toml(content)
        tables = PlanTables.model_validate({name: table for name, table in given.items() if name not in OWN_TABLES})
    except OSError as error:
        raise PlanError(f"{file}: can't be read ({error.strerror}). {EXAMPLE} is one to copy.") from error
    except NotTomlError as error:
        raise PlanError(f"{file}: {error}") from error
    except ValidationError as error:
        raise PlanError([_describe(file, problem) for problem in error.errors()]) from error
    if problems := list(_contradictions(file, tables, sorted(set(regions)))):
        raise PlanError(problems)
    return TeamPlan(tables, hashlib.sha256(content).hexdigest())


def no_such(where: str, what: str, name: str, known: Iterable[str]) -> str:
    """There is no such name; the nearest one, or all that there are."""
    names = sorted(known)
    close = get_close_matches(name, names, n=1)
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    hint = f"Did you mean {close[0]}?" if close else f"There are: {', '.join(names[:_LISTED]) or 'none'}{more}."
    return f"{where}: there is no {what} {name!r}. {hint}"


def _contradictions(file: Path, tables: PlanTables, regions: list[str]) -> Iterator[str]:
    names = [team.name for team in tables.team]
    if not names:
        yield f"{file}: states no team. Add one: [[team]] with name, regions and visits_a_week ({EXAMPLE} has some)."
    yield from _wrong_with_season(f"{file}, capacity.last_day", tables.capacity)
    for number, team in enumerate(tables.team, 1):
        if not _NAME.fullmatch(team.name):
            yield (
                f"{file}, team.{number}.name: It says {team.name!r}. A name begins with a letter or digit, ends "
                "without a blank and can be printed; sheets, calendars and files are called by it."
            )
        yield from _wrong_with_team(f"{file}, team {team.name}", team, names, regions)
    yield from _wrong_with_regions(file, tables, regions)
    for number, leave in enumerate(tables.leave, 1):
        yield from _wrong_with_leave(f"{file}, leave {number}", leave, names)
    codes = [agreed.org_code for agreed in tables.agreed]
    for agreed in tables.agreed:
        if agreed.team not in names:
            yield no_such(f"{file}, agreed {agreed.org_code}", "team", agreed.team, names)
    for code in sorted({code for code in codes if codes.count(code) > 1}):
        yield f"{file}, agreed {code}: stands there {codes.count(code)} times. Keep one."


def _wrong_with_season(where: str, season: Season) -> Iterator[str]:
    if season.last_day < season.first_day:
        first, last = f"{season.first_day:%-d %B %Y}", f"{season.last_day:%-d %B %Y}"
        yield f"{where}: {last} is before first_day, {first}. Name a later day."
    elif (season.last_day - season.first_day).days > _LONGEST_SEASON * 7:
        yield f"{where}: more than {_LONGEST_SEASON} weeks after first_day. Name an earlier day."


def _wrong_with_leave(where: str, leave: Leave, names: list[str]) -> Iterator[str]:
    if leave.last < leave.first:
        yield f"{where}: its last day, {leave.last}, is before its first, {leave.first}. Exchange them."
    if leave.team is not None and leave.team not in names:
        yield no_such(where, "team", leave.team, names)


def _wrong_with_regions(file: Path, tables: PlanTables, regions: list[str]) -> Iterator[str]:
    names = [one.name for one in tables.region]
    for name in sorted(set(names)):
        if names.count(name) > 1:
            yield f"{file}, region {name}: stands there {names.count(name)} times. Keep one."
        if name not in regions:
            yield no_such(f"{file}, region {name}", "region", name, regions)


def _wrong_with_team(where: str, team: Team, names: list[str], regions: list[str]) -> Iterator[str]:
    if names.count(team.name) > 1:
        yield f"{where}: {names.count(team.name)} teams have this name. Give each its own."
    for region in team.regions:
        if region not in regions:
            yield no_such(where, "region", region, regions)
    if (team.easting is None) != (team.northing is None):
        yield f"{where}: has only one of easting and northing. State both, or neither to plan without its travel."


def _describe(file: Path, problem: Any) -> str:
    """One problem of the file's shape: where, what is allowed, and the nearest key to one that there is not."""
    *table, key = problem["loc"]
    where = f"{file}, {'.'.join(str(part + 1) if isinstance(part, int) else str(part) for part in problem['loc'])}"
    if problem["type"] == "extra_forbidden":
        kinds: dict[str, type[ModelPart]] = {
            "capacity": Season,
            "travel": Travel,
            "team": Team,
            "region": Region,
            "leave": Leave,
            "agreed": Agreed,
        }
        kind = kinds.get(str(table[0]), PlanTables) if table else PlanTables
        return no_such(where, "key", str(key), kind.model_fields) + f" Allowed: {', '.join(kind.model_fields)}."
    if problem["type"] == "missing":
        return f"{where}: is missing. {EXAMPLE} has one to copy."
    return f"{where}: {problem['msg']}. It says {problem['input']!r}."
