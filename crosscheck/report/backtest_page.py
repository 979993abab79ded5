"""What a backtest found, as one page that needs nothing from elsewhere, as a table on a terminal, and as JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from html import escape
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from crosscheck.errors import RunError
from crosscheck.report.svg import INK, Axis, draw_line, write_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from crosscheck.backtest import Backtest

# Columns: how each is headed on a page and on a terminal, and how its figures are written.
_Columns = Mapping[str, tuple[str, str, str]]
_SUMMARY: Final[_Columns] = {
    "ranking": ("Ranking", "Ranking", "{}"),
    "hit_rate": ("Found otherwise in the first", "Found", "{:.0%}"),
    "lift": ("Lift", "Lift", "{:.2f}"),
    "lift_low": ("from", "from", "{:.2f}"),
    "lift_high": ("to", "to", "{:.2f}"),
    "against_counting": ("Lift against counting", "×", "{:.2f}"),
    "list_against": ("The list's lift against this", "List ×", "{:.2f}"),
    "auc": ("AUC", "AUC", "{:.3f}"),
    "average_precision": ("Average precision", "AP", "{:.3f}"),
    "days_sooner": ("Days sooner", "Days", "{:.1f}"),
}
_CALIBRATION: Final[_Columns] = {
    "group": ("Group", "Group", "{:.0f}"),
    "judged": ("Declarations", "Judged", "{:.0f}"),
    "stated": ("Stated risk", "Stated", "{:.1%}"),
    "found": ("Found otherwise", "Found", "{:.1%}"),
    "low": ("from", "from", "{:.1%}"),
    "high": ("to", "to", "{:.1%}"),
}
_YIELD: Final[_Columns] = {
    "selected_by": ("Chosen by", "Chosen by", "{}"),
    "visited": ("Visited", "Visited", "{:.0f}"),
    "otherwise": ("Found otherwise", "Otherwise", "{:.0f}"),
    "share": ("Share", "Share", "{:.0%}"),
    "low": ("from", "from", "{:.0%}"),
    "high": ("to", "to", "{:.0%}"),
}

_DECIMALS: Final = 6
_WIDTH: Final = 800
_LEFT, _RIGHT = 300, 770
_ROW: Final = 44
_TOP: Final = 40
_SQUARE: Final = (110, 770, 500, 40)  # left, right, bottom, top of the calibration's area
_POINT: Final = "#005eb8"

_PAGE: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Backtest of the visit list</title>
<style>
body {{ font-family: Arial, Helvetica, sans-serif; color: #212b32; line-height: 1.5; max-width: 60rem; margin: 0 auto;
padding: 1rem; }} svg {{ max-width: 100%; height: auto; }}
div.wide {{ overflow-x: auto; }}
table {{ border-collapse: collapse; }}
caption {{ text-align: left; font-weight: bold; padding-bottom: .5rem; }}
th, td {{ text-align: right; padding: .25rem .75rem .25rem 0; border-bottom: 1px solid #d8dde0; }}
th:first-child, td:first-child {{ text-align: left; }}
</style>
</head>
<body>
<main>
<h1>Backtest of the visit list</h1>
{sections}
</main>
</body>
</html>
"""


def write_backtest(backtests: Sequence[Backtest], folder: Path) -> None:
    """Write `backtest.html` and `backtest.json` into a folder; those of a former backtest are replaced.

    Several are told one after the other, as those of several mechanisms are.

    Raises:
        RunError: the folder can't be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "backtest.html").write_text(write_backtest_page(backtests), encoding="utf-8")
        (folder / "backtest.json").write_text(write_backtest_json(backtests), encoding="utf-8")
    except OSError as error:
        raise RunError(f"{folder}: can't be written ({error.strerror}). Name another folder with --out.") from error


def list_worths(backtest: Backtest) -> Iterator[tuple[str, list[dict[str, str]], list[str]]]:
    """For each kind of sample: what it is, one row a ranking in words, and the headings."""
    for (among,), rankings in backtest.summarise().group_by("among", maintain_order=True):
        short = [heading for _, heading, _ in _SUMMARY.values()]
        rows = [dict(zip(short, _as_words(row, _SUMMARY), strict=True)) for row in rankings.to_dicts()]
        yield f"{str(among).upper()} ({_extent(rankings)})", rows, short


def _extent(rankings: pl.DataFrame) -> str:
    samples, judged = rankings["samples"][0], rankings["judged"][0]
    return f"medians over {samples} worlds" if samples > 1 else f"{judged:.0f} judged, with 90% intervals"


def write_backtest_page(backtests: Sequence[Backtest]) -> str:
    """The page: of each backtest all samples, with their tables and lifts drawn, its calibration, and its visits."""
    return _PAGE.format(sections="\n".join(part for backtest in backtests for part in _tell_parts(backtest)))


def _tell_parts(backtest: Backtest) -> list[str]:
    summary = backtest.summarise()
    parts = [f"<p>{escape(backtest.about)}.</p>", f"<p>{escape(tell_backtest(backtest))}</p>"]
    parts += [_section(str(among), rankings) for (among,), rankings in summary.group_by("among", maintain_order=True)]
    parts += [
        f"<h2>Calibration: {escape(summary['among'][0])}</h2>",
        _draw_calibration(backtest.calibration),
        _table(
            backtest.calibration,
            _CALIBRATION,
            f"{summary['among'][0].capitalize()}: stated risk and what was found, from the lowest risk to the highest",
        ),
    ]
    if not backtest.yields.is_empty():
        parts += [
            "<h2>What visits found</h2>",
            _table(backtest.yields, _YIELD, "By the arm that chose them, with 90% intervals"),
        ]
    return parts


def write_backtest_json(backtests: Sequence[Backtest]) -> str:
    """All figures of each, to six decimals; what is not known is null."""
    told = {"backtests": [_figures(backtest) for backtest in backtests]}
    return json.dumps(told, indent=1, ensure_ascii=False) + "\n"


def _figures(backtest: Backtest) -> dict[str, Any]:
    return {
        "about": backtest.about,
        "share": backtest.share,
        "summary": _plain(backtest.summarise().to_dicts()),
        "samples": _plain(backtest.worths.to_dicts()),
        "calibration": _plain(backtest.calibration.to_dicts()),
        "calibration_error": round(backtest.calibration_error, _DECIMALS),
        "yields": _plain(backtest.yields.to_dicts()),
        "prevalence": _plain([asdict(backtest.prevalence)])[0],
    }


def tell_backtest(backtest: Backtest) -> str:
    """What the figures are, in a few sentences."""
    found = backtest.prevalence
    return (
        f"Of all declarations of compliance {found.value:.0%} would be found otherwise than declared ({found.low:.0%} "
        f"to {found.high:.0%}). The first {backtest.share:.0%} of each ranking are looked at; lift is how many times "
        "as many are found there as at random, beside it as a multiple (×) of that of counting adverse answers, and the "
        "list's as a multiple of each ranking's (List ×), medians over the same samples. AUC is the chance "
        "that one found otherwise stands before one upheld. Stated risk and found share differ by "
        f"{backtest.calibration_error:.3f} on average (expected calibration error)."
    )


def _as_words(row: Mapping[str, Any], columns: _Columns) -> list[str]:
    """One row's cells; empty where nothing is known."""
    return ["" if _unknown(row[name]) else form.format(row[name]) for name, (*_, form) in columns.items()]


def _unknown(value: object) -> bool:
    return value is None or (isinstance(value, float) and not math.isfinite(value))


def _plain(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            name: None if _unknown(value) else round(value, _DECIMALS) if isinstance(value, float) else value
            for name, value in row.items()
        }
        for row in rows
    ]


def _section(among: str, rankings: pl.DataFrame) -> str:
    caption = f"{among}: {_extent(rankings)}".capitalize()
    return f"<h2>{escape(among.capitalize())}</h2>\n{_draw_lifts(rankings)}\n{_table(rankings, _SUMMARY, caption)}"


def _table(rows: pl.DataFrame, columns: _Columns, caption: str) -> str:
    head = "".join(f'<th scope="col">{escape(heading)}</th>' for heading, *_ in columns.values())
    body = "\n".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in _as_words(row, columns)) + "</tr>"
        for row in rows.to_dicts()
    )
    named = escape(caption)
    return (
        f'<div class="wide" tabindex="0" role="region" aria-label="{named}"><table><caption>{named}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>\n{body}\n</tbody></table></div>"
    )


def _draw_lifts(rankings: pl.DataFrame) -> str:
    """Each ranking's lift as a point on its interval; the line at 1 is choosing at random."""
    known = rankings.filter(pl.col("lift").is_finite())
    ends = pl.concat([known["lift"], known["lift_high"].drop_nulls().drop_nans()])
    across = Axis(0.0, max(2.0, float(ends.max() or 0.0)) * 1.05, _LEFT, _RIGHT)  # type: ignore[arg-type]  # a Float64 column
    bottom = _TOP + _ROW * known.height
    shapes = [draw_line((across.at(tick), _TOP), (across.at(tick), bottom), "#d8dde0", 1) for tick in across.ticks]
    shapes += [write_text(across.at(tick), bottom + 28, f"{tick:g}", "middle") for tick in across.ticks]
    shapes.append(draw_line((across.at(1), _TOP), (across.at(1), bottom), INK, 2, 'stroke-dasharray="6 6"'))
    shapes.append(write_text((_LEFT + _RIGHT) / 2, bottom + 60, "Lift over choosing at random", "middle"))
    for place, row in enumerate(known.to_dicts()):
        height = _TOP + _ROW * (place + 0.5)
        shapes.append(write_text(_LEFT - 14, height + 7, row["ranking"], "end"))
        if not _unknown(row["lift_low"]) and not _unknown(row["lift_high"]):
            shapes.append(
                draw_line((across.at(row["lift_low"]), height), (across.at(row["lift_high"]), height), INK, 3)
            )
        shapes.append(_dot(across.at(row["lift"]), height))
    told = "; ".join(f"{row['ranking']} {row['lift']:.2f}" for row in known.to_dicts())
    return _picture(shapes, bottom + 76, f"Lift of each ranking over choosing at random: {told}.")


def _draw_calibration(calibration: pl.DataFrame) -> str:
    """Found share against stated risk, a point a group on its interval; on the slanting line both are the same."""
    left, right, bottom, top = _SQUARE
    most = min(1.0, 1.05 * max(float(calibration[name].max() or 0.0) for name in ("stated", "high")))  # type: ignore[arg-type]  # Float64
    across, up = Axis(0.0, most, left, right), Axis(0.0, most, bottom, top)
    shapes = [draw_line((left, up.at(tick)), (right, up.at(tick)), "#d8dde0", 1) for tick in up.ticks]
    shapes += [write_text(left - 12, up.at(tick) + 7, f"{tick:.0%}", "end") for tick in up.ticks]
    shapes += [write_text(across.at(tick), bottom + 28, f"{tick:.0%}", "middle") for tick in across.ticks]
    shapes.append(draw_line((left, bottom), (right, top), INK, 2, 'stroke-dasharray="6 6"'))
    shapes.append(write_text((left + right) / 2, bottom + 60, "Stated risk", "middle"))
    middle = (top + bottom) / 2
    shapes.append(write_text(24, middle, "Found otherwise", "middle", f'transform="rotate(-90 24 {middle:.0f})"'))
    for row in calibration.to_dicts():
        x = across.at(row["stated"])
        shapes.append(draw_line((x, up.at(row["low"])), (x, up.at(min(row["high"], most))), INK, 3))
        shapes.append(_dot(x, up.at(row["found"])))
    told = "; ".join(f"{row['stated']:.1%} stated, {row['found']:.1%} found" for row in calibration.to_dicts())
    return _picture(
        shapes, bottom + 76, f"Found share against stated risk, from the lowest risk to the highest: {told}."
    )


def _dot(x: float, y: float) -> str:
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="8" fill="{_POINT}"/>'


def _picture(shapes: Sequence[str], height: float, told: str) -> str:
    return (
        f'<svg viewBox="0 0 {_WIDTH} {height:.0f}" width="{_WIDTH}" height="{height:.0f}" role="img" '
        f'aria-label="{escape(told)}" font-family="Arial, Helvetica, sans-serif" font-size="20" fill="{INK}">\n'
        + "\n".join(shapes)
        + "\n</svg>"
    )
