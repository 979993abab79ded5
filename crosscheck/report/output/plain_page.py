"""What the pages of a backtest are made of: one page without anything from elsewhere, its tables, its pictures."""

from __future__ import annotations

import math
from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING, Final

from crosscheck.report.output.svg import INK

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl

# Columns: how each is headed on a page and on a terminal, and how its figures are written.
Columns = Mapping[str, tuple[str, str, str]]

WIDTH: Final = 800
GRID: Final = "#d8dde0"
_POINT: Final = "#005eb8"
_DECIMALS: Final = 6

_PAGE: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
body {{ font-family: Arial, Helvetica, sans-serif; color: #212b32; line-height: 1.5; max-width: 60rem; margin: 0 auto;
padding: 1rem; }} svg {{ max-width: 100%; height: auto; }}
div.wide {{ overflow-x: auto; margin: 0 0 1.5rem; }}
table {{ border-collapse: collapse; }}
caption {{ text-align: left; font-weight: bold; padding-bottom: .5rem; }}
th, td {{ text-align: right; padding: .25rem .75rem .25rem 0; border-bottom: 1px solid #d8dde0; }}
th:first-child, td:first-child {{ text-align: left; }}
</style>
</head>
<body>
<main>
<h1>{title}</h1>
{sections}
</main>
</body>
</html>
"""


def write_page(title: str, sections: Sequence[str]) -> str:
    """A page with a title and its sections, one after the other."""
    return _PAGE.format(title=escape(title), sections="\n".join(sections))


def as_words(row: Mapping[str, object], columns: Columns) -> list[str]:
    """One row's cells; empty where nothing is known."""
    return ["" if is_unknown(row[name]) else form.format(row[name]) for name, (*_, form) in columns.items()]


def is_unknown(value: object) -> bool:
    """Whether nothing is known: null, NaN or infinite."""
    return value is None or (isinstance(value, float) and not math.isfinite(value))


def as_plain(rows: Sequence[Mapping[str, object]]) -> list[dict[str, object]]:
    """Rows for JSON, to six decimals; what is not known is null."""
    return [
        {
            name: None if is_unknown(value) else round(value, _DECIMALS) if isinstance(value, float) else value
            for name, value in row.items()
        }
        for row in rows
    ]


def write_table(rows: pl.DataFrame, columns: Columns, caption: str) -> str:
    """A table with its caption, in a part of the page that scrolls by itself; captions of a page differ."""
    head = "".join(f'<th scope="col">{escape(heading)}</th>' for heading, *_ in columns.values())
    body = "\n".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in as_words(row, columns)) + "</tr>"
        for row in rows.to_dicts()
    )
    named = escape(caption)
    return (
        f'<div class="wide" tabindex="0" role="region" aria-label="{named}"><table><caption>{named}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>\n{body}\n</tbody></table></div>"
    )


def draw_dot(x: float, y: float) -> str:
    """A point."""
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="8" fill="{_POINT}"/>'


def write_picture(shapes: Sequence[str], height: float, description: str) -> str:
    """A picture of these shapes, and what it shows in words."""
    return (
        f'<svg viewBox="0 0 {WIDTH} {height:.0f}" width="{WIDTH}" height="{height:.0f}" role="img" '
        f'aria-label="{escape(description)}" font-family="Arial, Helvetica, sans-serif" font-size="20" fill="{INK}">\n'
        + "\n".join(shapes)
        + "\n</svg>"
    )
