from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal
from sklearn.metrics import log_loss, roc_auc_score

from crosscheck.scoring.exploratory import ExploratoryModel, read_exploratory_model
from crosscheck.scoring.unexpected_declarations import (
    UNEXPECTED_DECLARATIONS,
    PredictionFit,
    _summarise,
    predict_statuses,
)
from crosscheck.settings import model_file
from crosscheck.vocabulary import ABSENCE, ABSENCES, STATUS

MODEL = read_exploratory_model(model_file("C2", "screens", "v1"))
SECTIONS = ("audit", "policies", "staffing", "training")
COUNT = 300
CODES = [f"R{number:03}" for number in range(COUNT)]
TRUSTS = pl.DataFrame({"org_code": CODES, "badness": np.random.default_rng(11).standard_normal(COUNT)})


def scores(signal: float) -> pl.DataFrame:
    """Six answers a section of each trust, each as much worse as the trust is bad, times `signal`, and a figure."""
    items = [(f"{section}.q{number}", section, "answer") for section in SECTIONS for number in range(6)]
    named = pl.DataFrame(
        [*items, ("census.x", "census", "high")], schema=["indicator", "source", "relevance"], orient="row"
    )
    crossed = TRUSTS.join(named, how="cross")
    noise = pl.Series("z", np.random.default_rng(12).standard_normal(crossed.height))
    return crossed.with_columns(noise).with_columns(pl.col("z") + signal * pl.col("badness"))


def cases(seed: int = 13, share: float = 0.07) -> pl.DataFrame:
    """One declaration a trust, the first forty with two; the odds of not declaring compliance go with how bad it is."""
    chance = 1 / (1 + np.exp(-(np.log(share) + 1.5 * TRUSTS["badness"].to_numpy())))
    otherwise = np.random.default_rng(seed).random(COUNT) < chance
    status = pl.Series("declared.status", np.where(otherwise, "not_met", "compliant"), dtype=STATUS)
    why = pl.lit(None, dtype=ABSENCE)
    single = TRUSTS.select("org_code").with_columns(status, function=pl.lit("whole"))
    first = pl.col("org_code").is_in(CODES[:40])
    both = [single.filter(first).with_columns(function=pl.lit(name)) for name in ("provider", "commissioner")]
    joined = pl.concat([single.filter(~first), *both])
    return joined.with_columns(
        pl.lit("pct").alias("organisation.org_type"), *(why.alias(f"{section}.q1?") for section in SECTIONS)
    )


def shuffled(of: pl.DataFrame, seed: int) -> pl.DataFrame:
    """The same statuses on other organisations; two declarations of one stay alike."""
    pairs = of.select("org_code", "declared.status").unique("org_code").sort("org_code")
    moved = pairs.with_columns(pl.col("declared.status").shuffle(seed))
    return of.drop("declared.status").join(moved, on="org_code")


def foretell(given: pl.DataFrame, signal: float) -> PredictionFit:
    return predict_statuses(given, scores(signal), MODEL)[1]


CASES = cases()
SURPRISING, FORETOLD = predict_statuses(CASES, scores(0.6), MODEL)
BOTH = SURPRISING.join(CASES, on=["org_code", "function"])
COMPLIES = pl.col("declared.status") == "compliant"


def test_a_planted_signal_is_foretold_beyond_chance() -> None:
    assert FORETOLD.gain > 2 * FORETOLD.gain_error
    assert FORETOLD.auc > 0.75


def test_shuffled_statuses_are_not_foretold_beyond_chance() -> None:
    gains = [foretell(shuffled(CASES, seed), 0.6).gain for seed in range(8)]
    assert np.mean(gains) < 2 * np.std(gains) / np.sqrt(len(gains))
    assert max(gains) < FORETOLD.gain / 3
    assert min(gains) > -FORETOLD.base_log_loss / 10


def test_evidence_without_a_signal_foretells_nothing() -> None:
    found = foretell(CASES, 0.0)
    assert found.gain < 2 * found.gain_error
    assert found.log_loss == pytest.approx(found.base_log_loss, rel=0.05)


def test_no_declaration_is_explained_by_itself_or_by_its_organisations_other_one() -> None:
    """Sixty sections of noise tell every organisation from all others: a memory of either would foretell very well."""
    sections = pl.DataFrame({"source": [f"s{number:02}" for number in range(60)]})
    crossed = TRUSTS.join(sections, how="cross").with_columns(indicator="source", relevance=pl.lit("answer"))
    noise = crossed.with_columns(z=pl.Series(np.random.default_rng(5).standard_normal(crossed.height)))
    single = CASES.unique("org_code")
    paired = pl.concat([single.with_columns(function=pl.lit(name)) for name in ("provider", "commissioner")])
    found = predict_statuses(paired, noise, MODEL)[1]
    assert found.gain < found.gain_error
    assert found.auc < 0.65


def test_compliance_against_the_evidence_is_a_positive_surprise_and_the_other_way_a_negative_one() -> None:
    assert BOTH.filter(COMPLIES)["surprise"].min() > 0
    assert BOTH.filter(~COMPLIES)["surprise"].max() < 0


def test_the_surprise_is_the_bits_of_what_is_declared() -> None:
    declared = pl.when(COMPLIES).then(1 - pl.col("expected_not_compliant")).otherwise("expected_not_compliant")
    np.testing.assert_allclose(BOTH["surprise"].abs(), -np.log2(BOTH.select(declared).to_series()), rtol=1e-12)


def test_the_worse_the_evidence_the_greater_the_surprise_of_compliance() -> None:
    of_both = BOTH.filter(COMPLIES).join(TRUSTS, on="org_code")
    assert of_both.select(pl.corr("badness", "surprise", method="spearman")).item() > 0.8


def test_what_is_said_of_the_prediction_is_what_scikit_learn_says() -> None:
    otherwise = BOTH.select(~COMPLIES).to_series().to_numpy()
    expected = BOTH["expected_not_compliant"].to_numpy()
    assert FORETOLD.log_loss == pytest.approx(log_loss(otherwise, expected) / np.log(2))
    assert FORETOLD.auc == pytest.approx(roc_auc_score(otherwise, expected))
    assert FORETOLD.gain == pytest.approx(FORETOLD.base_log_loss - FORETOLD.log_loss)
    assert FORETOLD.not_compliant == otherwise.sum()


def test_the_expectations_are_calibrated_by_fifths() -> None:
    fifths = FORETOLD.fifths
    assert fifths["fifth"].to_list() == [1, 2, 3, 4, 5]
    assert fifths.schema["fifth"] == pl.UInt8
    assert fifths["declarations"].sum() == CASES.height
    error = (fifths["expected"] * (1 - fifths["expected"]) / fifths["declarations"] * 2).sqrt()
    assert ((fifths["declared"] - fifths["expected"]).abs() < 3 * error + 0.01).all()
    assert fifths["expected"].is_sorted()


def test_an_absent_section_moves_no_prediction_by_a_level() -> None:
    without = scores(0.6).filter((pl.col("org_code") != CODES[50]) | (pl.col("source") != "audit"))
    found, _ = predict_statuses(CASES, without, MODEL)
    assert found["expected_not_compliant"].is_finite().all()


def test_how_much_is_absent_is_evidence() -> None:
    quiet = TRUSTS.filter(pl.col("badness") > 1)["org_code"].to_list()
    absent = pl.when(pl.col("org_code").is_in(quiet)).then(pl.lit("not_known", dtype=ABSENCE))
    told = CASES.with_columns(absent.alias(f"{section}.q1?") for section in SECTIONS)
    assert foretell(told, 0.0).auc > foretell(CASES, 0.0).auc + 0.1


def test_where_hardly_any_declare_otherwise_the_base_rate_is_expected_of_all() -> None:
    few = CASES.with_columns(
        pl.when(pl.col("org_code") == CODES[200])
        .then(pl.lit("not_met"))
        .otherwise(pl.lit("compliant"))
        .cast(STATUS)
        .alias("declared.status")
    )
    found, said = predict_statuses(few, scores(0.6), MODEL)
    assert found["expected_not_compliant"].n_unique() == 1
    assert said.gain == 0
    assert said.auc == 0.5
    assert said.penalties == ()


def test_where_all_declare_compliance_nothing_fails() -> None:
    alike = CASES.with_columns(pl.lit("compliant", dtype=STATUS).alias("declared.status"))
    found, said = predict_statuses(alike, scores(0.6), MODEL)
    assert said.not_compliant == 0
    assert (found["surprise"] > 0).all()


def test_figures_without_relevance_or_direction_are_no_evidence() -> None:
    idle = (
        scores(0.6)
        .filter(pl.col("source") == "census")
        .with_columns(pl.lit("none").alias("relevance"), indicator=pl.lit("census.y"), z=pl.col("badness"))
    )
    blank = idle.with_columns(relevance=pl.lit("high"), z=pl.lit(None, dtype=pl.Float64))
    more = pl.concat([scores(0.6), idle, blank])
    assert_frame_equal(predict_statuses(CASES, more, MODEL)[0], SURPRISING)


def test_the_order_of_the_rows_changes_nothing() -> None:
    mixed = scores(0.6).sample(fraction=1, shuffle=True, seed=3)
    found, said = predict_statuses(CASES.sample(fraction=1, shuffle=True, seed=4), mixed, MODEL)
    assert found.equals(SURPRISING)
    assert said.log_loss == FORETOLD.log_loss


def test_the_seed_fixes_the_folds() -> None:
    other = ExploratoryModel.model_validate(MODEL.model_dump() | {"seed": 7})
    assert not predict_statuses(CASES, scores(0.6), other)[0].equals(SURPRISING)


def test_each_declaration_has_one_row_of_the_promised_shape() -> None:
    assert SURPRISING.schema == UNEXPECTED_DECLARATIONS
    assert_frame_equal(
        SURPRISING.select("org_code", "function"), CASES.select("org_code", "function").sort("org_code", "function")
    )


def test_the_unit_of_a_summary_changes_no_prediction() -> None:
    held = scores(0.6).with_columns(z=pl.col("z").clip(-2, 2))
    of_audit = pl.col("source") == "audit"
    smaller = held.with_columns(z=pl.when(of_audit).then(pl.col("z") / 8).otherwise("z"))
    before, after = (predict_statuses(CASES, given, MODEL)[0]["expected_not_compliant"] for given in (held, smaller))
    assert after.to_list() == pytest.approx(before.to_list(), rel=1e-6)


def test_each_kind_of_absence_is_summed_up_as_its_share_of_all_questions() -> None:
    told = CASES.head(3).with_columns(
        pl.Series("audit.q1?", ["not_known", None, "no_answer"], dtype=ABSENCE),
        pl.Series("policies.q1?", ["not_known", None, "not_known"], dtype=ABSENCE),
    )
    summaries = _summarise(told, scores(0.0), MODEL.surprise.held_at)
    assert summaries[:, : len(ABSENCES)].tolist() == [
        [{"not_known": 0.5}.get(kind, 0.0) for kind in ABSENCES],
        [0.0] * len(ABSENCES),
        [{"not_known": 0.25, "no_answer": 0.25}.get(kind, 0.0) for kind in ABSENCES],
    ]


def test_a_section_is_summed_up_by_the_mean_of_its_scores_as_far_as_they_are_held() -> None:
    one = pl.DataFrame(
        [
            (CODES[50], "audit", "answer", 99.0), (CODES[50], "audit", "answer", 1.0),
            (CODES[50], "census", "high", -1.0),
        ],
        schema=["org_code", "source", "relevance", "z"], orient="row",
    )  # fmt: skip
    summaries = _summarise(CASES.filter(pl.col("org_code") == CODES[50]), one, MODEL.surprise.held_at)
    assert summaries[0, -2:].tolist() == [(MODEL.surprise.held_at + 1) / 2, -1.0]
    others = _summarise(CASES.filter(pl.col("org_code") == CODES[51]), one, MODEL.surprise.held_at)
    assert np.isnan(others[0, -2:]).all()
