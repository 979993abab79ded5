from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal
from sklearn.covariance import ledoit_wolf
from sklearn.ensemble import IsolationForest
from sklearn.neighbors import NearestNeighbors

from crosscheck.errors import ModelError
from crosscheck.figures.dispersion import Floats
from crosscheck.scoring.answering import Distances
from crosscheck.scoring.exploratory import ExploratoryModel, read_exploratory_model
from crosscheck.scoring.outliers import (
    CONTRIBUTIONS,
    OUTLIERS,
    Outliers,
    find_outliers,
    isolate,
    leave_the_core,
    look_around,
)
from crosscheck.settings import model_file
from crosscheck.vocabulary import ABSENCE

FILE = model_file("C2", "screens", "v1")
MODEL = read_exploratory_model(FILE)
DETECTORS = ["isolation_forest", "neighbours", "robust_distance"]
QUESTIONS = [f"{section}.q{number}" for section in ("audit", "policies", "training") for number in range(6)]
ODD = "AC07"


def rows(count: int = 60, columns: int = 8, seed: int = 4) -> Floats:
    """Correlated ordinary rows; the first is far out in the third column."""
    generator = np.random.default_rng(seed)
    drawn = generator.standard_normal((count, columns)) + generator.standard_normal((count, 1))
    drawn[0, 2] = 9.0
    return drawn


def every_distance(matrix: Floats) -> dict[str, Distances]:
    return {
        "isolation_forest": isolate(matrix, 100, seed=1),
        "neighbours": look_around(matrix, 5),
        "robust_distance": leave_the_core(matrix, np.arange(matrix.shape[1]), 0.75),
    }


def organisations(org_type: str = "acute", count: int = 40) -> pl.DataFrame:
    codes = [f"{org_type[:2].upper()}{number:02}" for number in range(count)]
    return pl.DataFrame({"org_code": codes, "organisation.org_type": org_type})


def scored(of: pl.DataFrame, seed: int = 3) -> pl.DataFrame:
    """One row an organisation and question, of which a tenth are absent."""
    generator = np.random.default_rng(seed)
    scores = of.select("org_code").join(pl.DataFrame({"indicator": QUESTIONS}), how="cross")
    drawn = pl.Series("z", generator.standard_normal(scores.height))
    there = pl.Series(generator.random(scores.height) > 0.1)
    return scores.with_columns(drawn).filter(there)


def cases_of(of: pl.DataFrame, absent: dict[tuple[str, str], str] | None = None) -> pl.DataFrame:
    """The organisations with why each answer is absent: nowhere, but as told by organisation and question."""
    told = absent or {}
    why = [
        pl.Series(f"{name}?", [told.get((code, name)) for code in of["org_code"]], dtype=ABSENCE) for name in QUESTIONS
    ]
    return of.with_columns(pl.lit("whole").alias("function"), *why)


def screen(scores: pl.DataFrame, cases: pl.DataFrame) -> Outliers:
    return find_outliers(scores, cases, MODEL)


def weightiest(found: Outliers, org_code: str, detector: str) -> str:
    of_this = (pl.col("org_code") == org_code) & (pl.col("detector") == detector)
    name = found.contributions.filter(of_this)["name"][0]
    assert isinstance(name, str)
    return name


ACUTE = organisations()
SCORES = scored(ACUTE)
CASES = cases_of(ACUTE)


@pytest.mark.parametrize("detector", DETECTORS)
def test_the_contributions_add_up_to_the_distance(detector: str) -> None:
    found = every_distance(rows())[detector]
    np.testing.assert_allclose(found.parts.sum(axis=1), found.distance, rtol=1e-12)


@pytest.mark.parametrize("detector", DETECTORS)
def test_a_row_that_is_far_out_in_one_column_is_the_oddest_because_of_that_column(detector: str) -> None:
    found = every_distance(rows())[detector]
    assert found.distance.argmax() == 0
    assert found.parts[0].argmax() == 2


@pytest.mark.parametrize("count", [60, 400])
def test_the_forest_gives_the_path_lengths_behind_the_score_of_scikit_learn(count: int) -> None:
    matrix = rows(count)
    found = isolate(matrix, 50, seed=8).distance
    score = -IsolationForest(n_estimators=50, random_state=8).fit(matrix).score_samples(matrix)
    sample = min(count, 256)
    unsplit = 2 * (np.log(sample - 1) + np.euler_gamma) - 2 * (sample - 1) / sample
    path = -np.log2(score) * unsplit
    np.testing.assert_allclose(found - found[0], path[0] - path, atol=1e-9)


def test_the_forest_is_odd_on_average_by_nothing() -> None:
    assert isolate(rows(), 100, seed=1).distance.mean() == pytest.approx(0, abs=1e-9)


def test_the_neighbours_distance_is_the_mean_that_scikit_learn_gives() -> None:
    distances, _ = NearestNeighbors(n_neighbors=5).fit(rows()).kneighbors()
    np.testing.assert_allclose(look_around(rows(), 5).distance, distances.mean(axis=1), rtol=1e-12)


def test_rows_that_are_the_same_are_no_distance_apart() -> None:
    assert look_around(np.ones((12, 3)), 5).distance.tolist() == [0.0] * 12


def test_the_robust_distance_of_normal_rows_is_that_of_their_true_covariance() -> None:
    generator = np.random.default_rng(0)
    covariance = np.array([[1.0, 0.8, 0.0], [0.8, 1.0, 0.0], [0.0, 0.0, 1.0]])
    matrix = generator.multivariate_normal(np.zeros(3), covariance, size=4000)
    true = (matrix * np.linalg.solve(covariance, matrix.T).T).sum(axis=1)
    found = leave_the_core(matrix, np.arange(3), 1.0).distance
    assert np.median(np.abs(found / true - 1)) < 0.05


def test_a_tenth_of_far_rows_does_not_hide_itself_from_the_robust_distance() -> None:
    matrix = rows(100)
    matrix[:10] += [8.0, -8.0] * 4
    assert set(np.argsort(-leave_the_core(matrix, np.arange(8), 0.75).distance)[:10]) == set(range(10))


def test_more_columns_than_rows_leave_the_robust_distance_finite() -> None:
    matrix = rows(30, 80)
    assert np.isfinite(leave_the_core(matrix, np.arange(80) // 10, 0.75).parts).all()


def test_columns_of_one_block_are_summed_before_their_covariance() -> None:
    matrix = rows(60, 4)
    scaled = (matrix - np.median(matrix, axis=0)) / matrix.std(axis=0)
    summed = scaled.reshape(60, 2, 2).sum(axis=2) / np.sqrt(2)
    apart = summed - summed.mean(axis=0)
    by_hand = (apart * np.linalg.solve(ledoit_wolf(summed)[0], apart.T).T).sum(axis=1)
    found = leave_the_core(matrix, np.array([0, 0, 1, 1]), 1.0).distance
    np.testing.assert_allclose(found, by_hand, rtol=1e-9)


def test_an_organisation_that_answers_unlike_its_type_is_oddest_by_every_detector() -> None:
    strange = pl.col("org_code") == ODD
    scores = SCORES.with_columns(pl.when(strange).then(pl.col("z").sign() * 3.5).otherwise("z").alias("z"))
    scores = scores.with_columns(
        pl.when(strange & pl.col("indicator").str.starts_with("audit")).then(3.5).otherwise("z").alias("z")
    )
    oddest = screen(scores, CASES).outliers.sort("oddness").group_by("detector").last()
    assert oddest["org_code"].to_list() == [ODD] * 3


@pytest.mark.parametrize("absence", ["no_answer", "not_known", "not_applicable"])
def test_each_absence_is_information_of_its_own_kind(absence: str) -> None:
    answered = SCORES.filter(~((pl.col("org_code") == ODD) & pl.col("indicator").str.starts_with("audit")))
    absent = cases_of(ACUTE, {(ODD, "audit.q0"): absence})
    assert weightiest(screen(answered, absent), ODD, "robust_distance") == f"audit.q0: {absence}"


def test_two_kinds_of_absence_are_not_taken_for_each_other() -> None:
    half = {(code, "audit.q0"): "not_known" for code in ACUTE["org_code"][:20]}
    alike = screen(SCORES, cases_of(ACUTE, half))
    unlike = screen(SCORES, cases_of(ACUTE, half | {(ACUTE["org_code"][0], "audit.q0"): "no_answer"}))
    assert not alike.contributions["name"].str.contains("no_answer").any()
    assert unlike.contributions["name"].str.contains("audit.q0: no_answer").any()


def test_a_section_that_does_not_apply_to_some_counts_once() -> None:
    whole = {(code, name): "not_applicable" for code in ACUTE["org_code"][:3] for name in QUESTIONS[:6]}
    one = {(code, QUESTIONS[0]): "not_applicable" for code in ACUTE["org_code"][:3]}
    assert_frame_equal(screen(SCORES, cases_of(ACUTE, whole)).outliers, screen(SCORES, cases_of(ACUTE, one)).outliers)


def test_an_organisation_without_a_single_answer_is_screened_all_the_same() -> None:
    silent = {(ODD, name): "no_answer" for name in QUESTIONS}
    found = screen(SCORES.filter(pl.col("org_code") != ODD), cases_of(ACUTE, silent)).outliers
    assert found.filter(pl.col("org_code") == ODD).height == 3
    assert found["oddness"].is_finite().all()


def test_oddness_is_comparable_between_types_and_detectors() -> None:
    both = pl.concat([ACUTE, organisations("pct", 90)])
    found = screen(scored(both), cases_of(both)).outliers
    spread = found.group_by("org_type", "detector").agg(pl.col("oddness").mean().alias("mean"), pl.col("oddness").std())
    assert spread.height == 6
    assert spread["mean"].abs().max() < 1e-9
    assert spread["oddness"].is_between(0.9, 1.0).all()


def test_a_type_is_compared_with_itself_only() -> None:
    both = pl.concat([ACUTE, organisations("pct")])
    far_off = scored(both).with_columns(
        pl.col("z") + pl.when(pl.col("org_code").str.starts_with("PC")).then(3).otherwise(0)
    )
    alone = far_off.filter(pl.col("org_code").str.starts_with("AC"))
    of_both = screen(far_off, cases_of(both)).outliers.filter(pl.col("org_type") == "acute")
    assert_frame_equal(of_both, screen(alone, CASES).outliers)


def test_too_few_organisations_of_a_type_are_not_screened() -> None:
    few = organisations("ambulance", MODEL.oddness.least - 1)
    found = screen(scored(few), cases_of(few))
    assert_frame_equal(found.outliers, OUTLIERS.to_frame())
    assert_frame_equal(found.contributions, CONTRIBUTIONS.to_frame())


def test_organisations_of_which_nothing_is_known_are_not_screened() -> None:
    assert screen(SCORES.clear(), CASES).outliers.is_empty()


def test_two_declarations_of_one_organisation_count_once() -> None:
    twice = pl.concat([CASES, CASES.with_columns(pl.lit("provider").alias("function"))])
    assert_frame_equal(screen(SCORES, twice).outliers, screen(SCORES, CASES).outliers)


def test_the_order_of_the_rows_changes_nothing() -> None:
    many = organisations(count=300)  # more than a tree of the forest looks at
    scores, cases = scored(many), cases_of(many)
    mixed = screen(scores.sample(fraction=1, shuffle=True, seed=2), cases.sample(fraction=1, shuffle=True, seed=9))
    ordered = screen(scores, cases)
    assert mixed.outliers.equals(ordered.outliers)
    assert mixed.contributions.equals(ordered.contributions)


def test_only_the_weightiest_contributions_are_kept_and_come_first() -> None:
    kept = screen(SCORES, CASES).contributions
    of_each = kept.group_by("org_code", "detector", maintain_order=True).agg("contribution")
    assert of_each["contribution"].list.len().unique().to_list() == [MODEL.oddness.named]
    assert all(each.is_sorted(descending=True) for each in of_each["contribution"])


def test_both_frames_have_the_promised_columns() -> None:
    found = screen(SCORES, CASES)
    assert found.outliers.schema == OUTLIERS
    assert found.contributions.schema == CONTRIBUTIONS


def test_every_problem_of_the_model_file_is_told_at_once(tmp_path: Path) -> None:
    wrong = FILE.read_text(encoding="utf-8").replace("trees = 100", "trees = 1").replace("folds = 5", "fold = 5")
    (tmp_path / "v1.toml").write_text(wrong, encoding="utf-8")
    with pytest.raises(ModelError) as caught:
        read_exploratory_model(tmp_path / "v1.toml")
    told = "\n".join(caught.value.problems)
    assert all(name in told for name in ("oddness.trees", "surprise.folds", "surprise.fold:"))


def test_a_model_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no such model file"):
        read_exploratory_model(tmp_path / "v9.toml")


def test_a_model_file_that_is_no_toml_is_told_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "v1.toml").write_text("seed = = 1", encoding="utf-8")
    with pytest.raises(ModelError, match="line 1"):
        read_exploratory_model(tmp_path / "v1.toml")


def test_the_seed_is_part_of_the_model() -> None:
    other = ExploratoryModel.model_validate(MODEL.model_dump() | {"seed": 7})
    one, two = screen(SCORES, CASES).outliers, find_outliers(SCORES, CASES, other).outliers
    forest = pl.col("detector") == "isolation_forest"
    assert not one.filter(forest).equals(two.filter(forest))
    assert one.filter(~forest).equals(two.filter(~forest))


def test_a_score_counts_no_further_than_it_is_held_at_on_either_side() -> None:
    one = (pl.col("org_code") == ODD) & (pl.col("indicator") == "audit.q0")
    for side in (-1, 1):
        far, held = (
            SCORES.with_columns(pl.when(one).then(side * at).otherwise("z").alias("z"))
            for at in (3 * MODEL.oddness.held_at, MODEL.oddness.held_at)
        )
        assert_frame_equal(screen(far, CASES).outliers, screen(held, CASES).outliers)


def test_distances_and_contributions_are_told_to_nine_places() -> None:
    found = screen(SCORES, CASES)
    for told in (found.outliers["distance"], found.contributions["contribution"]):
        assert told.equals(told.round(9))
