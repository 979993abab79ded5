"""The tables of the store, each named for what one row is.

A run is kept twice over: as the bytes of every file it made and rests on (`blob`, `run_file`), which is the truth, and
as rows of what is asked for often, which can be made again from them. Row tables begin with the number of their run,
then the organisation, so that what belongs together lies side by side. Units and meanings are those of
`outputs.OUTPUTS`. The time of saving is the only column that two saves of one run do not share.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

GENESIS: Final = "0" * 64  # what the first row of the audit trail follows on
NAMES: Final = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class Kept(SQLModel):
    """What all tables share: names of constraints that both databases and every migration agree on."""

    metadata = sa.MetaData(naming_convention=NAMES)


class UtcDateTime(sa.types.TypeDecorator[datetime]):
    """A time with its zone, kept in UTC; SQLite, which knows no zones, gives it back with UTC as well."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:  # noqa: ARG002
        """Put it in UTC; a time without a zone is refused."""
        if value is not None and value.tzinfo is None:
            raise ValueError("A time without a zone says nothing. Give it in UTC.")
        return value and value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:  # noqa: ARG002
        """Give it in UTC."""
        return value and (value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC))


def _of_run() -> Any:
    """The number of the run, first in the key; the run's own row comes last, and is looked for when all is in."""
    reference = sa.ForeignKey("run.number", ondelete="CASCADE", deferrable=True, initially="DEFERRED")
    return Field(sa_column=sa.Column("run", sa.Integer, reference, primary_key=True, autoincrement=False))


def _of_run_in_bulk() -> Any:
    """The same where there are many rows: looking for the run at each would cost more than saving them (PostgreSQL)."""
    return Field(primary_key=True, sa_column_kwargs={"autoincrement": False})


class Run(Kept, table=True):
    """One run. `inputs` to `code` are the parts of its identity; `summary` are the counts of its manifest."""

    number: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    run_id: str = Field(unique=True, max_length=16)
    fingerprint: str = Field(unique=True, max_length=64)
    standard: str
    year: str
    saved_at: datetime = Field(sa_column=sa.Column(UtcDateTime, nullable=False))
    crosscheck: str
    inputs: str
    rules: str
    models: str
    options: str
    code: str
    summary: dict[str, object] = Field(sa_column=sa.Column(sa.JSON, nullable=False))


class Blob(Kept, table=True):
    """The content of a file, once however many runs share it; compressed with zstd. `size` is that of the file."""

    sha256: str = Field(primary_key=True, max_length=64)
    size: int
    content: bytes


class RunFile(Kept, table=True):
    """A file of a run: what it made (`output`), or what it rests on (`source`), and its place there."""

    __tablename__ = "run_file"

    run: int = _of_run()
    kind: str = Field(primary_key=True)
    path: str = Field(primary_key=True)
    sha256: str = Field(foreign_key="blob.sha256", ondelete="RESTRICT", index=True)


class Listing(Kept, table=True):
    """One declaration of the visit list, with how many checks agree, differ, are not determined, do not apply.

    `pool`, `duties_unmet` and `among_capacity` are empty in runs made with `visit_risk` v2 or before; `among_first` and
    `ahead_of_next` in those made since.
    """

    __table_args__ = {"sqlite_with_rowid": False}

    run: int = _of_run()
    org_code: str = Field(primary_key=True)
    function: str = Field(primary_key=True)
    rank: int
    name: str
    org_type: str
    region: str
    declared: str
    risk: float
    risk_low: float
    risk_high: float
    rank_low: int
    rank_high: int
    selected_by: str | None
    inclusion_probability: float | None
    flags: int
    unknowns: int
    reason: str
    decibans: float
    among_first: float | None
    ahead_of_next: float | None
    visited: str | None
    agrees: int
    differs: int
    cannot_tell: int
    not_applicable: int
    pool: str | None
    duties_unmet: int | None
    among_capacity: float | None


class Finding(Kept, table=True):
    """One check that differs or could not be determined for a declaration; the others are counted in its listing.

    What it says in words stands in the run's own file `findings.parquet`.
    """

    __table_args__ = {"sqlite_with_rowid": False}

    run: int = _of_run_in_bulk()
    org_code: str = Field(primary_key=True)
    function: str = Field(primary_key=True)
    check_id: str = Field(primary_key=True)
    verdict: str
    severity: str
    weight: float
    waived: str | None


class Answer(Kept, table=True):
    """One answer as it was understood: a level, a number, or which of the three absences."""

    __table_args__ = {"sqlite_with_rowid": False}

    run: int = _of_run_in_bulk()
    org_code: str = Field(primary_key=True)
    question_id: str = Field(primary_key=True)
    item: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    level: str | None
    number: float | None
    absence: str | None


class Problem(Kept, table=True):
    """One thing wrong with what was read, in the order of the run's problems."""

    __table_args__ = {"sqlite_with_rowid": False}

    run: int = _of_run()
    place: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    table: str
    file: str
    row: str | None
    column: str | None
    value: str | None
    problem: str
    remedy: str
    effect: str


class Audit(Kept, table=True):
    """One thing that was done. `at` is in UTC and `details` is JSON, both as the text that the hash was taken of."""

    seq: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    at: str
    who: str
    what: str
    subject: str
    details: str
    previous_hash: str = Field(unique=True, max_length=64)
    hash: str = Field(unique=True, max_length=64)


class Decision(Kept, table=True):
    """One decision about a declaration, the first of version 1; the latest stands, those before it are its history.

    Who decided it and when stands in the row `seq` of the audit trail, which repeats the rest.
    A run that was decided about is not deleted.
    """

    run: int = Field(
        foreign_key="run.number", ondelete="RESTRICT", primary_key=True, sa_column_kwargs={"autoincrement": False}
    )
    org_code: str = Field(primary_key=True)
    function: str = Field(primary_key=True)
    version: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    kind: str
    reason: str
    seq: int = Field(foreign_key="audit.seq", ondelete="RESTRICT", unique=True)


def _row_of_audit() -> Any:
    """The row of the audit trail that tells who and when, in the same transaction."""
    return Field(foreign_key="audit.seq", ondelete="RESTRICT", unique=True)


def _of_kept_run() -> Any:
    """The number of a run that is not deleted as long as this row is there."""
    reference = sa.ForeignKey("run.number", ondelete="RESTRICT")
    return Field(sa_column=sa.Column("run", sa.Integer, reference, primary_key=True, autoincrement=False))


class ProblemAnswer(Kept, table=True):
    """Why a run may be published although this problem took something out of it; it stands."""

    __tablename__ = "problem_answer"

    run: int = _of_kept_run()
    place: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    reason: str
    seq: int = _row_of_audit()


class VisitRecord(Kept, table=True):
    """What a visit of a declaration found, counted from 1 in the order of recording.

    `corrects` is the number of the record that this one corrects, which counts no longer; null where it corrects none.
    """

    __tablename__ = "visit_record"

    run: int = _of_kept_run()
    org_code: str = Field(primary_key=True)
    function: str = Field(primary_key=True)
    number: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    visited_on: date = Field(sa_column=sa.Column(sa.Date, nullable=False))
    finding: str
    note: str
    seq: int = _row_of_audit()
    assessor: str | None
    corrects: int | None


class CriterionRecord(Kept, table=True):
    """Whether a visit saw evidence of one criterion; the record with the highest number counts.

    `item` is empty where no one of two reviews was meant. One row of the audit trail tells of all that were recorded
    together of a declaration.
    """

    __tablename__ = "criterion_record"

    run: int = _of_kept_run()
    org_code: str = Field(primary_key=True)
    function: str = Field(primary_key=True)
    question_id: str = Field(primary_key=True)
    item: str = Field(primary_key=True)
    number: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    seen: str
    note: str
    seq: int = Field(foreign_key="audit.seq", ondelete="RESTRICT")


class Preparation(Kept, table=True):
    """What takes long and is made once of a run that is to be published, as one archive.

    `sensitivity.json`, `national/…` with small numbers withheld, and `home/…`: the figures it was held against.
    """

    run: int = _of_kept_run()
    content: bytes
    seq: int = _row_of_audit()


class Signature(Kept, table=True):
    """That a person stands for exactly this edition (`digest`); `person` is the name without case, order and marks."""

    run: int = _of_kept_run()
    digest: str = Field(primary_key=True, max_length=64)
    person: str = Field(primary_key=True)
    role: str
    reason: str
    seq: int = _row_of_audit()


class Edition(Kept, table=True):
    """One published edition of the final assessment, whole in one row, so that nothing can be added to it either.

    `content` is the archive of what was published, `sums` the SHA-256 of its SHA256SUMS. `basis` is the archive of what
    it was made from beside the run: decisions, visits, answers, with names; it stays inside.
    """

    edition_id: str = Field(primary_key=True)
    run: int = Field(foreign_key="run.number", ondelete="RESTRICT", index=True)
    standard: str
    year: str
    corrects: str | None = Field(default=None, foreign_key="edition.edition_id", ondelete="RESTRICT", unique=True)
    reason: str | None
    digest: str = Field(max_length=64)
    sums: str = Field(max_length=64)
    content: bytes
    basis: bytes
    seq: int = _row_of_audit()


# The tables of rows that are made from a run's files, in the order in which they are saved.
ROWS: Final = (Listing, Finding, Answer, Problem)
