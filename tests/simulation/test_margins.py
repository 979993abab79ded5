from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl
import pytest

from crosscheck.questionnaire import Questionnaire
from crosscheck.simulation.margins import Target, find_margin
from crosscheck.simulation.model import Mechanism
from crosscheck.simulation.world import World
from crosscheck.vocabulary import ORG_TYPES

_NUMBERS = {"acute": 169, "ambulance": 11, "mental_health": 59, "pct": 153}
_BOUNDS = {"equal_0": (0.0, 0.0), "at_least_5": (5.0, np.inf)}


def _share(level: str, value: float, types: tuple[str, ...] = ORG_TYPES, absent: float | None = None) -> Target:
    return Target("percent_of_organisations", level, types, value, absent)


def test_shares_of_one_type_and_of_all_types_hold_together(questionnaire: Questionnaire) -> None:
    question = questionnaire["case_reviews.framework"]
    margin = find_margin(question, [_share("yes", 83), _share("yes", 45, ("ambulance",))], _NUMBERS)
    yes = margin.levels[:, question.levels.index("yes")]
    numbers = np.array(list(_NUMBERS.values()))
    assert yes[ORG_TYPES.index("ambulance")] == pytest.approx(0.45, abs=1e-4)
    assert yes @ numbers / numbers.sum() == pytest.approx(0.83, abs=1e-4)


def test_a_share_of_several_levels_together_holds(questionnaire: Questionnaire) -> None:
    question = questionnaire["human_resources.crb_checks"]
    margin = find_margin(question, [_share("all_since_2002+all_staff", 87), _share("all_staff", 24)], _NUMBERS)
    assert margin.levels[0] == pytest.approx([0.13, 0.63, 0.24], abs=1e-4)


def test_what_is_published_as_not_applicable_stays_in_the_base(questionnaire: Questionnaire) -> None:
    question = questionnaire["policies.gp_registration"]
    margin = find_margin(question, [_share("yes", 10, ("mental_health",), 76)], _NUMBERS)
    row = ORG_TYPES.index("mental_health")
    assert margin.levels[row].sum() + margin.absences[row].sum() == pytest.approx(1)
    assert margin.levels[row, 1] == pytest.approx(0.10, abs=1e-4)
    assert margin.absences[row].tolist() == pytest.approx([0, 0, 0.76], abs=1e-4)


def test_what_the_mean_of_all_leaves_over_is_the_others(questionnaire: Questionnaire) -> None:
    targets = [Target("mean_percent", "", kinds, value, None) for kinds, value in ((ORG_TYPES, 54.0), (("pct",), 60.0))]
    means = find_margin(questionnaire["training.level1_pct"], targets, _NUMBERS).means
    assert means[ORG_TYPES.index("pct")] == 60
    assert means @ np.array(list(_NUMBERS.values())) / 392 == pytest.approx(54)


def test_answers_come_within_sampling_error_of_the_published_figures(
    worlds: list[World], targets: dict[str, list[Target]]
) -> None:
    """Over six worlds the median of all differences is below one point, and nine in ten are below four."""
    differences = _differences(worlds, targets)
    assert len(differences) > 360
    assert np.median(differences) < 1.0
    assert np.quantile(differences, 0.9) < 4.0


@pytest.mark.parametrize("mechanism", ["breaches", "honest", "all_best"])
def test_so_they_do_where_breaches_matter_and_where_some_answer_everything_best(
    mechanism: Mechanism, of_mechanism: Callable[[Mechanism], list[World]], targets: dict[str, list[Target]]
) -> None:
    """Over three worlds."""
    differences = _differences(of_mechanism(mechanism), targets)
    assert np.median(differences) < 1.3
    assert np.quantile(differences, 0.9) < 5.0


def _differences(worlds: list[World], targets: dict[str, list[Target]]) -> list[float]:
    answers = pl.concat(made.tables["answers"].join(made.tables["organisations"], on="org_code") for made in worlds)
    by_question = answers.partition_by("question_id", as_dict=True)
    return [
        abs(found - target.value)
        for name, rows in targets.items()
        for target in rows
        if (found := _found(by_question[name,], target)) is not None
    ]


def _found(answers: pl.DataFrame, target: Target) -> float | None:
    """The same figure in the invented answers, in percent; None for figures of another kind."""
    of_types = answers.filter(pl.col("org_type").is_in(list(target.org_types)))
    kept = (pl.col("absence") == "not_applicable") if target.not_applicable is not None else pl.lit(value=False)
    base = of_types.filter(pl.col("absence").is_null() | kept)
    if target.statistic == "mean_percent":
        return float(str(base["number"].mean()))
    if target.statistic not in ("percent_of_organisations", "percent_of_reviews"):
        return None
    if target.level in _BOUNDS:
        return 100 * float(str(base["number"].drop_nulls().is_between(*_BOUNDS[target.level]).mean()))
    if target.level in ("unclear", "no_response"):
        return None
    named = base["level"].is_in(target.level.split("+")).fill_null(value=False)
    return 100 * float(str(named.mean()))
