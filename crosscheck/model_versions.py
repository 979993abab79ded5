"""The versions of a model, and which of them were released: a released file never changes.

`models/released.sha256` has the SHA-256 of each released file, in the form that `sha256sum --check` reads. A version
that is not in it is a draft: it can be used, and changed until it is released.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from crosscheck.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date
    from pathlib import Path

RELEASED: Final = "released.sha256"

# What `made_by` says of a new version until somebody has said who made it.
DRAFT: Final = "NOT RELEASED"

_LINE: Final = re.compile(r"(?P<digest>[0-9a-f]{64})  (?P<file>\S+)")


@dataclass(frozen=True)
class Version:
    """One version of a model, and how it stands: `released`, `draft`, or `edited` after it was released."""

    model: str
    version: str
    state: str


def list_versions(folder: Path) -> list[Path]:
    """The files of a model's versions, the oldest first."""
    return sorted(folder.glob("v*.toml"), key=_number)


def next_version(folder: Path) -> str:
    """The name of the version after the newest."""
    return f"v{max(map(_number, list_versions(folder)), default=0) + 1}"


def read_released(models: Path) -> dict[str, str]:
    """The SHA-256 of each released file, by its path under the folder of models; none where nothing was released.

    Raises:
        ModelError: with every line that names no file and digest.
    """
    file = models / RELEASED
    lines = enumerate(_read_lines(file), start=1)
    found = {number: _LINE.fullmatch(line) for number, line in lines if not line.startswith("#")}
    if wrong := [number for number, line in found.items() if line is None]:
        raise ModelError(f"{file}, row {row}: is no digest with a file, as sha256sum writes them." for row in wrong)
    return {line["file"]: line["digest"] for line in found.values() if line}


def refuse_edited(models: Path) -> None:
    """Stop if a released file is no longer what was released. One that is not there any more is no matter.

    Raises:
        ModelError: with every such file, and the command that keeps the change as the next version.
    """
    edited = [file for file, state in _states(models, read_released(models)).items() if state == "edited"]
    if edited:
        raise ModelError(
            f"{models / file}: was edited after it was released, and a released version never changes. Keep the edit "
            f"as the next version: crosscheck models new {file.split('/')[1]}. Then put the released file back: "
            f"git checkout -- {models / file}"
            for file in edited
        )


def list_drafts(models: Path, used: Mapping[str, str]) -> list[str]:
    """Of files that are used, those that were never released.

    Args:
        models: the folder of all models; where it lists no released file at all, nothing is known of any.
        used: the SHA-256 of each file, by its path under that folder.
    """
    released = read_released(models)
    return [name for name, digest in used.items() if released and released.get(name) != digest]


def describe_versions(models: Path, standard: str) -> list[Version]:
    """Every version of every model of a standard, by name, the oldest version first."""
    released = read_released(models)
    states = _states(models, released)
    files = [file for folder in sorted((models / standard).iterdir()) for file in list_versions(folder)]
    named = [file.relative_to(models).as_posix() for file in files]
    return [
        Version(file.parent.name, file.stem, states.get(name, "draft")) for file, name in zip(files, named, strict=True)
    ]


def make_version(folder: Path, day: date) -> Path:
    """Copy the newest version of a model under the next number, as a draft; the newest is copied as it stands now.

    Raises:
        ModelError: there is no such model, or its newest version is a draft that awaits its release.
    """
    versions, models = list_versions(folder), folder.parent.parent
    if not versions:
        raise ModelError(f"{folder}: there is no such model.")
    newest, file = versions[-1], folder / f"{next_version(folder)}.toml"
    if newest.relative_to(models).as_posix() not in read_released(models):
        raise ModelError(
            f"{newest}: is not released yet. Go on with it, or release it first: crosscheck models release "
            f"{folder.name} {newest.stem}"
        )
    heading = {
        "version": f'"{file.stem}"',
        "made_on": day.isoformat(),
        "made_by": f'"{DRAFT}: a copy of {newest.stem}; say here who made this version, and why"',
    }
    file.write_text(_with_heading(newest.read_text(encoding="utf-8"), heading), encoding="utf-8")
    return file


def release_version(file: Path, stated: Mapping[str, object]) -> None:
    """Note the digest of a version, so that it can't be changed unnoticed from now on.

    Args:
        file: the version.
        stated: what the file says of itself; it has been read without a problem.

    Raises:
        ModelError: it is released already, states another version, or does not say who made it.
    """
    models = file.parent.parent.parent
    name, released = file.relative_to(models).as_posix(), read_released(models)
    wrong = []
    if name in released:
        wrong.append(f"{file}: is released already.")
    if stated.get("version") != file.stem:
        wrong.append(f"{file}, version: states {stated.get('version')}. Write {file.stem}.")
    if str(stated.get("made_by")).startswith(DRAFT):
        wrong.append(f"{file}, made_by: does not say yet who made this version, and why.")
    if wrong:
        raise ModelError(wrong)
    comments = [line for line in _read_lines(models / RELEASED) if line.startswith("#")]
    listed = sorted((released | {name: _digest(file)}).items())
    lines = [*comments, *(f"{digest}  {of}" for of, digest in listed)]
    (models / RELEASED).write_text("\n".join(lines) + "\n", encoding="utf-8")


def _with_heading(text: str, heading: Mapping[str, str]) -> str:
    """A model file with other entries at its top; every other line as it stood."""
    lines = text.splitlines()
    for name, value in heading.items():
        at = next(place for place, line in enumerate(lines) if re.match(rf"{name} *=", line))
        lines[at] = f"{name} = {value}"
    return "\n".join(lines) + "\n"


def _states(models: Path, released: Mapping[str, str]) -> dict[str, str]:
    """`released` or `edited` for each released file that is there."""
    there = {name: digest for name, digest in released.items() if (models / name).is_file()}
    return {name: "released" if _digest(models / name) == digest else "edited" for name, digest in there.items()}


def _read_lines(file: Path) -> list[str]:
    """The lines of the list, comments among them; none where nothing was released."""
    return file.read_text(encoding="utf-8").splitlines() if file.is_file() else []


def _number(file: Path) -> int:
    return int(re.sub(r"\D", "", file.stem) or 0)


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
