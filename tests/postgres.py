"""A PostgreSQL server of our own, in a folder that goes away with it: for the tests and for the benchmarks."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

_PORT = 5433  # of a socket in a folder of our own, so it is nobody else's
QUICK = "-c fsync=off -c synchronous_commit=off -c full_page_writes=off"


@dataclass(frozen=True)
class Server:
    """A server that runs; `folder` holds its socket, its data and its log."""

    folder: Path
    options: str

    def url(self, database: str) -> str:
        return f"postgresql://postgres@/{database}?host={self.folder}&port={_PORT}"

    def ask(self, statement: str, database: str = "postgres") -> None:
        import psycopg

        with psycopg.connect(self.url(database), autocommit=True) as connection:
            connection.execute(statement)  # type: ignore[arg-type]  # statements of our own

    @contextmanager
    def database(self, template: str = "template1") -> Iterator[str]:
        """The address of a new database, a copy of another, for as long as the block lasts."""
        name = f"t{uuid4().hex}"
        self.ask(f"CREATE DATABASE {name} TEMPLATE {template}")
        try:
            yield self.url(name)
        finally:
            self.ask(f"DROP DATABASE {name} WITH (FORCE)")

    def start(self) -> None:
        listens = f"-c listen_addresses='' -c unix_socket_directories={self.folder} -p {_PORT} {self.options}"
        _as_server(_programs() / "pg_ctl", *self._data, "-w", "-s", "-l", self.folder / "log", "-o", listens, "start")

    def stop(self) -> None:
        """Stop it at once, as if the power had gone."""
        _as_server(_programs() / "pg_ctl", *self._data, "-w", "-s", "-m", "immediate", "stop")

    @property
    def _data(self) -> tuple[object, ...]:
        return "-D", self.folder / "data"


def is_there() -> bool:
    """Whether the server's programs are installed."""
    return any(_places())


@contextmanager
def server(options: str = QUICK) -> Iterator[Server]:
    """Make a server, start it, and take it away."""
    with tempfile.TemporaryDirectory(prefix="crosscheck-pg-") as name:
        folder = Path(name)
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres")
        made = Server(folder, options)
        quick = ("-A", "trust", "-U", "postgres", "--no-sync", "-E", "UTF8")
        _as_server(_programs() / "initdb", "-D", folder / "data", *quick)
        made.start()
        try:
            yield made
        finally:
            made.stop()


def _places() -> list[Path]:
    """Where Debian keeps the server's programs, the newest first, or where the search path has them."""
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name), reverse=True)
    found = shutil.which("initdb")
    return [*installed, *([Path(found).parent] if found else [])]


def _programs() -> Path:
    return _places()[0]


def _as_server(*command: object) -> None:
    """Run one of the server's programs; it refuses to be run by root, so then as the user that Debian makes for it."""
    other = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    subprocess.run([*other, *map(str, command)], check=True, stdout=subprocess.DEVNULL, cwd="/")
