"""A small standard that works, to begin one's own from: files with the new standard's name put in."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

from crosscheck.errors import RunError, UnknownNameError

if TYPE_CHECKING:
    from datetime import date

_STARTER: Final = Path(__file__).resolve().parent / "starter"
_NAME: Final = re.compile(r"[A-Z][A-Z0-9]{1,11}")

# Where each part of the starter goes in a home (`settings.home`); what is of one standard is in a folder of its name.
_PLACES: Final = {"data": "data/{}", "rules": "rules/{}", "models": "models/{}", "collection": "collection"}
_OF_ALL_STANDARDS: Final = Path("models/plan.toml")


def write_new_standard(name: str, folder: Path, day: date) -> list[Path]:
    """Write a standard of five questions and three rules, its models, and a fictional collection of 24 organisations.

    Args:
        name: what it is called in tables; in the files it is in capitals.
        folder: becomes the home of the standard, with `rules/`, `models/` and `data/`, and beside them `collection/`.
        day: on which it is made, as the models and rules state it.

    Returns:
        The files written, in alphabetical order.

    Raises:
        UnknownNameError: the name can't be one of a standard.
        RunError: the folder is there and not empty; nothing in it is changed.
    """
    if not _NAME.fullmatch(name.upper()):
        raise UnknownNameError(
            f"{name}: can't be the name of a standard. Use 2 to 12 letters A to Z and digits, a letter first."
        )
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise RunError(f"{folder}: is there already, and nothing in it is overwritten. Name a new folder with --out.")
    return [_write(file, name.upper(), folder, day) for file in sorted(_STARTER.rglob("*")) if file.is_file()]


def _write(file: Path, name: str, folder: Path, day: date) -> Path:
    within = file.relative_to(_STARTER)
    part, *rest = within.parts
    place = within if within == _OF_ALL_STANDARDS else Path(_PLACES[part].format(name.lower()), *rest)
    text = file.read_text(encoding="utf-8").replace("{NAME}", name).replace("{DAY}", day.isoformat())
    target = folder / str(place).replace("{NAME}", name)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8")
    return target
