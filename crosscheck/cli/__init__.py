"""The command line. Each command imports what it needs only when it runs, so that help comes at once."""

from crosscheck.cli import batch, difference, organisation, rules, run, worth, years
from crosscheck.cli.group import main

__all__ = ["batch", "difference", "main", "organisation", "rules", "run", "worth", "years"]
