"""Learning from a run: a new version says what it was learnt from, and nothing is counted twice."""

from __future__ import annotations

import tomllib
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

from crosscheck import settings
from crosscheck.cli import main
from crosscheck.collection.read import Collection, read_collection
from crosscheck.contract.inputs import INPUTS
from crosscheck.errors import RunError
from crosscheck.pipeline import Outcome, cross_check
from crosscheck.risk.model import read_risk_model
from crosscheck.risk.revision import hash_evidence, hash_visits, leave_out, revise, write_version
from crosscheck.standard import Standard
from crosscheck.visits.listing import all_visits
from crosscheck.visits.plan import Capacity
from tests.few import cut_collection, organisations

YEAR = "2008/09"
STATED = settings.model_file("C2", "visit_risk", "v3")


@pytest.fixture(scope="module")
def collection(standard: Standard, tmp_path_factory: pytest.TempPathFactory) -> Collection:
    third = organisations()["org_code"][::3].to_list()
    return read_collection(
        cut_collection(tmp_path_factory.mktemp("third") / "in", third), standard.questionnaire, YEAR, "C2"
    )


@pytest.fixture(scope="module")
def outcome(collection: Collection, standard: Standard) -> Outcome:
    return cross_check(collection, standard, YEAR, Capacity(0, 0.0, 0))


@pytest.fixture(scope="module")
def version(
    collection: Collection, outcome: Outcome, standard: Standard, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    visits = all_visits(collection.tables, "C2")
    revision = revise(outcome.risk, visits, outcome.items, standard.risk)
    file = tmp_path_factory.mktemp("version") / "v4.toml"
    file.write_text(write_version(STATED.read_text(encoding="utf-8"), revision, "v4"), encoding="utf-8")
    return file


def test_a_version_is_a_model_like_any_other_and_names_what_it_was_learnt_from(
    version: Path, collection: Collection, outcome: Outcome
) -> None:
    model = read_risk_model(version)
    visits = all_visits(collection.tables, "C2")
    assert model.version == "v4"
    assert set(model.visits_learnt_from) == set(hash_visits(visits).to_list())
    assert model.evidence_learnt_from == hash_evidence(outcome.items)
    assert f"{visits.height} visits" in model.fitted_to


def test_every_number_that_was_learnt_is_in_the_version_with_its_reason(version: Path, outcome: Outcome) -> None:
    model, learnt = read_risk_model(version), outcome.risk.from_visits
    assert model.link.quality == pytest.approx(learnt.link, abs=0.001)
    assert model.prior.found_share == pytest.approx(outcome.risk.prevalence.found, abs=0.001)
    assert set(model.named_checks) == set(learnt.weights["check_id"])
    weights = dict(learnt.weights.select("check_id", "decibans").iter_rows())
    assert all(check.decibans == pytest.approx(weights[name], abs=0.001) for name, check in model.named_checks.items())
    loadings = dict(outcome.risk.loadings.select("item", "quality_loading").iter_rows())
    assert model.questions["training.level1_pct"].loading == pytest.approx(loadings["training.level1_pct"], abs=0.001)
    assert all(named.reason for named in (*model.questions.values(), *model.named_figures.values()))


def test_the_reasons_of_what_was_not_learnt_stay_where_they_were(version: Path) -> None:
    before, after = (tomllib.loads(file.read_text(encoding="utf-8")) for file in (STATED, version))
    for section in ("visitors", "history", "limits", "facts", "silence", "comments"):
        assert after[section] == before[section]


def test_a_run_with_the_version_learns_nothing_from_the_same_visits_and_answers_again(
    version: Path, collection: Collection, standard: Standard, outcome: Outcome
) -> None:
    model = read_risk_model(version)
    again = cross_check(collection, standard.with_risk(model), YEAR, Capacity(0, 0.0, 0))
    assert again.risk.from_visits.visits == 0
    assert again.risk.prevalence.visits == 0
    assert again.risk.fitted.steps == 0, "the loadings are those of the version"
    assert again.risk.from_visits.link == pytest.approx(outcome.risk.from_visits.link, abs=0.001)
    both = outcome.visit_list.join(again.visit_list, on=["org_code", "function"], suffix="_again")
    untested = both.filter(pl.col("pool") == "to_visit")
    assert untested.select(pl.corr("risk", "risk_again")).item() > 0.95


def test_what_is_new_is_learnt_from(version: Path, collection: Collection) -> None:
    model = read_risk_model(version)
    visits = all_visits(collection.tables, "C2")
    later = visits.head(3).with_columns(visited_on=pl.lit("2009-12-01").str.to_date())
    assert leave_out(pl.concat([visits, later]), model).equals(later)
    assert leave_out(visits, model).is_empty()


def test_a_visit_counts_as_known_whatever_the_order_and_the_further_columns(collection: Collection) -> None:
    visits = all_visits(collection.tables, "C2")
    turned = visits.reverse().with_columns(assessor=pl.lit("A000"))
    assert hash_visits(turned).to_list() == hash_visits(visits).to_list()[::-1]


def test_without_a_new_visit_nothing_is_learnt_and_it_says_so(outcome: Outcome, standard: Standard) -> None:
    with pytest.raises(RunError, match="Nothing is learnt"):
        revise(outcome.risk, INPUTS["visits"].empty(), outcome.items, standard.risk)


def test_a_second_revision_replaces_the_comparison_and_keeps_both_sources(
    version: Path, collection: Collection, outcome: Outcome, standard: Standard
) -> None:
    visits = all_visits(collection.tables, "C2").head(2).with_columns(visited_on=pl.lit("2010-01-04").str.to_date())
    revision = revise(outcome.risk, visits, outcome.items, read_risk_model(version))
    text = write_version(version.read_text(encoding="utf-8"), revision, "v5")
    assert text.count("# Learnt from") == 1
    assert set(read_risk_model(version).visits_learnt_from) < set(tomllib.loads(text)["visits_learnt_from"])


def test_the_command_writes_the_version_and_refuses_to_overwrite_one(run_of_few: Path, tmp_path: Path) -> None:
    file = tmp_path / "v4.toml"
    done = CliRunner().invoke(main, ["learn", "--run", str(run_of_few), "--out", str(file)])
    assert done.exit_code == 0, done.output
    assert "link.quality" in done.output
    assert read_risk_model(file).version == "v4"
    refused = CliRunner().invoke(main, ["learn", "--run", str(run_of_few), "--out", str(file)])
    assert refused.exit_code == 7
    assert "never changes" in refused.output


def test_former_versions_are_refused_with_the_program_that_reads_them() -> None:
    for version in ("v1", "v2"):
        done = CliRunner().invoke(
            main, ["run", "data/england-2008-09", "--year", YEAR, "--out", "nowhere", "--risk-model", version]
        )
        assert done.exit_code == 5
        assert "is read by crosscheck 0.1.0" in done.output
