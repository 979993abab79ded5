"""The questionnaire: what was asked, of whom, and which answers there are, worst first."""

from __future__ import annotations

import csv
import hashlib
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import polars as pl

from crosscheck.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

AnswerType = Literal["ordinal", "yes_no", "choice", "percent", "number", "count"]
Direction = Literal["higher_better", "lower_better", "none"]

_YES_NO: Final = ("no", "yes")
_LEVELLED: Final = ("ordinal", "yes_no", "choice")
_PER_REVIEW: Final = "individual_management_review"


@dataclass(frozen=True)
class Question:
    """One question.

    `levels` run from worst to best where `direction` is `higher_better`, and are empty for figures. `org_types` and
    `services` say to whom it is put: to these types, and among them to those that provide all these services.
    """

    question_id: str
    text: str
    answer_type: AnswerType
    unit: str
    levels: tuple[str, ...]
    direction: Direction
    org_types: tuple[str, ...]
    services: tuple[str, ...]
    requirement: str
    basis: str
    where: str
    repeated: bool

    @property
    def section(self) -> str:
        """The part of the name before the dot, as in `training`."""
        return self.question_id.split(".", 1)[0]

    @property
    def has_levels(self) -> bool:
        """Whether an answer is one of `levels` rather than a figure."""
        return self.answer_type in _LEVELLED

    @property
    def columns(self) -> tuple[str, ...]:
        """Its columns among the cases: its own name, or one a review for a question that is asked of two reviews."""
        return tuple(f"review{item}.{self.question_id}" for item in (1, 2)) if self.repeated else (self.question_id,)

    @property
    def dtype(self) -> pl.DataType:
        """The polars type of its answers: levels in the questionnaire's order, or a float."""
        return pl.Enum(self.levels) if self.has_levels else pl.Float64()


@dataclass(frozen=True)
class Questionnaire:
    """All questions by name, in the questionnaire's order; `digest` is the SHA-256 of the file."""

    questions: Mapping[str, Question]
    digest: str

    def __iter__(self) -> Iterator[Question]:
        return iter(self.questions.values())

    def __len__(self) -> int:
        return len(self.questions)

    def __contains__(self, question_id: object) -> bool:
        return question_id in self.questions

    def __getitem__(self, question_id: str) -> Question:
        return self.questions[question_id]

    @property
    def services(self) -> tuple[str, ...]:
        """Every service on which some question depends, in alphabetical order."""
        return tuple(sorted({service for question in self for service in question.services}))


def read_questionnaire(file: Path) -> Questionnaire:
    """Read the questionnaire of a standard.

    Raises:
        ModelError: the file is missing or names a question twice.
    """
    if not file.is_file():
        raise ModelError(f"{file}: there is no questionnaire. Each standard needs one at this place.")
    content = file.read_bytes()
    questions = [_question(row) for row in csv.DictReader(io.StringIO(content.decode(), newline=""))]
    by_name = {question.question_id: question for question in questions}
    if len(by_name) < len(questions):
        raise ModelError(f"{file}: a question is named twice. Each needs a name of its own.")
    return Questionnaire(by_name, hashlib.sha256(content).hexdigest())


def _question(row: dict[str, str]) -> Question:
    applies = row["applies_to"].split("|")
    levels = tuple(row["levels"].split("|")) if row["levels"] else ()
    return Question(
        question_id=row["question_id"],
        text=row["text"],
        answer_type=row["answer_type"],  # type: ignore[arg-type]  # the file is ours, and a test holds it
        unit=row["unit"],
        levels=levels or (_YES_NO if row["answer_type"] == "yes_no" else ()),
        direction=row["direction"],  # type: ignore[arg-type]  # as above
        org_types=tuple(part for part in applies if not part.startswith("service:")),
        services=tuple(part.removeprefix("service:") for part in applies if part.startswith("service:")),
        requirement=row["requirement"],
        basis=row["basis"],
        where=row["where"],
        repeated=row["per"] == _PER_REVIEW,
    )
