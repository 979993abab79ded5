from __future__ import annotations

import polars as pl
import pytest

from crosscheck.visits.benefit import compare_gain, weigh_benefit
from crosscheck.visits.model import Gravity

GRAVITY = Gravity(high=3, medium=2, low=1, reason="")


def declarations(*rows: tuple[str, str, str, float]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=["org_code", "function", "pool", "risk"], orient="row")


def findings(*rows: tuple[str, str, str, str, str | None]) -> pl.DataFrame:
    names = ("org_code", "function", "verdict", "severity", "waived")
    return pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String), orient="row")


def test_benefit_is_risk_times_severity_times_what_a_visit_can_change() -> None:
    rows = declarations(("A", "whole", "to_visit", 0.4), ("B", "provider", "to_visit", 0.5),
                        ("B", "commissioner", "follow_up", 0.9), ("C", "whole", "to_visit", 0.3))  # fmt: skip
    found = findings(("A", "whole", "differs", "low", None), ("A", "whole", "differs", "high", None),
                     ("B", "provider", "differs", "medium", None), ("C", "whole", "agrees", "high", None))  # fmt: skip
    benefit = weigh_benefit(rows, found, GRAVITY, 0.5)["benefit"].to_list()
    assert benefit == pytest.approx([0.4 * 1 * 1, 0.5 * (2 / 3) * 0.5, 0.9 * (1 / 3) * 0.5, 0.3 * (1 / 3) * 1])


def test_what_is_waived_makes_nothing_graver_and_the_order_of_rows_stays() -> None:
    rows = declarations(("B", "whole", "to_visit", 0.5), ("A", "whole", "to_visit", 0.5))
    found = findings(("A", "whole", "differs", "high", "by Ann"))
    weighed = weigh_benefit(rows, found, GRAVITY, 0.5)
    assert weighed["org_code"].to_list() == ["B", "A"]
    assert weighed["benefit"].to_list() == pytest.approx([0.5 / 3, 0.5 / 3])


def test_a_run_says_what_each_way_to_choose_brings() -> None:
    organisations = pl.DataFrame(
        {"org_code": ["A", "B", "C"], "rank": [1, 2, 3], "finds": [0.9, 0.8, 0.7], "benefit": [0.1, 0.2, 0.6]}
    )
    by_risk, by_benefit = compare_gain(organisations, 2)
    assert (by_risk.chosen_by, by_benefit.chosen_by) == ("risk", "expected_benefit")
    assert [by_risk.finds, by_risk.benefit] == pytest.approx([1.7, 0.3])
    assert [by_benefit.finds, by_benefit.benefit] == pytest.approx([1.5, 0.8])
