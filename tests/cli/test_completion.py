"""Completion as a shell asks for it: by the environment, of the program itself, without a database server, at once."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path

import click
import polars as pl
import pytest
from click.testing import CliRunner

from crosscheck.cli import main
from crosscheck.cli.named_run import RunFolder, RunIdentifier
from crosscheck.settings import rules_folder

ROOT = Path(__file__).resolve().parents[2]
AT_MOST = 0.3  # seconds, of the best of some tries
PROGRAM = "from crosscheck.cli import main; main(prog_name='crosscheck')"


def complete(line: str, place: Path, **environment: str) -> list[str]:
    """What the shell is given for the last word of a line; an empty one if the line ends with a space."""
    words = line.split() + ([""] if line.endswith(" ") else [])
    asked = {"COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1), "_CROSSCHECK_COMPLETE": "bash_complete"}
    known = {**os.environ, "PYTHONPATH": str(ROOT), "CROSSCHECK_STORE": "", **asked, **environment}
    command = [sys.executable, "-c", PROGRAM]
    done = subprocess.run(command, cwd=place, env=known, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    return [offered.split(",", 1)[1] for offered in done.stdout.splitlines() if offered]


@pytest.fixture(scope="module")
def place(run_of_few: Path, few: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run, a store that keeps it, and a folder that holds none."""
    folder = tmp_path_factory.mktemp("place")
    (folder / "run").symlink_to(run_of_few)
    (folder / "rubbish").mkdir()
    saved = ["runs", "save", str(run_of_few), "--collection", str(few), "--store", str(folder / "runs.db")]
    assert CliRunner().invoke(main, saved).exit_code == 0
    return folder


@pytest.fixture(scope="module")
def codes(run_of_few: Path) -> list[str]:
    return pl.read_csv(run_of_few / "visit_list.csv")["org_code"].unique().sort().to_list()


@pytest.mark.parametrize("command", ["explain", "network", "benchmarks --only", "visits packs --only", "decide"])
def test_codes_of_the_run_are_offered(command: str, place: Path, codes: list[str]) -> None:
    assert sorted(complete(f"crosscheck {command} ", place)) == codes
    begun = codes[0][0].lower()
    assert sorted(complete(f"crosscheck {command} {begun}", place)) == [
        code for code in codes if code[0] == codes[0][0]
    ]


def test_codes_are_those_of_the_run_that_is_named(place: Path, codes: list[str]) -> None:
    assert complete("crosscheck explain --run rubbish ", place) == []
    assert sorted(complete(f"crosscheck explain --run {place / 'run'} ", Path("/"))) == codes


def test_rules_are_offered_as_they_are_called(place: Path) -> None:
    listed = sorted(file.stem for file in rules_folder("C2").rglob("C2-HR-0*.toml"))
    assert complete("crosscheck rules show c2-hr-0", place) == listed != []
    assert complete("crosscheck rules check --only C2-HR-0", place) == listed
    everything = CliRunner().invoke(main, ["rules", "--format", "csv"]).output.splitlines()[1:]
    assert complete("crosscheck rules show ", place) == sorted(line.split(",")[0] for line in everything)


def test_runs_are_offered_by_folder_and_by_identifier(place: Path) -> None:
    offered = complete("crosscheck explain 5E0 --run ru", place)
    assert offered == ["run"]
    kept = complete("crosscheck runs show --store runs.db ", place)
    assert kept[0] == "run"
    assert [len(one) for one in kept[1:]] == [16]
    assert complete(f"crosscheck runs show {kept[1][:4]}", place, CROSSCHECK_STORE="runs.db") == [kept[1]]


def test_a_database_server_is_not_asked(place: Path) -> None:
    assert complete("crosscheck runs show --store postgresql://nobody@127.0.0.1:1/none ", place) == ["run"]


def test_sections_versions_of_the_weights_figures_and_standards_are_offered(place: Path) -> None:
    assert complete("crosscheck questions tr", place) == ["training"]
    assert complete("crosscheck run collection --risk-model v", place) == ["v1", "v2", "v3"]
    assert complete("crosscheck models release visit_risk v", place) == ["v1", "v2", "v3"]
    assert complete("crosscheck models new vis", place) == ["visit_risk", "visits"]
    assert complete("crosscheck rules --standard c", place) == ["C2"]
    scored = pl.read_csv(place / "run" / "scores.csv", infer_schema=False)["indicator"]
    assert complete("crosscheck funnel staff_s", place) == sorted(
        name for name in scored.unique() if name.startswith("staff_s")
    )


def test_nothing_is_offered_where_there_is_nothing(tmp_path: Path) -> None:
    for line in ("explain ", "funnel ", "explain 5E0 --run ", "runs show --store none.db "):
        assert complete(f"crosscheck {line}", tmp_path) == []


@pytest.mark.parametrize(
    "line", ["explain 5", "rules show C2-HR-0", "funnel staff", "runs show --store runs.db ", "questions tr"]
)
def test_completion_comes_at_once(line: str, place: Path) -> None:
    best = min(_seconds(f"crosscheck {line}", place) for _ in range(5))
    assert best < AT_MOST


def _seconds(line: str, place: Path) -> float:
    """Of the processor, since others may use it meanwhile."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    complete(line, place)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def named_things() -> dict[str, click.Parameter]:
    """Every argument and option that names a code, rule, run, section, figure, standard or version of the weights."""
    names = {"org_code", "rule_id", "section", "indicator", "standard", "risk_model", "run_id", "only"}
    found = {}

    def look(group: click.Group, path: str) -> None:
        for name, command in group.commands.items():
            for parameter in command.params:
                if parameter.name in names or isinstance(parameter.type, RunFolder | RunIdentifier):
                    found[f"{path}{name} {parameter.name}"] = parameter
            if isinstance(command, click.Group):
                look(command, f"{path}{name} ")

    look(main, "")
    return found


@pytest.mark.parametrize("name", sorted(named_things()))
def test_whatever_names_one_of_these_is_completed(name: str, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)
    parameter = named_things()[name]
    command = main
    if name == "problems resolve org_code":
        return
    context = click.Context(command)
    assert parameter.shell_complete(context, ""), name
