"""A file of visits, as `learn` reads it."""

from __future__ import annotations

from pathlib import Path

from crosscheck import settings
from crosscheck.collection.visit_files import read_visits_file
from crosscheck.contract.inputs import INPUTS
from crosscheck.questionnaire import read_questionnaire
from crosscheck.visits.listing import of_standard

QUESTIONNAIRE = read_questionnaire(settings.questionnaire_file("C2"))
NEEDED = "org_code,function,year,selected_by,visited_on,finding"


def test_columns_that_may_be_missing_are_empty_where_they_are(tmp_path: Path) -> None:
    file = tmp_path / "visits.csv"
    file.write_text(f"{NEEDED}\nR01,whole,2008/09,random,2009-07-27,upheld\n")
    read = read_visits_file(file, QUESTIONNAIRE, "C2")
    assert read.schema == INPUTS["visits"].schema
    assert read.select("inclusion_probability", "assessor", "standard").row(0) == (None, None, None)


def test_assessor_and_standard_are_kept_and_visits_on_another_standard_teach_nothing(tmp_path: Path) -> None:
    file = tmp_path / "visits.csv"
    rows = ("R01,whole,2008/09,random,2009-07-27,upheld,A1,C2", "R02,whole,2008/09,random,2009-07-28,upheld,A2,C4",
            "R03,whole,2008/09,random,2009-07-29,qualified,,")  # fmt: skip
    file.write_text("\n".join((f"{NEEDED},assessor,standard", *rows)) + "\n")
    read = of_standard(read_visits_file(file, QUESTIONNAIRE, "C2"), "C2")
    assert read.select("org_code", "assessor", "standard").rows() == [("R01", "A1", "C2"), ("R03", None, None)]
