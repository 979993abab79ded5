"""Visits that change tours after parts of the country were planned each by itself: to save travel across their borders.

One visit after the other is tried in the tours of its neighbours, alone or in exchange for one of theirs, and the best
change is made, until none saves anything (a local search, Lin and Kernighan's don't-look bits as in Bentley 1992). No
step looks at the clock.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from itertools import islice, pairwise
from math import hypot
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.spatial import cKDTree

from crosscheck.visits.capacity import ANY_WEEK

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from crosscheck.visits.ground import TravelProblem

_NEIGHBOURS: Final = 16  # visits in whose tours a visit is tried
_TEAMS: Final = 3  # nearest teams of which a visit may have a week that is not used
_NOBODY: Final = -1
_LEAST: Final = 1e-3  # metres that a change must save


@dataclass(frozen=True)
class Weeks:
    """What the weeks allow.

    Attributes:
        room: visits that each team can make in each week, teams × weeks.
        fixed: the week of each visit, `ANY_WEEK` where it may be any.
        region: of each visit, from 0.
        most: visits that each region may have in one week; infinite without a limit.
    """

    room: NDArray[np.int64]
    fixed: NDArray[np.int64]
    region: NDArray[np.int64]
    most: NDArray[np.float64]


def exchange_visits(ground: TravelProblem, weeks: Weeks, slot: NDArray[np.int64]) -> NDArray[np.int64]:
    """Let visits change tours as long as that saves travel.

    Args:
        ground: where visits and teams are, and which team may make which visit.
        weeks: what the weeks allow.
        slot: of each visit: number of the team × weeks + week (from 0), within all that is allowed. Visits of one slot
            are one tour.

    Returns:
        The slot of each visit, within all that is allowed.
    """
    search = _Search(ground, weeks, slot)
    waiting, queued = deque(range(len(slot))), [True] * len(slot)
    while waiting:
        visit = waiting.popleft()
        queued[visit] = False
        for other in search.improve(visit):
            if not queued[other]:
                queued[other] = True
                waiting.append(other)
    return np.array(search.slot, dtype=np.int64)


class _Search:
    """Visits while they change slots; a slot without a visit is a week that the team does not use."""

    def __init__(self, ground: TravelProblem, weeks: Weeks, slot: NDArray[np.int64]) -> None:
        number = len(slot)
        self.slot = slot.tolist()
        self._weeks = weeks.room.shape[1]
        self._room, self._fixed = weeks.room.ravel().tolist(), weeks.fixed.tolist()
        self._region, self._most = weeks.region.tolist(), weeks.most.tolist()
        self._allowed = ground.allowed
        self._points = [*map(tuple, ground.places.tolist()), *map(tuple, ground.bases.tolist())]
        self._bases = number
        self._near = cKDTree(ground.places).query(ground.places, k=min(_NEIGHBOURS + 1, number))[1].reshape(number, -1)
        self._near_teams = np.argsort(ground.base, axis=0, kind="stable")[:_TEAMS].T.tolist()
        self._stops: list[list[int]] = [[] for _ in self._room]
        self._in_region = np.zeros((len(weeks.most), self._weeks), dtype=np.int64)
        for visit in range(number):
            self._put(visit, self.slot[visit])

    def improve(self, visit: int) -> list[int]:
        """Make the change of one visit that saves most; says which visits are in the tours that it changed."""
        saved, there, other = max(self._changes(visit), default=(0.0, _NOBODY, _NOBODY))
        if saved < _LEAST:
            return []
        here = self.slot[visit]
        self._take(visit, here)
        if other != _NOBODY:
            self._take(other, there)
            self._put(other, here)
        self._put(visit, there)
        return [*self._stops[here], *self._stops[there]]

    def _changes(self, visit: int) -> Iterator[tuple[float, int, int]]:
        """What each possible change saves (metres), the slot that the visit would have, and the visit in exchange."""
        here = self.slot[visit]
        rest = [stop for stop in self._stops[here] if stop != visit]
        saving = self._detour(here, visit)
        for there in self._slots_about(visit, here):
            stops = self._stops[there]
            if len(stops) < self._room[there] and self._region_has_room(visit, there):
                yield saving - self._insertion(stops, there, visit)[0], there, _NOBODY
            for other in stops:
                if self._fits(other, here) and self._may_swap(visit, other):
                    without = [stop for stop in stops if stop != other]
                    added = self._insertion(without, there, visit)[0] + self._insertion(rest, here, other)[0]
                    yield saving + self._detour(there, other) - added, there, other

    def _slots_about(self, visit: int, here: int) -> list[int]:
        """Those of its neighbours, and an unused one of each near team, as far as the visit may be there."""
        slots = {self.slot[near] for near in self._near[visit]} - {here}
        fitting = [slot for slot in sorted(slots) if self._fits(visit, slot)]
        for team in self._near_teams[visit]:
            own = range(team * self._weeks, (team + 1) * self._weeks)
            unused = (slot for slot in own if self._room[slot] and not self._stops[slot] and self._fits(visit, slot))
            fitting += [slot for slot in islice(unused, 1) if slot not in fitting]
        return fitting

    def _fits(self, visit: int, slot: int) -> bool:
        """Whether the team may make the visit in this week, whatever else it does."""
        team, week = divmod(slot, self._weeks)
        return bool(self._allowed[team, visit]) and self._fixed[visit] in (ANY_WEEK, week)

    def _region_has_room(self, visit: int, slot: int) -> bool:
        region, week = self._region[visit], slot % self._weeks
        stays = self.slot[visit] % self._weeks == week
        return bool(stays or self._in_region[region, week] < self._most[region])

    def _may_swap(self, visit: int, other: int) -> bool:
        """Whether both regions have room for the exchange."""
        if self._region[visit] == self._region[other]:
            return True
        return self._region_has_room(visit, self.slot[other]) and self._region_has_room(other, self.slot[visit])

    def _take(self, visit: int, slot: int) -> None:
        self._stops[slot].remove(visit)
        self._in_region[self._region[visit], slot % self._weeks] -= 1

    def _put(self, visit: int, slot: int) -> None:
        """Put a visit where it adds least to the tour of a slot."""
        self._stops[slot].insert(self._insertion(self._stops[slot], slot, visit)[1], visit)
        self._in_region[self._region[visit], slot % self._weeks] += 1
        self.slot[visit] = slot

    def _insertion(self, stops: list[int], slot: int, visit: int) -> tuple[float, int]:
        """The least metres that a visit adds to a tour of the slot's team, and its place there."""
        base = self._bases + slot // self._weeks
        return min(
            (self._apart(start, visit) + self._apart(visit, end) - self._apart(start, end), place)
            for place, (start, end) in enumerate(pairwise([base, *stops, base]))
        )

    def _detour(self, slot: int, visit: int) -> float:
        """The metres that the tour of a slot saves without one of its visits."""
        stops, base = self._stops[slot], self._bases + slot // self._weeks
        at = stops.index(visit)
        start = stops[at - 1] if at else base
        end = stops[at + 1] if at + 1 < len(stops) else base
        return self._apart(start, visit) + self._apart(visit, end) - self._apart(start, end)

    def _apart(self, one: int, other: int) -> float:
        (east, north), (east_, north_) = self._points[one], self._points[other]
        return hypot(east - east_, north - north_)
