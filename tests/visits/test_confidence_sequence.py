from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from crosscheck.collection.read import Collection
from crosscheck.visits.confidence_sequence import Cell, follow_weeks, prevalence_bounds
from crosscheck.visits.draw import join_strata
from crosscheck.visits.prevalence_estimates import Drawn, Population, estimate_prevalence
from tests.visits.drawn import make_up_lapses, read_frame

WEEKS = 12


def _frame(collection: Collection) -> pl.DataFrame:
    frame = read_frame(collection)
    names, sizes = np.unique(frame.types, return_counts=True)
    joined = join_strata(dict(zip(names.tolist(), sizes.tolist(), strict=True)), 60)
    return pl.DataFrame({"stratum": [joined[name] for name in frame.types], "declarations": frame.tested.astype(int)})


@pytest.mark.parametrize(("share", "together"), [(0.05, 1.0), (0.13, 0.5), (0.22, 1.0)])
def test_the_interval_holds_the_truth_in_all_weeks_at_once_where_weekly_looks_at_the_usual_one_do_not(
    collection: Collection, share: float, together: float
) -> None:
    lapses = make_up_lapses(read_frame(collection), share, together, "more in care trusts", seed=4)
    frame = _frame(collection).with_columns(found=pl.Series(lapses.astype(int)))
    truth = lapses.sum() / frame["declarations"].sum()
    rng, held, usual = np.random.default_rng(5), 0, 0
    for _ in range(70):
        visited = frame[rng.permutation(frame.height)[:60]].with_columns(week=pl.int_range(60) // 5 + 1)
        weekly = follow_weeks(frame, visited)
        held += weekly.select(((pl.col("low") <= truth) & (pl.col("high") >= truth)).all()).item()
        usual += all(_usual(visited.head(5 * week), frame, truth) for week in range(1, WEEKS + 1))
    assert held / 70 >= 0.95
    assert usual / 70 < held / 70


def test_it_never_widens_and_ends_well_within_what_was_possible(collection: Collection) -> None:
    lapses = make_up_lapses(read_frame(collection), 0.13, 1.0, "none", seed=6)
    frame = _frame(collection).with_columns(found=pl.Series(lapses.astype(int)))
    weekly = follow_weeks(frame, frame.sample(120, seed=1).with_columns(week=pl.int_range(120) // 10 + 1))
    assert weekly["week"].to_list() == list(range(1, 13))
    assert (weekly["low"].diff().drop_nulls() >= 0).all()
    assert (weekly["high"].diff().drop_nulls() <= 0).all()
    assert weekly["high"][-1] - weekly["low"][-1] < 0.3
    assert weekly["organisations"].to_list() == list(range(10, 121, 10))


def test_when_everybody_was_visited_only_the_truth_is_left() -> None:
    sizes = {Cell("acute", 1): 5, Cell("pct", 2): 4}
    assert prevalence_bounds(sizes, {Cell("acute", 1): (3, 2), Cell("pct", 2): (1, 1, 2)}) == (7 / 13, 7 / 13)


def test_nothing_visited_leaves_everything_possible_and_what_was_seen_is_never_excluded() -> None:
    sizes = {Cell("acute", 1): 50, Cell("pct", 2): 40}
    assert prevalence_bounds(sizes, {}) == (0.0, 1.0)
    low, high = prevalence_bounds(sizes, {Cell("pct", 2): (0, 0, 39)})
    assert low >= 78 / 130
    assert high <= 1.0


@pytest.mark.parametrize("lapse", [0, 1])
def test_where_all_or_nothing_was_found_one_end_stays(lapse: int) -> None:
    counts = {Cell("acute", 1): (0, 30) if lapse else (30, 0)}
    low, high = prevalence_bounds({Cell("acute", 1): 300}, counts)
    assert (low, high)[lapse] == lapse
    assert abs((high, low)[lapse] - lapse) < 0.25


def test_looking_after_every_single_visit_leaves_the_truth_out_less_often_than_once_in_twenty() -> None:
    sizes, excluded = {Cell("acute", 1): 60}, 0
    rng = np.random.default_rng(8)
    for _ in range(200):
        found = rng.permutation([1] * 6 + [0] * 54)[:50].cumsum()
        within = [
            prevalence_bounds(sizes, {Cell("acute", 1): (number - int(lapses), int(lapses))})
            for number, lapses in enumerate(found, start=1)
        ]
        excluded += not all(low <= 0.1 <= high for low, high in within)
    assert 0 < excluded / 200 < 0.05


def test_the_order_of_rows_changes_nothing_and_no_visit_gives_no_week(collection: Collection) -> None:
    frame = _frame(collection).with_columns(found=0)
    visited = frame.sample(20, seed=2).with_columns(week=pl.int_range(20) // 5 + 1)
    assert follow_weeks(frame, visited).equals(follow_weeks(frame.reverse(), visited.reverse()))
    assert follow_weeks(frame, visited.clear()).is_empty()


def _usual(visited: pl.DataFrame, frame: pl.DataFrame, truth: float) -> bool:
    tested, found = (visited[name].to_numpy().astype(float) for name in ("declarations", "found"))
    chance = np.full(len(tested), len(tested) / frame.height)
    drawn = Drawn(np.zeros(len(tested), dtype=np.int64), chance, tested, found, tested * 0.1)
    declarations = float(frame["declarations"].sum())
    hajek = estimate_prevalence(drawn, Population(frame.height, declarations, 0.1 * declarations)).hajek
    return hajek.low <= truth <= hajek.high
