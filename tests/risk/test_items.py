"""Every piece of evidence as an item, in full: whose it is, what it states, what is expected of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from math import sqrt

import polars as pl
import pytest

from crosscheck.contract.inputs import INPUTS
from crosscheck.questionnaire import Question, Questionnaire
from crosscheck.risk.items import ITEMS, gather_items
from crosscheck.risk.model import NamedLoading, RiskModel
from tests.risk.invented import MODEL, YEAR

SHARE = MODEL.prior.found_share
UNIT = sqrt(SHARE * (1 - SHARE))
QUALIFIED, UPHELD = (1 - SHARE) / UNIT, -SHARE / UNIT


def question(name: str, kind: str, requirement: str = "statutory", *, repeated: bool = False) -> Question:
    levels = ("none", "not_all", "all") if kind == "ordinal" else ()
    return Question(
        name, f"What of {name}?", kind, "", levels, "higher_better", ("acute",), (), requirement, "", "", repeated  # type: ignore[arg-type]
    )  # fmt: skip


QUESTIONNAIRE = Questionnaire(
    {
        "policy.kept": question("policy.kept", "ordinal"),
        "training.share": question("training.share", "percent", "good_practice"),
        "training.days": question("training.days", "number", "nothing"),
        "reviews.begun": question("reviews.begun", "ordinal", repeated=True),
    },
    "",
)
SCALES = {"ofsted.grade": {"1": "grade 1, the lowest", "2": "grade 2", "3": "grade 3, the highest"}}
SCHEMA = {"org_code": pl.String, "indicator": pl.String, "source": pl.String, "relevance": pl.String,
          "label": pl.String, "kind": pl.String, "value": pl.Float64, "expected": pl.Float64,
          "z": pl.Float64, "direction": pl.String}  # fmt: skip
Row = Mapping[str, object]


def answer(name: str, kind: str, value: float, z: float | None, expected: float | None = None, code: str = "R1") -> Row:
    base = name.removeprefix("review1.").removeprefix("review2.")
    return {"org_code": code, "indicator": name, "source": base.split(".")[0], "relevance": "answer",
            "label": f"What of {base}?", "kind": kind, "value": value, "expected": expected, "z": z,
            "direction": "higher_better"}  # fmt: skip


def figure(name: str, kind: str, value: float, z: float | None, relevance: str = "high", expected: float = 50.0) -> Row:
    return {"org_code": "R1", "indicator": name, "source": name.split(".", maxsplit=1)[0], "relevance": relevance,
            "label": "Staff trained", "kind": kind, "value": value, "expected": expected, "z": z,
            "direction": "higher_better"}  # fmt: skip


def table(name: str, *rows: Row) -> pl.DataFrame:
    schema = INPUTS[name].schema
    return pl.DataFrame([dict.fromkeys(schema, None) | dict(row) for row in rows], schema=schema)


def gathered(
    *scores: Row, model: RiskModel = MODEL, verified: pl.DataFrame | None = None, **tables: tuple[Row, ...]
) -> list[dict[str, object]]:
    answers = tables.pop("answers", ())
    given = {name: table(name, *tables.get(name, ())) for name in ("comments", "declarations", "visits")}
    given["answers"] = pl.DataFrame(
        [dict.fromkeys(("org_code", "question_id", "item", "level"), None) | dict(row) for row in answers],
        schema={"org_code": pl.String, "question_id": pl.String, "item": pl.UInt8, "level": pl.String},
    )
    given["organisations"] = table("organisations", {"org_code": "R1"}, {"org_code": "R2"})
    of_all = pl.DataFrame(scores, schema=SCHEMA)
    found = gather_items(of_all, given, QUESTIONNAIRE, SCALES, model, YEAR, verified=verified)
    assert found.schema == ITEMS
    assert found.select("item", "org_code").equals(found.select("item", "org_code").sort("item", "org_code"))
    return found.to_dicts()


def item_of(found: list[dict[str, object]], name: str) -> dict[str, object]:
    (row,) = [row for row in found if row["item"] == name]
    return row


def priors(row: Mapping[str, object]) -> tuple[object, ...]:
    return tuple(row[name] for name in ("quality_prior", "quality_prior_sd", "bias_prior", "bias_prior_sd"))


def test_an_answer_is_told_with_its_words_its_peers_and_what_asks_for_it() -> None:
    stated = MODEL.answers["good_practice"]
    found = gathered(answer("training.share", "percent", 41.25, 1.5, 80.0))
    assert found == [
        {"org_code": "R1", "item": "training.share", "family": "answers", "prior": "answers.good_practice",
         "group": "training", "quality_prior": stated.loading, "quality_prior_sd": stated.sd, "bias_prior": stated.bias,
         "bias_prior_sd": stated.bias_sd, "z": 1.5, "percentage": 41.25,
         "account": "What of training.share? Answer: 41.2%",
         "reason": "What of training.share? Answer: 41.2%; 80% would be expected from similar trusts.",
         "source": stated.reason},
    ]  # fmt: skip


def test_a_level_is_told_in_its_own_words_and_its_peers_have_none() -> None:
    level = {"org_code": "R1", "question_id": "policy.kept", "item": 0, "level": "not_all"}
    (row,) = gathered(answer("policy.kept", "ordinal", 1, 0.5, 2.0), answers=(level,))
    assert (row["account"], row["reason"]) == ("What of policy.kept? Answer: not all", f"{row['account']}.")
    assert (row["percentage"], row["prior"], row["group"]) == (None, "answers.statutory", "policy")


def test_the_answers_of_two_reviews_are_told_apart() -> None:
    levels = tuple(
        {"org_code": "R1", "question_id": "reviews.begun", "item": place, "level": level}
        for place, level in ((1, "none"), (2, "all"))
    )
    scored = (answer(f"review{place}.reviews.begun", "ordinal", 0, 0.5) for place in (1, 2))
    first, second = gathered(*scored, answers=levels)
    assert (first["item"], first["account"]) == (
        "review1.reviews.begun",
        "What of reviews.begun? (the first of the two reviews) Answer: none",
    )
    assert (second["item"], second["account"]) == (
        "review2.reviews.begun",
        "What of reviews.begun? (the second of the two reviews) Answer: all",
    )


def test_a_question_that_the_model_names_goes_before_what_asks_for_it() -> None:
    named = {"training.share": NamedLoading(loading=0.5, sd=0.125, reason="own"),
             "policy.kept": NamedLoading(loading=0.25, reason="another")}  # fmt: skip
    model = MODEL.model_copy(update={"questions": named})
    found = gathered(answer("training.share", "percent", 41, 1), answer("policy.kept", "ordinal", 1, 1), model=model)
    share, kept = item_of(found, "training.share"), item_of(found, "policy.kept")
    practice, statutory = MODEL.answers["good_practice"], MODEL.answers["statutory"]
    assert (share["prior"], share["source"]) == ("questions", "own")
    assert priors(share) == (0.5, 0.125, practice.bias, practice.bias_sd)
    assert priors(kept) == (0.25, statutory.sd, statutory.bias, statutory.bias_sd)


def test_a_question_that_nothing_asks_for_is_context() -> None:
    (row,) = gathered(answer("training.days", "number", 3.0, 1))
    context = MODEL.answers["context"]
    assert row["prior"] == "answers.context"
    assert priors(row) == (context.loading, context.sd, context.bias, context.bias_sd)
    assert row["account"] == "What of training.days? Answer: 3"
    assert row["percentage"] is None


def test_a_figure_is_told_with_its_peers_and_has_no_response_bias() -> None:
    stated = MODEL.figures["high"]
    found = gathered(figure("survey.trained", "proportion", 33.333, 2.5))
    assert [{name: value for name, value in row.items() if name != "source"} for row in found] == [
        {"org_code": "R1", "item": "survey.trained", "family": "figures", "prior": "figures.high", "group": "survey",
         "quality_prior": stated.loading, "quality_prior_sd": stated.sd, "bias_prior": 0.0, "bias_prior_sd": 0.0,
         "z": 2.5, "percentage": 33.333, "account": "Staff trained: 33.3%",
         "reason": "Staff trained: 33.3%; 50% would be expected from similar trusts."},
    ]  # fmt: skip


def test_what_is_expected_never_reads_like_the_value_unless_it_is_the_same() -> None:
    said = [
        gathered(figure("survey.trained", "number", 2.0, 0.5, expected=expected))[0]["reason"]
        for expected in (2.04, 1.96, 2.0)
    ]
    assert said == [
        "Staff trained: 2; a little more would be expected from similar trusts.",
        "Staff trained: 2; a little less would be expected from similar trusts.",
        "Staff trained: 2; 2 would be expected from similar trusts.",
    ]


def test_a_grade_is_told_in_words_and_says_which_end_of_its_scale_is_better() -> None:
    (row,) = gathered(figure("ofsted.grade", "ordinal", 1, 0.9, expected=2.0))
    assert row["reason"] == (
        "Staff trained: grade 1; grade 2 would be expected from similar trusts, "
        "on a scale from grade 1 (worst) to grade 3 (best)."
    )


@pytest.mark.parametrize(
    ("z", "more"), [(0.4, "a better one than a worse one"), (-0.4, "a worse one than a better one")]
)
def test_the_middle_grade_says_why_it_has_a_score(z: float, more: str) -> None:
    (row,) = gathered(figure("ofsted.grade", "ordinal", 2, z, expected=2.0))
    assert row["reason"] == (
        f"Staff trained: grade 2; the middle grade of similar trusts, of which more have {more}, "
        "on a scale from grade 1 (worst) to grade 3 (best)."
    )


def test_a_figure_that_the_model_names_goes_before_its_relevance() -> None:
    named = {"survey.trained": NamedLoading(loading=0.5, sd=0.125, reason="own"),
             "survey.number": NamedLoading(loading=0.25, reason="another")}  # fmt: skip
    model = MODEL.model_copy(update={"named_figures": named})
    found = gathered(figure("survey.trained", "percent", 33, 1), figure("survey.number", "number", 7, 1), model=model)
    trained, number = item_of(found, "survey.trained"), item_of(found, "survey.number")
    assert (trained["prior"], *priors(trained)) == ("named_figures", 0.5, 0.125, 0.0, 0.0)
    assert (number["prior"], *priors(number)) == ("named_figures", 0.25, MODEL.figures["high"].sd, 0.0, 0.0)
    assert (number["account"], number["percentage"]) == ("Staff trained: 7", None)


def test_an_answer_and_a_figure_of_one_fact_are_one_group() -> None:
    model = MODEL.model_copy(update={"facts": {"survey.trained": "training.share"}})
    found = gathered(
        figure("survey.trained", "percent", 33, 1), figure("survey.other", "percent", 33, 1),
        answer("training.share", "percent", 80, -1), answer("training.days", "number", 3, 1), model=model,
    )  # fmt: skip
    groups = {row["item"]: row["group"] for row in found}
    assert groups == {"survey.trained": "fact survey.trained", "training.share": "fact survey.trained",
                      "survey.other": "survey", "training.days": "training"}  # fmt: skip


def test_what_has_no_score_no_relevance_or_no_organisation_is_no_item() -> None:
    found = gathered(
        figure("survey.trained", "percent", 33, None), figure("survey.other", "percent", 33, 1, relevance="none"),
        answer("training.share", "percent", 41, None), answer("training.days", "number", 3, 1, code="R9"),
    )  # fmt: skip
    assert found == []


def test_a_score_counts_no_further_than_the_limit_on_either_side() -> None:
    far = gathered(figure("survey.trained", "percent", 33, 99), answer("training.share", "percent", 41, -99))
    assert {row["z"] for row in far} == {MODEL.limits.score, -MODEL.limits.score}


def test_what_an_accepted_reply_has_proved_is_one_item_and_no_longer_the_trusts_own_account() -> None:
    proved = pl.DataFrame({"org_code": ["R1", "R1"], "item": ["training.share", "training.days"]})
    found = gathered(
        answer("training.share", "percent", 41, 1), answer("training.days", "number", 3, 2),
        answer("policy.kept", "ordinal", 1, 1), verified=proved,
    )  # fmt: skip
    assert [row["item"] for row in found] == ["policy.kept", "verified.answers"]
    row = found[1]
    assert (row["family"], row["prior"], row["group"], row["z"]) == ("figures", "verified", "", 1.5)
    assert priors(row) == (MODEL.verified.loading, MODEL.verified.sd, 0.0, 0.0)
    assert row["reason"] == (
        "Proved by an accepted reply. What of training.days? Answer: 3. What of training.share? Answer: 41%."
    )
    assert row["source"] == MODEL.verified.reason


def remark(polarity: float, reliability: float, text: str | None, **rest: object) -> Row:
    usual = {"org_code": "R1", "author": "lscb", "year": YEAR, "standard": "C2"}
    return {**usual, "polarity": polarity, "reliability": reliability, "text": text, **rest}


def test_the_remarks_of_one_author_are_one_item_and_the_weightiest_is_quoted() -> None:
    found = gathered(
        comments=(
            remark(1, 0.5, "It is well led."), remark(-3, 0.5, "Nobody is trained."), remark(-3, 1, "", year="2007/08"),
            remark(-3, 1, "Of another standard.", standard="C4"),
        )
    )  # fmt: skip
    told = ("item", "family", "prior", "group", "z", "reason", "source")
    assert [{name: row[name] for name in told} for row in found] == [
        {"item": "comment.lscb", "family": "comments", "prior": "comments", "group": "comments", "z": 0.5,
         "reason": "The local safeguarding children board (2 remarks): “Nobody is trained.”",
         "source": MODEL.comments.reason},
    ]  # fmt: skip
    assert priors(found[0]) == (MODEL.comments.loading, MODEL.comments.sd, 0.0, 0.0)


@pytest.mark.parametrize(
    ("author", "whose"),
    [("sha", "The strategic health authority"), ("overview_and_scrutiny", "The overview and scrutiny committee"),
     ("link", "The local involvement network"), ("governors", "The board of governors")],
)  # fmt: skip
def test_a_single_remark_names_its_author_and_is_quoted_no_longer_than_three_hundred_signs(
    author: str, whose: str
) -> None:
    (row,) = gathered(comments=(remark(-2, 0.5, "x" * 400, author=author),))
    assert row["reason"] == f"{whose} (one remark): “{'x' * 300}”"
    (silent,) = gathered(comments=(remark(-2, 0.5, None, author=author),))
    assert silent["reason"] == f"{whose} (one remark): “”"
    assert silent["z"] == 1.0


def declared(year: str, status: str, function: str = "whole", standard: str = "C2") -> Row:
    return {"org_code": "R1", "year": year, "status": status, "function": function, "standard": standard}


def test_each_year_of_four_is_one_item_that_says_what_was_declared() -> None:
    found = gathered(
        declarations=(
            declared(YEAR, "compliant"), declared("2007/08", "not_met", "provider"),
            declared("2007/08", "insufficient_assurance", "commissioner"), declared("2006/07", "not_met"),
            declared("2005/06", "compliant"), declared("2004/05", "not_met"),
            declared("2005/06", "not_met", standard="C4"),
        )
    )  # fmt: skip
    assert {row["item"]: (row["z"], row["reason"]) for row in found} == {
        "declared.2008_09": (0.0, "The organisation declared compliance in 2008/09."),
        "declared.2007_08": (1.0, "As a commissioner it declared insufficient assurance in 2007/08. "
                                  "As a provider it declared not met in 2007/08."),
        "declared.2006_07": (1.0, "The organisation declared not met in 2006/07."),
        "declared.2005_06": (0.0, "The organisation declared compliance in 2005/06."),
    }  # fmt: skip
    stated = MODEL.history.declared
    for row in found:
        assert (row["family"], row["prior"], row["group"]) == ("history", "history.declared", "declarations")
        assert (*priors(row), row["source"]) == (
            stated.loading, stated.sd, stated.bias, stated.bias_sd, stated.reason,
        )  # fmt: skip


def visited(year: str, day: date, finding: str, function: str = "whole") -> Row:
    return {"org_code": "R1", "year": year, "visited_on": day, "finding": finding, "function": function}


@pytest.mark.parametrize(("year", "passed"), [("2007/08", 0), ("2005/06", 2)])
def test_the_last_visit_of_a_former_year_fades_with_the_years(year: str, passed: int) -> None:
    (row,) = gathered(
        visits=(visited("2004/05", date(2004, 9, 1), "upheld"), visited(year, date(int(year[:4]), 9, 1), "qualified"))
    )
    stated = MODEL.history.visited
    assert row["z"] == pytest.approx(QUALIFIED * MODEL.history.fading**passed)
    assert (row["item"], row["family"], row["prior"], row["group"]) == (
        "visit.former",
        "history",
        "history.visited",
        "",
    )
    assert row["reason"] == f"A visit in {year} found the declaration qualified."
    assert (*priors(row), row["source"]) == (stated.loading, stated.sd, 0.0, 0.0, stated.reason)


def test_visits_of_the_year_count_as_their_mean_and_each_is_told() -> None:
    (row,) = gathered(
        visits=(
            visited(YEAR, date(2009, 7, 2), "upheld", "provider"),
            visited(YEAR, date(2009, 7, 1), "qualified", "commissioner"),
        )
    )
    stated = MODEL.history.visited_this_year
    assert row["z"] == pytest.approx((QUALIFIED + UPHELD) / 2)
    assert (row["item"], row["family"], row["prior"], row["group"]) == (
        "visit.this_year", "history", "history.visited_this_year", "",
    )  # fmt: skip
    assert row["reason"] == (
        "A visit of this year found its declaration as a commissioner qualified. "
        "A visit of this year found its declaration as a provider upheld."
    )
    assert (*priors(row), row["source"]) == (stated.loading, stated.sd, 0.0, 0.0, stated.reason)
    (whole,) = gathered(visits=(visited(YEAR, date(2009, 7, 2), "upheld"),))
    assert whole["reason"] == "A visit of this year found its declaration upheld."
