"""What a rule expects, as a tree, and what the tree means on a frame of cases.

Its logic has three values, as Kleene's: what is unknown (null) stays unknown unless the rest decides.
"""

from __future__ import annotations

import operator
from dataclasses import dataclass
from functools import cache, reduce
from typing import TYPE_CHECKING, Final

import polars as pl

from crosscheck.cases import WHY_ABSENT
from crosscheck.vocabulary import ABSENCE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import date

    from crosscheck.cases import Name

_OPERATORS: Final = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv,
}  # fmt: skip
_ONE, _NONE = (pl.lit(number, dtype=pl.UInt16) for number in (1, 0))
_NOT_APPLICABLE: Final = pl.lit("not_applicable", dtype=ABSENCE)


@dataclass(frozen=True)
class Fixed:
    """A value that stands in the rule itself; a level brings the levels of its question, in their order."""

    value: float | str | date
    levels: tuple[str, ...] = ()


@dataclass(frozen=True)
class Reference:
    """What a case holds under a name; unknown where it is absent."""

    name: Name


@dataclass(frozen=True)
class Arithmetic:
    """A calculation (`+ - * /`) with two numbers, of which one is no fixed one; a divisor holds no division.

    It is unknown where the outcome of any part of it is no finite number, as after x / 0.
    """

    sign: str
    left: Operand
    right: Operand


@dataclass(frozen=True)
class Comparison:
    """Two values of one type, compared (`== != < <= > >=`); unknown where either is."""

    sign: str
    left: Operand
    right: Operand


@dataclass(frozen=True)
class Flag:
    """A name that itself holds or not."""

    name: Name


@dataclass(frozen=True)
class Absent:
    """Whether there is no value, for any reason or for this one only. It is never unknown."""

    name: Name
    only_not_applicable: bool


@dataclass(frozen=True)
class Not:
    """The contrary; unknown where the part is."""

    part: Condition


@dataclass(frozen=True)
class Junction:
    """Whether every part holds, or any; unknown unless the known parts decide."""

    every: bool
    parts: tuple[Condition, ...]


@dataclass(frozen=True)
class Tally:
    """How many of the parts hold, or which share of those that apply, compared with a limit.

    Unknown parts make the tally a range; the comparison is known where it comes out alike over the whole range. A share
    leaves out the parts that do not apply, and is unknown where none does.
    """

    share: bool
    parts: tuple[Condition, ...]
    sign: str
    limit: float


Operand = Fixed | Reference | Arithmetic
Condition = Comparison | Flag | Absent | Not | Junction | Tally


def names_in(part: Condition | Operand) -> tuple[Name, ...]:
    """The names that it speaks of, each once, in the order in which they first occur."""
    return tuple(dict.fromkeys(_names(part)))


@cache  # a rulebook is compiled once, however often it is held against cases
def holds(condition: Condition) -> pl.Expr:
    """Whether it holds of a case: true, false, or null where that is unknown."""
    match condition:
        case Flag(name):
            return pl.col(name.name)
        case Absent(name, only_not_applicable):
            return _is_not_applicable(name) if only_not_applicable else pl.col(name.name).is_null()
        case Not(part):
            return ~holds(part)
        case Junction(every, parts):
            return (_all if every else _any)(map(holds, parts))
        case Tally():
            return _tally_holds(condition)
    return _compared(condition.sign, _value(condition.left), _value(condition.right))


@cache
def waits(condition: Condition) -> pl.Expr:
    """Whether, given that it is unknown, an answer could still come that decides it.

    It can't where every absent answer that keeps it open is absent because it is not applicable.
    """
    match condition:
        case Not(part):
            return waits(part)
        case Junction(_, parts) | Tally(_, parts):
            return _any(holds(part).is_null() & waits(part) for part in parts)
    return _comparison_waits(condition)


def keeps_open(condition: Condition) -> dict[str, pl.Expr]:
    """Of each name, whether, given that the condition is unknown, its absence keeps it so and could be mended."""
    match condition:
        case Not(part):
            return keeps_open(part)
        case Junction(_, parts) | Tally(_, parts):
            kept: dict[str, list[pl.Expr]] = {}
            for part in parts:
                for name, keeps in keeps_open(part).items():
                    kept.setdefault(name, []).append(holds(part).is_null() & keeps)
            return {name: _any(cases) for name, cases in kept.items()}
    return {name.name: _is_wanting(name) for name in names_in(condition)}


def _names(part: Condition | Operand) -> Iterator[Name]:
    match part:
        case Reference(name) | Flag(name) | Absent(name):
            yield name
        case Arithmetic(_, left, right) | Comparison(_, left, right):
            yield from _names(left)
            yield from _names(right)
        case Not(inner):
            yield from _names(inner)
        case Junction(_, parts) | Tally(_, parts):
            for inner in parts:
                yield from _names(inner)


def _comparison_waits(comparison: Condition) -> pl.Expr:
    """Whether a comparison or flag that is unknown waits for anything else than what is not applicable."""
    names = names_in(comparison)
    answers = [name for name in names if name.absences]
    if not answers:
        return pl.lit(value=True)
    none = _all(pl.col(name.name + WHY_ABSENT).ne_missing(_NOT_APPLICABLE) for name in answers)
    return none if len(names) == 1 else none | _any(map(_is_wanting, names))


def _is_not_applicable(name: Name) -> pl.Expr:
    return pl.col(name.name + WHY_ABSENT).eq_missing(_NOT_APPLICABLE)


def _is_wanting(name: Name) -> pl.Expr:
    absent = pl.col(name.name).is_null()
    return absent & ~_is_not_applicable(name) if name.absences else absent


def _value(operand: Operand) -> pl.Expr:
    match operand:
        case Reference(name):
            return pl.col(name.name)
        case Fixed(str(level), levels) if levels:
            return _level(level, levels)
        case Fixed(value):
            return pl.lit(value)
    outcome = _calculated(operand)
    return pl.when(outcome.is_finite()).then(outcome)


def _calculated(operand: Operand) -> pl.Expr:
    """A calculation as it comes out: a part that is not finite shows in the whole, unless it divides (x / inf is 0)."""
    if not isinstance(operand, Arithmetic):
        return _value(operand)
    right = (_value if operand.sign == "/" else _calculated)(operand.right)
    outcome: pl.Expr = _OPERATORS[operand.sign](_calculated(operand.left), right)
    return outcome


@cache
def _level(level: str, levels: tuple[str, ...]) -> pl.Expr:
    """A level as polars compares it: in the order of its question, and with no column of another order."""
    return pl.lit(level, dtype=pl.Enum(levels))


def _compared(sign: str, left: pl.Expr, right: pl.Expr | float) -> pl.Expr:
    compared: pl.Expr = _OPERATORS[sign](left, right)
    return compared


def _tally_holds(tally: Tally) -> pl.Expr:
    """Compare the least and the most that the tally can be; an unknown part that waits may come out either way."""
    parts = [holds(part) for part in tally.parts]
    if not tally.share:
        most = _number_of(part.fill_null(value=True) for part in parts)
        return _over_range(tally.sign, tally.limit, _number_of(parts), most)
    waiting = [waits(part) for part in tally.parts]
    most = _number_of(part.fill_null(waits) for part, waits in zip(parts, waiting, strict=True))
    apply = _number_of(part.is_not_null() | waits for part, waits in zip(parts, waiting, strict=True)).replace(0, None)
    return _over_range(tally.sign, tally.limit, _number_of(parts) / apply, most / apply)


def _over_range(sign: str, limit: float, least: pl.Expr, most: pl.Expr) -> pl.Expr:
    """Whether the comparison holds all over a range: null where it holds in a part of it only."""
    if sign == "!=":
        return ~_over_range("==", limit, least, most)
    if sign == "==":
        always, never = (least == limit) & (most == limit), (least > limit) | (most < limit)
    else:
        hardest, easiest = (most, least) if sign in {"<", "<="} else (least, most)
        always, never = _compared(sign, hardest, limit), ~_compared(sign, easiest, limit)
    return pl.when(always).then(statement=True).when(never).then(statement=False)


def _number_of(conditions: Iterable[pl.Expr]) -> pl.Expr:
    """How many hold; twice as fast as to add up Booleans."""
    return reduce(operator.add, (pl.when(condition).then(_ONE).otherwise(_NONE) for condition in conditions))


def _all(conditions: Iterable[pl.Expr]) -> pl.Expr:
    return reduce(operator.and_, conditions)


def _any(conditions: Iterable[pl.Expr]) -> pl.Expr:
    return reduce(operator.or_, conditions)
