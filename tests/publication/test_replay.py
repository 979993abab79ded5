"""Replay: the same bytes from what was kept; what was tampered with is found; changed code is named."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from crosscheck import settings
from crosscheck.cli import main
from crosscheck.cli.terminal import Steps
from crosscheck.errors import DifferenceError
from crosscheck.publication.assessment_page import SUMS, sum_up
from crosscheck.publication.editions import publish, read_edition
from crosscheck.publication.replay import replay
from crosscheck.store import seals
from crosscheck.store.archive import pack, unpack
from crosscheck.store.compression import compress
from crosscheck.store.database import Store
from crosscheck.store.save import save_run
from crosscheck.store.triggers import protect, release
from tests.publication.rounds import fulfil, publish_whole, sign_twice

EDITION = "2008-09/1"


def crosscheck_(*arguments: object) -> None:
    told = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert told.exit_code == 0, told.output


def tamper(store: Store, statement: str, **values: object) -> None:
    """As an owner of the database can: triggers away, change, triggers back."""
    with store.writing() as connection:
        release(connection)
        assert connection.execute(sa.text(statement), values).rowcount == 1
        protect(connection)


def test_an_edition_comes_out_again_byte_for_byte_and_what_was_tampered_with_is_found(
    store: Store, store_url: str, round_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish_whole(store, round_id)
    replayed = replay(store, EDITION)
    assert replayed.changed_code == ()
    assert replayed.different == []
    told = CliRunner().invoke(main, ["replay", EDITION, "--store", store_url])
    counts = {of: sum(one.of == of for one in replayed.compared) for of in ("run", "edition")}
    run, edition = (f"{count} of {count} files of the {of}" for of, count in counts.items())
    assert told.stdout.splitlines() == [f"The same bytes came out again for {run} and {edition}."]
    compared = {(one.of, one.path) for one in replayed.compared}
    assert {("run", "findings.parquet"), ("run", "visit_list.xlsx"), ("run", "manifest.json")} <= compared
    assert {("edition", "assessment.csv"), ("edition", "assessment.html"), ("edition", "counts.csv")} <= compared

    monkeypatch.setattr("crosscheck.publication.replay.identify_code", lambda: "another")
    digest = "SELECT sha256 FROM run_file WHERE kind = 'source' AND path = 'collection/answers.csv'"
    altered = f"UPDATE blob SET content = :content WHERE sha256 = ({digest})"  # noqa: S608
    tamper(store, altered, content=compress(b"org_code"))
    with pytest.raises(DifferenceError, match=r"answers\.csv"):
        replay(store, EDITION)
    told = CliRunner().invoke(main, ["replay", EDITION, "--store", store_url])
    assert told.exit_code == 16
    assert "The run was made by another version" in told.output
    assert "The edition was made by another version" in told.output
    assert "collection/answers.csv" in told.output


def correct_one_answer(run: Path, folder: Path, org_code: str) -> Path:
    """Let an organisation reply to a finding that rests on an answer of “no”, accept it, and give the corrected run."""
    form, again = folder / "forms" / f"{org_code}.csv", folder / "form.csv"
    crosscheck_("reply", "form", "--run", run, "--out", folder / "forms", "--only", org_code)
    rows = pl.read_csv(form, infer_schema=False)
    item = rows.filter(pl.col("your_answer") == "no", pl.col("question").is_not_null())["item"][0]
    corrected = {"reply": "correct", "corrected_answer": "yes", "evidence": "minutes"}
    own = (pl.col("item") == item) & (pl.col("your_answer") == "no")
    filled = (pl.when(own).then(pl.lit(said)).otherwise(name).alias(name) for name, said in corrected.items())
    rows.with_columns(filled).write_csv(again)
    crosscheck_("reply", "read", again, "--run", run, "--out", folder / "replies")
    decision = ("--item", item, "--by", "Ann", "--on", "2009-06-02", "--because", "The minutes were seen")
    crosscheck_("reply", "accept", folder / "replies", "--run", run, "--out", folder / "run", *decision)
    return folder / "run"


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
def test_a_run_that_was_corrected_twice_is_made_again_from_its_sources_and_the_corrections(
    store: Store, small_round: tuple[Path, Path], tmp_path: Path
) -> None:
    run, collection = small_round
    differs = pl.read_parquet(run / "findings.parquet").filter(pl.col("verdict") == "differs")
    first, second = differs.group_by("org_code").len().sort("len", "org_code", descending=True)["org_code"][:2]
    (tmp_path / "1").mkdir()
    (tmp_path / "2").mkdir()
    once = correct_one_answer(run, tmp_path / "1", first)
    twice = correct_one_answer(once, tmp_path / "2", second)
    publish_whole(store, save_run(store, twice, collection, settings.home()).run_id)
    replayed = replay(store, EDITION)
    assert replayed.different == []
    assert {("run", "accepted.parquet"), ("run", "corrections.csv"), ("run", "manifest.json")} <= {
        (one.of, one.path) for one in replayed.compared
    }


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
def test_a_run_that_was_corrected_then_drawn_is_made_again_in_that_order(
    store: Store, small_round: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, collection = small_round[0].parent / "practice", small_round[1]
    differs = pl.read_parquet(run / "findings.parquet").filter(pl.col("verdict") == "differs")
    org_code = differs.group_by("org_code").len().sort("len", "org_code", descending=True)["org_code"][0]
    corrected = correct_one_answer(run, tmp_path, org_code)
    run_id = save_run(store, corrected, collection, settings.home()).run_id
    due = datetime.now(UTC) + timedelta(days=1)
    seals.seal_draw(store, run_id, "the lottery", due, "Ann")
    seals.confirm_seal(store, run_id, "Bob")
    monkeypatch.setattr(seals, "now", lambda: due)
    drawn, seal = seals.draw_sealed(store, run_id, "42", tmp_path / "drawn", "Ann", Steps())
    assert seal.corrections == 1
    fulfil(store, drawn, without="draw")
    ready = sign_twice(store, drawn)
    assert [gate.says for gate in ready.gates if gate.name == "draw"] == [f"Draw 1 of the year: {seal.describe()}"]
    publish(store, ready, "Bob")
    replayed = replay(store, EDITION)
    assert replayed.different == []
    assert {("run", "draw.csv"), ("run", "corrections.csv"), ("run", "manifest.json")} <= {
        (one.of, one.path) for one in replayed.compared
    }


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
def test_an_edition_that_was_tampered_with_is_named_and_not_given_out(store: Store, round_id: str) -> None:
    publish_whole(store, round_id)
    files = read_edition(store, EDITION).files
    altered = pack(files | {"assessment.csv": files["assessment.csv"].replace(b"qualified", b"upheld")})
    tamper(store, "UPDATE edition SET content = :content", content=altered)
    with pytest.raises(DifferenceError, match=r"assessment\.csv: is not what was published"):
        read_edition(store, EDITION)
    anew = unpack(altered)
    anew[SUMS] = sum_up({path: content for path, content in anew.items() if path != SUMS})
    told = {"content": pack(anew), "sums": hashlib.sha256(anew[SUMS]).hexdigest()}
    tamper(store, "UPDATE edition SET content = :content, sums = :sums", **told)
    with pytest.raises(DifferenceError, match="not what the audit trail says"):
        read_edition(store, EDITION)
    tamper(store, "UPDATE edition SET content = :content", content=b"no archive")
    with pytest.raises(DifferenceError, match="can't be read any more"):
        read_edition(store, EDITION)
    tamper(store, "UPDATE edition SET content = :content, sums = :sums", content=pack(files), sums="0" * 64)
    with pytest.raises(DifferenceError, match="not what the audit trail says"):
        read_edition(store, EDITION)


def test_the_same_files_are_the_same_bundle() -> None:
    files = {"b/c.txt": b"c", "a.txt": b""}
    assert unpack(pack(files)) == files
    assert pack(files) == pack(dict(reversed(files.items())))
