"""What an adaptive draw says of all declarations, from the chances and joint chances that it published."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import polars as pl
import pytest

from crosscheck.visits.adaptive import sample_by_risk
from crosscheck.visits.design import Design
from crosscheck.visits.draw import Frame, draw_from, join_matrix, leave_visited, read_frame
from crosscheck.visits.prevalence_estimates import (
    Population,
    design_variance,
    estimate_prevalence,
    group_by_organisation,
)

COUNT, DRAWS = 120, 700


def _frame(number: int = 40) -> Frame:
    """Risks from 1% to 40%; one sample whose chances rise with them."""
    risk = np.linspace(0.01, 0.4, COUNT)
    listed = pl.DataFrame({"org_code": [f"R{place:03}" for place in range(COUNT)], "risk": risk, "gain": risk})
    return sample_by_risk(listed, number, Design(kind="adaptive", bins=6))


def _truth(seed: int = 5) -> pl.DataFrame:
    """Lapses as often as the risk says."""
    rng, risk = np.random.default_rng(seed), np.linspace(0.01, 0.4, COUNT)
    return pl.DataFrame(
        {"org_code": [f"R{place:03}" for place in range(COUNT)], "otherwise": rng.random(COUNT) < risk, "risk": risk}
    )


def _pairwise_variance(frame: Frame, drawn: pl.DataFrame) -> float:
    """Sen, Yates and Grundy, one pair after the other."""
    strata, matrix = frame.organisations["stratum"].unique().sort().to_list(), join_matrix(frame)
    columns = drawn.select("stratum", "inclusion_probability", "otherwise")
    rows = [(strata.index(stratum), chance, float(found)) for stratum, chance, found in columns.iter_rows()]
    return sum(
        (one[1] * other[1] / matrix[one[0], other[0]] - 1) * (one[2] / one[1] - other[2] / other[1]) ** 2
        for one, other in permutations(rows, 2)
    ) / 2  # fmt: skip


def test_the_variance_is_that_of_all_pairs_one_by_one() -> None:
    frame = _frame()
    for value in range(5):
        drawn = draw_from(frame, str(value), "2008/09").filter("drawn").join(_truth(), on="org_code")
        of_visits = group_by_organisation(drawn, frame)
        expected = _pairwise_variance(frame, drawn)
        assert design_variance(of_visits, of_visits.found) == pytest.approx(expected, rel=1e-9)


def test_the_frame_is_read_back_from_the_published_draw_and_so_is_the_variance() -> None:
    frame = _frame()
    draw = draw_from(frame, "1", "2008/09")
    again = read_frame(draw, frame.joint, "adaptive")
    assert again.draws == frame.draws
    assert again.organisations.equals(frame.organisations)
    assert np.array_equal(join_matrix(again), join_matrix(frame), equal_nan=True)


@pytest.mark.parametrize("part", [1.0, 0.5])
def test_over_draws_by_ticket_estimates_variance_and_intervals_are_right(part: float) -> None:
    frame, truth = _frame(), _truth()
    share = truth["otherwise"].mean()
    population = Population(COUNT, COUNT, float(truth["risk"].sum()))
    rng, estimates = np.random.default_rng(7), []
    for value in range(DRAWS):
        drawn = draw_from(frame, str(value), "2008/09").filter("drawn")
        visited = drawn.filter(pl.Series(rng.permutation(drawn.height) < part * drawn.height))["org_code"].to_list()
        so_far = leave_visited(frame, visited)
        chances = so_far.organisations.select("org_code", "stratum", "inclusion_probability")
        visits = chances.filter(pl.col("org_code").is_in(visited)).join(truth, on="org_code")
        estimates.append(estimate_prevalence(group_by_organisation(visits, so_far), population))
    expanded = np.array([one.horvitz_thompson.value for one in estimates])
    assert abs(expanded.mean() - share) < 4 * expanded.std() / DRAWS**0.5
    assert np.mean([one.horvitz_thompson.error**2 for one in estimates]) == pytest.approx(expanded.var(), rel=0.2)
    for name in ("horvitz_thompson", "hajek", "aided"):
        of_name = [getattr(one, name) for one in estimates]
        assert np.mean([one.low <= share <= one.high for one in of_name]) > 0.94 - 0.018, name
        # Ratio and regression estimators are a little off with few visits: by less than a fifth of their own error.
        values = np.array([one.value for one in of_name])
        assert abs(values.mean() - share) < 0.2 * values.std(), name
