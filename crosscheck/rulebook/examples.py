"""Runs the examples that every rule brings with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import polars as pl

from crosscheck.cases import WHY_ABSENT
from crosscheck.rulebook.evaluate import dtype_of, judge
from crosscheck.vocabulary import ABSENCE, FUNCTIONS, ORG_TYPES, STATUSES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from crosscheck.cases import Name
    from crosscheck.rulebook.rule import Example, Given, Rule, Rulebook
    from crosscheck.vocabulary import Verdict

_ABSENT_WORDS: Final = {"n/a": "not_applicable", "not known": "not_known"}


@dataclass(frozen=True)
class Failure:
    """An example on which its rule gives another verdict than it should."""

    rule: Rule
    example: Example
    verdict: Verdict

    def __str__(self) -> str:
        return f"{self.rule.id}, “{self.example.name}”: gives {self.verdict}, not {self.example.verdict}."


def run_examples(rulebook: Rulebook, names: Mapping[str, Name]) -> list[Failure]:
    """Hold every rule against its own examples.

    Args:
        rulebook: the rules with their examples.
        names: everything that rules may speak of (`cases.catalogue`).

    Returns:
        The examples that came out otherwise, in the rulebook's order; none if all is well.
    """
    shown = [(rule, example) for rule in rulebook for example in rule.examples]
    verdicts = judge(_cases([_known(rule, example) for rule, example in shown], names), rulebook)
    came = [verdicts[rule.id][row] for row, (rule, _) in enumerate(shown)]
    return [
        Failure(rule, example, verdict)
        for (rule, example), verdict in zip(shown, came, strict=True)
        if verdict != example.verdict
    ]


def _known(rule: Rule, example: Example) -> Mapping[str, Given]:
    """What is known of the example's case: what is given, and else the first of what the rule applies to."""
    to = rule.applies_to
    return {
        "declared.status": (to.declared or STATUSES)[0],
        "organisation.org_type": (to.org_type or ORG_TYPES)[0],
        "function": (to.function or FUNCTIONS)[0],
        **{f"service.{service}": True for service in to.services},
        **example.given,
    }


def _cases(known: list[Mapping[str, Given]], names: Mapping[str, Name]) -> pl.DataFrame:
    columns = {
        "org_code": pl.Series([str(row) for row in range(len(known))]),
        "function": pl.Series([case["function"] for case in known], dtype=pl.String),
    }
    for name in names.values():
        given = [case.get(name.name) for case in known]
        absent = [_ABSENT_WORDS.get(str(value)) for value in given]
        values = [None if why else value for value, why in zip(given, absent, strict=True)]
        columns[name.name] = pl.Series(values, dtype=dtype_of(name))
        if name.absences:
            why = [
                why or (None if value is not None else "no_answer") for value, why in zip(values, absent, strict=True)
            ]
            columns[name.name + WHY_ABSENT] = pl.Series(why, dtype=ABSENCE)
    return pl.DataFrame(columns)
