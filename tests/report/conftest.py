"""The national picture in both editions, made once for the tests that read it."""

from __future__ import annotations

from pathlib import Path

import pytest

from crosscheck.collection.read import read_collection
from crosscheck.questionnaire import Questionnaire
from crosscheck.report.national.national import write_national
from crosscheck.report.national.national_report import NationalReport
from crosscheck.report.output.tables import write_parquet
from tests.conftest import COLLECTION, make_once
from tests.manifests import write_manifest


def run_of(collection: Path, questionnaire: Questionnaire, folder: Path) -> Path:
    """What a run has written by the time the picture is made of it: its manifest, and what it had read."""
    (folder / "collection").mkdir(parents=True)
    read = read_collection(collection, questionnaire)
    for name, table in read.tables.items():
        write_parquet(table, folder / "collection" / f"{name}.parquet")
    write_manifest(folder)
    return folder


@pytest.fixture(scope="session")
def picture_run(tmp_path_factory: pytest.TempPathFactory, questionnaire: Questionnaire) -> Path:
    return run_of(COLLECTION, questionnaire, tmp_path_factory.mktemp("picture") / "run")


@pytest.fixture(scope="session")
def internal(picture_run: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[NationalReport, Path]:
    folder = tmp_path_factory.mktemp("internal")
    return write_national(picture_run, folder), folder


@pytest.fixture(scope="session")
def published(picture_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_once(tmp_path_factory, "published", lambda folder: write_national(picture_run, folder, publish=True))
