"""A run that is killed, again and again, at a random moment: is the place whole or absent, and ends the next run alike?

By hand, as part of `make soak`. Half of the kills fall evenly over the whole run, half over the time from its first
file to its end, where most could go wrong. Every second one meets a place at which a former run stands: that must be
there still, or the new one. After each kill the run is made again, and must say and hold the same bytes as one that
nobody disturbed (the seconds in its manifest aside).
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from tests.few import COLLECTION, cut_collection, organisations

ROOT = Path(__file__).resolve().parent.parent.parent
LONGEST_RUN = 600


class Kill(NamedTuple):
    """One kill: when it fell, what stood at the place then, what the next run took up, and whether all was well."""

    at: str
    after: float
    found: str
    taken_up: str
    same: bool


def command(out: Path, collection: Path, *options: str) -> list[str]:
    return [
        *(sys.executable, "-m", "crosscheck", "run", str(collection), "--year", "2008/09", "--out", str(out)),
        *options,
    ]


def start(out: Path, collection: Path = COLLECTION, *options: str) -> subprocess.Popen[str]:
    pipe = subprocess.PIPE
    compiled = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    compiled |= {"PYTHONPYCACHEPREFIX": str(Path(tempfile.gettempdir()) / "crosscheck-compiled")}
    return subprocess.Popen(
        command(out, collection, *options), stdout=pipe, stderr=pipe, text=True, cwd=ROOT, env=compiled
    )


def make(out: Path, collection: Path = COLLECTION, *options: str) -> tuple[str, str]:
    """Make a run undisturbed; what it said on standard output and error."""
    process = start(out, collection, *options)
    told, complained = process.communicate(timeout=LONGEST_RUN)
    assert process.returncode == 0, complained
    return told, complained


def contents(run: Path) -> dict[str, str]:
    """Every file's digest; of the manifest all but its seconds counts."""
    digests = {
        file.relative_to(run).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(run.rglob("*"))
        if file.is_file()
    }
    manifest: dict[str, Any] = json.loads((run / "manifest.json").read_text(encoding="utf-8"))
    del manifest["seconds"]
    return digests | {"manifest.json": json.dumps(manifest)}


def look_at(place: Path) -> str:
    """`absent`, or the seed of the run that stands there whole; anything else fails."""
    if not place.exists():
        return "absent"
    manifest = json.loads((place / "manifest.json").read_text(encoding="utf-8"))
    there = contents(place)
    del there["manifest.json"]
    assert there == manifest["outputs"], f"{place} is neither whole nor absent"
    return f"run of seed {manifest['options']['seed']}"


def kill_when(place: Path, due: Callable[[], bool], collection: Path = COLLECTION, *options: str) -> bool:
    """Start a run and kill it as soon as it is due; whether it was running still."""
    process = start(place, collection, *options)
    began = time.monotonic()
    while process.poll() is None and not due() and time.monotonic() - began < LONGEST_RUN:
        time.sleep(0.002)
    running = process.poll() is None
    process.send_signal(signal.SIGKILL)
    process.communicate()
    return running


def is_writing(place: Path) -> bool:
    """Whether the first of a run's files is there."""
    growing = place.with_name(f".{place.name}.work") / "growing"
    return growing.is_dir() and any(growing.iterdir())


def after(seconds: float, event: Callable[[], bool] = lambda: True) -> Callable[[], bool]:
    """Due so many seconds after an event."""
    began: list[float] = []

    def due() -> bool:
        if not began and event():
            began.append(time.monotonic())
        return bool(began) and time.monotonic() - began[0] >= seconds

    return due


def time_writing(place: Path, collection: Path) -> float:
    """Seconds from a run's first file until it stands at its place."""
    moments: list[float] = []

    def stands() -> bool:
        if is_writing(place) or moments:
            moments.append(time.monotonic())
        return (place / "manifest.json").is_file()

    kill_when(place, stands, collection)
    return moments[-1] - moments[0]


def soak(folder: Path, kills: int, seed: int, collection: Path) -> list[Kill]:
    chance = random.Random(seed)
    reference, former, place = folder / "reference", folder / "former", folder / "run"
    began = time.monotonic()
    told, _ = make(reference, collection)
    whole_run = time.monotonic() - began
    make(former, collection, "--seed", "7")
    wanted, told = contents(reference), told.replace(str(reference), str(place))
    writing = time_writing(folder / "timed", collection)
    done = []
    for number in range(kills):
        shutil.rmtree(place, ignore_errors=True)
        if number % 2:
            shutil.copytree(former, place)
        anywhere = chance.random() < 0.5
        seconds = chance.uniform(0, whole_run if anywhere else 1.2 * writing)
        due = after(seconds) if anywhere else after(seconds, lambda: is_writing(place))
        running = kill_when(place, due, collection)
        found = look_at(place)
        said, complained = make(place, collection)
        same = contents(place) == wanted and said == told and not list(folder.glob(".run*"))
        where = "the whole run" if anywhere else "the writing"
        taken_up = complained.strip().rpartition("after: ")[2] if complained else "nothing"
        done.append(Kill(where if running else "too late", round(seconds, 2), found, taken_up, same))
        print(number + 1, *done[-1], sep="\t", flush=True)
    return done


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=2009)
    parser.add_argument("--organisations", type=int, help="Only the first so many.")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        few = asked.organisations
        kept = organisations()["org_code"][:few].to_list()
        collection = cut_collection(folder / "few", kept) if few else COLLECTION
        done = soak(folder, asked.kills, asked.seed, collection)
    for column in ("at", "found", "taken_up", "same"):
        print(column, dict(Counter(str(getattr(kill, column)) for kill in done).most_common()), sep="\t")
    sys.exit(int(not all(kill.same for kill in done)))


if __name__ == "__main__":
    main()
