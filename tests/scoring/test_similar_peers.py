from __future__ import annotations

from dataclasses import replace

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from crosscheck.contract.inputs import INPUTS
from crosscheck.errors import ModelError
from crosscheck.scoring.indicators import score_figures
from crosscheck.scoring.model import Indicator, IndicatorModel, read_indicator_model
from crosscheck.scoring.peers import similar_organisations
from crosscheck.settings import model_file


def organisations(*rows: tuple[str, str, float | None, float | None, list[str] | None]) -> pl.DataFrame:
    """Code, type, staff, people served and services; the children are a twentieth of the people."""
    table = pl.DataFrame(
        rows,
        schema={
            "org_code": pl.String,
            "org_type": pl.String,
            "staff_wte": pl.Float64,
            "caseload_population": pl.Float64,
            "services": pl.List(pl.String),
        },
        orient="row",
    )
    return table.with_columns(region=pl.lit("North"), population_0_4=pl.col("caseload_population") / 20)


def nearest(table: pl.DataFrame, code: str) -> list[str]:
    return similar_organisations(table).filter(pl.col("org_code") == code)["peer"].to_list()


GROWING = organisations(
    *((f"A{number:02}", "acute", 100.0 * 1.2**number, 1e4 * 1.2**number, ["children"]) for number in range(40))
)


def test_the_nearest_in_size_come_first_and_nobody_is_like_itself() -> None:
    assert nearest(GROWING, "A20")[:4] == ["A19", "A21", "A18", "A22"]
    assert set(nearest(GROWING, "A20")) == {f"A{number:02}" for number in range(40)} - {"A20"}


def test_only_those_of_the_same_type_are_similar() -> None:
    twin = organisations(("P00", "pct", 100.0, 1e4, ["children"]), ("P01", "pct", 9e9, 9e9, None))
    assert nearest(pl.concat([GROWING, twin]), "P00") == ["P01"]


def test_of_the_same_size_those_with_the_same_services_are_nearer() -> None:
    table = organisations(
        ("A0", "acute", 100.0, 1e4, ["children", "maternity"]),
        ("A1", "acute", 100.0, 1e4, ["a_and_e"]),
        ("A2", "acute", 100.0, 1e4, ["children"]),
        ("A3", "acute", 100.0, 1e4, ["maternity", "children"]),
    )
    assert nearest(table, "A0") == ["A3", "A2", "A1"]


def test_an_absent_size_is_neither_zero_nor_far() -> None:
    silent = organisations(("B0", "acute", None, 1e4 * 1.2**20, ["children"]))
    order = nearest(pl.concat([GROWING, silent]), "B0")
    assert order[0] == "A20"
    assert nearest(pl.concat([GROWING, silent]), "A20")[0] == "B0"


def test_distances_are_scaled_up_by_how_much_is_known() -> None:
    rows = [
        (f"A{number}", "acute", size, size * 100, ["children"]) for number, size in enumerate((100.0, 200.0, 400.0))
    ]
    whole = organisations(*rows)
    part = whole.with_columns(services=pl.lit(None, pl.List(pl.String)))
    ratio = similar_organisations(part)["distance"] / similar_organisations(whole)["distance"]
    assert ratio.to_list() == pytest.approx([(4 / 3) ** 0.5] * 6, rel=1e-6)


def test_who_has_nothing_known_in_common_is_not_similar() -> None:
    unknown = organisations(("B0", "acute", None, None, None))
    assert nearest(pl.concat([GROWING, unknown]), "B0") == []


def test_the_order_of_the_organisations_changes_nothing() -> None:
    assert_frame_equal(similar_organisations(GROWING.reverse()), similar_organisations(GROWING), check_exact=True)


def figures(of: pl.DataFrame, values: list[float]) -> pl.DataFrame:
    schema = INPUTS["indicators"].schema
    given = of.select("org_code", source=pl.lit("made"), indicator=pl.lit("up"), period=pl.lit("2008")).with_columns(
        value=pl.Series(values, dtype=pl.Float64), direction=pl.lit("lower_better")
    )
    absent = [pl.lit(None).alias(column) for column in schema if column not in given.columns]
    return given.with_columns(absent).select(schema.names()).cast(schema)


def by_similar(model: IndicatorModel, neighbours: int = 10) -> IndicatorModel:
    return replace(model, peers=replace(model.peers, by="similar", neighbours=neighbours))


def test_a_figure_that_grows_with_size_is_as_expected_among_the_similar(model: IndicatorModel) -> None:
    table = figures(GROWING, [100.0 - number + number % 3 for number in range(40)])
    by_type = score_figures(table, GROWING, model).row(by_predicate=pl.col("org_code") == "A35", named=True)
    similar = score_figures(table, GROWING, by_similar(model)).row(by_predicate=pl.col("org_code") == "A35", named=True)
    assert by_type["peer_group"] == "acute"
    assert similar["peer_group"] == "similar to A35"
    assert by_type["expected"] == pytest.approx(81.5, abs=1)
    assert similar["expected"] == pytest.approx(66.5, abs=1)


def test_the_peers_are_the_nearest_that_have_the_figure(model: IndicatorModel) -> None:
    even = GROWING.filter(
        pl.col("org_code").str.ends_with("0") | pl.col("org_code").str.ends_with("5") | (pl.col("org_code") < "A12")
    )
    scores = score_figures(figures(even, [float(number) for number in range(even.height)]), GROWING, by_similar(model))
    first = scores.filter(pl.col("org_code") == "A00")
    assert first["peer_group"].item() == "similar to A00"
    assert first["expected"].item() == 5


def test_too_few_similar_are_widened_to_the_type_and_on_and_the_score_says_so(model: IndicatorModel) -> None:
    few = GROWING.head(9)
    providers = organisations(*((f"M{number}", "mental_health", 100.0, 1e4, None) for number in range(5)))
    everybody = pl.concat([few, providers])
    scores = score_figures(figures(everybody, [float(number) for number in range(14)]), everybody, by_similar(model))
    assert scores["peer_group"].unique().to_list() == ["providers"]
    fewer = by_similar(model, neighbours=8)
    alone = score_figures(figures(GROWING, [float(number) for number in range(40)]), GROWING, fewer)
    assert alone["peer_group"].unique().to_list() == ["acute"]


def test_every_figure_is_scored_once_whatever_its_peers(model: IndicatorModel) -> None:
    mixed = pl.concat([GROWING, organisations(("B0", "acute", None, None, None))])
    scores = score_figures(figures(mixed, [float(number) for number in range(41)]), mixed, by_similar(model))
    assert sorted(scores["org_code"]) == sorted(mixed["org_code"])
    unlike = scores.filter(pl.col("org_code") == "B0")
    assert unlike.select("peer_group", "expected", "value").row(0) == ("acute", 20.0, 40.0)
    assert unlike["z"].item() > 1


def test_one_figure_can_be_compared_among_the_similar_by_itself(model: IndicatorModel) -> None:
    entry = Indicator("made", "up", "Made up", "number", "lower_better", "things", "low", "a reason", peers="similar")
    named = replace(model, indicators={entry.name: entry})
    table = figures(GROWING, [float(number) for number in range(40)])
    other = table.with_columns(indicator=pl.lit("other"))
    scores = score_figures(pl.concat([table, other]), GROWING, named)
    groups = (
        scores.group_by("indicator").agg(pl.col("peer_group").str.starts_with("similar to").all()).sort("indicator")
    )
    assert groups.rows() == [("made.other", False), ("made.up", True)]


def test_the_order_of_the_rows_changes_no_score(model: IndicatorModel) -> None:
    table = figures(GROWING, [100.0 - number + number % 3 for number in range(40)])
    assert_frame_equal(
        score_figures(table.reverse(), GROWING.reverse(), by_similar(model)),
        score_figures(table, GROWING, by_similar(model)),
        check_exact=True,
    )


def test_the_model_file_can_choose_the_similar_for_all(tmp_path) -> None:
    text = model_file("C2", "indicators", "v2").read_text(encoding="utf-8")
    file = tmp_path / "v9.toml"
    file.write_text(text.replace('by = "org_type"', 'by = "similar"').replace("neighbours = 30", "neighbours = 20"))
    chosen = read_indicator_model(file)
    assert chosen.peers.neighbours == 20
    assert {figure.peers for figure in chosen.indicators.values()} == {"similar", "region"}


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ('by = "org_type"', 'by = "region"', "peers.by: 'region' can't stand here. Write one of: org_type, similar."),
        ("neighbours = 30", "neighbours = 2", "peers.neighbours: 2 is out of range. Write a whole number from 3."),
        ("good_news_limit = -1.0", "good_news_limit = 1.0", "pooling.good_news_limit: 1.0 is out of range."),
        (
            "answer = 0.25",
            "answer = 2.0",
            "pooling.weights.answer: 2.0 is out of range. Write a number from 0.0 to 1.0.",
        ),
        ("answer = 0.25", "", "pooling.weights.answer: is missing."),
    ],
)
def test_what_is_wrong_in_the_model_is_told(tmp_path, before: str, after: str, told: str) -> None:
    file = tmp_path / "v9.toml"
    file.write_text(model_file("C2", "indicators", "v2").read_text(encoding="utf-8").replace(before, after, 1))
    with pytest.raises(ModelError) as error:
        read_indicator_model(file)
    assert any(problem.startswith(f"{file}, {told}") for problem in error.value.problems)
