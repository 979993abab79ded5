"""How far stated risks hold, group by group: as a page beside that of the backtest, as a table, and as JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Final

import polars as pl

from crosscheck.contract.typed_rows import typed_rows
from crosscheck.report.output.plain_page import (
    GRID,
    Columns,
    as_plain,
    draw_dot,
    is_unknown,
    write_page,
    write_picture,
    write_table,
)
from crosscheck.report.output.svg import INK, Axis, draw_line, write_text
from crosscheck.visits.calibration import ALL, GROUPINGS, TENTH, KnownTruth

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crosscheck.backtest import Backtest
    from crosscheck.visits.calibration import Calibration

_SHARES: Final[Columns] = {
    "judged": ("Declarations", "Judged", "{:,.0f}"),
    "stated": ("Stated risk", "Stated", "{:.1%}"),
    "found": ("Not met", "Not met", "{:.1%}"),
    "low": ("from", "from", "{:.1%}"),
    "high": ("to", "to", "{:.1%}"),
}
TENTHS: Final[Columns] = {"group": ("Tenth", "Tenth", "{}"), **_SHARES}
_WITHIN: Final = ("Number within its interval", "Within", "{}")
_OVERALL: Final[Columns] = {
    "among": ("Among", "Among", "{}"),
    **_SHARES,
    "error": ("Calibration error", "ECE", "{:.3f}"),
    "error_by_chance": ("by chance", "by chance", "{:.3f}"),
    "top_stated": ("Top tenth, stated", "Top stated", "{:.1%}"),
    "top_found": ("Top tenth, not met", "Top not met", "{:.1%}"),
    "top_low": ("from", "from", "{:.1%}"),
    "top_high": ("to", "to", "{:.1%}"),
}
_COVERAGE: Final[Columns] = {
    "among": ("Among", "Among", "{}"),
    "groups": ("Groups", "Groups", "{:,.0f}"),
    "cover_number": ("Number within its interval", "Number", "{:.0%}"),
    "cover_sum": ("Number within the interval of the sum of risks", "Sum", "{:.0%}"),
    "pairs": ("Trusts where one of two functions lapses", "Trusts", "{:,.0f}"),
    "right": ("Higher risk for the right one", "Right", "{:.0%}"),
    "right_low": ("from", "from", "{:.0%}"),
    "right_high": ("to", "to", "{:.0%}"),
}

_NAMES: Final = {TENTH: "tenth of the risk, 10 the highest", "org_type": "type of organisation", "function": "function"}
_GROUP_NAMES: Final = {"pct": "primary care trust", "whole": "whole organisation"}
_SPELT: Final = pl.col("group").replace(_GROUP_NAMES).str.replace_all("_", " ", literal=True)
_NAME: Final = (_SPELT.str.slice(0, 1).str.to_uppercase() + _SPELT.str.slice(1)).alias("group")
_LEFT, _RIGHT, _TOP = 300, 770, 40
_ROW: Final = 34
_SQUARE: Final = (110, 770, 500, 40)  # left, right, bottom, top of the area of the tenths
_TITLE: Final = "Calibration of the stated risks"
_HOW_TO_READ: Final = (
    "The stated risk of a group is the mean of its risks; beside it stands the share of its declarations of which the "
    "standard was not met. Intervals are 90% and allow for clusters: declarations of one organisation, or of one "
    "invented world, are not independent. The calibration error is the mean distance of the two over the tenths of the "
    "risk, and beside it what it would be by chance if every stated risk were right.",
    "The interval of the number of lapses in a group allows for the model's parameters, which are drawn, and for "
    "chance; that of the sum of risks for the parameters alone, so that it is meant to hold fewer numbers the smaller "
    "a group is. The groups overlap: each declaration belongs to a tenth, a type, a function and a region.",
)


def write_calibration_page(backtests: Sequence[Backtest]) -> str:
    """The page: all kinds of samples in two tables, then each with its pictures and tables by group."""
    every = [calibration for backtest in backtests for calibration in backtest.calibrations]
    overall = pl.concat([calibration.summarise() for calibration in every])
    parts = ['<p><a href="backtest.html">Backtest of the visit list</a></p>']
    parts += [f"<p>{escape(paragraph)}</p>" for paragraph in _HOW_TO_READ]
    parts.append(write_table(overall, _OVERALL, "Stated risk and what was found, all together and in the top tenth"))
    parts.append(write_table(overall, _COVERAGE, "Intervals of the number of lapses, and the two functions of a trust"))
    parts += [part for calibration in every for part in _describe(calibration)]
    return write_page(_TITLE, parts)


def write_calibration_json(backtests: Sequence[Backtest]) -> str:
    """All figures of each kind of sample, to six decimals; what is not known is null."""
    every = [calibration for backtest in backtests for calibration in backtest.calibrations]
    return (
        json.dumps({"calibrations": [_figures(calibration) for calibration in every]}, indent=1, ensure_ascii=False)
        + "\n"
    )


def tabulate_groups(backtests: Sequence[Backtest]) -> pl.DataFrame:
    """One row a kind of sample and group: `among` and `calibration.GROUPS`."""
    return pl.concat(
        calibration.groups.select(pl.lit(calibration.among).alias("among"), pl.all())
        for backtest in backtests
        for calibration in backtest.calibrations
    )


def _figures(calibration: Calibration) -> dict[str, object]:
    visitors = calibration.visitors
    return {
        "among": calibration.among,
        "clusters": calibration.clusters,
        "visitors": {"sensitivity": visitors.sensitivity, "specificity": visitors.specificity},
        "summary": as_plain(calibration.summarise().drop("among").to_dicts())[0],
        "groups": as_plain(calibration.groups.to_dicts()),
        "numbers": as_plain(calibration.numbers.to_dicts()),
    }


def _describe(calibration: Calibration) -> list[str]:
    parts = [f"<h2>{escape(calibration.among.capitalize())}</h2>", f"<p>{escape(describe_source(calibration))}</p>"]
    parts += [draw_tenths(calibration), draw_groups(calibration)]
    return [*parts, *(_tabulate(calibration, grouping) for grouping in GROUPINGS[1:])]


def _tabulate(calibration: Calibration, grouping: str) -> str:
    rows = calibration.groups.filter(pl.col("grouping") == grouping).with_columns(
        _NAME, within=pl.format("{} of {}", "within_number", "samples")
    )
    counted = (calibration.clusters.capitalize(), "Clusters", "{:,.0f}")
    columns = {"group": ("Group", "Group", "{}"), **_SHARES, "clusters": counted, "within": _WITHIN}
    return write_table(rows, columns, f"{calibration.among.capitalize()}, by {_NAMES.get(grouping, grouping)}")


def describe_source(calibration: Calibration) -> str:
    """Where the found shares come from, and what is taken as independent, in two sentences."""
    visitors = calibration.visitors
    if isinstance(visitors, KnownTruth):
        source = "Not met is what is true in these invented worlds."
    else:
        source = (
            "Not met is estimated from what visits found, with the visitors' errors taken out as the model states them "
            f"(Rogan and Gladen 1978): a visit finds {visitors.sensitivity:.0%} of the lapses that are there, and one "
            f"where there is none in {1 - visitors.specificity:.0%}. How far single assessors differ is left in."
        )
    return f"{source} The intervals take {calibration.clusters} as independent of one another."


def draw_tenths(calibration: Calibration) -> str:
    """Found share against stated risk, a point a tenth on its interval; on the slanting line both are the same."""
    tenths = calibration.tenths
    left, right, bottom, top = _SQUARE
    most = _most(tenths)
    # Both axes end at the same share, so that the slanting line is where stated and found are equal.
    across, up = Axis(0.0, most, left, right), Axis(0.0, most, bottom, top)
    shapes = [draw_line((left, up.at(tick)), (right, up.at(tick)), GRID, 1) for tick in up.ticks]
    shapes += [write_text(left - 12, up.at(tick) + 7, f"{tick:.0%}", "end") for tick in up.ticks]
    shapes += [write_text(across.at(tick), bottom + 28, f"{tick:.0%}", "middle") for tick in across.ticks]
    shapes.append(draw_line((left, bottom), (right, top), INK, 2, 'stroke-dasharray="6 6"'))
    shapes.append(write_text((left + right) / 2, bottom + 60, "Stated risk", "middle"))
    middle = (top + bottom) / 2
    shapes.append(write_text(24, middle, "Not met", "middle", f'transform="rotate(-90 24 {middle:.0f})"'))
    for row in tenths.to_dicts():
        x = across.at(row["stated"])
        if not is_unknown(row["low"]):
            shapes.append(draw_line((x, up.at(row["low"])), (x, up.at(row["high"])), INK, 3))
        shapes.append(draw_dot(x, up.at(row["found"])))
    description = (
        f"{calibration.among.capitalize()}: share not met against stated risk, from the lowest tenth to the highest"
    )
    return write_picture(shapes, bottom + 76, f"{description}: {_describe_groups(tenths)}.")


def draw_groups(calibration: Calibration) -> str:
    """A row a type, function and region: the share not met as a point on its interval, the stated risk a diamond."""
    groups = calibration.groups.filter(~pl.col("grouping").is_in([ALL, TENTH])).with_columns(_NAME)
    across = Axis(0.0, _most(groups), _LEFT, _RIGHT)
    bottom = _TOP + _ROW * groups.height
    shapes = [draw_line((across.at(tick), _TOP), (across.at(tick), bottom), GRID, 1) for tick in across.ticks]
    shapes += [write_text(across.at(tick), bottom + 28, f"{tick:.0%}", "middle") for tick in across.ticks]
    for place, row in enumerate(typed_rows(groups, _Group)):
        shapes += _draw_group(row, across, _TOP + _ROW * (place + 0.5))
    shapes += _draw_rules(groups)
    key = "Point: not met, with its 90% interval. Diamond: stated risk."
    shapes.append(write_text((_LEFT + _RIGHT) / 2, bottom + 60, key, "middle"))
    description = f"{calibration.among.capitalize()}: share not met and stated risk by type, function and region"
    return write_picture(shapes, bottom + 76, f"{description}: {_describe_groups(groups, named=True)}.")


@dataclass(frozen=True)
class _Group:
    """A group of declarations: the share not met with its interval, and the mean of the stated risks."""

    group: str
    stated: float
    found: float
    low: float
    high: float


def _draw_group(row: _Group, across: Axis, height: float) -> list[str]:
    shapes = [write_text(_LEFT - 14, height + 7, row.group, "end")]
    if not is_unknown(row.low):
        shapes.append(draw_line((across.at(row.low), height), (across.at(row.high), height), INK, 3))
    return [*shapes, draw_dot(across.at(row.found), height), _draw_diamond(across.at(row.stated), height)]


def _draw_rules(groups: pl.DataFrame) -> list[str]:
    """A line between the types, the functions and the regions."""
    ends = groups.group_by("grouping", maintain_order=True).len()["len"].cum_sum().to_list()[:-1]
    return [draw_line((20, _TOP + _ROW * end), (_RIGHT, _TOP + _ROW * end), INK, 1) for end in ends]


def _draw_diamond(x: float, y: float) -> str:
    corners = " ".join(f"{x + a:.1f},{y + b:.1f}" for a, b in ((0, -11), (11, 0), (0, 11), (-11, 0)))
    return f'<polygon points="{corners}" fill="none" stroke="{INK}" stroke-width="3"/>'


def _most(groups: pl.DataFrame) -> float:
    """The end of a scale that holds every share and interval."""
    largest = groups.select(pl.max_horizontal(pl.col("stated", "found", "high").max())).item()
    return min(1.0, 1.05 * float(largest)) or 1.0


def _describe_groups(groups: pl.DataFrame, *, named: bool = False) -> str:
    return "; ".join(
        f"{row['group'] + ' ' if named else ''}{row['stated']:.1%} stated, {row['found']:.1%} not met"
        for row in groups.to_dicts()
    )
