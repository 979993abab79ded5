"""Reads the rule files of a standard and checks everything in them."""

from __future__ import annotations

import difflib
import hashlib
import re
import tomllib
from datetime import date, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Final, get_args

from crosscheck.errors import RulebookError
from crosscheck.rulebook.expression import ExpressionError, parse, unknown_name
from crosscheck.rulebook.rule import PLACEHOLDER, AppliesTo, Example, Given, Kind, Rule, Rulebook, Strength
from crosscheck.vocabulary import FUNCTIONS, ORG_TYPES, SEVERITIES, STATUSES, VERDICTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from crosscheck.cases import Name
    from crosscheck.rulebook.condition import Condition

    Problem = tuple[tuple[str, ...], str]
    Reader = Callable[[Any, Mapping[str, Name]], Any]

_SHOWN_BY_EXAMPLES: Final = ("agrees", "differs", "cannot_tell")
_REVIEW: Final = re.compile(r"review\d\.")


class _WrongError(ValueError):
    """What is wrong: messages, each with the keys that lead to its place."""

    def __init__(self, *problems: Problem) -> None:
        self.problems = problems
        super().__init__(problems)


def load_rulebook(folder: Path, names: Mapping[str, Name]) -> Rulebook:
    """Read every rule file of a standard.

    Args:
        folder: the standard's folder, as `rules/<standard>`, with one folder a section and one TOML file a rule.
        names: everything that rules may speak of (`cases.catalogue`).

    Returns:
        The rules in the order of their files.

    Raises:
        RulebookError: with everything that is wrong in any file, at once; also where there is no rule.
    """
    contents = {file: file.read_bytes() for file in sorted(folder.rglob("*.toml"), key=lambda file: file.as_posix())}
    if not contents:
        raise RulebookError(f"{folder}: there is no rule here. Each rule is a file <section>/<ID>.toml in this folder.")
    reads = {
        _place(file, folder): partial(_read_rule, file, content, folder, names) for file, content in contents.items()
    }
    try:
        rules: list[Rule] = list(_read_all(reads, _given_twice(contents, folder)).values())
    except _WrongError as wrong:
        raise RulebookError(_told(*problem) for problem in wrong.problems) from wrong
    return Rulebook({rule.id: rule for rule in rules}, _digest(contents, folder))


def _digest(contents: Mapping[Path, bytes], folder: Path) -> str:
    digest = hashlib.sha256()
    for file, content in contents.items():
        digest.update(file.relative_to(folder).as_posix().encode() + b"\0" + hashlib.sha256(content).digest())
    return digest.hexdigest()


def _place(file: Path, folder: Path) -> str:
    """The file as people speak of it: from the folder of all rules on."""
    return file.resolve().relative_to(folder.resolve().parent.parent).as_posix()


def _told(path: tuple[str, ...], message: str) -> str:
    return f"{', '.join(path)}:{chr(10) if message.startswith(' ') else ' '}{message}"


def _given_twice(files: Iterable[Path], folder: Path) -> Iterator[Problem]:
    """Identifiers that two files bear; that each is its file's name is looked at in the file."""
    first: dict[str, Path] = {}
    for file in files:
        if first.setdefault(file.stem, file) != file:
            yield (_place(file, folder), "id"), f"{_place(first[file.stem], folder)} bears this identifier already."


def _read_rule(file: Path, content: bytes, folder: Path, names: Mapping[str, Name]) -> Rule:
    try:
        stated = tomllib.loads(content.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise _WrongError(((), f"This can't be read as TOML: {error}.")) from error
    read = _read_table(stated, _RULE, names, _misplaced(stated, file, folder, names))
    return Rule(
        **{key: read[key] for key in read if key not in {"only_if", "expects", "says", "threshold", "example"}},
        only_if=stated.get("only_if", ""),
        premise=read.get("only_if"),
        expects=stated["expects"],
        condition=read["expects"],
        says=stated["says"],
        said=read["says"],
        threshold=read.get("threshold", ""),
        examples=read["example"],
        file=file,
    )


def _misplaced(stated: Mapping[str, object], file: Path, folder: Path, names: Mapping[str, Name]) -> Iterator[Problem]:
    if stated.get("id", file.stem) != file.stem:
        yield ("id",), f"The identifier must be the name of the file: {file.stem}."
    standard = folder.resolve().name.upper()
    if not re.fullmatch(rf"{re.escape(standard)}-[A-Z]+-\d\d+", file.stem):
        yield (), f"The file's name must be {standard}-<SECTION>-<number>, as in {standard}-HR-01.toml."
    sections = sorted({_REVIEW.sub("", name).split(".", 1)[0] for name in names})
    if file.parent.parent != folder or file.parent.name not in sections:
        yield (), f"A rule lies in the folder of its section. Sections are: {', '.join(sections)}."


def _read_all(reads: Mapping[str, Callable[[], Any]], others: Iterable[Problem] = ()) -> dict[str, Any]:
    """Read everything; what is wrong anywhere is raised together, each under its key."""
    problems = [*others]
    read: dict[str, Any] = {}
    for key, reader in reads.items():
        try:
            read[key] = reader()
        except _WrongError as wrong:
            problems += (((key, *path), message) for path, message in wrong.problems)
    if problems:
        raise _WrongError(*problems)
    return read


def _read_table(
    stated: object, readers: Mapping[str, Reader], names: Mapping[str, Name], others: Iterable[Problem] = ()
) -> dict[str, Any]:
    if not isinstance(stated, dict):
        raise _WrongError(((), f"{stated!r} is no table. Its entries are: {', '.join(readers)}."))
    unknown = [((key,), _no_key(key, readers)) for key in stated if key not in readers]
    missing = [((key,), "This entry is missing.") for key in readers if key not in stated and key not in _OPTIONAL]
    known = {key: partial(reader, stated[key], names) for key, reader in readers.items() if key in stated}
    return _read_all(known, (*others, *unknown, *missing))


def _no_key(key: str, known: Mapping[str, Reader]) -> str:
    near = difflib.get_close_matches(key, known, n=1)
    return f"There is no such entry.{f' Did you mean {near[0]}?' if near else ''} There are: {', '.join(known)}."


def _text(value: object, _: Mapping[str, Name]) -> str:
    if not isinstance(value, str) or not value.strip():
        raise _WrongError(((), f"{value!r} is no text. Write some words between quotation marks."))
    return value


def _texts(value: object, names: Mapping[str, Name]) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise _WrongError(((), f'{value!r} is no list. Write it as in ["one", "another"].'))
    return tuple(_text(item, names) for item in value)


def _some_texts(value: object, names: Mapping[str, Name]) -> tuple[str, ...]:
    texts = _texts(value, names)
    if not texts:
        raise _WrongError(((), "At least one is needed."))
    return texts


def _one_of(allowed: tuple[str, ...]) -> Reader:
    def read(value: object, _: Mapping[str, Name]) -> object:
        if value not in allowed:
            raise _WrongError(((), f"{value!r} is not allowed. Allowed are: {', '.join(allowed)}."))
        return value

    return read


def _some_of(allowed: tuple[str, ...]) -> Reader:
    def read(value: object, names: Mapping[str, Name]) -> tuple[object, ...]:
        return tuple(_one_of(allowed)(item, names) for item in _some_texts(value, names))

    return read


def _services(value: object, names: Mapping[str, Name]) -> tuple[object, ...]:
    known = tuple(name.removeprefix("service.") for name in names if name.startswith("service."))
    return tuple(_one_of(known)(item, names) for item in _some_texts(value, names))


def _day(value: object, _: Mapping[str, Name]) -> date:
    if not isinstance(value, date) or isinstance(value, datetime):
        raise _WrongError(((), f"{value!r} is no date. Write it without quotation marks, as in 2026-11-22."))
    return value


def _applies_to(value: object, names: Mapping[str, Name]) -> AppliesTo:
    return AppliesTo(**_read_table(value, _APPLIES_TO, names))


def _condition(value: object, names: Mapping[str, Name]) -> Condition:
    try:
        return parse(_text(value, names), names)
    except ExpressionError as error:
        raise _WrongError(*(((), problem) for problem in error.problems)) from error


def _said(value: object, names: Mapping[str, Name]) -> tuple[Name, ...]:
    text = _text(value, names)
    said = PLACEHOLDER.findall(text)
    if unknown := [name for name in said if name not in names]:
        raise _WrongError(*(((), f"{{{name}}}: {unknown_name(name, names)}") for name in unknown))
    if re.search(r"[{}]", PLACEHOLDER.sub("", text)):
        raise _WrongError(((), "A brace has no partner. Braces stand around a name, as in {declared.status}."))
    return tuple(names[name] for name in said)


def _examples(value: object, names: Mapping[str, Name]) -> tuple[Example, ...]:
    if not isinstance(value, list):
        raise _WrongError(((), "Examples are tables. Write [[example]] above each."))
    shown = {stated.get("verdict") for stated in value if isinstance(stated, dict)}
    lacking = [verdict for verdict in _SHOWN_BY_EXAMPLES if verdict not in shown]
    others: list[Problem] = [((), f"One with the verdict {verdict} is needed.") for verdict in lacking]
    reads = {str(number): partial(_example, stated, names) for number, stated in enumerate(value, start=1)}
    return tuple(_read_all(reads, others).values())


def _example(value: object, names: Mapping[str, Name]) -> Example:
    return Example(**_read_table(value, _EXAMPLE, names))


def _given(value: object, names: Mapping[str, Name]) -> dict[str, Given]:
    if not isinstance(value, dict):
        raise _WrongError(((), f'{value!r} is no table. Write it as in {{ "declared.status" = "compliant" }}.'))
    return _read_all({name: partial(_given_value, name, stated, names) for name, stated in value.items()})


def _given_value(name: str, value: object, names: Mapping[str, Name]) -> Given:
    if name == "function":
        return str(_one_of(FUNCTIONS)(value, names))
    if isinstance(value, dict):
        raise _WrongError(((), "Put the whole name between quotation marks."))
    if name not in names:
        raise _WrongError(((), unknown_name(name, names)))
    known = names[name]
    if value == "not known" or (value == "n/a" and known.absences):
        return str(value)
    if known.levels:
        return str(_one_of(known.levels)(value, names))
    return _typed(known, value)


def _typed(name: Name, value: object) -> Given:
    match name.type, value:
        case ("flag", bool(known)) | ("text", str(known)) | ("date", date() as known):
            return known
        case "number", (int(number) | float(number)) if not isinstance(value, bool):
            return float(number)
    form = {"flag": "true or false", "date": "a date, as 2008-12-31", "number": "a number"}.get(name.type, "a text")
    absent = '"n/a" or "not known"' if name.absences else '"not known"'
    raise _WrongError(((), f"{value!r} does not suit. Write {form}, or {absent}."))


_OPTIONAL: Final = ("only_if", "threshold", "declared", "org_type", "function", "services")
_RULE: Final[dict[str, Reader]] = {
    "id": _text,
    "title": _text,
    "kind": _one_of(get_args(Kind)),
    "applies_to": _applies_to,
    "only_if": _condition,
    "expects": _condition,
    "severity": _one_of(SEVERITIES),
    "strength": _one_of(get_args(Strength)),
    "basis": _text,
    "source": _text,
    "says": _said,
    "innocent": _some_texts,
    "ask": _some_texts,
    "group": _text,
    "covers": _texts,
    "expectations": _texts,
    "threshold": _text,
    "checked_on": _day,
    "example": _examples,
}
_APPLIES_TO: Final[dict[str, Reader]] = {
    "declared": _some_of(STATUSES),
    "org_type": _some_of(ORG_TYPES),
    "function": _some_of(FUNCTIONS),
    "services": _services,
}
_EXAMPLE: Final[dict[str, Reader]] = {"name": _text, "given": _given, "verdict": _one_of(VERDICTS)}
