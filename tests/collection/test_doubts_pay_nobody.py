"""A value in doubt pays nobody: planting one never lowers the risk of whom it is of, whatever its kind."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Final

import polars as pl
import pytest
from click.testing import CliRunner
from polars.testing import assert_frame_equal

from crosscheck.cli import main
from crosscheck.collection.corrections import correct
from crosscheck.collection.likely import with_likely_values
from crosscheck.collection.read import read_collection
from crosscheck.contract.reply_form import REPLY
from crosscheck.questionnaire import Questionnaire

YEAR: Final = "2008/09"
MOST: Final = 0.001  # a tenth of a point of risk
LEFT: Final = 0.01  # where all of a return is set aside, also figures that were better than the average
VISITORS: Final = "workload.health_visitors_employed_wte"
CENSUS: Final = "health_visitors_wte"
QUESTIONS: Final = Path(__file__).resolve().parent.parent.parent / "data" / "c2" / "questionnaire.csv"

Rows = list[dict[str, str]]


def read_csv(file: Path) -> Rows:
    with file.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def write_csv(file: Path, rows: Rows) -> None:
    with file.open("w", encoding="utf-8", newline="") as lines:
        writer = csv.DictWriter(lines, rows[0].keys(), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def figure(text: str) -> float | None:
    try:
        return float(text.removesuffix("%"))
    except ValueError:
        return None


def types() -> dict[str, str]:
    return {row["question_id"]: row["answer_type"] for row in read_csv(QUESTIONS)}


def scale(rows: Rows, column: str, factor: float, wanted: Callable[[dict[str, str]], bool]) -> Rows:
    """The rows with the figures that are wanted so many times as large."""
    changed = []
    for row in rows:
        value = figure(row[column])
        is_hit = value is not None and wanted(row)
        changed.append(row | {column: f"{(value or 0) * factor:.10g}"} if is_hit else row)
    return changed


def fractions(folder: Path, codes: set[str]) -> None:
    """All percentages of a return as fractions of 1: 100% is then a 1."""
    kinds = types()
    rows = scale(
        read_csv(folder / "answers.csv"),
        "answer",
        0.01,
        lambda row: (
            row["org_code"] in codes
            and kinds.get(row["question_id"]) == "percent"
            and "budget_share" not in row["question_id"]
        ),
    )
    write_csv(folder / "answers.csv", rows)


def zeros(folder: Path, codes: set[str]) -> None:
    """A form that nobody filled in: all its figures are 0."""
    figures = {question for question, kind in types().items() if kind in ("percent", "number", "count")}
    rows = scale(
        read_csv(folder / "answers.csv"),
        "answer",
        0,
        lambda row: row["org_code"] in codes and row["question_id"] in figures,
    )
    write_csv(folder / "answers.csv", rows)


def thousands(folder: Path, codes: set[str]) -> None:
    """A thousand times what similar organisations answer: the best answer of all, if it were one."""
    rows = read_csv(folder / "answers.csv")
    hit = scale(rows, "answer", 1000, lambda row: row["org_code"] in codes and row["question_id"] == VISITORS)
    write_csv(folder / "answers.csv", [new if row["year"] == YEAR else row for row, new in zip(rows, hit, strict=True)])


def jump(folder: Path, codes: set[str]) -> None:
    """A hundred times what the organisation itself answered the year before."""
    rows = read_csv(folder / "answers.csv")
    hit = scale(rows, "answer", 100, lambda row: row["org_code"] in codes and row["question_id"] == VISITORS)
    write_csv(folder / "answers.csv", [new if row["year"] == YEAR else row for row, new in zip(rows, hit, strict=True)])


def other_source(folder: Path, codes: set[str]) -> None:
    """A hundred times what another source holds of the same figure."""
    rows = read_csv(folder / "indicators.csv")
    hit = scale(rows, "value", 100, lambda row: row["org_code"] in codes and row["source"] == "census")
    of_visitors = [row["indicator"] == CENSUS for row in rows]
    write_csv(
        folder / "indicators.csv",
        [new if is_it else row for row, new, is_it in zip(rows, hit, of_visitors, strict=True)],
    )


def places(folder: Path, codes: set[str]) -> None:
    """Places in kilometres, and sizes in thousands."""
    rows = read_csv(folder / "organisations.csv")
    for column in ("easting", "northing", "population_0_4", "caseload_population", "staff_wte"):
        rows = scale(rows, column, 0.001, lambda row: row["org_code"] in codes)
    write_csv(folder / "organisations.csv", rows)


KINDS: Final = [fractions, zeros, thousands, jump, other_source, places]


@pytest.fixture(scope="module")
def before(few: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tenth of the embedded collection that also knows of health visitors a year before, and from a second source."""
    folder = tmp_path_factory.mktemp("before") / "collection"
    shutil.copytree(few, folder)
    rows = [row | {"year": YEAR} for row in read_csv(folder / "answers.csv")]
    former = [row | {"year": "2007/08"} for row in rows if row["question_id"] == VISITORS and figure(row["answer"])]
    write_csv(folder / "answers.csv", rows + former)
    figures = read_csv(folder / "indicators.csv")
    again = [row | {"source": "registry"} for row in figures if row["indicator"] == CENSUS]
    write_csv(folder / "indicators.csv", figures + again)
    return folder


def run(collection: Path, out: Path, *options: str) -> dict[tuple[str, str], float]:
    """The risks of declarations of compliance, as the list of the run has them."""
    arguments = ["run", str(collection), "--year", YEAR, "--out", str(out), "--capacity", "5", *options]
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 0, done.output
    listed = read_csv(out / "visit_list.csv")
    return {(row["org_code"], row["function"]): float(row["risk"]) for row in listed if row["declared"] == "compliant"}


@pytest.fixture(scope="module")
def clean(before: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], float]:
    return run(before, tmp_path_factory.mktemp("clean") / "run", "--no-pages")


def returning(folder: Path) -> list[str]:
    """Organisations that answer how many health visitors they employ, in their order."""
    rows = read_csv(folder / "answers.csv")
    return sorted({row["org_code"] for row in rows if row["question_id"] == VISITORS and figure(row["answer"])})


@pytest.mark.parametrize("plant", KINDS, ids=lambda plant: plant.__name__)
def test_planting_a_doubt_never_lowers_the_risk_of_whom_it_is_of(
    plant: Callable[[Path, set[str]], None], before: Path, clean: dict[tuple[str, str], float], tmp_path: Path
) -> None:
    folder = tmp_path / "collection"
    shutil.copytree(before, folder)
    codes = set(returning(folder)[::4])
    plant(folder, codes)
    after = run(folder, tmp_path / "run", "--no-pages")
    doubts = read_csv(tmp_path / "run" / "doubts.csv")
    assert {doubt["org_code"] for doubt in doubts} == codes
    whose = [key for key in clean if key[0] in codes]
    assert whose
    assert {key: after[key] for key in whose if after[key] < clean[key] - MOST} == {}


def test_the_worse_of_both_counts_and_says_so_in_every_place(before: Path, tmp_path: Path) -> None:
    """In doubts.csv, the parts of the risk, the manifest, the dossier and on the terminal."""
    folder, out = tmp_path / "collection", tmp_path / "run"
    shutil.copytree(before, folder)
    codes = set(returning(folder)[::2])
    fractions(folder, codes)
    risks = run(folder, out)
    doubts = {(row["org_code"], row["function"]): row for row in read_csv(out / "doubts.csv")}
    for key, doubt in doubts.items():
        if key in risks:
            both = float(doubt["risk_no_answer"]), float(doubt["risk_as_likely"])
            assert risks[key] == pytest.approx(max(both), abs=2e-6)
    parts = pl.read_parquet(out / "parts.parquet").filter(pl.col("family") == "doubts")
    raised = {key for key, doubt in doubts.items() if float(doubt["risk_as_likely"]) > float(doubt["risk_no_answer"])}
    assert raised
    assert raised <= set(parts.select("org_code", "function").iter_rows())
    assert (parts["decibans"] > 0).all()
    account = json.loads((out / "manifest.json").read_text(encoding="utf-8"))["doubts"]
    assert account == {
        "values": len(read_csv(out / "doubts.csv")),
        "organisations": len(codes),
        "risks_raised": parts.height,
    }
    code, _ = min(raised)
    page = (out / "dossiers" / f"{code}.html").read_text(encoding="utf-8")
    assert "Values in doubt count as no answer or as they are likely meant, whichever is worse" in page
    assert "Did you mean" in page
    index = (out / "dossiers" / "index.html").read_text(encoding="utf-8")
    assert "Risk, as likely" in index


def test_findings_of_rules_stay_those_of_no_answer(before: Path, tmp_path: Path) -> None:
    folder, without = tmp_path / "collection", tmp_path / "without"
    for one in (folder, without):
        shutil.copytree(before, one)
    code = returning(folder)[0]
    fractions(folder, {code})
    run(folder, tmp_path / "doubted", "--no-pages")
    in_doubt = {row["about"] for row in read_csv(tmp_path / "doubted" / "doubts.csv")}
    rows = read_csv(without / "answers.csv")
    is_gone = [row["org_code"] == code and row["question_id"] in in_doubt for row in rows]
    write_csv(
        without / "answers.csv",
        [row | {"answer": ""} if gone else row for row, gone in zip(rows, is_gone, strict=True)],
    )
    run(without, tmp_path / "left-out", "--no-pages")
    told = [
        pl.read_parquet(tmp_path / name / "findings.parquet")
        .filter(pl.col("org_code") == code)
        .select("check_id", "function", "verdict", "evidence")
        .sort(pl.all())
        for name in ("doubted", "left-out")
    ]
    assert_frame_equal(*told)


def test_with_likely_values_is_the_collection_as_it_was_meant(
    before: Path, tmp_path: Path, questionnaire: Questionnaire
) -> None:
    folder = tmp_path / "collection"
    shutil.copytree(before, folder)
    codes = set(returning(folder)[:3])
    fractions(folder, codes)
    meant, doubtful = (read_collection(one, questionnaire, YEAR, "C2") for one in (before, folder))
    likely = with_likely_values(doubtful)
    assert not doubtful.tables["answers"].equals(meant.tables["answers"])
    assert_frame_equal(likely.tables["answers"], meant.tables["answers"])


def test_an_answer_that_a_reply_corrected_is_in_doubt_no_longer(
    before: Path, tmp_path: Path, questionnaire: Questionnaire
) -> None:
    folder = tmp_path / "collection"
    shutil.copytree(before, folder)
    fractions(folder, {returning(folder)[0]})
    read = read_collection(folder, questionnaire, YEAR, "C2")
    first = read.doubts.row(0, named=True)
    fields = {
        "reply": "correct",
        "org_code": first["org_code"],
        "question_id": first["about"],
        "review": 0,
        "number": 33.0,
    }
    empty = {
        **REPLY.schema,
        "question_id": pl.String(),
        "review": pl.UInt8(),
        "level": pl.String(),
        "number": pl.Float64(),
        "absence": read.tables["answers"].schema["absence"],
    }
    reply = pl.DataFrame([{name: fields.get(name) for name in empty}], schema=empty)
    corrected = correct(read, reply)
    assert corrected.doubts.height == read.doubts.height - 1
    answers = (
        with_likely_values(corrected)
        .tables["answers"]
        .filter((pl.col("org_code") == first["org_code"]) & (pl.col("question_id") == first["about"]))
    )
    assert answers["number"].to_list() == [33.0]


def percentages_by_a_thousand(folder: Path, codes: set[str]) -> None:
    """All percentages of a return a thousand times too large: no answer can be so."""
    kinds = types()
    rows = read_csv(folder / "answers.csv")
    write_csv(
        folder / "answers.csv",
        scale(
            rows, "answer", 1000, lambda row: row["org_code"] in codes and kinds.get(row["question_id"]) == "percent"
        ),
    )


def figures_by_a_thousand(folder: Path, codes: set[str]) -> None:
    """All values of other sources a thousand times too large: grades and percentages can't be so."""
    rows = read_csv(folder / "indicators.csv")
    write_csv(folder / "indicators.csv", scale(rows, "value", 1000, lambda row: row["org_code"] in codes))


@pytest.mark.parametrize("plant", [percentages_by_a_thousand, figures_by_a_thousand], ids=lambda plant: plant.__name__)
def test_a_row_set_aside_for_its_unit_never_lowers_the_risk_of_whom_it_is_of(
    plant: Callable[[Path, set[str]], None], before: Path, clean: dict[tuple[str, str], float], tmp_path: Path
) -> None:
    folder = tmp_path / "collection"
    shutil.copytree(before, folder)
    codes = set(returning(folder)[1::2])
    plant(folder, codes)
    after = run(folder, tmp_path / "run", "--no-pages")
    problems = read_csv(tmp_path / "run" / "problems.csv")
    assert {row["org_code"] for row in problems if row["effect"] == "row set aside"} >= codes
    assert {key: after[key] for key in clean if key[0] in codes and after[key] < clean[key] - LEFT} == {}
    parts = pl.read_parquet(tmp_path / "run" / "parts.parquet").filter(pl.col("family") == "doubts")
    assert parts["reason"].str.contains("in doubt or set aside count as no answer or as they are likely meant").any()


@pytest.mark.parametrize(
    ("answer", "likely"), [("8500", 85.0), ("85000", 85.0), ("120", 100.0), ("-40", 40.0), ("many", None)]
)
def test_what_an_impossible_percentage_likely_means(
    answer: str, likely: float | None, before: Path, tmp_path: Path, questionnaire: Questionnaire
) -> None:
    folder = tmp_path / "collection"
    shutil.copytree(before, folder)
    rows, level1 = read_csv(folder / "answers.csv"), "training.level1_pct"
    asked = next(row for row in rows if row["question_id"] == level1 and row["year"] == YEAR)
    asked["answer"] = answer
    write_csv(folder / "answers.csv", rows)
    collection = read_collection(folder, questionnaire, YEAR, "C2")
    hit = (pl.col("org_code") == asked["org_code"]) & (pl.col("question_id") == level1)
    assert collection.tables["answers"].filter(hit).is_empty()
    assert with_likely_values(collection).tables["answers"].filter(hit)["number"].to_list() == (
        [] if likely is None else [likely]
    )
