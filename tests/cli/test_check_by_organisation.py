"""What each organisation should mend, through the command to the workbook that is sent to it."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import fastexcel
import pytest
from click.testing import CliRunner, Result

from crosscheck.cli import main

TABLES = {
    "organisations": "R01,Arden,acute,North\nR02,Bray,acute,North\nR03,Corfe,acute,South\n",
    "declarations": "".join(f"{code},2008/09,whole,acute,C2,compliant\n" for code in ("R01", "R02", "R03"))
    + "R02,2007/08,whole,acute,C2,complient\n",
    "answers": (
        "R01,training.strategy,,maybe\n"
        'R01,training.dedicated_budget,,"=HYPERLINK(""http://example.com"")"\n'
        "R02,training.strategy,,Yes \n"
        "r03,training.strategy,,yes\n"
        "R99,training.strategy,,yes\n"
        "R01,training.strategy\n"
    ),
    "comments": "R01,sha,2008/09,C2,9,1,A board that does not know what it signs\n",
}
HEADINGS = {
    "organisations": "org_code,name,org_type,region\n",
    "declarations": "org_code,year,function,category,standard,status\n",
    "answers": "org_code,question_id,item,answer\n",
    "comments": "org_code,author,year,standard,polarity,reliability,text\n",
}


def check(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["check", *map(str, arguments)])


def cells(file: Path, sheet: str) -> list[dict[str, Any]]:
    return fastexcel.read_excel(file).load_sheet(sheet, dtypes="string").to_polars().to_dicts()


def all_text(file: Path) -> str:
    workbook = fastexcel.read_excel(file)
    read = (workbook.load_sheet(name, header_row=None, dtypes="string").to_polars() for name in workbook.sheet_names)
    return "\n".join(str(cell) for sheet in read for row in sheet.iter_rows() for cell in row if cell is not None)


@pytest.fixture
def collection(tmp_path: Path) -> Path:
    folder = tmp_path / "collection"
    folder.mkdir()
    for table, rows in TABLES.items():
        (folder / f"{table}.csv").write_text(HEADINGS[table] + rows)
    return folder


@pytest.fixture
def sent(collection: Path, tmp_path: Path) -> Path:
    out = tmp_path / "to-mend"
    told = check(collection, "--by", "organisation", "--out", out)
    assert told.exit_code == 1, told.output
    assert "what 2 organisations should mend" in told.stdout
    return out


def test_each_organisation_gets_what_it_should_mend_with_room_for_what_is_right(sent: Path) -> None:
    rows = cells(sent / "R01.xlsx", "To mend")
    assert [(row["row"], row["column"], row["what it says"]) for row in rows] == [
        ("2", "answer", "maybe"),
        ("3", "answer", '=HYPERLINK("http://example.com")'),
    ]
    assert rows[0]["what is wrong"] == "Not an answer to training.strategy."
    assert rows[0]["what to do"].startswith("Allowed: ")
    assert {row["your correction"] for row in rows} == {None}
    (declared,) = cells(sent / "R02.xlsx", "To mend")
    assert (declared["file"], declared["what it says"]) == ("declarations.csv", "complient")
    assert "Arden (R01)" in all_text(sent / "R01.xlsx")


def test_nothing_of_others_and_nothing_that_others_say_is_sent_to_an_organisation(sent: Path) -> None:
    for file in sent.glob("R*.xlsx"):
        text = all_text(file)
        assert not [code for code in ("R01", "R02", "R03", "R99") if code in text and code != file.stem]
        assert "comments" not in text
    assert {"comments.csv", "R99"} <= set(all_text(sent / "regulator.xlsx").split())


def test_every_problem_is_in_one_workbook_or_counted_as_read_all_the_same(sent: Path, collection: Path) -> None:
    problems = list(csv.DictReader(io.StringIO(check(collection, "--format", "csv").stdout)))
    index = list(csv.DictReader((sent / "index.csv").read_text().splitlines()))
    assert sum(int(row["to_mend"]) + int(row["all_the_same"]) for row in index) == len(problems)
    for row in index:
        if row["file"]:
            assert len(cells(sent / row["file"], "To mend")) == int(row["to_mend"])
    named = {row["org_code"]: row["file"] for row in index}
    assert named == {"R01": "R01.xlsx", "R02": "R02.xlsx", "R03": "", "": "regulator.xlsx"}
    written = {file.name for file in sent.iterdir()}
    assert written == {"R01.xlsx", "R02.xlsx", "regulator.xlsx", "index.csv", "to_mend.json"}


def test_the_same_problems_give_the_same_bytes(sent: Path, collection: Path, tmp_path: Path) -> None:
    assert check(collection, "--by", "organisation", "--out", tmp_path / "again").exit_code == 1
    for file in sent.iterdir():
        assert file.read_bytes() == (tmp_path / "again" / file.name).read_bytes()


def test_rows_that_a_quotation_mark_has_swallowed_are_not_sent_to_whose_row_it_is(
    collection: Path, tmp_path: Path
) -> None:
    answers = (
        HEADINGS["answers"] + 'R01,training.strategy,,"yes\nR02,training.strategy,,no\nR03,training.strategy,,no"\n'
    )
    (collection / "answers.csv").write_text(answers)
    told = check(collection, "--by", "organisation", "--out", tmp_path / "out")
    assert told.exit_code == 1
    assert not (tmp_path / "out" / "R01.xlsx").exists()
    assert "R03,training.strategy" in all_text(tmp_path / "out" / "regulator.xlsx")


def test_a_collection_without_a_problem_gives_an_index_without_a_row(collection_folder: Path, tmp_path: Path) -> None:
    told = check(collection_folder, "--by", "organisation", "--out", tmp_path / "out")
    assert told.exit_code == 0, told.output
    assert (tmp_path / "out" / "index.csv").read_text() == "org_code,name,file,to_mend,all_the_same\n"


def test_the_folder_and_the_way_belong_together(collection: Path, tmp_path: Path) -> None:
    assert check(collection, "--by", "organisation").exit_code == 2
    assert check(collection, "--out", tmp_path / "out").exit_code == 2


def test_a_folder_that_holds_something_else_is_left_alone(collection: Path, tmp_path: Path) -> None:
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "dear.txt").write_text("dear all")
    told = check(collection, "--by", "organisation", "--out", tmp_path / "letters")
    assert told.exit_code == 6
    assert [file.name for file in (tmp_path / "letters").iterdir()] == ["dear.txt"]
