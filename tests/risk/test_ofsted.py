"""The list's own model, on a list with real outcomes (benchmarks/ofsted.py has all years)."""

from __future__ import annotations

from pathlib import Path

from benchmarks.ofsted import describe, judge, read_inspections


def test_bad_grades_of_later_years_are_foretold_by_the_lists_own_model(shared: Path) -> None:
    inspections = read_inspections(shared / "real" / "ofsted_next_inspection.csv.gz")
    found = judge(inspections, describe(inspections), first_year=2022)
    assert found.inspections > 5_000
    assert found.auc >= 0.680
    assert found.captured >= 0.21
    assert abs(found.mean_risk - found.bad) < 0.04
