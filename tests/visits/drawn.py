"""Draws from the embedded frame, with lapses that are made up: how often intervals hold what is true."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from crosscheck.collection.read import Collection
from crosscheck.visits.draw import allocate, join_strata
from crosscheck.visits.prevalence_estimates import Drawn, Population, estimate_prevalence

# How lapses lie: each declaration by itself; both of a trust's two in half of the cases, or always; and by type, those
# of primary care trusts twice, or half, as often as those of acute trusts, and others seldom.
BY_TYPE: Final = {
    "none": (1.0, 1.0, 1.0),
    "more in care trusts": (2.0, 0.6, 0.3),
    "fewer in care trusts": (1.0, 2.0, 1.0),
}
TRUTHS: Final = (
    (0.5, "none"),
    (1.0, "none"),
    (0.5, "more in care trusts"),
    (1.0, "more in care trusts"),
    (1.0, "fewer in care trusts"),
)
ESTIMATES: Final = ("horvitz_thompson", "hajek", "aided")


@dataclass(frozen=True)
class Frame:
    """One element an organisation: its type, and how many declarations of compliance it has."""

    types: np.ndarray
    tested: np.ndarray


@dataclass(frozen=True)
class Campaign:
    """What many draws gave: how often the interval held the truth, its mean width, the mean and spread of the values.

    `wilson` is the mean width of Wilson's interval with the number that makes one of its draws as sure as the estimate
    truly is over all draws; `own` with the number that each draw itself was taken for.
    """

    coverage: float
    width: float
    wilson: float
    own: float
    bias: float
    spread: float
    error: float


def read_frame(collection: Collection) -> Frame:
    """Organisations with a declaration of compliance in the embedded collection's last year."""
    compliant = (pl.col("year") == "2008/09") & (pl.col("status") == "compliant")
    declared = collection.tables["declarations"].filter(compliant).group_by("org_code").agg(tested=pl.len())
    named = declared.join(collection.tables["organisations"], on="org_code").sort("org_code")
    return Frame(named["org_type"].cast(pl.String).to_numpy(), named["tested"].to_numpy().astype(float))


def make_up_lapses(frame: Frame, share: float, together: float, by_type: str, seed: int) -> np.ndarray:
    """How many declarations of each organisation a visit would not uphold; `share` of all, to the nearest whole."""
    rng, weights = np.random.default_rng(seed), BY_TYPE[by_type]
    weight = np.select([frame.types == "pct", frame.types == "acute"], weights[:2], weights[2])
    wanted, found = round(share * frame.tested.sum()), np.zeros(len(frame.tested))
    for place in np.argsort(rng.exponential(size=len(weight)) / weight):
        lapses = frame.tested[place] if rng.random() < together else 1.0
        found[place] = min(lapses, wanted - found.sum())
    return found


def draw_many(
    frame: Frame, found: np.ndarray, number: int, draws: int, seed: int
) -> Iterator[tuple[Drawn, Population]]:
    """Simple random draws within strata, as the ticket draw makes them; the stated risk foretells some lapses."""
    rng = np.random.default_rng([seed, number])
    names = dict(zip(*np.unique(frame.types, return_counts=True), strict=True))
    joined = join_strata({str(name): int(size) for name, size in names.items()}, number)
    strata, stratum = np.unique([joined[name] for name in frame.types], return_inverse=True)
    sizes = np.bincount(stratum)
    draws_of = allocate({str(name): int(size) for name, size in zip(strata, sizes, strict=True)}, number)
    of_stratum = np.array([draws_of[str(name)] for name in strata])
    risk = frame.tested * found.sum() / frame.tested.sum()
    risk = np.minimum(risk * np.exp(0.7 * rng.normal(size=len(risk)) + 0.9 * (found > 0)), 0.95 * frame.tested)
    population = Population(float(len(risk)), float(frame.tested.sum()), float(risk.sum()))
    for _ in range(draws):
        order = rng.permutation(len(risk))
        place = np.empty(len(risk), dtype=np.int64)
        for one in range(len(strata)):
            members = order[stratum[order] == one]
            place[members] = np.arange(len(members))
        taken = np.flatnonzero(place < of_stratum[stratum])
        chance = (of_stratum / sizes)[stratum[taken]]
        yield Drawn(stratum[taken], chance, frame.tested[taken], found[taken], risk[taken]), population


def try_intervals(frame: Frame, found: np.ndarray, number: int, draws: int, seed: int) -> dict[str, Campaign]:
    """Each of the three estimates over many draws."""
    truth = found.sum() / frame.tested.sum()
    every = [estimate_prevalence(*drawn) for drawn in draw_many(frame, found, number, draws, seed)]
    return {name: _sum_up([getattr(one, name) for one in every], float(truth)) for name in ESTIMATES}


def wilson_width(share: np.ndarray, number: np.ndarray | float) -> float:
    """The mean width of Wilson's interval at 95%, cut off at 0 and 1."""
    z2 = 1.959964**2
    centre = (share + z2 / (2 * number)) / (1 + z2 / number)
    margin = np.sqrt(z2 * (share * (1 - share) / number + z2 / (4 * number**2))) / (1 + z2 / number)
    return float(np.mean(np.clip(centre + margin, 0, 1) - np.clip(centre - margin, 0, 1)))


def _sum_up(estimates: list, truth: float) -> Campaign:
    columns = ("value", "low", "high", "error", "effective")
    value, low, high, error, effective = (np.array([getattr(one, name) for one in estimates]) for name in columns)
    shares = np.clip(value, 0, 1)
    return Campaign(
        coverage=float(np.mean((low <= truth + 1e-12) & (truth <= high + 1e-12))),
        width=float(np.mean(high - low)),
        wilson=wilson_width(shares, truth * (1 - truth) / value.var()),
        own=wilson_width(shares, effective),
        bias=float(value.mean() - truth),
        spread=float(value.std()),
        error=float(np.sqrt(np.mean(error**2))),
    )
