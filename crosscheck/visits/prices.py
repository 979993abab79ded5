"""What each constraint of a plan costs in expected hits: the same visits fitted with and without it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from crosscheck.visits.capacity import MAY_GIVE_WAY, fit_visits, free_of_drawn_weeks, list_chosen
from crosscheck.visits.plan import visiting_arm

if TYPE_CHECKING:
    from collections.abc import Iterator

    from crosscheck.visits.capacity import Fit
    from crosscheck.visits.plan_file import Season, TeamPlan


@dataclass(frozen=True)
class Price:
    """A constraint, the expected hits of the plan with it and without it, each a sum of risks."""

    constraint: str
    expected_hits: float
    without: float

    @property
    def price(self) -> float:
        """Expected hits that the constraint costs; positive is lost."""
        return round(self.without - self.expected_hits, 6)


def price_constraints(
    visit_list: pl.DataFrame, organisations: pl.DataFrame, chosen: pl.DataFrame, plan: TeamPlan, fit: Fit
) -> tuple[Price, ...]:
    """The price of the random sample and its weeks, of regions, journeys, leave and total, where the plan has them.

    Without the random sample as many visits go to the organisations with most expected hits; unmet duties stay first.

    Args:
        visit_list: `outputs.OUTPUTS["visit_list"]`.
        organisations: with `easting` and `northing`.
        chosen: `capacity.VISITS`, whom the list chooses, with the weeks that were drawn.
        plan: teams and dates.
        fit: what fits the plan as it is.
    """
    hits = float(fit.visits["expected_hits"].sum())
    drawn_weeks = [("weeks drawn", free_of_drawn_weeks(chosen), plan)] * plan.tables.capacity.weeks_at_random
    return tuple(
        Price(constraint, hits, float(fit_visits(visits, other).visits["expected_hits"].sum()))
        for constraint, visits, other in (
            *_without_random(visit_list, organisations, plan, fit),
            *drawn_weeks,
            *((name, chosen, other) for name, other in _less_bound(plan)),
        )
    )


def _less_bound(plan: TeamPlan) -> Iterator[tuple[str, TeamPlan]]:
    travel, season = plan.tables.travel, plan.tables.capacity
    if not travel.across_borders:
        yield "regions of teams", plan.changed(travel=travel.model_copy(update={"across_borders": True}))
    if travel.longest_km is not None:
        yield "longest journey", plan.changed(travel=travel.model_copy(update={"longest_km": None}))
    if plan.tables.region:
        yield "limits of regions by week", plan.changed(region=())
    if plan.tables.leave:
        yield "leave", plan.changed(leave=())
    if season.total is not None:
        yield "total of visits", plan.changed(capacity=_with_total(season, None))


def _without_random(
    visit_list: pl.DataFrame, organisations: pl.DataFrame, plan: TeamPlan, fit: Fit
) -> Iterator[tuple[str, pl.DataFrame, TeamPlan]]:
    if "random" not in fit.visits["arm"]:
        return
    arm = visiting_arm()
    anybody = visit_list.with_columns(
        selected_by=pl.when(arm.is_null() | (arm == "random"))
        .then(pl.when(pl.col("pool").cast(pl.String) == "to_visit").then(pl.lit(MAY_GIVE_WAY)))
        .otherwise(pl.col("selected_by").cast(pl.String))
    )
    capacity = _with_total(plan.tables.capacity, fit.visits.height)
    yield "random sample", list_chosen(anybody, organisations), plan.changed(capacity=capacity)


def _with_total(season: Season, total: int | None) -> Season:
    return season.model_copy(update={"total": total})
