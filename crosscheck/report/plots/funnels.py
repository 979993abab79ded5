"""Pictures: the funnel of one figure, as SVG made here; no drawing library is needed, and the bytes always repeat.

An organisation is told from its peers by its shape and by its name written beside it, not by colour alone. Who sees no
picture is told the same in words. Sizes are chosen to be read at a width of 400 pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from textwrap import shorten, wrap
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from crosscheck.contract.typed_rows import typed_rows
from crosscheck.errors import MissingLibraryError, UnknownNameError
from crosscheck.figures.dispersion import (
    Floats,
    Spread,
    funnel_limits,
)
from crosscheck.figures.kinds import KINDS, funnel_of
from crosscheck.near_names import suggest
from crosscheck.report.output.svg import INK, Axis, draw_line, write_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from crosscheck.figures.dispersion import Adjustment

_WIDTH, _HEIGHT = 800, 660
_WITHOUT_KEY = 548  # its height where what stands below the axis is said once for several
_MARGIN = 30
_LEFT, _RIGHT, _TOP, _BOTTOM = 100, 776, 100, 480
_KEY_LINES = (580, 612, 644)  # what stands below the axis
_TITLE_LETTERS: Final = 58  # to a line
_NAME_LETTERS: Final = 46
_TEXT: Final = 22  # 11 pixels where the picture is 400 wide
_POINTS: Final = 80  # of a limit's line
_PEER, _OWN, _LIMIT = "#6b7d8a", "#b1101c", "#005eb8"

# The central shares of figures that lie inside the limits by chance, and the dashes of their lines.
_LIMITS: Final = ((0.95, "9 6", "95%"), (0.998, "none", "99.8%"))

KEY: Final = (
    "In each picture the diamond is this organisation and every dot a peer; the level line is what its peers lead to "
    "expect. By chance and the usual spread 95% of figures lie inside the dashed lines, 99.8% inside the unbroken ones."
)


@dataclass(frozen=True)
class _Figure:
    """The figure of an organisation that a funnel is drawn of: its row of the scores."""

    org_code: str
    indicator: str
    label: str
    kind: str
    direction: str
    peer_group: str
    value: float
    n: float
    expected: float
    phi: float
    tau2: float

    @property
    def unit(self) -> str:
        """How one unit of it is written."""
        return KINDS[self.kind].unit


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
    return Funnels(scores, adjustment).draw(indicator, org_code, name)


@dataclass(frozen=True)
class _Ground:
    """What the funnels of all that are compared with one another share: scales, frame, limits, and each one's place."""

    across: Axis
    up: Axis
    frame: tuple[str, ...]
    limits: tuple[str, ...]
    places: Mapping[str, str]


class Funnels:
    """Funnels of many organisations; what those of one peer group share is drawn once."""

    def __init__(self, scores: pl.DataFrame, adjustment: Adjustment = "additive") -> None:
        """Take the scores as `draw_funnel` does."""
        self._adjustment: Adjustment = adjustment
        self._of_figure = scores.partition_by("indicator", as_dict=True)
        self._grounds: dict[tuple[str, str, str], _Ground] = {}

    def draw(self, indicator: str, org_code: str, name: str, *, with_key: bool = True) -> str:
        """Draw one funnel, as `draw_funnel` does.

        Args:
            indicator: the figure.
            org_code: the organisation that is marked and named.
            name: its name.
            with_key: whether the picture says what its shapes and lines mean; `KEY` says it for several.

        Raises:
            UnknownNameError: as `draw_funnel`.
        """
        own = self._own(indicator, org_code)
        ground = self._ground(own)
        across, up, unit = ground.across, ground.up, own.unit
        low, high = _limits_at(own, np.array([own.n]), self._adjustment, _LIMITS[-1][0])
        peers = [place for code, place in ground.places.items() if code != org_code]
        description = _describe_funnel(own, name, len(peers), (float(low[0]), float(high[0])), unit)
        shapes = (*ground.frame, *ground.limits, _dots(peers), *_mark(across, up, own, unit))
        key = _key(own, name, len(peers), unit) if with_key else []
        height = _HEIGHT if with_key else _WITHOUT_KEY
        return "\n".join((*_opening(own, name, description, height), *shapes, *key, "</svg>\n"))

    def _own(self, indicator: str, org_code: str) -> _Figure:
        of_figure = self._of_figure.get((indicator,))
        own = [] if of_figure is None else typed_rows(of_figure.filter(pl.col("org_code") == org_code), _Figure)
        if not own:
            near = suggest(indicator, (name for (name,) in self._of_figure))
            raise UnknownNameError(
                f"{org_code} has no figure {indicator}.{near} `crosscheck explain {org_code}` lists those it has."
            )
        if funnel_of(own[0].kind) is None or own[0].expected is None:
            raise UnknownNameError(f"{indicator} has no funnel: it is no count out of a number, or has too few peers.")
        return own[0]

    def _ground(self, own: _Figure) -> _Ground:
        # Who is compared with those most similar has a group of its own: then all who have the figure are drawn.
        key = (own.indicator, own.kind, own.peer_group)
        if key not in self._grounds:
            of_figure = self._of_figure[own.indicator,].filter(pl.col("kind") == own.kind)
            in_group = of_figure.filter(pl.col("peer_group") == own.peer_group)
            compared = of_figure if in_group.height == 1 else in_group
            self._grounds[key] = _draw_ground(own, compared.sort("n", "value", "org_code"), self._adjustment)
        return self._grounds[key]


def _draw_ground(own: _Figure, compared: pl.DataFrame, adjustment: Adjustment) -> _Ground:
    across, up = _axes(own, compared, adjustment)
    return _Ground(
        across=across,
        up=up,
        frame=tuple(_frame(across, up, own, own.unit)),
        limits=tuple(_limit_lines(across, up, own, adjustment)),
        places={
            code: f"{across.at(n):.1f} {up.at(value):.1f}"
            for code, n, value in compared.select("org_code", "n", "value").iter_rows()
        },
    )


def draw_png(svg: str, scale: float = 1.0) -> bytes:
    """The same picture as PNG, where the drawing library of the notebooks is installed.

    Raises:
        MissingLibraryError: it is not; the message says what to install.
    """
    try:
        from vl_convert import svg_to_png
    except ImportError as error:
        raise MissingLibraryError(
            "PNG needs a drawing library: pip install 'crosscheck[notebooks]'. SVG needs none."
        ) from error
    return bytes(svg_to_png(svg, scale=scale))


def _opening(own: _Figure, name: str, description: str, height: int) -> list[str]:
    """The picture's head: its size, its letters, and what it shows in words. A page may hold one of each figure."""
    figure = escape(own.indicator)
    return [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" '
        f'height="{height}" role="img" aria-labelledby="title-{figure} desc-{figure}" '
        f'font-family="Arial, Helvetica, sans-serif" font-size="{_TEXT}" fill="{INK}">',
        f'<title id="title-{figure}">{escape(own.label)}: {escape(name)} among its peers</title>',
        f'<desc id="desc-{figure}">{escape(description)}</desc>',
        f'<rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>',
    ]


def _limits_at(own: _Figure, n: Floats, adjustment: Adjustment, central: float) -> tuple[Floats, Floats]:
    funnel, per = funnel_of(own.kind), KINDS[own.kind].per
    assert funnel is not None, "whoever asks has been told by `Funnels` that the kind has one"  # noqa: S101
    low, high = funnel_limits(funnel(own.expected / per, n), Spread(own.phi, own.tau2), adjustment, central)
    return low * per, high * per


def _axes(own: _Figure, compared: pl.DataFrame, adjustment: Adjustment) -> tuple[Axis, Axis]:
    """Both scales: they hold every figure, and the limits at a usual number."""
    values, numbers = compared["value"].to_numpy(), compared["n"].to_numpy()
    low, high = _limits_at(own, np.array([np.median(numbers)]), adjustment, _LIMITS[-1][0])
    bottom, top = min(values.min(), low.min()), max(values.max(), high.max())
    margin = 0.06 * (top - bottom or 1.0)
    across = Axis(0.0, float(numbers.max()) * 1.04, _LEFT, _RIGHT)
    up = Axis(float(max(0.0, bottom - margin)), float(min(KINDS[own.kind].most, top + margin)), _BOTTOM, _TOP)
    return across, up


def _describe_funnel(own: _Figure, name: str, peers: int, limits: tuple[float, float], unit: str) -> str:
    inside = limits[0] <= own.value <= limits[1]
    worse = {"higher_better": "Lower is worse.", "lower_better": "Higher is worse."}.get(own.direction, "")
    return (
        f"Funnel plot. {name}: {write_figure(own.value, unit)} of {write_figure(own.n)}; its peers lead to "
        f"{write_figure(own.expected, unit)}. Of such a number, 99.8% of figures lie between "
        f"{write_figure(limits[0], unit)} "
        f"and {write_figure(limits[1], unit)} by chance and the usual spread: this one lies "
        f"{'inside' if inside else 'outside'}. {peers} peers are shown. {worse}"
    ).strip()


def write_figure(figure: float, unit: str = "") -> str:
    """A figure as people write it: one decimal at most below a hundred, and thousands apart."""
    decimals = 0 if abs(figure) >= 100 or float(figure).is_integer() else (1 if unit or abs(figure) >= 10 else 2)
    return f"{figure:,.{decimals}f}{unit}"


def _frame(across: Axis, up: Axis, own: _Figure, unit: str) -> list[str]:
    """Title, axes with their words and figures, and the line of what is expected."""
    middle = (_TOP + _BOTTOM) / 2
    what = "Percent" if unit else "Observed for each one expected"
    expected = up.at(own.expected)
    return [
        *(
            write_text(_MARGIN, 36 + 32 * place, line, "start", 'font-weight="bold" font-size="26"')
            for place, line in enumerate(wrap(own.label, _TITLE_LETTERS, max_lines=2, placeholder=" …"))
        ),
        *(write_text(_LEFT - 12, up.at(tick) + 8, write_figure(tick, unit), "end") for tick in up.ticks),
        *(write_text(across.at(tick), _BOTTOM + 28, write_figure(tick), "middle") for tick in across.ticks),
        write_text((_LEFT + _RIGHT) / 2, _BOTTOM + 56, "How many the figure rests on", "middle"),
        write_text(22, middle, what, "middle", f'transform="rotate(-90 22 {middle:.1f})"'),
        *(draw_line((_LEFT, up.at(tick)), (_RIGHT, up.at(tick)), "#d8dde0", 1) for tick in up.ticks),
        draw_line((_LEFT, _BOTTOM), (_RIGHT, _BOTTOM), INK, 2),
        draw_line((_LEFT, _TOP), (_LEFT, _BOTTOM), INK, 2),
        draw_line((_LEFT, expected), (_RIGHT, expected), INK, 2),
        # A page may hold several funnels, so each clips to an area of its own name.
        f'<clipPath id="area-{escape(own.indicator)}"><rect x="{_LEFT}" y="{_TOP}" width="{_RIGHT - _LEFT}" '
        f'height="{_BOTTOM - _TOP}"/></clipPath>',
    ]


def _limit_lines(across: Axis, up: Axis, own: _Figure, adjustment: Adjustment) -> list[str]:
    n = np.geomspace(1.0, across.high, _POINTS)
    lines = []
    for central, dashes, _ in _LIMITS:
        for limit in _limits_at(own, n, adjustment, central):
            points = " ".join(f"{across.at(x):.1f},{up.at(y):.1f}" for x, y in zip(n, limit, strict=True))
            lines.append(
                f'<polyline points="{points}" fill="none" stroke="{_LIMIT}" stroke-width="2.5" '
                f'stroke-dasharray="{dashes}" clip-path="url(#area-{escape(own.indicator)})"/>'
            )
    return lines


def _dots(places: Sequence[str]) -> str:
    """Round dots as one path of lines without length: a shape for each took a third of the time to set a page."""
    path = "".join(f"M{place}h0" for place in places)
    return f'<path d="{path}" fill="none" stroke="{_PEER}" stroke-width="9" stroke-linecap="round"/>'


def _diamond(x: float, y: float) -> str:
    size = 13
    return (
        f'<path d="M{x:.1f} {y - size:.1f}l{size} {size}l-{size} {size}l-{size} -{size}z" fill="{_OWN}" '
        f'stroke="#ffffff" stroke-width="2.5"/>'
    )


def _mark(across: Axis, up: Axis, own: _Figure, unit: str) -> list[str]:
    """The organisation's diamond with its code and figure, on the side where there is room."""
    x, y = across.at(own.n), up.at(own.value)
    left = x > (_LEFT + _RIGHT) / 2
    bold = 'font-weight="bold"'
    halo = f'{bold} stroke="#ffffff" stroke-width="6" stroke-linejoin="round"'  # who sets paper knows no paint-order
    beside = (x - 22 if left else x + 22, min(max(y + 8, _TOP + 26), _BOTTOM - 10))
    words = f"{own.org_code}: {write_figure(own.value, unit)}"
    return [_diamond(x, y), *(write_text(*beside, words, "end" if left else "start", drawn) for drawn in (halo, bold))]


def _key(own: _Figure, name: str, peers: int, unit: str) -> list[str]:
    """What the shapes and lines mean; the organisation's name in full."""
    first, second, third = (line - 8 for line in _KEY_LINES)
    own_figure = f"{write_figure(own.value, unit)} of {write_figure(own.n)}"
    named = f"{shorten(name, _NAME_LETTERS, placeholder=' …')}: {own_figure}"
    shown = [_diamond(_MARGIN + 8, first), write_text(_MARGIN + 32, first + 8, named, "start", 'font-weight="bold"')]
    shown += [_dots([f"{_MARGIN + 8} {second}"]), write_text(_MARGIN + 32, second + 8, f"{peers} peers", "start")]
    shown.append(draw_line((_MARGIN + 200, second), (_MARGIN + 252, second), INK, 2))
    shown.append(write_text(_MARGIN + 264, second + 8, "what its peers lead to expect", "start"))
    for place, (_, dashes, share) in enumerate(_LIMITS):
        start = _MARGIN + 300 * place
        shown.append(draw_line((start, third), (start + 52, third), _LIMIT, 2.5, f'stroke-dasharray="{dashes}"'))
        shown.append(write_text(start + 64, third + 8, f"{share} lie inside", "start"))
    return shown
