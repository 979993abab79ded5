"""Commands for the day of a visit: outcome forms and visit packs, and the calendar, sheets and map of a plan."""

from __future__ import annotations

from pathlib import Path

import click

from crosscheck.cli.group import run_option
from crosscheck.cli.visits import visits
from crosscheck.terminal import Steps

_out = click.Path(path_type=Path)
_only = click.option(
    "--only", multiple=True, metavar="ORG", help="Only this organisation, planned or not; may be given several times."
)
_blinded = click.option(
    "--blinded", is_flag=True, help="Without anything that says why it is visited: the same for every arm."
)


@visits.command("forms")
@run_option
@click.option("--out", type=_out, default=Path("outcome-forms"), show_default=True, help="The folder.")
@_only
@_blinded
def write_forms(folder: Path, out: Path, only: tuple[str, ...], *, blinded: bool) -> None:
    """Write for each organisation to visit the form on which an assessor enters what was found and seen.

    \b
    Example:  crosscheck visits forms --run run --out outcome-forms
    Then:     crosscheck visits record outcome-forms/*.xlsx --run run --store runs.db --by NAME
    Each form (XLSX and CSV) has the core of criteria that is the same for everybody, and the questions that the
    organisation's weightiest evidence rests on; a blinded form has questions that hang on its type alone instead.
    """
    from crosscheck.report.outcome_form import write_forms as write

    with Steps()("write outcome forms"):
        count = write(folder, out, only, blinded=blinded)
    click.echo(f"{out}: outcome forms (.xlsx, .csv) for {count} organisation{'s' if count != 1 else ''}")
    click.echo(f"When they are filled in: crosscheck visits record FILE… --run {folder} --store STORE --by NAME")


@visits.command("packs")
@run_option
@click.option("--out", type=_out, default=Path("visit-packs"), show_default=True, help="The folder.")
@_only
@_blinded
@click.option("--pdf", "paper", is_flag=True, help="Also set each pack as PDF.")
def write_packs(folder: Path, out: Path, only: tuple[str, ...], *, blinded: bool, paper: bool) -> None:
    """Write for each organisation to visit two pages to take along: why, both accounts, and what to look at.

    \b
    Example:  crosscheck visits packs --run run --out visit-packs --pdf
    Then:     crosscheck visits packs --run run --out blinded-packs --pdf --blinded
    A blinded pack says nothing of risk, arm and findings: its questions hang on the organisation's type alone.
    """
    from crosscheck.report.visit_pack import INDEX
    from crosscheck.report.visit_pack import write_packs as write

    count = write(folder, out, only, blinded=blinded, paper=paper, step=Steps())
    click.echo(f"{count} visit pack{'s' if count != 1 else ''} in {out}. Open {out / INDEX}")
