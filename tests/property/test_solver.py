"""The solver reads the language as the engine does: on random organisations both give the same verdicts."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from random import Random
from typing import Any

import z3
from hypothesis import given, settings
from hypothesis import strategies as st

from crosscheck.rulebook.compile_polars import total_answerable
from crosscheck.rulebook.compile_z3 import SymbolicVerdicts, encode
from crosscheck.rulebook.condition import Total, nodes
from crosscheck.rulebook.context import with_context
from crosscheck.rulebook.evaluate import give_verdicts
from crosscheck.rulebook.rule import Rulebook
from crosscheck.rulebook.z3_case import KINDS, TIES_ARE_KNOWN, HeldValue, as_code, exactly
from crosscheck.vocabulary import RELATIONS, VERDICTS
from tests.property.made_up import NAMES, SAME, cases_of, random_world, ties_of
from tests.property.slow_evaluator import Absent, Row, SlowEvaluator, World, first, mentioned
from tests.property.test_two_evaluators import TIMES, batches, chances, premises, rulebook, thorough

NOTHING = Absent("nothing")
Settled = Iterator[tuple[z3.ExprRef, z3.ExprRef]]
Facts = list[tuple[z3.ExprRef, z3.ExprRef]]
ALL_VERDICTS = z3.Function("all verdicts", *[z3.BoolSort()] * (len(VERDICTS) + 1))  # so that all are settled at once


def in_exact_numbers(world: World) -> World:
    """The solver does not round and knows no largest number, so that neither may matter; it has few kinds of others."""
    rows = [{name: exact(value) for name, value in row.items()} for row in world.rows]
    others: dict[tuple[str, str], list[tuple[str, str, str, int]]] = {}
    for tie in sorted(world.ties or ()):
        others.setdefault(tie[:2], []).append(tie)
    few = {tie for ties in others.values() for tie in ties[: len(KINDS)]}
    return World(rows, world.levels, None if world.ties is None else few)


def exact(value: Any) -> Any:
    if not isinstance(value, float):
        return value
    return NOTHING if not math.isfinite(value) else 4.0 if value == 3 or value > 1e6 else value


def solved(verdicts: SymbolicVerdicts, row: Row, known: dict[str, Any], ties: Facts) -> str:
    """The verdict that the encoding gives on a row, beside which stands what was worked out over all rows."""
    settled = [fact for held in verdicts.case.held.values() for fact in settle(held, known)] + ties
    for total in (node for part in verdicts.rule.conditions for node in nodes(part) if isinstance(node, Total)):
        settled.append((z3.Bool(total_answerable(total)), z3.BoolVal(val=row[total_answerable(total)])))
    told = z3.simplify(z3.substitute(ALL_VERDICTS(*(getattr(verdicts, name) for name in VERDICTS)), *settled))
    (verdict,) = (name for name, holds in zip(VERDICTS, told.children(), strict=True) if z3.is_true(holds))
    return verdict


def settle_ties(row: Row, world: World) -> Facts:
    """Whether ties are known, and of which kinds of others there is one."""
    settled: Facts = [(TIES_ARE_KNOWN, z3.BoolVal(val=world.ties is not None))]
    for relation in (*RELATIONS, *SAME):
        number = len(others_of(row, world, relation))
        settled += [(z3.Int(f"number of {relation} {kind}"), z3.IntVal(int(kind <= number))) for kind in KINDS]
    return settled


def labelled(row: Row, world: World) -> Iterator[tuple[str, Any]]:
    """What a row holds, and what others hold beside it, under the labels that the solver has for it."""
    yield from row.items()
    for relation in (*RELATIONS, *SAME):
        for kind, other in enumerate(others_of(row, world, relation), start=1):
            beside = SlowEvaluator(row, world).beside(relation, *other)
            yield from ((f"{first(name)} {kind}: {name}", value) for name, value in beside.items())


def others_of(row: Row, world: World, relation: str) -> list[tuple[Row, int]]:
    """The other organisations of a relation, each with the review that both took part in."""
    if relation in SAME:
        return [(other, 0) for other in world.sharing(row, relation) or ()]
    return list(world.others(row, relation))


def settle(held: HeldValue, known: dict[str, Any]) -> Settled:
    text, _, words = held.label.partition(' mentions "')
    text, _, pattern = text.partition(' matches "')
    value = known.get(text)
    value = NOTHING if value is None else value
    if words:
        yield held.value, z3.BoolVal(val=not isinstance(value, Absent) and mentioned(words[:-1], value))
        return
    if pattern:
        yield held.value, z3.BoolVal(val=not isinstance(value, Absent) and bool(re.fullmatch(pattern[:-1], value)))
        return
    is_there = not isinstance(value, Absent)
    yield held.there, z3.BoolVal(val=is_there)
    if not z3.is_false(held.not_applicable):
        yield held.not_applicable, z3.BoolVal(val=value == Absent("not_applicable"))
    if is_there:
        yield held.value, constant(held, value)


def constant(held: HeldValue, value: Any) -> z3.ExprRef:
    if isinstance(value, bool):
        return z3.BoolVal(val=value)
    return exactly(value) if isinstance(value, float) else z3.IntVal(as_code(NAMES.get(held.label, held.name), value))


@settings(thorough, max_examples=5 * TIMES)
@given(texts=batches, chance=chances, service=st.sampled_from(["children", None]), only_if=premises)
def test_the_solver_and_polars_give_the_same_verdicts(
    texts: list[str], chance: Random, service: str | None, only_if: str
) -> None:
    compare(rulebook(texts, (service,) if service else (), only_if), chance, rows=8)


def test_the_solver_and_polars_divide_alike_by_what_is_above_at_and_below_nothing() -> None:
    texts = [
        "figures.rate / care.days > 1",
        "care.days / (care.staff - 1) <= figures.count",
        "abs(figures.rate / care.days) >= figures.count / care.staff",
        "figures.rate / care.days + care.staff == 2",
        "figures.rate / care.days * care.staff != figures.count",
        "figures.rate - care.staff / care.days < figures.count / (0 - care.days)",
        "multiple(figures.rate / care.days, 0.5)",
        "not absent(figures.rate) and 0 < care.staff / figures.rate <= 4",
    ]
    for seed in range(4):
        compare(rulebook(texts), Random(seed), rows=25)


def compare(rules: Rulebook, chance: Random, rows: int) -> None:
    """Hold both readings of some rules against some rows of a random world."""
    world = in_exact_numbers(random_world(chance, 25))
    cases, ties = cases_of(world.rows), ties_of(world, chance)
    verdicts, beside = give_verdicts(cases, rules, ties), with_context(cases, rules, ties).to_dicts()
    encoded = {rule.id: encode(rule, {}) for rule in rules}
    # The solver has few kinds of others, and here each stands for one: more can't be laid out before it.
    few = [at for at, row in enumerate(world.rows) if all(len(others_of(row, world, s)) <= len(KINDS) for s in SAME)]
    for at in chance.sample(few, min(rows, len(few))):
        row = beside[at] | world.rows[at]
        known, tied = dict(labelled(row, world)), settle_ties(row, world)
        for rule in rules:
            assert solved(encoded[rule.id], row, known, tied) == verdicts[rule.id][at], (rule.only_if, rule.expects)
