"""Contents of files as they are kept: compressed, each under its SHA-256, and given out only if they still bear it."""

from __future__ import annotations

import hashlib
import sys
from typing import Final

from crosscheck.errors import StoreError

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_LEVEL: Final = 1  # the tables repeat themselves so much that more gains little


def compress(content: bytes) -> bytes:
    """The content as it is kept."""
    return zstd.compress(content, _LEVEL)


def restore(path: str, sha256: str, compressed: bytes) -> bytes:
    """The content as it was; what does not bear its own digest is not given out.

    Raises:
        StoreError: it is no longer what was kept; `path` is named.
    """
    try:
        content = zstd.decompress(compressed)
    except zstd.ZstdError:
        content = b""
    if hashlib.sha256(content).hexdigest() != sha256:
        raise StoreError(f"{path}: is no longer what was kept (SHA-256 {sha256}). Restore the store from a backup.")
    return content
