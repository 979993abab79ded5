"""Sheets: all that a run says of a few organisations that stand side by side, kept together for a page to be quick.

As rows of the database the 240,000 rows that only a dossier reads would take seconds to save. A few organisations share
a sheet since they share most of its texts: with fewer the sheets are larger and take longer to save, with more each
takes longer to read.
"""

from __future__ import annotations

import io
from functools import reduce
from typing import TYPE_CHECKING, Final

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Mapping

_ON_A_SHEET: Final = 6  # organisations
_SHEET: Final = {"first": pl.String, "last": pl.String, "content": pl.Binary}


def lay_out_sheets(tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Put the rows of each organisation together, and a few organisations on a sheet.

    Args:
        tables: by name; each has `org_code`, and keeps its order within an organisation.

    Returns:
        One row a sheet: `first` and `last` organisation, `content` as Parquet.
    """
    gathered = (_gather(name, table.lazy()) for name, table in tables.items())
    organisations = reduce(_beside, gathered).sort("org_code").with_row_index("sheet").collect()
    # As partitions, not as slices: a slice of lists carries all that the others hold through every write.
    sheets = organisations.with_columns(pl.col("sheet") // _ON_A_SHEET).partition_by("sheet", include_key=False)
    ends = [(sheet["org_code"][0], sheet["org_code"][-1], _write(sheet)) for sheet in sheets]
    return pl.DataFrame(ends, _SHEET, orient="row")


def read_sheet(content: bytes, org_code: str) -> dict[str, pl.DataFrame]:
    """The rows of one organisation by table, without its code, as they were laid out; no table if it is not there."""
    sheet = pl.read_parquet(content)
    place = sheet["org_code"].index_of(org_code)
    if place is None:
        return {}
    return {lists.name: lists[place : place + 1].drop_nulls().explode().struct.unnest() for lists in sheet[:, 1:]}


def _gather(name: str, table: pl.LazyFrame) -> pl.LazyFrame:
    """One row an organisation, with all its rows of a table as a list."""
    rows = pl.struct(pl.exclude("org_code")).alias(name)
    return table.group_by("org_code", maintain_order=True).agg(rows)


def _beside(one: pl.LazyFrame, other: pl.LazyFrame) -> pl.LazyFrame:
    return one.join(other, on="org_code", how="full", coalesce=True)


def _write(sheet: pl.DataFrame) -> bytes:
    written = io.BytesIO()
    sheet.write_parquet(written, compression="lz4", statistics=False)
    return written.getvalue()
