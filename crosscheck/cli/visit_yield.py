"""Commands on what visits were worth, and on the weeks in which random visits are made."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from crosscheck.cli.group import Share, format_option
from crosscheck.cli.named_run import remember_store, run_as_named, run_folder_option, run_option
from crosscheck.cli.terminal import list_rows
from crosscheck.cli.visits import visits
from crosscheck.passwords import STORE_VARIABLE

if TYPE_CHECKING:
    from datetime import datetime

    import polars as pl

    from crosscheck.report.season_yield.yield_page import SeasonOutcomes


@visits.command("yield")
@run_folder_option
@click.option(
    "--visits",
    "place",
    type=click.Path(path_type=Path),
    help="What they found: a file in the columns of visits, or a folder with visits.csv and visit_items.csv.",
)
@click.option(
    "--store",
    envvar=STORE_VARIABLE,
    show_envvar=True,
    is_eager=True,
    callback=remember_store,
    help="Take the visits recorded in this store. Where the variable names it, --visits goes before it.",
)
@click.option(
    "--half-width",
    type=Share(0, 50, min_open=True),
    default=5.0,
    show_default=True,
    help="Say how many more random visits it takes to be sure to within so many percentage points.",
)
@click.option("--assessor", help="Print this assessor's own rate, and write nothing.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("yield"), show_default=True, help="Folder.")
def yield_(
    folder: Path, place: Path | None, store: str | None, half_width: float, out: Path, assessor: str | None
) -> None:
    """Say what the visits found, and what that means for all.

    By how they were chosen; what it says of all declarations, and how sure that is.

    \b
    Example:  crosscheck visits yield --run run --visits outcomes --out yield
    Or:       crosscheck visits yield --run run --store runs.db --out yield
    An assessor's own rate, for the assessor alone:
              crosscheck visits yield --run run --visits outcomes --assessor A104
    """
    from crosscheck.report.season_yield.yield_page import SeasonOutcomes, measure_run, names_of_run, write_yield
    from crosscheck.report.season_yield.yield_sentences import describe_yield
    from crosscheck.report.visits.outcomes import read_visits

    is_typed = click.get_current_context().get_parameter_source("store") == ParameterSource.COMMANDLINE
    if (place is None and store is None) or (place is not None and is_typed):
        raise click.UsageError("Give either --visits or --store.")
    outcomes = SeasonOutcomes(*read_visits(folder, place)) if place else _read_store(folder, str(store))
    if assessor is not None:
        click.echo(_describe_assessor(folder, outcomes.visits, assessor))
        return
    found = measure_run(folder, outcomes, half_width / 100)
    write_yield(found, out, names_of_run(folder))
    for sentence in describe_yield(found):
        click.echo(sentence)
    click.echo(f"{out / 'yield.html'} has the plots and tables, {out / 'yield.json'} every figure")


@visits.command("weeks")
@run_option
@click.option("--weeks", type=click.IntRange(min=1), required=True, help="How many weeks the season has.")
@click.option("--from", "monday", type=click.DateTime(["%Y-%m-%d"]), help="The day on which the first week begins.")
@format_option
def weeks_(folder: Path, weeks: int, monday: datetime | None, form: str) -> None:
    """Draw the week in which each organisation is visited.

    It is for the organisations of the random draw, and decided by the value of the draw.

    \b
    Example:  crosscheck visits weeks --run run --weeks 12 --from 2009-07-06 --format csv

    Who was visited by a given day then differs from who was not by chance alone: next year shows what visits do.
    """
    from crosscheck.report.season_yield.yield_page import draw_weeks_of_run

    drawn = draw_weeks_of_run(folder, weeks, monday.date() if monday else None)
    rows = [row | {"from": row["from"].isoformat() if row["from"] else ""} for row in drawn.to_dicts()]
    columns = ("week", "from", "org_code", "stratum") if form == "table" else tuple(drawn.columns)
    list_rows(rows, columns, form)


def _read_store(folder: Path, store: str) -> SeasonOutcomes:
    """What is recorded of this very run: visits, criteria and decisions."""
    from crosscheck.errors import UnknownNameError
    from crosscheck.report.season_yield.yield_page import SeasonOutcomes
    from crosscheck.runs.run_folder import read_manifest
    from crosscheck.store.database import open_store
    from crosscheck.store.outcomes import list_outcomes, list_rulings
    from crosscheck.store.runs import find_run

    with open_store(store) as opened:
        run_id = find_run(opened, read_manifest(folder).fingerprint)
        if run_id is None:
            raise UnknownNameError(
                f"{store} does not have the run {run_as_named(folder)}. (`crosscheck runs list` shows what it has)"
            )
        recorded = list_outcomes(opened, run_id)
        return SeasonOutcomes(recorded.visits, recorded.criteria, list_rulings(opened, run_id))


def _describe_assessor(folder: Path, visited: pl.DataFrame, assessor: str) -> str:
    from crosscheck.errors import UnknownNameError
    from crosscheck.near_names import suggest
    from crosscheck.report.season_yield.yield_page import rate_assessors_of_run
    from crosscheck.report.season_yield.yield_sentences import percent

    rates = {row["assessor"]: row for row in rate_assessors_of_run(folder, visited).to_dicts()}
    if assessor not in rates:
        raise UnknownNameError(f"No visit of this season names the assessor {assessor}.{suggest(assessor, rates)}")
    own = rates[assessor]
    return (
        f"{assessor}: {own['not_upheld']} of {own['visited']} declarations visited were not upheld. With so many "
        f"visits, and drawn towards the rate of all assessors ({percent(own['of_all'])}), that is a rate of "
        f"{percent(own['share'])} (95% interval {percent(own['low'])} to {percent(own['high'])}). Assessors do not "
        "choose whom they visit, so the rate is no mark of their work."
    )
