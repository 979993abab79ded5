"""Planning of visits: processor time, proved gap, and travel beside PyVRP's.

    python -m benchmarks.tours            # 400 visits, 10 regions, 30 teams, 12 weeks
    python -m benchmarks.tours --large    # 10,000 visits, 300 teams
    python -m benchmarks.tours --borders  # 400 visits in regions side by side: kept to, crossed, limited, weeks drawn
    python -m benchmarks.tours --pyvrp 20 # PyVRP on the same case for 20 seconds; needs `pip install pyvrp`

The case is invented: each region has towns; visits and bases lie about them. Regions lie so far apart that no solver
gains by crossing a border, so that PyVRP, which knows no regions, solves the same problem.
"""

from __future__ import annotations

import argparse
import datetime as dt
import time
from typing import Any

import numpy as np
import polars as pl

from crosscheck.visits.capacity import VISITS, draw_visit_weeks, fit_visits
from crosscheck.visits.ground import metres_between
from crosscheck.visits.plan_file import PlanTables, Region, TeamPlan
from crosscheck.visits.teams import Planned, plan_weeks

REGIONS, WEEKS, APART, SIDE = 10, 12, 1_000_000.0, 120_000.0
FIRST = dt.date(2009, 6, 22)


def invent(
    number: int, teams: int, a_week: tuple[int, ...], *, together: bool, seed: int = 1
) -> tuple[pl.DataFrame, TeamPlan]:
    rng = np.random.default_rng(seed)
    rows, crews, bases = [], [], []
    for region in range(REGIONS):
        towns = rng.uniform(0, SIDE, (12, 2)) + np.array([region * APART, 0])
        for at in range(number // REGIONS):
            east, north = towns[rng.integers(12)] + rng.normal(0, 9_000, 2)
            arm = ("mandatory", "risk", "random")[rng.integers(3)]
            rows.append((f"R{region}{at:04}", "", f"region {region}", "pct", arm, rng.random(), east, north, None))
        for at in range(teams // REGIONS):
            east, north = towns[rng.integers(12)] + rng.normal(0, 9_000, 2)
            week = a_week[at % len(a_week)]
            crews.append({"name": f"T{region}{at:03}", "regions": [f"region {region}"], "visits_a_week": week})
            bases.append((east, north))
    last = FIRST + dt.timedelta(weeks=WEEKS, days=-3)
    season = {"first_day": FIRST, "last_day": last}
    tables = PlanTables.model_validate({"capacity": season, "travel": {"together": together}, "team": crews})
    # The invented country is wider than the national grid allows a plan to be, hence past its checks.
    moved = tuple(
        team.model_copy(update={"easting": east, "northing": north})
        for team, (east, north) in zip(tables.team, bases, strict=True)
    )
    return pl.DataFrame(rows, schema=VISITS, orient="row"), TeamPlan(tables.model_copy(update={"team": moved}), "")


def measure(visits: pl.DataFrame, plan: TeamPlan, name: str) -> Planned:
    began = time.process_time()
    fit = fit_visits(visits, plan)
    planned = plan_weeks(fit.visits, plan)
    seconds = time.process_time() - began
    print(f"{name}: {planned.visits.height} visits, {seconds:.2f} s processor, {planned.metres / 1000:,.0f} km, "
          f"gap {planned.gap:.2%}{' within groups of teams' if planned.divided else ''}")  # fmt: skip
    return planned


def solve_with_pyvrp(visits: pl.DataFrame, plan: TeamPlan, seconds: float) -> float:
    from pyvrp import Model
    from pyvrp.stop import MaxRuntime

    model = Model()
    bases = [(team.easting or 0.0, team.northing or 0.0) for team in plan.teams]
    places = np.array([*bases, *visits.select("easting", "northing").iter_rows()])
    points = [model.add_location(east, north) for east, north in places]
    for team, point in zip(plan.teams, points, strict=False):
        depot = model.add_depot(point)
        model.add_vehicle_type(WEEKS, capacity=team.visits_a_week, start_depot=depot, end_depot=depot)
    for point in points[len(bases) :]:
        model.add_client(point, delivery=1)
    apart = np.rint(metres_between(places, places)).astype(int)
    for start, one in enumerate(points):
        for end, other in enumerate(points):
            model.add_edge(one, other, distance=int(apart[start, end]))
    found = model.solve(stop=MaxRuntime(seconds), seed=1, display=False)
    return float(found.cost())


def put_side_by_side(visits: pl.DataFrame, plan: TeamPlan) -> tuple[pl.DataFrame, TeamPlan]:
    """The same country with its regions in two rows of five that touch."""
    number = pl.col("region").str.slice(len("region ")).cast(pl.Int64)
    moved = visits.with_columns(
        easting=pl.col("easting") - number * APART + number % 5 * SIDE, northing=pl.col("northing") + number // 5 * SIDE
    )
    teams = []
    for team in plan.tables.team:
        region = int(team.regions[0].removeprefix("region "))
        east, north = (team.easting or 0.0) - region * APART + region % 5 * SIDE, team.northing or 0.0
        teams.append(team.model_copy(update={"easting": east, "northing": north + region // 5 * SIDE}))
    return moved, _change(plan, team=tuple(teams))


def _change(plan: TeamPlan, **tables: Any) -> TeamPlan:
    return TeamPlan(plan.tables.model_copy(update=tables), plan.sha256)


def measure_borders(visits: pl.DataFrame, plan: TeamPlan) -> None:
    """Regions kept to and crossed; and what limits of regions and drawn weeks cost in travel."""
    visits, plan = put_side_by_side(visits, plan)
    tables = plan.tables
    crossed = _change(plan, travel=tables.travel.model_copy(update={"across_borders": True}))
    limits = tuple(Region(name=f"region {region}", visits_a_week=4) for region in range(REGIONS))
    drawn = _change(plan, capacity=tables.capacity.model_copy(update={"weeks_at_random": True}))
    measure(visits, plan, "regions kept to")
    measure(visits, crossed, "regions crossed")
    measure(visits, _change(plan, region=limits), "at most 4 a week in a region")
    measure(draw_visit_weeks(visits, drawn, "42", "2008/09"), drawn, "weeks of the random sample drawn")


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--large", action="store_true")
    asked.add_argument("--borders", action="store_true")
    asked.add_argument("--pyvrp", type=float, default=0.0, metavar="SECONDS")
    options = asked.parse_args()
    number, teams, a_week = (10_000, 300, (3,)) if options.large else (400, 30, (2, 3, 3))
    measure(*invent(number, teams, a_week, together=False), "each visit a journey")
    case = invent(number, teams, a_week, together=True)
    if options.borders:
        measure_borders(*case)
        return
    planned = measure(*case, "tours")
    if options.pyvrp:
        other = solve_with_pyvrp(*case, options.pyvrp)
        print(f"PyVRP after {options.pyvrp:g} s: {other / 1000:,.0f} km; ours is {planned.metres / other:.4f} of that")


if __name__ == "__main__":
    main()
