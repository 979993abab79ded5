"""A second, slow reading of the rules' language: it walks Python's own tree, a row at a time, and shares no code.

Truth is True, False or None (unknown). What keeps a part open is a set of pairs: a name and why it is absent, or the
empty name where there is a number missing that no answer would bring.
"""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from functools import cache, cached_property
from typing import Any

SIGNS = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
UNKNOWN = None
RELATED = ("commissioner", "provider", "same_lscb", "other_party")
SPEAKERS = {
    "commissioner": ["commissioner", "whole"],
    "provider": ["provider", "whole", "commissioner"],
    "same_lscb": ["commissioner", "whole", "provider"],
    "other_party": ["commissioner", "whole", "provider"],
}
SPEAKERS_OF_THE_SAME = ["whole", "commissioner", "provider"]
FEWEST_PEERS = 20


parsed = cache(lambda text: ast.parse(text, mode="eval").body)
written = cache(ast.unparse)


@dataclass(frozen=True)
class Absent:
    """Why a row holds no value; `nothing` where a source other than the answers is silent."""

    why: str


Row = dict[str, Any]
Open = frozenset[tuple[str, str]]
NOBODY = frozenset({("nobody", "not_applicable")})
NO_NUMBER = frozenset({("", "no number")})


@dataclass
class World:
    """All rows, the orders of the levelled names, and ties as (who, relation, other, review); None: none is known."""

    rows: list[Row]
    levels: dict[str, list[str]]
    ties: set[tuple[str, str, str, int]] | None = None
    numbers: dict[str, dict[str, float | None]] = field(default_factory=dict)

    def of_peers(self, row: Row, part: ast.expr) -> list[float]:
        """The numbers that organisations of the same type have, each organisation once."""
        if written(part) not in self.numbers:
            each = {peer["org_code"]: SlowEvaluator(peer, self).value(part) for peer in self.rows}
            self.numbers[written(part)] = each
        alike = {peer["org_code"] for peer in self.rows if kind(peer) == kind(row)}
        found = [number for code, number in self.numbers[written(part)].items() if code in alike]
        return [number for number in found if number is not UNKNOWN]

    def others(self, row: Row, relation: str) -> Iterator[tuple[Row, int]]:
        """The other organisations of a relation, each with the review that both took part in."""
        for other, item in self.tied.get((row["org_code"], relation), ()):
            by_function = self.by_code.get(other, {})
            speaking = [by_function[function] for function in SPEAKERS[relation] if function in by_function]
            yield (speaking or [{}])[0], item

    def sharing(self, row: Row, relation: str) -> list[Row] | None:
        """The other organisations that hold the same as this row; None where the row itself holds nothing there."""
        keys = keys_of(relation)
        own = [held_in(row, key) for key in keys]
        if any(isinstance(value, Absent) for value in own):
            return None
        speaking = [
            next(by_function[function] for function in SPEAKERS_OF_THE_SAME if function in by_function)
            for code, by_function in sorted(self.by_code.items())
            if code != row["org_code"]
        ]
        return [other for other in speaking if [held_in(other, key) for key in keys] == own]

    @cached_property
    def tied(self) -> dict[tuple[str, str], list[tuple[str, int]]]:
        """The ties in order, by who has them and of which relation."""
        found: dict[tuple[str, str], list[tuple[str, int]]] = {}
        for who, relation, other, item in sorted(self.ties or ()):
            found.setdefault((who, relation), []).append((other, item))
        return found

    @cached_property
    def by_code(self) -> dict[str, dict[str, Row]]:
        """The rows of each organisation by function."""
        found: dict[str, dict[str, Row]] = {}
        for row in self.rows:
            found.setdefault(row["org_code"], {})[row["function"]] = row
        return found


@dataclass
class SlowEvaluator:
    """Judges one row, a mapping from names to values or `Absent`. Of an other's, the names bear its relation first."""

    row: Row
    world: World
    beside_another: bool = False
    beside_others: dict[str, list[SlowEvaluator]] = field(default_factory=dict)  # once a relation
    truths: dict[ast.expr, bool | None] = field(default_factory=dict)  # a part is asked for often, and worked out once
    values: dict[ast.expr, Any] = field(default_factory=dict)
    opens: dict[ast.expr, Open] = field(default_factory=dict)

    def truth(self, node: ast.expr) -> bool | None:
        if node not in self.truths:
            self.truths[node] = self.find_truth(node)
        return self.truths[node]

    def find_truth(self, node: ast.expr) -> bool | None:
        match node:
            case ast.BoolOp(op, parts):
                return joined([self.truth(part) for part in parts], deciding=isinstance(op, ast.Or))
            case ast.UnaryOp(ast.Not(), part):
                inner = self.truth(part)
                return UNKNOWN if inner is UNKNOWN else not inner
            case ast.Call(ast.Name(function), [part, *rest]):
                return self.called(function, part, rest)
            case ast.Compare(left, ops, rights):
                return self.chain(left, ops, rights)
        value = self.held(node)
        return UNKNOWN if isinstance(value, Absent) else value

    def called(self, function: str, part: ast.expr, rest: list[ast.expr]) -> bool | None:
        match function:
            case "absent":
                return isinstance(self.held(part), Absent)
            case "is_not_applicable":
                return self.held(part) == Absent("not_applicable")
            case "any":
                return self.among(part, ast.GtE(), 1, share=False)
            case "all":
                none = self.among(ast.UnaryOp(ast.Not(), part), ast.GtE(), 1, share=False)
                return UNKNOWN if none is UNKNOWN else not none
            case "multiple":
                number, of = self.value(part), self.value(rest[0])
                return UNKNOWN if number is UNKNOWN else math.fmod(number, of) == 0
        return self.of_text(function, self.held(part), [self.value(word) for word in rest])

    def of_text(self, function: str, text: Any, sought: list[str]) -> bool | None:
        if isinstance(text, Absent):
            return UNKNOWN
        if function == "matches":
            return re.fullmatch(sought[0], text) is not None
        assert function == "mentions"
        return any(mentioned(word, text) for word in sought)

    def held(self, name: ast.expr) -> Any:
        """What the row holds under a name; a figure that is no finite number is as good as none."""
        return held_in(self.row, written(name))

    def chain(self, left: ast.expr, ops: list[ast.cmpop], rights: list[ast.expr]) -> bool | None:
        truths = []
        for op, right in zip(ops, rights, strict=True):
            truths.append(self.link(left, op, right))
            left = right
        return joined(truths, deciding=False)

    def link(self, left: ast.expr, op: ast.cmpop, right: ast.expr) -> bool | None:
        if isinstance(op, ast.In | ast.NotIn):
            assert isinstance(right, ast.Tuple)
            found = joined([self.link(left, ast.Eq(), item) for item in right.elts], deciding=True)
            return found if isinstance(op, ast.In) or found is UNKNOWN else not found
        if is_tally(left) and is_tally(right):
            return self.counts(left, op, right)
        if is_tally(left):
            return self.tally(left, op, self.value(right))
        if is_tally(right):
            turned = {ast.Lt: ast.Gt, ast.Gt: ast.Lt, ast.LtE: ast.GtE, ast.GtE: ast.LtE}.get(type(op), type(op))
            return self.tally(right, turned(), self.value(left))
        one, other = self.value(left), self.value(right)
        if one is UNKNOWN or other is UNKNOWN:
            return UNKNOWN
        return SIGNS[type(op)](*self.comparable(left, one, right, other))

    def comparable(self, left: ast.expr, one: Any, right: ast.expr, other: Any) -> tuple[Any, Any]:
        order = self.order(left) or self.order(right)
        if order:
            return order.index(one), order.index(other)
        if isinstance(one, date) or isinstance(other, date):
            return tuple(date.fromisoformat(day) if isinstance(day, str) else day for day in (one, other))
        return one, other

    def order(self, name: ast.expr) -> list[str]:
        root, rest = first(written(name)), written(name).removeprefix(f"{first(written(name))}.")
        known = [rest, f"review1.{rest}"] if is_of_others(root) else [written(name)]
        return next((self.world.levels[each] for each in known if each in self.world.levels), [])

    def value(self, node: ast.expr) -> Any:
        if node not in self.values:
            self.values[node] = self.find_value(node)
        return self.values[node]

    def find_value(self, node: ast.expr) -> Any:
        match node:
            case ast.Constant(str(value)):
                return value
            case ast.Constant(int(value) | float(value)):
                return float(value)
            case ast.UnaryOp(ast.USub(), inner):
                number = self.value(inner)
                return UNKNOWN if number is UNKNOWN else -number
            case ast.BinOp(left, op, right):
                return self.calculated(self.value(left), op, self.value(right))
            case ast.Call(function, parts):
                return self.worked_out(written(function), parts)
        value = self.held(node)
        return UNKNOWN if isinstance(value, Absent) else value

    def worked_out(self, function: str, parts: list[ast.expr]) -> Any:
        match function:
            case "date":
                return date.fromisoformat(self.value(parts[0]))
            case "step":
                level = self.held(parts[0])
                return UNKNOWN if isinstance(level, Absent) else self.order(parts[0]).index(level) + 1
            case "abs":
                number = self.value(parts[0])
                return UNKNOWN if number is UNKNOWN else abs(number)
            case "highest" | "lowest":
                there = sorted(number for number in map(self.value, parts) if number is not UNKNOWN)
                return UNKNOWN if not there else there[-1 if function == "highest" else 0]
            case "peers.percentile":
                return self.percentile(parts[0])
            case "sum":
                given = [beside.value(parts[0]) for beside in self.beside_each(parts[0]) or ()]
                known = [number for number in given if number is not UNKNOWN]
                return finite(sum(known)) if known else UNKNOWN
        raise AssertionError(function)

    def percentile(self, part: ast.expr) -> float | None:
        own, peers = self.value(part), self.world.of_peers(self.row, part)
        if own is UNKNOWN or len(peers) < FEWEST_PEERS:
            return UNKNOWN
        lower, same = sum(number < own for number in peers), sum(number == own for number in peers)
        return (lower + same / 2) / len(peers)

    def calculated(self, left: float | None, op: ast.operator, right: float | None) -> float | None:
        if left is UNKNOWN or right is UNKNOWN or (isinstance(op, ast.Div) and right == 0):
            return UNKNOWN
        return finite(SIGNS[type(op)](left, right))

    def tally(self, call: ast.Call, op: ast.cmpop, limit: float) -> bool | None:
        share = written(call.func) == "share"
        if len(call.args) == 1 and self.speaks_of_others(call):
            return self.among(call.args[0], op, limit, share=share)
        truths = [(self.truth(part), self.open(part)) for part in call.args]
        if share:
            truths = [(truth, why) for truth, why in truths if truth is not UNKNOWN or not only_not_applicable(why)]
        return over_range([truth for truth, _ in truths], op, limit, share=share)

    def counts(self, left: ast.expr, op: ast.cmpop, right: ast.expr) -> bool | None:
        """Compare two counts, whatever those parts come out as of which it is unknown."""
        ranges = [self.could_be(side) for side in (left, right)]
        outcomes = {SIGNS[type(op)](one, other) for one in ranges[0] for other in ranges[1]}
        return outcomes.pop() if len(outcomes) == 1 else UNKNOWN

    def could_be(self, call: ast.expr) -> list[int]:
        """What a count can come out as; nothing where it is of others and applies to none of them."""
        assert isinstance(call, ast.Call)
        if len(call.args) > 1 or not self.speaks_of_others(call):
            truths = [self.truth(part) for part in call.args]
        else:
            truths = self.truths_of_others(call.args[0])
            if not truths:
                return []
        return list(range(truths.count(True), len(truths) - truths.count(False) + 1))

    def among(self, part: ast.expr, op: ast.cmpop, limit: float, *, share: bool) -> bool | None:
        truths = self.truths_of_others(part)
        return over_range(truths, op, limit, share=share) if truths else UNKNOWN

    def truths_of_others(self, part: ast.expr) -> list[bool | None]:
        return [
            beside.truth(part)
            for beside in self.beside_each(part) or ()
            if beside.truth(part) is not UNKNOWN or not only_not_applicable(beside.open(part))
        ]

    def speaks_of_others(self, node: ast.expr) -> bool:
        return not self.beside_another and bool(relations(node))

    def beside_each(self, part: ast.expr) -> list[SlowEvaluator] | None:
        """One evaluator an other organisation; None where nobody knows whether there is any."""
        (relation,) = relations(part)
        if is_same(relation):
            sharing = self.world.sharing(self.row, relation)
            others = None if sharing is None else [(other, 0) for other in sharing]
        else:
            others = None if self.world.ties is None else list(self.world.others(self.row, relation))
        if others is None:
            return None
        if relation not in self.beside_others:
            self.beside_others[relation] = [
                SlowEvaluator(self.row | self.beside(relation, other, item), self.world, beside_another=True)
                for other, item in others
            ]
        return self.beside_others[relation]

    def nobody_known(self, part: ast.expr) -> Open:
        """What keeps open who the others are."""
        (relation,) = relations(part)
        if is_same(relation):
            own = {key: held_in(self.row, key) for key in keys_of(relation)}
            return frozenset((key, value.why) for key, value in own.items() if isinstance(value, Absent))
        return frozenset((name, "nobody knows") for name in named(part) if is_of_others(first(name)))

    def beside(self, relation: str, other: Row, item: int) -> Row:
        """What an other organisation holds, under names of its relation, and both accounts of a review they share."""
        silent = dict.fromkeys(self.row, Absent("nothing"))
        theirs = {f"{relation}.{name}": value for name, value in (silent | other).items()}
        if relation != "other_party":
            return theirs
        for name in [name for name in self.row if name.startswith("review1.")]:
            bare, account = name.removeprefix("review1."), f"review{item}.{name.removeprefix('review1.')}"
            theirs[f"other_party.{bare}"] = other.get(account, Absent("nothing"))
            theirs[f"this_review.{bare}"] = self.row.get(account, Absent("nothing"))
        return theirs

    def open(self, node: ast.expr) -> Open:
        """What keeps a part open; nothing if it is known."""
        if node not in self.opens:
            self.opens[node] = self.find_open(node)
        return self.opens[node]

    def find_open(self, node: ast.expr) -> Open:
        if self.truth(node) is not UNKNOWN:
            return frozenset()
        match node:
            case ast.Compare(left, ops, rights) if len(ops) > 1:
                links = zip([left, *rights[:-1]], ops, rights, strict=True)
                parts = [ast.Compare(one, [op], [other]) for one, op, other in links]
            case ast.Call(ast.Name("any" | "all"), [part]):
                return self.open_among(part)
            case ast.BoolOp(_, parts):
                pass
            case ast.UnaryOp(ast.Not(), part):
                parts = [part]
            case ast.Compare(left, _, [right]) if is_tally(left) or is_tally(right):
                return frozenset().union(*(self.open_tally(side) for side in (left, right) if is_tally(side)))
            case _:
                return self.missing(node) or NO_NUMBER
        return frozenset().union(*map(self.open, parts))

    def open_tally(self, call: ast.expr) -> Open:
        assert isinstance(call, ast.Call)
        if len(call.args) == 1 and self.speaks_of_others(call):
            return self.open_among(call.args[0])
        return frozenset().union(*map(self.open, call.args))

    def open_among(self, part: ast.expr) -> Open:
        """What keeps open what is asked of others: nothing that could be mended, if none of them waits."""
        each = self.beside_each(part)
        if each is None:
            return self.nobody_known(part)
        opens = [beside.open(part) for beside in each]
        return frozenset().union(*(open_ for open_ in opens if open_ and not only_not_applicable(open_))) or NOBODY

    def missing(self, node: ast.expr) -> Open:
        match node:
            case ast.Attribute():
                value = self.held(node)
                return frozenset({(written(node), value.why)} if isinstance(value, Absent) else ())
            case ast.Call(ast.Name("highest" | "lowest"), parts) if self.value(node) is not UNKNOWN:
                return frozenset()
            case ast.Call(ast.Name("sum"), [part]):
                return frozenset() if self.value(node) is not UNKNOWN else self.missing_of_others(part)
            case ast.Call(_, parts):
                return frozenset().union(*map(self.missing, parts))
        within = [child for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr)]
        return frozenset().union(*map(self.missing, within))

    def missing_of_others(self, part: ast.expr) -> Open:
        each = self.beside_each(part)
        if each is None:
            return self.nobody_known(part)
        opens = [beside.missing(part) or NO_NUMBER for beside in each if beside.value(part) is UNKNOWN]
        waiting = frozenset().union(*(open_ for open_ in opens if not only_not_applicable(open_)))
        return waiting or (NOBODY if len(opens) == len(each) else NO_NUMBER)  # else the sum itself is too large


def kind(row: Row) -> object:
    return row["organisation.org_type"]


def held_in(row: Row, name: str) -> Any:
    """What a row holds under a name; a figure that is no finite number is as good as none."""
    value = row[name]
    return Absent("nothing") if isinstance(value, float) and not math.isfinite(value) else value


def first(name: str) -> str:
    """The part of a name before its first dot; of a name of others that share a value, all that says which."""
    return name.partition(").")[0] + ")" if is_same(name) else name.partition(".")[0]


def is_same(name: str) -> bool:
    return name.startswith("same(")


def is_of_others(root: str) -> bool:
    return root in (*RELATED, "this_review") or is_same(root)


def keys_of(relation: str) -> list[str]:
    """The names that the others of `same(a, b)` share the values of."""
    return relation.removeprefix("same(").removesuffix(")").split(", ")


@cache
def named(node: ast.expr) -> frozenset[str]:
    """All names in a part."""
    if isinstance(node, ast.Attribute):
        return frozenset({written(node)})
    children = node.args if isinstance(node, ast.Call) else ast.iter_child_nodes(node)
    return frozenset().union(*(named(child) for child in children if isinstance(child, ast.expr)))


def relations(node: ast.expr) -> set[str]:
    return {root for root in map(first, named(node)) if root in RELATED or is_same(root)}


def is_tally(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and written(node.func) in {"count", "share"}


def finite(number: float) -> float | None:
    return number if math.isfinite(number) else UNKNOWN


def mentioned(word: str, text: str) -> bool:
    """Whether the word stands in the text between signs that belong to no word."""
    found = [each.span() for each in re.finditer(re.escape(word.lower()), text.lower())]
    bounded = f" {text} "
    return any(not belongs(bounded[start]) and not belongs(bounded[end + 1]) for start, end in found)


def belongs(sign: str) -> bool:
    return sign.isalnum() or sign == "_"


def over_range(truths: list[bool | None], op: ast.cmpop, limit: float, *, share: bool) -> bool | None:
    """Compare how many hold, or which share, whatever those come out as of which it is unknown."""
    if share and not truths:
        return UNKNOWN
    holding, unknown = truths.count(True), truths.count(UNKNOWN)
    could_be = {number / (len(truths) if share else 1) for number in range(holding, holding + unknown + 1)}
    if isinstance(op, ast.Eq | ast.NotEq) and min(could_be) < limit < max(could_be):
        return UNKNOWN  # the language looks at the range, not at the steps within it
    outcomes = {SIGNS[type(op)](number, limit) for number in could_be}
    return outcomes.pop() if len(outcomes) == 1 else UNKNOWN


def joined(truths: list[bool | None], *, deciding: bool) -> bool | None:
    """One part that has the deciding value decides; else one that is unknown leaves the whole unknown."""
    return deciding if deciding in truths else UNKNOWN if UNKNOWN in truths else not deciding


def only_not_applicable(open_: Open) -> bool:
    return {why for _, why in open_} == {"not_applicable"}


def verdict(text: str, applies: bool | None, row: Row, world: World, only_if: str = "") -> str:
    """The verdict of a condition on one row, if the rule applies and what it asks for holds."""
    if applies is not True:
        return "not_applicable" if applies is False else "cannot_tell"
    evaluator = SlowEvaluator(row, world)
    if only_if and evaluator.truth(parsed(only_if)) is not True:
        open_ = evaluator.open(parsed(only_if))
        return "cannot_tell" if open_ and not only_not_applicable(open_) else "not_applicable"
    holds, open_ = evaluator.truth(parsed(text)), evaluator.open(parsed(text))
    if holds is UNKNOWN:
        return "not_applicable" if only_not_applicable(open_) else "cannot_tell"
    return "agrees" if holds else "differs"
