"""The regression that learns from visits here, on a list with real outcomes (benchmarks/ofsted.py has all years)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.ofsted import describe, judge, read_inspections
from crosscheck.risk.learn import fit_weights


def test_bad_grades_of_later_years_are_foretold_as_well_as_by_the_best_known_model(shared: Path) -> None:
    file = shared / "real" / "ofsted_next_inspection.csv.gz"
    if not file.is_file():
        pytest.skip("the list of inspections is not there")
    inspections = read_inspections(file)
    found = judge(inspections, describe(inspections), first_year=2022)
    assert found.inspections > 5_000
    assert found.auc >= 0.685
    assert found.captured >= 0.22


def test_nothing_is_learnt_where_there_is_nothing_to_learn_from() -> None:
    learnt = fit_weights(np.empty((0, 2)), np.empty(0), np.array([0.5, -1.0]), np.array([0.2, 0.3]))
    assert learnt.mean.tolist() == [0.5, -1.0]
    assert learnt.sd == pytest.approx([0.2, 0.3])


def test_true_weights_lie_in_their_intervals_nine_times_in_ten() -> None:
    generator, covered = np.random.default_rng(3), 0
    for _ in range(60):
        truth = generator.normal([0.4, -0.2, 0.0], [0.3, 0.3, 0.3])
        features = generator.standard_normal((200, 3))
        outcomes = (generator.random(200) < 1 / (1 + np.exp(1.5 - features @ truth))).astype(float)
        learnt = fit_weights(features, outcomes, np.array([0.4, -0.2, 0.0]), np.full(3, 0.3), offset=-1.5)
        covered += int((np.abs(learnt.mean - truth) < 1.645 * learnt.sd).sum())
    assert 0.85 <= covered / 180 <= 0.95
