"""Commands that plan visits: teams, weeks and tours."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from crosscheck.cli.named_run import run_option
from crosscheck.cli.visits import visits

if TYPE_CHECKING:
    import datetime as dt

    from crosscheck.report.visits.visit_planning import VisitPlan

plan_option = click.option(
    "--plan", "file", type=click.Path(path_type=Path), required=True, help="Teams and dates: a plan.toml."
)
out_option = click.option(
    "--out", type=click.Path(path_type=Path), default=Path("plan"), show_default=True, help="Folder of the plan."
)


@visits.command()
@run_option
@plan_option
@out_option
def plan(folder: Path, file: Path, out: Path) -> None:
    """Give each visit a team, a week and a place in a tour.

    The plan is visit_plan.csv; visit_plan.json says what it rests on.

    \b
    Example:  crosscheck visits plan --run run --plan PLAN.toml --out plan

    Visits for an unmet duty and of the random sample are never left out; where they don't fit, nothing is written.
    """
    from crosscheck.report.visits.visit_planning import make_plan

    _write(make_plan(folder, file), out)


@visits.command()
@click.argument("before", metavar="PLAN.CSV", type=click.Path(path_type=Path))
@run_option
@plan_option
@out_option
@click.option("--today", type=click.DateTime(["%Y-%m-%d"]), required=True, help="Weeks begun by this day stay.")
@click.option("--at-most", type=click.IntRange(min=0), required=True, help="How many visits may move.")
@click.option(
    "--visits",
    "outcomes",
    type=click.Path(path_type=Path),
    help="What was recorded so far, as of visits yield: visits missed in past weeks are planned anew.",
)
def replan(before: Path, folder: Path, file: Path, out: Path, **change: Any) -> None:
    """Change a plan as little as possible.

    After leave, an agreed day or a new list; each visit that moves is named, with what the move costs.

    \b
    Example:  crosscheck visits replan plan/visit_plan.csv --run run --plan plan.toml --today 2009-07-20 --at-most 3
    Or:       crosscheck visits replan plan/visit_plan.csv --run run --plan plan.toml --today 2009-07-20 --at-most 3 \\
                --visits outcomes
    """
    from crosscheck.report.visits.visit_planning import change_plan

    today: dt.date = change["today"].date()
    _write(change_plan(folder, file, before, today, change["at_most"], change["outcomes"]), out)


def _write(made: VisitPlan, out: Path) -> None:
    from crosscheck.report.visits.visit_planning import ACCOUNT, PLAN, describe_plan, write_plan

    write_plan(made, out)
    for sentence in describe_plan(made):
        click.echo(sentence)
    click.echo(f"{out / PLAN} has every visit; {out / ACCOUNT} what it rests on")
