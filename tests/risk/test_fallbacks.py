"""Whole lists from collections with nothing, or next to nothing, to learn from."""

from __future__ import annotations

from dataclasses import replace

import polars as pl
import pytest

from crosscheck.collection.read import Collection
from crosscheck.pipeline import Outcome, cross_check
from crosscheck.risk.prevalence import estimate_lapse_share
from crosscheck.standard import Standard
from crosscheck.visits.plan import Capacity
from tests.risk.invented import MODEL, NO_VISITS

YEAR = "2008/09"


def listed(collection: Collection, standard: Standard, **tables: pl.DataFrame) -> Outcome:
    changed = replace(collection, tables=collection.tables | tables)
    return cross_check(changed, standard, YEAR, Capacity(20, 0.5, 1))


def compliant(outcome: Outcome) -> pl.DataFrame:
    return outcome.visit_list.filter(pl.col("declared") == "compliant")


def only(collection: Collection, codes: list[str]) -> dict[str, pl.DataFrame]:
    return {
        name: table.filter(pl.col("org_code").is_in(codes)) if "org_code" in table.columns else table.clear()
        for name, table in collection.tables.items()
        if name != "bodies"
    }


def test_with_every_answer_figure_remark_tie_and_visit_missing_everybody_has_the_prevalence(
    collection: Collection, standard: Standard
) -> None:
    without = {
        name: collection.tables[name].clear()
        for name in ("answers", "indicators", "comments", "relationships", "visits", "visits_wave_1")
    }
    of_year = collection.tables["declarations"].filter(pl.col("year") == YEAR)
    declared = of_year.with_columns(status=pl.lit("compliant"), statement=pl.lit(None, pl.String))
    outcome = listed(collection, standard, **without, declarations=declared)
    stated = estimate_lapse_share(NO_VISITS, MODEL, YEAR).share
    assert compliant(outcome)["risk"].to_list() == pytest.approx([stated] * outcome.visit_list.height, abs=1e-6)
    assert outcome.visit_list.height > 500


@pytest.mark.parametrize("number", [1, 3, 12])
def test_a_handful_of_organisations_is_ranked_all_the_same(
    collection: Collection, standard: Standard, number: int
) -> None:
    codes = collection.tables["organisations"]["org_code"].head(number).to_list()
    outcome = listed(collection, standard, **only(collection, codes))
    assert set(outcome.visit_list["org_code"]) == set(codes)
    assert outcome.visit_list.select(pl.col("risk", "risk_low", "risk_high").is_finite().all()).row(0) == (True,) * 3


def test_without_a_declared_lapse_or_any_visit_the_list_still_tells_declarations_apart(
    collection_of_few: Collection, standard: Standard
) -> None:
    collection = collection_of_few
    declared = collection.tables["declarations"].with_columns(status=pl.lit("compliant"))
    no_visits = {name: collection.tables[name].clear() for name in ("visits", "visits_wave_1")}
    outcome = listed(collection, standard, declarations=declared, **no_visits)
    risk = outcome.visit_list["risk"]
    assert risk.mean() == pytest.approx(outcome.risk.prevalence.share, abs=1e-5)
    assert outcome.risk.from_visits.link == MODEL.link.quality
    assert risk.quantile(0.95) > 2 * risk.median()  # type: ignore[operator]


def test_experts_weights_left_alone_rest_on_nothing_that_the_collection_teaches(
    collection_of_few: Collection, standard: Standard
) -> None:
    risk = listed(collection_of_few, standard.without_learning()).risk
    for of in ("quality", "bias", "group"):
        assert risk.loadings[f"{of}_loading"].to_list() == risk.loadings[f"{of}_stated"].to_list()
    assert (risk.from_visits.link, risk.from_visits.visits) == (MODEL.link.quality, 0)
    free = pl.col("ceiling") == ""
    assert risk.from_visits.weights.filter(free & (pl.col("decibans") != pl.col("stated"))).is_empty()


def test_who_was_visited_this_year_is_not_planned_again(collection_of_few: Collection, standard: Standard) -> None:
    outcome = cross_check(collection_of_few, standard, YEAR, Capacity(10, 0.5, 1))
    visited = collection_of_few.tables["visits_wave_1"].select("org_code", "function")
    planned = outcome.visit_list.filter(pl.col("selected_by").is_not_null())
    assert planned["org_code"].n_unique() == 10
    assert visited.height == 2
    assert planned.join(visited, on=["org_code", "function"], how="semi").is_empty()
