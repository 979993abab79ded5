"""The years before: what was so, what was declared, and what visitors found who can err."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl
from scipy.special import expit, logit, ndtri

from crosscheck.frames import INPUTS
from crosscheck.simulation.places import FORMER
from crosscheck.simulation.truth import statuses
from crosscheck.vocabulary import COMPLIANT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from crosscheck.simulation.chance import Chance
    from crosscheck.simulation.model import SimulationModel, WorldPlan
    from crosscheck.simulation.truth import Boards

# Inspections of a former year ran for three months from the June after it.
_SEASON: Final = 90


@dataclass(frozen=True)
class Former:
    """One former year: `shortfall` and `status` of every organisation as a whole."""

    year: str
    shortfall: NDArray[np.float64]
    status: NDArray[np.str_]


def look_back(first: pl.DataFrame, boards: Boards, plan: WorldPlan, chance: Chance) -> list[Former]:
    """What was so and what was declared in the years before, the oldest first.

    Args:
        first: the first declaration of each organisation, in the organisations' order (`truth.declare`).
        boards: how candid each board is, and how well it knows its house: that does not change.
        plan: how slowly organisations change, and what share was declared compliant.
        chance: the world's chance.
    """
    model, drawn = plan.model, chance.of("history")
    persistence, shortfall = model.truth.persistence.value, first["shortfall"].to_numpy()
    years = []
    for year, compliant in reversed(list(zip(model.former_years, model.declared.former_compliant, strict=True))):
        change = drawn.standard_normal(len(shortfall))
        shortfall = persistence * shortfall + np.sqrt(1 - persistence**2) * change
        believed = shortfall + boards.misjudgement * drawn.standard_normal(len(shortfall))
        urge = believed + plan.at(model.parameters.reticence) * boards.candour
        years.append(Former(year, shortfall, statuses(urge, believed, compliant, model.declared.not_met_share.value)))
    return years[::-1]


def list_declarations(
    functions: pl.DataFrame,
    organisations: pl.DataFrame,
    former: Sequence[Former],
    model: SimulationModel,
    chance: Chance,
) -> pl.DataFrame:
    """`frames.INPUTS["declarations"]`: the year's, and those of the years before as they were made then.

    Before two of the former years some organisations were formed from others: those declared under their own codes, and
    some primary care trusts have no declaration of the first year at all.
    """
    drawn = chance.of("statements")
    now = functions.select("org_code", "function", "category", "status", year=pl.lit(model.year))
    made = [now]
    formed = organisations.filter(pl.col("org_type") == "acute").head(model.organisations.successions)["org_code"]
    predecessors = {code: FORMER.format(number + 1) for number, code in enumerate(formed)}
    for position, past in enumerate(former):
        then = organisations.select(
            "category",
            "org_type",
            "org_code",
            function=pl.lit("whole"),
            year=pl.lit(past.year),
            status=pl.Series(past.status),
        )
        if position == 0:
            missing = pl.Series(drawn.random(then.height) < model.organisations.reformed)
            then = then.filter(~((pl.col("org_type") == "pct") & missing))
        if position < len(former) - 1:
            then = then.with_columns(pl.col("org_code").replace(predecessors))
        made.append(then.select(now.columns))
    return _stated(pl.concat(made), model, drawn).sort(INPUTS["declarations"].key)


def _stated(declarations: pl.DataFrame, model: SimulationModel, drawn: np.random.Generator) -> pl.DataFrame:
    """With the words and the period of a lapse; a declaration of compliance says no more."""
    begins = pl.col("year").str.head(4).cast(pl.Int32)
    statements = []
    for status in declarations["status"]:
        texts = {"not_met": model.words.lapses, "insufficient_assurance": model.words.doubts}.get(status)
        subject = str(drawn.choice(model.words.subjects))
        statements.append(texts and str(drawn.choice(texts)).format(subject=subject))
    plain = pl.col("status") == "not_met"
    return (
        declarations.with_columns(month=drawn.integers(4, 10, size=declarations.height))
        .with_columns(
            standard=pl.lit(model.standard),
            lapse_from=pl.when(plain).then(pl.date(begins, "month", 1)),
            lapse_to=pl.when(plain).then(pl.date(begins + 1, 3, 31)),
            statement=pl.Series(statements, dtype=pl.String),
        )
        .select(INPUTS["declarations"].schema.names())
    )


def visit_former_years(
    organisations: pl.DataFrame, former: Sequence[Former], declarations: pl.DataFrame, plan: WorldPlan, chance: Chance
) -> pl.DataFrame:
    """`frames.INPUTS["visits"]`: in each former year some visits drawn by lot, others chosen by risk."""
    visits, knowledge = [], plan.model.visits.former_knowledge.value
    for past in former:
        drawn = chance.of(f"visits/{past.year}")
        known = knowledge * past.shortfall + np.sqrt(1 - knowledge**2) * drawn.standard_normal(len(past.shortfall))
        whole = organisations.select("org_code", "area", function=pl.lit("whole"), year=pl.lit(past.year)).with_columns(
            lapse=pl.Series(past.shortfall > ndtri(1 - plan.model.truth.not_met.value)), known=known
        )
        declared = declarations.filter((pl.col("year") == past.year) & (pl.col("status") == COMPLIANT))
        compliant = whole.join(declared.select("org_code"), on="org_code", how="semi", maintain_order="left")
        begin = date(int(past.year[:4]) + 1, 6, 1)
        numbers = (plan.model.visits.former_random, plan.model.visits.former_risk)
        visits.append(visit(compliant, numbers, (begin, _SEASON), plan, drawn))
    return pl.concat(visits).sort(INPUTS["visits"].key)


def visit(
    compliant: pl.DataFrame,
    numbers: tuple[int, int],
    season: tuple[date, int],
    plan: WorldPlan,
    drawn: np.random.Generator,
) -> pl.DataFrame:
    """Visit some declarations of compliance: so many by lot, then so many of the others by what is known of them.

    Args:
        compliant: `org_code`, `function`, `year`, `area` (of the region whose team visits), `lapse` (the standard is
            not met) and `known` (the higher, the sooner visited).
        numbers: how many by lot, how many by risk.
        season: the first day, and for how many days.
        plan: how often visitors err, and how lenient teams are.
        drawn: chance.

    Returns:
        `frames.INPUTS["visits"]`; `inclusion_probability` for those drawn by lot only.
    """
    by_lot, by_risk = numbers
    order = drawn.permutation(compliant.height)
    lot = np.zeros(compliant.height, dtype=bool)
    lot[order[:by_lot]] = True
    worst = np.lexsort((order, -np.where(lot, -np.inf, compliant["known"].to_numpy())))[:by_risk]
    risk = np.zeros_like(lot)
    risk[worst] = True
    first, days = season
    days_on = drawn.integers(days, size=compliant.height)
    qualified = drawn.random(compliant.height) < _found(compliant, plan, drawn)
    visited = compliant.with_columns(
        selected_by=pl.Series(np.where(lot, "random", "risk")),
        inclusion_probability=pl.when(pl.Series(lot)).then(round(by_lot / compliant.height, 4)),
        visited_on=pl.Series([first + timedelta(days=int(day)) for day in days_on]),
        finding=pl.Series(np.where(qualified, "qualified", "upheld")),
        assessor=pl.lit(None, dtype=pl.String),
        standard=pl.lit(None, dtype=pl.String),
    )
    return visited.filter(pl.Series(lot | risk)).select(INPUTS["visits"].schema.names())


def _found(compliant: pl.DataFrame, plan: WorldPlan, drawn: np.random.Generator) -> NDArray[np.float64]:
    """How likely the team of the region finds a lapse: where there is one, and where there is none."""
    visits = plan.model.visits
    teams = visits.leniency.value * drawn.standard_normal(len(plan.model.regions))
    finds = np.where(compliant["lapse"].to_numpy(), visits.sensitivity.value, 1 - visits.specificity.value)
    found: NDArray[np.float64] = expit(logit(finds) - teams[compliant["area"].to_numpy()])
    return found
