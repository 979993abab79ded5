"""Saving a run with everything that it rests on, whole or not at all: its files, and rows for questions in SQL."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import polars as pl
import sqlalchemy as sa

from crosscheck.collection.doubts import list_as_problems
from crosscheck.errors import StoreError
from crosscheck.runs.run_folder import COLLECTION, MANIFEST, read_manifest, read_table
from crosscheck.store import audit
from crosscheck.store.bulk import insert_rows
from crosscheck.store.compression import compress
from crosscheck.store.tables import Answer, Blob, Finding, Kept, Listing, Problem, Run, RunFile
from crosscheck.store.triggers import unsealed
from crosscheck.vocabulary import VERDICTS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from crosscheck.runs.manifest import Manifest
    from crosscheck.store.database import Store

_KEPT_AS_ROWS: Final = ("differs", "cannot_tell")
_BLOB: Final = {"sha256": pl.String, "size": pl.Int64, "content": pl.Binary}
_Files = dict[tuple[str, str], tuple[str, bytes]]
_run, _run_file, _blob = (Kept.metadata.tables[str(table.__tablename__)] for table in (Run, RunFile, Blob))


@dataclass(frozen=True)
class Saved:
    """A run that is in the store; `is_new` is False where it was there already."""

    run_id: str
    is_new: bool


def save_run(store: Store, folder: Path, collection: Path, home: Path) -> Saved:
    """Save a run with everything that it rests on, whole or not at all; one that is kept already is left as it is.

    Args:
        store: where to.
        folder: the run's folder; its files must be as they were written.
        collection: where the collection lies that it read.
        home: the folder of the rules, models and questionnaire that it was checked with (`settings.home`).

    Raises:
        RunError: the folder holds no run.
        StoreError: a file is missing or no longer what the run knew; the same identity is kept with other results; or
            the database refused. Nothing was written.
    """
    manifest = read_manifest(folder)
    run_id = manifest.run_id
    with store.reading() as connection:
        if _is_known(connection, run_id, manifest):
            return Saved(run_id, is_new=False)
        kept_digests = _kept_digests(connection)
    # Reading rows and compressing files both let go of the interpreter, so they overlap outside any transaction.
    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(_read_rows, folder)
        files = _read_outputs(folder, manifest.outputs) | _read_sources(manifest.sources, collection, home)
        blobs = {digest: compress(content) for digest, content in files.values() if digest not in kept_digests}
        rows = reading.result()
    with store.writing() as connection:
        # Asked again: another process may have saved the same run while this one read and compressed.
        if _is_known(connection, run_id, manifest):
            return Saved(run_id, is_new=False)
        _insert_run(connection, manifest, rows, blobs, files)
        audit.append(connection, audit.account(), "run saved", run_id, {"fingerprint": manifest.fingerprint})
    return Saved(run_id, is_new=True)


def insert_bulk(connection: sa.Connection, table: type[Kept], rows: pl.DataFrame) -> None:
    """Add rows in bulk: many a statement on SQLite, `COPY` on PostgreSQL; columns that are not given stay absent.

    Args:
        connection: of a transaction that writes.
        table: where to.
        rows: columns that bear the names of the table's.
    """
    insert_rows(connection, str(table.__tablename__), rows)


def _read_outputs(folder: Path, digests: Mapping[str, str]) -> _Files:
    """Every file of the folder by kind and path, with its SHA-256 and content, as long as they are what was written."""
    files = {("output", path): _read(folder / path) for path in (*digests, MANIFEST)}
    wrong = [f"{folder / path}: {_unlike(files['output', path])}." for path, known in digests.items()
             if files["output", path][0] != known]  # fmt: skip
    if wrong:
        raise StoreError([*wrong, "Nothing was saved. Make the run again."])
    return files


def _read_sources(digests: Mapping[str, str], collection: Path, home: Path) -> _Files:
    """The same of what the run rests on, where it still lies."""
    places = {path: _find_source(path, collection, home) for path in digests}
    files = {("source", path): _read(file) for path, file in places.items()}
    wrong = [f"{places[path]}: {_unlike(files['source', path])}." for path, known in digests.items()
             if files["source", path][0] != known]  # fmt: skip
    if wrong:
        raise StoreError([*wrong, "Nothing was saved, since the run rests on what is no longer there. Make it again."])
    return files


def _find_source(path: str, collection: Path, home: Path) -> Path:
    inside = path.removeprefix("collection/")
    if inside == path:
        return home / path
    return collection if collection.is_file() else collection / inside


def _read(file: Path) -> tuple[str, bytes]:
    content = file.read_bytes() if file.is_file() else b""
    return (hashlib.sha256(content).hexdigest() if file.is_file() else ""), content


def _unlike(file: tuple[str, bytes]) -> str:
    return "has changed since the run was made" if file[0] else "is not there"


def _is_known(connection: sa.Connection, run_id: str, manifest: Manifest) -> bool:
    """Whether it is kept; that the same made something else is no small matter, so it is told."""
    number = connection.execute(
        sa.select(_run.c.number).where(_run.c.fingerprint == manifest.fingerprint)
    ).scalar_one_or_none()
    if number is None:
        return False
    query = sa.select(_run_file.c.path, _run_file.c.sha256).where(
        _run_file.c.run == number, _run_file.c.kind == "output", _run_file.c.path != MANIFEST
    )
    kept_digests = dict(tuple(row) for row in connection.execute(query))
    if unlike := sorted(path for path, digest in manifest.outputs.items() if kept_digests.get(path) != digest):
        raise StoreError(
            f"Run {run_id} is kept already, but the same inputs, rules, models, options and code now made others: "
            f"{', '.join(unlike)}. Nothing was saved. Find out why before you trust either."
        )
    return True


def _insert_run(
    connection: sa.Connection,
    manifest: Manifest,
    rows: Mapping[type[Kept], pl.DataFrame],
    blobs: Mapping[str, bytes],
    files: _Files,
) -> None:
    """Put everything in, the run's own row last: with it the run is sealed."""
    number = connection.execute(sa.select(sa.func.coalesce(sa.func.max(_run.c.number), 0) + 1)).scalar_one()
    contents = dict(files.values())
    with unsealed(connection):
        for table, of_table in rows.items():
            insert_bulk(connection, table, of_table.select(pl.lit(number).alias("run"), pl.all()))
        missing = sorted(contents.keys() - _kept_digests(connection))  # asked anew: a run may have gone meanwhile
        packed = [blobs.get(digest) or compress(contents[digest]) for digest in missing]
        sizes = [len(contents[digest]) for digest in missing]
        insert_bulk(connection, Blob, pl.DataFrame({"sha256": missing, "size": sizes, "content": packed}, _BLOB))
        file_rows = [(number, kind, path, sha256) for (kind, path), (sha256, _) in files.items()]
        insert_bulk(connection, RunFile, pl.DataFrame(file_rows, ["run", "kind", "path", "sha256"], orient="row"))
        connection.execute(sa.insert(_run).values(number=number, run_id=manifest.run_id, **_describe(manifest)))


def _kept_digests(connection: sa.Connection) -> set[str]:
    return set(connection.execute(sa.select(_blob.c.sha256)).scalars())


def _read_rows(folder: Path) -> dict[type[Kept], pl.DataFrame]:
    """The rows that are made from a run's files, without the run's number, in the order of their keys."""
    findings = read_table(folder, "findings")
    frames: dict[type[Kept], pl.DataFrame] = {
        Listing: _count_verdicts(read_table(folder, "visit_list"), findings),
        Finding: findings.filter(pl.col("verdict").is_in(_KEPT_AS_ROWS)),
        Answer: read_table(folder, f"{COLLECTION}/answers"),
        Problem: _problems_and_doubts(folder),
    }
    return {table: _shaped(frame, table) for table, frame in frames.items()}


def _problems_and_doubts(folder: Path) -> pl.DataFrame:
    """Problems, and after them the values in doubt: somebody must answer for either before the run is published."""
    problems, doubts = read_table(folder, "problems"), list_as_problems(read_table(folder, "doubts"))
    together = pl.concat([problems.cast(pl.String), doubts.cast(pl.String)], how="diagonal")
    return together.with_row_index("place", 1)


def _count_verdicts(listed: pl.DataFrame, findings: pl.DataFrame) -> pl.DataFrame:
    counted = ((pl.col("verdict") == name).sum().alias(name) for name in VERDICTS)
    counts = findings.group_by("org_code", "function").agg(counted)
    return listed.join(counts, on=["org_code", "function"], how="left").with_columns(pl.col(VERDICTS).fill_null(0))


def _shaped(frame: pl.DataFrame, table: type[Kept]) -> pl.DataFrame:
    """The table's columns in its order, as far as the run has them, sorted by its key."""
    columns = Kept.metadata.tables[str(table.__tablename__)]
    names = [column.name for column in columns.c if column.name in frame.columns]
    return frame.select(names).sort([column.name for column in columns.primary_key if column.name != "run"])


def _describe(manifest: Manifest) -> dict[str, object]:
    """The columns of its row, but its number and identifier."""
    return {
        "fingerprint": manifest.fingerprint,
        "standard": manifest.options.standard,
        "year": manifest.options.year,
        "saved_at": datetime.now(UTC),
        "crosscheck": manifest.crosscheck,
        **manifest.identity,
        "summary": asdict(manifest.counts) | {"declarations": manifest.reconciliation.declarations},
    }
