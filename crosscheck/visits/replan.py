"""A plan changed as little as can be: what is past or agreed stays, the others move only where they must."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from crosscheck.errors import PlanError
from crosscheck.visits.capacity import VISITS, fit_visits, may_visit, room_of
from crosscheck.visits.plan_file import Leave, TeamPlan
from crosscheck.visits.teams import Stop, lay_out_plan, locate
from crosscheck.visits.tours import metres_between, order_stops
from crosscheck.visits.transport import share_visits

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from numpy.typing import NDArray

    from crosscheck.visits.capacity import Fit

# One row a visit that is not where it was: `from_` is null for one that is new, `to_` for one that is given up. `km` is
# what the change adds to all travel, the changes made one after the other in this order.
MOVES: Final = pl.Schema(
    {
        "org_code": pl.String(),
        "name": pl.String(),
        "from_team": pl.String(),
        "from_monday": pl.Date(),
        "to_team": pl.String(),
        "to_monday": pl.Date(),
        "km": pl.Float64(),
        "expected_hits": pl.Float64(),
    }
)
_MOVE: Final = 1e7  # metres: no travel outweighs a move


@dataclass(frozen=True)
class Replanned:
    """The plan (`teams.VISIT_PLAN`), what moved (`MOVES`), and what can be visited (as `capacity.Fit`)."""

    visits: pl.DataFrame
    moves: pl.DataFrame
    fit: Fit


def replan(
    chosen: pl.DataFrame,
    before: pl.DataFrame,
    plan: TeamPlan,
    today: dt.date,
    at_most: int,
    visited: Collection[str] | None = None,
) -> Replanned:
    """Keep to the plan where it can be kept to.

    Weeks that have begun and agreed visits stay. As few of the others as can be get another team or week; among equally
    few moves those that add least travel.

    Args:
        chosen: `capacity.VISITS`, whom to visit now.
        before: `teams.VISIT_PLAN`, the plan so far.
        plan: teams and dates now.
        today: the day from which it is planned anew.
        at_most: how many visits may move; new ones, those missed and those given up are not counted.
        visited: the organisations visited so far. One whose week has ended without a visit is planned anew; one visited
            before its week keeps its row. None if it is not known: then every week that has begun went as planned.

    Raises:
        PlanError: more have to move, the past would change, or as `capacity.fit_visits`.
    """
    past = before.filter(_is_past(today, visited))
    kept = before.filter(~_is_missed(today, visited))
    if problems := list(_changes_the_past(past, plan)):
        raise PlanError(problems)
    ahead = _ahead(plan, today, past)
    fit = fit_visits(chosen.join(past, on="org_code", how="anti"), ahead)
    visits = pl.concat([fit.visits, past.select(VISITS.names())]).sort("org_code")
    old = _stops(visits, kept, plan)
    new = _assign(visits, old, set(past["org_code"]), ahead)
    moved = [
        visits["org_code"][visit]
        for visit, stop in new.items()
        if visit in old and old[visit] != (stop.team, stop.week)
    ]
    if len(moved) > at_most:
        raise PlanError(
            f"At least {len(moved)} visits have to move ({', '.join(moved)}); --at-most allows {at_most}. "
            f"Allow {len(moved)}, or give the teams more room in the plan."
        )
    numbered = [stop if plan.tables.travel.together else _own_tour(stop) for stop in new.values()]
    laid = lay_out_plan(visits, plan, numbered)
    return Replanned(laid, _list_moves(visits, before, plan, old, new), fit)


def _is_missed(today: dt.date, visited: Collection[str] | None) -> pl.Expr:
    """That the working week of a visit has ended without it."""
    if visited is None:
        return pl.lit(value=False)
    return (pl.col("monday") + dt.timedelta(days=4) < today) & ~pl.col("org_code").is_in(list(visited))


def _is_past(today: dt.date, visited: Collection[str] | None) -> pl.Expr:
    """That a visit was made, or is to be made in a week that has begun."""
    made = pl.col("org_code").is_in(list(visited or ()))
    return ((pl.col("monday") <= today) | made) & ~_is_missed(today, visited)


def _own_tour(stop: Stop) -> Stop:
    return Stop(stop.visit, stop.team, stop.week, stop.visit)


def _changes_the_past(past: pl.DataFrame, plan: TeamPlan) -> Iterator[str]:
    """What is past must still have its team and week."""
    names = [team.name for team in plan.teams]
    for name in past["team"].unique().sort():
        if name not in names:
            yield f"The team {name} has made visits already. Leave it in the plan, on leave from now on."
    if past.filter(~pl.col("monday").is_in(list(plan.mondays))).height:
        yield "Visits were made outside the plan's weeks. Leave capacity.first_day as it was."


def _ahead(plan: TeamPlan, today: dt.date, past: pl.DataFrame) -> TeamPlan:
    """The plan for what is to come: in weeks that have begun nobody has room."""
    tables, week_ends = plan.tables, today + dt.timedelta(days=6 - today.weekday())
    begun = Leave(first=tables.capacity.first_day, last=max(week_ends, tables.capacity.first_day))
    leave = (*tables.leave, begun) if week_ends >= tables.capacity.first_day else tables.leave
    total = tables.capacity.total
    capacity = tables.capacity.model_copy(update={"total": None if total is None else max(total - past.height, 0)})
    done = set(past["org_code"])
    agreed = tuple(one for one in tables.agreed if one.org_code not in done)
    return TeamPlan(tables.model_copy(update={"leave": leave, "capacity": capacity, "agreed": agreed}), plan.sha256)


def _stops(visits: pl.DataFrame, before: pl.DataFrame, plan: TeamPlan) -> dict[int, tuple[int, int]]:
    """Team and week of each visit as they were, by row number; (−1, −1) where the team or the week is no more."""
    team = {one.name: number for number, one in enumerate(plan.teams)}
    week = {monday: number for number, monday in enumerate(plan.mondays)}
    row = {code: number for number, code in enumerate(visits["org_code"])}
    was = before.filter(pl.col("org_code").is_in(list(row))).select("org_code", "team", "monday").iter_rows()
    found = {row[code]: (team.get(name, -1), week.get(monday, -1)) for code, name, monday in was}
    return {visit: at if min(at) >= 0 else (-1, -1) for visit, at in found.items()}


def _assign(visits: pl.DataFrame, old: dict[int, tuple[int, int]], past: set[str], plan: TeamPlan) -> dict[int, Stop]:
    """Team and week of each visit: fewest moves, then least travel added to the tours as they were."""
    codes, room, weeks = visits["org_code"].to_list(), room_of(plan), len(plan.mondays)
    pinned = {row: old[row] for row, code in enumerate(codes) if code in past}
    pinned |= _agreed(codes, plan)
    for row, (team, week) in pinned.items():
        room[team, week] -= codes[row] not in past
    free = np.array([row for row in range(len(codes)) if row not in pinned], dtype=np.int64)
    cost = _added_travel(visits, old, plan)[free] + _MOVE * np.isin(free, list(old))[:, None]
    for at, row in enumerate(free):
        if old.get(row, (-1, -1)) != (-1, -1):
            cost[at, old[row][0] * weeks + old[row][1]] = 0.0
    allowed = np.repeat(may_visit(visits, plan).T[free], weeks, axis=1) & (room.ravel() > 0)
    place = share_visits(cost, allowed, room.ravel(), np.full(len(free), np.inf))
    given = {int(row): (int(at // weeks), int(at % weeks)) for row, at in zip(free, place, strict=True)}
    return {row: Stop(row, *at) for row, at in sorted((pinned | given).items())}


def _agreed(codes: list[str], plan: TeamPlan) -> dict[int, tuple[int, int]]:
    team = {one.name: number for number, one in enumerate(plan.teams)}
    return {codes.index(one.org_code): (team[one.team], one.week - 1) for one in plan.tables.agreed}


def _added_travel(visits: pl.DataFrame, old: dict[int, tuple[int, int]], plan: TeamPlan) -> NDArray[np.float64]:
    """Metres that each visit would add to the tour of each team and week as it was, visits × (teams × weeks)."""
    places, bases = locate(visits, plan)
    between, base, weeks = metres_between(places, places), metres_between(bases, places), len(plan.mondays)
    added = np.repeat(2 * base.T, weeks, axis=1)
    if not plan.tables.travel.together:
        return added
    for team, week in sorted(set(old.values()) - {(-1, -1)}):
        mine = np.array([row for row, at in old.items() if at == (team, week)])
        route = mine[order_stops(between[np.ix_(mine, mine)], base[team, mine])]
        to_stop = np.column_stack([base[team], between[:, route], base[team]])
        legs = np.concatenate([[base[team, route[0]]], between[route[:-1], route[1:]], [base[team, route[-1]]]])
        added[:, team * weeks + week] = (to_stop[:, :-1] + to_stop[:, 1:] - legs).min(axis=1)
    return added


def _list_moves(
    visits: pl.DataFrame,
    before: pl.DataFrame,
    plan: TeamPlan,
    old: dict[int, tuple[int, int]],
    new: dict[int, Stop],
) -> pl.DataFrame:
    """What moved, was added or given up, with what each adds to the travel."""
    then = {code: (team, monday) for code, team, monday in before.select("org_code", "team", "monday").iter_rows()}
    kilometres = _Kilometres(visits, plan, {row: at for row, at in old.items() if at != (-1, -1)})
    names, mondays = [team.name for team in plan.teams], plan.mondays
    rows: list[tuple[object, ...]] = []
    for row, stop in sorted(new.items()):
        at = (stop.team, stop.week)
        if old.get(row) != at:
            code, name, hits = (visits[column][row] for column in ("org_code", "name", "expected_hits"))
            came_from = then.get(code, (None, None))
            rows.append((code, name, *came_from, names[at[0]], mondays[at[1]], kilometres.move(row, at), hits))
    gone = before.filter(~pl.col("org_code").is_in(visits["org_code"].to_list())).sort("org_code")
    for code, name, team, monday, hits in gone.select(
        "org_code", "name", "team", "monday", "expected_hits"
    ).iter_rows():
        rows.append((code, name, team, monday, None, None, None, hits))
    return pl.DataFrame(rows, schema=MOVES, orient="row")


class _Kilometres:
    """All travel of a plan while visits move one after the other."""

    def __init__(self, visits: pl.DataFrame, plan: TeamPlan, at: dict[int, tuple[int, int]]) -> None:
        self._places, self._bases = locate(visits, plan)
        self._at = dict(at)
        self._together = plan.tables.travel.together

    def move(self, row: int, to: tuple[int, int]) -> float:
        """Move one visit; says what that adds, in kilometres."""
        touched = {to, self._at.get(row, to)}
        was = sum(self._tour(at) for at in touched)
        self._at[row] = to
        return round((sum(self._tour(at) for at in touched) - was) / 1000, 1)

    def _tour(self, at: tuple[int, int]) -> float:
        mine = self._places[[row for row, place in self._at.items() if place == at]]
        if not len(mine):
            return 0.0
        base = metres_between(self._bases[at[0]][None], mine)[0]
        if not self._together:
            return 2 * float(base.sum())
        between = metres_between(mine, mine)
        order = order_stops(between, base)
        return float(base[order[0]] + between[order[:-1], order[1:]].sum() + base[order[-1]])
