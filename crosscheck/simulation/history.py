"""The years before: what was so, and what was declared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from crosscheck.contract.inputs import INPUTS
from crosscheck.simulation.duties import belong_to, weigh_breaches
from crosscheck.simulation.places import FORMER
from crosscheck.simulation.truth import falls_short, statuses

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from crosscheck.simulation.chance import Chance
    from crosscheck.simulation.duties import Duties
    from crosscheck.simulation.model import SimulationModel, WorldPlan
    from crosscheck.simulation.truth import Boards


@dataclass(frozen=True)
class Former:
    """One former year: what was so of every organisation as a whole, and what it declared (`status`).

    `lapse` says whether the standard was not met; `is_asked` and `breached` have one column a duty: those that it had,
    and those of them that it breached.
    """

    year: str
    shortfall: NDArray[np.float64]
    lapse: NDArray[np.bool_]
    status: NDArray[np.str_]
    is_asked: NDArray[np.bool_]
    breached: NDArray[np.bool_]


def look_back(
    first: pl.DataFrame, boards: Boards, duties: Duties, types: NDArray[np.str_], plan: WorldPlan, chance: Chance
) -> list[Former]:
    """What was so and what was declared in the years before, the oldest first.

    Args:
        first: the first declaration of each organisation, in the organisations' order (`truth.declare`).
        boards: how candid each board is, and how well it knows its house: that does not change.
        duties: how organisations stand with single duties now; what a breach weighs does not change.
        types: the organisations' types.
        plan: how slowly organisations change, and what share was declared compliant.
        chance: the world's chance.
    """
    model, drawn = plan.model, chance.of("history")
    persistence, of_whole = model.truth.persistence.value, _of_whole(duties, types, model)
    breaches = first["breaches"].to_numpy()
    rest, standing = first["shortfall"].to_numpy() - breaches, duties.standing
    part, beside = breaches.std(), rest.std() if breaches.any() else 1.0
    years = []
    for year, compliant in reversed(list(zip(model.former_years, model.declared.former_compliant, strict=True))):
        # An autoregression of first order: however many years back, the variance stays that of this year.
        rest = persistence * rest + np.sqrt(1 - persistence**2) * beside * drawn.standard_normal(len(rest))
        standing = _stood(standing, model, chance.of(f"duties/{year}"))
        breached = of_whole & (standing > duties.limits)
        groups = np.where(types == "pct", "pct", "others")
        shortfall = part * weigh_breaches(breached, duties.effects, groups) + rest
        believed = shortfall + boards.misjudgement * drawn.standard_normal(len(shortfall))
        urge = believed + plan.at(model.parameters.reticence) * boards.candour
        status = statuses(urge, believed, compliant, model.declared.not_met_share.value)
        years.append(Former(year, shortfall, falls_short(shortfall, plan, chance, year), status, of_whole, breached))
    return years[::-1]


def _of_whole(duties: Duties, types: NDArray[np.str_], model: SimulationModel) -> NDArray[np.bool_]:
    """The duties of each organisation as a whole: of a primary care trust those of both functions."""
    own = belong_to(["whole"], duties, model)
    return np.where((types == "pct")[:, None], belong_to(["commissioner", "provider"], duties, model), own)


def _stood(standing: NDArray[np.float64], model: SimulationModel, drawn: np.random.Generator) -> NDArray[np.float64]:
    persistence = model.breaches.persistence.value
    stood: NDArray[np.float64] = persistence * standing + np.sqrt(1 - persistence**2) * drawn.standard_normal(
        standing.shape
    )
    return stood


def simulate_declarations(
    functions: pl.DataFrame,
    organisations: pl.DataFrame,
    former: Sequence[Former],
    model: SimulationModel,
    chance: Chance,
) -> pl.DataFrame:
    """`inputs.INPUTS["declarations"]`: the year's, and those of the years before as they were made then.

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
        texts = {"not_met": model.words.lapses, "insufficient_assurance": model.words.uncertainties}.get(status)
        # A subject is drawn for every row, used or not, so that one status changes no later row.
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
