"""The manifest: what a run rested on, so that anybody can say it years later."""

from __future__ import annotations

import platform
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import polars as pl

import crosscheck
from crosscheck.errors import PolarityError
from crosscheck.history import last_day
from crosscheck.report.identity import fingerprint, identify_run, list_sources
from crosscheck.visits.plan import count_arms, describe_draw
from crosscheck.vocabulary import COMPLIANT, POOLS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from crosscheck.collection.read import Collection
    from crosscheck.pipeline import Outcome
    from crosscheck.standard import Standard
    from crosscheck.visits.plan import Capacity

_PACKAGES: Final = ("polars", "numpy", "scipy", "pydantic")


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
        "draw": describe_draw(outcome.draw, capacity, options["year"]),
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
        "cycles": [list(cycle) for cycle in outcome.lineage.cycles],
        "reconciliation": reconcile(outcome.cases, collection.tables["organisations"]),
        "counts": _counts(collection, outcome),
        "sources": list_sources(collection, standard, Path(options["collection"])),
    }


def describe_models(standard: Standard) -> dict[str, dict[str, str]]:
    """The version and SHA-256 of each model, by its name."""
    return {model.name: {"version": model.version, "sha256": model.digest} for model in standard.models}


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
        "parts": outcome.parts.height,
        "selected": {arm: count for arm, count in arms.items() if count},
        "pools": {pool: int((outcome.visit_list["pool"] == pool).sum()) for pool in POOLS},
        "duties": outcome.duties.height,
        "problems": dict(effects.iter_rows()),
    }
