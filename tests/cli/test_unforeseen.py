"""However a command ends, it ends with a sentence and an exit code of its own."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import polars as pl
import pytest
from click.testing import CliRunner, Result

from crosscheck import questionnaire
from crosscheck.cli import main
from crosscheck.cli.named_run import RunFolder
from tests.cli.test_cli import commands

ROOT = Path(__file__).resolve().parents[2]
DATUM = "the-trust-of-R5T"


def crosscheck_(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def started(*arguments: object, **options: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "crosscheck", *map(str, arguments)]
    given = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "cwd": ROOT} | options
    return subprocess.Popen(command, **given)  # type: ignore[call-overload]


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that the user is in."""
    folder = tmp_path / "desk"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def break_with(error: BaseException, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(questionnaire, "read_questionnaire", fail)


UNFORESEEN = [
    KeyError(DATUM),
    RecursionError(DATUM),
    MemoryError(),
    pl.exceptions.PanicException(DATUM),  # what Rust raises is no Exception
    pl.exceptions.ComputeError(DATUM),
    AssertionError(DATUM),
]


@pytest.mark.parametrize("error", UNFORESEEN, ids=lambda error: type(error).__name__)
def test_what_nobody_foresaw_is_one_sentence_with_70_and_a_report_without_data(
    error: BaseException, few: Path, desk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_with(error, monkeypatch)
    monkeypatch.setattr(sys, "argv", ["crosscheck", "check", str(few), "--format", "csv"])
    told = crosscheck_("check", few, "--format", "csv")
    assert told.exit_code == 70
    assert len(told.stderr.splitlines()) == 1
    (report,) = desk.glob("crosscheck-report-*.txt")
    assert str(report) in told.stderr
    written = report.read_text()
    assert type(error).__name__ in written
    assert "command: crosscheck check --format\n" in written
    assert "crosscheck/cli/run.py, line" in written
    for hidden in (DATUM, str(few), str(desk), str(ROOT)):
        assert hidden not in written + told.stdout
    assert report.stat().st_mode & 0o777 == 0o600


def test_a_report_holds_messages_and_the_command_line_where_that_was_asked_for(
    few: Path, desk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = "postgresql://anna:" + "s3same@street" + "@db/crosscheck"
    break_with(KeyError(f"{DATUM} at {address}"), monkeypatch)
    monkeypatch.setenv("CROSSCHECK_REPORT_DATA", "yes")
    monkeypatch.setattr(sys, "argv", ["crosscheck", "check", str(few), "--store", address])
    assert crosscheck_("check", few).exit_code == 70
    (report,) = desk.glob("crosscheck-report-*.txt")
    written = report.read_text()
    assert DATUM in written
    assert f"check {few} --store postgresql://anna:***@db/crosscheck" in written
    assert "s3same" not in written


def test_a_report_goes_to_the_temporary_files_where_the_folder_takes_none(
    few: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    break_with(KeyError(DATUM), monkeypatch)
    told = crosscheck_("check", few)
    assert told.exit_code == 70
    (report,) = (tmp_path / "temporary").glob("crosscheck-report-*.txt")
    assert str(report) in told.stderr
    monkeypatch.chdir(tmp_path)  # so that the folder to go back to is there


def test_a_report_that_lies_in_the_collections_folder_is_no_part_of_it(few: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(few, tmp_path / "collection")
    before = crosscheck_("check", folder, "--format", "csv").output
    (folder / "crosscheck-report-20090331-120000-1.txt").write_text("crosscheck 0.2.0\n")
    assert crosscheck_("check", folder, "--format", "csv").output == before


PRINTING = (["rules"], ["rules", "--format", "csv"], ["questions", "--format", "json"], ["version"], ["--help"])


@pytest.mark.parametrize("arguments", PRINTING, ids=" ".join)
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no device that is always full")
def test_a_full_output_is_said_with_74(arguments: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        process = started(*arguments, stdout=full)
        told = process.communicate()[1]
    assert process.returncode == 74
    assert told.splitlines() == [
        "There is no room for what is printed or written (No space left on device). "
        "Make room, or write to another place."
    ]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no device that is always full")
def test_the_exit_code_says_it_even_where_nothing_at_all_can_be_printed() -> None:
    with Path("/dev/full").open("w") as full:
        process = started("version", stdout=full, stderr=full)
        assert process.wait() == 74


@pytest.mark.parametrize("arguments", PRINTING, ids=" ".join)
def test_a_reader_that_has_gone_ends_a_command_quietly_with_141(arguments: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    process = started(*arguments, stdout=writing)
    os.close(writing)
    assert process.communicate()[1] == ""
    assert process.returncode == 141


# A program that presses Ctrl-C itself, when it begins to load a module, or when it ends.
STOPPING = """
import atexit, os, signal, sys

class Stop:
    def find_spec(self, name, path, target=None):
        if name == sys.argv[1]:
            os.kill(os.getpid(), signal.SIGINT)

def press():
    os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Stop())
if sys.argv[1] == "the end":
    atexit.register(press)
from crosscheck.__main__ import start
sys.argv[:2] = ["crosscheck"]
start()
"""


def stopped_at(moment: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    program = STOPPING.replace("sys.argv[1]", repr(moment)).replace("sys.argv[:2]", "sys.argv[:1]")
    command = [sys.executable, "-c", program, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)


@pytest.mark.parametrize(
    "moment", ["crosscheck.cli.group", "polars", "crosscheck.pipeline", "crosscheck.report.write_pages"]
)
def test_ctrl_c_ends_a_command_with_130_whenever_it_comes(moment: str, few: Path, tmp_path: Path) -> None:
    ended = stopped_at(moment, "run", few, "--year", "2008/09", "--out", tmp_path / "run")
    assert ended.returncode == 130
    assert "Traceback" not in ended.stderr
    assert not (tmp_path / "run").exists()


def test_ctrl_c_changes_nothing_of_a_command_that_has_ended() -> None:
    ended = stopped_at("the end", "version")
    assert (ended.returncode, ended.stderr) == (0, "")


def test_ctrl_c_in_the_middle_of_work_ends_it(collection_folder: Path, tmp_path: Path) -> None:
    work = tmp_path / ".run.work"
    process = started("run", collection_folder, "--year", "2008/09", "--out", tmp_path / "run")
    while not work.exists() and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate()
    assert process.returncode == 130
    assert told.splitlines()[-1] == "Stopped, since you asked for it."
    assert not (tmp_path / "run").exists()


def test_a_question_that_nobody_answers_stops_the_command(run_of_few: Path, tmp_path: Path, few: Path) -> None:
    store = tmp_path / "runs.db"
    assert crosscheck_("runs", "save", run_of_few, "--store", store, "--collection", few).exit_code == 0
    assert crosscheck_("store", "downgrade", "--to", "0001", "--store", store).exit_code == 130


SHARES = [
    ("run", "{collection}", "--year", "2008/09", "--random-share"),
    ("backtest", "{collection}", "--year", "2008/09", "--share"),
    ("decisions", "list", "--run", "7bf1", "--store", "runs.db", "--risk-from"),
]


@pytest.mark.parametrize("arguments", SHARES, ids=lambda arguments: arguments[0])
@pytest.mark.parametrize("share", ["nan", "NaN", "-nan", "inf", "1e309"])
def test_what_is_no_number_is_no_share(arguments: tuple[str, ...], share: str, few: Path, desk: Path) -> None:
    told = crosscheck_(*(argument.format(collection=few) for argument in arguments), share)
    assert told.exit_code == 2, told.output
    assert arguments[-1] in told.stderr


@pytest.mark.parametrize("share", ["nan", "inf", "-inf"])
def test_what_is_no_number_is_no_share_of_a_plan(share: str, few: Path, tmp_path: Path) -> None:
    plan = tmp_path / "plan.toml"
    plan.write_text(f'[design]\nkind = "two-arms"\nrandom_share = {share}\n')
    told = crosscheck_("run", few, "--year", "2008/09", "--out", tmp_path / "run", "--plan", plan)
    assert told.exit_code == 18, told.output
    assert "random_share" in told.stderr


def _folder(place: Path) -> None:
    place.mkdir()


def _under_a_file(place: Path) -> None:
    place.parent.rmdir()
    place.parent.write_text("")


ODD: dict[str, Callable[[Path], object]] = {
    "a folder": _folder,
    "nothing": lambda _: None,
    "no text": lambda place: place.write_bytes(bytes(range(256)) * 40),
    "an empty file": lambda place: place.write_bytes(b""),
    "below a file": _under_a_file,
}
ODD_TOML: dict[str, Callable[[Path], object]] = {
    "deep": lambda place: place.write_text("a = " + "[" * 100_000 + "]" * 100_000),
    "dotted": lambda place: place.write_text("a" + ".a" * 50_000 + " = 1"),
    "huge": lambda place: place.write_text('a = """' + "x\n" * 3_000_000 + '"""'),
}
TOML = {("batch", "file"), ("import", "map_file"), ("run", "plan"), ("visits plan", "plan"), ("visits replan", "plan")}
EMPTY_PLAN = ("run", "plan", "an empty file")


def odd_inputs() -> Iterator[tuple[str, click.Command, click.Parameter, str]]:
    """Every path that a command reads or looks into, with each odd thing that may be there."""
    for path, command in commands(main):
        for parameter in command.params:
            name, of = (" ".join(path), str(parameter.name)), parameter.name in ("out", "publish", "draft")
            if not isinstance(parameter.type, click.Path | RunFolder) or of:
                continue
            kinds = [*ODD, *ODD_TOML] if name in TOML else [*ODD]
            # An empty plan states nothing, so that all is as it is without one.
            yield from ((name[0], command, parameter, kind) for kind in kinds if (*name, kind) != EMPTY_PLAN)


@pytest.mark.parametrize(
    ("path", "command", "odd", "kind"), list(odd_inputs()), ids=lambda part: part if isinstance(part, str) else ""
)
def test_no_file_or_folder_whatever_it_is_brings_a_command_down(
    kind: str, path: str, command: click.Command, odd: click.Parameter, desk: Path, few: Path
) -> None:
    (desk / "odd").mkdir()
    place = desk / "odd" / "in.csv"
    (ODD | ODD_TOML)[kind](place)
    known = {"year": "2008/09", "collection": few, "folder": desk, "store": desk / "none.db", "today": "2009-07-06"}
    arguments: list[object] = path.split()
    for parameter in command.params:
        value = place if parameter is odd else known.get(str(parameter.name), _any_value(parameter.type))
        if parameter is odd or parameter.required:
            arguments += [value] if isinstance(parameter, click.Argument) else [max(parameter.opts, key=len), value]
    told = crosscheck_(*arguments)
    assert told.exit_code not in (0, 1, 70) or (told.exit_code == 0 and kind in ("nothing", "a folder")), told.output
    assert "Traceback" not in told.output
    assert not list(desk.glob("crosscheck-report-*"))


def _any_value(kind: click.ParamType) -> str:
    if isinstance(kind, click.Choice):
        return str(kind.choices[0])
    return "1" if isinstance(kind, click.types.IntParamType | click.types.FloatParamType) else "x"


def test_a_questionnaire_with_a_short_row_is_named_by_row_and_column(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in ("rules", "models", "data/c2"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    file = tmp_path / "data" / "c2" / "questionnaire.csv"
    headings, first, *rest = file.read_text(encoding="utf-8").splitlines(keepends=True)
    long, short, foreign = first.rstrip("\n") + ",,\n", "staffing.x,1a\n", rest[0].replace("ordinal", "ordinary")
    file.write_text("".join([headings, short, long]), encoding="utf-8")
    monkeypatch.setenv("CROSSCHECK_HOME", str(tmp_path))
    told = crosscheck_("questions")
    assert told.exit_code == 5
    assert "row 2, column text: the row has 2 cells of 18" in told.stderr
    assert "row 3, column 19: the row has 20 cells" in told.stderr
    file.write_text("".join([headings, first, foreign]), encoding="utf-8")
    told = crosscheck_("questions")
    assert told.exit_code == 5
    assert re.search(r"row 3, column answer_type: “ordinary” is not allowed. Give one of: ordinal, yes_no", told.stderr)
