from __future__ import annotations

import re
import zipfile
from pathlib import Path
from xml.etree import ElementTree as ET

import fastexcel
import polars as pl

from crosscheck.contract.outputs import OUTPUTS
from crosscheck.runs.visit_list import list_reasons, write_workbook

MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


def inside(file: Path, name: str) -> ET.Element:
    with zipfile.ZipFile(file) as opened:
        return ET.fromstring(opened.read(f"xl/{name}"))  # noqa: S314  # our own workbook


def test_the_list_stands_first_in_the_columns_of_the_contract(national_run) -> None:
    workbook = fastexcel.read_excel(national_run / "visit_list.xlsx")
    assert workbook.sheet_names == ["visit_list", "duties", "columns", "rests on"]
    headings = workbook.load_sheet(0, n_rows=1).available_columns()
    promised = [name.replace("_", " ") for name in OUTPUTS["visit_list"].schema.names()]
    assert [column.name for column in headings][: len(promised)] == promised
    assert [column.name for column in headings][-4:] == ["visit on", "assessor", "outcome", "remarks"]


def test_every_column_is_explained(national_run) -> None:
    workbook = fastexcel.read_excel(national_run / "visit_list.xlsx")
    headings = [column.name for column in workbook.load_sheet(0, n_rows=1).available_columns()]
    explained = workbook.load_sheet("columns").to_polars()
    assert set(headings) <= set(explained["Column"])
    assert explained["What it says"].null_count() == 0


def test_people_can_work_in_it(national_run) -> None:
    sheet = inside(national_run / "visit_list.xlsx", "worksheets/sheet1.xml")
    pane = sheet.find(f".//{MAIN}pane")
    assert (pane.get("xSplit"), pane.get("ySplit"), pane.get("state")) == ("3", "1", "frozen")
    assert sheet.find(f"{MAIN}autoFilter").get("ref").endswith("540")
    setup = sheet.find(f"{MAIN}pageSetup")
    assert (setup.get("orientation"), setup.get("paperSize"), setup.get("fitToHeight")) == ("landscape", "9", "0")
    offered = [one.findtext(f"{MAIN}formula1") for one in sheet.iter(f"{MAIN}dataValidation")]
    assert '"upheld,qualified,not visited"' in offered
    assert {one.get("type") for one in sheet.iter(f"{MAIN}cfRule")} == {"expression", "dataBar"}


def test_what_nobody_plans_by_is_folded_away_and_no_reason_is_cut_by_its_row(national_run) -> None:
    sheet = inside(national_run / "visit_list.xlsx", "worksheets/sheet1.xml")
    listed = pl.read_parquet(national_run / "visit_list.parquet")
    folded = {
        listed.columns[place - 1]
        for column in sheet.iter(f"{MAIN}col")
        if column.get("hidden") == "1"
        for place in range(int(column.get("min")), int(column.get("max")) + 1)
    }
    assert {"decibans", "inclusion_probability", "flags", "pool"} <= folded
    assert not {"rank", "org_code", "name", "declared", "risk", "selected_by", "reason", "visited"} & folded
    heights = [float(row.get("ht")) for row in sheet.iter(f"{MAIN}row")][1:]
    letters = listed["reason"].str.len_chars().to_list()
    assert all(height >= 15 * count / 46 for height, count in zip(heights, letters, strict=True))


def test_the_list_prints_across_a_page_in_letters_of_eight_points(national_run) -> None:
    sheet = inside(national_run / "visit_list.xlsx", "worksheets/sheet1.xml")
    visible = sum(
        float(column.get("width")) * (int(column.get("max")) - int(column.get("min")) + 1)
        for column in sheet.iter(f"{MAIN}col")
        if column.get("hidden") != "1"
    )
    margins = sheet.find(f"{MAIN}pageMargins")
    inches = 11.69 - float(margins.get("left")) - float(margins.get("right"))
    letters = inches * 96 / 7  # a letter of 11 points is 7 pixels wide, of which there are 96 to the inch
    assert 11 * letters / visible >= 8
    names = inside(national_run / "visit_list.xlsx", "workbook.xml")
    titles = [one.text for one in names.iter(f"{MAIN}definedName") if one.get("name") == "_xlnm.Print_Titles"]
    assert "visit_list!$1:$1" in titles


def test_there_are_words_where_the_table_has_codes(national_run) -> None:
    workbook = fastexcel.read_excel(national_run / "visit_list.xlsx")
    sheet = workbook.load_sheet(0).to_polars()
    listed = pl.read_parquet(national_run / "visit_list.parquet")
    assert set(sheet["org type"]) == {"Acute trust", "Ambulance trust", "Mental health trust", "Primary care trust"}
    assert set(sheet["pool"]) == {"To visit", "Visited this year", "To follow up"}
    assert set(sheet["selected by"]) == {"For an unmet statutory duty", "For the highest risk", "At random", None}
    assert set(sheet["declared"]) == {"Compliant", "Not met", "Insufficient assurance"}
    assert sheet["selected by"].null_count() == listed["selected_by"].null_count()
    assert not [text for text in sheet.select(pl.col(pl.String)).to_series(1) if "_" in (text or "")]


def test_fills_are_greys_so_that_nothing_is_lost_in_print(national_run) -> None:
    styles = inside(national_run / "visit_list.xlsx", "styles.xml")
    fills = [fill.get("rgb") for fill in styles.iter(f"{MAIN}bgColor") if fill.get("rgb")]
    assert len(fills) >= 3
    for fill in fills:
        channels = [int(fill[place : place + 2], 16) for place in (2, 4, 6)]
        assert max(channels) - min(channels) < 20, fill


def test_each_risk_has_a_note_with_what_weighs_most(national_run) -> None:
    notes = inside(national_run / "visit_list.xlsx", "comments1.xml")
    told = ["".join(note.itertext()) for note in notes.iter(f"{MAIN}comment")]
    assert len(told) == 539
    effect = r"^(?:low|medium|high|no) effect, (?:raises|lowers) the risk: "
    assert all(len(re.findall(effect, note, re.MULTILINE)) == 5 for note in told)


def test_reasons_come_by_their_size_whichever_way_they_point() -> None:
    parts = pl.DataFrame(
        {"org_code": ["A"] * 4, "function": ["whole"] * 4, "family": ["prior", "checks", "figures", "answers"],
         "part": ["p", "a", "b", "c"], "decibans": [-9.0, 1.0, -3.0, 2.0], "reason": ["base", "one", "three", "two"]}
    )  # fmt: skip
    assert list_reasons(parts)["A", "whole"][1:] == [
        "medium effect, lowers the risk: three",
        "medium effect, raises the risk: two",
        "low effect, raises the risk: one",
    ]


def test_a_formula_stays_text_and_the_same_list_gives_the_same_bytes(national_run, tmp_path) -> None:
    listed = pl.read_parquet(national_run / "visit_list.parquet").head(3).with_columns(name=pl.lit("=cmd|'/C calc'!A0"))
    for name in ("one.xlsx", "other.xlsx"):
        write_workbook(listed, tmp_path / name)
    assert (tmp_path / "one.xlsx").read_bytes() == (tmp_path / "other.xlsx").read_bytes()
    assert inside(tmp_path / "one.xlsx", "worksheets/sheet1.xml").find(f".//{MAIN}f") is None
    assert fastexcel.read_excel(tmp_path / "one.xlsx").load_sheet(0).to_polars()["name"][0].startswith("=cmd")


def test_a_list_without_a_declaration_can_be_written(national_run, tmp_path) -> None:
    write_workbook(pl.read_parquet(national_run / "visit_list.parquet").clear(), tmp_path / "empty.xlsx")
    assert fastexcel.read_excel(tmp_path / "empty.xlsx").load_sheet(0).height == 0
