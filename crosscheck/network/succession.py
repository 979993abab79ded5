"""Successions: which bodies an organisation took over from, directly or through a chain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from crosscheck.network.graph import in_force

if TYPE_CHECKING:
    from datetime import date


@dataclass(frozen=True)
class Lineage:
    """Who came before whom.

    `predecessors` has one row an organisation and one of its predecessors, by `org_code`, `depth`, `predecessor`:
    `depth` counts the ties between them, from 1, along the shortest way, and `since` is the day of the tie nearest to
    the organisation on such a way (the earliest where there are several, null where none has a day).

    `cycles` names bodies each of which would be its own predecessor: the members of one knot in order of their codes,
    the knots in order of their first member. No tie within a knot is followed. `self_ties` are bodies said to succeed
    themselves, and `duplicates` pairs (successor, predecessor) that are named more than once: both harmless.
    """

    predecessors: pl.DataFrame
    cycles: tuple[tuple[str, ...], ...]
    self_ties: tuple[str, ...]
    duplicates: tuple[tuple[str, str], ...]


def trace_succession(relationships: pl.DataFrame, on: date) -> Lineage:
    """Find every predecessor of every body, through splits, mergers and chains.

    Args:
        relationships: the conformed table; of its rows those with `succeeds` count (`from_code` succeeded `to_code`).
        on: only successions that had happened by that day are followed. A pair that is named with several days
            succeeded on the first of them.
    """
    ties = relationships.filter((pl.col("relation") == "succeeds") & in_force(on)).select(
        "since", org_code="from_code", predecessor="to_code"
    )
    to_itself = pl.col("org_code") == pl.col("predecessor")
    steps = (
        ties.filter(~to_itself)
        .group_by("org_code", "predecessor")
        .agg(pl.col("since").min(), named=pl.len())
        .sort("org_code", "predecessor")
    )
    # Cycles are reported, and their ties left out: followed, everybody in one would be everybody's predecessor.
    cycles = _find_cycles(steps)
    return Lineage(
        predecessors=_follow(_leave_out(cycles, steps.drop("named"))),
        cycles=cycles,
        self_ties=tuple(ties.filter(to_itself)["org_code"].unique().sort()),
        duplicates=tuple(steps.filter(pl.col("named") > 1).select("org_code", "predecessor").iter_rows()),
    )


def _find_cycles(steps: pl.DataFrame) -> tuple[tuple[str, ...], ...]:
    """Knots of bodies that each precede all others of the knot (strongly connected components)."""
    leads_on = pl.col("predecessor").is_in(steps["org_code"].implode())
    led_to = pl.col("org_code").is_in(steps["predecessor"].implode())
    chained = steps.filter(leads_on & led_to)
    if chained.is_empty():  # no chain, no cycle: most collections have none, and need not wait for the library
        return ()
    import networkx as nx

    graph = nx.DiGraph(chained.select("org_code", "predecessor").iter_rows())
    knots = (knot for knot in nx.strongly_connected_components(graph) if len(knot) > 1)
    return tuple(sorted(tuple(sorted(knot)) for knot in knots))


def _leave_out(cycles: tuple[tuple[str, ...], ...], steps: pl.DataFrame) -> pl.DataFrame:
    """The ties but those between two members of one knot."""
    of_knot = {code: number for number, knot in enumerate(cycles) for code in knot}
    first, second = (
        pl.col(end).replace_strict(of_knot, default=None, return_dtype=pl.Int64) for end in ("org_code", "predecessor")
    )
    return steps.filter((first != second).fill_null(True))


def _follow(steps: pl.DataFrame) -> pl.DataFrame:
    """Walk back one generation of ties at a time; whom a shorter way has reached already is not named again."""
    before = steps.select(predecessor="org_code", former="predecessor")
    generation = steps.with_columns(depth=pl.lit(1, dtype=pl.UInt32))
    found = generation
    while not generation.is_empty():
        # One generation at a time, and the anti-join at the end of each, so that even a cycle comes to an end.
        generation = (
            generation.join(before, on="predecessor")
            .group_by("org_code", "depth", predecessor="former")
            .agg(pl.col("since").min())
            .with_columns(pl.col("depth") + 1)
            .join(found, on=("org_code", "predecessor"), how="anti")
            .select(found.columns)
        )
        found = pl.concat([found, generation])
    return found.select("org_code", "predecessor", "depth", "since").sort("org_code", "depth", "predecessor")
