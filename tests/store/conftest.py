"""A store of each kind: a file of SQLite, and a database in a PostgreSQL server of our own; empty, or with a run."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
import sqlalchemy as sa

from crosscheck import settings
from crosscheck.store.database import Store, open_store
from crosscheck.store.save import insert_bulk, save_run
from crosscheck.store.tables import Listing, Run
from tests import postgres
from tests.conftest import make_once
from tests.few import cut_collection, each_tenth

KINDS = ["sqlite", "postgresql"]
_RUN = "import sys; from crosscheck.cli import main; main(sys.argv[1:], standalone_mode=False); print(*sys.modules)"


@dataclass(frozen=True)
class SmallRun:
    """A run of a tenth of the organisations, the collection it read, and the modules that the command imported."""

    place: Path

    @property
    def folder(self) -> Path:
        return self.place / "run"

    @property
    def collection(self) -> Path:
        return self.place / "collection"

    @property
    def modules(self) -> frozenset[str]:
        return frozenset((self.place / "modules.txt").read_text(encoding="utf-8").split())

    def save(self, store: Store) -> str:
        return save_run(store, self.folder, self.collection, settings.home()).run_id


def make_small_run(place: Path) -> SmallRun:
    """Make a run of a tenth of the embedded collection by the real command, in a process of its own."""
    run = SmallRun(place)
    cut_collection(run.collection, each_tenth())
    arguments = ["run", str(run.collection), "--year", "2008/09", "--out", str(run.folder)]
    told = subprocess.run([sys.executable, "-c", _RUN, *arguments], capture_output=True, text=True, check=True)
    (place / "modules.txt").write_text(told.stdout.splitlines()[-1], encoding="utf-8")
    return run


@pytest.fixture(scope="session")
def small_run(tmp_path_factory: pytest.TempPathFactory) -> SmallRun:
    """Nobody may write into it."""
    return SmallRun(make_once(tmp_path_factory, "small", make_small_run))


@pytest.fixture(scope="session")
def server() -> Iterator[postgres.Server]:
    with postgres.server() as started:
        yield started


class Templates:
    """Stores to copy, since to make one takes longer: `made` is empty, `kept` has the small run in it."""

    def __init__(self, request: pytest.FixtureRequest, folder: Path) -> None:
        self._request, self._folder, self._there = request, folder, set[tuple[str, str]]()

    @contextmanager
    def copy(self, kind: str, name: str, folder: Path) -> Iterator[str]:
        """The address of a copy."""
        if (kind, name) not in self._there:
            self._make(kind, name)
            self._there.add((kind, name))
        if kind == "sqlite":
            yield str(shutil.copy(self._folder / f"{name}.db", folder / "store.db"))
            return
        with self._server().database(name) as url:
            yield url

    def _make(self, kind: str, name: str) -> None:
        if kind == "sqlite":
            url = str(self._folder / f"{name}.db")
        else:
            self._server().ask(f"CREATE DATABASE {name}")
            url = self._server().url(name)
        with open_store(url, create=True) as store:
            if name == "kept":
                self._request.getfixturevalue("small_run").save(store)

    def _server(self) -> postgres.Server:
        return self._request.getfixturevalue("server")


@pytest.fixture(scope="session")
def templates(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Templates:
    return Templates(request, tmp_path_factory.mktemp("templates"))


@pytest.fixture(params=KINDS)
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of an empty database of each kind."""
    if request.param == "sqlite":
        yield str(tmp_path / "store.db")
        return
    with request.getfixturevalue("server").database() as url:
        yield url


@pytest.fixture(params=KINDS)
def store_url(request: pytest.FixtureRequest, templates: Templates, tmp_path: Path) -> Iterator[str]:
    """The address of a store of each kind, of the newest version and without a run."""
    with templates.copy(request.param, "made", tmp_path) as url:
        yield url


@pytest.fixture(params=KINDS)
def kept_url(request: pytest.FixtureRequest, templates: Templates, tmp_path: Path) -> Iterator[str]:
    """The same, with the small run in it."""
    with templates.copy(request.param, "kept", tmp_path) as url:
        yield url


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    """A store of each kind without a run, open."""
    with open_store(store_url) as opened:
        yield opened


@pytest.fixture
def kept(kept_url: str) -> Iterator[Store]:
    """A store of each kind with the small run in it, open."""
    with open_store(kept_url) as opened:
        yield opened


@pytest.fixture(scope="session")
def small_round(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A run of a few organisations and the collection that it read; nobody may write into them."""
    from tests.publication.rounds import make_small_round

    place = make_once(tmp_path_factory, "round", make_small_round)
    return place / "run", place / "collection"


@pytest.fixture
def round_id(store: Store, small_round: tuple[Path, Path]) -> str:
    """The small run, kept in a store of each kind."""
    from crosscheck import settings
    from crosscheck.store.save import save_run

    return save_run(store, *small_round, settings.home()).run_id


RUN_ID = "7bf1c3a2b4d5e6f7"
SMALL = [(f"R{number:02}", function) for number in range(10) for function in ("commissioner", "provider")]


@pytest.fixture
def twenty(store: Store) -> str:
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
