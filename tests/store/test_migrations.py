"""Migrations up and down, on both databases, with data in them; the triggers survive."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from crosscheck.errors import StoreError
from crosscheck.store.database import Store, connect, migrate, open_store, state_of, versions
from crosscheck.store.runs import list_runs
from crosscheck.store.tables import Kept
from crosscheck.store.triggers import GUARDS, missing_triggers, release
from tests.store.conftest import SmallRun


def test_up_down_and_up_again_with_a_run_in_it(empty_url: str, small_run: SmallRun) -> None:
    with connect(empty_url, create=True) as store:
        assert state_of(store) is None
        for version in versions():
            migrate(store, version)
            assert state_of(store) == version
        run_id = small_run.save(store)
        for version in reversed(versions()):
            migrate(store, version)
            with store.reading() as connection:
                assert missing_triggers(connection) == []
        assert [run.run_id for run in list_runs(store)] == [run_id]
        migrate(store, "base")
        assert state_of(store) is None
        migrate(store, "head")
        assert list_runs(store) == []


def test_the_migrations_make_the_tables_that_the_program_means(store: Store) -> None:
    with store.reading() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "target_metadata": Kept.metadata})
        assert compare_metadata(context, Kept.metadata) == []


def test_every_table_is_guarded() -> None:
    assert GUARDS.keys() == Kept.metadata.tables.keys()


def test_a_store_without_a_trigger_is_refused_until_it_is_made_anew(store_url: str) -> None:
    with connect(store_url) as store:
        with store.writing() as connection:
            release(connection)
            assert "run_no_update" in missing_triggers(connection)
        with pytest.raises(StoreError, match="run_no_update"), open_store(store_url):
            pass
        migrate(store, "head")
        with open_store(store_url):
            pass


@pytest.mark.parametrize(
    ("version", "words"), [("9999", "newer crosscheck"), ("0000", "is of version 0000|was made by a newer")]
)
def test_a_store_of_another_version_is_refused(store_url: str, version: str, words: str) -> None:
    with connect(store_url) as store, store.writing() as connection:
        connection.execute(sa.text(f"UPDATE alembic_version SET version_num = '{version}'"))  # noqa: S608
    with pytest.raises(StoreError, match=words), open_store(store_url):
        pass


def test_what_is_no_store_is_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "notes.db").write_text("a note " * 1000, encoding="utf-8")
    for url, words in (
        (tmp_path / "notes.db", "no database at all"),
        (tmp_path / "nowhere.db", "there is no store"),
        ("mysql://host/name", "is no kind of store"),
        ("postgresql://user:secret@127.0.0.1:1/name", "does not answer"),
    ):
        with pytest.raises(StoreError, match=words) as refused, open_store(str(url)):
            pass
        assert "secret" not in str(refused.value)


def test_what_is_appended_can_only_be_added_to(kept: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(GUARDS, "problem", "appended")
    migrate(kept, "head")
    row = "INSERT INTO problem VALUES (1, {}, 'answers', 'answers.csv', NULL, NULL, NULL, 'odd', 'mend', 'converted')"
    with kept.writing() as connection:
        connection.execute(sa.text(row.format(99)))
    refused = ["UPDATE problem SET effect = 'set aside'", "DELETE FROM problem", row.format(99)]
    if kept.is_sqlite:
        refused.append(row.format(99).replace("INSERT", "INSERT OR REPLACE"))
    for statement in refused:
        with pytest.raises(StoreError), kept.writing() as connection:
            connection.execute(sa.text(statement))


def test_a_store_that_needs_a_step_says_how_in_words_that_can_be_copied(store_url: str) -> None:
    with connect(store_url) as store:
        migrate(store, "base")
        option = f"--store {store_url}" if store.is_sqlite else '--store "$CROSSCHECK_STORE"'
    with pytest.raises(StoreError) as refused, open_store(store_url):
        pass
    assert f"crosscheck store upgrade {option}" in str(refused.value)
    assert "***" not in str(refused.value)


def test_the_wheel_holds_the_steps(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, check=True, capture_output=True, cwd=Path(__file__).parents[2])
    with ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        there = {Path(name).name for name in wheel.namelist() if name.startswith("crosscheck/store/migrations/")}
    assert {"env.py", "0001_runs.py"} <= there
