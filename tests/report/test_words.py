"""What people read is in the questionnaire's words: no name of the code, no unit read as a trust's type, no raw day."""

from __future__ import annotations

import html
import re
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

from crosscheck.cli import main
from crosscheck.questionnaire import Questionnaire
from crosscheck.report.dossier.evidence import list_accounts

LABELS = {
    "training.level1_pct": "Of the staff eligible for level 1 training, what percentage were up to date?",
    "lscb_record.attendance_pct": "Board meetings that the organisation attended",
    "returned.adverse_share": "share of its answers at the worst",
    "case_reviews.pct_coordinated": "Did the PCT coordinate?",
}


@pytest.mark.parametrize(
    ("evidence", "accounts"),
    [
        (
            "training.level1_pct = 41%; lscb_record.attendance_pct = 83.3%",
            [(LABELS["training.level1_pct"], "41%"), ("Board meetings that the organisation attended:", "83.3%")],
        ),
        (
            "provider RZM: training.level1_pct = 18%, organisation.org_type = acute",
            [
                (f"Its provider RZM: {LABELS['training.level1_pct']}", "18%"),
                ("Its provider RZM: organisation, org type:", "acute"),
            ],
        ),
        (
            "other_party R7V: this_review.case_reviews.pct_coordinated = yes, case_reviews.pct_coordinated = no",
            [
                ("In the same case review, R7V: Did the PCT coordinate?", "yes"),
                ("In the same case review, R7V: Did the PCT coordinate?", "no"),
            ],
        ),
        ("provider: none of 3 known", [("Its provider:", "none of 3 known")]),
        (
            "peers.percentile(returned.adverse_share) = 0.997",
            [
                (
                    "share of its answers at the worst: place among organisations of its type "
                    "(0 the lowest, 1 the highest):",
                    "0.997",
                )
            ],
        ),
        (
            "declared.statement = Compliant; reviewed by: the committee.",
            [("declared, statement:", "Compliant; reviewed by: the committee.")],
        ),
    ],
)
def test_evidence_is_taken_apart_into_questions_and_answers(evidence: str, accounts: list[tuple[str, str]]) -> None:
    assert list(list_accounts(evidence, LABELS)) == accounts


def test_no_percentage_is_called_a_primary_care_trust(national_run: Path, questionnaire: Questionnaire) -> None:
    answered = re.compile(r"(?<!the )(?<!a )primary care trust(?:</[a-z]+>)?: *(?:<strong>)?(?:\d|no|yes|none)")
    for page in sorted((national_run / "dossiers").glob("*.html")):
        assert not answered.search(page.read_text(encoding="utf-8")), page
    question = next(one for one in questionnaire if one.question_id == "training.level1_pct")
    findings = pl.read_parquet(national_run / "findings.parquet").filter(
        (pl.col("verdict").cast(pl.String) == "differs") & pl.col("evidence").str.contains("^training.level1_pct = ")
    )
    code, function, evidence = findings.select("org_code", "function", "evidence").row(0)
    value = evidence.split(";")[0].removeprefix("training.level1_pct = ")
    asked = ["explain", code, "--function", function, "--all", "--run", str(national_run)]
    explained = " ".join(CliRunner().invoke(main, asked).output.split())
    assert f"Rests on: {question.text} {value}" in explained
    page = html.unescape((national_run / "dossiers" / f"{code}.html").read_text(encoding="utf-8"))
    assert f"<li>{question.text} <strong>{value}</strong></li>" in page


def test_a_question_that_is_asked_of_two_reviews_says_which(national_run: Path, tmp_path: Path) -> None:
    parts = pl.read_parquet(national_run / "parts.parquet").filter(pl.col("part").str.starts_with("review"))
    for number, words in (("1", "the first of the two reviews"), ("2", "the second of the two reviews")):
        reasons = parts.filter(pl.col("part").str.starts_with(f"review{number}."))["reason"]
        assert reasons.len()
        assert reasons.str.contains(words, literal=True).all()
    evidence = pl.col("evidence").str.contains("review1.", literal=True)
    found = pl.read_parquet(national_run / "findings.parquet").filter(
        evidence & (pl.col("verdict").cast(pl.String) == "differs") & (pl.col("severity").cast(pl.String) == "high")
    )
    chosen = pl.read_parquet(national_run / "visit_list.parquet").filter(pl.col("selected_by").is_not_null())
    code = found.join(chosen, on=["org_code", "function"], how="semi").sort("weight", descending=True)["org_code"][0]
    packs = tmp_path / "packs"
    told = CliRunner().invoke(
        main, ["visits", "packs", "--run", str(national_run), "--only", code, "--out", str(packs)]
    )
    assert told.exit_code == 0, told.output
    pack = (packs / f"{code}.html").read_text(encoding="utf-8")
    for asked in re.findall(r"For each of the two most recent[^<]*\?([^<]*)", pack):
        assert asked.startswith((" (the first of the two reviews)", " (the second of the two reviews)")), asked


def test_no_page_for_people_writes_a_day_as_a_machine_does(national_run: Path) -> None:
    for page in (*(national_run / "dossiers").glob("*.html"), national_run / "follow_up.html"):
        text = page.read_text(encoding="utf-8").split('id="problems"')[0]  # there what stood in a file stands as it was
        visible = re.sub(r"<(script|style)\b.*?</\1>", "", text, flags=re.S)
        assert not re.search(r"\b(?:19|20)\d\d-[01]\d-[0-3]\d\b", visible), page
