"""Other orders of the same declarations: each by hand, and what a teacher may learn from."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl
import pytest

from crosscheck.contract.inputs import INPUTS
from crosscheck.questionnaire import Questionnaire
from crosscheck.visits.rankings import BREACHES, COUNTING, list_ranking_items, rank_otherwise
from tests.scoring.test_scores import QUESTIONS, answers, organisations

YEAR = "2008/09"
OF = organisations(acute=12)
DECLARATIONS = pl.DataFrame({"org_code": OF["org_code"], "function": "whole"})
NAMES = [
    "at random",
    "counting adverse answers",
    "counting admitted grave breaches",
    "sum of scores",
    "isolation forest",
    "last year's list",
]
Row = Mapping[str, object]


def table(name: str, *rows: Row) -> pl.DataFrame:
    """Rows of an input, empty where nothing is stated."""
    schema = INPUTS[name].schema
    return pl.DataFrame([dict.fromkeys(schema, None) | dict(row) for row in rows], schema=schema)


def declared(code: str, year: str, status: str = "not_met") -> Row:
    return {"org_code": code, "year": year, "status": status, "function": "whole"}


def visited(code: str, year: str, finding: str) -> Row:
    return {"org_code": code, "year": year, "finding": finding, "function": "whole"}


def remark(code: str, polarity: float, reliability: float, year: str = YEAR) -> Row:
    return {"org_code": code, "author": "lscb", "standard": "C2", "year": year, "polarity": polarity,
            "reliability": reliability}  # fmt: skip


def tables(*declarations: Row, visits: tuple[Row, ...] = (), comments: tuple[Row, ...] = ()) -> dict[str, pl.DataFrame]:
    return {
        "organisations": OF,
        "answers": answers("policy.there", OF, level=["no", *["yes"] * 11]),
        "declarations": table("declarations", *declarations),
        "visits": table("visits", *visits),
        "comments": table("comments", *comments),
    }


def scores(**z: list[float | None]) -> pl.DataFrame:
    """One column an item, in the order of the organisations."""
    wide = OF.select("org_code").with_columns(pl.Series(item, of, dtype=pl.Float64) for item, of in z.items())
    return wide.unpivot(index="org_code", variable_name="indicator", value_name="z")


def unmet(*rows: tuple[str, str, bool]) -> pl.DataFrame:
    schema = {"org_code": pl.String, "check_id": pl.String, "grave": pl.Boolean}
    return pl.DataFrame(rows, schema=schema, orient="row").with_columns(function=pl.lit("whole"))


SCORES = scores(a=[3.0, *[0.1 * at for at in range(11)]], b=[-1.0, *[-0.1 * at for at in range(10)], None])


def ranked(
    given: Mapping[str, pl.DataFrame], admitted: pl.DataFrame | None = None, seed: int = 7
) -> Mapping[str, pl.DataFrame]:
    none = unmet() if admitted is None else admitted
    return rank_otherwise(DECLARATIONS, given, SCORES, none, QUESTIONS, (YEAR, seed))


def score_of(ranking: pl.DataFrame, code: str) -> float:
    return float(ranking.filter(pl.col("org_code") == code)["score"].item())


def test_every_ranking_has_a_score_for_every_declaration_in_their_order() -> None:
    rankings = ranked(tables())
    assert list(rankings) == NAMES
    for ranking in rankings.values():
        assert ranking.select("org_code", "function").equals(DECLARATIONS)
        assert ranking["score"].is_finite().all()


def test_adverse_answers_and_grave_breaches_are_counted_and_scores_added() -> None:
    admitted = unmet(("AC01", "D1", True), ("AC01", "D2", True), ("AC01", "D3", False), ("AC02", "D3", False))
    rankings = ranked(tables(), admitted)
    assert rankings[COUNTING]["score"].to_list() == [1.0, *[0.0] * 11]
    assert rankings[BREACHES]["score"].to_list() == [0.0, 2.0, *[0.0] * 10]
    assert score_of(rankings["sum of scores"], "AC00") == pytest.approx(2.0)
    assert score_of(rankings["sum of scores"], "AC11") == pytest.approx(1.0)


def test_chance_hangs_on_the_seed_alone() -> None:
    once, again, other = (ranked(tables(), seed=seed)["at random"]["score"].to_list() for seed in (7, 7, 8))
    assert once == again != other
    assert len(set(once)) == 12


def test_who_is_odd_on_either_side_comes_first_by_the_forest() -> None:
    forest = ranked(tables())["isolation forest"]
    assert forest.sort("score")["org_code"].last() == "AC00"


def test_what_a_ranking_does_not_know_is_as_all_others_are_on_average() -> None:
    fewer = SCORES.filter(pl.col("org_code") != "AC05")
    rankings = rank_otherwise(DECLARATIONS, tables(), fewer, unmet(), QUESTIONS, (YEAR, 7))
    sums = rankings["sum of scores"]
    others = sums.filter(pl.col("org_code") != "AC05")["score"].mean()
    assert score_of(sums, "AC05") == pytest.approx(others)
    nothing = rank_otherwise(DECLARATIONS, tables(), SCORES.with_columns(z=pl.lit(1.0)), unmet(), QUESTIONS, (YEAR, 7))
    assert nothing["sum of scores"]["score"].unique().to_list() == [2.0]


@pytest.mark.parametrize(
    ("year", "points"),
    [("2007/08", 1.0), ("2006/07", 0.5), ("2005/06", round(1 / 3, 9)), ("2004/05", 0.0), (YEAR, 0.0)],
)
def test_a_lapse_of_a_former_year_counts_for_less_the_longer_ago_and_this_years_not_at_all(
    year: str, points: float
) -> None:
    by_history = ranked(tables(declared("AC03", year)))["last year's list"]
    assert score_of(by_history, "AC03") == points
    found = ranked(tables(visits=(visited("AC03", year, "qualified"),)))["last year's list"]
    assert score_of(found, "AC03") == points


def test_a_former_visit_that_upheld_counts_against_a_lapse_and_compliance_for_nothing() -> None:
    history = tables(
        declared("AC03", "2007/08"),
        declared("AC04", "2007/08", "compliant"),
        visits=(visited("AC03", "2007/08", "upheld"), visited("AC05", "2006/07", "upheld")),
    )
    by_history = ranked(history)["last year's list"]
    assert [score_of(by_history, code) for code in ("AC03", "AC04", "AC05")] == [0.5, 0.0, -0.25]


def items(given: Mapping[str, pl.DataFrame], admitted: pl.DataFrame | None = None) -> dict[tuple[object, ...], float]:
    """By organisation, function and item."""
    none = unmet() if admitted is None else admitted
    told = list_ranking_items(given, SCORES.filter(pl.col("org_code") == "AC00"), none, YEAR)
    assert told.columns == ["org_code", "function", "item", "value"]
    return {tuple(key): value for *key, value in told.iter_rows()}


def test_a_teacher_learns_from_scores_and_from_what_is_admitted() -> None:
    told = items(tables(), unmet(("AC01", "D1", True), ("AC02", "D3", False)))
    assert told == {
        ("AC01", "whole", "D1"): 1.0, ("AC02", "whole", "D3"): 1.0, ("AC00", None, "a"): 3.0, ("AC00", None, "b"): -1.0,
    }  # fmt: skip


def test_a_teacher_learns_from_remarks_as_far_as_they_can_be_relied_on_a_critical_one_being_worse() -> None:
    comments = (
        remark("AC02", -3, 0.5),
        remark("AC02", 1, 0.5),
        remark("AC03", 2, 1.0),
        remark("AC03", -3, 1, "2007/08"),
    )
    told = items(tables(comments=comments))
    assert told["AC02", None, "lscb/C2"] == pytest.approx(0.5)
    assert told["AC03", None, "lscb/C2"] == -2.0


def test_a_teacher_learns_from_former_years_and_not_from_this_one() -> None:
    history = tables(
        declared("AC03", "2007/08"),
        declared("AC03", "2003/04"),
        declared("AC03", "2006/07", "compliant"),
        declared("AC04", YEAR),
        visits=(
            visited("AC05", "2007/08", "qualified"), visited("AC05", "2006/07", "upheld"),
            visited("AC05", "2005/06", "upheld"), visited("AC06", YEAR, "qualified"), visited("AC06", YEAR, "upheld"),
        ),
    )  # fmt: skip
    told = {key: value for key, value in items(history).items() if key[0] != "AC00"}
    assert told == {
        ("AC03", None, "declared before"): 2.0, ("AC05", None, "found before"): 1.0, ("AC05", None, "upheld"): -2.0,
    }  # fmt: skip


def test_questions_of_the_whole_review_are_counted_too(questionnaire: Questionnaire) -> None:
    rankings = rank_otherwise(DECLARATIONS, tables(), SCORES, unmet(), questionnaire, (YEAR, 7))
    assert rankings[COUNTING]["score"].unique().to_list() == [0.0], "this questionnaire does not ask what was answered"


def test_a_ranking_has_nothing_but_its_declarations_and_scores() -> None:
    more = DECLARATIONS.with_columns(rank=pl.lit(1))
    for ranking in rank_otherwise(more, tables(), SCORES, unmet(), QUESTIONS, (YEAR, 7)).values():
        assert ranking.columns == ["org_code", "function", "score"]
