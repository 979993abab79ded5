"""What only a terminal sees: listings, progress, the nearest name to a mistyped one."""

from __future__ import annotations

import csv
import difflib
import gc
import io
import json
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence


@contextmanager
def undisturbed() -> Iterator[None]:
    """Look for no garbage meanwhile: what a run makes lives to its end, and looking takes a tenth of its time."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


class Steps:
    """The steps of a run as they are entered: their seconds, and on a terminal their names while they last."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        """Show the step's name on a terminal (standard error) while it lasts, and keep how long that was."""
        shown = sys.stderr.isatty()
        if shown:
            click.echo(f"\r\033[K{name} …", nl=False, err=True)
        began = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = round(time.perf_counter() - began, 4)
            if shown:
                click.echo("\r\033[K", nl=False, err=True)


def list_rows(rows: Sequence[Mapping[str, object]], columns: Sequence[str], form: str) -> None:
    """List rows as a table that fits the terminal, as CSV, or as JSON."""
    if form == "json":
        click.echo(json.dumps(rows, indent=1, ensure_ascii=False, default=str))
    elif form == "csv":
        click.echo(_as_csv(rows, columns), nl=False)
    else:
        _draw_table(rows, columns)


def as_typed(program: str) -> str:
    """How the program was called, where that was by a path: on a new machine it is not on the search path."""
    return program if Path(program).name == "crosscheck" and not Path(program).is_absolute() else "crosscheck"


def nearest(what: str, name: str, known: Iterable[str], listing: str) -> str:
    """Say that there is no such thing, which is near, and which command lists them all."""
    close = difflib.get_close_matches(name.casefold(), {one.casefold(): one for one in known}, n=3, cutoff=0.5)
    by_folded = {one.casefold(): one for one in known}
    hint = f" Did you mean {' or '.join(by_folded[one] for one in close)}?" if close else ""
    return f"No {what} {name}.{hint} (`{listing}` lists them)"


def _as_csv(rows: Sequence[Mapping[str, object]], columns: Sequence[str]) -> str:
    """The rows as CSV in which no spreadsheet finds a formula, as in every CSV file that is written."""
    from crosscheck.report.output.tables import guard_formula

    lines = io.StringIO()
    # A carriage return within a cell ends the row for whoever reads it, unless the cell is quoted.
    returns = any("\r" in cell for row in rows for cell in row.values() if isinstance(cell, str))
    quoting: Literal[0, 1] = csv.QUOTE_ALL if returns else csv.QUOTE_MINIMAL
    writer = csv.DictWriter(lines, columns, lineterminator="\n", quoting=quoting)
    writer.writeheader()
    for row in rows:
        writer.writerow({name: guard_formula(cell) if isinstance(cell, str) else cell for name, cell in row.items()})
    return lines.getvalue()


def _draw_table(rows: Sequence[Mapping[str, object]], columns: Sequence[str]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Column, Table

    class Listing(Console):
        """A console that leaves a closed pipe to `unforeseen`; rich would end with 1."""

        def on_broken_pipe(self) -> None:
            raise  # noqa: PLE0704  # rich calls this where it caught the error

    # Whatever does not fit goes on below: nothing is cut, and the first column, by which a row is called, stays whole.
    heads = (Column(name, overflow="fold", no_wrap=name == columns[0]) for name in columns)
    table = Table(*heads, box=box.SIMPLE_HEAD, pad_edge=False)
    for row in rows:
        table.add_row(*("" if row[name] is None else str(row[name]) for name in columns))
    Listing(markup=False, highlight=False, emoji=False).print(table)
