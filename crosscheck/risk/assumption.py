"""What the risks would be if another share of declarations of compliance were in truth wrong: an assumption, tried."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl
from scipy.special import ndtri

from crosscheck.risk.evidence import NATS_IN_DECIBANS, lift_silence, probability, silence, solve_level
from crosscheck.risk.intervals import TO_VISIT
from crosscheck.risk.weights import PROBIT
from crosscheck.vocabulary import means_met

if TYPE_CHECKING:
    from crosscheck.risk.estimate import Risk
    from crosscheck.risk.model import RiskModel

SHARES: Final = (0.08, 0.20)
_KEYS: Final = ("org_code", "function")


@dataclass(frozen=True)
class AssumedShare:
    """What would be if another `share` of declarations of compliance were in truth wrong: shares, from 0 to 1.

    `first` is the risk of the first to visit then, `mean_to_capacity` the mean as far as the visits reach.
    """

    share: float
    first: float
    mean_to_capacity: float


def vary_prevalence(listed: pl.DataFrame, cases: pl.DataFrame, risk: Risk, model: RiskModel) -> pl.DataFrame:
    """The risks of the declarations to visit, if another share of declarations of compliance were in truth wrong.

    The weights of the evidence stay as they are, and so does the order; the level of all risks is solved anew.

    Args:
        listed: the visit list: `org_code`, `function`, `rank`, `pool`.
        cases: one row a declaration.
        risk: all parts, and how much is known of each declaration.
        model: where silence begins.

    Returns:
        One row a share (`SHARES`) and declaration to visit: `share`, `rank`, `risk`.
    """
    sums = (
        risk.parts.filter(~pl.col("family").is_in(["prior", "visited"]) & (pl.col("part") != "no return"))
        .group_by(_KEYS)
        .agg(pl.col("decibans").sum())
    )
    about = (
        cases.select(pl.col(_KEYS).cast(pl.String), compliant=means_met("declared.status"), silent=silence(model))
        .join(listed.select(pl.col(_KEYS).cast(pl.String), "rank", "pool"), on=_KEYS)
        .join(risk.weighed.declarations.select(pl.col(_KEYS).cast(pl.String), "known"), on=_KEYS, how="left")
        .join(sums, on=_KEYS, how="left")
        .with_columns(pl.col("known", "decibans").fill_null(0.0))
        .sort(_KEYS)
    )
    shares = np.array(SHARES)
    spread = PROBIT * ndtri(shares)[None, :] * (1 / np.sqrt(1 - about["known"].to_numpy()) - 1)[:, None]
    before = about["decibans"].to_numpy()[:, None] + spread
    silent, compliant = about["silent"].to_numpy(), about["compliant"].to_numpy()
    average = np.log(shares / (1 - shares)) * NATS_IN_DECIBANS
    level = solve_level(before, silent, compliant, shares)
    risks = probability(lift_silence(before + level, silent[:, None], average))
    varied = [
        about.select("rank", "pool", share=pl.lit(share), risk=pl.Series(risks[:, at]))
        for at, share in enumerate(SHARES)
    ]
    return pl.concat(varied).filter(pl.col("pool") == TO_VISIT).select("share", "rank", "risk").sort("share", "rank")
