"""The random draw: one ticket an organisation, the smallest tickets of each stratum are drawn.

A ticket is SHA-256 of the public value, the assessment year and the organisation's code. So anybody can repeat the draw
by hand; whoever enters or leaves the frame changes nobody else's ticket.
"""

from __future__ import annotations

import hashlib
import unicodedata
from heapq import heapify, heapreplace
from typing import TYPE_CHECKING, Final

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Mapping

DRAW: Final = pl.Schema(
    {
        "org_code": pl.String(),
        "stratum": pl.String(),
        "ticket": pl.String(),
        "inclusion_probability": pl.Float64(),
        "drawn": pl.Boolean(),
    }
)

_BETWEEN: Final = "|"  # U+007C
_JOINED: Final = "+"
_FEWEST: Final = 2  # draws in a stratum: with one there is no variance to estimate


def ticket(value: str, year: str, org_code: str) -> str:
    """The ticket of an organisation: 64 hexadecimal digits.

    SHA-256 over the UTF-8 of the three texts, each in Unicode normal form C without spaces at its ends, joined by
    U+007C.
    """
    told = _BETWEEN.join(unicodedata.normalize("NFC", text).strip() for text in (value, year, org_code))
    return hashlib.sha256(told.encode()).hexdigest()


def draw_at_random(frame: pl.DataFrame, number: int, value: str, year: str) -> pl.DataFrame:
    """Draw organisations at random, spread over their types.

    In a stratum of N organisations with n draws those with the n smallest tickets are drawn: a simple random sample
    (Cochran 1977, Sampling Techniques). Each has the chance n / N and each pair n(n - 1) / (N(N - 1)), exactly. One
    organisation that enters or leaves replaces at most one that was drawn, unless it joins or parts strata.

    Args:
        frame: one row an organisation: `org_code`, `org_type`.
        number: how many to draw; all, if there are no more.
        value: the value that decides the draw, as text.
        year: the assessment year.

    Returns:
        `DRAW`, by `org_code`: one row an organisation, drawn or not, with the chance that it had.
    """
    if frame.is_empty():
        return DRAW.to_frame()
    wanted = max(min(number, frame.height), 0)
    strata = join_strata(dict(frame.group_by("org_type").len().sort("org_type").iter_rows()), wanted)
    draws = allocate(_sizes(frame, strata), wanted)
    tickets = pl.Series("ticket", [ticket(value, year, code) for code in frame["org_code"]], dtype=pl.String)
    stratum = pl.col("org_type").replace_strict(strata, return_dtype=pl.String)
    of_stratum = pl.col("stratum").replace_strict(draws, return_dtype=pl.Int64)
    return (
        frame.select("org_code", tickets, stratum=stratum)
        .with_columns(place=pl.struct("ticket", "org_code").rank("ordinal").over("stratum"))
        .with_columns(drawn=pl.col("place") <= of_stratum, inclusion_probability=of_stratum / pl.len().over("stratum"))
        .select(DRAW.names())
        .cast(DRAW)
        .sort("org_code")
    )


def join_strata(sizes: Mapping[str, int], number: int) -> dict[str, str]:
    """Join types until each stratum has at least two draws; the smallest is joined with the next in size.

    Args:
        sizes: how many organisations each type has.
        number: how many are drawn in all.

    Returns:
        The stratum of each type: its types in alphabetical order, joined by `+`.
    """
    groups: list[tuple[tuple[str, ...], int]] = [((name,), size) for name, size in sorted(sizes.items())]
    while len(groups) > 1:
        draws = allocate({_JOINED.join(names): size for names, size in groups}, number)
        if min(draws.values()) >= _FEWEST:
            break
        (one, some), (other, more), *rest = sorted(groups, key=lambda group: (group[1], group[0]))
        groups = [(tuple(sorted(one + other)), some + more), *rest]
    return {name: _JOINED.join(names) for names, _ in groups for name in names}


def allocate(sizes: Mapping[str, int], number: int) -> dict[str, int]:
    """Share the draws among strata in proportion to their sizes, by the method of Webster (Sainte-Laguë).

    Each draw goes to the stratum with the highest N / (2n + 1), n being what it has already; of equal ones to the first
    in alphabetical order. It is as close to proportion as largest remainders are, and no stratum loses a draw to
    another because a third one grew (Balinski and Young 2001, Fair Representation), which largest remainders allow.

    Args:
        sizes: how many organisations each stratum has.
        number: how many are drawn in all, at most as many as there are.
    """
    draws = dict.fromkeys(sizes, 0)
    claims = [(-float(size), name) for name, size in sizes.items() if size]
    heapify(claims)
    for _ in range(number):
        name = claims[0][1]
        draws[name] += 1
        heapreplace(claims, (-sizes[name] / (2 * draws[name] + 1), name))
    return draws


def _sizes(frame: pl.DataFrame, strata: Mapping[str, str]) -> dict[str, int]:
    """How many organisations each stratum has."""
    named = frame.select(stratum=pl.col("org_type").replace_strict(strata, return_dtype=pl.String))
    return dict(named.group_by("stratum").len().sort("stratum").iter_rows())
