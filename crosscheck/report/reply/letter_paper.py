"""The letters of the right of reply on paper: that on statutory duties, and that on everything that is relied on."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from crosscheck.cases.history import last_day
from crosscheck.report.output.html import end_sentence, sentence
from crosscheck.report.output.pdf import Paper

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_TITLES: Final = {"letter": "Right of reply", "duty_letter": "Statutory duties"}
_NO_ANSWER: Final = "; no answer of yours can correct it, so please explain"


def set_letter(kind: str, letter: Mapping[str, Any]) -> Paper:
    """One letter to one organisation.

    Args:
        kind: `letter` or `duty_letter`.
        letter: what its page says: the organisation, the run, how to reply, and the items.
    """
    numbered = {name: [_set_item(item, kind) for item in letter[name]] for name in ("relied", "asked", "duties")}
    fields = {
        "site": "Right of reply",
        "running": f"{letter['name']} ({letter['code']})",
        "foot": f"The form belongs to the run {letter['run']}.",
        **{name: letter[name] for name in ("name", "code", "standard", "year", "stem", "sources")},
        **{name: letter[name] or "" for name in ("reply_to", "reply_by")},
        **numbered,
        "further": [asdict(group) for group in letter["further"]],
    }
    return Paper(kind, f"{_TITLES[kind]}: {letter['name']} ({letter['code']})", last_day(letter["year"]), fields)


def _set_item(item: Mapping[str, Any], kind: str) -> dict[str, Any]:
    """An item with what it rests on; who gave which account comes first, then the ground of the expectation."""
    rule, accounts = item["rule"], [(one["whose"], one["about"], one["statement"]) for one in item["grounds"]]
    if kind == "letter":
        accounts += [(one.whose, one.about, one.statement) for one in item["others"]]
    can_correct = any(one["question"] for one in item["grounds"])
    return {
        "says": item["says"],
        "expected": item["expected"],
        "accounts": [_set_account(*account) for account in accounts],
        "functions": "" if item["functions"] == "whole" else item["functions"],
        "basis": end_sentence(rule.basis),
        "source": item["source"],
        "explanations": list(rule.explanations),
        "evidence": list(_evidence(item)),
        "rows": item["rows"] + ("" if can_correct or kind == "duty_letter" else _NO_ANSWER),
    }


def _set_account(whose: str, about: str | None, account: str | None) -> dict[str, str]:
    return {"whose": sentence(whose), "about": about or "", "statement": account or ""}


def _evidence(item: Mapping[str, Any]) -> Sequence[str]:
    evidence: Sequence[str] = item["evidence_to_send"]
    return evidence
