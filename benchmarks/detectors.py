"""The detectors on two public sets with labels, beside scikit-learn as it comes: `python -m benchmarks.detectors`.

Area under the curve, median of `SEEDS` draws. The sets are made as those of ODDS are (Rayana 2016, ODDS library, Stony
Brook University): `wbc`, breast cancer of Wisconsin (diagnostic), 357 benign and 21 drawn of 212 malignant; `wine`, the
kinds 2 and 3 and 10 drawn of the 59 of kind 1. Which ones ODDS drew is not published with scikit-learn's copies, so
that the draws differ; here they are drawn anew with every seed.

Published for `wbc` of ODDS, mean of 10 random splits (60% to fit, 40% to test), by the benchmark of PyOD (Zhao,
Nasrullah and Li 2019, JMLR 20:96; docs/tables/roc.csv of its repository): isolation forest 0.932, nearest neighbours
(the largest of 5 distances) 0.940, minimum covariance determinant 0.916. That table has no `wine`.

Plain use is scikit-learn's own defaults on the rows as they are. The robust distance gives up a little where columns
are few, for what it can do where they are many: it shrinks, and its core is larger.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping

import numpy as np
from sklearn.covariance import MinCovDet
from sklearn.datasets import load_breast_cancer, load_wine
from sklearn.ensemble import IsolationForest
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import NearestNeighbors

from crosscheck.figures.dispersion import Floats
from crosscheck.scoring.exploratory import read_exploratory_model
from crosscheck.scoring.outliers import isolate, leave_the_core, look_around
from crosscheck.settings import model_file

SEEDS = range(15)
ODDNESS = read_exploratory_model(model_file("C2", "screens")).oddness

Detector = Callable[[Floats, int], Floats]

PAIRS: Mapping[str, tuple[Detector, Detector]] = {
    "isolation forest": (
        lambda rows, seed: isolate(rows, ODDNESS.trees, seed).distance,
        lambda rows, seed: -IsolationForest(random_state=seed).fit(rows).score_samples(rows),
    ),
    "nearest neighbours": (
        lambda rows, _: look_around(rows, ODDNESS.neighbours).distance,
        lambda rows, _: NearestNeighbors(n_neighbors=5).fit(rows).kneighbors()[0][:, -1],
    ),
    "robust distance": (
        lambda rows, _: leave_the_core(rows, np.arange(rows.shape[1]), ODDNESS.core_share).distance,
        lambda rows, seed: MinCovDet(random_state=seed).fit(rows).dist_,
    ),
}
PUBLISHED = {
    ("wbc", "isolation forest"): 0.932,
    ("wbc", "nearest neighbours"): 0.940,
    ("wbc", "robust distance"): 0.916,
}


def labelled_sets() -> Mapping[str, tuple[Floats, Floats, int]]:
    """The ordinary rows, those to draw odd ones from, and how many."""
    cancer, malignant = load_breast_cancer(return_X_y=True)
    wine, kind = load_wine(return_X_y=True)
    return {
        "wbc": (cancer[malignant == 1], cancer[malignant == 0], 21),
        "wine": (wine[kind > 0], wine[kind == 0], 10),
    }


def area(detector: Detector, ordinary: Floats, odd: Floats, count: int, seed: int) -> float:
    """Chance that a drawn odd row is odder than an ordinary one."""
    drawn = np.random.default_rng(seed).choice(len(odd), count, replace=False)
    rows = np.concatenate([ordinary, odd[drawn]])
    return float(roc_auc_score(np.arange(len(rows)) >= len(ordinary), detector(rows, seed)))


def compare() -> None:
    print(f"{'set':<6}{'detector':<22}{'ours':>8}{'plain':>8}{'published':>11}   median of {len(SEEDS)} draws")
    for name, rows in labelled_sets().items():
        for detector, pair in PAIRS.items():
            ours, plain = (statistics.median(area(either, *rows, seed) for seed in SEEDS) for either in pair)
            print(f"{name:<6}{detector:<22}{ours:8.3f}{plain:8.3f}{PUBLISHED.get((name, detector), '-'):>11}")


if __name__ == "__main__":
    compare()
