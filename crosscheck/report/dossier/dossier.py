"""What a dossier tells: all that a run holds on one organisation.

Texts of the collection are kept as they are: the page escapes them.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Final

from markupsafe import Markup

from crosscheck.figures.kinds import funnel_of
from crosscheck.report.dossier.case import OTHER_FUNCTION
from crosscheck.report.dossier.waterfall import draw_bars
from crosscheck.report.output.file_names import page_of
from crosscheck.report.output.html import sign
from crosscheck.report.plots.dots import draw_places

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from crosscheck.report.dossier.facts import Fact
    from crosscheck.report.dossier.peer_position import PeerPosition
    from crosscheck.report.dossier.rows import (
        DutyRow,
        ListedRow,
        OrganisationRow,
        Part,
        ProblemRow,
        RuleUsed,
        VerdictCounts,
        VisitRow,
    )
    from crosscheck.report.dossier.waterfall import Step

FUNNELS: Final = 2
_MOST: Final = 3  # pieces of evidence that are named beside the facts, either way
_LEAST: Final = 0.3  # decibans that such a piece changes the risk by
_CAN_BE_ASKED: Final = ("no answer", "not known")
_START: Final = ("prior", "declared")  # families of what a risk starts from


@dataclass(frozen=True)
class Weight:
    """What a finding added to the risk of one declaration, in decibans; positive is worse."""

    function: str
    decibans: float


@dataclass(frozen=True)
class Finding:
    """One check that differs, on one declaration or with the same words on both; the weightiest come first.

    `rests_on` pairs what was asked or measured (with the mark after it) with what it is; `age` says of when these are.
    `waived` says by whom and why it is set aside, if it is.
    """

    check_id: str
    severity: str
    says: str
    rests_on: tuple[tuple[str, str], ...]
    age: str
    waived: str | None
    rule: RuleUsed
    weights: tuple[Weight, ...]

    @property
    def mark(self) -> str:
        """What its place on the page is called."""
        return f"{self.check_id}-{self.weights[0].function}"

    def bears_on(self, function: str) -> bool:
        """Whether it is on the declaration of that function."""
        return any(weight.function == function for weight in self.weights)

    @property
    def asks(self) -> bool:
        """Whether it only asks, and adds nothing to the risk."""
        return all(weight.decibans == 0 for weight in self.weights)


@dataclass(frozen=True)
class OpenQuestion:
    """An answer or figure that is wanting: why, the checks that it would help to decide, and what one could add.

    `why` is no answer, not known, not applicable (as the return has it), or that the collection holds no such figure.
    `could_add` is what a difference would add by itself, in decibans.
    """

    label: str
    why: str
    checks: tuple[str, ...]
    could_add: float


@dataclass(frozen=True)
class Declaration:
    """One declaration of the organisation: its row of the visit list, its history, and how its risk adds up.

    `history` is what was declared, by when; `parts` are all parts, the weightiest first, and `ages` says of when the
    figures among them are.
    `duties` are its rows of the run's table `duties`. `places` are its equally likely places, of the `last` that there
    are; the visits go as far as the place `reach`. There are none where it is not to be visited.
    """

    listed: ListedRow
    declarations: int
    statement: str | None
    lapse: tuple[date | None, date | None]
    previous_by: str | None
    history: Mapping[str, str]
    steps: tuple[Step, ...]
    parts: Sequence[Part]
    ages: Mapping[str, str]
    verdicts: VerdictCounts
    duties: Sequence[DutyRow]
    places: Sequence[int]
    reach: int
    last: int

    @property
    def dots(self) -> Markup | None:
        """Its places as a picture; None where there are none."""
        return draw_places(self.function, self.places, self.reach, self.last) if self.places else None

    @property
    def function(self) -> str:
        """`whole`, or one of the two functions of a primary care trust."""
        return self.listed.function

    @property
    def reason(self) -> str:
        """Why it stands where it does, in one sentence; empty where one of its unmet duties says the same."""
        reason = self.listed.reason
        is_said = any(reason.startswith(duty.finding.removesuffix(".")) for duty in self.duties)
        return "" if is_said else reason

    @property
    def former(self) -> dict[str, str]:
        """What was declared in the years before, by when."""
        return {when: status for when, status in self.history.items() if when != OTHER_FUNCTION}

    @property
    def bars(self) -> list[tuple[Step, Markup]]:
        """Each step of the waterfall with its bar."""
        return list(zip(self.steps, draw_bars(self.steps), strict=True))

    @property
    def every_part(self) -> Markup:
        """The rows of a table of all parts: what it is called, what it adds, and what it would add alone."""
        rows = (
            f'<tr><th scope="row">{escape(part.part)}</th><td class="number">{sign(part.decibans, 2)}</td>'
            f'<td class="number">{sign(part.worth, 2)}</td></tr>'
            for part in self.parts
        )
        return Markup("\n".join(rows))  # noqa: S704  # escaped here: a hundred thousand rows take the template seconds

    @property
    def evidence(self) -> list[Part]:
        """Its parts that are evidence on this organisation, the weightiest first, for or against."""
        return [part for part in self.parts if part.family not in _START]


@dataclass(frozen=True)
class Comment:
    """A remark of a third party; `tone` and `reliance` in words, beside the figures of the collection."""

    author: str
    year: str
    standard: str
    tone: str
    polarity: float
    reliance: str
    reliability: float
    text: str


@dataclass(frozen=True)
class Neighbour:
    """An organisation or former body that it is tied to; `rank` is its best on the list, None where it has none."""

    code: str
    name: str | None
    through: str
    rank: int | None


@dataclass(frozen=True)
class Dossier:
    """All that a run has on one organisation.

    The first declaration is the one that a visit would be about; `facts` are what can be shown of it to the trust.
    """

    org_code: str
    name: str
    org_type: str
    region: str
    about: OrganisationRow
    declarations: tuple[Declaration, ...]
    facts: tuple[Fact, ...]
    findings: tuple[Finding, ...]
    questions: tuple[OpenQuestion, ...]
    agreeing: tuple[str, ...]
    sections: tuple[PeerPosition, ...]
    figures: tuple[PeerPosition, ...]
    comments: tuple[Comment, ...]
    neighbours: tuple[tuple[str, tuple[Neighbour, ...]], ...]
    visits: tuple[VisitRow, ...]
    problems: tuple[ProblemRow, ...]

    @property
    def page(self) -> str:
        """The name of its page."""
        return page_of(self.org_code)

    @property
    def first(self) -> Declaration:
        """The declaration that a visit would be about."""
        return self.declarations[0]

    @property
    def others(self) -> tuple[Declaration, ...]:
        """That of its other function, where there is one."""
        return self.declarations[1:]

    def duties_not_shown(self, declaration: Declaration) -> list[DutyRow]:
        """The unmet duties of another declaration that are not among the facts."""
        shown = {fact.says for fact in self.facts}
        return [duty for duty in declaration.duties if duty.finding not in shown]

    @property
    def is_reason_shown(self) -> bool:
        """Whether one of the facts says the same as the one sentence on why it stands where it does."""
        return any(self.first.reason.startswith(fact.says.removesuffix(".")) for fact in self.facts)

    @property
    def raising(self) -> list[Part]:
        """What else adds most to the risk of the first declaration, beside facts and checks."""
        shown = {fact.mark for fact in self.facts}
        others = (part for part in self.first.evidence if part.family != "checks" and part.part not in shown)
        return [part for part in others if part.decibans > _LEAST][:_MOST]

    @property
    def lowering(self) -> list[Part]:
        """What speaks most for the first declaration."""
        return [part for part in self.first.evidence if part.decibans < -_LEAST][:_MOST]

    @property
    def other_findings(self) -> list[Finding]:
        """The findings on the first declaration that are not among the facts, the weightiest first."""
        shown = {fact.mark for fact in self.facts}
        return [one for one in self._counting if one.check_id not in shown]

    @property
    def missing_answers(self) -> list[OpenQuestion]:
        """What the trust itself did not answer or did not know, and could answer now; the most useful first."""
        return [question for question in self.questions if question.why in _CAN_BE_ASKED]

    @property
    def remarks(self) -> list[Comment]:
        """What third parties say that is more than `No comment`, the latest first."""
        return [comment for comment in self.comments if comment.text and comment.polarity]

    @property
    def _counting(self) -> list[Finding]:
        """The findings on the first declaration that are not set aside."""
        return [one for one in self.findings if one.waived is None and one.bears_on(self.first.function)]

    @property
    def with_funnel(self) -> tuple[PeerPosition, ...]:
        """The weightiest of its figures that have a denominator and so a funnel."""
        has = (one for one in self.figures if funnel_of(one.kind) and one.expected is not None)
        return tuple(has)[:FUNNELS]
