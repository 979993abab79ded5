"""Values in doubt or set aside: no risk is lower for them than with no answer, or than with what they likely mean.

A value in doubt counts as no answer, and no answer as the average one, so that a slip among bad answers would pay. The
risk is therefore estimated twice, and where the likely meaning is worse the difference is a part of its own.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import polars as pl

from crosscheck.risk.evidence import PARTS, probability

if TYPE_CHECKING:
    from crosscheck.risk.estimate import Risk

FAMILY: Final = "doubts"

# One row a declaration of an organisation with a value in doubt: its risk if these are no answers, and if they are
# what they likely mean. The worse of the two counts.
IN_DOUBT: Final = pl.Schema(
    {"org_code": pl.String(), "function": pl.String(), "risk_no_answer": pl.Float64(), "risk_as_likely": pl.Float64()}
)
_KEYS: Final = ("org_code", "function")
_NAMED: Final = 3  # values that the reason of a part names
_DECIMALS: Final = 6


def add_doubts(risk: Risk, as_likely: Risk, tried: pl.DataFrame) -> Risk:
    """Let no declaration fare better by its values in doubt.

    Args:
        risk: estimated with these values as no answer.
        as_likely: estimated with them as they are likely meant.
        tried: one row a value in doubt or set aside (`collection.likely.TRIED`).

    Returns:
        `risk` with a part of family `doubts` for each declaration of an organisation with such values whose risk is
        higher as they are likely meant, so that it comes to that risk; and with `in_doubt` (`IN_DOUBT`). The level is
        not solved anew: whoever is in doubt makes no other risk lower.
    """
    sums = _sum_parts(risk.parts, "no_answer").join(_sum_parts(as_likely.parts, "as_likely"), on=_KEYS)
    doubted = sums.join(_describe(tried), on="org_code").sort(_KEYS)
    added = (pl.col("as_likely") - pl.col("no_answer")).round(_DECIMALS)
    parts = doubted.with_columns(decibans=added).filter(pl.col("decibans") > 0).select(
        *_KEYS,
        family=pl.lit(FAMILY), group=pl.lit(FAMILY), part=pl.lit("values in doubt"), worth="decibans",
        decibans="decibans", sd=pl.lit(0.0), reason="reason", source="source",
    )  # fmt: skip
    both = (
        pl.Series(name, probability(doubted[column].to_numpy()))
        for name, column in {"risk_no_answer": "no_answer", "risk_as_likely": "as_likely"}.items()
    )
    together = pl.concat([risk.parts, parts.cast(PARTS)]).sort(*_KEYS, "family", "group", "part")
    return replace(risk, parts=together, in_doubt=doubted.select(_KEYS).with_columns(both))


def _sum_parts(parts: pl.DataFrame, name: str) -> pl.DataFrame:
    return parts.group_by(_KEYS).agg(pl.col("decibans").sum().alias(name))


def _describe(tried: pl.DataFrame) -> pl.DataFrame:
    """One row an organisation: which of its values are in doubt or were set aside, in a sentence."""
    value = pl.format("{} {} (likely {})", "about", "value", "likely")
    further = pl.len() - _NAMED
    named = value.head(_NAMED).str.join(", ")
    which = pl.when(further > 0).then(pl.format("{} and {} more", named, further)).otherwise(named)
    aside = pl.col("set_aside").any()
    reason = pl.format(
        "Values in doubt{} count as no answer or as they are likely meant, whichever is worse, until they are "
        "confirmed or corrected: {}.",
        pl.when(aside).then(pl.lit(" or set aside")).otherwise(pl.lit("")),
        which,
    )
    source = pl.when(aside).then(pl.lit("doubts.csv, problems.csv")).otherwise(pl.lit("doubts.csv"))
    return tried.group_by("org_code", maintain_order=True).agg(reason=reason, source=source)
