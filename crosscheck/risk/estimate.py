"""The risk on one page: items, loadings, weights, checks, what visits teach, parts."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

import polars as pl

from crosscheck.risk.checks import (
    confirm_check_weights,
    cover_scores,
    find_differences,
    hold_below_ceilings,
    prior_check_weights,
)
from crosscheck.risk.doubts import IN_DOUBT
from crosscheck.risk.evidence import (
    PARTS,
    add_prior,
    is_visit_item,
    list_check_parts,
    list_declared_parts,
    list_item_parts,
    list_visited_parts,
)
from crosscheck.risk.factors import build_item_table, compare_loadings, fit_loadings, prior_loadings
from crosscheck.risk.items import NOTHING_VERIFIED
from crosscheck.risk.learning import BeforeVisits, learn_from_visits
from crosscheck.risk.prevalence import estimate_lapse_share
from crosscheck.risk.revision import hash_evidence, leave_out
from crosscheck.risk.weights import weigh_items

if TYPE_CHECKING:
    from crosscheck.risk.factors import ItemTable, Loadings
    from crosscheck.risk.learning import VisitLearning
    from crosscheck.risk.model import RiskModel
    from crosscheck.risk.prevalence import Prevalence
    from crosscheck.risk.weights import Weighed

_KEYS: Final = ("org_code", "function")
_DECIMALS: Final = 4


@dataclass(frozen=True)
class Known:
    """What the risk is estimated from.

    Attributes:
        cases: one row a declaration.
        items: one row an organisation and item (`items.ITEMS`).
        findings: one row a check on a declaration, waived ones left out.
        checks: one row a rule (`rulebook.checks.CHECKS`).
        applicable: one row a declaration and check that applies to it, whatever was answered.
        visits: all visits on the standard, of this and of former years.
        looks: what visits saw of single criteria: `org_code`, `function`, `year`, `question_id`, `item`, `seen`.
        verified: answers that an accepted reply has proved: `org_code`, `item`.
    """

    cases: pl.DataFrame
    items: pl.DataFrame
    findings: pl.DataFrame
    checks: pl.DataFrame
    applicable: pl.DataFrame
    visits: pl.DataFrame
    looks: pl.DataFrame
    verified: pl.DataFrame = field(default_factory=NOTHING_VERIFIED.clone)


@dataclass(frozen=True)
class Risk:
    """What was estimated, and the parts that add up to each declaration's risk.

    Attributes:
        parts: `evidence.PARTS`.
        loadings: one row an item, as stated and as learnt.
        evidence, fitted, weighed: the items as a table, their loadings, their weights.
        from_visits: what visits teach.
        prevalence: the share of declarations of compliance that are in truth wrong.
        in_doubt: the risks of whoever has values in doubt, as no answer and as likely meant (`doubts.IN_DOUBT`).
    """

    parts: pl.DataFrame
    loadings: pl.DataFrame
    evidence: ItemTable
    fitted: Loadings
    weighed: Weighed
    from_visits: VisitLearning
    prevalence: Prevalence
    in_doubt: pl.DataFrame = field(default_factory=IN_DOUBT.to_frame)


def estimate_risk(known: Known, model: RiskModel, year: str) -> Risk:
    """Estimate the risk of every declaration.

    Args:
        known: the evidence.
        model: what each kind of evidence is expected to reveal.
        year: the assessment year.
    """
    types = known.cases.select("org_code", org_type="organisation.org_type").unique("org_code")
    evidence = build_item_table(known.items, types, model, known.verified)
    fitted = _loadings(known, evidence, model)
    # A learnt model already holds these visits; counted again they would make it surer than it may be.
    fresh = replace(known, visits=leave_out(known.visits, model))
    prevalence = estimate_lapse_share(fresh.visits, model, year)
    from_visits = _learn(fresh, evidence, fitted, prevalence, model, year)
    declarations = known.cases.select("org_code", pl.col("function").cast(pl.String))
    weighed = weigh_items(declarations, evidence, fitted, model, from_visits.link, prevalence.share)
    parts = _list_parts(known, weighed, from_visits, model, year)
    parts = add_prior(known.cases, parts, weighed, prevalence, model)
    compared = compare_loadings(evidence, prior_loadings(evidence, model), fitted)
    return Risk(parts, compared, evidence, fitted, weighed, from_visits, prevalence)


def _loadings(known: Known, evidence: ItemTable, model: RiskModel) -> Loadings:
    """The loadings; as stated where the model was learnt from this very evidence, which would count twice."""
    if model.evidence_learnt_from and hash_evidence(known.items) == model.evidence_learnt_from:
        return prior_loadings(evidence, model)
    return fit_loadings(evidence, model)


def _learn(
    known: Known, evidence: ItemTable, fitted: Loadings, prevalence: Prevalence, model: RiskModel, year: str
) -> VisitLearning:
    """What visits teach; the items are weighed without what visits found, which is to be explained."""
    declarations = known.cases.select("org_code", pl.col("function").cast(pl.String))
    before = _without_visits(evidence)
    weighed = weigh_items(
        declarations, before, _of(evidence, fitted, before), model, model.link.quality, prevalence.share
    )
    weights = prior_check_weights(known.checks, known.findings, model)
    if model.learns:
        looks = _looks(known, model, year)
        weights = confirm_check_weights(weights, known.checks, known.findings, looks, model, prevalence.share)
    weights = hold_below_ceilings(weights)
    differences = find_differences(weights, known.findings, known.applicable)
    left = cover_scores(differences, known.checks, weighed.contributions)
    # Rounded, since the order in which they are added up is not promised.
    sums = declarations.join(left.group_by(_KEYS).agg(pl.col("decibans").sum().round(9)), on=_KEYS, how="left")
    stated = BeforeVisits(sums.fill_null(0.0), differences, weights)
    from_visits = learn_from_visits(known.visits, stated, model, year, prevalence.share)
    rounded = hold_below_ceilings(from_visits.weights).with_columns(pl.selectors.float().round(_DECIMALS))
    return replace(from_visits, weights=rounded)


def _list_parts(
    known: Known, weighed: Weighed, from_visits: VisitLearning, model: RiskModel, year: str
) -> pl.DataFrame:
    differences = find_differences(from_visits.weights, known.findings, known.applicable)
    contributions = _without_own_visit(weighed.contributions, known.visits.filter(pl.col("year") == year))
    left = cover_scores(differences, known.checks, contributions.with_columns(worth="decibans"))
    families = (
        list_item_parts(known.cases, known.items, left, year),
        list_check_parts(differences, known.findings, known.checks),
        list_declared_parts(known.cases, model),
        list_visited_parts(known.cases, known.visits.filter(pl.col("year") == year), model),
    )
    return pl.concat([family.select(PARTS.names()) for family in families])


def _without_own_visit(contributions: pl.DataFrame, visits: pl.DataFrame) -> pl.DataFrame:
    """What a visit of the year found at the very declaration is a part of its own."""
    visited = visits.select("org_code", pl.col("function").cast(pl.String), item=pl.lit("visit.this_year")).unique()
    return contributions.join(visited, on=[*_KEYS, "item"], how="anti", maintain_order="left")


def _without_visits(evidence: ItemTable) -> ItemTable:
    without = evidence.items.select(~is_visit_item("item")).to_series()
    columns = without.to_numpy()
    return replace(
        evidence,
        items=evidence.items.filter(without),
        z=evidence.z[:, columns],
        present=evidence.present[:, columns],
        percentages=evidence.percentages[:, columns],
        verified=evidence.verified[:, columns],
        centre=evidence.centre[:, columns],
        spread=evidence.spread[columns],
    )


def _of(evidence: ItemTable, fitted: Loadings, fewer: ItemTable) -> Loadings:
    """The loadings of fewer items."""
    columns = evidence.items["item"].is_in(fewer.items["item"].implode()).to_numpy()
    return replace(fitted, mean=fitted.mean[columns], sd=fitted.sd[columns], noise=fitted.noise[columns])


def _looks(known: Known, model: RiskModel, year: str) -> pl.DataFrame:
    """What visits saw of single criteria, with what was found, and what is left of it after the years."""
    ago = int(year[:4]) - pl.col("year").str.slice(0, 4).cast(pl.Int64)
    repeated = pl.col("item").cast(pl.String).fill_null("")
    review = pl.when(repeated.is_in(["", "0"])).then(pl.lit("")).otherwise(pl.format("review{}.", repeated))
    found = known.visits.select(
        "org_code",
        pl.col("function").cast(pl.String),
        "year",
        not_upheld=(pl.col("finding") == "qualified").cast(pl.Float64),
        left=model.history.fading**ago,
    ).unique(["org_code", "function", "year"], keep="first", maintain_order=True)
    return (
        known.looks.filter(pl.col("year") <= year)
        .with_columns(pl.col("function").cast(pl.String), item=review + pl.col("question_id"))
        .join(found, on=["org_code", "function", "year"])
        .select("org_code", "function", "item", pl.col("seen").cast(pl.String), "not_upheld", "left")
    )
