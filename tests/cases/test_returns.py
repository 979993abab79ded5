"""Each measure of a return by hand on a tiny one, and the closest agreement against a plain double loop."""

from __future__ import annotations

from random import Random

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crosscheck.cases.returns import MEASURES, describe_returns
from crosscheck.questionnaire import AnswerType, Direction, Question, Questionnaire
from crosscheck.vocabulary import ABSENCE, ORG_TYPE, WHY_ABSENT

LEVELS = ("none", "some", "all")
Answers = dict[str, str | float | None]


def question(
    name: str,
    answer_type: AnswerType = "ordinal",
    direction: Direction = "higher_better",
    *,
    services: tuple[str, ...] = (),
    org_types: tuple[str, ...] = ("acute", "pct"),
    repeated: bool = False,
) -> Question:
    levels = LEVELS if answer_type in {"ordinal", "choice"} else ()
    return Question(name, name, answer_type, "", levels, direction, org_types, services, "", "", "", repeated)


def questionnaire(*questions: Question) -> Questionnaire:
    return Questionnaire({each.question_id: each for each in questions}, "")


def cases(asked: Questionnaire, *returns: Answers) -> pl.DataFrame:
    """One case a return; an answer is a value, `n/a`, `not known`, or is not there."""
    absent: dict[object, str] = {"n/a": "not_applicable", "not known": "not_known", None: "no_answer"}
    columns: dict[str, pl.Series] = {
        "org_code": pl.Series([str(each.get("org_code", f"R{at}")) for at, each in enumerate(returns)]),
        "organisation.org_type": pl.Series([each.get("type", "acute") for each in returns], dtype=ORG_TYPE),
    }
    for service in asked.services:
        columns[f"service.{service}"] = pl.Series([each.get(service) for each in returns], dtype=pl.Boolean)
    for each in asked:
        for name in each.columns:
            given = [answers.get(name) for answers in returns]
            known = [None if value in absent else value for value in given]
            columns[name] = pl.Series(known, dtype=each.dtype)
            columns[name + WHY_ABSENT] = pl.Series([absent.get(value) for value in given], dtype=ABSENCE)
    return pl.DataFrame(columns)


def described(asked: Questionnaire, *returns: Answers) -> dict[str, float | None]:
    """The measures of the first return."""
    return describe_returns(cases(asked, *returns), asked).row(0, named=True)


TWENTY = [question(f"care.q{number}") for number in range(20)]
MIXED = questionnaire(
    question("care.plan"),
    question("care.lead", "choice", "none"),
    question("care.days", "number"),
    question("care.births", services=("maternity",)),
    question("care.contracts", org_types=("pct",)),
    question("cases.changes", repeated=True),
)


def test_the_answered_share_is_of_the_questions_put_to_it() -> None:
    known: Answers = {"maternity": True, "care.plan": "some", "care.days": 0.0, "care.lead": "not known"}
    assert described(MIXED, known)["returned.answered_share"] == pytest.approx(2 / 4)
    assert described(MIXED, known | {"maternity": False})["returned.answered_share"] == pytest.approx(2 / 3)
    assert described(MIXED, known | {"type": "pct"})["returned.answered_share"] == pytest.approx(2 / 5)


def test_questions_on_case_reviews_count_for_nothing() -> None:
    known: Answers = {"maternity": True, "care.plan": "some"}
    assert described(MIXED, known | {"review1.cases.changes": "all"}) == described(MIXED, known)


def test_the_share_called_not_applicable_leaves_out_what_was_never_put_to_it() -> None:
    known: Answers = {"maternity": True, "care.plan": "n/a", "care.days": "not known", "care.contracts": "n/a"}
    assert described(MIXED, known)["returned.not_applicable_share"] == pytest.approx(1 / 4)


def test_best_and_worst_are_shares_of_the_answers_that_have_a_best_and_a_worst() -> None:
    turned, unordered = question("care.turned", direction="lower_better"), question("care.lead", "choice", "none")
    asked = questionnaire(*TWENTY, turned, unordered)
    levels = [*["all"] * 5, *["none"] * 2, *["some"] * 13]
    known: Answers = {f"care.q{number}": level for number, level in enumerate(levels)}
    of_one = described(asked, known | {"care.turned": "none", "care.lead": "all"})
    assert of_one["returned.best_share"] == pytest.approx(6 / 21)
    assert of_one["returned.adverse_share"] == pytest.approx(2 / 21)


@pytest.mark.parametrize(("answered", "told"), [(19, False), (20, True)])
def test_fewer_than_twenty_ordered_answers_make_no_share(answered: int, told: bool) -> None:
    known: Answers = {f"care.q{number}": "all" for number in range(answered)}
    of_one = described(questionnaire(*TWENTY), known)
    assert (of_one["returned.best_share"], of_one["returned.adverse_share"]) == ((1.0, 0.0) if told else (None, None))


def test_a_return_is_described_once_however_many_declarations_it_stands_behind() -> None:
    twice = cases(MIXED, {"org_code": "5P1", "care.plan": "all"}, {"org_code": "5P1", "care.plan": "all"})
    measures = describe_returns(twice, MIXED)
    assert (measures["org_code"].to_list(), measures.columns) == (["5P1"], ["org_code", *MEASURES])


SIXTY = questionnaire(*(question(f"care.q{number:02}") for number in range(59)), question("care.days", "number"))


def random_return(chance: Random) -> Answers:
    known: Answers = {
        each.question_id: None if chance.random() < 0.12 else chance.choice(LEVELS) for each in SIXTY if each.has_levels
    }
    return known | {"care.days": chance.choice((1.0, 2.0, None)), "type": chance.choice(("acute", "acute", "pct"))}


def closest_by_double_loop(returns: list[Answers]) -> list[float | None]:
    closest: list[float | None] = []
    for at, one in enumerate(returns):
        best = None
        for beside, other in enumerate(returns):
            if at == beside or one["type"] != other["type"]:
                continue
            shared = [each for each in SIXTY.questions if one[each] is not None and other[each] is not None]
            if len(shared) >= 50:
                share = sum(one[each] == other[each] for each in shared) / len(shared)
                best = share if best is None else max(best, share)
        closest.append(best)
    return closest


@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 10**6), number=st.integers(1, 9))
def test_the_closest_agreement_is_that_of_a_plain_double_loop(seed: int, number: int) -> None:
    chance = Random(seed)
    returns = [random_return(chance) for _ in range(number)]
    found = describe_returns(cases(SIXTY, *returns), SIXTY)["returned.closest_agreement"].to_list()
    assert found == [pytest.approx(share) if share is not None else None for share in closest_by_double_loop(returns)]


def test_forty_nine_shared_answers_are_too_few_to_agree_and_fifty_are_enough() -> None:
    def first(number: int) -> Answers:
        return {f"care.q{at:02}": "all" for at in range(number)}

    assert described(SIXTY, first(49), first(59))["returned.closest_agreement"] is None
    assert described(SIXTY, first(50), first(59))["returned.closest_agreement"] == 1.0
