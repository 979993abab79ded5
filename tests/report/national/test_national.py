"""The national picture: the published figures again, from the answers, and nothing given away when it is published."""

from __future__ import annotations

import csv
import json
import re
import shutil
from collections import Counter
from dataclasses import replace
from html import unescape
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from click.testing import CliRunner

from crosscheck.cli import main
from crosscheck.questionnaire import Questionnaire
from crosscheck.report.national.figures import PERCENTAGES
from crosscheck.report.national.national import FILES, write_national, write_page
from crosscheck.report.national.national_report import NationalReport
from crosscheck.report.output.tables import write_parquet
from tests.conftest import COLLECTION, ROOT
from tests.looking import WIDTHS, open_page, overflow, thin_out, violations
from tests.report.conftest import run_of

if TYPE_CHECKING:
    from playwright.sync_api import Browser

Figures = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def told(internal: tuple[NationalReport, Path]) -> Figures:
    return read_figures(internal[1])


def read_figures(folder: Path) -> Figures:
    return {
        one["figure_id"]: one for one in json.loads((folder / "national.json").read_text(encoding="utf-8"))["figures"]
    }


def read_page(folder: Path) -> dict[str, list[str]]:
    """The cells of each figure's row on the page, as they are read."""
    page = (folder / "national.html").read_text(encoding="utf-8")
    rows = re.findall(r'<tr id="(F\d+)">(.*?)</tr>', page, flags=re.DOTALL)
    return {name: [unescape(cell) for cell in re.findall(r"<td[^>]*>(.*?)</td>", row)] for name, row in rows}


def read_sheet(folder: Path, name: str) -> list[dict[str, Any]]:
    sheet = pl.read_excel(folder / "national.xlsx", sheet_name=name, infer_schema_length=None)
    return sheet.to_dicts()


def test_all_408_figures_are_recomputed_and_how_far_they_agree_is_locked(internal: tuple[NationalReport, Path]) -> None:
    assert internal[0].summary() == {
        "targets": 408, "shown": 408, "agrees": 370, "nearest": 15, "within": 22, "beyond": 1, "none": 0,
        "within_2_points": 407,
    }  # fmt: skip


def test_every_figure_that_differs_says_why(told: Figures) -> None:
    for figure in told.values():
        assert bool(figure["reason"]) == (figure["agreement"] != "agrees"), figure["figure_id"]
    assert "add up to 104%" in told["F341"]["reason"]
    assert "weighted by those who answered here, give 71.3" in told["F431"]["reason"]


@pytest.mark.parametrize("figure_id", ["F111", "F495"])
def test_a_figure_that_was_printed_on_a_base_with_the_silent_is_counted_on_it_and_says_so(
    figure_id: str, told: Figures
) -> None:
    """Table 2 and section 6, ambulance trusts: 73% and 45% are no shares of the 10 that answered, but of all 11."""
    figure = told[figure_id]
    assert (figure["base"], figure["no_answer"], figure["agreement"]) == (11, 1, "agrees")
    assert "gave no answer" in figure["base_rule"]
    assert figure["remark"].startswith("Printed on a base of 11")


def test_a_very_probable_misprint_is_said_beside_the_figure(
    told: Figures, internal: tuple[NationalReport, Path]
) -> None:
    """Section 3, mental health trusts: 55%, 13% and 36%; no base but 38 gives the first two, and it leaves 32%.

    So it is if at least 50 of the 59 answered, and 66% of these had a policy.
    """
    bases = {
        base
        for answered in range(50, 60)
        for base in range(1, answered + 1)
        if round(100 * base / answered) == 66 and {55, 13} <= {round(100 * count / base) for count in range(base + 1)}
    }
    assert bases == {38}
    assert round(100 * (38 - 21 - 5) / 38) == 32
    assert told["F341"]["remark"].startswith("Very probably a misprint of 32%")
    page = (internal[1] / "national.html").read_text(encoding="utf-8")
    assert page.count("Very probably a misprint of 32%") == 2
    assert {row["remark"] for row in read_sheet(internal[1], "differing")} >= {told["F341"]["remark"]}


def test_what_lies_more_than_two_points_off_is_among_what_differs_however_small_its_base(
    internal: tuple[NationalReport, Path],
) -> None:
    coarse = next(figure for figure in internal[0].figures if figure["agreement"] == "nearest")
    near, far = (replace(internal[0], figures=(coarse | {"difference": by},)) for by in (2.0, 5.0))
    assert ([len(near.differing), len(near.coarse)], [len(far.differing), len(far.coarse)]) == ([0, 1], [1, 0])


def slow_answers(questionnaire: Questionnaire) -> dict[tuple[str, str], list[tuple[str, str]]]:
    """Type and answer of each organisation, by question and item: plain Python from the file as it was returned."""
    with (COLLECTION / "organisations.csv").open(encoding="utf-8") as lines:
        types = {row["org_code"]: row["org_type"] for row in csv.DictReader(lines)}
    spelt = {"y": "yes", "true": "yes", "1": "yes", "n": "no", "false": "no", "0": "no"}
    answers: dict[tuple[str, str], list[tuple[str, str]]] = {}
    with (COLLECTION / "answers.csv").open(encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            text = row["answer"].strip().lower().replace("%", "").replace(",", "")
            if questionnaire[row["question_id"]].answer_type == "yes_no":
                text = spelt.get(text, text)
            kind = "review" if row["item"] else "once"
            answers.setdefault((row["question_id"], kind), []).append((types[row["org_code"]], text))
    return answers


ABSENT = {"n/a", "na", "not applicable", "not known", ""}
SPECIAL = {"reporting.board_presentations", "case_reviews.action_plan_to_managers", "case_reviews.imr_training"}


def test_a_slow_recomputation_in_plain_python_gives_the_same(told: Figures, questionnaire: Questionnaire) -> None:
    answers, compared = slow_answers(questionnaire), Counter[str]()
    for figure in told.values():
        question, levels = figure["question_id"], figure["level"].split("+")
        plain = figure["base_rule"].startswith(("those that answered (", "reviews described"))
        simple = all(level in getattr(questionnaire.questions.get(question), "levels", ()) for level in levels)
        kind = "review" if figure["statistic"] == "percent_of_reviews" else "once"
        types = figure["trust_type"].split("|")
        given = [text for kinds, text in answers.get((question, kind), []) if kinds in types or types == ["all"]]
        given = [text for text in given if text not in ABSENT]
        if figure["statistic"] in ("percent_of_organisations", "percent_of_reviews") and plain and simple:
            assert (figure["numerator"], figure["base"]) == (sum(text in levels for text in given), len(given))
            assert figure["recomputed"] == pytest.approx(100 * figure["numerator"] / len(given), abs=1e-6)
            compared["shares"] += 1
        if figure["statistic"] in ("mean", "mean_percent"):
            assert figure["recomputed"] == pytest.approx(fmean(float(text) for text in given), abs=1e-6)
            compared["means"] += 1
    assert compared["shares"] >= 290
    assert compared["means"] == 70


def test_the_base_that_is_assumed_is_the_one_that_the_printed_figures_support(told: Figures) -> None:
    """Where the review states no base: nothing but those that answered gives its figures so often."""
    plain = [
        one
        for one in told.values()
        if one["statistic"] in PERCENTAGES and one["base_rule"].startswith("those that answered (")
    ]

    def printed(*others: str) -> int:
        bases = [(one, one["base"] + sum(one[other] for other in others)) for one in plain]
        half = {0: 0.5, 1: 0.05, -1: 5.0}
        return sum(
            abs(100 * one["numerator"] / base - one["published"]) <= half[one["decimals"]] + 1e-9 for one, base in bases
        )

    answered = printed()
    assert answered >= 240
    assert answered > printed("not_known") > printed("not_applicable")
    assert answered > 3 * printed("not_applicable", "not_known", "no_answer")


def test_everybody_is_counted_once_in_the_base_or_beside_it(told: Figures) -> None:
    contacted = {"acute": 169, "ambulance": 11, "mental_health": 59, "pct": 153}
    for figure in told.values():
        if figure["statistic"] in ("percent_of_organisations", "mean", "mean_percent", "sum", "mode"):
            types = contacted if figure["trust_type"] == "all" else figure["trust_type"].split("|")
            inside = {name for name, words in (("not_applicable", "does not apply"), ("not_known", "did not know"),
                      ("no_answer", "gave no answer")) if words in figure["base_rule"]}  # fmt: skip
            absent = sum(
                figure[name] for name in ("not_applicable", "not_known", "no_answer", "not_put") if name not in inside
            )
            assert figure["base"] + absent == sum(contacted[one] for one in types), figure["figure_id"]


def test_not_applicable_stays_in_the_base_where_the_review_prints_its_share(told: Figures) -> None:
    """Table 5, fabricated or induced illness, ambulance trusts: 40%, and 40% n/a, of the 10 that responded."""
    figure = told["F315"]
    assert (figure["numerator"], figure["base"], figure["not_applicable"], figure["no_answer"]) == (4, 10, 4, 1)
    assert "does not apply" in figure["base_rule"]


def test_only_those_that_had_a_policy_are_asked_whether_they_audited_it(told: Figures) -> None:
    assert told["F460"]["base"] < told["F458"]["numerator"] + 1
    assert "that had a policy" in told["F460"]["base_rule"]


def test_the_counts_that_table_13_prints_are_the_compliant_declarations(
    told: Figures, internal: tuple[NationalReport, Path]
) -> None:
    rows = [one for one in told.values() if one["where"] == "section 7, Table 13" and one["statistic"] == "count"]
    assert [(one["numerator"], one["base"]) for one in rows] == [
        (155, 169), (10, 11), (1, 1), (57, 59), (1, 1), (3, 4), (139, 148), (132, 138), (4, 4), (4, 4),
    ]  # fmt: skip
    assert all(one["published"] == one["numerator"] for one in rows)
    assert (sum(one["numerator"] for one in rows), sum(one["base"] for one in rows)) == (506, 539)
    for name in ("national.html", "national.json"):
        text = (internal[1] / name).read_text(encoding="utf-8")
        assert "They are the declarations that reported compliance" in text
    notes = pl.read_excel(
        internal[1] / "national.xlsx", sheet_name="table 13", has_header=False, infer_schema_length=None
    )
    assert any("506 compliant" in str(cell) for cell in notes.to_series(0))


def test_the_trend_has_a_base_each_year_and_tells_of_the_change_of_unit(told: Figures) -> None:
    years = [one for one in told.values() if one["where"] == "section 7, Table 12"]
    assert [one["period"] for one in years] == ["2005/06", "2006/07", "2007/08", "2008/09"]
    assert [one["base"] for one in years] == [306, 398, 392, 539]
    assert told["F048"]["recomputed"] == pytest.approx(-3.061, abs=0.001)
    assert told["F048"]["base"] is None


@pytest.mark.parametrize("publish", [False, True])
def test_page_json_and_workbook_say_the_same(
    publish: bool,
    internal: tuple[NationalReport, Path],
    published: Path,  # a parameter of the test
) -> None:
    folder = published if publish else internal[1]
    figures, page = read_figures(folder), read_page(folder)
    sheet = {row["figure id"]: row for row in read_sheet(folder, "figures")}
    assert page.keys() == figures.keys() == sheet.keys()
    names = ("numerator", "base", "not_applicable", "not_known", "no_answer", "not_put")
    for name, figure in figures.items():
        for cell, part in zip(page[name][3:], names, strict=True):
            stated = "withheld" if part in figure["withheld"] else "–" if figure[part] is None else f"{figure[part]:,}"
            assert cell == stated
            column = {"numerator": "number counted"}.get(part, part).replace("_", " ")
            assert str(sheet[name][column] or 0).removesuffix(".0") == str(
                "withheld" if part in figure["withheld"] else figure[part] or 0
            )
        number = re.sub(r"[%£,]", "", page[name][1].replace("−", "-"))
        if figure["recomputed"] is None:
            assert number == "withheld"
            assert sheet[name]["recomputed"] == "withheld"
        else:
            digits = len(number.partition(".")[2])
            assert float(number) == pytest.approx(figure["recomputed"], abs=0.501 * 10**-digits)
            assert float(sheet[name]["recomputed"]) == figure["recomputed"]


def test_the_same_run_gives_the_same_bytes(
    picture_run: Path, internal: tuple[NationalReport, Path], tmp_path: Path
) -> None:
    write_national(picture_run, tmp_path)
    for name in FILES:
        assert (tmp_path / name).read_bytes() == (internal[1] / name).read_bytes(), name


def test_it_works_with_the_three_required_tables_alone(tmp_path: Path, questionnaire: Questionnaire) -> None:
    for name in ("declarations", "answers"):
        shutil.copy(COLLECTION / f"{name}.csv", tmp_path)
    organisations = pl.read_csv(COLLECTION / "organisations.csv", infer_schema=False)
    (tmp_path / "organisations.csv").write_text(
        organisations.select("org_code", "name", "org_type", "region").write_csv(), encoding="utf-8"
    )
    picture = write_national(run_of(tmp_path, questionnaire, tmp_path / "run"), tmp_path)
    figures = read_figures(tmp_path)
    assert figures["F173"]["recomputed"] is None  # children for each health visitor: no population is given
    assert figures["F173"]["not_known"] == 152
    assert picture.summary()["within_2_points"] >= 400


def test_it_works_on_a_collection_with_faults(shared: Path, tmp_path: Path, questionnaire: Questionnaire) -> None:
    run = run_of(shared / "data" / "england-2008-09-dirty", questionnaire, tmp_path / "run")
    summary = write_national(run, tmp_path).summary()
    assert summary["shown"] == 408
    assert summary["none"] == 0
    assert summary["within_2_points"] >= 380


def test_a_type_that_nobody_has_gives_no_figure_and_no_error(
    tmp_path: Path, questionnaire: Questionnaire, picture_run: Path
) -> None:
    shutil.copytree(picture_run, tmp_path / "run")
    for name in ("organisations", "answers", "declarations"):
        file = tmp_path / "run" / "collection" / f"{name}.parquet"
        write_parquet(pl.read_parquet(file).filter(pl.col("org_code").str.starts_with("5")), file)
    picture = write_national(tmp_path / "run", tmp_path)
    assert picture.summary()["none"] > 100
    assert read_figures(tmp_path)["F111"]["recomputed"] is None
    assert read_page(tmp_path)["F111"][1] == "nobody answered"


def test_the_command_writes_the_picture_and_leaves_foreign_folders_alone(picture_run: Path, tmp_path: Path) -> None:
    out = tmp_path / "national"
    result = CliRunner().invoke(main, ["national", "--run", str(picture_run), "--out", str(out)])
    assert result.exit_code == 0, result.output
    assert "407 are within 2 points" in result.output
    assert sorted(file.name for file in out.iterdir()) == sorted(FILES)
    assert CliRunner().invoke(main, ["national", "--run", str(picture_run), "--out", str(out)]).exit_code == 0
    foreign = CliRunner().invoke(main, ["national", "--run", str(picture_run), "--out", str(ROOT / "docs")])
    assert foreign.exit_code == 6
    assert "is no national picture" in foreign.output
    nowhere = CliRunner().invoke(main, ["national", "--run", str(tmp_path / "no"), "--out", str(out)])
    assert nowhere.exit_code == 6


def test_nothing_small_and_nothing_of_one_organisation_is_published(published: Path, told: Figures) -> None:
    figures = read_figures(published)
    codes = pl.read_csv(COLLECTION / "organisations.csv", infer_schema=False)
    page = (published / "national.html").read_text(encoding="utf-8")
    assert not any(name in page for name in codes["name"])
    assert not set(re.findall(r"\b[A-Z0-9]{3}\b", page)) & set(codes["org_code"])
    for name, figure in figures.items():
        for part in ("numerator", "base", "not_applicable", "not_known", "no_answer", "not_put"):
            assert figure[part] is None or figure[part] == 0 or figure[part] >= 5, (name, part)
            assert figure[part] in (None, told[name][part])
        if figure["base"] is not None and figure["numerator"] is not None:
            assert figure["base"] - figure["numerator"] not in (1, 2, 3, 4), name
        assert figure["by_type"] == []
        assert not (figure["statistic"].startswith("range") and figure["recomputed"] is not None)
    assert "by type" not in pl.read_excel(published / "national.xlsx", sheet_id=0)
    assert sum(figure["recomputed"] is not None for figure in figures.values() if figure["use"] == "target") == 321


def test_the_published_page_says_what_is_withheld_and_why(published: Path) -> None:
    page = (published / "national.html").read_text(encoding="utf-8")
    assert "Counts from 1 to 4 are withheld" in page
    assert "Withheld is not nought" in page
    assert read_page(published)["F111"][1:4] == ["withheld"] * 3


@pytest.mark.parametrize("width", WIDTHS)
def test_the_page_is_accessible_asks_for_nothing_and_fits_its_window(
    width: int, internal: tuple[NationalReport, Path], browser: Browser, tmp_path: Path
) -> None:
    """Every kind of part, and a few figures: axe takes minutes over the whole, and found nothing there."""
    picture = internal[0]
    few = replace(picture, figures=picture.figures[::25], tables=picture.tables[1:2])
    file = tmp_path / "national.html"
    file.write_text(write_page(few), encoding="utf-8")
    page = open_page(browser, file, width)
    assert overflow(page) == 0
    thin_out(page)
    assert violations(page) == []
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the text"
    page.close()
