"""Whether a rule set is sound in itself: decided over all possible cases by a solver, without reading any data.

What a rule can't do, and what two rules do to one another, is not tried out on cases but proved; where there is a case
that shows it, the smallest is given as its witness. What is taken for granted of every case stands in `z3_case`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from itertools import combinations, pairwise
from typing import TYPE_CHECKING, Final, Literal, get_args

import z3

from crosscheck.rulebook.compile_z3 import SymbolicVerdicts, encode
from crosscheck.rulebook.condition import names_in
from crosscheck.rulebook.examples import run_examples
from crosscheck.rulebook.solver import Solver, UndecidedError
from crosscheck.rulebook.z3_case import FUNCTION, ORG_TYPE, STATUS, merge_cases
from crosscheck.vocabulary import VERDICTS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping
    from datetime import date

    from crosscheck.cases.cases import Name
    from crosscheck.questionnaire import Questionnaire
    from crosscheck.rulebook.rule import Rule, Rulebook

Grade = Literal["error", "note", "remark"]
GRADES: Final = get_args(Grade)

# Guidance changes with the years; so long a rule may stand unread (this project's own choice).
CHECKED_WITHIN: Final = timedelta(days=365)

_EXACTLY: Final = "exactly where"
_IN_EVERY_CASE: Final = {STATUS.name, ORG_TYPE.name, FUNCTION.name}


@dataclass(frozen=True)
class Flaw:
    """Something about a rule that its author should look at.

    An `error` has to be mended. A `note` is to be looked at: two rules weigh the same evidence, or nobody has read the
    rule for a year. A `remark` is in order as it stands, and good to know. `witness` is the smallest case that shows
    it, as an example gives it: what it leaves unsaid is not answered, and what the rule applies to is the first that it
    allows. It is empty where there is nothing to show.
    """

    rule: str
    grade: Grade
    flaw: str
    witness: str = ""

    def __str__(self) -> str:
        witness = f"\n    {self.witness}" if self.witness else ""
        return f"{self.grade}: {self.rule} {self.flaw}{witness}"


def find_flaws(
    rulebook: Rulebook,
    questionnaire: Questionnaire,
    names: Mapping[str, Name],
    on: date,
    only_ask: Collection[str] = (),
    only: Collection[str] = (),
) -> list[Flaw]:
    """Find what is wrong with a rule set in itself.

    Args:
        rulebook: the rules, with the thresholds of the day.
        questionnaire: what was asked of whom, and which answers there are.
        names: everything that rules may speak of (`cases.catalogue`).
        on: the day on which each rule is to have been checked within the year.
        only_ask: the kinds of rules that weigh nothing, so that nothing that they say is counted twice.
        only: identifiers of the rules to check, each by itself and beside every other rule; all if none is given.

    Returns:
        The flaws in the rulebook's order; none if all is well. What the solver can't decide is a note that says so.
    """
    questions = {column: question for question in questionnaire for column in question.columns}
    solver = Solver()
    chosen = set(only or (*rulebook.rules, *rulebook.not_in_force))
    flaws = [
        Flaw(failure.rule.id, "error", f"an example fails: {failure}")
        for failure in run_examples(rulebook, names)
        if failure.rule.id in chosen
    ]
    sound: list[SymbolicVerdicts] = []
    for rule in rulebook:
        verdicts = encode(rule, questions)
        # A rule that can never differ would make every comparison with others vacuous, so only sound ones go on.
        inability = _flaws_until_undecided(rule, _inability(verdicts, solver))
        if not inability:
            sound.append(verdicts)
        if rule.id in chosen:
            flaws += [*_file_flaws(rule, on), *inability]
            flaws += [] if inability else _flaws_until_undecided(rule, _without_example(verdicts, solver))
    for first, second in _comparable(sound):
        if chosen & {first.rule.id, second.rule.id}:
            flaws += _flaws_until_undecided(first.rule, _implication(first, second, only_ask, solver))
            flaws += _flaws_until_undecided(first.rule, _contradiction(first, second, sound, solver))
    place = [*rulebook.rules]
    return [*sorted(flaws, key=lambda flaw: place.index(flaw.rule)), *_not_in_force(rulebook, chosen, on)]


def _not_in_force(rulebook: Rulebook, chosen: Collection[str], on: date) -> list[Flaw]:
    """The rules that are not in force on the day, of those chosen."""
    idle = [rule_id for rule_id in rulebook.not_in_force if rule_id in chosen]
    return [Flaw(rule_id, "remark", f"not in force on {on:%-d %B %Y}, and not checked") for rule_id in idle]


def _flaws_until_undecided(rule: Rule, flaws: Iterator[Flaw]) -> list[Flaw]:
    """The flaws that the solver finds; where it gives up, that is said instead of the rest."""
    found: list[Flaw] = []
    try:
        found.extend(flaws)
    except UndecidedError as error:
        found.append(Flaw(rule.id, "note", f"could not be decided: the solver gave up ({error})"))
    return found


def _file_flaws(rule: Rule, on: date) -> Iterator[Flaw]:
    """What needs no solver: when it was last checked, and its thresholds."""
    if on - rule.checked_on > CHECKED_WITHIN:
        yield Flaw(rule.id, "note", f"not checked for a year: last on {rule.checked_on:%-d %B %Y}")
    for name in dict.fromkeys(threshold.name for threshold in rule.thresholds):
        if f"threshold.{name}" not in f"{rule.only_if} {rule.expects}":
            yield Flaw(rule.id, "error", f"threshold.{name} is stated and not used")
        entries = sorted((each for each in rule.thresholds if each.name == name), key=lambda each: each.since)
        for earlier, later in pairwise(entries):
            if earlier.until is not None and later.since - earlier.until > timedelta(days=1):
                yield Flaw(
                    rule.id,
                    "error",
                    f"threshold.{name} has no value from {earlier.until:%-d %B %Y} to {later.since:%-d %B %Y}",
                )


def _inability(verdicts: SymbolicVerdicts, solver: Solver) -> Iterator[Flaw]:
    """What a rule can't do, but should be able to."""
    rule, certain = verdicts.rule, verdicts.case.certain
    if not solver.is_possible(*certain, verdicts.inside):
        yield Flaw(rule.id, "error", "never applies: there is no declaration such as applies_to names")
        return
    yield from _never_asked(verdicts, solver)
    if not solver.is_possible(*certain, verdicts.applies):
        yield Flaw(rule.id, "error", "premise never holds: what only_if says can't be")
        return
    # Asked in this order: each question only makes sense if the one before it could be answered yes.
    agrees, differs = (solver.is_possible(*certain, verdict) for verdict in (verdicts.agrees, verdicts.differs))
    if not agrees and not differs:
        yield Flaw(rule.id, "error", "can never be decided: no case agrees, and none differs")
    elif not differs:
        yield Flaw(rule.id, "error", "never differs")
    elif not agrees:
        witness = solver.smallest(verdicts.differs, verdicts, verdicts.case)
        yield Flaw(rule.id, "error", "always differs where it is decided", witness or "")


def _never_asked(verdicts: SymbolicVerdicts, solver: Solver) -> Iterator[Flaw]:
    """Questions that are not put to anybody to whom the rule applies."""
    case = verdicts.case
    names = dict.fromkeys(name for condition in verdicts.rule.conditions for name in names_in(condition))
    for name in names:
        if not name.relation and not solver.is_possible(verdicts.inside, case.is_asked(name), *case.certain):
            flaw = f"speaks of a question that is never put to whom it applies to: {name.name}"
            yield Flaw(verdicts.rule.id, "error", flaw)


def _without_example(verdicts: SymbolicVerdicts, solver: Solver) -> Iterator[Flaw]:
    """Verdicts that it can give and of which it brings no example."""
    examples = {example.verdict for example in verdicts.rule.examples}
    for verdict in VERDICTS:
        if verdict in examples:
            continue
        witness = solver.smallest(getattr(verdicts, verdict), verdicts, verdicts.case)
        if witness is not None:
            yield Flaw(verdicts.rule.id, "error", f"no example shows the verdict {verdict}, which it can give", witness)


def _comparable(rules: Iterable[SymbolicVerdicts]) -> Iterator[tuple[SymbolicVerdicts, SymbolicVerdicts]]:
    """Rules that speak of the same thing, two by two."""
    names_by_rule = [(rule, {name for part in rule.rule.conditions for name in names_in(part)}) for rule in rules]
    for (first, names), (second, other_names) in combinations(names_by_rule, 2):
        if names & other_names:
            yield first, second


def _implication(
    first: SymbolicVerdicts, second: SymbolicVerdicts, only_ask: Collection[str], solver: Solver
) -> Iterator[Flaw]:
    """Whether one of two rules differs only where the other does, or both differ in the same cases."""
    case = merge_cases(first.case, second.case)
    implies, is_implied = (
        not solver.is_possible(*case.certain, narrow.differs, z3.Not(wide.differs))
        for narrow, wide in ((first, second), (second, first))
    )
    if implies or is_implied:
        narrow, wide = (first, second) if implies else (second, first)
        sameness = _EXACTLY if implies and is_implied else "only where"
        witness = solver.smallest(z3.And(wide.differs, z3.Not(narrow.differs)), wide, case)
        yield Flaw(narrow.rule.id, *_grade_overlap(narrow.rule, wide.rule, sameness, only_ask), witness or "")


def _contradiction(
    first: SymbolicVerdicts, second: SymbolicVerdicts, sound: list[SymbolicVerdicts], solver: Solver
) -> Iterator[Flaw]:
    """Whether whoever agrees with one of two rules, and leaves nothing open, differs from the other.

    Each must be able to agree where both are decided: a rule on what a vacant post must not have speaks only of cases
    that differ from the rule that wants it filled, and contradicts nothing.
    """
    case = merge_cases(first.case, second.case)
    both_ways = ((first, second), (second, first))
    disputes = [(kept, broken, z3.And(kept.agrees, broken.differs)) for kept, broken in both_ways]
    if solver.is_possible(*case.certain, first.agrees, second.agrees) or not all(
        solver.is_possible(*case.certain, dispute) for *_, dispute in disputes
    ):
        return
    # A third rule may already forbid the case in which the two disagree; then nobody can meet the contradiction.
    if any(_overrules(third, first, second, solver) for third in sound if third not in (first, second)):
        return
    for kept, broken, dispute in disputes:
        if not solver.is_possible(*case.certain, kept.agrees, broken.excused):
            flaw = f"contradicts {broken.rule.id}: who agrees with one differs from the other"
            yield Flaw(kept.rule.id, "error", flaw, solver.smallest(dispute, kept, case) or "")
            return


def _overrules(third: SymbolicVerdicts, first: SymbolicVerdicts, second: SymbolicVerdicts, solver: Solver) -> bool:
    """Whether wherever two rules both apply, a third differs already: who keeps that never comes between them."""
    case = merge_cases(first.case, second.case)
    shared = third.case.held.keys() & case.held.keys() - _IN_EVERY_CASE
    certain = merge_cases(case, third.case).certain
    return bool(shared) and not solver.is_possible(*certain, first.applies, second.applies, z3.Not(third.differs))


def _grade_overlap(narrow: Rule, wide: Rule, sameness: str, only_ask: Collection[str]) -> tuple[Grade, str]:
    """How grave it is that one rule differs only where another does: whether one thing is weighed twice."""
    flaw = f"differs {sameness} {wide.id} does"
    if {narrow.kind, wide.kind} & set(only_ask):
        return "remark", f"{flaw}; only one of them weighs, or none"
    if narrow.group != wide.group:
        return "note", f"{flaw}, and both weigh: {narrow.group}, {wide.group}"
    if sameness == _EXACTLY:
        return "note", f"{flaw}, in one group: one of them says nothing of its own"
    return "remark", f"{flaw}; they share the weight of {narrow.group}"
