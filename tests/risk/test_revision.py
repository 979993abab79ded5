from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner

from crosscheck import settings
from crosscheck.cli import main
from crosscheck.errors import RunError
from crosscheck.risk.model import read_risk_model
from crosscheck.risk.revision import revise, write_version
from tests.risk.invented import MODEL, NO_VISITS, YEAR, invent, visit

STATED = settings.model_file("C2", "visit_risk", "v2")
INVENTED = invent({"figure.0": (0.5, 0.0)}, number=200)


def run_tables() -> dict[str, pl.DataFrame]:
    """A run of which the first half differ on one check, and the model knows nothing else."""
    codes = INVENTED.codes
    identity = {"org_code": codes, "function": "whole"}
    differs = INVENTED.liability > np.median(INVENTED.liability)
    findings = pl.DataFrame(
        identity
        | {"check_id": "C-1", "severity": "high", "verdict": np.where(differs, "differs", "agrees"), "weight": 0.5}
        | {"kind": "declaration_vs_answer", "waived": None}
    )
    parts = pl.DataFrame(identity | {"family": "prior", "part": "prior", "decibans": -8.25})
    beliefs = pl.DataFrame(
        {"org_code": codes, "quality": INVENTED.quality, "shading": INVENTED.shading}
        | dict.fromkeys(("quality_variance", "shading_variance", "covariance"), 0.0)
    )
    loadings = pl.DataFrame(
        {"prior": ["comments"] * 3, "quality": [0.3, 0.2, 0.1], "quality_sd": [0.05] * 3, "shading": [0.0] * 3,
         "shading_sd": [0.0] * 3}
    )  # fmt: skip
    return {"findings": findings, "parts": parts, "beliefs": beliefs, "loadings": loadings}


def dated(visits: pl.DataFrame) -> pl.DataFrame:
    return visits.with_columns(visited_on=pl.lit("2009-08-01").str.to_date())


def test_a_check_that_tells_lapses_apart_is_worth_more_after_the_visits() -> None:
    revision = revise(run_tables(), dated(visit(INVENTED, np.arange(200), "random")), MODEL, YEAR)
    check = revision.rules.row(0, named=True)
    assert check["differ"] + check["agree"] == 200
    assert check["learnt"] > check["stated"]
    assert check["low"] < check["learnt"] < check["high"]


def test_a_run_of_which_nobody_was_visited_teaches_nothing_and_says_so() -> None:
    with pytest.raises(RunError, match="nothing to learn from"):
        revise(run_tables(), NO_VISITS, MODEL, YEAR)


def test_the_new_version_is_a_model_with_every_reason_where_it_stood(tmp_path: Path) -> None:
    revision = revise(run_tables(), dated(visit(INVENTED, np.arange(200), "random")), MODEL, YEAR)
    file = tmp_path / "v3.toml"
    file.write_text(write_version(STATED.read_text(encoding="utf-8"), revision, "v3"), encoding="utf-8")
    learnt = read_risk_model(file)
    assert learnt.version == "v3"
    assert learnt.comments.quality == pytest.approx(0.2)
    assert learnt.comments.reason == MODEL.comments.reason
    assert learnt.prior.visits == 350
    assert "200 visits" in learnt.fitted_to
    assert tomllib.loads(file.read_text(encoding="utf-8"))["facts"] == MODEL.facts


def test_before_and_after_are_told_with_intervals() -> None:
    revision = revise(run_tables(), dated(visit(INVENTED, np.arange(200), "random")), MODEL, YEAR)
    text = write_version(STATED.read_text(encoding="utf-8"), revision, "v3")
    assert "# link.quality" in text
    assert "0.750 ( 0.586 to  0.914)  ->" in text


def test_a_run_can_be_taught_from_the_command_line(tmp_path: Path, collection_folder: Path, national_run: Path) -> None:
    run, out = national_run, tmp_path / "v3.toml"
    visits = str(collection_folder / "visits_wave_1.csv")
    told = CliRunner().invoke(main, ["learn", str(run), "--visits", visits, "--out", str(out)])
    assert told.exit_code == 0, told.output
    assert "Learnt from 60 visits" in told.output
    again = CliRunner().invoke(main, ["learn", str(run), "--visits", visits, "--out", str(out)])
    assert again.exit_code != 0
    assert "never changes" in again.output


@pytest.mark.parametrize(
    ("column", "value", "told"),
    [("finding", "maybe", "one of upheld, qualified"), ("visited_on", "soon", "2009-07-27"), ("org_code", "", "empty")],
)
def test_visits_that_cannot_be_used_are_told_by_row(tmp_path: Path, column: str, value: str, told: str) -> None:
    row = {"org_code": "R01", "function": "whole", "year": YEAR, "selected_by": "random", "visited_on": "2009-08-01",
           "finding": "upheld"}  # fmt: skip
    file = tmp_path / "visits.csv"
    pl.DataFrame([row | {column: value}]).write_csv(file)
    output = CliRunner().invoke(main, ["learn", str(_empty_run(tmp_path)), "--visits", str(file)]).output
    assert f"row 2, {column}" in output
    assert told in output


def _empty_run(folder: Path) -> Path:
    run = folder / "run"
    run.mkdir()
    manifest = '{"options": {"standard": "C2", "year": "2008/09"}, "models": {"visit_risk": {"version": "v2"}}}'
    (run / "manifest.json").write_text(manifest, encoding="utf-8")
    for name, table in run_tables().items():
        table.write_parquet(run / f"{name}.parquet")
    return run


def test_a_check_that_only_asks_is_stated_as_worth_nothing_and_a_waived_finding_teaches_nothing() -> None:
    run = run_tables()
    found = dated(visit(INVENTED, np.arange(200), "random"))
    asking = run | {"findings": run["findings"].with_columns(kind=pl.lit("response_pattern"))}
    weighing, only_asking = (revise(tables, found, MODEL, YEAR).rules.row(0, named=True) for tables in (run, asking))
    assert (weighing["stated"], only_asking["stated"]) == (6.0, 0.0)
    assert only_asking["learnt"] < weighing["learnt"]
    waived = run["findings"].with_columns(waived=pl.lit("Waived by A"))
    assert revise(run | {"findings": waived}, found, MODEL, YEAR).rules.is_empty()
