"""How often each rule gives which verdict, and which rules differ on the same declarations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from crosscheck.vocabulary import VERDICTS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Counts = NDArray[np.float64]

# Fewer declarations than these on which two rules differ together say nothing of the two.
FEWEST_TOGETHER: Final = 5
EVERY_TYPE: Final = ""


def count_verdicts(findings: pl.DataFrame, visit_list: pl.DataFrame) -> pl.DataFrame:
    """Count the verdicts of every rule, over all declarations and by type of organisation.

    Args:
        findings: one row a rule and declaration.
        visit_list: one row a declaration, with the type of its organisation.

    Returns:
        One row a rule and type of organisation, by `check_id`, `org_type` (`EVERY_TYPE` first): `declarations` and one
        column a verdict, which add up to them. A type without a declaration has no row.
    """
    typed = findings.select("check_id", "org_code", "function", "verdict").join(
        visit_list.select("org_code", "function", "org_type"), on=["org_code", "function"]
    )
    of_all = typed.with_columns(org_type=pl.lit(EVERY_TYPE))
    counted = ((pl.col("verdict") == verdict).sum().alias(verdict) for verdict in VERDICTS)
    return (
        pl.concat([of_all, typed])
        .group_by("check_id", "org_type")
        .agg(pl.len().alias("declarations"), *counted)
        .sort("check_id", "org_type")
    )


def find_companions(findings: pl.DataFrame) -> pl.DataFrame:
    """Find rules that differ on the same declarations more often than by chance.

    By chance two rules would differ together as often as each differs by itself, over the declarations for which
    both are determined: so rules that apply to the same few declarations are no companions by that alone.

    Returns:
        One row a rule and companion, each pair both ways: `check_id`, `other_id`, `both_determined` (declarations),
        `observed` (differ on both), `expected` (the same by chance), `ratio` (above 1), the highest ratio first. Pairs
        with fewer than `FEWEST_TOGETHER` observed are left out.
    """
    wide = findings.pivot(on="check_id", index=["org_code", "function"], values="verdict", sort_columns=True)
    rules = wide.columns[2:]
    verdicts = wide.select(pl.col(rules).cast(pl.String).fill_null("not_applicable"))
    # As numbers, so that one product of matrices counts all pairs of rules.
    differs = verdicts.select(pl.all() == "differs").to_numpy().astype(np.float64)
    determined = verdicts.select(pl.all().is_in(["differs", "agrees"])).to_numpy().astype(np.float64)
    observed, expected, both_determined = _together(differs, determined)
    first, second = np.nonzero((observed >= FEWEST_TOGETHER) & (observed > expected) & ~np.eye(len(rules), dtype=bool))
    return pl.DataFrame(
        {
            "check_id": [rules[place] for place in first],
            "other_id": [rules[place] for place in second],
            "both_determined": both_determined[first, second].astype(np.int64),
            "observed": observed[first, second].astype(np.int64),
            "expected": expected[first, second],
            "ratio": observed[first, second] / expected[first, second],
        },
        schema_overrides={"check_id": pl.String, "other_id": pl.String},
    ).sort("check_id", "ratio", "observed", "other_id", descending=[False, True, True, False])


def _together(differs: Counts, determined: Counts) -> tuple[Counts, Counts, Counts]:
    """Of each two rules: on how many declarations both differ, on how many they would by chance, and both are told."""
    both_determined = determined.T @ determined
    differs_where_other_is_determined = differs.T @ determined
    by_chance = differs_where_other_is_determined * differs_where_other_is_determined.T / np.maximum(both_determined, 1)
    return differs.T @ differs, by_chance, both_determined
