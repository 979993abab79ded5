"""What a season of visits brought, in sentences that are true in each case: no visit, one visit, nothing found."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from crosscheck.visits.season_yield import RANDOM, RISK, TO_TELL

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from crosscheck.visits.season_yield import SeasonYield

ARM_NAMES: Final = {
    "mandatory": "an unmet statutory duty",
    "risk": "the highest risk",
    "random": "the random draw",
    "added": "a person's addition",
    "removed": "removed by a person, visited all the same",
    "not planned": "no plan",
}


def describe_prevalence(found: SeasonYield) -> str:
    """The sentence that a minister could be told: how many declarations of compliance would not be upheld."""
    arms = _by_arm(found)
    if not sum(arm["declarations_visited"] for arm in arms.values()):
        return (
            "No visit of this season has been recorded yet, so nothing can be said of how many declarations of "
            "compliance visits would not uphold."
        )
    whole = len(found.prevalence.drawn.found)
    if not whole:
        return _without_random(arms)
    return f"{_state_share(found)} {_state_basis(found, whole, arms[RANDOM])}{_warn(found, whole)}"


def describe_lift(found: SeasonYield) -> str:
    """Whether visits by risk found more than random ones, with both counts."""
    risk, random = (_by_arm(found)[name] for name in (RISK, RANDOM))
    if not risk["declarations_visited"] or not random["declarations_visited"]:
        which = [ARM_NAMES[arm["arm"]] for arm in (risk, random) if not arm["declarations_visited"]]
        return (
            f"Visits by risk and random visits cannot be compared: nobody chosen by {' or '.join(which)} was visited."
        )
    counts = (
        f"Of {_count(risk['declarations_visited'], 'declaration')} visited for the highest risk {risk['not_upheld']} "
        f"({percent(risk['share'])}) {_was(risk['not_upheld'])} not upheld; of {random['declarations_visited']} "
        f"visited at random {random['not_upheld']} ({percent(random['share'])})."
    )
    lift = found.lift
    if math.isnan(lift.value):
        return f"{counts} Where random visits found nothing there is no multiple of it."
    upper = "no upper limit" if math.isinf(lift.high) else f"{lift.high:.1f}"
    shown = (
        f"{counts} A visit by risk found {lift.value:.1f} times as many as a random one (95% interval {lift.low:.1f} "
        f"to {upper})."
    )
    if lift.low > 1:
        return f"{shown} So choosing by risk finds more than choosing at random."
    if lift.high < 1:
        return f"{shown} So choosing by risk finds fewer than choosing at random."
    return f"{shown} The interval includes 1, so these visits do not show whether choosing by risk finds more."


def describe_power(found: SeasonYield) -> tuple[str, ...]:
    """How sure the season is, and what more it would take."""
    power, population = found.power, found.population
    if not population.organisations:
        return ("Nobody took part in a random draw, so that no number of visits shows the prevalence.",)
    width = f"{power.half_width * 100:.0f} percentage points"
    enough = (
        f"The interval of the prevalence is no wider than ± {width}."
        if not power.further
        else f"For an interval of ± {width} {_count(power.further, 'more organisation')} would have to be drawn at "
        f"random, of {population.organisations:.0f} in the draw."
    )
    reached = f"The interval reaches {power.reached * 100:.0f} percentage points to either side on average. {enough}"
    high, low = (percent(rate) for rate in TO_TELL)
    needed = (
        "no number of random visits would be enough with so few visits by risk"
        if power.random_needed is None
        else f"{_count(power.random_needed, 'random organisation')} would be needed beside the visits by risk"
    )
    told = (
        f"If visits by risk did not uphold {high} and random ones {low}, these visits would show the difference with a "
        f"chance of {percent(power.to_tell)}. For a chance of 80% {needed}; with as many in each arm, "
        f"{power.each_needed} organisations in each."
    )
    return (reached, told)


def describe_reading(found: SeasonYield) -> tuple[str, ...]:
    """What the figures mean and what they rest on."""
    partly = (
        f" {_count(found.partly, 'organisation')} of the random draw {_was(found.partly)} visited in part only and "
        f"{'counts' if found.partly == 1 else 'count'} once the rest is done."
        if found.partly
        else ""
    )
    return (
        "Not upheld means that a visit found otherwise than the organisation declared. Visits can err, too; these "
        "figures say what visits find. Two declarations of one organisation are not two independent visits; intervals "
        f"allow for that.{partly}",
        "The estimates speak of the declarations that took part in the random draw. Those visited for an unmet "
        "statutory duty or the highest risk were chosen for it and say nothing of the others.",
        "The weekly range holds in all weeks at once with 95%: it may be looked at every week, and visits may stop "
        "when it is narrow enough. It is right where the weeks of random visits were drawn, or do not depend on what a "
        "visit would find.",
    )


def percent(share: float | None) -> str:
    """A share in whole per cent; what is above 0 or below 1 is never told as 0% or 100%."""
    if share is None or math.isnan(share):
        return "not known"
    if 0 < share < 0.005:
        return "less than 1%"
    if 0.995 <= share < 1:
        return "more than 99%"
    return f"{share:.0%}"


def is_complete(found: SeasonYield) -> bool:
    """Whether everybody drawn at random was visited whole."""
    planned: int = _by_arm(found)[RANDOM]["organisations_planned"]
    return len(found.prevalence.drawn.found) == planned


def range_to_tell(found: SeasonYield) -> tuple[float, float]:
    """The interval of the prevalence: while visits go on the one that may be looked at every week."""
    if is_complete(found):
        return found.prevalence.hajek.low, found.prevalence.hajek.high
    last = found.weekly.row(-1, named=True)
    return last["low"], last["high"]


def _without_random(arms: Mapping[str, Mapping[str, Any]]) -> str:
    visited, found = (sum(arm[name] for arm in arms.values()) for name in ("declarations_visited", "not_upheld"))
    return (
        f"No organisation drawn at random has been visited whole. {_count(visited, 'declaration')} {_was(visited)} "
        f"visited for other reasons, and {found} of these {_was(found)} not upheld. They were chosen for these "
        "reasons, so nothing can be said of all other declarations of compliance."
    )


def _state_share(found: SeasonYield) -> str:
    share, (low, high) = found.prevalence.hajek.value, range_to_tell(found)
    every = found.population.declarations
    of = f"the {every:.0f} declarations of compliance that took part in the random draw"
    if not share:
        return (
            f"Random visits upheld every declaration that they tested. That does not show that all are right: of {of}, "
            f"up to {_most(high * every)} ({percent(high)}) may still be ones that a visit would not uphold."
        )
    if share >= 1:
        return (
            f"Random visits upheld no declaration that they tested. Of {of}, at least {_least(low * every)} "
            f"({percent(low)}) are ones that a visit would not uphold."
        )
    return (
        f"Of {of}, we estimate that a visit would not uphold about {share * every:.0f} ({percent(share)}), "
        f"with 95% confidence between {_least(low * every)} and "
        f"{_most(high * every)} ({percent(low)} to {percent(high)})."
    )


def _state_basis(found: SeasonYield, whole: int, random: Mapping[str, Any]) -> str:
    drawn = found.prevalence.drawn
    so_far = (
        "all that were drawn" if is_complete(found) else f"so far, of {random['organisations_planned']} that were drawn"
    )
    tested, lapses = int(drawn.tested.sum()), int(drawn.found.sum())
    return (
        f"This rests on visits to {_count(whole, 'organisation')} drawn at random ({so_far}): of "
        f"{_count(tested, 'declaration')} {lapses} {_was(lapses)} not upheld."
    )


def _warn(found: SeasonYield, whole: int) -> str:
    low, high = range_to_tell(found)
    if whole == 1:
        return " One visit says very little."
    return " That is too few to say much." if high - low > 0.5 else ""


def _least(number: float) -> str:
    return f"{math.floor(number + 1e-9)}"


def _most(number: float) -> str:
    return f"{math.ceil(number - 1e-9)}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _was(number: int) -> str:
    return "was" if number == 1 else "were"


def _by_arm(found: SeasonYield) -> dict[str, dict[str, Any]]:
    return {row["arm"]: row for row in found.arms.to_dicts()}
