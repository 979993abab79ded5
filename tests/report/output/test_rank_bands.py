"""The place in words and as dots: bands, the reach of the visits, ranks that are not reliably different."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import polars as pl
import pytest

from crosscheck.report.output.rank_bands import (
    describe_assumed,
    describe_assumption,
    describe_effect,
    describe_place,
    find_like_ranks,
    reach_of_capacity,
)
from crosscheck.report.plots.dots import count_within, draw_places
from crosscheck.risk.assumption import AssumedShare
from crosscheck.risk.prevalence import Prevalence

SVG = "{http://www.w3.org/2000/svg}"


def starting_at(visits: int) -> Prevalence:
    return Prevalence(share=0.123, sd=0.02, found=0.12, visits=visits, weight=float(visits))


def listed(ranges: list[tuple[int, int]], codes: str = "", pools: list[str] | None = None) -> pl.DataFrame:
    number = len(ranges)
    return pl.DataFrame(
        {
            "rank": range(1, number + 1),
            "rank_low": [low for low, _ in ranges],
            "rank_high": [high for _, high in ranges],
            "org_code": list(codes) or [f"R{place:02}" for place in range(number)],
            "pool": pools or ["to_visit"] * number,
            "risk": [0.9 - 0.1 * place for place in range(number)],
        }
    )


@pytest.mark.parametrize(
    ("among", "words"),
    [(1.0, "clearly among the first"), (0.7, "clearly among the first"), (0.69, "probably among the first"),
     (0.2, "probably among the first"), (0.19, "could be anywhere"), (0.0, "could be anywhere")],
)  # fmt: skip
def test_a_place_is_said_in_three_bands(among: float, words: str) -> None:
    assert describe_place(among) == words


@pytest.mark.parametrize(
    ("decibans", "words"),
    [(0.0, "no effect"), (0.4, "low effect"), (-1.0, "low effect"), (1.1, "medium effect"), (-3.1, "high effect")],
)
def test_a_weight_is_said_in_words_whichever_way_it_points(decibans: float, words: str) -> None:
    assert describe_effect(decibans) == words


def test_the_visits_reach_as_far_as_the_last_organisation_that_can_be_visited_and_only_those_to_visit_count() -> None:
    ranges = [(1, 6)] * 6
    pools = ["to_visit"] * 5 + ["visited"]
    assert reach_of_capacity(listed(ranges, "AABCDE", pools), 1) == 1
    assert reach_of_capacity(listed(ranges, "AABCDE", pools), 2) == 3
    assert reach_of_capacity(listed(ranges, "AABCDE", pools), 60) == 5
    assert reach_of_capacity(listed(ranges, "AABCDE", ["visited"] * 6), 2) == 0


def test_ranks_are_alike_as_long_as_each_could_have_any_place_among_them() -> None:
    ranges = [(1, 2), (1, 2), (3, 5), (2, 5), (3, 6), (5, 7), (6, 7)]
    assert find_like_ranks(listed(ranges), 1) == (1, 2)
    assert find_like_ranks(listed(ranges), 4) == (3, 5)
    assert find_like_ranks(listed(ranges), 7) == (6, 7)


def test_a_group_of_one_is_not_said() -> None:
    assert find_like_ranks(listed([(1, 1), (2, 3), (2, 3)]), 1) is None
    assert find_like_ranks(listed([(1, 1)]), 1) is None
    assert find_like_ranks(listed([(1, 2), (1, 2)], pools=["follow_up"] * 2), 1) is None


def test_where_every_risk_starts_is_said_as_an_assumption_and_without_random_visits_not_put_down_to_any() -> None:
    assert "Random visits suggest that in 12.3% of compliant" in describe_assumption(starting_at(40))
    assert "an assumption" in describe_assumption(starting_at(40))
    alone = describe_assumption(starting_at(0))
    assert alone.startswith("We assume")
    assert "suggest" not in alone


def test_other_starting_points_are_said_with_their_risks() -> None:
    assumed = [
        AssumedShare(share=0.08, first=0.7, mean_to_capacity=0.5),
        AssumedShare(share=0.2, first=0.95, mean_to_capacity=0.8),
    ]
    told = describe_assumed(assumed, listed([(1, 3)] * 3), 2)
    assert told == (
        "The mean risk of ranks 1 to 2 is 85%; with another starting point it would be 50% at 8% and 80% at 20% "
        "(the first: 90%; 70% and 95%)."
    )
    assert describe_assumed([], listed([]), 2) == ""


@pytest.mark.parametrize("places", [[1] * 20, list(range(1, 401, 20)), [7, 7, 8, *range(60, 77)], [400] * 20])
@pytest.mark.parametrize("reach", [0, 1, 75, 400])
def test_twenty_dots_stand_inside_the_picture_and_those_within_reach_are_filled(places: list[int], reach: int) -> None:
    drawn = ET.fromstring(draw_places("whole", places, reach, 400))  # noqa: S314  # our own picture
    dots = drawn.findall(f"{SVG}circle")
    assert len(dots) == 20
    assert sum(dot.get("fill") != "#ffffff" for dot in dots) == count_within(places, reach)
    assert all(0 < float(dot.get("cx", "")) < 400 and 0 < float(dot.get("cy", "")) < 150 for dot in dots)
    spots = [(dot.get("cx"), dot.get("cy")) for dot in dots]
    assert len(set(spots)) == 20, "none hides another"
    cut = next(line for line in drawn.findall(f"{SVG}line") if line.get("stroke-dasharray"))
    for dot in dots:
        is_left = float(dot.get("cx", "")) < float(cut.get("x1", ""))
        assert is_left == (dot.get("fill") != "#ffffff")


def test_the_picture_says_in_words_what_it_shows_and_repeats_its_bytes() -> None:
    places = [*range(1, 15), 90, 91, 92, 93, 94, 95]
    picture = draw_places("provider", places, 20, 100)
    assert picture == draw_places("provider", places[::-1], 20, 100)
    title = re.search(r'<title id="places-provider">([^<]+)</title>', picture)
    assert title is not None
    assert title[1] == (
        "14 of 20 equally likely ranks lie among the first 20, as far as the planned visits reach; they go from 1 "
        "to 95 of 100."
    )
    assert 'role="img"' in picture
    assert 'aria-labelledby="places-provider"' in picture
