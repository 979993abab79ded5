"""Runs that are kept: known again, listed, shown, given back byte for byte, deleted."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from crosscheck.errors import StoreError, UnknownNameError
from crosscheck.near_names import find_near, suggest_code
from crosscheck.report.output.folder import written_whole
from crosscheck.runs.manifest import parse_manifest
from crosscheck.runs.run_folder import MANIFEST
from crosscheck.store import audit
from crosscheck.store.compression import restore
from crosscheck.store.tables import (
    ROWS,
    Blob,
    CriterionRecord,
    Decision,
    Edition,
    Kept,
    Listing,
    Preparation,
    ProblemAnswer,
    Run,
    RunFile,
    Signature,
    VisitRecord,
)

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from crosscheck.runs.manifest import Manifest
    from crosscheck.store.database import Store

_SOURCES: Final = "sources.json"
_FEWEST_CHARACTERS: Final = 4


@dataclass(frozen=True)
class KeptRun:
    """A run of the store, as its own row has it; `inputs` to `code` are the parts of its identity."""

    number: int
    run_id: str
    fingerprint: str
    standard: str
    year: str
    saved_at: datetime
    crosscheck: str
    inputs: str
    rules: str
    models: str
    options: str
    code: str


@dataclass(frozen=True)
class ListedRun:
    """A line of the list of runs: `differs` counts findings, `selected` organisations that are to be visited."""

    run_id: str
    standard: str
    year: str
    saved_at: str
    declarations: int
    differs: int
    selected: int
    crosscheck: str


def find_run(store: Store, fingerprint: str) -> str | None:
    """The identifier of the kept run that has this fingerprint; None if there is none."""
    with store.reading() as connection:
        return connection.execute(
            sa.select(_run.c.run_id).where(_run.c.fingerprint == fingerprint)
        ).scalar_one_or_none()


def list_runs(store: Store) -> list[ListedRun]:
    """Every run that is kept, the latest first: identifier, year, standard, when it was saved, what it came to."""
    query = sa.select(_run).order_by(_run.c.saved_at.desc(), _run.c.number.desc())
    with store.reading() as connection:
        return [_list_run(run) for run in connection.execute(query).mappings()]


def show_run(store: Store, run_id: str) -> tuple[KeptRun, Manifest]:
    """A kept run, and everything that its manifest says.

    Raises:
        UnknownNameError: no run, or more than one, has an identifier that begins so.
    """
    with store.reading() as connection:
        run = look_up(connection, run_id)
        return run, read_kept_manifest(connection, run)


def read_kept_manifest(connection: sa.Connection, run: KeptRun) -> Manifest:
    """What the manifest of a kept run says.

    Raises:
        StoreError: it is no longer what was kept.
    """
    return parse_manifest(read_file(connection, run.number, "output", MANIFEST), f"run {run.run_id}")


def export_run(store: Store, run_id: str, folder: Path) -> None:
    """Give the run's folder back, byte for byte.

    Raises:
        UnknownNameError: as `show_run`.
        StoreError: a file is no longer what was kept.
        RunError: the place holds something that is no run, or can't be written.
    """
    with store.reading() as connection, written_whole(folder, MANIFEST, "run") as whole:
        _write_files(connection, look_up(connection, run_id).number, "output", whole)


def export_sources(store: Store, run_id: str, folder: Path) -> None:
    """Give back every file that the run rests on: `collection/`, and the home that it was checked with around it.

    `CROSSCHECK_HOME=FOLDER crosscheck run FOLDER/collection …` makes the run again (a workbook lies in `collection/`
    under its own name). `sources.json` lists the files with their SHA-256. Raises as `export_run`.
    """
    with store.reading() as connection, written_whole(folder, _SOURCES, "set of sources") as whole:
        digests = _write_files(connection, look_up(connection, run_id).number, "source", whole)
        (whole / _SOURCES).write_text(json.dumps(digests, indent=1) + "\n", encoding="utf-8")


def delete_run(store: Store, run_id: str) -> str:
    """Delete a run with all its rows, and the files that no other run shares.

    Returns:
        Its identifier in full.

    Raises:
        UnknownNameError: as `show_run`.
        StoreError: something that may not be forgotten rests on it. Nothing was deleted.
    """
    with store.writing() as connection:
        audit.lock_trail(connection)  # nobody decides about it meanwhile
        run = look_up(connection, run_id)
        _refuse_rested_on(connection, run)
        connection.execute(sa.delete(_run).where(_run.c.number == run.number))
        for table in ROWS:
            rows = _table(table)
            connection.execute(sa.delete(rows).where(rows.c.run == run.number))
        shared = sa.select(sa.literal(1)).where(_run_file.c.sha256 == _blob.c.sha256)
        connection.execute(sa.delete(_blob).where(~shared.exists()))
        audit.append(connection, audit.account(), "run deleted", run.run_id, {"fingerprint": run.fingerprint})
    return str(run.run_id)


def look_up(connection: sa.Connection, run_id: str) -> KeptRun:
    """The run whose identifier begins so.

    Raises:
        UnknownNameError: no run, or more than one, has an identifier that begins so.
    """
    begins = _run.c.run_id.startswith(run_id.lower(), autoescape=True)
    columns = [_run.c[column.name] for column in fields(KeptRun)]
    found = connection.execute(sa.select(*columns).where(begins)).all()
    if len(found) == 1 and len(run_id) >= _FEWEST_CHARACTERS:
        return KeptRun(*found[0])
    if found and len(run_id) >= _FEWEST_CHARACTERS:
        raise UnknownNameError(f"No run {run_id}: {len(found)} runs begin so; give more of it.")
    if found:
        raise UnknownNameError(f"No run {run_id}: give {_FEWEST_CHARACTERS} characters of its identifier at least.")
    known = connection.execute(sa.select(_run.c.run_id)).scalars().all()
    begins_near = {identifier[: len(run_id)]: identifier for identifier in known}
    near = "".join(f" Did you mean {begins_near[name]}?" for name in find_near(run_id, begins_near)[:1])
    raise UnknownNameError(f"No run {run_id}: none begins so.{near} (`crosscheck runs list` lists them)")


def suggest_organisation(connection: sa.Connection, run: int, org_code: str) -> str:
    """Ask whether an organisation of nearly this code was meant; nothing where the run has this one, or none near."""
    listed = sa.select(_listing.c.org_code, _listing.c.name).where(_listing.c.run == run).order_by(_listing.c.rank)
    names = {row.org_code: row.name for row in connection.execute(listed)}
    return "" if org_code.upper() in names else suggest_code(org_code, names)


def _refuse_rested_on(connection: sa.Connection, run: KeptRun) -> None:
    """Say what keeps a run from being deleted, before the database refuses it in its own words."""
    queries = {name: sa.select(sa.func.count()).where(table.c.run == run.number) for name, table in _RESTS.items()}
    counts = {name: connection.execute(count).scalar_one() for name, count in queries.items()}
    if any(counts.values()):
        said = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
        raise StoreError(f"Run {run.run_id}: {said} rest on it. It stays; nothing was deleted.")


def _table(table: type[Kept]) -> sa.Table:
    return Kept.metadata.tables[str(table.__tablename__)]


_run, _run_file, _blob, _listing = (_table(table) for table in (Run, RunFile, Blob, Listing))
_RESTS: Final = {  # what people did about a run, by what it is called
    "decisions": _table(Decision),
    "answers to problems": _table(ProblemAnswer),
    "visits": _table(VisitRecord),
    "criteria of visits": _table(CriterionRecord),
    "preparations": _table(Preparation),
    "signatures": _table(Signature),
    "editions": _table(Edition),
}


def _list_run(row: sa.RowMapping) -> ListedRun:
    summary = row["summary"]
    return ListedRun(
        run_id=row["run_id"],
        standard=row["standard"],
        year=row["year"],
        saved_at=row["saved_at"].isoformat(timespec="seconds"),
        declarations=summary["declarations"],
        differs=summary["findings"].get("differs", 0),
        selected=sum(summary["selected"].values()),
        crosscheck=row["crosscheck"],
    )


def read_file(connection: sa.Connection, number: int, kind: str, path: str) -> bytes:
    """The content of one file of a run.

    Args:
        connection: of a transaction that reads.
        number: the run's number.
        kind: `output` or `source`.
        path: the file's place there.

    Raises:
        StoreError: it is no longer what was kept.
    """
    query = (
        sa.select(_blob.c.sha256, _blob.c.content)
        .join(_run_file, _run_file.c.sha256 == _blob.c.sha256)
        .where(_run_file.c.run == number, _run_file.c.kind == kind, _run_file.c.path == path)
    )
    return restore(path, *connection.execute(query).one())


def _write_files(connection: sa.Connection, number: int, kind: str, folder: Path) -> dict[str, str]:
    """Write all files of one kind; their digests by path."""
    query = (
        sa.select(_run_file.c.path, _run_file.c.sha256)
        .where(_run_file.c.run == number, _run_file.c.kind == kind)
        .order_by(_run_file.c.path)
    )
    digests = dict(tuple(row) for row in connection.execute(query))
    for path in digests:
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(read_file(connection, number, kind, path))
    return digests
