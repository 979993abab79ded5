"""A corrected run: the same collection, rules and options, with the answers that were accepted; its parent stays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crosscheck.collection.corrections import correct, list_corrections
from crosscheck.errors import RunError
from crosscheck.report.reply.before_and_after import compare_runs, summarise_comparison, write_comparison
from crosscheck.runs.make_run import (
    Beside,
    Clock,
    collection_of_run,
    make_run,
    reply_key,
    standard_of_run,
    write_accepted,
)
from crosscheck.runs.run_folder import MANIFEST, read_json, refuse_foreign_folder

if TYPE_CHECKING:
    from pathlib import Path

    import polars as pl


def make_corrected_run(run: Path, accepted: pl.DataFrame, folder: Path, step: Clock) -> str | None:
    """Work everything out again with the accepted corrections, into a folder of its own.

    Args:
        run: the run that the replies belong to; not a byte of it changes.
        accepted: as `corrections.choose_accepted` gives them.
        folder: where the corrected run goes.
        step: the clock of the steps.

    Returns:
        What it changed, in some lines; None where no correction is among what was accepted, so that nothing was made.

    Raises:
        RunError: the rules or models here are not those of the run, or the folder holds something else, or the run.
    """
    corrections = list_corrections(accepted)
    if corrections.is_empty():
        return None
    refuse_other_runs(folder, run)
    with step("load rules and models"):
        standard = standard_of_run(run)
    corrected = corrections["org_code"].unique().sort()
    collection = correct(collection_of_run(run), accepted)

    def write_pages(whole: Path) -> None:
        write_accepted(collection.corrections, whole)
        write_comparison(compare_runs(run, whole, corrected), corrections, run, whole)

    manifest = read_json(run, MANIFEST)
    beside = Beside({"corrects": _parent(run, manifest)}, write_pages)
    make_run(collection, standard, manifest["options"], folder, step, beside)
    return summarise_comparison(compare_runs(run, folder, corrected), folder)


def refuse_other_runs(folder: Path, run: Path) -> None:
    """Stop before any work if the corrected run would replace any but a former correction of the same run.

    Raises:
        RunError: it would; all versions are kept.
    """
    refuse_foreign_folder(folder)
    if (folder / MANIFEST).is_file():
        corrected = read_json(folder, MANIFEST).get("corrects") or {}
        if folder.resolve() == run.resolve() or corrected.get("run") != reply_key(run):
            raise RunError(f"{folder}: holds another run, and all versions are kept. Name another folder with --out.")


def _parent(run: Path, manifest: dict[str, Any]) -> dict[str, Any]:
    """By what the run that is corrected can be known again, and which it corrects itself, if any."""
    made_with = {name: manifest[name] for name in ("crosscheck", "python", "packages")}
    return {"run": reply_key(run), **made_with, "corrects": manifest.get("corrects")}
