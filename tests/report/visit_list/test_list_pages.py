from __future__ import annotations

import html
import re
from pathlib import Path

import polars as pl
import pytest
from playwright.sync_api import Browser

from crosscheck.report.output.html import environment, read_style
from crosscheck.report.visit_list.list_pages import DUTIES, FOLLOW_UP
from crosscheck.runs.run_folder import read_table
from tests.looking import WIDTHS, open_page, overflow, thin_out, violations

PAGES = (DUTIES, FOLLOW_UP)


@pytest.fixture(scope="module")
def texts(national_run: Path) -> dict[str, str]:
    return {page: html.unescape((national_run / page).read_text(encoding="utf-8")) for page in PAGES}


def test_the_page_of_duties_says_of_each_the_law_the_answer_and_what_to_ask_for(national_run, texts) -> None:
    duties = read_table(national_run, "duties")
    assert texts[DUTIES].count("<h2") == duties["org_code"].n_unique()
    for name in ("finding", "basis", "answer"):
        assert all(text in texts[DUTIES] for text in duties[name].unique())
    for name in ("explanations", "lines_of_enquiry"):
        assert all(f"<li>{text}</li>" in texts[DUTIES] for text in duties[name].str.split(" | ").explode().unique())


def test_what_both_functions_of_a_trust_admit_stands_once(national_run, texts) -> None:
    duties = read_table(national_run, "duties")
    once = duties.unique(["org_code", "check_id", "finding", "answer"]).height
    assert once < duties.height
    assert texts[DUTIES].count("<dt>Law</dt>") == once
    assert "as commissioner and provider" in texts[DUTIES]


def test_the_page_of_follow_up_names_every_declared_lapse_with_its_dates_and_what_to_ask_for(
    national_run, texts
) -> None:
    rows = read_table(national_run, "follow_up")
    assert texts[FOLLOW_UP].count("<dt>Its own words</dt>") == rows.height
    assert all(f"“{statement}”" in texts[FOLLOW_UP] for statement in rows["statement"])
    dated = rows.drop_nulls("lapse_to")
    assert all(f"to {day:%-d %B %Y}" in texts[FOLLOW_UP] for day in dated["lapse_to"])
    assert texts[FOLLOW_UP].count("No day is declared") == rows["lapse_to"].null_count()


def test_the_list_leads_to_both_pages_and_they_lead_back(national_run, texts) -> None:
    listed = (national_run / "dossiers" / "index.html").read_text(encoding="utf-8")
    for page in PAGES:
        assert f'href="../{page}"' in listed
        for target in re.findall(r'href="([^"#][^"]*)"', (national_run / page).read_text(encoding="utf-8")):
            assert (national_run / target).is_file(), target


def test_the_list_says_that_the_draw_is_for_practice_and_what_law_each_mandatory_visit_is_for(national_run) -> None:
    listed = html.unescape((national_run / "dossiers" / "index.html").read_text(encoding="utf-8"))
    assert "The random sample is a practice draw, not binding." in listed
    mandatory = read_table(national_run, "visit_list").filter(pl.col("selected_by") == "mandatory")
    keys = ["org_code", "function"]
    laws = read_table(national_run, "duties").join(mandatory, on=keys, how="semi")
    assert mandatory.height
    said = [f"{finding.removesuffix('.')} ({basis})." for finding, basis in laws.select("finding", "basis").rows()]
    assert all(words in listed for words in said)


def test_a_page_runs_nothing_and_shows_hostile_text_as_text() -> None:
    bad = "<script>alert(1)</script>"
    row = {"name": bad, "org_code": "R01", "org_type": "acute", "region": bad, "first": 1, "selected_by": None,
           "rows": [{"finding": bad, "functions": ["whole"], "basis": bad, "answer": bad, "explanations": bad,
                     "lines_of_enquiry": bad, "check_id": "C", "severity": "high"}]}  # fmt: skip
    basis = {"year": "2008/09", "standard": "C2", "fingerprint": "f", "manifest": {"crosscheck": "1"}}
    found = environment("visit_list")
    shown = found.get_template(DUTIES).render(basis=basis, rows=[], organisations=[row], dossiers="dossiers")
    assert bad not in shown
    assert "default-src 'none'" in shown
    assert read_style("visit_list") in shown


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("width", WIDTHS)
def test_a_page_is_read_by_everybody_at_any_width(national_run: Path, browser: Browser, page: str, width: int) -> None:
    opened = open_page(browser, national_run / page, width)
    assert overflow(opened) <= 0
    thin_out(opened)
    assert violations(opened) == []
    opened.close()
