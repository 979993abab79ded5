"""The pipeline put together by hand from its public steps."""

from __future__ import annotations

from dataclasses import replace

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from crosscheck.collection.read import Collection
from crosscheck.pipeline import (
    Evidence,
    Planned,
    Weighed,
    check_cases,
    cross_check,
    join_cases,
    plan_list,
    relate_organisations,
    score_tables,
    weigh_evidence,
)
from crosscheck.standard import Standard
from crosscheck.visits.plan import Capacity

YEAR = "2008/09"
CAPACITY = Capacity(60, 0.5, 1)


def put_together(collection: Collection, standard: Standard) -> tuple[Evidence, Weighed, Planned]:
    network = relate_organisations(collection, YEAR, "C2")
    cases = join_cases(collection, standard, YEAR, network)
    checked = check_cases(collection, standard, YEAR, network, cases)
    evidence = Evidence(network, cases, checked.findings, score_tables(collection.tables, standard))
    weighed = weigh_evidence(collection, standard, YEAR, CAPACITY, evidence)
    return evidence, weighed, plan_list(collection, standard, YEAR, CAPACITY, evidence, weighed)


def without_relationships(collection: Collection) -> Collection:
    tables = {**collection.tables, "relationships": collection.tables["relationships"].clear()}
    return replace(collection, tables=tables, absent=("relationships",))


@pytest.mark.parametrize("change", [lambda same: same, without_relationships], ids=["whole", "no_relationships"])
def test_the_steps_put_together_by_hand_give_the_list_of_the_pipeline(change, collection, standard) -> None:  # type: ignore[no-untyped-def]
    read = change(collection)
    outcome = cross_check(read, standard, YEAR, CAPACITY)
    evidence, weighed, planned = put_together(read, standard)
    assert_frame_equal(planned.visit_list, outcome.visit_list, check_exact=True)
    assert_frame_equal(weighed.risk.parts, outcome.risk.parts, check_exact=True)
    assert_frame_equal(weighed.findings, outcome.findings, check_exact=True)
    assert_frame_equal(planned.duties, outcome.duties, check_exact=True)
    assert_frame_equal(planned.follow_up, outcome.follow_up, check_exact=True)
    assert_frame_equal(evidence.scores, outcome.scores, check_exact=True)


def test_a_list_of_other_evidence_is_another_list(collection: Collection, standard: Standard) -> None:
    network = relate_organisations(collection, YEAR, "C2")
    cases = join_cases(collection, standard, YEAR, network)
    findings = check_cases(collection, standard, YEAR, network, cases).findings
    agreeing = findings.with_columns(verdict=pl.lit("agrees").cast(findings.schema["verdict"]))
    scores = score_tables(collection.tables, standard)
    risks = [
        weigh_evidence(collection, standard, YEAR, CAPACITY, Evidence(network, cases, said, scores)).ranked.declarations
        for said in (findings, agreeing)
    ]
    joined = risks[0].join(risks[1], on=["org_code", "function"], suffix="_agreeing")
    assert joined.select((pl.col("risk") - pl.col("risk_agreeing")).abs().max()).item() > 0.1
