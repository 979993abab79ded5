"""The whole case of one declaration in plain text: what was declared, what weighs, what differs, what to ask for."""

from __future__ import annotations

import json
import textwrap
from dataclasses import fields
from typing import TYPE_CHECKING, Final

import polars as pl

from crosscheck.contract.typed_rows import typed_rows, typed_rows_by
from crosscheck.errors import UnknownNameError
from crosscheck.report.dossier.evidence import label_of, list_accounts
from crosscheck.report.dossier.rows import Case, CaseRow, DutyRow, FindingRow, ListedRow, Part, RuleUsed
from crosscheck.report.output.html import name_type, sentence
from crosscheck.report.output.rank_bands import describe_effect, describe_place
from crosscheck.runs.run_folder import read_json, read_table, scan_table
from crosscheck.runs.unlisted import describe_unlisted
from crosscheck.vocabulary import SEVERITIES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

_WIDTH: Final = 100
FAMILIES: Final = {
    "prior": "before any evidence",
    "declared": "what was declared",
    "checks": "checks that differ",
    "silence": "checks and questions without an answer",
    "answers": "answers beside those of similar trusts",
    "figures": "figures from other sources",
    "facts": "accounts that are better than the record",
    "comments": "what third parties say",
    "history": "declarations, and visits to the organisation",
    "visited": "what a visit of this year found at this very declaration",
    "doubts": "values in doubt, until they are confirmed or corrected",
}
OTHER_FUNCTION: Final = "its other function"
HISTORY: Final = (
    ("declared.previous", "a year before"),
    ("declared.two_years_ago", "two years before"),
    ("declared.three_years_ago", "three years before"),
    ("declared.other_function", OTHER_FUNCTION),
)
HISTORY_COLUMNS: Final = (
    *(name for name, _ in HISTORY), "declared.previous_by", "declared.statement", "declared.lapse_from",
    "declared.lapse_to",
)  # fmt: skip


def read_case(run: Path, org_code: str, function: str | None) -> list[Case]:
    """Everything a run knows of an organisation's declarations, worst first.

    Raises:
        RunError: there is no such run.
        UnknownNameError: no such organisation or function in it; the message says why, or names the nearest.
    """
    listed, chosen = _choose(run, org_code, function)
    rulebook = read_rules_used(run)
    return assemble_cases(chosen, _read_tables(run, org_code), rulebook, listed.height)


def case_as_json(run: Path, org_code: str, function: str | None) -> str:
    """The same as JSON, with every column of the run's tables; raises as `read_case`."""
    listed, chosen = _choose(run, org_code, function)
    tables, rules = _read_tables(run, org_code), {rule["id"]: rule for rule in read_json(run, "rulebook.json")}
    cases = []
    for row, case in zip(
        chosen.sort("rank").to_dicts(),
        assemble_cases(chosen, tables, read_rules_used(run), listed.height),
        strict=True,
    ):
        of_it = pl.col("function").cast(pl.String) == case.listed.function
        parts, findings, duties = (
            rows.filter(of_it).drop("org_code", "function").to_dicts()
            for rows in (tables["parts"], _ordered(tables["findings"]), tables["duties"])
        )
        ruled = [{**finding, "rule": rules[finding["check_id"]]} for finding in findings]
        known = {"declarations": case.declarations, **vars(case.declared)}
        cases.append({**row, **known, "parts": parts, "findings": ruled, "duties": duties})
    return json.dumps(cases, indent=1, ensure_ascii=False, default=str)


def read_rules_used(run: Path) -> dict[str, RuleUsed]:
    """The rules as a run used them, by their identifiers.

    Raises:
        RunError: there is no such run.
    """
    names = [field.name for field in fields(RuleUsed)]
    rules = (RuleUsed(*(rule[name] for name in names)) for rule in read_json(run, "rulebook.json"))
    return {rule.id: rule for rule in rules}


def assemble_cases(
    listed: pl.DataFrame, tables: Mapping[str, pl.DataFrame], rules: Mapping[str, RuleUsed], height: int
) -> list[Case]:
    """Put together what a run's tables hold on each of some declarations, by rank.

    Args:
        listed: rows of `visit_list`.
        tables: `cases`, `findings`, `parts` and `duties`, with all their rows on these declarations or with those
            that are wanted.
        rules: as used, by their identifiers.
        height: how many declarations the whole list has.
    """
    keys = ("org_code", "function")
    declared = _read_declared(tables["cases"])
    findings = typed_rows_by(_ordered(tables["findings"]), FindingRow, *keys)
    parts = typed_rows_by(tables["parts"], Part, *keys)
    duties = typed_rows_by(tables["duties"], DutyRow, *keys)
    cases = []
    for row in typed_rows(listed.sort("rank"), ListedRow):
        key = (row.org_code, row.function)
        found = [(finding, rules[finding.check_id]) for finding in findings.get(key, ())]
        cases.append(Case(row, height, declared[key], parts[key], found, duties.get(key, [])))
    return cases


def write_case(case: Case, labels: Mapping[str, str]) -> str:
    """The case as text for a terminal or a printer; `labels` are those of `evidence.read_labels`."""
    parts = (
        _heading(case),
        _sum_of_parts(case),
        _differing(case, labels),
        _open(case, labels),
        _agreeing(case),
        _every_part(case),
    )
    return "\n".join(line for lines in parts for line in lines)


def refuse_unknown_function(org_code: str, function: str, functions: Sequence[str]) -> None:
    """Stop if the organisation has no declaration of that function.

    Raises:
        UnknownNameError: it has none; the message names those that it has.
    """
    if function not in functions:
        there = ", ".join(functions)
        raise UnknownNameError(f"{org_code} has no declaration of the function {function}. It has: {there}.")


def _choose(run: Path, org_code: str, function: str | None) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The whole visit list, and those of its rows that are asked for."""
    listed = read_table(run, "visit_list")
    of_organisation = listed.filter(pl.col("org_code") == org_code.upper())
    if of_organisation.is_empty():
        raise UnknownNameError(describe_unlisted(run, org_code))
    chosen = of_organisation.filter(pl.lit(function is None) | (pl.col("function") == (function or "")))
    if function:
        refuse_unknown_function(org_code.upper(), function, of_organisation["function"].to_list())
    return listed, chosen


def _read_tables(run: Path, org_code: str) -> dict[str, pl.DataFrame]:
    of_this = pl.col("org_code") == org_code.upper()
    names = ("cases", "findings", "parts", "duties")
    return {name: scan_table(run, name).filter(of_this).collect() for name in names}


def _ordered(findings: pl.DataFrame) -> pl.DataFrame:
    """The weightiest first, and among those of one weight the gravest."""
    order = pl.col("severity").cast(pl.Enum(SEVERITIES))
    return findings.sort("weight", order, "check_id", descending=[True, True, False])


def _read_declared(cases: pl.DataFrame) -> dict[tuple[str, ...], CaseRow]:
    """What each declaration says, and what was declared before, by when."""
    declared: dict[tuple[str, ...], CaseRow] = {}
    for row in cases.select(pl.col("org_code", "function").cast(pl.String), *HISTORY_COLUMNS).iter_rows(named=True):
        declared[row["org_code"], row["function"]] = CaseRow(
            statement=row["declared.statement"],
            lapse=(row["declared.lapse_from"], row["declared.lapse_to"]),
            previous_by=row["declared.previous_by"],
            history={words: row[name] for name, words in HISTORY if row[name] is not None},
        )
    return declared


def _heading(case: Case) -> Iterator[str]:
    row, declared = case.listed, case.declared
    yield f"{row.name} ({row.org_code})"
    yield f"{name_type(row.org_type)}, {row.region}; declaration of: {_words(row.function)}"
    yield ""
    yield f"Declared     {_words(row.declared)}"
    for words, status in declared.history.items():
        yield f"             {_whose(words, row.function)}: {_words(status)}"
    if declared.statement:
        yield from _wrapped(f"“{declared.statement}”", "             ")
    yield f"Rank         {row.rank} of {case.declarations} (90% interval {row.rank_low} to {row.rank_high})"
    yield f"Risk         {row.risk:.1%} (90% interval {row.risk_low:.1%} to {row.risk_high:.1%})"
    if row.among_capacity is not None:
        yield f"             {describe_place(row.among_capacity)} that can be visited"
    chosen, chance = row.selected_by or "not chosen for a visit", row.inclusion_probability
    yield f"Plan         {chosen}" + (f"; chance in the random draw {chance:.1%}" if chance is not None else "")
    for duty in case.duties:
        yield from _wrapped(f"Duty         {duty.finding} Law: {duty.basis}", "             ", first="")
    yield from _wrapped(f"In one line  {row.reason}", "             ", first="")


def _sum_of_parts(case: Case) -> Iterator[str]:
    yield ""
    yield "HOW THE RISK ADDS UP (decibans: 3 double the odds, 10 make them ten times as large; positive is worse)"
    for family, words in FAMILIES.items():
        parts = [part.decibans for part in case.parts if part.family == family]
        if parts:
            yield f"{sum(parts):+8.2f}  {words}" + (f" ({len(parts)})" if len(parts) > 1 else "")
    total = sum(part.decibans for part in case.parts)
    yield f"{total:+8.2f}  in all: a risk of {1 / (1 + 10 ** (-total / 10)):.1%}"
    strongest = sorted(case.parts, key=lambda part: (-abs(part.decibans), part.part))
    weighty = [part for part in strongest if part.family not in {"prior", "declared"}][:8]
    yield ""
    yield "THE WEIGHTIEST PIECES OF EVIDENCE, FOR AND AGAINST"
    for part in weighty:
        yield from _wrapped(f"{part.decibans:+8.2f}  {part.reason}", "          ", first="")


def _differing(case: Case, labels: Mapping[str, str]) -> Iterator[str]:
    differing = case.findings_with("differs")
    yield ""
    yield f"WHAT DIFFERS FROM WHAT WE WOULD EXPECT ({len(differing)})"
    for finding, rule in differing:
        yield ""
        grade = f"{finding.severity} severity, {_words(rule.strength)}"
        effect = describe_effect(finding.weight)
        yield f"{finding.check_id}  {grade}, {effect} on the risk ({finding.weight:+.2f} decibans)"
        if finding.waived:
            yield from _wrapped(finding.waived, "   ")
        yield from _wrapped(finding.says, "   ")
        for what, value in list_accounts(finding.evidence, labels):
            yield from _wrapped(f"Rests on: {sentence(what)} {value}", "     ", first="   ")
        yield from _wrapped(f"Expected: {rule.basis} ({rule.source})", "   ")
        for reply in rule.explanations:
            yield from _wrapped(f"It may rightly reply: {reply}", "   ")
        for request in rule.lines_of_enquiry:
            yield from _wrapped(f"[ ] {request}", "       ", first="   ")


def _open(case: Case, labels: Mapping[str, str]) -> Iterator[str]:
    undecided = case.findings_with("cannot_tell")
    yield ""
    yield f"CHECKS WE COULD NOT COMPLETE, AND THE ANSWER THAT WOULD SETTLE EACH ({len(undecided)})"
    for finding, rule in sorted(undecided, key=lambda pair: (-pair[0].could_add, pair[0].check_id)):
        wanting = "; ".join(label_of(name, labels) for name in finding.open_questions or ())
        yield from _wrapped(
            f"{finding.check_id}  {rule.title}. Missing: {wanting} (up to {finding.could_add:+.1f} decibans alone)",
            "           ",
            first="",
        )


def _agreeing(case: Case) -> Iterator[str]:
    agreeing, others = (len(case.findings_with(verdict)) for verdict in ("agrees", "not_applicable"))
    yield ""
    yield f"{agreeing} checks consistent, {others} not applicable."


def _every_part(case: Case) -> Iterator[str]:
    yield ""
    yield "EVERY PART OF THE RISK (what it adds; what it would add alone)"
    ordered = sorted(case.parts, key=lambda part: (list(FAMILIES).index(part.family), -abs(part.decibans)))
    for part in ordered:
        yield f"{part.decibans:+8.2f}  {part.worth:+7.2f}  {part.part}"
    yield f"{sum(part.decibans for part in case.parts):+8.2f}           in all"


def _whose(when: str, function: str) -> str:
    """When it declared what is said, or as what: the other function of a trust declares for itself."""
    return name_other(function) if when == OTHER_FUNCTION else when


def name_other(function: str) -> str:
    """In which other function a trust declared, seen from one of its two."""
    return {"commissioner": "as a provider", "provider": "as a commissioner"}.get(function, OTHER_FUNCTION)


def _words(term: str) -> str:
    return term.replace("_", " ")


def _wrapped(text: str, indent: str, first: str | None = None) -> list[str]:
    return textwrap.wrap(text, _WIDTH, initial_indent=indent if first is None else first, subsequent_indent=indent)
