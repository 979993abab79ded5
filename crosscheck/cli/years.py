"""The command that holds several years side by side."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from crosscheck.cli.group import format_option, main
from crosscheck.cli.named_run import run_option
from crosscheck.cli.terminal import list_rows

if TYPE_CHECKING:
    from pathlib import Path

_NARROW = ("year", "category", "declarations", "not_compliant", "share")


@main.command()
@run_option
@format_option
def years(folder: Path, form: str) -> None:
    """Compare years: declarations, repeated lapses, figures.

    It names who declared a lapse in several years, and which figures stay worse than those of others.

    \b
    Example:  crosscheck years --run run
    """
    from crosscheck.report.difference.years import FEWEST_PERIODS, describe_years

    summary = describe_years(folder)
    if form == "json":
        click.echo(json.dumps(summary, indent=1, ensure_ascii=False))
        return
    list_rows(summary["by_year"], list(summary["by_year"][0]), form, _NARROW)
    repeated, above = summary["repeated"], [row for row in summary["figures"] if row["sum"] > summary["limit"]]
    click.echo(
        f"{repeated['observed']} of {repeated['organisations']} organisations (or their predecessors) declared a lapse "
        f"in two years or more; by chance {repeated['expected']} would have: {', '.join(repeated['codes']) or 'none'}",
        err=form == "csv",
    )
    if summary["figures"]:
        limit = f"limit {summary['limit']}, which chance alone passes once in {summary['periods']} periods"
        click.echo(f"{len(above)} figures stay worse than others' ({limit})", err=form == "csv")
        list_rows(above, ["indicator", "org_code", "periods", "last", "sum"], form)
    else:
        click.echo(
            f"No figure is given for {FEWEST_PERIODS} periods: which stay worse can't be told", err=form == "csv"
        )
