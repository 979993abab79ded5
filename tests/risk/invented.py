"""Items of invented organisations of which quality and response bias are known, and small tables for single rooms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from crosscheck import settings
from crosscheck.contract.inputs import INPUTS
from crosscheck.risk.factors import ItemTable, build_item_table
from crosscheck.risk.items import ITEMS
from crosscheck.risk.model import RiskModel, read_risk_model
from crosscheck.vocabulary import STATUS

MODEL = read_risk_model(settings.model_file("C2", "visit_risk", "v3"))
YEAR = "2008/09"
NO_VISITS = INPUTS["visits"].empty()

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Invented:
    """Items, and what is true: `quality` and `liability`, positive being worse."""

    items: pl.DataFrame
    codes: list[str]
    quality: Floats
    liability: Floats

    def build_item_table(self, model: RiskModel = MODEL) -> ItemTable:
        """The items as a table; all organisations are of one type."""
        return build_item_table(self.items, of_one_type(self.codes), model)


def of_one_type(codes: Sequence[str]) -> pl.DataFrame:
    return pl.DataFrame({"org_code": codes, "org_type": "pct"})


def invent(
    loadings: Mapping[str, tuple[float, float]],
    number: int = 400,
    seed: int = 1,
    groups: Mapping[str, str] | None = None,
    missing: float = 0.0,
) -> Invented:
    """Organisations with items of these true loadings on quality and on response bias.

    An item whose name begins with `figure` is held by others; items of a group share half a standard unit.
    """
    generator = np.random.default_rng(seed)
    quality, bias, rest = generator.standard_normal((3, number))
    liability = MODEL.link.quality * quality + np.sqrt(1 - MODEL.link.quality**2) * rest
    codes = [f"R{place:04}" for place in range(number)]
    shared = {group: generator.standard_normal(number) for group in sorted(set((groups or {}).values()))}
    frames = []
    for name, (on_quality, on_bias) in loadings.items():
        group = (groups or {}).get(name, "")
        own = 0.5 * shared[group] if group else 0.0
        spread = np.sqrt(1 - on_quality**2 - on_bias**2 - (0.25 if group else 0.0))
        z = on_quality * quality + on_bias * bias + own + spread * generator.standard_normal(number)
        frames.append(one_item(name, codes, z, group).filter(pl.Series(generator.random(number) >= missing)))
    return Invented(pl.concat(frames), codes, quality, liability)


def one_item(name: str, codes: Sequence[str], z: npt.ArrayLike, group: str = "") -> pl.DataFrame:
    """One item of these organisations, with what is stated of a duty's answer or of a figure of high relevance."""
    figure = name.startswith("figure")
    stated = MODEL.figures["high"] if figure else MODEL.answers["statutory"]
    return (
        pl.DataFrame({"org_code": codes, "z": np.asarray(z, dtype=np.float64)})
        .with_columns(
            item=pl.lit(name),
            family=pl.lit("figures" if figure else "answers"),
            prior=pl.lit("figures.high" if figure else "answers.statutory"),
            group=pl.lit(group),
            quality_prior=pl.lit(stated.loading),
            quality_prior_sd=pl.lit(stated.sd),
            bias_prior=pl.lit(getattr(stated, "bias", 0.0)),
            bias_prior_sd=pl.lit(getattr(stated, "bias_sd", 0.0)),
            percentage=pl.lit(None, pl.Float64),
            account=pl.lit(f"{name} is stated"),
            reason=pl.lit(f"{name} is worse."),
            source=pl.lit("a source"),
        )
        .select(ITEMS.names())
        .cast(ITEMS)
    )


def declarations(codes: Sequence[str], function: str = "whole", status: str = "compliant") -> pl.DataFrame:
    """Declarations as the risk needs them: everything that was asked is answered."""
    return pl.DataFrame(
        {"org_code": codes, "function": function, "declared.status": status, "returned.answered_share": 1.0}
    ).with_columns(pl.col("declared.status").cast(STATUS))


def visits(*rows: tuple[str, str, str, str], function: str = "whole", assessor: str | None = None) -> pl.DataFrame:
    """Visits given as organisation, year, why it was chosen, finding."""
    told = pl.DataFrame(list(rows), schema=["org_code", "year", "selected_by", "finding"], orient="row")
    return conform(told.with_columns(function=pl.lit(function), assessor=pl.lit(assessor)))


def conform(visited: pl.DataFrame) -> pl.DataFrame:
    """Visits with all columns that the reader gives them; those not stated are empty."""
    absent = [pl.lit(None).alias(name) for name in NO_VISITS.columns if name not in visited.columns]
    return visited.with_columns(absent).select(NO_VISITS.columns).cast(NO_VISITS.schema)


def checks(*rows: tuple[str, str, str, Sequence[str], Sequence[str]]) -> pl.DataFrame:
    """Rules given as identifier, strength, severity, questions, premises."""
    names = ("check_id", "strength", "severity", "questions", "premises")
    schema = dict.fromkeys(names[:3], pl.String) | dict.fromkeys(names[3:], pl.List(pl.String))
    told = pl.DataFrame([(*row[:3], list(row[3]), list(row[4])) for row in rows], schema=schema, orient="row")
    return told.with_columns(kind=pl.lit("declaration_vs_answer"), title=pl.lit("a check"))


def findings(*rows: tuple[str, str, str]) -> pl.DataFrame:
    """Findings given as check, organisation, verdict."""
    told = pl.DataFrame(list(rows), schema=dict.fromkeys(("check_id", "org_code", "verdict"), pl.String), orient="row")
    return told.with_columns(
        function=pl.lit("whole"),
        says=pl.format("{} differs.", "check_id"),
        basis=pl.lit("an Act, section 1"),
        group=pl.lit("a group"),
    )
