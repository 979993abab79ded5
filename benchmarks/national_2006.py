"""The programme of 2006 in one go, made up: `python -m benchmarks.national_2006 [--growth]`.

567 organisations, 1,689 items, 463,875 observations, 44 standards (Spiegelhalter et al. 2012, JRSS A 175:1-47), scored
against peers and pooled by standard and over all; beside it the same from the formulas in plain numpy, one item, one
pair of items, one organisation at a time. Both must give the same numbers. `--growth` repeats it with 10 and 100 times
the organisations, standard by standard, so that memory does not grow with all of them, and draws growth-2006.svg here.
"""

from __future__ import annotations

import resource
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import altair
import numpy as np
import polars as pl
from scipy.stats import binom, norm, poisson

from crosscheck.contract.inputs import INPUTS
from crosscheck.scoring.indicators import score_figures
from crosscheck.scoring.model import Indicator, IndicatorModel, read_indicator_model
from crosscheck.scoring.pooling import pool_scores, pool_sums, sum_sections
from crosscheck.settings import model_file

PICTURE = Path(__file__).resolve().parent / "growth-2006.svg"
SEED = 2006
TYPES = {"acute": 172, "mental_health": 92, "pct": 303}
ITEMS, OBSERVATIONS, STANDARDS = 1_689, 463_875, 44
KINDS: tuple[str, ...] = ("proportion", "proportion", "proportion", "ratio", "percent", "ordinal")
Floats = np.ndarray[tuple[int, ...], np.dtype[np.float64]]


@dataclass(frozen=True)
class Programme:
    """Who there is, and which observations there are of which item: places in `organisations` and of the items."""

    organisations: pl.DataFrame
    row: np.ndarray[tuple[int], np.dtype[np.intp]]
    item: np.ndarray[tuple[int], np.dtype[np.intp]]


def standard_of(item: int) -> str:
    return f"standard_{item % STANDARDS:02}"


def kind_of(item: int) -> str:
    return KINDS[item // STANDARDS % len(KINDS)]


def model_2006() -> IndicatorModel:
    released = read_indicator_model(model_file("C2", "indicators", "v2"))
    items = [
        Indicator(standard_of(item), f"item_{item:04}", "", kind_of(item), "lower_better", "", "low", "")
        for item in range(ITEMS)
    ]
    return replace(released, indicators={item.name: item for item in items})


def programme(times: int = 1) -> Programme:
    """Organisations `times` as many; every item is put to one type or more, to give the number of observations."""
    chance = np.random.default_rng(SEED)
    types = np.repeat(list(TYPES), [count * times for count in TYPES.values()])
    codes = [f"O{number:06}" for number in range(types.size)]
    organisations = pl.DataFrame({"org_code": codes, "org_type": types}).with_columns(region=pl.lit("one"))
    asked = chance.random((ITEMS, len(TYPES))) < 0.55
    asked[np.arange(ITEMS), chance.integers(0, len(TYPES), ITEMS)] = True
    type_of = np.repeat(np.arange(len(TYPES)), [count * times for count in TYPES.values()])
    item, row = np.nonzero(asked[:, type_of])
    kept = np.sort(chance.permutation(item.size)[: OBSERVATIONS * times])
    assert kept.size == OBSERVATIONS * times
    return Programme(organisations, row[kept], item[kept])


def observations(given: Programme, items: np.ndarray[tuple[int], np.dtype[np.intp]]) -> pl.DataFrame:
    """The table `indicators` of these items; organisations differ a little from one another, and on all items alike."""
    of_these = np.isin(given.item, items)
    row, item = given.row[of_these], given.item[of_these]
    chance = np.random.default_rng(SEED + int(items[0]))
    own = np.random.default_rng(SEED).normal(0, 0.2, given.organisations.height)[row]
    share = 1 / (1 + np.exp(-(own + chance.normal(0, 0.2, item.size) - 0.5)))
    people = chance.integers(5, 400, item.size) * 1.0
    count = chance.binomial(people.astype(np.int64), share) * 1.0
    kind = np.asarray([kind_of(one) for one in range(ITEMS)])[item]
    counted = np.isin(kind, ("proportion", "ratio"))
    values = np.where(kind == "ordinal", np.floor(share * 10), 100 * count / people)
    expected = np.where(kind == "ratio", people * 0.38, people)
    names = pl.DataFrame(
        {
            "item": range(ITEMS),
            "source": map(standard_of, range(ITEMS)),
            "indicator": map("item_{:04}".format, range(ITEMS)),
        }
    )
    parts = {"item": item, "row": row, "numerator": count, "denominator": expected, "value": values, "counted": counted}
    return (
        pl.DataFrame(parts)
        .join(names, on="item", maintain_order="left")
        .with_columns(
            given.organisations["org_code"].gather(row),
            pl.when("counted").then(pl.col("numerator", "denominator")),
            pl.when(~pl.col("counted")).then("value"),
            period=pl.lit("2006"),
            direction=pl.lit("lower_better"),
            kind=pl.lit(None, pl.String),
        )
        .select(INPUTS["indicators"].schema.names())
    )


def score_and_pool(table: pl.DataFrame, organisations: pl.DataFrame, model: IndicatorModel) -> pl.DataFrame:
    return pool_scores(score_figures(table, organisations, model), model)


# --- the same in plain numpy, from the formulas of the docstrings ---


def plain(table: pl.DataFrame, organisations: pl.DataFrame, model: IndicatorModel) -> dict[str, Floats]:
    """Pooled scores by standard and over all, one entry an organisation, NaN where it has none."""
    place = {code: row for row, code in enumerate(organisations["org_code"])}
    z = np.full((len(place), ITEMS), np.nan)
    for (name,), rows in table.partition_by("indicator", as_dict=True, maintain_order=True).items():
        at = np.array([place[code] for code in rows["org_code"]])
        item = int(str(name).removeprefix("item_"))
        z[at, item] = plain_scores(kind_of(item), rows, organisations["org_type"].to_numpy()[at], model)
    return plain_pooled(
        z, model, {standard_of(first): np.arange(first, ITEMS, STANDARDS) for first in range(STANDARDS)}
    )


def plain_scores(kind: str, rows: pl.DataFrame, types: Floats, model: IndicatorModel) -> Floats:
    z = np.full(rows.height, np.nan)
    for org_type in np.unique(types):
        of = types == org_type
        assert of.sum() >= model.peers.least
        own = [rows[part].to_numpy()[of] for part in ("numerator", "denominator", "value")]
        z[of] = PLAIN[kind](*own, model)
    return z


def plain_proportion(r: Floats, n: Floats, _: Floats, model: IndicatorModel) -> Floats:
    share = r.sum() / n.sum()
    s = 1 / (2 * np.sqrt(n))
    approximate = (np.arcsin(np.sqrt(r / n)) - np.arcsin(np.sqrt(share))) / s
    few = (n < 30) | (n * min(share, 1 - share) < 10)
    exact = norm.ppf(binom.cdf(r, n, share) - binom.pmf(r, n, share) / 2)
    return plain_dispersed(approximate, np.where(few, exact, approximate), s, model)


def plain_ratio(o: Floats, e: Floats, _: Floats, model: IndicatorModel) -> Floats:
    s = 1 / (2 * np.sqrt(e))
    approximate = (np.sqrt(o / e) - 1) / s
    few = e < 10
    exact = norm.ppf(poisson.cdf(o, e) - poisson.pmf(o, e) / 2)
    return plain_dispersed(approximate, np.where(few, exact, approximate), s, model)


def plain_dispersed(approximate: Floats, z: Floats, s: Floats, model: IndicatorModel) -> Floats:
    low, high = np.quantile(approximate, (model.winsorised, 1 - model.winsorised))
    q, w = (np.clip(approximate, low, high) ** 2).sum(), 1 / s**2
    tau2 = max(0.0, (q - (w.size - 1)) / (w.sum() - (w**2).sum() / w.sum()))
    return z * s / np.sqrt(s**2 + tau2)


def plain_percent(_: Floats, __: Floats, value: Floats, model: IndicatorModel) -> Floats:
    p = np.clip(value, model.percent_floor, 100 - model.percent_floor) / 100
    scaled = np.log(p / (1 - p))
    return (scaled - np.median(scaled)) / (np.median(np.abs(scaled - np.median(scaled))) / norm.ppf(0.75))


def plain_ordinal(_: Floats, __: Floats, value: Floats, _model: IndicatorModel) -> Floats:
    return norm.ppf([((value < one).sum() + (value == one).sum() / 2) / value.size for one in value])


PLAIN: dict[str, Callable[[Floats, Floats, Floats, IndicatorModel], Floats]] = {
    "proportion": plain_proportion,
    "ratio": plain_ratio,
    "percent": plain_percent,
    "ordinal": plain_ordinal,
}


def plain_pooled(z: Floats, model: IndicatorModel, standards: dict[str, Floats]) -> dict[str, Floats]:
    """Pooled scores of organisations × items; `standards` holds the items of each. All weights are taken as equal."""
    low, high = model.pooling.good_news_limit, model.pooling.bad_news_limit
    x, cut, skewness = np.full_like(z, np.nan), np.full_like(z, np.nan), np.empty(z.shape[1])
    for item in range(z.shape[1]):
        x[:, item], cut[:, item], skewness[item] = plain_item(z[:, item], low, high, model.winsorised)
    rho = np.eye(z.shape[1])
    for items in standards.values():
        rho[np.ix_(items, items)] = plain_correlations(cut[:, items])
    between = plain_between(cut, rho, list(standards.values()))
    pooled = {
        name: plain_pool(x[:, items], rho[np.ix_(items, items)], skewness[items]) for name, items in standards.items()
    }
    for one, first in enumerate(standards.values()):
        for other, second in enumerate(standards.values()):
            if one != other:
                rho[np.ix_(first, second)] = between[one, other]
    return pooled | {"all": plain_pool(x, rho, skewness)}


def plain_item(z: Floats, low: float, high: float, share: float) -> tuple[Floats, Floats, float]:
    present = z[np.isfinite(z)]
    own = np.clip(present, low, high)
    normal = np.clip(norm.ppf((np.arange(20_000) + 0.5) / 20_000), low, high)
    null = own if np.unique(present).size * 5 <= present.size else normal
    ends = np.quantile(present, (share, 1 - share))
    cut = np.clip(z, *ends) if ends[0] < ends[1] else np.clip(z, low, high)
    skewness = np.mean(((null - null.mean()) / null.std()) ** 3)
    return (np.clip(z, low, high) - null.mean()) / null.std(), (cut - np.nanmean(cut)) / np.nanstd(cut), float(skewness)


def plain_correlations(cut: Floats) -> Floats:
    size = cut.shape[1]
    own, number = np.eye(size), np.zeros((size, size))
    for one in range(size):
        for other in range(one):
            product = cut[:, one] * cut[:, other]
            number[one, other] = number[other, one] = np.isfinite(product).sum()
            own[one, other] = own[other, one] = np.nanmean(product) if number[one, other] else 0.0
    mean = (own * number).sum() / number.sum()
    spread = max(0.0, ((number * (own - mean) ** 2).sum() - (number > 0).sum()) / number.sum())
    shrunk = np.clip(mean + (own - mean) * number * spread / (1 + number * spread), -1, 1)
    np.fill_diagonal(shrunk, 1)
    return plain_positive(shrunk)


def plain_positive(matrix: Floats) -> Floats:
    values, vectors = np.linalg.eigh(matrix)
    lifted = vectors @ np.diag(np.maximum(values, 0.01 * matrix.diagonal().max())) @ vectors.T
    scale = np.diag(np.sqrt(matrix.diagonal() / lifted.diagonal()))
    return np.asarray(scale @ lifted @ scale)


def plain_between(cut: Floats, rho: Floats, standards: list[Floats]) -> Floats:
    total = np.column_stack([np.nansum(cut[:, items], axis=1) for items in standards])
    count = np.column_stack([np.isfinite(cut[:, items]).sum(axis=1) for items in standards])
    between = (total.T @ total) / (count.T @ count)
    for place, items in enumerate(standards):
        present = np.isfinite(cut[:, items])
        means = [one @ rho[np.ix_(items, items)] @ one / one.sum() ** 2 for one in present if one.any()]
        between[place, place] = min(means)
    return plain_positive(between)


def plain_pool(x: Floats, rho: Floats, skewness: Floats) -> Floats:
    z = np.full(len(x), np.nan)
    for row, scores in enumerate(x):
        there = np.flatnonzero(np.isfinite(scores))
        if there.size:
            reach = rho[np.ix_(there, there)].sum(axis=0)
            s, g = scores[there].sum() / np.sqrt(reach.sum()), (skewness[there] * reach**2).sum() / reach.sum() ** 1.5
            z[row] = 6 / g * (np.cbrt(1 + g * s / 2) - 1) + g / 6
    return z


# --- measuring ---


@dataclass(frozen=True)
class Seconds:
    """Of several runs, after one to warm up: the median by the clock, the least, and the least of the processors."""

    median: float
    least: float
    processor: float

    def __str__(self) -> str:
        return f"{self.median:7.2f} s  (least {self.least:.2f} s, processor {self.processor:.2f} s)"


def timed(work: Callable[[], object], runs: int, *, warm: bool = True) -> Seconds:
    if warm:
        work()
    walls, processors = [], []
    for _ in range(runs):
        began, used = time.perf_counter(), time.process_time()
        work()
        walls.append(time.perf_counter() - began)
        processors.append(time.process_time() - used)
    return Seconds(statistics.median(walls), min(walls), min(processors))


def in_one_go() -> None:
    given, model = programme(), model_2006()
    table, organisations = observations(given, np.arange(ITEMS)), given.organisations
    size = f"{organisations.height} organisations, {ITEMS:,} items, {table.height:,} observations"
    print(f"{size}, {STANDARDS} standards")
    ours = timed(lambda: score_and_pool(table, organisations, model), 7)
    print(f"  scored and pooled      {ours}  goal: under 2 s on two cores")
    scored = score_figures(table, organisations, model)
    print(f"  of this, pooled        {timed(lambda: pool_scores(scored, model), 7)}")
    by_hand = timed(lambda: plain(table, organisations, model), 1, warm=False)
    print(f"  plain numpy            {by_hand}")
    clock, processor = by_hand.median / ours.median, by_hand.processor / ours.processor
    print(f"  ratio {clock:.1f} by the clock, {processor:.1f} by processor")
    pooled, expected = pool_scores(scored, model), plain(table, organisations, model)
    print(f"  largest difference of {pooled.height:,} pooled scores: {largest_difference(pooled, expected, given):.1e}")


def largest_difference(pooled: pl.DataFrame, by_hand: dict[str, Floats], given: Programme) -> float:
    apart = []
    for name, expected in by_hand.items():
        section = pooled.filter(pl.col("section") == name)
        ours = given.organisations.join(section, on="org_code", how="left", maintain_order="left")["z"]
        assert np.array_equal(ours.is_null().to_numpy(), np.isnan(expected))
        apart.append(np.nanmax(np.abs(ours.to_numpy() - expected)))
    return float(max(apart))


def growing(times: int) -> Iterator[tuple[str, float]]:
    """Seconds of each step at so many times the size, one standard at a time; to make the figures up is not counted."""
    given, model, sums = programme(times), model_2006(), []
    for start in range(STANDARDS):
        table = observations(given, np.arange(start, ITEMS, STANDARDS))
        began = time.perf_counter()
        scored = score_figures(table, given.organisations, model)
        yield "scored", time.perf_counter() - began
        began = time.perf_counter()
        sums.append(sum_sections(scored, model))
        yield "pooled", time.perf_counter() - began
    began = time.perf_counter()
    pool_sums(pl.concat(sums))
    yield "pooled", time.perf_counter() - began


def growth() -> None:
    print("\nGrowth, standard by standard")
    measured = []
    for times in (1, 10, 100):
        seconds = {"scored": 0.0, "pooled": 0.0}
        for step, took in growing(times):
            seconds[step] += took
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
        told = ", ".join(f"{step} {took:.1f} s" for step, took in seconds.items())
        print(f"  {OBSERVATIONS * times:>11,} observations: {told}; peak {peak:.1f} GB", flush=True)
        measured += [(OBSERVATIONS * times, step, took) for step, took in seconds.items()]
        measured.append((OBSERVATIONS * times, "together", sum(seconds.values())))
    draw(pl.DataFrame(measured, schema=["observations", "step", "seconds"], orient="row"))


def draw(measured: pl.DataFrame) -> None:
    logarithmic = altair.Scale(type="log")
    lines = altair.Chart(measured, title="Scoring and pooling the programme of 2006, and 10 and 100 times as much")
    lines = lines.mark_line(point=True).encode(
        altair.X("observations:Q", title="observations", scale=logarithmic, axis=altair.Axis(format="~s")),
        altair.Y("seconds:Q", title="seconds, two cores", scale=logarithmic),
        altair.Color("step:N", title=None),
        altair.StrokeDash("step:N", title=None),
    )
    lines.properties(width=480, height=300).save(PICTURE)
    print(f"  drawn: {PICTURE.name}")


if __name__ == "__main__":
    in_one_go()
    if "--growth" in sys.argv:
        growth()
