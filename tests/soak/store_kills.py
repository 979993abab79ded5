"""Saves that are killed at random moments: every run whole or absent, and the store sound, on both databases.

By hand: python -m tests.soak.store_kills [KILLS]  (100 a database if not said). It is killed with SIGKILL, which no
program can answer, at a moment drawn evenly from the time that one save takes and a fifth more. Ends with 1 if a store
was left unsound or a run half kept.
"""

from __future__ import annotations

import multiprocessing
import random
import sys
import tempfile
import time
from pathlib import Path

from crosscheck import settings
from crosscheck.store.database import Store, open_store
from crosscheck.store.doctor import diagnose
from crosscheck.store.runs import delete_run, export_run, list_runs
from crosscheck.store.save import save_run
from tests import postgres
from tests.store.conftest import SmallRun, make_small_run
from tests.store.test_runs import counts, digests

_AFTER = 1.2  # the last moment of a kill, in times of one save
_SEED = 2009


def save(url: str, folder: Path, collection: Path) -> None:
    with open_store(url) as store:
        save_run(store, folder, collection, settings.home())


def started(url: str, run: SmallRun) -> multiprocessing.process.BaseProcess:
    """A process that saves; its imports are done before, so that kills fall into the saving."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["crosscheck.store.runs", "tests.store.test_runs"])
    process = context.Process(target=save, args=(url, run.folder, run.collection))
    process.start()
    return process


def seconds_of_a_save(url: str, run: SmallRun) -> float:
    """The longer of two, since the first wakes the server of processes."""
    taken = []
    for _ in range(2):
        begun = time.perf_counter()
        started(url, run).join()
        taken.append(time.perf_counter() - begun)
        with open_store(url) as store:
            delete_run(store, list_runs(store)[0].run_id)
    return taken[-1]


def look(store: Store, run: SmallRun) -> tuple[str, list[str]]:
    """Whether the run is whole or absent, and what is wrong."""
    wrong = [f"{name}: {one.what}" for name, found in diagnose(store).items() if name != "orphans" for one in found]
    runs = list_runs(store)
    if not runs:
        left = {name: count for name, count in counts(store).items() if count}
        return "absent", wrong + ([f"rows without a run: {left}"] if left else [])
    with tempfile.TemporaryDirectory() as name:
        export_run(store, runs[0].run_id, Path(name) / "run")
        if digests(Path(name) / "run") != digests(run.folder):
            wrong.append("the run is not what was saved")
    delete_run(store, runs[0].run_id)
    return "whole", wrong


def kill_saves(kind: str, url: str, run: SmallRun, kills: int) -> bool:
    """Kill so many; whether all went well."""
    with open_store(url, create=True):
        pass
    longest, chance, seen, all_wrong = seconds_of_a_save(url, run), random.Random(_SEED), [], []
    in_the_middle = 0
    for _ in range(kills):
        process = started(url, run)
        time.sleep(chance.uniform(0, longest * _AFTER))
        in_the_middle += process.is_alive()
        process.kill()
        process.join()
        with open_store(url) as store:
            state, wrong = look(store, run)
        seen.append(state)
        all_wrong += wrong
    sys.stdout.write(
        f"{kind}: {kills} kills, {in_the_middle} while it saved; the run whole {seen.count('whole')}, "
        f"absent {seen.count('absent')}; wrong: {all_wrong or 'nothing'}\n"
    )
    sys.stdout.flush()
    return not all_wrong


def main(kills: int) -> int:
    with tempfile.TemporaryDirectory() as name, postgres.server("") as server:
        run = make_small_run(Path(name))
        well = [kill_saves("SQLite", str(Path(name) / "kills.db"), run, kills)]
        with server.database() as url:
            well.append(kill_saves("PostgreSQL", url, run, kills))
    return int(not all(well))


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 100))
