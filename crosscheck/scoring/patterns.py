"""Patterns of a whole return: too good, too round, too like another, too like last year's, at odds with itself.

Each is held against returns made up by chance: every question's answer is drawn from the margins, the answers of all
organisations of the same type. So a pattern that the type shares is expected of each of them. Answers of one
organisation are correlated in truth (who does well in one thing does so in another). Returns made up to look for twins
are correlated as those of the type are, for two organisations that both do well agree on much; the others are drawn
question by question. They show the remarkable, they prove nothing. A pattern says "ask"; it weighs nothing until visits
show otherwise.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
import polars as pl
from pydantic import Field, model_validator
from scipy.special import ndtr, ndtri

from crosscheck.figures.dispersion import Floats, false_discovery, normal_scores
from crosscheck.model_file import Heading, ModelPart, read_model_file
from crosscheck.vocabulary import ORG_TYPES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from crosscheck.questionnaire import Questionnaire

Flags = npt.NDArray[np.bool_]
Codes = npt.NDArray[np.int64]

_SCHEMA: Final = {
    "org_code": pl.String,
    "pattern": pl.String,
    "observed": pl.Float64,
    "expected": pl.Float64,
    "p_value": pl.Float64,
    "q_value": pl.Float64,
    "says": pl.String,
    "innocent": pl.String,
}
_PLACEHOLDER: Final = re.compile(r"\{(\w+)\}")
_ROUND_MULTIPLE: Final = 5  # percentages are heaped on its multiples, 0 and 100 among them


class Simulation(ModelPart):
    """How many returns are made up, from which seed, and of how many organisations at least."""

    draws: int = Field(ge=99, le=1_000_000)
    twin_draws: int = Field(ge=99, le=1_000_000)
    seed: int = Field(ge=0)
    least: int = Field(ge=3)


class Wording(ModelPart):
    """What a pattern says of an organisation, and what it may rightly reply."""

    says: str
    explanation: str = Field(alias="innocent")


class Wordings(ModelPart):
    """The words of each pattern, in the order in which they are looked for."""

    all_best: Wording
    heaped: Wording
    inconsistent: Wording
    twin: Wording
    unchanged: Wording


class Bound(ModelPart):
    """A figure that can't be, or hardly, above `most` or below `least`: of the figure `of`, else of one."""

    check: str
    figure: str
    of: str | None = None
    most: float | None = None
    least: float | None = None

    @model_validator(mode="after")
    def _has_one_end(self) -> Bound:
        if (self.most is None) == (self.least is None):
            raise ValueError("give either `most` or `least`")
        return self

    def broken(self, figure: Floats, of: Floats | float) -> Flags:
        """Where the figure is out of bounds; never where one of the two is absent."""
        return figure > self.most * of if self.most is not None else figure < (self.least or 0) * of


class PatternModel(Heading):
    """What is looked for. `denominators` names, for a percentage, the figure whose denominator is its own too."""

    simulation: Simulation
    patterns: Wordings
    denominators: dict[str, str]
    inconsistent: tuple[Bound, ...]


def read_pattern_model(file: Path) -> PatternModel:
    """Read what is looked for, and with how many draws.

    Raises:
        ModelError: with every missing, unknown or impossible entry at once.
    """
    return read_model_file(file, PatternModel)


@dataclass(frozen=True)
class _Returns:
    """The returns of one type: one row an organisation, one column an item, the level's place or the figure, or NaN.

    `best` is each item's best place (NaN where neither end is better, or for figures), `denominators` what each
    percentage is a percentage of (NaN where that is not known).
    """

    org_codes: Sequence[str]
    items: Sequence[str]
    given: Floats
    best: Floats
    is_percentage: Flags
    denominators: Floats
    former: Floats

    def column(self, item: str) -> Floats:
        """The figures of one item; absent ones where nobody was asked."""
        return self.given[:, self.items.index(item)] if item in self.items else np.full(len(self.org_codes), np.nan)


@dataclass(frozen=True)
class _Held:
    """One pattern of all organisations of a type: what was seen, what chance leads to, and how rarely it goes so far.

    An organisation on which there is nothing to see has NaN. `further` holds further words for `says`, by name.
    """

    observed: Floats
    expected: Floats
    p_value: Floats
    further: dict[str, list[str]]


def find_patterns(
    answers: pl.DataFrame,
    questionnaire: Questionnaire,
    organisations: pl.DataFrame,
    indicators: pl.DataFrame,
    model: PatternModel,
    former: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Hold each return against made-up ones drawn from the margins of its type.

    Args:
        answers: the conformed table `answers`.
        questionnaire: which level is best, and which figures are percentages.
        organisations: the conformed table `organisations`.
        indicators: the conformed table `indicators`, for the denominators of percentages.
        model: what is looked for.
        former: the answers of the year before, where there are any; without them none is too like them.

    Returns:
        One row an organisation and pattern, by `pattern`, `org_code`: `observed`, `expected` (the mean of the made-up
        returns), `p_value` (the share of made-up returns that go as far or farther, with one added to both counts),
        `q_value` (false discovery rate among all organisations), `says`, `innocent`. More than expected is what is
        asked about: a small p-value never speaks of less. Patterns: `all_best`, `heaped`, `inconsistent`, `twin`,
        `unchanged`. An absent answer counts neither way; an organisation without answers, or of a type with fewer than
        `simulation.least` returns, has no row.
    """
    found = []
    for order, returns in enumerate(_by_type(answers, questionnaire, organisations, indicators, model, former)):
        for place, (pattern, hold) in enumerate(_PATTERNS.items()):
            # A generator of its own for each type and pattern: one more pattern leaves the draws of the others as they
            # are.
            rng = np.random.default_rng((model.simulation.seed, order, place))
            found.append(_rows(pattern, returns, hold(returns, model, rng), getattr(model.patterns, pattern)))
    if not found:
        return pl.DataFrame(schema=_SCHEMA)
    rows = pl.concat(found).sort("pattern", "org_code")
    return pl.concat(_with_q_values(rows.filter(pl.col("pattern") == pattern)) for pattern in sorted(_PATTERNS))


def _with_q_values(rows: pl.DataFrame) -> pl.DataFrame:
    """The Benjamini-Hochberg q-values of one-sided p-values, by way of the two-sided distances that have them."""
    distances = ndtri(rows["p_value"].to_numpy() / 2)
    return rows.with_columns(q_value=pl.Series(false_discovery(distances), dtype=pl.Float64)).select(list(_SCHEMA))


def _rows(pattern: str, returns: _Returns, held: _Held, wording: Wording) -> pl.DataFrame:
    rows = pl.DataFrame(
        {
            "org_code": returns.org_codes,
            "pattern": pattern,
            "observed": held.observed,
            "expected": held.expected,
            "p_value": held.p_value,
            "innocent": wording.explanation,
        }
        | held.further
    )
    words = {name: pl.col(name).round(1).cast(pl.String).str.strip_suffix(".0") for name in ("observed", "expected")}
    named = [words.get(name, pl.col(name)) for name in _PLACEHOLDER.findall(wording.says)]
    said = pl.format(_PLACEHOLDER.sub("{}", wording.says), *named)
    return rows.filter(pl.col("p_value").is_not_nan()).with_columns(says=said).drop(held.further)


def _by_type(
    answers: pl.DataFrame,
    questionnaire: Questionnaire,
    organisations: pl.DataFrame,
    indicators: pl.DataFrame,
    model: PatternModel,
    former: pl.DataFrame | None,
) -> Iterator[_Returns]:
    wide = _wide(answers, questionnaire).join(organisations.select("org_code", "org_type"), on="org_code")
    items = [column for column in wide.columns if column not in ("org_code", "org_type")]
    best, is_percentage = _best(items, questionnaire), _percentages(items, questionnaire)
    denominators = _denominators(indicators, model)
    then = None if former is None else _wide(former, questionnaire)
    for org_type in ORG_TYPES:
        of_type = wide.filter(pl.col("org_type") == org_type).sort("org_code")
        if of_type.height >= model.simulation.least:
            org_codes = of_type["org_code"]
            yield _Returns(
                org_codes.to_list(),
                items,
                of_type.select(items).to_numpy(),
                best,
                is_percentage,
                _aligned(denominators, org_codes, items),
                _aligned(then, org_codes, items),
            )


def _wide(answers: pl.DataFrame, questionnaire: Questionnaire) -> pl.DataFrame:
    """One row an organisation that answered anything, one column an item in the alphabet's order."""
    places = [
        (question.question_id, level, float(place))
        for question in questionnaire
        for place, level in enumerate(question.levels)
    ]
    schema = {"question_id": pl.String, "level": pl.String, "place": pl.Float64}
    review = pl.when(pl.col("item") > 0).then(pl.format("review{}.", "item")).otherwise(pl.lit(""))
    given = (
        answers.join(pl.DataFrame(places, schema=schema, orient="row"), on=("question_id", "level"), how="left")
        .select("org_code", item=review + pl.col("question_id"), given=pl.coalesce("place", "number"))
        .drop_nulls("given")
        .sort("item", "org_code")
    )
    return given.pivot(on="item", index="org_code", values="given")


def _question_of(item: str) -> str:
    return item.removeprefix("review1.").removeprefix("review2.")


def _best(items: Sequence[str], questionnaire: Questionnaire) -> Floats:
    """The place of each item's best level."""
    places = []
    for question in (questionnaire[_question_of(item)] for item in items):
        ends = {"higher_better": len(question.levels) - 1, "lower_better": 0}
        places.append(ends.get(question.direction, np.nan) if question.has_levels else np.nan)
    return np.array(places)


def _percentages(items: Sequence[str], questionnaire: Questionnaire) -> Flags:
    return np.array([questionnaire[_question_of(item)].answer_type == "percent" for item in items], dtype=bool)


def _denominators(indicators: pl.DataFrame, model: PatternModel) -> pl.DataFrame:
    """One row an organisation, one column a percentage of which the denominator is known."""
    figures = indicators.select("org_code", "period", "denominator", figure=pl.format("{}.{}", "source", "indicator"))
    named = pl.DataFrame(
        sorted(model.denominators.items()), schema={"item": pl.String, "figure": pl.String}, orient="row"
    )
    with_denominator = figures.join(named, on="figure").filter(pl.col("denominator") >= 1).sort("period", "denominator")
    return with_denominator.pivot(on="item", index="org_code", values="denominator", aggregate_function="last")


def _aligned(wide: pl.DataFrame | None, org_codes: pl.Series, items: Sequence[str]) -> Floats:
    """The table's figures by these organisations and items; NaN where it has none."""
    there = org_codes.to_frame()
    rows = there if wide is None else there.join(wide, on="org_code", how="left", maintain_order="left")
    absent = pl.lit(None)
    columns = [(pl.col(item) if item in rows.columns else absent).cast(pl.Float64).alias(item) for item in items]
    return rows.with_columns(columns).select(items).to_numpy()


def _all_best(returns: _Returns, model: PatternModel, rng: np.random.Generator) -> _Held:
    """How many of its answers are the best of the question's levels."""
    has_best = np.isfinite(returns.best)
    given = returns.given[:, has_best]
    return _count(given == returns.best[has_best], np.isfinite(given), model.simulation.draws, rng)


def _heaped(returns: _Returns, model: PatternModel, rng: np.random.Generator) -> _Held:
    """How many of its percentages are multiples of five.

    Where a percentage is one of n, only rounded multiples of 100/n can occur: there the type's percentages are first
    brought to the nearest of them. Of four meetings every share is a multiple of 25, and nothing is remarkable.
    """
    given, of = returns.given[:, returns.is_percentage], returns.denominators[:, returns.is_percentage]
    present = np.isfinite(given)
    chance = np.tile(_share(given % _ROUND_MULTIPLE == 0, present), (len(given), 1))
    denominators = {(item, of[row, item]) for row, item in np.argwhere(np.isfinite(of))}
    for item, size in sorted(denominators):
        column = given[present[:, item], item]
        possible = np.rint(100 * np.rint(column * size / 100) / size)
        chance[of[:, item] == size, item] = np.mean(possible % _ROUND_MULTIPLE == 0) if column.size else 0.0
    return _count(given % _ROUND_MULTIPLE == 0, present, model.simulation.draws, rng, chance)


def _inconsistent(returns: _Returns, model: PatternModel, rng: np.random.Generator) -> _Held:
    """How many of its figures contradict each other or are out of all proportion.

    Here a question is the comparison, its margin how often figures of the type contradict each other so. Drawing the
    two figures apart would expect a contradiction of nearly everybody, and never find one worth a question.
    """
    sides = [
        (returns.column(bound.figure), returns.column(bound.of) if bound.of else 1.0) for bound in model.inconsistent
    ]
    broken = np.array([bound.broken(*side) for bound, side in zip(model.inconsistent, sides, strict=True)]).T
    present = np.array([np.isfinite(figure * of) for figure, of in sides]).T
    held = _count(broken, present, model.simulation.draws, rng)
    words = [bound.figure + (f" beside {bound.of}" if bound.of else "") for bound in model.inconsistent]
    which = ["; ".join(word for word, here in zip(words, row, strict=True) if here) or "none" for row in broken]
    return _Held(held.observed, held.expected, held.p_value, {"which": which})


def _unchanged(returns: _Returns, model: PatternModel, rng: np.random.Generator) -> _Held:
    """How many of its answers are those of a year ago, where the margin is how often an answer stays in its type."""
    present = np.isfinite(returns.given) & np.isfinite(returns.former)
    return _count(returns.given == returns.former, present, model.simulation.draws, rng)


def _share(happens: Flags, present: Flags) -> Floats:
    share: Floats = (happens & present).sum(axis=0) / np.maximum(present.sum(axis=0), 1)
    return share


def _count(happens: Flags, present: Flags, draws: int, rng: np.random.Generator, chance: Floats | None = None) -> _Held:
    """Count what happens in each return, and in made-up returns with answers to the same questions.

    Args:
        happens: one row an organisation, one column a question.
        present: where there is an answer.
        draws: how many returns are made up; all organisations of the type are held against the same ones.
        rng: the seeded source of chance.
        chance: how likely it happens in each, if that is not the share of the type.
    """
    shares = np.tile(_share(happens, present), (len(happens), 1)) if chance is None else chance
    has_answers = present.any(axis=0)
    # Columns in which all organisations have one chance are drawn as one product; only the others need a loop.
    own = has_answers & (shares != shares[:1]).any(axis=0)
    alike = has_answers & ~own
    drawn = {item: rng.random(draws, dtype=np.float32) for item in np.flatnonzero(has_answers)}
    same = np.array([drawn[item] < shares[0, item] for item in np.flatnonzero(alike)], dtype=np.float32)
    made_up = present[:, alike].astype(np.float32) @ same.reshape(-1, draws)
    for item in np.flatnonzero(own):
        made_up += (drawn[item] < shares[:, [item]]) & present[:, [item]]
    observed = np.where(present.any(axis=1), (happens & present).sum(axis=1), np.nan)
    p_value = (1 + (made_up >= observed[:, np.newaxis]).sum(axis=1)) / (1 + draws)
    return _Held(observed, made_up.mean(axis=1, dtype=np.float64), np.where(np.isnan(observed), np.nan, p_value), {})


def _twin(returns: _Returns, model: PatternModel, rng: np.random.Generator) -> _Held:
    """How far its agreement with the return most like it exceeds chance, in standard errors.

    Two returns agree on a question with chance Σ share² of its answers. The most alike of all others is held against
    the same of made-up returns, so that it is nothing remarkable to be somebody's nearest. Those are correlated as the
    type's answers are: drawn question by question they would be less alike than strangers are, and most organisations
    would seem to have a twin.
    """
    codes, same = _coded(returns.given)
    answered = (codes >= 0).astype(np.float64)
    expected, error = (answered * same) @ answered.T, np.sqrt((answered * same * (1 - same)) @ answered.T)
    likeness = _likeness(codes, expected, error)
    present = answered.any(axis=1)
    observed = np.where(present, likeness.max(axis=1), np.nan)
    # Each round gives one nearest neighbour per organisation, so a few rounds make as many draws as are wanted.
    rounds = -(-model.simulation.twin_draws // len(codes))
    drawn_returns = _draw(codes, _correlation(returns.given), rounds, rng)
    nearest = [_likeness(drawn, expected, error).max(axis=1) for drawn in drawn_returns]
    made_up = np.sort(np.ravel(nearest))
    as_far = made_up.size - np.searchsorted(made_up, observed)
    p_value = np.where(present, (1 + as_far) / (1 + made_up.size), np.nan)
    most_alike = [returns.org_codes[place] for place in likeness.argmax(axis=1)]
    return _Held(observed, np.full(len(codes), made_up.mean()), p_value, {"other": most_alike})


def _coded(given: Floats) -> tuple[Codes, Floats]:
    """Each answer's place among all different answers to all questions (-1: absent), and Σ share² of each question."""
    codes, same = np.full(given.shape, -1), np.zeros(given.shape[1])
    for item, column in enumerate(given.T):
        here = np.isfinite(column)
        _, code, counts = np.unique(column[here], return_inverse=True, return_counts=True)
        codes[here, item] = code + codes.max(initial=-1) + 1
        same[item] = np.sum((counts / max(here.sum(), 1)) ** 2)
    return codes, same


def _correlation(given: Floats) -> Floats:
    """How the answers to any two questions are correlated, by mid-ranks, shrunk as far as so few returns ask for.

    An absent answer counts as the middle one, which takes a little of the correlation away.
    """
    from sklearn.covariance import ledoit_wolf

    scores = np.zeros(given.shape)
    for item, column in enumerate(given.T):
        here = np.isfinite(column)
        if here.any():
            scores[here, item] = normal_scores(column[here])
    covariance, _ = ledoit_wolf(scores)
    scale = np.sqrt(np.maximum(np.diag(covariance), np.finfo(np.float64).tiny))
    correlation: Floats = covariance / np.outer(scale, scale)
    np.fill_diagonal(correlation, 1.0)
    return correlation


def _draw(codes: Codes, correlation: Floats, rounds: int, rng: np.random.Generator) -> Iterator[Codes]:
    """That many times the type's returns, made up: each question's answers are its own, correlated as these are.

    A normal copula: correlated normal numbers are drawn, and each becomes the answer at the same place among those that
    were given. Who left a question out leaves it out.
    """
    values, vectors = np.linalg.eigh(correlation)
    mixing = (vectors * np.sqrt(np.maximum(values, 0.0))).T
    for _ in range(rounds):
        places = ndtr(rng.standard_normal(codes.shape) @ mixing)
        drawn = np.full(codes.shape, -1)
        for item, column in enumerate(codes.T):
            known = np.sort(column[column >= 0])
            place = (places[column >= 0, item] * known.size).astype(np.intp)
            drawn[column >= 0, item] = known[np.minimum(place, max(known.size - 1, 0))]
        yield drawn


def _likeness(codes: Codes, expected: Floats, error: Floats) -> Floats:
    """How far any two returns agree beyond chance, in standard errors; least of all with themselves.

    The agreements are counted by a sparse product: a dense one is ten times the work, and on a busy machine its threads
    wait for each other.
    """
    from scipy.sparse import csr_array

    given = codes >= 0
    starts = np.concatenate(([0], np.cumsum(given.sum(axis=1))))
    answers = csr_array((np.ones(starts[-1]), codes[given], starts), shape=(len(codes), codes.max(initial=0) + 1))
    agreed = (answers @ answers.T).toarray()
    likeness: Floats = np.divide(agreed - expected, error, out=np.zeros_like(error), where=error > 0)
    np.fill_diagonal(likeness, -np.inf)
    return likeness


_PATTERNS: Final[dict[str, Callable[[_Returns, PatternModel, np.random.Generator], _Held]]] = {
    "all_best": _all_best,
    "heaped": _heaped,
    "inconsistent": _inconsistent,
    "twin": _twin,
    "unchanged": _unchanged,
}
