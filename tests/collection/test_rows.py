from __future__ import annotations

import pytest

from crosscheck.collection.read import read_collection

FIGURE = "R01,survey,trained_pct,2008"


def figures_of(small, figures, kind=""):
    """Read one indicator with these numerator, denominator and value."""
    return small.rows("indicators", f"{FIGURE},{figures},higher_better,{kind}").read()


@pytest.mark.parametrize(
    ("table", "row"),
    [
        ("declarations", "X99,2008/09,whole,acute,C2,compliant,,,"),
        ("answers", "X99,training.strategy,,yes"),
        ("indicators", "X99,survey,trained_pct,2008,,,5,none,"),
        ("comments", "X99,sha,2008/09,C2,1,1,x"),
        ("visits", "X99,whole,2008/09,risk,,2009-07-27,upheld"),
        ("visit_items", "X99,whole,2008/09,training.strategy,,seen,"),
    ],
)
def test_a_row_about_an_unknown_organisation_is_set_aside(small, problems, table, row):
    read = small.rows(table, row).read()
    assert read.tables[table].is_empty()
    (found,) = problems(read, table=table)
    assert (found["row"], found["column"], found["value"], found["effect"]) == (2, "org_code", "X99", "row set aside")
    assert "add it to organisations" in found["remedy"]


def test_declarations_visits_and_answers_of_former_bodies_are_kept_for_their_successors(small, problems):
    small.rows("relationships", "R01,succeeds,R90,,2007-04-01,", "R90,succeeds,R80,,2002-04-01,")
    small.rows("declarations", *(f"{code},2005/06,whole,acute,C2,compliant,,," for code in ("R01", "R90", "R80")))
    small.rows("visits", "R90,whole,2005/06,risk,,2006-07-27,upheld")
    small.rows("answers", "R90,training.strategy,,yes")
    read = small.read()
    assert read.tables["declarations"]["org_code"].to_list() == ["R01", "R80", "R90"]
    assert read.tables["visits"].height == 1
    assert read.tables["relationships"].height == 2
    assert read.tables["answers"]["org_code"].to_list() == ["R90"]
    assert not problems(read)


def test_nobody_succeeds_a_body_through_an_unknown_one(small, problems):
    small.rows("relationships", "X99,succeeds,R90,,2007-04-01,")
    small.rows("declarations", "R90,2005/06,whole,acute,C2,compliant,,,")
    read = small.read()
    assert read.tables["declarations"].is_empty()
    assert read.tables["relationships"].is_empty()


def test_ties_lead_to_organisations_and_bodies_only(small, problems):
    small.rows("bodies", "L100,lscb,A Board,North")
    small.rows(
        "relationships",
        "R01,sits_on,L100,,,",
        "R01,sits_on,L999,,,",
        "R02,commissions,R01,,,",
        "X99,commissions,R01,,,",
        "R01,succeeds,R90,,,",
        "R02,commissions,R90,,,",
        "R02,commissions,R02,,,",
    )
    read = small.read()
    assert read.tables["relationships"]["to_code"].to_list() == ["L100", "R90", "R01"]
    found = [(problem["row"], problem["column"], problem["value"]) for problem in problems(read)]
    assert found == [(3, "to_code", "L999"), (5, "from_code", "X99"), (7, "to_code", "R90"), (8, "to_code", "R02")]


def test_without_a_table_of_bodies_nobody_can_tell_which_boards_there_are(small):
    read = small.rows("relationships", "R01,sits_on,L100,,,", "R01,shared_review,L100,SCR-1-1,,").read()
    assert read.tables["relationships"]["relation"].to_list() == ["sits_on"]


@pytest.mark.parametrize("mangled", ["5.00E+00", "5", "5E+00"])
def test_a_code_that_a_spreadsheet_made_a_number_is_put_back_where_one_organisation_fits(small, problems, mangled):
    read = small.rows("answers", f"{mangled},training.strategy,,yes").read()
    assert read.tables["answers"]["org_code"].to_list() == ["5E0"]
    (found,) = problems(read)
    assert (found["value"], found["effect"]) == (mangled, "converted")
    assert "read as 5E0" in found["problem"]


def test_such_a_code_is_set_aside_where_two_organisations_fit_or_none(small, problems):
    small.rows("organisations", "50E1,A,acute,North,,,,", "5E2,B,acute,North,,,,", "R01,C,acute,North,,,,")
    read = small.rows("answers", "5.00E+02,training.strategy,,yes", "7.00E+02,training.strategy,,yes").read()
    assert read.tables["answers"].is_empty()
    assert [found["row"] for found in problems(read, effect="row set aside")] == [2, 3]


def test_an_organisation_whose_own_code_became_a_number_cannot_be_told(small, problems):
    read = small.rows("organisations", "5.00E+00,A,acute,North,,,,", "R01,B,acute,North,,,,").read()
    assert read.tables["organisations"]["org_code"].to_list() == ["R01"]
    assert "enter the code again" in problems(read, table="organisations")[0]["remedy"]


def test_of_rows_given_twice_one_is_kept(small, problems):
    read = small.rows("answers", "R01,training.strategy,,yes", "r01,training.strategy,,Y").read()
    assert read.tables["answers"].height == 1
    (found,) = problems(read, effect="row set aside")
    assert (found["row"], found["column"]) == (3, None)
    assert found["problem"] == "The row was given twice: row 2 says the same."


def test_of_rows_that_contradict_each_other_none_is_assumed_to_be_right(small, problems):
    small.rows("answers", *(f"R01,training.strategy,,{answer}" for answer in ("yes", "no", "yes")))
    read = small.read()
    assert read.tables["answers"].is_empty()
    assert [found["row"] for found in problems(read)] == [2, 3, 4]
    assert problems(read)[0]["problem"] == "It contradicts row 3 and 4: the same but for level."
    assert problems(read)[0]["remedy"].startswith("Find out which of them holds")


def test_no_answer_contradicts_a_no(small):
    assert (
        small.rows("answers", "R01,training.strategy,,", "R01,training.strategy,,no")
        .read()
        .tables["answers"]
        .is_empty()
    )


def test_a_readable_answer_does_not_win_against_an_unreadable_one(small):
    read = small.rows("answers", "R01,training.strategy,,yes", "R01,training.strategy,,maybe").read()
    assert read.tables["answers"].is_empty()


def test_remarks_given_twice_word_for_word_count_once(small):
    remark = "R01,sha,2008/09,C2,1,0.5,Good."
    read = small.rows("comments", remark, remark, remark.replace("Good", "Fair")).read()
    assert read.tables["comments"]["text"].to_list() == ["Fair.", "Good."]


def test_rows_about_an_organisation_that_was_set_aside_go_with_it_and_it_is_said(small, problems):
    small.rows("organisations", "R01,A,acute,North,,,,", "R01,B,acute,North,,,,")
    read = small.read()
    assert read.tables["organisations"].is_empty()
    assert read.tables["answers"].is_empty()
    assert len(problems(read, table="answers", column="org_code")) == 1


def test_a_board_of_disputed_name_is_still_a_board(small, problems):
    small.rows("bodies", "L100,lscb,A Board,North", "L100,lscb,Another Board,North")
    read = small.rows("relationships", "R01,sits_on,L100,,,").read()
    assert read.tables["bodies"].is_empty()
    assert read.tables["relationships"].height == 1


def test_a_body_whose_row_cannot_be_used_is_still_known_by_its_code(small):
    small.rows("bodies", "L100,board,A Board,North")
    assert small.rows("relationships", "R01,sits_on,L100,,,").read().tables["relationships"].height == 1


@pytest.mark.parametrize(
    ("table", "row", "first", "last"),
    [
        ("declarations", "R01,2008/09,whole,acute,C2,not_met,2008-06-01,2004-01-01,", "lapse_from", "lapse_to"),
        ("relationships", "R02,commissions,R01,,2006-10-01,1999-01-01", "since", "until"),
    ],
)
def test_of_a_period_that_ends_before_it_begins_both_days_are_set_aside(small, problems, table, row, first, last):
    read = small.rows(table, row).read()
    assert read.tables[table].select(first, last).rows() == [(None, None)]
    assert [(found["column"], found["effect"]) for found in problems(read)] == [
        (first, "cell set aside"),
        (last, "cell set aside"),
    ]


@pytest.mark.parametrize(
    "figures", ["66,72,91.7", "66,72,91.6", "66,72,92", "0,5,0", "5,5,100", "1,3,", ",,", "7,,", ",,350", "3,20000,"]
)
def test_figures_that_agree_are_no_problem_however_they_were_rounded(small, figures):
    read = figures_of(small, figures)
    assert read.problems.is_empty()
    assert read.tables["indicators"].height == 1


@pytest.mark.parametrize(
    ("figures", "kind", "column", "words"),
    [
        ("66,72,12.2", "", "value", "not the percentage"),
        ("66,72,0.917", "", "value", "not the percentage"),
        ("5237,86,91.9", "", "numerator", "above the denominator"),
        ("5237,86,", "proportion", "numerator", "above the denominator"),
        ("5,0,70", "", "denominator", "denominator is 0"),
        ("5,0,", "ratio", "denominator", "denominator is 0"),
        ("1,5,-20", "", "value", "below 0"),
        (",,-3.2", "ratio", "value", "below 0"),
        ("-1,5,", "", "numerator", "below 0"),
        ("1,-5,", "ratio", "denominator", "below 0"),
        (",,101", "proportion", "value", "above 100%"),
    ],
)
def test_figures_that_contradict_each_other_set_the_row_aside_whole(small, problems, figures, kind, column, words):
    read = figures_of(small, figures, kind)
    assert read.tables["indicators"].is_empty()
    (found,) = problems(read)
    assert (found["column"], found["effect"]) == (column, "row set aside")
    assert words in found["problem"]
    assert found["value"] == figures.split(",")[("numerator", "denominator", "value").index(column)]


@pytest.mark.parametrize(
    ("figures", "kind"),
    [("12,8.5,1.41", "ratio"), ("12,8.5,", "ratio"), (",,-3.2", "number"), (",,-3.2", ""), ("9,4,2", "number")],
)
def test_a_ratio_may_exceed_1_and_a_number_may_be_negative(small, figures, kind):
    assert figures_of(small, figures, kind).problems.is_empty()


def test_a_published_figure_may_bear_a_per_cent_sign_and_it_is_said(small, problems):
    read = figures_of(small, ",,54 %")
    assert read.tables["indicators"]["value"].to_list() == [54]
    assert [found["effect"] for found in problems(read)] == ["converted"]


def test_an_unreadable_figure_is_set_aside_alone(small, problems):
    read = figures_of(small, "many,72,91.7")
    assert read.tables["indicators"]["value"].to_list() == [91.7]
    assert [found["effect"] for found in problems(read)] == ["cell set aside"]


def test_one_cell_has_one_problem_with_the_gravest_effect(small, problems):
    (found,) = problems(small.rows("answers", "x99,training.strategy,,yes").read(), table="answers")
    assert found["effect"] == "row set aside"
    assert "read as X99" in found["problem"]
    assert "not among the organisations" in found["problem"]


def test_a_value_below_0_is_named_and_kept_where_no_other_of_its_figure_is(small, problems):
    many = [f"R01,survey,staff,{year},,,7,none," for year in range(1900, 2000)]
    read = small.rows(
        "indicators", *many, "R01,survey,staff,2008,,,-7,none,", "R01,survey,change,2008,,,-7,none,"
    ).read()
    assert read.tables["indicators"].height == 102
    (found,) = problems(read, table="indicators")
    assert (found["row"], found["column"], found["value"], found["effect"]) == (102, "value", "-7", "converted")
    said = small.rows("indicators", *many, "R01,survey,staff,2008,,,-7,none,number").read()
    assert said.problems.is_empty()


@pytest.mark.parametrize("value", ["120", "-3"])
def test_a_percentage_of_the_model_that_cannot_be_is_set_aside_also_where_its_row_does_not_say_what_it_is(small, value):
    small.rows(
        "indicators",
        f"R01,staff_survey,child_protection_training_pct,2008,,,{value},higher_better,",
        "R02,staff_survey,child_protection_training_pct,2008,,,54,higher_better,",
    )
    read = read_collection(small.folder, small.questionnaire, standard="C2")
    told = read.problems.select("row", "column", "value", "problem", "effect").rows()
    words = "child_protection_training_pct is a percentage."
    assert (2, "value", value, words, "row set aside") in told
    assert read.tables["indicators"]["org_code"].to_list() == ["R02"]
