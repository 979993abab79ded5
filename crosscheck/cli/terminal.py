"""What only a terminal sees: listings, problems, progress."""

from __future__ import annotations

import csv
import gc
import io
import json
import shutil
import sys
import textwrap
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import click

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import polars as pl

_ONE_LINE: Final = 28  # characters of a cell that stay on one line, however narrow the terminal is
_GAP: Final = 2  # characters between two columns


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
        on_terminal = sys.stderr.isatty()
        if on_terminal:
            click.echo(f"\r\033[K{name} …", nl=False, err=True)
        began = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = round(time.perf_counter() - began, 4)
            if on_terminal:
                click.echo("\r\033[K", nl=False, err=True)


def list_rows(
    rows: Sequence[Mapping[str, object]], columns: Sequence[str], form: str, narrow: Sequence[str] = ()
) -> None:
    """List rows as a table, as CSV, or as JSON.

    Args:
        rows: what to list; each has at least the columns.
        columns: in the order of the table.
        form: `table`, `csv` or `json`. A table is as wide as it needs unless it goes to a terminal.
        narrow: the columns that a terminal shows where it is too narrow for all of them; without these, each row is
            listed there as lines of its own. No word is broken, and no cell cut.
    """
    if form == "json":
        click.echo(json.dumps(rows, indent=1, ensure_ascii=False, default=str))
    elif form == "csv":
        click.echo(_as_csv(rows, columns), nl=False)
    else:
        _draw_rows(rows, columns, narrow, _terminal_width())


def print_problems(problems: pl.DataFrame, form: str, *, beside: bool = False) -> None:
    """Print problems: as lines by cause, one each, in any terminal and pipe alike; or as CSV or JSON.

    Args:
        problems: one row a problem, in the columns of `problems`; nothing is printed of none as lines.
        form: `table` (lines), `csv` or `json`.
        beside: the output is another table, which a program may read; the lines go to the standard error instead.
    """
    from crosscheck.cli.problem_list import list_problem_lines

    if form != "table":
        list_rows(problems.to_dicts(), problems.columns, form)
    elif not problems.is_empty():
        click.echo("\n".join(["", *list_problem_lines(problems)]), err=beside)


def as_typed(program: str) -> str:
    """How the program was called, where that was by a path: on a new machine it is not on the search path."""
    return program if Path(program).name == "crosscheck" and not Path(program).is_absolute() else "crosscheck"


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


def _draw_rows(
    rows: Sequence[Mapping[str, object]], columns: Sequence[str], narrow: Sequence[str], room: int | None
) -> None:
    """Draw a table in which no word is broken; where the terminal is too narrow for that, fewer columns, or blocks."""
    cells = [["" if row[name] is None else _as_line(row[name]) for name in columns] for row in rows]
    widest = [max(map(len, column)) for column in zip(columns, *cells, strict=True)]
    if room is None:
        _draw_table(cells, columns, widest, sum(widest) + _GAP * len(widest))
    elif _fits(widest, room):
        _draw_table(cells, columns, widest, room)
    elif narrow and _fits([width for name, width in zip(columns, widest, strict=True) if name in narrow], room):
        _draw_rows(rows, narrow, (), room)
        others = ", ".join(name for name in columns if name not in narrow)
        click.echo(f"Not shown, since the terminal is narrow: {others}. --format csv has all columns.", err=True)
    else:
        _print_blocks(cells, columns, room)


def _fits(widest: Sequence[int], room: int) -> bool:
    """Whether every code, number and name can stay on one line, and a sentence has enough of it to be read."""
    return sum(min(width, _ONE_LINE) + _GAP for width in widest) <= room


def _draw_table(cells: Sequence[Sequence[str]], columns: Sequence[str], widest: Sequence[int], room: int) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Column, Table

    class Listing(Console):
        """A console that leaves a closed pipe to `unforeseen`; rich would end with 1."""

        def on_broken_pipe(self) -> None:
            raise  # noqa: PLE0704  # rich calls this where it caught the error

    heads = (
        Column(name, overflow="fold", no_wrap=width <= _ONE_LINE, min_width=min(width, _ONE_LINE))
        for name, width in zip(columns, widest, strict=True)
    )
    table = Table(*heads, box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, _GAP - 1, 0, 0))
    for row in cells:
        table.add_row(*row)
    Listing(markup=False, highlight=False, emoji=False, width=room).print(table)


def _terminal_width() -> int | None:
    """How many characters the terminal has in a line; None where the output is no terminal: nothing is wrapped."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def _print_blocks(cells: Sequence[Sequence[str]], columns: Sequence[str], room: int) -> None:
    """Print each row as lines of its own, a column a line, with a blank line after it."""
    margin = max(map(len, columns)) + _GAP
    for row in cells:
        for name, cell in zip(columns, row, strict=True):
            lines = textwrap.wrap(cell, max(room - margin, _ONE_LINE), break_long_words=False, break_on_hyphens=False)
            click.echo(f"\n{'':<{margin}}".join([f"{name:<{margin}}{lines[0]}", *lines[1:]]) if lines else name)
        click.echo()


def _as_line(cell: object) -> str:
    """A cell's text on one line: what would begin another is written as a sign that can be seen."""
    return str(cell).replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t")
