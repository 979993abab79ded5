from __future__ import annotations

import polars as pl
import pytest

from benchmarks.null import (
    DESIGNS,
    POOLED,
    Design,
    Pooled,
    discoveries,
    pooled_scores,
    score_chance,
    share_beyond,
)
from crosscheck.scoring.bands import band_of_distance, band_of_rate

FAIR = [design for design in DESIGNS if design.reaches]


@pytest.mark.parametrize("design", FAIR, ids=[design.name for design in FAIR])
def test_of_what_differs_by_chance_alone_about_a_twentieth_is_beyond_1_96(design: Design) -> None:
    share = share_beyond(score_chance(design, organisations=400, figures=25)["z"])
    assert 0.035 <= share <= 0.07


@pytest.mark.parametrize("design", [design for design in DESIGNS if not design.reaches], ids=lambda design: design.name)
def test_a_level_that_many_share_is_not_far(design: Design) -> None:
    assert share_beyond(score_chance(design, organisations=400, figures=25)["z"]) <= 0.035


@pytest.mark.parametrize("pooled", POOLED, ids=str)
def test_pooled_scores_have_a_standard_deviation_of_1_by_section_and_over_all(pooled: Pooled) -> None:
    scores = pl.concat(one.with_columns(repeat=repeat) for repeat, one in enumerate(pooled_scores(pooled, repeats=10)))
    spreads = scores.group_by("repeat", "section").agg(pl.col("z").std(), overall=pl.col("section").first() == "all")
    for (_,), kind in spreads.group_by("overall"):
        assert kind["z"].mean() == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("worse", [0.0, 1.5, 3.0])
def test_of_what_q_values_name_no_more_than_stated_is_chance(worse: float) -> None:
    of_named = discoveries(Pooled(400, 1, 5, 0.3, 0.0), worse, repeats=40)
    assert of_named.rate <= 0.05


def test_those_that_are_far_worse_on_all_items_are_found() -> None:
    assert discoveries(Pooled(400, 1, 20, 0.3, 0.0), worse=3.0, repeats=10).found > 0.8


def test_held_scores_taken_for_normal_would_break_the_promise() -> None:
    assert discoveries(Pooled(400, 1, 5, 0.3, 0.0), worse=0.0, repeats=200, rooted=False).rate > 0.05


def test_the_same_word_stands_for_the_same_rate_of_error_by_distance_and_by_q() -> None:
    scores = pl.DataFrame({"z": [1.9, -2.0, 2.6, -3.1], "q": [0.06, 0.049, 0.009, 0.001]})
    words = ["as_expected", "somewhat", "notably", "far"]
    assert scores.select(band_of_distance(pl.col("z")).alias("band"))["band"].to_list() == words
    assert scores.select(band_of_rate(pl.col("q")).alias("band"))["band"].to_list() == words
