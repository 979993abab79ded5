from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from crosscheck.collection.read import read_collection
from crosscheck.errors import RunError
from crosscheck.questionnaire import Questionnaire
from crosscheck.simulation.chance import Chance
from crosscheck.simulation.margins import Target
from crosscheck.simulation.model import Number, SimulationModel, WorldPlan
from crosscheck.simulation.visits import visit
from crosscheck.simulation.world import World, build_world
from crosscheck.simulation.write import write_world

_WHAT_IS_TRUE = {
    *("standard_met", "upheld", "shortfall", "unmeasured", "candour", "misjudgement"),
    *("breached", "admitted", "mistaken", "withheld", "effect"),
}


def _written(world: World, folder: Path, model: SimulationModel) -> Path:
    write_world(world, folder, WorldPlan(model), seed=11)
    return folder


def test_a_world_reads_back_as_it_was_made_and_nothing_is_wrong_with_it(
    world: World, model: SimulationModel, questionnaire: Questionnaire, tmp_path: Path
) -> None:
    read = read_collection(_written(world, tmp_path / "invented", model), questionnaire)
    assert read.problems.is_empty()
    assert read.absent == ()
    assert set(read.tables) == {*world.tables, "visit_items", "resolved"}
    for name, table in world.tables.items():
        assert_frame_equal(table, read.tables[name])


def test_the_same_seed_gives_the_same_bytes(
    world: World,
    model: SimulationModel,
    questionnaire: Questionnaire,
    targets: dict[str, list[Target]],
    tmp_path: Path,
) -> None:
    again = build_world(WorldPlan(model), questionnaire, targets, seed=11)
    first, second = (_written(made, tmp_path / name, model) for name, made in (("a", world), ("b", again)))
    files = sorted(file.relative_to(first) for file in first.rglob("*") if file.is_file())
    assert len(files) == 14
    for file in files:
        assert (first / file).read_bytes() == (second / file).read_bytes()


def test_another_seed_gives_another_world(
    world: World, model: SimulationModel, questionnaire: Questionnaire, targets: dict[str, list[Target]]
) -> None:
    other = build_world(WorldPlan(model), questionnaire, targets, seed=12)
    assert not other.truth.equals(world.truth)
    assert not other.tables["answers"].equals(world.tables["answers"])


def test_what_is_true_stands_in_no_table(world: World) -> None:
    for name, table in world.tables.items():
        assert not _WHAT_IS_TRUE & set(table.columns), name
    hidden = [world.truth[name].to_numpy() for name in ("shortfall", "unmeasured", "candour", "misjudgement")]
    shown = [
        table[name] for table in world.tables.values() for name in table.columns if table[name].dtype == pl.Float64
    ]
    for column in shown:
        for truth in hidden:
            assert not np.isin(column.drop_nulls().to_numpy(), truth).any()


def test_what_is_true_is_written_apart_and_the_folder_says_that_it_is_invented(
    world: World, model: SimulationModel, tmp_path: Path
) -> None:
    folder = _written(world, tmp_path / "invented", model)
    assert (folder / "README.md").read_text(encoding="utf-8").startswith("# INVENTED")
    assert pl.read_csv(folder / "truth" / "truth.csv").height == world.truth.height
    assert pl.read_csv(folder / "truth" / "breaches.csv").height == world.breaches.height
    assert not (folder / "truth.csv").exists()


def test_every_organisation_board_and_region_bears_in_its_name_that_it_is_invented(world: World) -> None:
    organisations, bodies = world.tables["organisations"], world.tables["bodies"]
    assert organisations["name"].is_unique().all()
    for column in (organisations["name"], organisations["region"], bodies["name"], bodies["region"]):
        assert column.str.starts_with("Invented ").all()
    for name in ("organisations", "declarations", "answers", "indicators", "comments", "visits", "visit_items"):
        assert world.tables[name]["org_code"].str.starts_with("INV").all()


def test_a_folder_that_was_not_invented_is_left_alone(world: World, model: SimulationModel, tmp_path: Path) -> None:
    (tmp_path / "organisations.csv").write_text("org_code\n")
    with pytest.raises(RunError, match="not invented here"):
        _written(world, tmp_path, model)
    assert (tmp_path / "organisations.csv").read_text() == "org_code\n"


def test_there_are_as_many_organisations_and_declarations_as_there_were(world: World) -> None:
    types = dict(world.tables["organisations"]["org_type"].value_counts().iter_rows())
    assert types == {"acute": 169, "ambulance": 11, "mental_health": 59, "pct": 153}
    functions = dict(world.truth["function"].value_counts().iter_rows())
    assert functions == {"whole": 240, "commissioner": 152, "provider": 147}
    categories = world.tables["declarations"].filter(pl.col("year") == "2008/09")["category"].value_counts()
    assert dict(categories.iter_rows()) == {
        "acute": 169,
        "ambulance": 11,
        "mental_health": 59,
        "community_trust": 1,
        "other": 1,
        "pct_commissioner": 148,
        "pct_provider": 138,
        "pct_and_mental_health_provider": 4,
        "care_trust_commissioner": 4,
        "care_trust_provider": 4,
    }


def test_nine_in_ten_declare_compliance_and_an_eighth_of_them_would_not_be_upheld(worlds: list[World]) -> None:
    truth = pl.concat(made.truth for made in worlds).with_columns(compliant=pl.col("status") == "compliant")
    compliant, lapses = truth.filter("compliant"), truth.filter(~pl.col("compliant"))
    assert compliant.height / truth.height == pytest.approx(0.939, abs=0.001)
    assert compliant["upheld"].not_().mean() == pytest.approx(0.125, abs=0.02)
    assert float(lapses["standard_met"].not_().mean() or 0) > 0.8


def test_the_first_wave_is_half_by_lot_with_a_known_chance_and_half_by_count(world: World) -> None:
    wave = world.tables["visits_wave_1"]
    by_lot = wave.filter(pl.col("selected_by") == "random")
    assert (by_lot.height, wave.height) == (30, 60)
    compliant = world.truth.filter(pl.col("status") == "compliant").height
    assert by_lot["inclusion_probability"].unique().to_list() == [round(30 / compliant, 4)]
    assert wave.filter(pl.col("selected_by") == "risk")["inclusion_probability"].null_count() == 30
    visited = wave.join(world.truth, on=["org_code", "function"])
    assert visited["status"].unique().to_list() == ["compliant"]


def test_visitors_err_as_often_as_is_stated(model: SimulationModel) -> None:
    even = model.visits.model_copy(update={"strictness": Number(value=0.0, unit="", reason="")})
    plan = WorldPlan(model.model_copy(update={"visits": even}))
    compliant = pl.DataFrame({"org_code": [f"INV{number}" for number in range(8000)]}).with_columns(
        function=pl.lit("whole"), year=pl.lit("2008/09"), area=0, known=0.0, lapse=pl.int_range(8000) < 4000
    )
    visited = visit(compliant, (8000, 0), (date(2009, 7, 27), 25), plan, Chance(1)).join(compliant, on="org_code")
    found = dict(visited.group_by("lapse").agg((pl.col("finding") == "qualified").mean()).iter_rows())
    assert found[True] == pytest.approx(0.85, abs=0.02)
    assert found[False] == pytest.approx(0.07, abs=0.02)


def test_an_organisation_that_made_no_return_has_no_answer(world: World) -> None:
    codes = set(world.tables["organisations"]["org_code"]) - set(world.tables["answers"]["org_code"])
    silent = world.tables["organisations"].filter(pl.col("org_code").is_in(list(codes)))
    assert silent["org_type"].to_list() == ["ambulance"]
