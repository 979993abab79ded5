"""Checks: what each adds to the risk where it differs, and what visits have shown of it.

A check that differs adds its weight, one that agrees adds nothing, and one that an absent answer leaves open adds what
the average answer adds. Weights are stated by strength and severity. Where visits looked at the criterion itself, they
are moved by what was seen: how often its evidence was absent where the organisation's own answer says so, and how often
its absence went with a declaration that was not upheld. Other checks are learnt from outcomes (`learning`).

No check adds less where an answer is worse: one that a worse answer can end (it is asked only of those who answered
another question well enough) adds no more than the check that the worse answer begins, or else nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from crosscheck.cases.hit_counts import count_outcomes

if TYPE_CHECKING:
    from crosscheck.risk.model import RiskModel

# One row a check that can weigh. `decibans` is what it adds where it differs, `share` how often it differs among those
# decided; `seen` how many looks of visits moved it (0: none, so that outcomes may).
CHECK_WEIGHTS: Final = pl.Schema(
    {
        "check_id": pl.String(),
        "stated": pl.Float64(),
        "decibans": pl.Float64(),
        "sd": pl.Float64(),
        "share": pl.Float64(),
        "seen": pl.Float64(),
        "absent": pl.Int64(),
        "absent_not_upheld": pl.Int64(),
        "ceiling": pl.String(),
    }
)
_KEYS: Final = ("org_code", "function")
_DECIDED: Final = ("differs", "agrees")
_PSEUDO: Final = 1.0  # one imagined look, so that a single visit is no certainty
_NATS: Final = 10 / np.log(10)


def prior_check_weights(checks: pl.DataFrame, findings: pl.DataFrame, model: RiskModel) -> pl.DataFrame:
    """What each check is stated to add, by strength and severity (`CHECK_WEIGHTS`).

    Args:
        checks: one row a rule: `check_id`, `kind`, `strength`, `severity`, `questions`, `premises`.
        findings: one row a check on a declaration, waived ones left out.
        model: the stated weights.
    """
    by_strength = pl.DataFrame(
        [
            (strength, severity, weight.decibans, weight.sd)
            for strength, by_severity in sorted(model.checks.items())
            for severity, weight in sorted(by_severity.items())
        ],
        schema=["strength", "severity", "of_strength", "sd"],
        orient="row",
    )
    factors = {kind: weight.factor for kind, weight in model.kinds.items()}
    factor = pl.col("kind").replace_strict(factors, default=0.0, return_dtype=pl.Float64)
    # The share is taken of those decided: an open check would otherwise seem to differ less often than it does.
    decided = findings.filter(pl.col("verdict").is_in(_DECIDED))
    shares = decided.group_by("check_id").agg(share=(pl.col("verdict") == "differs").mean())
    return (
        checks.with_columns(factor=factor, ceiling=_ceilings(checks))
        .filter((pl.col("factor") > 0) & pl.col("ceiling").is_not_null() & _of_one_account())
        .join(by_strength, on=["strength", "severity"])
        .join(shares, on="check_id", how="left")
        .join(_named(model), on="check_id", how="left")
        .with_columns(
            of_strength=pl.coalesce("named", pl.col("of_strength") * pl.col("factor")),
            sd=pl.coalesce("named_sd", pl.col("sd") * pl.col("factor")),
        )
        .select(
            "check_id",
            stated="of_strength",
            decibans="of_strength",
            sd="sd",
            share=pl.col("share").fill_null(0.0),
            seen=pl.lit(0.0),
            absent=pl.lit(0, pl.Int64),
            absent_not_upheld=pl.lit(0, pl.Int64),
            ceiling="ceiling",
        )
        .cast(CHECK_WEIGHTS)
        .sort("check_id")
    )


def _of_one_account() -> pl.Expr:
    """Whether a check rests on the organisation's own answers alone, or on others' accounts alone.

    Where both decide, an answer that is absent or worse can end it; so it asks only.
    """
    return (pl.col("kind") == "declaration_vs_answer") | (pl.col("questions").list.len() == 0)


def _named(model: RiskModel) -> pl.DataFrame:
    rows = [(name, weight.decibans, weight.sd) for name, weight in sorted(model.named_checks.items())]
    return pl.DataFrame(rows, schema={"check_id": pl.String, "named": pl.Float64, "named_sd": pl.Float64}, orient="row")


def confirm_check_weights(
    weights: pl.DataFrame,
    checks: pl.DataFrame,
    findings: pl.DataFrame,
    looks: pl.DataFrame,
    model: RiskModel,
    share: float,
) -> pl.DataFrame:
    """Move the weights by what visits saw of the criteria themselves.

    Args:
        weights: as stated.
        checks: they say which questions a check speaks of.
        findings: as in `prior_check_weights`.
        looks: one row a criterion that a visit looked at: `org_code`, `function`, `item` (the question), `seen`
            (`seen`, `not_offered`, `absent`), `not_upheld` (1 where the declaration was not upheld), `left` (what is
            left of it after the years that have passed).
        model: what is expected before any visit looked, and how many looks that is worth.
        share: of declarations of compliance that are in truth wrong.

    Returns:
        The weights with `seen`, `absent`, `absent_not_upheld`. Evidence that was not offered counts neither way.
    """
    decisive, reliable = _decisive(looks, model), _reliable(checks, findings, looks, model)
    prior = model.confirmation
    together = weights.join(_of_checks(checks, decisive), on="check_id", how="left").join(
        reliable, on="check_id", how="left"
    )
    ground = pl.col("decisive").fill_null(0.0) * pl.col("reliable").fill_null(prior.reliable)
    odds = np.log(share / (1 - share))
    wrong = 1 - (1 - share) * (1 - ground)
    implied = ((wrong / (1 - wrong)).log() - odds) * _NATS
    # Partial pooling: with no look the prior weight stays, with many it is what visits saw, so no threshold decides.
    n = pl.col("looked").fill_null(0.0)
    trust = n / (n + prior.visits)
    moved = pl.col("stated") + trust * (implied - pl.col("stated"))
    return (
        together.with_columns(
            decibans=moved.clip(0.0, model.limits.check_decibans),
            sd=pl.col("sd") * (1 - trust).sqrt(),
            seen=n,
            absent=pl.col("absent_right").fill_null(0).cast(pl.Int64),
            absent_not_upheld=pl.col("not_upheld_right").fill_null(0).cast(pl.Int64),
        )
        .select(CHECK_WEIGHTS.names())
        .sort("check_id")
    )


def hold_below_ceilings(weights: pl.DataFrame) -> pl.DataFrame:
    """Hold a check that a worse answer can end to what the check that it begins adds."""
    ceilings = weights.select(ceiling="check_id", most="decibans")
    limited = weights.join(ceilings, on="ceiling", how="left", maintain_order="left")
    return limited.with_columns(
        decibans=pl.min_horizontal("decibans", pl.when(pl.col("ceiling") != "").then(pl.col("most").fill_null(0.0)))
    ).drop("most")


def find_differences(weights: pl.DataFrame, findings: pl.DataFrame, applicable: pl.DataFrame) -> pl.DataFrame:
    """What each check adds to each declaration.

    Args:
        weights: `CHECK_WEIGHTS`.
        findings: one row a check on a declaration, waived ones left out.
        applicable: the checks that apply to each declaration, whatever was answered.

    Returns:
        One row a declaration and check that adds something: `org_code`, `function`, `check_id`, `differs` (false where
        an absent answer is counted as the average one), `decibans`, `sd`.
    """
    weighing = weights.filter(pl.col("decibans") > 0)
    decided = findings.filter(pl.col("verdict").is_in(_DECIDED)).select(*_KEYS, "check_id", "verdict")
    differing = decided.filter(pl.col("verdict") == "differs").join(weighing, on="check_id")
    # An absent answer costs what the average answer costs, so that leaving a question open can never lower the risk.
    unanswered = (
        applicable.join(weighing, on="check_id")
        .join(decided, on=[*_KEYS, "check_id"], how="anti")
        .with_columns(pl.col("decibans", "sd") * pl.col("share"))
        .filter(pl.col("decibans") > 0)
    )
    columns = (*_KEYS, "check_id", "differs", "decibans", "sd")
    return pl.concat(
        [
            differing.with_columns(differs=pl.lit(value=True)).select(columns),
            unanswered.with_columns(differs=pl.lit(value=False)).select(columns),
        ]
    ).sort(*_KEYS, "check_id")


def cover_scores(differences: pl.DataFrame, checks: pl.DataFrame, contributions: pl.DataFrame) -> pl.DataFrame:
    """Count each answer once: where checks that rest on it differ, its score adds only what goes beyond them.

    A check that rests on several answers covers each of them with an equal part of its weight.

    Args:
        differences: as `find_differences` gives them.
        checks: which questions each speaks of.
        contributions: one row a declaration and item, `decibans`.

    Returns:
        The contributions with `decibans` and `sd` of what is left of them; all of it where no check differs.
    """
    covering = (
        differences.filter("differs")
        .join(
            checks.select("check_id", item="questions", among=pl.col("questions").list.len()).explode(
                "item", empty_as_null=True
            ),
            on="check_id",
        )
        .join(contributions.select(*_KEYS, "item"), on=[*_KEYS, "item"])
        .with_columns(covered=pl.col("decibans") / pl.col("among"))
        .group_by(*_KEYS, "item")
        .agg(pl.col("covered").sum())
    )
    # Only the excess over the checks is left: a check and the score that it rests on are one piece of evidence.
    covered = pl.col("covered")
    beyond = (pl.col("decibans") - covered).clip(lower_bound=0.0)
    left = pl.when(covered.is_null()).then("decibans").otherwise(beyond)
    return (
        contributions.join(covering, on=[*_KEYS, "item"], how="left", maintain_order="left")
        .with_columns(decibans=left, sd=pl.when(covered.is_null() | (beyond > 0)).then("sd").otherwise(0.0))
        .drop("covered")
    )


def _ceilings(checks: pl.DataFrame) -> pl.Series:
    """Of each check the one above which it may not weigh: itself free (an empty text), or none that would do (null).

    A check that asks only those who answered another question well enough ends where that answer gets worse. It may
    weigh up to the check without a premise that speaks of nothing but that question, which the worse answer begins; and
    not at all where there is none, or where two such checks would end at once.
    """
    rows = list(checks.select("check_id", "questions", "premises").iter_rows())
    alone = {tuple(questions): check_id for check_id, questions, premises in rows if not premises}
    premises = [tuple(of_check) for _, _, of_check in rows]
    found = [
        "" if not of_check else (alone.get(of_check) if premises.count(of_check) == 1 else None)
        for of_check in premises
    ]
    return pl.Series(found, dtype=pl.String)


def _decisive(looks: pl.DataFrame, model: RiskModel) -> pl.DataFrame:
    """One row a criterion: how many looks found it absent, and how often that led to a declaration not upheld.

    The share that would not have been upheld anyhow is taken out: 1 - (1 - p where absent) / (1 - p elsewhere).
    """
    counted = looks.filter(pl.col("seen").is_in(["seen", "absent"])).with_columns(flagged=pl.col("seen") == "absent")
    criteria = count_outcomes(counted, "item", pl.col("left"))
    share_absent = (pl.col("flagged_not_upheld_weight") + _PSEUDO * model.confirmation.decisive) / (
        pl.col("flagged_weight") + _PSEUDO
    )
    # Guarded by a tiny weight and not by a null: where nobody else was seen, the base rate is 0 and all is attributed.
    share_seen = pl.col("other_not_upheld_weight") / pl.col("other_weight").clip(lower_bound=1e-9)
    share = 1 - (1 - share_absent) / (1 - share_seen).clip(lower_bound=1e-9)
    return criteria.select(
        "item",
        looked="flagged_weight",
        absent="flagged",
        not_upheld="flagged_not_upheld",
        decisive=share.clip(0.0, 1.0),
    )


def _of_checks(checks: pl.DataFrame, decisive: pl.DataFrame) -> pl.DataFrame:
    """One row a check that rests on a single question which visits looked at."""
    single = checks.filter(pl.col("questions").list.len() == 1).select(
        "check_id", item=pl.col("questions").list.first()
    )
    return single.join(decisive, on="item").select(
        "check_id", "looked", "decisive", absent_right="absent", not_upheld_right="not_upheld"
    )


def _reliable(checks: pl.DataFrame, findings: pl.DataFrame, looks: pl.DataFrame, model: RiskModel) -> pl.DataFrame:
    """One row a check: how often visits found absent what the organisation's own answer says is absent."""
    prior = model.confirmation
    differing = findings.filter(pl.col("verdict") == "differs").select(*_KEYS, "check_id")
    single = checks.filter(pl.col("questions").list.len() == 1).select(
        "check_id", item=pl.col("questions").list.first()
    )
    met = differing.join(single, on="check_id").join(looks, on=[*_KEYS, "item"])
    absent, left = pl.col("seen") == "absent", pl.col("left")
    counted = pl.col("seen").is_in(["seen", "absent"])
    return (
        met.filter(counted)
        .group_by("check_id")
        .agg(reliable=((left * absent).sum() + prior.visits * prior.reliable) / (left.sum() + prior.visits))
    )
