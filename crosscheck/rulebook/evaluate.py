"""Holds every rule against every case in one pass: verdicts, and findings with their evidence in words."""

from __future__ import annotations

from functools import cache, reduce
from operator import and_, or_
from typing import TYPE_CHECKING, Final

import polars as pl

from crosscheck.rulebook.compile_polars import undecided_by
from crosscheck.rulebook.condition import Among, CountAmong, Percentile, Total, names_in, nodes
from crosscheck.rulebook.context import with_context
from crosscheck.rulebook.evaluation_plan import EvaluationPlan
from crosscheck.rulebook.format_value import format_evidence, format_figure, format_value
from crosscheck.rulebook.others import accounts_column
from crosscheck.rulebook.rule import PLACEHOLDER
from crosscheck.vocabulary import SEVERITY, VERDICT, VERDICTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from crosscheck.cases.cases import Name
    from crosscheck.rulebook.rule import AppliesTo, Rule, Rulebook

_KEYS: Final = ("org_code", "function")
_BETWEEN_NAMES: Final = "; "
_FINDING: Final = (
    "check_id", *_KEYS, "verdict", "severity", "evidence", "expected", "basis", "says", "open_questions", "group",
    "kind",
)  # fmt: skip
_DIFFERS, _AGREES, _CANNOT_TELL, _NOT_APPLICABLE = (pl.lit(verdict, dtype=VERDICT) for verdict in VERDICTS)


def give_verdicts(
    cases: pl.DataFrame, rulebook: Rulebook, ties: pl.DataFrame | None = None, *, of_one_collection: bool = True
) -> pl.DataFrame:
    """Give the verdict of every rule on every case.

    Args:
        cases: one row a declaration, with a column for each name that the rules speak of and, beside each answer, why
            it is absent (`cases.build_cases`).
        rulebook: the rules.
        ties: one row a tie of an organisation with another (`network.graph.relate`); None where nobody knows of any, so
            that what rules ask of other organisations can't be told.
        of_one_collection: whether the cases are all organisations of a collection, so that they may be compared where
            they hold the same; otherwise what `same(…)` asks can't be told either.

    Returns:
        One row a declaration, in the order of the cases: `org_code`, `function` and one column a rule, of type
        `vocabulary.VERDICT` and never null. Where an absent answer leaves a rule open, it is `cannot_tell`, or
        `not_applicable` if all that keep it open are not applicable.
    """
    in_context = with_context(cases, rulebook, ties, of_one_collection=of_one_collection)
    with_verdicts = _with_verdicts(in_context, rulebook)
    return with_verdicts.select(*_KEYS, *(rule.id for rule in rulebook))


def evaluate(cases: pl.DataFrame, rulebook: Rulebook, ties: pl.DataFrame | None = None) -> pl.DataFrame:
    """Give the verdict of every rule on every case, what it rests on, and what would decide what is open.

    Args:
        cases: as for `give_verdicts`, in any order.
        rulebook: the rules.
        ties: as for `give_verdicts`.

    Returns:
        One row a rule and declaration, by the rulebook's order, `org_code`, `function`: `check_id`, `org_code`,
        `function`, `verdict`, `severity`, `evidence` (each name that the condition speaks of, with the answer in words,
        other organisations' accounts, sums and percentiles), `expected` (the rule's title) and `basis` (in short; these
        three empty where the rule does not apply), `says` (null unless it differs), `open_questions` (the absent names
        that keep a `cannot_tell` open, else null), `group`, `kind`.
    """
    # Wide, with one column a rule, until the very end: a long table would repeat the answers of a case once a rule.
    in_context = with_context(cases.sort(_KEYS), rulebook, ties, with_accounts=True)
    worded = _with_verdicts(in_context, rulebook).with_columns(_words(rulebook))
    wide = worded.select(*_KEYS, *_finding_columns(rulebook))
    findings = _about(rulebook).join(wide.select(_KEYS), how="cross", maintain_order="left_right")
    columns = {column: _stack(wide, rulebook, column) for column in ("verdict", "evidence", "says", "open")}
    open_questions = columns.pop("open").replace("", None).str.split(_BETWEEN_NAMES)
    for_applicable = (
        pl.when(pl.col("verdict") != "not_applicable").then(pl.col("expected", "basis")).otherwise(pl.lit(""))
    )
    return findings.with_columns(**columns, open_questions=open_questions).with_columns(for_applicable).select(_FINDING)


def _all_names(rulebook: Rulebook) -> Iterable[Name]:
    return dict.fromkeys(name for rule in rulebook for name in (*_own_names(rule), *rule.finding_names))


def _own_names(rule: Rule) -> tuple[Name, ...]:
    """The names of its own case that a rule's conditions speak of, each once."""
    names = (name for condition in rule.conditions for name in names_in(condition) if not name.relation)
    return tuple(dict.fromkeys(names))


def _with_verdicts(cases: pl.DataFrame, rulebook: Rulebook) -> pl.DataFrame:
    """The cases and one column a rule. Whether a rule applies is worked out once for all rules that say it alike."""
    scopes = dict.fromkeys(rule.applies_to for rule in rulebook)
    return (
        _plan(rulebook)
        .add_columns(cases.with_columns(_finite(rulebook)))
        .with_columns(applies_to(scope).alias(_inside(scope)) for scope in scopes)
        .with_columns(_verdict_outside(scope).alias(_outside(scope)) for scope in scopes)
        .with_columns(_verdicts(rulebook))
    )


# A rulebook is compiled once, however often it is held against cases.
@cache
def _plan(rulebook: Rulebook) -> EvaluationPlan:
    return EvaluationPlan(condition for rule in rulebook for condition in rule.conditions)


@cache
def _finite(rulebook: Rulebook) -> list[pl.Expr]:
    numbers = [pl.col(name.name) for name in _all_names(rulebook) if name.type == "number"]
    return [pl.when(number.is_finite()).then(number) for number in numbers]


@cache
def _verdicts(rulebook: Rulebook) -> list[pl.Expr]:
    return [_verdict(rule, _plan(rulebook)).alias(rule.id) for rule in rulebook]


@cache
def _words(rulebook: Rulebook) -> list[pl.Expr]:
    return [format_value(name).alias(_words_column(name)) for name in _all_names(rulebook)]


@cache
def _finding_columns(rulebook: Rulebook) -> list[pl.Expr]:
    return [column for rule in rulebook for column in _finding(rule, _plan(rulebook))]


def _inside(scope: AppliesTo) -> str:
    return f"{scope} applies"


def _outside(scope: AppliesTo) -> str:
    return f"{scope} does not apply"


def applies_to(scope: AppliesTo) -> pl.Expr:
    """Whether a case is one that a rule speaks of: unknown where a service is not known."""
    one_of = {"declared.status": scope.declared, "organisation.org_type": scope.org_type, "function": scope.function}
    within = [reduce(or_, (pl.col(name) == value for value in values)) for name, values in one_of.items() if values]
    return reduce(and_, [*within, *map(pl.col, _services(scope))], pl.lit(value=True))


def _services(scope: AppliesTo) -> list[str]:
    return [f"service.{service}" for service in scope.services]


def _verdict_outside(scope: AppliesTo) -> pl.Expr:
    return _undecided_verdict(pl.col(_inside(scope)).is_null())


def _verdict(rule: Rule, plan: EvaluationPlan) -> pl.Expr:
    """The verdict, chosen among words of its type: to cast a million places to words takes longer than all the rest."""
    holds, undecided = plan.holds(rule.condition), _undecided_verdict(plan.answerable(rule.condition))
    verdict = pl.when(holds).then(_AGREES).when(holds.is_null()).then(undecided).otherwise(_DIFFERS)
    if rule.premise is not None:
        premise = plan.holds(rule.premise)
        verdict = (
            pl.when(premise)
            .then(verdict)
            .otherwise(_undecided_verdict(premise.is_null() & plan.answerable(rule.premise)))
        )
    return pl.when(_inside(rule.applies_to)).then(verdict).otherwise(_outside(rule.applies_to))


def _undecided_verdict(is_undecided: pl.Expr) -> pl.Expr:
    return pl.when(is_undecided).then(_CANNOT_TELL).otherwise(_NOT_APPLICABLE)


def _words_column(name: Name) -> str:
    return f"{name.name} in words"


def _evidence_of_others(rule: Rule) -> Iterator[pl.Expr]:
    """What a rule asks of others and of peers, in words, each text once."""
    all_nodes = (node for condition in rule.conditions for node in nodes(condition))
    over_others = (node for node in all_nodes if isinstance(node, Among | CountAmong | Percentile | Total))
    for node in {node.text: node for node in over_others}.values():
        yield format_figure(node.text) if isinstance(node, Percentile | Total) else pl.col(accounts_column(node))


def _finding(rule: Rule, plan: EvaluationPlan) -> tuple[pl.Expr, ...]:
    verdict, words = pl.col(rule.id), [pl.col(_words_column(name)) for name in rule.finding_names]
    finding = pl.format(PLACEHOLDER.sub("{}", rule.finding), *words) if words else pl.lit(rule.finding)
    own = [format_evidence(name, pl.col(_words_column(name))) for name in _own_names(rule)]
    evidence = pl.concat_str([*own, *_evidence_of_others(rule)], separator="; ")
    return (
        verdict.alias(f"{rule.id} verdict"),
        pl.when(verdict != "not_applicable").then(evidence).otherwise(pl.lit("")).alias(f"{rule.id} evidence"),
        pl.when(verdict == "differs").then(finding).alias(f"{rule.id} says"),
        pl.when(verdict == "cannot_tell").then(_open_questions(rule, plan)).alias(f"{rule.id} open"),
    )


def _open_questions(rule: Rule, plan: EvaluationPlan) -> pl.Expr:
    """The names that keep a rule open: services and answers that decide whether it applies, answers to the rest."""
    by_name = {service: [pl.col(service).is_null()] for service in _services(rule.applies_to)}
    alone = len(rule.conditions) == 1 and not by_name  # then nothing else can have left the verdict undecided
    for condition in rule.conditions:
        for name, undecided in undecided_by(condition, plan.lookup).items():
            by_name.setdefault(name, []).append(undecided if alone else plan.holds(condition).is_null() & undecided)
    missing = [pl.when(reduce(or_, cases)).then(pl.lit(name)) for name, cases in by_name.items()]
    return pl.concat_str(missing, separator=_BETWEEN_NAMES, ignore_nulls=True)


def _about(rulebook: Rulebook) -> pl.DataFrame:
    columns = {
        "check_id": "id",
        "severity": "severity",
        "expected": "title",
        "basis": "basis_in_short",
        "group": "group",
        "kind": "kind",
    }
    return pl.DataFrame(
        {column: [getattr(rule, attribute) for rule in rulebook] for column, attribute in columns.items()},
        schema_overrides={"severity": SEVERITY},
    )


def _stack(wide: pl.DataFrame, rulebook: Rulebook, column: str) -> pl.Series:
    """One column of every rule, one below the other; unpivoting would take several times the memory."""
    return pl.concat([wide[f"{rule.id} {column}"] for rule in rulebook]).alias(column)
