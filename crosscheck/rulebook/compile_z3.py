"""What a condition means to a solver: of which possible cases it holds, of which not, and where it is open.

The same language as `compile_polars` has for polars, in the same three values. A number is a fraction whose divisor may
vary, so that `a / b < 2` stays linear; nothing here rounds.
"""

from __future__ import annotations

import operator
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Any, Final

import z3

from crosscheck.cases.cases import Name
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
    names_of,
    parts_of,
)
from crosscheck.rulebook.z3_case import (
    FUNCTION,
    KINDS,
    ORG_TYPE,
    STATUS,
    PossibleCase,
    as_code,
    exactly,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from crosscheck.questionnaire import Question
    from crosscheck.rulebook.rule import AppliesTo, Rule
    from crosscheck.rulebook.z3_case import HeldValue

_OPERATORS: Final = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
_TRUE, _FALSE = z3.BoolVal(val=True), z3.BoolVal(val=False)
_ONE, _NONE = z3.RealVal(1), z3.RealVal(0)


@dataclass(frozen=True)
class Truth:
    """When something holds and when it fails; else it is unknown, `answerable` if an answer could decide it."""

    holds: z3.BoolRef
    fails: z3.BoolRef
    answerable: z3.BoolRef

    @property
    def unknown(self) -> z3.BoolRef:
        """When it neither holds nor fails."""
        return z3.Not(z3.Or(self.holds, self.fails))

    @property
    def undecided(self) -> z3.BoolRef:
        """When it is unknown and an answer could decide it."""
        return z3.And(self.unknown, self.answerable)


@dataclass(frozen=True)
class SymbolicVerdicts:
    """When a rule gives each of its verdicts.

    `case` is the case that it speaks of, with all that is certain of it; `inside` is when that is one that its
    `applies_to` names, `applies` when also its premise holds, and `excused` when that does not.
    """

    rule: Rule
    case: PossibleCase
    inside: z3.BoolRef
    applies: z3.BoolRef
    excused: z3.BoolRef
    agrees: z3.BoolRef
    differs: z3.BoolRef
    cannot_tell: z3.BoolRef
    not_applicable: z3.BoolRef


@dataclass(frozen=True)
class _Value:
    """What an operand comes out as: `over` divided by `under`, which is not 0 where it is `known`."""

    over: Any
    known: z3.BoolRef
    under: Any = None


def encode(rule: Rule, questions: Mapping[str, Question]) -> SymbolicVerdicts:
    """When a rule gives which verdict, as `evaluate.give_verdicts` gives it.

    Args:
        rule: the rule.
        questions: by column of a case, the question that it answers.
    """
    case = PossibleCase(questions)
    scope = _scope(rule.applies_to, case)
    premise = Truth(_TRUE, _FALSE, _FALSE) if rule.premise is None else truth_of(rule.premise, case)
    expected = truth_of(rule.condition, case)
    # Verdicts are built from holds, fails and undecided apart: in two-valued logic unknown would become false.
    applies = z3.And(scope.holds, premise.holds)
    agrees, differs = z3.And(applies, expected.holds), z3.And(applies, expected.fails)
    cannot_tell = z3.Or(
        scope.unknown, z3.And(scope.holds, z3.Or(premise.undecided, z3.And(premise.holds, expected.undecided)))
    )
    not_applicable = z3.Not(z3.Or(agrees, differs, cannot_tell))
    excused = z3.And(scope.holds, premise.fails)
    return SymbolicVerdicts(rule, case, scope.holds, applies, excused, agrees, differs, cannot_tell, not_applicable)


def _scope(scope: AppliesTo, case: PossibleCase) -> Truth:
    """Whether a case is one that a rule speaks of: unknown where a service is not known."""
    one_of = {STATUS: scope.declared, FUNCTION: scope.function, ORG_TYPE: scope.org_type}
    held = {name: case.hold(name).value for name in one_of}  # all three: an example leaves them at the first allowed
    within = [
        z3.Or([held[name] == as_code(name, value) for value in allowed]) for name, allowed in one_of.items() if allowed
    ]
    services = [case.hold(Name(f"service.{service}", "flag", "")) for service in scope.services]
    provided = [z3.And(service.there, service.value) for service in services]
    lacking = [z3.And(service.there, z3.Not(service.value)) for service in services]
    return Truth(z3.And(*within, *provided), z3.Or(*map(z3.Not, within), *lacking), _TRUE)


def truth_of(condition: Condition, case: PossibleCase, kind: int = 0) -> Truth:
    """When a condition holds of a case; a part on other organisations, of one kind of them."""
    match condition:
        case Not(part):
            truth = truth_of(part, case, kind)
            return Truth(truth.fails, truth.holds, truth.answerable)
        case Junction(every, parts):
            return _junction([truth_of(part, case, kind) for part in parts], every=every)
        case Tally() | Among() | CountComparison():
            return _counting(condition, case, kind)
        case Absent(name, only_not_applicable):
            held = case.hold(name, kind)
            absent = held.not_applicable if only_not_applicable else z3.Not(held.there)
            return Truth(absent, z3.Not(absent), _FALSE)
    known, holds = _leaf(condition, case, kind)
    return Truth(z3.And(known, holds), z3.And(known, z3.Not(holds)), _answerable(condition, case, kind))


def _leaf(condition: Condition, case: PossibleCase, kind: int) -> tuple[z3.BoolRef, z3.BoolRef]:
    """When a condition without parts that hold or not is known, and whether it then holds."""
    match condition:
        case Comparison(sign, left, right):
            # Known and true are two formulas: a comparison with an absent answer is neither true nor false.
            first, second = (_value(side, case, kind) for side in (left, right))
            return z3.And(first.known, second.known), _compare(sign, first, second)
        case Flag(name):
            held = case.hold(name, kind)
            return held.there, held.value
        case Multiple(part, of):
            value = _value(part, case, kind)
            return value.known, z3.IsInt(value.over / _times(exactly(of), value.under))
        case Mention(name, words):
            held = case.hold(name, kind)
            return held.there, z3.Or([case.mention(held, word) for word in words])
        case Match(name, pattern):
            held = case.hold(name, kind)
            return held.there, case.match(held, pattern)
    raise NotImplementedError(condition)


def _junction(truths: Sequence[Truth], *, every: bool) -> Truth:
    """One part that has the deciding value decides; else one that is unknown leaves the whole unknown."""
    holds, fails = [truth.holds for truth in truths], [truth.fails for truth in truths]
    answerable = z3.Or([truth.undecided for truth in truths])
    return Truth(z3.And(holds), z3.Or(fails), answerable) if every else Truth(z3.Or(holds), z3.And(fails), answerable)


def _counting(condition: Tally | Among | CountComparison, case: PossibleCase, kind: int) -> Truth:
    match condition:
        case Tally():
            return _tally(condition, [truth_of(part, case, kind) for part in condition.parts])
        case Among():
            return _among(condition, case)
    return _compare_counts(condition, case, kind)


def _tally(tally: Tally, truths: Sequence[Truth]) -> Truth:
    """Compare the least and the most that the tally can be; a share leaves out the parts that do not apply."""
    answerable = z3.Or([truth.undecided for truth in truths])
    least = _number_of(truth.holds for truth in truths)
    if not tally.share:
        limit = exactly(tally.limit)
        return _over_range(tally.sign, _Range(*_count_range(truths)), _Range(limit, limit), answerable)
    most = _number_of(z3.Or(truth.holds, truth.undecided) for truth in truths)
    apply = _number_of(z3.Or(truth.holds, truth.fails, truth.undecided) for truth in truths)
    limit = exactly(tally.limit) * apply
    over = _over_range(tally.sign, _Range(least, most), _Range(limit, limit), answerable)
    return Truth(z3.And(apply > 0, over.holds), z3.And(apply > 0, over.fails), answerable)


def _among(among: Among, case: PossibleCase) -> Truth:
    """Compare of how many others the part may hold; unknown where it applies to none, or nobody knows who they are."""
    counted = _count_others(among, case)
    limit = exactly(among.limit) * counted.apply if among.share else exactly(among.limit)
    over = _over_range(among.sign, counted.range, _Range(limit, limit), _FALSE)
    return Truth(z3.And(counted.known, over.holds), z3.And(counted.known, over.fails), counted.answerable)


def _compare_counts(comparison: CountComparison, case: PossibleCase, kind: int) -> Truth:
    """Compare two ranges; unknown where a side that counts others has nobody to count."""
    sides = [_counted(side, case, kind) for side in (comparison.left, comparison.right)]
    answerable, known = z3.Or([side.answerable for side in sides]), z3.And([side.known for side in sides])
    over = _over_range(comparison.sign, sides[0].range, sides[1].range, answerable)
    return Truth(z3.And(known, over.holds), z3.And(known, over.fails), answerable)


@dataclass(frozen=True)
class _Range:
    """The least and the most that a number can be."""

    least: z3.ArithRef
    most: z3.ArithRef


@dataclass(frozen=True)
class _Counted:
    """How many hold, of how many that apply; whether there is anything to count, and an answer could change it."""

    range: _Range
    apply: z3.ArithRef
    known: z3.BoolRef
    answerable: z3.BoolRef


def _counted(side: Count | CountAmong, case: PossibleCase, kind: int) -> _Counted:
    if isinstance(side, CountAmong):
        return _count_others(side, case)
    truths = [truth_of(part, case, kind) for part in side.parts]
    answerable = z3.Or([truth.undecided for truth in truths])
    return _Counted(_Range(*_count_range(truths)), z3.RealVal(len(truths)), _TRUE, answerable)


def _count_range(truths: Sequence[Truth]) -> tuple[z3.ArithRef, z3.ArithRef]:
    """How many hold at least, and at most: a part that is unknown may hold."""
    return _number_of(truth.holds for truth in truths), _number_of(z3.Not(truth.fails) for truth in truths)


def _count_others(among: Among | CountAmong, case: PossibleCase) -> _Counted:
    truths = [truth_of(among.part, case, kind) for kind in KINDS]
    numbers = [z3.ToReal(case.number_of(among.relation, kind)) for kind in KINDS]
    least = _number_of((truth.holds for truth in truths), numbers)
    undecided = _number_of((truth.undecided for truth in truths), numbers)
    apply = _number_of((z3.Or(truth.holds, truth.fails, truth.undecided) for truth in truths), numbers)
    others_known, could_be_known = case.others_are_known(among.keys)
    answerable = z3.Or(could_be_known, z3.And(others_known, undecided > 0))
    return _Counted(_Range(least, least + undecided), apply, z3.And(others_known, apply > 0), answerable)


def _number_of(conditions: Iterable[z3.BoolRef], numbers: Sequence[z3.ArithRef] | None = None) -> z3.ArithRef:
    """How many hold, each counting for as many as it stands for."""
    conditions = list(conditions)
    counts = numbers or [_ONE] * len(conditions)
    return z3.Sum([z3.If(condition, count, _NONE) for condition, count in zip(conditions, counts, strict=True)])


def _over_range(sign: str, numbers: _Range, limits: _Range, answerable: z3.BoolRef) -> Truth:
    """Whether the comparison holds all over two ranges, or nowhere in them."""
    least, most, low, high = numbers.least, numbers.most, limits.least, limits.most
    if sign == "!=":
        equal = _over_range("==", numbers, limits, answerable)
        return Truth(equal.fails, equal.holds, answerable)
    if sign == "==":
        return Truth(z3.And(least == high, most == low), z3.Or(least > high, most < low), answerable)
    if sign in {"<", "<="}:
        return Truth(_OPERATORS[sign](most, low), z3.Not(_OPERATORS[sign](least, high)), answerable)
    return Truth(_OPERATORS[sign](least, high), z3.Not(_OPERATORS[sign](most, low)), answerable)


def _compare(sign: str, first: _Value, second: _Value) -> z3.BoolRef:
    """Fractions are compared under one divisor; where that is below 0, the comparison turns round."""
    if first.under is None and second.under is None:
        return _OPERATORS[sign](first.over, second.over)
    under = _times(first.under, second.under)
    left, right = _times(first.over, second.under), _times(second.over, first.under)
    return z3.If(under > 0, _OPERATORS[sign](left, right), _OPERATORS[sign](right, left))


def _times(first: Any, second: Any) -> Any:
    """A product in which None stands for 1, so that what is linear stays so."""
    if second is None:
        return first
    return second if first is None else first * second


def _value(operand: Operand, case: PossibleCase, kind: int) -> _Value:
    """What an operand comes out as."""
    match operand:
        case Fixed(fixed, levels):
            return _Value(as_code(Name("", "ordinal", "", levels), fixed), _TRUE)
        case Arithmetic(sign, left, right):
            return _arithmetic(sign, *(_value(side, case, kind) for side in (left, right)))
        case Size(part):
            inner = _value(part, case, kind)
            return _Value(z3.Abs(inner.over), inner.known, None if inner.under is None else z3.Abs(inner.under))
        case Extreme(highest, names):
            return _extreme(names, case, kind, highest=highest)
    held = _value_in_case(operand, case, kind)
    return _Value(z3.ToReal(held.value) + 1 if isinstance(operand, Step) else held.value, held.there)


def _value_in_case(operand: Operand, case: PossibleCase, kind: int) -> HeldValue:
    """What lies in a case, or is laid beside it, as it is."""
    match operand:
        case Reference(name) | Step(name):
            return case.hold(name, kind)
        case Percentile(part):
            return case.percentile(operand, _value(part, case, kind).known)
        case Total():
            return case.total(operand)[0]
    raise NotImplementedError(operand)


def _arithmetic(sign: str, left: _Value, right: _Value) -> _Value:
    known = z3.And(left.known, right.known)
    match sign:
        case "*":
            return _Value(left.over * right.over, known, _times(left.under, right.under))
        case "/":  # the divisor holds no division: it is no fraction
            return _Value(left.over, z3.And(known, right.over != 0), _times(left.under, right.over))
    first, second = _times(left.over, right.under), _times(right.over, left.under)
    return _Value(first + second if sign == "+" else first - second, known, _times(left.under, right.under))


def _extreme(names: Iterable[Name], case: PossibleCase, kind: int, *, highest: bool) -> _Value:
    """The highest or lowest of those that are there."""

    def further(so_far: _Value, value: _Value) -> _Value:
        beyond = value.over > so_far.over if highest else value.over < so_far.over
        better = z3.And(value.known, z3.Or(z3.Not(so_far.known), beyond))
        return _Value(z3.If(better, value.over, so_far.over), z3.Or(so_far.known, value.known))

    return reduce(further, (_Value(held.value, held.there) for held in (case.hold(name, kind) for name in names)))


def _answerable(leaf: Condition, case: PossibleCase, kind: int) -> z3.BoolRef:
    """Whether anything else than answers that are not applicable is absent from a part that is unknown."""
    gaps = list(_gaps(leaf, case, kind))
    blocking, wanting = [blocks for _, blocks in gaps], [wants for wants, _ in gaps]
    return z3.Or(z3.Not(z3.Or(blocking)), *wanting) if len(gaps) > 1 else z3.Not(z3.Or(blocking))


def _gaps(part: Node, case: PossibleCase, kind: int) -> Iterator[tuple[z3.BoolRef, z3.BoolRef]]:
    """Of each value behind a part, when it is absent so that an answer could mend it, and so that none could."""
    match part:
        case Extreme(_, names):
            each = [case.hold(name, kind) for name in names]
            none_there = z3.Not(z3.Or([held.there for held in each]))
            any_wanting = z3.Or([_is_wanting(held) for held in each])
            yield z3.And(none_there, any_wanting), z3.And(none_there, z3.Not(any_wanting))
        case Total():
            held, answerable = case.total(part)
            yield z3.And(z3.Not(held.there), answerable), z3.And(z3.Not(held.there), z3.Not(answerable))
        case _:
            for name in names_of(part):
                held = case.hold(name, kind)
                yield _is_wanting(held), held.not_applicable
            for child in parts_of(part):
                yield from _gaps(child, case, kind)


def _is_wanting(held: HeldValue) -> z3.BoolRef:
    return z3.And(z3.Not(held.there), z3.Not(held.not_applicable))
