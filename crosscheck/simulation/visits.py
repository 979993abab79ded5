"""Visits to declarations of compliance: who is visited, by whom, what is found, and what was seen of each duty."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl
from scipy.special import expit, logit

from crosscheck.contract.inputs import INPUTS
from crosscheck.vocabulary import means_met

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from crosscheck.simulation.chance import Chance
    from crosscheck.simulation.duties import Duties
    from crosscheck.simulation.history import Former
    from crosscheck.simulation.model import SimulationModel, WorldPlan

_ASSESSOR: Final = "INVA{:02d}{}"
_VISIT: Final = ("org_code", "function", "year")
CRITERIA: Final = (*_VISIT, "question_id", "breached", "effect")
# Inspections of a former year ran for three months from the June after it.
_SEASON: Final = 90
# A breach that weighs less than this is no reason to qualify a declaration: it is seen and passed over.
_SLIGHT: Final = 0.2


def visit_former_years(
    organisations: pl.DataFrame, former: Sequence[Former], declarations: pl.DataFrame, plan: WorldPlan, chance: Chance
) -> pl.DataFrame:
    """`inputs.INPUTS["visits"]`: in each former year some visits drawn at random, others chosen by risk."""
    visits, stated = [], plan.model.visits
    knowledge = stated.former_knowledge.value
    for past in former:
        drawn = chance.of(f"visits/{past.year}")
        foreknowledge = knowledge * past.shortfall + np.sqrt(1 - knowledge**2) * drawn.standard_normal(
            len(past.shortfall)
        )
        whole = organisations.select("org_code", "area", function=pl.lit("whole"), year=pl.lit(past.year)).with_columns(
            lapse=pl.Series(past.lapse), known=foreknowledge
        )
        declared = declarations.filter((pl.col("year") == past.year) & (means_met("status")))
        compliant = whole.join(declared.select("org_code"), on="org_code", how="semi", maintain_order="left")
        season = (date(int(past.year[:4]) + 1, 6, 1), _SEASON)
        if plan.cause.visits_by_chance:
            visits.append(_visit_by_chance(compliant, season, plan, chance))
        else:
            numbers = (stated.former_random, stated.former_risk)
            visits.append(visit(compliant, numbers, season, plan, chance))
    return pl.concat(visits)


def visit(
    compliant: pl.DataFrame, numbers: tuple[int, int], season: tuple[date, int], plan: WorldPlan, chance: Chance
) -> pl.DataFrame:
    """Visit some declarations of compliance: so many at random, then so many of the others by what is known of them.

    Args:
        compliant: `org_code`, `function`, `year` (the same in all), `area` (of the region whose assessors visit),
            `lapse` (the standard is not met) and `known` (the higher, the sooner visited).
        numbers: how many at random, how many by risk.
        season: the first day, and for how many days.
        plan: how often assessors err, and how they differ.
        chance: the world's chance.

    Returns:
        `inputs.INPUTS["visits"]`; `inclusion_probability` for those drawn at random only.
    """
    (at_random, by_risk), (first, days) = numbers, season
    drawn = chance.of(f"visits/{compliant['year'][0]}/{first}")
    order = drawn.permutation(compliant.height)
    is_random = np.zeros(compliant.height, dtype=bool)
    is_random[order[:at_random]] = True
    # Random visits are drawn first: only those whom chance left over can be visited for their risk.
    worst = np.lexsort((order, -np.where(is_random, -np.inf, compliant["known"].to_numpy())))[:by_risk]
    risk = np.zeros_like(is_random)
    risk[worst] = True
    days_on = drawn.integers(days, size=compliant.height)
    chosen = compliant.with_columns(
        selected_by=pl.Series(np.where(is_random, "random", "risk")),
        inclusion_probability=pl.when(pl.Series(is_random)).then(round(at_random / compliant.height, 4)),
        visited_on=pl.Series([first + timedelta(days=int(day)) for day in days_on]),
    )
    return _find(chosen, plan, chance, drawn).filter(pl.Series(is_random | risk))


def _visit_by_chance(
    compliant: pl.DataFrame, season: tuple[date, int], plan: WorldPlan, chance: Chance
) -> pl.DataFrame:
    """Very many visits of one year, several to each declaration, on different days."""
    drawn, (first, days) = chance.of(f"visits by chance/{compliant['year'][0]}"), season
    number = plan.cause.visits_by_chance // len(plan.model.former_years)
    chosen = drawn.choice(compliant.height * days, size=number, replace=False)
    visited = compliant[chosen // days].with_columns(
        selected_by=pl.lit("random"),
        inclusion_probability=pl.lit(min(1.0, number / compliant.height)),
        visited_on=pl.Series([first + timedelta(days=int(day)) for day in chosen % days]),
    )
    return _find(visited, plan, chance, drawn)


def _find(chosen: pl.DataFrame, plan: WorldPlan, chance: Chance, drawn: np.random.Generator) -> pl.DataFrame:
    """What an assessor of the region finds: the stricter one is, the more lapses, there or not."""
    stated, regions = plan.model.visits, len(plan.model.regions)
    # A stream of its own, the same in every year: an assessor is as strict in one year as in the next.
    strictness = stated.strictness.value * chance.of("assessors").standard_normal((regions, stated.assessors))
    area, who = chosen["area"].to_numpy(), drawn.integers(stated.assessors, size=chosen.height)
    finds = np.where(chosen["lapse"].to_numpy(), stated.sensitivity.value, 1 - stated.specificity.value)
    if plan.cause.visits_by_chance:
        finds, strictness = np.full(chosen.height, plan.cause.not_met), np.zeros_like(strictness)
    qualified = drawn.random(chosen.height) < expit(logit(finds) + strictness[area, who])
    return chosen.with_columns(
        finding=pl.Series(np.where(qualified, "qualified", "upheld")),
        assessor=pl.Series(
            [_ASSESSOR.format(region + 1, "ABCDEFGH"[letter]) for region, letter in zip(area, who, strict=True)]
        ),
        standard=pl.lit(None, dtype=pl.String),
    ).select(INPUTS["visits"].schema.names())


def list_criteria(
    declarations: pl.DataFrame,
    duties: Duties,
    is_asked: NDArray[np.bool_],
    breached: NDArray[np.bool_],
) -> pl.DataFrame:
    """What a visit to each declaration would ask about.

    Args:
        declarations: `org_code`, `function`, `year`, any of them visited or not.
        duties: the duties, and what a breach of each weighs.
        is_asked: which duties each declaration has, one column a duty.
        breached: which of them are breached.

    Returns:
        One row a declaration and duty that it has: the keys, `question_id`, `breached`, `effect`.
    """
    row, column = np.nonzero(is_asked)
    return (
        declarations[row]
        .select(_VISIT)
        .with_columns(
            question_id=pl.Series(duties.names).gather(column),
            breached=pl.Series(breached[row, column]),
            effect=pl.Series(duties.effects[column]),
        )
    )


def list_breaches(
    declared: pl.DataFrame, duties: Duties, breached: NDArray[np.bool_], answers: pl.DataFrame, model: SimulationModel
) -> pl.DataFrame:
    """The duties of every declaration of the year as `list_criteria`, with `admitted`: its answer says "not met"."""
    functions = declared["function"].to_numpy()
    of_function = np.array([[function in duty.of for duty in model.duties.values()] for function in functions])
    is_asked = duties.is_asked[declared["place"].to_numpy()] & of_function
    listed = list_criteria(declared.with_columns(year=pl.lit(model.year)), duties, is_asked, breached)
    unmet = [(name, level) for name, duty in model.duties.items() for level in duty.unmet]
    admitted = answers.join(
        pl.DataFrame(unmet, schema={"question_id": pl.String, "level": pl.String}, orient="row"),
        on=["question_id", "level"],
        how="semi",
    ).select("org_code", "question_id", admitted=True)
    listed = listed.join(admitted, on=["org_code", "question_id"], how="left", maintain_order="left")
    return listed.with_columns(pl.col("admitted").fill_null(value=False))


def see_criteria(
    visits: pl.DataFrame, criteria: pl.DataFrame, plan: WorldPlan, drawn: np.random.Generator
) -> pl.DataFrame:
    """What the first visit to each declaration saw of each duty.

    A visit that qualifies a declaration finds absent most of what is not there, and at least one duty, be it by
    mistake; one that upholds it finds absent only what weighs next to nothing, and is not offered, or passes over, the
    rest.

    Returns:
        `inputs.INPUTS["visit_items"]`.
    """
    stated, keys = plan.model.visits, [*_VISIT, "question_id"]
    first = visits.sort(*_VISIT, "visited_on").unique(_VISIT, keep="first", maintain_order=True)
    looked = first.select(*_VISIT, "finding").join(criteria, on=_VISIT, maintain_order="left").sort(keys)
    chance = pl.Series(drawn.random(looked.height))
    insists = (pl.col("finding") == "qualified") | (pl.col("effect") < _SLIGHT)
    not_offered = pl.when(pl.col("breached") & ~insists).then(stated.let_pass.value).otherwise(stated.not_offered.value)
    absent = pl.col("breached") & insists & (chance < stated.sees.value)
    # The random half breaks ties and can lift no duty that is met over a breached one, which weighs at least 1.
    weight = pl.col("breached") * (1 + pl.col("effect")) + pl.Series(drawn.random(looked.height)) / 2
    # Who qualifies a declaration has to say why: where nothing was seen absent, the gravest duty is.
    must = (pl.col("finding") == "qualified") & (pl.col("weight") == pl.col("weight").max().over(_VISIT))
    return (
        looked.with_columns(absent=absent, weight=weight)
        .with_columns(absent=pl.col("absent") | (must & ~pl.col("absent").any().over(_VISIT)))
        .with_columns(
            seen=pl.when("absent")
            .then(pl.lit("absent"))
            .when(chance > 1 - not_offered)
            .then(pl.lit("not_offered"))
            .otherwise(pl.lit("seen")),
            item=pl.lit(None, dtype=pl.String),
            standard=pl.lit(None, dtype=pl.String),
        )
        .select(INPUTS["visit_items"].schema.names())
    )
