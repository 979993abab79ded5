"""The kinds of figures: how each is written, what it is counted from, and whether a collection may state it.

How a kind is compared stands in `scoring.kinds`, which has an entry for each of these.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class IndicatorKind:
    """One kind of figure.

    Attributes:
        name: as the model of figures, the collection and the scores write it.
        unit: how one unit of it is written; nothing for a plain number.
        most: the largest value that it can have.
        is_counted: whether it is one count over another, so that its value follows from both.
        per: by how much that ratio is multiplied: 100 for a percentage.
        has_denominator: whether a number of people or cases stands behind it.
        is_input: whether a collection may state it of a figure that the model does not name.
    """

    name: str
    unit: str = ""
    most: float = math.inf
    is_counted: bool = False
    per: float = 1.0
    has_denominator: bool = False
    is_input: bool = False


KINDS: Final = {
    kind.name: kind
    for kind in (
        IndicatorKind(
            "proportion", unit="%", most=100.0, is_counted=True, per=100.0, has_denominator=True, is_input=True
        ),
        IndicatorKind("ratio", is_counted=True, has_denominator=True, is_input=True),
        IndicatorKind("log_ratio", is_counted=True, has_denominator=True),
        IndicatorKind("ratio_of_counts", is_counted=True, has_denominator=True),
        IndicatorKind("mean", has_denominator=True),
        IndicatorKind("percent", unit="%", most=100.0),
        IndicatorKind("number", is_input=True),
        IndicatorKind("ordinal"),
    )
}
INPUT_KINDS: Final = tuple(kind.name for kind in KINDS.values() if kind.is_input)
COUNTED: Final = tuple(kind.name for kind in KINDS.values() if kind.is_counted)
WITH_DENOMINATOR: Final = tuple(kind.name for kind in KINDS.values() if kind.has_denominator)
PERCENTAGES: Final = tuple(kind.name for kind in KINDS.values() if kind.unit == "%")
