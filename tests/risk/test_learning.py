"""What visits teach, and what they must not: nothing from chance, from strict assessors, from merit of those chosen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
import pytest

from crosscheck.risk.checks import CHECK_WEIGHTS
from crosscheck.risk.learning import BeforeVisits, VisitLearning, learn_from_visits, slope_of_link
from crosscheck.visits.listing import all_visits
from tests.risk.invented import MODEL, NO_VISITS, YEAR, Floats, conform, visits

SHARE = 0.13
LOGIT = np.log(SHARE / (1 - SHARE))


@dataclass(frozen=True)
class Declared:
    """What the evidence says of invented declarations, in decibans, and who of them has a check that differs."""

    codes: list[str]
    decibans: Floats
    differs: np.ndarray  # type: ignore[type-arg]

    @property
    def items(self) -> pl.DataFrame:
        return pl.DataFrame({"org_code": self.codes, "function": "whole", "decibans": self.decibans})

    @property
    def differences(self) -> pl.DataFrame:
        codes = [code for code, differs in zip(self.codes, self.differs, strict=True) if differs]
        return pl.DataFrame({"org_code": codes}, schema={"org_code": pl.String}).with_columns(
            function=pl.lit("whole"), check_id=pl.lit("C-1"), differs=pl.lit(value=True), decibans=pl.lit(3.5), sd=0.8
        )


def declared(number: int, seed: int = 1, spread: float = 4.0) -> Declared:
    generator = np.random.default_rng(seed)
    codes = [f"R{place:05}" for place in range(number)]
    return Declared(codes, generator.normal(-1.0, spread, number), generator.random(number) < 0.2)


WEIGHTS = pl.DataFrame(
    {"check_id": ["C-1"], "stated": [3.5], "decibans": [3.5], "sd": [0.8], "share": [0.2], "seen": [0.0],
     "absent": [0], "absent_not_upheld": [0], "ceiling": [""]},
    schema=CHECK_WEIGHTS,
)  # fmt: skip


def find(chance: Floats, seed: int = 2) -> np.ndarray:  # type: ignore[type-arg]
    """What visitors who err find where the standard is not met with this probability."""
    generator = np.random.default_rng(seed)
    lapse = generator.random(len(chance)) < chance
    visitors = MODEL.visitors
    found = generator.random(len(chance)) < np.where(lapse, visitors.sensitivity, 1 - visitors.specificity)
    return np.where(found, "qualified", "upheld")


def visit(of: Declared, finding: object, **columns: object) -> pl.DataFrame:
    """One visit to each; random ones of the year, unless columns say otherwise."""
    told = {"org_code": of.codes, "function": "whole", "year": YEAR, "selected_by": "random", "finding": finding}
    return conform(pl.DataFrame(told | columns))


def learn(of: Declared, visited: pl.DataFrame) -> VisitLearning:
    return learn_from_visits(visited, BeforeVisits(of.items, of.differences, WEIGHTS), MODEL, YEAR, SHARE)


def true_chance(of: Declared, slope: float = 1.0, check: float = 0.0) -> Floats:
    log_odds = LOGIT + (slope * of.decibans + check * of.differs) / (10 / np.log(10))
    chance: Floats = 1 / (1 + np.exp(-log_odds))
    return chance


def test_outcomes_at_random_teach_that_there_is_no_relation() -> None:
    of = declared(6800)
    learnt = learn(of, visit(of, find(np.full(6800, SHARE))))
    assert learnt.link < 0.1
    assert learnt.no_relation
    assert learnt.weights["decibans"].item() < 0.8
    assert (
        slope_of_link(learnt.link, MODEL.link.quality)
        * (np.quantile(of.decibans, 0.95) - np.quantile(of.decibans, 0.05))
        < 1.5
    )


def test_a_true_relation_is_found() -> None:
    of = declared(3000)
    for slope, link in ((1.0, MODEL.link.quality), (0.3, 0.322)):
        learnt = learn(of, visit(of, find(true_chance(of, slope, 3.5))))
        assert learnt.link == pytest.approx(link, abs=0.08)
        assert learnt.link_sd < 0.08
        assert not learnt.no_relation
        assert learnt.weights["decibans"].item() == pytest.approx(3.5, abs=1.0)
        assert learnt.settled


def test_a_check_that_goes_with_nothing_loses_its_weight_and_one_that_decides_gains() -> None:
    of = declared(3000)
    weights = [
        learn(of, visit(of, find(true_chance(of, 1.0, check)))).weights["decibans"].item() for check in (0.0, 3.5, 7.0)
    ]
    assert weights[0] < 1.2
    assert weights[0] + 1.5 < weights[1] < weights[2] - 1.5


def test_a_check_that_visits_looked_at_is_learnt_from_that_and_not_from_outcomes() -> None:
    of = declared(2000)
    looked_at = WEIGHTS.with_columns(seen=pl.lit(40.0))
    visited = visit(of, find(true_chance(of, 1.0, 9.0)))
    of_looks, of_outcomes = (
        learn_from_visits(visited, BeforeVisits(of.items, of.differences, weights), MODEL, YEAR, SHARE)
        .weights["decibans"]
        .item()
        for weights in (looked_at, WEIGHTS)
    )
    assert of_outcomes > 6.0
    assert of_looks < of_outcomes


def test_without_visits_what_is_stated_stays() -> None:
    learnt = learn(declared(50), NO_VISITS)
    assert (learnt.link, learnt.link_sd, learnt.visits) == (MODEL.link.quality, MODEL.link.sd, 0)
    assert learnt.weights.equals(WEIGHTS)
    assert not learnt.no_relation


def test_an_assessor_who_finds_everything_wrong_is_recognised_and_shrunk() -> None:
    of = declared(400)
    finding = find(true_chance(of))
    assessor = np.array([f"A{place % 8}" for place in range(400)])
    finding[assessor == "A0"] = "qualified"
    learnt = learn(of, visit(of, finding, assessor=assessor))
    strictness = dict(zip(learnt.assessors["assessor"], learnt.assessors["strictness"], strict=True))
    assert strictness["A0"] > 1.0
    assert max(abs(value) for name, value in strictness.items() if name != "A0") < 0.6
    assert strictness["A0"] < np.log(50 / 0.5) - LOGIT  # what fifty of fifty would say alone
    assert learnt.assessors["visits"].to_list() == [50] * 8


def test_few_visits_by_a_strict_assessor_say_less_of_him_than_many() -> None:
    found = []
    for number in (3, 40):
        of = declared(400)
        finding = find(true_chance(of))
        finding[:number] = "qualified"
        assessor = np.where(np.arange(400) < number, "A0", "A1")
        found.append(learn(of, visit(of, finding, assessor=assessor)).assessors["strictness"][0])
    assert 0 < found[0] < 0.5 * found[1]


def test_visits_without_an_assessor_teach_all_the_same() -> None:
    of = declared(300)
    learnt = learn(of, visit(of, find(true_chance(of)), assessor=None))
    assert learnt.assessors.is_empty()
    assert learnt.visits == 300


def test_that_the_chosen_are_worse_does_not_pass_for_what_their_items_say() -> None:
    of = declared(1600)
    chosen = of.decibans > np.quantile(of.decibans, 0.5)
    worse = np.where(chosen, 0.9, 0.0)  # somebody knew of them what no item says
    log_odds = LOGIT + worse
    visited = visit(of, find(1 / (1 + np.exp(-log_odds))), selected_by=np.where(chosen, "risk", "random"))
    told, untold = learn(of, visited), learn(of, visited.with_columns(selected_by=pl.lit("random")))
    assert told.chosen > 0.4
    assert told.link < untold.link - 0.1


def repeated(of: Declared, times: int, finding: object, *, elsewhere: bool) -> VisitLearning:
    """Each visited so many times in the year with the same finding: as other functions, or other organisations."""
    functions = ["commissioner", "provider", "whole"][:times]
    changes = [
        {"org_code": pl.format("{}-{}", "org_code", pl.lit(name)), "function": pl.lit("whole")}
        if elsewhere
        else {"function": pl.lit(name)}
        for name in functions
    ]
    visited, items, differences = (
        pl.concat([table.with_columns(**change) for change in changes])
        for table in (visit(of, finding).with_columns(pl.col("function").cast(pl.String)), of.items, of.differences)
    )
    return learn_from_visits(conform(visited), BeforeVisits(items, differences, WEIGHTS), MODEL, YEAR, SHARE)


def test_three_visits_to_one_organisation_in_a_year_count_as_two_to_two_organisations() -> None:
    of = declared(150)
    finding = find(true_chance(of))
    thrice, twice, elsewhere = (
        repeated(of, times, finding, elsewhere=elsewhere) for times, elsewhere in ((3, False), (2, True), (3, True))
    )
    # 3 / (1 + (3 - 1) / 4) = 2
    assert (thrice.visits, twice.visits) == (450, 300)
    assert thrice.link == pytest.approx(twice.link, abs=1e-4)
    assert thrice.link_sd == pytest.approx(twice.link_sd, abs=1e-4)
    assert thrice.weights["decibans"].item() == pytest.approx(twice.weights["decibans"].item(), abs=1e-3)
    assert elsewhere.link_sd < 0.95 * thrice.link_sd


def test_two_visits_to_one_organisation_in_a_year_say_more_than_one_and_less_than_two_to_two() -> None:
    of = declared(150)
    finding = find(true_chance(of))
    once, both, elsewhere = (
        repeated(of, times, finding, elsewhere=elsewhere).link_sd
        for times, elsewhere in ((1, False), (2, False), (2, True))
    )
    assert elsewhere < both < once


def test_all_checks_together_are_learnt_to_weigh_more_or_less_than_stated() -> None:
    of, weights = declared(2000), []
    few = WEIGHTS.with_columns(sd=pl.lit(0.01))  # a check has no room of its own, so that the factor alone is learnt
    for check in (0.0, 3.5, 7.0):
        visited = visit(of, find(true_chance(of, 1.0, check)))
        learnt = learn_from_visits(visited, BeforeVisits(of.items, of.differences, few), MODEL, YEAR, SHARE)
        weights.append(learnt.weights["decibans"].item())
    assert weights[0] < 1.5
    assert weights[1] == pytest.approx(3.5, abs=0.8)
    assert weights[2] > 5.0


def test_visits_of_a_later_year_teach_nothing() -> None:
    of = declared(300)
    later = visit(of, find(true_chance(of))).with_columns(year=pl.lit("2009/10"))
    assert learn(of, later).visits == 0
    assert learn(of, later).link == MODEL.link.quality


def test_visits_on_another_standard_teach_nothing() -> None:
    of = declared(20)
    on_another = visit(of, find(true_chance(of)), standard="C4")
    assert all_visits({"visits": on_another}, "C2").is_empty()
    assert all_visits({"visits": on_another}, "C4").height == 20
    assert all_visits({"visits": on_another.with_columns(standard=pl.lit(None, pl.String))}, "C2").height == 20


def test_what_is_known_today_says_less_of_a_visit_of_years_ago() -> None:
    of, sds = declared(600), []
    for year, ago in ((YEAR, 0), ("2006/07", 2), ("2003/04", 5)):
        faded = find(true_chance(of, MODEL.history.fading**ago))
        sds.append(learn(of, visit(of, faded, year=year)).link_sd)
    assert sds[0] < sds[1] < sds[2] < MODEL.link.sd


def test_a_function_of_former_years_is_held_against_all_of_todays() -> None:
    items = pl.DataFrame({"org_code": ["R1", "R1"], "function": ["commissioner", "provider"], "decibans": [9.0, -9.0]})
    no_differences = declared(0).differences
    learnt = learn_from_visits(
        visits(("R1", "2006/07", "random", "qualified")),
        BeforeVisits(items, no_differences, WEIGHTS),
        MODEL,
        YEAR,
        SHARE,
    )
    mean = learn_from_visits(
        visits(("R1", "2006/07", "random", "qualified")),
        BeforeVisits(
            items.head(1).with_columns(function=pl.lit("whole"), decibans=pl.lit(0.0)), no_differences, WEIGHTS
        ),
        MODEL, YEAR, SHARE,
    )  # fmt: skip
    assert learnt.visits == 1
    assert learnt.link == mean.link


def test_the_order_of_visits_changes_no_byte() -> None:
    of = declared(200)
    visited = visit(of, find(true_chance(of)), assessor=np.where(np.arange(200) % 3 == 0, "A1", "A2"))
    one, other = learn(of, visited), learn(of, visited.sample(fraction=1.0, shuffle=True, seed=4))
    assert (one.link, one.link_sd, one.chosen) == (other.link, other.link_sd, other.chosen)
    assert one.weights.equals(other.weights)
    assert one.assessors.equals(other.assessors)
