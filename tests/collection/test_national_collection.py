from __future__ import annotations

import csv
import io
import random

import polars as pl
import pytest

from crosscheck.collection.read import read_collection
from crosscheck.frames import INPUTS, OUTPUTS

# Gone through by hand, file by file: the rows of the collection with data faults by what has to become of them.
SET_ASIDE = {
    "answers": [
        *(836, 14831, 21806, 26595),  # more than 100%
        *(1042, 27455, 44856, 49250),  # organisations nobody knows
        *(2629, 14821, 33126, 38805),  # too few cells, too many
        *(3949, 7836, 8057, 17819, 19955),  # given twice
        *(8538, 15330, 45127, 24938, 28385, 40895),  # maybe, sometimes
        *(9396, 35032, 39047, 41627, 41661),  # misspelt questions
        *(16377, 16382, 18008, 18013, 33494, 33496, 47723, 47727),  # contradictions
        *(18330, 34622),  # failed formulas
        *(21895, 22455, 34220, 23639, 43923),  # below nothing, in words
        *(42040, 50161),  # items of repeated questions
    ],
    "bodies": [49, 51],
    "comments": [406, 435, 853, 867, 932],
    "declarations": [235, 320, 513, 598, 655, 656, 967, 993, 1006, 1010, 1064, 1320],
    "indicators": [348, 846, 1488, 1506, 3758, 4505, 5340, 5412, 5938, 8622, 9341, 11766],
    "organisations": [243],
    "relationships": [351, 732, 969, 1474],
    "visits": [24, 41, 194],
}
CELLS_SET_ASIDE = {
    ("declarations", 169, "lapse_from"),
    ("declarations", 169, "lapse_to"),
    ("declarations", 884, "lapse_from"),
    ("organisations", 68, "staff_wte"),
    ("organisations", 273, "staff_wte"),
    ("organisations", 354, "care_trust"),
    ("organisations", 358, "easting"),
    ("relationships", 780, "since"),
    ("relationships", 780, "until"),
    ("visits", 117, "inclusion_probability"),
}
CONVERTED = {
    ("answers", None): [9221, 10406, 47787],  # blank rows
    ("answers", "org_code"): [1904, 19484, 23198, 28908, 28995, 28998, 37060, 43602],
    ("answers", "answer"): [
        *(10832, 21357, 29905, 37256, 46930, 48337),  # 25 %
        *(11079, 40135, 40151, 49344),  # 75,5
        *(15243, 15442, 30215),  # On request
    ],
    ("comments", None): [None],  # the whole file, in Windows-1252
    ("comments", "text"): [265, 335, 780],
    ("declarations", "lapse_from"): [151],
    ("declarations", "year"): [268, 745, 1172],
    ("declarations", "status"): [575, 793, 1215],
    ("declarations", "statement"): [858],
    ("indicators", None): [1749],
    ("indicators", "value"): [3306, 3369, 8513],
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
    assert clean.tables["visits_wave_1"].schema == INPUTS["visits"].schema


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


@pytest.mark.parametrize("table", [*INPUTS, "visits_wave_1"])
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
