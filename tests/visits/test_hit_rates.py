from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from crosscheck.visits.hit_rates import (
    NOT_KNOWN,
    OUTCOME,
    rate_assessors,
    rate_checks,
    rate_criteria,
    rate_groups,
    size_thirds,
)


def _outcomes(*not_upheld: bool) -> pl.DataFrame:
    codes = [f"R{place:02}" for place in range(len(not_upheld))]
    rows = {"org_code": codes, "function": "whole", "visited_on": None, "not_upheld": not_upheld}
    return pl.DataFrame(rows, schema=OUTCOME)


def _of_declarations(column: str, values: list[str], name: str, named: str) -> pl.DataFrame:
    codes = [f"R{place:02}" for place in range(len(values))]
    return pl.DataFrame({"org_code": codes, "function": "whole", name: named, column: values})


def test_a_rule_is_rated_where_it_differs_beside_where_it_agrees_and_open_ones_count_neither_way() -> None:
    verdicts = ["differs", "differs", "differs", "agrees", "agrees", "cannot_tell", "not_applicable", "differs"]
    findings = _of_declarations("verdict", verdicts, "check_id", "C2-POL-01")
    (row,) = rate_checks(findings, _outcomes(True, True, False, True, False, True, True)).to_dicts()
    assert (row["flagged"], row["flagged_not_upheld"], row["other"], row["other_not_upheld"]) == (3, 2, 2, 1)
    assert (row["share"], row["other_share"]) == (pytest.approx(2 / 3), 0.5)
    assert (row["low"], row["high"]) == (pytest.approx(0.094, abs=0.001), pytest.approx(0.992, abs=0.001))


def test_a_rule_that_differs_for_all_that_were_visited_has_no_other_share() -> None:
    findings = _of_declarations("verdict", ["differs", "differs"], "check_id", "A")
    (row,) = rate_checks(findings, _outcomes(True, False)).to_dicts()
    assert (row["other"], row["other_share"]) == (0, None)


def test_rules_come_by_how_often_they_hit_and_one_that_differs_for_nobody_visited_is_left_out() -> None:
    findings = pl.concat(
        [
            _of_declarations("verdict", ["differs", "differs"], "check_id", "B"),
            _of_declarations("verdict", ["differs", "agrees"], "check_id", "A"),
            _of_declarations("verdict", ["agrees", "agrees"], "check_id", "C"),
        ]
    )
    rated = rate_checks(findings, _outcomes(True, False))
    assert rated["name"].to_list() == ["A", "B"]
    assert rate_checks(findings.reverse(), _outcomes(True, False).reverse()).equals(rated)


def test_a_criterion_is_rated_where_its_evidence_was_absent_and_not_offered_counts_neither_way() -> None:
    looks = _of_declarations("seen", ["absent", "absent", "seen", "not_offered"], "question_id", "policy.reviewed")
    (row,) = rate_criteria(looks, _outcomes(True, False, True, True)).to_dicts()
    assert (row["name"], row["flagged"], row["flagged_not_upheld"], row["other"]) == ("policy.reviewed", 2, 1, 1)


def test_what_nobody_visited_is_in_no_rate() -> None:
    findings = _of_declarations("verdict", ["differs"] * 3, "check_id", "A")
    assert rate_checks(findings, _outcomes()).is_empty()
    listed = pl.DataFrame({"org_code": ["R00", "R01"], "function": "whole", "selected_by": [None, "risk"]})
    (row,) = rate_groups(listed.with_columns(region=pl.lit("North")), _outcomes(), ["region"]).to_dicts()
    assert (row["declarations"], row["chosen"], row["visited"], row["share"]) == (2, 1, 0, None)
    assert (row["low"], row["high"]) == (0, 1)


def test_selection_and_hits_by_group_add_up_to_all_and_a_group_that_is_not_known_is_its_own() -> None:
    listed = pl.DataFrame(
        {
            "org_code": ["R00", "R01", "R02", "R03"],
            "function": "whole",
            "selected_by": ["risk", "random", None, "risk"],
            "region": ["North", None, "North", "South"],
            "size": ["largest third"] * 4,
        }
    )
    rated = rate_groups(listed, _outcomes(True, False), ["region", "size"])
    assert rated["grouping"].to_list() == ["region"] * 3 + ["size"]
    assert rated["group"].to_list() == ["North", "South", NOT_KNOWN, "largest third"]
    assert rated.filter(pl.col("grouping") == "region")["chosen"].sum() == 3
    assert rated["chosen_share"].to_list() == [0.5, 1.0, 1.0, 0.75]
    assert rated["not_upheld"].to_list() == [1, 0, 0, 1]


def test_assessors_who_differ_by_chance_alone_are_told_nearly_the_rate_of_all() -> None:
    rng = np.random.default_rng(1)
    visits = pl.DataFrame(
        {"assessor": [f"A{place % 20}" for place in range(200)], "not_upheld": rng.random(200) < 0.25}
    )
    rates = rate_assessors(visits)
    assert rates["share"].std() < 0.03  # type: ignore[operator]
    assert (rates["share"] - rates["of_all"]).abs().max() < 0.08  # type: ignore[operator]


def test_assessors_who_differ_are_told_so_and_the_more_visits_the_nearer_to_their_own_rate() -> None:
    strict = pl.DataFrame({"assessor": "A1", "not_upheld": [True] * 40 + [False] * 20})
    mild = pl.DataFrame({"assessor": "A2", "not_upheld": [True] * 5 + [False] * 55})
    new = pl.DataFrame({"assessor": "A3", "not_upheld": [True, True]})
    rates = {row["assessor"]: row for row in rate_assessors(pl.concat([strict, mild, new])).to_dicts()}
    assert rates["A1"]["low"] > rates["A2"]["high"]
    assert rates["A1"]["share"] == pytest.approx(40 / 60, abs=0.05)
    assert 0.4 < rates["A3"]["share"] < 0.75
    assert rates["A3"]["high"] - rates["A3"]["low"] > 0.3


@pytest.mark.parametrize("hit", [True, False])
def test_where_all_or_nothing_was_found_by_anybody_each_rate_is_that(hit: bool) -> None:
    rates = rate_assessors(pl.DataFrame({"assessor": ["A1", "A2", None], "not_upheld": [hit] * 3}))
    assert rates["share"].to_list() == [float(hit)] * 2
    assert rate_assessors(
        pl.DataFrame({"assessor": [None], "not_upheld": [hit]}).cast({"assessor": pl.String})
    ).is_empty()


def test_thirds_are_of_the_same_type_and_unknown_staff_are_in_none() -> None:
    organisations = pl.DataFrame(
        {
            "org_code": list("abcdefg"),
            "org_type": ["acute"] * 3 + ["pct"] * 4,
            "staff_wte": [9000.0, 100.0, 3000.0, 10.0, 30.0, 20.0, None],
        }
    )
    sizes = dict(size_thirds(organisations).iter_rows())
    assert [sizes[code] for code in "bca"] == ["smallest third", "middle third", "largest third"]
    assert [sizes[code] for code in "dfe"] == ["smallest third", "middle third", "largest third"]
    assert sizes["g"] is None
