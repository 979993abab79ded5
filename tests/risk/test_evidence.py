"""Parts that add up to the risk, and what is counted nowhere."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from crosscheck.risk.estimate import Known, Risk
from crosscheck.risk.evidence import (
    add_check_weights,
    list_declared_parts,
    list_visited_parts,
    probability,
    solve_level,
)
from crosscheck.risk.items import ITEMS
from crosscheck.vocabulary import MET
from tests.risk.invented import MODEL, NO_VISITS, YEAR, Invented, checks, declarations, findings, invent, visits
from tests.risk.known import Listed, estimate, risk_numbers, risks

MANY = {f"answer.{number:02}": (0.3, -0.2) for number in range(12)} | {
    f"figure.{number}": (0.4, 0.0) for number in range(6)
}
NO_LOOKS = pl.DataFrame(
    schema=dict.fromkeys(("org_code", "function", "year", "question_id", "item", "seen"), pl.String)
)
NO_CHECKS = checks()
PREVALENCE = MODEL.visitors.in_truth(MODEL.prior.found_share)  # before any visit


def known(invented: Invented, cases: pl.DataFrame | None = None, **tables: pl.DataFrame) -> Known:
    """All that is known of invented organisations; no check and no visit, unless tables say otherwise."""
    declared = declarations(invented.codes) if cases is None else cases
    evidence = Known(
        cases=declared.with_columns(pl.lit("pct").alias("organisation.org_type")),
        items=invented.items,
        findings=findings(),
        checks=NO_CHECKS,
        applicable=pl.DataFrame(schema=dict.fromkeys(("check_id", "org_code", "function"), pl.String)),
        visits=NO_VISITS,
        looks=NO_LOOKS,
    )
    return replace(evidence, **tables)


def risk_of(of: Risk, code: str) -> float:
    return float(risks(of).filter(pl.col("org_code") == code)["risk"].item())


def test_parts_add_up_to_the_printed_risk(listed: Listed) -> None:
    printed = listed.outcome.visit_list.select("org_code", pl.col("function").cast(pl.String), "risk")
    both = printed.join(risks(listed.outcome.risk).rename({"risk": "added"}), on=["org_code", "function"])
    assert both.height == printed.height > 30
    assert (both["risk"] - both["added"]).abs().max() < 5e-7 + 5e-5  # type: ignore[operator]
    assert both["risk"].std() > 0.1  # type: ignore[operator]


def test_the_mean_risk_of_declarations_of_compliance_is_the_prevalence(national: Listed) -> None:
    risk = national.outcome.risk
    parts = risk.parts.filter(pl.col("family") != "visited")
    before = risks(replace(risk, parts=parts)).join(
        national.known.cases.select("org_code", pl.col("function").cast(pl.String), "declared.status"),
        on=["org_code", "function"],
    )
    of_compliance = before.filter(pl.col("declared.status").cast(pl.String).is_in(MET))
    assert of_compliance["risk"].mean() == pytest.approx(risk.prevalence.share, abs=1e-5)
    assert of_compliance.height > 400


def test_without_any_evidence_everybody_has_the_prevalence() -> None:
    invented = replace(invent(MANY, number=40), items=ITEMS.to_frame())
    risk = estimate(known(invented), MODEL)
    assert risk_numbers(risk) == pytest.approx([PREVALENCE] * 40, abs=1e-6)


def test_risks_are_as_high_as_the_share_of_lapses_among_those_who_have_them() -> None:
    invented = invent(MANY, number=4000)
    risk = risk_numbers(estimate(known(invented), MODEL))
    lapse = invented.liability > np.quantile(invented.liability, 1 - PREVALENCE)
    for tenth in np.array_split(np.argsort(risk), 10):
        assert risk[tenth].mean() == pytest.approx(lapse[tenth].mean(), abs=0.05)
    assert np.quantile(risk, 0.95) > 3 * np.quantile(risk, 0.2)


def test_an_organisation_that_returned_nothing_is_never_below_the_average() -> None:
    invented = invent(MANY, number=100)
    best = invented.codes[0]
    improved = invented.items.with_columns(z=pl.when(pl.col("org_code") == best).then(-2.5).otherwise("z"))
    said = replace(invented, items=improved)
    shares = pl.when(pl.col("org_code") == best).then(0.0).otherwise(1.0)
    silent = declarations(invented.codes).with_columns(**{"returned.answered_share": shares})
    returned, nothing = estimate(known(said), MODEL), estimate(known(said, silent), MODEL)
    assert risk_of(returned, best) < 0.5 * returned.prevalence.share
    assert risk_of(nothing, best) >= nothing.prevalence.share - 1e-6
    lifted = nothing.parts.filter(pl.col("part") == "no return")
    assert lifted["org_code"].to_list() == [best]


@pytest.mark.parametrize("share", [0.5, 0.6, 0.8, 0.95])
def test_who_answers_fewer_questions_is_lifted_by_no_more_and_never_beyond_the_average(share: float) -> None:
    invented = invent(MANY, number=60)
    some = declarations(invented.codes).with_columns(pl.lit(1 - share).alias("returned.answered_share"))
    whole, fewer = estimate(known(invented), MODEL), estimate(known(invented, some), MODEL)
    lifted = fewer.parts.filter(pl.col("part") == "no return")
    assert lifted.is_empty() == (share == 0.5)
    assert (lifted["decibans"] >= 0).all()
    assert risk_numbers(fewer).std() <= risk_numbers(whole).std() + 1e-9


def test_an_unanswered_question_never_counts_better_than_the_average_answer() -> None:
    invented, held = invent(MANY, number=200), MODEL.model_copy(update={"learns": False})
    for code in invented.codes[:20]:
        this = (pl.col("org_code") == code) & (pl.col("item") == "answer.00")
        others = invented.items.filter(~this)
        usual = others.filter(pl.col("item") == "answer.00")["z"].mean()
        average = invented.items.with_columns(z=pl.when(this).then(usual).otherwise("z"))
        left, given = (estimate(known(replace(invented, items=items)), held) for items in (others, average))
        assert risk_of(left, code) == pytest.approx(risk_of(given, code), abs=5e-4)


def of_facts(own: dict[str, float]) -> pl.DataFrame:
    """The parts of a fact of which everybody has a record of 15%, and these organisations a better account of it."""
    model = MODEL.model_copy(update={"facts": {"figure.fact": "answer.fact"}})
    invented = invent(MANY | {"answer.fact": (0.3, -0.6), "figure.fact": (0.4, 0.0)}, number=200)
    is_own, is_record = pl.col("item") == "answer.fact", pl.col("item") == "figure.fact"
    share = pl.col("org_code").replace_strict(own, default=None, return_dtype=pl.Float64)
    items = invented.items.filter(~is_own | share.is_not_null() | (pl.col("org_code") > "R0020")).with_columns(
        group=pl.when(is_own | is_record).then(pl.lit("fact figure.fact")).otherwise("group"),
        # What the organisation says is mostly response bias, so that how far it is better than the record weighs.
        quality_prior=pl.when(is_own).then(0.05).otherwise("quality_prior"),
        bias_prior=pl.when(is_own).then(-0.6).otherwise("bias_prior"),
        z=pl.when(is_own & share.is_not_null()).then(-2.0)
        .when(is_record & (pl.col("org_code") <= "R0020")).then(2.0).otherwise("z"),
        percentage=pl.when(is_own).then(share.fill_null(50.0)).when(is_record).then(15.0),
        account=pl.when(is_own).then(pl.format("Trained? Answer: {}%", share.cast(pl.Int64)))
        .when(is_record).then(pl.lit("Staff survey: 15%")).otherwise("account"),
    )  # fmt: skip
    return estimate(known(replace(invented, items=items)), model).parts.filter(pl.col("family") == "facts")


def test_an_own_account_better_than_the_record_is_told_with_both_figures() -> None:
    parts = of_facts({"R0003": 80.0})
    told = parts.filter(pl.col("org_code") == "R0003")
    assert told["reason"].to_list() == ["Trained? Answer: 80%. Staff survey: 15%."]
    assert told["decibans"].item() > 1


def test_an_own_percentage_no_better_than_the_record_adds_nothing_whatever_others_answered() -> None:
    parts = of_facts({"R0003": 80.0, "R0004": 15.0, "R0005": 10.0})
    assert set(parts["org_code"]) & {"R0003", "R0004", "R0005"} == {"R0003"}


def test_where_a_record_stands_beside_no_answer_the_reason_says_so() -> None:
    parts = of_facts({"R0003": 80.0})
    silent = parts.filter(pl.col("org_code") == "R0004")
    assert silent["reason"].to_list() == ["No answer of its own. Staff survey: 15%."]
    assert silent["decibans"].item() > 0


def test_a_neutral_remark_adds_nothing(national: Listed) -> None:
    neutral = national.known.items.filter((pl.col("family") == "comments") & (pl.col("z") == 0))
    parts = national.outcome.risk.parts.filter(pl.col("family") == "comments")
    assert neutral.height > 20
    assert parts.join(neutral.select("org_code", part="item"), on=["org_code", "part"]).is_empty()
    critical = national.known.items.filter((pl.col("family") == "comments") & (pl.col("z") > 0))
    worse = parts.join(critical.select("org_code", part="item"), on=["org_code", "part"])
    assert (worse["decibans"] > 0).all()
    assert worse.height > 20


def test_no_part_runs_against_its_score(national: Listed) -> None:
    parts = national.outcome.risk.parts.filter(pl.col("family").is_in(["answers", "figures"]))
    scores = national.known.items.select("org_code", "z", part="item")
    # Scores are centred anew within the type, so that one near zero may turn.
    far = parts.join(scores, on=["org_code", "part"]).filter(pl.col("z").abs() > 1.5)
    assert far.height > 2_000
    assert (far["decibans"].sign() == far["z"].sign()).all()
    assert (national.outcome.risk.weighed.contributions["weight"] >= 0).all()


def test_what_a_visit_found_at_the_very_declaration_is_counted_once(national: Listed) -> None:
    parts = national.outcome.risk.parts
    visited = parts.filter(pl.col("family") == "visited").select("org_code", "function")
    beside = parts.filter(pl.col("part") == "visit.this_year")
    assert visited.height > 30
    assert beside.join(visited, on=["org_code", "function"], how="semi").is_empty()


def test_a_visit_to_one_function_speaks_of_the_other_too() -> None:
    invented = invent(MANY, number=200)
    items = pl.concat(
        [
            invented.items,
            pl.DataFrame(
                [(code, "visit.this_year", "history", "history.visited_this_year", "", 0.3, 0.1, 0.0, 0.0, z,
                  None, None, "r", "s")
                 for code, z in zip(invented.codes[:30], [2.6, -0.4] * 15, strict=True)],
                schema=ITEMS, orient="row",
            ),
        ]
    )  # fmt: skip
    both = pl.concat([declarations(invented.codes, function) for function in ("commissioner", "provider")])
    found = visits((invented.codes[0], YEAR, "risk", "qualified"), function="provider")
    risk = estimate(known(replace(invented, items=items), both, visits=found), MODEL)
    rows = risk.parts.filter(pl.col("org_code") == invented.codes[0])
    of_items = rows.filter(pl.col("part") == "visit.this_year")
    assert of_items["function"].to_list() == ["commissioner"]
    assert of_items["decibans"].item() > 0
    assert rows.filter(pl.col("family") == "visited")["function"].to_list() == ["provider"]


def test_the_lapse_that_a_declaration_declares_says_nothing_new_of_it(national: Listed) -> None:
    cases = national.known.cases.select("org_code", pl.col("function").cast(pl.String), "declared.status")
    own = national.outcome.risk.parts.filter(pl.col("part") == "declared.2008_09").join(
        cases, on=["org_code", "function"]
    )
    assert set(own["declared.status"]) <= set(MET)
    declared = national.outcome.risk.parts.filter(pl.col("family") == "declared").join(
        cases, on=["org_code", "function"]
    )
    assert set(declared["declared.status"].cast(pl.String)) == {"not_met", "insufficient_assurance"}


def test_what_a_board_declares_against_itself_is_believed_as_stated() -> None:
    declared = pl.concat([declarations(["R1"], status="not_met"), declarations(["R2"])])
    parts = list_declared_parts(declared, MODEL)
    assert parts.select("org_code", "decibans").rows() == [("R1", MODEL.declared["not_met"].decibans)]


def test_what_a_visit_found_is_believed_as_far_as_visitors_err() -> None:
    found = visits(("R1", YEAR, "risk", "qualified"), ("R2", YEAR, "risk", "upheld"))
    parts = list_visited_parts(declarations(["R1", "R2", "R3"]), found, MODEL).sort("org_code")
    assert parts["decibans"].to_list() == pytest.approx([10 * math.log10(0.85 / 0.08), 10 * math.log10(0.15 / 0.92)])


def test_of_two_visits_to_one_declaration_the_last_counts() -> None:
    found = visits(("R1", YEAR, "risk", "qualified"), ("R1", YEAR, "risk", "upheld")).with_columns(
        visited_on=pl.Series(["2008-06-01", "2008-09-01"]).str.to_date()
    )
    assert list_visited_parts(declarations(["R1"]), found, MODEL)["part"].to_list() == ["visit.upheld"]


def test_a_check_that_differs_adds_its_weight_and_one_that_only_asks_nothing(national: Listed) -> None:
    findings_ = national.outcome.findings
    weights = national.outcome.risk.from_visits.weights
    weighing = findings_.join(weights.select("check_id", worth="decibans"), on="check_id", how="left")
    standing = weighing.filter((pl.col("verdict") == "differs") & pl.col("waived").is_null())
    assert (standing["weight"] - standing["worth"].fill_null(0.0)).abs().max() < 1e-5  # type: ignore[operator]
    assert (weighing.filter(pl.col("verdict") == "agrees")["weight"] == 0).all()
    assert standing.filter(pl.col("worth") > 1).height > 100


def test_a_waived_finding_adds_nothing() -> None:
    rules = checks(("C-1", "statutory", "high", ["answer.00"], []))
    invented = invent(MANY, number=30)
    found = findings(
        *[("C-1", code, "differs" if place < 3 else "agrees") for place, code in enumerate(invented.codes)]
    )
    applying = found.select("check_id", "org_code", "function")
    waived = found.filter(pl.col("org_code") != invented.codes[0])
    whole, without = (
        estimate(
            known(invented, findings=rows, checks=rules, applicable=applying.join(rows, on="org_code", how="semi")),
            MODEL,
        )
        for rows in (found, waived)
    )
    of_check = pl.col("part") == "C-1"
    assert whole.parts.filter(of_check)["org_code"].to_list() == invented.codes[:3]
    assert without.parts.filter(of_check)["org_code"].to_list() == invented.codes[1:3]
    weights = add_check_weights(found, without.parts, without.from_visits.weights)
    assert weights.filter(pl.col("org_code") == invented.codes[0])["weight"].item() == 0


def test_the_level_gives_the_mean_that_is_asked_for() -> None:
    generator = np.random.default_rng(1)
    before, quiet = generator.normal(0, 6, (300, 4)), generator.random(300) < 0.1
    shares = np.array([0.01, 0.09, 0.3, 0.6])
    level = solve_level(before, np.zeros(300), ~quiet, shares)
    assert probability(before[~quiet] + level).mean(axis=0) == pytest.approx(shares, abs=1e-9)


def test_every_part_has_its_reason_and_its_source(listed: Listed) -> None:
    parts = listed.outcome.risk.parts
    assert parts.select(pl.col("reason", "source", "group").null_count()).row(0) == (0, 0, 0)
    assert parts.select(pl.col("decibans", "worth", "sd").is_finite().all()).row(0) == (True, True, True)
    assert (parts["reason"].str.len_chars() > 0).all()
    assert not parts.select("org_code", "function", "part", "family").is_duplicated().any()
