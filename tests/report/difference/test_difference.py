"""The difference of two runs: known changes, each put down to what it was, and all of it adding up."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner
from playwright.sync_api import Browser

from crosscheck.cli import main
from crosscheck.report.difference.difference import COLUMNS, Difference, compare_runs
from tests.conftest import ROOT
from tests.looking import WIDTHS, open_page, overflow, thin_out, violations

KEYS = ["org_code", "function"]
QUESTION = "audit.documentation"
RULE = "C2-GOV-02"


@pytest.fixture(scope="module")
def folder(few: Path, run_of_few: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs of few organisations: as it is, and with known things changed."""
    folder = tmp_path_factory.mktemp("runs")
    other = shutil.copytree(few, folder / "other")
    answers = pl.read_csv(other / "answers.csv", infer_schema=False)
    code = answers.filter(pl.col("question_id") == QUESTION, pl.col("answer") == "no")["org_code"][0]
    asked = (pl.col("org_code") == code) & (pl.col("question_id") == QUESTION)
    changed = pl.when(asked).then(pl.lit("yes")).otherwise("answer")
    answers.with_columns(answer=changed).write_csv(other / "answers.csv")
    (folder / "code.txt").write_text(code)
    home = folder / "home"
    for name in ("data", "models", "rules"):
        shutil.copytree(ROOT / name, home / name, ignore=shutil.ignore_patterns("england*"))
    next(home.rglob(f"{RULE}.toml")).unlink()
    (folder / "as_it_is").symlink_to(run_of_few)
    make(folder / "answer", other)
    make(folder / "rule", few, home)
    make(folder / "answer_and_rule", other, home)
    make(folder / "weights", few, reweighed(folder / "reweighed"))
    make(folder / "capacity", few, None, "--capacity", "3")
    return folder


def reweighed(home: Path) -> Path:
    """A home with a new version of the weights, in which one more in twenty is expected not to be upheld."""
    for name in ("data", "models", "rules"):
        shutil.copytree(ROOT / name, home / name, ignore=shutil.ignore_patterns("england*"))
    weights = home / "models" / "c2" / "visit_risk"
    stated = (weights / "v3.toml").read_text(encoding="utf-8").replace('version = "v3"', 'version = "v9"')
    share = next(line for line in stated.splitlines() if line.startswith("found_share"))
    (weights / "v9.toml").write_text(stated.replace(share, "found_share = 0.18"), encoding="utf-8")
    return home


def make(out: Path, collection: Path, home: Path | None = None, *options: str) -> None:
    arguments = ["run", str(collection), "--year", "2008/09", "--no-pages", "--out", str(out), *options]
    told = CliRunner().invoke(main, arguments, env={"CROSSCHECK_HOME": str(home) if home else None})
    assert told.exit_code == 0, told.output


def between(folder: Path, name: str) -> Difference:
    return compare_runs(folder / "as_it_is", folder / name)


def total(run: Path) -> pl.DataFrame:
    return pl.read_parquet(run / "parts.parquet").group_by(KEYS).agg(total=pl.col("decibans").sum())


@pytest.mark.parametrize("name", ["answer", "rule", "answer_and_rule", "weights", "capacity"])
def test_what_the_causes_moved_adds_up_to_the_whole_change(folder: Path, name: str) -> None:
    moved = between(folder, name).movements
    change = total(folder / "as_it_is").join(total(folder / name), on=KEYS, suffix="_after")
    held = moved.join(change, on=KEYS, validate="1:1")
    assert held.height == moved.height > 20
    whole = pl.col("total_after") - pl.col("total")
    assert held.select((whole - pl.col("change")).abs().max()).item() < 1e-5
    assert held.select((whole - pl.sum_horizontal(COLUMNS)).abs().max()).item() < 1e-5
    assert moved["unexplained"].abs().max() == 0


@pytest.mark.parametrize(("name", "cause"), [("answer", "inputs"), ("rule", "rules"), ("weights", "models")])
def test_a_single_thing_changed_moved_everything(folder: Path, name: str, cause: str) -> None:
    difference = between(folder, name)
    assert [part for part, same in difference.same.items() if not same] == [cause]
    assert difference.parts["cause"].unique().to_list() == [cause]
    assert difference.movements["change"].abs().max() > 1e-3


def test_one_answer_is_the_own_evidence_of_nobody_else(folder: Path) -> None:
    own = between(folder, "answer").parts.filter("own", pl.col("family") == "answers")
    assert own["part"].unique().to_list() == [QUESTION]
    assert own["org_code"].unique().to_list() == [(folder / "code.txt").read_text()]


def test_an_answer_and_a_rule_changed_at_once_are_told_apart_where_they_can_be(folder: Path) -> None:
    parts, code = between(folder, "answer_and_rule").parts, (folder / "code.txt").read_text()
    of_rule = parts.filter(pl.col("part") == RULE)
    of_answer = parts.filter(pl.col("part") == QUESTION, pl.col("org_code") == code)
    assert of_rule["cause"].unique().to_list() == ["rules"]
    assert of_answer["cause"].unique().to_list() == ["inputs"]
    others = parts.filter(pl.col("family") == "figures", ~pl.col("own"))
    assert others["cause"].unique().to_list() == ["together"], "what is learnt of all follows from both"
    assert parts.filter(pl.col("family") == "prior")["cause"].unique().to_list() == ["together"]


def test_what_changed_is_named_rule_by_rule_and_option_by_option(folder: Path) -> None:
    assert between(folder, "rule").changes.rows() == [("rules", f"rules/c2/governance/{RULE}.toml", "removed")]
    assert between(folder, "capacity").changes.rows() == [("options", "capacity", "60 → 3")]
    assert ("models", "models/c2/visit_risk/v9.toml", "added") in between(folder, "weights").changes.rows()


def test_fewer_visits_move_nobody_and_leave_some_out(folder: Path) -> None:
    difference = between(folder, "capacity")
    assert difference.parts.is_empty()
    assert difference.movements["places"].abs().max() == 0
    left = difference.movements.filter(pl.col("selected_before").is_not_null() & pl.col("selected_after").is_null())
    assert left.height > 5


def test_a_run_differs_in_nothing_from_itself(folder: Path) -> None:
    difference = compare_runs(folder / "rule", folder / "rule")
    assert all(difference.same.values())
    assert difference.parts.is_empty()
    assert difference.changes.is_empty()
    assert difference.alone.is_empty()


def test_a_declaration_of_one_run_only_is_told_and_not_compared(folder: Path, tmp_path: Path) -> None:
    fewer = shutil.copytree(folder / "as_it_is", tmp_path / "fewer")
    listed = pl.read_parquet(fewer / "visit_list.parquet")
    listed[1:].write_parquet(fewer / "visit_list.parquet")
    parts = pl.read_parquet(fewer / "parts.parquet")
    parts.join(listed[:1], on=KEYS, how="anti").write_parquet(fewer / "parts.parquet")
    difference = compare_runs(folder / "as_it_is", fewer)
    assert difference.alone.select(*KEYS, "in").rows() == [(*listed.select(KEYS).row(0), "before")]
    assert difference.movements.height == listed.height - 1


@pytest.mark.parametrize("name", ["answer_and_rule", "capacity"])
def test_the_page_can_be_read_by_everybody(folder: Path, name: str, browser: Browser, tmp_path: Path) -> None:
    arguments = ["runs", "diff", str(folder / "as_it_is"), str(folder / name), "--out", str(tmp_path / "difference")]
    assert CliRunner().invoke(main, arguments).exit_code == 0
    for width in WIDTHS:
        page = open_page(browser, tmp_path / "difference" / "difference.html", width)
        assert overflow(page) <= 0
        thin_out(page)
        assert violations(page) == []
        page.close()


def test_the_command_says_it_as_table_json_and_csv(folder: Path) -> None:
    asked = ["runs", "diff", str(folder / "as_it_is"), str(folder / "answer")]
    assert "NOT THE SAME  inputs" in CliRunner().invoke(main, asked).output
    told = json.loads(CliRunner().invoke(main, [*asked, "--format", "json"]).output)
    assert [row["change"] for row in told["declarations"]] == between(folder, "answer").movements["change"].to_list()
    assert CliRunner().invoke(main, [*asked, "--format", "csv"]).output.startswith("org_code,function,name")
    assert CliRunner().invoke(main, [*asked[:3], str(folder)]).exit_code == 6
