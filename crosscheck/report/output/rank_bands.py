"""Figures of the risk in words: the place in three bands, since single ranks are not reliably different; weights."""

from __future__ import annotations

from statistics import fmean
from typing import TYPE_CHECKING, Final

import polars as pl

from crosscheck.vocabulary import POOLS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crosscheck.risk.assumption import AssumedShare
    from crosscheck.risk.prevalence import Prevalence

TO_VISIT: Final = POOLS[0]

# From which probability on that its organisation is among the first that can be visited (choice: fourteen in twenty and
# four in twenty of the equally likely places).
_BANDS: Final = ((0.7, "clearly among the first"), (0.2, "probably among the first"), (0.0, "could be anywhere"))

BANDS: Final = tuple(words for _, words in _BANDS)

# From how many decibans on (choice: 1 changes the odds by a quarter, 3 doubles them).
_EFFECTS: Final = ((3.0, "high effect"), (1.0, "medium effect"), (0.0, "low effect"), (-1.0, "no effect"))


def describe_place(among_capacity: float) -> str:
    """The band of a declaration to visit, by the probability that its organisation is among the first to visit."""
    return next(words for least, words in _BANDS if among_capacity >= least)


def describe_effect(decibans: float) -> str:
    """How much a piece of evidence bears on the risk, whichever way: nothing, or a low, medium or high effect."""
    return next(words for least, words in _EFFECTS if abs(decibans) > least or least < 0)


def reach_of_capacity(listed: pl.DataFrame, capacity: int) -> int:
    """The last rank that is reached when so many organisations are visited, the first to visit first.

    Args:
        listed: the visit list: `rank`, `org_code`, `pool`.
        capacity: how many organisations can be visited.

    Returns:
        The rank on which the last of these organisations is first named; 0 where there is nothing to visit.
    """
    to_visit = listed.filter(pl.col("pool") == TO_VISIT).group_by("org_code").agg(pl.col("rank").min())
    return int(to_visit["rank"].sort().head(capacity).max() or 0)  # type: ignore[arg-type]  # ranks are whole numbers


def find_like_ranks(listed: pl.DataFrame, capacity: int) -> tuple[int, int] | None:
    """The first and last of the ranks around the reach of the capacity that are not reliably different.

    The list is cut into groups from the top: a group goes on as long as each of its declarations could have any place
    in it, by the intervals of their ranks.

    Args:
        listed: the visit list: `rank`, `rank_low`, `rank_high`, `org_code`, `pool`.
        capacity: how many organisations can be visited.

    Returns:
        The group that holds the rank which the capacity reaches; None where it holds no other.
    """
    reach = reach_of_capacity(listed, capacity)
    first, low, high = 1, 0, listed.height
    ordered = listed.filter(pl.col("pool") == TO_VISIT).sort("rank").select("rank", "rank_low", "rank_high")
    for rank, rank_low, rank_high in ordered.iter_rows():
        low, high = max(low, rank_low), min(high, rank_high)
        if low > first or high < rank:
            if rank > reach:
                return (first, rank - 1) if rank - 1 > first else None
            first, low, high = rank, rank_low, rank_high
    return (first, ordered.height) if ordered.height > first else None


def describe_assumption(prevalence: Prevalence) -> str:
    """What every risk starts from, as the assumption that it is.

    Args:
        prevalence: of the manifest's `risk`.
    """
    share = f"in {prevalence.share:.1%} of compliant declarations the standard is in truth not met"
    if not prevalence.visits:
        return f"We assume that {share} (starting point for every trust; no random visit is known)."
    return f"Random visits suggest that {share} (starting point for every trust; an assumption)."


def describe_assumed(assumed: Sequence[AssumedShare], listed: pl.DataFrame, capacity: int) -> str:
    """The risks under other starting points, in one sentence; empty where nothing is to be visited.

    Args:
        assumed: of the manifest's `risk`: one entry a starting point.
        listed: the visit list.
        capacity: how many organisations can be visited.
    """
    if not assumed:
        return ""
    reach = reach_of_capacity(listed, capacity)
    risks = listed.filter(pl.col("pool") == TO_VISIT).sort("rank").head(reach)["risk"].to_list()
    others = " and ".join(f"{share.mean_to_capacity:.0%} at {share.share:.0%}" for share in assumed)
    first = " and ".join(f"{share.first:.0%}" for share in assumed)
    return (
        f"The mean risk of ranks 1 to {reach} is {fmean(risks):.0%}; with another starting point it would be {others} "
        f"(the first: {risks[0]:.0%}; {first})."
    )
