"""The command that writes the data dictionary, the method page and the model cards."""

from __future__ import annotations

from pathlib import Path

import click

from crosscheck.cli.group import main, standard_option
from crosscheck.cli.private_files import made_for_everybody


@main.command()
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("dictionary"), show_default=True, help="Folder of the pages."
)
@standard_option
@made_for_everybody()
def dictionary(out: Path, standard: str | None) -> None:
    """Write the data dictionary, the method and the model cards.

    They are pages and CSV: every column, every statistic with its source, every model.

    \b
    Example:  crosscheck dictionary --out dictionary
    """
    from crosscheck.report.handbook.dictionary import refuse_foreign_folder, write_dictionary
    from crosscheck.standard import load_standard, name_standard

    refuse_foreign_folder(out)
    columns = write_dictionary(load_standard(name_standard(standard)), out)
    click.echo(f"{columns} columns described. Open {out / 'index.html'}")
