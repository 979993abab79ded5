from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from crosscheck.visits.draw import draw_from, stratify
from crosscheck.visits.season import WEEKS, draw_weeks

FRAME = pl.DataFrame(
    {"org_code": [f"R{place:03}" for place in range(200)], "org_type": ["acute"] * 120 + ["pct"] * 70 + ["other"] * 10}
)


def _weeks(value: str, weeks: int = 12, number: int = 30) -> pl.DataFrame:
    return draw_weeks(draw_from(stratify(FRAME, number), value, "2008/09"), [1] * weeks, value, "2008/09")


def test_everybody_drawn_has_one_week_and_nobody_else() -> None:
    draw = draw_from(stratify(FRAME, 30), "7", "2008/09")
    assert set(_weeks("7")["org_code"]) == set(draw.filter("drawn")["org_code"])
    assert _weeks("7")["org_code"].n_unique() == _weeks("7").height == 30


@pytest.mark.parametrize("weeks", [1, 5, 12, 40])
def test_the_season_is_filled_evenly(weeks: int) -> None:
    counts = _weeks("7", weeks).group_by("week").len()["len"].to_list()
    assert max(counts) - (min(counts) if len(counts) == weeks else 0) <= 1
    assert _weeks("7", weeks)["week"].is_between(1, weeks).all()


def test_no_stratum_is_visited_in_the_first_weeks_only() -> None:
    means = _weeks("7").group_by("stratum").agg(pl.col("week").mean())["week"].to_list()
    assert all(abs(mean - 6.5) < 1.5 for mean in means)


def test_over_many_values_each_week_is_as_likely_as_any_other_for_each_organisation() -> None:
    drawn = pl.concat([_weeks(str(value)) for value in range(1200)])
    early = drawn.group_by("org_code").agg(share=(pl.col("week") <= 6).mean(), number=pl.len())
    z = (early["share"] - 0.5) / (0.25 / early["number"]).sqrt()
    assert z.abs().max() < 4  # type: ignore[operator]
    assert z.std() == pytest.approx(1.0, abs=0.15)


def test_the_week_says_nothing_of_how_narrowly_somebody_was_drawn() -> None:
    pairs = []
    for value in range(300):
        draw = draw_from(stratify(FRAME, 30), str(value), "2008/09").filter("drawn")
        weeks = draw_weeks(draw, [1] * 12, str(value), "2008/09")
        pairs.append(draw.select("org_code", drawn_with="ticket").join(weeks, on="org_code"))
    joined = pl.concat(pairs)
    assert abs(joined.select(pl.corr(pl.col("drawn_with").rank(), "week")).item()) < 0.04


def test_the_same_value_gives_the_same_weeks_whatever_the_order_of_rows_and_another_gives_others() -> None:
    draw = draw_from(stratify(FRAME, 30), "7", "2008/09")
    assert draw_weeks(draw.reverse(), [1] * 12, "7", "2008/09").equals(_weeks("7"))
    assert not draw_weeks(draw, [1] * 12, "8", "2008/09").equals(_weeks("7"))


def test_weeks_have_their_monday_where_the_season_has_one_and_none_where_it_has_not() -> None:
    draw = draw_from(stratify(FRAME, 30), "7", "2008/09")
    dated = draw_weeks(draw, [1] * 12, "7", "2008/09", date(2009, 7, 6))
    assert dated.filter(pl.col("week") == 3)["from"].unique().to_list() == [date(2009, 7, 20)]
    assert _weeks("7")["from"].null_count() == 30


def test_nobody_drawn_has_no_week() -> None:
    assert draw_weeks(draw_from(stratify(FRAME, 0), "7", "2008/09"), [1] * 12, "7", "2008/09").equals(WEEKS.to_frame())


@pytest.mark.parametrize("room", [[2, 0, 3, 1, 0, 9], [5, 5, 5, 5, 5, 5], [30, 0, 0, 0, 0, 0], [1, 1, 1, 1, 1, 25]])
@pytest.mark.parametrize("number", [1, 7, 15])
def test_no_week_is_drawn_oftener_than_it_has_room(room: list[int], number: int) -> None:
    drawn = draw_weeks(draw_from(stratify(FRAME, number), "7", "2008/09"), room, "7", "2008/09")
    counts = dict(drawn.group_by("week").len().iter_rows())
    assert all(counts[week] <= room[week - 1] for week in counts)
    assert sum(counts.values()) == number
