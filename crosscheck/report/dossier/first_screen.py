"""What an assessor needs first of one organisation, as text for one screen of a terminal."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Final

from crosscheck.report.dossier.build_dossier import read_dossier
from crosscheck.report.dossier.dossier_templates import say
from crosscheck.report.output.html import name_type, percent, sentence
from crosscheck.report.output.rank_bands import describe_effect
from crosscheck.runs.run_folder import read_manifest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from crosscheck.report.dossier.dossier import Declaration, Dossier
    from crosscheck.report.dossier.facts import Fact
    from crosscheck.runs.manifest import Manifest

_WIDTH: Final = 100
_LONGEST_STATEMENT: Final = 400  # letters of the board's own words that are shown


def describe_first_screen(run: Path, org_code: str, function: str | None) -> str:
    """The declaration to visit, why, three facts that can be shown to the trust, and what to ask about each.

    Args:
        run: a run's folder.
        org_code: the organisation.
        function: which of its declarations; if None the one that a visit would be about.

    Raises:
        RunError: there is no such run.
        UnknownNameError: no such organisation or function in it.
    """
    dossier, manifest = read_dossier(run, org_code, function), read_manifest(run)
    return "\n".join(
        (*_heading(dossier, manifest), "", *_statement(dossier.first), "", *_facts(dossier), "", *_rest(dossier))
    )


def _heading(dossier: Dossier, manifest: Manifest) -> Iterator[str]:
    first, listed = dossier.first, dossier.first.listed
    yield f"{dossier.name} ({dossier.org_code}), {name_type(dossier.org_type).lower()}, {dossier.region}"
    function = "" if first.function == "whole" else f"{say('of_function', first.function).lower()}, "
    declared = listed.declared.replace("_", " ")
    yield f"{say('declaration_called', first).upper()}: {function}{declared}, {manifest.options.year}"
    why = say("why", first, manifest.draw, not dossier.is_reason_shown)
    yield from _wrapped(why)
    rank = f"Rank {listed.rank} of {first.declarations} ({listed.rank_low} to {listed.rank_high})"
    risk = f"risk {percent(listed.risk)} ({percent(listed.risk_low)} to {percent(listed.risk_high)})"
    yield from _wrapped(f"{rank}, {risk}, in brackets 90% intervals. {sentence(say('verdicts', first.verdicts))}.")


def _statement(first: Declaration) -> Iterator[str]:
    if not first.statement:
        yield "The board added no words of its own to this declaration."
        return
    words = textwrap.shorten(first.statement, _LONGEST_STATEMENT, placeholder=" … (the whole: --all)")
    yield from _wrapped(f"The board's own words: “{words}”")


def _facts(dossier: Dossier) -> Iterator[str]:
    if not dossier.facts:
        yield "No answer and no figure differs from what we would expect."
        return
    yield "WHAT CAN BE SHOWN TO THE TRUST, AND WHAT TO ASK ABOUT IT"
    for number, fact in enumerate(dossier.facts, start=1):
        yield from _fact(number, fact)


def _fact(number: int, fact: Fact) -> Iterator[str]:
    duty = f" Statutory duty ({fact.law})." if fact.law else ""
    effect = f"{sentence(describe_effect(fact.decibans))} on the risk."
    yield from _wrapped(f"{number}. {fact.says}{duty} {fact.age}. {effect}", "   ", first="")
    yield from _wrapped(f"It may rightly reply: {fact.reply}.", "     ", first="   ")
    yield from _wrapped(f"On the visit: {fact.question}.", "     ", first="   ")


def _rest(dossier: Dossier) -> Iterator[str]:
    """What else there is, counted, and the other declaration."""
    findings, missing = len(dossier.other_findings), len(dossier.missing_answers)
    yield from _wrapped(
        f"Besides: {findings} other {'discrepancy' if findings == 1 else 'discrepancies'}; "
        f"{missing} {'answer that checks need is' if missing == 1 else 'answers that checks need are'} missing."
    )
    for other in dossier.others:
        listed = other.listed
        function = say("of_function", other.function)
        chosen = "" if listed.selected_by else ", not chosen for a visit"
        chosen = f", found {listed.visited} by a visit this year" if listed.visited else chosen
        declared = listed.declared.replace("_", " ")
        yield f"{function}: {declared}, rank {listed.rank}, risk {percent(listed.risk)}{chosen}."
    yield "The whole case: the same command with --all."


def _wrapped(text: str, indent: str = "", first: str | None = None) -> list[str]:
    begin = indent if first is None else first
    return textwrap.wrap(text, _WIDTH, initial_indent=begin, subsequent_indent=indent)
