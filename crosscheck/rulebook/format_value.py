"""What a case holds, as a person would say it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

from crosscheck.vocabulary import WHY_ABSENT

if TYPE_CHECKING:
    from crosscheck.cases.cases import Name


_DECIMALS: Final = 3


def format_value(name: Name) -> pl.Expr:
    """The answer as a person would say it; what is absent says why."""
    why = [pl.col(name.name + WHY_ABSENT).cast(pl.String).str.replace_all("_", " ")] if name.absences else []
    return pl.coalesce(_format_known(name), *why, pl.lit("not known"))


def format_evidence(name: Name, words: pl.Expr, label: str | None = None) -> pl.Expr:
    """What it is called (its name, if nothing else is said) and, in words, what it is, with its unit."""
    if not name.unit or name.is_percentage:
        return pl.format(f"{label or name.name} = {{}}", words)
    first, *others = name.unit.split(" ")
    of_one = " ".join((first.removesuffix("s"), *others))
    value = pl.col(name.name)
    known = pl.when(value == 1).then(pl.lit(f" {of_one}")).when(value.is_not_null()).then(pl.lit(f" {name.unit}"))
    return pl.format(f"{label or name.name} = {{}}{{}}", words, known.otherwise(pl.lit("")))


def format_figure(text: str) -> pl.Expr:
    """What is worked out over peers or other organisations, to three figures, under the text that asks for it."""
    figure = pl.col(text).round_sig_figs(3).cast(pl.String).str.strip_suffix(".0")
    return pl.format(f"{text} = {{}}", figure.fill_null("not known"))


def _format_known(name: Name) -> pl.Expr:
    value = pl.col(name.name)
    match name.type:
        case "number":
            figure = value.round(_DECIMALS).cast(pl.String).str.strip_suffix(".0")
            return pl.format("{}%", figure) if name.is_percentage else figure
        case "flag":
            return pl.when(value).then(pl.lit("yes")).when(~value).then(pl.lit("no"))
        case "date":
            return value.dt.strftime("%-d %B %Y")
        case "text":
            return value
    return value.cast(pl.String).str.replace_all("_", " ")
