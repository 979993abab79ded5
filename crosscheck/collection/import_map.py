"""Import maps: how the columns of an export become those of a table of the contract. They are kept for next year."""

from __future__ import annotations

import difflib
import fnmatch
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import AfterValidator, Field, StringConstraints, ValidationError, model_validator

from crosscheck.collection.problems import canonical
from crosscheck.contract.inputs import INPUTS
from crosscheck.errors import ImportMapError
from crosscheck.model_file import ModelPart
from crosscheck.toml_file import NotTomlError, parse_toml

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from crosscheck.contract.table import Table

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Name = Annotated[str, AfterValidator(canonical), StringConstraints(min_length=1)]
DateFormat = Annotated[str, StringConstraints(pattern=r"^(%[YymdbBeHMSjaA]|[^%])+$")]
YearFormat = Literal["both", "first", "last", "day"]

_EXAMPLE: Final = "docs/import.md has maps to copy; `crosscheck import FILE --propose` writes a first one."


class Long(ModelPart):
    """One row for each of several columns, instead of one row with all of them.

    `columns` are names, or patterns such as `s2*`. `name` is the column that gets the heading, `value` the one that
    gets the cell; other columns are repeated.
    """

    columns: tuple[Name, ...] = Field(min_length=1)
    name: Name
    value: Name

    def choose(self, headings: Iterable[str]) -> list[str]:
        """Those of the headings that become rows, in the order of the file."""
        return [
            heading for heading in headings if any(fnmatch.fnmatchcase(heading, pattern) for pattern in self.columns)
        ]


class Join(ModelPart):
    """Further columns from a code list: the file's row whose cell in `matches` is what the export has in `column`."""

    file: Text
    column: Name
    matches: Name
    take: tuple[Name, ...] = Field(min_length=1)
    optional: bool = False


class Keep(ModelPart):
    """Which rows are in scope: all that is stated must be true. The others are counted, and are no problem."""

    column: Name
    among: tuple[str, ...] | None = None
    other_than: tuple[str, ...] | None = None
    filled: bool = False
    lowest: str | None = None
    highest: str | None = None
    differs_from: Name | None = None
    file: Text | None = None
    file_column: Name | None = None

    @model_validator(mode="after")
    def _states_something(self) -> Keep:
        stated = (self.among, self.other_than, self.filled or None, self.lowest, self.highest, self.differs_from)
        if all(value is None for value in (*stated, self.file)):
            raise ValueError(
                "state which rows are kept: among, other_than, filled, lowest, highest, differs_from, file"
            )
        if (self.file is None) != (self.file_column is None):
            raise ValueError("file and file_column belong together")
        return self

    def __str__(self) -> str:
        return " and ".join(self._words())

    def _words(self) -> Iterator[str]:
        if self.filled:
            yield f"{self.column} is filled"
        if self.among is not None:
            yield f"{self.column} is {' or '.join(self.among)}"
        if self.other_than is not None:
            yield f"{self.column} is not {' or '.join(self.other_than)}"
        if self.lowest is not None:
            yield f"{self.column} is {self.lowest} or more"
        if self.highest is not None:
            yield f"{self.column} is {self.highest} or less"
        if self.differs_from is not None:
            yield f"{self.column} differs from {self.differs_from}"
        if self.file is not None:
            yield f"{self.column} is in {self.file}"


class Filling(ModelPart):
    """How one column of the table is filled: with a `constant`, or from a `column` of the export.

    `values` says what each word of the export becomes, `otherwise` what all others become (else each is a problem);
    `date` how its days are written (as `%Y%m%d`), `year` how its assessment years are: `both` years (2008-09, 0809),
    the `first` (2008), the `last` (2009), or a `day` in it, written as `date` says.
    """

    constant: str | None = None
    column: Name | None = None
    values: dict[str, str] | None = None
    otherwise: str | None = None
    date: DateFormat | None = None
    year: YearFormat | None = None

    @model_validator(mode="after")
    def _is_one_way(self) -> Filling:
        if (self.constant is None) == (self.column is None):
            raise ValueError("give either a constant or a column")
        ways = [self.values is not None, self.year is not None, self.date is not None and self.year != "day"]
        if self.constant is not None and any(ways):
            raise ValueError("a constant is written as it stands: leave out values, date and year")
        if sum(ways) > 1:
            raise ValueError("values, date and year are three ways to fill a column: give one")
        if self.year == "day" and self.date is None:
            raise ValueError("say how the day is written, for example date = '%Y%m%d'")
        if self.otherwise is not None and self.values is None:
            raise ValueError("otherwise belongs to values")
        return self


class ImportMap(ModelPart):
    """All that a map says. Headings are compared in small letters, with underscores for spaces and hyphens.

    `headings` are there for a file that has none, or none of use; then the data begin in row `first_row`.
    """

    table: Text
    sheet: Text | None = None
    headings: tuple[str, ...] | None = None
    first_row: Annotated[int, Field(ge=1)] | None = None
    long: Long | None = None
    join: tuple[Join, ...] = ()
    keep: tuple[Keep, ...] = ()
    columns: dict[str, Filling]

    @property
    def contract(self) -> Table:
        """The table that it fills."""
        return INPUTS[self.table]

    def asked_columns(self) -> list[str]:
        """The columns that the map takes from the export itself, in the order in which it names them."""
        made = {name for join in self.join for name in join.take}
        made |= {self.long.name, self.long.value} if self.long else set()
        named = [join.column for join in self.join]
        named += [name for keep in self.keep for name in (keep.column, keep.differs_from) if name]
        named += [filling.column for filling in self.columns.values() if filling.column]
        return [name for name in dict.fromkeys(named) if name not in made]


def read_import_map(file: Path) -> ImportMap:
    """Read a map.

    Raises:
        ImportMapError: it is missing or no TOML, or with every unknown, missing or impossible entry at once.
    """
    try:
        stated = ImportMap.model_validate(parse_toml(file.read_bytes()))
    except OSError as error:
        raise ImportMapError(f"{file}: can't be read ({error.strerror}). {_EXAMPLE}") from error
    except NotTomlError as error:
        raise ImportMapError(f"{file}: {error} {_EXAMPLE}") from error
    except ValidationError as error:
        raise ImportMapError(_describe(file, problem) for problem in error.errors()) from error
    if problems := list(_problems(stated)):
        raise ImportMapError(f"{file}, {problem}" for problem in problems)
    return stated


def _describe(file: Path, problem: Any) -> str:
    where = ".".join(f"{part + 1}" if isinstance(part, int) else str(part) for part in problem["loc"])
    words = problem["msg"].removeprefix("Value error, ")
    if problem["type"] == "extra_forbidden":
        words = f"there is no such entry.{_meant(str(problem['loc'][-1]), _KEYS)} {_EXAMPLE}"
    return f"{file}, {where or 'the map'}: {words[:1].upper()}{words[1:]}"


_KEYS: Final = sorted(
    {name for part in (ImportMap, Long, Join, Keep, Filling) for name in part.model_fields}
)  # what an entry may be called somewhere in a map


def _problems(stated: ImportMap) -> Iterator[str]:
    if stated.table not in INPUTS:
        yield f"table: there is no table {stated.table}.{_meant(stated.table, INPUTS)} There are: {', '.join(INPUTS)}."
        return
    columns = {column.name: column for column in stated.contract.columns}
    for name, filling in stated.columns.items():
        if name not in columns:
            there = ", ".join(columns)
            yield f"columns.{name}: {stated.table} has no such column.{_meant(name, columns)} It has: {there}."
        else:
            yield from (f"columns.{name}: {words}" for words in _not_allowed(filling, columns[name].allowed))
    missing = [column for name, column in columns.items() if column.required and name not in stated.columns]
    yield from (
        f"columns: {column.name} is missing ({column.meaning}). Give it a column or a constant." for column in missing
    )
    if stated.first_row is not None and stated.headings is None:
        yield "first_row: belongs to headings, which are not given."


def _not_allowed(filling: Filling, allowed: tuple[str, ...]) -> Iterator[str]:
    given = [filling.constant, filling.otherwise, *(filling.values or {}).values()]
    for word in dict.fromkeys(word for word in given if allowed and word and word not in allowed):
        yield f"{word} is not allowed.{_meant(word, allowed)} Allowed are: {', '.join(allowed)}."


def _meant(word: str, words: Iterable[str]) -> str:
    near = difflib.get_close_matches(word, list(words), n=1)
    return f" Did you mean {near[0]}?" if near else ""
