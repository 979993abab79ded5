from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import polars as pl
import pytest

from crosscheck.cases.cases import Name
from crosscheck.rulebook.evaluate import evaluate, give_verdicts
from crosscheck.rulebook.format_value import format_evidence, format_value
from crosscheck.rulebook.rule import Rulebook
from crosscheck.vocabulary import SEVERITY, VERDICT

EXPECTS = """'staffing.checks >= "all_since_2002"'"""
SAYS = '"The trust answered that its checks cover: {staffing.checks}."'
Load = Callable[..., Rulebook]


@pytest.fixture
def finding(cases: Callable[..., pl.DataFrame], rulebook_with: Load) -> Callable[..., dict[str, Any]]:
    """The finding of the one rule, with another expectation, on one case."""

    def find(expects: str, known: dict[str, Any], *more: tuple[str, str]) -> dict[str, Any]:
        rules = rulebook_with((EXPECTS, f"'{expects}'"), *more)
        return evaluate(cases(known), rules).row(0, named=True)

    return find


Find = Callable[..., dict[str, Any]]

THREE_OF_FOUR = {"staffing.days": 3.0, "staffing.trained_pct": 4.0}
VERDICTS = [
    ('staffing.checks >= "all_since_2002"', {"staffing.checks": "all_staff"}, "agrees"),
    ('staffing.checks >= "all_since_2002"', {"staffing.checks": "not_all"}, "differs"),
    ('staffing.checks >= "all_since_2002"', {"staffing.checks": "not_known"}, "cannot_tell"),
    ('staffing.checks >= "all_since_2002"', {"staffing.checks": "no_answer"}, "cannot_tell"),
    ('staffing.checks >= "all_since_2002"', {"staffing.checks": "not_applicable"}, "not_applicable"),
    ('staffing.lead == "nurse" or staffing.days > 2', {"staffing.lead": "nurse"}, "agrees"),
    ('staffing.lead == "nurse" or staffing.days > 2', {"staffing.lead": "doctor"}, "cannot_tell"),
    ('staffing.lead == "nurse" and staffing.days > 2', {"staffing.lead": "doctor"}, "differs"),
    (
        'staffing.lead == "nurse" or staffing.days > 2',
        {"staffing.lead": "doctor", "staffing.days": "not_applicable"},
        "not_applicable",
    ),
    (
        'staffing.lead == "nurse" or staffing.days > 2',
        {"staffing.lead": "not_known", "staffing.days": "not_applicable"},
        "cannot_tell",
    ),
    ("10 / staffing.days > 2", {"staffing.days": 0.0}, "cannot_tell"),
    ("staffing.days / staffing.trained_pct > 2", {"staffing.days": 0.0, "staffing.trained_pct": 0.0}, "cannot_tell"),
    ("10 / (staffing.days - 2) > 2", {"staffing.days": 2.0}, "cannot_tell"),
    ("staffing.days * 1e15 * 1e15 > 2", {"staffing.days": 1e300}, "cannot_tell"),
    ("1 / (staffing.days * 1e15) < 1", {"staffing.days": 1e300}, "cannot_tell"),
    ("figures.turnover_pct > 80", {"figures.turnover_pct": float("nan")}, "cannot_tell"),
    ("figures.turnover_pct > 80", {"figures.turnover_pct": float("inf")}, "cannot_tell"),
    ("absent(figures.turnover_pct)", {"figures.turnover_pct": float("nan")}, "agrees"),
    ("absent(staffing.days)", {"staffing.days": "not_known"}, "agrees"),
    ("is_not_applicable(staffing.days)", {"staffing.days": "not_known"}, "differs"),
    ("not service.maternity", {"service.maternity": False}, "agrees"),
    ("not service.maternity", {}, "cannot_tell"),
    ('declared.lapse_from < "2008-12-31"', {"declared.lapse_from": date(2008, 12, 30)}, "agrees"),
    ("staffing.checks > staffing.recheck", {"staffing.checks": "all_staff", "staffing.recheck": "not_all"}, "agrees"),
    ("step(staffing.checks) == 1", {"staffing.checks": "not_all"}, "agrees"),
    ("step(staffing.checks) == 3", {"staffing.checks": "all_staff"}, "agrees"),
    ("step(staffing.checks) == 3", {"staffing.checks": "not_known"}, "cannot_tell"),
    ("step(staffing.checks) == 3", {"staffing.checks": "not_applicable"}, "not_applicable"),
    (
        "abs(step(staffing.checks) - step(staffing.recheck)) <= 1",
        {"staffing.checks": "not_all", "staffing.recheck": "all_staff"},
        "differs",
    ),
    ("abs(staffing.days) == 2", {"staffing.days": -2.0}, "agrees"),
    ("abs(1 / staffing.days) == 2", {"staffing.days": 0.0}, "cannot_tell"),
    ("1 < abs(staffing.days - 1)", {}, "cannot_tell"),
    ("highest(staffing.days, staffing.trained_pct) == 3", {"staffing.days": 3.0}, "agrees"),
    ("highest(staffing.days, staffing.trained_pct) == 3", THREE_OF_FOUR, "differs"),
    ("lowest(staffing.days, staffing.trained_pct) == 3", THREE_OF_FOUR, "agrees"),
    ("lowest(staffing.days, staffing.trained_pct) == 3", {"staffing.days": "not_applicable"}, "cannot_tell"),
    (
        "lowest(staffing.days, staffing.trained_pct) == 3",
        {"staffing.days": "not_applicable", "staffing.trained_pct": "not_applicable"},
        "not_applicable",
    ),
    ("highest(figures.turnover_pct, organisation.staff_wte) > 1", {}, "cannot_tell"),
    ("highest(figures.turnover_pct, staffing.days) > 1", {"staffing.days": "not_applicable"}, "cannot_tell"),
    ("multiple(staffing.trained_pct, 10)", {"staffing.trained_pct": 50.0}, "agrees"),
    ("multiple(staffing.trained_pct, 10)", {"staffing.trained_pct": 0.0}, "agrees"),
    ("multiple(staffing.trained_pct, 10)", {"staffing.trained_pct": 54.0}, "differs"),
    ("multiple(staffing.trained_pct, 0.5)", {"staffing.trained_pct": 54.5}, "agrees"),
    ("multiple(staffing.trained_pct, 10)", {"staffing.trained_pct": "not_known"}, "cannot_tell"),
    ('mentions(declared.statement, "action plan")', {"declared.statement": "An Action Plan."}, "agrees"),
    ('mentions(declared.statement, "action plan")', {"declared.statement": "action plans"}, "differs"),
    ('mentions(declared.statement, "lapse")', {"declared.statement": "a relapse"}, "differs"),
    ('mentions(declared.statement, "plan", "lapse")', {"declared.statement": "(lapse)"}, "agrees"),
    ('mentions(declared.statement, "100%")', {"declared.statement": "now 100% trained"}, "agrees"),
    ('mentions(declared.statement, "a.b")', {"declared.statement": "acb"}, "differs"),
    ('mentions(declared.statement, "lapse")', {"declared.statement": ""}, "differs"),
    ('mentions(declared.statement, "lapse")', {}, "cannot_tell"),
]


@pytest.mark.parametrize(("expects", "known", "verdict"), VERDICTS)
def test_what_is_unknown_stays_so_unless_the_rest_decides(
    expects: str, known: dict[str, Any], verdict: str, finding: Find
) -> None:
    assert finding(expects, known)["verdict"] == verdict


COUNTED = 'count(staffing.lead == "nurse", staffing.policy == "yes", staffing.days > 2)'
SHARED = 'share(staffing.lead == "nurse", staffing.policy == "yes", staffing.days > 2)'
NURSE, POLICY, DAYS = {"staffing.lead": "nurse"}, {"staffing.policy": "yes"}, {"staffing.days": 3.0}
NO_POLICY = {"staffing.policy": "no"}
NO_DAYS = {"staffing.days": "not_applicable"}


@pytest.mark.parametrize(
    ("expects", "known", "verdict"),
    [
        (f"{COUNTED} >= 2", NURSE | POLICY, "agrees"),
        (f"{COUNTED} >= 2", NURSE | NO_POLICY, "cannot_tell"),
        (f"{COUNTED} > 2", NURSE | NO_POLICY, "differs"),
        (f"{COUNTED} < 2", NURSE | POLICY, "differs"),
        (f"{COUNTED} == 2", NURSE | POLICY, "cannot_tell"),
        (f"{COUNTED} == 2", NURSE | POLICY | DAYS, "differs"),
        (f"{COUNTED} != 3", NURSE | NO_POLICY, "agrees"),
        (f"{COUNTED} != 2", NURSE | NO_POLICY, "cannot_tell"),
        (f"{COUNTED} >= 3", NURSE | POLICY | NO_DAYS, "not_applicable"),
        (f"{SHARED} >= 1", NURSE | POLICY | NO_DAYS, "agrees"),
        (f"{SHARED} > 0.5", NURSE | NO_POLICY | NO_DAYS, "differs"),
        (f"{SHARED} >= 0.5", NURSE | NO_POLICY | NO_DAYS, "agrees"),
        (f"{SHARED} >= 0.5", NURSE | NO_POLICY, "cannot_tell"),
        (f"{SHARED} >= 0.3", NURSE | NO_POLICY, "agrees"),
        (
            f"{SHARED} > 0.5",
            {"staffing.lead": "not_applicable", "staffing.policy": "not_applicable"} | NO_DAYS,
            "not_applicable",
        ),
        (
            f"{SHARED} > 0.5",
            {"staffing.lead": "not_applicable", "staffing.policy": "not_known"} | NO_DAYS,
            "cannot_tell",
        ),
    ],
)
def test_a_tally_is_decided_where_the_unknown_parts_cannot_change_it(
    expects: str, known: dict[str, Any], verdict: str, finding: Find
) -> None:
    assert finding(expects, known)["verdict"] == verdict


@pytest.mark.parametrize(
    ("known", "verdict"),
    [
        ({"declared.status": "not_met"}, "not_applicable"),
        ({"organisation.org_type": "ambulance"}, "not_applicable"),
        ({"function": "commissioner"}, "not_applicable"),
        ({"function": "provider"}, "agrees"),
        ({"service.maternity": False}, "not_applicable"),
        ({"service.maternity": None}, "cannot_tell"),
        ({"service.maternity": None, "organisation.org_type": "ambulance"}, "not_applicable"),
    ],
)
def test_a_rule_speaks_only_of_those_to_whom_it_applies(known: dict[str, Any], verdict: str, finding: Find) -> None:
    services = ('"provider"] }', '"provider"], services = ["maternity"] }')
    row = {"staffing.checks": "all_staff", "service.maternity": True} | known
    assert finding('staffing.checks >= "all_since_2002"', row, services)["verdict"] == verdict


def test_an_entry_that_applies_to_does_not_make_leaves_nobody_out(finding: Find) -> None:
    everybody = ('{ declared = ["compliant"], org_type = ["acute", "pct"], function = ["whole", "provider"] }', "{}")
    row = {"staffing.checks": "all_staff", "declared.status": "not_met", "function": "commissioner"}
    assert finding('staffing.checks >= "all_since_2002"', row, everybody)["verdict"] == "agrees"


def test_a_finding_says_what_it_rests_on_in_words(finding: Find) -> None:
    expects = (
        'staffing.checks == "all_since_2002" or staffing.trained_pct > 50 or staffing.days > 2.5 or service.maternity '
        'or declared.lapse_from > "2008-01-01" or organisation.staff_wte > 1 or staffing.recheck == "all_staff"'
    )
    known = {"staffing.checks": "all_since_2002", "staffing.trained_pct": 54.0, "staffing.days": 2.5}
    known |= {"service.maternity": False, "declared.lapse_from": date(2008, 6, 3)}
    known |= {"staffing.recheck": "not_applicable"}
    assert finding(expects, known)["evidence"] == (
        "staffing.checks = all since 2002; staffing.trained_pct = 54%; staffing.days = 2.5 days per week; "
        "service.maternity = no; declared.lapse_from = 3 June 2008; organisation.staff_wte = not known; "
        "staffing.recheck = not applicable"
    )


@pytest.mark.parametrize(("why", "words"), [("no_answer", "no answer"), ("not_known", "not known")])
def test_each_absence_has_words_of_its_own(why: str, words: str, finding: Find) -> None:
    evidence = finding("staffing.days > 2", {"staffing.days": why})["evidence"]
    assert evidence == f"staffing.days = {words}"


def test_the_sentence_is_filled_in_where_a_declaration_differs_and_only_there(finding: Find) -> None:
    says = (
        SAYS,
        '"Of the staff {staffing.trained_pct} are trained, in {staffing.days} days a week ({staffing.lead})."',
    )
    differs = finding("staffing.trained_pct > 50", {"staffing.trained_pct": 33.5, "staffing.days": 2.0}, says)
    assert differs["says"] == "Of the staff 33.5% are trained, in 2 days a week (no answer)."
    assert finding("staffing.trained_pct > 50", {"staffing.trained_pct": 60.0}, says)["says"] is None
    assert finding("staffing.trained_pct > 50", {}, says)["says"] is None


def test_where_a_rule_does_not_apply_there_is_no_evidence(finding: Find) -> None:
    found = finding("staffing.days > 2", {"staffing.days": "not_applicable"})
    assert (found["verdict"], found["evidence"], found["says"], found["open_questions"]) == (
        "not_applicable", "", None, None,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("known", "wanting"),
    [
        ({}, ["staffing.lead", "staffing.days", "staffing.policy"]),
        ({"staffing.lead": "nurse"}, ["staffing.policy"]),
        ({"staffing.policy": "yes"}, ["staffing.lead", "staffing.days"]),
        ({"staffing.policy": "not_applicable"}, ["staffing.lead", "staffing.days"]),
        ({"staffing.policy": "no"}, None),
    ],
)
def test_the_open_questions_are_those_that_could_still_decide(
    known: dict[str, Any], wanting: list[str] | None, finding: Find
) -> None:
    expects = '(staffing.lead == "nurse" or staffing.days > 2) and staffing.policy == "yes"'
    assert finding(expects, known)["open_questions"] == wanting


def test_a_service_that_is_not_known_is_an_open_question(finding: Find) -> None:
    services = ('"provider"] }', '"provider"], services = ["maternity"] }')
    assert finding("staffing.days > 2", {"staffing.days": 3.0}, services)["open_questions"] == ["service.maternity"]
    assert finding("staffing.days > 2", {}, services)["open_questions"] == ["service.maternity", "staffing.days"]


def test_no_answer_is_asked_for_where_none_would_help(finding: Find) -> None:
    assert finding("10 / staffing.days > 2", {"staffing.days": 0.0})["open_questions"] is None


def test_findings_come_by_rule_organisation_and_function(
    cases: Callable[..., pl.DataFrame], rulebook_with: Load
) -> None:
    first = rulebook_with()["STD-HR-01"]
    rules = Rulebook({"STD-HR-09": replace(first, id="STD-HR-09"), first.id: first}, "")
    rows = [{"org_code": code, "function": function} for code in ("R2", "R1") for function in ("whole", "provider")]
    findings = evaluate(cases(*rows), rules)
    assert findings.select("check_id", "org_code", "function").rows() == [
        (rule, code, function)
        for rule in ("STD-HR-09", "STD-HR-01")
        for code in ("R1", "R2")
        for function in ("provider", "whole")
    ]
    assert findings.schema == {
        "check_id": pl.String, "org_code": pl.String, "function": pl.String, "verdict": VERDICT, "severity": SEVERITY,
        "evidence": pl.String, "expected": pl.String, "basis": pl.String, "says": pl.String,
        "open_questions": pl.List(pl.String), "group": pl.String, "kind": pl.String,
    }  # fmt: skip


def test_verdicts_keep_the_order_of_the_cases(cases: Callable[..., pl.DataFrame], rulebook_with: Load) -> None:
    known = [{"org_code": "R2", "staffing.checks": "all_staff"}, {"org_code": "R1", "staffing.checks": "not_all"}]
    verdicts = give_verdicts(cases(*known), rulebook_with())
    assert verdicts.rows() == [("R2", "whole", "agrees"), ("R1", "whole", "differs")]
    assert verdicts.schema == {"org_code": pl.String, "function": pl.String, "STD-HR-01": VERDICT}


def test_a_collection_without_declarations_has_no_findings(
    cases: Callable[..., pl.DataFrame], rulebook_with: Load
) -> None:
    nobody = cases({}).head(0)
    assert evaluate(nobody, rulebook_with()).height == give_verdicts(nobody, rulebook_with()).height == 0


def test_levels_in_another_order_than_the_questionnaires_are_never_compared(
    cases: Callable[..., pl.DataFrame], rulebook_with: Load
) -> None:
    turned = pl.Series("staffing.checks", ["not_all"], dtype=pl.Enum(["all_staff", "all_since_2002", "not_all"]))
    with pytest.raises(pl.exceptions.SchemaError):
        give_verdicts(cases({}).with_columns(turned), rulebook_with())


def test_one_of_a_unit_is_told_in_the_singular_and_what_is_not_known_without_a_unit() -> None:
    name = Name("posts.days", "number", "how many", unit="days per week")
    known = pl.DataFrame({"posts.days": [1.0, 2.0, 0.5, None]})
    told = known.select(format_evidence(name, format_value(name), "Time")).to_series().to_list()
    assert told == [
        "Time = 1 day per week", "Time = 2 days per week", "Time = 0.5 days per week", "Time = not known",
    ]  # fmt: skip
