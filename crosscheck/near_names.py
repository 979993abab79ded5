"""Names that are near to a mistyped one: codes, rules, runs and whatever else a command or file can name."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_ALIKE: Final = 0.5  # the ratio of `difflib` from which on a name is near: of three characters two are right
_MOST: Final = 3
_LOOK_ALIKE: Final = str.maketrans("oilsz", "01152")  # letters that are taken for figures in codes


def find_near(name: str, known: Iterable[str]) -> list[str]:
    """The known names nearest to one that is not among them, three at most, the nearest first; case does not count.

    Those of the same characters in another order come first, and a letter that looks like a figure is that figure: by
    their characters alone, all codes that share two of three are as near as the one that was meant.
    """
    folded = {other.casefold(): other for other in known}
    wanted = name.strip().casefold()
    same = [other for other in folded if other != wanted and _characters(other) == _characters(wanted)]
    near = difflib.get_close_matches(wanted, folded, n=_MOST, cutoff=_ALIKE)
    return [folded[other] for other in dict.fromkeys([*same, *near])][:_MOST]


def _characters(name: str) -> list[str]:
    """The characters that tell a name, in order; a number is the same with zeros before it, as 1 and 01."""
    without_zeros = re.sub(r"(?<![0-9a-z])0+(?=[1-9])", "", name.translate(_LOOK_ALIKE))
    return sorted(without_zeros)


def suggest(name: str, known: Iterable[str]) -> str:
    """Ask whether one of the nearest names was meant, as the end of a sentence; nothing where none is near."""
    return _ask(find_near(name, known))


def suggest_code(name: str, known: Mapping[str, str]) -> str:
    """The same for codes that stand for something; a part of what they stand for finds them, too.

    Args:
        name: what was typed: a code, or a part of a name.
        known: every code, with what it stands for.
    """
    part = name.strip().casefold()
    by_name = [code for code, words in known.items() if part and part in words.casefold()]
    near = list(dict.fromkeys([*by_name[:_MOST], *find_near(name, known)]))[:_MOST]
    return _ask([f"{code} ({known[code]})" for code in near])


def _ask(near: Sequence[str]) -> str:
    return f" Did you mean {', '.join(near[:-1])}{' or ' if near[1:] else ''}{near[-1]}?" if near else ""


def describe_unknown(what: str, name: str, known: Iterable[str], listing: str) -> str:
    """Say that there is no such thing, which is near, and which command lists them all."""
    return f"No {what} {name}.{suggest(name, known)} (`{listing}` lists them)"
