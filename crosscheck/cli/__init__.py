"""The command line. Each command imports what it needs only when it runs, so that help comes at once."""

from crosscheck.cli import benchmarks, dictionary, organisation, rules, run, worth
from crosscheck.cli.group import main

__all__ = ["benchmarks", "dictionary", "main", "organisation", "rules", "run", "worth"]
