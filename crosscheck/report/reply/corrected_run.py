"""A corrected run: the same collection, rules and options, with the answers that were accepted; its parent stays."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crosscheck.collection.corrections import correct, list_corrections
from crosscheck.errors import RunError
from crosscheck.report.reply.before_and_after import compare_corrected, summarise_comparison, write_comparison
from crosscheck.runs.identity import PlannedRun
from crosscheck.runs.make_run import (
    Clock,
    RunExtras,
    collection_of_run,
    make_run,
    reply_key,
    standard_of_run,
    write_accepted,
)
from crosscheck.runs.manifest import CorrectedRun
from crosscheck.runs.run_folder import MANIFEST, read_manifest, refuse_foreign_folder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import polars as pl

    from crosscheck.runs.manifest import Manifest


def make_corrected_run(
    run: Path, accepted: pl.DataFrame, folder: Path, step: Clock, write_pages: Callable[[Path], None]
) -> str | None:
    """Work everything out again with the accepted corrections, into a folder of its own.

    Args:
        run: the run that the replies belong to; not a byte of it changes.
        accepted: as `corrections.choose_accepted` gives them.
        folder: where the corrected run goes.
        step: the clock of the steps.
        write_pages: writes the pages of a run into its folder (`report.write_pages`).

    Returns:
        What it changed, in some lines; None where no correction is among what was accepted, so that nothing was made.

    Raises:
        RunError: the rules or models here are not those of the run, or the folder holds something else, or the run.
    """
    corrections = list_corrections(accepted)
    if corrections.is_empty():
        return None
    # Asked before anything is computed: the run that is corrected must never be written over.
    refuse_other_runs(folder, run)
    with step("load rules and models"):
        standard = standard_of_run(run)
    corrected = corrections["org_code"].unique().sort()
    collection = correct(collection_of_run(run), accepted)

    def write_corrections(whole: Path) -> None:
        write_accepted(collection.corrections, whole)
        write_comparison(compare_corrected(run, whole, corrected), corrections, run, whole)

    manifest = read_manifest(run)
    planned = PlannedRun(collection, standard, manifest.options)
    make_run(planned, folder, step, RunExtras(write_pages, write_corrections, _parent(run, manifest)))
    return summarise_comparison(compare_corrected(run, folder, corrected), folder)


def refuse_other_runs(folder: Path, run: Path) -> None:
    """Stop before any work if the corrected run would replace any but a former correction of the same run.

    Raises:
        RunError: it would; all versions are kept.
    """
    refuse_foreign_folder(folder)
    if (folder / MANIFEST).is_file():
        corrects = read_manifest(folder).corrects
        if folder.resolve() == run.resolve() or corrects is None or corrects.run != reply_key(run):
            raise RunError(f"{folder}: holds another run, and all versions are kept. Name another folder with --out.")


def _parent(run: Path, manifest: Manifest) -> CorrectedRun:
    return CorrectedRun(reply_key(run), manifest.crosscheck, manifest.python, manifest.packages, manifest.corrects)
