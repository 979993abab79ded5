"""Decisions: none lost, none written over, each told in the trail; on both databases."""

from __future__ import annotations

import csv
import io
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result

from benchmarks.decisions import write_at_once
from crosscheck.cli import main
from crosscheck.errors import ConflictError, DecisionError, StoreError
from crosscheck.store.audit import append, verify_trail
from crosscheck.store.database import Store
from crosscheck.store.decisions import (
    COLUMNS,
    Proposal,
    decide,
    list_decisions,
    read_history,
    read_proposals,
    show_decisions,
)
from crosscheck.store.runs import delete_run
from crosscheck.store.triggers import release
from crosscheck.vocabulary import RULINGS

from .conftest import SMALL


def propose(**changed: object) -> Proposal:
    said = {"org_code": "R01", "function": "provider", "kind": "visit", "reason": "Two accounts differ", "who": "Ann"}
    return Proposal(**said | changed)


def kinds(store: Store, org_code: str = "R01", function: str = "provider") -> list[str]:
    with store.reading() as connection:
        return [one.kind for one in read_history(connection, 1, org_code, function)]


def broken(store: Store) -> str:
    with store.reading() as connection:
        verified = verify_trail(connection)
    return verified.broken.fault if verified.broken else ""


def test_the_latest_decision_stands_and_those_before_it_are_kept(store: Store, twenty: str) -> None:
    (first,) = decide(store, twenty, [propose()])
    (second,) = decide(store, twenty[:4], [propose(kind="accept", reason="The register\nwas seen ", seen=1)])
    assert (first.version, second.version, second.reason) == (1, 2, "The register\nwas seen")
    assert show_decisions(store, twenty, "r01") == {"commissioner": [], "provider": [first, second]}
    listed = list_decisions(store, twenty)
    assert [(row["org_code"], row["function"]) for row in listed] == SMALL
    assert {(row["kind"], row["version"], row["who"]) for row in listed} == {("accept", 2, "Ann"), (None, 0, None)}
    assert broken(store) == ""


def test_who_decides_on_what_no_longer_stands_is_told_and_nothing_is_kept(store: Store, twenty: str) -> None:
    decide(store, twenty, [propose()])
    for seen, saw in ((0, "no decision"), (2, "version 2")):
        with pytest.raises(ConflictError) as refused:
            decide(store, twenty, [propose(kind="accept", reason="I was there", who="Ben", seen=seen),
                                      propose(org_code="R02")])  # fmt: skip
        told = str(refused.value)
        for part in (saw, "version 1, visit, by Ann at", "Two accounts differ", "I was there", "seen version 1"):
            assert part in told
    assert kinds(store) == ["visit"]
    assert kinds(store, "R02") == []
    with pytest.raises(ConflictError, match="What stands: nothing"):
        decide(store, twenty, [propose(org_code="R03", seen=4)])


def test_all_that_is_wrong_with_many_decisions_is_told_at_once(store: Store, twenty: str) -> None:
    wrong = [
        propose(org_code="RXX"),
        propose(function="whole"),
        propose(kind="forgive", reason=" "),
        propose(org_code="R06", who="Ann\0"),
        propose(org_code="R05"),
        propose(org_code="R05"),
    ]
    with pytest.raises(DecisionError) as refused:
        decide(store, twenty, [propose(org_code="R07"), *wrong])
    told = str(refused.value)
    for part in (
        "no organisation RXX",
        "R01 declared as commissioner and as provider",
        "forgive can't be decided; what can: accept, visit, explain, qualify",
        "reason: is empty",
        "who: holds characters",
        "R05 provider: is decided 2 times",
    ):
        assert part in told
    assert len(refused.value.problems) == 5
    assert kinds(store, "R07") == []


def test_eight_writers_lose_nothing_and_every_conflict_is_told(store_url: str, store: Store, twenty: str) -> None:
    tally = write_at_once(store_url, twenty, SMALL, writers=8, each=25)
    assert tally.kept == 8 * 25
    assert tally.attempts == tally.kept + tally.conflicts
    assert tally.whole


def test_two_who_saw_the_same_version_cannot_both_be_kept_even_past_the_program(store: Store, twenty: str) -> None:
    decide(store, twenty, [propose()])
    statement = "INSERT INTO decision SELECT run, org_code, function, version, 'accept', reason, seq FROM decision"
    with pytest.raises(StoreError), store.writing() as connection:
        connection.execute(sa.text(statement))
    assert kinds(store) == ["visit"]


_KILLED = """
import sys, time
from crosscheck.store.audit import keep_decision
from crosscheck.store.database import open_store
with open_store(sys.argv[1]) as store, store.writing() as connection:
    keep_decision(connection, "Ann", sys.argv[2], {"run": 1, "org_code": "R01", "function": "provider", "version": 1,
        "kind": "visit", "reason": "why"})
    print("written", flush=True)
    time.sleep(60)
"""


def test_a_writer_who_is_killed_leaves_no_half_decision_and_no_lock(store_url: str, store: Store, twenty: str) -> None:
    with subprocess.Popen([sys.executable, "-c", _KILLED, store_url, twenty], stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"written\n"
        writer.send_signal(signal.SIGKILL)
    assert kinds(store) == []
    decide(store, twenty, [propose()])
    assert kinds(store) == ["visit"]
    assert broken(store) == ""


def test_a_decision_cannot_be_changed_and_its_run_cannot_be_deleted(store: Store, twenty: str) -> None:
    decide(store, twenty, [propose()])
    statements = ["UPDATE decision SET kind = 'accept'", "DELETE FROM decision", "DELETE FROM run"]
    statements += ["INSERT OR REPLACE INTO decision SELECT * FROM decision"] if store.is_sqlite else []
    statements += [] if store.is_sqlite else ["TRUNCATE decision", "TRUNCATE decision, audit CASCADE"]
    for statement in statements:
        with pytest.raises(StoreError), store.writing() as connection:
            connection.execute(sa.text(statement))
    with pytest.raises(StoreError, match="1 decisions rest on it"):
        delete_run(store, twenty)
    assert kinds(store) == ["visit"]


def test_a_decision_that_is_altered_put_in_or_taken_away_is_named_by_the_trail(store: Store, twenty: str) -> None:
    decide(store, twenty, [propose(), propose(org_code="R02"), propose(org_code="R03")])
    with store.writing() as connection:
        append(connection, "Ann", "run exported", twenty, {})
    for statement, words in (
        ("UPDATE decision SET kind = 'accept' WHERE seq = 2", "row 2 tells of another decision than there is"),
        ("UPDATE decision SET org_code = 'R09' WHERE seq = 3", "row 3 tells of another decision than there is"),
        (
            "DELETE FROM decision WHERE seq = 1",
            f"row 1 tells of a decision that was taken away: {twenty} R01 provider",
        ),
        ("UPDATE audit SET what = 'run saved' WHERE seq = 2", "row 2 was altered"),
        (
            "INSERT INTO decision SELECT run, 'R05', function, version, kind, reason, 4 FROM decision WHERE seq = 1",
            "row 4 does not tell of the decision on R05 provider, version 1",
        ),
    ):
        assert words in tampered(store, statement)
    assert broken(store) == ""


def tampered(store: Store, statement: str) -> str:
    """What the trail tells of what an owner could do; it is all taken back."""
    with store.engine.connect() as connection:
        release(connection)
        connection.execute(sa.text(statement))
        broken = verify_trail(connection).broken
        connection.rollback()
    return broken.fault if broken else ""


def crosscheck_(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def test_a_list_is_written_out_filled_in_and_taken_back(
    store_url: str, store: Store, twenty: str, tmp_path: Path
) -> None:
    of_store = ("--run", twenty, "--store", store_url)
    decide(store, twenty, [propose()])
    rows = list(csv.DictReader(io.StringIO(crosscheck_("decisions", "list", *of_store, "--format", "csv").stdout)))
    assert len(rows) == len(SMALL)
    for row in rows[4:6]:
        row |= {"kind": "accept", "reason": "As seen", "who": "Ben"}
    with (tmp_path / "decided.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    told = crosscheck_("decisions", "import", tmp_path / "decided.csv", *of_store)
    assert (told.exit_code, told.output) == (0, "2 decisions kept; 1 stood already\n")
    again = crosscheck_("decisions", "import", tmp_path / "decided.csv", *of_store)
    assert again.exit_code == 13
    undecided = crosscheck_("decisions", "list", *of_store, "--undecided", "--format", "csv").stdout
    assert len(undecided.splitlines()) == 1 + len(SMALL) - 3


def test_a_file_that_cannot_be_read_says_all_that_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("org_code,kind\nR01,visit\n", encoding="utf-8")
    with pytest.raises(DecisionError, match="lacks function, reason, who, version"):
        read_proposals(tmp_path / "a.csv")
    lines = ",".join(COLUMNS) + "\nR01,provider,visit,why,Ann,one\nR02,provider,,,,\nr03,provider,visit,why,Ann,-1\n"
    (tmp_path / "b.csv").write_text(lines, encoding="utf-8")
    with pytest.raises(DecisionError) as refused:
        read_proposals(tmp_path / "b.csv")
    assert len(refused.value.problems) == 2
    assert "line 4" in str(refused.value)
    (tmp_path / "b.csv").write_text(lines.replace("one", "").replace("-1", "2"), encoding="utf-8")
    assert [(one.org_code, one.seen) for one in read_proposals(tmp_path / "b.csv")] == [("R01", 0), ("R03", 2)]


def test_the_command_offers_what_can_be_decided() -> None:
    (kind,) = (option for option in main.commands["decide"].params if option.name == "kind")
    assert tuple(kind.type.choices) == RULINGS


def test_the_commands_decide_show_and_verify(store_url: str, store: Store, twenty: str) -> None:
    of_run = ("--run", twenty[:6], "--store", store_url)
    decision = ("decide", "r01", "--function", "provider", "--by", "Ann", "--because", "why", *of_run)
    assert crosscheck_(*decision, "--as", "visit").exit_code == 0
    conflict = crosscheck_(*decision, "--as", "accept")
    assert conflict.exit_code == 13
    assert "say that you have seen version 1" in conflict.output
    assert crosscheck_(*decision, "--as", "accept", "--seen", 1).exit_code == 0
    assert crosscheck_("decide", "R01", "--function", "whole", *decision[4:], "--as", "visit").exit_code == 17
    shown = crosscheck_("decisions", "show", "R01", *of_run).output
    assert shown.index("version 1, visit") < shown.index("version 2, accept")

    head = crosscheck_("audit", "head", "--store", store_url).output.strip()
    assert head.startswith("2:")
    whole = crosscheck_("audit", "verify", "--store", store_url, "--head", head)
    assert (whole.exit_code, head in whole.output) == (0, True)
    assert (
        len(
            crosscheck_("audit", "list", "--about", twenty, "--store", store_url, "--format", "csv").output.splitlines()
        )
        == 3
    )

    with store.writing() as connection:
        release(connection)
    unguarded = crosscheck_("audit", "verify", "--store", store_url)
    assert (unguarded.exit_code, "audit_no_update" in unguarded.output) == (10, True)
    with store.writing() as connection:
        connection.execute(sa.text("UPDATE audit SET who = 'Ben' WHERE seq = 2"))
    altered = crosscheck_("audit", "verify", "--store", store_url)
    assert (altered.exit_code, "row 2 was altered" in altered.output) == (14, True)
