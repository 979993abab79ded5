"""Problems on a terminal: one line each, by cause, causes before what follows from them; no word of a table broken."""

from __future__ import annotations

import csv
import fcntl
import io
import json
import os
import pty
import re
import shutil
import struct
import subprocess
import sys
import termios
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner

from crosscheck.cli import main
from crosscheck.cli.terminal import list_rows

DIRTY = Path(__file__).resolve().parents[1] / "data" / "england-2008-09-dirty.zip"
LINE = re.compile(
    r"^  (?P<file>[\w.]+)(?::(?P<row>\d+))?(?::(?P<column>\w+))?(?P<value> \"[^\n]*\")?: (?P<words>.+); (.+)$"
)
HEADING = re.compile(r"^(\d[\d,]*) (?:rows? set aside|cells? set aside|values? in doubt|read all the same): (.+)$")
FOLLOWS = re.compile(r"^  since (\w+) can't be used: ([\w.]+): ([\d,]+) rows? set aside, too \(rows? (.+)\)$")


def check(collection: Path, form: str = "table") -> str:
    return CliRunner().invoke(main, ["check", str(collection), "--format", form]).stdout


def listed(printed: str) -> list[str]:
    """The lines below the account of what was read."""
    return printed.split("\n\n", 1)[1].splitlines() if "\n\n" in printed else []


@pytest.fixture(scope="module")
def dirty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("dirty")
    zipfile.ZipFile(DIRTY).extractall(place)
    return next(place.rglob("answers.csv")).parent


def test_each_problem_of_a_dirty_collection_has_one_line_below_a_heading_that_counts_it(dirty: Path) -> None:
    problems = list(csv.DictReader(io.StringIO(check(dirty, "csv"))))
    lines = listed(check(dirty))
    found = [match for line in lines if (match := LINE.match(line))]
    assert len(problems) > 100
    places = [tuple(problem[name] for name in ("file", "row", "column")) for problem in problems]
    assert sorted(places) == sorted(tuple(match[name] or "" for name in ("file", "row", "column")) for match in found)
    headings = [match for line in lines if (match := HEADING.match(line))]
    assert sum(int(match[1]) for match in headings) == len(problems)
    assert len(lines) == len(problems) + 2 * len(headings) - 1, "nothing but problems, headings and blank lines"


def test_every_line_says_what_is_wrong_and_what_to_do_in_the_words_of_the_problem(dirty: Path) -> None:
    printed = check(dirty)
    for problem in json.loads(check(dirty, "json")):
        assert f": {problem['problem'].rstrip('.')}; " in printed
        assert problem["remedy"][1:] in printed


def test_the_gravest_come_first(dirty: Path) -> None:
    headings = [line.split(":")[0].split(" ", 1)[1] for line in listed(check(dirty)) if HEADING.match(line)]
    grades = [["row", "cell", "value", "read"].index(heading.split()[0].rstrip("s")) for heading in headings]
    assert grades == sorted(grades)


def test_the_account_of_what_was_read_counts_in_the_plural(dirty: Path) -> None:
    counts = next(line for line in check(dirty).splitlines() if line.startswith("  problems: "))
    assert re.match(r"  problems: \d+ rows set aside, \d+ cells set aside, \d+ read all the same", counts)


def test_a_misspelt_type_comes_before_the_rows_that_follow_from_it_and_these_are_counted(
    few: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(few, tmp_path / "collection")
    rows = (folder / "organisations.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    code, name, kind, rest = rows[1].split(",", 3)
    (folder / "organisations.csv").write_text("".join([rows[0], f"{code},{name},{kind}x,{rest}", *rows[2:]]))
    with (folder / "answers.csv").open("a", encoding="utf-8") as answers:
        answers.write("X9Q,training.strategy,,yes\n")
    cause, *following = listed(check(folder))[1:]
    assert cause.startswith(f'  organisations.csv:2:org_type "{kind}x": Not one of the allowed values of org_type; did')
    counted = {}
    for line in following:
        if not (match := FOLLOWS.match(line)):
            break
        assert match[1] == code
        counted[match[2]] = (int(match[3]), match[4])
    problems = [row for row in csv.DictReader(io.StringIO(check(folder, "csv"))) if row["value"] == code]
    assert sum(count for count, _ in counted.values()) == len(problems) > 50
    for file, (count, named) in counted.items():
        own = [row["row"] for row in problems if row["file"] == file]
        assert count == len(own)
        assert named.split(" and ")[0].split(", ") == own[:10]
    lines = listed(check(folder))
    assert sum(line.startswith("  answers.csv") for line in lines) == 1, "a code that is nobody's has a line of its own"
    assert any(line.endswith("X9Q is not among the organisations that can be used") for line in lines)


def test_a_line_end_within_a_value_ends_no_line(few: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(few, tmp_path / "collection")
    with (folder / "answers.csv").open("a", encoding="utf-8") as answers:
        answers.write('R0,training.strategy,,"may\nbe"\n')
    lines = [line for line in listed(check(folder)) if LINE.match(line)]
    assert len(lines) == len(list(csv.DictReader(io.StringIO(check(folder, "csv")))))
    assert any('answer "may\\nbe": Not an answer to training.strategy; allowed:' in line for line in lines)


def on_terminal(columns: int, *arguments: str) -> str:
    """What a command prints on a terminal of so many columns, without colours."""
    shown, own = pty.openpty()
    fcntl.ioctl(own, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    command = [sys.executable, "-m", "crosscheck", *arguments]
    kept = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
    with subprocess.Popen(command, stdout=own, stderr=own, stdin=own, env=kept | {"TERM": "xterm"}) as process:
        os.close(own)
        printed = b""
        while True:
            try:
                part = os.read(shown, 65536)
            except OSError:  # Linux says so where the other end was closed
                break
            if not part:
                break
            printed += part
        process.wait()
    os.close(shown)
    return re.sub(r"\x1b\[[\d;]*[mK]|\r", "", printed.decode())


def words_of(text: str) -> list[str]:
    return re.findall(r"[\w./-]{2,}", text)


@pytest.mark.parametrize("columns", [60, 80, 120, 200])
@pytest.mark.parametrize(
    "arguments",
    [
        ("rules",),
        ("rules", "--project-thresholds"),
        ("rules", "coverage", "--outcome", "declined"),
        ("questions", "training"),
    ],
    ids=" ".join,
)
def test_no_word_of_a_list_is_broken_however_narrow_the_terminal_is(arguments: tuple[str, ...], columns: int) -> None:
    whole = set(words_of(CliRunner().invoke(main, [*arguments, "--format", "csv"]).output))
    printed = on_terminal(columns, *arguments)
    known = whole | {
        "Not",
        "shown",
        "since",
        "the",
        "terminal",
        "is",
        "narrow",
        "format",
        "csv",
        "has",
        "all",
        "columns.",
    }
    longest = max(len(word) for word in whole)
    broken = [word for word in words_of(printed) if word not in known and word.strip("./-") not in known]
    broken = [word for word in broken if not word.startswith("--")]
    assert broken == [] or longest > columns, broken[:10]


def test_the_list_of_runs_keeps_every_cell_on_a_line_at_80_columns(run_of_few: Path, few: Path, tmp_path: Path) -> None:
    store = str(tmp_path / "runs.db")
    saved = CliRunner().invoke(main, ["runs", "save", str(run_of_few), "--collection", str(few), "--store", store])
    assert saved.exit_code == 0, saved.output
    lines = [line.split() for line in on_terminal(80, "runs", "list", "--store", store).splitlines() if line.strip()]
    assert lines[0] == ["run_id", "year", "saved_at", "declarations", "differs", "selected"]
    assert len(lines[2]) == len(lines[0]) + 1, "a day and a time"
    assert re.fullmatch(r"[0-9a-f]{16}", lines[2][0])
    assert " ".join(lines[3]).startswith("Not shown, since the terminal is narrow: standard, crosscheck.")
    wide = CliRunner().invoke(main, ["runs", "list", "--store", store]).output.splitlines()
    assert wide[1].split() == ["run_id", "standard", "year", "saved_at", *lines[0][3:], "crosscheck"]


def test_a_table_in_a_pipe_is_as_wide_as_it_needs_whatever_the_terminal_has(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    text = "A sentence of many words that no line of forty characters has room for, and none of eighty has. " * 2
    list_rows([{"id": "C2-HR-01", "text": text.strip()}], ("id", "text"), "table")
    assert text.strip() in capsys.readouterr().out
