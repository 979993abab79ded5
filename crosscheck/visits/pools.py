"""Pools: which declarations a visit can test, which were visited this year, and which are to follow up."""

from __future__ import annotations

from typing import Final

import polars as pl

from crosscheck.vocabulary import POOL, means_met

_KEYS: Final = ("org_code", "function")


def assign_pools(cases: pl.DataFrame, visits_of_year: pl.DataFrame) -> pl.DataFrame:
    """Say of every declaration in which pool it is.

    Args:
        cases: one row a declaration: `org_code`, `function`, `declared.status`.
        visits_of_year: the visits of the year: `org_code`, `function`.

    Returns:
        One row a declaration, by `org_code`, `function`: `pool` (`vocabulary.POOL`, in the order of the list).
        `to_visit` is a declaration of compliance that was not visited this year, `visited` one that was. Any other
        status is `follow_up`, visited or not: there is no declaration of compliance to test.
    """
    visited = visits_of_year.select(_KEYS).unique().with_columns(was_visited=pl.lit(value=True))
    of_compliance = means_met("declared.status")
    # A declared lapse first: visited or not, there is no declaration of compliance to test.
    pool = (
        pl.when(~of_compliance)
        .then(pl.lit("follow_up", POOL))
        .when(pl.col("was_visited"))
        .then(pl.lit("visited", POOL))
        .otherwise(pl.lit("to_visit", POOL))
    )
    return cases.join(visited, on=_KEYS, how="left").select(*_KEYS, pool=pool).sort(_KEYS)
