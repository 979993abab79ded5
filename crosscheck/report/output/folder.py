"""A folder of our own: never over something foreign, whole or not at all, taken up where it was stopped.

It grows in a folder beside its place, `.NAME.work`, and is moved there when it is whole. A process that was killed
leaves that folder behind; the next that writes to the same place takes up what is whole of it, if it makes the same.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from crosscheck.errors import RunError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path
    from typing import TextIO

_LEDGER: Final = "ledger.json"
_LOCK: Final = "held_by"
_FORMER: Final = "former"
_GROWING: Final = "growing"
_AT_ONCE: Final = 16


class Work:
    """A folder that grows in stages, and the ledger of what is whole of it.

    `folder` is where to write, `taken_up` the stages that a former process had made whole already, `noted` what it kept
    with them. `stale` says that there was work of something else, which was put away.
    """

    def __init__(self, beside: Path, key: str) -> None:
        self.folder = beside / _GROWING
        self._key = key
        self._ledger = beside / _LEDGER
        self.folder.mkdir(exist_ok=True)
        found = _read_ledger(self._ledger)
        self.stale = bool(found["stages"]) and found["key"] != key
        self._stages: dict[str, dict[str, str]] = {} if self.stale else self._whole(found["stages"])
        self.noted: dict[str, object] = found["noted"] if self._stages else {}
        self.taken_up = tuple(self._stages)
        self.leave_only_whole()

    def has(self, stage: str) -> bool:
        """Whether the stage is whole."""
        return stage in self._stages

    def seal(self, stage: str, noted: Mapping[str, object] | None = None, but: str = "") -> None:
        """Note that all files which no former stage wrote are whole, and are the stage's; they never change again.

        Args:
            stage: its name.
            noted: to be kept with the work, as JSON.
            but: a file that is being written still, for a later stage.
        """
        sealed = {*self.digests, but}
        files = {name: file for name, file in _files(self.folder) if name not in sealed}
        with ThreadPoolExecutor(_AT_ONCE) as pool:  # the disk takes many at once as fast as one
            list(pool.map(_write_through, files.values()))
        self._stages[stage] = {name: sha256_of(file) for name, file in files.items()}
        self.noted |= dict(noted or {})
        self._write_ledger()

    @property
    def digests(self) -> dict[str, str]:
        """The SHA-256 of every file that is whole, by its place in the folder."""
        return dict(sorted((name, digest) for stage in self._stages.values() for name, digest in stage.items()))

    def leave_only_whole(self) -> None:
        """Throw away every file that belongs to no stage which is whole."""
        whole = self.digests
        for name, file in _files(self.folder):
            if name not in whole:
                file.unlink()
        for inner in sorted((inner for inner in self.folder.rglob("*") if inner.is_dir()), reverse=True):
            if not any(inner.iterdir()):
                inner.rmdir()

    def _whole(self, stages: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
        """The stages up to the first of which a file is missing or has other bytes than were noted."""
        whole = {}
        for stage, digests in stages.items():
            files = ((self.folder / name, digest) for name, digest in digests.items())
            if not all(file.is_file() and sha256_of(file) == digest for file, digest in files):
                break
            whole[stage] = digests
        return whole

    def _write_ledger(self) -> None:
        fresh = self._ledger.with_suffix(".fresh")
        ledger = {"key": self._key, "stages": self._stages, "noted": self.noted}
        fresh.write_text(json.dumps(ledger, ensure_ascii=False, default=str), encoding="utf-8")
        _write_through(fresh)
        fresh.replace(self._ledger)


def refuse_foreign(folder: Path, mark: str, kind: str) -> None:
    """Stop before any work if a place holds something else than what is to be written there.

    Args:
        folder: the place; it may be missing or empty.
        mark: the file by which a folder of this kind is known.
        kind: what it is, in words, as `run`.

    Raises:
        RunError: it does.
    """
    if folder.exists() and not (folder / mark).is_file() and (not folder.is_dir() or any(folder.iterdir())):
        raise RunError(
            f"{folder}: holds something that is no {kind}, and is left alone. Name another folder with --out."
        )


@contextmanager
def written_in_stages(folder: Path, mark: str, kind: str, key: str) -> Iterator[Work]:
    """Give the work on a folder, and move it to its place when the block has ended well.

    What was written there before is gone then; until then it is as it was. If the block ends otherwise, or the process
    is killed, stages that are whole wait beside the place for the next that has the same key.

    Args:
        folder: the place.
        mark: the file by which a folder of this kind is known.
        kind: what it is, in words.
        key: what the folder is made of; work of another key is put away.

    Raises:
        RunError: as `refuse_foreign`, another process is writing there, or the place can't be written.
    """
    place = folder.resolve()
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with _held(place, folder) as beside:
            # A process killed between moving the old folder out and the new one in left the place empty.
            _put_back(place, beside)
            refuse_foreign(place, mark, kind)
            work = Work(beside, key)
            try:
                yield work
            except BaseException:
                _leave(work, beside)
                raise
            _move_in(beside, place)
            shutil.rmtree(beside)
    except OSError as error:
        reason = getattr(error, "strerror", None) or error
        raise RunError(
            f"{folder}: can't be written ({reason}). What was there is as it was. Mend it, or name another folder "
            "with --out."
        ) from error


@contextmanager
def written_whole(folder: Path, mark: str, kind: str) -> Iterator[Path]:
    """Give an empty folder beside the place, and move it there when the block has ended well.

    The same as `written_in_stages` for what is made in one go.
    """
    with written_in_stages(folder, mark, kind, "") as work:
        yield work.folder


def replace_file(file: Path, write: Callable[[Path], object]) -> None:
    """Let a file be written beside its place, and move it there when it is whole; one of that name is replaced."""
    beside = file.with_name(f".{file.name}.part")
    try:
        write(beside)
        beside.replace(file)
    finally:
        beside.unlink(missing_ok=True)


def sha256_of(file: Path) -> str:
    """The SHA-256 of a file that was written."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


def digest_files(folder: Path, but: str) -> dict[str, str]:
    """The SHA-256 of every file but one, by its place in the folder."""
    return {name: sha256_of(file) for name, file in _files(folder) if name != but}


@contextmanager
def _held(place: Path, named: Path) -> Iterator[Path]:
    """The folder beside the place, for one process at a time; the system frees it when a process dies."""
    beside = place.with_name(f".{place.name}.work")
    lock = None
    while lock is None:
        beside.mkdir(exist_ok=True)
        lock = _lock(beside / _LOCK, named)
    with lock:
        yield beside


def _lock(file: Path, named: Path) -> TextIO | None:
    """The locked file; None where the process that held it took it away meanwhile."""
    try:
        lock = file.open("a+", encoding="utf-8")
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.seek(0)
        holder = lock.read()
        lock.close()
        raise RunError(
            f"{named}: is being written by another process ({holder}). Wait for it, or name another folder with --out."
        ) from None
    # Its former holder may have deleted the file before we locked it: a lock on a deleted file keeps nobody out.
    if not (file.exists() and os.path.samestat(os.fstat(lock.fileno()), file.stat())):
        lock.close()
        return None
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
    return lock


def _put_back(place: Path, beside: Path) -> None:
    """Undo a move that was cut off between its two halves: what was there before is there again."""
    former = beside / _FORMER
    if former.exists() and not place.exists() and (beside / _GROWING).exists():
        former.rename(place)
    elif former.exists():
        shutil.rmtree(former)


def _move_in(beside: Path, place: Path) -> None:
    if place.exists():
        place.rename(beside / _FORMER)
    (beside / _GROWING).rename(place)
    _write_through(place.parent)


def _leave(work: Work, beside: Path) -> None:
    """Leave behind only what somebody can take up."""
    if work.digests:
        work.leave_only_whole()
    else:
        shutil.rmtree(beside)


def _read_ledger(file: Path) -> dict[str, Any]:
    """What was noted; nothing where the ledger is missing or damaged."""
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        return {"key": found["key"], "stages": found["stages"], "noted": found["noted"]}
    except (OSError, ValueError, KeyError, TypeError):
        return {"key": "", "stages": {}, "noted": {}}


def _files(folder: Path) -> list[tuple[str, Path]]:
    """Every file, by its place in the folder."""
    return sorted((file.relative_to(folder).as_posix(), file) for file in folder.rglob("*") if file.is_file())


def _write_through(file: Path) -> None:
    """See to it that the disk has it, should the power fail."""
    opened = os.open(file, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
