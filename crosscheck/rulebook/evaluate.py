"""Holds every rule against every case in one pass: verdicts, and findings with their evidence in words."""

from __future__ import annotations

from functools import cache, reduce
from operator import and_, or_
from typing import TYPE_CHECKING, Final

import polars as pl

from crosscheck.rulebook.condition import Among, Percentile, Total, names_in, nodes
from crosscheck.rulebook.context import accounts_column, with_context
from crosscheck.rulebook.layers import Layers
from crosscheck.rulebook.meaning import keeps_open
from crosscheck.rulebook.rule import PLACEHOLDER
from crosscheck.rulebook.wording import as_evidence, figure_as_evidence, in_words
from crosscheck.vocabulary import SEVERITY, VERDICT, VERDICTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from crosscheck.cases.cases import Name
    from crosscheck.rulebook.rule import AppliesTo, Rule, Rulebook

_KEYS: Final = ("org_code", "function")
_BETWEEN_NAMES: Final = " "
_FINDING: Final = (
    "check_id", *_KEYS, "verdict", "severity", "evidence", "expected", "basis", "says", "open_questions", "group",
    "kind",
)  # fmt: skip
_DIFFERS, _AGREES, _CANNOT_TELL, _NOT_APPLICABLE = (pl.lit(verdict, dtype=VERDICT) for verdict in VERDICTS)


def judge(cases: pl.DataFrame, rulebook: Rulebook, ties: pl.DataFrame | None = None) -> pl.DataFrame:
    """Give the verdict of every rule on every case.

    Args:
        cases: one row a declaration, with a column for each name that the rules speak of and, beside each answer, why
            it is absent (`cases.build_cases`).
        rulebook: the rules.
        ties: one row a tie of an organisation with another (`network.graph.relate`); None where nobody knows of any, so
            that what rules ask of other organisations can't be told.

    Returns:
        One row a declaration, in the order of the cases: `org_code`, `function` and one column a rule, of type
        `vocabulary.VERDICT` and never null. Where an absent answer leaves a rule open, it is `cannot_tell`, or
        `not_applicable` if all that keep it open are not applicable.
    """
    judged = _judged(with_context(cases, rulebook, ties), rulebook)
    return judged.select(*_KEYS, *(rule.id for rule in rulebook))


def evaluate(cases: pl.DataFrame, rulebook: Rulebook, ties: pl.DataFrame | None = None) -> pl.DataFrame:
    """Give the verdict of every rule on every case, what it rests on, and what would decide what is open.

    Args:
        cases: as for `judge`, in any order.
        rulebook: the rules.
        ties: as for `judge`.

    Returns:
        One row a rule and declaration, by the rulebook's order, `org_code`, `function`: `check_id`, `org_code`,
        `function`, `verdict`, `severity`, `evidence` (each name that the condition speaks of, with the answer in words,
        other organisations' accounts, sums and percentiles), `expected` (the rule's title) and `basis` (in short; these
        three empty where the rule does not apply), `says` (null unless it differs), `open_questions` (the absent names
        that keep a `cannot_tell` open, else null), `group`, `kind`.
    """
    known = with_context(cases.sort(_KEYS), rulebook, ties, with_accounts=True)
    told = _judged(known, rulebook).with_columns(_words(rulebook))
    wide = told.select(*_KEYS, *_told(rulebook))
    findings = _about(rulebook).join(wide.select(_KEYS), how="cross", maintain_order="left_right")
    told_of_all = {column: _gathered(wide, rulebook, column) for column in ("verdict", "evidence", "says", "open")}
    open_questions = told_of_all.pop("open").replace("", None).str.split(_BETWEEN_NAMES)
    spoken = pl.when(pl.col("verdict") != "not_applicable").then(pl.col("expected", "basis")).otherwise(pl.lit(""))
    return findings.with_columns(**told_of_all, open_questions=open_questions).with_columns(spoken).select(_FINDING)


def _spoken_of(rulebook: Rulebook) -> Iterable[Name]:
    return dict.fromkeys(name for rule in rulebook for name in (*_named(rule), *rule.said))


def _named(rule: Rule) -> tuple[Name, ...]:
    """The names of its own case that a rule's conditions speak of, each once."""
    named = (name for condition in rule.conditions for name in names_in(condition) if not name.relation)
    return tuple(dict.fromkeys(named))


def _judged(cases: pl.DataFrame, rulebook: Rulebook) -> pl.DataFrame:
    """The cases and one column a rule. Whether a rule applies is worked out once for all rules that say it alike."""
    circles = dict.fromkeys(rule.applies_to for rule in rulebook)
    return (
        _layers(rulebook)
        .lay(cases.with_columns(_finite(rulebook)))
        .with_columns(applies_to(circle).alias(_inside(circle)) for circle in circles)
        .with_columns(_verdict_outside(circle).alias(_outside(circle)) for circle in circles)
        .with_columns(_verdicts(rulebook))
    )


# A rulebook is compiled once, however often it is held against cases.
@cache
def _layers(rulebook: Rulebook) -> Layers:
    return Layers(condition for rule in rulebook for condition in rule.conditions)


@cache
def _finite(rulebook: Rulebook) -> list[pl.Expr]:
    numbers = [pl.col(name.name) for name in _spoken_of(rulebook) if name.type == "number"]
    return [pl.when(number.is_finite()).then(number) for number in numbers]


@cache
def _verdicts(rulebook: Rulebook) -> list[pl.Expr]:
    return [_verdict(rule, _layers(rulebook)).alias(rule.id) for rule in rulebook]


@cache
def _words(rulebook: Rulebook) -> list[pl.Expr]:
    return [in_words(name).alias(_worded(name)) for name in _spoken_of(rulebook)]


@cache
def _told(rulebook: Rulebook) -> list[pl.Expr]:
    return [column for rule in rulebook for column in _finding(rule, _layers(rulebook))]


def _inside(circle: AppliesTo) -> str:
    return f"{circle} applies"


def _outside(circle: AppliesTo) -> str:
    return f"{circle} does not apply"


def applies_to(circle: AppliesTo) -> pl.Expr:
    """Whether a case is one that a rule speaks of: unknown where a service is not known."""
    one_of = {"declared.status": circle.declared, "organisation.org_type": circle.org_type, "function": circle.function}
    within = [reduce(or_, (pl.col(name) == value for value in values)) for name, values in one_of.items() if values]
    return reduce(and_, [*within, *map(pl.col, _services(circle))], pl.lit(value=True))


def _services(circle: AppliesTo) -> list[str]:
    return [f"service.{service}" for service in circle.services]


def _verdict_outside(circle: AppliesTo) -> pl.Expr:
    return _left_open(pl.col(_inside(circle)).is_null())


def _verdict(rule: Rule, layers: Layers) -> pl.Expr:
    """The verdict, chosen among words of its type: to cast a million places to words takes longer than all the rest."""
    holds, left_open = layers.holds(rule.condition), _left_open(layers.waits(rule.condition))
    verdict = pl.when(holds).then(_AGREES).when(holds.is_null()).then(left_open).otherwise(_DIFFERS)
    if rule.premise is not None:
        premise = layers.holds(rule.premise)
        verdict = pl.when(premise).then(verdict).otherwise(_left_open(premise.is_null() & layers.waits(rule.premise)))
    return pl.when(_inside(rule.applies_to)).then(verdict).otherwise(_outside(rule.applies_to))


def _left_open(waits_for_an_answer: pl.Expr) -> pl.Expr:
    return pl.when(waits_for_an_answer).then(_CANNOT_TELL).otherwise(_NOT_APPLICABLE)


def _worded(name: Name) -> str:
    return f"{name.name} in words"


def _beyond(rule: Rule) -> Iterator[pl.Expr]:
    """What a rule asks of others and of peers, in words, each text once."""
    every = (node for condition in rule.conditions for node in nodes(condition))
    for node in {node.text: node for node in every if isinstance(node, Among | Percentile | Total)}.values():
        yield pl.col(accounts_column(node)) if isinstance(node, Among) else figure_as_evidence(node.text)


def _finding(rule: Rule, layers: Layers) -> tuple[pl.Expr, ...]:
    verdict, words = pl.col(rule.id), [pl.col(_worded(name)) for name in rule.said]
    says = pl.format(PLACEHOLDER.sub("{}", rule.says), *words) if words else pl.lit(rule.says)
    own = [as_evidence(name, pl.col(_worded(name))) for name in _named(rule)]
    evidence = pl.concat_str([*own, *_beyond(rule)], separator="; ")
    return (
        verdict.alias(f"{rule.id} verdict"),
        pl.when(verdict != "not_applicable").then(evidence).otherwise(pl.lit("")).alias(f"{rule.id} evidence"),
        pl.when(verdict == "differs").then(says).alias(f"{rule.id} says"),
        pl.when(verdict == "cannot_tell").then(_open_questions(rule, layers)).alias(f"{rule.id} open"),
    )


def _open_questions(rule: Rule, layers: Layers) -> pl.Expr:
    """The names that keep a rule open: services and answers that decide whether it applies, answers to the rest."""
    kept = {service: [pl.col(service).is_null()] for service in _services(rule.applies_to)}
    alone = len(rule.conditions) == 1 and not kept  # then nothing else can have left the verdict open
    for condition in rule.conditions:
        for name, keeps in keeps_open(condition, layers.known).items():
            kept.setdefault(name, []).append(keeps if alone else layers.holds(condition).is_null() & keeps)
    wanting = [pl.when(reduce(or_, cases)).then(pl.lit(name)) for name, cases in kept.items()]
    return pl.concat_str(wanting, separator=_BETWEEN_NAMES, ignore_nulls=True)


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


def _gathered(wide: pl.DataFrame, rulebook: Rulebook, column: str) -> pl.Series:
    """One column of every rule, one below the other; unpivoting would take several times the memory."""
    return pl.concat([wide[f"{rule.id} {column}"] for rule in rulebook]).alias(column)
