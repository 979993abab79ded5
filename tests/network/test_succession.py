from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crosscheck.network.succession import Lineage, trace_succession
from tests.network.made_up import ON, made_up

Step = tuple[str, str, date | None]
DAY = date(2006, 10, 1)


def traced(*steps: Step, on: date = ON) -> Lineage:
    ties = [(successor, "succeeds", predecessor, None, since, None) for successor, predecessor, since in steps]
    return trace_succession(made_up(ties)["relationships"], on)


def depths(lineage: Lineage) -> dict[tuple[str, str], int]:
    return {(own, before): depth for own, before, depth, _ in lineage.predecessors.iter_rows()}


def test_a_predecessor_is_found_through_the_chain_with_the_day_of_the_nearest_step() -> None:
    lineage = traced(("C", "B", DAY), ("B", "A", date(2002, 4, 1)))
    assert lineage.predecessors.rows() == [("B", "A", 1, date(2002, 4, 1)), ("C", "B", 1, DAY), ("C", "A", 2, DAY)]


def test_a_split_gives_one_predecessor_to_several_and_a_merger_several_to_one() -> None:
    assert depths(traced(("B", "A", DAY), ("C", "A", DAY), ("D", "B", DAY), ("D", "E", DAY))) == {
        ("B", "A"): 1, ("C", "A"): 1, ("D", "B"): 1, ("D", "E"): 1, ("D", "A"): 2,
    }  # fmt: skip


def test_a_predecessor_reached_on_two_ways_is_named_once_with_the_least_depth() -> None:
    lineage = traced(("C", "B", DAY), ("B", "A", DAY), ("C", "A", date(2007, 4, 1)))
    assert ("C", "A", 1, date(2007, 4, 1)) in lineage.predecessors.rows()
    assert depths(lineage) == {("B", "A"): 1, ("C", "A"): 1, ("C", "B"): 1}


def test_of_two_shortest_ways_the_earlier_day_counts() -> None:
    lineage = traced(("D", "B", date(2007, 4, 1)), ("D", "C", DAY), ("B", "A", None), ("C", "A", None))
    assert ("D", "A", 2, DAY) in lineage.predecessors.rows()


def test_a_cycle_is_reported_once_and_not_followed_and_the_rest_is() -> None:
    lineage = traced(("A", "C", DAY), ("C", "B", DAY), ("B", "A", DAY), ("A", "X", DAY), ("Y", "B", DAY))
    assert lineage.cycles == (("A", "B", "C"),)
    assert depths(lineage) == {("A", "X"): 1, ("Y", "B"): 1}


def test_two_cycles_are_told_in_order_whatever_the_order_of_rows() -> None:
    steps: list[Step] = [("D", "C", DAY), ("C", "D", DAY), ("B", "A", DAY), ("A", "B", DAY), ("A", "D", DAY)]
    assert traced(*steps).cycles == traced(*reversed(steps)).cycles == (("A", "B"), ("C", "D"))
    assert depths(traced(*steps)) == {("A", "D"): 1}


def test_a_body_that_succeeds_itself_is_named_and_harms_nothing() -> None:
    lineage = traced(("A", "A", DAY), ("B", "A", DAY))
    assert (lineage.self_ties, lineage.cycles, depths(lineage)) == (("A",), (), {("B", "A"): 1})


def test_a_pair_named_with_two_days_is_one_from_the_first_of_them() -> None:
    lineage = traced(("B", "A", DAY), ("B", "A", date(2005, 4, 1)))
    assert lineage.duplicates == (("B", "A"),)
    assert lineage.predecessors.rows() == [("B", "A", 1, date(2005, 4, 1))]


def test_a_succession_that_is_yet_to_come_is_not_followed() -> None:
    steps: tuple[Step, ...] = (("C", "B", ON + timedelta(days=1)), ("B", "A", ON))
    assert depths(traced(*steps)) == {("B", "A"): 1}
    assert depths(traced(*steps, on=ON + timedelta(days=1))) == {("B", "A"): 1, ("C", "B"): 1, ("C", "A"): 2}


def test_a_cycle_that_is_yet_to_close_is_none() -> None:
    assert traced(("B", "A", DAY), ("A", "B", ON + timedelta(days=1))).cycles == ()


def test_other_relations_are_no_succession() -> None:
    ties = made_up([("A", "commissions", "B"), ("A", "sits_on", "L1"), ("A", "shared_review", "B", "SCR-1-1")])
    lineage = trace_succession(ties["relationships"], ON)
    assert (lineage.predecessors.rows(), lineage.cycles, lineage.self_ties, lineage.duplicates) == ([], (), (), ())


Former = dict[str, dict[str, date | None]]


def _walk(before: Former, start: str, follows: Callable[[str, str], bool] = lambda *_: True) -> dict[str, int]:
    """How many ties lie between a body and each of those before it, walked one body at a time."""
    reached, waiting = {start: 0}, [start]
    for own in waiting:
        for former in before.get(own, {}):
            if former not in reached and follows(own, former):
                reached[former] = reached[own] + 1
                waiting.append(former)
    return reached


def _knots(before: Former) -> dict[str, frozenset[str]]:
    """Whom each body precedes and is preceded by, itself among them."""
    codes = before.keys() | {former for steps in before.values() for former in steps}
    leads = {code: _walk(before, code).keys() for code in codes}
    return {code: frozenset(other for other in leads[code] if code in leads[other]) for code in codes}


def slowly_traced(steps: list[Step]) -> tuple[dict[tuple[str, str], tuple[int, date | None]], set[frozenset[str]]]:
    """Predecessors and knots, found without a frame and without a graph library."""
    before: Former = {}
    for own, former, since in steps:
        if own != former:
            days = [day for day in (before.setdefault(own, {}).get(former), since) if day]
            before[own][former] = min(days, default=None)
    knot = _knots(before)
    ways: dict[tuple[str, str], list[tuple[int, date]]] = {}
    for own, firsts in before.items():
        for first, since in firsts.items():
            if knot[own] != knot[first]:
                for former, further in _walk(before, first, lambda one, other: knot[one] != knot[other]).items():
                    ways.setdefault((own, former), []).append((further + 1, since or date.max))
    shortest = {pair: min(lengths) for pair, lengths in ways.items()}
    found = {pair: (depth, None if day == date.max else day) for pair, (depth, day) in shortest.items()}
    return found, {members for members in knot.values() if len(members) > 1}


CODES = st.sampled_from("ABCDEFGH")
STEPS = st.lists(st.tuples(CODES, CODES, st.sampled_from([None, DAY, date(2002, 4, 1), date(2007, 4, 1)])), max_size=16)


@given(steps=STEPS)
def test_it_finds_what_a_walk_from_body_to_body_finds(steps: list[Step]) -> None:
    lineage = traced(*steps)
    found, knots = slowly_traced(steps)
    rows = {(own, before): (depth, since) for own, before, depth, since in lineage.predecessors.iter_rows()}
    assert rows == found
    assert {frozenset(cycle) for cycle in lineage.cycles} == knots
    assert lineage.predecessors.select("org_code", "predecessor").is_unique().all()


@given(steps=STEPS)
def test_the_order_of_rows_changes_nothing(steps: list[Step]) -> None:
    first, second = traced(*steps), traced(*reversed(steps))
    assert first.predecessors.equals(second.predecessors)
    assert (first.cycles, first.self_ties, first.duplicates) == (second.cycles, second.self_ties, second.duplicates)


@pytest.fixture(scope="module")
def real(shared) -> pl.DataFrame:
    """Real successions of NHS organisations, 1992 to 2021."""
    return pl.read_csv(shared / "real" / "trust_successions.csv.gz", infer_schema=False).select(
        from_code="new_code",
        relation=pl.lit("succeeds"),
        to_code="old_code",
        reference=pl.lit(None, dtype=pl.String),
        since=pl.col("date").str.to_date("%Y%m%d"),
        until=pl.lit(None, dtype=pl.Date),
    )


@pytest.fixture(scope="module")
def real_lineage(real) -> Lineage:
    return trace_succession(real, date(2021, 12, 31))


def test_the_real_successions_have_their_published_quirks(real, real_lineage) -> None:
    assert real.height == 25_481
    assert len(real_lineage.self_ties) == 39
    assert len(real_lineage.duplicates) == 35
    assert real_lineage.cycles == ()
    assert real_lineage.predecessors.filter(pl.col("depth") == 1).height == 25_481 - 39 - 35


def test_a_real_split_leads_to_both_successors(real_lineage) -> None:
    of_rw6 = real_lineage.predecessors.filter(pl.col("predecessor") == "RW6")
    assert of_rw6["org_code"].to_list() == ["R0A", "RM3"]
    assert of_rw6["since"].unique().to_list() == [date(2021, 10, 1)]
    assert depths(real_lineage)["R0A", "RM2"] == 1


def test_real_chains_of_trusts_are_four_deep_and_those_of_their_sites_and_authorities_five(real_lineage) -> None:
    trust = pl.col("org_code").str.contains(r"^[R5T]..$")
    deepest = real_lineage.predecessors.filter(trust)["depth"].max()
    assert (deepest, real_lineage.predecessors["depth"].max()) == (4, 5)
    ways = real_lineage.predecessors.filter(pl.col("org_code") == "5QV").group_by("depth").len().sort("depth")
    assert ways["depth"].to_list() == [1, 2, 3, 4]
    assert depths(real_lineage)["5QV", "RC2"] == 4


def test_the_merger_of_2006_made_73_trusts_of_223(real) -> None:
    before = trace_succession(real, date(2006, 9, 30)).predecessors
    since = trace_succession(real, date(2006, 10, 1)).predecessors
    merged = since.join(before, on=("org_code", "predecessor"), how="anti").filter(
        (pl.col("depth") == 1)
        & pl.col("predecessor").str.contains("^5..$")
        & pl.col("org_code").str.contains("^[5T]..$")
    )
    assert (merged["predecessor"].n_unique(), merged["org_code"].n_unique()) == (223, 73)


def test_the_real_successions_are_traced_as_a_walk_from_body_to_body_traces_them(real, real_lineage) -> None:
    found, knots = slowly_traced(list(real.select("from_code", "to_code", "since").iter_rows()))
    rows = {(own, before): (depth, since) for own, before, depth, since in real_lineage.predecessors.iter_rows()}
    assert rows == found
    assert knots == set()
