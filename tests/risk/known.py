"""What the risk is estimated from, as the pipeline gathers it; and the whole estimate from it, up to the list."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from crosscheck.cases.history import inherit_history
from crosscheck.collection.read import Collection
from crosscheck.pipeline import Outcome, cross_check, one_thread
from crosscheck.risk.estimate import Known, Risk, estimate_risk
from crosscheck.risk.evidence import probability
from crosscheck.risk.items import gather_items
from crosscheck.risk.model import RiskModel
from crosscheck.rulebook.checks import list_applicable, list_checks
from crosscheck.standard import Standard
from crosscheck.visits.listing import all_visits, list_visit_items
from crosscheck.visits.plan import Capacity

YEAR = "2008/09"
CAPACITY = Capacity(60, 0.25, 1)


@dataclass(frozen=True)
class Listed:
    """A run's outcome, and the evidence for its risks."""

    outcome: Outcome
    known: Known


def list_all(collection: Collection, standard: Standard) -> Listed:
    outcome = cross_check(collection, standard, YEAR, CAPACITY)
    return Listed(outcome, gather(collection, outcome, standard))


def gather(collection: Collection, outcome: Outcome, standard: Standard) -> Known:
    """The evidence of a run."""
    tables, predecessors = collection.tables, outcome.lineage.predecessors
    past = {"visits": all_visits(tables, standard.name), "declarations": tables["declarations"]}
    handed = {name: inherit_history(rows, predecessors, ("year",)) for name, rows in past.items()}
    return Known(
        cases=outcome.cases,
        items=gather_items(
            outcome.scores,
            {**tables, **handed},
            standard.questionnaire,
            standard.indicators.scales,
            standard.risk,
            YEAR,
        ),
        findings=outcome.findings.filter(pl.col("waived").is_null()),
        checks=list_checks(standard.rulebook),
        applicable=list_applicable(outcome.cases, standard.rulebook),
        visits=handed["visits"],
        looks=list_visit_items(tables, standard.name),
    )


def estimate(known: Known, model: RiskModel) -> Risk:
    with one_thread():
        return estimate_risk(known, model, YEAR)


def risks(of: Risk) -> pl.DataFrame:
    """The risk of each declaration, by `org_code`, `function`."""
    sums = of.parts.group_by("org_code", "function").agg(pl.col("decibans").sum()).sort("org_code", "function")
    return sums.with_columns(risk=pl.Series(probability(sums["decibans"].to_numpy())))


def risk_numbers(of: Risk) -> npt.NDArray[np.float64]:
    return risks(of)["risk"].to_numpy()
