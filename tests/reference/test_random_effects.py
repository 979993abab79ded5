"""DerSimonian and Laird's variance on the BCG vaccine trials.

Trial counts: Colditz, Brewer, Berkey et al. 1994, JAMA 271:698-702, as in metafor's dat.bcg. Expected numbers:
metafor's `rma(measure = "RR", method = "DL")`, as printed in the folder of reference numbers.
"""

from __future__ import annotations

import numpy as np
import pytest

from crosscheck.figures.dispersion import between_variance

# Vaccinated with and without tuberculosis, not vaccinated with and without.
TRIALS = np.array(
    [
        (4, 119, 11, 128),
        (6, 300, 29, 274),
        (3, 228, 11, 209),
        (62, 13536, 248, 12619),
        (33, 5036, 47, 5761),
        (180, 1361, 372, 1079),
        (8, 2537, 10, 619),
        (505, 87886, 499, 87892),
        (29, 7470, 45, 7232),
        (17, 1699, 65, 1600),
        (186, 50448, 141, 27197),
        (5, 2493, 3, 2338),
        (27, 16886, 29, 17825),
    ],
    dtype=float,
)
ILL, WELL, CONTROL_ILL, CONTROL_WELL = TRIALS.T
LOG_RISK_RATIO = np.log(ILL / (ILL + WELL)) - np.log(CONTROL_ILL / (CONTROL_ILL + CONTROL_WELL))
ERROR = np.sqrt(1 / ILL - 1 / (ILL + WELL) + 1 / CONTROL_ILL - 1 / (CONTROL_ILL + CONTROL_WELL))


def heterogeneity() -> float:
    weight = 1 / ERROR**2
    return float(np.sum(weight * (LOG_RISK_RATIO - np.average(LOG_RISK_RATIO, weights=weight)) ** 2))


def test_the_trials_are_those_of_the_publication() -> None:
    assert round(heterogeneity(), 3) == 152.233


def test_the_variance_between_trials_is_the_published_one() -> None:
    assert round(between_variance(heterogeneity(), ERROR), 6) == 0.308760


def test_the_variance_leads_to_the_published_estimate_and_its_error() -> None:
    weight = 1 / (ERROR**2 + between_variance(heterogeneity(), ERROR))
    assert round(float(np.average(LOG_RISK_RATIO, weights=weight)), 6) == -0.714117
    assert round(float(np.sqrt(1 / weight.sum())), 6) == 0.178742
    assert weight.sum() == pytest.approx(1 / 0.178742**2, rel=1e-5)
