"""What the review expects of organisations, in its words and with its source."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

_STRONGEST_FIRST: Final = ("statutory", "guidance", "good_practice")


@dataclass(frozen=True)
class Expectation:
    """One expectation: of which types of organisation, on which questions, and who says so where."""

    words: str
    strength: str
    basis: str
    where: str
    org_types: tuple[str, ...]
    questions: tuple[str, ...]


def read_expectations(file: Path) -> tuple[Expectation, ...]:
    """Read those that are addressed to organisations and speak of a question, strongest first; none without a file."""
    if not file.is_file():
        return ()
    with file.open(encoding="utf-8", newline="") as lines:
        rows = [
            row for row in csv.DictReader(lines) if row["question_ids"] and "trust" in row["addressed_to"].split("|")
        ]
    expectations = [
        Expectation(
            row["expectation"],
            row["strength"],
            row["basis"],
            row["where"],
            tuple(row["applies_to"].split("|")),
            tuple(row["question_ids"].split("|")),
        )
        for row in rows
    ]
    return tuple(sorted(expectations, key=lambda expectation: _STRONGEST_FIRST.index(expectation.strength)))
