"""A pack says to an organisation what it answered, what others did, and nothing that it should not."""

from __future__ import annotations

import json
import re
import zipfile
from collections import defaultdict
from html import unescape
from pathlib import Path

import pikepdf
import polars as pl
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from crosscheck.cli import main
from crosscheck.collection.answers import SCHEMA
from crosscheck.questionnaire import Questionnaire
from crosscheck.report.benchmark import benchmark
from crosscheck.report.benchmark.benchmark import write_benchmarks
from crosscheck.report.benchmark.benchmark_paper import set_pack
from crosscheck.report.benchmark.similar import EVERYBODY, STEPS, gather_answers, group_answers, round_shares
from crosscheck.vocabulary import ABSENCES
from tests.looking import WIDTHS, figures_told, open_page, overflow, thin_out, violations
from tests.manifests import write_manifest

HOSTILE = "=cmd|'/c calc'!A1 <script>alert(1)</script> & “Trust”"


@pytest.fixture(scope="module")
def packs(national_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("packs") / "benchmarks"
    write_benchmarks(national_run, folder)
    return folder


@pytest.fixture(scope="module")
def organisations(national_run: Path) -> pl.DataFrame:
    return pl.read_parquet(national_run / "collection" / "organisations.parquet")


def words(file: Path) -> str:
    """The text of a page, but not its style."""
    body = re.sub(r"<style>.*?</style>", "", file.read_text(encoding="utf-8"), flags=re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", body)).split())


def in_workbook(file: Path) -> str:
    with zipfile.ZipFile(file) as parts:
        return "\n".join(parts.read(name).decode("utf-8") for name in parts.namelist())


def made_run(folder: Path, organisations: list[dict[str, object]], answers: list[tuple[object, ...]]) -> Path:
    """The least that packs need of a run."""
    (folder / "collection").mkdir(parents=True)
    schema = {"org_code": pl.String, "name": pl.String, "org_type": pl.String, "services": pl.List(pl.String)}
    pl.DataFrame(organisations, schema=schema).write_parquet(folder / "collection" / "organisations.parquet")
    pl.DataFrame(answers, schema=SCHEMA, orient="row").write_parquet(folder / "collection" / "answers.parquet")
    write_manifest(folder)
    return folder


def trusts(count: int, org_type: str = "ambulance") -> list[dict[str, object]]:
    return [
        {"org_code": f"X{n:03}", "name": f"Trust {n:03}", "org_type": org_type, "services": None} for n in range(count)
    ]


def test_every_organisation_has_a_pack(packs: Path, organisations: pl.DataFrame) -> None:
    assert {file.stem for file in packs.glob("*.html")} == set(organisations["org_code"])


def test_no_pack_names_another_organisation(packs: Path, organisations: pl.DataFrame) -> None:
    names = dict(organisations.select("org_code", "name").iter_rows())
    places = {name.split()[0] for name in names.values()}
    for code, name in names.items():
        told = set(re.findall(r"\w+", words(packs / f"{code}.html")))
        assert told & set(names) <= {code}
        assert told & places <= set(name.split()), code


def test_no_pack_speaks_of_risk_rank_score_check_or_visit(packs: Path, questionnaire: Questionnaire) -> None:
    asked = " ".join(question.text + question.basis for question in questionnaire).casefold()
    forbidden = re.compile(
        r"\b(?:risks?|rank\w*|scor\w+|decibans?|flag\w*|visit(?!or)\w*|lapse|declar\w+|differs|c2-[a-z]+-\d+)\b"
    )
    known = set(forbidden.findall(asked)) | {"risk", "risks"}
    for file in [*sorted(packs.glob("*.html"))[::30], packs / "R8B.html"]:
        told = words(file).casefold()
        assert set(forbidden.findall(told)) <= known, file.name
        for found in re.finditer(r"\brisks?\b", told):  # of children, as the questions and guidance say
            around = told[found.start() - 6 : found.end() + 10]
            assert re.search(r"at risk|risk manager|risks? of|risk factors", around), (file.name, around)


def papers_of(run: Path, code: str) -> list[str]:
    """What the paper of an organisation says, with the annex and without."""
    desk = benchmark._read_desk(run, [code])
    return [set_pack(desk.pack(code), desk.standard, (), annex=annex).data for annex in (True, False)]


def test_a_pack_on_paper_has_two_pages_and_every_question_in_its_annex(national_run: Path, tmp_path: Path) -> None:
    codes = ["5E0", "5WA", "R8B"]
    assert write_benchmarks(national_run, tmp_path / "two", codes, paper="two pages") == (3, 3)
    for code in codes:
        with pikepdf.open(tmp_path / "two" / f"{code}.pdf") as paper:
            assert len(paper.pages) <= 2, code
    whole, short = papers_of(national_run, "5WA")
    assert json.loads(short)["annex"] is None
    put = sum(len(section["answers"]) for section in json.loads(whole)["annex"])
    assert put == len(benchmark._read_desk(national_run, ["5WA"]).answers["5WA"])


def test_a_pack_on_paper_and_as_workbook_says_no_more(national_run: Path, tmp_path: Path, organisations) -> None:
    assert write_benchmarks(national_run, tmp_path / "packs", ["R8B"], paper="with annex", workbook=True) == (1, 1)
    assert write_benchmarks(national_run, tmp_path / "packs", ["R8B"], paper="with annex") == (1, 0)
    assert all(figures_told(tmp_path / "packs" / "R8B.pdf"))
    pdf = (tmp_path / "packs" / "R8B.pdf").read_bytes()
    assert pdf.startswith(b"%PDF")
    book = in_workbook(tmp_path / "packs" / "R8B.xlsx")
    texts = [book, *papers_of(national_run, "R8B")]
    others = organisations.filter(pl.col("org_code") != "R8B")["name"].to_list()
    for text in texts:
        assert not [name for name in others if name in text]
        assert not re.search(r"\b(?:rank|deciban|score)\w*\b|C2-[A-Z]+-\d", text)
    assert "<f>" not in book
    again = tmp_path / "again"
    write_benchmarks(national_run, again, ["R8B"], workbook=True)
    assert (again / "R8B.xlsx").read_bytes() == (tmp_path / "packs" / "R8B.xlsx").read_bytes()


def test_what_a_pack_says_was_answered_is_what_was_returned(packs: Path, national_run: Path) -> None:
    returned = pl.read_parquet(national_run / "collection" / "answers.parquet").filter(org_code="5E0", item=0)
    page = (packs / "5E0.html").read_text(encoding="utf-8")
    for question_id, level, number, absence in returned.select("question_id", "level", "number", "absence").iter_rows():
        if f'id="{question_id.replace(".", "-")}"' not in page:
            assert absence, question_id  # it was not put to such an organisation
            continue
        block = page.split(f'id="{question_id.replace(".", "-")}"', 1)[1].split("</article>", 1)[0]
        own = unescape(re.search(r'<p class="own"><span class="you">You</span> (.*?)</p>', block)[1]).casefold()
        if absence:
            assert own in {"no answer was given", "answered “not known”", "answered “not applicable”"}
            assert absence.replace("_", " ").split()[-1] in own
        elif level:
            assert re.sub(r"\W|_", "", own)[:6] == re.sub(r"\W|_", "", level)[:6] or "A&e".casefold() in own
        else:
            assert float(re.match(r"[\d,.]*\d", own)[0].replace(",", "")) == pytest.approx(number, rel=1e-4)


@pytest.mark.parametrize("total", [20, 23, 37, 49, 50, 59, 99, 100, 101])
def test_nobody_can_work_out_a_count_from_what_is_shown(total: int) -> None:
    """Every way in which so many can have answered is tried: what is shown leaves three counts or more of each."""
    possible = defaultdict(list)
    for first in range(total + 1):
        for second in range(total + 1 - first):
            counts = (first, second, total - first - second)
            possible[tuple(round_shares(counts))].append(counts)
    for shown, ways in possible.items():
        for counts in zip(*ways, strict=True):
            assert len(set(counts)) >= 3, (shown, set(counts))


@given(st.lists(st.integers(0, 80), min_size=1, max_size=8).filter(lambda counts: sum(counts) >= STEPS[-1][0]))
@settings(max_examples=200, deadline=None)
def test_shares_add_up_and_lie_within_a_step_of_the_truth(counts: list[int]) -> None:
    step = next(step for fewest, step in STEPS if sum(counts) >= fewest)
    shares = round_shares(counts)
    assert sum(shares) == 100
    for share, count in zip(shares, counts, strict=True):
        assert share % step == 0
        assert abs(share - 100 * count / sum(counts)) <= step


def test_a_group_under_twenty_has_no_shares_and_one_under_ten_says_nothing(questionnaire: Questionnaire) -> None:
    asked = "training.strategy"
    for total, yes, majority in [(9, 9, None), (10, 6, "yes"), (10, 5, None), (19, 19, "yes")]:
        levels = ["yes"] * yes + ["no"] * (total - yes)
        given_ = pl.DataFrame(
            [(f"X{n:03}", asked, 0, level, None, None) for n, level in enumerate(levels)], schema=SCHEMA, orient="row"
        )
        known = {"organisations": pl.DataFrame(trusts(total), schema_overrides={"services": pl.List(pl.String)})}
        group = group_answers(gather_answers(known | {"answers": given_}, questionnaire), questionnaire)
        told = group["ambulance", asked]
        assert (told.shares, told.majority, told.asked) == (None, majority, total)


@pytest.mark.parametrize(("figures", "median", "quartiles"), [(9, False, False), (10, True, False), (20, True, True)])
def test_quartiles_need_twenty_figures_and_a_median_ten(questionnaire, figures: int, median: bool, quartiles: bool):
    rows = [(f"X{n:03}", "training.level1_pct", 0, None, 50.0 + n, None) for n in range(figures)]
    known = {
        "organisations": pl.DataFrame(trusts(30, "acute"), schema_overrides={"services": pl.List(pl.String)}),
        "answers": pl.DataFrame(rows, schema=SCHEMA, orient="row"),
    }
    told = group_answers(gather_answers(known, questionnaire), questionnaire)["acute", "training.level1_pct"]
    assert (told.median is not None, told.quartiles is not None) == (median, quartiles)


def test_every_share_of_the_national_collection_is_that_of_its_counts(national_run: Path, questionnaire) -> None:
    tables = {
        name: pl.read_parquet(national_run / "collection" / f"{name}.parquet") for name in ("organisations", "answers")
    }
    answers = gather_answers(tables, questionnaire)
    groups = group_answers(answers, questionnaire)
    assert set(answers["answer"]) >= set(ABSENCES)
    for (of_type, question_id), group in groups.items():
        rows = answers.filter(pl.col("question_id") == question_id)
        rows = rows if of_type == EVERYBODY else rows.filter(pl.col("org_type") == of_type)
        assert questionnaire[question_id].repeated or group.asked == rows.height
        for answer, share in (group.shares or {}).items():
            step = next(step for fewest, step in STEPS if rows.height >= fewest)
            assert abs(share - 100 * (rows["answer"] == answer).sum() / rows.height) <= step


def test_figures_of_a_group_are_told_no_finer_than_whole_percentages_or_two_digits(national_run, questionnaire) -> None:
    tables = {
        name: pl.read_parquet(national_run / "collection" / f"{name}.parquet") for name in ("organisations", "answers")
    }
    told = [
        (questionnaire[question_id].answer_type, figure)
        for (_, question_id), group in group_answers(gather_answers(tables, questionnaire), questionnaire).items()
        for figure in (group.median, *(group.quartiles or ()))
        if figure is not None
    ]
    assert {kind for kind, _ in told} > {"percent"}
    for kind, figure in told:
        assert figure == (round(figure) if kind == "percent" else float(f"{figure:.1e}")), kind


def test_an_organisation_without_a_return_is_told_so(packs: Path) -> None:
    assert "We have no answers from you." in words(packs / "R8B.html")
    assert "We have no answers from you." not in words(packs / "5E0.html")


def test_a_small_collection_without_services_and_with_hostile_names_makes_packs(tmp_path: Path, browser) -> None:
    known = trusts(12)
    known[0]["name"] = HOSTILE
    run = made_run(tmp_path / "run", known, [("X000", "training.strategy", 0, "yes", None, None)])
    assert write_benchmarks(run, tmp_path / "packs", workbook=True) == (12, 0)
    page = open_page(browser, tmp_path / "packs" / "X000.html")
    assert page.locator("h1").inner_text() == HOSTILE
    assert page.locator("script").count() == 0
    thin_out(page)
    assert violations(page) == []
    assert "<f>" not in in_workbook(tmp_path / "packs" / "X000.xlsx")


@pytest.mark.parametrize("width", WIDTHS)
def test_a_pack_can_be_read_by_everybody(packs: Path, browser, width: int) -> None:
    page = open_page(browser, packs / "R8B.html", width)
    assert overflow(page) == 0
    thin_out(page)
    assert violations(page) == []
    page.close()
    page = open_page(browser, packs / "RZ0.html", width)
    assert overflow(page) == 0
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.close()


def test_only_some_leaves_the_others_and_all_sweeps_what_is_gone(tmp_path: Path) -> None:
    run = made_run(tmp_path / "run", trusts(3), [])
    folder = tmp_path / "packs"
    write_benchmarks(run, folder)
    (folder / "X999.html").write_text("of an organisation that is gone")
    write_benchmarks(run, folder, ["x001"])
    assert (folder / "X999.html").exists()
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    write_benchmarks(run, folder)
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == {
        name: content for name, content in before.items() if name != "X999.html"
    }


def test_a_wrong_code_or_a_foreign_folder_stops_the_command(run_of_few: Path, tmp_path: Path) -> None:
    asked = ["benchmarks", "--run", str(run_of_few), "--out", str(tmp_path / "packs")]
    told = CliRunner().invoke(main, [*asked, "--only", "Y1", "--only", "Y2"])
    assert told.exit_code == 7
    assert [line.split(" in ")[0] for line in told.output.splitlines()[1:]] == [
        "No organisation Y1",
        "No organisation Y2",
    ]
    (tmp_path / "packs").mkdir(exist_ok=True)
    (tmp_path / "packs" / "mine.txt").write_text("mine")
    assert CliRunner().invoke(main, asked).exit_code == 6
    assert CliRunner().invoke(main, [*asked[:2], str(tmp_path / "nowhere")]).exit_code == 6
