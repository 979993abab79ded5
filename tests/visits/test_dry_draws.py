from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from crosscheck.visits.draw import Frame, join_matrix, stratify
from crosscheck.visits.dry_draws import choose_smallest, draw_dry, measure_fit, try_design


@pytest.fixture(scope="module")
def frame() -> Frame:
    types = ["acute"] * 150 + ["pct"] * 140 + ["mental_health"] * 60 + ["ambulance"] * 10
    codes = [f"R{number:03}" for number in range(len(types))]
    return stratify(pl.DataFrame({"org_code": codes, "org_type": types}), 30)


def test_a_good_design_fits(frame: Frame) -> None:
    fit = try_design(frame)
    assert fit is not None
    assert (fit.draws, fit.freedom, fit.never_drawn) == (1000, 360 - 3, 0)
    assert 0.001 < fit.p < 0.999
    assert fit.largest_z < 4.5
    assert fit.pair_p > 0.01


def test_a_systematic_draw_is_found_out_by_its_pairs(frame: Frame) -> None:
    start = np.random.default_rng(2).random(2000)
    places = np.arange(30) * 12 + (start[:, None] * 12).astype(int)
    drawn = np.zeros((2000, 360), dtype=bool)
    np.put_along_axis(drawn, places, values=True, axis=1)
    assert measure_fit(frame, drawn).pair_p < 1e-9


def test_somebody_who_is_drawn_more_often_than_stated_is_found_out(frame: Frame) -> None:
    listed = frame.organisations
    favoured = replace(frame, organisations=listed.with_columns(
        weight=pl.when(pl.col("org_code") == "R007").then(2.0).otherwise(1.0)))  # fmt: skip
    fit = measure_fit(frame, draw_dry(favoured, 2000))
    assert fit.largest_z > 9


def test_who_is_never_drawn_is_counted(frame: Frame) -> None:
    numbers = np.random.default_rng(3).random((1000, 360))
    numbers[:, 5] = 0.999999
    fit = measure_fit(frame, choose_smallest(frame, numbers))
    assert fit.never_drawn == 1
    assert fit.largest_z > 4.5


def test_many_good_designs_give_every_p_alike() -> None:
    p = []
    for number in range(10, 40):
        codes = [f"R{place:03}" for place in range(100 + number)]
        organisations = pl.DataFrame({"org_code": codes, "org_type": ["pct"] * len(codes)})
        fit = try_design(stratify(organisations, number), 400)
        assert fit is not None
        p.append(fit.p)
    assert 0.25 < np.mean(p) < 0.75
    assert min(p) > 0.0005


def test_strata_of_one_and_those_that_are_drawn_whole_are_no_error() -> None:
    one = stratify(pl.DataFrame({"org_code": ["A"], "org_type": ["pct"]}), 1)
    fit = try_design(one)
    assert fit is not None
    assert (fit.chi_square, fit.p, fit.largest_z, fit.never_drawn) == (0.0, 1.0, 0.0, 0)
    assert np.isnan(join_matrix(one)).all()
    assert try_design(stratify(pl.DataFrame({"org_code": ["A"], "org_type": ["pct"]}), 0)) is None
    assert try_design(stratify(pl.DataFrame(schema={"org_code": pl.String, "org_type": pl.String}), 3)) is None
