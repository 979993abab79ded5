"""Backups: all that a store keeps, in one file that goes back into either database.

The file is a ZIP: `backup.json` says of which version the store was, and the rows and SHA-256 of every part; the parts
are Parquet, some rows of one table each, in the order of its key. Times are text in UTC and JSON is text, so the same
rows make the same bytes whatever database they lie in.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import tempfile
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from zipfile import BadZipFile, ZipFile, ZipInfo

import polars as pl
import sqlalchemy as sa

from crosscheck.errors import StoreError
from crosscheck.store.bulk import insert_rows
from crosscheck.store.database import migrate, state_of, versions
from crosscheck.store.tables import Kept, UtcDateTime
from crosscheck.store.triggers import GUARDS, unsealed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from crosscheck.store.database import Store

CONTENTS: Final = "backup.json"
_FORM: Final = 1
# Tables of older versions that a migration took away, since their rows were made from files that the backup has too.
_TAKEN_AWAY: Final = ("sheet",)
_ROWS: Final = 50_000  # a part; what is held in memory at once
_ROWS_WITH_CONTENTS: Final = 32  # where a row bears a whole file
_TIME: Final = "%Y-%m-%d %H:%M:%S.%f"  # as SQLite keeps it


@dataclass(frozen=True)
class Backup:
    """What a backup holds: the version that its store was of, and how many rows by table."""

    version: str
    rows: dict[str, int]


@dataclass(frozen=True)
class _BackupPart:
    """A file of the backup: some rows of one table, and its SHA-256."""

    name: str
    table: str
    rows: int
    sha256: str


@dataclass(frozen=True)
class _Contents:
    """What a backup says of itself: its form, the version of the tables, and its parts."""

    form: int
    version: str
    parts: tuple[_BackupPart, ...]

    @property
    def parts_to_restore(self) -> tuple[_BackupPart, ...]:
        """The parts whose tables the newest version still has."""
        return tuple(part for part in self.parts if part.table not in _TAKEN_AWAY)


def back_up(store: Store, file: Path) -> Backup:
    """Write all that a store keeps, as it was at one moment; others may go on writing meanwhile.

    Args:
        store: of the version that this program needs.
        file: the place; what is there already is left alone.

    Raises:
        StoreError: there is something at that place, it can't be written, or the database refused. Nothing is left.
    """
    if file.exists():
        raise StoreError(f"{file}: is there already, and a backup is never written over. Name another file.")
    parts: list[_BackupPart] = []
    # One transaction for all tables: parts read at different moments could refer to rows that are not in the backup.
    with _whole(file) as beside, ZipFile(beside, "w") as written, store.reading(one_moment=True) as connection:
        for table in _in_order():
            for number, rows in enumerate(_read_parts(connection, table), start=1):
                name, content = f"{table.name}/{number:05}.parquet", _as_parquet(rows)
                written.writestr(ZipInfo(name), content)
                digest = hashlib.sha256(content).hexdigest()
                parts.append(_BackupPart(name, table.name, rows.height, digest))
        contents = _Contents(_FORM, versions()[-1], tuple(parts))
        written.writestr(ZipInfo(CONTENTS), json.dumps(asdict(contents), indent=1) + "\n")
    return _summed(contents)


def restore(file: Path, store: Store) -> Backup:
    """Put back all that a backup holds, whole or not at all, into a store that keeps nothing yet.

    A backup of an older version goes into tables of that version, and the store is then brought to the newest. Rows of
    a table that the newest no longer has are left out.

    Raises:
        StoreError: the file is damaged or no backup, or of a newer version; the store keeps something; or the database
            refused. No row was written.
    """
    with _opened(file) as read:
        contents = _verify(file, read)
        _make_ready(store, contents.version)
        with store.writing() as connection, unsealed(connection):
            for part in sorted(contents.parts_to_restore, key=_position):
                _insert(connection, part.table, pl.read_parquet(read.read(part.name)))
            _continue_numbers(connection)
    migrate(store, "head")
    return _summed(contents)


def _in_order() -> list[sa.Table]:
    """The tables in the order in which their rows can go in: files, what is sealed, the run, what rests on it."""
    tables = Kept.metadata.sorted_tables
    rank = {"blob": 0, "run": 2}
    return sorted(tables, key=lambda table: rank.get(table.name, 1 if GUARDS[table.name] == "sealed" else 3))


def _position(part: _BackupPart) -> int:
    return [table.name for table in _in_order()].index(part.table)


def _read_parts(connection: sa.Connection, table: sa.Table) -> Iterator[pl.DataFrame]:
    """The rows of a table in the order of its key, so many at a time as memory has room for."""
    bears_files = any(isinstance(column.type, sa.LargeBinary) for column in table.c)
    query = sa.select(table).order_by(*table.primary_key)
    size = _ROWS_WITH_CONTENTS if bears_files else _ROWS
    schema = {column.name: _type_of(column) for column in table.c}
    changing = {
        position: column for position, column in enumerate(table.c) if isinstance(column.type, UtcDateTime | sa.JSON)
    }
    with connection.execution_options(yield_per=size).execute(query) as found:
        for rows in found.partitions():
            yield pl.DataFrame([_as_text(tuple(row), changing) for row in rows], schema, orient="row")


def _as_text(row: tuple[Any, ...], changing: dict[int, sa.Column[Any]]) -> tuple[Any, ...]:
    """A row with its times and its JSON as text."""
    texts = list(row)
    for position in changing:
        value = row[position]
        if value is not None:
            texts[position] = value.strftime(_TIME) if hasattr(value, "strftime") else json.dumps(value)
    return tuple(texts)


def _type_of(column: sa.Column[Any]) -> pl.DataType:
    kinds: list[tuple[type[Any], pl.DataType]] = [
        (sa.Boolean, pl.Boolean()),
        (sa.Integer, pl.Int64()),
        (sa.Float, pl.Float64()),
        (sa.LargeBinary, pl.Binary()),
        (sa.Date, pl.Date()),
    ]
    return next((polars_type for sql_type, polars_type in kinds if isinstance(column.type, sql_type)), pl.String())


def _as_parquet(rows: pl.DataFrame) -> bytes:
    written = io.BytesIO()
    rows.write_parquet(written, compression="zstd", compression_level=3, statistics=False)
    return written.getvalue()


def _insert(connection: sa.Connection, table: str, rows: pl.DataFrame) -> None:
    """Put rows in, with their times as the database keeps them."""
    of_table = Kept.metadata.tables[table]
    times = [
        column.name for column in of_table.c if isinstance(column.type, UtcDateTime) and column.name in rows.columns
    ]
    zone = "" if connection.dialect.name == "sqlite" else "+00:00"
    dates = pl.selectors.date().dt.to_string("iso")
    insert_rows(connection, table, rows.with_columns(pl.col(times) + zone, dates))


def _continue_numbers(connection: sa.Connection) -> None:
    """Let PostgreSQL's own counters go on after the numbers that were put in; SQLite looks at the rows."""
    if connection.dialect.name == "sqlite":
        return
    for table in Kept.metadata.tables.values():
        for column in table.primary_key:
            counter = connection.scalar(
                sa.select(sa.func.pg_get_serial_sequence(sa.literal(f'"{table.name}"'), sa.literal(column.name)))
            )
            if counter and (last := connection.scalar(sa.select(sa.func.max(column)))):
                connection.execute(sa.select(sa.func.setval(sa.literal(counter), last)))


def _make_ready(store: Store, version: str) -> None:
    """See that the store is empty, with tables of the backup's version."""
    if version not in versions():
        raise StoreError(f"The backup was made by a newer crosscheck (version {version}). Nothing was restored.")
    if state_of(store) is not None:
        with store.reading() as connection:
            there = set(sa.inspect(connection).get_table_names()) & Kept.metadata.tables.keys()
            queries = (
                sa.select(sa.literal(1)).select_from(Kept.metadata.tables[name]).limit(1) for name in sorted(there)
            )
            if any(connection.scalar(query) for query in queries):
                raise StoreError(f"{store.name}: keeps something already; a backup goes into an empty store alone.")
    migrate(store, version)


@contextmanager
def _opened(file: Path) -> Iterator[ZipFile]:
    if not file.is_file():
        raise StoreError(f"{file}: there is no such backup.")
    try:
        with ZipFile(file) as read:
            yield read
    except BadZipFile as error:
        raise StoreError(f"{file}: is damaged or no backup ({error}). Nothing was restored; take another.") from error


def _verify(file: Path, read: ZipFile) -> _Contents:
    """The contents, once every part is what was written."""
    names = set(read.namelist())
    if CONTENTS not in names:
        raise StoreError(f"{file}: is no backup of crosscheck. Nothing was restored.")
    stated = json.loads(read.read(CONTENTS))
    if stated["form"] != _FORM:
        raise StoreError(f"{file}: was written by a newer crosscheck. Nothing was restored.")
    contents = _Contents(_FORM, stated["version"], tuple(_BackupPart(**part) for part in stated["parts"]))
    wrong = [part.name for part in contents.parts if part.name not in names or not _is_whole(read, part)]
    if wrong:
        raise StoreError(f"{file}: is damaged: {', '.join(wrong)}. Nothing was restored; take another backup.")
    return contents


def _is_whole(read: ZipFile, part: _BackupPart) -> bool:
    try:
        return hashlib.sha256(read.read(part.name)).hexdigest() == part.sha256
    except BadZipFile:
        return False


@contextmanager
def _whole(file: Path) -> Iterator[Path]:
    """A file beside the place, for its owner alone, moved there when all is written."""
    try:
        handle, name = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)
        os.close(handle)
        try:
            yield Path(name)
            Path(name).rename(file)
        finally:
            Path(name).unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(f"{file}: can't be written ({error.strerror}). Nothing was written.") from error


def _summed(contents: _Contents) -> Backup:
    rows: dict[str, int] = dict.fromkeys(sorted(Kept.metadata.tables), 0)
    for part in contents.parts_to_restore:
        rows[part.table] += part.rows
    return Backup(contents.version, rows)
