"""The command line. Each command imports what it needs only when it runs, so that help comes at once."""

from crosscheck.cli import (
    batch,
    benchmarks,
    dictionary,
    difference,
    dossiers,
    national,
    organisation,
    reply,
    rules,
    run,
    runs,
    store,
    worth,
    years,
)
from crosscheck.cli.group import main

__all__ = [
    "batch",
    "benchmarks",
    "dictionary",
    "difference",
    "dossiers",
    "main",
    "national",
    "organisation",
    "reply",
    "rules",
    "run",
    "runs",
    "store",
    "worth",
    "years",
]
