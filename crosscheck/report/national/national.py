"""The national picture: every table and figure of the review beside what the record-level answers give.

It is written for two readers. Within the regulator nothing is withheld. For publication small numbers are, and whatever
would give them back (`disclosure`); the page says so, and carries nothing of a single organisation.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from crosscheck.report.national.differences import AGREEMENTS
from crosscheck.report.national.figures import ABSENT
from crosscheck.report.national.national_report import (
    build_national_report,
    by_type_words,
    count_words,
    difference_words,
    how_to_read,
    published_words,
    value_words,
)
from crosscheck.report.national.national_workbook import write_workbook
from crosscheck.report.output.folder import refuse_foreign, written_whole
from crosscheck.report.output.html import render

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from crosscheck.report.national.national_report import Figure, NationalReport

FILES: Final = ("national.html", "national.json", "national.xlsx")
MARK: Final = "national.json"


def write_national(run: Path, folder: Path, *, publish: bool = False) -> NationalReport:
    """Write the national picture of a run as page, JSON and workbook (`FILES`) into a folder that is there.

    It needs the run's manifest and what it keeps in `collection/`, and no more: it can be called while a run is being
    written. The same run gives the same bytes.

    Raises:
        RunError, ModelError: as `build_national_report`.
    """
    report = build_national_report(run, publish=publish)
    (folder / FILES[0]).write_text(write_page(report), encoding="utf-8")
    (folder / FILES[1]).write_text(_json_text(report), encoding="utf-8")
    write_workbook(report, folder / FILES[2])
    return report


def write_page(report: NationalReport) -> str:
    """The picture as one page of HTML that needs nothing beside it."""
    return render("national", "national.html", _context(report))


def publish_folder(run: Path, folder: Path, *, publish: bool = False) -> NationalReport:
    """The same into a folder of its own, whole or not at all; what was written there before is replaced.

    Raises:
        RunError: the place holds something else, or can't be written; otherwise as `write_national`.
    """
    with written_whole(folder, MARK, "national picture") as whole:
        return write_national(run, whole, publish=publish)


def refuse_foreign_folder(folder: Path) -> None:
    """Stop before any work if the place holds something that is no national picture.

    Raises:
        RunError: it does.
    """
    refuse_foreign(folder, MARK, "national picture")


def as_json(report: NationalReport) -> dict[str, object]:
    """The whole picture; numbers in their own unit, absent ones null, and what is withheld named as such."""
    tables = [
        {
            "number": setting.table.number,
            "title": setting.table.title,
            "note": setting.table.note,
            "row_heads": setting.table.row_heads,
            "columns": [column.head for column in setting.table.columns],
            "rows": [
                {"heads": heads, "figures": [cell.figure["figure_id"] if cell.figure else None for cell in cells]}
                for heads, cells in setting.rows
            ],
        }
        for setting in report.tables
    ]
    return {
        "standard": report.standard,
        "year": report.year,
        "for_publication": report.publish,
        "how_to_read": how_to_read(report.publish),
        "agreements": AGREEMENTS,
        "summary": report.summary(),
        "organisations": report.organisations,
        "trend": [figure["figure_id"] for figure in report.trend],
        "differing": [figure["figure_id"] for figure in report.differing],
        "tables": tables,
        "figures": report.figures,
    }


def _json_text(report: NationalReport) -> str:
    """As JSON with a line a figure: an eighth of a second quicker than indented throughout, and read more easily."""
    figures = ",\n".join(json.dumps(figure, ensure_ascii=False) for figure in report.figures)
    rest = json.dumps(as_json(report) | {"figures": []}, indent=1, ensure_ascii=False)
    return rest.removesuffix("[]\n}") + f"[\n{figures}\n]\n}}\n"


def _context(report: NationalReport) -> dict[str, object]:
    return {
        "report": report,
        "summary": report.summary(),
        "reading": how_to_read(report.publish),
        "absent": ABSENT,
        "published_words": published_words,
        "value_words": value_words,
        "difference_words": difference_words,
        "count_words": count_words,
        "by_type_words": by_type_words,
        "trend": _trend_points(report.trend),
        "anchor": anchor,
    }


def anchor(where: str) -> str:
    """A place in the review as an address within the page."""
    return "".join(letter if letter.isalnum() else "-" for letter in where.casefold())


def _trend_points(trend: Sequence[Figure]) -> list[dict[str, object]]:
    """Where each year stands in the picture of the trend: 90% at the bottom, 100% on top."""
    points = []
    for place, figure in enumerate(trend):
        point = {"figure": figure, "x": 90 + 150 * place, "published": _height(figure["published"])}
        points.append(point | {"recomputed": None if figure["recomputed"] is None else _height(figure["recomputed"])})
    return points


def _height(percentage: float) -> float:
    return round(180 - 16 * (min(max(percentage, 90), 100) - 90), 1)


def summarise_national_report(report: NationalReport) -> str:
    """The picture in a few lines, for a terminal."""
    counts = report.summary()
    done = f"shown; {counts['targets'] - counts['shown']} are withheld" if report.publish else "recomputed"
    apart = counts["within"] + counts["beyond"]
    lines = [
        f"{counts['shown']} of {counts['targets']} published figures {done}",
        f"  {counts['agrees']} match the published figure, {counts['nearest']} are as close as their base allows",
        f"  {apart} differ by more than rounding; {counts['within_2_points']} are within 2 points",
    ]
    if counts["none"]:
        lines.append(f"  {counts['none']} can't be recomputed: nobody answered")
    return "\n".join(lines)
