"""The plan: whom to visit by duty, by risk and by lot (design: method, section 5)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from crosscheck.vocabulary import ARMS, COMPLIANT

_KEYS: Final = ("org_code", "function")


@dataclass(frozen=True)
class Capacity:
    """How many visits there can be, what share of them is drawn by lot, and the sealed seed of the draw."""

    visits: int
    random_share: float
    seed: int

    @property
    def by_lot(self) -> int:
        """Visits of the random arm."""
        return round(self.visits * self.random_share)


def plan_visits(ranked: pl.DataFrame, duties: pl.DataFrame, capacity: Capacity) -> pl.DataFrame:
    """Choose whom to visit.

    A visit tests a declaration of compliance, so only such declarations are chosen; a lapse that a board has declared
    is followed up, not cross-checked. First every compliant declaration against which the organisation's own answers
    say that a statutory duty is unmet, worst first, up to half of the visits that are not by lot, so that neither duty
    nor risk can crowd the other out (*choice*); then the draw by lot, in which every other compliant declaration has
    the same known chance; then those with the highest risk. The lot is drawn before risk chooses: without that nobody
    could say afterwards what the list is worth.

    Args:
        ranked: one row a declaration, `rank` 1 the worst, with `declared`, `org_type`, `region`.
        duties: declarations (`org_code`, `function`) with a statutory duty unmet on the organisation's own word.
        capacity: how many visits, how many of them by lot, and the seed.

    Returns:
        One row a declaration, in the order of `ranked`: `selected_by` (an arm, or null) and `inclusion_probability`,
        the chance in the draw by lot (null where it was not in the draw).
    """
    places = max(capacity.visits - capacity.by_lot, 0)
    compliant = pl.col("declared") == COMPLIANT
    bound = ranked.join(duties.unique(), on=_KEYS, how="semi").filter(compliant).sort("rank").head(places // 2)
    frame = ranked.filter(compliant).join(bound, on=_KEYS, how="anti")
    drawn = draw_by_lot(frame, capacity)
    left = frame.join(drawn, on=_KEYS, how="anti").sort("rank")
    chosen = {"mandatory": bound, "risk": left.head(places - bound.height), "random": drawn}
    arms = pl.concat([chosen[arm].select(*_KEYS, selected_by=pl.lit(arm)) for arm in ARMS])
    chance = min(capacity.by_lot / frame.height, 1.0) if frame.height else 0.0
    chances = frame.select(*_KEYS, inclusion_probability=pl.lit(chance))
    return (
        ranked.select(_KEYS)
        .join(arms, on=_KEYS, how="left", maintain_order="left")
        .join(chances, on=_KEYS, how="left", maintain_order="left")
    )


def draw_by_lot(frame: pl.DataFrame, capacity: Capacity) -> pl.DataFrame:
    """Draw declarations with equal chances, spread over types, functions and regions.

    Systematic sampling from a list that is sorted by stratum and shuffled within it: every declaration has exactly the
    chance n / N, and each stratum gets its share to within one visit (Cochran 1977, Sampling Techniques, chapter 8).
    The shuffle depends on the seed and on who is in the draw, not on the order of rows.
    """
    wanted = min(capacity.by_lot, frame.height)
    if not wanted:
        return frame.clear()
    generator = np.random.default_rng(capacity.seed)
    lots = frame.sort(_KEYS).with_columns(lot=pl.Series(generator.random(frame.height)))
    listed = lots.sort("org_type", "function", "region", "lot")
    steps = np.floor((np.arange(frame.height + 1) + generator.random()) * wanted / frame.height)
    return listed.filter(pl.Series(np.diff(steps) > 0)).drop("lot")
