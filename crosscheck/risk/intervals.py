"""Rank, and how sure: of the number, and of the place. Two uncertainties that are never mixed.

The number is the probability that the standard is in truth not met; its interval says what is not known of the model's
parameters: loadings, link, the weights of checks, the share in truth wrong. The level is solved anew in each draw, and
a weight that is zero stays zero. The place depends, besides, on the organisation's quality, which nobody sees: its
interval, and the probability to be among the first, say what that leaves open.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl
from scipy.special import ndtri

from crosscheck.risk.evidence import NATS_IN_DECIBANS, lift_silence, probability, silence, solve_level
from crosscheck.risk.learning import slope_of_link
from crosscheck.risk.weights import PROBIT
from crosscheck.vocabulary import MET

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy.typing as npt

    from crosscheck.risk.estimate import Risk
    from crosscheck.risk.model import RiskModel
    from crosscheck.risk.weights import Weighed

    Floats = npt.NDArray[np.float64]
    Ranks = npt.NDArray[np.int64]

TO_VISIT: Final = "to_visit"
_KEYS: Final = ("org_code", "function")
_ITEMS: Final = ("answers", "figures", "comments", "history", "facts")
_DOTS: Final = 20
_LEAST_SHARE: Final = 0.005
_MOST_LINK: Final = 0.95


@dataclass(frozen=True)
class Ranked:
    """The declarations in order.

    Attributes:
        declarations: one row a declaration, first to visit first: `rank`, `pool`, `decibans`, `risk`, `risk_low`,
            `risk_high`, `rank_low`, `rank_high`, `among_capacity` (the probability that its organisation is among the
            first that can be visited; null outside `to_visit`).
        places: one row a declaration to visit and one of twenty equally likely places: `dot` from 1, `place` within the
            pool.
    """

    declarations: pl.DataFrame
    places: pl.DataFrame


@dataclass(frozen=True)
class _Draws:
    """Log-odds in decibans, declarations in the rows, draws in the columns: of the number, and with quality known."""

    number: Floats
    place: Floats


def rank_declarations(cases: pl.DataFrame, risk: Risk, model: RiskModel, pools: pl.DataFrame, capacity: int) -> Ranked:
    """Order declarations within their pools by the sum of their parts, with intervals of risk and of rank.

    Args:
        cases: one row a declaration.
        risk: all parts, how much is known of each declaration, the link and the share in truth wrong with their
            standard deviations.
        model: how many draws, and how wide an interval.
        pools: one row a declaration: `org_code`, `function`, `pool`.
        capacity: how many organisations can be visited.

    Returns:
        Equal sums are ordered by `org_code`, `function`, so that two runs give the same list. Draws are made by the
        name of each part, so that no part's draw depends on which others there are.
    """
    totals = _order(risk.parts, pools)
    draws = _draw(_about(totals, cases, risk.weighed, model), risk, model)
    tail = (1 - model.intervals.interval) / 2
    low, high = np.quantile(probability(draws.number), [tail, 1 - tail], axis=1)
    # For ranks quality itself is drawn as well: two equal risks of which much and little is known differ in rank.
    ranks = _rank_within(draws.place, totals["pool"])
    rank_low, rank_high = np.quantile(ranks, [tail, 1 - tail], axis=1)
    among = _among_capacity(draws.place, totals, capacity)
    listed = totals.with_columns(
        risk=pl.Series(probability(totals["decibans"].to_numpy())),
        risk_low=pl.Series(low),
        risk_high=pl.Series(high),
        rank_low=pl.Series(np.floor(rank_low)).cast(pl.Int64),
        rank_high=pl.Series(np.ceil(rank_high)).cast(pl.Int64),
        among_capacity=pl.Series(among, dtype=pl.Float64, nan_to_null=True),
    ).with_columns(
        pl.min_horizontal("risk_low", "risk"),
        pl.max_horizontal("risk_high", "risk"),
        pl.min_horizontal("rank_low", "rank"),
        pl.max_horizontal("rank_high", "rank"),
    )
    return Ranked(listed, _places(totals, ranks))


def draw_risks(cases: pl.DataFrame, risk: Risk, model: RiskModel) -> pl.DataFrame:
    """The risk of each declaration with all parameters drawn, as the intervals of `rank_declarations` have it.

    Returns:
        One row a declaration: `org_code`, `function`, `drawn` (an array: its risk in each draw). A draw is the same for
        all declarations, so that the sum over a group in each draw says how sure the group's number of lapses is.
    """
    totals = _sum_parts(risk.parts).sort(_KEYS)
    drawn = probability(_draw(_about(totals, cases, risk.weighed, model), risk, model).number)
    array = pl.Array(pl.Float64, model.intervals.draws)
    return totals.select(*(pl.col(key).cast(pl.String) for key in _KEYS), drawn=pl.Series(drawn, dtype=array))


def _sum_parts(parts: pl.DataFrame) -> pl.DataFrame:
    return parts.group_by(_KEYS).agg(decibans=pl.col("decibans").sum().round(6))


def _order(parts: pl.DataFrame, pools: pl.DataFrame) -> pl.DataFrame:
    """`pool`, `decibans` and `rank` of each declaration, in order."""
    return (
        _sum_parts(parts)
        .join(pools.with_columns(pl.col("function").cast(pl.String)), on=_KEYS)
        .sort("pool", "decibans", *_KEYS, descending=[False, True, False, False])
        .with_row_index("rank", offset=1)
        .with_columns(pl.col("rank").cast(pl.Int64))
    )


def _about(totals: pl.DataFrame, cases: pl.DataFrame, weighed: Weighed, model: RiskModel) -> pl.DataFrame:
    """What else the draws need of each declaration, in the order of the totals."""
    statuses = cases.select(
        "org_code",
        pl.col("function").cast(pl.String),
        status=pl.col("declared.status").cast(pl.String),
        silent=silence(model),
    )
    known = weighed.declarations.select("org_code", pl.col("function").cast(pl.String), "known", "spread")
    return (
        totals.join(statuses, on=_KEYS, how="left", maintain_order="left")
        .join(known, on=_KEYS, how="left", maintain_order="left")
        .with_columns(pl.col("known", "spread").fill_null(0.0))
    )


def _draw(about: pl.DataFrame, risk: Risk, model: RiskModel) -> _Draws:
    parts, from_visits, prevalence, number = risk.parts, risk.from_visits, risk.prevalence, model.intervals.draws
    evidence = parts.filter(pl.col("family").is_in(["prior"]).not_() & (pl.col("part") != "no return"))
    of_items = _sum_draws(evidence.filter(pl.col("family").is_in(_ITEMS)), about, number)
    of_others = _sum_draws(
        evidence.filter(pl.col("family").is_in(_ITEMS).not_() & (pl.col("family") != "visited")), about, number
    )
    of_visits = _sum_draws(evidence.filter(pl.col("family") == "visited"), about, number)
    link = np.clip(from_visits.link + from_visits.link_sd * normal("link", number), 0.0, _MOST_LINK)
    shares = np.clip(prevalence.share + prevalence.sd * normal("prevalence", number), _LEAST_SHARE, 1 - _LEAST_SHARE)
    # Everything that depends on the link is rescaled in each draw: else its uncertainty would leave the ranks alone.
    steeper = _steeper(link, from_visits.link)
    known = np.minimum(about["known"].to_numpy()[:, None] * _squared_ratio(link, from_visits.link), _MOST_LINK**2)
    threshold = -_probit(shares)
    spread = -PROBIT * threshold * (1 / np.sqrt(1 - known) - 1)
    before = of_items * steeper + spread + of_others
    silent, compliant = about["silent"].to_numpy(), about["status"].is_in(MET).to_numpy()
    level = solve_level(before, silent, compliant, shares)
    average = np.log(shares / (1 - shares)) * NATS_IN_DECIBANS
    counted = lift_silence(before + level, silent[:, None], average) + of_visits
    knowable = np.maximum(link[None, :] ** 2, known)
    stretch = np.sqrt((1 - known) / (1 - np.minimum(knowable, _MOST_LINK**2)))
    open_sd = PROBIT * np.sqrt(np.maximum(knowable - known, 0.0) / (1 - np.minimum(knowable, _MOST_LINK**2)))
    quality = np.stack([normal(f"quality of {code}", number) for code in about["org_code"]])
    place = (of_items * steeper + of_others) * stretch + open_sd * quality + of_visits
    return _Draws(counted, place)


def _steeper(link: Floats, from_visits: float) -> Floats:
    return slope_of_link(link, max(from_visits, 1e-3))


def _squared_ratio(link: Floats, from_visits: float) -> Floats:
    return np.square(link / max(from_visits, 1e-3))


def _probit(shares: Floats) -> Floats:
    return np.asarray(ndtri(shares), dtype=np.float64)


def normal(name: str, number: int) -> Floats:
    """Standard normal draws that depend on the name alone."""
    seed = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big")
    return np.random.default_rng(seed).standard_normal(number)


def _sum_draws(parts: pl.DataFrame, about: pl.DataFrame, number: int) -> Floats:
    """The sum of these parts in each draw: all declarations share a draw of a part's weight, which keeps its sign.

    A part's weight is drawn in proportion to it: at least zero, so that no draw turns its direction.
    """
    names = parts["part"].unique().sort()
    rows = about.select(_KEYS).with_row_index("row")
    placed = parts.select(*_KEYS, "part", "decibans", "sd").join(rows, on=_KEYS)
    places = placed["row"].to_numpy(), names.search_sorted(placed["part"]).to_numpy()
    matrix = np.zeros((about.height, names.len()))
    np.add.at(matrix, places, placed["decibans"].to_numpy())
    # One relative spread per part: a weight is wrong for all declarations at once, so one draw serves them all.
    relative = (
        placed.filter(pl.col("decibans") != 0)
        .group_by("part")
        .agg(relative=(pl.col("sd") / pl.col("decibans").abs()).median())
    )
    spread = pl.DataFrame({"part": names}).join(relative, on="part", how="left", maintain_order="left")["relative"]
    factors = _factors(names, spread.fill_null(0.0), number)
    drawn: Floats = matrix @ factors if names.len() else np.zeros((about.height, number))
    return drawn


def _factors(names: Iterable[str], relative: pl.Series, number: int) -> Floats:
    """Log-normal factors of mean 1 with the standard deviation of each part, relative to it."""
    scale = np.sqrt(np.log1p(np.square(np.minimum(relative.to_numpy(), 2.0))))
    standard = np.stack([normal(f"part {name}", number) for name in names]) if len(relative) else np.zeros((0, number))
    factors: Floats = np.exp(scale[:, None] * standard - scale[:, None] ** 2 / 2)
    return factors


def _rank_within(place: Floats, pools: pl.Series) -> Ranks:
    """The rank of each declaration in each draw, its pool behind the pools before it."""
    ranks = np.empty(place.shape, dtype=np.int64)
    before = 0
    for pool in pools.unique(maintain_order=True):
        rows = np.flatnonzero((pools == pool).to_numpy())
        order = np.argsort(-place[rows].T, axis=1, kind="stable")
        within = np.empty(order.shape, dtype=np.int64)
        np.put_along_axis(within, order, np.arange(1, order.shape[1] + 1)[None, :], axis=1)
        ranks[rows] = before + within.T
        before += len(rows)
    return ranks


def _among_capacity(place: Floats, totals: pl.DataFrame, capacity: int) -> Floats:
    """How often the organisation is among the first so many to visit; NaN for what is not to be visited."""
    among = np.full(totals.height, math.nan)
    rows = np.flatnonzero((totals["pool"] == TO_VISIT).to_numpy())
    if not rows.size:
        return among
    codes, of_row = np.unique(totals["org_code"].to_numpy()[rows], return_inverse=True)
    worst = np.full((len(codes), place.shape[1]), -np.inf)
    np.maximum.at(worst, of_row, place[rows])
    order = np.argsort(-worst.T, axis=1, kind="stable")
    ranks = np.empty(order.shape, dtype=np.int64)
    np.put_along_axis(ranks, order, np.arange(1, len(codes) + 1)[None, :], axis=1)
    among[rows] = (ranks <= capacity).mean(axis=0)[of_row]
    return among


def _places(totals: pl.DataFrame, ranks: Ranks) -> pl.DataFrame:
    """Twenty equally likely places of each declaration to visit."""
    rows = np.flatnonzero((totals["pool"] == TO_VISIT).to_numpy())
    levels = (np.arange(_DOTS) + 0.5) / _DOTS
    dots = np.quantile(ranks[rows], levels, axis=1).round().astype(np.int64) if rows.size else np.zeros((_DOTS, 0), int)
    return pl.DataFrame(
        {
            "org_code": np.repeat(totals["org_code"].to_numpy()[rows], _DOTS),
            "function": np.repeat(totals["function"].to_numpy()[rows], _DOTS),
            "dot": np.tile(np.arange(1, _DOTS + 1), len(rows)),
            "place": dots.T.ravel(),
        },
        schema={"org_code": pl.String, "function": pl.String, "dot": pl.Int64, "place": pl.Int64},
    )
