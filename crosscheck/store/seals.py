"""Seals of draws in the audit trail: what was sealed and confirmed before a value was known, and what was drawn since.

A seal binds before the value is known. So nobody can seal again and again, and keep the draw that suits: while a
confirmed seal of the year waits for its value nothing else is sealed, and each draw of a year is counted.
"""

from __future__ import annotations

import io
import json
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import polars as pl
import sqlalchemy as sa

from crosscheck.errors import DrawError
from crosscheck.report.visits.drawn_run import make_drawn_run
from crosscheck.report.write_pages import write_pages
from crosscheck.runs.make_run import ACCEPTED, Clock, read_accepted
from crosscheck.runs.run_folder import DRAW, JOINT, read_manifest
from crosscheck.store import audit
from crosscheck.store.runs import export_run, look_up, read_file, read_kept_manifest
from crosscheck.store.sandbox import open_sandbox
from crosscheck.store.save import save_run
from crosscheck.store.tables import Audit, Kept
from crosscheck.visits.draw import read_frame
from crosscheck.visits.seal import Seal, digest_frame, refuse_codes

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from crosscheck.store.database import Store
    from crosscheck.store.runs import KeptRun
    from crosscheck.visits.draw import Frame

SEALED: Final = "draw sealed"
CONFIRMED: Final = "draw confirmed"
DRAWN: Final = "draw made"
_TYPES: Final = {"org_code": pl.String, "stratum": pl.String, "other": pl.String, "joint_probability": pl.Float64}
_audit = Kept.metadata.tables[str(Audit.__tablename__)]


@dataclass(frozen=True)
class KeptSeal:
    """A seal as the trail has it: `details` are what was sealed, `confirmed` who confirmed it, `drawn` what was drawn.

    Both are None as long as nobody did.
    """

    seq: int
    run_id: str
    who: str
    details: Mapping[str, Any]
    confirmed: str | None
    drawn: Mapping[str, Any] | None

    @property
    def known_from(self) -> datetime:
        """From when the value is known."""
        return datetime.fromisoformat(self.details["known_from"])


def now() -> datetime:
    """The time by which a seal is early enough, or a draw late enough."""
    return datetime.now(UTC)


def list_seals(connection: sa.Connection) -> list[KeptSeal]:
    """Every seal, the first first, with what became of it."""
    query = sa.select(_audit.c.seq, _audit.c.what, _audit.c.subject, _audit.c.who, _audit.c.details)
    wanted = query.where(_audit.c.what.in_((SEALED, CONFIRMED, DRAWN))).order_by(_audit.c.seq)
    rows = [(row, json.loads(row.details)) for row in connection.execute(wanted)]
    confirmed = {details["seal"]: row.who for row, details in rows if row.what == CONFIRMED}
    drawn = {details["seal"]: details for row, details in rows if row.what == DRAWN}
    return [
        KeptSeal(row.seq, row.subject, row.who, details, confirmed.get(row.seq), drawn.get(row.seq))
        for row, details in rows
        if row.what == SEALED
    ]


def seal_draw(store: Store, run_id: str, source: str, known_from: datetime, who: str) -> KeptSeal:
    """Seal the draw of a run, before the value is known that will decide it.

    A seal that nobody confirmed, or whose value is not known yet, is replaced by a new one of the same year; the trail
    keeps both, and the new one names the other (`replaces`). Once the value of a confirmed seal is known, it must be
    drawn first.

    Args:
        store: where the run is kept.
        run_id: the run, or how it begins.
        source: the public value, by its name: whose, of which day or number.
        known_from: from when it will be known, with its zone.
        who: who seals it.

    Raises:
        UnknownNameError: there is no such run.
        DrawError: the time has no zone or is past, the run has nobody to draw or has been drawn, a code can't be
            sealed, or another seal of the year waits to be drawn.
        StoreError: who or source is empty.
    """
    if known_from.tzinfo is None or known_from <= now():
        raise DrawError(
            f"{known_from:%-d %B %Y, %H:%M}: seal before the value is known. Name a value to come, and its time with "
            "the zone: 2026-12-05T20:00+00:00"
        )
    with store.writing() as connection:
        run = look_up(connection, run_id)
        corrections, frame = read_sealable(connection, run)
        for name in ("org_code", "stratum"):
            refuse_codes(frame.organisations[name].unique().sort().to_list())
        of_year = _of_year(list_seals(connection), run)
        for former in of_year:
            _refuse_drawn(former, run)
        _refuse_waiting(of_year)
        details = {
            **_describe_frame(frame, run),
            "replaces": of_year[-1].seq if of_year and not of_year[-1].drawn else None,
            "source": audit.require_printable("source", source),
            "known_from": known_from.astimezone(UTC).isoformat(),
            "corrections": corrections,
            # Counted and published, so that everybody sees when a year was drawn more than once.
            "draw_of_the_year": 1 + sum(seal.drawn is not None for seal in of_year),
        }
        head = audit.append(connection, who, SEALED, run.run_id, details)
    return KeptSeal(head.seq, run.run_id, who, details, None, None)


def confirm_seal(store: Store, run_id: str, who: str) -> KeptSeal:
    """Confirm the seal of a run, as a second person, before the value is known.

    Raises:
        UnknownNameError: there is no such run.
        DrawError: there is no open seal of it, the same person sealed it, the value is known already, or the run is no
            longer what was sealed.
    """
    with store.writing() as connection:
        run = look_up(connection, run_id)
        seal = _latest(connection, run)
        # Compared without case, order and accents: another spelling is no second person.
        if audit.fold(who) == audit.fold(seal.who):
            raise DrawError(f"{who} sealed this draw. A second person must confirm it.")
        if seal.confirmed:
            raise DrawError(f"{seal.confirmed} has confirmed this seal already.")
        if now() >= seal.known_from:
            raise DrawError(
                f"The value is known since {seal.details['known_from']}: nobody can confirm the seal any more. Seal "
                "the run again with a value to come: crosscheck visits seal"
            )
        _refuse_changed(connection, run, seal)
        audit.append(connection, who, CONFIRMED, run.run_id, {"seal": seal.seq, "frame": seal.details["frame"]})
    return seal


def draw_sealed(store: Store, run_id: str, value: str, folder: Path, who: str, step: Clock) -> tuple[str, Seal]:
    """Make the binding draw: the run again with the value, kept, and told in the trail.

    Args:
        store: where the run is kept.
        run_id: the sealed run, or how it begins.
        value: the public value, as it was published.
        folder: where the run with the binding draw goes.
        who: who draws.
        step: the clock of the steps.

    Returns:
        The identifier of the run with the binding draw, and its seal.

    Raises:
        UnknownNameError: there is no such run.
        DrawError: it is not sealed, not confirmed, drawn already, the value is not known yet or was used before, or
            the run that was made again is not what was sealed.
    """
    with store.reading() as connection:
        run = look_up(connection, run_id)
        kept_seal = _latest(connection, run)
        _refuse_early(kept_seal)
        _refuse_changed(connection, run, kept_seal)
        given = _refuse_used(connection, value)
    names = ("frame", "source", "known_from", "corrections")
    seal = Seal(run=run.run_id, value=given, **{name: kept_seal.details[name] for name in names})
    with open_sandbox(store, run.run_id, {}) as sandbox:
        export_run(store, run.run_id, sandbox.folder / "run")
        make_drawn_run(sandbox.folder / "run", seal, sandbox.collection, folder, step, write_pages)
        _refuse_other_frame(folder, seal)
        drawn_id = save_run(store, folder, sandbox.collection, sandbox.home).run_id
    with store.writing() as connection:
        # The run takes seconds and holds no lock, so the seal and the value are looked at again before it counts.
        if _latest(connection, run).seq != kept_seal.seq:
            raise DrawError("The seal has changed while the draw was made. Look at it: crosscheck visits seals")
        _refuse_used(connection, given)
        details = {"seal": kept_seal.seq, "frame": seal.frame, "value": seal.value, "run": drawn_id}
        audit.append(connection, who, DRAWN, run.run_id, details)
    return drawn_id, seal


def read_sealable(connection: sa.Connection, run: KeptRun) -> tuple[int, Frame]:
    """What is sealed of a kept run: how many times it was corrected, and the frame of its draw.

    Raises:
        DrawError: there is nobody to draw, or a former release made it, or it is drawn with a sealed value already.
    """
    manifest = read_kept_manifest(connection, run)
    if f"{DRAW}.csv" not in manifest.outputs:
        raise DrawError(f"Run {run.run_id} was made by a former release. Make it again: crosscheck run COLLECTION")
    if manifest.options.seal:
        raise DrawError(f"Run {run.run_id} has its binding draw. A later wave is a run of its own: crosscheck run")
    draw, joint = (
        pl.read_csv(io.BytesIO(read_file(connection, run.number, "output", f"{name}.csv")), schema_overrides=_TYPES)
        for name in (DRAW, JOINT)
    )
    frame = read_frame(draw, joint, manifest.require_draw().design)
    if not frame.number:
        raise DrawError(f"Run {run.run_id}: nobody is drawn. Give it visits at random: --capacity, --random-share")
    accepted = ACCEPTED in manifest.outputs
    times = len(read_accepted(read_file(connection, run.number, "output", ACCEPTED))) if accepted else 0
    return times, frame


def _describe_frame(frame: Frame, run: KeptRun) -> dict[str, object]:
    return {
        "standard": run.standard,
        "year": run.year,
        "frame": digest_frame(frame, run.year),
        "organisations": frame.organisations.height,
        "draws": frame.number,
    }


def _of_year(seals: list[KeptSeal], run: KeptRun) -> list[KeptSeal]:
    return [seal for seal in seals if (seal.details["standard"], seal.details["year"]) == (run.standard, run.year)]


def _latest(connection: sa.Connection, run: KeptRun) -> KeptSeal:
    """The seal that stands for the run's year, if it is this run's."""
    of_year = _of_year(list_seals(connection), run)
    if not of_year or of_year[-1].run_id != run.run_id:
        other = f" The last one of {run.year} is of run {of_year[-1].run_id}." if of_year else ""
        raise DrawError(f"Run {run.run_id} is not sealed.{other} Seal it: crosscheck visits seal --run {run.run_id}")
    _refuse_drawn(of_year[-1], run)
    return of_year[-1]


def _refuse_drawn(seal: KeptSeal, run: KeptRun) -> None:
    if seal.drawn and seal.run_id == run.run_id:
        raise DrawError(
            f"The sealed draw of run {run.run_id} was made already, with the value {seal.drawn['value']}: it "
            f"is run {seal.drawn['run']}. A later wave is a run of its own, with a seal and a value of its own."
        )


def _refuse_waiting(of_year: list[KeptSeal]) -> None:
    last = of_year[-1] if of_year else None
    if last and last.confirmed and not last.drawn and now() >= last.known_from:
        raise DrawError(
            f"The confirmed seal of run {last.run_id} waits for its draw: {last.details['source']} is known since "
            f"{last.details['known_from']}. Draw it first: crosscheck visits draw VALUE --run {last.run_id}"
        )


def _refuse_early(seal: KeptSeal) -> None:
    if not seal.confirmed:
        raise DrawError(
            f"Nobody has confirmed the seal of run {seal.run_id}. A second person must, before the value is known: "
            f"crosscheck visits confirm --run {seal.run_id}"
        )
    if now() < seal.known_from:
        raise DrawError(f"{seal.details['source']} is not known before {seal.details['known_from']}. Draw then.")


def _refuse_changed(connection: sa.Connection, run: KeptRun, seal: KeptSeal) -> None:
    _, frame = read_sealable(connection, run)
    if digest_frame(frame, run.year) != seal.details["frame"]:
        raise DrawError(f"The frame of run {run.run_id} is no longer the one that was sealed. Restore the store.")


def _refuse_other_frame(folder: Path, seal: Seal) -> None:
    made = read_manifest(folder).require_draw()
    if not made.binding:
        raise DrawError(
            f"Made again, the run gives the frame {made.frame[:16]}, and {seal.frame[:16]} was sealed: this program "
            "is not the one that made the run. Draw with that one."
        )


def _refuse_used(connection: sa.Connection, value: str) -> str:
    """The value without blanks at its ends, in Unicode form C.

    Raises:
        DrawError: it can't be written in a ticket, or decided a draw before.
    """
    given = unicodedata.normalize("NFC", value).strip()
    if not given or "|" in given or not given.isprintable():
        raise DrawError(f"{value!r}: a value has no | and nothing that can't be printed. Give it as it was published.")
    used = {seal.drawn["value"]: seal.run_id for seal in list_seals(connection) if seal.drawn}
    same = [run_id for former, run_id in used.items() if _bare(former) == _bare(given)]
    if same:
        raise DrawError(f"The value {given} decided the draw of run {same[0]} already. Each draw needs one of its own.")
    return given


def _bare(value: str) -> str:
    """A value however it is written: no blanks, no capitals, digits of one width. Tickets take it as it was given."""
    return "".join(unicodedata.normalize("NFKC", value).casefold().split())
