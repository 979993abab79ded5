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
    Count,
    CountAmong,
    CountComparison,
    Extreme,
    Fixed,
    Flag,
    Junction,
    Match,
    Mention,
    Multiple,
    Node,
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
from crosscheck.rulebook.text_pattern import whole_text
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
class PartLookup:
    """How to look up whether a part of a condition holds and, if that is unknown, whether an answer could decide it."""

    holds: Callable[[Condition], pl.Expr]
    answerable: Callable[[Condition], pl.Expr]


@cache
def holds(condition: Condition) -> pl.Expr:
    """Whether it holds of a case: true, false, or null where that is unknown."""
    return holds_given(condition, NESTED)


@cache
def answerable(condition: Condition | Operand) -> pl.Expr:
    """Whether, given that a condition or a value is unknown, an answer could still come that decides it.

    No answer can where each of those that are absent is absent because it is not applicable.
    """
    return answerable_given(condition, NESTED)


@singledispatch
def holds_given(condition: Condition, _: PartLookup) -> pl.Expr:
    """Whether a condition holds, given the columns that say so of its parts."""
    raise NotImplementedError(condition)  # each kind of condition has its meaning below


@holds_given.register(Comparison)
def _(comparison: Comparison, _: PartLookup) -> pl.Expr:
    left, right, sign = comparison.left, comparison.right, comparison.sign
    if isinstance(left, Fixed):  # on the left, polars can make one row of it where all that it is held against is null
        left, right, sign = right, left, sign.translate(_MIRRORED)
    return _compare(sign, value_of(left), value_of(right))


@holds_given.register(Flag)
def _(flag: Flag, _: PartLookup) -> pl.Expr:
    return pl.col(flag.name.name)


@holds_given.register(Absent)
def _(absent: Absent, _: PartLookup) -> pl.Expr:
    name = absent.name
    return _is_not_applicable(name) if absent.only_not_applicable else pl.col(name.name).is_null()


@holds_given.register(Multiple)
def _(multiple: Multiple, _: PartLookup) -> pl.Expr:
    return value_of(multiple.part) % multiple.of == 0


@holds_given.register(Mention)
def _(mention: Mention, _: PartLookup) -> pl.Expr:
    any_of_them = "|".join(map(re.escape, mention.words))
    return pl.col(mention.name.name).str.contains(rf"(?i)(?:^|\W)(?:{any_of_them})(?:\W|$)")  # \b would lose "100%"


@holds_given.register(Match)
def _(match: Match, _: PartLookup) -> pl.Expr:
    return pl.col(match.name.name).str.contains(whole_text(match.pattern))


@holds_given.register(Not)
def _(contrary: Not, lookup: PartLookup) -> pl.Expr:
    return ~lookup.holds(contrary.part)


@holds_given.register(Junction)
def _(junction: Junction, lookup: PartLookup) -> pl.Expr:
    return (_all if junction.every else _any)(map(lookup.holds, junction.parts))


@holds_given.register(Tally)
def _(tally: Tally, lookup: PartLookup) -> pl.Expr:
    """Compare the least and the most that the tally can be; an undecided part may come out either way."""
    parts = [lookup.holds(part) for part in tally.parts]
    if not tally.share:
        return _over_range(tally.sign, *_count_range(parts), tally.limit, tally.limit)
    answerable_parts = [lookup.answerable(part) for part in tally.parts]
    most = _number_of(part.fill_null(answer) for part, answer in zip(parts, answerable_parts, strict=True))
    applying = _number_of(part.is_not_null() | answer for part, answer in zip(parts, answerable_parts, strict=True))
    apply = applying.replace(
        0, None
    )  # a share of nothing is unknown; polars would make NaN of it, which counts as high
    return _over_range(tally.sign, _number_of(parts) / apply, most / apply, tally.limit, tally.limit)


@holds_given.register(Among)
def _(among: Among, _: PartLookup) -> pl.Expr:
    """Compare the least and the most of the others of which the part may hold; unknown where it applies to none."""
    holding, undecided, applying = (pl.col(column) for column in among_columns(among).values())
    divisor = applying if among.share else 1
    least, most = holding / divisor, (holding + undecided) / divisor
    return pl.when(applying > 0).then(_over_range(among.sign, least, most, among.limit, among.limit))


@holds_given.register(CountComparison)
def _(comparison: CountComparison, lookup: PartLookup) -> pl.Expr:
    """Compare the two ranges; unknown where a side that counts others has nobody to count."""
    sides = (comparison.left, comparison.right)
    over = _over_range(comparison.sign, *(end for side in sides for end in _range_of(side, lookup)))
    applying = [pl.col(among_columns(side)["applies"]) > 0 for side in sides if isinstance(side, CountAmong)]
    return pl.when(_all(applying)).then(over) if applying else over


def answerable_given(condition: Condition | Operand, lookup: PartLookup) -> pl.Expr:
    """Whether an answer could still decide a condition or value that is unknown, given the same of its parts."""
    match condition:
        case Not(part):
            return lookup.answerable(part)
        case Junction(_, parts) | Tally(_, parts):
            return _any(lookup.holds(part).is_null() & lookup.answerable(part) for part in parts)
        case Among():
            return _among_answerable(condition)
        case CountComparison(_, left, right):
            return _any(_side_answerable(side, lookup) for side in (left, right))
    return _leaf_answerable(condition)


def undecided_by(condition: Node, lookup: PartLookup) -> dict[str, pl.Expr]:
    """Of each name, whether, given that the condition is unknown, its absence leaves it undecided."""
    match condition:
        case Not(part):
            return undecided_by(part, lookup)
        case CountComparison(_, left, right):
            of_sides = [undecided_by(side, lookup) for side in (left, right)]
            return _any_by_name(pair for by_name in of_sides for pair in by_name.items())
        case Junction(_, parts) | Tally(_, parts) | Count(parts):
            return _any_by_name(
                (name, lookup.holds(part).is_null() & undecided)
                for part in parts
                for name, undecided in undecided_by(part, lookup).items()
            )
        case Among() | CountAmong():
            return {name.name: pl.col(undecided_by_column(condition, name.name)) for name in names_in(condition)}
    return _any_by_name((name, undecided) for gap in _gaps(condition) for name, undecided in gap.by_name.items())


def value_of(operand: Operand) -> pl.Expr:
    """What a part comes out as: null where it is unknown, and never a number that is not finite."""
    return _value_of(operand)


@singledispatch
def _value_of(operand: Operand) -> pl.Expr:
    raise NotImplementedError(operand)  # each kind of value has its meaning below


@_value_of.register(Arithmetic)
def _(arithmetic: Arithmetic) -> pl.Expr:
    outcome = _arithmetic(arithmetic)
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
def _(operand: Percentile | Total) -> pl.Expr:
    return pl.col(operand.text)


def among_columns(among: Among | CountAmong) -> dict[str, str]:
    """The columns of how many others the part `holds` of, is `undecided` of, and `applies` to at all."""
    return {count: f"{among.text} {count}" for count in ("holds", "undecided", "applies")}


def total_answerable(total: Total) -> str:
    """The column that says whether an answer could still decide a total that is unknown."""
    return f"{total.text} answerable"


def undecided_by_column(of_others: Among | CountAmong | Total, name: str) -> str:
    """The column that says whether what is asked of others is undecided because of this name."""
    return f"{of_others.text} undecided by {name}"


def _any_by_name(by_part: Iterable[tuple[str, pl.Expr]]) -> dict[str, pl.Expr]:
    by_name: dict[str, list[pl.Expr]] = {}
    for name, undecided in by_part:
        by_name.setdefault(name, []).append(undecided)
    return {name: _any(cases) for name, cases in by_name.items()}


@dataclass(frozen=True)
class _Gap:
    """A value behind a part that may be absent.

    `wanting`: it is, and an answer could mend that; `blocking`: it is, and none could; `by_name`: whose answer could.
    """

    wanting: pl.Expr
    blocking: pl.Expr | None
    by_name: dict[str, pl.Expr]


def _leaf_answerable(leaf: Node) -> pl.Expr:
    """Whether anything else than answers that are not applicable is absent from a part that is unknown."""
    gaps = list(_gaps(leaf))
    blocking = [gap.blocking for gap in gaps if gap.blocking is not None]
    if not blocking:
        return pl.lit(value=True)
    unblocked = ~_any(blocking)
    return unblocked if len(gaps) == 1 else unblocked | _any(gap.wanting for gap in gaps)


def _gaps(part: Node) -> Iterator[_Gap]:
    """What may be absent behind a part, each name once a place."""
    match part:
        case Extreme(_, names):
            none_there = _all(pl.col(name.name).is_null() for name in names)
            by_name = {name.name: none_there & is_wanting(name) for name in names}
            any_wanting = _any(map(is_wanting, names))
            yield _Gap(none_there & any_wanting, none_there & ~any_wanting, by_name)
        case Total(text=text):
            absent, could_be_known = pl.col(text).is_null(), pl.col(total_answerable(part))
            by_name = {name.name: absent & pl.col(undecided_by_column(part, name.name)) for name in names_in(part)}
            yield _Gap(absent & could_be_known, absent & ~could_be_known, by_name)
        case _:
            for name in names_of(part):
                wanting = is_wanting(name)
                yield _Gap(wanting, _is_not_applicable(name) if name.absences else None, {name.name: wanting})
            for child in parts_of(part):
                yield from _gaps(child)


def _is_not_applicable(name: Name) -> pl.Expr:
    return pl.col(name.name + WHY_ABSENT).eq_missing(_NOT_APPLICABLE)


def is_wanting(name: Name) -> pl.Expr:
    """Whether there is no value under a name and an answer could still bring one."""
    absent = pl.col(name.name).is_null()
    return absent & ~_is_not_applicable(name) if name.absences else absent


def _arithmetic(operand: Operand) -> pl.Expr:
    """The result of a calculation: a part that is not finite shows in the whole, unless it divides (x / inf is 0)."""
    if not isinstance(operand, Arithmetic):
        return value_of(operand)
    right = (value_of if operand.sign == "/" else _arithmetic)(operand.right)
    outcome: pl.Expr = _OPERATORS[operand.sign](_arithmetic(operand.left), right)
    return outcome


@cache
def _level(level: str, levels: tuple[str, ...]) -> pl.Expr:
    """A level as polars compares it: in the order of its question, and with no column of another order."""
    return pl.lit(level, dtype=pl.Enum(levels))


def _compare(sign: str, left: pl.Expr, right: pl.Expr | float) -> pl.Expr:
    comparison: pl.Expr = _OPERATORS[sign](left, right)
    return comparison


def _range_of(side: Count | CountAmong, lookup: PartLookup) -> tuple[pl.Expr, pl.Expr]:
    """The least and the most that one side of a comparison of counts can be."""
    if isinstance(side, Count):
        return _count_range([lookup.holds(part) for part in side.parts])
    holding, undecided = (pl.col(among_columns(side)[column]) for column in ("holds", "undecided"))
    return holding, holding + undecided


def _count_range(parts: list[pl.Expr]) -> tuple[pl.Expr, pl.Expr]:
    return _number_of(parts), _number_of(part.fill_null(value=True) for part in parts)


def _side_answerable(side: Count | CountAmong, lookup: PartLookup) -> pl.Expr:
    if isinstance(side, CountAmong):
        return _among_answerable(side)
    return _any(lookup.holds(part).is_null() & lookup.answerable(part) for part in side.parts)


def _among_answerable(among: Among | CountAmong) -> pl.Expr:
    """Whether an answer of one of them could come; where nobody knows who they are, it could."""
    return (pl.col(among_columns(among)["undecided"]) > 0).fill_null(value=True)


def _over_range(sign: str, least: pl.Expr, most: pl.Expr, low: pl.Expr | float, high: pl.Expr | float) -> pl.Expr:
    """Whether what lies from `least` to `most` compares alike with all from `low` to `high`; null where it does not."""
    if sign == "!=":
        return ~_over_range("==", least, most, low, high)
    if sign == "==":
        always, never = (least == high) & (most == low), (least > high) | (most < low)
    elif sign in {"<", "<="}:
        always, never = _compare(sign, most, low), ~_compare(sign, least, high)
    else:
        always, never = _compare(sign, least, high), ~_compare(sign, most, low)
    return pl.when(always).then(statement=True).when(never).then(statement=False)


def _number_of(conditions: Iterable[pl.Expr]) -> pl.Expr:
    """How many hold; twice as fast as to add up Booleans."""
    return reduce(operator.add, (pl.when(condition).then(_ONE).otherwise(_NONE) for condition in conditions))


def _all(conditions: Iterable[pl.Expr]) -> pl.Expr:
    return reduce(operator.and_, conditions)


def _any(conditions: Iterable[pl.Expr]) -> pl.Expr:
    return reduce(operator.or_, conditions)


# For a condition by itself; the conditions of a whole rulebook are worked out once each (`evaluation_plan`).
NESTED: Final = PartLookup(holds, answerable)
