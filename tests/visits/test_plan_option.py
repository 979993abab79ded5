"""`crosscheck run --plan`: what the terminal, the list and the manifest say of a plan of one's own."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

from crosscheck.cli import main

PLAN = """
[design]
kind = "adaptive"
benefit = "expected_benefit"
floor = 0.9
bins = 4
origin = "a test"
reason = "to see what is said"

[[added]]
org_code = "{code}"
who = "Ann"
why = "A letter came"

[[added]]
org_code = "XXX"
who = "Bob"
why = "Nobody knows it"

[[team]]
name = "South"
"""


@pytest.fixture(scope="module")
def made(few: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A run of a tenth of the embedded collection by a plan of its own, and what the terminal said."""
    place = tmp_path_factory.mktemp("planned")
    listed = pl.read_csv(few / "declarations.csv", infer_schema=False).filter(pl.col("status") == "compliant")
    visited = pl.read_csv(few / "visits_wave_1.csv", infer_schema=False)
    code = listed.join(visited, on="org_code", how="anti").filter(pl.col("year") == "2008/09")["org_code"][-1]
    (place / "plan.toml").write_text(PLAN.format(code=code), encoding="utf-8")
    options = ["--no-pages", "--capacity", "12", "--plan", str(place / "plan.toml")]
    told = CliRunner().invoke(main, ["run", str(few), "--year", "2008/09", "--out", str(place / "run"), *options])
    assert told.exit_code == 0, told.output
    return place / "run", told.output


def test_the_chances_that_are_published_are_those_of_the_list_and_add_up(made: tuple[Path, str]) -> None:
    folder, _ = made
    draw, listed = pl.read_csv(folder / "draw.csv"), pl.read_csv(folder / "visit_list.csv")
    assert draw["inclusion_probability"].sum() == pytest.approx(draw["drawn"].sum())
    chances = listed.drop_nulls("inclusion_probability").select("org_code", "inclusion_probability").unique()
    assert dict(chances.iter_rows()) == dict(draw.select("org_code", "inclusion_probability").iter_rows())
    drawn = listed.filter(pl.col("selected_by") == "random")["org_code"].unique()
    assert set(drawn) == set(draw.filter("drawn")["org_code"])
    strata = draw["stratum"].n_unique()
    assert pl.read_csv(folder / "joint_chances.csv").height == strata * (strata + 1) // 2


def test_the_terminal_says_what_the_plan_brings_and_what_it_cannot(made: tuple[Path, str]) -> None:
    said = " ".join(made[1].split())
    for words in (
        "tried with 1,000 made-up values: chi-square",
        "the floor of 90.0% is not reached: the least chance is",
        "chosen by expected benefit:",
        "added by Ann, visited beside these:",
        "XXX was added or removed, but has no declaration of compliance that a visit can test",
    ):
        assert words in said, words


def test_list_and_manifest_keep_who_was_added_by_whom_and_why(made: tuple[Path, str]) -> None:
    folder, _ = made
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    added = manifest["draw"]["added"][0]
    marked = pl.read_csv(folder / "visit_list.csv").drop_nulls("added")
    assert set(marked.select("org_code", "added").rows()) == {(added["org_code"], "Ann: A letter came")}
    assert manifest["draw"]["added_unknown"] == ["XXX"]
    assert manifest["draw"]["design"] == "adaptive"
    assert 'reason = "to see what is said"' in manifest["options"]["plan"]


def test_a_plan_that_is_wrong_stops_the_run_before_anything_is_read(tmp_path: Path) -> None:
    (tmp_path / "plan.toml").write_text('[design]\nkind = "best"\nflor = 1\n', encoding="utf-8")
    asked = [
        "run",
        "nowhere",
        "--year",
        "2008/09",
        "--out",
        str(tmp_path / "run"),
        "--plan",
        str(tmp_path / "plan.toml"),
    ]
    told = CliRunner().invoke(main, asked)
    assert told.exit_code == 18
    assert "design kind" in told.output
    assert "design flor" in told.output
    assert not (tmp_path / "run").exists()
