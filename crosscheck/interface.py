"""What other programs call: `import crosscheck as cc`. Everything else may change without notice.

The steps are those of a run, and what is put together from them gives a run's own numbers. A collection knows its
standard and its year, so that no step has to be told again. Frames are polars frames; wherever a frame is given, one of
pandas will do.
"""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

import polars as pl

from crosscheck import pipeline, settings
from crosscheck.collection import read as reading
from crosscheck.collection.sources import FIRST_WAVE
from crosscheck.collection.visit_files import read_visits_file
from crosscheck.contract.inputs import INPUTS
from crosscheck.errors import CollectionError, UnknownNameError
from crosscheck.model_versions import next_version
from crosscheck.near_names import suggest
from crosscheck.risk.model import read_risk_model
from crosscheck.risk.revision import format_changes, write_version
from crosscheck.runs.learning import learn_from
from crosscheck.standard import Standard
from crosscheck.visits.plan import Capacity

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "Capacity",
    "Checks",
    "Collection",
    "Learnt",
    "Standard",
    "Weighing",
    "check",
    "cross_check",
    "learn",
    "plan",
    "rank",
    "read",
    "score",
    "weigh",
]

USUAL: Final = Capacity()  # that of a run where nothing else is asked for
_TABLES: Final = (*INPUTS, *FIRST_WAVE.values())
_LISTS: Final = {column.name for table in INPUTS.values() for column in table.columns if column.kind == "list"}


class _PandasFrame(Protocol):
    """A frame of pandas, as far as it is used here: it writes itself."""

    def to_csv(self, path: Path, *, index: bool) -> object:
        """Write the frame as CSV."""


Frame = pl.DataFrame | pl.LazyFrame | _PandasFrame


@dataclass(frozen=True)
class Collection:
    """What was read for one standard and one assessment year.

    Attributes:
        standard: the standard that the declarations are held against.
        year: the assessment year, for example `2008/09`; earlier years are history.
    """

    standard: Standard
    year: str
    _read: reading.Collection = field(repr=False)

    @classmethod
    def from_frames(cls, frames: Mapping[str, Frame], standard: Standard, year: str) -> Collection:
        """A collection from frames in memory; they are read exactly as files of the same names would be.

        Args:
            frames: by the name of the table (`organisations`, `declarations`, `answers`, ...), in the columns of the
                contract (`crosscheck template` writes them). A null is an empty cell: no answer, which is neither zero
                nor no. Percentages are from 0 to 100.
            standard: the standard.
            year: the assessment year.

        Raises:
            UnknownNameError: there is no table of that name; the nearest is named.
            CollectionError: a table or column that is compulsory is missing, or a column holds several values in a
                cell.

        Example:
            >>> small = cc.Collection.from_frames(frames, standard, "2008/09")
            >>> small.tables["organisations"].height
            392
        """
        if strangers := [name for name in frames if name not in _TABLES]:
            raise UnknownNameError(f"{name}: there is no such table.{suggest(name, _TABLES)}" for name in strangers)
        with tempfile.TemporaryDirectory(prefix="crosscheck-frames-") as folder:
            for name, frame in frames.items():
                _write_frame(frame, Path(folder) / f"{name}.csv")
            try:
                return read(folder, standard, year)
            except CollectionError as error:  # the folder is none of the caller's
                raise CollectionError(_without_folder(problem, folder) for problem in error.problems) from None

    @property
    def tables(self) -> Mapping[str, pl.DataFrame]:
        """The rows that can be used, by table; a table that the collection lacks is there without a row."""
        return self._read.tables

    @property
    def problems(self) -> pl.DataFrame:
        """Everything that could not be read as it stands: `table`, `file`, `row`, `column`, `problem`, `remedy`."""
        return self._read.problems

    @property
    def doubts(self) -> pl.DataFrame:
        """Values that are possible and unlikely; they count as no answer, and help nobody, until they are confirmed."""
        return self._read.doubts


@dataclass(frozen=True)
class Checks:
    """What the rules say.

    Attributes:
        collection: what was checked.
        cases: one row a declaration of the year, with all that is known about it.
        findings: one row a check and declaration: `verdict` is `agrees`, `differs`, `cannot_tell` (an answer or source
            is missing) or `not_applicable`. `differs` says that two accounts differ, not which of them is right.
        lost: checks that could be completed for nobody, because a whole source is missing.
    """

    collection: Collection
    cases: pl.DataFrame
    findings: pl.DataFrame
    lost: pl.DataFrame
    _network: pipeline.Network = field(repr=False)


@dataclass(frozen=True)
class Weighing:
    """The evidence weighed.

    Attributes:
        checks, scores, capacity: what was weighed, and for how many visits.
        findings: as of the checks, each with the `decibans` that it adds to the risk; positive raises it.
        items: one row an organisation and piece of evidence; `z` is positive where it is worse than expected.
        parts: one row a declaration and part of its risk; `decibans` add up to the risk, and positive raises it.
    """

    checks: Checks
    scores: pl.DataFrame
    capacity: Capacity
    _weighed: pipeline.Weighed = field(repr=False)

    @property
    def findings(self) -> pl.DataFrame:
        """One row a check and declaration, with what it adds."""
        return self._weighed.findings

    @property
    def items(self) -> pl.DataFrame:
        """One row an organisation and piece of evidence."""
        return self._weighed.items

    @property
    def parts(self) -> pl.DataFrame:
        """One row a declaration and part of its risk."""
        return self._weighed.risk.parts


@dataclass(frozen=True)
class Learnt:
    """What visits have taught.

    Attributes:
        standard: the standard with the weights as learnt; the visits that these rest on are not learnt from again.
        changes: what was learnt, a line each, with intervals.
        checks: one row a check: the decibans that it adds where it differs, as stated and as learnt.
        text: the new version of the weights, as a file that a run can use.
    """

    standard: Standard
    changes: tuple[str, ...]
    checks: pl.DataFrame
    text: str = field(repr=False)


def read(place: str | Path, standard: Standard, year: str) -> Collection:
    """Read a collection.

    Args:
        place: a folder of CSV or Parquet files, or one workbook (XLSX, ODS).
        standard: what its answers are read by.
        year: the assessment year, for example `2008/09`.

    Returns:
        What can be used, and every problem: nothing is dropped in silence.

    Raises:
        CollectionError: a table or column that is compulsory is missing, or something can't be opened; all is named.

    Example:
        >>> collection = cc.read("data/england-2008-09", standard, "2008/09")
        >>> collection.problems.height
        0
    """
    return Collection(standard, year, reading.read_collection(Path(place), standard.questionnaire, year, standard.name))


def check(collection: Collection) -> Checks:
    """Hold every declaration of the year against the rules.

    Example:
        >>> checks = cc.check(collection)
        >>> checks.cases.height
        539
    """
    read_, standard, year = collection._read, collection.standard, collection.year
    network = pipeline.relate_organisations(read_, year, standard.name)
    cases = pipeline.join_cases(read_, standard, year, network)
    checked = pipeline.check_cases(read_, standard, year, network, cases)
    return Checks(collection, cases, checked.findings, checked.lost, network)


def score(collection: Collection) -> pl.DataFrame:
    """How far each figure and answer lies from what similar organisations give.

    Returns:
        One row an organisation and figure or question: `value`, `expected`, and `z`, in standard deviations, positive
        where it is worse (Spiegelhalter 2005, Quality and Safety in Health Care 14:347-351). A question without answer
        has no row.

    Example:
        >>> scores = cc.score(collection)
        >>> {"indicator", "org_code", "value", "expected", "z"} <= set(scores.columns)
        True
    """
    return pipeline.score_tables(collection.tables, collection.standard)


def weigh(checks: Checks, scores: pl.DataFrame, capacity: Capacity = USUAL) -> Weighing:
    """Weigh the evidence: of each declaration, what it adds to the probability that the standard is in truth not met.

    Args:
        checks: what `check` gave.
        scores: what `score` gave.
        capacity: how many organisations can be visited.

    Example:
        >>> weighing = cc.weigh(checks, scores)
        >>> weighing.parts.columns[:3]
        ['org_code', 'function', 'family']
    """
    collection = checks.collection
    evidence = pipeline.Evidence(checks._network, checks.cases, checks.findings, scores)
    weighed = pipeline.weigh_evidence(collection._read, collection.standard, collection.year, capacity, evidence)
    return Weighing(checks, scores, capacity, weighed)


def rank(weighing: Weighing) -> pl.DataFrame:
    """The declarations in order of their risk.

    Returns:
        One row a declaration: `rank` (1 is visited first, within its `pool`), `risk` (the probability that the standard
        is in truth not met), `risk_low` and `risk_high` (90%), `among_capacity` (the probability that its organisation
        is among the first that can be visited; null where it is not to be visited).

    Example:
        >>> ranked = cc.rank(weighing)
        >>> ranked.filter(ranked["pool"] == "to_visit")["risk"].is_sorted(descending=True)
        True
    """
    return weighing._weighed.ranked.declarations


def plan(weighing: Weighing) -> pipeline.Planned:
    """Whom to visit, whom to ask by letter, what to follow up, and who is on no list, with the reason.

    Returns:
        `visit_list`, one row a declaration with its one reason and, where it is to be visited, by which arm it was
        chosen; `duties`, `follow_up`, `not_assessed`. The random arm is drawn for practice: it binds nobody.

    Example:
        >>> planned = cc.plan(weighing)
        >>> planned.visit_list["selected_by"].count() >= 60
        True
    """
    checks, collection = weighing.checks, weighing.checks.collection
    evidence = pipeline.Evidence(checks._network, checks.cases, checks.findings, weighing.scores)
    return pipeline.plan_list(
        collection._read, collection.standard, collection.year, weighing.capacity, evidence, weighing._weighed
    )


def cross_check(collection: Collection, capacity: Capacity = USUAL) -> pipeline.Outcome:
    """All steps at once, as `crosscheck run` does them; also whether a worse answer anywhere could lower a risk.

    Returns:
        Every table of a run, each named for what one row is, and `monotone`, what the made-up returns have shown.

    Example:
        >>> outcome = cc.cross_check(collection)
        >>> outcome.visit_list.equals(planned.visit_list)
        True
    """
    return pipeline.cross_check(collection._read, collection.standard, collection.year, capacity)


def learn(collection: Collection, visits: Frame | None = None) -> Learnt:
    """Learn the weights from what visits found, those of the collection and further ones.

    Args:
        collection: the year's, with the visits that it holds.
        visits: further visits, in the columns of `visits`; one that the collection holds already counts once.

    Raises:
        RunError: there is no visit that was not learnt from already.
        CollectionError: the visits can't be used.

    Example:
        >>> learnt = cc.learn(collection)
        >>> learnt.standard.risk.version
        'v4'
    """
    standard, read_ = collection.standard, collection._read
    if visits is not None:
        read_ = read_.with_visits(_read_visits(visits, standard))
    revision = learn_from(read_, standard, collection.year)
    used = settings.model_file(standard.name, "visit_risk", standard.risk.version)
    number = next_version(used.parent)
    text = write_version(used.read_text(encoding="utf-8"), revision, number)
    with tempfile.TemporaryDirectory(prefix="crosscheck-weights-") as folder:
        file = Path(folder) / used.with_stem(number).name
        file.write_text(text, encoding="utf-8")
        weights = read_risk_model(file)
    return Learnt(standard.with_risk(weights), tuple(format_changes(revision)), revision.checks, text)


def _read_visits(visits: Frame, standard: Standard) -> pl.DataFrame:
    with tempfile.TemporaryDirectory(prefix="crosscheck-frames-") as folder:
        file = Path(folder) / "visits.csv"
        _write_frame(visits, file)
        return read_visits_file(file, standard.questionnaire, standard.name)


def _without_folder(problem: str, folder: str) -> str:
    return problem.replace(f"{folder}{os.sep}", "").replace(f"{folder}: ", "")


def _write_frame(frame: Any, file: Path) -> None:
    if isinstance(frame, pl.LazyFrame):
        frame = frame.collect()
    if not isinstance(frame, pl.DataFrame):
        frame.to_csv(file, index=False)
        return
    lists = [name for name in _LISTS if frame.schema.get(name) == pl.List(pl.String)]
    frame = frame.with_columns(pl.col(lists).list.join("|"))  # as files have them
    if nested := [name for name, dtype in frame.schema.items() if dtype.is_nested()]:
        raise CollectionError([f"{file.stem}, column {nested[0]}: a cell holds several values. Give one value a cell."])
    frame.write_csv(file)
