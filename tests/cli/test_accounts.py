"""Every organisation that a collection speaks of is on the list of its run, or named with the reason."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from crosscheck.cli import main

YEAR = "2008/09"
# What was done to the collection, and to whom: each stands in `lost` with words of its reason.
MISSPELT, WITHOUT_CODE, TOO_LONG, STATUS, NEW, FORMER = range(6)


def read_csv(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def write_csv(file: Path, rows: list[dict[str, str]]) -> None:
    with file.open("w", encoding="utf-8", newline="") as lines:
        writer = csv.DictWriter(lines, rows[0].keys(), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def spoil(folder: Path) -> dict[int, str]:
    """Spoil a collection in each way in which an organisation can be lost; the codes, by way."""
    organisations, declarations = read_csv(folder / "organisations.csv"), read_csv(folder / "declarations.csv")
    codes = {way: organisations[2 * way]["org_code"] for way in (MISSPELT, WITHOUT_CODE, TOO_LONG)}
    whole = [row for row in declarations if (row["year"], row["function"]) == (YEAR, "whole")]
    lost = next(row for row in whole if row["org_code"] not in codes.values())
    lost["status"] = "complyant"
    organisations[2 * MISSPELT]["org_type"] += "x"
    organisations[2 * WITHOUT_CODE]["org_code"] = ""
    new = dict.fromkeys(organisations[0], "") | {
        "org_code": "R0Q",
        "name": "New",
        "org_type": "acute",
        "region": "East",
    }
    former = dict.fromkeys(declarations[0], "") | whole[-1] | {"org_code": "Q99"}
    write_csv(folder / "organisations.csv", [*organisations, new])
    write_csv(folder / "declarations.csv", [*declarations, former])
    lines = (folder / "organisations.csv").read_text(encoding="utf-8").splitlines()
    lines[2 * TOO_LONG + 1] += ",one cell more"
    (folder / "organisations.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    again = next(line for line in lines if line.startswith(f"{lost['org_code']},"))
    with (folder / "organisations.csv").open("a", encoding="utf-8") as file:
        file.write(f"{again}\n")  # given twice: the first row stands, so this is not why its organisation is lost
    with (folder / "relationships.csv").open("a", encoding="utf-8") as ties:
        ties.write(f"{whole[-1]['org_code']},succeeds,Q99,,2007-04-01,\n")
    return codes | {STATUS: lost["org_code"], NEW: "R0Q", FORMER: "Q99"}


def run(collection: Path, out: Path, *options: str) -> Result:
    arguments = ["run", str(collection), "--year", YEAR, "--out", str(out), "--capacity", "5", *options]
    return CliRunner().invoke(main, arguments)


@pytest.fixture(scope="module")
def spoilt(few: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[int, str], Path, Result]:
    place = tmp_path_factory.mktemp("spoilt")
    shutil.copytree(few, place / "collection")
    codes = spoil(place / "collection")
    return codes, place, run(place / "collection", place / "run", "--strict")


def test_whoever_is_not_on_the_list_is_named_with_file_row_and_reason(
    spoilt: tuple[dict[int, str], Path, Result],
) -> None:
    codes, place, _ = spoilt
    named = {row["org_code"]: row for row in read_csv(place / "run" / "not_assessed.csv")}
    reasons = {
        MISSPELT: "Its row in organisations was set aside. org_type: Not one of the allowed values",
        TOO_LONG: "Its row in organisations was set aside. The row has 12 cells, more than the 11 headings.",
        STATUS: "Its declaration was set aside. status: Not one of the allowed values",
        NEW: "It has no declaration for 2008/09.",
        FORMER: "A former body: its successor",
    }
    for way, words in reasons.items():
        assert words in named[codes[way]]["reason"], named[codes[way]]
    misspelt = named[codes[MISSPELT]]
    assert (misspelt["file"], misspelt["row"]) == ("organisations.csv", "2")
    assert named[codes[FORMER]]["successor"]
    assert named[""]["row"] == "4"
    assert "org_code: The cell is empty" in named[""]["reason"]
    assert "is not among the organisations that can be used" in named[codes[WITHOUT_CODE]]["reason"]


def test_no_code_of_the_collection_vanishes(spoilt: tuple[dict[int, str], Path, Result]) -> None:
    """Counted from the files by themselves: the codes of organisations, and of declarations of the year."""
    _, place, _ = spoilt
    organisations = (place / "collection" / "organisations.csv").read_text(encoding="utf-8").splitlines()[1:]
    declared = [row["org_code"] for row in read_csv(place / "collection" / "declarations.csv") if row["year"] == YEAR]
    codes = {line.split(",")[0] for line in organisations} | set(declared)
    listed = {row["org_code"] for row in read_csv(place / "run" / "visit_list.csv")}
    missing = [row["org_code"] for row in read_csv(place / "run" / "not_assessed.csv")]
    assert codes == listed | set(missing)
    assert not listed & set(missing)
    accounts = json.loads((place / "run" / "manifest.json").read_text(encoding="utf-8"))["accounts"]
    assert accounts["mentioned"] == len(codes) == accounts["on_the_list"] + len(missing)
    assert accounts["former_bodies"] == 1


def test_terminal_and_page_name_them_and_a_strict_run_ends_with_1(
    spoilt: tuple[dict[int, str], Path, Result],
) -> None:
    codes, place, done = spoilt
    assert done.exit_code == 1
    assert "NOT ON THE LIST: 6 (not_assessed.csv names each)" in done.output
    assert "1 former body is assessed under the successor" in done.output
    page = (place / "run" / "dossiers" / "index.html").read_text(encoding="utf-8")
    for way in (MISSPELT, TOO_LONG, STATUS, NEW):
        assert f"    {codes[way]} (" in done.output
        assert f'<th scope="row">{codes[way]}</th>' in page


def test_rows_read_are_rows_used_and_rows_set_aside_in_the_manifest(
    spoilt: tuple[dict[int, str], Path, Result],
) -> None:
    _, place, _ = spoilt
    inputs = json.loads((place / "run" / "manifest.json").read_text(encoding="utf-8"))["inputs"]
    for file in inputs:
        written = len((place / "collection" / file["file"]).read_text(encoding="utf-8").splitlines()) - 1
        assert file["rows"] == written == file["rows_used"] + file["rows_set_aside"], file


def whole(few: Path, place: Path) -> Path:
    """A copy without declarations of former bodies, whose successions were cut off with the other organisations."""
    folder = place / "collection"
    shutil.copytree(few, folder)
    codes = {row["org_code"] for row in read_csv(folder / "organisations.csv")}
    declared = read_csv(folder / "declarations.csv")
    write_csv(folder / "declarations.csv", [row for row in declared if row["org_code"] in codes])
    return folder


def test_a_strict_run_ends_with_1_for_an_answer_that_was_set_aside(few: Path, tmp_path: Path) -> None:
    folder = whole(few, tmp_path)
    with (folder / "answers.csv").open("a", encoding="utf-8") as answers:
        answers.write(f"{read_csv(folder / 'organisations.csv')[0]['org_code']},no.such_question,,yes\n")
    assert run(folder, tmp_path / "run", "--no-pages").exit_code == 0
    assert run(folder, tmp_path / "strict", "--strict", "--no-pages").exit_code == 1


def test_a_lost_second_declaration_is_named_on_terminal_and_page_and_ends_a_strict_run_with_1(
    few: Path, tmp_path: Path
) -> None:
    folder = whole(few, tmp_path)
    rows = read_csv(folder / "declarations.csv")
    place = next(n for n, row in enumerate(rows) if (row["year"], row["function"]) == (YEAR, "provider"))
    rows[place]["status"] = "complyant"
    write_csv(folder / "declarations.csv", rows)
    done = run(folder, tmp_path / "run", "--strict")
    code = rows[place]["org_code"]
    assert done.exit_code == 1
    assert "1 DECLARATION SET ASIDE of organisations that are on the list by another" in done.output
    assert f"{code} (declarations.csv, row {place + 2}): status: Not one of the allowed values" in done.output
    page = (tmp_path / "run" / "dossiers" / "index.html").read_text(encoding="utf-8")
    _, section = page.split('<section id="not_assessed"')
    assert f'<th scope="row">{code}</th><td>declarations.csv</td><td class="number">{place + 2}</td>' in section
    assert read_csv(tmp_path / "run" / "not_assessed.csv") == []


def test_a_strict_run_of_a_whole_collection_ends_with_0(few: Path, tmp_path: Path) -> None:
    done = run(whole(few, tmp_path), tmp_path / "run", "--strict", "--no-pages")
    assert done.exit_code == 0, done.output
    assert (tmp_path / "run" / "not_assessed.csv").read_text(encoding="utf-8").count("\n") == 1


@pytest.mark.parametrize("way", [MISSPELT, TOO_LONG, STATUS, NEW, FORMER])
def test_explain_of_an_organisation_that_is_not_on_the_list_says_where_and_why(
    spoilt: tuple[dict[int, str], Path, Result], way: int
) -> None:
    codes, place, _ = spoilt
    row = next(row for row in read_csv(place / "run" / "not_assessed.csv") if row["org_code"] == codes[way])
    done = CliRunner().invoke(main, ["explain", codes[way].lower(), "--run", str(place / "run")])
    assert done.exit_code == 7
    line = f"{codes[way]} is not on the list of this run. {row['file']}:{row['row']}: {row['reason']}"
    assert line in done.output
    assert (f"crosscheck explain {row['successor']}" in done.output) == (way == FORMER)


def test_explain_of_a_code_that_only_rows_set_aside_name_says_which(few: Path, tmp_path: Path) -> None:
    collection = shutil.copytree(few, tmp_path / "collection")
    with (collection / "answers.csv").open("a", encoding="utf-8") as answers:
        answers.write("X9Q,training.strategy,,yes\n")
    row = len((collection / "answers.csv").read_text(encoding="utf-8").splitlines())
    assert run(collection, tmp_path / "run", "--no-pages").exit_code == 0
    done = CliRunner().invoke(main, ["explain", "X9Q", "--run", str(tmp_path / "run")])
    assert f"No organisation X9Q in this run. answers.csv:{row}: X9Q is not among the organisations" in done.output
