"""What every table of the contract is made of: a table, its columns, and the columns that several tables share.

The reader checks what comes in against `inputs.INPUTS`, the writer what goes out against `outputs.OUTPUTS`, and the
data dictionary is printed from both. Names and order are fixed by the contract; other tools rely on them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import polars as pl

from crosscheck.vocabulary import FUNCTIONS

Kind = Literal["text", "code", "choice", "number", "date", "year", "flag", "list"]

_DTYPES: Final[dict[Kind, pl.DataType]] = {
    "text": pl.String(),
    "code": pl.String(),
    "choice": pl.String(),
    "number": pl.Float64(),
    "date": pl.Date(),
    "year": pl.String(),
    "flag": pl.Boolean(),
    "list": pl.List(pl.String()),
}


@dataclass(frozen=True)
class Column:
    """One column of a table.

    `kind` says how a cell is read: `text` as it stands, `code` trimmed and in capitals, `choice` one of
    `allowed`, `number` a float between `low` and `high`, `date` ISO, `year` as `2008/09`, `flag` yes or no,
    `list` items between `|`. A column that is not `required` may be missing. A cell may be empty where
    `may_be_empty`; an empty cell is null, never zero or no, and means what `empty` says. `unit` is there for every
    number; `direction` says which end is worse, where one is.
    """

    name: str
    kind: Kind
    meaning: str
    required: bool = True
    may_be_empty: bool = False
    allowed: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    unit: str = ""
    direction: str = ""
    empty: str = "not known"

    @property
    def dtype(self) -> pl.DataType:
        """The polars type of the column once it is read."""
        return _DTYPES[self.kind]


@dataclass(frozen=True)
class Table:
    """One table: what a row is, its columns, and the columns that tell one row from another (`key`)."""

    name: str
    row_is: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    required: bool = False

    @property
    def schema(self) -> pl.Schema:
        """Column names and polars types, in order."""
        return pl.Schema({column.name: column.dtype for column in self.columns})

    def empty(self) -> pl.DataFrame:
        """The table without a row: what a collection that lacks it holds."""
        return pl.DataFrame(schema=self.schema)


def optional(name: str, kind: Kind, meaning: str, **rest: float | str | tuple[str, ...] | None) -> Column:
    """Describe a column that may be missing, and empty where it is there; `rest` as `Column` has it."""
    return Column(name, kind, meaning, required=False, may_be_empty=True, **rest)  # type: ignore[arg-type]  # typed by Column


ORG = Column("org_code", "code", "the organisation's code")

FUNCTION = Column(
    "function", "choice", "`whole`, or one of the two functions of a primary care trust", allowed=FUNCTIONS
)

YEAR = Column("year", "year", "assessment year, as 2008/09")

STANDARD = Column("standard", "code", "the core standard declared on")

VISITED_STANDARD = optional("standard", "code", "the core standard visited on", empty="the run's standard")

POSITIVE: Final = "positive is worse"

HIGHER: Final = "higher is worse"


def number(name: str, meaning: str, unit: str, direction: str = "", empty: str = "") -> Column:
    """Describe a column of figures, which may be empty where `empty` says what that means."""
    return Column(name, "number", meaning, may_be_empty=bool(empty), unit=unit, direction=direction, empty=empty)


def text(name: str, meaning: str, empty: str = "") -> Column:
    """Describe a column of words, which may be empty where `empty` says what that means."""
    return Column(name, "text", meaning, may_be_empty=bool(empty), empty=empty)
