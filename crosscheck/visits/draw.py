"""The random draw: one ticket an organisation; who has the smallest tickets is drawn.

A ticket is SHA-256 of the public value, the assessment year and the organisation's code. So anybody can repeat the draw
by hand; whoever enters or leaves the frame changes nobody else's ticket.
"""

from __future__ import annotations

import hashlib
import unicodedata
from dataclasses import dataclass
from heapq import heapify, heapreplace
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

DRAW: Final = pl.Schema(
    {
        "org_code": pl.String(),
        "stratum": pl.String(),
        "ticket": pl.String(),
        "inclusion_probability": pl.Float64(),
        "weight": pl.Float64(),
        "drawn": pl.Boolean(),
    }
)
FRAME: Final = pl.Schema({name: kind for name, kind in DRAW.items() if name not in ("ticket", "drawn")})
JOINT: Final = pl.Schema({"stratum": pl.String(), "other": pl.String(), "joint_probability": pl.Float64()})
WHOLE: Final = "*"  # the draws of all strata together, where they are not drawn one by one

_BETWEEN: Final = "|"  # U+007C
_JOINED: Final = "+"
_FEWEST: Final = 2  # draws in a stratum: with one there is no variance to estimate
_DIGITS: Final = 13  # of a ticket: 52 bits, as many as a number has in any language


@dataclass(frozen=True)
class Frame:
    """Who takes part in the random draw and with which chance, before any value is known.

    Attributes:
        organisations: `FRAME`, by `org_code`. The chance of an organisation to be drawn is `inclusion_probability`; its
            ticket is divided by `weight` (1 in two arms) before tickets are compared.
        draws: how many are drawn: of each stratum, or of `WHOLE`, all strata together.
        joint: `JOINT`, one row a pair of strata: the chance that two different organisations, one of each, are both
            drawn. Null within a stratum of one. A pair of strata stands once, in alphabetical order.
    """

    organisations: pl.DataFrame
    draws: Mapping[str, int]
    joint: pl.DataFrame

    @property
    def number(self) -> int:
        """How many are drawn in all."""
        return sum(self.draws.values())


def ticket(value: str, year: str, org_code: str) -> str:
    """The ticket of an organisation: 64 hexadecimal digits.

    SHA-256 over the UTF-8 of the three texts, each in Unicode normal form C without spaces at its ends, joined by
    U+007C.
    """
    joined = _BETWEEN.join(unicodedata.normalize("NFC", text).strip() for text in (value, year, org_code))
    return hashlib.sha256(joined.encode()).hexdigest()


def stratify(organisations: pl.DataFrame, number: int) -> Frame:
    """Lay out a random sample that is spread over the types of organisation.

    In a stratum of N organisations with n draws those with the n smallest tickets are drawn: a simple random sample
    (Cochran 1977, Sampling Techniques). Each has the chance n / N and each pair n(n - 1) / (N(N - 1)), exactly; strata
    are drawn apart from each other. One organisation that enters or leaves replaces at most one that was drawn, unless
    it joins or parts strata.

    Args:
        organisations: one row an organisation: `org_code`, `org_type`.
        number: how many to draw; all, if there are no more.
    """
    if organisations.is_empty():
        return Frame(FRAME.to_frame(), {}, JOINT.to_frame())
    wanted = max(min(number, organisations.height), 0)
    types = organisations.group_by("org_type").len().sort("org_type")
    # A stratum with one draw has no variance that can be estimated: types are joined until each has two.
    strata = join_strata(dict(types.iter_rows()), wanted)
    named = organisations.select("org_code", stratum=pl.col("org_type").replace_strict(strata, return_dtype=pl.String))
    sizes = dict(named.group_by("stratum").len().sort("stratum").iter_rows())
    draws = allocate(sizes, wanted)
    chance = pl.col("stratum").replace_strict(draws, return_dtype=pl.Float64) / pl.len().over("stratum")
    listed = named.with_columns(inclusion_probability=chance, weight=pl.lit(1.0))
    return Frame(listed.select(FRAME.names()).cast(FRAME).sort("org_code"), draws, join_apart(sizes, draws))


def draw_from(frame: Frame, value: str, year: str) -> pl.DataFrame:
    """Draw with a value: order sampling with the tickets as permanent random numbers.

    The first 13 digits of a ticket are a number u between 0 and 1; (u / (1 - u)) / weight orders the organisations, and
    the smallest are drawn (Pareto sampling, Rosén 1997; with equal weights the smallest tickets). Where two are equal
    the whole ticket decides.

    Args:
        frame: who takes part.
        value: the value that decides the draw, as text.
        year: the assessment year.

    Returns:
        `DRAW`, by `org_code`: one row an organisation, drawn or not, with the chance that it had.
    """
    listed = frame.organisations
    if listed.is_empty():
        return DRAW.to_frame()
    tickets = pl.Series("ticket", [ticket(value, year, code) for code in listed["org_code"]], dtype=pl.String)
    # Half a step is added so that no ticket stands for exactly 0 or 1, where the odds have no value.
    number = (tickets.str.slice(0, _DIGITS).str.to_integer(base=16).cast(pl.Float64) + 0.5) / 2.0**52
    drawn_of = pl.lit(WHOLE) if WHOLE in frame.draws else pl.col("stratum")
    return (
        listed.with_columns(tickets, order=(number / (1 - number)) / listed["weight"], drawn_of=drawn_of)
        .with_columns(place=pl.struct("order", "ticket", "org_code").rank("ordinal").over("drawn_of"))
        .with_columns(drawn=pl.col("place") <= pl.col("drawn_of").replace_strict(frame.draws, return_dtype=pl.Int64))
        .select(DRAW.names())
        .cast(DRAW)
        .sort("org_code")
    )


def read_frame(draw: pl.DataFrame, joint: pl.DataFrame, kind: str) -> Frame:
    """The frame that a draw was made from.

    Args:
        draw: `DRAW`, as a run keeps it.
        joint: `JOINT`, as a run keeps it.
        kind: of the design; an adaptive one draws all strata together.
    """
    group = pl.lit(WHOLE) if kind == "adaptive" else pl.col("stratum")
    counted = draw.group_by(group.alias("group")).agg(pl.col("drawn").sum()).sort("group")
    organisations = draw.select(FRAME.names()).cast(FRAME).sort("org_code")
    return Frame(organisations, dict(counted.iter_rows()), joint.cast(JOINT))


def join_matrix(frame: Frame) -> NDArray[np.float64]:
    """The joint chances of strata as a matrix, in alphabetical order; NaN within a stratum of one."""
    strata = frame.organisations["stratum"].unique().sort()
    there = frame.joint.with_columns(pl.col("joint_probability").fill_null(float("nan")))
    places = dict(zip(strata, range(strata.len()), strict=True))
    matrix = np.zeros((strata.len(), strata.len()))
    if there.is_empty():
        return matrix
    one, other = (there[name].replace_strict(places, return_dtype=pl.Int64).to_numpy() for name in JOINT.names()[:2])
    matrix[one, other] = matrix[other, one] = there["joint_probability"].to_numpy()
    return matrix


def leave_visited(frame: Frame, visited: Sequence[str]) -> Frame:
    """The frame as it is while only some of those drawn have been visited: their chances, and those of pairs.

    Which of those drawn together have been visited so far must not depend on what a visit would find. They are then a
    simple random part of the draw, so that each chance is multiplied by m / n and that of two drawn together by
    m(m - 1) / (n(n - 1)).

    Args:
        frame: who took part, with `draws` in all.
        visited: the organisations visited, each of them drawn.

    Returns:
        The frame with the number visited as `draws`; where nobody was visited the chance is 0.
    """
    if frame.organisations.is_empty():
        return frame
    group = pl.lit(WHOLE) if WHOLE in frame.draws else pl.col("stratum")
    counted = frame.organisations.filter(pl.col("org_code").is_in(list(visited))).group_by(group.alias("group")).len()
    draws = dict.fromkeys(frame.draws, 0) | dict(counted.sort("group").iter_rows())
    part = {name: draws[name] / max(drawn, 1) for name, drawn in frame.draws.items()}
    two = {name: part[name] * max(draws[name] - 1, 0) / max(drawn - 1, 1) for name, drawn in frame.draws.items()}
    one_group = pl.lit(WHOLE in frame.draws) | (pl.col("stratum") == pl.col("other"))
    first, second = (
        (pl.lit(WHOLE) if WHOLE in frame.draws else pl.col(name)).replace_strict(part, return_dtype=pl.Float64)
        for name in ("stratum", "other")
    )
    both = pl.when(one_group).then(group.replace_strict(two, return_dtype=pl.Float64)).otherwise(first * second)
    chance = pl.col("inclusion_probability") * group.replace_strict(part, return_dtype=pl.Float64)
    return Frame(
        frame.organisations.with_columns(inclusion_probability=chance),
        draws,
        frame.joint.with_columns(joint_probability=pl.col("joint_probability") * both),
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
        # Draws are allocated anew after each join: a joined stratum may take one from another.
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
    # A heap of claims: sharing out draws one by one is the definition of the method, and still quick.
    claims = [(-float(size), name) for name, size in sizes.items() if size]
    heapify(claims)
    for _ in range(number):
        name = claims[0][1]
        draws[name] += 1
        heapreplace(claims, (-sizes[name] / (2 * draws[name] + 1), name))
    return draws


def join_apart(sizes: Mapping[str, int], draws: Mapping[str, int]) -> pl.DataFrame:
    """The joint chances of a simple random sample of each stratum."""
    strata = pl.DataFrame(
        {"stratum": list(sizes), "size": list(sizes.values()), "drawn": [draws[name] for name in sizes]},
        schema={"stratum": pl.String, "size": pl.Float64, "drawn": pl.Float64},
    )
    pairs = strata.join(strata.rename({"stratum": "other"}), how="cross").filter(pl.col("stratum") <= pl.col("other"))
    chance, size, drawn = pl.col("drawn") / pl.col("size"), pl.col("size"), pl.col("drawn")
    within = pl.when(size > 1).then(chance * (drawn - 1) / (size - 1))
    across = chance * pl.col("drawn_right") / pl.col("size_right")
    joint = pl.when(pl.col("stratum") == pl.col("other")).then(within).otherwise(across)
    return pairs.select("stratum", "other", joint_probability=joint).cast(JOINT).sort("stratum", "other")
