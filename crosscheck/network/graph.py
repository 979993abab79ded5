"""Organisations tied to one another, each tie as seen from one of its ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

from crosscheck.vocabulary import RELATION, RELATIONS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

ORGANISATION: Final = "organisation"

# What an organisation's neighbours are to it: the relations that rules speak of, and who came before and after it.
_NEIGHBOUR: Final = pl.Enum([*RELATIONS, "predecessor", "successor"])


def relate(tables: Mapping[str, pl.DataFrame], on: date) -> pl.DataFrame:
    """Say of each organisation which others it is tied to on a day, and how.

    Args:
        tables: the conformed tables of a collection; without rows in `relationships` there are no ties.
        on: the day that the answers speak of. A tie that ended before it, or began after it, is left out; one without
            a date has no beginning or no end.

    Returns:
        One row a relation of one organisation to another, by all columns: `org_code`; `relation`, what the other is to
        it (if A commissions B, then B is a `provider` to A, and A a `commissioner` to B); `other_code`; `item`, for
        `other_party` the number of the review, which is the last part of the case number (0 where it has none), and 0
        for the rest; `reference`, the board of `same_lscb`, the case number of `other_party`, else empty. Both ends
        are in the collection, no organisation is tied to itself, and no row is there twice.
    """
    ties = tables["relationships"].filter(in_force(on))
    scope = tables["organisations"].select(other_code="org_code")
    # Each tie is written from both ends at once: rules then ask from one end and never need to turn a tie round.
    seen = pl.concat([*_commissions(ties), _boards(ties), *_reviews(ties)])
    return (
        seen.filter(pl.col("org_code") != pl.col("other_code"))
        .join(scope, on="other_code", how="semi")
        .join(scope, left_on="org_code", right_on="other_code", how="semi")
        .unique()
        .sort("org_code", "relation", "other_code", "item", "reference")
    )


def in_force(on: date) -> pl.Expr:
    """Whether a tie of `relationships` holds on that day, its first and its last day among them."""
    begun = (pl.col("since") <= on).fill_null(True)
    lasts = (pl.col("until") >= on).fill_null(True)
    return begun & lasts


def name_bodies(tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Name whatever a tie can lead to, once: `code`, `kind` (`organisation`, or what kind of body), `name`, by code."""
    organisations = tables["organisations"].select(code="org_code", kind=pl.lit(ORGANISATION), name="name")
    bodies = tables["bodies"].select(code="body_code", kind="kind", name="name")
    return pl.concat([organisations, bodies]).unique("code", keep="first", maintain_order=True).sort("code")


def neighbours(ties: pl.DataFrame, predecessors: pl.DataFrame, names: pl.DataFrame, org_code: str) -> pl.DataFrame:
    """List whom an organisation is tied to, whom it took over from, and who took over from it.

    Args:
        ties: as `relate` gives them.
        predecessors: as `succession.trace_succession` gives them.
        names: as `name_bodies` gives them; a former body is often without a name.
        org_code: the organisation.

    Returns:
        One row a relation and neighbour, in the order of the relations: `relation`, `code`, `name` (null where it is
        not known), `through` (the board with its name, the case number, the day of the succession; else empty).
    """
    listed = list_neighbours(ties, predecessors, names)
    return listed.filter(pl.col("org_code") == org_code).drop("org_code")


def list_neighbours(ties: pl.DataFrame, predecessors: pl.DataFrame, names: pl.DataFrame) -> pl.DataFrame:
    """The neighbours of every organisation, as `neighbours` lists those of one, by `org_code`."""
    boards = names.select(reference="code", board="name")
    present = ties.join(boards, on="reference", how="left").select(
        "org_code",
        pl.col("relation").cast(_NEIGHBOUR),
        code="other_code",
        through=pl.concat_str("reference", "board", separator=" ", ignore_nulls=True),
    )
    former = _succession("predecessor", predecessors, "org_code", "predecessor")
    later = _succession("successor", predecessors, "predecessor", "org_code")
    return (
        pl.concat([present, former, later], how="diagonal")
        .join(names.select("code", "name"), on="code", how="left")
        .sort("org_code", "relation", "through", "code")
        .select("org_code", "relation", "code", "name", "through")
    )


def _tie(relation: str, own: str, other: str, item: pl.Expr, reference: pl.Expr) -> list[pl.Expr]:
    return [
        pl.col(own).alias("org_code"),
        pl.lit(relation, dtype=RELATION).alias("relation"),
        pl.col(other).alias("other_code"),
        item.cast(pl.UInt8, strict=False).fill_null(0).alias("item"),
        reference.fill_null("").alias("reference"),
    ]


def _both_ways(
    ties: pl.DataFrame, to_first: str, to_second: str, item: pl.Expr, reference: pl.Expr
) -> list[pl.DataFrame]:
    """Each tie twice: what the second end is to the first, and the first to the second."""
    return [
        ties.select(_tie(to_first, "from_code", "to_code", item, reference)),
        ties.select(_tie(to_second, "to_code", "from_code", item, reference)),
    ]


def _commissions(ties: pl.DataFrame) -> list[pl.DataFrame]:
    commissions = ties.filter(pl.col("relation") == "commissions")
    return _both_ways(commissions, "provider", "commissioner", pl.lit(0), pl.lit(""))


def _reviews(ties: pl.DataFrame) -> list[pl.DataFrame]:
    """Both parties of each review; a third that shares only the case number is not tied: the collection names pairs."""
    reviews = ties.filter(pl.col("relation") == "shared_review")
    number = pl.col("reference").str.extract(r"-(\d+)$")
    return _both_ways(reviews, "other_party", "other_party", number, pl.col("reference"))


def _boards(ties: pl.DataFrame) -> pl.DataFrame:
    """Every two members of one board."""
    members = ties.filter(pl.col("relation") == "sits_on").select("from_code", "to_code")
    pairs = members.join(members.select("to_code", other="from_code"), on="to_code")
    return pairs.select(_tie("same_lscb", "from_code", "other", pl.lit(0), pl.col("to_code")))


def _succession(relation: str, predecessors: pl.DataFrame, own: str, other: str) -> pl.DataFrame:
    since = pl.format("since {}", pl.col("since").dt.strftime("%-d %B %Y")).fill_null("")
    chain = pl.when(pl.col("depth") > 1).then(pl.format(", {} steps", "depth")).otherwise(pl.lit(""))
    return predecessors.select(
        pl.col(own).alias("org_code"),
        pl.lit(relation, dtype=_NEIGHBOUR).alias("relation"),
        pl.col(other).alias("code"),
        (since + chain).alias("through"),
    )
