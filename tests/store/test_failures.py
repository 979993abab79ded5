"""Disks that are full, folders that may not be written, databases that go away: said in words, and nothing lost."""

from __future__ import annotations

import ctypes
import os
import re
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from crosscheck.cli.run import _keep
from crosscheck.errors import StoreError
from crosscheck.store.database import Store, open_store
from crosscheck.store.doctor import diagnose
from crosscheck.store.runs import delete_run, list_runs
from crosscheck.store.save import _describe
from tests.postgres import Server
from tests.store.conftest import SmallRun
from tests.store.test_runs import counts, digests

_DROP_FROM_BOUNDS, _MAY_WRITE_ANYWHERE = 24, 1  # prctl: PR_CAPBSET_DROP, CAP_DAC_OVERRIDE
sqlite_only = pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)


def save(run: SmallRun, url: str, condition: Callable[[], object]) -> str:
    """What the command says that saves a run under a condition that makes it end with 10; the run is as it was."""
    before = digests(run.folder)
    command = [sys.executable, "-m", "crosscheck", "runs", "save", str(run.folder), "--store", url]
    told = subprocess.run(command, capture_output=True, text=True, preexec_fn=condition, check=False)
    assert told.returncode == StoreError.exit_code, told.stderr
    assert "Traceback" not in told.stderr
    assert digests(run.folder) == before
    return told.stderr


def assert_sound_and_empty(url: str) -> None:
    with open_store(url) as store:
        assert set(counts(store).values()) == {0}
        assert not any(diagnose(store).values())


def as_one_who_may_not_write_anywhere() -> None:
    """Root may write whatever the rights say, unless that is taken from the process."""
    if os.geteuid() == 0:
        ctypes.CDLL(None).prctl(_DROP_FROM_BOUNDS, _MAY_WRITE_ANYWHERE, 0, 0, 0)


@sqlite_only
def test_a_disk_that_fills_up_loses_nothing(store_url: str, small_run: SmallRun) -> None:
    room = Path(store_url).stat().st_size + 200_000
    told = save(small_run, store_url, lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (room, room)))
    assert "Make room and do it again; nothing was written." in told
    assert_sound_and_empty(store_url)


@sqlite_only
@pytest.mark.parametrize("what", ["file", "folder"])
def test_what_may_not_be_written_is_left_as_it_is(store_url: str, small_run: SmallRun, what: str) -> None:
    place = Path(store_url) if what == "file" else Path(store_url).parent
    rights = place.stat().st_mode
    place.chmod(rights & ~0o222)
    try:
        told = save(small_run, store_url, as_one_who_may_not_write_anywhere)
    finally:
        place.chmod(rights)
    assert "Check" in told
    assert "may" in told
    assert_sound_and_empty(store_url)


@pytest.mark.parametrize("store_url", ["postgresql"], indirect=True)
def test_a_server_that_stops_in_the_middle_keeps_nothing_half(
    store: Store, store_url: str, server: Server, small_run: SmallRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop_the_server(manifest: dict[str, object]) -> dict[str, object]:
        server.stop()
        return _describe(manifest)

    monkeypatch.setattr("crosscheck.store.save._describe", stop_the_server)
    try:
        with pytest.raises(StoreError, match=r"went away in the middle.*Nothing was written"):
            small_run.save(store)
    finally:
        server.start()
    assert_sound_and_empty(store_url)
    monkeypatch.undo()
    assert small_run.save(store)


def test_the_rights_that_the_documentation_gives_are_enough_and_no_more(server: Server, small_run: SmallRun) -> None:
    """The two blocks of SQL in docs/store.md, run as they stand."""
    text = (Path(__file__).parents[2] / "docs" / "store.md").read_text(encoding="utf-8")
    roles, rights = (re.sub(r"--.*", "", block) for block in re.findall(r"```sql\n(.*?)```", text, re.DOTALL))
    for statement in filter(str.strip, roles.split(";")):
        server.ask(statement)
    owner, writer, reader = (
        server.url("crosscheck").replace("//postgres@", f"//{role}@")
        for role in ("crosscheck_owner", "crosscheck", "crosscheck_reader")
    )
    with open_store(owner, create=True):
        server.ask(rights, "crosscheck")
    with open_store(writer) as store:
        run_id = small_run.save(store)
        for statement in ("UPDATE run SET year = '2009/10'", "TRUNCATE answer", "DROP TRIGGER run_no_update ON run"):
            with pytest.raises(StoreError, match=r"permission denied|must be owner"), store.writing() as connection:
                connection.exec_driver_sql(statement)
        assert delete_run(store, run_id) == small_run.save(store)
    with open_store(reader) as store:
        assert [run.run_id for run in list_runs(store)] == [run_id]
        with pytest.raises(StoreError, match="permission denied"):
            delete_run(store, run_id)


def test_who_has_to_wait_too_long_is_told(store_url: str, small_run: SmallRun, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crosscheck.store.database._WAIT_MS", 100)
    with open_store(store_url) as first, open_store(store_url) as second:
        with first.writing(), pytest.raises(StoreError, match="another program has been writing"):
            small_run.save(second)
        assert small_run.save(second)


def test_a_run_that_could_not_be_kept_says_where_it_lies(small_run: SmallRun, tmp_path: Path) -> None:
    (tmp_path / "notes.db").write_text("a note " * 1000, encoding="utf-8")
    with pytest.raises(StoreError) as refused:
        _keep(str(tmp_path / "notes.db"), small_run.folder, small_run.collection)
    assert f"Save it later: crosscheck runs save {small_run.folder}" in str(refused.value)
