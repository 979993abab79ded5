"""Suppression of small numbers: what must not be printed, so that nobody can work out a count that is withheld.

A count from 1 to 4 could speak of organisations that can be told. It is withheld, and with it as many others as it
takes that no withheld small count can be worked out from what is shown, from sums, or from what everybody knows. This
is cell suppression as official statistics practise it (Hundepool and others, Statistical Disclosure Control, 2012,
chapter 4): primary by size, secondary by the interval in which an attacker can place a withheld count.
Intervals are exact: they are whole-number programmes over all relations at once. The choice of what else to withhold is
greedy, and undone where it proves needless; it may withhold more than the least possible, never less than it must.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

SMALLEST: Final = 5
POSSIBLE: Final = 5

Relation = tuple[tuple[str, int], ...]


def suppress(
    counts: pl.DataFrame, relations: pl.DataFrame, smallest: int = SMALLEST, possible: int = POSSIBLE
) -> pl.DataFrame:
    """Say which counts can be shown.

    Args:
        counts: one row a count: `cell` (its name), `count`, `printed` (whether it is to be shown; one that is not is
            there for its relations alone, and is protected all the same), `known` (everybody knows it: it can't be
            withheld), `cost` (what withholding it loses: the cheapest go first).
        relations: how counts add up: one row a term, `relation`, `cell`, `factor`; the terms of a relation sum to zero.
        smallest: counts from 1 to one less are small. Nought is not: that nobody said something is shown.
        possible: a withheld small count must have at least so many possible values; or as many as it has with
            everything withheld, where what is known leaves fewer.

    Returns:
        The same rows with `shown` and `why`: `shown`, `small`, `protects` (withheld so that a small one can't be worked
        out) or `unprinted`.
    """
    tables = _tables(counts, relations)
    hidden: set[str] = set()
    for table in tables:
        hidden |= table.hide(smallest, possible)
    small = pl.col("count").is_between(1, smallest - 1) & ~pl.col("known")
    withheld = pl.col("cell").is_in(sorted(hidden)) | small
    why = (
        pl.when(~pl.col("printed"))
        .then(pl.lit("unprinted"))
        .when(small)
        .then(pl.lit("small"))
        .when(withheld)
        .then(pl.lit("protects"))
        .otherwise(pl.lit("shown"))
    )
    return counts.with_columns(why=why).with_columns(shown=pl.col("why") == "shown")


def possible_values(cell: str, relations: Iterable[Relation], printed: Mapping[str, int]) -> tuple[float, float]:
    """The least and the greatest whole number that a count can be, given those that can be read; none is below nought.

    Args:
        cell: the count asked for.
        relations: terms (name, factor) that sum to zero.
        printed: the counts that can be read, by name.

    Returns:
        Both ends; the greatest is infinite where nothing bounds it.
    """
    if cell in printed:
        return float(printed[cell]), float(printed[cell])
    # Relations of which every term can be read bound nothing any more.
    rows = [relation for relation in relations if any(name not in printed for name, _ in relation)]
    unknown = sorted({name for relation in rows for name, _ in relation if name not in printed} | {cell})
    place = {name: column for column, name in enumerate(unknown)}
    matrix, constant = np.zeros((len(rows), len(unknown))), np.zeros(len(rows))
    for row, relation in enumerate(rows):
        for name, factor in relation:
            if name in printed:
                constant[row] -= factor * printed[name]
            else:
                matrix[row, place[name]] += factor
    return _end(matrix, constant, place[cell], 1), _end(matrix, constant, place[cell], -1)


def _end(matrix: np.ndarray, constant: np.ndarray, column: int, sign: int) -> float:
    from scipy.optimize import LinearConstraint, milp

    aim = np.zeros(matrix.shape[1])
    aim[column] = sign
    rules = [LinearConstraint(matrix, constant, constant)] if len(matrix) else []
    found = milp(aim, constraints=rules, integrality=np.ones(matrix.shape[1]))
    if found.x is None:
        return -sign * np.inf if sign < 0 else 0.0
    return float(round(found.x[column]))


@dataclass
class _Table:
    """Counts that hang together, and what of them is withheld so far."""

    counts: dict[str, int]
    printed: frozenset[str]
    known: frozenset[str]
    cost: dict[str, float]
    relations: list[Relation]
    hidden: set[str] = field(default_factory=set)

    def hide(self, smallest: int, possible: int) -> set[str]:
        """What is withheld beyond the small counts themselves, so that these are safe."""
        small = sorted(cell for cell, count in self.counts.items() if 1 <= count < smallest and cell not in self.known)
        self.hidden = set(small)
        if not small:
            return set()
        needed = dict.fromkeys(small, float(possible - 1))
        while exposed := next((cell for cell in small if self._width(cell) < needed[cell]), None):
            companion = self._best_companion(exposed, needed[exposed])
            if companion is None:
                # Nothing can widen it further, so it is as safe as it can be; asking for more would never end.
                needed[exposed] = self._width(exposed)
            else:
                self.hidden.add(companion)
        # A later companion may have made an earlier one needless; the dearest are given back first.
        for cell in sorted(self.hidden - set(small), key=lambda cell: (-self.cost[cell], cell)):
            if all(self._width(small_cell, self.hidden - {cell}) >= needed[small_cell] for small_cell in small):
                self.hidden.discard(cell)
        return self.hidden

    def _best_companion(self, exposed: str, needed: float) -> str | None:
        """The cheapest count that makes a small one safe if it is withheld too, else the one that helps most."""
        choice = sorted(self.printed - self.known - self.hidden, key=lambda cell: (self.cost[cell], cell))
        widths = {}
        for cell in choice:
            widths[cell] = self._width(exposed, self.hidden | {cell})
            if widths[cell] >= needed:
                return cell
        return max(choice, key=lambda cell: (widths[cell], -self.cost[cell], self.counts[cell], cell), default=None)

    def _width(self, cell: str, hidden: set[str] | frozenset[str] | None = None) -> float:
        withheld = self.hidden if hidden is None else hidden
        readable = (self.printed - withheld) | self.known
        low, high = possible_values(cell, self.relations, {name: self.counts[name] for name in readable})
        return high - low


def _tables(counts: pl.DataFrame, relations: pl.DataFrame) -> list[_Table]:
    """The counts by what hangs together; a count that everybody knows ties nothing together."""
    rows = {row["cell"]: row for row in counts.iter_rows(named=True)}
    terms: dict[str, list[tuple[str, int]]] = {}
    for relation, cell, factor in relations.select("relation", "cell", "factor").iter_rows():
        terms.setdefault(relation, []).append((cell, factor))
    return [_table(cells, together, rows) for cells, together in _components(rows, list(terms.values()))]


def _table(cells: set[str], relations: list[Relation], rows: dict[str, dict[str, object]]) -> _Table:
    named = sorted(cells | {name for relation in relations for name, _ in relation})
    return _Table(
        counts={name: int(rows[name]["count"]) for name in named},  # type: ignore[call-overload]  # a count is a whole number
        printed=frozenset(name for name in named if rows[name]["printed"]),
        known=frozenset(name for name in named if rows[name]["known"]),
        cost={name: float(rows[name]["cost"]) for name in named},  # type: ignore[arg-type]  # a cost is a number
        relations=relations,
    )


def _components(
    rows: Mapping[str, Mapping[str, object]], relations: list[list[tuple[str, int]]]
) -> list[tuple[set[str], list[Relation]]]:
    # Counts that share no relation are protected apart from one another, which keeps each search small.
    leader = {cell: cell for cell in rows}

    def find(cell: str) -> str:
        while leader[cell] != cell:
            leader[cell] = leader[leader[cell]]
            cell = leader[cell]
        return cell

    for relation in relations:
        unknown = [cell for cell, _ in relation if not rows[cell]["known"]]
        for cell in unknown[1:]:
            leader[find(cell)] = find(unknown[0])
    found: dict[str, tuple[set[str], list[Relation]]] = {}
    for cell in rows:
        found.setdefault(find(cell), (set(), []))[0].add(cell)
    for relation in relations:
        first = next((cell for cell, _ in relation if not rows[cell]["known"]), relation[0][0])
        found[find(first)][1].append(tuple(relation))
    return list(found.values())
