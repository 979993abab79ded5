"""Layers: every condition of a rulebook as a column of its own, worked out once, from the leaves up.

Rules share conditions, and whether a verdict is open asks of each part again whether it holds. Written into one
another, three hundred rules make expressions that polars takes longer to plan than to work out.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import polars as pl

from crosscheck.rulebook.condition import Junction, Not, Tally
from crosscheck.rulebook.meaning import Known, holds_given, waits_given

if TYPE_CHECKING:
    from collections.abc import Iterable

    from crosscheck.rulebook.condition import Condition


class Layers:
    """The conditions of a rulebook, each with the columns that tell whether it holds and whether it waits."""

    def __init__(self, conditions: Iterable[Condition]) -> None:
        self._depths: dict[Condition, int] = {}
        for condition in conditions:
            self._place(condition)
        self._numbers = {condition: number for number, condition in enumerate(self._depths)}
        self.known = Known(self.holds, self.waits)

    def holds(self, condition: Condition) -> pl.Expr:
        """The column that tells whether a condition holds."""
        return pl.col(f"condition {self._numbers[condition]} holds")

    def waits(self, condition: Condition) -> pl.Expr:
        """The column that tells whether a condition, if it is unknown, waits for an answer."""
        return pl.col(f"condition {self._numbers[condition]} waits")

    def lay(self, cases: pl.DataFrame) -> pl.DataFrame:
        """Work out every condition on every case, at once: to plan it lazily takes twice as long as to do it."""
        for layer in self._expressions:
            cases = cases.with_columns(layer)
        return cases

    @cached_property
    def _expressions(self) -> list[list[pl.Expr]]:
        layers: list[list[pl.Expr]] = [[] for _ in range(max(self._depths.values(), default=-1) + 1)]
        for condition, depth in self._depths.items():
            layers[depth] += (
                holds_given(condition, self.known).alias(self.holds(condition).meta.output_name()),
                waits_given(condition, self.known).alias(self.waits(condition).meta.output_name()),
            )
        return layers

    def _place(self, condition: Condition) -> int:
        """The layer of a condition: above all its parts. What stands among other organisations has its own frame."""
        if condition not in self._depths:
            parts = condition.parts if isinstance(condition, Junction | Tally) else ()
            inner = (condition.part,) if isinstance(condition, Not) else parts
            self._depths[condition] = 1 + max(map(self._place, inner), default=-1)
        return self._depths[condition]
