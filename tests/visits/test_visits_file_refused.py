"""What a file of visits can't be, each cell named at once; and what is read of one that can."""

from __future__ import annotations

from pathlib import Path

import pytest

from crosscheck.errors import CollectionError
from crosscheck.visits.visits_file import read_visits_file

HEADING = "org_code,function,year,selected_by,visited_on,finding"


def written(folder: Path, *rows: str, heading: str = HEADING) -> Path:
    file = folder / "visits.csv"
    file.write_text("\n".join((heading, *rows)) + "\n", encoding="utf-8")
    return file


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(CollectionError, match=r"no_such\.csv: there is no such file\. Give a CSV file"):
        read_visits_file(tmp_path / "no_such.csv")


def test_a_missing_column_is_told_with_all_that_are_needed(tmp_path: Path) -> None:
    file = written(tmp_path, "R01,whole", heading="org_code,function")
    with pytest.raises(CollectionError) as refused:
        read_visits_file(file)
    assert refused.value.problems == (
        f"{file}: no column year, selected_by, visited_on, finding. A row needs org_code, function, year, selected_by, "
        "visited_on, finding.",
    )


def test_every_cell_that_can_not_be_used_is_told_with_its_row_and_what_may_stand_there(tmp_path: Path) -> None:
    file = written(
        tmp_path,
        "R01,whole,2008/09,random,2009-07-27,upheld",
        "R02,whole,2008/09,lottery,27 July,upheld",
        ",whole,2008/09,risk,2009-07-28,",
        "R04,whole,2008/09,risk,,doubtful",
    )
    with pytest.raises(CollectionError) as refused:
        read_visits_file(file)
    assert set(refused.value.problems) == {
        f"{file}, row 3, selected_by: lottery. Give one of risk, random, mandatory.",
        f"{file}, row 3, visited_on: 27 July. Give a day as 2009-07-27.",
        f"{file}, row 4, org_code: empty. Give something.",
        f"{file}, row 4, finding: empty. Give one of upheld, qualified.",
        f"{file}, row 5, visited_on: empty. Give a day as 2009-07-27.",
        f"{file}, row 5, finding: doubtful. Give one of upheld, qualified.",
    }


def test_cells_are_read_without_the_blanks_around_them_and_rows_are_in_order(tmp_path: Path) -> None:
    file = written(
        tmp_path,
        " R02 ,whole,2008/09,random,2009-07-27, upheld",
        "0001,provider,2008/09,risk,2009-07-28,qualified",
        "R02,whole,2008/09,random,2009-07-26,qualified",
    )
    read = read_visits_file(file)
    assert read["org_code"].to_list() == ["0001", "R02", "R02"]
    assert read["finding"].cast(str).to_list() == ["qualified", "qualified", "upheld"]
    assert [str(day) for day in read["visited_on"]] == ["2009-07-28", "2009-07-26", "2009-07-27"]


def test_a_code_of_figures_alone_is_read_as_it_stands(tmp_path: Path) -> None:
    assert read_visits_file(written(tmp_path, "0001,whole,2008/09,risk,2009-07-28,upheld"))["org_code"].to_list() == [
        "0001"
    ]
