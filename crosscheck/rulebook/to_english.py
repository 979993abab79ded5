"""A condition in plain words, as an assessor would read it out.

It says what the tree says and nothing more: that what is unknown stays unknown goes for every rule alike.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import date
from functools import cache, singledispatch
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from crosscheck.rulebook.condition import (
    Absent,
    Among,
    Arithmetic,
    Comparison,
    Condition,
    Count,
    CountAmong,
    CountComparison,
    Extreme,
    Fixed,
    Flag,
    Junction,
    Match,
    Mention,
    Multiple,
    Not,
    Operand,
    Percentile,
    Reference,
    Size,
    Step,
    Tally,
    Total,
    is_same,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from crosscheck.cases.cases import Name

# A question longer than this hides the sentence that it stands in; then the last part of its name stands for it.
_SHORT: Final = 60
_DESCRIPTIVE_SECTIONS: Final = ("comment", "declared", "organisation", "returned")
_SPELLING: Final = {
    "ae": "A&E", "crb": "CRB", "gbp": "in pounds", "gp": "GP", "gps": "GPs", "imr": "management review",
    "imrs": "management reviews", "lscb": "LSCB", "mmr": "MMR", "hes": "HES", "camhs": "CAMHS", "ofsted": "Ofsted",
    "january": "January", "pct": "primary care trust", "scr": "serious case review",
    "sha": "strategic health authority", "vs": "against", "wte": "in whole-time equivalents",
}  # fmt: skip
_REVIEWS: Final = {"review1": "first review", "review2": "second review"}

_YES_NO: Final = ("no", "yes")
_CONTRARY: Final = {"==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}
_MIRRORED: Final = str.maketrans("<>", "><")
_BY_VALUE: Final = {
    "==": "is", "!=": "is not", "<": "is below", "<=": "is at most", ">": "is above", ">=": "is at least",
}  # fmt: skip
_BY_LEVEL: Final = _BY_VALUE | {"<": "is less than", ">": "is more than"}
_BY_DAY: Final = _BY_VALUE | {"<": "is before", "<=": "is not after", ">": "is after", ">=": "is not before"}
_BY_LIKENESS: Final = _BY_VALUE | {"==": "is the same as", "!=": "is not the same as"}
_HOW_MUCH: Final = {
    "==": "exactly", "!=": "not exactly", "<": "less than", "<=": "at most", ">": "more than", ">=": "at least",
}  # fmt: skip
_AMONG_PEERS: Final = "among organisations of its type"
_ARITHMETIC: Final = {"+": "plus", "-": "minus", "*": "times", "/": "divided by"}

_OWNERS: Final = {
    "commissioner": "the commissioner's ", "provider": "the provider's ", "same_lscb": "the other member's ",
    "other_party": "the other party's ", "this_review": "its own ",
}  # fmt: skip
# One of them, as it comes after “each” and “no”, and many.
_OTHERS: Final[dict[str, tuple[str, str, str]]] = {
    "commissioner": ("its commissioner", "commissioner of its services", "its commissioners"),
    "provider": (
        "a provider that it commissions",
        "provider that it commissions",
        "the providers that it commissions",
    ),
    "same_lscb": (
        "another member of the same safeguarding board",
        "other member of the same safeguarding board",
        "the other members of the same safeguarding board",
    ),
    "other_party": (
        "the other party of the same case review",
        "other party of the same case review",
        "the other parties of the same case reviews",
    ),
}


@dataclass(frozen=True)
class EnglishCondition:
    """A condition in words. Where it joins several, `text` says how many of its `parts` are to hold."""

    text: str
    parts: tuple[EnglishCondition, ...] = ()

    def __str__(self) -> str:
        if not self.parts:
            return self.text
        return f"{self.text}: {'; '.join(f'({part})' if part.parts else str(part) for part in self.parts)}"


def to_english(condition: Condition) -> EnglishCondition:
    """The condition in words.

    `not` is worked into what it denies (as in “is not known”, or “neither”), which leaves the three values as they are.
    """
    # Negation goes inward first: “not (a or b)” in words would leave a reader to work out which is meant.
    match _push_negation_inward(condition):
        case Junction(_, parts) as junction:
            return _describe_value_list(junction) or EnglishCondition(
                _how_many_hold(junction), tuple(map(to_english, parts))
            )
        case Tally(share, parts, sign, limit):
            that_apply = " that apply" if share else ""
            how_many = _how_many(sign, limit, share=share)
            hold = "holds" if how_many.endswith(" 1") else "hold"
            return EnglishCondition(f"{how_many} of these{that_apply} {hold}", tuple(map(to_english, parts)))
        case Among() | CountComparison() as of_others:
            return _describe_among(of_others) if isinstance(of_others, Among) else _describe_counts(of_others)
        case Comparison() as comparison:
            return EnglishCondition(_describe_comparison(comparison))
        case Not(part):
            return EnglishCondition(_describe_leaf(part, holds=False))
        case simple:
            return EnglishCondition(_describe_leaf(simple, holds=True))


def full_label(name: Name) -> str:
    """Its name for people: its own words if they are short, a short question between quotation marks, else its name."""
    if name.absences and not name.relation and len(name.meaning) <= _SHORT:
        return f"“{name.meaning}”"
    return short_label(name)


def value_in_words(name: Name, value: float | str | date) -> str:
    """A value of it as people write it: levels without underscores, numbers with their unit, dates in full."""
    return _figure(value, name.unit, percentage=name.is_percentage)


@cache
def in_words(term: str) -> str:
    """A name of the code as people write it, for example `less_than_annual` or `lscb`.

    The unit at the end of a name is no part of what it is called: its value has the sign.
    """
    spaced = re.sub(r"(?<=[a-z])(?=\d)", " ", term.removesuffix("_pct").replace("_", " "))
    return " ".join(_SPELLING.get(word, word) for word in spaced.split(" "))


def _push_negation_inward(condition: Condition, *, holds: bool = True) -> Condition:
    """The same without `not` before anything that has a contrary of its own; unknown parts stay unknown either way."""
    match condition:
        case Not(part):
            return _push_negation_inward(part, holds=not holds)
        case Junction(every, parts):
            return Junction(every == holds, tuple(_push_negation_inward(part, holds=holds) for part in parts))
        case Comparison() | Tally() | Among() | CountComparison() if not holds:
            return replace(condition, sign=_CONTRARY[condition.sign])
    return condition if holds else Not(condition)


def _how_many_hold(junction: Junction) -> str:
    if len(junction.parts) == 2:
        return "both of these hold" if junction.every else "one of these holds, or both"
    return "all of these hold" if junction.every else "at least one of these holds"


def _how_many(sign: str, limit: float, *, share: bool) -> str:
    if share and limit == 1:
        return "all" if sign in {"==", ">="} else "not all"
    if share:
        return f"{_HOW_MUCH[sign]} {_number(limit * 100)}%"
    if (sign, limit) in {("<", 1), ("==", 0), ("<=", 0)}:
        return "none"
    how_much = "fewer than" if sign == "<" else _HOW_MUCH[sign]
    return f"{how_much} {_number(limit)}"


def _describe_among(among: Among) -> EnglishCondition:
    """Of how many others it holds. `all(x)` is read as a rule writes it, though the tree says `not any(not x)`."""
    any_other, each_other, others = _others(among)
    match among:
        case Among(_, False, Not(part), "<", 1):
            return _describe_others(f"for each {each_other}", part)
        case Among(_, False, part, "<", 1):
            return _describe_others(f"for no {each_other}", part)
        case Among(_, False, part, ">=", 1):
            return _describe_others(f"for {any_other}", part)
    how_many = _how_many(among.sign, among.limit, share=among.share)
    return _describe_others(f"for {how_many} of {others}", among.part)


def _others(node: Among | CountAmong | Total) -> tuple[str, str, str]:
    """One of the others, as it comes after “for” and after “each” and “no”, and all of them."""
    if not is_same(node.relation):
        return _OTHERS[node.relation]
    shared = f"with the same {_series(map(short_label, node.keys), 'and')}"
    return f"another organisation {shared}", f"other organisation {shared}", f"the other organisations {shared}"


def _describe_counts(comparison: CountComparison) -> EnglishCondition:
    text = f"the first of these two numbers {_BY_VALUE[comparison.sign]} the second"
    return EnglishCondition(text, (_describe_count(comparison.left), _describe_count(comparison.right)))


def _describe_count(side: Count | CountAmong) -> EnglishCondition:
    if isinstance(side, Count):
        return EnglishCondition("the number of these that hold", tuple(map(to_english, side.parts)))
    inner = to_english(side.part)
    return EnglishCondition(f"the number of {_others(side)[2]} where {inner.text}", inner.parts)


def _describe_others(whom: str, part: Condition) -> EnglishCondition:
    inner = to_english(part)
    return EnglishCondition(f"{whom}, {inner.text}", inner.parts)


def _describe_value_list(junction: Junction) -> EnglishCondition | None:
    """One of several values, or none of them, if that is all that the parts say."""
    pairs = [_one_value(part) for part in junction.parts]
    same = all(pair and following and pair[:2] == following[:2] for pair, following in pairwise(pairs))
    if not pairs[0] or not same or pairs[0][1] != ("!=" if junction.every else "=="):
        return None
    name, _, _ = pairs[0]
    given = [pair[2] for pair in pairs if pair]
    values = [_quoted(str(value)) if name.levels else value_in_words(name, value) for value in given]
    listed = f"none of {_series(values, 'and')}" if junction.every else _series(values, "or")
    return EnglishCondition(f"{full_label(name)} is {listed}")


def _one_value(condition: Condition) -> tuple[Name, str, float | str | date] | None:
    match condition:
        case Comparison(sign, Reference(name), Fixed(value)) | Comparison(sign, Fixed(value), Reference(name)):
            return name, sign, value
    return None


def _describe_comparison(comparison: Comparison) -> str:
    left, right, sign = comparison.left, comparison.right, comparison.sign
    if isinstance(left, Fixed):
        left, right, sign = right, left, sign.translate(_MIRRORED)
    match left, right:
        case Reference(name), Fixed(str(level), levels) if levels:
            return f"{full_label(name)} {_over_levels(sign, level, levels, ordered=name.type == 'ordinal')}"
        case _, Fixed(date() as day):
            return f"{_subject(left)} {_BY_DAY[sign]} {_figure(day)}"
        case Percentile(part), Fixed(float(value)):
            return f"the percentile of {_value(part)} {_AMONG_PEERS} {_BY_VALUE[sign]} {_number(value * 100)}"
        case _, Fixed(value):
            return f"{_subject(left)} {_BY_VALUE[sign]} {_figure(value, _unit(left), percentage=_is_percentage(left))}"
    return f"{_value(left)} {_BY_LIKENESS[sign]} {_value(right)}"


def _over_levels(sign: str, level: str, levels: tuple[str, ...], *, ordered: bool) -> str:
    """How an answer compares with a level, and which levels that leaves; a single one is simply named."""
    place = levels.index(level)
    left = {"==": levels[place : place + 1], "!=": (*levels[:place], *levels[place + 1 :]), "<": levels[:place],
            "<=": levels[: place + 1], ">": levels[place + 1 :], ">=": levels[place:]}[sign]  # fmt: skip
    if len(left) == 1:
        return f"is answered {left[0]}" if levels == _YES_NO else f"is {_quoted(left[0])}"
    verb = (_BY_LEVEL if ordered else _BY_VALUE)[sign]
    return f"{verb} {_quoted(level)}: {_series(map(_quoted, left), 'or')}"


def _quoted(level: str) -> str:
    return f"“{in_words(level)}”"


def _describe_leaf(condition: Condition, *, holds: bool) -> str:
    """A condition that is no comparison and joins nothing, or its contrary."""
    match condition:
        case Flag(name):
            return _describe_flag(name, holds=holds)
        case Absent(name, True):
            return f"{full_label(name)} {'is' if holds else 'is not'} “not applicable”"
        case Absent(name):
            known = "answered" if name.absences else "known"
            return f"{full_label(name)} {'is not' if holds else 'is'} {known}"
        case Multiple(part, of):
            return f"{_subject(part)} {'is' if holds else 'is not'} a whole multiple of {_number(of)}"
        case Mention(name, words):
            quoted = _series([f"“{word}”" for word in words], "or" if holds else "and")
            return f"{full_label(name)} mentions {'' if holds else 'none of '}{quoted}"
        case Match(name, pattern):
            return f"{full_label(name)} {'has' if holds else 'does not have'} the form {pattern}"
    raise NotImplementedError(condition)  # `to_english` says all that joins or compares


def _describe_flag(name: Name, *, holds: bool) -> str:
    last = name.name.rsplit(".", 1)[-1]
    if ".service." in f".{name.name}":
        return f"{_owner(name, 'its ')}services {'include' if holds else 'do not include'} {in_words(last)}"
    return f"{_owner(name, 'its ')}answer to “{name.meaning}” is {'yes' if holds else 'no'}"


def _subject(operand: Operand) -> str:
    """What a sentence is about: a name by itself may be written at length, one among others stays short."""
    return full_label(operand.name) if isinstance(operand, Reference) else _value(operand)


@singledispatch
def _value(operand: Operand) -> str:
    raise NotImplementedError(operand)  # each kind of value has its words below


@_value.register(Fixed)
def _(fixed: Fixed) -> str:
    return _figure(fixed.value)


@_value.register(Reference)
def _(reference: Reference) -> str:
    return short_label(reference.name)


@_value.register(Step)
def _(step: Step) -> str:
    return f"the place of {short_label(step.name)} among its answers (1 is the worst)"


@_value.register(Size)
def _(size: Size) -> str:
    match size.part:
        case Arithmetic("-", left, right):
            return f"the difference between {_value(left)} and {_value(right)}"
    return f"{_value(size.part)} (without its sign)"


@_value.register(Extreme)
def _(extreme: Extreme) -> str:
    return f"the {'highest' if extreme.highest else 'lowest'} of {_series(map(short_label, extreme.names), 'and')}"


@_value.register(Arithmetic)
def _(arithmetic: Arithmetic) -> str:
    return f"{_part(arithmetic.left)} {_ARITHMETIC[arithmetic.sign]} {_part(arithmetic.right)}"


@_value.register(Percentile)
def _(percentile: Percentile) -> str:
    return f"the percentile (0 to 1) of {_value(percentile.part)} {_AMONG_PEERS}"


@_value.register(Total)
def _(total: Total) -> str:
    return f"the sum of {_value(total.part)} over {_others(total)[2]}"


def _part(operand: Operand) -> str:
    return f"({_value(operand)})" if isinstance(operand, Arithmetic) else _value(operand)


def _unit(operand: Operand) -> str:
    """The unit that a value has as it stands; a product or a quotient has none of its parts'."""
    match operand:
        case Reference(name):
            return name.unit
        case Extreme(_, names):
            units = {name.unit for name in names}
            return units.pop() if len(units) == 1 else ""
    return ""


def _is_percentage(operand: Operand) -> bool:
    match operand:
        case Reference(name):
            return name.is_percentage
        case Extreme(_, names):
            return all(name.is_percentage for name in names)
        case Size(part) | Total(_, part):
            return _is_percentage(part)
        case Arithmetic("+" | "-", left, right):
            return _is_percentage(left) and _is_percentage(right)
    return False


def short_label(name: Name) -> str:
    """Its name inside a longer sentence."""
    _, section, last = f".{name.name}".rsplit(".", 2)
    if section in _DESCRIPTIVE_SECTIONS and not name.relation:
        return " ".join(_SPELLING.get(word, word) for word in name.meaning.replace("_", " ").split(" "))
    in_brackets = ", ".join(filter(None, (in_words(section), _review(name))))
    return f"{_owner(name, '')}{in_words(last)}{_in_brackets(in_brackets)}"


def _owner(name: Name, own: str) -> str:
    """Whose it is; `own` where it is the organisation's own."""
    return _OWNERS.get(name.relation, "the other's " if is_same(name.relation) else own)


def _review(name: Name) -> str:
    return _REVIEWS.get(name.name.split(".", 1)[0], "")


def _in_brackets(words: str) -> str:
    return f" ({words})" if words else ""


def _figure(value: float | str | date, unit: str = "", *, percentage: bool = False) -> str:
    match value:
        case date():
            return f"{value.day} {value:%B %Y}"
        case str():
            return in_words(value)
    if percentage:
        return f"{_number(value)}%{unit.removeprefix('percent')}"
    return _number(value) if value in {0, 1} else f"{_number(value)} {unit}".rstrip()


def _number(value: float) -> str:
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.6g}"


def _series(words: Iterable[str], last: str) -> str:
    *before, end = words
    return f"{', '.join(before)} {last} {end}" if before else end
