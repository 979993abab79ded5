"""The command that writes benchmark packs."""

from __future__ import annotations

from pathlib import Path

import click

from crosscheck.cli.group import main, only_option
from crosscheck.cli.named_run import run_option
from crosscheck.cli.terminal import Steps


@main.command()
@run_option
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("packs"), show_default=True, help="Folder of the packs."
)
@only_option("The pack of this organisation; may be given several times.")
@click.option("--pdf", is_flag=True, help="Write each as PDF too, two pages; those that are still right are left.")
@click.option("--annex", is_flag=True, help="Write each as PDF, and let every question follow the two pages.")
@click.option("--xlsx", is_flag=True, help="Write each as XLSX too.")
def benchmarks(folder: Path, out: Path, only: tuple[str, ...], *, pdf: bool, annex: bool, xlsx: bool) -> None:
    """Write a benchmark pack for each organisation.

    It shows the organisation's answers beside those of similar organisations and what guidance asks for.

    \b
    Example:  crosscheck benchmarks --run run --out packs --only 5WA --pdf --xlsx

    A long job that was stopped continues where it was when the command is given again.
    The packs go to the organisations: nothing in them says more than was asked and answered.
    """
    from crosscheck.report.benchmark.benchmark import write_benchmarks
    from crosscheck.report.output.pdf import choose_extent

    paper = choose_extent(pdf=pdf, annex=annex)
    written, papers = write_benchmarks(folder, out, only, paper=paper, workbook=xlsx, step=Steps())
    set_anew = f"; {papers} set as PDF, the others were right already" if paper else ""
    packs = "1 benchmark pack" if written == 1 else f"{written} benchmark packs"
    click.echo(f"{packs} in {out}{set_anew}; each names one organisation only")
