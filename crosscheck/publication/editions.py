"""Publication: signatures, editions that nothing changes, corrections that name what they correct."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from crosscheck.errors import DifferenceError, GateError, StoreError, UnknownNameError
from crosscheck.near_names import describe_unknown
from crosscheck.publication.assessment_page import SUMS, Heading, as_json, find_unlike, read_files, sum_up
from crosscheck.publication.gates import SignedBy, ask_gates
from crosscheck.publication.state import draw_up, open_round, read_records
from crosscheck.report.output.folder import written_whole
from crosscheck.runs.identity import identify_code
from crosscheck.store import audit
from crosscheck.store.archive import lay_out, pack, unpack
from crosscheck.store.tables import Audit, Edition, Kept, Run, Signature

if TYPE_CHECKING:
    from pathlib import Path

    from crosscheck.publication.gates import Gate
    from crosscheck.publication.state import Draft, Round
    from crosscheck.store.database import Store
    from crosscheck.store.runs import KeptRun

MANIFEST: Final = "manifest.json"
_PARTS: Final = ("inputs", "rules", "models", "options", "code")
_edition, _signature, _told, _run = (
    Kept.metadata.tables[str(table.__tablename__)] for table in (Edition, Signature, Audit, Run)
)


@dataclass(frozen=True)
class Correction:
    """Which edition is corrected, and why; both are published."""

    edition_id: str
    reason: str


@dataclass(frozen=True)
class Ready:
    """What would be published, and what the gates say of it."""

    held: Round
    draft: Draft
    signed: list[SignedBy]
    gates: list[Gate]

    @property
    def missing(self) -> list[str]:
        """What keeps it from being published; nothing if nothing does."""
        return [f"{gate.name}: {gate.says}." for gate in self.gates if not gate.passes]


@dataclass(frozen=True)
class KeptEdition:
    """An edition of a run as it is kept: `files` are what was published, `basis` what stays inside, by path."""

    heading: Heading
    run_id: str
    files: dict[str, bytes]
    basis: dict[str, bytes]


def look_over(store: Store, run_id: str, correction: Correction | None = None) -> Ready:
    """Draw up what would be published now, and ask every gate.

    Args:
        store: where the run is kept.
        run_id: the run, or how it begins.
        correction: what it would correct; needed where the year has an edition.

    Raises:
        UnknownNameError: there is no such run, or no such edition.
        StoreError: the year has an edition that this would not correct, or one that is corrected already.
    """
    held = open_round(store, run_id)
    with store.reading() as connection:
        heading = _head(connection, held.run, correction)
        draft = draw_up(held, heading)
        signed = _signed(connection, held.run.number, draft.digest)
        return Ready(held, draft, signed, ask_gates(connection, held, signed, heading.reason))


def sign(store: Store, ready: Ready, who: str, role: str, reason: str) -> None:
    """Sign exactly what was drawn up; if anything of it changes afterwards, the signature no longer counts.

    Args:
        store: where the run is kept.
        ready: what is signed.
        who: the person's name; it stays inside.
        role: what the person is; it is published.
        reason: why it can be published.

    Raises:
        StoreError: the person has signed it already, under whatever spelling, or something is empty.
    """
    run, digest, person = ready.held.run, ready.draft.digest, audit.fold(who)
    if person in {audit.fold(one.who) for one in ready.signed}:
        raise StoreError(f"{who} has signed this already. A second person must.")
    with store.writing() as connection:
        details = {"digest": digest, "role": role, "reason": reason, "edition": ready.draft.heading.edition_id}
        seq = audit.append(connection, who, "edition signed", run.run_id, details).seq
        row = {"run": run.number, "digest": digest, "person": person, "seq": seq}
        words = {"role": audit.printable("role", role), "reason": audit.printable("reason", reason)}
        connection.execute(sa.insert(_signature).values(row | words))


def publish(store: Store, ready: Ready, who: str) -> str:
    """Freeze an edition, whole or not at all.

    Returns:
        Its identifier, as `2008-09/1`.

    Raises:
        GateError: with every gate that does not let it through, or that something was recorded meanwhile.
    """
    if ready.missing:
        raise GateError(ready.missing)
    run, heading, digest = ready.held.run, ready.draft.heading, ready.draft.digest
    with store.writing() as connection:
        audit.hold_head(connection)
        if _changed(connection, ready):
            raise GateError("Something was recorded while the edition was drawn up, so nobody signed it. Do it again.")
        manifest = _describe(ready, str(audit.read_head(connection)))
        files = ready.draft.files | {MANIFEST: as_json(manifest).encode()}
        content = files | {SUMS: sum_up(files)}
        sums = hashlib.sha256(content[SUMS]).hexdigest()
        told = {"run": run.run_id, "digest": digest, "sums": sums, "corrects": heading.corrects}
        seq = audit.append(connection, who, "edition published", heading.edition_id, told).seq
        row = {**vars(heading), "run": run.number, "digest": digest, "sums": sums, "seq": seq}
        frozen = {"content": pack(content), "basis": pack(ready.draft.basis)}
        connection.execute(sa.insert(_edition).values(row | frozen))
    return heading.edition_id


def list_editions(store: Store) -> list[dict[str, object]]:
    """Every edition, the latest first: what it corrects, what corrects it, its run, who published it and when."""
    by = _edition.alias()
    asked = (
        sa.select(
            *(_edition.c[name] for name in ("edition_id", "standard", "year")),
            _run.c.run_id,
            _edition.c.corrects,
            by.c.edition_id.label("corrected_by"),
            _told.c.who.label("published_by"),
            _told.c.at.label("published_at"),
        )
        .join(_told, _told.c.seq == _edition.c.seq)
        .join(_run, _run.c.number == _edition.c.run)
        .outerjoin(by, by.c.corrects == _edition.c.edition_id)
        .order_by(_edition.c.seq.desc())
    )
    with store.reading() as connection:
        return [dict(row) for row in connection.execute(asked).mappings()]


def read_edition(store: Store, edition_id: str) -> KeptEdition:
    """An edition as it is kept, checked against its sums and the audit trail.

    Raises:
        UnknownNameError: there is none by that name.
        DifferenceError: it is no longer what was published; with everything that is not.
    """
    asked = sa.select(_edition, _run.c.run_id, _told.c.details).join(_run, _run.c.number == _edition.c.run)
    with store.reading() as connection:
        found = connection.execute(
            asked.join(_told, _told.c.seq == _edition.c.seq).where(_edition.c.edition_id == edition_id)
        ).mappings().one_or_none()  # fmt: skip
    if found is None:
        known = [str(edition["edition_id"]) for edition in list_editions(store)]
        raise UnknownNameError(describe_unknown("edition", edition_id, known, "crosscheck editions list"))
    try:
        files, basis = unpack(found["content"]), unpack(found["basis"])
    except StoreError as error:
        raise DifferenceError(f"Edition {edition_id}: {words}" for words in error.problems) from error
    sums = hashlib.sha256(files.get(SUMS, b"")).hexdigest()
    unlike = [f"Edition {edition_id}, {words}." for words in find_unlike(files)]
    if not sums == found["sums"] == json.loads(found["details"])["sums"]:
        unlike.append(f"Edition {edition_id}, {SUMS}: is not what the audit trail says was published.")
    if unlike:
        raise DifferenceError(unlike)
    heading = Heading(**{field.name: found[field.name] for field in fields(Heading)})
    return KeptEdition(heading, found["run_id"], files, basis)


def export_edition(store: Store, edition_id: str, folder: Path) -> None:
    """Write the folder that was published, byte for byte.

    Raises:
        UnknownNameError, DifferenceError: as `read_edition`.
        RunError: the place holds something that is no edition, or can't be written.
    """
    kept = read_edition(store, edition_id)
    with written_whole(folder, SUMS, "edition") as whole:
        lay_out(kept.files, whole)


def verify_folder(folder: Path, kept: KeptEdition | None = None) -> int:
    """Check an exported folder against its sums, and against the kept edition where that is given.

    Returns:
        How many files are as they were published.

    Raises:
        DifferenceError: with every file that is missing, altered, or does not belong.
    """
    files = read_files(folder) if folder.is_dir() else {}
    unlike = [f"{folder}, {words}." for words in find_unlike(files)]
    if kept and files.get(SUMS) != kept.files[SUMS]:
        unlike.append(f"{folder}, {SUMS}: is not that of edition {kept.heading.edition_id}.")
    if unlike:
        raise DifferenceError(unlike)
    return len(files) - 1


def _changed(connection: sa.Connection, ready: Ready) -> bool:
    """Whether anybody decided, recorded or published since it was drawn up."""
    run = ready.held.run
    same = sa.and_(_edition.c.year == run.year, _edition.c.standard == run.standard)
    asked = sa.select(_edition.c.edition_id).where(same).order_by(_edition.c.seq.desc()).limit(1)
    latest = connection.execute(asked).scalar_one_or_none()
    return latest != ready.draft.heading.corrects or read_records(connection, run.number) != ready.held.records


def _head(connection: sa.Connection, run: KeptRun, correction: Correction | None) -> Heading:
    of_year = sa.select(_edition.c.edition_id, _edition.c.standard, _edition.c.corrects).where(
        _edition.c.year == run.year
    )
    there = connection.execute(of_year.order_by(_edition.c.seq)).all()
    latest = next((one.edition_id for one in reversed(there) if one.standard == run.standard), None)
    corrects = correction.edition_id if correction else None
    if corrects != latest:
        known = f"The edition that stands is {latest}" if latest else f"{run.year} has no edition yet"
        how = (
            f"A new one corrects it, and says why: --corrects {latest} --reason TEXT"
            if latest
            else "Leave --corrects out"
        )
        raise StoreError(f"{known}. {how}.")
    if correction and not correction.reason.strip():
        raise StoreError("A correction needs a reason, which is published: --reason TEXT")
    edition_id = f"{run.year.replace('/', '-')}/{len(there) + 1}"
    return Heading(edition_id, run.standard, run.year, corrects, correction.reason if correction else None)


def _signed(connection: sa.Connection, run: int, digest: str) -> list[SignedBy]:
    """Signatures of exactly this."""
    asked = (
        sa.select(_signature.c.role, _signature.c.reason, _told.c.who, _told.c.at)
        .join(_told, _told.c.seq == _signature.c.seq)
        .where(_signature.c.run == run, _signature.c.digest == digest)
        .order_by(_signature.c.seq)
    )
    return [SignedBy(*row) for row in connection.execute(asked)]


def _describe(ready: Ready, head: str) -> dict[str, object]:
    """What an edition rested on, for its manifest: people by their roles."""
    run = ready.held.run
    return {
        "edition": ready.draft.heading.edition_id,
        **{name: getattr(ready.draft.heading, name) for name in ("standard", "year", "corrects", "reason")},
        "run": {"run_id": run.run_id, "fingerprint": run.fingerprint},
        "identity": {part: getattr(run, part) for part in _PARTS},
        "assessment_model": {"version": ready.held.model.version, "sha256": ready.held.model.digest},
        "code": identify_code(),
        "gates": [{"name": gate.name, "says": gate.says} for gate in ready.gates],
        "signed": [{"role": one.role, "at": one.at} for one in ready.signed],
        "digest": ready.draft.digest,
        "basis": hashlib.sha256(sum_up(ready.draft.basis)).hexdigest(),
        "audit_head": head,
    }
