"""Checks as the risk needs them: what each rests on, and to which declarations each applies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from crosscheck.rulebook.condition import Tally, names_in, nodes
from crosscheck.rulebook.evaluate import applies_to, give_verdicts
from crosscheck.vocabulary import VERDICTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from crosscheck.cases.cases import Name
    from crosscheck.rulebook.condition import Condition, Operand
    from crosscheck.rulebook.rule import Rule, Rulebook

CHECKS: Final = pl.Schema(
    {
        "check_id": pl.String(),
        "kind": pl.String(),
        "strength": pl.String(),
        "severity": pl.String(),
        "title": pl.String(),
        "questions": pl.List(pl.String()),
        "premises": pl.List(pl.String()),
    }
)


_DIFFERS, _AGREES = VERDICTS.index("differs"), VERDICTS.index("agrees")


def list_checks(rulebook: Rulebook) -> pl.DataFrame:
    """One row a rule, by identifier (`CHECKS`): the own answers that it speaks of.

    `questions` are those of what it expects, `premises` those that narrow to whom it applies, or what it counts: of a
    share of answers one that is not applicable is no part, so that calling it so can end the check.
    """
    rows = [
        (
            rule.id,
            rule.kind,
            rule.strength,
            rule.severity,
            rule.title,
            _own_names(rule.condition),
            sorted({name for part in _narrowing(rule) for name in _own_names(part)}),
        )
        for rule in rulebook
    ]
    return pl.DataFrame(rows, schema=CHECKS, orient="row").sort("check_id")


def list_applicable(cases: pl.DataFrame, rulebook: Rulebook) -> pl.DataFrame:
    """The checks of own answers that apply to each declaration by its type, function, services and status.

    Whatever was answered: so that an absent answer can be counted as the average one. Checks of which another answer
    decides whether they apply are left out: it may say that they do not.

    Returns:
        One row a declaration and check: `check_id`, `org_code`, `function`.
    """
    # Checks with a premise are left out: what was not answered might have said that they do not apply.
    unconditional = [rule for rule in rulebook if rule.kind == "declaration_vs_answer" and _decides_itself(rule)]
    scopes = list(dict.fromkeys(rule.applies_to for rule in unconditional))
    inside = cases.select(
        "org_code", "function", *(applies_to(scope).alias(str(place)) for place, scope in enumerate(scopes))
    )
    by_scope = inside.unpivot(index=["org_code", "function"], variable_name="scope", value_name="applies")
    of_scope = pl.DataFrame(
        {
            "check_id": [rule.id for rule in unconditional],
            "scope": [str(scopes.index(rule.applies_to)) for rule in unconditional],
        },
        schema={"check_id": pl.String, "scope": pl.String},
    )
    applying = by_scope.filter(pl.col("applies").fill_null(value=False))
    return applying.join(of_scope, on="scope").select("check_id", "org_code", "function")


def _decides_itself(rule: Rule) -> bool:
    """Whether no other answer than those that it speaks of decides whether a check applies."""
    used = set(_own_names(rule.condition))
    return bool(used) and (rule.premise is None or set(_own_names(rule.premise)) <= used)


def judge_probes(cases: pl.DataFrame, rulebook: Rulebook) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The verdicts on many made-up cases, as little of them as weighs.

    What they ask of other organisations can't be told.

    Returns:
        `org_code`, `function`, `check_id` of each check that differs; and the same of each that applies whatever was
        answered (`list_applicable`) and that nothing decides.
    """
    names = [rule.id for rule in rulebook]
    verdicts = give_verdicts(cases, rulebook, of_one_collection=False).select(pl.col(names).to_physical()).to_numpy()
    keys = cases.select("org_code", pl.col("function").cast(pl.String))
    checks = pl.Series("check_id", names, dtype=pl.String)
    # Compared as codes of the enum: millions of verdicts as text would take more memory than the run.
    undecided = (verdicts > _AGREES) & _applying(cases, rulebook)
    rows, columns = zip(np.nonzero(verdicts == _DIFFERS), np.nonzero(undecided), strict=True)
    differing, undecided_checks = (
        keys[row].with_columns(checks[column]) for row, column in zip(rows, columns, strict=True)
    )
    return differing, undecided_checks


def _applying(cases: pl.DataFrame, rulebook: Rulebook) -> npt.NDArray[np.bool_]:
    """Whether each check applies to each case whatever was answered, by type and function alone."""
    scope = ("organisation.org_type", "function")
    # Thousands of probes have a handful of types and functions: each is worked out once and looked up.
    scopes = cases.unique(scope, keep="first", maintain_order=True)
    number = scopes.select(*scope).with_row_index("scope")
    at = {rule.id: place for place, rule in enumerate(rulebook)}
    applying = list_applicable(scopes, rulebook).join(
        scopes.select("org_code", *scope).join(number, on=scope), on=["org_code", "function"]
    )
    table = np.zeros((scopes.height, len(at)), dtype=np.bool_)
    table[applying["scope"].to_numpy(), applying["check_id"].replace_strict(at, return_dtype=pl.Int64).to_numpy()] = (
        True
    )
    of_rows = cases.select(scope).join(number, on=scope, how="left", maintain_order="left")["scope"]
    applies: npt.NDArray[np.bool_] = table[of_rows.to_numpy()]
    return applies


def own_names_of(rulebook: Rulebook) -> list[Name]:
    """Every name of its own case that a rule speaks of, each once."""
    every = (name for rule in rulebook for condition in rule.conditions for name in names_in(condition))
    return list(dict.fromkeys(name for name in every if not name.relation))


def names_used_together(rulebook: Rulebook) -> list[tuple[str, ...]]:
    """Of each rule that speaks of several names of its own case, these."""
    groups = (
        dict.fromkeys(name.name for condition in rule.conditions for name in names_in(condition) if not name.relation)
        for rule in rulebook
    )
    return [tuple(group) for group in groups if len(group) > 1]


def _narrowing(rule: Rule) -> Iterator[Condition | Operand]:
    """The parts that narrow to whom it applies, or what it counts."""
    if rule.premise is not None:
        yield rule.premise
    yield from (node for node in nodes(rule.condition) if isinstance(node, Tally) and node.share)


def _own_names(condition: Condition | Operand) -> list[str]:
    """The answers of the own return that a condition speaks of."""
    return sorted({name.name for name in names_in(condition) if name.absences and not name.relation})
