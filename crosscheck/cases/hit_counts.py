"""How often a declaration was not upheld where something spoke against it, and where it did not: counted in one place.

What speaks is a rule that differs or a criterion of which a visit found the evidence absent. The risk learns from these
counts, and pages show them.
"""

from __future__ import annotations

from typing import Final

import polars as pl

COUNTS: Final = ("flagged", "flagged_not_upheld", "other", "other_not_upheld")


def count_outcomes(rows: pl.DataFrame, by: str, weight: pl.Expr) -> pl.DataFrame:
    """Count the outcomes of each rule or criterion.

    Args:
        rows: one row a visited declaration and rule or criterion: `flagged` (it speaks against the declaration),
            `not_upheld` (the visit did not uphold it; 1 or true is worse). What was left open may not be among them.
        by: the column that names the rule or criterion.
        weight: what each row counts for in the weighted sums.

    Returns:
        One row each, by name: `flagged`, `flagged_not_upheld`, `other`, `other_not_upheld`, how many there are, and
        the sums of their weights under the same names with `_weight` after them.
    """
    flagged, not_upheld = pl.col("flagged"), pl.col("not_upheld").cast(pl.Boolean)
    # Counts and weighted sums side by side: the counts are printed, the weights let old visits fade.
    groups = (flagged, flagged & not_upheld, ~flagged, ~flagged & not_upheld)
    named = dict(zip(COUNTS, groups, strict=True))
    counts = {name: group.sum().cast(pl.Int64) for name, group in named.items()}
    weights = {f"{name}_weight": (weight * group).sum() for name, group in named.items()}
    return rows.group_by(by).agg(**counts, **weights).sort(by)
