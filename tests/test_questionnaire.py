from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from crosscheck.errors import ModelError
from crosscheck.questionnaire import Questionnaire, read_questionnaire


def test_the_questionnaire_has_the_191_questions_of_the_review(questionnaire: Questionnaire) -> None:
    assert len(questionnaire) == 191
    assert len({question.section for question in questionnaire}) == 14


def test_levels_run_from_worst_to_best_in_the_questionnaires_order(questionnaire: Questionnaire) -> None:
    checks = questionnaire["human_resources.crb_checks"]
    assert checks.levels == ("not_all_since_2002", "all_since_2002", "all_staff")
    assert checks.dtype == pl.Enum(checks.levels)


def test_yes_no_questions_have_no_before_yes_and_figures_have_no_levels(questionnaire: Questionnaire) -> None:
    for question in questionnaire:
        if question.answer_type == "yes_no":
            assert question.levels == ("no", "yes")
        assert bool(question.levels) == question.has_levels


def test_questions_on_single_reviews_are_asked_of_two(questionnaire: Questionnaire) -> None:
    repeated = [question.question_id for question in questionnaire if question.repeated]
    assert len(repeated) == 6
    assert questionnaire["case_reviews.imr_changes"].columns == (
        "review1.case_reviews.imr_changes", "review2.case_reviews.imr_changes"
    )  # fmt: skip
    assert questionnaire["training.strategy"].columns == ("training.strategy",)


def test_a_question_is_put_to_types_and_among_them_to_those_with_all_its_services(questionnaire: Questionnaire) -> None:
    named_nurse = questionnaire["staffing.named_nurse_post_status"]
    assert named_nurse.org_types == ("acute", "mental_health", "pct")
    assert named_nurse.services == ("children",)


def test_a_missing_questionnaire_or_a_question_named_twice_is_told(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no questionnaire"):
        read_questionnaire(tmp_path / "questionnaire.csv")
    twice = Path(__file__).resolve().parent.parent / "data" / "c2" / "questionnaire.csv"
    lines = twice.read_text(encoding="utf-8").splitlines(keepends=True)
    (tmp_path / "questionnaire.csv").write_text("".join([*lines, lines[-1]]), encoding="utf-8")
    with pytest.raises(ModelError, match=r"row 193, column question_id: row 192 names .*, too"):
        read_questionnaire(tmp_path / "questionnaire.csv")
