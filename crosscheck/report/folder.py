"""A folder of our own: written whole or not at all, and never over something foreign."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from crosscheck.errors import RunError

if TYPE_CHECKING:
    from collections.abc import Iterator


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
def written_whole(folder: Path, mark: str, kind: str) -> Iterator[Path]:
    """Give an empty folder beside the place, and move it there when the block has ended well.

    What was written there before is gone then; until then it is as it was.

    Raises:
        RunError: as `refuse_foreign`, or the place can't be written.
    """
    refuse_foreign(folder, mark, kind)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent) as name:
            whole = Path(name) / kind
            whole.mkdir()
            yield whole
            if folder.exists():
                folder.rename(Path(name) / "former")
            whole.rename(folder)
    except OSError as error:
        raise RunError(f"{folder}: can't be written ({error.strerror}). Name another folder with --out.") from error
