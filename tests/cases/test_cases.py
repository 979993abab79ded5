from __future__ import annotations

from dataclasses import replace
from datetime import date

import polars as pl
import pytest

from crosscheck.cases.cases import build_cases, catalogue
from crosscheck.cases.history import NO_PREDECESSORS, years_before
from crosscheck.contract.inputs import INPUTS
from crosscheck.questionnaire import Questionnaire
from crosscheck.vocabulary import ABSENCE

FIGURES = ("crb.disclosures_since_2002", "staff_survey.training_pct")
ANSWERS = {
    "org_code": pl.String, "question_id": pl.String, "item": pl.UInt8, "level": pl.String, "number": pl.Float64,
    "absence": ABSENCE,
}  # fmt: skip


def table(name: str, *rows: dict[str, object]) -> pl.DataFrame:
    empty = INPUTS[name].empty()
    return pl.DataFrame([{column: row.get(column) for column in empty.columns} for row in rows], schema=empty.schema)


def organisation(code: str, org_type: str, services: list[str] | None) -> dict[str, object]:
    return {"org_code": code, "name": f"Trust {code}", "org_type": org_type, "region": "North", "services": services}


def declaration(code: str, function: str, year: str, status: str) -> dict[str, object]:
    return {
        "org_code": code, "function": function, "year": year, "status": status, "standard": "C2", "category": "acute"
    }  # fmt: skip


def answer(code: str, question: str, item: int = 0, **value: object) -> dict[str, object]:
    return {"org_code": code, "question_id": question, "item": item} | value


def build(
    questionnaire: Questionnaire,
    answers: list[dict[str, object]],
    predecessors: pl.DataFrame = NO_PREDECESSORS,
    **more: pl.DataFrame,
) -> pl.DataFrame:
    """Two made-up organisations: R01 acute with children's services only, 5P1 a primary care trust that gives none."""
    returned = pl.DataFrame([{name: row.get(name) for name in ANSWERS} for row in answers], schema=ANSWERS)
    tables = {name: promised.empty() for name, promised in INPUTS.items()} | {
        "organisations": table(
            "organisations", organisation("R01", "acute", ["children"]), organisation("5P1", "pct", None)
        ),
        "declarations": table(
            "declarations",
            declaration("R01", "whole", "2008/09", "compliant"),
            declaration("R01", "whole", "2007/08", "not_met"),
            declaration("5P1", "commissioner", "2008/09", "compliant"),
            declaration("5P1", "provider", "2008/09", "insufficient_assurance"),
            declaration("5P1", "whole", "2006/07", "not_met"),
        ),
        "answers": returned,
    }
    return build_cases(tables | more, questionnaire, FIGURES, "2008/09", "C2", predecessors)


def case(cases: pl.DataFrame, code: str, function: str = "whole") -> dict[str, object]:
    return cases.filter((pl.col("org_code") == code) & (pl.col("function") == function)).row(0, named=True)


def test_there_is_one_row_a_declaration_of_the_year(questionnaire: Questionnaire) -> None:
    cases = build(questionnaire, [])
    assert cases.select("org_code", "function").rows() == [
        ("5P1", "commissioner"),
        ("5P1", "provider"),
        ("R01", "whole"),
    ]


def test_a_case_has_a_column_for_every_name_that_a_rule_may_use(questionnaire: Questionnaire) -> None:
    names = catalogue(questionnaire, FIGURES)
    cases = build(questionnaire, [])
    assert names.keys() <= set(cases.columns)
    assert {f"{name}?" for name, of in names.items() if of.absences} <= set(cases.columns)


def test_history_is_found_under_the_function_or_the_whole(questionnaire: Questionnaire) -> None:
    cases = build(questionnaire, [])
    assert case(cases, "R01")["declared.previous"] == "not_met"
    assert case(cases, "5P1", "provider")["declared.two_years_ago"] == "not_met"
    assert case(cases, "5P1", "provider")["declared.previous"] is None


def test_the_day_that_the_answers_describe_stands_beside_the_days_of_a_lapse(questionnaire: Questionnaire) -> None:
    cases = build(questionnaire, [])
    assert cases["declared.census_day"].unique().to_list() == [date(2008, 12, 31)]


def test_the_other_function_of_the_same_trust_stands_beside(questionnaire: Questionnaire) -> None:
    cases = build(questionnaire, [])
    assert case(cases, "5P1", "commissioner")["declared.other_function"] == "insufficient_assurance"
    assert case(cases, "5P1", "provider")["declared.other_function"] == "compliant"
    assert case(cases, "R01")["declared.other_function"] is None


def test_what_is_stated_with_the_other_function_stands_beside_too(questionnaire: Questionnaire) -> None:
    stated = [
        declaration("5P1", function, "2008/09", "compliant") | {"statement": f"We {function}."}
        for function in ("commissioner", "provider")
    ]
    cases = build(questionnaire, [], declarations=table("declarations", *stated))
    assert case(cases, "5P1", "commissioner")["declared.other_statement"] == "We provider."
    assert case(cases, "5P1", "provider")["declared.other_statement"] == "We commissioner."
    assert case(cases, "5P1", "provider")["declared.statement"] == "We provider."


def test_both_declarations_of_a_trust_say_the_same_of_its_one_return(questionnaire: Questionnaire) -> None:
    cases = build(questionnaire, [answer("5P1", "training.level1_pct", number=54.0)])
    shares = [case(cases, "5P1", function)["returned.answered_share"] for function in ("commissioner", "provider")]
    assert shares[0] == shares[1]
    assert 0 < shares[0] < 0.05  # type: ignore[operator]  # one of about a hundred questions
    assert case(cases, "R01")["returned.answered_share"] == 0


def test_a_successor_is_known_by_what_its_predecessors_declared_and_answered(questionnaire: Questionnaire) -> None:
    rows = [("R01", "R00", 1, None)]
    before = pl.DataFrame(rows, schema=NO_PREDECESSORS.schema, orient="row")
    answers = [answer("R00", "training.level1_pct", number=12.0), answer("R00", "training.strategy", level="no")]
    answers += [answer("R01", "training.strategy", absence="not_known")]
    declared = table(
        "declarations",
        declaration("R01", "whole", "2008/09", "compliant"),
        declaration("R00", "whole", "2007/08", "not_met"),
    )
    known = case(build(questionnaire, answers, declarations=declared, predecessors=before), "R01")
    assert (known["declared.previous"], known["declared.previous_by"]) == ("not_met", "R00")
    assert (known["training.level1_pct"], known["training.strategy?"]) == (12.0, "not_known")


def test_the_three_absences_stay_three_things(questionnaire: Questionnaire) -> None:
    answers = [
        answer("R01", "training.level1_pct", absence="not_known"),
        answer("R01", "training.strategy", absence="not_applicable"),
        answer("R01", "training.dedicated_budget", absence="no_answer"),
    ]
    known = case(build(questionnaire, answers), "R01")
    assert known["training.level1_pct?"] == "not_known"
    assert known["training.strategy?"] == "not_applicable"
    assert known["training.dedicated_budget?"] == "no_answer"
    assert known["training.level3_records?"] == "no_answer"
    for name in ("training.level1_pct", "training.strategy", "training.dedicated_budget", "training.level3_records"):
        assert known[name] is None


def test_an_answer_has_its_value_and_no_reason_to_be_absent(questionnaire: Questionnaire) -> None:
    answers = [
        answer("R01", "training.level1_pct", number=0.0),
        answer("R01", "human_resources.crb_checks", level="all_staff"),
        answer("R01", "case_reviews.imr_changes", item=2, level="yes"),
    ]
    known = case(build(questionnaire, answers), "R01")
    assert (known["training.level1_pct"], known["training.level1_pct?"]) == (0.0, None)
    assert (known["human_resources.crb_checks"], known["human_resources.crb_checks?"]) == ("all_staff", None)
    assert (known["review2.case_reviews.imr_changes"], known["review1.case_reviews.imr_changes?"]) == (
        "yes",
        "no_answer",
    )


def test_a_question_that_is_not_put_to_an_organisation_does_not_apply_to_it(questionnaire: Questionnaire) -> None:
    cases = build(questionnaire, [])
    assert case(cases, "R01")["maternity.pre_birth_assessment?"] == "not_applicable"
    assert case(cases, "R01")["commissioning.gp_practice_leads?"] == "not_applicable"
    assert case(cases, "5P1", "provider")["commissioning.gp_practice_leads?"] == "no_answer"


def test_a_question_that_hangs_on_services_nobody_stated_is_open_not_inapplicable(questionnaire: Questionnaire) -> None:
    assert case(build(questionnaire, []), "5P1", "provider")["staffing.named_nurse_post_status?"] == "no_answer"


def test_ordinals_compare_in_the_questionnaires_order(questionnaire: Questionnaire) -> None:
    answers = [answer("R01", "human_resources.crb_checks", level="all_staff")]
    cases = build(questionnaire, answers)
    assert cases.filter(pl.col("human_resources.crb_checks") >= "all_since_2002")["org_code"].to_list() == ["R01"]


def test_both_declarations_of_a_trust_carry_its_one_return(questionnaire: Questionnaire) -> None:
    cases = build(questionnaire, [answer("5P1", "training.level1_pct", number=54.0)])
    assert case(cases, "5P1", "commissioner")["training.level1_pct"] == 54.0
    assert case(cases, "5P1", "provider")["training.level1_pct"] == 54.0


def test_a_figure_is_the_newest_as_published_or_the_count_where_only_counts_are(questionnaire: Questionnaire) -> None:
    def figure(name: str, period: str, **numbers: float) -> dict[str, object]:
        source, indicator = name.split(".")
        return {"org_code": "R01", "source": source, "indicator": indicator, "period": period} | numbers

    indicators = table(
        "indicators",
        figure("crb.disclosures_since_2002", "2007", value=1.0),
        figure("crb.disclosures_since_2002", "2008", value=900.0),
        figure("staff_survey.training_pct", "2008", numerator=2.0, denominator=43.0),
    )
    known = case(build(questionnaire, [], indicators=indicators), "R01")
    assert known["crb.disclosures_since_2002"] == 900.0
    assert known["staff_survey.training_pct"] == 2.0


@pytest.mark.parametrize(
    ("remarks", "tone"),
    [
        ([(-2, 0.9)], "critical"),
        ([(3, 0.5)], "praising"),
        ([(2, 0.5), (-2, 0.5)], "neutral"),
        ([(-3, 0.0)], None),
        ([], None),
    ],
)
def test_the_tone_of_an_author_counts_each_remark_by_its_reliability(
    questionnaire: Questionnaire, remarks: list[tuple[float, float]], tone: str | None
) -> None:
    about = {"org_code": "R01", "author": "sha", "year": "2008/09", "standard": "C2", "text": "a remark"}
    rows = [about | {"polarity": float(polarity), "reliability": reliability} for polarity, reliability in remarks]
    assert case(build(questionnaire, [], comments=table("comments", *rows)), "R01")["comment.sha"] == tone


def test_years_before_cross_a_century() -> None:
    assert years_before("2008/09", 1) == "2007/08"
    assert years_before("2000/01", 1) == "1999/00"


def test_a_questionnaire_with_fewer_questions_gives_fewer_names(questionnaire: Questionnaire) -> None:
    some = replace(questionnaire, questions={"training.strategy": questionnaire["training.strategy"]})
    assert "training.strategy" in catalogue(some, ())
    assert "training.level1_pct" not in catalogue(some, ())
