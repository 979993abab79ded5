"""Where the rules, models and embedded data lie, and which standards there are."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from crosscheck.errors import ModelError
from crosscheck.model_versions import list_versions, refuse_edited
from crosscheck.near_names import suggest

if TYPE_CHECKING:
    from collections.abc import Iterator

_NAMED: Final = "CROSSCHECK_HOME"


def home() -> Path:
    """The folder that holds `rules/`, `models/` and `data/`.

    The environment variable CROSSCHECK_HOME names it; else it is the checkout that this package lies in, else the copy
    that was installed with the package.
    """
    if named := os.environ.get(_NAMED):
        return Path(named)
    package = Path(__file__).resolve().parent
    return package.parent if (package.parent / "rules").is_dir() else package / "embedded"


@contextmanager
def at_home(folder: Path) -> Iterator[None]:
    """Read everything from another home meanwhile; so do the processes that are started there."""
    before = os.environ.get(_NAMED)
    os.environ[_NAMED] = str(folder)
    try:
        yield
    finally:
        os.environ.pop(_NAMED)
        if before is not None:
            os.environ[_NAMED] = before


def standards() -> list[str]:
    """The standards that there are rules for, by folder name."""
    return sorted(
        folder.name for folder in (home() / "rules").iterdir() if folder.is_dir() and folder.name != "published"
    )


def rules_folder(standard: str) -> Path:
    """The folder of a standard's rule files."""
    return home() / "rules" / standard.lower()


def waivers_file(standard: str) -> Path:
    """The decisions to set findings aside."""
    return rules_folder(standard) / "waivers.toml"


def coverage_file(standard: str) -> Path:
    """What became of every candidate check and of every expectation."""
    return rules_folder(standard) / "coverage.csv"


def expectations_file(standard: str) -> Path:
    """What the review expects, by identifier."""
    return home() / "data" / standard.lower() / "expectations.csv"


def language_lesson() -> Path:
    """The lesson that teaches the language of the rules."""
    return _document("rules.md")


def method_page() -> Path:
    """What is computed, and why it can be trusted."""
    return _document("method.md")


def all_models() -> Path:
    """The folder of the models of all standards, and of the list of those that were released."""
    return home() / "models"


def models_folder(standard: str) -> Path:
    """The folder of a standard's models, each a folder with its versions and its card."""
    return all_models() / standard.lower()


def _document(name: str) -> Path:
    """A page of the documentation; it belongs to the program and not to a standard."""
    package = Path(__file__).resolve().parent
    return next(
        file for file in (package.parent / "docs" / name, package / "embedded" / "docs" / name) if file.is_file()
    )


def questionnaire_file(standard: str) -> Path:
    """The questionnaire that a standard's rules speak of."""
    return home() / "data" / standard.lower() / "questionnaire.csv"


def standard_file(standard: str) -> Path:
    """The shape of a standard's codes, and its open vocabularies."""
    return home() / "data" / standard.lower() / "standard.toml"


def published_figures_file(standard: str) -> Path:
    """The national figures that were published on a standard's questionnaire."""
    return home() / "data" / standard.lower() / "published-figures.csv"


def figure_enquiries_file(standard: str) -> Path:
    """What a trust may rightly reply to a figure of another source, and what to ask about it."""
    return home() / "data" / standard.lower() / "figure-enquiries.csv"


def embedded_collection() -> Path:
    """The fictional national collection that comes with the program."""
    return home() / "data" / "england-2008-09"


def review_tables_file(standard: str) -> Path:
    """How the published review sets its tables, and whom it counts where it says so."""
    return home() / "data" / standard.lower() / "review-tables.toml"


def model_file(standard: str, name: str, version: str | None = None) -> Path:
    """The file of a model: the version asked for, else the newest.

    Raises:
        ModelError: there is no such model or version; the message lists those that there are. Or a model file was
            edited after it was released.
    """
    folder = models_folder(standard) / name
    refuse_edited(all_models())
    versions = list_versions(folder)
    wanted = [file for file in versions if version in (None, file.stem)]
    if not wanted:
        known = [file.stem for file in versions]
        near = suggest(version, known) if version else ""
        there = ", ".join(known) or "none"
        raise ModelError(f"No version {version or ''} of the model {name} in {folder}.{near} There are: {there}.")
    return wanted[-1]
