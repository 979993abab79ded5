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
from crosscheck.publication.state import build_draft, load_state, read_records
from crosscheck.report.output.folder import written_whole
from crosscheck.runs.identity import identify_code
from crosscheck.store import audit
from crosscheck.store.archive import lay_out, pack, unpack
from crosscheck.store.tables import Audit, Edition, Kept, Run, Signature

if TYPE_CHECKING:
    from pathlib import Path

    from crosscheck.publication.gates import Gate
    from crosscheck.publication.state import Draft, PublicationState
    from crosscheck.store.database import Store
    from crosscheck.store.runs import KeptRun

MANIFEST: Final = "manifest.json"
_PARTS: Final = ("inputs", "rules", "models", "options", "code")
_edition, _signature, _audit, _run = (
    Kept.metadata.tables[str(table.__tablename__)] for table in (Edition, Signature, Audit, Run)
)


@dataclass(frozen=True)
class Correction:
    """Which edition is corrected, and why; both are published."""

    edition_id: str
    reason: str


@dataclass(frozen=True)
class EditionPreview:
    """What would be published, and what the gates say of it."""

    state: PublicationState
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


def preview_edition(store: Store, run_id: str, correction: Correction | None = None) -> EditionPreview:
    """Draw up what would be published now, and ask every gate.

    Args:
        store: where the run is kept.
        run_id: the run, or how it begins.
        correction: what it would correct; needed where the year has an edition.

    Raises:
        UnknownNameError: there is no such run, or no such edition.
        StoreError: the year has an edition that this would not correct, or one that is corrected already.
    """
    state = load_state(store, run_id)
    with store.reading() as connection:
        heading = _head(connection, state.run, correction)
        draft = build_draft(state, heading)
        signed = _signed(connection, state.run.number, draft.digest)
        return EditionPreview(state, draft, signed, ask_gates(connection, state, signed, heading.reason))


def sign(store: Store, preview: EditionPreview, who: str, role: str, reason: str) -> None:
    """Sign exactly what was drawn up; if anything of it changes afterwards, the signature no longer counts.

    Args:
        store: where the run is kept.
        preview: what is signed.
        who: the person's name; it stays inside.
        role: what the person is; it is published.
        reason: why it can be published.

    Raises:
        StoreError: the person has signed it already, under whatever spelling, or something is empty.
    """
    run, digest, person = preview.state.run, preview.draft.digest, audit.fold(who)
    if person in {audit.fold(signature.who) for signature in preview.signed}:
        raise StoreError(f"{who} has signed this already. A second person must.")
    with store.writing() as connection:
        details = {"digest": digest, "role": role, "reason": reason, "edition": preview.draft.heading.edition_id}
        seq = audit.append(connection, who, "edition signed", run.run_id, details).seq
        row = {"run": run.number, "digest": digest, "person": person, "seq": seq}
        words = {"role": audit.require_printable("role", role), "reason": audit.require_printable("reason", reason)}
        connection.execute(sa.insert(_signature).values(row | words))


def publish(store: Store, preview: EditionPreview, who: str) -> str:
    """Freeze an edition, whole or not at all.

    Returns:
        Its identifier, as `2008-09/1`.

    Raises:
        GateError: with every gate that does not let it through, or that something was recorded meanwhile.
    """
    if preview.missing:
        raise GateError(preview.missing)
    run, heading, digest = preview.state.run, preview.draft.heading, preview.draft.digest
    with store.writing() as connection:
        # From here nothing can be recorded until the edition is in, so what was signed is what is published.
        audit.lock_trail(connection)
        if _changed(connection, preview):
            raise GateError("Something was recorded while the edition was drawn up, so nobody signed it. Do it again.")
        manifest = _describe(preview, str(audit.read_head(connection)))
        files = preview.draft.files | {MANIFEST: as_json(manifest).encode()}
        content = files | {SUMS: sum_up(files)}
        sums = hashlib.sha256(content[SUMS]).hexdigest()
        details = {"run": run.run_id, "digest": digest, "sums": sums, "corrects": heading.corrects}
        seq = audit.append(connection, who, "edition published", heading.edition_id, details).seq
        row = {**vars(heading), "run": run.number, "digest": digest, "sums": sums, "seq": seq}
        frozen = {"content": pack(content), "basis": pack(preview.draft.basis)}
        connection.execute(sa.insert(_edition).values(row | frozen))
    return heading.edition_id


def list_editions(store: Store) -> list[dict[str, object]]:
    """Every edition, the latest first: what it corrects, what corrects it, its run, who published it and when."""
    by = _edition.alias()
    query = (
        sa.select(
            *(_edition.c[name] for name in ("edition_id", "standard", "year")),
            _run.c.run_id,
            _edition.c.corrects,
            by.c.edition_id.label("corrected_by"),
            _audit.c.who.label("published_by"),
            _audit.c.at.label("published_at"),
        )
        .join(_audit, _audit.c.seq == _edition.c.seq)
        .join(_run, _run.c.number == _edition.c.run)
        .outerjoin(by, by.c.corrects == _edition.c.edition_id)
        .order_by(_edition.c.seq.desc())
    )
    with store.reading() as connection:
        return [dict(row) for row in connection.execute(query).mappings()]


def read_edition(store: Store, edition_id: str) -> KeptEdition:
    """An edition as it is kept, checked against its sums and the audit trail.

    Raises:
        UnknownNameError: there is none by that name.
        DifferenceError: it is no longer what was published; with everything that is not.
    """
    query = sa.select(_edition, _run.c.run_id, _audit.c.details).join(_run, _run.c.number == _edition.c.run)
    with store.reading() as connection:
        found = connection.execute(
            query.join(_audit, _audit.c.seq == _edition.c.seq).where(_edition.c.edition_id == edition_id)
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
    # Three records of one digest: who alters the files and their sums would have to alter the audit trail as well.
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
    edition = read_edition(store, edition_id)
    with written_whole(folder, SUMS, "edition") as whole:
        lay_out(edition.files, whole)


def verify_folder(folder: Path, edition: KeptEdition | None = None) -> int:
    """Check an exported folder against its sums, and against the kept edition where that is given.

    Returns:
        How many files are as they were published.

    Raises:
        DifferenceError: with every file that is missing, altered, or does not belong.
    """
    files = read_files(folder) if folder.is_dir() else {}
    unlike = [f"{folder}, {words}." for words in find_unlike(files)]
    if edition and files.get(SUMS) != edition.files[SUMS]:
        unlike.append(f"{folder}, {SUMS}: is not that of edition {edition.heading.edition_id}.")
    if unlike:
        raise DifferenceError(unlike)
    return len(files) - 1


def _changed(connection: sa.Connection, preview: EditionPreview) -> bool:
    """Whether anybody decided, recorded or published since it was drawn up."""
    run = preview.state.run
    same = sa.and_(_edition.c.year == run.year, _edition.c.standard == run.standard)
    query = sa.select(_edition.c.edition_id).where(same).order_by(_edition.c.seq.desc()).limit(1)
    latest = connection.execute(query).scalar_one_or_none()
    return latest != preview.draft.heading.corrects or read_records(connection, run.number) != preview.state.records


def _head(connection: sa.Connection, run: KeptRun, correction: Correction | None) -> Heading:
    of_year = sa.select(_edition.c.edition_id, _edition.c.standard, _edition.c.corrects).where(
        _edition.c.year == run.year
    )
    there = connection.execute(of_year.order_by(_edition.c.seq)).all()
    # Only the latest can be corrected, so that corrections form one chain and never two versions side by side.
    latest = next((edition.edition_id for edition in reversed(there) if edition.standard == run.standard), None)
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
    query = (
        sa.select(_signature.c.role, _signature.c.reason, _audit.c.who, _audit.c.at)
        .join(_audit, _audit.c.seq == _signature.c.seq)
        .where(_signature.c.run == run, _signature.c.digest == digest)
        .order_by(_signature.c.seq)
    )
    return [SignedBy(*row) for row in connection.execute(query)]


def _describe(preview: EditionPreview, head: str) -> dict[str, object]:
    """What an edition rested on, for its manifest: people by their roles."""
    run = preview.state.run
    return {
        "edition": preview.draft.heading.edition_id,
        **{name: getattr(preview.draft.heading, name) for name in ("standard", "year", "corrects", "reason")},
        "run": {"run_id": run.run_id, "fingerprint": run.fingerprint},
        "identity": {part: getattr(run, part) for part in _PARTS},
        "assessment_model": {"version": preview.state.model.version, "sha256": preview.state.model.digest},
        "code": identify_code(),
        "gates": [{"name": gate.name, "says": gate.says} for gate in preview.gates],
        "signed": [{"role": signature.role, "at": signature.at} for signature in preview.signed],
        "digest": preview.draft.digest,
        "basis": hashlib.sha256(sum_up(preview.draft.basis)).hexdigest(),
        "audit_head": head,
    }
