"""Tables as files that are safe to open: CSV, Parquet, and cells that no spreadsheet runs as a formula."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl
import polars.selectors as cs

if TYPE_CHECKING:
    from pathlib import Path

# A spreadsheet runs a text cell that begins like this (OWASP, CSV injection). A plain signed number is no formula.
_FORMULA: Final = r"^[=+\-@\t\r]"
_SIGNED_NUMBER: Final = r"^[+\-]\d[\d.,]*\s?%?$"


def guard_formulas(table: pl.DataFrame) -> pl.DataFrame:
    """Put an apostrophe before every text that a spreadsheet would take for a formula; all else stays as it is."""
    texts = cs.string()
    runs = texts.str.contains(_FORMULA) & texts.str.contains(_SIGNED_NUMBER).not_()
    return table.with_columns(pl.when(runs).then(pl.lit("'") + texts).otherwise(texts).name.keep())


def write_csv(table: pl.DataFrame, file: Path) -> None:
    """Write one table as UTF-8 CSV: an absent value is an empty cell, an empty text is quoted."""
    plain = table.with_columns(cs.enum().cast(pl.String))
    guard_formulas(plain).write_csv(file)


def write_parquet(table: pl.DataFrame, file: Path) -> None:
    """Write one table as Parquet, types and absent values kept."""
    try:
        table.write_parquet(file, compression="zstd", statistics=False)
    except pl.exceptions.ComputeError as error:  # so polars tells that a disk is full
        raise OSError(str(error)) from error
