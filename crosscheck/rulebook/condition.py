"""What a rule expects, as a tree: its parts, and what each of them means of one case.

Its logic has three values, as Kleene's: what is unknown stays unknown unless the rest decides.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from crosscheck.cases.cases import Name


@dataclass(frozen=True)
class Fixed:
    """A value that stands in the rule itself; a level brings the levels of its question, in their order."""

    value: float | str | date
    levels: tuple[str, ...] = ()


@dataclass(frozen=True)
class Reference:
    """What a case holds under a name; unknown where it is absent."""

    name: Name


@dataclass(frozen=True)
class Arithmetic:
    """A calculation (`+ - * /`) with two numbers, of which one is no fixed one; a divisor holds no division.

    It is unknown where the outcome of any part of it is no finite number, as after x / 0.
    """

    sign: str
    left: Operand
    right: Operand


@dataclass(frozen=True)
class Step:
    """The place of an answer among the levels of its question, from 1, the worst; unknown where it is absent."""

    name: Name


@dataclass(frozen=True)
class Size:
    """A number without its sign; unknown where the number is."""

    part: Operand


@dataclass(frozen=True)
class Extreme:
    """The highest or the lowest of some numbers, of those that are there; unknown where none is."""

    highest: bool
    names: tuple[Name, ...]


@dataclass(frozen=True)
class Percentile:
    """Where a number stands among organisations of the same type, from 0 to 1; `text` is how the rule writes it.

    It is no column of a case but is worked out over all of them before any rule is held against one
    (`context.with_context`); the same goes for `Total` and `Among`.
    """

    part: Operand
    text: str


@dataclass(frozen=True)
class Total:
    """The sum of a number over the organisations of one relation, of those that gave it; unknown where none did.

    `keys` are the names that `same(…)` compares; empty for any other relation.
    """

    relation: str
    part: Operand
    text: str
    keys: tuple[Name, ...] = ()


@dataclass(frozen=True)
class Comparison:
    """Two values of one type, compared (`== != < <= > >=`); unknown where either is."""

    sign: str
    left: Operand
    right: Operand


@dataclass(frozen=True)
class Flag:
    """A name that itself holds or not."""

    name: Name


@dataclass(frozen=True)
class Absent:
    """Whether there is no value, for any reason or for this one only. It is never unknown."""

    name: Name
    only_not_applicable: bool


@dataclass(frozen=True)
class Multiple:
    """Whether a number is a whole multiple of another; unknown where the number is."""

    part: Operand
    of: float


@dataclass(frozen=True)
class Mention:
    """Whether a text holds one of some words, as whole words in small or capital letters; unknown without a text."""

    name: Name
    words: tuple[str, ...]


@dataclass(frozen=True)
class Match:
    """Whether a whole text has the form that a pattern describes (`text_pattern`); unknown without a text."""

    name: Name
    pattern: str


@dataclass(frozen=True)
class Not:
    """The contrary; unknown where the part is."""

    part: Condition


@dataclass(frozen=True)
class Junction:
    """Whether every part holds, or any; unknown unless the known parts decide."""

    every: bool
    parts: tuple[Condition, ...]


@dataclass(frozen=True)
class Tally:
    """How many of the parts hold, or which share of those that apply, compared with a limit.

    Unknown parts make the tally a range; the comparison is known where it comes out alike over the whole range. A share
    leaves out the parts that do not apply, and is unknown where none does.
    """

    share: bool
    parts: tuple[Condition, ...]
    sign: str
    limit: float


@dataclass(frozen=True)
class Among:
    """Of how many organisations of one relation the part holds, or of which share, compared with a limit.

    As with a tally, those of which it is unknown make a range, and those to which the part does not apply are left out.
    Where it applies to none, there is nothing to compare: it is unknown, and no answer could decide it. `text` is how
    the rule writes the part. `relation` is one of `vocabulary.RELATIONS`, or `same(…)` as the rule writes it: then
    `keys` are the names whose values an organisation shares with the others, and where one of them is absent nobody
    knows who the others are.
    """

    relation: str
    share: bool
    part: Condition
    sign: str
    limit: float
    text: str
    keys: tuple[Name, ...] = ()


@dataclass(frozen=True)
class Count:
    """How many of the parts hold: one side of a `CountComparison`."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True)
class CountAmong:
    """Of how many organisations of one relation the part holds: one side of a `CountComparison`; else as `Among`."""

    relation: str
    part: Condition
    text: str
    keys: tuple[Name, ...] = ()


@dataclass(frozen=True)
class CountComparison:
    """Two numbers of what holds, compared with each other.

    Unknown parts make a range of each; the comparison is known where it comes out alike wherever each lies in its own
    range. A part that is unknown on both sides is not followed from one to the other. Where one side counts
    organisations and its part applies to none of them, it is unknown.
    """

    sign: str
    left: Count | CountAmong
    right: Count | CountAmong


Operand = Fixed | Reference | Arithmetic | Step | Size | Extreme | Percentile | Total
Condition = Comparison | Flag | Absent | Multiple | Mention | Match | Not | Junction | Tally | Among | CountComparison
Node = Condition | Operand | Count | CountAmong


def is_same(relation: str) -> bool:
    """Whether a relation, as a rule writes it, is `same(…)`: the others that hold the same value."""
    return relation.startswith("same(")


def names_shared(relation: str) -> tuple[str, ...]:
    """The names whose values the others of `same(…)` share, from how a rule writes it; none of any other relation."""
    return tuple(relation.removeprefix("same(").removesuffix(")").split(", ")) if is_same(relation) else ()


def names_in(part: Node) -> tuple[Name, ...]:
    """The names that it speaks of, of its own case and of others', each once, in the order of the text."""
    return tuple(dict.fromkeys(name for node in nodes(part) for name in names_of(node)))


def nodes(part: Node) -> Iterator[Node]:
    """The part itself and everything that it is made of, from the top down and from left to right."""
    yield part
    for child in parts_of(part):
        yield from nodes(child)


def names_of(node: Node) -> tuple[Name, ...]:
    """The names that it speaks of itself, not through its parts."""
    match node:
        case Reference(name) | Flag(name) | Absent(name) | Step(name) | Mention(name) | Match(name):
            return (name,)
        case Extreme(_, names):
            return names
        case Among(keys=keys) | CountAmong(keys=keys) | Total(keys=keys):
            return keys
    return ()


def parts_of(node: Node) -> tuple[Node, ...]:
    """What it is made of, from left to right."""
    match node:
        case Arithmetic(_, left, right) | Comparison(_, left, right) | CountComparison(_, left, right):
            return (left, right)
        case Junction(_, parts) | Tally(_, parts) | Count(parts):
            return parts
        case Not(part) | Size(part) | Multiple(part) | Percentile(part) | Total(_, part) | Among(_, _, part):
            return (part,)
        case CountAmong(_, part):
            return (part,)
    return ()
