"""What a batch file asks for: many runs, by year and variant, each an item with a command of its own."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, Final

from pydantic import Field, StringConstraints, ValidationError

from crosscheck.errors import BatchError
from crosscheck.model_file import ModelPart
from crosscheck.toml_file import NotTomlError, parse_toml

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

_UNITS: Final = {"MB": 10**6, "GB": 10**9}

_YEAR: Final = r"^\d{4}/\d{2}$"
_NAME: Final = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"
_SIZE: Final = r"^\d+(\.\d+)? ?(MB|GB)$"
_FORMS: Final = {
    _YEAR: "Give a year as 2008/09",
    _NAME: "A name is of letters, digits, dots, dashes and underscores, since it names a folder",
    _SIZE: "Give memory as 2 GB or 800 MB",
}

Year = Annotated[str, StringConstraints(pattern=_YEAR)]
Name = Annotated[str, StringConstraints(pattern=_NAME)]
Size = Annotated[str, StringConstraints(pattern=_SIZE)]


class Options(ModelPart):
    """Options of `crosscheck run`; one that is not stated is as it is there."""

    capacity: Annotated[int, Field(ge=0)] | None = None
    random_share: Annotated[float, Field(ge=0, le=1)] | None = None
    seed: Annotated[int, Field(ge=0)] | None = None
    risk_model: str | None = None
    no_learn: bool | None = None
    screens: bool | None = None
    allow_polarity: str | None = None
    standard: str | None = None
    store: str | None = None
    pages: bool | None = None


class Variant(Options):
    """The same with other options."""

    name: Name


class Defaults(Options):
    """What holds for every run that does not say otherwise."""

    collection: str | None = None
    year: Year | None = None


class Asked(Defaults):
    """One run, or one for each of its years and variants; `sensitivity` also asks what its list hangs on."""

    name: Name
    years: tuple[Year, ...] = ()
    variants: tuple[Variant, ...] = ()
    sensitivity: bool = False


class BatchFile(ModelPart):
    """The whole file. Paths are taken from where it lies, so that a timer needs no working folder."""

    out: str = "runs"
    memory: Size | None = None
    defaults: Defaults = Defaults()
    run: tuple[Asked, ...] = ()


@dataclass(frozen=True)
class Item:
    """One thing to make.

    `arguments` are those of crosscheck; `out` is the folder of a run, or the file that gets what the command prints
    (`prints`). `size` is that of its collection in bytes. `store` is an address that may hold a password: it is handed
    over by the environment, since everybody on the machine may read the arguments of a process.
    """

    name: str
    out: Path
    arguments: tuple[str, ...]
    size: int
    prints: bool = False
    store: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Batch:
    """All items of a file, where they go, and the bytes of memory that they may take together (None: not stated)."""

    file: Path
    out: Path
    memory: int | None
    items: tuple[Item, ...]


def read_batch(file: Path, known: Sequence[str]) -> Batch:
    """Read a batch file.

    Args:
        file: TOML, as docs/batch.md has it.
        known: the options that `crosscheck run` has, as `--seed` and `--no-pages`.

    Raises:
        BatchError: with everything that is wrong in it, at once.
    """
    try:
        stated = BatchFile.model_validate(parse_toml(file.read_bytes()))
    except OSError as error:
        raise BatchError(
            f"{file}: can't be read ({error.strerror}). docs/batch-example.toml is one to copy."
        ) from error
    except NotTomlError as error:
        raise BatchError(f"{file}: {error}") from error
    except ValidationError as error:
        raise BatchError([_describe(file, problem) for problem in error.errors()]) from error
    home = file.resolve().parent
    out = (home / stated.out).resolve()
    items = [item for asked in stated.run for item in _items(asked, stated.defaults, (home, out), known)]
    if problems := list(_problems(file, items, known)):
        raise BatchError(problems)
    memory = None if stated.memory is None else parse_size(stated.memory)
    return Batch(file, out, memory, tuple(items))


def parse_size(size: str) -> int:
    """Bytes of `2 GB` or `800 MB`."""
    number, unit = size[:-2].strip(), size[-2:]
    return int(float(number) * _UNITS[unit])


def _items(asked: Asked, defaults: Defaults, places: tuple[Path, Path], known: Sequence[str]) -> Iterator[Item]:
    """The runs of one entry: one for each year and variant, and after each year's what the list hangs on."""
    home, out = places
    collection = home / (asked.collection or defaults.collection or "")
    year = asked.year or defaults.year or ""
    size = sum(one.stat().st_size for one in collection.rglob("*") if one.is_file()) if collection.is_dir() else 0
    # How much memory a run will take is reckoned from the size of its collection.
    size = size or (collection.stat().st_size if collection.is_file() else 0)
    for one in asked.years or (year,):
        place = [asked.name, *([one.replace("/", "-")] if asked.years else [])]
        about = (str(collection), "--year", one)
        for variant in asked.variants or (None,):
            name = "-".join([*place, *([variant.name] if variant else [])])
            merged = _merged(defaults, asked, variant)
            store = str(given) if (given := merged.pop("store", None)) is not None else None
            typed = ("run", *about, "--out", str(out / name), "--unless-same", *_as_options(merged, known))
            yield Item(name, out / name, typed, size, store=None if store is None else str(store))
        if asked.sensitivity:
            name = "-".join([*place, "sensitivity"])
            standard = _as_options({"standard": _merged(defaults, asked, None).get("standard")}, known)
            arguments = ("sensitivity", *about, "--format", "csv", *standard)
            yield Item(name, out / f"{name}.csv", arguments, size, prints=True)


def _merged(*levels: Options | None) -> dict[str, object]:
    """Options of all levels; what a later one states stands."""
    merged: dict[str, object] = {}
    for level in levels:
        if level:
            merged |= level.model_dump(include=set(Options.model_fields), exclude_none=True)
    return merged


def _as_options(options: dict[str, object], known: Sequence[str]) -> tuple[str, ...]:
    """As they are typed; a flag that is not wanted is left out, or typed as `--no-…` where there is such a one."""
    typed: list[str] = []
    for name, value in options.items():
        option, refused = f"--{name.replace('_', '-')}", f"--no-{name.replace('_', '-')}"
        if value is False:
            typed += [refused] if refused in known else []
        elif value is not None:
            typed += [option] if value is True else [option, str(value)]
    return tuple(typed)


def _problems(file: Path, items: Sequence[Item], known: Sequence[str]) -> Iterator[str]:
    seen: set[str] = set()
    if not items:
        yield f"{file}: asks for no run. Add one: [[run]] with a name (docs/batch-example.toml is one to copy)."
    for item in items:
        collection, year = item.arguments[1], item.arguments[3]
        if item.name in seen:
            yield f"{file}, run {item.name}: two runs would have this name and folder. Name one of them otherwise."
        seen.add(item.name)
        if not item.size:
            yield f"{file}, run {item.name}, collection: {collection} holds nothing. Name a folder or workbook."
        if not _is_year(year):
            yield f"{file}, run {item.name}, year: {year or 'none given'}. Give it as 2008/09, here or in [defaults]."
        for option in item.arguments:
            if item.arguments[0] == "run" and option.startswith("--") and option not in known:
                yield f"{file}, run {item.name}: `crosscheck run` has no {option} in this version. Leave it out."


def _is_year(year: str) -> bool:
    found = re.fullmatch(r"(\d{4})/(\d{2})", year)
    return bool(found) and (int(year[:4]) + 1) % 100 == int(year[5:])


def _describe(file: Path, problem: Any) -> str:
    """One problem of the file's shape: where, what, and the nearest key to one that there is not."""
    *_, last = problem["loc"]
    where = ".".join(f"{part + 1}" if isinstance(part, int) else str(part) for part in problem["loc"])
    message = f"{file}, {where}: {_FORMS.get(problem.get('ctx', {}).get('pattern'), problem['msg'])}."
    if problem["type"] != "extra_forbidden":
        return f"{message} It says {problem['input']!r}." if problem["type"] != "missing" else message
    fields = {**Asked.model_fields, **BatchFile.model_fields}
    close = difflib.get_close_matches(str(last), fields, n=1)
    return (
        f"{file}, {where}: there is no such key.{f' Did you mean {close[0]}?' if close else ''} Allowed: "
        + ", ".join(sorted(_fields_at(problem["loc"])))
    )


def _fields_at(place: Sequence[Any]) -> list[str]:
    """The keys that are allowed where a problem stands."""
    if "variants" in place:
        return list(Variant.model_fields)
    if place[0] == "run":
        return list(Asked.model_fields)
    return list(Defaults.model_fields if place[0] == "defaults" else BatchFile.model_fields)
