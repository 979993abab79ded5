"""Where an organisation stands among its peers: for each score the spread of its type, and its own place in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import polars as pl
from markupsafe import Markup

from crosscheck.report.output.html import sign
from crosscheck.rulebook.to_english import in_words
from crosscheck.vocabulary import BAND_LIMITS, BANDS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from crosscheck.report.dossier.rows import PositionRow

# Of fewer peers no spread is drawn: a tenth of them would be less than one.
_FEWEST: Final = 10
_QUANTILES: Final = (0.05, 0.25, 0.5, 0.75, 0.95)
_END: Final = 4.5  # of the scale, either way; what lies beyond is drawn at the end, as a triangle
_PLACES, _TALL = 180.0, 20.0
_GROUND, _WIDE, _NARROW, _INK, _OWN = "#eef1f4", "#c3cbd3", "#8a97a4", "#1b1d20", "#b1101c"


@dataclass(frozen=True)
class PeerPosition:
    """One score of an organisation among the organisations of its type.

    `z` is its distance from what is expected (positive is worse), None where there is no score. `spread` has the
    5th, 25th, 50th, 75th and 95th percentile of the peers' scores, and is empty where there are too few of them;
    `worse_than` is the share of the peers with a lower score. `band` and `band_q` are words of `vocabulary.BANDS`: by
    itself, and among all that it was looked at with.
    """

    name: str
    label: str
    about: str
    z: float | None
    band: str
    band_q: str
    peers: int
    worse_than: float | None
    spread: tuple[float, ...]
    kind: str = ""
    value: float | None = None
    expected: float | None = None

    @property
    def words(self) -> str:
        """How far it is from what is expected, and which way."""
        if self.band not in BANDS or self.z is None:
            return in_words(self.band)
        if self.band == BANDS[0]:
            return "as expected"
        chance = "; among so many, it may be chance" if self.band_q == BANDS[0] else ""
        return f"{self.band} {'worse' if self.z > 0 else 'better'} than expected{chance}"

    @property
    def picture(self) -> Markup:
        """Its place on the scale of scores, for a row of a table; hidden from screen readers, told in words."""
        return draw_strip(self.z, self.spread)


def spread_scores(scores: pl.DataFrame, by: str) -> pl.DataFrame:
    """Add to each score how those of its type are spread, and what share of them is lower.

    Args:
        scores: `org_type`, `z` and the column that names the score.
        by: the name of that column.

    Returns:
        The rows with `peers` (how many of the type have the score, itself included), `worse_than`, and `p5` to `p95`,
        null where there are too few.
    """
    z, group = pl.col("z"), [by, "org_type"]
    peers = z.count().over(group)
    lower = (z.rank("min").over(group) - 1) / (peers - 1)
    enough = peers >= _FEWEST
    quantiles = [
        pl.when(enough).then(z.quantile(share, "linear").over(group)).round(4).alias(f"p{share * 100:.0f}")
        for share in _QUANTILES
    ]
    worse_than = pl.when(enough & (peers > 1)).then(lower).alias("worse_than")
    return scores.with_columns(peers.alias("peers"), worse_than, *quantiles)


def show_position(row: PositionRow, name: str, label: str, about: str) -> PeerPosition:
    """One row of `spread_scores` as it is shown."""
    spread = (row.p5, row.p25, row.p50, row.p75, row.p95)
    known = tuple(quantile for quantile in spread if quantile is not None)
    return PeerPosition(
        name=name,
        label=label,
        about=about,
        z=row.z,
        band=row.band,
        band_q=row.band_q,
        peers=row.peers,
        worse_than=row.worse_than,
        spread=known if len(known) == len(spread) else (),
    )


def draw_strip(z: float | None, spread: Iterable[float]) -> Markup:
    """Draw a score as a diamond over the spread of its peers: nine tenths of them light, half of them dark.

    The ground is where 95 of 100 lie by chance alone, the line in its middle is what is expected. To the right is
    worse. A score beyond the scale is a triangle at its end.
    """
    shapes = [_box(-BAND_LIMITS[0], BAND_LIMITS[0], 0, _TALL, _GROUND)]
    if ends := list(spread):
        low, first, middle, third, high = ends
        shapes += [_box(low, high, 7, 6, _WIDE), _box(first, third, 5, 10, _NARROW)]
        shapes.append(_line(middle, 5, 15, "#fff", 1.5))
    shapes.append(_line(0.0, 0, _TALL, _INK, 0.6))
    if z is not None:
        shapes.append(_mark(z))
    description = "no score" if z is None else f"score {sign(z)}, where 0 is as expected and plus is worse"
    return Markup(  # noqa: S704  # numbers and colours of our own: nothing here comes from the collection
        f'<svg viewBox="0 0 {_PLACES:.0f} {_TALL:.0f}" aria-hidden="true" focusable="false">'
        # The title is there since a tagged PDF has to say in words what each picture shows.
        f"<title>{description}</title>{''.join(shapes)}</svg>"
    )


def _at(z: float) -> float:
    return _PLACES * (min(max(z, -_END), _END) + _END) / (2 * _END)


def _box(low: float, high: float, top: float, tall: float, fill: str) -> str:
    left, right = _at(low), _at(high)
    return f'<rect x="{left:.1f}" y="{top:g}" width="{max(right - left, 0.5):.1f}" height="{tall:g}" fill="{fill}"/>'


def _line(z: float, top: float, bottom: float, colour: str, width: float) -> str:
    x = _at(z)
    return f'<path d="M{x:.1f} {top:g}V{bottom:g}" stroke="{colour}" stroke-width="{width:g}"/>'


def _mark(z: float) -> str:
    beyond = abs(z) > _END
    x = min(max(_at(z), 7.0), _PLACES - 7.0)
    way = 7 if z > 0 else -7
    shape = f"M{x + way:.1f} 10l{-2 * way} -7v14z" if beyond else f"M{x:.1f} 3l7 7l-7 7l-7 -7z"
    return f'<path d="{shape}" fill="{_OWN}" stroke="#fff" stroke-width="1.2"/>'
