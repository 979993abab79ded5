"""A small made-up catalogue of names, and rules written on it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from crosscheck.cases.cases import Name
from crosscheck.rulebook.load import load_rulebook
from crosscheck.rulebook.rule import Rulebook
from crosscheck.vocabulary import ABSENCE, ABSENCES, ORG_TYPES, STATUSES, WHY_ABSENT

CHECKS = ("not_all", "all_since_2002", "all_staff")
NAMES = {
    name.name: name
    for name in (
        Name("declared.status", "choice", "what the declaration says", STATUSES),
        Name("declared.lapse_from", "date", "first day of the period declared not met"),
        Name("declared.statement", "text", "free text with the declaration"),
        Name("organisation.org_type", "choice", "type of organisation", ORG_TYPES),
        Name("organisation.staff_wte", "number", "staff", unit="whole-time equivalent"),
        Name("service.maternity", "flag", "provides maternity"),
        Name("staffing.checks", "ordinal", "whose records were checked", CHECKS, absences=True),
        Name("staffing.recheck", "ordinal", "whose records were checked again", CHECKS, absences=True),
        Name("staffing.lead", "choice", "who leads", ("nurse", "doctor"), absences=True),
        Name("staffing.policy", "choice", "whether there is a policy", ("no", "yes"), absences=True),
        Name("staffing.days", "number", "protected time", unit="days per week", absences=True),
        Name("staffing.trained_pct", "number", "trained", unit="percent of eligible staff", absences=True),
        Name("review1.cases.changes", "choice", "changes (the first of the two reviews)", ("no", "yes"), absences=True),
        Name(
            "review2.cases.changes", "choice", "changes (the second of the two reviews)", ("no", "yes"), absences=True
        ),
        Name("figures.turnover_pct", "number", "figure from another source"),
    )
}

RULE = """
id = "STD-HR-01"
title = "All staff appointed since 2002 have been checked"
kind = "declaration_vs_answer"
applies_to = { declared = ["compliant"], org_type = ["acute", "pct"], function = ["whole", "provider"] }
expects = 'staffing.checks >= "all_since_2002"'
severity = "high"
strength = "statutory"
basis = "The Act of 2002"
source = "review, section 3"
finding = "The trust answered that its checks cover: {staffing.checks}."
explanations = ["Staff on long leave"]
lines_of_enquiry = ["See the register"]
group = "recruitment"
covers = ["C039"]
expectations = ["exp_checks"]
checked_on = 2026-11-22

[[example]]
name = "an organisation that checked everyone agrees"
given = { "staffing.checks" = "all_staff" }
verdict = "agrees"

[[example]]
name = "an organisation that left some out differs"
given = { "staffing.checks" = "not_all" }
verdict = "differs"

[[example]]
name = "an organisation that did not answer cannot be told"
given = {}
verdict = "cannot_tell"
"""


@pytest.fixture
def names() -> dict[str, Name]:
    return NAMES


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A standard's folder with one good rule."""
    folder = tmp_path / "rules" / "std"
    (folder / "staffing").mkdir(parents=True)
    (folder / "staffing" / "STD-HR-01.toml").write_text(RULE, encoding="utf-8")
    return folder


@pytest.fixture
def rulebook_with(folder: Path) -> Callable[..., Rulebook]:
    """Load the one rule with some of its text replaced."""

    def load(*replacements: tuple[str, str]) -> Rulebook:
        text = RULE
        for before, after in replacements:
            assert before in text
            text = text.replace(before, after)
        (folder / "staffing" / "STD-HR-01.toml").write_text(text, encoding="utf-8")
        return load_rulebook(folder, NAMES)

    return load


@pytest.fixture
def cases(names: dict[str, Name]) -> Callable[..., pl.DataFrame]:
    """Cases of which only some things are known; an absence is given by its own word, the rest is not answered."""

    def build(*known: dict[str, Any]) -> pl.DataFrame:
        usual = {"declared.status": "compliant", "organisation.org_type": "acute", "function": "whole"}
        rows = [usual | row for row in known]
        columns = {
            "org_code": pl.Series([row.get("org_code", f"R{at}") for at, row in enumerate(rows)], dtype=pl.String),
            "function": pl.Series([row["function"] for row in rows], dtype=pl.String),
        }
        for name in names.values():
            given = [row.get(name.name) for row in rows]
            values = [None if value in ABSENCES else value for value in given]
            columns[name.name] = pl.Series(values, dtype=name.dtype)
            if name.absences:
                why = [
                    None if value is not None else absent or "no_answer"
                    for value, absent in zip(values, given, strict=True)
                ]
                columns[name.name + WHY_ABSENT] = pl.Series(why, dtype=ABSENCE)
        return pl.DataFrame(columns)

    return build
