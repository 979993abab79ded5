"""A ranking that the truth of other collections has taught: what can be found where no bad answer may help anybody.

Least squares with a penalty on the sum of squared weights (ridge regression) and all weights at least 0
(`scipy.optimize.nnls`). Nobody has such a teacher; a list can be held against it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl
from scipy.optimize import nnls

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

# How many other collections teach at the least.
TEACHERS: Final = 12

# Penalties to choose from, in units of the variance of one item; and into how many parts the teachers are cut for it.
_PENALTIES: Final = (0.03, 0.1, 0.3, 1.0, 3.0)
_FOLDS: Final = 4

# An item further out than this many standard deviations counts as far out as this.
_FARTHEST: Final = 4.0


@dataclass(frozen=True)
class Lesson:
    """A collection of which the truth is known: one row a declaration, in the order of `declarations`.

    `values` has one column a name: 0 where nothing is known of an item, positive is worse. `otherwise` is what is true:
    a visit that does not err finds otherwise than declared.
    """

    declarations: pl.DataFrame
    names: tuple[str, ...]
    values: NDArray[np.float64]
    otherwise: NDArray[np.float64]


def prepare_lesson(outcomes: pl.DataFrame, items: pl.DataFrame) -> Lesson:
    """Set what is known of declarations beside what is true of them.

    Args:
        outcomes: `org_code`, `function`, `otherwise`.
        items: `org_code`, `function` (null: of the organisation as a whole), `item`, `value` (positive is worse); an
            item that is not there, or without a value, says nothing.
    """
    keys = outcomes.select("org_code", "function")
    valued = items.filter(pl.col("value").is_finite())
    own = valued.filter(pl.col("function").is_not_null()).join(keys, on=["org_code", "function"], how="semi")
    whole = valued.filter(pl.col("function").is_null()).drop("function").join(keys, on="org_code")
    of_declarations = pl.concat([own, whole.select(own.columns)]).sort("item", "org_code", "function")
    wide = of_declarations.pivot(on="item", index=["org_code", "function"], values="value", aggregate_function="sum")
    values = keys.join(wide, on=["org_code", "function"], how="left", maintain_order="left").drop(
        "org_code", "function"
    )
    matrix = np.clip(np.nan_to_num(values.to_numpy().astype(np.float64)), -_FARTHEST, _FARTHEST)
    return Lesson(keys, tuple(values.columns), matrix, outcomes["otherwise"].to_numpy().astype(np.float64))


def rank_by_others(lessons: Sequence[Lesson]) -> list[pl.DataFrame]:
    """Rank the declarations of each collection by what all the others teach.

    The penalty is chosen among the teachers alone: the one with which three quarters of them foretell the others best.

    Returns:
        For each lesson its declarations with `score`: the higher, the sooner visited.
    """
    names = sorted({name for lesson in lessons for name in lesson.names})
    centred = [_centre(lesson, names) for lesson in lessons]
    sums = [_Sums(values.T @ values, values.T @ otherwise, len(otherwise)) for values, otherwise in centred]
    ranked = []
    for place, (lesson, (values, _)) in enumerate(zip(lessons, centred, strict=True)):
        # Sums of squares are added up: leaving one collection out is cheap, and no rows are read again.
        weights = _learn([one for other, one in enumerate(sums) if other != place])
        ranked.append(lesson.declarations.with_columns(score=pl.Series(values @ weights)))
    return ranked


@dataclass(frozen=True)
class _Sums:
    """All that least squares needs of some rows: X'X, X'y and how many there are."""

    squares: NDArray[np.float64]
    products: NDArray[np.float64]
    rows: int

    def error(self, weights: NDArray[np.float64]) -> float:
        """The sum of squared errors, less that of foretelling nothing."""
        return float(weights @ self.squares @ weights - 2 * weights @ self.products)


def _centre(lesson: Lesson, names: Sequence[str]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Values in the order of all names, and outcomes, each less its mean in the collection."""
    columns = {name: column for column, name in enumerate(lesson.names)}
    values = np.zeros((len(lesson.otherwise), len(names)))
    for place, name in enumerate(names):
        if name in columns:
            values[:, place] = lesson.values[:, columns[name]]
    return values - values.mean(axis=0), lesson.otherwise - lesson.otherwise.mean()


def _learn(teachers: Sequence[_Sums]) -> NDArray[np.float64]:
    parts = min(_FOLDS, len(teachers))
    folds = [teachers[first::parts] for first in range(parts)]
    errors = [0.0 for _ in _PENALTIES]
    for fold in folds:
        others = _add(one for one in teachers if not any(one is left for left in fold))
        for place, penalty in enumerate(_PENALTIES):
            errors[place] += _add(fold).error(_fit(others, penalty))
    return _fit(_add(teachers), _PENALTIES[int(np.argmin(errors))])


def _add(sums: Iterable[_Sums]) -> _Sums:
    listed = list(sums)
    return _Sums(
        np.sum([one.squares for one in listed], axis=0),
        np.sum([one.products for one in listed], axis=0),
        sum(one.rows for one in listed),
    )


def _fit(sums: _Sums, penalty: float) -> NDArray[np.float64]:
    """The weights, all at least 0, each penalised by the spread of its item; an item that never differs has none."""
    spread = np.sqrt(np.diag(sums.squares) / sums.rows)
    differs = spread > 0
    scale = np.where(differs, spread, 1.0)
    square = sums.squares / sums.rows / np.outer(scale, scale) + penalty * np.eye(len(scale))
    lower = np.linalg.cholesky(square)
    weights, _ = nnls(lower.T, np.linalg.solve(lower, sums.products / sums.rows / scale), maxiter=20 * len(scale))
    fitted: NDArray[np.float64] = np.where(differs, weights / scale, 0.0)
    return fitted
