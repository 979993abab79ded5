"""The visit list as a page: what is in it without a script, and what its script adds."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner
from playwright.sync_api import Browser, Page, expect

from crosscheck.cli import main
from crosscheck.report.output.rank_bands import BANDS
from crosscheck.report.visit_list.list_rows import list_entries, with_duties
from crosscheck.runs.run_folder import read_table
from tests.looking import WIDTHS, open_page, overflow, thin_out, violations

PARTS = ("to_visit", "visited", "follow_up", "duties", "not_assessed")


@pytest.fixture(scope="module")
def page(national_run: Path) -> Path:
    return national_run / "dossiers" / "index.html"


@pytest.fixture(scope="module")
def html(page: Path) -> str:
    return unescape(page.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def listed(national_run: Path) -> pl.DataFrame:
    return read_table(national_run, "visit_list").sort("rank")


def part_of(html: str, name: str) -> str:
    return html.split(f'<section id="{name}"')[1].split("</section>", maxsplit=1)[0]


def names(shown: Page, part: str) -> list[str]:
    return shown.locator(f"#{part} tbody tr:not([hidden]) th a").all_inner_texts()


@pytest.mark.parametrize("pool", PARTS[:3])
def test_each_organisation_has_one_row_in_each_part_that_a_declaration_of_it_is_in(html, listed, pool) -> None:
    codes = listed.filter(pl.col("pool") == pool)["org_code"].unique(maintain_order=True).to_list()
    assert re.findall(r'<th scope="row" class="organisation"><a href="(\w+)\.html">', part_of(html, pool)) == codes


def test_both_functions_of_a_trust_are_in_its_row_with_risk_and_rank(national_run, listed) -> None:
    entries = list_entries(listed, read_table(national_run, "duties"), read_table(national_run, "follow_up"))
    shown = [row.rank for part in entries.values() for entry in part for row in entry.declarations]
    assert sorted(shown) == listed["rank"].to_list()
    for part in entries.values():
        assert [entry.first.rank for entry in part] == sorted(entry.first.rank for entry in part)
        for entry in part:
            assert len(entry.declarations) + len(entry.elsewhere) == listed.filter(org_code=entry.first.org_code).height


def test_every_unmet_duty_is_named_with_its_law_on_the_row_of_who_admits_it(national_run, html, listed) -> None:
    duties = read_table(national_run, "duties")
    assert len(with_duties(listed, duties)) == duties["org_code"].n_unique()
    for part in ("to_visit", "duties"):
        rows = part_of(html, part).split("<tr data-region")
        by_code = {found[1]: row for row in rows if (found := re.search(r'<a href="(\w+)\.html">', row))}
        for code, function, finding, law in duties.select("org_code", "function", "finding", "basis").iter_rows():
            here = listed.filter(org_code=code, function=function)["pool"][0]
            if part == "duties" or here == "to_visit":
                assert f"{finding.removesuffix('.')} ({law})." in by_code[code], (part, code)


def test_the_place_is_one_of_three_bands(html, listed) -> None:
    bands = re.findall(r'<span class="band band(\d)">([^<]*)</span>', part_of(html, "to_visit"))
    assert {words for _, words in bands} == {words.capitalize() for words in BANDS}
    best = listed.filter(pl.col("pool") == "to_visit").group_by("org_code").agg(pl.col("among_capacity").max())
    assert sum(band == "0" for band, _ in bands) == best.filter(pl.col("among_capacity") >= 0.7).height


def test_the_page_asks_for_its_own_script_and_nothing_else(page, html) -> None:
    assert re.findall(r"<script[^>]*>", html) == ['<script src="visit_list.js" defer>']
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', html)[1]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
    assert (page.parent / "visit_list.js").is_file()
    assert not re.search(r"\son\w+=", html)


def test_without_its_script_every_part_is_shown_and_nothing_is_offered_that_does_not_work(browser, page) -> None:
    context = browser.new_context(java_script_enabled=False)
    shown = context.new_page()
    shown.goto(page.resolve().as_uri())
    assert all(shown.locator(f"#{part}").is_visible() for part in PARTS)
    assert not shown.locator("form").is_visible()
    assert shown.locator("th button").count() == 0
    context.close()


def test_one_part_is_shown_at_a_time_and_its_address_leads_to_it(browser, page) -> None:
    shown = open_page(browser, page)
    assert [part for part in PARTS if shown.locator(f"#{part}").is_visible()] == ["to_visit"]
    shown.get_by_role("link", name="Follow-up").click()
    assert [part for part in PARTS if shown.locator(f"#{part}").is_visible()] == ["follow_up"]
    assert shown.url.endswith("#follow_up")
    assert shown.locator(".tabs a[aria-current]").inner_text().startswith("Follow-up")
    shown.go_back()
    assert shown.locator("#to_visit").is_visible()
    shown.close()


def test_search_and_filters_leave_the_rows_that_hold_all_of_it(browser, page, listed) -> None:
    shown = open_page(browser, page)
    to_visit = listed.filter(pl.col("pool") == "to_visit").unique("org_code", keep="first", maintain_order=True)
    shown.get_by_label("Region").select_option("North")
    assert names(shown, "to_visit") == to_visit.filter(region="North")["name"].to_list()
    shown.get_by_label("Type").select_option("Acute trust")
    both = to_visit.filter(region="North", org_type="acute")["name"].to_list()
    assert names(shown, "to_visit") == both
    assert shown.locator("#shown").inner_text() == f"{len(both)} of {to_visit.height} shown"
    shown.get_by_role("button", name="Clear").click()
    expect(shown.locator("#shown")).to_have_text(f"{to_visit.height} of {to_visit.height} shown")
    shown.get_by_label("Visit", exact=True).select_option("planned")
    assert len(names(shown, "to_visit")) == listed.drop_nulls("selected_by")["org_code"].n_unique()
    shown.get_by_role("button", name="Clear").click()
    shown.get_by_label("Search", exact=True).fill("fosselbridge 5e0")
    assert names(shown, "to_visit") == ["Fosselbridge Primary Care Trust"]
    shown.close()


def test_a_heading_sorts_its_column_up_and_then_down(browser, page, listed) -> None:
    shown = open_page(browser, page)
    best = listed.filter(pl.col("pool") == "to_visit").unique("org_code", keep="first", maintain_order=True)
    shown.locator("#to_visit").get_by_role("button", name="Organisation").click()
    by_name = names(shown, "to_visit")
    assert [name.lower() for name in by_name] == sorted(name.lower() for name in by_name)
    assert shown.locator("#to_visit th[aria-sort]").get_attribute("aria-sort") == "ascending"
    shown.locator("#to_visit").get_by_role("button", name="Rank").click()
    assert names(shown, "to_visit") == best["name"].to_list()
    shown.locator("#to_visit").get_by_role("button", name="Rank").click()
    assert names(shown, "to_visit") == best["name"].to_list()[::-1]
    assert shown.locator("#to_visit th[aria-sort]").get_attribute("aria-sort") == "descending"
    shown.close()


def test_on_a_narrow_window_the_band_and_the_reason_come_before_the_figures(browser, page) -> None:
    shown = open_page(browser, page, 400)
    row = shown.locator("#to_visit tbody tr").first
    tops = [row.locator(f".{name}").bounding_box()["y"] for name in ("organisation", "place", "why", "risk", "visit")]
    assert tops == sorted(tops)
    assert all(row.locator(f".{name}").bounding_box()["width"] > 300 for name in ("place", "why"))
    shown.close()


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("width", WIDTHS)
def test_each_part_is_read_by_everybody_at_any_width(browser: Browser, page: Path, part: str, width: int) -> None:
    shown = open_page(browser, page, width)
    shown.locator(f'.tabs a[href="#{part}"]').click()
    assert overflow(shown) <= 0
    thin_out(shown)
    assert violations(shown) == []
    shown.close()


def test_the_list_by_itself_needs_no_script_and_prints_across_the_page(national_run, tmp_path, listed) -> None:
    file = tmp_path / "visit_list.html"
    told = CliRunner().invoke(main, ["visit-list", "--run", str(national_run), "--out", str(file)])
    assert told.exit_code == 0, told.output
    html = file.read_text(encoding="utf-8")
    assert "<script" not in html
    assert "size: A4 landscape" in html
    assert "display: table-header-group" in html
    assert "<a href" not in html.split('<section id="to_visit"')[1]
    assert all(f">{name}" in unescape(html) for name in listed["name"])
