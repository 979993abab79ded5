"""The command that writes an empty collection to fill in."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click

from crosscheck import settings
from crosscheck.cli.group import main, standard_option
from crosscheck.errors import RunError

# Endings of files that a template is not written as; any other name is a folder, also one with a point in it.
_OTHER_FILES: Final = frozenset({".csv", ".ods", ".parquet", ".tsv", ".txt", ".xls", ".xlsb", ".xlsm"})


@main.command()
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    help="A folder of CSV files, or a workbook if the name ends in .xlsx.",
)
@standard_option
def template(out: Path, standard: str | None) -> None:
    """Write an empty collection to fill in.

    It has every input table, and what each column means.

    \b
    Example:  crosscheck template --out my-collection.xlsx
    Or:       crosscheck template --out my-collection

    The workbook has drop-downs; headings that are compulsory are marked.
    """
    from crosscheck.questionnaire import read_questionnaire
    from crosscheck.report.handbook.template import Template, write_template_folder
    from crosscheck.report.handbook.template_workbook import write_template_workbook
    from crosscheck.standard import name_standard

    if out.suffix.lower() in _OTHER_FILES:
        raise RunError(
            f"{out}: a template is a workbook (.xlsx) or a folder. Name one with --out, for example template.xlsx."
        )
    name = name_standard(standard)
    made = Template(name, read_questionnaire(settings.questionnaire_file(name)))
    is_workbook = out.suffix.lower() == ".xlsx"
    (write_template_workbook if is_workbook else write_template_folder)(made, out)
    required = ", ".join(table.name for table in made.tables if table.required)
    click.echo(f"{out}: {len(made.tables)} empty tables. Compulsory: {required}.")
    click.echo(f"{'The sheet readme' if is_workbook else out / 'README.txt'} explains each column.")
    click.echo(f"When it is filled in:  crosscheck check {out}")
