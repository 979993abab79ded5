"""Rules on what organisations with the same value hold: functional dependencies, and what most of them hold."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from random import Random

import polars as pl
import pytest

from crosscheck.cases.cases import Name
from crosscheck.rulebook.evaluate import evaluate, give_verdicts
from crosscheck.rulebook.expression import parse
from crosscheck.rulebook.rule import AppliesTo, Rule, Rulebook
from crosscheck.rulebook.to_english import to_english
from crosscheck.vocabulary import ABSENCE, WHY_ABSENT

COLUMNS = (
    "provider", "name", "address", "city", "state", "zip", "county", "phone", "type", "owner", "emergency", "condition",
    "code", "measure", "score", "sample", "stateavg",
)  # fmt: skip
NAMES = {f"h.{column}": Name(f"h.{column}", "text", column, absences=True) for column in COLUMNS}

# The denial constraints of Chu, Ilyas and Papotti (2013) on the hospitals of the United States, as they are published
# with HoloClean: no two rows have the same values before the arrow and different ones after it.
CONSTRAINTS = {
    "condition, measure -> type", "name -> zip", "name -> phone", "code -> measure", "code -> stateavg",
    "provider -> name", "code -> condition", "name -> address", "name -> owner", "name -> provider",
    "name, phone, owner -> state", "city -> county", "zip -> emergency", "name -> city", "measure -> code",
}  # fmt: skip


def rule(number: int, text: str) -> Rule:
    return Rule(
        f"R{number}", "The same goes with the same", "implausible_value", AppliesTo(), "", None, text,
        parse(text, NAMES), "low", "context", "none", "none", "It differs.", (), ("a slip",), ("ask",), "all", (), (),
        "", (), date(2026, 11, 22), (), Path(),
    )  # fmt: skip


def rulebook(*texts: str) -> Rulebook:
    return Rulebook({f"R{number}": rule(number, text) for number, text in enumerate(texts)}, "")


def dependency(constraint: str) -> str:
    """The constraint as a plain rule, of all others with the same values."""
    before, after = constraint.split(" -> ")
    same = f"same({', '.join(f'h.{column}' for column in before.split(', '))})"
    return f"all({same}.h.{after} == h.{after})"


def cases_of(rows: list[dict[str, str | None]], **why: str) -> pl.DataFrame:
    """Cases with these answers; what is not given was not answered, or is absent for the reason given by column."""
    held = {name: [row.get(name.removeprefix("h.")) for row in rows] for name in NAMES}
    absent = {
        name + WHY_ABSENT: pl.Series(
            [None if value is not None else why.get(name.removeprefix("h."), "no_answer") for value in values],
            dtype=ABSENCE,
        )
        for name, values in held.items()
    }
    return pl.DataFrame(
        {
            "org_code": [f"{row:04}" for row in range(len(rows))],
            "function": ["whole"] * len(rows),
            "organisation.org_type": ["acute"] * len(rows),
            "declared.status": ["compliant"] * len(rows),
        }
        | {name: pl.Series(values, dtype=pl.String) for name, values in held.items()}
        | absent
    )


def random_hospitals(number: int = 300) -> list[dict[str, str | None]]:
    """Rows that keep every dependency, in which of each column four cells are misspelt and three left out."""
    chance = Random(4)
    of_hospital = ("provider", "name", "address", "city", "zip", "county", "phone", "owner", "emergency")
    rows: list[dict[str, str | None]] = []
    for _ in range(number):
        hospital, measure = chance.randrange(40), chance.randrange(12)
        row = {column: f"{column} {hospital}" for column in of_hospital}
        row |= {column: f"{column} {measure}" for column in ("condition", "code", "measure", "stateavg")}
        rows.append({**row, "state": "al", "type": "acute care", "score": "90%", "sample": "10 patients"})
    for column in COLUMNS:
        for at, row in enumerate(chance.sample(rows, 7)):
            row[column] = f"{row[column]}x" if at < 4 else None
    return rows


def broken_by(rows: list[dict[str, str | None]], constraint: str) -> set[int]:
    """The rows of which some other has the same values before the arrow and another after it, pair by pair."""
    before, after = constraint.split(" -> ")
    keys = before.split(", ")
    return {
        at
        for at, row in enumerate(rows)
        for other in rows
        if all(row[key] is not None and row[key] == other[key] for key in keys)
        and row[after] is not None
        and other[after] is not None
        and row[after] != other[after]
    }


@pytest.mark.parametrize("constraint", sorted(CONSTRAINTS))
def test_each_published_constraint_on_hospitals_is_one_plain_rule_that_finds_the_same_rows(constraint: str) -> None:
    rows = random_hospitals()
    verdicts = give_verdicts(cases_of(rows), rulebook(dependency(constraint)))["R0"]
    found = set(verdicts.eq("differs").arg_true().to_list())
    assert found == broken_by(rows, constraint)
    assert found


def test_the_majority_names_the_odd_one_and_not_those_that_it_differs_from() -> None:
    rows: list[dict[str, str | None]] = [{"zip": "35233", "city": "birmingham"}] * 4
    rows.append({"zip": "35233", "city": "birmingxam"})
    verdicts = give_verdicts(
        cases_of(rows),
        rulebook(
            dependency("zip -> city"), "count(same(h.zip).h.city == h.city) >= count(same(h.zip).h.city != h.city)"
        ),
    )
    assert verdicts["R0"].to_list() == ["differs"] * 5
    assert verdicts["R1"].to_list() == ["agrees"] * 4 + ["differs"]


def test_a_value_that_nobody_shares_leaves_nothing_to_compare() -> None:
    verdicts = give_verdicts(
        cases_of([{"zip": "1", "city": "a"}, {"zip": "2", "city": "b"}]), rulebook(dependency("zip -> city"))
    )
    assert verdicts["R0"].to_list() == ["not_applicable"] * 2


def test_without_its_own_value_nobody_knows_whom_it_is_compared_with_and_that_value_would_tell() -> None:
    cases = cases_of([{"city": "a"}, {"zip": "2", "city": "b"}, {"zip": "2", "city": "b"}])
    findings = evaluate(cases, rulebook(dependency("zip -> city")))
    assert findings["verdict"].to_list() == ["cannot_tell", "agrees", "agrees"]
    assert findings["open_questions"].to_list() == [["h.zip"], None, None]
    assert "not known who they are" in findings["evidence"][0]


def test_a_value_that_does_not_apply_is_shared_with_nobody() -> None:
    cases = cases_of([{"city": "a"}, {"zip": "2", "city": "b"}], zip="not_applicable")
    assert give_verdicts(cases, rulebook(dependency("zip -> city")))["R0"].to_list() == ["not_applicable"] * 2


def test_an_absent_value_of_another_leaves_open_only_what_it_could_change() -> None:
    rows: list[dict[str, str | None]] = [
        {"zip": "1", "city": "a"},
        {"zip": "1"},
        {"zip": "1", "city": "a"},
        {"zip": "1", "city": "b"},
    ]
    assert give_verdicts(cases_of(rows[:3]), rulebook(dependency("zip -> city")))["R0"][0] == "cannot_tell"
    assert give_verdicts(cases_of(rows), rulebook(dependency("zip -> city")))["R0"][0] == "differs"


def test_the_evidence_names_the_others_and_what_they_hold() -> None:
    cases = cases_of([{"zip": "1", "city": "a"}, {"zip": "1", "city": "b"}])
    evidence = evaluate(cases, rulebook(dependency("zip -> city")))["evidence"]
    assert evidence[0] == "h.zip = 1; h.city = a; same(h.zip) 0001: h.city = b"


def test_made_up_cases_are_nobody_beside_each_other() -> None:
    cases = cases_of([{"zip": "1", "city": "a"}, {"zip": "1", "city": "b"}])
    verdicts = give_verdicts(cases, rulebook(dependency("zip -> city")), of_one_collection=False)
    assert verdicts["R0"].to_list() == ["cannot_tell"] * 2


def test_a_dependency_and_a_majority_read_as_plain_english() -> None:
    assert str(to_english(parse(dependency("zip -> city"), NAMES))) == (
        "for each other organisation with the same zip (h), the other's city (h) is the same as city (h)"
    )
    majority = "count(same(h.zip).h.city == h.city) > count(same(h.zip).h.city != h.city)"
    assert str(to_english(parse(majority, NAMES))) == (
        "the first of these two numbers is above the second: "
        "the number of the other organisations with the same zip (h) where the other's city (h) is the same as city (h)"
        "; the number of the other organisations with the same zip (h) where the other's city (h) is not the same as "
        "city (h)"
    )
