from __future__ import annotations

from datetime import date

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crosscheck.cases.cases import census_day
from crosscheck.collection.read import read_collection
from crosscheck.network.graph import name_bodies, neighbours, relate
from crosscheck.network.succession import trace_succession
from crosscheck.vocabulary import RELATION
from tests.network.made_up import ON, Tie, made_up

SCOPE = ("A", "B", "C", "D")


def tied(*ties: Tie) -> list[tuple[object, ...]]:
    return relate(made_up(ties, SCOPE), ON).rows()


def test_who_commissions_is_a_commissioner_to_the_other_and_the_other_its_provider() -> None:
    assert tied(("A", "commissions", "B")) == [("A", "provider", "B", 0, ""), ("B", "commissioner", "A", 0, "")]


def test_members_of_one_board_see_each_other_and_never_themselves() -> None:
    seen = tied(("A", "sits_on", "L1"), ("B", "sits_on", "L1"), ("C", "sits_on", "L2"))
    assert seen == [("A", "same_lscb", "B", 0, "L1"), ("B", "same_lscb", "A", 0, "L1")]


def test_two_that_share_two_boards_are_tied_once_by_each() -> None:
    seen = tied(*((code, "sits_on", board) for code in "AB" for board in ("L1", "L2")))
    assert [row[4] for row in seen if row[0] == "A"] == ["L1", "L2"]


def test_the_last_part_of_a_case_number_says_which_review_both_describe() -> None:
    assert tied(("A", "shared_review", "B", "SCR-1008-2")) == [
        ("A", "other_party", "B", 2, "SCR-1008-2"),
        ("B", "other_party", "A", 2, "SCR-1008-2"),
    ]


@pytest.mark.parametrize("reference", [None, "", "SCR", "SCR-1008-x", "SCR-1008-900"])
def test_a_case_number_that_names_no_review_keeps_the_tie_without_a_number(reference: str | None) -> None:
    assert [row[3:] for row in tied(("A", "shared_review", "B", reference))] == [(0, reference or "")] * 2


@pytest.mark.parametrize(
    ("since", "until", "holds"),
    [
        (None, None, True),
        (date(2008, 12, 31), None, True),
        (date(2009, 1, 1), None, False),
        (None, date(2008, 12, 31), True),
        (None, date(2008, 12, 30), False),
        (date(2006, 10, 1), date(2007, 9, 30), False),
    ],
)
def test_a_tie_holds_from_its_first_day_to_its_last(since: date | None, until: date | None, holds: bool) -> None:
    assert bool(tied(("A", "commissions", "B", None, since, until))) is holds


def test_a_board_left_before_the_day_is_shared_no_more() -> None:
    left = date(2008, 3, 31)
    assert tied(("A", "sits_on", "L1", None, None, left), ("B", "sits_on", "L1"), ("C", "sits_on", "L1")) == [
        ("B", "same_lscb", "C", 0, "L1"),
        ("C", "same_lscb", "B", 0, "L1"),
    ]


def test_bodies_outside_the_collection_are_at_neither_end() -> None:
    assert tied(("A", "commissions", "X"), ("X", "commissions", "A"), ("A", "shared_review", "X", "SCR-1-1")) == []


def test_a_tie_to_itself_is_none_and_one_given_twice_is_one() -> None:
    later = ("A", "commissions", "B", None, date(2007, 1, 1), None)
    assert tied(("A", "commissions", "A"), ("A", "shared_review", "A", "SCR-1-1")) == []
    assert tied(("A", "commissions", "B"), later) == tied(("A", "commissions", "B"))


def test_a_collection_without_relationships_has_no_ties_of_the_same_shape() -> None:
    ties = relate(made_up((), SCOPE), ON)
    assert ties.is_empty()
    assert ties.schema == pl.Schema(
        {"org_code": pl.String, "relation": RELATION, "other_code": pl.String, "item": pl.UInt8, "reference": pl.String}
    )


RELATIONS_IN = st.sampled_from(["commissions", "sits_on", "succeeds", "shared_review"])
CODES = st.sampled_from([*SCOPE, "L1", "X"])
BACK = {"commissioner": "provider", "provider": "commissioner", "same_lscb": "same_lscb", "other_party": "other_party"}


@given(ties=st.lists(st.tuples(CODES, RELATIONS_IN, CODES, st.sampled_from(["", "SCR-1-1", "SCR-2-2"]))))
def test_every_tie_is_seen_from_both_ends_whatever_the_order_of_rows(ties: list[Tie]) -> None:
    rows = tied(*ties)
    assert rows == tied(*reversed(ties))
    assert {(other, BACK[str(relation)], own, *rest) for own, relation, other, *rest in rows} == set(rows)
    assert len(set(rows)) == len(rows)


def test_answers_of_a_year_are_given_as_at_its_last_december() -> None:
    assert census_day("2008/09", "C2") == date(2008, 12, 31)


def test_the_national_collection_has_the_ties_that_its_files_state(collection_folder, questionnaire) -> None:
    tables = read_collection(collection_folder, questionnaire).tables
    ties = relate(tables, ON)
    stated = tables["relationships"]
    counts = dict(ties.group_by(pl.col("relation").cast(pl.String)).len().iter_rows())
    ended = stated.filter(pl.col("until") < ON).group_by("relation").len()
    assert dict(ended.iter_rows()) == {"commissions": 16, "sits_on": 10}
    assert counts["commissioner"] == counts["provider"] == 812 - 16
    assert counts["other_party"] == 2 * 96
    assert ties.filter(pl.col("relation") == "other_party")["item"].unique().sort().to_list() == [1, 2]


def listed(org_code: str, *ties: Tie) -> list[tuple[object, ...]]:
    tables = made_up(ties, SCOPE, ("L1", "L2"))
    predecessors = trace_succession(tables["relationships"], ON).predecessors
    return neighbours(relate(tables, ON), predecessors, name_bodies(tables), org_code).rows()


def test_neighbours_are_named_with_what_ties_them() -> None:
    day = date(2007, 4, 1)
    ties: tuple[Tie, ...] = (
        ("B", "commissions", "A"),
        ("A", "sits_on", "L1"),
        ("C", "sits_on", "L1"),
        ("A", "shared_review", "D", "SCR-9-1"),
        ("A", "succeeds", "X", None, day, None),
        ("X", "succeeds", "Y", None, date(2001, 4, 1), None),
    )
    assert listed("A", *ties) == [
        ("commissioner", "B", "Trust B", ""),
        ("same_lscb", "C", "Trust C", "L1 Board L1"),
        ("other_party", "D", "Trust D", "SCR-9-1"),
        ("predecessor", "X", None, "since 1 April 2007"),
        ("predecessor", "Y", None, "since 1 April 2007, 2 steps"),
    ]


def test_members_of_one_board_stand_together() -> None:
    boards: list[Tie] = [
        (code, "sits_on", board) for code, board in [*zip("ABCD", ["L2"] * 4, strict=True), ("B", "L1")]
    ]
    seen = listed("A", *boards, ("A", "sits_on", "L1"), ("D", "sits_on", "L1"))
    assert [(code, through[:2]) for _, code, _, through in seen] == [
        ("B", "L1"), ("D", "L1"), ("B", "L2"), ("C", "L2"), ("D", "L2"),
    ]  # fmt: skip


def test_a_body_that_bears_an_organisations_code_does_not_double_it() -> None:
    names = name_bodies(made_up((), ["A"], ["A", "L1"]))
    assert names.rows() == [("A", "organisation", "Trust A"), ("L1", "lscb", "Board L1")]


def test_who_was_taken_over_sees_its_successor() -> None:
    assert listed("B", ("A", "succeeds", "B")) == [("successor", "A", "Trust A", "")]


def test_an_organisation_without_ties_has_no_neighbours() -> None:
    assert listed("A", ("B", "commissions", "C")) == []
