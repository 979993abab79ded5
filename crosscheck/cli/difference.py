"""Commands on runs that were made."""

from __future__ import annotations

import json
from pathlib import Path

import click

from crosscheck.cli.group import FORMATS
from crosscheck.cli.named_run import RunFolder, store_of_run_option
from crosscheck.cli.runs import runs
from crosscheck.cli.terminal import list_rows


@runs.command()
@click.argument("before", type=RunFolder())
@click.argument("after", type=RunFolder())
@store_of_run_option
@click.option("--first", type=click.IntRange(min=1), default=20, show_default=True, help="How many to show.")
@click.option("--out", type=click.Path(path_type=Path), help="Write page, JSON and tables into this folder, too.")
@click.option("--format", "form", type=FORMATS, default="table", show_default=True, help="How to list.")
def diff(before: Path, after: Path, first: int, out: Path | None, form: str) -> None:
    """Compare two runs: who moved on the list, and why.

    By how much each declaration moved, and what moved it, each cause on its own.

    \b
    Example:  crosscheck runs diff last-week/run run --out difference
    """
    from crosscheck.report.difference.difference import compare_runs
    from crosscheck.report.difference.difference_page import describe, shown_columns, write_difference

    difference = compare_runs(before, after)
    if out:
        write_difference(difference, before, after, out, first)
        click.echo(
            f"{out / 'difference.html'} is the page; difference.json, movements.csv and parts.csv lie by it", err=True
        )
    rows = difference.movements.to_dicts()
    if form == "json":
        click.echo(json.dumps(describe(difference, before, after), indent=1, ensure_ascii=False))
    elif form == "csv":
        list_rows(rows, difference.movements.columns, form)
    else:
        unlike = [part for part, same in difference.same.items() if not same]
        click.echo(f"NOT THE SAME  {', '.join(unlike) or 'nothing'}")
        list_rows(difference.changes.to_dicts(), difference.changes.columns, form)
        list_rows(difference.causes(), ["cause", "declarations", "parts", "decibans", "per_declaration"], form)
        moved = [row | {"change": round(row["change"], 2)} for row in rows[:first] if row["change"]]
        list_rows(moved, shown_columns(difference), form)
