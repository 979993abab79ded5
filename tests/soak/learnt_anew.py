"""Single answers changed, everything learnt anew: how far the own risk goes the wrong way, and how far others move.

By hand, some minutes: python -m tests.soak.learnt_anew [NUMBER]
"""

from __future__ import annotations

import sys

import numpy as np
import polars as pl

from crosscheck import settings
from crosscheck.collection.read import Collection, read_collection
from crosscheck.pipeline import cross_check
from crosscheck.questionnaire import read_questionnaire
from crosscheck.standard import Standard, load_standard
from tests.few import COLLECTION
from tests.risk.changes import apply, draw_changes, put_at_worst
from tests.risk.known import CAPACITY, YEAR

_TYPES = ("pct", "acute", "mental_health", "ambulance")


def list_risks(collection: Collection, standard: Standard) -> pl.DataFrame:
    """The risk of every declaration, in points."""
    listed = cross_check(collection, standard, YEAR, CAPACITY).visit_list
    return listed.select("org_code", "function", points=100 * pl.col("risk"))


def main(number: int) -> None:
    standard = load_standard("C2")
    questionnaire = read_questionnaire(settings.questionnaire_file("C2"))
    collection = read_collection(COLLECTION, questionnaire)
    before = list_risks(collection, standard)
    wrong, others = [], []
    for change in draw_changes(collection, questionnaire, number, 1):
        moved = before.join(
            list_risks(apply(collection, [change]), standard), on=["org_code", "function"], suffix="_after"
        ).with_columns(by=pl.col("points_after") - pl.col("points"))
        own = moved.filter(pl.col("org_code") == change.org_code)["by"]
        wrong.append(max((-own if change.is_worse else own).to_list(), default=0.0))
        others.append(float(moved.filter(pl.col("org_code") != change.org_code)["by"].abs().max() or 0.0))
    print(
        f"{number} changes: own risk the wrong way by at most {max(wrong):.2f} points, by more than .2 in "
        f"{sum(by > 0.2 for by in wrong)}; others by at most {max(others):.2f}, median {np.median(others):.2f}"
    )
    codes = dict(collection.tables["organisations"].select(pl.col("org_type").cast(pl.String), "org_code").iter_rows())
    for of_type in _TYPES:
        after = list_risks(put_at_worst(collection, questionnaire, codes[of_type]), standard)
        moved = before.join(after, on=["org_code", "function"], suffix="_after")
        by = (
            moved.filter(pl.col("org_code") != codes[of_type])
            .select((pl.col("points_after") - pl.col("points")).abs())
            .to_series()
        )
        most, nearly_all = by.max(), by.quantile(0.95)
        print(
            f"{of_type} {codes[of_type]}, all at worst: others by at most {most:.1f}, 95% of them by {nearly_all:.1f}"
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
