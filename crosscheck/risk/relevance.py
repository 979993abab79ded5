"""Which figures of others say anything of quality: each is judged by its own loading, whatever is beside it.

Of a figure of which much is stated one expects a loading near that, or none at all: somebody has named it for the
standard, and may have been wrong. The loading itself shows which. Without this, fifty figures drawn at random would
share what is expected of them, and move risks by chance.

Source: George and McCulloch 1993, Journal of the American Statistical Association 88:881-889 (two normal priors, one
narrow around nothing), each weighed by the normal likelihood where the search has settled (Laplace).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
from scipy.special import expit

if TYPE_CHECKING:
    from crosscheck.risk.model import Estimation

Floats = npt.NDArray[np.float64]

HELD: Final = 0.02  # standard deviation of a loading that is judged to say nothing
_MUCH: Final = 2.5  # standard deviations: with less that is expected, nothing and something can't be told apart
_CLEARLY: Final = 2.0  # power of the odds: what is as likely to say nothing counts half, what is likelier much less
_LEAST_PRECISION: Final = 1e-3
_FARTHEST: Final = 50.0  # log-odds


@dataclass(frozen=True)
class Seen:
    """One row an item, of its loading on quality.

    Attributes:
        of_others: whether it may be judged: no own account, and no visit.
        stated, stated_sd: what the model states.
        found, sd: where the search has settled.
        expected, precision: what the search held it to beside the evidence.
    """

    of_others: npt.NDArray[np.bool_]
    stated: Floats
    stated_sd: Floats
    found: Floats
    sd: Floats
    expected: Floats
    precision: Floats


def find_irrelevant(seen: Seen, estimation: Estimation) -> Floats:
    """From 0 (says nothing) to 1 (says what is stated, or something near it) for each item; 1 for what is not judged.

    What the evidence alone says of a loading is what the search found, less what it was held to.
    """
    precision = np.maximum(seen.sd**-2 - seen.precision, _LEAST_PRECISION)
    alone, error = (seen.found * seen.sd**-2 - seen.expected * seen.precision) / precision, precision**-0.5
    something = _log_density(alone - seen.stated, np.hypot(error, seen.stated_sd))
    nothing = _log_density(alone, np.hypot(error, estimation.irrelevant_sd))
    odds = something - nothing + np.log((1 - estimation.irrelevant_share) / estimation.irrelevant_share)
    judged = seen.of_others & (seen.stated >= _MUCH * seen.stated_sd)
    return np.where(judged, expit(_CLEARLY * np.clip(odds, -_FARTHEST, _FARTHEST)), 1.0)


def _log_density(distance: Floats, sd: Floats) -> Floats:
    """Of the normal distribution, constants left out."""
    return np.asarray(-0.5 * (distance / sd) ** 2 - np.log(sd))
