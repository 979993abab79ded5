"""The rows of a run that a case and a dossier are made of, each with the columns that pages show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date


@dataclass(frozen=True)
class ListedRow:
    """A row of the visit list; what a run of a former release lacks is None."""

    org_code: str
    name: str
    org_type: str
    region: str
    rank: int
    function: str
    declared: str
    risk: float
    risk_low: float
    risk_high: float
    rank_low: int
    rank_high: int
    selected_by: str | None
    inclusion_probability: float | None
    flags: int
    unknowns: int
    reason: str
    decibans: float
    among_capacity: float | None
    visited: str | None
    pool: str | None
    duties_unmet: int | None
    added: str | None


@dataclass(frozen=True)
class Part:
    """A part of a risk, in decibans: what it adds, and what it would add alone (`worth`); positive is worse."""

    family: str
    part: str
    worth: float
    decibans: float
    reason: str


@dataclass(frozen=True)
class RuleUsed:
    """What people ask of a rule afterwards, as the run used it."""

    id: str
    title: str
    strength: str
    basis: str
    source: str
    explanations: tuple[str, ...]
    lines_of_enquiry: tuple[str, ...]


@dataclass(frozen=True)
class FindingRow:
    """What a check says of a declaration; `weight` is what it added, `could_add` what a difference would add alone."""

    check_id: str
    verdict: str
    severity: str
    evidence: str
    says: str
    open_questions: Sequence[str] | None
    waived: str | None
    weight: float
    could_add: float


@dataclass(frozen=True)
class DutyRow:
    """A statutory duty that the organisation's own answer says is unmet, and the law."""

    finding: str
    basis: str


@dataclass(frozen=True)
class CaseRow:
    """What was declared, with the columns of the case that bear it."""

    statement: str | None
    lapse: tuple[date | None, date | None]
    previous_by: str | None
    history: Mapping[str, str]


@dataclass(frozen=True)
class Case:
    """Everything that a run knows of one declaration.

    `declarations` is the height of the whole list. Findings come with the rule that each is of, the weightiest first.
    """

    listed: ListedRow
    declarations: int
    declared: CaseRow
    parts: Sequence[Part]
    findings: Sequence[tuple[FindingRow, RuleUsed]]
    duties: Sequence[DutyRow]

    def findings_with(self, verdict: str) -> list[tuple[FindingRow, RuleUsed]]:
        """Those of one verdict, in their order."""
        return [(finding, rule) for finding, rule in self.findings if finding.verdict == verdict]


@dataclass(frozen=True)
class OrganisationRow:
    """What the register says of an organisation."""

    services: Sequence[str] | None
    care_trust: bool | None
    staff_wte: float | None
    population_0_4: float | None


@dataclass(frozen=True)
class CommentRow:
    """A remark of a third party; polarity from -3, critical, to 3; reliability from 0 to 1."""

    author: str
    year: str
    standard: str
    polarity: float
    reliability: float
    text: str | None


@dataclass(frozen=True)
class NeighbourRow:
    """An organisation or former body that it is tied to, through what, and its best rank, if it is on the list."""

    relation: str
    code: str
    name: str | None
    through: str
    rank: int | None


@dataclass(frozen=True)
class VisitRow:
    """A visit to the organisation or to a predecessor, whose code is `to`."""

    to: str
    function: str
    year: str
    selected_by: str | None
    visited_on: date | None
    finding: str


@dataclass(frozen=True)
class ProblemRow:
    """What was wrong in a row that names the organisation."""

    file: str
    row: float | None
    column: str | None
    value: str | None
    problem: str
    remedy: str
    effect: str


@dataclass(frozen=True)
class PlaceRow:
    """One of the equally likely ranks of a declaration to visit."""

    place: int


@dataclass(frozen=True)
class VerdictCounts:
    """How many checks came to each verdict, and which agree."""

    differs: int
    agrees: int
    cannot_tell: int
    not_applicable: int
    agreeing: Sequence[str]


@dataclass(frozen=True)
class PositionRow:
    """A score beside those of the peers (`peer_position.spread_scores`); quantiles are None where peers are too few."""

    z: float | None
    band: str
    band_q: str
    peers: int
    worse_than: float | None
    p5: float | None
    p25: float | None
    p50: float | None
    p75: float | None
    p95: float | None


@dataclass(frozen=True)
class SectionRow(PositionRow):
    """The same of the scores of a section together."""

    section: str
    items: int


@dataclass(frozen=True)
class FigureRow(PositionRow):
    """The same of a figure from another source."""

    indicator: str
    label: str
    source: str
    kind: str
    value: float | None
    expected: float | None
