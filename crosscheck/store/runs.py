"""Runs that are kept: saved whole or not at all, known again, listed, shown, given back byte for byte, deleted."""

from __future__ import annotations

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import polars as pl
import sqlalchemy as sa

from crosscheck.collection.doubts import list_as_problems
from crosscheck.errors import StoreError, UnknownNameError
from crosscheck.report.output.folder import written_whole
from crosscheck.runs.manifest import parse_manifest
from crosscheck.runs.run_folder import COLLECTION, MANIFEST, read_manifest, read_table
from crosscheck.store import audit
from crosscheck.store.bulk import insert_rows
from crosscheck.store.compression import compress, restore
from crosscheck.store.organisation_blocks import lay_out_sheets, read_sheet
from crosscheck.store.tables import (
    ROWS,
    Answer,
    Blob,
    CriterionRecord,
    Decision,
    Edition,
    Finding,
    Kept,
    Listing,
    Preparation,
    Problem,
    ProblemAnswer,
    Run,
    RunFile,
    Sheet,
    Signature,
    VisitRecord,
)
from crosscheck.store.triggers import unsealed
from crosscheck.vocabulary import VERDICTS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from crosscheck.runs.manifest import Manifest
    from crosscheck.store.database import Store

_SOURCES: Final = "sources.json"
_KEPT_AS_ROWS: Final = ("differs", "cannot_tell")
_FEWEST_CHARACTERS: Final = 4


@dataclass(frozen=True)
class Saved:
    """A run that is in the store; `is_new` is False where it was there already."""

    run_id: str
    is_new: bool


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
        kept = _kept_digests(connection)
    with ThreadPoolExecutor(1) as beside:
        reading = beside.submit(_rows_of, folder)
        files = _read_outputs(folder, manifest.outputs) | _read_sources(manifest.sources, collection, home)
        blobs = {digest: compress(content) for digest, content in files.values() if digest not in kept}
        rows = reading.result()
    with store.writing() as connection:
        if _is_known(connection, run_id, manifest):
            return Saved(run_id, is_new=False)
        _insert_run(connection, manifest, rows, blobs, files)
        audit.append(connection, audit.account(), "run saved", run_id, {"fingerprint": manifest.fingerprint})
    return Saved(run_id, is_new=True)


def find_run(store: Store, fingerprint: str) -> str | None:
    """The identifier of the kept run that has this fingerprint; None if there is none."""
    with store.reading() as connection:
        return connection.execute(
            sa.select(_run.c.run_id).where(_run.c.fingerprint == fingerprint)
        ).scalar_one_or_none()


def list_runs(store: Store) -> list[ListedRun]:
    """Every run that is kept, the latest first: identifier, year, standard, when it was saved, what it came to."""
    asked = sa.select(_run).order_by(_run.c.saved_at.desc(), _run.c.number.desc())
    with store.reading() as connection:
        return [_list_run(run) for run in connection.execute(asked).mappings()]


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
        audit.hold_head(connection)  # nobody decides about it meanwhile
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


def read_dossier_rows(store: Store, run_id: str, org_code: str) -> dict[str, pl.DataFrame]:
    """What a run says of one organisation, in time for a page.

    Returns:
        Its rows by table, as the run wrote them: `visit_list` (with how many checks agree, differ, can't tell, do not
        apply), `findings` (what differs or can't be told), `parts`, `scores`, `answers`. An organisation that is not in
        the run has none.

    Raises:
        UnknownNameError: as `show_run`.
    """
    with store.reading() as connection:
        number = look_up(connection, run_id).number
        before = sa.select(_sheet.c.last, _sheet.c.content).where(_sheet.c.run == number, _sheet.c.first <= org_code)
        sheet = connection.execute(before.order_by(_sheet.c.first.desc()).limit(1)).first()
    return read_sheet(sheet.content, org_code) if sheet and org_code <= sheet.last else {}


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
    several = f"{len(found)} runs begin so; give more of it" if found else "none begins so"
    raise UnknownNameError(f"No run {run_id}: {several}. (`crosscheck runs list` lists them)")


def insert_bulk(connection: sa.Connection, table: type[Kept], rows: pl.DataFrame) -> None:
    """Add rows in bulk: many a statement on SQLite, `COPY` on PostgreSQL; columns that are not given stay absent.

    Args:
        connection: of a transaction that writes.
        table: where to.
        rows: columns that bear the names of the table's.
    """
    insert_rows(connection, _table(table).name, rows)


def _refuse_rested_on(connection: sa.Connection, run: KeptRun) -> None:
    """Say what keeps a run from being deleted, before the database refuses it in its own words."""
    asked = {name: sa.select(sa.func.count()).where(table.c.run == run.number) for name, table in _RESTS.items()}
    counts = {name: connection.execute(count).scalar_one() for name, count in asked.items()}
    if any(counts.values()):
        said = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
        raise StoreError(f"Run {run.run_id}: {said} rest on it. It stays; nothing was deleted.")


def _table(table: type[Kept]) -> sa.Table:
    return Kept.metadata.tables[str(table.__tablename__)]


_run, _run_file, _blob, _sheet = (_table(table) for table in (Run, RunFile, Blob, Sheet))
_RESTS: Final = {  # what people did about a run, by what it is called
    "decisions": _table(Decision),
    "answers to problems": _table(ProblemAnswer),
    "visits": _table(VisitRecord),
    "criteria of visits": _table(CriterionRecord),
    "preparations": _table(Preparation),
    "signatures": _table(Signature),
    "editions": _table(Edition),
}
_BLOB: Final = {"sha256": pl.String, "size": pl.Int64, "content": pl.Binary}
_Files = dict[tuple[str, str], tuple[str, bytes]]


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
    places = {path: _place(path, collection, home) for path in digests}
    files = {("source", path): _read(place) for path, place in places.items()}
    wrong = [f"{places[path]}: {_unlike(files['source', path])}." for path, known in digests.items()
             if files["source", path][0] != known]  # fmt: skip
    if wrong:
        raise StoreError([*wrong, "Nothing was saved, since the run rests on what is no longer there. Make it again."])
    return files


def _place(path: str, collection: Path, home: Path) -> Path:
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
    asked = sa.select(_run_file.c.path, _run_file.c.sha256).where(
        _run_file.c.run == number, _run_file.c.kind == "output", _run_file.c.path != MANIFEST
    )
    kept = dict(tuple(row) for row in connection.execute(asked))
    if unlike := sorted(path for path, digest in manifest.outputs.items() if kept.get(path) != digest):
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
        kept = [(number, kind, path, sha256) for (kind, path), (sha256, _) in files.items()]
        insert_bulk(connection, RunFile, pl.DataFrame(kept, ["run", "kind", "path", "sha256"], orient="row"))
        connection.execute(sa.insert(_run).values(number=number, run_id=manifest.run_id, **_describe(manifest)))


def _kept_digests(connection: sa.Connection) -> set[str]:
    return set(connection.execute(sa.select(_blob.c.sha256)).scalars())


def _rows_of(folder: Path) -> dict[type[Kept], pl.DataFrame]:
    """The rows that are made from a run's files, without the run's number, in the order of their keys."""
    findings = read_table(folder, "findings")
    told = {name: read_table(folder, name) for name in ("visit_list", "parts", "scores", f"{COLLECTION}/answers")}
    told["findings"] = findings.filter(pl.col("verdict").is_in(_KEPT_AS_ROWS))
    told["visit_list"] = _count_verdicts(told["visit_list"], findings)
    frames: dict[type[Kept], pl.DataFrame] = {
        Listing: told["visit_list"],
        Finding: told["findings"],
        Answer: told[f"{COLLECTION}/answers"],
        Problem: _problems_and_doubts(folder),
        Sheet: lay_out_sheets({name.removeprefix(f"{COLLECTION}/"): table for name, table in told.items()}),
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
    kept = _table(table)
    names = [column.name for column in kept.c if column.name in frame.columns]
    return frame.select(names).sort([column.name for column in kept.primary_key if column.name != "run"])


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
    asked = (
        sa.select(_blob.c.sha256, _blob.c.content)
        .join(_run_file, _run_file.c.sha256 == _blob.c.sha256)
        .where(_run_file.c.run == number, _run_file.c.kind == kind, _run_file.c.path == path)
    )
    return restore(path, *connection.execute(asked).one())


def _write_files(connection: sa.Connection, number: int, kind: str, folder: Path) -> dict[str, str]:
    """Write all files of one kind; their digests by path."""
    asked = (
        sa.select(_run_file.c.path, _run_file.c.sha256)
        .where(_run_file.c.run == number, _run_file.c.kind == kind)
        .order_by(_run_file.c.path)
    )
    digests = dict(tuple(row) for row in connection.execute(asked))
    for path in digests:
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(read_file(connection, number, kind, path))
    return digests
