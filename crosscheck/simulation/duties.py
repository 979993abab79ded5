"""Single duties: who breaches them, on which declaration a breach bears, what it weighs, and who admits it.

Tables of duties have one row an organisation or a declaration and one column a duty, in the order of `Duties.names`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.special import ndtr, ndtri

from crosscheck.simulation.margins import find_margin
from crosscheck.simulation.model import ORG_TYPES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import polars as pl
    from numpy.typing import NDArray

    from crosscheck.questionnaire import Questionnaire
    from crosscheck.simulation.chance import Chance
    from crosscheck.simulation.margins import Target
    from crosscheck.simulation.model import SimulationModel, WorldPlan
    from crosscheck.simulation.truth import Boards

# Some duties weigh nearly nothing in a world: so much of what they would.
_NEARLY_NOTHING: Final = 0.03
# A duty of which no type is known to admit a breach is now and then breached all the same, and hardly any by everybody.
_LEAST, _MOST = 0.005, 0.95


@dataclass(frozen=True)
class Duties:
    """How organisations stand with each duty.

    Attributes:
        names: the duties, by the questions that ask about them.
        questions: to whom the question is put, by type and services.
        standing: standard normal, positive is worse.
        limits: the standing above which a duty is breached; it differs with the type.
        unmet: the share of those asked whose answer admits a breach, by type, as published.
        effects: what a breach of each duty weighs in this world; 0 where duties have no part of their own.
        admits: whose answers admit a breach, rightly or by mistake.
        all_best: which organisations answer everything with the best answer.
    """

    names: tuple[str, ...]
    is_asked: NDArray[np.bool_]
    standing: NDArray[np.float64]
    limits: NDArray[np.float64]
    unmet: NDArray[np.float64]
    effects: NDArray[np.float64]
    admits: NDArray[np.bool_]
    all_best: NDArray[np.bool_]

    @property
    def breached(self) -> NDArray[np.bool_]:
        """Who breaches which duty."""
        return self.is_asked & (self.standing > self.limits)


def set_duties(
    organisations: pl.DataFrame,
    boards: Boards,
    strengths: Mapping[str, float],
    questions: tuple[Questionnaire, Mapping[str, Sequence[Target]]],
    plan: WorldPlan,
    chance: Chance,
) -> Duties:
    """Draw how every organisation stands with every duty, and what breaches weigh.

    A duty is breached about as often as answers admit it, by type, less the mistaken and more by the withheld. Where
    duties have no part of their own (`latent`), it is breached where an answer that knows and tells all would say so.

    Args:
        organisations: as they were founded.
        boards: what is so of them, in the same order.
        strengths: how strongly each answer depends on its section (`answers.discriminate`).
        questions: the questionnaire, and the published figures.
        plan: the mechanism.
        chance: the world's chance.
    """
    model, (questionnaire, targets) = plan.model, questions
    types = organisations["org_type"].to_numpy()
    rows = [ORG_TYPES.index(kind) for kind in types]
    numbers: dict[str, int] = {kind: int(np.sum(types == kind)) for kind in ORG_TYPES}
    columns = []
    for name, duty in model.duties.items():
        question, own = questionnaire[name], plan.cause.breaches > 0
        levels = find_margin(question, targets.get(name, ()), numbers).levels
        unmet = (levels[:, [question.levels.index(level) for level in duty.unmet]].sum(axis=1) / levels.sum(axis=1))[
            rows
        ]
        provided = [organisations["services"].list.contains(service).to_numpy() for service in question.services]
        put = np.all([np.isin(types, question.org_types), *provided], axis=0)
        depends = model.breaches.follows.value if own else strengths[name]
        # Without a part of its own a duty shares the draw of its answer: it is breached where an answer that knows and
        # admits everything would say so.
        drawn = chance.of(f"duty/{name}" if own else f"{name}/0").standard_normal(len(types))
        # The squares of the two weights add up to one, so the variance stays 1 and a limit is passed as often as
        # published.
        standing = depends * boards.shortfall_of(question.section) + np.sqrt(1 - depends**2) * drawn
        columns.append((put, standing, -ndtri(_breach_chance(unmet, plan) if own else unmet), unmet))
    put, standing, limits, unmet = (np.column_stack(column) for column in zip(*columns, strict=True))
    nobody, asked_of = np.zeros(len(types), dtype=bool), put.astype(bool)
    duties = Duties(
        tuple(model.duties), asked_of, standing, limits, unmet, _effects(plan, chance), np.zeros_like(asked_of), nobody
    )
    return replace(
        duties, admits=_admit(duties, boards.candour, plan, chance), all_best=_all_best(boards, plan, chance)
    )


def _breach_chance(unmet: NDArray[np.float64], plan: WorldPlan) -> NDArray[np.float64]:
    """How often a duty is breached of which so many answers admit a breach."""
    return np.clip(unmet * (1 - plan.model.breaches.mistaken.value) / (1 - _withheld(plan)), _LEAST, _MOST)


def _withheld(plan: WorldPlan) -> float:
    """The share of breaches that are not admitted: the board does not know, or keeps it back."""
    unaware, kept_back = plan.model.breaches.unaware.value, plan.cause.bends * plan.model.breaches.kept_back.value
    return unaware + (1 - unaware) * kept_back


def _effects(plan: WorldPlan, chance: Chance) -> NDArray[np.float64]:
    stated, drawn, duties = plan.model.breaches, chance.of("effects"), plan.model.duties.values()
    medians = np.array([stated.grave.value if duty.grave else stated.other.value for duty in duties])
    weights = medians * np.exp(stated.spread.value * drawn.standard_normal(len(medians)))
    weights = np.where(drawn.random(len(medians)) < stated.nothing.value, _NEARLY_NOTHING * weights, weights)
    matters = plan.cause.breaches > 0 and not plan.cause.visits_by_chance
    return weights if matters else np.zeros_like(weights)


def _admit(duties: Duties, candour: NDArray[np.float64], plan: WorldPlan, chance: Chance) -> NDArray[np.bool_]:
    """Whose answers admit a breach: most of those who breach a duty, and by mistake some who don't.

    A board that is less candid more often withholds a breach, as far as the mechanism lets answers bend.
    """
    stated, drawn = plan.model.breaches, chance.of("admissions").random((3, *duties.is_asked.shape))
    keeps = ndtri(plan.cause.bends * stated.kept_back.value) * np.sqrt(1 + stated.bend.value**2)
    kept_back = drawn[0] < ndtr(keeps - stated.bend.value * candour)[:, None]
    breach = _breach_chance(duties.unmet, plan)
    mistaken = np.clip((duties.unmet - breach * (1 - _withheld(plan))) / (1 - breach), 0.0, 1.0)
    unaware = drawn[1] < stated.unaware.value
    admits: NDArray[np.bool_] = np.where(duties.breached, ~(kept_back | unaware), drawn[2] < mistaken)
    return duties.is_asked & admits


def _all_best(boards: Boards, plan: WorldPlan, chance: Chance) -> NDArray[np.bool_]:
    """Who answers everything with the best answer: as many as stated, the less candid rather than the others."""
    urge = chance.of("all best").standard_normal(len(boards.candour)) - boards.candour
    best: NDArray[np.bool_] = urge > np.quantile(urge, 1 - plan.cause.all_best)
    return best


def bear_on(functions: pl.DataFrame, duties: Duties, model: SimulationModel, chance: Chance) -> NDArray[np.bool_]:
    """Which breaches bear on which declaration of the year: one row a declaration.

    A duty bears on the functions that it belongs to. Where it belongs to both functions of a primary care trust, a
    breach bears on both, or on one of them only.
    """
    place, function = functions["place"].to_numpy(), functions["function"].to_numpy()
    belongs = np.array([[name in duty.of for duty in model.duties.values()] for name in function])
    both = np.array([{"commissioner", "provider"} <= set(duty.of) for duty in model.duties.values()])
    drawn = chance.of("both functions").random(duties.is_asked.shape)[place]
    twice = np.bincount(place, minlength=len(duties.is_asked))[place] > 1
    together = model.breaches.both_functions.value
    chosen_function = np.where(drawn < (1 + together) / 2, "commissioner", "provider")
    left_out = both & twice[:, None] & (drawn >= together) & (chosen_function != function[:, None])
    bears: NDArray[np.bool_] = duties.breached[place] & belongs & ~left_out
    return bears


def belong_to(functions: Sequence[str], duties: Duties, model: SimulationModel) -> NDArray[np.bool_]:
    """Which duties each organisation has that belong to any of these functions."""
    belongs: NDArray[np.bool_] = np.array([bool(set(functions) & set(duty.of)) for duty in model.duties.values()])
    return duties.is_asked & belongs


def weigh_breaches(
    breached: NDArray[np.bool_], effects: NDArray[np.float64], groups: NDArray[np.str_]
) -> NDArray[np.float64]:
    """What the breaches of each declaration weigh together, of mean 0 and variance 1 among those of its group."""
    weight = breached @ effects
    weighed = np.zeros(len(weight))
    for group in np.unique(groups):
        those = weight[groups == group]
        weighed[groups == group] = (those - those.mean()) / (those.std() or 1.0)
    return weighed
