"""Kinds of value: what can be compared with what, and how people are told of it."""

from __future__ import annotations

import difflib
from datetime import date
from typing import TYPE_CHECKING, Final

from crosscheck.rulebook.condition import Fixed, Reference

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from crosscheck.cases.cases import Name
    from crosscheck.rulebook.condition import Operand

EQUALITIES: Final = ("==", "!=")


def mismatch(first: Operand, second: Operand, sign: str) -> str | None:
    """Why two values can't be compared in this way, if so."""
    types = {kind_of(first), kind_of(second)}
    if len(types) > 1 and not types <= {"ordinal", "choice"}:
        return "These can't be compared."
    if _levels(first) != _levels(second):
        return "These two are not answered with the same levels."
    if sign not in EQUALITIES and types & {"choice", "text"}:
        return "There is no order here; compare with ==, != or in."
    return None


def kind_of(value: Operand) -> str:
    """What kind of value a part has, by the words of `cases.NameType`."""
    match value:
        case Reference(name):
            return name.type
        case Fixed(str(), levels):
            return "ordinal" if levels else "text"
        case Fixed(date()):
            return "date"
    return "number"


def _levels(value: Operand) -> tuple[str, ...]:
    match value:
        case Reference(name):
            return name.levels
        case Fixed(_, levels):
            return levels
    return ()


def described(name: Name) -> str:
    """What kind of thing bears the name, and what it can be compared with."""
    levels = ", ".join(name.levels)
    return {
        "number": f"{name.name} is a number{f' ({name.unit})' if name.unit else ''}.",
        "ordinal": f"{name.name} has these levels, in order: {levels}.",
        "choice": f"{name.name} has these levels, in no order: {levels}.",
        "flag": f"{name.name} is a flag; it stands by itself: `{name.name}` or `not {name.name}`.",
        "text": f"{name.name} is free text.",
        "date": f'{name.name} is a date, to be compared with one, as in "2008-12-31".',
    }[name.type]


def unknown_name(dotted: str, names: Mapping[str, Name]) -> str:
    """Say that there is no such name, which are near, and where they are listed."""
    if f"review1.{dotted}" in names:
        return f"This is asked of two reviews. Write review1.{dotted} or review2.{dotted}."
    section = dotted.split(".", 1)[0]
    beside = [name for name in names.values() if name.name.startswith(f"{section}.")]
    if beside and not any(name.absences for name in beside):
        return f"No such name. There are: {', '.join(name.name for name in beside)}."
    near = _near(dotted, [name.name for name in beside]) or _near(dotted, names)
    meant = f" Did you mean {' or '.join(near)}?" if near else ""
    if beside:
        return f"No such question.{meant} (`crosscheck questions {section}` lists them)"
    return f"No such name.{meant} (`crosscheck questions` lists them)"


def _near(dotted: str, names: Iterable[str]) -> list[str]:
    """The names whose last part, after the section that many share, is nearest."""
    last_parts: dict[str, list[str]] = {}
    for name in names:
        last_parts.setdefault(name.rsplit(".", 1)[-1], []).append(name)
    close = difflib.get_close_matches(dotted.rsplit(".", 1)[-1], last_parts)
    return [name for last in close for name in last_parts[last]][:3]
