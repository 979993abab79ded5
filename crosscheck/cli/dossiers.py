"""Commands that write what assessors take along: the dossiers, and the visit list as a page."""

from __future__ import annotations

from pathlib import Path

import click

from crosscheck.cli.group import main, only_option
from crosscheck.cli.named_run import run_as_named, run_option
from crosscheck.cli.terminal import Steps


@main.command()
@run_option
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("dossiers"), show_default=True, help="The pages' folder."
)
@only_option("Only this organisation's page; may be given several times.")
@click.option("--pdf", is_flag=True, help="Also set each as PDF of two pages; those that are still right are left.")
@click.option("--annex", is_flag=True, help="Set as PDF, and let the whole case follow the two pages.")
def dossiers(folder: Path, out: Path, only: tuple[str, ...], *, pdf: bool, annex: bool) -> None:
    """Write a dossier of each organisation, and the visit list.

    They are pages for screen and paper; the list leads to the dossiers.

    \b
    Example:  crosscheck dossiers --run run --out dossiers
    Then:     crosscheck dossiers --run run --out dossiers --only R6A --pdf --annex

    A long job that was stopped continues where it was when the command is given again.
    """
    from crosscheck.report.output.pdf import choose_extent
    from crosscheck.report.visit_list.dossier_pages import LIST, write_dossiers

    paper = choose_extent(pdf=pdf, annex=annex)
    pages, papers = write_dossiers(folder, out, only, paper=paper, step=Steps())
    count = f"{pages} dossiers" if pages != 1 else "1 dossier"
    set_anew = f"; {papers} set as PDF, the others were right already" if paper else ""
    first = f"{only[0].upper()}.html" if only else LIST
    click.echo(f"{count} in {out}{set_anew}. Open {out / first}")


@main.command("visit-list")
@run_option
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("visit_list.html"), show_default=True, help="The file."
)
def visit_list(folder: Path, out: Path) -> None:
    """Write the visit list as one page that prints well.

    A file name that ends in .pdf gives a PDF.

    \b
    Example:  crosscheck visit-list --run run --out visit_list.pdf
    """
    from crosscheck.report.output.pdf import write_pdf
    from crosscheck.report.visit_list.visit_page import set_visit_list, write_visit_page

    if out.suffix == ".pdf":
        write_pdf(set_visit_list(folder), out)
    else:
        out.write_text(write_visit_page(folder), encoding="utf-8")
    click.echo(f"{out}: the visit list of {run_as_named(folder)}")
