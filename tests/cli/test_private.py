"""What is printed and written tells nobody more than it should."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from crosscheck.cli import main
from crosscheck.passwords import hide_passwords

ADDRESSES = {
    "an @": ("postgresql://anna:s3same@street@127.0.0.1:1/trusts", "s3same@street"),
    "a slash": ("postgresql://anna:s3same/street@127.0.0.1:1/trusts", "s3same/street"),
    "a colon": ("postgresql://anna:s3same:street@127.0.0.1:1/trusts", "s3same:street"),
    "encoded": ("postgresql://anna:s3same%40street@127.0.0.1:1/trusts", "s3same"),
    "a setting": ("postgresql://anna@127.0.0.1:1/trusts?password=s3same", "s3same"),
    "two settings": ("postgresql://127.0.0.1:1/t?user=anna&password=s3same&sslpassword=s3cond", "s3cond"),
    "an unknown setting": ("postgresql://anna:s3same@127.0.0.1:1/trusts?s3same=1", "s3same"),
    "no port": ("postgresql://anna:s3same@127.0.0.1:port/trusts", "s3same"),
    "no slashes": ("postgresql:anna:s3same@127.0.0.1/trusts", "s3same"),
    "another database": ("mysql://anna:s3same@127.0.0.1/trusts", "s3same"),
    "settings alone": ("host=127.0.0.1 password=s3same", "s3same"),
    "a space": ("postgresql://anna:s3same street@127.0.0.1:1/trusts", "street"),
}


def crosscheck_(*arguments: object, **options: str) -> Result:
    return CliRunner(env=options).invoke(main, [str(argument) for argument in arguments])


@pytest.fixture
def usual_rights() -> Iterator[None]:
    """Rights as most machines give them: everybody may read."""
    before = os.umask(0o022)
    yield
    os.umask(before)


def opened_to_others(*places: Path) -> list[str]:
    found = [one for place in places for one in (place, *place.rglob("*")) if one.stat().st_mode & 0o077]
    return [str(one) for one in found]


@pytest.mark.parametrize("kind", ADDRESSES)
def test_no_form_of_an_address_gives_its_password_away(
    kind: str, monkeypatch: pytest.MonkeyPatch, few: Path, run_of_few: Path, tmp_path: Path
) -> None:
    address, password = ADDRESSES[kind]
    monkeypatch.setattr("sys.argv", ["crosscheck", "store", "version", "--store", address])
    asked = [
        crosscheck_("store", "version", "--store", address),
        crosscheck_("runs", "list", CROSSCHECK_STORE=address),
        crosscheck_("run", few, "--year", "2008/09", "--out", tmp_path / "run", "--store", address),
        crosscheck_("explain", address, "--run", run_of_few),  # given in the wrong place
        crosscheck_("check", address),
        crosscheck_("version", f"--store={address}"),
    ]
    assert {told.exit_code for told in asked[:3]} == {10}
    for told in asked:
        assert told.exit_code > 1
        assert password.lower() not in told.output.lower()
        assert "s3same" not in told.output.lower()


def test_a_batch_hands_the_address_of_its_store_over_where_nobody_sees_it(few: Path, tmp_path: Path) -> None:
    batch = tmp_path / "batch.toml"
    store = "postgresql://anna:s3same@street@127.0.0.1:1/trusts"
    batch.write_text(
        f'out = "runs"\n[defaults]\ncollection = "{few}"\nyear = "2008/09"\npages = false\nstore = "{store}"\n'
        '[[run]]\nname = "few"\n'
    )
    told = crosscheck_("batch", batch, "--log", tmp_path / "log.txt")
    assert told.exit_code == 12
    (report,) = json.loads((tmp_path / "runs" / "batch.json").read_text())["items"]
    assert "the database does not answer" in report["said"]
    written = [file.read_text() for file in (*(tmp_path / "runs").rglob("*"), tmp_path / "log.txt") if file.is_file()]
    assert not [text for text in (told.output, *written) if "s3same" in text or "street" in text]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("no store at postgresql://anna@db/trusts.", "no store at postgresql://anna@db/trusts."),
        ("postgresql://anna:x@db/trusts is empty", "postgresql://anna:***@db/trusts is empty"),
        ("see https://www.gov.uk/guidance?year=2009", "see https://www.gov.uk/guidance?year=2009"),
        ("connect to user=anna sslpassword='a b' host=db", "connect to user=anna sslpassword=*** host=db"),
        ("row 2, column answer: 12:30@noon", "row 2, column answer: 12:30@noon"),
    ],
)
def test_text_is_shown_as_it_stands_but_for_passwords(text: str, shown: str) -> None:
    assert hide_passwords(text) == shown


def test_a_list_as_csv_holds_no_formula_and_comes_back_as_it_was(run_of_few: Path, few: Path, tmp_path: Path) -> None:
    store, listed = tmp_path / "runs.db", tmp_path / "decided.csv"
    assert crosscheck_("runs", "save", run_of_few, "--store", store, "--collection", few).exit_code == 0
    run_id = json.loads(crosscheck_("runs", "list", "--store", store, "--format", "json").output)[0]["run_id"]
    asked = ("decisions", "list", "--run", run_id, "--store", store, "--format")
    declaration = json.loads(crosscheck_(*asked, "json").stdout)[0]
    formula = '=HYPERLINK("http://example.com","see")'
    about = (declaration["org_code"], "--function", declaration["function"], "--run", run_id, "--store", store)
    decided = crosscheck_("decide", *about, "--as", "visit", "--by", "-A Name", "--because", formula)
    assert decided.exit_code == 0, decided.output
    printed = crosscheck_(*asked, "csv").stdout
    rows = list(csv.DictReader(io.StringIO(printed)))
    assert (rows[0]["reason"], rows[0]["who"]) == (f"'{formula}", "'-A Name")
    assert json.loads(crosscheck_(*asked, "json").stdout)[0]["reason"] == formula  # no spreadsheet opens JSON
    listed.write_text(printed)
    told = crosscheck_("decisions", "import", listed, "--run", run_id, "--store", store)
    assert told.stdout == "0 decisions kept; 1 stood already\n"


def test_problems_as_csv_hold_no_formula(few: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(few, tmp_path / "collection")
    with (folder / "answers.csv").open("a") as answers:
        answers.write("R5T,@SUM(1+9)*cmd|' /C calc'!A0,,=1+1\n")
    cells = [
        cell for row in csv.reader(io.StringIO(crosscheck_("check", folder, "--format", "csv").stdout)) for cell in row
    ]
    assert any("SUM(1+9)" in cell for cell in cells)
    assert not [cell for cell in cells if cell.startswith(("=", "@", "+"))]


def test_a_run_a_store_and_what_is_made_of_them_are_for_their_owner_alone(
    few: Path, tmp_path: Path, usual_rights: None
) -> None:
    run, store, out = tmp_path / "run", tmp_path / "runs.db", tmp_path / "out"
    made = [
        crosscheck_("run", few, "--year", "2008/09", "--out", run, "--capacity", 4, "--store", store),
        crosscheck_("dossiers", "--run", run, "--out", out / "dossiers"),
        crosscheck_("benchmarks", "--run", run, "--out", out / "packs"),
        crosscheck_("national", "--run", run, "--out", out / "national"),
        crosscheck_("reply", "form", "--run", run, "--out", out / "letters"),
        crosscheck_("visits", "packs", "--run", run, "--out", out / "visits"),
        crosscheck_("visits", "forms", "--run", run, "--out", out / "forms"),
        crosscheck_("visit-list", "--run", run, "--out", out / "list.svg"),
        crosscheck_("store", "backup", out / "backup.zip", "--store", store),
        crosscheck_("runs", "diff", run, run, "--out", out / "difference"),
    ]
    assert {told.exit_code for told in made} == {0}, [told.output for told in made if told.exit_code]
    assert len(list(out.iterdir())) == 9
    assert opened_to_others(run, store, out) == []
    assert os.umask(0o022) == 0o022  # whoever calls the command from a program of their own finds it as it was


def test_what_is_meant_for_everybody_is_made_as_the_user_has_it(
    run_of_few: Path, tmp_path: Path, usual_rights: None
) -> None:
    assert crosscheck_("dictionary", "--out", tmp_path / "dictionary").exit_code == 0
    assert (tmp_path / "dictionary" / "index.html").stat().st_mode & 0o777 == 0o644
    published = tmp_path / "published"
    assert crosscheck_("national", "--run", run_of_few, "--publish", "--out", published).exit_code == 0
    assert (published / "national.html").stat().st_mode & 0o777 == 0o644
    assert published.stat().st_mode & 0o777 == 0o755
