"""Weights that cannot be negative: against slow ways of finding them, and against simulation."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain, combinations

import numpy as np
import polars as pl
import pytest

from crosscheck.risk import weights
from crosscheck.risk.factors import fit_loadings, prior_loadings
from crosscheck.risk.model import RiskModel
from crosscheck.risk.weights import BETTER, Weighed, weigh_items
from tests.risk.invented import MODEL, Floats, Invented, declarations, invent, one_item

NAMES = {f"answer.{number}": (0.3, -0.2) for number in range(4)} | {
    f"figure.{number}": (0.35, 0.0) for number in range(3)
}
FACTS = MODEL.model_copy(update={"facts": {"figure.fact": "answer.fact", "figure.other": "answer.other"}})
WITH_FACTS = NAMES | {
    name: (0.3, -0.3 if name.startswith("a") else 0.0) for pair in FACTS.facts.items() for name in pair
}
OF_FACTS = {name: f"fact {figure}" for figure, answer in FACTS.facts.items() for name in (figure, answer)}


def shaded() -> Invented:
    """Two facts with a record; what the organisation says of the first is mostly response bias."""
    invented = invent(WITH_FACTS, groups=OF_FACTS)
    first = pl.col("item") == "answer.fact"
    return replace(
        invented,
        items=invented.items.with_columns(
            quality_prior=pl.when(first).then(0.05).otherwise("quality_prior"),
            bias_prior=pl.when(first).then(-0.6).otherwise("bias_prior"),
        ),
    )


def weigh(invented: Invented, model: RiskModel = MODEL, function: str = "whole") -> Weighed:
    evidence = invented.build_item_table(model)
    known = declarations(invented.codes, function).select("org_code", "function")
    return weigh_items(known, evidence, fit_loadings(evidence, model), model, 0.75, 0.13)


def of_one(weighed: Weighed, code: str) -> dict[str, float]:
    rows = weighed.contributions.filter(pl.col("org_code") == code)
    return dict(zip(rows["item"], rows["weight"], strict=True))


def problem_of(invented: Invented, model: RiskModel = FACTS) -> weights._Problem:
    evidence = invented.build_item_table(model)
    *_, facts = weights.with_records(evidence, model)
    return weights._problem(evidence, prior_loadings(evidence, model), model, 0.75, "whole", facts)


def best_of_all_active_sets(covariance: Floats, target: Floats) -> Floats:
    """The best weights at least zero: each set of items tried in turn."""
    number, best, least = len(target), np.zeros(len(target)), 0.0
    for chosen in chain.from_iterable(combinations(range(number), size) for size in range(1, number + 1)):
        places, tried = list(chosen), np.zeros(number)
        tried[places] = np.linalg.solve(covariance[np.ix_(places, places)], target[places])
        value = tried @ covariance @ tried - 2 * target @ tried
        if (tried >= 0).all() and value < least:
            best, least = tried, value
    return best


@pytest.mark.parametrize("seed", range(12))
def test_weights_are_those_of_trying_every_set_of_items(seed: int) -> None:
    generator = np.random.default_rng(seed)
    loadings = generator.normal(0.2, 0.4, (7, 3))
    covariance, target = loadings @ loadings.T + np.diag(generator.uniform(0.2, 1.0, 7)), loadings[:, 0] * 0.75
    problem = weights._Problem(tuple("abcdefg"), covariance, target, np.zeros(7))
    found = weights._solve(problem, np.arange(7))
    assert found == pytest.approx(best_of_all_active_sets(covariance, target), abs=1e-6)


def test_weights_of_evidence_meet_the_conditions_of_the_optimum() -> None:
    problem = problem_of(shaded())
    found = weights._solve(problem, np.arange(len(problem.names)))
    slope = problem.with_liability - problem.covariance @ found
    assert (found >= 0).all()
    assert slope[found > 0] == pytest.approx(0.0, abs=1e-6)
    assert (slope[found == 0] <= 1e-6).all()
    assert dict(zip(problem.names, found > 0, strict=True))[BETTER + "answer.fact"]
    assert not dict(zip(problem.names, found > 0, strict=True))["answer.fact"]


def test_no_weight_is_negative_and_no_item_weighs_beyond_the_limit() -> None:
    strong = invent({f"figure.{number}": (0.9, 0.0) for number in range(2)} | NAMES, missing=0.2)
    tight = MODEL.model_copy(update={"limits": MODEL.limits.model_copy(update={"item_decibans": 1.0})})
    for model, most in ((MODEL, MODEL.limits.item_decibans), (tight, 1.0)):
        contributions = weigh(strong, model).contributions
        assert (contributions["weight"] > 0).all()
        assert contributions["decibans"].abs().max() <= most + 1e-9
    assert contributions["decibans"].abs().max() > 0.9


def test_the_weights_of_what_is_there_are_scaled_by_the_best_factor() -> None:
    invented = invent(NAMES)
    problem = problem_of(invented, MODEL)
    best = weights._solve(problem, np.arange(len(problem.names)))
    present = np.ones((2, len(best)))
    present[1, 4:6] = 0.0
    scaled, known = weights._scale(best, problem, present, np.ones(len(best), dtype=bool))

    def left(weight: Floats) -> float:
        return float(weight @ problem.covariance @ weight - 2 * problem.with_liability @ weight)

    for row, there in enumerate(present):
        assert (scaled[row][there == 0] == 0).all()
        assert known[row] == pytest.approx(-left(scaled[row]))
        assert all(left(scaled[row]) <= left(factor * scaled[row]) for factor in (0.9, 0.99, 1.01, 1.1))
    assert scaled[1, 6] > scaled[0, 6]
    assert known[1] < known[0]


def test_the_covariance_of_one_sided_gaps_is_that_of_simulation() -> None:
    invented = invent(WITH_FACTS, groups=OF_FACTS)
    evidence = invented.build_item_table(FACTS)
    loadings = prior_loadings(evidence, FACTS)
    problem, draws = problem_of(invented), 400_000
    generator = np.random.default_rng(0)
    grouped = generator.standard_normal((draws, evidence.grouping.shape[1])) @ evidence.grouping.T
    quality, bias = generator.standard_normal((2, draws, 1))
    z = quality * loadings.mean[:, 0] + bias * loadings.mean[:, 1] + grouped * loadings.mean[:, 2]
    z += generator.standard_normal(z.shape) * np.sqrt(loadings.noise)
    names = list(problem.names)
    pairs = [(names.index(figure), names.index(answer)) for figure, answer in sorted(FACTS.facts.items())]
    gaps = np.column_stack(
        [np.maximum(z[:, record] - z[:, own], 0.0) for record, own in sorted(pairs, key=lambda at: at[1])]
    )
    drawn = np.column_stack([z, gaps - gaps.mean(axis=0)])
    assert [name.removeprefix(BETTER) for name in names[-2:]] == ["answer.fact", "answer.other"]
    for gap in range(len(names) - 2, len(names)):
        products = drawn * drawn[:, [gap]]
        error = products.std(axis=0) / np.sqrt(draws)
        assert (np.abs(products.mean(axis=0) - problem.covariance[gap]) < 3 * error).all()
        toward = drawn[:, gap] * quality[:, 0] * 0.75
        assert abs(toward.mean() - problem.with_liability[gap]) < 3 * toward.std() / np.sqrt(draws)


def test_an_absent_figure_adds_nothing_and_an_unanswered_question_counts_as_the_average_answer() -> None:
    invented = invent(NAMES)
    one = invented.codes[0]
    whole = of_one(weigh(invented), one)
    for absent, same in (("figure.0", False), ("answer.0", True)):
        gone = (pl.col("org_code") == one) & (pl.col("item") == absent)
        evidence = invented.build_item_table()
        fitted = fit_loadings(evidence, MODEL)
        fewer = replace(invented, items=invented.items.filter(~gone)).build_item_table()
        row, column = evidence.codes.to_list().index(one), evidence.items["item"].to_list().index(absent)
        z, present = evidence.z.copy(), evidence.present.copy()
        z[row, column] = present[row, column] = 0.0
        assert fewer.present[row, column] == 0
        left = of_one(
            weigh_items(
                declarations([one]).select("org_code", "function"),
                replace(evidence, z=z, present=present), fitted, MODEL, 0.75, 0.13,
            ),
            one,
        )  # fmt: skip
        others = {name: weight for name, weight in whole.items() if name != absent}
        assert left.keys() == others.keys()
        assert (left == pytest.approx(others, rel=1e-9)) == same


def test_weights_do_not_depend_on_any_answer() -> None:
    invented = invent(NAMES)
    weighed = weigh(invented).contributions.filter(pl.col("item").str.starts_with("answer"))
    assert weighed.group_by("item").agg(pl.col("weight").n_unique())["weight"].to_list() == [1, 1, 1, 1]


def test_a_section_bears_on_the_function_that_it_belongs_to() -> None:
    groups = {"answer.0": "staffing", "answer.1": "staffing", "answer.2": "commissioning", "answer.3": "commissioning"}
    invented = invent(NAMES, groups=groups, number=600)
    provider, commissioner, whole = (
        of_one(weigh(invented, function=function), invented.codes[0])
        for function in ("provider", "commissioner", "whole")
    )
    assert provider["answer.0"] > whole["answer.0"] > commissioner["answer.0"]
    assert commissioner["answer.2"] > whole["answer.2"] > provider["answer.2"]


def test_an_own_account_better_than_the_record_adds_and_one_no_better_earns_nothing() -> None:
    invented = shaded()
    one, gap = invented.codes[0], BETTER + "answer.fact"
    added = {}
    for name, answer, record in (("better", -1.0, 2.0), ("agrees", 2.0, 2.0), ("worse", 2.0, -1.0)):
        said = {"answer.fact": answer, "figure.fact": record}
        stated = pl.col("item").replace_strict(said, default=None, return_dtype=pl.Float64)
        changed = invented.items.with_columns(z=pl.when(pl.col("org_code") == one).then(stated).fill_null(pl.col("z")))
        rows = weigh(replace(invented, items=changed), FACTS).contributions
        added[name] = rows.filter((pl.col("org_code") == one) & (pl.col("item") == gap))["decibans"].sum()
    assert added["better"] > 1.0
    assert 0 <= added["agrees"] < 0.1 * added["better"]  # centred anew, so that equal scores are not quite equal
    assert added["worse"] == 0


def test_who_holds_no_record_has_no_gap() -> None:
    invented = shaded()
    one = invented.codes[0]
    without = invented.items.filter((pl.col("org_code") != one) | (pl.col("item") != "figure.fact"))
    weighed = weigh(replace(invented, items=without), FACTS).contributions
    having = set(weighed.filter(pl.col("item") == BETTER + "answer.fact")["org_code"])
    assert one not in having
    assert len(having) == len(invented.codes) - 1


def test_a_question_asked_again_and_again_is_hardly_more_than_asked_once() -> None:
    invented = invent(NAMES)
    first = invented.items.filter(pl.col("item") == "answer.0")
    again = pl.concat([first.with_columns(item=pl.lit(f"answer.0 again {copy}")) for copy in range(20)])
    once, often = weigh(invented), weigh(replace(invented, items=pl.concat([invented.items, again])))
    sums = [
        at.contributions.filter(pl.col("item").str.starts_with("answer.0"))
        .group_by("org_code")
        .agg(pl.col("weight").sum())
        for at in (once, often)
    ]
    assert sums[1]["weight"].max() < 2.5 * sums[0]["weight"].max()  # type: ignore[operator]


def test_an_item_that_hardly_any_of_a_type_have_has_no_weight_there() -> None:
    invented = invent(NAMES)
    rare = one_item("figure.rare", invented.codes[:19], invented.quality[:19])
    often = one_item("figure.often", invented.codes[:60], invented.quality[:60])
    few = MODEL.model_copy(update={"estimation": MODEL.estimation.model_copy(update={"least": 5})})
    weighed = weigh(replace(invented, items=pl.concat([invented.items, rare, often])), few)
    assert {"figure.often"} == set(weighed.contributions["item"]) & {"figure.rare", "figure.often"}


def test_the_more_is_known_the_farther_below_the_average_the_middle_lies() -> None:
    weighed = weigh(invent(NAMES, missing=0.4)).declarations
    assert weighed["known"].is_between(0.0, 0.9).all()
    assert (weighed["spread"] < 0).all()
    by_known = weighed.sort("known")["spread"]
    assert by_known.is_sorted(descending=True)
