"""Numbers that a model file may state: at its limit one is read, and one beyond is refused by its name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import pytest
from pydantic import ValidationError

from crosscheck.model_file import Heading


class Limits(NamedTuple):
    """Of one number, by its place in the file: what may and what may not stand there."""

    place: str
    allowed: Sequence[object]
    refused: Sequence[object]


def hold_to(model: Heading, limits: Limits) -> None:
    """Each allowed number is read as it is stated, each other is refused, and the message names the place."""
    for value in limits.allowed:
        assert _at(_with(model, limits.place, value).model_dump(), limits.place) == value
    for value in limits.refused:
        with pytest.raises(ValidationError) as refusal:
            _with(model, limits.place, value)
        assert [".".join(map(str, problem["loc"])) for problem in refusal.value.errors()] == [limits.place]


def _with(model: Heading, place: str, value: object) -> Heading:
    stated = model.model_dump()
    *path, name = place.split(".")
    _at(stated, ".".join(path))[name] = value
    return type(model).model_validate(stated)


def _at(stated: Any, place: str) -> Any:
    for part in place.split(".") if place else ():
        stated = stated[part]
    return stated
