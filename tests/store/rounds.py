"""A small round for the tests of publication: a collection cut to a few organisations, its run, and what people do."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import polars as pl

from crosscheck.report.assessment import KEYS, list_high_risk
from crosscheck.store import decisions
from crosscheck.store.database import Store
from crosscheck.store.decisions import Proposal, read_history
from crosscheck.store.preparation import SENSITIVITY, keep_preparation
from crosscheck.store.publication import Correction, Ready, look_over, publish, sign
from crosscheck.store.records import Visited, answer_problems, record_visit
from crosscheck.store.round import open_round
from crosscheck.store.runs import look_up

EACH_TYPE = 12
STEADY = [{"assumption": "8% are not upheld by lot", "kept": 0.8, "correlation": 0.9, "farthest": 5}]


def cut_collection(collection: Path, folder: Path) -> Path:
    """The first organisations of each type with all that is said of them, and one answer that can't be used."""
    folder.mkdir()
    organisations = pl.read_csv(collection / "organisations.csv", infer_schema=False)
    kept = organisations.group_by("org_type", maintain_order=True).head(EACH_TYPE)["org_code"].to_list()
    for file in sorted(collection.glob("*.csv")):
        rows = pl.read_csv(file, infer_schema=False)
        named = [name for name in ("org_code", "from_code") if name in rows.columns]
        if named:
            rows = rows.filter(pl.any_horizontal(pl.col(named).is_in(kept)))
        if file.name == "answers.csv":
            rows = pl.concat([rows, rows.head(1).with_columns(question_id=pl.lit("no.such_question"))])
        rows.write_csv(folder / file.name)
    return folder


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
