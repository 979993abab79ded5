from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from crosscheck.errors import RulebookError
from crosscheck.rulebook.coverage import COLUMNS, read_coverage
from crosscheck.rulebook.rule import Rulebook

ROWS = (
    "C039,candidate,rule,STD-HR-01,",
    "exp_checks,expectation,merged,STD-HR-01,",
    "C040,candidate,declined,,as C039",
)


@pytest.fixture
def rulebook(rulebook_with: Callable[[], Rulebook]) -> Rulebook:
    return rulebook_with()


def table(folder: Path, *rows: str) -> Path:
    file = folder / "coverage.csv"
    file.write_text("\n".join((",".join(COLUMNS), *rows)) + "\n", encoding="utf-8")
    return file


def test_a_table_that_agrees_with_the_rules_is_read_as_it_stands(tmp_path: Path, rulebook: Rulebook) -> None:
    coverage = read_coverage(table(tmp_path, *ROWS), rulebook)
    assert [",".join(row) for row in coverage.rows()] == list(ROWS)


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        (ROWS[1:], "C039: the table and the rule files differ on STD-HR-01."),
        ((*ROWS, "C041,candidate,merged,STD-HR-01,"), "C041: the table and the rule files differ on STD-HR-01."),
        ((*ROWS, "C041,candidate,merged,STD-HR-09,"), "C041: the table and the rule files differ on STD-HR-09."),
        ((*ROWS, "C041,candidate,declined,,"), "C041: what is declined has a reason and no rule, all else has a rule."),
        ((*ROWS, "C041,candidate,rule,,why"), "C041: what is declined has a reason and no rule, all else has a rule."),
        ((*ROWS[1:], "C039,candidate,declined,STD-HR-01,why"), "C039: what is declined has a reason and no rule"),
        ((*ROWS, "C041,candidate,dropped,,why"), "C041: allowed are candidate, expectation, and as outcome rule,"),
        ((*ROWS, "C041,idea,declined,,why"), "C041: allowed are candidate, expectation"),
        ((*ROWS, ROWS[0]), "C039: stands here more than once."),
    ],
)
def test_where_table_and_rules_part_it_is_told(
    rows: tuple[str, ...], told: str, tmp_path: Path, rulebook: Rulebook
) -> None:
    with pytest.raises(RulebookError) as caught:
        read_coverage(table(tmp_path, *rows), rulebook)
    assert any(problem.startswith(f"coverage.csv, {told}") for problem in caught.value.problems), caught.value


def test_a_standard_without_a_table_says_so(tmp_path: Path, rulebook: Rulebook) -> None:
    with pytest.raises(RulebookError, match="there is no table"):
        read_coverage(tmp_path / "coverage.csv", rulebook)


def test_a_table_that_lacks_a_column_is_told(tmp_path: Path) -> None:
    file = tmp_path / "coverage.csv"
    file.write_text("item,what,outcome\nC001,candidate,rule\n", encoding="utf-8")
    with pytest.raises(RulebookError, match=r"coverage\.csv: these columns are missing: rules, reason\."):
        read_coverage(file, Rulebook({}, ""))
