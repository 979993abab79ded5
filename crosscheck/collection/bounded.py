"""Bounded reading: workbooks, Parquet and what is compressed are read in a child process with limits.

A file can make a library take all memory, loop, or abort the whole process; then it is the child that ends, and the
person reads one sentence on that file.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Final, Literal

import crosscheck
from crosscheck.collection import child
from crosscheck.collection.limits import MEMORY, SECONDS

Kind = Literal["workbook", "parquet", "gzip"]

_TOO_MUCH: Final = (
    f"reading it takes more than the {MEMORY // 10**9:,} GB or {SECONDS} seconds that are allowed, or it is damaged"
)


def read_in_child(kind: Kind, raw: bytes) -> bytes:
    """What the child makes of a file (`crosscheck.collection.child`).

    Raises:
        ValueError: the file is damaged, holds more than is allowed, or takes too long; the message says which.
    """
    # The folder a user is in must not be searched for modules: it may hold a collection that somebody sent.
    root = str(Path(crosscheck.__file__).parent.parent)
    paths = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
    environment = os.environ | {"PYTHONPATH": paths, "POLARS_MAX_THREADS": "1"}
    command = [sys.executable, "-P", str(Path(child.__file__)), kind]
    try:
        done = subprocess.run(  # noqa: S603  # this very program, with an argument of ours
            command, input=raw, capture_output=True, env=environment, timeout=2 * SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise ValueError(_TOO_MUCH) from None
    if done.returncode == child.REFUSED:
        raise ValueError(done.stderr.decode(errors="replace").splitlines()[-1])
    if done.returncode:
        raise ValueError(_TOO_MUCH)
    return done.stdout
