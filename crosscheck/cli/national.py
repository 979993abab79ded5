"""The command that sets the national picture beside what was published."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import click

from crosscheck.cli.group import main
from crosscheck.cli.named_run import run_option
from crosscheck.cli.private_files import made_for_everybody
from crosscheck.cli.terminal import Steps, undisturbed


@main.command()
@run_option
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("national"), show_default=True, help="The picture's folder."
)
@click.option("--publish", is_flag=True, help="Withhold small numbers, and what would give them back.")
@undisturbed()
def national(folder: Path, out: Path, *, publish: bool) -> None:
    """Recompute every table and figure of the national review.

    Each stands beside what was published.

    \b
    Example:  crosscheck national --run run --out national
    Publish:  crosscheck national --run run --out published --publish
    """
    from crosscheck.report.national.national import (
        FILES,
        publish_folder,
        refuse_foreign_folder,
        summarise_national_report,
    )

    refuse_foreign_folder(out)
    steps = Steps()
    with steps("recompute and write"), made_for_everybody() if publish else nullcontext():
        picture = publish_folder(folder, out, publish=publish)
    click.echo(summarise_national_report(picture))
    click.echo("\n".join(str(out / name) for name in FILES))
