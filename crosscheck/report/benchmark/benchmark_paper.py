"""A benchmark pack on paper: two pages, and where it is asked for an annex with every question."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from crosscheck.cases.history import last_day
from crosscheck.report.benchmark.pack import PLACES
from crosscheck.report.output.html import render_text, sentence
from crosscheck.report.output.pdf import Paper
from crosscheck.rulebook.to_english import in_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crosscheck.report.benchmark.pack import Answered, Pack, Section

_REVIEWS: Final = {0: "", 1: "First review", 2: "Second review"}
_BARS: Final = ("best", "between", "lowest", "no_norm")  # the places that the bar of a section shows


def set_pack(pack: Pack, standard: str, how_to_read: Sequence[str], *, annex: bool) -> Paper:
    """What the paper of one organisation says; nothing beside what its page on screen says.

    Args:
        pack: of the organisation.
        standard: the core standard.
        how_to_read: lines that explain the figures.
        annex: whether every question follows the two pages.
    """
    fields = {
        "site": f"Benchmark pack, core standard {standard}, {pack.year}",
        "running": pack.name,
        "foot": "Shares of similar organisations are rounded so that nobody can find out what one of them answered.",
        "name": pack.name,
        "returned": pack.returned,
        "counts": _say("counts", pack),
        "places": list(PLACES.values()),
        "sections": [_count(section) for section in pack.sections],
        "others-do": [_name_answer(answer) for answer in pack.others_do],
        "to-share": [_name_answer(answer) for answer in pack.to_share],
        "how-to-read": list(how_to_read),
        "annex": [_set_section(section, pack.org_type) for section in pack.sections] if annex else None,
    }
    return Paper("benchmark", f"Benchmark pack: {pack.name}", last_day(pack.year), fields)


def _say(macro: str, *arguments: object) -> str:
    return " ".join(render_text("benchmark", "parts.html", macro, *arguments).split())


def _count(section: Section) -> dict[str, Any]:
    return {
        "title": section.title,
        "counts": [str(section.counts[place]) for place in PLACES],
        "bar": [round(section.counts[place] / section.asked, 4) for place in _BARS],
    }


def _name_answer(answered: Answered) -> dict[str, str]:
    return {"question": answered.question, "beside": _say("beside", answered)}


def _set_section(section: Section, org_type: str) -> dict[str, Any]:
    return {"title": section.title, "answers": [_set_answer(answered, org_type) for answered in section.answers]}


def _set_answer(answered: Answered, org_type: str) -> dict[str, Any]:
    """One question with its answer: beside it a table of shares, or in words what similar organisations answered."""
    asked, similar = answered.asked, answered.asked.similar
    group = f"{in_words(org_type).removesuffix(' trust')} trusts"
    has_table = asked.question.has_levels and similar.shares is not None
    sentences = [] if has_table else _describe_answer(answered, group)
    return {
        "question": asked.question.text,
        "review": _REVIEWS[answered.item],
        "said": sentence(answered.said),
        "asked-by": _say("asked_by", asked),
        "source": _say("source", asked),
        "caption": f"Answers of {similar.asked} {'reviews of ' if asked.question.repeated else ''}{group}",
        "all": bool(asked.everybody),
        "rows": [_set_row(answered, *row) for row in answered.rows] if has_table else [],
        "sentences": sentences,
        "strip": None
        if asked.question.has_levels or not answered.strip.at
        else {"end": asked.bare(answered.strip.end)} | dict(answered.strip.at),
    }


def _set_row(answered: Answered, words: str, share: int | None, of_all: int | None, own: bool) -> dict[str, Any]:
    everybody = answered.asked.everybody
    unknown = everybody is None or everybody.shares is None
    return {
        "words": sentence(words),
        "share": share or 0,
        "all": "–" if unknown else f"{of_all or 0}%",
        "own": own,
    }


def _describe_answer(answered: Answered, group: str) -> list[str]:
    asked = answered.asked
    if asked.question.has_levels:
        return [words for words in (_say("majority", asked, group), _say("of_all", answered)) if words]
    sentences = [f"{asked.similar.asked} {group}: {_say('spread', asked, asked.similar)}"]
    if asked.everybody:
        sentences.append(f"All {asked.everybody.asked} organisations: {_say('spread', asked, asked.everybody)}")
    return sentences
