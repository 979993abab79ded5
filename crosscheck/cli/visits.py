"""Commands about visits: what they found is recorded here."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from crosscheck.cli.completion import complete_organisations
from crosscheck.cli.group import main
from crosscheck.cli.named_run import RunWasArgument, kept_run_option, run_folder_option, store_option

if TYPE_CHECKING:
    from crosscheck.store.outcomes import RunOutcomes


@main.group()
def visits() -> None:
    """Draw, plan, prepare and record visits.

    \b
    A season in the order of its commands (the documentation on visits walks through it):
      seal, confirm, draw, verify   a random draw that binds and that anybody can repeat; seals lists all
      plan, replan, weeks           who visits whom in which week
      packs, forms                  what assessors take along
      calendar, teams, map          the plan for those who follow it
      record, record-one            what visits found
      yield                         what that says of all declarations, and of the list
    Example:  crosscheck visits plan --run run --plan PLAN.toml --out plan
    """


@visits.command()
@click.argument("files", metavar="FILE…", nargs=-1, required=True, type=click.Path(path_type=Path))
@run_folder_option
@store_option
@click.option("--by", required=True, help="Your name; it is not published.")
@click.option("--out", type=click.Path(path_type=Path), help="Also write visits.csv and visit_items.csv into a folder.")
def record(files: tuple[Path, ...], folder: Path, store: str, by: str, out: Path | None) -> None:
    """Record what filled-in outcome forms say.

    The forms may be of one person or several; the run must be in the store.

    \b
    Example:  crosscheck visits record 5ZA.xlsx R2X.csv --run run --store runs.db --by NAME --out outcomes

    A form is recorded whole or not at all. The same form twice changes nothing. A row that contradicts what was
    recorded is refused, unless it says in the column corrects why it corrects that. visits.csv and visit_items.csv
    have what was recorded of the run, for the collection of the next one; visits that no arm of the run chose stand
    beside them in other_visits.csv. visits yield reads both.
    """
    from crosscheck.report.visits.outcomes import describe_outcomes, read_forms
    from crosscheck.store.database import open_store
    from crosscheck.store.outcomes import list_outcomes, record_outcomes

    key, outcomes = read_forms(folder, files)
    with open_store(store) as opened:
        recorded = record_outcomes(opened, key, outcomes, by)
        outcomes_of_run = list_outcomes(opened, key)
    click.echo(describe_outcomes(outcomes))
    click.echo(
        f"RECORDED  {recorded.visits} visits, {recorded.criteria} criteria; {recorded.corrected} of them corrections"
    )
    if recorded.remarked:
        click.echo(f"  {recorded.remarked} say what was recorded already and add a remark")
    if recorded.known:
        click.echo(f"  {recorded.known} were recorded already and say the same; they were left as they are")
    if not recorded.visits + recorded.criteria:
        click.echo("  Nothing was changed.")
    if out:
        _write_outcomes(outcomes_of_run, out)


def _write_outcomes(outcomes_of_run: RunOutcomes, out: Path) -> None:
    from crosscheck.report.output.tables import write_csv

    out.mkdir(parents=True, exist_ok=True)
    by_arm, others = outcomes_of_run.chosen_by_an_arm(), outcomes_of_run.chosen_by_an_arm(chosen=False)
    tables = {"visits": by_arm.visits, "visit_items": by_arm.criteria}
    further = {"other_visits": others.visits, "other_visit_items": others.criteria}
    tables |= {name: table for name, table in further.items() if others.visits.height}
    for name, table in tables.items():
        write_csv(table, out / f"{name}.csv")
        click.echo(f"WRITTEN  {out / name}.csv: {table.height} rows")
    if others.visits.height:
        click.echo(
            "  No arm of the run chose these. A collection can't say so of a visit, so they are in other_visits:"
        )
    for code, function in others.visits.select("org_code", "function").iter_rows():
        click.echo(f"    {code} {function}")


@visits.command("record-one", cls=RunWasArgument)
@click.argument("org_code", shell_complete=complete_organisations)
@kept_run_option
@click.option("--function", default="whole", show_default=True, help="whole, commissioner or provider.")
@click.option("--on", type=click.DateTime(["%Y-%m-%d"]), required=True, help="The day of the visit.")
@click.option("--found", type=click.Choice(["upheld", "qualified"]), required=True, help="What it found.")
@store_option
@click.option("--by", required=True, help="Your name; it is not published.")
@click.option("--because", required=True, metavar="TEXT", help="Why, in words that others can follow later.")
def record_one(run_id: str, org_code: str, store: str, by: str, because: str, **outcome: Any) -> None:
    """Record what one visit found, without a form.

    A later record of the same declaration corrects it.

    \b
    Example:  crosscheck visits record-one 5ZA --run 7bf1 --function provider --on 2009-09-01 --found upheld --by N \\
              --because TEXT
    """
    from crosscheck.store.database import open_store
    from crosscheck.store.records import Visited, record_visit

    visited = Visited(org_code.upper(), outcome["function"], outcome["on"].date(), outcome["found"])
    with open_store(store) as opened:
        record_visit(opened, run_id, visited, by, because)
        click.echo(f"{visited.org_code} {visited.function}: {visited.finding}, {visited.visited_on:%-d %B %Y}")
