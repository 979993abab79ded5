"""Runs that are kept: whole or not at all, known again, given back byte for byte, and never changed."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import polars as pl
import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from crosscheck import settings
from crosscheck.cli import main
from crosscheck.errors import StoreError, UnknownNameError
from crosscheck.store.database import Store
from crosscheck.store.runs import (
    delete_run,
    export_run,
    export_sources,
    find_run,
    list_runs,
    read_dossier_rows,
    save_run,
    show_run,
)
from crosscheck.store.triggers import GUARDS

TABLES = sorted(name for name, guard in GUARDS.items() if guard in ("kept", "sealed"))  # others have tests of their own


def digests(folder: Path) -> dict[str, str]:
    files = (file for file in folder.rglob("*") if file.is_file())
    return {file.relative_to(folder).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def counts(store: Store) -> dict[str, int]:
    with store.reading() as connection:
        return {name: connection.scalar(sa.text(f'SELECT count(*) FROM "{name}"')) for name in TABLES}  # noqa: S608


@pytest.fixture
def run_id(store: Store, national_run: Path, collection_folder: Path) -> str:
    return save_run(store, national_run, collection_folder, settings.home()).run_id


def test_a_run_comes_back_byte_for_byte_with_all_it_rests_on_and_goes_without_a_trace(
    store: Store, run_id: str, national_run: Path, collection_folder: Path, tmp_path: Path
) -> None:
    export_run(store, run_id, tmp_path / "run")
    assert digests(tmp_path / "run") == digests(national_run)

    export_sources(store, run_id, tmp_path / "sources")
    manifest = json.loads((national_run / "manifest.json").read_text(encoding="utf-8"))
    written = digests(tmp_path / "sources")
    assert written.pop("sources.json")
    assert written == manifest["sources"]

    assert find_run(store, manifest["fingerprint"]) == run_id
    assert [run["run_id"] for run in list_runs(store)] == [run_id]
    assert show_run(store, run_id[:4])["counts"] == manifest["counts"]
    assert save_run(store, national_run, collection_folder, settings.home()).is_new is False

    rows = read_dossier_rows(store, run_id, "5E0")
    findings = pl.read_parquet(national_run / "findings.parquet").filter(pl.col("org_code") == "5E0")
    asked = findings.filter(pl.col("verdict").is_in(["differs", "cannot_tell"]))
    assert {(row["function"], row["check_id"]) for row in rows["finding"]} == set(
        asked.select("function", "check_id").iter_rows()
    )
    agreeing = findings.filter(pl.col("verdict") == "agrees").height
    assert sum(row["agrees"] for row in rows["listing"]) == agreeing > 0
    parts = pl.read_parquet(national_run / "parts.parquet").filter(pl.col("org_code") == "5E0").drop("org_code")
    assert rows["parts"] == parts.to_dicts()

    delete_run(store, run_id)
    assert set(counts(store).values()) == {0}
    with pytest.raises(UnknownNameError, match="none begins so"):
        show_run(store, run_id)


def test_nothing_of_a_kept_run_can_be_changed_added_or_taken_away(store: Store, run_id: str) -> None:
    before = counts(store)
    assert min(count for name, count in before.items() if name != "problem") > 0
    rows = [name for name in TABLES if name not in ("run", "blob")]
    changes = dict.fromkeys(rows, "run = 2") | {"blob": "size = 0", "run": "number = 2"}
    filled = [name for name in TABLES if before[name]]
    statements = [f'UPDATE "{name}" SET {changes[name]}' for name in filled]  # noqa: S608
    statements += [f'DELETE FROM "{name}"' for name in filled if name in rows]  # noqa: S608
    statements += ["DELETE FROM blob"]
    statements += ["INSERT INTO score (run, org_code, indicator, band) VALUES (1, 'RXX', 'new', 'as_expected')"]
    if store.is_sqlite:
        statements += ["INSERT OR REPLACE INTO blob SELECT * FROM blob", "INSERT OR REPLACE INTO run SELECT * FROM run"]
    else:
        statements += [f'TRUNCATE "{name}" CASCADE' for name in TABLES]
        statements += ["INSERT INTO blob SELECT * FROM blob ON CONFLICT (sha256) DO UPDATE SET size = 0"]
    for statement in statements:
        with pytest.raises(StoreError), store.writing() as connection:
            connection.execute(sa.text(statement))
    assert counts(store) == before


def test_a_save_that_is_broken_off_leaves_nothing(
    store: Store, national_run: Path, collection_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_off(_manifest: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("crosscheck.store.runs._describe", break_off)
    with pytest.raises(KeyboardInterrupt):
        save_run(store, national_run, collection_folder, settings.home())
    assert set(counts(store).values()) == {0}
    monkeypatch.undo()
    assert save_run(store, national_run, collection_folder, settings.home()).is_new


def test_a_run_whose_sources_have_changed_is_not_saved(
    store: Store, national_run: Path, collection_folder: Path, tmp_path: Path
) -> None:
    moved = shutil.copytree(collection_folder, tmp_path / "moved")
    with (moved / "answers.csv").open("a") as answers:
        answers.write("\n")
    (moved / "visits.csv").unlink()
    with pytest.raises(StoreError) as refused:
        save_run(store, national_run, moved, settings.home())
    assert "answers.csv: has changed since the run was made" in str(refused.value)
    assert "visits.csv: is not there" in str(refused.value)
    assert set(counts(store).values()) == {0}


def test_a_second_command_recognises_the_run_and_gives_it_back(tmp_path: Path, collection_folder: Path) -> None:
    def run(*options: str) -> str:
        arguments = ["run", str(collection_folder), "--year", "2008/09", "--store", str(tmp_path / "runs.db"), *options]
        told = CliRunner().invoke(main, arguments)
        assert told.exit_code == 0, told.output
        return told.output

    assert "KEPT   run" in run("--out", str(tmp_path / "first"))
    assert "Not made again" in run("--out", str(tmp_path / "second"))
    assert digests(tmp_path / "second") == digests(tmp_path / "first")
    assert "KEPT   run" in run("--out", str(tmp_path / "third"), "--seed", "2010")
    listed = CliRunner().invoke(main, ["runs", "list", "--store", str(tmp_path / "runs.db"), "--format", "json"])
    assert len(json.loads(listed.output)) == 2
