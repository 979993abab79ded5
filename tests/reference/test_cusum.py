"""Average run lengths of a one-sided CUSUM with allowance 0.5, as the folder of reference numbers gives them."""

from __future__ import annotations

import numpy as np
import pytest

from crosscheck.scoring.cusum import accumulate, run_length


@pytest.mark.parametrize(("limit", "shift", "periods"), [(4, 0, 335.37), (5, 0, 930.89), (4, 1, 8.38), (5, 1, 10.38)])
def test_run_lengths_are_those_computed_elsewhere(limit: float, shift: float, periods: float) -> None:
    assert run_length(limit, shift) == pytest.approx(periods, abs=0.006)


def test_a_simulation_signals_as_soon_as_the_integral_equation_says() -> None:
    drawn = np.random.default_rng(7).normal(1.0, 1.0, (80, 20_000))
    signals = accumulate(drawn) > 4
    assert signals.any(axis=0).all()
    assert (signals.argmax(axis=0) + 1).mean() == pytest.approx(run_length(4, 1), abs=0.1)


def test_an_absent_score_leaves_the_sum_where_it_was() -> None:
    sums = accumulate(np.array([[2.0], [np.nan], [-5.0], [1.0]]))
    assert sums[:, 0].tolist() == [1.5, 1.5, 0.0, 0.5]
