"""What the command says of files among the rules that are none, or that an editor has changed."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from crosscheck.cli import main

HERE = Path(__file__).resolve().parents[2]
RULE = "C2-AUD-01"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of one rule, in a home of its own."""
    for name in ("rules", "models", "data/c2"):
        shutil.copytree(HERE / name, tmp_path / name)
    monkeypatch.setenv("CROSSCHECK_HOME", str(tmp_path))
    (file,) = (tmp_path / "rules").rglob(f"{RULE}.toml")
    return file.parent


def check_rules() -> Result:
    done = CliRunner().invoke(main, ["rules", "check", "--only", RULE])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done


def test_a_rule_with_a_byte_order_mark_is_read_as_one_without(folder: Path) -> None:
    before = check_rules()
    file = folder / f"{RULE}.toml"
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes())
    after = check_rules()
    assert (after.exit_code, after.output) == (before.exit_code, before.output)
    assert after.exit_code == 0


def test_a_verdict_that_is_a_list_is_named_with_what_is_allowed(folder: Path) -> None:
    file = folder / f"{RULE}.toml"
    file.write_text(file.read_text(encoding="utf-8").replace('verdict = "agrees"', 'verdict = ["agrees"]'), "utf-8")
    done = check_rules()
    assert done.exit_code == 4
    assert f"{RULE}.toml, example, 1, verdict: ['agrees'] is not allowed. Allowed are: differs" in done.output


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("old.toml", "old.toml: This is a folder and no rule."),
        ("C2-AUD-31.toml.txt", "C2-AUD-31.toml.txt: It was not read, since it ends in .toml.txt."),
        ("C2-AUD-32.TOML", "C2-AUD-32.TOML: It was not read, since it ends in .TOML."),
        ("C2-AUD-33.toml~", "C2-AUD-33.toml~: It was not read, since it ends in .toml~."),
    ],
)
def test_what_is_no_rule_by_its_ending_is_named(folder: Path, name: str, words: str) -> None:
    if name == "old.toml":
        (folder / name).mkdir()
    else:
        shutil.copy(folder / f"{RULE}.toml", folder / name)
    done = check_rules()
    assert done.exit_code == 4
    assert words in done.output


def test_a_rule_that_is_nested_without_end_is_refused(folder: Path) -> None:
    (folder / f"{RULE}.toml").write_text("a = " + "[" * 100_000, encoding="utf-8")
    done = check_rules()
    assert done.exit_code == 4
    assert f"{RULE}.toml: This can't be read as TOML" in done.output


def test_a_short_row_of_the_questionnaire_is_named_with_row_and_column(folder: Path) -> None:
    (file,) = (folder.parents[2] / "data").rglob("questionnaire.csv")
    first, second, *others = file.read_text(encoding="utf-8").splitlines()
    file.write_text("\n".join([first, second.split(",")[0], *others]) + "\n", encoding="utf-8")
    done = CliRunner().invoke(main, ["questions"])
    assert done.exit_code == 5
    assert "questionnaire.csv, row 2, column" in done.output
