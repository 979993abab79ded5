"""Scores beside given peers: what an answer or a figure scores for an organisation that does not count among them.

So made-up organisations are scored as the real ones are, and move nobody. Positive is worse.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from crosscheck.figures.dispersion import adjust, estimate_spread
from crosscheck.figures.kinds import KINDS, FigureGroup, WithError
from crosscheck.scoring.indicators import (
    AskedItem,
    answers_of_everybody,
    answers_of_peers,
    gather_answers,
    gather_figures,
    range_of,
)
from crosscheck.scoring.peers import FIGURE, gather_peers
from crosscheck.scoring.shares import score_levels, score_numbers_beside, to_scale

if TYPE_CHECKING:
    from collections.abc import Callable

    from crosscheck.figures.dispersion import Floats
    from crosscheck.questionnaire import Questionnaire
    from crosscheck.scoring.model import IndicatorModel

_PARTS: Final = ("numerator", "denominator", "value", "sd_within")
_STEPS: Final = (0.0, 0.25, 0.5, 0.75, 1.0)  # quantiles of what a type has
_WORSE: Final = {"lower_better": 1.0, "higher_better": -1.0}


@dataclass(frozen=True)
class _PeerGroup:
    """The figures or answers of one peer group, and what they are; `levels` and `unit` of a question."""

    indicator: str
    kind: str
    levels: int | None
    unit: str | None
    figures: FigureGroup


def score_answers_beside(
    values: pl.DataFrame,
    answers: pl.DataFrame,
    questionnaire: Questionnaire,
    organisations: pl.DataFrame,
    model: IndicatorModel,
) -> pl.DataFrame:
    """Score answers of organisations that do not count.

    Args:
        values: one row a type, question and answer: `org_type`, `indicator` (as of `indicators.score_answers`), `value`
            (a number, or the place of a level among the levels).
        answers: as of `indicators.score_answers`.
        questionnaire: the same.
        organisations: the same.
        model: the same.

    Returns:
        The rows with `z`, in another order; without those to which the peers of the type have too few answers. A worse
        answer has a higher z.
    """
    peers = _lay_out_peers(gather_answers(answers, questionnaire, organisations, model), model)
    everybody = answers_of_everybody(peers)

    def score(group: _PeerGroup, given: Floats) -> Floats:
        asked_item = AskedItem(everybody[group.indicator], group.kind, group.levels, group.unit)
        # The distribution is made of real peers alone: a probe must not change what it is compared with.
        distribution = answers_of_peers(group.figures.value, asked_item, model)
        if asked_item.levels:
            return score_levels(given, distribution)
        return score_numbers_beside(
            to_scale(given, range_of(asked_item, model).scale, model.percent_floor), distribution
        )

    return _score_groups(values, peers, score, model.peers.least)


def step_figures(indicators: pl.DataFrame, organisations: pl.DataFrame, model: IndicatorModel) -> pl.DataFrame:
    """Figures from other sources at quantiles of what each type has, and what they would score.

    Args:
        indicators: as of `indicators.score_figures`.
        organisations: the same.
        model: the same.

    Returns:
        One row a type, figure with a worse end and quantile: `org_type`, `indicator`, `value`, `z`. Counts are out of
        the middle number of the type.
    """
    peers = _lay_out_peers(gather_figures(indicators, organisations, model), model)
    quantiles = [pl.col("value").quantile(step, "nearest").alias(str(step)) for step in _STEPS]
    values = (
        peers.filter("compared")
        .group_by("org_type", "indicator")
        .agg(*quantiles)
        .unpivot(index=["org_type", "indicator"], value_name="value")
        .drop("variable")
        .unique()
    )
    return _score_groups(values, peers, lambda group, given: _score_figures(group, given, model), model.peers.least)


def _lay_out_peers(figures: pl.DataFrame, model: IndicatorModel) -> pl.DataFrame:
    """All peer groups side by side, the whole type (or region) being compared; figures without a worse end left out."""
    worse = pl.col("direction").replace_strict(_WORSE, default=None, return_dtype=pl.Float64)
    directed = figures.with_columns(worse=worse, by_similar=pl.lit(value=False)).filter(pl.col("worse").is_not_null())
    return gather_peers(directed, model.peers).sort(*FIGURE, "peer_group", "org_code")


def _score_groups(
    values: pl.DataFrame, peers: pl.DataFrame, score: Callable[[_PeerGroup, Floats], Floats], least: int
) -> pl.DataFrame:
    """The values with `z`, each scored in the group in which most of its type is, if that is large enough."""
    group = (*FIGURE, "peer_group")
    attributes = pl.col("worse", "levels", "unit").first()
    groups = peers.group_by(group, maintain_order=True).agg(attributes, size=pl.len()).with_row_index("group")
    starts = groups["size"].cum_sum() - groups["size"]
    # A type may be spread over several peer groups (regions); the largest stands for it, ties by name.
    chosen = (
        peers.filter("compared")
        .group_by("org_type", *group)
        .len()
        .sort("len", *group, descending=[True, False, False, False])
        .unique(["org_type", "indicator"], keep="first", maintain_order=True)
        .join(groups.filter(pl.col("size") >= least), on=group)
    )
    placed = values.join(chosen.select("org_type", "indicator", "group"), on=["org_type", "indicator"]).sort("group")
    given, of_group = placed["value"].to_numpy(), placed["group"].to_numpy()
    parts = [peers[part].cast(pl.Float64).to_numpy() for part in _PARTS]
    z = np.empty(placed.height)
    for at in np.unique(of_group).tolist():
        _, indicator, kind, _, worse, levels, unit, size = groups.row(at)
        first, (low, high) = starts[at], np.searchsorted(of_group, [at, at + 1])
        figures = FigureGroup(*(part[first : first + size] for part in parts))
        z[low:high] = worse * score(_PeerGroup(indicator, kind, levels, unit, figures), given[low:high])
    return placed.drop("group").with_columns(z=pl.Series(z + 0.0))


def _score_figures(group: _PeerGroup, given: Floats, model: IndicatorModel) -> Floats:
    """Positive is more than expected. Figures without an error of their own are some that peers have."""
    of_peers, formula = group.figures, KINDS[group.kind].formula
    if not isinstance(formula, WithError):
        different, at = np.unique(of_peers.value, return_index=True)
        return np.asarray(np.interp(given, different, formula.distances(of_peers.value, model.percent_floor)[1][at]))
    expected = formula.deviations(of_peers, None)
    total = np.full(given.size, np.nanmedian(of_peers.denominator))
    counted = given * total / KINDS[group.kind].per
    own = FigureGroup(counted, total, given, np.full(given.size, of_peers.sd_within[0]))
    target = formula.to_target(expected.target) if formula.to_target else None
    deviations = formula.deviations(own, target)
    return adjust(deviations.z, deviations.error, estimate_spread(expected, model.winsorised), model.adjustment)
