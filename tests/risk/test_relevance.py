"""Which figures say anything: figures drawn at random move nobody, and real ones keep what they say beside them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from crosscheck.risk.estimate import estimate_risk
from crosscheck.risk.factors import fit_loadings
from crosscheck.risk.items import ITEMS
from crosscheck.risk.relevance import Seen, find_irrelevant
from crosscheck.standard import Standard
from tests.risk.invented import MODEL, Floats, invent
from tests.risk.known import YEAR, Listed, risk_numbers

ANSWERS = {f"answer.{number:02}": (0.35, -0.3) for number in range(12)}
FIGURES = {f"figure.{letter}": (0.45, 0.0) for letter in "abcdef"}


def seen(found: float, sd: float, stated: float = 0.35, stated_sd: float = 0.12, *, of_others: bool = True) -> Seen:
    """One item that the search held to what is stated."""
    one = [np.array([value]) for value in (stated, stated_sd, found, sd, stated, stated_sd**-2)]
    return Seen(np.array([of_others]), *one)


def relevance(item: Seen) -> float:
    return float(find_irrelevant(item, MODEL.estimation)[0])


def test_a_loading_near_what_is_stated_is_taken_for_one_that_says_something() -> None:
    assert relevance(seen(0.3, 0.05)) > 0.99


def test_a_loading_near_nothing_is_taken_for_one_that_says_nothing() -> None:
    # The search was held to .35: that it found .08 all the same means that the evidence alone says next to nothing.
    assert relevance(seen(0.08, 0.05)) < 0.05


def test_relevance_rises_with_the_loading_that_was_found() -> None:
    rising = [relevance(seen(found, 0.05)) for found in np.linspace(0.05, 0.35, 20)]
    assert (np.diff(rising) >= 0).all()
    assert rising[-1] - rising[0] > 0.9


def test_where_the_evidence_says_nothing_the_stated_share_decides() -> None:
    item = seen(0.35, 0.12 * (1 - 1e-9))
    odds = (1 - MODEL.estimation.irrelevant_share) / MODEL.estimation.irrelevant_share
    assert relevance(item) == pytest.approx(odds**2 / (1 + odds**2), abs=0.05)


@pytest.mark.parametrize("spared", [{"of_others": False}, {"stated": 0.2, "stated_sd": 0.1}], ids=["own", "little"])
def test_own_accounts_and_what_little_is_stated_of_are_not_judged(spared: dict[str, float]) -> None:
    assert relevance(seen(0.0, 0.05, **spared)) == 1.0  # type: ignore[arg-type]


def test_random_figures_take_nothing_from_what_the_real_ones_say() -> None:
    noise = {f"figure.noise.{number:02}": (0.0, 0.0) for number in range(50)}
    learnt = {}
    for name, names in (("alone", ANSWERS | FIGURES), ("beside", ANSWERS | FIGURES | noise)):
        evidence = invent(names, number=400).build_item_table()
        learnt[name] = fit_loadings(evidence, MODEL).quality
        real = evidence.items["item"].is_in(list(ANSWERS | FIGURES)).to_numpy()
        if name == "beside":
            assert np.median(learnt[name][~real]) < 0.002
            learnt[name] = learnt[name][real]
    assert learnt["alone"].mean() == pytest.approx(learnt["beside"].mean(), abs=0.02)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_fifty_random_figures_of_which_much_is_stated_move_nobody_by_more_than_five_points(
    national: Listed, standard: Standard, seed: int
) -> None:
    known = national.known
    before = risk_numbers(estimate_risk(known, standard.risk, YEAR))
    beside = pl.concat([known.items, random_figures(known.items, seed)]).sort("item", "org_code")
    after = risk_numbers(estimate_risk(replace(known, items=beside), standard.risk, YEAR))
    moved: Floats = np.abs(after - before)
    assert 0 < moved.max() <= 0.05


def random_figures(items: pl.DataFrame, seed: int) -> pl.DataFrame:
    """Fifty figures of which as much is stated as of the first figure of high relevance."""
    codes, drawn = items["org_code"].unique().sort(), np.random.default_rng(seed)
    like = items.filter(pl.col("prior") == "figures.high").drop("org_code", "item", "z", "group").head(1)
    scores = [
        pl.DataFrame({"org_code": codes, "z": drawn.standard_normal(len(codes))}).with_columns(
            item=pl.lit(f"figure.noise.{number:02}"), group=pl.lit("noise")
        )
        for number in range(50)
    ]
    return pl.concat(scores).join(like, how="cross").select(ITEMS.names()).cast(dict(items.schema))
