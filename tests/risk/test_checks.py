"""What checks add: each answer once, nothing for a worse or an absent one, weights moved by what visits saw."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from crosscheck.risk.checks import (
    confirm_check_weights,
    cover_scores,
    find_differences,
    hold_below_ceilings,
    prior_check_weights,
)
from tests.risk.invented import MODEL, checks, findings
from tests.risk.known import Listed

DUTY = ("C-1", "statutory", "high", ["training.pct"], [])
STATED = MODEL.checks["statutory"]["high"].decibans


def applicable(*rows: tuple[str, str]) -> pl.DataFrame:
    told = pl.DataFrame(list(rows), schema={"check_id": pl.String, "org_code": pl.String}, orient="row")
    return told.with_columns(function=pl.lit("whole"))


def contributions(**decibans: float) -> pl.DataFrame:
    """What items add to R01, by the name of the item with `_` for a dot."""
    names = [name.replace("_", ".") for name in decibans]
    return pl.DataFrame({"item": names, "decibans": list(decibans.values())}).with_columns(
        org_code=pl.lit("R01"), function=pl.lit("whole"), sd=pl.lit(0.3)
    )


def differ(*differing: tuple[str, float]) -> pl.DataFrame:
    """Checks that differ for R01, with their weights."""
    told = pl.DataFrame(list(differing), schema={"check_id": pl.String, "decibans": pl.Float64}, orient="row")
    return told.with_columns(
        org_code=pl.lit("R01"), function=pl.lit("whole"), differs=pl.lit(value=True), sd=pl.lit(0.1)
    )


def left_of(of: pl.DataFrame, rules: pl.DataFrame, *differing: tuple[str, float]) -> dict[str, float]:
    """What is left of the scores of R01 where these checks differ with these weights."""
    left = cover_scores(differ(*differing), rules, of)
    return dict(zip(left["item"], left["decibans"], strict=True))


def looks(*rows: tuple[str, str, str, float], left: float = 1.0) -> pl.DataFrame:
    """What visits saw, given as organisation, question, what was seen, whether it was not upheld."""
    told = pl.DataFrame(list(rows), schema=["org_code", "item", "seen", "not_upheld"], orient="row")
    return told.with_columns(function=pl.lit("whole"), left=pl.lit(left))


def test_an_answer_is_counted_once_whichever_of_rule_and_score_says_more() -> None:
    rules = checks(DUTY)
    for score, rest in ((1.0, 0.0), (3.5, 0.0), (5.0, 1.5), (-2.0, 0.0)):
        left = left_of(contributions(training_pct=score), rules, ("C-1", 3.5))
        assert left["training.pct"] == pytest.approx(rest)
        assert 3.5 + left["training.pct"] == pytest.approx(max(3.5, score))


def test_a_check_that_agrees_leaves_the_score_as_it_is() -> None:
    assert left_of(contributions(training_pct=1.0), checks(DUTY)) == {"training.pct": 1.0}


def test_a_check_that_rests_on_several_answers_covers_each_of_them_by_an_equal_part() -> None:
    rules = checks(("C-1", "statutory", "high", ["a.one", "a.two"], []))
    left = left_of(contributions(a_one=3.0, a_two=1.0, a_three=1.0), rules, ("C-1", 3.0))
    assert left == pytest.approx({"a.one": 1.5, "a.two": 0.0, "a.three": 1.0})


def test_several_checks_on_one_answer_cover_it_together() -> None:
    rules = checks(DUTY, ("C-2", "statutory", "medium", ["training.pct"], []))
    left = left_of(contributions(training_pct=6.0), rules, ("C-1", 3.5), ("C-2", 1.5))
    assert left == pytest.approx({"training.pct": 1.0})


def test_a_score_that_is_covered_whole_has_no_doubt_of_its_own() -> None:
    left = cover_scores(differ(("C-1", 3.5)), checks(DUTY), contributions(training_pct=1.0, a_one=1.0))
    assert dict(zip(left["item"], left["sd"], strict=True)) == {"training.pct": 0.0, "a.one": 0.3}


def test_a_worse_answer_never_adds_less_by_rule_and_score_together() -> None:
    sums = []
    for score in np.linspace(-3, 6, 40):
        differing = (("C-1", 3.5),) if score > 0.5 else ()
        sums.append(
            sum(left_of(contributions(training_pct=score), checks(DUTY), *differing).values()) + 3.5 * bool(differing)
        )
    assert (np.diff(sums) >= 0).all()


def test_a_check_weighs_by_strength_severity_and_kind() -> None:
    rules = checks(DUTY, ("C-2", "good_practice", "low", ["a.one"], []), ("C-3", "context", "high", ["a.two"], []))
    asks = rules.with_columns(check_id=pl.format("{}-asks", "check_id"), kind=pl.lit("answer_vs_answer"))
    stated = prior_check_weights(pl.concat([rules, asks]), findings(), MODEL)
    assert dict(zip(stated["check_id"], stated["decibans"], strict=True)) == {
        "C-1": STATED,
        "C-2": MODEL.checks["good_practice"]["low"].decibans,
        "C-3": 0.0,
    }


def test_a_check_that_is_named_weighs_what_is_stated_of_it_and_not_of_its_kind() -> None:
    rules = checks(*[(name, "statutory", "high", [f"a.{name}"], []) for name in ("C-1", *MODEL.named_checks)])
    stated = prior_check_weights(rules, findings(), MODEL)
    weights = {row["check_id"]: (row["decibans"], row["sd"]) for row in stated.iter_rows(named=True)}
    assert {"C2-DEC-12", "C2-DEC-13"} <= set(MODEL.named_checks)
    for name, named in MODEL.named_checks.items():
        assert weights[name] == (named.decibans, named.sd) != weights["C-1"]
    assert weights["C-1"][0] == STATED


def test_a_check_that_mixes_own_answers_with_others_accounts_weighs_nothing() -> None:
    rules = checks(("C-1", "statutory", "high", ["a.one"], []), ("C-2", "statutory", "high", [], []))
    for kind in sorted(set(MODEL.kinds) - {"declaration_vs_answer"}):
        of_kind = rules.with_columns(kind=pl.lit(kind))
        free = MODEL.kinds[kind].factor > 0
        assert prior_check_weights(of_kind, findings(), MODEL)["check_id"].to_list() == (["C-2"] if free else [])
    assert prior_check_weights(rules.head(1), findings(), MODEL)["check_id"].to_list() == ["C-1"]


def test_only_a_check_of_own_answers_counts_where_it_is_not_answered(national: Listed) -> None:
    rules = dict(national.known.checks.select("check_id", "kind").iter_rows())
    risk, known = national.outcome.risk, national.known
    added = find_differences(risk.from_visits.weights, known.findings, known.applicable)
    unanswered = added.filter(~pl.col("differs"))["check_id"].unique().to_list()
    assert len(unanswered) > 10
    assert {rules[name] for name in unanswered} == {"declaration_vs_answer"}
    weighing = risk.from_visits.weights.filter(pl.col("decibans") > 0)["check_id"].to_list()
    assert {rules[name] for name in weighing} > {"declaration_vs_answer"}


def test_a_check_that_a_worse_answer_ends_adds_no_more_than_the_one_that_it_begins() -> None:
    rules = checks(
        ("C-1", "national_guidance", "low", ["post.held"], []),
        ("C-2", "statutory", "high", ["post.days"], ["post.held"]),
        ("C-3", "statutory", "high", ["plan.reviewed"], ["plan.exists"]),
    )
    held = hold_below_ceilings(prior_check_weights(rules, findings(), MODEL))
    weights = dict(zip(held["check_id"], held["decibans"], strict=True))
    assert weights["C-2"] == weights["C-1"] == MODEL.checks["national_guidance"]["low"].decibans
    assert "C-3" not in weights  # no check begins where `plan.exists` gets worse


def test_two_checks_that_would_end_at_once_weigh_nothing() -> None:
    rules = checks(
        ("C-1", "statutory", "high", ["post.held"], []),
        ("C-2", "statutory", "high", ["post.days"], ["post.held"]),
        ("C-3", "statutory", "high", ["post.grade"], ["post.held"]),
    )
    assert prior_check_weights(rules, findings(), MODEL)["check_id"].to_list() == ["C-1"]


def test_an_unanswered_check_adds_what_the_average_answer_adds() -> None:
    found = findings(*[("C-1", f"R{place:02}", "differs" if place < 3 else "agrees") for place in range(12)],
                     ("C-1", "R12", "cannot_tell"))  # fmt: skip
    weights = prior_check_weights(checks(DUTY), found, MODEL)
    added = find_differences(weights, found, applicable(*[("C-1", f"R{place:02}") for place in range(14)]))
    by_code = {row["org_code"]: (row["differs"], row["decibans"]) for row in added.iter_rows(named=True)}
    answered = [by_code.get(f"R{place:02}", (False, 0.0))[1] for place in range(12)]
    assert by_code["R12"] == by_code["R13"] == (False, pytest.approx(np.mean(answered)))
    assert by_code["R00"] == (True, STATED)
    assert "R03" not in by_code


def test_a_check_that_does_not_apply_adds_nothing() -> None:
    found = findings(("C-1", "R00", "differs"), ("C-1", "R01", "not_applicable"))
    added = find_differences(prior_check_weights(checks(DUTY), found, MODEL), found, applicable(("C-1", "R00")))
    assert added["org_code"].to_list() == ["R00"]


def confirmed(
    found: pl.DataFrame, seen: pl.DataFrame, *rules: tuple[str, str, str, list[str], list[str]]
) -> pl.DataFrame:
    table = checks(*rules)
    return confirm_check_weights(prior_check_weights(table, found, MODEL), table, found, seen, MODEL, 0.13)


def test_a_duty_whose_absence_decides_gains_weight_and_a_harmless_one_loses_it() -> None:
    codes = [f"R{place:02}" for place in range(60)]
    found = findings(*[(name, code, "differs") for name in ("C-1", "C-2") for code in codes[:40]])
    absent, seen = codes[:40], codes[40:]
    decisive = [(code, "a.decisive", "absent", 1.0) for code in absent] + [(c, "a.decisive", "seen", 0.0) for c in seen]
    harmless = [(code, "a.harmless", "absent", 0.0) for code in absent] + [(c, "a.harmless", "seen", 0.0) for c in seen]
    weights = confirmed(
        found,
        looks(*decisive, *harmless),
        ("C-1", "statutory", "high", ["a.decisive"], []),
        ("C-2", "statutory", "high", ["a.harmless"], []),
    )
    decided, harmed = weights["decibans"]
    assert decided == MODEL.limits.check_decibans
    assert 0 <= harmed < 0.3 * STATED
    assert weights["absent"].to_list() == [40, 40]
    assert weights["absent_not_upheld"].to_list() == [40, 0]
    assert (weights["sd"] < MODEL.checks["statutory"]["high"].sd).all()


def test_an_admission_that_visits_mostly_refute_says_less_than_one_that_they_bear_out() -> None:
    codes = [f"R{place:02}" for place in range(60)]
    found = findings(*[(name, code, "differs") for name in ("C-1", "C-2") for code in codes[:30]])
    refuted = [(code, "a.refuted", "seen", 0.0) for code in codes[:30]]
    borne_out = [(code, "a.borne", "absent", 0.5) for code in codes[:30]]
    others = [(code, item, "absent", 0.5) for item in ("a.refuted", "a.borne") for code in codes[30:]]
    weights = confirmed(
        found,
        looks(*refuted, *borne_out, *others),
        ("C-1", "statutory", "high", ["a.refuted"], []),
        ("C-2", "statutory", "high", ["a.borne"], []),
    )
    assert weights["decibans"][0] < 0.5 * weights["decibans"][1]


def test_evidence_that_was_not_offered_counts_neither_way() -> None:
    found = findings(("C-1", "R01", "differs"))
    one = ("C-1", "statutory", "high", ["a.one"], [])
    none, offered = (
        confirmed(found, looks(*rows), one)
        for rows in ((("R09", "b.one", "seen", 0.0),), (("R01", "a.one", "not_offered", 1.0),))
    )
    assert none.equals(offered)
    assert none["decibans"].to_list() == [STATED]
    assert none["seen"].to_list() == [0.0]


def test_looks_of_years_ago_move_a_weight_less() -> None:
    found = findings(*[("C-1", f"R{place:02}", "differs") for place in range(8)])
    rows = [(f"R{place:02}", "a.one", "absent", 0.0) for place in range(8)]
    now, long_ago = (
        confirmed(found, looks(*rows, left=left), ("C-1", "statutory", "high", ["a.one"], []))["decibans"].item()
        for left in (1.0, 0.1)
    )
    assert now < long_ago < STATED


def test_a_weight_moves_by_what_was_seen_as_the_formulas_written_out_have_it() -> None:
    """Twelve looks, half of them worth half: six absent of which three not upheld, six seen of which one."""
    codes = [f"R{place:02}" for place in range(12)]
    told = looks(
        *[(code, "a.one", "absent", float(place < 3)) for place, code in enumerate(codes[:6])],
        *[(code, "a.one", "seen", float(place < 1)) for place, code in enumerate(codes[6:])],
    ).with_columns(left=pl.Series([1.0, 0.5] * 6))
    found = findings(*[("C-1", code, "differs") for code in (*codes[:4], *codes[6:8])])
    weights = confirmed(found, told, ("C-1", "statutory", "high", ["a.one"], [])).row(0, named=True)
    prior, stated, share = MODEL.confirmation, MODEL.checks["statutory"]["high"], 0.13
    of_absent = (2.5 + prior.decisive) / (4.5 + 1)
    of_seen = 1.0 / 4.5
    decisive = 1 - (1 - of_absent) / (1 - of_seen)
    reliable = (3.0 + prior.visits * prior.reliable) / (4.5 + prior.visits)
    wrong = 1 - (1 - share) * (1 - decisive * reliable)
    implied = 10 * (np.log10(wrong / (1 - wrong)) - np.log10(share / (1 - share)))
    trust = 4.5 / (4.5 + prior.visits)
    assert weights["decibans"] == pytest.approx(
        np.clip(stated.decibans + trust * (implied - stated.decibans), 0, MODEL.limits.check_decibans)
    )
    assert 0 < weights["decibans"] < MODEL.limits.check_decibans
    assert weights["sd"] == pytest.approx(stated.sd * np.sqrt(1 - trust))
    assert (weights["seen"], weights["absent"], weights["absent_not_upheld"]) == (4.5, 6, 3)
