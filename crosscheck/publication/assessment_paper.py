"""An edition of the final assessment on paper, set from the edition's own `assessment.json`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crosscheck.cases.history import last_day
from crosscheck.publication.assessment import AFTERS
from crosscheck.report.output.html import sentence
from crosscheck.report.output.pdf import Paper
from crosscheck.rulebook.to_english import in_words

if TYPE_CHECKING:
    from collections.abc import Mapping


def set_assessment(edition: Mapping[str, Any]) -> Paper:
    """The paper of an edition.

    Args:
        edition: the content of its `assessment.json`.
    """
    declarations, outcomes = edition["declarations"], edition["outcomes"]
    totals = {after: sum(one["after"] == after for one in declarations) for after in AFTERS}
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
        "qualified": [_set_qualified(one) for one in declarations if one["after"] == "qualified"],
        "declarations": [_set_row(one) for one in declarations],
    }
    title = f"Final assessment: {edition['standard']}, {edition['year']} (edition {edition['edition']})"
    return Paper("assessment", title, last_day(edition["year"]), fields)


def _name(one: Mapping[str, Any]) -> str:
    return str(one["name"]) + ("" if one["function"] == "whole" else f", as {in_words(one['function'])}")


def _set_count(row: Mapping[str, Any], outcomes: Mapping[str, str]) -> list[str]:
    counted = (row["declarations"], row["declared_compliant"], row["declared_otherwise"], *map(row.get, outcomes))
    return [sentence(in_words(row["org_type"])), *map(str, counted)]


def _set_qualified(one: Mapping[str, Any]) -> dict[str, Any]:
    may_explain = one["may_explain"]
    facts = [
        ("Declared", sentence(in_words(one["declared"]))),
        ("Why it is qualified", one["why"]),
        ("What it answered itself", one["evidence"] or "Nothing in its answers differs from what we would expect."),
        *([("What may explain the answer", f"{may_explain}.")] if may_explain else []),
        ("Effect", f"{one['effect_says']}."),
    ]
    return {"name": _name(one), "facts": facts}


def _set_row(one: Mapping[str, Any]) -> list[str]:
    return [
        f"{_name(one)} ({one['org_code']})",
        sentence(in_words(one["declared"])),
        sentence(in_words(one["after"])),
        one["why"] or "",
        one["effect_says"] or "",
    ]
