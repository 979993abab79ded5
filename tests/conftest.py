"""What several tests stand on: the embedded collection, the reference folder, runs of the whole and of a few."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from crosscheck.collection.read import Collection, read_collection
from crosscheck.questionnaire import Questionnaire, read_questionnaire
from crosscheck.standard import Standard, load_standard
from tests.few import COLLECTION, cut_collection, each_tenth

if TYPE_CHECKING:
    from playwright.sync_api import Browser

ROOT = Path(__file__).resolve().parent.parent
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
def standard() -> Standard:
    return load_standard("C2")


@pytest.fixture(scope="session")
def collection(questionnaire: Questionnaire) -> Collection:
    """The embedded collection, as it is read."""
    return read_collection(COLLECTION, questionnaire)


def make_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """A folder that is made once for all the processes that share the tests, by whichever wants it first."""
    base = factory.getbasetemp()
    place = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / name
    with place.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not place.with_suffix(".made").exists():
            shutil.rmtree(place, ignore_errors=True)  # of one that failed half way
            place.mkdir()
            make(place)
            place.with_suffix(".made").touch()
    return place


def make_run(collection: Path, out: Path, *options: str) -> None:
    """Make a run by the command, and keep what it told beside it."""
    from click.testing import CliRunner

    from crosscheck.cli import main

    told = CliRunner().invoke(main, ["run", str(collection), "--year", "2008/09", "--out", str(out), *options])
    assert told.exit_code == 0, told.output
    (out.parent / f"{out.name}.txt").write_text(told.output, encoding="utf-8")


@pytest.fixture(scope="session")
def national_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One run of the embedded collection, for whoever reads a run; nobody may write into it."""
    return make_once(tmp_path_factory, "national", lambda place: make_run(COLLECTION, place / "run")) / "run"


@pytest.fixture(scope="session")
def screened_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One with the screens and without pages; nobody may write into it."""
    asked = ("--screens", "--no-pages")
    return make_once(tmp_path_factory, "screened", lambda place: make_run(COLLECTION, place / "run", *asked)) / "run"


@pytest.fixture(scope="session")
def few(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tenth of the embedded collection; nobody may write into it."""
    return (
        make_once(tmp_path_factory, "few", lambda place: cut_collection(place / "collection", each_tenth()))
        / "collection"
    )


@pytest.fixture(scope="session")
def run_of_few(few: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One run of a tenth of the embedded collection, without pages; nobody may write into it."""
    return make_once(tmp_path_factory, "of_few", lambda place: make_run(few, place / "run", "--no-pages")) / "run"


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
