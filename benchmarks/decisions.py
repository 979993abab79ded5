"""Many people decide at once: nothing lost, every conflict told, the trail whole.

    python -m benchmarks.decisions RUN COLLECTION STORE_URL…

Each writer is a process of its own. It looks at what stands on one of a few declarations, decides on that, and tries
again when told of a conflict, until it has made all its decisions. Then everything is counted against the store.
"""

from __future__ import annotations

import multiprocessing
import random
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from crosscheck import settings
from crosscheck.errors import ConflictError
from crosscheck.store.audit import verify_trail
from crosscheck.store.database import Store, open_store
from crosscheck.store.decisions import Proposal, decide, list_decisions, read_current_decision, read_history
from crosscheck.store.runs import look_up
from crosscheck.store.save import save_run

Declaration = tuple[str, str]
WRITERS, DECISIONS, DECLARATIONS = 8, 2_000, 20


@dataclass(frozen=True)
class Tally:
    """What came of it: `attempts` = `kept` + `conflicts` if nothing went missing."""

    attempts: int
    kept: int
    conflicts: int
    whole: bool
    seconds: float


def write(url: str, run_id: str, declarations: list[Declaration], each: int, writer: int) -> tuple[int, int]:
    """Make `each` decisions; attempts and conflicts that it took."""
    draws = random.Random(writer)
    attempts = conflicts = 0
    with open_store(url) as store:
        with store.reading() as connection:
            run = look_up(connection, run_id).number
        for number in range(each):
            done = False
            while not done:
                of = draws.choice(declarations)
                with store.reading() as connection:
                    stands = read_current_decision(connection, run, *of)
                attempts += 1
                seen = stands.version if stands else 0
                try:
                    decide(store, run_id, [Proposal(*of, "visit", f"{writer}/{number}", f"Writer {writer}", seen)])
                    done = True
                except ConflictError:
                    conflicts += 1
    return attempts, conflicts


def write_at_once(url: str, run_id: str, declarations: list[Declaration], writers: int, each: int) -> Tally:
    """Let all write, then count what the store has of each."""
    began = time.perf_counter()
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload(["crosscheck.store.decisions"])  # what all import is imported once
    with ProcessPoolExecutor(writers, processes) as pool:
        made = [pool.submit(write, url, run_id, declarations, each, writer) for writer in range(writers)]
        attempts, conflicts = (sum(counts) for counts in zip(*(one.result() for one in made), strict=True))
    seconds = time.perf_counter() - began
    with open_store(url) as store:
        wanted = sorted(f"{writer}/{number}" for writer in range(writers) for number in range(each))
        kept, whole = _count(store, run_id, declarations)
        assert sorted(kept) == wanted, "a decision was lost, or kept twice"
    return Tally(attempts, len(kept), conflicts, whole, seconds)


def _count(store: Store, run_id: str, declarations: list[Declaration]) -> tuple[list[str], bool]:
    """The reasons of all decisions, each of which is given once, and whether the trail holds."""
    kept = []
    with store.reading() as connection:
        run = look_up(connection, run_id).number
        for of in declarations:
            history = read_history(connection, run, *of)
            assert [one.version for one in history] == list(range(1, len(history) + 1))
            kept += [one.reason for one in history]
        return kept, verify_trail(connection).broken is None


def main(folder: Path, collection: Path, urls: list[str]) -> None:
    for url in urls:
        with open_store(url, create=True) as store:
            run_id = save_run(store, folder, collection, settings.home()).run_id
            first = [(row["org_code"], row["function"]) for row in list_decisions(store, run_id)[:DECLARATIONS]]
            print(f"{store.name}: {WRITERS} writers, {DECISIONS} decisions on {DECLARATIONS} declarations")
        told = write_at_once(url, run_id, first, WRITERS, DECISIONS // WRITERS)
        print(
            f"  attempts {told.attempts} = kept {told.kept} + conflicts told {told.conflicts}: "
            f"{told.attempts == told.kept + told.conflicts}; trail whole: {told.whole}; {told.seconds:.1f} s"
        )


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])
