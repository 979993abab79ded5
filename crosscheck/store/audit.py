"""The audit trail: what was done, by whom, when; rows are added, each bound to the one before by its hash.

Triggers refuse what is no addition; an owner of the database can take them away, and then the chain tells. What an
owner writes anew from the first row on, only a head that was kept elsewhere tells (`read_head`).
"""

from __future__ import annotations

import getpass
import hashlib
import json
import re
import unicodedata
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from crosscheck.errors import StoreError
from crosscheck.store.tables import GENESIS, Audit, Decision, Kept, Run
from crosscheck.store.triggers import AUDIT_LOCK

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

DECIDED: Final = "decision"
_audit, _decision, _run = (Kept.metadata.tables[str(table.__tablename__)] for table in (Audit, Decision, Run))
_HASHED: Final = ("seq", "at", "who", "what", "subject", "details", "previous_hash")
_columns: Final = [_audit.c[name] for name in (*_HASHED, "hash")]
_REPEATED: Final = ("org_code", "function", "version", "kind", "reason")
_AT_ONCE: Final = 5_000
_LAYOUT: Final = "\n\t"  # the only characters without a shape that a text may hold


@dataclass(frozen=True)
class Head:
    """The last row of the trail, written as `12:ab34…`; kept elsewhere, it tells a trail that was cut or rewritten."""

    seq: int
    hash: str

    def __str__(self) -> str:
        return f"{self.seq}:{self.hash}"

    @classmethod
    def read(cls, written: str) -> Head:
        """Read it as it was written.

        Raises:
            StoreError: it is no head.
        """
        seq, _, digest = written.strip().partition(":")
        if not (seq.isdecimal() and len(digest) == len(GENESIS) and set(digest) <= set("0123456789abcdef")):
            raise StoreError(
                f"{written}: is no head of a trail. Give it as `crosscheck audit head` prints it: 12:ab34…"
            )
        return cls(int(seq), digest)


@dataclass(frozen=True)
class Broken:
    """The first link that does not hold: at which row, and what is wrong with it."""

    seq: int
    fault: str


@dataclass(frozen=True)
class Verified:
    """How far the trail holds: `head` is its last row that follows on the one before, `broken` what is wrong first."""

    head: Head
    broken: Broken | None


def append(connection: sa.Connection, who: str, what: str, subject: str, details: Mapping[str, object]) -> Head:
    """Add one row, in the transaction of what it tells of, so that both are there or neither.

    Args:
        connection: of a transaction that writes; other writers wait until it ends.
        who: a person's name, or the account of the computer that acted.
        what: what was done, in few words, as `decision` or `run saved`.
        subject: to what, as `7bf1… 5E0 whole`.
        details: whatever JSON can say of it.

    Raises:
        StoreError: who, what or subject is empty or holds characters that can't be printed.
    """
    # Locked before the head is read: two writers that read the same head would both be its successor.
    lock_trail(connection)
    last = read_head(connection)
    row = {
        "seq": last.seq + 1,
        "at": datetime.now(UTC).isoformat(timespec="microseconds"),
        **{name: require_printable(name, text) for name, text in (("who", who), ("what", what), ("subject", subject))},
        "details": canonical(details),
        "previous_hash": last.hash,
    }
    head = Head(last.seq + 1, digest(tuple(row.values())))
    connection.execute(sa.insert(_audit).values(**row, hash=head.hash))
    return head


def keep_decision(connection: sa.Connection, who: str, run_id: str, decision: Mapping[str, object]) -> Head:
    """Add a row of `decision` and the row that tells of it and repeats it.

    Args:
        connection: of a transaction that writes.
        who: who decided.
        run_id: the identifier, in full, of the run whose number is in the decision.
        decision: the columns of `decision` but `seq`.

    Raises:
        StoreError: as `append`; or that version is there already.
    """
    head = append(connection, who, DECIDED, *_repeat_decision(run_id, decision))
    connection.execute(sa.insert(_decision).values(**decision, seq=head.seq))
    return head


def lock_trail(connection: sa.Connection) -> None:
    """Wait until no other transaction adds to the trail, and let none begin until this one ends.

    SQLite has one writer at a time anyway.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(AUDIT_LOCK)))


def read_head(connection: sa.Connection) -> Head:
    """The last row; `0:000…` where there is none yet."""
    last = connection.execute(sa.select(_audit.c.seq, _audit.c.hash).order_by(_audit.c.seq.desc()).limit(1)).first()
    return Head(*last) if last else Head(0, GENESIS)


def read_trail(connection: sa.Connection, after: int = 0, subject: str = "") -> Iterator[dict[str, object]]:
    """The rows in their order, a few thousand at a time.

    Args:
        connection: of a transaction that reads.
        after: only rows with a larger number.
        subject: only rows whose subject begins so.
    """
    query = sa.select(*_columns).where(_audit.c.seq > after).order_by(_audit.c.seq)
    if subject:
        query = query.where(_audit.c.subject.startswith(subject, autoescape=True))
    with closing(connection.execute(query.execution_options(yield_per=_AT_ONCE))) as rows:
        for row in rows.mappings():
            yield {**row, "details": json.loads(row["details"])}


def verify_trail(connection: sa.Connection, kept: Head | None = None) -> Verified:
    """Compute every link anew, and compare every decision with its row of the trail, a few thousand rows at a time.

    Args:
        connection: of a transaction that reads.
        kept: a head that was kept elsewhere; the trail must still hold it. Without it nobody can see that the end was
            cut off.

    Returns:
        How far it holds, and the first thing that does not.
    """
    chain = _verify_chain(connection, kept)
    wrong = [
        broken
        for broken in (chain.broken, _decision_not_recorded(connection), _record_that_differs(connection))
        if broken
    ]
    return Verified(chain.head, min(wrong, key=lambda broken: broken.seq, default=None))


def _verify_chain(connection: sa.Connection, kept: Head | None) -> Verified:
    last = Head(0, GENESIS)
    query = sa.select(*_columns).order_by(_audit.c.seq).execution_options(yield_per=_AT_ONCE)
    with closing(connection.execute(query)) as rows:
        for row in rows:
            if fault := _fault_of_row(connection, tuple(row), last) or _unlike(row.seq, row.hash, kept):
                return Verified(last, Broken(last.seq + 1, fault))
            last = Head(row.seq, row.hash)
    if kept and kept.seq > last.seq:
        return Verified(last, Broken(last.seq + 1, f"{_rows(last.seq + 1, kept.seq)} missing: the end was cut off"))
    return Verified(last, None)


def digest(row: tuple[Any, ...]) -> str:
    """SHA-256 over the row's columns but its own hash, as a JSON list without blanks, in UTF-8."""
    written = json.dumps(row, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(written.encode("utf-8", "surrogatepass")).hexdigest()


def canonical(details: Mapping[str, object]) -> str:
    """The one way to write details: JSON, keys in order, no blanks."""
    return json.dumps(details, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)


def require_printable(what: str, text: str) -> str:
    """The text without blanks around it.

    Raises:
        StoreError: it is empty, or holds characters that have no shape, which databases keep differently or not at all.
    """
    stripped = text.replace("\r\n", "\n").strip()
    if not stripped:
        raise StoreError(f"{what}: is empty. Say it in words.")
    if any(unicodedata.category(one) in ("Cc", "Cs") and one not in _LAYOUT for one in stripped):
        raise StoreError(f"{what}: holds characters that can't be printed: {stripped!r}. Take them out.")
    return stripped


def fold(name: str) -> str:
    """A person's name without case, marks and the order of its parts: `Jane  SMITH` and `Smith, Jane` are one."""
    return " ".join(sorted(re.findall(r"\w+", unicodedata.normalize("NFKC", name).casefold())))


def account() -> str:
    """The account of the computer that acts, where no person is named."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown account"


def _fault_of_row(connection: sa.Connection, row: tuple[Any, ...], last: Head) -> str:
    """What is wrong with the link from the last row to this one; empty if it holds."""
    seq, *_, previous, own = row
    if seq < 1:
        return f"row {seq} was put in: rows are counted from 1"
    if seq != last.seq + 1:
        return f"{_rows(last.seq + 1, seq - 1)} missing"
    if digest(row[:-1]) != own:
        place = _place_of(connection, row)
        return f"row {seq} is out of order: it was written as row {place}" if place else f"row {seq} was altered"
    if previous != last.hash:
        return f"row {seq} does not follow on row {last.seq}: one of them was put in place of another"
    return ""


def _decision_not_recorded(connection: sa.Connection) -> Broken | None:
    """The first decision of which the trail has no row."""
    recorded = sa.select(sa.literal(1)).where(_audit.c.seq == _decision.c.seq, _audit.c.what == DECIDED)
    query = sa.select(_decision).where(~recorded.exists()).order_by(_decision.c.seq).limit(1)
    row = connection.execute(query).first()
    about = row and f"{row.org_code} {row.function}, version {row.version}"
    return Broken(row.seq, f"row {row.seq} does not tell of the decision on {about}") if row else None


def _record_that_differs(connection: sa.Connection) -> Broken | None:
    """The first row that tells of a decision which is not there, or is another now."""
    query = (
        sa.select(_audit.c.seq, _audit.c.subject, _audit.c.details, _run.c.run_id, *_decision.c[*_REPEATED])
        .select_from(_audit.outerjoin(_decision, _decision.c.seq == _audit.c.seq).outerjoin(_run))
        .where(_audit.c.what == DECIDED)
        .order_by(_audit.c.seq)
    )
    with closing(connection.execute(query.execution_options(yield_per=_AT_ONCE))) as rows:
        for row in rows.mappings():
            if row["kind"] is None:
                return Broken(row["seq"], f"row {row['seq']} tells of a decision that was taken away: {row['subject']}")
            subject, details = _repeat_decision(row["run_id"], dict(row))
            if (subject, canonical(details)) != (row["subject"], row["details"]):
                return Broken(row["seq"], f"row {row['seq']} tells of another decision than there is: {row['subject']}")
    return None


def _repeat_decision(run_id: str, decision: Mapping[str, object]) -> tuple[str, dict[str, object]]:
    """How the trail repeats a decision: its subject and details."""
    org_code, function, *_ = (decision[name] for name in _REPEATED)
    return f"{run_id} {org_code} {function}", {name: decision[name] for name in _REPEATED}


def _place_of(connection: sa.Connection, row: tuple[Any, ...]) -> int | None:
    """The number that the row bore when it was written, if only that was altered."""
    _, *said, own = row
    rows = connection.execute(sa.select(sa.func.count(), sa.func.max(_audit.c.seq))).one()
    return next((seq for seq in range(1, max(rows) + 2) if digest((seq, *said)) == own), None)


def _unlike(seq: int, own: str, kept: Head | None) -> str:
    if kept and seq == kept.seq and own != kept.hash:
        return f"row {seq} is not the one whose hash was kept: the trail was written anew"
    return ""


def _rows(first: int, last: int) -> str:
    return f"row {first} is" if first == last else f"rows {first} to {last} are"
