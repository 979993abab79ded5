from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crosscheck.frames import INPUTS
from crosscheck.risk.evidence import expect_share, overlap, price_checks, price_difference, weigh
from crosscheck.risk.items import ITEMS
from crosscheck.risk.quality import measure_quality
from crosscheck.vocabulary import STATUS
from tests.risk.invented import MODEL, NO_VISITS, YEAR, invent


def cases(*codes: str, **columns: object) -> pl.DataFrame:
    """Made-up compliant declarations; further columns are given by name."""
    stated = {
        "org_code": list(codes),
        "function": ["whole"] * len(codes),
        "declared.status": ["compliant"] * len(codes),
        "declared.previous": ["compliant"] * len(codes),
        "declared.other_function": [None] * len(codes),
    } | {name.replace("__", "."): values for name, values in columns.items()}
    return pl.DataFrame(stated).with_columns(
        pl.col("declared.status", "declared.previous", "declared.other_function").cast(STATUS)
    )


def findings(*verdicts: tuple[str, str, str, str, str]) -> pl.DataFrame:
    """Findings given as check, organisation, verdict, severity, group."""
    names = ("check_id", "org_code", "verdict", "severity", "group")
    schema = dict.fromkeys(names, pl.String)
    return pl.DataFrame(list(verdicts), schema=schema, orient="row").with_columns(
        function=pl.lit("whole"),
        expected=pl.lit("all is well"),
        says=pl.lit("it differs"),
        basis=pl.lit("a law"),
        kind=pl.lit("declaration_vs_answer"),
        waived=pl.lit(None, pl.String),
    )


NO_FINDINGS, NO_ITEMS = findings(), ITEMS.to_frame()
MANY = {f"answer.{number:02}": (0.4, -0.2) for number in range(20)} | {
    f"figure.{number}": (0.4, 0.0) for number in range(8)
}


def parts(
    declarations: pl.DataFrame,
    found: pl.DataFrame = NO_FINDINGS,
    items: pl.DataFrame = NO_ITEMS,
    visits: pl.DataFrame = NO_VISITS,
) -> pl.DataFrame:
    quality = measure_quality(items, visits, MODEL, YEAR)
    return weigh(declarations, found, quality, visits, MODEL, YEAR)


def total(of: pl.DataFrame, code: str) -> float:
    return float(of.filter(pl.col("org_code") == code)["decibans"].sum())


def visits(*rows: tuple[str, str, str, str]) -> pl.DataFrame:
    """Visits given as organisation, year, arm, finding."""
    told = [(code, "whole", year, arm, None, None, finding) for code, year, arm, finding in rows]
    return pl.DataFrame(told, schema=INPUTS["visits"].schema, orient="row")


def risks(of: pl.DataFrame) -> np.ndarray:
    sums = of.group_by("org_code", "function").agg(pl.col("decibans").sum())["decibans"].to_numpy()
    return 1 / (1 + 10 ** (-sums / 10))


def test_without_any_evidence_the_risk_is_the_share_that_visits_by_lot_did_not_uphold() -> None:
    alone = parts(cases("R01"))
    assert alone["part"].to_list() == ["prior"]
    assert 1 / (1 + 10 ** (-total(alone, "R01") / 10)) == pytest.approx(0.13)


def test_visits_by_lot_move_the_share_and_visits_by_risk_do_not() -> None:
    by_lot = visits(*[(f"R{number:02}", YEAR, "random", "qualified") for number in range(30)])
    by_risk = visits(*[(f"R{number:02}", YEAR, "risk", "qualified") for number in range(30)])
    former = visits(*[(f"R{number:02}", "2005/06", "random", "qualified") for number in range(30)])
    shares = [expect_share(seen, MODEL, YEAR) for seen in (by_lot, former, by_risk)]
    power = MODEL.visitors.power
    assert shares[0] == pytest.approx((0.13 * 150 + 30 * power * MODEL.visitors.specificity) / (150 + 30 * power**2))
    assert shares[0] > shares[1] > shares[2] == pytest.approx(0.13)


def test_the_risks_of_all_declarations_of_compliance_have_the_share_by_lot_as_their_mean() -> None:
    invented = invent(MANY)
    weighed = parts(cases(*invented.codes), items=invented.items)
    assert risks(weighed).mean() == pytest.approx(0.13, abs=1e-4)
    assert risks(weighed).std() > 0.05


def test_risks_are_as_high_as_the_share_of_lapses_among_those_who_have_them() -> None:
    invented = invent(MANY, number=4000)
    weighed = parts(cases(*invented.codes), items=invented.items)
    sums = weighed.group_by("org_code").agg(pl.col("decibans").sum()).sort("org_code")["decibans"].to_numpy()
    risk, lapse = 1 / (1 + 10 ** (-sums / 10)), invented.liability > np.quantile(invented.liability, 0.87)
    for tenth in np.array_split(np.argsort(risk), 10):
        assert risk[tenth].mean() == pytest.approx(lapse[tenth].mean(), abs=0.06)


def test_an_absent_item_makes_no_part() -> None:
    invented = invent(MANY)
    silent = invented.codes[0]
    weighed = parts(cases(*invented.codes), items=invented.items.filter(pl.col("org_code") != silent))
    assert weighed.filter(pl.col("org_code") == silent)["part"].to_list() == ["prior"]


def test_of_whom_less_is_known_no_more_and_no_fewer_are_expected_to_fall() -> None:
    invented = invent(MANY, number=1200)
    half = invented.codes[:600]
    fewer = invented.items.filter(pl.col("org_code").is_in(half).not_() | (pl.col("item") == "figure.0"))
    weighed = parts(cases(*invented.codes), items=fewer)
    known, unknown = (
        risks(weighed.filter(pl.col("org_code").is_in(half) == little)).mean() for little in (False, True)
    )
    assert known == pytest.approx(unknown, abs=0.015)


def test_a_worse_answer_raises_the_risk_and_nobody_elses() -> None:
    invented = invent({f"figure.{number}": (0.5, 0.0) for number in range(8)})
    one = invented.codes[0]
    worse = invented.items.with_columns(
        z=pl.when((pl.col("org_code") == one) & (pl.col("item") == "figure.0")).then(2.5).otherwise("z")
    )
    before, after = (parts(cases(*invented.codes), items=items) for items in (invented.items, worse))
    assert total(after, one) > total(before, one) + 0.5
    assert total(after, invented.codes[1]) == pytest.approx(total(before, invented.codes[1]), abs=0.2)


def test_an_answer_that_speaks_of_shading_rather_than_of_quality_says_so() -> None:
    facts = {"answer.fact": (0.3, -0.5), "figure.fact": (0.3, 0.0)}
    invented = invent(MANY | facts, groups=dict.fromkeys(facts, "fact x"))
    of_answer = parts(cases(*invented.codes), items=invented.items).filter(pl.col("part") == "answer.fact")
    shaded = of_answer.filter(pl.col("reason").str.contains("no reassurance"))
    candid = of_answer.filter(pl.col("reason").str.contains("candour"))
    assert 0 < shaded.height < 400
    assert 0 < candid.height < 400


def test_what_a_visit_of_the_year_found_is_believed_as_far_as_visitors_err() -> None:
    found = visits(("R01", YEAR, "random", "qualified"), ("R02", YEAR, "random", "upheld"))
    weighed = parts(cases("R01", "R02", "R03"), visits=found)
    visitors = MODEL.visitors
    prior = total(weighed, "R03")
    assert total(weighed, "R01") - prior == pytest.approx(
        10 * math.log10(visitors.sensitivity / (1 - visitors.specificity)), abs=1e-4
    )
    assert total(weighed, "R02") - prior == pytest.approx(
        10 * math.log10((1 - visitors.sensitivity) / visitors.specificity), abs=1e-4
    )


def test_a_visit_to_one_function_speaks_of_the_other_too_but_less() -> None:
    found = visits(("R01", YEAR, "random", "qualified")).with_columns(function=pl.lit("provider"))
    declared = pl.concat(
        [
            cases("R01").with_columns(function=pl.lit("provider")),
            cases("R01", "R02").with_columns(function=pl.lit("commissioner")),
        ]
    )
    items = pl.DataFrame(
        [("R01", "visit.this_year", "history", "link", "", 0.75, 0.1, 0.25, 0.1, 5.0, "because", "a source")],
        schema=ITEMS, orient="row",
    )  # fmt: skip
    sums = dict(
        parts(declared, items=items, visits=found)
        .group_by("org_code", "function")
        .agg(pl.col("decibans").sum())
        .select(pl.format("{} {}", "org_code", "function"), "decibans")
        .iter_rows()
    )
    assert sums["R01 provider"] > sums["R01 commissioner"] > sums["R02 commissioner"]


@given(st.floats(0.5, 20), st.floats(0.01, 0.99), st.floats(0.02, 0.5))
def test_a_difference_and_an_agreement_together_leave_the_base_rate_as_it_is(
    worth: float, share: float, base: float
) -> None:
    adds, takes = (pl.select(price).item() for price in price_difference(worth, pl.lit(share), base))
    odds = base / (1 - base)
    risks = [odds * 10 ** (decibans / 10) / (1 + odds * 10 ** (decibans / 10)) for decibans in (adds, takes)]
    assert adds >= -1e-9
    assert takes <= 1e-9
    assert adds - takes == pytest.approx(worth)
    assert share * risks[0] + (1 - share) * risks[1] == pytest.approx(base, rel=1e-6)


def test_what_hardly_anybody_lacks_is_worth_what_the_experts_state() -> None:
    adds, takes = (pl.select(price).item() for price in price_difference(6.0, pl.lit(0.02), 0.13))
    assert adds == pytest.approx(6.0, abs=0.3)
    assert -0.3 < takes < 0


def test_what_nine_in_ten_lack_says_little_where_it_is_lacking_and_much_where_it_is_there() -> None:
    adds, takes = (pl.select(price).item() for price in price_difference(6.0, pl.lit(0.9), 0.13))
    assert 0 < adds < 0.7
    assert takes < -5.3


def test_an_unanswered_check_adds_nothing() -> None:
    found = findings(("C-1", "R01", "cannot_tell", "high", "a"), ("C-1", "R02", "not_applicable", "high", "a"))
    assert set(parts(cases("R01", "R02"), found)["family"]) == {"prior"}


def test_a_kind_of_check_weighs_the_share_that_the_model_gives_it() -> None:
    found = findings(("C-1", "R01", "differs", "high", "a"))
    worths = {}
    for kind in ("declaration_vs_answer", "answer_vs_other_source", "answer_vs_answer", "response_pattern"):
        checks = parts(cases("R01"), found.with_columns(kind=pl.lit(kind)))
        worths[kind] = checks.filter(pl.col("family") == "checks")["decibans"].sum()
    assert worths["declaration_vs_answer"] > worths["answer_vs_other_source"] > worths["answer_vs_answer"] > 0
    assert worths["response_pattern"] == pytest.approx(0)


def test_checks_of_one_group_share_their_weight() -> None:
    same = findings(("C-1", "R01", "differs", "high", "a"), ("C-2", "R01", "differs", "high", "a"))
    different = findings(("C-1", "R01", "differs", "high", "a"), ("C-2", "R01", "differs", "high", "b"))
    alone = findings(("C-1", "R01", "differs", "high", "a"))
    of_checks = pl.col("family") == "checks"
    one, two_alike, two_apart = (
        total(parts(cases("R01"), found).filter(of_checks), "R01") for found in (alone, same, different)
    )
    assert one < two_alike < two_apart < 2 * one


@given(st.lists(st.floats(0.1, 5), min_size=1, max_size=30), st.floats(0, 1))
def test_overlap_never_makes_evidence_count_more_and_none_counts_full_alone(sizes: list[float], rho: float) -> None:
    kept = pl.DataFrame({"size": sizes, "of": "a"}).select(kept=overlap(pl.col("size"), rho, ["of"]))["kept"]
    assert kept.is_between(1 / (1 + (len(sizes) - 1) * rho) - 1e-9, 1 + 1e-9).all()
    if len(sizes) == 1:
        assert kept.item() == pytest.approx(1)


def test_overlap_of_equal_normal_evidence_is_the_exact_likelihood_ratio() -> None:
    # m normal figures with correlation r and shift d: the sum of log-likelihood ratios is d 1' R^-1 (x - d/2).
    count, rho, shift, figures = 4, 0.3, 0.7, np.array([0.2, 1.1, -0.4, 2.0])
    correlation = np.full((count, count), rho) + (1 - rho) * np.eye(count)
    exact = shift * np.ones(count) @ np.linalg.solve(correlation, figures - shift / 2)
    kept = pl.DataFrame({"size": [1.0] * count, "of": "a"}).select(overlap(pl.col("size"), rho, ["of"])).item(0, 0)
    assert kept * (shift * figures - shift**2 / 2).sum() == pytest.approx(exact)


def test_what_a_board_declares_against_itself_is_mostly_believed() -> None:
    declared = cases("R01", "R02", "R03", declared__status=["not_met", "insufficient_assurance", "compliant"])
    weighed = parts(declared)
    assert total(weighed, "R01") > total(weighed, "R02") > total(weighed, "R03")
    assert 1 / (1 + 10 ** (-total(weighed, "R01") / 10)) == pytest.approx(0.95, abs=0.01)


def test_a_check_beside_the_answers_it_rests_on_adds_less_than_by_itself() -> None:
    found = findings(("C-1", "R01", "differs", "high", "a"), ("C-1", "R02", "agrees", "high", "a"))
    of_check = parts(cases("R01", "R02"), found).filter((pl.col("org_code") == "R01") & (pl.col("family") == "checks"))
    assert of_check["decibans"].item() == pytest.approx(MODEL.correlation.beside_answers * of_check["worth"].item())


def test_a_check_that_only_asks_weighs_nothing() -> None:
    found = findings(("C-1", "R01", "differs", "high", "a"), ("C-2", "R01", "differs", "high", "b"))
    weighing = found.filter(pl.col("check_id") == "C-1")
    priced = price_checks(found, weighing, parts(cases("R01"), weighing), MODEL).sort("check_id")
    assert priced["weight"][0] > 0
    assert priced.select("weight", "could_add").row(1) == (0.0, 0.0)


def test_every_part_has_its_reason_and_its_source() -> None:
    invented = invent(MANY)
    found = findings(("C-1", "R0001", "differs", "high", "a"), ("C-2", "R0002", "agrees", "low", "b"))
    weighed = parts(cases(*invented.codes), found, invented.items)
    assert weighed.select(pl.col("reason", "source").null_count()).row(0) == (0, 0)
    assert weighed["decibans"].is_finite().all()
