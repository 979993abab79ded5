"""The gates before publication: each passes or says what is missing, and all are asked at once."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import polars as pl

from crosscheck.collection.doubts import IN_DOUBT
from crosscheck.publication.assessment import KEYS, current_decisions, list_high_risk
from crosscheck.publication.preparation import SENSITIVITY
from crosscheck.sensitivity import GATE
from crosscheck.store.audit import fold, verify_trail
from crosscheck.store.seals import list_seals

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    import sqlalchemy as sa

    from crosscheck.publication.state import PublicationState

SIGNATURES: Final = 2
_SHORTEST_NAME: Final = 4  # a shorter one would be found inside other words
_AGAINST: Final = {"accept": "qualified", "explain": "qualified", "qualify": "upheld"}


@dataclass(frozen=True)
class SignedBy:
    """A signature under exactly what would be published: in which role, why, by whom and when."""

    role: str
    reason: str
    who: str
    at: datetime


@dataclass(frozen=True)
class Gate:
    """A gate: its name, whether it lets the edition through, and in words what it found or what is missing."""

    name: str
    passes: bool
    says: str


def ask_gates(
    connection: sa.Connection, state: PublicationState, signed: Sequence[SignedBy], reason: str | None
) -> list[Gate]:
    """Ask every gate.

    Args:
        connection: of a transaction that reads.
        state: the run and what was recorded of it.
        signed: the signatures that count: those of exactly what would be published.
        reason: why an edition is corrected, if one is; it will be published too.
    """
    return [
        _accounts(state),
        _problems(state),
        _doubts(state),
        _signs(state),
        _draw(connection, state),
        _decisions(state),
        _visits(state),
        _accord(state),
        _names(state, signed, reason),
        _sensitivity(state),
        _audit(connection),
        _signatures(signed),
    ]


def _accounts(state: PublicationState) -> Gate:
    """Whether every organisation of the collection is on the list or named with the reason, and every row counted."""
    evidence = state.evidence
    if evidence.manifest.accounts is None:
        says = "The run was made before every organisation was accounted for. Make it again with this program"
        return Gate("accounts", passes=False, says=says)
    named = {*evidence.listed["org_code"], *evidence.not_assessed["org_code"]}
    # Compared with everybody who is mentioned anywhere, not with the table of organisations: one may be missing there.
    vanished = [code for code in evidence.mentions["org_code"].unique().sort() if code not in named]
    miscounted = [
        file.file for file in evidence.manifest.inputs if file.rows != file.rows_used + (file.rows_set_aside or 0)
    ]
    if vanished or miscounted:
        message = "; ".join(
            [f"{code} is neither on the list nor in not_assessed.csv" for code in vanished]
            + [f"{file}: the rows that were read are not those used and set aside" for file in miscounted]
        )
        return Gate("accounts", passes=False, says=message)
    missing = evidence.not_assessed["successor"].null_count()
    says = f"Every organisation of the collection is on the list or named with the reason: {missing} are not assessed"
    return Gate("accounts", passes=True, says=says)


def _problems(state: PublicationState) -> Gate:
    problems = [problem for problem in state.records["problems"] if problem["effect"] != IN_DOUBT]
    unanswered = [problem for problem in problems if problem["who"] is None]
    files = ", ".join(sorted({problem["file"] for problem in unanswered}))
    if unanswered:
        return Gate(
            "problems",
            passes=False,
            says=f"{len(unanswered)} of {len(problems)} problems that set rows or cells aside are open, in {files}. "
            f"See them: crosscheck problems list --run {state.run.run_id}; then: crosscheck problems answer",
        )
    return Gate("problems", passes=True, says=f"{len(problems)} problems set rows or cells aside, all answered")


def _doubts(state: PublicationState) -> Gate:
    """Whether each value in doubt was resolved before the run, or somebody answers for it as for a problem."""
    doubts = [problem for problem in state.records["problems"] if problem["effect"] == IN_DOUBT]
    unanswered = [doubt for doubt in doubts if doubt["who"] is None]
    if unanswered:
        says = (
            f"{len(unanswered)} of {len(doubts)} values in doubt are open. Confirm or correct them (crosscheck "
            f"problems resolve) and run again; or say why they may stay: crosscheck problems answer --run "
            f"{state.run.run_id}"
        )
        return Gate("doubts", passes=False, says=says)
    said = f"{len(doubts)} values in doubt, all answered" if doubts else "No value is in doubt"
    return Gate("doubts", passes=True, says=said)


def _signs(state: PublicationState) -> Gate:
    manifest = state.evidence.manifest
    failing = [doubt.item for doubt in manifest.polarity if doubt.fails]
    allowed = (manifest.options.allow_polarity or "").strip()
    if failing and not allowed:
        return Gate(
            "signs", passes=False, says=f"Which end is worse is in doubt of {', '.join(failing)}. Mend it and run again"
        )
    return Gate(
        "signs",
        passes=True,
        says=f"{len(failing)} items in doubt of which end is worse" + (f": {allowed}" if failing else ""),
    )


def _draw(connection: sa.Connection, state: PublicationState) -> Gate:
    """Whether a sealed value decided the draw; a run that was corrected since stands on the draw made before."""
    manifest, run_id = state.evidence.manifest, state.run.run_id
    seal = manifest.options.seal
    of_this_draw = (kept for kept in list_seals(connection) if seal and kept.run_id == seal.run and kept.drawn)
    kept_seal = next(of_this_draw, None)
    drawn = kept_seal.drawn if kept_seal and kept_seal.confirmed else None
    if not (seal and kept_seal and drawn) or (drawn["frame"], drawn["value"]) != (seal.frame, seal.value):
        what = "The random sample is a practice draw, not binding" if seal is None else "No kept seal has this draw"
        says = f"{what}. Seal it before a public value is known, and draw then: crosscheck visits seal --run {run_id}"
        return Gate("draw", passes=False, says=says)
    if drawn["run"] == run_id and manifest.is_binding:
        return Gate(
            "draw", passes=True, says=f"Draw {kept_seal.details['draw_of_the_year']} of the year: {seal.describe()}"
        )
    # A correction keeps the draw made before it: drawing again would let its author choose between two samples.
    if manifest.corrects:
        says = f"Drawn as run {drawn['run']} and corrected since: {seal.describe()}"
        return Gate("draw", passes=True, says=says)
    return Gate("draw", passes=False, says=f"The binding draw is run {drawn['run']}, not this one. Publish that one")


def _decisions(state: PublicationState) -> Gate:
    high_risk = state.model.high_risk
    high = list_high_risk(state.evidence.listed, state.visits, state.model)
    decided = current_decisions(state.records["decisions"])
    open_ones = high.join(decided, on=KEYS, how="anti", maintain_order="left")
    meant = f"declared compliant, not visited this year, risk {high_risk.risk:.0%} or more" + (
        ", or chosen by the plan" if high_risk.planned else ""
    )
    if open_ones.height:
        return Gate(
            "decisions",
            passes=False,
            says=f"{open_ones.height} of {high.height} declarations of high risk ({meant}) are undecided: "
            f"{_list(open_ones)}. Decide: crosscheck decide",
        )
    return Gate(
        "decisions", passes=True, says=f"{high.height} declarations of high risk ({meant}), all decided or visited"
    )


def _visits(state: PublicationState) -> Gate:
    wanted = current_decisions(state.records["decisions"]).filter(pl.col("kind") == "visit")
    missing = wanted.join(state.visits, on=KEYS, how="anti", maintain_order="left")
    if missing.height:
        return Gate(
            "visits",
            passes=False,
            says=f"{missing.height} of {wanted.height} visits that were decided on have no finding: {_list(missing)}. "
            "Record it: crosscheck visits record",
        )
    return Gate("visits", passes=True, says=f"{wanted.height} visits were decided on, all have a finding")


def _accord(state: PublicationState) -> Gate:
    decided = current_decisions(state.records["decisions"]).join(state.visits, on=KEYS, maintain_order="left")
    against = decided.filter(pl.col("kind").replace_strict(_AGAINST, default=None) == pl.col("finding"))
    if against.height:
        return Gate(
            "accord",
            passes=False,
            says=f"{against.height} decisions say otherwise than the visit found: {_list(against)}. "
            "Decide anew: crosscheck decide",
        )
    return Gate("accord", passes=True, says="No decision says otherwise than a visit found")


def _names(state: PublicationState, signed: Sequence[SignedBy], reason: str | None) -> Gate:
    """No name of staff in what would be published."""
    staff = {row.who for row in signed} | {row["who"] for rows in state.records.values() for row in rows if row["who"]}
    published = [
        *(f"{code} {function}: {why}" for code, function, why in state.assessed.select(*KEYS, "why").iter_rows())
    ]
    published += [f"reason of the correction: {reason}"] if reason else []
    published += [f"role of who signed: {row.role}" for row in signed]
    named = [text.partition(":")[0] for text in published if _mentions(text, staff)]
    if named:
        return Gate(
            "names",
            passes=False,
            says=f"What would be published names staff: {', '.join(named)}. Put it in other words",
        )
    return Gate("names", passes=True, says="No name of staff is in what is published")


def _mentions(text: str, staff: Iterable[str]) -> bool:
    folded = " ".join(text.casefold().split())
    return any(len(name) >= _SHORTEST_NAME and " ".join(name.casefold().split()) in folded for name in staff)


def _sensitivity(state: PublicationState) -> Gate:
    if SENSITIVITY not in state.prepared:
        return Gate(
            "sensitivity",
            passes=False,
            says="Nobody tried the list under other assumptions. "
            f"Do: crosscheck editions prepare --run {state.run.run_id}",
        )
    least = min(json.loads(state.prepared[SENSITIVITY]), key=lambda trial: (trial["kept"], trial["assumption"]))
    finding = f"at least {least['kept']:.0%} of the first stay under every assumption ({least['assumption']})"
    return Gate("sensitivity", passes=least["kept"] >= GATE, says=f"{finding}; {GATE:.0%} must")


def _audit(connection: sa.Connection) -> Gate:
    verified = verify_trail(connection)
    if verified.broken:
        return Gate(
            "audit",
            passes=False,
            says=f"The audit trail is broken: {verified.broken.fault}. See: crosscheck audit verify",
        )
    return Gate("audit", passes=True, says="The audit trail holds")


def _signatures(signed: Sequence[SignedBy]) -> Gate:
    people = {fold(signature.who) for signature in signed}
    if len(people) < SIGNATURES:
        return Gate(
            "signatures",
            passes=False,
            says=f"{len(people)} of {SIGNATURES} people have signed exactly what would be published now. "
            "Sign: crosscheck sign",
        )
    return Gate("signatures", passes=True, says=f"{len(people)} people signed exactly this")


def _list(declarations: pl.DataFrame) -> str:
    return ", ".join(f"{code} {function}" for code, function in declarations.select(KEYS).iter_rows())
