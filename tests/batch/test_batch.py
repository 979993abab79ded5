"""Many runs in one go: what the file may say, what a executor makes of it, and what it leaves when it is stopped."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from crosscheck.batch.executor import Executor
from crosscheck.batch.plan import Batch, Item, parse_size, read_batch
from crosscheck.cli import main
from crosscheck.cli.run import run
from crosscheck.errors import BatchError
from tests.conftest import ROOT

KNOWN = [name for option in run.params for name in (*option.opts, *option.secondary_opts)]
EXAMPLE = ROOT / "docs" / "batch-example.toml"


def batch_file(folder: Path, text: str) -> Path:
    (folder / "here").mkdir(exist_ok=True)
    (folder / "here" / "organisations.csv").write_text("org_code\n")
    file = folder / "batch.toml"
    file.write_text(text, encoding="utf-8")
    return file


def problems(folder: Path, text: str) -> tuple[str, ...]:
    with pytest.raises(BatchError) as found:
        read_batch(batch_file(folder, text), KNOWN)
    return found.value.problems


def test_years_and_variants_make_one_run_each(tmp_path: Path) -> None:
    text = """
        [defaults]
        collection = "here"
        capacity = 60
        [[run]]
        name = "all"
        years = ["2007/08", "2008/09"]
        variants = [{ name = "plain" }, { name = "few", capacity = 5, no_learn = true }]
        sensitivity = true
    """
    items = {item.name: item for item in read_batch(batch_file(tmp_path, text), KNOWN).items}
    assert list(items) == [
        "all-2007-08-plain", "all-2007-08-few", "all-2007-08-sensitivity",
        "all-2008-09-plain", "all-2008-09-few", "all-2008-09-sensitivity",
    ]  # fmt: skip
    few = items["all-2008-09-few"]
    assert few.arguments[:4] == ("run", str(tmp_path / "here"), "--year", "2008/09")
    assert few.arguments[-3:] == ("--capacity", "5", "--no-learn")
    assert few.out == tmp_path / "runs" / "all-2008-09-few"
    assert items["all-2007-08-sensitivity"].out == tmp_path / "runs" / "all-2007-08-sensitivity.csv"


def test_a_flag_that_is_refused_is_refused_of_the_run_too(tmp_path: Path) -> None:
    text = """
        [defaults]
        collection = "here"
        year = "2008/09"
        pages = false
        screens = false
        [[run]]
        name = "without"
        [[run]]
        name = "with"
        pages = true
    """
    without, with_pages = read_batch(batch_file(tmp_path, text), KNOWN).items
    assert without.arguments[-1] == "--no-pages"
    assert with_pages.arguments[-1] == "--pages"
    assert not {"--screens", "--no-screens"} & {*without.arguments, *with_pages.arguments}


def test_all_that_is_wrong_in_its_shape_is_told_at_once(tmp_path: Path) -> None:
    told = problems(
        tmp_path, 'memory = "lots"\n[defaults]\nyear = "2008"\n[[run]]\nname = "a"\ncapcity = 3\nseed = -1\n'
    )
    assert len(told) == 4
    assert any(one.endswith("memory: Give memory as 2 GB or 800 MB. It says 'lots'.") for one in told)
    assert any("capcity: there is no such key. Did you mean capacity? Allowed: " in one for one in told)
    assert any("run.1.seed" in one for one in told)


def test_all_that_cannot_be_made_is_told_at_once(tmp_path: Path) -> None:
    runs = '[[run]]\nname = "a"\ncollection = "here"\nyear = "2008/10"\n' * 2
    told = "\n".join(problems(tmp_path, f'{runs}[[run]]\nname = "b"\ncollection = "gone"\nyear = "2008/09"\n'))
    assert "two runs would have this name" in told
    assert told.count("Give it as 2008/09") == 2
    assert "gone holds nothing" in told


def test_an_option_that_run_does_not_have_is_told_before_anything_is_begun(tmp_path: Path) -> None:
    text = '[[run]]\nname = "a"\ncollection = "here"\nyear = "2008/09"\nseed = 3\n'
    file = batch_file(tmp_path, text)
    assert len(read_batch(file, KNOWN).items) == 1
    with pytest.raises(BatchError, match="has no --seed"):
        read_batch(file, [name for name in KNOWN if name != "--seed"])


@pytest.mark.parametrize("text", ["run = 3", "[[run]", ""])
def test_a_file_that_is_no_batch_ends_with_11(tmp_path: Path, text: str) -> None:
    told = CliRunner().invoke(main, ["batch", str(batch_file(tmp_path, text))])
    assert told.exit_code == 11
    assert "Nothing was begun" in told.output


@pytest.mark.parametrize(("size", "number"), [("2 GB", 2 * 10**9), ("800MB", 8 * 10**8), ("1.5 GB", 15 * 10**8)])
def test_memory_is_read_as_people_write_it(size: str, number: int) -> None:
    assert parse_size(size) == number


def test_as_many_run_at_once_as_the_measured_peak_leaves_room_for(tmp_path: Path) -> None:
    item = Item("a", tmp_path / "a", (), size=100)
    larger = Item("b", tmp_path / "b", (), size=300)
    executor = Executor(Batch(tmp_path / "b.toml", tmp_path, 1000, (item, larger)))
    executor._cores = 8
    executor._running = [type("Started", (), {"item": item})()]  # type: ignore[list-item]
    assert not executor._has_room(item), "until one was measured, one runs alone"
    executor._peak_of = {100: 400}
    assert executor._has_room(item)
    assert not executor._has_room(larger), "three times the rows may take three times the memory"
    executor._running = []
    assert executor._has_room(larger), "one that is larger than all that is given is tried alone"


@pytest.fixture(scope="module")
def home(few: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example of the manual beside a collection of few organisations."""
    home = tmp_path_factory.mktemp("home")
    (home / "docs").mkdir()
    shutil.copy(EXAMPLE, home / "docs")
    shutil.copytree(few, home / "data" / "england-2008-09")
    return home


def test_the_example_is_made_and_then_recognised_and_one_that_fails_harms_no_other(home: Path) -> None:
    file = home / "docs" / EXAMPLE.name
    log = home / "log" / "batch.jsonl"
    asked = ["batch", str(file), "--log", str(log), "--log-format", "json"]
    first = CliRunner().invoke(main, asked)
    assert first.exit_code == 0, first.output
    made = json.loads((home / "runs" / "batch.json").read_text())["items"]
    assert [item["outcome"] for item in made] == ["made", "made"]
    assert all(item["peak_mb"] > 50 and item["seconds"] > 0 and len(item["digest"]) == 64 for item in made)
    file.write_text(file.read_text() + '\n[[run]]\nname = "no-such-year"\nyear = "2015/16"\n')
    second = CliRunner().invoke(main, asked)
    assert second.exit_code == 12, second.output
    assert "no-such-year: failed" in second.output
    again = json.loads((home / "runs" / "batch.json").read_text())["items"]
    assert [item["outcome"] for item in again] == ["recognised", "recognised", "failed"]
    assert [item["digest"] for item in again[:2]] == [item["digest"] for item in made]
    assert again[2]["exit_code"] == 3
    assert "2008/09" in again[2]["said"]
    events = [json.loads(line) for line in log.read_text().splitlines()]
    assert [event["event"] for event in events].count("started") == 5
    assert [(event["level"], event["item"]) for event in events if event["event"] == "failed"] == [
        ("error", "no-such-year")
    ]


def test_a_batch_that_is_asked_to_end_stops_what_runs_and_says_so(home: Path, tmp_path: Path) -> None:
    file = tmp_path / "batch.toml"
    collection = home / "data" / "england-2008-09"
    file.write_text(
        f'[defaults]\ncollection = "{collection}"\nyear = "2008/09"\n[[run]]\nname = "a"\n[[run]]\nname = "b"\n'
    )
    command = [sys.executable, "-m", "crosscheck", "batch", str(file)]
    batch = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert batch.stderr is not None
    assert "a started" in batch.stderr.readline()
    batch.send_signal(signal.SIGTERM)
    _, complained = batch.communicate(timeout=60)
    assert batch.returncode == 12
    assert "Traceback" not in complained
    told = json.loads((tmp_path / "runs" / "batch.json").read_text())["items"]
    assert [(item["name"], item["outcome"]) for item in told] == [("a", "stopped"), ("b", "stopped")]
    assert not (tmp_path / "runs" / "a").exists()
