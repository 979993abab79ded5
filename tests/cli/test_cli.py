from __future__ import annotations

import csv
import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import click
import pytest
from click.testing import CliRunner, Result

import crosscheck
from crosscheck import settings
from crosscheck.cli import main
from tests.golden.__main__ import command_reference


def crosscheck_(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def commands(group: click.Group, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], click.Command]]:
    found = []
    for name, command in group.commands.items():
        found.append(((*path, name), command))
        if isinstance(command, click.Group):
            found += commands(command, (*path, name))
    return found


def test_every_command_has_one_line_of_purpose_and_a_real_example() -> None:
    for path, command in commands(main):
        assert command.help, path
        first, *_ = command.help.splitlines()
        assert first.rstrip().endswith("."), path
        example = re.search(r"Example:  crosscheck (.+)", command.help)
        assert example, path
        assert example[1].startswith(" ".join(path)), path


def test_the_reference_of_the_commands_is_made_from_them() -> None:
    written = (Path(__file__).resolve().parents[2] / "docs" / "commands.md").read_text(encoding="utf-8")
    assert written == command_reference(), "the commands changed; see `make golden`"


def test_help_comes_without_importing_what_is_slow() -> None:
    heavy = "import sys; import crosscheck.cli; print(sorted({'polars', 'numpy', 'scipy', 'rich'} & set(sys.modules)))"
    told = subprocess.run([sys.executable, "-c", heavy], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"


def test_version_is_the_packages() -> None:
    assert crosscheck_("version").output.strip() == crosscheck.__version__


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_its_completion(shell: str) -> None:
    told = crosscheck_("completion", shell)
    assert told.exit_code == 0
    assert "_CROSSCHECK_COMPLETE" in told.output


@pytest.mark.parametrize("year", ["2008", "2008-09", "2008/10", "last"])
def test_a_year_that_is_none_is_a_wrong_command_line(year: str, collection_folder: Path) -> None:
    told = crosscheck_("run", collection_folder, "--year", year)
    assert told.exit_code == 2
    assert "Give it as 2008/09" in told.output


def test_a_collection_that_is_not_there_is_told_without_a_traceback(tmp_path: Path) -> None:
    told = crosscheck_("run", tmp_path / "nowhere", "--year", "2008/09", "--out", tmp_path / "run")
    assert told.exit_code == 3
    assert "nowhere" in told.output
    assert not (tmp_path / "run").exists()


def test_a_folder_that_is_no_run_is_never_written_over(tmp_path: Path, collection_folder: Path) -> None:
    (tmp_path / "letters.txt").write_text("dear all")
    told = crosscheck_("run", collection_folder, "--year", "2008/09", "--out", tmp_path)
    assert told.exit_code == 6
    assert "left alone" in told.output
    assert (tmp_path / "letters.txt").read_text() == "dear all"


def test_a_year_without_declarations_says_which_years_there_are(tmp_path: Path, collection_folder: Path) -> None:
    told = crosscheck_("run", collection_folder, "--year", "2015/16", "--out", tmp_path / "run")
    assert told.exit_code == 3
    assert "2008/09" in told.output


def test_explaining_without_a_run_says_how_to_make_one(tmp_path: Path) -> None:
    told = crosscheck_("explain", "R5T", "--run", tmp_path)
    assert told.exit_code == 6
    assert "crosscheck run" in told.output


def test_an_unknown_standard_names_those_that_there_are(collection_folder: Path) -> None:
    told = crosscheck_("check", collection_folder, "--standard", "C99")
    assert told.exit_code == 7
    assert "C2" in told.output


def test_checking_the_embedded_collection_finds_no_problem(collection_folder: Path) -> None:
    told = crosscheck_("check", collection_folder)
    assert told.exit_code == 0
    assert "problems: none" in told.output


def test_rules_are_listed_as_table_csv_and_json() -> None:
    listed = json.loads(crosscheck_("rules", "--format", "json").output)
    rows = list(csv.DictReader(io.StringIO(crosscheck_("rules", "--format", "csv").output)))
    assert [rule["id"] for rule in listed] == [row["id"] for row in rows]
    assert len(listed) > 100
    assert listed[0]["id"][:5] in crosscheck_("rules").output


def test_one_rule_is_shown_as_it_stands_and_a_mistyped_one_gets_the_nearest() -> None:
    assert 'id = "C2-HR-01"' in crosscheck_("rules", "show", "c2-hr-01").output
    told = crosscheck_("rules", "show", "C2-HR-91")
    assert told.exit_code == 7
    assert "C2-HR-01" in told.output


def test_questions_are_listed_by_section_with_their_answers() -> None:
    listed = json.loads(crosscheck_("questions", "human_resources", "--format", "json").output)
    assert [question["question"] for question in listed] == [
        "human_resources.crb_checks", "human_resources.safe_recruitment_training", "human_resources.job_descriptions"
    ]  # fmt: skip
    assert listed[0]["answers"] == "not_all_since_2002 < all_since_2002 < all_staff"


def test_a_mistyped_section_gets_the_nearest() -> None:
    told = crosscheck_("questions", "trainign")
    assert told.exit_code == 7
    assert "training" in told.output


def test_the_demonstration_runs_from_any_folder_and_gives_the_collection_away(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "crosscheck", "demo", "--out", "shown", "--copy", "england"]
    environment = {**os.environ, "PYTHONPATH": str(Path(crosscheck.__file__).parent.parent)}
    subprocess.run(command, cwd=tmp_path, env=environment, check=True, capture_output=True)
    assert len((tmp_path / "shown" / "visit_list.csv").read_text(encoding="utf-8").splitlines()) == 540
    assert (tmp_path / "shown" / "dossiers" / "index.html").is_file()
    own = settings.embedded_collection() / "answers.csv"
    assert (tmp_path / "england" / "answers.csv").read_bytes() == own.read_bytes()
    told = crosscheck_("demo", "--copy", tmp_path / "england", "--out", tmp_path / "again")
    assert (told.exit_code, "Name a new folder" in told.output) == (6, True)


def test_proofs_without_the_solver_say_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crosscheck.cli.rules.find_spec", lambda _: None)
    told = crosscheck_("rules", "check")
    assert told.exit_code == 22
    assert "pip install 'crosscheck[proof]'" in told.output


def test_no_help_names_a_path_that_an_installed_wheel_does_not_have() -> None:
    for path, command in commands(main):
        told = [command.help, *(getattr(option, "help", None) for option in command.params)]
        assert not [text for text in told if re.search(r"\b(data|models|docs)/\w", text or "")], path


def test_the_wheel_holds_what_a_run_and_a_paper_need(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=Path(crosscheck.__file__).parent.parent, check=True, capture_output=True)
    with ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        there = set(wheel.namelist())
    embedded, paper = "crosscheck/embedded", "crosscheck/report/templates/paper"
    assert {
        f"{embedded}/data/england-2008-09/answers.csv",
        f"{embedded}/rules/c2/waivers.toml",
        f"{embedded}/docs/method.md",
        f"{paper}/dossier.typ",
        f"{paper}/fonts/SourceSansPro-Regular.ttf",
        f"{paper}/fonts/LICENSE",
    } <= there
