"""Do three in five of the first of the national list stay, whatever single assumption is changed?

By hand, as part of `make soak`: every assumption makes the whole list again. Ends with 1 if an assumption takes more.
"""

from __future__ import annotations

import sys

import polars as pl

from crosscheck.collection.read import read_collection
from crosscheck.sensitivity import FIRST, GATE, vary_assumptions
from crosscheck.standard import load_standard
from tests.few import COLLECTION


def main() -> int:
    standard = load_standard("C2")
    collection = read_collection(COLLECTION, standard.questionnaire)
    compared = vary_assumptions(collection, standard, "2008/09", FIRST)
    with pl.Config(tbl_rows=-1, fmt_str_lengths=60):
        print(compared)
    steady = (pl.col("kept") >= GATE) & (pl.col("correlation") > 0.5)
    return int(not compared.select(steady.all()).item())


if __name__ == "__main__":
    sys.exit(main())
