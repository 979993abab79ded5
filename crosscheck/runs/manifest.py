"""The manifest: what a run rested on, so that anybody can say it years later."""

from __future__ import annotations

import platform
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import polars as pl

import crosscheck
from crosscheck.cases.history import last_day
from crosscheck.errors import PolarityError
from crosscheck.report.output.rank_bands import reach_of_capacity
from crosscheck.risk.assumption import vary_prevalence
from crosscheck.runs.identity import fingerprint, identify_run, list_sources
from crosscheck.visits.plan import count_arms, describe_draw
from crosscheck.vocabulary import COMPLIANT, POOLS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from crosscheck.collection.read import Collection
    from crosscheck.pipeline import Outcome
    from crosscheck.risk.estimate import Risk
    from crosscheck.risk.monotone import Monotone
    from crosscheck.standard import Standard
    from crosscheck.visits.plan import Capacity

_DECIMALS: Final = 6
_PACKAGES: Final = ("polars", "numpy", "scipy", "pydantic")
_MOST_TOLD: Final = 20
_WHAT_TO_DO: Final = (
    "Mend the rule: give it a kind that only asks (kinds in the model visit_risk), or let it expect one answer alone; "
    "where no rule is named, mend the direction or the weight of the item. "
    'Or say why it may be so: --allow-polarity "REASON"'
)


def describe_run(
    collection: Collection, standard: Standard, outcome: Outcome, options: Mapping[str, Any], capacity: Capacity
) -> dict[str, Any]:
    """Everything that a run rested on and came to, but the time it took.

    Inputs, rules and models by SHA-256, versions, options, seed, counts, and the reconciliation with the declarations;
    what identifies the run (`identity`, `fingerprint`), and every file it rests on (`sources`).
    """
    identity = identify_run(collection, standard, options)
    return {
        "fingerprint": fingerprint(identity),
        "identity": identity,
        "crosscheck": crosscheck.__version__,
        "python": platform.python_version(),
        "packages": {package: version(package) for package in _PACKAGES},
        "options": dict(options),
        "seed": capacity.seed,
        "draw": describe_draw(outcome.plan, capacity, options["year"]),
        "inputs": describe_inputs(collection),
        "absent_tables": list(collection.absent),
        "rules": {
            "count": len(standard.rulebook),
            "sha256": standard.rulebook.digest,
            "not_in_force": list(standard.rulebook.not_in_force),
        },
        "waivers": _describe_waivers(standard, outcome, last_day(options["year"])),
        "silences": outcome.silences.group_by("source", maintain_order=True).agg("check_id").to_dicts(),
        "questionnaire": {"questions": len(standard.questionnaire), "sha256": standard.questionnaire.digest},
        "models": describe_models(standard),
        "polarity": outcome.doubts.to_dicts(),
        "risk": describe_risk(outcome.risk)
        | {
            "assumed": _describe_assumed(outcome, standard, capacity.visits),
            "monotone": describe_monotone(outcome.monotone),
        },
        "cycles": [list(cycle) for cycle in outcome.lineage.cycles],
        "reconciliation": reconcile(outcome.cases, collection.tables["organisations"]),
        "counts": _counts(collection, outcome),
        "sources": list_sources(collection, standard, Path(options["collection"])),
    }


def describe_models(standard: Standard) -> dict[str, dict[str, str]]:
    """The version and SHA-256 of each model, by its name."""
    return {model.name: {"version": model.version, "sha256": model.digest} for model in standard.models}


def describe_risk(risk: Risk) -> dict[str, Any]:
    """How the risk was estimated: the share in truth wrong, what visits taught, and whether the estimation has settled.

    `prevalence` is an assumption that random visits support; shares are of declarations of compliance.
    `held_at_zero` names items whose loading would have run against its stated direction: they weigh nothing.
    """
    prevalence, learnt = asdict(risk.prevalence), risk.learnt
    return {
        "prevalence": {name: _rounded(value) for name, value in prevalence.items()},
        "link": learnt.link,
        "link_sd": learnt.link_sd,
        "visits_learnt_from": learnt.visits,
        "visits_show_no_relation": learnt.no_relation,
        "chosen_by_risk_worse_by": learnt.chosen,
        "estimation": {
            "loadings_steps": risk.fitted.steps,
            "loadings_settled": risk.fitted.settled,
            "visits_settled": learnt.settled,
        },
        "held_at_zero": risk.loadings.filter((pl.col("quality_loading") == 0) & (pl.col("quality_stated") > 0))[
            "item"
        ].to_list(),
    }


def _describe_assumed(outcome: Outcome, standard: Standard, capacity: int) -> list[dict[str, float]]:
    """What the risk of the first to visit, and the mean as far as the visits reach, would be under other shares."""
    reach = reach_of_capacity(outcome.visit_list, capacity)
    varied = vary_prevalence(outcome.visit_list, outcome.cases, outcome.risk, standard.risk)
    within = varied.filter(pl.col("rank") <= reach).group_by("share", maintain_order=True)
    first, mean = pl.col("risk").sort_by("rank").first(), pl.col("risk").mean()
    return within.agg(first=first.round(_DECIMALS), mean_to_capacity=mean.round(_DECIMALS)).to_dicts()


def describe_monotone(monotone: Monotone) -> dict[str, Any]:
    """How many made-up declarations were weighed, in how many chains, and what went the wrong way."""
    return {
        "probes": monotone.probes,
        "chains": monotone.chains,
        "breaches": monotone.breaches.height,
        "first_breaches": monotone.breaches.head(_MOST_TOLD).to_dicts(),
    }


def _rounded(value: float) -> float:
    return round(value, _DECIMALS)


def _describe_waivers(standard: Standard, outcome: Outcome, day: date) -> list[dict[str, Any]]:
    """Each waiver, whether it is still in force, and how many findings it set aside."""
    waived = outcome.findings.drop_nulls("waived").group_by("check_id", "org_code").len()
    findings = {(check, org_code): count for check, org_code, count in waived.iter_rows()}
    return [
        waiver.model_dump(mode="json")
        | {"in_force": waiver.is_in_force(day), "findings": findings.get((waiver.rule, waiver.org_code), 0)}
        for waiver in standard.waivers
    ]


def refuse_doubtful_signs(doubts: pl.DataFrame, allowed: str | None) -> None:
    """Stop before anything is written if an item runs the wrong way, unless somebody said why that may be.

    Raises:
        PolarityError: with every such item, its evidence and what to do.
    """
    failing = doubts.filter("fails")
    if failing.height and not (allowed and allowed.strip()):
        told = [f"{item}: {why} ({evidence})" for item, why, evidence, _ in failing.iter_rows()]
        raise PolarityError([*told, 'Mend the direction, or say why it may be so: --allow-polarity "REASON"'])


def refuse_breaches(breaches: pl.DataFrame, allowed: str | None) -> None:
    """Stop before anything is written if a worse answer lowers a risk, unless somebody said why that may be.

    Raises:
        PolarityError: with each item, both answers, both risks and ranks, the checks that did it, and what to do.
    """
    if breaches.height and not (allowed and allowed.strip()):
        told = [_tell_breach(row) for row in breaches.head(_MOST_TOLD).iter_rows(named=True)]
        more = [f"and {breaches.height - _MOST_TOLD} more"] if breaches.height > _MOST_TOLD else []
        raise PolarityError([*told, *more, _WHAT_TO_DO])


def _tell_breach(breach: dict[str, Any]) -> str:
    through = f"; less is added by {', '.join(breach['through'])}" if breach["through"] else ""
    return (
        f"{breach['item']} ({breach['org_type']}, {breach['function']}): of made-up organisations, “{breach['worse']}” "
        f"has a risk of {breach['risk_worse']:.3%} (rank {breach['rank_worse']}), “{breach['better']}” one of "
        f"{breach['risk_better']:.3%} (rank {breach['rank_better']}): a worse answer lowers the risk{through}"
    )


def describe_inputs(collection: Collection) -> list[dict[str, Any]]:
    """Each file that was read: its table, its SHA-256 and size, and how many of its rows were used."""
    return [asdict(file) for file in collection.inputs]


def reconcile(cases: pl.DataFrame, organisations: pl.DataFrame) -> dict[str, Any]:
    """Organisations, declarations, compliant and not, over all and by category, from the cases of the run.

    An organisation of which no declaration could be used is named: it is on no list, so somebody must look.
    """
    compliant = pl.col("declared.status") == COMPLIANT
    by_category = (
        cases.group_by(category=pl.col("declared.category"))
        .agg(declarations=pl.len(), compliant=compliant.sum())
        .sort("category")
        .to_dicts()
    )
    met = int(cases.select(compliant.sum()).item())
    return {
        "organisations": organisations.height,
        "without_declaration": organisations.join(cases, on="org_code", how="anti")["org_code"].sort().to_list(),
        "declarations": cases.height,
        "compliant": met,
        "not_compliant": cases.height - met,
        "by_category": by_category,
    }


def _counts(collection: Collection, outcome: Outcome) -> dict[str, Any]:
    verdicts = outcome.findings.group_by(pl.col("verdict").cast(pl.String)).len().sort("verdict")
    arms = count_arms(outcome.visit_list)
    effects = collection.problems.group_by("effect").len().sort("effect")
    return {
        "ties": outcome.ties.height,
        "findings": dict(verdicts.iter_rows()),
        "scores": outcome.scores.height,
        "parts": outcome.risk.parts.height,
        "selected": {arm: count for arm, count in arms.items() if count},
        "pools": {pool: int((outcome.visit_list["pool"] == pool).sum()) for pool in POOLS},
        "duties": outcome.duties.height,
        "problems": dict(effects.iter_rows()),
    }
