"""A campaign of draws on the embedded frame with true tickets: as often as stated, and what prevalence comes out.

By hand: `python tests/soak/draws.py [DRAWS]`; 100,000 draws take about a minute. Prints what it found; ends with 1 if a
bound is passed.
"""

from __future__ import annotations

import hashlib
import sys

import numpy as np
import numpy.typing as npt

from crosscheck.collection.read import read_collection
from crosscheck.pipeline import cross_check
from crosscheck.standard import load_standard
from crosscheck.visits.design import Design
from crosscheck.visits.draw import Frame
from crosscheck.visits.dry_draws import choose_smallest, measure_fit
from crosscheck.visits.plan import Capacity
from tests.few import COLLECTION

YEAR = "2008/09"
_AT_ONCE = 2000


def draw_with_tickets(frame: Frame, first: int, number: int) -> npt.NDArray[np.bool_]:
    """Who is drawn by each of the values first, first + 1 …: by 52 bits of each ticket, as `draw_from` has it."""
    codes = [code.encode() for code in frame.organisations["org_code"]]
    prefixes = (hashlib.sha256(f"{value}|{YEAR}|".encode()) for value in range(first, first + number))
    digests = bytearray()
    for prefix in prefixes:
        for code in codes:
            one = prefix.copy()
            one.update(code)
            digests += one.digest()[:8]
    whole = np.frombuffer(bytes(digests), dtype=">u8").astype(np.uint64).reshape(number, len(codes))
    return choose_smallest(frame, ((whole >> np.uint64(12)).astype(np.float64) + 0.5) / 2.0**52)


def measure_bias(frame: Frame, drawn: npt.NDArray[np.bool_]) -> float:
    """By how many points the mean Horvitz-Thompson estimate misses truths that cluster by code, at worst."""
    chance = frame.organisations["inclusion_probability"].to_numpy()
    mean_weight = drawn.mean(axis=0) / chance
    generator = np.random.default_rng(1)
    starts = generator.integers(0, len(chance), 20)
    truths = [np.roll(np.arange(len(chance)) < len(chance) * 0.13, start) for start in starts]
    return float(max(abs((truth * (mean_weight - 1)).mean()) for truth in truths) * 100)


def main(draws: int) -> bool:
    """Both designs; whether every bound holds."""
    standard = load_standard("C2")
    collection = read_collection(COLLECTION, standard.questionnaire, YEAR, standard.name)
    good = True
    for design in (Design(), Design(kind="adaptive")):
        frame = cross_check(collection, standard, YEAR, Capacity(60, 0.5, 1, design)).plan.frame
        blocks = [draw_with_tickets(frame, first, _AT_ONCE) for first in range(0, draws, _AT_ONCE)]
        drawn = np.concatenate(blocks)
        fit, bias = measure_fit(frame, drawn), measure_bias(frame, drawn[: draws // 2])
        print(
            f"{design.kind}: {frame.number} of {frame.organisations.height}; {fit}; bias {bias:.3f} points", flush=True
        )
        good &= fit.p > 0.001 and fit.largest_z < 4.5 and not fit.never_drawn and bias < 0.2
        good &= fit.largest_pair_z < 5.5 or fit.pair_p > 0.01
    return good


if __name__ == "__main__":
    sys.exit(not main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000))
