"""A folder that is written in stages, and a run that is killed: whole or absent, and taken up where it stopped."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from crosscheck.errors import RunError
from crosscheck.report.output.folder import Work, written_in_stages, written_whole
from tests.soak.kills import command, contents, is_writing, kill_when, look_at, make


class Unplugged(Exception):  # noqa: N818  # it is no error
    """The work ends here."""


def work_until(place: Path, *stages: str, key: str = "a") -> tuple[str, ...]:
    """Write and seal stages that are not there yet, and a file of none, then break off; what had been taken up."""
    with suppress(Unplugged), written_in_stages(place, "mark", "run", key) as work:
        for stage in stages:
            if not work.has(stage):
                (work.folder / stage).write_text(stage)
                work.seal(stage, {stage: "told"})
        (work.folder / "half").write_text("ha")
        raise Unplugged
    return work.taken_up


def take_up(place: Path, key: str = "a") -> Work:
    with written_in_stages(place, "mark", "run", key) as work:
        (work.folder / "mark").write_text("whole")
    return work


def test_what_is_whole_is_taken_up_and_what_is_half_is_not(tmp_path: Path) -> None:
    work_until(tmp_path / "run", "first", "second")
    work = take_up(tmp_path / "run")
    assert work.taken_up == ("first", "second")
    assert work.noted == {"first": "told", "second": "told"}
    assert sorted(file.name for file in (tmp_path / "run").iterdir()) == ["first", "mark", "second"]
    assert [file.name for file in tmp_path.iterdir()] == ["run"], "the work folder goes when the run is whole"


@pytest.mark.parametrize("harm", [Path.unlink, lambda file: file.write_text("xx")], ids=["lost", "changed"])
def test_a_damaged_stage_is_made_again_with_all_after_it(tmp_path: Path, harm: Callable[[Path], object]) -> None:
    work_until(tmp_path / "run", "first", "second", "third")
    harm(tmp_path / ".run.work" / "growing" / "second")
    assert work_until(tmp_path / "run", "first", "second", "third") == ("first",)
    assert take_up(tmp_path / "run").taken_up == ("first", "second", "third")


@pytest.mark.parametrize("ledger", ["", "{", "[]", '{"key": "a"}'])
def test_a_damaged_ledger_is_no_work_at_all(tmp_path: Path, ledger: str) -> None:
    work_until(tmp_path / "run", "first")
    (tmp_path / ".run.work" / "ledger.json").write_text(ledger)
    assert take_up(tmp_path / "run").taken_up == ()
    assert [file.name for file in (tmp_path / "run").iterdir()] == ["mark"]


def test_work_on_something_else_is_put_away(tmp_path: Path) -> None:
    work_until(tmp_path / "run", "first", key="a")
    work = take_up(tmp_path / "run", key="b")
    assert work.stale
    assert work.taken_up == ()
    assert not (tmp_path / "run" / "first").exists()


def test_a_move_that_was_cut_off_between_its_halves_is_undone(tmp_path: Path) -> None:
    take_up(tmp_path / "run", key="former")
    work_until(tmp_path / "run", "first")
    (tmp_path / "run").rename(tmp_path / ".run.work" / "former")
    work_until(tmp_path / "run", "first")
    assert (tmp_path / "run" / "mark").read_text() == "whole"
    assert take_up(tmp_path / "run").taken_up == ("first",)
    assert (tmp_path / "run" / "first").is_file()


def test_a_former_run_is_not_put_back_where_somebody_took_the_new_one_away(tmp_path: Path) -> None:
    work_until(tmp_path / "run", "first")
    beside = tmp_path / ".run.work"
    (beside / "growing").rename(beside / "former")  # as a kill leaves it while the former run is taken away
    take_up(tmp_path / "run")
    assert [file.name for file in (tmp_path / "run").iterdir()] == ["mark"]


def test_two_processes_at_one_place_are_told_of_one_another(tmp_path: Path) -> None:
    with (
        written_whole(tmp_path / "run", "mark", "run"),
        pytest.raises(RunError, match="another process"),
        written_whole(tmp_path / "run", "mark", "run"),
    ):
        pass
    with written_whole(tmp_path / "run", "mark", "run") as whole:
        (whole / "mark").write_text("free again")
    assert (tmp_path / "run" / "mark").read_text() == "free again"


@pytest.fixture(scope="module")
def undisturbed_run(few: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("undisturbed") / "run"
    make(folder, few)
    return folder


def former_run(place: Path) -> Path:
    """What stood there before, as little as makes a run."""
    place.mkdir(parents=True)
    (place / "manifest.json").write_text(json.dumps({"outputs": {}, "options": {"seed": 7}, "seconds": {}}))
    return place


def has_sealed(place: Path) -> bool:
    return (place.with_name(f".{place.name}.work") / "ledger.json").is_file()


@pytest.mark.parametrize(("moment", "taken_up"), [(is_writing, ""), (has_sealed, "taken up after: outcome")])
def test_a_run_that_was_killed_ends_in_the_same_bytes(
    few: Path, undisturbed_run: Path, tmp_path: Path, moment: Callable[[Path], bool], taken_up: str
) -> None:
    place = former_run(tmp_path / "run")
    assert kill_when(place, lambda: moment(place), few), "it had ended before it was killed"
    assert look_at(place) == "run of seed 7"
    _, complained = make(place, few)
    assert taken_up in complained
    assert contents(place) == contents(undisturbed_run)
    assert [file.name for file in tmp_path.iterdir()] == ["run"]


def test_a_full_disk_is_told_and_nothing_is_lost(few: Path, tmp_path: Path) -> None:
    place = former_run(tmp_path / "run")
    limited = f"ulimit -f 40; exec {subprocess.list2cmdline(command(place, few))}"  # 40 blocks: no larger file is taken
    told = subprocess.run(["bash", "-c", limited], capture_output=True, text=True, check=False)
    assert told.returncode == 6, told.stderr
    assert "can't be written (File too large" in told.stderr
    assert "Traceback" not in told.stderr
    assert look_at(place) == "run of seed 7"
    assert [file.name for file in tmp_path.iterdir()] == ["run"]


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="can't be written"), written_whole(Path("/proc/crosscheck/run"), "mark", "run"):
        pass
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="can't be written"), written_whole(tmp_path / "file" / "run", "mark", "run"):
        pass
