"""How far the first of the list depend on what was assumed: the same collection, one assumption changed at a time."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import polars as pl

from crosscheck.pipeline import cross_check
from crosscheck.visits.plan import Capacity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from crosscheck.collection.read import Collection
    from crosscheck.risk.model import AnswerLoading, CheckWeight, Loading, RiskModel
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
    yield "stated weights alone, nothing learnt", standard.without_learning()
    yield (
        "peers are the most similar organisations",
        replace(standard, indicators=replace(indicators, peers=by_similar)),
    )
    for name, changed in _vary_weights(risk):
        yield name, replace(standard, risk=changed)


def _vary_weights(risk: RiskModel) -> Iterator[tuple[str, RiskModel]]:
    def changed(name: str, **numbers: float) -> RiskModel:
        return risk.model_copy(update={name: getattr(risk, name).model_copy(update=numbers)})

    yield "8% are found wrong at random", changed("prior", found_share=0.08, visits=50.0)
    yield "20% are found wrong at random", changed("prior", found_share=0.2, visits=50.0)
    yield "visitors miss three lapses in ten", changed("visitors", sensitivity=0.7)
    yield "the standard follows from quality two thirds as closely", changed("link", quality=risk.link.quality * 2 / 3)
    yield "own accounts are not better than what others hold", risk.model_copy(update={"answers": _unbiased(risk)})
    yield "duties unmet weigh half as much", risk.model_copy(update={"checks": _scaled_checks(risk, 0.5)})
    yield "duties unmet weigh twice as much", risk.model_copy(update={"checks": _scaled_checks(risk, 2.0)})
    yield "what visits saw of single duties says nothing", changed("confirmation", visits=1e9)
    yield "remarks of partners say nothing", changed("comments", loading=0.0, sd=_SLIGHT)
    yield "items of a section share twice as much", _with_sections(risk, 2.0)
    yield "figures say half as much", risk.model_copy(update={"figures": _scaled_figures(risk, 0.5)})


def _unbiased(risk: RiskModel) -> dict[str, AnswerLoading]:
    return {
        name: loading.model_copy(update={"bias": 0.0, "bias_sd": _SLIGHT}) for name, loading in risk.answers.items()
    }


def _scaled_checks(risk: RiskModel, factor: float) -> dict[str, dict[str, CheckWeight]]:
    return {
        strength: {
            severity: weight.model_copy(update={"decibans": weight.decibans * factor})
            for severity, weight in by_severity.items()
        }
        for strength, by_severity in risk.checks.items()
    }


def _with_sections(risk: RiskModel, factor: float) -> RiskModel:
    section = risk.groups["section"]
    shared = section.model_copy(update={"loading": section.loading * factor})
    return risk.model_copy(update={"groups": risk.groups | {"section": shared}})


def _scaled_figures(risk: RiskModel, factor: float) -> dict[str, Loading]:
    return {
        name: loading.model_copy(update={"loading": loading.loading * factor}) for name, loading in risk.figures.items()
    }


def _rank(collection: Collection, standard: Standard, year: str) -> pl.DataFrame:
    """The declarations to visit, the first to visit first."""
    listed = cross_check(collection, standard, year, Capacity(0, 0.0, 0)).visit_list
    compliant = listed.filter(pl.col("pool") == "to_visit").sort("rank")
    return compliant.select(_KEYS).with_row_index("place", offset=1)


def _compare(stated: pl.DataFrame, other: pl.DataFrame, first: int) -> tuple[float, float, int]:
    both = stated.join(other, on=_KEYS, suffix="_other")
    before = both.filter(pl.col("place") <= first)
    kept = before.select((pl.col("place_other") <= first).mean()).item()
    fall = before.select((pl.col("place_other").cast(pl.Int64) - pl.col("place").cast(pl.Int64)).max()).item()
    return float(kept or 0.0), float(both.select(pl.corr("place", "place_other")).item()), int(fall or 0)
