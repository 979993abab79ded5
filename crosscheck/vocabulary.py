"""The words of the field, each with one spelling: types of organisation, functions, statuses, verdicts, absences."""

from __future__ import annotations

from typing import Final, Literal, get_args

import polars as pl

OrgType = Literal["acute", "ambulance", "mental_health", "pct"]
Function = Literal["whole", "commissioner", "provider"]
Status = Literal["compliant", "not_met", "insufficient_assurance"]
Verdict = Literal["differs", "agrees", "cannot_tell", "not_applicable"]
Severity = Literal["low", "medium", "high"]
Absence = Literal["no_answer", "not_known", "not_applicable"]
Arm = Literal["mandatory", "risk", "random"]
Pool = Literal["to_visit", "visited", "follow_up"]  # in the order of the visit list
Ruling = Literal["accept", "visit", "explain", "qualify"]  # what can be decided about a declaration
Relation = Literal["commissioner", "provider", "same_lscb", "other_party"]

ORG_TYPES: Final = get_args(OrgType)
FUNCTIONS: Final = get_args(Function)
STATUSES: Final = get_args(Status)
VERDICTS: Final = get_args(Verdict)
SEVERITIES: Final = get_args(Severity)
ABSENCES: Final = get_args(Absence)
ARMS: Final = get_args(Arm)
POOLS: Final = get_args(Pool)
RULINGS: Final = get_args(Ruling)
RELATIONS: Final = get_args(Relation)

COMMENTATORS: Final = ("sha", "lscb", "overview_and_scrutiny", "link", "governors")
COMMENTATORS_IN_WORDS: Final = {
    "sha": "The strategic health authority",
    "lscb": "The local safeguarding children board",
    "overview_and_scrutiny": "The overview and scrutiny committee",
    "link": "The local involvement network",
    "governors": "The board of governors",
}
TONES: Final = ("critical", "neutral", "praising")

ARMS_IN_WORDS: Final[dict[Arm, str]] = {
    "mandatory": "for an unmet statutory duty",
    "risk": "for the highest risk",
    "random": "at random",
}

VERDICTS_IN_WORDS: Final[dict[Verdict, str]] = {
    "differs": "differs",
    "agrees": "agrees",
    "cannot_tell": "not determined",
    "not_applicable": "does not apply",
}
ORG_TYPES_IN_WORDS: Final[dict[OrgType, str]] = {
    "acute": "acute trust",
    "ambulance": "ambulance trust",
    "mental_health": "mental health trust",
    "pct": "primary care trust",
}
POOLS_IN_WORDS: Final[dict[Pool, str]] = {
    "to_visit": "to visit",
    "visited": "visited this year",
    "follow_up": "to follow up",
}

COMPLIANT: Final = "compliant"

# The bands are words, never grades: they say how far a figure is from what was expected (design: method, section 1).
BANDS: Final = ("as_expected", "somewhat", "notably", "far")

# Ends of the central bands of a standard normal score: 95%, 99% and 99.8% of scores lie inside by chance alone.
BAND_LIMITS: Final = (1.96, 2.58, 3.09)

# A case's column that says why an answer is absent: the answer's own column name and this mark. It is one of
# `ABSENCES`, and null where there is an answer.
WHY_ABSENT: Final = "?"

ABSENCE: Final = pl.Enum(ABSENCES)
VERDICT: Final = pl.Enum(VERDICTS)
SEVERITY: Final = pl.Enum(SEVERITIES)
STATUS: Final = pl.Enum(STATUSES)
FUNCTION: Final = pl.Enum(FUNCTIONS)
ORG_TYPE: Final = pl.Enum(ORG_TYPES)
RELATION: Final = pl.Enum(RELATIONS)
POOL: Final = pl.Enum(POOLS)
