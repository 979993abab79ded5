"""What a letter lists beside findings: figures, accounts, remarks, visits, single answers, and what was left open."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from crosscheck.report.output.html import sentence
from crosscheck.rulebook.to_english import in_words

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import polars as pl


@dataclass(frozen=True)
class FurtherItem:
    """One such item: what it says, whose and of when it is, the declarations it is about, and its rows in the form."""

    says: str
    about: str
    functions: str
    rows: str


@dataclass(frozen=True)
class FurtherGroup:
    """Items of one sort, under a heading."""

    heading: str
    introduction: str
    items: tuple[FurtherItem, ...]


_GROUPS: Final = (
    (
        ("figure",),
        "Figures from other sources",
        "Each is less good than similar trusts let us expect. If a figure is wrong, or no longer true, explain.",
    ),
    (
        ("account",),
        "Answers that are better than a record elsewhere",
        "Your return and another record of the same matter differ. Correct the answer, or explain.",
    ),
    (
        ("remark", "history"),
        "Remarks, visits and former declarations",
        "If one of these should not be relied on, explain why.",
    ),
    (
        ("answer",),
        "Answers that count by themselves",
        "No requirement is unmet by one of these alone. Each is less good than similar trusts let us expect.",
    ),
    (
        ("missing_answer",),
        "Questions that you left open",
        "An answer that is missing counts as the average answer. If you can give it now, choose correct and enter it.",
    ),
)


def group_further(
    items: pl.DataFrame, rests: Mapping[str, Sequence[Mapping[str, Any]]], form_rows: Mapping[str, str]
) -> tuple[FurtherGroup, ...]:
    """Group what one organisation can reply to beside the findings.

    Args:
        items: of `reply_items.list_reply_items`, those of the organisation.
        rests: the rows of `grounds` by item.
        form_rows: where each item stands in the form.
    """
    rows = items.filter(items["check_id"].is_null()).to_dicts()
    groups = (
        FurtherGroup(heading, introduction, tuple(_items(rows, kinds, rests, form_rows)))
        for kinds, heading, introduction in _GROUPS
    )
    return tuple(group for group in groups if group.items)


def _items(
    rows: Sequence[Mapping[str, Any]],
    kinds: Sequence[str],
    rests: Mapping[str, Sequence[Mapping[str, Any]]],
    form_rows: Mapping[str, str],
) -> Iterator[FurtherItem]:
    for row in rows:
        if row["kind"] in kinds:
            functions = "" if row["functions"] == "whole" else row["functions"]
            grounds = rests[row["item"]]
            yield FurtherItem(_says(row, grounds), _about(row, grounds), functions, form_rows[row["item"]])


def _says(row: Mapping[str, Any], grounds: Sequence[Mapping[str, Any]]) -> str:
    """What is relied on; of a check that is left open, the questions that lack an answer."""
    asked = [ground["about"] for ground in grounds if ground["question"]]
    return " ".join(asked) if row["kind"] == "missing_answer" and asked else str(row["says"])


def _about(row: Mapping[str, Any], grounds: Sequence[Mapping[str, Any]]) -> str:
    """The source of a figure, and of when it is."""
    if row["kind"] != "figure" or not grounds:
        return ""
    return ", ".join(filter(None, (sentence(in_words(grounds[0]["whose"])), grounds[0]["statement"])))
