"""What a backtest found, as one page that needs nothing from elsewhere, as a table on a terminal, and as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict
from html import escape
from typing import TYPE_CHECKING, Final

import polars as pl

from crosscheck.errors import RunError
from crosscheck.report.handbook.calibration_page import (
    TENTHS,
    describe_source,
    draw_tenths,
    tabulate_groups,
    write_calibration_json,
    write_calibration_page,
)
from crosscheck.report.output.plain_page import (
    GRID,
    Columns,
    as_plain,
    as_words,
    draw_dot,
    is_unknown,
    write_page,
    write_picture,
    write_table,
)
from crosscheck.report.output.svg import INK, Axis, draw_line, write_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from crosscheck.backtest import Backtest

_SUMMARY: Final[Columns] = {
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
_YIELD: Final[Columns] = {
    "selected_by": ("Chosen by", "Chosen by", "{}"),
    "visited": ("Visited", "Visited", "{:.0f}"),
    "otherwise": ("Found otherwise", "Otherwise", "{:.0f}"),
    "share": ("Share", "Share", "{:.0%}"),
    "low": ("from", "from", "{:.0%}"),
    "high": ("to", "to", "{:.0%}"),
}

_TITLE: Final = "Backtest of the visit list"
_LEFT, _RIGHT = 300, 770
_ROW: Final = 44
_TOP: Final = 40


def write_backtest(backtests: Sequence[Backtest], folder: Path) -> None:
    """Write `backtest` and `calibration` as HTML and JSON, and `calibration.csv`; those of a former one are replaced.

    Several are told one after the other, as those of several mechanisms are.

    Raises:
        RunError: the folder can't be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "backtest.html").write_text(write_backtest_page(backtests), encoding="utf-8")
        (folder / "backtest.json").write_text(write_backtest_json(backtests), encoding="utf-8")
        (folder / "calibration.html").write_text(write_calibration_page(backtests), encoding="utf-8")
        (folder / "calibration.json").write_text(write_calibration_json(backtests), encoding="utf-8")
        tabulate_groups(backtests).write_csv(folder / "calibration.csv", float_precision=6)
    except OSError as error:
        raise RunError(f"{folder}: can't be written ({error.strerror}). Name another folder with --out.") from error


def list_worths(backtest: Backtest) -> Iterator[tuple[str, list[dict[str, str]], list[str]]]:
    """For each kind of sample: what it is, one row a ranking in words, and the headings."""
    for (among,), rankings in backtest.summarise().group_by("among", maintain_order=True):
        short = [heading for _, heading, _ in _SUMMARY.values()]
        rows = [dict(zip(short, as_words(row, _SUMMARY), strict=True)) for row in rankings.to_dicts()]
        yield f"{str(among).upper()} ({_extent(rankings)})", rows, short


def _extent(rankings: pl.DataFrame) -> str:
    samples, judged = rankings["samples"][0], rankings["judged"][0]
    return f"medians over {samples} worlds" if samples > 1 else f"{judged:.0f} judged, with 90% intervals"


def write_backtest_page(backtests: Sequence[Backtest]) -> str:
    """The page: of each backtest all samples, with their tables and lifts drawn, its calibration, and its visits."""
    link = '<p><a href="calibration.html">Calibration by type of organisation, function and region</a></p>'
    return write_page(_TITLE, [link, *(part for backtest in backtests for part in _backtest_parts(backtest))])


def _backtest_parts(backtest: Backtest) -> list[str]:
    summary = backtest.summarise()
    parts = [f"<p>{escape(backtest.about)}.</p>", f"<p>{escape(describe_backtest(backtest))}</p>"]
    parts += [_section(str(among), rankings) for (among,), rankings in summary.group_by("among", maintain_order=True)]
    first = backtest.calibrations[0]
    parts += [
        f"<h2>Calibration: {escape(first.among)}</h2>",
        f"<p>{escape(describe_source(first))}</p>",
        draw_tenths(first),
        write_table(first.tenths, TENTHS, f"{first.among.capitalize()}: by tenth of the risk, 10 the highest"),
    ]
    if not backtest.yields.is_empty():
        parts += [
            "<h2>What visits found</h2>",
            write_table(backtest.yields, _YIELD, "By the arm that chose them, with 90% intervals"),
        ]
    return parts


def write_backtest_json(backtests: Sequence[Backtest]) -> str:
    """All figures of each, to six decimals; what is not known is null."""
    content = {"backtests": [_figures(backtest) for backtest in backtests]}
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def _figures(backtest: Backtest) -> dict[str, object]:
    return {
        "about": backtest.about,
        "share": backtest.share,
        "summary": as_plain(backtest.summarise().to_dicts()),
        "samples": as_plain(backtest.worths.to_dicts()),
        "calibration_error": as_plain([{"error": backtest.calibrations[0].error}])[0]["error"],
        "yields": as_plain(backtest.yields.to_dicts()),
        "prevalence": as_plain([asdict(backtest.prevalence)])[0],
    }


def describe_backtest(backtest: Backtest) -> str:
    """What the figures are, in a few sentences."""
    found, calibration = backtest.prevalence, backtest.calibrations[0]
    return (
        f"Of all declarations of compliance {found.value:.0%} would be found otherwise than declared ({found.low:.0%} "
        f"to {found.high:.0%}). The first {backtest.share:.0%} of each ranking are looked at; lift is how many times "
        "as many are found there as at random, beside it as a multiple (×) of that of counting adverse answers, and "
        "the list's as a multiple of each ranking's (List ×), medians over the same samples. AUC is the chance "
        "that one found otherwise stands before one upheld. Stated risk and found share differ by "
        f"{calibration.error:.3f} on average over the tenths of the risk (expected calibration error); "
        f"by chance it would be {calibration.error_by_chance:.3f} if all risks were right."
    )


def _section(among: str, rankings: pl.DataFrame) -> str:
    caption = f"{among}: {_extent(rankings)}".capitalize()
    return f"<h2>{escape(among.capitalize())}</h2>\n{_draw_lifts(rankings)}\n{write_table(rankings, _SUMMARY, caption)}"


def _draw_lifts(rankings: pl.DataFrame) -> str:
    """Each ranking's lift as a point on its interval; the line at 1 is choosing at random."""
    with_lift = rankings.filter(pl.col("lift").is_finite())
    ends = pl.concat([with_lift["lift"], with_lift["lift_high"].drop_nulls().drop_nans()])
    # At least to 2, so that a list no better than chance is seen beside the line at 1 and not at the edge.
    across = Axis(0.0, max(2.0, float(ends.max() or 0.0)) * 1.05, _LEFT, _RIGHT)  # type: ignore[arg-type]  # a Float64 column
    bottom = _TOP + _ROW * with_lift.height
    shapes = [draw_line((across.at(tick), _TOP), (across.at(tick), bottom), GRID, 1) for tick in across.ticks]
    shapes += [write_text(across.at(tick), bottom + 28, f"{tick:g}", "middle") for tick in across.ticks]
    shapes.append(draw_line((across.at(1), _TOP), (across.at(1), bottom), INK, 2, 'stroke-dasharray="6 6"'))
    shapes.append(write_text((_LEFT + _RIGHT) / 2, bottom + 60, "Lift over choosing at random", "middle"))
    for place, row in enumerate(with_lift.to_dicts()):
        height = _TOP + _ROW * (place + 0.5)
        shapes.append(write_text(_LEFT - 14, height + 7, row["ranking"], "end"))
        if not is_unknown(row["lift_low"]) and not is_unknown(row["lift_high"]):
            shapes.append(
                draw_line((across.at(row["lift_low"]), height), (across.at(row["lift_high"]), height), INK, 3)
            )
        shapes.append(draw_dot(across.at(row["lift"]), height))
    lifts = "; ".join(f"{row['ranking']} {row['lift']:.2f}" for row in with_lift.to_dicts())
    return write_picture(shapes, bottom + 76, f"Lift of each ranking over choosing at random: {lifts}.")
