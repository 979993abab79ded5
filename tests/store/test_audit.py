"""The audit trail: added to and nothing else; whatever an owner of the database does to it is named."""

# ruff: noqa: S608  # statements of our own, as an owner of the database would type them

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crosscheck.errors import StoreError
from crosscheck.store.audit import Head, Verified, append, canonical, digest, read_head, read_trail, verify_trail
from crosscheck.store.database import Store
from crosscheck.store.triggers import release

ROWS = 6
ALL = "seq, at, who, what, subject, details, previous_hash, hash"


@pytest.fixture
def trail(store: Store) -> Store:
    """A store with some rows in its trail."""
    for number in range(1, ROWS + 1):
        with store.writing() as connection:
            append(connection, "Ann Ä", "run saved", f"run {number}", {"reason": "“why” ≠ no", "number": number})
    return store


def verify(store: Store, kept: Head | None = None) -> Verified:
    with store.reading() as connection:
        return verify_trail(connection, kept)


def head(store: Store) -> Head:
    with store.reading() as connection:
        return read_head(connection)


def as_owner(store: Store, *statements: str) -> None:
    """What an owner of the database can do: first take the triggers away."""
    with store.writing() as connection:
        release(connection)
        for statement in statements:
            connection.execute(sa.text(statement))


def chained_anew(store: Store, first: int, **changed: str) -> None:
    """Alter a row, and write its hash and those of all rows after it anew, as one who knows how the chain is made."""
    with store.writing() as connection:
        release(connection)
        rows = connection.execute(sa.text(f"SELECT {ALL} FROM audit ORDER BY seq")).mappings().all()
        previous = rows[first - 2]["hash"]
        for row in rows[first - 1 :]:
            new = {**row, **(changed if row["seq"] == first else {}), "previous_hash": previous}
            new["hash"] = previous = digest(tuple(new.values())[:-1])
            connection.execute(
                sa.text("UPDATE audit SET who = :who, previous_hash = :previous_hash, hash = :hash WHERE seq = :seq"),
                {name: new[name] for name in ("who", "previous_hash", "hash", "seq")},
            )


def test_the_trail_holds_and_can_be_computed_by_anybody(trail: Store) -> None:
    with trail.reading() as connection:
        rows = list(connection.execute(sa.text(f"SELECT {ALL} FROM audit ORDER BY seq")))
        read = list(read_trail(connection))
    previous = "0" * 64
    for number, row in enumerate(rows, 1):
        assert (row.seq, row.previous_hash) == (number, previous)
        written = json.dumps(list(row)[:-1], ensure_ascii=False, separators=(",", ":")).encode()
        assert row.hash == hashlib.sha256(written).hexdigest()
        at = datetime.fromisoformat(row.at)
        assert at.utcoffset() == timedelta(0)
        assert abs(datetime.now(UTC) - at) < timedelta(minutes=1)
        previous = row.hash
    assert verify(trail) == Verified(Head(ROWS, previous), None)
    assert read[1]["details"] == {"number": 2, "reason": "“why” ≠ no"}
    assert Head.read(str(head(trail))) == Head(ROWS, previous)


def test_an_empty_trail_holds(store: Store) -> None:
    assert verify(store) == Verified(Head(0, "0" * 64), None)
    assert verify(store, head(store)).broken is None


def test_both_databases_take_the_same_hash_of_the_same_row() -> None:
    row = (1, "2009-06-18T09:00:00.000000+00:00", "Ann", "decision", "run 1", '{"a":1}', "0" * 64)
    assert digest(row) == "baf6b33a3b343d2a173bbade2989f7982125ed168ea4b611d1d19d1d164c6669"


def test_nothing_in_the_trail_can_be_changed_taken_away_or_put_in(trail: Store) -> None:
    last = head(trail)
    row = f"'t', 'w', 'w', 's', '{{}}', '{last.hash}', '{'f' * 64}'"
    statements = [
        "UPDATE audit SET who = 'Ben' WHERE seq = 2",
        "DELETE FROM audit WHERE seq = 6",
        f"INSERT INTO audit ({ALL}) VALUES (9, {row})",
        f"INSERT INTO audit ({ALL}) VALUES (0, {row})",
        f"INSERT INTO audit ({ALL}) VALUES (7, {row.replace(last.hash, 'e' * 64)})",
    ]
    if trail.is_sqlite:
        statements += [f"INSERT OR REPLACE INTO audit ({ALL}) VALUES (6, {row})"]
        statements += [
            f"INSERT OR REPLACE INTO audit ({ALL}) SELECT 7, at, who, what, subject, details, hash, hash "
            "FROM audit WHERE seq = 6"
        ]
    else:
        statements += ["TRUNCATE audit CASCADE", "TRUNCATE decision"]
        statements += [f"INSERT INTO audit SELECT {ALL} FROM audit ON CONFLICT (seq) DO UPDATE SET who = 'Ben'"]
    for statement in statements:
        with (
            pytest.raises(StoreError, match=r"may not be|does not follow|may not be emptied"),
            trail.writing() as connection,
        ):
            connection.execute(sa.text(statement))
    assert verify(trail).head == last


TAMPERED = [
    (["UPDATE audit SET who = 'Ben' WHERE seq = 3"], 3, "row 3 was altered"),
    (["UPDATE audit SET details = replace(details, 'why', 'how') WHERE seq = 1"], 1, "row 1 was altered"),
    (["UPDATE audit SET at = replace(at, '+00:00', '+01:00') WHERE seq = 6"], 6, "row 6 was altered"),
    (["UPDATE audit SET hash = 'ff' WHERE seq = 4"], 4, "row 4 was altered"),
    (["UPDATE audit SET previous_hash = 'ff' WHERE seq = 4"], 4, "row 4 was altered"),
    (["DELETE FROM audit WHERE seq = 1"], 1, "row 1 is missing"),
    (["DELETE FROM audit WHERE seq IN (3, 4)"], 3, "rows 3 to 4 are missing"),
    (
        ["UPDATE audit SET seq = 99 WHERE seq = 2", "UPDATE audit SET seq = 2 WHERE seq = 3",
         "UPDATE audit SET seq = 3 WHERE seq = 99"],
        2, "row 2 is out of order: it was written as row 3",
    ),
    (
        ["DELETE FROM audit WHERE seq = 4", "UPDATE audit SET seq = 4 WHERE seq = 5",
         "UPDATE audit SET seq = 5 WHERE seq = 6"],
        4, "row 4 is out of order: it was written as row 5",
    ),
    ([f"INSERT INTO audit ({ALL}) VALUES (7, 't', 'w', 'w', 's', '{{}}', 'x', 'y')"], 7, "row 7 was altered"),
    ([f"INSERT INTO audit ({ALL}) VALUES (0, 't', 'w', 'w', 's', '{{}}', 'x', 'y')"], 1, "row 0 was put in"),
]  # fmt: skip


def tampered(store: Store, statements: list[str]) -> Verified:
    """What the trail tells of what an owner could do; it is all taken back."""
    with store.engine.connect() as connection:
        release(connection)
        for statement in statements:
            connection.execute(sa.text(statement))
        verified = verify_trail(connection)
        connection.rollback()
    return verified


def test_the_first_broken_link_is_named(trail: Store) -> None:
    for statements, seq, words in TAMPERED:
        verified = tampered(trail, statements)
        assert verified.broken is not None, statements
        assert verified.broken.seq == seq
        assert words in verified.broken.fault
        assert verified.head.seq == seq - 1
    assert verify(trail).broken is None


def test_a_row_put_in_place_of_another_with_a_right_hash_breaks_the_link_after_it(trail: Store) -> None:
    with trail.reading() as connection:
        row = connection.execute(sa.text(f"SELECT {ALL} FROM audit WHERE seq = 3")).one()
    own = digest((*row[:2], "Ben", *row[3:-1]))
    as_owner(trail, f"UPDATE audit SET who = 'Ben', hash = '{own}' WHERE seq = 3")
    broken = verify(trail).broken
    assert broken is not None
    assert (broken.seq, broken.fault) == (4, "row 4 does not follow on row 3: one of them was put in place of another")


def test_a_head_kept_elsewhere_tells_a_cut_end_and_a_trail_written_anew(trail: Store) -> None:
    early, late = Head(2, _hash_of(trail, 2)), head(trail)
    as_owner(trail, "DELETE FROM audit WHERE seq > 4")
    assert verify(trail).broken is None
    cut = verify(trail, late).broken
    assert cut is not None
    assert (cut.seq, cut.fault) == (5, "rows 5 to 6 are missing: the end was cut off")

    kept = head(trail)
    chained_anew(trail, 3, who="Ben")
    assert verify(trail).broken is None
    assert verify(trail, early).broken is None
    anew = verify(trail, kept).broken
    assert anew is not None
    assert (anew.seq, "written anew" in anew.fault) == (4, True)


def _hash_of(store: Store, seq: int) -> str:
    with store.reading() as connection:
        return str(connection.scalar(sa.text(f"SELECT hash FROM audit WHERE seq = {seq}")))


def test_what_goes_wrong_after_the_row_takes_the_row_with_it(trail: Store) -> None:
    def append_and_fail() -> None:
        with trail.writing() as connection:
            append(connection, "Ann", "run saved", "run 9", {})
            raise RuntimeError

    last = head(trail)
    with pytest.raises(RuntimeError):
        append_and_fail()
    assert head(trail) == last
    with trail.writing() as connection:
        assert append(connection, "Ann", "run saved", "run 9", {}).seq == ROWS + 1


@pytest.mark.parametrize("who", ["", "  \n ", "Ann\0", "Ann\x1b[2J", "Ann\ud800"])
def test_a_name_that_says_nothing_or_cannot_be_printed_is_refused(store: Store, who: str) -> None:
    with pytest.raises(StoreError, match="who:"), store.writing() as connection:
        append(connection, who, "run saved", "run 1", {})
    assert head(store).seq == 0


@pytest.mark.parametrize("written", ["", "12", "12:abc", "x:" + "0" * 64, "1:" + "G" * 64])
def test_what_is_no_head_is_refused(written: str) -> None:
    with pytest.raises(StoreError, match="is no head"):
        Head.read(written)


_TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), min_size=1).filter(str.strip)


@given(who=_TEXT, details=st.dictionaries(st.text(), st.none() | st.integers() | st.booleans() | st.text()))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_written_the_trail_holds(store: Store, who: str, details: dict[str, object]) -> None:
    with store.writing() as connection:
        append(connection, who, "run saved", "run 1", details)
        assert verify_trail(connection).broken is None
        kept = connection.scalar(sa.text("SELECT details FROM audit ORDER BY seq DESC LIMIT 1"))
    assert json.loads(kept) == details
    assert kept == canonical(dict(reversed(details.items())))
