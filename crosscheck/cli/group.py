"""The root of the command line, and the options that several commands take."""

from __future__ import annotations

import math
import re
import sys
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from crosscheck.cli.completion import complete_organisations, complete_standards
from crosscheck.cli.private_files import made_for_the_owner_alone
from crosscheck.cli.unforeseen import ReaderGoneError, end_well

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FORMATS: Final = click.Choice(["table", "csv", "json"])


class _Commands(click.Group):
    """All commands: whatever happens in one, it ends in one of the ways of `unforeseen.end_well`.

    What a command writes is for its owner alone, since almost all of it tells of risks that nobody has published.
    """

    def main(self, *args: Any, standalone_mode: bool = True, **extra: Any) -> Any:
        call = partial(super().main, *args, standalone_mode=False, **extra)
        if not standalone_mode:
            return call()
        with made_for_the_owner_alone():
            code = end_well(call, self)
        sys.exit(code)

    def make_context(self, *args: Any, **extra: Any) -> click.Context:
        with _closed_pipes_noticed():
            return super().make_context(*args, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        with _closed_pipes_noticed():
            return super().invoke(ctx)


@contextmanager
def _closed_pipes_noticed() -> Iterator[None]:
    """Tell a closed pipe from other errors before click takes it for a failure of the command."""
    try:
        yield
    except BrokenPipeError as error:
        raise ReaderGoneError from error


class Share(click.FloatRange):
    """A number within limits; what is no number (`nan`) is none, though it is beyond neither limit."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The number; anything else is a wrong command line."""
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value} is no number. Give one in the range {self._describe_range()}.", param, ctx)
        return number


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
def main() -> None:
    """Cross-check self-declarations against answers and other sources; rank, with reasons, whom to visit.

    \b
    Start with:  crosscheck demo
    Then:        crosscheck run COLLECTION --year 2008/09 --out run
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


standard_option = click.option(
    "--standard",
    default=None,
    help="The standard, if there are rules for more than one.",
    shell_complete=complete_standards,
)
format_option = click.option("--format", "form", type=FORMATS, default="table", show_default=True, help="How to list.")


def only_option(words: str) -> Callable[[Any], Any]:
    """`--only`: organisations by their codes, given as often as there are."""
    return click.option("--only", multiple=True, metavar="ORG", help=words, shell_complete=complete_organisations)


collection_argument = click.argument("collection", type=click.Path(path_type=Path))
