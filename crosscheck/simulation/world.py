"""An invented national collection with its truth, told on one page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from crosscheck.adverse import count_adverse
from crosscheck.frames import INPUTS
from crosscheck.simulation.answers import answer_questions
from crosscheck.simulation.chance import Chance
from crosscheck.simulation.comments import comment
from crosscheck.simulation.figures import gather_figures
from crosscheck.simulation.history import list_declarations, look_back, visit, visit_former_years
from crosscheck.simulation.places import found_organisations, name_bodies, tie_organisations
from crosscheck.simulation.truth import declare, list_functions, seat_boards, see_duties
from crosscheck.vocabulary import COMPLIANT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from crosscheck.questionnaire import Questionnaire
    from crosscheck.simulation.margins import Target
    from crosscheck.simulation.model import WorldPlan


@dataclass(frozen=True)
class World:
    """An invented collection and what is true in it.

    `tables` are those of a collection as the reader gives them. `truth` has one row a declaration of the year, by
    `org_code`, `function`: `status` (as declared), `standard_met`, `upheld` (a perfect visit finds what was declared),
    `shortfall` (in the duties on which the standard rests, positive is worse; `unmeasured` is the part of it that
    nothing in the tables speaks of), `candour` (positive is more candid) and `misjudgement` (standard deviation between
    what is and what the board believes).
    """

    tables: dict[str, pl.DataFrame]
    truth: pl.DataFrame


def build_world(
    plan: WorldPlan, questionnaire: Questionnaire, figures: Mapping[str, Sequence[Target]], seed: int
) -> World:
    """Invent a national collection.

    Args:
        plan: how it is invented, at one level of difficulty.
        questionnaire: what was asked of whom.
        figures: the published figures that answers agree with, by question (`margins.read_targets`).
        seed: the same seed gives the same world, whatever else is drawn.
    """
    model, chance = plan.model, Chance(seed)
    sections = sorted({question.section for question in questionnaire})
    organisations = found_organisations(model, chance)
    boards = seat_boards(organisations.height, sections, plan, chance)
    declared = declare(list_functions(organisations, model, chance), boards, plan, chance)
    duties = see_duties(declared, organisations.height)
    former = look_back(declared.unique("place", keep="first", maintain_order=True).sort("place"), boards, plan, chance)
    declarations = list_declarations(declared, organisations, former, model, chance)
    answers = answer_questions(organisations, boards, questionnaire, figures, plan, chance)
    tables = {
        "organisations": organisations.select(INPUTS["organisations"].schema.names()).sort("org_code"),
        "declarations": declarations,
        "answers": answers,
        "indicators": gather_figures(organisations, boards, duties, plan, chance),
        "comments": comment(organisations, duties, plan, chance),
        "relationships": tie_organisations(organisations, model, chance),
        "bodies": name_bodies(model, chance),
        "visits": visit_former_years(organisations, former, declarations, plan, chance),
        "visits_wave_1": _first_wave(
            declared, organisations, count_adverse(answers, organisations, questionnaire), plan, chance
        ),
    }
    conformed = {name: _conform(table, name) for name, table in tables.items()}
    return World(conformed, _truth(declared))


def _first_wave(
    declared: pl.DataFrame, organisations: pl.DataFrame, adverse: pl.DataFrame, plan: WorldPlan, chance: Chance
) -> pl.DataFrame:
    """The year's first visits: half by lot, half where most answers are adverse."""
    visits = plan.model.visits
    compliant = (
        declared.filter(pl.col("status") == COMPLIANT)
        .join(organisations.select("org_code", "area"), on="org_code", maintain_order="left")
        .join(adverse, on="org_code", maintain_order="left")
        .with_columns(
            year=pl.lit(plan.model.year), lapse=~pl.col("standard_met"), known=pl.col("adverse").cast(pl.Float64)
        )
    )
    season = (visits.first_day, visits.days)
    return visit(compliant, (visits.random, visits.risk), season, plan, chance.of("first wave"))


def _truth(declared: pl.DataFrame) -> pl.DataFrame:
    return declared.select(
        "org_code",
        "function",
        "status",
        "standard_met",
        "shortfall",
        "unmeasured",
        "candour",
        "misjudgement",
        upheld=pl.col("standard_met") == (pl.col("status") == COMPLIANT),
    )


def _conform(table: pl.DataFrame, name: str) -> pl.DataFrame:
    """The table as the reader gives it: its columns in order, each of its type."""
    known = INPUTS.get("visits" if name == "visits_wave_1" else name)
    if name == "answers" or known is None:
        return table
    return table.cast(known.schema).select(known.schema.names()).sort(known.key or known.schema.names())
