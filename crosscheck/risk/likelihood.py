"""The penalised likelihood of loadings and noise, and the search for the most probable ones.

The model is that of `factors`; what pulls the loadings towards their priors is the penalty.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from crosscheck.risk.items import is_of_few
from crosscheck.risk.relevance import HELD
from crosscheck.risk.search import minimise

if TYPE_CHECKING:
    from crosscheck.risk.factors import ItemTable, Loadings
    from crosscheck.risk.model import RiskModel

Floats = npt.NDArray[np.float64]

_GROUP: Final = 2
LEAST_NOISE: Final = 0.05  # an item is never taken for the thing itself


def search_loadings(
    likelihood: LoadingLikelihood, prior: Loadings, start: Floats | None = None
) -> tuple[Floats, int, bool]:
    """The most probable loadings and noise, within the stated directions; searched on scaled unknowns."""
    scale = np.column_stack([np.minimum(prior.sd, 0.1), np.full(len(prior.noise), 0.1)])
    fixed = np.column_stack([prior.mean, prior.noise])
    first = fixed if start is None else start
    low = np.column_stack(
        [np.zeros(len(first)), np.full(len(first), -np.inf), np.zeros(len(first)), np.full(len(first), LEAST_NOISE)]
    )
    high = np.column_stack([np.full(len(first), np.inf), np.zeros(len(first)), np.full((len(first), 2), np.inf)])
    frozen = likelihood.frozen[:, None]
    low, high = np.where(frozen, fixed, low) / scale, np.where(frozen, fixed, high) / scale

    def loss(unknowns: Floats) -> tuple[float, Floats]:
        value, gradient = likelihood(unknowns.reshape(first.shape) * scale)
        return value, (gradient * scale).ravel()

    found, steps, settled = minimise(loss, (first / scale).ravel(), low.ravel(), high.ravel())
    return found.reshape(first.shape) * scale, steps, settled


class LoadingLikelihood:
    """Minus the penalised log-likelihood of loadings and noise, and its gradient."""

    def __init__(self, evidence: ItemTable, prior: Loadings, model: RiskModel, relevance: Floats) -> None:
        self.evidence, self.prior, self.model = evidence, prior, model
        self.precision = prior.sd**-2
        self.precision[:, 0] *= relevance
        self.pull_to_zero = (1 - relevance) / HELD**2
        # A visit's finding stays as stated: those visited are no fair sample, and `learning` is about them.
        self.frozen = evidence.items.select(is_of_few("item")).to_series().to_numpy()
        counts = evidence.influence[:, None] * evidence.present
        self.squares, self.count = (counts * evidence.z**2).sum(axis=0), counts.sum(axis=0)
        self.grouping, self.families = evidence.grouping, evidence.families

    def __call__(self, unknowns: Floats) -> tuple[float, Floats]:
        """Its value at these loadings and noises, and its slope."""
        mean, noise = unknowns[:, :3], unknowns[:, 3]
        cross, seconds, fit = self._expect(mean, noise)
        residual = self.squares - 2 * (mean * cross).sum(axis=1) + np.einsum("jk,jkl,jl->j", mean, seconds, mean)
        toward = (cross - np.einsum("jkl,jl->jk", seconds, mean)) / noise[:, None]
        of_noise = (residual / noise - self.count) / (2 * noise)
        penalty, of_penalty = self._penalty(mean, noise)
        gradient = of_penalty - np.column_stack([toward, of_noise])
        return penalty - fit, np.where(self.frozen[:, None], 0.0, gradient)

    def spread(self, unknowns: Floats) -> Floats:
        """Standard deviations of the loadings, from the curvature where they have settled."""
        mean, noise = unknowns[:, :3], unknowns[:, 3]
        _, seconds, _ = self._expect(mean, noise)
        precision = self.precision.copy()
        precision[:, 0] += self.pull_to_zero
        curvature = seconds / noise[:, None, None] + precision[:, :, None] * np.eye(3)
        spread: Floats = np.sqrt(np.diagonal(np.linalg.inv(curvature), axis1=1, axis2=2))
        return np.where(self.frozen[:, None], self.prior.sd, spread)

    def expect_quality(self, mean: Floats) -> tuple[Floats, Floats]:
        """What is expected of each loading on quality beside the evidence: mean and precision."""
        precision = self.precision[:, 0] + self.pull_to_zero
        prior = self.prior.mean[:, 0] * (self.families @ self._factors(mean)[:, 0])
        return self.precision[:, 0] * prior / precision, precision

    def _factors(self, mean: Floats) -> Floats:
        """How much more, or less, than stated all items of each family say: one row a family, two columns.

        The factor has a normal prior around 1: how careful the returns of a year were, or how closely others looked, is
        the same for all items of a kind. It is the best for these loadings, so that it has no gradient of its own.
        """
        prior, precision = self.prior.mean[:, :2], self.precision[:, :2]
        around_one = self.model.estimation.family_sd**-2
        pull = self.families.T @ (precision * prior * mean[:, :2]) + around_one
        return np.asarray(np.maximum(pull / (self.families.T @ (precision * prior**2) + around_one), 0.0))

    def _penalty(self, mean: Floats, noise: Floats) -> tuple[float, Floats]:
        """How far from what is stated, once all items of a family may say more, or less, than stated.

        Of an item that is judged to say nothing, the distance is that from nothing.
        """
        factor, prior, weight = self._factors(mean), self.prior, self.model.estimation.noise_weight / 2
        expected = np.column_stack([prior.mean[:, :2] * (self.families @ factor), prior.mean[:, _GROUP]])
        distance = mean - expected
        value = 0.5 * (self.precision * distance**2).sum() + 0.5 * (self.pull_to_zero * mean[:, 0] ** 2).sum()
        value += 0.5 * self.model.estimation.family_sd**-2 * ((factor - 1) ** 2).sum()
        value += weight * (np.log(noise) + prior.noise / noise).sum()
        slope = self.precision * distance
        slope[:, 0] += self.pull_to_zero * mean[:, 0]
        return float(value), np.column_stack([slope, weight * (1 / noise - prior.noise / noise**2)])

    def _expect(self, mean: Floats, noise: Floats) -> tuple[Floats, Floats, float]:
        """For each item, over those that have it: expected factors times z, and expected squares of factors.

        With them the log-likelihood of what there is, each organisation counted by its influence.

        Group factors touch one another only through quality and response bias, so that a matrix of two by two is all
        there is to invert (the Schur complement).
        """
        evidence, general, own = self.evidence, mean[:, :2], mean[:, 2:] * self.grouping
        present, z = evidence.present, evidence.z
        scaled, own_scaled = general / noise[:, None], own / noise[:, None]
        products = (general[:, :, None] * scaled[:, None, :]).reshape(-1, 4)
        information = (present @ products).reshape(-1, 2, 2) + np.eye(2)
        between = np.stack([present @ (own * scaled[:, [factor]]) for factor in (0, 1)], axis=1)
        group_information = 1 + present @ (own * own_scaled)
        group_pull = z @ own_scaled
        share = between / group_information[:, None, :]
        covariance = np.linalg.inv(information - np.einsum("ikg,ilg->ikl", share, between))
        pull = z @ scaled - np.einsum("ikg,ig->ik", share, group_pull)
        centre = np.einsum("ikl,il->ik", covariance, pull)
        # log|Σ| and z'Σ⁻¹z by the same complement; constants left out.
        volume = present @ np.log(noise) + np.log(group_information).sum(axis=1) - np.linalg.slogdet(covariance)[1]
        explained = (group_pull**2 / group_information).sum(axis=1) + (pull * centre).sum(axis=1)
        fit = -0.5 * float(evidence.influence @ (volume + z**2 @ (1 / noise) - explained))
        with_group = -np.einsum("ikl,ilg->ikg", covariance, share)
        group_centre = group_pull / group_information - np.einsum("ikg,ik->ig", share, centre)
        group_squares = 1 / group_information - np.einsum("ikg,ikg->ig", share, with_group) + group_centre**2
        squares = covariance + centre[:, :, None] * centre[:, None, :]
        crossed = with_group + centre[:, :, None] * group_centre[:, None, :]
        return *self._gather(centre, group_centre, squares, crossed, group_squares), fit

    def _gather(
        self, centre: Floats, group_centre: Floats, squares: Floats, crossed: Floats, group_squares: Floats
    ) -> tuple[Floats, Floats]:
        """Sums over organisations, each counted by its influence."""
        counts, z = self.evidence.influence[:, None] * self.evidence.present, self.evidence.z
        weighted = self.evidence.influence[:, None] * z
        seconds = np.zeros((z.shape[1], 3, 3))
        seconds[:, :2, :2] = (counts.T @ squares.reshape(-1, 4)).reshape(-1, 2, 2)
        for factor in (0, 1):
            of_group = ((counts.T @ crossed[:, factor, :]) * self.grouping).sum(axis=1)
            seconds[:, factor, 2] = seconds[:, 2, factor] = of_group
        seconds[:, 2, 2] = ((counts.T @ group_squares) * self.grouping).sum(axis=1)
        own = ((weighted.T @ group_centre) * self.grouping).sum(axis=1)
        return np.column_stack([weighted.T @ centre, own]), seconds
