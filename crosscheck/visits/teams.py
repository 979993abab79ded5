"""Teams and weeks: who visits whom when, with whom else on the way."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl
from scipy.optimize import linear_sum_assignment
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from crosscheck.visits.capacity import ANY_WEEK, RANDOM, fixed_weeks, limits_of, may_visit, room_of
from crosscheck.visits.exchanges import Weeks, exchange_visits
from crosscheck.visits.ground import Tour, TravelProblem, locate, metres_between
from crosscheck.visits.settle import NO_SLOT, settle_visits
from crosscheck.visits.tour_search import order_stops
from crosscheck.visits.tours import choose_tours
from crosscheck.visits.transport import share_visits

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from crosscheck.visits.plan_file import TeamPlan

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

# One row a visit, by week, team and place in the tour. `km` is the way to it, from the base or the visit before;
# `tour_km` the whole tour with the way back; both null where a place on the tour is not known. `agreed` visits keep
# week and team. `drawn_week` is the week that was drawn for a visit of the random sample, null where none was.
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
        "drawn_week": pl.Int64(),
    }
)


@dataclass(frozen=True)
class Planned:
    """The plan (`VISIT_PLAN`), the metres of its tours, and those that no plan of these visits can be below.

    The bound holds whatever weeks are agreed, drawn or limited. Where the country was `divided`, it holds for plans
    that leave each visit to its group of teams. A place not known counts as `ground.locate` has it.
    """

    visits: pl.DataFrame
    metres: float
    bound: float
    divided: bool

    @property
    def gap(self) -> float:
        """Share of the travel that a better plan might save at most, 0 to 1."""
        return max(self.metres - self.bound, 0.0) / self.metres if self.metres else 0.0


@dataclass(frozen=True)
class Route:
    """A tour: its team and week (from 0), its visits in order, and the metres to each and back from the last."""

    team: int
    week: int
    stops: tuple[int, ...]
    legs: tuple[float, ...]


def plan_weeks(visits: pl.DataFrame, plan: TeamPlan) -> Planned:
    """Give each visit a team, a week and a place in a tour, so that teams travel least.

    Tours are chosen first as if visits could have any week, and spread over the weeks of their teams so that what is
    expected to be found is found early; the risks of the random sample play no part in that. Then visits move to the
    weeks that are agreed or drawn for them, and where a region has too many in a week; and visits change tours as long
    as that saves travel.

    Args:
        visits: `capacity.VISITS`, all of which the teams can make.
        plan: teams and dates.
    """
    visits = visits.sort("org_code")
    if visits.is_empty():
        return Planned(VISIT_PLAN.to_frame(), 0.0, 0.0, divided=False)
    room, together = room_of(plan), plan.tables.travel.together
    ground = TravelProblem(*locate(visits, plan), may_visit(visits, plan), _weeks_by_size(room))
    tours, bound, parts, divided = _choose(ground, together=together)
    slot = _spread_over_weeks(tours, room, _hits_that_bring_forward(visits))
    weeks = _what_weeks_allow(visits, plan)
    bound_to_weeks = bool((weeks.fixed != ANY_WEEK).any() or np.isfinite(weeks.most).any())
    if bound_to_weeks:
        slot = settle_visits(visits, plan, slot)
    if together and (bound_to_weeks or parts > 1):
        slot = exchange_visits(ground, weeks, slot)
    routes = list_routes(visits, plan, slot)
    metres = sum(sum(route.legs) for route in routes)
    return Planned(lay_out_plan(visits, plan, routes), metres, min(bound, metres), divided)


def list_routes(visits: pl.DataFrame, plan: TeamPlan, slot: Ints) -> list[Route]:
    """The tours, by week and team, each in the order that travels least.

    Args:
        visits: `capacity.VISITS`, by code.
        plan: teams and dates.
        slot: of each visit: number of the team (by name) × weeks + week (from 0).
    """
    (places, bases), weeks = locate(visits, plan), len(plan.mondays)
    by_tour: dict[tuple[int, int, int], list[int]] = defaultdict(list)
    for visit, one in enumerate(slot.tolist()):
        by_tour[one % weeks, one // weeks, 0 if plan.tables.travel.together else visit].append(visit)
    routes = []
    for (week, team, _), mine in sorted(by_tour.items()):
        order = _best_order(places, bases[team], np.array(mine))
        legs = np.hypot(*np.diff(np.vstack([bases[team], places[order], bases[team]]), axis=0).T)
        routes.append(Route(team, week, tuple(order.tolist()), tuple(legs.tolist())))
    return routes


def lay_out_plan(visits: pl.DataFrame, plan: TeamPlan, routes: list[Route]) -> pl.DataFrame:
    """The plan as a table, `VISIT_PLAN`."""
    rows = [
        (visit, route.team, route.week + 1, number, place, leg / 1000, sum(route.legs) / 1000)
        for number, route in enumerate(routes, 1)
        for place, (visit, leg) in enumerate(zip(route.stops, route.legs, strict=False), 1)
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


def _what_weeks_allow(visits: pl.DataFrame, plan: TeamPlan) -> Weeks:
    regions, region = np.unique(visits["region"].fill_null("").to_numpy(), return_inverse=True)
    return Weeks(room_of(plan), fixed_weeks(visits, plan), region, limits_of(plan, regions.tolist()))


def _weeks_by_size(room: Ints) -> Ints:
    """How many weeks of each team have room for at least 1, 2, … visits."""
    most = max(int(room.max(initial=0)), 1)
    return np.stack([(room >= size).sum(axis=1) for size in range(1, most + 1)], axis=1)


def _choose(ground: TravelProblem, *, together: bool) -> tuple[list[Tour], float, int, bool]:
    """Tours of all visits (row numbers of the whole ground), their bound, and in how many parts they were chosen."""
    tours: list[Tour] = []
    bound, parts, divided = 0.0, 1, False
    for teams, visits in _parts(ground):
        part = ground.part(teams, visits)
        if together:
            chosen = choose_tours(part)
            single, parts, divided = list(chosen.chosen), max(parts, chosen.parts), divided or chosen.divided
            bound += chosen.bound
        else:
            own = share_visits(part.base.T, part.allowed.T, part.weeks.sum(axis=1), np.full(len(visits), np.inf))
            single = [Tour(int(team), (row,), 2 * float(part.base[team, row])) for row, team in enumerate(own)]
            bound += sum(tour.metres for tour in single)
        tours += [
            Tour(int(teams[one.team]), tuple(int(visits[stop]) for stop in one.stops), one.metres) for one in single
        ]
    return tours, bound, parts, divided


def _parts(ground: TravelProblem) -> Iterator[tuple[Ints, Ints]]:
    """Teams and visits that have to do with one another."""
    teams, visits = ground.allowed.shape
    links = csr_array(
        (np.ones(int(ground.allowed.sum())), tuple(np.array(np.nonzero(ground.allowed)) + np.array([[0], [teams]]))),
        shape=(teams + visits,) * 2,
    )
    _, part = connected_components(links, directed=False)
    for number in np.unique(part[teams:]):
        yield np.flatnonzero(part[:teams] == number), np.flatnonzero(part[teams:] == number)


def _hits_that_bring_forward(visits: pl.DataFrame) -> Floats:
    """Expected hits by visit; each visit of the random sample counts like an average visit of the other arms.

    If random visits of high risk came first, those made by the middle of a season would not be a random sample.
    """
    is_random = pl.col("arm") == RANDOM
    average = pl.col("expected_hits").filter(~is_random).mean().fill_null(0.0)
    counted = pl.when(is_random).then(average).otherwise("expected_hits")
    hits: Floats = visits.select(counted).to_series().to_numpy()
    return hits


def _spread_over_weeks(tours: list[Tour], room: Ints, hits: Floats) -> Ints:
    """Give the tours of each team weeks with room, so that expected hits are found early: the slot of each visit."""
    slot, weeks = np.full(len(hits), NO_SLOT), room.shape[1]
    for team in range(len(room)):
        mine = sorted((tour for tour in tours if tour.team == team), key=lambda tour: min(tour.stops))
        for tour, week in zip(mine, _weeks_of(mine, room[team], hits), strict=True):
            slot[list(tour.stops)] = team * weeks + week
    return slot


def _weeks_of(tours: list[Tour], room: Ints, hits: Floats) -> Ints:
    """The week of each tour of one team."""
    if all(len(tour.stops) == 1 for tour in tours):
        return _fill_weeks(tours, room, hits)
    sizes, found = np.array([len(tour.stops) for tour in tours]), np.array([hits[list(t.stops)].sum() for t in tours])
    cost = found[:, None] * np.arange(len(room))[None, :]
    cost[sizes[:, None] > room[None, :]] = (found.sum() + 1) * (len(room) + 1)
    week: Ints = linear_sum_assignment(cost)[1]
    return week


def _fill_weeks(tours: list[Tour], room: Ints, hits: Floats) -> Ints:
    """Journeys to one visit each: those with most expected hits first, as many a week as it has room for."""
    order = sorted(range(len(tours)), key=lambda one: (-hits[tours[one].stops[0]], tours[one].stops[0]))
    week = np.empty(len(tours), dtype=np.int64)
    week[order] = np.repeat(np.arange(len(room)), room)[: len(tours)]
    return week
