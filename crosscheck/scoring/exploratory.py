"""The model of the exploratory tables: how outliers and unexpected declarations are found, read from `models/`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from crosscheck.model_file import Heading, ModelPart, read_model_file

if TYPE_CHECKING:
    from pathlib import Path


class OutlierModel(ModelPart):
    """How organisations of one type are compared as a whole.

    A type with fewer than `least` organisations is not screened. Scores are held at ±`held_at`. `named` is how many
    contributions are kept for each organisation and detector.
    """

    least: int = Field(ge=10)
    held_at: float = Field(gt=0)
    trees: int = Field(ge=10, le=1000)
    neighbours: int = Field(ge=1, le=9)
    core_share: float = Field(ge=0.5, le=1)
    named: int = Field(ge=1)


class AnsweringModel(ModelPart):
    """Signs of answers given without reading the questions.

    `least_alike` questions with the same levels are needed for runs and spread. Two questions whose answers have this
    `correlation` or more, without its sign, are a pair that can contradict itself.
    """

    least_alike: int = Field(ge=5)
    correlation: float = Field(ge=0.1, lt=1)


class UnexpectedModel(ModelPart):
    """How the declared status is predicted: folds, and the penalties among which the training cases choose."""

    held_at: float = Field(gt=0)
    folds: int = Field(ge=2, le=20)
    penalties: tuple[float, ...] = Field(min_length=1)


class ExploratoryModel(Heading):
    """All choices of one version; `seed` fixes every draw, `digest` is the SHA-256 of the file.

    Without `answering`, as in the first version, nobody looks for careless answers, and the robust distance rests on
    sums by section whatever the number of organisations.
    """

    seed: int = Field(ge=0)
    oddness: OutlierModel
    answering: AnsweringModel | None = None
    surprise: UnexpectedModel


def read_exploratory_model(file: Path) -> ExploratoryModel:
    """Read the choices of the exploratory tables.

    Raises:
        ModelError: with every missing, unknown or impossible entry at once.
    """
    return read_model_file(file, ExploratoryModel)
