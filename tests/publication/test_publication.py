"""Publication: each gate alone, two people, one digest; editions that nothing changes and that correct by naming."""

from __future__ import annotations

import csv
import io
import json
import subprocess
from pathlib import Path

import polars as pl
import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from crosscheck import settings
from crosscheck.cli import main
from crosscheck.errors import DifferenceError, GateError, StoreError, UnknownNameError
from crosscheck.publication.editions import (
    Correction,
    export_edition,
    list_editions,
    preview_edition,
    publish,
    read_edition,
    sign,
    verify_folder,
)
from crosscheck.publication.state import load_state
from crosscheck.store.audit import fold
from crosscheck.store.database import Store, open_store
from crosscheck.store.records import Visited, answer_problems, list_problems, record_visit
from crosscheck.store.runs import delete_run, look_up
from crosscheck.store.save import save_run
from crosscheck.store.triggers import release
from tests.conftest import make_run
from tests.publication.rounds import decide, fulfil, publish_whole, sign_twice

sqlite_alone = pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)


def failing(store: Store, run_id: str) -> set[str]:
    return {gate.name for gate in preview_edition(store, run_id).gates if not gate.passes}


def test_a_round_is_published_signed_by_two_frozen_and_corrected_by_name(
    store: Store, round_id: str, tmp_path: Path
) -> None:
    assert failing(store, round_id) == {"problems", "draw", "decisions", "sensitivity", "signatures"}
    asked = fulfil(store, round_id)
    assert failing(store, round_id) == {"signatures"}
    ready = sign_twice(store, round_id)
    assert ready.missing == []
    assert publish(store, ready, "Bob Batch") == "2008-09/1"
    with pytest.raises(GateError, match="Do it again"):
        publish(store, ready, "Bob Batch")

    first = read_edition(store, "2008-09/1")
    told = csv.DictReader(io.StringIO(first.files["assessment.csv"].decode()))
    rows = {(row["org_code"], row["function"]): row for row in told}
    outcomes = [rows[declaration]["after"] for declaration in asked[:4]]
    assert outcomes == ["qualified", "qualified", "explained", "as_declared"]
    assert rows[asked[0]]["why"] == "A visit on 1 September 2009 found the standard not met."
    assert rows[asked[0]]["effect"] == "counts_as_not_met"
    everything = b"".join(first.files.values()).decode(errors="replace")
    assert not [name for name in ("Assessor", "Batch", "Cay Head", "Dee Chief") if name in everything]
    manifest = json.loads(first.files["manifest.json"])
    assert [one["role"] for one in manifest["signed"]] == ["head of assessment", "chief analyst"]

    export_edition(store, "2008-09/1", tmp_path / "first")
    subprocess.run(["sha256sum", "-c", "--quiet", "--strict", "SHA256SUMS"], cwd=tmp_path / "first", check=True)
    with pytest.raises(StoreError, match="corrects it"):
        preview_edition(store, round_id)

    decide(store, round_id, asked[1], "explain", "The register was found.")
    correction = Correction("2008-09/1", "A register was found.")
    second = publish(store, sign_twice(store, round_id, correction), "Bob Batch")
    assert second == "2008-09/2"
    assert b"This edition corrects edition 2008-09/1." in read_edition(store, second).files["assessment.html"]
    assert read_edition(store, "2008-09/1") == first
    assert [(one["edition_id"], one["corrects"], one["corrected_by"]) for one in list_editions(store)] == [
        ("2008-09/2", "2008-09/1", None),
        ("2008-09/1", None, "2008-09/2"),
    ]
    with pytest.raises(StoreError, match="The edition that stands is 2008-09/2"):
        preview_edition(store, round_id, correction)
    with pytest.raises(StoreError, match="2 editions rest on it"):
        delete_run(store, round_id)


def test_nothing_that_was_published_or_signed_can_be_changed_or_taken_away(store: Store, round_id: str) -> None:
    publish_whole(store, round_id)
    tables = ("edition", "signature", "preparation", "visit_record", "problem_answer")
    statements = [f"UPDATE {table} SET run = 2" for table in tables]  # noqa: S608
    statements += [f"DELETE FROM {table}" for table in tables]  # noqa: S608
    statements += ["UPDATE edition SET reason = 'none'"]
    if store.is_sqlite:
        statements += [f"INSERT OR REPLACE INTO {table} SELECT * FROM {table}" for table in tables]  # noqa: S608
    else:
        statements += [f"TRUNCATE {table} CASCADE" for table in tables]
        replacing = "ON CONFLICT (edition_id) DO UPDATE SET reason = 'none'"
        statements += [f"INSERT INTO edition SELECT * FROM edition {replacing}"]  # noqa: S608
    before = read_edition(store, "2008-09/1")
    for statement in statements:
        with pytest.raises(StoreError), store.writing() as connection:
            connection.execute(sa.text(statement))
    assert read_edition(store, "2008-09/1") == before


@sqlite_alone
@pytest.mark.parametrize("gate", ["problems", "draw", "decisions", "visits", "accord", "names", "sensitivity"])
def test_each_gate_alone_keeps_an_edition_back_and_says_why(store: Store, round_id: str, gate: str) -> None:
    fulfil(store, round_id, without=gate)
    ready = sign_twice(store, round_id)
    assert [one.name for one in ready.gates if not one.passes] == [gate]
    with pytest.raises(GateError, match=f"{gate}: ") as refused:
        publish(store, ready, "Bob Batch")
    assert refused.value.exit_code == 15
    assert list_editions(store) == []


@sqlite_alone
def test_a_list_that_is_not_steady_is_not_published(store: Store, round_id: str) -> None:
    from crosscheck.publication.preparation import SENSITIVITY, keep_preparation

    fulfil(store, round_id, without="sensitivity")
    varied = [{"assumption": "quality tells less", "kept": 0.59, "correlation": 0.9, "farthest": 5}]
    keep_preparation(store, round_id, {SENSITIVITY: json.dumps(varied).encode()}, "Bob Batch")
    assert [gate.says for gate in preview_edition(store, round_id).gates if gate.name == "sensitivity"] == [
        "at least 59% of the first stay under every assumption (quality tells less); 60% must"
    ]
    assert failing(store, round_id) == {"sensitivity", "signatures"}


@sqlite_alone
def test_a_sign_in_doubt_and_a_broken_trail_keep_an_edition_back(store: Store, round_id: str) -> None:
    from dataclasses import replace

    from crosscheck.publication.gates import ask_gates
    from crosscheck.runs.manifest import DoubtfulSign

    fulfil(store, round_id)
    state = preview_edition(store, round_id).state
    doubt = DoubtfulSign("training.crb", "its best answer is scored worse", "made-up returns", fails=True)
    manifest = replace(state.evidence.manifest, polarity=(doubt,))
    doubtful = replace(state, evidence=replace(state.evidence, manifest=manifest))
    with store.writing() as connection:
        release(connection)
        connection.execute(sa.text("UPDATE audit SET who = 'Nobody' WHERE seq = 2"))
        gates = {gate.name: gate for gate in ask_gates(connection, doubtful, [], None)}
    assert {name for name, gate in gates.items() if not gate.passes} == {"signs", "audit", "signatures"}
    assert "training.crb" in gates["signs"].says
    assert "row 2 was altered" in gates["audit"].says


@sqlite_alone
def test_an_open_doubt_keeps_an_edition_back_until_somebody_answers_for_it(store: Store, round_id: str) -> None:
    from dataclasses import replace

    from crosscheck.publication.gates import ask_gates

    fulfil(store, round_id)
    state = preview_edition(store, round_id).state
    doubt = {"file": "answers.csv", "effect": "in doubt", "who": None}
    records = [*state.records["problems"], doubt]
    said = {}
    with store.reading() as connection:
        for who in (None, "Bob Batch"):
            records[-1] = doubt | {"who": who}
            doubtful = replace(state, records=state.records | {"problems": list(records)})
            gates = {gate.name: gate for gate in ask_gates(connection, doubtful, [], None)}
            said[who] = (gates["problems"].passes, gates["doubts"].passes, gates["doubts"].says)
    assert said["Bob Batch"] == (True, True, "1 values in doubt, all answered")
    assert said[None][:2] == (True, False)
    assert "1 of 1 values in doubt are open. Confirm or correct them" in said[None][2]


def test_a_value_in_doubt_is_kept_with_the_problems_of_a_run_for_somebody_to_answer(few: Path, tmp_path: Path) -> None:
    import shutil

    folder = tmp_path / "collection"
    shutil.copytree(few, folder)
    rows = pl.read_csv(folder / "answers.csv", infer_schema=False)
    code = rows.filter(pl.col("question_id") == "training.level1_pct")["org_code"][0]
    hit = (pl.col("org_code") == code) & (pl.col("question_id") == "training.level1_pct")
    rows.with_columns(answer=pl.when(hit).then(pl.lit("0.41")).otherwise("answer")).write_csv(folder / "answers.csv")
    make_run(folder, tmp_path / "run", "--no-pages", "--capacity", "5")
    with open_store(str(tmp_path / "runs.db"), create=True) as store:
        run_id = save_run(store, tmp_path / "run", folder, settings.home()).run_id
        with store.reading() as connection:
            kept = list_problems(connection, look_up(connection, run_id).number)
        (doubt,) = [problem for problem in kept if problem["effect"] == "in doubt"]
        assert (doubt["value"], doubt["who"]) == ("0.41", None)
        answer_problems(store, run_id, {"effect": "in doubt"}, "Bob Batch", "The trust confirms it next week.")
        with store.reading() as connection:
            kept = list_problems(connection, look_up(connection, run_id).number)
    assert [problem["who"] for problem in kept if problem["effect"] == "in doubt"] == ["Bob Batch"]


@sqlite_alone
def test_an_organisation_that_vanished_and_a_row_that_nobody_counted_keep_an_edition_back(
    store: Store, round_id: str
) -> None:
    from dataclasses import replace

    from crosscheck.publication.gates import ask_gates

    state = preview_edition(store, round_id).state
    mentions = state.evidence.mentions
    vanished = mentions.head(1).with_columns(org_code=pl.lit("R0Q"), why=pl.lit("org_type: misspelt"))
    first, *others = state.evidence.manifest.inputs
    manifest = replace(state.evidence.manifest, inputs=(replace(first, rows=first.rows + 1), *others))
    doctored = replace(state.evidence, mentions=pl.concat([mentions, vanished]), manifest=manifest)
    with store.reading() as connection:
        whole, lacking = (
            next(gate for gate in ask_gates(connection, one, [], None) if gate.name == "accounts")
            for one in (state, replace(state, evidence=doctored))
        )
    assert whole.passes
    assert not lacking.passes
    assert "R0Q is neither on the list nor in not_assessed.csv" in lacking.says
    assert f"{first.file}: the rows that were read are not those used and set aside" in lacking.says


@sqlite_alone
def test_one_person_in_two_spellings_is_one(store: Store, round_id: str) -> None:
    fulfil(store, round_id)
    sign(store, preview_edition(store, round_id), "Jane Smith", "head of assessment", "Read it.")
    for spelling in ("jane  SMITH", "Smith, Jane", "\uff2aane Smith"):
        with pytest.raises(StoreError, match="signed this already"):
            sign(store, preview_edition(store, round_id), spelling, "chief analyst", "Read it.")
    assert failing(store, round_id) == {"signatures"}
    assert fold("Jane Smith") != fold("Jane Smithe")


@sqlite_alone
def test_a_signature_no_longer_counts_when_anything_changes(store: Store, round_id: str) -> None:
    asked = fulfil(store, round_id)
    ready = sign_twice(store, round_id)
    decide(store, round_id, asked[2], "accept", "Another reason.")
    with pytest.raises(GateError, match="recorded while the edition was drawn up"):
        publish(store, ready, "Bob Batch")
    assert failing(store, round_id) == {"signatures"}
    assert preview_edition(store, round_id).signed == []


@sqlite_alone
def test_what_is_recorded_is_of_a_declaration_and_a_problem_that_there_is(store: Store, round_id: str) -> None:
    from datetime import date

    with pytest.raises(UnknownNameError, match="no declaration of XXX"):
        record_visit(store, round_id, Visited("XXX", "whole", date(2009, 9, 1), "upheld"), "Ann", "Seen.")
    with pytest.raises(UnknownNameError, match="No open problem"):
        answer_problems(store, round_id, {"file": "visits.csv"}, "Ann", "Seen.")
    opened = [one["file"] for one in load_state(store, round_id).records["problems"]]
    assert opened.count("answers.csv") == 1
    assert answer_problems(store, round_id, {"file": "answers.csv"}, "Ann", "Seen.") == 1
    assert len(opened) == 1 or answer_problems(store, round_id, {}, "Ann", "Seen.") == len(opened) - 1
    with pytest.raises(UnknownNameError, match="No open problem"):
        answer_problems(store, round_id, {}, "Ann", "Seen again.")


@sqlite_alone
def test_whatever_happens_to_an_exported_folder_is_named(store: Store, round_id: str, tmp_path: Path) -> None:
    publish_whole(store, round_id)
    folder = tmp_path / "edition"
    export_edition(store, "2008-09/1", folder)
    assert verify_folder(folder, read_edition(store, "2008-09/1")) == 6
    (folder / "assessment.csv").write_text("org_code\n", encoding="utf-8")
    (folder / "counts.csv").unlink()
    (folder / "more.txt").write_text("more", encoding="utf-8")
    with pytest.raises(DifferenceError) as found:
        verify_folder(folder)
    told = str(found.value)
    for words in ("assessment.csv: is not what was published", "counts.csv: is not there", "more.txt: does not belong"):
        assert words in told


@sqlite_alone
def test_the_commands_say_all_that_is_missing_and_end_with_15(store_url: str, round_id: str) -> None:
    asked = ["publish", round_id, "--year", "2008/09", "--store", store_url, "--check"]
    told = CliRunner().invoke(main, asked)
    assert told.exit_code == 15
    for gate in ("problems", "draw", "decisions", "sensitivity", "signatures"):
        assert f"\n{gate}: " in told.output
    assert (
        CliRunner().invoke(main, ["publish", round_id, "--year", "2007/08", "--store", store_url, "--check"]).exit_code
        == 7
    )
    told = CliRunner().invoke(main, ["problems", "list", "--run", round_id, "--store", store_url, "--format", "json"])
    assert "answers.csv" in [row["file"] for row in json.loads(told.output)]
