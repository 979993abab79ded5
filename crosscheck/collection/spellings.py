"""Open vocabularies: words that nobody lists. Spellings of one word are one, and a slip is not a new word."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING, Final

import polars as pl

from crosscheck.collection.cells import written
from crosscheck.collection.problems import CONVERTED, ROW, Problem, as_one

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from crosscheck.collection.conventions import Figure
    from crosscheck.collection.files import Sheet

# How alike a slip is to the word that was meant (1 is the same), for short words and for others.
_ALIKE_SHORT: Final = 0.8
_ALIKE: Final = 0.88
_SHORT: Final = 8

_BETWEEN: Final = re.compile(r"[\s_\u00AD\u2010-\u2015-]+")


def merge_spellings(sheet: Sheet, columns: Iterable[str], allowed: Mapping[str, Collection[str]]) -> Sheet:
    """Read spellings that differ only in case, spaces or hyphens as one word, and tell each.

    Args:
        sheet: any table, its cells read.
        columns: those with open vocabularies.
        allowed: words by column that go before any other spelling; else the commonest does, of equals the shortest,
            of equals the first in alphabetical order.
    """
    for column in columns:
        if column in sheet.rows.columns:
            meant = _meant(sheet.rows[column], allowed.get(column, ()))
            sheet = _merge(sheet, column, meant) if meant else sheet
    return sheet


def _meant(cells: pl.Series, allowed: Collection[str]) -> dict[str, str]:
    """What each other spelling is read as: the known word, else the commonest, the shortest, the first."""
    groups: dict[str, list[tuple[bool, int, int, str]]] = {}
    for word, count in cells.drop_nulls().value_counts(sort=False).iter_rows():
        groups.setdefault(_folded(word), []).append((word not in allowed, -count, len(word), word))
    for word in allowed:
        if _folded(word) in groups:
            groups[_folded(word)].append((False, 0, len(word), word))
    return {word: min(group)[-1] for group in groups.values() for *_, word in group if word != min(group)[-1]}


def _folded(word: str) -> str:
    """A word as it is compared. Between letters nothing is nothing; between figures there stays something."""
    apart = _BETWEEN.sub(" ", word.casefold()).strip()
    return re.sub(r"(?<=[^\W\d]) (?=[^\W\d])", "", apart)


def _merge(sheet: Sheet, column: str, meant: Mapping[str, str]) -> Sheet:
    rows = sheet.rows.filter(pl.col(column).is_in(list(meant))).select("row", column).rows()
    found: dict[str, list[Problem]] = {}
    for row, word in rows:
        problem = f"Another spelling of {meant[word]}; read as that."
        found.setdefault(word, []).append(Problem(row, column, word, problem, f"Write {meant[word]}.", CONVERTED))
    problems = [problem for problems in found.values() for problem in as_one(problems)]
    return sheet.noting(problems, sheet.rows.with_columns(pl.col(column).replace(dict(meant))))


def refuse_slips(indicators: Sheet, figures: Mapping[tuple[str, str], Figure]) -> Sheet:
    """Set figures aside whose source or name no model has, but nearly: a slip would take them out of the reckoning."""
    sources = sorted({source for source, _ in figures})
    slips: dict[tuple[str, str], tuple[str, str, str]] = {}
    for source, name in indicators.rows.select("source", "indicator").drop_nulls().unique().iter_rows():
        # The name is compared within its source: another source may have a figure of nearly the same name.
        if source not in sources:
            near = _nearly(source, sources)
            column, text = "source", source
        else:
            near = (
                None if (source, name) in figures else _nearly(name, [figure for of, figure in figures if of == source])
            )
            column, text = "indicator", name
        if near:
            slips[source, name] = (column, text, near)
    rows = indicators.rows.select("row", "source", "indicator").drop_nulls().iter_rows() if slips else ()
    problem = "No model names this, but nearly: the figure would weigh nothing."
    return indicators.noting(
        Problem(row, column, text, problem, f"Did you mean {near}? If not, give it a name less alike.", ROW)
        for row, source, name in rows
        if (source, name) in slips
        for column, text, near in [slips[source, name]]
    )


def _nearly(word: str, names: Iterable[str]) -> str | None:
    """The known word of which this is a slip. Words that differ in their figures are two words."""
    cutoff = _ALIKE_SHORT if len(word) < _SHORT else _ALIKE
    figures = re.findall(r"\d+", word)
    alike = [name for name in sorted(names) if re.findall(r"\d+", name) == figures]
    return next(iter(difflib.get_close_matches(word[:200].casefold(), alike, n=1, cutoff=cutoff)), None)


def hold_against_model(indicators: Sheet, figures: Mapping[tuple[str, str], Figure]) -> Sheet:
    """Set values aside that the model's figure can't have, and tell directions other than the model's, which counts."""
    impossible = [*_off_scale(indicators, figures), *_beyond_all(indicators, figures)]
    return indicators.noting([*impossible, *_other_directions(indicators, figures)])


def _off_scale(indicators: Sheet, figures: Mapping[tuple[str, str], Figure]) -> Iterator[Problem]:
    graded = {key: figure.scale for key, figure in figures.items() if figure.scale}
    if "value" not in indicators.rows.columns:
        return
    rows = indicators.rows.filter(pl.col("source").is_in({source for source, _ in graded})).drop_nulls("value")
    for row, source, name, value in rows.select("row", "source", "indicator", "value").iter_rows():
        if (scale := graded.get((source, name))) and value not in scale:
            grades = ", ".join(map(written, sorted(scale)))
            yield Problem(row, "value", written(value), f"{name} has no such grade.", f"The grades are: {grades}.", ROW)


def _beyond_all(indicators: Sheet, figures: Mapping[tuple[str, str], Figure]) -> Iterator[Problem]:
    """Percentages below 0 or above 100 whose row does not say that they are some: it would not be held to be one."""
    if "value" not in indicators.rows.columns:
        return
    named = pl.DataFrame(
        [key for key, figure in figures.items() if figure.is_percentage],
        schema={"source": pl.String, "indicator": pl.String},
        orient="row",
    )
    says_nothing = pl.col("kind").is_null() if "kind" in indicators.rows.columns else pl.lit(value=True)
    beyond = indicators.rows.filter(says_nothing & ~pl.col("value").is_between(0, 100))
    found = beyond.join(named, on=["source", "indicator"]).sort("row")
    for row, name, value in found.select("row", "indicator", "value").iter_rows():
        yield Problem(row, "value", written(value), f"{name} is a percentage.", "Give a value from 0 to 100.", ROW)


def _other_directions(indicators: Sheet, figures: Mapping[tuple[str, str], Figure]) -> Iterator[Problem]:
    rows = indicators.rows.select("row", "source", "indicator", "direction").drop_nulls()
    stated = pl.DataFrame(
        [(source, name, figure.direction) for (source, name), figure in figures.items()],
        schema={"source": pl.String, "indicator": pl.String, "of_model": pl.String},
        orient="row",
    )
    differing = rows.join(stated, on=["source", "indicator"]).filter(pl.col("direction") != pl.col("of_model"))
    for (name, direction, of_model), group in differing.sort("row").group_by(
        "indicator", "direction", "of_model", maintain_order=True
    ):
        problem = f"The model says of {name}: {of_model}; that is what counts."
        remedy = f"Write {of_model}, or have the model changed."
        yield from as_one(
            [Problem(row, "direction", str(direction), problem, remedy, CONVERTED) for row in group["row"]], most=1
        )
