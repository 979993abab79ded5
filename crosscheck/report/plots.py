"""Pictures: the funnel of one figure, as SVG made here; no drawing library is needed, and the bytes always repeat.

An organisation is told from its peers by its shape and by its name written beside it, not by colour alone. Who sees no
picture is told the same in words. Sizes are chosen to be read at a width of 400 pixels.
"""

from __future__ import annotations

import math
from html import escape
from textwrap import shorten, wrap
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import polars as pl

from crosscheck.errors import CrosscheckError, UnknownNameError
from crosscheck.report.svg import INK, Axis, draw_line, write_text
from crosscheck.scoring.dispersion import Deviations, Floats, Spread, funnel_limits, proportions, ratios

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from crosscheck.scoring.model import Adjustment

_WIDTH, _HEIGHT = 800, 660
_MARGIN = 30
_LEFT, _RIGHT, _TOP, _BOTTOM = 100, 776, 100, 480
_KEY_LINES = (580, 612, 644)  # what stands below the axis
_TITLE_LETTERS: Final = 58  # to a line
_NAME_LETTERS: Final = 46
_TEXT: Final = 22  # 11 pixels where the picture is 400 wide
_POINTS: Final = 160  # of a limit's line
_PEER, _OWN, _LIMIT = "#4c6272", "#b1101c", "#005eb8"

# The central shares of figures that lie inside the limits by chance, and the dashes of their lines.
_LIMITS: Final = ((0.95, "9 6", "95%"), (0.998, "none", "99.8%"))

# With as many behind them as on the grid, figures that are just as expected; and how one unit of them is written.
_EXPECTED: Final[Mapping[str, Callable[[float, Floats], Deviations]]] = {
    "proportion": lambda expected, n: proportions(n * expected / 100, n, expected / 100),
    "ratio": lambda _, n: ratios(n, n),
}
_SCALE: Final = {"proportion": 100.0, "ratio": 1.0}
_UNIT: Final = {"proportion": "%", "ratio": ""}


def draw_funnel(
    scores: pl.DataFrame, indicator: str, org_code: str, name: str, adjustment: Adjustment = "additive"
) -> str:
    """Draw one figure of an organisation among its peers, with limits at 95% and 99.8% that allow for dispersion.

    Args:
        scores: rows of `scores` as `score_figures` gives them; only those of the figure and of the peers are drawn.
        indicator: the figure, `source.indicator`, a proportion or a ratio.
        org_code: the organisation that is marked and named.
        name: its name.
        adjustment: how the scores allow for dispersion (the model's).

    Returns:
        SVG: figures upwards, how many are behind them to the right. Which end is worse is said in words. Peers without
        the figure are not drawn; nothing is drawn at zero in their stead.

    Raises:
        UnknownNameError: the organisation has no such figure, or it has no count behind it and so no funnel.
    """
    own, peers = _own_and_peers(scores, indicator, org_code)
    kind = own["kind"]
    across, up, limits = _axes(own, peers, adjustment)
    unit = _UNIT[kind]
    told = _tell(own, name, peers.height, limits, unit)
    shapes = [
        *_frame(across, up, own, unit),
        *_limit_lines(across, up, own, adjustment),
        *(_dot(across.at(n), up.at(value)) for n, value in peers.select("n", "value").sort("n", "value").iter_rows()),
        *_mark(across, up, own, unit),
        *_key(own, name, peers.height, unit),
    ]
    return "\n".join((*_opening(own["label"], name, told), *shapes, "</svg>\n"))


def draw_png(svg: str, scale: float = 1.0) -> bytes:
    """The same picture as PNG, where the drawing library of the notebooks is installed.

    Raises:
        CrosscheckError: it is not; the message says what to install.
    """
    try:
        from vl_convert import svg_to_png
    except ImportError as error:
        raise CrosscheckError(
            "PNG needs a drawing library: pip install 'crosscheck[notebooks]'. SVG needs none."
        ) from error
    return bytes(svg_to_png(svg, scale=scale))


def _opening(label: str, name: str, told: str) -> list[str]:
    """The picture's head: its size, its letters, and what it shows in words."""
    return [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" '
        f'height="{_HEIGHT}" role="img" aria-labelledby="funnel-title funnel-desc" '
        f'font-family="Arial, Helvetica, sans-serif" font-size="{_TEXT}" fill="{INK}">',
        f'<title id="funnel-title">{escape(label)}: {escape(name)} among its peers</title>',
        f'<desc id="funnel-desc">{escape(told)}</desc>',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#ffffff"/>',
    ]


def _own_and_peers(scores: pl.DataFrame, indicator: str, org_code: str) -> tuple[dict[str, Any], pl.DataFrame]:
    """The organisation's row, and those of its peers that have the figure in the same form."""
    own = scores.filter((pl.col("indicator") == indicator) & (pl.col("org_code") == org_code)).to_dicts()
    if not own:
        raise UnknownNameError(
            f"{org_code} has no figure {indicator}. `crosscheck explain {org_code}` lists those it has."
        )
    if own[0]["kind"] not in _EXPECTED or own[0]["expected"] is None:
        raise UnknownNameError(f"{indicator} has no funnel: it is no count out of a number, or has too few peers.")
    alike = (pl.col("indicator") == indicator) & (pl.col("kind") == own[0]["kind"]) & (pl.col("org_code") != org_code)
    in_group = scores.filter(alike & (pl.col("peer_group") == own[0]["peer_group"]))
    # Who is compared with those most similar has a group of its own: then all who have the figure are drawn.
    return own[0], scores.filter(alike) if in_group.is_empty() else in_group


def _limits_at(own: dict[str, Any], n: Floats, adjustment: Adjustment, central: float) -> tuple[Floats, Floats]:
    expected = _EXPECTED[own["kind"]](own["expected"], n)
    low, high = funnel_limits(expected, Spread(own["phi"], own["tau2"]), adjustment, central)
    return low * _SCALE[own["kind"]], high * _SCALE[own["kind"]]


def _axes(own: dict[str, Any], peers: pl.DataFrame, adjustment: Adjustment) -> tuple[Axis, Axis, tuple[float, float]]:
    """Both scales, and the outer limits at the organisation's own number."""
    values = np.append(peers["value"].to_numpy(), own["value"])
    numbers = np.append(peers["n"].to_numpy(), own["n"])
    low, high = _limits_at(own, np.array([own["n"], np.median(numbers)]), adjustment, _LIMITS[-1][0])
    bottom, top = min(values.min(), low.min()), max(values.max(), high.max())
    margin = 0.06 * (top - bottom or 1.0)
    most = 100.0 if own["kind"] == "proportion" else math.inf
    across = Axis(0.0, float(numbers.max()) * 1.04, _LEFT, _RIGHT)
    up = Axis(float(max(0.0, bottom - margin)), float(min(most, top + margin)), _BOTTOM, _TOP)
    return across, up, (float(low[0]), float(high[0]))


def _tell(own: dict[str, Any], name: str, peers: int, limits: tuple[float, float], unit: str) -> str:
    inside = limits[0] <= own["value"] <= limits[1]
    worse = {"higher_better": "Lower is worse.", "lower_better": "Higher is worse."}.get(own["direction"], "")
    return (
        f"Funnel plot. {name}: {_figure(own['value'], unit)} of {_figure(own['n'])}; its peers lead to "
        f"{_figure(own['expected'], unit)}. Of such a number, 99.8% of figures lie between {_figure(limits[0], unit)} "
        f"and {_figure(limits[1], unit)} by chance and the usual spread: this one lies "
        f"{'inside' if inside else 'outside'}. {peers} peers are shown. {worse}"
    ).strip()


def _figure(figure: float, unit: str = "") -> str:
    """A figure as people write it: one decimal at most below a hundred, and thousands apart."""
    decimals = 0 if abs(figure) >= 100 or float(figure).is_integer() else (1 if unit or abs(figure) >= 10 else 2)
    return f"{figure:,.{decimals}f}{unit}"


def _frame(across: Axis, up: Axis, own: dict[str, Any], unit: str) -> list[str]:
    """Title, axes with their words and figures, and the line of what is expected."""
    middle = (_TOP + _BOTTOM) / 2
    what = "Percent" if unit else "Observed for each one expected"
    expected = up.at(own["expected"])
    return [
        *(
            write_text(_MARGIN, 36 + 32 * place, line, "start", 'font-weight="bold" font-size="26"')
            for place, line in enumerate(wrap(own["label"], _TITLE_LETTERS, max_lines=2, placeholder=" …"))
        ),
        *(write_text(_LEFT - 12, up.at(tick) + 8, _figure(tick, unit), "end") for tick in up.ticks),
        *(write_text(across.at(tick), _BOTTOM + 28, _figure(tick), "middle") for tick in across.ticks),
        write_text((_LEFT + _RIGHT) / 2, _BOTTOM + 56, "How many the figure rests on", "middle"),
        write_text(22, middle, what, "middle", f'transform="rotate(-90 22 {middle:.1f})"'),
        *(draw_line((_LEFT, up.at(tick)), (_RIGHT, up.at(tick)), "#d8dde0", 1) for tick in up.ticks),
        draw_line((_LEFT, _BOTTOM), (_RIGHT, _BOTTOM), INK, 2),
        draw_line((_LEFT, _TOP), (_LEFT, _BOTTOM), INK, 2),
        draw_line((_LEFT, expected), (_RIGHT, expected), INK, 2),
        f'<clipPath id="funnel-area"><rect x="{_LEFT}" y="{_TOP}" width="{_RIGHT - _LEFT}" '
        f'height="{_BOTTOM - _TOP}"/></clipPath>',
    ]


def _limit_lines(across: Axis, up: Axis, own: dict[str, Any], adjustment: Adjustment) -> list[str]:
    n = np.geomspace(1.0, across.high, _POINTS)
    lines = []
    for central, dashes, _ in _LIMITS:
        for limit in _limits_at(own, n, adjustment, central):
            points = " ".join(f"{across.at(x):.1f},{up.at(y):.1f}" for x, y in zip(n, limit, strict=True))
            lines.append(
                f'<polyline points="{points}" fill="none" stroke="{_LIMIT}" stroke-width="2.5" '
                f'stroke-dasharray="{dashes}" clip-path="url(#funnel-area)"/>'
            )
    return lines


def _dot(x: float, y: float) -> str:
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" fill="{_PEER}" fill-opacity="0.55"/>'


def _diamond(x: float, y: float) -> str:
    size = 13
    return (
        f'<path d="M{x:.1f} {y - size:.1f}l{size} {size}l-{size} {size}l-{size} -{size}z" fill="{_OWN}" '
        f'stroke="#ffffff" stroke-width="2.5"/>'
    )


def _mark(across: Axis, up: Axis, own: dict[str, Any], unit: str) -> list[str]:
    """The organisation's diamond with its code and figure, on the side where there is room."""
    x, y = across.at(own["n"]), up.at(own["value"])
    left = x > (_LEFT + _RIGHT) / 2
    halo = 'font-weight="bold" stroke="#ffffff" stroke-width="6" paint-order="stroke" stroke-linejoin="round"'
    beside = (x - 22 if left else x + 22, min(max(y + 8, _TOP + 26), _BOTTOM - 10))
    words = f"{own['org_code']}: {_figure(own['value'], unit)}"
    return [_diamond(x, y), write_text(*beside, words, "end" if left else "start", halo)]


def _key(own: dict[str, Any], name: str, peers: int, unit: str) -> list[str]:
    """What the shapes and lines mean; the organisation's name in full."""
    first, second, third = (line - 8 for line in _KEY_LINES)
    named = f"{shorten(name, _NAME_LETTERS, placeholder=' …')}: {_figure(own['value'], unit)} of {_figure(own['n'])}"
    shown = [_diamond(_MARGIN + 8, first), write_text(_MARGIN + 32, first + 8, named, "start", 'font-weight="bold"')]
    shown += [_dot(_MARGIN + 8, second), write_text(_MARGIN + 32, second + 8, f"{peers} peers", "start")]
    shown.append(draw_line((_MARGIN + 200, second), (_MARGIN + 252, second), INK, 2))
    shown.append(write_text(_MARGIN + 264, second + 8, "what its peers lead to expect", "start"))
    for place, (_, dashes, share) in enumerate(_LIMITS):
        start = _MARGIN + 300 * place
        shown.append(draw_line((start, third), (start + 52, third), _LIMIT, 2.5, f'stroke-dasharray="{dashes}"'))
        shown.append(write_text(start + 64, third + 8, f"{share} lie inside", "start"))
    return shown
