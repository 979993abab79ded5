from __future__ import annotations

import math
from collections import defaultdict

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal
from scipy import stats

from crosscheck.visits.calibration import (
    ALL,
    GROUPINGS,
    GROUPS,
    TENTH,
    Calibration,
    KnownTruth,
    calibrate,
    share_by_clusters,
)

_VISITORS = KnownTruth(sensitivity=0.85, specificity=0.93)


def _judged(
    risk: np.ndarray, otherwise: np.ndarray, sample: object = "one", drawn: np.ndarray | None = None
) -> pl.DataFrame:
    """Two declarations an organisation, one after the other."""
    number = len(risk)
    draws = np.repeat(risk[:, None], 50, axis=1) if drawn is None else drawn
    return pl.DataFrame(
        {
            "sample": [sample] * number if isinstance(sample, str) else sample,
            "org_code": [f"T{place // 2:05}" for place in range(number)],
            "function": ["commissioner", "provider"] * (number // 2),
            "org_type": ["pct", "pct", "acute", "acute"] * (number // 4),
            "region": ["North", "North", None, None, "South", "South"] * (number // 6) + ["East"] * (number % 6),
            "risk": risk,
            "drawn": pl.Series(draws, dtype=pl.Array(pl.Float64, draws.shape[1])),
            "otherwise": otherwise,
            "weight": np.ones(number),
        }
    )


@pytest.fixture(scope="module")
def judged() -> pl.DataFrame:
    drawn = np.random.default_rng(3)
    risk = drawn.uniform(0.02, 0.5, 400)
    return _judged(risk, drawn.random(400) < risk)


@pytest.fixture(scope="module")
def calibration(judged: pl.DataFrame) -> Calibration:
    return calibrate("made up", judged, KnownTruth())


def _slow_interval(rows: list[tuple[str, float, float]]) -> tuple[float, float, float]:
    """Cluster by cluster, from the textbook: cluster, weight, value."""
    by_cluster: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for cluster, weight, value in rows:
        by_cluster[cluster].append((weight, value))
    total = sum(weight for _, weight, _ in rows)
    share = sum(weight * value for _, weight, value in rows) / total
    clusters = len(by_cluster)
    residuals = [sum(weight * (value - share) for weight, value in members) for members in by_cluster.values()]
    middle = sum(residuals) / clusters
    variance = clusters / (clusters - 1) * sum((one - middle) ** 2 for one in residuals) / total**2
    number = min(share * (1 - share) / variance, len(rows)) if variance else len(rows)
    t = float(stats.t.ppf(0.95, clusters - 1))
    # The ends of Wilson's interval solve (share - end)² = t² end (1 - end) / number.
    roots = np.roots([1 + t**2 / number, -(2 * share + t**2 / number), share**2])
    return share, float(min(roots)), float(max(roots))


@pytest.mark.parametrize("seed", range(6))
def test_the_interval_is_that_of_a_slow_computation_cluster_by_cluster(seed: int) -> None:
    drawn = np.random.default_rng(seed)
    cluster = [f"C{number}" for number in drawn.integers(0, 12, 90)]
    fate = dict(zip(sorted(set(cluster)), drawn.uniform(0, 0.6, 12), strict=False))
    value = [float(drawn.random() < fate[one]) for one in cluster]
    weight = drawn.uniform(0.5, 3, 90)
    rows = pl.DataFrame({"which": "all", "cluster": cluster, "weight": weight, "value": value})
    told = share_by_clusters(rows, ("which",)).select("share", "low", "high").row(0)
    assert told == pytest.approx(_slow_interval(list(zip(cluster, weight, value, strict=True))), abs=1e-9)


def test_the_interval_covers_nine_times_in_ten_where_the_declarations_of_one_organisation_share_their_fate() -> None:
    drawn, times, organisations = np.random.default_rng(11), 1500, 60
    fates = np.repeat(drawn.random(times * organisations) < 0.25, 2).astype(float)
    rows = pl.DataFrame(
        {
            "time": np.repeat(np.arange(times), 2 * organisations),
            "cluster": np.tile(np.repeat(np.arange(organisations), 2), times),
            "weight": 1.0,
            "value": fates,
        }
    )
    covered = pl.lit(0.25).is_between("low", "high").mean()
    with_clusters = share_by_clusters(rows, ("time",)).select(covered).item()
    alone = rows.with_columns(cluster=pl.int_range(pl.len()))
    assert with_clusters == pytest.approx(0.9, abs=0.025)
    assert share_by_clusters(alone, ("time",)).select(covered).item() < 0.8


def test_a_group_where_nothing_was_found_has_an_interval_and_one_of_a_single_cluster_has_none() -> None:
    rows = pl.DataFrame(
        {"which": ["none"] * 6 + ["one"] * 4, "cluster": list("aabbcc") + list("dddd"), "weight": 1.0, "value": 0.0}
    )
    none, one = share_by_clusters(rows, ("which",)).to_dicts()
    assert none["low"] == 0.0
    assert 0.2 < none["high"] < 0.7
    assert (one["share"], one["low"], one["high"]) == (0.0, None, None)


def test_two_clusters_are_enough_for_an_interval() -> None:
    rows = pl.DataFrame({"which": "two", "cluster": list("aabb"), "weight": 1.0, "value": [1.0, 0.0, 0.0, 0.0]})
    two = share_by_clusters(rows, ("which",)).row(0, named=True)
    assert two["clusters"] == 2
    assert 0 <= two["low"] < two["share"] < two["high"] <= 1


def test_weights_claim_no_more_than_was_visited(judged: pl.DataFrame) -> None:
    rows = judged.select("weight", which=pl.lit("all"), cluster="org_code", value=pl.col("otherwise").cast(pl.Float64))
    once, twentyfold = (
        share_by_clusters(rows.with_columns(pl.col("weight") * factor), ("which",)).select("share", "low", "high")
        for factor in (1, 20)
    )
    assert_frame_equal(once, twentyfold)


def test_each_declaration_is_in_one_group_of_each_grouping(calibration: Calibration) -> None:
    assert calibration.groups.schema == GROUPS
    sizes = dict(calibration.groups.group_by("grouping").agg(pl.col("judged").sum()).iter_rows())
    assert sizes == dict.fromkeys(GROUPINGS, 400)
    assert calibration.tenths["group"].to_list() == [str(place) for place in range(1, 11)]
    assert calibration.tenths["judged"].unique().to_list() == [40]
    assert calibration.tenths["stated"].is_sorted()
    regions = calibration.groups.filter(pl.col("grouping") == "region")["group"].to_list()
    assert regions == ["East", "North", "South", "not known"]


def test_tenths_of_few_declarations_lose_nobody() -> None:
    few = calibrate("few", _judged(np.linspace(0.1, 0.4, 24), np.zeros(24, dtype=bool)), KnownTruth())
    assert few.tenths["judged"].sum() == 24
    assert few.tenths["judged"].max() - few.tenths["judged"].min() <= 1  # type: ignore[operator]  # whole numbers


def test_the_order_of_rows_changes_no_byte(judged: pl.DataFrame, calibration: Calibration) -> None:
    shuffled = calibrate("made up", judged.sample(fraction=1.0, shuffle=True, seed=5), KnownTruth())
    assert_frame_equal(shuffled.groups, calibration.groups, check_exact=True)
    assert_frame_equal(shuffled.numbers, calibration.numbers, check_exact=True)
    assert_frame_equal(shuffled.summarise(), calibration.summarise(), check_exact=True)


def test_risks_that_hold_err_as_chance_has_it_and_doubled_risks_by_more() -> None:
    drawn = np.random.default_rng(5)
    risk = drawn.uniform(0.02, 0.4, 12_000)
    otherwise = drawn.random(12_000) < risk
    held, doubled = (calibrate("made up", _judged(stated, otherwise), KnownTruth()) for stated in (risk, 2 * risk))
    assert held.error < 2 * held.error_by_chance < 0.03
    assert doubled.error == pytest.approx(0.21, abs=0.02)
    assert doubled.error > 10 * doubled.error_by_chance


def test_visitors_errors_are_taken_out_of_what_they_found() -> None:
    drawn = np.random.default_rng(7)
    risk = drawn.uniform(0.05, 0.6, 24_000)
    lapse = drawn.random(24_000) < risk
    seen = drawn.random(24_000) < np.where(lapse, _VISITORS.sensitivity, 1 - _VISITORS.specificity)
    corrected, raw = (calibrate("visits", _judged(risk, seen), who) for who in (_VISITORS, KnownTruth()))
    whole = corrected.groups.filter(pl.col("grouping") == ALL).row(0, named=True)
    assert whole["seen"] == pytest.approx(seen.mean())
    assert whole["found"] == pytest.approx(lapse.mean(), abs=0.01)
    assert whole["found"] == pytest.approx((whole["seen"] - 0.07) / 0.78)
    assert whole["low"] < whole["found"] < whole["high"]
    assert corrected.error < 0.02 < raw.error


def test_a_share_below_what_visitors_err_is_nought_and_not_less() -> None:
    none = calibrate("visits", _judged(np.full(24, 0.1), np.zeros(24, dtype=bool)), _VISITORS)
    assert none.groups["found"].unique().to_list() == [0.0]
    assert none.groups["low"].drop_nulls().unique().to_list() == [0.0]


def test_worlds_are_the_clusters_of_worlds_and_organisations_those_of_one_sample(judged: pl.DataFrame) -> None:
    worlds = pl.concat([judged.with_columns(sample=pl.lit(f"world {number}")) for number in range(3)])
    several, single = calibrate("worlds", worlds, KnownTruth()), calibrate("visits", judged, KnownTruth())
    assert (several.clusters, several.groups["clusters"][0], several.groups["samples"][0]) == ("worlds", 3, 3)
    assert (single.clusters, single.groups["clusters"][0], single.groups["samples"][0]) == ("organisations", 200, 1)


def test_numbers_lie_in_their_intervals_nine_times_in_ten_and_seldom_in_those_that_leave_chance_out() -> None:
    """The level of all risks is not known: it is drawn, and each world has its own."""
    drawn, worlds, number, draws = np.random.default_rng(17), 120, 120, 200
    shift = drawn.normal(0, 0.4, draws)
    parts = []
    for world in range(worlds):
        logit = drawn.normal(-1.2, 1.0, number)
        truth = 1 / (1 + np.exp(-(logit + drawn.normal(0, 0.4))))
        risks = 1 / (1 + np.exp(-(logit[:, None] + shift[None, :])))
        parts.append(_judged(risks.mean(axis=1), drawn.random(number) < truth, f"world {world:03}", risks))
    made = calibrate("worlds", pl.concat(parts), KnownTruth())
    whole = made.groups.filter(pl.col("grouping") == "org_type").select(pl.col("within_number", "within_sum").sum())
    numbers, sums = whole.row(0)
    assert numbers / (2 * worlds) == pytest.approx(0.91, abs=0.05)
    assert sums < numbers - 15


def test_the_number_expected_of_visitors_counts_their_errors() -> None:
    visits = calibrate("visits", _judged(np.full(120, 0.2), np.arange(120) % 4 == 0), _VISITORS)
    whole = visits.numbers.filter(pl.col("grouping") == ALL).row(0, named=True)
    assert whole["expected"] == pytest.approx(120 * (0.07 + 0.78 * 0.2))
    assert (whole["sum_low"], whole["sum_high"]) == pytest.approx((whole["expected"], whole["expected"]))
    assert whole["number_low"] < whole["found"] < whole["number_high"]
    assert whole["found"] == 30


def test_of_trusts_whose_functions_differ_those_are_right_whose_lapsing_one_has_the_higher_risk(
    judged: pl.DataFrame, calibration: Calibration
) -> None:
    by_trust: dict[str, list[tuple[bool, float]]] = defaultdict(list)
    for code, otherwise, risk in judged.select("org_code", "otherwise", "risk").iter_rows():
        by_trust[code].append((otherwise, risk))
    differing = [sorted(both) for both in by_trust.values() if sum(otherwise for otherwise, _ in both) == 1]
    right = [lapsed[1] > other[1] for other, lapsed in differing]
    pair = calibration.pairs.row(0, named=True)
    assert pair["judged"] == len(differing) > 50
    assert pair["share"] == pytest.approx(sum(right) / len(right))
    assert pair["low"] < pair["share"] < pair["high"]


def test_equal_risks_of_the_two_functions_count_half() -> None:
    equal = calibrate("made up", _judged(np.full(24, 0.3), np.arange(24) % 2 == 0), KnownTruth())
    assert equal.pairs["share"].to_list() == [0.5]


def test_where_no_trusts_functions_differ_the_summary_says_none_and_no_share() -> None:
    summary = calibrate("made up", _judged(np.full(24, 0.3), np.zeros(24, dtype=bool)), KnownTruth()).summarise()
    assert summary.select("pairs", "right", "right_low").row(0) == (0, None, None)


def test_the_summary_shows_the_tenth_of_the_highest_risks_and_the_cover_of_all_groups(calibration: Calibration) -> None:
    summary = calibration.summarise().row(0, named=True)
    top = calibration.groups.filter((pl.col("grouping") == TENTH) & (pl.col("group") == "10")).row(0, named=True)
    assert (summary["top_stated"], summary["top_found"]) == (top["stated"], top["found"])
    groups = calibration.groups.filter(pl.col("grouping") != ALL)
    assert summary["groups"] == groups["samples"].sum()
    assert summary["cover_number"] == pytest.approx(groups["within_number"].sum() / groups["samples"].sum())
    assert math.isfinite(summary["error"])


def test_the_summary_is_one_row_of_all_that_is_told(calibration: Calibration) -> None:
    summary = calibration.summarise()
    assert summary.columns == [
        "among", "error", "error_by_chance", "judged", "stated", "found", "low", "high", "top_stated", "top_found",
        "top_low", "top_high", "groups", "cover_sum", "cover_number", "pairs", "right", "right_low", "right_high",
    ]  # fmt: skip
    told, pair = summary.row(0, named=True), calibration.pairs.row(0, named=True)
    whole = calibration.groups.filter(pl.col("grouping") == ALL).row(0, named=True)
    assert (told["among"], told["error"], told["error_by_chance"]) == (
        "made up", calibration.error, calibration.error_by_chance,
    )  # fmt: skip
    assert [told[name] for name in ("judged", "stated", "found", "low", "high")] == [
        whole[name] for name in ("judged", "stated", "found", "low", "high")
    ]
    assert [told[name] for name in ("pairs", "right", "right_low", "right_high")] == [
        pair[name] for name in ("judged", "share", "low", "high")
    ]


def test_the_ends_of_a_drawn_number_are_numbers_that_occur(calibration: Calibration) -> None:
    for end in ("number_low", "number_high"):
        assert calibration.numbers[end].equals(calibration.numbers[end].round(0))
    assert not calibration.numbers["sum_low"].equals(calibration.numbers["sum_low"].round(0))
