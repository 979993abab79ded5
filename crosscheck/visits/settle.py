"""Visits given a week of a team: each where it was, unless that can't be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from crosscheck.visits.capacity import ANY_WEEK, fixed_weeks, limits_of, may_visit, room_of
from crosscheck.visits.ground import locate, metres_between
from crosscheck.visits.tour_search import order_stops
from crosscheck.visits.transport import Limits, share_visits

if TYPE_CHECKING:
    from collections.abc import Collection

    import polars as pl

    from crosscheck.visits.ground import Floats, Ints
    from crosscheck.visits.plan_file import TeamPlan

NO_SLOT: Final = -1  # of a visit that had none
_MOVE: Final = 1e7  # metres: no travel outweighs a move


def settle_visits(visits: pl.DataFrame, plan: TeamPlan, slot: Ints, past: Collection[int] = ()) -> Ints:
    """Give each visit a week of a team: fewest moves, then least travel added to the tours as they were.

    Args:
        visits: `capacity.VISITS`, by code, all of which the teams can make.
        plan: teams and dates.
        slot: where each visit was: number of the team (by name) × weeks + week (from 0); `NO_SLOT` if it was nowhere.
        past: row numbers of visits that stay where they were, whatever room there is.

    Returns:
        The slot of each visit.

    Raises:
        ValueError: there is no room for all.
    """
    room, weeks, fixed = room_of(plan), len(plan.mondays), fixed_weeks(visits, plan)
    free = np.setdiff1d(np.arange(visits.height), list(past)).astype(np.int64)
    had_one = slot[free] != NO_SLOT
    cost = _added_travel(visits, slot, plan)[free] + _MOVE * had_one[:, None]
    cost[np.flatnonzero(had_one), slot[free][had_one]] = 0.0
    in_week = (fixed[free][:, None] == ANY_WEEK) | (fixed[free][:, None] == np.tile(np.arange(weeks), len(room)))
    allowed = np.repeat(may_visit(visits, plan).T[free], weeks, axis=1) & (room.ravel() > 0) & in_week
    settled = slot.copy()
    nobody = np.full(len(free), np.inf)
    settled[free] = share_visits(cost, allowed, room.ravel(), nobody, _limits(visits[free], plan))
    return settled


def _limits(visits: pl.DataFrame, plan: TeamPlan) -> Limits | None:
    """At most so many visits in each region in each week, where the plan limits a region."""
    if not plan.tables.region:
        return None
    weeks = len(plan.mondays)
    regions, region = np.unique(visits["region"].fill_null("").to_numpy(), return_inverse=True)
    week = np.tile(np.arange(weeks), len(plan.teams))
    most = np.repeat(limits_of(plan, regions.tolist()), weeks)
    return Limits(region[:, None] * weeks + week[None, :], most)


def _added_travel(visits: pl.DataFrame, slot: Ints, plan: TeamPlan) -> Floats:
    """Metres that each visit would add to the tour of each slot as it was, visits × slots."""
    places, bases = locate(visits, plan)
    between, base, weeks = metres_between(places, places), metres_between(bases, places), len(plan.mondays)
    added = np.repeat(2 * base.T, weeks, axis=1)
    if not plan.tables.travel.together:
        return added
    for one in np.unique(slot[slot != NO_SLOT]):
        mine, team = np.flatnonzero(slot == one), one // weeks
        route = mine[order_stops(between[np.ix_(mine, mine)], base[team, mine])]
        to_stop = np.column_stack([base[team], between[:, route], base[team]])
        legs = np.concatenate([[base[team, route[0]]], between[route[:-1], route[1:]], [base[team, route[-1]]]])
        added[:, one] = (to_stop[:, :-1] + to_stop[:, 1:] - legs).min(axis=1)
    return added
