"""One way to name a run, by folder or by identifier; former spellings are refused; near names are offered."""

from __future__ import annotations

import json
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from crosscheck.cli import main
from crosscheck.cli.named_run import RunFolder, RunIdentifier

# The commands that are about a run as a whole; the others take --run.
ABOUT_A_RUN = {"runs save", "runs show", "runs export", "runs delete", "runs diff", "sign", "publish"}


def crosscheck_(*arguments: object, **environment: str) -> Result:
    return CliRunner(env=environment).invoke(main, [str(argument) for argument in arguments])


def commands(group: click.Group, path: str = "") -> dict[str, click.Command]:
    found = {}
    for name, command in group.commands.items():
        found |= commands(command, f"{path}{name} ") if isinstance(command, click.Group) else {f"{path}{name}": command}
    return found


@pytest.fixture(scope="module")
def store(run_of_few: Path, few: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("named") / "runs.db"
    done = crosscheck_("runs", "save", run_of_few, "--collection", few, "--store", file)
    assert done.exit_code == 0, done.output
    return file


@pytest.fixture(scope="module")
def identifier(run_of_few: Path) -> str:
    return str(json.loads((run_of_few / "manifest.json").read_text(encoding="utf-8"))["fingerprint"][:16])


@pytest.fixture(scope="module")
def code(run_of_few: Path) -> str:
    return (run_of_few / "visit_list.csv").read_text(encoding="utf-8").splitlines()[1].split(",")[1]


def test_a_run_is_the_argument_of_a_command_about_runs_and_an_option_elsewhere() -> None:
    arguments, options = set(), {}
    for name, command in commands(main).items():
        for parameter in command.params:
            of_run = isinstance(parameter.type, RunFolder | RunIdentifier)
            assert of_run or parameter.name not in ("run_id", "run"), name
            if of_run and isinstance(parameter, click.Argument):
                arguments.add(name)
            elif of_run:
                options[name] = parameter.opts
    assert arguments == ABOUT_A_RUN
    assert {tuple(names) for names in options.values()} == {("--run",)}
    assert len(options) > 20


def test_every_option_that_takes_a_run_says_so_alike() -> None:
    for name, command in commands(main).items():
        for parameter in command.params:
            if isinstance(parameter.type, RunFolder | RunIdentifier):
                assert parameter.metavar == "RUN" or name == "runs diff", name
            if isinstance(parameter.type, RunFolder):
                assert any("--store" in other.opts for other in command.params), f"{name}: where is the run kept?"


def test_a_kept_run_is_read_by_its_identifier_as_by_its_folder(
    run_of_few: Path, store: Path, identifier: str, code: str, tmp_path: Path
) -> None:
    by_folder = crosscheck_("explain", code, "--run", run_of_few)
    assert by_folder.exit_code == 0
    assert crosscheck_("explain", code, "--run", identifier[:6], "--store", store).output == by_folder.output
    assert (
        crosscheck_("explain", code, "--run", identifier.upper(), CROSSCHECK_STORE=str(store)).output
        == by_folder.output
    )
    same = crosscheck_("runs", "diff", run_of_few, identifier, "--store", store)
    assert same.output.startswith("NOT THE SAME  nothing")
    written = crosscheck_("visit-list", "--run", identifier, "--store", store, "--out", tmp_path / "list.html")
    assert written.output == f"{tmp_path / 'list.html'}: the visit list of {identifier}\n"


def test_a_run_of_the_store_is_named_by_its_folder_as_by_its_identifier(
    run_of_few: Path, store: Path, identifier: str, code: str
) -> None:
    for command in (("decisions", "list", "--format", "csv"), ("problems", "list", "--format", "json")):
        by_folder = crosscheck_(*command, "--run", run_of_few, "--store", store)
        assert by_folder.exit_code == 0, by_folder.output
        assert by_folder.output == crosscheck_(*command, "--run", identifier[:4], "--store", store).output
    shown = crosscheck_("runs", "show", run_of_few, "--store", store)
    assert json.loads(shown.output)["run_id"] == identifier
    assert crosscheck_("runs", "save", identifier, "--store", store).output.startswith(f"Run {identifier} was there")


def test_an_identifier_without_a_store_and_a_folder_without_a_run_are_named(tmp_path: Path, store: Path) -> None:
    unknown = crosscheck_("explain", "5E0", "--run", "7bf1c3a2")
    assert unknown.exit_code == 6
    assert "7bf1c3a2: there is no such folder." in unknown.output
    assert "--store" in unknown.output
    empty = crosscheck_("decisions", "list", "--run", tmp_path, "--store", store)
    assert empty.exit_code == 6
    assert f"{tmp_path}: is no run." in empty.output


def test_the_copy_of_a_kept_run_is_gone_when_the_command_ends(
    store: Path, identifier: str, code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert crosscheck_("explain", code, "--run", identifier, "--store", store).exit_code == 0
    assert crosscheck_("explain", "nobody", "--run", identifier, "--store", store).exit_code == 7
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("former", "now"),
    [
        (("learn", "run"), "learn --run RUN"),
        (("problems", "list", "7bf1", "--store", "runs.db"), "problems list --run RUN"),
        (("problems", "answer", "7bf1", "--by", "A", "--because", "B"), "problems answer --run RUN"),
        (("editions", "prepare", "7bf1", "--by", "A"), "editions prepare --run RUN"),
        (("visits", "record-one", "7bf1", "5ZA", "--found", "upheld"), "visits record-one --run RUN"),
        (("visits", "seal", "7bf1", "--by", "A"), "visits seal --run RUN"),
        (("visits", "confirm", "7bf1", "--by", "A"), "visits confirm --run RUN"),
        (("visits", "draw", "4 8", "--run-id", "7bf1"), "--run"),
        (("decide", "5YQ", "--run-id", "7bf1"), "--run"),
        (("decisions", "list", "--run-id", "7bf1"), "--run"),
        (("decisions", "show", "5YQ", "--run-id=7bf1"), "--run"),
        (("decisions", "import", "file.csv", "--run-id", "7bf1"), "--run"),
        (("runs", "save", "--run", "run", "--store", "runs.db"), "crosscheck runs save RUN"),
        (("rules", "--own-choices"), "--project-thresholds"),
    ],
    ids=lambda part: " ".join(part) if isinstance(part, tuple) else "",
)
def test_a_former_spelling_is_refused_with_the_new_one_named(former: tuple[str, ...], now: str) -> None:
    refused = crosscheck_(*former)
    assert refused.exit_code == 2
    assert "any more" in refused.output
    assert now in refused.output.split("any more", 1)[1]
    assert former[-1] == "--own-choices" or "--run-id" not in crosscheck_(*former[:2], "--help").output


@pytest.mark.parametrize(
    ("arguments", "near"),
    [
        (("rules", "show", "C2-HR-O1"), "C2-HR-01"),
        (("rules", "check", "--only", "C2-RH-01"), "C2-HR-01"),
        (("questions", "trainign"), "training"),
        (("check", "nowhere", "--standard", "C3"), "C2"),
        (("sensitivity", "nowhere", "--year", "2008/09", "--standard", "2C"), "C2"),
        (("run", "nowhere", "--year", "2008/09", "--risk-model", "V2"), "v2"),
    ],
    ids=lambda part: " ".join(part) if isinstance(part, tuple) else "",
)
def test_a_mistyped_name_of_the_program_is_answered_with_the_nearest(
    arguments: tuple[str, ...], near: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    refused = crosscheck_(*arguments)
    assert refused.exit_code in (5, 7)
    assert f"Did you mean {near}" in refused.output


@pytest.mark.parametrize(
    "command",
    [
        ("explain", "{code}"), ("network", "{code}"), ("funnel", "x", "{code}", "--out", "{out}"),
        ("dossiers", "--only", "{code}", "--out", "{out}"), ("benchmarks", "--only", "{code}", "--out", "{out}"),
        ("reply", "form", "--only", "{code}", "--out", "{out}"),
        ("visits", "packs", "--only", "{code}", "--out", "{out}"),
        ("visits", "forms", "--only", "{code}", "--out", "{out}"),
    ],
    ids=lambda part: part[0],
)  # fmt: skip
def test_a_code_with_two_characters_swapped_is_answered_with_the_one_that_was_meant(
    command: tuple[str, ...], run_of_few: Path, code: str, tmp_path: Path
) -> None:
    swapped = code[0] + code[2] + code[1]
    refused = crosscheck_(*(part.format(code=swapped, out=tmp_path / "out") for part in command), "--run", run_of_few)
    assert refused.exit_code == 7
    assert f"No organisation {swapped} in this run. Did you mean {code} (" in refused.output


def test_the_store_offers_near_runs_codes_problems_and_editions(
    store: Path, identifier: str, code: str, run_of_few: Path
) -> None:
    near = ("Z" if identifier[3] != "z" else "y") + identifier[1:6]
    assert f"Did you mean {identifier}?" in crosscheck_("runs", "show", near, "--store", store).output
    assert "four characters" not in crosscheck_("runs", "show", identifier[:3], "--store", store).output
    assert "give 4 characters" in crosscheck_("runs", "show", identifier[:3], "--store", store).output
    swapped = code[0] + code[2] + code[1]
    of_run = ("--run", run_of_few, "--store", store)
    by = ("--by", "A", "--because", "B")
    decided = crosscheck_("decide", swapped, "--function", "whole", "--as", "visit", *by, *of_run)
    assert f"Did you mean {code} (" in decided.output
    assert f"Did you mean {code} (" in crosscheck_("decisions", "show", swapped, *of_run).output
    visit = ("--on", "2009-09-01", "--found", "upheld")
    assert f"Did you mean {code} (" in crosscheck_("visits", "record-one", swapped, *visit, *by, *of_run).output
    problems = crosscheck_("problems", "answer", "--file", "declaration.csv", *by, *of_run)
    assert "Did you mean declarations.csv?" in problems.output
