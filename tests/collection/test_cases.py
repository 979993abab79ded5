"""What the command prints of collections that something happened to, and what is read of them."""

from __future__ import annotations

import csv
import datetime as dt
import io
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl
import pytest
from click.testing import CliRunner

from crosscheck.cli import main
from crosscheck.collection.read import Collection, read_collection

CASES = Path(__file__).resolve().parent / "cases"


class Printed(NamedTuple):
    """A problem as the command prints it: table, row, column, what its words must hold, effect."""

    table: str
    row: str
    column: str
    words: str
    effect: str


ASIDE, CELL, CONVERTED = "row set aside", "cell set aside", "converted"


def collection_of(case: str) -> Path:
    (path,) = (CASES / case).iterdir()
    return path


def check(path: Path) -> tuple[int, list[dict[str, str]], str]:
    done = CliRunner().invoke(main, ["check", str(path), "--format", "csv"])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, list(csv.DictReader(io.StringIO(done.stdout))) if done.exit_code < 2 else [], done.output


def read(case: str, questionnaire: Any) -> Collection:
    return read_collection(collection_of(case), questionnaire, "2008/09", "C2")


PRINTED = {
    "01-formula-no-cached-value": [
        Printed("answers", "2", "answer", "formula whose result the file does not hold", ASIDE),
        Printed("answers", "3", "answer", "formula whose result the file does not hold", ASIDE),
    ],
    "02-xlsxwriter-formula-zero": [Printed("answers", "2", "answer", "workbook was never calculated", ASIDE)],
    "03b-merged-answer": [Printed("answers", "3", "answer", "merged one (D2:D4)", ASIDE)],
    "05b-date1904-extlst": [],
    "06-literal-percent-format": [],
    "08-code-5E1-as-number-everywhere": [
        Printed("organisations", "4", "org_code", "number that a spreadsheet has made of a code", ASIDE)
    ],
    "09-equals-quoted-codes": [
        Printed("organisations", "2", "org_code", "read as the text alone", CONVERTED),
        Printed("organisations", "4", "org_code", "read as the text alone", CONVERTED),
        Printed("answers", "2", "org_code", "read as the text alone", CONVERTED),
    ],
    "10-lookup-error-in-text": [
        Printed("organisations", "2", "name", "formula that the spreadsheet could not work out", ASIDE),
        Printed("organisations", "2", "region", "formula that the spreadsheet could not work out", ASIDE),
        Printed("organisations", "3", "region", "formula that the spreadsheet could not work out", ASIDE),
        Printed("organisations", "4", "org_code", "formula that the spreadsheet could not work out", ASIDE),
    ],
    "13-preamble-lines": [
        Printed("answers", "1", "", "The headings stand in row 4; the 2 rows above were not read", CONVERTED)
    ],
    "13b-sep-line": [Printed("answers", "", "", "separated by semicolons", CONVERTED)],
    "14-stray-quotes-swallow-rows": [Printed("comments", "2", "", "2 further rows stand in the cell", ASIDE)],
    "14b-stray-quote-answers": [Printed("answers", "2", "", "3 further rows stand in the cell", ASIDE)],
    "21-odd-codes": [
        Printed("organisations", "4", "org_code", "(fullwidth digit zero) only looks like", ASIDE),
        Printed("organisations", "5", "org_code", "parts of a path", ASIDE),
        Printed("organisations", "6", "org_code", "it has", ASIDE),
        Printed("organisations", "8", "org_code", "it has 300 characters", ASIDE),
        Printed("organisations", "9", "org_code", "line end", ASIDE),
        Printed("organisations", "10", "org_code", "parts of a path", ASIDE),
        Printed("organisations", "11", "org_code", "(cyrillic capital letter o) only looks like", ASIDE),
    ],
    "36-one-cell-in-XFD1048576": [],
    "36b-stray-note-far-right-and-far-below": [
        Printed("answers", "3", "", "Rows 3 to 1,048,575 are blank", CONVERTED),
        Printed("answers", "1048576", "org_code", "The cell is empty", ASIDE),
    ],
    "36d-ods-percent-zero-to-the-end": [
        Printed("answers", "4", "", "Rows 4 to 1,048,576 say the same as row 3", ASIDE)
    ],
    "54-region-variants": [
        Printed("organisations", str(row), "region", "Another spelling of North West; read as that", CONVERTED)
        for row in (3, 4, 5, 6)
    ],
    "61-ods-percent-without-office-value": [
        Printed("answers", "2", "answer", "holds the text of this percentage", CONVERTED)
    ],
}


@pytest.mark.parametrize("case", PRINTED)
def test_what_happened_to_a_collection_is_printed_with_its_row_and_what_was_done(case: str) -> None:
    code, problems, _ = check(collection_of(case))
    for wanted in PRINTED[case]:
        here = [
            found
            for found in problems
            if (found["table"], found["row"], found["column"], found["effect"])
            == (wanted.table, wanted.row, wanted.column, wanted.effect)
        ]
        assert any(wanted.words in found["problem"] for found in here), (wanted, problems)
    assert code == int(any(found["effect"] != CONVERTED for found in problems))
    if not PRINTED[case]:
        assert problems == []


@pytest.mark.parametrize("case", PRINTED)
def test_rows_read_are_rows_used_and_rows_set_aside_in_every_file(case: str, questionnaire: Any) -> None:
    for file in read(case, questionnaire).inputs:
        assert file.rows == file.rows_used + (file.rows_set_aside or 0), file


def test_days_counted_from_1904_are_read_so_whatever_extensions_say(questionnaire: Any) -> None:
    declared = read("05b-date1904-extlst", questionnaire).tables["declarations"]
    assert declared["lapse_from"].to_list() == [dt.date(2008, 6, 2)]


def test_a_per_cent_sign_that_is_only_written_multiplies_nothing(questionnaire: Any) -> None:
    answers = read("06-literal-percent-format", questionnaire).tables["answers"]
    assert dict(answers.select("org_code", "number").iter_rows()) == {"R01": 54, "R02": 0.5, "5E1": 54}


def test_codes_written_as_formulas_are_the_same_organisations_in_every_table(questionnaire: Any) -> None:
    tables = read("09-equals-quoted-codes", questionnaire).tables
    assert tables["organisations"]["org_code"].to_list() == ["5E1", "R01", "R02"]
    assert tables["answers"]["org_code"].to_list() == ["5E1", "R01"]


def test_no_remark_disappears_into_another(questionnaire: Any) -> None:
    read_ = read("14-stray-quotes-swallow-rows", questionnaire)
    assert read_.tables["comments"]["text"].to_list() == ["Fine"]
    (comments,) = [file for file in read_.inputs if file.table == "comments"]
    assert (comments.rows, comments.rows_used, comments.rows_set_aside) == (4, 1, 3)


def test_the_rows_that_a_quotation_mark_swallowed_are_counted(questionnaire: Any) -> None:
    (answers,) = [file for file in read("14b-stray-quote-answers", questionnaire).inputs if file.table == "answers"]
    assert (answers.rows, answers.rows_used, answers.rows_set_aside) == (5, 1, 4)


def test_a_cell_that_was_copied_to_the_end_is_one_problem_with_all_its_rows_counted(questionnaire: Any) -> None:
    read_ = read("36d-ods-percent-zero-to-the-end", questionnaire)
    (answers,) = [file for file in read_.inputs if file.table == "answers"]
    assert (answers.rows, answers.rows_used) == (1_048_575, 1)
    assert read_.problems.filter(pl.col("row") > 3).height == 1


def test_a_percentage_without_its_value_is_read_as_it_is_shown(questionnaire: Any) -> None:
    assert read("61-ods-percent-without-office-value", questionnaire).tables["answers"]["number"].to_list() == [54]


def test_spellings_of_one_region_are_one_region(questionnaire: Any) -> None:
    regions = read("54-region-variants", questionnaire).tables["organisations"]["region"]
    assert sorted(regions.unique()) == ["N West", "North West"]


def test_every_file_of_a_folder_is_printed_as_read_or_with_the_reason_why_not() -> None:
    code, _, output = check(collection_of("12-other-endings"))
    assert code == 3
    for file in collection_of("12-other-endings").iterdir():
        assert file.name in output
    assert "Visits.json: A file that ends in .json is not read." in output
    assert "relationships.xls: A workbook of a format that is not read. Save it as .xlsx, or as CSV." in output
    assert "read without hindrance: organisations.csv, declarations.csv, answers.csv, comments.csv.gz." in output


def test_a_parquet_file_that_aborts_its_reader_ends_in_a_sentence() -> None:
    code, _, output = check(collection_of("parquet-that-aborts"))
    assert code == 3
    assert "answers.parquet can't be read as Parquet: " in output
    assert "or it is damaged" in output


def test_a_damaged_parquet_file_is_named_and_ends_with_the_code_of_collections() -> None:
    code, _, output = check(collection_of("35-parquet-damaged-1"))
    assert code == 3
    assert "answers.parquet can't be read as Parquet: it is damaged." in output
    assert "Traceback" not in output
