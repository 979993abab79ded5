"""How far the first of the list depend on what was assumed: the same collection, one assumption changed at a time."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import polars as pl

from crosscheck.pipeline import cross_check
from crosscheck.visits.plan import Capacity
from crosscheck.vocabulary import COMPLIANT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from crosscheck.collection.read import Collection
    from crosscheck.risk.model import RiskModel
    from crosscheck.standard import Standard

# A list of which less than this share of the first stay, when one assumption is changed within reason, is no list to go
# by (choice: with three in five left, a wrong assumption costs fewer visits than the random draw does).
GATE: Final = 0.6
FIRST: Final = 50  # how many declarations of compliance count as the first, unless somebody says otherwise

_KEYS: Final = ("org_code", "function")
_AS_STATED: Final = "as stated"
_SLIGHT: Final = 1e-3


def vary_assumptions(collection: Collection, standard: Standard, year: str, first: int = FIRST) -> pl.DataFrame:
    """Make the list again under other assumptions, and compare who is among its first.

    Args:
        collection: what was read.
        standard: with the assumptions as stated.
        year: the assessment year.
        first: how many declarations of compliance count as the first.

    Returns:
        One row an assumption, the one that changes most first: `assumption`, `kept` (share of the first that stay among
        them), `correlation` (of ranks, over all declarations of compliance) and `farthest` (most places that one of the
        first falls).
    """
    lists = {name: _rank(collection, varied, year) for name, varied in _vary(standard)}
    stated = lists.pop(_AS_STATED)
    rows = [(name, *_compare(stated, other, first)) for name, other in lists.items()]
    compared = pl.DataFrame(rows, schema=["assumption", "kept", "correlation", "farthest"], orient="row")
    return compared.with_columns(pl.col("kept", "correlation").round(3)).sort("kept", "assumption")


def _vary(standard: Standard) -> Iterator[tuple[str, Standard]]:
    """What a reasonable person might assume instead."""
    risk, indicators = standard.risk, standard.indicators
    by_similar = replace(indicators.peers, by="similar")
    yield _AS_STATED, standard
    yield "experts' weights alone, nothing learnt", standard.leave_weights()
    yield (
        "peers are the most similar organisations",
        replace(standard, indicators=replace(indicators, peers=by_similar)),
    )
    for name, changed in _vary_weights(risk):
        yield name, replace(standard, risk=changed)


def _vary_weights(risk: RiskModel) -> Iterator[tuple[str, RiskModel]]:
    def changed(name: str, **numbers: float) -> RiskModel:
        return risk.model_copy(update={name: getattr(risk, name).model_copy(update=numbers)})

    yield "8% of random visits do not uphold", changed("prior", not_upheld_share=0.08)
    yield "20% of random visits do not uphold", changed("prior", not_upheld_share=0.2)
    yield "no account looks better than what others hold", changed("link", shading=0.0, shading_sd=_SLIGHT)
    yield "accounts that look better tell twice as much", changed("link", shading=min(2 * risk.link.shading, 0.6))
    yield "quality tells two thirds as much", changed("link", quality=risk.link.quality * 2 / 3)
    yield "checks add nothing beside answers", changed("correlation", beside_answers=0.0)
    yield (
        "checks add twice as much beside answers",
        changed("correlation", beside_answers=2 * risk.correlation.beside_answers),
    )
    yield "remarks of partners say nothing", changed("comments", quality=0.0, quality_sd=_SLIGHT)
    yield (
        "items of a section share twice as much",
        risk.model_copy(
            update={
                "quality": risk.quality.model_copy(
                    update={"group": risk.quality.group.model_copy(update={"loading": 0.3})}
                )
            }
        ),
    )
    yield (
        "figures tell half as much",
        risk.model_copy(
            update={
                "figures": {
                    name: bearing.model_copy(update={"quality": bearing.quality / 2})
                    for name, bearing in risk.figures.items()
                }
            }
        ),
    )


def _rank(collection: Collection, standard: Standard, year: str) -> pl.DataFrame:
    """The declarations of compliance, worst first."""
    listed = cross_check(collection, standard, year, Capacity(0, 0.0, 0)).visit_list
    compliant = listed.filter(pl.col("declared") == COMPLIANT).sort("rank")
    return compliant.select(_KEYS).with_row_index("place", offset=1)


def _compare(stated: pl.DataFrame, other: pl.DataFrame, first: int) -> tuple[float, float, int]:
    both = stated.join(other, on=_KEYS, suffix="_other")
    before = both.filter(pl.col("place") <= first)
    kept = before.select((pl.col("place_other") <= first).mean()).item()
    fall = before.select((pl.col("place_other").cast(pl.Int64) - pl.col("place").cast(pl.Int64)).max()).item()
    return float(kept or 0.0), float(both.select(pl.corr("place", "place_other")).item()), int(fall or 0)
