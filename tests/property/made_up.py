"""A small made-up catalogue, random conditions on it, and random rows that hold what it names."""

from __future__ import annotations

import math
from datetime import date, timedelta
from random import Random
from typing import Any

import polars as pl
from hypothesis import strategies as st

from crosscheck.cases import WHY_ABSENT, Name
from crosscheck.rulebook.evaluate import dtype_of
from crosscheck.vocabulary import ABSENCE, ABSENCES
from tests.property.slow_evaluator import Absent

HOW_MANY = ("none", "some", "most", "all")
NAMES = {
    name.name: name
    for name in (
        Name("care.days", "number", "days", unit="days per week", absences=True),
        Name("care.staff", "number", "staff", absences=True),
        Name("figures.rate", "number", "a figure from elsewhere"),
        Name("care.checks", "ordinal", "checks made", HOW_MANY, absences=True),
        Name("care.audits", "ordinal", "audits made", HOW_MANY, absences=True),
        Name("care.lead", "choice", "who leads", ("nurse", "doctor", "other"), absences=True),
        Name("care.policy", "choice", "has a policy", ("no", "yes"), absences=True),
        Name("service.children", "flag", "provides children"),
        Name("service.maternity", "flag", "provides maternity"),
        Name("organisation.region", "text", "region"),
        Name("declared.lapse_from", "date", "first day"),
    )
}
LEVELS = {name.name: list(name.levels) for name in NAMES.values() if name.levels}
ANSWERS = [name for name, known in NAMES.items() if known.absences]
FLAGS = [name for name, known in NAMES.items() if known.type == "flag"]
_DAYS = [date(2008, 1, 1) + timedelta(days=100 * step) for step in range(4)]
_NUMBERS = (0.0, 1.0, 2.0, -1.0, 0.5, 3.0, 50.0, 1e300)
_EQUAL, _ORDER = ("==", "!="), ("<", "<=", ">", ">=")

_signs = st.sampled_from(_EQUAL + _ORDER)
_number_names = st.sampled_from([name for name, known in NAMES.items() if known.type == "number"])
_constants = st.sampled_from(["0", "1", "2", "0.5", "-1", "50"])
_products = st.recursive(
    _number_names,
    lambda inner: (
        st.builds("({} {} {})".format, inner, st.sampled_from("+-*"), inner | _constants)
        | st.builds("-{}".format, inner)
    ),
    max_leaves=3,
)
_calculations = _products | st.builds("({} / {} {} {})".format, _products, _products, st.sampled_from("+-*"), _products)
_texts = st.sampled_from(["North", "South"])


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


_comparisons = (
    st.builds("{} {} {}".format, _calculations, _signs, _calculations | _constants)
    | st.builds("{} < {} <= {}".format, _constants, _calculations, _constants)
    | _levelled()
    | _one_of_a_list()
    | st.builds("care.checks {} care.audits".format, _signs)
    | st.builds('organisation.region {} "{}"'.format, st.sampled_from(_EQUAL), _texts)
    | st.builds('declared.lapse_from {} date("{}")'.format, _signs, st.sampled_from(_DAYS))
    | st.sampled_from(FLAGS)
)
_absences = st.builds("absent({})".format, st.sampled_from(sorted(NAMES))) | st.builds(
    "is_not_applicable({})".format, st.sampled_from(ANSWERS)
)


@st.composite
def _tallies(draw: st.DrawFn, parts: st.SearchStrategy[str]) -> str:
    conditions = draw(st.lists(parts, min_size=1, max_size=4))
    function, sign = draw(st.sampled_from(["count", "share"])), draw(_signs)
    most = len(conditions) if function == "count" else 1
    limit = draw(st.sampled_from([0, most, most / 2, most / 3]))
    if (sign, limit) in {(">=", 0), ("<", 0), ("<=", most), (">", most)}:
        limit = most / 2
    if draw(st.booleans()):
        return f"{function}({', '.join(conditions)}) {sign} {limit}"
    return f"{limit} {sign.translate(str.maketrans('<>', '><'))} {function}({', '.join(conditions)})"


def _joined(parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return (
        st.builds("({} and {})".format, parts, parts)
        | st.builds("({} or {})".format, parts, parts)
        | st.builds("not ({})".format, parts)
    )


simple_conditions = _comparisons | _absences


def conditions(*, on_absence: bool = True) -> st.SearchStrategy[str]:
    """Texts of conditions; without `on_absence` none asks whether something is absent."""
    leaves = simple_conditions if on_absence else _comparisons
    parts = st.recursive(leaves, _joined, max_leaves=3)
    return st.recursive(parts | _tallies(parts), _joined, max_leaves=3)


def random_row(chance: Random) -> dict[str, Any]:
    """A row in which a third of all is absent."""
    return {
        name.name: _absent(name, chance) if chance.random() < 1 / 3 else _value(name, chance) for name in NAMES.values()
    }


def cases_of(rows: list[dict[str, Any]]) -> pl.DataFrame:
    """The rows as a frame of cases."""
    columns = {
        "org_code": pl.Series([f"{number:04}" for number in range(len(rows))], dtype=pl.String),
        "function": pl.Series(["whole"] * len(rows), dtype=pl.String),
    }
    for name in NAMES.values():
        held = [row[name.name] for row in rows]
        columns[name.name] = pl.Series(
            [None if isinstance(value, Absent) else value for value in held], dtype=dtype_of(name)
        )
        if name.absences:
            reasons = [value.why if isinstance(value, Absent) else None for value in held]
            columns[name.name + WHY_ABSENT] = pl.Series(reasons, dtype=ABSENCE)
    return pl.DataFrame(columns)


def _absent(name: Name, chance: Random) -> Absent:
    return Absent(chance.choice(ABSENCES) if name.absences else "nothing")


def _value(name: Name, chance: Random) -> Any:
    if name.type == "number":
        return math.nan if not name.absences and chance.random() < 0.1 else chance.choice(_NUMBERS)
    choices: dict[str, Any] = {"flag": (True, False), "text": ("North", "South", "West"), "date": _DAYS}
    return chance.choice(name.levels or choices[name.type])
