"""Whether intervals cover what they are of: the number of lapses in groups of declarations of like risk."""

from __future__ import annotations

import numpy as np
import polars as pl

from crosscheck.risk.estimate import Risk
from crosscheck.risk.intervals import draw_risks
from tests.risk.invented import MODEL

KEYS = ("org_code", "function")


def cover_lapses(risk: Risk, cases: pl.DataFrame, lapse: pl.DataFrame, groups: int) -> list[bool]:
    """For each group, from the highest risks to the lowest: whether the 90% interval of its number of lapses covers it.

    The number is drawn from the same draws as the intervals of single risks, each lapse by chance with its risk there.

    Args:
        risk: what was estimated.
        cases: the declarations.
        lapse: one row a declaration that is judged: `org_code`, `function`, `lapse`.
        groups: into how many groups of equal number they are cut.
    """
    drawn = draw_risks(cases, risk, MODEL)
    totals = risk.parts.group_by(KEYS).agg(pl.col("decibans").sum().round(6))
    judged = (
        drawn.join(totals.with_columns(pl.col("function").cast(pl.String)), on=KEYS)
        .sort("decibans", *KEYS, descending=[True, False, False])
        .join(lapse, on=KEYS, maintain_order="left")
    )
    draws = judged["drawn"].to_numpy()
    true = judged["lapse"].to_numpy()
    generator, covered = np.random.default_rng(1), []
    for group in np.array_split(np.arange(len(true)), groups):
        numbers = (generator.random((len(group), draws.shape[1])) < draws[group]).sum(axis=0)
        low, high = np.quantile(numbers, [0.05, 0.95])
        covered.append(bool(low <= true[group].sum() <= high))
    return covered
