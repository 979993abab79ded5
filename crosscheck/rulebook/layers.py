"""Layers: every condition of a rulebook as a column of its own, worked out once, from the leaves up.

Rules share conditions, and whether a verdict is open asks of each part again whether it holds. Written into one
another, three hundred rules make expressions that polars takes longer to plan than to work out.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import polars as pl

from crosscheck.rulebook.condition import Among, Extreme, Junction, Not, Tally, Total, names_in, nodes
from crosscheck.rulebook.meaning import Known, holds_given, waits_given

if TYPE_CHECKING:
    from collections.abc import Iterable

    from crosscheck.cases.cases import Name
    from crosscheck.rulebook.condition import Condition


class Layers:
    """The conditions of a rulebook, each with the columns that tell whether it holds and whether it waits.

    A contrary has none of its own, and leaves that speak of the same names wait alike: they share a column.
    """

    def __init__(self, conditions: Iterable[Condition]) -> None:
        self._depths: dict[Condition, int] = {}
        for condition in conditions:
            self._place(condition)
        self._numbers = {condition: number for number, condition in enumerate(self._depths)}
        first: dict[Condition | tuple[Name, ...], Condition] = {}
        self._waiting = {condition: first.setdefault(_what_waits(condition), condition) for condition in self._depths}
        self.known = Known(self.holds, self.waits)

    def holds(self, condition: Condition) -> pl.Expr:
        """What tells whether a condition holds."""
        if isinstance(condition, Not):
            return ~self.holds(condition.part)
        return pl.col(f"condition {self._numbers[condition]} holds")

    def waits(self, condition: Condition) -> pl.Expr:
        """What tells whether a condition, if it is unknown, waits for an answer."""
        if isinstance(condition, Not):
            return self.waits(condition.part)
        return pl.col(f"condition {self._numbers[self._waiting[condition]]} waits")

    def lay(self, cases: pl.DataFrame) -> pl.DataFrame:
        """Work out every condition on every case, at once: to plan it lazily takes twice as long as to do it."""
        for layer in self._expressions:
            cases = cases.with_columns(layer)
        return cases

    @cached_property
    def _expressions(self) -> list[list[pl.Expr]]:
        layers: list[list[pl.Expr]] = [[] for _ in range(max(self._depths.values(), default=-1) + 1)]
        for condition, depth in self._depths.items():
            layers[depth].append(_named(holds_given(condition, self.known), self.holds(condition)))
            if self._waiting[condition] == condition:
                layers[depth].append(_named(waits_given(condition, self.known), self.waits(condition)))
        return layers

    def _place(self, condition: Condition) -> int:
        """The layer of a condition: above all its parts. What stands among other organisations has its own frame."""
        if isinstance(condition, Not):
            return self._place(condition.part)
        if condition not in self._depths:
            parts = condition.parts if isinstance(condition, Junction | Tally) else ()
            self._depths[condition] = 1 + max(map(self._place, parts), default=-1)
        return self._depths[condition]


def _named(expression: pl.Expr, column: pl.Expr) -> pl.Expr:
    return expression.alias(column.meta.output_name())


def _what_waits(condition: Condition) -> Condition | tuple[Name, ...]:
    """What decides whether a condition waits: the names of a plain leaf, else the condition itself."""
    if any(isinstance(node, Junction | Tally | Among | Extreme | Total) for node in nodes(condition)):
        return condition
    return names_in(condition)
