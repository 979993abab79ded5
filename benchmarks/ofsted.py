"""A ranked list with real outcomes: children's social care providers, what was known before, and the next grade.

Run by hand: `python -m benchmarks.ofsted ../shared/real/ofsted_next_inspection.csv.gz`. The list's own model is learnt
from the inspections before a year and judged on those from it on. What was known before each inspection are items of
the factor model, weighed with no weight below zero; its steps are checks, whose weights are learnt one by one from what
the inspections found, none below zero either. Which end of a figure is worse is what the earlier inspections say of it.
To beat (by its README): a prior grade alone AUC 0.608-0.640; an 11-feature logistic model 0.657-0.685, 17-22% of the
bad grades in the first tenth.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from crosscheck import settings
from crosscheck.contract.inputs import INPUTS
from crosscheck.risk.checks import CHECK_WEIGHTS
from crosscheck.risk.evidence import probability, solve_level
from crosscheck.risk.factors import ItemTable, build_item_table, fit_loadings
from crosscheck.risk.items import ITEMS
from crosscheck.risk.learning import BeforeVisits, learn_from_visits
from crosscheck.risk.model import RiskModel, read_risk_model
from crosscheck.risk.prevalence import estimate_lapse_share
from crosscheck.risk.weights import weigh_items

Floats = npt.NDArray[np.float64]
Booleans = npt.NDArray[np.bool_]

STEPS = (0.1, 0.25, 0.5, 0.75, 0.9)  # quantiles at which a figure steps
STEP_SD = 0.15  # decibans for one step: many speak of one thing
EACH = 10  # loadings are learnt from one in so many of the earlier inspections: over a thousand are enough
YEAR = "2008/09"  # any will do: each inspection is held against what was known on its own day, so that nothing fades
WAITED = (100, 200, 300, 400, 550)  # days since the last inspection
CLOSE_DAYS = (365, 730)  # before: what was found of the same owner, place, home, kind


@dataclass(frozen=True)
class Judged:
    """How well the next bad grade is foretold on inspections that nobody learnt from."""

    first_year: int
    inspections: int
    bad: float
    auc: float
    captured: float
    mean_risk: float


def read_inspections(file: Path) -> pl.DataFrame:
    """The inspections in order of their days, with what was known before each."""
    raw = pl.read_csv(file, infer_schema_length=None, null_values=[""])
    inspections = raw.with_columns(pl.col("inspection_date").str.to_date(), pl.col("ever4").cast(pl.String) == "True")
    return inspections.sort("inspection_date", "urn", "n_prev")


def describe(inspections: pl.DataFrame) -> pl.DataFrame:
    """One row an inspection, one column a feature, null where it is not known. Nothing after its day is used."""
    grades = ("prev_overall_g", "prev_safeguarding_g", "prev_leadership_g")
    steps = [
        pl.when(pl.col(name) > 0).then((pl.col(name) >= grade).cast(pl.Float64)).alias(f"{name}_{grade}")
        for name in grades
        for grade in (2, 3, 4)
    ]
    former_bad = pl.col("prev_overall_g") >= 3
    waited = [(pl.col("days") > days).cast(pl.Float64) for days in WAITED]
    own = inspections.select(
        *steps,
        *(one.alias(f"waited_{days}") for one, days in zip(waited, WAITED, strict=True)),
        *((one * former_bad).alias(f"bad_waited_{days}") for one, days in zip(waited, WAITED, strict=True)),
        pl.col("ever4").cast(pl.Float64),
        worst=pl.max_horizontal(grades).cast(pl.Float64),
        before_last=pl.col("prev_overall_g").shift(1).over("urn").cast(pl.Float64),
        fallen=(pl.col("prev_overall_g") - pl.col("prev_overall_g").shift(1).over("urn")).cast(pl.Float64),
        former=pl.col("n_prev").cast(pl.Float64).log(),
        days=pl.when(pl.col("days") > 1).then(pl.col("days").log()),
        first=(pl.col("n_prev") == 1).cast(pl.Float64),
        places=pl.col("places").log(),
        **{
            sector: (pl.col("sector") == sector).cast(pl.Float64)
            for sector in ("Private", "Local Authority", "Voluntary")
        },
        **{place: (pl.col("region") == place).cast(pl.Float64) for place in inspections["region"].unique().sort()},
    )
    around = [
        _found_around(inspections, by, grade, least)
        for by in ("org_id", "local_authority", "urn", "sector")
        for grade, least in (("overall_g", 3), ("overall_g", 2), ("safeguarding_g", 3))
    ]
    return pl.concat([own, *around], how="horizontal")


def _found_around(inspections: pl.DataFrame, by: str, grade: str, least: int) -> pl.DataFrame:
    """How often such a grade was given before within the same owner, place, home or kind: lately, and ever."""
    days = inspections["inspection_date"].to_physical().to_numpy()
    given = (inspections[grade] >= least).cast(pl.Float64).to_numpy()
    found = np.full((len(given), len(CLOSE_DAYS) + 1), np.nan)
    keys = inspections.select(row=pl.int_range(pl.len()), key=by).drop_nulls()
    for rows in keys.group_by("key", maintain_order=True).agg("row")["row"]:
        places = rows.to_numpy()
        when, sums = days[places], np.concatenate([[0.0], np.cumsum(given[places])])
        upto = np.searchsorted(when, when, side="left")
        for column, close in enumerate((*CLOSE_DAYS, when.max() + 1)):
            since = np.searchsorted(when, when - close, side="left")
            found[places, column] = _drawn_in(sums[upto] - sums[since], upto - since, given.mean())
    names = [f"{by}_{grade}_{least}_{close}" for close in (*CLOSE_DAYS, "ever")]
    return pl.DataFrame(found, schema=names).fill_nan(None)


def _drawn_in(bad: Floats, seen: npt.NDArray[np.int64], usual: float) -> Floats:
    """Log-odds of such a grade, five imagined inspections beside those seen; unknown where there are none."""
    share = (bad + usual * 5) / (seen + 5)
    return np.where(seen > 0, np.log(share / (1 - share)), np.nan)


def judge(inspections: pl.DataFrame, features: pl.DataFrame, first_year: int) -> Judged:
    """Learn from inspections before `first_year`, and order those from it on."""
    later = (inspections["fy"] >= first_year).to_numpy()
    outcomes = inspections["y3"].to_numpy().astype(np.float64)
    model = _model()
    share = estimate_lapse_share(_former(inspections.filter(~later)), model, _year(first_year - 1)).share
    decibans = _weigh(_turn(features, outcomes, ~later), outcomes, ~later, model, share)[later]
    everybody = np.ones(len(decibans), dtype=np.bool_)
    level = solve_level(decibans[:, None], np.zeros(len(decibans)), everybody, np.array([share]))
    bad, risk = outcomes[later], probability(decibans + level)
    ranks = pl.Series(risk).rank("average").to_numpy()
    concordant = ranks[bad == 1].sum() - bad.sum() * (bad.sum() + 1) / 2
    first = np.argsort(-risk, kind="stable")[: round(len(bad) / 10)]
    auc = concordant / (bad.sum() * (len(bad) - bad.sum()))
    captured = float(bad[first].sum() / bad.sum())
    return Judged(first_year, len(bad), float(bad.mean()), float(auc), captured, float(risk.mean()))


def _model() -> RiskModel:
    """The list's model, where the outcome is the inspection itself: nobody errs."""
    stated = read_risk_model(settings.model_file("C2", "visit_risk"))
    visitors = stated.visitors.model_copy(update={"sensitivity": 1.0, "specificity": 1.0})
    return stated.model_copy(update={"visitors": visitors, "facts": {}})


def _turn(features: pl.DataFrame, outcomes: Floats, earlier: Booleans) -> pl.DataFrame:
    """All features in standard units, so that higher is worse, by the earlier inspections; with a code for each row."""
    table = features.cast(pl.Float64).fill_null(np.nan).to_numpy()
    spread = np.nanstd(table[earlier], axis=0)
    standard = (table - np.nanmean(table[earlier], axis=0)) / np.where(spread > 0, spread, 1.0)
    away = outcomes[earlier] - outcomes[earlier].mean()
    signs = np.where(np.nan_to_num(standard[earlier]).T @ away < 0, -1.0, 1.0)
    turned = pl.DataFrame(standard * signs, schema=features.columns).fill_nan(None)
    return turned.with_columns(org_code=pl.int_range(pl.len()).cast(pl.String).str.zfill(6))


def _weigh(worse: pl.DataFrame, outcomes: Floats, earlier: Booleans, model: RiskModel, share: float) -> Floats:
    """Decibans of all inspections, by items and by steps."""
    evidence = build_item_table(_items(worse, model), worse.select("org_code", org_type=pl.lit("home")), model)
    fitted = fit_loadings(_rows(evidence, np.flatnonzero(earlier)[::EACH]), model)
    keys = worse.select("org_code", function=pl.lit("whole"))
    stated = _add_up(keys, weigh_items(keys, evidence, fitted, model, model.link.quality, share).contributions)
    differences, weights = _steps(worse, earlier)
    finding = pl.Series(np.where(outcomes > 0, "qualified", "upheld"))
    found = keys.with_columns(year=pl.lit(YEAR), selected_by=pl.lit("random"), finding=finding).filter(earlier)
    learnt = learn_from_visits(_conform(found), BeforeVisits(stated, differences, weights), model, YEAR, share)
    of_items = weigh_items(keys, evidence, fitted, model, learnt.link, share).contributions
    of_steps = differences.drop("decibans").join(learnt.weights.select("check_id", "decibans"), on="check_id")
    parts = pl.concat([part.select("org_code", "function", "decibans") for part in (of_items, of_steps)])
    return _add_up(keys, parts)["decibans"].to_numpy()


def _add_up(keys: pl.DataFrame, parts: pl.DataFrame) -> pl.DataFrame:
    sums = parts.group_by("org_code", "function").agg(pl.col("decibans").sum().round(9))
    return keys.join(sums, on=("org_code", "function"), how="left", maintain_order="left").fill_null(0.0)


def _rows(evidence: ItemTable, rows: npt.NDArray[np.int64]) -> ItemTable:
    """The same items of some of the inspections."""
    types = tuple(np.array(evidence.types)[rows].tolist())
    z, present, influence = evidence.z[rows], evidence.present[rows], evidence.influence[rows]
    return replace(evidence, codes=evidence.codes[rows], types=types, z=z, present=present, influence=influence)


def _items(coded: pl.DataFrame, model: RiskModel) -> pl.DataFrame:
    """Each feature an item of medium relevance; what is absent has no row."""
    of_figures = model.figures["medium"]
    long = coded.unpivot(index="org_code", variable_name="item", value_name="z").drop_nulls("z")
    return long.select(
        "org_code", "item", family=pl.lit("figures"), prior=pl.lit("figures.medium"), group=pl.lit(""),
        quality_prior=pl.lit(of_figures.loading), quality_prior_sd=pl.lit(of_figures.sd),
        bias_prior=pl.lit(0.0), bias_prior_sd=pl.lit(0.0),
        z=pl.col("z").clip(-model.limits.score, model.limits.score),
        percentage=pl.lit(None, pl.Float64), account=pl.lit(None, pl.String), reason=pl.lit(""), source=pl.lit(""),
    ).cast(ITEMS)  # fmt: skip


def _steps(coded: pl.DataFrame, earlier: Booleans) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Who is beyond each step of each feature, and the steps as checks of which nothing is stated."""
    names = [name for name in coded.columns if name != "org_code"]
    beyond: dict[str, pl.Expr] = {}
    for name in names:
        seen = coded.filter(earlier)[name].drop_nulls()
        cuts = sorted({seen.quantile(level, "lower") for level in STEPS} - {seen.max()})
        beyond |= {f"{name} {place}": pl.col(name) > cut for place, cut in enumerate(cuts)}
    told = coded.select("org_code", **beyond).unpivot(index="org_code", variable_name="check_id", value_name="differs")
    differences = told.filter("differs").with_columns(
        function=pl.lit("whole"), decibans=pl.lit(0.0), sd=pl.lit(STEP_SD)
    )
    weights = pl.DataFrame({"check_id": sorted(beyond)}).with_columns(
        stated=0.0, decibans=0.0, sd=STEP_SD, share=0.0, seen=0.0, absent=0, absent_not_upheld=0, ceiling=pl.lit("")
    )
    return differences, weights.select(CHECK_WEIGHTS.names()).cast(CHECK_WEIGHTS)


def _former(inspections: pl.DataFrame) -> pl.DataFrame:
    """Inspections with their years, as random visits."""
    finding = pl.when(pl.col("y3") > 0).then(pl.lit("qualified")).otherwise(pl.lit("upheld"))
    year = pl.format("{}/{}", "fy", ((pl.col("fy") + 1) % 100).cast(pl.String).str.zfill(2))
    columns = {"org_code": pl.col("urn").cast(pl.String), "year": year, "finding": finding}
    return _conform(inspections.select(**columns, function=pl.lit("whole"), selected_by=pl.lit("random")))


def _year(first: int) -> str:
    return f"{first}/{(first + 1) % 100:02d}"


def _conform(visits: pl.DataFrame) -> pl.DataFrame:
    """With all columns of the contract; what is not stated is empty."""
    schema = INPUTS["visits"].schema
    absent = [pl.lit(None).alias(name) for name in schema.names() if name not in visits.columns]
    return visits.with_columns(absent).select(schema.names()).cast(schema)


def main(file: Path) -> None:
    inspections = read_inspections(file)
    features = describe(inspections)
    for first_year in (2018, 2019, 2021, 2022, 2023):
        found = judge(inspections, features, first_year)
        print(
            f"learnt before {found.first_year}: {found.inspections:,} later inspections, {found.bad:.1%} bad, "
            f"AUC {found.auc:.4f}, {found.captured:.1%} of the bad in the first tenth, mean risk {found.mean_risk:.1%}"
        )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
