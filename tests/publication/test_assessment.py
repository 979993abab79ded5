"""The final assessment: what each declaration counts as, what is published of it, and the page that tells it."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from playwright.sync_api import Browser

from crosscheck import settings
from crosscheck.contract.kept import KEPT
from crosscheck.contract.outputs import OUTPUTS
from crosscheck.errors import ModelError
from crosscheck.publication.assessment import (
    AFTERS,
    KEYS,
    Evidence,
    assess,
    count_outcomes,
    current_decisions,
    latest_visits,
    list_high_risk,
    read_assessment_model,
)
from crosscheck.publication.assessment_page import OUTCOMES, Heading, find_unlike, read_files, sum_up, write_assessment
from crosscheck.publication.assessment_paper import set_assessment
from crosscheck.report.national.suppression import SMALLEST
from crosscheck.report.output.pdf import write_pdf
from tests.looking import WIDTHS, open_page, overflow, text_of, thin_out, violations

MODEL = read_assessment_model(settings.model_file("C2", "assessment"))
DAY = date(2009, 9, 1)


def evidence(declared: dict[str, str], risk: float = 0.1) -> Evidence:
    """One declaration each, of an acute trust, with one answer of its own and one of others that differ."""
    rows = [
        {"org_code": code, "name": f"Trust {code}", "org_type": "acute", "region": "North", "function": "whole",
         "declared": status, "risk": risk, "selected_by": None, "rank": rank}
        for rank, (code, status) in enumerate(declared.items(), 1)
    ]  # fmt: skip
    findings = [
        {"org_code": code, "function": "whole", "check_id": check, "verdict": "differs", "kind": kind, "waived": None,
         "weight": weight, "says": f"{check} says"}
        for code in declared
        for check, kind, weight in (("C2-A", "declaration_vs_answer", 1.0), ("C2-B", "declaration_vs_answer", 2.0),
                                    ("C2-C", "account_vs_account", 9.0))
    ]  # fmt: skip
    innocent = pl.DataFrame({"check_id": ["C2-B"], "may_explain": ["It was said elsewhere"]})
    listed = pl.DataFrame(rows, schema_overrides={"selected_by": pl.String})
    return Evidence(
        {},
        listed,
        pl.DataFrame(findings, schema_overrides={"waived": pl.String}),
        latest_visits([]),
        innocent,
        KEPT["mentions"].empty(),
        OUTPUTS["not_assessed"].empty(),
    )


def decision(code: str, kind: str) -> dict[str, str]:
    return {"org_code": code, "function": "whole", "kind": kind, "reason": f"reason to {kind}"}


def visit(code: str, finding: str, day: date = DAY) -> dict[str, object]:
    return {"org_code": code, "function": "whole", "visited_on": day, "finding": finding}


def test_each_decision_and_visit_has_its_outcome() -> None:
    declared = dict.fromkeys(("ACC", "EXP", "QUA", "VIS", "UPH", "AWA", "NON"), "compliant") | {"LAP": "not_met"}
    decided = {"ACC": "accept", "EXP": "explain", "QUA": "qualify", "VIS": "visit", "UPH": "visit", "AWA": "visit"}
    decisions = [decision(code, kind) for code, kind in decided.items()]
    visits = latest_visits([visit("VIS", "qualified"), visit("UPH", "upheld")])
    assessed = assess(evidence(declared), current_decisions(decisions), visits, MODEL)
    told = {row["org_code"]: row for row in assessed.iter_rows(named=True)}
    assert {code: row["after"] for code, row in told.items()} == {
        "ACC": "as_declared", "EXP": "explained", "QUA": "qualified", "VIS": "qualified", "UPH": "upheld",
        "AWA": "not_tested", "NON": "not_tested", "LAP": "not_tested",
    }  # fmt: skip
    assert {row["effect"] for code, row in told.items() if code in ("QUA", "VIS")} == {"counts_as_not_met"}
    assert told["LAP"]["effect"] == "counts_as_declared"
    assert told["LAP"]["why"] == "The board declared the lapse itself: it stands as declared."
    assert told["VIS"]["why"] == "A visit on 1 September 2009 found the standard not met."
    assert told["EXP"]["why"] == "It stands with the organisation's explanation: reason to explain"


def test_only_what_a_qualified_organisation_itself_answered_is_published_and_why_a_visit_was_wanted_is_not() -> None:
    declared = {"QUA": "compliant", "VIS": "compliant"}
    decisions = current_decisions([decision("QUA", "qualify"), decision("VIS", "visit")])
    assessed = assess(evidence(declared), decisions, latest_visits([visit("VIS", "upheld")]), MODEL)
    assert assessed.filter(pl.col("org_code") == "QUA")["evidence"].item() == "C2-B says"
    assert assessed.filter(pl.col("org_code") == "QUA")["may_explain"].item() == "It was said elsewhere"
    assert assessed.filter(pl.col("org_code") == "VIS").select("evidence", "may_explain").row(0) == (None, None)
    assert "reason to visit" not in str(assessed.to_dicts())
    assert not {"risk", "rank", "decibans", "who"} & set(assessed.columns)


def test_of_several_visits_the_latest_speaks_and_of_one_day_the_later_record() -> None:
    visits = [
        visit("A", "qualified", date(2009, 9, 2)),
        visit("A", "upheld"),
        visit("B", "upheld"),
        visit("B", "qualified"),
    ]
    told = dict(latest_visits(visits).select("org_code", "finding").iter_rows())
    assert told == {"A": "qualified", "B": "qualified"}


def test_high_risk_is_compliance_declared_unvisited_and_likely_or_planned() -> None:
    listed = pl.DataFrame(
        [("A", 0.5, None, "compliant"), ("B", 0.49, None, "compliant"), ("C", 0.01, "random", "compliant"),
         ("D", 0.99, None, "not_met"), ("E", 0.9, None, "compliant")],
        ["org_code", "risk", "selected_by", "declared"], orient="row",
    ).with_columns(function=pl.lit("whole"), rank=pl.int_range(pl.len()))  # fmt: skip
    assert list_high_risk(listed, latest_visits([visit("E", "upheld")]), MODEL)["org_code"].to_list() == ["A", "C"]


def test_no_count_below_five_of_what_became_of_declarations_can_be_read_or_worked_out() -> None:
    kinds = ["accept"] * 9 + ["qualify"] * 2 + ["explain"] * 7
    declared = {f"T{number:02}": "compliant" for number in range(30)}
    decisions = current_decisions([decision(code, kind) for code, kind in zip(declared, kinds, strict=False)])
    assessed = assess(evidence(declared), decisions, latest_visits([]), MODEL)
    counts = count_outcomes(assessed)
    assert counts.filter(pl.col("org_type") == "acute")["qualified"].item() == "withheld"
    for row in counts.iter_rows(named=True):
        hidden = [after for after in AFTERS if row[after] == "withheld"]
        shown = [int(row[after]) for after in AFTERS if row[after] != "withheld"]
        assert not [count for count in shown if 0 < count < SMALLEST]
        assert len(hidden) != 1
        assert row["declarations"] == "30"


def test_a_model_that_leaves_an_outcome_without_an_effect_is_refused(tmp_path: Path) -> None:
    stated = settings.model_file("C2", "assessment").read_text(encoding="utf-8")
    (tmp_path / "v2.toml").write_text(
        stated.replace('"upheld", "not_tested"]\neffect = "none"', '"upheld"]\neffect = "none"')
    )
    with pytest.raises(ModelError, match="not_tested"):
        read_assessment_model(tmp_path / "v2.toml")
    assert tuple(OUTCOMES) == AFTERS


def test_sums_name_what_is_altered_missing_or_foreign() -> None:
    files = {"a.csv": b"a", "b/c.html": b"c"}
    whole = files | {"SHA256SUMS": sum_up(files)}
    assert find_unlike(whole) == []
    assert find_unlike(whole | {"a.csv": b"b"}) == ["a.csv: is not what was published"]
    assert find_unlike(files) == ["SHA256SUMS: is not there"]
    assert find_unlike({**whole, "d": b""}) == ["d: does not belong to the edition"]


@pytest.fixture(scope="module")
def edition(tmp_path_factory: pytest.TempPathFactory) -> Path:
    declared = {f"T{number:02}": "compliant" for number in range(20)} | {"LAP": "not_met"}
    decisions = current_decisions([decision("T00", "qualify"), decision("T01", "explain")])
    shown = evidence(declared)
    shown = Evidence(**vars(shown) | {"listed": shown.listed.with_columns(name="<b>" + pl.col("name"))})
    folder = tmp_path_factory.mktemp("edition")
    heading = Heading("2008-09/2", "C2", "2008/09", "2008-09/1", "A register was found & seen.")
    assessed = assess(shown, decisions, latest_visits([visit("T02", "upheld")]), MODEL)
    missing = pl.DataFrame({"org_code": ["<i>"], "reason": ["Its row in organisations was set aside. region: secret."]})
    write_assessment(assessed, missing, heading, folder)
    again = tmp_path_factory.mktemp("again")
    write_assessment(assessed, missing, heading, again)
    assert read_files(folder) == read_files(again)
    return folder


def test_an_edition_names_who_is_not_assessed_and_keeps_what_stood_in_the_row(edition: Path) -> None:
    page = (edition / "assessment.html").read_text(encoding="utf-8")
    table = (edition / "not_assessed.csv").read_text(encoding="utf-8")
    told = json.loads((edition / "assessment.json").read_text(encoding="utf-8"))["not_assessed"]
    assert "&lt;i&gt;</th><td>Its row in organisations was set aside.</td>" in page
    assert "1 further organisation occurs in what was collected and is" in page
    assert told == [{"org_code": "<i>", "reason": "Its row in organisations was set aside."}]
    assert "secret" not in page + table


def test_page_and_tables_tell_the_same(edition: Path) -> None:
    told = json.loads((edition / "assessment.json").read_text(encoding="utf-8"))
    rows = pl.read_csv(edition / "assessment.csv")
    assert [row["org_code"] for row in told["declarations"]] == rows["org_code"].to_list()
    assert told["corrects"] == "2008-09/1"
    assert rows.select(KEYS).is_unique().all()


@pytest.mark.parametrize("width", WIDTHS)
def test_the_page_can_be_read_by_everybody_wide_and_narrow(browser: Browser, edition: Path, width: int) -> None:
    page = open_page(browser, edition / "assessment.html", width)
    assert overflow(page) == 0
    text = page.inner_text("main")
    assert "This edition corrects edition 2008-09/1." in text
    assert "<b>Trust T00" in text
    page.get_by_role("link", name="Qualified", exact=True).last.click()
    assert page.url.endswith("#T00-whole")
    thin_out(page)
    assert violations(page) == []
    page.close()


def test_an_edition_on_paper_says_what_its_tables_say_and_is_the_same_each_time(edition: Path, tmp_path: Path) -> None:
    content = json.loads((edition / "assessment.json").read_text(encoding="utf-8"))
    for name in ("one.pdf", "two.pdf"):
        write_pdf(set_assessment(content), tmp_path / name)
    assert (tmp_path / "one.pdf").read_bytes() == (tmp_path / "two.pdf").read_bytes()
    text = text_of(set_assessment(content))
    assert all(f"({one['org_code']})" in text for one in content["declarations"])
    assert all(" ".join(one["why"].split()) in text for one in content["declarations"] if one["why"])
    assert "<b>Trust T00" in text, "a name is text on paper, too"


def test_why_a_declaration_was_not_tested_is_said_once_on_page_and_paper(edition: Path) -> None:
    content = json.loads((edition / "assessment.json").read_text(encoding="utf-8"))
    page = " ".join((edition / "assessment.html").read_text(encoding="utf-8").split())
    paper = text_of(set_assessment(content))
    for said in (page, paper):
        assert said.count("Neither visited nor decided on: it stands as declared.") == 1
        assert said.count("The board declared the lapse itself: it stands as declared.") == 1
    assert "Looked into: 3, by name of the organisation" in page
    assert "Not tested: 17." in page
    assert "1 was upheld by a visit" in page


def test_an_edition_on_paper_names_who_is_not_assessed(edition: Path) -> None:
    content = json.loads((edition / "assessment.json").read_text(encoding="utf-8"))
    paper = text_of(set_assessment(content))
    assert "<i> Its row in organisations was set aside." in paper
