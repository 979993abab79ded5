"""What identifies a run before it is made, in parts, and every file that it rests on."""

from __future__ import annotations

import hashlib
import json
import sys
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Final

import crosscheck
from crosscheck import settings
from crosscheck.collection.corrections import digest_corrections
from crosscheck.report.output.folder import sha256_of
from crosscheck.visits.design import default_plan

if TYPE_CHECKING:
    from collections.abc import Mapping

    from crosscheck.collection.read import Collection
    from crosscheck.runs.options import RunOptions
    from crosscheck.standard import Standard

# Where the collection lay changes no figure; which weights were taken is told by their digest.
_IDENTIFY_NOTHING: Final = ("collection", "risk_model")
_COMPUTING: Final = ("networkx", "numpy", "polars", "pydantic", "scikit-learn", "scipy", "xlsxwriter")


@dataclass(frozen=True)
class PlannedRun:
    """A run before it is made: what was read, with what it is checked, and what was asked for. Identified once."""

    collection: Collection
    standard: Standard
    options: RunOptions

    @cached_property
    def identity(self) -> dict[str, str]:
        """What it will be made of, by part (`identify_run`)."""
        return identify_run(self.collection, self.standard, self.options)

    @property
    def fingerprint(self) -> str:
        """By what it is known again (`fingerprint`)."""
        return fingerprint(self.identity)


def identify_run(collection: Collection, standard: Standard, options: RunOptions) -> dict[str, str]:
    """What a run will be made of, as one SHA-256 a part: where all five are equal, so is every byte of its tables.

    Returns:
        `inputs` (names and contents of the collection's files, also of those that no table bears the name of, and what
        was corrected since), `rules` (rule files, waivers, questionnaire, what was published on it), `models`,
        `options` (without where the collection lay), `code` (the program's own source, and the versions of the
        libraries that compute).
    """
    parts = {
        "inputs": [
            [[file.table, file.file, file.sha256] for file in collection.inputs],
            # Files that nobody read count too: with another name one of them would have been read.
            _strays(collection),
            [digest_corrections(accepted) for accepted in collection.corrections],
        ],
        "rules": [
            standard.rulebook.digest,
            [waiver.model_dump(mode="json") for waiver in standard.waivers],
            standard.questionnaire.digest,
            sha256_of(settings.standard_file(standard.name)),
            {file.name: sha256_of(file) for file in _published(standard.name)},
        ],
        "models": {model.name: model.digest for model in standard.models},
        "options": {name: value for name, value in options.as_json().items() if name not in _IDENTIFY_NOTHING},
    }
    return {**{part: _digest(content) for part, content in parts.items()}, "code": identify_code()}


def identify_code() -> str:
    """The SHA-256 of the program that runs now: its own source, and the versions of the libraries that compute."""
    return _digest(_describe_code())


def fingerprint(identity: Mapping[str, str]) -> str:
    """One SHA-256 of all parts (`identify_run`): by it a run is known again."""
    return _digest(dict(identity))


def list_sources(collection: Collection, standard: Standard, path: Path) -> dict[str, str]:
    """Every file that a run rests on, by the place that it has in a home of its own, with its SHA-256.

    Args:
        collection: what was read.
        standard: with what it is checked.
        path: where the collection lies: a folder or a workbook.

    Returns:
        `collection/<file>`, and under the names they bear in the program's home (`settings.home`) the questionnaire
        (`data/`), the models and the plan that a run takes if none is named (`models/`), and all files of the
        standard's rules, waivers among them (`rules/`): where they lie so,
        `CROSSCHECK_HOME=THERE crosscheck run THERE/collection` makes the run again.
    """
    home, rules = settings.home(), settings.rules_folder(standard.name)
    questionnaire, conventions = settings.questionnaire_file(standard.name), settings.standard_file(standard.name)
    models = {f"models/{rules.name}/{model.name}/{model.version}.toml": model.digest for model in standard.models}
    sources = {
        **{f"collection/{name}": digest for name, digest in _input_files(collection, path)},
        questionnaire.relative_to(home).as_posix(): standard.questionnaire.digest,
        conventions.relative_to(home).as_posix(): sha256_of(conventions),
        **models,
        default_plan().relative_to(home).as_posix(): sha256_of(default_plan()),
        **{file.relative_to(home).as_posix(): sha256_of(file) for file in _published(standard.name)},
        **{file.relative_to(home).as_posix(): sha256_of(file) for file in rules.rglob("*.toml")},
    }
    return dict(sorted(sources.items()))


def _published(standard: str) -> list[Path]:
    """What the national picture is held against; nothing where nothing was published on the standard."""
    files = (settings.published_figures_file(standard), settings.review_tables_file(standard))
    return [file for file in files if file.is_file()]


def _input_files(collection: Collection, path: Path) -> list[tuple[str, str]]:
    """The files that were opened; the sheets of a workbook are one file, and a stray file is kept as it lay."""
    if path.is_file():
        return [(path.name, collection.inputs[0].sha256)]
    read = [(file.file, file.sha256) for file in collection.inputs]
    return read + [(name, sha256_of(path / name)) for name in _strays(collection) if (path / name).is_file()]


def _strays(collection: Collection) -> list[str]:
    """Files and sheets that were not read: the problems speak of them."""
    read = [file.file for file in collection.inputs]
    about_others = collection.problems.filter(~collection.problems["file"].is_in(read))
    return about_others["file"].unique().sort().to_list()


@cache
def _describe_code() -> dict[str, object]:
    package = Path(crosscheck.__file__).parent
    files = sorted(file for file in package.rglob("*") if file.is_file() and _is_source(file.relative_to(package)))
    return {
        "crosscheck": crosscheck.__version__,
        "python": sys.version_info[:2],
        "packages": {package: version(package) for package in _COMPUTING},
        "source": {file.relative_to(package).as_posix(): sha256_of(file) for file in files},
    }


def _is_source(file: Path) -> bool:
    """Neither compiled, nor a rule, model or figure that came with the package: those are parts of their own."""
    return file.parts[0] != "embedded" and "__pycache__" not in file.parts


def _digest(content: object) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
