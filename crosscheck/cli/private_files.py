"""Who may read what a command writes: its owner alone, unless the command writes what is meant for everybody."""

from __future__ import annotations

import os
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_OTHERS: Final = 0o077  # what the group and all others could do
_USUAL: ContextVar[int] = ContextVar("_USUAL")


@contextmanager
def made_for_the_owner_alone() -> Iterator[None]:
    """Make every file that is made meanwhile readable by its owner alone (0600), and every folder (0700)."""
    usual = os.umask(_OTHERS)
    os.umask(usual | _OTHERS)
    token = _USUAL.set(usual)
    try:
        yield
    finally:
        _USUAL.reset(token)
        os.umask(usual)


@contextmanager
def made_for_everybody() -> Iterator[None]:
    """Make files meanwhile as the user's own settings say: they hold nothing that is not meant for everybody."""
    before = os.umask(_OTHERS)
    os.umask(_USUAL.get(before))
    try:
        yield
    finally:
        os.umask(before)
