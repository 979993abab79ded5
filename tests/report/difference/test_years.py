"""Several years side by side."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner

from crosscheck.cli import main
from crosscheck.report.difference.years import (
    FEWEST_PERIODS,
    at_least_two,
    count_by_year,
    count_repeated,
    follow_figures,
)


def test_two_of_several_chances_are_as_all_their_ways_added_up() -> None:
    chances = [0.1, 0.02, 0.3, 0.07]
    ways = itertools.product([True, False], repeat=4)
    slowly = sum(
        float(np.prod([chance if fell else 1 - chance for chance, fell in zip(chances, way, strict=True)]))
        for way in ways
        if sum(way) >= 2
    )
    assert at_least_two(chances) == pytest.approx(slowly, rel=1e-12)


def test_years_are_counted_with_their_base_and_a_published_interval() -> None:
    """Newcombe 1998, Statistics in Medicine 17:857-872, Table I, method 3: 81 of 263 gives 0.2553 to 0.3662."""
    statuses = ["not_met"] * 81 + ["compliant"] * 182
    told = count_by_year(pl.DataFrame({"year": "2008/09", "category": "acute", "status": statuses})).row(0, named=True)
    assert (told["category"], told["declarations"], told["not_compliant"]) == ("all", 263, 81)
    assert (told["low"], told["high"]) == (0.2553, 0.3662)


def test_who_declares_a_lapse_again_is_counted_once() -> None:
    rows = [("A", "2006/07", "not_met"), ("A", "2007/08", "not_met"), ("B", "2006/07", "compliant")]
    told = count_repeated(pl.DataFrame(rows, schema=["org_code", "year", "status"], orient="row"))
    assert told == {"organisations": 2, "observed": 1, "expected": 0.5, "codes": ["A"]}


def figures(periods: int) -> pl.DataFrame:
    chance = np.random.default_rng(1)
    rows = [
        ("source", "share", f"200{period}", f"O{code}", float(chance.normal() - 2.5 * (code == 7)), "higher_better")
        for period in range(periods)
        for code in range(40)
    ]
    return pl.DataFrame(
        rows, schema=["source", "indicator", "period", "org_code", "value", "direction"], orient="row"
    ).with_columns(numerator=pl.lit(None, dtype=pl.Float64), denominator=pl.lit(None, dtype=pl.Float64))


def test_the_figure_that_stays_worse_has_the_largest_sum() -> None:
    told = follow_figures(figures(4)).row(0, named=True)
    assert (told["org_code"], told["periods"]) == ("O7", 4)
    assert told["sum"] > 4


def test_too_few_periods_tell_nothing() -> None:
    assert follow_figures(figures(FEWEST_PERIODS - 1)).is_empty()


def test_the_embedded_years_are_told_with_what_cannot_be(national_run: Path) -> None:
    told = CliRunner().invoke(main, ["years", "--run", str(national_run)])
    assert told.exit_code == 0
    assert "can't be told" in told.output
    by_year = json.loads(CliRunner().invoke(main, ["years", "--run", str(national_run), "--format", "json"]).output)
    national = {
        row["year"]: (row["declarations"], row["not_compliant"])
        for row in by_year["by_year"]
        if row["category"] == "all"
    }
    assert national == {"2005/06": (306, 18), "2006/07": (398, 17), "2007/08": (392, 12), "2008/09": (539, 33)}
