"""What fuzzing started from and what it found is read again in every test run: no traceback, whatever the bytes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.soak.readers import READERS, seeds

CASES = [(reader, file) for reader in READERS for file in seeds(reader)]


@pytest.mark.parametrize(("reader", "file"), CASES, ids=[f"{reader}/{file.name}" for reader, file in CASES])
def test_a_reader_ends_with_a_reading_or_an_error_of_the_collection(reader: str, file: Path) -> None:
    READERS[reader](file.read_bytes())


def test_every_reader_has_a_corpus() -> None:
    assert all(seeds(reader) for reader in READERS)
