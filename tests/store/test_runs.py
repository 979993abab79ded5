"""Runs that are kept: whole or not at all, known again, given back byte for byte, and never changed."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

import polars as pl
import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from crosscheck import settings
from crosscheck.cli import main
from crosscheck.errors import StoreError, UnknownNameError
from crosscheck.runs.run_folder import read_table
from crosscheck.store.database import Store, open_store
from crosscheck.store.runs import delete_run, export_run, export_sources, find_run, list_runs, show_run
from crosscheck.store.save import save_run
from crosscheck.store.triggers import GUARDS
from tests.store.conftest import SmallRun, Templates

TABLES = sorted(name for name, guard in GUARDS.items() if guard in ("kept", "sealed"))  # others have tests of their own


def digests(folder: Path) -> dict[str, str]:
    files = (file for file in folder.rglob("*") if file.is_file())
    return {file.relative_to(folder).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def counts(store: Store, tables: Iterable[str] = TABLES) -> dict[str, int]:
    with store.reading() as connection:
        return {name: connection.scalar(sa.text(f'SELECT count(*) FROM "{name}"')) for name in tables}  # noqa: S608


def run_in(store: Store) -> str:
    return list_runs(store)[0].run_id


def test_a_run_comes_back_byte_for_byte_with_all_it_rests_on_and_goes_without_a_trace(
    store: Store, national_run: Path, collection_folder: Path, tmp_path: Path
) -> None:
    run_id = save_run(store, national_run, collection_folder, settings.home()).run_id
    export_run(store, run_id, tmp_path / "run")
    assert digests(tmp_path / "run") == digests(national_run)

    export_sources(store, run_id, tmp_path / "sources")
    manifest = json.loads((national_run / "manifest.json").read_text(encoding="utf-8"))
    written = digests(tmp_path / "sources")
    assert written.pop("sources.json")
    assert written == manifest["sources"]

    assert find_run(store, manifest["fingerprint"]) == run_id
    assert [run.run_id for run in list_runs(store)] == [run_id]
    assert asdict(show_run(store, run_id[:4])[1].counts) == manifest["counts"]
    assert save_run(store, national_run, collection_folder, settings.home()).is_new is False

    delete_run(store, run_id)
    assert set(counts(store).values()) == {0}
    with pytest.raises(UnknownNameError, match="none begins so"):
        show_run(store, run_id)


def test_rows_that_are_asked_by_sql_say_what_the_files_say(kept: Store, small_run: SmallRun) -> None:
    findings = read_table(small_run.folder, "findings").group_by(pl.col("verdict").cast(pl.String)).len()
    asked = "SELECT verdict, count(*) FROM finding GROUP BY verdict"
    answered = "SELECT org_code, question_id, item, level, number, absence FROM answer"
    with kept.reading() as connection:
        assert {tuple(row) for row in connection.execute(sa.text(asked))} == {
            (verdict, count) for verdict, count in findings.iter_rows() if verdict in ("differs", "cannot_tell")
        }
        answers = {tuple(row) for row in connection.execute(sa.text(answered))}
    assert answers == set(read_table(small_run.folder, "collection/answers").iter_rows())


def test_nothing_of_a_kept_run_can_be_changed_added_or_taken_away(kept: Store) -> None:
    before = counts(kept)
    assert min(count for name, count in before.items() if name != "problem") > 0
    rows = [name for name in TABLES if name not in ("run", "blob")]
    changes = dict.fromkeys(rows, "run = 2") | {"blob": "size = 0", "run": "number = 2"}
    filled = [name for name in TABLES if before[name]]
    statements = [f'UPDATE "{name}" SET {changes[name]}' for name in filled]  # noqa: S608
    statements += [f'DELETE FROM "{name}"' for name in filled if name in rows]  # noqa: S608
    statements += ["DELETE FROM blob"]
    statements += ["INSERT INTO answer (run, org_code, question_id, item) VALUES (1, 'RXX', 'new', 1)"]
    if kept.is_sqlite:
        statements += ["INSERT OR REPLACE INTO blob SELECT * FROM blob", "INSERT OR REPLACE INTO run SELECT * FROM run"]
    else:
        statements += [f'TRUNCATE "{name}" CASCADE' for name in TABLES]
        statements += ["INSERT INTO blob SELECT * FROM blob ON CONFLICT (sha256) DO UPDATE SET size = 0"]
    for statement in statements:
        with pytest.raises(StoreError), kept.writing() as connection:
            connection.execute(sa.text(statement))
    assert counts(kept) == before


def test_what_rests_on_a_run_keeps_it(kept: Store) -> None:
    with kept.writing() as connection:
        connection.execute(sa.text("CREATE TABLE visit (run INTEGER REFERENCES run (number))"))
        connection.execute(sa.text("INSERT INTO visit VALUES (1)"))
    before = counts(kept)
    with pytest.raises(StoreError, match="something that is kept rests on this"):
        delete_run(kept, run_in(kept))
    assert counts(kept) == before


def test_a_save_that_is_broken_off_leaves_nothing(
    store: Store, small_run: SmallRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_off(_manifest: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("crosscheck.store.save._describe", break_off)
    with pytest.raises(KeyboardInterrupt):
        small_run.save(store)
    assert set(counts(store).values()) == {0}
    monkeypatch.undo()
    assert small_run.save(store)


def test_two_programs_that_save_at_once_wait_for_each_other(store: Store, small_run: SmallRun) -> None:
    with ThreadPoolExecutor(2) as programs:
        saved = [one.result() for one in [programs.submit(small_run.save, store) for _ in range(2)]]
    assert saved[0] == saved[1]
    assert counts(store)["run"] == 1


def test_a_run_whose_sources_have_changed_is_not_saved(store: Store, small_run: SmallRun, tmp_path: Path) -> None:
    moved = shutil.copytree(small_run.collection, tmp_path / "moved")
    with (moved / "answers.csv").open("a") as answers:
        answers.write("\n")
    (moved / "visits.csv").unlink()
    with pytest.raises(StoreError) as refused:
        save_run(store, small_run.folder, moved, settings.home())
    assert "answers.csv: has changed since the run was made" in str(refused.value)
    assert "visits.csv: is not there" in str(refused.value)
    assert set(counts(store).values()) == {0}


def test_a_second_command_recognises_the_run_and_gives_it_back(
    kept_url: str, small_run: SmallRun, tmp_path: Path
) -> None:
    arguments = ["run", str(small_run.collection), "--year", "2008/09", "--store", kept_url]
    told = CliRunner().invoke(main, [*arguments, "--out", str(tmp_path / "second")])
    assert told.exit_code == 0, told.output
    assert "Not made again" in told.output
    assert digests(tmp_path / "second") == digests(small_run.folder)


def test_what_a_run_rests_on_makes_it_again(
    templates: Templates, small_run: SmallRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there, store = tmp_path / "there", str(tmp_path / "again.db")
    with templates.copy("sqlite", "kept", tmp_path) as url, open_store(url) as kept:
        export_sources(kept, run_in(kept), there)
    monkeypatch.setenv("CROSSCHECK_HOME", str(there))
    arguments = ["run", str(there / "collection"), "--year", "2008/09", "--out", str(tmp_path / "again")]
    told = CliRunner().invoke(main, [*arguments, "--store", store])
    assert told.exit_code == 0, told.output
    again, first = digests(tmp_path / "again"), digests(small_run.folder)
    assert again.pop("manifest.json") != first.pop("manifest.json")  # it says where the collection lay, and the seconds
    assert again == first
    with open_store(store) as kept:
        identity = json.loads((small_run.folder / "manifest.json").read_text(encoding="utf-8"))["fingerprint"]
        assert find_run(kept, identity) == run_in(kept)


def test_a_run_without_a_store_touches_no_database(small_run: SmallRun) -> None:
    assert "crosscheck.pipeline" in small_run.modules
    assert {"sqlalchemy", "sqlmodel", "alembic", "crosscheck.store.database"}.isdisjoint(small_run.modules)
