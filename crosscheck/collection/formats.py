"""Number formats: what a format code of a spreadsheet makes of a stored number, and the text that a person sees."""

from __future__ import annotations

import datetime as dt
import re
from functools import lru_cache
from typing import Final, Literal

NumberFormat = Literal["plain", "percent", "with_sign", "date", "time", "thousands"]

_BUILT_IN: Final[dict[int, NumberFormat]] = {
    **dict.fromkeys((9, 10), "percent"),
    **dict.fromkeys((14, 15, 16, 17, 22, *range(27, 37), *range(50, 59)), "date"),
    **dict.fromkeys((18, 19, 20, 21, 45, 46, 47), "time"),
}

# What stands for itself: text in quotation marks, an escaped sign, a space as wide as a sign, a sign that fills the
# cell, and colours, languages or conditions in brackets. A per cent sign among these multiplies nothing.
_LITERAL: Final = re.compile(r'"[^"]*"|\\.|_.|\*.|\[[^\]]*\]', re.DOTALL)
_WRITTEN_SIGN: Final = re.compile(r'"[^"]*%[^"]*"|\\%')
_COLOUR: Final = re.compile(r"\[[^\]]*\]")
_ELAPSED: Final = re.compile(r"\[[hms]+\]", re.IGNORECASE)
_WRITTEN_UNIT: Final = re.compile(r'[0#?)] *(?:\\ )?("\s*(k|m|bn|000|thousand|million)\b[^"]*"|\\[km])', re.IGNORECASE)
_IN_THOUSANDS: Final = re.compile(r"[0#?],+(?![0#?,])")

_DAY_0: Final = dt.datetime(1899, 12, 30)  # noqa: DTZ001  # workbooks have no time zones
_DAYS_TO_1904: Final = 1462
_LAST_DAY: Final = 2_958_465  # 31 December 9999


@lru_cache(maxsize=4096)
def format_of(number: int, code: str | None) -> NumberFormat:
    """What a format makes of a number, by its number in the file and, unless it is a built-in one, its code."""
    if code is None:
        return _BUILT_IN.get(number, "plain")
    if _ELAPSED.search(code):
        return "plain"  # a duration, which no column holds
    section = _LITERAL.sub("", code).split(";")[0]
    if "%" in section or _WRITTEN_SIGN.search(code.split(";")[0]):
        return "percent" if "%" in section else "with_sign"
    letters = section.lower().replace("general", "").replace("am/pm", "h")
    if re.search("[yd]", letters) or ("m" in letters and not re.search("[hs]", letters)):
        return "date"
    if re.search("[hs]", letters):
        return "time"
    first = code.split(";")[0]
    return "thousands" if _IN_THOUSANDS.search(section) or _WRITTEN_UNIT.search(first) else "plain"


def hides(code: str | None) -> bool:
    """Whether a format code shows nothing of a number above 0, as `;;;` does: its first section is empty."""
    return code is not None and ";" in code and not _COLOUR.sub("", code.split(";")[0]).strip().replace('""', "")


def write_number(stored: str, number_format: NumberFormat, days_off: int = 0) -> str:
    """The text of a stored number: plain digits, a percentage with its sign, a day, or a time.

    A per cent sign is written whether the number is multiplied by 100 or the sign only stands beside it.

    Args:
        stored: the number as the file has it.
        number_format: what its format makes of it.
        days_off: days to add to a date; those to the first day of a workbook that counts from 1904.

    Raises:
        ValueError: it is no number.
    """
    if number_format in ("plain", "thousands"):
        return stored if len(stored) < 15 and stored.isdecimal() else f"{float(stored):.15g}"
    if number_format == "with_sign":
        return f"{float(stored):.15g}%"
    if number_format == "percent":
        return f"{float(stored) * 100:.10g}%"
    return _write_day(float(stored), number_format, days_off)


def _write_day(serial: float, number_format: NumberFormat, days_off: int) -> str:
    if not 0 <= serial + days_off <= _LAST_DAY:
        return f"{serial:.15g}"
    moment = _DAY_0 + dt.timedelta(days=serial + days_off)
    moment = (moment + dt.timedelta(milliseconds=500)).replace(microsecond=0)  # a serial is a fraction, not exact
    if number_format == "time" and serial < 1:
        return f"{moment:%H:%M:%S}"
    return f"{moment:%Y-%m-%d %H:%M:%S}".removesuffix(" 00:00:00")


def days_off(date_1904: bool) -> int:
    """Days by which the serial numbers of a workbook are off those that count from 1900."""
    return _DAYS_TO_1904 if date_1904 else 0
