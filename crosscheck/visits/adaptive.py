"""The adaptive design: one sample whose chances rise with risk, so that it finds much and still says how much there is.

The tax authorities' problem (Henderson et al. 2022, arXiv 2204.11910, "optimize-and-estimate structured bandits"):
visits to the highest risks alone say nothing of the others, visits at random find little. Organisations are put in bins
of like risk; the chance of each bin is chosen so that the expected finds are the most that a stated precision allows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from crosscheck.visits.draw import FRAME, JOINT, WHOLE, Frame, join_apart

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from crosscheck.visits.design import Design

    Floats = NDArray[np.float64]

_MOST: Final = 0.95  # nobody is certain to be visited, so nobody can tell from the list alone
_LEAST: Final = 0.1  # of the chance in a simple sample: nobody's chance is nothing, whatever the risk
_HALVINGS: Final = 60
_NODES: Final = 200
_AT_ONCE: Final = 4_000_000  # complex numbers in memory


@dataclass(frozen=True)
class Bins:
    """Bins in order, one place each in the arrays.

    Attributes:
        sizes: how many organisations.
        gain: what a visit is expected to bring, on average.
        spread: the mean squared distance of what a visit finds (0 or 1) from its risk, which aids the estimate.
        unaided: the same from the share among all: the spread in a simple random sample.
    """

    sizes: Floats
    gain: Floats
    spread: Floats
    unaided: float


def sample_by_risk(organisations: pl.DataFrame, number: int, design: Design) -> Frame:
    """Lay out one sample whose chances rise with risk.

    Pareto sampling (Rosén 1997): the organisations with the smallest odds of their tickets, divided by a weight, are
    drawn. Weights are set so that the chances are the chosen ones; the chances that they give are then computed, and
    published, to full precision.

    Args:
        organisations: one row an organisation: `org_code`, `risk` (0 to 1, higher is worse), `gain`, what a visit is
            expected to bring (the risk itself, or the expected benefit).
        number: how many to draw; all, if there are no more.
        design: how many bins, the floor, and how many times the standard error of a simple sample is allowed.
    """
    if organisations.is_empty():
        return Frame(FRAME.to_frame(), {}, JOINT.to_frame())
    if number >= organisations.height or number <= 0:
        return _all_or_none(organisations, number > 0)
    # Ties by code: the bins must not depend on the order of rows, since they are published before the draw.
    order = organisations.sort("gain", "org_code", descending=[True, False])
    count = min(design.bins, organisations.height)
    width = len(str(count))
    bin_of = (pl.int_range(pl.len()) * count // pl.len() + 1).cast(pl.String).str.zfill(width)
    binned = order.with_columns(stratum=pl.format("bin {} of {}", bin_of, pl.lit(count)))
    bins = _describe_bins(binned)
    chances = choose_chances(bins, number, design.floor, design.standard_error)
    weights = _weigh(bins.sizes, chances, number)
    return _lay_out(binned, weights, number)


def compute_chances(frame: Frame) -> Frame:
    """A frame with the chances, of each and of each pair, that follow from its strata, draws and weights alone.

    So what a frame states can be verified, whoever wrote it.
    """
    listed = frame.organisations
    by_stratum = listed.group_by("stratum").agg(size=pl.len(), weight=pl.col("weight").first()).sort("stratum")
    if WHOLE not in frame.draws:
        drawn = pl.col("stratum").replace_strict(frame.draws, return_dtype=pl.Float64)
        chances = by_stratum.select("stratum", inclusion_probability=drawn / pl.col("size"))
        joined = listed.drop("inclusion_probability").join(chances, on="stratum", how="left", maintain_order="left")
        joint = join_apart(dict(by_stratum.select("stratum", "size").iter_rows()), frame.draws)
        return Frame(joined.select(FRAME.names()).cast(FRAME), frame.draws, joint)
    if frame.number in (0, listed.height):
        return _all_or_none(listed, frame.number > 0)
    return _lay_out(listed.drop("inclusion_probability", "weight"), by_stratum["weight"].to_numpy(), frame.number)


def choose_chances(bins: Bins, number: int, floor: float, standard_error: float) -> Floats:
    """The chance of each bin: the greatest expected gain whose standard error stays within its bound.

    Maximises the sum of N·π·gain under Σ N·π = n and Σ N·spread·(1/π - 1) ≤ bound, the anticipated variance of the
    prevalence that is estimated with the risk as model (difference estimator; Särndal, Swensson and Wretman 1992). At
    the optimum π = √(μ·spread / (λ - gain)) within its limits; λ makes the sum right, and μ, the price of precision, is
    the least that keeps the bound.

    Args:
        bins: as `Bins`.
        number: how many are drawn.
        floor: the least chance that any bin is to have; where that is more than number allows, all have the same.
        standard_error: how many times that of a simple random sample of as many it may be.
    """
    total = bins.sizes.sum()
    simple = number / total
    least = min(max(floor, _LEAST * simple), simple)
    bound = standard_error**2 * (1 / simple - 1) * total * bins.unaided

    def with_price(price: float) -> Floats:
        return _spend(bins, number, (least, max(_MOST, simple)), price)

    def keeps(price: float) -> bool:
        return bool((bins.sizes * bins.spread) @ (1 / with_price(price) - 1) <= bound)

    # The price of precision is a power of two: at 2**40 risk no longer counts, at 2**-40 nothing else does.
    return with_price(2.0 ** _least_that(lambda power: keeps(2.0**power), -40.0, 40.0))


def inclusion_chances(sizes: Floats, weights: Floats, number: int) -> tuple[Floats, Floats]:
    """The exact chances of Pareto sampling where all organisations of a bin have one weight.

    An organisation is drawn where fewer than n others come before it; two are drawn where at most n - 2 others come
    before the later of them. How many come before a point is a sum of binomial numbers, one a bin; its distribution is
    taken from its characteristic function, and the integral over the point by Gauss and Legendre. Nothing is simulated.

    Args:
        sizes: organisations of each bin.
        weights: of each bin: the odds by which tickets are divided.
        number: how many are drawn, fewer than there are.

    Returns:
        The chance of each bin; and of each pair of bins the chance that two different organisations, one of each, are
        both drawn (NaN within a bin of one).
    """
    nodes = max(_NODES, int(30 * np.sqrt(number)))
    roots, parts = np.polynomial.legendre.leggauss(nodes)
    point, part = (roots + 1) / 2, parts / 2
    # x = s / (1 - s): the point that organisations come before; before[k, b]: the chance of one of bin b
    odds = point / (1 - point)
    before = odds[:, None] * weights / (1 + odds[:, None] * weights)
    slope = weights / ((1 - point)[:, None] + point[:, None] * weights) ** 2
    one, two = _few_before(before, sizes, number)
    first = part @ (slope * one)
    both = slope[:, :, None] * before[:, None, :]
    joint = np.einsum("k,kbc->bc", part, (both + both.transpose(0, 2, 1)) * two)
    joint[np.diag_indices_from(joint)] = np.where(sizes > 1, np.diag(joint), np.nan)
    return first, joint if number > 1 else np.where(np.isnan(joint), np.nan, 0.0)


def _few_before(before: Floats, sizes: Floats, number: int) -> tuple[Floats, Floats]:
    """At each point: that fewer than n come before, leaving out one of each bin; fewer than n - 1, leaving out two."""
    length = int(sizes.sum()) + 1 + int(sizes.sum()) % 2  # odd: no factor is nothing at a half
    turn = np.exp(2j * np.pi * np.arange(length) / length)
    counted = np.arange(length)
    keep_one, keep_two = (np.fft.fft(counted < few).astype(complex) / length for few in (number, number - 1))
    one, two = np.empty(before.shape), np.empty((*before.shape, before.shape[1]))
    step = max(1, _AT_ONCE // (length * len(sizes)))
    for start in range(0, len(before), step):
        block = slice(start, start + step)
        factor = 1 + before[block, :, None] * (turn - 1)
        whole = np.prod(factor ** sizes[:, None], axis=1)
        inverse = 1 / factor
        one[block] = (inverse @ (whole * keep_one)[:, :, None])[..., 0].real
        two[block] = ((inverse * (whole * keep_two)[:, None, :]) @ inverse.transpose(0, 2, 1)).real
    return one, two


def _weigh(sizes: Floats, chances: Floats, number: int) -> Floats:
    """The weights of the chosen chances, to twelve digits: their odds, mended once by how far these miss them."""
    given, _ = inclusion_chances(sizes, chances / (1 - chances), number)
    mended = np.clip(2 * chances - given, chances / 2, (1 + chances) / 2)
    return np.array([float(f"{odds:.12g}") for odds in mended / (1 - mended)])


def _spend(bins: Bins, number: int, limits: tuple[float, float], price: float) -> Floats:
    """The chances at a price of precision that add up to the number of draws."""

    def chances(threshold: float) -> Floats:
        above = np.maximum(threshold - bins.gain, 1e-12)
        limited: Floats = np.clip(np.sqrt(price * bins.spread / above), *limits)
        return limited

    # the higher the threshold, the smaller the chances
    high = float(bins.gain.max() + price * bins.spread.max() / limits[0] ** 2 + 1.0)
    low = float(bins.gain.min())
    threshold = _least_that(lambda value: float(bins.sizes @ chances(value)) <= number, low, high)
    found = chances(threshold)
    scaled: Floats = found * number / (bins.sizes @ found)
    return np.minimum(scaled, limits[1])


def _least_that(holds: Callable[[float], bool], low: float, high: float) -> float:
    """The least number from which on something holds, by halving; the higher end where it never does."""
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high


def _describe_bins(binned: pl.DataFrame) -> Bins:
    mean, spread = pl.col("gain").mean(), (pl.col("risk") * (1 - pl.col("risk"))).mean()
    described = binned.group_by("stratum").agg(size=pl.len(), gain=mean, spread=spread).sort("stratum")
    sizes, gain, spread_of = (described[name].cast(pl.Float64).to_numpy() for name in ("size", "gain", "spread"))
    share = float(binned["risk"].mean() or 0.0)  # type: ignore[arg-type]  # risks are numbers
    return Bins(sizes, gain, spread_of, share * (1 - share))


def _lay_out(binned: pl.DataFrame, weights: Floats, number: int) -> Frame:
    strata = binned.group_by("stratum").len().sort("stratum")
    first, joint = inclusion_chances(strata["len"].cast(pl.Float64).to_numpy(), weights, number)
    of_stratum = strata.select("stratum", inclusion_probability=pl.Series(first), weight=pl.Series(weights))
    listed = binned.join(of_stratum, on="stratum").select(FRAME.names()).cast(FRAME).sort("org_code")
    places = np.triu_indices(len(first))
    names = strata["stratum"].to_numpy()
    pairs = {"stratum": names[places[0]], "other": names[places[1]], "joint_probability": joint[places]}
    return Frame(listed, {WHOLE: number}, pl.DataFrame(pairs, schema=JOINT, nan_to_null=True))


def _all_or_none(organisations: pl.DataFrame, drawn: bool) -> Frame:
    chance = float(drawn)
    listed = organisations.select(
        "org_code", stratum=pl.lit("all"), inclusion_probability=pl.lit(chance), weight=pl.lit(1.0)
    ).cast(FRAME)
    pair = chance if organisations.height > 1 else None
    joint = pl.DataFrame({"stratum": ["all"], "other": ["all"], "joint_probability": [pair]}, schema=JOINT)
    return Frame(listed.sort("org_code"), {WHOLE: organisations.height if drawn else 0}, joint)
