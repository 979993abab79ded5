"""Names that are near to a mistyped one: codes, rules, runs and whatever else a command or file can name."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

_ALIKE: Final = 0.5  # the ratio of `difflib` from which on a name is near: of three characters two are right
_MOST: Final = 3


def find_near(name: str, known: Iterable[str]) -> list[str]:
    """The known names nearest to one that is not among them, three at most, the nearest first; case does not count.

    Two characters in the wrong order come first: by their characters alone all codes that share two of three are as
    near as the one that was meant.
    """
    folded = {other.casefold(): other for other in known}
    wanted = name.strip().casefold()
    swapped = [other for other in folded if other != wanted and sorted(other) == sorted(wanted)]
    near = difflib.get_close_matches(wanted, folded, n=_MOST, cutoff=_ALIKE)
    return [folded[other] for other in dict.fromkeys([*swapped, *near])][:_MOST]


def suggest(name: str, known: Iterable[str]) -> str:
    """Ask whether one of the nearest was meant, as the end of a sentence; nothing where none is near.

    Args:
        name: what was typed.
        known: what there is; where it maps names to what they stand for, that is said, and found by a part of it, too.
    """
    names = known if isinstance(known, Mapping) else dict.fromkeys(known, "")
    part = name.strip().casefold()
    by_words = [other for other, words in names.items() if part and part in words.casefold()][:_MOST]
    near = dict.fromkeys([*by_words, *find_near(name, names)])
    meant = [f"{other} ({names[other]})" if names[other] else other for other in near][:_MOST]
    return f" Did you mean {' or '.join(meant)}?" if meant else ""


def describe_unknown(what: str, name: str, known: Iterable[str], listing: str) -> str:
    """Say that there is no such thing, which is near, and which command lists them all."""
    return f"No {what} {name}.{suggest(name, known)} (`{listing}` lists them)"
