"""The cumulative sum of scores: what it adds up, and how soon it signals."""

from __future__ import annotations

import numpy as np
import pytest

from crosscheck.scoring.cusum import accumulate, run_length


def test_only_what_lies_above_the_allowance_adds_up_and_the_sum_is_never_below_nought() -> None:
    sums = accumulate(np.array([[2.0, -1.0], [1.0, 0.5], [-9.0, 3.0], [1.0, np.nan]]))
    assert sums.tolist() == [[1.5, 0.0], [2.0, 0.0], [0.0, 2.5], [0.5, 2.5]]
    assert accumulate(np.array([[2.0]]), allowance=0.25).tolist() == [[1.75]]


@pytest.mark.parametrize(("limit", "shift", "periods"), [(4, 0, 335.37), (5, 0, 930.89), (4, 1, 8.38), (5, 1, 10.38)])
def test_it_signals_after_as_many_periods_as_computed_elsewhere(limit: float, shift: float, periods: float) -> None:
    assert run_length(limit, shift) == pytest.approx(periods, abs=0.006)


def test_a_larger_allowance_signals_later_and_a_worse_organisation_sooner() -> None:
    assert run_length(4, 0, allowance=1.0) > 5 * run_length(4, 0)
    assert run_length(4, 2) < run_length(4, 1) < run_length(4, 0)
