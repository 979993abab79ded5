"""The waterfall of a risk: its parts one below the other, each bar beginning where the one before it ends.

Each bar is drawn by itself, to stand in a row of a table: so the table is the picture and its text in one, names of any
length are set as text, and it can be read at any width. All bars of a waterfall share one scale; to the right is worse.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import fsum
from typing import TYPE_CHECKING, Final

from markupsafe import Markup

from crosscheck.report.dossier.case import FAMILIES
from crosscheck.report.output.html import sign

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from crosscheck.report.dossier.rows import Part

_WHOLE: Final = ("prior", "declared")  # families whose parts always stand by themselves
_CALLED: Final = {
    "answers": "answers",
    "figures": "figures from other sources",
    "history": "pieces of history",
    "comments": "remarks of third parties",
    "checks": "checks",
    "silence": "checks without an answer",
    "facts": "accounts better than the record",
    "doubts": "values in doubt",
}
_PLACES: Final = 200.0  # the width of a bar's own picture, whatever its width on the page
_HALF, _TALL = 3, 16
_WORSE, _BETTER, _TOTAL = "#10283f", "#fff", "#6b7680"
_LINE: Final = "#8a949e"


@dataclass(frozen=True)
class Step:
    """One bar: what it stands for, how many parts it sums, and from where to where it leads, in decibans."""

    family: str
    words: str
    number: int
    begins: float
    ends: float
    is_total: bool = False

    @property
    def family_words(self) -> str:
        """The family in words; empty for the total."""
        return FAMILIES.get(self.family, "")

    @property
    def decibans(self) -> float:
        """What it adds; positive is worse."""
        return self.ends - self.begins


def add_up(parts: Sequence[Part], most: int = 8) -> tuple[Step, ...]:
    """Order the parts of a risk into steps that add up to it.

    Args:
        parts: of one declaration.
        most: how many single parts are named, the weightiest; the rest of each family is summed.

    Returns:
        The steps in the order of the families, in each the named ones first, and last the total, which begins at 0.
    """
    steps: list[Step] = []
    reached: list[float] = []
    for family, words, members in _heap(parts, most):
        added = [part.decibans for part in members]
        steps.append(Step(family, words, len(members), fsum(reached), fsum([*reached, *added])))
        reached += added
    return (*steps, Step("total", "in all", len(parts), 0.0, fsum(reached), is_total=True))


def _heap(parts: Sequence[Part], most: int) -> Iterator[tuple[str, str, list[Part]]]:
    """What each bar holds: a family, words, and parts. One that would be left over alone is named as well."""
    families: dict[str, list[Part]] = {family: [] for family in FAMILIES}
    for part in sorted(parts, key=lambda part: (-abs(part.decibans), part.part)):
        families[part.family].append(part)
    evidence = (part for family, members in families.items() if family not in _WHOLE for part in members)
    weights = sorted((abs(part.decibans) for part in evidence), reverse=True)
    # One limit for all families: no part that is put together with others weighs more than one with a bar of its own.
    least = weights[most - 1] if len(weights) >= most else 0.0
    for family, members in families.items():
        single = [part for part in members if family in _WHOLE or abs(part.decibans) >= least]
        rest = members[len(single) :]
        if len(rest) == 1:
            single, rest = members, []
        for part in single:
            yield family, part.reason, [part]
        if rest:
            yield family, f"{len(rest)} {'other ' if single else ''}{_CALLED[family]} together", rest


def draw_bars(steps: Sequence[Step]) -> list[Markup]:
    """The bar of each step as SVG, all on one scale with a line at zero; filled is worse, hollow is better.

    The pictures are hidden from screen readers, since the row says in figures what they show.
    """
    ends = [end for step in steps for end in (step.begins, step.ends, 0.0)]
    low, high = min(ends), max(ends)
    scale = (_PLACES - 4) / ((high - low) or 1.0)
    return [_bar(step, lambda end: 2 + (end - low) * scale) for step in steps]


def _bar(step: Step, at: Callable[[float], float]) -> Markup:
    left, right = sorted((at(step.begins), at(step.ends)))
    fill = _TOTAL if step.is_total else _WORSE if step.decibans > 0 else _BETTER
    # The picture is stretched to the width of its column: lines keep their thickness, and a sliver is seen.
    return Markup(  # noqa: S704  # numbers and colours of our own: nothing here comes from the collection
        f'<svg viewBox="0 0 {_PLACES:.0f} {_TALL}" preserveAspectRatio="none" aria-hidden="true" focusable="false">'
        f"<title>from {sign(step.begins)} to {sign(step.ends)}</title>"  # what a tagged PDF says of the picture
        f'<line x1="{at(0.0):.1f}" y1="0" x2="{at(0.0):.1f}" y2="{_TALL}" stroke="{_LINE}" stroke-width="1" '
        f'vector-effect="non-scaling-stroke"/>'
        f'<rect x="{left:.1f}" y="{_HALF}" width="{max(right - left, 0.6):.1f}" height="{_TALL - 2 * _HALF}" '
        f'fill="{fill}" stroke="{_WORSE}" stroke-width="1" vector-effect="non-scaling-stroke"/></svg>'
    )
