"""Speed and memory, side by side in one run: `make bench`.

Whole commands are timed from outside (wall clock, and the largest resident size that the kernel saw), steps inside by
the clock; each figure is the median of several runs, with the least and the largest beside it. What is compared does
the same work. These are no tests: machines differ, ratios hold.
"""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import polars as pl

from crosscheck.cases.cases import build_cases, census_day
from crosscheck.collection.read import read_collection
from crosscheck.network.graph import relate
from crosscheck.network.succession import trace_succession
from crosscheck.rulebook.evaluate import evaluate, give_verdicts
from crosscheck.rulebook.rule import Rulebook
from crosscheck.scoring.indicators import score_answers, score_figures
from crosscheck.settings import model_file, published_figures_file
from crosscheck.simulation.margins import read_targets
from crosscheck.simulation.model import WorldPlan, read_simulation_model
from crosscheck.simulation.world import build_world
from crosscheck.standard import load_standard

ROOT = Path(__file__).resolve().parent.parent
COLLECTION = ROOT / "data" / "england-2008-09"
YEAR = "2008/09"


def line(what: str, seconds: list[float], goal: str = "", peak: float | None = None) -> None:
    """One figure: median, least and largest, beside its goal."""
    memory = f"  {peak:5.0f} MB" if peak else "          "
    median = statistics.median(seconds)
    print(f"{what:<62}{median * 1000:9.1f} ms  ({min(seconds) * 1000:.1f}-{max(seconds) * 1000:.1f}){memory}  {goal}")


def timed(work: Callable[[], object], runs: int = 7) -> list[float]:
    """Seconds of each run, after one to warm up."""
    work()
    seconds = []
    for _ in range(runs):
        began = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - began)
    return seconds


def command(*arguments: str, runs: int = 5) -> tuple[list[float], float]:
    """Wall seconds of each run of a whole process, and its largest resident size in megabytes."""
    seconds, peak = [], 0.0
    for _ in range(runs + 1):
        began = time.perf_counter()
        process = subprocess.Popen([sys.executable, "-m", "crosscheck", *arguments], stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        seconds.append(time.perf_counter() - began)
        assert status == 0, arguments
        peak = max(peak, usage.ru_maxrss / 1024)
    return seconds[1:], peak


def whole_commands() -> None:
    print("\nWhole commands, with imports")
    with tempfile.TemporaryDirectory() as name:
        run = ("run", str(COLLECTION), "--year", YEAR, "--out", f"{name}/run")
        line("crosscheck run, without pages", *_spread(command(*run, "--no-pages"), "goal: under 4 s and 500 MB"))
        line("crosscheck run, national collection", *_spread(command(*run, runs=3), ""))
        handbook = ("rules", "handbook", "--out", f"{name}/handbook")
        line("crosscheck rules handbook", *_spread(command(*handbook, runs=3), "goal: under 20 s"))
    line("crosscheck rules check", *_spread(command("rules", "check", runs=3), "goal: under 20 s"))
    line("crosscheck --help", *_spread(command("--help"), "goal: under 0.3 s"))
    line("crosscheck check, national collection", *_spread(command("check", str(COLLECTION)), ""))


def _spread(measured: tuple[list[float], float], goal: str) -> tuple[list[float], str, float]:
    return measured[0], goal, measured[1]


def steps() -> None:
    print("\nSteps inside, once loaded")
    line("load and check all rule and model files", timed(lambda: load_standard("C2")), "goal: under 200 ms")
    standard = load_standard("C2")
    line("read the national collection", timed(lambda: read_collection(COLLECTION, standard.questionnaire)))
    tables = read_collection(COLLECTION, standard.questionnaire).tables
    names = standard.indicators.names

    world = WorldPlan(read_simulation_model(model_file("C2", "simulation")))
    published = read_targets(published_figures_file("C2"))
    made = timed(lambda: build_world(world, standard.questionnaire, published, seed=3), runs=3)
    line("make up a world", made, "goal: under 2 s")

    day = census_day(YEAR)
    predecessors = trace_succession(tables["relationships"], day).predecessors
    line("trace the successions", timed(lambda: trace_succession(tables["relationships"], day)))

    def join() -> pl.DataFrame:
        return build_cases(tables, standard.questionnaire, names, YEAR, standard.name, predecessors)

    cases, ties = join(), relate(tables, day)
    line("join the cases", timed(join))
    line("relate the organisations", timed(lambda: relate(tables, day)))
    what = f"{len(standard.rulebook)} rules on {cases.height} cases"
    line(f"{what}: verdicts", timed(lambda: give_verdicts(cases, standard.rulebook, ties)), "goal: under 100 ms")
    line(
        f"{what}: one collect a rule",
        timed(lambda: _one_by_one(cases, ties, standard.rulebook), runs=3),
        "for comparison",
    )
    line(f"{what}: findings with evidence", timed(lambda: evaluate(cases, standard.rulebook, ties)))
    figures, organisations = tables["indicators"], tables["organisations"]
    line(f"score {figures.height:,} figures", timed(lambda: score_figures(figures, organisations, standard.indicators)))
    line(
        f"score {tables['answers'].height:,} answers",
        timed(lambda: score_answers(tables["answers"], standard.questionnaire, organisations, standard.indicators)),
    )


def _one_by_one(cases: pl.DataFrame, ties: pl.DataFrame, rulebook: Rulebook) -> list[pl.DataFrame]:
    return [give_verdicts(cases, Rulebook({rule.id: rule}, rulebook.digest), ties) for rule in rulebook]


if __name__ == "__main__":
    print(f"Python {platform.python_version()}, polars {pl.__version__}, {os.cpu_count()} cores")
    whole_commands()
    steps()
