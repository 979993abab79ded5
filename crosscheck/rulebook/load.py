"""Reads the rule files of a standard and checks everything in them."""

from __future__ import annotations

import difflib
import hashlib
import re
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Final, get_args

from crosscheck.errors import RulebookError
from crosscheck.rulebook.expression import parse
from crosscheck.rulebook.kinds import unknown_name
from crosscheck.rulebook.rule import (
    PERCENTILE,
    PLACEHOLDER,
    SAME,
    AppliesTo,
    Example,
    Given,
    Kind,
    Rule,
    Rulebook,
    Strength,
    Threshold,
)
from crosscheck.rulebook.syntax_checks import ExpressionError
from crosscheck.toml_file import NotTomlError, parse_toml
from crosscheck.vocabulary import FUNCTIONS, ORG_TYPES, RELATIONS, SEVERITIES, STATUSES, VERDICTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from crosscheck.cases.cases import Name
    from crosscheck.rulebook.condition import Condition

    Problem = tuple[tuple[str, ...], str]
    Reader = Callable[[Any, Mapping[str, Name]], Any]

_NEEDS_EXAMPLE: Final = ("agrees", "differs", "cannot_tell")
_REVIEW: Final = re.compile(r"review\d\.")
_THRESHOLD: Final = re.compile(r"\bthreshold\.(\w+)")
# Entries whose name has changed. The former name is refused, so that all files of a standard use one.
_RENAMED: Final = {
    "own_choice": "threshold_rationale",
    "innocent": "explanations",
    "ask": "lines_of_enquiry",
    "says": "finding",
}
# What lies in a standard's folder beside the rules.
WAIVERS: Final = "waivers.toml"


class _WrongError(ValueError):
    """What is wrong: messages, each with the keys that lead to its place."""

    def __init__(self, *problems: Problem) -> None:
        self.problems = problems
        super().__init__(problems)


def load_rulebook(folder: Path, names: Mapping[str, Name], day: date = date.max) -> Rulebook:
    """Read every rule file of a standard.

    Args:
        folder: the standard's folder, as `rules/<standard>`, with one folder a section and one TOML file a rule.
        names: everything that rules may speak of (`cases.catalogue`).
        day: the day whose thresholds count; the newest if not given.

    Returns:
        The rules in the order of their files, without those that have no threshold for the day.

    Raises:
        RulebookError: with everything that is wrong in any file, at once; also where there is no rule.
    """
    folder = folder.resolve()
    files = sorted(folder.rglob("*.toml"), key=lambda file: file.as_posix())
    contents = {file: file.read_bytes() for file in files if file != folder / WAIVERS and file.is_file()}
    if not contents:
        raise RulebookError(f"{folder}: there is no rule here. Each rule is a file <section>/<ID>.toml in this folder.")
    sections = sorted({_REVIEW.sub("", name).split(".", 1)[0] for name in names})
    context = _Context(folder, sections, names, day)
    # Every file is read before the first complaint: whoever edits many rules sees all that is wrong at once.
    reads = {_place(file, folder): partial(_read_rule, file, content, context) for file, content in contents.items()}
    wrong_before = [*_duplicate_identifiers(contents, folder), *_misnamed(folder)]
    try:
        rules: list[Rule] = list(_read_all(reads, wrong_before).values())
    except _WrongError as wrong:
        raise RulebookError(_format_problem(*problem) for problem in wrong.problems) from wrong
    in_force = {rule.id: rule for rule in rules if _is_in_force(rule, day)}
    return Rulebook(in_force, _digest(contents, folder), tuple(rule.id for rule in rules if rule.id not in in_force))


@dataclass(frozen=True)
class _Context:
    """What every file of a standard is read against."""

    folder: Path
    sections: list[str]
    names: Mapping[str, Name]
    day: date


def _is_in_force(rule: Rule, day: date) -> bool:
    """Whether every threshold that it uses has an entry for the day."""
    there = {threshold.name for threshold in rule.thresholds if threshold.is_in_force(day)}
    return there >= set(_THRESHOLD.findall(f"{rule.only_if} {rule.expects}"))


def _digest(contents: Mapping[Path, bytes], folder: Path) -> str:
    digest = hashlib.sha256()
    for file, content in contents.items():
        digest.update(file.relative_to(folder).as_posix().encode() + b"\0" + hashlib.sha256(content).digest())
    return digest.hexdigest()


def _place(file: Path, folder: Path) -> str:
    """The file as people speak of it: from the folder of all rules on."""
    return file.relative_to(folder.parent.parent).as_posix()


def _format_problem(path: tuple[str, ...], message: str) -> str:
    return f"{', '.join(path)}:{chr(10) if message.startswith(' ') else ' '}{message}"


def _duplicate_identifiers(files: Iterable[Path], folder: Path) -> Iterator[Problem]:
    """Identifiers that two files bear; that each is its file's name is looked at in the file."""
    first: dict[str, Path] = {}
    for file in files:
        if first.setdefault(file.stem, file) != file:
            yield (_place(file, folder), "id"), f"{_place(first[file.stem], folder)} bears this identifier already."


def _misnamed(folder: Path) -> Iterator[Problem]:
    """What would be a rule by its name but for its ending, or is none: no rule is left out without a word."""
    for file in sorted(folder.rglob("*")):
        name = file.name.lower()
        if file.is_dir() and name.endswith(".toml"):
            yield (_place(file, folder),), "This is a folder and no rule. Give it a name that does not end in .toml."
        elif file.is_file() and ".toml" in name and not file.name.endswith(".toml") and not name.startswith("."):
            ending = file.name[name.index(".toml") :]
            yield (
                (_place(file, folder),),
                f"It was not read, since it ends in {ending}. Let it end in .toml, or move it.",
            )


def _read_rule(file: Path, content: bytes, context: _Context) -> Rule:
    try:
        table = parse_toml(content)
    except NotTomlError as error:
        raise _WrongError(((), f"This {error}")) from error
    condition = partial(_condition, thresholds=_thresholds_of_day(table.get("threshold"), context.day))
    readers = _RULE | {"only_if": condition, "expects": condition}
    wrong = (*_misplaced(table, file, context), *_renamed(table, content))
    table = {_RENAMED.get(key, key): value for key, value in table.items()}
    entries = {"threshold_rationale": "", "threshold": ()} | _read_table(table, readers, context.names, wrong)
    return Rule(
        **{
            key: entries[key] for key in entries if key not in {"only_if", "expects", "finding", "threshold", "example"}
        },
        only_if=table.get("only_if", ""),
        premise=entries.get("only_if"),
        expects=table["expects"],
        condition=entries["expects"],
        finding=table["finding"],
        finding_names=entries["finding"],
        thresholds=entries["threshold"],
        examples=entries["example"],
        file=file,
    )


def _thresholds_of_day(value: object, day: date) -> dict[str, float]:
    """The thresholds by name, as they are on the day; where there is none for the day, the first stands in."""
    chosen: dict[str, Threshold] = {}
    for threshold in _valid_thresholds(value):
        if threshold.is_in_force(day) or threshold.name not in chosen:
            chosen[threshold.name] = threshold
    return {name: threshold.value for name, threshold in chosen.items()}


def _valid_thresholds(value: object) -> tuple[Threshold, ...]:
    """The thresholds if nothing is wrong with them; what is wrong is said where they are read as part of the rule."""
    try:
        return () if value is None else _thresholds(value, {})
    except _WrongError:
        return ()


def _misplaced(table: Mapping[str, object], file: Path, context: _Context) -> Iterator[Problem]:
    if table.get("id", file.stem) != file.stem:
        yield ("id",), f"The identifier must be the name of the file: {file.stem}."
    standard = context.folder.name.upper()
    if not re.fullmatch(rf"{re.escape(standard)}-[A-Z]+-\d\d+", file.stem):
        yield (), f"The file's name must be {standard}-<SECTION>-<number>, as in {standard}-HR-01.toml."
    if file.parent.parent != context.folder or file.parent.name not in context.sections:
        yield (), f"A rule lies in the folder of its section. Sections are: {', '.join(context.sections)}."


def _renamed(table: Mapping[str, object], content: bytes) -> Iterator[Problem]:
    """Entries under the name that they had before, each with its line and its name of today."""
    lines = content.decode().splitlines()
    for key in (former for former in _RENAMED if former in table):
        entry = re.compile(rf"""\s*\[?["']?{key}\b""")
        number = next((at for at, line in enumerate(lines, start=1) if entry.match(line)), 1)
        yield (f"line {number}", key), f"This entry is now called {_RENAMED[key]}. Write {_RENAMED[key]} in its place."


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
    table: object, readers: Mapping[str, Reader], names: Mapping[str, Name], others: Iterable[Problem] = ()
) -> dict[str, Any]:
    if not isinstance(table, dict):
        raise _WrongError(((), f"{table!r} is no table. Its entries are: {', '.join(readers)}."))
    unknown = [((key,), _no_key(key, readers)) for key in table if key not in readers]
    missing = [((key,), "This entry is missing.") for key in readers if key not in table and key not in _OPTIONAL]
    reads = {key: partial(reader, table[key], names) for key, reader in readers.items() if key in table}
    return _read_all(reads, (*others, *unknown, *missing))


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


def _condition(value: object, names: Mapping[str, Name], *, thresholds: Mapping[str, float]) -> Condition:
    try:
        return parse(_text(value, names), names, thresholds)
    except ExpressionError as error:
        raise _WrongError(*(((), problem) for problem in error.problems)) from error


def _thresholds(value: object, names: Mapping[str, Name]) -> tuple[Threshold, ...]:
    if not isinstance(value, list):
        raise _WrongError(((), "Thresholds are tables. Write [[threshold]] above each."))
    reads = {str(number): partial(_threshold, entry, names) for number, entry in enumerate(value, start=1)}
    thresholds = tuple(_read_all(reads).values())
    overlapping = [
        ((later.name,), f"{later.since:%-d %B %Y} lies before the day on which the entry before it ends.")
        for at, later in enumerate(thresholds)
        for earlier in thresholds[:at]
        if earlier.name == later.name and (earlier.until is None or earlier.until >= later.since)
    ]
    if overlapping:
        raise _WrongError(*overlapping)
    return thresholds


def _threshold(value: object, names: Mapping[str, Name]) -> Threshold:
    read = _read_table(value, _THRESHOLD_ENTRY, names)
    if "until" in read and read["until"] < read["from"]:
        first, last = (f"{read[end]:%-d %B %Y}" for end in ("from", "until"))
        raise _WrongError((("until",), f"{last} lies before its first day, {first}."))
    return Threshold(read["name"], read["value"], read["from"], read.get("until"))


def _finding_names(value: object, names: Mapping[str, Name]) -> tuple[Name, ...]:
    text = _text(value, names)
    mentioned = PLACEHOLDER.findall(text)
    if unknown := [name for name in mentioned if name not in names]:
        raise _WrongError(*(((), f"{{{name}}}: {unknown_name(name, names)}") for name in unknown))
    if re.search(r"[{}]", PLACEHOLDER.sub("", text)):
        raise _WrongError(((), "A brace has no partner. Braces stand around a name, as in {declared.status}."))
    return tuple(names[name] for name in mentioned)


def _examples(value: object, names: Mapping[str, Name]) -> tuple[Example, ...]:
    if not isinstance(value, list):
        raise _WrongError(((), "Examples are tables. Write [[example]] above each."))
    verdicts = {str(entry.get("verdict")) for entry in value if isinstance(entry, dict)}
    lacking = [verdict for verdict in _NEEDS_EXAMPLE if verdict not in verdicts]
    others: list[Problem] = [((), f"One with the verdict {verdict} is needed.") for verdict in lacking]
    reads = {str(number): partial(_example, entry, names) for number, entry in enumerate(value, start=1)}
    return tuple(_read_all(reads, others).values())


def _example(value: object, names: Mapping[str, Name]) -> Example:
    read = _read_table(value, _EXAMPLE, names)
    others = {relation: read[relation] for relation in (*RELATIONS, SAME) if relation in read}
    return Example(read["name"], read["given"], others, read["verdict"])


def _others(value: object, names: Mapping[str, Name]) -> tuple[Mapping[str, Given], ...]:
    if not isinstance(value, list):
        raise _WrongError(((), 'Other organisations are a list, as in [ { "training.level1_pct" = 10 }, {} ].'))
    reads = {str(number): partial(_given, entry, names) for number, entry in enumerate(value, start=1)}
    return tuple(_read_all(reads).values())


def _given(value: object, names: Mapping[str, Name]) -> dict[str, Given]:
    if not isinstance(value, dict):
        raise _WrongError(((), f'{value!r} is no table. Write it as in {{ "declared.status" = "compliant" }}.'))
    return _read_all(
        {_in_full(name, names): partial(_given_value, name, entry, names) for name, entry in value.items()}
    )


def _in_full(name: str, names: Mapping[str, Name]) -> str:
    """The name of a case's column: an account of a review that two parties share is given as that of the first."""
    of_first = f"review1.{name.removeprefix('this_review.')}"
    return of_first if of_first in names else name


def _given_value(name: str, value: object, names: Mapping[str, Name]) -> Given:
    if name == "function":
        return str(_one_of(FUNCTIONS)(value, names))
    if isinstance(value, dict):
        raise _WrongError(((), "Put the whole name between quotation marks."))
    if name.startswith(PERCENTILE):
        return float(_number(value, names))
    if _in_full(name, names) not in names:
        raise _WrongError(((), unknown_name(name, names)))
    meaning = names[_in_full(name, names)]
    if value == "not known" or (value == "n/a" and meaning.absences):
        return str(value)
    if meaning.levels:
        return str(_one_of(meaning.levels)(value, names))
    return _typed(meaning, value)


def _number(value: object, _: Mapping[str, Name]) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise _WrongError(((), f"{value!r} is no number."))
    return float(value)


def _typed(name: Name, value: object) -> Given:
    match name.type, value:
        case ("flag", bool(known)) | ("text", str(known)) | ("date", date() as known):
            return known
        case "number", (int(number) | float(number)) if not isinstance(value, bool):
            return float(number)
    form = {"flag": "true or false", "date": "a date, as 2008-12-31", "number": "a number"}.get(name.type, "a text")
    absent = '"n/a" or "not known"' if name.absences else '"not known"'
    raise _WrongError(((), f"{value!r} does not suit. Write {form}, or {absent}."))


_OPTIONAL: Final = (
    "only_if", "threshold_rationale", "threshold", "declared", "org_type", "function", "services", "until", *RELATIONS,
    SAME,
)  # fmt: skip
_RULE: Final[dict[str, Reader]] = {
    "id": _text,
    "title": _text,
    "kind": _one_of(get_args(Kind)),
    "applies_to": _applies_to,
    "only_if": _text,
    "expects": _text,
    "severity": _one_of(SEVERITIES),
    "strength": _one_of(get_args(Strength)),
    "basis": _text,
    "source": _text,
    "finding": _finding_names,
    "explanations": _some_texts,
    "lines_of_enquiry": _some_texts,
    "group": _text,
    "covers": _texts,
    "expectations": _texts,
    "threshold_rationale": _text,
    "threshold": _thresholds,
    "checked_on": _day,
    "example": _examples,
}
_APPLIES_TO: Final[dict[str, Reader]] = {
    "declared": _some_of(STATUSES),
    "org_type": _some_of(ORG_TYPES),
    "function": _some_of(FUNCTIONS),
    "services": _services,
}
_THRESHOLD_ENTRY: Final[dict[str, Reader]] = {"name": _text, "value": _number, "from": _day, "until": _day}
_EXAMPLE: Final[dict[str, Reader]] = {
    "name": _text,
    "given": _given,
    **dict.fromkeys((*RELATIONS, SAME), _others),
    "verdict": _one_of(VERDICTS),
}
