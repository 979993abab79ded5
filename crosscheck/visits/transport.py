"""Sharing visits among places with room (teams, or weeks of teams) at least cost: the transport problem, by HiGHS.

Its best solution is whole by itself (the matrix is totally unimodular), so no rounding and no branching is needed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import LinearConstraint, milp
from scipy.sparse import csc_array

if TYPE_CHECKING:
    from numpy.typing import NDArray

NOWHERE = -1  # the place of a visit that found no room


def share_visits(
    cost: NDArray[np.float64], allowed: NDArray[np.bool_], room: NDArray[np.int64], left_out: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Give each visit a place, at the least sum of costs.

    Args:
        cost: of each visit at each place, visits × places, in any unit; lower is better.
        allowed: which places a visit may have, visits × places.
        room: how many visits each place takes.
        left_out: what it costs to leave a visit out; infinite where it may not be left out.

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
    matrix = csc_array((np.ones(len(rows)), (rows, columns)), shape=(len(cost) + len(room), ways))
    least = np.concatenate([np.ones(len(cost)), np.zeros(len(room))])
    most = np.concatenate([np.ones(len(cost)), room])
    place = np.full(len(cost), NOWHERE)
    if not ways:
        _refuse_unplaced(len(cost) > 0)
        return place
    found = milp(
        np.concatenate([cost[visits, places], left_out[spare]]),
        constraints=LinearConstraint(matrix, least, most),
        bounds=(0, 1),
    )
    _refuse_unplaced(found.x is None)
    taken = np.flatnonzero(found.x[: len(visits)] > 0.5)
    place[visits[taken]] = places[taken]
    return place


def _refuse_unplaced(unplaced: bool) -> None:
    if unplaced:
        raise ValueError("There is no room for all visits that may not be left out.")
