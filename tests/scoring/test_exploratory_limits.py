"""What the files of screens, patterns and signs may state, and what they may not."""

from __future__ import annotations

from pathlib import Path

import pytest

from crosscheck.errors import ModelError
from crosscheck.scoring.exploratory import read_exploratory_model
from crosscheck.scoring.patterns import read_pattern_model
from crosscheck.scoring.polarity import read_polarity_model
from crosscheck.settings import model_file
from tests.limits import Limits, hold_to

SCREENS = (
    Limits("seed", [0, 7], [-1, 0.5]),
    Limits("oddness.least", [10], [9]),
    Limits("oddness.held_at", [0.1], [0]),
    Limits("oddness.trees", [10, 1000], [9, 1001]),
    Limits("oddness.neighbours", [1, 9], [0, 10]),
    Limits("oddness.core_share", [0.5, 1], [0.49, 1.01]),
    Limits("oddness.named", [1], [0]),
    Limits("surprise.held_at", [0.1], [0]),
    Limits("surprise.folds", [2, 20], [1, 21]),
    Limits("surprise.penalties", [(10.0,)], [()]),
)
PATTERNS = (
    Limits("simulation.draws", [99, 1_000_000], [98, 1_000_001]),
    Limits("simulation.twin_draws", [99, 1_000_000], [98, 1_000_001]),
    Limits("simulation.seed", [0], [-1]),
    Limits("simulation.least", [3], [2]),
)
SIGNS = (
    Limits("limits.chance", [0.001, 0.999], [0, 1]),
    Limits("limits.named_chance", [0.001, 0.999], [0, 1]),
    Limits("limits.correlation", [-1, 0], [-1.01, 0.01]),
    Limits("limits.fewest", [4], [3]),
)


@pytest.mark.parametrize("limits", SCREENS, ids=[limits.place for limits in SCREENS])
def test_a_choice_of_the_screens_is_held_to_its_limits(limits: Limits) -> None:
    hold_to(read_exploratory_model(model_file("C2", "screens")), limits)


@pytest.mark.parametrize("limits", PATTERNS, ids=[limits.place for limits in PATTERNS])
def test_a_choice_of_the_patterns_is_held_to_its_limits(limits: Limits) -> None:
    hold_to(read_pattern_model(model_file("C2", "patterns")), limits)


@pytest.mark.parametrize("limits", SIGNS, ids=[limits.place for limits in SIGNS])
def test_a_limit_of_the_signs_is_held_to_its_own(limits: Limits) -> None:
    hold_to(read_polarity_model(model_file("C2", "polarity")), limits)


def test_levels_without_a_worse_and_a_better_end_are_refused(tmp_path: Path) -> None:
    stated = model_file("C2", "polarity").read_text(encoding="utf-8")
    wrong = tmp_path / "v9.toml"
    wrong.write_text(stated + '\n[[levels]]\norder = ["yes"]\n', encoding="utf-8")
    with pytest.raises(ModelError, match="order"):
        read_polarity_model(wrong)
