"""Holds every rule against every case in one pass: verdicts, and findings with their evidence in words."""

from __future__ import annotations

from functools import reduce
from operator import and_, or_
from typing import TYPE_CHECKING, Final

import polars as pl

from crosscheck.cases import WHY_ABSENT
from crosscheck.rulebook.condition import holds, keeps_open, names_in, waits
from crosscheck.rulebook.rule import PLACEHOLDER
from crosscheck.vocabulary import SEVERITY, VERDICT, VERDICTS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from crosscheck.cases import Name
    from crosscheck.rulebook.condition import Condition
    from crosscheck.rulebook.rule import AppliesTo, Rule, Rulebook

_KEYS: Final = ("org_code", "function")
_BETWEEN_NAMES: Final = " "
_VERDICT: Final = {verdict: pl.lit(verdict, dtype=VERDICT) for verdict in VERDICTS}


def judge(cases: pl.DataFrame, rulebook: Rulebook) -> pl.DataFrame:
    """Give the verdict of every rule on every case.

    Args:
        cases: one row a declaration, with a column for each name that the rules speak of and, beside each answer, why
            it is absent (`cases.build_cases`).
        rulebook: the rules.

    Returns:
        One row a declaration, in the order of the cases: `org_code`, `function` and one column a rule, of type
        `vocabulary.VERDICT` and never null. Where an absent answer leaves a rule open, it is `cannot_tell`, or
        `not_applicable` if all that keep it open are not applicable.
    """
    return _judged(cases, rulebook).select(*_KEYS, *(rule.id for rule in rulebook)).collect()


def evaluate(cases: pl.DataFrame, rulebook: Rulebook) -> pl.DataFrame:
    """Give the verdict of every rule on every case, what it rests on, and what would decide what is open.

    Args:
        cases: as for `judge`, in any order.
        rulebook: the rules.

    Returns:
        One row a rule and declaration, by the rulebook's order, `org_code`, `function`: `check_id`, `org_code`,
        `function`, `verdict`, `severity`, `evidence` (each name that the condition speaks of, with the answer in
        words; empty where the rule does not apply), `expected` (the rule's title), `basis`, `says` (null unless it
        differs), `open_questions` (the absent names that keep a `cannot_tell` open, else null), `group`.
    """
    told = _judged(cases.sort(_KEYS), rulebook).with_columns(map(_in_words, _spoken_of(rulebook)))
    wide = told.select(*_KEYS, *(column for rule in rulebook for column in _finding(rule))).collect()
    findings = _about(rulebook).join(wide.select(_KEYS), how="cross", maintain_order="left_right")
    told_of_all = {column: _gathered(wide, rulebook, column) for column in ("verdict", "evidence", "says", "open")}
    open_questions = told_of_all.pop("open").replace("", None).str.split(_BETWEEN_NAMES)
    return findings.with_columns(**told_of_all, open_questions=open_questions).select(
        "check_id", *_KEYS, "verdict", "severity", "evidence", "expected", "basis", "says", "open_questions", "group"
    )


def dtype_of(name: Name) -> pl.DataType:
    """The polars type of what a case holds under a name."""
    if name.levels:
        return pl.Enum(name.levels)
    return {"number": pl.Float64(), "flag": pl.Boolean(), "date": pl.Date()}.get(name.type, pl.String())


def _spoken_of(rulebook: Rulebook) -> Iterable[Name]:
    return dict.fromkeys(name for rule in rulebook for name in (*_named(rule), *rule.said))


def _named(rule: Rule) -> tuple[Name, ...]:
    """The names that a rule's conditions speak of, each once."""
    premises = () if rule.premise is None else names_in(rule.premise)
    return tuple(dict.fromkeys((*premises, *names_in(rule.condition))))


def _judged(cases: pl.DataFrame, rulebook: Rulebook) -> pl.LazyFrame:
    """The cases and one column a rule. Whether a rule applies is worked out once for all rules that say it alike."""
    numbers = [pl.col(name.name) for name in _spoken_of(rulebook) if name.type == "number"]
    circles = dict.fromkeys(rule.applies_to for rule in rulebook)
    return (
        cases.lazy()
        .with_columns(pl.when(number.is_finite()).then(number) for number in numbers)
        .with_columns(_applies(circle).alias(_inside(circle)) for circle in circles)
        .with_columns(_verdict_outside(circle).alias(_outside(circle)) for circle in circles)
        .with_columns(_verdict(rule).alias(rule.id) for rule in rulebook)
    )


def _inside(circle: AppliesTo) -> str:
    return f"{circle} applies"


def _outside(circle: AppliesTo) -> str:
    return f"{circle} does not apply"


def _applies(circle: AppliesTo) -> pl.Expr:
    """Whether a case is one that a rule speaks of: unknown where a service is not known."""
    one_of = {"declared.status": circle.declared, "organisation.org_type": circle.org_type, "function": circle.function}
    within = [pl.col(name).is_in(values) for name, values in one_of.items() if values]
    return reduce(and_, [*within, *map(pl.col, _services(circle))], pl.lit(value=True))


def _services(circle: AppliesTo) -> list[str]:
    return [f"service.{service}" for service in circle.services]


def _verdict_outside(circle: AppliesTo) -> pl.Expr:
    unknown = pl.col(_inside(circle)).is_null()
    return pl.when(unknown).then(_VERDICT["cannot_tell"]).otherwise(_VERDICT["not_applicable"])


def _verdict(rule: Rule) -> pl.Expr:
    expected = holds(rule.condition)
    verdict = (
        pl.when(expected)
        .then(_VERDICT["agrees"])
        .when(~expected)
        .then(_VERDICT["differs"])
        .when(waits(rule.condition))
        .then(_VERDICT["cannot_tell"])
        .otherwise(_VERDICT["not_applicable"])
    )
    if rule.premise is not None:
        verdict = pl.when(holds(rule.premise)).then(verdict).otherwise(_verdict_without(rule.premise))
    return pl.when(_inside(rule.applies_to)).then(verdict).otherwise(_outside(rule.applies_to))


def _verdict_without(premise: Condition) -> pl.Expr:
    """The verdict where it does not hold that the rule applies, or is not known to."""
    open_ = holds(premise).is_null() & waits(premise)
    return pl.when(open_).then(_VERDICT["cannot_tell"]).otherwise(_VERDICT["not_applicable"])


def _in_words(name: Name) -> pl.Expr:
    """The answer as a person would say it; what is absent says why."""
    why = [pl.col(name.name + WHY_ABSENT).cast(pl.String).str.replace_all("_", " ")] if name.absences else []
    return pl.coalesce(_value_in_words(name), *why, pl.lit("not known")).alias(f"{name.name} in words")


def _value_in_words(name: Name) -> pl.Expr:
    value = pl.col(name.name)
    match name.type:
        case "number":
            figure = value.cast(pl.String).str.strip_suffix(".0")
            return pl.format("{}%", figure) if _is_percentage(name) else figure
        case "flag":
            return pl.when(value).then(pl.lit("yes")).when(~value).then(pl.lit("no"))
        case "date":
            return value.dt.strftime("%-d %B %Y")
        case "text":
            return value
    return value.cast(pl.String).str.replace_all("_", " ")


def _is_percentage(name: Name) -> bool:
    return name.unit.startswith("percent") or name.name.endswith("_pct")


def _finding(rule: Rule) -> tuple[pl.Expr, ...]:
    verdict, words = pl.col(rule.id), [pl.col(f"{name.name} in words") for name in rule.said]
    says = pl.format(PLACEHOLDER.sub("{}", rule.says), *words) if words else pl.lit(rule.says)
    evidence = pl.concat_str(map(_as_evidence, _named(rule)), separator="; ")
    return (
        verdict.alias(f"{rule.id} verdict"),
        pl.when(verdict != "not_applicable").then(evidence).otherwise(pl.lit("")).alias(f"{rule.id} evidence"),
        pl.when(verdict == "differs").then(says).alias(f"{rule.id} says"),
        pl.when(verdict == "cannot_tell").then(_open_questions(rule)).alias(f"{rule.id} open"),
    )


def _as_evidence(name: Name) -> pl.Expr:
    words = pl.col(f"{name.name} in words")
    if not name.unit or _is_percentage(name):
        return pl.format(f"{name.name} = {{}}", words)
    unit = pl.when(pl.col(name.name).is_null()).then(pl.lit("")).otherwise(pl.lit(f" {name.unit}"))
    return pl.format(f"{name.name} = {{}}{{}}", words, unit)


def _open_questions(rule: Rule) -> pl.Expr:
    """The names that keep a rule open: services and answers that decide whether it applies, answers to the rest."""
    kept = {service: [pl.col(service).is_null()] for service in _services(rule.applies_to)}
    conditions = [condition for condition in (rule.premise, rule.condition) if condition is not None]
    alone = len(conditions) == 1 and not kept  # then nothing else can have left the verdict open
    for condition in conditions:
        for name, keeps in keeps_open(condition).items():
            kept.setdefault(name, []).append(keeps if alone else holds(condition).is_null() & keeps)
    wanting = [pl.when(reduce(or_, cases)).then(pl.lit(name)) for name, cases in kept.items()]
    return pl.concat_str(wanting, separator=_BETWEEN_NAMES, ignore_nulls=True)


def _about(rulebook: Rulebook) -> pl.DataFrame:
    columns = {"check_id": "id", "severity": "severity", "expected": "title", "basis": "basis", "group": "group"}
    return pl.DataFrame(
        {column: [getattr(rule, attribute) for rule in rulebook] for column, attribute in columns.items()},
        schema_overrides={"severity": SEVERITY},
    )


def _gathered(wide: pl.DataFrame, rulebook: Rulebook, column: str) -> pl.Series:
    """One column of every rule, one below the other; unpivoting would take several times the memory."""
    return pl.concat([wide[f"{rule.id} {column}"] for rule in rulebook]).alias(column)
