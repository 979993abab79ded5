"""Waivers: findings that somebody has decided to set aside, for whom, why and until when."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Annotated

import polars as pl
from pydantic import AfterValidator, Field, ValidationError

from crosscheck.errors import RulebookError
from crosscheck.model_file import ModelPart
from crosscheck.toml_file import NotTomlError, parse_toml
from crosscheck.vocabulary import FUNCTIONS, Function

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from crosscheck.rulebook.rule import Rulebook

_KEYS = ("check_id", "org_code", "function")


def _in_capitals(code: str) -> str:
    return code.strip().upper()


def _as_declared_for(function: str) -> str:
    if function not in FUNCTIONS:
        raise ValueError(f"Write one of {', '.join(FUNCTIONS)}")
    return function


Text = Annotated[str, Field(min_length=3)]


class Waiver(ModelPart):
    """One decision that a rule's finding on an organisation shall weigh nothing.

    `function` narrows it to one of the organisation's declarations. It counts for the assessment years whose last day,
    31 March, is not after `until`: by the year and not by the clock, so that a run gives the same list whenever made.
    """

    rule: str
    org_code: Annotated[str, AfterValidator(_in_capitals)]
    function: Annotated[Function, AfterValidator(_as_declared_for)] | None = None
    decided_by: Text
    decided_on: date
    why: Text
    until: date

    def is_in_force(self, day: date) -> bool:
        """Whether it counts for an assessment year that ends on this day."""
        return day <= self.until

    def describe(self) -> str:
        """Who decided it, why and until when, in one sentence."""
        return f"Waived by {self.decided_by} on {self.decided_on:%-d %B %Y} until {self.until:%-d %B %Y}: {self.why}"


def load_waivers(file: Path, rulebook: Rulebook) -> tuple[Waiver, ...]:
    """Read the waivers of a standard; without the file there are none.

    Raises:
        RulebookError: with everything that is wrong in the file, at once; also a waiver of a rule that there is not.
    """
    if not file.is_file():
        return ()
    try:
        table = parse_toml(file.read_bytes())
    except NotTomlError as error:
        raise RulebookError([f"{file.name}: This {error}"]) from error
    # Each entry is tried by itself: one that is wrong must not hide what is wrong with the next.
    wrong = [*_entry_problems(table, file)]
    entries = table.get("waiver")
    waivers: dict[int, Waiver] = {}
    for at, entry in enumerate(entries if isinstance(entries, list) else ()):
        try:
            waivers[at] = Waiver.model_validate(entry)
        except ValidationError as error:
            wrong += (_format_problem(file, (at, *problem["loc"]), problem["msg"]) for problem in error.errors())
    if wrong := [*wrong, *_reference_problems(waivers, rulebook, file)]:
        raise RulebookError(wrong)
    return tuple(waivers.values())


def _entry_problems(table: Mapping[str, object], file: Path) -> Iterator[str]:
    for key, value in table.items():
        if key != "waiver" or not isinstance(value, list):
            yield _format_problem(file, (key,), "There is no such entry. Write [[waiver]] above each")


def _reference_problems(waivers: Mapping[int, Waiver], rulebook: Rulebook, file: Path) -> Iterator[str]:
    known = {*rulebook.rules, *rulebook.not_in_force}
    for at, waiver in waivers.items():
        if waiver.rule not in known:
            yield _format_problem(file, (at, "rule"), f"There is no rule {waiver.rule}")
        if waiver.until < waiver.decided_on:
            yield _format_problem(file, (at, "until"), "It ends before it was decided")


def waive(findings: pl.DataFrame, waivers: Iterable[Waiver], day: date) -> pl.DataFrame:
    """Write beside each finding that differs whether it is waived.

    Args:
        findings: one row a check on a declaration.
        waivers: decisions, in force or not.
        day: the last day of the assessment year.

    Returns:
        The findings in their order with `waived`: who decided it, why and until when; null where nobody did.
    """
    rows = [
        (waiver.rule, waiver.org_code, function, waiver.describe())
        for waiver in waivers
        if waiver.is_in_force(day)
        for function in ((waiver.function,) if waiver.function else FUNCTIONS)
    ]
    schema = {**dict.fromkeys(_KEYS, pl.String()), "waived": pl.String()}
    # The first of two waivers of one finding stands, so that the reason shown does not depend on a join's order.
    in_force = pl.DataFrame(rows, schema=schema, orient="row").unique(_KEYS, keep="first", maintain_order=True)
    waived = findings.join(in_force, on=_KEYS, how="left", maintain_order="left")
    return waived.with_columns(pl.when(pl.col("verdict") == "differs").then("waived").alias("waived"))


def _format_problem(file: Path, place: Iterable[int | str], message: str) -> str:
    path = ", ".join(str(part + 1) if isinstance(part, int) else part for part in place)
    return f"{file.name}, {path}: {message}."
