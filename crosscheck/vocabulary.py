"""The words of tables, each with one spelling: what the program gives them, and what the standards state as data.

Types, functions, statuses, categories, bodies and commentators are those of every standard there is (`standard.toml`),
so that a collection can hold declarations on several; `words_of` has those of one. A status has one meaning in all.
"""

from __future__ import annotations

from functools import cache
from itertools import chain
from typing import Final, Literal, get_args

import polars as pl

from crosscheck import settings
from crosscheck.errors import ModelError
from crosscheck.standard_file import FunctionWords, StandardFile, StatusWords, read_standard_file

OrgType = str
Function = str
Status = str
Verdict = Literal["differs", "agrees", "cannot_tell", "not_applicable"]
Severity = Literal["low", "medium", "high"]
Absence = Literal["no_answer", "not_known", "not_applicable"]
Arm = Literal["mandatory", "risk", "random"]
Pool = Literal["to_visit", "visited", "follow_up"]  # in the order of the visit list
Ruling = Literal["accept", "visit", "explain", "qualify"]  # what can be decided about a declaration
Relation = Literal["commissioner", "provider", "same_lscb", "other_party"]


@cache
def words_of(standard: str) -> StandardFile:
    """The words of one standard.

    Raises:
        ModelError: its file is missing or wrong.
    """
    return read_standard_file(standard)


def _status_meanings(files: dict[str, StandardFile]) -> dict[str, StatusWords]:
    """Every status once; one that two standards take differently would turn a lapse into a pass, and is refused."""
    stated: dict[str, StatusWords] = {}
    for standard, file in files.items():
        for word, status in file.statuses.items():
            if stated.setdefault(word, status) != status:
                raise ModelError(
                    f"{settings.standard_file(standard)}, statuses.{word}: means {status.means} here and "
                    f"{stated[word].means} in another standard. Give one of them another name."
                )
    return stated


def _function_words(files: dict[str, StandardFile]) -> dict[str, FunctionWords]:
    stated: dict[str, FunctionWords] = {}
    for standard, file in files.items():
        for word, function in file.functions.items():
            if stated.setdefault(word, function).other != function.other:
                raise ModelError(
                    f"{settings.standard_file(standard)}, functions.{word}: another standard names another other of "
                    "it. Give one of them another name."
                )
    return stated


_FILES: Final = {standard: words_of(standard) for standard in settings.standards()}
_STATUSES: Final = _status_meanings(_FILES)
_FUNCTIONS: Final = _function_words(_FILES)

ORG_TYPES_IN_WORDS: Final = {word: said for file in _FILES.values() for word, said in file.types.items()}
COMMENTATORS_IN_WORDS: Final = {word: said for file in _FILES.values() for word, said in file.commentators.items()}
ORG_TYPES: Final = tuple(ORG_TYPES_IN_WORDS)
FUNCTIONS: Final = tuple(_FUNCTIONS)
STATUSES: Final = tuple(_STATUSES)
CATEGORIES: Final = tuple(dict.fromkeys(chain.from_iterable(file.categories.words for file in _FILES.values())))
BODIES: Final = tuple(dict.fromkeys(chain.from_iterable(file.bodies.words for file in _FILES.values())))
# Tables that a collection on any of the standards has to have: what one of them does without, nobody is asked for.
COMPULSORY: Final = tuple(
    name for name in next(iter(_FILES.values())).compulsory if all(name in file.compulsory for file in _FILES.values())
)
COMMENTATORS: Final = tuple(COMMENTATORS_IN_WORDS)
VERDICTS: Final = get_args(Verdict)
SEVERITIES: Final = get_args(Severity)
ABSENCES: Final = get_args(Absence)
ARMS: Final = get_args(Arm)
POOLS: Final = get_args(Pool)
RULINGS: Final = get_args(Ruling)
RELATIONS: Final = get_args(Relation)

# Statuses by what they mean. A declaration that means met is tested; any other is the organisation's own lapse.
MET: Final = tuple(word for word, status in _STATUSES.items() if status.means == "met")
NOT_MET: Final = tuple(word for word, status in _STATUSES.items() if status.means == "not_met")
LAPSES: Final = tuple(word for word in STATUSES if word not in MET)

# The function of the same organisation that declares beside another.
OTHER_FUNCTION: Final = {word: function.other for word, function in _FUNCTIONS.items() if function.other}

# The types that alone have a function; a function that any type has is not in it.
FUNCTION_TYPES: Final = {word: function.types for word, function in _FUNCTIONS.items() if function.types}

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
POOLS_IN_WORDS: Final[dict[Pool, str]] = {
    "to_visit": "to visit",
    "visited": "visited this year",
    "follow_up": "to follow up",
}

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


def means_met(status: str | pl.Expr) -> pl.Expr:
    """Whether a declaration says that the standard is met; null where nothing is declared.

    Args:
        status: a column of statuses, its name or an expression.
    """
    column = pl.col(status) if isinstance(status, str) else status
    return column.cast(pl.String).is_in(MET)


def is_lapse(status: str | pl.Expr) -> pl.Expr:
    """Whether a declaration says that the standard is not met, or that this is not sure; null where none is."""
    return means_met(status).not_()
