"""What a collection would say if each value in doubt or set aside meant what it likely means.

The risk is tried with that too.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import polars as pl

from crosscheck.collection.set_aside import KEYS, SET_ASIDE, WORDS
from crosscheck.vocabulary import ABSENCE

if TYPE_CHECKING:
    from crosscheck.collection.read import Collection

# By what a doubt (`about`, `item`) is found again in each table, whatever its file looked like.
_ABOUT: Final = {
    "answers": (pl.col("question_id"), pl.when(pl.col("item") > 0).then(pl.col("item").cast(pl.String))),
    "indicators": (pl.format("{} {}", "source", "indicator"), pl.col("period")),
}
_FIGURE: Final = {"answers": "number", "indicators": "value"}
_KEY: Final = ("org_code", "about", "of_item")

# One row a value that bears on a risk: whose, of what, what stood there, what is likely, and whether its row is in no
# table.
TRIED: Final = pl.Schema(
    {
        "org_code": pl.String(),
        "about": pl.String(),
        "value": pl.String(),
        "likely": pl.String(),
        "set_aside": pl.Boolean(),
    }
)


def list_tried(collection: Collection) -> pl.DataFrame:
    """List the values that the risk is also tried with (`TRIED`): those in doubt, and those of rows set aside."""
    doubts = collection.doubts.drop_nulls("tried_as").select(
        "org_code", "about", "value", pl.col("likely").str.strip_suffix("?"), set_aside=pl.lit(value=False)
    )
    aside = [
        _still_aside(collection, name).select(
            "org_code", "about", value="stood", likely="likely", set_aside=pl.lit(value=True)
        )
        for name in SET_ASIDE
        if SET_ASIDE[name] in collection.tables
    ]
    return pl.concat([doubts.cast(TRIED), *(rows.cast(TRIED) for rows in aside)])


def _still_aside(collection: Collection, name: str) -> pl.DataFrame:
    """Rows set aside of a table that nobody gave anew: a correction that was accepted since counts alone."""
    return collection.tables[SET_ASIDE[name]].join(
        collection.tables[name], on=KEYS[name], how="anti", nulls_equal=True, maintain_order="left"
    )


def with_likely_values(collection: Collection) -> Collection:
    """The collection with each value in doubt as the number that it is tried as (`doubts.tried_as`).

    Args:
        collection: values in doubt are no answer in it, and rows set aside are not in its tables.

    Returns:
        The same collection where nothing is in doubt or set aside that bears on a risk and can be guessed.
    """
    doubts = collection.doubts.drop_nulls("tried_as")
    changed = {
        str(name): _with_values(collection.tables[str(name)], str(name), of_table)
        for (name,), of_table in doubts.partition_by("table", as_dict=True).items()
    }
    tables = {**collection.tables, **changed}
    further = {
        name: pl.concat([tables[name], _still_aside(collection, name).drop(*WORDS)]).sort(KEYS[name])
        for name in SET_ASIDE
        if SET_ASIDE[name] in tables
    }
    return replace(collection, tables={**tables, **further})


def _with_values(rows: pl.DataFrame, name: str, doubts: pl.DataFrame) -> pl.DataFrame:
    """One table with these values in the place of those left out."""
    if name not in _ABOUT:  # columns of organisations: `about` names the column itself
        for column in doubts["about"].unique().sort():
            rows = _filled(rows, column, pl.lit(column), pl.lit(""), doubts)
        return rows
    filled = _filled(rows, _FIGURE[name], *_ABOUT[name], doubts)
    if name != "answers":
        return filled
    lacking = pl.col("number").is_null()
    return filled.with_columns(absence=pl.when(lacking).then("absence").otherwise(pl.lit(None, ABSENCE)))


def _filled(rows: pl.DataFrame, column: str, about: pl.Expr, item: pl.Expr, doubts: pl.DataFrame) -> pl.DataFrame:
    values = doubts.select("org_code", "about", of_item="item", tried_as="tried_as")
    keyed = rows.with_columns(about=about, of_item=item.fill_null(""))
    joined = keyed.join(values, on=_KEY, how="left", maintain_order="left")
    figure = pl.coalesce("tried_as", column).cast(rows.schema[column]).alias(column)
    return joined.with_columns(figure).select(rows.columns)
