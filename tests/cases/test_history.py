"""What an organisation took over: declarations of former years, and answers."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

from crosscheck.cases.history import NO_PREDECESSORS, inherit_answers, inherit_history, last_day, recall_declarations
from crosscheck.cli import main
from crosscheck.vocabulary import ABSENCE

Declared = tuple[str, str, str, str]
NOW = "2008/09"


def declarations(*rows: Declared) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=["org_code", "year", "function", "status"], orient="row")


def predecessors(*rows: tuple[str, str, int]) -> pl.DataFrame:
    return pl.DataFrame([(*row, None) for row in rows], schema=NO_PREDECESSORS.schema, orient="row")


def recalled(before: pl.DataFrame, *rows: Declared, function: str = "whole") -> dict[str, str | None]:
    """What is recalled of R1 in 2008/09."""
    known = declarations(("R1", NOW, function, "compliant"), *rows)
    (row,) = recall_declarations(known, before, NOW).filter(pl.col("org_code") == "R1").to_dicts()
    return {name.removeprefix("declared."): value for name, value in row.items() if name.startswith("declared.")}


def test_an_assessment_year_ends_on_the_last_of_march() -> None:
    assert last_day("2008/09") == date(2009, 3, 31)
    assert last_day("1999/00") == date(2000, 3, 31)


def test_what_was_declared_itself_is_recalled_year_by_year() -> None:
    own = [("R1", "2007/08", "whole", "not_met"), ("R1", "2005/06", "whole", "compliant")]
    assert recalled(NO_PREDECESSORS, *own) == {
        "previous": "not_met", "previous_by": "R1", "two_years_ago": None, "three_years_ago": "compliant"
    }  # fmt: skip


def test_a_predecessors_declaration_stands_in_where_there_was_none_of_ones_own() -> None:
    of_both = [("R1", "2007/08", "whole", "compliant"), ("OLD", "2007/08", "whole", "not_met")]
    earlier = ("OLD", "2006/07", "whole", "not_met")
    found = recalled(predecessors(("R1", "OLD", 1)), *of_both, earlier)
    assert (found["previous"], found["previous_by"], found["two_years_ago"]) == ("compliant", "R1", "not_met")
    assert recalled(predecessors(("R1", "OLD", 1)), of_both[1])["previous_by"] == "OLD"


def test_of_several_predecessors_the_nearest_speak() -> None:
    rows = [("NEAR", "2007/08", "whole", "compliant"), ("FAR", "2007/08", "whole", "not_met")]
    before = predecessors(("R1", "NEAR", 1), ("R1", "FAR", 2))
    assert recalled(before, *rows)["previous"] == "compliant"
    assert recalled(before, rows[1])["previous"] == "not_met"


@pytest.mark.parametrize("lapse", ["not_met", "insufficient_assurance"])
def test_a_lapse_of_any_of_the_nearest_is_the_successors_to_show_as_mended(lapse: str) -> None:
    rows = [(code, "2007/08", "whole", lapse if code == "B" else "compliant") for code in "ABC"]
    before = predecessors(*(("R1", code, 1) for code in "ABC"))
    found = recalled(before, *rows)
    assert (found["previous"], found["previous_by"]) == (lapse, "B")
    assert recalled(before, *reversed(rows)) == found


@pytest.mark.parametrize(("function", "status"), [("provider", "not_met"), ("commissioner", "compliant")])
def test_a_declaration_of_the_same_function_goes_before_one_of_the_whole(function: str, status: str) -> None:
    rows = [("R1", "2007/08", "provider", "not_met"), ("R1", "2007/08", "whole", "compliant")]
    assert recalled(NO_PREDECESSORS, *rows, function=function)["previous"] == status


def test_ones_own_declaration_of_the_whole_goes_before_a_predecessors_of_the_function() -> None:
    rows = [("R1", "2007/08", "whole", "compliant"), ("OLD", "2007/08", "provider", "not_met")]
    assert recalled(predecessors(("R1", "OLD", 1)), *rows, function="provider")["previous_by"] == "R1"


def test_what_the_other_function_declared_is_nobodys_history() -> None:
    assert recalled(NO_PREDECESSORS, ("R1", "2007/08", "commissioner", "not_met"), function="provider") == {
        "previous": None, "previous_by": None, "two_years_ago": None, "three_years_ago": None
    }  # fmt: skip


def answers(*rows: tuple[str, str, int, str | None, str | None]) -> pl.DataFrame:
    """By organisation: question, item, level, why it is absent."""
    schema = {
        "org_code": pl.String, "question_id": pl.String, "item": pl.UInt8, "level": pl.String, "number": pl.Float64,
        "absence": ABSENCE,
    }  # fmt: skip
    return pl.DataFrame([(*row[:4], None, row[4]) for row in rows], schema=schema, orient="row")


def inherited(given: pl.DataFrame, before: pl.DataFrame, code: str = "R1") -> list[tuple[object, ...]]:
    found = inherit_answers(given, before)
    assert found.filter(~pl.col("inherited")).drop("inherited").equals(given)
    theirs = found.filter(pl.col("inherited") & (pl.col("org_code") == code))
    return sorted(theirs.select("question_id", "item", "level", "absence").rows())


def test_an_answer_is_inherited_to_a_question_without_a_row_of_ones_own() -> None:
    given = answers(("OLD", "care.plan", 0, "yes", None), ("OLD", "care.lead", 0, "nurse", None))
    assert inherited(given, predecessors(("R1", "OLD", 1))) == [
        ("care.lead", 0, "nurse", None),
        ("care.plan", 0, "yes", None),
    ]
    assert inherited(given, NO_PREDECESSORS) == []


@pytest.mark.parametrize("own", [("no", None), (None, "no_answer"), (None, "not_known"), (None, "not_applicable")])
def test_an_answer_of_ones_own_or_its_absence_is_never_overwritten(own: tuple[str | None, str | None]) -> None:
    given = answers(("R1", "care.plan", 0, *own), ("OLD", "care.plan", 0, "yes", None))
    assert inherited(given, predecessors(("R1", "OLD", 1))) == []


def test_predecessors_that_say_otherwise_than_one_another_pass_on_nothing() -> None:
    before = predecessors(("R1", "A", 1), ("R1", "B", 1))
    same = [("A", "care.plan", 0, "yes", None), ("B", "care.plan", 0, "yes", None)]
    assert inherited(answers(*same), before) == [("care.plan", 0, "yes", None)]
    assert inherited(answers(same[0], ("B", "care.plan", 0, "no", None)), before) == []
    assert inherited(answers(same[0], ("B", "care.plan", 0, None, "not_known")), before) == []
    assert inherited(answers(same[0]), before) == [("care.plan", 0, "yes", None)]


def test_the_nearest_that_has_a_row_speaks_question_by_question_and_item_by_item() -> None:
    before = predecessors(("R1", "NEAR", 1), ("R1", "FAR", 2))
    given = answers(
        ("NEAR", "care.plan", 0, "no", None), ("FAR", "care.plan", 0, "yes", None),
        ("NEAR", "cases.changes", 1, "no", None), ("FAR", "cases.changes", 2, "yes", None),
    )  # fmt: skip
    assert inherited(given, before) == [
        ("care.plan", 0, "no", None), ("cases.changes", 1, "no", None), ("cases.changes", 2, "yes", None)
    ]  # fmt: skip


COLLECTION = {
    "organisations": """org_code,name,org_type,region,services
R1,First Trust,acute,North,a_and_e|children
R2,Second Trust,acute,North,a_and_e|children
""",
    "declarations": """org_code,year,function,category,standard,status
R1,2008/09,whole,acute,C2,compliant
R2,2008/09,whole,acute,C2,compliant
OLD,2007/08,whole,acute,C2,not_met
OLDER,2006/07,whole,acute,C2,insufficient_assurance
""",
    "answers": """org_code,question_id,item,answer
OLD,training.level1_pct,,12
OLD,training.strategy,,no
R1,training.strategy,,yes
R2,training.level1_pct,,80
""",
    "relationships": """from_code,relation,to_code,reference,since,until
R1,succeeds,OLD,,2008-04-01,
OLD,succeeds,OLDER,,2007-04-01,
""",
}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on a small made-up collection in which one trust took over from another."""
    folder = tmp_path_factory.mktemp("succession")
    collection = folder / "collection"
    collection.mkdir()
    for name, content in COLLECTION.items():
        (collection / f"{name}.csv").write_text(content, encoding="utf-8")
    asked = ["run", str(collection), "--year", NOW, "--out", str(folder / "run")]
    told = CliRunner().invoke(main, [*asked, "--allow-polarity", "a tiny collection"])
    assert told.exit_code == 0, told.output
    return folder / "run"


def test_a_run_holds_a_successor_against_what_its_predecessors_declared(run: Path) -> None:
    cases = pl.read_parquet(run / "cases.parquet").sort("org_code")
    told = ("declared.previous", "declared.previous_by", "declared.two_years_ago")
    assert cases.select(pl.col(told).cast(pl.String)).rows() == [
        ("not_met", "OLD", "insufficient_assurance"),
        (None, None, None),
    ]


def test_a_run_fills_in_what_only_the_predecessor_answered(run: Path) -> None:
    cases = pl.read_parquet(run / "cases.parquet").sort("org_code")
    assert cases["training.level1_pct"].to_list() == [12.0, 80.0]
    assert cases["training.strategy"].cast(pl.String).to_list() == ["yes", None]
    assert cases["training.strategy?"].cast(pl.String).to_list() == [None, "no_answer"]


def test_a_run_lists_the_predecessors_and_no_former_body_among_the_declarations(run: Path) -> None:
    before = pl.read_parquet(run / "predecessors.parquet")
    assert set(before.select("org_code", "predecessor", "depth").rows()) >= {("R1", "OLD", 1), ("R1", "OLDER", 2)}
    assert pl.read_csv(run / "visit_list.csv")["org_code"].sort().to_list() == ["R1", "R2"]
    assert json.loads((run / "manifest.json").read_text(encoding="utf-8"))["cycles"] == []


def test_visits_to_a_predecessor_are_the_successors_where_it_was_not_visited_itself_that_year() -> None:
    visits = pl.DataFrame(
        {
            "org_code": ["R01", "R90", "R90", "R80"],
            "year": ["2007/08", "2007/08", "2006/07", "2005/06"],
            "finding": ["upheld", "qualified", "qualified", "upheld"],
        }
    )
    before = pl.DataFrame(
        {
            "org_code": ["R01", "R01", "R02"],
            "predecessor": ["R90", "R80", "R90"],
            "depth": [1, 2, 1],
            "since": [None] * 3,
        },
        schema=NO_PREDECESSORS.schema,
    )
    handed = inherit_history(visits, before, ("year",))
    assert handed.head(4).equals(visits)
    assert handed.tail(-4).rows() == [
        ("R01", "2005/06", "upheld"),
        ("R01", "2006/07", "qualified"),
        ("R02", "2006/07", "qualified"),
        ("R02", "2007/08", "qualified"),
    ]
