"""A rule set that checks itself: rules broken on purpose are found, each with the case that shows it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from crosscheck import cli
from crosscheck.cases.cases import catalogue
from crosscheck.errors import UnknownNameError
from crosscheck.questionnaire import Question, Questionnaire
from crosscheck.rulebook import solver, verify
from crosscheck.rulebook.expression import parse
from crosscheck.rulebook.rule import AppliesTo, Example, Rule, Rulebook, Threshold
from crosscheck.rulebook.syntax_checks import ExpressionError
from crosscheck.rulebook.verify import Flaw, find_flaws
from crosscheck.standard import Standard
from crosscheck.vocabulary import ORG_TYPES

TODAY = date(2026, 11, 23)


def question(question_id: str, answer_type: str, levels: str = "", **to_whom: tuple[str, ...]) -> Question:
    return Question(
        question_id=question_id,
        text="?",
        answer_type=answer_type,  # type: ignore[arg-type]
        unit="",
        levels=tuple(levels.split()),
        direction="higher_better",
        org_types=to_whom.get("org_types", ORG_TYPES),
        services=to_whom.get("services", ()),
        requirement="",
        basis="",
        where="",
        repeated=question_id.startswith("case_reviews"),
    )


QUESTIONS = (
    question("training.level1_pct", "percent"),
    question("training.courses", "count"),
    question("training.days", "number"),
    question("governance.lead", "ordinal", "none deputy director"),
    question("governance.plan", "yes_no", "no yes"),
    question("maternity.policy", "yes_no", "no yes", org_types=("acute",), services=("maternity",)),
    question("commissioning.contracts", "yes_no", "no yes", org_types=("pct",)),
    question("case_reviews.on_time", "yes_no", "no yes"),
)
QUESTIONNAIRE = Questionnaire({each.question_id: each for each in QUESTIONS}, "")
NAMES = catalogue(QUESTIONNAIRE, ["survey.trained_pct", "survey.rate"])


def rule(expects: str, only_if: str = "", **changes: Any) -> Rule:
    stated = Rule(
        id="R",
        title="As we would expect",
        kind="declaration_vs_answer",
        applies_to=AppliesTo(),
        only_if=only_if,
        premise=parse(only_if, NAMES) if only_if else None,
        expects=expects,
        condition=parse(expects, NAMES),
        severity="low",
        strength="context",
        basis="none",
        source="none",
        finding="It differs.",
        finding_names=(),
        explanations=("a slip",),
        lines_of_enquiry=("ask",),
        group="one",
        covers=(),
        expectations=(),
        threshold_rationale="",
        thresholds=(),
        checked_on=TODAY,
        examples=(),
        file=Path(),
    )
    return replace(stated, **changes)


def all_flaws(*rules: Rule, only_ask: tuple[str, ...] = ()) -> list[Flaw]:
    numbered = {f"R{number}": replace(each, id=f"R{number}") for number, each in enumerate(rules, start=1)}
    return find_flaws(Rulebook(numbered, ""), QUESTIONNAIRE, NAMES, TODAY, only_ask)


def flaws(*rules: Rule, only_ask: tuple[str, ...] = ()) -> list[tuple[str, str, str, str]]:
    """What is found, but for the examples that none of these rules brings."""
    found = all_flaws(*rules, only_ask=only_ask)
    return [(each.rule, each.grade, each.flaw, each.witness) for each in found if "example" not in each.flaw]


def flaw(*rules: Rule, **asked: Any) -> tuple[str, str, str, str]:
    (only,) = flaws(*rules, **asked)
    return only


def number_in(witness: str) -> float:
    return float(witness.rpartition(" = ")[2].rstrip(")"))


@pytest.mark.parametrize(
    "expects",
    [
        "training.level1_pct >= 0",
        "training.level1_pct <= 100 or governance.plan == 'yes'",
        "training.courses > 1 or training.courses <= 1.5",
        "not 1 < training.courses < 2",
        "survey.trained_pct <= 100",
        "governance.lead >= 'none'",
        "step(governance.lead) <= 3",
        "abs(training.days) == training.days",
        "governance.plan != 'yes' or governance.plan != 'no'",
        "highest(training.days, training.courses) >= lowest(training.days, training.courses)",
        "training.days / training.courses >= 0",
        "peers.percentile(training.days) > 0",
        "returned.answered_share <= 1",
        "sum(provider.training.days) >= 0",
        "not any(provider.training.level1_pct > 100)",
        "share(provider.training.level1_pct >= 0) > 0.5",
        "count(governance.plan == 'yes', governance.plan == 'no') == 1",
        "not mentions(declared.statement, 'action plan') or mentions(declared.statement, 'plan')",
        "organisation.staff_wte >= 0",
    ],
)
def test_a_rule_that_can_never_differ_is_found(expects: str) -> None:
    assert flaw(rule(expects)) == ("R1", "error", "never differs", "")


@pytest.mark.parametrize(
    "expects",
    [
        "training.level1_pct > 0",
        "training.days <= 100",
        "not 1 < training.days < 2",
        "survey.rate >= 0",
        "governance.lead > 'none'",
        "training.days - training.courses >= 0",
        "training.days / training.courses > 0",
        "multiple(training.days, 10)",
        "peers.percentile(training.days) > 0.05",
        "sum(provider.training.days) > 0",
        "sum(provider.survey.rate) >= 0",
        "not any(provider.training.level1_pct == 100)",
        "share(provider.governance.plan == 'yes') > 0.9",
        "count(provider.governance.plan == 'yes') < 20",
        "count(governance.plan == 'yes', governance.lead > 'none') >= 1",
        "all(other_party.case_reviews.on_time == this_review.case_reviews.on_time)",
        "not mentions(declared.statement, 'action plan')",
        "declared.statement != declared.other_statement",
        "declared.lapse_from >= date('2008-04-01')",
        "review1.case_reviews.on_time == review2.case_reviews.on_time",
        "not absent(governance.plan)",
    ],
)
def test_a_rule_that_can_agree_and_differ_is_left_in_peace(expects: str) -> None:
    assert flaws(rule(expects)) == []


def test_a_rule_that_always_differs_is_found_with_the_smallest_case_of_it() -> None:
    always = "always differs where it is decided"
    assert flaw(rule("training.level1_pct > 100")) == ("R1", "error", always, "training.level1_pct = 0")
    assert flaw(rule("governance.lead < 'none' and governance.plan == 'yes'"))[3] == "governance.plan = no"


def test_a_rule_that_can_never_be_decided_is_found() -> None:
    nothing = rule("training.days / (training.courses - training.courses) > 1")
    assert flaw(nothing)[2] == "can never be decided: no case agrees, and none differs"


def test_a_rule_for_nobody_is_found() -> None:
    nobody = AppliesTo(org_type=("acute",), function=("commissioner",))
    assert flaw(rule("governance.plan == 'yes'", applies_to=nobody))[2].startswith("never applies")
    somebody = AppliesTo(org_type=("pct",), function=("whole", "commissioner"))
    assert flaws(rule("governance.plan == 'yes'", applies_to=somebody)) == []


@pytest.mark.parametrize(
    "premise",
    ["training.level1_pct > 100", "governance.plan == 'yes' and governance.plan == 'no'", "1 < training.courses < 2"],
)
def test_a_premise_that_never_holds_is_found(premise: str) -> None:
    assert flaw(rule("governance.lead > 'none'", premise))[2].startswith("premise never holds")


def test_a_question_that_is_never_put_to_whom_the_rule_applies_to_is_found() -> None:
    acute = AppliesTo(org_type=("acute", "ambulance"))
    never_put = "speaks of a question that is never put to whom it applies to: commissioning.contracts"
    both = rule("governance.plan == 'yes' or commissioning.contracts == 'yes'", applies_to=acute)
    assert [each[1:3] for each in flaws(both)] == [("error", never_put), ("error", "never differs")]
    alone = rule("commissioning.contracts == 'yes'", applies_to=acute)
    assert [each[2] for each in flaws(alone)] == [
        never_put, "can never be decided: no case agrees, and none differs"
    ]  # fmt: skip
    assert flaws(rule("commissioning.contracts == 'yes'", applies_to=AppliesTo(org_type=("acute", "pct")))) == []


def test_a_service_that_is_provided_decides_whether_a_question_is_put() -> None:
    midwives = rule("maternity.policy == 'yes'", "service.maternity", applies_to=AppliesTo(org_type=("acute",)))
    assert flaws(midwives) == []
    without = rule("maternity.policy == 'yes'", "not service.maternity", applies_to=AppliesTo(org_type=("acute",)))
    assert flaw(without)[2].startswith("can never be decided")


def test_a_level_that_no_question_has_is_refused_before_anything_is_checked() -> None:
    with pytest.raises(ExpressionError, match=r'no level "directors". Did you mean "director"'):
        rule("governance.lead == 'directors'")


def test_a_rule_that_differs_only_where_another_does_is_noted_with_a_case_of_the_other_alone() -> None:
    graver, milder = rule("training.level1_pct >= 20", group="grave"), rule("training.level1_pct >= 50", group="mild")
    rule_id, grade, told, witness = flaw(graver, milder)
    assert (rule_id, grade) == ("R1", "note")
    assert told == "differs only where R2 does, and both weigh: grave, mild"
    assert 20 <= number_in(witness) < 50
    assert flaw(milder, graver)[0] == "R2"


def test_what_shares_a_weight_or_weighs_nothing_is_only_remarked() -> None:
    graver, milder = rule("training.level1_pct >= 20"), rule("training.level1_pct >= 50")
    assert flaw(graver, milder)[1:3] == ("remark", "differs only where R2 does; they share the weight of one")
    asking = replace(graver, kind="implausible_value", group="other")
    assert flaw(asking, milder, only_ask=("implausible_value",))[1] == "remark"
    assert flaw(asking, milder)[1] == "note"


def test_a_milder_rule_that_leaves_the_graver_answers_to_its_sister_is_no_repetition() -> None:
    graver = rule("training.level1_pct >= 20", group="grave")
    milder = rule("training.level1_pct >= 50", "training.level1_pct >= 20", group="mild")
    assert flaws(graver, milder) == []


def test_a_rule_for_some_is_implied_by_the_same_for_all() -> None:
    some = rule("governance.plan == 'yes'", applies_to=AppliesTo(declared=("not_met",)))
    told = flaw(some, rule("governance.lead > 'none' and governance.plan == 'yes'", group="other"))
    assert told[:3] == ("R1", "note", "differs only where R2 does, and both weigh: one, other")
    assert told[3] in {"governance.plan = no", "governance.lead = none"}


def test_two_rules_that_always_differ_together_are_noted_whatever_their_words() -> None:
    one, other = rule("governance.lead >= 'deputy'"), rule("not governance.lead == 'none'", severity="high")
    assert flaw(one, other) == (
        "R1", "note", "differs exactly where R2 does, in one group: one of them says nothing of its own", ""
    )  # fmt: skip


def test_rules_on_others_are_compared_by_what_those_others_hold() -> None:
    few, fewer = (rule(f"not any(provider.training.level1_pct < {least})", group=str(least)) for least in (10, 5))
    rule_id, grade, told, witness = flaw(few, fewer)
    assert (rule_id, grade, told) == ("R2", "note", "differs only where R1 does, and both weigh: 5, 10")
    assert witness.startswith("1 × provider (provider.training.level1_pct = ")
    assert 5 <= number_in(witness) < 10


def test_rules_that_nobody_can_agree_with_both_contradict_each_other() -> None:
    rule_id, grade, told, witness = flaw(rule("training.level1_pct >= 50"), rule("training.level1_pct <= 20"))
    assert (rule_id, grade) == ("R1", "error")
    assert told == "contradicts R2: who agrees with one differs from the other"
    assert number_in(witness) == 50


def test_a_contradiction_under_one_premise_is_one_and_under_two_that_exclude_each_other_is_none() -> None:
    led = "governance.lead == 'director'"
    assert flaw(rule("training.days > 3", led), rule("training.days < 2", led))[1] == "error"
    assert flaws(rule("training.days > 3", led), rule("training.days < 2", f"not ({led})")) == []


def test_rules_for_different_organisations_do_not_contradict_each_other() -> None:
    acute, pct = AppliesTo(org_type=("acute",)), AppliesTo(org_type=("pct",))
    many, few = rule("training.days > 3", applies_to=acute), rule("training.days < 2", applies_to=pct)
    assert flaws(many, few) == []


def test_a_rule_on_what_a_vacant_post_must_not_have_contradicts_only_who_asks_it_of_a_vacant_post() -> None:
    filled, trained = rule("governance.lead > 'none'"), rule("training.days > 0")
    vacant = rule("training.days == 0", "governance.lead == 'none'", applies_to=AppliesTo(declared=("compliant",)))
    assert [each[1] for each in flaws(filled, vacant, trained)] == ["remark"]
    assert flaw(vacant, trained)[1:3] == ("error", "contradicts R2: who agrees with one differs from the other")


def test_a_verdict_that_a_rule_can_give_and_shows_no_example_of_is_an_error_with_a_case_for_one() -> None:
    shown = [
        Example("one that agrees", {"governance.plan": "yes"}, {}, "agrees"),
        Example("one that cannot be told", {}, {}, "cannot_tell"),
    ]
    stated = rule("governance.plan == 'yes'", examples=tuple(shown), applies_to=AppliesTo(declared=("compliant",)))
    assert all_flaws(stated) == [
        Flaw("R1", "error", "no example shows the verdict differs, which it can give", "governance.plan = no"),
        Flaw("R1", "error", "no example shows the verdict not_applicable, which it can give", "governance.plan = n/a"),
    ]


def test_an_example_of_a_verdict_that_is_impossible_is_not_asked_for() -> None:
    asks = rule("not absent(governance.plan)")
    assert {each.flaw for each in all_flaws(asks)} == {
        f"no example shows the verdict {verdict}, which it can give" for verdict in ("agrees", "differs")
    }


def test_an_example_that_comes_out_otherwise_is_an_error() -> None:
    stated = rule("governance.plan == 'yes'", examples=(Example("wrong", {"governance.plan": "no"}, {}, "agrees"),))
    assert "an example fails: R1, “wrong”: gives differs, not agrees." in [each.flaw for each in all_flaws(stated)]


def test_a_rule_that_nobody_checked_for_a_year_is_noted() -> None:
    assert flaws(rule("governance.plan == 'yes'", checked_on=date(2025, 11, 23))) == []
    assert flaw(rule("governance.plan == 'yes'", checked_on=date(2025, 11, 22))) == (
        "R1", "note", "not checked for a year: last on 22 November 2025", ""
    )  # fmt: skip


def test_thresholds_that_leave_a_gap_or_are_not_used_are_errors() -> None:
    until_2007 = Threshold("least", 20, date(2005, 4, 1), date(2007, 3, 31))
    stated = rule("training.level1_pct >= 20")
    gap = (until_2007, Threshold("least", 30, date(2007, 4, 2)))
    used = replace(stated, expects="training.level1_pct >= threshold.least", thresholds=gap)
    assert flaw(used)[1:3] == ("error", "threshold.least has no value from 31 March 2007 to 2 April 2007")
    assert flaws(replace(used, thresholds=(until_2007, Threshold("least", 30, date(2007, 4, 1))))) == []
    assert flaw(replace(stated, thresholds=(until_2007,)))[1:3] == ("error", "threshold.least is stated and not used")


def test_what_the_solver_can_not_decide_is_said_and_never_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(solver, "MOST_WORK", 1)
    hard = rule("training.days * training.days * training.courses + training.days > training.courses * survey.rate")
    assert flaw(hard)[1:3] == ("note", flaw(hard)[2])
    assert flaw(hard)[2].startswith("could not be decided")


def test_rules_that_are_named_are_checked_by_themselves_and_beside_all_others() -> None:
    never, low, high = (
        replace(rule(expects, group=name), id=name)
        for name, expects in (
            ("NEVER", "training.level1_pct <= 100"),
            ("LOW", "training.level1_pct >= 10"),
            ("HIGH", "training.level1_pct >= 30"),
        )
    )
    book = Rulebook({each.id: each for each in (never, low, high)}, "", ("IDLE",))

    def found(*only: str) -> set[tuple[str, str]]:
        flawed = find_flaws(book, QUESTIONNAIRE, NAMES, TODAY, only=only)
        return {(each.rule, each.flaw.split(",")[0]) for each in flawed if "example" not in each.flaw}

    alone = found("HIGH")
    assert alone == {("LOW", "differs only where HIGH does")}
    assert found("NEVER") == {("NEVER", "never differs")}
    assert found("IDLE") == {("IDLE", f"not in force on {TODAY:%-d %B %Y}")}
    assert found() == alone | found("NEVER") | found("IDLE")


def test_the_same_rules_have_the_same_flaws_every_time() -> None:
    rules = [rule(f"training.level1_pct >= {least}", group=str(least)) for least in (10, 20, 30)]
    assert all_flaws(*rules) == all_flaws(*rules)


@pytest.fixture(scope="module")
def flaws_of_c2(standard: Standard) -> list[Flaw]:
    names = catalogue(standard.questionnaire, standard.indicators.names)
    only_ask = {kind for kind, weight in standard.risk.kinds.items() if weight.factor == 0}
    return find_flaws(standard.rulebook, standard.questionnaire, names, TODAY, only_ask)


def test_the_rules_themselves_have_no_flaw_that_has_to_be_mended(flaws_of_c2: list[Flaw]) -> None:
    assert [each for each in flaws_of_c2 if each.grade == "error"] == []


def test_the_rules_themselves_can_all_be_decided(flaws_of_c2: list[Flaw]) -> None:
    assert [each for each in flaws_of_c2 if "could not be decided" in each.flaw] == []


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """What the command tells of some flaws."""

    def tell(found: list[Flaw], *options: str) -> Any:
        monkeypatch.setattr(verify, "find_flaws", lambda *_: found)
        return CliRunner().invoke(cli.main, ["rules", "check", *options])

    return tell


def test_the_command_ends_with_1_for_an_error_and_if_strict_for_a_note(told: Callable[..., Any]) -> None:
    remark, note, error = (Flaw("C2-HR-01", grade, "a flaw") for grade in ("remark", "note", "error"))
    assert told([]).exit_code == told([remark, note]).exit_code == told([remark], "--strict").exit_code == 0
    assert told([note], "--strict").exit_code == told([error]).exit_code == 1


def test_the_command_lists_flaws_with_their_witness(told: Callable[..., Any]) -> None:
    found = [Flaw("C2-HR-01", "note", "a flaw", "x = 1"), Flaw("C2-HR-02", "error", "another")]
    assert "1 error, 1 note, 0 remarks" in told(found).output
    listed = json.loads(told(found, "--format", "json").output)
    assert listed[0] == {"rule": "C2-HR-01", "grade": "note", "flaw": "a flaw", "witness": "x = 1"}
    assert told(found, "--format", "csv").output.splitlines()[0] == "rule,grade,flaw,witness"


def test_the_command_checks_one_rule_and_refuses_a_name_that_is_none() -> None:
    checked = CliRunner().invoke(cli.main, ["rules", "check", "--only", "c2-hr-01", "--on", "2026-12-01"])
    assert (checked.exit_code, checked.output.splitlines()[-1]) == (0, "1 rule: 0 errors, 0 notes, 0 remarks")
    refused = CliRunner().invoke(cli.main, ["rules", "check", "--only", "C2-HR-99"])
    assert refused.exit_code == UnknownNameError.exit_code
    assert "No rule C2-HR-99. Did you mean C2-HR-" in refused.output


def test_the_command_refuses_a_day_that_is_none() -> None:
    refused = CliRunner().invoke(cli.main, ["rules", "check", "--on", "31 March"])
    assert refused.exit_code == 2
    assert "31 March" in refused.output
