"""A sheet is read as a person sees it, or the difference is named; and no file takes all memory or time."""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import io
import subprocess
import sys
import zipfile
import zlib
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from click.testing import CliRunner

from crosscheck.cli import main
from crosscheck.collection.child import inflate
from crosscheck.collection.files import open_table
from crosscheck.collection.formats import format_of, write_number
from crosscheck.collection.limits import MOST_COLUMNS, MOST_PROBLEMS
from crosscheck.collection.read import Collection, read_collection
from crosscheck.contract.reply_form import REPLY_FORM
from crosscheck.errors import CollectionError

TABLES = {
    "organisations": ["org_code,name,org_type,region", "R01,Arden,acute,North", "R02,Bray,pct,North"],
    "declarations": [
        "org_code,year,function,category,standard,status,lapse_from,lapse_to",
        "R01,2008/09,whole,acute,C2,compliant,,",
    ],
    "answers": ["org_code,question_id,item,answer", "R01,training.strategy,,yes"],
}
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"
HEADINGS = TABLES["answers"][0]


def cell(text: str) -> str:
    """A cell that holds a text; what begins with < stands as it is."""
    if text.startswith("<"):
        return text
    return f'<c t="inlineStr"><is><t>{text}</t></is></c>' if text else "<c/>"


def sheet(rows: list[str], before: str = "", after: str = "") -> str:
    cells = "".join(
        row if row.startswith("<row") else f"<row>{''.join(map(cell, row.split(',')))}</row>" for row in rows
    )
    return f'<worksheet xmlns="{MAIN}">{before}<sheetData>{cells}</sheetData>{after}</worksheet>'


def relations(*of: tuple[str, str, str]) -> str:
    links = (f'<Relationship Id="{name}" Type="{OFFICE}/{kind}" Target="{target}"/>' for name, kind, target in of)
    return f'<Relationships xmlns="{RELATIONS}">{"".join(links)}</Relationships>'


def write_book(
    path: Path, answers: str, *, book: str = "", formats: str = "", state: str = "", main: str = "xl/workbook.xml"
) -> Path:
    sheets = {name: sheet(rows) for name, rows in TABLES.items()} | {"answers": answers}
    names = [f'<sheet name="{name}" r:id="{name}"{state if name == "answers" else ""}/>' for name in sheets]
    folder, name = main.rsplit("/", 1)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("_rels/.rels", relations(("b", "officeDocument", f"/{main}")))
        parts = [("y", "styles", "styles.xml"), *((name, "worksheet", f"{name}.xml") for name in sheets)]
        archive.writestr(f"{folder}/_rels/{name}.rels", relations(*parts))
        archive.writestr(
            main, f'<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}">{book}<sheets>{"".join(names)}</sheets></workbook>'
        )
        archive.writestr(f"{folder}/styles.xml", f'<styleSheet xmlns="{MAIN}">{formats}</styleSheet>')
        for name, content in sheets.items():
            archive.writestr(f"{folder}/{name}.xml", content)
    return path


def read_book(path: Path, questionnaire: Any) -> Collection:
    return read_collection(path, questionnaire, "2008/09", "C2")


def told(read: Collection) -> list[tuple[int | None, str | None, str]]:
    return [(found["row"], found["column"], found["problem"]) for found in read.problems.to_dicts()]


FORMULA = "<c><f>Raw!A1</f>{}</c>"


@pytest.mark.parametrize("stored", ["", "<v/>", "<v></v>"])
def test_a_formula_without_result_is_never_no_answer(tmp_path: Path, questionnaire: Any, stored: str) -> None:
    row = f"R02,training.strategy,,{FORMULA.format(stored)}"
    read = read_book(write_book(tmp_path / "b.xlsx", sheet([HEADINGS, row])), questionnaire)
    assert told(read) == [(2, "answer", "A formula whose result the file does not hold.")]
    assert read.problems["value"].to_list() == ["=Raw!A1"]
    assert read.tables["answers"].is_empty()


def test_an_empty_text_can_be_the_result_of_a_formula(tmp_path: Path, questionnaire: Any) -> None:
    row = 'R02,training.strategy,,<c t="str"><f>""</f><v></v></c>'
    read = read_book(write_book(tmp_path / "b.xlsx", sheet([HEADINGS, row])), questionnaire)
    assert told(read) == []
    assert read.tables["answers"]["absence"].to_list() == ["no_answer"]


def test_a_stored_0_is_used_where_the_workbook_was_calculated(tmp_path: Path, questionnaire: Any) -> None:
    row = f"R02,training.level1_pct,,{FORMULA.format('<v>0</v>')}"
    book = write_book(tmp_path / "b.xlsx", sheet([HEADINGS, row]), book='<calcPr fullCalcOnLoad="0"/>')
    read = read_book(book, questionnaire)
    assert (told(read), read.tables["answers"]["number"].to_list()) == ([], [0])


def test_results_that_may_be_out_of_date_are_used_and_told_once(tmp_path: Path, questionnaire: Any) -> None:
    rows = [f"{code},training.level1_pct,,{FORMULA.format('<v>7</v>')}" for code in ("R01", "R02")]
    book = write_book(tmp_path / "b.xlsx", sheet([HEADINGS, *rows]), book='<calcPr calcMode="manual"/>')
    ((row, column, words),) = told(read_book(book, questionnaire))
    assert (row, column) == (2, "answer")
    assert "the results of 2 formulas may be out of date" in words


def test_hidden_rows_columns_and_sheets_are_read_and_told(tmp_path: Path, questionnaire: Any) -> None:
    hidden = f'<row hidden="1">{"".join(map(cell, ["R02", "training.strategy", "", "no"]))}</row>'
    answers = sheet([HEADINGS, TABLES["answers"][1], hidden], before='<cols><col min="4" max="4" hidden="1"/></cols>')
    read = read_book(write_book(tmp_path / "b.xlsx", answers, state=' state="hidden"'), questionnaire)
    assert {words for _, _, words in told(read)} == {
        "The sheet is hidden; it was read.",
        "The column is hidden; it was read.",
        "The row is hidden or filtered out; it was read.",
    }
    assert set(read.problems["effect"]) == {"converted"}
    assert read.tables["answers"].height == 2


def test_of_a_merged_cell_over_rows_all_but_the_first_are_set_aside_as_one_problem(
    tmp_path: Path, questionnaire: Any
) -> None:
    rows = [HEADINGS, *(f"{code},training.level1_pct,,54" for code in ("R01", "R02", "R01"))]
    merged = '<mergeCells><mergeCell ref="D2:D3"/></mergeCells>'
    read = read_book(write_book(tmp_path / "b.xlsx", sheet(rows[:3], after=merged)), questionnaire)
    ((row, column, words),) = told(read)
    assert (row, column) == (3, "answer")
    assert "(D2:D3)" in words
    assert read.tables["answers"]["org_code"].to_list() == ["R01"]


def test_a_merged_title_above_the_headings_is_nobodys_concern(tmp_path: Path, questionnaire: Any) -> None:
    merged = '<mergeCells><mergeCell ref="A1:D1"/></mergeCells>'
    rows = ["Review of 2008/09,,,", HEADINGS, TABLES["answers"][1]]
    read = read_book(write_book(tmp_path / "b.xlsx", sheet(rows, after=merged)), questionnaire)
    assert [row for row, _, _ in told(read)] == [1]
    assert read.tables["answers"].height == 1


def test_the_parts_of_a_workbook_may_lie_elsewhere(tmp_path: Path, questionnaire: Any) -> None:
    path = write_book(tmp_path / "b.xlsx", sheet(TABLES["answers"]), main="other/place/book.xml")
    assert told(read_book(path, questionnaire)) == []


def test_a_day_format_of_its_serial_number_is_read_in_a_workbook_and_not_in_a_text(
    tmp_path: Path, questionnaire: Any, small: Any
) -> None:
    declaration = "R01,2008/09,whole,acute,C2,not_met,{},"
    path = write_book(tmp_path / "b.xlsx", sheet(TABLES["answers"]))
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    rows = [TABLES["declarations"][0], declaration.format("<c><v>39539</v></c>")]
    parts["xl/declarations.xml"] = sheet(rows).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, part in parts.items():
            archive.writestr(name, part)
    read = read_book(path, questionnaire)
    assert read.tables["declarations"]["lapse_from"].to_list() == [dt.date(2008, 4, 1)]
    assert [found[2] for found in told(read)] == ["The serial number of a day; read as 2008-04-01."]
    small.rows("declarations", declaration.format("39539") + ",")
    ((_, column, words),) = told(small.read())
    assert column == "lapse_from"
    assert "does not say from which day it counts" in words


@pytest.mark.parametrize(
    ("code", "shown"),
    [
        ("0%", "percent"),
        ("0.0%;[Red]-0.0%", "percent"),
        ('0"%"', "with_sign"),
        (r"0.0\%", "with_sign"),
        ("0_%", "plain"),
        ("dd/mm/yyyy", "date"),
        ("[$-809]d mmmm yyyy", "date"),
        ('0 "days"', "plain"),
        ("h:mm", "time"),
        ("[h]:mm", "plain"),
        ("mmm", "date"),
        ("General", "plain"),
        ("[Red]General", "plain"),
        ("#,##0", "plain"),
        ("#,##0,", "thousands"),
    ],
)
def test_a_number_format_shows_what_spreadsheets_show_of_it(code: str, shown: str) -> None:
    assert format_of(164, code) == shown


def test_stored_numbers_are_written_as_they_are_shown() -> None:
    assert write_number("0.30000000000000004", "plain") == "0.3"
    assert write_number("0.5", "with_sign") == "0.5%"
    assert write_number("0.54", "percent") == "54%"
    assert write_number("38077", "date", 1462) == "2008-04-01"
    assert write_number("39539.5", "date") == "2008-04-01 12:00:00"
    assert write_number("99999999", "date") == "99999999"


def test_line_breaks_of_an_open_document_cell_are_kept(tmp_path: Path) -> None:
    texts = [["item", "question", "reply", "remark", "run"], ["1", "q", "explain", "one</text:p><text:p>two", "x"]]
    rows = "".join(
        "<table:table-row>"
        + "".join(
            f'<table:table-cell office:value-type="string"><text:p>{one}</text:p></table:table-cell>' for one in row
        )
        + "</table:table-row>"
        for row in texts
    )
    with zipfile.ZipFile(tmp_path / "reply.ods", "w") as archive:
        names = 'xmlns:table="t" xmlns:text="x" xmlns:office="o"'
        archive.writestr("content.xml", f'<d {names}><table:table table:name="reply">{rows}</table:table></d>')
    form, _ = open_table(tmp_path / "reply.ods", REPLY_FORM)
    assert form.rows["remark"].to_list() == ["one\ntwo"]


def test_the_sheets_that_are_there_are_listed_where_one_is_missing(tmp_path: Path, questionnaire: Any) -> None:
    path = write_book(tmp_path / "b.xlsx", sheet(TABLES["answers"]))
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    parts["xl/workbook.xml"] = parts["xl/workbook.xml"].replace(b'name="answers"', b'name="Returns 2009"')
    with zipfile.ZipFile(path, "w") as archive:
        for name, part in parts.items():
            archive.writestr(name, part)
    with pytest.raises(CollectionError, match="The sheets are: “organisations”, “declarations”, “Returns 2009”"):
        read_book(path, questionnaire)


# ------------------------------------------------------------------------------------------------------- Bounded


def test_entities_that_grow_without_end_are_refused(tmp_path: Path, questionnaire: Any) -> None:
    entities = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 10))
    answers = f'<!DOCTYPE w [<!ENTITY e0 "aaaaaaaaaa">{entities}]><worksheet xmlns="{MAIN}">&e9;</worksheet>'
    with pytest.raises(CollectionError, match="can't be opened as a workbook"):
        read_book(write_book(tmp_path / "b.xlsx", answers), questionnaire)


@pytest.mark.parametrize("reference", ["A0", "ZZZZ1", "A99999999", "1A", "é1"])
def test_a_cell_that_lies_nowhere_is_refused_in_a_sentence(tmp_path: Path, questionnaire: Any, reference: str) -> None:
    number = "".join(filter(str.isdecimal, reference))
    row = f'<row r="{number}"><c r="{reference}" t="inlineStr"><is><t>x</t></is></c></row>'
    with pytest.raises(CollectionError, match="can't be opened as a workbook"):
        read_book(write_book(tmp_path / "b.xlsx", sheet([HEADINGS, row])), questionnaire)


def test_what_stands_far_beside_the_table_is_refused_with_the_limit(tmp_path: Path, questionnaire: Any) -> None:
    row = '<row r="3"><c r="XFD3" t="inlineStr"><is><t>x</t></is></c></row>'
    with pytest.raises(CollectionError, match=f"column 16,384; {MOST_COLUMNS:,} are allowed"):
        read_book(write_book(tmp_path / "b.xlsx", sheet([HEADINGS, row])), questionnaire)


@pytest.mark.parametrize("raw", [b",", b'"",', b";"])
def test_a_text_of_separators_alone_is_refused_with_the_limit(small: Any, raw: bytes) -> None:
    small.write("answers", raw * 500_000)
    with pytest.raises(CollectionError, match=r"answers\.csv.*(columns are allowed|column org_code is missing)"):
        small.read()


def test_a_file_with_more_wrong_than_can_be_named_is_taken_for_no_table(small: Any) -> None:
    small.rows("answers", *(f"R01,training.strategy,,{number}" for number in range(5, MOST_PROBLEMS + 7)))
    with pytest.raises(CollectionError, match=r"has more than 100,000 things wrong with it; the first, in row 2"):
        small.read()


def test_a_gzip_file_that_is_cut_off_is_refused(small: Any) -> None:
    (small.folder / "bodies.csv.gz").write_bytes(gzip.compress(b"body_code,kind,name\n" * 50)[:-9])
    with pytest.raises(CollectionError, match=r"bodies\.csv\.gz can't be inflated"):
        small.read()


def test_a_gzip_file_that_holds_too_much_takes_no_memory_for_it() -> None:
    """A file of a few MB that would hold more than 600 MB: refused before anything of it is kept."""
    packer = zlib.compressobj(1, wbits=31)
    raw = b"".join([*(packer.compress(b"0" * 1_000_000) for _ in range(601)), packer.flush()])
    code = (
        "import sys, tracemalloc\n"
        "from crosscheck.collection.child import inflate\n"
        "tracemalloc.start()\n"
        "try:\n    inflate(sys.stdin.buffer.read())\n"
        "except ValueError as error:\n    print(error)\n"
        "print(tracemalloc.get_traced_memory()[1])"
    )
    done = subprocess.run([sys.executable, "-c", code], input=raw, capture_output=True, check=True)
    words, most = done.stdout.decode().splitlines()
    assert words == "it holds more than the 600,000,000 bytes that are allowed once it is inflated"
    assert int(most) < 100_000_000  # bytes


def test_a_gzip_file_of_several_parts_is_read_whole() -> None:
    parts = [b"org_code,name\n" * 90_000, b"R01,One\n"]
    assert inflate(b"".join(map(gzip.compress, parts))) == b"".join(parts)


@pytest.mark.parametrize("several", [pl.struct("name", "kind"), pl.concat_list("name").cast(pl.Array(pl.String, 1))])
def test_a_column_of_parquet_with_several_values_in_a_cell_is_named(small: Any, several: pl.Expr) -> None:
    rows = pl.DataFrame({"body_code": ["L1"], "kind": ["lscb"], "name": ["x"]}).with_columns(name=several)
    rows.write_parquet(small.folder / "bodies.parquet")
    with pytest.raises(CollectionError, match=r"a cell of the column name holds several values"):
        small.read()


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ('0"k"', "thousands"), ("0\\k", "thousands"), ('0.0" m"', "thousands"), ('#,##0 "000"', "thousands"),
        ('0" kids"', "plain"), ('#,##0"km"', "plain"), ("0,", "thousands"), ("0.0", "plain"), ('0"%"', "with_sign"),
    ],
)  # fmt: skip
def test_a_unit_that_a_format_writes_behind_a_number_is_named(code: str, kind: str) -> None:
    assert format_of(200, code) == kind


@pytest.mark.parametrize("cut", [4, 100, 300, -1, -9])
def test_parquet_that_is_cut_off_or_changed_is_refused(small: Any, cut: int) -> None:
    written = io.BytesIO()
    pl.DataFrame({"body_code": ["L1"], "kind": ["lscb"], "name": ["x"]}).write_parquet(written)
    (small.folder / "bodies.parquet").write_bytes(written.getvalue()[:cut])
    with pytest.raises(CollectionError, match=r"bodies\.parquet can't be read as Parquet"):
        small.read()


def test_a_text_that_is_not_among_the_shared_ones_is_a_missing_part(tmp_path: Path, questionnaire: Any) -> None:
    row = '<row><c t="s"><v>99</v></c></row>'
    with pytest.raises(CollectionError, match="a part of it is missing"):
        read_book(write_book(tmp_path / "b.xlsx", sheet([HEADINGS, row])), questionnaire)


def test_a_carriage_return_within_a_cell_ends_no_row_of_what_is_printed(tmp_path: Path) -> None:
    book = write_book(tmp_path / "b.xlsx", sheet([HEADINGS, "R01_x000D_,training.strategy,,yes"]))
    printed = CliRunner().invoke(main, ["check", str(book), "--format", "csv"]).stdout
    (problem,) = csv.DictReader(io.StringIO(printed, newline=""))
    assert (problem["value"], problem["org_code"]) == ("R01\r", "R01")


STYLES = (
    '<numFmts><numFmt numFmtId="170" formatCode=";;;"/></numFmts>'
    '<fonts><font/><font><strike/></font><font><strike val="0"/></font></fonts>'
    '<cellXfs><xf fontId="0"/><xf fontId="1"/><xf numFmtId="170" fontId="0"/><xf fontId="2"/></cellXfs>'
)


def styled(style: int, value: int) -> str:
    return f'<c s="{style}"><v>{value}</v></c>'


def test_cells_struck_through_or_not_shown_are_read_and_told_once_a_column(tmp_path: Path, questionnaire: Any) -> None:
    rows = [f"{code},training.level1_pct,,{styled(style, 54)}" for code, style in (("R01", 1), ("R02", 2), ("R03", 1))]
    read = read_book(write_book(tmp_path / "b.xlsx", sheet([HEADINGS, *rows]), formats=STYLES), questionnaire)
    words = "\n".join(words for _, column, words in told(read) if column == "answer")
    assert "2 cells are struck through; they were read. This is the first." in words
    assert "The format of the cell shows nothing of what it holds; it was read." in words
    assert read.tables["answers"]["number"].to_list() == [54, 54]


def test_a_font_that_says_it_does_not_strike_is_no_concern_of_anybody(tmp_path: Path, questionnaire: Any) -> None:
    rows = [f"R01,training.level1_pct,,{styled(3, 54)}"]
    assert (
        told(read_book(write_book(tmp_path / "b.xlsx", sheet([HEADINGS, *rows]), formats=STYLES), questionnaire)) == []
    )
