"""Learning from a kept run: its own collection, and visits that were made since."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
    from crosscheck.standard import Standard


def learn_version(run: Path, visits: Path | None) -> Revision:
    """Estimate the risk of a kept run again with the visits that were made since, and say what was learnt.

    Args:
        run: the run's folder; nothing in it changes.
        visits: a file in the columns of visits; none if only the collection's own count.

    Raises:
        RunError: there is no such run, or no visit that was not learnt from already.
        CollectionError: the file of visits can't be used.
    """
    standard, collection = standard_of_run(run), collection_of_run(run)
    if visits is not None:
        collection = collection.with_visits(read_visits_file(visits, standard.questionnaire, standard.name))
    return learn_from(collection, standard, read_manifest(run).options.year)


def learn_from(collection: Collection, standard: Standard, year: str) -> Revision:
    """Estimate the risk with all visits that the collection holds, and say what was learnt.

    Raises:
        RunError: there is no visit that was not learnt from already.
    """
    outcome = cross_check(collection, standard, year, Capacity(visits=0, random_share=0.0, seed=0))
    fresh = leave_out(all_visits(collection.tables, standard.name), standard.risk)
    return revise(outcome.risk, fresh, outcome.items, standard.risk)
