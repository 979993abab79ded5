"""What a season of visits brought, from the command to the page: true in each case, and beside its parts."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import pytest
from click.testing import CliRunner

from crosscheck.cli import main
from tests.looking import WIDTHS, open_page, overflow, violations

if TYPE_CHECKING:
    from playwright.sync_api import Browser

QUESTIONS = ("policies.child_protection_policy", "staffing.designated_doctor_grade")


def _planned(run: Path) -> pl.DataFrame:
    return pl.read_parquet(run / "visit_list.parquet").filter(pl.col("selected_by").is_not_null()).sort("org_code")


def _write(planned: pl.DataFrame, folder: Path, found: pl.Expr, weeks: int = 10) -> Path:
    """Visits of the planned declarations in the contract's columns, one organisation after the other."""
    folder.mkdir(exist_ok=True)
    place = pl.col("org_code").rank("dense").cast(pl.Int64) - 1
    made = planned.with_columns(
        year=pl.lit("2008/09"),
        visited_on=pl.lit(date(2009, 9, 1)) + pl.duration(days=place * 7 * weeks // pl.col("org_code").n_unique()),
        finding=pl.when(found).then(pl.lit("qualified")).otherwise(pl.lit("upheld")),
        assessor=pl.format("A{}", place % 5),
    )
    columns = (
        "org_code",
        "function",
        "year",
        "selected_by",
        "inclusion_probability",
        "visited_on",
        "finding",
        "assessor",
    )
    made.select(columns).write_csv(folder / "visits.csv")
    looks = made.select("org_code", "function", "year", "finding").join(
        pl.DataFrame({"question_id": QUESTIONS}), how="cross"
    )
    absent = (pl.col("finding") == "qualified") & (pl.col("question_id") == QUESTIONS[0])
    seen = pl.when(absent).then(pl.lit("absent")).otherwise(pl.lit("seen"))
    looks.select("org_code", "function", "year", "question_id", seen=seen).write_csv(folder / "visit_items.csv")
    return folder


def _tell(run: Path, outcomes: Path, out: Path, *more: str) -> str:
    asked = ["visits", "yield", "--run", str(run), "--visits", str(outcomes), "--out", str(out), *more]
    done = CliRunner().invoke(main, asked)
    assert done.exit_code == 0, done.output
    return done.output


@pytest.fixture
def tell(national_run: Path, tmp_path: Path) -> Callable[[pl.DataFrame, pl.Expr], str]:
    def _write_and_tell(planned: pl.DataFrame, found: pl.Expr) -> str:
        return _tell(national_run, _write(planned, tmp_path / "outcomes", found), tmp_path / "yield")

    return _write_and_tell


SOME = (pl.col("org_code").rank("dense") % 4 == 0) & (pl.col("risk") > 0.02)


def test_the_sentence_says_how_many_of_all_with_its_interval_and_what_it_rests_on(
    tell: Callable[[pl.DataFrame, pl.Expr], str], national_run: Path, tmp_path: Path
) -> None:
    told = tell(_planned(national_run), SOME)
    figures = json.loads((tmp_path / "yield" / "yield.json").read_text(encoding="utf-8"))
    random = next(arm for arm in figures["arms"] if arm["arm"] == "random")
    share = next(one for one in figures["estimates"] if one["estimate"].startswith("Ratio (H"))
    every = figures["population"]["declarations"]
    assert f"Of the {every:.0f} declarations of compliance that took part in the random draw" in told
    assert f"would not uphold about {share['value'] * every:.0f} ({share['value']:.0%})" in told
    assert f"({share['low']:.0%} to {share['high']:.0%})" in told
    assert f"of {random['declarations_visited']} declarations {random['not_upheld']} were not upheld" in told
    assert "30 organisations drawn at random (all that were drawn)" in told


def test_the_parts_of_the_sentence_are_counted_in_the_files_themselves(
    tell: Callable[[pl.DataFrame, pl.Expr], str], national_run: Path, tmp_path: Path
) -> None:
    tell(_planned(national_run), SOME)
    made = pl.read_csv(tmp_path / "outcomes" / "visits.csv")
    arms = {row["arm"]: row for row in pl.read_csv(tmp_path / "yield" / "arms.csv").to_dicts()}
    for arm, of_arm in made.partition_by("selected_by", as_dict=True).items():
        lapses = of_arm.filter(pl.col("finding") == "qualified")
        assert arms[arm[0]]["declarations_visited"] == of_arm.height
        assert arms[arm[0]]["not_upheld"] == lapses.height
        assert arms[arm[0]]["organisations_not_upheld"] == lapses["org_code"].n_unique()
    groups = pl.read_csv(tmp_path / "yield" / "groups.csv").group_by("grouping").agg(pl.col("visited", "chosen").sum())
    assert groups["visited"].to_list() == groups["chosen"].to_list() == [made.height] * 3
    criteria = pl.read_csv(tmp_path / "yield" / "criteria.csv").to_dicts()
    assert [(row["name"], row["flagged"], row["share"]) for row in criteria] == [
        (QUESTIONS[0], made.filter(pl.col("finding") == "qualified").height, 1.0)
    ]


def test_the_estimate_is_horvitz_and_thompsons_by_hand(
    tell: Callable[[pl.DataFrame, pl.Expr], str], national_run: Path, tmp_path: Path
) -> None:
    tell(_planned(national_run), SOME)
    listed = pl.read_parquet(national_run / "visit_list.parquet")
    made = pl.read_csv(tmp_path / "outcomes" / "visits.csv").filter(
        (pl.col("selected_by") == "random") & (pl.col("finding") == "qualified")
    )
    total = (1 / made["inclusion_probability"]).sum()
    declarations = listed["inclusion_probability"].drop_nulls().len()
    first = pl.read_csv(tmp_path / "yield" / "estimates.csv").to_dicts()[0]
    assert first["value"] == pytest.approx(total / declarations, abs=1e-6)


def test_no_visit_gives_no_figure(tell: Callable[[pl.DataFrame, pl.Expr], str], national_run: Path) -> None:
    told = tell(_planned(national_run).clear(), SOME)
    assert "No visit of this season has been recorded yet, so nothing can be said" in told
    assert "nan" not in told.lower()
    assert "every organisation would have to be drawn at random" in told
    assert "could not show the difference, since one of the two arms has no visit yet" in told
    assert "0%" not in told.split("could not show")[0].split("these visits")[-1]


def test_one_random_visit_says_very_little(tell: Callable[[pl.DataFrame, pl.Expr], str], national_run: Path) -> None:
    single = pl.len().over("org_code") == 1
    planned = _planned(national_run).filter((pl.col("selected_by") == "random") & single).head(1)
    told = tell(planned, pl.lit(value=False))
    assert "That does not show that all are right" in told
    assert "visits to 1 organisation drawn at random (so far, of 30 that were drawn): of 1 declaration 0 were" in told
    assert "One visit says very little." in told


def test_nothing_found_is_not_told_as_none(tell: Callable[[pl.DataFrame, pl.Expr], str], national_run: Path) -> None:
    told = tell(_planned(national_run), pl.lit(value=False))
    assert "Random visits upheld every declaration that they tested. That does not show that all are right" in told
    assert "may still be ones that a visit would not uphold" in told
    assert "Where random visits found nothing there is no multiple of it." in told


def test_all_found_is_told_with_the_least_that_it_shows(
    tell: Callable[[pl.DataFrame, pl.Expr], str], national_run: Path
) -> None:
    told = tell(_planned(national_run), pl.lit(value=True))
    assert "Random visits upheld no declaration that they tested." in told
    assert "at least" in told
    assert "The interval includes 1" in told


def test_without_random_visits_nothing_is_said_of_other_declarations(
    tell: Callable[[pl.DataFrame, pl.Expr], str], national_run: Path
) -> None:
    told = tell(_planned(national_run).filter(pl.col("selected_by") != "random"), SOME)
    assert "No organisation drawn at random has been visited whole." in told
    assert "so nothing can be said of all other declarations of compliance" in told
    assert "cannot be compared: nobody chosen by the random draw was visited" in told


def test_while_visits_go_on_the_range_is_the_one_that_may_be_looked_at_every_week(
    tell: Callable[[pl.DataFrame, pl.Expr], str], national_run: Path, tmp_path: Path
) -> None:
    half = pl.col("org_code").rank("dense") <= 30
    told = tell(_planned(national_run).filter(half), SOME)
    weekly = pl.read_csv(tmp_path / "yield" / "weekly.csv")
    assert f"({weekly['low'][-1]:.0%} to {weekly['high'][-1]:.0%})" in told
    assert "so far, of 30 that were drawn" in told


def test_an_organisation_visited_in_part_waits_for_the_rest(
    tell: Callable[[pl.DataFrame, pl.Expr], str], national_run: Path, tmp_path: Path
) -> None:
    planned = _planned(national_run)
    twice = planned.filter((pl.col("selected_by") == "random") & (pl.len().over("org_code") == 2))
    left_out = twice.head(1).select("org_code", "function")
    told = tell(planned.join(left_out, on=["org_code", "function"], how="anti"), SOME)
    assert "29 organisations drawn at random (so far, of 30 that were drawn)" in told
    page = (tmp_path / "yield" / "yield.html").read_text(encoding="utf-8")
    assert "1 organisation of the random draw was visited in part only and counts once the rest is done" in page


def test_visits_that_nobody_planned_are_counted_apart(
    tell: Callable[[pl.DataFrame, pl.Expr], str], national_run: Path, tmp_path: Path
) -> None:
    other = pl.read_parquet(national_run / "visit_list.parquet").filter(
        pl.col("selected_by").is_null() & (pl.col("pool") == "to_visit")
    )
    more = other.head(3).with_columns(selected_by=pl.lit("risk"))
    tell(pl.concat([_planned(national_run), more]).sort("org_code"), SOME)
    arms = pl.read_csv(tmp_path / "yield" / "arms.csv")
    assert arms.filter(pl.col("arm") == "not planned")["declarations_visited"].to_list() == [3]


def test_the_order_of_rows_changes_no_byte(national_run: Path, tmp_path: Path) -> None:
    outcomes = _write(_planned(national_run), tmp_path / "outcomes", SOME)
    _tell(national_run, outcomes, tmp_path / "one")
    for name in ("visits.csv", "visit_items.csv"):
        rows = pl.read_csv(outcomes / name, infer_schema=False).sample(fraction=1, shuffle=True, seed=3)
        rows.write_csv(outcomes / name)
    _tell(national_run, outcomes, tmp_path / "other")
    for file in sorted((tmp_path / "one").iterdir()):
        assert file.read_bytes() == (tmp_path / "other" / file.name).read_bytes(), file.name


def test_an_assessor_is_told_the_own_rate_and_nobody_elses_is_written(national_run: Path, tmp_path: Path) -> None:
    outcomes = _write(_planned(national_run), tmp_path / "outcomes", SOME)
    told = _tell(national_run, outcomes, tmp_path / "yield", "--assessor", "A2")
    assert told.startswith("A2: ")
    assert all(f"A{other}" not in told for other in (0, 1, 3, 4))
    assert not (tmp_path / "yield").exists()
    _tell(national_run, outcomes, tmp_path / "yield")
    assert not any("A2" in file.read_text(encoding="utf-8") for file in (tmp_path / "yield").iterdir())
    asked = ["visits", "yield", "--run", str(national_run), "--visits", str(outcomes), "--assessor", "A9"]
    refused = CliRunner().invoke(main, asked)
    assert refused.exit_code == 7
    assert "No visit of this season names the assessor A9" in refused.output


def test_cells_that_cannot_be_used_are_named_all_at_once(national_run: Path, tmp_path: Path) -> None:
    outcomes = _write(_planned(national_run), tmp_path / "outcomes", SOME)
    file = outcomes / "visit_items.csv"
    file.write_text(file.read_text().replace("doctor_grade,seen\n", "doctor_grade,perhaps\n", 2), encoding="utf-8")
    asked = ["visits", "yield", "--run", str(national_run), "--visits", str(outcomes), "--out", str(tmp_path / "yield")]
    refused = CliRunner().invoke(main, asked)
    assert refused.exit_code == 3
    assert refused.output.count("perhaps") == 2
    assert "seen, not_offered, absent" in refused.output


def test_neither_or_both_sources_is_a_wrong_command_line(national_run: Path, tmp_path: Path) -> None:
    assert CliRunner().invoke(main, ["visits", "yield", "--run", str(national_run)]).exit_code == 2
    both = ["--visits", str(tmp_path), "--store", str(tmp_path / "runs.db")]
    assert CliRunner().invoke(main, ["visits", "yield", "--run", str(national_run), *both]).exit_code == 2


def test_visits_recorded_in_a_store_give_the_same_as_their_file(few: Path, run_of_few: Path, tmp_path: Path) -> None:
    store = str(tmp_path / "runs.db")
    run = tmp_path / "run"
    saved = ["run", str(few), "--year", "2008/09", "--out", str(run), "--no-pages", "--store", store]
    assert CliRunner().invoke(main, saved).exit_code == 0
    (run_id,) = json.loads(CliRunner().invoke(main, ["runs", "list", "--store", store, "--format", "json"]).output)
    planned = _planned(run).head(4)
    outcomes = _write(planned, tmp_path / "outcomes", pl.col("org_code").rank("dense") == 2)
    made = pl.read_csv(outcomes / "visits.csv", infer_schema=False)
    for org_code, function, day, finding in made.select("org_code", "function", "visited_on", "finding").iter_rows():
        record = ["visits", "record-one", org_code, "--run", run_id["run_id"], "--function", function, "--on", day]
        record += ["--found", finding]
        done = CliRunner().invoke(main, [*record, "--store", store, "--by", "Ann Assessor", "--because", "Seen."])
        assert done.exit_code == 0, done.output
    (outcomes / "visit_items.csv").unlink()
    _tell(run, outcomes, tmp_path / "one")
    from_store = ["visits", "yield", "--run", str(run), "--store", store, "--out", str(tmp_path / "other")]
    assert CliRunner().invoke(main, from_store).exit_code == 0
    for file in sorted((tmp_path / "one").iterdir()):
        assert file.read_bytes() == (tmp_path / "other" / file.name).read_bytes(), file.name


def test_weeks_are_drawn_by_the_value_of_the_draw_and_listed(national_run: Path) -> None:
    asked = ["visits", "weeks", "--run", str(national_run), "--weeks", "12", "--from", "2009-07-06", "--format", "json"]
    rows = json.loads(CliRunner().invoke(main, asked).output)
    drawn = _planned(national_run).filter(pl.col("selected_by") == "random")["org_code"].unique()
    assert {row["org_code"] for row in rows} == set(drawn)
    assert {date.fromisoformat(row["from"]) - timedelta(weeks=row["week"] - 1) for row in rows} == {date(2009, 7, 6)}


@pytest.mark.parametrize("found", [SOME, pl.lit(value=False)])
def test_the_page_can_be_read_by_everybody(
    found: pl.Expr, national_run: Path, tmp_path: Path, browser: Browser
) -> None:
    _tell(national_run, _write(_planned(national_run), tmp_path / "outcomes", found), tmp_path / "yield")
    shutil.copy(tmp_path / "yield" / "yield.html", tmp_path / "page.html")
    for width in WIDTHS:
        page = open_page(browser, tmp_path / "page.html", width)
        assert violations(page) == []
        assert overflow(page) <= 0
        page.close()
    empty = _write(_planned(national_run).clear(), tmp_path / "outcomes", found)
    _tell(national_run, empty, tmp_path / "yield")
    page = open_page(browser, tmp_path / "yield" / "yield.html")
    assert violations(page) == []
    page.close()
