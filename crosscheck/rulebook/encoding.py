"""What a condition means to a solver: of which possible cases it holds, of which not, and where it is open.

The same language as `meaning` has for polars, in the same three values. A number is a fraction whose divisor may vary,
so that `a / b < 2` stays linear; nothing here rounds.
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
    names_of,
    parts_of,
)
from crosscheck.rulebook.possible import (
    FUNCTION,
    KINDS,
    ORG_TYPE,
    STATUS,
    TIES_ARE_KNOWN,
    PossibleCase,
    as_code,
    exactly,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from crosscheck.questionnaire import Question
    from crosscheck.rulebook.possible import Held
    from crosscheck.rulebook.rule import AppliesTo, Rule

_OPERATORS: Final = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
_TRUE, _FALSE = z3.BoolVal(val=True), z3.BoolVal(val=False)
_ONE, _NONE = z3.RealVal(1), z3.RealVal(0)


@dataclass(frozen=True)
class Truth:
    """When something holds, and when it does not; else it is unknown, and `waits` says when an answer could tell."""

    holds: z3.BoolRef
    fails: z3.BoolRef
    waits: z3.BoolRef

    @property
    def unknown(self) -> z3.BoolRef:
        """When it neither holds nor fails."""
        return z3.Not(z3.Or(self.holds, self.fails))

    @property
    def open(self) -> z3.BoolRef:
        """When it is unknown and an answer could tell."""
        return z3.And(self.unknown, self.waits)


@dataclass(frozen=True)
class Verdicts:
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


def encode(rule: Rule, questions: Mapping[str, Question]) -> Verdicts:
    """When a rule gives which verdict, as `evaluate.judge` gives it.

    Args:
        rule: the rule.
        questions: by column of a case, the question that it answers.
    """
    case = PossibleCase(questions)
    circle = _circle(rule.applies_to, case)
    premise = Truth(_TRUE, _FALSE, _FALSE) if rule.premise is None else truth_of(rule.premise, case)
    expected = truth_of(rule.condition, case)
    applies = z3.And(circle.holds, premise.holds)
    agrees, differs = z3.And(applies, expected.holds), z3.And(applies, expected.fails)
    cannot_tell = z3.Or(circle.unknown, z3.And(circle.holds, z3.Or(premise.open, z3.And(premise.holds, expected.open))))
    not_applicable = z3.Not(z3.Or(agrees, differs, cannot_tell))
    excused = z3.And(circle.holds, premise.fails)
    return Verdicts(rule, case, circle.holds, applies, excused, agrees, differs, cannot_tell, not_applicable)


def _circle(circle: AppliesTo, case: PossibleCase) -> Truth:
    """Whether a case is one that a rule speaks of: unknown where a service is not known."""
    one_of = {STATUS: circle.declared, FUNCTION: circle.function, ORG_TYPE: circle.org_type}
    held = {name: case.hold(name).value for name in one_of}  # all three: an example leaves them at the first allowed
    within = [
        z3.Or([held[name] == as_code(name, value) for value in allowed]) for name, allowed in one_of.items() if allowed
    ]
    services = [case.hold(Name(f"service.{service}", "flag", "")) for service in circle.services]
    provided = [z3.And(service.there, service.value) for service in services]
    lacking = [z3.And(service.there, z3.Not(service.value)) for service in services]
    return Truth(z3.And(*within, *provided), z3.Or(*map(z3.Not, within), *lacking), _TRUE)


def truth_of(condition: Condition, case: PossibleCase, kind: int = 0) -> Truth:
    """When a condition holds of a case; a part on other organisations, of one kind of them."""
    match condition:
        case Not(part):
            truth = truth_of(part, case, kind)
            return Truth(truth.fails, truth.holds, truth.waits)
        case Junction(every, parts):
            return _joined([truth_of(part, case, kind) for part in parts], every=every)
        case Tally():
            return _tallied(condition, [truth_of(part, case, kind) for part in condition.parts])
        case Among():
            return _among(condition, case)
        case Absent(name, only_not_applicable):
            held = case.hold(name, kind)
            absent = held.not_applicable if only_not_applicable else z3.Not(held.there)
            return Truth(absent, z3.Not(absent), _FALSE)
    known, holds = _plain(condition, case, kind)
    return Truth(z3.And(known, holds), z3.And(known, z3.Not(holds)), _waits(condition, case, kind))


def _plain(condition: Condition, case: PossibleCase, kind: int) -> tuple[z3.BoolRef, z3.BoolRef]:
    """When a condition without parts that hold or not is known, and whether it then holds."""
    match condition:
        case Comparison(sign, left, right):
            one, other = (_value(side, case, kind) for side in (left, right))
            return z3.And(one.known, other.known), _compared(sign, one, other)
        case Flag(name):
            held = case.hold(name, kind)
            return held.there, held.value
        case Multiple(part, of):
            value = _value(part, case, kind)
            return value.known, z3.IsInt(value.over / _times(exactly(of), value.under))
        case Mention(name, words):
            held = case.hold(name, kind)
            return held.there, z3.Or([case.mention(held, one) for one in words])
    raise NotImplementedError(condition)


def _joined(truths: Sequence[Truth], *, every: bool) -> Truth:
    """One part that has the deciding value decides; else one that is unknown leaves the whole unknown."""
    holds, fails = [truth.holds for truth in truths], [truth.fails for truth in truths]
    waits = z3.Or([truth.open for truth in truths])
    return Truth(z3.And(holds), z3.Or(fails), waits) if every else Truth(z3.Or(holds), z3.And(fails), waits)


def _tallied(tally: Tally, truths: Sequence[Truth]) -> Truth:
    """Compare the least and the most that the tally can be; a share leaves out the parts that do not apply."""
    waits = z3.Or([truth.open for truth in truths])
    least = _number_of(truth.holds for truth in truths)
    if not tally.share:
        most = _number_of(z3.Not(truth.fails) for truth in truths)
        return _over_range(tally.sign, exactly(tally.limit), least, most, waits)
    most = _number_of(z3.Or(truth.holds, truth.open) for truth in truths)
    apply = _number_of(z3.Or(truth.holds, truth.fails, truth.open) for truth in truths)
    over = _over_range(tally.sign, exactly(tally.limit) * apply, least, most, waits)
    return Truth(z3.And(apply > 0, over.holds), z3.And(apply > 0, over.fails), waits)


def _among(among: Among, case: PossibleCase) -> Truth:
    """Compare of how many others the part may hold; unknown where it applies to none, or nobody knows who they are."""
    truths = [truth_of(among.part, case, kind) for kind in KINDS]
    numbers = [z3.ToReal(case.number_of(among.relation, kind)) for kind in KINDS]
    least = _number_of((truth.holds for truth in truths), numbers)
    waiting = _number_of((truth.open for truth in truths), numbers)
    apply = _number_of((z3.Or(truth.holds, truth.fails, truth.open) for truth in truths), numbers)
    limit = exactly(among.limit)
    over = _over_range(among.sign, limit * apply if among.share else limit, least, least + waiting, _FALSE)
    known = z3.And(TIES_ARE_KNOWN, apply > 0)
    waits = z3.Or(z3.Not(TIES_ARE_KNOWN), waiting > 0)
    return Truth(z3.And(known, over.holds), z3.And(known, over.fails), waits)


def _number_of(conditions: Iterable[z3.BoolRef], numbers: Sequence[z3.ArithRef] | None = None) -> z3.ArithRef:
    """How many hold, each counting for as many as it stands for."""
    conditions = list(conditions)
    counts = numbers or [_ONE] * len(conditions)
    return z3.Sum([z3.If(condition, count, _NONE) for condition, count in zip(conditions, counts, strict=True)])


def _over_range(sign: str, limit: z3.ArithRef, least: z3.ArithRef, most: z3.ArithRef, waits: z3.BoolRef) -> Truth:
    """Whether the comparison holds all over a range, or nowhere in it."""
    if sign == "!=":
        equal = _over_range("==", limit, least, most, waits)
        return Truth(equal.fails, equal.holds, waits)
    if sign == "==":
        return Truth(z3.And(least == limit, most == limit), z3.Or(least > limit, most < limit), waits)
    hardest, easiest = (most, least) if sign in {"<", "<="} else (least, most)
    return Truth(_OPERATORS[sign](hardest, limit), z3.Not(_OPERATORS[sign](easiest, limit)), waits)


def _compared(sign: str, one: _Value, other: _Value) -> z3.BoolRef:
    """Fractions are compared under one divisor; where that is below 0, the comparison turns round."""
    if one.under is None and other.under is None:
        return _OPERATORS[sign](one.over, other.over)
    under = _times(one.under, other.under)
    left, right = _times(one.over, other.under), _times(other.over, one.under)
    return z3.If(under > 0, _OPERATORS[sign](left, right), _OPERATORS[sign](right, left))


def _times(one: Any, other: Any) -> Any:
    """A product in which None stands for 1, so that what is linear stays so."""
    return one if other is None else other if one is None else one * other


def _value(operand: Operand, case: PossibleCase, kind: int) -> _Value:
    """What an operand comes out as."""
    match operand:
        case Fixed(fixed, levels):
            return _Value(as_code(Name("", "ordinal", "", levels), fixed), _TRUE)
        case Arithmetic(sign, left, right):
            return _calculated(sign, *(_value(side, case, kind) for side in (left, right)))
        case Size(part):
            inner = _value(part, case, kind)
            return _Value(z3.Abs(inner.over), inner.known, None if inner.under is None else z3.Abs(inner.under))
        case Extreme(highest, names):
            return _extreme(names, case, kind, highest=highest)
    held = _found(operand, case, kind)
    return _Value(z3.ToReal(held.value) + 1 if isinstance(operand, Step) else held.value, held.there)


def _found(operand: Operand, case: PossibleCase, kind: int) -> Held:
    """What lies in a case, or is laid beside it, as it is."""
    match operand:
        case Reference(name) | Step(name):
            return case.hold(name, kind)
        case Percentile(part):
            return case.percentile(operand, _value(part, case, kind).known)
        case Total():
            return case.total(operand)[0]
    raise NotImplementedError(operand)


def _calculated(sign: str, left: _Value, right: _Value) -> _Value:
    known = z3.And(left.known, right.known)
    match sign:
        case "*":
            return _Value(left.over * right.over, known, _times(left.under, right.under))
        case "/":  # the divisor holds no division: it is no fraction
            return _Value(left.over, z3.And(known, right.over != 0), _times(left.under, right.over))
    one, other = _times(left.over, right.under), _times(right.over, left.under)
    return _Value(one + other if sign == "+" else one - other, known, _times(left.under, right.under))


def _extreme(names: Iterable[Name], case: PossibleCase, kind: int, *, highest: bool) -> _Value:
    """The highest or lowest of those that are there."""

    def further(so_far: _Value, one: _Value) -> _Value:
        beyond = one.over > so_far.over if highest else one.over < so_far.over
        better = z3.And(one.known, z3.Or(z3.Not(so_far.known), beyond))
        return _Value(z3.If(better, one.over, so_far.over), z3.Or(so_far.known, one.known))

    return reduce(further, (_Value(held.value, held.there) for held in (case.hold(name, kind) for name in names)))


def _waits(leaf: Condition, case: PossibleCase, kind: int) -> z3.BoolRef:
    """Whether a part that is unknown waits for anything else than what is not applicable."""
    gaps = list(_gaps(leaf, case, kind))
    blocking, wanting = [blocks for _, blocks in gaps], [wants for wants, _ in gaps]
    return z3.Or(z3.Not(z3.Or(blocking)), *wanting) if len(gaps) > 1 else z3.Not(z3.Or(blocking))


def _gaps(part: Condition | Operand, case: PossibleCase, kind: int) -> Iterator[tuple[z3.BoolRef, z3.BoolRef]]:
    """Of each value behind a part, when it is absent so that an answer could mend it, and so that none could."""
    match part:
        case Extreme(_, names):
            each = [case.hold(name, kind) for name in names]
            none_there = z3.Not(z3.Or([held.there for held in each]))
            any_wanting = z3.Or([_is_wanting(held) for held in each])
            yield z3.And(none_there, any_wanting), z3.And(none_there, z3.Not(any_wanting))
        case Total():
            held, waits = case.total(part)
            yield z3.And(z3.Not(held.there), waits), z3.And(z3.Not(held.there), z3.Not(waits))
        case _:
            for name in names_of(part):
                held = case.hold(name, kind)
                yield _is_wanting(held), held.not_applicable
            for child in parts_of(part):
                yield from _gaps(child, case, kind)


def _is_wanting(held: Held) -> z3.BoolRef:
    return z3.And(z3.Not(held.there), z3.Not(held.not_applicable))
