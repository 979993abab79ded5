"""Proportions with additive over-dispersion against R's FunnelPlotR 0.6.0 (arcsine, Winsorised at 0.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pytest

from crosscheck.figures.dispersion import adjust, estimate_spread, funnel_limits, proportions, winsorised
from crosscheck.scoring.indicators import score_figures
from crosscheck.scoring.model import read_indicator_model
from crosscheck.settings import model_file

if TYPE_CHECKING:
    from pathlib import Path

# φ and τ² as the reference prints them.
PRINTED = {"health_assessment": (12.972, 0.009848), "dental": (15.533, 0.012032)}

pytestmark = pytest.mark.parametrize("name", PRINTED)


def read_units(shared: Path, name: str) -> pl.DataFrame:
    return pl.read_csv(shared / "reference" / f"oc2_2011_{name}_PR_trim0.1_units.csv")


def counts(units: pl.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    return units["numerator"].cast(pl.Float64).to_numpy(), units["denominator"].cast(pl.Float64).to_numpy()


def test_the_units_come_from_the_input_as_it_is(shared: Path, name: str) -> None:
    given = pl.read_csv(shared / "reference" / f"oc2_2011_{name}_PR_input.csv").sort("group")
    units = read_units(shared, name).select(given.columns).sort("group")
    assert units.equals(given)


def test_distances_and_errors_agree(shared: Path, name: str) -> None:
    units = read_units(shared, name)
    deviations = proportions(*counts(units))
    assert deviations.approximate == pytest.approx(units["Uzscore"].to_numpy(), rel=1e-6)
    assert deviations.error == pytest.approx(units["s"].to_numpy(), rel=1e-6)
    assert deviations.target == pytest.approx(units["target_transformed"][0], rel=1e-6)


def test_winsorised_distances_agree(shared: Path, name: str) -> None:
    units = read_units(shared, name)
    z = winsorised(proportions(*counts(units)).approximate, 0.1)
    assert z == pytest.approx(units["Wuzscore"].to_numpy(), rel=1e-6)


def test_dispersion_agrees_to_the_printed_digits(shared: Path, name: str) -> None:
    spread = estimate_spread(proportions(*counts(read_units(shared, name))), 0.1)
    phi, tau2 = PRINTED[name]
    assert round(spread.phi, 3) == phi
    assert round(spread.tau2, 6) == tau2


@pytest.mark.parametrize(("percent", "central"), [(95, 0.95), (99, 0.998)])
def test_over_dispersed_limits_agree(shared: Path, name: str, percent: int, central: float) -> None:
    units = read_units(shared, name)
    deviations = proportions(*counts(units))
    low, high = funnel_limits(deviations, estimate_spread(deviations, 0.1), "additive", central)
    assert low == pytest.approx(units[f"OD{percent}LCL"].to_numpy(), rel=1e-6)
    assert high == pytest.approx(units[f"OD{percent}UCL"].to_numpy(), rel=1e-6)


def test_units_beyond_the_limits_are_those_beyond_the_adjusted_distance(shared: Path, name: str) -> None:
    units = read_units(shared, name)
    deviations = proportions(*counts(units))
    z = adjust(deviations.approximate, deviations.error, estimate_spread(deviations, 0.1), "additive")
    outside = (units["rr"] > units["OD99UCL"]) | (units["rr"] < units["OD99LCL"])
    assert (np.abs(z) > 3.090232).tolist() == outside.to_list()


def test_the_scores_of_a_run_carry_the_same_dispersion(shared: Path, name: str) -> None:
    units = read_units(shared, name).with_columns(org_code="group")
    indicators = units.select(
        "org_code",
        source=pl.lit("oc2"),
        indicator=pl.lit(name),
        period=pl.lit("2011"),
        numerator=pl.col("numerator").cast(pl.Float64),
        denominator=pl.col("denominator").cast(pl.Float64),
        value=pl.lit(None, dtype=pl.Float64),
        direction=pl.lit("lower_better"),
        kind=pl.lit(None, dtype=pl.String),
    )
    organisations = units.select("org_code", org_type=pl.lit("pct"), region=pl.lit("North"))
    scores = score_figures(indicators, organisations, read_indicator_model(model_file("C2", "indicators", "v2")))
    phi, tau2 = PRINTED[name]
    assert scores["phi"].to_list() == pytest.approx([phi] * units.height, rel=1e-4)
    assert scores["tau2"].to_list() == pytest.approx([tau2] * units.height, rel=1e-4)
    large = scores.join(units.select("org_code", "Uzscore", "s"), on="org_code").filter(pl.col("n") >= 100)
    assert large["z_unadjusted"].to_list() == pytest.approx(large["Uzscore"].to_list(), rel=1e-6)
    assert large["z"].to_list() == pytest.approx(
        (large["Uzscore"] * large["s"] / (large["s"] ** 2 + tau2).sqrt()).to_list(), rel=1e-4
    )
