"""Migrations up and down, on both databases, with data in them; the triggers survive."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from crosscheck import settings
from crosscheck.errors import StoreError
from crosscheck.store.database import Store, connect, migrate, open_store, state_of, versions
from crosscheck.store.runs import list_runs, save_run
from crosscheck.store.tables import Kept
from crosscheck.store.triggers import GUARDS, missing_triggers, release


def test_up_down_and_up_again_with_a_run_in_it(empty_url: str, national_run: Path, collection_folder: Path) -> None:
    with connect(empty_url, create=True) as store:
        assert state_of(store) is None
        for version in versions():
            migrate(store, version)
            assert state_of(store) == version
        saved = save_run(store, national_run, collection_folder, settings.home())
        for version in reversed(versions()):
            migrate(store, version)
            with store.reading() as connection:
                assert missing_triggers(connection) == []
        assert [run["run_id"] for run in list_runs(store)] == [saved.run_id]
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
