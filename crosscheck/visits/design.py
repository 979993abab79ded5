"""The design of the visits: how organisations are chosen.

A plan states it in `[design]`, and what people change in `[[added]]` and `[[removed]]`.
"""

from __future__ import annotations

import json
from difflib import get_close_matches
from typing import TYPE_CHECKING, Final, Literal

from pydantic import Field, ValidationError

from crosscheck import settings
from crosscheck.errors import PlanError
from crosscheck.model_file import ModelPart
from crosscheck.toml_file import NotTomlError, parse_toml

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_BY_PEOPLE: Final = ("added", "removed")
OWN_TABLES: Final = ("design", *_BY_PEOPLE)  # of a plan; the others say who travels when


class Added(ModelPart):
    """An organisation that a person adds to the visits. It is visited beside the arms and never counted among them."""

    org_code: str = Field(min_length=1)
    who: str = Field(min_length=1)
    why: str = Field(min_length=1)


class Removed(Added):
    """An organisation that a person removes from the visits by risk; the next one has its place.

    Its unmet duties and its chance in the random draw stay: it is visited all the same for these.
    """


class Design(ModelPart):
    """How organisations are chosen.

    Attributes:
        kind: `two-arms`, a random sample beside the highest risks, or `adaptive`, one sample whose chances rise with
            risk. Unmet duties come first in both.
        random_share: the share of all visits that is drawn at random (two arms alone).
        floor: the least chance of a visit that every organisation in the draw is to have, 0 to 1.
        benefit: what is looked for beside the random sample: the highest `risk`, or the highest `expected_benefit`,
            which is risk × severity × what a visit can change (`visits.benefit`).
        change_if_followed: what a visit can still change where another declaration of the organisation is followed up
            or was visited this year, as a share of what it can change elsewhere.
        standard_error: how many times that of a simple random sample of as many visits the standard error of the
            prevalence may be (adaptive alone).
        bins: how many groups of like risk the adaptive design has.
        added: the organisations that people add.
        removed: the organisations that people remove from the visits by risk.
        origin: who chose this.
        reason: why.
    """

    kind: Literal["two-arms", "adaptive"] = "two-arms"
    random_share: float = Field(default=0.5, ge=0, le=1)
    floor: float = Field(default=0.0, ge=0, lt=1)
    benefit: Literal["risk", "expected_benefit"] = "risk"
    change_if_followed: float = Field(default=0.5, ge=0, le=1)
    standard_error: float = Field(default=1.25, ge=1, le=5)
    bins: int = Field(default=20, ge=2, le=50)
    added: tuple[Added, ...] = ()
    removed: tuple[Removed, ...] = ()
    origin: str = ""
    reason: str = ""


def default_plan() -> Path:
    """The plan that is used where none is named."""
    return settings.home() / "models" / "plan.toml"


def load_design(file: Path) -> Design:
    """Read the design from a plan.

    Raises:
        PlanError: the file is missing or no TOML, or as `read_design`.
    """
    if not file.is_file():
        raise PlanError(f"{file}: there is no such plan. The one that comes with the program is {default_plan()}.")
    try:
        tables = parse_toml(file.read_bytes())
    except NotTomlError as error:
        raise PlanError(f"{file}: {error}") from error
    return read_design(tables, str(file))


def read_design(tables: Mapping[str, object], where: str) -> Design:
    """Read the design from the tables of a plan; tables that are not about the design are left to others.

    Args:
        tables: the whole plan, by table.
        where: the file, for messages.

    Returns:
        The design. What the plan does not state is as in `Design`.

    Raises:
        PlanError: with every unknown, missing or impossible entry at once.
    """
    problems = list(_misspelt(tables, where))
    given = tables.get("design", {})
    if not isinstance(given, dict):
        raise PlanError([*problems, f"{where}, design: is no table. Write [design] on a line of its own."])
    try:
        design = Design.model_validate(given | {name: tables[name] for name in _BY_PEOPLE if name in tables})
    except ValidationError as error:
        raise PlanError([*problems, *_explain(error, where)]) from error
    problems += _said_twice(design, where)
    if problems:
        raise PlanError(problems)
    return design


def _said_twice(design: Design, where: str) -> Iterator[str]:
    lists = {"added": [one.org_code for one in design.added], "removed": [one.org_code for one in design.removed]}
    for name, codes in lists.items():
        if twice := sorted({code for code in codes if codes.count(code) > 1}):
            yield f"{where}, {name}: {', '.join(twice)} is {name} twice. Keep one entry of each organisation."
    if both := sorted(set(lists["added"]) & set(lists["removed"])):
        yield f"{where}: {', '.join(both)} is both added and removed. Keep one of the two."


def format_design(design: Design) -> str:
    """The design as the tables of a plan; `read_design` reads it back."""
    stated = design.model_dump(exclude=set(_BY_PEOPLE))
    lines = ["[design]", *(f"{name} = {_literal(value)}" for name, value in stated.items())]
    for table, people in (("added", design.added), ("removed", design.removed)):
        for one in people:
            lines += ["", f"[[{table}]]", *(f"{name} = {_literal(value)}" for name, value in one.model_dump().items())]
    return "\n".join(lines) + "\n"


def _literal(value: str | float) -> str:
    """A value as TOML writes it: as JSON does, but for one character that TOML wants escaped."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _misspelt(tables: Mapping[str, object], where: str) -> Iterator[str]:
    """Tables that are nearly named as ours: whoever wrote them would believe that they count."""
    for name in tables:
        if name not in OWN_TABLES and (meant := get_close_matches(name, OWN_TABLES, 1, 0.75)):
            yield f"{where}: there is no table {name}. Did you mean {meant[0]}?"


def _explain(error: ValidationError, where: str) -> Iterator[str]:
    for problem in error.errors():
        place = [part if isinstance(part, str) else str(part + 1) for part in problem["loc"]]
        named = place if place[0] in OWN_TABLES else ["design", *place]
        known = Added.model_fields if named[0] in _BY_PEOPLE else Design.model_fields
        said = f"Known are {', '.join(known)}" if problem["type"] == "extra_forbidden" else problem["msg"]
        yield f"{where}, {' '.join(named)}: {said}."
