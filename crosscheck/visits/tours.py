"""Tours: which team makes which visits together in one week, so that all of them travel least.

A tour is what one team visits in one week, from its base and back. This is the vehicle routing problem with several
depots and few stops a vehicle; it is solved as a choice among tours (Baldacci, Christofides and Mingozzi 2008): a
linear programme over the tours found so far says what each visit is worth, every team looks for tours that cost less
than their visits are worth, and when none is left the value of the programme is a bound: no plan travels less. HiGHS
then chooses whole tours. No step looks at the clock, so the same visits give the same tours.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.optimize import LinearConstraint, linprog, milp
from scipy.sparse import csr_array

from crosscheck.visits.ground import Tour, TravelProblem, measure_tour
from crosscheck.visits.tour_search import Found, find_tours, order_stops
from crosscheck.visits.transport import share_visits

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

GAP: Final = 0.005  # share of the travel by which the chosen tours may be longer than the best, if that can be proved
_COARSE: Final = 0.01  # the same where many parts are planned one after the other
_SPREAD: Final = 0.05  # of the bound: tours with a higher reduced cost are not listed
_ROUNDS: Final = 60
_FOLLOWED_AT_FIRST: Final = 200
_FOLLOWED: Final = 4_000  # unfinished tours of a team that are followed at once while the worth of visits is sought
_ENUMERATED: Final = 40_000  # and when all that may be part of the best plan are listed
_LISTED: Final = 1_500  # of which so many are given to HiGHS
_A_ROUND: Final = 30  # new tours that a team adds in one round
_NEGLIGIBLE: Final = 1.0  # metres
_NODES: Final = 300  # at which HiGHS stops; never a time
_TOGETHER: Final = 130  # visits whose tours are chosen at once, as near to the best as can be proved
_PART: Final = 70  # where there are more: visits of a part
_WHOLE: Final = 500  # visits up to which tours are chosen among those of all parts together, and the bound is theirs
_ROUNDS_OF_WHOLE: Final = 12


@dataclass(frozen=True)
class Tours:
    """The chosen tours, and the metres below which no choice of tours can be.

    Where the ground was `divided`, the latter holds only for choices that leave each visit to its part of the ground.
    """

    chosen: tuple[Tour, ...]
    bound: float
    parts: int
    divided: bool = False


@dataclass(frozen=True)
class _Worth:
    """What the programme says: metres a visit is worth, a week of a team costs (by 1st, 2nd … visit), a tour saves."""

    visits: Floats
    toll: Floats
    tour: float

    def between(self, other: _Worth) -> _Worth:
        return _Worth((self.visits + other.visits) / 2, (self.toll + other.toll) / 2, (self.tour + other.tour) / 2)


class _Pool:
    """The tours found so far: `team`, `stops` (−1 after the last) and `metres`, each set of visits of a team once."""

    def __init__(self, ground: TravelProblem) -> None:
        self._ground = ground
        self._most = ground.weeks.shape[1]
        self._place: dict[bytes, int] = {}
        self.team = np.empty(0, dtype=np.int64)
        self.stops = np.empty((0, self._most), dtype=np.int64)
        self.metres = np.empty(0)

    def add(self, team: int, stops: Ints) -> int:
        """Take in tours of a team, given in their best order; says how many are new."""
        keys = np.sort(stops, axis=1)
        names = [team.to_bytes(4, "big") + key.tobytes() for key in keys]
        fresh = [row for row, name in enumerate(names) if name not in self._place]
        for place, row in enumerate(fresh, len(self.team)):
            self._place[names[row]] = place
        self.team = np.concatenate([self.team, np.full(len(fresh), team)])
        self.stops = np.concatenate([self.stops, stops[fresh]])
        self.metres = np.concatenate([self.metres, measure_tour(self._ground, team, stops[fresh])])
        return len(fresh)

    def rows(self) -> csr_array:
        """The programme's rows, each at most its limit: visits (negated), weeks of teams by size, tours (negated)."""
        visits, teams = len(self._ground.between), len(self._ground.weeks)
        column, place = np.nonzero(self.stops >= 0)
        week = visits + self.team[column] * self._most + place
        rows = np.concatenate([self.stops[column, place], week, np.full(len(self.team), visits + teams * self._most)])
        columns = np.concatenate([column, column, np.arange(len(self.team))])
        signs = np.concatenate([-np.ones(len(column)), np.ones(len(column)), -np.ones(len(self.team))])
        return csr_array((signs, (rows, columns)), shape=(visits + teams * self._most + 1, len(self.team)))


def choose_tours(ground: TravelProblem) -> Tours:
    """Choose the tours that travel least: every visit once, no week of a team with more than it has room for.

    Where there are many visits, they are first shared among teams by the way there and back, and tours are chosen part
    by part among some neighbouring teams. Unless there are very many, tours of all parts are then priced together, and
    chosen anew.

    Raises:
        ValueError: the teams have no room for all visits.
    """
    if not len(ground.places):
        return Tours((), 0.0, 1)
    nobody = np.full(len(ground.places), np.inf)
    team = share_visits(ground.base.T, ground.allowed.T, ground.weeks.sum(axis=1), nobody)
    by_team = np.bincount(team, minlength=len(ground.bases))
    most = _TOGETHER if len(team) <= _TOGETHER else _PART
    parts = [part for part in _neighbours(ground, np.arange(len(by_team)), by_team, most) if by_team[part].any()]
    chosen = [_choose_in_part(ground, part, team, exactly=len(parts) == 1) for part in parts]
    if len(chosen) == 1:
        return Tours(chosen[0].tours, chosen[0].bound, 1)
    tours, bound = tuple(tour for part in chosen for tour in part.tours), sum(part.bound for part in chosen)
    if len(team) <= _WHOLE:
        tours, bound = _choose_as_whole(ground, chosen, tours)
    bound = min(bound, sum(tour.metres for tour in tours))
    return Tours(tours, bound, len(parts), divided=len(team) > _WHOLE)


def _choose_as_whole(
    ground: TravelProblem, parts: Sequence[_Part], tours: tuple[Tour, ...]
) -> tuple[tuple[Tour, ...], float]:
    """The better of the tours chosen in parts and others, with the bound for all parts together."""
    pool = _Pool(ground)
    for part in parts:
        for team, stops in part.found:
            pool.add(team, stops)
    _, bound = _price_visits(ground, pool, _ROUNDS_OF_WHOLE)
    whole = tuple(_without_repeats(ground, pool, _choose(ground, pool, GAP)[0]))
    return min(tours, whole, key=lambda some: sum(tour.metres for tour in some)), bound


@dataclass(frozen=True)
class _Part:
    """The tours chosen in a part of the ground, all that were found (team, stops), and the bound of the part."""

    tours: tuple[Tour, ...]
    found: tuple[tuple[int, Ints], ...]
    bound: float


def _neighbours(ground: TravelProblem, teams: Ints, visits: Ints, most: int) -> list[Ints]:
    """Teams halved along their longer side until no part has more than so many visits."""
    if visits[teams].sum() <= most or len(teams) == 1:
        return [np.sort(teams)]
    bases = ground.bases[teams]
    order = teams[np.argsort(bases[:, int(np.ptp(bases[:, 1]) > np.ptp(bases[:, 0]))], kind="stable")]
    half = len(order) // 2
    return [*_neighbours(ground, order[:half], visits, most), *_neighbours(ground, order[half:], visits, most)]


def _choose_in_part(ground: TravelProblem, teams: Ints, team: Ints, *, exactly: bool) -> _Part:
    """Tours of the visits that some teams have at first, and their bound."""
    visits = np.flatnonzero(np.isin(team, teams))
    part = ground.part(teams, visits)
    pool = _first_tours(part, np.searchsorted(teams, team[visits]))
    chosen, bound = _choose_exactly(part, pool) if exactly else _choose_quickly(part, pool)
    tours = [
        Tour(int(teams[one.team]), tuple(visits[list(one.stops)].tolist()), one.metres)
        for one in _without_repeats(part, pool, chosen)
    ]
    found = [
        (int(teams[one]), np.where(stops >= 0, visits[stops], -1))
        for one, stops in ((one, pool.stops[pool.team == one]) for one in range(len(teams)))
    ]
    return _Part(tuple(tours), tuple(found), bound)


def _first_tours(ground: TravelProblem, team: Ints) -> _Pool:
    """Tours to begin with: of a first choice of teams that have room, and each visit as a tour of its own."""
    pool, visits = _Pool(ground), np.arange(len(ground.places))
    for one in range(len(ground.weeks)):
        pool.add(one, _simple_tours(ground, one, visits[team == one]))
        pool.add(one, _alone(ground, one))
    return pool


def _choose_quickly(ground: TravelProblem, pool: _Pool) -> tuple[Ints, float]:
    """Choose among the tours that priced the visits: row numbers of the pool, and the bound."""
    _, bound = _price_visits(ground, pool, _ROUNDS)
    return _choose(ground, pool, _COARSE)[0], bound


def _choose_exactly(ground: TravelProblem, pool: _Pool) -> tuple[Ints, float]:
    """Choose tours as near to the best as can be proved: row numbers of the pool, and the bound."""
    worth, bound = _price_visits(ground, pool, _ROUNDS)
    # A choice with a tour that is not listed costs more than `reached`; up to that the best of the listed is a bound.
    # Where that proves too little, all tours are listed that could be part of anything better than what was chosen.
    spread = _SPREAD * bound
    while True:
        listed = _list_near_best(ground, pool, worth, spread)
        chosen, proved = _choose(ground, pool, GAP)
        metres = float(pool.metres[chosen].sum())
        if listed < spread or min(proved, bound + listed) >= (1 - GAP) * metres or bound + spread >= metres:
            break
        spread = metres - bound
    return chosen, max(bound, min(proved, bound + listed, metres))


def _alone(ground: TravelProblem, team: int) -> Ints:
    """Each visit that the team may make as a tour of its own."""
    mine = np.flatnonzero(ground.allowed[team]) if ground.weeks[team, 0] else np.empty(0, dtype=np.int64)
    return np.pad(mine[:, None], ((0, 0), (0, ground.weeks.shape[1] - 1)), constant_values=-1)


def _simple_tours(ground: TravelProblem, team: int, mine: Ints) -> Ints:
    """A first choice that keeps to the weeks: from the farthest visit on, each week takes those nearest to it."""
    most = ground.weeks.shape[1]
    sizes = np.repeat(np.arange(most, 0, -1), -np.diff(np.append(ground.weeks[team], 0))[::-1])
    left = list(mine[np.argsort(-ground.base[team, mine], kind="stable")])
    rows = []
    for size in sizes:
        if not left:
            break
        near = np.argsort(ground.between[left[0], left], kind="stable")[:size]
        rows.append(_in_best_order(ground, team, np.array(left)[near]))
        left = [visit for at, visit in enumerate(left) if at not in set(near.tolist())]
    return np.array(rows, dtype=np.int64).reshape(-1, most)


def _in_best_order(ground: TravelProblem, team: int, visits: Ints) -> Ints:
    """The same visits as one tour, in the order that travels least."""
    stops = order_stops(ground.between[np.ix_(visits, visits)], ground.base[team, visits])
    return np.pad(visits[stops], (0, ground.weeks.shape[1] - len(visits)), constant_values=-1)


def _price_visits(ground: TravelProblem, pool: _Pool, rounds: int) -> tuple[_Worth, float]:
    """Find what each visit is worth and add tours to the pool until no tour costs less than its visits are worth.

    Halfway between the best worth so far and the new one is tried first: the new one alone swings from round to round.
    While the worth is far from right only a few unfinished tours are followed, since nearly all look good.
    """
    best, bound, followed = None, -np.inf, _FOLLOWED_AT_FIRST
    for _ in range(rounds):
        latest, value = _solve(ground, pool)
        added = 0
        for worth in (best.between(latest), latest) if best else (latest,):
            new, proved = _look_for_tours(ground, pool, worth, followed)
            added += new
            if proved > bound:
                best, bound = worth, proved
            if added:
                break
        if value - bound < GAP / 4 * value or (not added and followed == _FOLLOWED):
            break
        followed = followed if added else _FOLLOWED
    return best or latest, float(bound)


def _solve(ground: TravelProblem, pool: _Pool) -> tuple[_Worth, float]:
    """The programme in which tours may be chosen in part."""
    visits, weeks = len(ground.between), ground.weeks
    found = linprog(pool.metres, A_ub=pool.rows(), b_ub=_limits(ground), method="highs")
    duals = -found.ineqlin.marginals
    return _Worth(duals[:visits], duals[visits:-1].reshape(weeks.shape), float(duals[-1])), float(found.fun)


def _limits(ground: TravelProblem) -> Floats:
    least = -fewest_tours(ground.weeks, len(ground.between))
    return np.concatenate([-np.ones(len(ground.between)), ground.weeks.ravel(), [least]])


def fewest_tours(weeks: Ints, visits: int) -> int:
    """How many tours so many visits need at least: the weeks with most room are filled first."""
    most = weeks.shape[1]
    exactly = -np.diff(np.append(weeks.sum(axis=0), 0))
    sizes = np.repeat(np.arange(most, 0, -1), exactly[::-1])
    return int(np.searchsorted(np.cumsum(sizes), visits)) + 1 if visits else 0


def _look_for_tours(ground: TravelProblem, pool: _Pool, worth: _Worth, followed: int) -> tuple[int, float]:
    """Add what each team finds; also the bound that the worth of the visits proves (Lagrange)."""
    new = 0
    proved = worth.visits.sum() - (worth.toll * ground.weeks).sum()
    proved += worth.tour * fewest_tours(ground.weeks, len(ground.between))
    for team, weeks in enumerate(ground.weeks):
        if weeks[0]:
            found = _found_by(ground, team, worth, -_NEGLIGIBLE, followed)
            new += pool.add(team, found.stops[:_A_ROUND])
            proved += weeks[0] * min(found.least, 0.0)
    return new, float(proved)


def _found_by(ground: TravelProblem, team: int, worth: _Worth, limit: float, most: int) -> Found:
    """Tours of a team with a reduced cost below the limit, best first; and the least that any tour of it has."""
    mine = np.flatnonzero(ground.allowed[team])
    toll = worth.toll[team, : int((ground.weeks[team] > 0).sum())].copy()
    toll[0] -= worth.tour
    between, base = ground.between[np.ix_(mine, mine)], ground.base[team, mine]
    found = find_tours(between, base, worth.visits[mine], toll, limit, most)
    stops = np.where(found.stops >= 0, mine[found.stops], -1) if len(mine) else found.stops
    missing = ground.weeks.shape[1] - len(toll)
    return replace(found, stops=np.pad(stops, ((0, 0), (0, missing)), constant_values=-1))


def _list_near_best(ground: TravelProblem, pool: _Pool, worth: _Worth, spread: float) -> float:
    """Add the tours with the least reduced cost, up to the spread.

    Says how far that came: a choice with a tour that is not in the pool costs at least so much more than the bound.
    """
    teams = [team for team, weeks in enumerate(ground.weeks) if weeks[0]]
    share = _LISTED // max(len(teams), 1)
    for team in teams:
        found = _found_by(ground, team, worth, spread, _ENUMERATED)
        pool.add(team, found.stops[:share])
        if not found.complete:
            return 0.0
        if len(found.stops) > share:
            spread = min(spread, float(found.reduced[share]))
    return spread


def _choose(ground: TravelProblem, pool: _Pool, gap: float) -> tuple[Ints, float]:
    """Choose whole tours of the pool (HiGHS): their row numbers, and the least that any choice among the pool costs."""
    found = milp(
        pool.metres,
        constraints=LinearConstraint(pool.rows(), -np.inf, _limits(ground)),
        integrality=np.ones(len(pool.metres)),
        bounds=(0, 1),
        options={"mip_rel_gap": gap, "node_limit": _NODES},
    )
    return np.flatnonzero(found.x > 0.5), float(found.mip_dual_bound)


def _without_repeats(ground: TravelProblem, pool: _Pool, chosen: Ints) -> Iterator[Tour]:
    """The chosen tours, a visit that is in two of them left in the first only: to leave it out makes no tour longer."""
    seen: set[int] = set()
    for row in chosen:
        team, stops = int(pool.team[row]), [int(stop) for stop in pool.stops[row] if stop >= 0 and stop not in seen]
        seen.update(stops)
        if stops:
            yield Tour(team, tuple(stops), float(measure_tour(ground, team, np.array([stops]))[0]))
