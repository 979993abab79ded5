from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crosscheck import settings
from crosscheck.risk.evidence import PARTS
from crosscheck.risk.model import read_risk_model
from crosscheck.risk.posterior import probability, rank_declarations

MODEL = read_risk_model(settings.model_file("C2", "visit_risk", "v1"))


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
    known = MODEL.model_copy(
        update={"simulation": MODEL.simulation.model_copy(update={"common_sd": 0.0, "draws": 40_000})}
    )
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
    generator = np.random.default_rng(5)
    sums = []
    for _ in range(40_000):
        own = {name: generator.standard_normal() for name in "abc"}
        common = generator.standard_normal() * MODEL.simulation.common_sd
        sums.append(3.0 + 2.0 * own["a"] - 1.5 * own["b"] + 3.0 * common)
    low, high = (1 / (1 + math.pow(10, -value / 10)) for value in np.quantile(sums, [0.05, 0.95]))
    assert ranked["risk_low"][0] == pytest.approx(low, abs=0.02)
    assert ranked["risk_high"][0] == pytest.approx(high, abs=0.02)
