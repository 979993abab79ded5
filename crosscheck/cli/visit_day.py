"""Commands for the day of a visit: outcome forms and visit packs, and the calendar, sheets and map of a plan."""

from __future__ import annotations

from pathlib import Path

import click

from crosscheck.cli.group import only_option
from crosscheck.cli.named_run import run_as_named, run_option
from crosscheck.cli.terminal import Steps
from crosscheck.cli.visits import visits

_out = click.Path(path_type=Path)
_only = only_option("Only this organisation, planned or not; may be given several times.")
_plan = click.option("--planned", "plan", type=_out, help="A visit_plan.csv: for the organisations in it.")
_blinded = click.option(
    "--blinded", is_flag=True, help="Without anything that says why it is visited: the same for every arm."
)


@visits.command("forms")
@run_option
@click.option("--out", type=_out, default=Path("outcome-forms"), show_default=True, help="The folder.")
@_only
@_plan
@_blinded
def write_forms(folder: Path, out: Path, only: tuple[str, ...], plan: Path | None, *, blinded: bool) -> None:
    """Write an outcome form for each organisation to visit.

    On it an assessor enters what was found and seen.

    \b
    Example:  crosscheck visits forms --run run --out outcome-forms
    Then:     crosscheck visits record outcome-forms/*.xlsx --run run --store runs.db --by NAME

    Each form (XLSX and CSV) has the core of criteria that is the same for everybody, and the questions that the
    organisation's weightiest evidence rests on; a blinded form has questions that hang on its type alone instead.
    """
    from crosscheck.report.visits.outcome_form import write_forms as write

    with Steps()("write outcome forms"):
        count = write(folder, out, _choose(only, plan), blinded=blinded)
    click.echo(f"{out}: outcome forms (.xlsx, .csv) for {count} organisation{'s' if count != 1 else ''}")
    click.echo(
        f"When they are filled in: crosscheck visits record FILE… --run {run_as_named(folder)} --store STORE --by NAME"
    )


@visits.command("packs")
@run_option
@click.option("--out", type=_out, default=Path("visit-packs"), show_default=True, help="The folder.")
@_only
@_plan
@_blinded
@click.option("--pdf", "paper", is_flag=True, help="Also set each pack as PDF.")
def write_packs(
    folder: Path, out: Path, only: tuple[str, ...], plan: Path | None, *, blinded: bool, paper: bool
) -> None:
    """Write a visit pack of two pages for each organisation.

    It says why it is visited, both accounts, and what to look at.

    \b
    Example:  crosscheck visits packs --run run --out visit-packs --pdf
    Then:     crosscheck visits packs --run run --out blinded-packs --pdf --blinded

    A blinded pack says nothing of risk, arm and findings: its questions hang on the organisation's type alone.
    """
    from crosscheck.report.visits.visit_pack import INDEX
    from crosscheck.report.visits.visit_pack import write_packs as write

    count = write(folder, out, _choose(only, plan), blinded=blinded, paper=paper, step=Steps())
    click.echo(f"{count} visit pack{'s' if count != 1 else ''} in {out}. Open {out / INDEX}")


@visits.command("calendar")
@click.argument("plan", type=_out)
@click.option("--out", type=_out, default=Path("visits.ics"), show_default=True, help="The calendar's file.")
@click.option("--team", help="Only the visits of this team.")
def calendar(plan: Path, out: Path, team: str | None) -> None:
    """Write a plan of visits as a calendar file (.ics).

    Any calendar program reads it; it does not say why an organisation is visited.

    \b
    Example:  crosscheck visits calendar visit_plan.csv --out visits.ics
    Then:     crosscheck visits calendar visit_plan.csv --team North --out north.ics
    """
    from crosscheck.report.visits.visit_calendar import write_calendar
    from crosscheck.report.visits.visit_plan import of_team, read_plan

    rows = read_plan(plan)
    rows = of_team(rows, team) if team else rows
    write_calendar(rows, plan, out)
    click.echo(f"{out}: {rows.height} visits, from {min(rows['monday'])}; the day within the week is to be agreed")


@visits.command("teams")
@click.argument("plan", type=_out)
@click.option("--out", type=_out, default=Path("teams.xlsx"), show_default=True, help="The workbook.")
def teams(plan: Path, out: Path) -> None:
    """Write a plan of visits as a workbook, one sheet a team.

    It does not say why an organisation is visited.

    \b
    Example:  crosscheck visits teams visit_plan.csv --out teams.xlsx
    """
    from crosscheck.report.visits.visit_plan import read_plan
    from crosscheck.report.visits.visit_teams import write_teams

    rows = read_plan(plan)
    count = write_teams(rows, out)
    click.echo(f"{out}: {rows.height} visits of {count} teams, one sheet each")


@visits.command("map")
@click.argument("plan", type=_out)
@click.option("--out", type=_out, default=Path("visit_plan.html"), show_default=True, help="A page, or a PDF (.pdf).")
def draw_map(plan: Path, out: Path) -> None:
    """Write a plan of visits as a page with maps.

    It has a list by week and a map of each region, and does not say why an organisation is visited.

    \b
    Example:  crosscheck visits map visit_plan.csv --out visit_plan.html
    """
    from crosscheck.report.output.pdf import write_pdf
    from crosscheck.report.visits.visit_map import render_plan, set_plan
    from crosscheck.report.visits.visit_plan import read_plan

    rows = read_plan(plan)
    if out.suffix == ".pdf":
        write_pdf(set_plan(rows), out)
    else:
        out.write_text(render_plan(rows), encoding="utf-8")
    click.echo(f"{out}: {rows.height} visits by week, and on maps by region")


def _choose(only: tuple[str, ...], plan: Path | None) -> tuple[str, ...]:
    """The organisations that are named, or else those of the plan; none where neither is given."""
    from crosscheck.report.visits.visit_plan import read_plan

    return only or (tuple(read_plan(plan)["org_code"]) if plan else ())
