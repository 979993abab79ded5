"""A small round for the tests of publication: a collection cut to a few organisations, its run, and what people do."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

from crosscheck.report.assessment import KEYS, list_high_risk
from crosscheck.store import decisions
from crosscheck.store.database import Store
from crosscheck.store.decisions import Proposal, read_history
from crosscheck.store.preparation import SENSITIVITY, keep_preparation
from crosscheck.store.publication import Correction, Ready, look_over, publish, sign
from crosscheck.store.records import Visited, answer_problems, record_visit
from crosscheck.store.round import open_round
from crosscheck.store.runs import look_up
from tests.conftest import make_run
from tests.few import cut_collection, of_each_type

EACH_TYPE = 12
STEADY = [{"assumption": "8% are not upheld by lot", "kept": 0.8, "correlation": 0.9, "farthest": 5}]


def make_small_round(place: Path) -> None:
    """A run of the first organisations of each type, and the collection: in it one answer that can't be used."""
    kept = of_each_type(EACH_TYPE)
    collection = cut_collection(place / "collection", kept)
    with (collection / "answers.csv").open("a", encoding="utf-8") as answers:
        answers.write(f"{kept[0]},no.such_question,,yes\n")
    make_run(collection, place / "run", "--no-pages", "--capacity", "6")


def decide(store: Store, run_id: str, declaration: tuple[str, str], kind: str, reason: str = "Asked it.") -> None:
    with store.reading() as connection:
        seen = len(read_history(connection, look_up(connection, run_id)["number"], *declaration))
    decisions.decide(store, run_id, [Proposal(*declaration, kind, reason, "Ann Assessor", seen)])


def high_risk(store: Store, run_id: str) -> list[tuple[str, str]]:
    held = open_round(store, run_id)
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
    if without != "problems":
        answer_problems(store, run_id, {}, "Bob Batch", "One row of a question that there is not.")
    if without != "sensitivity":
        keep_preparation(store, run_id, {SENSITIVITY: json.dumps(STEADY).encode()}, "Bob Batch")
    return asked


def sign_twice(store: Store, run_id: str, correction: Correction | None = None) -> Ready:
    ready = look_over(store, run_id, correction)
    for who, role in (("Cay Head", "head of assessment"), ("Dee Chief", "chief analyst")):
        sign(store, ready, who, role, "Read it whole.")
    return look_over(store, run_id, correction)


def publish_whole(store: Store, run_id: str) -> str:
    fulfil(store, run_id)
    return publish(store, sign_twice(store, run_id), "Bob Batch")
