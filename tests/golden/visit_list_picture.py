"""The picture of the README: the first sixty declarations to visit, each with its risk, the interval and its place."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

import polars as pl

from crosscheck.report.output.rank_bands import BANDS, TO_VISIT, describe_place
from crosscheck.report.output.svg import INK, Axis, draw_line, write_text

FIRST = 60
_WIDTH, _HEIGHT = 900, 420
_ACROSS = Axis(0.5, FIRST + 0.5, 56.0, 884.0)
_UP = Axis(0.0, 1.0, 350.0, 50.0)
# The bands are told apart by how full the mark is, not by colour.
_FILLS = dict(zip(BANDS, ("#10283f", "#8fa3b5", "#ffffff"), strict=True))
_KEY_WIDTH = 230.0


def draw_visit_list(listed: pl.DataFrame) -> str:
    """Draw the first declarations to visit, from left to right by rank; the same list gives the same bytes.

    Args:
        listed: the visit list of a run: `rank`, `pool`, `risk`, `risk_low`, `risk_high`, `among_capacity`.
    """
    first = listed.filter(pl.col("pool") == TO_VISIT).sort("rank").head(FIRST)
    shown = first.select("rank", "risk", "risk_low", "risk_high", "among_capacity").rows()
    words = f"The first {first.height} declarations to visit: the risk of each with its 90% interval, and its place"
    opening = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        f'font-family="Arial, Helvetica, sans-serif" font-size="14" fill="{INK}"><title>{escape(words)}</title>'
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#ffffff"/>'
    )
    marks = (mark for row in shown for mark in _mark(*row))
    return "\n".join((opening, *_frame(), *marks, *_key(), "</svg>")) + "\n"


def _frame() -> Iterator[str]:
    for risk in _UP.ticks:
        height = _UP.at(risk)
        yield draw_line((_ACROSS.start, height), (_ACROSS.end, height), "#d5dade", 1)
        yield write_text(_ACROSS.start - 8, height + 5, f"{risk:.0%}", "end")
    for rank in (1, *range(10, FIRST + 1, 10)):
        yield write_text(_ACROSS.at(rank), _UP.start + 22, str(rank), "middle")
    yield write_text(_ACROSS.start, 24, "Risk that the standard is in truth not met, with its 90% interval", "start")
    yield write_text(_ACROSS.end, _UP.start + 44, "rank on the visit list", "end")


def _mark(rank: int, risk: float, low: float, high: float, among_capacity: float) -> Iterator[str]:
    x, fill = _ACROSS.at(rank), _FILLS[describe_place(among_capacity)]
    yield draw_line((x, _UP.at(low)), (x, _UP.at(high)), "#8a949e", 2)
    yield f'<circle cx="{x:.1f}" cy="{_UP.at(risk):.1f}" r="5" fill="{fill}" stroke="#10283f"/>'


def _key() -> Iterator[str]:
    for number, (band, fill) in enumerate(_FILLS.items()):
        x = _ACROSS.start + 8 + number * _KEY_WIDTH
        yield f'<circle cx="{x:.1f}" cy="{_HEIGHT - 14}" r="5" fill="{fill}" stroke="#10283f"/>'
        yield write_text(x + 12, _HEIGHT - 9, band, "start")
