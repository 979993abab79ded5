"""One answer of a real organisation changed, weights held, through to the rank: which changes go the wrong way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

from crosscheck.pipeline import Outcome
from crosscheck.questionnaire import Question
from crosscheck.risk.checks import find_differences
from crosscheck.risk.evidence import probability
from crosscheck.risk.monotone import add_up_probes, rank_among
from crosscheck.risk.weights import with_records
from crosscheck.rulebook.checks import judge_probes, list_checks
from crosscheck.scoring.beside import score_answers_beside
from crosscheck.standard import Standard

Floats = npt.NDArray[np.float64]

KEYS = ["org_code", "function"]
CHANGES = {
    "row": pl.Int64,
    "item": pl.String,
    "org_type": pl.String,
    "answered": pl.Float64,
    "other": pl.Float64,
    "sign": pl.Float64,
}


def draw_changes(cases: pl.DataFrame, questions: Mapping[str, Question], number: int, seed: int) -> pl.DataFrame:
    """So many answers that were given, each beside another that could be: levels by their place.

    `sign` is 1 where the other one is worse.
    """
    columns = list(questions)
    given = cases.select(pl.col(columns).to_physical().cast(pl.Float64)).to_numpy()
    types = cases["organisation.org_type"].cast(pl.String).to_list()
    rows, at = np.nonzero(~np.isnan(given))
    random = np.random.default_rng(seed)
    drawn = []
    while len(drawn) < number:
        one = random.integers(rows.size)
        row, column = int(rows[one]), int(at[one])
        question = questions[columns[column]]
        if types[row] not in question.org_types:
            continue
        answered = given[row, column]
        if question.has_levels:
            other = float(random.choice([place for place in range(len(question.levels)) if place != answered]))
        else:
            of_others = given[:, column][~np.isnan(given[:, column])]
            other = float(
                random.choice([0.0, 100.0, *of_others]) if question.unit == "percent" else random.choice(of_others)
            )
        if other != answered:
            better = (other > answered) == (question.direction == "higher_better")
            drawn.append((row, columns[column], types[row], answered, other, -1.0 if better else 1.0))
    return pl.DataFrame(drawn, schema=CHANGES, orient="row")


def weigh_changes(
    outcome: Outcome, tables: Mapping[str, pl.DataFrame], standard: Standard, number: int, seed: int
) -> pl.DataFrame:
    """The changes with risk and rank before and after; all weights, peers and other organisations held."""
    known = outcome.visit_list.filter(pl.col("pool") == "to_visit")
    asked = {
        column: question
        for question in standard.questionnaire
        if question.direction != "none"
        for column in question.columns
    }
    cases = (
        outcome.cases.with_columns(pl.col("function").cast(pl.String))
        .join(known.select(*KEYS, "decibans"), on=KEYS)
        .sort(KEYS)
    )
    changes = draw_changes(cases, asked, number, seed)
    sums = [
        _add_up_answered(outcome, tables, standard, cases, changes.with_columns(value=pl.col(column)))
        for column in ("answered", "other")
    ]
    before = cases["decibans"].to_numpy()[changes["row"].to_numpy()]
    after = before + (sums[1]["decibans"] - sums[0]["decibans"]).to_numpy().round(6)
    others = known["decibans"].sort().to_numpy()
    rank_before, rank_after = (_rank_without(decibans, before, others) for decibans in (before, after))
    return changes.with_columns(
        decibans=before,
        risk_before=probability(before).round(6),
        risk_after=probability(after).round(6),
        rank_before=rank_before,
        rank_after=rank_after,
    )


def wrong_way(changes: pl.DataFrame) -> pl.DataFrame:
    """Those of which a worse answer lowers the risk or improves the rank, or a better one does the contrary."""
    sign = pl.col("sign")
    falls = sign * (pl.col("risk_after") - pl.col("risk_before")) < 0
    improves = sign * (pl.col("rank_after") - pl.col("rank_before")) > 0
    return changes.filter(falls | improves)


def _rank_without(decibans: Floats, own: Floats, others: Floats) -> npt.NDArray[np.int64]:
    """The rank when one's own former sum is taken out of the list."""
    return rank_among(decibans, others) - (own > decibans)


def _add_up_answered(
    outcome: Outcome,
    tables: Mapping[str, pl.DataFrame],
    standard: Standard,
    cases: pl.DataFrame,
    changes: pl.DataFrame,
) -> pl.DataFrame:
    """What `add_up_probes` gives where the answer that a change is about is its `value`."""
    risk = outcome.risk
    weighing = standard.rulebook.of_kind(*(name for name, kind in standard.risk.kinds.items() if kind.factor > 0))
    answered = _answered(cases, changes, standard)
    differing, still_open = judge_probes(answered, weighing)
    differences = find_differences(
        risk.from_visits.weights, differing.with_columns(verdict=pl.lit("differs")), still_open
    )
    evidence, chosen = risk.evidence, changes["row"].to_numpy()
    rows = evidence.codes.search_sorted(cases["org_code"]).to_numpy()[chosen]
    z = _scored(np.where(evidence.present > 0, evidence.z, np.nan)[rows], changes, tables, standard, outcome)
    types = tuple(evidence.types[row] for row in rows)
    held, present, names, _ = with_records(evidence.beside(answered["org_code"], types, z), standard.risk)
    tried = answered.select(*KEYS).with_columns(item=changes["item"])
    weights = _own_weights(outcome, cases, names)[chosen]
    return add_up_probes(tried, held * present * weights, names, differences, list_checks(weighing))


def _answered(cases: pl.DataFrame, changes: pl.DataFrame, standard: Standard) -> pl.DataFrame:
    """A copy of its case for each change, with the answer in it."""
    questions = {column: question for question in standard.questionnaire for column in question.columns}
    code = pl.format("change {}", pl.int_range(pl.len()).cast(pl.String).str.zfill(6))
    copies = cases[changes["row"].to_numpy()].with_columns(org_code=code)
    filled = []
    for (item,), of_item in changes.with_row_index("at").group_by("item", maintain_order=True):
        values = copies[item].to_physical().cast(pl.Float64).scatter(of_item["at"], of_item["value"])
        levels = questions[item].levels
        words = pl.Series(levels, dtype=pl.Enum(levels)).gather(values.cast(pl.UInt32)) if levels else values
        filled.append(words.alias(item))
    return copies.with_columns(filled)


def _own_weights(outcome: Outcome, cases: pl.DataFrame, names: Sequence[str]) -> Floats:
    """For each case and item what one standard unit weighs in its own sum."""
    rows = cases.select(KEYS).with_row_index("row")
    held = outcome.risk.weighed.contributions.with_columns(pl.col("function").cast(pl.String)).join(rows, on=KEYS)
    weights = np.zeros((cases.height, len(names)))
    at = {name: place for place, name in enumerate(names)}
    items = held["item"].replace_strict(at, return_dtype=pl.Int64).to_numpy()
    weights[held["row"].to_numpy(), items] = held["weight"].to_numpy()
    return weights


def _scored(
    z: Floats, changes: pl.DataFrame, tables: Mapping[str, pl.DataFrame], standard: Standard, outcome: Outcome
) -> Floats:
    """The scores with that of the changed answer in its place."""
    evidence, limit = outcome.risk.evidence, standard.risk.limits.score
    values = changes.select("org_type", "value", indicator="item").unique()
    scored = score_answers_beside(
        values, tables["answers"], standard.questionnaire, tables["organisations"], standard.indicators
    )
    key = ["org_type", "value", "item"]
    items = {name: place for place, name in enumerate(evidence.items["item"])}
    known = (
        changes.with_row_index("at")
        .join(scored.rename({"indicator": "item"}), on=key)
        .filter(pl.col("item").is_in(list(items)))
    )
    columns, rows = known["item"].replace_strict(items, return_dtype=pl.Int64).to_numpy(), np.arange(known.height)
    raw = np.full((known.height, len(items)), np.nan)
    raw[rows, columns] = known["z"].clip(-limit, limit).to_numpy()
    z[known["at"].to_numpy(), columns] = evidence.in_units(tuple(known["org_type"]), raw, limit)[rows, columns]
    return z
