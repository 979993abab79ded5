"""Rank, and how sure: of the number and of the place."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from scipy.special import ndtri

from crosscheck.collection.read import Collection
from crosscheck.pipeline import cross_check
from crosscheck.risk.estimate import Risk
from crosscheck.risk.evidence import PARTS
from crosscheck.risk.intervals import Ranked, draw_risks, normal, rank_declarations
from crosscheck.risk.learning import VisitLearning
from crosscheck.risk.prevalence import Prevalence
from crosscheck.standard import Standard
from crosscheck.visits.pools import assign_pools
from crosscheck.vocabulary import POOL, POOLS
from tests.risk.coverage import cover_lapses
from tests.risk.invented import MODEL, declarations, invent
from tests.risk.known import CAPACITY, YEAR, Listed, estimate
from tests.risk.test_evidence import MANY, PREVALENCE, known

KEYS = ("org_code", "function")


def rank(risk: Risk, cases: pl.DataFrame, pools: pl.DataFrame | None = None, capacity: int = 10) -> Ranked:
    everybody = cases.select(*KEYS, pool=pl.lit("to_visit", POOL))
    return rank_declarations(cases, risk, MODEL, everybody if pools is None else pools, capacity)


@pytest.fixture(scope="module")
def of_two_hundred() -> tuple[Risk, pl.DataFrame]:
    invented = invent(MANY, number=200)
    return estimate(known(invented), MODEL), declarations(invented.codes)


def add_part(risk: Risk, code: str, decibans: float, sd: float = 0.0, family: str = "checks") -> Risk:
    part = pl.DataFrame(
        [(code, "whole", family, "g", "a new part", decibans, decibans, sd, "r", "s")], schema=PARTS, orient="row"
    )
    return replace(risk, parts=pl.concat([risk.parts, part]))


def without_doubt(risk: Risk) -> Risk:
    """The same with every parameter known exactly."""
    learnt: VisitLearning = replace(risk.from_visits, link_sd=0.0)
    prevalence: Prevalence = replace(risk.prevalence, sd=0.0)
    return replace(risk, parts=risk.parts.with_columns(sd=pl.lit(0.0)), from_visits=learnt, prevalence=prevalence)


def test_draws_depend_on_the_name_alone() -> None:
    assert (normal("part a", 200) == normal("part a", 200)).all()
    assert np.abs(np.corrcoef(normal("part a", 4000), normal("part b", 4000))[0, 1]) < 0.06
    assert normal("part a", 20_000).std() == pytest.approx(1.0, abs=0.02)


def test_an_added_part_of_next_to_nothing_moves_no_interval(of_two_hundred: tuple[Risk, pl.DataFrame]) -> None:
    risk, cases = of_two_hundred
    code = cases["org_code"][7]
    before, after = (rank(at, cases).declarations.sort(KEYS) for at in (risk, add_part(risk, code, 0.0006, 0.0006)))
    for column in ("risk", "risk_low", "risk_high"):
        assert (before[column] - after[column]).abs().max() < 1e-4  # type: ignore[operator]
    moved = (before["rank_low"] != after["rank_low"]) | (before["rank_high"] != after["rank_high"])
    assert moved.sum() <= 2


def test_the_interval_of_a_risk_is_that_of_its_draws_whatever_the_pools(
    of_two_hundred: tuple[Risk, pl.DataFrame],
) -> None:
    risk, cases = of_two_hundred
    listed = rank(risk, cases).declarations.with_columns(pl.col("function").cast(pl.String))
    drawn = draw_risks(cases, risk, MODEL).join(listed, on=KEYS)
    assert drawn.height == cases.height
    draws = drawn["drawn"].to_numpy()
    assert draws.shape[1] == MODEL.intervals.draws
    low, high = np.quantile(draws, [0.05, 0.95], axis=1)
    assert np.minimum(low, drawn["risk"].to_numpy()) == pytest.approx(drawn["risk_low"].to_numpy(), abs=1e-9)
    assert np.maximum(high, drawn["risk"].to_numpy()) == pytest.approx(drawn["risk_high"].to_numpy(), abs=1e-9)


def test_without_doubt_of_any_parameter_the_interval_of_the_number_is_the_number(
    of_two_hundred: tuple[Risk, pl.DataFrame],
) -> None:
    risk, cases = of_two_hundred
    sure, listed = rank(without_doubt(risk), cases).declarations, rank(risk, cases).declarations
    assert (sure["risk_high"] - sure["risk_low"]).max() < 1e-6  # type: ignore[operator]
    assert (listed["risk_high"] - listed["risk_low"]).median() > 0.05  # type: ignore[operator]
    assert (sure["rank_high"] - sure["rank_low"]).median() > 20  # type: ignore[operator]


def test_a_weight_that_is_zero_stays_zero_in_every_draw(of_two_hundred: tuple[Risk, pl.DataFrame]) -> None:
    risk, cases = of_two_hundred
    code = cases["org_code"][3]
    before, after = (rank(at, cases).declarations for at in (risk, add_part(risk, code, 0.0, 5.0)))
    assert before.equals(after)


def test_a_part_of_which_less_is_known_makes_the_interval_wider(of_two_hundred: tuple[Risk, pl.DataFrame]) -> None:
    risk, cases = of_two_hundred
    code, widths = cases["org_code"][3], []
    for sd in (0.0, 3.0, 6.0):
        row = rank(add_part(without_doubt(risk), code, 6.0, sd), cases).declarations.filter(pl.col("org_code") == code)
        widths.append((row["risk_high"] - row["risk_low"]).item())
    assert widths[0] < widths[1] < widths[2]


def test_the_number_lies_within_its_interval_and_the_place_within_its_own(national: Listed) -> None:
    listed = national.outcome.visit_list
    assert (listed["risk_low"] <= listed["risk"]).all()
    assert (listed["risk"] <= listed["risk_high"]).all()
    assert (listed["rank_low"] <= listed["rank"]).all()
    assert (listed["rank"] <= listed["rank_high"]).all()
    assert listed["risk_low"].min() > 0  # type: ignore[operator]
    assert listed["risk_high"].max() < 1  # type: ignore[operator]


def test_places_stay_within_their_pool(national: Listed) -> None:
    listed, before = national.outcome.visit_list, 0
    pools = listed["pool"].cast(pl.String)
    assert pools.unique(maintain_order=True).to_list() == list(POOLS)
    for pool in POOLS:
        of_pool = listed.filter(pools == pool)
        assert of_pool["rank"].to_list() == list(range(before + 1, before + of_pool.height + 1))
        assert of_pool["rank_low"].min() > before  # type: ignore[operator]
        assert of_pool["rank_high"].max() <= before + of_pool.height  # type: ignore[operator]
        assert of_pool["risk"].is_sorted(descending=True)
        before += of_pool.height


def test_among_capacity_counts_organisations_to_visit_only(of_two_hundred: tuple[Risk, pl.DataFrame]) -> None:
    risk, cases = of_two_hundred
    half = cases["org_code"][:100].implode()
    pool = pl.when(pl.col("org_code").is_in(half)).then(pl.lit("to_visit")).otherwise(pl.lit("visited"))
    pools = cases.select(*KEYS, pool=pool.cast(POOL))
    for capacity in (1, 25, 100):
        listed = rank(risk, cases, pools, capacity).declarations
        among = listed.filter(pl.col("pool") == "to_visit")["among_capacity"]
        assert among.sum() == pytest.approx(capacity)
        assert listed.filter(pl.col("pool") == "visited")["among_capacity"].null_count() == 100


def test_two_functions_of_one_organisation_take_one_visit() -> None:
    invented = invent(MANY, number=60)
    both = pl.concat([declarations(invented.codes, function) for function in ("commissioner", "provider")])
    listed = rank(estimate(known(invented, both), MODEL), both).declarations
    by_code = listed.group_by("org_code").agg(
        pl.col("among_capacity").n_unique(), pl.col("among_capacity").first().alias("share")
    )
    assert (by_code["among_capacity"] == 1).all()
    assert by_code["share"].sum() == pytest.approx(10)


def test_the_twenty_dots_are_twenty_equally_likely_places(of_two_hundred: tuple[Risk, pl.DataFrame]) -> None:
    risk, cases = of_two_hundred
    ranked = rank(risk, cases)
    dots = ranked.places
    assert dots.height == 20 * 200
    assert dots["place"].is_between(1, 200).all()
    within = dots.group_by(KEYS).agg(pl.col("place").sort_by("dot"), ten=(pl.col("place") <= 10).mean())
    assert within["place"].list.eval(pl.element().diff().fill_null(0) >= 0).list.all().all()
    both = within.join(ranked.declarations.select(*KEYS, "among_capacity"), on=KEYS)
    assert (both["ten"] - both["among_capacity"]).abs().max() < 0.06  # type: ignore[operator]


def test_equal_sums_are_ordered_by_their_codes(of_two_hundred: tuple[Risk, pl.DataFrame]) -> None:
    risk, cases = of_two_hundred
    equal = replace(risk, parts=risk.parts.with_columns(decibans=pl.lit(0.0)))
    assert rank(equal, cases).declarations["org_code"].to_list() == sorted(cases["org_code"])


def test_the_order_of_the_rows_changes_no_byte(
    collection_of_few: Collection, standard: Standard, listed: Listed
) -> None:
    shuffled = {
        name: table.sample(fraction=1.0, shuffle=True, seed=7) for name, table in collection_of_few.tables.items()
    }
    other = cross_check(replace(collection_of_few, tables=shuffled), standard, YEAR, CAPACITY)
    assert other.visit_list.write_csv() == listed.outcome.visit_list.write_csv()
    assert other.places.write_csv() == listed.outcome.places.write_csv()
    assert other.risk.parts.write_csv() == listed.outcome.risk.parts.write_csv()
    assert other.risk.loadings.write_csv() == listed.outcome.risk.loadings.write_csv()


def test_the_pools_of_a_list_are_those_of_its_declarations(national: Listed) -> None:
    of_year = national.known.visits.filter(pl.col("year") == YEAR)
    pools = assign_pools(national.known.cases, of_year).with_columns(pl.col("function").cast(pl.String))
    listed = national.outcome.visit_list.with_columns(pl.col("function").cast(pl.String))
    both = listed.join(pools, on=KEYS, suffix="_assigned")
    assert (both["pool"] == both["pool_assigned"]).all()
    assert (listed["among_capacity"].is_null() == (listed["pool"] != "to_visit")).all()


def test_intervals_of_invented_organisations_cover_the_number_of_lapses_of_a_group() -> None:
    covered = []
    for seed in range(8):
        invented = invent(MANY, number=500, seed=seed + 20)
        lapse = pl.DataFrame({"org_code": invented.codes, "function": "whole"}).with_columns(
            lapse=pl.Series(invented.liability > ndtri(1 - PREVALENCE))
        )
        risk, cases = estimate(known(invented), MODEL), declarations(invented.codes)
        covered += cover_lapses(risk, cases, lapse, groups=10)
    assert len(covered) == 80
    assert 0.85 <= np.mean(covered) <= 1.0
