"""Runs of a former release, read as if this one had written them: what they do not say is absent.

Until version 0.1.0 a run had one list without pools, no tables of duties, follow-up and places, and a manifest without
the draw and without how the risk was estimated.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import polars as pl

from crosscheck.contract.kept import KEPT
from crosscheck.contract.outputs import FURTHER, OUTPUTS

if TYPE_CHECKING:
    from collections.abc import Mapping

_TABLES: Final = {**{name: OUTPUTS[name] for name in ("duties", "follow_up")}, "places": KEPT["places"]}

# What runs lack that were made before each organisation was accounted for.
_ACCOUNTS: Final = {"not_assessed": OUTPUTS["not_assessed"], "mentions": KEPT["mentions"]}


def is_former(manifest: Mapping[str, Any]) -> bool:
    """Whether a run was made before pools, duties and `visit_risk` v3."""
    return "risk" not in manifest


def list_without_rows(name: str, manifest: Mapping[str, Any]) -> pl.LazyFrame | None:
    """A table that a run of a former release lacks, without a row; None where it has it, or there is no such table."""
    lacking = (_TABLES if is_former(manifest) else {}) | ({} if "accounts" in manifest else _ACCOUNTS)
    return lacking[name].empty().lazy() if name in lacking else None


def add_columns(listed: pl.LazyFrame) -> pl.LazyFrame:
    """The visit list of a former run with the columns that it lacks, empty; that of this release as it is."""
    present = listed.collect_schema().names()
    lacking = (column for column in FURTHER["visit_list"] if column.name not in present)
    return listed.with_columns(pl.lit(None, column.dtype).alias(column.name) for column in lacking)
