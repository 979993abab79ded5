"""A second, slow reading of the rules' language: it walks Python's own tree, a row at a time, and shares no code.

Truth is True, False or None (unknown). What keeps a part open is a set of pairs: a name and why it is absent, or the
empty name where a calculation has no finite outcome.
"""

from __future__ import annotations

import ast
import math
import operator
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any

SIGNS = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
UNKNOWN = None


parsed = cache(lambda text: ast.parse(text, mode="eval").body)
written = cache(ast.unparse)


@dataclass(frozen=True)
class Absent:
    """Why a row holds no value; `nothing` where a source other than the answers is silent."""

    why: str


@dataclass
class SlowEvaluator:
    """Judges one row, a mapping from names to values or `Absent`; `levels` are the orders of the levelled names."""

    row: dict[str, Any]
    levels: dict[str, list[str]]

    def truth(self, node: ast.expr) -> bool | None:
        match node:
            case ast.BoolOp(op, parts):
                return joined([self.truth(part) for part in parts], deciding=isinstance(op, ast.Or))
            case ast.UnaryOp(ast.Not(), part):
                inner = self.truth(part)
                return UNKNOWN if inner is UNKNOWN else not inner
            case ast.Call(ast.Name("absent"), [name]):
                return isinstance(self.held(name), Absent)
            case ast.Call(ast.Name("is_not_applicable"), [name]):
                return self.held(name) == Absent("not_applicable")
            case ast.Compare(left, ops, rights):
                return self.chain(left, ops, rights)
        value = self.held(node)
        return UNKNOWN if isinstance(value, Absent) else value

    def held(self, name: ast.expr) -> Any:
        """What the row holds under a name; a figure that is no finite number is as good as none."""
        value = self.row[written(name)]
        return Absent("nothing") if isinstance(value, float) and not math.isfinite(value) else value

    def chain(self, left: ast.expr, ops: list[ast.cmpop], rights: list[ast.expr]) -> bool | None:
        truths = []
        for op, right in zip(ops, rights, strict=True):
            truths.append(self.link(left, op, right))
            left = right
        return joined(truths, deciding=False)

    def link(self, left: ast.expr, op: ast.cmpop, right: ast.expr) -> bool | None:
        if isinstance(op, ast.In | ast.NotIn):
            assert isinstance(right, ast.Tuple)
            found = joined([self.link(left, ast.Eq(), item) for item in right.elts], deciding=True)
            return found if isinstance(op, ast.In) or found is UNKNOWN else not found
        if isinstance(left, ast.Call) and left.func.id in {"count", "share"}:  # type: ignore[attr-defined]
            return self.tally(left, op, self.value(right))
        if isinstance(right, ast.Call) and right.func.id in {"count", "share"}:  # type: ignore[attr-defined]
            turned = {ast.Lt: ast.Gt, ast.Gt: ast.Lt, ast.LtE: ast.GtE, ast.GtE: ast.LtE}.get(type(op), type(op))
            return self.tally(right, turned(), self.value(left))
        one, other = self.value(left), self.value(right)
        if one is UNKNOWN or other is UNKNOWN:
            return UNKNOWN
        return SIGNS[type(op)](*self.comparable(left, one, right, other))

    def comparable(self, left: ast.expr, one: Any, right: ast.expr, other: Any) -> tuple[Any, Any]:
        order = self.levels.get(written(left)) or self.levels.get(written(right))
        if order:
            return order.index(one), order.index(other)
        if isinstance(one, date) or isinstance(other, date):
            return tuple(date.fromisoformat(day) if isinstance(day, str) else day for day in (one, other))
        return one, other

    def value(self, node: ast.expr) -> Any:
        match node:
            case ast.Constant(str(value)):
                return value
            case ast.Constant(int(value) | float(value)):
                return float(value)
            case ast.UnaryOp(ast.USub(), inner):
                number = self.value(inner)
                return UNKNOWN if number is UNKNOWN else -number
            case ast.BinOp(left, op, right):
                return self.calculated(self.value(left), op, self.value(right))
            case ast.Call(ast.Name("date"), [ast.Constant(day)]):
                return date.fromisoformat(str(day))
        value = self.held(node)
        return UNKNOWN if isinstance(value, Absent) else value

    def calculated(self, left: float | None, op: ast.operator, right: float | None) -> float | None:
        if left is UNKNOWN or right is UNKNOWN or (isinstance(op, ast.Div) and right == 0):
            return UNKNOWN
        outcome = SIGNS[type(op)](left, right)
        return outcome if math.isfinite(outcome) else UNKNOWN

    def tally(self, call: ast.Call, op: ast.cmpop, limit: float) -> bool | None:
        truths = [(self.truth(part), self.open(part)) for part in call.args]
        whole = len(truths)
        if call.func.id == "share":  # type: ignore[attr-defined]
            truths = [(truth, why) for truth, why in truths if truth is not UNKNOWN or not only_not_applicable(why)]
            if not truths:
                return UNKNOWN
            whole = len(truths)
        holding = sum(truth is True for truth, _ in truths)
        unknown = sum(truth is UNKNOWN for truth, _ in truths)
        divisor = whole if call.func.id == "share" else 1  # type: ignore[attr-defined]
        could_be = {number / divisor for number in range(holding, holding + unknown + 1)}
        if isinstance(op, ast.Eq | ast.NotEq) and min(could_be) < limit < max(could_be):
            return UNKNOWN  # the language looks at the range, not at the steps within it
        outcomes = {SIGNS[type(op)](number, limit) for number in could_be}
        return outcomes.pop() if len(outcomes) == 1 else UNKNOWN

    def open(self, node: ast.expr) -> frozenset[tuple[str, str]]:
        """What keeps a part open; nothing if it is known."""
        if self.truth(node) is not UNKNOWN:
            return frozenset()
        match node:
            case ast.Compare(left, ops, rights) if len(ops) > 1:
                links = zip([left, *rights[:-1]], ops, rights, strict=True)
                parts = [ast.Compare(one, [op], [other]) for one, op, other in links]
            case ast.BoolOp(_, parts) | ast.Compare(ast.Call(ast.Name("count" | "share"), parts)):
                pass
            case ast.Compare(_, _, [ast.Call(ast.Name("count" | "share"), parts)]):
                pass
            case ast.UnaryOp(ast.Not(), part):
                parts = [part]
            case _:
                return self.missing(node)
        return frozenset().union(*map(self.open, parts))

    def missing(self, node: ast.expr) -> frozenset[tuple[str, str]]:
        named = [part for part in ast.walk(node) if isinstance(part, ast.Attribute)]
        held = {written(name): self.held(name) for name in named}
        missing = {(name, value.why) for name, value in held.items() if isinstance(value, Absent)}
        return frozenset(missing or {("", "no finite number")})


def joined(truths: list[bool | None], *, deciding: bool) -> bool | None:
    """One part that has the deciding value decides; else one that is unknown leaves the whole unknown."""
    return deciding if deciding in truths else UNKNOWN if UNKNOWN in truths else not deciding


def only_not_applicable(open_: frozenset[tuple[str, str]]) -> bool:
    return {why for _, why in open_} == {"not_applicable"}


def verdict(
    text: str, applies: bool | None, row: dict[str, Any], levels: dict[str, list[str]], only_if: str = ""
) -> str:
    """The verdict of a condition on one row, if the rule applies and what it asks for holds."""
    if applies is not True:
        return "not_applicable" if applies is False else "cannot_tell"
    evaluator = SlowEvaluator(row, levels)
    if only_if and evaluator.truth(parsed(only_if)) is not True:
        open_ = evaluator.open(parsed(only_if))
        return "cannot_tell" if open_ and not only_not_applicable(open_) else "not_applicable"
    holds, open_ = evaluator.truth(parsed(text)), evaluator.open(parsed(text))
    if holds is UNKNOWN:
        return "not_applicable" if only_not_applicable(open_) else "cannot_tell"
    return "agrees" if holds else "differs"
