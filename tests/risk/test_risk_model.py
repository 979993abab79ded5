from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from crosscheck import settings
from crosscheck.errors import ModelError
from crosscheck.questionnaire import Questionnaire
from crosscheck.risk.model import read_risk_model
from crosscheck.standard import Standard
from tests.risk.invented import MODEL

STATED = settings.model_file("C2", "visit_risk", "v3").read_text(encoding="utf-8")


def written(folder: Path, content: str) -> Path:
    file = folder / "v3.toml"
    file.write_text(content, encoding="utf-8")
    return file


def test_what_visits_find_and_what_is_true_are_the_same_but_for_visitors_errors() -> None:
    visitors = MODEL.visitors
    assert visitors.found(0.2) == pytest.approx(0.2 * visitors.sensitivity + 0.8 * (1 - visitors.specificity))
    assert visitors.in_truth(visitors.found(0.2)) == pytest.approx(0.2)


def test_every_problem_of_the_file_is_told_at_once(tmp_path: Path) -> None:
    wrong = STATED.replace("found_share = 0.13", "found_share = 13").replace("least = 20", "leest = 20")
    with pytest.raises(ModelError) as caught:
        read_risk_model(written(tmp_path, wrong))
    told = "\n".join(caught.value.problems)
    assert "prior.found_share" in told
    assert "estimation.least" in told
    assert "estimation.leest" in told


@pytest.mark.parametrize(
    ("stated", "wrong", "where"),
    [
        ("bias = -0.2\n", "bias = 0.2\n", "bias"),
        ("decibans = 21.0\n", "decibans = -21.0\n", "decibans"),
        ("visits = 10 ", "visits = 200 ", "prior.visits"),
        ("factor = 1.0\n", "factor = 1.5\n", "factor"),
    ],
)
def test_a_weight_against_its_direction_or_beyond_its_limit_is_refused(
    tmp_path: Path, stated: str, wrong: str, where: str
) -> None:
    assert stated in STATED
    with pytest.raises(ModelError) as caught:
        read_risk_model(written(tmp_path, STATED.replace(stated, wrong, 1)))
    assert where in "\n".join(caught.value.problems)


def test_a_file_that_is_no_toml_is_told_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="line 2"):
        read_risk_model(written(tmp_path, "# [link]\nprior = = 1"))


def test_a_version_that_is_not_there_names_those_that_are() -> None:
    with pytest.raises(ModelError, match="There are: v1, v2, v3"):
        settings.model_file("C2", "visit_risk", "v99")


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_a_former_version_is_refused_in_one_sentence_with_the_program_that_reads_it(version: str) -> None:
    with pytest.raises(ModelError, match=r"read by crosscheck 0\.1\.0") as caught:
        read_risk_model(settings.model_file("C2", "visit_risk", version))
    assert len(caught.value.problems) == 1


def test_the_newest_version_is_read_if_none_is_named(standard: Standard) -> None:
    assert standard.risk.version == "v3"


def test_every_question_and_section_that_the_model_names_is_asked(questionnaire: Questionnaire) -> None:
    asked = {question.question_id for question in questionnaire}
    sections = {question.section for question in questionnaire}
    assert set(MODEL.questions) <= asked
    assert {section for named in MODEL.functions.values() for section in named} <= sections
    columns = {column for question in questionnaire for column in question.columns}
    assert set(MODEL.facts.values()) <= columns


def test_every_number_is_stated_with_its_reason() -> None:
    def reasons(of: object) -> list[str]:
        if not isinstance(of, dict):
            return []
        here = [str(of[name]) for name in ("reason", "source") if name in of]
        return here + [reason for inner in of.values() for reason in reasons(inner)]

    told = tomllib.loads(STATED)
    assert len(reasons(told)) > 100
    assert all(len(reason) > 15 for reason in reasons(told))
    assert all("reason" in question for question in told["questions"].values())
