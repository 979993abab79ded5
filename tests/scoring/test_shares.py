"""Answers beside those of few peers: nobody's score hangs on one return, and a worse answer is never scored better."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crosscheck.collection.read import Collection
from crosscheck.figures.dispersion import Floats
from crosscheck.questionnaire import Question, Questionnaire
from crosscheck.scoring.indicators import score_answers
from crosscheck.scoring.model import Answers, IndicatorModel, Range
from crosscheck.scoring.polarity import PolarityModel, read_polarity_model
from crosscheck.scoring.shares import (
    Distribution,
    fill_up,
    from_scale,
    median_level,
    median_number,
    possible_numbers,
    score_levels,
    score_numbers,
    to_scale,
)
from crosscheck.settings import model_file

NORMAL = NormalDist()
FILLED = Answers(60, 4, {})
LEVELS = np.arange(4.0)
HELD = 3.0  # farther apart two scores weigh alike


def floats(*numbers: float) -> Floats:
    return np.array(numbers, dtype=np.float64)


def test_a_type_of_enough_answers_is_only_given_the_even_ones() -> None:
    own = np.repeat(LEVELS, [10, 20, 30, 40])
    others = np.repeat(LEVELS, [300, 0, 0, 0])
    filled = fill_up(own, np.concatenate([own, others]), LEVELS, FILLED)
    assert filled.weights == pytest.approx([11, 21, 31, 41])


def test_a_small_type_is_filled_up_with_other_types_answers_and_some_even_ones() -> None:
    own, others = np.repeat(LEVELS, [0, 0, 0, 10]), np.repeat(LEVELS, [140, 0, 0, 0])
    filled = fill_up(own, np.concatenate([own, others]), LEVELS, FILLED)
    lacking, even_share = 60 - 10, 60 / (140 + 60) / 4
    each = lacking * even_share + 1
    assert filled.weights == pytest.approx([lacking * 0.7 + each, each, each, 10 + each])
    assert filled.weights.sum() == pytest.approx(64)


def test_a_small_type_that_alone_is_asked_is_filled_up_evenly() -> None:
    own = np.repeat(LEVELS, [0, 0, 0, 10])
    assert fill_up(own, own, LEVELS, FILLED).weights == pytest.approx([13.5, 13.5, 13.5, 23.5])


def test_a_level_is_scored_by_the_share_below_and_half_of_the_equal() -> None:
    peers = Distribution(LEVELS, floats(10, 20, 30, 40))
    middles = [0.05, 0.2, 0.45, 0.8]
    assert score_levels(floats(3, 0, 1, 2), peers) == pytest.approx(
        [NORMAL.inv_cdf(middles[at]) for at in (3, 0, 1, 2)]
    )
    assert median_level(peers) == 2


def test_a_number_is_scored_by_its_distance_from_the_others_median_in_their_spread() -> None:
    numbers = np.random.default_rng(5).normal(50, 10, 4000)
    peers = fill_up(numbers, numbers, floats(0, 25, 50, 75, 100), FILLED)
    assert score_numbers(floats(numbers[0]), peers) == pytest.approx([(numbers[0] - 50) / 10], abs=0.05)
    assert score_numbers(numbers, peers).std() == pytest.approx(1, rel=0.03)
    assert median_number(peers) == pytest.approx(50, abs=0.5)


def test_where_most_gave_the_same_number_the_outer_quantiles_are_the_yardstick() -> None:
    numbers = np.repeat([100.0, 80.0, 60.0], [84, 10, 6])
    z = score_numbers(numbers, fill_up(numbers, numbers, floats(0, 50, 100), FILLED))
    assert -4 < z[-1] < -1
    assert z[-1] < z[90] < z[0]


def test_numbers_are_compared_on_the_scale_of_their_unit_and_read_on_their_own() -> None:
    assert to_scale(floats(50, 100, 0), "logit", 0.5) == pytest.approx([0, np.log(199), -np.log(199)])
    assert to_scale(floats(0, 1, -1), "logarithm", 0.5) == pytest.approx([0, np.log(2), 0])
    assert to_scale(floats(7, -7), "plain", 0.5).tolist() == [7, -7]
    for scale in ("plain", "logarithm", "logit"):
        assert from_scale(float(to_scale(floats(37), scale, 0.5)[0]), scale) == pytest.approx(37)
    assert possible_numbers(Range(0, 100, "logit")).tolist() == [0, 25, 50, 75, 100]


RETURNS = st.lists(st.integers(0, 3), min_size=1, max_size=40)


@given(own=RETURNS, others=st.lists(st.integers(0, 3), max_size=40), who=st.integers(0, 39), level=st.integers(0, 2))
def test_a_higher_level_of_ones_own_always_scores_higher(
    own: list[int], others: list[int], who: int, level: int
) -> None:
    scores = []
    for answered in (level, level + 1):
        answers = floats(*own)
        answers[who % len(own)] = answered
        peers = fill_up(answers, np.concatenate([answers, floats(*others)]), LEVELS, FILLED)
        scores.append(score_levels(answers, peers)[who % len(own)])
    assert scores[0] < scores[1]


@given(
    own=st.lists(st.integers(0, 100), min_size=1, max_size=40),
    others=st.lists(st.integers(0, 100), max_size=40),
    who=st.integers(0, 39),
    number=st.integers(0, 99),
)
def test_a_higher_number_of_ones_own_always_scores_higher(
    own: list[int], others: list[int], who: int, number: int
) -> None:
    scores = []
    for answered in (number, number + 1):
        answers = floats(*own)
        answers[who % len(own)] = answered
        peers = fill_up(answers, np.concatenate([answers, floats(*others)]), floats(0, 25, 50, 75, 100), FILLED)
        scores.append(score_numbers(answers, peers)[who % len(own)])
    assert np.isfinite(scores).all()
    assert scores[0] < scores[1]


@given(own=RETURNS, others=st.lists(st.integers(0, 3), max_size=40), who=st.integers(0, 39), level=st.integers(0, 3))
def test_a_higher_level_of_another_never_makes_ones_own_score_higher(
    own: list[int], others: list[int], who: int, level: int
) -> None:
    answers = floats(*own, level)
    other = who % len(own)
    before = score_levels(answers, fill_up(answers, np.concatenate([answers, floats(*others)]), LEVELS, FILLED))[-1]
    answers[other] = 3
    after = score_levels(answers, fill_up(answers, np.concatenate([answers, floats(*others)]), LEVELS, FILLED))[-1]
    assert after <= before + 1e-12


@pytest.fixture(scope="module")
def stated() -> PolarityModel:
    return read_polarity_model(model_file("C2", "polarity"))


def worst_answers(questionnaire: Questionnaire, stated: PolarityModel) -> pl.DataFrame:
    def worst(question: Question) -> tuple[str, str | None, float | None]:
        if question.has_levels:
            return question.question_id, question.levels[0 if question.direction == "higher_better" else -1], None
        return question.question_id, None, stated.units[question.unit].worst

    rows = [worst(question) for question in questionnaire if question.direction != "none"]
    schema = {"question_id": pl.String, "worst_level": pl.String, "worst_number": pl.Float64}
    return pl.DataFrame(rows, schema=schema, orient="row")


def with_all_at_worst(answers: pl.DataFrame, org_code: str, worst: pl.DataFrame) -> pl.DataFrame:
    own = pl.col("org_code") == org_code
    return answers.join(worst, on="question_id", how="left").select(
        pl.when(own & pl.col("level").is_not_null() & pl.col("worst_level").is_not_null())
        .then("worst_level")
        .otherwise("level")
        .alias("level"),
        pl.when(own & pl.col("number").is_not_null() & pl.col("worst_number").is_not_null())
        .then("worst_number")
        .otherwise("number")
        .alias("number"),
        pl.exclude("level", "number", "worst_level", "worst_number"),
    )


@pytest.mark.parametrize(
    ("org_type", "most"), [("ambulance", 0.1), ("mental_health", 0.3), ("acute", 0.2), ("pct", 0.2)]
)
def test_a_return_with_everything_at_its_worst_hardly_moves_others(
    org_type: str,
    most: float,
    collection: Collection,
    questionnaire: Questionnaire,
    model: IndicatorModel,
    stated: PolarityModel,
) -> None:
    answers, organisations = collection.tables["answers"], collection.tables["organisations"]
    worst = worst_answers(questionnaire, stated)
    before = score_answers(answers, questionnaire, organisations, model)
    answered = organisations.join(before, on="org_code", how="semi")
    codes = answered.filter(pl.col("org_type") == org_type)["org_code"].sort()
    for org_code in codes.gather_every(max(1, codes.len() // 6)):
        changed = with_all_at_worst(answers, org_code, worst)
        after = score_answers(changed, questionnaire, organisations, model)
        both = before.join(after, on=("org_code", "indicator"), suffix="_after")
        others = both.filter(pl.col("org_code") != org_code)
        moved = others["z"].clip(-HELD, HELD) - others["z_after"].clip(-HELD, HELD)
        own = both.filter(pl.col("org_code") == org_code)
        assert moved.abs().max() <= most
        assert (own["z_after"] >= own["z"] - 1e-9).all()
        assert own["z_after"].mean() > own["z"].mean() + 0.5
