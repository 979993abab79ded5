"""The embedded collection cut to a few of its organisations, for what is true of any collection: the same, sooner."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import polars as pl

COLLECTION = Path(__file__).resolve().parent.parent / "data" / "england-2008-09"
_CODES = ("org_code", "from_code", "to_code")


def organisations() -> pl.DataFrame:
    """All that are in the embedded collection, in its order."""
    return pl.read_csv(COLLECTION / "organisations.csv", infer_schema=False)


def each_tenth() -> list[str]:
    return organisations()["org_code"][::10].to_list()


def of_each_type(number: int) -> list[str]:
    """So many of each type of organisation."""
    return organisations().group_by("org_type", maintain_order=True).head(number)["org_code"].to_list()


def cut_collection(to: Path, kept: Collection[str]) -> Path:
    """All that the embedded collection says of those kept, and no row that names another organisation."""
    to.mkdir()
    left_out = set(organisations()["org_code"]) - set(kept)
    for file in sorted(COLLECTION.glob("*.csv")):
        rows = pl.read_csv(file, infer_schema=False)
        named = [pl.col(name).is_in(left_out).fill_null(value=False) for name in rows.columns if name in _CODES]
        rows.filter(~pl.any_horizontal(*named, False)).write_csv(to / file.name)
    return to
