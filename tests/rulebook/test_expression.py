from __future__ import annotations

from datetime import date

import pytest

from crosscheck.cases import Name
from crosscheck.rulebook.condition import (
    Absent,
    Arithmetic,
    Comparison,
    Fixed,
    Flag,
    Junction,
    Not,
    Reference,
    Tally,
    names_in,
)
from crosscheck.rulebook.expression import DEEPEST, ExpressionError, parse

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


def test_an_expression_may_run_over_lines_and_end_with_a_remark(names: Names) -> None:
    text = 'service.maternity  # (all\n  or staffing.policy == "yes"  # "who" says)'
    assert parse(text, names) == parse('service.maternity or staffing.policy == "yes"', names)


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
    ("share(service.maternity) > count(service.maternity)", "count(…) gives a number"),
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
    ("True", "Something that holds or not is needed here"),
    ("staffing.days + 1", "Something that holds or not is needed here"),
    ("(staffing.days > 1) == (staffing.days > 2)", "A condition can't be compared or calculated with."),
    ("not staffing.days > 1 + (not service.maternity)", "A condition can't be compared or calculated with."),
    ("staffing.days == None", "This is not part of the language."),
    ("staffing.days == 1j", "This is not part of the language."),
    ("~staffing.days > 1", "This is not part of the language."),
    ("service.maternity or", "This can't be read."),
    ("staffing.days > 1or service.maternity", "This can't be read."),
    ("", "Something that holds or not is needed here"),
    ("# nothing", "Something that holds or not is needed here"),
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
    assert any(message in one for one in told), told
    for one in told:
        line, carets, *_ = one.split("\n")
        assert line.strip() in text
        assert set(carets) <= {" ", "^"}


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
]


@pytest.mark.parametrize("text", GIANTS, ids=[text[:12] for text in GIANTS])
def test_what_is_too_long_or_too_deep_is_refused_without_being_walked(text: str, names: Names) -> None:
    assert any(words in problem(text, names) for words in ("at most", "nested more than"))


def test_what_is_just_not_too_deep_is_read(names: Names) -> None:
    deep = DEEPEST - 3
    parse("(" * deep + "service.maternity" + ")" * deep, names)
    parse("not " * deep + "service.maternity", names)
