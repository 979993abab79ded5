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
    by_type_words,
    count_words,
    difference_words,
    draw_picture,
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

    from crosscheck.report.national.national_report import Figure, Picture

FILES: Final = ("national.html", "national.json", "national.xlsx")
MARK: Final = "national.json"


def write_national(run: Path, folder: Path, *, publish: bool = False) -> Picture:
    """Write the national picture of a run as page, JSON and workbook (`FILES`) into a folder that is there.

    It needs the run's manifest and what it keeps in `collection/`, and no more: it can be called while a run is being
    written. The same run gives the same bytes.

    Raises:
        RunError, ModelError: as `draw_picture`.
    """
    picture = draw_picture(run, publish=publish)
    (folder / FILES[0]).write_text(write_page(picture), encoding="utf-8")
    (folder / FILES[1]).write_text(_json_text(picture), encoding="utf-8")
    write_workbook(picture, folder / FILES[2])
    return picture


def write_page(picture: Picture) -> str:
    """The picture as one page of HTML that needs nothing beside it."""
    return render("national", "national.html", _context(picture))


def publish_folder(run: Path, folder: Path, *, publish: bool = False) -> Picture:
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


def as_json(picture: Picture) -> dict[str, object]:
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
        for setting in picture.tables
    ]
    return {
        "standard": picture.standard,
        "year": picture.year,
        "for_publication": picture.publish,
        "how_to_read": how_to_read(picture.publish),
        "agreements": AGREEMENTS,
        "summary": picture.summary(),
        "organisations": picture.organisations,
        "trend": [figure["figure_id"] for figure in picture.trend],
        "differing": [figure["figure_id"] for figure in picture.differing],
        "tables": tables,
        "figures": picture.figures,
    }


def _json_text(picture: Picture) -> str:
    """As JSON with a line a figure: an eighth of a second quicker than indented throughout, and read more easily."""
    figures = ",\n".join(json.dumps(figure, ensure_ascii=False) for figure in picture.figures)
    rest = json.dumps(as_json(picture) | {"figures": []}, indent=1, ensure_ascii=False)
    return rest.removesuffix("[]\n}") + f"[\n{figures}\n]\n}}\n"


def _context(picture: Picture) -> dict[str, object]:
    return {
        "picture": picture,
        "summary": picture.summary(),
        "reading": how_to_read(picture.publish),
        "absent": ABSENT,
        "published_words": published_words,
        "value_words": value_words,
        "difference_words": difference_words,
        "count_words": count_words,
        "by_type_words": by_type_words,
        "trend": _trend_points(picture.trend),
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


def summarise_national_report(picture: Picture) -> str:
    """The picture in a few lines, for a terminal."""
    counts = picture.summary()
    done = f"shown; {counts['targets'] - counts['shown']} are withheld" if picture.publish else "recomputed"
    apart = counts["within"] + counts["beyond"]
    lines = [
        f"{counts['shown']} of {counts['targets']} published figures {done}",
        f"  {counts['agrees']} print as published, {counts['nearest']} are as near as their base allows",
        f"  {apart} differ by more than rounding; {counts['within_2_points']} are within 2 points",
    ]
    if counts["none"]:
        lines.append(f"  {counts['none']} can't be recomputed: nobody answered")
    return "\n".join(lines)
