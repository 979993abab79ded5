"""The names that are offered for a mistyped one."""

from __future__ import annotations

import pytest

from crosscheck.near_names import describe_unknown, find_near, suggest, suggest_code

CODES = [f"{first}{second}{third}" for first in "R5" for second in "ABCX0123" for third in "EFGX0123"]


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("R1X", "RX1"), ("r1x", "RX1"), ("RXI", "RX1"), ("SX0", "5X0"), ("5XO", "5X0"), ("R3AX", "R3X")],
)
def test_the_code_that_was_meant_is_among_the_nearest(typed: str, meant: str) -> None:
    known = [code for code in CODES if code.casefold() != typed.casefold()]
    assert meant in find_near(typed, known)


def test_a_number_that_lacks_its_zero_is_the_same_number() -> None:
    rules = [f"C2-TRN-{number:02}" for number in range(1, 90)]
    assert find_near("C2-TRN-1", rules)[0] == "C2-TRN-01"
    assert find_near("c2-trn-007", rules)[0] == "C2-TRN-07"


def test_swapped_characters_come_before_other_likenesses() -> None:
    known = [code for code in CODES if code != "R1X"]
    assert find_near("R1X", known)[0] == "RX1"


def test_nothing_is_offered_where_nothing_is_near_and_three_at_most() -> None:
    assert find_near("zzzz", CODES) == []
    assert suggest("zzzz", CODES) == ""
    assert len(find_near("R0", CODES)) == 3


def test_a_part_of_a_name_finds_its_code() -> None:
    assert suggest_code("croyd", {"5K9": "Croydon PCT", "RJ6": "Hospital"}) == " Did you mean 5K9 (Croydon PCT)?"


def test_the_command_that_lists_them_is_named() -> None:
    assert describe_unknown("rule", "C2-HR-1", ["C2-HR-01", "C2-MH-01"], "crosscheck rules") == (
        "No rule C2-HR-1. Did you mean C2-HR-01 or C2-MH-01? (`crosscheck rules` lists them)"
    )
