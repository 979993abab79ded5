"""`standard.toml`: the words that the tables of a standard may hold, what each means, and the shape of its codes."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING, Final, Literal, Self

from pydantic import Field, ValidationError, field_validator, model_validator

from crosscheck import settings
from crosscheck.errors import ModelError
from crosscheck.model_file import ModelPart
from crosscheck.toml_file import NotTomlError, parse_toml

if TYPE_CHECKING:
    from pathlib import Path

Meaning = Literal["met", "not_met", "not_sure"]

# The function of an organisation that declares once, for all that it does. Tables and rules of every standard have it.
WHOLE: Final = "whole"


# The tables without which no list can be made, whatever the standard.
NEEDED: Final = ("organisations", "declarations")


class Shape(ModelPart):
    """What codes of one kind look like: a regular expression, and the same in words."""

    shape: str
    in_words: str

    @field_validator("shape")
    @classmethod
    def _is_expression(cls, shape: str) -> str:
        try:
            re.compile(shape)
        except re.error as error:
            raise ValueError(f"{shape} is no regular expression: {error}") from None
        return shape


class FunctionWords(ModelPart):
    """A function: which is the other of the same organisation, if any, and the types that alone have it."""

    other: str = ""
    types: tuple[str, ...] = ()


class StatusWords(ModelPart):
    """What a status says of the standard."""

    means: Meaning


class WordList(ModelPart):
    """Words that need no more than to be known."""

    words: tuple[str, ...] = ()


class Calendar(ModelPart):
    """The day that answers describe, in the first calendar year of an assessment year."""

    census_month: int = Field(ge=1, le=12)
    census_day: int = Field(ge=1, le=31)

    @model_validator(mode="after")
    def _is_a_day_of_every_year(self) -> Self:
        date(2001, self.census_month, self.census_day)  # no leap year; raises what is reported
        return self


class StandardFile(ModelPart):
    """All that `standard.toml` states. Words are in the file's order, which is that of tables and pages."""

    codes: Shape
    standards: Shape
    open: dict[str, tuple[str, ...]]
    types: dict[str, str] = Field(min_length=1)
    functions: dict[str, FunctionWords]
    statuses: dict[str, StatusWords]
    categories: WordList = WordList()
    bodies: WordList = WordList()
    commentators: dict[str, str] = Field(default_factory=dict)
    sources: dict[str, str] = Field(default_factory=dict)
    calendar: Calendar
    compulsory: tuple[str, ...] = NEEDED

    @field_validator("functions")
    @classmethod
    def _pair_functions(cls, functions: dict[str, FunctionWords]) -> dict[str, FunctionWords]:
        if WHOLE not in functions:
            raise ValueError(f"{WHOLE} is missing. Write {WHOLE} = {{}}")
        for name, function in functions.items():
            if function.other and (function.other not in functions or functions[function.other].other != name):
                raise ValueError(
                    f"{name} names {function.other or 'no function'} as its other; each has to name the other"
                )
        return functions

    @field_validator("compulsory")
    @classmethod
    def _list_is_possible(cls, compulsory: tuple[str, ...]) -> tuple[str, ...]:
        if missing := [table for table in NEEDED if table not in compulsory]:
            raise ValueError(f"{' and '.join(missing)} is missing: without it there is no list")
        return compulsory

    @field_validator("statuses")
    @classmethod
    def _some_mean_met(cls, statuses: dict[str, StatusWords]) -> dict[str, StatusWords]:
        if "met" not in {status.means for status in statuses.values()}:
            raise ValueError('none means that the standard is met. Write means = "met" for each that does')
        return statuses

    @model_validator(mode="after")
    def _types_of_functions_are_known(self) -> Self:
        for name, function in self.functions.items():
            if unknown := [kind for kind in function.types if kind not in self.types]:
                raise ValueError(f"functions.{name}: {', '.join(unknown)} is no type. Types: {', '.join(self.types)}")
        return self

    def statuses_that_mean(self, *meanings: Meaning) -> tuple[str, ...]:
        """The statuses with one of these meanings, in the file's order."""
        return tuple(word for word, status in self.statuses.items() if status.means in meanings)


def read_standard_file(standard: str) -> StandardFile:
    """Read the words of a standard.

    Raises:
        ModelError: the file is missing or no TOML, or with everything in it that is missing, unknown or impossible.
    """
    file = settings.standard_file(standard)
    try:
        return StandardFile.model_validate(_read(file))
    except ValidationError as error:
        raise ModelError(
            f"{file}, {'.'.join(map(str, problem['loc']))}: {_in_words(problem['type'], problem['msg'])}."
            for problem in error.errors()
        ) from None


def _in_words(kind: str, message: str) -> str:
    """What is wrong, in this program's words: those of the library that found it speak of its own parts."""
    if kind == "missing":
        return "is missing"
    if kind == "extra_forbidden":
        return "is not known here"
    return message.removeprefix("Value error, ").replace("Input should be", "should be")


def _read(file: Path) -> dict[str, object]:
    if not file.is_file():
        raise ModelError(f"{file}: there is no such file. Each standard needs one at this place.")
    try:
        return parse_toml(file.read_bytes())
    except NotTomlError as error:
        raise ModelError(f"{file}: {error}") from error
