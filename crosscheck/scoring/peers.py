"""Peers: with whom an organisation's figure is compared, and by which rule the circle widens where they are too few."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

from crosscheck.vocabulary import ORG_TYPES

if TYPE_CHECKING:
    from crosscheck.scoring.model import Peers

# What tells one figure from another: a figure given in two ways (with counts and without) is compared by each apart.
FIGURE: Final = ("indicator", "kind")


def gather_peers(figures: pl.DataFrame, peers: Peers) -> pl.DataFrame:
    """Lay each peer group's figures side by side.

    An organisation's peers are those of its circle that have the figure: its type, or its region where the figure is
    the judgement of the region's own authority. Where that makes fewer than `peers.least`, the circle widens through
    the groups of the model, in their order, until it is large enough; a region widens to the last of them at once.

    Args:
        figures: one row an organisation and figure: `indicator`, `kind`, `circle` and any further columns.
        peers: how many are enough, and how to widen.

    Returns:
        The rows of `figures` with `peer_group` and `compared` (whether the row is scored in this group, or is only
        there for others to be compared with), in no order. Each row is `compared` in one group: the first that is large
        enough, else the widest.
    """
    circles = _circles(peers, figures["circle"].unique().to_list())
    chosen = _choose_groups(figures.group_by(*FIGURE, "circle").len(), circles, peers.least)
    return (
        chosen.select(*FIGURE, "peer_group")
        .unique()
        .join(circles.drop("step"), on="peer_group")
        .join(chosen.with_columns(compared=True), on=(*FIGURE, "circle", "peer_group"), how="left")
        .with_columns(pl.col("compared").fill_null(value=False))
        .join(figures, on=(*FIGURE, "circle"))
    )


def _choose_groups(counts: pl.DataFrame, circles: pl.DataFrame, least: int) -> pl.DataFrame:
    """The peer group of each circle for each figure, given how many of each circle have it (`len`)."""
    candidates = counts.join(circles, on="circle")
    sizes = candidates.group_by(*FIGURE, "peer_group").agg(enough=pl.col("len").sum() >= least)
    group = pl.col("peer_group").sort_by("step")
    return (
        candidates.join(sizes, on=(*FIGURE, "peer_group"))
        .group_by(*FIGURE, "circle")
        .agg(pl.coalesce(group.filter(pl.col("enough").sort_by("step")).first(), group.last()))
    )


def _circles(peers: Peers, own: list[str]) -> pl.DataFrame:
    """Every group that a circle belongs to, its own first: `circle`, `step`, `peer_group`."""
    widest = list(peers.widen)[-1:]
    rows = [
        (circle, step, group)
        for circle in own
        for step, group in enumerate((circle, *peers.widen))
        if group == circle or circle in peers.widen[group] or (circle not in ORG_TYPES and group in widest)
    ]
    return pl.DataFrame(rows, schema={"circle": pl.String, "step": pl.UInt8, "peer_group": pl.String}, orient="row")
