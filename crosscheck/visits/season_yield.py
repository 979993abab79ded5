"""What a season of visits brought: by arm, against the random arm, for all declarations, and week by week."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl
from scipy.special import ndtr, ndtri

from crosscheck.visits.binomial import LEVEL, binomial_interval
from crosscheck.visits.confidence_sequence import SEQUENCE, follow_weeks
from crosscheck.visits.draw import WHOLE, Frame, leave_visited
from crosscheck.visits.hit_rates import OUTCOME, rate_checks, rate_criteria, rate_groups, size_thirds
from crosscheck.visits.plan import ADDED, PRACTICE, visiting_arm
from crosscheck.visits.prevalence_estimates import (
    Drawn,
    Population,
    PrevalenceEstimates,
    ShareEstimate,
    effective_number,
    estimate_prevalence,
    further_visits,
    group_by_organisation,
)
from crosscheck.vocabulary import ARMS

if TYPE_CHECKING:
    from collections.abc import Sequence

RANDOM: Final = "random"
RISK: Final = "risk"
REMOVED: Final = "removed"  # chosen by an arm, and removed in the plan or decided on without a visit
OUTSIDE: Final = "not planned"  # a visit of a declaration that neither an arm nor a person chose
_BEFORE_ALL_VISITS: Final = date.min
ARM_YIELD: Final = pl.Schema(
    {
        "arm": pl.String(),
        "organisations_planned": pl.Int64(),
        "organisations_visited": pl.Int64(),
        "organisations_not_upheld": pl.Int64(),
        "declarations_visited": pl.Int64(),
        "not_upheld": pl.Int64(),
        "share": pl.Float64(),
        "effective": pl.Float64(),
        "low": pl.Float64(),
        "high": pl.Float64(),
    }
)
DECISIONS: Final = pl.Schema(
    {"org_code": pl.String(), "function": pl.String(), "kind": pl.String(), "decided_on": pl.Date()}
)
GROUPINGS: Final = ("org_type", "region", "size")
# The two rates that a season should be able to tell apart: what risk and random visits found in 2009, rounded.
TO_TELL: Final = (0.26, 0.13)
_POWER: Final = 0.8
_KEYS: Final = ("org_code", "function")
_ENDLESS: Final = 1e-9  # the chance of one among endlessly many: an arm that nobody drew speaks of itself alone


@dataclass(frozen=True)
class SeasonPlan:
    """What is known of a season.

    Attributes:
        listed: `outputs.OUTPUTS["visit_list"]` of the run by which visits were planned, with `added` (who added its
            organisation; null: nobody).
        frame: who took part in the random draw of that run, with which chances.
        visits: `inputs.INPUTS["visits"]` of the year; of two of one declaration the later one counts.
        looks: `inputs.INPUTS["visit_items"]` of the year; without a row where nobody recorded criteria.
        findings: of the run: `org_code`, `function`, `check_id`, `verdict`.
        organisations: `inputs.INPUTS["organisations"]`.
        decisions: `DECISIONS`, what people decided on the declarations of the run; without a row where nobody did, or
            where it is not known.
        draw: whether the random draw of the run binds, in words (`plan.describe_draw`).
        removed: the organisations that the plan of the run removed from the visits by risk (`design.Removed`).
    """

    listed: pl.DataFrame
    frame: Frame
    visits: pl.DataFrame
    looks: pl.DataFrame
    findings: pl.DataFrame
    organisations: pl.DataFrame
    decisions: pl.DataFrame = field(default_factory=DECISIONS.to_frame)
    draw: str = PRACTICE
    removed: tuple[str, ...] = ()


@dataclass(frozen=True)
class Lift:
    """How many times as often visits by risk did not uphold as random ones; NaN where random ones found nothing."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Power:
    """What the season could tell, and what more it would take.

    Attributes:
        half_width: to which the interval of the prevalence shall narrow, in shares.
        reached: half the width of the interval as it is.
        further: how many more organisations must be drawn for `half_width`, whatever was found.
        to_tell: the chance to tell the two rates of `TO_TELL` apart with the visits made.
        random_needed: how many random organisations it takes for a chance of 80%, with the visits by risk that were
            made; null where no number would do.
        each_needed: how many in each of the two arms, if both had as many.
    """

    half_width: float
    reached: float
    further: int
    to_tell: float
    random_needed: int | None
    each_needed: int


@dataclass(frozen=True)
class SeasonYield:
    """All that a season of visits brought.

    Attributes:
        arms: `ARM_YIELD`, the arms in their order; then those that a person added, removed (these stand in their arm as
            well), and those not planned, if there are any.
        draw: whether the random draw binds, in words.
        is_adaptive: whether one sample was drawn with unequal chances; there is then no weekly range.
        lift: visits by risk over random ones.
        population: what the random arm speaks of.
        prevalence: the share of its declarations that a visit would not uphold.
        with_mandatory: the same with those that had to be visited; NaN until all of them were.
        partly: organisations of the random arm of which some, not all declarations were visited; they wait.
        weekly: `confidence_sequence.SEQUENCE`; without a row in the adaptive design.
        power: what the season could tell.
        checks: `hit_rates.FLAG_RATES` by rule.
        criteria: the same by criterion.
        groups: `hit_rates.GROUP_RATES` by type, region and size.
    """

    arms: pl.DataFrame
    draw: str
    is_adaptive: bool
    lift: Lift
    population: Population
    prevalence: PrevalenceEstimates
    with_mandatory: ShareEstimate
    partly: int
    weekly: pl.DataFrame
    power: Power
    checks: pl.DataFrame
    criteria: pl.DataFrame
    groups: pl.DataFrame


def outcomes_of_visits(visits: pl.DataFrame) -> pl.DataFrame:
    """`OUTCOME` by declaration: of two visits of one declaration the later, of two of one day the worse counts."""
    not_upheld = (pl.col("finding") == "qualified").alias("not_upheld")
    ordered = visits.select(*_KEYS, "visited_on", not_upheld).sort(*_KEYS, "visited_on", "not_upheld")
    return ordered.unique(_KEYS, keep="last", maintain_order=True).cast(OUTCOME)


def measure_yield(season: SeasonPlan, half_width: float = 0.05, level: float = LEVEL) -> SeasonYield:
    """Measure what a season of visits brought.

    Args:
        season: the plan and the outcomes; no row is changed.
        half_width: to which the interval of the prevalence should narrow.
        level: how often intervals shall cover.

    Returns:
        Everything that can be said; where nothing was visited, shares are unknown and intervals go from 0 to 1.
    """
    outcomes = outcomes_of_visits(season.visits)
    planned = _plan(season)
    judged = planned.join(outcomes, on=_KEYS, how="left")
    arms = _yield_of_arms(judged, _outside(planned, outcomes), level)
    organisations = _sum_up(judged)
    complete = organisations.filter((pl.col("arm") == RANDOM) & pl.col("whole"))
    is_adaptive = WHOLE in season.frame.draws
    population = _population(organisations)
    prevalence = estimate_prevalence(_drawn(judged, season.frame, complete), population, level)
    frame = organisations.filter(pl.col("stratum").is_not_null())
    chosen = planned.with_columns(selected_by="arm").join(size_thirds(season.organisations), on="org_code", how="left")
    return SeasonYield(
        arms=arms,
        draw=season.draw,
        is_adaptive=is_adaptive,
        lift=compare_arms(arms, level),
        population=population,
        prevalence=prevalence,
        with_mandatory=_with_mandatory(organisations, population, prevalence.hajek),
        partly=organisations.filter((pl.col("arm") == RANDOM) & (pl.col("visited") > 0) & ~pl.col("whole")).height,
        # With unequal chances no range is known that holds in all weeks at once.
        weekly=SEQUENCE.to_frame() if is_adaptive else follow_weeks(frame, _by_week(complete), level),
        power=_power(arms, prevalence, population, half_width, level),
        checks=rate_checks(season.findings, outcomes, level),
        criteria=rate_criteria(season.looks, outcomes, level),
        groups=rate_groups(chosen, outcomes, GROUPINGS, level),
    )


def compare_arms(arms: pl.DataFrame, level: float = LEVEL) -> Lift:
    """The share of the arm by risk over that of the random arm.

    The ends join the exact intervals of both shares (MOVER: Donner and Zou 2012, Statistical Methods in Medical
    Research 21:347-359), also where one arm found nothing. To divide the ends by each other would cover 99.9 in 100,
    and seldom tell two arms apart. The upper end is infinite where the random arm may have nothing to find.

    Args:
        arms: `ARM_YIELD`.
        level: how often the interval shall cover.
    """
    both = {row["arm"]: row for row in arms.to_dicts()}
    risk, random = both[RISK], both[RANDOM]
    if not risk["declarations_visited"] or not random["declarations_visited"]:
        return Lift(math.nan, math.nan, math.nan)
    shares = risk["share"], random["share"]
    low, high = binomial_interval(shares, [risk["effective"], random["effective"]], level)
    value = shares[0] / shares[1] if shares[1] else math.nan
    return Lift(value, *_join_intervals(shares, low.tolist(), high.tolist()))


def _join_intervals(shares: Sequence[float], low: Sequence[float], high: Sequence[float]) -> tuple[float, float]:
    """The ends of the ratio of two shares, from the ends of each."""

    def root(one: float, other: float) -> float:
        return math.sqrt(max((shares[0] * shares[1]) ** 2 - one * other, 0.0))

    product = shares[0] * shares[1]
    least = low[0] * (2 * shares[0] - low[0]), high[1] * (2 * shares[1] - high[1])
    most = high[0] * (2 * shares[0] - high[0]), low[1] * (2 * shares[1] - low[1])
    # Divided by the sum with the root, and not by the second part, which may be 0 or less where little was found.
    lower = least[0] / (product + root(*least)) if low[0] else 0.0
    return lower, (product + root(*most)) / most[1] if low[1] else math.inf


def power_to_tell(one: float, other: float, level: float = LEVEL) -> float:
    """The chance that so many visits in each arm tell the rates of `TO_TELL` apart (Cohen 1988, arcsine)."""
    if min(one, other) <= 0:
        return 0.0
    return float(ndtr(_distance() * math.sqrt(one * other / (one + other)) - _error(level)))


def visits_to_tell(given: float, level: float = LEVEL) -> float | None:
    """How many visits beside a `given` number tell the rates apart with a chance of 80%; none if no number does."""
    left = (_distance() / (_error(level) + float(ndtri(_POWER)))) ** 2 - (1 / given if given > 0 else math.inf)
    return 1 / left if left > 0 else None


def _distance() -> float:
    first, second = (2 * math.asin(math.sqrt(rate)) for rate in TO_TELL)
    return first - second


def _error(level: float) -> float:
    return float(ndtri((1 + level) / 2))


def _plan(season: SeasonPlan) -> pl.DataFrame:
    """One row a declaration that could be chosen, with its arm, its stratum in the draw, and whether it was removed.

    A person adds where no arm chose: who was drawn stays in the draw, or the draw would no longer be one.
    """
    decided = season.decisions.select(*_KEYS, "kind", "decided_on")
    by_decision = pl.when(pl.col("kind") == "visit").then(pl.lit(ADDED))
    return (
        season.listed.filter(pl.col("pool") == "to_visit")
        .join(season.frame.organisations.select("org_code", "stratum"), on="org_code", how="left")
        .join(decided, on=_KEYS, how="left")
        .with_columns(arm=pl.coalesce(visiting_arm(), by_decision))
        .with_columns(
            removed_on=pl.when(pl.col("selected_by").is_not_null()).then(
                pl.when(pl.col("org_code").is_in(season.removed))
                .then(_BEFORE_ALL_VISITS)
                .when(pl.col("kind") != "visit")
                .then("decided_on")
            )
        )
        .select(*_KEYS, "org_type", "region", "stratum", "risk", "selected_by", "arm", "removed_on")
        .sort(_KEYS)
    )


def _outside(planned: pl.DataFrame, outcomes: pl.DataFrame) -> pl.DataFrame:
    """Visits of declarations that neither an arm nor a person chose."""
    chosen = planned.filter(pl.col("arm").is_not_null())
    return outcomes.join(chosen, on=_KEYS, how="anti").with_columns(arm=pl.lit(OUTSIDE))


def _yield_of_arms(judged: pl.DataFrame, outside: pl.DataFrame, level: float) -> pl.DataFrame:
    rows = [_yield_of_arm(arm, judged.filter(pl.col("arm") == arm)) for arm in (*ARMS, ADDED)]
    # A decision on or after the day of the visit follows from it, and removed nothing.
    before = pl.col("visited_on").is_null() | (pl.col("removed_on") < pl.col("visited_on"))
    rows.append(_yield_of_arm(REMOVED, judged.filter(pl.col("removed_on").is_not_null() & before)))
    rows.append({**_yield_of_arm(OUTSIDE, outside), "organisations_planned": 0})
    shown = [row for row in rows if row["arm"] in ARMS or row["organisations_planned"] or row["organisations_visited"]]
    arms = pl.DataFrame(shown, infer_schema_length=None).with_columns(pl.col("share").fill_nan(None))
    low, high = binomial_interval(arms["share"].fill_null(0.0).to_numpy(), arms["effective"].to_numpy(), level)
    return arms.with_columns(low=pl.Series(low), high=pl.Series(high)).select(ARM_YIELD.names()).cast(ARM_YIELD)


def _yield_of_arm(arm: str, judged: pl.DataFrame) -> dict[str, object]:
    visited = judged.filter(pl.col("not_upheld").is_not_null())
    found = int(visited["not_upheld"].sum())
    share = found / visited.height if visited.height else math.nan
    return {
        "arm": arm,
        "organisations_planned": judged["org_code"].n_unique(),
        "organisations_visited": visited["org_code"].n_unique(),
        "organisations_not_upheld": visited.filter("not_upheld")["org_code"].n_unique(),
        "declarations_visited": visited.height,
        "not_upheld": found,
        "share": share,
        "effective": _effective(visited, share) if visited.height else 0.0,
    }


def _effective(visited: pl.DataFrame, share: float) -> float:
    """How many declarations that have nothing to do with one another are as sure: two of one trust are not two."""
    one_stratum = visited.select(
        "org_code", "not_upheld", stratum=pl.lit(""), inclusion_probability=pl.lit(_ENDLESS), risk=pl.lit(0.0)
    )
    drawn = group_by_organisation(one_stratum.rename({"not_upheld": "otherwise"}))
    return min(effective_number(drawn, share, visited.height / _ENDLESS), float(visited.height))


def _sum_up(judged: pl.DataFrame) -> pl.DataFrame:
    """One row an organisation: its arm and stratum (null: not in the draw), and whether all of it was visited."""
    return (
        judged.group_by("org_code")
        .agg(
            pl.col("arm").sort(nulls_last=True).first(),
            pl.col("stratum").first(),
            declarations=pl.len().cast(pl.Int64),
            expected=pl.col("risk").sort().sum(),
            visited=pl.col("not_upheld").is_not_null().sum().cast(pl.Int64),
            found=pl.col("not_upheld").sum().cast(pl.Int64),
            last=pl.col("visited_on").max(),
        )
        .with_columns(whole=pl.col("visited") == pl.col("declarations"))
        .sort("org_code")
    )


def _population(organisations: pl.DataFrame) -> Population:
    frame = organisations.filter(pl.col("stratum").is_not_null())
    return Population(float(frame.height), float(frame["declarations"].sum()), float(frame["expected"].sum()))


def _drawn(judged: pl.DataFrame, frame: Frame, complete: pl.DataFrame) -> Drawn:
    """Those of the random arm that were visited whole, with the chances that they have while visits go on."""
    codes = complete["org_code"].to_list()
    so_far = leave_visited(frame, codes)
    chances = so_far.organisations.filter(pl.col("org_code").is_in(codes)).select("org_code", "inclusion_probability")
    visits = judged.join(chances, on="org_code").rename({"not_upheld": "otherwise"})
    return group_by_organisation(visits, so_far)


def _by_week(complete: pl.DataFrame) -> pl.DataFrame:
    """With the week in which the last declaration of each was visited, from the first visit on."""
    days = (pl.col("last") - pl.col("last").min()).dt.total_days()
    return complete.with_columns(week=days // 7 + 1)


def _with_mandatory(organisations: pl.DataFrame, population: Population, share: ShareEstimate) -> ShareEstimate:
    """The estimate and what was found where a visit was mandatory, over all declarations of both."""
    mandatory = organisations.filter(pl.col("arm") == "mandatory")
    if not mandatory["whole"].all():
        return ShareEstimate(math.nan, 0.0, 1.0, math.nan, 0.0)
    found, more = float(mandatory["found"].sum()), float(mandatory["declarations"].sum())
    every = population.declarations + more
    value, low, high = (
        (end * population.declarations + found) / every if every else math.nan
        for end in (share.value, share.low, share.high)
    )
    return ShareEstimate(value, low, high, share.error * population.declarations / max(every, 1.0), share.effective)


def _power(
    arms: pl.DataFrame, prevalence: PrevalenceEstimates, population: Population, half_width: float, level: float
) -> Power:
    by_arm = {row["arm"]: row for row in arms.to_dicts()}
    risk, random = by_arm[RISK], by_arm[RANDOM]
    of_organisation = _per_organisation(random)
    needed, equal = visits_to_tell(risk["effective"], level), _equal_arms(level)
    hajek = prevalence.hajek
    return Power(
        half_width=half_width,
        reached=(hajek.high - hajek.low) / 2,
        further=further_visits(prevalence.drawn, population, hajek, half_width, level),
        to_tell=power_to_tell(risk["effective"], random["effective"], level),
        random_needed=None if needed is None else math.ceil(needed / of_organisation),
        each_needed=math.ceil(equal / of_organisation),
    )


def _equal_arms(level: float) -> float:
    return float(2 * ((_error(level) + ndtri(_POWER)) / _distance()) ** 2)


def _per_organisation(arm: dict[str, float]) -> float:
    """For how many independent declarations an organisation counts; one until there was a visit."""
    visited = arm["organisations_visited"]
    return float(np.clip(arm["effective"] / visited, 0.5, 2.0)) if visited else 1.0
