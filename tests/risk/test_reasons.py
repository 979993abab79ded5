"""The one sentence of the list: true of the figures that it names, and silent about what nobody knows."""

from __future__ import annotations

import re

import polars as pl
import pytest

from crosscheck.risk.evidence import PARTS
from crosscheck.risk.items import ITEMS
from crosscheck.risk.reasons import give_reasons
from tests.risk.invented import declarations, findings
from tests.risk.known import Listed

KEYS = ("org_code", "function")
_WORSE = re.compile(r"^No single answer or figure stands out; (.+): (\d+) of (\d+) answers are worse")


def part(name: str, family: str, decibans: float, reason: str = "because") -> pl.DataFrame:
    return pl.DataFrame(
        [("R1", "whole", family, "g", name, decibans, decibans, 0.1, reason, "s")], schema=PARTS, orient="row"
    )


def item(name: str, family: str, z: float) -> pl.DataFrame:
    return pl.DataFrame(
        [("R1", name, family, "p", "g", 0.2, 0.1, 0.0, 0.0, z, None, None, "because", "s")], schema=ITEMS, orient="row"
    )


def reason(
    parts: list[pl.DataFrame],
    items: list[pl.DataFrame],
    found: pl.DataFrame | None = None,
    status: str = "compliant",
    answered: float | None = 1.0,
) -> str:
    said = give_reasons(
        declarations(["R1"], status=status).with_columns(pl.lit(answered, pl.Float64).alias("returned.answered_share")),
        pl.concat([PARTS.to_frame(), *parts]),
        pl.concat([ITEMS.to_frame(), *items]),
        findings() if found is None else found,
    )
    assert said.columns == [*KEYS, "reason"]
    return str(said["reason"].item())


@pytest.mark.parametrize(("z", "stands_out"), [(2.01, True), (2.0, False), (1.5, False), (-2.5, False)])
def test_a_score_stands_out_beyond_two_standard_deviations_only(z: float, stands_out: bool) -> None:
    for family in ("answers", "figures"):
        said = reason([part("a.one", family, 2.0, "The answer is worse.")], [item("a.one", family, z)])
        assert (said == "The answer is worse.") == stands_out


def test_what_makes_the_risk_lower_is_no_reason() -> None:
    said = reason([part("a.one", "figures", -2.0, "It is better.")], [item("a.one", "figures", 3.0)])
    assert said == "Nothing that is known speaks against the declaration."


def test_the_weightiest_is_named() -> None:
    parts = [part("C-1", "checks", 2.0, "The duty is unmet."), part("a.one", "answers", 3.0, "The answer is worse.")]
    items = [item("a.one", "answers", 2.5)]
    assert reason(parts, items) == "The answer is worse."
    assert reason([parts[0]], items) == "The duty is unmet."


def test_an_unmet_duty_is_named_with_its_law() -> None:
    said = reason([part("C-1", "checks", 2.0, "The duty is unmet.")], [], findings(("C-1", "R1", "differs")))
    assert said == "The duty is unmet (an Act, section 1)."


def test_equal_parts_are_told_in_the_order_of_their_names() -> None:
    parts = [part(f"C-{number}", "checks", 2.0, f"Duty {number} is unmet.") for number in (2, 1, 3)]
    assert reason(parts, []) == "Duty 1 is unmet."


def test_a_declared_lapse_is_to_follow_up_whatever_else_is_known() -> None:
    for status, words in (("not_met", "was not met"), ("insufficient_assurance", "insufficient assurance")):
        said = reason([part("C-1", "checks", 9.0, "The duty is unmet.")], [], status=status)
        assert said.startswith("The trust itself declared")
        assert words in said
        assert "follow up its action plan" in said


def test_who_returned_nothing_is_told_so() -> None:
    parts = [part("no return", "silence", 3.0), part("C-1", "checks", 5.0, "The duty is unmet.")]
    for answered in (0.0, None):
        assert reason(parts, [], answered=answered) == "Returned no answers to the review's questions."
        assert reason([], [], answered=answered) == "Returned no answers to the review's questions."
    assert reason(parts[:1], [], answered=0.1) == "Returned hardly any answers to the review's questions."
    assert reason(parts, [], answered=0.1) == "The duty is unmet."


def test_an_unanswered_question_alone_is_no_reason() -> None:
    assert reason([part("C-1", "silence", 2.0, "No answer.")], []) == (
        "Nothing that is known speaks against the declaration."
    )


@pytest.mark.parametrize(("decibans", "named"), [(0.29, False), (0.31, True)])
def test_what_adds_less_than_three_tenths_of_a_deciban_is_no_reason(decibans: float, named: bool) -> None:
    families = (("checks", "C-1", 0.0), ("facts", "a.one", 0.0), ("figures", "a.one", 2.5), ("comments", "a.one", 0.9))
    for family, name, z in families:
        said = reason([part(name, family, decibans, "It is worse.")], [item(name, family, z)])
        assert said == ("It is worse." if named else "Nothing that is known speaks against the declaration.")


def test_a_neutral_remark_is_no_reason_and_a_critical_one_is() -> None:
    remark = [part("comment.sha", "comments", 1.0, "It is critical.")]
    assert reason(remark, [item("comment.sha", "comments", 0.9)]) == "It is critical."
    assert reason(remark, [item("comment.sha", "comments", 0.3)]).startswith("Nothing that is known")


def test_where_nothing_stands_out_the_section_is_told_whose_differences_add_most_with_its_counts() -> None:
    names = [("training.a", 1.0, 0.5), ("training.b", 0.5, 0.2), ("training.c", -1.0, -0.5), ("audit.a", 1.0, 0.6)]
    parts = [part(name, "answers", decibans) for name, _, decibans in names]
    items = [item(name, "answers", z) for name, z, _ in names]
    assert reason(parts, items) == (
        "No single answer or figure stands out; training: 2 of 3 answers are worse than those of similar trusts."
    )


def test_without_anything_nothing_speaks_against_it() -> None:
    assert reason([], []) == "Nothing that is known speaks against the declaration."


def test_every_declaration_of_a_list_has_one_reason(national: Listed) -> None:
    reasons = national.outcome.visit_list["reason"]
    assert reasons.null_count() == 0
    assert (reasons.str.len_chars() > 20).all()


def test_a_reason_of_the_list_is_a_part_that_adds(national: Listed) -> None:
    listed = of_compliance(national)
    named = listed.filter(~pl.col("reason").str.contains("^(No single|Nothing that|Returned no)"))
    law = r" \([^()]*(\([^()]*\)[^()]*)*\)\.$"
    parts = national.outcome.risk.parts.filter(pl.col("decibans") > 0.3)
    said = parts.select(*KEYS, said=pl.col("reason").str.strip_chars_end("."))
    plain = named.with_columns(said=pl.col("reason").str.strip_chars_end("."))
    whole = plain.join(said, on=[*KEYS, "said"], how="semi")
    with_law = plain.with_columns(said=pl.col("reason").str.replace(law, "").str.strip_chars_end("."))
    both = pl.concat([whole.select(KEYS), with_law.join(said, on=[*KEYS, "said"], how="semi").select(KEYS)]).unique()
    assert named.height > 100
    assert named.join(both, on=KEYS, how="anti")["reason"].to_list() == []


def test_a_score_that_is_named_as_worse_is_beyond_two(national: Listed) -> None:
    scored = national.known.items.filter(pl.col("family").is_in(["answers", "figures"])).select(
        "org_code", "reason", "z"
    )
    named = of_compliance(national).join(scored.select("org_code", "reason", "z"), on=["org_code", "reason"])
    assert named.height > 20
    assert (named["z"] > 2.0).all()


def test_the_counts_of_a_section_are_those_of_its_scores(national: Listed) -> None:
    answers = national.known.items.filter(pl.col("family") == "answers")
    small = answers.filter(pl.col("z") <= 2).select("org_code", part="item")
    parts = national.outcome.risk.parts.join(small, on=["org_code", "part"])
    given = give_reasons(national.known.cases, parts, national.known.items, national.known.findings)
    spread = given.filter(pl.col("reason").str.starts_with("No single"))
    section = pl.col("item").str.replace(r"^review\d\.", "").str.split(".").list.first()
    assert spread.height > 400
    for code, said in spread.select("org_code", "reason").iter_rows():
        told = _WORSE.match(said)
        assert told is not None
        of_section = answers.filter((pl.col("org_code") == code) & (section.str.replace_all("_", " ") == told[1]))
        assert (of_section.filter(pl.col("z") > 0).height, of_section.height) == (int(told[2]), int(told[3]))
        assert int(told[2]) > 0


def test_no_reason_explains_an_answer_by_what_nobody_sees(national: Listed) -> None:
    said = pl.concat([national.outcome.visit_list["reason"], national.outcome.risk.parts["reason"].unique()])
    words = "(?i)candou?r|candid|reassur|honest|shading|dishonest|\\blied\\b|\\bfalse\\b|misled"
    quoted = said.str.replace_all("“[^”]*”", "")  # what somebody else wrote is quoted as it is
    assert quoted.filter(quoted.str.contains(words)).to_list() == []


def of_compliance(national: Listed) -> pl.DataFrame:
    listed = national.outcome.visit_list.with_columns(pl.col("function").cast(pl.String))
    return listed.filter(pl.col("declared").cast(pl.String) == "compliant").select(*KEYS, "reason")


def test_a_section_is_named_without_underscores() -> None:
    said = reason([part("serious_case_reviews.a", "answers", 1.0)], [item("serious_case_reviews.a", "answers", 0.5)])
    assert said == (
        "No single answer or figure stands out; serious case reviews: 1 of 1 answers are worse than those of similar "
        "trusts."
    )
