"""Learning what items say: a slow likelihood of its own, known loadings found, defined results at the edges."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy.stats import multivariate_normal

from crosscheck.risk import factors
from crosscheck.risk.factors import ItemTable, Loadings, fit_loadings, prior_loadings
from crosscheck.risk.items import ITEMS
from tests.risk.invented import MODEL, Floats, invent, of_one_type, one_item

ANSWERS = {f"answer.{number:02}": (0.35, -0.3) for number in range(16)}
FIGURES = {f"figure.{number:02}": (0.45, 0.0) for number in range(10)}
SECTIONS = {name: f"section {place % 2}" for place, name in enumerate(ANSWERS)}


def small() -> tuple[ItemTable, Loadings]:
    """Seven items of fifty organisations, a fifth of them missing, in two groups; loadings that are no optimum."""
    names = {"answer.a": (0.3, -0.3), "answer.b": (0.4, -0.2), "answer.c": (0.2, 0.0), "answer.d": (0.3, -0.1)}
    names |= {"figure.a": (0.4, 0.0), "figure.b": (0.3, 0.0), "figure.c": (0.2, 0.0)}
    groups = dict.fromkeys(("answer.a", "answer.b", "figure.a"), "one") | dict.fromkeys(("answer.c", "answer.d"), "two")
    evidence = invent(names, number=50, groups=groups, missing=0.2).build_item_table()
    stated = prior_loadings(evidence, MODEL)
    shift = np.random.default_rng(5).uniform(0.0, 0.1, stated.mean.shape) * np.array([1.0, -1.0, 1.0])
    return evidence, replace(stated, mean=stated.mean + shift, noise=stated.noise * 0.9)


def unknowns(of: Loadings) -> Floats:
    return np.column_stack([of.mean, of.noise])


def dense_log_likelihood(evidence: ItemTable, loadings: Loadings) -> float:
    """Each organisation a multivariate normal of the items that it has; its covariance written out in full."""
    own = loadings.mean[:, 2:] * evidence.grouping
    covariance = loadings.mean[:, :2] @ loadings.mean[:, :2].T + own @ own.T + np.diag(loadings.noise)
    total = 0.0
    for row, present, counts in zip(evidence.z, evidence.present, evidence.influence, strict=True):
        there = np.flatnonzero(present)
        if there.size:
            total += counts * multivariate_normal.logpdf(row[there], cov=covariance[np.ix_(there, there)])
    return total


def test_the_likelihood_is_that_of_a_dense_normal_with_missing_items() -> None:
    evidence, tried = small()
    stated = prior_loadings(evidence, MODEL)
    likelihood = factors.LoadingLikelihood(evidence, stated, MODEL, np.ones(len(stated.noise)))
    found = {}
    for name, loadings in (("tried", tried), ("stated", stated)):
        fit = likelihood._expect(loadings.mean, loadings.noise)[2]
        constant = -0.5 * np.log(2 * np.pi) * float(evidence.influence @ evidence.present.sum(axis=1))
        found[name] = fit + constant
        assert found[name] == pytest.approx(dense_log_likelihood(evidence, loadings), rel=1e-10)
    assert abs(found["tried"] - found["stated"]) > 1


def test_the_gradient_is_that_of_differences() -> None:
    evidence, tried = small()
    relevance = np.random.default_rng(1).uniform(0.0, 1.0, len(tried.noise))
    likelihood = factors.LoadingLikelihood(evidence, prior_loadings(evidence, MODEL), MODEL, relevance)
    at, step = unknowns(tried), 1e-6
    at[:, 2] *= evidence.grouping.sum(axis=1)  # an item of no group has no loading on one
    _, gradient = likelihood(at)
    for place in np.ndindex(*at.shape):
        if place[1] == 2 and not evidence.grouping[place[0]].any():
            continue
        beside = np.zeros_like(at)
        beside[place] = step
        slope = (likelihood(at + beside)[0] - likelihood(at - beside)[0]) / (2 * step)
        assert gradient[place] == pytest.approx(slope, rel=1e-4, abs=1e-4)


def test_true_loadings_are_found_on_invented_organisations() -> None:
    evidence = invent(ANSWERS | FIGURES, number=2500, groups=SECTIONS).build_item_table()
    learnt = fit_loadings(evidence, MODEL)
    figures = evidence.items["family"].to_numpy() == "figures"
    assert learnt.quality[figures].mean() == pytest.approx(0.45, abs=0.03)
    assert learnt.quality[~figures].mean() == pytest.approx(0.35, abs=0.05)
    assert learnt.mean[~figures, 1].mean() == pytest.approx(-0.3, abs=0.06)
    assert np.abs(learnt.quality[figures] - 0.45).max() < 0.09
    assert learnt.settled


def test_an_item_that_says_nothing_is_learnt_to_say_hardly_anything() -> None:
    evidence = invent(ANSWERS | FIGURES | {"figure.noise": (0.0, 0.0)}, number=1500).build_item_table()
    learnt = fit_loadings(evidence, MODEL)
    noise = evidence.items["item"].to_list().index("figure.noise")
    assert prior_loadings(evidence, MODEL).quality[noise] == 0.35
    assert learnt.quality[noise] < 0.1


def test_a_cold_start_and_disturbed_ones_give_the_same_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    evidence = invent(ANSWERS | FIGURES, number=200, groups=SECTIONS, missing=0.1).build_item_table()
    cold = fit_loadings(evidence, MODEL)
    search = factors.search_loadings
    for seed in (1, 2):
        drawn = np.random.default_rng(seed).uniform(0.0, 0.2, (evidence.items.height, 4))

        def disturbed(likelihood: Any, stated: Loadings, start: Any = None, drawn: Any = drawn) -> Any:
            first = np.column_stack([stated.mean, stated.noise]) if start is None else start
            return search(likelihood, stated, first * [1.0, 1.0, 1.0, 0.8] + drawn * [1.0, -1.0, 1.0, 0.0])

        monkeypatch.setattr(factors, "search_loadings", disturbed)
        other = fit_loadings(evidence, MODEL)
        assert other.settled
        assert other.mean.tobytes() == cold.mean.tobytes()
        assert other.noise.tobytes() == cold.noise.tobytes()


def test_what_is_small_beside_its_doubt_is_drawn_to_nothing_and_what_is_large_hardly() -> None:
    loading, sd, by = np.array([0.0, 0.02, 0.1, 0.5]), np.full(4, 0.05), MODEL.estimation.shrinkage
    kept = factors._shrink(loading, sd, by)
    assert kept == pytest.approx(loading**3 / (loading**2 + by * sd**2))
    assert kept[0] == 0
    assert kept[1] < 0.1 * loading[1]
    assert kept[3] > 0.95 * loading[3]
    assert (np.diff(kept) > 0).all()
    assert factors._shrink(loading, np.zeros(4), by) == pytest.approx(loading)


def test_no_loading_is_learnt_against_its_direction() -> None:
    against = {"answer.against": (-0.6, 0.5), "figure.against": (-0.6, 0.0)}
    evidence = invent(ANSWERS | FIGURES | against, number=600).build_item_table()
    learnt = fit_loadings(evidence, MODEL)
    places = [evidence.items["item"].to_list().index(name) for name in against]
    assert (learnt.quality >= 0).all()
    assert (learnt.mean[:, 1] <= 0).all()
    assert learnt.quality[places].tolist() == [0.0, 0.0]


def test_one_organisation_with_everything_at_worst_hardly_moves_what_is_learnt() -> None:
    invented = invent(ANSWERS | FIGURES, number=150)
    worst = replace(
        invented,
        items=invented.items.with_columns(z=pl.when(pl.col("org_code") == invented.codes[0]).then(3.0).otherwise("z")),
    )
    laid_out = worst.build_item_table()
    before, after = (fit_loadings(evidence, MODEL) for evidence in (invented.build_item_table(), laid_out))
    assert laid_out.influence[0] < 0.1
    assert np.abs(after.quality - before.quality).max() < 0.02


def test_where_others_hold_nothing_own_accounts_keep_the_proportions_that_are_stated() -> None:
    uneven = {name: (0.6 if place % 2 else 0.0, 0.0) for place, name in enumerate(ANSWERS)}
    alone, beside = (
        fit_loadings(invent(names, number=400).build_item_table(), MODEL).mean[:16, :2]
        for names in (uneven, uneven | FIGURES)
    )
    assert np.abs(alone - alone.mean(axis=0)).max() < 0.01
    assert alone[0, 1] == pytest.approx(-alone[0, 0], abs=0.03)  # as much bias beside quality as is stated
    assert beside[1::2, 0].mean() - beside[::2, 0].mean() > 0.1


def test_a_model_that_does_not_learn_leaves_what_is_stated() -> None:
    evidence, _ = small()
    left = fit_loadings(evidence, MODEL.model_copy(update={"learns": False}))
    assert (left.mean == prior_loadings(evidence, MODEL).mean).all()


def test_an_item_of_which_all_are_equal_is_left_out() -> None:
    invented = invent(FIGURES, number=60)
    equal = replace(invented, items=pl.concat([invented.items, one_item("figure.same", invented.codes, [1.5] * 60)]))
    assert equal.build_item_table().items["item"].to_list() == sorted(FIGURES)


def test_items_that_all_are_equal_leave_nothing_to_learn() -> None:
    codes = [f"R{place:04}" for place in range(60)]
    items = pl.concat([one_item(name, codes, [0.0] * 60) for name in FIGURES])
    evidence = factors.build_item_table(items, of_one_type(codes), MODEL)
    assert evidence.z.shape == (60, 0)
    assert fit_loadings(evidence, MODEL).mean.shape == (0, 3)


@pytest.mark.parametrize("codes", [[], ["R0001"], ["R0001", "R0002"]])
def test_a_handful_of_organisations_or_none_has_no_item_to_learn_from(codes: list[str]) -> None:
    items = ITEMS.to_frame() if not codes else one_item("figure.a", codes, np.arange(len(codes)))
    evidence = factors.build_item_table(items, of_one_type(codes).cast(pl.String), MODEL)
    learnt = fit_loadings(evidence, MODEL)
    assert evidence.z.shape == (len(codes), 0)
    assert learnt.settled


def test_items_are_centred_within_the_type_and_remarks_are_not() -> None:
    invented = invent(FIGURES, number=200)
    types = of_one_type(invented.codes).with_columns(
        org_type=pl.Series(np.where(np.arange(200) < 100, "pct", "ambulance"))
    )
    remarks = one_item("comment.sha", invented.codes, np.full(200, 0.5) + np.arange(200) / 1e3).with_columns(
        family=pl.lit("comments")
    )
    shifted = invented.items.with_columns(z=pl.col("z") + pl.when(pl.col("org_code") < "R0100").then(1.0).otherwise(0))
    evidence = factors.build_item_table(pl.concat([shifted, remarks]), types, MODEL)
    by_type = (evidence.influence[:100] @ evidence.z[:100], evidence.influence[100:] @ evidence.z[100:])
    figures = evidence.items["family"].to_numpy() == "figures"
    assert np.abs(np.array(by_type)[:, figures]).max() < 0.1 * 100
    assert (evidence.z[:, ~figures] > 0).all()


def test_what_visits_found_keeps_the_loading_that_is_stated() -> None:
    invented = invent(ANSWERS | FIGURES, number=300)
    found = one_item("visit.former", invented.codes[:30], np.tile([2.0, -0.5], 15)).with_columns(
        family=pl.lit("history"), bias_prior_sd=pl.lit(0.0), quality_prior=pl.lit(0.25)
    )
    evidence = replace(invented, items=pl.concat([invented.items, found])).build_item_table()
    place = evidence.items["item"].to_list().index("visit.former")
    assert fit_loadings(evidence, MODEL).quality[place] == 0.25


def test_the_order_of_the_rows_changes_no_byte() -> None:
    invented = invent(ANSWERS | FIGURES, number=120, missing=0.1)
    shuffled = replace(invented, items=invented.items.sample(fraction=1.0, shuffle=True, seed=3))
    one, other = (fit_loadings(at.build_item_table(), MODEL) for at in (invented, shuffled))
    assert one.mean.tobytes() == other.mean.tobytes()
