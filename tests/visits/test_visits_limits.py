"""What the file of the plan's choices may state, and what it may not."""

from __future__ import annotations

import pytest

from crosscheck.questionnaire import Questionnaire
from crosscheck.settings import model_file
from crosscheck.visits.model import read_visits_model
from tests.limits import Limits, hold_to

HELD = (
    Limits("mandatory.share", [0, 1], [-0.001, 1.001]),
    Limits("mandatory.least_gravity", [0], [-1]),
    Limits("mandatory.gravity.high", [0], [-1]),
    Limits("mandatory.gravity.medium", [0], [-1]),
    Limits("mandatory.gravity.low", [0], [-1]),
)


@pytest.mark.parametrize("limits", HELD, ids=[limits.place for limits in HELD])
def test_a_choice_of_the_plan_is_held_to_its_limits(limits: Limits, questionnaire: Questionnaire) -> None:
    hold_to(read_visits_model(model_file("C2", "visits"), questionnaire), limits)


@pytest.mark.parametrize("names", ["words", "questions"])
def test_a_subject_has_a_word_and_a_question_at_the_least(names: str, questionnaire: Questionnaire) -> None:
    model = read_visits_model(model_file("C2", "visits"), questionnaire)
    stated = model.model_dump()
    stated["subject"][0][names] = ()
    with pytest.raises(ValueError, match=rf"subject\.0\.{names}"):
        type(model).model_validate(stated)
