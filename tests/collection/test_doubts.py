"""Values that are possible and unlikely are left out until somebody says what they mean."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from click.testing import CliRunner, Result

from crosscheck.cli import main
from crosscheck.collection.doubts import _PEERS
from crosscheck.collection.read import Collection

PERCENT, NUMBER = "training.level1_pct", "training.budget_gbp"


def crosscheck_(*arguments: object) -> Result:
    done = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done


def acute(small: Any, count: int, columns: str = "", cells: str = "") -> Any:
    """A collection of so many acute trusts, A0 and on, with further columns alike for all."""
    rows = "".join(f"A{number},Trust {number},acute,North{cells}\n" for number in range(count))
    return small.write("organisations", f"org_code,name,org_type,region{columns}\n{rows}").rows(
        "declarations", "A0,2008/09,whole,acute,C2,compliant,,,"
    )


def in_doubt(read: Collection) -> dict[tuple[str, str, str], str]:
    return {
        (code, about, value): likely
        for code, about, value, likely in read.doubts.select("org_code", "about", "value", "likely").iter_rows()
    }


def test_a_clean_national_collection_has_no_doubt(collection: Collection) -> None:
    assert collection.doubts.is_empty()


@pytest.mark.parametrize("others", [[], ["55"], ["55", "40", "70"], ["0.5"]])
def test_a_fraction_among_percentages_is_in_doubt_and_counts_as_no_answer(small: Any, others: list[str]) -> None:
    rows = [f"A{number},{PERCENT},,{answer}" for number, answer in enumerate(["0.85", *others])]
    read = acute(small, 4).rows("answers", *rows).read()
    assert in_doubt(read)["A0", PERCENT, "0.85"] == "85%?"
    answer = read.tables["answers"].row(0, named=True)
    assert (answer["org_code"], answer["number"], answer["absence"]) == ("A0", None, "no_answer")
    (file,) = [file for file in read.inputs if file.table == "answers"]
    assert file.rows == file.rows_used == len(rows)


def test_a_one_beside_fractions_of_the_same_organisation_is_in_doubt_with_them(small: Any) -> None:
    other = "training.level2_therapy_pct"
    rows = [f"A0,{PERCENT},,0.85", f"A0,{other},,1", f"A1,{PERCENT},,1", f"A1,{other},,40", f"A2,{PERCENT},,70"]
    assert in_doubt(acute(small, 3).rows("answers", *rows).read()) == {
        ("A0", PERCENT, "0.85"): "85%?",
        ("A0", other, "1"): "100%?",
    }


def test_a_fraction_is_none_where_others_are_as_small(small: Any) -> None:
    shares = ["0.5", "2", "3.5", "0.8", "4"]
    rows = [f"A{number},lscb.budget_share_pct,,{share}" for number, share in enumerate(shares)]
    read = acute(small, 5).rows("answers", *rows).read()
    assert read.doubts.is_empty()
    assert read.tables["answers"]["number"].to_list() == [0.5, 2, 3.5, 0.8, 4]


def test_figures_in_thousands_are_in_doubt_beside_enough_peers(small: Any) -> None:
    rows = [f"A{number},{NUMBER},,{9000 + 1000 * number}" for number in range(_PEERS - 1)]
    assert acute(small, _PEERS).rows("answers", *rows, f"A{_PEERS - 1},{NUMBER},,16.05").read().doubts["likely"][0] == (
        "16050?"
    )
    assert small.rows("answers", *rows[1:], f"A{_PEERS - 1},{NUMBER},,16.05").read().doubts.is_empty()
    assert small.rows("answers", *rows, f"A{_PEERS - 1},{NUMBER},,300").read().doubts.is_empty()


def test_whoever_counts_one_figure_in_thousands_is_asked_about_others_that_are_less_far_off(small: Any) -> None:
    other = "training.named_nurse_days"
    rows = [
        f"A{number},{question},,{value}" for number in range(_PEERS) for question, value in ((NUMBER, 9000), (other, 8))
    ]
    unlike = [f"A{_PEERS},{NUMBER},,9000000", f"A{_PEERS},{other},,500"]
    read = acute(small, _PEERS + 1).rows("answers", *rows, *unlike).read()
    assert in_doubt(read) == {
        (f"A{_PEERS}", NUMBER, "9000000"): "9000?",
        (f"A{_PEERS}", other, "500"): "0.5?",
    }
    assert small.rows("answers", *rows, unlike[1]).read().doubts.is_empty()


def test_an_easting_in_kilometres_is_in_doubt_with_its_northing(small: Any) -> None:
    read = acute(small, 2, ",easting,northing", ",522.5,186.9").read()
    assert in_doubt(read) == {
        (f"A{number}", column, value): likely
        for number in range(2)
        for column, value, likely in (("easting", "522.5", "522500?"), ("northing", "186.9", "186900?"))
    }
    assert read.tables["organisations"]["easting"].to_list() == [None, None]
    assert acute(small, 1, ",easting,northing", ",5225,1869").read().doubts["likely"].to_list() == [
        "522500?",
        "186900?",
    ]
    assert acute(small, 1, ",easting,northing", ",522500,11869").read().doubts.is_empty()


def test_a_return_of_zeros_alone_is_in_doubt(small: Any) -> None:
    questions = [PERCENT, NUMBER, "training.level2_therapy_pct", "training.level2_paediatric_pct", "lscb.linked_boards"]
    zeros = [f"A0,{question},,0" for question in questions]
    read = acute(small, 2).rows("answers", *zeros).read()
    assert set(read.doubts["likely"]) == {"no answer?"}
    assert read.doubts.height == len(questions)
    assert small.rows("answers", *zeros[1:], f"A0,{PERCENT},,3").read().doubts.is_empty()


def test_a_hundredfold_jump_against_a_former_year_is_in_doubt_in_the_year(small: Any) -> None:
    heading = "org_code,question_id,item,answer,year\n"
    rows = (
        f"A0,{NUMBER},,120,2007/08\nA0,{NUMBER},,14000,2008/09\nA1,{NUMBER},,9000,2007/08\nA1,{NUMBER},,9100,2008/09\n"
    )
    read = acute(small, 2).write("answers", heading + rows).read()
    assert in_doubt(read) == {("A0", NUMBER, "14000"): "140?"}
    assert read.doubts["why"].to_list() == ["A former year has 120."]
    assert read.tables["answers_of_other_years"]["number"].to_list() == [120, 9000]


def test_a_figure_is_in_doubt_where_another_source_has_a_hundredth(small: Any) -> None:
    rows = [f"A{number},hes,child_surgery,2008,,,{2000 + number},none," for number in range(_PEERS)]
    other = "A3,registry,child_surgery,2008,,,20,none,"
    read = acute(small, _PEERS).rows("indicators", *rows, other).read()
    assert in_doubt(read) == {("A3", "registry child_surgery", "20"): "2000?"}
    assert read.tables["indicators"].filter(source="registry")["value"].to_list() == [None]


@pytest.fixture
def doubtful(few: Path, tmp_path: Path) -> tuple[Path, str]:
    """A collection in which the level 1 training of one organisation is a fraction, and that organisation."""
    folder = tmp_path / "collection"
    shutil.copytree(few, folder)
    rows = pl.read_csv(folder / "answers.csv", infer_schema=False)
    code = rows.filter(question_id=PERCENT)["org_code"][0]
    hit = (pl.col("org_code") == code) & (pl.col("question_id") == PERCENT)
    rows.with_columns(answer=pl.when(hit).then(pl.lit("0.41")).otherwise("answer")).write_csv(folder / "answers.csv")
    return folder, code


def doubts_of(run: Path) -> list[dict[str, str]]:
    with (run / "doubts.csv").open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def answer_of(run: Path, code: str) -> dict[str, Any]:
    answers = pl.read_parquet(run / "collection" / "answers.parquet")
    return answers.filter(org_code=code, question_id=PERCENT).row(0, named=True)


def run(collection: Path, out: Path) -> Result:
    done = crosscheck_("run", collection, "--year", "2008/09", "--out", out, "--capacity", 5)
    assert done.exit_code == 0, done.output
    return done


def test_a_doubt_is_printed_written_left_out_and_used_as_resolved_in_the_next_run(
    doubtful: tuple[Path, str], tmp_path: Path
) -> None:
    folder, code = doubtful
    first = run(folder, tmp_path / "first")
    assert f"{code}, {PERCENT}: 0.41, did you mean 41%?" in first.output
    (doubt,) = doubts_of(tmp_path / "first")
    assert list(doubt)[:7] == ["table", "file", "row", "column", "value", "likely", "why"]
    assert (doubt["column"], doubt["value"], doubt["likely"]) == ("answer", "0.41", "41%?")
    assert answer_of(tmp_path / "first", code)["absence"] == "no_answer"
    assert "41%?" in (tmp_path / "first" / "dossiers" / "index.html").read_text(encoding="utf-8")

    told = crosscheck_(
        "problems",
        "resolve",
        folder,
        "--org",
        code,
        "--column",
        PERCENT,
        "--means",
        "41",
        "--by",
        "B",
        "--because",
        "-",
    )
    assert told.exit_code == 0, told.output
    assert f"{code}, {PERCENT}: 0.41 means 41" in told.output
    assert f"{code}, " in told.output.splitlines()[1]
    assert "becomes" in told.output.splitlines()[1]
    second = run(folder, tmp_path / "second")
    assert "IN DOUBT" not in second.output
    assert doubts_of(tmp_path / "second") == []
    assert answer_of(tmp_path / "second", code)["number"] == 41
    assert '"file": "resolved.csv"' in (tmp_path / "second" / "manifest.json").read_text(encoding="utf-8")


def test_a_value_that_is_confirmed_counts_as_it_stands(doubtful: tuple[Path, str], tmp_path: Path) -> None:
    folder, code = doubtful
    arguments = ("problems", "resolve", folder, "--org", code, "--column", PERCENT, "--by", "B", "--because", "Seen")
    before = sorted(file.name for file in folder.iterdir())
    assert crosscheck_(*arguments, "--show").exit_code == 0
    assert sorted(file.name for file in folder.iterdir()) == before
    assert crosscheck_(*arguments).exit_code == 0
    run(folder, tmp_path / "run")
    assert answer_of(tmp_path / "run", code)["number"] == 0.41
    again = crosscheck_(*arguments)
    assert again.exit_code == 7
    assert f"No value of {code}, {PERCENT} is in doubt. In doubt are: none." in again.output


def test_what_a_percentage_cannot_mean_is_refused_and_nothing_written(doubtful: tuple[Path, str]) -> None:
    folder, code = doubtful
    told = crosscheck_(
        "problems",
        "resolve",
        folder,
        "--org",
        code,
        "--column",
        PERCENT,
        "--means",
        "410",
        "--by",
        "B",
        "--because",
        "-",
    )
    assert told.exit_code == 3
    assert "A percentage lies between 0 and 100" in told.output
    assert not (folder / "resolved.csv").exists()


def test_what_resolves_nothing_is_set_aside_and_named(small: Any, problems: Any) -> None:
    heading = "table,org_code,column,item,value,means,by,on,because\n"
    small.write("resolved", f"{heading}answers,R01,{PERCENT},,0.5,50,B,2009-05-01,Asked\n")
    read = small.answer("85", PERCENT)
    (problem,) = problems(read, table="resolved")
    assert (problem["row"], problem["effect"]) == (2, "row set aside")
    assert problem["problem"] == "No such value of the collection is in doubt."
    assert read.tables["answers"]["number"].to_list() == [85]


def test_two_that_contradict_each_other_resolve_nothing(small: Any, problems: Any) -> None:
    heading = "table,org_code,column,item,value,means,by,on,because\n"
    rows = [f"answers,R01,{PERCENT},,0.85,{means},B,2009-05-01,Asked\n" for means in ("85", "0.85")]
    read = small.write("resolved", heading + "".join(rows)).answer("0.85", PERCENT)
    assert in_doubt(read) == {("R01", PERCENT, "0.85"): "85%?"}
    assert [problem["effect"] for problem in problems(read, table="resolved")] == ["row set aside"] * 2


def test_check_prints_a_doubt_and_ends_with_1() -> None:
    case = Path(__file__).resolve().parent / "cases" / "11-percent-as-fraction" / "in"
    done = crosscheck_("check", case, "--format", "csv")
    (doubt,) = csv.DictReader(done.stdout.splitlines())
    assert done.exit_code == 1
    assert (doubt["row"], doubt["value"], doubt["effect"]) == ("2", "0.85", "in doubt")
    assert doubt["remedy"].startswith("Did you mean 85%?")


def test_degrees_for_metres_are_in_doubt_without_a_guess(small: Any) -> None:
    read = acute(small, 1, ",easting,northing", ",51.5074,0.1278").read()
    assert in_doubt(read)["A0", "easting", "51.5074"] == "no answer?"


def test_what_is_written_with_a_per_cent_sign_is_no_fraction(small: Any) -> None:
    read = acute(small, 3).rows("answers", f"A0,{PERCENT},,0.85%", f"A1,{PERCENT},,55").read()
    assert read.doubts.is_empty()
    assert read.tables["answers"]["number"].to_list() == [0.85, 55]
