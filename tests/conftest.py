"""What several tests stand on: the embedded collection, the reference folder, one run of the whole."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from crosscheck.questionnaire import Questionnaire, read_questionnaire

if TYPE_CHECKING:
    from playwright.sync_api import Browser

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


@pytest.fixture(scope="session")
def national_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One run of the embedded collection, for whoever reads a run; nobody may write into it."""
    from click.testing import CliRunner

    from crosscheck.cli import main

    folder = tmp_path_factory.mktemp("national") / "run"
    told = CliRunner().invoke(main, ["run", str(COLLECTION), "--year", "2008/09", "--out", str(folder)])
    assert told.exit_code == 0, told.output
    return folder


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, as `.ci/run` installs it."""
    chromium = shutil.which("chromium")
    if not chromium:
        pytest.skip("there is no Chromium: apt-get install chromium")
    from playwright.sync_api import sync_playwright

    quiet = ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
    quiet += ["--disable-component-update", "--disable-sync", "--no-sandbox"]
    with sync_playwright() as started:
        opened = started.chromium.launch(executable_path=chromium, args=quiet)
        yield opened
        opened.close()
