"""The draws behind intervals of risks and ranks, by a slow computation of its own: part by part, draw by draw."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from statistics import median

import numpy as np
import polars as pl
import pytest
from scipy.optimize import brentq
from scipy.special import expit, logit, ndtri

from crosscheck.risk.estimate import Risk
from crosscheck.risk.intervals import draw_risks, normal, rank_declarations
from crosscheck.risk.weights import PROBIT
from crosscheck.vocabulary import POOL
from tests.risk.invented import MODEL, Floats, declarations, invent
from tests.risk.known import estimate
from tests.risk.test_evidence import MANY, known

NUMBER, DECIBANS = MODEL.intervals.draws, 10 / math.log(10)
ITEMS = ("answers", "figures", "comments", "history", "facts")
MOST = 0.95**2


@dataclass(frozen=True)
class Slowly:
    """Decibans by organisation and draw: of the number, and with quality known."""

    codes: list[str]
    number: Floats
    place: Floats


def factor(name: str, relative: float) -> Floats:
    scale = math.sqrt(math.log1p(min(relative, 2.0) ** 2))
    drawn: Floats = np.exp(scale * normal(f"part {name}", NUMBER) - scale**2 / 2)
    return drawn


def draw_slowly(risk: Risk) -> Slowly:
    """Everybody declares compliance, answered everything, was not visited."""
    polarity_warnings: dict[str, list[float]] = defaultdict(list)
    for part, decibans, sd in risk.parts.select("part", "decibans", "sd").iter_rows():
        if decibans:
            polarity_warnings[part].append(sd / abs(decibans))
    of_items: dict[str, Floats] = defaultdict(lambda: np.zeros(NUMBER))
    of_others: dict[str, Floats] = defaultdict(lambda: np.zeros(NUMBER))
    for code, family, part, decibans in risk.parts.select("org_code", "family", "part", "decibans").iter_rows():
        if family != "prior" and decibans:
            into = of_items if family in ITEMS else of_others
            into[code] = into[code] + decibans * factor(part, median(polarity_warnings[part]))
    stated = risk.from_visits.link
    link = np.clip(stated + risk.from_visits.link_sd * normal("link", NUMBER), 0, 0.95)
    share = np.clip(risk.prevalence.share + risk.prevalence.sd * normal("prevalence", NUMBER), 0.005, 0.995)
    steeper = link / np.sqrt(1 - link**2) / (stated / math.sqrt(1 - stated**2))
    before, places = [], []
    for code, held in risk.weighed.declarations.select("org_code", "known").iter_rows():
        share_known = np.minimum(held * (link / stated) ** 2, MOST)
        away = PROBIT * ndtri(share) * (1 / np.sqrt(1 - share_known) - 1)
        said = of_items[code] * steeper + of_others[code]
        before.append(said + away)
        knowable = np.minimum(np.maximum(link**2, share_known), MOST)
        unseen = PROBIT * np.sqrt(np.maximum(knowable - share_known, 0) / (1 - knowable))
        stretch = np.sqrt((1 - share_known) / (1 - knowable))
        places.append(said * stretch + unseen * normal(f"quality of {code}", NUMBER))
    drawn = np.array(before)
    levels = [
        brentq(lambda level, at=at: expit((drawn[:, at] + level) / DECIBANS).mean() - share[at], -300, 300, xtol=1e-11)
        for at in range(NUMBER)
    ]
    return Slowly(risk.weighed.declarations["org_code"].to_list(), drawn + np.array(levels), np.array(places))


@pytest.fixture(scope="module")
def risk() -> Risk:
    """Eighty trusts, of whom every third has a check that adds something."""
    whole = estimate(known(invent(MANY, number=80)), MODEL)
    check = whole.parts.filter(pl.col("part") == "prior").gather_every(3)
    added = check.with_columns(
        family=pl.lit("checks"), part=pl.lit("C-1"), decibans=pl.lit(4.0), worth=pl.lit(4.0), sd=pl.lit(1.5)
    )
    return Risk(**vars(whole) | {"parts": pl.concat([whole.parts, added])})


@pytest.fixture(scope="module")
def slowly(risk: Risk) -> Slowly:
    return draw_slowly(risk)


def test_the_drawn_risks_are_those_of_the_slow_computation(risk: Risk, slowly: Slowly) -> None:
    drawn = draw_risks(declarations(slowly.codes), risk, MODEL)
    assert drawn["org_code"].to_list() == slowly.codes
    assert np.abs(drawn["drawn"].to_numpy() - expit(slowly.number / DECIBANS)).max() < 1e-6
    assert logit(drawn["drawn"].to_numpy()).std(axis=1).min() > 0.1


def test_ranks_dots_and_who_is_among_the_first_are_those_of_the_slow_computation(risk: Risk, slowly: Slowly) -> None:
    cases = declarations(slowly.codes)
    pools = cases.select("org_code", "function", pool=pl.lit("to_visit", POOL))
    ranked = rank_declarations(cases, risk, MODEL, pools, capacity=10)
    listed = ranked.declarations.sort("org_code")
    ranks = (-slowly.place).argsort(axis=0).argsort(axis=0) + 1
    low, high = np.quantile(ranks, [0.05, 0.95], axis=1)
    own = listed["rank"].to_numpy()
    assert listed["rank_low"].to_list() == np.minimum(np.floor(low), own).astype(int).tolist()
    assert listed["rank_high"].to_list() == np.maximum(np.ceil(high), own).astype(int).tolist()
    assert listed["among_capacity"].to_list() == pytest.approx((ranks <= 10).mean(axis=1).tolist())
    dots = ranked.places.sort("org_code", "dot").group_by("org_code", maintain_order=True).agg("place")
    by_hand = np.quantile(ranks, (np.arange(20) + 0.5) / 20, axis=1).round().T.astype(int)
    assert dots["place"].to_list() == by_hand.tolist()
