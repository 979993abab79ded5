"""The model of the figures: which way is worse, how each is compared and with whom, how much it bears on the standard.

It is read from `models/`; a figure's relevance is a judgement made before any data was looked at.
"""

from __future__ import annotations

import difflib
import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

from crosscheck.errors import ModelError
from crosscheck.figures.dispersion import Adjustment
from crosscheck.figures.kinds import KINDS
from crosscheck.toml_file import NotTomlError, parse_toml
from crosscheck.vocabulary import ORG_TYPES

if TYPE_CHECKING:
    from pathlib import Path

Direction = Literal["higher_better", "lower_better", "none"]
Relevance = Literal["high", "medium", "low", "none"]
PeersBy = Literal["org_type", "similar", "region"]
Scale = Literal["plain", "logarithm", "logit"]


@dataclass(frozen=True)
class Indicator:
    """One figure from another source.

    `kind` says how it is compared (`figures.kinds`), `direction` which way is worse, `relevance` how much it
    bears on the standard and `reason` why. `peers` says who is compared: organisations of one type, those of them that
    are most similar, or those of one region where each region's authority judges in its own way.
    `scale` gives the words of a grade, `sd_within` the spread among the people
    behind a mean.
    `valid_from` and `valid_until` bound the time in which the source meant by it what it means here.
    """

    source: str
    indicator: str
    label: str
    kind: str
    direction: Direction
    unit: str
    relevance: Relevance
    reason: str
    peers: PeersBy = "org_type"
    scale: Mapping[str, str] = field(default_factory=dict)
    sd_within: float | None = None
    valid_from: date | None = None
    valid_until: date | None = None

    @property
    def name(self) -> str:
        """Its name among all figures: `source.indicator`."""
        return f"{self.source}.{self.indicator}"


@dataclass(frozen=True)
class Peers:
    """With whom organisations are compared.

    `least` says how many peers are enough, `widen` through which groups of types the circle widens, in order, where
    they are not. `by` is who is compared on answers and on figures that do not say so themselves; where that is
    `similar`, an organisation is compared with the `neighbours` of its type that are nearest to it.
    """

    least: int
    widen: Mapping[str, tuple[str, ...]]
    by: PeersBy = "org_type"
    neighbours: int = 30


@dataclass(frozen=True)
class Range:
    """What can well be answered in one unit, from `low` to `high`, and on which scale answers are compared."""

    low: float
    high: float
    scale: Scale


@dataclass(frozen=True)
class Answers:
    """How a small type's answers are filled up (`scoring.shares`).

    `least` says how many answers are enough to compare with, `even` how many are spread evenly for every type, `ranges`
    by unit over which numbers.
    """

    least: float
    even: float
    ranges: Mapping[str, Range]


@dataclass(frozen=True)
class Pooling:
    """How scores are pooled: held between two limits, and weighed by `weights` (by relevance; 0 is left out)."""

    good_news_limit: float
    bad_news_limit: float
    weights: Mapping[str, float]


@dataclass(frozen=True)
class IndicatorModel:
    """All choices of one version.

    Attributes:
        winsorised: share of each end that is Winsorised to estimate dispersion.
        adjustment: how distances allow for over-dispersion.
        percent_floor: percentages without a denominator are held this far from 0 and from 100.
        sources: what each source is, in a sentence.
        indicators: by name, in the file's order.
        digest: SHA-256 of the file.
    """

    name: str
    version: str
    standard: str
    made_on: date
    made_by: str
    fitted_to: str
    winsorised: float
    adjustment: Adjustment
    percent_floor: float
    peers: Peers
    answers: Answers
    pooling: Pooling
    sources: Mapping[str, str]
    indicators: Mapping[str, Indicator]
    digest: str

    @property
    def source_names(self) -> Mapping[str, str]:
        """What each source is called: its sentence up to a year, or to where it begins to explain."""
        return {source: re.split(r"[,:]| \d{4}\b", text, maxsplit=1)[0] for source, text in self.sources.items()}

    @property
    def scales(self) -> Mapping[str, Mapping[str, str]]:
        """Of each figure that is a grade the words of its grades, the lowest first."""
        graded = {name: figure.scale for name, figure in self.indicators.items() if figure.scale}
        return {name: dict(sorted(scale.items(), key=lambda grade: float(grade[0]))) for name, scale in graded.items()}

    @property
    def names(self) -> tuple[str, ...]:
        """The names `source.indicator` of all figures, in the file's order."""
        return tuple(self.indicators)


@dataclass(frozen=True)
class _Key:
    """What may stand under a key of the file."""

    type: type
    allowed: tuple[str, ...] = ()
    required: bool = True
    low: float | None = None
    high: float | None = None


_Keys = Mapping[str, _Key]

_HEADING: Final[_Keys] = {
    "name": _Key(str),
    "version": _Key(str),
    "standard": _Key(str),
    "made_on": _Key(date),
    "made_by": _Key(str),
    "fitted_to": _Key(str),
    "dispersion": _Key(dict),
    "percentages": _Key(dict),
    "peers": _Key(dict),
    "answers": _Key(dict),
    "pooling": _Key(dict),
    "sources": _Key(dict),
    "figures": _Key(dict),
}
_DISPERSION: Final[_Keys] = {
    "winsorised": _Key(float, low=0, high=0.49),
    "adjustment": _Key(str, get_args(Adjustment)),
}
_PERCENTAGES: Final[_Keys] = {"floor": _Key(float, low=0.001, high=10)}
_PEERS: Final[_Keys] = {
    "least": _Key(int, low=3),
    "by": _Key(str, ("org_type", "similar")),
    "neighbours": _Key(int, low=3),
    "widen": _Key(dict),
}
_ANSWERS: Final[_Keys] = {
    "least": _Key(float, low=0.0),
    "even": _Key(float, low=0.1),
    "ranges": _Key(dict),
}
_RANGE: Final[_Keys] = {"low": _Key(float), "high": _Key(float), "scale": _Key(str, get_args(Scale))}
_POOLING: Final[_Keys] = {
    "good_news_limit": _Key(float, low=-10, high=0),
    "bad_news_limit": _Key(float, low=1, high=10),
    "weights": _Key(dict),
}
_WEIGHTS: Final[_Keys] = {name: _Key(float, low=0.0, high=1.0) for name in (*get_args(Relevance), "answer")}
_FIGURE: Final[_Keys] = {
    "label": _Key(str),
    "kind": _Key(str, tuple(KINDS)),
    "direction": _Key(str, get_args(Direction)),
    "unit": _Key(str),
    "relevance": _Key(str, get_args(Relevance)),
    "reason": _Key(str),
    "peers": _Key(str, get_args(PeersBy), required=False),
    "scale": _Key(dict, required=False),
    "sd_within": _Key(float, required=False, low=1e-6),
    "valid_from": _Key(date, required=False),
    "valid_until": _Key(date, required=False),
}
# The version from which on small types are filled up; what was written before is read by the programs of its day.
_FIRST_WITH_ANSWERS: Final = "v2"
_TYPE_WORDS: Final = {str: "text", float: "a number", int: "a whole number", date: "a date", dict: "a table"}


def read_indicator_model(file: Path) -> IndicatorModel:
    """Read a model of figures and peers.

    Raises:
        ModelError: with every unknown key, missing key and impossible value at once; of a version before v2, that it is
            one.
    """
    if not file.is_file():
        raise ModelError(f"{file}: there is no such model file.")
    content = file.read_bytes()
    try:
        stated = parse_toml(content)
    except NotTomlError as error:
        raise ModelError(f"{file}: {error}") from error
    if stated.get("version") == "v1" and "answers" not in stated:
        raise ModelError(
            f"{file}: version v1 compares answers with those of one type alone, which this program no longer does; use "
            f"{_FIRST_WITH_ANSWERS} or later, or the program of the run that used v1 (its manifest names the version)."
        )
    # All problems at once, before any value is used: whoever edits a model mends it in one go.
    if problems := list(_problems(stated)):
        raise ModelError(f"{file}, {problem}" for problem in problems)
    return _model(stated, hashlib.sha256(content).hexdigest())


def _model(stated: Mapping[str, Any], digest: str) -> IndicatorModel:
    peers = stated["peers"] | {"widen": {name: tuple(types) for name, types in stated["peers"]["widen"].items()}}
    ranges = {unit: Range(**entry) for unit, entry in stated["answers"]["ranges"].items()}
    indicators = [
        Indicator(source=source, indicator=indicator, **{"peers": peers["by"], **entry})
        for source, entries in stated["figures"].items()
        for indicator, entry in entries.items()
    ]
    return IndicatorModel(
        name=stated["name"],
        version=stated["version"],
        standard=stated["standard"],
        made_on=stated["made_on"],
        made_by=stated["made_by"],
        fitted_to=stated["fitted_to"],
        winsorised=stated["dispersion"]["winsorised"],
        adjustment=stated["dispersion"]["adjustment"],
        percent_floor=stated["percentages"]["floor"],
        peers=Peers(**peers),
        answers=Answers(**stated["answers"] | {"ranges": ranges}),
        pooling=Pooling(**stated["pooling"]),
        sources=stated["sources"],
        indicators={indicator.name: indicator for indicator in indicators},
        digest=digest,
    )


def _problems(stated: Mapping[str, Any]) -> Iterator[str]:
    yield from _key_problems("", stated, _HEADING)
    yield from _key_problems("dispersion", _table(stated, "dispersion"), _DISPERSION)
    yield from _key_problems("percentages", _table(stated, "percentages"), _PERCENTAGES)
    yield from _key_problems("peers", _table(stated, "peers"), _PEERS)
    yield from _key_problems("answers", _table(stated, "answers"), _ANSWERS)
    for unit, entry in _table(_table(stated, "answers"), "ranges").items():
        yield from _range_problems(f"answers.ranges.{unit}", entry)
    yield from _key_problems("pooling", _table(stated, "pooling"), _POOLING)
    yield from _key_problems("pooling.weights", _table(_table(stated, "pooling"), "weights"), _WEIGHTS)
    yield from _widening_problems(_table(_table(stated, "peers"), "widen"))
    yield from _source_problems(_table(stated, "sources"), _table(stated, "figures"))
    for source, entries in _table(stated, "figures").items():
        for indicator in entries if isinstance(entries, dict) else ():
            yield from _figure_problems(f"figures.{source}.{indicator}", _table(entries, indicator))


def _table(stated: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """The table under a key; empty where something else stands there, which `_key_problems` says."""
    found = stated.get(key)
    return found if isinstance(found, dict) else {}


def _key_problems(where: str, table: Mapping[str, Any], keys: _Keys) -> Iterator[str]:
    for name in sorted(table.keys() - keys.keys()):
        near = difflib.get_close_matches(name, keys, 1)
        meant = f"Did you mean {near[0]}?" if near else f"There are: {', '.join(keys)}."
        yield f"{_path(where, name)}: there is no such key. {meant}"
    for name, key in keys.items():
        if name in table:
            yield from _value_problems(_path(where, name), table[name], key)
        elif key.required:
            yield f"{_path(where, name)}: is missing. Write {_wanted(key)}."


def _value_problems(where: str, value: object, key: _Key) -> Iterator[str]:
    fits = isinstance(value, int | float) if key.type is float else isinstance(value, key.type)
    if not fits or isinstance(value, bool) or (key.allowed and value not in key.allowed):
        yield f"{where}: {value!r} can't stand here. Write {_wanted(key)}."
    elif isinstance(value, int | float) and not _between(value, key):
        yield f"{where}: {value!r} is out of range. Write {_wanted(key)}."
    elif value == "":
        yield f"{where}: is empty. Write {_wanted(key)}."


def _between(value: float, key: _Key) -> bool:
    return (key.low is None or value >= key.low) and (key.high is None or value <= key.high)


def _wanted(key: _Key) -> str:
    if key.allowed:
        return f"one of: {', '.join(key.allowed)}"
    least = f" from {key.low}" if key.low is not None else ""
    most = f" to {key.high}" if key.high is not None else ""
    return _TYPE_WORDS[key.type] + least + most


def _range_problems(where: str, entry: object) -> Iterator[str]:
    if not isinstance(entry, dict):
        yield f"{where}: {entry!r} can't stand here. Write {_wanted(_Key(dict))}."
        return
    yield from _key_problems(where, entry, _RANGE)
    low, high = entry.get("low"), entry.get("high")
    if isinstance(low, int | float) and isinstance(high, int | float) and low >= high:
        yield f"{where}.high: {high!r} is not above low. Write a higher number."


def _widening_problems(widen: Mapping[str, Any]) -> Iterator[str]:
    for group, members in widen.items():
        if not isinstance(members, list) or not members or not set(members) <= set(ORG_TYPES):
            yield f"peers.widen.{group}: {members!r} can't stand here. Write a list of: {', '.join(ORG_TYPES)}."
        if group in ORG_TYPES:
            yield f"peers.widen.{group}: is the name of a type, which is a group of its own. Write another name."


def _source_problems(sources: Mapping[str, Any], figures: Mapping[str, Any]) -> Iterator[str]:
    for source, meaning in sources.items():
        yield from _value_problems(f"sources.{source}", meaning, _Key(str))
    for source, entries in figures.items():
        yield from _value_problems(f"figures.{source}", entries, _Key(dict))
        if source not in sources:
            yield f"sources.{source}: is missing, though figures of it are named. Write what the source is."


def _figure_problems(where: str, entry: Mapping[str, Any]) -> Iterator[str]:
    yield from _key_problems(where, entry, _FIGURE)
    for kind, key in (("ordinal", "scale"), ("mean", "sd_within")):
        if (entry.get("kind") == kind) != (key in entry):
            yield f"{where}.{key}: belongs to the kind {kind}, and to no other. Write it there, take it out elsewhere."
    for grade, words in _table(entry, "scale").items():
        if not grade.isdecimal() or not isinstance(words, str):
            yield f'{where}.scale.{grade}: can\'t stand here. Write a grade and its words, as in 1 = "inadequate".'
    if entry.get("direction") == "none" and entry.get("relevance") != "none":
        yield f"{where}.relevance: a figure of which neither end is worse is not scored. Write none."
    if str(entry.get("valid_from", "")) > str(entry.get("valid_until", "9999")):
        yield f"{where}.valid_until: is before valid_from. Write a later date."


def _path(where: str, name: str) -> str:
    return f"{where}.{name}" if where else name
