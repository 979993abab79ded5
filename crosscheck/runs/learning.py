"""Learning from a kept run: its own collection, and visits that were made since."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import polars as pl

from crosscheck.collection.visit_files import read_visits_file
from crosscheck.pipeline import cross_check
from crosscheck.risk.revision import Revision, leave_out, revise
from crosscheck.runs.make_run import collection_of_run, standard_of_run
from crosscheck.runs.run_folder import read_manifest
from crosscheck.visits.listing import all_visits
from crosscheck.visits.plan import Capacity

if TYPE_CHECKING:
    from pathlib import Path

    from crosscheck.collection.read import Collection


def learn_version(run: Path, visits: Path | None) -> Revision:
    """Estimate the risk of a kept run again with the visits that were made since, and say what was learnt.

    Args:
        run: the run's folder; nothing in it changes.
        visits: a file in the columns of visits; none if only the collection's own count.

    Raises:
        RunError: there is no such run, or no visit that was not learnt from already.
        CollectionError: the file of visits can't be used.
    """
    options = read_manifest(run).options
    standard, collection = standard_of_run(run), collection_of_run(run)
    if visits is not None:
        collection = _with_visits(collection, read_visits_file(visits, standard.questionnaire, standard.name))
    outcome = cross_check(collection, standard, options.year, Capacity(0, 0.0, 0))
    fresh = leave_out(all_visits(collection.tables, standard.name), standard.risk)
    return revise(outcome.risk, fresh, outcome.items, standard.risk)


def _with_visits(collection: Collection, visits: pl.DataFrame) -> Collection:
    """The collection with later visits; one that it holds already counts once."""
    together = pl.concat([collection.tables["visits"], visits], how="diagonal")
    return replace(collection, tables={**collection.tables, "visits": together})
