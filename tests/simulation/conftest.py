from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pytest

from crosscheck import settings
from crosscheck.questionnaire import Questionnaire
from crosscheck.simulation.margins import Target, read_targets
from crosscheck.simulation.model import Mechanism, SimulationModel, WorldPlan, read_simulation_model
from crosscheck.simulation.world import World, build_world


@pytest.fixture(scope="session")
def model() -> SimulationModel:
    return read_simulation_model(settings.model_file("c2", "simulation"))


@pytest.fixture(scope="session")
def targets() -> dict[str, list[Target]]:
    return read_targets(settings.published_figures_file("c2"))


@pytest.fixture(scope="session")
def worlds(model: SimulationModel, questionnaire: Questionnaire, targets: dict[str, list[Target]]) -> list[World]:
    """Six of middling difficulty; a world takes most of a second."""
    return [build_world(WorldPlan(model), questionnaire, targets, seed) for seed in range(40, 46)]


@pytest.fixture(scope="session")
def world(model: SimulationModel, questionnaire: Questionnaire, targets: dict[str, list[Target]]) -> World:
    return build_world(WorldPlan(model), questionnaire, targets, seed=11)


@pytest.fixture(scope="session")
def of_mechanism(
    model: SimulationModel, questionnaire: Questionnaire, targets: dict[str, list[Target]]
) -> Callable[[Mechanism], list[World]]:
    """Three worlds of a mechanism, made once."""

    @cache
    def build(mechanism: Mechanism) -> list[World]:
        plan = WorldPlan(model, mechanism=mechanism)
        return [build_world(plan, questionnaire, targets, seed) for seed in (71, 72, 73)]

    return build
