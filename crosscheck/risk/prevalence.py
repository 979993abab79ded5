"""How many declarations of compliance are in truth wrong: from random visits, visitors' errors taken out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from crosscheck.risk.model import RiskModel

_LEAST_SHARE: Final = 0.01
_MOST_SHARE: Final = 0.6


@dataclass(frozen=True)
class Prevalence:
    """The share in truth wrong.

    `found` is the share that random visits find, `share` what follows for the truth, `sd` how unsure that is, `visits`
    how many random visits of the collection count, `weight` what they and the stated share are worth together, in
    visits of the year.
    """

    share: float
    sd: float
    found: float
    visits: int
    weight: float


def estimate_lapse_share(visits: pl.DataFrame, model: RiskModel, year: str) -> Prevalence:
    """Estimate the share of declarations of compliance that are in truth wrong.

    The stated share counts as so many visits. To these are added the random visits of the collection: those of the year
    in full, each former one with what is left of it after the years that have passed: a country's share changes more
    slowly than one organisation does. Of what they find the visitors'
    errors are taken out: (share found - 1 + specificity) / (sensitivity + specificity - 1) (Rogan and Gladen 1978,
    American Journal of Epidemiology 107:71-76). Visits chosen by risk say nothing of it.

    Args:
        visits: conformed, on the standard, without those that the model was learnt from already.
        model: the stated share and how fast what visits say of it fades, the visitors' errors.
        year: the assessment year.
    """
    ago = int(year[:4]) - pl.col("year").str.slice(0, 4).cast(pl.Int64)
    random = visits.filter((pl.col("selected_by") == "random") & (ago >= 0))
    left = model.prior.fading**ago
    seen, qualified = random.select(left.sum(), (left * (pl.col("finding") == "qualified")).sum().alias("found")).row(0)
    weight = model.prior.visits + seen
    found = (model.prior.found_share * model.prior.visits + qualified) / weight
    # With few visits the correction can leave 0 to 1; the bounds keep log-odds finite.
    share = min(max(model.visitors.in_truth(found), _LEAST_SHARE), _MOST_SHARE)
    sd = float(np.sqrt(found * (1 - found) / weight)) / model.visitors.power
    return Prevalence(float(share), sd, float(found), random.height, float(weight))
