"""Does any of very many single answers, changed in a real return with weights held, move risk or rank the wrong way?

By hand, as part of `make soak`: 10,000 changes from each of 20 starts, on learnt weights and on stated ones. Ends with
1 if one does.
"""

from __future__ import annotations

import sys

import polars as pl

from crosscheck.collection.read import read_collection
from crosscheck.pipeline import cross_check
from crosscheck.standard import load_standard
from crosscheck.visits.plan import Capacity
from tests.few import COLLECTION
from tests.risk.single_changes import weigh_changes, wrong_way


def main() -> int:
    standard = load_standard("C2")
    collection = read_collection(COLLECTION, standard.questionnaire)
    wrong = []
    for weights, of_weights in (("learnt", standard), ("stated", standard.leave_weights())):
        outcome = cross_check(collection, of_weights, "2008/09", Capacity(60, 0.5, 2009))
        for seed in range(1, 21):
            changes = weigh_changes(outcome, collection.tables, of_weights, 10_000, seed)
            wrong.append(wrong_way(changes).with_columns(weights=pl.lit(weights), start=pl.lit(seed)))
    found = pl.concat(wrong)
    print(found if found.height else "400,000 changes, none went the wrong way")
    return int(found.height > 0)


if __name__ == "__main__":
    sys.exit(main())
