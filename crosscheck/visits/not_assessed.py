"""Who is not on the list, and why: no organisation that the collection speaks of vanishes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Mapping

SCHEMA: Final = pl.Schema(
    {"org_code": pl.String(), "file": pl.String(), "row": pl.Int64(), "reason": pl.String(), "successor": pl.String()}
)

# Which mention of an organisation says why it is not on the list: what was set aside, its own row before others.
_FIRST: Final = (pl.col("why").is_null(), pl.col("table") != "organisations", pl.col("file"), pl.col("row"))


def list_not_assessed(
    mentions: pl.DataFrame,
    tables: Mapping[str, pl.DataFrame],
    listed: pl.DataFrame,
    predecessors: pl.DataFrame,
    year: str,
) -> pl.DataFrame:
    """List every organisation that the collection speaks of and that is not on the list.

    Args:
        mentions: one row a row of organisations, or a declaration of the year (`Collection.mentions`).
        tables: what could be read, for who is an organisation in scope.
        listed: the visit list.
        predecessors: who came before whom (`network.succession.Lineage`).
        year: the run's.

    Returns:
        One row an organisation, by code: `org_code`, `file` and `row` of what says why, `reason`, and `successor`,
        under which a former body is assessed, null for all others. Rows without a code are listed one by one.
    """
    in_scope = tables["organisations"].select("org_code", in_scope=pl.lit(value=True))
    # A second row of an organisation whose first row stands is not why the organisation is not on the list.
    second = pl.col("in_scope") & (pl.col("table") == "organisations") & pl.col("why").is_not_null()
    absent = (
        mentions.join(listed.select("org_code"), on="org_code", how="anti")
        .join(in_scope, on="org_code", how="left", maintain_order="left")
        .filter(~second.fill_null(value=False))
        .with_row_index("order")
    )
    body = pl.coalesce("org_code", pl.format("\n{}", "order"))
    grouped = (
        absent.sort(_FIRST)
        .group_by(body.alias("body"), maintain_order=True)
        .agg(
            pl.col("org_code", "file", "row", "table", "why", "in_scope").first(),
            declares=((pl.col("table") == "declarations") & pl.col("why").is_null()).any(),
        )
        .join(_successors(predecessors, listed), on="org_code", how="left")
    )
    is_former = pl.col("in_scope").is_null() & pl.col("why").is_null()
    successor = pl.when(is_former).then("successor")
    return grouped.select("org_code", "file", "row", reason=_reason(year), successor=successor).sort(
        "org_code", "file", "row", nulls_last=True
    )


def list_lost_declarations(mentions: pl.DataFrame, listed: pl.DataFrame) -> pl.DataFrame:
    """List the declarations of the year that were set aside of organisations that are on the list all the same.

    Returns:
        One row a declaration's row: `org_code`, `file`, `row`, `why`; such a function is assessed by nobody.
    """
    lost = mentions.filter((pl.col("table") == "declarations") & pl.col("why").is_not_null())
    of_listed = lost.join(listed.select("org_code"), on="org_code", how="semi")
    return of_listed.select("org_code", "file", "row", "why").sort("org_code", "file", "row", nulls_last=True)


def _reason(year: str) -> pl.Expr:
    """Why, in one sentence or two."""
    own, declared = pl.lit("Its row in organisations was set aside. "), pl.lit("Its declaration was set aside. ")
    return (
        pl.when(pl.col("why").is_not_null())
        .then(pl.when(pl.col("table") == "organisations").then(own).otherwise(declared) + pl.col("why"))
        .when(pl.col("in_scope").is_null() & pl.col("successor").is_not_null())
        .then(pl.format("A former body: its successor {} is on the list.", "successor"))
        .when(pl.col("in_scope").is_null())
        .then(pl.lit("A former body, and none of its successors is on the list."))
        .when(pl.col("declares"))
        .then(pl.lit(f"Its declarations for {year} are on another standard."))
        .otherwise(pl.lit(f"It has no declaration for {year}."))
    )


def _successors(predecessors: pl.DataFrame, listed: pl.DataFrame) -> pl.DataFrame:
    """The nearest successor of each former body that is on the list."""
    nearest = predecessors.join(listed.select("org_code").unique(), on="org_code", how="semi").sort("depth", "org_code")
    return nearest.group_by("predecessor").agg(successor=pl.col("org_code").first()).rename({"predecessor": "org_code"})
