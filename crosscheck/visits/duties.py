"""Statutory duties that an organisation's own answers say are unmet, although it declares compliance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

from crosscheck.contract.outputs import OUTPUTS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from crosscheck.visits.model import MandatoryArm

_KEYS: Final = ("org_code", "function")


def list_duties(findings: pl.DataFrame, duties: pl.DataFrame, questions: Mapping[str, str]) -> pl.DataFrame:
    """List every statutory duty that a declaration of compliance admits to be unmet.

    Args:
        findings: one row a check on a declaration: `check_id`, `org_code`, `function`, `verdict`, `severity`,
            `evidence`, `basis`, `says`, `waived` (null where it counts).
        duties: the rules that hold a declaration against one answer and rest on a statute: `check_id`, `strength`,
            `explanations`, `lines_of_enquiry`.
        questions: what was asked, by the name that the evidence bears.

    Returns:
        `outputs.OUTPUTS["duties"]`: one row a declaration and duty, by `org_code`, `function`, gravest first. What is
        waived is left out. An answer that is absent, not known or not applicable admits nothing.
    """
    counts = (pl.col("verdict") == "differs") & pl.col("waived").is_null()
    worst_first = [False, False, True, False]
    unmet = findings.filter(counts).join(duties, on="check_id")
    unmet = unmet.sort(*_KEYS, "severity", "check_id", descending=worst_first)
    texts = {f"{name} = ": f"{text} " for name, text in questions.items()}
    answer = pl.col("evidence").str.replace_many(list(texts), list(texts.values()), leftmost=True)
    listed = unmet.with_columns(pl.col("severity").cast(pl.String), finding="says", answer=answer)
    return listed.select(OUTPUTS["duties"].schema.names())


def weigh_duties(duties: pl.DataFrame, arm: MandatoryArm) -> pl.DataFrame:
    """How grave and how many the unmet duties of each organisation are.

    Args:
        duties: `outputs.OUTPUTS["duties"]`.
        arm: how grave each severity is.

    Returns:
        One row an organisation with an unmet duty, by `org_code`: `gravity`, that of its gravest (higher is worse), and
        `number`, how many duties are unmet; one that both functions of a trust admit counts once.
    """
    gravity = {severity: getattr(arm.gravity, severity) for severity in ("low", "medium", "high")}
    return (
        duties.group_by("org_code")
        .agg(
            gravity=pl.col("severity").replace_strict(gravity, return_dtype=pl.Int64).max(),
            # Unique checks: a duty that both functions of a trust admit is one duty of the organisation.
            number=pl.col("check_id").n_unique().cast(pl.Int64),
        )
        .sort("org_code")
    )
