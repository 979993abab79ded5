"""The command line. Each command imports what it needs only when it runs, so that help comes at once."""

from crosscheck.cli import (
    audit,
    batch,
    benchmarks,
    decisions,
    dictionary,
    difference,
    dossiers,
    national,
    organisation,
    publication,
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
    "audit",
    "batch",
    "benchmarks",
    "decisions",
    "dictionary",
    "difference",
    "dossiers",
    "main",
    "national",
    "organisation",
    "publication",
    "reply",
    "rules",
    "run",
    "runs",
    "store",
    "worth",
    "years",
]
