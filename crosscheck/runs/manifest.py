"""The manifest of a run, typed: what it rested on and came to, so that anybody can say it years later."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Final

from pydantic import TypeAdapter, ValidationError

from crosscheck.collection.read import InputFile  # noqa: TC001  # the types of fields are read at run time
from crosscheck.errors import RunError
from crosscheck.risk.assumption import AssumedShare  # noqa: TC001
from crosscheck.risk.prevalence import Prevalence  # noqa: TC001
from crosscheck.runs.options import RunOptions  # noqa: TC001
from crosscheck.visits.plan import DrawAccount  # noqa: TC001

_KEY: Final = 16  # characters: enough to tell runs apart, few enough to compare by eye
# What only some manifests say: left out where there is nothing, and not written as null.
_OPTIONAL: Final = ("draw", "risk", "accounts", "doubts", "corrects", "seconds", "outputs")


@dataclass(frozen=True)
class RulesUsed:
    """How many rules were in force, the digest of all, and which were not in force for want of a threshold."""

    count: int
    sha256: str
    not_in_force: tuple[str, ...] = ()


@dataclass(frozen=True)
class WaiverUsed:
    """A waiver (`rulebook.waivers.Waiver`), whether it was in force, and how many findings it set aside."""

    rule: str
    org_code: str
    function: str | None
    decided_by: str
    decided_on: str
    why: str
    until: str
    in_force: bool
    findings: int


@dataclass(frozen=True)
class MissingSource:
    """A source that said nothing at all, and the checks that could be completed for nobody."""

    source: str
    check_id: tuple[str, ...]


@dataclass(frozen=True)
class QuestionnaireUsed:
    """How many questions it has, and its digest."""

    questions: int
    sha256: str


@dataclass(frozen=True)
class ModelUsed:
    """The version of a model, and its digest."""

    version: str
    sha256: str


@dataclass(frozen=True)
class DoubtfulSign:
    """An item of which it is not sure which end is worse (`scoring.polarity.check_polarity`)."""

    item: str
    why: str
    evidence: str
    fails: bool


@dataclass(frozen=True)
class Breach:
    """A worse answer that lowered a risk (`risk.monotone.BREACHES`): both answers, risks and ranks."""

    item: str
    org_type: str
    function: str
    worse: str
    better: str
    risk_worse: float
    risk_better: float
    rank_worse: int
    rank_better: int
    through: tuple[str, ...]


@dataclass(frozen=True)
class MonotoneAccount:
    """How many made-up declarations were weighed, in how many chains, and what went the wrong way."""

    probes: int
    chains: int
    breaches: int
    first_breaches: tuple[Breach, ...]


@dataclass(frozen=True)
class EstimationAccount:
    """In how many steps the loadings settled, and whether they and the weights of visits did."""

    loadings_steps: int
    loadings_settled: bool
    visits_settled: bool


@dataclass(frozen=True)
class RiskAccount:
    """How the risk was estimated; shares are of declarations of compliance.

    Attributes:
        prevalence: the share in truth wrong, an assumption that random visits support.
        link: how much of the evidence the visits confirm; `link_sd` how unsure that is.
        link_sd: see `link`.
        visits_learnt_from: how many visits taught it.
        visits_show_no_relation: whether the visits show no relation between the evidence and what was found.
        chosen_by_risk_worse_by: by how much visits chosen by risk differ from random ones, on the scale of the risk.
        estimation: whether it has settled.
        held_at_zero: items whose loading would have run against its stated direction: they weigh nothing.
        assumed: the risks under other starting points.
        monotone: whether a worse answer lowered a risk.
    """

    prevalence: Prevalence
    link: float
    link_sd: float
    visits_learnt_from: int
    visits_show_no_relation: bool
    chosen_by_risk_worse_by: float
    estimation: EstimationAccount
    held_at_zero: tuple[str, ...] = ()
    assumed: tuple[AssumedShare, ...] = ()
    monotone: MonotoneAccount | None = None


@dataclass(frozen=True)
class CategoryCount:
    """How many declarations of a category there are, and how many of them say compliant."""

    category: str | None
    declarations: int
    compliant: int


@dataclass(frozen=True)
class Reconciliation:
    """Organisations and declarations that were read; `without_declaration` names who is on no list for want of one."""

    organisations: int
    without_declaration: tuple[str, ...]
    declarations: int
    compliant: int
    not_compliant: int
    by_category: tuple[CategoryCount, ...]


@dataclass(frozen=True)
class Accounts:
    """How many organisations the collection speaks of, and where they are: the others add up to `mentioned`.

    A row without a code counts as an organisation of its own: nobody can tell whose it is.
    """

    mentioned: int
    on_the_list: int
    former_bodies: int
    not_assessed: int


@dataclass(frozen=True)
class DoubtsAccount:
    """Values in doubt, whose they are (organisations), and the risks that are higher for what they likely mean."""

    values: int
    organisations: int
    risks_raised: int


@dataclass(frozen=True)
class Counts:
    """How many rows the run made: `findings` by verdict, `selected` by arm, `pools` by pool, `problems` by effect."""

    ties: int
    findings: dict[str, int]
    scores: int
    parts: int
    selected: dict[str, int]
    pools: dict[str, int] = field(default_factory=dict)
    duties: int = 0
    problems: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class CorrectedRun:
    """By what the run that a corrected one corrects is known again, and which it corrects itself, if any."""

    run: str
    crosscheck: str
    python: str
    packages: dict[str, str]
    corrects: CorrectedRun | None


@dataclass(frozen=True)
class Manifest:
    """Everything that a run rested on and came to.

    `identity` and `fingerprint` say what it is made of (`identity.identify_run`), `sources` has the digest of every
    file that it rests on, `outputs` that of every file that it wrote (none while it is being written). Runs until
    version 0.1.0 say neither `draw` nor `risk`; only later ones account for every organisation (`accounts`).
    """

    fingerprint: str
    identity: dict[str, str]
    crosscheck: str
    python: str
    packages: dict[str, str]
    options: RunOptions
    seed: int
    inputs: tuple[InputFile, ...]
    absent_tables: tuple[str, ...]
    rules: RulesUsed
    waivers: tuple[WaiverUsed, ...]
    silences: tuple[MissingSource, ...]
    questionnaire: QuestionnaireUsed
    models: dict[str, ModelUsed]
    polarity: tuple[DoubtfulSign, ...]
    cycles: tuple[tuple[str, ...], ...]
    reconciliation: Reconciliation
    counts: Counts
    sources: dict[str, str]
    draw: DrawAccount | None = None
    risk: RiskAccount | None = None
    accounts: Accounts | None = None
    doubts: DoubtsAccount | None = None
    corrects: CorrectedRun | None = None
    seconds: dict[str, float] = field(default_factory=dict)
    outputs: dict[str, str] = field(default_factory=dict)

    @property
    def run_id(self) -> str:
        """What a store calls the run: the first sixteen characters of its fingerprint."""
        return self.fingerprint[:_KEY]

    @property
    def is_former(self) -> bool:
        """Whether a release until 0.1.0 made it: before pools, duties and the weights v3."""
        return self.risk is None

    @property
    def is_binding(self) -> bool:
        """Whether its draw was made with a sealed value."""
        return self.draw is not None and self.draw.binding

    def require_draw(self) -> DrawAccount:
        """How its random sample was drawn.

        Raises:
            RunError: a former release made it, which did not say.
        """
        if self.draw is None:
            raise RunError(self._too_old("how its random sample was drawn"))
        return self.draw

    def require_risk(self) -> RiskAccount:
        """How its risks were estimated.

        Raises:
            RunError: a former release made it, which did not say.
        """
        if self.risk is None:
            raise RunError(self._too_old("how its risks were estimated"))
        return self.risk

    def as_json(self) -> dict[str, object]:
        """As `manifest.json` has it."""
        fields = asdict(self)
        return {name: value for name, value in fields.items() if name not in _OPTIONAL or value}

    def _too_old(self, what: str) -> str:
        return f"Run {self.run_id} was made by release {self.crosscheck}, which did not say {what}. Make it again."


_READER: Final = TypeAdapter(Manifest)


def parse_manifest(content: bytes, where: object) -> Manifest:
    """Read a manifest.

    Args:
        content: of `manifest.json`.
        where: what the error names: the file, or the run.

    Raises:
        RunError: it is none, with each entry that is missing or of another kind.
    """
    try:
        return _READER.validate_python(json.loads(content))
    except ValidationError as error:
        wrong = [f"{where}: {'.'.join(map(str, problem['loc']))}: {problem['msg']}." for problem in error.errors()]
        raise RunError([*wrong, f"{where}: is no manifest of a run. Make the run again."]) from None
    except ValueError as error:
        raise RunError(f"{where}: is no JSON ({error}). Make the run again.") from None
