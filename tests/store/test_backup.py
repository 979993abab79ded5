"""Backups: what goes back is what was kept, whichever database it came from and goes to; what is damaged is refused."""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path
from zipfile import ZipFile

import polars as pl
import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from crosscheck.cli import main
from crosscheck.errors import StoreError
from crosscheck.store.backup import back_up, restore
from crosscheck.store.database import Store, connect, open_store, state_of, versions
from crosscheck.store.doctor import diagnose
from crosscheck.store.runs import delete_run, export_run, list_runs
from crosscheck.store.tables import Kept
from tests.store.conftest import SmallRun
from tests.store.test_runs import counts as counts_of
from tests.store.test_runs import digests, run_in


def counts(store: Store) -> dict[str, int]:
    return counts_of(store, sorted(Kept.metadata.tables))


def test_what_goes_back_is_what_was_kept(kept: Store, empty_url: str, small_run: SmallRun, tmp_path: Path) -> None:
    """From each kind of store into each: the backup of what was restored has the same bytes."""
    written = back_up(kept, tmp_path / "first.zip")
    assert written.rows == counts(kept)
    url = empty_url.replace("store.db", "other.db")
    with connect(url, create=True) as other:
        assert restore(tmp_path / "first.zip", other) == written
    with open_store(url) as other:
        back_up(other, tmp_path / "second.zip")
        assert not any(diagnose(other).values())
        assert list_runs(other) == list_runs(kept)
        export_run(other, run_in(other), tmp_path / "run")
        with pytest.raises(StoreError), other.writing() as connection:
            connection.execute(sa.text("INSERT INTO answer (run, org_code, question_id, item) VALUES (1, 'R', 'q', 1)"))
    assert (tmp_path / "second.zip").read_bytes() == (tmp_path / "first.zip").read_bytes()
    assert digests(tmp_path / "run") == digests(small_run.folder)


def test_a_backup_is_of_one_moment(kept: Store, kept_url: str) -> None:
    count = sa.text("SELECT count(*) FROM answer")
    with kept.reading(one_moment=True) as connection, open_store(kept_url) as other:
        before = connection.scalar(count)
        delete_run(other, run_in(other))
        assert connection.scalar(count) == before > 0
    assert counts(kept)["answer"] == 0


@pytest.fixture
def backup(kept: Store, tmp_path: Path) -> Path:
    back_up(kept, tmp_path / "kept.zip")
    return tmp_path / "kept.zip"


def refusal(backup: Path, url: str) -> str:
    """What is said of a backup that does not go in; the store keeps nothing of it."""
    with connect(url, create=True) as store:
        with pytest.raises(StoreError) as refused:
            restore(backup, store)
        if state_of(store) is not None:
            assert set(counts(store).values()) == {0}
    return str(refused.value)


@pytest.mark.parametrize("kept_url", ["sqlite"], indirect=True)
def test_a_damaged_backup_is_named_and_refused(backup: Path, empty_url: str, tmp_path: Path) -> None:
    url, whole = empty_url.replace("store.db", "other.db"), backup.read_bytes()
    with ZipFile(backup) as read:
        places = {info.filename: info.header_offset + 100 for info in read.infolist()}
    for name in ("answer/00001.parquet", "blob/00003.parquet", "run/00001.parquet"):
        altered = bytearray(whole)
        altered[places[name]] ^= 1
        backup.write_bytes(altered)
        assert f"is damaged: {name}" in refusal(backup, url)
    for content in (whole[: len(whole) // 2], whole[:-1], b"", b"a note"):
        backup.write_bytes(content)
        assert "is damaged or no backup" in refusal(backup, url)


@pytest.mark.parametrize("kept_url", ["sqlite"], indirect=True)
def test_a_backup_that_lacks_a_part_or_comes_from_the_future_is_refused(
    backup: Path, empty_url: str, tmp_path: Path
) -> None:
    url = empty_url.replace("store.db", "other.db")
    for what, words in (("part", "is damaged: answer/00001.parquet"), ("version", "made by a newer crosscheck")):
        other = tmp_path / f"{what}.zip"
        with ZipFile(backup) as read, ZipFile(other, "w") as written:
            for name in read.namelist():
                content = read.read(name)
                if what == "version" and name == "backup.json":
                    content = json.dumps(json.loads(content) | {"version": "9999"}).encode()
                if (what, name) != ("part", "answer/00001.parquet"):
                    written.writestr(name, content)
        assert words in refusal(other, url)


@pytest.mark.parametrize("kept_url", ["sqlite"], indirect=True)
def test_a_backup_with_a_table_that_was_taken_away_since_is_restored_without_it(
    kept: Store, backup: Path, empty_url: str, tmp_path: Path
) -> None:
    sheets, other = io.BytesIO(), tmp_path / "of_version_0005.zip"
    pl.DataFrame({"run": [1], "first": ["5A1"], "last": ["5A6"], "content": [b"rows"]}).write_parquet(sheets)
    part = {"name": "sheet/00001.parquet", "table": "sheet", "rows": 1}
    part |= {"sha256": hashlib.sha256(sheets.getvalue()).hexdigest()}
    with ZipFile(backup) as read, ZipFile(other, "w") as written:
        for name in read.namelist():
            if name != "backup.json":
                written.writestr(name, read.read(name))
        contents = json.loads(read.read("backup.json"))
        written.writestr(part["name"], sheets.getvalue())
        written.writestr("backup.json", json.dumps(contents | {"version": "0005", "parts": [*contents["parts"], part]}))
    with connect(empty_url.replace("store.db", "older.db"), create=True) as store:
        restore(other, store)
        assert state_of(store) == versions()[-1]
        assert counts(store) == counts(kept)


def test_a_store_that_keeps_something_is_not_restored_over(kept: Store, tmp_path: Path) -> None:
    before = back_up(kept, tmp_path / "kept.zip").rows
    with pytest.raises(StoreError, match="keeps something already"):
        restore(tmp_path / "kept.zip", kept)
    assert counts(kept) == before
    with pytest.raises(StoreError, match="is there already"):
        back_up(kept, tmp_path / "kept.zip")


def test_a_restore_that_is_broken_off_leaves_nothing(
    backup: Path, empty_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_off(_connection: object) -> None:
        raise KeyboardInterrupt

    url = empty_url.replace("store.db", "other.db")
    monkeypatch.setattr("crosscheck.store.backup._continue_numbers", break_off)
    with connect(url, create=True) as store:
        with pytest.raises(KeyboardInterrupt):
            restore(backup, store)
        assert set(counts(store).values()) == {0}
        monkeypatch.undo()
        assert restore(backup, store).rows == counts(store)


def test_the_commands_say_what_they_wrote(kept: Store, kept_url: str, empty_url: str, tmp_path: Path) -> None:
    file, url = str(tmp_path / "kept.zip"), empty_url.replace("store.db", "other.db")
    for arguments, words in (
        (["backup", file, "--store", kept_url], "FILE   "),
        (["restore", file, "--store", url], "STORE  "),
        (["doctor", "--store", url], "well   contents"),
    ):
        told = CliRunner().invoke(main, ["store", *arguments])
        assert told.exit_code == 0, told.output
        assert words in told.output
    told = CliRunner().invoke(main, ["store", "backup", file, "--store", kept_url])
    assert told.exit_code == StoreError.exit_code
