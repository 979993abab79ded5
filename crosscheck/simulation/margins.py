"""How the answers to a question are spread: shares and means that agree with the published figures, by type."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from crosscheck.errors import ModelError
from crosscheck.simulation.model import ORG_TYPES
from crosscheck.vocabulary import ABSENCES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from crosscheck.questionnaire import Question

_SHARES: Final = ("percent_of_organisations", "percent_of_reviews")
_MEANS: Final = ("mean", "mean_percent")

# What the published figures call an answer that names no level.
_ABSENT: Final = {"no_response": "no_answer", "unclear": "not_known"}

# Rounds of raking. Printed shares that contradict each other never settle; after this many they hardly move.
_ROUNDS: Final = 60

# What is not published is mostly as it should be: each level is so many times as common as the next worse. (Of the
# posts that had to be filled, the report prints the share of the worst case only: 80%.)
_NEXT_BETTER: Final = 3.5

# A most frequent answer is printed without its share: more than half makes it one.
_MODE: Final = 0.55

# Where no mean is published and none is stated: a middling percentage, and one of whatever is counted.
_MEAN: Final = {"percent": 50.0, "number": 1.0, "count": 1.0}

# What raking begins with for a level that is rare, and for organisations of a type that are not asked: not quite
# nothing.
_SEED: Final = 0.02
_NOBODY: Final = 1e-6


@dataclass(frozen=True)
class Target:
    """One published figure that the answers to a question are to agree with; shares are percentages."""

    statistic: str
    level: str
    org_types: tuple[str, ...]
    value: float
    not_applicable: float | None


def read_targets(file: Path) -> dict[str, list[Target]]:
    """Read the published figures that answers are to agree with, by question: the rows whose `use` is `target`.

    Raises:
        ModelError: the file is missing.
    """
    if not file.is_file():
        raise ModelError(f"{file}: there are no published figures. Invented answers are spread as these say.")
    targets: dict[str, list[Target]] = {}
    with file.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            if row["use"] == "target":
                targets.setdefault(row["question_id"], []).append(_target(row))
    return targets


def _target(row: dict[str, str]) -> Target:
    types = ORG_TYPES if row["trust_type"] == "all" else tuple(row["trust_type"].split("|"))
    not_applicable = float(row["percent_not_applicable"]) if row["percent_not_applicable"] else None
    return Target(row["statistic"], row["level"], types, float(row["value"]), not_applicable)


@dataclass(frozen=True)
class Margin:
    """How the answers to one question are spread: one row a type of `ORG_TYPES`.

    `levels` has one column a level and `absences` one each of `vocabulary.ABSENCES`; together a row sums to 1 (a
    question without levels has one column for all its answers). `means` are those of answers in figures.
    """

    levels: NDArray[np.float64]
    absences: NDArray[np.float64]
    means: NDArray[np.float64]


def find_margin(question: Question, targets: Sequence[Target], organisations: Mapping[str, int]) -> Margin:
    """How the answers to a question are spread among organisations of each type, so that what is published holds.

    Args:
        question: any.
        targets: its published figures.
        organisations: how many there are of each type; a figure on several types holds for them together.
    """
    counts = np.array([organisations[kind] if kind in question.org_types else _NOBODY for kind in ORG_TYPES])
    shares, levels = _spread(question, targets, counts), max(len(question.levels), 1)
    means = _means(targets, counts, _MEAN.get(question.answer_type, 0.0))
    return Margin(shares[:, :levels], shares[:, levels:], means)


def _spread(question: Question, targets: Sequence[Target], counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Shares of levels and absences, raked in turn to each published share until all hold."""
    levels = question.levels or ("answered",)
    ratio = _NEXT_BETTER if question.direction == "higher_better" else 1.0
    prior = ratio ** np.arange(len(levels), dtype=float)
    begun = np.append(prior / prior.sum(), np.zeros(len(ABSENCES)))
    wanted = [found for target in targets for found in _constraints(target, (*levels, *ABSENCES))]
    for _, columns, _ in wanted:
        begun[columns] = np.maximum(begun[columns], _SEED)
    shares = np.tile(begun / begun.sum(), (len(ORG_TYPES), 1)) * counts[:, None]
    for _ in range(_ROUNDS if wanted else 0):
        for rows, columns, share in wanted:
            shares = _scaled(shares, rows, columns, share)
        shares *= (counts / shares.sum(axis=1))[:, None]
    return shares / counts[:, None]


def _constraints(target: Target, names: Sequence[str]) -> list[tuple[NDArray[np.bool_], NDArray[np.bool_], float]]:
    """Which types and which answers have which share, by one published figure."""
    if target.statistic not in (*_SHARES, "mode"):
        return []
    levels = {_ABSENT.get(level, level) for level in target.level.split("+")}
    share = 100 * _MODE if target.statistic == "mode" else target.value
    stated = [(levels, share), ({"not_applicable"}, target.not_applicable)]
    types = np.array([kind in target.org_types for kind in ORG_TYPES])
    return [
        (types, np.array([name in chosen for name in names]), stated_share / 100)
        for chosen, stated_share in stated
        if stated_share is not None and chosen & set(names)
    ]


def _scaled(
    shares: NDArray[np.float64], rows: NDArray[np.bool_], columns: NDArray[np.bool_], share: float
) -> NDArray[np.float64]:
    """The same with the chosen cells at their share of the chosen rows, and the others of these at the rest."""
    inside, beside = rows[:, None] & columns[None, :], rows[:, None] & ~columns[None, :]
    total = shares[rows].sum()
    factors = np.ones_like(shares)
    for cells, wanted in ((inside, share), (beside, 1 - share)):
        if (held := shares[cells].sum()) > 0:
            factors[cells] = wanted * total / held
    return shares * factors


def _means(targets: Sequence[Target], counts: NDArray[np.float64], otherwise: float) -> NDArray[np.float64]:
    """The mean of each type: its own, or what that of all leaves over, or that of the other types, or `otherwise`."""
    own, overall = np.full(len(ORG_TYPES), np.nan), None
    for target in targets:
        if target.statistic in _MEANS and target.org_types == ORG_TYPES:
            overall = target.value
        elif target.statistic in _MEANS:
            own[[kind in target.org_types for kind in ORG_TYPES]] = target.value
    is_known = ~np.isnan(own)
    if is_known.all():
        return own
    if overall is not None:
        # The types without a figure of their own share what the figure of all leaves over.
        otherwise = (counts.sum() * overall - counts[is_known] @ own[is_known]) / counts[~is_known].sum()
    elif is_known.any():
        otherwise = counts[is_known] @ own[is_known] / counts[is_known].sum()
    return np.where(is_known, own, otherwise)
