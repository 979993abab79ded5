"""What is so in an invented world, what boards believe of it, and what they declare.

Positive is worse: a shortfall of 1 lies one standard deviation on the worse side of the average organisation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl
from scipy.special import ndtri

from crosscheck.simulation.duties import bear_on, weigh_breaches

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from crosscheck.simulation.chance import Chance
    from crosscheck.simulation.duties import Duties
    from crosscheck.simulation.model import SimulationModel, WorldPlan

_PROVIDER_CATEGORIES: Final = {
    "pct_commissioner": "pct_provider",
    "care_trust_commissioner": "care_trust_provider",
}


@dataclass(frozen=True)
class Boards:
    """What is so of each organisation, and what its board knows and says of it: one element or row an organisation.

    `shortfalls` has one column a section, of variance 1. `candour` is 1 for a board one standard deviation more candid
    than the average; `misjudgement` is the standard deviation between what is and what the board believes, and
    `beliefs` are the shortfalls as it sees them.
    """

    sections: tuple[str, ...]
    shortfalls: NDArray[np.float64]
    candour: NDArray[np.float64]
    misjudgement: NDArray[np.float64]
    beliefs: NDArray[np.float64]

    def shortfall_of(self, section: str) -> NDArray[np.float64]:
        """The shortfall in one section."""
        return self.shortfalls[:, self.sections.index(section)]


def seat_boards(number: int, sections: Sequence[str], plan: WorldPlan, chance: Chance) -> Boards:
    """Draw what is so of every organisation and how well its board knows it."""
    drawn, truth = chance.of("boards"), plan.model.truth
    common = truth.common.value
    shortfalls = np.sqrt(common) * drawn.standard_normal((number, 1))
    shortfalls = shortfalls + np.sqrt(1 - common) * drawn.standard_normal((number, len(sections)))
    candour = drawn.standard_normal(number)
    doubt = np.exp(truth.self_knowledge.value * drawn.standard_normal(number))
    misjudgement = plan.at(plan.model.parameters.misjudgement) * doubt
    beliefs = shortfalls + misjudgement[:, None] * drawn.standard_normal(shortfalls.shape)
    return Boards(tuple(sections), shortfalls, candour, misjudgement, beliefs)


def weigh_sections(boards: Boards, weights: dict[str, float], common: float) -> NDArray[np.float64]:
    """The shortfall in the sections on which the standard rests, weighted, of variance 1."""
    shares = np.array([weights.get(section, 0.0) for section in boards.sections])
    variance = common * shares.sum() ** 2 + (1 - common) * (shares**2).sum()
    weighed: NDArray[np.float64] = boards.shortfalls @ shares / np.sqrt(variance)
    return weighed


def list_functions(organisations: pl.DataFrame, model: SimulationModel, chance: Chance) -> pl.DataFrame:
    """One row a declaration of the year, by `org_code`, `function`: its `category`, its `place` among organisations.

    A primary care trust declares as a commissioner, and all but a few also as a provider; all others declare once.
    """
    counts = model.organisations
    placed = organisations.select("org_code", "org_type", "category").with_row_index("place")
    whole = (pl.col("org_type") != "pct") | (pl.col("category") == "community_trust")
    function = pl.when(whole).then(pl.lit("whole")).otherwise(pl.lit("commissioner"))
    first = placed.with_columns(function=function)
    providing = placed.filter(~whole)
    also_providing = chance.of("functions").permutation(providing.height)[counts.not_providing :]
    # Sorted: the permutation decides who provides, and must not decide the order of rows as well.
    second = providing[np.sort(also_providing)].with_columns(
        category=pl.col("category").replace(_PROVIDER_CATEGORIES), function=pl.lit("provider")
    )
    plain = second.filter(pl.col("category") == "pct_provider")["org_code"].to_list()
    special = dict.fromkeys(plain[: counts.with_mental_health], "pct_and_mental_health_provider")
    special |= dict.fromkeys(plain[counts.with_mental_health :][: counts.other_providers], "other")
    second = second.with_columns(category=pl.col("org_code").replace_strict(special, default=pl.col("category")))
    return pl.concat([first, second]).drop("org_type").sort("org_code", "function")


def declare(
    functions: pl.DataFrame, boards: Boards, duties: Duties, plan: WorldPlan, chance: Chance
) -> tuple[pl.DataFrame, NDArray[np.bool_]]:
    """What is so of each declaration, and what the board declares.

    Args:
        functions: rows of `list_functions`.
        boards: what is so of the organisations.
        duties: how they stand with single duties.
        plan: the mechanism, and the shares that do not meet the standard and that are declared so.
        chance: the world's chance.

    Returns:
        The functions with `duties` (the shortfall that can be seen, of variance 1), `breaches` (the part of the
        shortfall that lies in breached duties), `shortfall` (of variance 1; the standard is not met above a threshold),
        `unmeasured` (the part of it that nothing speaks of), `standard_met`, `candour`, `misjudgement`, `believed` (the
        shortfall as the board sees it) and `status`; and which breaches bear on each declaration, one column a duty.
    """
    model, drawn, place = plan.model, chance.of("declarations"), functions["place"].to_numpy()
    measured, own = plan.measured, model.truth.function_share.value
    normal = drawn.standard_normal((3, len(boards.candour), 1))[:, place, 0]
    single = drawn.standard_normal((2, len(place)))
    # Both functions of a trust share the draw of the organisation and have one each: their truths are alike, not equal.
    unmeasured = np.sqrt(1 - measured) * (np.sqrt(1 - own) * normal[0] + np.sqrt(own) * single[0])
    breached = bear_on(functions, duties, model, chance)
    weight = weigh_breaches(breached, duties.effects, functions["function"].to_numpy())
    seen, breaches = _seen(weight, _general(functions, boards, model), plan.cause.breaches)
    shortfall = np.sqrt(measured) * seen + unmeasured
    misread = np.sqrt(1 - own) * normal[1] + np.sqrt(own) * single[1]
    believed = shortfall + boards.misjudgement[place] * misread
    urge = believed + plan.at(model.parameters.reticence) * boards.candour[place]
    declared = functions.with_columns(
        duties=seen,
        breaches=np.sqrt(measured) * breaches,
        shortfall=shortfall,
        unmeasured=unmeasured,
        standard_met=~falls_short(shortfall, plan, chance, "this year"),
        candour=boards.candour[place],
        misjudgement=boards.misjudgement[place],
        believed=believed,
        status=statuses(urge, believed, model.declared.compliant, model.declared.not_met_share.value),
    )
    return declared, breached


def _seen(
    weight: NDArray[np.float64], general: NDArray[np.float64], share: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The shortfall that can be seen, of variance 1, and the part of it that lies in breached duties."""
    if not weight.any():
        return general, np.zeros_like(general)
    both = np.sqrt(share) * weight + np.sqrt(1 - share) * general
    return both / both.std(), np.sqrt(share) * weight / both.std()


def falls_short(shortfall: NDArray[np.float64], plan: WorldPlan, chance: Chance, when: str) -> NDArray[np.bool_]:
    """Who does not meet the standard: the shortfall lies above a threshold.

    The threshold is the same in every world where single duties have no part; else it leaves over a share that is
    nearly the same. Where outcomes are drawn by chance, nothing of the shortfall matters.
    """
    short: NDArray[np.bool_]
    cause = plan.cause
    if cause.visits_by_chance:
        short = chance.of(f"outcomes/{when}").random(len(shortfall)) < cause.not_met
    elif not cause.breaches:
        short = shortfall > ndtri(1 - cause.not_met)
    else:
        spread = plan.model.truth.not_met_spread.value * chance.of("not met").standard_normal()
        short = shortfall > np.quantile(shortfall, 1 - cause.not_met * np.exp(spread))
    return short


def _general(functions: pl.DataFrame, boards: Boards, model: SimulationModel) -> NDArray[np.float64]:
    common, place = model.truth.common.value, functions["place"].to_numpy()
    by_function = {name: weigh_sections(boards, weights, common) for name, weights in model.sections.items()}
    return np.array([by_function[name][row] for name, row in zip(functions["function"], place, strict=True)])


def statuses(
    urge: NDArray[np.float64], believed: NDArray[np.float64], compliant: float, plain: float
) -> NDArray[np.str_]:
    """What is declared: those with the strongest urge declare a lapse, the surest of them plainly."""
    lapse = urge > np.quantile(urge, compliant)
    sure = lapse & (believed >= np.quantile(believed[lapse], 1 - plain))
    return np.where(sure, "not_met", np.where(lapse, "insufficient_assurance", "compliant"))


def see_duties(declared: pl.DataFrame, number: int) -> NDArray[np.float64]:
    """What can be seen of each organisation's shortfall: the mean of its declarations', by its place."""
    places = declared["place"].to_numpy()
    return np.bincount(places, declared["duties"].to_numpy(), number) / np.bincount(places, minlength=number)
