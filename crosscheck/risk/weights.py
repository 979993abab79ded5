"""Weights: the best prediction of not meeting the standard in which no worse answer can lower the risk.

The liability of a declaration is a standard normal variable: the standard is not met above a threshold. Under the
factor model its best linear prediction from the items that a declaration has, with all weights at least zero, is

    w = argmin over w >= 0 of w'Σw - 2 c'w

with Σ the covariance of the items and c theirs with the liability. Weights depend on the type of organisation, on the
function and on what others hold, never on an answer: what was not answered counts as the average answer. What others
hold on some and not on all is nobody's choice, so that the weights of what is there are scaled to it, one factor a
declaration.

Where a named other source, or another organisation, has a record of the same fact, the own account, the record, and how
far the own account is better than the record are three items, each with a weight at least zero.

Source: Lawson and Hanson 1974, Solving Least Squares Problems, chapter 23 (non-negative least squares).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl
from scipy.optimize import nnls
from scipy.special import ndtri

from crosscheck.risk.items import is_of_few

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

    from crosscheck.risk.factors import Floats, ItemTable, Loadings
    from crosscheck.risk.model import RiskModel

    Places = npt.NDArray[np.int64]

# Decibans for one unit of a probit: 1.69 nats (choice: their ratio at 13%; a straight line, so that parts add up).
PROBIT: Final = 1.69 * 10 / np.log(10)

# Before the name of an answer of which another source holds a worse record.
BETTER: Final = "better than the record: "

_HELD_BY_SOME: Final = 0.05  # an item of which fewer of a type have anything has no weight there
_MOST_KNOWN: Final = 0.9
_MOST_STEPS: Final = 5000
_NO_WEIGHT: Final = 1e-6  # what the ridge leaves of a weight that is zero
_KEYS: Final = ("org_code", "function")


@dataclass(frozen=True)
class Weighed:
    """What the items say of each declaration.

    Attributes:
        contributions: one row a declaration and item that it has: `org_code`, `function`, `item`, `weight` (of one
            standard unit, at least zero, in decibans), `z`, `decibans` (their product) and `sd` (of it, since the
            loading is not known exactly).
        declarations: one row a declaration, in the order given: `org_code`, `function`, `known` (the share of the
            liability's variance that its items explain) and `spread` (decibans to add to all, because the more is known
            of a declaration the farther it can lie from the average).
        per_unit: one row a type of organisation, function and item that weighs there: `org_type`, `function`, `item`,
            `weight` (of one standard unit, in decibans) in a declaration that has all items of its type.
        of_types: one row a type and function: `org_type`, `function`, and `known` and `spread` of such a declaration.
    """

    contributions: pl.DataFrame
    declarations: pl.DataFrame
    per_unit: pl.DataFrame
    of_types: pl.DataFrame


@dataclass(frozen=True)
class _Problem:
    """Covariance of the items with one another and with the liability, records of one fact included."""

    names: tuple[str, ...]
    covariance: Floats
    with_liability: Floats
    relative_sd: Floats  # relative standard deviation of each item's loading


def weigh_items(
    declarations: pl.DataFrame, evidence: ItemTable, loadings: Loadings, model: RiskModel, link: float, share: float
) -> Weighed:
    """Weigh all items of all declarations.

    Args:
        declarations: one row a declaration: `org_code`, `function`.
        evidence: the items.
        loadings: what each says.
        model: how far sections bear on one function; which figures state the same fact as an answer.
        link: the correlation of not meeting the standard with quality.
        share: of all declarations of compliance that are in truth wrong.
    """
    z, present, names, facts = with_records(evidence, model)
    rows = evidence.codes.search_sorted(declarations["org_code"]).to_numpy()
    few = np.append(evidence.items.select(is_of_few("item")).to_series().to_numpy(), np.zeros(len(facts), np.bool_))
    basis = _Basis(evidence, loadings, model, link, facts, present, few)
    alike = list(_alike(declarations, evidence, rows, present[:, few]))
    circles = sorted({(kind, function) for kind, function, _, _ in alike})
    # After the declarations one row a type and function, for a declaration that has all that its type has.
    weights, known = np.zeros((len(rows) + len(circles), len(names))), np.zeros(len(rows) + len(circles))
    for kind, function, has, chosen in alike:
        weights[chosen], known[chosen] = basis.weigh(kind, function, has, present[rows[chosen]])
    for at, (kind, function) in enumerate(circles, start=len(rows)):
        nothing = np.zeros(int(few.sum()), dtype=np.bool_)
        weights[[at]], known[[at]] = basis.weigh(
            kind, function, nothing, basis.held(kind, nothing)[None, :].astype(np.float64)
        )
    relative_sd = basis.problem("whole").relative_sd
    rest = np.sqrt(1 - known)
    per_unit = np.minimum(PROBIT * weights / rest[:, None], model.limits.item_decibans / model.limits.score)
    how_known = pl.DataFrame({"known": known, "spread": float(PROBIT * ndtri(share)) * (1 / rest - 1)})
    of_types = pl.DataFrame(circles, schema={"org_type": pl.String, "function": pl.String}, orient="row")
    number = len(rows)
    return Weighed(
        _list_contributions(declarations, names, per_unit[:number], z[rows], present[rows], relative_sd),
        pl.concat([declarations.select(_KEYS), how_known[:number]], how="horizontal"),
        _list_per_unit(of_types, names, per_unit[number:]),
        pl.concat([of_types, how_known[number:]], how="horizontal"),
    )


@dataclass(frozen=True)
class _Basis:
    """What weights are derived from. `few` says which items few organisations have, and no fair sample of all."""

    evidence: ItemTable
    loadings: Loadings
    model: RiskModel
    link: float
    facts: Places
    present: Floats
    few: npt.NDArray[np.bool_]

    def problem(self, function: str) -> _Problem:
        """The covariances for the declarations of one function."""
        return _problem(self.evidence, self.loadings, self.model, self.link, function, self.facts)

    def held(self, kind: str, has: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        """The items that organisations of a type have, and of those that few have the ones that these have."""
        of_type = np.array(self.evidence.types) == kind
        held: npt.NDArray[np.bool_] = (self.present[of_type].mean(axis=0) > _HELD_BY_SOME) & ~self.few
        held[self.few] = has
        return held

    def weigh(self, kind: str, function: str, has: npt.NDArray[np.bool_], there: Floats) -> tuple[Floats, Floats]:
        """Weights and known shares of declarations with these items."""
        problem = self.problem(function)
        best = _solve(problem, np.flatnonzero(self.held(kind, has)))
        return _scale(best, problem, there, _by_others(self.evidence, self.facts))


def _list_per_unit(of_types: pl.DataFrame, names: Sequence[str], per_unit: Floats) -> pl.DataFrame:
    row, column = np.nonzero(per_unit)
    return of_types[row].with_columns(
        item=pl.Series(names, dtype=pl.String)[column], weight=pl.Series(per_unit[row, column])
    )


def _alike(
    declarations: pl.DataFrame, evidence: ItemTable, rows: Places, of_few: Floats
) -> Iterator[tuple[str, str, npt.NDArray[np.bool_], Places]]:
    """Declarations that are weighed alike: the type, the function, which of the items that few have they have, rows."""
    functions = declarations["function"].cast(pl.String).to_list()
    keys = [
        (evidence.types[row], function, tuple(of_few[row] > 0)) for row, function in zip(rows, functions, strict=True)
    ]
    places: dict[tuple[str, str, tuple[bool, ...]], list[int]] = {}
    for place, key in enumerate(keys):
        places.setdefault(key, []).append(place)
    for (kind, function, has), chosen in sorted(places.items()):
        yield kind, function, np.array(has, dtype=np.bool_), np.array(chosen, dtype=np.int64)


def _list_contributions(
    declarations: pl.DataFrame,
    names: Sequence[str],
    per_unit: Floats,
    z: Floats,
    present: Floats,
    relative_sd: Floats,
) -> pl.DataFrame:
    row, column = np.nonzero((present > 0) & (per_unit > 0))
    weight, standard = per_unit[row, column], z[row, column]
    return declarations.select(_KEYS)[row].with_columns(
        item=pl.Series(names, dtype=pl.String)[column],
        weight=pl.Series(weight),
        z=pl.Series(standard),
        decibans=pl.Series(weight * standard),
        sd=pl.Series(np.abs(weight * standard) * relative_sd[column]),
    )


def with_records(evidence: ItemTable, model: RiskModel) -> tuple[Floats, Floats, tuple[str, ...], Places]:
    """The items, and after them for each fact with a record how far the own account is better than the record.

    An answer that was not given counts as the average answer, here as everywhere. `facts` has one row a fact: the
    columns of the answer and of the record.

    Returns:
        Scores, presence, names, `facts`.
    """
    names = evidence.items["item"].to_list()
    pairs = [(names.index(own), names.index(of_others)) for of_others, own in sorted(model.facts.items())
             if own in names and of_others in names]  # fmt: skip
    facts = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    own, record = facts[:, 0], facts[:, 1]
    # Where both are percentages, what is better is for the figures to say, and not for how others of the type compare.
    no_better = evidence.percentages[:, own] <= evidence.percentages[:, record]
    gap = np.where(no_better, 0.0, np.maximum(evidence.z[:, record] - evidence.z[:, own], 0.0))
    held = evidence.present[:, record] * ~evidence.verified[:, own]
    z = np.column_stack([evidence.z, held * gap])
    return z, np.column_stack([evidence.present, held]), (*names, *(BETTER + names[at] for at in own)), facts


def _by_others(evidence: ItemTable, facts: Places) -> npt.NDArray[np.bool_]:
    """Which items are held by others: that one is absent is nobody's choice."""
    return np.append(~evidence.own_account, np.ones(len(facts), dtype=np.bool_))


def _problem(
    evidence: ItemTable, loadings: Loadings, model: RiskModel, link: float, function: str, facts: Places
) -> _Problem:
    mean, grouping = loadings.mean, evidence.grouping
    own = mean[:, 2:] * grouping
    covariance = mean[:, :2] @ mean[:, :2].T + own @ own.T
    np.fill_diagonal(covariance, (mean**2).sum(axis=1) + loadings.noise)
    with_liability = link * loadings.quality + mean[:, 2] * _liability_loading(evidence, model, function) * link
    relative_sd = loadings.sd[:, 0] / np.maximum(mean[:, 0], loadings.sd[:, 0])
    names = tuple(evidence.items["item"].to_list())
    return _add_records(_Problem(names, covariance, with_liability, relative_sd), facts)


def _liability_loading(evidence: ItemTable, model: RiskModel, function: str) -> Floats:
    """Of each item's group: its correlation with the liability of one function beside quality, in units of the link."""
    stated = model.functions.get(function, {})
    bearing: Floats = evidence.items["group"].replace_strict(stated, default=0.0, return_dtype=pl.Float64).to_numpy()
    return bearing


def _add_records(problem: _Problem, facts: Places) -> _Problem:
    """With how far own accounts are better than records: max(0, D), D = record - own being normal.

    Cov(max(0, D), x) = Cov(D, x) / 2 for any x that is normal with D, and for two such differences
    E[max(0, D) max(0, E)] = σ_D σ_E / 2π · (√(1 - ρ²) + ρ (π - arccos ρ)) (Cho and Saul 2009, NeurIPS 22, degree 1).
    """
    own, record = facts[:, 0], facts[:, 1]
    step = problem.covariance[record] - problem.covariance[own]
    of_steps = step[:, record] - step[:, own]
    sd = np.sqrt(np.maximum(np.diagonal(of_steps), 1e-12))
    correlation = np.clip(of_steps / np.outer(sd, sd), -1.0, 1.0)
    angle = np.sqrt(1 - correlation**2) + correlation * (np.pi - np.arccos(correlation))
    of_gaps = np.outer(sd, sd) / (2 * np.pi) * (angle - 1)
    covariance = np.block([[problem.covariance, step.T / 2], [step / 2, of_gaps]])
    toward = (problem.with_liability[record] - problem.with_liability[own]) / 2
    return _Problem(
        (*problem.names, *(BETTER + problem.names[at] for at in own)),
        covariance,
        np.append(problem.with_liability, toward),
        np.append(problem.relative_sd, problem.relative_sd[record]),
    )


def _solve(problem: _Problem, places: Places) -> Floats:
    """Non-negative weights for the items at these places, zero elsewhere."""
    weights = np.zeros(len(problem.names))
    if places.size:
        ridge = 1e-9 * np.eye(places.size)
        root = np.linalg.cholesky(problem.covariance[np.ix_(places, places)] + ridge)
        target = np.linalg.solve(root, problem.with_liability[places])
        weights[places], _ = nnls(root.T, target, maxiter=_MOST_STEPS)
    return np.where(weights > _NO_WEIGHT, weights, 0.0)


def _scale(best: Floats, problem: _Problem, present: Floats, by_others: npt.NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """The weights of what each declaration has, scaled to it; and the share of the variance that is then known.

    Own accounts count as there, answered or not: else silence would pay.
    """
    there = np.where(by_others, present, 1.0) * best
    toward = there @ problem.with_liability
    variance = np.einsum("ij,jk,ik->i", there, problem.covariance, there, optimize=True)
    factor = toward / np.maximum(variance, 1e-12)
    known = np.minimum(toward * factor, _MOST_KNOWN)
    return there * factor[:, None], known
