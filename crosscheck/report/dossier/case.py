"""The whole case of one declaration in plain text: what was declared, what weighs, what differs, what to ask for."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from crosscheck.errors import UnknownNameError
from crosscheck.report.output.rank_bands import describe_effect, describe_place
from crosscheck.runs.run_folder import read_json, read_table, scan_table
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


def read_case(run: Path, org_code: str, function: str | None) -> list[dict[str, Any]]:
    """Everything a run knows of an organisation's declarations, one dictionary a declaration, worst first.

    Raises:
        RunError: there is no such run.
        UnknownNameError: no such organisation or function in it; the message names the nearest or all that there are.
    """
    listed = read_table(run, "visit_list")
    of_organisation = listed.filter(pl.col("org_code") == org_code.upper())
    if of_organisation.is_empty():
        raise UnknownNameError(_no_such_organisation(org_code, listed))
    chosen = of_organisation.filter(pl.lit(function is None) | (pl.col("function") == (function or "")))
    if chosen.is_empty():
        there = ", ".join(of_organisation["function"])
        raise UnknownNameError(f"{org_code.upper()} has no declaration of the function {function}. It has: {there}.")
    of_this = pl.col("org_code") == org_code.upper()
    names = ("cases", "findings", "parts", "duties")
    tables = {name: scan_table(run, name).filter(of_this).collect() for name in names}
    return assemble_cases(chosen, tables, read_json(run, "rulebook.json"), listed.height)


def assemble_cases(
    listed: pl.DataFrame, tables: Mapping[str, pl.DataFrame], rulebook: Sequence[dict[str, Any]], height: int
) -> list[dict[str, Any]]:
    """Put together what a run's tables hold on each of some declarations.

    Args:
        listed: rows of `visit_list`.
        tables: `cases`, `findings`, `parts` and `duties`, with all their rows on these declarations or with those
            that are wanted.
        rulebook: the rules as used.
        height: how many declarations the whole list has.

    Returns:
        One dictionary a declaration, by rank: its row, and `declarations` (the height), `statement`, `lapse`,
        `previous_by`, `history` (what was declared, by when), `parts`, and `findings`, the weightiest first, each with
        its `rule`; `duties`, its rows of `duties`.
    """
    rules = {rule["id"]: rule for rule in rulebook}
    order = pl.col("severity").cast(pl.Enum(SEVERITIES))
    findings = tables["findings"].sort("weight", order, "check_id", descending=[True, True, False])
    shown = (_known(tables), findings, tables["parts"], tables["duties"])
    known, of_findings, of_parts, of_duties = map(by_declaration, shown)
    cases = []
    for row in listed.sort("rank").to_dicts():
        key = (row["org_code"], row["function"])
        found = [{**finding, "rule": rules[finding["check_id"]]} for finding in of_findings.get(key, ())]
        evidence = {"parts": of_parts[key], "findings": found, "duties": of_duties.get(key, [])}
        cases.append({**row, "declarations": height, **_told(known[key][0]), **evidence})
    return cases


def by_declaration(table: pl.DataFrame) -> dict[tuple[str, str], list[dict[str, Any]]]:
    """The rows of each declaration, in their order, without what names it."""
    rows: dict[tuple[str, str], list[dict[str, Any]]] = {}
    keys = table.select("org_code", "function").cast(pl.String).iter_rows()
    for (org_code, function), row in zip(keys, table.drop("org_code", "function").iter_rows(named=True), strict=True):
        rows.setdefault((org_code, function), []).append(row)
    return rows


def write_case(case: dict[str, Any]) -> str:
    """The case as text for a terminal or a printer."""
    parts = (_heading(case), _sum_of_parts(case), _differing(case), _open(case), _agreeing(case), _every_part(case))
    return "\n".join(line for lines in parts for line in lines)


def _known(tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    return tables["cases"].select("org_code", "function", *HISTORY_COLUMNS)


def _told(known: dict[str, Any]) -> dict[str, Any]:
    return {
        "statement": known["declared.statement"],
        "lapse": (known["declared.lapse_from"], known["declared.lapse_to"]),
        "previous_by": known["declared.previous_by"],
        "history": {words: known[name] for name, words in HISTORY if known[name] is not None},
    }


def _no_such_organisation(org_code: str, listed: pl.DataFrame) -> str:
    like = listed.filter(pl.col("name").str.to_lowercase().str.contains(org_code.lower(), literal=True))
    hint = "; ".join(
        f"{code} {name}" for code, name in like.select("org_code", "name").unique().sort("org_code").iter_rows()
    )
    meant = f" Did you mean {hint}?" if 0 < like.height < 20 else " visit_list.csv in the run folder has all codes."
    return f"No organisation {org_code} in this run.{meant}"


def _heading(case: dict[str, Any]) -> Iterator[str]:
    yield f"{case['name']} ({case['org_code']})"
    yield f"{_words(case['org_type'])}, {case['region']}; declaration of: {_words(case['function'])}"
    yield ""
    yield f"Declared     {_words(case['declared'])}"
    for words, status in case["history"].items():
        yield f"             {_whose(words, case['function'])}: {_words(status)}"
    if case["statement"]:
        yield from _wrapped(f"“{case['statement']}”", "             ")
    yield (
        f"Rank         {case['rank']} of {case['declarations']} "
        f"(90% interval {case['rank_low']} to {case['rank_high']})"
    )
    yield f"Risk         {case['risk']:.1%} (90% interval {case['risk_low']:.1%} to {case['risk_high']:.1%})"
    if case["among_capacity"] is not None:
        yield f"             {describe_place(case['among_capacity'])} that can be visited"
    chosen = case["selected_by"] or "not chosen for a visit"
    chance = case["inclusion_probability"]
    yield f"Plan         {chosen}" + (f"; chance in the random draw {chance:.1%}" if chance is not None else "")
    for duty in case["duties"]:
        yield from _wrapped(f"Duty         {duty['finding']} Law: {duty['basis']}", "             ", first="")
    yield f"In one line  {case['reason']}"


def _sum_of_parts(case: dict[str, Any]) -> Iterator[str]:
    yield ""
    yield "HOW THE RISK ADDS UP (decibans: 3 double the odds, 10 make them ten times as large; positive is worse)"
    for family, words in FAMILIES.items():
        parts = [part["decibans"] for part in case["parts"] if part["family"] == family]
        if parts:
            yield f"{sum(parts):+8.2f}  {words}" + (f" ({len(parts)})" if len(parts) > 1 else "")
    total = sum(part["decibans"] for part in case["parts"])
    yield f"{total:+8.2f}  in all: a risk of {1 / (1 + 10 ** (-total / 10)):.1%}"
    strongest = sorted(case["parts"], key=lambda part: (-abs(part["decibans"]), part["part"]))
    weighty = [part for part in strongest if part["family"] not in {"prior", "declared"}][:8]
    yield ""
    yield "THE WEIGHTIEST PIECES OF EVIDENCE, FOR AND AGAINST"
    for part in weighty:
        yield from _wrapped(f"{part['decibans']:+8.2f}  {part['reason']}", "          ", first="")


def _differing(case: dict[str, Any]) -> Iterator[str]:
    differing = [finding for finding in case["findings"] if finding["verdict"] == "differs"]
    yield ""
    yield f"WHAT DIFFERS FROM WHAT WE WOULD EXPECT ({len(differing)})"
    for finding in differing:
        rule = finding["rule"]
        yield ""
        grade = f"{finding['severity']} severity, {_words(rule['strength'])}"
        effect = describe_effect(finding["weight"])
        yield f"{finding['check_id']}  {grade}, {effect} on the risk ({finding['weight']:+.2f} decibans)"
        if finding["waived"]:
            yield from _wrapped(finding["waived"], "   ")
        yield from _wrapped(finding["says"], "   ")
        yield from _wrapped(f"Rests on: {finding['evidence']}", "   ")
        yield from _wrapped(f"Expected: {rule['basis']} ({rule['source']})", "   ")
        for reply in rule["explanations"]:
            yield from _wrapped(f"It may rightly reply: {reply}", "   ")
        for request in rule["lines_of_enquiry"]:
            yield from _wrapped(f"[ ] {request}", "       ", first="   ")


def _open(case: dict[str, Any]) -> Iterator[str]:
    undecided = [finding for finding in case["findings"] if finding["verdict"] == "cannot_tell"]
    yield ""
    yield f"CHECKS WE COULD NOT COMPLETE, AND THE ANSWER THAT WOULD SETTLE EACH ({len(undecided)})"
    for finding in sorted(undecided, key=lambda finding: (-finding["could_add"], finding["check_id"])):
        wanting = ", ".join(finding["open_questions"] or ())
        yield from _wrapped(
            f"{finding['check_id']}  {finding['rule']['title']}: ask for {wanting} "
            f"(up to {finding['could_add']:+.1f} decibans alone)",
            "           ",
            first="",
        )


def _agreeing(case: dict[str, Any]) -> Iterator[str]:
    verdicts = [finding["verdict"] for finding in case["findings"]]
    yield ""
    yield f"{verdicts.count('agrees')} checks consistent, {verdicts.count('not_applicable')} not applicable."


def _every_part(case: dict[str, Any]) -> Iterator[str]:
    yield ""
    yield "EVERY PART OF THE RISK (what it adds; what it would add alone)"
    ordered = sorted(case["parts"], key=lambda part: (list(FAMILIES).index(part["family"]), -abs(part["decibans"])))
    for part in ordered:
        yield f"{part['decibans']:+8.2f}  {part['worth']:+7.2f}  {part['part']}"
    yield f"{sum(part['decibans'] for part in case['parts']):+8.2f}           in all"


def _whose(when: str, function: str) -> str:
    """When it declared what is said, or as what: the other function of a trust declares for itself."""
    return name_other(function) if when == OTHER_FUNCTION else when


def name_other(function: str) -> str:
    """In which other function a trust declared, seen from one of its two."""
    return {"commissioner": "as a provider", "provider": "as a commissioner"}.get(function, OTHER_FUNCTION)


def _words(term: str) -> str:
    return {"pct": "primary care trust"}.get(term, term.replace("_", " "))


def _wrapped(text: str, indent: str, first: str | None = None) -> list[str]:
    return textwrap.wrap(text, _WIDTH, initial_indent=indent if first is None else first, subsequent_indent=indent)
