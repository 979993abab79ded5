"""How many declarations of compliance are in truth wrong: by hand, and from random visits alone."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from crosscheck.risk.model import Prior
from crosscheck.risk.prevalence import Prevalence, estimate_lapse_share
from tests.risk.invented import MODEL, NO_VISITS, YEAR, visits

WORTH = MODEL.prior.visits


def estimate(qualified: int, upheld: int, selected_by: str = "random", year: str = YEAR) -> Prevalence:
    rows = [(f"R{place:03}", year, selected_by, "qualified" if place < qualified else "upheld")
            for place in range(qualified + upheld)]  # fmt: skip
    return estimate_lapse_share(visits(*rows), MODEL, YEAR)


def test_without_visits_the_share_is_the_stated_one_with_visitors_errors_taken_out() -> None:
    alone = estimate_lapse_share(NO_VISITS, MODEL, YEAR)
    # (0.13 - 1 + 0.92) / (0.85 + 0.92 - 1)
    assert (MODEL.visitors.sensitivity, MODEL.visitors.specificity, MODEL.prior.found_share) == (0.85, 0.92, 0.13)
    assert alone.share == pytest.approx(0.05 / 0.77)
    assert alone.sd == pytest.approx(np.sqrt(0.13 * 0.87 / WORTH) / 0.77)
    assert (alone.visits, alone.weight) == (0, WORTH)


def test_random_visits_are_added_to_what_is_stated() -> None:
    found = estimate(30, 70)
    assert found.found == pytest.approx((0.13 * WORTH + 30) / (WORTH + 100))
    assert found.share == pytest.approx((found.found - 0.08) / 0.77)
    assert (found.visits, found.weight) == (100, WORTH + 100)


def test_the_truth_is_found_again_from_what_visitors_who_err_find() -> None:
    truth, number = 0.22, 40_000
    qualified = round(number * (truth * 0.85 + (1 - truth) * 0.08))
    assert estimate(qualified, number - qualified).share == pytest.approx(truth, abs=0.001)


def test_visits_of_former_years_fade() -> None:
    now, before, long_ago = (estimate(30, 70, year=year) for year in (YEAR, "2007/08", "2005/06"))
    assert [at.weight for at in (now, before, long_ago)] == pytest.approx([WORTH + 100, WORTH + 90, WORTH + 72.9])
    assert now.share > before.share > long_ago.share
    assert now.sd < before.sd < long_ago.sd


def test_visits_that_somebody_chose_say_nothing_of_it() -> None:
    for selected_by in ("risk", "mandatory"):
        assert estimate(80, 20, selected_by) == estimate_lapse_share(NO_VISITS, MODEL, YEAR)


def test_visits_of_a_later_year_say_nothing_of_it() -> None:
    assert estimate(80, 20, year="2009/10") == estimate_lapse_share(NO_VISITS, MODEL, YEAR)


def test_a_share_below_what_visitors_misjudge_is_held_above_nothing() -> None:
    assert estimate(0, 500).share == 0.01


def test_the_stated_share_is_never_worth_more_than_fifty_visits() -> None:
    assert MODEL.prior.visits <= 50
    with pytest.raises(ValidationError, match="less than or equal to 50"):
        Prior(found_share=0.13, visits=51, source="a source")
