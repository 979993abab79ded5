"""Making a run, which a new one and a corrected one have in common; and going back to what a run rested on."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol

import polars as pl

from crosscheck.collection.problems import SCHEMA
from crosscheck.collection.read import Collection, InputFile
from crosscheck.errors import RunError
from crosscheck.history import last_day
from crosscheck.pipeline import cross_check
from crosscheck.report.manifest import describe_models, describe_run, refuse_doubtful_signs, sha256_of
from crosscheck.report.run_folder import COLLECTION, MANIFEST, RULEBOOK, read_json, read_table, write_run
from crosscheck.rulebook.waivers import Waiver
from crosscheck.standard import Standard, load_standard
from crosscheck.visits.plan import Capacity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path

    from crosscheck.pipeline import Outcome

_FINGERPRINT: Final = 16  # characters: enough to tell runs apart, few enough to compare by eye


class Clock(Protocol):
    """Is entered around each step with its name, and keeps the seconds that each took (`terminal.Steps`)."""

    seconds: dict[str, float]

    def __call__(self, name: str) -> AbstractContextManager[object]:
        """Enter the step of that name."""


@dataclass(frozen=True)
class Beside:
    """What a run says and holds beside what it rested on: entries of its manifest, and what is written for readers."""

    manifest: Mapping[str, Any] = field(default_factory=dict)
    write_pages: Callable[[Path], None] | None = None


def make_run(
    collection: Collection,
    standard: Standard,
    options: Mapping[str, Any],
    folder: Path,
    step: Clock,
    beside: Beside | None = None,
) -> tuple[dict[str, Any], Outcome]:
    """Cross-check a collection and write the run.

    Args:
        collection: what was read.
        standard: the rules and models.
        options: as the manifest keeps them: `year`, `capacity`, `random_share`, `seed`, `screens` and `allow_polarity`
            are followed here.
        folder: the run's place.
        step: the clock of the steps.
        beside: what is added to the manifest and to the folder.

    Returns:
        The manifest, without the time it took, and every table.

    Raises:
        PolarityError: a sign is in doubt; nothing was written.
        RunError: the place can't be written.
    """
    capacity = Capacity(options["capacity"], options["random_share"], options["seed"])
    outcome = cross_check(collection, standard, options["year"], capacity, step, with_screens=options["screens"])
    refuse_doubtful_signs(outcome.doubts, options["allow_polarity"])
    added = beside or Beside()
    with step("write"):
        manifest = describe_run(collection, standard, outcome, options, capacity) | dict(added.manifest)
        timed = manifest | {"seconds": step.seconds}
        write_run(outcome, collection, standard.rulebook, timed, folder, added.write_pages)
    return manifest, outcome


def fingerprint(run: Path) -> str:
    """What tells a run from any other as far as a reply is concerned: the digest of its collection and rules.

    Weights, waivers and plans may change meanwhile: what an organisation was told stays what it was told.

    Raises:
        RunError: there is no such run, or it does not keep its collection.
    """
    kept = sorted((run / COLLECTION).glob("*.parquet"))
    if not kept or not (run / RULEBOOK).is_file():
        raise RunError(f"{run}: is no run that keeps what it had read. Make one: crosscheck run COLLECTION --out {run}")
    files = [run / RULEBOOK, *kept]
    told = "".join(f"{file.relative_to(run).as_posix()} {sha256_of(file)}\n" for file in files)
    return hashlib.sha256(told.encode()).hexdigest()[:_FINGERPRINT]


def standard_of_run(run: Path) -> Standard:
    """The rules and models of a run, as it used them.

    Raises:
        RunError: there is no such run, or what lies here differs from what it used; each difference is named.
    """
    manifest = read_json(run, MANIFEST)
    options, used = manifest["options"], manifest["models"]["visit_risk"]["version"]
    standard = load_standard(options["standard"], used, last_day(options["year"]))
    if differing := list(_differences(manifest, standard)):
        remedy = "Take the checkout that made it, or make the run again with what lies here."
        raise RunError([*differing, f"{run} was made with others. {remedy}"])
    return standard.leave_weights() if options["no_learn"] else standard


def _differences(manifest: Mapping[str, Any], standard: Standard) -> Iterator[str]:
    """In words, what lies here otherwise than a run used it."""
    if manifest["rules"]["sha256"] != standard.rulebook.digest:
        yield "The rules here are not those of the run."
    if manifest["questionnaire"]["sha256"] != standard.questionnaire.digest:
        yield "The questionnaire here is not that of the run."
    here = describe_models(standard)
    for name, model in manifest["models"].items():
        if here.get(name) != model:
            yield f"The model {name} here is not that of the run ({model['version']})."
    used = [{name: waiver[name] for name in Waiver.model_fields} for waiver in manifest["waivers"]]
    if used != [waiver.model_dump(mode="json") for waiver in standard.waivers]:
        yield "The waivers here are not those of the run."


def collection_of_run(run: Path) -> Collection:
    """What a run had read, as it was understood: nothing is read anew.

    Raises:
        RunError: there is no such run.
    """
    manifest = read_json(run, MANIFEST)
    names = sorted(file.stem for file in (run / COLLECTION).glob("*.parquet"))
    return Collection(
        tables={name: read_table(run, f"{COLLECTION}/{name}") for name in names},
        problems=pl.read_csv(run / "problems.csv", schema=SCHEMA),
        inputs=tuple(InputFile(**file) for file in manifest["inputs"]),
        absent=tuple(manifest["absent_tables"]),
    )
