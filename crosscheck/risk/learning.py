"""What visits teach: how far not meeting the standard follows from quality, and what each check adds.

One regression of what visits found on the items' and the checks' parts, around what is stated. Four things that go
wrong elsewhere are in the likelihood: visitors err; those whom somebody chose may be worse than their evidence says;
assessors differ in strictness; and what is known today says less of a visit of years ago. The two visits to one
organisation in a year are not independent: n of them count as n / (1 + 0.25 (n - 1)) (choice: the design effect of
clusters of correlation 0.25).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl
from scipy.optimize import minimize
from scipy.special import expit, logit

if TYPE_CHECKING:
    import numpy.typing as npt

    from crosscheck.risk.model import RiskModel

    Floats = npt.NDArray[np.float64]

_KEYS: Final = ("org_code", "function")
_NATS: Final = 10 / np.log(10)
_GRID: Final = np.linspace(0.0, 0.97, 98)
_INTERCEPT_SD: Final = 1.0
_NO_RELATION: Final = 0.25  # a link below this explains less than a sixteenth
_HELD: Final = 1e-4  # the standard deviation of what is learnt elsewhere
_SLOPE, _CHOSEN, _FACTOR, _FIRST = 0, 2, 3, 4  # places of the values; from the last on, those of single checks
_MOST_STEPS: Final = 1000  # some forty are needed
_ALIKE: Final = 0.25  # correlation of what two visits to one organisation in a year find, its evidence given
_SETTLED: Final = 1e-4  # slope of the log-posterior for a prior standard deviation, where it has settled
_DECIMALS: Final = 6


@dataclass(frozen=True)
class VisitLearning:
    """What visits teach.

    Attributes:
        link: correlation of not meeting the standard with quality, and `link_sd`.
        no_relation: whether the visits show no relation between the items and what was found.
        weights: the checks' weights (`checks.CHECK_WEIGHTS`), as learnt.
        assessors: one row an assessor: `assessor`, `visits`, `strictness` (log-odds by which more is found wrong than
            by others, shrunk), `sd`.
        chosen: log-odds by which those whom somebody chose are worse than their evidence says.
        visits: from how many visits.
        settled: whether the estimation has settled.
    """

    link: float
    link_sd: float
    no_relation: bool
    weights: pl.DataFrame
    assessors: pl.DataFrame
    chosen: float
    visits: int
    settled: bool


@dataclass(frozen=True)
class BeforeVisits:
    """What the evidence adds before visits are asked.

    Attributes:
        items: one row a declaration: `org_code`, `function`, `decibans` of its items at the stated link, visits left
            out.
        differences: one row a declaration and check that adds something (`checks.find_differences`).
        weights: the checks' weights as stated, moved by what visits saw (`checks.CHECK_WEIGHTS`).
    """

    items: pl.DataFrame
    differences: pl.DataFrame
    weights: pl.DataFrame


@dataclass(frozen=True)
class _Visits:
    """Visits in the rows: what the evidence says of each (log-odds), what was found, and what each counts."""

    items: Floats
    checks: Floats
    chosen: Floats
    assessors: Floats
    not_upheld: npt.NDArray[np.bool_]
    counts: Floats


def learn_from_visits(
    visits: pl.DataFrame, before: BeforeVisits, model: RiskModel, year: str, share: float
) -> VisitLearning:
    """Learn from visits of this and of former years.

    Args:
        visits: conformed, on the standard, without those that the model was learnt from already.
        before: what the evidence on each declaration adds before visits are asked. A check that visits looked at
            directly is learnt from that, and from nothing here.
        model: the priors, how often visitors err, how fast information fades.
        year: the assessment year.
        share: of declarations of compliance that are in truth wrong.

    Returns:
        What is stated, where there is no visit.
    """
    items, differences, weights = before.items, before.differences, before.weights
    seen = _match(visits.filter(pl.col("year") <= year), items, year, model.history.fading)
    names = sorted(seen["assessor"].drop_nulls().unique().to_list())
    if seen.is_empty() or not model.learns:
        return VisitLearning(model.link.quality, model.link.sd, False, weights, _no_assessors(), 0.0, 0, True)
    table = _table(seen, differences, weights, names)
    fitted, sds, settled = _fit(table, weights, model, share)
    # The prior of the link has a mass at zero, which a smooth fit would miss: so it is searched on a grid by itself.
    others = _design(table, weights)[:, 1:] @ fitted[1:]
    link, link_sd = _link(table, others, model)
    checks, assessors = slice(_FIRST, _FIRST + weights.height), slice(_FIRST + weights.height, None)
    together = fitted[_FACTOR] * weights["decibans"].to_numpy() + fitted[checks] * _NATS
    spread = np.hypot(sds[_FACTOR] * weights["decibans"].to_numpy(), sds[checks] * _NATS)
    fitted_weights = weights.with_columns(
        decibans=pl.Series(np.clip(together, 0.0, model.limits.check_decibans).round(_DECIMALS)),
        sd=pl.Series(spread.round(_DECIMALS)),
    )
    strictness = pl.DataFrame(
        {"assessor": names, "strictness": fitted[assessors], "sd": sds[assessors]},
        schema={"assessor": pl.String, "strictness": pl.Float64, "sd": pl.Float64},
    ).join(seen.group_by("assessor").agg(visits=pl.len().cast(pl.Int64)), on="assessor", how="left")
    return VisitLearning(
        link,
        link_sd,
        bool(link + link_sd < _NO_RELATION),
        fitted_weights,
        strictness.select("assessor", "visits", pl.col("strictness", "sd").round(_DECIMALS)).sort("assessor"),
        round(float(fitted[_CHOSEN]), _DECIMALS),
        seen.height,
        settled,
    )


def slope_of_link(link: Floats, before: float) -> Floats:
    """By what factor log-odds from items change where the link is not the stated one: λ/√(1-λ²) over the same of it."""
    slope: Floats = (link / np.sqrt(1 - np.square(link))) / (before / np.sqrt(1 - before**2))
    return slope


def _no_assessors() -> pl.DataFrame:
    return pl.DataFrame(schema={"assessor": pl.String, "visits": pl.Int64, "strictness": pl.Float64, "sd": pl.Float64})


def _match(visits: pl.DataFrame, items: pl.DataFrame, year: str, fading: float) -> pl.DataFrame:
    """Visits with the evidence of the declaration that they tested.

    Where the function of then is none of today's, it is the mean of all declarations of the organisation.
    """
    ago = int(year[:4]) - pl.col("year").str.slice(0, 4).cast(pl.Int64)
    assessor = pl.col("assessor") if "assessor" in visits.columns else pl.lit(None, pl.String)
    dated = visits.with_columns(left=fading**ago, assessor=assessor, function=pl.col("function").cast(pl.String))
    today = items.with_columns(pl.col("function").cast(pl.String)).rename({"function": "of"})
    both = dated.with_row_index("visit").join(today, on="org_code")
    same = (pl.col("of") == pl.col("function")).any().over("visit")
    matched = both.filter(~same | (pl.col("of") == pl.col("function")))
    # Two visits to one organisation share its quality, so together they count for less than two.
    counts = 1 / (1 + (pl.len().over("org_code", "year") - 1) * _ALIKE)
    return (
        matched.with_columns(pl.col("decibans").mean().over("visit"))
        .sort("visit", "of")
        .group_by("visit", maintain_order=True)
        .agg(pl.all().exclude("of").first(), functions=pl.col("of"))
        .with_columns(counts=counts)
        .sort("org_code", "function", "visited_on", "finding")
    )


def _table(seen: pl.DataFrame, differences: pl.DataFrame, weights: pl.DataFrame, names: list[str]) -> _Visits:
    left = seen["left"].to_numpy()
    chosen = (seen["selected_by"] != "random").cast(pl.Float64).to_numpy()
    assessor = seen["assessor"].fill_null("").to_numpy()[:, None] == np.array(names)[None, :]
    return _Visits(
        left * seen["decibans"].to_numpy() / _NATS,
        left[:, None] * _indicators(seen, differences, weights),
        chosen,
        assessor.astype(np.float64),
        (seen["finding"] == "qualified").to_numpy(),
        seen["counts"].to_numpy(),
    )


def _indicators(seen: pl.DataFrame, differences: pl.DataFrame, weights: pl.DataFrame) -> Floats:
    """Visits in the rows, checks in the columns: 1 where the check differs for the visited declaration."""
    places = pl.DataFrame({"check_id": weights["check_id"]}).with_row_index("column")
    rows = seen.select("org_code", "functions").with_row_index("row").explode("functions", empty_as_null=True)
    met = (
        differences.filter("differs")
        .with_columns(pl.col("function").cast(pl.String))
        .join(rows, left_on=_KEYS, right_on=["org_code", "functions"])
        .join(places, on="check_id")
    )
    indicators = np.zeros((seen.height, weights.height))
    indicators[met["row"].to_numpy(), met["column"].to_numpy()] = 1.0
    return indicators


def _fit(table: _Visits, weights: pl.DataFrame, model: RiskModel, share: float) -> tuple[Floats, Floats, bool]:
    """The most probable values and their standard deviations.

    They are the slope of the items, the intercept, how much worse the chosen are, the factor on all checks' weights,
    what each check adds beyond that, and the assessors' strictness.
    """
    design = _design(table, weights)
    looked_at = (weights["seen"] > 0).to_numpy()
    number = table.assessors.shape[1]
    mean = np.concatenate([[1.0, logit(share), 0.0, 1.0], np.zeros(weights.height + number)])
    check_sd = np.where(looked_at, _HELD, np.maximum(weights["sd"].to_numpy() / _NATS, _HELD))
    slope_sd = model.link.sd / model.link.quality / (1 - model.link.quality**2)
    sd = np.concatenate(
        [
            [slope_sd, _INTERCEPT_SD, model.visitors.chosen_sd, model.confirmation.factor_sd],
            check_sd,
            np.full(number, model.visitors.assessor_sd),
        ]
    )
    # In units of the prior, so that what is held tightly does not slow down the rest; slope and factor not below zero.
    low = np.full(len(mean), -np.inf)
    low[[_SLOPE, _FACTOR]] = -mean[[_SLOPE, _FACTOR]] / sd[[_SLOPE, _FACTOR]]

    def loss(distance: Floats) -> tuple[float, Floats]:
        return _loss(distance, mean, sd, design, table, model)

    options = {"maxiter": _MOST_STEPS, "maxfun": 2 * _MOST_STEPS, "ftol": 0.0, "gtol": _SETTLED / 10}
    bounds = np.column_stack([low, np.full(len(mean), np.inf)])
    found = minimize(loss, np.zeros(len(mean)), jac=True, method="L-BFGS-B", bounds=bounds, options=options)
    values = mean + sd * found.x
    chance = expit(design @ values)
    curvature = (design**2 * (table.counts * chance * (1 - chance))[:, None] * model.visitors.power**2).sum(axis=0)
    left = np.where((found.x <= low) & (found.jac > 0), 0.0, found.jac)
    return values, 1 / np.sqrt(curvature + sd**-2.0), bool(np.abs(left).max() <= _SETTLED)


def _design(table: _Visits, weights: pl.DataFrame) -> Floats:
    together = table.checks @ (weights["decibans"].to_numpy() / _NATS)
    ones = np.ones(len(table.items))
    return np.column_stack([table.items, ones, table.chosen, together, table.checks, table.assessors])


def _loss(
    distance: Floats, mean: Floats, sd: Floats, design: Floats, table: _Visits, model: RiskModel
) -> tuple[float, Floats]:
    """Minus the log-posterior, and its gradient, by the distance from the prior in its standard deviations."""
    visitors = model.visitors
    chance = expit(design @ (mean + sd * distance))
    found = 1 - visitors.specificity + visitors.power * chance
    likelihood = np.where(table.not_upheld, np.log(found), np.log(1 - found))
    outward = np.where(table.not_upheld, 1 / found, -1 / (1 - found)) * visitors.power * chance * (1 - chance)
    gradient = -sd * (design.T @ (table.counts * outward)) + distance
    return float(-(table.counts * likelihood).sum() + 0.5 * distance @ distance), gradient


def _link(table: _Visits, others: Floats, model: RiskModel) -> tuple[float, float]:
    """The link on a grid from zero, the other values as fitted: its mean and standard deviation."""
    slopes = slope_of_link(_GRID, model.link.quality)
    chance = expit(others[:, None] + table.items[:, None] * slopes)
    found = 1 - model.visitors.specificity + model.visitors.power * chance
    likelihood = np.where(table.not_upheld[:, None], np.log(found), np.log(1 - found))
    prior = np.exp(-0.5 * ((_GRID - model.link.quality) / model.link.sd) ** 2)
    prior *= (1 - model.link.no_relation) / prior.sum()
    prior[0] += model.link.no_relation
    fit = table.counts @ likelihood
    weight = prior * np.exp(fit - fit.max())
    weight /= weight.sum()
    mean = float(weight @ _GRID)
    return round(mean, _DECIMALS), round(float(np.sqrt(weight @ (_GRID - mean) ** 2)), _DECIMALS)
