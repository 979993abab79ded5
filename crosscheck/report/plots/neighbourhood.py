"""The picture of an organisation's neighbourhood, as SVG made here: it in the middle, its neighbours on both sides.

Neighbours stand in groups, one line each, so no two labels ever meet, however many there are; a drawing by forces would
put names across one another and look different each time. A group is told by its mark's shape and by its words, not by
colour. Who sees no picture is told the same in words.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from itertools import groupby
from textwrap import shorten, wrap
from typing import TYPE_CHECKING, Final

from crosscheck.contract.typed_rows import typed_rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import polars as pl

_WIDTH: Final = 1440
_MARGIN: Final = 24
_TEXT: Final = 16
_LINE: Final = 26  # from one label to the next
_GAP: Final = 20  # between two groups
_CENTRE: Final = 250  # width of the organisation's own box
_LETTERS: Final = 60  # of a label, and of a line of a group's heading
_THROUGH_LETTERS: Final = 26  # of a case number, or of the day of a succession
_OWN_LETTERS: Final = 22  # of a line in the box
_INK, _NOW, _FORMER = "#212b32", "#005eb8", "#4c6272"

# How a group is headed, and the path of its mark (12 wide, around 0 0). Filled: in force; hollow: over, or to come.
_GROUPS: Final = {
    "commissioner": ("Commissioned by {count}", "M-6 0a6 6 0 1 0 12 0a6 6 0 1 0 -12 0z"),
    "provider": ("Commissions from {count}", "M-6 -6h12v12h-12z"),
    "same_lscb": ("On the board {through}, with {count}", "M0 -7l7 13h-14z"),
    "other_party": ("In the same case review as {count}", "M0 -8l7 8l-7 8l-7 -8z"),
    "predecessor": ("Took over from {count}", "M-6 0a6 6 0 1 0 12 0a6 6 0 1 0 -12 0z"),
    "successor": ("Taken over by {count}", "M-6 -6h12v12h-12z"),
}
_HOLLOW: Final = ("predecessor", "successor")


@dataclass(frozen=True)
class _Tie:
    """A tie to another organisation or a former body: what it is to this one, and through what."""

    relation: str
    code: str
    name: str | None
    through: str


@dataclass(frozen=True)
class _Group:
    """Neighbours of one kind (of one board): its heading in lines, and one label each."""

    relation: str
    heading: tuple[str, ...]
    labels: tuple[str, ...]

    @property
    def height(self) -> int:
        return (len(self.heading) + len(self.labels)) * _LINE

    @property
    def mark(self) -> str:
        return _GROUPS[self.relation][1]


@dataclass(frozen=True)
class _Side:
    """One half of the picture: `x` is where the trunk runs, `way` 1 if labels stand to its right and -1 to its left."""

    x: int
    way: int

    @property
    def anchor(self) -> str:
        return "start" if self.way > 0 else "end"


_LEFT: Final = _Side((_WIDTH - _CENTRE) // 2 - 30, -1)
_RIGHT: Final = _Side((_WIDTH + _CENTRE) // 2 + 30, 1)


def draw_neighbourhood(neighbours: pl.DataFrame, org_code: str, name: str) -> str:
    """Draw an organisation among those that it is tied to.

    Args:
        neighbours: as `network.graph.neighbours` lists them; one that is tied in several ways stands in several groups.
        org_code: the organisation in the middle.
        name: its name.

    Returns:
        SVG as high as the longer side needs. Names too long for their line end in …; `desc` has them whole.
    """
    rows = typed_rows(neighbours, _Tie)
    sides = _balance(
        [_group(relation, through, list(of_group)) for (relation, through), of_group in groupby(rows, _kind)]
    )
    own = [org_code, *wrap(name, _fitting(name, _OWN_LETTERS))]
    heights = [_height(groups) for groups in sides.values()]
    height = max(*heights, len(own) * _LINE + 2 * _MARGIN) + 2 * _MARGIN
    shapes = [line for side, groups in sides.items() for line in _draw_side(side, groups, height)]
    return "\n".join(
        (*_opening(org_code, name, _describe_relations(rows), height), *shapes, *_box(own, height), "</svg>\n")
    )


def _kind(row: _Tie) -> tuple[str, str]:
    """What a row is grouped by: its relation, and for members of boards which board."""
    return row.relation, row.through if row.relation == "same_lscb" else ""


def _group(relation: str, board: str, rows: Sequence[_Tie]) -> _Group:
    heading = _GROUPS[relation][0].format(count=len(rows), through=board)
    labels = tuple(_label(row, "" if board else row.through) for row in rows)
    return _Group(relation, tuple(wrap(heading, _fitting(heading, _LETTERS))), labels)


def _label(row: _Tie, through: str) -> str:
    """Code and name, and through what; the name gives way where there is no room for all."""
    through = shorten(through, _THROUGH_LETTERS, placeholder=" …")
    name = row.name or ""
    room = _fitting(name, _LETTERS) - len(row.code) - len(through) - 3
    name = shorten(name, max(room, 2), placeholder=" …")
    return " ".join(part for part in (row.code, name, through and f"({through})") if part)


def _fitting(words: str, letters: int) -> int:
    """How many such letters a line takes: capitals, in which registers often write names, are half as wide again."""
    capitals = sum(map(str.isupper, words)) / max(len(words), 1)
    return int(letters / (1 + capitals / 2))


def _balance(groups: Sequence[_Group]) -> dict[_Side, list[_Group]]:
    """Each group in turn to the side that is shorter so far, the left one first."""
    sides: dict[_Side, list[_Group]] = {_LEFT: [], _RIGHT: []}
    for group in groups:
        min(sides.values(), key=_height).append(group)
    return sides


def _height(groups: Sequence[_Group]) -> int:
    return sum(group.height + _GAP for group in groups)


def _opening(org_code: str, name: str, description: str, height: int) -> list[str]:
    """The picture's head: its size, its letters, and what it shows in words."""
    return [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" height="{height}" '
        f'role="img" aria-labelledby="network-title network-desc" font-family="Arial, Helvetica, sans-serif" '
        f'font-size="{_TEXT}" fill="{_INK}">',
        f'<title id="network-title">{escape(f"{org_code} {name}: its neighbourhood")}</title>',
        f'<desc id="network-desc">{escape(description)}</desc>',
        f'<rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>',
    ]


def _describe_relations(rows: Sequence[_Tie]) -> str:
    """The whole picture in words."""
    sentences = []
    for (relation, board), group in groupby(rows, _kind):
        members = list(group)
        named = "; ".join(" ".join(filter(None, (row.code, row.name, "" if board else row.through))) for row in members)
        sentences.append(f"{_GROUPS[relation][0].format(count=len(members), through=board)}: {named}.")
    return " ".join(sentences) or "No tie to another organisation is known."


def _draw_side(side: _Side, groups: Sequence[_Group], height: int) -> Iterator[str]:
    """The groups of one side below one another, and the trunk that joins them to the box."""
    y = (height - _height(groups) + _GAP + _LINE) / 2
    heads = []
    for group in groups:
        heads.append(y)
        yield from _draw_group(side, group, y)
        y += group.height + _GAP
    if heads:
        middle = height / 2
        yield _path(f"M{_WIDTH / 2} {middle}H{side.x}M{side.x} {min(heads[0], middle)}V{max(heads[-1], middle)}", 2)


def _draw_group(side: _Side, group: _Group, y: float) -> Iterator[str]:
    """A heading on its branch from the trunk, and its neighbours on twigs below."""
    branch, twig = side.x + 24 * side.way, side.x + 48 * side.way
    lines = [y + place * _LINE for place in range(len(group.heading) + len(group.labels))]
    heading, labels = lines[: len(group.heading)], lines[len(group.heading) :]
    yield _path(f"M{side.x} {y}H{branch}V{labels[-1]}" + "".join(f"M{branch} {at}H{twig}" for at in labels), 1)
    yield _mark(group, branch, y)
    for at, words in zip(heading, group.heading, strict=True):
        yield _text(branch + 16 * side.way, at, words, side.anchor, ' font-weight="bold"')
    for at, words in zip(labels, group.labels, strict=True):
        yield _mark(group, twig, at)
        yield _text(twig + 16 * side.way, at, words, side.anchor)


def _mark(group: _Group, x: float, y: float) -> str:
    colour = _FORMER if group.relation in _HOLLOW else _NOW
    fill = "#ffffff" if group.relation in _HOLLOW else colour
    return f'<path d="{group.mark}" transform="translate({x} {y})" fill="{fill}" stroke="{colour}" stroke-width="2"/>'


def _path(way: str, width: int) -> str:
    return f'<path d="{way}" fill="none" stroke="{_FORMER}" stroke-width="{width}"/>'


def _box(lines: Sequence[str], height: int) -> Iterator[str]:
    """The organisation itself, over the trunk."""
    tall = len(lines) * _LINE + 20
    top = (height - tall) / 2
    yield (
        f'<rect x="{(_WIDTH - _CENTRE) // 2}" y="{top}" width="{_CENTRE}" height="{tall}" rx="6" fill="#ffffff" '
        f'stroke="{_INK}" stroke-width="3"/>'
    )
    for place, words in enumerate(lines):
        yield _text(_WIDTH / 2, top + 10 + _LINE * (place + 0.5), words, "middle", ' font-weight="bold"')


def _text(x: float, y: float, words: str, anchor: str, rest: str = "") -> str:
    """Words whose middle height is `y`."""
    return f'<text x="{x}" y="{y + 6}" text-anchor="{anchor}"{rest}>{escape(words)}</text>'
