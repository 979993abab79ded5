from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal
from scipy.stats import gamma, norm

from benchmarks.national_2006 import plain_pooled
from benchmarks.null import Pooled, draw_scores
from crosscheck.figures.dispersion import Floats, false_discovery
from crosscheck.scoring.model import IndicatorModel
from crosscheck.scoring.pooling import (
    _between_sections,
    normalised,
    pool_scores,
    pool_sums,
    positive,
    shrunk_correlations,
    sum_sections,
)

SCORES = draw_scores(Pooled(200, 3, 5, 0.3, 0.1), np.random.default_rng(1))
COUNTS = SCORES.group_by("org_code").len().sort("org_code")
WHOLE = str(COUNTS.filter(pl.col("len") == 15)["org_code"][0])


def of(pooled: pl.DataFrame, section: str, organisation: str = WHOLE) -> dict[str, object]:
    return pooled.row(by_predicate=(pl.col("section") == section) & (pl.col("org_code") == organisation), named=True)


def changed(scores: pl.DataFrame, z: float, *items: str) -> pl.DataFrame:
    """The scores, with this one for an organisation that has all items on some of them."""
    here = (pl.col("org_code") == WHOLE) & pl.col("indicator").is_in(items)
    return scores.with_columns(z=pl.when(here).then(z).otherwise("z"))


def test_every_organisation_is_pooled_by_section_and_over_all(model: IndicatorModel) -> None:
    pooled = pool_scores(SCORES, model)
    assert pooled.columns == ["org_code", "section", "items", "z", "q_value", "band", "band_q"]
    assert pooled["section"].unique().sort().to_list() == ["all", "section 0", "section 1", "section 2"]
    assert pooled.filter(pl.col("section") == "all").height == 200
    assert pooled.select("z", "q_value", "band", "band_q").null_count().sum_horizontal().item() == 0


def test_it_agrees_with_the_formulas_written_out_one_item_and_one_organisation_at_a_time(model: IndicatorModel) -> None:
    scores = SCORES.with_columns(z=pl.when(pl.col("indicator") == "item 4").then(pl.col("z").sign()).otherwise("z"))
    wide = scores.pivot(on="indicator", index="org_code", values="z").sort("org_code")
    standards = {
        str(name): np.array([wide.columns.index(item) - 1 for item in items["indicator"].unique().sort()])
        for (name,), items in scores.group_by("source")
    }
    by_hand = plain_pooled(wide.drop("org_code").to_numpy(), model, standards)
    pooled = pool_scores(scores, model)
    assert set(by_hand) == set(pooled["section"])
    for section, expected in by_hand.items():
        ours = wide.join(pooled.filter(pl.col("section") == section), on="org_code", how="left", maintain_order="left")
        np.testing.assert_allclose(ours["z"].fill_null(np.nan).to_numpy(), expected, atol=1e-9)


def test_the_order_of_the_rows_changes_nothing(model: IndicatorModel) -> None:
    assert_frame_equal(
        pool_scores(SCORES.sample(fraction=1, shuffle=True, seed=3), model),
        pool_scores(SCORES, model),
        check_exact=True,
    )


def test_sections_summed_apart_give_the_same(model: IndicatorModel) -> None:
    parts = [sum_sections(part, model) for part in SCORES.partition_by("source")]
    assert_frame_equal(pool_sums(pl.concat(parts)), pool_scores(SCORES, model))


def test_a_missing_item_is_not_as_expected(model: IndicatorModel) -> None:
    items = [f"item {number}" for number in range(5)]
    bad = changed(SCORES.filter(pl.col("source") == "section 0"), 2.0, *items)
    here = (pl.col("org_code") == WHOLE) & (pl.col("indicator") == "item 1")
    left_out = bad.filter(here.not_())
    as_expected = bad.with_columns(z=pl.when(here).then(0.0).otherwise("z"))
    assert (
        of(pool_scores(left_out, model), "section 0")["items"] == of(pool_scores(bad, model), "section 0")["items"] - 1
    )
    assert (
        of(pool_scores(left_out, model), "section 0")["z"] > of(pool_scores(as_expected, model), "section 0")["z"] + 0.2
    )


def test_the_best_news_weighs_no_more_than_good_news(model: IndicatorModel) -> None:
    good, best = (changed(SCORES, z, "item 1", "item 2") for z in (-1.0, -9.0))
    assert of(pool_scores(best, model), "all")["z"] == pytest.approx(of(pool_scores(good, model), "all")["z"], abs=0.01)


def test_worse_on_any_item_is_worse_together(model: IndicatorModel) -> None:
    better, worse = (of(pool_scores(changed(SCORES, z, "item 3"), model), "all")["z"] for z in (0.0, 3.0))
    assert worse > better + 0.2


def test_items_that_say_the_same_are_one_witness(model: IndicatorModel) -> None:
    once = SCORES.filter(pl.col("indicator") == "item 0").with_columns(source=pl.lit("twins"))
    twins = pl.concat([once, *(once.with_columns(indicator=pl.lit(f"twin {number}")) for number in range(4))])
    alone, together = (pool_scores(scores, model).filter(pl.col("section") == "twins")["z"] for scores in (once, twins))
    assert (alone - together).abs().max() < 0.02


def test_a_section_weighs_by_relevance_and_what_is_irrelevant_counts_nowhere(model: IndicatorModel) -> None:
    high = SCORES.with_columns(
        relevance=pl.when(pl.col("indicator") == "item 0").then(pl.lit("high")).otherwise("relevance")
    )
    assert (
        of(pool_scores(changed(high, 3.0, "item 0"), model), "all")["z"]
        > of(pool_scores(changed(SCORES, 3.0, "item 0"), model), "all")["z"] + 0.5
    )
    irrelevant = SCORES.with_columns(relevance=pl.lit("none"))
    assert pool_scores(irrelevant, model).is_empty()
    assert pool_scores(irrelevant, model).schema == pool_scores(SCORES, model).schema


def test_what_too_few_have_or_all_alike_counts_nowhere(model: IndicatorModel) -> None:
    alike = SCORES.filter(pl.col("indicator") == "item 0").with_columns(indicator=pl.lit("alike"), z=pl.lit(0.0))
    few = SCORES.filter(pl.col("indicator") == "item 0").head(9).with_columns(indicator=pl.lit("few"))
    assert_frame_equal(pool_scores(pl.concat([SCORES, alike, few]), model), pool_scores(SCORES, model))
    assert pool_scores(alike, model).is_empty()


def test_a_few_that_are_far_worse_do_not_set_the_yardstick(model: IndicatorModel) -> None:
    worse = draw_scores(Pooled(200, 1, 1, 0.0, 0.0), np.random.default_rng(5), worse=6.0)
    before = draw_scores(Pooled(200, 1, 1, 0.0, 0.0), np.random.default_rng(5))
    others = pl.col("org_code") >= "A0010"
    assert_frame_equal(
        pool_scores(worse, model).filter(others).select("z"), pool_scores(before, model).filter(others).select("z")
    )


def test_scores_of_two_levels_have_their_own_variance(model: IndicatorModel) -> None:
    pooled = pool_scores(draw_scores(Pooled(400, 2, 20, 0.3, 0.1, levels=2), np.random.default_rng(2)), model)
    for _, section in pooled.group_by("section"):
        assert section["z"].std() == pytest.approx(1, abs=0.02)


def test_a_skewed_sum_is_brought_to_normal() -> None:
    shape = 16.0
    likely = np.array([0.001, 0.025, 0.5, 0.975, 0.999])
    total = gamma.ppf(likely, shape) - shape
    scores = normalised(total, np.full(5, shape), np.full(5, 2 * shape))
    assert scores.tolist() == pytest.approx(norm.ppf(likely).tolist(), abs=0.02)
    assert normalised(total, np.full(5, shape), np.zeros(5)).tolist() == pytest.approx((total / 4).tolist())


def test_correlations_are_found_again_and_shrunk_where_numbers_are_few() -> None:
    chance = np.random.default_rng(3)
    truth = np.array([[1, 0.8, 0.1], [0.8, 1, 0.1], [0.1, 0.1, 1]])
    many = chance.multivariate_normal(np.zeros(3), truth, 20_000)
    assert shrunk_correlations(many / many.std(axis=0)) == pytest.approx(truth, abs=0.03)
    few = np.random.default_rng(4).standard_normal((20, 8))
    pairs = np.triu_indices(8, 1)
    shrunk = shrunk_correlations((few - few.mean(axis=0)) / few.std(axis=0))[pairs]
    assert shrunk.std() < np.corrcoef(few.T)[pairs].std() / 3


def test_a_matrix_that_contradicts_itself_is_made_possible() -> None:
    impossible = np.array([[1, 0.9, -0.9], [0.9, 1, 0.9], [-0.9, 0.9, 1]])
    possible = positive(impossible)
    assert np.linalg.eigvalsh(possible).min() > 0
    assert np.diagonal(possible).tolist() == pytest.approx([1, 1, 1])


def test_items_that_nobody_has_together_are_pooled_all_the_same(model: IndicatorModel) -> None:
    first = pl.col("org_code") < "A0100"
    apart = SCORES.filter(pl.when(pl.col("indicator").is_in(["item 0", "item 1"])).then(first).otherwise(first.not_()))
    assert pool_scores(apart, model)["z"].is_finite().all()


def test_the_limits_are_the_models(model: IndicatorModel) -> None:
    unheld = replace(model, pooling=replace(model.pooling, good_news_limit=-10.0))
    best = changed(SCORES, -4.0, "item 1", "item 2")
    assert of(pool_scores(best, unheld), "all")["z"] < of(pool_scores(best, model), "all")["z"] - 0.5


def test_sections_that_contradict_one_another_leave_every_organisation_a_variance() -> None:
    against = np.tile([[0.95, -0.95], [-0.95, 0.95]], (20, 1))
    weight, variance = np.ones((40, 2)), np.full((40, 2), 0.2)
    between: Floats = _between_sections(against, weight, variance)
    assert between.diagonal().tolist() == [0.0, 0.0]
    assert -0.2 < between[0, 1] < -0.19
    assert ((weight @ between * weight).sum(axis=1) + variance.sum(axis=1) > 0).all()


def test_the_rate_of_false_discovery_is_taken_section_by_section(model: IndicatorModel) -> None:
    pooled = pool_scores(SCORES, model)
    for _, section in pooled.group_by("section"):
        assert section["q_value"].to_list() == pytest.approx(false_discovery(section["z"].to_numpy()).tolist())
