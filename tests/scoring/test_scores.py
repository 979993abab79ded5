from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from statistics import NormalDist

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from crosscheck.contract.inputs import INPUTS
from crosscheck.contract.outputs import OUTPUTS
from crosscheck.questionnaire import Question, Questionnaire
from crosscheck.scoring.indicators import score_answers, score_figures
from crosscheck.scoring.model import Indicator, IndicatorModel
from crosscheck.vocabulary import ABSENCE, BANDS

NORMAL = NormalDist()
KEY = ("indicator", "org_code")


def organisations(**counts: int) -> pl.DataFrame:
    """That many organisations of each type, each with every service."""
    rows = [
        {"org_code": f"{org_type[:2].upper()}{number:02}", "org_type": org_type, "services": ["children", "maternity"]}
        for org_type, count in counts.items()
        for number in range(count)
    ]
    schema = {"org_code": pl.String, "org_type": pl.String, "services": pl.List(pl.String)}
    return pl.DataFrame(rows, schema=schema).with_columns(region=pl.lit("North"))


ACUTE = organisations(acute=12)


def figures(  # one row an organisation, in the organisations' order
    of: pl.DataFrame = ACUTE, name: str = "made.up", direction: str = "lower_better", **columns: object
) -> pl.DataFrame:
    source, indicator = name.split(".")
    constants = {"source": source, "indicator": indicator, "period": "2008", "direction": direction} | {
        column: value for column, value in columns.items() if not isinstance(value, list)
    }
    lists = {column: value for column, value in columns.items() if isinstance(value, list)}
    stated = of.select("org_code").with_columns(
        *(pl.lit(value).alias(column) for column, value in constants.items()),
        *(pl.Series(column, value) for column, value in lists.items()),
    )
    schema = INPUTS["indicators"].schema
    missing = [pl.lit(None).alias(column) for column in schema if column not in stated.columns]
    return stated.with_columns(missing).select(schema.names()).cast(schema)


def with_kind(model: IndicatorModel, kind: str, **rest: object) -> IndicatorModel:
    """The model with a figure `made.up` of this kind."""
    entry = Indicator("made", "up", "Made up", kind, "lower_better", "things", "medium", "a reason", **rest)
    return replace(model, indicators={**model.indicators, entry.name: entry})


def of_first(scores: pl.DataFrame, column: str) -> object:
    return scores.filter(pl.col("org_code") == "AC00")[column].item()


VALUES = [20, 18, 17, 16, 15, 14, 13, 12, 11, 10, 9, 8]


def test_scores_have_the_promised_columns_and_types_and_the_further_ones(model: IndicatorModel) -> None:
    scores = score_figures(figures(value=VALUES), ACUTE, model)
    promised = OUTPUTS["scores"].schema
    assert scores.columns == [*promised, "source", "label", "kind", "relevance", "direction", "q_value", "band_q"]
    assert scores.select(promised.names()).schema == promised


def test_no_figures_give_no_scores_of_the_same_shape(model: IndicatorModel) -> None:
    scores = score_figures(INPUTS["indicators"].empty(), ACUTE, model)
    assert scores.is_empty()
    assert scores.schema == score_figures(figures(value=VALUES), ACUTE, model).schema


def test_a_large_proportion_is_scored_in_percent_and_allows_for_dispersion(model: IndicatorModel) -> None:
    found = [300, 260, 240, 230, 220, 210, 200, 190, 180, 170, 160, 100]
    scores = score_figures(figures(numerator=found, denominator=400), ACUTE, model)
    pooled = sum(found) / 4800
    z = (math.asin(math.sqrt(0.75)) - math.asin(math.sqrt(pooled))) * 40
    tau2 = of_first(scores, "tau2")
    assert isinstance(tau2, float)
    assert of_first(scores, "value") == pytest.approx(75)
    assert of_first(scores, "expected") == pytest.approx(100 * pooled)
    assert of_first(scores, "z_unadjusted") == pytest.approx(z)
    assert of_first(scores, "z") == pytest.approx(z / 40 / math.sqrt(1 / 1600 + tau2))
    assert of_first(scores, "n") == 400
    assert of_first(scores, "kind") == "proportion"
    assert tau2 > 0


def test_small_numbers_are_scored_exactly(model: IndicatorModel) -> None:
    scores = score_figures(figures(numerator=[4, *[2] * 11], denominator=4), ACUTE, model)
    share = 26 / 48
    assert of_first(scores, "z_unadjusted") == pytest.approx(NORMAL.inv_cdf(1 - share**4 / 2))


def test_small_numbers_are_not_exempt_from_dispersion(model: IndicatorModel) -> None:
    found, total = [350, 300, 280, 240, 200, 180, 150, 120, 100, 60, 40, 8], [*[400] * 11, 10]
    scores = score_figures(figures(numerator=found, denominator=total), ACUTE, model).sort("org_code")
    small = scores.row(-1, named=True)
    factor = math.sqrt(1 / 40 / (1 / 40 + small["tau2"]))
    assert small["n"] == 10
    assert small["z"] == pytest.approx(small["z_unadjusted"] * factor)
    assert abs(small["z"]) < abs(small["z_unadjusted"])


def test_dispersion_can_be_multiplicative(model: IndicatorModel) -> None:
    found = [300, 260, 240, 230, 220, 210, 200, 190, 180, 170, 160, 100]
    multiplicative = replace(model, adjustment="multiplicative")
    scores = score_figures(figures(numerator=found, denominator=400), ACUTE, multiplicative)
    ratio = scores["z_unadjusted"] / scores["z"]
    assert ratio.to_list() == pytest.approx(scores["phi"].sqrt().to_list())


def test_a_ratio_is_scored_against_one(model: IndicatorModel) -> None:
    scores = score_figures(figures(numerator=[144, *[100] * 11], denominator=100, kind="ratio"), ACUTE, model)
    assert of_first(scores, "value") == pytest.approx(1.44)
    assert of_first(scores, "expected") == 1
    assert of_first(scores, "z_unadjusted") == pytest.approx(4)


def test_a_ratio_of_counts_is_scored_against_the_ratio_of_the_sums(model: IndicatorModel) -> None:
    counts = figures(numerator=[100, *[200] * 11], denominator=400)
    scores = score_figures(counts, ACUTE, with_kind(model, "ratio_of_counts"))
    assert of_first(scores, "value") == 0.25
    assert of_first(scores, "expected") == pytest.approx(2300 / 4800)


def test_a_mean_is_scored_by_the_spread_within(model: IndicatorModel) -> None:
    means = figures(value=[13, *[10] * 11], denominator=100)
    scores = score_figures(means, ACUTE, with_kind(model, "mean", sd_within=5.0))
    assert of_first(scores, "expected") == pytest.approx(10.25)
    assert of_first(scores, "z_unadjusted") == pytest.approx(2.75 / 0.5)


def test_a_mean_without_its_people_is_compared_apart_as_a_number(model: IndicatorModel) -> None:
    everyone = organisations(acute=14)
    given = figures(everyone, value=[13.0] * 14, denominator=[*[100] * 12, 0, None])
    scores = score_figures(given, everyone, with_kind(model, "mean", sd_within=5.0)).sort("org_code")
    assert scores["org_code"].to_list() == [*everyone["org_code"][:12], "AC13"]
    assert scores["kind"].to_list() == [*["mean"] * 12, "number"]


def test_a_percentage_without_counts_is_scored_by_its_logit(model: IndicatorModel) -> None:
    shares = [80, 70, 60, 60, 50, 50, 50, 40, 40, 40, 30, 20]
    scores = score_figures(figures(value=shares), ACUTE, with_kind(model, "percent"))
    scaled = [math.log(share / (100 - share)) for share in shares]
    deviation = sorted(abs(logit) for logit in scaled)
    spread = 1.482602218505602 * (deviation[5] + deviation[6]) / 2
    assert of_first(scores, "expected") == 50
    assert of_first(scores, "z") == pytest.approx(scaled[0] / spread)


def test_a_percentage_of_none_or_all_is_held_half_a_percent_short_of_the_end(model: IndicatorModel) -> None:
    percent = with_kind(model, "percent")
    ends = score_figures(figures(value=[100, 0, *range(30, 40)]), ACUTE, percent).sort("org_code")["z"]
    held = score_figures(figures(value=[99.5, 0.5, *range(30, 40)]), ACUTE, percent).sort("org_code")["z"]
    near = score_figures(figures(value=[99, 1, *range(30, 40)]), ACUTE, percent).sort("org_code")["z"]
    assert ends.to_list() == pytest.approx(held.to_list())
    assert ends[0] > near[0]
    assert ends[1] < near[1]


def test_numbers_are_scored_by_their_distance_from_the_median(model: IndicatorModel) -> None:
    scores = score_figures(figures(value=[-2.0, -1, 0, 0, 0, 1, 1, 1, 2, 2, 2, 4]), ACUTE, model).sort("org_code")
    assert scores["expected"][0] == 1
    assert scores["z"][0] == pytest.approx(-3 / 1.482602218505602)
    assert scores["kind"].unique().to_list() == ["number"]


def test_numbers_skewed_to_the_right_are_scored_by_their_logarithm(model: IndicatorModel) -> None:
    values = [1000, 0, 1, 1, 2, 2, 3, 3, 4, 5, 7, 12]
    scores = score_figures(figures(value=values), ACUTE, model)
    logs = sorted(math.log1p(value) for value in values)
    centre = (logs[5] + logs[6]) / 2
    deviations = sorted(abs(log - centre) for log in logs)
    spread = 1.482602218505602 * (deviations[5] + deviations[6]) / 2
    assert of_first(scores, "z") == pytest.approx((math.log1p(1000) - centre) / spread)


def test_numbers_of_which_some_are_negative_keep_their_own_scale(model: IndicatorModel) -> None:
    values = [1000, -2, -1, -1, 0, 0, 0, 0, 1, 1, 2, 12]
    assert of_first(score_figures(figures(value=values), ACUTE, model), "z") == pytest.approx(1000 / 1.482602218505602)


def test_what_is_expected_of_a_grade_is_a_grade(model: IndicatorModel) -> None:
    grades = figures(value=[1] * 6 + [2] * 6, name="internal_audit.safeguarding_opinion")
    assert score_figures(grades, ACUTE, model)["expected"].unique().to_list() == [1]


def test_exactly_as_expected_is_a_plain_zero(model: IndicatorModel) -> None:
    scores = score_figures(
        figures(direction="higher_better", value=[-5, -4, -3, -2, -1, 0, 0, 1, 2, 3, 4, 5]), ACUTE, model
    )
    assert [math.copysign(1, z) for z in scores["z"] if z == 0] == [1, 1]


def test_grades_are_scored_by_rank(model: IndicatorModel) -> None:
    grades = figures(value=[1, 2, 2, 2, 3, 3, 3, 3, 3, 4, 4, 4], name="internal_audit.safeguarding_opinion")
    scores = score_figures(grades, ACUTE, model)
    assert of_first(scores, "z") == pytest.approx(-NORMAL.inv_cdf(0.5 / 12))
    assert of_first(scores, "expected") == 3
    assert of_first(scores, "relevance") == "high"


def test_a_named_figure_goes_by_the_model_whatever_its_row_says(model: IndicatorModel) -> None:
    name = "staff_survey.child_protection_training_pct"
    counts = {"numerator": [20 * rank for rank in range(1, 13)], "denominator": 400}
    as_named = score_figures(figures(name=name, direction="higher_better", **counts), ACUTE, model)
    otherwise = score_figures(figures(name=name, direction="lower_better", kind="ratio", **counts), ACUTE, model)
    assert_frame_equal(as_named, otherwise)
    assert of_first(as_named, "label") == model.indicators[name].label


def test_a_figure_that_no_model_names_goes_by_its_own_columns_and_weighs_nothing(model: IndicatorModel) -> None:
    scores = score_figures(figures(name="new.figure", value=VALUES), ACUTE, model)
    assert scores["indicator"].unique().to_list() == ["new.figure"]
    assert of_first(scores, "label") == "figure"
    assert of_first(scores, "relevance") == "none"
    assert of_first(scores, "z") > 1


def test_a_proportion_without_its_counts_is_compared_apart_as_a_percentage(model: IndicatorModel) -> None:
    counted = figures(numerator=[30] * 12, denominator=60, kind="proportion")
    without = {"numerator": None, "denominator": None, "value": 55.0}
    mixed = counted.with_columns(
        pl.when(pl.col("org_code") == "AC00").then(pl.lit(value)).otherwise(column).alias(column)
        for column, value in without.items()
    )
    scores = score_figures(mixed, ACUTE, model)
    assert of_first(scores, "kind") == "percent"
    assert of_first(scores, "band") == "too_few_peers"
    assert scores.height == 12


def test_only_the_newest_of_several_periods_is_scored(model: IndicatorModel) -> None:
    newest = figures(value=VALUES)
    older = figures(value=VALUES[::-1]).with_columns(period=pl.lit("2007"))
    assert_frame_equal(score_figures(pl.concat([newest, older]), ACUTE, model), score_figures(newest, ACUTE, model))


def test_an_absent_figure_is_not_zero_and_moves_nobody(model: IndicatorModel) -> None:
    everyone = organisations(acute=13)
    absent = figures(everyone, value=[*VALUES, None])
    scores = score_figures(absent, everyone, model)
    assert "AC12" not in scores["org_code"]
    assert_frame_equal(scores, score_figures(figures(value=VALUES), ACUTE, model))


@pytest.mark.parametrize(
    ("kind", "numerator", "denominator"),
    [("proportion", 0, 0), ("proportion", 7, 5), ("ratio", 0, 0), ("ratio", 7, 0)],
)
def test_a_figure_that_can_not_be_is_not_scored_and_moves_nobody(
    model: IndicatorModel, kind: str, numerator: int, denominator: int
) -> None:
    everyone = organisations(acute=13)
    found = list(range(100, 220, 10))
    impossible = figures(everyone, numerator=[*found, numerator], denominator=[*[400] * 12, denominator], kind=kind)
    scores = score_figures(impossible, everyone, model)
    assert_frame_equal(scores, score_figures(figures(numerator=found, denominator=400, kind=kind), ACUTE, model))


def test_figures_of_others_than_the_organisations_are_not_scored(model: IndicatorModel) -> None:
    fewer = ACUTE.head(11)
    assert score_figures(figures(value=VALUES), fewer, model)["org_code"].to_list() == fewer["org_code"].to_list()


def test_a_figure_of_which_neither_end_is_worse_is_shown_and_not_scored(model: IndicatorModel) -> None:
    scores = score_figures(figures(direction="none", value=VALUES), ACUTE, model)
    assert scores["band"].unique().to_list() == ["no_direction"]
    assert scores.select(pl.col("z", "z_unadjusted", "q_value").null_count()).row(0) == (12, 12, 12)
    assert scores["expected"].unique().to_list() == [13.5]


def test_too_few_peers_give_no_score(model: IndicatorModel) -> None:
    few = organisations(acute=4, pct=5)
    scores = score_figures(figures(few, value=VALUES[:9]), few, model)
    assert scores["band"].unique().to_list() == ["too_few_peers"]
    assert scores["peer_group"].unique().to_list() == ["all"]
    assert scores.select(pl.col("expected", "z", "z_unadjusted", "phi", "q_value").null_count()).row(0) == (9,) * 5
    assert scores["value"].null_count() == 0


def test_a_small_type_is_compared_with_all_providers(model: IndicatorModel) -> None:
    mixed = organisations(acute=12, ambulance=3, pct=12)
    values = [*VALUES, 30, 14, 2, *[100 + value for value in VALUES]]
    scores = score_figures(figures(mixed, value=values), mixed, model)
    groups = scores.select("peer_group", type=pl.col("org_code").str.head(2)).unique().sort("type").rows()
    assert groups == [("acute", "AC"), ("providers", "AM"), ("pct", "PC")]
    assert scores.filter(pl.col("peer_group") == "providers")["expected"].unique().to_list() == [14]
    assert scores.filter(pl.col("peer_group") == "acute")["expected"].unique().to_list() == [13.5]


@pytest.mark.parametrize(
    ("count", "band"), [(0, "as_expected"), (2.0, "somewhat"), (2.7, "notably"), (3.2, "far")], ids=BANDS
)
def test_a_band_says_how_far_on_either_side(model: IndicatorModel, count: float, band: str) -> None:
    unspread = [10.0, 10, 10, 9, 9, 9, 11, 11, 11, 10]
    for side in (-1, 1):
        far = 10 + side * count * 1.482602218505602
        scores = score_figures(figures(value=[far, -far + 20, *unspread]), ACUTE, replace(model))
        assert of_first(scores, "band") == band
        assert of_first(scores, "z") == pytest.approx(side * count, abs=1e-9)


MIXED = organisations(acute=15, ambulance=4, mental_health=12, pct=14)


def every_kind() -> pl.DataFrame:
    """Figures of every kind, large and small, over all types; the higher the organisation's number the higher."""
    count = MIXED.height
    return pl.concat(
        [
            figures(MIXED, "made.large", numerator=[100 + 7 * at for at in range(count)], denominator=1000),
            figures(MIXED, "made.small", numerator=[at % 7 for at in range(count)], denominator=8),
            figures(MIXED, "made.ratio", numerator=[3 + at % 20 for at in range(count)], denominator=9, kind="ratio"),
            figures(MIXED, "made.number", value=[(at * 37) % 50 for at in range(count)]),
            figures(MIXED, "workforce.sickness_absence_pct", value=[1 + (at * 7) % 50 for at in range(count)]),
            figures(MIXED, "litigation_authority.risk_management_level", value=[1 + at % 3 for at in range(count)]),
        ]
    )


def test_the_order_of_the_rows_changes_nothing(model: IndicatorModel) -> None:
    given = every_kind()
    shuffled = given.sample(fraction=1, shuffle=True, seed=3)
    organisations_shuffled = MIXED.sample(fraction=1, shuffle=True, seed=4)
    assert score_figures(shuffled, organisations_shuffled, model).equals(score_figures(given, MIXED, model))


def test_turning_a_direction_round_turns_the_sign(model: IndicatorModel) -> None:
    given = every_kind().filter(pl.col("source") == "made")
    lower = score_figures(given, MIXED, model)
    higher = score_figures(given.with_columns(direction=pl.lit("higher_better")), MIXED, model)
    assert higher["z"].to_list() == (-lower["z"] + 0.0).to_list()
    assert lower["z"].abs().max() > 1


def test_the_worst_of_everything_scores_worst_everywhere(model: IndicatorModel) -> None:
    """The polarity gate: the made-up organisation of which every figure is at its worst."""
    given = every_kind()
    higher = pl.col("indicator") == "risk_management_level"
    worst = given.filter(pl.col("org_code") == "AC00").with_columns(
        org_code=pl.lit("WORST"),
        numerator=pl.when(pl.col("kind") == "ratio").then(90.0).otherwise("denominator"),
        value=pl.when(pl.col("denominator").is_null()).then(pl.when(higher).then(0.0).otherwise(99.0)),
    )
    everyone = pl.concat([MIXED, MIXED.head(1).with_columns(org_code=pl.lit("WORST"))])
    scores = score_figures(pl.concat([given, worst]), everyone, model).filter(pl.col("peer_group") == "acute")
    assert scores["indicator"].n_unique() == 6
    for (indicator,), of_one in scores.group_by("indicator"):
        assert of_one.filter(pl.col("z") == pl.col("z").max())["org_code"].to_list() == ["WORST"], indicator


def test_no_score_is_a_number_that_is_none(model: IndicatorModel) -> None:
    scores = score_figures(every_kind(), MIXED, model)
    assert scores.select(pl.selectors.float().is_nan().any()).row(0) == (False,) * 8
    assert scores.select(pl.selectors.float().is_infinite().any()).row(0) == (False,) * 8


def test_each_organisation_has_one_score_a_figure_in_order(model: IndicatorModel) -> None:
    scores = score_figures(every_kind(), MIXED, model)
    assert scores.select(KEY).is_unique().all()
    assert scores.equals(scores.sort(KEY))
    assert scores.height == every_kind().height


def test_a_q_value_is_never_less_than_the_chance_itself(model: IndicatorModel) -> None:
    scores = score_figures(every_kind(), MIXED, model).drop_nulls("z")
    chance = [2 * (1 - NORMAL.cdf(abs(z))) for z in scores["z"]]
    assert all(q >= p - 1e-12 for q, p in zip(scores["q_value"], chance, strict=True))
    assert scores["q_value"].max() <= 1


def question(name: str, answer_type: str, direction: str = "higher_better", **rest: object) -> Question:
    stated: dict[str, object] = {
        "levels": (),
        "org_types": ("acute", "pct"),
        "services": (),
        "repeated": False,
    }
    return Question(
        question_id=name,
        text=f"What of {name}?",
        answer_type=answer_type,
        unit="",
        direction=direction,
        requirement="statutory",
        basis="",
        where="",
        **(stated | rest),
    )


QUESTIONS = Questionnaire(
    {
        asked.question_id: asked
        for asked in (
            question("policy.kept", "ordinal", levels=("none", "some", "all")),
            question("policy.there", "yes_no", levels=("no", "yes")),
            question("training.level1_pct", "percent"),
            question("training.days", "number"),
            question("training.steps", "number", "lower_better"),
            question("training.budget", "number", "none"),
            question("reviews.begun", "yes_no", levels=("no", "yes"), repeated=True),
            question("births.joint", "yes_no", levels=("no", "yes"), org_types=("acute",), services=("maternity",)),
        )
    },
    digest="",
)


def answers(name: str, of: pl.DataFrame = ACUTE, item: int = 0, **given: Sequence[object]) -> pl.DataFrame:
    """One row an organisation, in the organisations' order; `level`, `number` or `absence` given."""
    stated = of.select("org_code").with_columns(
        question_id=pl.lit(name),
        item=pl.lit(item, dtype=pl.UInt8),
        level=pl.Series(given.get("level", [None] * of.height), dtype=pl.String),
        number=pl.Series(given.get("number", [None] * of.height), dtype=pl.Float64),
        absence=pl.Series(given.get("absence", [None] * of.height), dtype=ABSENCE),
    )
    return stated.select("org_code", "question_id", "item", "level", "number", "absence")


KEPT = ["none", *["some"] * 3, *["all"] * 8]


def test_a_level_is_scored_by_its_rank_among_the_levels_of_the_questionnaire(model: IndicatorModel) -> None:
    scores = score_answers(answers("policy.kept", level=KEPT), QUESTIONS, ACUTE, model)
    assert of_first(scores, "value") == 0
    even = (60 - 12 + 4) / 3  # twelve answers are filled up to sixty, and four are spread in all
    assert of_first(scores, "expected") == 1
    assert of_first(scores, "z") == pytest.approx(-NORMAL.inv_cdf((1 + even) / 2 / 64))
    assert of_first(scores, "source") == "policy"
    assert of_first(scores, "label") == "What of policy.kept?"
    assert of_first(scores, "relevance") == "answer"
    assert of_first(scores, "kind") == "ordinal"


def test_scores_of_answers_and_of_figures_go_together(model: IndicatorModel) -> None:
    of_answers = score_answers(answers("policy.kept", level=KEPT), QUESTIONS, ACUTE, model)
    of_figures = score_figures(figures(value=VALUES), ACUTE, model)
    assert pl.concat([of_figures, of_answers]).height == 24


def test_a_no_is_worse_than_a_yes(model: IndicatorModel) -> None:
    given = answers("policy.there", level=["no", "no", *["yes"] * 10])
    scores = score_answers(given, QUESTIONS, ACUTE, model).sort("org_code")
    assert scores["value"].to_list() == [0, 0, *[1] * 10]
    assert scores["z"][0] > 0 > scores["z"][2]


def test_a_low_percentage_of_trained_staff_is_worse(model: IndicatorModel) -> None:
    many = organisations(acute=67)
    given = answers("training.level1_pct", many, number=[5, *list(range(40, 95, 5)) * 6])
    scores = score_answers(given, QUESTIONS, many, model)
    assert of_first(scores, "z") == scores["z"].max()
    assert of_first(scores, "band") == "far"


@pytest.mark.parametrize(("name", "worst"), [("training.days", 1), ("training.steps", 12)])
def test_numbers_are_worse_on_the_side_that_the_questionnaire_says(
    model: IndicatorModel, name: str, worst: int
) -> None:
    scores = score_answers(answers(name, number=list(range(1, 13))), QUESTIONS, ACUTE, model)
    assert scores.sort("z")["value"][-1] == worst


def test_a_question_without_a_worse_end_is_not_scored(model: IndicatorModel) -> None:
    assert score_answers(answers("training.budget", number=VALUES), QUESTIONS, ACUTE, model).is_empty()


def test_the_two_reviews_are_scored_apart(model: IndicatorModel) -> None:
    many = organisations(acute=80)
    first = answers("reviews.begun", many, item=1, level=["no", *["yes"] * 79])
    second = answers("reviews.begun", many, item=2, level=["yes"] * 80)
    scores = score_answers(pl.concat([first, second]), QUESTIONS, many, model)
    worst = scores.filter(pl.col("org_code") == "AC00").select("indicator", "z").rows()
    assert [name for name, _ in worst] == ["review1.reviews.begun", "review2.reviews.begun"]
    assert worst[0][1] > 1
    assert worst[1][1] == pytest.approx(NORMAL.inv_cdf((80 + 2) / 2 / 84))


@pytest.mark.parametrize("absence", ["no_answer", "not_known", "not_applicable"])
def test_no_absence_counts_as_the_worst_level_or_as_any(model: IndicatorModel, absence: str) -> None:
    everyone = organisations(acute=13)
    given = answers("policy.kept", everyone, level=[*KEPT, None], absence=[*[None] * 12, absence])
    scores = score_answers(given, QUESTIONS, everyone, model)
    assert_frame_equal(scores, score_answers(answers("policy.kept", level=KEPT), QUESTIONS, ACUTE, model))


def test_an_answer_that_was_not_asked_for_is_nobodys_peer(model: IndicatorModel) -> None:
    others = organisations(acute=3, pct=2).with_columns(
        pl.col("org_code") + "x",
        services=pl.Series([[], ["children"], [], ["maternity"], []], dtype=pl.List(pl.String)),
    )
    everyone = pl.concat([ACUTE, others])
    level = ["no", *["yes"] * 11]
    given = answers("births.joint", everyone, level=[*level, *["no"] * 5])
    scores = score_answers(given, QUESTIONS, everyone, model)
    assert_frame_equal(scores, score_answers(answers("births.joint", level=level), QUESTIONS, ACUTE, model))


def test_an_organisation_whose_services_are_not_known_counts_as_asked(model: IndicatorModel) -> None:
    unknown = ACUTE.with_columns(services=pl.lit(None, dtype=pl.List(pl.String)))
    given = answers("births.joint", level=["yes"] * 12)
    assert score_answers(given, QUESTIONS, unknown, model).height == 12


def test_answers_of_different_types_are_compared_apart(model: IndicatorModel) -> None:
    both = organisations(acute=60, pct=60)
    given = answers("training.days", both, number=[*list(range(1, 13)) * 5, *list(range(21, 33)) * 5])
    scores = score_answers(given, QUESTIONS, both, model)
    expected = dict(scores.select("peer_group", "expected").unique().rows())
    assert expected == {"acute": pytest.approx(6.5, abs=0.3), "pct": pytest.approx(26.5, abs=0.3)}


def test_the_order_of_the_answers_changes_nothing(model: IndicatorModel) -> None:
    both = organisations(acute=12, pct=12)
    given = pl.concat(
        [
            answers("policy.kept", both, level=KEPT * 2),
            answers("training.days", both, number=[(at * 7) % 11 for at in range(24)]),
            answers("training.level1_pct", both, number=[(at * 13) % 101 for at in range(24)]),
        ]
    )
    shuffled = given.sample(fraction=1, shuffle=True, seed=5)
    assert score_answers(shuffled, QUESTIONS, both.reverse(), model).equals(
        score_answers(given, QUESTIONS, both, model)
    )


def test_the_worst_answer_to_every_question_scores_worst_everywhere(
    model: IndicatorModel, questionnaire: Questionnaire
) -> None:
    """The polarity gate over the whole questionnaire: one of each type answers its worst, the rest well."""
    services = list(questionnaire.services)
    everyone = organisations(acute=60, ambulance=60, mental_health=60, pct=60).with_columns(services=pl.lit(services))
    worst_of_all = pl.col("org_code").str.ends_with("00")
    given = []
    for asked, item in product(questionnaire, (0, 1, 2)):
        if asked.direction != "none" and asked.repeated == (item > 0):
            worst, best = (asked.levels[0], asked.levels[-1]) if asked.has_levels else (1.0, 9.0)
            if asked.direction == "lower_better":
                worst, best = best, worst
            column = "level" if asked.has_levels else "number"
            blank = answers(asked.question_id, everyone, item=item)
            given.append(
                blank.with_columns(pl.when(worst_of_all).then(pl.lit(worst)).otherwise(pl.lit(best)).alias(column))
            )
    scores = score_answers(pl.concat(given), questionnaire, everyone, model)
    assert scores.filter(worst_of_all)["z"].min() > 1
    assert scores.filter(~worst_of_all)["z"].max() < 0.05
    columns = [column for asked in questionnaire if asked.direction != "none" for column in asked.columns]
    assert sorted(scores["indicator"].unique()) == sorted(columns)
