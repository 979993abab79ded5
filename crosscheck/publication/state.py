"""A run on its way to publication: what it found, what people recorded of it, and what would be published now."""

from __future__ import annotations

import hashlib
import json
import tempfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from crosscheck import settings
from crosscheck.publication.assessment import (
    assess,
    current_decisions,
    latest_visits,
    read_assessment_model,
    read_evidence,
)
from crosscheck.publication.assessment_page import Heading, read_files, sum_up, write_assessment
from crosscheck.publication.preparation import HOME, NATIONAL, SENSITIVITY, read_preparation
from crosscheck.store.decisions import list_current_decisions
from crosscheck.store.records import list_problems, list_visits
from crosscheck.store.runs import look_up, read_file

if TYPE_CHECKING:
    import polars as pl
    import sqlalchemy as sa

    from crosscheck.publication.assessment import AssessmentModel, Evidence
    from crosscheck.store.database import Store
    from crosscheck.store.runs import KeptRun

RECORDS: Final = "records.json"
Records = dict[str, list[dict[str, Any]]]


@dataclass(frozen=True)
class PublicationState:
    """A run with all that publication hangs on; `prepared` are files by path, none where nothing was prepared yet."""

    run: KeptRun
    evidence: Evidence
    records: Records
    prepared: dict[str, bytes]
    model_file: Path
    model: AssessmentModel

    @property
    def visits(self) -> pl.DataFrame:
        """The latest visit of the year of each declaration, whether the collection knew it or it was recorded since."""
        return _visits(self.evidence, self.records)

    @cached_property
    def assessed(self) -> pl.DataFrame:
        """The final assessment as it stands now."""
        return assess_again(self.evidence, self.records, self.model)


@dataclass(frozen=True)
class Draft:
    """What would be published: `files` as they would stand in the edition, `basis` what stays inside."""

    heading: Heading
    files: dict[str, bytes]
    basis: dict[str, bytes]
    digest: str


def load_state(store: Store, run_id: str) -> PublicationState:
    """Read all that publication hangs on.

    Raises:
        UnknownNameError: there is no such run.
        ModelError: the standard's model of the final assessment is missing or wrong.
    """
    with store.reading() as connection:
        run = look_up(connection, run_id)
        number = run.number
        evidence = read_evidence(lambda path: read_file(connection, number, "output", path))
        records, prepared = read_records(connection, number), read_preparation(connection, number)
    model_file = settings.model_file(run.standard, "assessment")
    return PublicationState(run, evidence, records, prepared, model_file, read_assessment_model(model_file))


def read_records(connection: sa.Connection, run: int) -> Records:
    """What people recorded of a run so far: decisions that stand, visits, answers to problems."""
    return {
        "decisions": list_current_decisions(connection, run),
        "visits": list_visits(connection, run),
        "problems": list_problems(connection, run),
    }


def assess_again(evidence: Evidence, records: Records, model: AssessmentModel) -> pl.DataFrame:
    """The final assessment that follows from a run and from what was recorded of it."""
    return assess(evidence, current_decisions(records["decisions"]), _visits(evidence, records), model)


def build_draft(state: PublicationState, heading: Heading) -> Draft:
    """Write what would be published now.

    The digest is of every file, of what it was made from, of the heading and of the run: who signs it signs all of it.
    """
    files = write_files(state.assessed, state.evidence.not_assessed, heading)
    files |= {path: content for path, content in state.prepared.items() if path.startswith(NATIONAL)}
    inside = {path: content for path, content in state.prepared.items() if path.startswith((HOME, SENSITIVITY))}
    model = HOME + state.model_file.relative_to(settings.home()).as_posix()
    basis = inside | {RECORDS: write_records(state.records), model: state.model_file.read_bytes()}
    signed = [state.run.fingerprint, vars(heading), sum_up(files).decode(), sum_up(basis).decode()]
    digest = hashlib.sha256(json.dumps(signed, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
    return Draft(heading, files, basis, digest)


def write_files(assessed: pl.DataFrame, not_assessed: pl.DataFrame, heading: Heading) -> dict[str, bytes]:
    """The files of the final assessment, by path."""
    with tempfile.TemporaryDirectory(prefix="crosscheck-") as name:
        write_assessment(assessed, not_assessed, heading, Path(name))
        return read_files(Path(name))


def write_records(records: Records) -> bytes:
    """What was recorded, in one way of writing, so that it can be compared."""
    return json.dumps(records, sort_keys=True, ensure_ascii=False, indent=1, default=str).encode()


def _visits(evidence: Evidence, records: Records) -> pl.DataFrame:
    return latest_visits([*evidence.visits.to_dicts(), *records["visits"]])
