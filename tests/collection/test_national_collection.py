from __future__ import annotations

import csv
import io
import random

import polars as pl
import pytest

from crosscheck.collection.read import read_collection
from crosscheck.collection.sources import FIRST_WAVE
from crosscheck.contract.inputs import INPUTS
from crosscheck.contract.outputs import OUTPUTS

# Gone through by hand, file by file: the rows of the collection with data faults by what has to become of them.
SET_ASIDE = {
    "answers": [
        *(13471, 39616, 40210, 51074),  # more than 100%
        *(16304, 32657, 37593, 45713),  # organisations nobody knows
        *(200, 27810, 32749, 37860),  # too few cells, too many
        *(4094, 6961, 7837, 35989, 44777),  # given twice
        *(2497, 4603, 13540, 22253, 32403, 43027),  # maybe, sometimes
        *(24653, 24829, 33599, 47836, 48962),  # misspelt questions
        *(8402, 8410, 20249, 20257, 40760, 40761, 42541, 42549),  # contradictions
        *(7308, 25380),  # failed formulas
        *(32, 8645, 31760, 25322, 27122),  # below nothing, in words
        *(4017, 51457),  # items of repeated questions
    ],
    "bodies": [97, 100],
    "comments": [35, 503, 621, 734, 844],
    "declarations": [235, 320, 513, 598, 655, 656, 967, 993, 1006, 1010, 1064, 1320],
    "indicators": [1682, 1751, 3760, 4043, 4481, 7066, 9307, 10283, 10760, 11163],
    "organisations": [243],
    "relationships": [591, 777, 1207, 1581],
    "visit_items": [608, 1969, 2274, 2375, 3134],
    "visits": [20, 104, 165],
}
CELLS_SET_ASIDE = {
    ("declarations", 202, "lapse_from"),
    ("declarations", 202, "lapse_to"),
    ("declarations", 1361, "lapse_from"),
    ("organisations", 68, "staff_wte"),
    ("organisations", 273, "staff_wte"),
    ("organisations", 354, "care_trust"),
    ("organisations", 358, "easting"),
    ("relationships", 802, "since"),
    ("relationships", 802, "until"),
    ("visits", 72, "inclusion_probability"),
}
CONVERTED = {
    ("answers", None): [19254, 27084, 41134],  # blank rows
    ("answers", "answer"): [
        *(322, 614, 8166, 21420, 40521, 44154),  # 25 %
        *(6747, 21337, 44466, 45857),  # 75,5
        *(3175, 12712, 51852),  # On request
    ],
    ("answers", "org_code"): [15214, 23602, 29027, 29074, 29079, 38447, 43774, 49731],
    ("comments", None): [None],  # the whole file, in Windows-1252
    ("comments", "text"): [525, 832, 1011],
    ("declarations", "lapse_from"): [365],
    ("declarations", "statement"): [91],
    ("declarations", "status"): [575, 793, 1215],
    ("declarations", "year"): [268, 745, 1172],
    ("indicators", None): [5765],
    ("indicators", "value"): [759, 3460, 8446, 8485, 8719],  # commas between thousands; 8485 and 8719 are below 0
    ("organisations", "org_code"): [3, 306],
    ("organisations", "population_0_4"): [250, 288],
}


@pytest.fixture(scope="module")
def clean(collection_folder, questionnaire):
    return read_collection(collection_folder, questionnaire)


@pytest.fixture(scope="module")
def dirty(shared, questionnaire):
    return read_collection(shared / "data" / "england-2008-09-dirty", questionnaire)


def test_the_national_collection_is_read_whole_and_without_a_problem(clean):
    assert clean.problems.is_empty()
    assert clean.absent == ()
    assert clean.tables["organisations"].height == 392
    years = clean.tables["declarations"]["year"].value_counts()
    assert clean.tables["declarations"].height == 1635
    assert dict(years.rows())["2008/09"] == 539
    assert all(file.rows == file.rows_used for file in clean.inputs)


def test_tables_have_the_promised_columns_and_types(clean):
    assert clean.problems.schema == pl.Schema(
        {**OUTPUTS["problems"].schema, "row": pl.Int64(), "org_code": pl.String()}
    )
    for name in INPUTS.keys() - {"answers"}:
        assert clean.tables[name].schema == INPUTS[name].schema, name
    for name, wave in FIRST_WAVE.items():
        assert clean.tables[wave].schema == INPUTS[name].schema


def test_every_answer_is_a_level_a_number_or_one_absence(clean):
    kinds = pl.sum_horizontal(pl.col("level", "number", "absence").is_not_null())
    assert clean.tables["answers"].select(kinds == 1).to_series().all()


def test_the_order_of_rows_does_not_matter(clean, collection_folder, questionnaire, tmp_path):
    shuffle = random.Random(5).shuffle
    for file in collection_folder.glob("*.csv"):
        with file.open(newline="") as lines:
            heading, *rows = csv.reader(lines)
        shuffle(rows)
        with (tmp_path / file.name).open("w", newline="") as lines:
            csv.writer(lines).writerows([heading, *rows])
    shuffled = read_collection(tmp_path, questionnaire)
    assert shuffled.problems.is_empty()
    for name, table in clean.tables.items():
        assert table.equals(shuffled.tables[name]), name


def test_every_row_that_cannot_be_used_is_set_aside_and_named(dirty):
    aside = dirty.problems.filter(pl.col("effect") == "row set aside")
    found = {table: sorted(set(rows)) for table, rows in aside.group_by("table").agg("row").iter_rows()}
    assert found == {table: sorted(rows) for table, rows in SET_ASIDE.items()}


def test_every_cell_that_cannot_be_used_is_set_aside_and_named(dirty):
    aside = dirty.problems.filter(pl.col("effect") == "cell set aside")
    assert set(aside.select("table", "row", "column").rows()) == CELLS_SET_ASIDE


def test_everything_that_was_mended_is_named(dirty):
    mended = dirty.problems.filter(pl.col("effect") == "converted")
    found = {(table, column): rows for table, column, rows in mended.group_by("table", "column").agg("row").iter_rows()}
    assert found == {place: sorted(rows, key=lambda row: row or 0) for place, rows in CONVERTED.items()}


@pytest.mark.parametrize("table", [name for name in (*INPUTS, *FIRST_WAVE.values()) if name != "resolved"])
def test_rows_in_the_file_are_rows_used_and_rows_set_aside(dirty, table):
    (file,) = [file for file in dirty.inputs if file.table == table]
    aside = dirty.problems.filter((pl.col("table") == table) & (pl.col("effect") == "row set aside"))
    assert file.rows == file.rows_used + aside["row"].n_unique()
    assert file.rows_used == dirty.tables[table].height


@pytest.mark.parametrize("table", sorted(SET_ASIDE.keys() - {"bodies"}))
def test_what_is_shown_is_what_stands_in_that_row_of_the_file(dirty, shared, table):
    raw = (shared / "data" / "england-2008-09-dirty" / f"{table}.csv").read_bytes()
    text = raw.decode("cp1252" if table == "comments" else "utf-8-sig")
    csv.field_size_limit(len(text))
    heading, *rows = csv.reader(io.StringIO(text, newline=""))
    shown = dirty.problems.filter(table=table).select("row", "column", "value").drop_nulls()
    assert not shown.is_empty()
    for row, column, value in shown.iter_rows():
        stood = rows[row - 2][heading.index(column)].replace("\x00", "\\x00")
        assert stood[:200] == value[:200] or float(stood) == float(value)


def test_problems_are_in_order_and_each_says_what_would_mend_it(dirty):
    place = ["table", "file", "row", "column"]
    assert dirty.problems.equals(dirty.problems.sort(place))
    assert not dirty.problems.select(pl.struct(place).is_duplicated().any()).item()
    assert dirty.problems["problem"].str.ends_with(".").all()
    assert dirty.problems["remedy"].str.contains(r"[.?]$").all()
