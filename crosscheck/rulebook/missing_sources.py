"""Checks that cannot be completed because a whole source is missing from the collection."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from crosscheck.rulebook.condition import is_same, names_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from crosscheck.rulebook.rule import Rule, Rulebook

RELATIONSHIPS = "relationships"


def checks_lost(rulebook: Rulebook, cases: pl.DataFrame, ties: pl.DataFrame | None) -> pl.DataFrame:
    """Name the checks that speak of something of which the collection holds nothing at all.

    Args:
        rulebook: the rules.
        cases: one row a declaration.
        ties: who is tied to whom; None where the collection has no such table.

    Returns:
        One row a source and check, sorted: `source` (a name, as `hes.deliveries`, under which no case holds anything;
        or `relationships`), `check_id`. Questions are left out: who did not answer them is told case by case.
    """
    nulls = cases.null_count().row(0, named=True)
    missing = {name for name, absent in nulls.items() if absent == cases.height}
    rows = [(source, rule.id) for rule in rulebook for source in _missing_sources_of(rule, missing, ties)]
    return pl.DataFrame(rows, schema={"source": pl.String, "check_id": pl.String}, orient="row").unique().sort(pl.all())


def _missing_sources_of(rule: Rule, missing: set[str], ties: pl.DataFrame | None) -> Iterator[str]:
    for condition in rule.conditions:
        for name in names_in(condition):
            shares_value = is_same(name.relation)
            held_as = name.name.removeprefix(f"{name.relation}.") if shares_value else name.name
            if name.relation and not shares_value and ties is None:
                yield RELATIONSHIPS
            elif (shares_value or not name.relation) and not name.absences and held_as in missing:
                yield held_as
