"""A plan changed as little as can be: what is past or agreed stays, the others move only where they must."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from crosscheck.errors import PlanError
from crosscheck.visits.capacity import VISITS, fit_visits, free_of_drawn_weeks
from crosscheck.visits.ground import locate, metres_between
from crosscheck.visits.settle import NO_SLOT, settle_visits
from crosscheck.visits.teams import lay_out_plan, list_routes
from crosscheck.visits.tour_search import order_stops

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from crosscheck.visits.capacity import Fit
    from crosscheck.visits.ground import Ints
    from crosscheck.visits.plan_file import TeamPlan

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
    coming = free_of_drawn_weeks(chosen).join(past, on="org_code", how="anti")
    fit = fit_visits(coming, ahead)
    visits = pl.concat([fit.visits, free_of_drawn_weeks(past.select(VISITS.names()))]).sort("org_code")
    old = _slots(visits, kept, plan)
    codes = visits["org_code"]
    new = settle_visits(visits, ahead, old, np.flatnonzero(codes.is_in(past["org_code"].to_list())))
    moved = codes.filter(pl.Series(old != new) & codes.is_in(kept["org_code"].to_list()))
    if len(moved) > at_most:
        raise PlanError(
            f"At least {len(moved)} visits have to move ({', '.join(moved)}); --at-most allows {at_most}. "
            f"Allow {len(moved)}, or give the teams more room in the plan."
        )
    with_weeks = visits.drop("drawn_week").join(before.select("org_code", "drawn_week"), on="org_code", how="left")
    laid = lay_out_plan(with_weeks.sort("org_code"), plan, list_routes(visits, plan, new))
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
    done = set(past["org_code"])
    agreed = tuple(one for one in tables.agreed if one.org_code not in done)
    return replace(plan.changed(agreed=agreed), begun=week_ends, made=past.height)


def _slots(visits: pl.DataFrame, before: pl.DataFrame, plan: TeamPlan) -> Ints:
    """Where each visit was; `NO_SLOT` for one that is new, or whose team or week is no more."""
    team = pl.col("team").replace_strict({one.name: at for at, one in enumerate(plan.teams)}, default=None)
    week = pl.col("monday").replace_strict(dict(zip(plan.mondays, range(len(plan.mondays)), strict=True)), default=None)
    was = before.select("org_code", slot=team.cast(pl.Int64) * len(plan.mondays) + week.cast(pl.Int64))
    joined = visits.join(was, on="org_code", how="left", maintain_order="left")
    return joined["slot"].fill_null(NO_SLOT).to_numpy()


def _list_moves(visits: pl.DataFrame, before: pl.DataFrame, plan: TeamPlan, old: Ints, new: Ints) -> pl.DataFrame:
    """What moved, was added or given up, with what each adds to the travel."""
    then = {code: (team, monday) for code, team, monday in before.select("org_code", "team", "monday").iter_rows()}
    kilometres = _Kilometres(visits, plan, old)
    names, mondays = [team.name for team in plan.teams], plan.mondays
    rows: list[tuple[object, ...]] = []
    for row in np.flatnonzero(old != new).tolist():
        code, name, hits = (visits[column][row] for column in ("org_code", "name", "expected_hits"))
        team, week = divmod(int(new[row]), len(mondays))
        came_from = then.get(code, (None, None))
        rows.append((code, name, *came_from, names[team], mondays[week], kilometres.move(row, int(new[row])), hits))
    gone = before.filter(~pl.col("org_code").is_in(visits["org_code"].to_list())).sort("org_code")
    for code, name, team, monday, hits in gone.select(
        "org_code", "name", "team", "monday", "expected_hits"
    ).iter_rows():
        rows.append((code, name, team, monday, None, None, None, hits))
    return pl.DataFrame(rows, schema=MOVES, orient="row")


class _Kilometres:
    """All travel of a plan while visits move one after the other."""

    def __init__(self, visits: pl.DataFrame, plan: TeamPlan, slot: Ints) -> None:
        self._places, self._bases = locate(visits, plan)
        self._slot = slot.copy()
        self._weeks = len(plan.mondays)
        self._together = plan.tables.travel.together

    def move(self, row: int, to: int) -> float:
        """Move one visit; says what that adds, in kilometres."""
        touched = {to, int(self._slot[row])} - {NO_SLOT}
        was = sum(self._tour(slot) for slot in touched)
        self._slot[row] = to
        return round((sum(self._tour(slot) for slot in touched) - was) / 1000, 1)

    def _tour(self, slot: int) -> float:
        mine = self._places[self._slot == slot]
        if not len(mine):
            return 0.0
        base = metres_between(self._bases[slot // self._weeks][None], mine)[0]
        if not self._together:
            return 2 * float(base.sum())
        between = metres_between(mine, mine)
        order = order_stops(between, base)
        return float(base[order[0]] + between[order[:-1], order[1:]].sum() + base[order[-1]])
