from __future__ import annotations

import json
import re
import shutil
from html import unescape
from math import fsum
from pathlib import Path

import pikepdf
import polars as pl
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from crosscheck.cli import main
from crosscheck.errors import RunError, UnknownNameError
from crosscheck.report.dossier.build_dossier import read_dossiers
from crosscheck.report.dossier.dossier import Dossier
from crosscheck.report.dossier.dossier_paper import set_dossier
from crosscheck.report.dossier.dossier_tables import read_basis
from crosscheck.report.dossier.facts import read_figure_enquiries
from crosscheck.report.dossier.rows import Part
from crosscheck.report.dossier.waterfall import add_up
from crosscheck.report.output.pdf import Paper
from crosscheck.report.visit_list.dossier_pages import write_dossiers
from crosscheck.report.visit_list.visit_page import set_visit_list
from crosscheck.settings import figure_enquiries_file
from tests.conftest import make_run
from tests.few import cut_collection, each_tenth
from tests.looking import WIDTHS, figures_told, open_page, overflow, text_of, thin_out, violations

TRUST, SUCCESSOR = "5UW", "R2X"  # two declarations, visited this year; formed of two others
HOSTILE = "<script>alert(1)</script> =cmd|' /C calc'!A0"


@pytest.fixture(scope="module")
def pages(national_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pages") / "dossiers"
    written, papers = write_dossiers(national_run, folder)
    assert (written, papers) == (392, 0)
    return folder


@pytest.fixture(scope="module")
def hostile_run(national_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run as it were if somebody had put markup and a formula wherever a collection has text."""
    run = tmp_path_factory.mktemp("hostile") / "run"
    shutil.copytree(national_run, run, ignore=shutil.ignore_patterns("dossiers", "*.xlsx"))
    texts = {
        "visit_list": ["name", "reason"], "collection/comments": ["text"], "parts": ["reason", "part"],
        "cases": ["declared.statement"], "findings": ["says", "evidence", "waived"], "scores": ["label"],
        "names": ["name"],
    }  # fmt: skip
    for name, columns in texts.items():
        file = run / f"{name}.parquet"
        pl.read_parquet(file).with_columns(pl.lit(HOSTILE).alias(column) for column in columns).write_parquet(file)
    return run


def text(pages: Path, org_code: str) -> str:
    return (pages / f"{org_code}.html").read_text(encoding="utf-8")


some_part = st.tuples(st.sampled_from(("answers", "checks", "history")), st.floats(-30, 30, width=32))
parts_of_a_risk = st.lists(some_part, max_size=40)


@settings(deadline=None)
@given(parts_of_a_risk, st.integers(1, 9))
def test_the_bars_of_a_waterfall_add_up_to_its_parts_and_each_begins_where_the_one_before_ends(drawn, most) -> None:
    parts = [
        Part(family, f"p{place}", worth=0.0, decibans=decibans, reason="r")
        for place, (family, decibans) in enumerate([("prior", -9.0), ("declared", 1.5), *drawn])
    ]
    *steps, total = add_up(parts, most)
    assert total.ends == fsum(part.decibans for part in parts)
    assert sum(step.number for step in steps) == len(parts) == total.number
    assert [step.begins for step in steps] == [0.0, *(step.ends for step in steps[:-1])]
    assert steps[-1].ends == total.ends


def test_the_bars_of_every_declaration_add_up_to_its_risk(national_run) -> None:
    dossiers = read_dossiers(national_run)
    declarations = [declaration for dossier in dossiers for declaration in dossier.declarations]
    assert (len(dossiers), len(declarations)) == (392, 539)
    for declaration in declarations:
        odds = 10 ** (declaration.steps[-1].decibans / 10)
        assert odds / (1 + odds) == pytest.approx(declaration.listed.risk, abs=1e-5)


def test_a_dossier_tells_what_explain_tells(national_run) -> None:
    (dossier,) = read_dossiers(national_run, [TRUST])
    explained = json.loads(
        CliRunner().invoke(main, ["explain", TRUST, "--run", str(national_run), "--format", "json"]).output
    )
    differing = {f["check_id"] for case in explained for f in case["findings"] if f["verdict"] == "differs"}
    assert {finding.check_id for finding in dossier.findings} == differing
    for declaration, case in zip(dossier.declarations, explained, strict=True):
        assert declaration.listed.rank == case["rank"]
        counted = [finding["verdict"] for finding in case["findings"]]
        assert {v: getattr(declaration.verdicts, v) for v in set(counted)} == {
            v: counted.count(v) for v in set(counted)
        }
        assert fsum(part.decibans for part in declaration.parts) == pytest.approx(case["decibans"], abs=1e-3)


def test_innocent_explanations_and_requests_stand_with_every_finding(national_run, pages) -> None:
    (dossier,) = read_dossiers(national_run, [TRUST])
    assert dossier.findings
    html = text(pages, TRUST)
    every = html.split('id="differs"')[1]
    assert every.count("It may rightly reply") == every.count("What to ask for") == len(dossier.findings)


def test_both_declarations_of_a_primary_care_trust_stand_on_its_page(pages) -> None:
    html = text(pages, TRUST)
    assert html.count('<table class="waterfall">') == 2
    assert "As provider" in html
    assert "As commissioner" in html


def test_a_mandatory_visit_is_told_with_the_law_that_it_is_for_and_a_random_one_as_practice(
    national_run, pages
) -> None:
    listed, duties = (pl.read_parquet(national_run / f"{name}.parquet") for name in ("visit_list", "duties"))
    for arm, words in (("mandatory", "Chosen for a visit for an unmet statutory duty"), ("random", "practice draw")):
        code = listed.filter(pl.col("selected_by") == arm)["org_code"][0]
        told = unescape((national_run / "dossiers" / f"{code}.html").read_text(encoding="utf-8"))
        assert words in told
        theirs = duties.filter(pl.col("org_code") == code)
        assert told.count("<strong>Statutory duty</strong>") == min(theirs["finding"].n_unique(), 3)
        assert all(finding in told and law in told for finding, law in theirs.select("finding", "basis").rows())


def test_a_newly_formed_trust_shows_what_its_predecessors_declared(pages, dirty_pages) -> None:
    assert "Took over from" in text(pages, SUCCESSOR)
    assert "(by R9M, which it took over from)" in text(dirty_pages, SUCCESSOR)


def test_one_that_was_visited_this_year_shows_what_was_found(pages) -> None:
    assert "Already visited this year:</strong> the visit found the declaration qualified" in text(pages, TRUST)
    assert "Declaration qualified" in text(pages, TRUST)


def test_an_answer_that_is_wanting_is_told_from_one_that_is_not_known(national_run) -> None:
    why = {question.why for dossier in read_dossiers(national_run) for question in dossier.questions}
    assert {"no answer", "not known", "not in the collection"} <= why


def test_no_page_accuses_anybody(pages) -> None:
    accusing = re.compile(r"\b(lied|lying|liar|false|fraud\w*|dishonest\w*|cheat\w*|falsif\w*)\b", re.IGNORECASE)
    for page in pages.glob("*.html"):
        told = re.sub(r"<[^>]+>|focusable=\"false\"", " ", page.read_text(encoding="utf-8").split("</style>")[1])
        assert accusing.findall(told) == [], page.name


@pytest.fixture(scope="module")
def dossiers(national_run: Path) -> tuple[Dossier, ...]:
    return read_dossiers(national_run)


def test_a_dossier_begins_with_the_declaration_that_is_to_be_visited(national_run, dossiers, pages) -> None:
    planned = pl.read_parquet(national_run / "visit_list.parquet").drop_nulls("selected_by")
    chosen = {(code, function) for code, function in planned.select("org_code", "function").iter_rows()}
    begun = [dossier for dossier in dossiers if any(code == dossier.org_code for code, _ in chosen)]
    assert len(begun) == 60
    for dossier in begun:
        function = dossier.first.function
        assert (dossier.org_code, function) in chosen
        heading = re.search(r'<h2 id="declaration">([^<]*)</h2>', text(pages, dossier.org_code))[1]
        assert heading.startswith("Declaration to visit: ")
        assert function == "whole" or f"as {function}" in heading


def test_each_fact_has_its_age_a_reply_and_a_question_that_belongs_to_it(national_run, dossiers) -> None:
    rules = {rule["id"]: rule for rule in json.loads((national_run / "rulebook.json").read_text(encoding="utf-8"))}
    asked = read_figure_enquiries(figure_enquiries_file("C2"))
    for dossier in dossiers:
        of_first = {part.part: part for part in dossier.first.parts}
        figures = [part for part in of_first.values() if part.family == "figures" and part.decibans > 0.05]
        checks = [
            one for one in dossier.findings if one.age and not one.waived and one.bears_on(dossier.first.function)
        ]
        assert len(dossier.facts) == min(3, len(figures) + len(checks)), dossier.org_code
        for fact in dossier.facts:
            assert re.search(r"Answer as at 31 December 2008|Figure for .*20\d\d", fact.age), fact
            if fact.mark in rules:
                assert fact.question in rules[fact.mark]["lines_of_enquiry"]
                assert fact.reply in rules[fact.mark]["explanations"]
            else:
                assert (fact.reply, fact.question) == (asked[fact.mark].explanation, asked[fact.mark].line_of_enquiry)
                assert fact.says == of_first[fact.mark].reason


def test_the_facts_are_the_unmet_duties_and_then_what_adds_most_to_the_risk_of_that_declaration(dossiers) -> None:
    for dossier in dossiers:
        duties = [fact for fact in dossier.facts if fact.law]
        others = [fact.decibans for fact in dossier.facts if not fact.law]
        assert len(duties) == min(len({duty.finding for duty in dossier.first.duties}), 3), dossier.org_code
        assert list(dossier.facts[: len(duties)]) == duties
        assert others == sorted(others, reverse=True)
        waived = {finding.check_id for finding in dossier.findings if finding.waived}
        assert not waived & {fact.mark for fact in dossier.facts}


def test_there_is_a_question_on_every_figure_that_bears_on_the_standard(standard) -> None:
    bearing = {name for name, figure in standard.indicators.indicators.items() if figure.relevance != "none"}
    assert bearing <= set(read_figure_enquiries(figure_enquiries_file("C2")))


@pytest.mark.parametrize("code", ["5E0", "5WM", "5YX", "R7Y", "R4P", TRUST, SUCCESSOR])
def test_what_an_assessor_needs_is_on_the_first_screen_and_all_but_the_technical_on_three(pages, browser, code) -> None:
    shown = open_page(browser, pages / f"{code}.html")
    first, technical = (
        shown.locator(name).evaluate("one => [one.getBoundingClientRect().top, one.getBoundingClientRect().bottom]")
        for name in (".first", "details.technical")
    )
    assert first[1] <= 900
    assert technical[0] <= 2700
    assert not shown.locator("#adds-up").is_visible()
    shown.get_by_role("link", name="Technical part", exact=True).click()
    assert shown.locator("#adds-up").is_visible()
    shown.close()


def test_what_the_board_said_is_labelled_as_its_words(dossiers, pages) -> None:
    speaking = [dossier for dossier in dossiers if dossier.first.statement]
    assert len(speaking) > 80
    for dossier in speaking:
        html = unescape(text(pages, dossier.org_code))
        said = f"The board's own words</figcaption><blockquote><p>“{dossier.first.statement}”"
        assert said in html.split('id="risk"')[0], dossier.org_code


def test_every_link_leads_to_a_page_that_stands(pages) -> None:
    for page in pages.glob("*.html"):
        leads = set(re.findall(r'href="([^"#]+)"', page.read_text(encoding="utf-8")))
        assert all((pages / lead).is_file() for lead in leads), page.name
    assert len(list(pages.glob("*.html"))) == 393


def test_text_of_the_collection_is_shown_and_never_run(hostile_run, tmp_path) -> None:
    write_dossiers(hostile_run, tmp_path / "out", [TRUST])
    html = text(tmp_path / "out", TRUST)
    assert "<script" not in html
    assert html.count("&lt;script&gt;") > 20
    write_dossiers(hostile_run, tmp_path / "all")
    listed = text(tmp_path / "all", "index")
    assert re.findall(r"<script[^>]*>", listed) == ['<script src="visit_list.js" defer>']
    assert listed.count("&lt;script&gt;") > 392


def test_the_same_run_gives_the_same_bytes_and_one_page_alone_the_same_again(national_run, pages, tmp_path) -> None:
    again = tmp_path / "again"
    shutil.copytree(pages, again)
    before = (again / f"{TRUST}.html").read_bytes()
    (again / f"{TRUST}.html").unlink()
    write_dossiers(national_run, again, [TRUST.lower()])
    assert (again / f"{TRUST}.html").read_bytes() == before


def test_an_unknown_organisation_is_told_with_those_nearest(national_run, tmp_path) -> None:
    with pytest.raises(UnknownNameError, match=r"No organisation 5WZZ in this run. Did you mean \w+ "):
        write_dossiers(national_run, tmp_path / "out", ["5WZZ"])
    asked = ["dossiers", "--run", str(national_run), "--out", str(tmp_path / "out"), "--only", "XX9"]
    assert CliRunner().invoke(main, asked).exit_code == 7


def test_a_folder_of_something_else_is_left_alone(national_run, tmp_path) -> None:
    (tmp_path / "letter.txt").write_text("dear all")
    with pytest.raises(RunError, match="left alone"):
        write_dossiers(national_run, tmp_path, [TRUST])


@pytest.mark.parametrize("page", [TRUST, SUCCESSOR, "index"])
@pytest.mark.parametrize("width", WIDTHS)
def test_a_page_is_read_by_everybody_at_any_width(pages, browser, page, width) -> None:
    shown = open_page(browser, pages / f"{page}.html", width)
    assert overflow(shown) == 0
    thin_out(shown)
    assert violations(shown) == []
    shown.close()


def test_a_page_works_by_keyboard(pages, browser) -> None:
    shown = open_page(browser, pages / f"{TRUST}.html")
    shown.keyboard.press("Tab")
    assert shown.evaluate("document.activeElement.textContent") == "Skip to the text"
    fold = shown.locator("summary").first
    fold.focus()
    shown.keyboard.press("Enter")
    assert fold.evaluate("fold => fold.parentElement.open")
    shown.get_by_role("link", name="Visit list").focus()
    shown.keyboard.press("Enter")
    shown.wait_for_url("**/index.html")
    shown.close()


def paper_of(run: Path, code: str, *, annex: bool) -> Paper:
    (dossier,) = read_dossiers(run, [code])
    return set_dossier(dossier, read_basis(run), ["<svg/>"] * len(dossier.with_funnel), annex=annex)


def test_on_paper_too_every_finding_has_what_may_rightly_be_replied_and_what_to_ask_for(national_run) -> None:
    text = text_of(paper_of(national_run, TRUST, annex=True))
    (dossier,) = read_dossiers(national_run, [TRUST])
    assert len(dossier.findings) > 4
    for finding in dossier.findings:
        for words in (*finding.rule.explanations, *finding.rule.lines_of_enquiry):
            assert " ".join(words.split()) in text, finding.check_id


def test_a_dossier_has_two_pages_and_the_annex_follows_where_it_is_asked_for(national_run, tmp_path) -> None:
    most = pl.read_parquet(national_run / "visit_list.parquet").group_by("org_code").agg(pl.col("flags").sum())
    codes = [*most.sort("flags", "org_code", descending=True)["org_code"][:4], "5VM", TRUST, SUCCESSOR]
    assert write_dossiers(national_run, tmp_path / "two", codes, paper="two pages")[1] == len(set(codes))
    for code in codes:
        with pikepdf.open(tmp_path / "two" / f"{code}.pdf") as pdf:
            assert len(pdf.pages) <= 2, code
    write_dossiers(national_run, tmp_path / "annex", [TRUST], paper="with annex")
    with pikepdf.open(tmp_path / "annex" / f"{TRUST}.pdf") as pdf:
        assert len(pdf.pages) > 5
        fonts = {str(one["/BaseFont"]) for one in pdf.objects if isinstance(one, pikepdf.Dictionary)
                 and "/BaseFont" in one}  # fmt: skip
    assert all("SourceSansPro" in font for font in fonts), "pictures have the letters of the paper"


def test_the_paper_can_be_followed_by_a_screen_reader_and_is_not_set_twice(national_run, tmp_path) -> None:
    folder = tmp_path / "out"
    assert write_dossiers(national_run, folder, [SUCCESSOR], paper="with annex") == (1, 1)
    file = folder / f"{SUCCESSOR}.pdf"
    first = file.read_bytes()
    with pikepdf.open(file) as pdf:
        assert pdf.Root.MarkInfo.Marked
        assert str(pdf.Root.Lang) == "en-GB"
        assert pdf.Root.ViewerPreferences.DisplayDocTitle
        assert SUCCESSOR in str(pdf.open_metadata()["dc:title"])
        assert b"pdfuaid:part" in bytes(pdf.Root.Metadata.read_bytes())
    told = figures_told(file)
    assert told
    assert all(told)
    assert write_dossiers(national_run, folder, [SUCCESSOR], paper="with annex") == (1, 0)
    file.write_bytes(first[: len(first) // 2])  # as if it had been broken off
    assert write_dossiers(national_run, folder, [SUCCESSOR], paper="with annex") == (1, 1)
    assert file.read_bytes() == first
    assert not list(folder.glob(".*.part"))
    assert write_dossiers(national_run, folder, [SUCCESSOR], paper="two pages") == (1, 1)


def test_the_list_on_paper_names_every_declaration_once_in_its_pool(national_run) -> None:
    listed = pl.read_parquet(national_run / "visit_list.parquet")
    fields = json.loads(set_visit_list(national_run).data)
    rows = [row for pool in fields["pools"] for row in pool["rows"]]
    assert [int(row[0]) for row in rows] == listed.sort("rank")["rank"].to_list()
    assert len(fields["planned"]) == listed["selected_by"].drop_nulls().len()


@pytest.fixture(scope="module")
def dirty_pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pages of a collection in which one organisation returned nothing, and another's answer can't be read."""
    home = tmp_path_factory.mktemp("dirty")
    cut_collection(home / "collection", [*each_tenth(), "R6A", "R2X", "R9M", "R4A"])
    answers = home / "collection" / "answers.csv"
    heading, *rows = answers.read_text(encoding="utf-8").splitlines(keepends=True)
    kept = [row for row in rows if not row.startswith("R6A,")]
    answers.write_text("".join([heading, *kept, "R2X,audit.documentation,,perhaps\n"]), encoding="utf-8")
    declarations = home / "collection" / "declarations.csv"
    former = re.sub(r"(?m)^R2X,(200[567]/)", r"R9M,\1", declarations.read_text(encoding="utf-8"))
    declarations.write_text(former, encoding="utf-8")
    make_run(home / "collection", home / "run", "--no-pages")
    write_dossiers(home / "run", home / "pages", ["R6A", "R2X"])
    return home / "pages"


def test_what_was_wrong_in_the_rows_of_an_organisation_stands_on_its_page_alone(dirty_pages) -> None:
    assert "perhaps" in text(dirty_pages, "R2X")
    assert "answers.csv, row" in text(dirty_pages, "R2X")
    assert "Nothing was wrong with the rows about it." in text(dirty_pages, "R6A")


def test_an_organisation_without_a_return_is_shown_with_what_is_wanting(dirty_pages) -> None:
    html = text(dirty_pages, "R6A")
    assert "No answer" in html
    assert "are missing" in html
    assert "The board added no words of its own" in html or "The board's own words" in html
