from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crosscheck.cases.cases import Name
from crosscheck.rulebook.condition import (
    Absent,
    Among,
    Arithmetic,
    Comparison,
    Condition,
    Extreme,
    Fixed,
    Flag,
    Junction,
    Mention,
    Multiple,
    Not,
    Percentile,
    Reference,
    Size,
    Step,
    Tally,
    Total,
    names_in,
)
from crosscheck.rulebook.expression import parse
from crosscheck.rulebook.syntax_checks import DEEPEST, LONGEST, ExpressionError
from tests.rulebook.conftest import NAMES

Names = dict[str, Name]


def problems(text: str, names: Names) -> tuple[str, ...]:
    with pytest.raises(ExpressionError) as caught:
        parse(text, names)
    return caught.value.problems


def problem(text: str, names: Names) -> str:
    (only,) = problems(text, names)
    return only


def test_a_level_is_read_with_the_order_of_its_question(names: Names) -> None:
    checks = names["staffing.checks"]
    assert parse('staffing.checks >= "all_since_2002"', names) == Comparison(
        ">=", Reference(checks), Fixed("all_since_2002", checks.levels)
    )


def test_a_comparison_reads_the_same_from_either_side(names: Names) -> None:
    days = Reference(names["staffing.days"])
    assert parse("2 <= staffing.days", names) == Comparison("<=", Fixed(2.0), days)


def test_a_chain_is_all_of_its_links(names: Names) -> None:
    days = Reference(names["staffing.days"])
    assert parse("1 < staffing.days <= 5", names) == Junction(
        True, (Comparison("<", Fixed(1.0), days), Comparison("<=", days, Fixed(5.0)))
    )


def test_in_is_any_of_as_many_equalities(names: Names) -> None:
    lead = names["staffing.lead"]
    nurse, doctor = (Comparison("==", Reference(lead), Fixed(level, lead.levels)) for level in ("nurse", "doctor"))
    assert parse('staffing.lead in ("nurse", "doctor")', names) == Junction(False, (nurse, doctor))
    assert parse('staffing.lead not in ("nurse",)', names) == Not(Junction(False, (nurse,)))


def test_a_flag_stands_by_itself(names: Names) -> None:
    assert parse("not service.maternity", names) == Not(Flag(names["service.maternity"]))


def test_a_date_is_a_text_beside_a_date_or_says_that_it_is_one(names: Names) -> None:
    expected = Comparison("<", Reference(names["declared.lapse_from"]), Fixed(date(2008, 12, 31)))
    assert parse('declared.lapse_from < "2008-12-31"', names) == expected
    assert parse('declared.lapse_from < date("2008-12-31")', names) == expected


def test_free_text_is_compared_as_it_stands(names: Names) -> None:
    statement = Reference(names["declared.statement"])
    assert parse('declared.statement == "none — yet"', names) == Comparison("==", statement, Fixed("none — yet"))


def test_a_minus_before_a_name_multiplies(names: Names) -> None:
    days = Reference(names["staffing.days"])
    assert parse("-staffing.days < -1", names) == Comparison("<", Arithmetic("*", Fixed(-1.0), days), Fixed(-1.0))


def test_a_tally_can_stand_on_either_side(names: Names) -> None:
    part = Flag(names["service.maternity"])
    assert parse("count(service.maternity) >= 1", names) == Tally(False, (part,), ">=", 1.0)
    assert parse("0.5 > share(service.maternity)", names) == Tally(True, (part,), "<", 0.5)


def test_absence_is_asked_of_a_name(names: Names) -> None:
    checks = names["staffing.checks"]
    assert parse("absent(staffing.checks)", names) == Absent(checks, only_not_applicable=False)
    assert parse("is_not_applicable(staffing.checks)", names) == Absent(checks, only_not_applicable=True)


def test_an_expression_may_run_over_lines(names: Names) -> None:
    text = 'service.maternity\n  or staffing.policy == "yes"'
    assert parse(text, names) == parse('service.maternity or staffing.policy == "yes"', names)


def test_a_remark_in_a_condition_is_an_error_since_it_would_hide_a_part_of_it(names: Names) -> None:
    told = problem('service.maternity # and\n or staffing.policy == "yes"', names)
    assert "A remark stands outside the condition" in told
    assert parse('mentions(declared.statement, "no. # 5")', names)


@pytest.mark.parametrize("number", ["0xff", "0b11", "0O17", "1_000", "5j"])
def test_numbers_are_written_with_figures_alone(number: str, names: Names) -> None:
    assert "Write the number in figures" in problem(f"staffing.days > {number}", names)


def test_names_are_told_once_in_the_order_of_the_text(names: Names) -> None:
    text = (
        'staffing.lead == "nurse" or count(staffing.days / organisation.staff_wte > 1, staffing.lead == "doctor") > 1'
    )
    told = [name.name for name in names_in(parse(text, names))]
    assert told == ["staffing.lead", "staffing.days", "organisation.staff_wte"]


def test_a_mistyped_question_is_shown_with_its_place_and_the_nearest(names: Names) -> None:
    assert problem('staffing.check >= "all_staff"', names) == (
        '  staffing.check >= "all_staff"\n'
        "  ^^^^^^^^^^^^^^\n"
        "No such question. Did you mean staffing.checks or staffing.recheck? "
        "(`crosscheck questions staffing` lists them)"
    )


def test_the_place_is_right_on_a_later_line_and_after_letters_of_several_bytes(names: Names) -> None:
    text = '  declared.statement == "réservé, oh là là" or\n    staffing.chequers == "all_staff"'
    assert problem(text, names).splitlines()[:2] == ['  staffing.chequers == "all_staff"', "  " + "^" * 17]
    text = 'declared.statement == "réservé, oh là là" or staffing.chequers == "all_staff"'
    line, carets, _ = problem(text, names).splitlines()
    assert line[carets.index("^") : carets.rindex("^") + 1] == "staffing.chequers"


def test_a_place_of_several_lines_is_marked_to_the_end_of_its_first(names: Names) -> None:
    line, carets, *_ = problem("count(service.maternity,\n service.maternity)", names).splitlines()
    assert (line, carets) == ("  count(service.maternity,", "  " + "^" * 24)


def test_all_problems_are_told_together_and_each_once(names: Names) -> None:
    text = 'staffing.chequers in ("a", "b") or staffing.days == "x" or count(staffing.lead, 1 > 2) > 1'
    assert [found.splitlines()[-1].split(".")[0] for found in problems(text, names)] == [
        "No such question",
        "These can't be compared",
        "Say with what it is compared",
        "Two fixed values are compared",
    ]


WRONG = [
    ('crb_checks == "x"', "No such name."),
    ('checks == "all_staff"', "No such name. Did you mean staffing.checks"),
    ('governance.days == "x"', "No such name. Did you mean staffing.days"),
    (
        'declared.state == "compliant"',
        "No such name. There are: declared.status, declared.lapse_from, declared.statement.",
    ),
    ('cases.changes == "yes"', "This is asked of two reviews. Write review1.cases.changes or review2.cases.changes."),
    ('staffing.checks >= "all_since_2003"', 'There is no level "all_since_2003". Did you mean "all_since_2002"?'),
    ('staffing.checks == "x"', "staffing.checks has these levels, in order: not_all, all_since_2002, all_staff."),
    (
        'staffing.lead > "nurse"',
        "There is no order here; compare with ==, != or in. staffing.lead has these levels, in no order",
    ),
    ("staffing.checks >= 2", "These can't be compared. staffing.checks has these levels, in order"),
    ('staffing.days > "many"', "These can't be compared. staffing.days is a number (days per week)."),
    ('declared.statement < "a"', "There is no order here"),
    ("declared.statement == declared.status", "These can't be compared. declared.statement is free text."),
    ("staffing.checks == staffing.lead", "These two are not answered with the same levels."),
    ('service.maternity == "yes"', "service.maternity is a flag; it stands by itself: `service.maternity` or `not"),
    ("service.maternity == service.maternity", "service.maternity is a flag; it stands by itself"),
    ("service.maternity == True", 'Write "yes" or "no" for such an answer; a flag stands by itself'),
    ("staffing.days", "Say with what it is compared. staffing.days is a number (days per week)."),
    ('declared.lapse_from > "31/12/2008"', "This is no date. Write year, month and day"),
    ("declared.lapse_from > 2008", 'declared.lapse_from is a date, to be compared with one, as in "2008-12-31".'),
    ('declared.lapse_from > date("2008-02-30")', "This is no date."),
    ("declared.lapse_from > date(2008)", "date(…) takes a text"),
    ("staffing.checks + 1 > 2", "Only numbers can be calculated with. staffing.checks has these levels"),
    ('"a" + staffing.days > 2', "Only numbers can be calculated with."),
    ("staffing.days ** 2 > 2", "There are four ways to calculate: + - * /."),
    ("staffing.days % 2 > 2", "There are four ways to calculate: + - * /."),
    ("staffing.days // 2 > 2", "There are four ways to calculate: + - * /."),
    ("staffing.days / 0 > 2", "Nothing can be divided by 0."),
    ("1 / (staffing.days / 2) > 2", "A divisor can't hold a division itself."),
    ("2 * 3 < staffing.days", "Two fixed numbers are calculated with. Write the outcome itself."),
    ("1 < 2", "Two fixed values are compared. Name what the case should hold."),
    (f"staffing.days < {10**16}", "This number is too large; at most 1,000,000,000,000,000 is allowed."),
    ("staffing.days < " + "9" * 1500, "This number is too large"),
    ("staffing.days < 1e999", "This number is too large"),
    ("staffing.days == staffing.days == 1", "A chain of comparisons runs one way"),
    ("1 < staffing.days > 0", "A chain of comparisons runs one way"),
    ("staffing.days is 2", "Write == or != to compare."),
    ('staffing.lead in "nurse"', "After `in` stands a list"),
    ('staffing.lead in ("nurse")', "After `in` stands a list"),
    ("staffing.lead in ()", "After `in` stands a list"),
    ("staffing.days in (staffing.days, 2)", "A list holds fixed values only"),
    ('staffing.lead == ("nurse", "doctor")', "A list can stand only after `in`."),
    ("count(service.maternity)", "count(…) gives a number, which can only be compared with a fixed one"),
    ("count(service.maternity) + 1 > 2", "count(…) gives a number, which can only be compared with a fixed one"),
    (
        "share(service.maternity) > staffing.days",
        "share(…) gives a number, which can only be compared with a fixed one",
    ),
    ("share(service.maternity) > count(service.maternity)", "Only count(…) can be compared with another"),
    ("count(share(service.maternity) > 0.5) > 0", "count(…) and share(…) can't stand inside one another."),
    ("count() > 1", "Put conditions into the brackets"),
    ("count(service.maternity) >= 0", "This comes out alike whatever the answers are: they give 0 to 1."),
    ("count(service.maternity) == 2", "This comes out alike whatever the answers are"),
    ("share(service.maternity) > 1", "This comes out alike whatever the answers are"),
    ("count(staffing.days) > 0", "Say with what it is compared."),
    ("absent(staffing.days, staffing.lead)", "absent(…) takes one name, and is itself a condition."),
    ("absent(1)", "absent(…) takes one name"),
    ("is_not_applicable(figures.turnover_pct)", "Only an answer can be not applicable."),
    ("percentile(staffing.days) > 1", "There is no such function. There are absent(x), is_not_applicable(x), count(…)"),
    ("abs() > 1", "abs(…) takes one number."),
    ("abs(staffing.days, 2) > 1", "abs(…) takes one number."),
    ("abs(staffing.lead) > 1", "Only numbers can be calculated with. staffing.lead has these levels"),
    ("abs(staffing.days)", "abs(…) takes one number."),
    ("step() > 1", "step(…) takes the name of an answer whose levels have an order."),
    ("step(2) > 1", "step(…) takes the name of an answer"),
    ("step(staffing.checks, 2) > 1", "step(…) takes the name of an answer"),
    ("step(staffing.lead) > 1", "Only levels with an order have a place. staffing.lead has these levels, in no order"),
    ("step(staffing.days) > 1", "Only levels with an order have a place. staffing.days is a number"),
    ('step(staffing.checks) == "all_staff"', "These can't be compared. staffing.checks has these levels"),
    ("highest() > 1", "highest(…) takes names of numbers, at least two."),
    ("highest(staffing.days) > 1", "highest(…) takes names of numbers, at least two."),
    ("lowest(staffing.days) > 1", "lowest(…) takes names of numbers, at least two."),
    ("highest(staffing.days, 2) > 1", "Write names here, not calculations."),
    ("lowest(staffing.days, staffing.lead) > 1", "Only numbers can be calculated with. staffing.lead"),
    ("multiple(staffing.days)", "multiple(…) takes a number and a fixed one"),
    ("multiple(staffing.days, 10, 2)", "multiple(…) takes a number and a fixed one"),
    ("multiple(staffing.days, 0)", "multiple(…) takes a number and a fixed one"),
    ("multiple(staffing.days, -2)", "multiple(…) takes a number and a fixed one"),
    ("multiple(staffing.days, staffing.trained_pct)", "multiple(…) takes a number and a fixed one"),
    ('multiple(staffing.days, "10")', "multiple(…) takes a number and a fixed one"),
    ("multiple(staffing.days, True)", 'Write "yes" or "no" for such an answer'),
    ("multiple(staffing.days, " + "9" * 400 + ")", "This number is too large"),
    ("multiple(staffing.lead, 10)", "Only numbers can be calculated with. staffing.lead"),
    ("multiple(staffing.days, 10) > 1", "multiple(…) takes a number and a fixed one"),
    ("mentions(declared.statement)", "mentions(…) takes a name of a text and words"),
    ('mentions("lapse", "lapse")', "mentions(…) takes a name of a text and words"),
    (
        'mentions(staffing.lead, "nurse")',
        "Words and patterns are looked for in a text only. staffing.lead has these levels",
    ),
    ("mentions(declared.statement, 3)", "After the name stand words"),
    ('mentions(declared.statement, "lapse", staffing.days)', "After the name stand words"),
    ('mentions(declared.statement, "lapse", " ")', "After the name stand words"),
    ("peers.percentile() > 0.5", "peers.percentile(…) takes one number."),
    ("peers.percentile(staffing.days, 2) > 0.5", "peers.percentile(…) takes one number."),
    ("peers.percentile(staffing.lead) > 0.5", "Only numbers can be calculated with."),
    ("peers.percentile(staffing.days)", "peers.percentile(…) takes one number."),
    ("peers.percentile(provider.staffing.days) > 0.5", "provider.… stands only inside any(…)"),
    ("peers.percentile(sum(provider.staffing.days)) > 0.5", "takes a number of the organisation's own."),
    ("peers.percentile(peers.percentile(staffing.days)) > 0.5", "takes a number of the organisation's own."),
    ("any(peers.percentile(provider.staffing.days) > 0.5)", "peers.percentile(…) takes one number."),
    ("peers.median(staffing.days) > 1", "There is no such function."),
    ("peers.percentile > 0.5", "No such name."),
    ("any()", "any(…) takes one condition on other organisations (commissioner.…, provider.…, same_lscb.…"),
    ("all()", "all(…) takes one condition on other organisations"),
    ("any(provider.staffing.days > 1, service.maternity)", "any(…) takes one condition on other organisations"),
    ("any(provider.staffing.days > 1) > 1", "any(…) takes one condition on other organisations"),
    ("any(staffing.days > 1)", "Name what other organisations hold here: commissioner.…, provider.…"),
    ("any(this_review.cases.changes == 'yes')", "Name what other organisations hold here"),
    ("any(provider.staffing.days)", "Say with what it is compared. provider.staffing.days is a number"),
    ('any(provider.staffing.check == "x")', "No such question. Did you mean staffing.checks"),
    ('all(provider.staffing.checks == "x")', 'There is no level "x". provider.staffing.checks has these levels'),
    ('any(provider.cases.changes == "yes")', "This is asked of two reviews. Write review1.cases.changes"),
    ('any(provider == "x")', "No such name."),
    ("provider.staffing.days > 1", "provider.… stands only inside any(…), all(…), count(…), share(…) or sum(…)."),
    ("not same_lscb.service.maternity", "same_lscb.… stands only inside any(…)"),
    ("absent(commissioner.staffing.days)", "commissioner.… stands only inside any(…)"),
    ('this_review.cases.changes == "yes"', "this_review.… stands only inside any(…)"),
    (
        "any(provider.staffing.days > this_review.cases.changes)",
        "this_review.… stands beside other_party.…, with a question asked of reviews.",
    ),
    ("any(other_party.staffing.days > this_review.staffing.days)", "this_review.… stands beside other_party.…"),
    ("any(provider.staffing.days > commissioner.staffing.days)", "one relation at a time."),
    ("any(all(provider.staffing.days > 1))", "Other organisations are looked at one relation at a time."),
    ("any(provider.staffing.days > 1 and any(same_lscb.staffing.days > 1))", "one relation at a time."),
    ("sum(provider.staffing.days + commissioner.staffing.days) > 1", "one relation at a time."),
    ("any(provider.staffing.days > sum(provider.staffing.days))", "one relation at a time."),
    ("count(provider.staffing.days > 1, staffing.days > 1) > 1", "provider.… stands only inside any(…)"),
    ("count(provider.service.maternity) >= 0", "This comes out alike whatever the answers are: they give 0 or more."),
    ("count(provider.service.maternity) == -1", "This comes out alike whatever the answers are: they give 0 or more."),
    ("share(provider.service.maternity) > 1", "This comes out alike whatever the answers are: they give 0 to 1."),
    ("count(provider.service.maternity)", "count(…) gives a number, which can only be compared with a fixed one"),
    ("sum() > 1", "sum(…) takes one number of other organisations"),
    ("sum(provider.staffing.days)", "sum(…) takes one number of other organisations"),
    ("sum(staffing.days) > 1", "Name what other organisations hold here"),
    ("sum(provider.staffing.lead) > 1", "Only numbers can be calculated with. provider.staffing.lead has these levels"),
    ("sum(provider.staffing.days > 1) > 1", "A condition can't be compared or calculated with."),
    ("staffing.days > threshold.least", "No such threshold. In this rule there are: none. State it under"),
    ('staffing.policy >= "yes"', "There is no order here; compare with ==, != or in. staffing.policy"),
    ("staffing.days >= 50 and", "This can't be read."),
    ("(staffing.days >= 50", "This bracket is not closed."),
    ("True", "Something that holds or not is needed here"),
    ("staffing.days + 1", "Something that holds or not is needed here"),
    ("(staffing.days > 1) == (staffing.days > 2)", "A condition can't be compared or calculated with."),
    ("not staffing.days > 1 + (not service.maternity)", "A condition can't be compared or calculated with."),
    ("staffing.days == None", "This is not part of the language."),
    ("staffing.days == 1j", "Write the number in figures, as in 255 or 0.5."),
    ("~staffing.days > 1", "This is not part of the language."),
    ("service.maternity or", "This can't be read."),
    ("staffing.days > 1or service.maternity", "This can't be read."),
    ("", "Something that holds or not is needed here"),
    ("# nothing", "A remark stands outside the condition"),
    ("staffing.days = 1", "One = by itself has no meaning here. Write == to compare."),
    ("staffing.days => 1", "One = by itself has no meaning here."),
    ("staffing.days <> 1", "Write != for"),
    ("service.maternity && staffing.days > 1", "Write `and`."),
    ("service.maternity || staffing.days > 1", "Write `or`."),
    ("!service.maternity", "Write `not`, or != to compare."),
    ("service.maternity AND service.maternity", "Write it in small letters."),
    ('staffing.lead in ["nurse"]', "A list stands in round brackets"),
    ("staffing.lead == “nurse”", "Write straight quotation marks"),
    ("staffing.days ≥ 2", "Write >=, <= or !=."),
    ("staffing.days × 2 > 1", "Outside quotation marks stand only plain letters"),
    ('staffing.lead == "nurse', "This quotation mark has no partner on its line."),
    ('staffing.lead == "nur\\se"', "A backslash has no meaning here."),
    ("service.maternity \\ or", "A backslash has no meaning here."),
    ("(service.maternity", "This bracket is not closed."),
    ("service.maternity) or (service.maternity", "This bracket closes nothing."),
    ("service.maternity\x00", "This sign can't be printed."),
    ('declared.statement == "\x07"', "This sign can't be printed."),
]


@pytest.mark.parametrize(("text", "message"), WRONG, ids=[text[:40] for text, _ in WRONG])
def test_what_is_wrong_is_shown_with_its_place_and_what_is_allowed(text: str, message: str, names: Names) -> None:
    told = problems(text, names)
    assert any(re.search(rf"(?<!\S){re.escape(message)}", one) for one in told), told
    for one in told:
        line, carets, *_ = one.split("\n")
        assert line.strip() in text
        assert set(carets) <= {" ", "^"}


TALLIES = ("count(service.maternity)", "share(service.maternity)")


@pytest.mark.parametrize("tally", TALLIES)
@pytest.mark.parametrize("rest", ["== 0", "== 1", "!= 0", "!= 1", "> 0", ">= 1", "< 1", "<= 0", ">= 0.5", "< 0.5"])
def test_a_tally_that_can_come_out_either_way_is_read(tally: str, rest: str, names: Names) -> None:
    assert isinstance(parse(f"{tally} {rest}", names), Tally)


@pytest.mark.parametrize("tally", TALLIES)
@pytest.mark.parametrize(
    "rest", ["== 2", "== -1", "!= 2", "!= -1", ">= 0", "< 0", "> 1", "<= 1", "> -1", ">= 2", "< 2"]
)
def test_a_tally_that_comes_out_alike_whatever_the_answers_are_is_refused(tally: str, rest: str, names: Names) -> None:
    assert "This comes out alike whatever the answers are: they give 0 to 1." in problem(f"{tally} {rest}", names)


BREAK_OUT = [
    "__import__('os').system('echo broken')",
    "().__class__.__bases__",
    "staffing.days.__class__ == 1",
    "staffing.__init__.__globals__ == 1",
    '"".join("a") == "a"',
    "(lambda: 1)() == 1",
    "count(x for x in (1, 2)) > 1",
    "(day := staffing.days) > 1",
    "f'{staffing.days}' == 'a'",
    "f'{9**9**9}' == 'a'",
    "staffing.days < 9**9**9",
    "staffing.days if service.maternity else 1",
    "b'a' == declared.statement",
    "... == staffing.days",
    "eval('1') == 1",
    "count(*staffing.days) > 1",
    "staffing.days << 99 > 1",
    "staffing.days @ 1 > 1",
    "await_ == 1",
    "(yield) == 1",
    "service.maternity; 1",
    "print(1)",
    "absent(absent)",
    "date(date) == 1",
    "().__class__.__bases__ == 'x'",
    "staffing.days.real > 1",
    "provider.__class__ == 1",
    "any(provider.__init__.__globals__ == 1)",
    "threshold.__class__ > 1",
    "peers.__class__(staffing.days) > 1",
    "[x for x in (1, 2)] == 1",
    "{x: x for x in (1, 2)} == 1",
    "staffing['days'] > 1",
    "open('x') == 'y'",
    "exec('print(1)')",
    "any(print(provider.staffing.days))",
    "abs(lambda: print(1)) > 1",
    "mentions(declared.statement, print('x'))",
    "mentions(declared.statement, f'{print(1)}')",
    "mentions(declared.statement, *('lapse',))",
    "multiple(staffing.days, (of := 10))",
    "abs(x=staffing.days) > 1",
    "absent(staffing.days, **staffing)",
    "await staffing.days",
    "service.maternity if True else False",
    "True",
    "...",
    "lambda: service.maternity",
    "9**9**9 > 1",
    "staffing.days > 1" + "0" * 1500,
    "staffing.days > 1\x00",
    "\u0455taffing.days > 1",
    "staffing\uff0edays > 1",
    "staffing.days > \u0661",
    "service.maternity \u2028or service.maternity",
    "import os",
    "@staffing.days",
    "service.maternity\nprint(1)",
    "service.maternity)\n(print(1)",
]


@pytest.mark.parametrize("text", BREAK_OUT)
def test_nothing_but_the_language_gets_through(text: str, names: Names, capfd: pytest.CaptureFixture[str]) -> None:
    problems(text, names)
    assert capfd.readouterr().out == ""


GIANTS = [
    "service.maternity or " * 200 + "service.maternity",
    "count(" + "1>2," * 200 + ") > 1",
    "(" * 300 + "service.maternity" + ")" * 300,
    "not " * 400 + "service.maternity",
    "-" * 1500 + "staffing.days > 1",
    ".".join(["staffing"] * 200) + " > 1",
    "staffing.days" + " + staffing.days" * 60 + " > 1",
    "any(" * 30 + "provider.service.maternity" + ")" * 30 + " or service.maternity" * 90,
    "abs(" * 45 + "staffing.days" + ")" * 45 + " > 1",
    "mentions(declared.statement, " + '"a", ' * 400 + '"b")',
]


@pytest.mark.parametrize("text", GIANTS, ids=[text[:12] for text in GIANTS])
def test_what_is_too_long_or_too_deep_is_refused_without_being_walked(text: str, names: Names) -> None:
    assert any(words in problem(text, names) for words in ("at most", "nested more than"))


def test_what_is_just_not_too_long_is_read_and_one_sign_more_is_not(names: Names) -> None:
    text = "service.maternity".ljust(LONGEST)
    parse(text, names)
    assert problem(text + " ", names) == "The expression has 2,001 characters; at most 2,000 are allowed."


def test_what_has_just_not_too_many_parts_is_read_and_one_more_is_not(names: Names) -> None:
    values = ",".join("1" * 396)  # and four more: the comparison, the list, the name and its section
    parse(f"staffing.days in ({values})", names)
    assert "The expression has 401 parts" in problem(f"staffing.days in ({values},2)", names)


def test_other_organisations_are_read_with_their_relation_and_as_the_rule_writes_them(names: Names) -> None:
    policy, own = names["staffing.policy"], names["staffing.days"]
    theirs = replace(policy, name="provider.staffing.policy", relation="provider")
    no = Comparison("==", Reference(theirs), Fixed("no", policy.levels))
    text = "provider.staffing.policy == 'no'"
    assert parse(f"any({text})", names) == Among("provider", False, no, ">=", 1, text)
    assert parse(f"all({text})", names) == Not(Among("provider", False, Not(no), ">=", 1, f"not {text}"))
    assert parse(f"count({text}) < 3", names) == Among("provider", False, no, "<", 3.0, text)
    assert parse(f"0.5 <= share({text})", names) == Among("provider", True, no, ">=", 0.5, text)
    days = Reference(replace(own, name="same_lscb.staffing.days", relation="same_lscb"))
    total = Total("same_lscb", Arithmetic("*", Fixed(2.0), days), "sum(2 * same_lscb.staffing.days)")
    assert parse("sum(2 * same_lscb.staffing.days) > 1", names) == Comparison(">", total, Fixed(1.0))


def test_both_accounts_of_a_shared_review_are_read(names: Names) -> None:
    parsed = parse("any(other_party.cases.changes != this_review.cases.changes)", names)
    assert [(name.name, name.relation) for name in names_in(parsed)] == [
        ("other_party.cases.changes", "other_party"),
        ("this_review.cases.changes", "this_review"),
    ]


def test_a_percentile_keeps_the_text_of_the_rule_by_which_examples_give_it(names: Names) -> None:
    days, staff = Reference(names["staffing.days"]), Reference(names["organisation.staff_wte"])
    part = Arithmetic("/", days, staff)
    text = "peers.percentile(staffing.days / organisation.staff_wte)"
    assert parse(f"{text} > 0.05", names) == Comparison(">", Percentile(part, text), Fixed(0.05))


def test_numbers_are_worked_out_from_names(names: Names) -> None:
    days, trained, checks = names["staffing.days"], names["staffing.trained_pct"], names["staffing.checks"]
    assert parse("abs(staffing.days - 2) < step(staffing.checks)", names) == Comparison(
        "<", Size(Arithmetic("-", Reference(days), Fixed(2.0))), Step(checks)
    )
    for function, highest in (("highest", True), ("lowest", False)):
        assert parse(f"{function}(staffing.days, staffing.trained_pct) > 1", names) == Comparison(
            ">", Extreme(highest, (days, trained)), Fixed(1.0)
        )
    assert parse("multiple(staffing.trained_pct, 10)", names) == Multiple(Reference(trained), 10.0)
    assert parse('mentions(declared.statement, "lapse", "action plan")', names) == Mention(
        names["declared.statement"], ("lapse", "action plan")
    )


def test_a_threshold_stands_for_its_number_and_another_is_told_with_those_that_there_are(names: Names) -> None:
    assert parse("staffing.days > threshold.least", names, {"least": 2.5}) == parse("staffing.days > 2.5", names)
    with pytest.raises(ExpressionError) as caught:
        parse("staffing.days > threshold.least or staffing.days < threshold.mots", names, {"most": 3, "few": 1})
    first, second = caught.value.problems
    assert first.splitlines()[1] == "  " + " " * 16 + "^" * 15
    assert "In this rule there are: threshold.most, threshold.few." in second


@pytest.mark.parametrize(
    ("text", "marked"),
    [
        ('mentions(declared.statement, "élève ☂ 🚑") and step(staffing.lead) > 1', "staffing.lead"),
        ('declared.statement == "日本" or\n  any(staffing.days > 1)', "staffing.days > 1"),
        ('any(provider.declared.statement == "ß") or\n\n sum(provider.staffing.day) > 1', "provider.staffing.day"),
        ("declared.statement == 'Ärzte über' and staffing.dys > 1", "staffing.dys"),
        ("multiple(staffing.days, 0)", "multiple(staffing.days, 0)"),
    ],
)
def test_the_carets_stand_under_what_is_wrong(text: str, marked: str, names: Names) -> None:
    line, carets, *_ = problem(text, names).split("\n")
    assert line[carets.index("^") : carets.rindex("^") + 1] == marked


TOKENS = (
    *("staffing.days", "staffing.lead", "staffing.checks", "service.maternity", "declared.statement", "provider"),
    *("provider.staffing.days", "other_party.cases.changes", "this_review.cases.changes", "threshold.least", "peers"),
    *("any(", "all(", "count(", "share(", "sum(", "abs(", "step(", "highest(", "multiple(", "mentions(", "absent("),
    *("is_not_applicable(", "peers.percentile(", "date(", "(", ")", ")", ")", ",", ",", ".", "lambda:", "if", "else"),
    *("and", "or", "not", "in", "not in", "<", "<=", "==", "!=", "+", "-", "*", "/", "%", ":=", "**", "is", "for"),
    *("1", "0", "-1", "1e400", "9" * 50, "1j", '"nurse"', '"yes"', "'", '"', "é", "\n", "#", "None", "True", "..."),
)
texts = st.text(max_size=60) | st.lists(st.sampled_from(TOKENS), max_size=40).map(" ".join)


@settings(max_examples=600, deadline=2_000, derandomize=True)
@given(text=texts)
def test_any_text_at_all_is_a_condition_or_told_to_be_none(text: str) -> None:
    with suppress(ExpressionError):
        assert isinstance(parse(text, NAMES, {"least": 20}), Condition)


def test_what_is_just_not_too_deep_is_read(names: Names) -> None:
    deep = DEEPEST - 3
    parse("(" * deep + "service.maternity" + ")" * deep, names)
    parse("not " * deep + "service.maternity", names)
