"""Plans of visits: read from a run and a plan file, written as table and as an account of what they rest on."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Final

import polars as pl

from crosscheck.errors import RunError
from crosscheck.report.output.folder import refuse_foreign, sha256_of
from crosscheck.report.output.tables import write_csv
from crosscheck.report.visits import visit_plan
from crosscheck.report.visits.outcomes import read_visits
from crosscheck.runs.run_folder import COLLECTION, read_manifest, read_table
from crosscheck.visits.capacity import draw_visit_weeks, fit_visits, list_chosen, room_of
from crosscheck.visits.plan import PRACTICE
from crosscheck.visits.plan_file import TeamPlan, read_team_plan
from crosscheck.visits.prices import Price, price_constraints
from crosscheck.visits.replan import MOVES, replan
from crosscheck.visits.teams import VISIT_PLAN, plan_weeks
from crosscheck.vocabulary import ARMS

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator
    from pathlib import Path

    from crosscheck.visits.capacity import Fit
    from crosscheck.visits.plan import DrawAccount

PLAN: Final = "visit_plan.csv"
ACCOUNT: Final = "visit_plan.json"
_NAMED: Final = 8  # organisations that a sentence names


@dataclass(frozen=True)
class TeamWeek:
    """A week of a team: for how many visits it has room, and how many are planned."""

    team: str
    week: int
    monday: dt.date
    room: int
    planned: int


@dataclass(frozen=True)
class VisitPlan:
    """A plan of visits and what it rests on.

    Attributes:
        visits: `teams.VISIT_PLAN`.
        fit: which visits fit, which give way, and why.
        moves: `replan.MOVES`; None for a plan that replaces none.
        gap: the share of the travel that a better plan might save at most; None where it was not looked for.
        divided: whether that holds only for plans which leave each visit to its group of neighbouring teams.
        prices: what the constraints cost in expected hits; of a changed plan each move has its own price.
        plan: teams and dates.
        rests_on: the run's fingerprint and the SHA-256 of what was read.
        practice: whether the random sample is a practice draw.
    """

    visits: pl.DataFrame
    fit: Fit
    moves: pl.DataFrame | None
    gap: float | None
    divided: bool
    prices: tuple[Price, ...]
    plan: TeamPlan
    rests_on: dict[str, str]
    practice: bool

    @property
    def km(self) -> float | None:
        """All tours together; None where no tour is known whole."""
        tours = self.visits.unique("tour")["tour_km"].drop_nulls()
        return round(float(tours.sum()), 1) if len(tours) else None


def make_plan(run: Path, file: Path) -> VisitPlan:
    """Plan the visits of a run.

    Raises:
        RunError: there is no such run.
        PlanError: the plan file is wrong, or what must be visited can't be.
    """
    visit_list, organisations = _read_run(run)
    plan = read_team_plan(file, organisations["region"].drop_nulls())
    draw = read_manifest(run).require_draw()
    chosen = draw_visit_weeks(list_chosen(visit_list, organisations), plan, draw.value, draw.year)
    fit = fit_visits(chosen, plan)
    planned = plan_weeks(fit.visits, plan)
    prices = (*_price_floor(draw), *price_constraints(visit_list, organisations, chosen, plan, fit))
    # Without a tour there are no kilometres, and so no distance to the fewest that are possible.
    gap = planned.gap if planned.visits["tour_km"].drop_nulls().len() else None
    return VisitPlan(
        planned.visits, fit, None, gap, planned.divided, prices, plan, _rests_on(run, plan), _is_practice(run)
    )


def _price_floor(draw: DrawAccount) -> Iterator[Price]:
    """What the floor of the random draw costs, as the run worked it out; nothing where there is none."""
    if price := draw.floor.price:
        yield Price("floor of the random draw", price.expected_hits, price.without)


def change_plan(
    run: Path, file: Path, before: Path, today: dt.date, at_most: int, outcomes: Path | None = None
) -> VisitPlan:
    """Change a plan that was written as little as can be; see `visits.replan`.

    Args:
        run: the run's folder.
        file: teams and dates now.
        before: the plan so far.
        today: the day from which it is planned anew.
        at_most: how many visits may move.
        outcomes: what was recorded so far, as `outcomes.read_visits`; None if it is not known.

    Raises:
        RunError: there is no such run or plan.
        CollectionError: the outcomes can't be used.
        PlanError: the plan file is wrong, what must be visited can't be, or more visits have to move.
    """
    visit_list, organisations = _read_run(run)
    plan = read_team_plan(file, organisations["region"].drop_nulls())
    visited = None if outcomes is None else set(read_visits(run, outcomes)[0]["org_code"])
    changed = replan(list_chosen(visit_list, organisations), read_plan(before), plan, today, at_most, visited)
    rests_on = _rests_on(run, plan) | {"former_plan": sha256_of(before)}
    return VisitPlan(changed.visits, changed.fit, changed.moves, None, False, (), plan, rests_on, _is_practice(run))


def read_plan(file: Path) -> pl.DataFrame:
    """Read a plan that was written, as `teams.VISIT_PLAN`.

    Raises:
        RunError: there is no such file, or it is no plan.
        PlanError: a cell can't be used, an organisation stands there twice, or a day is no Monday.
    """
    if not file.is_file():
        raise RunError(f"{file}: there is no such plan. Make one: crosscheck visits plan --out {file.parent}")
    try:
        # Read as text: a code such as 5E1 would be taken for a number.
        table = pl.read_csv(file, infer_schema=False)
        missing = [name for name in VISIT_PLAN if name not in table.columns]
        if not missing:
            visit_plan.read_plan(file)  # whoever edited it is told everything that is wrong, as by the papers of a plan
            read = table.with_columns(pl.col("monday").str.to_date("%Y-%m-%d"), agreed=pl.col("agreed") == "true")
            return read.select(VISIT_PLAN.names()).cast(VISIT_PLAN)
    except pl.exceptions.PolarsError as error:
        raise RunError(f"{file}: can't be read as a plan of visits: {str(error).splitlines()[0]}") from error
    raise RunError(f"{file}: is no plan of visits; it lacks {', '.join(missing)}.")


def write_plan(made: VisitPlan, out: Path) -> None:
    """Write `visit_plan.csv` and `visit_plan.json` into a folder, over a former plan and over nothing else.

    Raises:
        RunError: the folder holds something else.
    """
    refuse_foreign(out, ACCOUNT, "plan of visits")
    out.mkdir(parents=True, exist_ok=True)
    write_csv(made.visits, out / PLAN)
    account = json.dumps(_account(made, sha256_of(out / PLAN)), indent=1, ensure_ascii=False, default=str)
    (out / ACCOUNT).write_text(account + "\n", encoding="utf-8")


def describe_plan(made: VisitPlan) -> list[str]:
    """The plan in sentences, as the terminal and the account state it."""
    return [
        *_describe_visits(made),
        *_describe_moves(made.moves),
        *_describe_full_weeks(made),
        *_describe_travel(made),
        *(
            f"The {price.constraint}: {price.price:.2f} expected hits fewer ({price.expected_hits:.2f} with it, "
            f"{price.without:.2f} without)."
            for price in made.prices
        ),
        *([f"The random sample is a {PRACTICE}."] if made.practice else []),
    ]


def _describe_visits(made: VisitPlan) -> Iterator[str]:
    visits = made.visits
    counts = dict(visits.group_by("arm").len().iter_rows())
    arms = ", ".join(f"{counts[arm]} {arm}" for arm in (*ARMS, "added") if arm in counts)
    hits = float(visits["expected_hits"].sum())
    if visits.is_empty():
        yield "No visit is planned."
    else:
        mondays = visits["monday"].sort()
        first, last = mondays[0], mondays[-1]
        yield (
            f"{_count(visits.height, 'visit')} ({arms}) by {_count(visits['team'].n_unique(), 'team')} in "
            f"{_count(visits['week'].n_unique(), 'week')}, from the week of {first:%-d %B %Y} to that "
            f"of {last:%-d %B %Y}; {hits:.1f} declarations expected not to be upheld."
        )
    if made.fit.left_out.height:
        given = float(made.fit.left_out["expected_hits"].sum())
        yield (
            f"{_count(made.fit.left_out.height, 'visit')} by risk can't be made "
            f"({_names(made.fit.left_out['org_code'].to_list())}): {given:.2f} expected hits."
        )
    if drawn := visits["drawn_week"].count():
        as_drawn = visits.filter(pl.col("week") == pl.col("drawn_week")).height
        weeks = _count(drawn, "visit")
        yield f"The week of {weeks} of the random sample was drawn; {as_drawn} of them are planned in it."
    yield from made.fit.sentences


def _describe_travel(made: VisitPlan) -> Iterator[str]:
    visits = made.visits
    if unknown := visits.filter(pl.col("tour_km").is_null())["tour"].n_unique():
        nowhere = visits.filter(pl.col("easting").is_null() | pl.col("northing").is_null())["org_code"].to_list()
        homeless = [team.name for team in made.plan.teams if team.easting is None]
        where = [f"organisations {_names(nowhere)}"] * bool(nowhere) + [f"teams {_names(homeless)}"] * bool(homeless)
        yield f"The way of {_count(unknown, 'tour')} is not known: no coordinates of {' and '.join(where)}."
    if made.km is not None:
        tours = visits.filter(pl.col("tour_km").is_not_null())["tour"].n_unique()
        yield f"{made.km:,.0f} km in {_count(tours, 'tour')}, as the crow flies." + (
            ""
            if made.gap is None
            else f" No plan of these visits{_condition(made)} saves more than {made.gap:.2%} of that."
        )


def _condition(made: VisitPlan) -> str:
    """For which plans the gap holds."""
    tables = made.plan.tables
    fixed = made.visits["agreed"].any() or tables.region or tables.capacity.weeks_at_random
    weeks = ", not even with other weeks," if fixed else ""
    return weeks + (" that leaves each to its group of neighbouring teams" if made.divided else "")


def _describe_moves(moves: pl.DataFrame | None) -> Iterator[str]:
    if moves is None:
        return
    if moves.is_empty():
        yield "Nothing moves."
    for move in moves.iter_rows(named=True):
        before, after = _slot(move["from_team"], move["from_monday"]), _slot(move["to_team"], move["to_monday"])
        name = f"{move['org_code']} ({move['name']})"
        if move["to_team"] is None:
            lost = f"{move['expected_hits']:.2f} expected hits"
            yield f"{name} is no longer visited; it was planned for {before}: {lost}."
        elif move["from_team"] is None:
            yield f"{name} is new, {after}: {move['km']:+.1f} km."
        else:
            yield f"{name} moves from {before} to {after}: {move['km']:+.1f} km."


def _describe_full_weeks(made: VisitPlan) -> Iterator[str]:
    """Weeks of a changed plan with more visits than the team has room for: they have begun, so that nothing moves."""
    for one in _list_room(made):
        if one.planned > one.room:
            yield (
                f"{one.team} has room for {one.room} of the {_count(one.planned, 'visit')} in the week of "
                f"{one.monday:%-d %B %Y}. It has begun, so they stay. Those that can't be made are planned anew after "
                "it: crosscheck visits replan with --visits."
            )


def _slot(team: str | None, monday: dt.date | None) -> str:
    return "" if team is None or monday is None else f"{team}, week of {monday:%-d %B %Y}"


def _account(made: VisitPlan, digest: str) -> dict[str, object]:
    """What `visit_plan.json` holds."""
    return {
        "crosscheck": version("crosscheck"),
        "libraries": {name: version(name) for name in ("numpy", "polars", "scipy")},
        "rests_on": made.rests_on,
        "outputs": {PLAN: digest},
        "binding": not made.practice,
        "visits": made.visits.height,
        "by_arm": dict(made.visits.group_by("arm").len().sort("arm").iter_rows()),
        "expected_hits": round(float(made.visits["expected_hits"].sum()), 6),
        "km": made.km,
        "divided": made.divided,
        "gap": made.gap if made.gap is None else round(made.gap, 6),
        "prices": [asdict(price) | {"price": price.price} for price in made.prices],
        "room": [asdict(one) for one in _list_room(made)],
        "regions": _list_region_weeks(made),
        "left_out": made.fit.left_out.to_dicts(),
        "moves": None if made.moves is None else made.moves.select(MOVES.names()).to_dicts(),
        "sentences": describe_plan(made),
    }


def _list_room(made: VisitPlan) -> list[TeamWeek]:
    """Of each team and week: how many visits there is room for, and how many are planned."""
    planned = {(team, week): number for team, week, number in made.visits.group_by("team", "week").len().iter_rows()}
    return [
        TeamWeek(team.name, week, monday, int(room), planned.get((team.name, week), 0))
        for team, row in zip(made.plan.teams, room_of(made.plan), strict=True)
        for week, (monday, room) in enumerate(zip(made.plan.mondays, row, strict=True), 1)
    ]


def _list_region_weeks(made: VisitPlan) -> list[dict[str, object]]:
    """Of each region with a limit and each week: the most visits, and how many are planned."""
    counts = made.visits.group_by("region", "week").len().iter_rows()
    planned = {(region, week): number for region, week, number in counts}
    return [
        {
            "region": region.name,
            "week": week,
            "most": region.visits_a_week,
            "planned": planned.get((region.name, week), 0),
        }
        for region in sorted(made.plan.tables.region, key=lambda region: region.name)
        for week in range(1, len(made.plan.mondays) + 1)
    ]


def _read_run(run: Path) -> tuple[pl.DataFrame, pl.DataFrame]:
    return read_table(run, "visit_list"), read_table(run, f"{COLLECTION}/organisations")


def _rests_on(run: Path, plan: TeamPlan) -> dict[str, str]:
    manifest = read_manifest(run)
    return {
        "run": manifest.fingerprint,
        "visit_list": sha256_of(run / "visit_list.csv"),
        "organisations": sha256_of(run / COLLECTION / "organisations.parquet"),
        "plan": plan.sha256,
    }


def _is_practice(run: Path) -> bool:
    return not read_manifest(run).is_binding


def _names(names: list[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
