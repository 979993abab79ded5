"""Versions of models through the command: a released file never changes, a change is the next version."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from crosscheck import settings
from crosscheck.cli import main
from crosscheck.model_versions import read_released

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of its own, whose models may be changed."""
    for name in ("data", "models", "rules"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("england*", "exports"))
    monkeypatch.setenv("CROSSCHECK_HOME", str(tmp_path))
    return tmp_path


def crosscheck_(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def in_one_line(result: Result) -> str:
    return " ".join(result.output.split())


def edit(file: Path, before: str, after: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert before in text
    file.write_text(text.replace(before, after, 1), encoding="utf-8")


def states(name: str) -> dict[str, str]:
    """How each version of a model stands, as the list says."""
    listed = crosscheck_("models", "--format", "csv").output.splitlines()[1:]
    rows = [line.split(",") for line in listed]
    return {version: state for model, version, state in rows if model == name}


def test_every_model_file_that_comes_with_the_program_is_released_as_it_stands() -> None:
    files = {file.relative_to(ROOT / "models").as_posix(): file for file in (ROOT / "models").rglob("v*.toml")}
    digests = {name: hashlib.sha256(file.read_bytes()).hexdigest() for name, file in files.items()}
    assert read_released(settings.all_models()) == digests


def test_the_list_of_released_files_is_one_that_sha256sum_reads() -> None:
    command = ["sha256sum", "--check", "--strict", "released.sha256"]
    told = subprocess.run(command, cwd=ROOT / "models", capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stdout + told.stderr


@pytest.mark.parametrize("command", [["rules"], ["check", ROOT / "data" / "england-2008-09"], ["dictionary"]])
def test_an_edited_file_is_refused_by_every_command_that_reads_models(
    command: list[object], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(home)
    edit(home / "models/c2/indicators/v2.toml", "least = 10", "least = 11")
    edit(home / "models/c2/visit_risk/v3.toml", "decibans = 21.0", "decibans = 20.0")
    told = crosscheck_(*command)
    assert told.exit_code == 5
    assert "indicators/v2.toml: was edited after it was released" in in_one_line(told)
    assert "crosscheck models new indicators" in in_one_line(told)
    assert "crosscheck models new visit_risk" in in_one_line(told)


def test_a_released_file_that_only_changed_its_line_ends_is_edited(home: Path) -> None:
    file = home / "models/c2/patterns/v1.toml"
    file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))
    assert crosscheck_("rules").exit_code == 5


def test_an_edit_becomes_the_next_version_and_the_old_one_is_put_back(home: Path) -> None:
    folder = home / "models/c2/visit_risk"
    edit(folder / "v3.toml", "decibans = 21.0", "decibans = 20.0")
    made = crosscheck_("models", "new", "visit_risk")
    assert made.exit_code == 0, made.output
    assert "crosscheck models release visit_risk v4" in made.output
    assert "decibans = 20.0" in (folder / "v4.toml").read_text(encoding="utf-8")
    assert states("visit_risk") == {"v1": "released", "v2": "released", "v3": "edited", "v4": "draft"}
    shutil.copy(ROOT / "models/c2/visit_risk/v3.toml", folder / "v3.toml")
    assert crosscheck_("rules").exit_code == 0
    assert states("visit_risk")["v3"] == "released"


def test_a_new_version_differs_from_the_former_in_its_heading_alone(home: Path) -> None:
    crosscheck_("models", "new", "polarity")
    before, after = (
        (home / f"models/c2/polarity/{version}.toml").read_text(encoding="utf-8").splitlines()
        for version in ("v2", "v3")
    )
    changed = [line for old, line in zip(before, after, strict=True) if line != old]
    assert [line.split(" = ")[0] for line in changed] == ["version", "made_on", "made_by"]
    assert changed[2].startswith('made_by = "NOT RELEASED: a copy of v2')


def test_a_draft_is_read_and_named_by_a_run(home: Path, few: Path, tmp_path: Path) -> None:
    crosscheck_("models", "new", "visit_risk")
    told = crosscheck_("run", few, "--year", "2008/09", "--no-pages", "--no-learn", "--out", tmp_path / "run")
    assert told.exit_code == 0, told.output
    assert "c2/visit_risk/v4.toml is a draft" in told.output
    former = ("--risk-model", "v3", "--out", tmp_path / "former")
    told = crosscheck_("run", few, "--year", "2008/09", "--no-pages", "--no-learn", *former)
    assert "is a draft" not in told.output


def test_a_draft_can_be_changed_until_it_is_released_and_not_afterwards(home: Path) -> None:
    file = home / "models/c2/visits/v2.toml"
    crosscheck_("models", "new", "visits")
    refused = crosscheck_("models", "release", "visits", "v2")
    assert refused.exit_code == 5
    assert "does not say yet who made this version" in in_one_line(refused)
    text = file.read_text(encoding="utf-8")
    made_by = next(line for line in text.splitlines() if line.startswith("made_by"))
    edit(file, made_by, 'made_by = "Ann Archer, since assessors asked for it"')
    assert crosscheck_("rules").exit_code == 0
    assert crosscheck_("models", "release", "visits", "v2").exit_code == 0
    assert states("visits") == {"v1": "released", "v2": "released"}
    listed = (home / "models/released.sha256").read_text(encoding="utf-8").splitlines()
    assert sum(line.startswith("#") for line in listed) == 2
    assert crosscheck_("rules").exit_code == 0
    edit(file, "Ann Archer", "Ben Bray")
    assert crosscheck_("rules").exit_code == 5


def test_a_draft_that_cannot_be_read_is_not_released(home: Path) -> None:
    crosscheck_("models", "new", "simulation")
    file = home / "models/c2/simulation/v3.toml"
    file.write_text(file.read_text(encoding="utf-8") + "\n[surplus]\nnumber = 1\n", encoding="utf-8")
    told = crosscheck_("models", "release", "simulation", "v3")
    assert told.exit_code == 5
    assert "surplus" in told.output


def test_a_second_draft_waits_for_the_first(home: Path) -> None:
    assert crosscheck_("models", "new", "screens").exit_code == 0
    told = crosscheck_("models", "new", "screens")
    assert told.exit_code == 5
    assert "crosscheck models release screens v3" in in_one_line(told)
    assert not (home / "models/c2/screens/v4.toml").exists()


def test_an_unknown_model_is_named_with_what_is_near(home: Path) -> None:
    told = crosscheck_("models", "new", "visit_risc")
    assert told.exit_code == 7
    assert "Did you mean visit_risk" in told.output


def test_a_line_of_the_list_that_is_no_digest_is_named(home: Path) -> None:
    with (home / "models/released.sha256").open("a", encoding="utf-8") as listed:
        listed.write("c2/visits/v2.toml\n")
    rows = len((home / "models/released.sha256").read_text(encoding="utf-8").splitlines())
    told = crosscheck_("rules")
    assert told.exit_code == 5
    assert f"released.sha256, row {rows}: is no digest" in in_one_line(told)
