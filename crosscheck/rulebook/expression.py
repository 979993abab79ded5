"""The language in which a rule says what it expects: how a text becomes a condition.

It is a small part of the grammar of Python's expressions, typed against the names of a case. Python's own parser only
splits the text into its parts; every part that the language does not have is refused, and nothing is ever run as code.
"""

from __future__ import annotations

import ast
import difflib
import math
import re
from dataclasses import replace
from datetime import date
from itertools import pairwise
from typing import TYPE_CHECKING, Final, TypeGuard, TypeVar

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
    names_in,
)
from crosscheck.rulebook.kinds import EQUALITIES, described, kind_of, mismatch, unknown_name
from crosscheck.rulebook.syntax_checks import FUNCTIONS, LANGUAGE, ExpressionError, mark, split
from crosscheck.rulebook.text_pattern import PatternError, refuse_unclear_pattern
from crosscheck.vocabulary import RELATIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from crosscheck.cases.cases import Name

Read = TypeVar("Read")

LARGEST_NUMBER: Final = 10**15

_SIGNS: Final[dict[type, str]] = {
    ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=",
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/",
}  # fmt: skip
_MIRRORED: Final = str.maketrans("<>", "><")
_ONE_WAY: Final = ((ast.Lt, ast.LtE), (ast.Gt, ast.GtE))

_FOREIGN: Final = f"This is not part of the language. {LANGUAGE}"
_NO_CONDITION: Final = "Something that holds or not is needed here, such as a comparison."
_NO_VALUE: Final = "A condition can't be compared or calculated with. Join conditions with and, or, not."
_NOT_IN_PLACE: Final[dict[type, str]] = {
    ast.Constant: _NO_CONDITION,
    ast.BinOp: "There are four ways to calculate: + - * /.",
    ast.BoolOp: _NO_VALUE,
    ast.Compare: _NO_VALUE,
    ast.Tuple: "A list can stand only after `in`.",
}
_TALLIES: Final = ("count", "share")
# The case's own account of the review that `other_party` took part in.
_OWN_ACCOUNT: Final = "this_review"
# `same(x).…`: what the others with the same x hold.
_SAME: Final = "same"
_OTHERS: Final = ", ".join(f"{relation}.…" for relation in (*RELATIONS, f"{_SAME}(x)"))
_ONE_NAME: Final = "takes one name, and is itself a condition."
_CALL_NOT_IN_PLACE: Final = {
    "count": "count(…) gives a number, which can only be compared with a fixed one or with another count(…), as in "
    "count(…) >= 1.",
    "share": "share(…) gives a number, which can only be compared with a fixed one, as in share(…) >= 0.5.",
    "date": 'date(…) takes a text, as in date("2008-12-31"), and is compared with a date.',
    "absent": f"absent(…) {_ONE_NAME}",
    "is_not_applicable": f"is_not_applicable(…) {_ONE_NAME}",
    "mentions": 'mentions(…) takes a name of a text and words, as in mentions(declared.statement, "lapse").',
    "matches": 'matches(…) takes a name of a text and a pattern, as in matches(address.postcode, "[0-9]{5}").',
    "same": "same(x) stands before a name inside any(…), all(…), count(…), share(…) or sum(…), "
    "as in all(same(address.postcode).address.city == address.city).",
    "multiple": "multiple(…) takes a number and a fixed one, as in multiple(training.level1_pct, 10).",
    "any": f"any(…) takes one condition on other organisations ({_OTHERS}), and is itself a condition.",
    "all": f"all(…) takes one condition on other organisations ({_OTHERS}), and is itself a condition.",
    "sum": f"sum(…) takes one number of other organisations ({_OTHERS}).",
    "highest": "highest(…) takes names of numbers, at least two.",
    "lowest": "lowest(…) takes names of numbers, at least two.",
    "step": "step(…) takes the name of an answer whose levels have an order.",
    "abs": "abs(…) takes one number.",
    "peers.percentile": "peers.percentile(…) takes one number.",
}


def parse(text: str, names: Mapping[str, Name], thresholds: Mapping[str, float] | None = None) -> Condition:
    """Read a condition and check it against the names of a case.

    Args:
        text: the condition as written, on one line or several.
        names: everything that it may speak of.
        thresholds: the numbers that it may call `threshold.<name>`.

    Raises:
        ExpressionError: with every problem that can be told while the others stand.
    """
    settled = _Thresholds(text, thresholds or {})
    whole = settled.visit(split(text))
    if settled.problems:
        raise ExpressionError(settled.problems)
    return _Reader(text, names).condition(whole)


class _Thresholds(ast.NodeTransformer):
    """Puts the number in the place of each `threshold.<name>`."""

    def __init__(self, text: str, thresholds: Mapping[str, float]) -> None:
        self.text = text
        self.thresholds = thresholds
        self.problems: list[str] = []

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        """A name with a dot: a threshold of this rule, or left as it is."""
        match node:
            case ast.Attribute(ast.Name("threshold"), name) if name in self.thresholds:
                return ast.copy_location(ast.Constant(self.thresholds[name]), node)
            case ast.Attribute(ast.Name("threshold")):
                known = ", ".join(f"threshold.{name}" for name in self.thresholds) or "none"
                message = f"No such threshold. In this rule there are: {known}. State it under [[threshold]]."
                self.problems += mark(self.text, node, message).problems
        return node


class _Reader:
    """Turns the parts of one text into a condition, and says where a part is wrong.

    `relation` is set for a part about other organisations, as the rule writes it: then their names may be used.
    """

    def __init__(self, text: str, names: Mapping[str, Name], relation: str | None = None) -> None:
        self.text = text
        self.names = names
        self.relation = relation

    def condition(self, node: ast.expr) -> Condition:
        """A part that holds or not."""
        match node:
            case ast.BoolOp(op, values):
                return Junction(isinstance(op, ast.And), _each(self.condition, values))
            case ast.UnaryOp(ast.Not(), inner):
                return Not(self.condition(inner))
            case ast.Compare():
                return self.comparisons(node)
            case ast.Call():
                return self.called(node)
            case ast.Name() | ast.Attribute():
                return self.flag(node)
        raise self.problem(
            node, _NO_CONDITION if isinstance(node, ast.BinOp | ast.UnaryOp | ast.Tuple) else _out_of_place(node)
        )

    def called(self, call: ast.Call) -> Condition:
        """A function that holds or not."""
        match call:
            case ast.Call(ast.Name("absent" | "is_not_applicable" as function), [ast.Name() | ast.Attribute() as name]):
                return self.absent(name, only_not_applicable=function == "is_not_applicable")
            case ast.Call(ast.Name("any"), [part]):
                return self.among(part, part, ">=", 1)
            case ast.Call(ast.Name("all"), [part]):
                contrary = ast.copy_location(ast.UnaryOp(ast.Not(), part), part)
                return Not(self.among(contrary, part, ">=", 1))
            case ast.Call(ast.Name("mentions"), [ast.Attribute() as name, *words]) if words:
                return self.mention(name, words)
            case ast.Call(ast.Name("matches"), [ast.Attribute() as name, ast.Constant(str(pattern)) as written]):
                return self.match(name, written, pattern)
            case ast.Call(ast.Name("multiple"), [number, ast.Constant(int(of) | float(of)) as fixed]) if of > 0:
                self.fixed(fixed, of)  # refuses what is too large to be a float, and True
                return Multiple(self.number(number), float(of))
        raise self.problem(call, _out_of_place(call))

    def operand(self, node: ast.expr) -> Operand:
        """A part that has a value."""
        match node:
            case ast.Constant(value):
                return self.fixed(node, value)
            case ast.Name() | ast.Attribute():
                return Reference(self.name(node))
            case ast.UnaryOp(ast.USub(), inner):
                return _negative(self.number(inner))
            case ast.BinOp(left, op, right) if type(op) in _SIGNS:
                return self.arithmetic(left, _SIGNS[type(op)], right)
            case ast.Call():
                return self.worked_out(node)
        raise self.problem(node, _out_of_place(node))

    def worked_out(self, call: ast.Call) -> Operand:
        """A function that has a value."""
        match call:
            case ast.Call(ast.Name("date"), [ast.Constant(str(text))]):
                return Fixed(self.day(call, text))
            case ast.Call(ast.Name("abs"), [part]):
                return Size(self.number(part))
            case ast.Call(ast.Name("step"), [ast.Attribute() as name]):
                return self.step(name)
            case ast.Call(ast.Name("highest" | "lowest" as function), [_, _, *_] as parts):
                return Extreme(function == "highest", _each(self.numeric_name, parts))
            case ast.Call(ast.Attribute(ast.Name("peers"), "percentile"), [part]) if self.relation is None:
                return self.percentile(call, part)
            case ast.Call(ast.Name("sum"), [part]):
                relation, keys = self.relation_named(part)
                return Total(relation, _Reader(self.text, self.names, relation).number(part), ast.unparse(call), keys)
        raise self.problem(call, _out_of_place(call))

    def percentile(self, call: ast.Call, part: ast.expr) -> Percentile:
        """The place of a number of the case's own among its peers'."""
        if inner := [node for node in ast.walk(part) if isinstance(node, ast.Call) and _runs_over_others(node)]:
            raise self.problem(inner[0], "peers.percentile(…) takes a number of the organisation's own.")
        return Percentile(self.number(part), ast.unparse(call))

    def step(self, node: ast.expr) -> Step:
        """The place of an ordinal answer among its levels."""
        name = self.name(node)
        if name.type != "ordinal":
            raise self.problem(node, f"Only levels with an order have a place. {described(name)}")
        return Step(name)

    def numeric_name(self, node: ast.expr) -> Name:
        """A name of a number."""
        value = self.number(node)
        if not isinstance(value, Reference):
            raise self.problem(node, "Write names here, not calculations.")
        return value.name

    def mention(self, node: ast.expr, words: list[ast.expr]) -> Mention:
        """A text and the words that are looked for in it."""
        name = self.text_name(node)
        texts = [word.value for word in words if isinstance(word, ast.Constant) and isinstance(word.value, str)]
        if len(texts) < len(words) or not all(map(str.strip, texts)):
            raise self.problem(node, 'After the name stand words, as in "lapse", "action plan".')
        return Mention(name, tuple(texts))

    def match(self, node: ast.expr, written: ast.expr, pattern: str) -> Match:
        """A text and the form that it is to have as a whole."""
        name = self.text_name(node)
        try:
            refuse_unclear_pattern(pattern)
        except PatternError as error:
            raise self.problem(written, str(error)) from error
        return Match(name, pattern)

    def text_name(self, node: ast.expr) -> Name:
        """A name of a text."""
        name = self.name(node)
        if name.type != "text":
            raise self.problem(node, f"Words and patterns are looked for in a text only. {described(name)}")
        return name

    def among(self, part: ast.expr, written: ast.expr, sign: str, limit: float, *, share: bool = False) -> Among:
        """A condition on other organisations, and of how many of them it is to hold."""
        relation, keys = self.relation_named(written)
        inside = _Reader(self.text, self.names, relation).condition(part)
        return Among(relation, share, inside, sign, limit, ast.unparse(part), keys)

    def relation_named(self, node: ast.expr) -> tuple[str, tuple[Name, ...]]:
        """The one relation whose names a part uses, as it is written, and the names that `same(…)` compares."""
        named = dict.fromkeys(_relations_in(node))
        if self.relation is not None or len(named) > 1:
            raise self.problem(node, "Other organisations are looked at one relation at a time.")
        if not named:
            raise self.problem(node, f"Name what other organisations hold here: {_OTHERS}.")
        same = next((call for call in ast.walk(node) if _is_same(call)), None)
        return next(iter(named)), () if same is None else self.keys(same)

    def keys(self, same: ast.Call) -> tuple[Name, ...]:
        """The names whose values an organisation shares with the others that `same(…)` speaks of."""
        if not same.args:
            raise self.problem(same, _CALL_NOT_IN_PLACE[_SAME])
        return _each(_Reader(self.text, self.names).name, same.args)

    def absent(self, node: ast.expr, *, only_not_applicable: bool) -> Absent:
        """Whether what bears a name is absent."""
        name = self.name(node)
        if only_not_applicable and not name.absences:
            raise self.problem(node, "Only an answer can be not applicable. Write absent(…) for what is not known.")
        return Absent(name, only_not_applicable)

    def flag(self, node: ast.expr) -> Flag:
        """A name by itself."""
        name = self.name(node)
        if name.type != "flag":
            raise self.problem(node, f"Say with what it is compared. {described(name)}")
        return Flag(name)

    def comparisons(self, node: ast.Compare) -> Condition:
        """One comparison, or a chain of them."""
        if len(node.ops) > 1 and not any(all(isinstance(op, way) for op in node.ops) for way in _ONE_WAY):
            raise self.problem(
                node, "A chain of comparisons runs one way, as in 20 <= x < 50. Join other comparisons with `and`."
            )
        sides = pairwise([node.left, *node.comparators])
        links = [(left, right, op) for (left, right), op in zip(sides, node.ops, strict=True)]
        parts = _each(lambda link: self.comparison(*link), links)
        return parts[0] if len(parts) == 1 else Junction(every=True, parts=parts)

    def comparison(self, left: ast.expr, right: ast.expr, op: ast.cmpop) -> Condition:
        """One link of a chain."""
        if isinstance(op, ast.In):
            return self.within(left, right)
        if isinstance(op, ast.NotIn):
            return Not(self.within(left, right))
        if type(op) not in _SIGNS:
            raise self.problem(left, "Write == or != to compare.")
        sign = _SIGNS[type(op)]
        if _is_tally(left) and _is_tally(right):
            return CountComparison(sign, *_each(self.count, (left, right)))
        if _is_tally(left):
            return self.tally(left, sign, right)
        if _is_tally(right):
            return self.tally(right, sign.translate(_MIRRORED), left)
        return self.matched(left, right, sign)

    def within(self, left: ast.expr, right: ast.expr) -> Junction:
        """Whether a value is one of a list: any of as many equalities, so that what is unknown stays so."""
        if not isinstance(right, ast.Tuple) or not right.elts:
            raise self.problem(right, 'After `in` stands a list, as in ("some", "all"), or ("all",) for one alone.')
        if named := [node for node in right.elts if isinstance(node, ast.Name | ast.Attribute | ast.BinOp)]:
            raise self.problem(named[0], 'A list holds fixed values only, as in ("some", "all").')
        return Junction(every=False, parts=_each(lambda level: self.matched(left, level, "=="), right.elts))

    def tally(self, call: ast.Call, sign: str, bound: ast.expr) -> Tally | Among:
        """count(…) or share(…), compared with a fixed number."""
        share = ast.unparse(call.func) == "share"
        self.refuse_unclear_tally(call)
        limit = self.operand(bound)
        if not isinstance(limit, Fixed) or not isinstance(limit.value, float):
            raise self.problem(bound, _out_of_place(call))
        of_others = _counts_others(call)
        parts = () if of_others else _each(self.condition, call.args)
        most = 1 if share else math.inf if of_others else len(parts)
        if _always_or_never(sign, limit.value, most):
            possible = "0 or more" if most == math.inf else f"0 to {most}"
            raise self.problem(bound, f"This comes out alike whatever the answers are: they give {possible}.")
        if of_others:
            return self.among(call.args[0], call.args[0], sign, limit.value, share=share)
        return Tally(share, parts, sign, limit.value)

    def count(self, call: ast.Call) -> Count | CountAmong:
        """One of two counts that are compared with each other."""
        self.refuse_unclear_tally(call)
        if ast.unparse(call.func) == "share":
            raise self.problem(call, "Only count(…) can be compared with another; share(…) with a fixed number.")
        if not _counts_others(call):
            return Count(_each(self.condition, call.args))
        relation, keys = self.relation_named(call.args[0])
        inside = _Reader(self.text, self.names, relation).condition(call.args[0])
        return CountAmong(relation, inside, ast.unparse(call.args[0]), keys)

    def refuse_unclear_tally(self, call: ast.Call) -> None:
        """Refuse a tally of nothing, or one inside another."""
        if inner := [node for part in call.args for node in ast.walk(part) if _is_tally(node)]:
            raise self.problem(inner[0], "count(…) and share(…) can't stand inside one another.")
        if not call.args:
            raise self.problem(call, "Put conditions into the brackets, separated by commas.")

    def matched(self, left: ast.expr, right: ast.expr, sign: str) -> Comparison:
        """Two values of one type, compared in a way that this type has."""
        first, second = _each(self.operand, (left, right))
        if not names_in(first) and not names_in(second):
            raise self.problem(right, "Two fixed values are compared. Name what the case should hold.")
        first, second = self.typed(left, first, second), self.typed(right, second, first)
        if wrong := mismatch(first, second, sign):
            name = (*names_in(first), *names_in(second))[0]
            raise self.problem(right, f"{wrong} {described(name)}")
        return Comparison(sign, first, second)

    def typed(self, node: ast.expr, value: Operand, beside: Operand) -> Operand:
        """A value as what it is compared with asks for: a text beside a question is one of its levels, or a date."""
        match value, beside:
            case Reference(name), _ if name.type == "flag":
                raise self.problem(node, described(name))
            case Fixed(str(text)), Reference(name) if name.levels:
                return self.level(node, text, name)
            case Fixed(str(text)), Reference(name) if name.type == "date":
                return Fixed(self.day(node, text))
        return value

    def level(self, node: ast.expr, level: str, name: Name) -> Fixed:
        """A level that the question has."""
        if level not in name.levels:
            close = difflib.get_close_matches(level, name.levels, n=1)
            meant = f' Did you mean "{close[0]}"?' if close else ""
            raise self.problem(node, f'There is no level "{level}".{meant} {described(name)}')
        return Fixed(level, name.levels)

    def day(self, node: ast.expr, text: str) -> date:
        """A date written as 2008-12-31."""
        try:
            return date.fromisoformat(text)
        except ValueError as error:
            raise self.problem(node, 'This is no date. Write year, month and day, as in "2008-12-31".') from error

    def arithmetic(self, left: ast.expr, sign: str, right: ast.expr) -> Arithmetic:
        """A calculation, so bounded that it is worked out in one go."""
        first, second = _each(self.number, (left, right))
        if isinstance(first, Fixed) and isinstance(second, Fixed):
            raise self.problem(left, "Two fixed numbers are calculated with. Write the outcome itself.")
        if sign == "/" and second == Fixed(0.0):
            raise self.problem(right, "Nothing can be divided by 0.")
        if sign == "/" and any(isinstance(part, ast.Div) for part in ast.walk(right)):
            raise self.problem(right, "A divisor can't hold a division itself. Write a * c / b for a / (b / c).")
        return Arithmetic(sign, first, second)

    def number(self, node: ast.expr) -> Operand:
        """A part that can be calculated with."""
        value = self.operand(node)
        if kind_of(value) != "number":
            it_is = f" {described(value.name)}" if isinstance(value, Reference) else ""
            raise self.problem(node, f"Only numbers can be calculated with.{it_is}")
        return value

    def fixed(self, node: ast.expr, value: object) -> Fixed:
        """A number or a text that stands in the rule."""
        if isinstance(value, str):
            return Fixed(value)
        if isinstance(value, bool):
            raise self.problem(node, 'Write "yes" or "no" for such an answer; a flag stands by itself: `x` or `not x`.')
        if not isinstance(value, int | float):
            raise self.problem(node, _FOREIGN)
        if abs(value) > LARGEST_NUMBER:
            raise self.problem(node, f"This number is too large; at most {LARGEST_NUMBER:,} is allowed.")
        return Fixed(float(value))

    def name(self, node: ast.expr) -> Name:
        """Something that a case holds."""
        dotted = ast.unparse(node)
        if (same := _same_before(node)) is not None:
            return self.others_name(node, same, dotted.removeprefix(f"{same}."))
        if not re.fullmatch(r"\w+(\.\w+)*", dotted):
            raise self.problem(node, _FOREIGN)
        root, _, rest = dotted.partition(".")
        if root in RELATIONS or root == _OWN_ACCOUNT:
            return self.others_name(node, root, rest)
        if dotted not in self.names:
            raise self.problem(node, unknown_name(dotted, self.names))
        return self.names[dotted]

    def others_name(self, node: ast.expr, root: str, rest: str) -> Name:
        """Something that another organisation's case holds, or the case's own account of a review shared with it."""
        shared = f"review1.{rest}" in self.names and "other_party" in {self.relation, root}
        if self.relation is None or root not in {self.relation, _OWN_ACCOUNT}:
            raise self.problem(node, f"{root}.… stands only inside any(…), all(…), count(…), share(…) or sum(…).")
        if root == _OWN_ACCOUNT and not shared:
            raise self.problem(node, "this_review.… stands beside other_party.…, with a question asked of reviews.")
        known = f"review1.{rest}" if shared else rest
        if known not in self.names:
            raise self.problem(node, unknown_name(rest, self.names))
        return replace(self.names[known], name=f"{root}.{rest}", relation=root)

    def problem(self, node: ast.expr, message: str) -> ExpressionError:
        """A problem at a part."""
        return mark(self.text, node, message)


def _each(read: Callable[..., Read], parts: Iterable[object]) -> tuple[Read, ...]:
    """Read every part; the problems of all of them are raised together, each once."""
    done: list[Read] = []
    problems: list[str] = []
    for part in parts:
        try:
            done.append(read(part))
        except ExpressionError as error:
            problems += error.problems
    if problems:
        raise ExpressionError(dict.fromkeys(problems))
    return tuple(done)


def _out_of_place(node: ast.expr) -> str:
    if isinstance(node, ast.Call):
        return _CALL_NOT_IN_PLACE.get(ast.unparse(node.func), f"There is no such function. There are {FUNCTIONS}.")
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return _NO_VALUE
    return _NOT_IN_PLACE.get(type(node), _FOREIGN)


def _is_tally(node: ast.AST) -> TypeGuard[ast.Call]:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _TALLIES


def _relations_in(node: ast.AST) -> list[str]:
    """The relations that a part of the text names, as it writes them."""
    return [
        ast.unparse(part)
        for part in ast.walk(node)
        if _is_same(part) or (isinstance(part, ast.Name) and part.id in RELATIONS)
    ]


def _is_same(node: ast.AST) -> TypeGuard[ast.Call]:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == _SAME


def _same_before(node: ast.expr) -> str | None:
    """The `same(…)` that stands before a name, as it is written."""
    while isinstance(node, ast.Attribute):
        node = node.value
    return ast.unparse(node) if _is_same(node) else None


def _counts_others(call: ast.Call) -> bool:
    """Whether count(…) or share(…) counts other organisations, and not its own conditions."""
    return len(call.args) == 1 and bool(_relations_in(call))


def _runs_over_others(call: ast.Call) -> bool:
    return ast.unparse(call.func) in {"any", "all", "sum", "peers.percentile"}


def _always_or_never(sign: str, limit: float, most: float) -> bool:
    """Whether a tally from 0 to `most` compares alike with the limit wherever it lies."""
    if sign in EQUALITIES:
        return not 0 <= limit <= most
    return limit < 0 or limit > most or (limit, sign) in {(0, ">="), (0, "<"), (most, "<="), (most, ">")}


def _negative(value: Operand) -> Operand:
    match value:
        case Fixed(float(number)):
            return Fixed(-number)
    return Arithmetic("*", Fixed(-1.0), value)
