"""What people record of a run before it is published: answers to problems of the input, and what visits found.

The audit trail has a row on each, with who recorded it and when, written in the same transaction.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

import sqlalchemy as sa

from crosscheck.collection.doubts import IN_DOUBT
from crosscheck.errors import UnknownNameError
from crosscheck.near_names import suggest
from crosscheck.store import audit
from crosscheck.store.outcomes import is_current
from crosscheck.store.runs import look_up, suggest_organisation
from crosscheck.store.tables import Audit, Kept, Listing, Problem, ProblemAnswer, VisitRecord

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from crosscheck.store.database import Store

UNANSWERED: Final = ("row set aside", "cell set aside", IN_DOUBT)  # effects that somebody must answer for
_audit, _answer, _visit, _problem, _listing = (
    Kept.metadata.tables[str(table.__tablename__)] for table in (Audit, ProblemAnswer, VisitRecord, Problem, Listing)
)


@dataclass(frozen=True)
class Visited:
    """A visit that was made of a declaration, its day, and what it found."""

    org_code: str
    function: str
    visited_on: date
    finding: Literal["upheld", "qualified"]


def list_problems(connection: sa.Connection, run: int) -> list[dict[str, object]]:
    """Every problem of a run that took something out of it, with who answered for it, and how; empty if nobody did."""
    query = (
        sa.select(
            *(_problem.c[name] for name in ("place", "file", "row", "column", "value", "problem", "effect")),
            _answer.c.reason,
            _audit.c.who,
        )
        .outerjoin(_answer, (_answer.c.run == _problem.c.run) & (_answer.c.place == _problem.c.place))
        .outerjoin(_audit, _audit.c.seq == _answer.c.seq)
        .where(_problem.c.run == run, _problem.c.effect.in_(UNANSWERED))
        .order_by(_problem.c.place)
    )
    return [dict(row) for row in connection.execute(query).mappings()]


def answer_problems(store: Store, run_id: str, which: dict[str, str], who: str, reason: str) -> int:
    """Answer for problems that nobody has answered for yet; an answer stands.

    Args:
        store: where the run is kept.
        run_id: the run, or how it begins.
        which: what all of them have, as `{"file": "answers.csv", "problem": "…"}`; all there are if empty.
        who: who answers.
        reason: why the run may be published all the same.

    Returns:
        How many were answered for.

    Raises:
        UnknownNameError: there is no such run, or no open problem is so.
        StoreError: who or reason is empty.
    """
    with store.writing() as connection:
        run = look_up(connection, run_id)
        unanswered = [problem for problem in list_problems(connection, run.number) if problem["who"] is None]
        numbers = [
            problem["place"] for problem in unanswered if all(problem[name] == value for name, value in which.items())
        ]
        if not numbers:
            raise UnknownNameError(
                f"No open problem of run {run.run_id} is so.{_suggest_values(unanswered, which)} "
                f"(`crosscheck problems list --run {run.run_id}` lists them)"
            )
        for number in numbers:
            seq = audit.append(connection, who, "problem answered", f"{run.run_id} {number}", {"reason": reason}).seq
            row = {"run": run.number, "place": number, "reason": audit.require_printable("reason", reason), "seq": seq}
            connection.execute(sa.insert(_answer).values(row))
    return len(numbers)


def _suggest_values(problems: Sequence[Mapping[str, Any]], which: Mapping[str, str]) -> str:
    """Ask for each thing that was named and no problem has whether one of nearly that name was meant."""
    values = {name: {str(problem[name]) for problem in problems if problem[name]} for name in which}
    return "".join(suggest(value, values[name]) for name, value in which.items() if value not in values[name])


def record_visit(store: Store, run_id: str, visited: Visited, who: str, note: str) -> None:
    """Record what a visit found; of two records of one declaration the later day, then the later record counts.

    Raises:
        UnknownNameError: there is no such run, or it has no such declaration.
        StoreError: who or note is empty.
    """
    with store.writing() as connection:
        run = look_up(connection, run_id)
        key = {"run": run.number, "org_code": visited.org_code, "function": visited.function}
        _refuse_unlisted(connection, run, key)
        subject = f"{run.run_id} {visited.org_code} {visited.function}"
        found = {"visited_on": visited.visited_on.isoformat(), "finding": visited.finding, "note": note}
        seq = audit.append(connection, who, "visit recorded", subject, found).seq
        # Records are numbered and never replaced; a later number of the same declaration is the one that counts.
        before = sa.select(sa.func.count()).select_from(_visit).where(*(_visit.c[name] == key[name] for name in key))
        row = key | {
            "number": connection.execute(before).scalar_one() + 1,
            "visited_on": visited.visited_on,
            "finding": visited.finding,
            "note": audit.require_printable("note", note),
            "seq": seq,
        }
        connection.execute(sa.insert(_visit).values(row))


def list_visits(connection: sa.Connection, run: int) -> list[dict[str, object]]:
    """Every visit that was recorded of a run and that no later record corrects, in the order of recording.

    Each with who recorded it and when.
    """
    names = ("org_code", "function", "visited_on", "finding", "note")
    query = sa.select(*(_visit.c[name] for name in names), _audit.c.who, _audit.c.at)
    query = query.join(_audit, _audit.c.seq == _visit.c.seq).where(_visit.c.run == run, is_current())
    query = query.order_by(_visit.c.seq)
    return [dict(row) for row in connection.execute(query).mappings()]


def _refuse_unlisted(connection: sa.Connection, run: Any, key: dict[str, object]) -> None:
    query = sa.select(sa.func.count()).select_from(_listing).where(*(_listing.c[name] == key[name] for name in key))
    if not connection.execute(query).scalar_one():
        raise UnknownNameError(
            f"Run {run.run_id} has no declaration of {key['org_code']} as {key['function']}."
            f"{suggest_organisation(connection, run.number, str(key['org_code']))} "
            f"(`crosscheck explain ORG --run {run.run_id}` shows what there is)"
        )
