"""Commands on standards as such: begin a new one."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from crosscheck.cli.group import main


@main.group()
def standard() -> None:
    """Begin a standard of your own.

    \b
    Example:  crosscheck standard new DEMO --out demo
    """


@standard.command("new")
@click.argument("name")
@click.option(
    "--out", type=click.Path(path_type=Path), help="Folder of the new standard; must not be there.  [default: NAME]"
)
def new_standard(name: str, out: Path | None) -> None:
    """Write a small standard that works, to turn into your own.

    It has five questions, three rules with examples, its models, and a fictional collection of 24 organisations.

    \b
    Example:  crosscheck standard new DEMO --out demo

    CROSSCHECK_HOME=FOLDER makes the commands use it.
    """
    from crosscheck.new_standard import write_new_standard

    folder = out or Path(name.lower())
    files = write_new_standard(name, folder, datetime.now(tz=UTC).date())
    click.echo(f"{len(files)} files written to {folder}. Each is yours to change; docs/standard.md says what for.")
    click.echo(
        "\n".join(
            (
                "Next:",
                f"  export CROSSCHECK_HOME={folder}",
                "  crosscheck rules check",
                f"  crosscheck run {folder / 'collection'} --year 2008/09 --out run",
            )
        )
    )
