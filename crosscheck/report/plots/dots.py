"""Twenty equally likely places of a declaration as dots, cut where the visits end: how sure its place is.

Quantile dots as in Kay, Kola, Hullman and Munson 2016 (CHI, 5092-5103): readers count dots more rightly than they read
a curve. Filled dots lie within the capacity, hollow ones beyond it; the picture says the same in words.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from markupsafe import Markup

from crosscheck.report.output.svg import INK, draw_line, write_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_WIDTH, _HEIGHT = 400.0, 150.0
_LEFT, _RIGHT, _BASE, _TOP = 8.0, 392.0, 122.0, 22.0
_COLUMNS: Final = 24
_ACROSS: Final = (_RIGHT - _LEFT) / _COLUMNS
_FILL: Final = "#10283f"
_TEXT: Final = 13


def count_within(places: Sequence[int], reach: int) -> int:
    """How many of the places lie within the capacity."""
    return sum(place <= reach for place in places)


def draw_places(name: str, places: Sequence[int], reach: int, last: int) -> Markup:
    """Draw the equally likely places of one declaration as SVG.

    Args:
        name: what tells the picture from others on the page.
        places: equally likely places, from 1.
        reach: the last place that the capacity reaches.
        last: the last place that there is.

    Returns:
        From left to right the places from the first to the last, with a line at the reach. The same places give the
        same bytes.
    """
    within = count_within(places, reach)
    words = (
        f"{within} of {len(places)} equally likely ranks lie among the first {reach}, as far as the planned visits "
        f"reach; they go from {min(places)} to {max(places)} of {last}."
    )
    cut = _LEFT + _columns_within(reach, last) * _ACROSS
    beside = "start" if cut < _WIDTH / 2 else "end"
    shapes = [
        draw_line((_LEFT, _BASE), (_RIGHT, _BASE), INK, 1),
        draw_line((cut, 4), (cut, _BASE + 4), INK, 1, 'stroke-dasharray="4 3"'),
        *_dots(places, reach, last),
        write_text(cut + (6 if beside == "start" else -6), 15, f"planned visits reach rank {reach}", beside),
        write_text(_LEFT, _BASE + 20, "1", "start"),
        write_text(_RIGHT, _BASE + 20, str(last), "end"),
        write_text(_WIDTH / 2, _BASE + 20, "rank", "middle"),
    ]
    opening = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH:.0f} {_HEIGHT:.0f}" role="img" class="dots" '
        f'aria-labelledby="places-{name}" font-family="Arial, Helvetica, sans-serif" font-size="{_TEXT}" fill="{INK}">'
    )
    title = f'<title id="places-{name}">{words}</title>'
    return Markup("".join((opening, title, *shapes, "</svg>")))  # noqa: S704  # numbers of our own: nothing comes from the collection


def _dots(places: Sequence[int], reach: int, last: int) -> Iterator[str]:
    """A dot for each place, stacked in its column; so small that the highest stack has room."""
    columns = [_column(place, reach, last) for place in places]
    size = min(_ACROSS, (_BASE - _TOP) / max(Counter(columns).values()))
    stacked: Counter[int] = Counter()
    for place, column in sorted(zip(places, columns, strict=True)):
        x, y = _LEFT + (column + 0.5) * _ACROSS, _BASE - (stacked[column] + 0.5) * size
        stacked[column] += 1
        fill = _FILL if place <= reach else "#ffffff"
        yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{0.42 * size:.1f}" fill="{fill}" stroke="{_FILL}"/>'


def _columns_within(reach: int, last: int) -> int:
    """How many columns lie within the reach: at least one on either side of it where there are places."""
    if not 0 < reach < last:
        return _COLUMNS if reach else 0
    return min(max(1, round(_COLUMNS * reach / last)), _COLUMNS - 1)


def _column(place: int, reach: int, last: int) -> int:
    """In which column a place stands; no column holds places of both sides of the reach."""
    within = _columns_within(reach, last)
    if place <= reach:
        return (place - 1) * within // reach
    return within + (place - reach - 1) * (_COLUMNS - within) // (last - reach)
