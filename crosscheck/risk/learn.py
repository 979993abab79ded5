"""What visits teach: how far what they find follows from quality and from shading.

Probit regression of findings on what the items say of each visited organisation, around the experts' judgement, on a
grid of its three unknowns: exact, and the same on every machine. Three things that go wrong elsewhere are in the
likelihood: visitors err; what is known of an organisation is not the thing itself; and those whom somebody chose may be
worse than their items say, which an intercept of their own takes out, so that choice by risk does not pass for the
items' merit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl
from scipy.special import ndtr, ndtri

if TYPE_CHECKING:
    import numpy.typing as npt

    from crosscheck.risk.model import RiskModel

    Floats = npt.NDArray[np.float64]

_REACH: Final = 3.0  # the grid spans so many prior standard deviations to either side
_POINTS: Final = (19, 13, 9)
_MOST_EXPLAINED: Final = 0.95
_MOST_STEPS: Final = 50
_SETTLED: Final = 1e-9


@dataclass(frozen=True)
class LearntLink:
    """How far liability follows from quality and shading, with standard deviations.

    `chosen` is how much worse those are who were not drawn by lot, beyond what their items say. `visits` is from how
    many it was learnt.
    """

    quality: float
    quality_sd: float
    shading: float
    shading_sd: float
    chosen: float
    chosen_sd: float
    visits: int


def state_link(model: RiskModel) -> LearntLink:
    """The link as experts state it."""
    link = model.link
    return LearntLink(
        link.quality, link.quality_sd, link.shading, link.shading_sd, 0.0, model.visitors.chosen_sd, visits=0
    )


def learn_link(beliefs: pl.DataFrame, visits: pl.DataFrame, model: RiskModel, year: str) -> LearntLink:
    """Learn from visits of this and of former years.

    Args:
        beliefs: one row an organisation: `org_code`, `quality`, `shading`, their `quality_variance`,
            `shading_variance` and `covariance`, from items without any visit.
        visits: conformed; who made them is not in the contract, so that no visitor's own leaning can be taken out.
        model: the prior, how often visitors err, and how fast a former year's quality fades.
        year: the assessment year.

    Returns:
        Posterior means and standard deviations; the stated ones where nobody was visited.
    """
    seen = visits.filter(pl.col("year") <= year).join(beliefs, on="org_code").sort("org_code", "function", "visited_on")
    if seen.is_empty():
        return state_link(model)
    grid = _grid(model)
    fit = _log_likelihood(seen, grid, model, year) - 0.5 * _penalty(grid, model)
    weight = np.where(grid[0] ** 2 + grid[1] ** 2 < _MOST_EXPLAINED, np.exp(fit - fit.max()), 0.0)
    weight /= weight.sum()
    means = [float((weight * axis).sum()) for axis in grid]
    sds = [float(np.sqrt((weight * (axis - mean) ** 2).sum())) for axis, mean in zip(grid, means, strict=True)]
    rounded = [round(figure, 6) for pair in zip(means, sds, strict=True) for figure in pair]
    quality, quality_sd, shading, shading_sd, chosen, chosen_sd = rounded
    return LearntLink(quality, quality_sd, shading, shading_sd, chosen, chosen_sd, seen.height)


def _priors(model: RiskModel) -> tuple[tuple[float, float], ...]:
    link = model.link
    return (link.quality, link.quality_sd), (link.shading, link.shading_sd), (0.0, model.visitors.chosen_sd)


def _grid(model: RiskModel) -> list[Floats]:
    axes = [
        np.linspace(mean - _REACH * sd, mean + _REACH * sd, points)
        for (mean, sd), points in zip(_priors(model), _POINTS, strict=True)
    ]
    return [axis.ravel() for axis in np.meshgrid(*axes, indexing="ij")]


def _penalty(grid: list[Floats], model: RiskModel) -> Floats:
    squares = [((axis - mean) / sd) ** 2 for axis, (mean, sd) in zip(grid, _priors(model), strict=True)]
    penalty: Floats = np.sum(squares, axis=0)
    return penalty


def _log_likelihood(seen: pl.DataFrame, grid: list[Floats], model: RiskModel, year: str) -> Floats:
    """Summed over visits; what was quality years ago is its present level times what is left of it."""
    visitors, share = model.visitors, model.prior.not_upheld_share
    quality, shading, chosen = (axis[:, None] for axis in grid)
    ago = seen.select(int(year[:4]) - pl.col("year").str.slice(0, 4).cast(pl.Int64)).to_series().to_numpy()
    left = model.history.fading**ago
    by_choice = (seen["selected_by"] != "random").cast(pl.Float64).to_numpy()
    mean = left * (quality * seen["quality"].to_numpy() + shading * seen["shading"].to_numpy()) + chosen * by_choice
    unknown = (
        quality**2 * seen["quality_variance"].to_numpy()
        + shading**2 * seen["shading_variance"].to_numpy()
        + 2 * quality * shading * seen["covariance"].to_numpy()
    )
    rest = np.maximum(1 - left**2 * (quality**2 + shading**2 - unknown), 1 - _MOST_EXPLAINED)
    lapse = ndtr((mean + ndtri(share)) / np.sqrt(rest))
    found = 1 - visitors.specificity + visitors.power * lapse
    not_upheld = (seen["finding"] == "qualified").to_numpy()
    total: Floats = np.log(np.where(not_upheld, found, 1 - found)).sum(axis=1)
    return total


@dataclass(frozen=True)
class Weights:
    """Posterior of the weights of a logistic regression: `mean` and `covariance` (of a normal approximation)."""

    mean: Floats
    covariance: Floats

    @property
    def sd(self) -> Floats:
        """The standard deviation of each."""
        spread: Floats = np.sqrt(np.diagonal(self.covariance))
        return spread


def fit_weights(features: Floats, outcomes: Floats, mean: Floats, sd: Floats, offset: Floats | float = 0.0) -> Weights:
    """Bayesian logistic regression around stated weights, by Laplace's approximation.

    Args:
        features: one row a case, one column a weight; 0 is what says nothing.
        outcomes: 1 where not upheld, else 0.
        mean: what each weight is stated to be, in log-odds a unit of its feature.
        sd: how unsure that is; a small one holds the weight where it is.
        offset: log-odds of each case before these features.

    Returns:
        The stated weights and their standard deviations where there is no case.

    Source: Gelman, Jakulin, Pittau and Su 2008, Annals of Applied Statistics 2:1360-1383 (informative priors).
    """
    precision = np.diag(np.asarray(sd, dtype=np.float64) ** -2)
    weights = np.asarray(mean, dtype=np.float64).copy()
    hessian = precision
    for _ in range(_MOST_STEPS):
        chance = 1 / (1 + np.exp(-(offset + features @ weights)))
        gradient = features.T @ (outcomes - chance) - precision @ (weights - mean)
        hessian = (features * (chance * (1 - chance))[:, None]).T @ features + precision
        step = np.asarray(np.linalg.solve(hessian, gradient), dtype=np.float64)
        weights = weights + step
        if np.abs(step).max(initial=0.0) < _SETTLED:
            break
    return Weights(weights, np.asarray(np.linalg.inv(hessian), dtype=np.float64))
