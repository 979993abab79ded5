"""Every fault that can be made is found, named, and comes with what to do."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from crosscheck.cli import main
from crosscheck.errors import StoreError
from crosscheck.store.database import Store, migrate
from crosscheck.store.doctor import Fault, diagnose, repair
from tests.store.test_runs import counts


def tamper(store: Store, *statements: str) -> None:
    """Do what no trigger and no foreign key would let anybody do, as one can who owns the database."""
    if not store.is_sqlite:
        with store.engine.begin() as connection:
            for statement in ("SET LOCAL session_replication_role = replica", *statements):
                connection.execute(sa.text(statement))
        return
    with sqlite3.connect(store.name) as file:
        triggers = file.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for statement in (*(f"DROP TRIGGER {name}" for name, _ in triggers), *statements):
            file.execute(statement)
        for _, sql in triggers:
            file.execute(sql)
    file.close()


def ailments(store: Store) -> dict[str, list[Fault]]:
    return {looked_at: found for looked_at, found in diagnose(store).items() if found}


def test_a_sound_store_is_well(kept: Store) -> None:
    assert ailments(kept) == {}


# ruff: noqa: S608  # statements of our own
ONE = "(SELECT min(sha256) FROM run_file WHERE kind = 'output' AND path = 'findings.csv')"


@pytest.mark.parametrize(
    ("statement", "looked_at", "words"),
    [
        (f"UPDATE blob SET content = CONTENT WHERE sha256 = {ONE}", "contents", "findings.csv of run "),
        (f"DELETE FROM blob WHERE sha256 = {ONE}", "references", "1 rows of run_file refer to a blob"),
        ("DELETE FROM run_file WHERE path = 'scores.csv'", "files of runs", "lacks scores.csv"),
        ("DELETE FROM run_file WHERE path = 'manifest.json'", "files of runs", "lacks its manifest.json"),
        (f"UPDATE run_file SET sha256 = {ONE} WHERE path = 'scores.csv'", "files of runs", "lacks scores.csv"),
        (
            "UPDATE answer SET run = 7 WHERE org_code = (SELECT min(org_code) FROM answer)",
            "references",
            "rows of answer",
        ),
        ("DELETE FROM run", "references", "rows of listing refer to a run that is not there"),
        ("UPDATE run SET saved_at = '2199-01-01 00:00:00.000000'", "clock", "00:00 UTC on 1 January 2199"),
        (f"INSERT INTO blob SELECT '{'0' * 64}', 1, content FROM blob LIMIT 1", "contents", "no run's file"),
    ],
)
def test_every_fault_is_named_with_what_to_do(kept: Store, statement: str, looked_at: str, words: str) -> None:
    tamper(kept, statement.replace("CONTENT", "x'78'" if kept.is_sqlite else "'x'::bytea"))
    found = ailments(kept)
    assert words in " ".join(ailment.what for ailment in found[looked_at])
    assert all(ailment.remedy for each in found.values() for ailment in each)


def test_what_belongs_to_no_run_is_taken_away_and_nothing_else(kept: Store, kept_url: str) -> None:
    before = counts(kept)
    tamper(kept, "DELETE FROM run_file WHERE kind = 'source' AND path LIKE 'rules/%'")
    orphans = before["run_file"] - counts(kept)["run_file"]
    assert f"{orphans} contents" in ailments(kept)["orphans"][0].what
    assert repair(kept) == orphans > 0
    assert counts(kept)["blob"] == before["blob"] - orphans
    assert "orphans" not in ailments(kept)
    told = CliRunner().invoke(main, ["store", "doctor", "--mend", "--store", kept_url])
    assert "are gone: 0" in told.output
    assert "WRONG  files of runs" in told.output  # the run still lacks them: mending takes away, it makes nothing up
    assert told.exit_code == 1


def test_a_trigger_that_is_gone_switched_off_or_altered_is_named(kept: Store) -> None:
    on = "" if kept.is_sqlite else " ON blob"
    changes = [f"DROP TRIGGER blob_no_update{on}"]
    if not kept.is_sqlite:
        changes.append("ALTER TABLE run DISABLE TRIGGER run_no_update")
        changes.append("DROP TRIGGER audit_no_update ON audit")
        changes.append(
            "CREATE TRIGGER audit_no_update BEFORE UPDATE OF what ON audit FOR EACH STATEMENT "
            "EXECUTE FUNCTION crosscheck_refuse('what is kept in audit may not be changed')"
        )
        harmless = "BEGIN RETURN NULL; END"
        changes.append(
            f"CREATE OR REPLACE FUNCTION crosscheck_refuse_sealed() RETURNS trigger LANGUAGE plpgsql AS '{harmless}'"
        )
    with kept.writing() as connection:
        for change in changes:
            connection.execute(sa.text(change))
    found = ailments(kept)["triggers"][0]
    wanted = [
        "blob_no_update",
        *([] if kept.is_sqlite else ["run_no_update", "audit_no_update", "crosscheck_refuse_sealed"]),
    ]
    assert all(name in found.what for name in wanted)
    migrate(kept, "head")
    assert ailments(kept) == {}


def test_a_trail_that_was_altered_is_named(kept: Store) -> None:
    tamper(kept, "UPDATE audit SET who = 'Ben' WHERE seq = 1")
    assert [one.what for one in ailments(kept)["audit trail"]] == ["row 1 was altered"]


@pytest.mark.parametrize("change", ["9999", "0000"])
def test_another_version_is_named_and_nothing_else_looked_at(kept: Store, change: str) -> None:
    with kept.writing() as connection:
        connection.execute(sa.text(f"UPDATE alembic_version SET version_num = '{change}'"))
    found = diagnose(kept)
    assert found.keys() == {"version"}
    assert f"is {change}" in found["version"][0].what


def broken_in_the_middle(file: Path) -> None:
    with file.open("r+b") as pages:
        pages.seek(file.stat().st_size // 2)
        pages.write(b"?" * 20_000)


def cut_short(file: Path) -> None:
    with file.open("r+b") as pages:
        pages.truncate(file.stat().st_size - 40_960)


@pytest.mark.parametrize("kept_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("damage", [broken_in_the_middle, cut_short])
def test_a_damaged_file_is_named(kept_url: str, damage: Callable[[Path], None]) -> None:
    damage(Path(kept_url))
    told = CliRunner().invoke(main, ["store", "doctor", "--store", kept_url])
    assert told.exit_code in (1, StoreError.exit_code)
    assert "WRONG  file" in told.output or "is damaged" in told.output
    assert "from a backup" in told.output


@pytest.mark.parametrize("kept_url", ["sqlite"], indirect=True)
def test_a_disk_that_is_nearly_full_is_named(kept: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crosscheck.store.doctor.shutil", SimpleNamespace(disk_usage=lambda _: SimpleNamespace(free=5)))
    assert "0 MB are free" in ailments(kept)["free disk"][0].what
