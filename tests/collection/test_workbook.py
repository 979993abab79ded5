from __future__ import annotations

import datetime as dt
import zipfile

import polars as pl
import pytest
import xlsxwriter

from crosscheck.collection.read import read_collection
from crosscheck.errors import CollectionError

OFFICE = "urn:oasis:names:tc:opendocument:xmlns"
NAMESPACES = (
    f'xmlns:office="{OFFICE}:office:1.0" xmlns:table="{OFFICE}:table:1.0" xmlns:text="{OFFICE}:text:1.0" '
    'xmlns:calcext="urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0"'
)
MANIFEST = (
    '<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"><manifest:file-entry '
    'manifest:full-path="/" manifest:media-type="application/vnd.oasis.opendocument.spreadsheet"/></manifest:manifest>'
)


@pytest.fixture
def xlsx(tmp_path, cells):
    """A workbook with the small collection; further cells are written by (sheet, row, column)."""

    def write(more=()):
        path = tmp_path / "collection.xlsx"
        with xlsxwriter.Workbook(path) as workbook:
            sheets = {table: workbook.add_worksheet(table) for table in cells}
            for table, rows in cells.items():
                for number, row in enumerate(rows):
                    sheets[table].write_row(number, 0, row)
            for table, row, column, value, form in more:
                sheets[table].write(row, column, value, workbook.add_format({"num_format": form}) if form else None)
        return path

    return write


def ods_cell(cell):
    if cell == "":
        return "<table:table-cell/>"
    if cell.endswith("%"):
        share = float(cell.rstrip("%")) / 100
        kind = f'office:value-type="percentage" office:value="{share}"'
    elif cell.startswith("#"):
        kind = 'office:value-type="string" office:string-value="" calcext:value-type="error"'
    else:
        kind = 'office:value-type="string"'
    return f"<table:table-cell {kind}><text:p>{cell}</text:p></table:table-cell>"


def ods_sheet(table, rows):
    body = "".join(f"<table:table-row>{''.join(map(ods_cell, row))}</table:table-row>" for row in rows)
    return f'<table:table table:name="{table}">{body}</table:table>'


def write_ods(path, sheets):
    body = "".join(ods_sheet(table, rows) for table, rows in sheets.items())
    content = f"<office:body><office:spreadsheet>{body}</office:spreadsheet></office:body>"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("META-INF/manifest.xml", MANIFEST)
        archive.writestr("content.xml", f"<office:document-content {NAMESPACES}>{content}</office:document-content>")
    return path


def assert_same_tables(one, other):
    assert one.tables.keys() == other.tables.keys()
    for name, table in one.tables.items():
        assert table.equals(other.tables[name]), name


def test_a_workbook_gives_the_tables_of_the_folder(small, xlsx, cells, questionnaire):
    read = read_collection(xlsx(), questionnaire)
    assert_same_tables(read, small.read())
    assert read.problems.is_empty()
    assert [file.file for file in read.inputs] == [f"collection.xlsx, sheet {table}" for table in cells]


def test_an_open_document_workbook_gives_the_tables_of_the_folder(small, cells, tmp_path, questionnaire):
    path = write_ods(tmp_path / "collection.ods", cells)
    read = read_collection(path, questionnaire)
    assert_same_tables(read, small.read())
    assert read.problems.is_empty()


def test_typed_parquet_gives_the_tables_of_the_folder(small, tmp_path, questionnaire):
    small.rows("organisations", "R01,Arden,acute,North,children|maternity,yes,522497,1301.5", "R02,B,pct,North,,,,")
    small.rows("visits", "R01,whole,2005/06,random,0.106,2006-06-15,qualified")
    small.rows("indicators", "R01,survey,trained_pct,2008,1,3,33.3,higher_better,proportion")
    read = small.read()
    for name, table in read.tables.items():
        columns = {"answer": pl.coalesce("level", pl.col("number").cast(pl.String)), "item": None}
        typed = table.with_columns(**columns).drop("level", "number", "absence") if name == "answers" else table
        typed.write_parquet(tmp_path / f"{name}.parquet")
    again = read_collection(tmp_path, questionnaire)
    assert_same_tables(again, read)
    assert again.problems.is_empty()
    assert [file.rows for file in again.inputs] == [2, 1, 1, 1, 0, 0, 0, 1, 0, 0]


def test_numbers_dates_and_truths_of_a_workbook_are_read_as_entered(xlsx, questionnaire):
    day = dt.datetime(2008, 4, 1)  # noqa: DTZ001  # workbooks have no time zones
    more = [
        ("declarations", 1, 6, day, "dd/mm/yyyy"),
        ("answers", 1, 3, True, None),
        *(("answers", 2, column, value, None) for column, value in enumerate(("R02", "lscb.linked_boards", "", 3))),
    ]
    read = read_collection(xlsx(more), questionnaire)
    assert read.problems.is_empty()
    assert read.tables["declarations"]["lapse_from"].to_list() == [dt.date(2008, 4, 1)]
    assert read.tables["answers"].select("level", "number").rows() == [("yes", None), (None, 3)]


@pytest.mark.parametrize("form", ["0%", "0.0%"])
def test_a_cell_that_shows_54_per_cent_is_not_read_as_a_half(xlsx, questionnaire, form):
    answer = enumerate(("R02", "training.level1_pct", "", 0.54))
    read = read_collection(xlsx([("answers", 2, column, value, form) for column, value in answer]), questionnaire)
    assert read.problems.is_empty()
    assert read.tables["answers"]["number"].to_list() == [None, 54]


def test_a_failed_formula_of_a_workbook_is_no_empty_answer(tmp_path, xlsx, questionnaire):
    path = xlsx()
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    sheet = parts["xl/worksheets/sheet3.xml"].decode()
    start = sheet.index('<c r="D2"')
    end = sheet.index("</c>", start)
    parts["xl/worksheets/sheet3.xml"] = f'{sheet[:start]}<c r="D2" t="e"><v>#REF!</v>{sheet[end:]}'.encode()
    with zipfile.ZipFile(tmp_path / "failed.xlsx", "w") as archive:
        for name, part in parts.items():
            archive.writestr(name, part)
    read = read_collection(tmp_path / "failed.xlsx", questionnaire)
    assert read.tables["answers"].is_empty()
    assert read.problems.select("row", "column", "value").rows() == [(2, "answer", "#REF!")]
    assert read.problems["file"].to_list() == ["failed.xlsx, sheet answers"]


def test_open_document_percentages_and_failed_formulas_are_read_as_shown(tmp_path, cells, questionnaire):
    rows = [*cells["answers"], ["R02", "training.level1_pct", "", "54%"], ["R02", "training.strategy", "", "#REF!"]]
    sheets = cells | {"answers": rows}
    read = read_collection(write_ods(tmp_path / "collection.ods", sheets), questionnaire)
    assert read.tables["answers"]["number"].to_list() == [None, 54]
    assert read.problems.select("row", "value").rows() == [(4, "#REF!")]


def test_row_numbers_are_the_workbooks_own(xlsx, questionnaire):
    answer = enumerate(("R02", "training.strategy", "", "maybe"))
    read = read_collection(xlsx([("answers", 9, column, value, None) for column, value in answer]), questionnaire)
    assert read.problems.filter(pl.col("effect") == "row set aside")["row"].to_list() == [10]
    assert [file.rows for file in read.inputs if file.table == "answers"] == [2]


def test_cells_are_found_where_a_workbook_leaves_its_first_column_empty(tmp_path, cells, questionnaire):
    rows = [["", *row] for row in (*cells["answers"], ["R02", "training.level1_pct", "", "54%"])]
    read = read_collection(write_ods(tmp_path / "collection.ods", cells | {"answers": rows}), questionnaire)
    assert read.problems.is_empty()
    assert read.tables["answers"]["number"].to_list() == [None, 54]


def test_a_sheet_that_is_no_table_is_reported(cells, questionnaire, tmp_path):
    path = write_ods(tmp_path / "more.ods", cells | {"Notes": [["x"]]})
    read = read_collection(path, questionnaire)
    assert read.problems["file"].to_list() == ["more.ods, sheet Notes"]


def test_a_damaged_workbook_is_refused(tmp_path, questionnaire):
    (tmp_path / "collection.xlsx").write_bytes(b"PK no workbook")
    with pytest.raises(CollectionError, match=r"collection\.xlsx can't be opened as a workbook"):
        read_collection(tmp_path / "collection.xlsx", questionnaire)


def test_a_workbook_that_lacks_a_sheet_is_refused(cells, tmp_path, questionnaire):
    path = write_ods(tmp_path / "less.ods", {table: cells[table] for table in ("organisations", "answers")})
    with pytest.raises(CollectionError, match="the table declarations is missing"):
        read_collection(path, questionnaire)
