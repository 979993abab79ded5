"""Errors that a user can mend, each with an exit code of its own.

A message says what is wrong, where, what is allowed and what to do. All problems of one kind are
collected and raised together, so that nobody mends one only to meet the next.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Iterable


class CrosscheckError(Exception):
    """Something that the user can mend; shown without a traceback.

    `exit_code` is what the command ends with; 1 is kept for a failed check, 2 for a wrong command line (click).
    """

    exit_code: ClassVar[int] = 1
    headline: ClassVar[str] = "crosscheck can't go on."

    def __init__(self, problems: str | Iterable[str]) -> None:
        self.problems = (problems,) if isinstance(problems, str) else tuple(problems)
        super().__init__("\n".join(self.problems))

    def __str__(self) -> str:
        return "\n".join((self.headline, *self.problems))


class CollectionError(CrosscheckError):
    """The collection lacks a required table or column, or can't be opened at all."""

    exit_code = 3
    headline = "The collection can't be used as it is."


class RulebookError(CrosscheckError):
    """One or more rule files are wrong; no rule is skipped, so no run is made."""

    exit_code = 4
    headline = "The rules can't be used as they are. No data was read."


class ModelError(CrosscheckError):
    """A model file is wrong or missing."""

    exit_code = 5
    headline = "The models can't be used as they are. No data was read."


class RunError(CrosscheckError):
    """A folder that a command writes or reads is missing, incomplete, or can't be written."""

    exit_code = 6
    headline = "The folder can't be used."


class UnknownNameError(CrosscheckError):
    """An organisation, function, rule or question that does not exist was asked for."""

    exit_code = 7
    headline = "There is nothing by that name."


class PolarityError(CrosscheckError):
    """A score or a check no longer knows which end is worse, so the run is not published."""

    exit_code = 8
    headline = "Nothing was written: which end is worse is in doubt."


class StoreError(CrosscheckError):
    """A store can't be opened, read or written, or does not hold what was asked for."""

    exit_code = 10
    headline = "The store cannot be used in this way."


class BatchError(CrosscheckError):
    """A batch file is wrong, so none of its runs is begun."""

    exit_code = 11
    headline = "The batch can't be made as it is. Nothing was begun."


class BatchFailedError(CrosscheckError):
    """Some items of a batch failed or were stopped; the others are kept."""

    exit_code = 12
    headline = "Not all of the batch was made; the others are kept. The same command again makes what is missing."


class ReplyError(CrosscheckError):
    """A reply form belongs to another run or can't be read, or what is to be accepted can't be."""

    exit_code = 9
    headline = "The replies can't be used as they are. Nothing was changed."


class ConflictError(CrosscheckError):
    """Somebody else has decided since the person looked; nothing was written, and what was typed is given back."""

    exit_code = 13
    headline = "Not saved: the decision has changed since you viewed it."


class AuditError(CrosscheckError):
    """The audit trail is broken: something was altered, taken away or put in behind the program's back."""

    exit_code = 14
    headline = "The audit trail does not hold."


class GateError(CrosscheckError):
    """A gate does not let an edition through; nothing was published."""

    exit_code = 15
    headline = "Nothing was published: this is missing."


class DifferenceError(CrosscheckError):
    """What was published, or what a run made, is no longer what it was, or does not come out again."""

    exit_code = 16
    headline = "It is not what was kept."


class DecisionError(CrosscheckError):
    """One or more decisions are not complete, or are about what is not in the run."""

    exit_code = 17
    headline = "Nothing was kept: it can't be decided so."


class PlanError(CrosscheckError):
    """A plan is missing, or states what is unknown or impossible; every problem is named."""

    exit_code = 18
    headline = "The plan can't be used as it is."


class DrawError(CrosscheckError):
    """A draw can't be sealed, confirmed, made or verified in this way, or is not what was sealed."""

    exit_code = 19
    headline = "The draw can't be made or relied on in this way."


class OutcomeError(CrosscheckError):
    """Outcome forms can't be used as they are, or contradict what was recorded; nothing was recorded."""

    exit_code = 20
    headline = "Nothing was recorded: the outcome forms can't be used as they are."


class ImportMapError(CrosscheckError):
    """An import map is wrong, or does not fit the export; every problem is named, and nothing was written."""

    exit_code = 21
    headline = "The import can't be made as the map says. Nothing was written."


class MissingLibraryError(CrosscheckError):
    """What was asked for needs a library that is an extra and is not installed; the message says how to install it."""

    exit_code = 22
    headline = "A library that this needs is not installed."
