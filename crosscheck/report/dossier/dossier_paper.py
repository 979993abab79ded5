"""A dossier on paper: two pages an organisation, and where it is asked for an annex with the whole case."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from crosscheck.cases.history import last_day
from crosscheck.report.dossier.dossier_templates import say
from crosscheck.report.output.html import name_type, percent, sentence, sign, write_day
from crosscheck.report.output.pdf import Paper
from crosscheck.report.output.rank_bands import describe_effect, describe_place
from crosscheck.report.plots.funnels import KEY, write_figure
from crosscheck.rulebook.to_english import in_words

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from crosscheck.report.dossier.dossier import Comment, Declaration, Dossier, Finding, Neighbour, OpenQuestion
    from crosscheck.report.dossier.dossier_tables import Basis
    from crosscheck.report.dossier.facts import Fact
    from crosscheck.report.dossier.peer_position import PeerPosition
    from crosscheck.report.dossier.rows import ProblemRow, VisitRow

_CHECKS: Final = 4  # that are named beside a question that is open
_IN_PERCENT: Final = ("proportion", "percent")
_CHOSEN: Final = {"mandatory": "for an unmet duty", "risk": "for its risk", "random": "at random"}
_FOUND: Final = {"upheld": "Declaration upheld", "qualified": "Declaration qualified"}
_JUDGES_NOBODY: Final = "A finding says that evidence differs from what we would expect. It judges nobody."


def set_dossier(dossier: Dossier, basis: Basis, funnels: Sequence[str], *, annex: bool) -> Paper:
    """What the paper of one organisation says.

    Args:
        dossier: of the organisation.
        basis: what the run rested on.
        funnels: the pictures of `dossier.with_funnel`, as SVG.
        annex: whether the whole case follows the two pages.
    """
    where = "The annex has" if annex else "The page on screen, and the annex to this paper, have"
    fields = {
        "site": f"Dossier for {basis.year}, core standard {basis.standard}",
        "running": f"{dossier.name} ({dossier.org_code})",
        "foot": f"{_JUDGES_NOBODY} Run {basis.fingerprint}.",
        "name": dossier.name,
        "lead": _describe_organisation(dossier),
        "declaration": _name_declaration(dossier),
        "why": say("why", dossier.first, basis.manifest.draw, not dossier.is_reason_shown),
        "statement": dossier.first.statement or "",
        "facts": [_fact(fact) for fact in dossier.facts],
        "functions": [_name_function(one.function) for one in dossier.declarations],
        "brief": list(_brief(dossier, basis)),
        "other-declarations": [_other_declaration(one, dossier, basis) for one in dossier.others],
        "others": [_finding(one, both=_has_both(dossier)) for one in dossier.other_findings],
        "findings": [_finding(one, both=_has_both(dossier)) for one in dossier.findings],
        "rest-is-where": f"{where} all of them.",
        "annex": _annex(dossier, basis, funnels) if annex else None,
    }
    title = f"{dossier.name} ({dossier.org_code}): dossier for {basis.year}"
    return Paper("dossier", title, last_day(basis.year), fields)


def _has_both(dossier: Dossier) -> bool:
    return len(dossier.declarations) > 1


def _describe_organisation(dossier: Dossier) -> str:
    care_trust = ", a care trust" if dossier.about.care_trust else ""
    return f"{dossier.org_code} · {name_type(dossier.org_type)}{care_trust} · {dossier.region}"


def _name_function(function: str) -> str:
    return say("of_function", function)


def _brief(dossier: Dossier, basis: Basis) -> Iterator[dict[str, Any]]:
    """The rows of the first table: in each cell what is set bold, and what follows it."""
    declared, risks, ranks = [], [], []
    for one in dossier.declarations:
        listed = one.listed
        declared.append((sentence(in_words(listed.declared)), say("lapse", one)))
        interval = f"{percent(listed.risk_low)} to {percent(listed.risk_high)}"
        risks.append((percent(listed.risk), f"({interval})"))
        place = listed.among_capacity
        band = "" if place is None else f"; {describe_place(place)} that can be visited"
        rank = f"of {one.declarations} ({listed.rank_low} to {listed.rank_high}){band}"
        ranks.append((str(listed.rank), rank))
    before = [("", say("before", one, dossier.org_code)) for one in dossier.declarations]
    checks = [("", say("verdicts", one.verdicts)) for one in dossier.declarations]
    rows = {f"Declared for {basis.year}": declared, "Before": before, "Risk": risks, "Rank": ranks, "Checks": checks}
    return ({"label": label, "cells": cells} for label, cells in rows.items())


def _name_declaration(dossier: Dossier) -> str:
    """What a visit would be about, for example Declaration to visit: as provider, compliant."""
    first = dossier.first
    function = f"{_name_function(first.function).lower()}, " if _has_both(dossier) else ""
    return f"{say('declaration_called', first)}: {function}{in_words(first.listed.declared)}"


def _fact(fact: Fact) -> dict[str, str]:
    duty = f"Statutory duty ({fact.law}). " if fact.law else ""
    effect = f"{sentence(describe_effect(fact.decibans))} on the risk."
    return {
        "says": fact.says,
        "about": f"{duty}{fact.age}. {effect}",
        "reply": fact.reply,
        "question": fact.question,
    }


def _other_declaration(declaration: Declaration, dossier: Dossier, basis: Basis) -> dict[str, Any]:
    return {
        "function": _name_function(declaration.function),
        "says": say("why", declaration, basis.manifest.draw),
        "duties": [{"finding": duty.finding, "law": duty.basis} for duty in dossier.duties_not_shown(declaration)],
        "statement": declaration.statement or "",
    }


def _finding(finding: Finding, *, both: bool) -> dict[str, Any]:
    rule = finding.rule
    return {
        "says": finding.says,
        "weight": f"{_describe_weight(finding, both=both)} · {finding.check_id}",
        "set-aside": finding.waived or "",
        "accounts": [(sentence(what), value) for what, value in finding.rests_on],
        "replies": "; ".join(rule.explanations),
        "enquiries": list(rule.lines_of_enquiry),
        "basis": f"{rule.basis} ({rule.source})",
    }


def _describe_weight(finding: Finding, *, both: bool) -> str:
    if finding.asks:
        return "Asks only: no effect on the risk"
    effects = (
        f"{describe_effect(weight.decibans)} on the risk"
        + (f" {_name_function(weight.function).lower()}" if both else "")
        for weight in finding.weights
    )
    return sentence(", ".join(effects))


def _annex(dossier: Dossier, basis: Basis, funnels: Sequence[str]) -> dict[str, Any]:
    both = _has_both(dossier)
    agreeing = len(dossier.agreeing)
    drawn = zip(dossier.with_funnel, funnels, strict=True)
    return {
        "waterfalls": [_waterfall(one, both=both) for one in dossier.declarations],
        "questions": [_question(one) for one in dossier.questions],
        "consistent": f"{agreeing} {'check is' if agreeing == 1 else 'checks are'} consistent with what was declared"
        f"{' by either function' if both else ''}.",
        "figures": [_strip(one) for one in dossier.figures],
        "sections": [_section(one) for one in dossier.sections],
        "funnels": [{"svg": svg, "alt": f"{one.label} of {dossier.name} among its peers"} for one, svg in drawn],
        "key-of-funnels": KEY,
        "comments": [_comment(one) for one in dossier.comments],
        "visits": [_visit(one, dossier.org_code) for one in dossier.visits],
        "neighbours": [
            {"heading": heading, "members": [_neighbour(one) for one in members]}
            for heading, members in dossier.neighbours
        ],
        "problems": [_problem(one) for one in dossier.problems],
        "basis": say("basis", basis),
    }


def _waterfall(declaration: Declaration, *, both: bool) -> dict[str, Any]:
    """The steps with the ends of their bars, as shares of the width that all of them share."""
    ends = [end for step in declaration.steps for end in (step.begins, step.ends, 0.0)]
    low, span = min(ends), (max(ends) - min(ends)) or 1.0
    risk = percent(declaration.listed.risk, 1)
    total = declaration.steps[-1].decibans
    of = f"{_name_function(declaration.function)}: " if both else ""
    steps = []
    family = ""
    for step in declaration.steps:
        begins, ends_at = ((end - low) / span for end in sorted((step.begins, step.ends)))
        steps.append({
            "family": "" if step.is_total or step.family == family else sentence(step.family_words),
            "words": f"In all: a risk of {risk}" if step.is_total else step.words,
            "adds": sign(step.decibans),
            "left": round(begins, 4),
            "width": round(ends_at - begins, 4),
            "zero": round(-low / span, 4),
            "worse": step.decibans > 0,
            "total": step.is_total,
        })  # fmt: skip
        family = step.family
    return {"heading": f"{of}{sign(total)} decibans in all, a risk of {risk}", "steps": steps}


def _question(question: OpenQuestion) -> dict[str, str]:
    more = len(question.checks) - _CHECKS
    return {
        "label": question.label,
        "why": sentence(question.why),
        "checks": ", ".join(question.checks[:_CHECKS]) + (f" and {more} more" if more > 0 else ""),
        "at-most": sentence(describe_effect(question.could_add)),
    }


def _strip(one: PeerPosition) -> dict[str, str]:
    unit = "%" if one.kind in _IN_PERCENT else ""
    figure = "" if one.value is None else write_figure(one.value, unit)
    expected = "" if one.expected is None else write_figure(one.expected, unit)
    # A grade can be the middle one of its peers and yet have a score: "2; 2 would be expected" explains nothing.
    if figure and expected not in ("", figure):
        figure += f"; {expected} would be expected from its peers"
    return {
        "label": sentence(one.label),
        "about": figure or one.about,
        "picture": str(one.picture),
        "alt": "No score" if one.z is None else f"Score {sign(one.z)}, where 0 is as expected and plus is worse",
        "words": sentence(one.words),
        "worse-than": "" if one.worse_than is None else f"worse than {percent(one.worse_than)} of its peers",
    }


def _section(one: PeerPosition) -> dict[str, str]:
    return {**_strip(one), "about": f"{one.about} {'score' if one.about == '1' else 'scores'} together"}


def _comment(comment: Comment) -> dict[str, str]:
    polarity = sign(comment.polarity, 0) if comment.polarity else "0"
    return {
        "heading": f"{sentence(comment.author)}, {comment.year}",
        "about": f"{sentence(comment.tone)} ({polarity} on a scale from −3, critical, to +3, praising). "
        f"To be relied on {comment.reliance} ({comment.reliability:.2f} of 1).",
        "text": comment.text,
    }


def _visit(visit: VisitRow, org_code: str) -> list[str]:
    before = f": {visit.to}, which it took over from" if visit.to != org_code else ""
    return [
        write_day(visit.visited_on) if visit.visited_on else "–",
        visit.year,
        _name_function(visit.function) + before,
        _CHOSEN.get(visit.selected_by or "", "–"),
        _FOUND[visit.finding],
    ]


def _neighbour(one: Neighbour) -> str:
    through = f", {one.through}" if one.through else ""
    rank = "" if one.rank is None else f", rank {one.rank}"
    return f"{one.code} {one.name or '(no name is held)'}{through}{rank}"


def _problem(problem: ProblemRow) -> list[str]:
    row = "" if problem.row is None else f", row {problem.row:.0f}"
    column = "" if problem.column is None else f", {problem.column}"
    what = f"{problem.problem} {problem.remedy}"
    return [f"{problem.file}{row}{column}", problem.value or "", what, sentence(problem.effect)]
