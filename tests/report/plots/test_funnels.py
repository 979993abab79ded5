from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET

import polars as pl
import pytest

from crosscheck.collection.read import read_collection
from crosscheck.errors import MissingLibraryError, UnknownNameError
from crosscheck.report.plots.funnels import draw_funnel, draw_png
from crosscheck.scoring.indicators import score_figures
from crosscheck.scoring.model import read_indicator_model
from crosscheck.settings import model_file

SVG = "{http://www.w3.org/2000/svg}"
TRAINED = "staff_survey.child_protection_training_pct"


@pytest.fixture(scope="module")
def scores(collection_folder: Path, questionnaire) -> pl.DataFrame:
    tables = read_collection(collection_folder, questionnaire).tables
    return score_figures(
        tables["indicators"], tables["organisations"], read_indicator_model(model_file("C2", "indicators", "v2"))
    )


def drawn(scores: pl.DataFrame, indicator: str = TRAINED, org_code: str = "RZ3") -> ET.Element:
    return ET.fromstring(draw_funnel(scores, indicator, org_code, "Arken & Worth <Trust>"))  # noqa: S314  # our own text


def words(picture: ET.Element) -> list[str]:
    return [text.text or "" for text in picture.iter(f"{SVG}text")]


def test_who_sees_no_picture_is_told_the_same(scores) -> None:
    picture = drawn(scores)
    assert picture.get("role") == "img"
    title, told = picture.find(f"{SVG}title"), picture.find(f"{SVG}desc")
    assert picture.get("aria-labelledby") == f"{title.get('id')} {told.get('id')}"
    assert "Arken & Worth <Trust>" in title.text
    assert "8.3% of 509" in told.text
    assert "Lower is worse." in told.text


def test_the_organisation_is_told_from_its_peers_by_shape_and_by_name(scores) -> None:
    picture = drawn(scores)
    peers = scores.filter((pl.col("indicator") == TRAINED) & (pl.col("peer_group") == "acute")).height - 1
    paths = [path.get("d") for path in picture.iter(f"{SVG}path")]
    dots = [path.count("h0") for path in paths if path.endswith("h0")]
    assert dots == [peers, 1]  # in the plot and in the key
    assert len(paths) - len(dots) == 2
    beside = [text for text in picture.iter(f"{SVG}text") if text.text == "RZ3: 8.3%"]
    assert beside[0].get("stroke") == "#ffffff"
    assert beside[-1].get("stroke") is None, "where a stroke is painted over its letters, they are written once more"
    assert "Arken & Worth <Trust>: 8.3% of 509" in words(picture)


def test_the_picture_is_the_same_whatever_the_order_of_rows(scores) -> None:
    first, second = (
        draw_funnel(scores.sample(fraction=1.0, shuffle=True, seed=seed), TRAINED, "RZ3", "Name") for seed in (1, 2)
    )
    assert first == second


def test_letters_are_at_least_eleven_pixels_high_at_a_width_of_400(scores) -> None:
    picture = drawn(scores)
    scale = 400 / float(picture.get("viewBox").split()[2])
    sizes = [float(picture.get("font-size"))] + [
        float(text.get("font-size", 99)) for text in picture.iter(f"{SVG}text")
    ]
    assert min(sizes) * scale >= 11


def test_what_lies_within_the_limits_is_what_scores_within_them(scores) -> None:
    of_figure = scores.filter((pl.col("indicator") == TRAINED) & (pl.col("peer_group") == "acute"))
    for org_code, z in of_figure.select("org_code", "z").rows():
        told = drawn(scores, org_code=org_code).find(f"{SVG}desc").text
        assert ("lies outside" in told) == (abs(z) > 3.09), org_code


def test_limits_stand_where_the_distances_are_1_96_and_3_09_of_a_ratio() -> None:
    constants = {"indicator": "made.up", "label": "Made up", "kind": "ratio", "direction": "lower_better"}
    rows = [
        constants | {"org_code": f"X{number}", "value": 1.0 + number / 10, "n": 25.0 * (number + 1)}
        for number in range(4)
    ]
    of_peers = {"expected": 1.0, "phi": 1.0, "tau2": 0.0, "peer_group": "acute"}
    told = drawn(
        pl.DataFrame(rows).with_columns(**{name: pl.lit(value) for name, value in of_peers.items()}), "made.up", "X0"
    )
    # At 25 expected a ratio's limits are (1 ± 3.0902 / (2·√25))²: 0.477 and 1.714.
    assert "between 0.48 and 1.71" in told.find(f"{SVG}desc").text


def test_a_figure_that_is_no_count_has_no_funnel_and_the_message_says_so(scores) -> None:
    with pytest.raises(UnknownNameError, match="has no funnel"):
        drawn(scores, "auditors_local_evaluation.internal_control_score", "5E0")
    with pytest.raises(UnknownNameError, match="has no figure"):
        drawn(scores, org_code="XXX")


def test_png_is_made_where_the_library_is_there_and_else_it_says_what_to_install(scores, monkeypatch) -> None:
    pytest.importorskip("vl_convert")
    svg = draw_funnel(scores, TRAINED, "RZ3", "Name")
    assert draw_png(svg, 0.5).startswith(b"\x89PNG")
    monkeypatch.setitem(__import__("sys").modules, "vl_convert", None)
    with pytest.raises(MissingLibraryError, match="pip install"):
        draw_png(svg)
