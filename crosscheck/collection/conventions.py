"""Conventions of a standard: the shape of its codes, its open vocabularies, and the figures that its model names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from crosscheck import settings
from crosscheck.errors import ModelError
from crosscheck.figures.kinds import PERCENTAGES
from crosscheck.standard_file import read_standard_file
from crosscheck.toml_file import NotTomlError, parse_toml

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from crosscheck.standard_file import Shape


@dataclass(frozen=True)
class Figure:
    """What the model states of a figure: direction, whether it is a percentage, and grades (none if it has none)."""

    direction: str
    is_percentage: bool
    scale: frozenset[float]


@dataclass(frozen=True)
class Conventions:
    """How a collection on one standard is read.

    `codes` and `standards` are the shapes of codes; `open` names columns by table whose words nobody lists; `figures`
    are those that the newest model of indicators names, by source and indicator.
    """

    codes: Shape
    standards: Shape
    open: Mapping[str, tuple[str, ...]]
    figures: Mapping[tuple[str, str], Figure]


def read_conventions(standard: str | None) -> Conventions:
    """Read the conventions of a standard; of the first that there are rules for, if none is given.

    Raises:
        ModelError: a file is missing or malformed.
    """
    name = standard or settings.standards()[0]
    stated = read_standard_file(name)
    figures = _read(settings.model_file(name, "indicators")).get("figures", {})
    return Conventions(stated.codes, stated.standards, stated.open, _figures(figures))


def _figures(stated: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> dict[tuple[str, str], Figure]:
    return {
        (source, name): Figure(
            str(figure.get("direction", "none")),
            figure.get("kind") in PERCENTAGES,
            frozenset(map(float, figure.get("scale", ()))),
        )
        for source, figures in stated.items()
        for name, figure in figures.items()
    }


def _read(file: Path) -> dict[str, Any]:
    if not file.is_file():
        raise ModelError(f"{file}: there is no such file. Each standard needs one at this place.")
    try:
        return parse_toml(file.read_bytes())
    except NotTomlError as error:
        raise ModelError(f"{file}: {error}") from error
