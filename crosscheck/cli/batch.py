"""The command that makes many runs."""

from __future__ import annotations

import json
import logging
import sys
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from crosscheck.cli.group import main
from crosscheck.cli.run import run
from crosscheck.cli.terminal import list_rows
from crosscheck.errors import BatchFailedError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from crosscheck.batch.executor import Report

_BADLY: Final = ("failed", "stopped")
_LOGGED: Final = ("pid", "exit_code", "seconds", "peak_mb", "expected_mb", "fingerprint", "said", "signal")


@main.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--log", type=click.Path(path_type=Path), help="Append the log to this file; standard error if not given."
)
@click.option(
    "--log-format", type=click.Choice(["text", "json"]), default="text", show_default=True, help="How to log."
)
def batch(file: Path, log: Path | None, log_format: str) -> None:
    """Make many runs, as many at once as the memory allows.

    One that fails does not stop the others.

    \b
    Example:  crosscheck batch BATCH.toml --log-format json

    Exits with status 12 if any failed or was stopped; batch.json beside the runs says what became of each.
    """
    from crosscheck.batch.executor import Executor, write_reports
    from crosscheck.batch.plan import read_batch

    planned = read_batch(file, [name for option in run.params for name in (*option.opts, *option.secondary_opts)])
    with _logging(log, log_format), _progress(len(planned.items)) as on_change:
        reports = Executor(planned, on_change).make()
    written = write_reports(planned, reports)
    columns = ["name", "outcome", "exit_code", "seconds", "peak_mb", "digest"]
    list_rows([vars(report) | {"digest": (report.digest or "")[:12]} for report in reports], columns, "table")
    click.echo(f"{written} has all of it; what each said is in NAME.log beside it")
    if unfinished := [report for report in reports if report.outcome in _BADLY]:
        raise BatchFailedError(f"{report.name}: {report.outcome}. {report.said}" for report in unfinished)


@contextmanager
def _logging(file: Path | None, form: str) -> Iterator[None]:
    """Log to the file, or to standard error where no terminal shows the progress."""
    logger = logging.getLogger("crosscheck.batch")
    if file:
        file.parent.mkdir(parents=True, exist_ok=True)
    handler: logging.Handler = logging.NullHandler()
    if file or not sys.stderr.isatty():
        handler = logging.FileHandler(file, encoding="utf-8") if file else logging.StreamHandler()
    handler.setFormatter(_Lines(form))
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False
    try:
        yield
    finally:
        logger.removeHandler(handler)
        handler.close()


class _Lines(logging.Formatter):
    """One line an event: text for people, JSON for machines, with the same content."""

    def __init__(self, form: str) -> None:
        super().__init__()
        self._form = form

    def format(self, record: logging.LogRecord) -> str:
        when = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        fields = {name: value for name in _LOGGED if (value := getattr(record, name, None)) not in (None, "")}
        item, event = getattr(record, "item", None), record.getMessage()
        if self._form == "json":
            line = {"time": when, "level": record.levelname.lower(), "event": event, "item": item, **fields}
            return json.dumps(line, ensure_ascii=False)
        details = " ".join(f"{name}={value}" for name, value in fields.items())
        return " ".join(filter(None, [when, record.levelname, item or "batch", event, details]))


@contextmanager
def _progress(items: int) -> Iterator[Any]:
    """Show on a terminal how many of the items are done and which run; elsewhere nothing."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = [TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()]
    with Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task("batch", total=items)

        def on_change(running: Sequence[str], reports: Sequence[Report]) -> None:
            progress.update(task, completed=len(reports), description=", ".join(running) or "batch")

        yield on_change
