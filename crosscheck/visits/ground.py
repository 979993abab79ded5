"""Where visits and teams are, and what a tour is."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from crosscheck.visits.plan_file import TeamPlan

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

_JITTER: Final = 1.0  # metres


@dataclass(frozen=True)
class TravelProblem:
    """Where visits and teams are, and what each team can do.

    Attributes:
        places: of the visits, n × 2, in metres.
        bases: of the teams, teams × 2, in metres.
        allowed: whether the team may make the visit, teams × n.
        weeks: how many weeks of the team have room for at least 1, 2, … visits, teams × most visits a week.
    """

    places: Floats
    bases: Floats
    allowed: NDArray[np.bool_]
    weeks: Ints

    @cached_property
    def base(self) -> Floats:
        """Metres from each team's base to each visit, teams × n."""
        return metres_between(self.bases, self.places)

    @cached_property
    def between(self) -> Floats:
        """Metres from visit to visit, n × n."""
        return metres_between(self.places, self.places)

    def part(self, teams: Ints, visits: Ints) -> TravelProblem:
        """The ground of some teams and some visits."""
        return TravelProblem(
            self.places[visits], self.bases[teams], self.allowed[np.ix_(teams, visits)], self.weeks[teams]
        )


def metres_between(some: Floats, others: Floats) -> Floats:
    """Straight lines from each of some places to each of others."""
    return np.hypot(some[:, None, 0] - others[None, :, 0], some[:, None, 1] - others[None, :, 1])


@dataclass(frozen=True)
class Tour:
    """Visits (row numbers of the ground) that a team makes in one week, in order, and the metres there and back."""

    team: int
    stops: tuple[int, ...]
    metres: float


def measure_tour(ground: TravelProblem, team: int, stops: Ints) -> Floats:
    """Metres of tours of a team, one row a tour, −1 after the last stop: from the base and back."""
    metres: Floats = ground.base[team, stops[:, 0]] + ground.base[team, last_stops(stops)]
    for at in range(1, stops.shape[1]):
        there = stops[:, at] >= 0
        metres[there] += ground.between[stops[there, at - 1], stops[there, at]]
    return metres


def last_stops(stops: Ints) -> Ints:
    """The last visit of each tour, one row a tour, −1 after it."""
    last: Ints = stops[np.arange(len(stops)), (stops >= 0).sum(axis=1) - 1]
    return last


def locate(visits: pl.DataFrame, plan: TeamPlan) -> tuple[Floats, Floats]:
    """Where visits and bases are, in metres.

    A place that is not known is taken to be in the middle of those that are known in its region (of all, where none
    is). Each is moved by less than a metre, by a hash of its name, so that no two plans travel equally far and there is
    one best plan, whoever computes it.
    """
    known = ["easting", "northing"]
    middle = pl.col(known).mean().over("region")
    where = visits.with_columns(pl.col(known).fill_null(middle).fill_null(pl.col(known).mean()).fill_null(0.0))
    by_region = where.group_by("region").agg(pl.col(known).mean())
    bases = [
        (team.easting, team.northing)
        if team.easting is not None
        else by_region.filter(pl.col("region").is_in(list(team.regions))).select(pl.col(known).mean()).row(0)
        for team in plan.teams
    ]
    bases_known = np.array([[value or 0.0 for value in base] for base in bases])
    return where.select(known).to_numpy() + _jitter(visits["org_code"].to_list()), bases_known + _jitter(
        [team.name for team in plan.teams]
    )


def _jitter(names: list[str]) -> Floats:
    digests = [hashlib.sha256(name.encode()).digest() for name in names]
    parts = [[int.from_bytes(digest[:6], "big"), int.from_bytes(digest[6:12], "big")] for digest in digests]
    return np.array(parts, dtype=np.float64).reshape(-1, 2) / 2**48 * _JITTER
