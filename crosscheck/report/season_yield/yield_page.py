"""What a season of visits brought: a page that needs nothing from elsewhere, its tables as CSV, all of it as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from html import escape
from typing import TYPE_CHECKING, Final

import polars as pl

from crosscheck import settings
from crosscheck.questionnaire import read_questionnaire
from crosscheck.report.output.folder import written_whole
from crosscheck.report.output.plain_page import (
    GRID,
    Columns,
    as_plain,
    draw_dot,
    write_page,
    write_picture,
    write_table,
)
from crosscheck.report.output.svg import INK, Axis, draw_line, write_text
from crosscheck.report.output.tables import write_csv
from crosscheck.report.season_yield.yield_sentences import (
    ARM_NAMES,
    NO_WEEKLY_RANGE,
    describe_reading,
    describe_yield,
    percent,
)
from crosscheck.runs.run_folder import DRAW, JOINT, RULEBOOK, read_json, read_manifest, read_table
from crosscheck.visits.draw import DRAW as DRAWN
from crosscheck.visits.draw import read_frame
from crosscheck.visits.hit_rates import rate_assessors
from crosscheck.visits.listing import of_standard
from crosscheck.visits.season import draw_weeks
from crosscheck.visits.season_yield import DECISIONS, SeasonPlan, measure_yield

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date
    from pathlib import Path

    from crosscheck.visits.season_yield import SeasonYield

_MARK: Final = "yield.json"
_TITLE: Final = "What the visits found"
_RATE: Final[Columns] = {
    "share": ("Share", "Share", "{:.0%}"),
    "low": ("from", "from", "{:.0%}"),
    "high": ("to", "to", "{:.0%}"),
}
_ARMS: Final[Columns] = {
    "arm": ("Chosen by", "Chosen by", "{}"),
    "organisations_planned": ("Organisations planned", "Planned", "{}"),
    "organisations_visited": ("visited", "Visited", "{}"),
    "organisations_not_upheld": ("with a declaration not upheld", "Not upheld", "{}"),
    "declarations_visited": ("Declarations visited", "Declarations", "{}"),
    "not_upheld": ("not upheld", "Not upheld", "{}"),
    **_RATE,
}
_ESTIMATES: Final[Columns] = {
    "estimate": ("Estimate", "Estimate", "{}"),
    "value": ("Share not upheld", "Share", "{:.1%}"),
    "low": ("from", "from", "{:.1%}"),
    "high": ("to", "to", "{:.1%}"),
    "error": ("Standard error", "Error", "{:.1%}"),
    "effective": ("As sure as so many declarations", "As sure as", "{:.0f}"),
}
_WEEKLY: Final[Columns] = {
    "week": ("Week", "Week", "{}"),
    "organisations": ("Organisations so far", "Organisations", "{}"),
    "tested": ("Declarations", "Declarations", "{}"),
    "not_upheld": ("not upheld", "Not upheld", "{}"),
    "low": ("Prevalence from", "from", "{:.0%}"),
    "high": ("to", "to", "{:.0%}"),
}
_FLAGS: Final[Columns] = {
    "name": ("Name", "Name", "{}"),
    "flagged": ("Visited", "Visited", "{}"),
    "flagged_not_upheld": ("not upheld", "Not upheld", "{}"),
    **_RATE,
    "other": ("Visited otherwise", "Otherwise", "{}"),
    "other_not_upheld": ("not upheld there", "Not upheld", "{}"),
    "other_share": ("Share there", "Share", "{:.0%}"),
}
_GROUPS: Final[Columns] = {
    "group": ("Group", "Group", "{}"),
    "declarations": ("Declarations that could be chosen", "Declarations", "{}"),
    "chosen": ("chosen", "Chosen", "{}"),
    "chosen_share": ("Share chosen", "Chosen", "{:.0%}"),
    "visited": ("visited", "Visited", "{}"),
    "not_upheld": ("not upheld", "Not upheld", "{}"),
    **_RATE,
}
_GROUPINGS: Final = {"org_type": "type of organisation", "region": "region", "size": "number of staff within its type"}
_ESTIMATE_NAMES: Final = {
    "horvitz_thompson": "Expanded by chances (Horvitz and Thompson)",
    "hajek": "Ratio (Hájek)",
    "aided": "Ratio, aided by the risk",
    "with_mandatory": "Ratio, with the mandatory visits",
}
_TYPES: Final = {"pct": "primary care trust", "mental_health": "mental health"}
_FEWEST: Final = 2  # visits of a rule or criterion on the page; the tables have all
_MOST: Final = 20  # rules or criteria on the page
_LEFT, _RIGHT, _TOP, _ROW = 300, 770, 40, 34
_WEEK_LEFT, _WEEK_BOTTOM = 90, 340
_BAND: Final = "#c9dcec"


@dataclass(frozen=True)
class SeasonOutcomes:
    """What is known of a season's visits.

    Attributes:
        visits: `inputs.INPUTS["visits"]`; `selected_by` may be empty, since the run says who was chosen.
        looks: `inputs.INPUTS["visit_items"]`.
        decisions: `season_yield.DECISIONS`.
    """

    visits: pl.DataFrame
    looks: pl.DataFrame
    decisions: pl.DataFrame = field(default_factory=DECISIONS.to_frame)


def measure_run(run: Path, outcomes: SeasonOutcomes, half_width: float) -> SeasonYield:
    """Measure what the visits planned by a run brought.

    Strata, frame and chances are those that the run published, `draw.csv` and `joint_chances.csv`.

    Args:
        run: the run's folder.
        outcomes: what visits found; those of other years or standards are left aside.
        half_width: to which the interval of the prevalence should narrow.

    Raises:
        RunError: there is no such run.
    """
    manifest = read_manifest(run)
    year, standard, account = manifest.options.year, manifest.options.standard, manifest.require_draw()
    return measure_yield(
        SeasonPlan(
            listed=read_table(run, "visit_list"),
            frame=read_frame(_read_draw(run), read_table(run, JOINT), account.design),
            visits=of_standard(outcomes.visits, standard).filter(pl.col("year") == year),
            looks=of_standard(outcomes.looks, standard).filter(pl.col("year") == year),
            findings=read_table(run, "findings"),
            organisations=read_table(run, "collection/organisations"),
            decisions=outcomes.decisions,
            draw=account.note,
            removed=tuple(removed.org_code for removed in account.removed),
        ),
        half_width,
    )


def rate_assessors_of_run(run: Path, visits: pl.DataFrame) -> pl.DataFrame:
    """`hit_rates.ASSESSOR_RATES` of the visits of a run's year; to be shown to each assessor alone.

    Raises:
        RunError: there is no such run.
    """
    options = read_manifest(run).options
    of_year = of_standard(visits, options.standard).filter(pl.col("year") == options.year)
    return rate_assessors(of_year.select("assessor", not_upheld=pl.col("finding") == "qualified"))


def draw_weeks_of_run(run: Path, weeks: int, monday: date | None) -> pl.DataFrame:
    """`season.WEEKS` of the organisations that a run drew at random, by the value of its draw.

    Raises:
        RunError: there is no such run.
    """
    account = read_manifest(run).require_draw()
    return draw_weeks(_read_draw(run), [1] * weeks, account.value, account.year, monday)


def names_of_run(run: Path) -> dict[str, str]:
    """What each rule of a run expects and what the review asks of each criterion, in words, by name.

    Raises:
        RunError: there is no such run.
    """
    standard = read_manifest(run).options.standard
    questions = read_questionnaire(settings.questionnaire_file(standard))
    expected = {rule["id"]: rule["title"] for rule in read_json(run, RULEBOOK)}
    return expected | {question.question_id: question.text for question in questions}


def write_yield(found: SeasonYield, folder: Path, names: Mapping[str, str]) -> None:
    """Write `yield.html`, its tables as CSV and `yield.json`; those of a former one are replaced.

    Args:
        found: what the visits brought.
        folder: where to.
        names: rules and criteria in words, as `names_of_run`.

    Raises:
        RunError: the folder holds something else, or can't be written.
    """
    tables = {"arms": found.arms, "estimates": list_estimates(found), "weekly": found.weekly}
    tables |= {"checks": found.checks, "criteria": found.criteria, "groups": found.groups}
    with written_whole(folder, _MARK, "yield") as place:
        for name, table in tables.items():
            # The last digits of a sum differ between machines; rounded, the same season gives the same bytes.
            write_csv(table.with_columns(pl.selectors.float().round(6)), place / f"{name}.csv")
        (place / "yield.html").write_text(write_yield_page(found, names), encoding="utf-8")
        (place / _MARK).write_text(_as_json(found, tables), encoding="utf-8")


def write_yield_page(found: SeasonYield, names: Mapping[str, str]) -> str:
    """The page: the sentences, then pictures and tables from the whole to the parts."""
    return write_page(
        _TITLE,
        [
            *_paragraphs(*describe_yield(found)),
            "<h2>By why they were chosen</h2>",
            *_draw_arms(found),
            write_table(_named_arms(found), _ARMS, "Visits by why the organisation was chosen, with 95% intervals"),
            "<h2>All declarations in the random draw</h2>",
            write_table(list_estimates(found), _ESTIMATES, "Estimates of the share not upheld, with 95% intervals"),
            *_paragraphs(*describe_reading(found)),
            "<h2>Week by week</h2>",
            *_weekly(found),
            "<h2>By type, region and size</h2>",
            *_grouped(found.groups),
            "<h2>By rule and criterion</h2>",
            *_flagged(found, names),
        ],
    )


def list_estimates(found: SeasonYield) -> pl.DataFrame:
    """One row an estimate: `estimate` in words, value, interval, standard error, effective number."""
    every = found.prevalence
    estimates = {"horvitz_thompson": every.horvitz_thompson, "hajek": every.hajek, "aided": every.aided}
    estimates |= {"with_mandatory": found.with_mandatory}
    return pl.DataFrame(
        [{"estimate": _ESTIMATE_NAMES[name], **asdict(estimate)} for name, estimate in estimates.items()]
    )


def _read_draw(run: Path) -> pl.DataFrame:
    """`visits.draw.DRAW` as the run published it."""
    return read_table(run, DRAW).cast(DRAWN)


def _as_json(found: SeasonYield, tables: Mapping[str, pl.DataFrame]) -> str:
    figures = {
        "sentences": list(describe_yield(found)),
        "lift": as_plain([asdict(found.lift)])[0],
        "draw": found.draw,
        "design": "adaptive" if found.is_adaptive else "two-arms",
        "population": as_plain([asdict(found.population)])[0],
        "power": as_plain([asdict(found.power)])[0],
        "visited_in_part": found.partly,
        **{name: as_plain(table.to_dicts()) for name, table in tables.items()},
    }
    return json.dumps(figures, indent=1, ensure_ascii=False) + "\n"


def _paragraphs(*sentences: str) -> list[str]:
    return [f"<p>{escape(sentence)}</p>" for sentence in sentences]


def _named_arms(found: SeasonYield) -> pl.DataFrame:
    return found.arms.with_columns(pl.col("arm").replace(ARM_NAMES))


def _draw_arms(found: SeasonYield) -> list[str]:
    visited = _named_arms(found).filter(pl.col("declarations_visited") > 0).rename({"arm": "group"})
    return [_draw_rates(visited, "Share not upheld by why they were chosen")] if visited.height else []


def _draw_rates(rows: pl.DataFrame, title: str) -> str:
    """A row a group: the share not upheld as a point on its 95% interval."""
    across = Axis(0.0, 1.0, _LEFT, _RIGHT)
    bottom = _TOP + _ROW * rows.height
    shapes = [draw_line((across.at(tick), _TOP), (across.at(tick), bottom), GRID, 1) for tick in across.ticks]
    shapes += [write_text(across.at(tick), bottom + 28, f"{tick:.0%}", "middle") for tick in across.ticks]
    for place, row in enumerate(rows.to_dicts()):
        height = _TOP + _ROW * (place + 0.5)
        shapes.append(write_text(_LEFT - 14, height + 7, row["group"], "end"))
        shapes.append(draw_line((across.at(row["low"]), height), (across.at(row["high"]), height), INK, 3))
        shapes.append(draw_dot(across.at(row["share"]), height))
    shapes.append(write_text((_LEFT + _RIGHT) / 2, bottom + 60, "Not upheld, with 95% interval", "middle"))
    words = "; ".join(
        f"{row['group']} {percent(row['share'])} ({percent(row['low'])} to {percent(row['high'])})"
        for row in rows.to_dicts()
    )
    return write_picture(shapes, bottom + 76, f"{title}: {words}.")


def _weekly(found: SeasonYield) -> list[str]:
    if found.is_adaptive:
        return _paragraphs(NO_WEEKLY_RANGE)
    if found.weekly.is_empty():
        return _paragraphs("No random visit has been recorded.")
    caption = "What random visits have found by the end of each week, and the range that holds in all weeks at once"
    return [_draw_weeks(found.weekly), write_table(found.weekly, _WEEKLY, caption)]


def _draw_weeks(weekly: pl.DataFrame) -> str:
    """The range by week as a band; it starts from everything before the first visit."""
    rows = weekly.to_dicts()
    across, up = Axis(0, rows[-1]["week"], _WEEK_LEFT, _RIGHT), Axis(0.0, 1.0, _WEEK_BOTTOM, _TOP)
    points = [(0, 0.0, 1.0), *((row["week"], row["low"], row["high"]) for row in rows)]
    edge = [(across.at(week), up.at(high)) for week, _, high in points]
    edge += [(across.at(week), up.at(low)) for week, low, _ in reversed(points)]
    shapes = [f'<polygon points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in edge)}" fill="{_BAND}" stroke="{INK}"/>']
    shapes += [draw_line((_WEEK_LEFT, up.at(tick)), (_RIGHT, up.at(tick)), GRID, 1) for tick in up.ticks]
    shapes += [write_text(_WEEK_LEFT - 12, up.at(tick) + 7, f"{tick:.0%}", "end") for tick in up.ticks]
    # A short season would else have half weeks on its axis.
    whole = [tick for tick in across.ticks if tick == round(tick)]
    shapes += [write_text(across.at(tick), _WEEK_BOTTOM + 28, f"{tick:g}", "middle") for tick in whole]
    for row in rows:
        shapes.append(draw_dot(across.at(row["week"]), up.at(row["not_upheld"] / row["tested"])))
    key = "Week. Band: range that holds in all weeks at once. Point: share not upheld so far."
    shapes.append(write_text((_WEEK_LEFT + _RIGHT) / 2, _WEEK_BOTTOM + 60, key, "middle"))
    last = rows[-1]
    words = (
        f"Range of the share not upheld by week. After week {last['week']} it is {percent(last['low'])} to "
        f"{percent(last['high'])}."
    )
    return write_picture(shapes, _WEEK_BOTTOM + 76, words)


def _grouped(groups: pl.DataFrame) -> list[str]:
    named = groups.with_columns(pl.col("group").replace(_TYPES))
    visited = named.filter(pl.col("visited") > 0)
    parts = [_draw_rates(visited, "Share not upheld by type, region and size")] if visited.height else []
    for grouping, name in _GROUPINGS.items():
        rows = named.filter(pl.col("grouping") == grouping)
        parts.append(write_table(rows, _GROUPS, f"Who was chosen and what visits found, by {name}"))
    return parts


def _flagged(found: SeasonYield, names: Mapping[str, str]) -> list[str]:
    captions: Sequence[tuple[pl.DataFrame, str]] = (
        (found.checks, "By rule, in the words of what it expects: visits where it differs, and where it agrees"),
        (found.criteria, "By criterion: visits where its evidence was absent, and where it was seen"),
    )
    note = (
        f"Only what {_FEWEST} visits or more met, and of these the {_MOST} of which we can be surest that visits often "
        "did not uphold (the highest lower ends); checks.csv and criteria.csv have all. Many intervals stand side by "
        "side here, so that some miss by chance: one in twenty is meant to."
    )
    shown_tables = [
        write_table(_name_flags(table, names), _FLAGS, caption) for table, caption in captions if table.height
    ]
    return (
        [*_paragraphs(note), *shown_tables]
        if shown_tables
        else _paragraphs("No visit has met a rule that differs yet.")
    )


def _name_flags(table: pl.DataFrame, names: Mapping[str, str]) -> pl.DataFrame:
    surest = table.filter(pl.col("flagged") >= _FEWEST).sort("low", "share", "name", descending=[True, True, False])
    named = pl.col("name").replace_strict(names, default=pl.col("name"), return_dtype=pl.String)
    return surest.head(_MOST).with_columns(
        name=pl.when(named != pl.col("name")).then(pl.format("{} ({})", named, "name")).otherwise("name")
    )
