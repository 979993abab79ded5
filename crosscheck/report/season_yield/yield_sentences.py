"""What a season of visits brought, in sentences that are true in each case: no visit, one visit, nothing found."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from crosscheck.contract.typed_rows import typed_rows
from crosscheck.visits.plan import ADDED, PRACTICE
from crosscheck.visits.season_yield import RANDOM, REMOVED, RISK, TO_TELL

if TYPE_CHECKING:
    from collections.abc import Mapping

    from crosscheck.visits.season_yield import SeasonYield

ARM_NAMES: Final = {
    "mandatory": "an unmet statutory duty",
    "risk": "the highest risk",
    "random": "the random draw",
    "added": "a person's addition",
    "removed": "an arm, then removed by a person",
    "not planned": "no plan",
}

_MANY: Final = 100  # an end of the multiple beyond this says no more than that it is beyond it
NO_WEEKLY_RANGE: Final = (
    "There is no weekly range: in the adaptive design chances rise with risk, and no range is known for it that holds "
    "in all weeks at once. Its interval holds for one look, when everybody drawn was visited."
)
_WEEKLY_RANGE: Final = (
    "The weekly range holds in all weeks at once with 95%: it may be looked at every week, and visits may stop when it "
    "is narrow enough."
)
_ORDER: Final = (
    "While visits go on, this is right where the weeks of random visits were drawn, or do not depend on what a visit "
    "would find."
)
_PERSONS: Final = (
    "Organisations that a person added were chosen by no arm. Those that a person removed were chosen by an arm, and a "
    "person decided on them without a visit; visits made all the same are counted in that arm, too."
)


def describe_yield(found: SeasonYield) -> tuple[str, ...]:
    """Everything that is said of a season, first what matters most."""
    return (
        describe_prevalence(found),
        describe_draw_kind(found),
        describe_lift(found),
        *describe_persons(found),
        *describe_power(found),
    )


@dataclass(frozen=True)
class _ArmYield:
    """What the visits of one arm brought (`season_yield.ARM_YIELD`); the share is None where nobody was visited."""

    arm: str
    organisations_planned: int
    declarations_visited: int
    not_upheld: int
    share: float
    low: float
    high: float


def describe_prevalence(found: SeasonYield) -> str:
    """The sentence that a minister could be told: how many declarations of compliance would not be upheld."""
    arms = _by_arm(found)
    if not sum(arm.declarations_visited for arm in arms.values()):
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
    if found.is_adaptive:
        return (
            "In the adaptive design chance chose every visit that no unmet duty required, more often where the risk is "
            "higher. So there are no visits by risk alone to compare with visits at random."
        )
    if not risk.declarations_visited or not random.declarations_visited:
        which = [ARM_NAMES[arm.arm] for arm in (risk, random) if not arm.declarations_visited]
        return (
            f"Visits by risk and random visits cannot be compared: nobody chosen by {' or '.join(which)} was visited."
        )
    counts = (
        f"Of {_count(risk.declarations_visited, 'declaration')} visited for the highest risk {risk.not_upheld} "
        f"({percent(risk.share)}) {_was(risk.not_upheld)} not upheld; of {random.declarations_visited} "
        f"visited at random {random.not_upheld} ({percent(random.share)})."
    )
    lift = found.lift
    # A multiple of nothing has no value; the counts are worth saying all the same.
    if math.isnan(lift.value):
        return f"{counts} Where random visits found nothing there is no multiple of it."
    upper = "no upper limit" if math.isinf(lift.high) else f"{lift.high:.1f}" if lift.high < _MANY else f"over {_MANY}"
    sentence = (
        f"{counts} A visit by risk found {lift.value:.1f} times as many as a random one (95% interval {lift.low:.1f} "
        f"to {upper})."
    )
    if lift.low > 1:
        return f"{sentence} So choosing by risk finds more than choosing at random."
    if lift.high < 1:
        return f"{sentence} So choosing by risk finds fewer than choosing at random."
    return f"{sentence} The interval includes 1, so these visits do not show whether choosing by risk finds more."


def describe_persons(found: SeasonYield) -> tuple[str, ...]:
    """What visits found where a person added a visit or removed one; nothing where nobody did."""
    arms = _by_arm(found)
    beginnings = {ADDED: "added to the visits", REMOVED: "removed from the visits"}
    return tuple(_describe_arm_of_persons(arms[name], words) for name, words in beginnings.items() if name in arms)


def _describe_arm_of_persons(arm: _ArmYield, words: str) -> str:
    visited, found = arm.declarations_visited, arm.not_upheld
    first = f"People {words} {_count(arm.organisations_planned, 'organisation')}:"
    visited_anyhow = "visited all the same" if arm.arm == REMOVED else "visited"
    if not visited:
        return f"{first} none of their declarations has been {visited_anyhow}."
    interval = f"95% interval {percent(arm.low)} to {percent(arm.high)}"
    return (
        f"{first} of {_count(visited, 'declaration')} {visited_anyhow} {found} ({percent(arm.share)}, {interval}) "
        f"{_was(found)} not upheld."
    )


def describe_draw_kind(found: SeasonYield) -> str:
    """Whether the random visits come from a binding draw, and what it means for the estimate where they do not."""
    if found.draw != PRACTICE:
        return f"The random visits come from a {found.draw}."
    return (
        f"The random visits come from a {PRACTICE}: whoever made the run could have tried several seeds. The estimate "
        "of all declarations holds only if nobody did."
    )


def describe_power(found: SeasonYield) -> tuple[str, ...]:
    """How sure the season is, and what more it would take."""
    power, population = found.power, found.population
    if not population.organisations:
        return ("Nobody took part in a random draw, so that no number of visits shows the prevalence.",)
    width = f"{power.half_width * 100:.0f} percentage points"
    enough = _describe_further(power.further, round(population.organisations), width)
    which = "The interval" if is_looked_at_once(found) else "Looked at only once, the interval"
    reached = f"{which} reaches {power.reached * 100:.0f} percentage points to either side on average. {enough}"
    if found.is_adaptive:
        return (reached,)
    # Only here: the adaptive design has no visits by risk alone, and so no difference of arms to find.
    high, low = (percent(rate) for rate in TO_TELL)
    needed = (
        "no number of random visits would be enough with so few visits by risk"
        if power.random_needed is None
        else f"{_count(power.random_needed, 'random organisation')} would be needed beside the visits by risk"
    )
    chance = (
        f"these visits would show the difference with a chance of {percent(power.to_tell)}"
        if power.to_tell
        else "these visits could not show the difference, since one of the two arms has no visit yet"
    )
    difference = (
        f"If visits by risk did not uphold {high} and random ones {low}, {chance}. For a chance of 80% {needed}; with "
        f"as many in each arm, {power.each_needed} organisations in each."
    )
    return (reached, difference)


def _describe_further(further: int, in_draw: int, width: str) -> str:
    """How many more random visits the interval takes to be as narrow as is wanted."""
    if not further:
        return f"The interval of the prevalence is no wider than ± {width}."
    needed = "every organisation" if further >= in_draw else _count(further, "more organisation")
    rest = "" if further >= in_draw else f", of {in_draw} in the draw"
    return f"For an interval of ± {width} {needed} would have to be drawn at random{rest}."


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
        *((_PERSONS,) if {ADDED, REMOVED} & set(found.arms["arm"]) else ()),
        f"{NO_WEEKLY_RANGE if found.is_adaptive else _WEEKLY_RANGE} {_ORDER}",
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
    planned: int = _by_arm(found)[RANDOM].organisations_planned
    return len(found.prevalence.drawn.found) == planned


def is_looked_at_once(found: SeasonYield) -> bool:
    """Whether the interval is the one for a single look: all visits were made, or there is no weekly range."""
    return is_complete(found) or found.weekly.is_empty()


def range_to_tell(found: SeasonYield) -> tuple[float, float]:
    """The interval of the prevalence: while visits go on the one that may be looked at every week, if there is one."""
    if is_looked_at_once(found):
        return found.prevalence.hajek.low, found.prevalence.hajek.high
    last = found.weekly.row(-1, named=True)
    return last["low"], last["high"]


def _without_random(arms: Mapping[str, _ArmYield]) -> str:
    others = [arm for name, arm in arms.items() if name not in (RANDOM, REMOVED)]
    visited, found = (sum(getattr(arm, name) for arm in others) for name in ("declarations_visited", "not_upheld"))
    first = "No organisation drawn at random has been visited whole."
    if not visited:
        return f"{first} So nothing can be said of all declarations of compliance yet."
    return (
        f"{first} {_count(visited, 'declaration')} {_was(visited)} "
        f"visited for other reasons, and {found} of these {_was(found)} not upheld. They were chosen for these "
        "reasons, so nothing can be said of all other declarations of compliance."
    )


def _state_share(found: SeasonYield) -> str:
    share, (low, high) = found.prevalence.hajek.value, range_to_tell(found)
    every = found.population.declarations
    of = f"the {every:.0f} declarations of compliance that took part in the random draw"
    # Nothing found is not nothing there: only the upper end of the interval says something.
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


def _state_basis(found: SeasonYield, whole: int, random: _ArmYield) -> str:
    drawn = found.prevalence.drawn
    so_far = (
        "all that were drawn" if is_complete(found) else f"so far, of {random.organisations_planned} that were drawn"
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
    if found.is_adaptive and not is_complete(found):
        return f" {NO_WEEKLY_RANGE}"
    return " That is too few to say much." if high - low > 0.5 else ""


def _least(number: float) -> str:
    return f"{math.floor(number + 1e-9)}"


def _most(number: float) -> str:
    return f"{math.ceil(number - 1e-9)}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _was(number: int) -> str:
    return "was" if number == 1 else "were"


def _by_arm(found: SeasonYield) -> dict[str, _ArmYield]:
    return {arm.arm: arm for arm in typed_rows(found.arms, _ArmYield)}
