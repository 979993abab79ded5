from __future__ import annotations

import subprocess
import sys

import pytest

from crosscheck.cases.cases import Name
from crosscheck.rulebook.expression import parse
from crosscheck.rulebook.to_english import EnglishCondition, full_label, in_words, to_english, value_in_words

CHECKS = "“all since 2002” or “all staff”"
HOLD = {
    'staffing.checks > "not_all"': f"“whose records were checked” is more than “not all”: {CHECKS}",
    'staffing.checks >= "all_since_2002"': f"“whose records were checked” is at least “all since 2002”: {CHECKS}",
    'staffing.checks < "all_since_2002"': "“whose records were checked” is “not all”",
    'staffing.checks != "not_all"': f"“whose records were checked” is not “not all”: {CHECKS}",
    'not staffing.checks >= "all_since_2002"': "“whose records were checked” is “not all”",
    '"all_staff" > staffing.checks': "“whose records were checked” is less than “all staff”: "
    "“not all” or “all since 2002”",
    'staffing.checks in ("not_all", "all_staff")': "“whose records were checked” is “not all” or “all staff”",
    'staffing.checks not in ("not_all", "all_staff")': "“whose records were checked” is none of "
    "“not all” and “all staff”",
    "staffing.checks == staffing.recheck": "checks (staffing) is the same as recheck (staffing)",
    'staffing.policy == "yes"': "“whether there is a policy” is answered yes",
    'not staffing.policy == "yes"': "“whether there is a policy” is answered no",
    "staffing.trained_pct >= 20": "“trained” is at least 20% of eligible staff",
    "not staffing.trained_pct >= 20": "“trained” is below 20% of eligible staff",
    "staffing.days < 2.5": "“protected time” is below 2.5 days per week",
    "staffing.days > 0": "“protected time” is above 0",
    "organisation.staff_wte >= 12000": "staff is at least 12,000 whole-time equivalent",
    "figures.turnover_pct - staffing.trained_pct < 10": "turnover (figures) minus trained (staffing) is below 10%",
    "figures.turnover_pct / (staffing.days + 1) < 10": "turnover (figures) divided by "
    "(days (staffing) plus 1) is below 10",
    "abs(figures.turnover_pct - staffing.trained_pct) < 10": "the difference between turnover (figures) and "
    "trained (staffing) is below 10%",
    "abs(figures.turnover_pct) < 10": "turnover (figures) (without its sign) is below 10%",
    "step(staffing.checks) >= 2": "the place of checks (staffing) among its answers (1 is the worst) is at least 2",
    "highest(figures.turnover_pct, staffing.trained_pct) <= 90": "the highest of turnover (figures) and "
    "trained (staffing) is at most 90%",
    "lowest(staffing.days, organisation.staff_wte) > 2": "the lowest of days (staffing) and staff is above 2",
    "peers.percentile(figures.turnover_pct) >= 0.05": "the percentile of turnover (figures) "
    "among organisations of its type is at least 5",
    "peers.percentile(figures.turnover_pct) + 0.1 > staffing.days": "the percentile (0 to 1) of turnover (figures) "
    "among organisations of its type plus 0.1 is above days (staffing)",
    "multiple(staffing.trained_pct, 10)": "“trained” is a whole multiple of 10",
    "not multiple(staffing.trained_pct, 10)": "“trained” is not a whole multiple of 10",
    'mentions(declared.statement, "lapse", "action plan")': "free text with the declaration mentions "
    "“lapse” or “action plan”",
    'not mentions(declared.statement, "lapse", "action plan")': "free text with the declaration mentions none of "
    "“lapse” and “action plan”",
    'declared.lapse_from <= date("2008-12-31")': "first day of the period declared not met "
    "is not after 31 December 2008",
    "service.maternity": "its services include maternity",
    "not service.maternity": "its services do not include maternity",
    "absent(staffing.days)": "“protected time” is not answered",
    "not absent(staffing.days)": "“protected time” is answered",
    "absent(figures.turnover_pct)": "turnover (figures) is not known",
    "is_not_applicable(staffing.days)": "“protected time” is “not applicable”",
    "not is_not_applicable(staffing.days)": "“protected time” is not “not applicable”",
    'review1.cases.changes == "yes"': "“changes (the first of the two reviews)” is answered yes",
    'any(provider.staffing.policy == "no")': "for a provider that it commissions, "
    "the provider's policy (staffing) is answered no",
    'not any(provider.staffing.policy == "no")': "for no provider that it commissions, "
    "the provider's policy (staffing) is answered no",
    "all(commissioner.staffing.days >= staffing.days)": "for each commissioner of its services, "
    "the commissioner's days (staffing) is at least days (staffing)",
    "count(same_lscb.staffing.trained_pct < 10) < 3": "for fewer than 3 of the other members of the same "
    "safeguarding board, the other member's trained (staffing) is below 10% of eligible staff",
    "share(provider.service.maternity) >= 0.5": "for at least 50% of the providers that it commissions, "
    "the provider's services include maternity",
    "sum(same_lscb.staffing.trained_pct) <= 100": "the sum of the other member's trained (staffing) over the other "
    "members of the same safeguarding board is at most 100%",
    "all(other_party.cases.changes == this_review.cases.changes)": "for each other party of the same case review, "
    "the other party's changes (cases) is the same as its own changes (cases)",
}
POLICY, NURSE = "“whether there is a policy” is answered yes", "“who leads” is “nurse”"
BOTH = '(staffing.policy == "yes" and staffing.lead == "nurse")'
JOINED = {
    f"{BOTH}": f"both of these hold: {POLICY}; {NURSE}",
    f"not {BOTH}": "one of these holds, or both: “whether there is a policy” is answered no; “who leads” is “doctor”",
    f"service.maternity or {BOTH}": "one of these holds, or both: its services include maternity; "
    f"(both of these hold: {POLICY}; {NURSE})",
    'staffing.policy == "yes" or staffing.lead == "nurse" or service.maternity': "at least one of these holds: "
    f"{POLICY}; {NURSE}; its services include maternity",
    'count(staffing.policy == "yes", staffing.lead == "nurse") >= 1': f"at least 1 of these holds: {POLICY}; {NURSE}",
    'count(staffing.policy == "yes", staffing.lead == "nurse") < 1': f"none of these hold: {POLICY}; {NURSE}",
    'not count(staffing.policy == "yes", staffing.lead == "nurse") < 2': f"at least 2 of these hold: {POLICY}; {NURSE}",
    'share(staffing.policy == "yes", staffing.lead == "nurse") > 0.5': "more than 50% of these that apply hold: "
    f"{POLICY}; {NURSE}",
    'share(staffing.policy == "yes", staffing.lead == "nurse") < 1': "not all of these that apply hold: "
    f"{POLICY}; {NURSE}",
}


@pytest.mark.parametrize("expression", HOLD)
def test_each_kind_of_condition_has_its_plain_words(names, expression: str) -> None:
    assert to_english(parse(expression, names)) == EnglishCondition(HOLD[expression])


@pytest.mark.parametrize("expression", JOINED)
def test_what_joins_several_says_how_many_of_them_are_to_hold(names, expression: str) -> None:
    joined = to_english(parse(expression, names))
    assert str(joined) == JOINED[expression]
    assert len(joined.parts) >= 2


def test_a_threshold_is_told_by_its_value(names) -> None:
    told = to_english(parse("staffing.trained_pct >= threshold.least", names, {"least": 20.0}))
    assert str(told) == "“trained” is at least 20% of eligible staff"


def test_a_question_too_long_for_a_sentence_is_called_by_the_end_of_its_name() -> None:
    text = "Is there a process that follows up every child who missed an appointment?"
    question = Name("policies.missed_appointments", "choice", text, ("no", "yes"), absences=True)
    assert full_label(question) == "missed appointments (policies)"


def test_the_letters_of_the_field_are_spelled_and_no_underscore_is_left() -> None:
    assert in_words("imr_completion_time") == "management review completion time"
    assert in_words("level2_gps") == "level 2 GPs"


def test_a_value_is_told_with_its_unit(names) -> None:
    assert value_in_words(names["staffing.trained_pct"], 55.5) == "55.5% of eligible staff"
    assert value_in_words(names["staffing.checks"], "all_since_2002") == "all since 2002"


def test_plain_words_need_no_frames() -> None:
    asked = "import sys; import crosscheck.rulebook.to_english; print('polars' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "False"
