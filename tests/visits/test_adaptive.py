from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl
import pytest

from crosscheck.visits.adaptive import Bins, choose_chances, inclusion_chances, sample_by_risk
from crosscheck.visits.design import Design
from crosscheck.visits.draw import WHOLE, draw_from, join_matrix
from crosscheck.visits.dry_draws import try_design

ADAPTIVE = Design(kind="adaptive")


def made_up(count: int = 300, seed: int = 3) -> pl.DataFrame:
    risk = np.random.default_rng(seed).beta(1, 7, count)
    codes = [f"R{number:04}" for number in range(count)]
    return pl.DataFrame({"org_code": codes, "risk": risk, "gain": risk})


def pairs_of(sizes: npt.NDArray[np.float64], joint: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The sum of the joint chances of one organisation of each bin with all others."""
    others = np.tile(sizes, (len(sizes), 1)) - np.eye(len(sizes))
    return np.asarray((others * np.nan_to_num(joint)).sum(axis=1))


@pytest.mark.parametrize("number", [1, 2, 5, 12])
def test_the_chances_add_up_to_the_draws_and_the_joint_ones_to_all_others(number: int) -> None:
    sizes, weights = np.array([3.0, 4.0, 5.0, 1.0]), np.array([2.0, 0.7, 0.3, 0.1])
    first, joint = inclusion_chances(sizes, weights, number)
    assert sizes @ first == pytest.approx(number, abs=1e-9)
    assert pairs_of(sizes, joint) == pytest.approx((number - 1) * first, abs=1e-9)
    assert np.isnan(joint[3, 3])
    assert np.allclose(joint, joint.T, equal_nan=True)


def test_with_equal_weights_the_chances_are_those_of_a_simple_sample() -> None:
    first, joint = inclusion_chances(np.array([10.0, 21.0]), np.array([0.25, 0.25]), 7)
    assert first == pytest.approx(7 / 31, abs=1e-12)
    assert joint == pytest.approx(7 * 6 / (31 * 30), abs=1e-12)


def test_two_of_three_by_hand() -> None:
    """Of three, one with the odds w: it is left out where its ticket's odds, over w, are the largest."""
    w = 3.0
    u = np.linspace(0, 1, 2_000_001)[1:-1]
    last = np.mean((u / (1 - u) / w / (1 + u / (1 - u) / w)) ** 2)
    first, _ = inclusion_chances(np.array([1.0, 2.0]), np.array([w, 1.0]), 2)
    assert first[0] == pytest.approx(1 - last, abs=1e-6)


def test_draws_with_true_tickets_fit_the_computed_chances() -> None:
    frame = sample_by_risk(made_up(60), 12, Design(kind="adaptive", bins=5))
    drawn = np.array([draw_from(frame, str(value), "2008/09")["drawn"].to_numpy() for value in range(3000)])
    chance = frame.organisations["inclusion_probability"].to_numpy()
    z = (drawn.sum(axis=0) - 3000 * chance) / np.sqrt(3000 * chance * (1 - chance))
    assert (drawn.sum(axis=1) == 12).all()
    assert np.abs(z).max() < 4.5
    fit = try_design(frame, 20_000)
    assert fit is not None
    assert 0.001 < fit.p < 0.999
    assert fit.largest_z < 4.5
    assert fit.pair_p > 0.001


def test_chances_rise_with_risk_and_everybody_has_the_floor() -> None:
    frame = sample_by_risk(made_up(), 40, Design(kind="adaptive", floor=0.05))
    by_bin = frame.organisations.unique("stratum").sort("stratum")["inclusion_probability"]
    assert by_bin.is_sorted(descending=True)
    assert by_bin.min() >= 0.05 - 1e-6  # type: ignore[operator]
    assert by_bin.max() > 2 * 40 / 300  # type: ignore[operator]
    assert frame.organisations["inclusion_probability"].sum() == pytest.approx(40, abs=1e-9)


@pytest.mark.parametrize("bound", [1.0, 1.25, 2.0])
def test_the_standard_error_stays_within_its_bound_and_what_is_allowed_is_spent_on_finds(bound: float) -> None:
    risk = np.linspace(0.6, 0.02, 20)
    sizes, share = np.full(20, 20.0), float(np.linspace(0.6, 0.02, 20).mean())
    bins = Bins(sizes, risk, risk * (1 - risk), share * (1 - share))
    chances = choose_chances(bins, 40, 0.0, bound)
    simple = (400 / 40 - 1) * 400 * share * (1 - share)
    variance = (sizes * bins.spread) @ (1 / chances - 1)
    assert sizes @ chances == pytest.approx(40, abs=1e-6)
    assert variance <= simple * bound**2 * (1 + 1e-6)
    assert variance >= 0.99 * simple * bound**2
    tighter = choose_chances(bins, 40, 0.0, (1 + bound) / 2)
    assert sizes @ (risk * chances) >= sizes @ (risk * tighter) - 1e-9


def test_no_other_chances_within_the_bound_find_more() -> None:
    risk = np.array([0.5, 0.3, 0.1, 0.05])
    sizes = np.full(4, 50.0)
    bins = Bins(sizes, risk, risk * (1 - risk), 0.18)
    best = choose_chances(bins, 30, 0.0, 1.25)
    bound = (sizes * bins.spread) @ (1 / best - 1)
    generator = np.random.default_rng(1)
    others = np.clip(best + generator.normal(0, 0.02, (20_000, 4)), 1e-3, 0.95)
    others *= 30 / (others @ sizes)[:, None]
    within = ((1 / others - 1) @ (sizes * bins.spread) <= bound) & (others >= 0.015).all(axis=1)
    assert within.sum() > 100
    assert (others[within] @ (sizes * risk)).max() <= best @ (sizes * risk) + 1e-6


@pytest.mark.parametrize(("count", "number"), [(1, 1), (2, 1), (3, 2), (300, 299), (300, 1), (30, 28)])
def test_at_the_extremes_the_number_is_drawn_and_chances_are_chances(count: int, number: int) -> None:
    frame = sample_by_risk(made_up(count), number, ADAPTIVE)
    chance = frame.organisations["inclusion_probability"]
    assert draw_from(frame, "7", "2008/09")["drawn"].sum() == number
    assert chance.sum() == pytest.approx(number, abs=1e-6)
    assert chance.is_between(0, 1 + 1e-9).all()


def test_all_with_one_risk_have_one_chance_and_no_risk_at_all_leaves_nobody_out() -> None:
    for risk in (0.1, 0.0, 1.0):
        equal = made_up(100).with_columns(risk=pl.lit(risk), gain=pl.lit(risk))
        chance = sample_by_risk(equal, 20, ADAPTIVE).organisations["inclusion_probability"]
        assert chance.to_numpy() == pytest.approx(0.2, abs=1e-6)


def test_nobody_and_no_draws_are_no_error() -> None:
    assert sample_by_risk(made_up().clear(), 5, ADAPTIVE).organisations.is_empty()
    nobody = sample_by_risk(made_up(5), 0, ADAPTIVE)
    assert not draw_from(nobody, "1", "2008/09")["drawn"].any()
    everybody = sample_by_risk(made_up(5), 9, ADAPTIVE)
    assert (everybody.number, everybody.organisations["inclusion_probability"].to_list()) == (5, [1.0] * 5)
    assert join_matrix(everybody).tolist() == [[1.0]]


def test_the_order_of_rows_changes_nothing_and_all_are_drawn_together() -> None:
    shuffled = made_up().sample(fraction=1, shuffle=True, seed=1)
    one, other = (sample_by_risk(rows, 40, ADAPTIVE) for rows in (made_up(), shuffled))
    assert one.organisations.equals(other.organisations)
    assert one.joint.equals(other.joint)
    assert dict(one.draws) == {WHOLE: 40}
