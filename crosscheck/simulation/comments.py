"""What third parties remark: kindly or harshly, in the know or from hearsay."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from crosscheck.contract.inputs import INPUTS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from crosscheck.simulation.chance import Chance
    from crosscheck.simulation.model import Author, SimulationModel, WorldPlan

# By how much the reliability of single remarks of one kind of author differs (a standard deviation).
_RELIABLE_SPREAD: Final = 0.12
_STRONGEST: Final = 0.9


@dataclass(frozen=True)
class _Occasion:
    """On which year, and whether on the standard, remarks are made; `share` of organisations get one.

    `sees` is how much of what an author sees bears on the standard in the year.
    """

    year: str
    on_standard: bool
    share: float
    sees: float


def comment(organisations: pl.DataFrame, duties: NDArray[np.float64], plan: WorldPlan, chance: Chance) -> pl.DataFrame:
    """Let every kind of third party remark on some organisations.

    Args:
        organisations: as they were founded.
        duties: their shortfall in the duties that can be seen, in the same order.
        plan: how well each kind sees, and how kind it is.
        chance: the world's chance.

    Returns:
        `inputs.INPUTS["comments"]`: on the standard in the year, and some on the year before or on another standard,
        which say little or nothing of this one now.
    """
    remarks = []
    for name, author in plan.model.comments.authors.items():
        drawn = chance.of(f"comments/{name}")
        kindness = author.kind + _kindness(organisations, plan.model, drawn)
        for occasion in _occasions(author, plan):
            made = _remark(duties, author, occasion, (kindness, plan), drawn)
            named = made.with_columns(
                org_code=organisations["org_code"], author=pl.lit(name), year=pl.lit(occasion.year)
            )
            remarks.append(named.filter(pl.Series(drawn.random(len(duties)) < occasion.share)))
    columns = INPUTS["comments"].schema.names()
    return pl.concat(remarks).select(columns).sort(columns)


def _kindness(organisations: pl.DataFrame, model: SimulationModel, drawn: np.random.Generator) -> NDArray[np.float64]:
    """How much kinder than its kind the author is that comments on each organisation: one author a region."""
    authors = drawn.standard_normal(len(model.regions))
    kindness: NDArray[np.float64] = model.comments.author_spread.value * authors[organisations["area"].to_numpy()]
    return kindness


def _occasions(author: Author, plan: WorldPlan) -> list[_Occasion]:
    model, stated = plan.model, plan.model.comments
    sees = plan.sources
    return [
        _Occasion(model.year, True, author.comments, sees),
        _Occasion(
            model.former_years[-1], True, author.comments * stated.last_year, sees * model.truth.persistence.value
        ),
        _Occasion(model.year, False, author.comments * stated.elsewhere, 0.0),
    ]


def _remark(
    duties: NDArray[np.float64],
    author: Author,
    occasion: _Occasion,
    kind: tuple[NDArray[np.float64], WorldPlan],
    drawn: np.random.Generator,
) -> pl.DataFrame:
    """A remark on every organisation: who is relied on more also sees more."""
    (kindness, plan), number = kind, len(duties)
    model, words = plan.model, plan.model.words
    reliable = np.clip(np.round(author.reliable + _RELIABLE_SPREAD * drawn.standard_normal(number), 2), 0.05, 1.0)
    sees = np.clip(occasion.sees * author.strength * reliable / author.reliable, 0.0, _STRONGEST)
    view = -sees * duties + np.sqrt(1 - sees**2) * drawn.standard_normal(number)
    # Adding 0.0 turns -0.0 into 0.0: both are neutral, and the first would be written as -0.
    polarity = np.clip(np.round(kindness + model.comments.spread.value * view), -3, 3) + 0.0
    others = drawn.choice(model.comments.other_standards, size=number)
    subjects = drawn.integers(len(words.subjects), size=number)
    texts = [
        words.remarks[int(tone) + 3].format(subject=words.subjects[subject])
        for tone, subject in zip(polarity, subjects, strict=True)
    ]
    standards = [model.standard] * number if occasion.on_standard else others.tolist()
    return pl.DataFrame({"standard": standards, "polarity": polarity, "reliability": reliable, "text": texts})
