from __future__ import annotations

import codecs
import hashlib

import polars as pl
import pytest

from crosscheck.collection.read import read_collection
from crosscheck.errors import CollectionError

CAFE = "org_code,name,org_type,region\nR01,Café,acute,North\n"


def test_a_collection_in_order_has_no_problems(small):
    read = small.read()
    assert read.problems.is_empty()
    assert read.tables["organisations"]["org_code"].to_list() == ["5E0", "R01", "R02"]


def test_optional_tables_that_are_not_there_are_named_and_empty(small):
    read = small.rows("visits").read()
    assert read.absent == ("indicators", "comments", "relationships", "bodies", "visit_items")
    assert read.tables["indicators"].is_empty()
    assert read.tables["indicators"].schema["numerator"] == pl.Float64


def test_optional_columns_that_are_not_there_are_null(small):
    organisations = small.read().tables["organisations"]
    assert organisations["services"].to_list() == [None] * 3
    assert organisations.schema["care_trust"] == pl.Boolean


def test_the_visits_of_the_first_wave_are_a_table_of_their_own(small):
    visit = "R01,whole,2008/09,risk,,2009-07-27,upheld"
    small.rows("visits", visit)
    (small.folder / "visits.csv").rename(small.folder / "visits_wave_1.csv")
    read = small.read()
    assert read.tables["visits_wave_1"].height == 1
    assert read.tables["visits"].is_empty()


@pytest.mark.parametrize(
    ("encoded", "reported"),
    [
        (CAFE.encode(), None),
        (codecs.BOM_UTF8 + CAFE.encode(), None),
        (CAFE.encode("cp1252"), "Windows-1252"),
        (codecs.BOM_UTF16_LE + CAFE.encode("utf-16-le"), "UTF-16"),
        (codecs.BOM_UTF16_BE + CAFE.encode("utf-16-be"), "UTF-16"),
        (codecs.BOM_UTF32_LE + CAFE.encode("utf-32-le"), "UTF-32"),
        (codecs.BOM_UTF32_BE + CAFE.encode("utf-32-be"), "UTF-32"),
    ],
)
def test_text_is_decoded_and_an_unexpected_encoding_is_reported(small, problems, encoded, reported):
    read = small.write("organisations", encoded).read()
    assert read.tables["organisations"]["name"].to_list() == ["Café"]
    assert [found["value"] for found in problems(read, table="organisations")] == ([reported] if reported else [])


def test_utf_32_that_is_damaged_is_refused(small):
    small.write("organisations", codecs.BOM_UTF32_LE + CAFE.encode("utf-32-le")[:-1])
    with pytest.raises(CollectionError, match=r"organisations\.csv looks like UTF-32 and is damaged"):
        small.read()


def test_utf_16_without_a_mark_is_refused_and_never_read_as_rubbish(small):
    small.write("organisations", CAFE.encode("utf-16-le"))
    with pytest.raises(CollectionError, match=r"organisations\.csv looks like UTF-16"):
        small.read()


def test_bytes_that_are_text_in_no_encoding_are_refused(small):
    small.write("organisations", CAFE.encode() + b"R02,\x81\xff,acute,North\n")
    with pytest.raises(CollectionError, match="neither in UTF-8 nor in Windows-1252"):
        small.read()


@pytest.mark.parametrize(("separator", "name"), [(";", "semicolons"), ("\t", "tabs")])
def test_another_separator_is_recognised_and_reported(small, problems, separator, name):
    read = small.write("organisations", CAFE.replace(",", separator)).read()
    assert read.tables["organisations"]["name"].to_list() == ["Café"]
    assert name in problems(read, table="organisations", value=separator)[0]["problem"]


def test_windows_line_ends_and_line_ends_in_cells_are_no_problem(small):
    heading = "org_code,author,year,standard,polarity,reliability,text"
    small.write("comments", f'{heading}\r\nR01,sha,2008/09,C2,1,1,"one\r\ntwo"\r\nR02,sha,2008/09,C2,1,1,three\r\n')
    read = small.read()
    assert read.problems.is_empty()
    assert read.tables["comments"]["text"].to_list() == ["one\r\ntwo", "three"]


def test_row_numbers_are_those_of_a_spreadsheet_in_spite_of_blank_rows_and_line_ends_in_cells(small, problems):
    small.rows("comments", 'R01,sha,2008/09,C2,1,1,"one\ntwo"', "", ",,,,,,", "R01,mayor,2008/09,C2,1,1,x")
    read = small.read()
    assert [found["row"] for found in problems(read, effect="row set aside")] == [5]
    assert [found["row"] for found in problems(read, effect="converted")] == [3, 4]
    (comments,) = [file for file in read.inputs if file.table == "comments"]
    assert (comments.rows, comments.rows_used) == (2, 1)


def test_blank_rows_at_the_end_are_nobodys_doing(small):
    read = small.rows("answers", "R01,training.strategy,,yes", "", ",,,", "").read()
    assert read.problems.is_empty()


def test_rows_with_too_few_or_too_many_cells_are_set_aside_whole(small, problems):
    small.rows("answers", "R01,training.strategy", "R01,training.strategy,,yes", ",R02,training.strategy,,yes")
    read = small.read()
    short, long = problems(read, table="answers")
    assert (short["row"], short["value"], short["effect"]) == (2, "R01,training.strategy", "row set aside")
    assert "2 cells, fewer than the 4 headings" in short["problem"]
    assert (long["row"], long["value"]) == (4, ",R02,training.strategy,,yes")
    assert "more" in long["problem"]
    assert read.tables["answers"].height == 1


def test_quotation_marks_that_do_not_match_are_refused_with_their_row(small):
    small.rows("answers", "R01,training.strategy,,yes", 'R02,training.strategy,,"yes', "5E0,training.strategy,,no")
    with pytest.raises(CollectionError, match=r"answers\.csv:3: the quotation marks"):
        small.read()


def test_invisible_characters_are_taken_out_and_shown(small, problems):
    read = small.rows("answers", "R\x0001,training.strategy,,y\u200bes").read()
    assert read.tables["answers"]["org_code"].to_list() == ["R01"]
    assert [found["value"] for found in problems(read)] == ["y\\u200bes", "R\\x0001"]


def test_headings_with_other_case_and_spaces_are_understood_and_reported(small, problems):
    read = small.write("answers", " Org Code,QUESTION_ID,item,Answer\nR01,training.strategy,,yes\n").read()
    assert read.tables["answers"].height == 1
    assert [(found["row"], found["value"], found["column"]) for found in problems(read)] == [
        (1, "Answer", "answer"),
        (1, " Org Code", "org_code"),
        (1, "QUESTION_ID", "question_id"),
    ]


def test_invisible_characters_in_a_heading_do_not_hide_it(small, problems):
    read = small.write("answers", "org_code,question_id,item,\u200banswer\nR01,training.strategy,,yes\n").read()
    assert [(found["column"], found["value"]) for found in problems(read)] == [("answer", "\\u200banswer")]


def test_a_misspelt_optional_column_gets_a_suggestion_and_its_cells_are_not_read(small, problems):
    small.write("organisations", "org_code,name,org_type,region,staff_wt,notes,\nR01,Arden,acute,North,5,x,\n")
    staff, notes = sorted(
        problems(small.read(), table="organisations"), key=lambda found: found["column"], reverse=True
    )
    assert (staff["column"], staff["effect"], staff["remedy"]) == (
        "staff_wt",
        "cell set aside",
        "Did you mean staff_wte?",
    )
    assert notes["column"] == "notes"


def test_a_column_without_a_heading_is_reported_only_if_it_holds_anything(small, problems):
    small.write("organisations", "org_code,name,org_type,region,,\nR01,Arden,acute,North,,9\n")
    assert len(problems(small.read(), table="organisations")) == 1


def test_headings_given_twice_are_refused(small):
    small.write("answers", "org_code,question_id,item,answer,Answer\nR01,training.strategy,,yes,no\n")
    with pytest.raises(CollectionError, match=r"answers\.csv:1: the heading answer stands there 2 times"):
        small.read()


def test_all_that_is_missing_is_named_at_once(small):
    small.write("declarations", "org_code,jear,function,category,standard\n")
    (small.folder / "answers.csv").rename(small.folder / "anwsers.csv")
    small.write("comments", b"")
    with pytest.raises(CollectionError) as raised:
        small.read()
    answers, year, status, comments = raised.value.problems
    assert "the table answers is missing (one row is one answer to one question of the review)" in answers
    assert "There is anwsers: if that is it, rename it." in answers
    assert "declarations.csv:1: the column year is missing" in year
    assert "There is jear" in year
    assert "column status" in status
    assert "comments.csv is empty" in comments


def test_an_empty_folder_lacks_every_required_table(tmp_path, questionnaire):
    with pytest.raises(CollectionError) as raised:
        read_collection(tmp_path, questionnaire)
    assert len(raised.value.problems) == 3


def test_a_path_that_is_not_there_is_said_to_be_missing(tmp_path, questionnaire):
    with pytest.raises(CollectionError, match=r"elsewhere is not there\. Give the folder that holds"):
        read_collection(tmp_path / "elsewhere", questionnaire)


def test_a_single_csv_file_is_no_collection(small, questionnaire):
    with pytest.raises(CollectionError, match="neither a folder nor a workbook"):
        read_collection(small.folder / "answers.csv", questionnaire)


def test_a_workbook_inside_the_folder_is_pointed_out(tmp_path, questionnaire):
    (tmp_path / "all.xlsx").touch()
    with pytest.raises(CollectionError, match=r"all\.xlsx lies in the folder\. To read a workbook, give its own path"):
        read_collection(tmp_path, questionnaire)


def test_an_unreadable_parquet_file_is_refused(small):
    (small.folder / "bodies.parquet").write_bytes(b"not Parquet")
    with pytest.raises(CollectionError, match=r"bodies\.parquet can't be read as Parquet"):
        small.read()


def test_two_files_of_one_table_are_refused(small):
    pl.DataFrame({"org_code": ["R01"]}).write_parquet(small.folder / "answers.parquet")
    with pytest.raises(CollectionError, match=r"answers\.csv and answers\.parquet hold the same table, answers"):
        small.read()


def test_a_file_that_is_no_table_is_reported_with_a_suggestion(small, problems):
    small.write("visit", "a\n1\n")
    (found,) = problems(small.read())
    assert (found["file"], found["remedy"], found["effect"]) == ("visit.csv", "Did you mean visits?", "row set aside")


def test_inputs_are_named_with_their_digest_and_counts(small):
    (answers,) = [file for file in small.read().inputs if file.table == "answers"]
    raw = (small.folder / "answers.csv").read_bytes()
    assert (answers.file, answers.size, answers.rows, answers.rows_used) == ("answers.csv", len(raw), 1, 1)
    assert answers.sha256 == hashlib.sha256(raw).hexdigest()


def test_a_folder_in_the_place_of_a_required_table_is_named(small):
    (small.folder / "answers.csv").unlink()
    (small.folder / "answers.parquet").mkdir()
    with pytest.raises(CollectionError) as told:
        small.read()
    assert any(line.startswith("answers.parquet: A folder and no file") for line in told.value.problems)


@pytest.mark.parametrize(
    ("written", "meant"), [("Arden &amp; Bray", "Arden & Bray"), ("Arden&nbsp;West", "Arden West"), ("&#65;", "A")]
)
def test_signs_as_the_source_of_a_page_has_them_are_read_and_reported(small, problems, written, meant):
    read = small.rows("organisations", f"R01,{written},acute,North,,,,").read()
    assert read.tables["organisations"]["name"].to_list() == [meant]
    (problem,) = problems(read, table="organisations")
    assert (problem["value"], problem["effect"]) == (written, "converted")
    assert (
        small.rows("organisations", "R01,A & B;,acute,North,,,,").read().problems.filter(effect="converted").is_empty()
    )
