"""What is taken for nothing that it isn't: codes, spellings, slips, markers, dates, grades, encodings, files."""

from __future__ import annotations

import csv
import gzip
import io
from typing import Any

import pytest
from click.testing import CliRunner

from crosscheck.cli import main
from crosscheck.collection.read import read_collection

ASIDE, CELL, CONVERTED = "row set aside", "cell set aside", "converted"


def check(small: Any) -> list[dict[str, str]]:
    """What the command prints of a collection."""
    done = CliRunner().invoke(main, ["check", str(small.folder), "--format", "csv"])
    assert done.exit_code in (0, 1), done.output
    return list(csv.DictReader(io.StringIO(done.stdout)))


def read(small: Any) -> Any:
    return read_collection(small.folder, small.questionnaire, "2008/09", "C2")


# ------------------------------------------------------------------------------------------------------ Standards


@pytest.mark.parametrize("text", ["C02", "c2 ", "C-2", "C 2", "Core standard C2", "c002"])
def test_a_near_miss_of_the_standard_is_that_standard_and_told(small: Any, text: str) -> None:
    small.rows("declarations", f"R01,2008/09,whole,acute,{text},compliant,,,")
    assert read(small).tables["declarations"]["standard"].to_list() == ["C2"]
    assert [(found["column"], found["effect"]) for found in check(small)] == [("standard", CONVERTED)]


@pytest.mark.parametrize("text", ["2", "CC2", "C2a", "C0", "Z2", "C200"])
def test_what_can_be_no_standard_is_a_problem_and_no_other_standard(small: Any, text: str) -> None:
    small.rows("declarations", f"R01,2008/09,whole,acute,{text},compliant,,,")
    (found,) = check(small)
    assert (found["row"], found["column"], found["value"], found["effect"]) == ("2", "standard", text, ASIDE)


def test_another_standard_is_another_standard_and_no_problem(small: Any) -> None:
    small.rows("declarations", "R01,2008/09,whole,acute,C20a,compliant,,,", "R01,2008/09,whole,acute,C2,compliant,,,")
    assert check(small) == []
    assert sorted(read(small).tables["declarations"]["standard"]) == ["C2", "C20a"]


# ---------------------------------------------------------------------------------------------------------- Codes


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("50", "A number that a spreadsheet has made of a code."),
        ("5.00E+01", "A number that a spreadsheet has made of a code."),
        ("2009-09-01", "A date that a spreadsheet has made of a code."),
        ("Sep-09", "A date that a spreadsheet has made of a code."),
        ("..\\..\\R01", "parts of a path"),
        ("R01&amp;", "signs of markup"),
        ("R/01", "parts of a path"),
        ("\uff3201", "(fullwidth latin capital letter r) only looks like"),
        ("R 01", "not of the shape that codes have"),
        ("R" * 31, "it has 31 characters"),
    ],
)
@pytest.mark.parametrize("table", ["organisations", "bodies"])
def test_a_code_that_can_be_none_is_named_in_the_table_that_defines_it(
    small: Any, table: str, code: str, words: str
) -> None:
    small.rows(table, f"{code},lscb,Board,North" if table == "bodies" else f"{code},Arden,acute,North,,,,")
    named = [found for found in check(small) if found["table"] == table and found["effect"] == ASIDE]
    assert [found["row"] for found in named] == ["2"]
    assert words in named[0]["problem"]


def test_a_former_body_with_a_number_for_a_code_is_not_made_one(small: Any) -> None:
    small.rows("relationships", "R01,succeeds,../../EVIL,,2007-04-01,")
    (found,) = check(small)
    assert (found["column"], found["effect"]) == ("to_code", ASIDE)
    assert "parts of a path" in found["problem"]


def test_texts_written_as_formulas_are_read_alike_in_every_column(small: Any) -> None:
    small.rows("answers", '"=""R01""","=""training.level1_pct""",,"=""54"""')
    assert read(small).tables["answers"].select("org_code", "number").rows() == [("R01", 54)]
    assert {found["effect"] for found in check(small)} == {CONVERTED}


def test_what_is_written_so_throughout_is_told_once_a_column_with_how_many(small: Any) -> None:
    small.rows("answers", *(f'"=""R01""",training.level1_pct,,{number}' for number in range(30)))
    told = [found for found in check(small) if found["column"] == "org_code"]
    assert len(told) == 1
    assert "in 29 further rows, the last of them 31" in told[0]["problem"]


# ------------------------------------------------------------------------------------------------------ Spellings


def figure(source: str, name: str, value: str = "1", direction: str = "higher_better", period: str = "2008") -> str:
    return f"R01,{source},{name},{period},,,{value},{direction},"


def test_a_spelling_of_the_models_goes_before_any_other(small: Any) -> None:
    small.rows("indicators", *(figure("Ofsted", "inspection judgement", period=str(year)) for year in (2006, 2007)))
    rows = read(small).tables["indicators"].select("source", "indicator").unique().rows()
    assert rows == [("ofsted", "inspection_judgement")]
    told = sorted((found["column"], found["row"], found["effect"]) for found in check(small))
    assert told == [(column, row, CONVERTED) for column in ("indicator", "source") for row in ("2", "3")]


@pytest.mark.parametrize(
    ("source", "name", "meant"),
    [
        ("ofstd", "inspection_judgement", "ofsted"),
        ("staff_survy", "appraised_in_12_months_pct", "staff_survey"),
        ("staff_survey", "apraised_in_12_months_pct", "appraised_in_12_months_pct"),
        ("hes", "child_admision", "child_admissions"),
    ],
)
def test_a_slip_in_a_figures_name_is_asked_about_and_does_not_pass_for_a_new_figure(
    small: Any, source: str, name: str, meant: str
) -> None:
    (found,) = check(small.rows("indicators", figure(source, name)))
    assert found["effect"] == ASIDE
    assert found["remedy"].startswith(f"Did you mean {meant}?")


@pytest.mark.parametrize(
    ("source", "name"),
    [("hes", "adult_admissions"), ("population", "children_0_5"), ("school_census", "pupils"), ("hes", "deaths")],
)
def test_a_new_figure_is_no_slip(small: Any, source: str, name: str) -> None:
    assert check(small.rows("indicators", figure(source, name, direction="none"))) == []


@pytest.mark.parametrize("value", ["44", "5", "0", "2.5", "-1"])
def test_a_grade_outside_its_scale_is_refused(small: Any, value: str) -> None:
    (found,) = check(small.rows("indicators", figure("ofsted", "inspection_judgement", value)))
    assert (found["column"], found["effect"]) == ("value", ASIDE)
    assert found["remedy"] == "The grades are: 1, 2, 3, 4."


def test_a_direction_against_the_models_is_told_once(small: Any) -> None:
    years = (figure("ofsted", "inspection_judgement", direction="lower_better", period=str(y)) for y in (2006, 2007))
    (found,) = check(small.rows("indicators", *years))
    assert (found["row"], found["effect"]) == ("2", CONVERTED)
    assert "The model says of inspection_judgement: higher_better" in found["problem"]
    assert "in 1 further row, the last of them 3" in found["problem"]


def test_a_number_beyond_anything_that_is_counted_is_none(small: Any) -> None:
    (found,) = check(small.rows("indicators", figure("survey", "deaths", "1e308", "none")))
    assert (found["column"], found["effect"]) == ("value", CELL)


@pytest.mark.parametrize("figures", [",,-4.2", ",200,-4.2", "3,,-4.2"])
def test_a_value_below_0_without_a_kind_is_a_number(small: Any, figures: str) -> None:
    read_ = read(small.rows("indicators", f"R01,survey,change,2008,{figures},none,"))
    assert read_.tables["indicators"]["value"].to_list() == [-4.2]


# -------------------------------------------------------------------------------------------------------- Markers


@pytest.mark.parametrize(
    ("marker", "said"),
    [("[c]", "withheld"), ("*", "withheld"), ("<5", "withheld"), ("[z]", "not applicable"), ("N/A", "not applicable"),
     ("[x]", "not known"), (":", "not known"), ("..", "not known"), ("N/K", "not known"), ("nil", "no figure")],
)  # fmt: skip
def test_a_marker_in_a_figure_is_no_figure_and_each_kind_is_told_once(small: Any, marker: str, said: str) -> None:
    rows = [f"R01,survey,trained_pct,{year},,,{marker},none," for year in (2006, 2007, 2008)]
    (found,) = check(small.rows("indicators", *rows))
    assert (found["row"], found["column"], found["value"], found["effect"]) == ("2", "value", marker, CONVERTED)
    assert f"read as {said}" in found["problem"]
    assert "in 2 further rows, the last of them 4" in found["problem"]
    assert read(small).tables["indicators"]["value"].null_count() == 3


@pytest.mark.parametrize(
    ("marker", "absence"),
    [("[c]", "no_answer"), ("<5", "no_answer"), ("[z]", "not_applicable"), ("[x]", "not_known"), (":", "not_known"),
     ("N/K", "not_known"), ("nil", "no_answer"), ("-", "no_answer")],
)  # fmt: skip
@pytest.mark.parametrize("question", ["training.strategy", "training.level1_pct"])
def test_a_marker_for_an_answer_is_one_of_the_three_absences(
    small: Any, marker: str, absence: str, question: str
) -> None:
    small.rows("answers", f"R01,{question},,{marker}", f"R02,{question},,{marker}")
    assert read(small).tables["answers"]["absence"].to_list() == [absence] * 2
    (found,) = check(small)
    assert (found["row"], found["effect"]) == ("2", CONVERTED)


def test_above_100_per_cent_has_a_remedy_of_its_own(small: Any) -> None:
    (found,) = check(small.rows("answers", "R01,training.level1_pct,,120"))
    assert found["problem"] == "Not a percentage from 0 to 100."
    assert "write their share of all" in found["remedy"]


# ---------------------------------------------------------------------------------------------------------- Dates


@pytest.mark.parametrize(
    "text", ["1 April 2008", "01-Apr-2008", "2008/04/01", "1st April 2008", "Tuesday 1 April 2008", '"April 1, 2008"',
             "2008-04-01T00:00:00", "01.04.2008"],
)  # fmt: skip
def test_a_date_that_reads_one_way_is_read_and_told(small: Any, text: str) -> None:
    small.rows("declarations", f"R01,2008/09,whole,acute,C2,not_met,{text},,")
    assert [str(day) for day in read(small).tables["declarations"]["lapse_from"]] == ["2008-04-01"]
    assert [found["effect"] for found in check(small)] == [CONVERTED]


def test_a_date_that_reads_two_ways_beside_months_that_stand_first_is_refused_with_both(small: Any) -> None:
    rows = [
        f"{code},2008/09,whole,acute,C2,not_met,{day},," for code, day in (("R01", "03/04/2008"), ("R02", "3/25/2008"))
    ]
    first, second = check(small.rows("declarations", *rows))
    assert "2008-04-03 and 2008-03-04" in first["problem"]
    assert (first["effect"], second["effect"]) == (CELL, CELL)


# ------------------------------------------------------------------------------------------------------ Encodings


def test_one_byte_of_windows_does_not_spoil_a_text_in_utf_8(small: Any) -> None:
    head = "org_code,name,org_type,region\nR01,Café,acute,North\n".encode()
    small.write("organisations", head + b"R02,Caf\xe9,acute,North\n")
    assert read(small).tables["organisations"]["name"].to_list() == ["Café", "Café"]
    (found,) = check(small)
    assert (
        found["problem"]
        == "1 byte of the file, the first in line 3, is not UTF-8 as the rest is; read as Windows-1252."
    )


def test_text_that_was_encoded_twice_is_read_as_it_was_and_told(small: Any) -> None:
    small.write("organisations", "org_code,name,org_type,region\nR02,Ânne,acute,North\n")
    names = read(small).tables["organisations"]["name"].to_list()
    assert names == ["Ânne"]  # a name that only looks so
    small.write("organisations", "org_code,name,org_type,region\nR01,CafÃ©,acute,North\n")
    assert read(small).tables["organisations"]["name"].to_list() == ["Café"]
    assert [found["problem"] for found in check(small)] == ["The text was encoded twice; read as Café."]


# ---------------------------------------------------------------------------------------------------------- Files


COMMENTS = b"org_code,author,year,standard,polarity,reliability,text\nR01,sha,2008/09,C2,1,1,x\n"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("comments.tsv", COMMENTS.replace(b",", b"\t")),
        ("comments.txt", COMMENTS.replace(b",", b"|")),
        ("comments.csv.gz", gzip.compress(COMMENTS, mtime=0)),
        ("COMMENTS.CSV", b"sep=;\n" + COMMENTS.replace(b",", b";")),
    ],
)  # fmt: skip
def test_a_table_is_read_whatever_its_file_ends_in(small: Any, name: str, content: bytes) -> None:
    (small.folder / name).write_bytes(content)
    assert read(small).tables["comments"]["text"].to_list() == ["x"]
    assert {found["effect"] for found in check(small)} <= {CONVERTED}


@pytest.mark.parametrize(
    "name",
    ["visits.json", "visits.feather", "visits.xls", "visits.csv.zip", "visits", "Visits.toml.txt.bak", "other.docx"],
)
def test_a_file_that_is_not_read_is_named_with_the_reason(small: Any, name: str) -> None:
    (small.folder / name).write_bytes(b"x")
    (found,) = check(small)
    assert (found["file"], found["effect"]) == (name, ASIDE)
    assert found["problem"].endswith("is not read.") or "not" in found["problem"]


def test_a_folder_named_like_a_table_is_named_and_no_traceback(small: Any) -> None:
    (small.folder / "visits.csv").mkdir()
    (found,) = check(small)
    assert found["problem"] == "A folder and no file; nothing in it was read."


def test_what_explains_a_collection_and_what_programs_leave_is_no_problem(small: Any) -> None:
    for name in ("README.md", "LICENSE", ".DS_Store", "~$answers.xlsx", "Thumbs.db"):
        (small.folder / name).write_bytes(b"x")
    (small.folder / "truth").mkdir()
    assert check(small) == []


def test_not_in_the_collection_is_said_only_of_what_is_not_there(small: Any) -> None:
    (small.folder / "visits.json").write_bytes(b"{}")
    output = CliRunner().invoke(main, ["check", str(small.folder)]).output
    (line,) = [line for line in output.splitlines() if "not in the collection" in line]
    assert "relationships" in line
    assert "visits" not in line.replace("visit_items", "").split(": ")[1].split(", ")


# ------------------------------------------------------------------------------------------------------ Swallowed


def test_prose_of_several_lines_with_as_many_commas_is_no_swallowed_row(small: Any) -> None:
    prose = "First, the lead, the nurse, the board, the trust, and the team,\nthen, in time, all, of, it, was, done"
    assert check(small.rows("comments", f'R01,sha,2008/09,C2,1,1,"{prose}"')) == []


def test_rows_that_repeat_the_headings_are_not_counted(small: Any) -> None:
    headings = "org_code,question_id,item,answer"
    small.rows("answers", "R01,training.strategy,,yes", headings, "R02,training.strategy,,no")
    (found,) = check(small)
    assert found["problem"] == "The row repeats the headings; it is not counted."
    (answers,) = [file for file in read(small).inputs if file.table == "answers"]
    assert (answers.rows, answers.rows_used, answers.rows_set_aside) == (2, 2, 0)


def test_many_blank_rows_are_one_problem(small: Any) -> None:
    small.rows("answers", "R01,training.strategy,,yes", *[",,,"] * 5000, "R02,training.strategy,,no")
    (found,) = check(small)
    assert (found["row"], found["problem"]) == ("3", "Rows 3 to 5,002 are blank; they are not counted.")
