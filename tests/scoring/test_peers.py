from __future__ import annotations

import polars as pl
import pytest

from crosscheck.scoring.model import Peers
from crosscheck.scoring.peers import gather_peers

PEERS = Peers(
    least=4,
    widen={"providers": ("acute", "ambulance", "mental_health"), "all": ("acute", "ambulance", "mental_health", "pct")},
)


def figures(kind: str = "number", **counts: int) -> pl.DataFrame:
    """That many organisations of each type with one figure."""
    rows = [(f"{org_type} {number}", org_type) for org_type, count in counts.items() for number in range(count)]
    codes = pl.DataFrame(rows, schema=["org_code", "circle"], orient="row")
    return codes.with_columns(indicator=pl.lit("made.up"), kind=pl.lit(kind))


def groups(gathered: pl.DataFrame) -> dict[str, str]:
    """The group in which each type is compared."""
    compared = gathered.filter("compared").select("circle", "peer_group").unique()
    assert compared["circle"].is_unique().all()
    return dict(compared.iter_rows())


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ({"acute": 4, "pct": 5}, {"acute": "acute", "pct": "pct"}),
        ({"acute": 5, "ambulance": 3}, {"acute": "acute", "ambulance": "providers"}),
        ({"acute": 2, "mental_health": 2}, {"acute": "providers", "mental_health": "providers"}),
        ({"ambulance": 3, "pct": 5}, {"ambulance": "all", "pct": "pct"}),
        ({"acute": 3, "pct": 1}, {"acute": "all", "pct": "all"}),
        ({"acute": 1, "pct": 2}, {"acute": "all", "pct": "all"}),
    ],
    ids=["own type", "small type to providers", "two small types", "past providers to all", "all at once", "too few"],
)
def test_the_circle_widens_until_there_are_enough_peers(counts: dict[str, int], expected: dict[str, str]) -> None:
    assert groups(gather_peers(figures(**counts), PEERS)) == expected


def test_a_widened_group_holds_every_peer_and_compares_only_those_who_lack_their_own() -> None:
    gathered = gather_peers(figures(acute=5, ambulance=3, pct=6), PEERS)
    providers = gathered.filter(pl.col("peer_group") == "providers")
    assert sorted(providers["circle"].unique()) == ["acute", "ambulance"]
    assert providers.height == 8
    assert providers.filter("compared")["circle"].unique().to_list() == ["ambulance"]


def test_every_figure_is_compared_once() -> None:
    given = figures(acute=5, ambulance=3, pct=2, mental_health=1)
    compared = gather_peers(given, PEERS).filter("compared")
    assert sorted(compared["org_code"]) == sorted(given["org_code"])


def test_a_figure_given_with_counts_is_not_compared_with_one_given_without() -> None:
    given = pl.concat(
        [figures("proportion", acute=4), figures("percent", acute=3).with_columns(pl.col("org_code") + "x")]
    )
    gathered = gather_peers(given, PEERS)
    assert gathered.group_by("kind").len().sort("kind").rows() == [("percent", 3), ("proportion", 4)]


def test_regions_are_compared_within_themselves_and_widen_to_everybody_at_once() -> None:
    given = figures(acute=2).with_columns(circle=pl.lit("region East"))
    more = figures(pct=5).with_columns(circle=pl.lit("region North"))
    assert groups(gather_peers(pl.concat([given, more]), PEERS)) == {
        "region East": "all",
        "region North": "region North",
    }
    assert gather_peers(pl.concat([given, more]), PEERS).filter(pl.col("peer_group") == "all").height == 7
