"""Pooling: many correlated scores of an organisation as one, over those that are there.

Positive is worse. An absent score is left out of every sum; to put a zero in its place would be a free "as expected".

    Z = Σ w x / √V,   V = ΣΣ w_j w_k ρ_jk,   over the items present

x is the score held between two limits, so that good news does not cancel bad, and brought back to mean 0 and variance 1
(choice): by the moments of a held normal score, or by the item's own where its scores are of levels. Those have
variances below 1, known from the shares of the levels; of all others the own moments would let a few organisations
that are really worse set the yardstick for themselves.

Sources: Spiegelhalter, Sherlaw-Johnson, Bardsley, Blunt, Wood and Grigg 2012, JRSS A 175:1-47 (pooling correlated
scores); DerSimonian and Laird 1986, Controlled Clinical Trials 7:177-188 (moments of the spread of correlations);
Wilson and Hilferty 1931, PNAS 17:684-688 (cube root of a skewed sum). The blocks are a choice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.special import ndtri

from crosscheck.figures.dispersion import Floats, false_discovery
from crosscheck.scoring.bands import band_of_distance, band_of_rate

if TYPE_CHECKING:
    from crosscheck.scoring.model import IndicatorModel, Pooling

# The section under which everything is pooled.
OVERALL: Final = "all"

# One row an organisation and section: what its pooled score, alone and with other sections, is made of. `total` is
# Σ w x, `winsorised` the same of Winsorised scores, `weight` Σ w, `variance` V. With γ the skewness of an item and
# r = Σ ρ w over the items present: `skew_0`, `skew_1`, `skew_2` are Σ γ w, Σ γ w r, Σ γ w r².
SUMS: Final = pl.Schema(
    {
        "section": pl.String(),
        "org_code": pl.String(),
        "items": pl.UInt32(),
        "total": pl.Float64(),
        "winsorised": pl.Float64(),
        "weight": pl.Float64(),
        "variance": pl.Float64(),
        "skew_0": pl.Float64(),
        "skew_1": pl.Float64(),
        "skew_2": pl.Float64(),
    }
)

_POOLED: Final = pl.Schema(
    {
        "org_code": pl.String(),
        "section": pl.String(),
        "items": pl.UInt32(),
        "z": pl.Float64(),
        "q_value": pl.Float64(),
        "band": pl.String(),
        "band_q": pl.String(),
    }
)

# No correlation matrix has an eigenvalue below this: else a contrast between items would have no variance of its own.
_LEAST_EIGENVALUE: Final = 0.01

# Where on average this many organisations share a score, the scores are of levels.
_SHARING: Final = 5

# A standard normal distribution by its quantiles.
_NORMAL: Final = ndtri((np.arange(20_000) + 0.5) / 20_000)

# Below this skewness a sum is taken as normal; the cube root would divide by it.
_NO_SKEWNESS: Final = 1e-6


def pool_scores(scores: pl.DataFrame, model: IndicatorModel) -> pl.DataFrame:
    """Pool the scores of each organisation, by section and over all.

    Args:
        scores: one row an organisation and figure or answer: `indicator`, `org_code`, `z` (positive is worse),
            `source` (its section), `relevance`. In any order.
        model: the limits, the weight of each relevance, the least number of organisations.

    Returns:
        One row an organisation and section in which it has a score, and one over all (`section` is `all`), by
        `section`, `org_code`: `items` (how many scores are pooled), `z`, `q_value` (the false discovery rate among
        organisations, section by section), `band` by `z` alone and `band_q` by `q_value`. Positive is worse. `z` is
        close to standard normal where organisations are as expected: with one item of two levels it has few values,
        and its standard deviation is below 1. A score without z, of weight 0, or of an item that fewer than
        `peers.least` organisations have or that is the same for all counts nowhere.
    """
    return pool_sums(sum_sections(scores, model))


def sum_sections(scores: pl.DataFrame, model: IndicatorModel) -> pl.DataFrame:
    """Sum the scores of each organisation and section: all that pooling needs to know (`SUMS`).

    Sections do not touch one another here, so that more scores than fit into memory can be summed in parts.

    Args:
        scores: as for `pool_scores`, each section whole.
        model: as for `pool_scores`.
    """
    weight = pl.col("relevance").cast(pl.String).replace_strict(model.pooling.weights, default=0.0)
    # Filtered before the columns are numbered, so that no matrix has a column that counts nowhere.
    weighed = (
        scores.select("source", "indicator", "org_code", "z", weight=weight.cast(pl.Float64))
        .filter(pl.col("z").is_finite().fill_null(value=False) & (pl.col("weight") > 0))
        .sort("source", "indicator")
        .with_columns(column=pl.col("indicator").rle_id())
    )
    codes = weighed["org_code"].unique().sort()
    sections = weighed.with_columns(row=_place("org_code", codes)).partition_by(
        "source", as_dict=True, maintain_order=True
    )
    named = [
        _sum_section(section, codes.len(), model).with_columns(section=pl.lit(name[0], pl.String), org_code=codes)
        for name, section in sections.items()
    ]
    summed = [sums.filter(pl.col("items") > 0).select(SUMS.names()) for sums in named]
    return pl.concat([SUMS.to_frame(), *summed]).cast(SUMS)


def pool_sums(sums: pl.DataFrame) -> pl.DataFrame:
    """Turn the sums of each organisation and section (`SUMS`) into pooled scores, as `pool_scores` gives them."""
    scored = sums.with_columns(
        z=pl.Series(normalised(*(sums[part].to_numpy() for part in ("total", "variance", "skew_2"))), dtype=pl.Float64)
    )
    pooled = pl.concat([part.select("org_code", "section", "items", "z") for part in (scored, _overall(sums))])
    return (
        pooled.sort("section", "org_code")
        .with_columns(q_value=pl.col("z").map_batches(_q_values, return_dtype=pl.Float64).over("section"))
        .with_columns(band=band_of_distance(pl.col("z")), band_q=band_of_rate(pl.col("q_value")))
        .select(_POOLED.names())
    )


def normalised(total: Floats, variance: Floats, third: Floats) -> Floats:
    """Normal scores of sums with mean 0, this variance and this third moment.

    Held scores are skewed: with ten of them a plain Z of 3.9 is as likely as a normal 3.4, and false discoveries would
    come several times as often as stated. Wilson and Hilferty's cube root is exact in the mean for a gamma variable and
    errs to the careful side for held scores:

        Z = (6/g) [(1 + g S/2)^(1/3) - 1] + g/6,   S = total/√variance,   g = third/variance^(3/2)
    """
    plain, skewness = total / np.sqrt(variance), third / variance**1.5
    divisor = np.where(np.abs(skewness) < _NO_SKEWNESS, 1.0, skewness)
    rooted = 6 / divisor * (np.cbrt(1 + divisor * plain / 2) - 1) + divisor / 6
    return np.where(np.abs(skewness) < _NO_SKEWNESS, plain, rooted)


def shrunk_correlations(winsorised: Floats) -> Floats:
    """Correlations between the items of one section, each as far its own as its numbers bear out.

    Estimated pairwise over the organisations that have both (Σ x_j x_k / n), then drawn towards the section's mean:
    with σ² the spread of correlations beyond chance (by moments, as between studies: (Σ n (ρ - mean)² - pairs) / Σ n),
    each keeps n σ² / (1 + n σ²) of its distance from it. Then made positive definite.

    Args:
        winsorised: organisations × items, mean 0 and variance 1, NaN where absent.

    Returns:
        Items × items, 1 on the diagonal.
    """
    present = np.isfinite(winsorised)
    products, numbers = _cross(np.where(present, winsorised, 0.0)), _cross(present.astype(np.float64))
    apart = ~np.eye(len(numbers), dtype=bool) & (numbers > 0)
    pairs = np.where(apart, numbers, 0.0)
    mean = products[apart].sum() / max(pairs.sum(), 1.0)
    beyond = np.where(apart, products / np.maximum(numbers, 1.0) - mean, 0.0)
    spread = max(0.0, ((pairs * beyond**2).sum() - apart.sum()) / max(pairs.sum(), 1.0))
    correlations = np.clip(mean + beyond * pairs * spread / (1 + pairs * spread), -1, 1)
    np.fill_diagonal(correlations, 1.0)
    correlations = np.clip(positive(correlations), -1, 1)  # scaling back may pass 1 in the last digit
    np.fill_diagonal(correlations, 1.0)
    return correlations


def positive(matrix: Floats) -> Floats:
    """A symmetric matrix with its eigenvalues lifted above 0 and its diagonal (which must be above 0) as it was."""
    values, vectors = np.linalg.eigh(matrix)
    lifted = (vectors * np.maximum(values, _LEAST_EIGENVALUE * matrix.diagonal().max(initial=0.0))) @ vectors.T
    scale = np.sqrt(matrix.diagonal() / lifted.diagonal())
    return np.asarray(lifted * scale * scale[:, None])


def _sum_section(section: pl.DataFrame, organisations: int, model: IndicatorModel) -> pl.DataFrame:
    """The sums of one section; the skewness of a sum of correlated items is Σ γ w r², exact for one and for twins."""
    z, weights = (_matrix(section, organisations, value) for value in ("z", "weight"))
    # A column that is the same for all has no correlation, and one of few organisations none that can be trusted.
    usable = (np.isfinite(z).sum(axis=0) >= model.peers.least) & _varies(_held(z, model.pooling))
    z, weight = z[:, usable], np.nan_to_num(weights[:, usable])
    present = np.isfinite(z)
    x, skewness = _standardised(z, model.pooling)
    winsorised = _winsorised(z, model)
    reach = weight @ shrunk_correlations(winsorised)
    skewed = weight * skewness
    sums = {
        "items": present.sum(axis=1, dtype=np.uint32),
        "total": np.nansum(x * weight, axis=1),
        "winsorised": np.nansum(winsorised * weight, axis=1),
        "weight": weight.sum(axis=1),
        "variance": (weight * reach).sum(axis=1),
        "skew_0": skewed.sum(axis=1),
        "skew_1": (skewed * reach).sum(axis=1),
        "skew_2": (skewed * reach**2).sum(axis=1),
    }
    return pl.DataFrame(sums)


def _held(z: Floats, pooling: Pooling) -> Floats:
    return np.clip(z, pooling.good_news_limit, pooling.bad_news_limit)


def _standardised(z: Floats, pooling: Pooling) -> tuple[Floats, Floats]:
    """Held scores with mean 0 and variance 1, and the skewness of each item."""
    values = (np.diff(np.sort(z, axis=0), axis=0) > 0).sum(axis=0) + 1
    of_levels = values * _SHARING <= np.isfinite(z).sum(axis=0)
    normal = _moments(_held(_NORMAL[:, None], pooling))
    own = _moments(_held(z, pooling))
    mean, sd, skewness = (np.where(of_levels, mine, of_number) for mine, of_number in zip(own, normal, strict=True))
    return (_held(z, pooling) - mean) / sd, skewness


def _moments(scores: Floats) -> tuple[Floats, Floats, Floats]:
    """Mean, standard deviation and skewness of each item."""
    mean, sd = np.nanmean(scores, axis=0), np.nanstd(scores, axis=0)
    standard = (scores - mean) / sd
    return mean, sd, np.nanmean(standard * standard * standard, axis=0)  # a power would take ten times as long


def _winsorised(z: Floats, model: IndicatorModel) -> Floats:
    """Winsorised scores in standard units; of an item of which that would leave nothing, the scores as they are held.

    So are those of levels where fewer than a tenth differ from the rest.
    """
    low, high = (_quantiles(z, share) for share in (model.winsorised, 1 - model.winsorised))
    cut = np.where(low < high, np.clip(z, low, high), _held(z, model.pooling))
    mean, sd, _ = _moments(cut)
    return np.asarray((cut - mean) / sd)


def _quantiles(z: Floats, share: float) -> Floats:
    """Each item's quantile (R's type 7), as `nanquantile` gives it, which would take the items one by one."""
    ordered = np.sort(z, axis=0)
    place = share * (np.isfinite(z).sum(axis=0) - 1)
    below = np.floor(place).astype(np.intp)
    low, high = (np.take_along_axis(ordered, at[None, :], axis=0)[0] for at in (below, np.ceil(place).astype(np.intp)))
    return np.asarray(low + (high - low) * (place - below))


def _varies(scores: Floats) -> npt.NDArray[np.bool_]:
    return np.asarray(np.nanmin(scores, axis=0) < np.nanmax(scores, axis=0))


def _overall(sums: pl.DataFrame) -> pl.DataFrame:
    """All sections of each organisation as one; between two sections all items share one correlation.

    To estimate one for each pair of items would be to fit 1.4 million correlations to some 500 organisations.
    """
    if sums.is_empty():
        return sums.select("org_code", "section", "items", z="total")
    codes, sections = (sums[name].unique().sort() for name in ("org_code", "section"))
    placed = sums.with_columns(row=_place("org_code", codes), column=_place("section", sections))
    parts = {part: np.nan_to_num(_matrix(placed, codes.len(), part)) for part in SUMS.names()[2:]}
    reach = parts["weight"] @ _between_sections(parts["winsorised"], parts["weight"], parts["variance"])
    third = parts["skew_2"] + 2 * reach * parts["skew_1"] + reach**2 * parts["skew_0"]
    variance = parts["variance"] + parts["weight"] * reach
    z = normalised(*(part.sum(axis=1) for part in (parts["total"], variance, third)))
    items = parts["items"].sum(axis=1).astype(np.uint32)
    return pl.DataFrame({"org_code": codes, "items": items, "z": z}).with_columns(section=pl.lit(OVERALL))


def _between_sections(winsorised: Floats, weight: Floats, variance: Floats) -> Floats:
    """The correlation of items of two sections, 0 on the diagonal; no organisation's variance gets below 0 by it.

    Estimated as Σ of the products of two sections' sums over Σ of the products of their weights. With the least
    variance of a section's mean on the diagonal the matrix is made positive; any organisation's own variances are no
    less.
    """
    numbers = _cross(weight)
    between = np.where(numbers > 0, _cross(winsorised) / np.where(numbers > 0, numbers, 1.0), 0.0)
    means = np.where(weight > 0, variance / np.where(weight > 0, weight, 1.0) ** 2, np.inf)
    np.fill_diagonal(between, means.min(axis=0))
    between = positive(between)
    np.fill_diagonal(between, 0.0)
    return between


def _place(column: str, names: pl.Series) -> pl.Expr:
    """The place of each name among all, from 0."""
    return pl.col(column).cast(pl.Enum(names)).to_physical()


def _matrix(rows: pl.DataFrame, organisations: int, value: str) -> Floats:
    """Organisations × items (or sections), by `row` and by the order of `column`; NaN where there is no row."""
    row, column = rows["row"].to_numpy(), rows["column"].to_numpy()
    matrix = np.full((organisations, int(column.max() - column.min()) + 1), np.nan)
    matrix[row, column - column.min()] = rows[value].to_numpy()
    return matrix


def _cross(matrix: Floats) -> Floats:
    return np.asarray(matrix.T @ matrix)


def _q_values(z: pl.Series) -> pl.Series:
    return pl.Series(false_discovery(z.to_numpy()))
