"""Several files as one value: the same files, the same bytes."""

from __future__ import annotations

import io
import zipfile
import zlib
from typing import TYPE_CHECKING, Final

from crosscheck.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_MADE: Final = (2009, 7, 1, 0, 0, 0)  # a fixed time, as the review's; the format wants one
_REGULAR: Final = 0o100644 << 16


def pack(files: Mapping[str, bytes]) -> bytes:
    """Put files, by path, into one archive, in the order of their paths."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for path, content in sorted(files.items()):
            entry = zipfile.ZipInfo(path, _MADE)
            entry.external_attr, entry.create_system = _REGULAR, 3
            archive.writestr(entry, content, zipfile.ZIP_DEFLATED, 6)
    return packed.getvalue()


def unpack(packed: bytes) -> dict[str, bytes]:
    """The files again, by path.

    Raises:
        StoreError: the archive is no longer what was packed.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(packed)) as archive:
            return {path: archive.read(path) for path in archive.namelist()}
    except (zipfile.BadZipFile, ValueError, OSError, EOFError, NotImplementedError, zlib.error) as error:
        raise StoreError(f"An archive that is kept can't be read any more ({error}). Restore the store.") from error


def lay_out(files: Mapping[str, bytes], folder: Path) -> None:
    """Write files by path into a folder."""
    for path, content in files.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
