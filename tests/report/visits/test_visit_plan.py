"""What teams get of a plan: a calendar, a workbook with a sheet each, and a page by week with maps."""

from __future__ import annotations

import csv
import datetime as dt
import re
from html import unescape
from pathlib import Path

import fastexcel
import pytest
from click.testing import CliRunner, Result
from icalendar import Calendar
from playwright.sync_api import Browser

from crosscheck.cli import main
from tests.looking import WIDTHS, open_page, overflow, violations

HEADINGS = ("org_code", "name", "region", "org_type", "arm", "team", "week", "monday", "tour", "place_in_tour", "km",
            "easting", "northing")  # fmt: skip
FIRST = dt.date(2009, 6, 29)
Row = dict[str, object]


def crosscheck_(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def visit(code: str, week: int = 1, place: int = 1, **more: object) -> Row:
    planned: Row = {
        "org_code": code, "name": f"{code} Trust", "region": "North", "org_type": "acute", "arm": "mandatory",
        "team": "North 1", "week": week, "monday": FIRST + dt.timedelta(weeks=week - 1), "tour": "A",
        "place_in_tour": place, "km": 12.5, "easting": 380_000 + 1_000 * place, "northing": 560_000 + 2_000 * week,
    }  # fmt: skip
    return planned | more


def plan_of(rows: list[Row], file: Path) -> Path:
    with file.open("w", encoding="utf-8", newline="") as opened:
        writer = csv.DictWriter(opened, HEADINGS)
        writer.writeheader()
        writer.writerows(rows)
    return file


ROWS = [visit("R2X"), visit("5ZA", place=2), visit("R3G", week=2), visit("5E0", week=2, team="South", region="South")]


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    return plan_of(ROWS, tmp_path / "visit_plan.csv")


def written(command: str, plan: Path, out: Path, *more: object) -> Path:
    result = crosscheck_("visits", command, plan, "--out", out, *more)
    assert result.exit_code == 0, result.output
    return out


def entries(file: Path) -> dict[str, tuple[dt.date, dt.date, str]]:
    events = Calendar.from_ical(file.read_bytes()).walk("VEVENT")
    return {
        str(event["uid"]): (event.decoded("dtstart"), event.decoded("dtend"), str(event["summary"])) for event in events
    }


def test_each_visit_is_one_entry_of_its_working_week(plan: Path, tmp_path: Path) -> None:
    found = entries(written("calendar", plan, tmp_path / "visits.ics"))
    assert found == {
        f"{row['org_code']}-2009@visits.crosscheck": (
            row["monday"],
            row["monday"] + dt.timedelta(days=5),  # type: ignore[operator]  # it is a day
            f"Visit to {row['name']} ({row['org_code']})",
        )
        for row in ROWS
    }


def test_a_changed_plan_moves_an_entry_instead_of_adding_one(plan: Path, tmp_path: Path) -> None:
    before = entries(written("calendar", plan, tmp_path / "before.ics"))
    moved = plan_of([visit("R2X", week=3, team="South"), *ROWS[1:]], tmp_path / "moved.csv")
    after = entries(written("calendar", moved, tmp_path / "after.ics"))
    assert before.keys() == after.keys()
    assert {uid for uid in before if before[uid] != after[uid]} == {"R2X-2009@visits.crosscheck"}


def test_a_team_has_a_calendar_of_its_own_and_an_unknown_one_is_named(plan: Path, tmp_path: Path) -> None:
    assert len(entries(written("calendar", plan, tmp_path / "south.ics", "--team", "SOUTH"))) == 1
    refused = crosscheck_("visits", "calendar", plan, "--team", "West")
    assert refused.exit_code == 7
    assert "West: the plan has no such team. It has: North 1, South." in refused.output


@pytest.mark.parametrize(
    ("lacking", "words"),
    [
        ({"monday": ""}, "no monday for 1 of 2 visits (5ZA)"),
        ({"team": ""}, "no team for 1 of 2 visits (5ZA)"),
        ({"week": "", "monday": ""}, "no week for 1 of 2 visits (5ZA)"),
    ],
)
def test_a_plan_without_dates_gives_no_calendar_and_says_what_is_missing(
    lacking: Row, words: str, tmp_path: Path
) -> None:
    plan = plan_of([visit("R2X"), visit("5ZA", place=2) | lacking], tmp_path / "plan.csv")
    refused = crosscheck_("visits", "calendar", plan, "--out", tmp_path / "visits.ics")
    assert refused.exit_code == 18
    assert words in refused.output
    assert "Make the plan with dates." in refused.output
    assert not (tmp_path / "visits.ics").exists()


def test_a_plan_without_a_visit_gives_no_calendar_and_an_honest_page(tmp_path: Path) -> None:
    plan = plan_of([], tmp_path / "plan.csv")
    assert "has no visit" in crosscheck_("visits", "calendar", plan).output
    assert "The plan has no visit." in written("map", plan, tmp_path / "map.html").read_text(encoding="utf-8")
    assert fastexcel.read_excel(written("teams", plan, tmp_path / "teams.xlsx")).sheet_names == ["All teams"]


def test_all_that_is_wrong_with_a_plan_is_said_at_once(tmp_path: Path) -> None:
    rows = [visit("R2X"), visit("R2X", week=2), visit("5ZA", monday="2009-07-01"), visit("R3G", week=0),
            visit("R4F", week=2, monday="soon"), visit("R5F", week=2, monday="2009-07-13")]  # fmt: skip
    refused = crosscheck_("visits", "map", plan_of(rows, tmp_path / "plan.csv"), "--out", tmp_path / "map.html")
    assert refused.exit_code == 18
    for words in (
        'plan.csv:2:org_code "R2X": The organisation is planned twice;',
        'plan.csv:4:monday "2009-07-01": This day is a Wednesday',
        'plan.csv:5:week "0"',
        'plan.csv:6:monday "soon"',
        'plan.csv:7:monday "2009-07-13": Week 2 begins on more than one day;',
    ):
        assert words in refused.output
    missing = crosscheck_("visits", "map", tmp_path / "none.csv", "--out", tmp_path / "map.html")
    assert missing.exit_code == 18


def test_the_workbook_has_a_sheet_for_each_team_and_loses_no_visit(tmp_path: Path) -> None:
    odd = [
        "North/East: [1]",
        "north east   1",
        "A team whose name is longer than any sheet may be",
        "All teams",
        "=1+1",
    ]
    rows = [
        *ROWS,
        *(visit(f"R{place}A", place=place + 2, team=team) for place, team in enumerate(odd)),
        visit("R9Z", team=""),
    ]
    book = fastexcel.read_excel(written("teams", plan_of(rows, tmp_path / "plan.csv"), tmp_path / "teams.xlsx"))
    teams = {str(row["team"]) for row in rows if row["team"]}
    assert len(book.sheet_names) == len(teams) + 2, "the overview, and those without a team"
    codes = [code for name in book.sheet_names[1:]
             for code in book.load_sheet(name, dtypes="string").to_polars()["Code"].to_list()]  # fmt: skip
    assert sorted(codes) == sorted(str(row["org_code"]) for row in rows)
    overview = book.load_sheet("All teams").to_polars()
    assert overview["Visits"].sum() == len(rows)
    assert "5E0" in codes, "a code stays a text"


def test_the_page_lists_each_week_and_draws_each_region_with_what_is_not_on_the_map(tmp_path: Path) -> None:
    rows = [*ROWS, visit("R7B", week=2, place=3, easting="", northing=""),
            visit("R8H", region="Isles", easting="", northing=""),
            visit("R9Z") | {"team": "", "week": "", "monday": ""}]  # fmt: skip
    html = written("map", plan_of(rows, tmp_path / "plan.csv"), tmp_path / "map.html").read_text(encoding="utf-8")
    assert re.findall(r"<h2>(.*?)</h2>", html) == [
        "Week 1, from Monday 29 June 2009", "Week 2, from Monday 6 July 2009", "No week yet", "Maps by region",
    ]  # fmt: skip
    for row in rows:
        assert f"{row['name']} ({row['org_code']})" in html
    assert html.count("<svg") == 2, "nobody in the Isles has a place"
    assert "Isles: 1 visit<" in html
    assert html.count("not known: R8H.") == html.count("not known: R7B.") == 1
    assert "mandatory" not in html, "the plan of an assessor does not say why"


def test_the_map_keeps_north_up_east_right_and_the_same_scale_both_ways(tmp_path: Path) -> None:
    places = {"R2X": (400_000, 500_000), "5ZA": (410_000, 500_000), "R3G": (400_000, 520_000)}
    rows = [visit(code, place=place, easting=east, northing=north)
            for place, (code, (east, north)) in enumerate(places.items(), 1)]  # fmt: skip
    html = written("map", plan_of(rows, tmp_path / "plan.csv"), tmp_path / "map.html").read_text(encoding="utf-8")
    dots = re.findall(r'<circle cx="(.*?)" cy="(.*?)"', html)
    (x, y), east, north = [(float(across), float(down)) for across, down in dots]
    assert east[1] == y
    assert north[0] == x
    assert north[1] < y, "north is up"
    assert (y - north[1]) == pytest.approx(2 * (east[0] - x), abs=0.2)
    assert html.count("<line ") == 2 + 1, "the tour from visit to visit, and the scale"


def test_one_visit_and_several_at_one_place_have_a_map(tmp_path: Path) -> None:
    for rows in ([visit("R2X")], [visit("R2X"), visit("5ZA", place=1), visit("R3G", place=1)]):
        html = written("map", plan_of(rows, tmp_path / "plan.csv"), tmp_path / "map.html").read_text(encoding="utf-8")
        assert html.count("<circle") == len(rows)
        assert "nan" not in html.lower().split("<svg")[1]


def test_the_same_plan_in_another_order_gives_the_same_bytes(plan: Path, tmp_path: Path) -> None:
    turned = plan_of(ROWS[::-1], tmp_path / "turned.csv")
    for command, name in (("calendar", "a.ics"), ("teams", "a.xlsx"), ("map", "a.html"), ("map", "a.pdf")):
        first = written(command, plan, tmp_path / name).read_bytes()
        assert written(command, turned, tmp_path / name).read_bytes() == first, name


def test_hostile_names_are_shown_as_text(tmp_path: Path) -> None:
    hostile = "<script>alert(1)</script>\nEND:VEVENT =cmd|' /C calc'!A0"
    plan = plan_of([visit("R2X", name=hostile, region=hostile, team=hostile)], tmp_path / "plan.csv")
    html = written("map", plan, tmp_path / "map.html").read_text(encoding="utf-8")
    assert "<script" not in html
    assert "alert(1)" in unescape(html)
    assert len(entries(written("calendar", plan, tmp_path / "visits.ics"))) == 1
    written("teams", plan, tmp_path / "teams.xlsx")


def test_packs_and_forms_follow_a_plan(national_run: Path, tmp_path: Path) -> None:
    plan = plan_of([visit("5ZA"), visit("R2X", place=2)], tmp_path / "plan.csv")
    for command in ("packs", "forms"):
        result = crosscheck_("visits", command, "--run", national_run, "--out", tmp_path / command, "--planned", plan)
        assert result.exit_code == 0, result.output
        stems = {file.stem for file in (tmp_path / command).iterdir() if file.suffix in {".html", ".xlsx"}}
        assert stems - {"index"} == {"5ZA", "R2X"}


@pytest.mark.parametrize("width", WIDTHS)
def test_the_page_can_be_read_by_everybody(plan: Path, tmp_path: Path, browser: Browser, width: int) -> None:
    page = open_page(browser, written("map", plan, tmp_path / "map.html"), width)
    assert violations(page) == []
    assert overflow(page) == 0
    page.close()
