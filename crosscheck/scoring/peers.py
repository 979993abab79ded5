"""Peers: with whom an organisation's figure is compared, and by which rule the circle widens where they are too few."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from crosscheck.figures.dispersion import MAD_TO_SD, Floats
from crosscheck.vocabulary import ORG_TYPES

if TYPE_CHECKING:
    from crosscheck.scoring.model import Peers

# What tells one figure from another: a figure given in two ways (with counts and without) is compared by each apart.
FIGURE: Final = ("indicator", "kind")

# How large an organisation is: its staff, the people it serves, the children among them. Logarithms are compared, since
# from 100 to 200 staff is as far as from 1,000 to 2,000.
_SIZES: Final = ("staff_wte", "caseload_population", "population_0_4")

_SIMILAR: Final = pl.Schema({"org_code": pl.String(), "peer": pl.String(), "distance": pl.Float64()})


def similar_organisations(organisations: pl.DataFrame) -> pl.DataFrame:
    """Order the organisations of one type by how similar they are to each of them.

    Four things are compared: staff, people served, children aged 0 to 4, and services. A size is on the logarithmic
    scale, in scaled median absolute deviations from the median of its type; services count as the square root of the
    share of them that one provides and the other does not. The distance is the root of the sum of squares over what is
    known of both, scaled up by how much of the four that is: what is absent is not imputed (a zero would make every
    small trust like those that did not say), and two of which nothing is known in common have no distance.

    Args:
        organisations: the conformed table `organisations`.

    Returns:
        One row an organisation and another of its type: `org_code`, `peer`, `distance` (0 is alike), nearest first;
        of those equally near the first by code.
    """
    ordered = organisations.sort("org_type", "org_code")
    of_types = [_distances(of_type) for of_type in ordered.partition_by("org_type", maintain_order=True)]
    return pl.concat([_SIMILAR.to_frame(), *of_types]).sort("org_code", "distance", "peer")


def gather_peers(figures: pl.DataFrame, peers: Peers, similar: pl.DataFrame | None = None) -> pl.DataFrame:
    """Lay each peer group's figures side by side.

    An organisation's peers are those of its circle that have the figure: its type, or its region where the figure is
    the judgement of the region's own authority. Where that makes fewer than `peers.least`, the circle widens through
    the groups of the model, in their order, until it is large enough; a region widens to the last of them at once.

    Where the most similar are to be its peers, they are the `peers.neighbours` nearest of its type that have the
    figure, and itself (`peer_group` is `similar to` its code). Where that makes fewer than `peers.least`, its peers are
    those of its whole type, and the circle widens from there.

    Args:
        figures: one row an organisation and figure: `indicator`, `kind`, `circle` and any further columns.
        peers: how many are enough, and how to widen.
        similar: organisations by nearness (`similar_organisations`), if any figure (`by_similar`) is compared so.

    Returns:
        The rows of `figures` with `peer_group` and `compared` (whether the row is scored in this group, or is only
        there for others to be compared with), in no order. Each row is `compared` in one group: the first that is large
        enough, else the widest.
    """
    circles = _circles(peers, figures["circle"].unique().to_list())
    # Groups are chosen on counts first: the rows themselves are joined once, and only into groups that are used.
    chosen = _choose_groups(figures.group_by(*FIGURE, "circle").len(), circles, peers.least)
    gathered = (
        chosen.select(*FIGURE, "peer_group")
        .unique()
        .join(circles.drop("step"), on="peer_group")
        .join(chosen.with_columns(compared=True), on=(*FIGURE, "circle", "peer_group"), how="left")
        .with_columns(pl.col("compared").fill_null(value=False))
        .join(figures, on=(*FIGURE, "circle"))
    )
    return gathered if similar is None else _prefer_similar(gathered, _gather_similar(figures, peers, similar))


def _gather_similar(figures: pl.DataFrame, peers: Peers, similar: pl.DataFrame) -> pl.DataFrame:
    """Each organisation beside those most similar to it that have the figure, where they are enough."""
    group = (*FIGURE, "peer_group")
    by_similar = figures.filter("by_similar").select(
        *FIGURE, "org_code", peer_group=pl.format("similar to {}", "org_code")
    )
    # A distance of -1 ranks the organisation before all its peers, so that it is always in its own group.
    itself = pl.concat([similar, similar.select("org_code", peer="org_code", distance=pl.lit(-1.0)).unique()])
    return (
        by_similar.join(itself, on="org_code")
        .with_columns(compared=pl.col("peer") == pl.col("org_code"))
        .drop("org_code")
        .join(figures, left_on=(*FIGURE, "peer"), right_on=(*FIGURE, "org_code"))
        .filter(pl.struct("distance", "peer").rank("ordinal").over(group) <= peers.neighbours + 1)
        .filter(pl.len().over(group) >= peers.least)
        .rename({"peer": "org_code"})
        .drop("distance")
    )


def _prefer_similar(gathered: pl.DataFrame, nearest: pl.DataFrame) -> pl.DataFrame:
    """The groups of the most similar where there are such, the others where there are not."""
    key = (*FIGURE, "org_code")
    found = nearest.filter("compared").select(*key, nearer=pl.lit(value=True))
    others = (
        gathered.join(found, on=key, how="left")
        .with_columns(compared=pl.col("compared") & pl.col("nearer").is_null())
        .drop("nearer")
        .filter(pl.col("compared").any().over(*FIGURE, "peer_group"))
    )
    return pl.concat([others, nearest.select(others.columns)])


def _distances(of_type: pl.DataFrame) -> pl.DataFrame:
    """Everybody of one type by their distance from each of them."""
    from sklearn.neighbors import NearestNeighbors

    codes, features = of_type["org_code"], _features(of_type)
    if of_type.height < 2:
        return _SIMILAR.to_frame()
    # All neighbours and not the nearest few: which of them have the figure is known only later, figure by figure.
    search = NearestNeighbors(n_neighbors=of_type.height - 1, metric="nan_euclidean").fit(features)
    distances, nearest = search.kneighbors()
    return pl.DataFrame(
        {
            "org_code": codes.gather(np.repeat(np.arange(of_type.height), of_type.height - 1)),
            "peer": codes.gather(nearest.ravel()),
            "distance": distances.ravel().round(9),
        },
        schema=_SIMILAR,
    ).filter(pl.col("distance").is_finite())


def _features(of_type: pl.DataFrame) -> Floats:
    """Organisations × coordinates, NaN where unknown.

    A thing fills as many coordinates as there are services, each by the root of its share. So the four count alike, and
    an unknown one leaves out exactly a quarter of the coordinates, by which the distance is then scaled.
    """
    services = of_type["services"].explode(empty_as_null=False, keep_nulls=False).unique().sort().to_list() or [""]
    provided = of_type.select(
        pl.col("services").list.contains(service).cast(pl.Float64).alias(service) for service in services
    )
    sizes = [_robust(of_type[size].log1p().cast(pl.Float64).fill_null(np.nan).to_numpy()) for size in _SIZES]
    repeated = np.repeat(np.column_stack(sizes), len(services), axis=1)
    return np.asarray(np.hstack([repeated, provided.fill_null(np.nan).to_numpy()]) / np.sqrt(len(services)))


def _robust(sizes: Floats) -> Floats:
    """In scaled median absolute deviations; where more than half are alike, as they are."""
    finite = sizes[np.isfinite(sizes)]
    deviation = MAD_TO_SD * np.median(np.abs(finite - np.median(finite))) if finite.size else 0.0
    return np.asarray(sizes / deviation if deviation > 0 else sizes)


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
