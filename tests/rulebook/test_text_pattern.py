"""The patterns of `matches`: what is allowed means the same to polars and to Python, and all else is refused."""

from __future__ import annotations

import re

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crosscheck.rulebook.text_pattern import PatternError, refuse_unclear_pattern, whole_text

ALLOWED = {
    "[0-9]{5}": (["35233"], ["3x305", "352331", "", "35233\n", "x35233"]),
    "[0-9]{5}(-[0-9]{4})?": (["35233", "35233-0001"], ["35233-"]),
    "al|ak": (["al", "ak"], ["xl", "all", "AL"]),
    "[A-Z][a-z]+( [A-Z][a-z]+)*": (["Fort Payne"], ["fort payne", "Fort  Payne"]),
    "[0-9]{1,3}%": (["97%", "100%"], ["xx%", "1000%"]),
    ".*trust": (["a trust", "trust"], ["a trust.", "line\ntrust"]),
    "a[.]b": (["a.b"], ["axb"]),
    "[^0-9]+": (["één"], ["e1n"]),
    "[+-]?[0-9]+": (["-5", "+5", "5"], ["--5"]),
}


@pytest.mark.parametrize("pattern", ALLOWED)
def test_a_pattern_describes_the_whole_text(pattern: str) -> None:
    refuse_unclear_pattern(pattern)
    fitting, others = ALLOWED[pattern]
    found = pl.Series([*fitting, *others]).str.contains(whole_text(pattern)).to_list()
    assert found == [True] * len(fitting) + [False] * len(others)


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("", "A pattern has 1 to 200 signs"),
        ("a" * 201, "this one has 201"),
        ("^a$", "^ at sign 1 of the pattern can't stand there. Allowed are"),
        (r"\d+", "can't stand there"),
        ("[[:alpha:]]", "[ at sign 1"),
        ("[a&&b]", "[ at sign 1"),
        ("[]", "[ at sign 1"),
        ("(?i)a", "? at sign 2 of the pattern stands after nothing to repeat"),
        ("a*?", "? at sign 3 of the pattern stands after nothing to repeat"),
        ("a{,3}", "{ at sign 2"),
        ("a{3,2}", "In {3,2} the first number is the larger"),
        ("a{100}", "{ at sign 2"),
        ("(a{99}){99}", "{99} can't repeat a bracket that holds such a repetition itself"),
        ("((a{99})b){99}", "{99} can't repeat a bracket"),
        ("a|", "An alternative of the pattern is empty"),
        ("(|a)", "An alternative of the pattern is empty"),
        ("()", "An alternative of the pattern is empty"),
        ("(a", "A round bracket of the pattern is not closed"),
        ("a)", "The bracket at sign 2 of the pattern closes nothing"),
        ("[z-a]", "z-a is no range of small letters, of capital letters or of digits"),
        ("[A-z]", "A-z is no range"),
        ("[0-z]", "0-z is no range"),
    ],
)
def test_what_engines_read_differently_is_refused_with_its_place(pattern: str, message: str) -> None:
    with pytest.raises(PatternError, match=re.escape(message)):
        refuse_unclear_pattern(pattern)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(
    pattern=st.text(alphabet="ab1.-[]^(){}*+?|,2 é", min_size=1, max_size=9),
    texts=st.lists(st.text(alphabet="ab1.- é\n2"), max_size=6),
)
def test_every_pattern_that_is_let_through_means_the_same_to_both_engines(pattern: str, texts: list[str]) -> None:
    try:
        refuse_unclear_pattern(pattern)
    except PatternError:
        return
    found = pl.Series(texts, dtype=pl.String).str.contains(whole_text(pattern)).to_list()
    assert found == [re.fullmatch(pattern, text) is not None for text in texts]
