"""The language in which a rule says what it expects: how a text becomes a condition.

It is a small part of the grammar of Python's expressions, typed against the names of a case. Python's own parser only
splits the text into its parts; every part that the language does not have is refused, and nothing is ever run as code.
"""

from __future__ import annotations

import ast
import difflib
import re
import warnings
from datetime import date
from itertools import pairwise
from typing import TYPE_CHECKING, Final, TypeGuard, TypeVar

from crosscheck.rulebook.condition import (
    Absent,
    Arithmetic,
    Comparison,
    Condition,
    Fixed,
    Flag,
    Junction,
    Not,
    Operand,
    Reference,
    Tally,
    names_in,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from crosscheck.cases import Name

Read = TypeVar("Read")

# What no rule comes near, and what keeps a hostile text from taking time or memory.
LONGEST: Final = 2_000
MOST_PARTS: Final = 400
DEEPEST: Final = 40
LARGEST_NUMBER: Final = 10**15

_SIGNS: Final[dict[type, str]] = {
    ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=",
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/",
}  # fmt: skip
_EQUALITIES: Final = ("==", "!=")
_MIRRORED: Final = str.maketrans("<>", "><")
_ONE_WAY: Final = ((ast.Lt, ast.LtE), (ast.Gt, ast.GtE))

_FUNCTIONS: Final = 'absent(x), is_not_applicable(x), count(…), share(…) and date("2008-12-31")'
_LANGUAGE: Final = f'There are names, numbers, "text", and, or, not, comparisons, in, + - * /, {_FUNCTIONS}.'
_FOREIGN: Final = f"This is not part of the language. {_LANGUAGE}"
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
_CALL_NOT_IN_PLACE: Final = {
    "count": "count(…) gives a number, which can only be compared with a fixed one, as in count(…) >= 1.",
    "share": "share(…) gives a number, which can only be compared with a fixed one, as in share(…) >= 0.5.",
    "date": 'date(…) takes a text, as in date("2008-12-31"), and is compared with a date.',
    "absent": "absent(…) takes one name, and is itself a condition.",
    "is_not_applicable": "is_not_applicable(…) takes one name, and is itself a condition.",
}

_QUOTED_OR_REMARK: Final = re.compile(r"\"[^\"\n]*\"|'[^'\n]*'|#[^\n]*")
_SLIPS_ANYWHERE: Final = (
    (r"[\x00-\x08\x0b-\x1f\x7f]", "This sign can't be printed. Delete it."),
    (r"\\", "A backslash has no meaning here. Delete it."),
)
_SLIPS_OUTSIDE_TEXTS: Final = (
    (r"[\u2018-\u201f«»]", 'Write straight quotation marks, as in "text".'),
    (r"[≥≤≠]", "Write >=, <= or !=."),
    (r"[^\x00-\x7f]", "Outside quotation marks stand only plain letters, figures and signs."),
    (r"[\"']", "This quotation mark has no partner on its line."),
    (r"<>", "Write != for “is not”."),
    (r"\*\*", "There are four ways to calculate: + - * /."),
    (r"(?<![=!<>:])=(?!=)", "One = by itself has no meaning here. Write == to compare."),
    (r"&&?", "Write `and`."),
    (r"\|\|?", "Write `or`."),
    (r"!(?!=)", "Write `not`, or != to compare."),
    (r"[\[\]{}]", 'A list stands in round brackets, as in ("some", "all").'),
    (r"\b(?:AND|OR|NOT|IN)\b", "Write it in small letters."),
)


class ExpressionError(ValueError):
    """What is wrong with an expression: each problem with the line, a caret under the place, and what is allowed."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n\n".join(self.problems))


def parse(text: str, names: Mapping[str, Name]) -> Condition:
    """Read a condition and check it against the names of a case.

    Args:
        text: the condition as written, on one line or several.
        names: everything that it may speak of.

    Raises:
        ExpressionError: with every problem that can be told while the others stand.
    """
    if len(text) > LONGEST:
        raise ExpressionError([f"The expression has {len(text):,} characters; at most {LONGEST:,} are allowed."])
    if slips := _slips(text):
        raise ExpressionError(_marked(text, *slip) for slip in slips)
    whole = _split(text)
    _refuse_giants(whole)
    return _Reader(text, names).condition(whole)


def _slips(text: str) -> list[tuple[int, int, str]]:
    """Where the text has what people write by habit from elsewhere, from where to where, and what to write instead."""
    bare = _QUOTED_OR_REMARK.sub(lambda quoted: "_" * len(quoted[0]), text)
    slips = [*_found(_SLIPS_ANYWHERE, text), *_found(_SLIPS_OUTSIDE_TEXTS, bare)]
    return slips or _unpaired_brackets(bare)


def _found(slips: tuple[tuple[str, str], ...], text: str) -> Iterator[tuple[int, int, str]]:
    """The first slip that fits at each place."""
    for slip in re.finditer("|".join(f"({pattern})" for pattern, _ in slips), text):
        yield *slip.span(), slips[(slip.lastindex or 1) - 1][1]


def _unpaired_brackets(bare: str) -> list[tuple[int, int, str]]:
    opened: list[tuple[int, int]] = []
    for bracket in re.finditer(r"[()]", bare):
        if bracket[0] == "(":
            opened.append(bracket.span())
        elif opened:
            opened.pop()
        else:
            return [(*bracket.span(), "This bracket closes nothing.")]
        if len(opened) > DEEPEST:
            return [(*bracket.span(), f"Brackets are nested more than {DEEPEST} deep.")]
    return [(*place, "This bracket is not closed.") for place in opened]


def _split(text: str) -> ast.expr:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            return ast.parse(_wrapped(text), mode="eval").body
    except SyntaxError as error:
        place = _offset(text, error.lineno or 1, (error.offset or 1) - 1)
        place = min(max(place, 0), max(len(text.rstrip()) - 1, 0))
        raise ExpressionError([_marked(text, place, place + 1, f"This can't be read. {_LANGUAGE}")]) from error
    except (RecursionError, MemoryError) as error:
        raise ExpressionError([f"The expression is nested too deeply; at most {DEEPEST} deep is allowed."]) from error


def _refuse_giants(whole: ast.expr) -> None:
    """Count parts and depth a layer at a time, before anything walks the tree by recursion."""
    layer, parts, depth = [whole], 0, 0
    while layer:
        parts, depth = parts + len(layer), depth + 1
        layer = [child for node in layer for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr)]
    if parts > MOST_PARTS or depth > DEEPEST:
        raise ExpressionError(
            [
                f"The expression has {parts} parts and is nested {depth} deep; "
                f"at most {MOST_PARTS} parts and {DEEPEST} deep are allowed. Make two rules of it."
            ]
        )


def _wrapped(text: str) -> str:
    """The text in brackets, so that it can run over several lines; the last line may end with a remark."""
    return f"({text}\n)"


def _offset(text: str, line: int, column: int) -> int:
    """Where in the text a line and a column, in characters, of the wrapped text lie."""
    return sum(len(before) + 1 for before in _wrapped(text).split("\n")[: line - 1]) + column - 1


def _marked(text: str, start: int, end: int, message: str) -> str:
    """The line on which something is wrong, carets under the place, and what to do."""
    begin = text.rfind("\n", 0, start) + 1
    line = text[begin:].split("\n", 1)[0]
    indent = len(line) - len(line.lstrip())
    carets = "^" * max(1, min(end, begin + len(line)) - start)
    return f"  {line.strip()}\n  {' ' * (start - begin - indent)}{carets}\n{message}"


class _Reader:
    """Turns the parts of one text into a condition, and says where a part is wrong."""

    def __init__(self, text: str, names: Mapping[str, Name]) -> None:
        self.text = text
        self.names = names

    def condition(self, node: ast.expr) -> Condition:
        """A part that holds or not."""
        match node:
            case ast.BoolOp(op, values):
                return Junction(isinstance(op, ast.And), _each(self.condition, values))
            case ast.UnaryOp(ast.Not(), inner):
                return Not(self.condition(inner))
            case ast.Compare():
                return self.comparisons(node)
            case ast.Call(ast.Name("absent" | "is_not_applicable" as function), [ast.Name() | ast.Attribute() as name]):
                return self.absent(name, only_not_applicable=function == "is_not_applicable")
            case ast.Name() | ast.Attribute():
                return self.flag(node)
        raise self.problem(
            node, _NO_CONDITION if isinstance(node, ast.BinOp | ast.UnaryOp | ast.Tuple) else _out_of_place(node)
        )

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
            case ast.Call(ast.Name("date"), [ast.Constant(str(text))]):
                return Fixed(self.day(node, text))
        raise self.problem(node, _out_of_place(node))

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
            raise self.problem(node, f"Say with what it is compared. {_described(name)}")
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
        return Junction(every=False, parts=_each(lambda one: self.matched(left, one, "=="), right.elts))

    def tally(self, call: ast.Call, sign: str, other: ast.expr) -> Tally:
        """count(…) or share(…), compared with a fixed number."""
        share = ast.unparse(call.func) == "share"
        if inner := [node for part in call.args for node in ast.walk(part) if _is_tally(node)]:
            raise self.problem(inner[0], "count(…) and share(…) can't stand inside one another.")
        if not call.args:
            raise self.problem(call, "Put conditions into the brackets, separated by commas.")
        parts = _each(self.condition, call.args)
        limit = self.operand(other)
        if not isinstance(limit, Fixed) or not isinstance(limit.value, float):
            raise self.problem(other, _out_of_place(call))
        most = 1 if share else len(parts)
        if _always_or_never(sign, limit.value, most):
            raise self.problem(other, f"This comes out alike whatever the answers are: they give 0 to {most}.")
        return Tally(share, parts, sign, limit.value)

    def matched(self, left: ast.expr, right: ast.expr, sign: str) -> Comparison:
        """Two values of one type, compared in a way that this type has."""
        one, other = _each(self.operand, (left, right))
        if not names_in(one) and not names_in(other):
            raise self.problem(right, "Two fixed values are compared. Name what the case should hold.")
        one, other = self.typed(left, one, other), self.typed(right, other, one)
        if wrong := _mismatch(one, other, sign):
            name = (*names_in(one), *names_in(other))[0]
            raise self.problem(right, f"{wrong} {_described(name)}")
        return Comparison(sign, one, other)

    def typed(self, node: ast.expr, value: Operand, beside: Operand) -> Operand:
        """A value as what it is compared with asks for: a text beside a question is one of its levels, or a date."""
        match value, beside:
            case Reference(name), _ if name.type == "flag":
                raise self.problem(node, _described(name))
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
            raise self.problem(node, f'There is no level "{level}".{meant} {_described(name)}')
        return Fixed(level, name.levels)

    def day(self, node: ast.expr, text: str) -> date:
        """A date written as 2008-12-31."""
        try:
            return date.fromisoformat(text)
        except ValueError as error:
            raise self.problem(node, 'This is no date. Write year, month and day, as in "2008-12-31".') from error

    def arithmetic(self, left: ast.expr, sign: str, right: ast.expr) -> Arithmetic:
        """A calculation, so bounded that it is worked out in one go."""
        one, other = _each(self.number, (left, right))
        if isinstance(one, Fixed) and isinstance(other, Fixed):
            raise self.problem(left, "Two fixed numbers are calculated with. Write the outcome itself.")
        if sign == "/" and other == Fixed(0.0):
            raise self.problem(right, "Nothing can be divided by 0.")
        if sign == "/" and any(isinstance(part, ast.Div) for part in ast.walk(right)):
            raise self.problem(right, "A divisor can't hold a division itself. Write a * c / b for a / (b / c).")
        return Arithmetic(sign, one, other)

    def number(self, node: ast.expr) -> Operand:
        """A part that can be calculated with."""
        value = self.operand(node)
        if _type(value) != "number":
            described = f" {_described(value.name)}" if isinstance(value, Reference) else ""
            raise self.problem(node, f"Only numbers can be calculated with.{described}")
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
        if not re.fullmatch(r"\w+(\.\w+)*", dotted):
            raise self.problem(node, _FOREIGN)
        if dotted not in self.names:
            raise self.problem(node, unknown_name(dotted, self.names))
        return self.names[dotted]

    def problem(self, node: ast.expr, message: str) -> ExpressionError:
        """A problem at a part. Python counts columns in bytes of UTF-8, people in characters."""
        lines = _wrapped(self.text).split("\n")
        start, end = (
            _offset(self.text, line, len(lines[line - 1].encode()[:column].decode()))
            for line, column in (
                (node.lineno, node.col_offset),
                (node.end_lineno or node.lineno, node.end_col_offset or node.col_offset),
            )
        )
        return ExpressionError([_marked(self.text, start, end, message)])


def unknown_name(dotted: str, names: Mapping[str, Name]) -> str:
    """Say that there is no such name, which are near, and where they are listed."""
    if f"review1.{dotted}" in names:
        return f"This is asked of two reviews. Write review1.{dotted} or review2.{dotted}."
    section = dotted.split(".", 1)[0]
    beside = [name for name in names.values() if name.name.startswith(f"{section}.")]
    if beside and not any(name.absences for name in beside):
        return f"No such name. There are: {', '.join(name.name for name in beside)}."
    near = _near(dotted, [name.name for name in beside]) or _near(dotted, names)
    meant = f" Did you mean {' or '.join(near)}?" if near else ""
    if beside:
        return f"No such question.{meant} (`crosscheck questions {section}` lists them)"
    return f"No such name.{meant} (`crosscheck questions` lists them)"


def _near(dotted: str, names: Iterable[str]) -> list[str]:
    """The names whose last part, after the section that many share, is nearest."""
    last_parts: dict[str, list[str]] = {}
    for name in names:
        last_parts.setdefault(name.rsplit(".", 1)[-1], []).append(name)
    close = difflib.get_close_matches(dotted.rsplit(".", 1)[-1], last_parts)
    return [name for last in close for name in last_parts[last]][:3]


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
        return _CALL_NOT_IN_PLACE.get(ast.unparse(node.func), f"There is no such function. There are {_FUNCTIONS}.")
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return _NO_VALUE
    return _NOT_IN_PLACE.get(type(node), _FOREIGN)


def _is_tally(node: ast.AST) -> TypeGuard[ast.Call]:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _TALLIES


def _always_or_never(sign: str, limit: float, most: int) -> bool:
    """Whether a tally from 0 to `most` compares alike with the limit wherever it lies."""
    if sign in _EQUALITIES:
        return not 0 <= limit <= most
    return limit < 0 or limit > most or (limit, sign) in {(0, ">="), (0, "<"), (most, "<="), (most, ">")}


def _negative(value: Operand) -> Operand:
    match value:
        case Fixed(float(number)):
            return Fixed(-number)
    return Arithmetic("*", Fixed(-1.0), value)


def _mismatch(one: Operand, other: Operand, sign: str) -> str | None:
    """Why two values can't be compared in this way, if so."""
    types = {_type(one), _type(other)}
    if len(types) > 1 and not types <= {"ordinal", "choice"}:
        return "These can't be compared."
    if _levels(one) != _levels(other):
        return "These two are not answered with the same levels."
    if sign not in _EQUALITIES and types & {"choice", "text"}:
        return "There is no order here; compare with ==, != or in."
    return None


def _type(value: Operand) -> str:
    match value:
        case Reference(name):
            return name.type
        case Fixed(str(), levels):
            return "ordinal" if levels else "text"
        case Fixed(date()):
            return "date"
    return "number"


def _levels(value: Operand) -> tuple[str, ...]:
    match value:
        case Reference(name):
            return name.levels
        case Fixed(_, levels):
            return levels
    return ()


def _described(name: Name) -> str:
    """What kind of thing bears the name, and what it can be compared with."""
    levels = ", ".join(name.levels)
    return {
        "number": f"{name.name} is a number{f' ({name.unit})' if name.unit else ''}.",
        "ordinal": f"{name.name} has these levels, in order: {levels}.",
        "choice": f"{name.name} has these levels, in no order: {levels}.",
        "flag": f"{name.name} is a flag; it stands by itself: `{name.name}` or `not {name.name}`.",
        "text": f"{name.name} is free text.",
        "date": f'{name.name} is a date, to be compared with one, as in "2008-12-31".',
    }[name.type]
