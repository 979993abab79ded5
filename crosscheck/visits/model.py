"""The choices behind the plan and the follow-up, read from `models/`: duties by gravity, subjects by their words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field, model_validator

from crosscheck.errors import ModelError
from crosscheck.model_file import Heading, ModelPart, read_model_file

if TYPE_CHECKING:
    from pathlib import Path

    from crosscheck.questionnaire import Questionnaire


class Gravity(ModelPart):
    """How grave an unmet duty is, by the severity of its rule; higher is graver, and only the order counts."""

    high: int = Field(ge=0)
    medium: int = Field(ge=0)
    low: int = Field(ge=0)
    reason: str


class MandatoryArm(ModelPart):
    """Which unmet duties make a visit mandatory.

    `share` is the largest part of the visits not drawn at random that they take, `least_gravity` the gravity from which
    one duty is enough.
    """

    share: float = Field(ge=0, le=1)
    least_gravity: int = Field(ge=0)
    gravity: Gravity
    reason: str


class Subject(ModelPart):
    """What a statement may name: by one of `words`, in any case. `questions` are names, or how they begin."""

    name: str
    words: tuple[str, ...] = Field(min_length=1)
    questions: tuple[str, ...] = Field(min_length=1)


class VisitsModel(Heading):
    """All choices of one version; `digest` is the SHA-256 of the file."""

    mandatory: MandatoryArm
    subject: tuple[Subject, ...]

    @model_validator(mode="after")
    def _name_each_subject_once(self) -> VisitsModel:
        names = [subject.name for subject in self.subject]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            message = f"subject {', '.join(twice)} is stated twice"
            raise ValueError(message)
        return self


def read_visits_model(file: Path, questionnaire: Questionnaire) -> VisitsModel:
    """Read the choices.

    Raises:
        ModelError: the file is missing, with every missing, unknown or impossible entry at once, or with every subject
            that names a question which was not asked.
    """
    model = read_model_file(file, VisitsModel)
    names = [question.question_id for question in questionnaire]
    unknown = [
        f"{file}, subject {subject.name}: no question is {begins} or begins so."
        for subject in model.subject
        for begins in subject.questions
        if not any(name.startswith(begins) for name in names)
    ]
    if unknown:
        raise ModelError(unknown)
    return model
