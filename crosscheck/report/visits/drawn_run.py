"""A run with a binding draw: the same collection, rules and options, drawn with the value that was sealed before."""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from crosscheck.runs.identity import PlannedRun
from crosscheck.runs.make_run import ACCEPTED, Clock, RunExtras, collection_of_run, make_run, standard_of_run
from crosscheck.runs.run_folder import read_manifest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from crosscheck.visits.seal import Seal

_OF_CORRECTIONS: Final = (ACCEPTED, "corrections.csv", "before_and_after.csv", "before_and_after.html")


def make_drawn_run(
    run: Path, seal: Seal, collection: Path, folder: Path, step: Clock, write_pages: Callable[[Path], None]
) -> None:
    """Make a run again with the value of its seal.

    Args:
        run: the run whose draw was sealed; not a byte of it changes.
        seal: what was sealed, and the value.
        collection: where the collection lies now; the manifest keeps where it lay.
        folder: where the run with the binding draw goes.
        step: the clock of the steps.
        write_pages: writes the pages of a run into its folder (`report.write_pages`).

    Raises:
        RunError: the rules or models here are not those of the run, or the folder holds something else.
    """
    manifest = read_manifest(run)
    options = replace(manifest.options, collection=str(collection), seal=seal)

    def carry(whole: Path) -> None:
        """What a corrected run holds beside its tables is about its corrections, and stays true."""
        for name in _OF_CORRECTIONS:
            if (run / name).is_file():
                shutil.copyfile(run / name, whole / name)

    extras = RunExtras(write_pages, carry, manifest.corrects, manifest.options.collection)
    planned = PlannedRun(collection_of_run(run), standard_of_run(run), options)
    make_run(planned, folder, step, extras)
