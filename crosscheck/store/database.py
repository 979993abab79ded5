"""Opening a store: a file of SQLite, or a database of PostgreSQL, by one URL and with the same promises."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, DBAPIError

from crosscheck.errors import MissingLibraryError, StoreError
from crosscheck.passwords import hide_passwords, passwords_of, readable_address
from crosscheck.store.triggers import missing_triggers

if TYPE_CHECKING:
    from collections.abc import Iterator

_MIGRATIONS: Final = Path(__file__).parent / "migrations"
_VERSION_TABLE: Final = "alembic_version"
_WAIT_MS: Final = 30_000  # SQLite lets whoever asks first in, not whoever waits longest: many writers need patience
_WRITERS: Final = 0xC2_5705E  # PostgreSQL's advisory lock of whoever writes; SQLite has one of its own
_FORMS: Final = "Give a file (runs.db) or a database (postgresql://user@host/name)."


@dataclass(frozen=True)
class Store:
    """A store that is open; `name` is its URL without the password, as people may see it."""

    engine: sa.Engine
    name: str
    passwords: frozenset[str] = field(default=frozenset(), repr=False)

    @property
    def is_sqlite(self) -> bool:
        """Whether it is a file."""
        return self.engine.dialect.name == "sqlite"

    @property
    def option(self) -> str:
        """The option by which a command is told of it, to be copied; the password stays in the environment."""
        return f"--store {self.name}" if self.is_sqlite else '--store "$CROSSCHECK_STORE"'

    @contextmanager
    def reading(self, *, one_moment: bool = False) -> Iterator[sa.Connection]:
        """A transaction that reads.

        Args:
            one_moment: whether all of it must see the store as it was at its beginning; SQLite always does so.

        Raises:
            StoreError: the database refused or went away.
        """
        settled = {"isolation_level": "REPEATABLE READ"} if one_moment and not self.is_sqlite else {}
        with (
            self._explain_errors(),
            self.engine.connect().execution_options(**settled) as connection,
            connection.begin(),
        ):
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """A transaction that writes, whole or not at all; writers wait for one another.

        Raises:
            StoreError: the database refused, is full, may not be written, or went away: nothing was written.
        """
        with (
            self._explain_errors(),
            self.engine.connect().execution_options(writes=True) as connection,
            connection.begin(),
        ):
            if not self.is_sqlite:
                connection.exec_driver_sql(f"SET LOCAL lock_timeout = {_WAIT_MS}")
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_WRITERS})")
            yield connection

    @contextmanager
    def _explain_errors(self) -> Iterator[None]:
        """Say in words what the database refuses; what is sent past SQLAlchemy in bulk is refused by the driver."""
        driver: Any = self.engine.dialect.dbapi
        try:
            yield
        except (DBAPIError, driver.Error) as error:
            raise StoreError(hide_passwords(f"{self.name}: {_words(error)}", self.passwords)) from error
        except OSError as error:
            message = os.strerror(error.errno) if error.errno else error
            raise StoreError(f"{self.name}: {message}. Nothing was written.") from error

    def close(self) -> None:
        """Let go of it."""
        self.engine.dispose()


@contextmanager
def open_store(url: str, *, create: bool = False, unguarded: bool = False) -> Iterator[Store]:
    """Open a store and see that this program can use it.

    Args:
        url: a file, as `runs.db` or `sqlite:///runs.db`, or `postgresql://user:password@host:port/name`.
        create: whether to make the file, and the tables in an empty database, if they are not there yet.
        unguarded: whether to open it although triggers are gone: for those who look what was done meanwhile.

    Raises:
        StoreError: it is not there, is no store, can't be reached or written, is of another version, or lacks triggers.
    """
    with connect(url, create=create) as store:
        if create and state_of(store) is None:
            migrate(store, "head")
        _refuse_other_version(store)
        if not unguarded:
            refuse_unguarded(store)
        yield store


@contextmanager
def connect(url: str, *, create: bool = False) -> Iterator[Store]:
    """Open a store whatever version it is of: for those who move it to another one, or see what ails it.

    Raises:
        StoreError: it is not there or can't be reached.
    """
    address = _read_url(url)
    name = address.database if address.drivername == "sqlite" else hide_passwords(address.render_as_string())
    if address.drivername == "sqlite" and not create:
        _refuse_missing(Path(str(name)))
    store = Store(_engine(address), str(name), frozenset(passwords_of(url)))
    try:
        yield store
    finally:
        store.close()


def state_of(store: Store) -> str | None:
    """The version that a store is of, as `0001`; None if the database is empty.

    Raises:
        StoreError: it holds something else.
    """
    with store.reading() as connection:
        tables = sa.inspect(connection).get_table_names()
        if _VERSION_TABLE in tables and "run" in tables:
            return str(connection.execute(sa.text(f"SELECT version_num FROM {_VERSION_TABLE}")).scalar_one())  # noqa: S608
        if set(tables) <= {_VERSION_TABLE}:
            return None
    raise StoreError(f"{store.name}: is no store of crosscheck; it holds {', '.join(sorted(tables)[:5])}. {_FORMS}")


def versions() -> list[str]:
    """The versions that this program knows, oldest first."""
    return sorted(file.name[:4] for file in (_MIGRATIONS / "versions").glob("[0-9]*.py"))


def migrate(store: Store, to: str) -> None:
    """Move a store up or down to a version, whole or not at all, and make its triggers anew.

    Args:
        store: the store.
        to: a version as `0001`, `head` for the newest, `base` for none.

    Raises:
        StoreError: there is no such version, or the database refused: it is as it was.
    """
    from alembic import command
    from alembic.config import Config

    known = versions()
    if to not in {*known, "head", "base"}:
        raise StoreError(f"There is no version {to} of the store. There are: {', '.join(known)}, head, base.")
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    before = state_of(store) or ""
    up = to == "head" or (to != "base" and to >= before)
    with store.writing() as connection:
        config.attributes["connection"] = connection
        (command.upgrade if up else command.downgrade)(config, to)


def refuse_unguarded(store: Store) -> None:
    """See that all triggers are there.

    Raises:
        StoreError: names those that are not.
    """
    with store.reading() as connection:
        if missing := missing_triggers(connection):
            raise StoreError(
                f"{store.name}: somebody took away what keeps its rows from being changed: {', '.join(missing)}. "
                f"Find out who and why before you trust it; then: crosscheck store upgrade {store.option}"
            )


def _refuse_other_version(store: Store) -> None:
    there, known = state_of(store), versions()
    if there is None:
        raise StoreError(f"{store.name}: is empty. Make its tables: crosscheck store upgrade {store.option}")
    if there not in known:
        raise StoreError(f"{store.name}: was made by a newer crosscheck (version {there}; this knows {known[-1]}).")
    if there != known[-1]:
        raise StoreError(
            f"{store.name}: is of version {there}, and this crosscheck needs {known[-1]}. Keep a copy of it, then: "
            f"crosscheck store upgrade {store.option}"
        )


def _read_url(url: str) -> sa.URL:
    """The URL as SQLAlchemy knows it; whatever is no URL is a file."""
    if "://" not in url:
        if passwords_of(url):  # a file of that name would give the password away to whoever lists the folder
            raise StoreError(f"The store's address can't be read. {_FORMS}")
        return sa.URL.create("sqlite", database=url)
    try:
        address = sa.make_url(readable_address(url))
    except (ArgumentError, ValueError):  # a port that is no number
        raise StoreError(f"The store's address can't be read. {_FORMS}") from None
    if address.drivername in ("postgresql", "postgres", "postgresql+psycopg"):
        if find_spec("psycopg") is None:
            raise MissingLibraryError("PostgreSQL needs the library psycopg: pip install 'crosscheck[postgres]'")
        return address.set(drivername="postgresql+psycopg")
    if address.drivername == "sqlite" and address.database and not address.query:
        return address
    raise StoreError(f"{address.drivername}: is no kind of store. {_FORMS}")


def _refuse_missing(file: Path) -> None:
    if not file.is_file():
        shown = hide_passwords(str(file))
        raise StoreError(
            f"{shown}: there is no store. Make one: crosscheck run COLLECTION --year 2008/09 --store {shown}"
        )


def _engine(address: sa.URL) -> sa.Engine:
    if address.drivername != "sqlite":
        return sa.create_engine(address, connect_args={"connect_timeout": 10})
    engine = sa.create_engine(address)

    @sa.event.listens_for(engine, "connect")
    def settle(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # transactions begin where we say
        for pragma in (f"busy_timeout = {_WAIT_MS}", "journal_mode = WAL", "synchronous = NORMAL", "foreign_keys = ON"):
            connection.execute(f"PRAGMA {pragma}")

    @sa.event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.get_execution_options().get("writes") else "BEGIN")

    return engine


_BUSY: Final = "another program has been writing for more than 30 seconds. Do it again when it has ended."
_RESTED_ON: Final = "something that is kept rests on this, so it stays. Nothing was changed."
_AWAY: Final = "the database went away in the middle. Nothing was written; do it again when it runs."
_REFUSALS: Final = {
    "file is not a database": f"is no store, and no database at all. {_FORMS}",
    "unable to open database file": "can't be opened. Check that its folder is there and that you may write in it.",
    "readonly database": "may not be written. Check the rights on the file and on its folder.",
    "disk I/O error": "the disk refused; it may be full. Make room and do it again; nothing was written.",
    "disk is full": "the disk is full. Make room and do it again; nothing was written.",
    "No space left": "the disk is full. Make room and do it again; nothing was written.",
    "malformed": "is damaged. Restore it from a backup: crosscheck store restore FILE --store STORE",
    "database is locked": _BUSY,
    "lock timeout": _BUSY,
    "FOREIGN KEY constraint failed": _RESTED_ON,
    "violates foreign key constraint": _RESTED_ON,
    "attempt to write": "may not be written. Check the rights on the file and on its folder.",
    "closed the connection": _AWAY,
    "terminating connection": _AWAY,
    "connection is lost": _AWAY,
    "does not exist": "there is no such database or user. Make it first (createdb), or mend the address.",
    "password authentication failed": "user or password is not right.",
    "no password supplied": "a password is needed: postgresql://user:password@host/name, or a ~/.pgpass.",
    "connection failed": "the database does not answer. Check host and port, and that it runs.",
    "connection timeout": "the database does not answer. Check host and port, and that it runs.",
    "could not translate host name": "there is no such host. Mend the address.",
    "failed to resolve host": "there is no such host. Mend the address.",
}


def _words(error: Exception) -> str:
    said = str(error.orig if isinstance(error, DBAPIError) else error)
    return next((words for sign, words in _REFUSALS.items() if sign in said), f"{said.splitlines()[0]}.")
