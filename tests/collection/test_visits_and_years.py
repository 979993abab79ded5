"""What rows mean that may state a year or a standard: answers of other years, visits on other standards, criteria."""

from __future__ import annotations

import pytest

from crosscheck.collection.read import OTHER_YEARS, read_collection
from crosscheck.visits.listing import all_visits, list_visit_items

ANSWERS = "org_code,question_id,item,answer,year"
VISITS = "org_code,function,year,selected_by,inclusion_probability,visited_on,finding,assessor,standard"


def answers(small, *rows):
    return small.write("answers", "\n".join((ANSWERS, *rows)) + "\n")


def visits(small, *rows, table="visits"):
    return small.write(table, "\n".join((VISITS, *rows)) + "\n")


def test_an_answer_of_another_year_is_no_answer_of_this_years(small):
    read = answers(small, "R01,training.strategy,,no,2007/08", "R01,training.strategy,,yes,").read()
    assert read.problems.is_empty()
    assert read.tables["answers"]["level"].to_list() == ["yes"]
    assert "year" not in read.tables["answers"].columns
    assert read.tables[OTHER_YEARS].select("level", "year").rows() == [("no", "2007/08")]
    alone = answers(small, "R01,training.strategy,,no,2007/08").read()
    assert alone.tables["answers"].is_empty()


def test_the_year_of_an_answer_that_states_none_is_the_runs(small, questionnaire):
    answers(small, "R01,training.strategy,,no,2007/08", "R01,audit.supervision,,yes,")
    read = read_collection(small.folder, questionnaire, "2007/08")
    assert read.tables["answers"].select("question_id", "level").rows() == [
        ("audit.supervision", "yes"),
        ("training.strategy", "no"),
    ]
    assert OTHER_YEARS not in read.tables


def test_answers_that_contradict_each_other_do_so_though_only_one_states_the_year(small, problems):
    read = answers(small, "R01,training.strategy,,no,2008/09", "R01,training.strategy,,yes,").read()
    assert read.tables["answers"].is_empty()
    assert {problem["row"] for problem in problems(read, effect="row set aside")} == {2, 3}


def test_an_answer_whose_year_cannot_be_read_is_set_aside_whole(small, problems):
    read = answers(small, "R01,training.strategy,,yes,Sep-08").read()
    assert read.tables["answers"].is_empty()
    (found,) = problems(read, table="answers")
    assert (found["row"], found["column"], found["value"], found["effect"]) == (2, "year", "Sep-08", "row set aside")


def test_a_visit_keeps_who_judged_and_on_which_standard(small):
    read = visits(small, "R01,whole,2007/08,risk,,2008-07-27,upheld, a12,c2").read()
    assert read.tables["visits"].select("assessor", "standard").rows() == [("A12", "C2")]


def test_visits_on_another_standard_count_nowhere_and_those_that_state_none_do(small):
    row = "R01,whole,{},risk,,{}-07-27,upheld,,{}"
    visits(small, row.format("2006/07", 2007, "C2"), row.format("2007/08", 2008, "C3"))
    visits(small, row.format("2005/06", 2006, ""), row.format("2006/07", 2007, "C2"), table="visits_wave_1")
    tables = small.read().tables
    assert sorted(all_visits(tables, "C2")["year"]) == ["2005/06", "2006/07"]
    assert sorted(all_visits(tables, "C3")["year"]) == ["2005/06", "2007/08"]


def test_visits_that_an_earlier_version_kept_without_standard_and_assessor_are_on_the_runs(small):
    visits(small, "R01,whole,2007/08,risk,,2008-07-27,upheld,A1,")
    kept = {"visits": small.read().tables["visits"].drop("assessor", "standard")}
    assert all_visits(kept, "C2").select("org_code", "assessor").rows() == [("R01", None)]


def test_two_visits_of_one_day_on_two_standards_are_two(small):
    both = [f"R01,whole,2007/08,risk,,2008-07-27,{found}" for found in ("upheld,,C2", "qualified,,C3")]
    assert visits(small, *both).read().tables["visits"].height == 2


def test_two_visits_of_one_day_contradict_each_other_though_only_one_states_the_standard(small, questionnaire):
    visits(small, *(f"R01,whole,2007/08,risk,,2008-07-27,{found}" for found in ("upheld,,C2", "qualified,,")))
    assert read_collection(small.folder, questionnaire, standard="C2").tables["visits"].is_empty()


def test_criteria_of_both_waves_are_gathered_each_once_and_those_of_another_standard_not(small):
    first, second = "R01,whole,2008/09,training.strategy,,seen,", "R01,whole,2008/09,training.strategy,,absent,C3"
    small.rows("visit_items", first, second).read()
    (small.folder / "visit_items.csv").rename(small.folder / "visit_items_wave_1.csv")
    small.rows("visit_items", first, "R01,whole,2007/08,training.strategy,,not_offered,C2")
    tables = small.read().tables
    gathered = list_visit_items(tables, "C2").select("year", "question_id", "seen").sort("year")
    assert gathered.rows() == [
        ("2007/08", "training.strategy", "not_offered"),
        ("2008/09", "training.strategy", "seen"),
    ]
    assert list_visit_items({}, "C2").is_empty()


@pytest.mark.parametrize(
    ("row", "column", "value"),
    [
        ("R01,whole,2008/09,training.startegy,,seen,", "question_id", "training.startegy"),
        ("R01,whole,2008/09,training.strategy,1,seen,", "item", "1"),
        ("R01,whole,2008/09,case_reviews.sha_notified,3,seen,", "item", "3"),
        ("R01,whole,2008/09,training.strategy,,partly,", "seen", "partly"),
        ("R01,whole,Sep-08,training.strategy,,seen,", "year", "Sep-08"),
        ("R01,both,2008/09,training.strategy,,seen,", "function", "both"),
    ],
)
def test_a_criterion_that_cannot_be_used_is_set_aside_and_named(small, problems, row, column, value):
    read = small.rows("visit_items", row).read()
    assert read.tables["visit_items"].is_empty()
    (found,) = problems(read, table="visit_items")
    assert (found["row"], found["column"], found["value"], found["effect"]) == (2, column, value, "row set aside")
    assert found["remedy"]


def test_a_criterion_is_read_as_the_questionnaire_spells_it(small, problems):
    rows = "R01,whole,2008/09,Training Strategy,,Seen,", "R01,whole,2008/09,case_reviews.sha_notified,2.0,seen,"
    read = small.rows("visit_items", rows[0].replace("g S", "g.S"), rows[1]).read()
    kept = read.tables["visit_items"].select("question_id", "item", "seen").rows()
    assert kept == [("case_reviews.sha_notified", "2", "seen"), ("training.strategy", None, "seen")]
    assert {problem["column"] for problem in problems(read, effect="converted")} == {"question_id", "item", "seen"}


def test_a_criterion_of_another_standard_is_not_looked_for_in_this_questionnaire(small):
    read = small.rows("visit_items", "R01,whole,2008/09,hygiene.hand_washing,a,seen,C4").read()
    assert read.problems.is_empty()
    assert read.tables["visit_items"].select("question_id", "item").rows() == [("hygiene.hand_washing", "a")]


@pytest.mark.parametrize(
    ("year", "day", "kept"),
    [
        ("2007/08", "2007-03-31", False),
        ("2007/08", "2007-04-01", True),
        ("2007/08", "2010-03-31", True),
        ("2007/08", "2010-04-01", False),
        ("2007/08", "2099-06-15", False),
    ],
)
def test_a_visit_of_another_time_than_its_year_is_set_aside_with_the_days_that_can_be(year, day, kept, small):
    read = small.rows("visits", f"R01,whole,{year},random,0.1,{day},qualified").read()
    assert read.tables["visits"].height == kept
    told = read.problems.select("row", "column", "value", "problem", "effect").rows()
    words = "A visit on a declaration of 2007/08 is made from 1 April 2007 to 31 March 2010."
    assert told == ([] if kept else [(2, "visited_on", day, words, "row set aside")])
