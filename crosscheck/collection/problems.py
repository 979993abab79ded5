"""What is wrong with a collection: where, in words, what would mend it, and what was done about it."""

from __future__ import annotations

import difflib
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

import polars as pl

from crosscheck.contract.outputs import OUTPUTS

if TYPE_CHECKING:
    from collections.abc import Iterable

Effect = Literal["row set aside", "cell set aside", "converted"]

ROW: Final[Effect] = "row set aside"
CELL: Final[Effect] = "cell set aside"
CONVERTED: Final[Effect] = "converted"

# Least first: where one cell has several problems, the gravest effect is what happened to it.
_GRAVITY: Final[dict[Effect, int]] = {"converted": 0, "cell set aside": 1, "row set aside": 2}

# What was done, gravest first, in the words of a heading and of a count; `in doubt` is what `doubts` adds.
EFFECTS_IN_WORDS: Final = {
    "row set aside": ("row set aside", "rows set aside"),
    "cell set aside": ("cell set aside", "cells set aside"),
    "in doubt": ("value in doubt", "values in doubt"),
    "converted": ("read all the same", "read all the same"),
}

# How much of a cell is shown: enough to find it again, little enough to read in a list.
SHOWN_CHARACTERS: Final = 200

# Characters that nobody sees: control characters (but not tab and line ends) and invisible format marks.
INVISIBLE: Final = (
    r"[\x00-\x08\x0B\x0C\x0E-\x1F\x7F-\x9F\xAD\u200B-\u200F\u202A-\u202E\u2060-\u2064\u2066-\u2069\uFEFF]"
)

SCHEMA: Final = pl.Schema({**OUTPUTS["problems"].schema, "row": pl.Int64()})


def canonical(heading: str) -> str:
    """A heading or a table's name in the form in which they are compared: small letters, underscores between."""
    return re.sub(r"[\s_-]+", "_", re.sub(INVISIBLE, "", heading).strip().lower())


def counted(number: int, noun: str) -> str:
    """A number with its noun: `1 row`, `2,000 rows`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


class Problem(NamedTuple):
    """One thing wrong in one file. `row` and `column` are None where it concerns the whole file, or the whole row.

    One that concerns several rows names the first as `row` and the last as `last`; its words say so, too.
    """

    row: int | None
    column: str | None
    value: str | None
    problem: str
    remedy: str
    effect: Effect
    last: int | None = None


class Lost(NamedTuple):
    """A row whose cells can't be told apart, or that stands in the cell of another: its cells, as far as they go."""

    row: int
    cells: tuple[str, ...]


class Place(NamedTuple):
    """The table and the file, or the sheet of a workbook, in which a problem stands."""

    table: str
    file: str


def list_problems(found: Iterable[tuple[Place, Problem]]) -> pl.DataFrame:
    """List all problems in the promised shape (`outputs.OUTPUTS`, `row` a whole number).

    Returns:
        One row a cell, row or file with a problem, by table, file, row, column. Where one cell has several, they are
        told one after the other, with the gravest effect: it is what was done.
    """
    merged: dict[tuple[Place, int | None, str | None], Problem] = {}
    for place, problem in found:
        at = (place, problem.row, problem.column)
        merged[at] = _merge(merged[at], problem) if at in merged else problem
    listed = [(*at[0], *problem._replace(value=shorten_cell(problem.value))[:-1]) for at, problem in merged.items()]
    return pl.DataFrame(listed, schema=SCHEMA, orient="row").sort("table", "file", "row", "column", nulls_last=False)


def count_effect(effect: str, count: int) -> str:
    """How often one thing was done about a problem: `1 row set aside`, `2,000 cells set aside`."""
    singular, plural = EFFECTS_IN_WORDS.get(effect, (effect, effect))
    return f"{count:,} {singular if count == 1 else plural}"


def describe_problems(problems: pl.DataFrame) -> list[str]:
    """Each problem in one line, as compilers write it: `file:row:column "value": what is wrong; what to do`.

    Args:
        problems: as `list_problems`.
    """
    rows = problems.select("file", "row", "column", "value", "problem", "remedy").iter_rows()
    return [
        f"{':'.join(str(part) for part in (file, row, column) if part is not None)}"
        f"{_quoted(value)}: {problem.rstrip('.')}; {_go_on(remedy)}"
        for file, row, column, value, problem, remedy in rows
    ]


def _quoted(value: str | None) -> str:
    """The value in quotation marks; what would end the line is written as a sign that can be seen."""
    return f' "{value}"'.replace("\n", "\\n").replace("\r", "\\r") if value else ""


def _go_on(sentence: str) -> str:
    """A sentence as the second half of another: it begins with a small letter, unless its first word is in capitals."""
    return sentence[:1].lower() + sentence[1:] if sentence[1:2].islower() else sentence


def as_one(problems: list[Problem], most: int = 20) -> list[Problem]:
    """Problems of one kind in one column one by one, or as one that says how many there are, where there are many."""
    if len(problems) <= most:
        return problems
    first, last = problems[0], problems[-1].row
    more = f"{first.problem} It stands so in {counted(len(problems) - 1, 'further row')}, the last of them {last:,}."
    return [first._replace(problem=more)]


def _merge(first: Problem, second: Problem) -> Problem:
    effect = max(first.effect, second.effect, key=_GRAVITY.__getitem__)
    same = (second.problem, second.remedy) == (first.problem, first.remedy)
    why_empty_is_said = first.value and not (second.value or "").strip()
    if same or why_empty_is_said:
        return first._replace(effect=effect)
    problem, remedies = f"{first.problem} {second.problem}", [first.remedy, second.remedy]
    if CONVERTED in (first.effect, second.effect) and first.effect != second.effect:
        # How a cell would better be written is no remedy where it can't stand as it is, however it is written.
        remedies = [each.remedy for each in (first, second) if each.effect == effect]
    remedy = " ".join(remedies)
    return first._replace(effect=effect, problem=problem, remedy=remedy)


def shorten_cell(value: str | None) -> str | None:
    """A cell as it is shown to people: invisible characters made visible, a long text shortened, with its length."""
    if value is None:
        return None
    seen = re.sub(INVISIBLE, lambda match: match.group().encode("unicode_escape").decode(), value[:SHOWN_CHARACTERS])
    return seen if len(value) <= SHOWN_CHARACTERS else f"{seen}… ({len(value):,} characters)"


def alternatives(word: str, allowed: Iterable[str]) -> str:
    """What could have been meant: `Did you mean x?`, or nothing where no allowed word is near."""
    near = nearest(word, tuple(allowed))
    return f"Did you mean {near}?" if near else ""


@lru_cache(maxsize=4096)
def nearest(word: str, allowed: tuple[str, ...]) -> str | None:
    """The allowed word most like this one; None where none is like it."""
    near = difflib.get_close_matches(word[:SHOWN_CHARACTERS].strip().lower(), allowed, n=1, cutoff=0.7)
    return near[0] if near else None
