from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crosscheck import settings
from crosscheck.frames import INPUTS
from crosscheck.risk.evidence import limited_normal, overlap, price_difference, weigh
from crosscheck.risk.model import RiskModel, read_risk_model
from crosscheck.vocabulary import STATUS

MODEL = read_risk_model(settings.model_file("C2", "visit_risk", "v1"))
YEAR = "2008/09"


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


def scores(*rows: tuple[str, str, float, str, str]) -> pl.DataFrame:
    """Scores given as indicator, organisation, z, relevance, source."""
    names = {
        "indicator": pl.String,
        "org_code": pl.String,
        "z": pl.Float64,
        "relevance": pl.String,
        "source": pl.String,
    }
    return pl.DataFrame(list(rows), schema=names, orient="row").with_columns(
        label=pl.col("indicator"), kind=pl.lit("proportion"), value=pl.lit(50.0), expected=pl.lit(62.5)
    )


NO_FINDINGS, NO_SCORES = findings(), scores()
NOTHING_POOLED = pl.DataFrame(schema={"org_code": pl.String, "section": pl.String, "items": pl.UInt32, "z": pl.Float64})


def tables(**given_tables: pl.DataFrame) -> dict[str, pl.DataFrame]:
    return {name: given_tables.get(name, table.empty()) for name, table in INPUTS.items()}


def parts(
    declarations: pl.DataFrame,
    found: pl.DataFrame = NO_FINDINGS,
    scored: pl.DataFrame = NO_SCORES,
    model: RiskModel = MODEL,
    **given_tables: pl.DataFrame,
) -> pl.DataFrame:
    return weigh(declarations, found, (scored, NOTHING_POOLED), tables(**given_tables), model, YEAR)


def total(of: pl.DataFrame, code: str) -> float:
    return float(of.filter(pl.col("org_code") == code)["decibans"].sum())


def comment(code: str, author: str, polarity: float, reliability: float = 1.0) -> tuple[object, ...]:
    return (code, author, YEAR, "C2", polarity, reliability, "a remark")


def comments(*rows: tuple[object, ...]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=INPUTS["comments"].schema, orient="row")


def test_without_any_evidence_the_risk_is_the_share_that_visits_by_lot_did_not_uphold() -> None:
    alone = parts(cases("R01"))
    assert alone["part"].to_list() == ["prior"]
    assert 1 / (1 + 10 ** (-total(alone, "R01") / 10)) == pytest.approx(0.13)


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


def test_a_waived_finding_weighs_nothing_and_the_rest_as_before() -> None:
    two = findings(("C-1", "R01", "differs", "high", "a"), ("C-2", "R01", "differs", "high", "b"))
    waived = two.with_columns(waived=pl.when(pl.col("check_id") == "C-1").then(pl.lit("Waived by A")))
    left = parts(cases("R01"), waived)
    assert left.filter(pl.col("family") == "checks")["part"].to_list() == ["C-2"]
    alone = findings(("C-2", "R01", "differs", "high", "b"))
    assert total(left, "R01") == pytest.approx(total(parts(cases("R01"), alone), "R01"))


def test_a_kind_of_check_weighs_the_share_that_the_model_gives_it() -> None:
    newer = read_risk_model(settings.model_file("C2", "visit_risk", "v2"))
    found = findings(("C-1", "R01", "differs", "high", "a"))
    worths = {}
    for kind in ("declaration_vs_answer", "answer_vs_answer", "response_pattern", "declaration_vs_comment"):
        checks = parts(cases("R01"), found.with_columns(kind=pl.lit(kind)), model=newer)
        worths[kind] = checks.filter(pl.col("family") == "checks")["decibans"].sum()
    assert worths["declaration_vs_answer"] > worths["answer_vs_answer"] > 0
    assert worths["response_pattern"] == worths["declaration_vs_comment"] == 0


def test_checks_of_one_group_share_their_weight() -> None:
    same = findings(("C-1", "R01", "differs", "high", "a"), ("C-2", "R01", "differs", "high", "a"))
    different = findings(("C-1", "R01", "differs", "high", "a"), ("C-2", "R01", "differs", "high", "b"))
    alone = findings(("C-1", "R01", "differs", "high", "a"))
    one, two_alike, two_apart = (total(parts(cases("R01"), found), "R01") for found in (alone, same, different))
    assert one < two_alike < two_apart < 2 * one - total(parts(cases("R01")), "R01")


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


def test_a_held_normal_score_has_the_mean_and_spread_of_a_simulation() -> None:
    drawn = np.clip(np.random.default_rng(1).standard_normal(2_000_000), -1, 4)
    mean, sd = limited_normal(-1, 4)
    assert mean == pytest.approx(drawn.mean(), abs=0.003)
    assert sd == pytest.approx(drawn.std(), abs=0.003)


def test_a_worse_figure_adds_and_a_better_one_takes_away_but_good_news_is_held() -> None:
    for relevance in ("low", "medium", "high"):
        worths = [
            total(parts(cases("R01"), scored=scores(("f", "R01", z, relevance, "s"))), "R01") for z in (-3, -1, 0, 3)
        ]
        assert worths[0] == worths[1] < worths[2] < worths[3]


def test_a_figure_is_told_as_people_write_it() -> None:
    told = parts(cases("R01"), scored=scores(("f", "R01", 1.25, "high", "s")))["reason"].to_list()
    assert "f: 50% where its peers lead to 62.5%, worse (z 1.2)" in told


def test_a_figure_without_relevance_or_without_a_score_adds_nothing() -> None:
    scored = scores(("f", "R01", 4.0, "none", "s"), ("g", "R01", None, "high", "s"))  # type: ignore[arg-type]
    assert set(parts(cases("R01"), scored=scored)["family"]) == {"prior"}


def test_a_section_of_answers_counts_by_its_pooled_score_and_a_pooled_source_of_figures_does_not() -> None:
    scored = scores(("q", "R01", 1.0, "answer", "training"), ("f", "R02", 1.0, "none", "staff_survey"))
    pooled = pl.DataFrame(
        {"org_code": ["R01", "R02"], "section": ["training", "staff_survey"], "items": [9, 9], "z": [2.0, 2.0]}
    )
    weighed = weigh(cases("R01", "R02"), NO_FINDINGS, (scored, pooled), tables(), MODEL, YEAR)
    assert total(weighed, "R01") > total(weighed, "R02")
    assert weighed.filter(pl.col("family") == "sections")["part"].to_list() == ["section.training"]
    assert "Its 9 answers on training" in weighed.filter(pl.col("family") == "sections")["reason"].item()


def test_criticism_adds_praise_takes_away_and_silence_says_nothing() -> None:
    said = comments(comment("R01", "lscb", -2), comment("R02", "lscb", 2))
    weighed = parts(cases("R01", "R02", "R03"), comments=said)
    assert total(weighed, "R01") > total(weighed, "R03") > total(weighed, "R02")
    assert weighed.filter(pl.col("org_code") == "R03")["part"].to_list() == ["prior"]


def test_many_remarks_of_one_author_add_no_more_than_one() -> None:
    once, often = (parts(cases("R01"), comments=comments(*[comment("R01", "sha", -2)] * count)) for count in (1, 6))
    assert total(once, "R01") == pytest.approx(total(often, "R01"))


def test_remarks_on_another_year_or_standard_are_left_out() -> None:
    other_year = ("R01", "sha", "2007/08", "C2", -3.0, 1.0, "then")
    other_standard = ("R01", "sha", YEAR, "C14a", -3.0, 1.0, "that")
    assert parts(cases("R01"), comments=comments(other_year, other_standard)).height == 1


def test_a_remark_counts_by_its_reliability() -> None:
    sure, unsure = (parts(cases("R01"), comments=comments(comment("R01", "sha", -2, r))) for r in (1.0, 0.25))
    prior = total(parts(cases("R01")), "R01")
    assert total(unsure, "R01") - prior == pytest.approx((total(sure, "R01") - prior) / 4)


def test_what_a_board_declares_against_itself_is_mostly_believed() -> None:
    declared = cases("R01", "R02", "R03", declared__status=["not_met", "insufficient_assurance", "compliant"])
    weighed = parts(declared)
    assert total(weighed, "R01") > total(weighed, "R02") > total(weighed, "R03")
    assert 1 / (1 + 10 ** (-total(weighed, "R01") / 10)) == pytest.approx(0.95, abs=0.01)


def test_a_sudden_recovery_and_a_lapse_of_the_other_function_add() -> None:
    declared = cases(
        *("R01", "R02", "R03"),
        declared__previous=["not_met", "compliant", "compliant"],
        declared__other_function=[None, "not_met", "compliant"],
    )
    weighed = parts(declared)
    assert total(weighed, "R01") > total(weighed, "R03")
    assert total(weighed, "R02") > total(weighed, "R03")


def test_a_former_visit_fades_and_a_visit_of_this_year_is_no_history() -> None:
    def visit(code: str, year: str, finding: str) -> tuple[object, ...]:
        return (code, "whole", year, "risk", None, None, finding)

    visits = pl.DataFrame(
        [visit("R01", "2007/08", "qualified"), visit("R02", "2005/06", "qualified"), visit("R03", YEAR, "qualified"),
         visit("R04", "2007/08", "upheld")],
        schema=INPUTS["visits"].schema, orient="row",
    )  # fmt: skip
    weighed = parts(cases("R01", "R02", "R03", "R04"), visits=visits)
    recent, faded, this_year, upheld = (total(weighed, f"R0{number}") for number in range(1, 5))
    assert recent > faded > this_year > upheld
    assert this_year == pytest.approx(10 * math.log10(0.13 / 0.87))


def test_every_part_has_its_reason_and_its_source() -> None:
    found = findings(("C-1", "R01", "differs", "high", "a"), ("C-2", "R01", "agrees", "low", "b"))
    weighed = parts(
        cases("R01"), found, scores(("f", "R01", 1.0, "high", "s"), ("q", "R01", 1.0, "answer", "training"))
    )
    assert weighed.select(pl.col("reason", "source").null_count()).row(0) == (0, 0)
    assert weighed["decibans"].is_finite().all()
