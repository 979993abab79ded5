"""A ranked list with real outcomes: children's social care providers, what was known before, and the next grade.

Run by hand: `python -m benchmarks.ofsted ../shared/real/ofsted_next_inspection.csv.gz`. Weights are learnt from the
inspections before a year and judged on those from it on, by the same regression that learns from visits here
(`risk.learn.fit_weights`): stated priors around nought, levels as steps, what is absent adding nothing. To beat (by
its README): a prior grade alone AUC 0.608-0.640; an 11-feature logistic model 0.657-0.685, 17-22% of the bad grades in
the first tenth.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from crosscheck.risk.learn import fit_weights

Floats = npt.NDArray[np.float64]

PRIOR_SD = 0.12  # log-odds for one standard deviation of a feature: many speak of one thing
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
    table = features.cast(pl.Float64).fill_null(np.nan).to_numpy()
    mean, spread = np.nanmean(table[~later], axis=0), np.nanstd(table[~later], axis=0)
    standard = np.nan_to_num((table - mean) / np.where(spread > 0, spread, 1.0))
    outcomes = inspections["y3"].to_numpy().astype(np.float64)
    design = np.column_stack([np.ones(len(outcomes)), standard])
    priors = np.zeros(design.shape[1]), np.array([3.0, *[PRIOR_SD] * standard.shape[1]])
    weights = fit_weights(design[~later], outcomes[~later], *priors)
    score, bad = design[later] @ weights.mean, outcomes[later]
    ranks = pl.Series(score).rank("average").to_numpy()
    concordant = ranks[bad == 1].sum() - bad.sum() * (bad.sum() + 1) / 2
    first = np.argsort(-score, kind="stable")[: round(len(bad) / 10)]
    auc = concordant / (bad.sum() * (len(bad) - bad.sum()))
    return Judged(first_year, len(bad), float(bad.mean()), float(auc), float(bad[first].sum() / bad.sum()))


def main(file: Path) -> None:
    inspections = read_inspections(file)
    features = describe(inspections)
    for first_year in (2018, 2019, 2021, 2022, 2023):
        found = judge(inspections, features, first_year)
        print(
            f"learnt before {found.first_year}: {found.inspections:,} later inspections, {found.bad:.1%} bad, "
            f"AUC {found.auc:.3f}, {found.captured:.1%} of the bad in the first tenth"
        )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
