"""The whole flow on one page: read, relate, join, check, score, weigh, plan."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl
from threadpoolctl import threadpool_limits

from crosscheck.cases import build_cases, census_day
from crosscheck.history import hand_down, last_day
from crosscheck.network.graph import name_bodies, relate
from crosscheck.network.succession import trace_succession
from crosscheck.risk.evidence import price_checks, weigh
from crosscheck.risk.items import gather_items
from crosscheck.risk.posterior import rank_declarations
from crosscheck.risk.quality import measure_quality
from crosscheck.rulebook.evaluate import evaluate, judge
from crosscheck.rulebook.silence import count_cost
from crosscheck.rulebook.waivers import waive
from crosscheck.scoring.indicators import score_answers, score_figures
from crosscheck.scoring.multivariate import screen_organisations
from crosscheck.scoring.patterns import find_patterns
from crosscheck.scoring.polarity import check_polarity, make_up_tables
from crosscheck.scoring.pooling import pool_scores
from crosscheck.scoring.surprise import predict_statuses
from crosscheck.visits.listing import list_declarations, list_findings, list_visits
from crosscheck.visits.plan import Capacity, plan_visits

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from crosscheck.collection.read import Collection
    from crosscheck.network.succession import Lineage
    from crosscheck.risk.model import RiskModel
    from crosscheck.risk.quality import Quality
    from crosscheck.rulebook.rule import Rulebook
    from crosscheck.standard import Standard


@dataclass(frozen=True)
class Outcome:
    """Every table that a run makes, each named for what one row is.

    `ties`, `lineage` and `names` are the network: who is tied to whom, who came before whom, what each is called.
    `silences` are checks that can't be told for anybody because a whole source said nothing.
    `doubts` are items of which it is not sure which end is worse; `quality` is what all items have in common. `screens`
    are what asks and does not weigh: tables by name, none unless they were asked for.
    """

    ties: pl.DataFrame
    lineage: Lineage
    names: pl.DataFrame
    cases: pl.DataFrame
    findings: pl.DataFrame
    silences: pl.DataFrame
    scores: pl.DataFrame
    pooled: pl.DataFrame
    doubts: pl.DataFrame
    quality: Quality
    parts: pl.DataFrame
    visit_list: pl.DataFrame
    screens: Mapping[str, pl.DataFrame]


def cross_check(
    collection: Collection,
    standard: Standard,
    year: str,
    capacity: Capacity,
    step: Callable[[str], AbstractContextManager[object]] = lambda _: nullcontext(),
    *,
    with_screens: bool = False,
) -> Outcome:
    """Hold every declaration of the year against all that is known, and order them by what a visit would likely find.

    Args:
        collection: what was read; nothing is read or written here.
        standard: the questionnaire, rules and models.
        year: assessment year, as `2008/09`; earlier years are history.
        capacity: how many visits, how many by lot, and the seed.
        step: is entered around each step with its name, to time it or to show progress.
        with_screens: also make what asks and does not weigh; it takes some seconds more.
    """
    tables, questionnaire, figures = collection.tables, standard.questionnaire, standard.indicators.names
    with ThreadPoolExecutor(max_workers=1) as beside:
        with step("relate"):
            ties, lineage, names = _relate(tables, year)
        with step("join"):
            cases = build_cases(tables, questionnaire, figures, year, standard.name, lineage.predecessors)
        with step("check"):
            findings, silences = _check(cases, None if "relationships" in collection.absent else ties, standard, year)
        with step("score"):
            scores = _score(tables, standard)
            pooled = pool_scores(scores, standard.indicators)
        made_up = beside.submit(_check_made_up, tables["indicators"], standard, year)
        with step("weigh"), one_thread():
            visits = list_findings(tables, standard.name)
            quality = _measure(tables, visits, scores, lineage, standard, year)
            weighing = _weighing(findings, standard.risk)
            parts = weigh(cases, weighing, quality, visits, standard.risk, year)
            findings = price_checks(findings, weighing, parts, standard.risk)
            ranked = rank_declarations(parts, quality, standard.risk, capacity.seed)
        with step("plan"):
            declarations = list_declarations(cases, ranked, visits.filter(pl.col("year") == year))
            untested = declarations.filter(pl.col("visited").is_null())
            planned = plan_visits(untested, _unmet_duties(findings, standard.rulebook), capacity)
            visit_list = list_visits(declarations, planned, findings, parts)
        with step("test the signs"):
            doubts = check_polarity(scores, *made_up.result(), standard.polarity)
    with step("screen") if with_screens else nullcontext():
        screens = screen_returns(tables, cases, scores, standard) if with_screens else {}
    return Outcome(
        ties, lineage, names, cases, findings, silences, scores, pooled, doubts, quality, parts, visit_list, screens
    )


def screen_returns(
    tables: Mapping[str, pl.DataFrame], cases: pl.DataFrame, scores: pl.DataFrame, standard: Standard
) -> dict[str, pl.DataFrame]:
    """What asks and does not weigh, until visits show what it is worth.

    Returns:
        `patterns` of a return against a simulated null, `oddities` among peers with their `contributions`, and
        `surprises`: the declared status against the one that the rest of the evidence predicts, with `foretelling`, the
        honest account of how well it does.
    """
    patterns = find_patterns(
        tables["answers"], standard.questionnaire, tables["organisations"], tables["indicators"], standard.patterns
    )
    screen = screen_organisations(scores, cases, standard.screens)
    surprises, foretelling = predict_statuses(cases, scores, standard.screens)
    return {
        "patterns": patterns,
        "oddities": screen.oddities,
        "contributions": screen.contributions,
        "surprises": surprises,
        "foretelling": foretelling.fifths.with_columns(
            log_loss=pl.lit(foretelling.log_loss),
            base_log_loss=pl.lit(foretelling.base_log_loss),
            auc=pl.lit(foretelling.auc),
        ),
    }


def _relate(tables: Mapping[str, pl.DataFrame], year: str) -> tuple[pl.DataFrame, Lineage, pl.DataFrame]:
    day = census_day(year)
    return relate(tables, day), trace_succession(tables["relationships"], day), name_bodies(tables)


def _check(
    cases: pl.DataFrame, ties: pl.DataFrame | None, standard: Standard, year: str
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Findings, with those that are waived, and which checks a silent source cost."""
    findings = evaluate(cases, standard.rulebook, ties)
    return waive(findings, standard.waivers, last_day(year)), count_cost(standard.rulebook, cases, ties)


def _measure(
    tables: Mapping[str, pl.DataFrame],
    visits: pl.DataFrame,
    scores: pl.DataFrame,
    lineage: Lineage,
    standard: Standard,
    year: str,
) -> Quality:
    """What all items reveal of every organisation; what its predecessors declared and met with is its own."""
    past = {"visits": visits, "declarations": tables["declarations"]}
    handed = {name: hand_down(rows, lineage.predecessors, ("year",)) for name, rows in past.items()}
    items = gather_items(scores, {**tables, **handed}, standard.questionnaire, standard.risk, year)
    return measure_quality(items, visits, standard.risk, year)


def _score(tables: Mapping[str, pl.DataFrame], standard: Standard) -> pl.DataFrame:
    organisations, model = tables["organisations"], standard.indicators
    figures = score_figures(tables["indicators"], organisations, model)
    answers = score_answers(tables["answers"], standard.questionnaire, organisations, model)
    return pl.concat([figures, answers])


def _check_made_up(indicators: pl.DataFrame, standard: Standard, year: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Score and check made-up organisations, from the worst to the best: whoever knows the signs can tell them apart.

    Only checks of a declaration against an answer have a worse end: two accounts contradict each other at either.
    """
    questionnaire, names = standard.questionnaire, standard.indicators.names
    made_up = make_up_tables(indicators, questionnaire, standard.polarity, year, standard.name)
    made_up_cases = build_cases(made_up, questionnaire, names, year, standard.name)
    verdicts = judge(made_up_cases, standard.rulebook.of_kind("declaration_vs_answer")).unpivot(
        index=["org_code", "function"], variable_name="check_id", value_name="verdict"
    )
    findings = verdicts.with_columns(evidence=pl.lit("a made-up return with every ordered answer at that end"))
    return _score(made_up, standard), findings


def one_thread() -> AbstractContextManager[object]:
    """Matrices on one thread: the same bytes on any number of cores, and small ones are done sooner by one."""
    limited: AbstractContextManager[object] = threadpool_limits(limits=1, user_api="blas")
    return limited


def _weighing(findings: pl.DataFrame, model: RiskModel) -> pl.DataFrame:
    """Findings that weigh: not waived, and not of a kind that only asks until visits show that it should weigh."""
    asking = [kind for kind, weight in model.kinds.items() if weight.factor == 0]
    return findings.filter(pl.col("waived").is_null() & pl.col("kind").is_in(asking).not_())


def _unmet_duties(findings: pl.DataFrame, rulebook: Rulebook) -> pl.DataFrame:
    """Declarations of which the organisation's own answers say that a grave statutory duty is unmet.

    So say checks of a declaration against an answer only: where two accounts contradict each other, nobody knows which
    is right.
    """
    against_answers = rulebook.of_kind("declaration_vs_answer")
    duties = [rule.id for rule in against_answers if rule.strength == "statutory" and rule.severity == "high"]
    unmet = (pl.col("verdict") == "differs") & pl.col("check_id").is_in(duties) & pl.col("waived").is_null()
    return findings.filter(unmet).select("org_code", "function").unique(maintain_order=True)
