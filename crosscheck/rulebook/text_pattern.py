"""The patterns that `matches` allows: those that mean one thing to polars, to Python and to a reader.

A pattern describes a whole text. It has signs that stand for themselves, `.` for any sign but the end of a line, `[…]`
for one of some signs, `* + ? {2} {2,4}` after one of these for how often it stands, `|` between alternatives and round
brackets around parts. Nothing else that some kinds of patterns have is allowed: where they differ, a rule would mean
one thing here and another elsewhere.
"""

from __future__ import annotations

import re
from typing import Final

LONGEST: Final = 200

_IN_CLASS: Final = r"(?:[A-Za-z0-9]-[A-Za-z0-9]|[A-Za-z0-9 .,:;/()*+?|{}$!%#@_'])"
_TOKEN: Final = re.compile(
    rf"(?P<one>\[\^?{_IN_CLASS}+-?\]|[^][(){{}}*+?|^$\\])"
    r"|(?P<often>[*+?]|\{(?P<least>[0-9]{1,2})(?:,(?P<most>[0-9]{1,2}))?\})"
    r"|(?P<open>\()|(?P<close>\))|(?P<or>\|)"
)
_RANGE: Final = re.compile(r"([A-Za-z0-9])-([A-Za-z0-9])")
_ALLOWED: Final = (
    "Allowed are signs that stand for themselves, . [abc] [a-z] [^0-9], after one of these * + ? {2} {2,4}, "
    "and (one|other). A sign with a meaning stands for itself in square brackets, as in [.]."
)


class PatternError(ValueError):
    """What is wrong with a pattern, and what is allowed."""


def whole_text(pattern: str) -> str:
    """The pattern as the matching engine takes it: of the whole text, from its first sign to its last."""
    return rf"\A(?:{pattern})\z"


def refuse_unclear_pattern(pattern: str) -> None:
    """Refuse a pattern that is not of the subset above.

    Raises:
        PatternError: what is wrong first, with its place in the pattern, counted from 1.
    """
    if not 0 < len(pattern) <= LONGEST:
        raise PatternError(f"A pattern has 1 to {LONGEST} signs; this one has {len(pattern)}.")
    tokens = _tokens(pattern)
    _refuse_unpaired_brackets(tokens)
    for before, token in zip([None, *tokens], [*tokens, None], strict=True):
        _refuse_nothing_to_stand_on(before, token)
    for token in tokens:
        _refuse_mixed_range(token[0])
        _refuse_turned_numbers(token)
    _refuse_counted_counts(tokens)


def _tokens(pattern: str) -> list[re.Match[str]]:
    tokens: list[re.Match[str]] = []
    place = 0
    while place < len(pattern):
        token = _TOKEN.match(pattern, place)
        if token is None:
            raise PatternError(f"{pattern[place]} at sign {place + 1} of the pattern can't stand there. {_ALLOWED}")
        tokens.append(token)
        place = token.end()
    return tokens


def _refuse_unpaired_brackets(tokens: list[re.Match[str]]) -> None:
    depth = 0
    for token in tokens:
        depth += bool(token["open"]) - bool(token["close"])
        if depth < 0:
            raise PatternError(f"The bracket at sign {token.start() + 1} of the pattern closes nothing.")
    if depth:
        raise PatternError("A round bracket of the pattern is not closed.")


def _refuse_nothing_to_stand_on(before: re.Match[str] | None, token: re.Match[str] | None) -> None:
    """An alternative that is empty, or a repetition of nothing or of a repetition."""
    starts = before is None or before["open"] or before["or"]
    if starts and (token is None or token["close"] or token["or"]):
        raise PatternError("An alternative of the pattern is empty. Write ? after what may be left out.")
    if token and token["often"] and (starts or (before and before["often"])):
        raise PatternError(f"{token[0]} at sign {token.start() + 1} of the pattern stands after nothing to repeat.")


def _refuse_mixed_range(token: str) -> None:
    for first, last in _RANGE.findall(token if token.startswith("[") else ""):
        kinds = [(sign.isdigit(), sign.isupper()) for sign in (first, last)]
        if kinds[0] != kinds[1] or first > last:
            raise PatternError(f"{first}-{last} is no range of small letters, of capital letters or of digits.")


def _refuse_turned_numbers(token: re.Match[str]) -> None:
    if token["most"] and int(token["least"]) > int(token["most"]):
        raise PatternError(f"In {token[0]} the first number is the larger.")


def _refuse_counted_counts(tokens: list[re.Match[str]]) -> None:
    """Repetitions of repetitions multiply: a few signs would make a pattern of millions."""
    holds_count = [False]  # of each bracket that is open, and of the pattern itself
    last_group_holds_count = False
    for token in tokens:
        if token["least"] and last_group_holds_count:
            raise PatternError(f"{token[0]} can't repeat a bracket that holds such a repetition itself.")
        last_group_holds_count = False
        if token["open"]:
            holds_count.append(False)
        elif token["close"]:
            last_group_holds_count = holds_count.pop()
            holds_count[-1] |= last_group_holds_count
        holds_count[-1] |= bool(token["least"])
