"""One estimator of over-dispersion for small and large units alike: deaths by provider in R's `medpar` (COUNT).

33 of the 54 providers are so small that their scores are exact. φ and τ² as funnel plots in R give them: proportions on
the arcsine scale, 10% of each end Winsorised.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from crosscheck.figures.dispersion import (
    Deviations,
    adjust,
    estimate_spread,
    funnel_limits,
    log_ratios,
    proportions,
)

UNITS = pl.read_csv(Path(__file__).parent / "medpar_died.csv").cast(pl.Float64)
DIED, PATIENTS = UNITS["died"].to_numpy(), UNITS["patients"].to_numpy()


def test_the_units_are_those_of_the_reference() -> None:
    assert (UNITS.height, PATIENTS.sum(), DIED.sum()) == (54, 1495, 513)
    assert np.isfinite(proportions(DIED, PATIENTS).exact).sum() == 33


def test_dispersion_of_mostly_small_units_agrees_to_the_printed_digits() -> None:
    spread = estimate_spread(proportions(DIED, PATIENTS), 0.1)
    assert (round(spread.phi, 6), round(spread.tau2, 6)) == (1.360734, 0.003533)


def quantile(ordered: list[float], share: float) -> float:
    """R's type 7, by hand."""
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])


EXPECTED = PATIENTS * DIED.sum() / PATIENTS.sum()


def shmi_by_hand() -> tuple[list[float], float, float]:
    """z, φ and τ² of the SHMI, unit by unit: log(O / E) in errors of 1 / √E, a tenth of each end left out."""
    z = [float(np.log(max(o, 0.5) / e) * e**0.5) for o, e in zip(DIED, EXPECTED, strict=True)]
    low, high = quantile(sorted(z), 0.1), quantile(sorted(z), 0.9)
    kept = [(one, float(e)) for one, e in zip(z, EXPECTED, strict=True) if low < one < high]
    phi = sum(one**2 for one, _ in kept) / len(kept)
    weights = [e for _, e in kept]
    apart = sum(weights) - sum(weight**2 for weight in weights) / sum(weights)
    return z, phi, max(0.0, (len(kept) * phi - (len(kept) - 1)) / apart)


def test_log_ratios_with_trimmed_ends_follow_the_published_formulas() -> None:
    z, phi, tau2 = shmi_by_hand()
    deviations = log_ratios(DIED, EXPECTED)
    spread = estimate_spread(deviations, 0.1)
    assert deviations.approximate == pytest.approx(z)
    assert spread.phi == pytest.approx(phi)
    assert spread.tau2 == pytest.approx(tau2, abs=1e-15)


def test_trimming_leaves_out_what_winsorising_brings_in() -> None:
    deviations = log_ratios(DIED, EXPECTED)
    parts = ("target", "error", "drawn", "observed", "exact")
    kept = Deviations(**{part: getattr(deviations, part) for part in parts})
    assert estimate_spread(deviations, 0.1).phi < estimate_spread(kept, 0.1).phi


def test_log_limits_are_drawn_as_ratios_and_hold_the_adjusted_distance() -> None:
    counts, expected = np.array([30.0, 60, 120, 400, 20, 75]), np.array([60.0, 60, 60, 200, 40, 50])
    deviations = log_ratios(counts, expected)
    spread = estimate_spread(deviations, 0.1)
    low, high = funnel_limits(deviations, spread, "additive", 0.95)
    assert low == pytest.approx(np.exp(-1.959964 * np.sqrt(1 / expected + spread.tau2)), rel=1e-6)
    z = adjust(deviations.z, deviations.error, spread, "additive")
    outside = (counts / expected < low) | (counts / expected > high)
    assert (np.abs(z) > 1.959964).tolist() == outside.tolist()
    assert spread.tau2 > 0
