"""What scores do where there is nothing but chance: `python -m benchmarks.null`.

Three tables, all from fixed seeds, all by the functions that a run uses:

1. the share of scores beyond ±1.96 (5% by chance), for every kind of figure with large and small numbers;
2. the standard deviation of pooled scores, of correlated items with a tenth missing;
3. the share of chance among what q-values name, where a twentieth of organisations are really worse.

That a single item scored the wrong way round is found is a matter of the polarity gate and its own tests.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from scipy.special import ndtri

from crosscheck.contract.inputs import INPUTS
from crosscheck.figures.dispersion import Floats, false_discovery
from crosscheck.scoring.indicators import score_figures
from crosscheck.scoring.model import Indicator, IndicatorModel, read_indicator_model
from crosscheck.scoring.pooling import pool_scores, sum_sections
from crosscheck.settings import model_file

SEED = 20080401
Draw = Callable[[np.random.Generator, int], dict[str, Floats]]


@dataclass(frozen=True)
class Design:
    """One kind of figure and how its numbers are drawn under chance alone.

    `reaches` says whether a score can lie beyond 1.96 in 5% of cases at all; `why` says why not, or what is special.
    """

    name: str
    kind: str
    draw: Draw
    reaches: bool = True
    why: str = ""


def proportions(least: int, most: int, share: float) -> Draw:
    def draw(chance: np.random.Generator, count: int) -> dict[str, Floats]:
        total = chance.integers(least, most + 1, count)
        return {"numerator": chance.binomial(total, share) * 1.0, "denominator": total * 1.0}

    return draw


def ratios(least: float, most: float) -> Draw:
    def draw(chance: np.random.Generator, count: int) -> dict[str, Floats]:
        expected = chance.uniform(least, most, count)
        return {"numerator": chance.poisson(expected) * 1.0, "denominator": expected}

    return draw


def ratios_of_counts(first: float, second: float) -> Draw:
    def draw(chance: np.random.Generator, count: int) -> dict[str, Floats]:
        size = chance.uniform(0.5, 1.5, count)
        return {
            "numerator": chance.poisson(first * size) * 1.0,
            "denominator": np.maximum(chance.poisson(second * size), 1.0),
        }

    return draw


def means(least: int, most: int) -> Draw:
    def draw(chance: np.random.Generator, count: int) -> dict[str, Floats]:
        people = chance.integers(least, most + 1, count) * 1.0
        return {"value": chance.normal(50, 10 / np.sqrt(people)), "denominator": people}

    return draw


def grades(*shares: float) -> Draw:
    def draw(chance: np.random.Generator, count: int) -> dict[str, Floats]:
        return {"value": chance.choice(len(shares), count, p=shares) * 1.0}

    return draw


def percentages(people: int) -> Draw:
    return lambda chance, count: {"value": 100 * chance.binomial(people, 0.4, count) / people}


def numbers(spread: float) -> Draw:
    return lambda chance, count: {"value": chance.lognormal(3, spread, count)}


FEW = "a level scores by the middle of its share: at most 2.5% may lie beyond it, else it is not far"

DESIGNS = (
    Design("proportion, n 200-2,000", "proportion", proportions(200, 2000, 0.3)),
    Design("proportion, n 50-100", "proportion", proportions(50, 100, 0.3)),
    Design("proportion, n 10-29", "proportion", proportions(10, 29, 0.3), why="exact mid-p"),
    Design("proportion, n 5-12", "proportion", proportions(5, 12, 0.4), why="exact mid-p, few values"),
    Design("proportion, n 100-300, 2% expected", "proportion", proportions(100, 300, 0.02), why="exact mid-p"),
    Design("ratio, 50-500 expected", "ratio", ratios(50, 500)),
    Design("ratio, 10-20 expected", "ratio", ratios(10, 20)),
    Design("ratio, 2-9 expected", "ratio", ratios(2, 9), why="exact mid-p"),
    Design("ratio of counts, 300 to 500", "ratio_of_counts", ratios_of_counts(300, 500)),
    Design("ratio of counts, 40 to 60", "ratio_of_counts", ratios_of_counts(40, 60)),
    Design("ratio of counts, 8 to 12", "ratio_of_counts", ratios_of_counts(8, 12), why="exact mid-p given the sum"),
    Design("mean of 100-500", "mean", means(100, 500)),
    Design("mean of 3-10", "mean", means(3, 10)),
    Design("percentage of 1,000, no denominator", "percent", percentages(1000)),
    Design(
        "percentage of 60, no denominator", "percent", percentages(60), why="the yardstick is coarse: steps of 1.7%"
    ),
    Design("number, skewed", "number", numbers(0.4)),
    Design("grade, 100 levels", "ordinal", grades(*[0.01] * 100)),
    Design("grade, 2.5% at each end", "ordinal", grades(0.025, 0.2, 0.55, 0.2, 0.025), why="at 2.24"),
    Design("grade, 4 levels alike", "ordinal", grades(*[0.25] * 4), reaches=False, why=FEW),
    Design("yes or no, 60%", "ordinal", grades(0.4, 0.6), reaches=False, why=FEW),
    Design("yes or no, 97%", "ordinal", grades(0.03, 0.97), reaches=False, why="all that say no: " + FEW),
)


def released_model() -> IndicatorModel:
    return read_indicator_model(model_file("C2", "indicators", "v2"))


def score_chance(design: Design, organisations: int, figures: int, seed: int = SEED) -> pl.DataFrame:
    """Scores of that many figures of one design, for organisations that differ by nothing."""
    chance = np.random.default_rng(seed)
    codes = pl.Series("org_code", [f"A{number:04}" for number in range(organisations)])
    drawn = [
        pl.DataFrame(design.draw(chance, organisations)).with_columns(codes, indicator=pl.lit(f"figure {number}"))
        for number in range(figures)
    ]
    schema = INPUTS["indicators"].schema
    given = pl.concat(drawn).with_columns(
        source=pl.lit("chance"), period=pl.lit("2008"), direction=pl.lit("lower_better")
    )
    absent = [pl.lit(None).alias(column) for column in schema if column not in given.columns]
    table = given.with_columns(absent).select(schema.names()).cast(schema)
    peers = pl.DataFrame({"org_code": codes}).with_columns(org_type=pl.lit("acute"), region=pl.lit("one"))
    return score_figures(table, peers, _model_of(design, figures))


def _model_of(design: Design, figures: int) -> IndicatorModel:
    spread = 10.0 if design.kind == "mean" else None
    named = [
        Indicator(
            "chance", f"figure {number}", "by chance", design.kind, "lower_better", "", "low", "", sd_within=spread
        )
        for number in range(figures)
    ]
    return replace(released_model(), indicators={figure.name: figure for figure in named})


def share_beyond(z: pl.Series, limit: float = 1.96) -> float:
    return float((z.abs() > limit).mean())


@dataclass(frozen=True)
class Pooled:
    """Many items of many organisations: how many, how correlated within a section and between, how many levels."""

    organisations: int
    sections: int
    items: int
    within: float
    between: float
    levels: int = 0

    def __str__(self) -> str:
        of = f"{self.levels} levels" if self.levels else "normal"
        size = f"{self.organisations} x {self.sections} x {self.items}, {of}"
        return f"{size}, correlation {self.within} / {self.between}"


POOLED = (
    Pooled(400, 1, 2, 0.0, 0.0),
    Pooled(400, 5, 6, 0.0, 0.0),
    Pooled(400, 5, 6, 0.3, 0.1),
    Pooled(400, 8, 20, 0.6, 0.2),
    Pooled(100, 5, 10, 0.3, 0.1),
    Pooled(400, 8, 20, 0.3, 0.1, levels=4),
    Pooled(400, 8, 20, 0.3, 0.1, levels=2),
)


def draw_scores(pooled: Pooled, chance: np.random.Generator, worse: float = 0.0) -> pl.DataFrame:
    """Long scores with a tenth missing; the first twentieth of organisations is worse by that much on every item."""
    count, section = pooled.organisations, np.repeat(np.arange(pooled.sections), pooled.items)
    own, common = chance.standard_normal((count, section.size)), chance.standard_normal((count, 1))
    of_section = chance.standard_normal((count, pooled.sections))[:, section]
    z = np.sqrt(pooled.between) * common + np.sqrt(pooled.within - pooled.between) * of_section
    z += np.sqrt(1 - pooled.within) * own
    z[: count // 20] += worse
    z = _in_levels(z, pooled.levels) if pooled.levels else z
    row, column = np.nonzero(chance.random(z.shape) >= 0.1)
    return pl.DataFrame({"row": row, "column": column, "section": section[column], "z": z[row, column]}).select(
        "z",
        org_code=pl.format("A{}", pl.col("row").cast(pl.String).str.zfill(4)),
        indicator=pl.format("item {}", "column"),
        source=pl.format("section {}", "section"),
        relevance=pl.lit("answer"),
    )


def _in_levels(z: Floats, levels: int) -> Floats:
    """Mid-rank scores of levels that are equally frequent."""
    level = np.clip(np.floor(levels * (np.argsort(np.argsort(z, axis=0), axis=0) / z.shape[0])), 0, levels - 1)
    return np.asarray(ndtri((level + 0.5) / levels))


def pooled_scores(pooled: Pooled, repeats: int, seed: int = SEED) -> Iterator[pl.DataFrame]:
    model, chance = released_model(), np.random.default_rng(seed)
    for _ in range(repeats):
        yield pool_scores(draw_scores(pooled, chance), model)


@dataclass(frozen=True)
class Discoveries:
    """Means over repeats: how much of what q < 5% names is chance, with its standard error, and how many are found."""

    rate: float
    error: float
    found: float


def discoveries(pooled: Pooled, worse: float, repeats: int, *, rooted: bool = True, seed: int = SEED) -> Discoveries:
    """Hold the q-values of one section against the truth; not `rooted` takes held scores for normal."""
    model, chance = released_model(), np.random.default_rng(seed)
    really = [f"A{number:04}" for number in range(pooled.organisations // 20)]
    rates, found = [], []
    for _ in range(repeats):
        scores = draw_scores(pooled, chance, worse)
        q_values = _q_values(scores, model, rooted=rooted)
        named = q_values.filter(pl.col("q_value") < 0.05)["org_code"]
        right = named.is_in(really).sum() if worse else 0
        rates.append((named.len() - right) / max(named.len(), 1))
        found.append(right / len(really))
    return Discoveries(float(np.mean(rates)), float(np.std(rates) / np.sqrt(repeats)), float(np.mean(found)))


def _q_values(scores: pl.DataFrame, model: IndicatorModel, *, rooted: bool) -> pl.DataFrame:
    if rooted:
        return pool_scores(scores, model).filter(pl.col("section") == "section 0")
    plain = pl.col("total") / pl.col("variance").sqrt()
    sums = sum_sections(scores, model).filter(pl.col("section") == "section 0").with_columns(z=plain)
    return sums.with_columns(q_value=pl.Series(false_discovery(sums["z"].to_numpy())))


def print_kinds() -> None:
    print("\nScores beyond 1.96, 400 organisations, 100 figures of each design (goal: 4% to 6%)")
    for design in DESIGNS:
        scores = score_chance(design, organisations=400, figures=100)
        share, before = share_beyond(scores["z"]), share_beyond(scores["z_unadjusted"])
        verdict = "" if 0.04 <= share <= 0.06 else "OUTSIDE" if design.reaches else "can't"
        print(f"  {design.name:<38}{share:7.2%}  before dispersion {before:7.2%}  {verdict:<8} {design.why}")


def print_pooled(repeats: int = 40) -> None:
    print(f"\nPooled scores, a tenth missing, mean of {repeats} (goal: standard deviation 0.98 to 1.02)")
    for pooled in POOLED:
        scores = pl.concat(
            one.with_columns(overall=pl.col("section") == "all", repeat=repeat)
            for repeat, one in enumerate(pooled_scores(pooled, repeats))
        )
        spreads = scores.group_by("overall", "repeat", "section").agg(
            pl.col("z").std(), far=(pl.col("z").abs() > 1.96).mean()
        )
        by = spreads.group_by("overall").agg(pl.col("z", "far").mean()).sort("overall").rows()
        told = "  ".join(f"{'all' if whole else 'section'} sd {sd:.3f}, beyond 1.96 {far:.1%}" for whole, sd, far in by)
        print(f"  {pooled!s:<58}{told}")


def print_discoveries(repeats: int = 400) -> None:
    print(
        f"\nShare of chance among what q < 5% names, a section of pooled scores, {repeats} repeats (goal: at most 5%)"
    )
    for items in (1, 5, 20):
        for worse in (0.0, 1.5, 3.0):
            pooled = Pooled(400, 1, items, 0.3 if items > 1 else 0.0, 0.0)
            rooted, plain = (discoveries(pooled, worse, repeats, rooted=how) for how in (True, False))
            told = f"{rooted.rate:6.1%} (se {rooted.error:.1%}), found {rooted.found:6.1%}"
            print(f"  {items:>2} items, {worse} sd worse: {told};  without the cube root {plain.rate:6.1%}")


if __name__ == "__main__":
    print_kinds()
    print_pooled()
    print_discoveries()
