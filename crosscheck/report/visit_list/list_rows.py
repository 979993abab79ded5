"""The visit list by organisation: two functions of one trust in one row, with the duties unmet by its own answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from crosscheck.contract.typed_rows import typed_rows, typed_rows_by
from crosscheck.report.dossier.rows import ListedRow
from crosscheck.report.output.rank_bands import TO_VISIT, describe_place
from crosscheck.vocabulary import POOLS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date

    import polars as pl

NOT_PLANNED: Final = "none"


@dataclass(frozen=True)
class ListedDuty:
    """A statutory duty that the declaration of one function admits is unmet, and the law."""

    function: str
    finding: str
    basis: str

    @property
    def words(self) -> str:
        """The duty and the law in one sentence, as a reason on the list has them."""
        return f"{self.finding.removesuffix('.')} ({self.basis})."


@dataclass(frozen=True)
class ListedLapse:
    """A lapse that a board declared: its period, what the board says, whether it has ended, and what to ask."""

    function: str
    declared: str
    lapse_from: date | None
    lapse_to: date | None
    statement: str | None
    ended: str | None
    ask: str | None


@dataclass(frozen=True)
class Entry:
    """An organisation in one part of the list.

    `declarations` are those in this part, the best rank first; `elsewhere` is that of its other function where it is in
    another part. `duties` are each named once, `lapses` are those of its declarations.
    """

    declarations: tuple[ListedRow, ...]
    elsewhere: tuple[ListedRow, ...]
    duties: tuple[ListedDuty, ...]
    lapses: tuple[ListedLapse, ...]

    @property
    def first(self) -> ListedRow:
        """The declaration with the best rank."""
        return self.declarations[0]

    @property
    def band(self) -> str:
        """Its place in one of three bands; empty where it is not to be visited, or by a run that did not say it."""
        shares = [row.among_capacity for row in self.declarations if row.among_capacity is not None]
        return describe_place(max(shares)) if shares else ""

    @property
    def arm(self) -> str:
        """Which arm of the plan chose it, or that none did."""
        return next((row.selected_by for row in self.declarations if row.selected_by), NOT_PLANNED)

    @property
    def duties_in_order(self) -> list[ListedDuty]:
        """The duty that is the weightiest evidence first, where one is."""
        return sorted(self.duties, key=lambda duty: duty.words != self.first.reason)

    @property
    def reasons(self) -> list[tuple[str, str]]:
        """Why each declaration has its place, with its function; what a duty or a reason says already is left out."""
        said = {duty.words for duty in self.duties}
        reasons: dict[str, str] = {}
        for row in self.declarations:
            if row.reason not in said:
                reasons.setdefault(row.reason, row.function)
        return [(function, reason) for reason, function in reasons.items()]


def list_entries(listed: pl.DataFrame, duties: pl.DataFrame, follow_up: pl.DataFrame) -> dict[str, list[Entry]]:
    """Part the visit list by pool, one entry an organisation, the best rank first.

    Args:
        listed: the visit list of a run.
        duties: its unmet duties.
        follow_up: its declared lapses.

    Returns:
        The entries of each pool of `vocabulary.POOLS`. An organisation whose functions are in two pools is in both.
    """
    owners: dict[str, list[ListedRow]] = {}
    for row in typed_rows(listed.sort("rank"), ListedRow):
        owners.setdefault(row.org_code, []).append(row)
    duties_by = typed_rows_by(duties, ListedDuty, "org_code")
    lapses_by = typed_rows_by(follow_up, ListedLapse, "org_code")
    parts: dict[str, list[Entry]] = {pool: [] for pool in POOLS}
    for code, rows in owners.items():
        for pool in dict.fromkeys(_pool_of(row) for row in rows):
            parts[pool].append(_entry(pool, rows, duties_by.get((code,), ()), lapses_by.get((code,), ())))
    return {pool: sorted(entries, key=lambda entry: entry.first.rank) for pool, entries in parts.items()}


def with_duties(listed: pl.DataFrame, duties: pl.DataFrame) -> list[Entry]:
    """One entry for each organisation that admits an unmet duty, with all its declarations, the best rank first."""
    owners: dict[str, list[ListedRow]] = {}
    for row in typed_rows(listed.sort("rank"), ListedRow):
        owners.setdefault(row.org_code, []).append(row)
    duties_by = typed_rows_by(duties, ListedDuty, "org_code")
    return [
        Entry(tuple(rows), (), _name_once(duties_by[(code,)]), ())
        for code, rows in owners.items()
        if (code,) in duties_by
    ]


def _entry(pool: str, rows: Sequence[ListedRow], duties: Iterable[ListedDuty], lapses: Iterable[ListedLapse]) -> Entry:
    here = [row for row in rows if _pool_of(row) == pool]
    functions = {row.function for row in here}
    return Entry(
        declarations=tuple(here),
        elsewhere=tuple(row for row in rows if _pool_of(row) != pool),
        duties=_name_once(duty for duty in duties if duty.function in functions),
        lapses=tuple(lapse for lapse in lapses if lapse.function in functions),
    )


def _pool_of(row: ListedRow) -> str:
    return row.pool or TO_VISIT


def _name_once(duties: Iterable[ListedDuty]) -> tuple[ListedDuty, ...]:
    """What both functions of a trust admit alike is named once."""
    named: Mapping[str, ListedDuty] = {duty.words: duty for duty in reversed(list(duties))}
    return tuple(reversed(list(named.values())))
