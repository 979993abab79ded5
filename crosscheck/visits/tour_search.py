"""The search of one team for tours that cost less than their visits are worth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

_FOLLOWED_WITHIN: Final = 4_000  # unfinished orders of one tour that are followed at once


@dataclass(frozen=True)
class Found:
    """Tours of one team whose reduced cost is below a limit.

    Attributes:
        stops: one row a tour: its visits in order, −1 after the last.
        reduced: cost of each tour less the worth of its visits; negative is better.
        least: no tour of the team has a lower reduced cost.
        complete: whether every tour below the limit is here.
    """

    stops: Ints
    reduced: Floats
    least: float
    complete: bool


def find_tours(between: Floats, base: Floats, worth: Floats, toll: Floats, limit: float, most: int) -> Found:
    """Find the tours of one team that have a reduced cost below the limit.

    A tour grows visit by visit. One is given up as soon as even the cheapest way to go on (in which a visit may occur
    twice, so that it is quickly worked out for all at once) leads to no tour below the limit.

    Args:
        between: metres from visit to visit.
        base: metres from the base to each visit.
        worth: what each visit pays, in metres.
        toll: what the 1st, 2nd, … visit of a tour costs beside its travel; as many as visits fit into a week.
        limit: of the reduced cost.
        most: unfinished tours that are followed at once; where there are more, the least promising are given up.
    """
    ahead = _cheapest_ways_on(between, base, worth, toll)
    paid = base - worth + toll[0]
    paths = np.arange(len(base))[:, None]
    least = float((paid + ahead[0]).min(initial=np.inf))
    complete, stops, reduced = True, [], []
    # The bound allows a visit to occur twice, so it never exceeds the true cost: nothing that belongs is cut.
    kept = paid + ahead[0] < limit
    paths, paid = paths[kept], paid[kept]
    for length in range(1, len(toll) + 1):
        total = paid + base[paths[:, -1]]
        ends = total < limit
        stops.append(np.pad(paths[ends], ((0, 0), (0, len(toll) - length)), constant_values=-1))
        reduced.append(total[ends])
        if length == len(toll):
            break
        if len(paid) > most:
            complete = False
            paths, paid = _most_promising(paths, paid, ahead[length - 1], most)
        paths, paid = _extend(paths, paid, between, toll[length] - worth, limit - ahead[length])
    every = _cheapest_orders(np.concatenate(stops), np.concatenate(reduced))
    exact = float(every[1].min(initial=limit)) if complete else least
    return Found(*every, exact, complete)


def _cheapest_ways_on(between: Floats, base: Floats, worth: Floats, toll: Floats) -> list[Floats]:
    """After the 1st, 2nd, … visit: the least that can still be paid until the team is back, by the visit it is at."""
    ways = [base]
    apart = between.copy()
    np.fill_diagonal(apart, np.inf)
    for cost in toll[:0:-1]:
        onward = (apart + (ways[0] - worth + cost)[None, :]).min(axis=1, initial=np.inf)
        ways.insert(0, np.minimum(base, onward))
    return ways


def _most_promising(paths: Ints, paid: Floats, ahead: Floats, most: int) -> tuple[Ints, Floats]:
    order = np.argsort(paid + ahead[paths[:, -1]], kind="stable")[:most]
    return paths[order], paid[order]


def _extend(paths: Ints, paid: Floats, between: Floats, cost: Floats, limit: Floats) -> tuple[Ints, Floats]:
    """Each path with each visit that it does not hold yet, where that stays below the limit (by visit)."""
    reach = paid[:, None] + between[paths[:, -1]] + cost
    np.put_along_axis(reach, paths, np.inf, axis=1)
    rows, following = np.nonzero(reach < limit)
    longer, spent = np.column_stack([paths[rows], following]), reach[rows, following]
    if longer.shape[1] < 4:  # up to three stops each order is the only one with this start and end
        return longer, spent
    # Of several orders of the same visits with the same last one only the cheapest can become the cheapest tour.
    key = np.column_stack([np.sort(longer[:, :-1], axis=1), longer[:, -1]])
    order = np.lexsort([spent, *key.T[::-1]])
    first = _first_of_each(key[order])
    return longer[order][first], spent[order][first]


def _cheapest_orders(stops: Ints, reduced: Floats) -> tuple[Ints, Floats]:
    """The cheapest order of each set of visits, best first."""
    key = np.sort(stops, axis=1)
    order = np.lexsort([reduced, *key.T[::-1]])
    kept = order[_first_of_each(key[order])]
    kept = kept[np.argsort(reduced[kept], kind="stable")]
    return stops[kept], reduced[kept]


def _first_of_each(ordered: Ints) -> NDArray[np.bool_]:
    """Where a row differs from the one before."""
    first = np.ones(len(ordered), dtype=np.bool_)
    first[1:] = (ordered[1:] != ordered[:-1]).any(axis=1)
    return first


def order_stops(between: Floats, base: Floats) -> Ints:
    """The order of all visits of a tour that travels least.

    Every visit is given a worth that no detour outweighs, so that the cheapest tour holds all of them.
    """
    worth = np.full(len(base), 4 * (base.max(initial=0.0) + between.max(initial=0.0)) + 1)
    found = find_tours(between, base, worth, np.zeros(len(base)), 0.0, _FOLLOWED_WITHIN)
    whole = found.stops[(found.stops >= 0).all(axis=1)]
    best: Ints = whole[0]
    return best
