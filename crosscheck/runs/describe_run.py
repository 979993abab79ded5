"""What the manifest says of a run, and what stops one before anything is written."""

from __future__ import annotations

import platform
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Final

import polars as pl

import crosscheck
from crosscheck.cases.history import last_day
from crosscheck.errors import PolarityError
from crosscheck.report.output.rank_bands import reach_of_capacity
from crosscheck.risk.assumption import AssumedShare, vary_prevalence
from crosscheck.risk.doubts import FAMILY as DOUBTS
from crosscheck.risk.prevalence import Prevalence
from crosscheck.runs.identity import list_sources
from crosscheck.runs.manifest import (
    Accounts,
    Breach,
    CategoryCount,
    Counts,
    DoubtfulSign,
    DoubtsAccount,
    EstimationAccount,
    Manifest,
    MissingSource,
    ModelUsed,
    MonotoneAccount,
    QuestionnaireUsed,
    Reconciliation,
    RiskAccount,
    RulesUsed,
    WaiverUsed,
)
from crosscheck.visits.plan import count_arms, describe_draw
from crosscheck.vocabulary import POOLS, means_met

if TYPE_CHECKING:
    from datetime import date

    from crosscheck.collection.read import Collection
    from crosscheck.pipeline import Outcome
    from crosscheck.risk.estimate import Risk
    from crosscheck.risk.monotone import Monotone
    from crosscheck.runs.identity import PlannedRun
    from crosscheck.standard import Standard
    from crosscheck.visits.plan import Capacity

_DECIMALS: Final = 6
_PACKAGES: Final = ("polars", "numpy", "scipy", "pydantic")
_MOST_LISTED: Final = 20
_WHAT_TO_DO: Final = (
    "Mend the rule: give it a kind that only asks (kinds in the model visit_risk), or let it expect one answer alone; "
    "where no rule is named, mend the direction or the weight of the item. "
    'Or say why it may be so: --allow-polarity "REASON"'
)


def describe_run(planned: PlannedRun, outcome: Outcome, capacity: Capacity) -> Manifest:
    """Everything that a run rested on and came to, but the time it took and what it wrote."""
    collection, standard, options = planned.collection, planned.standard, planned.options
    rulebook, questionnaire = standard.rulebook, standard.questionnaire
    return Manifest(
        fingerprint=planned.fingerprint,
        identity=planned.identity,
        crosscheck=crosscheck.__version__,
        python=platform.python_version(),
        packages={package: version(package) for package in _PACKAGES},
        options=options,
        seed=capacity.seed,
        draw=describe_draw(outcome.plan, capacity, options.year),
        inputs=collection.inputs,
        absent_tables=tuple(collection.absent),
        rules=RulesUsed(len(rulebook), rulebook.digest, tuple(rulebook.not_in_force)),
        waivers=_describe_waivers(standard, outcome, last_day(options.year)),
        silences=_describe_silences(outcome.checks_lost),
        questionnaire=QuestionnaireUsed(len(questionnaire), questionnaire.digest),
        models=describe_models(standard),
        polarity=tuple(DoubtfulSign(**row) for row in outcome.polarity_warnings.iter_rows(named=True)),
        risk=describe_risk(outcome, standard, capacity.visits),
        cycles=outcome.lineage.cycles,
        accounts=account_for_organisations(collection, outcome),
        doubts=_count_doubts(collection.doubts, outcome.risk),
        reconciliation=reconcile(outcome.cases, collection.tables["organisations"]),
        counts=_counts(collection, outcome),
        sources=list_sources(collection, standard, Path(options.collection)),
    )


def describe_models(standard: Standard) -> dict[str, ModelUsed]:
    """The version and SHA-256 of each model, by its name."""
    return {model.name: ModelUsed(model.version, model.digest) for model in standard.models}


def describe_risk(outcome: Outcome, standard: Standard, capacity: int) -> RiskAccount:
    """How the risk was estimated: the share in truth wrong, what visits taught, and whether the estimation has settled.

    Args:
        outcome: what the run made.
        standard: its model of the risk says under which other starting points the risks are given as well.
        capacity: how many organisations can be visited.
    """
    risk = outcome.risk
    prevalence, learning = risk.prevalence, risk.from_visits
    held = (pl.col("quality_loading") == 0) & (pl.col("quality_stated") > 0)
    return RiskAccount(
        prevalence=Prevalence(**{name: round(value, _DECIMALS) for name, value in asdict(prevalence).items()}),
        link=learning.link,
        link_sd=learning.link_sd,
        visits_learnt_from=learning.visits,
        visits_show_no_relation=learning.no_relation,
        chosen_by_risk_worse_by=learning.chosen,
        estimation=EstimationAccount(risk.fitted.steps, risk.fitted.settled, learning.settled),
        held_at_zero=tuple(risk.loadings.filter(held)["item"]),
        assumed=_describe_assumed(outcome, standard, capacity),
        monotone=describe_monotone(outcome.monotone),
    )


def _describe_assumed(outcome: Outcome, standard: Standard, capacity: int) -> tuple[AssumedShare, ...]:
    """What the risk of the first to visit, and the mean as far as the visits reach, would be under other shares."""
    reach = reach_of_capacity(outcome.visit_list, capacity)
    varied = vary_prevalence(outcome.visit_list, outcome.cases, outcome.risk, standard.risk)
    within = varied.filter(pl.col("rank") <= reach).group_by("share", maintain_order=True)
    first, mean = pl.col("risk").sort_by("rank").first(), pl.col("risk").mean()
    rows = within.agg(first=first.round(_DECIMALS), mean_to_capacity=mean.round(_DECIMALS))
    return tuple(AssumedShare(**row) for row in rows.iter_rows(named=True))


def describe_monotone(monotone: Monotone) -> MonotoneAccount:
    """How many made-up declarations were weighed, in how many chains, and what went the wrong way."""
    return MonotoneAccount(
        monotone.probes, monotone.chains, monotone.breaches.height, _list_breaches(monotone.breaches)
    )


def _list_breaches(breaches: pl.DataFrame) -> tuple[Breach, ...]:
    """The first of them; the names are those of `risk.monotone.BREACHES`."""
    rows = breaches.head(_MOST_LISTED).iter_rows(named=True)
    return tuple(Breach(**(row | {"through": tuple(row["through"])})) for row in rows)


def _describe_silences(silences: pl.DataFrame) -> tuple[MissingSource, ...]:
    of_source = silences.group_by("source", maintain_order=True).agg("check_id")
    return tuple(MissingSource(source, tuple(checks)) for source, checks in of_source.iter_rows())


def _describe_waivers(standard: Standard, outcome: Outcome, day: date) -> tuple[WaiverUsed, ...]:
    """Each waiver, whether it is still in force, and how many findings it set aside."""
    waived = outcome.findings.drop_nulls("waived").group_by("check_id", "org_code").len()
    findings = {(check, org_code): count for check, org_code, count in waived.iter_rows()}
    return tuple(
        WaiverUsed(
            **waiver.model_dump(mode="json"),
            in_force=waiver.is_in_force(day),
            findings=findings.get((waiver.rule, waiver.org_code), 0),
        )
        for waiver in standard.waivers
    )


def refuse_doubtful_signs(polarity_warnings: pl.DataFrame, allowed: str | None) -> None:
    """Stop before anything is written if an item runs the wrong way, unless somebody said why that may be.

    Raises:
        PolarityError: with every such item, its evidence and what to do.
    """
    failing = polarity_warnings.filter("fails")
    if failing.height and not (allowed and allowed.strip()):
        messages = [f"{item}: {why} ({evidence})" for item, why, evidence, _ in failing.iter_rows()]
        raise PolarityError([*messages, 'Mend the direction, or say why it may be so: --allow-polarity "REASON"'])


def refuse_breaches(breaches: pl.DataFrame, allowed: str | None) -> None:
    """Stop before anything is written if a worse answer lowers a risk, unless somebody said why that may be.

    Raises:
        PolarityError: with each item, both answers, both risks and ranks, the checks that did it, and what to do.
    """
    if breaches.height and not (allowed and allowed.strip()):
        messages = [_describe_breach(breach) for breach in _list_breaches(breaches)]
        more = [f"and {breaches.height - _MOST_LISTED} more"] if breaches.height > _MOST_LISTED else []
        raise PolarityError([*messages, *more, _WHAT_TO_DO])


def _describe_breach(breach: Breach) -> str:
    through = f"; less is added by {', '.join(breach.through)}" if breach.through else ""
    return (
        f"{breach.item} ({breach.org_type}, {breach.function}): of made-up organisations, “{breach.worse}” "
        f"has a risk of {breach.risk_worse:.3%} (rank {breach.rank_worse}), “{breach.better}” one of "
        f"{breach.risk_better:.3%} (rank {breach.rank_better}): a worse answer lowers the risk{through}"
    )


def account_for_organisations(collection: Collection, outcome: Outcome) -> Accounts:
    """How many organisations the collection speaks of, and where they are."""
    codes, missing = collection.mentions["org_code"], outcome.not_assessed
    return Accounts(
        mentioned=codes.drop_nulls().n_unique() + codes.null_count(),
        on_the_list=int(codes.unique().is_in(outcome.visit_list["org_code"].unique().implode()).sum()),
        former_bodies=missing["successor"].count(),
        not_assessed=missing["successor"].null_count(),
    )


def reconcile(cases: pl.DataFrame, organisations: pl.DataFrame) -> Reconciliation:
    """Organisations, declarations, compliant and not, over all and by category, from the cases of the run.

    An organisation of which no declaration could be used is named: it is on no list, so somebody must look.
    """
    compliant = means_met("declared.status")
    of_category = cases.group_by(category=pl.col("declared.category"))
    by_category = of_category.agg(declarations=pl.len(), compliant=compliant.sum()).sort("category")
    met = int(cases.select(compliant.sum()).item())
    return Reconciliation(
        organisations=organisations.height,
        # Counted from the cases, not from what was read: an organisation may have lost its only declaration meanwhile.
        without_declaration=tuple(organisations.join(cases, on="org_code", how="anti")["org_code"].sort()),
        declarations=cases.height,
        compliant=met,
        not_compliant=cases.height - met,
        by_category=tuple(CategoryCount(**row) for row in by_category.iter_rows(named=True)),
    )


def _count_doubts(doubts: pl.DataFrame, risk: Risk) -> DoubtsAccount:
    raised = (risk.parts["family"] == DOUBTS).sum()
    return DoubtsAccount(doubts.height, doubts["org_code"].n_unique(), int(raised))


def _counts(collection: Collection, outcome: Outcome) -> Counts:
    verdicts = outcome.findings.group_by(pl.col("verdict").cast(pl.String)).len().sort("verdict")
    effects = collection.problems.group_by("effect").len().sort("effect")
    return Counts(
        ties=outcome.ties.height,
        findings=dict(verdicts.iter_rows()),
        scores=outcome.scores.height,
        parts=outcome.risk.parts.height,
        selected={arm: count for arm, count in count_arms(outcome.visit_list).items() if count},
        pools={pool: int((outcome.visit_list["pool"] == pool).sum()) for pool in POOLS},
        duties=outcome.duties.height,
        problems=dict(effects.iter_rows()),
    )
