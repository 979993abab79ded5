"""What visits found by arm, with the interval that is stated."""

from __future__ import annotations

import polars as pl
import pytest
from scipy.stats import binomtest

from crosscheck.visits.outcomes import yield_by_arm


@pytest.mark.parametrize(("found", "visited"), [(0, 7), (3, 7), (7, 7), (13, 60), (1, 1)])
def test_the_share_found_otherwise_has_clopper_and_pearsons_interval(found: int, visited: int) -> None:
    visits = pl.DataFrame({"selected_by": "random", "finding": ["qualified"] * found + ["upheld"] * (visited - found)})
    arm = yield_by_arm(visits).row(0, named=True)
    interval = binomtest(found, visited).proportion_ci(0.9, "exact")
    assert (arm["visited"], arm["otherwise"], arm["share"]) == (visited, found, found / visited)
    assert (arm["low"], arm["high"]) == pytest.approx((interval.low, interval.high), abs=1e-12)
