"""How old the evidence of a dossier is: the period of each figure, and the day that answers describe."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Final

from crosscheck.cases.cases import census_day
from crosscheck.cases.history import last_day
from crosscheck.report.output.html import write_day

if TYPE_CHECKING:
    from collections.abc import Mapping

_NAME: Final = re.compile(r"[a-z_0-9]+\.[a-z0-9_.()]+(?= = )")
_UNDATED: Final = ("declared", "comment", "organisation", "service", "peers")
_DAY: Final = re.compile(r"(\d{4})-(\d\d)-(\d\d)")
_YEAR: Final = re.compile(r"\d{4}")
_ASSESSMENT_YEAR: Final = re.compile(r"\d{4}/\d\d")


@dataclass(frozen=True)
class Ages:
    """The periods of a run's figures.

    `periods` has that of each figure by its organisation and name; `year` is the assessment year, at the end of which
    ages are counted, `standard` the standard declared on, whose file has the day that answers describe.
    """

    year: str
    standard: str
    periods: Mapping[tuple[str, str], str]

    def of_figure(self, org_code: str, name: str) -> str:
        """Of when a figure is, in words; empty where the collection has no such figure of the organisation."""
        period = self.periods.get((org_code, name))
        return f"Figure for {describe_period(period, self.year)}" if period else ""

    def of_evidence(self, org_code: str, evidence: str) -> str:
        """Of when the figures and answers are that a finding rests on; empty where it rests on neither."""
        names = [name for name in _NAME.findall(evidence) if name.split(".", maxsplit=1)[0] not in _UNDATED]
        dated = [self.of_figure(org_code, name) for name in names]
        answers = [f"Answer as at {write_day(census_day(self.year, self.standard))}"] if "" in dated else []
        return "; ".join(dict.fromkeys((*answers, *filter(None, dated))))


def describe_period(period: str, year: str) -> str:
    """A period in words, and how many months before the end of the assessment year it ended.

    Args:
        period: a calendar year, an assessment year (which ends on 31 March), or a day; anything else is left as it is.
        year: the assessment year.
    """
    ends = _last_day_of(period)
    if ends is None:
        return period
    words = write_day(ends) if _DAY.fullmatch(period) else period
    end_of_year = last_day(year)
    months = 12 * (end_of_year.year - ends.year) + end_of_year.month - ends.month
    return f"{words}, {months} months old at the end of {year}" if months > 0 else words


def _last_day_of(period: str) -> date | None:
    if _ASSESSMENT_YEAR.fullmatch(period):
        return last_day(period)
    if _YEAR.fullmatch(period):
        return date(int(period), 12, 31)
    if found := _DAY.fullmatch(period):
        try:
            return date(*map(int, found.groups()))
        except ValueError:
            return None
    return None
