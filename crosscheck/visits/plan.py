"""The plan: which organisations to visit for an unmet duty, by risk and at random (design: method, section 5)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from crosscheck.visits.draw import draw_at_random
from crosscheck.visits.duties import weigh_duties
from crosscheck.vocabulary import ARMS

if TYPE_CHECKING:
    from crosscheck.visits.model import MandatoryArm

_KEYS: Final = ("org_code", "function")
PRACTICE: Final = "practice draw, not binding"


@dataclass(frozen=True)
class Capacity:
    """How many organisations can be visited, what share of them is drawn at random, and the practice value of the draw.

    Whatever draws by chance elsewhere (the intervals of the risk) starts from the same `seed`.
    """

    visits: int
    random_share: float
    seed: int

    @property
    def at_random(self) -> int:
        """Visits of the random arm."""
        return round(self.visits * self.random_share)

    @property
    def chosen(self) -> int:
        """Visits of the other arms."""
        return max(self.visits - self.at_random, 0)


@dataclass(frozen=True)
class Plan:
    """Whom to visit.

    Attributes:
        declarations: one row a declaration, in the order of the list: `org_code`, `function`, `selected_by` (an arm, or
            null), `inclusion_probability` (of the random draw, that of its organisation; null where it was in none).
        draw: `draw.DRAW`, every organisation that took part in the random draw, with its ticket.
    """

    declarations: pl.DataFrame
    draw: pl.DataFrame


def plan_visits(listed: pl.DataFrame, duties: pl.DataFrame, capacity: Capacity, arm: MandatoryArm, year: str) -> Plan:
    """Choose whom to visit. The unit is the organisation: a visit looks at each of its declarations that it can test.

    A visit tests a declaration of compliance that nobody has visited this year (pool `to_visit`). First come the
    organisations whose own answers say that a grave statutory duty is unmet: the gravest, then those with most unmet
    duties, then by risk, up to the share of the model. Then the random draw among all others, in which each has a known
    chance; then those with the highest risk. The draw is made before risk chooses: without that nobody could say
    afterwards what the list is worth.

    Args:
        listed: one row a declaration: `rank` (1 is the first to visit), `org_code`, `function`, `org_type`, `pool`.
        duties: `frames.OUTPUTS["duties"]`.
        capacity: how many organisations, how many of them at random, and the practice value.
        arm: which duties make a visit mandatory, and how many visits they may take.
        year: the assessment year; it is part of each ticket.
    """
    testable = listed.filter(pl.col("pool").cast(pl.String) == "to_visit")
    organisations = testable.group_by("org_code").agg(pl.col("org_type").first(), pl.col("rank").min()).sort("rank")
    bound = _bound(organisations, testable.select(_KEYS).join(duties, on=_KEYS), capacity, arm)
    frame = organisations.join(bound, on="org_code", how="anti", maintain_order="left")
    draw = draw_at_random(frame, capacity.at_random, str(capacity.seed), year)
    drawn = draw.filter("drawn").select("org_code")
    left = frame.join(drawn, on="org_code", how="anti", maintain_order="left")
    chosen = {"mandatory": bound, "risk": left.head(capacity.chosen - bound.height), "random": drawn}
    arms = pl.concat([chosen[name].select("org_code", selected_by=pl.lit(name)) for name in ARMS])
    of_organisation = arms.join(
        draw.select("org_code", "inclusion_probability"), on="org_code", how="full", coalesce=True
    )
    planned = testable.select(_KEYS).join(of_organisation, on="org_code", how="left")
    return Plan(listed.select(_KEYS).join(planned, on=_KEYS, how="left", maintain_order="left"), draw)


def count_arms(visit_list: pl.DataFrame) -> dict[str, int]:
    """How many organisations each arm chose, by arm in the order of `vocabulary.ARMS`."""
    counts = visit_list.drop_nulls("selected_by").group_by("selected_by").agg(pl.col("org_code").n_unique())
    return dict.fromkeys(ARMS, 0) | dict(counts.iter_rows())


def describe_draw(draw: pl.DataFrame, capacity: Capacity, year: str) -> dict[str, Any]:
    """What the manifest says of the random draw: that it binds nobody, its value, and the chances by stratum."""
    strata = (
        draw.group_by("stratum")
        .agg(
            organisations=pl.len(),
            drawn=pl.col("drawn").sum(),
            inclusion_probability=pl.col("inclusion_probability").first(),
        )
        .sort("stratum")
    )
    told = {"binding": False, "note": PRACTICE, "value": str(capacity.seed), "year": year}
    return told | {"ticket": "SHA-256 of value|year|org_code", "strata": strata.to_dicts()}


def _bound(organisations: pl.DataFrame, duties: pl.DataFrame, capacity: Capacity, arm: MandatoryArm) -> pl.DataFrame:
    """The organisations of the mandatory arm: `org_code`."""
    grave = weigh_duties(duties, arm).filter(pl.col("gravity") >= arm.least_gravity)
    order = {"gravity": True, "number": True, "rank": False}
    ordered = organisations.join(grave, on="org_code").sort(*order, descending=list(order.values()))
    return ordered.head(int(capacity.chosen * arm.share)).select("org_code")
