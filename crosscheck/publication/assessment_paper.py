"""An edition of the final assessment on paper, set from the edition's own `assessment.json`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crosscheck.cases.history import last_day
from crosscheck.publication.assessment import AFTERS
from crosscheck.publication.assessment_page import group_not_tested
from crosscheck.report.output.html import name_type, sentence
from crosscheck.report.output.pdf import Paper
from crosscheck.rulebook.to_english import in_words

if TYPE_CHECKING:
    from collections.abc import Mapping

    from crosscheck.publication.assessment_page import NotTested


def set_assessment(edition: Mapping[str, Any]) -> Paper:
    """The paper of an edition.

    Args:
        edition: the content of its `assessment.json`.
    """
    declarations, outcomes = edition["declarations"], edition["outcomes"]
    totals = {after: sum(row["after"] == after for row in declarations) for after in AFTERS}
    fields = {
        "site": "Final assessment",
        "running": f"Edition {edition['edition']}",
        "foot": "Nothing in this edition is changed after its publication. A correction is a new edition.",
        "name": f"Final assessment of standard {edition['standard']}, {edition['year']}",
        "edition": edition["edition"],
        "corrects": edition["corrects"] or "",
        "reason": edition["reason"] or "",
        "number": len(declarations),
        "totals": {**totals, "stand": totals["as_declared"] + totals["explained"]},
        "outcomes": [(sentence(in_words(after)), words) for after, words in outcomes.items()],
        "counts": [_set_count(row, outcomes) for row in edition["counts"]],
        "qualified": [_set_qualified(row) for row in declarations if row["after"] == "qualified"],
        "looked-into": [_set_row(row) for row in declarations if row["after"] != "not_tested"],
        "not-tested": [_set_group(group) for group in group_not_tested(declarations)],
        "not-assessed": [(row["org_code"] or "No code", row["reason"]) for row in edition.get("not_assessed", [])],
    }
    title = f"Final assessment: {edition['standard']}, {edition['year']} (edition {edition['edition']})"
    return Paper("assessment", title, last_day(edition["year"]), fields)


def _name(row: Mapping[str, Any]) -> str:
    return str(row["name"]) + ("" if row["function"] == "whole" else f", as {in_words(row['function'])}")


def _set_count(row: Mapping[str, Any], outcomes: Mapping[str, str]) -> list[str]:
    counted = (row["declarations"], row["declared_compliant"], row["declared_otherwise"], *map(row.get, outcomes))
    return [name_type(row["org_type"]), *map(str, counted)]


def _set_qualified(row: Mapping[str, Any]) -> dict[str, Any]:
    may_explain = row["may_explain"]
    facts = [
        ("Declared", sentence(in_words(row["declared"]))),
        ("Why it is qualified", row["why"]),
        ("What it answered itself", row["evidence"] or "Nothing in its answers differs from what we would expect."),
        *([("What may explain the answer", f"{may_explain}.")] if may_explain else []),
        ("Effect", f"{row['effect_says']}."),
    ]
    return {"name": _name(row), "facts": facts}


def _set_group(group: NotTested) -> dict[str, Any]:
    rows = [[f"{_name(row)} ({row['org_code']})", sentence(in_words(str(row["declared"])))] for row in group.rows]
    return {"why": group.why, "effect": group.effect_says, "number": len(rows), "rows": rows}


def _set_row(row: Mapping[str, Any]) -> list[str]:
    return [
        f"{_name(row)} ({row['org_code']})",
        sentence(in_words(row["declared"])),
        sentence(in_words(row["after"])),
        row["why"] or "",
        row["effect_says"] or "",
    ]
