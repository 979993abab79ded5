"""How a condition is written: what is refused before its parts mean anything, and where in the text a part stands."""

from __future__ import annotations

import ast
import re
import warnings
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# What no rule comes near, and what keeps a hostile text from taking time or memory.
LONGEST: Final = 2_000
MOST_PARTS: Final = 400
DEEPEST: Final = 40

FUNCTIONS: Final = (
    'absent(x), is_not_applicable(x), count(…), share(…), any(…), all(…), sum(…), mentions(text, "word"), '
    'matches(text, "[0-9]{5}"), same(x).…, multiple(x, 10), highest(…), lowest(…), step(x), abs(x), '
    'peers.percentile(x) and date("2008-12-31")'
)
LANGUAGE: Final = f'There are names, numbers, "text", and, or, not, comparisons, in, + - * /, {FUNCTIONS}.'
_QUOTED: Final = re.compile(r"\"[^\"\n]*\"|'[^'\n]*'")
_SLIPS_ANYWHERE: Final = (
    (r"[\x00-\x08\x0b-\x1f\x7f]", "This sign can't be printed. Delete it."),
    (r"\\", "A backslash has no meaning here. Delete it."),
)
_SLIPS_OUTSIDE_TEXTS: Final = (
    # What stood behind it would be left out unseen, a part of the condition on the same line among it.
    (r"#[^\n]*", "A remark stands outside the condition: above it in the file."),
    (
        r"\b0[xXoObB]\w*|\b[0-9][0-9_]*_[0-9_]*|\b[0-9.]+[jJ]\b",
        "Write the number in figures, as in 255 or 0.5.",
    ),
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


def split(text: str) -> ast.expr:
    """Split a text into its parts, each with its place, by Python's own parser; none of them means anything yet.

    Raises:
        ExpressionError: it is too long, too deep, or holds what people write by habit from elsewhere.
    """
    if len(text) > LONGEST:
        raise ExpressionError([f"The expression has {len(text):,} characters; at most {LONGEST:,} are allowed."])
    if slips := _slips(text):
        raise ExpressionError(_marked(text, *slip) for slip in slips)
    whole = _parsed(text)
    _refuse_giants(whole)
    return whole


def mark(text: str, node: ast.expr, message: str) -> ExpressionError:
    """A problem at a part of a text. Python counts columns in bytes of UTF-8, people in characters."""
    lines = _wrapped(text).split("\n")
    start, end = (
        _offset(text, line, len(lines[line - 1].encode()[:column].decode()))
        for line, column in (
            (node.lineno, node.col_offset),
            (node.end_lineno or node.lineno, node.end_col_offset or node.col_offset),
        )
    )
    return ExpressionError([_marked(text, start, end, message)])


def _slips(text: str) -> list[tuple[int, int, str]]:
    """Where the text has what people write by habit from elsewhere, from where to where, and what to write instead."""
    bare = _QUOTED.sub(lambda quoted: "_" * len(quoted[0]), text)
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


def _parsed(text: str) -> ast.expr:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            return ast.parse(_wrapped(text), mode="eval").body
    except SyntaxError as error:
        place = _offset(text, error.lineno or 1, (error.offset or 1) - 1)
        place = min(max(place, 0), max(len(text.rstrip()) - 1, 0))
        raise ExpressionError([_marked(text, place, place + 1, f"This can't be read. {LANGUAGE}")]) from error
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
    """The text in brackets, so that it can run over several lines."""
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
