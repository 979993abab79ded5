"""What may ail a store, each with what to do about it; it changes nothing but what it is asked to mend."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa
from sqlalchemy.exc import DatabaseError

from crosscheck.errors import StoreError
from crosscheck.runs.run_folder import MANIFEST
from crosscheck.store.audit import verify_trail
from crosscheck.store.compression import restore
from crosscheck.store.database import state_of, versions
from crosscheck.store.runs import read_file
from crosscheck.store.tables import ROWS, Blob, Kept, Run, RunFile
from crosscheck.store.triggers import missing_triggers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from crosscheck.store.database import Store

_run, _run_file, _blob = (Kept.metadata.tables[str(table.__tablename__)] for table in (Run, RunFile, Blob))
_RESTORE: Final = "Restore the store from a backup (crosscheck store restore), and find out who or what did it."
_LEAST_FREE: Final = 100_000_000  # bytes; a national run takes a sixth of it
_SLOW_CLOCK: Final = timedelta(minutes=5)


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong, and what to do."""

    what: str
    remedy: str


def diagnose(store: Store) -> dict[str, list[Fault]]:
    """Look at everything that can be looked at.

    Returns:
        What is wrong by what was looked at, in the order of looking; nothing where all is well. A store that is not of
        the version that this program needs is looked at no further.

    Raises:
        StoreError: the database can't be reached, or holds something else.
    """
    found = {"version": _version(store)}
    if found["version"]:
        return found
    if store.is_sqlite:
        found |= {"file": _file(store), "free disk": _free_disk(store)}
    if found.get("file"):
        return found
    with store.reading(one_moment=True) as connection:
        found |= {name: list(look(connection)) for name, look in _LOOKS.items()}
    return found


def repair(store: Store) -> int:
    """Take away what no run refers to; how many contents that were.

    Raises:
        StoreError: the database refused. Nothing was taken away.
    """
    with store.writing() as connection:
        return connection.execute(sa.delete(_blob).where(_is_orphan())).rowcount


def _version(store: Store) -> list[Fault]:
    there, needed = state_of(store), versions()[-1]
    if there == needed:
        return []
    newer = there is not None and there not in versions()
    remedy = "Install that crosscheck." if newer else f"Keep a copy, then: crosscheck store upgrade {store.option}"
    return [Fault(f"is {there or 'empty'}, and this crosscheck needs {needed}", remedy)]


def _file(store: Store) -> list[Fault]:
    with store.reading() as connection:
        try:
            answers = connection.exec_driver_sql("PRAGMA integrity_check(5)").scalars().all()
        except DatabaseError as error:  # so broken that SQLite can't even look
            answers = [str(error.orig)]
        mode = connection.exec_driver_sql("PRAGMA journal_mode").scalar_one()
    faults = [Fault(str(words), _RESTORE) for words in answers if words != "ok"]
    if mode != "wal":
        local = "Put the file on a disk of this machine: its folder can't share memory."
        faults.append(Fault(f"its log is kept as {mode}, so that readers wait for writers", local))
    return faults


def _free_disk(store: Store) -> list[Fault]:
    file = Path(store.name)
    free, wanted = shutil.disk_usage(file.resolve().parent).free, max(_LEAST_FREE, file.stat().st_size)
    if free >= wanted:
        return []
    return [Fault(f"{free // 1_000_000} MB are free; {wanted // 1_000_000} MB should be", "Make room.")]


def _triggers(connection: sa.Connection) -> Iterator[Fault]:
    if missing := missing_triggers(connection):
        remedy = "Find out who did it and why; then: crosscheck store upgrade, which makes them anew."
        yield Fault(f"gone, switched off or altered: {', '.join(missing)}", remedy)


def _references(connection: sa.Connection) -> Iterator[Fault]:
    """Rows that refer to what is not there: every foreign key, and the rows that bear the number of no run."""
    keys = [(key.parent, key.column) for table in Kept.metadata.tables.values() for key in table.foreign_keys]
    keys += [(Kept.metadata.tables[str(table.__tablename__)].c.run, _run.c.number) for table in ROWS]
    for column, referred in dict.fromkeys(keys):
        target = referred.table.alias()
        there = sa.select(sa.literal(1)).where(target.c[referred.name] == column).exists()
        query = sa.select(sa.func.count()).select_from(column.table).where(column.is_not(None), ~there)
        if count := connection.scalar(query):
            words = f"{count} rows of {column.table.name} refer to a {referred.table.name} that is not there"
            yield Fault(words, _RESTORE)


def _contents(connection: sa.Connection) -> Iterator[Fault]:
    """Files whose content is no longer what was kept."""
    with connection.execution_options(yield_per=8).execute(sa.select(_blob.c.sha256, _blob.c.content)) as found:
        wrong = [sha256 for sha256, content in found if not _is_whole(sha256, content)]
    for sha256 in wrong:
        query = (
            sa.select(_run.c.run_id, _run_file.c.path)
            .join(_run, _run.c.number == _run_file.c.run)
            .where(_run_file.c.sha256 == sha256)
            .order_by(_run.c.number)
        )
        of_runs = ", ".join(f"{path} of run {run_id}" for run_id, path in connection.execute(query)) or "no run's file"
        yield Fault(f"{of_runs}: is no longer what was kept (SHA-256 {sha256})", _RESTORE)


def _is_whole(sha256: str, content: bytes) -> bool:
    try:
        restore("", sha256, content)
    except StoreError:
        return False
    return True


def _files(connection: sa.Connection) -> Iterator[Fault]:
    """Runs that lack a file that their manifest names."""
    for number, run_id in connection.execute(sa.select(_run.c.number, _run.c.run_id).order_by(_run.c.number)).all():
        query = sa.select(_run_file.c.kind, _run_file.c.path, _run_file.c.sha256).where(_run_file.c.run == number)
        there = {tuple(row) for row in connection.execute(query)}
        if not any(path == MANIFEST for _, path, _ in there):
            yield Fault(f"run {run_id} lacks its {MANIFEST}", _RESTORE)
            continue
        try:
            manifest = json.loads(read_file(connection, number, "output", MANIFEST))
        except (StoreError, sa.exc.NoResultFound):
            continue  # told by what was looked at before
        named = {("output", *file) for file in manifest["outputs"].items()}
        named |= {("source", *file) for file in manifest["sources"].items()}
        for _, path, _ in sorted(named - there):
            yield Fault(f"run {run_id} lacks {path}", _RESTORE)


def _orphans(connection: sa.Connection) -> Iterator[Fault]:
    query = sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(_blob.c.size), 0)).where(_is_orphan())
    count, size = connection.execute(query).one()
    if count:
        words = f"{count} contents ({size / 1_000_000:.1f} MB unpacked) belong to no run"
        yield Fault(words, "They harm nothing, and go with: crosscheck store doctor --mend")


def _trail(connection: sa.Connection) -> Iterator[Fault]:
    if broken := verify_trail(connection).broken:
        yield Fault(broken.fault, "Find out who did it: crosscheck audit verify, and what backups hold.")


def _clock(connection: sa.Connection) -> Iterator[Fault]:
    latest = connection.scalar(sa.select(sa.func.max(_run.c.saved_at)))
    if latest and latest > datetime.now(UTC) + _SLOW_CLOCK:
        words = f"a run was saved at {latest:%H:%M UTC on %-d %B %Y}, which is still to come"
        yield Fault(words, "Set the clock of this machine, or of the one that saved it.")


def _is_orphan() -> sa.ColumnElement[bool]:
    return ~sa.select(sa.literal(1)).where(_run_file.c.sha256 == _blob.c.sha256).exists()


_LOOKS: Final[dict[str, Callable[[sa.Connection], Iterator[Fault]]]] = {
    "triggers": _triggers,
    "references": _references,
    "contents": _contents,
    "files of runs": _files,
    "orphans": _orphans,
    "audit trail": _trail,
    "clock": _clock,
}
