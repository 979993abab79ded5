"""What every picture is made of: scales, lines, words."""

from __future__ import annotations

import math
from dataclasses import dataclass
from html import escape
from typing import Final

INK: Final = "#212b32"


@dataclass(frozen=True)
class Axis:
    """A scale from figures to the picture's units."""

    low: float
    high: float
    start: float
    end: float

    def at(self, figure: float) -> float:
        """Where a figure stands."""
        return self.start + (figure - self.low) / (self.high - self.low) * (self.end - self.start)

    @property
    def ticks(self) -> list[float]:
        """Four to eight round figures within the scale."""
        rough = (self.high - self.low) / 5
        power = 10.0 ** math.floor(math.log10(rough))
        step = min((step * power for step in (1, 2, 5, 10)), key=lambda step: abs(step - rough))
        return [step * count for count in range(math.ceil(self.low / step), math.floor(self.high / step) + 1)]


def draw_line(start: tuple[float, float], end: tuple[float, float], colour: str, width: float, rest: str = "") -> str:
    """A straight line between two places."""
    ends = 'x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}"'.format(*start, *end)
    return f'<line {ends} stroke="{colour}" stroke-width="{width}" {rest}/>'


def write_text(x: float, y: float, words: str, anchor: str, rest: str = "") -> str:
    """Words at a place; `anchor` says which end of them stands there."""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" {rest}>{escape(words)}</text>'
