"""The difference of two runs as people read it: a page, JSON, tables."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

import polars as pl

from crosscheck.report.difference.difference import CAUSES, COLUMNS, SLIGHT, TOGETHER, Difference
from crosscheck.report.output.folder import written_whole
from crosscheck.report.output.html import render
from crosscheck.report.output.tables import write_csv

if TYPE_CHECKING:
    from pathlib import Path

MARK: Final = "difference.json"
_WORDS: Final = {
    "inputs": "answers and other inputs",
    "rules": "rules",
    "models": "models",
    "options": "options",
    "code": "code",
    TOGETHER: "several together",
    "unexplained": "not explained",
}
_PARTS_SHOWN: Final = 5


def describe(difference: Difference, before: Path, after: Path) -> dict[str, object]:
    """All of it as JSON has it."""
    return {
        "before": str(before),
        "after": str(after),
        "same": difference.same,
        "changes": difference.changes.to_dicts(),
        "causes": difference.causes(),
        "declarations": difference.movements.to_dicts(),
        "in_one_run_only": difference.alone.to_dicts(),
    }


def write_difference(difference: Difference, before: Path, after: Path, folder: Path, first: int) -> None:
    """Write page, JSON and tables; a former difference at that place is replaced whole.

    Args:
        difference: of `compare_runs`.
        before: the one run.
        after: the other.
        folder: the place; missing, empty, or a difference.
        first: how many declarations the page shows; the tables have all.

    Raises:
        RunError: the place holds something else or can't be written.
    """
    summary = describe(difference, before, after)
    with written_whole(folder, MARK, "difference") as whole:
        (whole / MARK).write_text(json.dumps(summary, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        write_csv(difference.movements, whole / "movements.csv")
        write_csv(difference.parts, whole / "parts.csv")
        page = render("difference", "difference.html", _page_fields(difference, summary, first))
        (whole / "difference.html").write_text(page, encoding="utf-8")


def shown_columns(difference: Difference) -> list[str]:
    """The columns of a listing: of the causes only those that moved anything."""
    moved = [row["cause"] for row in difference.causes()]
    several = [cause for cause in COLUMNS if cause in moved] if len(moved) > 1 else []
    return ["org_code", "function", "rank_before", "rank_after", "places", "change", *several, "why"]


def _page_fields(difference: Difference, summary: dict[str, object], first: int) -> dict[str, object]:
    """What the page shows."""
    moving = difference.movements.filter(pl.col("change").abs() >= SLIGHT).head(first)
    parts = difference.parts.group_by("org_code", "function", maintain_order=True).head(_PARTS_SHOWN)
    visits = difference.movements.filter(pl.col("selected_before").ne_missing(pl.col("selected_after")))
    return summary | {
        "words": _WORDS,
        "parts_causes": CAUSES,
        "moving": [
            row | {"parts": _of(parts, row), "causes": [c for c in COLUMNS if abs(row[c]) >= SLIGHT]}
            for row in moving.to_dicts()
        ],
        "slight": SLIGHT,
        "moved": difference.movements.filter(pl.col("change").abs() >= SLIGHT).height,
        "compared": difference.movements.height,
        "visits": visits.sort("rank_after").to_dicts(),
    }


def _of(parts: pl.DataFrame, row: dict[str, object]) -> list[dict[str, object]]:
    own = parts.filter((pl.col("org_code") == row["org_code"]) & (pl.col("function") == row["function"]))
    return own.filter(pl.col("change").abs() >= SLIGHT).to_dicts()
