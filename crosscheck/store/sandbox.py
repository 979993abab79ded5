"""A home of its own in which a kept run can be made again: its collection, rules, models and questionnaire laid out."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from crosscheck import settings
from crosscheck.errors import StoreError
from crosscheck.store.archive import lay_out
from crosscheck.store.runs import export_sources, show_run

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from crosscheck.runs.options import RunOptions
    from crosscheck.store.database import Store


@dataclass(frozen=True)
class Sandbox:
    """A folder that is gone afterwards; `options` are those that the run was made with."""

    folder: Path
    options: RunOptions

    @property
    def home(self) -> Path:
        """Where the rules, models and data lie."""
        return self.folder / "home"

    @property
    def collection(self) -> Path:
        """The collection as the run had it: a folder, or a workbook."""
        folder = self.home / "collection"
        file = folder / Path(self.options.collection).name
        return file if file.is_file() else folder


@contextmanager
def open_sandbox(store: Store, run_id: str, further_files: Mapping[str, bytes]) -> Iterator[Sandbox]:
    """Lay out what a run rests on; meanwhile everything is read from there (`settings.home`).

    Args:
        store: where the run is kept.
        run_id: the run, or how it begins.
        further_files: more files for the home, by path.

    Raises:
        UnknownNameError: there is no such run.
        StoreError: a file is no longer what was kept.
    """
    with tempfile.TemporaryDirectory(prefix="crosscheck-") as name:
        sandbox = Sandbox(Path(name), show_run(store, run_id)[1].options)
        export_sources(store, run_id, sandbox.home)
        lay_out(further_files, sandbox.home)
        with settings.at_home(sandbox.home):
            yield sandbox


def call(arguments: Sequence[object]) -> None:
    """Run a command of this program as a process of its own, as the run itself was made.

    Raises:
        StoreError: it ended otherwise than well; with what it said.
    """
    process = subprocess.run(  # noqa: S603  # this program, with arguments that no shell reads
        [sys.executable, "-m", "crosscheck", *map(str, arguments)], capture_output=True, text=True, check=False
    )
    if process.returncode:
        raise StoreError(f"crosscheck {arguments[0]} ended with {process.returncode}: {process.stderr.strip()}")
