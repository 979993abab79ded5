"""What several tests stand on: the embedded collection, the reference folder, one run of the whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from crosscheck.questionnaire import Questionnaire, read_questionnaire

ROOT = Path(__file__).resolve().parent.parent
COLLECTION = ROOT / "data" / "england-2008-09"
SHARED = ROOT.parent / "shared"


@pytest.fixture(scope="session")
def questionnaire() -> Questionnaire:
    return read_questionnaire(ROOT / "data" / "c2" / "questionnaire.csv")


@pytest.fixture(scope="session")
def collection_folder() -> Path:
    return COLLECTION


@pytest.fixture(scope="session")
def shared() -> Path:
    if not SHARED.is_dir():
        pytest.skip("the folder of reference numbers is not beside this checkout")
    return SHARED
