"""What a chain of made-up answers adds up to, and the place that it would have on the list."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest

from crosscheck.cases.probes import EVERYTHING
from crosscheck.risk.estimate import _without_visits
from crosscheck.risk.evidence import NATS_IN_DECIBANS
from crosscheck.risk.factors import build_item_table
from crosscheck.risk.monotone import _average, add_up_probes, rank_among
from crosscheck.risk.weights import BETTER
from tests.risk.invented import MODEL, checks, invent, of_one_type, one_item
from tests.risk.known import estimate
from tests.risk.test_evidence import MANY, known

NAMES = ("a.one", "a.two", f"{BETTER}a.one", f"{BETTER}a.two")
RULES = checks(
    ("C-1", "statutory", "high", ["a.one"], []), ("C-2", "statutory", "high", ["a.one", "a.two"], []),
    ("C-3", "statutory", "high", [], []),
)  # fmt: skip
ADDED = np.array([[2.0, 1.0, 0.5, 0.25]])


def added_up(item: str, *differing: tuple[str, bool, float]) -> tuple[float, float]:
    """The sum, and what the item that is tried adds of it, where these checks differ (or are open) and add so much."""
    rows = pl.DataFrame({"org_code": ["P1"], "function": ["whole"], "item": [item]})
    schema = {"check_id": pl.String, "differs": pl.Boolean, "decibans": pl.Float64}
    differences = pl.DataFrame(differing, schema=schema, orient="row").with_columns(
        org_code=pl.lit("P1"), function=pl.lit("whole"), sd=pl.lit(0.1)
    )
    total, left = add_up_probes(rows, ADDED, NAMES, differences, RULES).row(0)
    return float(total), float(left)


def test_how_far_the_account_that_is_tried_is_better_than_a_record_is_left_out() -> None:
    assert added_up("a.one") == pytest.approx((3.25, 2.0))
    assert added_up("a.two") == pytest.approx((3.5, 1.0))
    assert added_up("comment.sha") == pytest.approx((3.75, 0.0))
    assert added_up(EVERYTHING) == pytest.approx((3.0, 0.0))


def test_each_answer_is_counted_once_where_checks_rest_on_it() -> None:
    assert added_up("a.one", ("C-1", True, 1.5)) == pytest.approx((3.25 - 1.5 + 1.5, 0.5))
    assert added_up("a.one", ("C-1", True, 3.0)) == pytest.approx((3.25 - 2.0 + 3.0, 0.0))
    assert added_up("a.two", ("C-2", True, 1.0)) == pytest.approx((3.5 - 0.5 - 0.5 + 1.0, 0.5))
    assert added_up("a.one", ("C-1", False, 0.5), ("C-3", True, 4.0)) == pytest.approx((3.25 + 4.5, 2.0))


def test_the_rank_is_one_behind_all_that_have_more() -> None:
    sums = np.array([-3.0, 0.0, 0.0, 2.0])
    assert rank_among(np.array([3.0, 2.0, 1.0, 0.0, -1.0, -9.0]), sums).tolist() == [1, 1, 2, 2, 4, 5]
    assert rank_among(np.array([1.0]), np.array([])).tolist() == [1]


def test_the_average_is_the_share_in_truth_wrong() -> None:
    risk = estimate(known(invent(MANY, number=30)), MODEL)
    share = risk.prevalence.share
    assert _average(risk) == pytest.approx(NATS_IN_DECIBANS * math.log(share / (1 - share)))


def test_without_what_visits_found_every_part_of_the_evidence_has_the_same_items() -> None:
    codes = [f"R{place:02}" for place in range(40)]
    items = pl.concat(
        [one_item("answer.one", codes, np.arange(40) % 7), one_item("visit.former", codes[:3], [1.0, 2.0, -0.5])]
    )
    whole = build_item_table(items, of_one_type(codes), MODEL)
    left = _without_visits(whole)
    assert whole.items.height == 2
    assert left.items["item"].to_list() == ["answer.one"]
    for table in (left.z, left.present, left.percentages, left.verified, left.centre):
        assert table.shape[1] == 1
    assert left.z[:, 0].tolist() == whole.z[:, 0].tolist()
    assert left.spread.shape == (1,)
