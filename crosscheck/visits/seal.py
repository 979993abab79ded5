"""The seal of a draw: the frame as a text that anybody can hash, and the named public value that will decide it."""

from __future__ import annotations

import hashlib
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import polars as pl

from crosscheck.errors import DrawError
from crosscheck.visits.draw import FRAME, JOINT, Frame

FRAME_FILE: Final = "frame.txt"
_FORM: Final = "crosscheck frame 1"
_BETWEEN: Final = "|"
_NOT_IN_CODES: Final = '|,"'


@dataclass(frozen=True)
class Seal:
    """What was sealed before the value was known, and the value since.

    Attributes:
        run: the run whose draw was sealed.
        frame: SHA-256 of the frame as text.
        source: the public value, by its name: a lottery's numbers of a day, dice thrown in public, a beacon's round.
        known_from: from when it is known, with its zone (ISO 8601).
        value: the value.
        corrections: how many times accepted corrections had changed the run by then.
    """

    run: str
    frame: str
    source: str
    known_from: str
    value: str
    corrections: int

    def describe(self) -> str:
        """In words, for the list, the terminal and the manifest."""
        return f"binding draw, sealed as {self.frame[:16]} before {describe_moment(self.known_from)} ({self.source})"

    def describe_changed(self) -> str:
        """The same for a run whose frame is no longer the one that was sealed."""
        return f"draw with the value of the {self.describe()}; the frame has changed since, so this one is not it"


def describe_moment(moment: str) -> str:
    """A moment with its zone (ISO 8601) as people write it: the hour and UTC, then the day in words."""
    return f"{datetime.fromisoformat(moment).astimezone(UTC):%H:%M UTC on %-d %B %Y}"


def write_frame(frame: Frame, year: str) -> str:
    """The frame as canonical text: lines that end with a line feed, fields joined by U+007C, Unicode form C.

    First what it is and the year, then one line for each group that is drawn by itself (`*`: all together) with the
    number drawn, then one line an organisation, by code: code, stratum, chance to twelve digits, weight.
    """
    listed = frame.organisations.sort("org_code")
    codes = listed["org_code"].to_list()
    refuse_codes(codes)
    lines = [
        _FORM,
        f"year{_BETWEEN}{year}",
        *(f"draws|{name}|{number}" for name, number in sorted(frame.draws.items())),
    ]
    lines += [
        f"{code}|{stratum}|{chance:.12f}|{weight:.12g}"
        for code, stratum, chance, weight in listed.select(
            "org_code", "stratum", "inclusion_probability", "weight"
        ).iter_rows()
    ]
    return unicodedata.normalize("NFC", "".join(f"{line}\n" for line in lines))


def parse_frame(text: str) -> tuple[Frame, str]:
    """The frame of a text that `write_frame` wrote, and its year; joint chances are not in it.

    Raises:
        ValueError: it is no such text, or names a code twice.
    """
    form, year, *lines = (line.split(_BETWEEN) for line in text.removesuffix("\n").split("\n"))
    draws = {name: int(number) for _, name, number in (line for line in lines if len(line) == 3)}
    rows = [line for line in lines if len(line) == 4]
    codes = {row[0] for row in rows}
    if form != [_FORM] or len(codes) + len(draws) != len(lines) or year[0] != "year":
        raise ValueError("it is no frame, or a code stands in it twice")
    columns = ("org_code", "stratum", "inclusion_probability", "weight")
    listed = pl.DataFrame(rows, schema=dict.fromkeys(columns, pl.String), orient="row")
    return Frame(listed.cast(FRAME).sort("org_code"), draws, JOINT.to_frame()), year[1]


def digest_frame(frame: Frame, year: str) -> str:
    """The SHA-256 of the frame as text."""
    return hashlib.sha256(write_frame(frame, year).encode()).hexdigest()


def refuse_codes(codes: list[str]) -> None:
    """Refuse codes that a ticket or a line of the frame can't tell apart.

    Raises:
        DrawError: with every code that is empty, has U+007C, a comma or a quotation mark, spaces at its ends or
            characters that can't be printed, or that is another one once it is in Unicode form C.
    """
    problems = [
        f"{code!r}: a code of the draw may have none of {_NOT_IN_CODES}, no spaces at its ends, nothing unprintable."
        for code in codes
        if set(code) & set(_NOT_IN_CODES) or code != code.strip() or not code or not code.isprintable()
    ]
    composed = [unicodedata.normalize("NFC", code) for code in codes]
    twice = sorted({code for code in composed if composed.count(code) > 1}) if len(set(composed)) < len(codes) else []
    problems += [f"{code}: is in the draw twice. Each organisation has one ticket." for code in twice]
    if problems:
        raise DrawError([*problems, "Mend the codes in the collection, and make the run again."])
