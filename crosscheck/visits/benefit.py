"""Expected benefit: what a visit can be expected to change, risk × severity × what a visit can change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import polars as pl

if TYPE_CHECKING:
    from crosscheck.visits.model import Gravity

_KEYS: Final = ("org_code", "function")


@dataclass(frozen=True)
class Gain:
    """What the visits that are not at random can be expected to bring, by one way to choose them.

    Attributes:
        chosen_by: `risk` or `expected_benefit`.
        finds: declarations that are expected not to be upheld: the sum of their risks.
        benefit: the sum of the expected benefits.
    """

    chosen_by: str
    finds: float
    benefit: float


def weigh_benefit(
    declarations: pl.DataFrame, findings: pl.DataFrame, gravity: Gravity, change_if_followed: float
) -> pl.DataFrame:
    """Add the expected benefit of a visit to each declaration.

    It is the product of three numbers between 0 and 1. *Risk*: the probability that the declaration is not upheld.
    *Severity*: the gravity of the gravest check that differs, as a share of the highest gravity; where nothing differs,
    that of the lowest. *What a visit can change*: 1, or less where another declaration of the organisation is followed
    up or was visited this year, since somebody works on it already.

    Args:
        declarations: one row a declaration: `org_code`, `function`, `pool`, `risk`.
        findings: one row a check on a declaration: `org_code`, `function`, `verdict`, `severity`, `waived` (null where
            it counts).
        gravity: how grave each severity is; only here do the steps between them count, too.
        change_if_followed: what a visit can change there.

    Returns:
        The declarations with `benefit` (higher is sooner visited), in their order.
    """
    grave = {severity: float(getattr(gravity, severity)) for severity in ("low", "medium", "high")}
    highest, lowest = max(grave.values()) or 1.0, min(grave.values())
    differs = findings.filter((pl.col("verdict") == "differs") & pl.col("waived").is_null())
    severity = pl.col("severity").cast(pl.String).replace_strict(grave, return_dtype=pl.Float64)
    # The gravest and not the sum: many slight differences must not outweigh one that may harm a child.
    worst = differs.group_by(_KEYS).agg(severity=severity.max() / highest)
    followed = (pl.col("pool").cast(pl.String) != "to_visit").any().over("org_code")
    change = pl.when(followed).then(change_if_followed).otherwise(1.0)
    joined = declarations.join(worst, on=_KEYS, how="left", maintain_order="left")
    severe = pl.col("severity").fill_null(lowest / highest)
    return joined.with_columns(benefit=pl.col("risk") * severe * change).drop("severity")


def compare_gain(organisations: pl.DataFrame, number: int) -> list[Gain]:
    """What the same number of visits brings, chosen by risk and by expected benefit.

    Args:
        organisations: who can be chosen, one row an organisation: `rank` (1 is the highest risk), `finds`, `benefit`.
        number: how many are visited.
    """
    orders = {"risk": ("rank", False), "expected_benefit": ("benefit", True)}
    chosen = {
        name: organisations.sort(by, "org_code", descending=[worst_first, False]).head(number)
        for name, (by, worst_first) in orders.items()
    }
    return [Gain(name, float(rows["finds"].sum()), float(rows["benefit"].sum())) for name, rows in chosen.items()]
