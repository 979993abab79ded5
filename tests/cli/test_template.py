"""A template is filled in and read, through the command, as a folder and as a workbook."""

from __future__ import annotations

import csv
import re
from pathlib import Path
from xml.sax.saxutils import escape
from zipfile import ZIP_DEFLATED, ZipFile

import fastexcel
import pytest
from click.testing import CliRunner, Result

from crosscheck.cli import main
from crosscheck.contract.inputs import INPUTS
from crosscheck.questionnaire import Questionnaire
from crosscheck.vocabulary import CATEGORIES

TWO_ROWS = {
    "organisations": [
        {"org_code": "R01", "name": "Arden", "org_type": "acute", "region": "North", "care_trust": "no"},
        {"org_code": "5E1", "name": "Bray", "org_type": "pct", "region": "South", "services": "children|maternity"},
    ],
    "declarations": [
        {
            "org_code": "R01", "year": "2008/09", "function": "whole", "category": "acute", "standard": "C2",
            "status": "compliant",
        },
        {
            "org_code": "5E1", "year": "2008/09", "function": "commissioner", "category": "pct_commissioner",
            "standard": "C2", "status": "not_met", "lapse_from": "2008-04-01", "lapse_to": "2008-09-30",
        },
    ],
    "answers": [
        {"org_code": "R01", "question_id": "training.strategy", "answer": "yes"},
        {"org_code": "5E1", "question_id": "training.strategy", "answer": "not known"},
    ],
}  # fmt: skip


def crosscheck_(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def fill_folder(folder: Path) -> None:
    """Type two rows into each compulsory table."""
    for table, rows in TWO_ROWS.items():
        with (folder / f"{table}.csv").open("r+", encoding="utf-8", newline="") as file:
            headings = next(csv.reader(file))
            file.seek(0, 2)
            csv.DictWriter(file, headings).writerows(rows)


def sheets_of(file: Path) -> dict[str, str]:
    """The part of the workbook that holds each sheet, by its name."""
    with ZipFile(file) as book:
        listed = book.read("xl/workbook.xml").decode()
    names = re.findall(r'<sheet name="([^"]+)"', listed)
    return {name: f"xl/worksheets/sheet{number}.xml" for number, name in enumerate(names, start=1)}


def validations(file: Path, table: str) -> dict[str, str]:
    """The rule of each column of a sheet, by the column's name."""
    with ZipFile(file) as book:
        sheet = book.read(sheets_of(file)[table]).decode()
    rules = re.findall(r'<dataValidation [^>]*sqref="([A-Z])2:\1\d+"(?:/>|>.*?</dataValidation>)', sheet)
    whole = re.findall(r"<dataValidation .*?(?:/>|</dataValidation>)", sheet)
    headings = INPUTS[table].schema.names()
    return {headings[ord(letter) - ord("A")]: rule for letter, rule in zip(rules, whole, strict=True)}


def row_of_texts(number: int, cells: dict[int, str]) -> str:
    """A row of a sheet, each text by its column, as a spreadsheet program writes it."""
    written = (
        f'<c r="{chr(ord("A") + at)}{number}" t="inlineStr"><is><t>{escape(text)}</t></is></c>'
        for at, text in sorted(cells.items())
    )
    return f'<row r="{number}">{"".join(written)}</row>'


def fill_workbook(file: Path) -> None:
    """Type two rows into each compulsory sheet."""
    with ZipFile(file) as book:
        parts = {name: book.read(name) for name in book.namelist()}
    for table, rows in TWO_ROWS.items():
        headings, part = INPUTS[table].schema.names(), sheets_of(file)[table]
        typed = "".join(
            row_of_texts(number, {headings.index(name): text for name, text in row.items()})
            for number, row in enumerate(rows, start=2)
        )
        parts[part] = parts[part].replace(b"</sheetData>", typed.encode() + b"</sheetData>")
    with ZipFile(file, "w", ZIP_DEFLATED) as book:
        for name, content in parts.items():
            book.writestr(name, content)


@pytest.fixture(params=["my-collection", "my-collection.xlsx"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    made = tmp_path / request.param
    assert crosscheck_("template", "--out", made).exit_code == 0
    return made


def test_a_template_that_is_filled_in_is_read_without_a_problem(place: Path) -> None:
    (fill_folder if place.is_dir() else fill_workbook)(place)
    checked = crosscheck_("check", place)
    assert checked.exit_code == 0, checked.output
    assert "problems: none" in checked.output
    counted = dict(re.findall(r"^  (\w+) +(\d+) rows$", checked.output, flags=re.MULTILINE))
    assert {table: counted[table] for table in TWO_ROWS} == dict.fromkeys(TWO_ROWS, "2")


def test_a_template_that_is_empty_says_what_to_fill_in(place: Path) -> None:
    checked = crosscheck_("check", place)
    assert checked.exit_code == 3
    missing = re.findall(r"(\w+)(?:\.csv)?: has headings and no row\. The table \1 is compulsory", checked.output)
    assert missing == ["organisations", "declarations", "answers"]


def test_a_template_is_never_written_over_what_somebody_filled_in(place: Path) -> None:
    (fill_folder if place.is_dir() else fill_workbook)(place)
    before = {file: file.read_bytes() for file in ([place] if place.is_file() else place.iterdir())}
    again = crosscheck_("template", "--out", place)
    assert again.exit_code == 6
    assert "left alone" in again.output
    assert {file: file.read_bytes() for file in before} == before


def test_a_template_is_the_same_bytes_each_time(place: Path, tmp_path: Path) -> None:
    other = tmp_path / f"other{place.suffix}"
    crosscheck_("template", "--out", other)
    if place.is_file():
        assert other.read_bytes() == place.read_bytes()
    else:
        assert {f.name: f.read_bytes() for f in other.iterdir()} == {f.name: f.read_bytes() for f in place.iterdir()}


@pytest.mark.parametrize("name", ["mine.xls", "mine.csv"])
def test_a_template_in_a_format_that_there_is_not_is_refused_and_nothing_written(tmp_path: Path, name: str) -> None:
    made = crosscheck_("template", "--out", tmp_path / name)
    assert made.exit_code == 6
    assert f"{name}: a template is a workbook (.xlsx) or a folder." in made.output
    assert not list(tmp_path.iterdir())


def test_a_folder_may_have_a_point_in_its_name(tmp_path: Path) -> None:
    assert crosscheck_("template", "--out", tmp_path / "england.2009").exit_code == 0
    assert (tmp_path / "england.2009" / "answers.csv").is_file()


def test_the_text_explains_every_column_and_marks_what_is_compulsory(tmp_path: Path) -> None:
    crosscheck_("template", "--out", tmp_path / "folder")
    text = (tmp_path / "folder" / "README.txt").read_text(encoding="utf-8")
    assert max(map(len, text.splitlines())) <= 100
    for part in text.split("\n\n\n")[1:]:
        table = INPUTS[part.split(" ", 1)[0].lower()]
        explained = re.findall(r"^  ([* ]) (\w+) ", part, flags=re.MULTILINE)
        assert explained == [("*" if column.required else " ", column.name) for column in table.columns]
    assert "whole-time equivalents" in text
    assert "Empty: no period was named." in " ".join(text.split())


def test_the_workbook_offers_the_words_of_the_contract(tmp_path: Path) -> None:
    crosscheck_("template", "--out", tmp_path / "book.xlsx")
    declared = validations(tmp_path / "book.xlsx", "declarations")
    assert f'<formula1>"{",".join(CATEGORIES)}"</formula1>' in declared["category"]
    assert '<formula1>"C2"</formula1>' in declared["standard"]
    assert '<formula1>"yes,no"</formula1>' in validations(tmp_path / "book.xlsx", "organisations")["care_trust"]
    tone = validations(tmp_path / "book.xlsx", "comments")["polarity"]
    assert 'type="decimal"' in tone
    assert "<formula1>-3</formula1><formula2>3</formula2>" in tone


def test_the_workbook_offers_each_question_its_own_levels(tmp_path: Path, questionnaire: Questionnaire) -> None:
    """The drop-down of an answer is a stretch of the question's row: where it begins, and how long it is."""
    crosscheck_("template", "--out", tmp_path / "book.xlsx")
    rules = validations(tmp_path / "book.xlsx", "answers")
    assert f"readme_questions!$A$2:$A${len(questionnaire) + 1}" in rules["question_id"]
    row, length = "MATCH($B2,readme_questions!$A:$A,0)-1", "readme_questions!$A$1"
    begins = re.search(
        rf"OFFSET\({re.escape(length)},{re.escape(row)},(\d+),1,OFFSET\(.*?,.*?,0\)-1,(\d+)\)\)", rules["answer"]
    )
    assert begins
    book = fastexcel.read_excel(tmp_path / "book.xlsx").load_sheet("readme_questions", header_row=None, dtypes="string")
    cells = book.to_polars().rows()
    assert [line[0] for line in cells[1:]] == [question.question_id for question in questionnaire]
    for line in cells[1:]:
        start, number = int(begins[1]), int(float(line[int(begins[2])]))
        assert line[start : start + number] == (*questionnaire[line[0]].levels, "not known", "n/a")
        assert not any(line[start + number :])


def test_the_workbook_marks_compulsory_headings_alone(tmp_path: Path) -> None:
    file = tmp_path / "book.xlsx"
    crosscheck_("template", "--out", file)
    with ZipFile(file) as book:
        sheets = {table: book.read(sheets_of(file)[table]).decode() for table in ("answers", "declarations")}
    for table, sheet in sheets.items():
        styles = re.findall(r'<c r="[A-Z]1" s="(\d+)"', sheet)
        compulsory = [column.required for column in INPUTS[table].columns]
        assert len(set(styles)) == 2
        assert [style == styles[0] for style in styles] == compulsory
