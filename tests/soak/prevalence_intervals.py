"""How often the intervals of the prevalence hold the truth, on the embedded frame.

    python -m tests.soak.prevalence_intervals [DRAWS]

Draws of 30, 60 and 120 organisations, 5, 13 and 22% of declarations not upheld, several truths of how lapses lie. It
ends with 1 if an interval covers less than 94% in any of them, or if one that lapses in clusters is on average more
than 1.1 times as wide as Wilson's with the number that is as sure.
"""

from __future__ import annotations

import sys
from itertools import product

from crosscheck.collection.read import read_collection
from crosscheck.questionnaire import read_questionnaire
from tests.conftest import ROOT
from tests.few import COLLECTION
from tests.visits.drawn import ESTIMATES, TRUTHS, make_up_lapses, read_frame, try_intervals

_BY_THEMSELVES = (0.0, "none")


def main(draws: int) -> int:
    """Print a line a design and truth, then what was worst."""
    collection = read_collection(COLLECTION, read_questionnaire(ROOT / "data" / "c2" / "questionnaire.csv"))
    frame, least, widths = read_frame(collection), 1.0, []
    for truth, number, share in product((*TRUTHS, _BY_THEMSELVES), (30, 60, 120), (0.05, 0.13, 0.22)):
        found = make_up_lapses(frame, share, *truth, seed=1)
        tried = try_intervals(frame, found, number, draws, seed=1)
        least = min(least, *(one.coverage for one in tried.values()))
        widths += [one.width / one.wilson for one in tried.values() if truth != _BY_THEMSELVES]
        told = (f"{tried[name].coverage:.4f} {tried[name].width / tried[name].wilson:.3f}" for name in ESTIMATES)
        told_own = (f"{tried[name].width / tried[name].own:.3f}" for name in ESTIMATES)
        print(*truth, number, share, *told, "own", *told_own, flush=True)
    print(f"{draws} draws each: least coverage {least:.4f}, greatest width {max(widths):.3f} times Wilson's")
    print(f"mean width {sum(widths) / len(widths):.3f} times Wilson's")
    return int(least < 0.94 or max(widths) > 1.1)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 5000))
