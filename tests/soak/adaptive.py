"""What the adaptive design finds and how sure it is, on invented collections whose truth is known.

By hand: `python tests/soak/adaptive.py [WORLDS]`. Prints for each mechanism the share of the hits that as many visits
to the highest risks would make, and the standard error of the prevalence (aided by the risk as model) over that of a
simple random sample of as many visits. Both are computed from the published chances, not simulated.
"""

from __future__ import annotations

import sys

import numpy as np
import numpy.typing as npt
import polars as pl

from crosscheck import settings
from crosscheck.backtest import _collect, _run, _without_wave, build_worlds
from crosscheck.simulation.margins import read_targets
from crosscheck.simulation.model import MECHANISMS, WorldPlan, read_simulation_model
from crosscheck.standard import load_standard
from crosscheck.visits.adaptive import sample_by_risk
from crosscheck.visits.design import Design
from crosscheck.visits.draw import Frame, join_matrix

KEYS = ["org_code", "function"]
NUMBERS = (30, 60, 120)


def standard_error(frame: Frame, distance: npt.NDArray[np.float64]) -> float:
    """Of the estimated total of what is distant from its model, by the design's chances."""
    _, of_stratum = np.unique(frame.organisations["stratum"].to_numpy(), return_inverse=True)
    chance = frame.organisations["inclusion_probability"].to_numpy()
    joint = np.nan_to_num(join_matrix(frame))[np.ix_(of_stratum, of_stratum)]
    np.fill_diagonal(joint, chance)
    expanded = distance / chance
    return float(np.sqrt(expanded @ (joint - np.outer(chance, chance)) @ expanded))


def compare(organisations: pl.DataFrame, number: int) -> tuple[float, float]:
    """Hits as a share of those of the highest risks; the standard error over that of a simple sample."""
    frame = sample_by_risk(organisations.with_columns(gain="risk"), number, Design(kind="adaptive"))
    found = organisations.sort("org_code")["found"].to_numpy().astype(float)
    risk = organisations.sort("org_code")["risk"].to_numpy()
    hits = frame.organisations["inclusion_probability"].to_numpy() @ found
    greedy = organisations.sort("rank").head(number)["found"].sum()
    count = len(found)
    simple = np.sqrt(count**2 * (1 - number / count) * found.var(ddof=1) / number)
    return hits / max(greedy, 1), standard_error(frame, found - risk) / simple


def main(worlds: int) -> None:
    """Every mechanism, so many worlds each."""
    standard = load_standard("C2")
    model = read_simulation_model(settings.model_file("C2", "simulation"))
    targets = read_targets(settings.published_figures_file("C2"))
    for mechanism in MECHANISMS:
        results: dict[int, list[tuple[float, float]]] = {number: [] for number in NUMBERS}
        for _, world in build_worlds(WorldPlan(model, mechanism=mechanism), standard, targets, worlds, 1):
            made = _run(_collect(_without_wave(world.tables)), standard, model.year)
            truth = world.truth.select(*KEYS, "upheld")
            listed = made.visit_list.filter(pl.col("pool") == "to_visit").join(truth, KEYS)
            merged = listed.group_by("org_code").agg(
                pl.col("risk").max(), pl.col("rank").min(), found=(~pl.col("upheld")).any()
            )
            for number in NUMBERS:
                results[number].append(compare(merged, number))
        means = {number: np.mean(rows, axis=0).round(3).tolist() for number, rows in results.items()}
        said = (f"{number} visits: {hits:.0%}, {error:.2f}" for number, (hits, error) in means.items())
        print(f"{mechanism}: {'; '.join(said)}", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
