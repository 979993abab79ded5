"""Whatever makes a worse answer lower a risk is caught in the run itself, and named."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

from crosscheck.cases.cases import catalogue
from crosscheck.cli import main
from crosscheck.collection.read import Collection
from crosscheck.pipeline import Outcome, cross_check, lay_out_probes
from crosscheck.risk.monotone import AVERAGE, check_monotone
from crosscheck.rulebook.expression import parse
from crosscheck.standard import Standard
from crosscheck.visits.plan import Capacity
from tests.risk.single_changes import weigh_changes, wrong_way

YEAR = "2008/09"
RULE = "C2-POL-08"  # of all types; its weight is small
ANSWER, OTHER, THIRD = "policies.fabricated_illness", "policies.domestic_abuse", "policies.referral_follow_up"


@pytest.fixture(scope="module")
def outcome(collection: Collection, standard: Standard) -> Outcome:
    return cross_check(collection, standard, YEAR, Capacity(60, 0.5, 2009))


def tried(
    collection: Collection, standard: Standard, outcome: Outcome, *, decibans: float = 0.0, rule: str = RULE
) -> pl.DataFrame:
    """The breaches where this rule weighs so much, whatever its ceiling."""
    weights = outcome.risk.from_visits.weights
    others, of_rule = weights.filter(pl.col("check_id") != rule), weights.filter(pl.col("check_id") == rule)
    own = of_rule if of_rule.height else weights.head(1).with_columns(check_id=pl.lit(rule), share=pl.lit(0.1))
    planted = pl.concat([others, own.with_columns(decibans=pl.lit(decibans))]) if decibans else weights
    risk = replace(outcome.risk, from_visits=replace(outcome.risk.from_visits, weights=planted))
    probes = lay_out_probes(collection.tables, outcome.cases, standard)
    return check_monotone(*probes, risk, outcome.visit_list, standard.risk).breaches


def with_rule(standard: Standard, expects: str, only_if: str = "") -> Standard:
    """The rule expecting something else."""
    names = catalogue(standard.questionnaire, standard.indicators.names)
    premise = parse(only_if, names) if only_if else None
    changed = replace(
        standard.rulebook[RULE], expects=expects, condition=parse(expects, names), only_if=only_if, premise=premise
    )
    return replace(standard, rulebook=replace(standard.rulebook, rules=standard.rulebook.rules | {RULE: changed}))


def test_nothing_goes_the_wrong_way_with_the_rules_and_models_as_they_are(outcome: Outcome) -> None:
    assert outcome.monotone.breaches.rows() == []
    assert outcome.monotone.chains > 1000
    assert outcome.monotone.probes > 5000


def test_every_question_figure_and_remark_with_a_worse_end_is_tried_for_every_type_that_is_asked(
    collection: Collection, standard: Standard, outcome: Outcome
) -> None:
    probes, scores, _ = lay_out_probes(collection.tables, outcome.cases, standard)
    asked = {
        (column, org_type)
        for question in standard.questionnaire
        if question.direction != "none"
        for column in question.columns
        for org_type in question.org_types
    }
    chains = set(probes.rows.select("item", "org_type").unique().rows())
    assert asked <= chains
    weighing = {(item, org_type) for org_type, _, item, _ in outcome.risk.weighed.per_unit.rows()}
    elsewhere = ("declared.", "visit.", "better than the record: ")
    assert {pair for pair in weighing if not pair[0].startswith(elsewhere)} <= chains
    assert scores["of"].null_count() == 0


def test_a_rule_turned_round_is_named(collection: Collection, standard: Standard, outcome: Outcome) -> None:
    turned = with_rule(standard, f'{ANSWER} == "no"')
    breaches = tried(collection, turned, outcome, decibans=3.0)
    assert set(breaches["item"]) == {ANSWER}
    breaches = breaches.filter(pl.col("worse") == "no", pl.col("better") == "yes")
    assert set(breaches["org_type"]) == {"acute", "ambulance", "mental_health", "pct"}
    assert breaches["through"].to_list() == [[RULE]] * breaches.height
    assert (breaches["risk_worse"] < breaches["risk_better"]).all()
    assert (breaches["rank_worse"] >= breaches["rank_better"]).all()


def test_a_rule_that_a_worse_answer_to_its_premise_ends_is_named(
    collection: Collection, standard: Standard, outcome: Outcome
) -> None:
    ended = with_rule(standard, f'{OTHER} == "yes"', only_if=f'{ANSWER} == "yes"')
    breaches = tried(collection, ended, outcome, decibans=3.0)
    worse = breaches.filter(pl.col("worse") == "no", pl.col("better") == "yes")
    assert set(worse["item"]) == {ANSWER}
    assert worse["through"].to_list() == [[RULE]] * worse.height


def test_a_rule_with_a_premise_that_weighs_more_than_its_ceiling_is_named(
    collection: Collection, standard: Standard, outcome: Outcome
) -> None:
    breaches = tried(collection, standard, outcome, decibans=5.0, rule="C2-STA-09")
    assert standard.rulebook["C2-STA-09"].premise is not None
    assert "staffing.named_doctor_post_status" in set(breaches["item"])
    assert "C2-STA-09" in set(breaches["through"].explode().drop_nulls())


def test_a_rule_of_two_answers_that_the_worse_of_one_ends_is_named_though_it_is_right_at_both_ends(
    collection: Collection, standard: Standard, outcome: Outcome
) -> None:
    ended = with_rule(standard, f'({ANSWER} == "no" or {OTHER} == "yes") and {THIRD} == "yes"')
    breaches = tried(collection, ended, outcome, decibans=3.0)
    worse = breaches.filter(pl.col("worse") == "no", pl.col("better") == "yes")
    assert set(worse["item"]) == {ANSWER}


def test_no_answer_that_ends_a_rule_is_named(collection: Collection, standard: Standard, outcome: Outcome) -> None:
    ended = with_rule(standard, f'{ANSWER} == "yes" or absent({ANSWER})')
    breaches = tried(collection, ended, outcome, decibans=3.0)
    absent = {(ANSWER, reason, AVERAGE) for reason in ("no_answer", "not_known", "not_applicable")}
    assert set(breaches.select("item", "worse", "better").rows()) == absent


@pytest.mark.parametrize("item", [ANSWER, "comment.sha", "staff_survey.child_protection_training_pct"])
def test_a_negative_weight_is_named(item: str, collection: Collection, standard: Standard, outcome: Outcome) -> None:
    negative = pl.when(pl.col("item") == item).then(-0.3).otherwise("weight")
    weighed = replace(outcome.risk.weighed, per_unit=outcome.risk.weighed.per_unit.with_columns(weight=negative))
    probes = lay_out_probes(collection.tables, outcome.cases, standard)
    risk = replace(outcome.risk, weighed=weighed)
    breaches = check_monotone(*probes, risk, outcome.visit_list, standard.risk).breaches
    assert set(breaches["item"]) == {item}


def test_an_own_account_far_better_than_a_record_may_add_to_the_risk_and_is_no_breach(
    collection: Collection, standard: Standard, outcome: Outcome
) -> None:
    own = "training.level1_pct"
    gap = (pl.col("item") == f"better than the record: {own}") & (pl.col("weight") > 0)
    heavier = pl.when(gap).then(50.0).otherwise("weight")
    per_unit = outcome.risk.weighed.per_unit
    assert per_unit.filter(gap).height > 0
    risk = replace(outcome.risk, weighed=replace(outcome.risk.weighed, per_unit=per_unit.with_columns(weight=heavier)))
    probes = lay_out_probes(collection.tables, outcome.cases, standard)
    assert check_monotone(*probes, risk, outcome.visit_list, standard.risk).breaches.rows() == []


def test_of_ten_thousand_answers_changed_one_by_one_none_goes_the_wrong_way(
    collection: Collection, standard: Standard, outcome: Outcome
) -> None:
    changes = weigh_changes(outcome, collection.tables, standard, 10_000, seed=1)
    assert wrong_way(changes).rows() == []
    assert changes.filter(pl.col("risk_after") != pl.col("risk_before")).height > 5000


def test_single_changes_would_show_a_rule_turned_round(
    collection: Collection, standard: Standard, outcome: Outcome
) -> None:
    turned = with_rule(standard, f'{ANSWER} == "no"')
    heavy = pl.when(pl.col("check_id") == RULE).then(6.0).otherwise("decibans")
    learnt = replace(outcome.risk.from_visits, weights=outcome.risk.from_visits.weights.with_columns(decibans=heavy))
    planted = replace(outcome, risk=replace(outcome.risk, from_visits=learnt))
    wrong = wrong_way(weigh_changes(planted, collection.tables, turned, 5_000, seed=1))
    assert set(wrong["item"]) == {ANSWER}


def plant(home: Path) -> None:
    """Make a weighty rule of two answers that a worse answer to one ends; right at both ends, examples and all."""
    file = home / "rules" / "c2" / "policies" / f"{RULE}.toml"
    rule = file.read_text(encoding="utf-8")
    rule = rule[: rule.index("[[example]]")].replace('"low"', '"high"').replace('"good_practice"', '"statutory"')
    expects = f'({ANSWER} == "no" or {OTHER} == "yes") and {THIRD} == "yes"'
    rule = rule.replace(f'{ANSWER} == "yes"', expects)
    given = f'"{ANSWER}" = "yes", "{OTHER}" = "{{}}", "{THIRD}" = "yes"'
    for other, verdict in (("yes", "agrees"), ("no", "differs")):
        rule += f'[[example]]\nname = "{verdict}"\ngiven = {{ {given.format(other)} }}\nverdict = "{verdict}"\n\n'
    rule += '[[example]]\nname = "open"\ngiven = {}\nverdict = "cannot_tell"\n\n'
    rule += '[[example]]\nname = "a lapse"\ngiven = { "declared.status" = "not_met" }\nverdict = "not_applicable"\n'
    file.write_text(rule, encoding="utf-8")


def test_a_run_with_a_breach_ends_with_8_and_names_it_unless_somebody_says_why(
    few: Path, collection_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    for folder in ("rules", "models", "data"):
        shutil.copytree(collection_folder.parent.parent / folder, home / folder)
    plant(home)
    monkeypatch.setenv("CROSSCHECK_HOME", str(home))
    asked = ["run", str(few), "--year", YEAR, "--no-pages", "--no-learn", "--out", str(tmp_path / "run")]
    told = CliRunner().invoke(main, asked)
    assert told.exit_code == 8, told.output
    for part in (ANSWER, RULE, "“no”", "“yes”", "acute", "--allow-polarity", "a worse answer lowers the risk"):
        assert part in told.output
    assert not (tmp_path / "run").exists()
    assert CliRunner().invoke(main, [*asked, "--allow-polarity", "on trial"]).exit_code == 0
    kept = json.loads((tmp_path / "run" / "manifest.json").read_text(encoding="utf-8"))["risk"]["monotone"]
    assert kept["breaches"] > 0
    assert kept["probes"] > kept["chains"] > 0
    assert kept["first_breaches"][0]["through"] == [RULE]


def test_the_manifest_says_how_much_was_tried(run_of_few: Path) -> None:
    kept = json.loads((run_of_few / "manifest.json").read_text(encoding="utf-8"))["risk"]["monotone"]
    assert kept["breaches"] == 0
    assert kept["first_breaches"] == []
    assert kept["probes"] > kept["chains"] > 100
