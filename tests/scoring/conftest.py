from __future__ import annotations

import pytest

from crosscheck.scoring.model import IndicatorModel, read_indicator_model
from crosscheck.settings import model_file


@pytest.fixture(scope="session")
def model() -> IndicatorModel:
    return read_indicator_model(model_file("C2", "indicators", "v2"))
