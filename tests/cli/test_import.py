"""From an export to a table of a collection, through the command to the file."""

from __future__ import annotations

import csv
import io
import json
import re
import shlex
import shutil
import tempfile
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import xlsxwriter
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st

from crosscheck.cli import main
from crosscheck.cli.import_export import TABLES
from crosscheck.contract.inputs import INPUTS

ROOT = Path(__file__).resolve().parents[2]
TUTORIAL = ROOT / "docs" / "import.md"
EXPORTS = ROOT / "data" / "exports"


def crosscheck_(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


class Desk:
    """A folder with an export and a map."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.out = folder / "collection"

    def write(self, name: str, content: str | bytes) -> Path:
        file = self.folder / name
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return file

    def run(self, export: str | bytes | Path, map_: str, *options: str) -> Result:
        file = export if isinstance(export, Path) else self.write("export.csv", export)
        return crosscheck_("import", file, "--map", self.write("map.toml", map_), "--out", self.out, *options)

    def table(self, name: str) -> list[dict[str, str]]:
        return list(csv.DictReader(io.StringIO((self.out / f"{name}.csv").read_text())))

    def account(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.out / f"manifest-{name}.json").read_text())
        return found


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


TIES = """
table = "relationships"
[columns]
from_code = { column = "new" }
relation = { constant = "succeeds" }
to_code = { column = "old" }
since = { column = "on", date = "%d/%m/%Y" }
"""
ONE_YEAR = """
table = "declarations"
[columns]
org_code = { column = "code" }
year = { column = "year", YEAR }
function = { constant = "whole" }
category = { constant = "acute" }
standard = { constant = "C2" }
status = { constant = "compliant" }
"""


def blocks(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```$", TUTORIAL.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def test_the_tutorial_prints_what_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(EXPORTS, tmp_path / "data" / "exports")
    monkeypatch.chdir(tmp_path)
    steps = re.findall(r"^\$ (.+)\n((?:(?!\$ ).*\n)*)", "".join(blocks("console")), re.MULTILINE)
    assert len(steps) == 6
    for command, printed in steps:
        program, *arguments = shlex.split(command)
        if program == "crosscheck":
            told = crosscheck_(*arguments)
            assert told.exit_code == 0
            output = told.output
        else:
            lines = Path(arguments[-1]).read_text().splitlines(keepends=True)
            output = "".join(lines[: abs(int(arguments[0]))] if program == "head" else lines)
        assert output == printed, command


def test_the_maps_of_the_tutorial_are_those_of_the_data() -> None:
    maps = sorted(EXPORTS.glob("*.toml"))
    assert sorted(blocks("toml")) == sorted(map_.read_text() for map_ in maps)
    assert len(maps) == 2


def test_what_is_imported_is_read_without_a_problem(small_rest: Path) -> None:
    told = crosscheck_("check", small_rest, "--format", "csv")
    problems = list(csv.DictReader(io.StringIO(told.stdout)))
    assert [row for row in problems if row["table"] in ("relationships", "indicators")] == []


@pytest.fixture
def small_rest(tmp_path: Path) -> Path:
    """A collection of whom the two exports speak, its other tables written by hand."""
    folder = tmp_path / "collection"
    for name in ("successions", "toolkit"):
        told = crosscheck_("import", EXPORTS / f"{name}.csv", "--map", EXPORTS / f"{name}.toml", "--out", folder)
        assert told.exit_code == 0
    desk = Desk(tmp_path)
    trusts = sorted({row["org_code"] for row in desk.table("indicators")})
    successors = sorted({row["from_code"] for row in desk.table("relationships")})
    lines = [f"{code},Trust {code},acute,North\n" for code in trusts]
    lines += [f"{code},Trust {code},pct,North\n" for code in successors]
    (folder / "organisations.csv").write_text("org_code,name,org_type,region\n" + "".join(lines))
    (folder / "declarations.csv").write_text(
        f"org_code,year,function,category,standard,status\n{trusts[0]},2008/09,whole,acute,C2,compliant\n"
    )
    (folder / "answers.csv").write_text(f"org_code,question_id,item,answer\n{trusts[0]},training.strategy,,yes\n")
    return folder


def test_the_tables_of_the_command_are_those_of_the_contract() -> None:
    assert tuple(name for name in INPUTS if name != "resolved") == TABLES  # nobody exports what was resolved here


def test_every_row_is_written_left_out_repeated_or_named(desk: Desk) -> None:
    keep = '[[keep]]\ncolumn = "old"\ndiffers_from = "new"\n[[keep]]\ncolumn = "on"\nfilled = true\n'
    rows = ["A,B,01/10/2006", "A,B,01/10/2006", "C,C,01/10/2006", "D,,01/10/2006", "E,F,2006", "G,H,", "I,J,K,L"]
    told = desk.run("old,new,on\n" + "\n".join(rows) + "\n", TIES.replace("[columns]", f"{keep}[columns]"))
    assert told.exit_code == 1
    assert desk.table("relationships") == [
        {"from_code": "B", "relation": "succeeds", "to_code": "A", "since": "2006-10-01"},
        {"from_code": "F", "relation": "succeeds", "to_code": "E", "since": ""},  # a day that can be missing
    ]
    account = desk.account("relationships")
    assert (account["read"], account["set_aside_as_they_stand"], account["long"]) == (7, 1, 6)
    assert [one["rows"] for one in account["left_out"]] == [1, 1]
    assert (account["set_aside"], account["repeated"], account["written"]) == (1, 1, 2)
    problems = list(csv.DictReader(io.StringIO(desk.run(
        (desk.folder / "export.csv"), TIES.replace("[columns]", f"{keep}[columns]"), "--replace", "--format", "csv"
    ).stdout)))  # fmt: skip
    assert [(row["row"], row["column"], row["effect"]) for row in problems] == [
        ("5", "new", "row set aside"),
        ("6", "on", "cell set aside"),
        ("8", "", "row set aside"),
    ]


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["A1", "B2", "", "n/a"]), st.sampled_from(["x", "y", "z", ""]), st.integers(2000, 2009)
        ),
        min_size=1,
        max_size=30,
    )
)
def test_the_counts_add_up_to_the_rows_of_the_export(rows: list[tuple[str, str, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        desk = Desk(Path(folder))
        export = "code,level,year\n" + "".join(f"{code},{level},{year}\n" for code, level, year in rows)
        map_ = ONE_YEAR.replace("YEAR", 'year = "first"').replace(
            'status = { constant = "compliant" }',
            'status = { column = "level", values = { x = "compliant", y = "not_met" } }',
        )
        told = desk.run(export, map_.replace("[columns]", '[[keep]]\ncolumn = "year"\nlowest = "2003"\n[columns]'))
        counted = [row for row in rows if row[2] >= 2003]
        wanted = {
            (code, f"{year}/{(year + 1) % 100:02}", level) for code, level, year in counted if code and level in "xy"
        }
        wanted = {row for row in wanted if row[2]}
        means = {"x": "compliant", "y": "not_met"}
        made = {(row["org_code"], row["year"], row["status"]) for row in desk.table("declarations")}
        assert made == {(code, year, means[level]) for code, year, level in wanted}
        account = desk.account("declarations")
        out = sum(one["rows"] for one in account["left_out"])
        assert account["read"] == len(rows) == account["set_aside_as_they_stand"] + account["long"]
        assert account["long"] == out + account["set_aside"] + account["repeated"] + account["written"]
        assert out == len(rows) - len(counted)
        assert told.exit_code == int(account["set_aside"] > 0)


YEARS = [
    ('year = "both"', ["2008-09", "2008/2009", "200809", "0809", "FY 2008–09", "20082009"], "2008/09"),
    ('year = "both"', ["1999-2000", "9900", "1999/00"], "1999/00"),
    ('year = "first"', ["2008", " 2008 "], "2008/09"),
    ('year = "last"', ["2009", "to 2009"], "2008/09"),
    ('year = "day", date = "%d/%m/%Y"', ["01/04/2008", "31/03/2009"], "2008/09"),
]


@pytest.mark.parametrize(("way", "written", "meant"), YEARS, ids=lambda part: part if isinstance(part, str) else "")
def test_a_year_is_read_as_the_map_says(way: str, written: list[str], meant: str, desk: Desk) -> None:
    rows = "".join(f"R{place},{year}\n" for place, year in enumerate(written))
    assert desk.run(f"code,year\n{rows}", ONE_YEAR.replace("YEAR", way)).exit_code == 0
    assert {row["year"] for row in desk.table("declarations")} == {meant}
    assert len(desk.table("declarations")) == len(written)


DAY = 'year = "day", date = "%d/%m/%Y"'
OTHERWISE = [
    ('year = "both"', "2008-10"),
    ('year = "both"', "0810"),
    ('year = "both"', "2008"),
    ('year = "first"', "2008-09"),
    ('year = "last"', "09"),
    (DAY, "2008-04-01"),
    (DAY, "31/02/2009"),
]


@pytest.mark.parametrize(("way", "written"), OTHERWISE)
def test_a_year_that_is_written_otherwise_is_named_and_not_guessed(way: str, written: str, desk: Desk) -> None:
    told = desk.run(f"code,year\nR01,{written}\n", ONE_YEAR.replace("YEAR", way), "--format", "csv")
    assert told.exit_code == 1
    (problem,) = csv.DictReader(io.StringIO(told.stdout))
    assert (problem["row"], problem["column"], problem["value"]) == ("2", "year", written)
    assert desk.table("declarations") == []


def test_a_headless_file_with_tabs_is_read_from_its_first_row(desk: Desk) -> None:
    told = desk.run("A\tB\t01/10/2006\nC\tD\t02/10/2006\n", 'headings = ["old", "new", "on"]\n' + TIES)
    assert told.exit_code == 0
    assert [row["to_code"] for row in desk.table("relationships")] == ["A", "C"]


def test_rows_of_a_headless_file_keep_their_numbers(desk: Desk) -> None:
    told = desk.run("A,B,1 May\n", 'headings = ["old", "new", "on"]\n' + TIES, "--format", "csv")
    assert [row["row"] for row in csv.DictReader(io.StringIO(told.stdout))] == ["1"]


def test_a_workbook_is_read_by_the_sheet_that_is_named(desk: Desk) -> None:
    file = desk.folder / "export.xlsx"
    with xlsxwriter.Workbook(file) as workbook:
        workbook.add_worksheet("Notes").write_row(0, 0, ["see", "the", "other"])
        sheet = workbook.add_worksheet("Ties")
        for at, row in enumerate((["Old", "New", "On"], ["A", "B", "01/10/2006"])):
            sheet.write_row(at, 0, row)
    assert desk.run(file, 'sheet = "Ties"\n' + TIES).exit_code == 0
    assert [row["from_code"] for row in desk.table("relationships")] == ["B"]
    told = desk.run(file, 'sheet = "Tie"\n' + TIES, "--replace")
    assert told.exit_code == 3
    assert "Notes, Ties" in told.stderr


def test_parquet_is_read_like_csv(desk: Desk) -> None:
    file = desk.folder / "export.parquet"
    pl.DataFrame({"Old": ["A"], "New": ["B"], "On": ["01/10/2006"]}).write_parquet(file)
    assert desk.run(file, TIES).exit_code == 0
    assert [row["since"] for row in desk.table("relationships")] == ["2006-10-01"]


def test_codes_are_looked_up_in_a_list_and_those_it_lacks_are_named(desk: Desk) -> None:
    desk.write("list.csv", "Name,Code\nArden,R01\nBray,R02\n")
    map_ = ONE_YEAR.replace("YEAR", 'year = "both"').replace(
        "[columns]", '[[join]]\nfile = "list.csv"\ncolumn = "trust"\nmatches = "name"\ntake = ["code"]\n[columns]'
    )
    told = desk.run("trust,year\nArden,0809\nCorfe,0809\nCorfe,0910\nBray,0809\n", map_, "--format", "csv")
    assert told.exit_code == 1
    assert [row["org_code"] for row in desk.table("declarations")] == ["R01", "R02"]
    (problem,) = csv.DictReader(io.StringIO(told.stdout))
    assert (problem["row"], problem["column"], problem["value"]) == ("3", "trust", "Corfe")
    assert "list.csv has no such name. It stands so in 1 further row." in problem["problem"]
    desk.write("list.csv", "Name,Code\nArden,R01\nArden,R02\n")
    told = desk.run(desk.folder / "export.csv", map_, "--replace")
    assert told.exit_code == 21
    assert "it says two things of Arden" in told.stderr


def test_out_of_scope_rows_are_no_problem_whatever_they_hold(desk: Desk) -> None:
    desk.write("codes.csv", "Code\nR01\n")
    map_ = ONE_YEAR.replace("YEAR", 'year = "both"').replace(
        "[columns]", '[[keep]]\ncolumn = "code"\nfile = "codes.csv"\nfile_column = "Code"\n[columns]'
    )
    told = desk.run("code,year\nR01,0809\nX,?\n,\nR01,0910\n", map_)
    assert told.exit_code == 0
    assert desk.account("declarations")["left_out"] == [{"kept_where": "code is in codes.csv", "rows": 1}]


WRONG = {
    'table = "declaration"\n[columns]\n': "Did you mean declarations?",
    'table = "bodies"\n[columns]\nbody_cod = { column = "a" }\n': "Did you mean body_code?",
    'table = "bodies"\n[columns]\n': "columns: kind is missing",
    'table = "bodies"\ncolums = {}\n[columns]\n': "There is no such entry. Did you mean columns?",
    TIES.replace("succeeds", "suceeds"): "suceeds is not allowed. Did you mean succeeds?",
    TIES.replace('{ column = "new" }', "{}"): "Give either a constant or a column",
    TIES.replace("%d/%m/%Y", "%Q"): "columns.since.date",
    TIES + '[long]\ncolumns = ["y*"]\nname = "year"\nvalue = "on"\n': "no heading of the export is like y*",
    "a = " + "[" * 9000: "nested",
    TIES + "[[keep]]\ncolumn = 'on'\n": "tate which rows are kept",
}


@pytest.mark.parametrize("number", range(len(WRONG)))
def test_a_map_that_can_not_be_used_is_refused_with_what_is_meant(number: int, desk: Desk) -> None:
    map_, words = list(WRONG.items())[number]
    told = desk.run("old,new\nA,B\n", map_)
    assert told.exit_code == 21, told.output
    assert words in told.stderr
    assert not desk.out.exists()


def test_a_column_that_the_export_lacks_is_named_with_those_it_has(desk: Desk) -> None:
    told = desk.run("old,news,on\nA,B,01/10/2006\n", TIES)
    assert told.exit_code == 3
    assert "the column new is missing" in told.stderr
    assert "There is news" in told.stderr


def test_a_table_that_is_there_is_not_written_over(desk: Desk) -> None:
    export = "old,new,on\nA,B,01/10/2006\n"
    assert desk.run(export, TIES).exit_code == 0
    before = (desk.out / "relationships.csv").read_bytes()
    told = desk.run(export.replace("A", "Z"), TIES)
    assert told.exit_code == 21
    assert (desk.out / "relationships.csv").read_bytes() == before
    assert desk.run(export, TIES, "--replace").exit_code == 0
    assert (desk.out / "relationships.csv").read_bytes() == before


def test_the_map_lies_beside_the_table_and_makes_it_again(desk: Desk) -> None:
    export = "old,new,on\nA,B,01/10/2006\n"
    assert desk.run(export, TIES).exit_code == 0
    kept, made = desk.out / "manifest-relationships.toml", (desk.out / "relationships.csv").read_bytes()
    again = crosscheck_("import", desk.folder / "export.csv", "--map", kept, "--out", desk.folder / "again")
    assert again.exit_code == 0
    assert (desk.folder / "again" / "relationships.csv").read_bytes() == made


PROPOSED = [
    ("successions.csv", "relationships", ["from_code", "to_code", "since"], {"relation": "succeeds"}),
    ("headless.csv", "relationships", ["from_code", "to_code", "since"], {"relation": "succeeds"}),
    ("toolkit.csv", "declarations", ["org_code", "year", "status"],
     {"function": "whole", "category": "other", "standard": "DSPT"}),
]  # fmt: skip


@pytest.mark.parametrize(("export", "table", "found", "needed"), PROPOSED, ids=lambda part: str(part)[:20])
def test_a_proposed_map_needs_only_what_nobody_can_tell_from_the_file(
    export: str, table: str, found: list[str], needed: dict[str, str], desk: Desk
) -> None:
    name = "successions.csv" if export == "headless.csv" else export
    lines = (EXPORTS / name).read_text().splitlines(keepends=True)
    file = desk.write(export, "".join(lines[1:] if export == "headless.csv" else lines))
    map_ = desk.folder / "map.toml"
    told = crosscheck_("import", file, "--map", map_, "--propose", table)
    assert told.exit_code == 0
    proposed = map_.read_text()
    assert [name for name in found if re.search(rf"^({name} = |\[columns\.{name}\])", proposed, re.MULTILINE)] == found
    for column, constant in needed.items():  # what a person does with it
        assert f"# {column} = " in proposed
        proposed = re.sub(
            rf"^# {column} = .*$", f'{column} = {{ constant = "{constant}" }}', proposed, flags=re.MULTILINE
        )
    proposed = re.sub(r'^# ("[^"]+") = ""$', r'\1 = "compliant"', proposed, flags=re.MULTILINE)
    told = desk.run(file, proposed)
    assert told.exit_code in (0, 1), told.output
    assert len(desk.table(table)) > 200
    told = crosscheck_("import", file, "--map", map_, "--propose", table)
    assert told.exit_code == 21
    assert "may hold somebody's work" in told.stderr
