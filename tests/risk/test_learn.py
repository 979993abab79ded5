from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from crosscheck.risk.learn import learn_link, state_link
from tests.risk.invented import MODEL, NO_VISITS, YEAR, Invented, invent, visit

ITEMS = {"figure.0": (0.5, 0.0)}


def beliefs(invented: Invented, spread: float = 0.0) -> pl.DataFrame:
    """What is known of each organisation, were quality known but for `spread` of its variance."""
    noise = np.random.default_rng(3).standard_normal(len(invented.codes)) * np.sqrt(spread)
    return pl.DataFrame(
        {
            "org_code": invented.codes,
            "quality": (invented.quality + noise) / (1 + spread),
            "shading": invented.shading,
            "quality_variance": spread / (1 + spread),
            "shading_variance": 0.0,
            "covariance": 0.0,
        }
    )


def test_without_visits_the_link_is_what_experts_state() -> None:
    assert learn_link(beliefs(invent(ITEMS)), NO_VISITS, MODEL, YEAR) == state_link(MODEL)


def wide() -> object:
    link = MODEL.link.model_copy(update={"quality": 0.5, "quality_sd": 0.2, "shading": 0.1, "shading_sd": 0.2})
    prior = MODEL.prior.model_copy(update={"not_upheld_share": 0.13})
    return MODEL.model_copy(update={"link": link, "prior": prior})


def test_many_visits_by_lot_find_the_true_link_although_visitors_err() -> None:
    invented = invent(ITEMS, number=6000)
    learnt = learn_link(beliefs(invented), visit(invented, np.arange(6000.0), "random"), wide(), YEAR)  # type: ignore[arg-type]
    assert learnt.quality == pytest.approx(MODEL.link.quality, abs=0.06)
    assert learnt.shading == pytest.approx(MODEL.link.shading, abs=0.06)
    assert learnt.quality_sd < 0.05


def test_choice_by_risk_does_not_bias_what_is_learnt() -> None:
    invented = invent(ITEMS, number=6000)
    worst = np.argsort(invented.quality)[-3000:].astype(float)
    learnt = learn_link(beliefs(invented), visit(invented, worst, "risk"), wide(), YEAR)  # type: ignore[arg-type]
    assert learnt.quality == pytest.approx(MODEL.link.quality, abs=0.1)
    assert learnt.chosen == pytest.approx(0.0, abs=0.2)


def test_what_the_choosers_knew_besides_is_not_credited_to_the_items() -> None:
    invented = invent(ITEMS, number=6000)
    besides = invented.liability - MODEL.link.quality * invented.quality
    chosen = np.argsort(besides)[-1500:].astype(float)
    by_lot = np.random.default_rng(5).permutation(6000)[:3000].astype(float)
    visits = pl.concat([visit(invented, by_lot, "random"), visit(invented, chosen, "risk", seed=8)])
    learnt = learn_link(beliefs(invented), visits, wide(), YEAR)  # type: ignore[arg-type]
    assert learnt.chosen > 0.5
    assert learnt.quality == pytest.approx(MODEL.link.quality, abs=0.12)


def test_the_interval_of_the_link_covers_the_truth_nine_times_in_ten() -> None:
    covered = 0
    for seed in range(40):
        invented = invent(ITEMS, number=600, seed=seed)
        by_lot = np.random.default_rng(seed).permutation(600)[:300].astype(float)
        learnt = learn_link(beliefs(invented, 0.3), visit(invented, by_lot, "random", seed=seed), wide(), YEAR)  # type: ignore[arg-type]
        covered += abs(learnt.quality - MODEL.link.quality) < 1.645 * learnt.quality_sd
    assert 31 <= covered <= 40


def test_a_former_year_teaches_less_than_this_one() -> None:
    invented = invent(ITEMS, number=300)
    everybody = np.arange(300.0)
    now, then = (
        learn_link(beliefs(invented), visit(invented, everybody, "random", year), MODEL, YEAR)
        for year in (YEAR, "2005/06")
    )
    assert now.quality_sd < then.quality_sd < MODEL.link.quality_sd * 1.05


def test_the_order_of_visits_changes_nothing() -> None:
    invented = invent(ITEMS, number=300)
    visits = visit(invented, np.arange(300.0), "random")
    assert learn_link(beliefs(invented), visits, MODEL, YEAR) == learn_link(
        beliefs(invented), visits.reverse(), MODEL, YEAR
    )
