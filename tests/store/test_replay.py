"""Replay: the same bytes from what was kept; what was tampered with is found; changed code is named."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from crosscheck.cli import main
from crosscheck.errors import DifferenceError
from crosscheck.store.bundle import pack, unpack
from crosscheck.store.contents import compress
from crosscheck.store.database import Store
from crosscheck.store.publication import read_edition
from crosscheck.store.replay import replay
from crosscheck.store.triggers import protect, release
from tests.store.rounds import publish_whole

EDITION = "2008-09/1"


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
    compared = {(one.of, one.path) for one in replayed.compared}
    assert {("run", "findings.parquet"), ("run", "visit_list.xlsx"), ("run", "manifest.json")} <= compared
    assert {("edition", "assessment.csv"), ("edition", "assessment.html"), ("edition", "counts.csv")} <= compared

    monkeypatch.setattr("crosscheck.store.replay.identify_code", lambda: "another")
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


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
def test_an_edition_that_was_tampered_with_is_named_and_not_given_out(store: Store, round_id: str) -> None:
    publish_whole(store, round_id)
    files = read_edition(store, EDITION).files
    altered = pack(files | {"assessment.csv": files["assessment.csv"].replace(b"qualified", b"upheld")})
    tamper(store, "UPDATE edition SET content = :content", content=altered)
    with pytest.raises(DifferenceError, match=r"assessment\.csv: is not what was published"):
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
