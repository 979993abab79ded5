"""The binding draw: sealed, confirmed by a second person, drawn once with a value of its own; and whom it stops."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

from crosscheck import settings
from crosscheck.cli import main
from crosscheck.cli.terminal import Steps
from crosscheck.errors import DrawError
from crosscheck.store import seals
from crosscheck.store.database import Store
from crosscheck.store.save import save_run
from crosscheck.store.seals import confirm_seal, draw_sealed, list_seals, seal_draw
from crosscheck.visits.draw import ticket
from crosscheck.visits.seal import describe_moment
from tests.conftest import make_run

SOURCE = "the lottery's main numbers of 1 May 2030, in ascending order"
DUE = datetime(2030, 5, 1, 20, tzinfo=UTC)

pytestmark = pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
Clock = Callable[[datetime], None]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Sets the time; at first it is a day before the value is known."""

    def put(time: datetime) -> None:
        monkeypatch.setattr(seals, "now", lambda: time)

    put(DUE - timedelta(days=1))
    return put


@pytest.fixture
def practice(store: Store, small_round: tuple[Path, Path]) -> str:
    """A run with a practice draw, kept."""
    place = small_round[0].parent
    return save_run(store, place / "practice", place / "collection", settings.home()).run_id


def draw(store: Store, run_id: str, value: str, folder: Path) -> str:
    return draw_sealed(store, run_id, value, folder, "Ann", Steps())[0]


def test_the_commands_seal_confirm_and_draw_and_the_run_says_that_it_binds(
    store: Store, store_url: str, practice: str, clock: Clock, tmp_path: Path
) -> None:
    def crosscheck_(*arguments: object) -> str:
        told = CliRunner().invoke(main, [*map(str, arguments), "--store", store_url, "--by", by])
        assert told.exit_code == 0, told.output
        return told.output

    by = "Ann Head"
    named = ("--value", SOURCE, "--known-from", DUE.isoformat(), "--out", tmp_path / "frame")
    told = crosscheck_("visits", "seal", "--run", practice, *named)
    frame = told.split()[1]
    assert SOURCE in told
    by = "Bob Second"
    assert frame in crosscheck_("visits", "confirm", "--run", practice)
    clock(DUE)
    run, published = tmp_path / "run", tmp_path / "draw"
    told = crosscheck_("visits", "draw", " 4 8 15 é ", "--run", practice, "--out", run, "--publish", published)
    assert "4 8 15 é" in told
    assert (published / "frame.txt").read_bytes() == (tmp_path / "frame" / "frame.txt").read_bytes()

    manifest = json.loads((run / "manifest.json").read_text(encoding="utf-8"))
    assert (manifest["draw"]["binding"], manifest["draw"]["value"]) == (True, "4 8 15 é")
    assert manifest["draw"]["note"].startswith(f"binding draw, sealed as {frame[:16]}")
    assert frame == manifest["draw"]["frame"] == json.loads((published / "seal.json").read_text())["frame"]
    listed, drawn = pl.read_csv(run / "visit_list.csv"), pl.read_csv(run / "draw.csv")
    random = set(listed.filter(pl.col("selected_by") == "random")["org_code"])
    assert random == set(drawn.filter("drawn")["org_code"])
    code = drawn["org_code"][0]
    assert drawn["ticket"][0] == ticket("4 8 15 é", "2008/09", code)
    verified = CliRunner().invoke(main, ["visits", "verify", str(published)])
    assert verified.output == f"{drawn.height} tickets, {len(random)} drawn with 4 8 15 é: as published\n"
    rows = json.loads(CliRunner().invoke(main, ["visits", "seals", "--store", store_url, "--format", "json"]).output)
    assert [(row["sealed_by"], row["confirmed_by"], row["value"]) for row in rows] == [
        ("Ann Head", "Bob Second", "4 8 15 é")
    ]
    assert CliRunner().invoke(main, ["visits", "seals", "--store", store_url]).output.splitlines() == [
        f"SEALED  {frame}",
        f"  run {practice}, 2008/09, sealed by Ann Head, confirmed by Bob Second",
        f"  decided by: {SOURCE}, known from {describe_moment(DUE.isoformat())}",
        f"  drawn with 4 8 15 é: run {rows[0]['drawn_as']}",
    ]


def test_nothing_but_the_draw_differs_from_the_practice_run(store: Store, small_round: tuple[Path, Path]) -> None:
    practice, drawn = small_round[0].parent / "practice", small_round[0]
    for name in ("scores", "findings", "duties", "follow_up", "problems", "joint_chances"):
        assert (practice / f"{name}.csv").read_bytes() == (drawn / f"{name}.csv").read_bytes(), name
    before, after = (pl.read_csv(place / "visit_list.csv").drop("selected_by") for place in (practice, drawn))
    assert before.equals(after)
    assert "practice draw, not binding" in (small_round[0].parent / "practice.txt").read_text(encoding="utf-8")


def test_a_seal_comes_before_the_value_and_a_draw_after_it(
    store: Store, practice: str, clock: Clock, tmp_path: Path
) -> None:
    with pytest.raises(DrawError, match="is not sealed"):
        draw(store, practice, "42", tmp_path / "run")
    for late in (DUE - timedelta(days=2), DUE.replace(tzinfo=None)):
        with pytest.raises(DrawError, match="seal before the value is known"):
            seal_draw(store, practice, SOURCE, late, "Ann")
    seal_draw(store, practice, SOURCE, DUE, "Ann")
    with pytest.raises(DrawError, match="Nobody has confirmed"):
        draw(store, practice, "42", tmp_path / "run")
    confirm_seal(store, practice, "Bob")
    with pytest.raises(DrawError, match="is not known before 2030-05-01T20:00:00"):
        draw(store, practice, "42", tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_one_person_in_two_spellings_is_no_second_person_and_nobody_confirms_a_value_that_is_known(
    store: Store, practice: str, clock: Clock, tmp_path: Path
) -> None:
    seal_draw(store, practice, SOURCE, DUE, "Ann Head")
    with pytest.raises(DrawError, match="A second person"):
        confirm_seal(store, practice, "HEAD,  ann")
    clock(DUE)
    with pytest.raises(DrawError, match="nobody can confirm"):
        confirm_seal(store, practice, "Bob")
    with pytest.raises(DrawError, match="Nobody has confirmed"):
        draw(store, practice, "42", tmp_path / "run")


def test_who_does_not_like_a_draw_cannot_have_another(
    store: Store, practice: str, clock: Clock, tmp_path: Path
) -> None:
    seal_draw(store, practice, "the lottery of 30 April", DUE - timedelta(hours=12), "Ann")
    seal_draw(store, practice, SOURCE, DUE, "Ann")  # a mistake, mended before any value is known
    confirm_seal(store, practice, "Bob")
    clock(DUE + timedelta(hours=1))
    with pytest.raises(DrawError, match="waits for its draw"):  # it was computed in secret, and did not suit
        seal_draw(store, practice, "the lottery of 8 May", DUE + timedelta(days=7), "Ann")
    first = draw(store, practice, "42", tmp_path / "run")
    for value in ("43", "42"):
        with pytest.raises(DrawError, match="was made already, with the value 42"):
            draw(store, practice, value, tmp_path / "again")
    with pytest.raises(DrawError, match="was made already, with the value 42"):
        seal_draw(store, practice, "the lottery of 8 May", DUE + timedelta(days=7), "Ann")
    with pytest.raises(DrawError, match="has its binding draw"):
        seal_draw(store, first, "the lottery of 8 May", DUE + timedelta(days=7), "Ann")
    with store.reading() as connection:
        told = [(one.details["draw_of_the_year"], one.drawn and one.drawn["run"]) for one in list_seals(connection)]
    assert told == [(1, None), (1, first)]


def test_a_later_wave_needs_a_value_of_its_own_and_is_counted(
    store: Store, practice: str, clock: Clock, small_round: tuple[Path, Path], tmp_path: Path
) -> None:
    make_run(small_round[1], tmp_path / "later", "--no-pages", "--capacity", "6", "--seed", "2")
    later = save_run(store, tmp_path / "later", small_round[1], settings.home()).run_id
    for wave, (run, due) in enumerate(((practice, DUE), (later, DUE + timedelta(days=7))), 1):
        clock(due - timedelta(days=1))
        seal = seal_draw(store, run, f"the lottery of week {wave}", due, "Ann")
        assert (seal.details["draw_of_the_year"], seal.details["replaces"]) == (wave, None)
        confirm_seal(store, run, "Bob")
        clock(due)
        if wave == 1:
            draw(store, run, "4 8 15", tmp_path / "1")
    for used in ("4 8 15", " 4  8 15 ", "4815", "\uff14 8 15"):
        with pytest.raises(DrawError, match="decided the draw of run"):
            draw(store, later, used, tmp_path / "2")
    assert draw(store, later, "16 23 42", tmp_path / "2")


def test_who_replaces_a_seal_reads_which_one_and_who_confirmed_it(
    store: Store, store_url: str, practice: str, clock: Clock
) -> None:
    seal_draw(store, practice, "the lottery of 30 April", DUE - timedelta(hours=12), "Ann")
    confirm_seal(store, practice, "Bob")
    given = ("--value", SOURCE, "--known-from", DUE.isoformat(), "--store", store_url, "--by", "Cy")
    sealed = CliRunner().invoke(main, ["visits", "seal", "--run", practice, *given]).output
    assert f"in place of the seal of run {practice}, confirmed by Bob: the lottery of 30 April, " in sealed
    assert "known from 08:00 UTC on 1 May 2030" in sealed
    ends = [block.splitlines()[-1] for block in CliRunner().invoke(
        main, ["visits", "seals", "--store", store_url]).output.split("\n\n")]  # fmt: skip
    assert ends == ["  not drawn: another seal replaced it", "  not drawn"]


@pytest.mark.parametrize("value", ["", "  ", "4|8", "4\n8", "4\u20288"])
def test_a_value_that_no_ticket_can_hold_is_refused(
    store: Store, practice: str, clock: Clock, tmp_path: Path, value: str
) -> None:
    seal_draw(store, practice, SOURCE, DUE, "Ann")
    confirm_seal(store, practice, "Bob")
    clock(DUE)
    with pytest.raises(DrawError, match="Give it as it was published"):
        draw(store, practice, value, tmp_path / "run")


def test_a_program_that_gives_another_frame_draws_nothing(
    store: Store, practice: str, clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seal_draw(store, practice, SOURCE, DUE, "Ann")
    confirm_seal(store, practice, "Bob")
    clock(DUE)
    monkeypatch.setattr("crosscheck.visits.plan.digest_frame", lambda frame, year: "0" * 64)
    with pytest.raises(DrawError, match="Made again, the run gives the frame 0000"):
        draw(store, practice, "42", tmp_path / "run")
    with store.reading() as connection:
        assert [one.drawn for one in list_seals(connection)] == [None]
