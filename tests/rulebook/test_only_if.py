"""Where a rule has a premise, it applies only where that holds."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from crosscheck.cases.cases import Name
from crosscheck.rulebook.evaluate import evaluate
from crosscheck.rulebook.load import load_rulebook
from crosscheck.vocabulary import ABSENCE, STATUS

NAMES = {
    name.name: name
    for name in (
        Name("declared.status", "choice", "what is declared", ("compliant", "not_met", "insufficient_assurance")),
        Name("organisation.org_type", "choice", "type", ("acute", "ambulance", "mental_health", "pct")),
        Name("training.level1_pct", "number", "level 1", unit="percent", absences=True),
        Name("training.plan", "choice", "a plan", ("no", "yes"), absences=True),
    )
}
RULE = """
id = "C9-TRN-01"
title = "At least half are trained"
kind = "declaration_vs_answer"
applies_to = { declared = ["compliant"] }
only_if = 'training.plan == "yes" or training.level1_pct >= 20'
expects = 'training.level1_pct >= 50'
severity = "medium"
strength = "good_practice"
basis = "made up"
source = "made up"
finding = "Only {training.level1_pct} are trained."
explanations = ["made up"]
lines_of_enquiry = ["made up"]
group = "training"
covers = []
expectations = []
checked_on = 2026-11-22

[[example]]
name = "most are trained"
given = { "training.level1_pct" = 75 }
verdict = "agrees"

[[example]]
name = "a third are trained"
given = { "training.level1_pct" = 33 }
verdict = "differs"

[[example]]
name = "nothing is known"
given = {}
verdict = "cannot_tell"
"""


@pytest.mark.parametrize(
    ("level1", "plan", "verdict", "wanting"),
    [
        (75.0, "no", "agrees", None),
        (33.0, "no", "differs", None),
        (10.0, "no", "not_applicable", None),
        (10.0, "yes", "differs", None),
        (10.0, None, "cannot_tell", ["training.plan"]),
        (None, "yes", "cannot_tell", ["training.level1_pct"]),
        (None, "no", "cannot_tell", ["training.level1_pct"]),
        (None, None, "cannot_tell", ["training.plan", "training.level1_pct"]),
    ],
)
def test_a_rule_applies_only_where_its_premise_holds(
    level1: float | None, plan: str | None, verdict: str, wanting: list[str] | None, tmp_path: Path
) -> None:
    folder = tmp_path / "rules" / "c9"
    (folder / "training").mkdir(parents=True)
    (folder / "training" / "C9-TRN-01.toml").write_text(RULE, encoding="utf-8")
    case = pl.DataFrame(
        {
            "org_code": ["R01"],
            "function": ["whole"],
            "declared.status": pl.Series(["compliant"], dtype=STATUS),
            "organisation.org_type": ["acute"],
            "training.level1_pct": pl.Series([level1], dtype=pl.Float64),
            "training.level1_pct?": pl.Series([None if level1 is not None else "no_answer"], dtype=ABSENCE),
            "training.plan": pl.Series([plan], dtype=pl.Enum(["no", "yes"])),
            "training.plan?": pl.Series([None if plan else "not_known"], dtype=ABSENCE),
        }
    )
    finding = evaluate(case, load_rulebook(folder, NAMES)).row(0, named=True)
    assert finding["verdict"] == verdict
    assert finding["open_questions"] == wanting
