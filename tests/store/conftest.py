"""A store of each kind: a file of SQLite, and a database in a PostgreSQL server of our own."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import polars as pl
import pytest
import sqlalchemy as sa

from crosscheck.store.database import Store, open_store
from crosscheck.store.runs import insert_bulk
from crosscheck.store.tables import Listing, Run

_PORT = 5433  # of a socket in a folder of our own, so it is nobody else's
_QUICK = "-c fsync=off -c synchronous_commit=off -c full_page_writes=off"


def _programs() -> Path | None:
    """Where Debian keeps the server's programs, the newest first, or where the search path has them."""
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name), reverse=True)
    found = shutil.which("initdb")
    return next(iter(installed), Path(found).parent if found else None)


def _as_server(*command: object) -> None:
    """Run one of the server's programs; it refuses to be run by root, so then as the user that Debian makes for it."""
    other = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    subprocess.run([*other, *map(str, command)], check=True, stdout=subprocess.DEVNULL, cwd="/")


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The address of a server without the name of a database; it has a database `empty` and one `made`, to copy."""
    programs = _programs()
    if programs is None:
        pytest.skip("there is no PostgreSQL server: apt-get install postgresql")
    with tempfile.TemporaryDirectory(prefix="crosscheck-pg-") as name:
        folder = Path(name)
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres")
        _as_server(
            programs / "initdb", "-D", folder / "data", "-A", "trust", "-U", "postgres", "--no-sync", "-E", "UTF8"
        )
        listens = f"-c listen_addresses='' -c unix_socket_directories={folder} -p {_PORT} {_QUICK}"
        log = folder / "log"
        _as_server(programs / "pg_ctl", "-D", folder / "data", "-w", "-s", "-l", log, "-o", listens, "start")
        try:
            yield f"postgresql://postgres@/DATABASE?host={folder}&port={_PORT}"
        finally:
            _as_server(programs / "pg_ctl", "-D", folder / "data", "-w", "-s", "-m", "immediate", "stop")


def _ask(address: str, statement: str) -> None:
    import psycopg

    with psycopg.connect(address.replace("DATABASE", "postgres"), autocommit=True) as connection:
        connection.execute(statement)


@pytest.fixture(scope="session")
def template(postgresql: str) -> str:
    """A database at the newest version, to copy: quicker than to make it each time."""
    _ask(postgresql, "CREATE DATABASE made")
    with open_store(postgresql.replace("DATABASE", "made"), create=True):
        pass
    return "made"


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of an empty database of each kind."""
    if request.param == "sqlite":
        yield str(tmp_path / "store.db")
        return
    address = request.getfixturevalue("postgresql")
    name = f"t{uuid4().hex}"
    _ask(address, f"CREATE DATABASE {name}")
    yield address.replace("DATABASE", name)
    _ask(address, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a store of each kind, of the newest version and without a run."""
    if request.param == "sqlite":
        with open_store(str(tmp_path / "store.db"), create=True):
            pass
        yield str(tmp_path / "store.db")
        return
    address, made = request.getfixturevalue("postgresql"), request.getfixturevalue("template")
    name = f"t{uuid4().hex}"
    _ask(address, f"CREATE DATABASE {name} TEMPLATE {made}")
    yield address.replace("DATABASE", name)
    _ask(address, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    """The same, open."""
    with open_store(store_url) as opened:
        yield opened


@pytest.fixture(scope="session")
def small_round(tmp_path_factory: pytest.TempPathFactory, collection_folder: Path) -> tuple[Path, Path]:
    """A run of a few organisations and the collection that it read; nobody may write into them."""
    from click.testing import CliRunner

    from crosscheck.cli import main
    from tests.store.rounds import cut_collection

    folder = tmp_path_factory.mktemp("round")
    collection = cut_collection(collection_folder, folder / "collection")
    asked = ["run", str(collection), "--year", "2008/09", "--capacity", "6", "--out", str(folder / "run")]
    told = CliRunner().invoke(main, asked)
    assert told.exit_code == 0, told.output
    return folder / "run", collection


@pytest.fixture
def round_id(store: Store, small_round: tuple[Path, Path]) -> str:
    """The small run, kept in a store of each kind."""
    from crosscheck import settings
    from crosscheck.store.runs import save_run

    return save_run(store, *small_round, settings.home()).run_id


RUN_ID = "7bf1c3a2b4d5e6f7"
SMALL = [(f"R{number:02}", function) for number in range(10) for function in ("commissioner", "provider")]


@pytest.fixture
def small_run(store: Store) -> str:
    """A run of twenty declarations in the store, without its files: quick to make, enough to decide about."""
    said = dict.fromkeys(("name", "org_type", "region", "declared", "reason"), "so it is") | {"run": 1, "risk": 0.5}
    ranges = ("risk_low", "risk_high", "rank_low", "rank_high", "decibans")
    counts = dict.fromkeys((*ranges, "flags", "unknowns", "agrees", "differs", "cannot_tell", "not_applicable"), 1)
    rows = [
        {**said, **counts, "org_code": org_code, "function": function, "rank": rank}
        for rank, (org_code, function) in enumerate(SMALL, 1)
    ]
    identity = dict.fromkeys(
        ("standard", "year", "crosscheck", "inputs", "rules", "models", "options", "code"), "as it was"
    )
    with store.writing() as connection:
        insert_bulk(connection, Listing, pl.DataFrame(rows))
        whole = {"number": 1, "run_id": RUN_ID, "fingerprint": RUN_ID * 4, "saved_at": datetime.now(UTC), "summary": {}}
        connection.execute(sa.insert(Run).values(**identity, **whole))
    return RUN_ID
