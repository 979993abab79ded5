"""Runs of a former release, read as if this one had written them: what they do not say is absent.

Until version 0.1.0 a run had one list without pools, no tables of duties, follow-up and places, and a manifest without
the draw and without how the risk was estimated.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from crosscheck.contract.kept import KEPT
from crosscheck.contract.outputs import FURTHER, OUTPUTS

if TYPE_CHECKING:
    from crosscheck.runs.manifest import Manifest

_TABLES: Final = {**{name: OUTPUTS[name] for name in ("duties", "follow_up")}, "places": KEPT["places"]}
_RULE_ENTRIES: Final = {"innocent": "explanations", "ask": "lines_of_enquiry"}


def read_rules(content: str | bytes) -> list[dict[str, Any]]:
    """The rules that a run used (its `rulebook.json`), each entry under its name of this release."""
    return [{_RULE_ENTRIES.get(key, key): value for key, value in rule.items()} for rule in json.loads(content)]


GROWN: Final = ("visit_list", "doubts")  # tables that had fewer columns in former runs

# What runs lack that were made before each organisation was accounted for, and no value was in doubt.
_ACCOUNTS: Final = {
    **{name: OUTPUTS[name] for name in ("not_assessed", "doubts")},
    "mentions": KEPT["mentions"],
}


def list_without_rows(name: str, manifest: Manifest) -> pl.LazyFrame | None:
    """A table that a run of a former release lacks, without a row; None where it has it, or there is no such table."""
    lacking = (_TABLES if manifest.is_former else {}) | (_ACCOUNTS if manifest.accounts is None else {})
    if name not in lacking:
        return None
    without = lacking[name].empty().lazy()
    return add_columns(without, name) if name in FURTHER else without


def add_columns(listed: pl.LazyFrame, name: str) -> pl.LazyFrame:
    """A table (`GROWN`) of a former run with the columns that it lacks, empty; that of this release as it is."""
    present = listed.collect_schema().names()
    lacking = (column for column in FURTHER[name] if column.name not in present)
    return listed.with_columns(pl.lit(None, column.dtype).alias(column.name) for column in lacking)
