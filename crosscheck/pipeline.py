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
from crosscheck.collection.likely import list_tried, with_likely_values
from crosscheck.network.graph import name_bodies, relate
from crosscheck.network.succession import trace_succession
from crosscheck.risk.doubts import add_doubts
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
class Network:
    """Who is related to whom, one row a tie; who came before whom; and what each organisation or body is called."""

    ties: pl.DataFrame
    lineage: Lineage
    names: pl.DataFrame


@dataclass(frozen=True)
class Checked:
    """What the rules say: `findings`, one row a check and declaration, and the checks `lost` to missing sources."""

    findings: pl.DataFrame
    lost: pl.DataFrame


@dataclass(frozen=True)
class Evidence:
    """All that is known before anything is weighed: the network, cases, findings, and scores."""

    network: Network
    cases: pl.DataFrame
    findings: pl.DataFrame
    scores: pl.DataFrame


@dataclass(frozen=True)
class Weighed:
    """The evidence weighed: all that speaks of quality, findings with what each added, the risk, and the order."""

    items: pl.DataFrame
    findings: pl.DataFrame
    risk: Risk
    ranked: Ranked


@dataclass(frozen=True)
class Planned:
    """Whom to visit, what to ask by letter, what to follow up, who is on no list and why, how visits were chosen."""

    visit_list: pl.DataFrame
    duties: pl.DataFrame
    follow_up: pl.DataFrame
    not_assessed: pl.DataFrame
    plan: Plan


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
    tables = collection.tables
    with ThreadPoolExecutor(max_workers=1) as beside:
        # Made-up returns hang on nothing that is read here, so a second thread checks them meanwhile.
        made_up = beside.submit(_check_made_up, tables["indicators"], standard, year)
        with step("relate"):
            network = relate_organisations(collection, year, standard.name)
        with step("join"):
            cases = join_cases(collection, standard, year, network)
        probed = beside.submit(lay_out_probes, tables, cases, standard)
        with step("check"):
            checked = check_cases(collection, standard, year, network, cases)
        with step("test the signs"):
            refuse(check_directions(*made_up.result()))
        with step("score"):
            scores = score_tables(tables, standard)
            refuse(warnings := check_polarity(scores, *made_up.result(), standard.polarity))
            pooled = pool_scores(scores, standard.indicators)
        evidence = Evidence(network, cases, checked.findings, scores)
        with step("weigh"):
            weighed = weigh_evidence(collection, standard, year, capacity, evidence)
            with one_thread():
                monotone = check_monotone(*probed.result(), weighed.risk, weighed.ranked.declarations, standard.risk)
            refuse_breaches(monotone.breaches)
        with step("plan"):
            planned = plan_list(collection, standard, year, capacity, evidence, weighed)
    with step("explore") if with_exploratory else nullcontext():
        exploratory = build_exploratory_tables(tables, cases, scores, standard) if with_exploratory else {}
    return Outcome(
        network.ties, network.lineage, network.names, cases, weighed.findings, checked.lost, scores, pooled, warnings,
        weighed.items, weighed.risk, monotone, weighed.ranked.places, planned.visit_list, planned.duties,
        planned.follow_up, planned.not_assessed, planned.plan, exploratory,
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


def relate_organisations(collection: Collection, year: str, standard: str) -> Network:
    """Step 1: who is related to whom in that year, who came before whom, and what each is called."""
    tables, day = collection.tables, census_day(year, standard)
    return Network(relate(tables, day), trace_succession(tables["relationships"], day), name_bodies(tables))


def join_cases(collection: Collection, standard: Standard, year: str, network: Network) -> pl.DataFrame:
    """Step 2: one row a declaration of the year, with all that is known about it (`cases.build_cases`)."""
    figures, predecessors = standard.indicators.names, network.lineage.predecessors
    return build_cases(collection.tables, standard.questionnaire, figures, year, standard.name, predecessors)


def check_cases(
    collection: Collection, standard: Standard, year: str, network: Network, cases: pl.DataFrame
) -> Checked:
    """Step 3: what each rule says of each declaration; a finding that is waived says by whom and why.

    Where the collection has no table of relationships, no rule may take that for having no partner.
    """
    ties = None if "relationships" in collection.absent else network.ties
    findings = waive(evaluate(cases, standard.rulebook, ties), standard.waivers, last_day(year))
    return Checked(findings, checks_lost(standard.rulebook, cases, ties))


def score_tables(tables: Mapping[str, pl.DataFrame], standard: Standard) -> pl.DataFrame:
    """Step 4: how far each figure and answer is from what similar organisations give; positive is worse."""
    organisations, model = tables["organisations"], standard.indicators
    figures = score_figures(tables["indicators"], organisations, model)
    answers = score_answers(tables["answers"], standard.questionnaire, organisations, model)
    return pl.concat([figures, answers])


def weigh_evidence(
    collection: Collection, standard: Standard, year: str, capacity: Capacity, evidence: Evidence
) -> Weighed:
    """Step 5: the risk of every declaration, and its place within its pool; positive weights raise the risk.

    Where values are in doubt or were set aside, the risk is estimated twice, and the worse counts for whoever they are
    of (`risk.doubts`).
    """
    cases = evidence.cases
    with one_thread():
        known = _gather_known(collection, standard, year, evidence)
        risk = estimate_risk(known, standard.risk, year)
        tried = list_tried(collection)
        if not tried.is_empty():
            risk = add_doubts(risk, _estimate_as_likely(collection, standard, year, evidence), tried)
        findings = add_check_weights(evidence.findings, risk.parts, risk.from_visits.weights)
        pools = assign_pools(cases, all_visits(collection.tables, standard.name).filter(pl.col("year") == year))
        ranked = rank_declarations(cases, risk, standard.risk, pools, capacity.visits)
    return Weighed(known.items, findings, risk, ranked)


def _estimate_as_likely(collection: Collection, standard: Standard, year: str, evidence: Evidence) -> Risk:
    """The risk if each value in doubt or set aside meant what is likely: checks and scores anew, network as it is."""
    likely = with_likely_values(collection)
    cases = join_cases(likely, standard, year, evidence.network)
    checked = check_cases(likely, standard, year, evidence.network, cases)
    of_likely = Evidence(evidence.network, cases, checked.findings, score_tables(likely.tables, standard))
    return estimate_risk(_gather_known(likely, standard, year, of_likely), standard.risk, year)


def plan_list(
    collection: Collection,
    standard: Standard,
    year: str,
    capacity: Capacity,
    evidence: Evidence,
    weighed: Weighed,
) -> Planned:
    """Step 6: the lists that people work by, each declaration with its one reason."""
    cases, findings = evidence.cases, weighed.findings
    duties = list_duties(findings, _duties(standard.rulebook), _questions(standard.questionnaire))
    follow_up = list_follow_up(cases, standard.visits.subject, standard.questionnaire, last_day(year))
    visits_of_year = all_visits(collection.tables, standard.name).filter(pl.col("year") == year)
    declarations = describe_declarations(cases, weighed.ranked.declarations, visits_of_year)
    mandatory, change = standard.visits.mandatory, capacity.design.change_if_followed
    weighted = weigh_benefit(declarations, findings, mandatory.gravity, change)
    plan = plan_visits(weighted, duties, capacity, mandatory, year)
    reasons = give_reasons(cases, weighed.risk.parts, weighed.items, findings)
    visit_list = build_visit_list(declarations, plan.declarations, findings, duties, reasons)
    predecessors = evidence.network.lineage.predecessors
    not_assessed = list_not_assessed(collection.mentions, collection.tables, visit_list, predecessors, year)
    return Planned(visit_list, duties, follow_up, not_assessed, plan)


def _gather_known(collection: Collection, standard: Standard, year: str, evidence: Evidence) -> Known:
    """The evidence for the risk; what an organisation's predecessors declared and met with is its own."""
    tables, verified = collection.tables, _verified(collection)
    past = {"visits": all_visits(tables, standard.name), "declarations": tables["declarations"]}
    predecessors, finding = evidence.network.lineage.predecessors, ["check_id", "org_code", "function"]
    waived = evidence.findings.filter(pl.col("waived").is_not_null()).select(finding)
    # Inherited before anything is weighed, so that a merger loses no history and gains none.
    handed = {name: inherit_history(rows, predecessors, ("year",)) for name, rows in past.items()}
    return Known(
        cases=evidence.cases,
        items=gather_items(
            evidence.scores,
            {**tables, **handed},
            standard.questionnaire,
            standard.indicators.scales,
            standard.risk,
            year,
            verified=verified,
        ),
        findings=evidence.findings.filter(pl.col("waived").is_null()),
        checks=list_checks(standard.rulebook),
        applicable=list_applicable(evidence.cases, standard.rulebook).join(waived, on=finding, how="anti"),
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


def _check_made_up(indicators: pl.DataFrame, standard: Standard, year: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Score and check made-up organisations, from the worst to the best: whoever knows the signs can tell them apart.

    Only checks of a declaration against an answer have a worse end: two accounts contradict each other at either.
    """
    questionnaire, names = standard.questionnaire, standard.indicators.names
    made_up = build_polarity_probes(indicators, questionnaire, standard.polarity, year, standard.name)
    made_up_cases = build_cases(made_up, questionnaire, names, year, standard.name)
    rulebook = standard.rulebook.of_kind("declaration_vs_answer")
    verdicts = give_verdicts(made_up_cases, rulebook, of_one_collection=False).unpivot(
        index=["org_code", "function"], variable_name="check_id", value_name="verdict"
    )
    findings = verdicts.with_columns(evidence=pl.lit("a made-up return with every ordered answer at that end"))
    return score_tables(made_up, standard), findings


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
