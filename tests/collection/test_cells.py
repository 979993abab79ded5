from __future__ import annotations

import datetime as dt

import pytest

ORGANISATION = "{org_code},{name},{org_type},North,{services},{care_trust},{easting},{staff_wte}"
GOOD = {"org_code": "R09", "name": "Dale", "org_type": "acute", "services": "", "care_trust": "", "easting": ""}


@pytest.fixture
def organisation(small, problems):
    """Read one cell of one organisation: what it became, and what was said about it."""

    def read(column, text):
        row = ORGANISATION.format(**GOOD | {"staff_wte": ""} | {column: f'"{text}"'})
        collection = small.rows("organisations", row, "R01,Arden,acute,North,,,,").read()
        (rows,) = [collection.tables["organisations"].filter(collection.tables["organisations"]["org_code"] != "R01")]
        found = problems(collection, table="organisations")
        return (rows[column].to_list()[0] if rows.height else "no row"), found

    return read


@pytest.fixture
def declaration(small, problems):
    """Read one cell of one declaration."""

    def read(column, text):
        good = {"year": "2008/09", "function": "whole", "status": "compliant", "lapse_from": "", "statement": ""}
        row = "R01,{year},{function},acute,C2,{status},{lapse_from},,{statement}".format(**good | {column: f'"{text}"'})
        collection = small.rows("declarations", row).read()
        rows = collection.tables["declarations"]
        return (rows[column].to_list()[0] if rows.height else "no row"), problems(collection, table="declarations")

    return read


@pytest.mark.parametrize("text", ["1250", "1250.5", ".5", "+7", "0"])
def test_a_number_in_digits_is_read_and_not_reported(organisation, text):
    assert organisation("staff_wte", text) == (float(text), [])


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1,250", 1250.0),
        ("1,250.5", 1250.5),
        ("12 500", 12500.0),
        ("75,5", 75.5),
        ("0,125", 0.125),
        (" 54", 54.0),
        ("1.2E+03", 1200.0),
    ],
)
def test_a_number_in_another_form_is_mended_and_reported(organisation, text, number):
    value, (found,) = organisation("staff_wte", text)
    assert value == number
    assert (found["effect"], found["value"], found["column"], found["row"]) == ("converted", text, "staff_wte", 2)
    assert found["remedy"] == f"Write {number:.15g}."


@pytest.mark.parametrize(
    "text", ["twelve", "inf", "nan", "1e999", "-5", "54%", "12,50,0", "1,2500.5", "1e13", "1e308", "9" * 400]
)
def test_what_is_no_possible_number_is_set_aside_alone(organisation, text):
    value, (found,) = organisation("staff_wte", text)
    assert value is None
    assert (found["effect"], found["problem"]) == ("cell set aside", "Not a number of 0 or more.")
    assert "in digits" in found["remedy"]


def test_the_example_of_a_remedy_is_itself_allowed(organisation):
    _, (found,) = organisation("easting", "1250000")
    assert found["problem"] == "Not a number from 0 to 700000."
    assert found["remedy"].startswith("Write one in digits, for example 700000.")


@pytest.mark.parametrize("text", ["#REF!", "#N/A", "#DIV/0!", "#VALUE!"])
def test_what_a_spreadsheet_could_not_work_out_is_named_as_such(organisation, text):
    value, (found,) = organisation("staff_wte", text)
    assert value is None
    assert "formula" in found["problem"]


def test_a_number_outside_its_limits_is_set_aside_with_them(organisation):
    value, (found,) = organisation("easting", "700001")
    assert value is None
    assert found["problem"] == "Not a number from 0 to 700000."


@pytest.mark.parametrize(("text", "chance"), [("10.6%", 0.106), ("10 %", 0.1), ("0.106", 0.106)])
def test_a_share_written_per_cent_becomes_a_share(small, text, chance):
    read = small.rows("visits", f"R01,whole,2008/09,random,{text},2009-07-27,upheld").read()
    assert read.tables["visits"]["inclusion_probability"].to_list() == [pytest.approx(chance)]
    assert read.problems.height == ("%" in text)


@pytest.mark.parametrize(("text", "flag"), [("yes", True), ("Y", True), ("TRUE", True), ("1", True), ("No", False)])
def test_yes_and_no_may_take_the_forms_of_the_contract(organisation, text, flag):
    assert organisation("care_trust", text) == (flag, [])


def test_neither_yes_nor_no_is_not_taken_for_no(organisation):
    value, (found,) = organisation("care_trust", "maybe")
    assert value is None
    assert found["problem"] == "Neither yes nor no."


def test_an_empty_cell_is_null_and_no_problem(organisation):
    assert organisation("care_trust", "") == (None, [])
    assert organisation("staff_wte", "  ") == (None, [])


def test_services_are_a_list(organisation):
    assert organisation("services", "maternity|children") == (["maternity", "children"], [])


def test_services_with_other_spelling_are_mended_and_reported(organisation):
    value, (found,) = organisation("services", "Maternity | Sexual Health")
    assert value == ["maternity", "sexual_health"]
    assert found["remedy"] == "Write maternity|sexual_health."


@pytest.mark.parametrize("text", ["maternty|children", "maternity;children"])
def test_services_that_must_be_a_slip_are_set_aside_since_they_say_who_is_asked_what(organisation, text):
    value, (found,) = organisation("services", text)
    assert value is None
    assert found["effect"] == "cell set aside"


def test_the_list_of_services_is_open(organisation):
    assert organisation("services", "children|podiatry") == (["children", "podiatry"], [])


@pytest.mark.parametrize("text", [" r09 ", "R09\u00a0", "r09"])
def test_codes_are_trimmed_and_in_capitals_and_it_is_said(organisation, text):
    value, (found,) = organisation("org_code", text)
    assert value == "R09"
    assert (found["effect"], found["value"]) == ("converted", text)


@pytest.mark.parametrize("text", ["Mental Health", "mental-health", " MENTAL_HEALTH"])
def test_a_choice_may_differ_in_case_and_spaces(organisation, text):
    value, (found,) = organisation("org_type", text)
    assert value == "mental_health"
    assert found["effect"] == "converted"


def test_another_choice_sets_the_row_aside_and_suggests_the_nearest(declaration):
    value, (found,) = declaration("function", "comissioner")
    assert value == "no row"
    assert found["effect"] == "row set aside"
    assert found["remedy"] == "Did you mean commissioner? Allowed: whole, commissioner, provider."


def test_an_allowed_value_is_not_read_out_of_a_longer_one(declaration):
    value, (found,) = declaration("status", "compliant (with reservations)")
    assert value == "no row"
    assert found["remedy"].startswith("Allowed: compliant, not_met")


def test_an_empty_cell_in_a_required_column_sets_the_row_aside(declaration):
    value, (found,) = declaration("status", " ")
    assert value == "no row"
    assert (found["column"], found["problem"]) == ("status", "The cell is empty: what was declared.")


@pytest.mark.parametrize("text", ["2008/2009", "2008-09", "2008-2009", " 2008/09", "2008 / 09"])
def test_an_assessment_year_in_another_form_is_mended_and_reported(declaration, text):
    value, (found,) = declaration("year", text)
    assert value == "2008/09"
    assert found["effect"] == "converted"


def test_a_year_at_the_turn_of_a_century_is_canonical(declaration):
    assert declaration("year", "1999/00") == ("1999/00", [])


@pytest.mark.parametrize("text", ["2008", "2008/10", "2008/2010", "08/09"])
def test_what_is_no_pair_of_years_sets_the_row_aside(declaration, text):
    value, (found,) = declaration("year", text)
    assert value == "no row"
    assert found["remedy"] == "Write both its parts, one after the other, as 2008/09."


@pytest.mark.parametrize("text", ["Sep-08", "2008-09-01", "39692"])
def test_a_year_that_a_spreadsheet_made_a_date_is_explained(declaration, text):
    value, (found,) = declaration("year", text)
    assert value == "no row"
    assert "Format the column as text" in found["remedy"]


def test_an_iso_date_is_read(declaration):
    assert declaration("lapse_from", "2008-04-01") == (dt.date(2008, 4, 1), [])


def test_a_british_date_is_read_with_the_day_first_and_it_is_said(declaration):
    value, (found,) = declaration("lapse_from", "01/04/2008")
    assert value == dt.date(2008, 4, 1)
    assert "day first" in found["problem"]
    assert found["remedy"].startswith("Write 2008-04-01")


def test_a_day_at_midnight_is_that_day(declaration):
    value, (found,) = declaration("lapse_from", "2008-04-01 00:00:00")
    assert value == dt.date(2008, 4, 1)
    assert found["effect"] == "converted"


@pytest.mark.parametrize("text", ["2009-02-30", "04/13/2008", "31 April 2008", "01/04/08", "0208-04-01", "2208-04-01"])
def test_an_impossible_date_is_set_aside_alone(declaration, text):
    value, (found,) = declaration("lapse_from", text)
    assert value is None
    assert (found["effect"], found["problem"]) == ("cell set aside", "Not a day of the calendar.")


@pytest.mark.parametrize("text", ["=cmd|' /C calc'!A0", "+44 calls", "@SUM(1)", "- agreed", "\tx"])
def test_text_that_a_spreadsheet_would_run_is_kept_as_text_and_reported(declaration, text):
    value, (found,) = declaration("statement", text)
    assert value == text
    assert found["effect"] == "converted"
    assert "exports put ' before it" in found["remedy"]


def test_a_signed_number_is_no_formula(declaration):
    assert declaration("statement", "-5.2") == ("-5.2", [])


def test_a_very_long_text_is_shortened_and_its_true_length_is_told(declaration):
    value, (found,) = declaration("statement", "No comment. " * 20_000)
    assert len(value) == 10_000
    assert found["value"].endswith("… (240,000 characters)")
    assert len(found["value"]) < 250


def test_free_text_keeps_its_spaces(declaration):
    assert declaration("statement", " two  spaces ") == (" two  spaces ", [])


def test_a_standard_keeps_the_small_letter_of_its_part(small):
    read = small.rows("comments", "R01,sha,2008/09,C20a,1,1,x", "R01,sha,2008/09,c2,1,1,y").read()
    assert read.tables["comments"]["standard"].to_list() == ["C2", "C20a"]
    assert read.problems["value"].to_list() == ["c2"]
