"""Makes the items of a batch: as many at once as memory and cores allow, each a process that can only harm itself."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Final

from crosscheck.passwords import STORE_VARIABLE
from crosscheck.runs.run_folder import MANIFEST, read_manifest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from crosscheck.batch.plan import Batch, Item

_log = logging.getLogger("crosscheck.batch")

MADE, RECOGNISED, FAILED, STOPPED = "made", "recognised", "failed", "stopped"
_LOOK_EVERY: Final = 0.05  # seconds
_GRACE: Final = 10.0  # seconds, until a process that was asked to end is ended
_LAST_WORDS: Final = 3  # lines of what a failed item said
_OF_MEMORY: Final = 0.8  # of the machine's, where the batch states none


@dataclass(frozen=True)
class Report:
    """What became of an item.

    `outcome` is `made`, `recognised` (the very run stood there already), `failed` or `stopped`; `peak_mb` the largest
    resident size of its process; `fingerprint` what the run was made of, `digest` the SHA-256 of what it holds;
    `said` the last that a failed item said.
    """

    name: str
    out: str
    outcome: str
    exit_code: int | None
    seconds: float
    peak_mb: int
    fingerprint: str | None = None
    digest: str | None = None
    said: str = ""


@dataclass
class Executor:
    """Makes the items of a batch.

    `on_change` is called whenever an item begins or ends, with those that run and the reports so far.
    """

    batch: Batch
    on_change: Callable[[Sequence[str], Sequence[Report]], None] = lambda _running, _reports: None
    reports: list[Report] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._cores = os.cpu_count() or 1
        self._memory = self.batch.memory or int(_OF_MEMORY * os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
        self._peak_of: dict[int, int] = {}  # bytes by size of the collection, as measured
        self._running: list[_Started] = []
        self._stopping = False

    def make(self) -> list[Report]:
        """Make every item; one that fails stops no other. SIGTERM and SIGINT stop what runs; what is made stays.

        Returns:
            One report an item, in the batch's order.
        """
        self.batch.out.mkdir(parents=True, exist_ok=True)
        waiting = list(self.batch.items)
        with self._stopped_by_signals():
            while (waiting and not self._stopping) or self._running:
                while waiting and not self._stopping and self._has_room(waiting[0]):
                    self._start(waiting.pop(0))
                time.sleep(_LOOK_EVERY)
                self._take_ended()
        for item in waiting:
            self.reports.append(Report(item.name, str(item.out), STOPPED, None, 0.0, 0, said="was not begun"))
        order = [item.name for item in self.batch.items]
        return sorted(self.reports, key=lambda report: order.index(report.name))

    def _has_room(self, item: Item) -> bool:
        """Whether memory and cores are left: the first item is alone, and its peak says how much the others may take.

        One that is expected to take more than there is runs alone, too: to try is better than not to.
        """
        if not self._running:
            return True
        if not self._peak_of or len(self._running) >= self._cores:
            return False
        expected = [self._expect(one) for one in (item, *(started.item for started in self._running))]
        return sum(expected) <= self._memory

    def _expect(self, item: Item) -> int:
        """Bytes that the item will take: the largest peak that was measured, more where its collection is larger."""
        if not self._peak_of:
            return self._memory
        largest = max(self._peak_of)
        return int(max(self._peak_of.values()) * max(1.0, item.size / max(largest, 1)))

    def _start(self, item: Item) -> None:
        expected = self._expect(item)
        if self._peak_of and expected > self._memory:
            _log.warning("more memory expected than given", extra={"item": item.name, "expected_mb": expected // 10**6})
        at_once = 1 if not self._peak_of else max(min(self._cores, self._memory // expected), 1)
        started = _Started(item, max(self._cores // at_once, 1))
        self._running.append(started)
        _log.info("started", extra={"item": item.name, "pid": started.process.pid})
        self._report_change()

    def _take_ended(self) -> None:
        for started in [one for one in self._running if one.has_ended()]:
            self._running.remove(started)
            report = started.report(stopped=self._stopping)
            if report.outcome == MADE:
                size = started.item.size
                self._peak_of[size] = max(self._peak_of.get(size, 0), started.peak)
            self.reports.append(report)
            level = logging.ERROR if report.outcome == FAILED else logging.INFO
            fields = {key: value for key, value in asdict(report).items() if key not in ("name", "outcome")}
            _log.log(level, report.outcome, extra={"item": report.name, **fields})
            self._report_change()

    def _report_change(self) -> None:
        self.on_change([started.item.name for started in self._running], self.reports)

    @contextmanager
    def _stopped_by_signals(self) -> Iterator[None]:
        def stop(number: int, _frame: object) -> None:
            _log.warning("stopping", extra={"signal": signal.Signals(number).name})
            self._stopping = True
            for started in self._running:
                started.stop()

        before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for started in self._running:  # nothing is left behind, should we fail ourselves
                started.stop()
            for number, handler in before.items():
                signal.signal(number, handler)


class _Started:
    """An item whose process runs, with what it says in a file beside its place."""

    def __init__(self, item: Item, threads: int) -> None:
        self.item = item
        self.peak = 0
        self._exit_code: int | None = None
        self._manifest = _inode(item.out / MANIFEST)
        self._began, self._asked_to_stop = time.monotonic(), 0.0
        self._log = item.out.with_name(f"{item.name}.log")
        self._printed = item.out.with_name(f".{item.out.name}.printed")
        environment = os.environ | {"POLARS_MAX_THREADS": str(threads)}
        environment |= {STORE_VARIABLE: item.store} if item.store else {}
        with self._log.open("wb") as log, self._printed.open("wb") if item.prints else nullcontext(log) as printed:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "crosscheck", *item.arguments],
                stdin=subprocess.DEVNULL,
                stdout=printed,
                stderr=log,
                env=environment,
                start_new_session=True,  # Ctrl-C is ours to pass on
            )

    def has_ended(self) -> bool:
        """Whether the process has ended; if so, its peak is known."""
        pid, status, used = os.wait4(self.process.pid, os.WNOHANG)
        if pid == 0:
            if self._asked_to_stop and time.monotonic() - self._asked_to_stop > _GRACE:
                self.process.send_signal(signal.SIGKILL)
            return False
        self.peak = used.ru_maxrss * 1024
        self._exit_code = self.process.returncode = os.waitstatus_to_exitcode(status)
        return True

    def stop(self) -> None:
        """Ask it to end; what is whole of its work waits for the next batch."""
        self._asked_to_stop = time.monotonic()
        with suppress(ProcessLookupError):
            self.process.terminate()

    def report(self, *, stopped: bool) -> Report:
        """What became of it."""
        well = self._exit_code == 0
        if self.item.prints and well:
            self._printed.replace(self.item.out)
        self._printed.unlink(missing_ok=True)
        # A run that was recognised is left as it is, and so keeps the very file of its manifest.
        same = self._manifest is not None and _inode(self.item.out / MANIFEST) == self._manifest
        outcome = (RECOGNISED if same else MADE) if well else (STOPPED if stopped else FAILED)
        fingerprint, digest = _identify(self.item) if well else (None, None)
        return Report(
            self.item.name,
            str(self.item.out),
            outcome,
            self._exit_code,
            round(time.monotonic() - self._began, 2),
            self.peak // 10**6,
            fingerprint,
            digest,
            "" if well else self._last_words(),
        )

    def _last_words(self) -> str:
        lines = [line for line in self._log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
        code = self._exit_code or 0
        ended = [f"It was ended by {signal.Signals(-code).name}."] if code < 0 else []
        return " ".join([*lines[-_LAST_WORDS:], *ended])


def write_reports(batch: Batch, reports: Sequence[Report]) -> Path:
    """Write `batch.json` beside the runs: what was asked for, and what became of each item."""
    summary = {
        "file": str(batch.file),
        "sha256": hashlib.sha256(batch.file.read_bytes()).hexdigest(),
        "items": [asdict(report) for report in reports],
    }
    file, fresh = batch.out / "batch.json", batch.out / ".batch.json.fresh"
    fresh.write_text(json.dumps(summary, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    fresh.replace(file)
    return file


def _identify(item: Item) -> tuple[str | None, str]:
    """What it was made of, and the SHA-256 of what it holds."""
    if item.prints:
        return None, hashlib.sha256(item.out.read_bytes()).hexdigest()
    manifest = read_manifest(item.out)
    outputs = json.dumps(manifest.outputs, sort_keys=True)
    return manifest.fingerprint, hashlib.sha256(outputs.encode()).hexdigest()


def _inode(file: Path) -> int | None:
    return file.stat().st_ino if file.is_file() else None
