from __future__ import annotations

import polars as pl
import pytest

from crosscheck.contract.outputs import OUTPUTS
from crosscheck.visits.duties import list_duties, weigh_duties
from crosscheck.visits.model import Gravity, MandatoryArm
from crosscheck.vocabulary import SEVERITY, VERDICT

RULES = pl.DataFrame(
    {"check_id": ["D1", "D2"], "strength": ["statutory"] * 2, "explanations": ["one | two", "three"],
     "lines_of_enquiry": ["see it", "ask | look"]}
)  # fmt: skip
QUESTIONS = {"posts.doctor": "Is there a doctor?", "review1.posts.doctor": "Was there (first review)?"}


def findings(*rows: dict[str, str | None]) -> pl.DataFrame:
    usual = {"check_id": "D1", "org_code": "R01", "function": "whole", "verdict": "differs", "severity": "high",
             "evidence": "posts.doctor = vacant", "basis": "the Act", "says": "It has none.",
             "waived": None}  # fmt: skip
    schema = dict.fromkeys(usual, pl.String)
    table = pl.DataFrame([usual | row for row in rows], schema=schema)
    return table.with_columns(pl.col("severity").cast(SEVERITY), pl.col("verdict").cast(VERDICT))


def test_a_duty_is_told_with_its_law_the_answer_and_what_may_be_replied() -> None:
    (row,) = list_duties(findings({}), RULES, QUESTIONS).to_dicts()
    assert row == {
        "org_code": "R01", "function": "whole", "check_id": "D1", "severity": "high", "strength": "statutory",
        "finding": "It has none.", "answer": "Is there a doctor? vacant", "basis": "the Act",
        "explanations": "one | two", "lines_of_enquiry": "see it",
    }  # fmt: skip


@pytest.mark.parametrize(
    "row",
    [{"verdict": "cannot_tell"}, {"verdict": "agrees"}, {"verdict": "not_applicable"}, {"waived": "set aside by A."},
     {"check_id": "G1"}],
)  # fmt: skip
def test_what_is_open_waived_or_no_statute_admits_nothing(row: dict[str, str]) -> None:
    told = list_duties(findings(row), RULES, QUESTIONS)
    assert told.is_empty()
    assert told.columns == OUTPUTS["duties"].schema.names()


def test_each_declaration_has_a_row_for_each_duty_the_gravest_first() -> None:
    rows = findings(
        {"severity": "medium"}, {"check_id": "D2"}, {"org_code": "5A1", "function": "provider"},
        {"org_code": "5A1", "function": "commissioner"},
    )  # fmt: skip
    told = list_duties(rows, RULES, QUESTIONS)
    assert told.select("org_code", "function", "check_id").rows() == [
        ("5A1", "commissioner", "D1"), ("5A1", "provider", "D1"), ("R01", "whole", "D2"), ("R01", "whole", "D1"),
    ]  # fmt: skip
    assert told.equals(list_duties(rows.reverse(), RULES, QUESTIONS))


def test_each_answer_stands_under_its_own_question() -> None:
    rows = findings({"evidence": "review1.posts.doctor = no; posts.doctor = not known"})
    assert list_duties(rows, RULES, QUESTIONS)["answer"].to_list() == [
        "Was there (first review)? no; Is there a doctor? not known"
    ]


def test_an_organisation_is_as_grave_as_its_gravest_duty_and_counts_each_duty_once() -> None:
    arm = MandatoryArm(share=0.5, least_gravity=3, gravity=Gravity(high=3, medium=2, low=1, reason=""), reason="")
    rows = findings(
        {"severity": "medium"}, {"check_id": "D2", "severity": "high"},
        {"org_code": "5A1", "function": "provider", "severity": "low"},
        {"org_code": "5A1", "function": "commissioner", "severity": "low"},
    )  # fmt: skip
    weighed = weigh_duties(list_duties(rows, RULES, QUESTIONS), arm)
    assert weighed.rows() == [("5A1", 1, 1), ("R01", 3, 2)]


def test_the_embedded_run_lists_the_duties_that_the_list_counts(national_run) -> None:  # type: ignore[no-untyped-def]
    duties, listed = (pl.read_parquet(national_run / f"{name}.parquet") for name in ("duties", "visit_list"))
    keys = ["org_code", "function"]
    counted = duties.group_by(keys).agg(pl.len().cast(pl.Int64).alias("counted"))
    beside = listed.join(counted, on=keys, how="left").with_columns(pl.col("counted").fill_null(0))
    assert duties.height > 100
    assert beside["duties_unmet"].to_list() == beside["counted"].to_list()
    assert duties.join(listed.filter(pl.col("declared") != "compliant"), on=keys, how="semi").is_empty()
    assert not duties["answer"].str.contains(r"[a-z_]+\.[a-z_]+ = ").any()
