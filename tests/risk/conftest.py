"""Lists of a tenth of the embedded collection, and of the whole, with the evidence for their risks."""

from __future__ import annotations

from pathlib import Path

import pytest

from crosscheck.collection.read import Collection, read_collection
from crosscheck.questionnaire import Questionnaire
from crosscheck.standard import Standard
from tests.risk.known import Listed, list_all


@pytest.fixture(scope="session")
def collection_of_few(few: Path, questionnaire: Questionnaire) -> Collection:
    return read_collection(few, questionnaire)


@pytest.fixture(scope="session")
def listed(collection_of_few: Collection, standard: Standard) -> Listed:
    """The list of a tenth of the embedded collection."""
    return list_all(collection_of_few, standard)


@pytest.fixture(scope="session")
def national(collection: Collection, standard: Standard) -> Listed:
    """The list of the whole embedded collection."""
    return list_all(collection, standard)
