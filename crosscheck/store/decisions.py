"""Decisions about declarations: who decided what and why; the latest stands, all are kept.

Whoever decides says which version they saw. If another stands by then nothing is kept and they are told what does. The
version is part of the key, so that two who saw the same can't both be kept whatever happens: a decision is a row that
is added, and nothing is ever changed, which a counter in a row of its own would have to be.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from crosscheck.errors import ConflictError, DecisionError, StoreError
from crosscheck.report.output.tables import without_guard
from crosscheck.store import audit
from crosscheck.store.runs import look_up, suggest_organisation
from crosscheck.store.tables import Audit, Decision, Kept, Listing
from crosscheck.vocabulary import RULINGS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from crosscheck.store.database import Store
    from crosscheck.store.runs import KeptRun

COLUMNS: Final = ("org_code", "function", "kind", "reason", "who", "version")
_audit, _decision, _listing = (Kept.metadata.tables[str(table.__tablename__)] for table in (Audit, Decision, Listing))
_OF: Final = ("run", "org_code", "function")


@dataclass(frozen=True)
class Proposal:
    """What somebody wants to decide; `seen` is the version that they saw, 0 if nobody had decided yet."""

    org_code: str
    function: str
    kind: str
    reason: str
    who: str
    seen: int = 0

    def __str__(self) -> str:
        return f"{self.org_code} {self.function}: {self.kind}, by {self.who}, because “{self.reason}”"


@dataclass(frozen=True)
class CurrentDecision:
    """A decision that was kept; `at` is when, in UTC."""

    org_code: str
    function: str
    version: int
    kind: str
    reason: str
    who: str
    at: datetime

    def __str__(self) -> str:
        return f"version {self.version}, {self.kind}, by {self.who} at {self.at:%-d %B %Y, %H:%M} UTC: “{self.reason}”"


def decide(store: Store, run_id: str, proposals: Sequence[Proposal]) -> list[CurrentDecision]:
    """Keep decisions, all or none, each with its row in the audit trail.

    Args:
        store: where the run is kept.
        run_id: the run, or how it begins.
        proposals: in the order in which they are to be kept.

    Returns:
        What stands now, in the same order.

    Raises:
        UnknownNameError: there is no such run.
        DecisionError: a proposal lacks something, or is about what is not in the run; all are named.
        ConflictError: others have decided since; says what stands, and gives back what was typed. Nothing was kept.
    """
    with store.reading() as connection:  # what a run holds never changes, so others need not wait for this
        number = look_up(connection, run_id).number
        wrong = [fault for proposal in proposals if (fault := _fault_of_proposal(connection, number, proposal))]
    if wrong := [*wrong, *_twice(proposals)]:
        raise DecisionError(wrong)
    with store.writing() as connection:
        audit.lock_trail(connection)
        run = look_up(connection, run_id)
        if conflicts := [fault for proposal in proposals if (fault := _conflict(connection, run.number, proposal))]:
            raise ConflictError(conflicts)
        for proposal in proposals:
            _keep(connection, run, proposal)
    with store.reading() as connection:  # others may write again meanwhile
        histories = (
            read_history(connection, run.number, proposal.org_code, proposal.function) for proposal in proposals
        )
        return [history[proposal.seen] for proposal, history in zip(proposals, histories, strict=True)]


def read_current_decision(connection: sa.Connection, run: int, org_code: str, function: str) -> CurrentDecision | None:
    """The decision that stands on one declaration of a run (by its number); None if nobody has decided."""
    latest = _of_declaration(run, org_code, function).order_by(_decision.c.version.desc()).limit(1)
    return next(_read(connection, latest), None)


def read_history(connection: sa.Connection, run: int, org_code: str, function: str) -> list[CurrentDecision]:
    """All decisions about one declaration of a run (by its number), the first one first; the last one stands."""
    return list(_read(connection, _of_declaration(run, org_code, function).order_by(_decision.c.version)))


def show_decisions(store: Store, run_id: str, org_code: str) -> dict[str, list[CurrentDecision]]:
    """The history of each declaration of an organisation, by function; empty where nobody has decided.

    Raises:
        UnknownNameError: there is no such run.
        DecisionError: the organisation is not in it.
    """
    with store.reading() as connection:
        number = look_up(connection, run_id).number
        functions = _functions(connection, number, org_code.upper())
        if not functions:
            near = suggest_organisation(connection, number, org_code)
            raise DecisionError(f"{org_code}: declared nothing in this run.{near}")
        return {one: read_history(connection, number, org_code.upper(), one) for one in functions}


def list_decisions(store: Store, run_id: str) -> list[dict[str, Any]]:
    """Every declaration of a run in the order of its rank, with the decision that stands; empty where there is none.

    Returns:
        Rows of `rank`, `org_code`, `name`, `function`, `declared`, `risk`, `selected_by`, then `kind`, `reason`, `who`,
        `version` (0 where nobody has decided), `at` (ISO, UTC).

    Raises:
        UnknownNameError: there is no such run.
    """
    said = ("rank", "org_code", "name", "function", "declared", "risk", "selected_by")
    same = sa.and_(*(_decision.c[name] == _listing.c[name] for name in _OF), _is_current())
    version = sa.func.coalesce(_decision.c.version, 0).label("version")
    query = (
        sa.select(*_listing.c[*said], *_decision.c["kind", "reason"], _audit.c.who, version, _audit.c.at)
        .select_from(_listing.outerjoin(_decision, same).outerjoin(_audit, _audit.c.seq == _decision.c.seq))
        .order_by(_listing.c.rank)
    )
    with store.reading() as connection:
        of_run = query.where(_listing.c.run == look_up(connection, run_id).number)
        return [dict(row) for row in connection.execute(of_run).mappings()]


def list_current_decisions(connection: sa.Connection, run: int) -> list[dict[str, Any]]:
    """The decisions that stand on a run (by its number), one a declaration, with who decided and when (ISO, UTC)."""
    query = (
        _decisions_with_audit()
        .where(_decision.c.run == run, _is_current())
        .order_by(_decision.c.org_code, _decision.c.function)
    )
    return [dict(row) for row in connection.execute(query).mappings()]


def read_proposals(file: Path) -> list[Proposal]:
    """Read decisions from CSV with the columns `COLUMNS`, as `crosscheck decisions list --format csv` writes them.

    Rows without `kind` are not decided and left out; `version` is the one that was seen, empty or 0 for none.

    Raises:
        DecisionError: it can't be read, lacks columns, or a version is no number; all are named.
    """
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DecisionError(f"{file}: can't be read as CSV in UTF-8: {error}") from error
    table = csv.DictReader(io.StringIO(text, newline=""))
    if absent := [name for name in COLUMNS if name not in (table.fieldnames or ())]:
        raise DecisionError(f"{file}: lacks {', '.join(absent)}. Columns that are read: {', '.join(COLUMNS)}.")
    rows = [(table.line_num, {name: without_guard((row[name] or "").strip()) for name in COLUMNS}) for row in table]
    decided = [(line, row) for line, row in rows if row["kind"]]
    if wrong := [(line, row) for line, row in decided if not (row["version"] or "0").isdecimal()]:
        raise DecisionError([f"{file}, line {line}: version {row['version']!r} is no number." for line, row in wrong])
    return [_propose(row) for _, row in decided]


def drop_kept(store: Store, run_id: str, proposals: Sequence[Proposal]) -> list[Proposal]:
    """Those that do not stand already: a list that was written out comes back with most of its rows untouched."""
    current = {tuple(row[name] for name in COLUMNS) for row in list_decisions(store, run_id)}
    return [
        proposal
        for proposal in proposals
        if (proposal.org_code, proposal.function, proposal.kind, proposal.reason, proposal.who, proposal.seen)
        not in current
    ]


def _propose(row: Mapping[str, str]) -> Proposal:
    said = {name: row[name] for name in COLUMNS if name != "version"}
    return Proposal(**said | {"org_code": said["org_code"].upper()}, seen=int(row["version"] or 0))


def _fault_of_proposal(connection: sa.Connection, run: int, proposal: Proposal) -> str:
    """What a proposal lacks, in words; empty if it can be kept."""
    functions = _functions(connection, run, proposal.org_code)
    wrong = []
    if not functions:
        near = suggest_organisation(connection, run, proposal.org_code)
        wrong.append(f"no organisation {proposal.org_code} declared anything in this run.{near}")
    elif proposal.function not in functions:
        wrong.append(f"there is no such declaration; {proposal.org_code} declared as {' and as '.join(functions)}")
    if proposal.kind not in RULINGS:
        wrong.append(f"{proposal.kind or 'nothing'} can't be decided; what can: {', '.join(RULINGS)}")
    wrong += [words for name in ("who", "reason") if (words := _unprintable(name, getattr(proposal, name)))]
    return f"{proposal}: {'; '.join(wrong)}{'' if wrong[-1].endswith('?') else '.'}" if wrong else ""


def _twice(proposals: Sequence[Proposal]) -> list[str]:
    count = Counter((proposal.org_code, proposal.function) for proposal in proposals)
    return [
        f"{' '.join(declaration)}: is decided {number} times here. Leave one."
        for declaration, number in count.items()
        if number > 1
    ]


def _unprintable(name: str, text: str) -> str:
    try:
        audit.require_printable(name, text)
    except StoreError as error:
        return error.problems[0].rstrip(".")
    return ""


def _functions(connection: sa.Connection, run: int, org_code: str) -> list[str]:
    query = sa.select(_listing.c.function).where(_listing.c.run == run, _listing.c.org_code == org_code)
    return list(connection.execute(query.order_by(_listing.c.function)).scalars())


def _conflict(connection: sa.Connection, run: int, proposal: Proposal) -> str:
    """What stands instead of what was seen, in words; empty if that is what stands."""
    stands = read_current_decision(connection, run, proposal.org_code, proposal.function)
    version = stands.version if stands else 0
    if version == proposal.seen:
        return ""
    saw = f"version {proposal.seen}" if proposal.seen else "no decision"
    return (
        f"{proposal.org_code} {proposal.function}: you saw {saw}. What stands: {stands or 'nothing'}."
        f"\nWhat you wanted: {proposal.kind}, by {proposal.who}, because “{proposal.reason}”."
        f"\nIf you still want it, say that you have seen version {version}."
    )


def _keep(connection: sa.Connection, run: KeptRun, proposal: Proposal) -> None:
    decision = {
        "run": run.number,
        "org_code": proposal.org_code,
        "function": proposal.function,
        "version": proposal.seen + 1,
        "kind": proposal.kind,
        "reason": audit.require_printable("reason", proposal.reason),
    }
    audit.keep_decision(connection, proposal.who, run.run_id, decision)


def _of_declaration(run: int, org_code: str, function: str) -> sa.Select[Any]:
    return _decisions_with_audit().where(
        _decision.c.run == run, _decision.c.org_code == org_code, _decision.c.function == function
    )


def _decisions_with_audit() -> sa.Select[Any]:
    """Decisions, with what the trail tells of each."""
    names = ("org_code", "function", "version", "kind", "reason")
    decided = sa.select(*_decision.c[*names], _audit.c.who, _audit.c.at)
    return decided.join(_audit, _audit.c.seq == _decision.c.seq)


def _is_current() -> sa.ColumnElement[bool]:
    """That there is no later version of a decision."""
    later = _decision.alias()
    same = (later.c[name] == _decision.c[name] for name in _OF)
    return ~sa.select(sa.literal(1)).where(*same, later.c.version > _decision.c.version).exists()


def _read(connection: sa.Connection, query: sa.Select[Any]) -> Iterator[CurrentDecision]:
    rows = (dict(row) for row in connection.execute(query).mappings())
    return (CurrentDecision(**row | {"at": datetime.fromisoformat(row["at"])}) for row in rows)
