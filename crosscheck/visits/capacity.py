"""Which of the chosen visits the teams can make, and what would give where they can't make all."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from crosscheck.errors import PlanError
from crosscheck.visits.plan import visiting_arm
from crosscheck.visits.plan_file import no_such
from crosscheck.visits.season import WEEKS, draw_weeks
from crosscheck.visits.transport import Kinds, choose_visits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from numpy.typing import NDArray

    from crosscheck.visits.plan_file import Leave, Region, Team, TeamPlan

# One row an organisation to visit. `expected_hits` is the sum of the risks of the declarations that the visit tests:
# how many of them it would be expected not to uphold. `drawn_week` (1 is the first) is null where no week was drawn.
VISITS: Final = pl.Schema(
    {
        "org_code": pl.String(),
        "name": pl.String(),
        "region": pl.String(),
        "org_type": pl.String(),
        "arm": pl.String(),
        "expected_hits": pl.Float64(),
        "easting": pl.Float64(),
        "northing": pl.Float64(),
        "drawn_week": pl.Int64(),
    }
)
ANY_WEEK: Final = -1
RANDOM: Final = "random"
MAY_GIVE_WAY: Final = "risk"  # an unmet duty is visited; without one of the random sample the estimate would be biased
_MOST_TRIED: Final = 60  # weeks or visits a week


@dataclass(frozen=True)
class Fit:
    """What can be visited (`VISITS`, by code), what gives way (the same), and sentences on what would spare that."""

    visits: pl.DataFrame
    left_out: pl.DataFrame
    sentences: tuple[str, ...]


def list_chosen(visit_list: pl.DataFrame, organisations: pl.DataFrame) -> pl.DataFrame:
    """The organisations that a visit list chooses, as `VISITS`, by code.

    Args:
        visit_list: `outputs.OUTPUTS["visit_list"]`; with `added` (null: nobody added it); an organisation that a
            person added and no arm chose is in the arm `added`.
        organisations: with `easting` and `northing`, which may be null.
    """
    # One visit an organisation, whatever number of its declarations is tested; hits add up over them.
    chosen = (
        visit_list.with_columns(arm=visiting_arm())
        .filter(pl.col("arm").is_not_null())
        .sort("org_code", "function")
        .group_by("org_code", maintain_order=True)
        .agg(pl.col("name", "region", "org_type", "arm").first(), expected_hits=pl.col("risk").sum().round(9))
    )
    where = organisations.select("org_code", "easting", "northing")
    located = chosen.join(where, on="org_code", how="left", maintain_order="left")
    return located.with_columns(drawn_week=pl.lit(None)).select(VISITS.names()).cast(VISITS)


def fit_visits(visits: pl.DataFrame, plan: TeamPlan) -> Fit:
    """Leave out, where the teams can't make all visits, as few expected hits as can be.

    Only visits chosen by risk give way. The best set is found exactly.

    Raises:
        PlanError: not even the others can be made; the message says the least that would do.
    """
    if problems := list(_refused(visits, plan)):
        raise PlanError(problems)
    visits = visits.sort("org_code")
    total = plan.visits_left
    placed = _place(visits, plan, room_of(plan), _worth(visits, plan), total)
    sentences = list(_shortfalls(free_of_drawn_weeks(visits), plan)) if not placed.all() else []
    if not placed.all() and total is not None and total < visits.height:
        stated = f"The total of {plan.tables.capacity.total}{_made_already(plan)}"
        sentences.append(f"{stated} leaves {visits.height - total} of {visits.height} chosen visits out.")
    return Fit(visits.filter(placed), visits.filter(~placed), tuple(sentences))


def room_of(plan: TeamPlan) -> NDArray[np.int64]:
    """Visits that each team can make in each week, teams (by name) × weeks."""
    return np.array([plan.room(team) for team in plan.teams], dtype=np.int64).reshape(len(plan.teams), -1)


def may_visit(visits: pl.DataFrame, plan: TeamPlan) -> NDArray[np.bool_]:
    """Whether each team (by name) may make each visit, teams × visits: its regions, how far it goes, what is agreed."""
    allowed = np.array([_in_region(visits, team, plan) & ~_too_far(visits, team, plan) for team in plan.teams])
    row_of = {team.name: row for row, team in enumerate(plan.teams)}
    team_of = {one.org_code: row_of[one.team] for one in plan.tables.agreed}
    for column, code in enumerate(visits["org_code"]):
        if code in team_of:
            allowed[:, column] = np.arange(len(row_of)) == team_of[code]
    return allowed


def limits_of(plan: TeamPlan, regions: Iterable[str]) -> NDArray[np.float64]:
    """Visits that may be made in one week in each of some regions; infinite where the plan states no limit."""
    most = {one.name: one.visits_a_week for one in plan.tables.region}
    return np.array([most.get(name, np.inf) for name in regions], dtype=np.float64)


def draw_visit_weeks(visits: pl.DataFrame, plan: TeamPlan, value: str, year: str) -> pl.DataFrame:
    """Draw the weeks of the random sample, where the plan wants that (`capacity.weeks_at_random`).

    It is drawn within each part of the country that shares teams, in proportion to the visits that these teams can make
    in a week. Where a week is agreed none is drawn.

    Args:
        visits: `VISITS`.
        plan: teams and dates.
        value: the value that decides the draw of the organisations.
        year: the assessment year.

    Returns:
        The visits, by code, with `drawn_week`.
    """
    visits = visits.sort("org_code")
    if not plan.tables.capacity.weeks_at_random:
        return visits
    room, agreed = room_of(plan), [one.org_code for one in plan.tables.agreed]
    part = _parts(visits, may_visit(visits, plan), plan)
    drawn = visits.with_columns(
        part=pl.Series(part[len(room) :]), drawn=(pl.col("arm") == RANDOM) & ~pl.col("org_code").is_in(agreed)
    ).filter("drawn")
    weeks = [
        draw_weeks(here.rename({"org_type": "stratum"}), _open_weeks(plan, part[: len(room)] == number), value, year)
        for (number,), here in drawn.group_by("part", maintain_order=True)
    ]
    found = pl.concat([WEEKS.to_frame(), *weeks]).select("org_code", drawn_week="week")
    return (
        visits.drop("drawn_week").join(found, on="org_code", how="left", maintain_order="left").select(VISITS.names())
    )


def _open_weeks(plan: TeamPlan, teams: NDArray[np.bool_]) -> list[int]:
    """How many visits some teams can make in each week beside those that are agreed."""
    room = room_of(plan)
    row_of = {team.name: row for row, team in enumerate(plan.teams)}
    for one in plan.tables.agreed:
        if one.week <= room.shape[1]:
            room[row_of[one.team], one.week - 1] -= 1
    return [max(int(number), 0) for number in room[teams].sum(axis=0)]


def fixed_weeks(visits: pl.DataFrame, plan: TeamPlan) -> NDArray[np.int64]:
    """The week (from 0) of each visit for which one is agreed or, without that, drawn; `ANY_WEEK` for the others."""
    agreed = {one.org_code: one.week for one in plan.tables.agreed}
    week = visits.select(
        pl.col("org_code").replace_strict(agreed, default=pl.col("drawn_week"), return_dtype=pl.Int64).fill_null(0) - 1
    )
    return week.to_series().to_numpy()


def _gives_way(visits: pl.DataFrame, plan: TeamPlan) -> pl.Series:
    """Whether each visit may be left out: chosen by risk and not agreed."""
    agreed = [one.org_code for one in plan.tables.agreed]
    return (visits["arm"] == MAY_GIVE_WAY) & ~visits["org_code"].is_in(agreed)


def _reachable(visits: pl.DataFrame, plan: TeamPlan) -> NDArray[np.bool_]:
    """Whether any team may make each visit."""
    anyone: NDArray[np.bool_] = np.logical_or.reduce(may_visit(visits, plan))
    return anyone


def _in_region(visits: pl.DataFrame, team: Team, plan: TeamPlan) -> NDArray[np.bool_]:
    everywhere = plan.tables.travel.across_borders
    return visits.select(pl.col("region").is_in(list(team.regions)) | everywhere).to_series().to_numpy()


def _too_far(visits: pl.DataFrame, team: Team, plan: TeamPlan) -> NDArray[np.bool_]:
    """Beyond the longest journey; never where either place is not known."""
    longest = plan.tables.travel.longest_km
    if longest is None or team.easting is None or team.northing is None:
        return np.zeros(visits.height, dtype=np.bool_)
    away = ((pl.col("easting") - team.easting) ** 2 + (pl.col("northing") - team.northing) ** 2).sqrt()
    return visits.select((away > longest * 1000).fill_null(value=False)).to_series().to_numpy()


def _worth(visits: pl.DataFrame, plan: TeamPlan) -> NDArray[np.float64]:
    """What it costs to leave each visit out; of equal ones the later code gives way."""
    worth = 1.0 + visits["expected_hits"].to_numpy() - 1e-9 * np.arange(visits.height)
    return np.where(_gives_way(visits, plan).to_numpy(), worth, np.inf)


def _place(
    visits: pl.DataFrame,
    plan: TeamPlan,
    room: NDArray[np.int64],
    worth: NDArray[np.float64],
    total: int | None = None,
) -> NDArray[np.bool_]:
    """Which visits find room, so that what is left out is worth least."""
    regions, region = np.unique(visits["region"].fill_null("").to_numpy(), return_inverse=True)
    most, week = limits_of(plan, regions.tolist()), fixed_weeks(visits, plan)
    if np.isinf(most).all() and (week == ANY_WEEK).all():  # then it does not matter in which week
        room = room.sum(axis=1, keepdims=True)
    traits = np.vstack([may_visit(visits, plan), region, week])
    alike, kind = np.unique(traits, axis=1, return_inverse=True)
    in_week = (alike[-1][:, None] == ANY_WEEK) | (alike[-1][:, None] == np.arange(room.shape[1]))
    allowed = alike[:-2].T.astype(np.bool_)[:, :, None] & in_week[:, None, :]
    return choose_visits(Kinds(kind.ravel(), allowed, alike[-2]), room, most, worth, total)


def _refused(visits: pl.DataFrame, plan: TeamPlan) -> Iterator[str]:
    """Everything because of which there is no plan at all."""
    yield from _wrong_agreed(visits, plan)
    bound = visits.filter(~_gives_way(visits, plan))
    total = plan.visits_left
    if total is not None and bound.height > total:
        yield (
            f"{_arms(bound)} must be made; capacity.total is {plan.tables.capacity.total}{_made_already(plan)}. "
            f"At least {plan.made + bound.height} would do, or a visit list with fewer of them."
        )
    yield from _unreachable(bound, plan)
    if not _fits(free_of_drawn_weeks(bound), plan, room_of(plan)):
        yield from _shortfalls(free_of_drawn_weeks(bound), plan)
    elif not _fits(bound, plan, room_of(plan)):
        yield _too_many_in_drawn_weeks(bound, plan)


def _made_already(plan: TeamPlan) -> str:
    if not plan.made:
        return ""
    return f", of which {plan.made} {'is' if plan.made == 1 else 'are'} taken by visits of weeks that have begun"


def free_of_drawn_weeks(visits: pl.DataFrame) -> pl.DataFrame:
    """The same visits as if no week had been drawn for them."""
    return visits.with_columns(drawn_week=pl.lit(None, pl.Int64))


def _too_many_in_drawn_weeks(visits: pl.DataFrame, plan: TeamPlan) -> str:
    """How many visits find no room in the weeks that were drawn, and what would do."""
    reachable = visits.filter(_reachable(visits, plan))
    lacking = int((~_place(reachable, plan, room_of(plan), np.ones(reachable.height))).sum())
    return (
        f"{_number(lacking)} of {visits.height} can't be made if the random sample keeps the weeks drawn for it; in "
        "other weeks all have room. capacity.weeks_at_random = false would do."
    )


def _wrong_agreed(visits: pl.DataFrame, plan: TeamPlan) -> Iterator[str]:
    codes, room, names = visits["org_code"].to_list(), room_of(plan), [team.name for team in plan.teams]
    taken = np.zeros_like(room)
    for one in plan.tables.agreed:
        if one.org_code not in codes:
            yield no_such(f"agreed {one.org_code}", "organisation to visit", one.org_code, codes)
        elif one.week > room.shape[1]:
            yield f"agreed {one.org_code}: week {one.week} is after the last, {room.shape[1]}. Name an earlier week."
        else:
            taken[names.index(one.team), one.week - 1] += 1
    for team, week in zip(*np.nonzero(taken > room), strict=True):
        yield (
            f"agreed: {taken[team, week]} visits of the team {names[team]} in week {week + 1}, which has room for "
            f"{room[team, week]}. Agree on another week for {taken[team, week] - room[team, week]}."
        )


def _unreachable(visits: pl.DataFrame, plan: TeamPlan) -> Iterator[str]:
    """Visits that no team may make, whatever its room."""
    near = np.logical_or.reduce([_in_region(visits, team, plan) for team in plan.teams]) | _reachable(visits, plan)
    for region in visits.filter(~near)["region"].unique().sort():
        number = visits.filter(pl.col("region") == region).height
        yield f"No team goes to {region}, where {_number(number)} must be made. Name it in the regions of a team."
    far = visits.filter(near & ~_reachable(visits, plan))["org_code"]
    if len(far):
        codes = ", ".join(far)
        yield (
            f"{codes}: farther from each team that goes there than travel.longest_km, "
            f"{plan.tables.travel.longest_km:g}. Raise it."
        )


def _fits(visits: pl.DataFrame, plan: TeamPlan, room: NDArray[np.int64]) -> bool:
    reachable = visits.filter(_reachable(visits, plan))
    try:
        _place(reachable, plan, room, np.full(reachable.height, np.inf))
    except ValueError:
        return False
    return True


def _shortfalls(visits: pl.DataFrame, plan: TeamPlan) -> Iterator[str]:
    """For each part of the country that shares teams and has too few of them: by how many, and what would do."""
    reachable = visits.filter(_reachable(visits, plan))
    allowed = may_visit(reachable, plan)
    part = _parts(reachable, allowed, plan)
    for number in np.unique(part[len(allowed) :]):
        here = reachable.filter(part[len(allowed) :] == number)
        if not _fits(here, plan, room_of(plan)):
            yield _shortfall(here, plan, [team for team, at in zip(plan.teams, part, strict=False) if at == number])


def _parts(visits: pl.DataFrame, allowed: NDArray[np.bool_], plan: TeamPlan) -> NDArray[np.int64]:
    """The part of the country of each team and then of each visit: what shares teams or the limit of a region."""
    regions = [one.name for one in plan.tables.region]
    places = np.vstack([allowed, *((visits["region"] == name).fill_null(value=False).to_numpy() for name in regions)])
    row, column = np.nonzero(places)
    count = len(places) + visits.height
    links = csr_array((np.ones(len(row)), (row, len(places) + column)), shape=(count, count))
    _, part = connected_components(links, directed=False)
    return np.delete(part, np.arange(len(allowed), len(places)))


def _shortfall(here: pl.DataFrame, plan: TeamPlan, teams: list[Team]) -> str:
    placed = _place(here, plan, room_of(plan), np.ones(here.height))
    many, season = int((~placed).sum()), plan.tables.capacity
    names = "team" if len(teams) == 1 else "teams"
    whole = f"{', '.join(team.name for team in teams)} can make before the end of {season.last_day:%-d %B %Y}"
    limits = [one for one in plan.tables.region if one.name in here["region"].to_list()]
    whole += "".join(f", at most {one.visits_a_week} a week in {one.name}" for one in limits)
    ways = [*_more_weeks(here, plan), *_more_a_week(here, plan, teams), *_more_in_region(here, plan, limits)]
    ways += _less_leave(here, plan)
    return f"{_number(many)} more than the {names} {whole}: {' or '.join(ways) or 'no single change'} would do."


def _more_weeks(here: pl.DataFrame, plan: TeamPlan) -> Iterator[str]:
    """The fewest full weeks more."""
    full = np.array([team.visits_a_week for team in plan.teams])
    weeks = _least(lambda more: _fits(here, plan, np.column_stack([room_of(plan), full * more])))
    if weeks:
        last = plan.tables.capacity.last_day + dt.timedelta(weeks=weeks)
        yield f"{weeks} more week{'s' if weeks > 1 else ''} (last day {last:%-d %B %Y})"


def _more_a_week(here: pl.DataFrame, plan: TeamPlan, teams: list[Team]) -> Iterator[str]:
    """For the team for which that is least: the fewest visits a week more."""
    least: dict[str, int] = {}
    for team in teams:
        days = np.array(plan.working_days(team.name))
        row = [one.name for one in plan.teams].index(team.name)

        def enough(more: int, days: NDArray[np.int64] = days, row: int = row, team: Team = team) -> bool:
            room = room_of(plan)
            room[row] = np.rint((team.visits_a_week + more) * days / 5)
            return _fits(here, plan, room)

        if more := _least(enough):
            least[team.name] = more
    if least:
        name = min(least, key=lambda one: (least[one], one))
        yield f"{_number(least[name])} a week more of the team {name}"


def _more_in_region(here: pl.DataFrame, plan: TeamPlan, limits: list[Region]) -> Iterator[str]:
    """For the region for which that is least: the fewest visits a week more than its limit."""
    least: dict[str, int] = {}
    for limit in limits:
        others = [one for one in plan.tables.region if one != limit]

        def enough(more: int, limit: Region = limit, others: list[Region] = others) -> bool:
            raised = limit.model_copy(update={"visits_a_week": limit.visits_a_week + more})
            return _fits(here, plan.changed(region=(*others, raised)), room_of(plan))

        if more := _least(enough):
            least[limit.name] = more
    if least:
        name = min(least, key=lambda one: (least[one], one))
        yield f"{_number(least[name])} a week more in {name}"


def _less_leave(here: pl.DataFrame, plan: TeamPlan) -> Iterator[str]:
    """The shortest leave without which all would fit."""
    leaves = plan.tables.leave

    def fits_without(leave: Leave) -> bool:
        others = tuple(one for one in leaves if one is not leave)
        less = plan.changed(leave=others)
        return _fits(here, less, room_of(less))

    if enough := [leave for leave in leaves if fits_without(leave)]:
        leave = min(enough, key=lambda one: (one.last - one.first, one.first, one.team or ""))
        whose = f"of the team {leave.team}" if leave.team else "of all teams"
        yield f"no leave {whose} from {leave.first:%-d %B %Y} to {leave.last:%-d %B %Y}"


def _least(enough: Callable[[int], bool]) -> int | None:
    """The smallest number from 1 that is enough, by halving: what is enough stays enough."""
    low, high = 1, _MOST_TRIED
    if not enough(high):
        return None
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle + 1, high)
    return low


def _arms(visits: pl.DataFrame) -> str:
    counts = visits.group_by("arm").len().sort("arm")
    return f"{_number(visits.height)} ({', '.join(f'{number} {arm}' for arm, number in counts.iter_rows())})"


def _number(visits: int) -> str:
    return f"{visits} visit{'' if visits == 1 else 's'}"
