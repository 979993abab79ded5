"""How a return was answered: signs of answers that were given without reading the questions.

Three signs, each with what it is made of, question by question. Random answers contradict each other
(`measure_contradictions`). The same answer again and again makes a long run (`measure_runs`). Answers that keep to one
place of the scale lie close together (`measure_closeness`). No one of them finds all: random answers have no runs, and
a straight line contradicts nothing (Meade and Craig 2012, Psychological Methods 17:437-455; Curran 2016, Journal of
Experimental Social Psychology 66:4-19).

Positive is odder. A sign asks how the return was made; it does not affect the risk.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from crosscheck.vocabulary import WHY_ABSENT

if TYPE_CHECKING:
    from crosscheck.figures.dispersion import Floats

# Two columns that are all but the same must not outweigh all other pairs.
_LEAST_DIFFERENCE: Final = 0.05
# A correlation of so many standard errors is hardly chance among the pairs of some hundred questions.
_STANDARD_ERRORS: Final = 4.0
_FEWEST_LEVELS: Final = 3


@dataclass(frozen=True)
class Distances:
    """What one detector says of each row: how far it is out, and what each column adds to that (rows × columns)."""

    distance: Floats
    parts: Floats


@dataclass(frozen=True)
class Battery:
    """Questions that are answered with the same levels, in the order in which they are asked.

    `places` has one row an organisation and one column a question: 0 is the first level, 1 the last, NaN no answer.
    """

    names: tuple[str, ...]
    places: Floats


def find_batteries(organisations: pl.DataFrame, least: int) -> list[Battery]:
    """The questions that share their levels, by these.

    Args:
        organisations: one row each, with a column of levels a question in the order of the questionnaire, and beside
            each why it is absent.
        least: with fewer questions of the same levels there is nothing to repeat; such levels are left out.
    """
    by_levels: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for column, dtype in organisations.schema.items():
        if isinstance(dtype, pl.Enum) and column + WHY_ABSENT in organisations.columns:
            by_levels[tuple(dtype.categories)].append(column)
    return [
        Battery(tuple(names), organisations.select(pl.col(names).to_physical()).cast(pl.Float64).to_numpy() / steps)
        for levels, names in by_levels.items()
        if len(names) >= least and (steps := len(levels) - 1) >= _FEWEST_LEVELS - 1
    ]


def measure_contradictions(matrix: Floats, least: float) -> Distances:
    """How far the answers to correlated questions lie apart: the mean over pairs of (a - sign(r) b)² / 2(1 - |r|).

    Of answers with these correlations it is 1 on average, whoever gives them. Only pairs count whose correlation is at
    least `least` and some standard errors from nothing.

    Args:
        matrix: one row an organisation, one column a score with a standard deviation of about 1; no NaN.
        least: the correlation, without its sign, from which on two questions are a pair.
    """
    standard = (matrix - matrix.mean(axis=0)) / matrix.std(axis=0)
    correlation = standard.T @ standard / len(standard)
    is_pair = np.abs(correlation) >= max(least, _STANDARD_ERRORS / np.sqrt(len(standard)))
    np.fill_diagonal(is_pair, val=False)
    weight = np.where(is_pair, 1 / (2 * np.maximum(1 - np.abs(correlation), _LEAST_DIFFERENCE)), 0.0)
    weight /= max(np.count_nonzero(is_pair) / 2, 1)
    # The sum over pairs, multiplied out: pair by pair it would need a column for each of them.
    parts = standard * (standard * weight.sum(axis=0) - standard @ (weight * np.sign(correlation)))
    return Distances(parts.sum(axis=1), parts)


def measure_runs(batteries: list[Battery]) -> Distances:
    """The most answers in a row that are the same; a question without an answer neither goes on nor ends a run."""
    runs = [_longest_run(battery.places) for battery in batteries]
    lengths = np.column_stack([run.sum(axis=1) for run in runs])
    longest = lengths.argmax(axis=1)
    parts = np.hstack([run * (longest == place)[:, None] for place, run in enumerate(runs)])
    return Distances(parts.sum(axis=1), parts)


def measure_closeness(batteries: list[Battery]) -> Distances:
    """How close the answers lie to their own mean: a quarter (the largest variance from 0 to 1) less their variance."""
    number = sum(np.isfinite(battery.places).sum(axis=1, keepdims=True) for battery in batteries)
    parts = np.hstack([_closeness(battery.places) / np.maximum(number, 1) for battery in batteries])
    return Distances(parts.sum(axis=1), parts)


def _closeness(places: Floats) -> Floats:
    """A quarter less the squared distance from the own mean; nothing where there is no answer."""
    answered = np.isfinite(places)
    known = np.where(answered, places, 0.0)
    mean = known.sum(axis=1, keepdims=True) / np.maximum(answered.sum(axis=1, keepdims=True), 1)
    return np.where(answered, 0.25 - (known - mean) ** 2, 0.0)


def _longest_run(places: Floats) -> Floats:
    """1 for each answer of a row's longest run, the first of several; 0 for all others."""
    rows = np.arange(len(places))
    length, last = np.zeros(len(places)), np.full(len(places), np.nan)
    lengths = np.zeros(places.shape)  # of the run that ends here
    starts = np.zeros(places.shape, dtype=np.intp)
    start = np.zeros(len(places), dtype=np.intp)
    for column, given in enumerate(places.T):
        answered = np.isfinite(given)
        goes_on = answered & (given == last)
        start = np.where(answered & ~goes_on, column, start)
        length = np.where(goes_on, length + 1, np.where(answered, 1.0, length))
        last = np.where(answered, given, last)
        lengths[:, column], starts[:, column] = np.where(answered, length, 0.0), start
    end = lengths.argmax(axis=1)
    columns: npt.NDArray[np.intp] = np.arange(places.shape[1])
    inside = (columns >= starts[rows, end][:, None]) & (columns <= end[:, None])
    run: Floats = (inside & np.isfinite(places)).astype(np.float64)
    return run
