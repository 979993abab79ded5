"""The model of a visit's outcome: what each kind of evidence is expected to reveal, read from `models/`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from crosscheck.errors import ModelError
from crosscheck.stated import Heading, Stated, read_stated
from crosscheck.vocabulary import Severity

if TYPE_CHECKING:
    from pathlib import Path


class Prior(Stated):
    """The share of declarations of compliance that do not stand, and how many visits by lot that is worth."""

    not_upheld_share: float = Field(gt=0, lt=1)
    visits: float = Field(gt=0)
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


class Bearing(Stated):
    """The correlations that one item is expected to have with quality and with shading, and how unsure they are."""

    quality: float = Field(ge=0, lt=1)
    quality_sd: float = Field(gt=0, lt=1)
    shading: float = Field(default=0.0, gt=-1, lt=1)
    shading_sd: float = Field(default=0.0, ge=0, lt=1)
    reason: str


class Link(Bearing):
    """How far what a visit would find follows from quality and from shading."""

    quality: float = Field(gt=0, lt=1)
    shading: float = Field(ge=0, lt=1)
    shading_sd: float = Field(gt=0, lt=1)


class Shared(Stated):
    """What the items of a group share beside quality and shading."""

    loading: float = Field(ge=0, lt=1)
    sd: float = Field(gt=0, lt=1)
    reason: str


class History(Stated):
    """What declarations and former visits reveal; `fading` is what is left of a visit after each further year."""

    fading: float = Field(ge=0, le=1)
    declared: Bearing
    visited: Bearing


class QualityPrior(Stated):
    """What groups share; how firmly noise is held to its prior, and from how many organisations an item is learnt."""

    group: Shared
    fact: Shared
    family_sd: float = Field(gt=0)
    noise_weight: float = Field(gt=0)
    least: int = Field(ge=2)
    source: str


class Visitors(Stated):
    """How often a visit finds a lapse that is there, and upholds a declaration that stands.

    `chosen_sd`: by how much, in liability, those whom somebody chose may differ from what their items say.
    """

    sensitivity: float = Field(gt=0.5, lt=1)
    specificity: float = Field(gt=0.5, lt=1)
    chosen_sd: float = Field(gt=0)
    reason: str

    @property
    def power(self) -> float:
        """By how much likelier a visit is to find a lapse where there is one than where there is none."""
        return self.sensitivity + self.specificity - 1

    def found(self, share: float) -> float:
        """The share that visits find, where so many declarations do not stand."""
        return 1 - self.specificity + self.power * share


class Correlation(Stated):
    """How far two checks say the same thing, given what is true, and what all keep beside the answers they rest on."""

    beside_answers: float = Field(ge=0, le=1)
    within_group: float = Field(ge=0, le=1)
    between_groups: float = Field(ge=0, le=1)
    source: str


class Simulation(Stated):
    """How intervals are drawn; `widening` is by how much what is unknown of quality exceeds what the model says."""

    draws: int = Field(ge=100, le=100_000)
    interval: float = Field(gt=0, lt=1)
    widening: float = Field(ge=1)
    source: str


class RiskModel(Heading):
    """All weights of one version. Positive is worse throughout.

    Where it `learns`, a run learns from its own collection, around what is stated here. A kind of check that `kinds`
    does not name weighs all its worth.
    """

    learns: bool
    prior: Prior
    declared: dict[Literal["not_met", "insufficient_assurance"], Worth]
    link: Link
    answers: dict[Literal["statutory", "national_guidance", "good_practice", "context"], Bearing]
    figures: dict[Literal["low", "medium", "high"], Bearing]
    comments: Bearing
    history: History
    visitors: Visitors
    quality: QualityPrior
    checks: dict[Severity, CheckWorth]
    kinds: dict[str, KindWeight] = Field(default_factory=dict)
    correlation: Correlation
    simulation: Simulation
    facts: dict[str, str]


def read_risk_model(file: Path) -> RiskModel:
    """Read the weights.

    Raises:
        ModelError: with every missing, unknown or impossible entry at once; or in one sentence if the file is of the
            kind before v2, which stated the worth of each piece of evidence by itself.
    """
    if file.is_file() and "[link]" not in file.read_text(encoding="utf-8", errors="replace"):
        raise ModelError(
            f"{file}: has no [link], so that it is of the kind before v2, which stated what each piece of evidence is "
            "worth by itself. This release weighs by what all items have in common. Name v2 or a later version with "
            "--risk-model."
        )
    return read_stated(file, RiskModel)
