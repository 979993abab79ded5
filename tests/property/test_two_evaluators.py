from __future__ import annotations

import os
import re
from collections import Counter
from datetime import date
from pathlib import Path
from random import Random

import polars as pl
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from crosscheck.rulebook.compile_polars import holds
from crosscheck.rulebook.evaluate import evaluate, give_verdicts
from crosscheck.rulebook.expression import parse
from crosscheck.rulebook.rule import AppliesTo, Rule, Rulebook
from crosscheck.vocabulary import ABSENCES, RELATIONS
from tests.property.made_up import (
    ANSWERS,
    FLAGS,
    LEVELS,
    NAMES,
    cases_of,
    conditions,
    random_row,
    random_rows,
    random_world,
    simple_conditions,
    ties_of,
)
from tests.property.slow_evaluator import Absent, SlowEvaluator, World, parsed, verdict

# An example is a batch, and a failure names the one condition of it that went wrong: there is nothing to shrink.
# `make soak` tries twenty times as many examples as `make test` does, and twice as many against each mutant.
TIMES = {"soak": 20, "mutants": 2}.get(os.environ.get("HYPOTHESIS_PROFILE", ""), 1)
thorough = settings(
    max_examples=15 * TIMES,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)
batches = st.lists(conditions(), min_size=10, max_size=10)
without_absence = st.lists(conditions(on_absence=False), min_size=10, max_size=10)
steady = st.lists(conditions(on_absence=False, of_those_there=False), min_size=10, max_size=10)
on_oneself = st.lists(conditions(on_others=False), min_size=10, max_size=10)
premises = st.just("") | simple_conditions
chances = st.integers(0, 10**6).map(Random)


def rule(number: int, text: str, services: tuple[str, ...], only_if: str) -> Rule:
    return Rule(
        id=f"R{number}",
        title="As we would expect",
        kind="response_pattern",
        applies_to=AppliesTo(services=services),
        only_if=only_if,
        premise=parse(only_if, NAMES) if only_if else None,
        expects=text,
        condition=parse(text, NAMES),
        severity="low",
        strength="context",
        basis="none",
        source="none",
        finding="It differs.",
        finding_names=(),
        explanations=("a slip",),
        lines_of_enquiry=("ask",),
        group="all",
        covers=(),
        expectations=(),
        threshold_rationale="",
        thresholds=(),
        checked_on=date(2026, 11, 22),
        examples=(),
        file=Path(),
    )


def rulebook(texts: list[str], services: tuple[str, ...] = (), only_if: str = "") -> Rulebook:
    return Rulebook({f"R{number}": rule(number, text, services, only_if) for number, text in enumerate(texts)}, "")


@thorough
@given(texts=on_oneself, chance=chances)
def test_polars_and_a_plain_walk_give_the_same_three_valued_answers(texts: list[str], chance: Random) -> None:
    world = World(random_rows(chance, 20), LEVELS)
    cases = cases_of(world.rows).with_columns(pl.col("figures.rate", "figures.count").fill_nan(None))
    answers = cases.lazy().select(holds(parse(text, NAMES)).alias(str(at)) for at, text in enumerate(texts)).collect()
    for at, text in enumerate(texts):
        expected = [SlowEvaluator(row, world).truth(parsed(text)) for row in world.rows]
        assert answers[str(at)].to_list() == expected, text


@thorough
@given(
    texts=batches,
    chance=chances,
    service=st.sampled_from(["children", None]),
    only_if=premises,
    number=st.sampled_from([5, 15, 40]),
)
def test_polars_and_a_plain_walk_give_the_same_verdicts(
    texts: list[str], chance: Random, service: str | None, only_if: str, number: int
) -> None:
    world = random_world(chance, number)
    rules = rulebook(texts, (service,) if service else (), only_if)
    verdicts = give_verdicts(cases_of(world.rows), rules, ties_of(world, chance))
    for at, text in enumerate(texts):
        provided = [row[f"service.{service}"] if service else True for row in world.rows]
        applies = [None if isinstance(known, Absent) else known for known in provided]
        expected = [verdict(text, known, row, world, only_if) for row, known in zip(world.rows, applies, strict=True)]
        assert verdicts[f"R{at}"].to_list() == expected, text


@settings(thorough, max_examples=8 * TIMES)
@given(texts=batches, chance=chances, only_if=premises)
def test_open_questions_are_what_keeps_a_plain_walk_from_deciding(
    texts: list[str], chance: Random, only_if: str
) -> None:
    world = random_world(chance, 10)
    rows = {(row["org_code"], row["function"]): row for row in world.rows}
    findings = evaluate(cases_of(world.rows), rulebook(texts, only_if=only_if), ties_of(world, chance))
    for finding in findings.filter(pl.col("verdict") == "cannot_tell").iter_rows(named=True):
        text, row = texts[int(finding["check_id"][1:])], rows[finding["org_code"], finding["function"]]
        parts = [parsed(part) for part in (only_if, text) if part]
        kept_open = frozenset().union(*map(SlowEvaluator(row, world).open, parts))
        wanting = {name for name, why in kept_open if name and why != "not_applicable"}
        assert set(finding["open_questions"] or ()) == wanting, text
    assert findings.filter(pl.col("verdict") != "cannot_tell")["open_questions"].null_count() == (
        findings.height - findings["verdict"].to_list().count("cannot_tell")
    )


@settings(thorough, max_examples=6 * TIMES)
@given(texts=without_absence, chance=chances, why=st.sampled_from(ABSENCES))
def test_with_everything_absent_no_rule_agrees_or_differs(texts: list[str], chance: Random, why: str) -> None:
    nothing = {name: Absent(why if name in ANSWERS else "nothing") for name in NAMES}
    world = random_world(chance, 5)
    silent = cases_of([row | nothing for row in world.rows])
    verdicts = (
        give_verdicts(silent, rulebook(texts), ties_of(world, chance)).drop("org_code", "function").unpivot()["value"]
    )
    assert set(verdicts) <= {"cannot_tell", "not_applicable"}


@settings(thorough, max_examples=8 * TIMES)
@given(texts=steady, chance=chances)
def test_an_answer_that_comes_later_never_overturns_a_verdict(texts: list[str], chance: Random) -> None:
    before, ties = (world := random_world(chance, 15)).rows, ties_of(world, chance)
    returned = {row["org_code"]: random_row(chance) for row in before}
    after = [{name: later(value, returned[row["org_code"]].get(name)) for name, value in row.items()} for row in before]
    rules = rulebook(texts)
    first, then = give_verdicts(cases_of(before), rules, ties), give_verdicts(cases_of(after), rules, ties)
    for at, text in enumerate(texts):
        decided = first[f"R{at}"].is_in(["agrees", "differs"])
        assert first[f"R{at}"].filter(decided).equals(then[f"R{at}"].filter(decided)), text


def later(value: object, answer: object) -> object:
    """What was wanting is answered, or stays wanting; what does not apply goes on not to."""
    is_wanting = isinstance(value, Absent) and value.why != "not_applicable"
    return answer if is_wanting and answer != Absent("not_applicable") else value


@settings(thorough, max_examples=4 * TIMES)
@given(texts=on_oneself, chance=chances)
def test_a_verdict_depends_neither_on_the_order_of_rows_nor_on_other_rows(texts: list[str], chance: Random) -> None:
    rules, cases = rulebook(texts, ("children",)), cases_of(random_rows(chance, 10))
    verdicts = give_verdicts(cases, rules)
    assert give_verdicts(cases.reverse(), rules).reverse().equals(verdicts)
    assert pl.concat([give_verdicts(cases[at], rules) for at in range(3)]).equals(verdicts.head(3))
    assert give_verdicts(cases.head(0), rules).equals(verdicts.head(0))


@settings(thorough, max_examples=3 * TIMES)
@given(texts=batches, chance=chances)
def test_findings_are_the_same_whatever_the_order_of_the_cases_and_of_the_ties(
    texts: list[str], chance: Random
) -> None:
    world = random_world(chance, 10)
    rules, cases = rulebook(texts), cases_of(world.rows)
    shuffled = cases.sample(fraction=1, shuffle=True, seed=1)
    assert evaluate(shuffled, rules, ties_of(world, chance)).equals(evaluate(cases, rules, ties_of(world, chance)))


def test_the_random_conditions_and_rows_reach_every_verdict() -> None:
    seen: Counter[str] = Counter()

    @settings(thorough, max_examples=10, database=None)
    @given(texts=batches, chance=chances)
    def tally(texts: list[str], chance: Random) -> None:
        world = random_world(chance, 15)
        verdicts = give_verdicts(cases_of(world.rows), rulebook(texts, (FLAGS[0][8:],)), ties_of(world, chance))
        for text in range(len(texts)):
            seen.update(verdicts[f"R{text}"].to_list())

    tally()
    assert min(seen[verdict] for verdict in ("agrees", "differs", "cannot_tell", "not_applicable")) > 50


def test_the_random_conditions_use_every_function_and_relation() -> None:
    met: set[str] = set()

    @settings(thorough, max_examples=40, database=None)
    @given(texts=batches)
    def note(texts: list[str]) -> None:
        met.update(word for text in texts for word in re.findall(r"\w+", text))

    note()
    assert met >= {"abs", "step", "highest", "lowest", "multiple", "mentions", "percentile", "any", "all", "sum"}
    assert met >= {"this_review", "matches", "same", "count", *RELATIONS}
