"""Factors: what the evidence on all organisations has in common, and how much each item says of it.

A linear factor model of standardised items, positive being worse:

    z_ij = a_j q_i + b_j s_i + c_j g_i(group of j) + e_ij,    e_ij of variance ψ_j

q is how far the organisation falls short in quality, s its response bias: how far its own account is better than what
others hold. Others' accounts depend on q alone. g is what the items of one group share beside that (a section of
answers, one source, or two accounts of one fact). The items themselves show which of them matter; a judgement made
beforehand is the prior of each loading. A loading may not run against its stated direction: a_j >= 0, b_j <= 0.

The factors serve to learn loadings and nothing else. No organisation's response bias is estimated, so that an answer
can never be explained away as candour; weights that cannot be negative are derived from the loadings (`weights`).

Sources: Rubin and Thayer 1982, Psychometrika 47:69-76 (the model); Byrd, Lu, Nocedal and Zhu 1995, SIAM Journal on
Scientific Computing 16:1190-1208 (the search); Holzinger and Swineford 1937, Psychometrika 2:41-54 (group factors).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from crosscheck.risk.items import FACT, NOTHING_VERIFIED, is_of_few
from crosscheck.risk.likelihood import LEAST_NOISE, LoadingLikelihood, search_loadings
from crosscheck.risk.relevance import Seen, find_irrelevant

if TYPE_CHECKING:
    from crosscheck.risk.model import RiskModel

Floats = npt.NDArray[np.float64]

_DECIMALS: Final = 5  # of every loading: coarser than what is left to settle, so that any start gives the same bytes
_RULED_OUT: Final = 1e-4  # prior standard deviation of a loading that the design rules out
_NO_SPREAD: Final = 1e-6
_ROUNDS: Final = 2  # of judging which figures say something, each from loadings that have settled
_ALIKE: Final = 0.95  # two items of a correlation above this are one question asked twice


@dataclass(frozen=True)
class ItemTable:
    """The items as a table: organisations in the rows, items in the columns.

    Attributes:
        codes: the organisations, sorted; `types` are theirs.
        items: one row an item, by `item`: `family`, `prior`, `group`, the four priors, `organisations` that have it.
        z: in standard units, 0 where absent. `present` is 1 where the item is there, else 0.
        influence: by how much each organisation counts when loadings are learnt; below 1 for one far from all others.
        percentages: the values of items that are percentages, NaN elsewhere.
        verified: which answers were proved by an accepted reply: no record speaks against them any longer.
        centre: what was taken from the score of each item, one row a type (in alphabetical order), one column an item;
            `spread` is what it was then divided by.
    """

    codes: pl.Series
    types: tuple[str, ...]
    items: pl.DataFrame
    z: Floats
    present: Floats
    influence: Floats
    percentages: Floats
    verified: npt.NDArray[np.bool_]
    centre: Floats
    spread: Floats

    def in_units(self, types: tuple[str, ...], scores: Floats, limit: float) -> Floats:
        """Scores of whoever does not count here, in the same units.

        Args:
            types: of which type each row is; all are types of the organisations here.
            scores: as in `items.ITEMS`, the items in the second dimension, NaN where there is none.
            limit: how far one score counts.
        """
        names = sorted(set(self.types))
        centre: Floats = self.centre[[names.index(one) for one in types]]
        rest = (1,) * (scores.ndim - 2)
        spread = self.spread.reshape(-1, *rest)
        return np.asarray(np.clip((scores - centre.reshape(*centre.shape, *rest)) / spread, -limit, limit))

    def beside(self, codes: pl.Series, types: tuple[str, ...], z: Floats) -> ItemTable:
        """The same of others, with these scores in units of `in_units`."""
        absent = np.isnan(z)
        return replace(
            self,
            codes=codes,
            types=types,
            z=np.where(absent, 0.0, z),
            present=(~absent).astype(np.float64),
            percentages=np.full(z.shape, np.nan),
            verified=np.zeros(z.shape, dtype=np.bool_),
        )

    @property
    def families(self) -> Floats:
        """One row an item, one column a family: 1 where the item is of it."""
        names = self.items["family"].unique().sort().to_numpy()
        member: Floats = (self.items["family"].to_numpy()[:, None] == names[None, :]).astype(np.float64)
        return member

    @property
    def grouping(self) -> Floats:
        """One row an item, one column a group of more than one item: 1 where the item is of it."""
        groups = self.items.filter(pl.col("group") != "").group_by("group").len().filter(pl.col("len") > 1)
        names = groups["group"].sort().to_numpy()
        member: Floats = (self.items["group"].to_numpy()[:, None] == names[None, :]).astype(np.float64)
        return member

    @property
    def own_account(self) -> npt.NDArray[np.bool_]:
        """Which items are the organisation's own account."""
        return self.items["bias_prior_sd"].to_numpy() > 0


@dataclass(frozen=True)
class Loadings:
    """One row an item. Columns of `mean` and `sd`: quality, response bias, the item's group. `noise` is a variance."""

    mean: Floats
    sd: Floats
    noise: Floats
    steps: int = 0
    settled: bool = True

    @property
    def quality(self) -> Floats:
        """Loadings on quality: how far an item is worse where quality is."""
        column: Floats = self.mean[:, 0]
        return column


def build_item_table(
    items: pl.DataFrame, types: pl.DataFrame, model: RiskModel, verified: pl.DataFrame = NOTHING_VERIFIED
) -> ItemTable:
    """Standardise the items and set them out as a table.

    Answers and figures are centred within the type of organisation; remarks are not centred, since a neutral one says
    nothing. Of items that repeat one another the first by name stays. Means and spreads count an organisation whose own
    accounts lie far from all others for less, so that the return of one hardly moves another.

    Args:
        items: `items.ITEMS`.
        types: one row an organisation: `org_code`, `org_type`; all have a row in the table.
        model: from how many organisations an item is learnt, and how far one may lie before it counts for less.
        verified: answers that an accepted reply has proved: `org_code`, `item`.
    """
    organisations = types.sort("org_code")
    codes, of_type = organisations["org_code"], tuple(organisations["org_type"].cast(pl.String).to_list())
    described = _describe(items, model.estimation.least)
    usable = items.join(described.select("item"), on="item", how="semi")
    raw = _spread_out(usable, "z", codes, described["item"])
    level, everybody = _level(described, np.array(of_type)), np.ones(codes.len())
    # Twice: influence can only be judged on standardised scores, and these are then standardised by influence.
    first, _, _ = _standardise(raw, everybody, level)
    limit, present = model.limits.score, (~np.isnan(raw)).astype(np.float64)
    once = ~_repeats(np.nan_to_num(first), present, described["family"].to_numpy())
    own = once & (described["bias_prior_sd"].to_numpy() > 0)
    influence = _influence(first[:, own], model.estimation.most_deviation)
    z, mean, spread = _standardise(raw, influence, level)
    few = described.select(is_of_few("item")).to_series().to_numpy()
    varies = ((spread > _NO_SPREAD) | few) & once
    return ItemTable(
        codes,
        of_type,
        described.filter(pl.Series(varies)),
        np.nan_to_num(np.clip(z, -limit, limit))[:, varies],
        present[:, varies],
        influence,
        _spread_out(usable, "percentage", codes, described["item"])[:, varies],
        _places(verified, codes, described["item"])[:, varies],
        mean[[of_type.index(one) for one in sorted(set(of_type))]][:, varies],
        spread[varies],
    )


def fit_loadings(evidence: ItemTable, model: RiskModel) -> Loadings:
    """Learn what each item says of quality, around what is stated of it.

    Penalised maximum likelihood, searched until it has settled. Where others hold little on the organisations, quality
    and response bias cannot be separated, and the loadings of own accounts are held to what is stated.

    Returns:
        Loadings with their standard deviations; the stated ones where the model does not learn, or there is no item.
    """
    prior = prior_loadings(evidence, model)
    if not model.learns or evidence.items.is_empty():
        return prior
    fit = _fit(evidence, prior, model, np.ones(evidence.items.height))
    steps, settled = fit.steps, fit.settled
    # An item judged irrelevant frees the others, whose relevance must then be judged again from where they settled.
    for _ in range(_ROUNDS):
        relevance = find_irrelevant(_seen(evidence, prior, fit), model.estimation)
        prior = prior_loadings(evidence, model, relevance)
        fit = _fit(evidence, prior, model, relevance, fit.found)
        steps, settled = steps + fit.steps, settled and fit.settled
    quality = _shrink(fit.found[:, 0], fit.spread[:, 0], model.estimation.shrinkage)
    fit.found[:, 0] = np.where(fit.likelihood.frozen, fit.found[:, 0], quality)
    mean, noise = fit.found[:, :3].round(_DECIMALS), fit.found[:, 3].round(_DECIMALS)
    # Adding 0.0 turns -0.0 into 0.0, so that equal loadings are equal bytes.
    return Loadings(mean + 0.0, fit.spread.round(_DECIMALS), noise, steps, settled)


@dataclass(frozen=True)
class _Fit:
    """Where the search has settled: loadings and noise, the standard deviations of the loadings."""

    likelihood: LoadingLikelihood
    found: Floats
    spread: Floats
    steps: int
    settled: bool


def _fit(
    evidence: ItemTable, prior: Loadings, model: RiskModel, relevance: Floats, start: Floats | None = None
) -> _Fit:
    likelihood = LoadingLikelihood(evidence, prior, model, relevance)
    found, steps, settled = search_loadings(likelihood, prior, start)
    return _Fit(likelihood, found, likelihood.spread(found), steps, settled)


def _seen(evidence: ItemTable, prior: Loadings, fit: _Fit) -> Seen:
    """What the judgement of relevance needs of each item's loading on quality."""
    expected, precision = fit.likelihood.expect_quality(fit.found[:, :2])
    of_others = ~evidence.own_account & ~fit.likelihood.frozen
    return Seen(of_others, prior.mean[:, 0], prior.sd[:, 0], fit.found[:, 0], fit.spread[:, 0], expected, precision)


def _shrink(loading: Floats, sd: Floats, by: float) -> Floats:
    """Draw to nothing what is small beside what is unknown of it: a³ / (a² + by·sd²).

    The prior expects something of every item; many items that say nothing would together move a risk by chance.
    """
    smaller: Floats = loading**3 / np.maximum(loading**2 + by * sd**2, _NO_SPREAD**2)
    return smaller


def prior_loadings(evidence: ItemTable, model: RiskModel, relevance: Floats | None = None) -> Loadings:
    """The loadings that are stated; an item of no group has none on one.

    Own accounts are stated the more firmly, the less others say: an item of others counts for that by its relevance.
    """
    items, grouped = evidence.items, evidence.grouping.sum(axis=1) > 0
    fact = items["group"].str.starts_with(FACT).to_numpy()
    shared = np.where(fact, model.groups["fact"].loading, model.groups["section"].loading)
    shared_sd = np.where(fact, model.groups["fact"].sd, model.groups["section"].sd)
    mean = np.column_stack([items["quality_prior"], items["bias_prior"], np.where(grouped, shared, 0.0)])
    # Without others' accounts quality and response bias can't be separated, so own loadings stay near their priors.
    freedom = np.where(evidence.own_account, _freedom(evidence, model, relevance), 1.0)
    spread = np.column_stack(
        [
            items["quality_prior_sd"].to_numpy() * freedom,
            items["bias_prior_sd"].to_numpy() * freedom,
            np.where(grouped, shared_sd, 0.0),
        ]
    )
    noise = np.maximum(1 - (mean**2).sum(axis=1), LEAST_NOISE)
    return Loadings(mean, np.maximum(spread, _RULED_OUT), noise)


def compare_loadings(evidence: ItemTable, prior: Loadings, fitted: Loadings) -> pl.DataFrame:
    """One row an item: what was stated and learnt of it, for the files of a run."""
    columns = {
        f"{name}_{suffix}": values[:, factor]
        for factor, name in enumerate(("quality", "bias", "group"))
        for suffix, values in (("stated", prior.mean), ("loading", fitted.mean), ("sd", fitted.sd))
    }
    named = evidence.items.select("item", "family", "prior", "group", "organisations")
    return named.with_columns(pl.Series(name, values) for name, values in (columns | {"noise": fitted.noise}).items())


def _spread_out(items: pl.DataFrame, column: str, codes: pl.Series, names: pl.Series) -> Floats:
    """One column of the items, organisations in the rows and items in the columns; NaN where there is none."""
    table = np.full((codes.len(), names.len()), np.nan)
    places = codes.search_sorted(items["org_code"]).to_numpy(), names.search_sorted(items["item"]).to_numpy()
    table[places] = items[column].cast(pl.Float64).to_numpy()
    return table


def _places(named: pl.DataFrame, codes: pl.Series, items: pl.Series) -> npt.NDArray[np.bool_]:
    """Organisations in the rows, items in the columns: whether the two are named together."""
    known = named.filter(pl.col("org_code").is_in(codes.implode()) & pl.col("item").is_in(items.implode()))
    places = np.zeros((codes.len(), items.len()), dtype=np.bool_)
    places[codes.search_sorted(known["org_code"]).to_numpy(), items.search_sorted(known["item"]).to_numpy()] = True
    return places


def _describe(items: pl.DataFrame, least: int) -> pl.DataFrame:
    """What is stated of each item that enough organisations have; a visit's finding may be of fewer."""
    priors = ("family", "prior", "group", "quality_prior", "quality_prior_sd", "bias_prior", "bias_prior_sd")
    named = items.group_by("item").agg(pl.col(priors).first(), organisations=pl.len())
    enough = (pl.col("organisations") >= least) | is_of_few("item")
    return named.filter(enough).sort("item")


def _level(items: pl.DataFrame, types: npt.NDArray[np.str_]) -> list[tuple[npt.NDArray[np.bool_], list[Floats]]]:
    """Items that are centred alike, and the organisations among which: within types, among all, or not at all."""
    family = items["family"].to_numpy()
    everybody = np.ones(len(types))
    visits = items.select(is_of_few("item")).to_series().to_numpy()
    by_type = [(types == one).astype(np.float64) for one in np.unique(types)]
    within = np.isin(family, ("answers", "figures")) & ~visits
    return [(within, by_type), ((family == "history") & ~visits, [everybody]), (visits, [])]


def _standardise(
    raw: Floats, influence: Floats, level: list[tuple[npt.NDArray[np.bool_], list[Floats]]]
) -> tuple[Floats, Floats, Floats]:
    """Centred and in units of the spread (NaN where absent); what was taken from each; the spreads.

    What few have keeps its own units.
    """
    # Items of few organisations (visits, corrected answers) have no spread worth dividing by: their units are stated.
    in_own_units = np.zeros(raw.shape[1], dtype=np.bool_)
    for of_items, circles in level:
        in_own_units |= of_items & (len(circles) == 0)
    centred, there, taken = np.nan_to_num(raw), ~np.isnan(raw), np.zeros(raw.shape)
    for of_items, circles in level:
        for circle in circles:
            counts = (circle * influence)[:, None] * there[:, of_items]
            mean = (counts * centred[:, of_items]).sum(axis=0) / np.maximum(counts.sum(axis=0), 1e-12)
            taken[:, of_items] += circle[:, None] * mean
    centred -= taken
    counts = influence[:, None] * there
    spread = np.sqrt((counts * centred**2).sum(axis=0) / np.maximum(counts.sum(axis=0), 1e-12))
    spread = np.where(in_own_units, 1.0, spread)
    return np.where(there, centred / np.maximum(spread, _NO_SPREAD), np.nan), taken, spread


def _influence(z: Floats, most: float) -> Floats:
    """1 for an organisation whose own accounts together lie within `most` of their spread from zero; less beyond."""
    there = ~np.isnan(z)
    pooled = np.nansum(z, axis=1) / np.sqrt(np.maximum(there.sum(axis=1), 1))
    spread = 1.4826 * np.median(np.abs(pooled)) if len(pooled) else 0.0
    beyond = np.abs(pooled) / max(spread, _NO_SPREAD) / most
    weight: Floats = np.minimum(1.0, 1 / np.maximum(beyond, _NO_SPREAD) ** 2)
    return weight


def _repeats(z: Floats, present: Floats, family: npt.NDArray[np.object_]) -> npt.NDArray[np.bool_]:
    """Items that nearly everybody answers as another of their kind before them: asked twice, they say it once."""
    squares, both = (z**2).T @ present, present.T @ present
    correlation = z.T @ z / np.sqrt(np.maximum(squares * squares.T, _NO_SPREAD))
    of_most = both > 0.5 * np.maximum.outer(np.diagonal(both), np.diagonal(both))
    alike = (correlation > _ALIKE) & of_most & (family[:, None] == family[None, :])
    repeated: npt.NDArray[np.bool_] = np.triu(alike, 1).any(axis=0)
    return repeated


def _freedom(evidence: ItemTable, model: RiskModel, relevance: Floats | None) -> float:
    """From 0 (nobody but the organisations themselves says anything) towards 1: how freely own accounts are learnt."""
    of_others = ~evidence.own_account
    prior = evidence.items["quality_prior"].to_numpy()[of_others]
    share_present = evidence.present[:, of_others].mean(axis=0) if len(evidence.codes) else prior * 0
    relevant = np.ones(len(prior)) if relevance is None else relevance[of_others]
    information = float((relevant * share_present * prior**2 / (1 - prior**2)).sum())
    return float(np.sqrt(information / (information + model.estimation.independent)))
