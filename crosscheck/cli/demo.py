"""The command that shows what a run is, on the fictional collection that comes with the program."""

from __future__ import annotations

import shutil
from pathlib import Path

import click

from crosscheck import settings
from crosscheck.cli.group import main
from crosscheck.cli.run import run
from crosscheck.errors import RunError

_YEAR = "2008/09"


@main.command()
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("run"), show_default=True, help="The run's folder."
)
@click.option(
    "--copy", type=click.Path(path_type=Path), help="Also copy the collection to this new folder, to read or to change."
)
@click.pass_context
def demo(context: click.Context, out: Path, copy: Path | None) -> None:
    """Make the visit list of the fictional collection.

    \b
    Example:  crosscheck demo --out run --copy england-2008-09
    Then:     crosscheck run england-2008-09 --year 2008/09 --out second

    Every organisation in the collection is invented.
    """
    collection = settings.embedded_collection()
    if copy:
        _copy_collection(collection, copy)
    context.invoke(run, collection=collection, year=_YEAR, out=out)


def _copy_collection(collection: Path, folder: Path) -> None:
    try:
        shutil.copytree(collection, folder)
    except OSError as error:
        raise RunError(f"{folder}: can't be written ({error.strerror}). Name a new folder with --copy.") from error
    click.echo(f"{folder}: a copy of the collection")
