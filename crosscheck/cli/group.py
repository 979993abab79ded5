"""The root of the command line, and the options that several commands take."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

import click

from crosscheck.errors import CrosscheckError

FORMATS: Final = click.Choice(["table", "csv", "json"])


class _Commands(click.Group):
    """Commands whose errors are told without a traceback, each kind with its exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except CrosscheckError as error:
            click.echo(str(error), err=True)
            ctx.exit(error.exit_code)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
def main() -> None:
    """Cross-check self-declarations against answers and other sources; rank, with reasons, whom to visit.

    \b
    Start with:  crosscheck run data/england-2008-09 --year 2008/09 --out run
    """


def assessment_year(_context: click.Context, _option: click.Parameter, year: str) -> str:
    """The year as 2008/09; anything else is a wrong command line."""
    found = re.fullmatch(r"(\d{4})/(\d{2})", year)
    if not found or (int(found[1]) + 1) % 100 != int(found[2]):
        raise click.BadParameter(f"{year} is no assessment year. Give it as 2008/09.")
    return year


def assessment_year_if_given(context: click.Context, option: click.Parameter, year: str | None) -> str | None:
    """The same where the year may be left out."""
    return year and assessment_year(context, option, year)


standard_option = click.option("--standard", default=None, help="The standard, if there are rules for more than one.")
format_option = click.option("--format", "form", type=FORMATS, default="table", show_default=True, help="How to list.")
USUAL_RUN: Final = Path("run")
run_option = click.option(
    "--run", "folder", type=click.Path(path_type=Path), default=USUAL_RUN, show_default=True, help="A run's folder."
)
store_option = click.option(
    "--store",
    envvar="CROSSCHECK_STORE",
    show_envvar=True,
    required=True,
    help="A file, as runs.db, or postgresql://user@host/name.",
)
collection_argument = click.argument("collection", type=click.Path(path_type=Path))
