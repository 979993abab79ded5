"""The text of a new version: what was learnt stands in it, all else where it stood; hashes know a visit again."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from datetime import date
from typing import Any

import polars as pl

from crosscheck import settings
from crosscheck.risk.checks import CHECK_WEIGHTS
from crosscheck.risk.revision import Revision, format_changes, hash_evidence, hash_visits, leave_out, write_version
from tests.risk.invented import MODEL, one_item, visits

STATED = settings.model_file("C2", "visit_risk", "v3").read_text(encoding="utf-8")
CHANGES = pl.DataFrame(
    [
        ("prior", "found_share", 0.13, 0.05, 0.2, 0.04),
        ("prior", "visits", 10.0, 0.0, 50.0, 0.0),
        ("link", "quality", 0.7, 0.1, 0.5, 0.05),
        ("questions", "training.level1_pct", 0.2, 0.1, 0.25, 0.15),
        ("questions", "audit.last", 0.2, 0.1, 0.125, 0.2),
        ("named_figures", "survey.trained", 0.3, 0.1, 0.35, 0.1),
    ],
    schema=["section", "name", "before", "before_sd", "after", "after_sd"],
    orient="row",
)
CHECKS = pl.DataFrame(
    [("C-2", 3.5, 4.12345, 0.6789, 0.1, 3.0, 3, 2, ""), ("C-1", 3.5, 0.0, 0.001, 0.1, 0.0, 0, 0, "")],
    schema=CHECK_WEIGHTS,
    orient="row",
)
REVISION = Revision(CHANGES, CHECKS, ("aa", "bb"), "2009-07-27", "cc")
WRITTEN = write_version(STATED, REVISION, "v9")
LEARNT = ("version", "made_on", "made_by", "fitted_to", "visits_learnt_from", "evidence_learnt_from")


def read(text: str) -> dict[str, Any]:
    return tomllib.loads(text)


def test_a_version_says_at_its_top_what_it_is_and_what_it_was_learnt_from() -> None:
    told = read(WRITTEN)
    assert {name: told[name] for name in LEARNT} == {
        "version": "v9",
        "made_on": date(2009, 7, 27),
        "made_by": "crosscheck learn",
        "fitted_to": "2 visits, the last on 2009-07-27, around the former version",
        "visits_learnt_from": ["aa", "bb"],
        "evidence_learnt_from": "cc",
    }


def test_what_was_learnt_stands_in_its_place_and_all_else_is_as_it_was() -> None:
    before, told = read(STATED), read(WRITTEN)
    assert (told["prior"].pop("found_share"), told["prior"].pop("visits")) == (0.2, 50.0)
    assert (told["link"].pop("quality"), told["link"].pop("sd")) == (0.5, 0.05)
    assert told.pop("questions") == {
        "audit.last": {"loading": 0.125, "sd": 0.2, "reason": "learnt"},
        "training.level1_pct": {"loading": 0.25, "sd": 0.15, "reason": "learnt"},
    }
    assert told.pop("named_figures") == {"survey.trained": {"loading": 0.35, "sd": 0.1, "reason": "learnt"}}
    assert told.pop("named_checks") == {
        "C-1": {"decibans": 0.0, "sd": 0.05, "reason": "learnt from what visits found"},
        "C-2": {"decibans": 4.123, "sd": 0.679,
                "reason": "learnt; 2 of 3 visits that found it absent did not uphold"},
    }  # fmt: skip
    for section, names in (("prior", ("found_share", "visits")), ("link", ("quality", "sd"))):
        for name in names:
            del before[section][name]
    for name in ("questions", "named_figures", "named_checks"):
        before.pop(name, None)
    assert {name: part for name, part in told.items() if name not in LEARNT} == {
        name: part for name, part in before.items() if name not in LEARNT
    }


def test_where_no_number_was_learnt_the_stated_one_stays() -> None:
    none = replace(REVISION, changes=CHANGES.clear(), checks=CHECKS.clear())
    told, before = read(write_version(STATED, none, "v9")), read(STATED)
    assert (told["prior"], told["link"]) == (before["prior"], before["link"])
    assert (told["questions"], told["named_figures"], told["named_checks"]) == ({}, {}, {})


def test_the_comparison_stands_above_it_in_columns_and_leaves_out_single_questions() -> None:
    assert WRITTEN.splitlines()[:5] == [
        "# Learnt from 2 visits, the last on 2009-07-27. 90% intervals in brackets.",
        "# prior.found_share    0.130 ( 0.048 to  0.212)  ->    0.200 ( 0.134 to  0.266)",
        "# prior.visits        10.000 (10.000 to 10.000)  ->   50.000 (50.000 to 50.000)",
        "# link.quality         0.700 ( 0.535 to  0.864)  ->    0.500 ( 0.418 to  0.582)",
        "",
    ]
    assert format_changes(REVISION) == WRITTEN.splitlines()[:4]
    assert len(format_changes(replace(REVISION, changes=CHANGES.clear()))) == 1


def test_a_second_revision_changes_what_the_first_has_written_and_nothing_is_there_twice() -> None:
    again = write_version(WRITTEN, replace(REVISION, visits=("aa", "bb", "dd"), evidence="ee"), "v10")
    told, first = read(again), read(WRITTEN)
    assert told["visits_learnt_from"] == ["aa", "bb", "dd"]
    assert told["evidence_learnt_from"] == "ee"
    assert again.count("# Learnt from") == again.count("[named_checks]") == again.count("[questions]") == 1
    same = [name for name in first if name not in LEARNT]
    assert {name: told[name] for name in same} == {name: first[name] for name in same}


def test_a_visit_is_known_again_by_whom_when_how_and_what_and_by_nothing_else() -> None:
    visit = visits(("R1", "2008/09", "random", "upheld")).with_columns(visited_on=pl.lit(date(2009, 7, 1)))
    known = hash_visits(visit).item()
    assert len(known) == 16
    for change in (
        {"org_code": pl.lit("R2")}, {"function": pl.lit("provider")}, {"year": pl.lit("2007/08")},
        {"visited_on": pl.lit(date(2009, 7, 2))}, {"selected_by": pl.lit("risk")}, {"finding": pl.lit("qualified")},
    ):  # fmt: skip
        assert hash_visits(visit.with_columns(**change)).item() != known
    for change in ({"assessor": pl.lit("A1")}, {"standard": pl.lit("C2")}, {"inclusion_probability": pl.lit(0.5)}):
        assert hash_visits(visit.with_columns(**change)).item() == known


def test_evidence_is_known_again_by_its_items_and_not_by_what_visits_found_or_by_the_order() -> None:
    items = pl.concat([one_item("a.one", ["R1", "R2"], [0.5, -0.25]), one_item("figure.one", ["R1"], [1.0])])
    visited = one_item("visit.former", ["R1"], [2.0])
    known = hash_evidence(items)
    assert hash_evidence(pl.concat([visited, items.reverse()])) == known
    assert hash_evidence(items.with_columns(z=pl.col("z") + 1e-9)) == known
    assert hash_evidence(items.with_columns(z=pl.col("z") + 1e-3)) != known
    assert hash_evidence(items.head(2)) != known


def test_a_version_that_was_learnt_from_nothing_leaves_no_visit_out() -> None:
    given = visits(("R1", "2008/09", "random", "upheld"), ("R2", "2008/09", "random", "upheld")).with_columns(
        visited_on=pl.lit(date(2009, 7, 1))
    )
    assert leave_out(given, MODEL).equals(given)
    one = MODEL.model_copy(update={"visits_learnt_from": (hash_visits(given)[0],)})
    assert leave_out(given, one)["org_code"].to_list() == ["R2"]
    assert leave_out(given.clear(), one).is_empty()
