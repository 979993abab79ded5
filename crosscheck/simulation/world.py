"""An invented national collection with its truth, told on one page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import polars as pl

from crosscheck.cases.returns import count_adverse
from crosscheck.contract.inputs import INPUTS
from crosscheck.simulation.answers import answer_questions, discriminate, establish_facts
from crosscheck.simulation.chance import Chance
from crosscheck.simulation.comments import comment
from crosscheck.simulation.duties import set_duties
from crosscheck.simulation.figures import simulate_figures
from crosscheck.simulation.history import look_back, simulate_declarations
from crosscheck.simulation.places import found_organisations, simulate_bodies, tie_organisations
from crosscheck.simulation.truth import declare, list_functions, seat_boards, see_duties
from crosscheck.simulation.visits import (
    CRITERIA,
    list_breaches,
    list_criteria,
    see_criteria,
    visit,
    visit_former_years,
)
from crosscheck.vocabulary import means_met

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from crosscheck.questionnaire import Questionnaire
    from crosscheck.simulation.duties import Duties
    from crosscheck.simulation.history import Former
    from crosscheck.simulation.margins import Target
    from crosscheck.simulation.model import WorldPlan


# What is not held where nothing is held but an organisation's own word and its history.
_WORD_OF_OTHERS: Final = (
    "indicators",
    "comments",
    "relationships",
    "bodies",
    "visits_wave_1",
    "visit_items_wave_1",
)


@dataclass(frozen=True)
class World:
    """An invented collection and what is true in it.

    `tables` are those of a collection as the reader gives them. `truth` has one row a declaration of the year, by
    `org_code`, `function`: `status` (as declared), `standard_met`, `upheld` (a perfect visit finds what was declared),
    `shortfall` (in the duties on which the standard rests, positive is worse; `unmeasured` is the part of it that
    nothing in the tables speaks of), `candour` (positive is more candid), `misjudgement` (standard deviation between
    what is and what the board believes), and how many duties are `breached`, `admitted`, `mistaken` (admitted and not
    breached) and `withheld` (breached and not admitted).
    `breaches` has one row a declaration of the year and duty that it has: `breached`, `admitted`, and `effect`, what a
    breach of it weighs in this world (0 where duties have no part).
    """

    tables: dict[str, pl.DataFrame]
    truth: pl.DataFrame
    breaches: pl.DataFrame


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
    types = organisations["org_type"].to_numpy()
    boards = seat_boards(organisations.height, sections, plan, chance)
    strengths = discriminate(questionnaire, plan)
    duties = set_duties(organisations, boards, strengths, (questionnaire, figures), plan, chance)
    facts = establish_facts(boards, questionnaire, duties, plan, chance)
    declared, breached = declare(list_functions(organisations, model, chance), boards, duties, plan, chance)
    seen = see_duties(declared, organisations.height)
    # Before this year every organisation made one declaration, so the first of a trust's two stands for its past.
    first = declared.unique("place", keep="first", maintain_order=True).sort("place")
    former = look_back(first, boards, duties, types, plan, chance)
    declarations = simulate_declarations(declared, organisations, former, model, chance)
    answers = answer_questions(organisations, boards, (questionnaire, figures), duties, plan, chance)
    adverse = count_adverse(answers, organisations, questionnaire)
    visits = visit_former_years(organisations, former, declarations, plan, chance)
    first_wave = _first_wave(declared, organisations, adverse, plan, chance)
    bears = list_breaches(declared, duties, breached, answers, model)
    criteria = pl.concat([*_former_criteria(organisations, former, duties), bears.select(CRITERIA)])
    tables = {
        "organisations": organisations.select(INPUTS["organisations"].schema.names()).sort("org_code"),
        "declarations": declarations,
        "answers": answers,
        "indicators": simulate_figures(organisations, boards, seen, facts, plan, chance),
        "comments": comment(organisations, seen, plan, chance),
        "relationships": tie_organisations(organisations, model, chance),
        "bodies": simulate_bodies(model, chance),
        "visits": visits,
        "visit_items": see_criteria(visits, criteria, plan, chance.of("criteria")),
        "visits_wave_1": first_wave,
        "visit_items_wave_1": see_criteria(first_wave, criteria, plan, chance.of("criteria of the first wave")),
    }
    # Emptied and not left out: a world of this mechanism has the same tables as all others.
    if plan.cause.own_word_only:
        tables |= {name: tables[name].clear() for name in _WORD_OF_OTHERS}
    conformed = {name: _conform(table, name) for name, table in tables.items()}
    return World(conformed, _truth(declared, bears), bears)


def _former_criteria(organisations: pl.DataFrame, former: Sequence[Former], duties: Duties) -> Iterator[pl.DataFrame]:
    for past in former:
        whole = organisations.select("org_code", function=pl.lit("whole"), year=pl.lit(past.year))
        yield list_criteria(whole, duties, past.is_asked, past.breached)


def _first_wave(
    declared: pl.DataFrame, organisations: pl.DataFrame, adverse: pl.DataFrame, plan: WorldPlan, chance: Chance
) -> pl.DataFrame:
    """The year's first visits: half at random, half where most answers are adverse."""
    visits = plan.model.visits
    compliant = (
        declared.filter(means_met("status"))
        .join(organisations.select("org_code", "area"), on="org_code", maintain_order="left")
        .join(adverse, on="org_code", maintain_order="left")
        .with_columns(
            year=pl.lit(plan.model.year), lapse=~pl.col("standard_met"), known=pl.col("adverse").cast(pl.Float64)
        )
    )
    return visit(compliant, (visits.random, visits.risk), (visits.first_day, visits.days), plan, chance)


def _truth(declared: pl.DataFrame, bears: pl.DataFrame) -> pl.DataFrame:
    """One row a declaration: what is so, and how many duties are breached and admitted."""
    breached, admitted = pl.col("breached"), pl.col("admitted")
    counted = bears.group_by("org_code", "function").agg(
        breached=breached.sum().cast(pl.Int64),
        admitted=admitted.sum().cast(pl.Int64),
        mistaken=(admitted & ~breached).sum().cast(pl.Int64),
        withheld=(breached & ~admitted).sum().cast(pl.Int64),
    )
    return declared.join(counted, on=["org_code", "function"], how="left", maintain_order="left").select(
        "org_code",
        "function",
        "status",
        "standard_met",
        "shortfall",
        "unmeasured",
        "candour",
        "misjudgement",
        *(pl.col(name).fill_null(0) for name in ("breached", "admitted", "mistaken", "withheld")),
        upheld=pl.col("standard_met") == (means_met("status")),
    )


def _conform(table: pl.DataFrame, name: str) -> pl.DataFrame:
    """The table as the reader gives it: its columns in order, each of its type."""
    if name == "answers":
        return table
    contract_table = INPUTS[name.removesuffix("_wave_1")]
    return (
        table.cast(contract_table.schema)
        .select(contract_table.schema.names())
        .sort(contract_table.key or contract_table.schema.names())
    )
