"""Scores of made-up organisations: what a real one with the same answer or figure has, and nobody else is moved."""

from __future__ import annotations

from statistics import NormalDist

import polars as pl
import pytest

from crosscheck.scoring.beside import score_answers_beside, step_figures
from crosscheck.scoring.indicators import score_answers, score_figures
from crosscheck.scoring.model import IndicatorModel
from tests.scoring.test_scores import (
    ACUTE,
    KEPT,
    MIXED,
    QUESTIONS,
    answers,
    every_kind,
    figures,
    organisations,
    with_kind,
)

NORMAL = NormalDist()
MANY = organisations(acute=70)  # enough that none is filled up with others' answers
DAYS = [(at * 7) % 31 for at in range(70)]


def values(name: str, *given: float, org_type: str = "acute") -> pl.DataFrame:
    return pl.DataFrame({"value": given}, schema={"value": pl.Float64}).with_columns(
        org_type=pl.lit(org_type), indicator=pl.lit(name)
    )


def test_a_level_scores_what_its_place_among_the_peers_answers_says(model: IndicatorModel) -> None:
    given = answers("policy.kept", level=KEPT)
    scored = score_answers_beside(values("policy.kept", 2, 0), given, QUESTIONS, ACUTE, model).sort("value")
    even = (60 - 12 + 4) / 3
    assert scored["value"].to_list() == [0, 2]
    assert scored["z"].to_list() == pytest.approx(
        [-NORMAL.inv_cdf((1 + even) / 2 / 64), -NORMAL.inv_cdf(1 - (8 + even) / 2 / 64)]
    )


@pytest.mark.parametrize("name", ["training.days", "training.steps", "training.level1_pct"])
@pytest.mark.parametrize("given", [0.0, 14.0, 30.0])
def test_a_number_scores_what_one_more_organisation_with_it_would_score(
    model: IndicatorModel, name: str, given: float
) -> None:
    beside = score_answers_beside(values(name, given), answers(name, MANY, number=DAYS), QUESTIONS, MANY, model)
    more = organisations(acute=71)
    among = score_answers(answers(name, more, number=[*DAYS, given]), QUESTIONS, more, model)
    assert beside["z"].to_list() == pytest.approx(among.filter(pl.col("org_code") == "AC70")["z"].to_list())


def test_what_is_asked_of_nobody_or_answered_by_too_few_peers_has_no_score(model: IndicatorModel) -> None:
    few = organisations(acute=9)
    given = answers("policy.kept", few, level=KEPT[:9])
    assert score_answers_beside(values("policy.kept", 0), given, QUESTIONS, few, model).is_empty()
    given = answers("policy.kept", level=KEPT)
    asked = pl.concat([values("policy.kept", 1), values("policy.kept", 1, org_type="pct"), values("policy.none", 1)])
    assert score_answers_beside(asked, given, QUESTIONS, ACUTE, model)["org_type"].to_list() == ["acute"]


def test_each_type_is_scored_beside_its_own_peers(model: IndicatorModel) -> None:
    both = organisations(acute=70, pct=70)
    given = answers("training.days", both, number=[*DAYS, *(60 + days for days in DAYS)])
    asked = pl.concat([values("training.days", 60.0, org_type="pct"), values("training.days", 30.0)])
    scored = score_answers_beside(asked, given, QUESTIONS, both, model)
    worse = dict(scored.select("org_type", "z").rows())
    assert worse["pct"] > 1, "the fewest days of its type"
    assert worse["acute"] < -1, "the most days of its type"


def has_the_score_of_a_peer(model: IndicatorModel, given: pl.DataFrame, of: pl.DataFrame) -> pl.DataFrame:
    """The steps of figures, each beside the score of a peer of the type that has the very figure."""
    steps = step_figures(given, of, model)
    peers = score_figures(given, of, model).join(of.select("org_code", "org_type"), on="org_code")
    same = steps.join(
        peers.select("org_type", "indicator", "value", own="z").unique(), on=["org_type", "indicator", "value"]
    )
    assert same.height == steps.height > 0
    assert same["z"].to_list() == pytest.approx(same["own"].to_list(), abs=1e-6)
    return steps


def test_a_step_of_any_kind_of_figure_scores_what_a_peer_with_it_scores(model: IndicatorModel) -> None:
    steps = has_the_score_of_a_peer(model, every_kind(), MIXED)
    assert steps["indicator"].n_unique() == 6
    assert set(steps["org_type"]) == {"acute", "ambulance", "mental_health", "pct"}
    ends = steps.group_by("org_type", "indicator").agg(low=pl.col("value").min(), high=pl.col("value").max())
    large = ends.filter((pl.col("indicator") == "made.large") & (pl.col("org_type") == "acute"))
    assert large.select("low", "high").row(0) == (10.0, pytest.approx(19.8))
    assert steps.group_by("org_type", "indicator").len()["len"].max() == 5


@pytest.mark.parametrize("kind", ["ratio_of_counts", "log_ratio", "mean"])
def test_a_step_of_a_figure_that_the_model_names_scores_what_a_peer_with_it_scores(
    model: IndicatorModel, kind: str
) -> None:
    named = with_kind(model, kind, sd_within=5.0 if kind == "mean" else None)
    found = [40 + 3 * at for at in range(12)]
    has_the_score_of_a_peer(named, figures(numerator=found, denominator=90, value=found), ACUTE)


def test_a_step_of_a_figure_that_is_better_the_higher_is_turned(model: IndicatorModel) -> None:
    better = figures(direction="higher_better", value=list(range(12)))
    steps = has_the_score_of_a_peer(model, better, ACUTE).sort("value")
    assert steps["z"].is_sorted(descending=True)
    assert steps["z"][0] > 1


def test_figures_without_a_worse_end_have_no_steps(model: IndicatorModel) -> None:
    assert step_figures(figures(direction="none", value=list(range(12))), ACUTE, model).is_empty()
