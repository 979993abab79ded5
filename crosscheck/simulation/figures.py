"""Figures from other sources: some see what is so, some see the area, some see nothing that matters here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl
from scipy.special import expit, logit

from crosscheck.contract.inputs import INPUTS
from crosscheck.simulation.chance import pick_levels

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from crosscheck.simulation.chance import Chance
    from crosscheck.simulation.model import Figure, WorldPlan
    from crosscheck.simulation.truth import Boards

_BOARD_SHARES: Final = {"pct": 22.0, "acute": 2.0, "mental_health": 2.0, "ambulance": 1.0}

# However well a source sees, it does not see through walls.
_STRONGEST: Final = 0.95


def simulate_figures(
    organisations: pl.DataFrame,
    boards: Boards,
    duties: NDArray[np.float64],
    facts: Mapping[str, NDArray[np.float64]],
    plan: WorldPlan,
    chance: Chance,
) -> pl.DataFrame:
    """Every figure that the plan states, about the organisations that have it.

    Args:
        organisations: as they were founded.
        boards: what is so of them, in the same order.
        duties: their shortfall in the duties that can be seen, in the same order.
        facts: what is so of single questions, of which some figures are records (`answers.establish_facts`).
        plan: what each figure speaks of, and how well.
        chance: the world's chance.

    Returns:
        `inputs.INPUTS["indicators"]`, by its key.
    """
    seen = {"duties": duties, "all": _all_sections(boards, plan), "nothing": np.zeros(len(duties))}
    seen |= {section: boards.shortfall_of(section) for section in boards.sections}
    seen |= facts
    seen["area"] = _shared(organisations["board"], chance, "areas")
    measures = _measures(organisations, seen["area"])
    figures = [
        _figure(name, figure, organisations, seen, measures, (plan, chance))
        for name, figure in plan.model.figures.items()
    ]
    return pl.concat(figures).sort(INPUTS["indicators"].key)


def _all_sections(boards: Boards, plan: WorldPlan) -> NDArray[np.float64]:
    number, common = len(boards.sections), plan.model.truth.common.value
    together: NDArray[np.float64] = boards.shortfalls.sum(axis=1) / np.sqrt(common * number**2 + (1 - common) * number)
    return together


def _shared(groups: pl.Series, chance: Chance, name: str) -> NDArray[np.float64]:
    """One standard normal for each group, the same for all its members."""
    members = groups.to_numpy()
    shared: NDArray[np.float64] = chance.of(name).standard_normal(members.max() + 1)[members]
    return shared


def _measures(organisations: pl.DataFrame, area: NDArray[np.float64]) -> pl.DataFrame:
    """What sizes are reckoned by."""
    return organisations.with_columns(
        one=pl.lit(1.0),
        board_share=pl.col("org_type").replace_strict(_BOARD_SHARES, return_dtype=pl.Float64),
        deprivation_rank=pl.when(pl.col("population_0_4").is_not_null()).then(pl.Series(-area)).rank("ordinal"),
    )


def _figure(
    name: str,
    figure: Figure,
    organisations: pl.DataFrame,
    seen: dict[str, NDArray[np.float64]],
    measures: pl.DataFrame,
    world: tuple[WorldPlan, Chance],
) -> pl.DataFrame:
    plan, chance = world
    drawn = chance.of(f"figure/{name}")
    number = organisations.height
    strength = figure.strength if figure.record_of else min(_STRONGEST, figure.strength * plan.sources)
    # An older figure speaks of how things were then, so the further back it is, the less it says of today.
    past = plan.model.truth.persistence.value**figure.years_old
    subject = past * seen[figure.record_of or figure.speaks_of] + np.sqrt(1 - past**2) * drawn.standard_normal(number)
    noise = np.sqrt(figure.area) * seen["area"] + np.sqrt(1 - figure.area) * drawn.standard_normal(number)
    raters = _shared(organisations["area"], chance, f"rater/{name}")
    worse = strength * subject + np.sqrt(1 - strength**2) * noise
    worse = (worse + figure.rater * raters) / np.sqrt(1 + figure.rater**2)
    held = [figure.held.get(kind, 0.0) for kind in organisations["org_type"]]
    is_published = pl.Series(drawn.random(number) < held)
    counted = {"share": _share, "grade": _grade, "size": _size}[figure.kind](figure, worse, measures, drawn)
    source, indicator = name.split(".", 1)
    return _conform(
        counted.with_columns(
            org_code=organisations["org_code"],
            source=pl.lit(source),
            indicator=pl.lit(indicator),
            period=pl.lit(figure.period),
            direction=pl.lit(figure.direction),
        ).filter(is_published & counted.select(pl.any_horizontal(pl.all().is_not_null())).to_series())
    )


def _conform(figures: pl.DataFrame) -> pl.DataFrame:
    schema = INPUTS["indicators"].schema
    missing = [pl.lit(None, dtype=dtype).alias(name) for name, dtype in schema.items() if name not in figures.columns]
    return figures.with_columns(missing).select(schema.names())


def _share(
    figure: Figure, worse: NDArray[np.float64], measures: pl.DataFrame, drawn: np.random.Generator
) -> pl.DataFrame:
    """So many of so many: the share differs between organisations, and chance makes the count of it."""
    if isinstance(figure.out_of, str):
        out_of = measures[figure.out_of].to_numpy().astype(np.int64)
    else:
        low, high = figure.out_of
        # Uniform on the log scale, so that small denominators, which need most care, are as common as large ones.
        out_of = np.round(np.exp(drawn.uniform(np.log(low), np.log(high), len(worse)))).astype(np.int64)
    sign = -1.0 if figure.direction == "higher_better" else 1.0
    share = expit(logit(figure.centre / 100) + sign * figure.spread * worse)
    counts = drawn.binomial(out_of, share)
    value = None if figure.counts_only else np.round(100 * counts / out_of, 1)
    return pl.DataFrame(
        {"numerator": counts, "denominator": out_of, "value": value},
        schema={"numerator": pl.Float64, "denominator": pl.Float64, "value": pl.Float64},
        strict=False,
    )


def _grade(
    figure: Figure, worse: NDArray[np.float64], _measures: pl.DataFrame, _drawn: np.random.Generator
) -> pl.DataFrame:
    grades = pick_levels(-worse if figure.direction == "higher_better" else worse, np.array(figure.shares))
    return pl.DataFrame({"value": (grades + figure.lowest).astype(float)})


def _size(
    figure: Figure, worse: NDArray[np.float64], measures: pl.DataFrame, _drawn: np.random.Generator
) -> pl.DataFrame:
    """So many for each unit; what has no unit (children of a trust that serves no area) has no figure."""
    sizes = pl.Series(figure.each * np.exp(figure.spread * worse)) * measures[figure.per]
    return pl.DataFrame({"value": ((sizes / figure.step).round() * figure.step).round(6)})
