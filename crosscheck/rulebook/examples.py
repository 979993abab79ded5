"""Runs the examples that every rule brings with it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, NamedTuple

import polars as pl

from crosscheck.errors import RulebookError
from crosscheck.rulebook.condition import Among, CountAmong, Total, is_same, names_in, nodes
from crosscheck.rulebook.evaluate import give_verdicts
from crosscheck.rulebook.rule import PERCENTILE, SAME
from crosscheck.vocabulary import ABSENCE, FUNCTIONS, ORG_TYPES, RELATION, STATUSES, WHY_ABSENT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import date

    from crosscheck.cases.cases import Name
    from crosscheck.rulebook.rule import Example, Given, Rule, Rulebook
    from crosscheck.vocabulary import Verdict

_REMEDY: Final = "Mend the condition or the example; `crosscheck rules check --only ID` tries one rule."
_ABSENT_WORDS: Final = {"n/a": "not_applicable", "not known": "not_known"}


@dataclass(frozen=True)
class Failure:
    """An example on which its rule gives another verdict than it should."""

    rule: Rule
    example: Example
    verdict: Verdict

    def __str__(self) -> str:
        return f"{self.rule.id}, “{self.example.name}”: gives {self.verdict}, not {self.example.verdict}."

    @property
    def problem(self) -> str:
        """What is wrong, with the file in which it stands."""
        place = "/".join(self.rule.file.parts[-4:])
        return f"{place}, example “{self.example.name}”: gives {self.verdict}, not {self.example.verdict}."


def run_examples(rulebook: Rulebook, names: Mapping[str, Name]) -> list[Failure]:
    """Hold every rule against its own examples.

    Args:
        rulebook: the rules with their examples.
        names: everything that rules may speak of (`cases.catalogue`).

    Returns:
        The examples that came out otherwise, in the rulebook's order; none if all is well.
    """
    examples = [(rule, example) for rule in rulebook for example in rule.examples]
    # All examples are tried at once. Those of rules with `same(…)` would meet each other, so each is tried alone.
    together = [(rule, example) for rule, example in examples if not _shares_values(rule)]
    verdicts_together = iter(_verdicts_on(together, rulebook, names))
    failures = []
    for rule, example in examples:
        if _shares_values(rule):
            (verdict,) = _verdicts_on([(rule, example)], replace(rulebook, rules={rule.id: rule}), names)
        else:
            verdict = next(verdicts_together)
        if verdict != example.verdict:
            failures.append(Failure(rule, example, verdict))
    return failures


def _shares_values(rule: Rule) -> bool:
    """Whether a rule looks at the organisations that hold the same value, whichever these are."""
    return any(is_same(name.relation) for condition in rule.conditions for name in names_in(condition))


def _verdicts_on(examples: list[tuple[Rule, Example]], rulebook: Rulebook, names: Mapping[str, Name]) -> list[Verdict]:
    """The verdict of each rule on its example, all of them organisations of one collection."""
    case_values = {str(row): _case_values(rule, example) for row, (rule, example) in enumerate(examples)}
    others = [other for row, (rule, example) in enumerate(examples) for other in _others_of(str(row), rule, example)]
    cases = _cases(case_values | {other.other_code: other.given for other in others}, names)
    verdicts = give_verdicts(cases, rulebook, _tie_frame([other for other in others if other.relation != SAME]))
    return [verdicts[rule.id][row] for row, (rule, _) in enumerate(examples)]


def refuse_failing_examples(rulebook: Rulebook, names: Mapping[str, Name], day: date) -> None:
    """Stop where a rule does not do what its own examples say, as where it brings none.

    Examples speak of the newest thresholds: a rule that has a later one than the day's is left out.

    Raises:
        RulebookError: with every example that fails: the file, the example, both verdicts and what to do.
    """
    newest = {rule.id: rule for rule in rulebook if all(threshold.since <= day for threshold in rule.thresholds)}
    tried = rulebook if len(newest) == len(rulebook) else replace(rulebook, rules=newest)  # the same is compiled once
    if failures := run_examples(tried, names):
        raise RulebookError([*(failure.problem for failure in failures), _REMEDY])


class _Other(NamedTuple):
    """Another organisation of an example, and what is given of it."""

    org_code: str
    relation: str
    other_code: str
    given: Mapping[str, Given]


def _case_values(rule: Rule, example: Example) -> Mapping[str, Given]:
    """What is known of the example's case: what is given, and else the first of what the rule applies to."""
    to = rule.applies_to
    return {
        "declared.status": (to.declared or STATUSES)[0],
        "organisation.org_type": (to.org_type or ORG_TYPES)[0],
        "function": (to.function or FUNCTIONS)[0],
        **{f"service.{service}": True for service in to.services},
        **example.given,
    }


def _others_of(org_code: str, rule: Rule, example: Example) -> Iterator[_Other]:
    """The other organisations; one under `same` holds what the example's own case does, where it says nothing else."""
    shared = {name: value for name, value in example.given.items() if name in _compared(rule)}
    for relation, others in example.others.items():
        for number, given in enumerate(others, start=1):
            held = {"function": "whole", **(shared if relation == SAME else {}), **given}
            yield _Other(org_code, relation, f"{org_code} {relation} {number}", held)


def _compared(rule: Rule) -> set[str]:
    """The names whose values `same(…)` compares in a rule."""
    every = (node for condition in rule.conditions for node in nodes(condition))
    return {key.name for node in every if isinstance(node, Among | CountAmong | Total) for key in node.keys}


def _tie_frame(ties: list[_Other]) -> pl.DataFrame:
    """The ties as a run has them; the review of two parties is the first that each describes."""
    rows = [(tie.org_code, tie.relation, tie.other_code, 1) for tie in ties]
    schema = {"org_code": pl.String(), "relation": RELATION, "other_code": pl.String(), "item": pl.UInt8()}
    return pl.DataFrame(rows, schema=schema, orient="row")


def _cases(values: Mapping[str, Mapping[str, Given]], names: Mapping[str, Name]) -> pl.DataFrame:
    percentiles = sorted({name for case in values.values() for name in case if name.startswith(PERCENTILE)})
    columns = {
        "org_code": pl.Series(list(values), dtype=pl.String),
        "function": pl.Series([case["function"] for case in values.values()], dtype=pl.String),
        **{name: pl.Series([case.get(name) for case in values.values()], dtype=pl.Float64) for name in percentiles},
    }
    given = _by_name(values)
    nothing: list[Given | None] = [None] * len(values)
    for name in names.values():
        columns |= _column(name, given.get(name.name, nothing))
    return pl.DataFrame(columns)


def _by_name(values: Mapping[str, Mapping[str, Given]]) -> dict[str, list[Given | None]]:
    """What the cases give under each name that any of them gives, one entry a case."""
    given: dict[str, list[Given | None]] = {}
    for row, case in enumerate(values.values()):
        for name, value in case.items():
            given.setdefault(name, [None] * len(values))[row] = value
    return given


def _column(name: Name, given: list[Given | None]) -> dict[str, pl.Series]:
    """What the cases hold under a name and, if it is an answer, why it is absent: not answered unless that is given."""
    absent = [_ABSENT_WORDS.get(value) if isinstance(value, str) else None for value in given]
    values = [None if why else value for value, why in zip(given, absent, strict=True)] if any(absent) else given
    column = {name.name: pl.Series(values, dtype=name.dtype)}
    if name.absences:
        silent = [None if value is not None else "no_answer" for value in values]
        why = [reason or default for reason, default in zip(absent, silent, strict=True)]
        column[name.name + WHY_ABSENT] = pl.Series(why, dtype=ABSENCE)
    return column
