"""Dossiers as they are told from the tables of a run: what differs, what is open, where it stands, who is near."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from crosscheck.report.dossier.case import refuse_unknown_function
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
from crosscheck.report.dossier.evidence import OTHER_SIDES, label_of, list_accounts
from crosscheck.report.dossier.facts import choose_facts
from crosscheck.report.dossier.peer_position import show_position
from crosscheck.report.dossier.waterfall import add_up
from crosscheck.rulebook.condition import is_same
from crosscheck.rulebook.to_english import in_words
from crosscheck.vocabulary import COMMENTATORS_IN_WORDS, SEVERITIES, WHY_ABSENT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from crosscheck.report.dossier.dossier_tables import DossierTables
    from crosscheck.report.dossier.peer_position import PeerPosition
    from crosscheck.report.dossier.rows import Case, CommentRow, NeighbourRow, SectionRow

FIGURES: Final = 8  # of those from other sources, the weightiest are shown beside those of the peers
_NAMED_PARTS: Final = 7  # single bars of a waterfall
_TONES: Final = ((-2.5, "very critical"), (-1.5, "critical"), (-0.5, "rather critical"), (0.5, "neutral"),
                 (1.5, "rather praising"), (2.5, "praising"))  # fmt: skip
_RELIANCE: Final = ((0.4, "little"), (0.7, "in part"))
_RELATIONS: Final = {
    "commissioner": "Commissioned by",
    "provider": "Commissions from",
    "same_lscb": "On the same safeguarding board",
    "other_party": "In the same case review",
    "predecessor": "Took over from",
    "successor": "Taken over by",
}
_SECTIONS: Final = {"all": "All sections together"}
_NOT_HELD: Final = "not in the collection"
_NOT_STATED: Final = "not told by the other side"


def read_dossiers(run: Path, only: Iterable[str] = ()) -> tuple[Dossier, ...]:
    """Gather the dossiers of a run, worst first: by the best rank of any declaration.

    In each the declaration that a visit would be about comes first: one that is chosen for a visit, else the best rank.

    Args:
        run: a run's folder.
        only: codes of organisations; all if none is named.

    Raises:
        RunError: there is no such run.
        UnknownNameError: no such organisation has a declaration in it; the message names those nearest.
    """
    with _without_cycle_search():
        cases, tables = read_cases(run, only)
        return tuple(_build_dossier(org_code, of_it, tables) for org_code, of_it in cases.items())


@contextmanager
def _without_cycle_search() -> Iterator[None]:
    """Let Python not look for reference cycles meanwhile.

    Gathering makes some hundred thousand rows that refer to one another without cycles; each search walks all of them,
    which takes a third of the time.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def read_dossier(run: Path, org_code: str, function: str | None) -> Dossier:
    """Gather the dossier of one organisation, first of it the declaration of the function that is named, if one is.

    Raises:
        RunError: there is no such run.
        UnknownNameError: no such organisation or function in it.
    """
    cases, tables = read_cases(run, [org_code])
    ((code, of_it),) = cases.items()
    if function:
        refuse_unknown_function(code, function, [case.listed.function for case in of_it])
    return _build_dossier(code, of_it, tables, function)


def _build_dossier(org_code: str, of_it: Sequence[Case], tables: DossierTables, function: str | None = None) -> Dossier:
    def order(case: Case) -> tuple[bool, bool, int]:
        return case.listed.function != function, case.listed.selected_by is None, case.listed.rank

    cases = sorted(of_it, key=order)
    findings = _findings(cases, tables)
    first, keys = cases[0].listed, [(case.listed.org_code, case.listed.function) for case in cases]
    agreeing = {check for key in keys for check in tables.verdicts[key][0].agreeing}
    key = (org_code,)
    return Dossier(
        org_code=first.org_code,
        name=first.name,
        org_type=first.org_type,
        region=first.region,
        about=tables.organisations[key][0],
        declarations=tuple(_declaration(case, tables) for case in cases),
        facts=choose_facts(cases[0], findings, tables.ages, tables.enquiries),
        findings=findings,
        questions=_open_questions(cases, tables),
        agreeing=tuple(f"{check} {tables.rules[check].title}" for check in sorted(agreeing)),
        sections=_sections(tables.sections.get(key, ())),
        figures=_figures(cases[0], tables),
        comments=tuple(map(_comment, tables.comments.get(key, ()))),
        neighbours=_neighbours(tables.neighbours.get(key, ())),
        visits=tuple(tables.visits.get(key, ())),
        problems=tuple(tables.problems.get(key, ())),
    )


def _declaration(case: Case, tables: DossierTables) -> Declaration:
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
        ages={
            part.part: tables.ages.of_figure(case.listed.org_code, part.part)
            for part in case.parts
            if part.family == "figures"
        },
        verdicts=tables.verdicts[key][0],
        duties=case.duties,
        places=[row.place for row in tables.places.get(key, ())],
        reach=tables.reach,
        last=tables.last,
    )


def _findings(cases: Sequence[Case], tables: DossierTables) -> tuple[Finding, ...]:
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
                    rests_on=tuple(list_accounts(finding.evidence, tables.labels)),
                    age=tables.ages.of_evidence(case.listed.org_code, finding.evidence),
                    waived=finding.waived,
                    rule=rule,
                    weights=(weight,),
                )
            )
    return tuple(sorted(alike.values(), key=_by_weight))


def _by_weight(finding: Finding) -> tuple[bool, float, int, str]:
    weight = max(weight.decibans for weight in finding.weights)
    return finding.waived is not None, -weight, -SEVERITIES.index(finding.severity), finding.check_id


def _open_questions(cases: Sequence[Case], tables: DossierTables) -> tuple[OpenQuestion, ...]:
    """What is wanting, each once with the checks that it would help to decide, the most telling first."""
    wanted: dict[str, dict[str, float]] = {}
    why: dict[str, str] = {}
    for case in cases:
        absent = tables.absences[case.listed.org_code, case.listed.function]
        for finding, _ in case.findings_with("cannot_tell"):
            for name in finding.open_questions or ():
                checks = wanted.setdefault(name, {})
                # Both functions may lack one answer for the same check: it is worth the larger of the two, not their
                # sum.
                checks[finding.check_id] = max(finding.could_add, checks.get(finding.check_id, 0.0))
                why.setdefault(name, _why(name, absent))
    questions = [
        OpenQuestion(label_of(name, tables.labels), why[name], tuple(sorted(checks)), max(checks.values()))
        for name, checks in wanted.items()
    ]
    return tuple(sorted(questions, key=lambda question: (-question.could_add, question.label)))


def _why(name: str, absent: Mapping[str, str | None]) -> str:
    if name.split(".", maxsplit=1)[0] in OTHER_SIDES or is_same(name):
        return _NOT_STATED
    return in_words(absent.get(name + WHY_ABSENT) or _NOT_HELD)


def _sections(rows: Iterable[SectionRow]) -> tuple[PeerPosition, ...]:
    """All sections together first, then each."""
    positions = [
        show_position(row, row.section, _SECTIONS.get(row.section, in_words(row.section)), str(row.items))
        for row in rows
    ]
    return tuple(sorted(positions, key=lambda one: (one.name != "all", -(one.z or 0.0), one.name)))


def _figures(case: Case, tables: DossierTables) -> tuple[PeerPosition, ...]:
    """The figures from other sources that weigh most, for or against."""
    weights = {part.part: abs(part.decibans) for part in case.parts if part.family == "figures"}
    org_code = case.listed.org_code
    known = (row for row in tables.figures.get((org_code,), ()) if row.indicator in weights)
    weighty = sorted(known, key=lambda row: (-weights[row.indicator], row.indicator))[:FIGURES]
    return tuple(
        replace(
            show_position(row, row.indicator, row.label, tables.ages.of_figure(org_code, row.indicator)),
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
        author=COMMENTATORS_IN_WORDS.get(row.author, in_words(row.author)),
        year=row.year,
        standard=row.standard,
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
