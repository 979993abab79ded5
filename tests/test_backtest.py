from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner
from polars.testing import assert_frame_equal

from crosscheck import settings
from crosscheck.backtest import (
    LIST,
    TAUGHT,
    Backtest,
    backtest_collection,
    backtest_mechanisms,
    backtest_worlds,
    build_worlds,
)
from crosscheck.cli import main
from crosscheck.collection.read import Collection
from crosscheck.errors import CollectionError
from crosscheck.pipeline import Outcome, cross_check
from crosscheck.report.handbook.backtest_page import list_worths, write_backtest_json, write_backtest_page
from crosscheck.simulation.margins import read_targets
from crosscheck.simulation.model import WorldPlan, read_simulation_model
from crosscheck.standard import Standard
from crosscheck.visits.plan import Capacity
from crosscheck.visits.rankings import BREACHES, COUNTING, rank_otherwise

_YEAR = "2008/09"
_RANKINGS = [LIST, "at random", COUNTING, BREACHES, "sum of scores", "isolation forest", "last year's list"]


@pytest.fixture(scope="module")
def against_visits(collection: Collection, standard: Standard) -> Backtest:
    return backtest_collection(collection, standard, _YEAR)


@pytest.fixture(scope="module")
def against_worlds(standard: Standard) -> Backtest:
    plan = WorldPlan(read_simulation_model(settings.model_file("c2", "simulation")))
    targets = read_targets(settings.published_figures_file("c2"))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("crosscheck.backtest.TEACHERS", 2)
        return backtest_worlds(build_worlds(plan, standard, targets, 3, 1), standard, _YEAR)


def test_every_ranking_is_held_against_the_same_visits(against_visits: Backtest) -> None:
    worths = against_visits.worths
    assert worths["ranking"].unique(maintain_order=True).to_list() == _RANKINGS
    judged = dict(worths.group_by("among").agg(pl.col("judged").unique()).iter_rows())
    assert judged == {"all visited": [60], "drawn at random": [30]}
    assert worths.group_by("among").agg(pl.col("otherwise").n_unique())["otherwise"].to_list() == [1, 1]


def test_yield_and_prevalence_are_those_of_the_visits(against_visits: Backtest, collection: Collection) -> None:
    wave = collection.tables["visits_wave_1"]
    by_lot = wave.filter(pl.col("selected_by") == "random")
    found = by_lot.filter(pl.col("finding") == "qualified").height
    assert against_visits.yields["visited"].sum() == wave.height
    assert against_visits.prevalence.value == pytest.approx(found / 0.0593 / 506, rel=1e-3)


def test_calibration_is_that_of_every_visit_with_the_visitors_errors_taken_out(
    against_visits: Backtest, standard: Standard
) -> None:
    visited, drawn = against_visits.calibrations
    assert (visited.among, visited.clusters, visited.visitors) == (
        "all visited", "organisations", standard.risk.visitors,
    )  # fmt: skip
    whole, of_drawn = (one.groups.row(0, named=True) for one in (visited, drawn))
    assert (whole["judged"], of_drawn["judged"]) == (60, 30)
    assert whole["found"] == pytest.approx(standard.risk.visitors.in_truth(whole["seen"]))
    assert whole["low"] < whole["found"] < whole["high"]
    types = visited.groups.filter(pl.col("grouping") == "org_type")["group"].to_list()
    assert types == ["acute", "ambulance", "mental_health", "pct"]


def test_a_list_knows_only_the_visits_before_those_it_is_held_against(
    collection: Collection, standard: Standard, monkeypatch: pytest.MonkeyPatch
) -> None:
    known: list[pl.Series] = []
    made = cross_check(collection, standard, _YEAR, Capacity(60, 0.5, 2009))

    def cross_check_and_note(told: Collection, *rest: object) -> Outcome:
        known.append(told.tables["visits_wave_1"]["visited_on"])
        return made

    monkeypatch.setattr("crosscheck.backtest.cross_check", cross_check_and_note)
    backtest_collection(collection, standard, _YEAR)
    days = collection.tables["visits_wave_1"]["visited_on"].sort()
    numbers = [len(days_known) for days_known in known]
    assert numbers[0] == 0
    assert numbers == sorted(set(numbers))
    for days_known in known[1:]:
        assert days_known.max() < days[len(days_known)]


def test_a_year_without_visits_says_where_to_give_them(collection: Collection, standard: Standard) -> None:
    tables = {name: table for name, table in collection.tables.items() if name != "visits_wave_1"}
    with pytest.raises(CollectionError, match="give them in visits or visits_wave_1"):
        backtest_collection(Collection(tables, collection.problems, (), ()), standard, _YEAR)


def test_worlds_are_judged_on_every_declaration_of_compliance(against_worlds: Backtest) -> None:
    assert against_worlds.worths["judged"].unique().to_list() == [506]
    (calibration,) = against_worlds.calibrations
    assert calibration.tenths["judged"].sum() == 3 * 506
    assert calibration.clusters == "worlds"
    assert 0.08 < against_worlds.prevalence.value < 0.2


def test_the_list_beats_the_lot_in_invented_worlds(against_worlds: Backtest) -> None:
    lifts = dict(against_worlds.summarise().select("ranking", "lift").iter_rows())
    assert lifts[LIST] > 1.5 * lifts["at random"]


def test_lift_against_counting_is_one_for_counting_itself_and_the_lists_is_one_for_the_list(
    against_worlds: Backtest,
) -> None:
    summary = against_worlds.summarise()
    assert summary.filter(pl.col("ranking") == COUNTING)["against_counting"].to_list() == [1.0]
    assert summary.filter(pl.col("ranking") == LIST)["list_against"].to_list() == [1.0]


def test_ratios_of_lifts_are_medians_over_the_same_worlds(against_worlds: Backtest) -> None:
    summary = dict(against_worlds.summarise().select("ranking", "list_against").iter_rows())
    lifts = against_worlds.worths.pivot(on="ranking", index="sample", values="lift")
    for ranking in (BREACHES, TAUGHT):
        assert summary[ranking] == pytest.approx((lifts[LIST] / lifts[ranking]).median())


def test_enough_worlds_teach_one_another(against_worlds: Backtest, against_visits: Backtest) -> None:
    worlds = against_worlds.worths.group_by("ranking").len()
    assert dict(worlds.iter_rows())[TAUGHT] == 3
    aucs = dict(against_worlds.summarise().select("ranking", "auc").iter_rows())
    assert aucs[TAUGHT] > aucs[COUNTING]
    assert TAUGHT not in against_visits.worths["ranking"].to_list()


def test_each_mechanism_is_told_in_turn_with_its_own_calibration(standard: Standard) -> None:
    model = read_simulation_model(settings.model_file("c2", "simulation"))
    targets = read_targets(settings.published_figures_file("c2"))
    plans = [WorldPlan(model, mechanism=mechanism) for mechanism in ("own_word_only", "random_outcomes")]
    tested = backtest_mechanisms(plans, standard, targets, (1, 5))
    assert [one.summarise()["among"][0] for one in tested] == [
        "invented worlds: own_word_only",
        "invented worlds: random_outcomes",
    ]
    assert all(plan.cause.description in one.about for plan, one in zip(plans, tested, strict=True))
    html, told = write_backtest_page(tested), json.loads(write_backtest_json(tested))["backtests"]
    assert html.count("<h2>Calibration: ") == 2
    assert [one["calibration_error"] for one in told] == [round(one.calibrations[0].error, 6) for one in tested]


def test_declarations_visited_in_the_first_wave_are_left_out_once_the_list_may_learn_from_it(
    standard: Standard,
) -> None:
    plan = WorldPlan(read_simulation_model(settings.model_file("c2", "simulation")))
    targets = read_targets(settings.published_figures_file("c2"))
    built = build_worlds(plan, standard, targets, 1, 1)
    tested = backtest_worlds(built, standard, _YEAR, with_first_wave=True)
    assert tested.worths["judged"].unique().to_list() == [506 - 60]


def test_other_rankings_do_not_depend_on_the_order_of_rows(collection: Collection, standard: Standard) -> None:
    declarations = collection.tables["declarations"].filter(pl.col("year") == _YEAR).select("org_code", "function")
    scores = pl.DataFrame(
        {"org_code": ["5U0", "5U1", "R5T"] * 2, "indicator": ["a"] * 3 + ["b"] * 3, "z": [1.0, 2, 3] * 2}
    )
    shuffled = {name: table.sample(fraction=1.0, shuffle=True, seed=1) for name, table in collection.tables.items()}
    unmet = pl.DataFrame(
        {"org_code": ["5U0", "5U0", "R5T"], "function": ["provider", "provider", "whole"], "check_id": ["a", "b", "a"]}
    ).with_columns(grave=pl.Series([True, True, False]))
    rankings, again = (
        rank_otherwise(declarations, tables, rows, admitted, standard.questionnaire, (_YEAR, 7))
        for tables, rows, admitted in (
            (collection.tables, scores, unmet),
            (shuffled, scores.reverse(), unmet.reverse()),
        )
    )
    assert rankings[BREACHES].filter(pl.col("score") > 0).rows() == [("5U0", "provider", 2.0)]
    for name, ranking in rankings.items():
        assert ranking.height == declarations.height
        assert_frame_equal(ranking, again[name])


class _Page(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def test_the_page_asks_for_nothing_from_outside_and_tells_its_pictures_in_words(against_visits: Backtest) -> None:
    html = write_backtest_page([against_visits])
    tags = _Page(html).tags
    assert ("html", {"lang": "en"}) in tags
    assert not re.search(r"https?://|\bsrc=|@import|url\(", html)
    assert [attributes["href"] for tag, attributes in tags if tag == "a"] == ["calibration.html"]
    assert [tag for tag, _ in tags if re.fullmatch(r"h\d", tag)] == ["h1", "h2", "h2", "h2", "h2"]
    pictures = [attributes for tag, attributes in tags if tag == "svg"]
    assert len(pictures) == 3
    assert all(picture["role"] == "img" and len(str(picture["aria-label"])) > 60 for picture in pictures)


def test_the_json_holds_every_sample_and_null_for_what_is_not_known(against_visits: Backtest) -> None:
    text = write_backtest_json([against_visits])
    (told,) = json.loads(text)["backtests"]
    assert "NaN" not in text
    assert len(told["samples"]) == 2 * len(_RANKINGS)
    assert {row["ranking"] for row in told["summary"]} == set(_RANKINGS)


def test_the_table_for_a_terminal_has_the_list_first(against_visits: Backtest) -> None:
    titles = [(title, [row["Ranking"] for row in rows]) for title, rows, _ in list_worths(against_visits)]
    assert titles[0] == ("ALL VISITED (60 judged, with 90% intervals)", _RANKINGS)


def test_simulate_and_run_work_hand_in_hand(tmp_path: Path) -> None:
    runner, folder = CliRunner(), tmp_path / "invented"
    made = runner.invoke(main, ["simulate", "--out", str(folder), "--mechanism", "breaches", "--seed", "4"])
    assert (made.exit_code, "INVENTED" in made.output) == (0, True)
    ran = runner.invoke(main, ["run", str(folder), "--year", _YEAR, "--out", str(tmp_path / "run")])
    assert ran.exit_code == 0
    assert "problems: none" in ran.output


def test_several_worlds_have_a_folder_each(tmp_path: Path) -> None:
    made = CliRunner().invoke(main, ["simulate", "--out", str(tmp_path), "--seed", "7", "--worlds", "2"])
    assert made.exit_code == 0
    assert sorted(folder.name for folder in tmp_path.iterdir()) == ["seed-7", "seed-8"]


def test_backtest_writes_page_and_figures_and_prints_a_table(tmp_path: Path) -> None:
    told = CliRunner().invoke(main, ["backtest", "--worlds", "1", "--mechanism", "rare", "--out", str(tmp_path)])
    assert told.exit_code == 0
    assert "INVENTED WORLDS: RARE" in told.output
    assert sorted(file.name for file in tmp_path.iterdir()) == [
        "backtest.html", "backtest.json", "calibration.csv", "calibration.html", "calibration.json",
    ]  # fmt: skip


@pytest.mark.parametrize("asked", [[], ["data"], ["data", "--year", "2008/09", "--worlds", "2"]])
def test_backtest_wants_either_a_collection_with_its_year_or_worlds(asked: list[str]) -> None:
    told = CliRunner().invoke(main, ["backtest", *asked])
    assert told.exit_code == 2
    assert "Give either a collection and its --year, or --worlds." in told.output
