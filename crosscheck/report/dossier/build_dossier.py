"""Dossiers as they are told from the tables of a run: what differs, what is open, where it stands, who is near."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from crosscheck.report.dossier.dossier import (
    Comment,
    Declaration,
    Dossier,
    Finding,
    Neighbour,
    OpenQuestion,
    Weight,
)
from crosscheck.report.dossier.dossier_tables import read_cases
from crosscheck.report.dossier.peer_position import show_position
from crosscheck.report.dossier.waterfall import add_up
from crosscheck.rulebook.condition import is_same
from crosscheck.rulebook.to_english import in_words
from crosscheck.vocabulary import RELATIONS, SEVERITIES, WHY_ABSENT

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from crosscheck.report.dossier.dossier_tables import Shelves
    from crosscheck.report.dossier.peer_position import PeerPosition
    from crosscheck.report.dossier.rows import Case, CommentRow, FigureRow, NeighbourRow, SectionRow

FIGURES: Final = 8  # of those from other sources, the weightiest are shown beside those of the peers
_NAMED_PARTS: Final = 7  # single bars of a waterfall
_TONES: Final = ((-2.5, "very critical"), (-1.5, "critical"), (-0.5, "rather critical"), (0.5, "neutral"),
                 (1.5, "rather praising"), (2.5, "praising"))  # fmt: skip
_RELIANCE: Final = ((0.4, "little"), (0.7, "in part"))
_EVIDENCE: Final = re.compile(r"; (?=(?:[a-z_]+ \w+: )?[a-z0-9_]+\.[a-z0-9_.()]+ = |[a-z_]+: none of )")
_RELATIONS: Final = {
    "commissioner": "Commissioned by",
    "provider": "Commissions from",
    "same_lscb": "On the same safeguarding board",
    "other_party": "In the same case review",
    "predecessor": "Took over from",
    "successor": "Taken over by",
}
_OTHER_SIDES: Final = (*RELATIONS, "this_review")
_SECTIONS: Final = {"all": "All sections together"}
_NOT_HELD: Final = "not in the collection"
_THE_SAME: Final = "organisations with the same value"
_NOT_TOLD: Final = "not told by the other side"


def read_dossiers(run: Path, only: Iterable[str] = ()) -> tuple[Dossier, ...]:
    """Gather the dossiers of a run, worst first: by the best rank of any declaration.

    Args:
        run: a run's folder.
        only: codes of organisations; all if none is named.

    Raises:
        RunError: there is no such run.
        UnknownNameError: no such organisation has a declaration in it; the message names those nearest.
    """
    cases, shelves = read_cases(run, only)
    return tuple(_tell(org_code, of_it, shelves) for org_code, of_it in cases.items())


def _tell(org_code: str, cases: Sequence[Case], shelves: Shelves) -> Dossier:
    first, keys = cases[0].listed, [(case.listed.org_code, case.listed.function) for case in cases]
    agreeing = {check for key in keys for check in shelves.verdicts[key][0].agreeing}
    key = (org_code,)
    return Dossier(
        org_code=first.org_code,
        name=first.name,
        org_type=first.org_type,
        region=first.region,
        about=shelves.organisations[key][0],
        declarations=tuple(_declaration(case, shelves) for case in cases),
        findings=_findings(cases),
        questions=_open_questions(cases, shelves),
        agreeing=tuple(f"{check} {shelves.rules[check].title}" for check in sorted(agreeing)),
        sections=_sections(shelves.sections.get(key, ())),
        figures=_figures(cases[0], shelves.figures.get(key, ())),
        comments=tuple(map(_comment, shelves.comments.get(key, ()))),
        neighbours=_neighbours(shelves.neighbours.get(key, ())),
        visits=tuple(shelves.visits.get(key, ())),
        problems=tuple(shelves.problems.get(key, ())),
    )


def _declaration(case: Case, shelves: Shelves) -> Declaration:
    key, declared = (case.listed.org_code, case.listed.function), case.declared
    return Declaration(
        listed=case.listed,
        declarations=case.declarations,
        statement=declared.statement,
        lapse=declared.lapse,
        previous_by=declared.previous_by,
        history=declared.history,
        steps=add_up(case.parts, _NAMED_PARTS),
        parts=sorted(case.parts, key=lambda part: (-abs(part.decibans), part.part)),
        verdicts=shelves.verdicts[key][0],
        duties=case.duties,
        places=[row.place for row in shelves.places.get(key, ())],
        reach=shelves.reach,
        last=shelves.last,
    )


def _findings(cases: Sequence[Case]) -> tuple[Finding, ...]:
    """The checks that differ, the weightiest first; the same one on both declarations is told once."""
    alike: dict[tuple[str | None, ...], Finding] = {}
    for case in cases:
        for finding, rule in case.findings_with("differs"):
            same = (finding.check_id, finding.says, finding.evidence, finding.waived)
            former = alike.get(same)
            weight = Weight(case.listed.function, finding.weight)
            alike[same] = (
                replace(former, weights=(*former.weights, weight))
                if former
                else Finding(
                    check_id=finding.check_id,
                    severity=finding.severity,
                    says=finding.says,
                    rests_on=tuple(map(_rests_on, _EVIDENCE.split(finding.evidence))),
                    waived=finding.waived,
                    rule=rule,
                    weights=(weight,),
                )
            )
    return tuple(sorted(alike.values(), key=_by_weight))


def _by_weight(finding: Finding) -> tuple[bool, float, int, str]:
    weight = max(weight.decibans for weight in finding.weights)
    return finding.waived is not None, -weight, -SEVERITIES.index(finding.severity), finding.check_id


def _rests_on(evidence: str) -> tuple[str, str]:
    """`audit.documentation = no` as people read it: what, and what stands there."""
    name, _, value = evidence.partition(" = ")
    if not value:
        name, _, value = evidence.partition(": ")
    return _spoken(name), value


def _spoken(name: str) -> str:
    return in_words(name.replace(": ", ", ").replace(".", ", "))


def _open_questions(cases: Sequence[Case], shelves: Shelves) -> tuple[OpenQuestion, ...]:
    """What is wanting, each once with the checks that it would help to decide, the most telling first."""
    wanted: dict[str, dict[str, float]] = {}
    why: dict[str, str] = {}
    for case in cases:
        absent = shelves.absences[case.listed.org_code, case.listed.function]
        for finding, _ in case.findings_with("cannot_tell"):
            for name in finding.open_questions or ():
                checks = wanted.setdefault(name, {})
                checks[finding.check_id] = max(finding.could_add, checks.get(finding.check_id, 0.0))
                why.setdefault(name, _why(name, absent))
    questions = [
        OpenQuestion(_label(name, shelves.labels), why[name], tuple(sorted(checks)), max(checks.values()))
        for name, checks in wanted.items()
    ]
    return tuple(sorted(questions, key=lambda question: (-question.could_add, question.label)))


def _why(name: str, absent: Mapping[str, str | None]) -> str:
    if name.split(".", maxsplit=1)[0] in _OTHER_SIDES or is_same(name):
        return _NOT_TOLD
    return in_words(absent.get(name + WHY_ABSENT) or _NOT_HELD)


def _label(name: str, labels: Mapping[str, str]) -> str:
    if name in labels:
        return labels[name]
    side, _, rest = name.partition(").") if is_same(name) else name.partition(".")
    side = _THE_SAME if is_same(name) else side
    return f"{in_words(side)}: {labels[rest]}" if rest in labels else _spoken(name)


def _sections(rows: Iterable[SectionRow]) -> tuple[PeerPosition, ...]:
    """All sections together first, then each."""
    positions = [
        show_position(row, row.section, _SECTIONS.get(row.section, in_words(row.section)), str(row.items))
        for row in rows
    ]
    return tuple(sorted(positions, key=lambda one: (one.name != "all", -(one.z or 0.0), one.name)))


def _figures(case: Case, rows: Iterable[FigureRow]) -> tuple[PeerPosition, ...]:
    """The figures from other sources that weigh most, for or against."""
    weights = {part.part: abs(part.decibans) for part in case.parts if part.family == "figures"}
    known = (row for row in rows if row.indicator in weights)
    weighty = sorted(known, key=lambda row: (-weights[row.indicator], row.indicator))[:FIGURES]
    return tuple(
        replace(
            show_position(row, row.indicator, row.label, in_words(row.source)),
            kind=row.kind,
            value=row.value,
            expected=row.expected,
        )
        for row in weighty
    )


def _comment(row: CommentRow) -> Comment:
    tone = next((words for limit, words in _TONES if row.polarity <= limit), "very praising")
    reliance = next((words for limit, words in _RELIANCE if row.reliability < limit), "well")
    return Comment(
        author=in_words(row.author),
        year=row.year,
        tone=tone,
        polarity=row.polarity,
        reliance=reliance,
        reliability=row.reliability,
        text=row.text or "",
    )


def _neighbours(rows: Iterable[NeighbourRow]) -> tuple[tuple[str, tuple[Neighbour, ...]], ...]:
    """Grouped by what they are to it; members of each board by themselves."""
    groups: dict[str, list[Neighbour]] = {}
    for row in rows:
        board = row.relation == "same_lscb"
        heading = _RELATIONS[row.relation] + (f": {row.through}" if board else "")
        groups.setdefault(heading, []).append(Neighbour(row.code, row.name, "" if board else row.through, row.rank))
    return tuple((heading, tuple(members)) for heading, members in groups.items())
