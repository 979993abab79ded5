"""What release 0.1.0 kept stays readable: a store of it with a run and an edition, of which nothing was made up anew.

`former/store-0.1.0.db.xz` was made by that release: one organisation of each type, 17 rules, one edition published.
"""

from __future__ import annotations

import json
import lzma
from pathlib import Path

import polars as pl
import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result

import crosscheck
from crosscheck.cli import main
from crosscheck.errors import StoreError
from crosscheck.publication.replay import replay
from crosscheck.report.difference.difference import COLUMNS, compare_runs
from crosscheck.report.output.rank_bands import find_like_ranks, reach_of_capacity
from crosscheck.runs.run_folder import read_table
from crosscheck.store.backup import back_up, restore
from crosscheck.store.database import Store, connect, migrate, open_store, state_of, versions
from crosscheck.store.doctor import diagnose
from crosscheck.store.runs import export_run, list_runs, show_run
from crosscheck.store.triggers import missing_triggers

KEPT = Path(__file__).parent / "former" / "store-0.1.0.db.xz"
RUN, EDITION, TRUST = "19c2", "2008-09/1", "5E0"


def crosscheck_(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def former_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The store as that release left it."""
    file = tmp_path_factory.mktemp("former") / "store.db"
    file.write_bytes(lzma.decompress(KEPT.read_bytes()))
    return file


@pytest.fixture(scope="module")
def upgraded(former_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("upgraded") / "store.db"
    file.write_bytes(former_file.read_bytes())
    with connect(str(file)) as store:
        migrate(store, "head")
    return file


@pytest.fixture(scope="module")
def former_run(upgraded: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("given_back") / "run"
    with open_store(str(upgraded)) as store:
        export_run(store, RUN, folder)
    return folder


def test_a_store_of_the_former_release_says_how_to_bring_it_up_and_is_whole_afterwards(
    former_file: Path, upgraded: Path
) -> None:
    with connect(str(former_file)) as store:
        assert state_of(store) == "0003"
        with pytest.raises(StoreError, match="crosscheck store upgrade"), open_store(str(former_file)):
            pass
    with open_store(str(upgraded)) as store:
        assert state_of(store) == versions()[-1] == "0006"
        assert {look: ailments for look, ailments in diagnose(store).items() if ailments} == {}


def test_the_triggers_stand_after_the_columns_were_added_and_taken_away(former_file: Path, tmp_path: Path) -> None:
    file = tmp_path / "store.db"
    file.write_bytes(former_file.read_bytes())
    with connect(str(file)) as store:
        for version in ("head", "0003", "head"):
            migrate(store, version)
            with store.reading() as connection:
                assert missing_triggers(connection) == []
                made = connection.scalar(sa.text("SELECT sql FROM sqlite_master WHERE name = 'listing'"))
                assert "WITHOUT ROWID" in made, "how its rows are laid out is as it was"
        for statement in ("UPDATE listing SET pool = 'to_visit'", "DELETE FROM listing"):
            with pytest.raises(StoreError, match="listing may not be"), store.writing() as connection:
                connection.execute(sa.text(statement))


def test_its_rows_keep_what_they_said_and_lack_what_nobody_asked_then(upgraded: Path) -> None:
    with open_store(str(upgraded)) as store, store.reading() as connection:
        rows = connection.execute(sa.text("SELECT * FROM listing ORDER BY rank")).mappings().all()
    assert [row["rank"] for row in rows] == [1, 2, 3, 4, 5]
    assert all(row["among_first"] is not None for row in rows)
    assert {row[name] for row in rows for name in ("pool", "duties_unmet", "among_capacity")} == {None}


def test_its_runs_are_listed_shown_and_given_back_byte_for_byte(upgraded: Path, former_run: Path) -> None:
    with open_store(str(upgraded)) as store:
        (listed,) = list_runs(store)
        _, shown = show_run(store, RUN)
    assert (listed.crosscheck, listed.declarations, listed.selected) == ("0.1.0", 5, 3)
    assert shown.models["visit_risk"].version == "v2"
    assert (former_run / "beliefs.parquet").is_file()
    assert not (former_run / "duties.parquet").exists()


def test_explain_tells_the_whole_case_and_adds_up(former_run: Path) -> None:
    assert crosscheck_("explain", TRUST, "--run", former_run).exit_code == 0
    text = crosscheck_("explain", TRUST, "--all", "--run", former_run)
    assert text.exit_code == 0, text.output
    assert "as a provider: compliant" in text.output
    for case in json.loads(crosscheck_("explain", TRUST, "--run", former_run, "--format", "json").output):
        odds = 10 ** (sum(part["decibans"] for part in case["parts"]) / 10)
        assert odds / (1 + odds) == pytest.approx(case["risk"], abs=1e-4)
        assert case["duties"] == []
        assert case["among_capacity"] is None


def test_the_list_and_the_dossiers_are_written_and_say_nothing_that_the_run_does_not_know(
    former_run: Path, tmp_path: Path
) -> None:
    told = crosscheck_("dossiers", "--run", former_run, "--out", tmp_path / "dossiers")
    assert told.exit_code == 0, told.output
    listed = (tmp_path / "dossiers" / "index.html").read_text(encoding="utf-8")
    dossier = (tmp_path / "dossiers" / f"{TRUST}.html").read_text(encoding="utf-8")
    assert "Random visits suggest" not in listed
    assert "practice draw" not in listed
    assert "not reliably different" not in listed
    assert "among the first" not in listed + dossier
    assert 'class="dots"' not in dossier
    assert "crosscheck 0.1.0" in listed
    printed = crosscheck_("visit-list", "--run", former_run, "--out", tmp_path / "list.html")
    assert printed.exit_code == 0, printed.output


def test_tables_that_it_lacks_are_empty_and_those_of_a_run_of_today_that_are_lost_are_not(
    former_run: Path, run_of_few: Path, tmp_path: Path
) -> None:
    assert read_table(former_run, "duties").is_empty()
    assert read_table(former_run, "places").is_empty()
    listed = read_table(former_run, "visit_list")
    assert listed["pool"].null_count() == listed.height == 5
    assert reach_of_capacity(listed, 3) == 0
    assert find_like_ranks(listed, 3) is None
    lost = tmp_path / "run"
    lost.mkdir()
    (lost / "manifest.json").write_bytes((run_of_few / "manifest.json").read_bytes())
    assert crosscheck_("explain", TRUST, "--run", lost).exit_code == 6


def test_it_can_be_compared_with_a_run_of_today(former_run: Path, run_of_few: Path) -> None:
    difference = compare_runs(former_run, run_of_few)
    assert not difference.same["code"]
    assert difference.movements.height > 0
    assert difference.movements["unexplained"].abs().max() == 0
    whole = difference.movements.select(pl.col("change") - pl.sum_horizontal(COLUMNS)).to_series()
    assert whole.abs().max() == pytest.approx(0.0, abs=1e-5)
    told = crosscheck_("runs", "diff", former_run, run_of_few)
    assert told.exit_code == 0, told.output


def test_an_edition_is_read_and_given_out_and_its_replay_names_both_versions_and_compares_nothing(
    upgraded: Path, tmp_path: Path
) -> None:
    given = crosscheck_("editions", "export", EDITION, "--store", upgraded, "--out", tmp_path / "edition")
    assert given.exit_code == 0, given.output
    checked = crosscheck_("editions", "verify", tmp_path / "edition", "--edition", EDITION, "--store", upgraded)
    assert checked.exit_code == 0, checked.output
    told = crosscheck_("replay", EDITION, "--store", upgraded)
    assert told.exit_code == 10
    assert "The program has changed since" in told.output
    assert "crosscheck 0.1.0" in told.output
    assert f"crosscheck {crosscheck.__version__}" in told.output
    assert "may come out otherwise" not in told.output
    with open_store(str(upgraded)) as store, pytest.raises(StoreError, match="nothing compared"):
        replay(store, EDITION)


def test_a_backup_of_it_goes_into_a_store_of_each_kind(upgraded: Path, empty_url: str, tmp_path: Path) -> None:
    with open_store(str(upgraded)) as store:
        back_up(store, tmp_path / "backup.zip")
    with connect(empty_url, create=True) as other:
        restore(tmp_path / "backup.zip", other)
    with open_store(empty_url) as other:
        assert [run.crosscheck for run in list_runs(other)] == ["0.1.0"]
        assert {look: ailments for look, ailments in diagnose(other).items() if ailments} == {}


def test_a_run_of_today_keeps_its_pools_in_a_store_of_each_kind(kept: Store) -> None:
    with kept.reading() as connection:
        rows = connection.execute(sa.text("SELECT pool, duties_unmet, among_capacity, among_first FROM listing")).all()
    assert {pool for pool, *_ in rows} == {"to_visit", "visited", "follow_up"}
    assert all((among is not None) == (pool == "to_visit") for pool, _, among, _ in rows)
    assert all(duties is not None for _, duties, _, _ in rows)
    assert {first for *_, first in rows} == {None}


@pytest.mark.parametrize(("version", "program"), [("v1", "0.1.0 before 24 November 2026"), ("v2", "0.1.0")])
def test_weights_of_a_former_release_are_refused_with_the_program_that_reads_them(
    few: Path, tmp_path: Path, version: str, program: str
) -> None:
    told = crosscheck_("run", few, "--year", "2008/09", "--risk-model", version, "--out", tmp_path / "run")
    assert told.exit_code == 5
    assert f"is read by crosscheck {program}; this program weighs otherwise" in " ".join(told.output.split())
    assert "Runs and editions made with it stay readable" in " ".join(told.output.split())
    assert "Traceback" not in told.output
    assert not (tmp_path / "run").exists()
