"""What several tests stand on: the embedded collection, the reference folder, runs of the whole and of a few."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections import Counter
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
DATA = ROOT / "tests" / "data"
_DIRTY = "england-2008-09-dirty"
_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--skip-nothing", action="store_true", help="Fail if any test was skipped.")


def pytest_configure() -> None:
    """No test reads or writes the store that whoever starts the tests has named for work."""
    os.environ.pop("CROSSCHECK_STORE", None)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say in a line each what was not tried, and for want of what."""
    reasons = Counter(str(report.longrepr[2]).removeprefix("Skipped: ") for report in _skipped(terminalreporter))
    for reason, number in sorted(reasons.items()):
        terminalreporter.write_line(f"Not tried: {number} {'test' if number == 1 else 'tests'}, since {reason}.")
    if not reasons:
        terminalreporter.write_line("Nothing was left untried for want of anything.")


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter and session.config.getoption("--skip-nothing") and _skipped(reporter):
        session.exitstatus = session.exitstatus or pytest.ExitCode.TESTS_FAILED


def _skipped(reporter: pytest.TerminalReporter) -> list[pytest.TestReport]:
    return reporter.stats.get("skipped", [])


@pytest.fixture(scope="session")
def questionnaire() -> Questionnaire:
    return read_questionnaire(ROOT / "data" / "c2" / "questionnaire.csv")


@pytest.fixture(scope="session")
def collection_folder() -> Path:
    return COLLECTION


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The contract and the data to test against: of the folder beside the checkout, else those of `tests/data`."""
    return SHARED if SHARED.is_dir() else make_once(tmp_path_factory, "shared", _copy_data)


def _copy_data(place: Path) -> None:
    shutil.copytree(DATA, place, dirs_exist_ok=True)
    shutil.unpack_archive(place / f"{_DIRTY}.zip", place / "data")


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
    """A browser of the machine, else the one that `playwright install chromium` brings."""
    from playwright.sync_api import Error, sync_playwright

    installed = next(filter(None, map(shutil.which, _BROWSERS)), None)
    quiet = ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
    quiet += ["--disable-component-update", "--disable-sync", "--no-sandbox"]
    with sync_playwright() as started:
        try:
            opened = started.chromium.launch(executable_path=installed, args=quiet)
        except Error:
            if installed:
                raise
            pytest.skip("there is no browser: install Chromium or Chrome, or run .venv/bin/playwright install chromium")
        yield opened
        opened.close()
