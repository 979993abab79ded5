"""TOML that people wrote: read with limits, so that no file, however odd, stops the program without a word."""

from __future__ import annotations

from typing import Any, Final

import tomli

MOST_BYTES: Final = 2_000_000
DEEPEST: Final = 20


class NotTomlError(ValueError):
    """What is wrong with a file that should be TOML, in words that go on after its name."""


def parse_toml(content: bytes) -> dict[str, Any]:
    """Read TOML in UTF-8, with or without a byte-order mark.

    Raises:
        NotTomlError: it is none, or larger or nested more deeply than any file that this program asks for.
    """
    if len(content) > MOST_BYTES:
        raise NotTomlError(f"has {len(content):,} bytes; {MOST_BYTES:,} are allowed.")
    try:
        stated = tomli.loads(content.decode("utf-8-sig"))
    except tomli.TOMLDecodeError as error:
        raise NotTomlError(f"can't be read as TOML: {error}.") from None
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise NotTomlError(f"can't be read as TOML: line {line} is not in UTF-8. Save it so.") from None
    except RecursionError:
        raise NotTomlError(f"can't be read as TOML: it is nested more than {DEEPEST} deep.") from None
    if _is_deep(stated):
        raise NotTomlError(f"can't be read as TOML: it is nested more than {DEEPEST} deep.")
    return stated


def _is_deep(stated: dict[str, Any]) -> bool:
    """Whether tables or lists are nested too deeply; asked level by level, since recursion is what must not happen."""
    level: list[Any] = [stated]
    for _ in range(DEEPEST):
        level = [
            inner
            for one in level
            for inner in (one.values() if isinstance(one, dict) else one)
            if isinstance(inner, dict | list)
        ]
    return bool(level)
