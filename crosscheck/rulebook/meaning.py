"""What a condition means on a frame of cases: polars expressions, three-valued as the tree itself."""

from __future__ import annotations

import operator
import re
from dataclasses import dataclass
from functools import cache, reduce, singledispatch
from typing import TYPE_CHECKING, Final

import polars as pl

from crosscheck.rulebook.condition import (
    Absent,
    Among,
    Arithmetic,
    Comparison,
    Condition,
    Extreme,
    Fixed,
    Flag,
    Junction,
    Mention,
    Multiple,
    Not,
    Operand,
    Percentile,
    Reference,
    Size,
    Step,
    Tally,
    Total,
    names_in,
    names_of,
    parts_of,
)
from crosscheck.vocabulary import ABSENCE, WHY_ABSENT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from crosscheck.cases.cases import Name

_OPERATORS: Final = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv,
}  # fmt: skip
_MIRRORED: Final = str.maketrans("<>", "><")
_ONE, _NONE = (pl.lit(number, dtype=pl.UInt16) for number in (1, 0))
_NOT_APPLICABLE: Final = pl.lit("not_applicable", dtype=ABSENCE)


@dataclass(frozen=True)
class Known:
    """How it is told of a part of a condition whether it holds and, if that is unknown, whether it waits."""

    holds: Callable[[Condition], pl.Expr]
    waits: Callable[[Condition], pl.Expr]


@cache
def holds(condition: Condition) -> pl.Expr:
    """Whether it holds of a case: true, false, or null where that is unknown."""
    return holds_given(condition, NESTED)


@cache
def waits(condition: Condition | Operand) -> pl.Expr:
    """Whether, given that a condition or a value is unknown, an answer could still come that decides it.

    It can't where every absent answer that keeps it open is absent because it is not applicable.
    """
    return waits_given(condition, NESTED)


@singledispatch
def holds_given(condition: Condition, _: Known) -> pl.Expr:
    """Whether a condition holds, given how that is told of its parts."""
    raise NotImplementedError(condition)  # each kind of condition has its meaning below


@holds_given.register(Comparison)
def _(comparison: Comparison, _: Known) -> pl.Expr:
    left, right, sign = comparison.left, comparison.right, comparison.sign
    if isinstance(left, Fixed):  # on the left, polars can make one row of it where all that it is held against is null
        left, right, sign = right, left, sign.translate(_MIRRORED)
    return _compared(sign, value_of(left), value_of(right))


@holds_given.register(Flag)
def _(flag: Flag, _: Known) -> pl.Expr:
    return pl.col(flag.name.name)


@holds_given.register(Absent)
def _(absent: Absent, _: Known) -> pl.Expr:
    name = absent.name
    return _is_not_applicable(name) if absent.only_not_applicable else pl.col(name.name).is_null()


@holds_given.register(Multiple)
def _(multiple: Multiple, _: Known) -> pl.Expr:
    return value_of(multiple.part) % multiple.of == 0


@holds_given.register(Mention)
def _(mention: Mention, _: Known) -> pl.Expr:
    any_of_them = "|".join(map(re.escape, mention.words))
    return pl.col(mention.name.name).str.contains(rf"(?i)(?:^|\W)(?:{any_of_them})(?:\W|$)")  # \b would lose "100%"


@holds_given.register(Not)
def _(contrary: Not, known: Known) -> pl.Expr:
    return ~known.holds(contrary.part)


@holds_given.register(Junction)
def _(junction: Junction, known: Known) -> pl.Expr:
    return (_all if junction.every else _any)(map(known.holds, junction.parts))


@holds_given.register(Tally)
def _(tally: Tally, known: Known) -> pl.Expr:
    """Compare the least and the most that the tally can be; an unknown part that waits may come out either way."""
    parts = [known.holds(part) for part in tally.parts]
    if not tally.share:
        most = _number_of(part.fill_null(value=True) for part in parts)
        return _over_range(tally.sign, tally.limit, _number_of(parts), most)
    waiting = [known.waits(part) for part in tally.parts]
    most = _number_of(part.fill_null(waits) for part, waits in zip(parts, waiting, strict=True))
    apply = _number_of(part.is_not_null() | waits for part, waits in zip(parts, waiting, strict=True)).replace(0, None)
    return _over_range(tally.sign, tally.limit, _number_of(parts) / apply, most / apply)


@holds_given.register(Among)
def _(among: Among, _: Known) -> pl.Expr:
    """Compare the least and the most of the others of which the part may hold; unknown where it applies to none."""
    holding, waiting, applying = (pl.col(column) for column in among_columns(among).values())
    divisor = applying if among.share else 1
    over = _over_range(among.sign, among.limit, holding / divisor, (holding + waiting) / divisor)
    return pl.when(applying > 0).then(over)


def waits_given(condition: Condition | Operand, known: Known) -> pl.Expr:
    """Whether a condition or a value that is unknown waits for an answer, given how that is told of its parts."""
    match condition:
        case Not(part):
            return known.waits(part)
        case Junction(_, parts) | Tally(_, parts):
            return _any(known.holds(part).is_null() & known.waits(part) for part in parts)
        case Among():
            return _among_waits(condition)
    return _leaf_waits(condition)


def keeps_open(condition: Condition | Operand, known: Known) -> dict[str, pl.Expr]:
    """Of each name, whether, given that the condition is unknown, its absence keeps it so and could be mended."""
    match condition:
        case Not(part):
            return keeps_open(part, known)
        case Junction(_, parts) | Tally(_, parts):
            return _together(
                (name, known.holds(part).is_null() & keeps)
                for part in parts
                for name, keeps in keeps_open(part, known).items()
            )
        case Among():
            return {name.name: pl.col(waits_for(condition, name.name)) for name in names_in(condition)}
    return _together((name, keeps) for gap in _gaps(condition) for name, keeps in gap.by_name.items())


def value_of(operand: Operand) -> pl.Expr:
    """What a part comes out as: null where it is unknown, and never a number that is not finite."""
    return _value_of(operand)


@singledispatch
def _value_of(operand: Operand) -> pl.Expr:
    raise NotImplementedError(operand)  # each kind of value has its meaning below


@_value_of.register(Arithmetic)
def _(arithmetic: Arithmetic) -> pl.Expr:
    outcome = _calculated(arithmetic)
    return pl.when(outcome.is_finite()).then(outcome)


@_value_of.register(Reference)
def _(reference: Reference) -> pl.Expr:
    return pl.col(reference.name.name)


@_value_of.register(Fixed)
def _(fixed: Fixed) -> pl.Expr:
    return _level(str(fixed.value), fixed.levels) if fixed.levels else pl.lit(fixed.value)


@_value_of.register(Step)
def _(step: Step) -> pl.Expr:
    return pl.col(step.name.name).to_physical().cast(pl.Float64) + 1


@_value_of.register(Size)
def _(size: Size) -> pl.Expr:
    return value_of(size.part).abs()


@_value_of.register(Extreme)
def _(extreme: Extreme) -> pl.Expr:
    return (pl.max_horizontal if extreme.highest else pl.min_horizontal)(name.name for name in extreme.names)


@_value_of.register(Percentile)
@_value_of.register(Total)
def _(worked_out_before: Percentile | Total) -> pl.Expr:
    return pl.col(worked_out_before.text)


def among_columns(among: Among) -> dict[str, str]:
    """Where a case keeps of how many others the part `holds`, `waits` to be known, and `applies` at all."""
    return {count: f"{among.text} {count}" for count in ("holds", "waits", "applies")}


def total_waits(total: Total) -> str:
    """Where a case holds whether a total that is unknown waits for an answer."""
    return f"{total.text} waits"


def waits_for(of_others: Among | Total, name: str) -> str:
    """Where a case holds whether what is asked of others waits for what bears this name."""
    return f"{of_others.text} waits for {name}"


def _together(kept: Iterable[tuple[str, pl.Expr]]) -> dict[str, pl.Expr]:
    by_name: dict[str, list[pl.Expr]] = {}
    for name, keeps in kept:
        by_name.setdefault(name, []).append(keeps)
    return {name: _any(cases) for name, cases in by_name.items()}


@dataclass(frozen=True)
class _Gap:
    """A value behind a part that may be absent.

    `wanting`: it is, and an answer could mend that; `blocking`: it is, and none could; `by_name`: whose answer could.
    """

    wanting: pl.Expr
    blocking: pl.Expr | None
    by_name: dict[str, pl.Expr]


def _leaf_waits(leaf: Condition | Operand) -> pl.Expr:
    """Whether a part that is unknown waits for anything else than what is not applicable."""
    gaps = list(_gaps(leaf))
    blocking = [gap.blocking for gap in gaps if gap.blocking is not None]
    if not blocking:
        return pl.lit(value=True)
    none = ~_any(blocking)
    return none if len(gaps) == 1 else none | _any(gap.wanting for gap in gaps)


def _gaps(part: Condition | Operand) -> Iterator[_Gap]:
    """What may be absent behind a part, each name once a place."""
    match part:
        case Extreme(_, names):
            none_there = _all(pl.col(name.name).is_null() for name in names)
            by_name = {name.name: none_there & _is_wanting(name) for name in names}
            any_wanting = _any(map(_is_wanting, names))
            yield _Gap(none_there & any_wanting, none_there & ~any_wanting, by_name)
        case Total(_, inner, text):
            absent, waiting = pl.col(text).is_null(), pl.col(total_waits(part))
            by_name = {name.name: absent & pl.col(waits_for(part, name.name)) for name in names_in(inner)}
            yield _Gap(absent & waiting, absent & ~waiting, by_name)
        case _:
            for name in names_of(part):
                wanting = _is_wanting(name)
                yield _Gap(wanting, _is_not_applicable(name) if name.absences else None, {name.name: wanting})
            for child in parts_of(part):
                yield from _gaps(child)


def _is_not_applicable(name: Name) -> pl.Expr:
    return pl.col(name.name + WHY_ABSENT).eq_missing(_NOT_APPLICABLE)


def _is_wanting(name: Name) -> pl.Expr:
    absent = pl.col(name.name).is_null()
    return absent & ~_is_not_applicable(name) if name.absences else absent


def _calculated(operand: Operand) -> pl.Expr:
    """A calculation as it comes out: a part that is not finite shows in the whole, unless it divides (x / inf is 0)."""
    if not isinstance(operand, Arithmetic):
        return value_of(operand)
    right = (value_of if operand.sign == "/" else _calculated)(operand.right)
    outcome: pl.Expr = _OPERATORS[operand.sign](_calculated(operand.left), right)
    return outcome


@cache
def _level(level: str, levels: tuple[str, ...]) -> pl.Expr:
    """A level as polars compares it: in the order of its question, and with no column of another order."""
    return pl.lit(level, dtype=pl.Enum(levels))


def _compared(sign: str, left: pl.Expr, right: pl.Expr | float) -> pl.Expr:
    compared: pl.Expr = _OPERATORS[sign](left, right)
    return compared


def _among_waits(among: Among) -> pl.Expr:
    """Whether an answer of one of them could come; where nobody knows who they are, it could."""
    return (pl.col(among_columns(among)["waits"]) > 0).fill_null(value=True)


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


# Each part in its place, for a condition by itself; a whole rulebook is worked out a layer at a time (`layers`).
NESTED: Final = Known(holds, waits)
