"""Rows of a frame as frozen dataclasses, for pages: who reads one gets a name and a type instead of a key."""

from __future__ import annotations

from dataclasses import fields
from typing import TypeVar

import polars as pl

Row = TypeVar("Row")


def typed_rows(frame: pl.DataFrame, kind: type[Row]) -> list[Row]:
    """The rows of a frame in their order.

    Args:
        frame: has a column for each field of `kind`; further columns are left out, and null is None.
        kind: a dataclass whose fields bear the names of columns.

    Raises:
        polars.exceptions.ColumnNotFoundError: a column is missing.
    """
    names = [field.name for field in fields(kind)]  # type: ignore[arg-type]  # no bound says: a dataclass
    return [kind(*row) for row in frame.select(names).iter_rows()]


def typed_rows_by(frame: pl.DataFrame, kind: type[Row], *keys: str) -> dict[tuple[str, ...], list[Row]]:
    """The same, parted by the text of some columns; the rows of each part keep their order."""
    parted: dict[tuple[str, ...], list[Row]] = {}
    for key, row in zip(frame.select(keys).cast(pl.String).iter_rows(), typed_rows(frame, kind), strict=True):
        parted.setdefault(key, []).append(row)
    return parted
