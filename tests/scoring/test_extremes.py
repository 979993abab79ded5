"""Defined results for any figures: none, one, all alike, next to nothing, huge, infinite, minus nought."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crosscheck.figures.dispersion import (
    Deviations,
    Floats,
    adjust,
    estimate_spread,
    false_discovery,
    log_ratios,
    means,
    normal_scores,
    proportions,
    ratios,
    ratios_of_counts,
    robust_scores,
)
from crosscheck.scoring.indicators import score_figures
from crosscheck.scoring.model import IndicatorModel
from crosscheck.scoring.pooling import pool_scores, shrunk_correlations
from tests.scoring.test_scores import figures, organisations, with_kind

NAN, INF = float("nan"), float("inf")
ANY = st.one_of(
    st.sampled_from([NAN, INF, -INF, 0.0, -0.0, 1.0, 5e-324, 1e-300, 1e300, 1.7e308, -1.7e308]), st.floats()
)
PAIRS = st.lists(st.tuples(ANY, ANY), min_size=1, max_size=12)
COUNTED: list[Callable[[Floats, Floats], Deviations]] = [
    proportions,
    ratios,
    log_ratios,
    ratios_of_counts,
    lambda first, second: means(first, second, 2.0),
]
BY_COUNTS = pytest.mark.parametrize(
    "compare", COUNTED, ids=["proportions", "ratios", "log ratios", "ratios of counts", "means"]
)


@BY_COUNTS
@given(pairs=PAIRS)
def test_whatever_is_counted_has_a_finite_distance_or_none(
    compare: Callable[[Floats, Floats], Deviations], pairs: list[tuple[float, float]]
) -> None:
    with np.errstate(all="ignore"):
        deviations = compare(*np.array(pairs, dtype=np.float64).T)
        spread = estimate_spread(deviations, 0.1)
        z = adjust(deviations.z, deviations.error, spread, "additive")
    there = np.isfinite(deviations.observed)
    assert not np.isnan(z[there]).any()
    assert np.isnan(spread.phi) or spread.phi >= 0
    assert np.isnan(spread.tau2) or spread.tau2 >= 0
    assert np.isnan(spread.phi) == np.isnan(spread.tau2)


@BY_COUNTS
@pytest.mark.parametrize("size", [1, 2, 30])
def test_figures_that_are_all_equal_are_all_as_expected(
    compare: Callable[[Floats, Floats], Deviations], size: int
) -> None:
    deviations = compare(np.full(size, 40.0), np.full(size, 40.0))
    spread = estimate_spread(deviations, 0.1)
    assert deviations.z == pytest.approx(np.zeros(size), abs=1e-9)
    assert (spread.phi, spread.tau2) == (pytest.approx(0, abs=1e-12), 0)
    assert adjust(deviations.z, deviations.error, spread, "additive") == pytest.approx(np.zeros(size), abs=1e-9)


@pytest.mark.parametrize("score", [normal_scores, robust_scores])
@given(figures=st.lists(ANY, min_size=1, max_size=12))
def test_a_figure_has_a_finite_score_or_is_absent(score: Callable[[Floats], Floats], figures: list[float]) -> None:
    given_figures = np.array(figures)
    assert np.isfinite(score(given_figures)).tolist() == np.isfinite(given_figures).tolist()


@pytest.mark.parametrize("score", [normal_scores, robust_scores])
@given(figure=st.floats(allow_nan=False, allow_infinity=False), size=st.integers(1, 12))
def test_equal_figures_score_nought(score: Callable[[Floats], Floats], figure: float, size: int) -> None:
    assert score(np.full(size, figure)) == pytest.approx(np.zeros(size), abs=1e-12)


@pytest.mark.parametrize("score", [normal_scores, robust_scores])
def test_minus_nought_is_nought(score: Callable[[Floats], Floats]) -> None:
    assert np.array_equal(score(np.array([0.0, -0.0, 1, 2, 3])), score(np.array([0.0, 0.0, 1, 2, 3])))


def test_a_higher_figure_never_scores_lower_however_large() -> None:
    scores = robust_scores(np.array([-1.7e308, -1.0, 0.0, 2.0, 1.7e308]))
    assert np.isfinite(scores).all()
    assert (np.diff(scores) >= 0).all()


def test_an_error_of_rounding_is_no_spread() -> None:
    figures = np.array([0.1 + 0.2, 0.3, 0.3, 0.1 + 0.2, 0.3, 0.9])
    assert np.abs(robust_scores(figures)).max() < 2


@given(z=st.lists(ANY, max_size=12))
def test_rates_of_false_discovery_lie_between_nought_and_one(z: list[float]) -> None:
    rates = false_discovery(np.array(z))
    assert np.isfinite(rates).tolist() == np.isfinite(z).tolist()
    assert ((rates[np.isfinite(rates)] >= 0) & (rates[np.isfinite(rates)] <= 1)).all()


KINDS = ["proportion", "ratio", "log_ratio", "ratio_of_counts", "mean", "percent", "number", "ordinal"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_with_equal_figures_scores_nought_and_knows_the_dispersion(model: IndicatorModel, kind: str) -> None:
    alike = with_kind(model, kind, sd_within=2.0 if kind == "mean" else None)
    scores = score_figures(figures(value=50.0, numerator=50.0, denominator=50.0), organisations(acute=12), alike)
    assert scores["z"].abs().max() == pytest.approx(0, abs=1e-9)
    assert scores["band"].unique().to_list() == ["as_expected"]
    if kind not in ("percent", "number", "ordinal"):
        assert scores["phi"].to_list() == pytest.approx([0] * 12, abs=1e-9)
        assert scores["tau2"].to_list() == [0] * 12


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("figure", [NAN, INF])
def test_a_figure_that_is_no_number_is_not_scored_and_moves_nobody(
    model: IndicatorModel, kind: str, figure: float
) -> None:
    named = with_kind(model, kind, sd_within=2.0 if kind == "mean" else None)
    everyone = organisations(acute=13)
    found = [*map(float, range(10, 22)), figure]
    counted = {"numerator": found, "denominator": [60.0] * 13, "value": found}
    scores = score_figures(figures(everyone, **counted), everyone, named)
    fewer = {name: column[:12] for name, column in counted.items()}
    assert scores.equals(score_figures(figures(everyone.head(12), **fewer), everyone, named))
    assert scores.height == 12


def test_one_organisation_is_its_own_only_peer_and_has_no_score(model: IndicatorModel) -> None:
    alone = organisations(acute=1)
    scores = score_figures(figures(alone, value=[50.0]), alone, model)
    assert scores.select("z", "band").row(0) == (None, "too_few_peers")
    assert pool_scores(scores, model).is_empty()


@given(
    rows=st.integers(1, 12),
    columns=st.integers(1, 6),
    seed=st.integers(0, 1000),
    alike=st.booleans(),
    absent=st.floats(0, 0.9),
)
def test_no_correlation_is_beyond_one(rows: int, columns: int, seed: int, alike: bool, absent: float) -> None:
    draw = np.random.default_rng(seed)
    common = draw.normal(size=(rows, 1)) * 3
    scores = np.repeat(common, columns, axis=1) if alike else draw.normal(size=(rows, columns)) * 3
    scores[draw.random(scores.shape) < absent] = np.nan
    correlations = shrunk_correlations(scores)
    assert np.isfinite(correlations).all()
    assert np.abs(correlations).max() <= 1
    assert (correlations.diagonal() == 1).all()


def test_scores_that_are_no_numbers_are_left_out_of_the_pooled_ones(model: IndicatorModel) -> None:
    z = pl.Series("z", [NAN, *np.linspace(-2, 2, 14), INF])
    scores = pl.DataFrame({"org_code": [f"A{n:02}" for n in range(16)]}).with_columns(
        z, source=pl.lit("made"), indicator=pl.lit("made.up"), relevance=pl.lit("high")
    )
    pooled = pool_scores(scores, model)
    assert pooled.equals(pool_scores(scores.slice(1, 14), model))
    assert pooled["org_code"].n_unique() == 14
