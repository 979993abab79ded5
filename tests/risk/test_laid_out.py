"""The items set out as a table: in which units each stands, and what is left out."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from crosscheck.risk.factors import ItemTable, build_item_table, prior_loadings
from crosscheck.risk.items import VERIFIED
from tests.risk.invented import MODEL, Floats, invent, one_item

CODES = [f"R{place:04}" for place in range(40)]
TYPES = pl.DataFrame({"org_code": CODES, "org_type": ["acute", "pct"] * 20})
HELD = MODEL.limits.score
RAW = np.linspace(-1.0, 1.0, 40) + 3.0 * (np.arange(40) % 2)  # trusts of the second type have more of everything


def laid_out(*items: pl.DataFrame, verified: pl.DataFrame | None = None) -> ItemTable:
    together = pl.concat(items)
    return (
        build_item_table(together, TYPES, MODEL)
        if verified is None
        else build_item_table(together, TYPES, MODEL, verified)
    )


def column(evidence: ItemTable, name: str) -> Floats:
    return evidence.z[:, evidence.items["item"].to_list().index(name)]


def test_an_answer_stands_in_standard_units_within_its_type() -> None:
    z = column(laid_out(one_item("answer.one", CODES, RAW)), "answer.one")
    for first in (0, 1):
        assert z[first::2].mean() == pytest.approx(0, abs=1e-9)
    assert np.sqrt((z**2).mean()) == pytest.approx(1)


def test_history_is_centred_among_all_and_remarks_are_not_centred() -> None:
    history = one_item("declared.2007_08", CODES, np.arange(40) % 2).with_columns(family=pl.lit("history"))
    remarks = one_item("comment.sha", CODES, np.arange(40) % 2).with_columns(family=pl.lit("comments"))
    evidence = laid_out(history, remarks)
    assert column(evidence, "declared.2007_08").tolist() == pytest.approx([-1.0, 1.0] * 20)
    assert column(evidence, "comment.sha").tolist() == pytest.approx([0.0, np.sqrt(2)] * 20)


@pytest.mark.parametrize(("name", "family"), [("visit.former", "history"), (VERIFIED, "figures")])
def test_what_few_have_keeps_its_own_units(name: str, family: str) -> None:
    found = one_item(name, CODES[:4], [2.0, -0.5, 1.25, HELD + 9]).with_columns(family=pl.lit(family))
    z = column(laid_out(one_item("answer.one", CODES, RAW), found), name)
    assert z.tolist() == [2.0, -0.5, 1.25, HELD, *[0.0] * 36]


def test_a_score_counts_no_further_than_the_limit() -> None:
    far = RAW.copy()
    far[:2] = [500.0, -500.0]
    assert np.abs(column(laid_out(one_item("answer.one", CODES, far)), "answer.one")).max() == HELD


def test_what_too_few_have_or_all_alike_or_is_asked_twice_is_left_out() -> None:
    least = MODEL.estimation.least
    noise = np.random.default_rng(3).normal(size=40)
    evidence = laid_out(
        one_item("answer.one", CODES, RAW), one_item("answer.twin", CODES, 2 * RAW + 1e-3 * noise),
        one_item("figure.twin", CODES, 2 * RAW + 1e-3 * noise), one_item("answer.alike", CODES, np.ones(40)),
        one_item("answer.few", CODES[: least - 1], noise[: least - 1]),
        one_item("answer.enough", CODES[:least], noise[:least]),
    )  # fmt: skip
    assert evidence.items["item"].to_list() == ["answer.enough", "answer.one", "figure.twin"]
    assert evidence.items["organisations"].to_list() == [least, 40, 40]
    assert (
        evidence.z.shape == evidence.present.shape == evidence.percentages.shape == evidence.verified.shape == (40, 3)
    )
    assert evidence.centre.shape == (2, 3)
    assert evidence.spread.shape == (3,)


def test_what_is_absent_is_marked_so_and_stands_at_the_average() -> None:
    evidence = laid_out(one_item("answer.one", CODES[5:], RAW[5:]))
    assert evidence.present[:, 0].tolist() == [0.0] * 5 + [1.0] * 35
    assert evidence.z[:5, 0].tolist() == [0.0] * 5
    assert evidence.codes.to_list() == CODES
    assert evidence.types == ("acute", "pct") * 20


def test_percentages_and_proved_answers_stand_in_their_places() -> None:
    share = one_item("answer.one", CODES, RAW).with_columns(
        percentage=pl.when(pl.col("org_code") == CODES[3]).then(41.5)
    )
    proved = pl.DataFrame({"org_code": [CODES[7], "R9999", CODES[8]], "item": ["answer.one", "answer.one", "answer.x"]})
    evidence = laid_out(share, verified=proved)
    assert np.flatnonzero(~np.isnan(evidence.percentages[:, 0])).tolist() == [3]
    assert evidence.percentages[3, 0] == 41.5
    assert np.argwhere(evidence.verified).tolist() == [[7, 0]]
    assert not laid_out(share).verified.any()


def test_scores_of_others_stand_in_the_same_units() -> None:
    evidence = laid_out(one_item("answer.one", CODES, RAW))
    again = evidence.in_units(evidence.types, RAW[:, None], HELD)
    assert again[:, 0].tolist() == pytest.approx(evidence.z[:, 0].tolist())
    others = evidence.beside(pl.Series(["X1", "X2"]), ("pct", "acute"), np.array([[1.0], [np.nan]]))
    assert others.z.tolist() == [[1.0], [0.0]]
    assert others.present.tolist() == [[1.0], [0.0]]
    assert np.isnan(others.percentages).all()
    assert not others.verified.any()
    assert others.codes.to_list() == ["X1", "X2"]


def test_who_lies_far_from_all_others_counts_for_less() -> None:
    many = {f"answer.{place}": (0.0, 0.0) for place in range(8)}
    usual = invent(many, number=100)
    odd = usual.items.with_columns(z=pl.when(pl.col("org_code") == "R0000").then(4.0).otherwise("z"))
    before, after = (
        build_item_table(items, pl.DataFrame({"org_code": usual.codes, "org_type": "pct"}), MODEL).influence
        for items in (usual.items, odd)
    )
    assert (before <= 1).all()
    assert after[0] < 0.5 * before[0]
    assert np.median(after) == 1.0


def test_own_accounts_are_learnt_the_more_freely_the_more_others_hold() -> None:
    own = one_item("answer.one", CODES, RAW)
    half = one_item("figure.one", CODES[::2], RAW[::2] + np.arange(20) % 3)
    alone, beside = (prior_loadings(laid_out(*items), MODEL) for items in ((own,), (own, half)))
    prior, stated = MODEL.figures["high"].loading, MODEL.answers["statutory"]
    information = 0.5 * prior**2 / (1 - prior**2)
    freedom = np.sqrt(information / (information + MODEL.estimation.independent))
    assert beside.sd[0, :2].tolist() == pytest.approx([stated.sd * freedom, stated.bias_sd * freedom])
    assert beside.sd[1, 0] == MODEL.figures["high"].sd
    assert alone.sd[0, :2].tolist() == pytest.approx([1e-4, 1e-4]), "nobody else says anything: held as stated"
    assert beside.mean[:, 0].tolist() == [stated.loading, prior]
    assert beside.noise[1] == pytest.approx(1 - prior**2)
