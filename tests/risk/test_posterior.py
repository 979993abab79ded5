from __future__ import annotations

import dataclasses
import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crosscheck.risk.evidence import PARTS, PROBIT
from crosscheck.risk.items import ITEMS
from crosscheck.risk.model import RiskModel
from crosscheck.risk.posterior import probability
from crosscheck.risk.posterior import rank_declarations as rank
from crosscheck.risk.quality import measure_quality
from crosscheck.vocabulary import POOL
from tests.risk.invented import MODEL, NO_VISITS, YEAR, invent

# Nothing is known of any organisation, but the draws hold quality at its mean: what is left is the doubt about weights.
NOTHING = measure_quality(ITEMS.to_frame(), NO_VISITS, MODEL, YEAR)
KNOWN = dataclasses.replace(NOTHING, link=dataclasses.replace(NOTHING.link, quality=1e-6, quality_sd=0.0, shading=0.0))


def rank_declarations(parts: pl.DataFrame, model: RiskModel, seed: int) -> pl.DataFrame:
    return rank(parts, to_visit(parts), KNOWN, model, seed)


def to_visit(parts: pl.DataFrame) -> pl.DataFrame:
    """All of them in one pool."""
    return parts.select("org_code", "function", pool=pl.lit("to_visit", POOL)).unique()


def parts_of(*declarations: dict[str, tuple[float, float]]) -> pl.DataFrame:
    """One row a part; each declaration is given as part -> (decibans, sd)."""
    rows = [
        (f"R{number:02}", "whole", "checks", "g", part, decibans, decibans, sd, "because", "a source")
        for number, parts in enumerate(declarations)
        for part, (decibans, sd) in parts.items()
    ]
    return pl.DataFrame(rows, schema=PARTS, orient="row")


def test_ten_decibans_are_ten_to_one_and_none_are_even_odds() -> None:
    assert probability(np.array([10.0, 0.0, -10.0])) == pytest.approx([10 / 11, 0.5, 1 / 11])


def test_the_risk_is_the_sum_of_the_parts() -> None:
    ranked = rank_declarations(parts_of({"a": (4.0, 1.0), "b": (-6.5, 1.0)}), MODEL, seed=1)
    assert ranked["decibans"].item() == pytest.approx(-2.5)
    assert ranked["risk"].item() == pytest.approx(1 / (1 + 10**0.25))


def test_equal_sums_are_ordered_by_code_so_that_two_runs_give_the_same_list() -> None:
    ranked = rank_declarations(parts_of(*[{"a": (1.0, 0.1)}] * 5), MODEL, seed=1)
    assert ranked["org_code"].to_list() == [f"R{number:02}" for number in range(5)]


def test_the_interval_of_the_risk_has_the_width_that_the_stated_doubt_gives() -> None:
    known = MODEL.model_copy(update={"simulation": MODEL.simulation.model_copy(update={"draws": 40_000})})
    ranked = rank_declarations(parts_of({"a": (0.0001, 3.0)}), known, seed=1)
    assert ranked["risk_low"].item() == pytest.approx(probability(np.array([-1.645 * 3])).item(), abs=0.01)
    assert ranked["risk_high"].item() == pytest.approx(probability(np.array([1.645 * 3])).item(), abs=0.01)


def test_doubt_about_one_weight_moves_all_declarations_that_rest_on_it_together() -> None:
    alike = parts_of({"a": (5.0, 4.0)}, {"a": (4.0, 4.0)})
    apart = parts_of({"a": (5.0, 4.0)}, {"b": (4.0, 4.0)})
    assert rank_declarations(alike, MODEL, seed=1)["rank_high"].to_list() == [1, 2]
    assert rank_declarations(apart, MODEL, seed=1)["rank_high"].to_list() == [2, 2]


def test_neighbours_that_cannot_be_told_apart_have_overlapping_ranks() -> None:
    ranked = rank_declarations(parts_of(*[{str(number): (1.0 + number / 100, 3.0)} for number in range(20)]), MODEL, 1)
    assert ranked["rank_low"].max() <= 5  # type: ignore[operator]
    assert ranked["rank_high"].min() >= 16  # type: ignore[operator]


@given(st.lists(st.floats(-30, 30), min_size=2, max_size=12), st.integers(0, 10))
def test_every_rank_and_risk_lies_within_its_interval(sums: list[float], seed: int) -> None:
    ranked = rank_declarations(
        parts_of(*[{f"p{place}": (total, 2.0)} for place, total in enumerate(sums)]), MODEL, seed
    )
    assert ranked.filter((pl.col("rank") < pl.col("rank_low")) | (pl.col("rank") > pl.col("rank_high"))).is_empty()
    assert ranked.filter((pl.col("risk") < pl.col("risk_low")) | (pl.col("risk") > pl.col("risk_high"))).is_empty()
    assert sorted(ranked["rank"].to_list()) == list(range(1, len(sums) + 1))
    assert ranked["risk"].is_sorted(descending=True)


def test_the_order_of_rows_changes_nothing_and_the_seed_does() -> None:
    parts = parts_of(*[{"a": (float(number), 2.0), "b": (-1.0, 1.0)} for number in range(8)])
    shuffled = parts.sample(fraction=1, shuffle=True, seed=3)
    assert rank_declarations(parts, MODEL, 7).equals(rank_declarations(shuffled, MODEL, 7))
    assert not rank_declarations(parts, MODEL, 7).equals(rank_declarations(parts, MODEL, 8))


def test_a_plain_numpy_simulation_gives_the_same_interval() -> None:
    parts = parts_of({"a": (6.0, 2.0), "b": (-3.0, 1.5)}, {"a": (2.0, 2.0), "c": (1.0, 1.0)})
    ranked = rank_declarations(parts, MODEL, seed=11).sort("org_code")
    drawn = 3.0 + np.hypot(2.0, 1.5) * np.random.default_rng(5).standard_normal(40_000)
    low, high = (1 / (1 + math.pow(10, -value / 10)) for value in np.quantile(drawn, [0.05, 0.95]))
    assert ranked["risk_low"][0] == pytest.approx(low, abs=0.03)
    assert ranked["risk_high"][0] == pytest.approx(high, abs=0.03)


def test_of_an_organisation_of_which_nothing_is_known_the_interval_is_as_wide_as_quality_goes() -> None:
    plain = MODEL.model_copy(
        update={"simulation": MODEL.simulation.model_copy(update={"widening": 1.0, "draws": 40_000})}
    )
    held = dataclasses.replace(NOTHING, link=dataclasses.replace(NOTHING.link, quality_sd=0.0))
    parts = parts_of({"a": (-8.0, 0.0)})
    ranked = rank(parts, to_visit(parts), held, plain, seed=1)
    explained = NOTHING.knowable
    sd, stretch = PROBIT * math.sqrt(explained / (1 - explained)), 1 / math.sqrt(1 - explained)
    assert ranked["risk_high"].item() == pytest.approx(
        probability(np.array([-8 * stretch + 1.645 * sd])).item(), abs=0.02
    )


def test_the_mean_over_what_quality_may_be_is_the_risk() -> None:
    plain = MODEL.model_copy(update={"simulation": MODEL.simulation.model_copy(update={"widening": 1.0})})
    explained = NOTHING.knowable
    generator = np.random.default_rng(2)
    for decibans in (-14.0, -8.0, -2.0):
        drawn = decibans / math.sqrt(1 - explained) + PROBIT * math.sqrt(
            explained / (1 - explained)
        ) * generator.standard_normal(200_000)
        assert probability(drawn).mean() == pytest.approx(probability(np.array([decibans])).item(), abs=0.02)
    assert plain.simulation.widening == 1.0


def test_ranks_by_true_liability_lie_within_their_intervals_about_nine_times_in_ten() -> None:
    invented = invent({f"figure.{number}": (0.4, 0.0) for number in range(12)}, number=500)
    quality = measure_quality(invented.items, NO_VISITS, MODEL, YEAR)
    sums = quality.organisations.sort("org_code")
    parts = parts_of(
        *[
            {"a": (PROBIT * (mean - 1.1) / math.sqrt(1 - known), 0.0)}
            for mean, known in sums.select("mean", "known").iter_rows()
        ]
    )
    named = parts.with_columns(org_code=pl.Series(invented.codes))
    ranked = rank(named, to_visit(named), quality, MODEL, seed=3).sort("org_code")
    explained = MODEL.link.quality * invented.quality + MODEL.link.shading * invented.shading
    true = (-explained).argsort().argsort() + 1
    inside = (ranked["rank_low"].to_numpy() <= true) & (true <= ranked["rank_high"].to_numpy())
    assert 0.85 <= inside.mean() <= 0.99


def test_it_is_said_how_likely_each_stands_before_the_next_and_belongs_to_the_first() -> None:
    ranked = rank_declarations(parts_of({"a": (9.0, 0.1)}, {"b": (0.0, 3.0)}, {"c": (-0.1, 3.0)}), MODEL, seed=1)
    assert ranked["ahead_of_next"][0] > 0.95
    assert 0.4 < ranked["ahead_of_next"][1] < 0.6
    assert ranked["ahead_of_next"][2] is None
    assert ranked["among_first"].sum() == pytest.approx(1.0)
