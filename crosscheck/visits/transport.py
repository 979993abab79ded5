"""Sharing visits among places with room (teams, or weeks of teams) at least cost: the transport problem, by HiGHS.

Its best solution is whole by itself (the matrix is totally unimodular), so no rounding and no branching is needed.
Only where limits of regions join in, HiGHS has to branch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csc_array

if TYPE_CHECKING:
    from numpy.typing import NDArray

NOWHERE: Final = -1  # the place of a visit that found no room


@dataclass(frozen=True)
class Limits:
    """Visits of a group that places may have together: `group` is visits × places, from 0; `most` is by group."""

    group: NDArray[np.int64]
    most: NDArray[np.float64]


@dataclass(frozen=True)
class Kinds:
    """Visits that differ in their worth alone.

    Attributes:
        of: the kind of each visit, from 0.
        allowed: which teams may make visits of the kind in which weeks, kinds × teams × weeks.
        region: the region of the kind, from 0.
    """

    of: NDArray[np.int64]
    allowed: NDArray[np.bool_]
    region: NDArray[np.int64]


def choose_visits(
    kinds: Kinds, room: NDArray[np.int64], most: NDArray[np.float64], worth: NDArray[np.float64], total: int | None
) -> NDArray[np.bool_]:
    """Choose the visits that can be made together and are worth most.

    Visits of a kind are placed as a number, so that ten thousand need no more unknowns than teams and weeks do.

    Args:
        kinds: which visits are alike.
        room: of each team in each week, teams × weeks.
        most: visits that each region may have in one week; infinite without a limit.
        worth: of each visit; infinite where it must be made.
        total: visits in all; None without a limit.

    Raises:
        ValueError: there is no room for all that must be made.
    """
    if not len(worth):
        return np.zeros(0, dtype=np.bool_)
    kind, team, week = np.nonzero(kinds.allowed & (room > 0)[None])
    matrix, limited = _count_visits(kinds, room, len(most), (kind, team, week))
    as_many = np.zeros(len(kinds.allowed))
    within = np.concatenate([room.ravel(), np.repeat(most, room.shape[1]), [np.inf if total is None else total]])
    bound, ways = np.isinf(worth), np.zeros(len(kind))
    found = milp(
        np.concatenate([np.where(bound, 0.0, -worth), ways]),
        constraints=LinearConstraint(
            matrix, np.append(as_many, np.full(len(within), -np.inf)), np.append(as_many, within)
        ),
        integrality=np.full(matrix.shape[1], np.isfinite(most[limited]).any()),
        bounds=Bounds(np.append(bound, ways), np.append(np.ones(len(worth)), np.full(len(kind), np.inf))),
        options={"mip_rel_gap": 0.0},
    )
    _refuse_unplaced(found.x is None)
    chosen: NDArray[np.bool_] = found.x[: len(worth)] > 0.5
    return chosen


def _count_visits(
    kinds: Kinds, room: NDArray[np.int64], regions: int, ways: tuple[NDArray[np.int64], ...]
) -> tuple[csc_array, NDArray[np.int64]]:
    """The rows of the programme, and the region of each way.

    One row a kind (visits chosen less visits placed), then one a week of a team, one a week of a region, and all
    visits. One column a visit, then one a way (kind, team, week) to place visits.
    """
    kind, team, week = ways
    number, weeks, region = len(kinds.of), room.shape[1], kinds.region[kind]
    visit, way = np.arange(number), np.arange(len(kind)) + number
    first_slot = len(kinds.allowed)
    first_region = first_slot + room.size
    last = first_region + regions * weeks
    rows = [kinds.of, kind, first_slot + team * weeks + week, first_region + region * weeks + week]
    rows.append(np.full(number, last))
    columns = [visit, way, way, way, visit]
    signs = [np.ones(number), -np.ones(len(kind)), np.ones(len(kind)), np.ones(len(kind)), np.ones(number)]
    entries = (np.concatenate(signs), (np.concatenate(rows), np.concatenate(columns)))
    return csc_array(entries, shape=(last + 1, number + len(kind))), region


def share_visits(
    cost: NDArray[np.float64],
    allowed: NDArray[np.bool_],
    room: NDArray[np.int64],
    left_out: NDArray[np.float64],
    limits: Limits | None = None,
) -> NDArray[np.int64]:
    """Give each visit a place, at the least sum of costs.

    Args:
        cost: of each visit at each place, visits × places, in any unit; lower is better.
        allowed: which places a visit may have, visits × places.
        room: how many visits each place takes.
        left_out: what it costs to leave a visit out; infinite where it may not be left out.
        limits: of groups of visits at places, beside the room of each place.

    Returns:
        The place of each visit, `NOWHERE` for one that is left out.

    Raises:
        ValueError: there is no room for all that may not be left out.
    """
    visits, places = np.nonzero(allowed)
    # Leaving a visit out is a place of its own with a cost: the problem then always has the same form.
    spare = np.flatnonzero(np.isfinite(left_out))
    ways = len(visits) + len(spare)
    rows = np.concatenate([visits, spare, len(cost) + places])
    columns = np.concatenate([np.arange(ways), np.arange(len(visits))])
    most = np.concatenate([np.ones(len(cost)), room])
    if limits is not None:
        rows = np.concatenate([rows, len(most) + limits.group[visits, places]])
        columns = np.concatenate([columns, np.arange(len(visits))])
        most = np.concatenate([most, limits.most])
    matrix = csc_array((np.ones(len(rows)), (rows, columns)), shape=(len(most), ways))
    least = np.concatenate([np.ones(len(cost)), np.zeros(len(most) - len(cost))])
    place = np.full(len(cost), NOWHERE)
    if not ways:
        _refuse_unplaced(len(cost) > 0)
        return place
    found = milp(
        np.concatenate([cost[visits, places], left_out[spare]]),
        constraints=LinearConstraint(matrix, least, most),
        integrality=np.full(ways, limits is not None),
        bounds=(0, 1),
    )
    _refuse_unplaced(found.x is None)
    taken = np.flatnonzero(found.x[: len(visits)] > 0.5)
    place[visits[taken]] = places[taken]
    return place


def _refuse_unplaced(unplaced: bool) -> None:
    if unplaced:
        raise ValueError("There is no room for all visits that may not be left out.")
