"""The visit list: every declaration of the year, the first to visit first, with its reason."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

from crosscheck.contract.inputs import INPUTS
from crosscheck.contract.outputs import FURTHER, OUTPUTS

if TYPE_CHECKING:
    from collections.abc import Mapping

_KEYS: Final = ("org_code", "function")
_VISIT: Final = (*_KEYS, "year", "visited_on")  # a wave that was appended as well counts once
_CRITERION: Final = (*_KEYS, "year", "question_id", "item")


def all_visits(tables: Mapping[str, pl.DataFrame], standard: str) -> pl.DataFrame:
    """All visits on a standard: those of former years, and the first wave of the year where it is there.

    Args:
        tables: of a collection, or of a kept run; `visits`, `visits_wave_1` or both.
        standard: the run's; a visit that states none was on it, and visits on others teach nothing and count nowhere.

    Returns:
        `inputs.INPUTS["visits"]`, each visit once though both tables have it.
    """
    return _gather(tables, "visits", standard).unique(_VISIT, keep="first", maintain_order=True)


def list_visit_items(tables: Mapping[str, pl.DataFrame], standard: str) -> pl.DataFrame:
    """All criteria that visits on a standard looked at, under the terms of `all_visits`.

    Returns:
        `inputs.INPUTS["visit_items"]`, without a row where the collection has neither table.
    """
    return _gather(tables, "visit_items", standard).unique(_CRITERION, keep="first", maintain_order=True)


def of_standard(visits: pl.DataFrame, standard: str) -> pl.DataFrame:
    """The rows of visits, or of what they saw, that are on a standard; a row that states none is on it."""
    return visits.filter(pl.col("standard").fill_null(standard) == standard)


def _gather(tables: Mapping[str, pl.DataFrame], name: str, standard: str) -> pl.DataFrame:
    """A table and that of the first wave; columns that a run of an earlier version did not keep are empty."""
    held = [tables[table] for table in (name, f"{name}_wave_1") if table in tables]
    return of_standard(pl.concat([INPUTS[name].empty(), *held], how="diagonal"), standard)


def describe_declarations(cases: pl.DataFrame, ranked: pl.DataFrame, visits: pl.DataFrame) -> pl.DataFrame:
    """Say who each ranked declaration is of, what it declares, and what a visit found if there was one.

    Args:
        cases: one row a declaration.
        ranked: one row a declaration, the first to visit first, with its pool.
        visits: visits of the year; of several to one declaration the last counts.

    Returns:
        `ranked` with `name`, `org_type`, `region`, `declared`, and `visited`: the finding, null where nobody was.
    """
    found = visits.sort(*_KEYS, "visited_on", "finding").unique(_KEYS, keep="last", maintain_order=True)
    identities = cases.select(
        *_KEYS,
        pl.col("organisation.name").alias("name"),
        pl.col("organisation.org_type").cast(pl.String).alias("org_type"),
        pl.col("organisation.region").alias("region"),
        pl.col("declared.status").cast(pl.String).alias("declared"),
    )
    return ranked.join(identities, on=_KEYS, how="left", maintain_order="left").join(
        found.select(*_KEYS, visited="finding"), on=_KEYS, how="left", maintain_order="left"
    )


def build_visit_list(
    declarations: pl.DataFrame,
    planned: pl.DataFrame,
    findings: pl.DataFrame,
    duties: pl.DataFrame,
    reasons: pl.DataFrame,
) -> pl.DataFrame:
    """Complete the list: who is visited and why, how much differs, how much is open.

    Args:
        declarations: ranked and named, the first to visit first.
        planned: one row a declaration, `selected_by` and `inclusion_probability`.
        findings: one row a check on a declaration.
        duties: one row a declaration and statutory duty that its own answers say is unmet.
        reasons: one row a declaration: `reason`, one sentence.

    Returns:
        `outputs.OUTPUTS["visit_list"]`, the first to visit first, and after its columns those of `outputs.FURTHER`:
        `pool`, `duties_unmet`, `decibans` (the sum of the parts), `among_capacity` (how likely its organisation is
        among the first that can be visited), and `visited`, what a visit of the year found.
    """
    verdicts = findings.group_by(_KEYS).agg(
        flags=(pl.col("verdict") == "differs").sum(), unknowns=(pl.col("verdict") == "cannot_tell").sum()
    )
    unmet = duties.group_by(_KEYS).agg(duties_unmet=pl.len())
    listed = (
        declarations.join(planned, on=_KEYS, how="left", maintain_order="left")
        .join(verdicts, on=_KEYS, how="left", maintain_order="left")
        .join(unmet, on=_KEYS, how="left", maintain_order="left")
        .join(reasons, on=_KEYS, how="left", maintain_order="left")
        .with_columns(
            pl.col("flags", "unknowns", "duties_unmet").fill_null(0).cast(pl.Int64),
            pl.col("pool").cast(pl.String),
        )
    )
    rounded = pl.col("risk", "risk_low", "risk_high").round(6)
    further = [column.name for column in FURTHER["visit_list"]]
    return listed.with_columns(rounded, pl.col("decibans", "among_capacity").round(4)).select(
        *OUTPUTS["visit_list"].schema.names(), *further
    )
