from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from crosscheck.risk.items import TARGET
from crosscheck.risk.quality import Quality, measure_quality
from tests.risk.invented import MODEL, NO_VISITS, YEAR, Invented, invent

MANY = {f"answer.{number:02}": (0.4, -0.3) for number in range(30)} | {
    f"figure.{number}": (0.4, 0.0) for number in range(8)
}


def measured(invented: Invented, *, learns: bool = True) -> Quality:
    return measure_quality(invented.items, NO_VISITS, MODEL.model_copy(update={"learns": learns}), YEAR)


def loading(quality: Quality, item: str, of: str = "quality") -> float:
    return float(quality.loadings.filter(pl.col("item") == item)[of].item())


def test_the_loadings_of_an_invented_truth_are_found_again() -> None:
    quality = measured(invent(MANY | {"answer.noise": (0.0, 0.0), "answer.telling": (0.7, -0.1)}, number=1500))
    assert loading(quality, "answer.telling") == pytest.approx(0.7, abs=0.1)
    assert loading(quality, "answer.noise") == pytest.approx(0.0, abs=0.1)
    figures = [loading(quality, f"figure.{number}") for number in range(8)]
    assert np.mean(figures) == pytest.approx(0.4, abs=0.07)
    shading = [loading(quality, f"answer.{number:02}", "shading") for number in range(30)]
    assert np.mean(shading) == pytest.approx(-0.3, abs=0.1)


def test_a_figure_that_goes_along_with_nothing_weighs_next_to_nothing() -> None:
    quality = measured(invent(MANY | {"figure.noise": (0.0, 0.0)}, number=800))
    weights = dict(quality.shares.group_by("item").agg(pl.col("adds").abs().mean()).iter_rows())
    assert weights["figure.noise"] < 0.35 * np.mean([weights[f"figure.{number}"] for number in range(8)])


def test_the_shares_of_all_items_add_up_to_what_is_expected_and_known() -> None:
    quality = measured(invent(MANY, missing=0.2))
    sums = quality.shares.group_by("org_code").agg(pl.col("adds", "tells").sum())
    held = sums.join(quality.organisations, on="org_code")
    assert held.height == 400
    assert held.select((pl.col("adds") - pl.col("mean")).abs().max()).item() < 1e-9
    assert held.select((pl.col("tells") - pl.col("known")).abs().max()).item() < 1e-9


def test_who_answers_less_is_known_less_and_drawn_towards_the_average() -> None:
    invented = invent(MANY)
    silent = invented.codes[0]
    fewer = invented.items.filter((pl.col("org_code") != silent) | (pl.col("item") == "figure.0"))
    quality = measure_quality(fewer, NO_VISITS, MODEL, YEAR)
    known = dict(quality.organisations.select("org_code", "known").iter_rows())
    assert 0 < known[silent] < 0.5 * known[invented.codes[1]]


def test_what_is_expected_is_as_sure_as_it_is_said_to_be() -> None:
    invented = invent(MANY, number=2000)
    quality = measured(invented)
    link = MODEL.link
    explained = link.quality * invented.quality + link.shading * invented.shading
    mean = quality.organisations["mean"].to_numpy()
    known = quality.organisations["known"].mean()
    assert np.cov(mean, explained)[0, 1] / mean.var() == pytest.approx(1.0, abs=0.15)
    assert mean.var() == pytest.approx(known, rel=0.25)


def test_a_board_that_answers_better_than_others_find_is_taken_to_shade() -> None:
    items = MANY | {"answer.fact": (0.3, -0.4), "figure.fact": (0.3, 0.0)}
    invented = invent(items, number=800, groups={"answer.fact": "fact x", "figure.fact": "fact x"})
    quality = measured(invented)
    stand = {name: invented.items.filter(pl.col("item") == name)["z"].to_numpy() for name in items}
    gap = stand["figure.fact"] - stand["answer.fact"]
    worst, best = np.argsort(gap)[-100:], np.argsort(gap)[:100]
    mean = quality.organisations["mean"].to_numpy()
    assert mean[worst].mean() > mean[best].mean() + 0.2


def test_items_of_one_group_count_less_than_as_many_apart() -> None:
    names = [f"answer.{number:02}" for number in range(12)]
    alike = invent(MANY, number=800, groups=dict.fromkeys(names, "a section"))
    apart = invent(MANY, number=800)
    told = [measured(one).shares.filter(pl.col("item").is_in(names))["tells"].sum() for one in (alike, apart)]
    assert told[0] < told[1]


def test_many_items_of_one_group_do_not_make_it_surer_than_it_is() -> None:
    alike = {f"figure.alike_{number}": (0.2, 0.0) for number in range(25)}
    apart = {f"figure.{number}": (0.5, 0.0) for number in range(8)}
    invented = invent(apart | alike, number=1500, groups=dict.fromkeys(alike, "one source"))
    mean = measured(invented).organisations["mean"].to_numpy()
    explained = MODEL.link.quality * invented.quality
    assert np.cov(mean, explained)[0, 1] / mean.var() > 0.8


def test_nothing_is_learnt_where_experts_are_to_be_left_alone() -> None:
    quality = measured(invent(MANY), learns=False)
    stated = quality.loadings.filter(pl.col("item") != TARGET)
    assert stated.select((pl.col("quality") - pl.col("quality_stated")).abs().max()).item() == 0
    assert (quality.link.quality, quality.link.shading) == (MODEL.link.quality, MODEL.link.shading)


@pytest.mark.parametrize("number", [0, 1, 5])
def test_of_few_organisations_nothing_is_said_and_nothing_breaks(number: int) -> None:
    quality = measured(invent(MANY, number=number))
    assert quality.shares.is_empty()
    assert quality.organisations["known"].to_list() == [0.0] * number


def test_the_order_of_rows_changes_nothing() -> None:
    items = invent(MANY, missing=0.1).items
    shuffled = items.sample(fraction=1, shuffle=True, seed=4)
    one, other = (measure_quality(given, NO_VISITS, MODEL, YEAR) for given in (items, shuffled))
    assert one.organisations.equals(other.organisations)
    assert one.loadings.equals(other.loadings)
