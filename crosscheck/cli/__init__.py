"""The command line. Each command imports what it needs only when it runs, so that help comes at once."""

from crosscheck.cli import audit, decisions, national, organisation, publication, rules, run, runs, store, worth
from crosscheck.cli.group import main

__all__ = [
    "audit",
    "decisions",
    "main",
    "national",
    "organisation",
    "publication",
    "rules",
    "run",
    "runs",
    "store",
    "worth",
]
