"""The model of a visit's outcome: what each kind of evidence is worth, in decibans, read from `models/`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from crosscheck.stated import Heading, Stated, read_stated
from crosscheck.vocabulary import Severity

if TYPE_CHECKING:
    from pathlib import Path


class Prior(Stated):
    """The share of declarations that a visit by lot does not uphold; `sd` in decibans."""

    not_upheld_share: float = Field(gt=0, lt=1)
    sd: float = Field(ge=0)
    source: str


class Worth(Stated):
    """What one piece of evidence is worth in decibans, and how unsure that is."""

    decibans: float = Field(ge=-60, le=60)
    sd: float = Field(ge=0)
    reason: str


class CheckWorth(Worth):
    """What a check that differs is worth: never less than nothing."""

    decibans: float = Field(gt=0, le=60)


class KindWeight(Stated):
    """Which part of its worth a check of one kind weighs: from none of it to all of it."""

    factor: float = Field(ge=0, le=1)
    reason: str


class Shift(Stated):
    """How many standard deviations worse a figure lies where the standard is not met, and how unsure that is."""

    shift: float = Field(gt=0, le=5)
    sd: float = Field(ge=0)
    reason: str


class Comments(Stated):
    """Decibans for one point of criticism or of praise from a fully reliable author."""

    criticism: float = Field(gt=0)
    praise: float = Field(ge=0)
    sd: float = Field(ge=0)
    reason: str


class Fading(Stated):
    """What is left of a former visit's worth after each further year."""

    a_year: float = Field(ge=0, le=1)


class History(Stated):
    """What former declarations, the other function and former visits are worth."""

    declared_otherwise: Worth
    other_function: Worth
    visit_qualified: Worth
    visit_upheld: Worth
    fading: Fading


class Correlation(Stated):
    """How far two pieces of evidence of one family say the same thing, given what is true."""

    within_group: float = Field(ge=0, le=1)
    between_groups: float = Field(ge=0, le=1)
    figures: float = Field(ge=0, le=1)
    comments: float = Field(ge=0, le=1)
    source: str


class Simulation(Stated):
    """How intervals are drawn, and where a single figure's score is held."""

    draws: int = Field(ge=100, le=100_000)
    common_sd: float = Field(ge=0)
    interval: float = Field(gt=0, lt=1)
    good_news_limit: float = Field(le=0)
    bad_news_limit: float = Field(gt=0)


class RiskModel(Heading):
    """All weights of one version. Positive is worse throughout. A kind of check not in `kinds` weighs all its worth."""

    prior: Prior
    declared: dict[Literal["not_met", "insufficient_assurance"], Worth]
    checks: dict[Severity, CheckWorth]
    kinds: dict[str, KindWeight] = Field(default_factory=dict)
    figures: dict[Literal["low", "medium", "high"], Shift]
    sections: Shift
    comments: Comments
    history: History
    correlation: Correlation
    simulation: Simulation


def read_risk_model(file: Path) -> RiskModel:
    """Read the weights.

    Raises:
        ModelError: with every missing, unknown or impossible entry at once.
    """
    return read_stated(file, RiskModel)
