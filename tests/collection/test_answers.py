from __future__ import annotations

import pytest

PERCENT = "training.level1_pct"
NUMBER = "training.budget_gbp"
COUNT = "lscb.linked_boards"
ORDINAL = "sharing.families_at_risk_maternity"
REVIEWED = "case_reviews.imr_notified_by"


def only(collection):
    (answer,) = collection.tables["answers"].to_dicts()
    return answer["level"], answer["number"], answer["absence"]


@pytest.mark.parametrize("text", ["yes", "Yes", "Y", "TRUE", "True", "1"])
def test_yes_in_every_form_of_the_contract_is_yes_and_not_reported(small, text):
    read = small.answer(text)
    assert only(read) == ("yes", None, None)
    assert read.problems.is_empty()


@pytest.mark.parametrize("text", ["no", "N", "FALSE", "0"])
def test_no_in_every_form_of_the_contract_is_no_and_not_reported(small, text):
    read = small.answer(text)
    assert only(read) == ("no", None, None)
    assert read.problems.is_empty()


@pytest.mark.parametrize(
    ("text", "absence"),
    [
        ("", "no_answer"),
        ("  ", "no_answer"),
        ("n/a", "not_applicable"),
        ("N/A", "not_applicable"),
        ("na", "not_applicable"),
        ("Not applicable", "not_applicable"),
        ("not known", "not_known"),
        ("Not Known", "not_known"),
    ],
)
@pytest.mark.parametrize("question", ["training.strategy", PERCENT, NUMBER, COUNT, ORDINAL])
def test_the_three_absences_stay_three_things_and_are_no_problem(small, text, absence, question):
    read = small.answer(text, question)
    assert only(read) == (None, None, absence)
    assert read.problems.is_empty()


@pytest.mark.parametrize(
    ("question", "text", "number"),
    [
        (PERCENT, "54", 54),
        (PERCENT, "54%", 54),
        (PERCENT, "54.0", 54),
        (PERCENT, "0", 0),
        (PERCENT, "100%", 100),
        (NUMBER, "1,250", 1250),
        (NUMBER, "19613.50", 19613.5),
        (COUNT, "12", 12),
        (COUNT, "12.0", 12),
    ],
)
def test_figures_in_the_forms_of_the_contract_are_not_reported(small, question, text, number):
    read = small.answer(text, question)
    assert only(read) == (None, number, None)
    assert read.problems.is_empty()


@pytest.mark.parametrize(
    ("question", "text", "number"), [(PERCENT, "75,5", 75.5), (PERCENT, "75 %", 75), (NUMBER, " 9", 9)]
)
def test_figures_in_another_form_are_mended_and_reported(small, question, text, number):
    read = small.answer(text, question)
    assert only(read) == (None, number, None)
    assert read.problems["effect"].to_list() == ["converted"]
    assert read.problems["value"].to_list() == [text]


@pytest.mark.parametrize(
    ("question", "text", "words"),
    [
        (PERCENT, "124", "Not a percentage from 0 to 100."),
        (PERCENT, "1,250", "Not a percentage from 0 to 100."),
        (PERCENT, "-1", "Not a percentage from 0 to 100."),
        (COUNT, "2.5", "Not a whole number of 0 or more."),
        (COUNT, "-7", "Not a whole number of 0 or more."),
        (COUNT, "12%", "Not a whole number of 0 or more."),
        (NUMBER, "twelve", "Not a number of 0 or more."),
        (NUMBER, "1e999", "Not a number of 0 or more."),
        (NUMBER, "nan", "Not a number of 0 or more."),
        (NUMBER, "#REF!", "A formula that the spreadsheet could not work out."),
        (ORDINAL, "#N/A", "A formula that the spreadsheet could not work out."),
        ("training.strategy", "maybe", "Not an answer to training.strategy."),
    ],
)
def test_an_answer_that_cannot_be_read_sets_its_row_aside(small, question, text, words):
    read = small.answer(text, question)
    assert read.tables["answers"].is_empty()
    (found,) = read.problems.to_dicts()
    assert (found["row"], found["column"], found["value"]) == (2, "answer", text)
    assert (found["problem"], found["effect"]) == (words, "row set aside")
    assert found["remedy"]


def test_a_level_may_differ_in_case_and_spaces_and_it_is_said(small):
    read = small.answer("On request", ORDINAL)
    assert only(read) == ("on_request", None, None)
    assert read.problems["remedy"].to_list() == ["Write on_request."]


def test_a_level_of_another_question_is_not_taken(small):
    read = small.answer("sometimes", ORDINAL)
    assert read.tables["answers"].is_empty()
    assert read.problems["remedy"].to_list() == ["Allowed: no_access, on_request, automatically, n/a, not known."]


def test_an_unknown_question_gets_the_nearest_name(small):
    read = small.answer("yes", "training.strtaegy")
    assert read.tables["answers"].is_empty()
    assert read.problems["remedy"].to_list() == ["Did you mean training.strategy?"]


def test_a_question_may_differ_in_case_and_it_is_said(small):
    read = small.answer("yes", " Training.Strategy")
    assert read.tables["answers"]["question_id"].to_list() == ["training.strategy"]
    assert read.problems["effect"].to_list() == ["converted"]


def test_items_of_repeated_questions_are_told_apart_and_single_questions_have_item_0(small):
    small.rows("answers", f"R01,{REVIEWED},2,education", f"R01,{REVIEWED},1,social_care", "R01,training.strategy,,yes")
    read = small.read()
    assert read.problems.is_empty()
    assert read.tables["answers"].select("item", "level").rows() == [(1, "social_care"), (2, "education"), (0, "yes")]


@pytest.mark.parametrize("item", ["", "3", "one", "0"])
def test_a_repeated_question_needs_item_1_or_2(small, item):
    read = small.answer("education", REVIEWED, item)
    assert read.tables["answers"].is_empty()
    assert read.problems["remedy"].to_list() == ["Write 1 or 2 as the item."]


def test_an_item_that_became_a_decimal_is_mended_and_reported(small):
    read = small.answer("education", REVIEWED, "1.0")
    assert read.tables["answers"]["item"].to_list() == [1]
    assert read.problems["effect"].to_list() == ["converted"]


def test_a_question_that_is_asked_once_has_no_item(small):
    read = small.answer("yes", item="1")
    assert read.tables["answers"].is_empty()
    assert read.problems["remedy"].to_list() == ["Leave the item empty."]


def test_the_column_item_may_be_missing(small):
    read = small.write("answers", "org_code,question_id,answer\nR01,training.strategy,yes\n").read()
    assert read.tables["answers"]["item"].to_list() == [0]


def test_every_level_of_every_question_is_read_as_itself(small, questionnaire):
    organisations = [f"R{number}" for number in range(10, 20)]
    small.rows("organisations", *(f"{code},Name,acute,North,,,," for code in organisations))
    small.rows("declarations", "R10,2008/09,whole,acute,C2,compliant,,,")
    asked = [
        (organisations[position], question.question_id, "1" if question.repeated else "", level)
        for question in questionnaire
        for position, level in enumerate(question.levels)
    ]
    read = small.rows("answers", *map(",".join, asked)).read()
    assert read.problems.is_empty()
    levels = read.tables["answers"].select("org_code", "question_id", "level").rows()
    assert sorted(levels) == sorted((code, name, level) for code, name, _, level in asked)
