"""Teams and weeks: who visits whom when, with whom else on the way."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl
from scipy.optimize import linear_sum_assignment
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from crosscheck.visits.capacity import may_visit, room_of
from crosscheck.visits.tours import Tour, TravelProblem, choose_tours, metres_between, order_stops
from crosscheck.visits.transport import share_visits

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from crosscheck.visits.plan_file import TeamPlan

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

# One row a visit, by week, team and place in the tour. `km` is the way to it, from the base or the visit before;
# `tour_km` the whole tour with the way back; both null where a place on the tour is not known. `agreed` visits keep
# week and team.
VISIT_PLAN: Final = pl.Schema(
    {
        "org_code": pl.String(),
        "name": pl.String(),
        "region": pl.String(),
        "org_type": pl.String(),
        "arm": pl.String(),
        "team": pl.String(),
        "week": pl.Int64(),
        "monday": pl.Date(),
        "tour": pl.Int64(),
        "place_in_tour": pl.Int64(),
        "km": pl.Float64(),
        "tour_km": pl.Float64(),
        "expected_hits": pl.Float64(),
        "agreed": pl.Boolean(),
        "easting": pl.Float64(),
        "northing": pl.Float64(),
    }
)
_JITTER: Final = 1.0  # metres


@dataclass(frozen=True)
class Planned:
    """The plan (`VISIT_PLAN`), the metres of its tours that were chosen, and those that no choice can be below.

    Where the country was `divided`, the latter holds for choices that leave each visit to its group of teams.
    Agreed visits are in neither figure: their weeks are not chosen. A place not known counts as `locate` has it.
    """

    visits: pl.DataFrame
    metres: float
    bound: float
    divided: bool

    @property
    def gap(self) -> float:
        """Share of the travel that a better choice might save at most, 0 to 1."""
        return max(self.metres - self.bound, 0.0) / self.metres if self.metres else 0.0


@dataclass(frozen=True)
class Stop:
    """A visit's row number, with its team, week (from 0) and the number of its tour in that week."""

    visit: int
    team: int
    week: int
    tour: int = 0


def plan_weeks(visits: pl.DataFrame, plan: TeamPlan) -> Planned:
    """Give each visit a team, a week and a place in a tour, so that teams travel least.

    Tours are chosen exactly within regions that share teams. The tours of a team are then spread over its weeks so that
    what is expected to be found is found early.

    Args:
        visits: `capacity.VISITS`, all of which the teams can make.
        plan: teams and dates.
    """
    visits = visits.sort("org_code")
    room, allowed = room_of(plan), may_visit(visits, plan)
    agreed = _agreed_stops(visits, plan)
    # Agreed visits take their room before anything is planned: they can't move, whatever it costs.
    for stop in agreed:
        room[stop.team, stop.week] -= 1
    free = np.setdiff1d(np.arange(visits.height), [stop.visit for stop in agreed])
    places, bases = locate(visits, plan)
    ground = TravelProblem(places, bases, allowed, _weeks_by_size(room))
    tours, bound, divided = _choose(ground, free, together=plan.tables.travel.together)
    stops = [*agreed, *_spread_over_weeks(tours, room, visits["expected_hits"].to_numpy())]
    return Planned(lay_out_plan(visits, plan, stops), sum(tour.metres for tour in tours), bound, divided)


def locate(visits: pl.DataFrame, plan: TeamPlan) -> tuple[Floats, Floats]:
    """Where visits and bases are, in metres.

    A place that is not known is taken to be in the middle of those that are known in its region (of all, where none
    is). Each is moved by less than a metre, by a hash of its name, so that no two plans travel equally far and there is
    one best plan, whoever computes it.
    """
    known = ["easting", "northing"]
    # A visit whose place is not known is planned all the same, at the distance that is usual in its region.
    middle = pl.col(known).mean().over("region")
    where = visits.with_columns(pl.col(known).fill_null(middle).fill_null(pl.col(known).mean()).fill_null(0.0))
    by_region = where.group_by("region").agg(pl.col(known).mean())
    bases = [
        (team.easting, team.northing)
        if team.easting is not None
        else by_region.filter(pl.col("region").is_in(list(team.regions))).select(pl.col(known).mean()).row(0)
        for team in plan.teams
    ]
    bases_known = np.array([[value or 0.0 for value in base] for base in bases])
    return where.select(known).to_numpy() + _jitter(visits["org_code"].to_list()), bases_known + _jitter(
        [team.name for team in plan.teams]
    )


def lay_out_plan(visits: pl.DataFrame, plan: TeamPlan, stops: list[Stop]) -> pl.DataFrame:
    """The plan as a table, `VISIT_PLAN`: each tour in the order that travels least."""
    places, bases = locate(visits, plan)
    by_tour: dict[tuple[int, int, int], list[int]] = defaultdict(list)
    for stop in stops:
        by_tour[stop.week, stop.team, stop.tour].append(stop.visit)
    rows = []
    for number, ((week, team, _), mine) in enumerate(sorted(by_tour.items()), 1):
        order = _best_order(places, bases[team], np.array(sorted(mine)))
        way = np.vstack([bases[team], places[order], bases[team]])
        legs = np.hypot(*np.diff(way, axis=0).T) / 1000
        rows += [
            (int(visit), team, week + 1, number, place, float(leg), float(legs.sum()))
            for place, (visit, leg) in enumerate(zip(order, legs[:-1], strict=True), 1)
        ]
    columns = ("visit", "team_number", "week", "tour", "place_in_tour", "km", "tour_km")
    return _as_table(visits, plan, pl.DataFrame(rows, schema=columns, orient="row"))


def _as_table(visits: pl.DataFrame, plan: TeamPlan, laid: pl.DataFrame) -> pl.DataFrame:
    mondays = pl.Series(plan.mondays, dtype=pl.Date())
    codes = [one.org_code for one in plan.tables.agreed]
    homeless = [number for number, team in enumerate(plan.teams) if team.easting is None]
    names = pl.Series([team.name for team in plan.teams])
    whole = (pl.col("easting").is_not_null() & pl.col("northing").is_not_null()).all().over("tour") & ~pl.col(
        "team_number"
    ).is_in(homeless)
    laid = laid.cast({"visit": pl.UInt32(), "team_number": pl.Int64(), "week": pl.Int64()})
    table = visits.with_row_index("visit").join(laid, on="visit", how="inner")
    if table.is_empty():
        return VISIT_PLAN.to_frame()
    return (
        table.with_columns(
            team=names.gather(table["team_number"]),
            monday=mondays.gather(table["week"] - 1),
            agreed=pl.col("org_code").is_in(codes),
            km=pl.when(whole).then(pl.col("km").round(1)),
            tour_km=pl.when(whole).then(pl.col("tour_km").round(1)),
        )
        .sort("week", "team", "tour", "place_in_tour")
        .select(VISIT_PLAN.names())
        .cast(VISIT_PLAN)
    )


def _best_order(places: Floats, base: Floats, mine: Ints) -> Ints:
    order = mine[order_stops(metres_between(places[mine], places[mine]), metres_between(base[None], places[mine])[0])]
    return order if order[0] <= order[-1] else order[::-1]  # a tour and its way back are one


def _jitter(names: list[str]) -> Floats:
    digests = [hashlib.sha256(name.encode()).digest() for name in names]
    parts = [[int.from_bytes(digest[:6], "big"), int.from_bytes(digest[6:12], "big")] for digest in digests]
    return np.array(parts, dtype=np.float64).reshape(-1, 2) / 2**48 * _JITTER


def _agreed_stops(visits: pl.DataFrame, plan: TeamPlan) -> list[Stop]:
    row = {code: number for number, code in enumerate(visits["org_code"])}
    team = {one.name: number for number, one in enumerate(plan.teams)}
    return [Stop(row[one.org_code], team[one.team], one.week - 1) for one in plan.tables.agreed if one.org_code in row]


def _weeks_by_size(room: Ints) -> Ints:
    """How many weeks of each team have room for at least 1, 2, … visits."""
    most = max(int(room.max(initial=0)), 1)
    return np.stack([(room >= size).sum(axis=1) for size in range(1, most + 1)], axis=1)


def _choose(ground: TravelProblem, free: Ints, *, together: bool) -> tuple[list[Tour], float, bool]:
    """Tours of the free visits, part by part of what shares teams, with row numbers of the whole ground."""
    tours: list[Tour] = []
    bound, divided = 0.0, False
    for teams, visits in _parts(ground, free):
        part = ground.part(teams, visits)
        chosen = choose_tours(part) if together else None
        if chosen is None:
            own = share_visits(part.base.T, part.allowed.T, part.weeks.sum(axis=1), np.full(len(visits), np.inf))
            single = [Tour(int(team), (row,), 2 * float(part.base[team, row])) for row, team in enumerate(own)]
            bound += sum(tour.metres for tour in single)
        else:
            single, bound, divided = list(chosen.chosen), bound + chosen.bound, divided or chosen.parts > 1
        tours += [
            Tour(int(teams[one.team]), tuple(int(visits[stop]) for stop in one.stops), one.metres) for one in single
        ]
    return tours, bound, divided


def _parts(ground: TravelProblem, free: Ints) -> Iterator[tuple[Ints, Ints]]:
    """Teams and free visits that have to do with one another."""
    teams, allowed = len(ground.bases), ground.allowed[:, free]
    links = csr_array(
        (np.ones(int(allowed.sum())), tuple(np.nonzero(allowed) + np.array([[0], [teams]]))),
        shape=(teams + len(free),) * 2,
    )
    _, part = connected_components(links, directed=False)
    for number in np.unique(part[teams:]):
        yield np.flatnonzero(part[:teams] == number), free[part[teams:] == number]


def _spread_over_weeks(tours: list[Tour], room: Ints, hits: Floats) -> Iterator[Stop]:
    """Give the tours of each team weeks with room, so that expected hits are found as early as can be."""
    for team in range(len(room)):
        mine = sorted((tour for tour in tours if tour.team == team), key=lambda tour: min(tour.stops))
        if all(len(tour.stops) == 1 for tour in mine):
            yield from _fill_weeks(mine, room[team], hits)
            continue
        sizes, found = np.array([len(tour.stops) for tour in mine]), np.array([hits[list(t.stops)].sum() for t in mine])
        cost = found[:, None] * np.arange(room.shape[1])[None, :]
        cost[sizes[:, None] > room[team][None, :]] = (found.sum() + 1) * (room.shape[1] + 1)
        for row, week in zip(*linear_sum_assignment(cost), strict=True):
            yield from (Stop(visit, team, int(week)) for visit in mine[row].stops)


def _fill_weeks(tours: list[Tour], room: Ints, hits: Floats) -> Iterator[Stop]:
    """Journeys to one visit each: those with most expected hits first, as many a week as it has room for."""
    order = sorted(tours, key=lambda tour: (-hits[tour.stops[0]], tour.stops[0]))
    weeks = np.repeat(np.arange(len(room)), room)
    for number, (tour, week) in enumerate(zip(order, weeks, strict=False)):
        yield Stop(tour.stops[0], tour.team, int(week), number)
