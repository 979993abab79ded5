"""Markers: the signs by which official statistics say why there is no figure, each read as one of the absences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

from crosscheck.collection.problems import CONVERTED, Problem, as_one

if TYPE_CHECKING:
    from collections.abc import Iterable

    from crosscheck.collection.files import Sheet
    from crosscheck.contract.table import Column

WITHHELD: Final = "withheld"

# What each sign means (Government Statistical Service: symbols in tables; older ones as departments used them).
MARKERS: Final = {
    **dict.fromkeys(("[c]", "*", "**", "suppressed", "withheld"), WITHHELD),
    **dict.fromkeys(("[z]", "n/a", "na", "not applicable"), "not_applicable"),
    **dict.fromkeys(("[x]", "[u]", ":", "..", "...", "n/k", "nk", "not known"), "not_known"),
    **dict.fromkeys(("nil", "-", "–", "—", "null"), "no_answer"),
}

# A number below a limit is a small number withheld: "<5".
FEWER_THAN: Final = r"^(<|&lt;) ?[0-9]{1,2}$"

# What is read of each, in words; and what to do.
_READ_AS: Final = {
    WITHHELD: "withheld, so that there is no figure",
    "not_applicable": "not applicable, so that there is no figure",
    "not_known": "not known",
    "no_answer": "no figure, and not as 0",
}
_REMEDY: Final = {
    WITHHELD: "Nothing needs to be done, if the figure may not be given.",
    "no_answer": "Write 0 where that is meant; leave the cell empty where nothing is known.",
}


def marked(text: pl.Expr) -> pl.Expr:
    """What a marker says: `withheld` or an absence; null for any other text."""
    word = text.str.strip_chars().str.to_lowercase()
    said = word.replace_strict(MARKERS, default=None, return_dtype=pl.String)
    return pl.when(word.str.contains(FEWER_THAN)).then(pl.lit(WITHHELD)).otherwise(said)


def describe_marker(row: int, column: str, text: str, said: str) -> Problem:
    """What is said of a marker."""
    remedy = _REMEDY.get(said, "Leave the cell empty, or give the figure.")
    return Problem(row, column, text, f"A marker; read as {_READ_AS[said]}.", remedy, CONVERTED)


def read_markers(sheet: Sheet, columns: Iterable[Column]) -> Sheet:
    """Empty the cells of numbers and dates that hold a marker; each kind is told once a column, with how many."""
    figures = [column for column in columns if column.kind in ("number", "date") and column.name in sheet.rows.columns]
    if not figures:
        return sheet
    # One pass finds the columns that hold anything but numbers; most have none and cost no more.
    odd = sheet.rows.select((~pl.col(column.name).str.contains("^[0-9]")).any() for column in figures).row(0)
    for column in (column for column, is_odd in zip(figures, odd, strict=True) if is_odd):
        words = sheet.rows.select("row", text=column.name).filter(~pl.col("text").str.contains("^[0-9]"))
        said = words.with_columns(said=marked(pl.col("text"))).drop_nulls("said")
        if said.is_empty():
            continue
        kinds = said.sort("row").group_by("text", "said", maintain_order=True)
        found = [
            problem
            for (text, kind), group in kinds
            for problem in as_one(
                [describe_marker(row, column.name, str(text), str(kind)) for row in group["row"]], most=1
            )
        ]
        emptied = pl.when(~pl.col("row").is_in(said["row"].implode())).then(column.name).alias(column.name)
        sheet = sheet.noting(found, sheet.rows.with_columns(emptied))
    return sheet
