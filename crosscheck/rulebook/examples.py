"""Runs the examples that every rule brings with it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, NamedTuple

import polars as pl

from crosscheck.errors import RulebookError
from crosscheck.rulebook.evaluate import give_verdicts
from crosscheck.rulebook.rule import PERCENTILE
from crosscheck.vocabulary import ABSENCE, FUNCTIONS, ORG_TYPES, RELATION, STATUSES, WHY_ABSENT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import date

    from crosscheck.cases.cases import Name
    from crosscheck.rulebook.rule import Example, Given, Rule, Rulebook
    from crosscheck.vocabulary import Relation, Verdict

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
    case_values = {str(row): _case_values(rule, example) for row, (rule, example) in enumerate(examples)}
    ties = [tie for row, (_, example) in enumerate(examples) for tie in _ties_of_example(str(row), example)]
    cases = _cases(case_values | {tie.other_code: tie.given for tie in ties}, names)
    verdicts = give_verdicts(cases, rulebook, _tie_frame(ties))
    verdicts_given = [verdicts[rule.id][row] for row, (rule, _) in enumerate(examples)]
    return [
        Failure(rule, example, verdict)
        for (rule, example), verdict in zip(examples, verdicts_given, strict=True)
        if verdict != example.verdict
    ]


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


class _Tie(NamedTuple):
    """Another organisation of an example, and what is given of it."""

    org_code: str
    relation: Relation
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


def _ties_of_example(org_code: str, example: Example) -> Iterator[_Tie]:
    for relation, others in example.others.items():
        for number, given in enumerate(others, start=1):
            yield _Tie(org_code, relation, f"{org_code} {relation} {number}", {"function": "whole", **given})


def _tie_frame(ties: list[_Tie]) -> pl.DataFrame:
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
