"""The questionnaire: what was asked, of whom, and which answers there are, worst first."""

from __future__ import annotations

import csv
import hashlib
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, get_args

import polars as pl

from crosscheck.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

AnswerType = Literal["ordinal", "yes_no", "choice", "percent", "number", "count", "signed_number", "text"]
Direction = Literal["higher_better", "lower_better", "none"]

_YES_NO: Final = ("no", "yes")
_LEVELLED: Final = ("ordinal", "yes_no", "choice")
_PER_REVIEW: Final = "individual_management_review"

_COLUMNS: Final = (
    "question_id", "text", "answer_type", "unit", "levels", "direction", "applies_to", "requirement", "basis", "where",
    "per",
)  # fmt: skip
_ALLOWED: Final = {"answer_type": get_args(AnswerType), "direction": get_args(Direction)}


# By the first part of the columns of a question that is asked of two reviews.
WHICH_REVIEW: Final = {"review1": "the first of the two reviews", "review2": "the second of the two reviews"}


@dataclass(frozen=True)
class Question:
    """One question.

    `levels` run from worst to best where `direction` is `higher_better`, and are empty for figures and texts. A number
    is 0 or more, a `signed_number` may be below 0, for example a profit; a `text` is what was written. `org_types` and
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
        """Whether an answer is one of `levels` rather than a figure or a text."""
        return self.answer_type in _LEVELLED

    @property
    def is_text(self) -> bool:
        """Whether an answer is a text in the respondent's own words, a name or a code."""
        return self.answer_type == "text"

    @property
    def is_figure(self) -> bool:
        """Whether an answer is a number."""
        return not self.has_levels and not self.is_text

    @property
    def columns(self) -> tuple[str, ...]:
        """Its columns among the cases: its own name, or one a review for a question that is asked of two reviews."""
        return tuple(f"review{item}.{self.question_id}" for item in (1, 2)) if self.repeated else (self.question_id,)

    def asked_in(self, column: str) -> str:
        """What was asked as people read it, which of the two reviews included: `column` is one of `columns`."""
        return f"{self.text} ({WHICH_REVIEW[column.split('.', 1)[0]]})" if self.repeated else self.text

    @property
    def dtype(self) -> pl.DataType:
        """The polars type of its answers: levels in the questionnaire's order, a text or a float."""
        if self.is_text:
            return pl.String()
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
        ModelError: the file is missing or no CSV in UTF-8, or with every missing column, row of another length, word
            that is not allowed and question named twice, by row and column.
    """
    if not file.is_file():
        raise ModelError(f"{file}: there is no questionnaire. Each standard needs one at this place.")
    content = file.read_bytes()
    try:
        lines = list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise ModelError(f"{file}: can't be read as CSV in UTF-8: {error}.") from error
    headings, rows = (lines[0], lines[1:]) if lines else ([], [])
    if absent := [name for name in _COLUMNS if name not in headings]:
        raise ModelError(f"{file}, row 1: the column {name} is missing." for name in absent)
    if wrong := [problem for row, cells in enumerate(rows, 2) if (problem := _length(row, cells, headings))]:
        raise ModelError(f"{file}, {problem}" for problem in wrong)
    stated = [dict(zip(headings, cells, strict=True)) for cells in rows]
    if wrong := [*_not_allowed(stated), *_named_twice(stated)]:
        raise ModelError(f"{file}, {problem}" for problem in wrong)
    return Questionnaire({row["question_id"]: _question(row) for row in stated}, hashlib.sha256(content).hexdigest())


def _length(row: int, cells: list[str], headings: list[str]) -> str:
    """What is wrong with the number of cells in a row; nothing where each heading has one."""
    if len(cells) < len(headings):
        first = headings[len(cells)]
        return f"row {row}, column {first}: the row has {len(cells)} cells of {len(headings)}. Add what is missing."
    if len(cells) > len(headings):
        return (
            f"row {row}, column {len(headings) + 1}: the row has {len(cells)} cells, and there are {len(headings)} "
            "headings. Put a text that holds commas between quotation marks."
        )
    return ""


def _not_allowed(rows: Sequence[dict[str, str]]) -> Iterator[str]:
    for row, stated in enumerate(rows, 2):
        for column, allowed in _ALLOWED.items():
            if stated[column] not in allowed:
                words = ", ".join(allowed)
                yield f"row {row}, column {column}: “{stated[column]}” is not allowed. Give one of: {words}."
        if stated["answer_type"] in ("ordinal", "choice") and not stated["levels"]:
            yield f"row {row}, column levels: is empty, and the answers of such a question have to be among some."
        if stated["answer_type"] == "text" and stated["direction"] != "none":
            yield f"row {row}, column direction: a text is neither better nor worse. Write none."


def _named_twice(rows: Sequence[dict[str, str]]) -> Iterator[str]:
    seen: dict[str, int] = {}
    for row, stated in enumerate(rows, 2):
        name = stated["question_id"]
        if not name:
            yield f"row {row}, column question_id: is empty. Each question needs a name."
        elif name in seen:
            yield f"row {row}, column question_id: row {seen[name]} names {name}, too. Each needs a name of its own."
        seen.setdefault(name, row)


def _question(row: dict[str, str]) -> Question:
    applies = row["applies_to"].split("|")
    levels = tuple(row["levels"].split("|")) if row["levels"] else ()
    return Question(
        question_id=row["question_id"],
        text=row["text"],
        answer_type=row["answer_type"],  # type: ignore[arg-type]  # it is one of those allowed
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
