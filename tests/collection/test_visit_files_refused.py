"""What a file of visits can't be, each cell named at once; and what is read of one that can."""

from __future__ import annotations

from pathlib import Path

import pytest

from crosscheck import settings
from crosscheck.collection.visit_files import read_visit_files, read_visits_file
from crosscheck.errors import CollectionError
from crosscheck.questionnaire import read_questionnaire

QUESTIONNAIRE = read_questionnaire(settings.questionnaire_file("C2"))
HEADING = "org_code,function,year,selected_by,visited_on,finding"


def written(folder: Path, *rows: str, heading: str = HEADING) -> Path:
    file = folder / "visits.csv"
    file.write_text("\n".join((heading, *rows)) + "\n", encoding="utf-8")
    return file


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(CollectionError, match=r"no_such\.csv: there is no such file\. Give a file"):
        read_visits_file(tmp_path / "no_such.csv", QUESTIONNAIRE, "C2")
    with pytest.raises(CollectionError, match=r"is a folder, and no file\. Give a file in the columns of visits"):
        read_visits_file(tmp_path, QUESTIONNAIRE, "C2")


def test_every_missing_column_is_told_with_those_that_are_there(tmp_path: Path) -> None:
    file = written(tmp_path, "R01,whole", heading="org_code,function")
    with pytest.raises(CollectionError) as refused:
        read_visits_file(file, QUESTIONNAIRE, "C2")
    missing = [problem.partition("the column ")[2].partition(" ")[0] for problem in refused.value.problems]
    assert missing == ["year", "selected_by", "visited_on", "finding"]
    assert all("The headings there are: org_code, function." in problem for problem in refused.value.problems)


def test_every_cell_that_can_not_be_used_is_told_with_its_row_and_what_may_stand_there(tmp_path: Path) -> None:
    file = written(
        tmp_path,
        "R01,whole,2008/09,random,2009-07-27,upheld",
        "R02,whole,2008/09,lottery,27 July,upheld",
        ",whole,2008/09,risk,2009-07-28,",
        "R04,whole,2008/09,risk,,doubtful",
    )
    with pytest.raises(CollectionError) as refused:
        read_visits_file(file, QUESTIONNAIRE, "C2")
    assert set(refused.value.problems) == {
        'visits.csv:3:selected_by "lottery": Not one of the allowed values of selected_by; allowed: risk, random, '
        "mandatory.",
        'visits.csv:3:visited_on "27 July": Not a day of the calendar; write year, month and day, as 2008-04-01.',
        "visits.csv:4:org_code: The cell is empty: the organisation's code; fill it in.",
        "visits.csv:4:finding: The cell is empty: what it found; fill it in.",
        "visits.csv:5:visited_on: The cell is empty: day of the visit; fill it in.",
        'visits.csv:5:finding "doubtful": Not one of the allowed values of finding; allowed: upheld, qualified.',
    }


def test_cells_are_read_without_the_blanks_around_them_and_rows_are_in_order(tmp_path: Path) -> None:
    file = written(
        tmp_path,
        " R02 ,whole,2008/09,random,2009-07-27, upheld",
        "0001,provider,2008/09,risk,2009-07-28,qualified",
        "R02,whole,2008/09,random,2009-07-26,qualified",
    )
    read = read_visits_file(file, QUESTIONNAIRE, "C2")
    assert read["org_code"].to_list() == ["0001", "R02", "R02"]
    assert read["finding"].cast(str).to_list() == ["qualified", "qualified", "upheld"]
    assert [str(day) for day in read["visited_on"]] == ["2009-07-28", "2009-07-26", "2009-07-27"]


def test_a_code_of_figures_alone_is_read_as_it_stands(tmp_path: Path) -> None:
    file = written(tmp_path, "0001,whole,2008/09,risk,2009-07-28,upheld")
    assert read_visits_file(file, QUESTIONNAIRE, "C2")["org_code"].to_list() == ["0001"]


def test_visits_that_no_arm_chose_are_read_from_their_own_file_alone(tmp_path: Path) -> None:
    row = "R01,whole,2008/09,,2009-07-27,upheld"
    written(tmp_path, "R02,whole,2008/09,risk,2009-07-28,qualified")
    (tmp_path / "other_visits.csv").write_text(f"{HEADING}\n{row}\n", encoding="utf-8")
    visits, criteria = read_visit_files(tmp_path, QUESTIONNAIRE, "C2")
    assert visits.select("org_code", "selected_by").rows() == [("R02", "risk"), ("R01", None)]
    assert criteria.is_empty()
    with pytest.raises(CollectionError, match="2:selected_by: The cell is empty"):
        read_visits_file(written(tmp_path, row), QUESTIONNAIRE, "C2")


def test_a_criterion_of_which_the_review_has_no_question_is_refused(
    tmp_path: Path,
) -> None:
    written(tmp_path, "R02,whole,2008/09,risk,2009-07-28,qualified")
    criteria = ("org_code,function,year,question_id,seen", "R02,whole,2008/09,policies.child_protection_policie,seen")
    (tmp_path / "visit_items.csv").write_text("\n".join(criteria) + "\n", encoding="utf-8")
    with pytest.raises(CollectionError, match=r"visit_items\.csv:2:question_id .*child_protection_policy"):
        read_visit_files(tmp_path, QUESTIONNAIRE, "C2")
