"""A small made-up catalogue, random conditions on it, and random organisations, tied to one another, that hold it."""

from __future__ import annotations

import math
import re
from datetime import date, timedelta
from random import Random
from typing import Any

import polars as pl
from hypothesis import strategies as st

from crosscheck.cases.cases import Name
from crosscheck.vocabulary import ABSENCE, ABSENCES, RELATION, RELATIONS, WHY_ABSENT
from tests.property.slow_evaluator import Absent, World

HOW_MANY = ("none", "some", "most", "all")
TYPES = ("acute", "pct")
NAMES = {
    name.name: name
    for name in (
        Name("care.days", "number", "days", unit="days per week", absences=True),
        Name("care.staff", "number", "staff", absences=True),
        Name("figures.rate", "number", "a figure from elsewhere"),
        Name("figures.count", "number", "another figure from elsewhere"),
        Name("care.checks", "ordinal", "checks made", HOW_MANY, absences=True),
        Name("care.audits", "ordinal", "audits made", HOW_MANY, absences=True),
        Name("care.lead", "choice", "who leads", ("nurse", "doctor", "other"), absences=True),
        Name("care.policy", "choice", "has a policy", ("no", "yes"), absences=True),
        Name("care.postcode", "text", "postcode", absences=True),
        Name("review1.cases.score", "number", "score of the first review", absences=True),
        Name("review2.cases.score", "number", "score of the second review", absences=True),
        Name("review1.cases.changes", "ordinal", "changes after the first review", HOW_MANY, absences=True),
        Name("review2.cases.changes", "ordinal", "changes after the second review", HOW_MANY, absences=True),
        Name("service.children", "flag", "provides children"),
        Name("service.maternity", "flag", "provides maternity"),
        Name("organisation.org_type", "choice", "type", TYPES),
        Name("organisation.region", "text", "region"),
        Name("declared.statement", "text", "statement"),
        Name("declared.other_statement", "text", "statement of the other function"),
        Name("declared.lapse_from", "date", "first day"),
    )
}
LEVELS = {name.name: list(name.levels) for name in NAMES.values() if name.levels}
ORDINALS = [name.name for name in NAMES.values() if name.type == "ordinal"]
ANSWERS = [name for name, known in NAMES.items() if known.absences]
FLAGS = [name for name, known in NAMES.items() if known.type == "flag"]
TEXTS = [name for name, known in NAMES.items() if known.type == "text"]
# Of some of them hardly anybody shares a value, of some many do; the last differs between two declarations of one.
SAME = (
    "same(care.postcode)", "same(care.lead, care.policy)", "same(figures.count)", "same(declared.lapse_from)"
)  # fmt: skip
OF_THE_DECLARATION = ("declared.statement", "declared.other_statement", "declared.lapse_from")
NOT_IN_SCOPE = "elsewhere"
_ANY_NAME = re.compile("|".join(map(re.escape, NAMES)))
_DAYS = [date(2008, 1, 1) + timedelta(days=100 * step) for step in range(4)]
_NUMBERS = (0.0, 1.0, 2.0, -1.0, 0.5, 3.0, 50.0)
_GIANT = 1e300  # never in a review: of a number beyond 2**53 no machine can tell what it is a multiple of
_STATEMENTS = ("An action plan.", "action plans", "LAPSE; a re-audit", "relapse", "North", "Nurse's 100% plan", "")
_PATTERNS = (
    "[0-9]{5}", "[0-9]{4}[A-Z]?", "(An|an) action.*", ".*plan[s.]?", "[A-Z;a-z ]+(-audit)?", ".", "[^0-9]{2,9}x?",
    "a|North",
)  # fmt: skip
_POSTCODES = ("35233", "35234", "2211A", "2211")
_WORDS = ("action plan", "Lapse", "re-audit", "north", "a", "100%", "plan")
_EQUAL, _ORDER = ("==", "!="), ("<", "<=", ">", ">=")
_FUNCTIONS = (("whole",), ("commissioner", "provider"), ("commissioner",), ("provider",))

_signs = st.sampled_from(_EQUAL + _ORDER)
_equals = st.sampled_from(_EQUAL)
_number_names = st.sampled_from([name for name, known in NAMES.items() if known.type == "number"])
_ordinal_names = st.sampled_from(ORDINALS)
_text_names = st.sampled_from(TEXTS)
_constants = st.sampled_from(["0", "1", "2", "0.5", "-1", "50"])
_seeds = st.integers(0, 10**6)


def _products(leaves: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.recursive(
        leaves,
        lambda inner: (
            st.builds("({} {} {})".format, inner, st.sampled_from("+-*"), inner | _constants)
            | st.builds("-{}".format, inner)
            | st.builds("abs({})".format, inner)
        ),
        max_leaves=3,
    )


def _numbers(*, of_those_there: bool) -> st.SearchStrategy[str]:
    """Calculations; `of_those_there`: also such as change when further answers come."""
    extremes = st.builds("{}({})".format, st.sampled_from(["highest", "lowest"]), _lists_of(_number_names))
    leaves = _number_names | st.builds("step({})".format, _ordinal_names)
    products = _products(leaves | extremes if of_those_there else leaves)
    divided = st.builds("({} / {} {} {})".format, products, products, st.sampled_from("+-*"), products)
    return products | divided


_small_numbers = _products(st.sampled_from([name for name in NAMES if name.endswith("score")]))


def _lists_of(names: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.lists(names, min_size=2, max_size=3, unique=True).map(", ".join)


@st.composite
def _one_of_a_list(draw: st.DrawFn) -> str:
    name = draw(st.sampled_from(sorted(LEVELS)))
    chosen = draw(st.lists(st.sampled_from(LEVELS[name]), min_size=1, max_size=3, unique=True))
    return f"{name} {draw(st.sampled_from(['in', 'not in']))} ({', '.join(map(repr, chosen))},)"


@st.composite
def _levelled(draw: st.DrawFn) -> str:
    name = draw(st.sampled_from(sorted(LEVELS)))
    signs = _EQUAL + _ORDER if NAMES[name].type == "ordinal" else _EQUAL
    return f'{name} {draw(st.sampled_from(signs))} "{draw(st.sampled_from(LEVELS[name]))}"'


def _mentions() -> st.SearchStrategy[str]:
    words = st.lists(st.sampled_from(_WORDS), min_size=1, max_size=2, unique=True)
    return st.builds(lambda name, told: f"mentions({name}, {', '.join(map(repr, told))})", _text_names, words)


def _matches() -> st.SearchStrategy[str]:
    return st.builds("matches({}, {!r})".format, _text_names, st.sampled_from(_PATTERNS))


def _comparisons(*, of_those_there: bool) -> st.SearchStrategy[str]:
    calculations = _numbers(of_those_there=of_those_there)
    return (
        st.builds("{} {} {}".format, calculations, _signs, calculations | _constants)
        | st.builds("{} < {} <= {}".format, _constants, calculations, _constants)
        | st.builds("multiple({}, {})".format, _small_numbers, st.sampled_from(["10", "2", "0.5", "3"]))
        | _levelled()
        | _one_of_a_list()
        | st.builds("{} {} {}".format, _ordinal_names, _signs, _ordinal_names)
        | st.builds('{} {} "{}"'.format, _text_names, _equals, st.sampled_from(["North", "", "relapse"]))
        | st.builds("{} {} {}".format, _text_names, _equals, _text_names)
        | _mentions()
        | _matches()
        | st.builds('declared.lapse_from {} date("{}")'.format, _signs, st.sampled_from(_DAYS))
        | st.sampled_from(FLAGS)
    )


_absences = st.builds("absent({})".format, st.sampled_from(sorted(NAMES))) | st.builds(
    "is_not_applicable({})".format, st.sampled_from(ANSWERS)
)


@st.composite
def _tallies(draw: st.DrawFn, parts: st.SearchStrategy[str], fewest: int = 1) -> str:
    conditions = draw(st.lists(parts, min_size=fewest, max_size=4))
    function, sign = draw(st.sampled_from(["count", "share"])), draw(_signs)
    most = len(conditions) if function == "count" else 1
    limit = draw(st.sampled_from([0, most, most / 2, most / 3]))
    if (sign, limit) in {(">=", 0), ("<", 0), ("<=", most), (">", most)}:
        limit = most / 2
    return _compared(draw, f"{function}({', '.join(conditions)})", sign, limit)


def _compared(draw: st.DrawFn, tally: str, sign: str, limit: float) -> str:
    if draw(st.booleans()):
        return f"{tally} {sign} {limit}"
    return f"{limit} {sign.translate(str.maketrans('<>', '><'))} {tally}"


def _of(relation: str, text: str, seed: int) -> str:
    """The same text on another organisation: some of its names, one at least, become the other's."""
    chance, others = Random(seed), 0

    def turned(found: re.Match[str]) -> str:
        nonlocal others
        if others and chance.random() < 1 / 3:
            return f"this_review.{found[0][8:]}" if _is_shared(relation, found[0]) else found[0]
        others += 1
        return f"{relation}.{found[0][8:] if _is_shared(relation, found[0]) else found[0]}"

    return _ANY_NAME.sub(turned, text)


def _is_shared(relation: str, name: str) -> bool:
    return relation == "other_party" and name.startswith("review1.")


@st.composite
def _on_others(draw: st.DrawFn, parts: st.SearchStrategy[str], relations: tuple[str, ...]) -> str:
    part = _of(draw(st.sampled_from(relations)), draw(parts), draw(_seeds))
    return f"{draw(st.sampled_from(['any', 'all']))}({part})"


@st.composite
def _counted_among_others(
    draw: st.DrawFn, parts: st.SearchStrategy[str], functions: tuple[str, ...], relations: tuple[str, ...]
) -> str:
    part = _of(draw(st.sampled_from(relations)), draw(parts), draw(_seeds))
    function, sign = draw(st.sampled_from(functions)), draw(_signs)
    limit = draw(st.sampled_from([0, 1, 2, 3] if function == "count" else [0, 0.25, 0.5, 1]))
    if (sign, limit) in {(">=", 0), ("<", 0)} or (function == "share" and (sign, limit) in {("<=", 1), (">", 1)}):
        limit = 0.5
    return _compared(draw, f"{function}({part})", sign, limit)


@st.composite
def _two_counts(draw: st.DrawFn, parts: st.SearchStrategy[str], relations: tuple[str, ...]) -> str:
    """Two counts beside each other: of the same others, of two kinds of others, or of others and of its own parts."""
    relation = draw(st.sampled_from(relations))
    other_relation = draw(st.sampled_from((relation, *relations)))
    of_others = [f"count({_of(each, draw(parts), draw(_seeds))})" for each in (relation, other_relation)]
    own = f"count({', '.join(draw(st.lists(parts, min_size=2, max_size=3)))})"
    left, right = draw(st.sampled_from([of_others, [own, of_others[0]], [own, own.replace("==", "!=")]]))
    return f"{left} {draw(_signs)} {right}"


@st.composite
def _worked_out_over_all(draw: st.DrawFn) -> str:
    number = draw(_numbers(of_those_there=True))
    summed = _of(draw(st.sampled_from((*RELATIONS, *SAME))), number, draw(_seeds))
    left = draw(st.sampled_from([f"sum({summed})", f"peers.percentile({number})", f"(sum({summed}) + {number})"]))
    return f"{left} {draw(_signs)} {draw(_constants | _numbers(of_those_there=True))}"


def _joined(parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return (
        st.builds("({} and {})".format, parts, parts)
        | st.builds("({} or {})".format, parts, parts)
        | st.builds("not ({})".format, parts)
    )


simple_conditions = _comparisons(of_those_there=True) | _absences


def conditions(
    *, on_absence: bool = True, of_those_there: bool = True, on_others: bool = True
) -> st.SearchStrategy[str]:
    """Texts of conditions.

    Without `on_absence` none asks whether something is absent, nor counts others, of whom there may be too few to
    reach a limit; without `of_those_there` none calculates with whatever is there; without `on_others` none speaks of
    another organisation or of peers. Who shares a value with whom changes as answers come: so `same(…)` is drawn only
    with `of_those_there`.
    """
    relations = (*RELATIONS, *SAME) if of_those_there else RELATIONS
    alone = _comparisons(of_those_there=of_those_there)
    alone = alone | _absences if on_absence else alone
    if not on_others:
        parts = st.recursive(alone, _joined, max_leaves=3)
        whole = parts | _tallies(parts)
    else:  # a tally can't stand inside another, be it of answers or of others
        inside = st.recursive(alone, _joined, max_leaves=2)
        leaves = alone | _on_others(inside, relations)
        leaves = leaves | _worked_out_over_all() if of_those_there else leaves
        parts = st.recursive(leaves, _joined, max_leaves=3)
        functions = ("count", "share") if on_absence else ("share",)
        counted = _counted_among_others(inside, functions, relations) | _on_others(
            _tallies(inside, fewest=2), relations
        )
        counted = counted | _two_counts(inside, relations) if on_absence else counted
        whole = parts | _tallies(parts, fewest=2) | counted
    return st.recursive(whole, _joined, max_leaves=3).filter(lambda text: len(text) < 1_500)


def random_row(chance: Random) -> dict[str, Any]:
    """A row in which a third of all is absent; the type of an organisation is always known."""
    row = {
        name.name: _absent(name, chance) if chance.random() < 1 / 3 else _value(name, chance) for name in NAMES.values()
    }
    return row | {"organisation.org_type": chance.choice(("acute", "acute", "acute", "pct"))}


def random_rows(chance: Random, number: int) -> list[dict[str, Any]]:
    """The declarations of some organisations, one or two each: what they hold is the same, what they declare is not."""
    rows = []
    for code in range(number):
        returned = random_row(chance) | {"org_code": f"{code:04}"}
        for function in chance.choice(_FUNCTIONS):
            other = random_row(chance)
            declared = {name: other[name] for name in OF_THE_DECLARATION}
            rows.append(returned | declared | {"function": function})
    return rows


def random_world(chance: Random, number: int = 20) -> World:
    """Organisations, some of them tied to several others, to the same one by two reviews, or to one out of scope."""
    rows = random_rows(chance, number)
    codes = sorted({row["org_code"] for row in rows})
    ties = {
        (code, relation, other, chance.choice((1, 2, 0, 3)) if relation == "other_party" else 0)
        for code in codes
        for relation in RELATIONS
        for other in chance.choices([*codes, NOT_IN_SCOPE], k=chance.randint(0, 4))
        if other != code
    }
    return World(rows, LEVELS, None if chance.random() < 0.1 else ties)


def ties_of(world: World, chance: Random) -> pl.DataFrame | None:
    """The ties as a run has them, in any order; two that share two boards are tied by both."""
    if world.ties is None:
        return None
    boards = [(*tie, board) for tie in sorted(world.ties) for board in ("L1", "L2") if board == "L1" or tie[3] == 0]
    columns = ("org_code", "relation", "other_code", "item", "reference")
    schema = dict.fromkeys(columns, pl.String()) | {"relation": RELATION, "item": pl.UInt8()}
    return pl.DataFrame(chance.sample(boards, len(boards)), schema=schema, orient="row")


def cases_of(rows: list[dict[str, Any]]) -> pl.DataFrame:
    """The rows as a frame of cases."""
    columns = {key: pl.Series([row[key] for row in rows], dtype=pl.String) for key in ("org_code", "function")}
    for name in NAMES.values():
        held = [row[name.name] for row in rows]
        columns[name.name] = pl.Series(
            [None if isinstance(value, Absent) else value for value in held], dtype=name.dtype
        )
        if name.absences:
            reasons = [value.why if isinstance(value, Absent) else None for value in held]
            columns[name.name + WHY_ABSENT] = pl.Series(reasons, dtype=ABSENCE)
    return pl.DataFrame(columns)


def _absent(name: Name, chance: Random) -> Absent:
    return Absent(chance.choice(ABSENCES) if name.absences else "nothing")


def _value(name: Name, chance: Random) -> Any:
    if name.type == "number":
        giant = () if name.name.startswith("review") else (_GIANT,)
        return math.nan if not name.absences and chance.random() < 0.1 else chance.choice((*_NUMBERS, *giant))
    if name.name == "care.postcode":
        return chance.choice(_POSTCODES)
    choices: dict[str, Any] = {"flag": (True, False), "text": _STATEMENTS, "date": _DAYS}
    return chance.choice(name.levels or choices[name.type])
