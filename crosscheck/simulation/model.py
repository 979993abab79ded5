"""What a simulation's model file states: sizes, strengths, words. Everything that comes out of it is invented."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Final, Literal, get_args

from pydantic import Field

from crosscheck.model_file import Heading, ModelPart, read_model_file

if TYPE_CHECKING:
    from pathlib import Path

# The world that is simulated is that of C2: its types and functions.
OrgType = Literal["acute", "ambulance", "mental_health", "pct"]
Function = Literal["whole", "commissioner", "provider"]
ORG_TYPES: Final[tuple[OrgType, ...]] = get_args(OrgType)
Difficulty = Literal["easy", "middling", "hard"]
Mechanism = Literal["latent", "breaches", "honest", "all_best", "own_word_only", "rare", "common", "random_outcomes"]
MECHANISMS: tuple[Mechanism, ...] = get_args(Mechanism)


class Levels(ModelPart):
    """A number that differs with the difficulty."""

    easy: float
    middling: float
    hard: float
    unit: str
    reason: str


class Number(ModelPart):
    """A number that is the same at every difficulty."""

    value: float
    unit: str
    reason: str


class Parameters(ModelPart):
    """What makes a world easy or hard: how strongly what is seen depends on what is."""

    measured: Levels
    discrimination: Levels
    convention: Levels
    sources: Levels
    response_bias: Levels = Field(alias="shading")
    reticence: Levels
    misjudgement: Levels


class Organisations(ModelPart):
    """How many organisations of each kind there are."""

    acute: int
    ambulance: int
    mental_health: int
    pct: int
    community_trusts: int
    care_trusts: int
    with_mental_health: int
    other_providers: int
    not_providing: int
    silent: int
    boards: int
    successions: int
    reformed: float

    @property
    def by_type(self) -> dict[OrgType, int]:
        """How many there are of each type, in a fixed order."""
        return {kind: getattr(self, kind) for kind in ORG_TYPES}


class Sizes(ModelPart):
    """Median staff and people served, with their common log standard deviation."""

    staff: float
    people: float
    spread: float


class Truth(ModelPart):
    """What is so, whatever is declared or answered."""

    not_met_spread: Number
    common: Number
    function_share: Number
    self_knowledge: Number
    persistence: Number


class Cause(ModelPart):
    """What decides whether a standard is met, and how answers follow; see the model file for what each entry means."""

    description: str = Field(alias="told")
    breaches: float
    not_met: float
    unseen: float = 1.0
    sources: float = 1.0
    bends: float = 1.0
    all_best: float = 0.0
    own_word_only: bool = False
    visits_by_chance: int = 0


class Breaches(ModelPart):
    """How duties come to be breached and admitted, and what a breach weighs."""

    follows: Number
    mistaken: Number
    unaware: Number
    kept_back: Number
    bend: Number
    silence: Number
    both_functions: Number
    grave: Number
    other: Number
    spread: Number
    nothing: Number
    persistence: Number


class Duty(ModelPart):
    """A duty by the question that asks about it: the answers that admit a breach, and the functions it belongs to."""

    unmet: list[str]
    of: list[Function]
    grave: bool = False


class Declared(ModelPart):
    """How much is declared compliant, in the year and in the years before."""

    compliant: float
    former_compliant: list[float]
    not_met_share: Number


class Discrimination(ModelPart):
    """How strongly answers of one kind depend on the shortfall: a median correlation and its log spread."""

    median: float
    spread: float


class Follows(ModelPart):
    """The question that another hangs on, and the answers with which it stands open."""

    question: str
    levels: list[str]


class Shape(ModelPart):
    """The distribution of an answer in figures; without `at` the published mean is used."""

    at: float | None = None
    spread: float = 0.6
    zero: dict[OrgType, float] | float = 0.0
    step: float = 0.1
    least: float = 0.0
    most: float = float("inf")

    def zero_of(self, kind: OrgType) -> float:
        """The share that is nothing at all, among organisations of one type."""
        return self.zero.get(kind, 0.0) if isinstance(self.zero, dict) else self.zero


class Counted(ModelPart):
    """The questions that ask for what is counted elsewhere as well, by what they count."""

    health_visitors: str
    posts: str
    on_plans: str
    reviews: str
    chaired: str
    represented: str


class Answers(ModelPart):
    """How answers come about."""

    questions_seed: int
    statutory: Discrimination
    national_guidance: Discrimination
    good_practice: Discrimination
    context: Discrimination
    most: float
    author: Number
    no_answer: Number
    not_known: Number
    silence: Number
    ignorance: Number
    share_spread: Number
    described: list[float]
    counted: Counted
    follows: dict[str, Follows]
    numbers: dict[str, Shape]

    def discrimination(self, requirement: str) -> Discrimination:
        """How strongly an answer depends on the shortfall, by what asks for it."""
        known: dict[str, Discrimination] = {
            "statutory": self.statutory,
            "national_guidance": self.national_guidance,
            "good_practice": self.good_practice,
        }
        return known.get(requirement, self.context)


class Areas(ModelPart):
    """Children, health visitors, protection plans and reviews."""

    under_five: float
    children_each: float
    children_spread: float
    vacant: float
    vacant_spread: float
    on_plans: float
    on_plans_spread: float
    reviews: float


class Figure(ModelPart):
    """One figure from another source; see the model file for what each entry means."""

    kind: Literal["share", "grade", "size"]
    held: dict[OrgType, float]
    period: str
    direction: Literal["higher_better", "lower_better", "none"]
    speaks_of: str = "nothing"
    record_of: str = ""
    strength: float = 0.0
    area: float = 0.0
    rater: float = 0.0
    years_old: int = 0
    centre: float = 50.0
    spread: float = 0.0
    out_of: tuple[float, float] | str = "staff_wte"
    counts_only: bool = False
    shares: list[float] = Field(default_factory=list)
    lowest: int = 1
    per: str = "staff_wte"
    each: float = 1.0
    step: float = 1.0


class Author(ModelPart):
    """One kind of third party that comments."""

    comments: float
    kind: float
    strength: float
    reliable: float


class Comments(ModelPart):
    """How third parties comment."""

    spread: Number
    author_spread: Number
    last_year: float
    elsewhere: float
    other_standards: list[str]
    authors: dict[str, Author]


class Visits(ModelPart):
    """How visits choose and what they find."""

    sensitivity: Number
    specificity: Number
    assessors: int
    strictness: Number
    sees: Number
    not_offered: Number
    let_pass: Number
    former_random: int
    former_risk: int
    former_knowledge: Number
    random: int
    risk: int
    first_day: date
    days: int


class Words(ModelPart):
    """Words that names and texts are made of."""

    beginnings: list[str]
    endings: list[str]
    acute: list[str]
    ambulance: list[str]
    mental_health: list[str]
    pct: list[str]
    community_trust: str
    care_trust: str
    subjects: list[str]
    remarks: list[str]
    lapses: list[str]
    uncertainties: list[str] = Field(alias="doubts")


class SimulationModel(Heading):
    """Everything that invented collections are made from."""

    year: str
    former_years: list[str]
    regions: list[str]
    parameters: Parameters
    organisations: Organisations
    sizes: dict[OrgType, Sizes]
    services: dict[OrgType, dict[str, float]]
    truth: Truth
    mechanisms: dict[Mechanism, Cause]
    breaches: Breaches
    duties: dict[str, Duty]
    sections: dict[Function, dict[str, float]]
    declared: Declared
    answers: Answers
    areas: Areas
    figures: dict[str, Figure]
    comments: Comments
    visits: Visits
    words: Words


@dataclass(frozen=True)
class WorldPlan:
    """A simulation's model at one level of difficulty, by one mechanism."""

    model: SimulationModel
    difficulty: Difficulty = "middling"
    mechanism: Mechanism = "latent"

    @property
    def cause(self) -> Cause:
        """What decides whether a standard is met."""
        return self.model.mechanisms[self.mechanism]

    @property
    def measured(self) -> float:
        """The share of the variance of the shortfall that something speaks of."""
        return 1 - self.cause.unseen * (1 - self.at(self.model.parameters.measured))

    @property
    def sources(self) -> float:
        """The factor on how strongly figures and remarks depend on what they speak of."""
        return self.cause.sources * self.at(self.model.parameters.sources)

    def at(self, levels: Levels) -> float:
        """The number that holds at this difficulty."""
        return float(getattr(levels, self.difficulty))


def read_simulation_model(file: Path) -> SimulationModel:
    """Read how collections are invented.

    Raises:
        ModelError: the file is missing, or with everything that is wrong in it at once.
    """
    return read_model_file(file, SimulationModel)
