"""Planning of visits: processor time, proved gap, and travel beside PyVRP's.

    python -m benchmarks.tours            # 400 visits, 10 regions, 30 teams, 12 weeks
    python -m benchmarks.tours --large    # 10,000 visits, 300 teams
    python -m benchmarks.tours --pyvrp 20 # PyVRP on the same case for 20 seconds; needs `pip install pyvrp`

The case is invented: each region has towns; visits and bases lie about them. Regions lie so far apart that no solver
gains by crossing a border, so that PyVRP, which knows no regions, solves the same problem.
"""

from __future__ import annotations

import argparse
import datetime as dt
import time

import numpy as np
import polars as pl

from crosscheck.visits.capacity import VISITS, fit_visits
from crosscheck.visits.ground import metres_between
from crosscheck.visits.plan_file import PlanTables, TeamPlan
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


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--large", action="store_true")
    asked.add_argument("--pyvrp", type=float, default=0.0, metavar="SECONDS")
    options = asked.parse_args()
    number, teams, a_week = (10_000, 300, (3,)) if options.large else (400, 30, (2, 3, 3))
    measure(*invent(number, teams, a_week, together=False), "each visit a journey")
    case = invent(number, teams, a_week, together=True)
    planned = measure(*case, "tours")
    if options.pyvrp:
        other = solve_with_pyvrp(*case, options.pyvrp)
        print(f"PyVRP after {options.pyvrp:g} s: {other / 1000:,.0f} km; ours is {planned.metres / other:.4f} of that")


if __name__ == "__main__":
    main()
