"""Commands on one organisation of a run."""

from __future__ import annotations

from pathlib import Path

import click

from crosscheck.cli.completion import complete_indicators, complete_organisations
from crosscheck.cli.group import format_option, main
from crosscheck.cli.named_run import run_option
from crosscheck.cli.terminal import list_rows
from crosscheck.errors import UnknownNameError
from crosscheck.near_names import suggest_code


def _picture(_context: click.Context, _option: click.Parameter, file: Path | None) -> Path | None:
    """A file that a picture can be written to; any other ending is a wrong command line."""
    if file and file.suffix not in {".svg", ".png"}:
        raise click.BadParameter(f"{file} is no picture that can be drawn. Let it end with .svg or .png.")
    return file


def _write_picture(svg: str, file: Path) -> None:
    from crosscheck.report.plots.funnels import draw_png

    if file.suffix == ".png":
        file.write_bytes(draw_png(svg))
    else:
        file.write_text(svg, encoding="utf-8")


@main.command()
@click.argument("org_code", shell_complete=complete_organisations)
@click.option("--function", type=click.Choice(["whole", "commissioner", "provider"]), help="One of its declarations.")
@run_option
@click.option("--all", "whole", is_flag=True, help="The whole case: every part of the risk, every finding.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True, help="How.")
def explain(org_code: str, function: str | None, folder: Path, form: str, *, whole: bool) -> None:
    """Explain why an organisation is where it is on the list.

    On one screen: the declaration to visit, why, what can be shown to the trust, and what to ask about it. With --all
    or as JSON the whole case of each of its declarations. For an organisation that is not on the list: why not.

    \b
    Example:  crosscheck explain 5YG
    """
    from crosscheck.report.dossier.case import case_as_json, read_case, write_case
    from crosscheck.report.dossier.evidence import read_labels
    from crosscheck.report.dossier.first_screen import describe_first_screen
    from crosscheck.runs.run_folder import read_table

    if form == "json":
        click.echo(case_as_json(folder, org_code, function))
    elif whole:
        cases = read_case(folder, org_code, function)
        labels = read_labels(folder, read_table(folder, "scores"))
        click.echo("\n\n\n".join(write_case(case, labels) for case in cases))
    else:
        click.echo(describe_first_screen(folder, org_code, function))


@main.command()
@click.argument("indicator", shell_complete=complete_indicators)
@click.argument("org_code", shell_complete=complete_organisations)
@run_option
@click.option("--out", type=click.Path(path_type=Path), default=Path("funnel.svg"), show_default=True, help="The file.")
def funnel(indicator: str, org_code: str, folder: Path, out: Path) -> None:
    """Draw one figure of an organisation among its peers.

    The picture is SVG, or PNG where the file's name ends so.

    \b
    Example:  crosscheck funnel staff_survey.child_protection_training_pct R6A --out funnel.svg
    """
    from crosscheck.report.plots.funnels import draw_funnel
    from crosscheck.runs.run_folder import read_table
    from crosscheck.runs.unlisted import describe_unlisted, read_names

    names = read_names(folder)
    if org_code.upper() not in names:
        raise UnknownNameError(describe_unlisted(folder, org_code))
    svg = draw_funnel(read_table(folder, "scores"), indicator, org_code.upper(), names[org_code.upper()])
    _write_picture(svg, out)
    click.echo(f"{out}: {indicator} of {names[org_code.upper()]} among its peers")


@main.command()
@click.argument("org_code", shell_complete=complete_organisations)
@run_option
@click.option("--out", type=click.Path(path_type=Path), callback=_picture, help="Draw it too: a file .svg or .png.")
@format_option
def network(org_code: str, folder: Path, out: Path | None, form: str) -> None:
    """List the organisations that one is related to, and how.

    These are its commissioners, providers, boards, shared case reviews and predecessors.

    \b
    Example:  crosscheck network R2X --out network.svg
    """
    from crosscheck.network.graph import ORGANISATION, neighbours
    from crosscheck.report.plots.neighbourhood import draw_neighbourhood
    from crosscheck.runs.run_folder import read_table

    ties, predecessors, names = (read_table(folder, name) for name in ("ties", "predecessors", "names"))
    organisations = dict(names.filter(names["kind"] == ORGANISATION).select("code", "name").iter_rows())
    if (code := org_code.upper()) not in organisations:
        raise UnknownNameError(f"No organisation {org_code} in this run.{suggest_code(org_code, organisations)}")
    listed = neighbours(ties, predecessors, names, code)
    if out:
        _write_picture(draw_neighbourhood(listed, code, organisations[code]), out)
        click.echo(f"{out}: {organisations[code]} and its neighbours", err=True)
    list_rows(listed.to_dicts(), listed.columns, form)
