from __future__ import annotations

import hashlib
import random

import numpy as np
import numpy.typing as npt
import polars as pl
import pytest
from click.testing import CliRunner
from scipy.stats import chi2

from crosscheck.cli import main
from crosscheck.collection.read import Collection
from crosscheck.visits.draw import DRAW, allocate, draw_from, join_strata, stratify, ticket
from crosscheck.visits.listing import all_visits

YEAR = "2008/09"
DRAWS = 20_000
NUMBER = 30


@pytest.fixture(scope="module")
def frame(collection: Collection) -> pl.DataFrame:
    """Every organisation of the embedded collection with a declaration of compliance that nobody has visited."""
    tables = collection.tables
    declared = tables["declarations"].filter((pl.col("year") == YEAR) & (pl.col("status") == "compliant"))
    visited = all_visits(tables, "C2").filter(pl.col("year") == YEAR)
    open_ones = declared.join(visited, on=["org_code", "function"], how="anti")
    types = tables["organisations"].select("org_code", "org_type")
    return open_ones.select("org_code").unique().join(types, on="org_code").sort("org_code")


@pytest.fixture(scope="module")
def drawn(frame: pl.DataFrame) -> npt.NDArray[np.bool_]:
    """Who is drawn by each of the values 0 to 19,999: values in the rows, organisations in the columns."""
    codes = [code.encode() for code in frame["org_code"]]
    digests = b"".join(
        hashlib.sha256(prefix + code).digest()[:8]
        for prefix in (f"{value}|{YEAR}|".encode() for value in range(DRAWS))
        for code in codes
    )
    tickets = np.frombuffer(digests, dtype=">u8").astype(np.uint64).reshape(DRAWS, len(codes))
    chosen = np.zeros(tickets.shape, dtype=bool)
    for _, members, draws in strata_of(frame):
        smallest = np.argpartition(tickets[:, members], draws - 1, axis=1)[:, :draws]
        np.put_along_axis(chosen, members[smallest], values=True, axis=1)
    return chosen


def strata_of(frame: pl.DataFrame) -> list[tuple[str, npt.NDArray[np.int64], int]]:
    """Each stratum of the embedded frame: its name, the columns of its organisations, how many are drawn."""
    sizes = dict(frame.group_by("org_type").len().iter_rows())
    strata = frame["org_type"].replace_strict(join_strata(sizes, NUMBER)).to_numpy()
    names, counts = np.unique(strata, return_counts=True)
    draws = allocate(dict(zip(names, counts.tolist(), strict=True)), NUMBER)
    return [(name, np.flatnonzero(strata == name), draws[name]) for name in names]


def test_a_ticket_is_the_hash_of_value_year_and_code_and_nothing_else() -> None:
    assert ticket("2009", YEAR, "R2X") == hashlib.sha256(b"2009|2008/09|R2X").hexdigest()
    assert ticket(" 2009 ", YEAR, "R2X\n") == ticket("2009", YEAR, "R2X")
    assert ticket("e\u0301", YEAR, "R2X") == ticket("\u00e9", YEAR, "R2X")
    assert ticket("2010", YEAR, "R2X") != ticket("2009", YEAR, "R2X")


def test_the_smallest_tickets_of_each_stratum_are_drawn(frame: pl.DataFrame, drawn: npt.NDArray[np.bool_]) -> None:
    for value in (0, 1, 777, 19_999):
        draw = draw_from(stratify(frame.sample(fraction=1, shuffle=True, seed=value), NUMBER), str(value), YEAR)
        assert draw.schema == DRAW
        assert draw["org_code"].to_list() == frame["org_code"].to_list()
        assert draw["drawn"].to_list() == drawn[value].tolist()
        assert draw["drawn"].sum() == NUMBER


def test_over_twenty_thousand_draws_everybody_is_drawn_as_often_as_the_stated_chance_says(
    frame: pl.DataFrame, drawn: npt.NDArray[np.bool_]
) -> None:
    chance = draw_from(stratify(frame, NUMBER), "0", YEAR)["inclusion_probability"].to_numpy()
    times = drawn.sum(axis=0)
    z = (times - DRAWS * chance) / np.sqrt(DRAWS * chance * (1 - chance))
    sizes = [len(members) for _, members, _ in strata_of(frame)]
    statistic = sum((z[members] ** 2).sum() * (len(members) - 1) / len(members) for _, members, _ in strata_of(frame))
    assert times.min() > 0
    assert np.abs(z).max() < 4.5
    assert chi2.sf(statistic, sum(sizes) - len(sizes)) > 0.001
    assert chi2.cdf(statistic, sum(sizes) - len(sizes)) > 0.001


def test_pairs_are_drawn_together_as_often_as_the_joint_chances_say(
    frame: pl.DataFrame, drawn: npt.NDArray[np.bool_]
) -> None:
    for _, members, draws in strata_of(frame):
        together = drawn[:, members].astype(np.float32)
        pairs = (together.T @ together)[np.triu_indices(len(members), 1)]
        joint = draws * (draws - 1) / (len(members) * (len(members) - 1))
        z = (pairs - DRAWS * joint) / np.sqrt(DRAWS * joint * (1 - joint))
        assert pairs.min() > 0
        assert np.abs(z).max() < 5.5


def test_an_organisation_that_leaves_replaces_at_most_one(frame: pl.DataFrame) -> None:
    before = chosen(frame, "42")
    for place in range(frame.height):
        left = frame[place, "org_code"]
        after = chosen(frame.filter(pl.col("org_code") != left), "42")
        assert len(after - before) <= 1, left
        assert len(before - after - {left}) <= 1, left


def test_an_organisation_that_enters_replaces_at_most_one(frame: pl.DataFrame) -> None:
    before = chosen(frame, "42")
    for number in range(120):
        new = pl.DataFrame({"org_code": [f"NEW{number}"], "org_type": [frame["org_type"].unique().sort()[number % 4]]})
        after = chosen(pl.concat([frame, new]), "42")
        assert len(after - before) <= 1, number
        assert len(before - after) <= 1, number


def test_no_stratum_loses_a_draw_to_another_because_a_third_one_grew() -> None:
    made_up = random.Random(7)
    for _ in range(2000):
        sizes = {name: made_up.randint(1, 200) for name in "abcd"}
        number = made_up.randint(1, sum(sizes.values()))
        draws, grown = allocate(sizes, number), allocate(sizes | {"a": sizes["a"] + 1}, number)
        change = [grown[name] - draws[name] for name in "abcd"]
        assert change[0] in (0, 1)
        assert sorted(change[1:]) == [-change[0], 0, 0]
        assert sum(draws.values()) == number
        assert all(draws[name] <= sizes[name] for name in "abcd")


@pytest.mark.parametrize(
    ("sizes", "number", "strata"),
    [
        ({"acute": 100, "pct": 100}, 10, {"acute": "acute", "pct": "pct"}),
        ({"acute": 100, "ambulance": 5, "mental_health": 40, "pct": 100}, 20,
         {"acute": "acute", "ambulance": "ambulance+mental_health", "mental_health": "ambulance+mental_health",
          "pct": "pct"}),
        ({"acute": 3, "pct": 4}, 3, {"acute": "acute+pct", "pct": "acute+pct"}),
        ({"acute": 3, "pct": 4}, 1, {"acute": "acute+pct", "pct": "acute+pct"}),
        ({}, 0, {}),
    ],
)  # fmt: skip
def test_types_are_joined_until_each_stratum_has_two_draws(
    sizes: dict[str, int], number: int, strata: dict[str, str]
) -> None:
    assert join_strata(sizes, number) == strata


def test_the_chance_is_that_of_the_stratum_to_the_last_digit(frame: pl.DataFrame) -> None:
    draw = draw_from(stratify(frame, NUMBER), "0", YEAR)
    for name, members, draws in strata_of(frame):
        assert draw.filter(pl.col("stratum") == name)["inclusion_probability"].unique().to_list() == [
            draws / len(members)
        ]


def test_with_more_visits_than_organisations_all_are_drawn_and_with_none_nobody(frame: pl.DataFrame) -> None:
    assert draw_from(stratify(frame.head(9), 20), "0", YEAR)["drawn"].all()
    assert draw_from(stratify(frame.head(9), 20), "0", YEAR)["inclusion_probability"].to_list() == [1.0] * 9
    assert not draw_from(stratify(frame, 0), "0", YEAR)["drawn"].any()
    assert draw_from(stratify(frame.clear(), 5), "0", YEAR).schema == DRAW


def test_nothing_that_is_sealed_stands_in_the_help() -> None:
    for command in (["run"], ["visits", "draw"], ["visits", "seal"]):
        told = CliRunner().invoke(main, [*command, "--help"]).output
        assert "2009" not in told


def chosen(frame: pl.DataFrame, value: str) -> set[str]:
    return set(draw_from(stratify(frame, NUMBER), value, YEAR).filter("drawn")["org_code"])
