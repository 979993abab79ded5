"""The plan of the visits as a page: a list by week, and a map of each region on the national grid."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import TYPE_CHECKING, Final, NamedTuple

import polars as pl
from markupsafe import Markup

from crosscheck.contract.typed_rows import typed_rows
from crosscheck.report.output.html import environment, name_type
from crosscheck.report.output.pdf import Paper
from crosscheck.report.output.svg import INK, draw_line, write_text
from crosscheck.report.visits.visit_plan import PlannedVisit

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_WIDTH: Final = 800
_MARGIN: Final = 70  # of every map, so that labels at its edge can be read
_TALLEST: Final = 760
_TEXT: Final = 20  # 10 pixels where the map is 400 wide
_LETTER: Final = 12.0  # about how wide a letter is
_HALO: Final = 'stroke="#fff" stroke-width="4" paint-order="stroke"'
_LINE: Final = "#5b6b78"
_ROUND_STEPS: Final = (1, 2, 5)
_NO_REGION: Final = "No region stated"
_NO_DAY: Final = date(2009, 7, 1)  # what the paper of a plan without days bears: the month of the review


@dataclass(frozen=True)
class _PlacedVisit:
    """A visit whose place is known, in metres on the national grid."""

    org_code: str
    week: float | None
    easting: float
    northing: float


@dataclass(frozen=True)
class RegionMap:
    """A region: its map (None where nobody has coordinates), how many visits, and the codes that are not on it."""

    region: str
    visits: int
    svg: Markup | None
    without_place: tuple[str, ...]


@dataclass(frozen=True)
class _Grid:
    """From metres of the grid to the units of a picture, the same in both directions, north at the top."""

    west: float
    north: float
    scale: float
    height: float

    def at(self, easting: float, northing: float) -> tuple[float, float]:
        """Where a place is in the picture."""
        return _MARGIN + (easting - self.west) * self.scale, _MARGIN + (self.north - northing) * self.scale


class _Box(NamedTuple):
    """A rectangle of the picture."""

    left: float
    top: float
    right: float
    bottom: float

    def overlaps(self, other: _Box) -> bool:
        """Whether the two have any part in common."""
        return (
            self.left < other.right and other.left < self.right and self.top < other.bottom and other.top < self.bottom
        )


def render_plan(plan: pl.DataFrame) -> str:
    """The plan as a page by itself.

    Args:
        plan: as `visit_plan.read_plan`.

    Returns:
        HTML: each week with its visits, those without a week after them, then a map of each region. An organisation
        without coordinates is named beside the map of its region.
    """
    weeks = plan.partition_by("week", maintain_order=True)
    listed = [{"heading": _name_week(rows), "visits": typed_rows(rows, PlannedVisit)} for rows in weeks]
    template = environment("visit_plan").get_template("plan.html")
    return template.render(weeks=listed, maps=list(draw_regions(plan)), visits=plan.height)


def set_plan(plan: pl.DataFrame) -> Paper:
    """The same on paper, which bears the day of the first visit."""
    weeks = plan.partition_by("week", maintain_order=True)
    fields = {
        "site": "Plan of the visits",
        "foot": "The plan does not say why each organisation is visited.",
        "name": "Plan of the visits",
        "lead": f"{plan.height} {'visit' if plan.height == 1 else 'visits'}, by week and then on maps by region.",
        "weeks": [
            {"heading": _name_week(rows), "visits": [_set_visit(row) for row in typed_rows(rows, PlannedVisit)]}
            for rows in weeks
        ],
        "maps": [_set_map(region_map) for region_map in draw_regions(plan)],
    }
    # A day of its own, not today's, so that the same plan gives the same bytes.
    day = min(plan["monday"].drop_nulls(), default=_NO_DAY)
    return Paper("visit_plan", "Plan of the visits", day, fields)


def _name_week(rows: pl.DataFrame) -> str:
    week, monday = rows.select("week", "monday").row(0)
    if week is None:
        return "No week yet"
    return f"Week {week:.0f}" + (f", from Monday {monday:%-d %B %Y}" if monday else "")


def _set_visit(row: PlannedVisit) -> list[str]:
    return [
        row.team or "no team yet",
        _write_number(row.tour),
        _write_number(row.place_in_tour),
        f"{row.name} ({row.org_code})",
        name_type(row.org_type) if row.org_type else "–",
        row.region or "–",
    ]


def _write_number(number: float | str | None) -> str:
    return "–" if number is None else f"{number:.0f}" if isinstance(number, float) else str(number)


def _set_map(region_map: RegionMap) -> dict[str, str]:
    places = "its place is" if len(region_map.without_place) == 1 else "their places are"
    missing = f"Not on the map, since {places} not known: {', '.join(region_map.without_place)}."
    return {
        "heading": f"{region_map.region}: {region_map.visits} {'visit' if region_map.visits == 1 else 'visits'}",
        "svg": str(region_map.svg or ""),
        "alt": f"Map of {region_map.region} with {region_map.visits} visits",
        "missing": missing if region_map.without_place else "",
    }


def draw_regions(plan: pl.DataFrame) -> Iterator[RegionMap]:
    """A map of each region, by its name."""
    named = plan.with_columns(pl.col("region").fill_null(_NO_REGION)).sort("region", maintain_order=True)
    for rows in named.partition_by("region", maintain_order=True):
        placed = rows.drop_nulls(["easting", "northing"])
        missing = rows.join(placed, on="org_code", how="anti", maintain_order="left")["org_code"].to_list()
        region = str(rows["region"][0])
        yield RegionMap(region, rows.height, _draw(region, placed) if placed.height else None, tuple(missing))


def _draw(region: str, placed: pl.DataFrame) -> Markup:
    """The visits of one region: a dot each with code and week, and each tour as a line from visit to visit."""
    grid = _lay_grid(placed)
    visits = typed_rows(placed, _PlacedVisit)
    parts = [*_tours(placed, grid), *_marks(visits, grid), *_scale_bar(grid)]
    words = f"Map of {region}: {len(visits)} visits at their places on the national grid, north at the top."
    body = "".join(parts)
    opening = f'<svg viewBox="0 0 {_WIDTH} {grid.height:.0f}" role="img" font-size="{_TEXT}" fill="{INK}"'
    # The label is escaped by the format, the texts by write_text.
    return Markup(opening) + Markup(' aria-label="{}">').format(words) + Markup(body) + Markup("</svg>")  # noqa: S704


def _lay_grid(placed: pl.DataFrame) -> _Grid:
    west, east, south, north = (
        float(placed[name].cast(pl.Float64).sort()[place])
        for name, place in (("easting", 0), ("easting", -1), ("northing", 0), ("northing", -1))
    )
    # One place, or several in a line, have no extent: a kilometre stands for it.
    wide, high = max(east - west, 1_000.0), max(north - south, 1_000.0)
    scale = min((_WIDTH - 2 * _MARGIN) / wide, (_TALLEST - 2 * _MARGIN) / high)
    return _Grid(west, north, scale, 2 * _MARGIN + (north - south) * scale + 2 * _TEXT)


def _tours(placed: pl.DataFrame, grid: _Grid) -> Iterator[str]:
    tours = placed.drop_nulls(["team", "week", "tour"]).sort("week", "team", "tour", "place_in_tour", "org_code")
    for rows in tours.partition_by("week", "team", "tour", maintain_order=True):
        for start, following in pairwise(rows.select("easting", "northing").iter_rows()):
            yield draw_line(grid.at(*start), grid.at(*following), _LINE, 2)


def _marks(visits: Sequence[_PlacedVisit], grid: _Grid) -> Iterator[str]:
    """A dot for each visit, and its label beside it where no dot and no other label is, if there is such a place."""
    dots = [grid.at(visit.easting, visit.northing) for visit in visits]
    taken = [_Box(x - 7, y - 7, x + 7, y + 7) for x, y in dots]
    for (x, y), visit in zip(dots, visits, strict=True):
        yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="6" fill="{INK}"/>'
        words = f"{visit.org_code} ({visit.week:.0f})" if visit.week else str(visit.org_code)
        boxes = list(_beside(x, y, _LETTER * len(words)))
        box = min(
            boxes, key=lambda candidate: (sum(candidate.overlaps(mark) for mark in taken), boxes.index(candidate))
        )
        taken.append(box)
        yield write_text(box.left, box.bottom - 4, words, "start", _HALO)


def _beside(x: float, y: float, width: float) -> Iterator[_Box]:
    """Where a label may stand beside a dot, the best place first; only inside the picture."""
    half = _TEXT / 2
    for left, top in ((x + 11, y - half), (x - 11 - width, y - half), (x - width / 2, y - 11 - _TEXT),
                      (x - width / 2, y + 11), (x + 8, y - _TEXT - 6), (x + 8, y + 6)):  # fmt: skip
        if left >= 0 and left + width <= _WIDTH:
            yield _Box(left, top, left + width, top + _TEXT)


def _scale_bar(grid: _Grid) -> Iterator[str]:
    """A line of a round length, at most a quarter as long as the map is wide."""
    longest = (_WIDTH - 2 * _MARGIN) / 4 / grid.scale
    power = 10 ** (len(str(int(longest))) - 1)
    metres = max(step * power for step in _ROUND_STEPS if step * power <= longest)
    y = grid.height - _TEXT
    yield draw_line((_MARGIN, y), (_MARGIN + metres * grid.scale, y), INK, 3)
    words = f"{metres / 1_000:g} km" if metres >= 1_000 else f"{metres} m"
    yield write_text(_MARGIN + metres * grid.scale + 10, y + 7, words, "start")
