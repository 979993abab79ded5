"""The whole list under a change of one thing: a threshold, what visits found, a question asked again."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from crosscheck import settings
from crosscheck.cases.cases import catalogue
from crosscheck.collection.read import Collection
from crosscheck.pipeline import cross_check
from crosscheck.risk.checks import cover_scores, find_differences, hold_below_ceilings, prior_check_weights
from crosscheck.risk.evidence import probability, solve_level
from crosscheck.risk.items import ITEMS
from crosscheck.risk.learning import BeforeVisits, learn_from_visits
from crosscheck.risk.weights import BETTER, weigh_items
from crosscheck.rulebook.load import load_rulebook
from crosscheck.standard import Standard
from tests.risk.invented import MODEL, conform
from tests.risk.known import CAPACITY, YEAR, Listed, estimate, risk_numbers

KEYS = ("org_code", "function")


def with_threshold(standard: Standard, least: int, folder: Path) -> Standard:
    """The standard with another cut-off of C2-TRN-01."""
    rules = shutil.copytree(settings.rules_folder("C2"), folder / str(least) / "c2")
    file = rules / "training" / "C2-TRN-01.toml"
    stated = file.read_text(encoding="utf-8")
    assert "expects = 'training.level1_pct >= 20'" in stated
    file.write_text(stated.replace("training.level1_pct >= 20", f"training.level1_pct >= {least}"), encoding="utf-8")
    names = catalogue(standard.questionnaire, standard.indicators.names)
    return replace(standard, rulebook=load_rulebook(rules, names))


def test_a_higher_threshold_moves_those_concerned_by_more_than_a_deciban(
    collection_of_few: Collection, standard: Standard, tmp_path: Path
) -> None:
    low, high = (
        cross_check(collection_of_few, with_threshold(standard, least, tmp_path), YEAR, CAPACITY) for least in (20, 50)
    )
    concerned = low.findings.filter((pl.col("check_id") == "C2-TRN-01") & (pl.col("verdict") == "agrees")).join(
        high.findings.filter((pl.col("check_id") == "C2-TRN-01") & (pl.col("verdict") == "differs")),
        on=KEYS,
        how="semi",
    )
    decibans = [
        outcome.risk.parts.filter(pl.col("part").is_in(["C2-TRN-01", "training.level1_pct"]))
        .group_by(KEYS)
        .agg(pl.col("decibans").sum())
        for outcome in (low, high)
    ]
    moved = (
        concerned.select(pl.col(KEYS).cast(pl.String))
        .join(decibans[0], on=KEYS, how="left")
        .join(decibans[1], on=KEYS, how="left", suffix="_high")
    )
    step = moved["decibans_high"].fill_null(0.0) - moved["decibans"].fill_null(0.0)
    assert len(step) >= 5
    assert (step > 0).all()
    assert step.median() > 1  # type: ignore[operator]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_outcomes_at_random_leave_hardly_any_difference_between_risks(national: Listed, seed: int) -> None:
    """Thirteen copies of each organisation, so that some 6,800 declarations are visited once, and found by chance."""
    known, risk = national.known, national.outcome.risk
    evidence, fitted, share = risk.evidence, risk.fitted, risk.prevalence.share
    declared = known.cases.filter(pl.col("declared.status").cast(pl.String) == "compliant")
    declared = declared.select("org_code", pl.col("function").cast(pl.String))
    stated = weigh_items(declared, evidence, fitted, MODEL, MODEL.link.quality, share).contributions
    stated = stated.filter(~pl.col("item").str.starts_with("visit."))
    weights = prior_check_weights(known.checks, known.findings, MODEL)
    differences = find_differences(hold_below_ceilings(weights), known.findings, known.applicable).with_columns(
        pl.col("function").cast(pl.String)
    )
    left = cover_scores(differences, known.checks, stated)
    sums = declared.join(left.group_by(KEYS).agg(pl.col("decibans").sum()), on=KEYS, how="left").fill_null(0.0)
    copies = pl.DataFrame({"copy": range(14)})
    copied = [
        of.join(copies, how="cross").with_columns(org_code=pl.format("{}-{}", "org_code", "copy")).drop("copy")
        for of in (sums, differences)
    ]
    found = np.random.default_rng(seed).random(copied[0].height) < 0.13
    visited = conform(
        copied[0].select(*KEYS, year=pl.lit(YEAR), selected_by=pl.lit("random"),
                         finding=pl.Series(np.where(found, "qualified", "upheld")))
    )  # fmt: skip
    assert visited.height > 6_500
    learnt = learn_from_visits(visited, BeforeVisits(*copied, weights), MODEL, YEAR, share)
    of_items = weigh_items(declared, evidence, fitted, MODEL, learnt.link, share)
    of_checks = find_differences(learnt.weights, known.findings, known.applicable).with_columns(
        pl.col("function").cast(pl.String)
    )
    again = cover_scores(of_checks, known.checks, of_items.contributions).select(*KEYS, "decibans")
    total = pl.concat([again, of_checks.select(*KEYS, "decibans")]).group_by(KEYS).agg(pl.col("decibans").sum())
    before = declared.join(total, on=KEYS, how="left").fill_null(0.0)["decibans"].to_numpy()[:, None]
    everybody = np.ones(declared.height, dtype=np.bool_)
    level = solve_level(before, np.zeros(declared.height), everybody, np.array([share]))
    risks = probability(before + level)
    assert learnt.no_relation
    assert np.quantile(risks, 0.95) - np.quantile(risks, 0.05) <= 0.08


def test_a_question_asked_twenty_times_moves_nobody_by_more_than_two_in_a_hundred(national: Listed) -> None:
    items, once = national.known.items, risk_numbers(national.outcome.risk)
    for name in ("training.level1_pct", "reporting.minuted_discussion"):
        asked = items.filter(pl.col("item") == name)
        again = [asked.with_columns(item=pl.lit(f"{name} again {copy}")) for copy in range(19)]
        often = estimate(replace(national.known, items=pl.concat([items, *again]).sort("item", "org_code")), MODEL)
        assert asked.height > 300
        assert np.abs(risk_numbers(often) - once).max() <= 0.02


def test_random_figures_are_learnt_to_say_little(national: Listed) -> None:
    known, generator = national.known, np.random.default_rng(0)
    codes = known.cases["org_code"].unique().sort()
    like = known.items.filter(pl.col("prior") == "figures.high").head(1)
    stated = {
        name: pl.lit(like[name].item()) for name in ITEMS.names() if name not in ("org_code", "item", "z", "group")
    }
    noise = [
        pl.DataFrame({"org_code": codes, "z": generator.standard_normal(codes.len())})
        .with_columns(item=pl.lit(f"noise.{number:02}"), group=pl.lit("noise"), **stated)
        .select(ITEMS.names())
        for number in range(50)
    ]
    noisy = estimate(replace(known, items=pl.concat([known.items, *noise]).sort("item", "org_code")), MODEL)
    of_noise = noisy.loadings.filter(pl.col("item").str.starts_with("noise."))
    moved = np.abs(risk_numbers(noisy) - risk_numbers(national.outcome.risk))
    assert of_noise["quality_stated"].unique().to_list() == [0.35]
    assert of_noise["quality_loading"].mean() < 0.02  # type: ignore[operator]
    # Fifty figures of the highest relevance move nearly all risks by little, and single ones by up to 24 points.
    assert np.median(moved) < 0.015
    assert np.quantile(moved, 0.9) < 0.075
    assert moved.max() < 0.28


def test_an_own_account_that_agrees_with_the_record_is_not_called_better(national: Listed) -> None:
    scores = national.outcome.scores.select("org_code", "indicator", "value", "kind")
    facts = pl.DataFrame({"record": list(MODEL.facts), "own": list(MODEL.facts.values())})
    both = (
        national.outcome.risk.parts.filter(pl.col("family") == "facts")
        .with_columns(own=pl.col("part").str.strip_prefix(BETTER))
        .join(facts, on="own")
        .join(scores.rename({"indicator": "own", "value": "answered"}), on=["org_code", "own"])
        .join(scores.rename({"indicator": "record", "value": "recorded"}), on=["org_code", "record"])
        .filter((pl.col("kind") == "percent") & (pl.col("kind_right") == "proportion") & (pl.col("decibans") > 0.1))
    )
    assert both.height > 100
    assert both.filter(pl.col("answered") <= pl.col("recorded")).height == 0
