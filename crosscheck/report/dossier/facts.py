"""What of a case can be shown to the trust, and what to ask about each: the first thing that an assessor needs."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from crosscheck.report.dossier.ages import Ages
    from crosscheck.report.dossier.dossier import Finding
    from crosscheck.report.dossier.rows import Case, Part

FACTS: Final = 3
_LEAST: Final = 0.05  # decibans: a figure that adds less is as good as what would be expected


@dataclass(frozen=True)
class Fact:
    """A figure or an answer that weighs against a declaration: what to show, of when it is, and what to ask about it.

    `expected` is what the basis asks for, `law` the statutory duty that the answer says is unmet; both are empty where
    there is none. `mark` is the check or the figure, `decibans` is what it adds to the risk of the declaration.
    """

    says: str
    age: str
    expected: str
    law: str
    reply: str
    question: str
    mark: str
    decibans: float


@dataclass(frozen=True)
class FigureEnquiry:
    """What the trust may rightly reply to a figure that is worse than expected, and what to ask about it."""

    explanation: str = "The figure may be wrong, or no longer be true"
    line_of_enquiry: str = "See the record that the figure was taken from, and ask what has changed since"


def read_figure_enquiries(file: Path) -> dict[str, FigureEnquiry]:
    """The replies and questions of a standard by `source.indicator`; none where the standard has no such file."""
    if not file.is_file():
        return {}
    with file.open(encoding="utf-8", newline="") as opened:
        return {row.pop("indicator"): FigureEnquiry(**row) for row in csv.DictReader(opened)}


def choose_facts(
    case: Case, findings: Sequence[Finding], ages: Ages, enquiries: Mapping[str, FigureEnquiry]
) -> tuple[Fact, ...]:
    """Choose what to show first: unmet statutory duties, then whatever adds most to the risk of this declaration.

    Only what rests on an answer or a figure counts: a remark of a third party is an opinion, and what a visit found is
    known to the trust. Checks that are set aside are left out.

    Args:
        case: the declaration.
        findings: those of its organisation that differ.
        ages: of the figures.
        enquiries: what to ask about each figure; about others there is a question that fits any.
    """
    of_checks = [fact for finding in findings if (fact := _of_check(case, finding))]
    facts = sorted(
        (*of_checks, *_of_figures(case, ages, enquiries)), key=lambda fact: (not fact.law, -fact.decibans, fact.says)
    )
    return tuple(facts[:FACTS])


def _of_check(case: Case, finding: Finding) -> Fact | None:
    """What a check shows of this declaration; None where it shows nothing of it."""
    added = [weight.decibans for weight in finding.weights if weight.function == case.listed.function]
    rule = finding.rule
    if finding.waived is not None or not added or not finding.age or not rule.lines_of_enquiry:
        return None
    laws = [duty.basis for duty in case.duties if duty.finding == finding.says]
    return Fact(
        says=finding.says,
        age=finding.age,
        expected=rule.title,
        law=laws[0] if laws else "",
        reply=rule.explanations[0] if rule.explanations else "",
        question=rule.lines_of_enquiry[0],
        mark=finding.check_id,
        decibans=added[0],
    )


def _of_figures(case: Case, ages: Ages, enquiries: Mapping[str, FigureEnquiry]) -> Iterator[Fact]:
    for part in case.parts:
        if part.family == "figures" and part.decibans > _LEAST:
            enquiry = enquiries.get(part.part, FigureEnquiry())
            yield _of_figure(part, ages.of_figure(case.listed.org_code, part.part), enquiry)


def _of_figure(part: Part, age: str, enquiry: FigureEnquiry) -> Fact:
    return Fact(
        says=part.reason,
        age=age,
        expected="",
        law="",
        reply=enquiry.explanation,
        question=enquiry.line_of_enquiry,
        mark=part.part,
        decibans=part.decibans,
    )
