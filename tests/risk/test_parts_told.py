"""What each part says, in full: whose, of which family and group, what it adds, why, and what its weight rests on."""

from __future__ import annotations

import math
from dataclasses import replace

import polars as pl
import pytest

from crosscheck.risk.evidence import (
    NATS_IN_DECIBANS,
    PARTS,
    add_check_weights,
    add_prior,
    list_check_parts,
    list_declared_parts,
    list_item_parts,
    list_visited_parts,
    silence,
)
from crosscheck.risk.items import ITEMS
from crosscheck.risk.prevalence import Prevalence
from crosscheck.risk.weights import Weighed
from tests.risk.invented import MODEL, YEAR, checks, declarations, findings, invent, one_item, visits
from tests.risk.known import Listed, estimate
from tests.risk.test_evidence import MANY, known

KEYS = ["org_code", "function"]


def contributions(*rows: tuple[str, str, float], worth: float = 3.0) -> pl.DataFrame:
    schema = {"org_code": pl.String, "item": pl.String, "decibans": pl.Float64}
    told = pl.DataFrame(rows, schema=schema, orient="row")
    return told.with_columns(function=pl.lit("whole"), worth=pl.lit(worth), sd=pl.lit(0.25))


def test_a_part_of_an_item_is_told_as_the_item_is() -> None:
    items = one_item("training.pct", ["R1", "R2"], [1.0, 2.0], group="training")
    (row,) = list_item_parts(
        declarations(["R1", "R2"]), items, contributions(("R1", "training.pct", 1.5), ("R2", "training.pct", 0.0)), YEAR
    ).to_dicts()
    assert row == {
        "org_code": "R1", "function": "whole", "family": "answers", "group": "training", "part": "training.pct",
        "worth": 3.0, "decibans": 1.5, "sd": 0.25, "reason": "training.pct is worse.", "source": "a source",
    }  # fmt: skip


@pytest.mark.parametrize(("status", "parts"), [("compliant", 1), ("not_met", 0), ("insufficient_assurance", 0)])
def test_the_lapse_that_is_declared_is_no_part_of_the_same_declaration(status: str, parts: int) -> None:
    items = one_item("declared.2008_09", ["R1"], [1.0])
    told = list_item_parts(
        declarations(["R1"], status=status), items, contributions(("R1", "declared.2008_09", 1.0)), YEAR
    )
    assert told.height == parts
    former = one_item("declared.2007_08", ["R1"], [1.0])
    of_before = contributions(("R1", "declared.2007_08", 1.0))
    assert list_item_parts(declarations(["R1"], status=status), former, of_before, YEAR).height == 1


def of_one_fact(*families: str) -> pl.DataFrame:
    """An answer of R1 and a record of R1 and R2 of one fact, or one of these only."""
    names = {"answers": ("training.pct", ["R1"]), "figures": ("figure.pct", ["R1", "R2"])}
    frames = [one_item(*names[family], [1.0] * len(names[family][1]), group="fact figure.pct") for family in families]
    return pl.concat([ITEMS.to_frame(), *frames])


def test_an_own_account_beside_a_record_is_told_with_both_accounts() -> None:
    part = "better than the record: training.pct"
    told = list_item_parts(
        declarations(["R1", "R2"]),
        of_one_fact("answers", "figures"),
        contributions(("R1", part, 2.0), ("R2", part, 1.0)),
        YEAR,
    ).sort("org_code")
    assert told["reason"].to_list() == [
        "training.pct is stated. figure.pct is stated.", "No answer of its own. figure.pct is stated.",
    ]  # fmt: skip
    assert told.select("family", "group", "part", "source").rows() == [
        ("facts", "fact figure.pct", part, "a source")
    ] * 2  # fmt: skip
    for alone in ("answers", "figures"):
        assert list_item_parts(
            declarations(["R1"]), of_one_fact(alone), contributions(("R1", part, 2.0)), YEAR
        ).is_empty()


RULES = checks(("C-1", "statutory", "high", ["a.one"], []), ("C-2", "good_practice", "low", ["a.two"], []))


def differences(*rows: tuple[str, str, bool]) -> pl.DataFrame:
    """Check, organisation, and whether it differs or is open."""
    schema = {"check_id": pl.String, "org_code": pl.String, "differs": pl.Boolean}
    told = pl.DataFrame(rows, schema=schema, orient="row")
    return told.with_columns(function=pl.lit("whole"), decibans=pl.lit(3.5), sd=pl.lit(0.5))


def test_a_check_that_differs_is_told_with_what_it_says_and_its_ground() -> None:
    told = list_check_parts(differences(("C-1", "R1", True)), findings(("C-1", "R1", "differs")), RULES)
    assert told.to_dicts() == [
        {"org_code": "R1", "function": "whole", "family": "checks", "group": "a group", "part": "C-1", "worth": 3.5,
         "decibans": 3.5, "sd": 0.5, "reason": "C-1 differs.", "source": "an Act, section 1"},
    ]  # fmt: skip
    assert told.schema == PARTS


def test_a_check_that_is_left_open_says_so_with_its_title_and_the_ground_that_others_have() -> None:
    elsewhere = findings(("C-1", "R9", "differs"), ("C-1", "R1", "cannot_tell")).with_columns(
        basis=pl.when(pl.col("org_code") == "R9").then(pl.lit("an Act, section 1")).otherwise(pl.lit(""))
    )
    told = list_check_parts(differences(("C-1", "R1", False), ("C-2", "R1", False)), elsewhere, RULES).sort("part")
    assert told["family"].to_list() == ["silence", "silence"]
    assert told["source"].to_list() == ["an Act, section 1", ""]
    assert told["group"].to_list() == ["a group", None]
    assert told["reason"].unique().to_list() == [
        "Left open (no answer, not known or not applicable): a check. Counted as the average answer."
    ]


@pytest.mark.parametrize("status", ["not_met", "insufficient_assurance"])
def test_a_declared_lapse_is_told_as_the_declaration_itself(status: str) -> None:
    stated = MODEL.declared[status]  # type: ignore[index]
    assert list_declared_parts(declarations(["R1"], status=status), MODEL).to_dicts() == [
        {"org_code": "R1", "function": "whole", "family": "declared", "group": "declared",
         "part": f"declared.{status}", "worth": stated.decibans, "decibans": stated.decibans, "sd": stated.sd,
         "reason": stated.reason, "source": "the declaration itself"},
    ]  # fmt: skip


def test_what_a_visit_found_is_told_as_such_and_of_another_function_not_at_all() -> None:
    found = visits(("R1", YEAR, "risk", "upheld"), function="provider")
    both = pl.concat([declarations(["R1"], function) for function in ("commissioner", "provider")])
    visitors = MODEL.visitors
    worth = 10 * math.log10((1 - visitors.sensitivity) / visitors.specificity)
    (row,) = list_visited_parts(both, found, MODEL).to_dicts()
    assert (row.pop("worth"), row.pop("decibans")) == (pytest.approx(worth), pytest.approx(worth))
    assert row == {
        "org_code": "R1", "function": "provider", "family": "visited", "group": "visited", "part": "visit.upheld",
        "sd": 0.0, "reason": "A visit of this year found the declaration upheld.", "source": visitors.reason,
    }  # fmt: skip


@pytest.mark.parametrize(("finding", "sign"), [("qualified", 1), ("upheld", -1)])
def test_visitors_who_never_err_are_believed_by_three_tens_and_no_more(finding: str, sign: int) -> None:
    sure = MODEL.model_copy(
        update={"visitors": MODEL.visitors.model_copy(update={"sensitivity": 1.0, "specificity": 1.0})}
    )
    told = list_visited_parts(declarations(["R1"]), visits(("R1", YEAR, "risk", finding)), sure)
    assert told["decibans"].item() == pytest.approx(sign * 30, abs=0.01)


def test_beside_each_finding_stands_what_it_added_and_what_it_could_add() -> None:
    found = findings(
        ("C-1", "R1", "differs"), ("C-1", "R2", "agrees"), ("C-2", "R1", "cannot_tell"), ("C-3", "R1", "differs")
    )
    added = pl.concat(
        [
            list_check_parts(differences(("C-1", "R1", True), ("C-2", "R1", False)), found, RULES),
            list_check_parts(differences(("C-3", "R1", True)), found, RULES).with_columns(family=pl.lit("answers")),
        ]
    )
    weights = pl.DataFrame({"check_id": ["C-1", "C-2"], "decibans": [3.5, 7.0]})
    told = add_check_weights(found, added, weights)
    assert told.columns == [*found.columns, "weight", "could_add"]
    assert told.select("check_id", "org_code", "weight", "could_add").rows() == [
        ("C-1", "R1", 3.5, 3.5), ("C-1", "R2", 0.0, 3.5), ("C-2", "R1", 3.5, 7.0), ("C-3", "R1", 0.0, 0.0),
    ]  # fmt: skip


PREVALENCE = Prevalence(share=0.2, sd=0.04, found=0.2, visits=0, weight=50.0)
START = NATS_IN_DECIBANS * math.log(0.2 / 0.8)


def completed(cases: pl.DataFrame, evidence: pl.DataFrame | None = None, spread: float = 0.0) -> pl.DataFrame:
    """The parts that every declaration has, beside this evidence."""
    weighed: Weighed = estimate(known(invent(MANY, number=30)), MODEL).weighed
    about = cases.select(KEYS).with_columns(known=pl.lit(0.1), spread=pl.lit(spread))
    parts = PARTS.to_frame() if evidence is None else evidence
    return add_prior(cases, parts, replace(weighed, declarations=about), PREVALENCE, MODEL)


def test_the_starting_point_is_told_with_its_share_and_how_unsure_it_is() -> None:
    (row,) = completed(declarations(["R1"])).to_dicts()
    assert row == {
        "org_code": "R1", "function": "whole", "family": "prior", "group": "prior", "part": "prior",
        "worth": pytest.approx(START, abs=1e-6), "decibans": pytest.approx(START, abs=1e-6),
        "sd": pytest.approx(NATS_IN_DECIBANS * 0.04 / 0.16, abs=1e-6),
        "reason": "Random visits suggest that in 20.0% of compliant declarations the standard is in truth not met "
                  "(starting point for every trust).",
        "source": MODEL.prior.source,
    }  # fmt: skip


def test_what_is_known_of_a_trust_lets_it_lie_farther_from_the_average_and_the_level_makes_up_for_it() -> None:
    level, held = completed(declarations(["R1"]), spread=2.0).sort("part", descending=True).to_dicts()
    assert held == {
        "org_code": "R1", "function": "whole", "family": "prior", "group": "prior", "part": "evidence held",
        "worth": 2.0, "decibans": 2.0, "sd": 0.0,
        "reason": "The more is known of a trust, the farther it can lie from the average.",
        "source": "the variance that its items explain",
    }  # fmt: skip
    assert level["decibans"] == pytest.approx(START - 2.0, abs=1e-6)
    assert level["worth"] == pytest.approx(START, abs=1e-6)


def lowering(code: str, family: str = "answers") -> pl.DataFrame:
    return pl.DataFrame(
        [(code, "whole", family, "g", "a.one", -9.0, -9.0, 0.1, "better", "s")], schema=PARTS, orient="row"
    )


def test_who_returned_nothing_is_lifted_to_the_starting_point_and_told_so() -> None:
    cases = declarations(["R1", "R2", "R3"]).with_columns(
        pl.Series("returned.answered_share", [0.0, 1.0, 1.0], dtype=pl.Float64)
    )
    told = completed(cases, pl.concat([lowering("R1"), lowering("R2")]))
    (lifted,) = told.filter(pl.col("part") == "no return").to_dicts()
    sums = dict(told.group_by("org_code").agg(pl.col("decibans").sum()).iter_rows())
    assert sums["R1"] == pytest.approx(START, abs=1e-5)
    assert sums["R2"] == pytest.approx(sums["R3"] - 9.0)
    assert lifted == {
        "org_code": "R1", "function": "whole", "family": "silence", "group": "silence", "part": "no return",
        "worth": lifted["decibans"], "decibans": lifted["decibans"], "sd": 0.0,
        "reason": "Returned hardly any answers to the review's questions, or none: not rated below the average.",
        "source": MODEL.silence.reason,
    }  # fmt: skip


def test_what_a_visit_found_moves_nobody_elses_starting_point() -> None:
    cases = declarations(["R1", "R2"])
    told = completed(cases, lowering("R1", "visited"))
    assert told.filter(pl.col("part") == "prior")["decibans"].to_list() == pytest.approx([START, START], abs=1e-5)
    assert told.filter(pl.col("part") == "no return").is_empty()


def test_declared_lapses_have_no_part_in_the_level() -> None:
    cases = pl.concat([declarations(["R1"]), declarations(["R2"], status="not_met")])
    told = completed(cases, lowering("R2"))
    assert told.filter(pl.col("part") == "prior")["decibans"].to_list() == pytest.approx([START, START], abs=1e-5)


@pytest.mark.parametrize(("answered", "silent"), [(1.0, 0.0), (0.5, 0.0), (0.25, 0.5), (0.0, 1.0), (None, 1.0)])
def test_silence_grows_from_half_of_the_answers_to_none(answered: float | None, silent: float) -> None:
    assert MODEL.silence.no_return == 0.5
    share = pl.DataFrame({"returned.answered_share": [answered]}, schema={"returned.answered_share": pl.Float64})
    assert share.select(silence(MODEL)).item() == pytest.approx(silent)


def test_the_parts_of_a_list_stand_in_order(national: Listed) -> None:
    parts = national.outcome.risk.parts
    assert parts.select(PARTS.names()).equals(parts.sort(*KEYS, "family", "group", "part").select(PARTS.names()))
    assert (parts["decibans"] == parts["decibans"].round(6)).all()
