"""Plans the evaluation of a rulebook: each condition is a column, worked out once, from the leaves up.

Rules share conditions, and whether a verdict is undecided asks of each part again whether it holds. Written into one
another, three hundred rules make expressions that polars takes longer to plan than to work out.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Final

import polars as pl

from crosscheck.rulebook.compile_polars import PartLookup, answerable_given, holds_given
from crosscheck.rulebook.condition import (
    Among,
    Count,
    CountAmong,
    CountComparison,
    Extreme,
    Junction,
    Not,
    Tally,
    Total,
    names_in,
    nodes,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from crosscheck.cases.cases import Name
    from crosscheck.rulebook.condition import Condition

# What an answer could decide of these depends on more than which names are absent.
_NOT_PLAIN: Final = (Junction, Tally, Among, CountAmong, CountComparison, Extreme, Total)


class EvaluationPlan:
    """The conditions of a rulebook, with the columns that say whether each holds and whether an answer could decide it.

    A negation has no column of its own, and leaves that speak of the same names share that on answers.
    """

    def __init__(self, conditions: Iterable[Condition]) -> None:
        self._depths: dict[Condition, int] = {}
        for condition in conditions:
            self._set_depth(condition)
        self._numbers = {condition: number for number, condition in enumerate(self._depths)}
        first: dict[Condition | tuple[Name, ...], Condition] = {}
        self._answerable_as = {
            condition: first.setdefault(_answerable_key(condition), condition) for condition in self._depths
        }
        self.lookup = PartLookup(self.holds, self.answerable)

    def holds(self, condition: Condition) -> pl.Expr:
        """The column that says whether a condition holds."""
        if isinstance(condition, Not):
            return ~self.holds(condition.part)
        return pl.col(f"condition {self._numbers[condition]} holds")

    def answerable(self, condition: Condition) -> pl.Expr:
        """The column that says whether an answer could decide a condition that is unknown."""
        if isinstance(condition, Not):
            return self.answerable(condition.part)
        return pl.col(f"condition {self._numbers[self._answerable_as[condition]]} answerable")

    def add_columns(self, cases: pl.DataFrame) -> pl.DataFrame:
        """Work out every condition on every case, at once: to plan it lazily takes twice as long as to do it."""
        for layer in self._expressions:
            cases = cases.with_columns(layer)
        return cases

    @cached_property
    def _expressions(self) -> list[list[pl.Expr]]:
        layers: list[list[pl.Expr]] = [[] for _ in range(max(self._depths.values(), default=-1) + 1)]
        for condition, depth in self._depths.items():
            layers[depth].append(_alias(holds_given(condition, self.lookup), self.holds(condition)))
            if self._answerable_as[condition] == condition:
                layers[depth].append(_alias(answerable_given(condition, self.lookup), self.answerable(condition)))
        return layers

    def _set_depth(self, condition: Condition) -> int:
        """The layer of a condition: above all its parts. What stands among other organisations has its own frame."""
        if isinstance(condition, Not):
            return self._set_depth(condition.part)
        if condition not in self._depths:
            self._depths[condition] = 1 + max(map(self._set_depth, _own_parts(condition)), default=-1)
        return self._depths[condition]


def _own_parts(condition: Condition) -> tuple[Condition, ...]:
    """The conditions on the same case that one is made of."""
    match condition:
        case Junction(_, parts) | Tally(_, parts):
            return parts
        case CountComparison(_, left, right):
            return tuple(part for side in (left, right) if isinstance(side, Count) for part in side.parts)
    return ()


def _alias(expression: pl.Expr, column: pl.Expr) -> pl.Expr:
    return expression.alias(column.meta.output_name())


def _answerable_key(condition: Condition) -> Condition | tuple[Name, ...]:
    """What says whether an answer could decide a condition: the names of a plain leaf, else the condition itself."""
    if any(isinstance(node, _NOT_PLAIN) for node in nodes(condition)):
        return condition
    return names_in(condition)
