"""The whole flow on one page: read, relate, join, check, score, weigh, plan."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl
from threadpoolctl import threadpool_limits

from crosscheck.cases.cases import build_cases, census_day
from crosscheck.cases.history import inherit_history, last_day
from crosscheck.cases.probes import REMARK, build_probe_cases, make_probes
from crosscheck.network.graph import name_bodies, relate
from crosscheck.network.succession import trace_succession
from crosscheck.risk.estimate import Known, estimate_risk
from crosscheck.risk.evidence import add_check_weights
from crosscheck.risk.intervals import rank_declarations
from crosscheck.risk.items import NOTHING_VERIFIED, gather_items
from crosscheck.risk.monotone import Verdicts, check_monotone
from crosscheck.risk.reasons import give_reasons
from crosscheck.rulebook.checks import (
    judge_probes,
    list_applicable,
    list_checks,
    names_used_together,
    own_names_of,
)
from crosscheck.rulebook.evaluate import evaluate, give_verdicts
from crosscheck.rulebook.missing_sources import checks_lost
from crosscheck.rulebook.waivers import waive
from crosscheck.scoring.beside import score_answers_beside, step_figures
from crosscheck.scoring.indicators import score_answers, score_figures
from crosscheck.scoring.outliers import find_outliers
from crosscheck.scoring.patterns import find_patterns
from crosscheck.scoring.polarity import build_polarity_probes, check_directions, check_polarity
from crosscheck.scoring.pooling import pool_scores
from crosscheck.scoring.unexpected_declarations import predict_statuses
from crosscheck.visits.benefit import weigh_benefit
from crosscheck.visits.duties import list_duties
from crosscheck.visits.follow_up import BETWEEN, list_follow_up
from crosscheck.visits.listing import all_visits, build_visit_list, describe_declarations, list_visit_items
from crosscheck.visits.not_assessed import list_not_assessed
from crosscheck.visits.plan import Capacity, plan_visits
from crosscheck.visits.pools import assign_pools

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from crosscheck.cases.probes import Probes
    from crosscheck.collection.read import Collection
    from crosscheck.network.succession import Lineage
    from crosscheck.questionnaire import Questionnaire
    from crosscheck.risk.estimate import Risk
    from crosscheck.risk.intervals import Ranked
    from crosscheck.risk.monotone import Monotone
    from crosscheck.rulebook.rule import Rulebook
    from crosscheck.standard import Standard
    from crosscheck.visits.plan import Plan


@dataclass(frozen=True)
class Outcome:
    """Every table that a run makes, each named for what one row is.

    `ties`, `lineage` and `names` are the network: which organisations are related, who came before whom, what each is
    called. `checks_lost` are checks that could be completed for nobody, because a whole source gave nothing.
    `polarity_warnings` are items of which it is not sure which end is worse; `items` is all that speaks of quality;
    `risk` is what was estimated, with the parts that add up to each risk, and `monotone` whether a worse answer can
    lower one; `places` are those that a declaration to visit may have; `not_assessed` is who is not on the list.
    `exploratory` are tables by name that do not affect risk or rank; none unless they were asked for.
    """

    ties: pl.DataFrame
    lineage: Lineage
    names: pl.DataFrame
    cases: pl.DataFrame
    findings: pl.DataFrame
    checks_lost: pl.DataFrame
    scores: pl.DataFrame
    pooled: pl.DataFrame
    polarity_warnings: pl.DataFrame
    items: pl.DataFrame
    risk: Risk
    monotone: Monotone
    places: pl.DataFrame
    visit_list: pl.DataFrame
    duties: pl.DataFrame
    follow_up: pl.DataFrame
    not_assessed: pl.DataFrame
    plan: Plan
    exploratory: Mapping[str, pl.DataFrame]


def cross_check(  # noqa: PLR0913 - what is read, how it is planned, and who watches: each caller needs other ones
    collection: Collection,
    standard: Standard,
    year: str,
    capacity: Capacity,
    step: Callable[[str], AbstractContextManager[object]] = lambda _: nullcontext(),
    *,
    with_exploratory: bool = False,
    refuse: Callable[[pl.DataFrame], None] = lambda _: None,
    refuse_breaches: Callable[[pl.DataFrame], None] = lambda _: None,
) -> Outcome:
    """Hold every declaration of the year against all that is known, and order them by what a visit would likely find.

    Args:
        collection: what was read; nothing is read or written here.
        standard: the questionnaire, rules and models.
        year: assessment year, for example `2008/09`; earlier years are history.
        capacity: how many organisations can be visited, how they are chosen, and the value of the draw.
        step: is entered around each step with its name, to time it or to show progress.
        with_exploratory: also make the exploratory tables; it takes some seconds more.
        refuse: is given the polarity warnings as soon as there are any, before anything is scored and before anything
            is weighed, and may raise.
        refuse_breaches: is given what went the wrong way (`risk.monotone.BREACHES`), and may raise.
    """
    tables, questionnaire, figures = collection.tables, standard.questionnaire, standard.indicators.names
    with ThreadPoolExecutor(max_workers=1) as beside:
        made_up = beside.submit(_check_made_up, tables["indicators"], standard, year)
        with step("relate"):
            ties, lineage, names = _relate(tables, year)
        with step("join"):
            cases = build_cases(tables, questionnaire, figures, year, standard.name, lineage.predecessors)
        probed = beside.submit(lay_out_probes, tables, cases, standard)
        with step("check"):
            findings, lost = _check(cases, None if "relationships" in collection.absent else ties, standard, year)
        with step("test the signs"):
            refuse(check_directions(*made_up.result()))
        with step("score"):
            scores = _score(tables, standard)
            refuse(warnings := check_polarity(scores, *made_up.result(), standard.polarity))
            pooled = pool_scores(scores, standard.indicators)
        checked = _Checked(cases, findings, scores, all_visits(tables, standard.name), lineage)
        with step("weigh"), one_thread():
            weighed = _weigh(collection, checked, standard, year, capacity)
            monotone = check_monotone(*probed.result(), weighed.risk, weighed.ranked.declarations, standard.risk)
            refuse_breaches(monotone.breaches)
        with step("plan"):
            planned = _plan(checked, weighed, standard, year, capacity)
            not_assessed = list_not_assessed(
                collection.mentions, tables, planned.visit_list, lineage.predecessors, year
            )
    with step("explore") if with_exploratory else nullcontext():
        exploratory = build_exploratory_tables(tables, cases, scores, standard) if with_exploratory else {}
    return Outcome(
        ties, lineage, names, cases, weighed.findings, lost, scores, pooled, warnings, weighed.items, weighed.risk,
        monotone, weighed.ranked.places, planned.visit_list, planned.duties, planned.follow_up, not_assessed,
        planned.plan, exploratory,
    )  # fmt: skip


def build_exploratory_tables(
    tables: Mapping[str, pl.DataFrame], cases: pl.DataFrame, scores: pl.DataFrame, standard: Standard
) -> dict[str, pl.DataFrame]:
    """Tables that do not affect risk or rank, until visits show what they are worth.

    Returns:
        `patterns` of a return against a simulated null, `outliers` among peers with their `contributions`, and
        `unexpected_declarations`: the declared status against the one that the rest of the evidence predicts, with
        `prediction_fit`: how well it predicts, by cross-validation.
    """
    patterns = find_patterns(
        tables["answers"], standard.questionnaire, tables["organisations"], tables["indicators"], standard.patterns
    )
    found = find_outliers(scores, cases, standard.exploratory)
    unexpected, fit = predict_statuses(cases, scores, standard.exploratory)
    return {
        "patterns": patterns,
        "outliers": found.outliers,
        "contributions": found.contributions,
        "unexpected_declarations": unexpected,
        "prediction_fit": fit.fifths.with_columns(
            log_loss=pl.lit(fit.log_loss),
            base_log_loss=pl.lit(fit.base_log_loss),
            auc=pl.lit(fit.auc),
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
    return waive(findings, standard.waivers, last_day(year)), checks_lost(standard.rulebook, cases, ties)


@dataclass(frozen=True)
class _Checked:
    """What is known before anything is weighed."""

    cases: pl.DataFrame
    findings: pl.DataFrame
    scores: pl.DataFrame
    visits: pl.DataFrame
    lineage: Lineage


@dataclass(frozen=True)
class _Weighed:
    """The evidence weighed: findings with what each added, and the declarations in order."""

    items: pl.DataFrame
    findings: pl.DataFrame
    risk: Risk
    ranked: Ranked


@dataclass(frozen=True)
class _Planned:
    """Whom to visit, what to ask by letter, and what to follow up."""

    visit_list: pl.DataFrame
    duties: pl.DataFrame
    follow_up: pl.DataFrame
    plan: Plan


def _weigh(collection: Collection, checked: _Checked, standard: Standard, year: str, capacity: Capacity) -> _Weighed:
    """The risk of every declaration, and its place within its pool."""
    known = _gather_known(collection, checked, standard, year)
    risk = estimate_risk(known, standard.risk, year)
    findings = add_check_weights(checked.findings, risk.parts, risk.learnt.weights)
    pools = assign_pools(checked.cases, checked.visits.filter(pl.col("year") == year))
    ranked = rank_declarations(checked.cases, risk, standard.risk, pools, capacity.visits)
    return _Weighed(known.items, findings, risk, ranked)


def _plan(checked: _Checked, weighed: _Weighed, standard: Standard, year: str, capacity: Capacity) -> _Planned:
    """The lists that people work by, each declaration with its one reason."""
    cases, findings = checked.cases, weighed.findings
    duties = list_duties(findings, _duties(standard.rulebook), _questions(standard.questionnaire))
    follow_up = list_follow_up(cases, standard.visits.subject, standard.questionnaire, last_day(year))
    visits_of_year = checked.visits.filter(pl.col("year") == year)
    declarations = describe_declarations(cases, weighed.ranked.declarations, visits_of_year)
    mandatory, change = standard.visits.mandatory, capacity.design.change_if_followed
    weighted = weigh_benefit(declarations, findings, mandatory.gravity, change)
    plan = plan_visits(weighted, duties, capacity, mandatory, year)
    reasons = give_reasons(cases, weighed.risk.parts, weighed.items, findings)
    visit_list = build_visit_list(declarations, plan.declarations, findings, duties, reasons)
    return _Planned(visit_list, duties, follow_up, plan)


def _gather_known(collection: Collection, checked: _Checked, standard: Standard, year: str) -> Known:
    """The evidence for the risk; what an organisation's predecessors declared and met with is its own."""
    tables, verified = collection.tables, _verified(collection)
    past = {"visits": checked.visits, "declarations": tables["declarations"]}
    finding = ["check_id", "org_code", "function"]
    waived = checked.findings.filter(pl.col("waived").is_not_null()).select(finding)
    handed = {name: inherit_history(rows, checked.lineage.predecessors, ("year",)) for name, rows in past.items()}
    return Known(
        cases=checked.cases,
        items=gather_items(checked.scores, {**tables, **handed}, standard.questionnaire, standard.risk, year, verified),
        findings=checked.findings.filter(pl.col("waived").is_null()),
        checks=list_checks(standard.rulebook),
        applicable=list_applicable(checked.cases, standard.rulebook).join(waived, on=finding, how="anti"),
        visits=handed["visits"],
        looks=list_visit_items(tables, standard.name),
        verified=verified,
    )


def _verified(collection: Collection) -> pl.DataFrame:
    """The answers that accepted replies have corrected, by the column of the cases that bears each."""
    review = pl.col("review").cast(pl.String).fill_null("")
    item = pl.when(review.is_in(["", "0"])).then(pl.lit("")).otherwise(pl.format("review{}.", review))
    named = [
        corrections.select("org_code", item=item + pl.col("question_id")) for corrections in collection.corrections
    ]
    return pl.concat([NOTHING_VERIFIED, *named]).unique(maintain_order=True)


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
    made_up = build_polarity_probes(indicators, questionnaire, standard.polarity, year, standard.name)
    made_up_cases = build_cases(made_up, questionnaire, names, year, standard.name)
    verdicts = give_verdicts(made_up_cases, standard.rulebook.of_kind("declaration_vs_answer")).unpivot(
        index=["org_code", "function"], variable_name="check_id", value_name="verdict"
    )
    findings = verdicts.with_columns(evidence=pl.lit("a made-up return with every ordered answer at that end"))
    return _score(made_up, standard), findings


def lay_out_probes(
    tables: Mapping[str, pl.DataFrame], cases: pl.DataFrame, standard: Standard
) -> tuple[Probes, pl.DataFrame, Verdicts]:
    """Make up organisations in chains from the worst answer to the best, for `risk.monotone.check_monotone`.

    Args:
        tables: the collection's; they say who the peers are.
        cases: one row a declaration; they say what is usual.
        standard: its rules are tried as far as their kind weighs.

    Returns:
        The probes, their scores among the real peers (`org_type`, `column`, `place`, `of`), and their verdicts.
    """
    organisations, questionnaire, model = tables["organisations"], standard.questionnaire, standard.indicators
    weighing = standard.rulebook.of_kind(*(name for name, kind in standard.risk.kinds.items() if kind.factor > 0))
    figures = step_figures(tables["indicators"], organisations, model).sort(
        "org_type", "indicator", "z", "value", descending=True
    )
    together = [*names_used_together(weighing), *standard.risk.facts.items()]
    probes = make_probes(cases, questionnaire, figures, together)
    ladders = probes.ladders.rename({"column": "indicator"})
    scored = [
        score_answers_beside(ladders, tables["answers"], questionnaire, organisations, model),
        ladders.join(figures, on=("org_type", "indicator", "value")),
        ladders.filter(pl.col("indicator").str.starts_with(REMARK)).with_columns(z=-pl.col("value")),
    ]
    scores = pl.concat(frame.select("org_type", "place", column="indicator", of="z") for frame in scored)
    made_up = build_probe_cases(probes, own_names_of(weighing), questionnaire.services)
    return probes, scores, Verdicts(*judge_probes(made_up, weighing), list_checks(weighing))


def one_thread() -> AbstractContextManager[object]:
    """Matrices on one thread: the same bytes on any number of cores, and small ones are done sooner by one."""
    limited: AbstractContextManager[object] = threadpool_limits(limits=1, user_api="blas")
    return limited


def _duties(rulebook: Rulebook) -> pl.DataFrame:
    """The rules by which an organisation's own answer can say that a statutory duty is unmet, for `list_duties`."""
    rules = [rule for rule in rulebook if rule.is_statutory_duty]
    rows = [
        (rule.id, rule.strength, BETWEEN.join(rule.explanations), BETWEEN.join(rule.lines_of_enquiry)) for rule in rules
    ]
    names = ("check_id", "strength", "explanations", "lines_of_enquiry")
    return pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String), orient="row")


def _questions(questionnaire: Questionnaire) -> dict[str, str]:
    """What was asked, by the column of the cases that bears the answer."""
    return {column: question.text for question in questionnaire for column in question.columns}
