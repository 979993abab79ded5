"""An attacker reads what is published and tries to work out what is withheld.

It shares no code with what withholds: it reads the published JSON, knows how many organisations there are of each type
and which answers each question has, writes down every sum that must hold, and asks a solver for the least and the
greatest number that each withheld count can be.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.optimize import LinearConstraint, milp

from crosscheck.questionnaire import Questionnaire
from crosscheck.report.national.national_report import NationalReport

Figure = dict[str, Any]
Atom = tuple[str, str]

CONTACTED = {"acute": 169, "ambulance": 11, "mental_health": 59, "pct": 153}
ABSENT = ("not_applicable", "not_known", "no_answer", "not_put")
PARTS = ("numerator", "base", *ABSENT)
INSIDE = {"not_applicable": "does not apply", "not_known": "did not know", "no_answer": "gave no answer"}
PROTECTED = 4  # at least five numbers must remain possible
TELLING = {
    "no_response": ("no_answer",),
    "unclear": ("not_known",),
    "not_applicable_or_no_return_or_none_eligible": ("not_applicable", "no_answer", "not_put"),
    "not_applicable_or_none_eligible": ("not_applicable", "not_put"),
}


class Attack:
    """All that can be said of the figures on one question."""

    def __init__(self, figures: list[Figure], levels: tuple[str, ...], *, declarations: bool, reviews: bool) -> None:
        named = (
            {level for figure in figures for level in figure["level"].split("+")} - TELLING.keys() - {"contacted", ""}
        )
        self.answers = tuple(sorted({*levels, *named, *(() if levels else ("otherwise",))}))
        self.declarations = declarations
        kinds = {kind for figure in figures for kind in figure["trust_type"].split("|")} - {"all"}
        self.kinds = tuple(sorted(kinds)) if declarations else tuple(CONTACTED)
        self.place = {
            atom: n for n, atom in enumerate((kind, one) for kind in self.kinds for one in (*self.answers, *ABSENT))
        }
        self.rows: list[np.ndarray] = []
        self.told: list[float] = []
        self.found: dict[bytes, tuple[float, float]] = {}
        if not declarations and not reviews:
            for kind in self.kinds:
                self.say(self.sum_of([kind], (*self.answers, *ABSENT)), CONTACTED[kind])
        for figure in figures:
            for part in PARTS:
                if figure[part] is not None:
                    self.say(self.part(figure, part), figure[part])

    def sum_of(self, kinds: list[str], answers: tuple[str, ...]) -> np.ndarray:
        row = np.zeros(len(self.place))
        for kind in kinds:
            for one in answers:
                row[self.place[kind, one]] = 1
        return row

    def part(self, figure: Figure, part: str) -> np.ndarray:
        kinds = list(self.kinds) if figure["trust_type"] == "all" else figure["trust_type"].split("|")
        if part in ABSENT:
            return self.sum_of(kinds, (part,))
        if part == "base":
            inside = tuple(name for name, words in INSIDE.items() if words in figure["base_rule"])
            return self.sum_of(kinds, (*self.answers, *inside))
        if figure["level"] == "contacted":
            return self.sum_of(kinds, (*self.answers, *ABSENT))
        counted = TELLING.get(figure["level"], tuple(figure["level"].split("+")))
        nested = ("gt_500",) if counted == ("gt_400",) and "gt_500" in self.answers else ()
        return self.sum_of(kinds, (*counted, *nested))

    def say(self, row: np.ndarray, number: float) -> None:
        self.rows.append(row)
        self.told.append(number)

    def bounds(self, aim: np.ndarray) -> tuple[float, float]:
        if aim.tobytes() not in self.found:
            self.found[aim.tobytes()] = self.solve(aim)
        return self.found[aim.tobytes()]

    def solve(self, aim: np.ndarray) -> tuple[float, float]:
        rules = LinearConstraint(np.array(self.rows), self.told, self.told) if self.rows else ()
        ends = [milp(sign * aim, constraints=rules, integrality=np.ones(len(aim))) for sign in (1, -1)]
        assert ends[0].x is not None, "what is published contradicts itself"
        return round(ends[0].fun), np.inf if ends[1].fun is None else -round(ends[1].fun)


def attack(
    figures: dict[str, Figure], truth: dict[str, Figure], questionnaire: Questionnaire
) -> list[tuple[str, str, Any]]:
    """What could be worked out: figure, part, and how; empty where nothing could."""
    groups: dict[str, list[str]] = {}
    for name, figure in figures.items():
        declared = "declaration" if figure["use"] == "declaration" else ""
        period = (figure["period"] or "2008/09") if declared else ""
        known = figure["question_id"] or declared
        if known and (figure["statistic"] not in ("change",)) and (truth[name]["base"] or truth[name]["numerator"]):
            derived = "derived" if truth[name]["unit"].startswith(("children aged", "PCTs")) else ""
            derived = "rate" if truth[name]["statistic"] == "rate" else derived
            derived = "rate" if truth[name]["unit"] == "percent" and "health_visitors" in known else derived
            groups.setdefault(f"{known} {period}{derived}", []).append(name)
    recovered = []
    for group, names in groups.items():
        question = group.split(" ", 1)[0]
        declared = question == "declaration"
        chosen = [
            figures[name] | ({"level": "compliant"} if figures[name]["level"].startswith("printed_as") else {})
            for name in names
        ]
        chosen = [one | ({"level": "received"} if one["level"] == "declarations_received" else {}) for one in chosen]
        levels = ("compliant", "otherwise") if declared else questionnaire[question].levels
        if declared:
            chosen = [one for one in chosen if one["level"] == "compliant"]
        reviews = not declared and questionnaire[question].repeated
        told = Attack(chosen, levels, declarations=declared, reviews=reviews)
        for figure in chosen:
            recovered += list(try_figure(told, figure, truth[figure["figure_id"]]))
    return recovered


def try_figure(told: Attack, figure: Figure, true: Figure) -> list[tuple[str, str, Any]]:
    """Each withheld count: a small one must keep five possible values, any other must not be pinned down."""
    found = []
    for part in PARTS:
        if true[part] is None or figure[part] is not None:
            continue
        low, high = told.bounds(told.part(figure, part))
        assert low <= true[part] <= high
        if high - low < (PROTECTED if 1 <= true[part] <= 4 else 1):
            found.append((figure["figure_id"], part, (low, high)))
    if true["numerator"] is not None and true["base"] and 1 <= true["base"] - true["numerator"] <= 4:
        low, high = told.bounds(told.part(figure, "base") - told.part(figure, "numerator"))
        if high - low < PROTECTED:
            found.append((figure["figure_id"], "others", (low, high)))
    return found


def figures_of(folder: Path) -> dict[str, Figure]:
    return {
        one["figure_id"]: one for one in json.loads((folder / "national.json").read_text(encoding="utf-8"))["figures"]
    }


@pytest.fixture
def folders(internal: tuple[NationalReport, Path], published: Path) -> tuple[Path, Path]:
    return internal[1], published


def test_an_attacker_recovers_no_withheld_count(folders: tuple[Path, Path], questionnaire: Questionnaire) -> None:
    truth, published = figures_of(folders[0]), figures_of(folders[1])
    assert sum(part in figure["withheld"] for figure in published.values() for part in PARTS) > 500
    assert attack(published, truth, questionnaire) == []


def test_withholding_only_the_small_counts_would_give_many_back(
    folders: tuple[Path, Path], questionnaire: Questionnaire
) -> None:
    """The attack works: without what else is withheld, it succeeds."""
    truth = figures_of(folders[0])
    primary = {
        name: figure | {part: None for part in PARTS if figure[part] is not None and 1 <= figure[part] <= 4}
        for name, figure in truth.items()
    }
    exactly = [one for one in attack(primary, truth, questionnaire) if one[2][0] == one[2][1]]
    assert len(exactly) > 100


def test_who_made_no_return_can_not_be_worked_out(folders: tuple[Path, Path]) -> None:
    told = json.loads((folders[1] / "national.json").read_text(encoding="utf-8"))["organisations"]
    rows = {one["kind"]: one for one in told}
    assert rows["ambulance"]["silent"] is None
    assert rows["ambulance"]["responded"] is None
    assert rows["all"]["silent"] is None
    assert rows["ambulance"]["contacted"] == 11
    assert sum(row["silent"] is None for row in rows.values() if row["kind"] != "all") >= 1


def test_a_mean_gives_no_base_back(folders: tuple[Path, Path]) -> None:
    """Means of all and of types but one give the sum of that one: where one is withheld, that of all is too."""
    figures = [one for one in figures_of(folders[1]).values() if one["statistic"] in ("mean", "mean_percent")]
    withheld = {one["question_id"] for one in figures if one["recomputed"] is None}
    assert withheld
    for figure in figures:
        if figure["question_id"] in withheld and re.search(r"all|\|", figure["trust_type"]):
            assert figure["recomputed"] is None, figure["figure_id"]
