"""The model of the risk: what each kind of evidence is expected to reveal before any is seen, read from `models/`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, Self

from pydantic import Field, model_validator

from crosscheck.errors import ModelError
from crosscheck.model_file import Heading, ModelPart, read_model_file
from crosscheck.toml_file import parse_toml
from crosscheck.vocabulary import Severity, words_of

if TYPE_CHECKING:
    from pathlib import Path

Requirement = Literal["statutory", "national_guidance", "good_practice", "context"]

# Released versions that this program does not read, and the program version that does.
_FORMER: Final = {"v1": "0.1.0 before 24 November 2026", "v2": "0.1.0"}


class Prior(ModelPart):
    """The share of declarations of compliance that random visits found wrong, and how many visits that is worth.

    `fading`: what is left, after each year, of what random visits say of the share.
    """

    found_share: float = Field(gt=0, lt=1)
    visits: float = Field(gt=0, le=50)
    fading: float = Field(gt=0, le=1)
    source: str


class Visitors(ModelPart):
    """How often a visit finds a lapse that is there, and upholds a declaration that is right.

    `chosen_sd`: how far those whom somebody chose may differ, in log-odds, from what their evidence says.
    `assessor_sd`: how far assessors differ in strictness, in log-odds.
    """

    sensitivity: float = Field(gt=0.5, le=1)
    specificity: float = Field(gt=0.5, le=1)
    chosen_sd: float = Field(gt=0)
    assessor_sd: float = Field(gt=0)
    reason: str

    @property
    def power(self) -> float:
        """By how much likelier a visit is to find a lapse where there is one than where there is none."""
        return self.sensitivity + self.specificity - 1

    def found(self, share: float) -> float:
        """The share that visits find, where so many declarations are in truth wrong."""
        return 1 - self.specificity + self.power * share

    def in_truth(self, found: float) -> float:
        """The share that is in truth wrong, where visits find so many (Rogan and Gladen 1978, AJE 107:71-76)."""
        return (found - 1 + self.specificity) / self.power


class DeclaredWeight(ModelPart):
    """What a declared lapse says by itself, in decibans, and how unsure that is."""

    decibans: float = Field(ge=0, le=60)
    sd: float = Field(ge=0)
    reason: str


class Loading(ModelPart):
    """The correlation that an item is expected to have with quality, and how unsure that is."""

    loading: float = Field(ge=0, lt=1)
    sd: float = Field(gt=0, lt=1)
    reason: str


class AnswerLoading(Loading):
    """Of an organisation's own account also how far the organisation's response bias goes with it: never upwards."""

    bias: float = Field(gt=-1, le=0)
    bias_sd: float = Field(gt=0, lt=1)


class NamedLoading(ModelPart):
    """What is expected of one question or figure; `sd` is that of its kind where it is not stated."""

    loading: float = Field(ge=0, lt=1)
    sd: float | None = Field(default=None, gt=0, lt=1)
    reason: str


class Link(ModelPart):
    """How far not meeting the standard follows from quality: from 0 (not at all) to nearly 1.

    `no_relation` is how likely it is beforehand that there is no relation at all.
    """

    quality: float = Field(gt=0, lt=1)
    sd: float = Field(gt=0)
    no_relation: float = Field(ge=0, lt=1)
    reason: str


class Shared(ModelPart):
    """What the items of a group share beside quality and response bias."""

    loading: float = Field(ge=0, lt=1)
    sd: float = Field(gt=0, lt=1)
    reason: str


class History(ModelPart):
    """What declarations and visits reveal; `fading` is what is left of a year's information after each further year."""

    fading: float = Field(ge=0, le=1)
    declared: AnswerLoading
    visited: Loading
    visited_this_year: Loading


class Estimation(ModelPart):
    """How loadings are learnt.

    `family_sd`: all items of a kind together may say so much more or less than stated. `noise_weight`: by how many
    organisations the stated noise is held. `least`: from how many organisations an item is learnt. `most_deviation`:
    how many standard deviations of the pooled scores an organisation may lie from the average before it counts for
    less. `shrinkage`: how far a loading that is small beside what is unknown of it is drawn to nothing.
    `independent`: how much information of others must be held before loadings are learnt freely. `irrelevant_share`:
    how likely a figure of which much is stated says nothing; `irrelevant_sd`: the loading that such a figure may show
    by chance, beside the error of its estimate.
    """

    family_sd: float = Field(gt=0)
    noise_weight: float = Field(gt=0)
    least: int = Field(ge=2)
    most_deviation: float = Field(gt=0)
    shrinkage: float = Field(ge=0)
    independent: float = Field(ge=0)
    irrelevant_share: float = Field(gt=0, lt=1)
    irrelevant_sd: float = Field(gt=0)
    source: str


class CheckWeight(ModelPart):
    """What a check that differs adds, in decibans, and how unsure that is; 0: it asks only, until visits teach it."""

    decibans: float = Field(ge=0, le=20)
    sd: float = Field(gt=0)
    reason: str


class NamedCheck(ModelPart):
    """What one check adds where it differs, where visits have taught it."""

    decibans: float = Field(ge=0, le=20)
    sd: float = Field(gt=0)
    reason: str


class KindWeight(ModelPart):
    """Which part of its weight a check of one kind has: from none of it to all."""

    factor: float = Field(ge=0, le=1)
    reason: str


class Confirmation(ModelPart):
    """How far what visits saw of a criterion moves the weight of a check: prior shares and the visits they are worth.

    `decisive` is the share of visits that do not uphold a declaration because a criterion was absent, `reliable` that
    of organisations whose answer says that it is absent where a visit finds so too. `factor_sd` is how far all checks
    together may weigh more or less than stated, as a share.
    """

    decisive: float = Field(gt=0, lt=1)
    reliable: float = Field(gt=0, lt=1)
    visits: float = Field(gt=0)
    factor_sd: float = Field(gt=0)
    reason: str


class Silence(ModelPart):
    """From which share of unanswered questions on an organisation counts as one that returned nothing."""

    no_return: float = Field(gt=0, le=1)
    reason: str


class Limits(ModelPart):
    """The most that a single item can add or take away, in decibans, and how far one score counts."""

    item_decibans: float = Field(gt=0)
    check_decibans: float = Field(gt=0)
    score: float = Field(gt=0)
    reason: str


class Intervals(ModelPart):
    """How intervals are drawn."""

    draws: int = Field(ge=50, le=100_000)
    interval: float = Field(gt=0, lt=1)
    source: str


class RiskModel(Heading):
    """All weights of one version. Positive is worse throughout.

    Where it `learns`, a run learns from its own collection and from visits, around what is stated here.
    `functions` says how far the sections of the questionnaire bear on one function beside the other. `facts` names
    the figures that state the same fact as an answer. `checks` is by strength, then by severity; what `questions`,
    `named_figures` and `named_checks` say of one goes before what is said of its kind. A version that was learnt names
    by hash the visits and the evidence that it was learnt from, so that no run counts them twice.
    """

    learns: bool
    prior: Prior
    visitors: Visitors
    declared: dict[str, DeclaredWeight]
    link: Link
    answers: dict[Requirement, AnswerLoading]
    questions: dict[str, NamedLoading] = Field(default_factory=dict)
    figures: dict[Literal["low", "medium", "high"], Loading]
    named_figures: dict[str, NamedLoading] = Field(default_factory=dict)
    comments: Loading
    verified: Loading
    history: History
    groups: dict[Literal["section", "fact"], Shared]
    functions: dict[str, dict[str, float]] = Field(default_factory=dict)
    estimation: Estimation
    checks: dict[Requirement, dict[Severity, CheckWeight]]
    named_checks: dict[str, NamedCheck] = Field(default_factory=dict)
    kinds: dict[str, KindWeight] = Field(default_factory=dict)
    confirmation: Confirmation
    silence: Silence
    limits: Limits
    intervals: Intervals
    facts: dict[str, str]
    visits_learnt_from: tuple[str, ...] = ()
    evidence_learnt_from: str = ""

    @model_validator(mode="after")
    def _weighs_each_lapse(self) -> Self:
        words = words_of(self.standard)
        lapses = words.statuses_that_mean("not_met", "not_sure")
        if set(self.declared) != set(lapses):
            raise ValueError(f"declared: state a weight for each of {', '.join(lapses)}, and for no other status")
        return self


def read_risk_model(file: Path) -> RiskModel:
    """Read the weights.

    Raises:
        ModelError: with every missing, unknown or impossible entry at once; or in one sentence if the file is a former
            version, with the version of the program that reads it.
    """
    if former := _FORMER.get(_former_version(file)):
        raise ModelError(
            f"{file}: this version of the weights is read by crosscheck {former}; this program weighs otherwise (no "
            "answer can lower the risk by being worse). Leave out --risk-model, or name v3 or a later version. Runs "
            "and editions made with it stay readable."
        )
    return read_model_file(file, RiskModel)


def _former_version(file: Path) -> str:
    """The version of a file that weighs as former versions did, which had no [estimation]; empty of any other.

    A file that can't be read is none of them: reading it says why.
    """
    try:
        stated = parse_toml(file.read_bytes())
    except (OSError, ValueError):
        return ""
    return "" if "estimation" in stated else str(stated.get("version", ""))
