from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import date
from pathlib import Path
from xml.etree import ElementTree as ET

import polars as pl
import pytest
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st

from crosscheck.cli import main
from crosscheck.network.graph import name_bodies, neighbours, relate
from crosscheck.network.succession import trace_succession
from crosscheck.report.plots.neighbourhood import draw_neighbourhood
from tests.network.made_up import ON, Tie, made_up

SVG = "{http://www.w3.org/2000/svg}"
CODES = [f"R{number:02}" for number in range(90)]
TIES: tuple[Tie, ...] = (
    ("R01", "commissions", "R00"),
    ("R00", "sits_on", "L1"),
    ("R02", "sits_on", "L1"),
    ("R00", "shared_review", "R03", "SCR-9-1"),
    ("R00", "succeeds", "X1", None, date(2007, 4, 1), None),
    ("R04", "succeeds", "R00"),
    ("R00", "commissions", "R05"),
)


def listed(*ties: Tie) -> pl.DataFrame:
    tables = made_up(ties, CODES, ["L1"])
    predecessors = trace_succession(tables["relationships"], ON).predecessors
    return neighbours(relate(tables, ON), predecessors, name_bodies(tables), "R00")


def drawn(*ties: Tie, name: str = "Arken & Worth <Trust>") -> ET.Element:
    return ET.fromstring(draw_neighbourhood(listed(*ties), "R00", name))  # noqa: S314  # our own text


def words(picture: ET.Element) -> list[str]:
    return [text.text or "" for text in picture.iter(f"{SVG}text")]


def marks(picture: ET.Element) -> set[tuple[str | None, str | None]]:
    """Shape, and whether it is filled."""
    return {(path.get("d"), path.get("fill")) for path in picture.iter(f"{SVG}path") if path.get("transform")}


def test_every_kind_of_neighbour_has_its_own_mark_even_without_colour() -> None:
    shapes = {(shape, fill == "#ffffff") for shape, fill in marks(drawn(*TIES))}
    assert len(shapes) == 6


def test_every_neighbour_is_labelled_with_code_name_and_what_ties_it() -> None:
    told = words(drawn(*TIES))
    assert {"R01 Trust R01", "R02 Trust R02", "R03 Trust R03 (SCR-9-1)", "X1 (since 1 April 2007)"} <= set(told)
    assert {"R00", "On the board L1 Board L1, with 1", "Taken over by 1", "Commissions from 1"} <= set(told)


def test_who_sees_no_picture_is_told_the_same() -> None:
    picture = drawn(*TIES)
    title, told = picture.find(f"{SVG}title"), picture.find(f"{SVG}desc")
    assert picture.get("role") == "img"
    assert picture.get("aria-labelledby") == f"{title.get('id')} {told.get('id')}"
    assert "Arken & Worth <Trust>" in title.text
    for code in listed(*TIES)["code"]:
        assert code in told.text


def test_an_organisation_without_ties_is_drawn_alone_and_the_words_say_so() -> None:
    picture = drawn()
    assert "R00" in words(picture)
    assert picture.find(f"{SVG}desc").text == "No tie to another organisation is known."


def width_of(words: str, size: float) -> float:
    """More than the letters take in Arial, of which capitals measure two thirds of their size and the rest half."""
    return sum(0.7 if letter.isupper() else 0.5 for letter in words) * size


@pytest.mark.parametrize("named", [str.title, str.upper])
@pytest.mark.parametrize("count", [1, 8, 40, 80])
def test_no_two_labels_meet_and_none_leaves_the_picture(count: int, named: Callable[[str], str]) -> None:
    kinds = ("commissions", "shared_review")
    ties = [("R00", kinds[number % 2], code, "SCR-1-1") for number, code in enumerate(CODES[1 : count + 1])]
    long = named("kesterfell and gorsehaven mental health and community foundation trust")
    neighbours = listed(*ties, *TIES).with_columns(name=pl.lit(long))
    picture = ET.fromstring(draw_neighbourhood(neighbours, "R00", long))  # noqa: S314  # our own text
    size, height = float(picture.get("font-size")), float(picture.get("height"))
    width = float(picture.get("width"))
    boxes = []
    for text in picture.iter(f"{SVG}text"):
        wide = width_of(text.text, size)
        x, y = float(text.get("x")), float(text.get("y"))
        left = x - {"start": 0, "middle": 0.5, "end": 1}[text.get("text-anchor")] * wide
        boxes.append((left, left + wide, y - size, y))
    assert all(left >= 0 and right <= width and top >= 0 and low <= height for left, right, top, low in boxes)
    for place, (left, right, top, low) in enumerate(boxes):
        for other in boxes[:place]:
            assert right < other[0] or left > other[1] or low <= other[2] or top >= other[3]


def test_groups_stand_on_both_sides_the_shorter_one_first() -> None:
    anchors = {text.text: text.get("text-anchor") for text in drawn(*TIES[:3], *TIES[-1:]).iter(f"{SVG}text")}
    sides = [
        anchors[heading] for heading in ("Commissioned by 1", "Commissions from 1", "On the board L1 Board L1, with 1")
    ]
    assert sides == ["end", "start", "end"]


def test_a_case_number_as_long_as_a_letter_is_cut_rather_than_the_picture_lost() -> None:
    told = words(
        drawn(("R00", "shared_review", "R01", "the review of " * 9), ("R00", "shared_review", "R02", "x" * 99))
    )
    assert "R01 Trust R01 (the review of the review …)" in told
    assert "R02 Trust R02 (…)" in told


@settings(max_examples=20)
@given(order=st.permutations(TIES))
def test_the_picture_is_the_same_whatever_the_order_of_rows(order: list[Tie]) -> None:
    assert draw_neighbourhood(listed(*order), "R00", "Name") == draw_neighbourhood(listed(*TIES), "R00", "Name")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The tables that the command reads of a run."""
    tables = made_up(TIES, CODES, ["L1"])
    relate(tables, ON).write_parquet(tmp_path / "ties.parquet")
    trace_succession(tables["relationships"], ON).predecessors.write_parquet(tmp_path / "predecessors.parquet")
    name_bodies(tables).write_parquet(tmp_path / "names.parquet")
    (tmp_path / "manifest.json").write_text("{}")
    return tmp_path


def network(folder: Path, *arguments: object) -> Result:
    return CliRunner().invoke(main, ["network", "--run", str(folder), *map(str, arguments)])


def test_the_command_lists_relation_code_name_and_what_it_is_through(folder: Path) -> None:
    rows = json.loads(network(folder, "r00", "--format", "json").stdout)
    assert [(row["relation"], row["code"]) for row in rows] == [
        ("commissioner", "R01"), ("provider", "R05"), ("same_lscb", "R02"), ("other_party", "R03"),
        ("predecessor", "X1"), ("successor", "R04"),
    ]  # fmt: skip
    assert rows[2] == {"relation": "same_lscb", "code": "R02", "name": "Trust R02", "through": "L1 Board L1"}
    assert network(folder, "R00", "--format", "csv").stdout.startswith("relation,code,name,through\n")


def test_the_command_draws_where_it_is_told_to(folder: Path) -> None:
    told = network(folder, "R00", "--format", "json", "--out", folder / "n.svg")
    assert json.loads(told.stdout)
    assert "n.svg" in told.stderr
    assert (folder / "n.svg").read_text(encoding="utf-8") == draw_neighbourhood(listed(*TIES), "R00", "Trust R00")


def test_the_command_draws_png_where_the_library_is_there(folder: Path) -> None:
    pytest.importorskip("vl_convert")
    assert network(folder, "R00", "--out", folder / "n.png").exit_code == 0
    assert (folder / "n.png").read_bytes().startswith(b"\x89PNG")


def test_any_other_ending_is_a_wrong_command_line(folder: Path) -> None:
    told = network(folder, "R00", "--out", folder / "n.gif")
    assert told.exit_code == 2
    assert ".svg or .png" in told.output


@pytest.mark.parametrize("org_code", ["R0", "L1", "X1"])
def test_what_is_no_organisation_of_the_collection_gets_the_nearest(folder: Path, org_code: str) -> None:
    told = network(folder, org_code)
    assert told.exit_code == 7
    assert re.search(f"No organisation {org_code}", told.output)


def test_without_a_run_it_says_how_to_make_one(tmp_path: Path) -> None:
    told = network(tmp_path, "R00")
    assert told.exit_code == 6
    assert "crosscheck run" in told.output
