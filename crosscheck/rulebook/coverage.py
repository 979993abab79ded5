"""Coverage: what became of every candidate check and of every expectation that the review states."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

import polars as pl

from crosscheck.errors import RulebookError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from crosscheck.rulebook.rule import Rulebook

COLUMNS: Final = ("item", "what", "outcome", "rules", "reason")
WHATS: Final = ("candidate", "expectation")

# A candidate that became a rule of its own, one that a rule covers together with others, one that none covers.
OUTCOMES: Final = ("rule", "merged", "declined")


def read_coverage(file: Path, rulebook: Rulebook) -> pl.DataFrame:
    """Read the table and hold it against the rules.

    Returns:
        One row a candidate or expectation, in the order of the file: `item`, `what` (`candidate`, `expectation`),
        `outcome` (`rule`, `merged`, `declined`), `rules` (between `|`), `reason` (of what is declined).

    Raises:
        RulebookError: the file or a column is missing; or with every row that names a rule that there is not or that
            does not cover it, every rule that covers what the table does not give to it, and every row declined
            without a reason.
    """
    if not file.is_file():
        raise RulebookError(f"{file}: there is no table of what became of the candidates.")
    stated = pl.read_csv(file, infer_schema=False)
    if lacking := [column for column in COLUMNS if column not in stated.columns]:
        raise RulebookError(f"{file.name}: these columns are missing: {', '.join(lacking)}.")
    coverage = stated.select(COLUMNS).fill_null("")
    if wrong := [f"{file.name}, {problem}" for problem in _problems(coverage, rulebook)]:
        raise RulebookError(wrong)
    return coverage


def _problems(coverage: pl.DataFrame, rulebook: Rulebook) -> Iterator[str]:
    given = {row["item"]: {*row["rules"].split("|")} - {""} for row in coverage.iter_rows(named=True)}
    covering: dict[str, set[str]] = {}
    for rule in rulebook:
        for item in (*rule.covers, *rule.expectations):
            covering.setdefault(item, set()).add(rule.id)
    twice = [item for item, count in Counter(coverage["item"]).items() if count > 1]
    yield from (f"{item}: stands here more than once. Name it once, with all its rules between |." for item in twice)
    for item in sorted(given.keys() | covering.keys()):
        if differing := given.get(item, set()) ^ covering.get(item, set()):
            yield f"{item}: the table and the rule files differ on {', '.join(sorted(differing))}."
    for row in coverage.iter_rows(named=True):
        if row["what"] not in WHATS or row["outcome"] not in OUTCOMES:
            yield f"{row['item']}: allowed are {', '.join(WHATS)}, and as outcome {', '.join(OUTCOMES)}."
        if (row["outcome"] == "declined") != (not row["rules"]) or (not row["rules"] and not row["reason"]):
            yield f"{row['item']}: what is declined has a reason and no rule, all else has a rule."
