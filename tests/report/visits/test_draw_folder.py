"""A published draw repeated three times over: by the command, by the script that travels with it, in JavaScript."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner
from playwright.sync_api import Browser

from crosscheck.cli import main
from crosscheck.report.visits.draw_folder import write_draw_folder
from crosscheck.runs.run_folder import _rounded
from crosscheck.visits.adaptive import sample_by_risk
from crosscheck.visits.design import Design
from crosscheck.visits.draw import Frame, draw_from, stratify
from crosscheck.visits.seal import digest_frame

VALUE, YEAR = "4 8 15 – é", "2008/09"
TEMPLATES = Path(__file__).parents[3] / "crosscheck" / "report" / "templates" / "draw"


def organisations(count: int) -> pl.DataFrame:
    types = [("acute", "pct", "mental_health")[number % 3] for number in range(count)]
    risk = [(number * 7919 % 1000) / 2500 for number in range(count)]
    codes = [f"R{number:05}" for number in range(count)]
    return pl.DataFrame({"org_code": codes, "org_type": types, "risk": risk, "gain": risk})


def publish(frame: Frame, kind: str, place: Path, made: Path) -> Path:
    """The folder of a run that was `made`, with another draw as far as that goes, and what is published of it."""
    run = place / "run"
    run.mkdir(parents=True)
    seal = {"run": "7bf1", "frame": digest_frame(frame, YEAR), "source": "the lottery", "value": VALUE,
            "known_from": "2030-05-01T20:00:00+00:00", "corrections": 0}  # fmt: skip
    manifest = json.loads((made / "manifest.json").read_text(encoding="utf-8"))
    manifest["options"] |= {"seal": seal, "year": YEAR}
    manifest["draw"] |= {"binding": True, "design": kind}
    (run / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    _rounded(draw_from(frame, VALUE, YEAR)).write_csv(run / "draw.csv")
    _rounded(frame.joint).write_csv(run / "joint_chances.csv")
    write_draw_folder(run, place / "draw")
    return place / "draw"


@pytest.fixture(params=["two-arms", "adaptive"])
def published(request: pytest.FixtureRequest, tmp_path: Path, run_of_few: Path) -> Path:
    rows = organisations(150)
    two_arms = request.param == "two-arms"
    frame = stratify(rows, 20) if two_arms else sample_by_risk(rows, 20, Design(kind="adaptive", bins=6))
    return publish(frame, request.param, tmp_path, run_of_few)


def by_command(folder: Path) -> tuple[bool, str]:
    told = CliRunner().invoke(main, ["visits", "verify", str(folder)])
    assert told.exit_code in (0, 16), told.output
    return told.exit_code == 0, told.output


def by_script(folder: Path) -> tuple[bool, str]:
    told = subprocess.run(
        [sys.executable, "-I", "verify_draw.py"], cwd=folder, capture_output=True, text=True, check=False
    )
    assert told.returncode in (0, 1)
    return told.returncode == 0, told.stdout + told.stderr


@pytest.fixture
def by_page(browser: Browser) -> Callable[[Path], tuple[bool, str]]:
    def verify(folder: Path) -> tuple[bool, str]:
        page = browser.new_page()
        page.goto((folder / "verify.html").as_uri())
        page.set_input_files("#files", [folder / name for name in ("frame.txt", "seal.json", "draw.csv")])
        page.wait_for_function("!document.getElementById('result').textContent.startsWith('No files')")
        told = page.text_content("#result") or ""
        page.close()
        return told.endswith("as published"), told

    return verify


def test_all_three_repeat_the_draw_and_say_the_same(
    published: Path, by_page: Callable[[Path], tuple[bool, str]]
) -> None:
    told = [verify(published) for verify in (by_command, by_script, by_page)]
    assert [words.strip() for _, words in told] == [f"150 tickets, 20 drawn with {VALUE}: as published"] * 3
    assert all(good for good, _ in told)


def drawn_and_not(folder: Path) -> tuple[str, str]:
    draw = pl.read_csv(folder / "draw.csv")
    return draw.filter("drawn")["org_code"][0], draw.filter(~pl.col("drawn"))["org_code"][0]


def replaced(file: Path, before: str, after: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert re.search(before, text)
    file.write_text(re.sub(before, after, text, count=1), encoding="utf-8")


def swap(folder: Path) -> None:
    for code, said in zip(drawn_and_not(folder), ("false", "true"), strict=True):
        replaced(folder / "draw.csv", rf"({code},.*),(true|false)", rf"\1,{said}")


def another_value(folder: Path) -> None:
    replaced(folder / "seal.json", VALUE, "4 8 16")


def another_ticket(folder: Path) -> None:
    replaced(folder / "draw.csv", r",[0-9a-f]{64},", f",{'0' * 64},")


def another_chance(folder: Path) -> None:
    replaced(folder / "frame.txt", r"\|0\.\d{12}\|", "|0.500000000000|")


def a_row_less(folder: Path) -> None:
    replaced(folder / "draw.csv", r"R00007,.*\n", "")


def an_organisation_more(folder: Path) -> None:
    file = folder / "frame.txt"
    file.write_text(file.read_text(encoding="utf-8") + "ZZZ|acute|0.133333333333|1\n", encoding="utf-8")


def a_code_twice(folder: Path) -> None:
    file = folder / "frame.txt"
    lines = file.read_text(encoding="utf-8").splitlines()
    file.write_text("\n".join([*lines, lines[-1]]) + "\n", encoding="utf-8")
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    replaced(folder / "seal.json", r'"frame": "[0-9a-f]{64}"', f'"frame": "{digest}"')


def a_drawn_one_left_out(folder: Path) -> None:
    """The number of rows stays: another organisation stands there twice."""
    lines = (folder / "draw.csv").read_text(encoding="utf-8").splitlines()
    drawn, other = (next(line for line in lines if line.endswith(end)) for end in ("true", "false"))
    text = "\n".join(other if line == drawn else line for line in lines) + "\n"
    (folder / "draw.csv").write_text(text, encoding="utf-8")


def a_chance_that_was_wrong_when_it_was_sealed(folder: Path) -> None:
    frame = folder / "frame.txt"
    code, stratum, chance, _ = frame.read_text(encoding="utf-8").splitlines()[-1].split("|")
    replaced(frame, rf"{code}\|{re.escape(stratum)}\|{chance}", f"{code}|{stratum}|0.500000000000")
    replaced(folder / "draw.csv", rf"({code},[^,]*,[0-9a-f]{{64}}),[^,]*", r"\1,0.5")
    digest = hashlib.sha256(frame.read_bytes()).hexdigest()
    replaced(folder / "seal.json", r'"frame": "[0-9a-f]{64}"', f'"frame": "{digest}"')


def one_draw_more(folder: Path) -> None:
    replaced(folder / "frame.txt", r"(draws\|[^|]*)\|\d+", r"\1|9")


TAMPERED = [swap, another_value, another_ticket, another_chance, a_row_less]
TAMPERED += [an_organisation_more, a_code_twice, one_draw_more, a_drawn_one_left_out]
TAMPERED += [a_chance_that_was_wrong_when_it_was_sealed]


@pytest.mark.parametrize("tamper", TAMPERED)
def test_all_three_find_whatever_was_tampered_with(
    published: Path, by_page: Callable[[Path], tuple[bool, str]], tamper: Callable[[Path], None]
) -> None:
    tamper(published)
    for verify in (by_command, by_script, by_page):
        good, told = verify(published)
        assert not good, (verify, told)


def test_ten_thousand_tickets_are_the_same_in_all_three(
    tmp_path: Path, run_of_few: Path, by_page: Callable[[Path], tuple[bool, str]]
) -> None:
    folder = publish(stratify(organisations(10_000), 600), "two-arms", tmp_path, run_of_few)
    for verify in (by_command, by_script, by_page):
        assert verify(folder) == (True, by_command(folder)[1].strip() + ("" if verify is by_page else "\n"))


def test_the_script_is_at_most_forty_lines_and_wants_nothing_but_python_from_3_9_on() -> None:
    script = (TEMPLATES / "verify_draw.py").read_text(encoding="utf-8")
    assert script.count("\n") <= 40
    imported = set(re.findall(r"^(?:import|from) (\w+)", script, re.MULTILINE))
    assert imported <= {"csv", "hashlib", "json", "pathlib", "sys", "unicodedata"}
    compile(script, "verify_draw.py", "exec", dont_inherit=True)


def test_every_python_that_is_found_says_the_same(tmp_path: Path, run_of_few: Path) -> None:
    folder = publish(stratify(organisations(60), 6), "two-arms", tmp_path, run_of_few)
    named = [shutil.which(f"python3.{minor}") for minor in range(9, 20)]
    found = [python for python in named if python and not subprocess.run([python, "-V"], check=False).returncode]
    for python in [sys.executable, *found]:
        told = subprocess.run([python, "verify_draw.py"], cwd=folder, capture_output=True, text=True, check=False)
        assert told.stdout == f"60 tickets, 6 drawn with {VALUE}: as published\n", (python, told.stderr)


def test_a_practice_draw_is_not_published(tmp_path: Path, run_of_few: Path) -> None:
    from crosscheck.errors import DrawError

    with pytest.raises(DrawError, match="its draw is for practice"):
        write_draw_folder(run_of_few, tmp_path / "draw")


@pytest.mark.parametrize("pair", [0, -1])
def test_the_command_finds_a_chance_of_a_pair_that_is_not_the_draws(published: Path, pair: int) -> None:
    file = published / "joint_chances.csv"
    joint = pl.read_csv(file)
    row = pair % joint.height
    changed = (
        pl.when(pl.int_range(pl.len()) == row).then(1.01 * pl.col("joint_probability")).otherwise("joint_probability")
    )
    joint.with_columns(joint_probability=changed).write_csv(file)
    good, told = by_command(published)
    assert not good
    assert f"{joint['stratum'][row]} and {joint['other'][row]}: joint_chances.csv states another chance" in told
    joint.head(joint.height - 1).write_csv(file)
    assert not by_command(published)[0]


@pytest.mark.parametrize("unusual", [b"\xef\xbb\xbf", b"\r\n"])
def test_a_file_that_a_spreadsheet_saved_again_is_no_difference(
    published: Path, by_page: Callable[[Path], tuple[bool, str]], unusual: bytes
) -> None:
    file = published / "draw.csv"
    content = file.read_bytes()
    file.write_bytes(content.replace(b"\n", unusual) if unusual == b"\r\n" else unusual + content)
    assert all(verify(published)[0] for verify in (by_command, by_script, by_page))


@pytest.mark.parametrize("gone", ["frame.txt", "seal.json", "draw.csv", "joint_chances.csv"])
def test_what_is_missing_or_cannot_be_read_is_named(published: Path, gone: str) -> None:
    (published / gone).write_text("nothing of it\n", encoding="utf-8")
    told = CliRunner().invoke(main, ["visits", "verify", str(published)])
    assert (told.exit_code, "can't be read as a published draw" in told.output) == (16, True)
    (published / gone).unlink()
    told = CliRunner().invoke(main, ["visits", "verify", str(published)])
    assert (told.exit_code, f"{gone}: is not there" in told.output) == (16, True)
