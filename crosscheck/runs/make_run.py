"""Making a run, which a new one and a corrected one have in common; and going back to what a run rested on."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Protocol

import polars as pl

from crosscheck.cases.history import last_day
from crosscheck.collection.doubts import SCHEMA as DOUBTS
from crosscheck.collection.problems import SCHEMA
from crosscheck.collection.read import Collection
from crosscheck.errors import RunError
from crosscheck.pipeline import cross_check
from crosscheck.report.output.folder import sha256_of
from crosscheck.report.output.tables import write_parquet
from crosscheck.rulebook.waivers import Waiver
from crosscheck.runs.describe_run import describe_models, describe_run, refuse_breaches, refuse_doubtful_signs
from crosscheck.runs.run_folder import (
    COLLECTION,
    MENTIONS,
    OUTCOME,
    RULEBOOK,
    finish_run,
    read_manifest,
    read_table,
    work_on_run,
    write_outcome,
)
from crosscheck.standard import Standard, load_standard

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from crosscheck.report.output.folder import Work
    from crosscheck.runs.identity import PlannedRun
    from crosscheck.runs.manifest import CorrectedRun, Manifest
    from crosscheck.runs.options import RunOptions

ACCEPTED: Final = "accepted.parquet"
_KEY: Final = 16  # characters: enough to tell runs apart, few enough to compare by eye


class Clock(Protocol):
    """Is entered around each step with its name, and keeps the seconds that each took (`terminal.Steps`)."""

    seconds: dict[str, float]

    def __call__(self, name: str) -> AbstractContextManager[object]:
        """Enter the step of that name."""


@dataclass(frozen=True)
class RunExtras:
    """What only some runs have, and what writes the pages, which a run does not know how to do itself.

    Attributes:
        write_pages: is given the folder and writes the pages of the tables in it, where the options ask for pages.
        write_files: is given the folder after that, and writes what only this kind of run has.
        corrects: which run this one corrects.
        collection_named: where the manifest says that the collection lay; where it lies now if None.
    """

    write_pages: Callable[[Path], None]
    write_files: Callable[[Path], None] | None = None
    corrects: CorrectedRun | None = None
    collection_named: str | None = None


def make_run(planned: PlannedRun, folder: Path, step: Clock, extras: RunExtras) -> Work:
    """Cross-check a collection and write the run; one that was stopped is taken up where it was.

    Args:
        planned: what is read, with what it is checked, and what was asked for.
        folder: the run's place.
        step: the clock of the steps.
        extras: what writes the pages, and what is added to the manifest and to the folder.

    Returns:
        The work that was done, which says what of it had been done before.

    Raises:
        PolarityError: a sign is in doubt; nothing was written.
        RunError: the place can't be written.
    """
    with work_on_run(folder, planned) as work:
        if not work.has(OUTCOME):
            _work_out(planned, step, work, extras)
        with step("write pages"):
            finish_run(work, lambda whole: _write_pages(whole, planned.options, extras))
    return work


def _write_pages(whole: Path, options: RunOptions, extras: RunExtras) -> None:
    if options.pages:
        extras.write_pages(whole)
    if extras.write_files:
        extras.write_files(whole)


def _work_out(planned: PlannedRun, step: Clock, work: Work, extras: RunExtras) -> None:
    options, capacity = planned.options, planned.options.to_capacity()
    outcome = cross_check(
        planned.collection,
        planned.standard,
        options.year,
        capacity,
        step,
        with_exploratory=options.screens,
        refuse=lambda doubts: refuse_doubtful_signs(doubts, options.allow_polarity),
        refuse_breaches=lambda breaches: refuse_breaches(breaches, options.allow_polarity),
    )
    # A run made again in a temporary folder names the place that its user gave, not the temporary one.
    named = replace(options, collection=extras.collection_named or options.collection)
    manifest = replace(describe_run(planned, outcome, capacity), options=named, corrects=extras.corrects)
    with step("write"):
        whole = replace(manifest, seconds=step.seconds)
        write_outcome(outcome, planned.collection, planned.standard.rulebook, whole, work)


def reply_key(run: Path) -> str:
    """What tells a run from any other as far as a reply is concerned: the digest of its collection and rules.

    Weights, waivers and plans may change meanwhile: what an organisation was told stays what it was told.

    Raises:
        RunError: there is no such run, or it does not keep its collection.
    """
    tables = sorted((run / COLLECTION).glob("*.parquet"))
    if not tables or not (run / RULEBOOK).is_file():
        raise RunError(f"{run}: is no run that keeps what it had read. Make one: crosscheck run COLLECTION --out {run}")
    files = [run / RULEBOOK, *tables]
    digests = "".join(f"{file.relative_to(run).as_posix()} {sha256_of(file)}\n" for file in files)
    return hashlib.sha256(digests.encode()).hexdigest()[:_KEY]


def standard_of_run(run: Path) -> Standard:
    """The rules and models of a run, as it used them.

    Raises:
        RunError: there is no such run, or what lies here differs from what it used; each difference is named.
    """
    manifest = read_manifest(run)
    options, used = manifest.options, manifest.models["visit_risk"].version
    standard = load_standard(options.standard, used, last_day(options.year))
    if differing := list(_differences(manifest, standard)):
        remedy = "Take the checkout that made it, or make the run again with what lies here."
        raise RunError([*differing, f"{run} was made with others. {remedy}"])
    return standard.without_learning() if options.no_learn else standard


def _differences(manifest: Manifest, standard: Standard) -> Iterator[str]:
    """In words, what lies here otherwise than a run used it."""
    if manifest.rules.sha256 != standard.rulebook.digest:
        yield "The rules here are not those of the run."
    if manifest.questionnaire.sha256 != standard.questionnaire.digest:
        yield "The questionnaire here is not that of the run."
    here = describe_models(standard)
    for name, model in manifest.models.items():
        if here.get(name) != model:
            yield f"The model {name} here is not that of the run ({model.version})."
    used = [{name: getattr(waiver, name) for name in Waiver.model_fields} for waiver in manifest.waivers]
    if used != [waiver.model_dump(mode="json") for waiver in standard.waivers]:
        yield "The waivers here are not those of the run."


def collection_of_run(run: Path) -> Collection:
    """What a run had read, as it was understood: nothing is read anew.

    Raises:
        RunError: there is no such run.
    """
    manifest = read_manifest(run)
    names = sorted(file.stem for file in (run / COLLECTION).glob("*.parquet"))
    return Collection(
        # The tables as they were understood: reading the collection anew could understand them otherwise by now.
        tables={name: read_table(run, f"{COLLECTION}/{name}") for name in names},
        problems=pl.read_csv(run / "problems.csv", schema={**SCHEMA, "org_code": pl.String}),
        inputs=manifest.inputs,
        absent=manifest.absent_tables,
        corrections=read_accepted(run / ACCEPTED) if (run / ACCEPTED).is_file() else (),
        mentions=read_table(run, MENTIONS),
        doubts=read_table(run, "doubts").select(DOUBTS.names()).cast(DOUBTS),
    )


def read_accepted(file: Path | bytes) -> tuple[pl.DataFrame, ...]:
    """The corrections that a corrected run keeps (`ACCEPTED`), one frame for each time that some were accepted."""
    return tuple(pl.read_parquet(file).partition_by("time", include_key=False, maintain_order=True))


def write_accepted(corrections: Sequence[pl.DataFrame], run: Path) -> None:
    """Keep the corrections that were accepted, for the run to be made again from its sources."""
    times = [
        accepted.select(pl.lit(time, pl.UInt32).alias("time"), pl.all()) for time, accepted in enumerate(corrections, 1)
    ]
    write_parquet(pl.concat(times), run / ACCEPTED)
