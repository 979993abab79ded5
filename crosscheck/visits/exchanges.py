"""Visits that change tours after parts of the country were planned each by itself: to save travel across their borders.

One visit after the other is tried in the tours of its neighbours, alone or in exchange for one of theirs, and the best
change is made, until none saves anything (a local search, Lin and Kernighan's don't-look bits as in Bentley 1992). No
step looks at the clock.
"""

from __future__ import annotations

from collections import deque
from itertools import pairwise
from math import hypot
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.spatial import cKDTree

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from crosscheck.visits.ground import Ground, Tour

_NEIGHBOURS: Final = 16  # visits in whose tours a visit is tried
_TEAMS: Final = 3  # nearest teams of which a visit may begin another tour
_NOBODY: Final = -1
_LEAST: Final = 1e-3  # metres that a change must save


def exchange_visits(ground: Ground, tours: Sequence[Tour]) -> list[tuple[int, list[int]]]:
    """Let visits change tours as long as that saves travel.

    Args:
        ground: where visits and teams are, and what each team may do.
        tours: with every visit of the ground once.

    Returns:
        Team and visits of each tour. No team has more tours of a size than its weeks have room for.
    """
    search = _Search(ground, tours)
    waiting = deque(range(len(ground.places)))
    queued = [True] * len(ground.places)
    while waiting:
        visit = waiting.popleft()
        queued[visit] = False
        touched = search.improve(visit)
        for other in touched:
            if not queued[other]:
                queued[other] = True
                waiting.append(other)
    return [(team, stops) for team, stops in zip(search.team, search.stops, strict=True) if stops]


class _Search:
    """Tours while visits change between them; unused weeks of a team are tours without a visit."""

    def __init__(self, ground: Ground, tours: Sequence[Tour]) -> None:
        number = len(ground.places)
        self._allowed = ground.allowed
        self._points = [*map(tuple, ground.places.tolist()), *map(tuple, ground.bases.tolist())]
        self._bases = number
        self._near = cKDTree(ground.places).query(ground.places, k=min(_NEIGHBOURS + 1, number))[1].reshape(number, -1)
        self._near_teams = np.argsort(ground.base, axis=0, kind="stable")[:_TEAMS].T.tolist()
        self.team = [tour.team for tour in tours]
        self.stops = [list(tour.stops) for tour in tours]
        self._spare = ground.weeks.copy()
        for tour in tours:
            self._spare[tour.team, : len(tour.stops)] -= 1
        self._unused: list[list[int]] = [[] for _ in ground.bases]
        for team, weeks in enumerate(self._spare[:, 0]):
            self._unused[team] = list(range(len(self.team), len(self.team) + int(weeks)))
            self.team += [team] * int(weeks)
            self.stops += [[] for _ in range(int(weeks))]
        self._tour = [_NOBODY] * number
        for tour_, stops in enumerate(self.stops):
            for stop in stops:
                self._tour[stop] = tour_

    def improve(self, visit: int) -> list[int]:
        """Make the change of one visit that saves most; says which visits are in the tours that it changed."""
        saved, there, other = max(self._changes(visit), default=(0.0, _NOBODY, _NOBODY))
        if saved < _LEAST:
            return []
        here = self._tour[visit]
        self._resize(here, there, longer=other == _NOBODY)
        self.stops[here].remove(visit)
        if other != _NOBODY:
            self.stops[there].remove(other)
            self._put(other, here)
        self._put(visit, there)
        return [*self.stops[here], *self.stops[there]]

    def _changes(self, visit: int) -> Iterator[tuple[float, int, int]]:
        """What each possible change saves (metres), the tour that the visit would be in, and the one in exchange."""
        here = self._tour[visit]
        rest = [stop for stop in self.stops[here] if stop != visit]
        saving = self._detour(self.stops[here], self.team[here], visit)
        for there in self._tours_about(visit, here):
            team, stops = self.team[there], self.stops[there]
            if self._may_move(here, there):
                yield saving - self._insertion(stops, team, visit)[0], there, _NOBODY
            for other in stops:
                if self._allowed[self.team[here], other]:
                    without = [stop for stop in stops if stop != other]
                    added = self._insertion(without, team, visit)[0] + self._insertion(rest, self.team[here], other)[0]
                    yield saving + self._detour(stops, team, other) - added, there, other

    def _tours_about(self, visit: int, here: int) -> list[int]:
        """The tours of its neighbours, and one unused week of each near team, as far as the teams may visit it."""
        unused = [self._unused[team][0] for team in self._near_teams[visit] if self._unused[team]]
        tours = {*(self._tour[near] for near in self._near[visit]), *unused} - {here}
        return [tour for tour in sorted(tours) if self._allowed[self.team[tour], visit]]

    def _may_move(self, here: int, there: int) -> bool:
        """Whether the team has a week with room for the longer tour, where the other becomes shorter."""
        size, team = len(self.stops[there]), self.team[there]
        if size == self._spare.shape[1]:
            return False
        freed = self.team[here] == team and len(self.stops[here]) == size + 1
        return bool(self._spare[team, size] + freed > 0)

    def _resize(self, here: int, there: int, *, longer: bool) -> None:
        """Count the weeks of the teams anew where one tour becomes longer and the other shorter by a visit."""
        if not longer:
            return
        self._spare[self.team[here], len(self.stops[here]) - 1] += 1
        self._spare[self.team[there], len(self.stops[there])] -= 1
        if len(self.stops[here]) == 1:
            self._unused[self.team[here]].append(here)
        if not self.stops[there]:
            self._unused[self.team[there]].remove(there)

    def _put(self, visit: int, tour: int) -> None:
        """Put a visit where it adds least to a tour."""
        self.stops[tour].insert(self._insertion(self.stops[tour], self.team[tour], visit)[1], visit)
        self._tour[visit] = tour

    def _insertion(self, stops: list[int], team: int, visit: int) -> tuple[float, int]:
        """The least metres that a visit adds to a tour, and its place there."""
        way = [self._bases + team, *stops, self._bases + team]
        return min(
            (self._apart(start, visit) + self._apart(visit, end) - self._apart(start, end), place)
            for place, (start, end) in enumerate(pairwise(way))
        )

    def _detour(self, stops: list[int], team: int, visit: int) -> float:
        """The metres that a tour saves without one of its visits."""
        at, base = stops.index(visit), self._bases + team
        start = stops[at - 1] if at else base
        end = stops[at + 1] if at + 1 < len(stops) else base
        return self._apart(start, visit) + self._apart(visit, end) - self._apart(start, end)

    def _apart(self, one: int, other: int) -> float:
        (east, north), (east_, north_) = self._points[one], self._points[other]
        return hypot(east - east_, north - north_)
