"""A small round for the tests of publication: a collection cut to a few organisations, its run, and what people do."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from unittest.mock import patch

from crosscheck import settings
from crosscheck.cli.terminal import Steps
from crosscheck.publication.assessment import KEYS, list_high_risk
from crosscheck.publication.editions import Correction, EditionPreview, preview_edition, publish, sign
from crosscheck.publication.preparation import SENSITIVITY, keep_preparation
from crosscheck.publication.state import load_state
from crosscheck.store import audit, decisions, seals
from crosscheck.store.database import Store, open_store
from crosscheck.store.decisions import Proposal, read_history
from crosscheck.store.records import Visited, answer_problems, record_visit
from crosscheck.store.runs import look_up, show_run
from crosscheck.store.save import save_run
from tests.conftest import make_run
from tests.few import cut_collection, of_each_type

EACH_TYPE = 12
SOURCE = "the lottery's main numbers of 1 May 2009"
STEADY = [{"assumption": "8% are not upheld by lot", "kept": 0.8, "correlation": 0.9, "farthest": 5}]


def make_small_round(place: Path) -> None:
    """A run of the first organisations of each type, and the collection: in it one answer that can't be used."""
    kept = of_each_type(EACH_TYPE)
    collection = cut_collection(place / "collection", kept)
    with (collection / "answers.csv").open("a", encoding="utf-8") as answers:
        answers.write(f"{kept[0]},no.such_question,,yes\n")
    make_run(collection, place / "practice", "--no-pages", "--capacity", "6")
    draw_binding(place)


def draw_binding(place: Path) -> None:
    """Seal, confirm and draw the practice run: `run` is the one with the binding draw."""
    with open_store(str(place / "seals.db"), create=True) as store:
        run_id = save_run(store, place / "practice", place / "collection", settings.home()).run_id
        known_from = datetime.now(UTC) + timedelta(days=1)
        seals.seal_draw(store, run_id, SOURCE, known_from, "Ann Assessor")
        seals.confirm_seal(store, run_id, "Bob Batch")
        with patch.object(seals, "now", lambda: known_from):
            seals.draw_sealed(store, run_id, "4 8 15 16 23 42", place / "run", "Ann Assessor", Steps())


def tell_draw(store: Store, run_id: str) -> None:
    """Tell in the trail of a store that keeps only the drawn run how it was sealed, confirmed and drawn."""
    run, manifest = show_run(store, run_id)
    assert manifest.options.seal is not None
    seal = asdict(manifest.options.seal)
    said = {"standard": run.standard, "year": run.year, "draw_of_the_year": 1}
    drawn = "the run that was drawn" if manifest.corrects else run.run_id
    with store.writing() as connection:
        seq = audit.append(connection, "Ann Assessor", seals.SEALED, seal["run"], seal | said).seq
        audit.append(connection, "Bob Batch", seals.CONFIRMED, seal["run"], {"seal": seq, "frame": seal["frame"]})
        told = {"seal": seq, "frame": seal["frame"], "value": seal["value"], "run": drawn}
        audit.append(connection, "Ann Assessor", seals.DRAWN, seal["run"], told)


def decide(store: Store, run_id: str, declaration: tuple[str, str], kind: str, reason: str = "Asked it.") -> None:
    with store.reading() as connection:
        seen = len(read_history(connection, look_up(connection, run_id).number, *declaration))
    decisions.decide(store, run_id, [Proposal(*declaration, kind, reason, "Ann Assessor", seen)])


def high_risk(store: Store, run_id: str) -> list[tuple[str, str]]:
    held = load_state(store, run_id)
    return list(list_high_risk(held.evidence.listed, held.visits, held.model).select(KEYS).iter_rows())


def fulfil(store: Store, run_id: str, *, without: str = "") -> list[tuple[str, str]]:
    """Do all that the gates before the signatures ask for, but one; the declarations that were decided on."""
    asked = high_risk(store, run_id)
    kinds = ["visit", "qualify", "explain", *["accept"] * len(asked)]
    for declaration, kind in zip(asked, kinds, strict=False):
        if without != "decisions" or declaration != asked[-1]:
            decide(store, run_id, declaration, kind)
    if without != "visits":
        visited = Visited(*asked[0], date(2009, 9, 1), "qualified")
        record_visit(store, run_id, visited, "Ann Assessor", "The policy was not there.")
    if without == "accord":
        decide(store, run_id, asked[0], "accept")
    if without == "names":
        decide(store, run_id, asked[1], "qualify", "ann  assessor saw the register.")
    varied = {SENSITIVITY: json.dumps(STEADY).encode()}
    rest: dict[str, Callable[[], object]] = {
        "draw": lambda: tell_draw(store, run_id),
        "problems": lambda: answer_problems(store, run_id, {}, "Bob Batch", "One row of a question that there is not."),
        "sensitivity": lambda: keep_preparation(store, run_id, varied, "Bob Batch"),
    }
    for gate, do in rest.items():
        if gate != without:
            do()
    return asked


def sign_twice(store: Store, run_id: str, correction: Correction | None = None) -> EditionPreview:
    ready = preview_edition(store, run_id, correction)
    for who, role in (("Cay Head", "head of assessment"), ("Dee Chief", "chief analyst")):
        sign(store, ready, who, role, "Read it whole.")
    return preview_edition(store, run_id, correction)


def publish_whole(store: Store, run_id: str) -> str:
    fulfil(store, run_id)
    return publish(store, sign_twice(store, run_id), "Bob Batch")
