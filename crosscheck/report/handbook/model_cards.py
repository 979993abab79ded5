"""Model cards: what a model states, why, who approves it and what it is not for, from its files as they stand."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import tomli

from crosscheck.errors import ModelError
from crosscheck.model_versions import list_versions

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

CARD: Final = "card.md"
_HEADING: Final = ("name", "version", "standard", "made_on", "made_by", "fitted_to")
_WHY: Final = ("reason", "source", "innocent")  # entries that give reasons and are no choices themselves
_SECTION: Final = re.compile(r"^\[\[?(?P<name>.+?)\]\]?\s*(?:#\s*(?P<said>.*))?$")
_ENTRY: Final = re.compile(r'^(?P<key>"[^"]*"|[\w\-]+)\s*=\s*(?P<value>(?:"[^"]*"|[^"#])*?)\s*(?:#\s*(?P<said>.*))?$')


@dataclass(frozen=True)
class Choice:
    """What one section of a model file states: its entries as they are written, and why."""

    section: str
    stated: tuple[tuple[str, str], ...]
    why: tuple[str, ...]


@dataclass(frozen=True)
class Version:
    """One version of a model: what the file says of itself, its digest, and every choice in it."""

    heading: Mapping[str, object]
    purpose: str
    digest: str
    choices: tuple[Choice, ...]

    @property
    def name(self) -> str:
        """The version, as `v1`."""
        return str(self.heading["version"])


@dataclass(frozen=True)
class Card:
    """One model: what it is for and not for (`words`, Markdown), and its versions, the newest first."""

    name: str
    words: str
    versions: tuple[Version, ...]


def read_cards(folder: Path) -> tuple[Card, ...]:
    """Read the cards of all models of a standard, in alphabetical order.

    Raises:
        ModelError: a model without a card; all of them are named.
    """
    models = sorted(model for model in folder.iterdir() if model.is_dir())
    if bare := [model for model in models if not (model / CARD).is_file()]:
        raise ModelError(
            f"{model / CARD}: is missing. Say what the model is for, not for, and its limits." for model in bare
        )
    return tuple(_card(model) for model in models)


def _card(folder: Path) -> Card:
    files = reversed(list_versions(folder))
    return Card(folder.name, (folder / CARD).read_text(encoding="utf-8"), tuple(_version(file) for file in files))


def _version(file: Path) -> Version:
    content = file.read_bytes()
    heading, *choices = _choices(content.decode())
    stated = tomli.loads(content.decode())
    rest = tuple((key, value) for key, value in heading.stated if key not in _HEADING)
    general = (Choice("", rest, ()),) if rest else ()
    return Version(
        heading={key: stated[key] for key in _HEADING},
        purpose=" ".join(heading.why),
        digest=hashlib.sha256(content).hexdigest(),
        choices=(*general, *choices),
    )


def _choices(text: str) -> Iterator[Choice]:
    """The sections of a file in their order, the first being what stands before any heading."""
    section, stated, why, above = "", [], [], []  # type: tuple[str, list[tuple[str, str]], list[str], list[str]]
    for line in text.splitlines():
        # Read by lines and not as TOML: the reasons stand in comments, which a parser drops.
        if line.startswith("#"):
            above.append(line.removeprefix("#").strip())
        elif found := _SECTION.match(line):
            yield Choice(section, tuple(stated), tuple(why))
            section, stated, why = (
                found["name"].replace('"', ""),
                [],
                [*_paragraph(above), *filter(None, [found["said"]])],
            )
            above = []
        elif found := _ENTRY.match(line):
            reasons = [*_paragraph(above), *filter(None, [found["said"]])]
            key, value, above = found["key"].strip('"'), found["value"].strip('"'), []
            if key in _WHY:
                why.append(value)
            else:
                stated.append((key, value))
                why += [f"{key}: {reason}" if section else reason for reason in reasons]
    yield Choice(section, tuple(stated), tuple(why))


def _paragraph(lines: list[str]) -> list[str]:
    return [" ".join(lines)] if lines else []
