"""What a rule is: what it expects of whom, on which ground, and the cases that show what it means."""

from __future__ import annotations

import re
from calendar import month_name
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, Final, Literal

from crosscheck.vocabulary import MET

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from crosscheck.cases.cases import Name
    from crosscheck.rulebook.condition import Condition
    from crosscheck.vocabulary import Function, OrgType, Severity, Status, Verdict

Kind = Literal[
    "declaration_vs_answer",
    "answer_vs_answer",
    "answer_vs_other_source",
    "declaration_vs_history",
    "declaration_vs_comment",
    "declaration_vs_declaration",
    "organisation_vs_organisation",
    "implausible_value",
    "response_pattern",
]
Strength = Literal["statutory", "national_guidance", "good_practice", "context"]
Given = str | float | date

# Law or guidance by title and year, such as `Children Acts 1989 and 2004`; a day such as 31 December 2008 is none.
_MONTHS: Final = "|".join(month_name[1:])
_WORD: Final = r"[A-Z][\w'\u2019]*"
_INSTRUMENT: Final = re.compile(
    rf"\b(?!{_MONTHS})(?:{_WORD}|intercollegiate guidance)(?: (?:{_WORD}|of|the|for|and|to|guidance))*?"
    r" (?:19|20)\d\d(?!/)(?: and (?:19|20)\d\d)?"
)

# In the sentence that a rule says, a name in braces stands for the answer to it, in words.
PLACEHOLDER: Final = re.compile(r"\{([^{}]*)\}")

# Under this an example gives the other organisations that `same(…)` looks at.
SAME: Final = "same"

# An example gives a percentile by the very text of the rule, since one case alone has none.
PERCENTILE: Final = "peers.percentile("


@dataclass(frozen=True)
class AppliesTo:
    """To which declarations a rule applies: all that is named must hold; an empty entry leaves nobody out.

    `declared`, `org_type` and `function` name the values of which one must be the declaration's, `services` the
    services that the organisation must all provide.
    """

    declared: tuple[Status, ...] = ()
    org_type: tuple[OrgType, ...] = ()
    function: tuple[Function, ...] = ()
    services: tuple[str, ...] = ()


@dataclass(frozen=True)
class Example:
    """A case, named as a sentence, and the verdict that the rule must give on it.

    `given` holds values by name, or `n/a` or `not known`. Answers that are not given are not answered; what a rule
    applies to is the first that it allows. `others` holds, by relation, what is given of each other organisation; under
    `SAME` those that `same(…)` looks at.
    """

    name: str
    given: Mapping[str, Given]
    others: Mapping[str, tuple[Mapping[str, Given], ...]]
    verdict: Verdict


@dataclass(frozen=True)
class Threshold:
    """A number that a rule calls `threshold.<name>`, from a day on and, if that is stated, until another."""

    name: str
    value: float
    since: date
    until: date | None = None

    def is_in_force(self, day: date) -> bool:
        """Whether it is the one of that day."""
        return self.since <= day and (self.until is None or day <= self.until)


@dataclass(frozen=True)
class Rule:
    """One thing that is expected, as its file states it.

    `expects` is the condition as written and `condition` the same as a tree. `only_if` narrows by an answer to whom the
    rule applies (empty: it does not), and `premise` is the same as a tree. `finding` is the sentence for a
    declaration that differs, and `finding_names` the names in its braces. `explanations` are what an organisation might
    rightly reply to it, `lines_of_enquiry` what to look at on the day. Rules of one `group` speak of one thing
    and share its weight. `threshold_rationale` is empty unless a cut-off is this project's own and not the review's;
    then it says which, and why.
    """

    id: str
    title: str
    kind: Kind
    applies_to: AppliesTo
    only_if: str
    premise: Condition | None
    expects: str
    condition: Condition
    severity: Severity
    strength: Strength
    basis: str
    source: str
    finding: str
    finding_names: tuple[Name, ...]
    explanations: tuple[str, ...]
    lines_of_enquiry: tuple[str, ...]
    group: str
    covers: tuple[str, ...]
    expectations: tuple[str, ...]
    threshold_rationale: str
    thresholds: tuple[Threshold, ...]
    checked_on: date
    examples: tuple[Example, ...]
    file: Path

    @property
    def basis_in_short(self) -> str:
        """The law or guidance that the basis names first, else the place in the source, such as `review, section 2`.

        A place alone is no law: of a statutory duty it is said that the source calls it a legal requirement.
        """
        named = _INSTRUMENT.search(self.basis)
        place = ",".join(re.split(r"[;(]", self.source, maxsplit=1)[0].split(",")[:2]).strip()
        if named:
            return named[0][0].upper() + named[0][1:]
        return f"a legal requirement according to the {place}" if self.strength == "statutory" else place

    @property
    def is_statutory_duty(self) -> bool:
        """Whether the own answer of one that declares compliance can say by it that a statutory duty is unmet.

        Where two accounts contradict each other, nobody knows which is right; so only a check of a declaration against
        an answer can.
        """
        of_compliance = not self.applies_to.declared or not set(MET).isdisjoint(self.applies_to.declared)
        return of_compliance and self.kind == "declaration_vs_answer" and self.strength == "statutory"

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """What decides its verdict: what it expects, and before that what narrows to whom it applies."""
        return (self.condition,) if self.premise is None else (self.premise, self.condition)


@dataclass(frozen=True, eq=False)  # one rulebook is another only if it is the same: so it can be compiled once
class Rulebook:
    """The rules of a standard that are in force, by identifier, in the order of their files.

    `digest` is the SHA-256 of the files' names and contents: another digest means that some rule has changed.
    `not_in_force` names the rules that have no threshold for the day that the rulebook was loaded for.
    """

    rules: Mapping[str, Rule]
    digest: str
    not_in_force: tuple[str, ...] = ()

    def __iter__(self) -> Iterator[Rule]:
        return iter(self.rules.values())

    def __len__(self) -> int:
        return len(self.rules)

    def __contains__(self, rule_id: object) -> bool:
        return rule_id in self.rules

    def __getitem__(self, rule_id: str) -> Rule:
        return self.rules[rule_id]

    def of_kind(self, *kinds: str) -> Rulebook:
        """Its rules of these kinds only."""
        return replace(self, rules={rule.id: rule for rule in self if rule.kind in kinds})
