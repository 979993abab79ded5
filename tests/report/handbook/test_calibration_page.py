from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pytest

from crosscheck.backtest import Backtest
from crosscheck.report.handbook.backtest_page import write_backtest
from crosscheck.report.handbook.calibration_page import describe_source, tabulate_groups, write_calibration_page
from crosscheck.visits.calibration import GROUPINGS, GROUPS, Calibration, KnownTruth, calibrate
from crosscheck.visits.outcomes import Estimate, measure_worth, yield_by_arm
from tests.looking import WIDTHS, open_page, overflow, violations

if TYPE_CHECKING:
    from playwright.sync_api import Browser


class _Assumed:
    """The visitors of a model, who err."""

    sensitivity = 0.85
    specificity = 0.93


_VISITORS = _Assumed()


def _calibration(among: str, seed: int) -> Calibration:
    drawn, number = np.random.default_rng(seed), 120
    risk = drawn.uniform(0.01, 0.6, number)
    judged = pl.DataFrame(
        {
            "sample": among,
            "org_code": [f"T{place // 2:03}" for place in range(number)],
            "function": ["commissioner", "provider"] * (number // 2),
            "org_type": ["pct"] * (number - 2) + ["ambulance"] * 2,
            "region": ["North <Border>", "South"] * (number // 2),
            "risk": risk,
            "drawn": pl.Series(np.repeat(risk[:, None], 40, axis=1), dtype=pl.Array(pl.Float64, 40)),
            "otherwise": drawn.random(number) < risk,
            "weight": 1.0,
        }
    )
    return calibrate(among, judged, KnownTruth() if "worlds" in among else _VISITORS)


def _backtest(*calibrations: Calibration) -> Backtest:
    rows = pl.DataFrame({"score": [3.0, 2.0, 1.0, 0.5], "otherwise": [True, False, True, False], "weight": [1.0] * 4})
    worth = measure_worth(rows)
    worths = pl.DataFrame(
        {
            "among": calibrations[0].among,
            "ranking": "visit list",
            "sample": "one",
            "judged": float(worth.judged),
            "otherwise": worth.otherwise,
            "hit_rate": worth.hit_rate,
            "lift": worth.lift.value,
            "lift_low": worth.lift.low,
            "lift_high": worth.lift.high,
            "auc": worth.auc.value,
            "average_precision": worth.average_precision,
            "days_sooner": worth.days_sooner,
        }
    )
    no_visits = yield_by_arm(pl.DataFrame(schema={"selected_by": pl.String, "finding": pl.String}))
    return Backtest("made up", 0.1, worths, calibrations, no_visits, Estimate(0.1, 0.05, 0.15))


@pytest.fixture(scope="module")
def backtests() -> list[Backtest]:
    return [
        _backtest(_calibration("invented worlds: latent", 1)),
        _backtest(_calibration("all visited", 2), _calibration("drawn at random", 3)),
    ]


@pytest.fixture(scope="module")
def folder(backtests: list[Backtest], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("backtest")
    write_backtest(backtests, folder)
    return folder


def test_every_kind_of_sample_has_its_pictures_and_a_table_of_each_grouping(backtests: list[Backtest]) -> None:
    html = write_calibration_page(backtests)
    assert re.findall(r"<h2>(.*?)</h2>", html) == ["Invented worlds: latent", "All visited", "Drawn at random"]
    captions = re.findall(r"<caption>(.*?)</caption>", html)
    assert len(captions) == len(set(captions)) == 2 + 3 * (len(GROUPINGS) - 1)
    labels = re.findall(r'<svg [^>]*aria-label="(.*?)"', html)
    assert len(labels) == len(set(labels)) == 6
    assert all("stated" in label and "not met" in label for label in labels)


def test_names_of_groups_are_written_out_and_escaped(backtests: list[Backtest]) -> None:
    html = write_calibration_page(backtests)
    assert "North &lt;Border&gt;" in html
    assert "<Border>" not in html
    assert "Primary care trust" in html


def test_the_page_says_whether_truth_is_known_or_visitors_errors_were_taken_out() -> None:
    worlds, visits = (describe_source(_calibration(among, 4)) for among in ("worlds", "all visited"))
    assert worlds.startswith("Not met is what is true in these invented worlds.")
    assert "Rogan and Gladen 1978" in visits
    assert "a visit finds 85% of the lapses that are there, and one where there is none in 7%" in visits
    assert visits.endswith("The intervals take organisations as independent of one another.")


def test_the_table_has_a_row_for_each_group_and_reads_back(backtests: list[Backtest], folder: Path) -> None:
    table = pl.read_csv(folder / "calibration.csv", schema_overrides={"group": pl.String})
    assert table.columns == ["among", *GROUPS.names()]
    assert (
        table.height
        == tabulate_groups(backtests).height
        == sum(calibration.groups.height for backtest in backtests for calibration in backtest.calibrations)
    )
    single = table.filter((pl.col("group") == "ambulance") & (pl.col("among") == "all visited"))
    assert single.select("low", "high").row(0) == (None, None)


def test_the_json_has_every_group_and_null_for_what_is_not_known(folder: Path) -> None:
    text = (folder / "calibration.json").read_text(encoding="utf-8")
    told = json.loads(text)["calibrations"]
    assert "NaN" not in text
    assert [one["among"] for one in told] == ["invented worlds: latent", "all visited", "drawn at random"]
    assert told[1]["visitors"] == {"sensitivity": 0.85, "specificity": 0.93}
    assert {row["grouping"] for row in told[0]["groups"]} == set(GROUPINGS)
    assert set(told[0]["summary"]) >= {"error", "error_by_chance", "top_stated", "cover_number", "pairs", "right"}
    assert told[0]["numbers"][0]["number_low"] <= told[0]["numbers"][0]["number_high"]


def test_the_two_pages_lead_to_one_another(folder: Path) -> None:
    assert 'href="calibration.html"' in (folder / "backtest.html").read_text(encoding="utf-8")
    assert 'href="backtest.html"' in (folder / "calibration.html").read_text(encoding="utf-8")


def test_the_same_backtest_gives_the_same_bytes(backtests: list[Backtest], folder: Path, tmp_path: Path) -> None:
    write_backtest(backtests, tmp_path)
    for file in folder.iterdir():
        assert (tmp_path / file.name).read_bytes() == file.read_bytes()


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", ["backtest.html", "calibration.html"])
def test_the_pages_are_accessible_ask_for_nothing_and_fit_their_window(
    name: str, width: int, folder: Path, browser: Browser
) -> None:
    page = open_page(browser, folder / name, width)
    assert overflow(page) == 0
    assert violations(page) == []
    page.close()
