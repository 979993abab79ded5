"""Differences between what was published and what the collection gives: how large, and what explains them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any, Final, Literal

import polars as pl

from crosscheck.contract.typed_rows import typed_rows
from crosscheck.report.national.figures import PERCENTAGES, TINY
from crosscheck.report.national.review import EVERY_TYPE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

Agreement = Literal["agrees", "nearest", "within", "beyond", "none"]

# What each degree of agreement means, in words; from the closest to none at all.
AGREEMENTS: Final[dict[Agreement, str]] = {
    "agrees": "prints as published",
    "nearest": "the nearest that a whole number of its base can come",
    "within": "differs by more than rounding, and by no more than 2 points",
    "beyond": "differs by more than 2 points",
    "none": "can't be recomputed: nobody answered",
}
# Percentages may be this many points apart to be called near; other figures this many per cent of what was published.
POINTS: Final = 2.0

_LEFT_OUT: Final = {
    "not_applicable": "those to whom it does not apply",
    "not_known": "those who did not know",
    "no_answer": "those who gave no answer",
}


@dataclass(frozen=True)
class _JudgedFigure:
    """A recomputed figure beside the published one, as far as the reason of a difference rests on it.

    `numerator` counts within `base`; `counts_…` say whether those left out are in the base, `by_type` has the bases of
    each type. They are absent where nobody answered, and then nothing is said.
    """

    question_id: str | None
    where: str
    statistic: str
    level: str | None
    trust_type: str
    published: float
    decimals: int
    agreement: str
    percent_not_applicable: float | None
    numerator: int
    base: int
    not_applicable: int
    not_known: int
    no_answer: int
    counts_not_applicable: bool
    counts_not_known: bool
    counts_no_answer: bool
    by_type: Sequence[Mapping[str, Any]] | None


def classify_agreement(figures: pl.DataFrame) -> pl.DataFrame:
    """Add to recomputed figures how far they agree with what was published, and why they do not.

    A figure agrees if it prints as published. Loose words are taken at their word: `around` is half a step either way,
    where a step is one in the last figure that is not a nought (10 for 50, 1 for 43); `more than` and `just over` lie
    above and by less than a step; `typically` and `mostly` name the most frequent answer.

    Args:
        figures: as `figures.recompute` gives them.

    Returns:
        The same with `agreement`, one of `AGREEMENTS`, and `reason`: empty where it agrees.
    """
    judged = figures.with_columns(agreement=_agreement())
    reasons = [_reason(figure, judged) for figure in typed_rows(judged, _JudgedFigure)]
    return judged.with_columns(reason=pl.Series(reasons, dtype=pl.String))


def _agreement() -> pl.Expr:
    difference, apart = pl.col("difference"), pl.col("difference").abs()
    unit, points = 10.0 ** -pl.col("decimals"), pl.col("unit") == "percent"
    near = pl.when(points).then(POINTS).otherwise(POINTS / 100 * pl.col("published").abs())
    one_more = pl.when(_is_share()).then(100 / pl.col("base")).otherwise(0.0)
    return (
        pl.when(difference.is_null())
        .then(pl.lit("none"))
        .when(_holds(difference, apart, unit))
        .then(pl.lit("agrees"))
        # Half of what one more would change: no whole number of organisations comes closer.
        .when(apart <= one_more / 2 + TINY)
        .then(pl.lit("nearest"))
        .when(apart <= near + TINY)
        .then(pl.lit("within"))
        .otherwise(pl.lit("beyond"))
    )


def _holds(difference: pl.Expr, apart: pl.Expr, unit: pl.Expr) -> pl.Expr:
    qualifier, step = pl.col("qualifier"), _step(unit)
    return (
        pl.when(qualifier.is_in(["more_than", "just_over"]))
        .then((difference > -TINY) & (difference < step))
        .when(qualifier == "at_most")
        .then(difference <= TINY)
        .when(qualifier == "around")
        .then(apart <= step / 2 + TINY)
        .otherwise(apart <= unit / 2 + TINY)
    )


def _step(unit: pl.Expr) -> pl.Expr:
    """One in the last figure of what was published that is not a nought."""
    steps = (1000.0, 100.0, 10.0)
    published = pl.col("published")
    round_to = pl.coalesce(*(pl.when((published % step == 0) & (published != 0)).then(step) for step in steps), unit)
    return pl.max_horizontal(round_to, unit)


def _is_share() -> pl.Expr:
    return pl.col("statistic").is_in(PERCENTAGES) & (pl.col("base") > 0)


def _reason(figure: _JudgedFigure, figures: pl.DataFrame) -> str:
    if figure.agreement in ("agrees", "none"):
        return ""
    found = list(_explanations(figure, figures))
    return "; ".join(found) or _answers_differ(figure)


def _explanations(figure: _JudgedFigure, figures: pl.DataFrame) -> Iterator[str]:
    if figure.statistic in PERCENTAGES:
        yield from _nearest(figure)
        yield from _other_bases(figure)
    if figure.question_id and figure.statistic in PERCENTAGES:
        yield from _printed_shares(figure, figures)
    if figure.question_id and figure.trust_type == EVERY_TYPE:
        yield from _printed_parts(figure, figures)


def _nearest(figure: _JudgedFigure) -> Iterator[str]:
    base, wanted = figure.base, round(figure.published * figure.base / 100)
    if figure.agreement == "nearest":
        yield f"no whole number of {base} prints as published; {figure.numerator} is as near as one can come"
    elif not _prints(100 * wanted / base, figure):
        yield f"no whole number of {base} prints as published; {wanted} would be nearest"


def _other_bases(figure: _JudgedFigure) -> Iterator[str]:
    """The smallest set of those left out that, counted in, would make the figure print as published."""
    left_out = [name for name in _LEFT_OUT if not getattr(figure, f"counts_{name}") and getattr(figure, name)]
    for size in range(1, len(left_out) + 1):
        for names in combinations(left_out, size):
            base = figure.base + sum(getattr(figure, name) for name in names)
            if _prints(100 * figure.numerator / base, figure):
                who = " and ".join(_LEFT_OUT[name] for name in names)
                yield f"it would print as published with {who} in the base ({base})"
                return


def _printed_shares(figure: _JudgedFigure, figures: pl.DataFrame) -> Iterator[str]:
    """Printed shares of one question that add up to more than all, by more than rounding."""
    same = figures.filter(
        *(pl.col(part) == getattr(figure, part) for part in ("question_id", "trust_type", "where", "statistic")),
        ~pl.col("level").str.contains("+", literal=True),
    )
    total = float(same["published"].sum()) + (figure.percent_not_applicable or 0)
    if total > 100 + same.height / 2:
        yield f"the review's own shares add up to {total:g}%, more than rounding can make"


def _printed_parts(figure: _JudgedFigure, figures: pl.DataFrame) -> Iterator[str]:
    """A figure on all that does not follow from the figures by type, weighted by those who answered."""
    printed = figures.filter(
        *(pl.col(part) == getattr(figure, part) for part in ("question_id", "level", "statistic")),
        pl.col("trust_type") != EVERY_TYPE,
    )
    parts = dict(printed.select("trust_type", "published").iter_rows())
    weights = {part["kind"]: part["base"] for part in figure.by_type or () if part["base"]}
    if len(weights) > 1 and weights.keys() <= parts.keys():
        pooled = sum(parts[kind] * base for kind, base in weights.items()) / sum(weights.values())
        if not _prints(pooled, figure):
            yield f"the review's own figures by type, weighted by those who answered here, give {pooled:.1f}"


def _answers_differ(figure: _JudgedFigure) -> str:
    if figure.statistic not in PERCENTAGES:
        return "the answers in this collection give another figure"
    wanted = round(figure.published * figure.base / 100)
    apart = figure.numerator - wanted
    more = "more" if apart > 0 else "fewer"
    return f"the answers in this collection: {abs(apart)} {more} of {figure.base} than would print as published"


def _prints(value: float, figure: _JudgedFigure) -> bool:
    """Whether a value, rounded as the figure is printed, is the figure."""
    return bool(abs(value - figure.published) <= 10.0**-figure.decimals / 2 + TINY)
