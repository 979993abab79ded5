"""Quality and shading: what an organisation's evidence has in common, and how much each item reveals of it.

A linear factor model of standardised items, positive being worse:

    z_ij = a_j q_i + b_j s_i + c_j g_i(group of j) + e_ij,    e_ij of variance ψ_j

q is how far the organisation falls short in quality, s how far it shades its own account: answers and declarations tell
of both, what others hold on it of q alone, and where an answer and another source speak of one fact (a group of two),
the difference tells of s. g is what the items of one group share beside that (a section of answers, one source). The
items themselves show which of them matter: one that goes along with the others gets a large loading, noise gets none.
Experts' judgement is the prior of each loading. Absent items are left out of every sum.

What a visit would find, its liability not to uphold, follows from both (`learn`); where there was a visit of the year,
what it found is one more item, the target.

Sources: Rubin and Thayer 1982, Psychometrika 47:69-76 (the algorithm); Holzinger and Swineford 1937, Psychometrika
2:41-54 (general factors and groups). Scores of ordinal answers are mid-rank normal scores, so that thresholds are those
of the type of organisation while loadings are shared (choice: a polychoric model costs seconds).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from crosscheck.risk.items import FACT, TARGET, VISIT, finding_unit
from crosscheck.risk.learn import LearntLink, learn_link, state_link

if TYPE_CHECKING:
    from crosscheck.risk.model import Link, QualityPrior, RiskModel

Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]

# Nothing is fixed at zero exactly: a loading that the design rules out has this prior standard deviation.
_RULED_OUT: Final = 1e-4
_MOST_STEPS: Final = 60
_SETTLED: Final = 1e-3
_LEAST_NOISE: Final = 0.05  # an item is never taken for the thing itself
_NO_SPREAD: Final = 1e-6


@dataclass(frozen=True)
class Quality:
    """What the items reveal of every organisation's quality.

    Attributes:
        organisations: `org_code`, `mean` and `known`: the expected liability to a visit that does not uphold (standard
            normal, positive is worse), and the share of its variance that the items explain (0 where there are none).
        shares: the items with `z` in standard units, and for each `bears_on` (its correlation with liability), `adds`
            (their sum is the mean), `tells` (their sum is `known`) and `doubt` (sd of `adds` for want of knowing the
            loading on quality).
        loadings: one row an item, the target included: `quality` and `shading`, each as stated (`_stated`,
            `_stated_sd`) and as learnt (with `_sd`), `noise` and `organisations`.
        beliefs: one row an organisation: what its items say of `quality` and `shading`, visits left out, with
            `quality_variance`, `shading_variance` and `covariance`.
        link: how far liability follows from quality and from shading.
    """

    organisations: pl.DataFrame
    shares: pl.DataFrame
    loadings: pl.DataFrame
    beliefs: pl.DataFrame
    link: LearntLink

    @property
    def knowable(self) -> float:
        """The share of the variance of liability that quality and shading explain, were both known."""
        return self.link.quality**2 + self.link.shading**2


@dataclass(frozen=True)
class _Loadings:
    """Items in the rows; columns: quality, shading, and the factor of the item's own group. `sd` is of the loadings."""

    mean: Floats
    sd: Floats
    noise: Floats


@dataclass(frozen=True)
class _Items:
    """The items that there are, organisations in the rows: `z` (0 where there is none) and `present` (0 or 1).

    `grouping` has a row an item and a column a group, 1 where the item is of the group; `families` likewise.
    """

    z: Floats
    present: Floats
    grouping: Floats
    families: Floats


@dataclass(frozen=True)
class _Posterior:
    """Of every organisation's quality and shading the mean and covariance; of its group factors as well.

    `mean` (organisations, 2), `covariance` (organisations, 2, 2); `group_mean` and `group_variance` (organisations,
    groups), `with_group` (organisations, 2, groups): the covariance of quality and shading with each.
    """

    mean: Floats
    covariance: Floats
    group_mean: Floats
    group_variance: Floats
    with_group: Floats


def measure_quality(items: pl.DataFrame, visits: pl.DataFrame, model: RiskModel, year: str) -> Quality:
    """Estimate quality and shading from all items at once, and what follows for a visit.

    Args:
        items: one row an organisation and item (`items.ITEMS`); `z` (positive is worse) in any unit but that of the
            target, which is standard already: those visited are no fair sample to standardise it by.
        visits: conformed; they teach how far what a visit finds follows from quality and from shading.
        model: the prior of the target, of groups and of noise; and whether loadings and link are learnt from items and
            visits (`learns`), or stay as experts state them.
        year: the assessment year.

    Returns:
        The expected liability of each organisation, and each item's share in it. An item that fewer than
        `quality.least` organisations have, or that is the same for all, says nothing.
    """
    usable = _standardise(items, model.quality.least)
    codes, names = items["org_code"].unique().sort(), _describe(usable, model.link)
    table = _table(usable, codes, names)
    stated = _state(names, model)
    target = names["item"].to_list().index(TARGET)
    loadings, link = stated, state_link(model)
    if model.learns:
        loadings = _learn(table, stated, model.quality, frozen=target)
    beliefs = _believe(table, loadings, codes, names)
    if model.learns:
        link = learn_link(beliefs, visits, model, year)
        loadings.mean[target, :2] = link.quality, link.shading
    organisations, shares = _share_out(usable, codes, names, table, loadings, link)
    compared = names.select("item", "family", "prior", "group", *_compare(stated, loadings), organisations="n")
    return Quality(organisations, shares, compared, beliefs, link)


def _believe(table: _Items, loadings: _Loadings, codes: pl.Series, names: pl.DataFrame) -> pl.DataFrame:
    """What the items say of each organisation, visits left out: they are what is to be foretold."""
    kept = names["item"].str.starts_with(VISIT).not_().cast(pl.Float64).to_numpy()
    inferred = _infer(replace(table, z=table.z * kept, present=table.present * kept), loadings)
    return pl.DataFrame(
        {
            "org_code": codes,
            "quality": inferred.mean[:, 0],
            "shading": inferred.mean[:, 1],
            "quality_variance": inferred.covariance[:, 0, 0],
            "shading_variance": inferred.covariance[:, 1, 1],
            "covariance": inferred.covariance[:, 0, 1],
        }
    )


def _standardise(items: pl.DataFrame, least: int) -> pl.DataFrame:
    z, is_target = pl.col("z"), pl.col("item") == TARGET
    spread = z.std(ddof=0).over("item")
    ordered = items.sort("item", "org_code")
    enough = ordered.filter(is_target | (pl.len().over("item") >= least) & (spread > _NO_SPREAD))
    standard = (z - z.mean().over("item")) / spread
    return enough.with_columns(z=pl.when(is_target).then(z).otherwise(standard))


def _describe(items: pl.DataFrame, link: Link) -> pl.DataFrame:
    """What is known of each item before any is seen; the target is always among them."""
    priors = ("family", "prior", "group", "bears", "bears_sd", "shades", "shades_sd")
    named = items.group_by("item").agg(pl.col(priors).first(), n=pl.len())
    target = (TARGET, "history", "link", "", link.quality, link.quality_sd, link.shading, link.shading_sd, 0)
    if TARGET not in named["item"]:
        named = pl.concat([named, pl.DataFrame([target], schema=named.schema, orient="row")])
    return named.sort("item")


def _table(items: pl.DataFrame, codes: pl.Series, names: pl.DataFrame) -> _Items:
    shape = (codes.len(), names.height)
    z, present = np.zeros(shape), np.zeros(shape)
    places = _places(items, codes, names)
    z[places], present[places] = items["z"].to_numpy(), 1.0
    grouping = names["group"].to_numpy()[:, None] == _shared_groups(names).to_numpy()[None, :]
    kinds = names["family"].to_numpy()[:, None] == names["family"].unique().sort().to_numpy()[None, :]
    return _Items(z, present, grouping.astype(np.float64), kinds.astype(np.float64))


def _places(items: pl.DataFrame, codes: pl.Series, names: pl.DataFrame) -> tuple[Places, Places]:
    return codes.search_sorted(items["org_code"]).to_numpy(), names["item"].search_sorted(items["item"]).to_numpy()


def _shared_groups(names: pl.DataFrame) -> pl.Series:
    """The groups of more than one item; what an item has by itself is its noise."""
    return names.filter(pl.col("group") != "").group_by("group").len().filter(pl.col("len") > 1)["group"].sort()


def _state(names: pl.DataFrame, model: RiskModel) -> _Loadings:
    """The loadings that experts expect; an item of no group has none on one. A finding is a coarse sign."""
    prior, share = model.quality, model.visitors.found(model.prior.not_upheld_share)
    grouped = names["group"].is_in(_shared_groups(names).implode()).to_numpy()
    fact = names["group"].str.starts_with(FACT).to_numpy()
    shared = np.where(fact, prior.fact.loading, prior.group.loading)
    sd = np.where(fact, prior.fact.sd, prior.group.sd)
    mean = np.column_stack([names["bears"], names["shades"], np.where(grouped, shared, 0.0)])
    spread = np.column_stack([names["bears_sd"], names["shades_sd"], np.where(grouped, sd, 0.0)])
    variance = np.where(names["item"] == TARGET, share * (1 - share) / finding_unit(model) ** 2, 1.0)
    noise = np.maximum(variance - (mean**2).sum(axis=1), _LEAST_NOISE)
    return _Loadings(mean, np.maximum(spread, _RULED_OUT), noise)


def _learn(table: _Items, stated: _Loadings, prior: QualityPrior, frozen: int) -> _Loadings:
    """Penalised maximum likelihood by expectation and maximisation; each loading has its own normal prior.

    The `frozen` item, the target, is left to `learn`: few were visited, and few of those by lot.
    """
    squares, count = (table.z**2).sum(axis=0), table.present.sum(axis=0)
    precision, loadings, expected = stated.sd**-2, stated, stated.mean
    for _ in range(_MOST_STEPS):
        cross, seconds = _expect(table, loadings)
        hessian = seconds / loadings.noise[:, None, None] + precision[:, :, None] * np.eye(3)
        slopes = cross / loadings.noise[:, None] + precision * expected
        mean = np.asarray(np.linalg.solve(hessian, slopes[:, :, None])[:, :, 0], dtype=np.float64)
        residual = squares - 2 * (mean * cross).sum(axis=1) + np.einsum("jk,jkl,jl->j", mean, seconds, mean)
        noise = (residual + prior.noise_weight * stated.noise) / (count + prior.noise_weight)
        mean[frozen], noise[frozen] = stated.mean[frozen], stated.noise[frozen]
        moved = np.abs(mean - loadings.mean).max()
        sd = np.sqrt(np.diagonal(np.linalg.inv(hessian), axis1=1, axis2=2))
        loadings = _Loadings(mean, sd, np.maximum(noise, _LEAST_NOISE))
        expected = _rescale(mean, stated, precision, table.families, prior.family_sd)
        if moved < _SETTLED:
            break
    return _Loadings(loadings.mean.round(9), loadings.sd, loadings.noise.round(9))


def _rescale(mean: Floats, stated: _Loadings, precision: Floats, families: Floats, sd: float) -> Floats:
    """What is expected of each loading, once all of its family tell more, or less, than stated.

    The factor of each family has a normal prior around 1: how careful the returns of a year were, or how closely others
    looked, is the same for all items of a kind.
    """
    told = families.T @ (precision * stated.mean * mean)
    stake = families.T @ (precision * stated.mean**2)
    factor = (told + sd**-2) / (stake + sd**-2)
    expected: Floats = stated.mean * (families @ factor)
    expected[:, 2] = stated.mean[:, 2]
    return expected


def _infer(table: _Items, loadings: _Loadings) -> _Posterior:
    """Quality, shading and group factors of every organisation, given the items that it has.

    Group factors touch one another only through quality and shading, so that a matrix of two by two is all there is to
    invert (the Schur complement).
    """
    general, own = loadings.mean[:, :2], loadings.mean[:, 2:] * table.grouping
    scaled, own_scaled = general / loadings.noise[:, None], own / loadings.noise[:, None]
    information = np.einsum("ij,jk,jl->ikl", table.present, general, scaled, optimize=True) + np.eye(2)
    between = np.stack([table.present @ (own * scaled[:, [factor]]) for factor in (0, 1)], axis=1)
    group_information = 1 + table.present @ (own * own_scaled)
    group_pull = table.z @ own_scaled
    share = between / group_information[:, None, :]
    covariance = np.linalg.inv(information - np.einsum("ikg,ilg->ikl", share, between))
    pull = table.z @ scaled - np.einsum("ikg,ig->ik", share, group_pull)
    mean = np.einsum("ikl,il->ik", covariance, pull)
    with_group = -np.einsum("ikl,ilg->ikg", covariance, share)
    return _Posterior(
        mean=mean,
        covariance=covariance,
        group_mean=group_pull / group_information - np.einsum("ikg,ik->ig", share, mean),
        group_variance=1 / group_information - np.einsum("ikg,ikg->ig", share, with_group),
        with_group=with_group,
    )


def _expect(table: _Items, loadings: _Loadings) -> tuple[Floats, Floats]:
    """For each item, over the organisations that have it: expected factors times z, and expected squares of factors."""
    inferred = _infer(table, loadings)
    mean, group_mean = inferred.mean, inferred.group_mean
    squares = inferred.covariance + mean[:, :, None] * mean[:, None, :]
    with_group = inferred.with_group + mean[:, :, None] * group_mean[:, None, :]
    group_squares = inferred.group_variance + group_mean**2
    seconds = np.zeros((table.z.shape[1], 3, 3))
    seconds[:, :2, :2] = np.einsum("ij,ikl->jkl", table.present, squares, optimize=True)
    for factor in (0, 1):
        crossed = ((table.present.T @ with_group[:, factor, :]) * table.grouping).sum(axis=1)
        seconds[:, factor, 2] = seconds[:, 2, factor] = crossed
    seconds[:, 2, 2] = ((table.present.T @ group_squares) * table.grouping).sum(axis=1)
    own = ((table.z.T @ group_mean) * table.grouping).sum(axis=1)
    return np.column_stack([table.z.T @ mean, own]), seconds


def _share_out(
    items: pl.DataFrame, codes: pl.Series, names: pl.DataFrame, table: _Items, loadings: _Loadings, link: LearntLink
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """`Quality.organisations` and `Quality.shares`: what all items say of liability, and what each adds to it."""
    inferred, target = _infer(table, loadings), np.array([link.quality, link.shading])
    toward = inferred.covariance @ target
    toward_group = np.einsum("ikg,k->ig", inferred.with_group, target)
    own = loadings.mean[:, 2:] * table.grouping
    weights = (toward @ loadings.mean[:, :2].T + toward_group @ own.T) / loadings.noise
    pull = toward[:, [0]] * (loadings.sd[:, 0] / loadings.noise)
    row, column = _places(items, codes, names)
    weight, z = weights[row, column], items["z"]
    bears_on = (loadings.mean[:, :2] @ target)[column]
    known = target @ target - toward @ target
    organisations = pl.DataFrame({"org_code": codes, "mean": inferred.mean @ target, "known": known})
    shares = items.with_columns(
        bears_on=bears_on, adds=weight * z, tells=weight * bears_on, doubt=(pull[row, column] * z).abs()
    )
    return organisations, shares


def _compare(stated: _Loadings, learnt: _Loadings) -> list[pl.Series]:
    """Each loading as it was stated and as it was learnt, with its standard deviation, and the noise."""
    columns = {
        f"{name}{suffix}": values[:, factor]
        for factor, name in enumerate(("quality", "shading"))
        for suffix, values in (
            ("_stated", stated.mean),
            ("_stated_sd", stated.sd),
            ("", learnt.mean),
            ("_sd", learnt.sd),
        )
    }
    return [pl.Series(name, values) for name, values in (columns | {"noise": learnt.noise}).items()]
